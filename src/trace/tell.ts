import { layers } from '../caracal/refusals.ts';
import { approvalSection } from './approvalSection.ts';
import { kindOf, metadataText, namesByKind } from './auditEvent.ts';
import type { Captured } from './capture.ts';
import { delegationSection } from './delegationSection.ts';
import { hopsSection } from './hopsSection.ts';
import type { Outcome } from './outcome.ts';
import { explanationSection } from './explanationSection.ts';
import { policySection } from './policySection.ts';
import type { Evidence } from './read.ts';
import { askedHop } from './sectionParts.ts';
import type { SectionParts } from './sectionParts.ts';
import type { Simulation } from './simulate.ts';
import { stateSection } from './stateSection.ts';
import { timeOf } from './stitching.ts';
import type { Cell, Fact, LayerStory, Mark, Section, Story } from './story.ts';
import { timelineOf } from './timeline.ts';
import { applicationName, focusOf } from './trace.ts';
import type { Trace } from './trace.ts';
import { verifierSection } from './verifier/section.ts';
import type { LookedForVerifiers, VerifierFacts } from './verifier/section.ts';
import { dateAndTime, resourceName, sentenceCase, shortId } from './words.ts';

/** What is told beside what was read of the deployment. */
export interface Besides {
  readonly verifiers: VerifierFacts;
  /** Where the user's own verifiers were looked for; undefined where nobody looked yet. */
  readonly looked: LookedForVerifiers | undefined;
  readonly simulation: Simulation | undefined;
}

/** Tells all that is known of a request. */
export function storyOf(parts: SectionParts, { verifiers, looked, simulation }: Besides): Story {
  const { captured, trace, evidence } = parts;
  const { outcome } = trace;
  return {
    title: titleOf(captured, trace, evidence),
    mark: marks[outcome.kind],
    sentence: outcome.sentence,
    more: moreOf(outcome, verifiers),
    about: aboutOf(captured, trace, evidence),
    layers: layers.map((layer) => layerOf(layer, trace)),
    timeline: timelineOf(trace, evidence),
    sections: [
      delegationSection(parts), approvalSection(parts), verifierSection(verifiers, { looked, answer: captured.answer }), stateSection(parts), policySection(parts),
      explanationSection(parts, simulation), hopsSection(captured, trace, evidence), notRecordedSection(trace),
    ],
  };
}

const marks: Readonly<Record<Outcome['kind'], Mark>> = { 'went through': 'passed', allowed: 'none', 'partly granted': 'warning', denied: 'failed', refused: 'failed', 'on hold': 'waiting', 'no call': 'none', 'cannot tell': 'unknown' };

/** `billing-api 401 · …f90ae7` */
function titleOf(captured: Captured, trace: Trace, evidence: Evidence): string {
  const resource = titleResource(captured, trace, evidence);
  const status = captured.answer?.status ?? statusOf(trace, evidence) ?? trace.outcome.code;
  return [`${resource}${status === undefined ? '' : ` ${status}`}`, ...(evidence.requestId === undefined ? [] : [shortId(evidence.requestId)])].join(' · ');
}

/** `billing-api`, and `billing-api +2` where three were asked for. */
function titleResource(captured: Captured, trace: Trace, evidence: Evidence): string {
  const own = askedHop(trace, evidence)?.events ?? [];
  const others = new Set(own.map((event) => metadataText(event, 'resource')).filter((name) => name !== '')).size - 1;
  return `${resourceName(resourceOf(captured, trace, evidence) ?? own.map((event) => namesByKind[kindOf(event)]).find((name) => name !== undefined) ?? 'Request')}${others > 0 ? ` +${others}` : ''}`;
}

function resourceOf({ resource }: Captured, trace: Trace, evidence: Evidence): string | undefined {
  // What only may belong to it does not tell what it was about.
  const hops = trace.hops.filter(({ join }) => join?.certainty !== 'likely');
  return resource ?? focusOf({ hops }, evidence).map((event) => metadataText(event, 'resource')).find((name) => name !== '');
}

/** What the caller got of the Gateway, as its event says. */
function statusOf(trace: Trace, { requestId }: Evidence): number | undefined {
  const events = trace.hops.find((hop) => hop.requestId === requestId)?.events ?? [];
  return events.map((event) => event.metadata_json['gateway_status']).find((status) => typeof status === 'number');
}

function aboutOf(captured: Captured, trace: Trace, evidence: Evidence): readonly Fact[] {
  const events = focusOf(trace, evidence);
  const named = (name: string): string | undefined => events.map((event) => metadataText(event, name)).find((text) => text !== '');
  const fact = (label: string, text: string | undefined, isCode = false): readonly Fact[] => (text === undefined ? [] : [{ label, value: { text, isCode } }]);
  const resource = resourceOf(captured, trace, evidence);
  const method = named('method');
  const [first] = events;
  const application = named('application_name') ?? named('workload_name') ?? (captured.mandate?.claims.client_id === undefined ? undefined : applicationName(captured.mandate.claims.client_id, evidence));
  const at = first === undefined ? captured.at : timeOf(first, evidence.aheadMs);
  return [
    ...fact('Call', resource === undefined ? undefined : [...(method === undefined ? [] : [method]), resource].join(' ')), ...fact('Application', application), ...fact('Zone', evidence.zoneId),
    ...fact('Time', at === undefined ? undefined : dateAndTime(at)), ...fact('Request id', evidence.requestId, true), ...fact('From', captured.what),
  ];
}

/** Of what the resource refused, its settings say more than the audit, which has nothing of it. */
function moreOf({ layer, more }: Outcome, { compared }: VerifierFacts): readonly string[] {
  const refusing = layer === 'resource' ? compared.find(({ comparison }) => comparison.verdict.kind === 'refused') : undefined;
  return refusing === undefined ? more : [refusing.comparison.verdict.says, 'A refusal by the resource leaves no audit event, so the audit shows only what Caracal allowed.'];
}

function layerOf(layer: (typeof layers)[number], { outcome: { layer: decided, states, kind }, hops }: Trace): LayerStory {
  const told = states[layer];
  const standing = layer === 'approval' && told === 'not recorded' ? approvalBefore(hops) : told;
  const decides = layer === decided;
  const mark: Mark = decides ? marks[kind] : standing === 'not reached' || standing === 'not recorded' || standing === 'not asked' ? 'none' : 'passed';
  return { name: sentenceCase(layer), standing, mark, decides };
}

/** A call is approved, or not, when its mandate is made. */
function approvalBefore(hops: Trace['hops']): string {
  if (hops.some(({ kind }) => kind === 'retry')) return 'approved, used';
  return hops.some(({ kind }) => kind === 'mint') && !hops.some(({ kind }) => kind === 'hold') ? 'none needed' : 'not recorded';
}

/** What Caracal never writes down, however well all is, and what it did not write of this call. Contract request-evidence 7.3 and 8.4. */
function notRecordedSection({ outcome, hops }: Trace): Section {
  const line = (text: string): Cell => ({ text });
  const isRefusedByResource = outcome.layer === 'resource' && (outcome.code === '401' || outcome.code === '403');
  return {
    id: 'notRecorded', title: 'Not recorded by Caracal', summary: '',
    blocks: [{
      kind: 'list',
      items: [
        ...(hops.length === 0 ? [line('This request: no audit event of it is there. Refusals before the policy, and most of the Gateway, leave none.')] : []),
        ...(isRefusedByResource ? [line('Refusal at the resource: no audit event; known from the status that the Gateway wrote down.')] : []),
        line('Which token was issued: the audit holds the decision, not the mandate.'),
        line('Path of the request: neither in the event of the Gateway nor in its log line.'),
        line('Scopes, Session and Delegation of a call in the event of the Gateway: the event of the STS with the same request id has them.'),
        ...(isRefusedByResource ? [] : [line('A refusal by the resource itself: it is known from its answer alone.')]),
      ],
    }],
  };
}
