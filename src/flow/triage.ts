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

/**
 * The verdicts that decide about a symptom, in its order: a check that is blocked says nothing itself,
 * so that what blocks it stands in its place.
 */
export function deciding(checks: readonly string[], verdictOf: (check: string) => Verdict | undefined): readonly Verdict[] {
  const verdicts = checks.flatMap((check) => {
    const verdict = verdictOf(check);
    return (verdict?.blockedBy === undefined ? verdict : (verdictOf(verdict.blockedBy) ?? verdict)) ?? [];
  });
  return [...new Map(verdicts.map((verdict) => [verdict.check, verdict])).values()];
}

/** Where to begin: the first failure, without one the first warning, without one the first unknown. */
export function firstRed(verdicts: readonly Verdict[]): Found | undefined {
  for (const state of redStates) {
    const found = verdicts.filter(({ status }) => status === (state satisfies Status));
    // What says of itself that it misleads is looked at last.
    const first = found.find(({ summary }) => !summary.startsWith('not a cause')) ?? found[0];
    if (first) return { state, first, count: found.length };
  }
  return undefined;
}
