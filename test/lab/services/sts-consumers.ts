import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from './deadline.ts';
import { hostName } from './environment.ts';
import type { GoRedis } from './go-redis.ts';
import type { Log } from './logging.ts';
import {
  ensureGroup, entriesOf, entriesOfRead, flat, isAuthentic, type RawEntry, signed, type StreamEntry, type StreamFields,
} from './streams.ts';

const BATCH = 10;
/** The real client blocks without a limit; in slices, a stop of the process does not have to wait. */
const BLOCK_MS = 1000;
const BACKOFF_MS = 1000;
const PENDING_IDLE_MS = 30_000;
const CLAIM_BATCH = 25;
const MAX_FAILURES = 5;
const FAILURE_TTL_SECONDS = 86_400;

export type Subscription = {
  stream: string;
  group: string;
  /** Last part of the consumer's name. */
  role: string;
  /** Log message of a failed read. */
  failure: string;
  handle: (fields: StreamFields) => Promise<void>;
};

/**
 * The three stream consumers of the STS (contract, storage 7.2): groups are created once, when the
 * process starts, and only then is the service ready; a failed entry is tried again only by the
 * next start, and the fifth failure moves it to `<stream>.dead`.
 */
export class StsConsumers {
  readonly #connect: () => GoRedis;
  readonly #redis: GoRedis;
  readonly #key: Buffer;
  readonly #log: Log;
  readonly #connections: GoRedis[] = [];
  #ready = false;
  #stopped = false;

  /** @param connect one more client per subscription, because reads block */
  constructor(redis: GoRedis, connect: () => GoRedis, key: Buffer, log: Log) {
    this.#redis = redis;
    this.#connect = connect;
    this.#key = key;
    this.#log = log;
  }

  get ready(): boolean {
    return this.#ready;
  }

  async start(subscriptions: readonly Subscription[]): Promise<void> {
    while (!this.#isStopped() && !await this.#ensureGroups(subscriptions)) await delay(BACKOFF_MS);
    if (this.#isStopped()) return;
    this.#ready = true;
    subscriptions.forEach((subscription) => void this.#consume(subscription));
  }

  stop(): void {
    this.#stopped = true;
    this.#connections.forEach((connection) => {
      connection.close();
    });
  }

  async #ensureGroups(subscriptions: readonly Subscription[]): Promise<boolean> {
    for (const { stream, group } of subscriptions) {
      try {
        await ensureGroup((name, id) => this.#redis.run((client) => client.xgroup('CREATE', name, id, '$', 'MKSTREAM')), stream, group);
      } catch (error) {
        this.#log('error', 'consumer group ensure failed; will retry', { stream, error: messageOf(error) });
        return false;
      }
    }
    return true;
  }

  async #consume(subscription: Subscription): Promise<void> {
    const { stream, group, role, failure } = subscription;
    const consumer = `sts-${hostName()}-${String(process.pid)}-${role}`;
    const connection = this.#connect();
    this.#connections.push(connection);
    await this.#claimPending(subscription, consumer);
    while (!this.#isStopped()) {
      try {
        const reply = await connection.block(BLOCK_MS, (client) => client.xreadgroup(
          'GROUP', group, consumer, 'COUNT', BATCH, 'BLOCK', BLOCK_MS, 'STREAMS', stream, '>',
        ));
        for (const entry of entriesOfRead(reply)) await this.#process(subscription, entry);
      } catch (error) {
        if (this.#isStopped()) return;
        this.#log('error', failure, { error: messageOf(error) });
        await delay(BACKOFF_MS);
      }
    }
  }

  async #claimPending(subscription: Subscription, consumer: string): Promise<void> {
    const { stream, group } = subscription;
    try {
      const [, raw] = await this.#redis.run((client) => client.xautoclaim(
        stream, group, consumer, PENDING_IDLE_MS, '0-0', 'COUNT', CLAIM_BATCH,
      )) as [string, RawEntry[]];
      for (const entry of entriesOf(raw)) await this.#process(subscription, entry);
    } catch (error) {
      this.#log('error', 'claim pending', { stream, error: messageOf(error) });
    }
  }

  async #process({ stream, group, handle }: Subscription, { id, fields }: StreamEntry): Promise<void> {
    const acknowledge = (): Promise<unknown> => this.#redis.run((client) => client.xack(stream, group, id));
    try {
      if (!isAuthentic(this.#key, stream, fields)) {
        this.#log('warn', 'dropping stream message with invalid origin signature', { id, stream });
        await acknowledge();
        return;
      }
      await handle(fields);
      await acknowledge();
    } catch (error) {
      this.#log('error', 'stream side effect', { id, stream, error: messageOf(error) });
      await this.#countFailure({ stream, id, fields, error, acknowledge });
    }
  }

  async #countFailure(failed: {
    stream: string; id: string; fields: StreamFields; error: unknown; acknowledge: () => Promise<unknown>;
  }): Promise<void> {
    const { stream, id, fields, error, acknowledge } = failed;
    const counter = `stream-failure:${stream}:${id}`;
    try {
      const failures = await this.#redis.run((client) => client.incr(counter));
      await this.#redis.run((client) => client.expire(counter, FAILURE_TTL_SECONDS));
      if (failures < MAX_FAILURES) return;
      const dead = signed(this.#key, `${stream}.dead`, { original_id: id, error: messageOf(error), values: JSON.stringify(fields) });
      await this.#redis.run((client) => client.xadd(`${stream}.dead`, '*', ...flat(dead)));
      await acknowledge();
    } catch (trouble) {
      this.#log('error', 'track stream failure', { id, stream, error: messageOf(trouble) });
    }
  }

  /** A method, so that the compiler does not take the flag as constant across awaits. */
  #isStopped(): boolean {
    return this.#stopped;
  }
}

export const STS_GROUPS = { revocations: 'sts-revocation', policy: 'opa-engine', keys: 'sts-keys' } as const;
