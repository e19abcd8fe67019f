import { flowDeadlineMs } from '../../src/flow/runner.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Report } from '../../src/model/report.ts';
import type { Decoy, Fault, Stage } from './faults/fault.ts';
import { startLab } from './lab.ts';
import type { LabOptions } from './lab.ts';
import { explained, notPassed, runFlowOn } from './runFlow.ts';

/** What one flow on a lab of its own showed. */
export interface Proof {
  readonly id: string;
  /** Verdicts that are other than expected, in words; empty when all is right. */
  readonly wrong: readonly string[];
  /** Checks that did not pass and were not expected to. */
  readonly unlisted: readonly string[];
  readonly report: Report;
}

/** Breaks a fresh lab and compares every verdict with the fault's list. */
export async function proveFault<On extends Stage, Options>(fault: Fault<On, Options>, start: (options?: Options) => Promise<On>): Promise<Proof> {
  return onFresh(() => start(fault.options), async (lab) => compared(fault.id, fault.verdicts, await flowAfter(fault, lab)));
}

/** Lets something harmless happen to a fresh lab: every verdict must stay as it was. */
export async function proveDecoy<On extends Stage, Options>(decoy: Decoy<On, Options>, start: (options?: Options) => Promise<On>): Promise<Proof> {
  return onFresh(() => start(decoy.options), async (lab) => compared(decoy.id, {}, await flowAfter(decoy, lab)));
}

async function flowAfter<On extends Stage, Options>(happening: Decoy<On, Options>, lab: On): Promise<Report> {
  return (await runAfter([happening], lab)).report;
}

/** A flow, and when each of its verdicts stood, milliseconds after its start. */
export interface TimedRun {
  readonly report: Report;
  readonly verdictMs: Readonly<Record<string, number>>;
}

/** Lets one after the other happen to a lab, and runs the flow then. */
export async function runAfter<On extends Stage, Options>(happenings: readonly Decoy<On, Options>[], lab: On): Promise<TimedRun> {
  const earlier = happenings.some(({ before }) => before) ? (await runFlowOn(lab.targetFile)).observations : [];
  for (const { inject } of happenings) await inject(lab);
  await lab.settled?.();
  const verdictMs: Record<string, number> = {};
  const startedMs = performance.now();
  const report = await runFlowOn(lab.targetFile, { earlier, onVerdict: ({ check }) => { verdictMs[check] = Math.round(performance.now() - startedMs); } });
  return { report, verdictMs };
}

/** Runs the flow on a lab again and again. */
export async function runAgain(times: number, lab: Stage): Promise<readonly TimedRun[]> {
  const runs: TimedRun[] = [];
  for (let run = 0; run < times; run += 1) runs.push(await runAfter([], lab));
  return runs;
}

/** Runs on one healthy lab, one after another. */
export async function proveHealthy(runs: number, options: LabOptions): Promise<readonly Proof[]> {
  return onFresh(() => startLab(options), async (lab) => {
    const proofs: Proof[] = [];
    for (let run = 1; run <= runs; run += 1) proofs.push(compared(`healthy ${run}`, {}, await runFlowOn(lab.targetFile)));
    return proofs;
  });
}

/** Works with a lab of its own, which is closed after it. */
export async function onFresh<On extends Stage, Result>(start: () => Promise<On>, work: (lab: On) => Promise<Result>): Promise<Result> {
  const lab = await start();
  try {
    return await work(lab);
  } finally {
    await lab.close();
  }
}

/** The verdicts of a report that are other than expected. */
export function compared(id: string, expected: Fault['verdicts'], report: Report): Proof {
  const wrong = [...differences(expected, report.verdicts)];
  if (report.tookMs > flowDeadlineMs + 1_000) wrong.push(`took ${report.tookMs} ms`);
  return { id, wrong, unlisted: Object.keys(notPassed(report.verdicts)).filter((check) => !(check in expected)), report };
}

/** In words, what of verdicts is other than expected. */
export function differences(expected: Fault['verdicts'], verdicts: readonly Verdict[]): readonly string[] {
  const found = notPassed(verdicts);
  const other = [...new Set([...Object.keys(expected), ...Object.keys(found)])].sort().flatMap((check) => {
    const [wanted, got] = [expected[check] ?? 'pass', found[check] ?? 'pass'];
    return wanted === got ? [] : [`${check} ${got} instead of ${wanted}`];
  });
  const blocked = verdicts.flatMap(({ check, status, blockedBy }) =>
    status === 'blocked' && expected[blockedBy ?? ''] !== 'fail' ? [`${check} is blocked by ${blockedBy ?? 'nothing'}, which is no listed failure`] : [],
  );
  return [...other, ...blocked];
}

/** A proof that went wrong, in words that say what was seen. */
export function whatWasSeen({ wrong, report }: Proof): string {
  return `${wrong.join('\n')}\n\n${explained(report.verdicts)}`;
}
