/** What is known about the picked target at one moment, from which every surface is drawn. */
import type { Symptom } from '../caracal/symptoms.ts';
import type { Check, Verdict } from '../model/check.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Step } from '../model/step.ts';
import type { State } from './words.ts';

/** Of a check, what the view needs before it was ever run. */
export type CheckHead = Pick<Check, 'id' | 'title' | 'step' | 'component' | 'needs' | 'messages'>;

/** What a run is about: everything, a step, a component of a step, one check, or the checks of a symptom. */
export interface Scope {
  readonly step?: Step;
  readonly component?: string;
  readonly check?: string;
  readonly checks?: readonly string[];
}

/** The last verdict of a check. */
export interface Answer {
  readonly verdict: Verdict;
  /** Local clock, milliseconds. */
  readonly at: number;
  /** It came from a run that did not cover the whole step, so the age of the step does not tell its age. */
  readonly apart: boolean;
  /** When its status last changed from one run to the next, local clock, milliseconds; undefined when it never did. */
  readonly changedAt?: number | undefined;
}

export interface TargetHead {
  /** Stable across sessions; the first part of every node's id. */
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  /** Sources whose logs can be read. */
  readonly logs: readonly string[];
}

export interface FlowState {
  readonly target: TargetHead | undefined;
  /** Zone that per-zone checks look at, when one was picked. */
  readonly zone: string | undefined;
  /** In the order of the contract; empty until the catalogue is loaded. */
  readonly checks: readonly CheckHead[];
  readonly answers: ReadonlyMap<string, Answer>;
  /** Checks whose new answer is waited for. */
  readonly running: ReadonlySet<string>;
  /** How many checks the current runs cover, those with an answer included; 0 when nothing runs. */
  readonly runSize: number;
  /** How the last run ended, `triaged` being the end of the run for the symptom; undefined before the first one did. */
  readonly ended: 'complete' | 'triaged' | 'stopped' | undefined;
  /** What the user said to see on this target. */
  readonly symptom: Symptom | undefined;
  /** What was found for the symptom beside the verdicts, as a sentence; undefined when nothing was. */
  readonly found: string | undefined;
  /** How far the run for the symptom has come, in checks; undefined when none goes on. */
  readonly triage: { readonly done: number; readonly of: number } | undefined;
  /** What the answers that are known now speak for; undefined before there are any. While something is waited for, only what is sure is told anew. */
  readonly diagnosis: Diagnosis | undefined;
  /** Present while the target is watched. `wellBefore`: all that applies passed at the end of some run since. */
  readonly watch: { readonly wellBefore: boolean } | undefined;
}

export const emptyState: FlowState = {
  target: undefined,
  zone: undefined,
  checks: [],
  answers: new Map(),
  running: new Set(),
  runSize: 0,
  ended: undefined,
  symptom: undefined,
  found: undefined,
  triage: undefined,
  diagnosis: undefined,
  watch: undefined,
};

/** Older than this, a click asks again. */
export const staleAfterMs = 30_000;

/** The checks that a scope names. */
export function inScope(checks: readonly CheckHead[], scope: Scope): readonly CheckHead[] {
  return checks.filter(
    (check) =>
      (scope.step === undefined || check.step === scope.step) &&
      (scope.component === undefined || check.component === scope.component) &&
      (scope.check === undefined || check.id === scope.check) &&
      (scope.checks === undefined || scope.checks.includes(check.id)),
  );
}

/** What a run for a symptom is about. */
export function scopeOf({ checks }: Symptom): Scope {
  return checks.length === 0 ? {} : { checks };
}

/** The checks of a scope and, because their verdicts may decide them, all that they need. */
export function withNeeds(checks: readonly CheckHead[], scope: Scope): ReadonlySet<string> {
  const byId = new Map(checks.map((check) => [check.id, check]));
  const ids = new Set<string>();
  const include = (id: string): void => {
    const check = byId.get(id);
    if (!check || ids.has(id)) return;
    ids.add(id);
    check.needs.forEach(include);
  };
  for (const check of inScope(checks, scope)) include(check.id);
  return ids;
}

/** State of a check by its last verdict, whether or not a new one is waited for. */
export function settledState(state: FlowState, check: string): State {
  return state.answers.get(check)?.verdict.status ?? 'not-run';
}
