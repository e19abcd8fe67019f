/**
 * The recordings that the repository holds: of each case what the flow observed. They are kept by kind and group
 * in one compressed file each, in which every answer that several runs had stands once.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { root } from '../../scripts/lib/paths.ts';
import { questionId } from '../../src/model/observation.ts';
import type { Report } from '../../src/model/report.ts';
import { labKinds } from '../lab/kinds.ts';
import type { LabKindName } from '../lab/kinds.ts';
import { groups } from './cases.ts';
import type { Case } from './cases.ts';
import type { CodeHashes } from './code.ts';

type Observations = Report['observations'];

/** What one flow observed, as far as judging again needs it. */
export interface Recording {
  /** Id of the case. */
  readonly case: string;
  /** By which code it was made. */
  readonly code: CodeHashes;
  readonly zone: string | null;
  readonly startedAt: string;
  /** When each verdict stood, milliseconds after the start of the run, by check. */
  readonly verdictMs: Readonly<Record<string, number>>;
  readonly observations: Observations;
}

/** Where the recordings of the repository are. */
export const fixtures = join(root, 'test', 'fixtures', 'matrix');

/** A question, in which words it was put, and how it ended: what runs have in common. */
type Answered = Pick<Observations[number], 'question' | 'asked' | 'outcome'>;

/** Instead of the observations, for each the index of its answer, when it was asked, in milliseconds since the start, and how long it took. */
interface PackedRun extends Omit<Recording, 'verdictMs' | 'observations'> {
  readonly verdictMs: readonly (readonly [check: number, ms: number])[];
  readonly observations: readonly (readonly [answer: number, atMs: number, tookMs: number])[];
}

interface Pack {
  readonly checks: readonly string[];
  /** By question, so that those that are nearly the same stand beside each other. */
  readonly answers: readonly Answered[];
  readonly runs: readonly PackedRun[];
}

/** All recordings, by the id of their case. */
export async function readRecordings(folder = fixtures): Promise<ReadonlyMap<string, Recording>> {
  const packs = await Promise.all(packNames.map(({ name }) => readPack(join(folder, name))));
  return new Map(packs.flat().map((recording) => [recording.case, recording]));
}

/** Writes the recordings of these cases, and nothing of others. */
export async function writeRecordings(cases: readonly Case[], recordings: ReadonlyMap<string, Recording>, folder = fixtures): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { name, kind, group } of packNames) {
    const held = cases.flatMap((one) => (one.kind === kind && one.group === group ? (recordings.get(one.id) ?? []) : []));
    const file = join(folder, name);
    if (held.length === 0) await rm(file, { force: true });
    else await writeFile(file, await compressed(Buffer.from(JSON.stringify(packed(held)))));
  }
}

const packNames = (Object.keys(labKinds) as LabKindName[]).flatMap((kind) => groups.map((group) => ({ name: `${kind}-${group}.json.br`, kind, group })));

async function readPack(file: string): Promise<readonly Recording[]> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  return unpacked(JSON.parse(String(await promisify(brotliDecompress)(content, { params: { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 } }))) as Pack);
}

/** Runs repeat each other over megabytes, so the window spans them all. */
function compressed(text: Buffer): Promise<Buffer> {
  return promisify(brotliCompress)(text, {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LARGE_WINDOW]: 1,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_LARGE_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
    },
  });
}

export function packed(recordings: readonly Recording[]): Pack {
  const keyOf = ({ question, asked, outcome }: Answered): string => JSON.stringify([questionId(question), asked, outcome]);
  const answers = new Map(recordings.flatMap(({ observations }) => observations).map(({ question, asked, outcome }) => [keyOf({ question, asked, outcome }), { question, asked, outcome }]));
  const keys = [...answers.keys()].sort();
  const places = new Map(keys.map((key, index) => [key, index]));
  const checks = [...new Set(recordings.flatMap(({ verdictMs }) => Object.keys(verdictMs)))].sort();
  return {
    checks,
    answers: keys.flatMap((key) => answers.get(key) ?? []),
    runs: recordings.map(({ verdictMs, observations, ...run }) => ({
      ...run,
      verdictMs: Object.entries(verdictMs).map(([check, ms]) => [checks.indexOf(check), ms]),
      observations: observations.map((one) => [places.get(keyOf(one)) ?? -1, Date.parse(one.at) - Date.parse(run.startedAt), one.tookMs]),
    })),
  };
}

export function unpacked({ checks, answers, runs }: Pack): readonly Recording[] {
  return runs.map(({ verdictMs, observations, ...run }) => ({
    ...run,
    verdictMs: Object.fromEntries(verdictMs.map(([check, ms]) => [checks[check] ?? '', ms])),
    observations: observations.flatMap(([place, atMs, tookMs]): Observations => {
      const answer = answers[place];
      return answer ? [{ id: questionId(answer.question), ...answer, at: new Date(Date.parse(run.startedAt) + atMs).toISOString(), tookMs }] : [];
    }),
  }));
}
