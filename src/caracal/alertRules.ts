import type { ServiceName } from '../model/target.ts';

/**
 * When a rule fires: a state beyond its limit, or counters that rose within its window. `in` names the
 * figures as the service gives them to us.
 */
export type Condition =
  | { readonly kind: 'above' | 'at most'; readonly limit: number; readonly in: string }
  | { readonly kind: 'rises'; readonly in: readonly string[] };

export interface AlertRule {
  readonly name: string;
  readonly severity: 'warning' | 'critical';
  /** How long the condition must hold, as the rule has it. */
  readonly holds: string;
  /** The service whose figures it reads; absent where no service gives them. */
  readonly service?: ServiceName;
  readonly condition?: Condition;
  /** Why it fires while nothing is wrong. A rule with this is shown and never counts. */
  readonly misleads?: string;
}

const rises = (...names: readonly string[]): Condition => ({ kind: 'rises', in: names });
const above = (name: string, limit: number): Condition => ({ kind: 'above', limit, in: name });

/**
 * The rules that the chart ships, with the limits of its values, in its order: Caracal
 * infra/helm/caracal/templates/prometheusrule.yaml and values.yaml:125-143. A chart with other limits
 * fires at others.
 */
export const alertRules: readonly AlertRule[] = [
  { name: 'CaracalSTSOPACompileErrors', severity: 'warning', holds: '2m', service: 'sts', condition: rises('opa.compile_errors') },
  {
    name: 'CaracalSTSPolicyBundleStale', severity: 'warning', holds: '5m', service: 'sts', condition: above('opa.max_policy_age_seconds', 300),
    misleads: 'always fires where the policy stays the same for 5 min: the age is the time since it changed',
  },
  { name: 'CaracalSTSProviderRefreshErrors', severity: 'warning', holds: '2m', service: 'sts', condition: rises('sts.provider_refresh_errors') },
  { name: 'CaracalSTSProviderCircuitOpen', severity: 'warning', holds: '2m', service: 'sts', condition: rises('sts.provider_circuit_open') },
  {
    name: 'CaracalAuditDLQNonEmpty', severity: 'warning', holds: '2m', service: 'audit', condition: above('dlq_size', 0),
    misleads: 'fires for ever after the first one, because dead letters are never deleted: CRC-STR-012 tells whether some are new',
  },
  { name: 'CaracalAuditDLQGrowth', severity: 'critical', holds: '5m', service: 'audit', condition: rises('dlq_total') },
  { name: 'CaracalAuditConsumerLagHigh', severity: 'warning', holds: '5m', service: 'audit', condition: above('consumer_lag', 1_000) },
  {
    name: 'CaracalGatewayAuditReplayBacklogOld', severity: 'warning', holds: '5m', service: 'gateway',
    condition: above('caracal_gateway_audit_replay_oldest_age_seconds', 300),
  },
  { name: 'CaracalSTSAuditReplayBacklogOld', severity: 'warning', holds: '5m', service: 'sts', condition: above('sts.audit_replay_oldest_age_seconds', 300) },
  { name: 'CaracalGatewayAuditEvidenceLost', severity: 'critical', holds: '0m', service: 'gateway', condition: above('caracal_gateway_audit_dropped_total', 0) },
  { name: 'CaracalSTSAuditEvidenceLost', severity: 'critical', holds: '0m', service: 'sts', condition: above('sts.audit_dropped', 0) },
  {
    name: 'CaracalAuditTamperDetected', severity: 'critical', holds: '0m', service: 'audit',
    condition: rises('tamper_mismatch_total', 'tamper_chain_breaks', 'tamper_hmac_failures'),
  },
  { name: 'CaracalAPIOutboxDeadMessages', severity: 'critical', holds: '2m', service: 'api', condition: above('caracal_api_outbox_dead_total', 0) },
  {
    name: 'CaracalAPIOutboxPendingOldest', severity: 'warning', holds: '5m', service: 'api',
    condition: above('caracal_api_outbox_oldest_pending_age_seconds', 300),
  },
  {
    name: 'CaracalGatewaySTSExchangeErrors', severity: 'warning', holds: '2m', service: 'gateway', condition: rises('caracal_gateway_sts_exchange_errors_total'),
    misleads: 'fires for every refusal of policy, which is counted as an exchange error',
  },
  {
    name: 'CaracalGatewaySTSCircuitOpen', severity: 'critical', holds: '1m', service: 'gateway', condition: above('caracal_gateway_sts_circuit_open', 0),
    misleads: 'stays at 1 until the next request: CRC-SVC-021 tells whether it is open now',
  },
  {
    name: 'CaracalGatewayRevocationSnapshotStale', severity: 'critical', holds: '2m', service: 'gateway',
    condition: { kind: 'at most', limit: 0, in: 'caracal_gateway_revocation_snapshot_fresh' },
  },
  {
    name: 'CaracalGatewayRevocationPropagationLag', severity: 'critical', holds: '2m', service: 'gateway',
    condition: above('caracal_gateway_revocation_propagation_seconds', 30),
    misleads: 'stays at the age of the last message, however long ago it came',
  },
  {
    name: 'CaracalGatewayRevocationReloadErrors', severity: 'critical', holds: '2m', service: 'gateway',
    condition: rises('caracal_gateway_revocation_reload_errors_total'),
  },
  { name: 'CaracalPostgresPoolSaturation', severity: 'warning', holds: '5m', service: 'gateway', condition: above('caracal_db_pool_in_use_ratio', 0.9) },
  { name: 'CaracalReadinessFlapping', severity: 'warning', holds: '5m' },
];
