import { shownLines, shownRaw } from './display.ts';
import type { LineLook, ShownLine } from './display.ts';
import type { LogFilter } from './filter.ts';
import { noFilter } from './filter.ts';
import { markLevel } from './index.ts';
import { cutText, markText } from './marks.ts';
import type { Mark } from './marks.ts';
import { noteOf, noteOfMark } from './notes.ts';
import { readRecord } from './record.ts';
import { hiddenTest, recordBytes, search } from './search.ts';
import type { IndexedLog } from './search.ts';

/** Lines of a part of a view, as they stand in the editor. */
export interface Window {
  /** Place of the first record among those that are shown. */
  readonly first: number;
  readonly records: number;
  readonly lines: readonly string[];
  /** The row of each line. */
  readonly rows: Uint32Array;
  /** How each line is drawn; undefined for one that is as any other. */
  readonly looks: readonly (LineLook | undefined)[];
}

export interface WindowOptions {
  /** Records before the place, and from it on. */
  readonly before: number;
  readonly after: number;
  readonly raw: boolean;
  /** How late a row was, in ms. */
  readonly late: ReadonlyMap<number, number>;
}

/** The rows of a log that a filter shows, also of what comes in later. */
export class LogView {
  readonly #log: IndexedLog;
  #filter: LogFilter = noFilter;
  /** Rows that are shown, in their order. */
  #rows = new Uint32Array(4096);
  #length = 0;
  /** Rows before it have been looked at. */
  #looked = 0;
  /** Rows before it are shown because of one before them. */
  #shownUntil = 0;

  constructor(log: IndexedLog) {
    this.#log = log;
  }

  get filter(): LogFilter {
    return this.#filter;
  }

  /** Records that are shown. */
  get length(): number {
    return this.#length;
  }

  setFilter(filter: LogFilter): void {
    this.#filter = filter;
    [this.#length, this.#looked, this.#shownUntil] = [0, 0, 0];
  }

  /** Looks at what was not looked at yet, part by part; says after each how many records are shown. */
  *extend(): Generator<number> {
    const { index } = this.#log;
    for (const part of search(this.#log, this.#filter, this.#looked)) {
      for (const row of part.rows) this.#show(row);
      this.#looked = part.until;
      this.#fill(Math.min(this.#shownUntil, this.#looked));
      yield this.#length;
    }
    this.#looked = index.length;
    this.#fill(Math.min(this.#shownUntil, this.#looked));
  }

  /** The row that is shown at a place. */
  rowAt(place: number): number {
    return this.#rows[place] ?? 0;
  }

  /** The place of a row, or of the next one after it that is shown; `length` where there is none. */
  placeOf(row: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle] ?? 0) < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The lines of records before and after a place: fewer on a side where they are very long. */
  window(place: number, { before, after, raw, late }: WindowOptions): Window {
    const shown = (at: number): Shown => ({ row: this.rowAt(at), lines: this.#linesOf(this.rowAt(at), raw, late.get(this.rowAt(at)) ?? 0) });
    const earlier = part(Math.min(place, this.#length), Math.max(0, place - before), -1, shown).reverse();
    const later = part(Math.max(0, place) - 1, Math.min(place + after, this.#length) - 1, 1, shown);
    const all = [...earlier, ...later];
    const lines = all.flatMap((one) => one.lines);
    return {
      first: Math.max(0, Math.min(place, this.#length) - earlier.length),
      records: all.length,
      lines: lines.map(({ text }) => text),
      rows: Uint32Array.from(all.flatMap((one) => one.lines.map(() => one.row))),
      looks: lines.map(({ styles, note }) => (styles.length === 0 && note === undefined ? undefined : { styles, note })),
    };
  }

  #linesOf(row: number, raw: boolean, lateMs: number): readonly ShownLine[] {
    const { index, sources } = this.#log;
    const source = sources[index.source[row] ?? 0] ?? '';
    const bytes = recordBytes(this.#log, row);
    const text = bytes.toString();
    if (index.level[row] === markLevel) {
      const mark = JSON.parse(text) as Mark;
      return [{ text: markText(source, mark), styles: [], note: noteOfMark(this.#log, row, mark) }];
    }
    const cut = text.includes(cutMark) ? [{ text: cutText(source), styles: [] }] : [];
    if (raw) return [...shownRaw(text), ...cut];
    const record = readRecord(text);
    const lines = [...shownLines(record, source, index.time[row] ?? NaN, Math.max(...sources.map((name) => name.length))), ...cut];
    const [first, ...more] = lines;
    if (first === undefined) return lines;
    const late = lateMs < toldLateMs ? '' : `  late by ${(lateMs / 1_000).toFixed(1)} s`;
    return [{ ...first, text: `${first.text}${late}`, note: noteOf(this.#log, row, record) }, ...more];
  }

  #show(row: number): void {
    const { around } = this.#filter;
    this.#fill(Math.min(this.#shownUntil, row));
    const last = this.#length === 0 ? -1 : this.rowAt(this.#length - 1);
    this.#addAll(Math.max(row - around, last + 1), row + 1);
    this.#shownUntil = row + around + 1;
  }

  /** Shows what comes after a record that is shown, up to a row. */
  #fill(until: number): void {
    const last = this.#length === 0 ? -1 : this.rowAt(this.#length - 1);
    this.#addAll(last + 1, until);
  }

  #addAll(from: number, until: number): void {
    if (from >= until) return;
    const isHidden = hiddenTest(this.#log.index, this.#filter);
    for (let row = from; row < until; row += 1) if (!isHidden(row)) this.#add(row);
  }

  #add(row: number): void {
    if (this.#length === this.#rows.length) {
      const larger = new Uint32Array(this.#rows.length * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows[this.#length] = row;
    this.#length += 1;
  }
}

/** Caracal's loggers end a value with it that is longer than CARACAL_LOG_MAX_FIELD_BYTES (contract deploy-logs-metrics 3.3). */
const cutMark = '…[truncated]';

/** What comes so much later than others is told, but not in raw lines, which are as they were logged. */
const toldLateMs = 1_000;

interface Shown {
  readonly row: number;
  readonly lines: readonly ShownLine[];
}

/** The editor takes whole texts: as long lines as can be must not make one that it cannot. */
const mostCharacters = 2_000_000;

/** Records from the one beside a place up to the last, as long as there is room for them. */
function part(beside: number, last: number, step: 1 | -1, shown: (place: number) => Shown): Shown[] {
  const found: Shown[] = [];
  let characters = 0;
  for (let place = beside + step; step * place <= step * last && characters < mostCharacters; place += step) {
    const record = shown(place);
    found.push(record);
    for (const { text } of record.lines) characters += text.length;
  }
  return found;
}
