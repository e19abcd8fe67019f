import { metricsText, type Sample } from './metrics-text.ts';

/** `sts` of `/metrics.json`, in the order of the document (contract, deploy 4.7). */
export type StsFigures = {
  graph_traversals: number; graph_traversal_errors: number; audit_dropped: number; audit_replay_pending: number;
  audit_replay_files: number; audit_replay_bytes: number; audit_replay_oldest_age_seconds: number; audit_replay_replayed: number;
  audit_sink_errors: number; jwks_invalid_keys: number; provider_refresh_shared: number; provider_refresh_leased: number;
  provider_refresh_waited: number; provider_refresh_errors: number; provider_circuit_open: number; secret_backend_reads: number;
  secret_backend_errors: number;
};
/** `opa` of `/metrics.json`. */
export type OpaFigures = {
  eval_total: number; eval_errors: number; eval_duration_ns: number; compile_total: number; compile_errors: number;
  compile_duration_ns: number; max_policy_age_seconds: number; poll_interval_seconds: number; decision_contract_version: string;
  decision_contract_sha256: string;
};

const STS: readonly [keyof StsFigures, string, Sample['type'], string][] = [
  ['graph_traversals', 'graph_traversals_total', 'counter', 'STS delegation graph traversals performed'],
  ['graph_traversal_errors', 'graph_traversal_errors_total', 'counter', 'STS delegation graph traversal failures'],
  ['audit_dropped', 'audit_dropped_total', 'counter', 'STS audit events irrecoverably lost'],
  ['audit_replay_pending', 'audit_replay_pending', 'gauge', 'STS audit events pending replay'],
  ['audit_replay_files', 'audit_replay_files', 'gauge', 'STS audit replay files waiting on disk'],
  ['audit_replay_bytes', 'audit_replay_bytes', 'gauge', 'STS audit replay bytes waiting on disk'],
  ['audit_replay_oldest_age_seconds', 'audit_replay_oldest_age_seconds', 'gauge', 'Age of the oldest STS audit replay file on disk'],
  ['audit_replay_replayed', 'audit_replay_replayed_total', 'counter', 'STS audit events replayed after sink recovery'],
  ['audit_sink_errors', 'audit_sink_errors_total', 'counter', 'STS audit sink publish errors'],
  ['jwks_invalid_keys', 'jwks_invalid_keys_total', 'counter', 'STS signing keys skipped because JWKS validation failed'],
  ['secret_backend_reads', 'secret_backend_reads_total', 'counter', 'Secret backend reads attempted by the data plane'],
  ['secret_backend_errors', 'secret_backend_errors_total', 'counter', 'Secret backend reads that failed'],
  ['provider_refresh_shared', 'provider_refresh_shared_total', 'counter', 'STS provider credential refresh calls served by a shared in-process result'],
  ['provider_refresh_leased', 'provider_refresh_leased_total', 'counter', 'STS provider credential refresh calls that acquired the distributed refresh lease'],
  ['provider_refresh_waited', 'provider_refresh_waited_total', 'counter', 'STS provider credential refresh calls that waited for a distributed peer result'],
  ['provider_refresh_errors', 'provider_refresh_errors_total', 'counter', 'STS provider credential refresh distributed coordination errors'],
  ['provider_circuit_open', 'provider_circuit_open_total', 'counter', 'STS provider refresh attempts rejected because the provider circuit was open'],
];

/** Text names, and what divides a JSON figure into its unit. */
const OPA: readonly [keyof OpaFigures, string, Sample['type'], string, number][] = [
  ['eval_total', 'eval_total', 'counter', 'STS OPA policy evaluations', 1],
  ['eval_errors', 'eval_errors_total', 'counter', 'STS OPA policy evaluation errors', 1],
  ['eval_duration_ns', 'eval_duration_seconds_total', 'counter', 'STS cumulative OPA policy evaluation duration', 1e9],
  ['compile_total', 'compile_total', 'counter', 'STS OPA policy compilations', 1],
  ['compile_errors', 'compile_errors_total', 'counter', 'STS OPA policy compilation errors', 1],
  ['compile_duration_ns', 'compile_duration_seconds_total', 'counter', 'STS cumulative OPA policy compilation duration', 1e9],
  ['max_policy_age_seconds', 'max_policy_age_seconds', 'gauge', 'STS maximum age of a loaded OPA policy bundle', 1],
  ['poll_interval_seconds', 'poll_interval_seconds', 'gauge', 'STS OPA PostgreSQL safety poll interval', 1],
];

/** `/metrics` (Caracal services/sts/internal/server.go:629-653). */
export function stsMetricsText(sts: StsFigures, opa: OpaFigures): string {
  return metricsText([
    ...STS.map(([key, name, type, help]) => ({ name: `caracal_sts_${name}`, type, help, value: sts[key] })),
    ...OPA.map(([key, name, type, help, unit]) => ({ name: `caracal_sts_opa_${name}`, type, help, value: Number(opa[key]) / unit })),
  ]);
}
