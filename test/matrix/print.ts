/** The matrix for people. */
import type { Cause, Evidence } from '../../src/model/diagnosis.ts';
import { explained as verdictLines } from '../lab/runFlow.ts';
import { closedFigures, closings } from './closed.ts';
import { falseCausesPer100, figuresOf } from './metrics.ts';
import type { Replayed } from './replay.ts';
import { named, standing } from './standing.ts';
import { truthsOf } from './truths.ts';

/** One row for each case: how it came out, what is named, and what is wrong; for singles when it was named. */
export function table(replayed: readonly Replayed[], namedMs: ReadonlyMap<Replayed, number>): readonly string[] {
  return replayed.map((each) => {
    const { one, diagnosis } = each;
    const truths = truthsOf(one);
    const afterMs = namedMs.get(each);
    const names = named(diagnosis).map(({ id }) => id).join(' + ') || 'nothing';
    const expected = truths.map((truth) => truth.join(' or ')).join(' + ') || 'nothing';
    const outcome = standing(one, diagnosis);
    return [
      outcome.padEnd(9),
      (afterMs === undefined ? '' : `${afterMs} ms`).padStart(8),
      one.id.padEnd(64),
      names === expected ? names : `${names} (expected: ${expected})`,
    ].join('  ');
  });
}

export function summed(replayed: readonly Replayed[], namedMs: ReadonlyMap<Replayed, number>): readonly string[] {
  const { baselines, ...figures } = figuresOf(replayed, namedMs);
  const judgingMs = replayed.reduce((sum, { tookMs }) => sum + tookMs, 0) / replayed.length;
  const decoys = replayed.filter(({ one }) => one.group === 'decoys');
  return [
    ...Object.entries(figures).map(([name, value]) => `${name.padEnd(20)} ${value}`),
    `${'in decoys alone'.padEnd(20)} ${falseCausesPer100(decoys)} false causes per 100`,
    `${'judged in'.padEnd(20)} ${judgingMs.toFixed(1)} ms each`,
    '',
    ...Object.entries(baselines).map(([name, { ac1, ac1Decoys }]) => `${name.padEnd(32)} ac1 ${ac1.toFixed(3)}   ac1Decoys ${ac1Decoys.toFixed(3)}`),
  ];
}

/** One row for each part that is closed in turn: how the cases come out without it. */
export async function closedTable(replayed: readonly Replayed[]): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const [name, closing] of Object.entries(closings)) {
    const { right, nearer, abstained, wrong } = await closedFigures(replayed, closing);
    rows.push(`${name.padEnd(32)} right ${right}   nearer ${nearer}   abstained ${abstained}   WRONG ${wrong.length}`, ...wrong.map((one) => `    ${one}`));
  }
  return rows;
}

/** What is red in a case, the causes with their scores and paths, and what was ruled out. */
export function explained({ one, verdicts, diagnosis }: Replayed): string {
  const { causes, ruledOut, notCauses, unexplained, next } = diagnosis;
  return [
    `${one.id}: ${standing(one, diagnosis)}; what is wrong: ${truthsOf(one).map((truth) => truth.join(' or ')).join(' + ') || 'nothing'}`,
    '',
    verdictLines(verdicts.filter(({ status }) => status !== 'blocked')),
    '',
    ...causes.flatMap((cause) => [...linesOf(cause), '']),
    ...ruledOut.map(({ id, why }) => `ruled out: ${id}; ${why.words}`),
    ...notCauses.map(({ words, why }) => `not a cause: ${words}; ${why}`),
    ...(unexplained.length > 0 ? [`unexplained: ${unexplained.join(', ')}`] : []),
    ...(next ? [`next: ${next.words}`] : []),
  ].join('\n');
}

function linesOf({ id, standing: how, own, explains, score, path, for: speaksFor, against, leftBehindBy }: Cause): readonly string[] {
  const total = score.reduce((sum, { value }) => sum + value, 0);
  const where = ({ words, observations }: Evidence): string => `${words}  [${observations.join(', ') || 'no observation'}]`;
  return [
    `${id}: ${how}, ${total.toFixed(2)} = ${score.map(({ name, value }) => `${value} ${name}`).join(' + ')}${leftBehindBy === null ? '' : `, left behind by ${leftBehindBy}`}`,
    `    seen at ${own.join(', ') || 'nothing'}; explains ${explains.join(', ') || 'nothing'}`,
    ...path.map((step) => `    → ${where(step)}`),
    ...speaksFor.map(({ words }) => `    for: ${words}`),
    ...against.map(({ words, seen }) => `    against, ${seen === null ? 'not known' : seen ? 'seen' : 'not seen'}: ${words}`),
  ];
}
