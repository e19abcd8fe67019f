/** Records what a flow observes in each case, on real labs. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Report } from '../../src/model/report.ts';
import { labKinds } from '../lab/kinds.ts';
import { compared, whatWasSeen } from '../lab/proof.ts';
import type { TimedRun } from '../lab/proof.ts';
import type { Case } from './cases.ts';
import { codeHashes } from './code.ts';
import type { Recording } from './recordings.ts';

/** Sources of traffic in the labs of healthy runs. */
const load = 4;

export interface RecordOptions {
  readonly cases: readonly Case[];
  readonly folder: string;
  readonly labs: number;
  readonly tell: (line: string) => void;
}

/**
 * Records each case on a lab of its own, several at a time, each into a file of the folder. A single fault or decoy whose
 * verdicts are other than its list says is no recording of it.
 *
 * @returns the cases that could not be recorded, each with why
 */
export async function record({ cases, folder, labs, tell }: RecordOptions): Promise<readonly string[]> {
  const wrong: string[] = [];
  const code = codeHashes();
  const keep = async (one: Case, run: TimedRun): Promise<void> => {
    const bad = unlike(one, run.report);
    if (bad !== undefined) {
      wrong.push(`${one.id}: ${bad}`);
      tell(`WRONG  ${one.id}\n${bad.replaceAll(/^/gm, '    ')}`);
      return;
    }
    const file = looseFile(folder, one);
    await mkdir(dirname(file), { recursive: true });
    const { zone, startedAt, observations } = run.report;
    const recording: Recording = { case: one.id, code: code[one.kind], zone, startedAt, verdictMs: run.verdictMs, observations };
    await writeFile(file, JSON.stringify(recording));
    tell(`recorded  ${one.id}`);
  };
  const attempt = async (id: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      wrong.push(`${id}: ${String(error)}`);
      tell(`WRONG  ${id}: ${String(error)}`);
    }
  };
  const broken = cases.filter(({ group }) => group !== 'healthy');
  const healthy = Map.groupBy(cases.filter(({ group }) => group === 'healthy'), ({ kind }) => kind);
  const tasks = [
    ...[...healthy].map(([kind, ofKind]) => () => attempt(`${kind}, healthy`, async () => {
      const runs = await labKinds[kind].runHealthy(ofKind.length, load);
      for (const [index, one] of ofKind.entries()) {
        const run = runs[index];
        if (run) await keep(one, run);
      }
    })),
    ...broken.map((one) => () => attempt(one.id, async () => keep(one, await labKinds[one.kind].runAfter([...one.decoys, ...one.faults])))),
  ];
  const next = tasks.values();
  await Promise.all(Array.from({ length: labs }, async () => {
    for (const task of next) await task();
  }));
  return wrong;
}

/** What of a case lies in the folder; undefined when it was not recorded. */
export async function recorded(folder: string, one: Case): Promise<Recording | undefined> {
  const file = looseFile(folder, one);
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Recording) : undefined;
}

/** The file of a case in the folder. */
export function looseFile(folder: string, { id }: Case): string {
  return join(folder, `${id.replaceAll(' ', '-')}.json`);
}

/** Why a report is no recording of a case; of several faults only that those that hide nothing are seen. */
function unlike(one: Case, report: Report): string | undefined {
  const { faults } = labKinds[one.kind];
  const lists = one.faults.map((id) => faults.find((fault) => fault.id === id)?.verdicts ?? {});
  if (lists.length > 1) {
    const failed = new Set(report.verdicts.flatMap(({ check, status }) => (status === 'pass' || status === 'not-applicable' ? [] : [check])));
    const unseen = one.faults.filter((_, index) => !Object.keys(lists[index] ?? {}).some((check) => failed.has(check)));
    return unseen.length === 0 ? undefined : `nothing of ${unseen.join(' and ')} is seen`;
  }
  const proof = compared(one.id, lists[0] ?? {}, report);
  return proof.wrong.length === 0 ? undefined : whatWasSeen(proof);
}
