/** Traces requests. A file of its own in the package, loaded with the first request that is traced. */
import type { Redactor } from '../redaction/redactor.ts';
import type { LocatedTarget } from '../targets/located.ts';
import { openTarget } from '../targets/open.ts';
import type { Captured } from './capture.ts';
import { traceMarkdown, traceTitle } from './markdown.ts';
import { readEvidence } from './read.ts';
import type { ReadOptions } from './read.ts';
import { traceOf } from './trace.ts';

export { capture } from './capture.ts';
export { proposalFrom, textAbout } from './proposal.ts';
export { noAccess } from './read.ts';
export { recentCalls } from './recentCalls.ts';

export interface TraceOptions {
  readonly target: LocatedTarget;
  /** Instead of the target's own. */
  readonly zone: string | undefined;
  readonly captured: Captured;
  readonly mayAskApi: ReadOptions['mayAskApi'];
  readonly whichZone: ReadOptions['whichZone'];
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}

/**
 * Reads what a deployment holds of a request and tells it as Markdown, masked.
 *
 * @throws Unavailable when there is no way to the audit, or nobody can tell the zone; Refused when the audit cannot be read; the signal's reason when it is aborted
 */
export async function traceRequest({ target, zone, captured, mayAskApi, whichZone, redactor, signal }: TraceOptions): Promise<{ readonly title: string; readonly markdown: string; readonly requestId: string | undefined }> {
  const deployment = await openTarget(target, { redactor, zone, signal });
  try {
    const evidence = await readEvidence(deployment, captured, { mayAskApi, whichZone, signal });
    const trace = traceOf(captured, evidence);
    return { title: redactor.text(traceTitle(captured, trace, evidence)), markdown: redactor.text(traceMarkdown(captured, trace, evidence)), requestId: evidence.requestId };
  } finally {
    deployment.close();
  }
}
