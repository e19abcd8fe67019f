import type { LogBytes } from './bytes.ts';
import { headLength, joinsAt } from './grouping.ts';
import type { Block } from './grouping.ts';
import { nothingScanned, scanRecord } from './scan.ts';
import type { Scanned } from './scan.ts';

/** Level of a row that no process logged: it says what happened to the log itself. */
export const markLevel = 7;

/** Typed columns beside the bytes of a log: one value per record, 23 bytes in all. */
export class LogIndex {
  /** Where the record begins; it ends where the next one does. */
  offset = new Float64Array(minimum);
  /** Milliseconds since 1970; that of the record before it where the record has none, NaN where none was before. */
  time = new Float64Array(minimum);
  /** `hashOf` the request id, or 0. */
  requestId = new Uint32Array(minimum);
  source = new Uint8Array(minimum);
  /** Place in `levels` and one more, or 0, or `markLevel`. */
  level = new Uint8Array(minimum);
  /** 1 where the record tells of a probe and of nothing else. */
  probe = new Uint8Array(minimum);
  /** How many of them there are. */
  probes = 0;
  /** Rows of `markLevel`. */
  readonly marks: number[] = [];
  #length = 0;
  /** Where the last record ends. */
  #end = 0;

  get length(): number {
    return this.#length;
  }

  /** Where the record ends, the newline after it included. */
  endOf(row: number): number {
    return row + 1 < this.#length ? (this.offset[row + 1] ?? 0) : this.#end;
  }

  /** Adds a record that begins where the last one ended. */
  add(source: number, end: number, { time, level, requestId }: Scanned, isProbe = false): void {
    const row = this.#length;
    if (row === this.offset.length) this.#grow();
    this.offset[row] = this.#end;
    this.time[row] = Number.isNaN(time) && row > 0 ? (this.time[row - 1] ?? NaN) : time;
    this.requestId[row] = requestId;
    this.source[row] = source;
    this.level[row] = level;
    if (isProbe) {
      this.probe[row] = 1;
      this.probes += 1;
    }
    if (level === markLevel) this.marks.push(row);
    this.#length += 1;
    this.#end = end;
  }

  /** The row whose bytes the offset lies in, looking from a row before it on. */
  rowAt(offset: number, from = 0): number {
    let [low, high] = [from, this.#length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.offset[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #grow(): void {
    const length = this.offset.length * 2;
    const larger = <Column extends { set(from: Column): void }>(column: Column, into: Column): Column => {
      into.set(column);
      return into;
    };
    this.offset = larger(this.offset, new Float64Array(length));
    this.time = larger(this.time, new Float64Array(length));
    this.requestId = larger(this.requestId, new Uint32Array(length));
    this.source = larger(this.source, new Uint8Array(length));
    this.level = larger(this.level, new Uint8Array(length));
    this.probe = larger(this.probe, new Uint8Array(length));
  }
}

const minimum = 4096;
const chunkSize = 1 << 22;
const newline = 10;

/**
 * Indexes a whole log of one stream, and says after each part how far it is. A record that is longer than a
 * part is kept and not looked into.
 *
 * @param onRecord told of each record that was looked into, before it is in the index; says whether it tells of a probe
 */
export function* indexLog(bytes: LogBytes, source: number, index: LogIndex, onRecord?: (bytes: Buffer, start: number, end: number, scanned: Scanned) => boolean): Generator<number> {
  const [scanned, unknown] = [nothingScanned(), nothingScanned()];
  for (let position = 0; position < bytes.length;) {
    const chunk = bytes.read(position, Math.min(position + chunkSize, bytes.length));
    const isLast = position + chunk.length === bytes.length;
    let [record, line, block]: [number, number, Block] = [0, 0, 'none'];
    const close = (end: number): void => {
      const last = chunk[end - 1] === newline ? end - 1 : end;
      scanRecord(chunk, record, last, scanned);
      index.add(source, position + end, scanned, onRecord?.(chunk, record, last, scanned));
      record = end;
    };
    while (line < chunk.length) {
      const found = chunk.indexOf(newline, line);
      const end = found === -1 ? chunk.length : found;
      const isCut = found === -1 && !isLast;
      if (isCut && end - line < headLength) break;
      const next = joinsAt(block, chunk, line, end);
      if (!next.joined && line > record) close(line);
      if (isCut) break;
      block = next.block;
      line = Math.min(end + 1, chunk.length);
    }
    if (isLast) close(chunk.length);
    else if (record === 0) {
      // One record fills the whole part.
      record = endOfLine(bytes, position + chunk.length) - position;
      index.add(source, position + record, unknown);
    }
    position += record;
    yield position;
  }
}

function endOfLine(bytes: LogBytes, from: number): number {
  for (let position = from; position < bytes.length; position += chunkSize) {
    const found = bytes.read(position, Math.min(position + chunkSize, bytes.length)).indexOf(newline);
    if (found !== -1) return position + found + 1;
  }
  return bytes.length;
}
