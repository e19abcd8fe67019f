import { metadataText } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import type { Captured } from './capture.ts';
import type { Evidence } from './read.ts';
import type { ApprovalRow } from './stateRows.ts';
import type { Block, Fact, Mark, Section } from './story.ts';
import type { Hop } from './stitching.ts';
import { focusOf } from './trace.ts';
import type { Trace } from './trace.ts';
import { count, duration, moment, shortId } from './words.ts';

const deciders: Readonly<Record<string, string>> = { operator: 'an operator decides', subject: 'the user decides', any: 'an operator or the user decides' };

/** The life of each approval that belongs to the call: contract request-evidence 13. How to approve is not offered. */
export function approvalSection(captured: Captured, trace: Trace, evidence: Evidence): Section {
  const section = (summary: string, blocks: readonly Block[] = []): Section => ({ id: 'approval', title: 'Approval', summary, blocks });
  const { state } = evidence;
  const named = new Set([...(captured.approvalId === undefined ? [] : [captured.approvalId]), ...trace.hops.flatMap(({ events }) => events.map((event) => metadataText(event, 'challenge_id')))].filter((id) => id !== ''));
  const rows = state.kind === 'row' ? state.row.approvals.filter(({ id }) => named.has(id)) : [];
  const now = state.kind === 'row' ? state.row.now : NaN;
  if (rows.length > 0) return section(rows.length === 1 && rows[0] !== undefined ? standingOf(rows[0], now).words : count(rows.length, 'approval'), rows.flatMap((row) => blocksOf(row, trace, evidence, now)));
  const ofEvents = [...named].filter((id) => trace.hops.some(({ events }) => events.some((event) => metadataText(event, 'challenge_id') === id)));
  if (ofEvents.length > 0) {
    const why = state.kind === 'cannot look' ? state.why : 'it is gone: Caracal keeps it for a day after its end';
    return section(`its row cannot be read: ${why}`, ofEvents.map((id) => ({ kind: 'facts', facts: factsOfEvents(id, trace.hops) })));
  }
  const isAsked = trace.hops.some(({ events }) => events.some(asksForApproval));
  return section(isAsked ? 'the policy asks for one; nothing that was read names it' : trace.hops.length === 0 ? 'none is named by what is known' : 'none was needed');
}

function asksForApproval({ diagnostics_json: diagnostics }: AuditEvent): boolean {
  return diagnostics.some((entry) => 'step_up_required' in entry);
}

function standingOf({ satisfiedAt, rejectedAt, consumedAt, expiresAt }: ApprovalRow, now: number): { readonly words: string; readonly mark: Mark } {
  if (rejectedAt !== undefined) return { words: 'rejected', mark: 'failed' };
  if (consumedAt !== undefined) return { words: 'used once', mark: 'passed' };
  const isOver = Date.parse(expiresAt) <= now;
  if (satisfiedAt !== undefined) return isOver ? { words: 'approved, and over before it was used', mark: 'failed' } : { words: 'approved, not used: the same mint was not asked for again', mark: 'warning' };
  return isOver ? { words: 'over: nobody decided in time', mark: 'failed' } : { words: 'waits for a decision', mark: 'waiting' };
}

function blocksOf(row: ApprovalRow, trace: Trace, evidence: Evidence, now: number): readonly Block[] {
  const { createdAt, satisfiedAt, rejectedAt, consumedAt, expiresAt, tier, approverClass, approverSubjectId, decisionReason } = row;
  const decidedAt = rejectedAt ?? satisfiedAt;
  const standing = standingOf(row, now);
  const used = trace.hops.find(({ events }) => events.some((event) => event.event_type === 'step_up_consumed' && metadataText(event, 'challenge_id') === row.id));
  const held = decidedAt === undefined ? '' : `, for ${duration(Date.parse(decidedAt) - Date.parse(createdAt))}`;
  const facts: Fact[] = [
    fact('Approval', row.id), { label: 'Stands', value: { text: standing.words, mark: standing.mark } },
    fact('Tier', `${tier ?? 'none'}, ${deciders[approverClass] ?? approverClass}`), fact('Held', `${createdAt}${held}`),
    ...(decidedAt === undefined ? [] : [fact(rejectedAt === undefined ? 'Approved' : 'Rejected', `${decidedAt}${approverSubjectId === undefined ? '' : ` by ${approverSubjectId}`}${decisionReason === undefined ? '' : `: ${decisionReason}`}`)]),
    consumedAt === undefined ? fact('Until', expiresAt) : fact('Used', `${consumedAt}${used === undefined ? '' : ` by the mint ${shortId(used.requestId)}`}`),
  ];
  const differences = differencesOf(row, trace, evidence);
  return [{ kind: 'facts', facts }, ...(differences.length === 0 ? [] : [{ kind: 'text', cell: { text: 'It was given for another request than this one:', mark: 'failed' } } as const, { kind: 'table', heads: ['What', 'Approved', 'Asked for'], rows: differences.map((cells) => cells.map((text) => ({ text, isCode: true }))) } as const])];
}

/** What an approval is bound to: contract request-evidence 13. */
const bound: readonly (readonly [label: string, ofRow: string, ofEvent: (event: AuditEvent) => unknown])[] = [
  ['Session', 'agent_session_id', (event) => event.metadata_json['agent_session_id']],
  ['Delegation', 'delegation_edge_id', (event) => event.metadata_json['delegation_edge_id']],
  ['Scopes', 'requested_scopes', (event) => event.metadata_json['requested_scopes']],
  ['Policy version', 'policy_set_version_id', (event) => event.policy_set_version_id],
];

/** Only a refusal for its approval tells that two things which should be the same are not. */
function differencesOf(row: ApprovalRow, trace: Trace, evidence: Evidence): readonly (readonly string[])[] {
  if (trace.outcome.layer !== 'approval' || trace.outcome.kind !== 'refused') return [];
  const events = focusOf(trace, evidence).filter(({ event_type: type }) => type === 'token_exchange');
  return bound.flatMap(([label, name, ofEvent]) => {
    const approved = listed(row.metadata[name]);
    const asked = events.map((event) => listed(ofEvent(event))).find((value) => value !== '') ?? '';
    return approved === '' || asked === '' || approved === asked ? [] : [[label, approved, asked]];
  });
}

function listed(value: unknown): string {
  return Array.isArray(value) ? value.map(String).toSorted().join(' ') : typeof value === 'string' ? value : '';
}

function factsOfEvents(id: string, hops: readonly Hop[]): readonly Fact[] {
  const events = hops.flatMap((hop) => hop.events).filter((event) => metadataText(event, 'challenge_id') === id);
  const labels: Readonly<Record<string, string>> = { step_up_issued: 'Held', step_up_decided: 'Decided', step_up_consumed: 'Used' };
  return [fact('Approval', id), ...events.map((event) => fact(labels[event.event_type] ?? event.event_type, `${moment(Date.parse(event.occurred_at))}, ${event.decision}`))];
}

function fact(label: string, text: string): Fact {
  return { label, value: { text } };
}
