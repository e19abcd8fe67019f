/** Stores and services whose failure several services report at once. */
export type Dependency = 'Postgres' | 'Redis' | 'sts';

export interface ReadinessReason {
  /** In plain words, and who is at fault where that is known. */
  readonly meaning: string;
  readonly dependency?: Dependency;
}

/**
 * Every reason that `/ready` of a Caracal service gives, under whichever key (`reason`, `error`,
 * `status`). The first failing test ends the answer, so a reason is where looking starts, not a
 * cause. Sources: Caracal apps/api/src/app.ts:597-640, apps/coordinator/src/app.ts:168-219,
 * services/sts/internal/server.go:558-606, services/gateway/internal/server.go:224-269,
 * services/audit/internal/server.go:177-214, apps/auth/src/server.ts:73-111.
 */
export const readinessReasons: Readonly<Record<string, ReadinessReason>> = {
  postgres_unreachable: { meaning: 'its query of Postgres failed or took too long', dependency: 'Postgres' },
  redis_unreachable: { meaning: 'its PING of Redis failed or took too long', dependency: 'Redis' },
  redis_unavailable: { meaning: 'it has no Redis client, because its Redis URL is not usable' },
  outbox_unreachable: {
    meaning: 'the count over event_outbox failed although Postgres answers: migrations, grants, a lock, or a very large table',
  },
  outbox_dead_messages: {
    meaning: 'events of its outbox were given up and stay so until an operator repairs the rows; a past outage of Redis is the usual origin',
  },
  outbox_dead: {
    meaning: 'events of its outbox were given up after 10 tries and stay so until they are requeued; one or two minutes without Redis are enough',
  },
  rate_limited: { meaning: 'readiness was asked too often from this address; the answer says nothing about the service' },
  internal_error: { meaning: 'an unhandled error; on api and coordinator mostly Redis, which their rate limiter asks first' },
  audit_evidence_lost: {
    meaning: 'audit events were lost, because the stream and the replay folder failed together; it stays so until the process is replaced',
  },
  audit_replay_unavailable: { meaning: 'its replay folder cannot be written: full, missing, read-only, or owned by another user' },
  stream_consumers_not_ready: { meaning: 'its consumer groups were never created since it started', dependency: 'Redis' },
  revocation_snapshot_stale: {
    meaning: 'it has not loaded the revocations from Postgres for over 70 s and refuses all traffic',
  },
  sts_unavailable: { meaning: 'it has no client for the STS, because its STS URL is not usable' },
  sts_unreachable: { meaning: '/health of the STS does not answer it', dependency: 'sts' },
  consumer_unhealthy: {
    meaning: 'its reader of the audit stream failed: Redis, or a missing consumer group. An idle stream keeps it so after Redis is back',
  },
  audit_dlq_threshold: { meaning: 'more dead letters than AUDIT_READY_DLQ_MAX allows' },
  audit_lag_threshold: { meaning: 'more pending events than AUDIT_READY_LAG_MAX allows' },
  audit_pel_oldest_threshold: { meaning: 'a pending event is older than AUDIT_READY_PEL_OLDEST_SECS_MAX allows' },
  unavailable: { meaning: 'its query of the sign-in database failed', dependency: 'Postgres' },
  draining: { meaning: 'it is shutting down' },
};
