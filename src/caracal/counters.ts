import type { ServiceName } from '../model/target.ts';

const sts = [
  'graph_traversals', 'graph_traversal_errors', 'audit_dropped', 'audit_replay_replayed', 'audit_sink_errors', 'jwks_invalid_keys',
  'secret_backend_reads', 'secret_backend_errors', 'provider_refresh_shared', 'provider_refresh_leased', 'provider_refresh_waited',
  'provider_refresh_errors', 'provider_circuit_open',
];

const opa = ['eval_total', 'eval_errors', 'eval_duration_ns', 'compile_total', 'compile_errors', 'compile_duration_ns'];

/** Why the Gateway refused a request before it asked the STS; refusals of policy are in `requests_denied` alone. */
export const gatewayDenials = [
  'missing_auth', 'bad_bearer', 'expiring', 'bad_routing', 'path_traversal', 'signature', 'jti_replay', 'revoked', 'revocation_stale',
] as const;

const gateway = [
  'requests', 'requests_allowed', 'requests_denied', ...gatewayDenials.map((reason) => `denials_${reason}`), 'sts_exchange_errors',
  'sts_circuit_opened', 'sts_circuit_fast_fail', 'upstream_errors', 'audit_dropped', 'audit_sink_errors', 'audit_persisted', 'audit_drained',
  'revocation_messages', 'revocation_pending_replayed', 'revocation_dead_letters', 'revocation_invalid_signatures', 'revocation_reloads',
  'revocation_reload_errors',
];

const audit = [
  'inserts_total', 'export_events_total', 'export_errors_total', 'parse_errors_total', 'dlq_total', 'retries_total', 'hmac_failures_total',
  'tamper_replay_total', 'tamper_checked_total', 'tamper_mismatch_total', 'tamper_chain_breaks', 'tamper_hmac_failures',
  'retention_created_total', 'retention_dropped_total', 'export_lease_changes_total', 'retention_lease_changes_total',
];

const sweepers = [
  'ttl_sweeper.runs', 'ttl_sweeper.failures', 'ttl_sweeper.terminated', 'service_lease_sweeper.runs', 'service_lease_sweeper.failures',
  'service_lease_sweeper.suspended', 'retention_cleaner.runs', 'retention_cleaner.failures',
];

/**
 * Figures that only rise and begin at 0 with the process, by the names that each service gives them. All
 * others are states, whatever they are called: the four `caracal_api_outbox_*` are, two of them named
 * `_total`. Sources: Caracal services/sts/internal/server.go:629, services/gateway/internal/server.go:291,
 * services/audit/internal/server.go:238, apps/api/src/app.ts:562, apps/coordinator/src/app.ts:221.
 */
export const counters: Readonly<Record<ServiceName, readonly string[]>> = {
  api: [
    'caracal_secret_backend_operations_total', 'caracal_secret_backend_errors_total', 'caracal_log_emitted_total',
    'caracal_log_dropped_total', 'caracal_log_sampled_total',
  ],
  sts: [...sts.map((name) => `sts.${name}`), ...opa.map((name) => `opa.${name}`)],
  gateway: gateway.map((name) => `caracal_gateway_${name}_total`),
  audit,
  coordinator: [...sweepers, ...['created', 'replayed', 'conflicts', 'invalid', 'expired'].map((outcome) => `idempotency.outcomes.${outcome}`)],
  web: [],
};
