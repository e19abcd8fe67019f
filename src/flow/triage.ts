import type { Verdict } from '../model/check.ts';
import type { Status } from '../model/status.ts';

/** What was found of a symptom: the verdicts of one state, in the order of the symptom. */
export interface Found {
  readonly state: 'fail' | 'warn' | 'unknown';
  readonly first: Verdict;
  /** How many are in that state. */
  readonly count: number;
}

const redStates = ['fail', 'warn', 'unknown'] as const;

/** The verdict of a check by its id; undefined while there is none. */
export type VerdictOf = (check: string) => Verdict | undefined;

/**
 * The verdicts that decide about a symptom, in its order: a check that is blocked says nothing itself,
 * so that what blocks it stands in its place.
 */
export function deciding(checks: readonly string[], verdictOf: VerdictOf): readonly Verdict[] {
  const verdicts = checks.flatMap((check) => spokenFor(check, verdictOf) ?? []);
  return [...new Map(verdicts.map((verdict) => [verdict.check, verdict])).values()];
}

function spokenFor(check: string, verdictOf: VerdictOf): Verdict | undefined {
  const verdict = verdictOf(check);
  return verdict?.blockedBy === undefined ? verdict : (verdictOf(verdict.blockedBy) ?? verdict);
}

/**
 * The failure that stands first whatever is still to come, because every check before it has its
 * verdict: a slow answer of a later check need not be waited for.
 */
export function firstSettledFailure(checks: readonly string[], verdictOf: VerdictOf): Verdict | undefined {
  for (const check of checks) {
    const verdict = spokenFor(check, verdictOf);
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
  for (const state of redStates) {
    const found = verdicts.filter(({ status }) => status === (state satisfies Status));
    const first = found.find((verdict) => !misleads(verdict)) ?? found[0];
    if (first) return { state, first, count: found.length };
  }
  return undefined;
}
