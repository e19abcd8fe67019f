import type { Pool } from 'pg';
import { uuidv7 } from '../stores/identifiers.ts';
import { messageOf } from './deadline.ts';
import { open, seal } from './envelope.ts';
import type { Log } from './logging.ts';
import { newSigningKeyPem, publicJwk, type PublicJwk, type SigningKey, signingKey } from './mandates.ts';
import { transaction } from './transactions.ts';

const PURPOSE = 'zone_signing_key';
const CACHE_MS = 15 * 60 * 1000;

type SecretRow = { id: string; envelope: Buffer };

/** The zones' ES256 keys: sealed rows of `secrets`, created at a zone's first mint (contract, request evidence 4.1). */
export class SigningKeys {
  readonly #pool: Pool;
  readonly #kek: Buffer;
  readonly #log: Log;
  readonly #cache = new Map<string, { key: SigningKey; until: number }>();
  invalid = 0;

  constructor(pool: Pool, kek: Buffer, log: Log) {
    this.#pool = pool;
    this.#kek = kek;
    this.#log = log;
  }

  forget(zoneId: string): void {
    this.#cache.delete(zoneId);
  }

  /** The zone's current key; a new one when there is none. */
  async forSigning(zoneId: string): Promise<SigningKey> {
    const cached = this.#cache.get(zoneId);
    if (cached !== undefined && cached.until > Date.now()) return cached.key;
    const row = (await this.#rows(zoneId))[0] ?? await this.#create(zoneId);
    const key = signingKey(row.id, open(this.#kek, row.envelope, PURPOSE));
    this.#cache.set(zoneId, { key, until: Date.now() + CACHE_MS });
    return key;
  }

  /** Public keys that can be read; `rows` tells an unknown zone from an undecryptable key. */
  async published(zoneId: string): Promise<{ rows: number; keys: PublicJwk[] }> {
    const rows = await this.#rows(zoneId);
    const keys = rows.flatMap((row) => {
      try {
        return [publicJwk(signingKey(row.id, open(this.#kek, row.envelope, PURPOSE)))];
      } catch (error) {
        this.invalid += 1;
        this.#log('warn', 'jwks: skipped invalid signing key', { zone: zoneId, kid: row.id, reason: 'decrypt', error: messageOf(error) });
        return [];
      }
    });
    return { rows: rows.length, keys };
  }

  /** Current key and, for a day after a rotation, the previous one. */
  async #rows(zoneId: string): Promise<SecretRow[]> {
    const { rows } = await this.#pool.query<SecretRow & { fresh: boolean }>(
      `SELECT id, envelope, created_at >= now() - interval '24 hours' AS fresh FROM secrets WHERE zone_id = $1 AND name = 'zone_signing_key'
       ORDER BY version DESC, created_at DESC LIMIT 2`, [zoneId],
    );
    return rows[0]?.fresh === true ? rows : rows.slice(0, 1);
  }

  async #create(zoneId: string): Promise<SecretRow> {
    return transaction(this.#pool, async (client) => {
      await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`zone_signing_key:${zoneId}`]);
      const existing = (await this.#rows(zoneId))[0];
      if (existing !== undefined) return existing;
      const row = { id: uuidv7(), envelope: seal(this.#kek, newSigningKeyPem(), PURPOSE) };
      await client.query(
        "INSERT INTO secrets (id, zone_id, entity_id, name, type, envelope) VALUES ($1, $2, $2, 'zone_signing_key', 'token', $3)",
        [row.id, zoneId, row.envelope],
      );
      return row;
    });
  }
}
