/** Which messages of the logs speak for which check: what the services themselves say of what it looks at. */
import { serviceNames } from '../model/serviceNames.ts';
import type { ServiceName } from '../model/target.ts';
import { goServices } from './logSources.ts';

/** Ids of known messages, by the id of the check. */
type Speaking = Readonly<Record<string, readonly string[]>>;

const of = (source: string, ...texts: readonly string[]): readonly string[] => texts.map((text) => `${source}: ${text}`);
/** A check of each service, by ids in the order of `serviceNames`. */
const each = (ids: readonly string[], messages: (service: ServiceName) => readonly string[]): Speaking => Object.fromEntries(serviceNames.map((service, place) => [ids[place] ?? '', messages(service)]));

/** What a process says that cannot start, or that ends by itself. */
function starting(service: ServiceName): readonly string[] {
  if (goServices.includes(service)) return of(service, 'telemetry init failed', 'init failed', 'run failed');
  if (service === 'web') return of(service, 'Error: …');
  return of(service, 'startup failed: …', 'listen EADDRINUSE: address already in use …', 'uncaughtException', 'unhandledRejection', 'Error: …');
}

const goReady = ['ready: postgres unreachable', 'ready: pg unreachable', 'ready: redis unreachable', 'ready: redis unavailable'];
const goEvidence = ['ready: audit evidence lost', 'ready: audit replay unavailable'];
const auditReader = of('audit', 'ensure consumer group', 'drain PEL on startup', 'xreadgroup', 'xautoclaim', 'xpendingext');
const ready: Readonly<Record<ServiceName, readonly string[]>> = {
  api: of('api', 'ready_postgres_unreachable', 'ready_redis_unreachable', 'ready_outbox_unreachable', 'ready_outbox_dead_messages', 'unhandled route error'),
  sts: of('sts', ...goReady, ...goEvidence, 'ready: stream consumers not ready'),
  gateway: of('gateway', ...goReady, ...goEvidence, 'ready: revocation snapshot stale', 'ready: sts unavailable', 'ready: sts unreachable'),
  audit: [...of('audit', ...goReady), ...auditReader],
  coordinator: of('coordinator', 'ready_postgres_unreachable', 'ready_redis_unreachable', 'ready_outbox_dead', 'unhandled route error'),
  web: of('web', 'readiness check failed'),
};

const stsReaders = { policy: 'policy invalidation consumer read', revocation: 'revocation consumer read', key: 'key invalidation consumer read' } as const;
const groupOf = (reader: keyof typeof stsReaders): readonly string[] => of('sts', 'consumer group ensure failed; will retry', stsReaders[reader]);
const stsDead = of('sts', 'stream side effect', 'dead-letter stream message', 'track stream failure');
const forged = of('sts', 'dropping stream message with invalid origin signature');
const redisRefuses = (what: string): readonly string[] => ['api', 'coordinator'].map((service) => `${service}: [ioredis] Unhandled error event: {…}${what}…`);
const longStream = of('redis', 'warn: {…} length {…} exceeds intended bound {…}');
const migrating = of('migrator', 'migrate: database did not become reachable', 'migrate: PGPASSWORD_FILE, PGPASSWORD, or PGPASSFILE is required', 'migrate: rejecting unexpected filename: …');
const tampered = of('audit', 'tamper: content hash mismatch', 'tamper: chain break (prev hash mismatch)', 'tamper: chain HMAC mismatch');
const exporting = of('audit', 'export hour failed; will retry next tick', 'export: load watermark', 'save watermark');
const policyLoading = of('sts', 'opa seed: list bound zones', 'opa seed: load zone', 'opa pg poll: reload zone');
const replay = ['audit batch persisted to disk for later replay', 'audit replay file failed; will retry on next start', 'audit replay dir scan', 'audit replay file write', 'audit replay parse'];
const evidenceLost = 'audit events lost: stream and disk persistence both failed';

/** Contract deploy-logs-metrics 3.8. A check that nothing speaks for is not named. */
export const speakingMessages: Speaking = {
  ...each(['CRC-RDY-001', 'CRC-RDY-011', 'CRC-RDY-021', 'CRC-RDY-031', 'CRC-RDY-041', 'CRC-RDY-051'], starting),
  ...each(['CRC-SVC-110', 'CRC-SVC-111', 'CRC-SVC-112', 'CRC-SVC-113', 'CRC-SVC-114', 'CRC-SVC-115'], starting),
  ...each(['CRC-SVC-230', 'CRC-SVC-231', 'CRC-SVC-232', 'CRC-SVC-233', 'CRC-SVC-234', 'CRC-SVC-235'], starting),
  ...each(['CRC-RDY-003', 'CRC-RDY-013', 'CRC-RDY-023', 'CRC-RDY-033', 'CRC-RDY-043', 'CRC-RDY-053'], (service) => ready[service]),
  'CRC-RDY-032': auditReader,

  'CRC-STO-001': of('api', '{…}: idle database connection error: …'),
  'CRC-STO-002': of('postgres', 'password authentication failed for user …'),
  'CRC-STO-004': [...migrating, ...of('audit', 'audit_chain_rehash table missing; run migrations before rehash')],
  'CRC-STO-008': of('postgres', 'permission denied for …'),
  'CRC-STO-013': of('audit', 'retention: ensure partition'),
  'CRC-STO-015': of('postgres', 'sorry, too many clients already', 'remaining connection slots are reserved for {…}'),
  'CRC-STO-020': redisRefuses('ECONNREFUSED'),
  'CRC-STO-021': redisRefuses('WRONGPASS'),
  'CRC-STO-022': goServices.flatMap((service) => of(service, 'redis eviction policy may silently drop revocation and stream entries…')),

  'CRC-STR-001': longStream, 'CRC-STR-010': longStream, 'CRC-STR-020': longStream, 'CRC-STR-030': longStream, 'CRC-STR-040': longStream, 'CRC-STR-050': longStream, 'CRC-STR-060': longStream, 'CRC-STR-070': longStream,
  'CRC-STR-002': auditReader,
  'CRC-STR-004': of('audit', 'transient pg insert; will retry', 'xack failed'),
  'CRC-STR-012': of('audit', 'event sent to DLQ', 'dlq publish failed; leaving in PEL for retry'),
  'CRC-STR-021': groupOf('policy'), 'CRC-STR-022': groupOf('policy'),
  'CRC-STR-031': groupOf('revocation'), 'CRC-STR-033': groupOf('revocation'),
  'CRC-STR-041': groupOf('key'), 'CRC-STR-042': groupOf('key'),
  'CRC-STR-032': of('gateway', 'revocation consumer read failed', 'revocation claim pending failed'),
  'CRC-STR-035': of('gateway', 'revocation consumer read failed', 'revocation claim pending failed'),
  'CRC-STR-024': stsDead, 'CRC-STR-044': stsDead,
  'CRC-STR-037': [...stsDead, ...of('gateway', 'dead-letter revocation message failed', 'track revocation failure failed')],
  'CRC-STR-025': forged,
  'CRC-STR-038': [...forged, ...of('gateway', 'dropping revocation message with invalid origin signature')],
  'CRC-STR-051': of('coordinator', 'lifecycle_relay_failed'), 'CRC-STR-052': of('coordinator', 'lifecycle_relay_failed'),
  'CRC-STR-055': of('coordinator', 'dropping lifecycle event with invalid origin signature'),
  'CRC-STR-090': of('api', 'outbox event dispatch failed; will retry', 'outbox event abandoned after max attempts', 'outbox dispatcher tick failed'),
  'CRC-STR-091': of('coordinator', 'outbox_publish_failed', 'outbox_rows_dead', 'outbox_batch_publish_failed'),
  'CRC-STR-092': of('api', 'notification dispatcher failed'),

  'CRC-SVC-102': migrating,
  'CRC-SVC-203': migrating,
  'CRC-SVC-116': of('postgres', 'terminating connection due to administrator command'),
  'CRC-SVC-117': of('redis', 'redis did not become ready', 'redis password file is not readable'),
  'CRC-SVC-002': of('api', 'secret backend rejected…'),
  'CRC-SVC-004': of('api', 'sessions reaper failed'),
  'CRC-SVC-011': policyLoading,
  'CRC-SVC-013': policyLoading,
  'CRC-SVC-014': of('sts', 'policy evaluation failed'),
  'CRC-SVC-015': of('sts', 'jwks: skipped invalid signing key', 'signing key rotation failed', 'token issuance failed'),
  'CRC-SVC-017': of('sts', 'provider refresh result publish failed', 'provider refresh lease release failed', 'provider refresh lease renewal failed'),
  'CRC-SVC-018': of('sts', evidenceLost),
  'CRC-SVC-019': of('sts', ...replay),
  'CRC-SVC-021': of('gateway', 'sts circuit open', 'sts exchange failed'),
  'CRC-SVC-022': of('gateway', 'revocation snapshot reload failed', 'forced revocation snapshot reload failed', 'denied: revocation snapshot stale'),
  'CRC-SVC-023': of('gateway', 'dropping revocation message with invalid origin signature', 'track revocation failure failed'),
  'CRC-SVC-024': of('gateway', evidenceLost),
  'CRC-SVC-025': of('gateway', ...replay),
  'CRC-SVC-028': of('gateway', 'upstream request failed', 'upstream rejected by guard', 'build upstream request', 'upstream response copy incomplete'),
  'CRC-SVC-031': [...tampered, ...of('audit', 'tamper sweep query')],
  'CRC-SVC-032': of('audit', 'event sent to DLQ'),
  'CRC-SVC-033': of('audit', 'event sent to DLQ'),
  'CRC-SVC-034': of('audit', 'leader: lock attempt failed', 'leader: lease connection lost, stepping down'),
  'CRC-SVC-035': exporting,
  'CRC-SVC-041': of('coordinator', 'ttl_sweep_failed'),
  'CRC-SVC-042': of('coordinator', 'service_lease_sweep_failed'),
  'CRC-SVC-043': of('coordinator', 'retention_cleanup_failed'),
  'CRC-SVC-044': of('coordinator', 'deadline_sweep_failed'),
  'CRC-SVC-060': of('api', 'provider OAuth token exchange failed', 'provider connectivity check failed to reach the token endpoint'),
  'CRC-SVC-061': of('sts', 'provider connection expiry transition failed'),

  'CRC-AUD-003': [...auditReader, ...of('audit', 'transient pg insert; will retry')],
  'CRC-AUD-005': tampered, 'CRC-AUD-006': tampered, 'CRC-AUD-007': tampered,
  'CRC-AUD-009': of('api', 'failed to record admin audit event', 'admin audit record could not be persisted; refusing to report success'),
  'CRC-AUD-011': of('audit', 'retention: ensure partition', 'retention: drop partitions', 'retention: read configured window'),
  'CRC-AUD-012': exporting,
};
