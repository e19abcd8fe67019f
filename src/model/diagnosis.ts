import * as z from 'zod';
import { causeStandings } from './causeStanding.ts';

export { causeStandings, isNamed } from './causeStanding.ts';
export type { CauseStanding } from './causeStanding.ts';

/** A fact that a conclusion rests on, and where to read it. */
export const evidenceSchema = z.strictObject({
  /** What was seen, as part of a sentence: `Redis › Reachable: refused in 1 ms; container stopped`. */
  words: z.string(),
  /** The check that says so; null for a line of a log or a change. */
  check: z.string().nullable(),
  /** Ids of observations. */
  observations: z.array(z.string()),
  /** ISO 8601, when it began or happened, where that is known. */
  at: z.string().nullable(),
});

/** Something that was looked for. `seen` is null where nobody could look. */
export const lookSchema = evidenceSchema.extend({ seen: z.boolean().nullable() });

/** A part of the score of a cause, so that its place can be argued with. */
export const weightSchema = z.strictObject({ name: z.string(), value: z.number() });

export const causeSchema = z.strictObject({
  /** Stable: `redis-stopped`. */
  id: z.string(),
  /** The component that is at fault: `Redis`. */
  component: z.string(),
  /** `Redis is stopped` */
  title: z.string(),
  /** One or two sentences: what was seen of it, and what it does. */
  sentence: z.string(),
  standing: z.enum(causeStandings),
  /** Checks at which it is seen itself. */
  own: z.array(z.string()),
  /** Checks whose verdict is its consequence, in the order of the flow; its own are not among them. */
  explains: z.array(z.string()),
  /** What speaks for it; the confirming answer first. */
  for: z.array(evidenceSchema),
  /** What would speak against it, seen or not. */
  against: z.array(lookSchema),
  /** What would confirm it and cannot be told; null when it is confirmed or nothing would. */
  unconfirmed: z.strictObject({ check: z.string(), why: z.string() }).nullable(),
  /** From the cause to what a person sees, each step with what shows it. */
  path: z.array(evidenceSchema),
  /** Id of the cause that left this one behind; null when none did. */
  leftBehindBy: z.string().nullable(),
  score: z.array(weightSchema),
});

export const diagnosisSchema = z.strictObject({
  /** Those that are named, by rank; where nothing can be named, at most three that are possible. */
  causes: z.array(causeSchema),
  /** Considered and contradicted, or seen to be well. */
  ruledOut: z.array(z.strictObject({ id: z.string(), title: z.string(), why: evidenceSchema })),
  /** What looks wrong and is not: what, and why not. */
  notCauses: z.array(z.strictObject({ words: z.string(), why: z.string(), check: z.string().nullable() })),
  /** Checks that failed or warn, and that no cause explains. */
  unexplained: z.array(z.string()),
  /** How many checks failed, and how many of them a named cause explains or is seen at. */
  failures: z.strictObject({ all: z.number(), explained: z.number() }),
  /** The check whose answer would tell the possible causes apart; null when there is nothing to tell apart, or nothing that would. */
  next: z.strictObject({ check: z.string(), words: z.string(), between: z.array(z.string()) }).nullable(),
});

export type Evidence = Readonly<z.infer<typeof evidenceSchema>>;
export type Look = Readonly<z.infer<typeof lookSchema>>;
export type Cause = Readonly<z.infer<typeof causeSchema>>;
export type Diagnosis = Readonly<z.infer<typeof diagnosisSchema>>;
