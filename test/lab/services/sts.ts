import type { IncomingMessage } from 'node:http';
import { uuidv7 } from '../stores/identifiers.ts';
import { AuditProducer } from './audit-producer.ts';
import { messageOf } from './deadline.ts';
import { hexKey, optional, required, whole } from './environment.ts';
import { GATEWAY_HEADERS, type GatewayEnvelope, isGatewayRequest } from './gateway-signature.ts';
import { GoRedis } from './go-redis.ts';
import { goEmpty, goError, goJson, goPlain, GoServer, goText, type GoHandler, metricsAuthorised, notReady, onTermination, readText } from './go-server.ts';
import { endAsGo, initialise } from './go-process.ts';
import { goLog } from './logging.ts';
import { GO_METRICS_TYPE } from './metrics-text.ts';
import { DECISION_CONTRACT_SHA256, DECISION_CONTRACT_VERSION, PolicyEngine } from './policy-engine.ts';
import { ProviderTokens } from './provider-tokens.ts';
import { SigningKeys } from './signing-keys.ts';
import { goPool, pingPostgres } from './stores.ts';
import { type StreamFields, STREAMS } from './streams.ts';
import { STS_GROUPS, StsConsumers } from './sts-consumers.ts';
import { exchange } from './sts-exchange.ts';
import { type OpaFigures, type StsFigures, stsMetricsText } from './sts-metrics.ts';

// Stand-in for Caracal's STS (contract, readiness 2.2 and 4.6; request evidence 4).

const READY_BUDGET_MS = 2000;
/** Time that Postgres and Redis get while the service starts (contract, deploy 5.2, DB_CONNECT_TIMEOUT). */
const INIT_LIMIT_MS = 10_000;
const NONCE_SECONDS = 120;
const MAX_FORM_BYTES = 64 * 1024;

endAsGo();
const log = goLog('sts');
const port = whole('PORT', 8080);
const bearer = optional('METRICS_BEARER');
const gatewayKey = hexKey('GATEWAY_STS_HMAC_KEY');
const streamsKey = hexKey('STREAMS_HMAC_KEY');
const pollSeconds = whole('OPA_POLL_SECONDS', 60);
const redisUrl = required('REDIS_URL');
const pool = goPool(required('DATABASE_URL'));
const redis = new GoRedis(redisUrl);
const audit = new AuditProducer(redis, hexKey('AUDIT_HMAC_KEY'), optional('AUDIT_REPLAY_DIR', '/var/lib/caracal/audit-replay'), log);
const policy = new PolicyEngine(pool, log);
const keys = new SigningKeys(pool, hexKey('SECRET_STORE_KEK'), log);
const providers = new ProviderTokens(redis);
const counters = { traversals: 0, traversalErrors: 0 };
const consumers = new StsConsumers(redis, () => new GoRedis(redisUrl), streamsKey, log);
const context = {
  pool, redis, policy, keys, providers, audit, log, counters, issuer: required('ISSUER_URL'), mintLimitPerMinute: whole('STS_MINT_RATE_LIMIT_PER_MIN', 1000),
};

/** Readiness in Caracal's order (services/sts/internal/server.go:558-606). */
const ready: GoHandler = async (_, response) => {
  const deadline = Date.now() + READY_BUDGET_MS;
  try {
    await pingPostgres(pool, READY_BUDGET_MS);
  } catch (error) {
    log('warn', 'ready: postgres unreachable', { error: messageOf(error) });
    notReady(response, 'postgres_unreachable');
    return;
  }
  try {
    await redis.run((client) => client.ping(), deadline - Date.now());
  } catch (error) {
    log('warn', 'ready: redis unreachable', { error: messageOf(error) });
    notReady(response, 'redis_unreachable');
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
  if (!consumers.ready) {
    log('warn', 'ready: stream consumers not ready');
    notReady(response, 'stream_consumers_not_ready');
    return;
  }
  goJson(response, 200, { ok: true, ready: true });
};

async function stsFigures(): Promise<StsFigures> {
  const spilled = await audit.figures();
  return {
    graph_traversals: counters.traversals, graph_traversal_errors: counters.traversalErrors, audit_dropped: spilled.dropped,
    audit_replay_pending: spilled.persisted, audit_replay_files: spilled.files, audit_replay_bytes: spilled.bytes,
    audit_replay_oldest_age_seconds: spilled.oldestAgeSeconds, audit_replay_replayed: spilled.drained,
    audit_sink_errors: spilled.sinkErrors, jwks_invalid_keys: keys.invalid, provider_refresh_shared: 0, provider_refresh_leased: 0,
    provider_refresh_waited: 0, provider_refresh_errors: 0, provider_circuit_open: providers.counters.circuitOpen, secret_backend_reads: 0, secret_backend_errors: 0,
  };
}

function opaFigures(): OpaFigures {
  const { evaluations, evaluationErrors, evaluationNs, compilations, compilationErrors, compilationNs } = policy.counters;
  return {
    eval_total: evaluations, eval_errors: evaluationErrors, eval_duration_ns: Number(evaluationNs), compile_total: compilations,
    compile_errors: compilationErrors, compile_duration_ns: Number(compilationNs), max_policy_age_seconds: policy.maxAgeSeconds(),
    poll_interval_seconds: pollSeconds, decision_contract_version: DECISION_CONTRACT_VERSION, decision_contract_sha256: DECISION_CONTRACT_SHA256,
  };
}

const guarded = (answer: GoHandler): GoHandler => (request, response) => {
  if (metricsAuthorised(request, bearer)) return answer(request, response);
  goText(response, 401, 'unauthorized');
};

const jwks: GoHandler = async (request, response) => {
  const zoneId = new URL(request.url ?? '/', 'http://host').searchParams.get('zone_id') ?? '';
  if (zoneId === '') {
    goError(response, 400, 'invalid_token', 'zone_id required', '');
    return;
  }
  // A Postgres error looks like a zone without a key (contract, readiness 4.6).
  const published = await keys.published(zoneId).catch(() => ({ rows: 0, keys: [] }));
  if (published.rows === 0) goError(response, 404, 'resource_not_found', 'zone signing key not found', '');
  else if (published.keys.length === 0) goError(response, 500, 'internal_error', 'signing key decryption failed', '');
  else goJson(response, 200, { keys: published.keys }, { 'Cache-Control': 'public, max-age=300, must-revalidate' });
};

const token: GoHandler = async (request, response) => {
  const incoming = request.headers['x-request-id'];
  const requestId = typeof incoming === 'string' && incoming !== '' ? incoming : uuidv7();
  response.setHeader('X-Request-Id', requestId);
  const refuse = (status: number, error: string, description: string): void => {
    goError(response, status, error, description, requestId);
  };
  if (request.headers['content-type']?.split(';')[0] !== 'application/x-www-form-urlencoded') {
    refuse(415, 'invalid_token', 'application/x-www-form-urlencoded content type is required');
    return;
  }
  const body = await readText(request, MAX_FORM_BYTES);
  if (body === undefined) {
    refuse(413, 'payload_too_large', 'request body too large');
    return;
  }
  const form = new URLSearchParams(body);
  const repeated = [...new Set(form.keys())].find((name) => name !== 'resource' && form.getAll(name).length > 1);
  if (repeated !== undefined) {
    refuse(400, 'invalid_token', `duplicate form field: ${repeated}`);
    return;
  }
  const claimsGateway = request.headers[GATEWAY_HEADERS.signature] !== undefined;
  if (claimsGateway && !await isGenuine(request, body, form)) {
    refuse(401, 'access_denied', 'invalid gateway exchange signature');
    return;
  }
  const outcome = await exchange(context, { form, requestId, fromGateway: claimsGateway });
  if ('body' in outcome) goJson(response, 200, outcome.body);
  else refuse(outcome.status, outcome.error, outcome.description);
};

/** A genuine request of the Gateway, whose request id is that of the form. */
async function isGenuine(request: IncomingMessage, body: string, form: URLSearchParams): Promise<boolean> {
  return form.get('gateway_request_id') === request.headers['x-request-id'] && isSigned(request, body);
}

/** Right key, right time, and a nonce that nobody has used; without Redis nobody can tell, so no. */
async function isSigned(request: IncomingMessage, body: string): Promise<boolean> {
  const header = (name: string): string => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : '';
  };
  const envelope: GatewayEnvelope = {
    timestamp: header(GATEWAY_HEADERS.timestamp), nonce: header(GATEWAY_HEADERS.nonce), method: request.method ?? '',
    path: request.url ?? '', body,
  };
  if (!isGatewayRequest(gatewayKey, envelope, header(GATEWAY_HEADERS.signature))) return false;
  const fresh = await redis.run((client) => client.set(`caracal:sts:gw-nonce:${envelope.nonce}`, '1', 'EX', NONCE_SECONDS, 'NX')).catch(() => null);
  return fresh === 'OK';
}

const policyStatus: GoHandler = async (request, response) => {
  if (await isSigned(request, '')) goJson(response, 200, policy.status(decodeURIComponent(request.url?.split('/').at(-1) ?? '')));
  else goError(response, 401, 'access_denied', 'invalid policy status request signature', '');
};

async function revoke(fields: StreamFields): Promise<void> {
  const { zone_id: zoneId = '', session_id: recordId = '', agent_session_id: sessionId = '', reason = '' } = fields;
  if (zoneId === '') throw new Error('missing zone_id');
  if (recordId === '' && sessionId === '') throw new Error('missing session_id or agent_session_id');
  await pool.query(
    `UPDATE authority_records SET status = 'revoked', revoked_at = now(), revoked_reason = $3
     WHERE id = $1 AND zone_id = $2 AND status = 'active'`, [recordId, zoneId, reason],
  );
}

async function reloadPolicy({ zone_id: zoneId = '' }: StreamFields): Promise<void> {
  if (zoneId === '') throw new Error('missing zone_id');
  await policy.reload(zoneId);
}

function forgetKey({ zone_id: zoneId = '' }: StreamFields): Promise<void> {
  if (zoneId === '') return Promise.reject(new Error('missing zone_id'));
  keys.forget(zoneId);
  return Promise.resolve();
}

const server = new GoServer([
  { method: 'POST', path: '/oauth/2/token', handler: token },
  { method: 'GET', path: '/.well-known/jwks.json', handler: jwks },
  { method: 'GET', path: '/internal/policy/status/{zoneID}', handler: policyStatus },
  { method: 'GET', path: '/health', handler: (_, response) => {
    goEmpty(response);
  } },
  { method: 'GET', path: '/ready', handler: ready },
  { method: 'GET', path: '/metrics', handler: guarded(async (_, response) => {
    goPlain(response, GO_METRICS_TYPE, stsMetricsText(await stsFigures(), opaFigures()));
  }) },
  { method: 'GET', path: '/metrics.json', handler: guarded(async (_, response) => {
    goJson(response, 200, { audit_dropped: audit.dropped, opa: opaFigures(), sts: await stsFigures() });
  }) },
]);

await initialise(async () => {
  await pingPostgres(pool, INIT_LIMIT_MS);
  await audit.start();
});
void consumers.start([
  { stream: STREAMS.revocations, group: STS_GROUPS.revocations, role: 'revocations', failure: 'revocation consumer read', handle: revoke },
  { stream: STREAMS.policy, group: STS_GROUPS.policy, role: 'policy', failure: 'policy invalidation consumer read', handle: reloadPolicy },
  { stream: STREAMS.keys, group: STS_GROUPS.keys, role: 'keys', failure: 'key invalidation consumer read', handle: forgetKey },
]);
void policy.seed();
const poll = setInterval(() => void policy.poll(), pollSeconds * 1000);
await server.listen(port);
log('info', 'listening', { port: String(port) });

onTermination(async () => {
  clearInterval(poll);
  consumers.stop();
  await server.close();
  await audit.stop();
  redis.close();
  await pool.end();
});
