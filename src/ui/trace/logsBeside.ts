import { firstTail } from '../../logs/protocol.ts';
import type { LogRow, RecordDetails } from '../../logs/protocol.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { LocatedTarget } from '../../targets/located.ts';
import type { PanelLogRow, PanelLogs, ToPanel } from '../../trace/panelMessages.ts';
import type { Traced } from '../../trace/service.ts';
import type { Fact } from '../../trace/story.ts';
import { stateWhen } from '../logs/openLogs.ts';
import type { OpenLog, OpenLogs } from '../logs/openLogs.ts';

export interface LogsBesideOptions {
  readonly logs: OpenLogs;
  readonly target: LocatedTarget;
  readonly redactor: Redactor;
  readonly post: (message: ToPanel) => void;
}

/** What was logged just before and after the call may tell why. */
const beforeMs = 5_000;
const afterMs = 15_000;
/** A Session may have begun days ago; nobody reads the log of days beside one call. */
const mostMs = 30 * 60_000;
const loadedWithinMs = 10_000;
/** Of a live log; each answer costs a look through what came. */
const lookAgainMs = 500;

/** The logs beside a story: the rows of all services in its stretch of time, a part of them at a time. */
export class LogsBeside {
  readonly #options: LogsBesideOptions;
  readonly #log: OpenLog;
  readonly #listening: { dispose(): void };
  #view: Promise<number> | undefined;
  #traced: Traced | undefined;
  #own: ReadonlySet<string> = new Set();
  #shown = -1;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: LogsBesideOptions) {
    this.#options = options;
    this.#log = options.logs.open(options.target.id, { kind: 'target', located: options.target, tail: firstTail });
    this.#listening = this.#log.onDidChange(() => {
      this.#timer ??= setTimeout(() => void this.#again(), lookAgainMs);
    });
  }

  /** Shows the rows of another stretch of time, or of the same one with more requests in it. */
  async show(traced: Traced): Promise<void> {
    this.#traced = traced;
    this.#own = new Set(traced.requestIds);
    const { stretch } = traced;
    if (stretch === undefined) {
      this.#tell('nobody knows when it happened, so there is no stretch of the logs to show');
      return;
    }
    await stateWhen(this.#log, ({ isLoaded, problem }) => isLoaded || problem !== undefined, loadedWithinMs);
    if (this.#isClosed || this.#traced !== traced) return;
    const problem = this.#log.state()?.problem;
    if (problem !== undefined) {
      this.#tell(`the logs cannot be read: ${this.#options.redactor.text(problem)}`);
      return;
    }
    this.#view ??= this.#log.remote.openView();
    const view = await this.#view;
    const from = Math.max(stretch.from - beforeMs, stretch.until - mostMs);
    await this.#log.remote.filter(view, `after:${new Date(from).toISOString()} before:${new Date(stretch.until + afterMs).toISOString()}`);
    this.#shown = -1;
    await this.#again();
  }

  async rows(from: number, count: number): Promise<void> {
    if (this.#view === undefined) return;
    const rows = await this.#log.remote.rows(await this.#view, from, count);
    this.#options.post({ type: 'showLogRows', from, rows: rows.map((row) => this.#masked(row)) });
  }

  async record(row: number): Promise<void> {
    const details = await this.#log.remote.record(row);
    const time = Number.isNaN(details.time) ? '' : `, ${new Date(details.time).toISOString().slice(11, 23)}`;
    this.#options.post({ type: 'showLogRecord', row, title: `${details.source}${time}`, facts: this.#factsOf(details) });
  }

  dispose(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#listening.dispose();
    void this.#view?.then((view) => this.#log.remote.closeView(view)).catch(() => undefined);
    this.#log.release();
  }

  /** Tells how many rows there are and which are of the call, if that is not what was told last. */
  async #again(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const traced = this.#traced;
    if (this.#isClosed || this.#view === undefined || traced === undefined) return;
    const view = await this.#view;
    const { shown, sources } = await this.#log.remote.state();
    const rows = shown[view] ?? 0;
    if (rows === this.#shown) return;
    this.#shown = rows;
    const own: PanelLogs['own'][number][] = [];
    for (const requestId of this.#own) {
      for (const { place, row, time } of await this.#log.remote.placesOfRequest(view, requestId)) own.push({ place, row, time: timeOf(time), requestId });
    }
    own.sort((one, other) => one.place - other.place);
    const [first, last] = await Promise.all([this.#log.remote.rows(view, 0, 1), this.#log.remote.rows(view, rows - 1, 1)]);
    if (this.#traced !== traced) return;
    const isTailed = sources.some((source) => source.isTailed);
    const stretch = rows === 0 ? 'no line of this time' : `${clock(first[0])} to ${clock(last[0])}, ${own.length} of ${rows.toLocaleString('en')} lines belong to this call`;
    this.#options.post({ type: 'showLogs', logs: { summary: `${stretch}${rows === 0 && isTailed ? ': older lines were not read' : ''}`, rows, own, silent: traced.silent } });
  }

  #tell(summary: string): void {
    this.#options.post({ type: 'showLogs', logs: { summary, rows: 0, own: [], silent: [] } });
  }

  #masked(row: LogRow): PanelLogRow {
    const { redactor } = this.#options;
    return { ...row, time: timeOf(row.time), message: redactor.text(row.message), note: redactor.text(row.note), isOwn: this.#own.has(row.requestId) };
  }

  #factsOf({ record, mark, meaning, note, raw }: RecordDetails): readonly Fact[] {
    const { redactor } = this.#options;
    const fact = (label: string, value: unknown, isCode = true): Fact => ({ label, value: { text: redactor.text(typeof value === 'string' ? value : JSON.stringify(value)), isCode } });
    if (mark !== undefined) return [fact('what', mark, false)];
    const fields = redactor.json(Object.fromEntries([...record.fields, ...(record.requestId === undefined ? [] : [['request_id', record.requestId] as const])]));
    return [
      fact('msg', record.message), ...(record.level === undefined ? [] : [fact('level', record.level)]), ...Object.entries(fields).map(([label, value]) => fact(label, value)),
      ...(record.error === undefined ? [] : [fact('error', record.error.message)]), ...(meaning === undefined ? [] : [fact('means', meaning, false)]), ...(note === undefined ? [] : [fact('note', note, false)]),
      ...(record.more.length === 0 ? [] : [fact('lines', raw)]),
    ];
  }
}

/** A message between two pages has no NaN. */
function timeOf(time: number): number | null {
  return Number.isNaN(time) ? null : time;
}

function clock(row: LogRow | undefined): string {
  return row === undefined || Number.isNaN(row.time) ? 'unknown' : new Date(row.time).toISOString().slice(11, 19);
}
