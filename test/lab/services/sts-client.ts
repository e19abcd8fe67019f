import { randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import * as z from 'zod';
import { messageOf } from './deadline.ts';
import { GATEWAY_HEADERS, signGatewayRequest } from './gateway-signature.ts';
import { type PublicJwk, verificationKey } from './mandates.ts';

const KEY_CACHE_MS = 300_000;
const UNKNOWN_KID_COOL_DOWN_MS = 30_000;

const errorSchema = z.object({ error: z.string().min(1), error_description: z.string().default('') });
const upstreamSchema = z.object({
  url: z.string(), auth_mode: z.string(), provider_id: z.string().optional(), connection_id: z.string().optional(),
  /** The provider's own credential, and the header that it goes into. */
  header: z.string().optional(), token: z.string().optional(),
});
const tokenSchema = z.object({
  access_token: z.string().min(1),
  upstreams: z.record(z.string(), upstreamSchema).default({}),
});
const jwksSchema = z.object({ keys: z.array(z.custom<PublicJwk>((value) => typeof value === 'object' && value !== null && 'kid' in value)) });

export type Upstream = z.infer<typeof upstreamSchema>;
export type StsOutcome = { latencyMs: number } & (
  | { accessToken: string; upstream: Upstream }
  | { status: number; error: string; description: string; cause: string }
);
export type UseRequest = {
  subjectToken: string; zoneId: string; applicationId: string; resource: string; method: string; path: string; requestId: string;
};

/** How the Gateway talks to the STS (Caracal services/gateway/internal/sts.go and jwks.go). */
export class StsClient {
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #key: Buffer;
  readonly #keys = new Map<string, { keys: Map<string, KeyObject>; until: number; triedAt: number }>();

  constructor(url: string, timeoutMs: number, key: Buffer) {
    this.#url = url.replace(/\/+$/, '');
    this.#timeoutMs = timeoutMs;
    this.#key = key;
  }

  /** @throws Error unless `/health` answers 2xx within the budget */
  async health(budgetMs: number): Promise<void> {
    const response = await fetch(`${this.#url}/health`, { signal: AbortSignal.timeout(Math.max(budgetMs, 1)), redirect: 'manual' });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`sts health status: ${String(response.status)}`);
  }

  /** The zone's key of this id; undefined when the STS does not publish it. @throws Error of the network */
  async key(zoneId: string, kid: string): Promise<KeyObject | undefined> {
    const cached = this.#keys.get(zoneId);
    const known = cached?.keys.get(kid);
    if (known !== undefined && (cached?.until ?? 0) > Date.now()) return known;
    if (cached !== undefined && cached.until > Date.now() && Date.now() - cached.triedAt < UNKNOWN_KID_COOL_DOWN_MS) return undefined;
    const response = await fetch(`${this.#url}/.well-known/jwks.json?zone_id=${encodeURIComponent(zoneId)}`, { signal: AbortSignal.timeout(this.#timeoutMs) });
    if (!response.ok) throw new Error(`jwks status: ${String(response.status)}`);
    const document = jwksSchema.parse(await response.json());
    const keys = new Map(document.keys.map((jwk) => [jwk.kid, verificationKey(jwk)]));
    this.#keys.set(zoneId, { keys, until: Date.now() + KEY_CACHE_MS, triedAt: Date.now() });
    return keys.get(kid);
  }

  /** A signed exchange of the caller's mandate for one that the upstream takes. */
  async use(request: UseRequest): Promise<StsOutcome> {
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', zone_id: request.zoneId, application_id: request.applicationId,
      subject_token: request.subjectToken, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', resource: request.resource,
      request_method: request.method, request_path: request.path, gateway_request_id: request.requestId,
    }).toString();
    const envelope = {
      timestamp: String(Math.floor(Date.now() / 1000)), nonce: randomBytes(16).toString('hex'), method: 'POST', path: '/oauth/2/token', body,
    };
    const started = performance.now();
    const latencyMs = (): number => performance.now() - started;
    const unavailable = (status: number, description: string, cause: string): StsOutcome => ({ latencyMs: latencyMs(), status, error: 'sts_unavailable', description, cause });
    try {
      const response = await fetch(`${this.#url}${envelope.path}`, {
        method: 'POST', body, signal: AbortSignal.timeout(this.#timeoutMs),
        headers: {
          'Content-Type': 'application/x-www-form-urlencoded', 'User-Agent': 'caracal-gateway', Accept: 'application/json', 'X-Request-Id': request.requestId,
          [GATEWAY_HEADERS.timestamp]: envelope.timestamp, [GATEWAY_HEADERS.nonce]: envelope.nonce,
          [GATEWAY_HEADERS.signature]: signGatewayRequest(this.#key, envelope),
        },
      });
      const document: unknown = await response.json().catch(() => undefined);
      if (response.status !== 200) {
        const refusal = errorSchema.safeParse(document);
        if (!refusal.success) return unavailable(response.status, response.statusText, `sts non-200 status: ${String(response.status)}`);
        const { error, error_description: description } = refusal.data;
        return { latencyMs: latencyMs(), status: response.status, error, description, cause: `sts ${String(response.status)}: ${error}: ${description}` };
      }
      const granted = tokenSchema.safeParse(document);
      if (!granted.success) return unavailable(502, 'sts response invalid', 'sts returned no usable token');
      const upstream = granted.data.upstreams[request.resource];
      if (upstream === undefined || upstream.url === '') {
        return { latencyMs: latencyMs(), status: 403, error: 'access_denied', description: 'resource upstream not configured', cause: `resource "${request.resource}" not in upstreams` };
      }
      return { latencyMs: latencyMs(), accessToken: granted.data.access_token, upstream };
    } catch (error) {
      const timedOut = error instanceof Error && error.name === 'TimeoutError';
      const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
      return unavailable(timedOut ? 504 : 502, timedOut ? 'sts timeout' : 'sts unavailable', `Post "${this.#url}/oauth/2/token": ${cause}`);
    }
  }
}
