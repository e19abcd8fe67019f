import type { Findings } from './findings.ts';
import type { SourceState } from './protocol.ts';
import type { IndexedLog } from './search.ts';

/** A log in the thread that holds it, while it comes in. */
export interface OpenLog {
  readonly log: IndexedLog;
  readonly findings: Findings;
  /** How late a record was, in ms, by its row; only of those that came after the hold-back. */
  readonly late: ReadonlyMap<number, number>;
  readonly skewMs: number | undefined;
  readonly sources: readonly SourceState[];
  readonly isLoaded: boolean;
  readonly problem: string | undefined;
  /** Takes in what there is, for a few milliseconds; whether anything is new. */
  advance(now: number): boolean;
  close(): void;
}
