import { metricsText, type Sample } from './metrics-text.ts';

/** All figures of Audit, under the keys of `/metrics.json` and in its order (contract, deploy 4.7). */
export type AuditFigures = {
  inserts_total: number; export_events_total: number; export_errors_total: number; export_duration_ms: number;
  export_backlog_hours: number; consumer_lag: number; consumer_pel_oldest_secs: number; dlq_size: number;
  dlq_oldest_age_secs: number; parse_errors_total: number; dlq_total: number; retries_total: number;
  hmac_failures_total: number; tamper_replay_total: number; tamper_checked_total: number; tamper_mismatch_total: number;
  tamper_chain_breaks: number; tamper_hmac_failures: number; tamper_last_sweep_unix: number; tamper_last_full_unix: number;
  retention_created_total: number; retention_dropped_total: number; is_export_leader: boolean; is_retention_leader: boolean;
  export_lease_changes_total: number; retention_lease_changes_total: number;
};

type Definition = [key: keyof AuditFigures, name: string, type: Sample['type'], help: string];

const DEFINITIONS: readonly Definition[] = [
  ['inserts_total', 'inserts_total', 'counter', 'Audit events inserted into storage'],
  ['export_events_total', 'export_events_total', 'counter', 'Audit events exported to archive storage'],
  ['export_errors_total', 'export_errors_total', 'counter', 'Audit export failures'],
  ['export_duration_ms', 'export_duration_seconds', 'gauge', 'Most recent audit export duration'],
  ['export_backlog_hours', 'export_backlog_hours', 'gauge', 'Completed audit hours waiting for Parquet export'],
  ['consumer_lag', 'consumer_lag', 'gauge', 'Audit stream pending entry count'],
  ['consumer_pel_oldest_secs', 'consumer_pel_oldest_seconds', 'gauge', 'Oldest audit pending entry age'],
  ['dlq_size', 'dlq_size', 'gauge', 'Audit dead-letter stream size'],
  ['dlq_oldest_age_secs', 'dlq_oldest_age_seconds', 'gauge', 'Oldest audit dead-letter event age'],
  ['parse_errors_total', 'parse_errors_total', 'counter', 'Audit stream parse errors'],
  ['dlq_total', 'dlq_total', 'counter', 'Audit events moved to the dead-letter stream'],
  ['retries_total', 'retries_total', 'counter', 'Audit event delivery retries'],
  ['hmac_failures_total', 'hmac_failures_total', 'counter', 'Audit producer HMAC verification failures'],
  ['tamper_replay_total', 'tamper_replay_total', 'counter', 'Audit replayed events rejected as tamper attempts'],
  ['tamper_checked_total', 'tamper_checked_total', 'counter', 'Audit chain events checked for tamper evidence'],
  ['tamper_mismatch_total', 'tamper_mismatch_total', 'counter', 'Audit chain hash mismatches detected'],
  ['tamper_chain_breaks', 'tamper_chain_breaks_total', 'counter', 'Audit chain ordering breaks detected'],
  ['tamper_hmac_failures', 'tamper_hmac_failures_total', 'counter', 'Audit stored HMAC mismatches detected'],
  ['tamper_last_sweep_unix', 'tamper_last_sweep_unix', 'gauge', 'Unix timestamp of the last audit tamper sweep'],
  ['tamper_last_full_unix', 'tamper_last_full_unix', 'gauge', 'Unix timestamp of the last full audit tamper sweep'],
  ['retention_created_total', 'retention_created_total', 'counter', 'Audit retention partitions created'],
  ['retention_dropped_total', 'retention_dropped_total', 'counter', 'Audit retention partitions dropped'],
  ['is_export_leader', 'is_export_leader', 'gauge', 'Whether this Audit replica holds the export lease'],
  ['is_retention_leader', 'is_retention_leader', 'gauge', 'Whether this Audit replica holds the retention lease'],
  ['export_lease_changes_total', 'export_lease_transitions_total', 'counter', 'Audit export leadership changes (acquisitions plus losses)'],
  ['retention_lease_changes_total', 'retention_lease_transitions_total', 'counter', 'Audit retention leadership changes (acquisitions plus losses)'],
];

/** `/metrics` (Caracal services/audit/internal/server.go:238-263). */
export function auditMetricsText(figures: AuditFigures): string {
  return metricsText(DEFINITIONS.map(([key, name, type, help]) => {
    const value = Number(figures[key]);
    return { name: `caracal_audit_${name}`, type, help, value: key === 'export_duration_ms' ? value / 1000 : value };
  }));
}
