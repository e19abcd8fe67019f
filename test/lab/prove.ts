/**
 * Proves every fault and every decoy of each kind of lab on fresh labs, and 50 healthy runs under load:
 *
 *     npm run -s prove [-- --json] [--kind KIND]... [--only ID]... [--labs N]
 *
 * Prints one table, or with `--json` `{faults, right, unlisted, decoys, decoysQuiet, healthy, falseRed}`.
 * Progress goes to stderr. Exit code 1 when anything was wrong.
 */
import { parseArgs } from 'node:util';
import { labKinds } from './kinds.ts';
import { proveHealthy, whatWasSeen } from './proof.ts';
import type { Proof } from './proof.ts';

const healthyRuns = 50;
/** Sources of traffic in the lab of the healthy runs. */
const load = 4;

interface Row {
  readonly kind: string;
  readonly id: string;
  readonly title: string;
  readonly contract: string;
  readonly prove: () => Promise<Proof>;
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    kind: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
    labs: { type: 'string', default: '3' },
  },
});

const rowsOf = (which: 'faults' | 'decoys'): readonly Row[] =>
  Object.entries(labKinds)
    .filter(([kind]) => values.kind?.includes(kind) ?? true)
    .flatMap(([kind, { prove, [which]: all }]) => all.map(({ id, title, contract }): Row => ({ id, title, contract, kind: which === 'faults' ? kind : `${kind}, decoy`, prove: () => prove(id) })))
    .filter(({ id }) => values.only?.includes(id) ?? true);
const faultRows = rowsOf('faults');
const decoyRows = rowsOf('decoys');

/** Runs tasks, at most `limit` at a time; results in the order of the tasks. */
async function atMost<Result>(limit: number, tasks: readonly (() => Promise<Result>)[]): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < tasks.length; index = next++) {
      const task = tasks[index];
      if (task) results[index] = await task();
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
  return results;
}

async function proved({ id, prove }: Row): Promise<Proof | Error> {
  try {
    const proof = await prove();
    process.stderr.write(`${proof.wrong.length === 0 ? 'right' : 'WRONG'}  ${id}\n`);
    if (proof.wrong.length > 0) process.stderr.write(`${whatWasSeen(proof).replaceAll(/^/gm, '    ')}\n`);
    return proof;
  } catch (error) {
    process.stderr.write(`WRONG  ${id}: ${String(error)}\n`);
    return error instanceof Error ? error : new Error(String(error));
  }
}

const rows = [...faultRows, ...decoyRows];
const results = await atMost(Number(values.labs), rows.map((row) => () => proved(row)));
const healthy = values.only === undefined && values.kind === undefined ? await proveHealthy(healthyRuns, { traffic: load }) : [];
for (const proof of healthy.filter(({ wrong }) => wrong.length > 0)) process.stderr.write(`WRONG  ${proof.id}\n${whatWasSeen(proof)}\n`);

const isRight = (result: Proof | Error | undefined): boolean => result !== undefined && !(result instanceof Error) && result.wrong.length === 0;
const ofFaults = results.slice(0, faultRows.length);
const ofDecoys = results.slice(faultRows.length);
const summary = {
  faults: faultRows.length,
  right: ofFaults.filter(isRight).length,
  unlisted: ofFaults.reduce((sum, result) => sum + (result instanceof Error ? 0 : result.unlisted.length), 0),
  decoys: decoyRows.length,
  decoysQuiet: ofDecoys.filter(isRight).length,
  healthy: healthy.length,
  falseRed: healthy.reduce((sum, { unlisted }) => sum + unlisted.length, 0),
};

function table(): string {
  const lines = rows.map(({ kind, id, title, contract }, index) => {
    const result = results[index];
    const took = result === undefined || result instanceof Error ? '' : `${(result.report.tookMs / 1_000).toFixed(1)} s`;
    return `${kind.padEnd(18)} ${(isRight(result) ? 'right' : 'WRONG').padEnd(6)} ${took.padStart(7)}  ${id.padEnd(34)} ${title} (${contract})`;
  });
  const { faults, right, unlisted, decoysQuiet, falseRed } = summary;
  return [
    ...lines,
    '',
    `${right} of ${faults} faults right, ${unlisted} verdicts not listed`,
    `${decoysQuiet} of ${summary.decoys} decoys quiet`,
    `${healthy.length} healthy runs under load, ${falseRed} false verdicts`,
    '',
  ].join('\n');
}

process.stdout.write(values.json ? `${JSON.stringify(summary)}\n` : table());
const allRight = summary.right === summary.faults && summary.decoysQuiet === summary.decoys && summary.unlisted === 0 && summary.falseRed === 0;
process.exitCode = allRight ? 0 : 1;
