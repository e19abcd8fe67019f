import { logSourceOf } from '../caracal/logSources.ts';
import { FilterProblem, parseFilter, within } from './filter.ts';
import { markLevel } from './index.ts';
import { knownMessage } from './known.ts';
import { markText } from './marks.ts';
import type { Mark } from './marks.ts';
import { noteOf, noteOfMark } from './notes.ts';
import type { OpenLog } from './openLog.ts';
import type { Anchor, LogRow, LogService, LogState, RecordDetails } from './protocol.ts';
import { levels, readRecord } from './record.ts';
import type { LogRecord } from './record.ts';
import { recordBytes, rowsOfRequest } from './search.ts';
import { LogView } from './view.ts';

/** Looking through what came in is broken off after so long, and goes on with the next turn. */
const sliceMs = 20;
const errorPlace = levels.indexOf('error') + 1;

/** Answers of one log, in the thread that holds it. */
export class LogAnswers implements LogService {
  readonly #open: OpenLog;
  readonly #views = new Map<number, LogView>();
  #lastView = 0;

  constructor(open: OpenLog) {
    this.#open = open;
  }

  /** Takes in what came, and looks through it for each view; whether anything is new. */
  advance(now: number): boolean {
    let isNew = this.#open.advance(now);
    for (const view of this.#views.values()) {
      const before = view.length;
      const looking = view.extend();
      while (looking.next().done !== true && Date.now() - now < sliceMs);
      isNew ||= view.length !== before;
    }
    return isNew;
  }

  state(): LogState {
    const { log, late, sources, skewMs, isLoaded, problem } = this.#open;
    const { index } = log;
    return {
      rows: index.length,
      late: late.size,
      bytes: log.bytes.length,
      probes: index.probes,
      from: index.length === 0 ? NaN : (index.time[0] ?? NaN),
      to: index.length === 0 ? NaN : (index.time[index.length - 1] ?? NaN),
      skewMs,
      sources: sources.map((source) => ({ ...source })),
      isLoaded,
      shown: Object.fromEntries([...this.#views].map(([number, { length }]) => [number, length])),
      problem,
    };
  }

  openView(): number {
    this.#lastView += 1;
    this.#views.set(this.#lastView, new LogView(this.#open.log));
    return this.#lastView;
  }

  closeView(view: number): void {
    this.#views.delete(view);
  }

  filter(view: number, text: string, sources: readonly string[] = []): string | undefined {
    const { log, isLoaded } = this.#open;
    try {
      const day = log.index.time[Math.max(0, log.index.length - 1)] ?? NaN;
      this.#view(view).setFilter(within(parseFilter(text, isLoaded ? log.sources : undefined, Number.isNaN(day) ? Date.now() : day), sources));
      return undefined;
    } catch (error) {
      if (error instanceof FilterProblem) return error.message;
      throw error;
    }
  }

  window(number: number, anchor: Anchor, { before, after, raw }: { readonly before: number; readonly after: number; readonly raw: boolean }): ReturnType<LogService['window']> {
    const view = this.#complete(number);
    const place = this.#placeOf(view, anchor);
    return {
      window: view.window(place, { before, after, raw, late: this.#open.late }),
      row: place < view.length ? view.rowAt(place) : undefined,
      shown: view.length,
    };
  }

  rows(number: number, place: number, records: number): readonly LogRow[] {
    const view = this.#complete(number);
    const count = Math.max(0, Math.min(records, view.length - place));
    return Array.from({ length: count }, (_, at) => this.#rowOf(view.rowAt(place + at)));
  }

  placesOfRequest(number: number, id: string): ReturnType<LogService['placesOfRequest']> {
    const view = this.#complete(number);
    const { time } = this.#open.log.index;
    return rowsOfRequest(this.#open.log, id).map((row) => ({ row, place: view.placeOf(row), time: time[row] ?? NaN })).filter(({ row, place }) => place < view.length && view.rowAt(place) === row);
  }

  #rowOf(row: number): LogRow {
    const { source, time, record, note = '', mark } = this.record(row);
    return { row, time, source, level: record.level ?? '', message: mark ?? record.message, note, requestId: record.requestId ?? '', status: statusOf(record) };
  }

  record(row: number): RecordDetails {
    const { log } = this.#open;
    const source = log.sources[log.index.source[row] ?? 0] ?? '';
    const raw = recordBytes(log, row).toString();
    const time = log.index.time[row] ?? NaN;
    if (log.index.level[row] === markLevel) {
      const mark = JSON.parse(raw) as Mark;
      return { row, source, time, record: readRecord(''), raw: '', message: undefined, meaning: undefined, note: noteOfMark(log, row, mark), mark: markText(source, mark) };
    }
    const record = readRecord(raw);
    const known = knownMessage(record, logSourceOf(source));
    return { row, source, time, record, raw, message: known?.id, meaning: known?.meaning, note: noteOf(log, row, record, known), mark: undefined };
  }

  nextError(number: number, row: number, direction: 1 | -1): number | undefined {
    const view = this.#complete(number);
    const { level } = this.#open.log.index;
    const start = view.placeOf(row) + (direction === 1 && view.rowAt(view.placeOf(row)) === row ? 1 : direction === 1 ? 0 : -1);
    for (let place = start; place >= 0 && place < view.length; place += direction) {
      const at = level[view.rowAt(place)] ?? 0;
      if (at >= errorPlace && at < markLevel) return view.rowAt(place);
    }
    return undefined;
  }

  rowsOfRequest(id: string): readonly number[] {
    return rowsOfRequest(this.#open.log, id);
  }

  findings(): ReturnType<LogService['findings']> {
    return this.#open.findings.findings();
  }

  groups(): ReturnType<LogService['groups']> {
    return this.#open.findings.groups();
  }

  raw(number: number, place: number, records: number): ReturnType<LogService['raw']> {
    const view = this.#complete(number);
    const count = Math.max(0, Math.min(records, view.length - place));
    const texts = Array.from({ length: count }, (_, index) => this.#rawOf(this.#open.log, view.rowAt(place + index)));
    return { text: texts.join('\n'), records: count };
  }

  close(): void {
    this.#open.close();
  }

  #rawOf(log: OpenLog['log'], row: number): string {
    const raw = recordBytes(log, row).toString();
    return log.index.level[row] === markLevel ? markText(log.sources[log.index.source[row] ?? 0] ?? '', JSON.parse(raw) as Mark) : raw;
  }

  /** The view, with all that came in until now looked through. */
  #complete(number: number): LogView {
    const view = this.#view(number);
    Array.from(view.extend());
    return view;
  }

  #view(number: number): LogView {
    const view = this.#views.get(number);
    if (view === undefined) throw new Error(`there is no view ${number}`);
    return view;
  }

  #placeOf(view: LogView, anchor: Anchor): number {
    switch (anchor.at) {
      case 'end':
        return view.length;
      case 'place':
        return anchor.place;
      case 'row':
        return view.placeOf(anchor.row);
      case 'time':
        return this.#placeOfTime(view, anchor.time);
    }
  }

  #placeOfTime(view: LogView, time: number): number {
    const { index } = this.#open.log;
    let [low, high] = [0, view.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((index.time[view.rowAt(middle)] ?? NaN) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The Gateway logs `status`, pino the answer as an object. */
function statusOf({ fields }: LogRecord): string {
  const named = new Map(fields);
  const answer = named.get('res');
  const status = named.get('status') ?? (typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>)['statusCode'] : undefined);
  return typeof status === 'number' ? String(status) : '';
}
