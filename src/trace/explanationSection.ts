/** What Caracal's explain would say of the request, where that misleads, and the way to simulate the decision. Explain itself is never called. */
import { denyReasons } from '../caracal/decisions.ts';
import { asksForApproval, kindOf } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import { replayInput } from './replayInput.ts';
import type { ReplayField, ReplayInput } from './replayInput.ts';
import { askedHop, listBlock, textBlock } from './sectionParts.ts';
import type { SectionParts } from './sectionParts.ts';
import type { Simulation } from './simulate.ts';
import type { Block, Section } from './story.ts';
import { count } from './words.ts';

/** Ids that the path of explain takes: contract request-evidence 1.4. */
const explainedIds = /^[A-Za-z0-9_.\-:]{1,128}$/;

/** The section of a story about explain and simulation. */
export function explanationSection(parts: SectionParts, simulation?: Simulation): Section {
  const { trace, evidence } = parts;
  const events = askedHop(trace, evidence)?.events ?? [];
  const section = { id: 'explanation', title: 'Explanation and simulation' } as const;
  const decision = finalDecision(events);
  const caveats = caveatsOf(parts, events);
  const summary = decision === undefined ? 'explain has nothing to say' : `explain says ${decision}${caveats.length === 0 ? '' : ', which misleads here'}`;
  const replay = replayInput(parts);
  return {
    ...section, summary,
    blocks: [
      textBlock(explainWords(evidence.requestId, events, decision)),
      ...listBlock(caveats, 'warning'),
      ...listBlock(inputCaveats(events)),
      ...replayBlocks(replay),
      ...(simulation === undefined ? [] : simulationBlocks(simulation, replay)),
    ],
  };
}

/** As explain makes it of the events of one request id; undefined where there are none. Caracal apps/api/src/routes/zone-events.ts:428. */
export function finalDecision(events: readonly AuditEvent[]): string | undefined {
  const inTime = events.toSorted((one, other) => Date.parse(one.occurred_at) - Date.parse(other.occurred_at));
  if (inTime.length === 0) return undefined;
  if (inTime.some(({ decision }) => decision === 'deny')) return 'deny';
  return inTime.at(-1)?.decision || 'unknown';
}

function explainWords(requestId: string | undefined, events: readonly AuditEvent[], decision: string | undefined): string {
  if (requestId === undefined) return 'Explain is asked by a request id, and none is known.';
  if (!explainedIds.test(requestId)) return `Explain refuses this request id for its characters; the audit has ${count(events.length, 'event')} of it all the same.`;
  if (decision === undefined) return 'Explain would answer request_not_found, and each such answer writes a row to the admin audit; it was not asked.';
  return `From the same ${count(events.length, 'event')}, explain would say final_decision ${decision}. It was not asked: this is computed as it does, and it runs no policy either.`;
}

/** Where what explain says is not what happened. Contract request-evidence 9. */
export function caveatsOf({ captured: { answer }, trace: { hops } }: SectionParts, events: readonly AuditEvent[]): readonly string[] {
  const decision = finalDecision(events);
  if (decision === undefined) return [];
  const exchanges = events.filter((event) => event.event_type === 'token_exchange' && kindOf(event) !== 'nothing granted');
  const granted = exchanges.filter((event) => event.decision === 'allow').length;
  const has = (kind: ReturnType<typeof kindOf>): boolean => events.some((event) => kindOf(event) === kind);
  const isHeld = exchanges.some(asksForApproval) && !has('consumption');
  const call = events.find((event) => kindOf(event) === 'gateway call');
  const upstream = call?.metadata_json['upstream_status'] ?? call?.metadata_json['gateway_status'];
  const caveats: string[] = [];
  if (decision === 'deny' && granted > 0 && !events.some(({ evaluation_status: status }) => status === 'provider_credential_unavailable' || status.startsWith('approval_'))) caveats.push(`It says deny, although ${granted} of ${count(exchanges.length, 'resource')} were granted: one deny is enough for it.`);
  if (decision === 'deny' && events.some(({ evaluation_status: status }) => status === 'provider_credential_unavailable')) caveats.push('It says deny, although the policy allowed: the deny is of the provider\u2019s credential, after the mint.');
  if (isHeld) caveats.push(decision === 'allow' ? 'It says allow, although the request is on hold: that a hold was there already leaves no event.' : `It says ${decision}: the policy allowed, and the request is on hold.`);
  if (decision === 'consumed') caveats.push('It says consumed, which means that the policy allowed and the approval was used.');
  if (decision === 'allow' && typeof upstream === 'number' && upstream >= 400) caveats.push(`It says allow, although the call was answered ${upstream}: it does not look at what the upstream did.`);
  if (decision === 'allow' && !isHeld && call === undefined && answer?.status !== undefined && answer.status >= 400) caveats.push(`It says allow, although the caller got ${answer.status}: checks after the policy leave no event.`);
  if (has('replay')) caveats.push(`It says deny of the replay. What was wrong with the first call is under another request id${hops.some(({ kind }) => kind === 'call') ? ', which stands above' : ''}.`);
  if (decision === 'unknown') caveats.push('It says unknown: the last event has no decision.');
  return caveats;
}

/** What is wrong with the events and inputs that explain lists beside its decision. */
export function inputCaveats(events: readonly AuditEvent[]): readonly string[] {
  const caveats: string[] = [];
  const denied = events.filter(({ decision, event_type: type }) => decision === 'deny' && type === 'token_exchange');
  const summary = denied.some((event) => kindOf(event) === 'nothing granted');
  const byPolicy = denied.filter(({ evaluation_status: status }) => status === 'complete');
  if (summary && denied.length > 1) caveats.push('Its list of denied events has one more than there are reasons: the summary exchange_denied, whose input is empty.');
  if (byPolicy.some((event) => kindOf(event) === 'use')) caveats.push('The policy_input that it gives for a use lacks the claims of the mandate: replayed as it is, it is denied with no_rule_matched, whatever the true reason.');
  if (byPolicy.some((event) => kindOf(event) === 'mint')) caveats.push('The policy_input that it gives for a mint has no scopes of the Delegation: replayed as it is, it is denied with delegation_scope_exceeded before any later reason.');
  return caveats;
}

function replayBlocks(replay: ReturnType<typeof replayInput>): readonly Block[] {
  if (replay.kind === 'none') return [textBlock(`Nothing can be simulated: ${replay.why}.`, 'none')];
  const { input, added, missing } = replay;
  const fields = (rows: readonly ReplayField[], heads: readonly string[]): readonly Block[] => (rows.length === 0 ? [] : [{ kind: 'table', heads, rows: rows.map(({ field, words }) => [{ text: field, isCode: true }, { text: words }]) }]);
  return [
    { kind: 'text', cell: { text: 'The input of the policy, as it can be put together', link: { kind: 'text', title: 'Policy input.json', language: 'json', text: `${JSON.stringify(input, undefined, 2)}\n` } } },
    ...fields(added, ['Added to what the event tells', 'From']),
    ...fields(missing, ['Missing', 'Why']),
    textBlock('A simulation runs the policies of the version that decided. It looks at no Session, Delegation or provider, and at none of the checks before the policy.'),
    { kind: 'action', label: 'Simulate…', action: 'simulate' },
  ];
}

/** What a simulation said, beside what was recorded. */
function simulationBlocks(simulation: Simulation, replay: ReturnType<typeof replayInput>): readonly Block[] {
  if (simulation.kind === 'refused') return [textBlock(`The simulation was not made: ${simulation.why}.`, 'failed')];
  const { decision, evaluation, reason, policies, diagnostics, warnings } = simulation;
  if (evaluation !== 'executed' || decision === undefined) return [textBlock(`The policy was not run: ${reason ?? evaluation}.`, 'warning'), ...listBlock(warnings, 'warning')];
  const said = reasonIn(diagnostics) ?? policies.join(', ');
  const words = `The simulation says ${decision}${said === '' ? '' : `: ${denyReasons[said] === undefined ? said : `${denyReasons[said]} (${said})`}`}.`;
  return [textBlock(words, decision === 'allow' ? 'passed' : 'failed'), ...(replay.kind === 'input' ? [textBlock(comparison(replay, decision, diagnostics), sameAs(replay, decision, diagnostics) ? 'passed' : 'warning')] : []), ...listBlock(warnings, 'warning')];
}

function sameAs({ event }: ReplayInput, decision: string, diagnostics: readonly Readonly<Record<string, unknown>>[]): boolean {
  return event.decision === decision && reasonIn(event.diagnostics_json) === reasonIn(diagnostics);
}

function comparison(replay: ReplayInput, decision: string, diagnostics: readonly Readonly<Record<string, unknown>>[]): string {
  const { event } = replay;
  // No rule of the contract looks at the operation (contract request-evidence 7.5).
  const missing = replay.missing.filter(({ field }) => !field.startsWith('action.'));
  if (sameAs(replay, decision, diagnostics)) return 'It is what was recorded.';
  const recorded = reasonIn(event.diagnostics_json);
  const why = missing.length === 0 ? 'the resource may have changed since' : `the input lacks ${missing.map(({ field }) => field).join(', ')}`;
  return `Recorded was ${event.decision}${recorded === undefined ? '' : ` (${recorded})`}: ${why}.`;
}

function reasonIn(diagnostics: readonly Readonly<Record<string, unknown>>[]): string | undefined {
  return diagnostics.map(({ reason }) => reason).find((reason) => typeof reason === 'string');
}
