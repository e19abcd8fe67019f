/**
 * The fault matrix: what is named as the cause in every fault, pair of faults, decoy and healthy run.
 *
 *     npm run -s matrix [-- --json] [--only REGEX] [--explain ID] [--tune]
 *     npm run -s matrix -- --record [--only REGEX] [--again] [--labs N]
 *
 * Recordings are judged again. Prints one row for each case and a summary, also of what is named where a part of the
 * deployment is closed, with `--json` the figures alone, with `--explain` one case in full, with `--tune` the weights that a
 * search chooses on all cases. `--record` runs on real labs what is not recorded by the code of today, with `--again` all
 * that is chosen. Exit code 1 when something is not as it should be.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { artifactsFolder } from '../../scripts/lib/paths.ts';
import { weights } from '../../src/diagnosis/weights.ts';
import { cases } from './cases.ts';
import type { Case } from './cases.ts';
import { codeHashes } from './code.ts';
import { figuresOf } from './metrics.ts';
import { closedTable, explained, summed, table } from './print.ts';
import { looseFile, record, recorded } from './record.ts';
import { fixtures, readRecordings, writeRecordings } from './recordings.ts';
import type { Recording } from './recordings.ts';
import { isCurrent, outdated, replay } from './replay.ts';
import type { Replayed } from './replay.ts';
import { namedTimes } from './standing.ts';
import { tuned } from './tuning.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean' },
    only: { type: 'string', default: '' },
    explain: { type: 'string' },
    tune: { type: 'boolean' },
    record: { type: 'boolean' },
    again: { type: 'boolean' },
    labs: { type: 'string', default: '3' },
  },
});

const tell = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);
const only = new RegExp(values.only);
const chosen = cases.filter(({ id }) => (values.explain === undefined ? only.test(id) : id === values.explain));

/** What was recorded and is not packed yet lies here, so that recording goes on where it was broken off. */
const folder = join(artifactsFolder, 'matrix');

async function recordChosen(): Promise<boolean> {
  const code = codeHashes();
  const { recordings } = await packedAndLoose(code);
  const open: Case[] = [];
  for (const one of chosen) {
    const recording = recordings.get(one.id);
    if (values.again || !recording || !isCurrent(recording, code[one.kind]) || (await replay(one, recording)).lacks.length > 0) open.push(one);
  }
  tell(`${open.length} of ${chosen.length} cases are to be recorded`);
  const wrong = await record({ cases: open, folder, labs: Number(values.labs), tell });
  // Read anew: others may have been packed meanwhile.
  const after = await packedAndLoose(code);
  await writeRecordings(cases, after.recordings);
  await Promise.all(after.loose.map((one) => rm(looseFile(folder, one))));
  tell(`packed into ${fixtures}`);
  for (const line of wrong) tell(`WRONG  ${line}`);
  return wrong.length === 0;
}

/** What the repository holds, with what was recorded by this code since, and the cases that were recorded since. */
async function packedAndLoose(code: ReturnType<typeof codeHashes>): Promise<{ readonly recordings: ReadonlyMap<string, Recording>; readonly loose: readonly Case[] }> {
  const recordings = new Map(await readRecordings());
  const loose: Case[] = [];
  for (const one of cases) {
    const recording = await recorded(folder, one);
    if (!recording) continue;
    loose.push(one);
    if (isCurrent(recording, code[one.kind])) recordings.set(one.id, recording);
  }
  return { recordings, loose };
}

async function replayChosen(): Promise<boolean> {
  const recordings = await readRecordings();
  const why = chosen.length === 0 ? 'there is no such case' : outdated(chosen, recordings, codeHashes());
  if (why !== undefined) {
    tell(why);
    return false;
  }
  const replayed: Replayed[] = [];
  for (const one of chosen) {
    const recording = recordings.get(one.id);
    if (recording) replayed.push(await replay(one, recording));
  }
  const lacking = replayed.filter(({ lacks }) => lacks.length > 0);
  for (const { one, lacks } of lacking) tell(`${one.id} does not hold ${lacks.join(', ')}: npm run -s matrix -- --record`);
  if (values.tune) print(JSON.stringify({ weights, tuned: tuned(replayed) }));
  else if (values.explain !== undefined) for (const one of replayed) print(explained(one));
  else if (values.json) print(JSON.stringify(figuresOf(replayed, namedTimes(replayed))));
  else {
    const namedMs = namedTimes(replayed);
    print([...table(replayed, namedMs), '', ...summed(replayed, namedMs), '', ...(await closedTable(replayed))].join('\n'));
  }
  return lacking.length === 0;
}

process.exitCode = (await (values.record ? recordChosen() : replayChosen())) ? 0 : 1;
