import { writeFile } from 'node:fs/promises';
import type * as Engine from '../flow/engine.ts';
import type { Report } from '../model/report.ts';
import { fileProblem } from '../targets/smallFile.ts';
import { BadUsage } from './args.ts';
import type { FlowCommand } from './args.ts';
import type { Host } from './host.ts';
import { junit } from './junit.ts';
import { table } from './table.ts';
import { asBadUsage, targetOf } from './targets.ts';
import type { TargetParts } from './targets.ts';
import { answer, exitCode } from './words.ts';

type EngineParts = TargetParts & Pick<typeof Engine, 'checksOf' | 'createRedactor' | 'judgeAgain' | 'readReport' | 'runFlow'>;

/**
 * Runs the flow, or judges a saved report again, and prints the report.
 *
 * @returns the exit code.
 * @throws BadUsage when the target or report cannot be read or the JUnit file cannot be written.
 */
export async function flow(command: FlowCommand, engine: EngineParts, host: Host): Promise<number> {
  const { from, json } = command;
  const report = from === undefined ? await live(command, engine, host) : await recorded(from, command, engine);
  if (command.junit !== undefined) await writeJunit(command.junit, report);
  await host.out(json ? `${JSON.stringify(report, undefined, 2)}\n` : table(report, host));
  if (json) host.progress(answer(report));
  return exitCode(report.verdicts);
}

async function live(command: FlowCommand, engine: EngineParts, host: Host): Promise<Report> {
  const { step, zone, since } = command;
  const target = await targetOf(command.target, engine, host);
  const earlier = since === undefined ? [] : (await asBadUsage(engine.readReport(since))).observations;
  host.progress(`Running the flow on ${target.target.name}, ${target.origin}.`);
  let done = 0;
  return engine.runFlow({
    target,
    zone,
    selection: step === undefined ? {} : { step },
    earlier,
    redactor: engine.createRedactor(),
    signal: host.signal,
    onVerdict: () => {
      done += 1;
      host.progress(`Running: ${done} of ${step === undefined ? engine.checksOf(target.target.kind).length : `the checks of ${step}`}.`);
    },
  });
}

async function recorded(path: string, { step }: FlowCommand, engine: EngineParts): Promise<Report> {
  const report = await asBadUsage(engine.readReport(path));
  // A report may come from anybody, and may have been written before a rule of today.
  return engine.createRedactor().json(await engine.judgeAgain(report, step === undefined ? {} : { step }));
}

async function writeJunit(path: string, report: Report): Promise<void> {
  try {
    await writeFile(path, junit(report));
  } catch (error) {
    throw new BadUsage(`Cannot write the JUnit file ${path}: ${fileProblem(error)}. Give a path that can be written`);
  }
}
