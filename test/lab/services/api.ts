import { AdminAuth, seedBootstrapToken, zoneOf } from './api-auth.ts';
import { startAuthorityReaper } from './api-jobs.ts';
import { appendAdminAudit, entityOf } from './admin-audit.ts';
import { outboxHealth, outboxMetrics, startDispatcher } from './api-outbox.ts';
import { addRoutes } from './api-routes.ts';
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
import { startWebhooks } from './webhooks.ts';

// Stand-in for Caracal's API (contract, readiness 2.2 and 4.3; request evidence 1 and 2).

const CHECK_MS = 5000;
const MUTATIONS = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

const bootstrapLog = coreLog('api-bootstrap');
const log = pinoLog('api');
const port = whole('PORT', 3000);
const bearer = optional('METRICS_BEARER');
const adminToken = required('CARACAL_ADMIN_TOKEN');
const auditKey = hexKey('AUDIT_HMAC_KEY');
const streamsKey = hexKey('STREAMS_HMAC_KEY');
const kek = hexKey('SECRET_STORE_KEK');
const readyLimit = whole('READY_RATE_LIMIT_PER_MIN', 120);
const v1Limit = whole('API_V1_RATE_LIMIT_PER_MIN', 600);
const deadLimit = whole('API_READY_OUTBOX_DEAD_MAX', 0);
const graceMs = whole('SHUTDOWN_GRACE_MS', 15_000);
const workerId = optional('WORKER_ID', `${hostName()}:${String(process.pid)}`);
const pool = nodePool({
  service: 'api', connectionString: required('DATABASE_URL'), statementTimeoutMs: whole('DB_STATEMENT_TIMEOUT_MS', 15_000),
  idleInTransactionMs: 30_000, applicationName: workerId,
});
const redis = nodeRedis(required('REDIS_URL'), true);
const auth = new AdminAuth(pool, redis, { failures: whole('ADMIN_AUTH_FAIL_LIMIT_PER_MIN', 60), actor: v1Limit });

const shutdown = new Shutdown(bootstrapLog, graceMs);
shutdown.register('redis', async () => {
  await redis.quit();
});
shutdown.register('postgres', () => pool.end());
shutdown.register('telemetry', () => undefined);

/** Readiness in Caracal's order (apps/api/src/app.ts:597-640). */
async function ready(call: Call): Promise<Answer> {
  if (await isOverLimit(redis, `api:ready_rl:${call.ip}`, readyLimit)) return failure(429, 'rate_limited');
  if (shutdown.draining) return json(503, { ok: false, draining: true });
  const unreachable = (reason: string, dependency: string, error: unknown): Answer => {
    call.log('warn', `ready_${reason}`, { err: pinoError(error) });
    return json(503, { ok: false, error: reason, dependency });
  };
  try {
    await within(pool.query('SELECT 1'), CHECK_MS, 'ready postgres check timed out');
  } catch (error) {
    return unreachable('postgres_unreachable', 'postgres', error);
  }
  try {
    await within(redis.ping(), CHECK_MS, 'ready redis check timed out');
  } catch (error) {
    return unreachable('redis_unreachable', 'redis', error);
  }
  let dead: number;
  try {
    ({ dead } = await within(outboxHealth(pool), CHECK_MS, 'ready outbox check timed out'));
  } catch (error) {
    return unreachable('outbox_unreachable', 'postgres', error);
  }
  if (dead <= deadLimit) return json(200, { ok: true });
  call.log('warn', 'ready_outbox_dead_messages', { deadCount: dead, limit: deadLimit });
  return json(503, { ok: false, error: 'outbox_dead_messages', deadCount: dead, limit: deadLimit });
}

/** One query; its failure is a 500 (contract, readiness 2.4). */
async function metrics(call: Call): Promise<Answer> {
  if (bearer === '' || !sameText(call.headers.authorization ?? '', `Bearer ${bearer}`)) return failure(401, 'unauthorized');
  const health = await within(outboxHealth(pool), CHECK_MS, 'metrics outbox check timed out');
  const counter = (name: string, help: string) => ({ name: `caracal_${name}`, help, type: 'counter' as const, value: 0 });
  const provider = (outcome: 'success' | 'failure', adjective: string): string => {
    const name = `caracal_operator_ai_provider_last_${outcome}_timestamp_seconds`;
    return `# HELP ${name} Unix timestamp of the most recent ${adjective} real request to an Operator AI provider, or 0 if none.\n# TYPE ${name} gauge\n`;
  };
  const text = [
    metricsText([
      counter('log_emitted_total', 'Dev log records emitted'), counter('log_dropped_total', 'Dev log records dropped due to backpressure'),
      counter('log_sampled_total', 'Debug log records dropped by sampler'),
    ]),
    '\n', outboxMetrics(health), provider('success', 'successful'), provider('failure', 'failed'),
    metricsText([
      counter('secret_backend_operations_total', 'Secret backend operations attempted'),
      counter('secret_backend_errors_total', 'Secret backend operations that failed'),
    ]),
    '\n',
  ].join('');
  return { status: 200, body: text, type: NODE_METRICS_TYPE };
}

/** Mutations must be on record before they are reported; the row of a failure follows the answer. */
async function recordMutation(call: Call, answer: Answer): Promise<Answer> {
  if (!call.path.startsWith('/v1/') || answer.status >= 400 || !MUTATIONS.has(call.method)) return answer;
  try {
    await recordCall(call, answer.status);
    return answer;
  } catch (error) {
    call.log('error', 'admin audit record could not be persisted; refusing to report success', { err: pinoError(error), requestId: call.id });
    return json(500, { error: 'audit_unavailable', error_description: 'operation applied but its audit record could not be persisted' });
  }
}

async function recordFailure(call: Call, status: number): Promise<void> {
  if (!call.path.startsWith('/v1/') || status < 400) return;
  try {
    await recordCall(call, status);
  } catch (error) {
    call.log('error', 'failed to record admin audit event', { err: pinoError(error), requestId: call.id });
  }
}

/** Payload in Caracal's order of keys, which the hash covers (contract, storage 9.8). */
async function recordCall(call: Call, status: number): Promise<void> {
  const actor = auth.actorOf(call);
  const entity = entityOf(call.path);
  const zoneScoped = actor?.scope === 'zone' ? actor.zoneId : null;
  const fields = typeof call.body === 'object' && call.body !== null ? Object.keys(call.body).sort() : [];
  const payload = {
    rls_mode: zoneScoped === null ? 'control_plane_wildcard' : 'zone_scoped', rls_zone_guc: zoneScoped ?? '*',
    ...(status < 400 ? { change_kind: 'action', changed_fields: fields } : {}),
  };
  await transaction(pool, (client) => appendAdminAudit(client, {
    requestId: call.id, actorId: actor?.id ?? null, actorName: actor?.name ?? null, actorScope: actor?.scope ?? null, method: call.method,
    path: call.path, zoneId: zoneOf(call.path) ?? null, entityType: entity.type, entityId: entity.id, statusCode: status, payload,
  }, auditKey));
}

function buildApp(): NodeApp {
  const app = new NodeApp({
    log,
    describe: (_, call) => ({ method: call.method, url: call.path, ip: call.ip }),
    headers: (call) => ({
      'x-request-id': call.id,
      ...(call.path.startsWith('/v1/') ? { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' } : {}),
    }),
    onRequest: async (call) => {
      const counted = call.path.startsWith('/v1/') && await isOverLimit(redis, `api:v1_rl:ip:${call.ip}`, v1Limit);
      return counted ? failure(429, 'rate_limited') : undefined;
    },
    preHandler: (call) => call.path.startsWith('/v1/') ? auth.check(call) : Promise.resolve(undefined),
    onSend: recordMutation,
    onResponse: recordFailure,
  });
  app.route('GET', '/health', () => json(200, { ok: true }));
  app.route('GET', '/ready', ready);
  app.route('GET', '/metrics', metrics);
  const stsUrl = required('STS_URL');
  addRoutes(app, {
    pool, auth, auditKey, redis, stsUrl, issuer: optional('ISSUER_URL', stsUrl), gateFile: optional('CONTROL_GATE_FILE', '/run/caracal-control/enabled'),
    self: { url: `http://127.0.0.1:${String(port)}`, adminToken }, sts: { url: stsUrl, key: optional('GATEWAY_STS_HMAC_KEY') === '' ? undefined : hexKey('GATEWAY_STS_HMAC_KEY') },
  });
  return app;
}

try {
  await within(redis.ping(), graceMs, 'startup redis ping timed out');
  await seedBootstrapToken(pool, adminToken, bootstrapLog);
  const app = buildApp();
  const stopDispatcher = startDispatcher({
    pool, redis, key: streamsKey, log, workerId, pollMs: whole('OUTBOX_POLL_MS', 250), batch: whole('OUTBOX_BATCH_SIZE', 32),
    lockSeconds: whole('OUTBOX_LOCK_SEC', 30), maxAttempts: whole('OUTBOX_MAX_ATTEMPTS', 100), maxLength: whole('OUTBOX_STREAM_MAXLEN', 100_000),
  });
  shutdown.register('outbox-dispatcher', stopDispatcher);
  shutdown.register('sessions-reaper', startAuthorityReaper(pool, log));
  shutdown.register('notification-dispatcher', startWebhooks({ pool, kek, log }));
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
