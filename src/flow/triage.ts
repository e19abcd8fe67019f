import type { Place } from '../caracal/places.ts';
import type { Symptom } from '../caracal/symptoms.ts';
import type { Verdict } from '../model/check.ts';
import { isNamed } from '../model/causeStanding.ts';
import type { Cause, Diagnosis } from '../model/diagnosis.ts';
import type { Status } from '../model/status.ts';

/** What was found of a symptom: the first verdict of the worst state. What could not be told counts as unknown. */
export interface Found {
  readonly state: 'fail' | 'warn' | 'unknown';
  readonly first: Verdict;
  /** How many are in that state. */
  readonly count: number;
}

const redStates = [
  { state: 'fail', statuses: ['fail'] },
  { state: 'warn', statuses: ['warn'] },
  { state: 'unknown', statuses: ['unknown', 'blocked'] },
] as const satisfies readonly { readonly state: Found['state']; readonly statuses: readonly Status[] }[];

/** The verdict of a check by its id; undefined while there is none. */
export type VerdictOf = (check: string) => Verdict | undefined;

/**
 * The verdicts of a symptom's checks, in its order. One that is blocked by another of them says nothing
 * more; one that is blocked from outside leaves open what it would have told.
 */
export function deciding(checks: readonly string[], verdictOf: VerdictOf): readonly Verdict[] {
  const own = new Set(checks);
  return checks.flatMap((check) => {
    const verdict = verdictOf(check);
    return !verdict || (verdict.blockedBy !== undefined && own.has(verdict.blockedBy)) ? [] : verdict;
  });
}

/**
 * The failure that stands first whatever is still to come, because every check before it has its
 * verdict: a slow answer of a later check need not be waited for.
 */
export function firstSettledFailure(checks: readonly string[], verdictOf: VerdictOf): Verdict | undefined {
  for (const check of checks) {
    const verdict = verdictOf(check);
    if (!verdict || (verdict.status === 'fail' && !misleads(verdict))) return verdict;
  }
  return undefined;
}

/** What says of itself that it is a consequence. */
function misleads({ summary }: Verdict): boolean {
  return summary.startsWith('not a cause');
}

/** Where to begin: the first failure, without one the first warning, without one the first unknown. */
export function firstRed(verdicts: readonly Verdict[]): Found | undefined {
  for (const { state, statuses } of redStates) {
    const found = verdicts.filter(({ status }) => statuses.some((each) => each === status));
    const first = found.find((verdict) => !misleads(verdict)) ?? found[0];
    if (first) return { state, first, count: found.length };
  }
  return undefined;
}

/**
 * A symptom whose first checks are those at which places differ. One at which all of them are seen does not tell them apart.
 * Among those that do, and among the others, its own order is kept: it looks at a cause before what that brings about.
 *
 * @param has whether the target has a check
 */
export function toldApart(symptom: Symptom, places: readonly Place[], has: (check: string) => boolean): Symptom {
  const { checks } = symptom;
  const tells = (check: string): boolean => places.length === 1 || !places.every(({ seenAt }) => seenAt.includes(check));
  const telling = new Set(places.flatMap(({ seenAt }) => seenAt.filter((check) => tells(check) && has(check))));
  if (checks.length === 0 || telling.size === 0) return symptom;
  const own = checks.filter((check) => telling.has(check));
  const others = [...telling].filter((check) => !checks.includes(check));
  return { ...symptom, checks: [...own, ...others, ...checks.filter((check) => !telling.has(check))] };
}

/**
 * The causes that what is red of some checks is put down to, by rank: those that are named and are seen at, or explain, one
 * of them, and one that failed where some did. What else is wrong with the deployment is not what was asked.
 *
 * @param checks of a symptom; none for whatever is wrong
 */
export function causesBehind({ causes, failures }: Diagnosis, checks: readonly string[], hasFailed: (check: string) => boolean): readonly Cause[] {
  const isAny = checks.length === 0;
  const tells = (isAny ? failures.all > 0 : checks.some(hasFailed)) ? hasFailed : () => true;
  return causes.filter((cause) => isNamed(cause) && [...cause.own, ...cause.explains].some((check) => (isAny || checks.includes(check)) && tells(check)));
}

/**
 * The cause that is known already while slower checks go on: the one at which the first failure is seen or which explains
 * it, where that failure stands first whatever is still to come and the cause is confirmed.
 */
export function settledCause(diagnosis: Diagnosis, failure: Verdict): Cause | undefined {
  const [cause] = causesBehind(diagnosis, [failure.check], () => true);
  return cause?.standing === 'confirmed' ? cause : undefined;
}
