import { labKinds } from '../lab/kinds.ts';
import type { LabKindName } from '../lab/kinds.ts';

/** What a case is for. */
export const groups = ['singles', 'doubles', 'decoys', 'distracted', 'healthy'] as const;

/** One run of the flow that is recorded: what happens to a fresh lab before it. */
export interface Case {
  /** `endpoints/redis-stopped`, `compose/sts-stopped+coordinator-older-image`, `kubernetes/healthy 3`. */
  readonly id: string;
  readonly group: (typeof groups)[number];
  readonly kind: LabKindName;
  readonly faults: readonly string[];
  readonly decoys: readonly string[];
}

type Pair = readonly [kind: LabKindName, first: string, second: string];

/** Two faults at once, neither of which brings the other about. The first one may hide part of the second. */
const doubles: readonly Pair[] = [
  ['endpoints', 'coordinator-outbox-dead', 'redis-stopped'],
  ['endpoints', 'sts-down', 'redis-stopped'],
  ['endpoints', 'redis-frozen', 'postgres-frozen'],
  ['endpoints', 'migration-pending', 'sts-down'],
  ['endpoints', 'policy-none-active', 'gateway-snapshot-stale'],
  ['endpoints', 'redis-eviction', 'kek-differs'],
  ['endpoints', 'session-sweeper-stuck', 'audit-group-missing'],
  ['endpoints', 'provider-down', 'policy-not-compiling'],
  ['endpoints', 'ledger-row-changed', 'web-database-away'],
  ['endpoints', 'rls-disabled', 'api-outbox-dead'],
  ['endpoints', 'relay-group-missing', 'transaction-left-open'],
  ['endpoints', 'gateway-group-missing', 'admin-token-revoked'],
  ['endpoints', 'grant-missing', 'redis-full'],
  ['endpoints', 'trigger-disabled', 'audit-consumer-dead'],
  ['endpoints', 'api-frozen', 'web-other-page'],
  ['endpoints', 'partition-of-now-missing', 'gateway-blackholed'],
  ['compose', 'coordinator-older-image', 'sts-stopped'],
  ['compose', 'secret-changed', 'redis-stopped'],
  ['compose', 'audit-secret-empty', 'web-removed'],
  ['compose', 'coordinator-unhealthy', 'gateway-port-taken'],
  ['kubernetes', 'api-image-pull', 'web-no-sign-in-method'],
  ['kubernetes', 'helm-failed', 'sts-oom-killed'],
  ['kubernetes', 'coordinator-scaled-to-zero', 'audit-evicted'],
  ['kubernetes', 'monitor-without-bearer', 'service-wrong-port'],
];

/** A fault while something beside it looks wrong and is not: a decoy, then the fault. */
const distracted: readonly Pair[] = [
  ['endpoints', 'old-dead-letters', 'redis-stopped'],
  ['endpoints', 'group-of-a-gateway-that-is-gone', 'gateway-streams-key-differs'],
  ['endpoints', 'circuit-gauge-sticks', 'policy-none-active'],
  ['endpoints', 'propagation-sticks', 'gateway-snapshot-stale'],
  ['endpoints', 'delegations-revoked', 'revocation-failed-in-sts'],
  ['endpoints', 'groups-that-nobody-reads', 'relay-dead'],
  ['endpoints', 'old-refused-signature', 'producer-audit-key-differs'],
  ['endpoints', 'retention-always-fails', 'session-sweeper-stuck'],
  ['endpoints', 'policy-same-content', 'policy-not-compiling'],
  ['endpoints', 'own-connection-revoked', 'provider-connection-expired'],
  ['endpoints', 'registered-application-expired', 'application-expired'],
  ['endpoints', 'audit-key-changed', 'ledger-row-changed'],
  ['endpoints', 'ledger-once-unsigned', 'ledger-row-deleted'],
  ['endpoints', 'event-late', 'rows-in-default-partition'],
  ['endpoints', 'webhooks-delivered', 'webhook-abandoned'],
  ['endpoints', 'redis-restarted', 'redis-nearly-full'],
  ['endpoints', 'trimmed-after-reading', 'audit-consumer-dead'],
  ['endpoints', 'dcr-shutdown', 'admin-row-deleted'],
  ['compose', 'one-shots-removed', 'sts-stopped'],
  ['compose', 'restarted-by-hand', 'api-paused'],
  ['compose', 'other-projects', 'postgres-paused'],
  ['compose', 'secrets-chmod', 'gateway-secret-missing'],
  ['kubernetes', 'evicted-pods-of-others', 'sts-crash-loop'],
  ['kubernetes', 'restart-long-ago', 'sts-oom-killed'],
  ['kubernetes', 'failed-revision-before', 'api-image-pull'],
  ['kubernetes', 'old-replica-sets', 'rollout-stuck'],
];

/** Healthy runs under load, by kind. */
export const healthyRuns: Readonly<Record<LabKindName, number>> = { endpoints: 60, compose: 20, kubernetes: 20 };

const kinds = Object.entries(labKinds) as [LabKindName, (typeof labKinds)[LabKindName]][];

export const cases: readonly Case[] = [
  ...kinds.flatMap(([kind, { faults }]) => faults.map(({ id }): Case => ({ id: `${kind}/${id}`, group: 'singles', kind, faults: [id], decoys: [] }))),
  ...doubles.map(([kind, first, second]): Case => ({ id: `${kind}/${first}+${second}`, group: 'doubles', kind, faults: [first, second], decoys: [] })),
  ...kinds.flatMap(([kind, { decoys }]) => decoys.map(({ id }): Case => ({ id: `${kind}/${id}`, group: 'decoys', kind, faults: [], decoys: [id] }))),
  ...distracted.map(([kind, decoy, fault]): Case => ({ id: `${kind}/${decoy}+${fault}`, group: 'distracted', kind, faults: [fault], decoys: [decoy] })),
  ...kinds.flatMap(([kind]) => Array.from({ length: healthyRuns[kind] }, (_, run): Case => ({ id: `${kind}/healthy ${run + 1}`, group: 'healthy', kind, faults: [], decoys: [] }))),
];
