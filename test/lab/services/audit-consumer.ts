import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError, type Pool } from 'pg';
import { append, ContentMismatch, parseEvent } from './audit-ledger.ts';
import { messageOf } from './deadline.ts';
import type { GoRedis } from './go-redis.ts';
import type { Log } from './logging.ts';
import {
  ensureGroup, entriesOf, entriesOfRead, flat, type RawEntry, sameHex, signAuditData, type StreamEntry, type StreamFields, STREAMS,
} from './streams.ts';

const GROUP = 'audit-ingestor';
const BATCH = 100;
const BLOCK_MS = 5000;
const BACKOFF_MS = 1000;
/** SQLSTATEs after which an insert is tried again (contract, storage 9.2). */
const TRANSIENT = /^(40001|40P01|57P0[123]|08|53300|53400)/;

export type ConsumerOptions = {
  redis: GoRedis; pool: Pool; key: Buffer; consumer: string; claimIdleMs: number; maxDeliveries: number; log: Log;
  /** How long entries lie before they are stored, in milliseconds. */
  delayMs: number;
  /** Whether what has gathered is stored newest first. */
  isReversed: boolean;
  /** Events of this type are stored so much later than the others, in milliseconds. */
  late: { type: string; ms: number };
};

/**
 * Takes audit events from the stream into the ledger (contract, storage 7.2 and 9.2). The group is
 * created only here, at the start of the process; a failed read makes the service unhealthy until a
 * later read brings an event, because an empty read says nothing (Caracal
 * services/audit/internal/consumer.go:136-151).
 */
export class AuditConsumer {
  readonly #options: ConsumerOptions;
  readonly counters = { inserts: 0, parseErrors: 0, deadLetters: 0, retries: 0, hmacFailures: 0, tamperReplays: 0 };
  #healthy = false;
  #stopped = false;
  #reaper: NodeJS.Timeout | undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  async run(): Promise<void> {
    await this.#prepare();
    this.#reaper = setInterval(() => void this.#reap(), this.#options.claimIdleMs);
    while (!this.#isStopped()) {
      try {
        const entries = await this.#read('>', BLOCK_MS);
        if (entries.length === 0) continue;
        this.#healthy = true;
        for (const entry of await this.#arranged(entries)) await this.#process(entry, 1);
      } catch (error) {
        await this.#failed('xreadgroup', error);
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#reaper);
  }

  async #prepare(): Promise<void> {
    while (!this.#isStopped()) {
      try {
        await ensureGroup((stream, group) => this.#options.redis.run((client) => client.xgroup('CREATE', stream, group, '$', 'MKSTREAM')), STREAMS.audit, GROUP);
      } catch (error) {
        await this.#failed('ensure consumer group', error);
        continue;
      }
      try {
        await this.#drainOwn();
        this.#healthy = true;
        return;
      } catch (error) {
        await this.#failed('drain PEL on startup', error);
      }
    }
  }

  /** The entries as they come to be stored: at once and in order, unless a lab wants it otherwise. */
  async #arranged(entries: StreamEntry[]): Promise<StreamEntry[]> {
    const { delayMs, isReversed, late } = this.#options;
    if (delayMs > 0) {
      await delay(delayMs);
      entries = [...entries, ...await this.#read('>', 1)];
    }
    if (isReversed) entries.reverse();
    if (late.type === '') return entries;
    const isLate = ({ fields }: StreamEntry): boolean => fields['data']?.includes(`"event_type":"${late.type}"`) === true;
    for (const entry of entries.filter(isLate)) void delay(late.ms).then(() => this.#process(entry, 1));
    return entries.filter((entry) => !isLate(entry));
  }

  /** What this consumer got before it ended and never acknowledged. */
  async #drainOwn(): Promise<void> {
    let cursor = '0';
    for (;;) {
      const entries = await this.#read(cursor, 100);
      if (entries.length === 0) return;
      for (const entry of entries) await this.#process(entry, 1);
      cursor = entries.at(-1)?.id ?? cursor;
    }
  }

  #read(from: string, blockMs: number): Promise<StreamEntry[]> {
    const { redis, consumer } = this.#options;
    return redis.block(blockMs, (client) => client.xreadgroup(
      'GROUP', GROUP, consumer, 'COUNT', BATCH, 'BLOCK', blockMs, 'STREAMS', STREAMS.audit, from,
    )).then(entriesOfRead);
  }

  /** Entries that somebody, perhaps we, left unacknowledged for too long. */
  async #reap(): Promise<void> {
    const { redis, consumer, claimIdleMs, log } = this.#options;
    try {
      const [, raw] = await redis.run((client) => client.xautoclaim(
        STREAMS.audit, GROUP, consumer, claimIdleMs, '0-0', 'COUNT', BATCH,
      )) as [string, RawEntry[]];
      const entries = entriesOf(raw);
      this.counters.retries += entries.length;
      for (const entry of entries) {
        const pending = await redis.run((client) => client.xpending(STREAMS.audit, GROUP, entry.id, entry.id, 1)) as [string, string, number, number][];
        await this.#process(entry, pending[0]?.[3] ?? 1);
      }
    } catch (error) {
      log('error', 'xautoclaim', { error: messageOf(error) });
    }
  }

  async #process({ id, fields }: StreamEntry, deliveries: number): Promise<void> {
    const { pool, key, maxDeliveries, log } = this.#options;
    const { data, sig } = { data: fields['data'], sig: fields['sig'] ?? '' };
    if (data === undefined) {
      this.counters.parseErrors += 1;
      await this.#deadLetter(id, fields, 'missing_data_field');
      return;
    }
    if (!sameHex(sig, signAuditData(key, data))) {
      this.counters.hmacFailures += 1;
      await this.#deadLetter(id, fields, 'hmac_verify_failed');
      return;
    }
    let event: ReturnType<typeof parseEvent>;
    try {
      event = parseEvent(data);
    } catch (error) {
      this.counters.parseErrors += 1;
      await this.#deadLetter(id, fields, `json_parse_error:${messageOf(error)}`);
      return;
    }
    try {
      if (await append(pool, key, event, sig)) this.counters.inserts += 1;
      await this.#acknowledge(id);
    } catch (error) {
      if (error instanceof ContentMismatch) {
        this.counters.tamperReplays += 1;
        await this.#deadLetter(id, fields, 'tamper_on_replay');
      } else if (error instanceof DatabaseError && !TRANSIENT.test(error.code ?? '')) {
        await this.#deadLetter(id, fields, `pg_permanent_error:${error.message}`);
      } else if (deliveries >= maxDeliveries) {
        await this.#deadLetter(id, fields, `transient_exceeded_max_deliveries:${messageOf(error)}`);
      } else {
        log('warn', 'transient pg insert; will retry', { id, deliv: deliveries, error: messageOf(error) });
      }
    }
  }

  async #acknowledge(id: string): Promise<void> {
    try {
      await this.#options.redis.run((client) => client.xack(STREAMS.audit, GROUP, id));
    } catch (error) {
      this.#options.log('error', 'xack failed', { id, error: messageOf(error) });
    }
  }

  /** Moves the entry; it is acknowledged only when the dead letter is written (contract, storage 7.5). */
  async #deadLetter(id: string, fields: StreamFields, reason: string): Promise<void> {
    const source = Object.fromEntries(Object.entries(fields).map(([name, value]) => [`src_${name}`, value]));
    try {
      await this.#options.redis.run((client) => client.xadd(
        STREAMS.auditDeadLetters, '*', ...flat({ reason, received_at: String(Date.now()), src_id: id, ...source }),
      ));
    } catch (error) {
      this.#options.log('error', 'dlq publish failed; leaving in PEL for retry', { id, error: messageOf(error) });
      return;
    }
    this.counters.deadLetters += 1;
    this.#options.log('warn', 'event sent to DLQ', { id, reason });
    await this.#acknowledge(id);
  }

  async #failed(message: string, error: unknown): Promise<void> {
    if (this.#isStopped()) return;
    this.#healthy = false;
    this.#options.log('error', message, { error: messageOf(error) });
    await delay(BACKOFF_MS);
  }

  /** A method, so that the compiler does not take the flag as constant across awaits. */
  #isStopped(): boolean {
    return this.#stopped;
  }
}
