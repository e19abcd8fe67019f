import type { Cause } from '../../model/diagnosis.ts';
import type { Verdict } from '../../model/check.ts';
import type { Observation } from '../../model/observation.ts';
import type { Remedy, RemedyRun } from '../../model/remedy.ts';
import type { Target } from '../../model/target.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { LocatedTarget } from '../../targets/located.ts';

/** Whom a call is sent to, and the call itself, as a person reads them before agreeing. */
export interface ShownCalls {
  /** `Docker Engine at unix:///var/run/docker.sock` */
  readonly asked: string;
  readonly calls: readonly string[];
}

/** What a remedy is made for: real names come from what was seen. */
export interface KnownOfTarget {
  readonly target: Target;
  readonly verdicts: readonly Verdict[];
  readonly observations: readonly Observation[];
  /** Zone that per-zone checks looked at; null when none was known. */
  readonly zone: string | null;
}

/** What came of a canary: plain JSON, to be read. */
export interface CanaryResult {
  /** `an allowed and a refused call were answered so, and both have their evidence.` */
  readonly sentence: string;
  /** What was asked, and what came of it, in order. */
  readonly steps: readonly unknown[];
}

interface RunOptions {
  readonly target: LocatedTarget;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}

/** The room of remedies, as it is loaded with the first cause that is shown. */
export interface RemedyModule {
  remediesOf(cause: Cause, known: KnownOfTarget): readonly Remedy[];
  callsOf(remedy: Remedy, target: Target): ShownCalls;
  /** Changes the deployment. Only what the user agreed to may be passed. */
  runRemedy(options: RunOptions & { readonly remedy: Remedy }): Promise<RemedyRun>;
  canaryCalls(target: LocatedTarget): ShownCalls;
  /** Sends an allowed and a refused call, and looks for their evidence. */
  runCanary(options: RunOptions): Promise<CanaryResult>;
}
