/** What a symptom may need to be told: which call it was, of which zone, and when. */
export const details = ['request', 'zone', 'time'] as const;
export type Detail = (typeof details)[number];

/** What a person sees of a broken deployment, and which checks tell its possible reasons apart. */
export interface Symptom {
  /** Stable, for the session's memory. */
  readonly id: string;
  readonly title: string;
  /** What it typically says, in Caracal's own words. */
  readonly words: string;
  /**
   * Ids of checks, in the order in which they are looked at: the first one of them that is red is
   * where to begin. Stores come before the services that follow them, because a service reports its
   * first failing test and not the cause; then what the symptom's own path crosses, outermost first;
   * and a cause before what it brings about. Empty for every check that the target has.
   */
  readonly checks: readonly string[];
  /** What its checks, or the trace of its call, can use. */
  readonly asks: readonly Detail[];
  /** Where Caracal says which areas to look at, and how to tell them apart. */
  readonly source: string;
}

/** Row of the symptom table in Caracal's debugging guide, which the documentation of 1.0 no longer has. */
const guide = (line: number): string => `docs/src/content/docs/operations/debugging.mdx:${line} (0.2)`;

/** What every service needs of both stores: each loss of it looks like a fault of the service. */
const postgres = ['CRC-STO-001', 'CRC-STO-002', 'CRC-STO-019'];
const redis = ['CRC-STO-020', 'CRC-STO-021', 'CRC-STO-027', 'CRC-STO-031'];

/** The five rows of the guide's symptom table, and the three that it leaves to its flow. */
export const symptoms: readonly Symptom[] = [
  {
    id: 'api-refuses',
    title: 'API answers 401 or 403',
    words: 'invalid_admin_token, admin_token_read_only, admin_token_zone_mismatch, zone_forbidden, access_denied',
    source: `${guide(36)}; apps/api/src/auth.ts:490`,
    asks: ['zone'],
    checks: [
      // Is it the API at all, and can it look tokens up? Without Redis it answers no authenticated call.
      'CRC-RDY-001', ...postgres, ...redis, 'CRC-RDY-002', 'CRC-RDY-004', 'CRC-RDY-003',
      // The admin token in hand: known, not revoked, of the right scope.
      'CRC-AUD-001', 'CRC-AUD-004',
      // The Control API verifies its tokens by the keys of the STS, and by time.
      'CRC-RDY-011', 'CRC-RDY-013', 'CRC-SVC-015', 'CRC-RDY-091',
      // Workload credentials are read from the secret backend.
      'CRC-SVC-002',
      // An answer with the token in hand.
      'CRC-AUD-002',
    ],
  },
  {
    id: 'sts-exchange',
    title: 'STS exchange fails',
    words: 'access_denied, policy denied, policy_eval_failed, provider_rate_limited, interaction_required, zone_invalid',
    source: `${guide(37)}; services/sts/internal/exchange.go:93`,
    asks: ['request', 'zone', 'time'],
    checks: [
      // A missing store reads as a wrong secret, a rate limit or a denial here.
      'CRC-RDY-011', ...postgres, ...redis, 'CRC-RDY-012', 'CRC-RDY-014', 'CRC-SVC-018', 'CRC-RDY-013',
      // Gateway and STS sign by time, and the tables must be there and readable.
      'CRC-RDY-091', 'CRC-STO-004', 'CRC-STO-006', 'CRC-STO-007', 'CRC-STO-008', 'CRC-STO-009',
      // What is registered in the zone: applications and their secrets, grants, resources.
      'CRC-SVC-062',
      // Is a policy active, on its way, compiled, loaded and evaluated?
      'CRC-SVC-012', 'CRC-STR-090', 'CRC-STR-020', 'CRC-STR-021', 'CRC-STR-022', 'CRC-STR-025', 'CRC-SVC-011', 'CRC-SVC-013', 'CRC-SVC-014',
      // After the decision: keys to sign with, and the provider's credential.
      'CRC-STR-040', 'CRC-STR-041', 'CRC-SVC-015', 'CRC-SVC-016', 'CRC-SVC-060', 'CRC-SVC-061', 'CRC-SVC-017',
    ],
  },
  {
    id: 'gateway-refuses',
    title: 'Gateway fails before the upstream',
    words: 'invalid_token, token replay, session revoked, sts_unavailable, upstream not addressable',
    source: `${guide(38)}; services/gateway/internal/proxy.go:120`,
    asks: ['request', 'zone', 'time'],
    checks: [
      // Without Redis each call reads as a replay; without the STS each signature reads as forged.
      'CRC-RDY-021', ...redis, ...postgres, 'CRC-RDY-022', 'CRC-RDY-024', 'CRC-RDY-011', 'CRC-SVC-021', 'CRC-RDY-013',
      // Revocations that it cannot load refuse everything.
      'CRC-STO-007', 'CRC-SVC-022', 'CRC-SVC-024', 'CRC-RDY-023', 'CRC-STR-030', 'CRC-STR-032', 'CRC-STR-035', 'CRC-STR-036', 'CRC-SVC-023', 'CRC-STR-038',
      // The mandate: time and keys.
      'CRC-RDY-091', 'CRC-SVC-015',
      // Behind the decision: where the upstream is, and room to go there.
      'CRC-SVC-028', 'CRC-SVC-061', 'CRC-SVC-027', 'CRC-SVC-026',
    ],
  },
  {
    id: 'session-views',
    title: 'Session or delegation views fail',
    words: 'coordinator_not_configured, upstream_unreachable, operator_token_required, empty lists',
    source: `${guide(39)}; apps/coordinator/src/auth.ts:231`,
    asks: ['zone'],
    checks: [
      // The views are drawn by web, from the Coordinator.
      'CRC-RDY-051', 'CRC-RDY-041', ...postgres, ...redis, 'CRC-RDY-042', 'CRC-RDY-044', 'CRC-RDY-052',
      // Dead rows of its outbox keep it not ready after an outage of Redis.
      'CRC-STR-091', 'CRC-RDY-043', 'CRC-RDY-053',
      // The operator token, and rows that row-level security hides.
      'CRC-SVC-040', 'CRC-STO-044', 'CRC-STO-009',
      // Late or lost lifecycle messages show old states.
      'CRC-STR-050', 'CRC-STR-051', 'CRC-STR-052', 'CRC-STR-053', 'CRC-STR-055',
      // Jobs that end sessions, leases, invocations and delegations.
      'CRC-SVC-041', 'CRC-SVC-042', 'CRC-SVC-044', 'CRC-SVC-045', 'CRC-SVC-043',
    ],
  },
  {
    id: 'audit-missing',
    title: 'Audit event is missing',
    words: 'request_not_found, empty audit list, consumer_unhealthy, hmac_verify_failed, audit_evidence_lost',
    source: `${guide(40)}; services/audit/internal/consumer.go:275`,
    asks: ['request', 'zone', 'time'],
    checks: [
      // What Audit reads from and writes to, and who keeps it from writing.
      ...redis, ...postgres, 'CRC-STO-017', 'CRC-RDY-031',
      // The stream: its reader, what was trimmed, what waits, what was given up, and why.
      'CRC-STR-001', 'CRC-STR-002', 'CRC-RDY-033', 'CRC-STR-005', 'CRC-STR-004', 'CRC-SVC-032', 'CRC-STR-010', 'CRC-STR-012', 'CRC-SVC-033',
      // The producers: not there, evidence lost for good, kept on disk until a restart, still queued.
      'CRC-RDY-021', 'CRC-RDY-011', 'CRC-SVC-018', 'CRC-SVC-024', 'CRC-SVC-019', 'CRC-SVC-025', 'CRC-SVC-026', 'CRC-STR-090',
      // The ledger: a partition to write to, gaps, refused events, age.
      'CRC-STO-013', 'CRC-STO-014', 'CRC-AUD-005', 'CRC-AUD-008', 'CRC-AUD-011', 'CRC-AUD-003',
      // The list, which the API gives.
      'CRC-RDY-001', 'CRC-RDY-002', 'CRC-RDY-004', 'CRC-RDY-003', 'CRC-AUD-002',
    ],
  },
  {
    id: 'not-ready',
    title: 'A service is not ready',
    words: 'postgres_unreachable, redis_unreachable, internal_error, outbox_dead, revocation_snapshot_stale, timeout',
    source: 'infra/docker/runtime-compose.yml, healthcheck; apps/api/src/app.ts:597, services/sts/internal/server.go:558',
    asks: [],
    checks: [
      // Each service reports its first failing test: look at what they share first.
      ...postgres, ...redis, 'CRC-STO-015', 'CRC-STO-004', 'CRC-STO-006', 'CRC-STO-007', 'CRC-STO-008',
      // Is each of them there, and itself?
      'CRC-RDY-001', 'CRC-RDY-011', 'CRC-RDY-021', 'CRC-RDY-031', 'CRC-RDY-041', 'CRC-RDY-051',
      'CRC-RDY-002', 'CRC-RDY-012', 'CRC-RDY-022', 'CRC-RDY-032', 'CRC-RDY-042', 'CRC-RDY-052',
      'CRC-RDY-004', 'CRC-RDY-014', 'CRC-RDY-024', 'CRC-RDY-034', 'CRC-RDY-044', 'CRC-RDY-054',
      // Reasons that stay after their cause is gone: dead rows, lost evidence, a missing group.
      'CRC-STR-090', 'CRC-STR-091', 'CRC-SVC-018', 'CRC-SVC-024', 'CRC-STR-001', 'CRC-STR-002', 'CRC-SVC-022',
      // What the services say themselves: the Gateway follows the STS.
      'CRC-RDY-013', 'CRC-RDY-023', 'CRC-RDY-003', 'CRC-RDY-033', 'CRC-RDY-043', 'CRC-RDY-053', 'CRC-RDY-090',
    ],
  },
  {
    id: 'slow',
    title: 'It is slow',
    words: 'timeouts, 504, 429, late revocation, late audit events, growing backlog',
    source: 'packages/engine/src/doctor.ts:176; infra/helm/caracal/templates/prometheusrule.yaml',
    asks: [],
    checks: [
      // Postgres: there, room for connections, nobody in the way.
      ...postgres, 'CRC-STO-015', 'CRC-STO-016', 'CRC-STO-017', 'CRC-STO-018', 'CRC-STO-043', 'CRC-STO-040', 'CRC-STO-042',
      // Redis: there, room in memory, not busy with its own files.
      ...redis, 'CRC-STO-023', 'CRC-STO-030', 'CRC-STO-029', 'CRC-STO-028',
      // Services that answer late, or never.
      'CRC-RDY-011', 'CRC-RDY-021', 'CRC-RDY-001', 'CRC-RDY-041', 'CRC-RDY-031',
      'CRC-RDY-013', 'CRC-RDY-023', 'CRC-RDY-003', 'CRC-RDY-043', 'CRC-RDY-033',
      // Pools, queues and circuits on the way of a call.
      'CRC-SVC-027', 'CRC-SVC-021', 'CRC-SVC-028', 'CRC-SVC-061', 'CRC-SVC-014', 'CRC-SVC-026',
      // Backlogs of revocations, policies, sessions and evidence, then of the outboxes.
      'CRC-STR-030', 'CRC-STR-032', 'CRC-STR-035', 'CRC-STR-031', 'CRC-STR-033', 'CRC-STR-020', 'CRC-STR-021', 'CRC-STR-050', 'CRC-STR-051',
      'CRC-STR-001', 'CRC-STR-002', 'CRC-STR-004', 'CRC-AUD-003', 'CRC-STR-090', 'CRC-STR-091', 'CRC-STR-092',
    ],
  },
  {
    id: 'something',
    title: 'Something is wrong',
    words: 'anything else: every check runs',
    source: 'docs/src/content/docs/operations/debugging.mdx (0.2), the whole flow',
    asks: [],
    checks: [],
  },
];
