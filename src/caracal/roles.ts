/**
 * The roles that the services log in as: Caracal infra/postgres/migrations/0001_baseline.up.sql:7.
 * All are made without LOGIN, and get it after the migrations, with their password
 * (Caracal infra/postgres/scripts/migrate.sh:115). None is a superuser, none bypasses row-level security.
 */
export const serviceRoles = ['caracalapi', 'caracalsts', 'caracalgateway', 'caracalaudit', 'caracalcoordinator', 'caracalauth'] as const;

export type ServiceRole = (typeof serviceRoles)[number];

/**
 * Connections that one replica of a service holds at most, unless DB_POOL_MAX or DB_MAX_CONNS say
 * otherwise: Caracal services/sts/internal/db.go:43, apps/api/src/config.ts:277.
 */
export const poolMax = 20;

/** A privilege that code of 1.0 needs and that its migrations do not grant. */
export interface GrantGap {
  readonly role: ServiceRole;
  readonly table: string;
  /** As in `Table.grants`. */
  readonly privilege: 'w' | 'd';
  /** What an operator sees because of it. */
  readonly effect: string;
}

/** Known gaps of 1.0; whoever runs it may have granted them since. The one on `audit_events` is no gap to close: evidence is append-only. */
export const grantGaps: readonly GrantGap[] = [
  // Caracal apps/coordinator/src/jobs/retention-cleaner.ts:113
  { role: 'caracalcoordinator', table: 'delegation_edges', privilege: 'd', effect: 'the retention of the Coordinator fails every 15 minutes' },
  { role: 'caracalcoordinator', table: 'caracal_outbox', privilege: 'd', effect: 'published events of the Coordinator are never pruned' },
  // Caracal apps/coordinator/src/routes/agent-services.ts:57 locks the row FOR SHARE, which takes UPDATE.
  { role: 'caracalcoordinator', table: 'applications', privilege: 'w', effect: 'registering an agent service answers 500' },
];

/** Sequences by table-like name, with the letters r SELECT and U USAGE. */
export const sequenceGrants: Readonly<Record<string, Partial<Record<ServiceRole, string>>>> = {
  audit_ingest_alerts_id_seq: { caracalaudit: 'rU' },
};

/** Functions that make and drop partitions of the audit events, with the rights of their owner; only Audit may call them. */
export const partitionFunctions = ['audit_partition_ensure(date)', 'audit_partition_drop(text)'] as const;
export const partitionFunctionCaller: ServiceRole = 'caracalaudit';
