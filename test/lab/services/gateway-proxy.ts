import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { uuidv7 } from '../stores/identifiers.ts';
import { goTime } from './audit-event.ts';
import type { AuditProducer } from './audit-producer.ts';
import { messageOf } from './deadline.ts';
import type { GatewayFigures } from './gateway-metrics.ts';
import type { GoRedis } from './go-redis.ts';
import { goError, readText } from './go-server.ts';
import type { Fields, Level, Log } from './logging.ts';
import { type Claims, peek, verified } from './mandates.ts';
import type { Revocations } from './revocations.ts';
import type { StsClient, Upstream } from './sts-client.ts';

const MAX_BEARER_BYTES = 4096;
const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** A mandate that ends sooner is not worth a try. */
const PRE_FLIGHT_SECONDS = 35;
const REVOKED_TRAILER = 'X-Caracal-Revoked';
const CIRCUIT_FAILURES = 3;
const CIRCUIT_OPEN_MS = 10_000;
/** Headers that end at the Gateway, in either direction (contract, request evidence 5). */
const NOT_FORWARDED = new Set([
  'host', 'authorization', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'content-encoding', 'x-caracal-resource',
  'x-caracal-identity', 'server', 'x-powered-by', 'refresh', 'expect',
]);

export type ProxyOptions = {
  sts: StsClient; redis: GoRedis; audit: AuditProducer; revocations: Revocations; upstreamTimeoutMs: number; log: Log;
};
/** The counters of the proxy among the Gateway's figures. */
export type ProxyCounters = Pick<GatewayFigures,
  'requests_total' | 'requests_allowed' | 'requests_denied' | 'denials_missing_auth' | 'denials_bad_bearer' | 'denials_expiring'
  | 'denials_bad_routing' | 'denials_path_traversal' | 'denials_signature' | 'denials_jti_replay' | 'denials_revoked'
  | 'denials_revocation_stale' | 'sts_exchange_errors' | 'sts_exchange_latency_ms' | 'sts_circuit_open' | 'sts_circuit_opened'
  | 'sts_circuit_fast_fail' | 'upstream_errors'>;

class Denial extends Error {
  readonly status: number;
  readonly code: string;
  readonly counter: keyof ProxyCounters;
  readonly logged: { level: Level; message: string; fields: Fields };
  constructor(status: number, code: string, description: string, counter: keyof ProxyCounters, logged: { level: Level; message: string; fields?: Fields }) {
    super(description);
    this.status = status;
    this.code = code;
    this.counter = counter;
    this.logged = { fields: {}, ...logged };
  }
}

type Call = { request: IncomingMessage; requestId: string; bearer: string; claims: Claims; resource: string; path: string; fingerprint: string };

/** Every path but the Gateway's own: bearer checks, exchange at the STS, the upstream, the audit event. */
export class GatewayProxy {
  readonly #options: ProxyOptions;
  readonly counters: ProxyCounters = {
    requests_total: 0, requests_allowed: 0, requests_denied: 0, denials_missing_auth: 0, denials_bad_bearer: 0, denials_expiring: 0,
    denials_bad_routing: 0, denials_path_traversal: 0, denials_signature: 0, denials_jti_replay: 0, denials_revoked: 0,
    denials_revocation_stale: 0, sts_exchange_errors: 0, sts_exchange_latency_ms: 0, sts_circuit_open: 0, sts_circuit_opened: 0,
    sts_circuit_fast_fail: 0, upstream_errors: 0,
  };
  #stsFailures = 0;
  #circuitOpenUntil = 0;

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  async serve(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    this.counters.requests_total += 1;
    const base = { request_id: requestId, client_ip: request.socket.remoteAddress ?? '' };
    try {
      const call = await this.#admit(request, requestId);
      const subject = {
        zone_id: call.claims.zone_id, application_id: call.claims.client_id, resource: call.resource, subject_fp: call.fingerprint,
      };
      const { accessToken, upstream, latencyMs } = await this.#exchange(call, subject);
      await this.#forward(call, { accessToken, upstream }, response, { ...base, ...subject, sts_latency_ms: latencyMs });
    } catch (error) {
      if (!(error instanceof Denial)) throw error;
      this.counters[error.counter] += 1;
      if (error.counter !== 'upstream_errors') this.counters.requests_denied += 1;
      this.#options.log(error.logged.level, error.logged.message, { ...base, ...error.logged.fields, status: error.status });
      goError(response, error.status, error.code, error.message, requestId);
    }
  }

  /** Rows 1 to 11 of the contract's table (request evidence 5), in its order. */
  async #admit(request: IncomingMessage, requestId: string): Promise<Call> {
    const deny = (status: number, code: string, description: string, counter: keyof ProxyCounters, message: string, fields?: Fields): never => {
      throw new Denial(status, code, description, counter, { level: status === 503 ? 'warn' : 'info', message, ...(fields === undefined ? {} : { fields }) });
    };
    if (!this.#options.revocations.fresh) deny(503, 'sts_unavailable', 'revocation state unavailable', 'denials_revocation_stale', 'denied: revocation snapshot stale');
    const bearer = /^bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
      ?? deny(401, 'invalid_token', 'missing bearer token', 'denials_missing_auth', 'denied: missing bearer');
    if (bearer.length > MAX_BEARER_BYTES) deny(401, 'invalid_token', 'bearer token too large', 'denials_bad_bearer', 'denied: bearer too large');
    const token = peek(bearer) ?? deny(401, 'invalid_token', 'malformed bearer token', 'denials_bad_bearer', 'denied: malformed bearer');
    const expires = Number(token.payload['exp'] ?? 0);
    if (expires - Date.now() / 1000 < PRE_FLIGHT_SECONDS) {
      deny(401, 'credential_expired_not_renewable', 'credential expiring within pre-flight window', 'denials_expiring', 'denied: bearer near expiry');
    }
    if (request.headers['x-caracal-client-id'] !== undefined) {
      deny(400, 'invalid_token', 'client identity derives from the bearer token', 'denials_bad_routing', 'denied: client id header not honored');
    }
    const resource = request.headers['x-caracal-resource'];
    if (typeof resource !== 'string' || resource === '') return deny(400, 'invalid_token', 'missing routing headers', 'denials_bad_routing', 'denied: missing routing headers');
    const zoneId = token.payload['zone_id'];
    if (typeof zoneId !== 'string' || zoneId === '') return deny(401, 'invalid_token', 'missing token zone', 'denials_bad_routing', 'denied: bearer missing zone');
    if (typeof token.payload['client_id'] !== 'string') deny(401, 'invalid_token', 'missing token client', 'denials_bad_routing', 'denied: bearer missing client');
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    if (/(^|\/)\.\.(\/|$)/.test(decodeURIComponent(path))) deny(400, 'invalid_token', 'path traversal not permitted', 'denials_path_traversal', 'denied: path traversal', { path });
    let claims: Claims | undefined;
    let cause = 'signature mismatch';
    try {
      const key = await this.#options.sts.key(zoneId, token.kid);
      claims = key === undefined ? undefined : verified(bearer, key);
    } catch (error) {
      cause = messageOf(error);
    }
    if (claims === undefined) return deny(401, 'invalid_token', 'bearer signature invalid', 'denials_signature', 'denied: bearer signature', { error: cause });
    const fingerprint = createHash('sha256').update(bearer).digest('hex').slice(0, 16);
    await this.#useOnce(claims, { requestId, resource, fingerprint });
    if (this.#options.revocations.covers(anchorsOf(claims))) {
      deny(401, 'invalid_token', 'session revoked', 'denials_revoked', 'denied: session revoked', { sid: claims.sid, root_sid: claims.root_sid });
    }
    return { request, requestId, bearer, claims, resource, path, fingerprint };
  }

  /** A mandate of use `gateway` works once; without Redis nobody can tell, so not at all. */
  async #useOnce(claims: Claims, call: { requestId: string; resource: string; fingerprint: string }): Promise<void> {
    if (claims.use === 'session') return;
    const refuse = (): never => {
      throw new Denial(401, 'invalid_token', 'token replay detected', 'denials_jti_replay', { level: 'info', message: 'denied: jti replay' });
    };
    const lifeSeconds = Math.max(Math.ceil(claims.exp - Date.now() / 1000), 1);
    const first = await this.#options.redis.run((client) => client.set(`seen:jti:${claims.jti}`, call.requestId, 'EX', lifeSeconds, 'NX')).catch((error: unknown) => {
      this.#options.log('warn', 'jti tracker setnx failed', { fail_open: false, error: messageOf(error) });
      return refuse();
    });
    if (first === 'OK') return;
    this.#options.log('warn', 'jti replay rejected', { request_id: call.requestId });
    this.#options.audit.emit({
      id: uuidv7(), zone_id: claims.zone_id, event_type: 'replay_detected', request_id: call.requestId, decision: 'deny', evaluation_status: 'anomaly',
      determining_policies_json: null, diagnostics_json: null, occurred_at: goTime(),
      metadata_json: { jti: claims.jti, resource: call.resource, client_id: claims.client_id, subject_fp: call.fingerprint, request_id: call.requestId },
    });
    refuse();
  }

  /** Rows 12 to 15. The circuit's gauge changes only here, with traffic (contract, deploy 0, fact 7). */
  async #exchange(call: Call, subject: Fields): Promise<{ accessToken: string; upstream: Upstream; latencyMs: number }> {
    if (Date.now() < this.#circuitOpenUntil) {
      this.counters.sts_circuit_open = 1;
      this.counters.sts_exchange_errors += 1;
      throw new Denial(503, 'sts_unavailable', 'sts unavailable', 'sts_circuit_fast_fail', { level: 'warn', message: 'sts circuit open', fields: subject });
    }
    this.counters.sts_circuit_open = 0;
    const { claims, bearer, resource, path, requestId, request } = call;
    const outcome = await this.#options.sts.use({
      subjectToken: bearer, zoneId: claims.zone_id, applicationId: claims.client_id, resource, method: request.method ?? 'GET', path, requestId,
    });
    this.counters.sts_exchange_latency_ms = Math.round(outcome.latencyMs);
    if ('accessToken' in outcome) {
      this.#stsFailures = 0;
      return outcome;
    }
    if (outcome.status >= 500 && outcome.error === 'sts_unavailable') this.#countStsFailure();
    throw new Denial(outcome.status, outcome.error, outcome.description, 'sts_exchange_errors', {
      level: 'warn', message: 'sts exchange failed', fields: { ...subject, error_code: outcome.error, error: outcome.cause },
    });
  }

  /** Refusals of the STS neither count nor excuse; only an exchange that succeeds does (Caracal services/gateway/internal/proxy.go:465). */
  #countStsFailure(): void {
    this.#stsFailures += 1;
    if (this.#stsFailures < CIRCUIT_FAILURES) return;
    this.#circuitOpenUntil = Date.now() + CIRCUIT_OPEN_MS;
    this.counters.sts_circuit_open = 1;
    this.counters.sts_circuit_opened += 1;
  }

  /** Rows 16 to 19. */
  async #forward(call: Call, { accessToken, upstream }: { accessToken: string; upstream: Upstream }, response: ServerResponse, logged: Fields): Promise<void> {
    const { request, requestId, claims } = call;
    const target = addressable(upstream.url);
    if (target === undefined) {
      this.#record(call, upstream, { status: 502, evaluation: 'upstream_rejected', errorKind: 'upstream_not_addressable' });
      throw new Denial(502, 'internal_error', 'upstream not addressable', 'upstream_errors', {
        level: 'error', message: 'upstream rejected by guard', fields: { ...logged, upstream_raw: upstream.url },
      });
    }
    const [, query] = (request.url ?? '').split('?');
    target.pathname = `${target.pathname.replace(/\/$/, '')}${call.path}`;
    if (query !== undefined) target.search = query;
    const traceparent = traceparentOf(request.headers['traceparent']);
    const [, traceId] = traceparent.split('-');
    const about = { ...logged, upstream_host: target.host, auth_mode: upstream.auth_mode, trace_id: traceId };
    const reached = { host: target.host, traceId };
    const started = performance.now();
    let answer: Response;
    try {
      answer = await this.#ask(target, call, { ...credential(upstream, accessToken), 'x-request-id': requestId, traceparent });
    } catch (error) {
      const timedOut = error instanceof Error && error.name === 'AbortError';
      const status = timedOut ? 504 : 502;
      this.#record(call, upstream, { ...reached, status, latency: performance.now() - started, evaluation: 'upstream_error', errorKind: 'transport_error' });
      throw new Denial(status, 'internal_error', timedOut ? 'upstream timeout' : 'upstream unreachable', 'upstream_errors', {
        level: 'error', message: 'upstream request failed', fields: { ...about, cause: messageOf(error) },
      });
    }
    const latency = performance.now() - started;
    for (const [name, value] of Object.entries(forwardable([...answer.headers]))) if (!isRedirectElsewhere(name, value)) response.appendHeader(name, value);
    response.setHeader('X-Caracal-Token-Expires-In', String(Math.floor(claims.exp - Date.now() / 1000)));
    const { bytes, isRevoked, error } = await this.#copy(call, answer, response);
    this.counters.requests_allowed += 1;
    if (error !== undefined) {
      this.counters.upstream_errors += 1;
      this.#options.log('warn', 'upstream response copy incomplete', { ...about, error });
    }
    this.#record(call, upstream, {
      ...reached, status: answer.status, upstreamStatus: answer.status, latency, bytes, isRevoked,
      ...(error === undefined ? { evaluation: 'executed' } : { evaluation: 'upstream_error', errorKind: 'response_copy_failed' }),
    });
    this.#options.log('info', 'proxied', { ...about, status: answer.status, upstream_latency_ms: latency });
  }

  /** @throws Error of the network, or AbortError when no headers come in time */
  async #ask(target: URL, { request }: Call, headers: Record<string, string>): Promise<Response> {
    const body = await readText(request, MAX_BODY_BYTES);
    const method = request.method ?? 'GET';
    const limit = new AbortController();
    const timer = setTimeout(() => {
      limit.abort();
    }, this.#options.upstreamTimeoutMs);
    try {
      return await fetch(target, {
        method, redirect: 'manual', signal: limit.signal,
        headers: { ...forwardable(Object.entries(request.headers).map(([name, value]) => [name, String(value)])), ...headers },
        ...(method === 'GET' || method === 'HEAD' ? {} : { body: body ?? '' }),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Passes chunk after chunk on and looks between them whether the mandate still counts; one that does not cuts the answer, and a trailer says so. */
  async #copy({ claims, request }: Call, answer: Response, response: ServerResponse): Promise<{ bytes: number; isRevoked: boolean; error?: string }> {
    const length = answer.headers.get('content-encoding') === null ? answer.headers.get('content-length') : null;
    // Node sends trailers only after chunks.
    if (length === null) response.setHeader('Trailer', REVOKED_TRAILER);
    else response.setHeader('Content-Length', length);
    response.writeHead(answer.status);
    response.flushHeaders();
    let bytes = 0;
    const isRevoked = (): boolean => this.#options.revocations.covers(anchorsOf(claims));
    try {
      for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
        if (request.method !== 'HEAD') response.write(chunk);
        bytes += chunk.length;
        if (isRevoked()) break;
      }
    } catch (error) {
      response.destroy();
      return { bytes, isRevoked: false, error: messageOf(error) };
    }
    const cut = isRevoked();
    if (cut && length === null) response.addTrailers({ [REVOKED_TRAILER]: 'true' });
    response.end();
    return { bytes, isRevoked: cut };
  }

  /** Always `allow`: the event says that the call got past the STS (contract, request evidence 7.2). */
  #record({ request, requestId, claims, resource, fingerprint }: Call, upstream: Upstream, result: Execution): void {
    const { status, evaluation, latency = 0, bytes = 0, traceId, host, upstreamStatus, isRevoked = false, errorKind } = result;
    this.#options.audit.emit({
      id: uuidv7(), zone_id: claims.zone_id, event_type: 'gateway_resource_request', request_id: requestId, decision: 'allow',
      evaluation_status: evaluation, determining_policies_json: [], diagnostics_json: [],
      metadata_json: {
        application_id: claims.client_id, resource, subject_fingerprint: fingerprint, method: request.method, gateway_status: status, latency_ms: Math.floor(latency),
        ...(traceId === undefined ? {} : { trace_id: traceId }), subject_kind: claims.sub_type, ...(host === undefined ? {} : { upstream_host: host }), auth_mode: upstream.auth_mode,
        ...(upstream.provider_id === undefined ? {} : { provider_id: upstream.provider_id }), ...(upstream.connection_id === undefined ? {} : { connection_id: upstream.connection_id }),
        ...(upstreamStatus === undefined ? {} : { upstream_status: upstreamStatus, result_class: resultClass(upstreamStatus) }), response_bytes: bytes,
        ...(isRevoked ? { revocation_interrupted: true } : {}), ...(errorKind === undefined ? {} : { error_kind: errorKind }),
      },
      occurred_at: goTime(),
    });
  }
}

type Execution = {
  status: number; evaluation: string; latency?: number; bytes?: number; traceId?: string | undefined; host?: string; upstreamStatus?: number; isRevoked?: boolean; errorKind?: string;
};

/** What of a mandate can be revoked. */
function anchorsOf({ sid, root_sid, agent_session_id, delegation_edge_id }: Claims): (string | undefined)[] {
  return [sid, root_sid, agent_session_id, delegation_edge_id];
}

/** The upstream, unless the guard refuses its form; addresses and names are not looked at. */
function addressable(url: string): URL | undefined {
  const target = URL.parse(url);
  return target !== null && /^https?:$/.test(target.protocol) && target.username === '' && target.password === '' ? target : undefined;
}

function credential({ auth_mode: mode, header, token }: Upstream, accessToken: string): Record<string, string> {
  if (mode === 'caracal_jwt') return { authorization: `Bearer ${accessToken}` };
  return header === undefined || token === undefined ? {} : { [header.toLowerCase()]: token };
}

/** The caller's trace, or one of the Gateway's own when it is none. */
function traceparentOf(incoming: string | string[] | undefined): string {
  if (typeof incoming === 'string' && /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(incoming)) return incoming;
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
}

function forwardable(headers: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(headers.filter(([name]) => !NOT_FORWARDED.has(name.toLowerCase())));
}

/** The upstream may not send a caller past the Gateway, nor tell where it is. */
function isRedirectElsewhere(name: string, value: string): boolean {
  return ['location', 'content-location'].includes(name.toLowerCase()) && (value.startsWith('//') || URL.canParse(value));
}

function resultClass(status: number): string {
  return ({ 2: 'success', 3: 'redirect', 4: 'client_error', 5: 'server_error' } as Record<number, string>)[Math.floor(status / 100)] ?? 'unknown';
}
