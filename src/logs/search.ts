import type { LogBytes } from './bytes.ts';
import { isSource } from './filter.ts';
import type { LogFilter } from './filter.ts';
import { markLevel } from './index.ts';
import type { LogIndex } from './index.ts';
import { levels } from './record.ts';
import { hashOf } from './scan.ts';

/** A log that can be looked into: its bytes, its index, and the names of its sources by their numbers. */
export interface IndexedLog {
  readonly bytes: LogBytes;
  readonly index: LogIndex;
  readonly sources: readonly string[];
}

/** Rows between two moments in which a search can be stopped. */
const rowsAtOnce = 50_000;
const chunkSize = 1 << 20;

/** The record's bytes, without the newline at the end. */
export function recordBytes({ bytes, index }: IndexedLog, row: number): Buffer {
  const record = bytes.read(index.offset[row] ?? 0, index.endOf(row));
  return record.at(-1) === 10 ? record.subarray(0, -1) : record;
}

/** What a search found in one part of the rows. */
export interface Found {
  readonly rows: readonly number[];
  /** Rows before it have been looked at. */
  readonly until: number;
}

/**
 * The rows from `from` on that a filter shows, in their order, part by part: what is cheap to know is asked
 * first, so that of most records nothing but a few numbers is read.
 */
export function* search(log: IndexedLog, filter: LogFilter, from = 0): Generator<Found> {
  const { index } = log;
  const holds = columnTest(log, filter);
  const says = textTest(log, filter);
  const needle = neededText(filter);
  const candidates = needle === undefined || needle === '' ? allRows(index, from) : rowsWith(log, Buffer.from(needle), from);
  let looked = from;
  for (const { rows, until } of candidates) {
    const found: number[] = [];
    for (const row of rows) if (index.level[row] !== markLevel && holds(row) && says(row)) found.push(row);
    // What happened to the log matters whatever is looked for in it.
    const marks = index.marks.filter((row) => row >= looked && row < until && holds(row));
    yield { rows: marks.length === 0 ? found : [...found, ...marks].sort((one, other) => one - other), until };
    looked = until;
  }
}

/** A text that every record has that fits; undefined where there is none that could be looked for. */
function neededText({ texts, id, patterns }: LogFilter): string | undefined {
  return texts.find(({ not }) => !not)?.text ?? id?.replace(/^…/, '') ?? patterns.filter(({ not }) => !not).map(({ pattern }) => literalOf(pattern)).find((text) => text !== undefined);
}

/** One step through a pattern: an escape, a class, a group's bracket, what stands for others, or a letter. */
const steps = /\\(?<escape>.)|\[(?:\\.|[^\]\\])*\]|(?<open>\()|(?<close>\))|(?<none>[*?]|\{\d*,?\d*\})|(?<other>[+.^$])|(?<letter>.)/gs;

/** The longest text that stands in whatever the pattern fits, outside of its groups; undefined where none is sure. */
export function literalOf({ source, flags }: RegExp): string | undefined {
  if (source.includes('|') || /[im]/.test(flags)) return undefined;
  let [best, run, depth] = ['', '', 0];
  const close = (): void => {
    if (run.length > best.length) best = run;
    run = '';
  };
  for (const { groups = {} } of source.matchAll(steps)) {
    const { escape, open, none, letter } = groups;
    const literal = letter ?? (escape !== undefined && /\W/.test(escape) ? escape : undefined);
    if (open !== undefined) depth += 1;
    if (literal !== undefined && depth === 0) run += literal;
    else {
      // What may be there no time at all is not needed.
      if (none !== undefined) run = run.slice(0, -1);
      close();
    }
    if (groups['close'] !== undefined) depth -= 1;
  }
  close();
  return best.length >= 2 ? best : undefined;
}

/** The rows of one request, by the index alone. */
export function rowsOfRequest({ index }: IndexedLog, id: string): number[] {
  const hash = hashOf(Buffer.from(id));
  const rows: number[] = [];
  for (let row = index.requestId.indexOf(hash); row !== -1 && row < index.length; row = index.requestId.indexOf(hash, row + 1)) rows.push(row);
  return rows;
}

function columnTest({ index, sources }: IndexedLog, filter: LogFilter): (row: number) => boolean {
  const { level, after = -Infinity, before = Infinity } = filter;
  const least = level === undefined ? 0 : levels.indexOf(level) + 1;
  const isShown = sources.map((source) => (filter.sources.length === 0 || filter.sources.some((name) => isSource(source, name))) && !filter.notSources.some((name) => isSource(source, name)));
  const isHidden = hiddenTest(index, filter);
  const bounded = after !== -Infinity || before !== Infinity;
  return (row) => {
    const time = index.time[row] ?? NaN;
    return (index.level[row] ?? 0) >= least && !isHidden(row) && isShown[index.source[row] ?? 0] === true && (!bounded || (time >= after && time < before));
  };
}

/** Of rows that are never shown, not even around others: lines of probes, unless they are wanted or are of the request that is. */
export function hiddenTest({ probe }: LogIndex, { probes, id }: LogFilter): (row: number) => boolean {
  return probes || id !== undefined ? () => false : (row) => probe[row] === 1;
}

/** What only the text of a record can tell. */
function textTest(log: IndexedLog, { texts, patterns, id }: LogFilter): (row: number) => boolean {
  const needles = texts.map(({ text, not }) => ({ bytes: Buffer.from(text), not }));
  const ends = id === undefined ? undefined : idTest(id);
  if (needles.length === 0 && patterns.length === 0 && ends === undefined) return () => true;
  return (row) => {
    const record = recordBytes(log, row);
    if (needles.some(({ bytes, not }) => record.includes(bytes) === not)) return false;
    if (patterns.length === 0 && ends === undefined) return true;
    const text = record.toString();
    return patterns.every(({ pattern, not }) => pattern.test(text) !== not) && (ends === undefined || ends.test(text));
  };
}

/** An id stands alone: no letter, digit or dash goes on before or after it, or only after an end of one. */
function idTest(id: string): RegExp {
  const isEnd = id.startsWith('…');
  const literal = (isEnd ? id.slice(1) : id).replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return new RegExp(`${isEnd ? '' : '(?<![\\w-])'}${literal}(?![\\w-])`);
}

interface Candidates {
  readonly rows: Iterable<number>;
  readonly until: number;
}

function* allRows(index: LogIndex, from: number): Generator<Candidates> {
  for (let row = from; row < index.length; row += rowsAtOnce) {
    const until = Math.min(row + rowsAtOnce, index.length);
    yield { rows: range(row, until), until };
  }
}

function* range(from: number, to: number): Generator<number> {
  for (let row = from; row < to; row += 1) yield row;
}

/** Rows in which the bytes occur, found in large pieces. */
function* rowsWith({ bytes, index }: IndexedLog, needle: Buffer, from: number): Generator<Candidates> {
  if (from >= index.length) return;
  const end = index.endOf(index.length - 1);
  let row = from;
  let next = 0;
  for (let position = index.offset[from] ?? 0; position < end; position += chunkSize) {
    // Pieces overlap, so that none hides what lies across two.
    const piece = bytes.read(position, Math.min(position + chunkSize + needle.length - 1, end));
    const found: number[] = [];
    for (let at = piece.indexOf(needle, Math.max(0, next - position)); at !== -1 && at < chunkSize; at = piece.indexOf(needle, next - position)) {
      row = index.rowAt(position + at, row);
      found.push(row);
      next = index.endOf(row);
      if (next - position >= piece.length) break;
    }
    const until = position + chunkSize >= end ? index.length : index.rowAt(position + chunkSize, row);
    yield { rows: found, until };
  }
}
