import type { IncomingMessage, ServerResponse } from 'node:http';
import { uuidv7 } from '../stores/identifiers.ts';
import { AuditProducer } from './audit-producer.ts';
import { messageOf } from './deadline.ts';
import type { PolicyInput } from './decision-contract.ts';
import { hexKey, optional, required, whole } from './environment.ts';
import { GATEWAY_HEADERS, type GatewayEnvelope, isGatewayRequest } from './gateway-signature.ts';
import { GoRedis } from './go-redis.ts';
import { goEmpty, goError, goJson, goPlain, GoServer, goText, type GoHandler, metricsAuthorised, notReady, onTermination, readText } from './go-server.ts';
import { endAsGo, initialise } from './go-process.ts';
import { goLog } from './logging.ts';
import { GO_METRICS_TYPE } from './metrics-text.ts';
import { DECISION_CONTRACT_SHA256, DECISION_CONTRACT_VERSION, PolicyEngine, type PolicyModule } from './policy-engine.ts';
import { ProviderTokens } from './provider-tokens.ts';
import { SigningKeys } from './signing-keys.ts';
import { goPool, pingPostgres } from './stores.ts';
import { type StreamFields, STREAMS } from './streams.ts';
import { STS_GROUPS, StsConsumers } from './sts-consumers.ts';
import { Refusal } from './sts-context.ts';
import { decideAsSubject, holdState } from './sts-decisions.ts';
import { exchange } from './sts-exchange.ts';
import { Held, type Hold, inSeconds } from './sts-holds.ts';
import { runCredential, runManifest } from './sts-workloads.ts';
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
const auditKey = hexKey('AUDIT_HMAC_KEY');
const kek = hexKey('SECRET_STORE_KEK');
const streamsKey = hexKey('STREAMS_HMAC_KEY');
const pollSeconds = whole('OPA_POLL_SECONDS', 60);
const redisUrl = required('REDIS_URL');
const pool = goPool(required('DATABASE_URL'));
const redis = new GoRedis(redisUrl);
const audit = new AuditProducer(redis, auditKey, optional('AUDIT_REPLAY_DIR', '/var/lib/caracal/audit-replay'), log);
const policy = new PolicyEngine(pool, log);
const keys = new SigningKeys(pool, kek, log);
const providers = new ProviderTokens(redis);
const counters = { traversals: 0, traversalErrors: 0 };
const consumers = new StsConsumers(redis, () => new GoRedis(redisUrl), streamsKey, log);
const context = {
  pool, redis, policy, keys, providers, audit, log, counters, kek, issuer: required('ISSUER_URL'), mintLimitPerMinute: whole('STS_MINT_RATE_LIMIT_PER_MIN', 1000),
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
  const requestId = requestIdOf(request);
  response.setHeader('X-Request-Id', requestId);
  await answering(response, requestId, async () => {
    const { form, body } = await formOf(request);
    const claimsGateway = request.headers[GATEWAY_HEADERS.signature] !== undefined;
    if (claimsGateway && !await isGenuine(request, body, form)) throw new Refusal(401, 'access_denied', 'invalid gateway exchange signature');
    const outcome = await exchange(context, { form, requestId, fromGateway: claimsGateway });
    if ('hold' in outcome) throw new Held(outcome.hold);
    if ('error' in outcome) throw new Refusal(outcome.status, outcome.error, outcome.description);
    return outcome.body;
  });
};

/** For the launcher; its answers, but for a hold, do not tell the request id. */
const run = (answer: typeof runManifest): GoHandler => async (request, response) => {
  const requestId = requestIdOf(request);
  await answering(response, '', async () => {
    const { form } = await formOf(request);
    return answer(context, { form, requestId, launchId: String(request.headers['x-caracal-launch-id'] ?? '').trim() });
  }, requestId);
};

const approval: GoHandler = async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://host');
  await answering(response, '', async () => ({ ...await holdState(context, pathname.split('/')[2] ?? '', searchParams.get('wait') ?? '') }));
};

const approvalDecision: GoHandler = async (request, response) => {
  const { authorization = '' } = request.headers;
  if (authorization === '') response.setHeader('WWW-Authenticate', 'Bearer realm="caracal-sts"');
  await answering(response, '', async () => ({
    ...await decideAsSubject(context, { id: request.url?.split('/')[2] ?? '', authorization, body: await jsonOf(request), auditKey }),
  }));
};

/** The policies of a version, evaluated over an input that the API was given (Caracal services/sts/internal/simulation.go). */
const simulation: GoHandler = async (request, response) => {
  const body = await readText(request, MAX_FORM_BYTES) ?? '';
  await answering(response, '', async () => {
    if (!await isSigned(request, body)) throw new Refusal(401, 'access_denied', 'invalid simulation request signature');
    const { policies, input, ...about } = JSON.parse(body) as Simulation;
    try {
      return { policy_set_id: about.policy_set_id, version_id: about.version_id, manifest_sha256: about.manifest_sha256, result: policy.simulate(policies, input) };
    } catch (error) {
      throw new Refusal(422, 'policy_eval_failed', messageOf(error));
    }
  });
};

type Simulation = { policy_set_id: string; version_id: string; manifest_sha256: string; policies: PolicyModule[]; input: PolicyInput };

/** Any text that the caller sends is its id. */
function requestIdOf(request: IncomingMessage): string {
  const incoming = request.headers['x-request-id'];
  return typeof incoming === 'string' && incoming !== '' ? incoming : uuidv7();
}

/** @throws Refusal of a form that says nothing, or something twice */
async function formOf(request: IncomingMessage): Promise<{ form: URLSearchParams; body: string }> {
  if (request.url?.includes('?') === true) throw new Refusal(400, 'invalid_token', 'query parameters are not allowed');
  if (request.headers['content-type']?.split(';')[0] !== 'application/x-www-form-urlencoded') {
    throw new Refusal(415, 'invalid_token', 'application/x-www-form-urlencoded content type is required');
  }
  const body = await readText(request, MAX_FORM_BYTES);
  if (body === undefined) throw new Refusal(413, 'payload_too_large', 'request body too large');
  const form = new URLSearchParams(body);
  const repeated = [...new Set(form.keys())].find((name) => name !== 'resource' && form.getAll(name).length > 1);
  if (repeated !== undefined) throw new Refusal(400, 'invalid_token', `duplicate form field: ${repeated}`);
  return { form, body };
}

/** Undefined for what is no JSON. */
async function jsonOf(request: IncomingMessage): Promise<unknown> {
  try {
    return JSON.parse(await readText(request, MAX_FORM_BYTES) ?? '');
  } catch {
    return undefined;
  }
}

/** Sends what `answer` gives, or what it throws; a hold always tells the request id. */
async function answering(response: ServerResponse, requestId: string, answer: () => Promise<Record<string, unknown>>, idOfHold = requestId): Promise<void> {
  try {
    goJson(response, 200, await answer());
  } catch (error) {
    if (error instanceof Held) sendHold(response, error.hold, idOfHold);
    else if (error instanceof Refusal) goError(response, error.status, error.code, error.message, requestId);
    else throw error;
  }
}

/** The mint waits (contract, request evidence 4.2). */
function sendHold(response: ServerResponse, hold: Hold, requestId: string): void {
  goJson(response, 401, {
    error: 'interaction_required', error_description: 'Human approval required for this request', approval_id: hold.id, approval_type: 'human_approval', state: hold.state,
    tier: hold.tier, binding: hold.binding, approval_expires_at: inSeconds(hold.expires_at), requestId,
  }, { 'WWW-Authenticate': 'Bearer error="interaction_required"' });
}

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
  { method: 'GET', path: '/approvals/{id}', handler: approval },
  { method: 'POST', path: '/approvals/{id}/decision', handler: approvalDecision },
  { method: 'POST', path: '/v1/run/manifest', handler: run(runManifest) },
  { method: 'POST', path: '/v1/run/credential', handler: run(runCredential) },
  { method: 'POST', path: '/internal/policy/simulate', handler: simulation },
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
