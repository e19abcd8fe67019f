import type { ServiceName } from '../model/target.ts';

export interface Service {
  readonly name: ServiceName;
  /** Port in a local installation: Caracal infra/docker/runtime-compose.yml. */
  readonly port: number;
  /** Fields of a good `/health`; absent where its body is empty. */
  readonly health?: Readonly<Record<string, string | boolean>>;
  /** Where its figures are, and which token opens them. The web service has none. */
  readonly metrics?: {
    readonly path: string;
    readonly token: 'metrics' | 'coordinator';
    /** Names that every release 1.0 gives; their absence means that something else answered. */
    readonly keys: readonly string[];
  };
}

/**
 * The six services in the order in which Caracal lists them. Figures are read as JSON where they are
 * given so, but those of the Gateway as text, which alone holds its pool of Postgres connections (Caracal
 * services/gateway/internal/server.go:329). The Coordinator's `/metrics` asks for two different tokens in
 * one header, so its `/stats` is read instead (Caracal apps/coordinator/src/auth.ts:246,
 * apps/coordinator/src/app.ts:221).
 */
export const services: readonly Service[] = [
  {
    name: 'api',
    port: 3000,
    health: { ok: true },
    metrics: {
      path: '/metrics',
      token: 'metrics',
      keys: [
        'caracal_api_outbox_pending_total',
        'caracal_api_outbox_dead_total',
        'caracal_api_outbox_oldest_pending_age_seconds',
        'caracal_api_outbox_oldest_dead_age_seconds',
      ],
    },
  },
  {
    name: 'sts',
    port: 8080,
    metrics: { path: '/metrics.json', token: 'metrics', keys: ['sts.audit_dropped', 'opa.eval_total', 'audit_dropped'] },
  },
  {
    name: 'gateway',
    port: 8081,
    metrics: {
      path: '/metrics',
      token: 'metrics',
      keys: [
        'caracal_gateway_requests_total',
        'caracal_gateway_requests_denied_total',
        'caracal_gateway_revocation_snapshot_age_seconds',
        'caracal_gateway_audit_dropped_total',
      ],
    },
  },
  {
    name: 'audit',
    port: 9090,
    metrics: { path: '/metrics.json', token: 'metrics', keys: ['inserts_total', 'consumer_lag', 'dlq_size'] },
  },
  {
    name: 'coordinator',
    port: 4000,
    health: { ok: true },
    metrics: { path: '/stats', token: 'coordinator', keys: ['invocations', 'outbox', 'retention_cleaner.runs'] },
  },
  { name: 'web', port: 3001, health: { status: 'ok', service: 'caracal-auth' } },
];
