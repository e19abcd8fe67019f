/** How well causes are named over all cases. */
import { baselines } from './baselines.ts';
import type { Case } from './cases.ts';
import type { Replayed } from './replay.ts';
import { isGrounded, isRight, named, standing } from './standing.ts';
import { truthsOf } from './truths.ts';
import { ac1LeftOut } from './tuning.ts';

/** What the project promises. */
export const bars = { ac1: 0.95, ac1Decoys: 0.9, ac1LeftOut: 0.9, exactSetDouble: 0.8, groundedAc1: 0.9, falseCausesPer100: 0, verdictP95Ms: 10_000 } as const;

export interface Figures {
  readonly singles: number;
  readonly doubles: number;
  /** Tried, alone and beside a fault. */
  readonly decoys: number;
  readonly healthy: number;
  /** Singles whose cause is named first, as a share of all. */
  readonly ac1: number;
  /** Singles whose cause is among the first three, named or possible. */
  readonly ac3: number;
  /** The same as `ac1` while a decoy stands beside the fault. */
  readonly ac1Decoys: number;
  /** The same as `ac1` for each family by weights that were chosen without it. */
  readonly ac1LeftOut: number;
  /** Doubles for which both causes are named, and no other. */
  readonly exactSetDouble: number;
  /** Singles whose cause is named first, stands for exactly what is red, and has an observation at each step of its path. */
  readonly groundedAc1: number;
  /** Cases with a fault in which nothing is named. */
  readonly abstentions: number;
  /** Causes that are named in healthy runs. */
  readonly falseCausesPer100: number;
  /** Until the cause of a single is named for good, milliseconds. Infinite where too few are. */
  readonly verdictP50Ms: number;
  readonly verdictP95Ms: number;
  readonly baselines: Readonly<Record<string, { readonly ac1: number; readonly ac1Decoys: number }>>;
}

/** @param namedMs when the cause of each single was named for good, see `namedTimes` */
export function figuresOf(replayed: readonly Replayed[], namedMs: ReadonlyMap<Replayed, number>): Figures {
  const of = (group: Case['group']): readonly Replayed[] => replayed.filter(({ one }) => one.group === group);
  const [singles, doubles, decoys, distracted, healthy] = [of('singles'), of('doubles'), of('decoys'), of('distracted'), of('healthy')];
  const truth = ({ one }: Replayed): readonly string[] => truthsOf(one).flat();
  const times = singles.map((each) => namedMs.get(each) ?? Infinity).sort((one, other) => one - other);
  return {
    singles: singles.length,
    doubles: doubles.length,
    decoys: decoys.length + distracted.length,
    healthy: healthy.length,
    ac1: share(singles, isRight),
    ac3: share(singles, (each) => each.diagnosis.causes.slice(0, 3).some(({ id }) => truth(each).includes(id))),
    ac1Decoys: share(distracted, isRight),
    ac1LeftOut: ac1LeftOut(replayed),
    exactSetDouble: share(doubles, isRight),
    groundedAc1: share(singles, (each) => isRight(each) && isGrounded(each)),
    abstentions: replayed.filter(({ one, diagnosis }) => standing(one, diagnosis) === 'abstained').length,
    falseCausesPer100: falseCausesPer100(healthy),
    verdictP50Ms: percentile(times, 0.5),
    verdictP95Ms: percentile(times, 0.95),
    baselines: Object.fromEntries(
      Object.entries(baselines).map(([name, conclude]) => {
        const concludes = (each: Replayed): boolean => conclude(each).some((id) => truth(each).includes(id));
        return [name, { ac1: share(singles, concludes), ac1Decoys: share(distracted, concludes) }];
      }),
    ),
  };
}

/** Named causes where nothing is wrong. */
export function falseCausesPer100(runs: readonly Replayed[]): number {
  return rounded(runs.length === 0 ? 0 : (runs.reduce((sum, { diagnosis }) => sum + named(diagnosis).length, 0) * 100) / runs.length);
}

function share<Item>(items: readonly Item[], counts: (item: Item) => boolean): number {
  return rounded(items.length === 0 ? 0 : items.filter(counts).length / items.length);
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** The smallest value that so many are not above. */
function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.ceil(sorted.length * part) - 1] ?? Infinity;
}
