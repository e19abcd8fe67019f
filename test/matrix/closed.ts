/**
 * The same recordings, as whoever may not look into a part of the deployment sees them: every credential and every
 * permission is optional, and what nobody could look at must not make a cause out of something else.
 */
import { checks } from '../../src/flow/catalogue.ts';
import type { Cause } from '../../src/model/diagnosis.ts';
import type { Outcome } from '../../src/model/observation.ts';
import type { Report } from '../../src/model/report.ts';
import type { Case } from './cases.ts';
import { replay } from './replay.ts';
import type { Replayed } from './replay.ts';
import { named, standing } from './standing.ts';
import { truthsOf } from './truths.ts';

type Closed = Exclude<Outcome, { readonly kind: 'answer' }>;

/** A part that is closed. */
export interface Closing {
  readonly subjects: RegExp;
  /** How questions about them end. */
  readonly outcome: Closed;
  /** The kind of target that has this part; without it each has. */
  readonly kind?: Case['kind'];
}

const unavailable = (why: string): Closed => ({ kind: 'unavailable', why, wayOut: 'give it in the target' });

export const closings: Readonly<Record<string, Closing>> = {
  'no Postgres': { subjects: /^postgres\./, outcome: unavailable('no Postgres was given') },
  'no Redis': { subjects: /^redis\./, outcome: unavailable('no Redis was given') },
  'no store': { subjects: /^(?:postgres|redis)\./, outcome: unavailable('no store was given') },
  'no logs': { subjects: /^logs\./, outcome: unavailable('no logs were given') },
  'no metrics': { subjects: /^service\.metrics$/, outcome: unavailable('no token was given') },
  'Docker Engine refuses': { kind: 'compose', subjects: /^compose\./, outcome: { kind: 'refused', code: 'EACCES', message: 'permission denied' } },
  'Kubernetes forbids': { kind: 'kubernetes', subjects: /^kubernetes\.(?!cluster$|permissions$)/, outcome: unavailable('no permission: list') },
  'readiness alone': { subjects: /^(?!service\.(?:ready|health|identity)$)/, outcome: unavailable('nothing was given') },
};

/** How cases come out where a part is closed. */
export interface ClosedFigures {
  /** What is wrong is named first, or is what is named of two. */
  readonly right: number;
  /** What is named is so, and is a step on the way from what is wrong, or one of two. */
  readonly nearer: number;
  readonly abstained: number;
  /** Something is named that is not so, each with the case. */
  readonly wrong: readonly string[];
}

/** Judges all cases that have this part anew, as if it were closed. */
export async function closedFigures(all: readonly Replayed[], { subjects: closed, outcome, kind }: Closing): Promise<ClosedFigures> {
  const counts = { right: 0, nearer: 0, abstained: 0 };
  const wrong: string[] = [];
  const close = (observation: Report['observations'][number]): Report['observations'][number] => (closed.test(observation.question.subject) ? { ...observation, outcome } : observation);
  for (const open of all.filter(({ one }) => kind === undefined || one.kind === kind)) {
    const { one, recording } = open;
    const { diagnosis } = await replay(one, { ...recording, observations: recording.observations.map(close) });
    const untrue = named(diagnosis).filter((cause) => !isSo(cause, open, closed));
    const how = standing(one, diagnosis);
    if (untrue.length > 0) wrong.push(`${one.id}: ${untrue.map((cause) => `${cause.id}, ${cause.standing}`).join('; ')}`);
    else counts[how === 'WRONG' ? 'nearer' : how] += 1;
  }
  return { ...counts, wrong };
}

/** Whether a cause is what is wrong, or is seen itself where an open look sees something red, too, or could not look either. */
function isSo({ id, standing: how, own }: Cause, { one, verdicts }: Replayed, closed: RegExp): boolean {
  if (truthsOf(one).flat().includes(id)) return true;
  const red = new Set(verdicts.flatMap(({ check, status }) => (status === 'fail' || status === 'warn' ? [check] : [])));
  const rests = (check: string): boolean => checks.find((each) => each.id === check)?.asks.some(({ subject }) => closed.test(subject)) === true;
  return how === 'confirmed' && own.length > 0 && own.every((check) => red.has(check) || rests(check));
}
