import * as z from 'zod';

/**
 * What is asked, and of whom. Two questions with the same `questionId` are the same question: a run
 * asks it once, and a saved report answers it by that id.
 */
export const questionSchema = z.strictObject({
  /** Name of the subject that knows how to ask, such as `postgres.migrations`. */
  subject: z.string().min(1),
  /** The component asked, such as `api`, `Redis` or the name of a stream. */
  of: z.string().min(1),
  /** Second and later looks at something that may be moving; absent for the first. */
  sample: z.number().int().min(2).optional(),
  /** Present when the answer that an earlier run had is asked for, to see what changed since. */
  earlier: z.literal(true).optional(),
});

/** How a question ended. Everything but `answer` says why there is none. */
export const outcomeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('answer'), value: z.json() }),
  /** The asked side, or the way to it, refused: an errno, an SQLSTATE, a Redis error word. */
  z.strictObject({ kind: z.literal('refused'), code: z.string(), message: z.string() }),
  z.strictObject({ kind: z.literal('timeout'), deadlineMs: z.number(), stage: z.string() }),
  /** It could not be asked at all: no credential, no address, not in the record. */
  z.strictObject({ kind: z.literal('unavailable'), why: z.string(), wayOut: z.string() }),
  z.strictObject({ kind: z.literal('cancelled') }),
  /** Our own code threw. Says nothing about the deployment. */
  z.strictObject({ kind: z.literal('crashed'), error: z.string(), message: z.string() }),
]);

/** One fact: what was asked of whom, the answer, when by the local clock, and how long it took. */
export const observationSchema = z.strictObject({
  id: z.string().min(1),
  question: questionSchema,
  /** The question in words that a person could type again, such as `GET http://127.0.0.1:3000/ready`. */
  asked: z.string(),
  /** Local clock, ISO 8601. Clocks of the asked side, where it tells them, are part of its answer. */
  at: z.iso.datetime(),
  tookMs: z.number().nonnegative(),
  outcome: outcomeSchema,
});

/** `Answer` is the shape of the answer; it exists for the compiler only. */
export interface Question<Answer = unknown> {
  readonly subject: string;
  readonly of: string;
  readonly sample?: number | undefined;
  readonly earlier?: true | undefined;
  readonly answer?: (value: never) => Answer;
}

export type Outcome<Answer = unknown> =
  | { readonly kind: 'answer'; readonly value: Answer }
  | Exclude<z.infer<typeof outcomeSchema>, { kind: 'answer' }>;

export interface Observation<Answer = unknown> {
  readonly id: string;
  readonly question: Question<Answer>;
  readonly asked: string;
  readonly at: string;
  readonly tookMs: number;
  readonly outcome: Outcome<Answer>;
}

/** Something that can be asked about: its name, and the shape of the answer. */
export interface Subject<Answer> {
  readonly name: string;
  readonly schema: z.ZodType<Answer>;
  /** The question about `component`; `sample` counts looks from 1. */
  of(component: string, sample?: number): Question<Answer>;
}

/** Declares a subject. `schema` must describe plain JSON, because answers are saved in reports. */
export function subject<Answer>(name: string, schema: z.ZodType<Answer>): Subject<Answer> {
  return {
    name,
    schema,
    of: (component, sample = 1) => (sample > 1 ? { subject: name, of: component, sample } : { subject: name, of: component }),
  };
}

/** The answer that an earlier run of the same target had to this question. Nothing is asked for it. */
export function earlier<Answer>(question: Question<Answer>): Question<Answer> {
  return { ...question, earlier: true };
}

/**
 * Identity of a question within a run: `postgres.migrations/Postgres`, `redis.stream/audit.events#2`,
 * `service.metrics/sts@earlier`.
 */
export function questionId(question: Question): string {
  const look = question.sample === undefined ? '' : `#${question.sample}`;
  return `${question.subject}/${question.of}${look}${question.earlier ? '@earlier' : ''}`;
}
