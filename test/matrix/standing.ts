/** How a case came out. */
import { causesOf } from '../../src/flow/diagnosing.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Cause, Diagnosis } from '../../src/model/diagnosis.ts';
import { isNamed } from '../../src/model/diagnosis.ts';
import { labKinds } from '../lab/kinds.ts';
import type { Case } from './cases.ts';
import type { Replayed } from './replay.ts';
import { truthsOf } from './truths.ts';

export type Standing = 'right' | 'WRONG' | 'abstained';

export function named({ causes }: Pick<Diagnosis, 'causes'>): readonly Cause[] {
  return causes.filter(isNamed);
}

/** Whether what is named is what is wrong: the first cause of one fault, exactly those of two, and nothing where nothing is. */
export function standing(one: Case, diagnosis: Pick<Diagnosis, 'causes'>): Standing {
  const found = named(diagnosis).map(({ id }) => id);
  const truths = truthsOf(one);
  if (found.length === 0) return truths.length === 0 ? 'right' : 'abstained';
  const first = diagnosis.causes[0]?.id;
  const isRight = truths.length === 1 ? found[0] === first && truths.flat().includes(found[0] ?? '') : found.length === truths.length && truths.every((truth) => truth.some((id) => found.includes(id)));
  return isRight ? 'right' : 'WRONG';
}

export function isRight({ one, diagnosis }: Replayed): boolean {
  return standing(one, diagnosis) === 'right';
}

/** Whether a cause stands for exactly what its fault turns red, with an observation at each step of its path. */
export function isGrounded({ one, verdicts, diagnosis }: Replayed): boolean {
  const [cause] = diagnosis.causes;
  const [fault] = one.faults.flatMap((id) => labKinds[one.kind].faults.find((each) => each.id === id) ?? []);
  if (!cause || !fault) return false;
  const isRed = (status: string | undefined): boolean => status === 'fail' || status === 'warn';
  const statuses = new Map(verdicts.map(({ check, status }) => [check, status]));
  const told = new Set([...cause.own, ...cause.explains].filter((check) => isRed(statuses.get(check))));
  const expected = new Set(Object.entries(fault.verdicts).flatMap(([check, status]) => (isRed(status) ? [check] : [])));
  return told.size === expected.size && [...told].every((check) => expected.has(check)) && cause.path.every(({ observations }) => observations.length > 0);
}

/** When the cause of each single was named for good, milliseconds after the start of its run; of those that are not named in the end, nothing. */
export function namedTimes(replayed: readonly Replayed[]): ReadonlyMap<Replayed, number> {
  return new Map(replayed.filter(({ one }) => one.group === 'singles').flatMap((each) => {
    const ms = namedAfterMs(each);
    return ms === undefined ? [] : [[each, ms] as const];
  }));
}

/** From then on the cause came first and was named, whatever else came in. */
function namedAfterMs({ one, verdicts, recording: { verdictMs, observations } }: Replayed): number | undefined {
  const last = Math.max(...Object.values(verdictMs));
  const msOf = ({ check }: Verdict): number => verdictMs[check] ?? last;
  const times = [...new Set(verdicts.map(msOf))].sort((one, other) => other - one);
  let named: number | undefined;
  for (const time of times) {
    const stood = verdicts.filter((verdict) => msOf(verdict) <= time);
    const seen = new Set(stood.flatMap(({ observations }) => observations));
    const { result } = causesOf(one.kind, stood, observations.filter(({ id }) => seen.has(id)));
    if (standing(one, result) !== 'right') break;
    named = time;
  }
  return named;
}
