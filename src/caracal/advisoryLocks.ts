/** What an advisory lock of Caracal 1.0 stands for. */
export interface AdvisoryLock {
  /** In words that fit a sentence: `the migrations`. */
  readonly name: string;
  /** The service that takes it, as people call it. */
  readonly holder: string;
  /** Held for a transaction, or for as long as a session leads. */
  readonly kind: 'transaction' | 'session';
}

/** Caracal infra/postgres/scripts/migrate.sh:27. */
export const migrationLock = '4732518903281471';
/** Caracal services/audit/internal/server.go:30: `CARA0001` and `CARA0002` read as a number. */
export const auditExportLeaderLock = '4846245113962180657';
export const auditRetentionLeaderLock = '4846245113962180658';

/**
 * Locks whose key is a constant, by the signed 64-bit number as text. In `pg_locks` the high half is
 * `classid`, the low half `objid`, and `objsubid` is 1.
 */
export const advisoryLocks: Readonly<Record<string, AdvisoryLock>> = {
  [migrationLock]: { name: 'migrations', holder: 'the migrator', kind: 'transaction' },
  [auditExportLeaderLock]: { name: 'leader of the audit export', holder: 'audit', kind: 'session' },
  [auditRetentionLeaderLock]: { name: 'leader of the audit retention', holder: 'audit', kind: 'session' },
  // hashtext('admin-audit::global')
  '-1355133488': { name: 'admin audit chain of the platform', holder: 'api', kind: 'transaction' },
  // hashtext of coordinator:ttl_sweep, :service_lease_sweep, :invocation_deadline, :retention_cleanup
  '-139300322': { name: 'session sweeper', holder: 'coordinator', kind: 'transaction' },
  '-1566633828': { name: 'lease sweeper', holder: 'coordinator', kind: 'transaction' },
  '1064500564': { name: 'invocation deadlines', holder: 'coordinator', kind: 'transaction' },
  '1458943242': { name: 'retention cleaner', holder: 'coordinator', kind: 'transaction' },
  '7163920485318472': { name: 'clean-up of registered clients', holder: 'api', kind: 'session' },
  '7163920485318481': { name: 'authority-record reaper', holder: 'api', kind: 'session' },
  '7163920485318482': { name: 'message runs', holder: 'api', kind: 'session' },
  '7163920485318483': { name: 'plan secrets', holder: 'api', kind: 'session' },
  '7163920485318484': { name: 'webhook dispatcher', holder: 'api', kind: 'session' },
  '4143012026': { name: 'system zone', holder: 'api', kind: 'session' },
};

/**
 * Locks whose key is `hashtext` of a text with an id in it. Several things may share one: the audit
 * chain of a zone is locked by Audit's insert, by the admin audit and by the activation of a policy.
 */
export const hashedLocks: readonly { readonly kind: string; readonly table: 'zones' | 'policies' | 'policy_sets'; readonly prefix: string }[] = [
  { kind: 'audit chain of zone', table: 'zones', prefix: '' },
  { kind: 'delegation graph of zone', table: 'zones', prefix: 'delegation:' },
  { kind: 'start of sessions in zone', table: 'zones', prefix: 'coordinator:session_start:' },
  { kind: 'signing key of zone', table: 'zones', prefix: 'zone_signing_key:' },
  { kind: 'version numbers of policy', table: 'policies', prefix: '' },
  { kind: 'version numbers of policy set', table: 'policy_sets', prefix: '' },
];
