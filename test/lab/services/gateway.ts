import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AuditProducer, QUEUE_CAPACITY } from './audit-producer.ts';
import { messageOf } from './deadline.ts';
import { hexKey, optional, required, whole } from './environment.ts';
import { type GatewayFigures, gatewayMetricsText } from './gateway-metrics.ts';
import { GatewayProxy } from './gateway-proxy.ts';
import { GoRedis } from './go-redis.ts';
import { goEmpty, goJson, goPlain, GoServer, goText, type GoHandler, metricsAuthorised, notReady, onTermination } from './go-server.ts';
import { endAsGo, initialise } from './go-process.ts';
import { goLog } from './logging.ts';
import { GO_METRICS_TYPE } from './metrics-text.ts';
import { Revocations } from './revocations.ts';
import { goPool } from './stores.ts';
import { StsClient } from './sts-client.ts';

// Stand-in for Caracal's Gateway (contract, readiness 2.2 and 4.7; request evidence 5).

const READY_BUDGET_MS = 2000;

endAsGo();
const log = goLog('gateway');
const port = whole('PORT', 8081);
const bearer = optional('METRICS_BEARER');
const adminToken = optional('CARACAL_ADMIN_TOKEN');
const pool = goPool(required('DATABASE_URL'));
const redis = new GoRedis(required('REDIS_URL'));
const audit = new AuditProducer(redis, hexKey('AUDIT_HMAC_KEY'), optional('AUDIT_REPLAY_DIR', '/var/lib/caracal/audit-replay'), log);
const revocations = new Revocations(pool, redis, hexKey('STREAMS_HMAC_KEY'), log);
const sts = new StsClient(required('STS_URL'), whole('STS_TIMEOUT_MS', 5000), hexKey('GATEWAY_STS_HMAC_KEY'));
const proxy = new GatewayProxy({ sts, redis, audit, revocations, upstreamTimeoutMs: 30_000, log });

/** Readiness in Caracal's order (services/gateway/internal/server.go:224-269): no ping of Postgres. */
const ready: GoHandler = async (_, response) => {
  const deadline = Date.now() + READY_BUDGET_MS;
  try {
    await redis.run((client) => client.ping(), READY_BUDGET_MS);
  } catch (error) {
    log('warn', 'ready: redis unreachable', { error: messageOf(error) });
    notReady(response, 'redis_unreachable');
    return;
  }
  if (!revocations.fresh) {
    log('warn', 'ready: revocation snapshot stale');
    notReady(response, 'revocation_snapshot_stale');
    return;
  }
  if (audit.dropped > 0) {
    log('error', 'ready: audit evidence lost', { dropped: audit.dropped });
    notReady(response, 'audit_evidence_lost');
    return;
  }
  try {
    await audit.probe();
  } catch (error) {
    log('warn', 'ready: audit replay unavailable', { error: messageOf(error) });
    notReady(response, 'audit_replay_unavailable');
    return;
  }
  try {
    await sts.health(deadline - Date.now());
  } catch (error) {
    log('warn', 'ready: sts unreachable', { error: messageOf(error) });
    notReady(response, 'sts_unreachable');
    return;
  }
  goJson(response, 200, { ok: true, ready: true });
};

async function figures(): Promise<GatewayFigures> {
  const spilled = await audit.figures();
  const revoked = revocations.counters;
  return {
    ...proxy.counters, audit_replay_files: spilled.files, audit_replay_bytes: spilled.bytes,
    audit_replay_oldest_age_seconds: spilled.oldestAgeSeconds, audit_dropped: spilled.dropped, audit_sink_errors: spilled.sinkErrors,
    audit_queue_depth: spilled.queued, audit_queue_cap: QUEUE_CAPACITY, audit_persisted: spilled.persisted, audit_drained: spilled.drained,
    revocations_active: revocations.size, revocation_snapshot_age_seconds: revocations.ageSeconds(),
    revocation_snapshot_fresh: revocations.fresh ? 1 : 0, revocation_messages: revoked.messages, revocation_pending_replayed: revoked.replayed,
    revocation_dead_letters: revoked.deadLetters, revocation_invalid_signatures: revoked.invalidSignatures,
    revocation_reloads: revoked.reloads, revocation_reload_errors: revoked.reloadErrors, revocation_propagation_seconds: revoked.propagationSeconds,
  };
}

/** 1 to 128 printable ASCII characters are kept (contract, readiness 4.2). */
function requestIdOf(request: IncomingMessage): string {
  const incoming = request.headers['x-request-id'];
  return typeof incoming === 'string' && /^[\x21-\x7e]{1,128}$/.test(incoming) ? incoming : randomUUID();
}

const guarded = (answer: GoHandler): GoHandler => (request, response) => {
  if (metricsAuthorised(request, bearer)) return answer(request, response);
  goText(response, 401, 'unauthorized');
};

/** Every answer carries the request's id. */
const identified = (answer: GoHandler): GoHandler => (request, response) => {
  response.setHeader('X-Request-Id', requestIdOf(request));
  return answer(request, response);
};

const reload: GoHandler = async (request, response) => {
  if (adminToken === '' || request.headers.authorization !== `Bearer ${adminToken}`) {
    goText(response, 404, '404 page not found');
    return;
  }
  const before = revocations.counters.reloadErrors;
  await revocations.reload();
  if (revocations.counters.reloadErrors > before) goJson(response, 503, { error: 'revocation_reload_failed' });
  else goJson(response, 200, { ok: true, revocations: revocations.size });
};

const server = new GoServer([
  { path: '/health', handler: identified((_, response) => {
    goEmpty(response);
  }) },
  { path: '/ready', handler: identified(ready) },
  { path: '/metrics', handler: identified(guarded(async (_, response) => {
    goPlain(response, GO_METRICS_TYPE, gatewayMetricsText(await figures(), { max: pool.options.max, acquired: pool.totalCount - pool.idleCount }));
  })) },
  { path: '/metrics.json', handler: identified(guarded(async (_, response) => {
    goJson(response, 200, await figures());
  })) },
  { method: 'POST', path: '/internal/revocations/reload', handler: identified(reload) },
], (request, response) => {
  const requestId = requestIdOf(request);
  response.setHeader('X-Request-Id', requestId);
  return proxy.serve(request, response, requestId);
});

await initialise(async () => {
  await audit.start();
  await revocations.start();
});
await server.listen(port);
log('info', 'gateway listening', { port: String(port), tls: false });

onTermination(async () => {
  log('info', 'gateway shutting down');
  revocations.stop();
  await server.close();
  await audit.stop();
  redis.close();
  await pool.end();
});
