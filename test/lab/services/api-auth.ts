import { argon2, createHash, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { adminTokenDigest, adminTokenHash } from '../stores/admin-token.ts';
import { uuidv7 } from '../stores/identifiers.ts';
import type { Log } from './logging.ts';
import { isOverLimit } from './minute-limits.ts';
import { type Answer, type Call, failure } from './node-app.ts';

const MAX_TOKEN_BYTES = 4096;
const VERIFIED_MS = 5000;
const TOUCH_SECONDS = 60;
const APPROVAL_DECISION = /^\/v1\/zones\/[^/]+\/approvals\/[^/]+\/(approve|reject)$/;

export type Actor = {
  id: string; name: string; scope: 'global' | 'zone'; zoneId: string | null; capability: 'read' | 'write' | 'approve'; createdBy: string;
};
type TokenRow = { id: string; name: string; scope: Actor['scope']; zone_id: string | null; capability: Actor['capability']; created_by: string; token_hash: string };

/** Authentication of `/v1` with Caracal's order of refusals (contract, request evidence 1.3). */
export class AdminAuth {
  readonly #pool: Pool;
  readonly #redis: Redis;
  readonly #limits: { failures: number; actor: number };
  readonly #verified = new Map<string, { actor: Actor; until: number }>();
  readonly #actors = new WeakMap<Call, Actor>();

  constructor(pool: Pool, redis: Redis, limits: { failures: number; actor: number }) {
    this.#pool = pool;
    this.#redis = redis;
    this.#limits = limits;
  }

  /** Who made the call, once it has been let through. */
  actorOf(call: Call): Actor | undefined {
    return this.#actors.get(call);
  }

  async check(call: Call): Promise<Answer | undefined> {
    // The control path takes mandates, which its handler looks at.
    if (call.method === 'POST' && call.path === '/v1/control/invoke') return undefined;
    const token = /^Bearer (.+)$/.exec(call.headers.authorization ?? '')?.[1]?.trim();
    const actor = token === undefined || Buffer.byteLength(token) > MAX_TOKEN_BYTES ? undefined : await this.#verify(token);
    if (actor === undefined) {
      const blocked = await isOverLimit(this.#redis, `api:admin_auth_fail:${call.ip}`, this.#limits.failures);
      return blocked ? failure(429, 'rate_limited') : failure(401, 'invalid_admin_token');
    }
    const refused = refusal(call, actor);
    if (refused !== undefined) return failure(403, refused);
    if (await isOverLimit(this.#redis, `api:v1_rl:actor:${actor.id}`, this.#limits.actor)) return failure(429, 'rate_limited');
    this.#actors.set(call, actor);
    await this.#touch(actor);
    return undefined;
  }

  async #verify(token: string): Promise<Actor | undefined> {
    const cacheKey = createHash('sha256').update(token).digest('base64');
    const cached = this.#verified.get(cacheKey);
    if (cached !== undefined && cached.until > Date.now()) return cached.actor;
    const { rows } = await this.#pool.query<TokenRow>(
      `SELECT id, name, scope, zone_id, capability, created_by, token_hash FROM admin_tokens WHERE token_sha256 = $1 AND revoked_at IS NULL`,
      [adminTokenDigest(token)],
    );
    const row = rows[0];
    if (row === undefined || !await matches(token, row.token_hash)) return undefined;
    const { id, name, scope, zone_id: zoneId, capability, created_by: createdBy } = row;
    const actor: Actor = { id, name, scope, zoneId, capability, createdBy };
    this.#verified.set(cacheKey, { actor, until: Date.now() + VERIFIED_MS });
    return actor;
  }

  /** At most one write of `last_used_at` in a minute; Redis decides, also with all limits off. */
  async #touch({ id }: Actor): Promise<void> {
    if (await this.#redis.set(`api:admin_token_touched:${id}`, '1', 'EX', TOUCH_SECONDS, 'NX') === null) return;
    this.#pool.query('UPDATE admin_tokens SET last_used_at = now() WHERE id = $1', [id]).catch(() => undefined);
  }
}

/** The zone in the path; undefined when there is none. */
export function zoneOf(path: string): string | undefined {
  return /^\/v1\/zones\/([^/]+)/.exec(path)?.[1];
}

/**
 * Stores the bootstrap token and revokes earlier ones, unless it is there already.
 *
 * @throws Error of Postgres: the API does not start then (contract, storage 1.3)
 */
export async function seedBootstrapToken(pool: Pool, token: string, log: Log): Promise<void> {
  const known = await pool.query('SELECT 1 FROM admin_tokens WHERE token_sha256 = $1 AND revoked_at IS NULL', [adminTokenDigest(token)]);
  if (known.rowCount !== 0) return;
  await pool.query("UPDATE admin_tokens SET revoked_at = now() WHERE created_by = 'env-bootstrap' AND revoked_at IS NULL");
  const id = uuidv7();
  await pool.query(
    `INSERT INTO admin_tokens (id, name, token_sha256, token_hash, scope, capability, created_by)
     VALUES ($1, 'bootstrap', $2, $3, 'global', 'write', 'env-bootstrap')`, [id, adminTokenDigest(token), await adminTokenHash(token)],
  );
  log('info', `seeded bootstrap admin token id=${id}`);
}

function refusal({ method, path }: Call, actor: Actor): string | undefined {
  const reads = method === 'GET' || method === 'HEAD' || (method === 'POST' && path === '/v1/policies/validate');
  const decides = method === 'POST' && APPROVAL_DECISION.test(path);
  if (actor.capability === 'read' && !reads) return 'admin_token_read_only';
  if (actor.capability === 'approve' && !reads && !decides) return 'admin_token_approve_only';
  if (decides && actor.capability === 'write' && actor.createdBy !== 'env-bootstrap') return 'approve_capability_required';
  if (actor.scope === 'zone' && zoneOf(path) !== actor.zoneId) return 'admin_token_zone_mismatch';
  return undefined;
}

/** Compares with `$argon2id$v=19$m=…,t=…,p=…$salt$tag`. */
async function matches(token: string, stored: string): Promise<boolean> {
  const [, , , parameters = '', salt = '', tag = ''] = stored.split('$');
  const value = (name: string): number => Number(new RegExp(`(?:^|,)${name}=(\\d+)`).exec(parameters)?.[1] ?? 0);
  const expected = Buffer.from(tag, 'base64');
  const actual = await promisify(argon2)('argon2id', {
    message: token, nonce: Buffer.from(salt, 'base64'), memory: value('m'), passes: value('t'), parallelism: value('p'), tagLength: expected.length,
  });
  return timingSafeEqual(actual, expected);
}
