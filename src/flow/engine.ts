/**
 * Everything that runs a flow. A file of its own in the package: the extension and the command line
 * load it with the first thing that needs it.
 */
import type { Verdict } from '../model/check.ts';
import type { Observation } from '../model/observation.ts';
import type { Report } from '../model/report.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type * as Kubernetes from '../targets/kubernetes/kubernetes.ts';
import type { LocatedTarget } from '../targets/located.ts';
import { openTarget } from '../targets/open.ts';
import { checks, checksOf, observers, subjects } from './catalogue.ts';
import { withConsent } from './consent.ts';
import { causesOf } from './diagnosing.ts';
import { liveSource } from './liveSource.ts';
import { earlierSource, recordedSource } from './recordedSource.ts';
import { buildReport } from './report.ts';
import { run, select } from './runner.ts';
import type { Selection } from './runner.ts';
import { wouldAsk } from './wouldAsk.ts';

export { observerAcl } from '../caracal/observerAcl.ts';
export { observerRoleSql } from '../caracal/observerRole.ts';
export { checks, checksOf } from './catalogue.ts';
export { causesOf } from './diagnosing.ts';
export { readReport } from './report.ts';
export { listZones } from './zones.ts';
export { asTheyCome, lookEverywhere } from '../targets/find.ts';
export { findLocalRuntime } from '../targets/localRuntime.ts';
export { follow } from '../watch/follow.ts';
export { readTargetFile } from '../targets/targetFile.ts';
export { createRedactor } from '../redaction/redactor.ts';

export interface FlowOptions {
  readonly target: LocatedTarget;
  /** Zone that per-zone checks look at, instead of the target's own. */
  readonly zone?: string | undefined;
  readonly selection?: Selection;
  /** Runs further checks as well, as long as they would tell the causes of what is red apart. */
  readonly untilExplained?: boolean;
  /** The user agreed to ask the API with a token that is not known to be live. */
  readonly askUnproven?: boolean;
  /** Observations of an earlier run of the same target, so that what grew since can be told. */
  readonly earlier?: readonly Observation[];
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
  /** Called with masked verdicts as they come, and the observations each rests on. */
  readonly onVerdict?: (verdict: Verdict, observations: readonly Observation[]) => void;
  /** Called before further checks are run, with their ids and those of what they need; some of these may have a verdict already. */
  readonly onFurther?: (checks: readonly string[]) => void;
}

/**
 * Runs the flow on a live target. Verdicts and the report are masked by `redactor`. A selection's
 * report holds the selected checks and those that they need.
 */
export async function runFlow(options: FlowOptions): Promise<Report> {
  const { target, zone, selection = {}, untilExplained = false, askUnproven = false, earlier = [], redactor, signal, onVerdict, onFurther } = options;
  const deployment = await openTarget(target, { redactor, zone, signal });
  try {
    const { kind } = target.target;
    const all = checksOf(kind);
    const result = await run({
      checks: select(all, selection),
      ...(untilExplained ? { further: (verdicts, observations) => {
        const wanted = select(all, { checks: causesOf(kind, verdicts, observations).wants });
        if (wanted.length > 0) onFurther?.(wanted.map(({ id }) => id));
        return wanted;
      } } : {}),
      source: withConsent(liveSource(deployment, observers, earlierSource(earlier, subjects)), {
        given: askUnproven,
        zone: deployment.target.zone ?? null,
        token: deployment.hasToken('admin'),
      }),
      signal,
      onVerdict: (verdict, observations) => onVerdict?.(redactor.json(verdict), redactor.json(observations)),
    });
    return redactor.json(buildReport(deployment, result));
  } finally {
    deployment.close();
  }
}

/**
 * The calls that a check would make if the user agreed to ask the API with a token that is not known to
 * be live, masked. Nothing is asked for this.
 */
export async function callsByConsent(options: {
  readonly target: LocatedTarget;
  readonly zone: string | undefined;
  readonly check: string;
  /** What the check's last verdict rests on. */
  readonly observations: readonly Observation[];
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}): Promise<readonly string[]> {
  const check = checks.find(({ id }) => id === options.check);
  if (!check) return [];
  const { target, redactor, zone, signal } = options;
  const deployment = await openTarget(target, { redactor, zone, signal });
  try {
    return (await wouldAsk(check, options.observations, deployment, observers)).map((call) => redactor.text(call));
  } finally {
    deployment.close();
  }
}

/** The revisions that Helm stored of a release; see `helm` of a deployment. */
export async function helmHistory(...parameters: Parameters<typeof Kubernetes.helmHistory>): ReturnType<typeof Kubernetes.helmHistory> {
  return (await import('../targets/kubernetes/kubernetes.ts')).helmHistory(...parameters);
}

/** Values of one revision as YAML, masked. */
export async function helmValues(...parameters: Parameters<typeof Kubernetes.helmValues>): ReturnType<typeof Kubernetes.helmValues> {
  return (await import('../targets/kubernetes/kubernetes.ts')).helmValues(...parameters);
}

/** Judges the observations of a saved report by the checks of this version. */
export async function judgeAgain(report: Report, selection: Selection = {}): Promise<Report> {
  const result = await run({
    checks: select(checksOf(report.target.kind), selection),
    source: recordedSource(report.observations, report.startedAt, subjects),
    signal: new AbortController().signal,
  });
  return {
    ...report,
    verdicts: [...result.verdicts],
    diagnosis: causesOf(report.target.kind, result.verdicts, report.observations).result,
    judgedAgainAt: result.startedAt,
  };
}
