import type { ServiceName } from '../model/target.ts';

/** One test of `/ready`, in the order in which the service runs them. */
export interface ReadinessTest {
  /** What it looks at, in words. */
  readonly of: string;
  /** The reasons that it gives when it fails; none where nothing but an answer without a reason follows. */
  readonly reasons: readonly string[];
}

const test = (of: string, ...reasons: readonly string[]): ReadinessTest => ({ of, reasons });

const replay = test('replay folder', 'audit_replay_unavailable');
const evidence = test('lost evidence', 'audit_evidence_lost');
const limiter = test('its rate limit, kept in Redis', 'rate_limited', 'internal_error');
const draining = test('draining');

/**
 * What each service tests before it calls itself ready, first to last: the first failing test ends the
 * answer, and those after it are not told. The Coordinator asks Postgres and Redis at once, but tells
 * Redis last. Caracal apps/api/src/app.ts:597, services/sts/internal/server.go:558,
 * services/gateway/internal/server.go:224, services/audit/internal/server.go:185,
 * apps/coordinator/src/app.ts:168, apps/auth/src/server.ts:82.
 */
export const readinessTests: Readonly<Record<ServiceName, readonly ReadinessTest[]>> = {
  api: [
    limiter,
    draining,
    test('Postgres', 'postgres_unreachable'),
    test('Redis', 'redis_unreachable'),
    test('count of the outbox', 'outbox_unreachable'),
    test('dead events of the outbox', 'outbox_dead_messages'),
  ],
  sts: [
    test('Postgres', 'postgres_unreachable'),
    test('Redis', 'redis_unavailable', 'redis_unreachable'),
    evidence,
    replay,
    test('stream consumers', 'stream_consumers_not_ready'),
  ],
  gateway: [
    test('Redis', 'redis_unreachable'),
    test('age of the revocation snapshot', 'revocation_snapshot_stale'),
    evidence,
    replay,
    test('/health of the STS', 'sts_unavailable', 'sts_unreachable'),
  ],
  audit: [
    test('reader of the audit stream', 'consumer_unhealthy'),
    test('Postgres', 'postgres_unreachable'),
    test('Redis', 'redis_unreachable'),
    test('thresholds', 'audit_dlq_threshold', 'audit_lag_threshold', 'audit_pel_oldest_threshold'),
  ],
  coordinator: [
    limiter,
    draining,
    test('Postgres', 'postgres_unreachable'),
    test('dead events of the outbox', 'outbox_dead'),
    test('Redis', 'redis_unreachable'),
  ],
  web: [test('draining', 'draining'), test('sign-in database', 'unavailable')],
};

/** What a service would have tested after the test that gave `reason`; nothing for a reason that it does not have. */
export function notTold(service: ServiceName, reason: string): readonly string[] {
  const tests = readinessTests[service];
  const failed = tests.findIndex(({ reasons }) => reasons.includes(reason));
  return failed < 0 ? [] : tests.slice(failed + 1).flatMap(({ of, reasons }) => (reasons.length > 0 ? of : []));
}

/** The services whose `/ready` can give this reason. */
export function servicesWith(reason: string): readonly ServiceName[] {
  return (Object.keys(readinessTests) as ServiceName[]).filter((service) => readinessTests[service].some(({ reasons }) => reasons.includes(reason)));
}
