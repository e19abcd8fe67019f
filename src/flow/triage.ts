import type { Verdict } from '../model/check.ts';
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
