import type { LocatedTarget } from '../targets/located.ts';
import type { ErrorGroup, LogFinding } from './findings.ts';
import type { LogRecord } from './record.ts';
import type { Window } from './view.ts';

/** Where a log comes from. */
export type LogPlace =
  /** All containers of a target, or its log files; of what was logged before, no more than so many lines of each. */
  | { readonly kind: 'target'; readonly located: LocatedTarget; readonly tail: number }
  /** A file as it is, however large. */
  | { readonly kind: 'file'; readonly path: string };

/** Lines of each source that are read at first, of what was logged before. */
export const firstTail = 20_000;

/** What the thread of a log is started with. */
export interface LogThreadData {
  readonly place: LogPlace;
  /** A folder of ours for what comes in. */
  readonly folder: string;
}

/** One source of a log, for a person. */
export interface SourceState {
  readonly name: string;
  /** `reads`, `follows`, or what keeps it from that. */
  readonly standing: string;
  readonly isWell: boolean;
  /** It has older lines that were not read. */
  readonly isTailed: boolean;
}

/** How a log stands. Rows are records, marks among them. */
export interface LogState {
  readonly rows: number;
  /** Records that came after their place was given away: they stand later than their time says. */
  readonly late: number;
  readonly bytes: number;
  /** Records that tell of a probe and of nothing else. */
  readonly probes: number;
  /** Milliseconds since 1970; NaN where nothing has a time. */
  readonly from: number;
  readonly to: number;
  /** How far clocks of processes are from those of their machines, in ms; undefined where it cannot be told. */
  readonly skewMs: number | undefined;
  readonly sources: readonly SourceState[];
  /** Everything that was there when it was opened is in. */
  readonly isLoaded: boolean;
  /** Records that each view shows, by its number. */
  readonly shown: Readonly<Record<number, number>>;
  /** Why there is nothing to read. */
  readonly problem: string | undefined;
}

/** A place in what a view shows: its end, its nth record, a row or the next one after it, or a moment in ms since 1970. */
export type Anchor = { readonly at: 'end' } | { readonly at: 'place'; readonly place: number } | { readonly at: 'row'; readonly row: number } | { readonly at: 'time'; readonly time: number };

export interface Anchored {
  readonly window: Window;
  /** The row at the anchor; undefined at the end. */
  readonly row: number | undefined;
  /** Records that the view shows in all. */
  readonly shown: number;
}

/** One record with everything that is known of it. */
export interface RecordDetails {
  readonly row: number;
  readonly source: string;
  /** Milliseconds since 1970 in the order of the log; NaN where nobody knows. */
  readonly time: number;
  readonly record: LogRecord;
  readonly raw: string;
  /** The known message that it has: `gateway: jti tracker setnx failed`. */
  readonly message: string | undefined;
  readonly meaning: string | undefined;
  /** What is true instead of what the line seems to say. */
  readonly note: string | undefined;
  /** What happened to the log, where the row is no record. */
  readonly mark: string | undefined;
}

/** A record as a row of a list. */
export interface LogRow {
  readonly row: number;
  /** Milliseconds since 1970 in the order of the log; NaN where nobody knows. */
  readonly time: number;
  readonly source: string;
  /** `""` of what has none. */
  readonly level: string;
  readonly message: string;
  /** Status of HTTP that it tells, or `""`. */
  readonly status: string;
  /** `""` of what has none. */
  readonly requestId: string;
  /** What is true instead of what the line seems to say, or `""`. */
  readonly note: string;
}

/** What the thread of a log answers. What it is asked for is done in the order in which it comes. */
export interface LogService {
  state(): LogState;
  openView(): number;
  closeView(view: number): void;
  /** Shows what a filter of `parseFilter` takes, of some sources or of all; gives what is wrong with it, else undefined. */
  filter(view: number, text: string, sources?: readonly string[]): string | undefined;
  /** Records before and after an anchor. */
  window(view: number, anchor: Anchor, size: { readonly before: number; readonly after: number; readonly raw: boolean }): Anchored;
  /** Records from a place in what a view shows on, fewer where it ends. */
  rows(view: number, place: number, records: number): readonly LogRow[];
  /** The records of a request that a view shows, where they stand in it; times in milliseconds since 1970, NaN where nobody knows. */
  placesOfRequest(view: number, id: string): readonly { readonly place: number; readonly row: number; readonly time: number }[];
  record(row: number): RecordDetails;
  /** The next row with an error that is shown, from a row on; undefined where there is none. */
  nextError(view: number, row: number, direction: 1 | -1): number | undefined;
  rowsOfRequest(id: string): readonly number[];
  findings(): readonly LogFinding[];
  groups(): readonly ErrorGroup[];
  /** Records from a place in what a view shows on, as they were logged, without a newline at the end. They are not masked. */
  raw(view: number, place: number, records: number): { readonly text: string; readonly records: number };
  close(): void;
}

/** Between the threads. */
export type ToThread = { readonly id: number; readonly method: keyof LogService; readonly parameters: readonly unknown[] };
export type FromThread =
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string }
  | { readonly kind: 'state'; readonly state: LogState };
