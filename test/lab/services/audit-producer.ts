import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditEvent, auditData } from './audit-event.ts';
import { messageOf } from './deadline.ts';
import type { GoRedis } from './go-redis.ts';
import type { Log } from './logging.ts';
import { flat, signAuditData, STREAMS } from './streams.ts';

const FLUSH_MS = 50;
const BATCH = 1000;
export const QUEUE_CAPACITY = 10_000;

/**
 * The way of an audit event out of STS and Gateway: a queue in memory, the stream, and files when
 * Redis refuses. The files are read back only when a process starts; events that neither takes are
 * lost, which nothing but a restart makes good (contract, storage 9.1).
 */
export class AuditProducer {
  readonly #redis: GoRedis;
  readonly #key: Buffer;
  readonly #directory: string;
  readonly #log: Log;
  #queue: AuditEvent[] = [];
  #flushing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #sinkErrors = 0;
  #persisted = 0;
  #drained = 0;

  constructor(redis: GoRedis, key: Buffer, directory: string, log: Log) {
    this.#redis = redis;
    this.#key = key;
    this.#directory = directory;
    this.#log = log;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Creates the directory, reads left-over files back and begins to flush. */
  async start(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await this.#drain();
    this.#timer = setInterval(() => {
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
      });
    }, FLUSH_MS);
  }

  /** Stops; what is still queued goes to a file. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing;
    await this.#persist(this.#queue.splice(0));
  }

  emit(event: AuditEvent): void {
    if (this.#queue.length < QUEUE_CAPACITY) {
      this.#queue.push(event);
      return;
    }
    this.#log('warn', 'audit buffer full; persisting event for replay', { id: event.id });
    void this.#persist([event]);
  }

  /** The write probe of `/ready`. @throws Error of the file system */
  async probe(): Promise<void> {
    if (!(await stat(this.#directory)).isDirectory()) throw new Error('audit replay path is not a directory');
    const name = join(this.#directory, `.ready-${String(process.pid)}${String(process.hrtime.bigint())}`);
    await writeFile(name, '', { flag: 'wx', mode: 0o600 });
    await rm(name);
  }

  /** Figures for the metrics; those of the directory are read now. */
  async figures(): Promise<{
    dropped: number; sinkErrors: number; persisted: number; drained: number; queued: number;
    files: number; bytes: number; oldestAgeSeconds: number;
  }> {
    const names = (await readdir(this.#directory).catch(() => [])).filter((name) => name.endsWith('.ndjson'));
    const details = await Promise.all(names.map((name) => stat(join(this.#directory, name))));
    const oldest = Math.min(...details.map(({ mtimeMs }) => mtimeMs));
    return {
      dropped: this.#dropped, sinkErrors: this.#sinkErrors, persisted: this.#persisted, drained: this.#drained,
      queued: this.#queue.length, files: names.length, bytes: details.reduce((sum, { size }) => sum + size, 0),
      oldestAgeSeconds: names.length === 0 ? 0 : Math.max(Math.floor((Date.now() - oldest) / 1000), 0),
    };
  }

  async #flush(): Promise<void> {
    const batch = this.#queue.splice(0, BATCH);
    const failed: AuditEvent[] = [];
    for (const event of batch) {
      try {
        await this.#publish(event);
      } catch (error) {
        this.#log('error', 'xadd audit event', { id: event.id, error: messageOf(error) });
        this.#sinkErrors += 1;
        failed.push(event);
      }
    }
    await this.#persist(failed);
  }

  async #publish(event: AuditEvent): Promise<void> {
    const data = auditData(event);
    await this.#redis.run((client) => client.xadd(
      STREAMS.audit, '*', ...flat({ id: event.id, data, sig: signAuditData(this.#key, data) }),
    ));
  }

  async #persist(events: readonly AuditEvent[]): Promise<void> {
    if (events.length === 0) return;
    const path = join(this.#directory, `pending-${String(process.pid)}-${String(BigInt(Date.now()) * 1_000_000n + process.hrtime.bigint() % 1_000_000n)}.ndjson`);
    try {
      const file = await open(path, constants.O_CREAT | constants.O_WRONLY | constants.O_APPEND, 0o600);
      try {
        await file.writeFile(events.map((event) => `${auditData(event)}\n`).join(''));
      } finally {
        await file.close();
      }
      this.#persisted += events.length;
      this.#log('warn', 'audit batch persisted to disk for later replay', { path, count: events.length });
    } catch (error) {
      this.#log('error', 'audit replay file open', { path, error: messageOf(error) });
      this.#dropped += events.length;
      this.#log('error', 'audit events lost: stream and disk persistence both failed', { count: events.length, error: messageOf(error) });
    }
  }

  async #drain(): Promise<void> {
    for (const name of (await readdir(this.#directory)).filter((file) => file.endsWith('.ndjson'))) {
      const path = join(this.#directory, name);
      try {
        let count = 0;
        for (const line of (await readFile(path, 'utf8')).split('\n').filter(Boolean)) {
          await this.#publish(JSON.parse(line) as AuditEvent);
          count += 1;
        }
        await rm(path);
        this.#drained += count;
        this.#log('info', 'audit replay file drained', { path, count });
      } catch (error) {
        this.#log('error', 'audit replay file failed; will retry on next start', { path, error: messageOf(error) });
      }
    }
  }
}
