import type { StampedLine } from '../targets/logs.ts';
import type { Spill } from './bytes.ts';
import { wholeStamp } from './cursor.ts';
import { Findings } from './findings.ts';
import { joinsAt } from './grouping.ts';
import type { Block } from './grouping.ts';
import { LogIndex, markLevel } from './index.ts';
import type { Mark } from './marks.ts';
import { Merger } from './merge.ts';
import { Probes } from './probes.ts';
import { nothingScanned, scanRecord } from './scan.ts';
import type { IndexedLog } from './search.ts';

/** Lines of one stack come right after each other: what is quiet for so long is complete. */
const quietMs = 100;

/** A process whose clock differs by more is put in order by the clock of the machine it runs on. */
const believedSkewMs = 5_000;

/** A source that does not bring what was logged before within this time is not waited for. */
const patienceMs = 10_000;

/** A record as it waits for its place. */
interface Waiting {
  readonly source: number;
  readonly bytes: Buffer;
  readonly isMark: boolean;
}

/** The log of a target as it comes in: records of all sources in one order, with an index. */
export class LogHub implements IndexedLog {
  readonly index = new LogIndex();
  readonly sources: string[] = [];
  readonly findings = new Findings();
  /** How late a record was, in ms, by its row; only of those that came after the hold-back. */
  readonly late = new Map<number, number>();
  readonly bytes: Spill;
  readonly #probes = new Probes();
  readonly #merger = new Merger<Waiting>();
  readonly #streams = new Map<string, Stream>();
  readonly #openedAt = new Map<number, number>();
  /** By how much the clock of the process is ahead of that of its machine at least, in ms, by source. */
  readonly #ahead: number[] = [];

  constructor(spill: Spill) {
    this.bytes = spill;
  }

  /** A new source; its number. */
  addSource(name: string, now: number): number {
    const source = this.sources.push(name) - 1;
    this.#merger.add(source);
    this.#openedAt.set(source, now);
    return source;
  }

  caughtUp(source: number): void {
    // What was logged before is complete, and takes its place among what others logged before.
    for (const stream of this.#streamsOf(source)) stream.close();
    this.#openedAt.delete(source);
    this.#merger.caughtUp(source);
  }

  /** Takes lines of a source, in their order. */
  lines(source: number, lines: readonly StampedLine[], now: number): void {
    for (const line of lines) this.#stream(source, line.stream ?? '').add(line, now);
  }

  mark(source: number, mark: Mark, now: number): void {
    for (const stream of this.#streamsOf(source)) stream.close();
    this.#merger.push(source, { source, bytes: Buffer.from(JSON.stringify(mark)), isMark: true }, undefined, now);
  }

  /** Puts into the log what need not wait any longer; the number of new rows. */
  settle(now: number): number {
    for (const stream of this.#streams.values()) stream.closeWhenQuiet(now);
    for (const [source, openedAt] of this.#openedAt) if (now - openedAt > patienceMs) this.caughtUp(source);
    const before = this.index.length;
    for (const { item, time, lateMs } of this.#merger.release(now)) {
      const { source, bytes, isMark } = item;
      if (lateMs > 0) this.late.set(this.index.length, lateMs);
      this.bytes.append(bytes);
      this.bytes.append(newline);
      if (isMark) scanned.level = markLevel;
      else scanRecord(bytes, 0, bytes.length, scanned);
      scanned.time = time;
      if (isMark) scanned.requestId = 0;
      else this.findings.add(this.index.length, this.sources[source] ?? '', bytes, 0, bytes.length, scanned);
      this.index.add(source, this.bytes.length, scanned, !isMark && this.#probes.isProbe(bytes, 0, bytes.length, scanned));
    }
    return this.index.length - before;
  }

  /** The largest distance of a process' clock from that of its machine, in ms; undefined where none can be told. */
  get skewMs(): number | undefined {
    const known = this.#ahead.filter((ahead) => !Number.isNaN(ahead));
    return known.length === 0 ? undefined : Math.max(...known.map(Math.abs));
  }

  close(): void {
    this.bytes.close();
  }

  #stream(source: number, name: string): Stream {
    const key = `${source} ${name}`;
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = new Stream((bytes, stamp, now) => this.#record(source, bytes, stamp, now));
      this.#streams.set(key, stream);
    }
    return stream;
  }

  #streamsOf(source: number): Stream[] {
    return [...this.#streams].filter(([key]) => key.startsWith(`${source} `)).map(([, stream]) => stream);
  }

  #record(source: number, bytes: Buffer, stamp: string, now: number): void {
    scanRecord(bytes, 0, bytes.length, scanned);
    const taken = stamp === '' ? NaN : Date.parse(wholeStamp(stamp));
    const skew = scanned.time - taken;
    if (!Number.isNaN(skew)) this.#ahead[source] = Math.abs(skew) < Math.abs(this.#ahead[source] ?? Infinity) ? skew : (this.#ahead[source] ?? 0);
    const time = Number.isNaN(scanned.time) || Math.abs(skew) > believedSkewMs ? taken : scanned.time;
    // What nobody has timed happened when it came, or, among what was logged before, right after the line before it.
    const untimed = this.#openedAt.has(source) ? undefined : now;
    this.#merger.push(source, { source, bytes, isMark: false }, Number.isNaN(time) ? untimed : time, now);
  }
}

const newline = Buffer.from('\n');
const scanned = nothingScanned();

/** One stream of a process: its lines become records. */
class Stream {
  readonly #record: (bytes: Buffer, stamp: string, now: number) => void;
  #block: Block = 'none';
  #lines: Buffer[] = [];
  #stamp = '';
  #cameAt = 0;

  constructor(record: (bytes: Buffer, stamp: string, now: number) => void) {
    this.#record = record;
  }

  add({ bytes, stamp }: StampedLine, now: number): void {
    const { joined, block } = joinsAt(this.#block, bytes, 0, bytes.length);
    if (!joined || this.#lines.length === mostLines) this.close();
    if (this.#lines.length === 0) this.#stamp = stamp;
    this.#lines.push(bytes);
    this.#block = block;
    this.#cameAt = now;
  }

  closeWhenQuiet(now: number): void {
    if (this.#lines.length > 0 && now - this.#cameAt >= quietMs) this.close();
  }

  close(): void {
    const [first] = this.#lines;
    if (first === undefined) return;
    const bytes = this.#lines.length === 1 ? first : Buffer.concat(this.#lines.flatMap((line, index) => (index === 0 ? [line] : [newline, line])));
    this.#lines = [];
    this.#record(bytes, this.#stamp, this.#cameAt);
  }
}

/** Of a record: a stack of all goroutines is long, and what never ends is no stack. */
const mostLines = 5_000;
