/** Traces requests. A file of its own in the package, loaded with the first request that is traced. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redactor } from '../redaction/redactor.ts';
import type { LocatedTarget } from '../targets/located.ts';
import { openTarget } from '../targets/open.ts';
import type { Captured } from './capture.ts';
import { finishStory } from './finish.ts';
import { readEvidence } from './read.ts';
import type { Evidence, ReadOptions } from './read.ts';
import type { Story } from './story.ts';
import { storyOf } from './tell.ts';
import { replayInput } from './replayInput.ts';
import { requestTime } from './sectionParts.ts';
import type { SectionParts } from './sectionParts.ts';
import { simulate, simulationRequest } from './simulate.ts';
import type { Simulation, SimulationRequest } from './simulate.ts';
import { readSurroundings } from './surroundings.ts';
import { focusOf, traceOf } from './trace.ts';
import type { Trace } from './trace.ts';
import { compareVerifiers } from './verifier/facts.ts';
import type { LookedForVerifiers } from './verifier/section.ts';
import type { VerifierSettings } from './verifier/setting.ts';
import { moment } from './words.ts';

export { capture } from './capture.ts';
export { callLike } from './failedCalls.ts';
export { storyMarkdown } from './markdown.ts';
export { configuredVerifiers } from './verifier/configured.ts';
export { proposalFrom, textAbout } from './proposal.ts';
export { noAccess } from './read.ts';
export { recentCalls } from './recentCalls.ts';
export { likeliestFirst, recognise } from './recognise.ts';

export interface TraceOptions {
  readonly target: LocatedTarget;
  /** Instead of the target's own. */
  readonly zone: string | undefined;
  readonly captured: Captured;
  /** The user's own verifiers; undefined where nobody looked for them. */
  readonly verifiers: ReadVerifiers | undefined;
  /** What a simulation gave that was run before. */
  readonly simulation: Simulation | undefined;
  readonly mayAskApi: ReadOptions['mayAskApi'];
  readonly whichZone: ReadOptions['whichZone'];
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}

/** Verifiers that were found, and where they were looked for. */
export interface ReadVerifiers {
  readonly verifiers: readonly VerifierSettings[];
  readonly looked: LookedForVerifiers;
}

/** What is known of a request at some time. */
export interface Traced {
  /** Masked. */
  readonly story: Story;
  readonly zoneId: string;
  readonly requestId: string | undefined;
  /** Of all requests that belong to it. */
  readonly requestIds: readonly string[];
  /** When all of it happened, milliseconds since 1970; undefined where nobody knows. */
  readonly stretch: { readonly from: number; readonly until: number } | undefined;
  /** The call that simulates the decision; undefined where there is none to simulate. */
  readonly simulation: SimulationRequest | undefined;
  /** What no line of a log tells although it happened. */
  readonly silent: readonly string[];
  /** It is looked at again by itself. */
  readonly isLooking: boolean;
}

/** An event is in the audit some hundred milliseconds after it happened, and after a backlog of seconds. */
const lookForMs = 30_000;
const looksAfterMs = [500, 1_000, 2_000, 4_000, 8_000] as const;

/**
 * Reads what a deployment holds of a request and tells it; while an event that should be there is not ingested yet, again,
 * with pauses that grow, up to a deadline that the story names.
 *
 * @throws Unavailable when there is no way to the audit, or nobody can tell the zone; Refused when the audit cannot be read; the signal's reason when it is aborted
 */
export async function* traceRequest({ target, zone, captured, verifiers, simulation, mayAskApi, whichZone, redactor, signal }: TraceOptions): AsyncGenerator<Traced> {
  const deployment = await openTarget(target, { redactor, zone, signal });
  try {
    let consent: Promise<boolean> | undefined;
    let picked: Promise<string | undefined> | undefined;
    const askedOnce = { mayAskApi: (call: string): Promise<boolean> => (consent ??= mayAskApi(call)), whichZone: (): Promise<string | undefined> => (picked ??= whichZone()) };
    const started = Date.now();
    for (let look = 0; ; look += 1) {
      const evidence = await readEvidence(deployment, captured, { ...askedOnce, signal });
      const until = started + lookForMs;
      const pause = Math.min(looksAfterMs[look] ?? 8_000, until - Date.now());
      const isRecent = isYoung(captured, evidence, started);
      const trace = traceOf(captured, evidence, isRecent && pause > 0 ? moment(until) : undefined);
      const isLooking = isRecent && pause > 0 && isIncomplete(trace, evidence);
      const at = requestTime(captured, trace, evidence);
      const [surroundings, compared] = await Promise.all([
        // What other requests of the Session name is not about this one.
        readSurroundings(deployment, captured, { ...evidence, events: focusOf(trace, evidence) }, at, signal),
        compareVerifiers({ deployment, mandate: captured.mandate, verifiers: verifiers?.verifiers ?? [], calledAt: at }, signal),
      ]);
      const parts: SectionParts = { captured, trace, evidence, surroundings };
      const replay = replayInput(parts);
      const story = await finishStory(storyOf(parts, { verifiers: compared, looked: verifiers?.looked, simulation }), (text) => redactor.text(text));
      yield {
        story, isLooking, zoneId: evidence.zoneId, requestId: evidence.requestId, requestIds: trace.hops.map(({ requestId }) => requestId), stretch: stretchOf(captured, trace), silent: silentOf(trace),
        simulation: replay.kind === 'input' ? simulationRequest(evidence.zoneId, replay) : undefined,
      };
      if (!isLooking) return;
      await sleep(pause, undefined, { signal });
    }
  } finally {
    deployment.close();
  }
}

export interface SimulateOptions extends Pick<TraceOptions, 'target' | 'redactor' | 'signal'> {
  readonly zoneId: string;
  readonly request: SimulationRequest;
}

/**
 * Lets the API simulate a decision, which the user has agreed to. The API writes a row to its admin audit.
 *
 * @throws the signal's reason when it is aborted
 */
export async function simulateDecision({ target, zoneId, request, redactor, signal }: SimulateOptions): Promise<Simulation> {
  const deployment = await openTarget(target, { redactor, zone: zoneId, signal });
  try {
    return await simulate(deployment, zoneId, request, signal);
  } finally {
    deployment.close();
  }
}

/** Something happened so short ago that its events may still be on their way. */
function isYoung({ at }: Captured, { events, state }: Evidence, started: number): boolean {
  const now = state.kind === 'row' ? state.row.now : started;
  const newest = Math.max(...events.map((event) => Date.parse(event.occurred_at)), at ?? -Infinity);
  return newest === -Infinity || now - newest < lookForMs;
}

/** An event that should be there is not: of the request at all, or of the Gateway after the STS has allowed the call. */
function isIncomplete({ hops, outcome }: Trace, { requestId }: Evidence): boolean {
  if (hops.length === 0) return outcome.awaitsEvent;
  return outcome.kind === 'allowed' && hops.some((hop) => hop.requestId === requestId && hop.kind === 'call');
}

function stretchOf({ at, mandate }: Captured, { hops }: Trace): Traced['stretch'] {
  const issued = mandate?.claims.iat;
  const known = [...hops.flatMap(({ from, until }) => [from, until]), ...(hops.length > 0 ? [] : [at, issued === undefined ? undefined : issued * 1_000].filter((time) => time !== undefined))];
  return known.length === 0 ? undefined : { from: Math.min(...known), until: Math.max(...known) };
}

/** Contract deploy-logs-metrics 3: the STS logs neither an exchange that it allows nor an ordinary deny. */
function silentOf({ hops }: Trace): readonly string[] {
  const decisions = new Set(hops.flatMap(({ events }) => events.filter(({ event_type: type }) => type === 'token_exchange').map(({ decision }) => decision)));
  return [...(decisions.has('allow') ? ['STS logs no line for an allowed exchange'] : []), ...(decisions.has('deny') ? ['STS logs no line for an ordinary deny'] : [])];
}
