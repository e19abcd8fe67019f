import { createRedactor, readTargetFile, runFlow } from '../../src/flow/engine.ts';
import type { FlowOptions } from '../../src/flow/engine.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Report } from '../../src/model/report.ts';

/** Runs the flow on a target file in this process, as the extension does. */
export async function runFlowOn(targetFile: string, rest: Partial<FlowOptions> = {}): Promise<Report> {
  return runFlow({
    target: await readTargetFile(targetFile),
    redactor: createRedactor(),
    signal: new AbortController().signal,
    ...rest,
  });
}

/** Every check that neither passed nor was without application, with its status. */
export function notPassed(verdicts: readonly Verdict[]): Record<string, string> {
  return Object.fromEntries(
    verdicts.filter(({ status }) => status !== 'pass' && status !== 'not-applicable').map(({ check, status }) => [check, status]),
  );
}

/** What a failed comparison needs to be understood: each of those verdicts with its summary. */
export function explained(verdicts: readonly Verdict[]): string {
  return verdicts
    .filter(({ status }) => status !== 'pass' && status !== 'not-applicable')
    .map(({ check, component, title, status, summary }) => `${check} ${component} › ${title}: ${status}, ${summary}`)
    .join('\n');
}
