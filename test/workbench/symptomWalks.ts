/** The rows of the symptom table of Caracal's debugging guide, each walked on several causes. */

export interface Walk {
  /** Id of the symptom that is picked. */
  readonly symptom: string;
  /** Id of what is broken in the lab. */
  readonly fault: string;
  /** Id of the cause that must be named. */
  readonly cause: string;
  /** What a person who sees it has to paste, instead of picking the symptom by its title. */
  readonly pasted?: string;
  /** The place that is picked where the text may come from several. */
  readonly place?: string;
}

/** Those on the same fault follow each other: they share its lab. */
export const walks: readonly Walk[] = [
  { symptom: 'api-refuses', fault: 'redis-stopped', cause: 'redis-stopped' },
  { symptom: 'gateway-refuses', fault: 'redis-stopped', cause: 'redis-stopped', pasted: '401 invalid_token: token replay detected', place: 'The Gateway could not ask Redis and failed closed' },

  { symptom: 'api-refuses', fault: 'admin-token-revoked', cause: 'admin-token-revoked', pasted: 'HTTP/1.1 401 Unauthorized content-type: application/json {"error":"invalid_admin_token"}', place: 'The admin token was revoked' },
  { symptom: 'api-refuses', fault: 'admin-token-unknown', cause: 'admin-token-unknown' },
  { symptom: 'api-refuses', fault: 'admin-token-other-zone', cause: 'admin-token-other-zone', pasted: 'AdminApiError: admin_token_zone_mismatch (HTTP 403)' },

  { symptom: 'sts-exchange', fault: 'policy-none-active', cause: 'policy-none-active', pasted: 'CaracalError: policy denied (no_active_policy_set)' },
  { symptom: 'sts-exchange', fault: 'kek-differs', cause: 'kek-differs' },
  { symptom: 'sts-exchange', fault: 'policy-not-compiling', cause: 'policy-not-compiling' },
  { symptom: 'sts-exchange', fault: 'postgres-stopped', cause: 'postgres-stopped', pasted: '{"error":"access_denied","error_description":"invalid client credentials"}', place: 'The STS could not ask Postgres and failed closed' },

  { symptom: 'gateway-refuses', fault: 'sts-down', cause: 'sts-down', pasted: '401 {"error":"invalid_token","error_description":"bearer signature invalid"}', place: 'The Gateway could not get the keys of the zone from the STS' },
  { symptom: 'gateway-refuses', fault: 'gateway-snapshot-stale', cause: 'gateway-snapshot-stale', pasted: '503 {"error":"sts_unavailable","error_description":"revocation state unavailable"}' },
  { symptom: 'gateway-refuses', fault: 'gateway-streams-key-differs', cause: 'gateway-streams-key' },

  { symptom: 'session-views', fault: 'coordinator-outbox-dead', cause: 'coordinator-outbox-dead' },
  { symptom: 'session-views', fault: 'relay-dead', cause: 'coordinator-down', pasted: 'web: 502 upstream_unreachable' },
  { symptom: 'session-views', fault: 'session-sweeper-stuck', cause: 'session-sweeper-stuck' },
  { symptom: 'session-views', fault: 'rls-disabled', cause: 'row-level-security', pasted: 'GET http://localhost:4000/zones/z/agents 200 {"items":[],"next_cursor":null}', place: 'Row-level security hides the rows' },

  { symptom: 'audit-missing', fault: 'audit-consumer-dead', cause: 'audit-down', pasted: '{"error":"request_not_found"}', place: 'The event is on its way, or waits' },
  { symptom: 'audit-missing', fault: 'audit-group-missing', cause: 'audit-ingestor-missing', pasted: 'audit         9090  ready   ✗ down  503 consumer_unhealthy', place: 'The consumer group audit-ingestor is gone' },
  { symptom: 'audit-missing', fault: 'producer-audit-key-differs', cause: 'audit-key-differs', pasted: '{"id":"1-0","source_id":"2-0","reason":"hmac_verify_failed","replayable":false}' },
  { symptom: 'audit-missing', fault: 'replay-backlog', cause: 'replay-backlog' },
];

/** One for each row of the guide, on one lab. */
export const sample: readonly Walk[] = ['api-refuses', 'sts-exchange', 'gateway-refuses', 'session-views', 'audit-missing'].map((symptom): Walk => ({ symptom, fault: 'redis-stopped', cause: 'redis-stopped' }));

/** How a walk went. */
export interface Walked extends Walk {
  /** Titles of the causes that were opened, in their order. */
  readonly named: readonly string[];
  readonly isRight: boolean;
  /** From the last key to the cause that was opened, milliseconds; null where none was. */
  readonly tookMs: number | null;
}
