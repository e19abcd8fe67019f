import { metricsText, type Sample } from './metrics-text.ts';

/** `/metrics.json`, in the order of the document (contract, deploy 4.7). */
export type GatewayFigures = {
  requests_total: number; requests_allowed: number; requests_denied: number; denials_missing_auth: number; denials_bad_bearer: number;
  denials_expiring: number; denials_bad_routing: number; denials_path_traversal: number; denials_signature: number;
  denials_jti_replay: number; denials_revoked: number; denials_revocation_stale: number; sts_exchange_errors: number;
  sts_exchange_latency_ms: number; sts_circuit_open: number; sts_circuit_opened: number; sts_circuit_fast_fail: number;
  upstream_errors: number; audit_replay_files: number; audit_replay_bytes: number; audit_replay_oldest_age_seconds: number;
  audit_dropped: number; audit_sink_errors: number; audit_queue_depth: number; audit_queue_cap: number; audit_persisted: number;
  audit_drained: number; revocations_active: number; revocation_snapshot_age_seconds: number; revocation_snapshot_fresh: number;
  revocation_messages: number; revocation_pending_replayed: number; revocation_dead_letters: number;
  revocation_invalid_signatures: number; revocation_reloads: number; revocation_reload_errors: number; revocation_propagation_seconds: number;
};

const DEFINITIONS: readonly [keyof GatewayFigures, string, Sample['type'], string][] = [
  ['requests_total', 'requests_total', 'counter', 'Gateway requests received'],
  ['requests_allowed', 'requests_allowed_total', 'counter', 'Gateway requests allowed upstream'],
  ['requests_denied', 'requests_denied_total', 'counter', 'Gateway requests denied before upstream dispatch'],
  ['denials_missing_auth', 'denials_missing_auth_total', 'counter', 'Gateway denials caused by missing bearer credentials'],
  ['denials_bad_bearer', 'denials_bad_bearer_total', 'counter', 'Gateway denials caused by malformed bearer credentials'],
  ['denials_expiring', 'denials_expiring_total', 'counter', 'Gateway denials caused by nearly expired mandates'],
  ['denials_bad_routing', 'denials_bad_routing_total', 'counter', 'Gateway denials caused by invalid route targets'],
  ['denials_path_traversal', 'denials_path_traversal_total', 'counter', 'Gateway denials caused by unsafe upstream paths'],
  ['denials_signature', 'denials_signature_total', 'counter', 'Gateway denials caused by invalid JWT signatures'],
  ['denials_jti_replay', 'denials_jti_replay_total', 'counter', 'Gateway denials caused by replayed token identifiers'],
  ['denials_revoked', 'denials_revoked_total', 'counter', 'Gateway denials caused by revoked authority records, Sessions, or Delegations'],
  ['denials_revocation_stale', 'denials_revocation_stale_total', 'counter', 'Gateway denials caused by stale revocation state'],
  ['sts_exchange_errors', 'sts_exchange_errors_total', 'counter', 'Gateway STS token exchange failures'],
  ['sts_exchange_latency_ms', 'sts_exchange_latency_ms', 'gauge', 'Latency of the most recent Gateway STS token exchange'],
  ['sts_circuit_open', 'sts_circuit_open', 'gauge', 'Whether Gateway is currently fast-failing STS exchange calls'],
  ['sts_circuit_opened', 'sts_circuit_opened_total', 'counter', 'Times Gateway opened its STS exchange circuit breaker'],
  ['sts_circuit_fast_fail', 'sts_circuit_fast_fail_total', 'counter', 'Gateway requests rejected while the STS exchange circuit was open'],
  ['upstream_errors', 'upstream_errors_total', 'counter', 'Gateway upstream request failures'],
  ['audit_replay_files', 'audit_replay_files', 'gauge', 'Gateway audit replay files waiting on disk'],
  ['audit_replay_bytes', 'audit_replay_bytes', 'gauge', 'Gateway audit replay bytes waiting on disk'],
  ['audit_replay_oldest_age_seconds', 'audit_replay_oldest_age_seconds', 'gauge', 'Age of the oldest Gateway audit replay file on disk'],
  ['audit_dropped', 'audit_dropped_total', 'counter', 'Gateway audit events irrecoverably lost'],
  ['audit_sink_errors', 'audit_sink_errors_total', 'counter', 'Gateway audit stream delivery errors'],
  ['audit_queue_depth', 'audit_queue_depth', 'gauge', 'Gateway audit events waiting in memory'],
  ['audit_queue_cap', 'audit_queue_capacity', 'gauge', 'Gateway audit in-memory queue capacity'],
  ['audit_persisted', 'audit_persisted_total', 'counter', 'Gateway audit events persisted for replay'],
  ['audit_drained', 'audit_drained_total', 'counter', 'Gateway audit events drained from replay files'],
  ['revocations_active', 'revocations_active', 'gauge', 'Gateway revocation anchors loaded in memory'],
  ['revocation_snapshot_age_seconds', 'revocation_snapshot_age_seconds', 'gauge', 'Seconds since the last successful Gateway revocation snapshot reload'],
  ['revocation_snapshot_fresh', 'revocation_snapshot_fresh', 'gauge', 'Whether the Gateway revocation snapshot is fresh enough for readiness'],
  ['revocation_messages', 'revocation_messages_total', 'counter', 'Valid revocation stream messages applied by Gateway'],
  ['revocation_pending_replayed', 'revocation_pending_replayed_total', 'counter', 'Pending revocation stream messages reclaimed by Gateway'],
  ['revocation_dead_letters', 'revocation_dead_letters_total', 'counter', 'Poison revocation stream messages dead-lettered by Gateway'],
  ['revocation_invalid_signatures', 'revocation_invalid_signatures_total', 'counter', 'Revocation stream messages rejected because their origin signature failed'],
  ['revocation_reloads', 'revocation_reloads_total', 'counter', 'Gateway revocation snapshot reloads completed successfully'],
  ['revocation_reload_errors', 'revocation_reload_errors_total', 'counter', 'Gateway revocation snapshot reload attempts that failed'],
  ['revocation_propagation_seconds', 'revocation_propagation_seconds', 'gauge', 'Age of the most recent applied revocation stream message'],
];

/** `/metrics`: the only service that also shows its pool (Caracal services/gateway/internal/server.go:291-339). */
export function gatewayMetricsText(figures: GatewayFigures, pool: { max: number; acquired: number }): string {
  return metricsText([
    ...DEFINITIONS.map(([key, name, type, help]) => ({ name: `caracal_gateway_${name}`, type, help, value: figures[key] })),
    { name: 'caracal_db_pool_in_use_ratio', help: 'Fraction of the Postgres pool currently in use', type: 'gauge', value: pool.acquired / pool.max },
    { name: 'caracal_db_pool_max_conns', help: 'Configured maximum Postgres pool size', type: 'gauge', value: pool.max },
    { name: 'caracal_db_pool_acquired_conns', help: 'Postgres pool connections currently checked out', type: 'gauge', value: pool.acquired },
  ]);
}
