/**
 * What the weights are worth: they are chosen anew by a small search on all families of causes but one, and tried on
 * that one. Nothing is judged again, only ranked.
 */
import { conditions } from '../../src/diagnosis/conditions.ts';
import { isCause } from '../../src/diagnosis/definition.ts';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import { weights } from '../../src/diagnosis/weights.ts';
import type { Weights } from '../../src/diagnosis/weights.ts';
import type { Replayed } from './replay.ts';
import { named, standing } from './standing.ts';
import { truthsOf } from './truths.ts';

/** Each weight is tried at so much of what it is. */
const factors = [0, 0.5, 2];
const mostRounds = 3;

interface Outcome {
  readonly isRight: boolean;
  /** Causes that are named although nothing is wrong. */
  readonly falseCauses: number;
}

type Ranking = (by: Weights) => ReadonlyMap<Replayed, Outcome>;

/** Share of singles that are right by weights that were chosen without the family of their cause. */
export function ac1LeftOut(replayed: readonly Replayed[]): number {
  const ranked = ranking(replayed);
  const singles = replayed.filter(({ one }) => one.group === 'singles');
  const families = new Set(singles.flatMap((each) => familiesOf(each)));
  // The cause of a single whose truth no condition defines is never named.
  const right = [...families].flatMap((family) => {
    const others = replayed.filter((each) => !familiesOf(each).includes(family));
    const outcomes = ranked(chosen(others, ranked));
    return singles.filter((each) => familiesOf(each).includes(family) && outcomes.get(each)?.isRight);
  });
  return singles.length === 0 ? 0 : Math.round((new Set(right).size / singles.length) * 1_000) / 1_000;
}

/** The weights that the search chooses on all cases. */
export function tuned(replayed: readonly Replayed[]): Weights {
  return chosen(replayed, ranking(replayed));
}

/** Changes one weight at a time, as long as that makes the cases better. */
function chosen(on: readonly Replayed[], ranked: Ranking): Weights {
  let best = weights;
  let worth = worthOf(on, ranked(best));
  for (let round = 0; round < mostRounds; round += 1) {
    const before = best;
    for (const name of Object.keys(weights) as (keyof Weights)[]) {
      for (const factor of factors) {
        const tried: Weights = { ...best, [name]: weights[name] * factor };
        const triedWorth = worthOf(on, ranked(tried));
        if (triedWorth > worth) [best, worth] = [tried, triedWorth];
      }
    }
    if (best === before) break;
  }
  return best;
}

/** Singles and distracted cases that are right, doubles that are, and nothing that is named for nothing. */
function worthOf(on: readonly Replayed[], outcomes: ReadonlyMap<Replayed, Outcome>): number {
  const shareRight = (...groups: readonly string[]): number => {
    const cases = on.filter(({ one }) => groups.includes(one.group));
    return cases.length === 0 ? 0 : cases.filter((each) => outcomes.get(each)?.isRight).length / cases.length;
  };
  return shareRight('singles', 'distracted') + shareRight('doubles') - on.reduce((sum, each) => sum + (outcomes.get(each)?.falseCauses ?? 0), 0);
}

/** Ranks all cases by some weights, once for the same ones. */
function ranking(replayed: readonly Replayed[]): Ranking {
  const known = new Map<string, ReadonlyMap<Replayed, Outcome>>();
  return (by) => {
    const key = Object.values(by).join(' ');
    let outcomes = known.get(key);
    if (!outcomes) known.set(key, (outcomes = new Map(replayed.map((each) => [each, outcomeOf(each, by)]))));
    return outcomes;
  };
}

function outcomeOf({ one, situation }: Replayed, by: Weights): Outcome {
  const { result } = diagnose(situation, by);
  return { isRight: standing(one, result) === 'right', falseCauses: one.faults.length === 0 ? named(result).length : 0 };
}

function familiesOf({ one }: Replayed): readonly string[] {
  const truths = truthsOf(one).flat();
  return conditions.filter(isCause).flatMap(({ id, family }) => (truths.includes(id) ? [family] : []));
}
