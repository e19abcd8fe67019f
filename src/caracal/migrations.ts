/** The migrations of Caracal 1.0 in their order: Caracal infra/postgres/migrations/released.sha256. */
export const migrations = ['0001_baseline', '0002_approval_hardening', '0003_operator_run_token_usage'] as const;

export type Migration = (typeof migrations)[number];

/**
 * What can be looked up in the catalogue to tell whether a migration, or an older baseline under the
 * same name, made this schema. The history table has no checksum, so this is the only way.
 */
export interface Fingerprint {
  /** Unique; how it is called in a verdict. */
  readonly name: string;
  readonly kind: 'column' | 'table' | 'trigger' | 'constraint' | 'definition' | 'index' | 'function' | 'privilege';
  /** Table that holds it, or for a function its signature. */
  readonly on: string;
  /** Name of the object; for a privilege `role:PRIVILEGE`; for a definition that of a constraint; for a table or function the same as `on`. */
  readonly object: string;
  /** For a definition: what it must say, as Postgres prints it. */
  readonly text?: string;
  /** The migration that makes it; absent for objects that no release 1.0 has. */
  readonly madeBy?: Migration;
  /** What it means when an object without `madeBy` is there. */
  readonly meaning?: string;
}

const julyBaseline = 'made by the 0001_baseline of July 2026, which had the same name and other content';
const veryOld = 'left by a very old installation';

/** Caracal infra/postgres/scripts/verify.sh, and the differences between the two baselines. */
export const fingerprints: readonly Fingerprint[] = [
  { name: 'column sessions.lease_generation', kind: 'column', on: 'sessions', object: 'lease_generation', madeBy: '0001_baseline' },
  { name: 'table sts_rate_limit', kind: 'table', on: 'sts_rate_limit', object: 'sts_rate_limit', madeBy: '0001_baseline' },
  {
    name: 'trigger policy_set_versions_immutable',
    kind: 'trigger',
    on: 'policy_set_versions',
    object: 'policy_set_versions_immutable',
    madeBy: '0001_baseline',
  },
  {
    name: 'constraint delegation_edges_zone_parent_fk',
    kind: 'constraint',
    on: 'delegation_edges',
    object: 'delegation_edges_zone_parent_fk',
    madeBy: '0001_baseline',
  },
  {
    name: 'same-zone parents in delegation_edges_zone_parent_fk',
    kind: 'definition',
    on: 'delegation_edges',
    object: 'delegation_edges_zone_parent_fk',
    text: 'FOREIGN KEY (zone_id, parent_edge_id) REFERENCES delegation_edges(zone_id, id) ON DELETE SET NULL (parent_edge_id)',
    madeBy: '0001_baseline',
  },
  {
    name: 'index sessions_terminal_retention_idx',
    kind: 'index',
    on: 'sessions',
    object: 'sessions_terminal_retention_idx',
    madeBy: '0001_baseline',
  },
  {
    name: 'DELETE on sessions for caracalcoordinator',
    kind: 'privilege',
    on: 'sessions',
    object: 'caracalcoordinator:DELETE',
    madeBy: '0001_baseline',
  },
  {
    name: 'function audit_partition_ensure(date)',
    kind: 'function',
    on: 'audit_partition_ensure(date)',
    object: 'audit_partition_ensure(date)',
    madeBy: '0001_baseline',
  },
  {
    name: 'function audit_partition_drop(text)',
    kind: 'function',
    on: 'audit_partition_drop(text)',
    object: 'audit_partition_drop(text)',
    madeBy: '0001_baseline',
  },
  {
    name: 'column step_up_challenges.subject_anchor',
    kind: 'column',
    on: 'step_up_challenges',
    object: 'subject_anchor',
    madeBy: '0002_approval_hardening',
  },
  {
    name: 'INSERT on event_outbox for caracalsts',
    kind: 'privilege',
    on: 'event_outbox',
    object: 'caracalsts:INSERT',
    madeBy: '0002_approval_hardening',
  },
  {
    name: 'column operator_message_runs.input_tokens',
    kind: 'column',
    on: 'operator_message_runs',
    object: 'input_tokens',
    madeBy: '0003_operator_run_token_usage',
  },
  {
    name: 'constraint delegation_edges_parent_edge_id_fkey',
    kind: 'constraint',
    on: 'delegation_edges',
    object: 'delegation_edges_parent_edge_id_fkey',
    meaning: julyBaseline,
  },
  { name: 'table gateway_binding_revision', kind: 'table', on: 'gateway_binding_revision', object: 'gateway_binding_revision', meaning: veryOld },
  { name: 'table gateway_resource_bindings', kind: 'table', on: 'gateway_resource_bindings', object: 'gateway_resource_bindings', meaning: veryOld },
  { name: 'table invitations', kind: 'table', on: 'invitations', object: 'invitations', meaning: veryOld },
  { name: 'table teams', kind: 'table', on: 'teams', object: 'teams', meaning: veryOld },
];
