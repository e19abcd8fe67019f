import type { Pool } from 'pg';
import { appendAdminAudit } from './admin-audit.ts';
import { addAgentRoutes } from './coordinator-agents.ts';
import { CoordinatorAuth } from './coordinator-auth.ts';
import { addDelegationRoutes } from './coordinator-delegations.ts';
import { startDeadlineEnforcer, startLeaseSweeper, startPublisher, startRelay, startRetentionCleaner, startTtlSweeper, type SweeperStats } from './coordinator-jobs.ts';
import { messageOf, within } from './deadline.ts';
import { hexKey, hostName, optional, required, whole } from './environment.ts';
import { Shutdown } from './lifecycle.ts';
import { coreLog, pinoError, pinoLog } from './logging.ts';
import { metricsText, NODE_METRICS_TYPE } from './metrics-text.ts';
import { isOverLimit } from './minute-limits.ts';
import { type Answer, type Call, failure, json, NodeApp } from './node-app.ts';
import { nodePool, nodeRedis } from './stores.ts';
import { sameText } from './streams.ts';
import { transaction } from './transactions.ts';

// Stand-in for Caracal's Coordinator (contract, readiness 2.2 and 4.5; request evidence 3).

const CHECK_MS = 5000;
const STATS_MS = 15_000;
const MUTATIONS = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/** Path segments that name what a row of the admin audit is about. */
const ENTITIES = new Set(['agents', 'agent-services', 'delegations', 'invocations', 'applications', 'outbox']);

const bootstrapLog = coreLog('coordinator-bootstrap');
const log = pinoLog('coordinator');
const port = whole('PORT', 4000);
const bearer = optional('METRICS_BEARER');
const streamsKey = hexKey('STREAMS_HMAC_KEY');
// Compose gives the Coordinator no such key: its rows are linked, not signed (contract, deploy 5.1).
const auditKey = optional('AUDIT_HMAC_KEY') === '' ? undefined : hexKey('AUDIT_HMAC_KEY');
const globalLimit = whole('COORDINATOR_RATE_LIMIT_PER_MIN', 600);
const readyLimit = whole('READY_RATE_LIMIT_PER_MIN', 120);
const graceMs = whole('SHUTDOWN_GRACE_MS', 15_000);
const pool = nodePool({
  service: 'coordinator', connectionString: required('DATABASE_URL'), statementTimeoutMs: whole('DB_STATEMENT_TIMEOUT_MS', 10_000),
});
const redis = nodeRedis(required('REDIS_URL'), false);
const auth = new CoordinatorAuth({
  pool, operatorToken: required('CARACAL_COORDINATOR_TOKEN'), requiredScope: optional('AGENT_COORDINATOR_SCOPE', 'agent:lifecycle'),
  stsUrl: required('STS_URL'), issuer: required('ISSUER_URL'),
});
const newStats = (): SweeperStats => ({ runs: 0, failures: 0, changed: 0 });
const sweepers = { ttl: newStats(), lease: newStats(), retention: newStats() };

const shutdown = new Shutdown(bootstrapLog, graceMs);
shutdown.register('redis', async () => {
  await redis.quit();
});
shutdown.register('postgres', () => pool.end());
shutdown.register('telemetry', () => undefined);

/** Both stores at once, Postgres' verdict first (Caracal apps/coordinator/src/app.ts:168-219). */
async function ready(call: Call): Promise<Answer> {
  if (await isOverLimit(redis, `coordinator:ready_rl:${call.ip}`, readyLimit)) return failure(429, 'rate_limited');
  if (shutdown.draining) return json(503, { ok: false, draining: true });
  const [postgres, ping] = await Promise.allSettled([
    within(pool.query<{ dead: boolean }>(
      "SELECT EXISTS (SELECT 1 FROM caracal_outbox WHERE producer = 'coordinator' AND status = 'dead') AS dead",
    ), CHECK_MS, 'ready postgres check timed out'),
    within(redis.ping(), CHECK_MS, 'ready redis check timed out'),
  ]);
  if (postgres.status === 'rejected') {
    call.log('warn', 'ready_postgres_unreachable', { err: pinoError(postgres.reason) });
    return json(503, { ok: false, error: 'postgres_unreachable', dependency: 'postgres' });
  }
  if (postgres.value.rows[0]?.dead === true) {
    call.log('error', 'ready_outbox_dead');
    return json(503, { ok: false, error: 'outbox_dead', dependency: 'outbox' });
  }
  if (ping.status === 'fulfilled') return json(200, { ok: true });
  call.log('warn', 'ready_redis_unreachable', { err: pinoError(ping.reason) });
  return json(503, { ok: false, error: 'redis_unreachable', dependency: 'redis' });
}

type Counts = Record<string, number>;
type Loaded = { invocations: Counts; outbox: Counts; idempotency: { rows: number; oldestSeconds: number } };
let loaded: { stats: Loaded; until: number } | undefined;

async function load(db: Pool): Promise<Loaded> {
  if (loaded !== undefined && loaded.until > Date.now()) return loaded.stats;
  const byStatus = async (sql: string): Promise<Counts> => {
    const { rows } = await db.query<{ status: string; count: string }>(sql);
    return Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
  };
  const [invocations, outbox, receipts] = await Promise.all([
    byStatus('SELECT status, count(*) FROM agent_invocations GROUP BY status'),
    byStatus('SELECT status, count(*) FROM caracal_outbox GROUP BY status'),
    db.query<{ rows: string; age: number | null }>(
      'SELECT count(*) AS rows, extract(epoch FROM now() - min(created_at))::float8 AS age FROM coordinator_idempotency_receipts',
    ),
  ]);
  const stats = { invocations, outbox, idempotency: { rows: Number(receipts.rows[0]?.rows ?? 0), oldestSeconds: receipts.rows[0]?.age ?? 0 } };
  loaded = { stats, until: Date.now() + STATS_MS };
  return stats;
}

async function statistics(): Promise<Answer> {
  const { invocations, outbox, idempotency } = await load(pool);
  const { ttl, lease, retention } = sweepers;
  return json(200, {
    invocations, outbox, idempotency: { ...idempotency, outcomes: { created: 0, replayed: 0, conflicts: 0, invalid: 0, expired: 0 } },
    ttl_sweeper: { runs: ttl.runs, failures: ttl.failures, terminated: ttl.changed },
    service_lease_sweeper: { runs: lease.runs, failures: lease.failures, suspended: lease.changed },
    retention_cleaner: {
      runs: retention.runs, failures: retention.failures, expired_edges: 0, deleted_edges: retention.changed, deleted_sessions: 0,
      deleted_outbox: 0, deleted_idempotency_receipts: 0,
    },
    log: { emitted: 0, dropped: 0, sampled: 0 },
  });
}

/** Needs the operator token, which the hook asked for, and then the metrics bearer in the same header (contract, deploy 0, fact 4). */
async function metrics(call: Call): Promise<Answer> {
  if (bearer === '' || !sameText(call.headers.authorization ?? '', `Bearer ${bearer}`)) return failure(401, 'unauthorized');
  const { invocations, outbox, idempotency } = await load(pool);
  const labelled = (name: string, help: string, type: string, label: string, values: Counts): string =>
    [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...Object.entries(values).map(([key, value]) => `${name}{${label}="${key}"} ${String(value)}`), ''].join('\n');
  const text = [
    labelled('caracal_invocations_total', 'Coordinator invocations by status', 'counter', 'status', invocations),
    labelled('caracal_outbox_total', 'Coordinator outbox rows by status', 'gauge', 'status', outbox),
    labelled('caracal_idempotency_requests_total', 'Coordinator idempotency outcomes', 'counter', 'outcome', { created: 0, replayed: 0, conflicts: 0, invalid: 0, expired: 0 }),
    metricsText([
      { name: 'caracal_idempotency_receipts', help: 'Coordinator live idempotency receipts', type: 'gauge', value: idempotency.rows },
      { name: 'caracal_idempotency_oldest_seconds', help: 'Age of the oldest live idempotency receipt', type: 'gauge', value: idempotency.oldestSeconds },
      { name: 'caracal_ttl_sweeper_runs_total', help: 'Ttl sweeper iterations', type: 'counter', value: sweepers.ttl.runs },
      { name: 'caracal_service_lease_sweeper_runs_total', help: 'Service lease sweeper iterations', type: 'counter', value: sweepers.lease.runs },
      { name: 'caracal_retention_cleaner_runs_total', help: 'Retention cleaner iterations', type: 'counter', value: sweepers.retention.runs },
      { name: 'caracal_retention_sessions_deleted_total', help: 'Terminal Sessions deleted by retention', type: 'counter', value: 0 },
      { name: 'caracal_log_emitted_total', help: 'Dev log records emitted', type: 'counter', value: 0 },
      { name: 'caracal_log_dropped_total', help: 'Dev log records dropped due to backpressure', type: 'counter', value: 0 },
      { name: 'caracal_log_sampled_total', help: 'Debug log records dropped by sampler', type: 'counter', value: 0 },
    ]),
  ].join('');
  return { status: 200, body: text, type: NODE_METRICS_TYPE };
}

/** Successful mutations, and refusals of a caller that is known (contract, request evidence 2.3). */
async function recordCall(call: Call, status: number): Promise<void> {
  const caller = auth.callerOf(call);
  if (caller === undefined) return;
  const segments = call.path.split('/').filter(Boolean);
  const [entityType, entityId] = ENTITIES.has(segments[2] ?? '') && segments[3] !== undefined ? [segments[2] ?? null, segments[3]] : [null, null];
  await transaction(pool, (client) => appendAdminAudit(client, {
    requestId: call.id, actorId: caller.subject, actorName: caller.clientId, actorScope: caller.scopes.join(' '), method: call.method, path: call.path,
    zoneId: caller.zoneId, entityType, entityId, statusCode: status, payload: null,
  }, auditKey));
}

function buildApp(): NodeApp {
  const app = new NodeApp({
    log,
    describe: (request, call) => ({
      method: call.method, url: call.url, host: call.headers.host, remoteAddress: call.ip, remotePort: request.socket.remotePort,
    }),
    // The request id is not sent back (contract, readiness 4.2).
    headers: () => ({}),
    onRequest: async (call) => {
      const counted = call.path !== '/health' && await isOverLimit(redis, `coordinator:global_rl:${call.ip}`, globalLimit);
      return counted ? failure(429, 'rate_limited') : undefined;
    },
    preHandler: (call) => auth.check(call),
    onSend: async (call, answer) => {
      if (answer.status >= 400 || !MUTATIONS.has(call.method)) return answer;
      try {
        await recordCall(call, answer.status);
        return answer;
      } catch (error) {
        call.log('error', 'admin audit record could not be persisted; refusing to report success', { err: pinoError(error) });
        return json(500, { error: 'audit_unavailable', message: 'operation applied but its audit record could not be persisted' });
      }
    },
    onResponse: async (call, status) => {
      if (status < 400) return;
      await recordCall(call, status).catch((error: unknown) => {
        call.log('error', 'failed to record admin audit event', { err: pinoError(error) });
      });
    },
  });
  app.route('GET', '/health', () => json(200, { ok: true }));
  app.route('GET', '/ready', ready);
  app.route('GET', '/metrics', metrics);
  app.route('GET', '/stats', statistics);
  addAgentRoutes(app, pool, auth);
  addDelegationRoutes(app, pool, auth);
  return app;
}

/** @throws Error whose text begins as the real one (contract, storage 1.3) */
async function assertSchema(): Promise<void> {
  try {
    await pool.query('SELECT id, lifecycle, lease_generation, last_heartbeat_at, heartbeat_deadline_at, termination_reason FROM sessions LIMIT 0');
  } catch (error) {
    throw new Error(`coordinator schema incompatible with this build: ${messageOf(error)}; apply the current baseline migration before starting`, { cause: error });
  }
  const { rows } = await pool.query<{ may: boolean }>("SELECT has_table_privilege(current_user, 'sessions', 'DELETE') AS may");
  if (rows[0]?.may !== true) {
    throw new Error('coordinator role lacks the sessions DELETE grant its retention cleaner requires; apply the current baseline migration grants before starting');
  }
}

try {
  await within(redis.ping(), graceMs, 'startup redis ping timed out');
  await within(pool.query('SELECT 1'), graceMs, 'startup postgres ping timed out');
  await within(assertSchema(), graceMs, 'startup schema compatibility probe timed out');
  const app = buildApp();
  shutdown.register('lifecycle-relay', startRelay({
    redis, key: streamsKey, log, consumer: optional('RELAY_CONSUMER_NAME', hostName()), claimIdleMs: whole('RELAY_CLAIM_IDLE_SEC', 60) * 1000,
  }));
  shutdown.register('retention-cleaner', startRetentionCleaner(pool, log, sweepers.retention));
  shutdown.register('deadline-enforcer', startDeadlineEnforcer(pool, log));
  shutdown.register('service-lease-sweeper', startLeaseSweeper(pool, log, sweepers.lease));
  shutdown.register('ttl-sweeper', startTtlSweeper(pool, log, sweepers.ttl));
  shutdown.register('outbox-publisher', startPublisher({
    pool, redis, key: streamsKey, log, intervalMs: whole('OUTBOX_INTERVAL_MS', 1000), batch: whole('OUTBOX_BATCH_SIZE', 50),
    maxAttempts: whole('OUTBOX_MAX_ATTEMPTS', 10), maxLength: whole('STREAMS_MAXLEN', 100_000),
  }));
  shutdown.register('fastify', () => app.close());
  try {
    await app.listen(port, optional('HOST', '127.0.0.1'));
  } catch (error) {
    log('error', messageOf(error), { err: pinoError(error) });
    await shutdown.fire('listen-failed', 1);
  }
} catch (error) {
  bootstrapLog('error', `startup failed: ${messageOf(error)}`);
  await shutdown.fire('startup-failed', 1);
}
