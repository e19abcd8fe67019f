import { fails, isRed, logged, passes, warns } from '../definition.ts';
import type { CauseDefinition } from '../definition.ts';

const policy = { family: 'policy', component: 'sts' } as const;
const evidence = { family: 'evidence' } as const;
const jobs = { family: 'jobs' } as const;
const providers = { family: 'providers' } as const;
const tokens = { family: 'tokens', component: 'api' } as const;

const outages = ['redis-stopped', 'redis-silent', 'redis-loading', 'redis-memory-full', 'redis-replica', 'redis-disk-failing'];

/** What decides and signs. Caracal's contract: readiness 5.2, deploy 5.4. */
export const policyCauses: readonly CauseDefinition[] = [
  { ...policy, id: 'policy-none-active', title: 'No policy set of the zone is active', means: 'The STS denies every exchange in the zone with no_active_policy_set.', seenAt: [fails('SVC-012', 'no_active_policy_set')], source: 'readiness 5.2; request-evidence' },
  {
    ...policy, id: 'policy-hash-differs', title: 'The active policy is not the one that was stored', means: 'Its manifest or a policy in it is missing, or does not have its hash. The STS keeps what it has, and after a restart refuses every exchange in the zone.',
    seenAt: [fails('SVC-012')], unless: [fails('SVC-012', 'no_active_policy_set')], brings: [isRed('SVC-013'), isRed('SVC-011')], source: 'storage 5.2',
  },
  {
    ...policy, id: 'policy-not-compiling', title: 'The active policy does not compile', means: 'The STS keeps what it had for the zone, and after a restart refuses every exchange in it.',
    seenAt: [isRed('SVC-011')], brings: [isRed('SVC-013'), warns('SVC-090')], says: [logged('sts: opa pg poll: reload zone'), logged('sts: opa seed: load zone')], source: 'readiness 2.7',
  },
  { ...policy, id: 'policy-not-loaded', title: 'The STS has not loaded the active policy', means: 'It decides by what it had before.', seenAt: [isRed('SVC-013', 'not loaded')], unless: [isRed('SVC-012')], source: 'readiness 5.2' },
  { ...policy, id: 'policy-loading', title: 'The active policy is being loaded', means: 'It was activated a moment ago; the poll of the STS brings it. That passes by itself.', seenAt: [warns('SVC-013')], source: 'readiness 5.2' },
  {
    ...policy, id: 'api-sts-key-differs', component: 'api', title: 'The STS refuses signed calls of the API', means: 'Their GATEWAY_STS_HMAC_KEY differ, or their clocks by more than 60 s. Policies cannot be verified or made.',
    seenAt: [fails('SVC-013', 'refused')], against: [isRed('RDY-091')], source: 'deploy 5.4; readiness 5.2',
  },
  { ...policy, id: 'api-sts-network', component: 'api', title: 'The API cannot reach the STS', means: 'The STS answers here, and not where the STS_URL of the API leads. Policies cannot be verified or made.', seenAt: [fails('SVC-013', 'unreachable')], source: 'readiness 5.2' },
  {
    ...policy, id: 'kek-differs', title: 'The STS cannot open the signing keys', means: 'They were sealed under another SECRET_STORE_KEK than it has. It can neither sign mandates nor let anybody verify them.',
    seenAt: [isRed('SVC-015')], says: [logged('sts: jwks: skipped invalid signing key')], source: 'readiness 4.6; deploy 5.4',
  },
  { ...policy, id: 'policy-evaluation-failing', title: 'The policy breaks off', means: 'Requests get 503 policy_eval_failed.', seenAt: [isRed('SVC-014')], says: [logged('sts: policy evaluation failed')], source: 'readiness 4.6' },
];

/** What keeps the evidence. Caracal's contract: storage 9.5, deploy 0. */
export const evidenceCauses: readonly CauseDefinition[] = [
  ...(['sts', 'gateway'] as const).map((service): CauseDefinition => ({
    ...evidence, id: `${service}-evidence-lost`, component: service, title: `${service === 'sts' ? 'The STS' : 'The Gateway'} lost audit events`, means: 'The stream and the replay folder failed together. It stays not ready until the process is replaced, which must not be before its evidence is saved.',
    seenAt: [service === 'sts' ? isRed('SVC-018') : isRed('SVC-024'), fails(service === 'sts' ? 'RDY-013' : 'RDY-023', 'audit_evidence_lost')],
    brings: [warns('SVC-090'), isRed(service === 'sts' ? 'SVC-025' : 'SVC-019')], leadsTo: [`${service}-not-ready`], isMark: true, leftBy: outages,
    says: [logged(`${service}: audit events lost: stream and disk persistence both failed`)], source: 'readiness 2.3, audit_evidence_lost; deploy 0, row 9',
  })),
  {
    ...evidence, id: 'replay-backlog', component: 'sts', title: 'Audit events wait in replay files', means: 'The stream refused them at some time. They are sent only when the service starts again.',
    seenAt: [isRed('SVC-019'), isRed('SVC-025')], brings: [warns('SVC-090')], isMark: true, leftBy: outages, source: 'readiness 2.5; deploy 0, row 9',
  },
  {
    ...evidence, id: 'gateway-snapshot-stale', component: 'gateway', title: 'The Gateway cannot load revocations', means: 'It refuses all traffic, because it does not know any more what was revoked. Postgres answers here: its own role, password or network is wrong.',
    seenAt: [fails('RDY-023', 'revocation_snapshot_stale'), isRed('SVC-022')], brings: [warns('SVC-090')], leadsTo: ['gateway-not-ready'], against: [fails('STO-001')],
    says: [logged('gateway: revocation snapshot reload failed')], source: 'readiness 2.3, revocation_snapshot_stale',
  },
  { ...evidence, id: 'gateway-circuit-open', component: 'gateway', title: 'The Gateway does not ask the STS', means: 'Its circuit is open after failures of exchanges, and closes with the next call that succeeds.', seenAt: [isRed('SVC-021')], brings: [warns('SVC-090')], says: [logged('gateway: sts circuit open')], source: 'deploy 0, row 7' },
  { ...evidence, id: 'gateway-audit-queue', component: 'gateway', title: 'Audit events of the Gateway wait in memory', means: 'The stream takes them more slowly than they come; when the queue is full they go to files.', seenAt: [isRed('SVC-026')], source: 'storage 9.5' },
  {
    ...evidence, id: 'audit-key-differs', component: 'audit', title: 'Audit refuses events by their signature', means: 'A producer has another AUDIT_HMAC_KEY than Audit. Its events are kept as dead letters and are not in the ledger.',
    seenAt: [isRed('SVC-032')], brings: [isRed('STR-012'), warns('SVC-033'), warns('SVC-090')], says: [logged('audit: event sent to DLQ')], source: 'readiness 5.5, row 9; deploy 5.4',
  },
  { ...evidence, id: 'audit-dead-letters-grow', component: 'audit', title: 'Audit makes dead letters', means: 'It cannot store some of the events that it is given.', seenAt: [warns('SVC-033')], brings: [isRed('STR-012'), warns('SVC-090')], source: 'storage 9.2' },
  { ...evidence, id: 'audit-ingestion-slow', component: 'audit', title: 'Audit stores events late', means: 'Audit was away, blocked or behind, or the clock of a producer is.', seenAt: [isRed('AUD-003')], source: 'storage 9' },
  { ...evidence, id: 'audit-not-leading', component: 'audit', title: 'No replica of Audit leads its jobs', means: 'Another session holds the lock, so that retention, partitions or the export stand still.', seenAt: [isRed('SVC-034')], source: 'storage 2.7' },
];

/** Jobs that end what has come to its end. Caracal's contract: storage 2.7, 12. */
export const jobCauses: readonly CauseDefinition[] = [
  { ...jobs, id: 'session-sweeper-stuck', component: 'coordinator', title: 'Sessions are not ended', means: 'The job of the Coordinator that ends them does not run: somebody holds its lock, or it fails.', seenAt: [isRed('SVC-041')], says: [logged('coordinator: ttl_sweep_failed')], source: 'storage 2.7' },
  { ...jobs, id: 'lease-sweeper-stuck', component: 'coordinator', title: 'Service sessions without a heartbeat go on', means: 'The job of the Coordinator that suspends them does not run: somebody holds its lock, or it fails.', seenAt: [isRed('SVC-042')], says: [logged('coordinator: service_lease_sweep_failed')], source: 'storage 2.7' },
  { ...jobs, id: 'invocation-sweeper-stuck', component: 'coordinator', title: 'Invocations run on after their deadline', means: 'The job of the Coordinator that ends them does not run: somebody holds its lock, or it fails.', seenAt: [isRed('SVC-044')], says: [logged('coordinator: deadline_sweep_failed')], source: 'storage 2.7' },
  { ...jobs, id: 'authority-reaper-stuck', component: 'api', title: 'Authority records stay active after their end', means: 'The job of the API that ends them does not run: somebody holds its lock, or it fails.', seenAt: [isRed('SVC-004')], says: [logged('api: sessions reaper failed')], source: 'storage 2.7' },
  { ...jobs, id: 'retention-cleaner-failing', component: 'coordinator', title: 'The Coordinator does not clean up', means: 'Old sessions, receipts and events are not deleted.', seenAt: [isRed('SVC-043')], says: [logged('coordinator: retention_cleanup_failed')], source: 'storage 12, row 14' },
  { ...jobs, id: 'delegation-expiry-stuck', component: 'coordinator', title: 'Delegations stay active after their end', means: 'Exchanges compare the time and refuse them all the same.', seenAt: [isRed('SVC-045')], source: 'storage 12, row 14' },
];

/** What is registered in the zone, and who stands behind it. */
export const providerCauses: readonly CauseDefinition[] = [
  { ...providers, id: 'provider-away', component: 'providers', title: 'The token endpoint of a provider does not answer', means: 'Its circuit is open: calls that need its credential fail. That is the fault of the provider or of the way there.', seenAt: [isRed('SVC-061'), warns('SVC-017')], brings: [warns('SVC-017'), warns('SVC-090')], source: 'readiness 2.7; 5.2, row 10' },
  { ...providers, id: 'provider-connection-expired', component: 'providers', title: 'A connection to a provider has ended', means: 'Calls that need its credential are refused until somebody connects anew.', seenAt: [fails('SVC-060')], source: 'readiness 4.6' },
  { ...providers, id: 'provider-test-failed', component: 'providers', title: 'The last test of a provider failed', means: 'Its address or its client may be wrong.', seenAt: [warns('SVC-060')], source: 'readiness 5.2' },
  { ...providers, id: 'application-expired', component: 'zone', title: 'A managed application has come to its end', means: 'The STS refuses its client secret from then on.', seenAt: [isRed('SVC-062')], source: 'readiness 5.2, row 4' },
];

/** The admin token in hand. Caracal's contract: readiness 4.3 and 5.1. */
export const tokenCauses: readonly CauseDefinition[] = [
  { ...tokens, id: 'admin-token-revoked', title: 'The admin token was revoked', means: 'The API answers 401 invalid_admin_token. A start of the API with another CARACAL_ADMIN_TOKEN revokes those before it.', seenAt: [fails('AUD-001', 'revoked')], brings: [fails('AUD-002')], source: 'readiness 4.3, step 1' },
  { ...tokens, id: 'admin-token-unknown', title: 'The database does not know the admin token', means: 'The API answers 401 invalid_admin_token: the token is of another deployment, or was never stored.', seenAt: [fails('AUD-001')], unless: [fails('AUD-001', 'revoked')], brings: [fails('AUD-002')], source: 'readiness 4.3, step 1' },
  { ...tokens, id: 'admin-token-other-zone', title: 'The admin token does not open the zone', means: 'The API answers 403 admin_token_zone_mismatch, or refuses it for what it may do.', seenAt: [isRed('AUD-004')], source: 'readiness 4.3, steps 2 to 8' },
  { ...tokens, id: 'admin-token-refused', title: 'The API refuses the admin token', means: 'The token is live by its row, and the API does not take it.', seenAt: [fails('AUD-002')], given: [passes('AUD-001')], source: 'readiness 4.3' },
];

const ledger = { family: 'ledger', component: 'audit' } as const;

/** The audit ledger and the admin audit. Caracal's contract: storage 9.6 to 9.9. */
export const ledgerCauses: readonly CauseDefinition[] = [
  { ...ledger, id: 'ledger-rows-missing', title: 'Rows of the audit ledger are missing', means: 'Their numbers have a gap: somebody deleted evidence, behind all that Caracal does.', seenAt: [isRed('AUD-005')], brings: [isRed('AUD-006'), isRed('AUD-007'), isRed('SVC-031')], source: 'storage 9.6, 9.7' },
  {
    ...ledger, id: 'ledger-rows-changed', title: 'Rows of the audit ledger were changed', means: 'They do not have the hash that was stored with them, or do not follow the row before: somebody rewrote evidence.',
    seenAt: [isRed('AUD-006'), isRed('SVC-031')], brings: [isRed('AUD-007'), warns('SVC-090')], says: [logged('audit: tamper: content hash mismatch'), logged('audit: tamper: chain break (prev hash mismatch)')], source: 'storage 9.6',
  },
  { ...ledger, id: 'ledger-signature-differs', title: 'A row of the audit ledger is signed with another key', means: 'Rows before and after it are not: it was written by somebody else, or the key was changed back.', seenAt: [isRed('AUD-007')], source: 'storage 9.6' },
  { ...ledger, id: 'event-replayed-changed', title: 'An audit event came again with other content', means: 'The first one stands in the ledger, the other one among the dead letters: a producer is wrong, or somebody forges events.', seenAt: [isRed('AUD-008')], brings: [isRed('STR-012'), warns('SVC-033'), warns('SVC-090')], source: 'storage 9.2' },
  { ...ledger, id: 'admin-audit-rows-changed', component: 'admin audit', title: 'Rows of the admin audit were changed or deleted', means: 'The chain of their hashes is broken: somebody rewrote evidence.', seenAt: [isRed('AUD-009')], brings: [isRed('AUD-010')], source: 'storage 9.8' },
  { ...ledger, id: 'admin-audit-signature-differs', component: 'admin audit', title: 'A row of the admin audit is signed with another key', means: 'It was written by somebody else, or by a service with another key.', seenAt: [isRed('AUD-010')], source: 'storage 9.8' },
  { ...ledger, id: 'retention-stuck', title: 'Audit does not drop old partitions', means: 'The ledger is kept beyond its time and grows.', seenAt: [isRed('AUD-011')], says: [logged('audit: retention: drop partitions')], source: 'storage 2.6' },
  { ...ledger, id: 'export-stuck', title: 'Audit does not export', means: 'Closed hours are not in the archive.', seenAt: [isRed('AUD-012'), isRed('SVC-035')], says: [logged('audit: export hour failed; will retry next tick')], source: 'storage 9.9' },
];
