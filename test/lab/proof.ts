import { flowDeadlineMs } from '../../src/flow/runner.ts';
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

async function flowAfter<On extends Stage, Options>({ before, inject }: Decoy<On, Options>, lab: On): Promise<Report> {
  const earlier = before ? (await runFlowOn(lab.targetFile)).observations : [];
  await inject(lab);
  await lab.settled?.();
  return runFlowOn(lab.targetFile, { earlier });
}

/** Runs on one healthy lab, one after another. */
export async function proveHealthy(runs: number, options: LabOptions): Promise<readonly Proof[]> {
  return onFresh(() => startLab(options), async (lab) => {
    const proofs: Proof[] = [];
    for (let run = 1; run <= runs; run += 1) proofs.push(compared(`healthy ${run}`, {}, await runFlowOn(lab.targetFile)));
    return proofs;
  });
}

async function onFresh<On extends Stage, Result>(start: () => Promise<On>, work: (lab: On) => Promise<Result>): Promise<Result> {
  const lab = await start();
  try {
    return await work(lab);
  } finally {
    await lab.close();
  }
}

function compared(id: string, expected: Fault['verdicts'], report: Report): Proof {
  const found = notPassed(report.verdicts);
  const wrong = [...new Set([...Object.keys(expected), ...Object.keys(found)])].sort().flatMap((check) => {
    const [wanted, got] = [expected[check] ?? 'pass', found[check] ?? 'pass'];
    return wanted === got ? [] : [`${check} ${got} instead of ${wanted}`];
  });
  for (const { check, status, blockedBy } of report.verdicts) {
    if (status === 'blocked' && expected[blockedBy ?? ''] !== 'fail') wrong.push(`${check} is blocked by ${blockedBy ?? 'nothing'}, which is no listed failure`);
  }
  if (report.tookMs > flowDeadlineMs + 1_000) wrong.push(`took ${report.tookMs} ms`);
  return { id, wrong, unlisted: Object.keys(found).filter((check) => !(check in expected)), report };
}

/** A proof that went wrong, in words that say what was seen. */
export function whatWasSeen({ wrong, report }: Proof): string {
  return `${wrong.join('\n')}\n\n${explained(report.verdicts)}`;
}
