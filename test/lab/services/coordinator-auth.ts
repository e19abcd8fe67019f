import type { Pool } from 'pg';
import * as z from 'zod';
import { messageOf } from './deadline.ts';
import { type Claims, peek, type PublicJwk, verificationKey, verified } from './mandates.ts';
import { type Answer, type Call, failure } from './node-app.ts';
import { sameText } from './streams.ts';

const PUBLIC_PATHS = new Set(['/health', '/ready', '/v1/verify']);
const OPERATOR_PATHS = new Set(['/metrics', '/stats']);
const MAX_BEARER_BYTES = 4096;
const TOLERANCE_SECONDS = 60;
const KEYS_MS = 600_000;
const JWKS_TIMEOUT_MS = 5000;
/** `actor_id` and `actor_name` of the operator in the admin audit (recorded). */
const OPERATOR = 'caracal-operator';

const jwksSchema = z.object({ keys: z.array(z.custom<PublicJwk>((value) => typeof value === 'object' && value !== null && 'kid' in value)) });

export type Caller = { zoneId: string; subject: string; clientId: string; scopes: string[]; authorityRecordId: string | undefined };
export type CoordinatorAuthOptions = { pool: Pool; operatorToken: string; requiredScope: string; stsUrl: string; issuer: string };

/** Operator token or session mandate (contract, readiness 4.5; request evidence 3.1). */
export class CoordinatorAuth {
  readonly #options: CoordinatorAuthOptions;
  readonly #callers = new WeakMap<Call, Caller>();
  readonly #keys = new Map<string, { keys: PublicJwk[]; until: number }>();

  constructor(options: CoordinatorAuthOptions) {
    this.#options = options;
  }

  callerOf(call: Call): Caller | undefined {
    return this.#callers.get(call);
  }

  async check(call: Call): Promise<Answer | undefined> {
    if (PUBLIC_PATHS.has(call.path)) return undefined;
    const token = /^Bearer (.*)$/.exec(call.headers.authorization ?? '')?.[1]?.trim() ?? '';
    if (token === '' || token.length > MAX_BEARER_BYTES) return failure(401, 'missing_token');
    const isOperator = sameText(token, this.#options.operatorToken);
    if (OPERATOR_PATHS.has(call.path)) return isOperator ? undefined : failure(403, 'operator_token_required');
    const zone = operatorZone(call);
    if (isOperator && zone !== undefined) {
      this.#callers.set(call, {
        zoneId: zone, subject: OPERATOR, clientId: OPERATOR, scopes: [this.#options.requiredScope, 'coordinator.admin'], authorityRecordId: undefined,
      });
      return undefined;
    }
    return this.#checkMandate(call, token);
  }

  async #checkMandate(call: Call, token: string): Promise<Answer | undefined> {
    const { issuer, requiredScope, pool } = this.#options;
    const claims = await this.#verify(call, token);
    if (claims === undefined) return failure(401, 'invalid_token');
    const right = claims.iss === issuer && claims.aud.includes(issuer) && claims.use === 'session' && claims.exp + TOLERANCE_SECONDS > Date.now() / 1000;
    if (!right) return failure(401, 'invalid_token');
    const scopes = (claims.scope ?? '').split(' ');
    if (!scopes.includes(requiredScope)) return failure(403, 'missing_scope');
    const asked = /^\/zones\/([^/]+)/.exec(call.path)?.[1];
    if (asked !== undefined && asked !== claims.zone_id) return failure(403, 'zone_mismatch');
    const live = await pool.query(
      `SELECT 1 FROM authority_records r JOIN applications a ON a.id = $3 AND a.zone_id = r.zone_id AND a.archived_at IS NULL
       WHERE r.id = $1 AND r.zone_id = $2 AND r.status = 'active' AND r.expires_at > now()`, [claims.sid, claims.zone_id, claims.client_id],
    );
    if (live.rowCount === 0) return failure(401, 'identity_revoked');
    this.#callers.set(call, { zoneId: claims.zone_id, subject: claims.sub, clientId: claims.client_id, scopes, authorityRecordId: claims.sid });
    return undefined;
  }

  /** Without the zone's keys (the STS is away) every mandate is invalid. */
  async #verify(call: Call, token: string): Promise<Claims | undefined> {
    const seen = peek(token);
    const zoneId = seen?.payload['zone_id'];
    if (seen === undefined || typeof zoneId !== 'string') return undefined;
    try {
      const key = (await this.#keysOf(zoneId)).find(({ kid }) => kid === seen.kid);
      const claims = key === undefined ? undefined : verified(token, verificationKey(key));
      if (claims === undefined) call.log('warn', 'jwt_verify_failed', { errorClass: key === undefined ? 'jwks_no_matching_key' : 'signature_invalid' });
      return claims;
    } catch (error) {
      const timedOut = error instanceof Error && error.name === 'TimeoutError';
      call.log('warn', 'jwt_verify_failed', { errorClass: timedOut ? 'jwks_timeout' : 'unknown_error', reason: messageOf(error) });
      return undefined;
    }
  }

  async #keysOf(zoneId: string): Promise<PublicJwk[]> {
    const cached = this.#keys.get(zoneId);
    if (cached !== undefined && cached.until > Date.now()) return cached.keys;
    const url = `${this.#options.stsUrl}/.well-known/jwks.json?zone_id=${encodeURIComponent(zoneId)}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(JWKS_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`jwks status ${String(response.status)}`);
    const { keys } = jwksSchema.parse(await response.json());
    this.#keys.set(zoneId, { keys, until: Date.now() + KEYS_MS });
    return keys;
  }
}

/** The zone, where the operator token opens this path (contract, readiness 4.5). */
function operatorZone({ method, path }: Call): string | undefined {
  const [root, zone, collection, id, action, ...rest] = path.split('/').filter(Boolean);
  if (root !== 'zones' || zone === undefined || !/^[A-Za-z0-9_.\-:]{1,128}$/.test(zone) || rest.length > 0) return undefined;
  const opens = (collection === 'agents' && (
    (method === 'GET' && (action === undefined || action === 'children' || action === 'effective-authority'))
    || (method === 'PATCH' && (action === 'suspend' || action === 'resume'))
    || (method === 'DELETE' && id !== undefined && action === undefined)
  )) || (collection === 'delegations' && method === 'GET' && (
    (id === 'active' && action === undefined) || ((id === 'inbound' || id === 'outbound') && action !== undefined)
  ));
  const requeues = collection === 'outbox' && method === 'POST' && action === 'requeue';
  return opens || requeues ? zone : undefined;
}
