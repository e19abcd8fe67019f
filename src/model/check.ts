import * as z from 'zod';
import type { Observation, Question } from './observation.ts';
import { statuses } from './status.ts';
import type { Status } from './status.ts';
import { steps } from './step.ts';
import type { Step } from './step.ts';
import type { TargetKind } from './target.ts';

/** One named value that stands under a check in the tree. */
export const factSchema = z.strictObject({ name: z.string(), value: z.string() });

/** What a check concluded, and the observations it rests on. */
export const verdictSchema = z.strictObject({
  check: z.string(),
  step: z.enum(steps),
  component: z.string(),
  title: z.string(),
  status: z.enum(statuses),
  /** The measured value, or what answered in its own words; its first word decides. */
  summary: z.string(),
  /** One or two sentences: how the summary follows from the observations, with the source in Caracal. */
  reasoning: z.string(),
  facts: z.array(factSchema),
  /** What rules go by: the word of whoever was asked for what was found, `redis_unreachable`, `28P01`, `OOMKilled`. */
  signs: z.array(z.string()).optional(),
  /** When what was found began, ISO 8601 by the clock of whoever was asked, where that is known. */
  since: z.string().optional(),
  /** The check that failed first on the way to this one. Present exactly when `status` is `blocked`. */
  blockedBy: z.string().optional(),
  /** Ids of observations. */
  observations: z.array(z.string()),
});

export type Fact = z.infer<typeof factSchema>;
export type Verdict = Readonly<z.infer<typeof verdictSchema>>;

/** A judgement before the runner has put the check's name on it. */
export interface Finding {
  readonly status: Extract<Status, 'pass' | 'warn' | 'fail' | 'unknown' | 'not-applicable'>;
  readonly summary: string;
  readonly reasoning: string;
  readonly facts?: readonly Fact[];
  /** See `verdictSchema`. */
  readonly signs?: readonly string[];
  readonly since?: string | undefined;
}

/**
 * What a judge returns. `wants` are questions whose answers could change `result`; the runner asks
 * them and judges again, a bounded number of rounds, after which `result` stands as it is.
 */
export interface Judgement {
  readonly result: Finding;
  readonly wants?: readonly Question[];
}

/** The observations of a run, as a judge sees them. */
export interface Observed {
  /**
   * The observation that answers `question`.
   *
   * @throws Error when the question was neither among the check's `asks` nor wanted before.
   */
  get<Answer>(question: Question<Answer>): Observation<Answer>;
  /** The same, or undefined when it was not asked yet. */
  find<Answer>(question: Question<Answer>): Observation<Answer> | undefined;
}

/** Static definition of a check. Its id is stable and never reused. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly step: Step;
  readonly component: string;
  /** Kinds of target that have it. Absent: every kind. */
  readonly kinds?: readonly TargetKind[];
  /** Checks without whose success this one cannot say anything: if one fails, this one is blocked by it. */
  readonly needs: readonly string[];
  readonly asks: readonly Question[];
  /** The privilege that asking takes, in words: `SELECT on schema_migrations`. */
  readonly privilege: string;
  /** Ids of the messages of the logs that speak for it, `gateway: sts circuit open`. */
  readonly messages?: readonly string[];
  /** Where Caracal says so: source path, or section of its documentation. */
  readonly source: string;
  /** Pure: the same observations give the same judgement, today or from a saved report. */
  judge(observed: Observed): Judgement;
}
