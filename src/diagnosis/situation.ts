import type { Check, Verdict } from '../model/check.ts';

/** A known message that stands in a log, counted over its last lines. */
export interface LoggedMessage {
  /** `gateway: sts circuit open` */
  readonly id: string;
  readonly count: number;
  /** ISO 8601 by the clock of whoever logged. */
  readonly firstAt: string | null;
  readonly lastAt: string | null;
  /** Id of the observation. */
  readonly observation: string;
}

/** What changed in the deployment in one second. */
export interface Change {
  /** ISO 8601. */
  readonly at: string;
  /** `sts started, jwt.key changed (api, sts), 4 min ago` */
  readonly what: string;
  readonly observations: readonly string[];
}

/** All that is known when causes are looked for. */
export interface Situation {
  /** Every check of the target, also those that were not run. */
  readonly checks: readonly Pick<Check, 'id' | 'component' | 'title'>[];
  readonly verdicts: readonly Verdict[];
  readonly logged: readonly LoggedMessage[];
  readonly changes: readonly Change[];
}
