import type { Pool, PoolClient } from 'pg';
import { messageOf, within } from './deadline.ts';
import type { Log } from './logging.ts';

const REFRESH_MS = 30_000;

/**
 * A lease that one replica at a time holds: a session advisory lock on a connection of its own,
 * looked after every 30 s (contract, storage 2.7 and 9.9).
 */
export class Lease {
  readonly #pool: Pool;
  readonly #key: bigint;
  readonly #log: Log;
  #holder: PoolClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #changes = 0;

  constructor(pool: Pool, key: bigint, log: Log) {
    this.#pool = pool;
    this.#key = key;
    this.#log = log;
  }

  get held(): boolean {
    return this.#holder !== undefined;
  }

  get changes(): number {
    return this.#changes;
  }

  start(): void {
    void this.#refresh();
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#holder?.release(true);
    this.#holder = undefined;
  }

  async #refresh(): Promise<void> {
    if (this.#holder === undefined) await this.#acquire();
    else await this.#confirm(this.#holder);
  }

  async #acquire(): Promise<void> {
    try {
      const client = await this.#pool.connect();
      const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [String(this.#key)]);
      if (rows[0]?.got !== true) {
        client.release();
        return;
      }
      this.#holder = client;
      this.#changes += 1;
      this.#log('info', 'leader acquired', { key: Number(this.#key) });
    } catch (error) {
      this.#log('error', 'leader: lock attempt failed', { key: Number(this.#key), error: messageOf(error) });
    }
  }

  async #confirm(client: PoolClient): Promise<void> {
    try {
      await within(client.query('SELECT 1'), REFRESH_MS, 'context deadline exceeded');
    } catch {
      this.#holder = undefined;
      this.#changes += 1;
      client.release(true);
      this.#log('warn', 'leader: lease connection lost, stepping down', { key: Number(this.#key) });
    }
  }
}
