import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { messageOf } from './deadline.ts';
import { hostName } from './environment.ts';
import type { GoRedis } from './go-redis.ts';
import type { Log } from './logging.ts';
import { ensureGroup, entriesOf, entriesOfRead, flat, isAuthentic, momentOf, type RawEntry, signed, type StreamEntry, STREAMS } from './streams.ts';

const POLL_MS = 30_000;
const STALE_AFTER_MS = 70_000;
const KEEP_HOURS = 24;
const BLOCK_MS = 1000;
const BATCH = 50;
const BACKOFF_MS = 1000;
const PENDING_IDLE_MS = 30_000;
const CLAIM_BATCH = 25;
const MAX_FAILURES = 5;
const FAILURE_TTL_SECONDS = 86_400;

/**
 * What the Gateway knows to be revoked: a snapshot from Postgres, loaded at start and every 30 s,
 * and the messages of the stream in between (contract, storage 7.6). Without a successful load for
 * 70 s the Gateway refuses everything.
 */
export class Revocations {
  readonly #pool: Pool;
  readonly #redis: GoRedis;
  readonly #key: Buffer;
  readonly #log: Log;
  readonly #group = `gateway-revocation:${hostName()}`;
  readonly #consumer = `gateway-${hostName()}-${String(process.pid)}`;
  readonly counters = { messages: 0, replayed: 0, deadLetters: 0, invalidSignatures: 0, reloads: 0, reloadErrors: 0, propagationSeconds: 0 };
  #snapshot: ReadonlySet<string> = new Set();
  /** From the stream, by the moment at which they stop to count. */
  readonly #live = new Map<string, number>();
  #loadedAt = 0;
  #loading = false;
  #timers: NodeJS.Timeout[] = [];
  #stopped = false;

  constructor(pool: Pool, redis: GoRedis, key: Buffer, log: Log) {
    this.#pool = pool;
    this.#redis = redis;
    this.#key = key;
    this.#log = log;
  }

  /** @throws Error when the first load or the group fails: the Gateway does not start then */
  async start(): Promise<void> {
    await this.#load();
    await ensureGroup((stream, group) => this.#redis.run((client) => client.xgroup('CREATE', stream, group, '$', 'MKSTREAM')), STREAMS.revocations, this.#group);
    this.#timers = [setInterval(() => void this.reload(), POLL_MS), setInterval(() => void this.#claimPending(), PENDING_IDLE_MS)];
    void this.#consume();
  }

  stop(): void {
    this.#stopped = true;
    this.#timers.forEach((timer) => {
      clearInterval(timer);
    });
  }

  get size(): number {
    return new Set([...this.#snapshot, ...this.#live.keys()]).size;
  }

  ageSeconds(): number {
    return Math.floor((Date.now() - this.#loadedAt) / 1000);
  }

  /** Measured in whole seconds, as the real service keeps the time of the load. */
  get fresh(): boolean {
    return this.ageSeconds() * 1000 <= STALE_AFTER_MS;
  }

  /** Whether one of the ids (record, root record, Session, Delegation) is revoked. */
  covers(ids: readonly (string | undefined)[]): boolean {
    return ids.some((id) => id !== undefined && (this.#snapshot.has(id) || (this.#live.get(id) ?? 0) > Date.now()));
  }

  async reload(): Promise<void> {
    // A load that a frozen server holds stays the only one.
    if (this.#loading) return;
    this.#loading = true;
    try {
      await this.#load();
      this.counters.reloads += 1;
    } catch (error) {
      this.counters.reloadErrors += 1;
      this.#log('error', 'revocation snapshot reload failed', { error: messageOf(error) });
    } finally {
      this.#loading = false;
    }
  }

  async #load(): Promise<void> {
    const { rows } = await this.#pool.query<{ id: string }>(
      `SELECT id FROM authority_records WHERE status = 'revoked' AND expires_at > now() - make_interval(hours => $1)
       UNION ALL SELECT id FROM sessions WHERE status = 'terminated' AND updated_at > now() - make_interval(hours => $1)
       UNION ALL SELECT id FROM delegation_edges WHERE status = 'revoked' AND revoked_at > now() - make_interval(hours => $1)`, [KEEP_HOURS],
    );
    this.#snapshot = new Set(rows.map(({ id }) => id));
    this.#loadedAt = Math.floor(Date.now() / 1000) * 1000;
    for (const [id, until] of this.#live) if (until <= Date.now()) this.#live.delete(id);
  }

  async #consume(): Promise<void> {
    await this.#claimPending();
    while (!this.#isStopped()) {
      try {
        const reply = await this.#redis.block(BLOCK_MS, (client) => client.xreadgroup(
          'GROUP', this.#group, this.#consumer, 'COUNT', BATCH, 'BLOCK', BLOCK_MS, 'STREAMS', STREAMS.revocations, '>',
        ));
        for (const entry of entriesOfRead(reply)) await this.#process(entry);
      } catch (error) {
        if (this.#isStopped()) return;
        this.#log('error', 'revocation consumer read failed', { error: messageOf(error) });
        await delay(BACKOFF_MS);
      }
    }
  }

  async #claimPending(): Promise<void> {
    try {
      const [, raw] = await this.#redis.run((client) => client.xautoclaim(
        STREAMS.revocations, this.#group, this.#consumer, PENDING_IDLE_MS, '0-0', 'COUNT', CLAIM_BATCH,
      )) as [string, RawEntry[]];
      const entries = entriesOf(raw);
      this.counters.replayed += entries.length;
      for (const entry of entries) await this.#process(entry);
    } catch (error) {
      if (!this.#isStopped()) this.#log('error', 'revocation claim pending failed', { error: messageOf(error) });
    }
  }

  async #process({ id, fields }: StreamEntry): Promise<void> {
    if (!isAuthentic(this.#key, STREAMS.revocations, fields)) {
      this.#log('warn', 'dropping revocation message with invalid origin signature', { id });
      this.counters.invalidSignatures += 1;
      await this.#acknowledge(id);
      return;
    }
    const anchors = [fields['session_id'], fields['agent_session_id'], fields['delegation_edge_id'] ?? fields['edge_id']]
      .filter((anchor) => anchor !== undefined && anchor !== '') as string[];
    if (anchors.length === 0) {
      await this.#countFailure({ id, fields }, 'missing session_id, agent_session_id, or delegation_edge_id');
      return;
    }
    anchors.forEach((anchor) => this.#live.set(anchor, Date.now() + KEEP_HOURS * 3_600_000));
    await this.#acknowledge(id);
    this.counters.messages += 1;
    this.counters.propagationSeconds = Math.max(Math.floor((Date.now() - momentOf(id)) / 1000), 0);
  }

  async #acknowledge(id: string): Promise<void> {
    try {
      await this.#redis.run((client) => client.xack(STREAMS.revocations, this.#group, id));
    } catch (error) {
      this.#log('error', 'revocation xack failed', { id, error: messageOf(error) });
    }
  }

  async #countFailure({ id, fields }: StreamEntry, reason: string): Promise<void> {
    const counter = `stream-failure:${STREAMS.revocations}:${this.#group}:${id}`;
    try {
      const failures = await this.#redis.run((client) => client.incr(counter));
      await this.#redis.run((client) => client.expire(counter, FAILURE_TTL_SECONDS));
      if (failures < MAX_FAILURES) return;
      const dead = signed(this.#key, `${STREAMS.revocations}.dead`, { original_id: id, error: reason, values: JSON.stringify(fields) });
      await this.#redis.run((client) => client.xadd(`${STREAMS.revocations}.dead`, '*', ...flat(dead)));
      this.counters.deadLetters += 1;
      await this.#acknowledge(id);
    } catch (error) {
      this.#log('error', 'track revocation failure failed', { id, error: messageOf(error) });
    }
  }

  /** A method, so that the compiler does not take the flag as constant across awaits. */
  #isStopped(): boolean {
    return this.#stopped;
  }
}
