import { asksForApproval, metadataText } from './auditEvent.ts';
import { bindingsOf, needsBoth, standingOf } from './holds.ts';
import type { Binding, HoldStanding } from './holds.ts';
import { approvalIds, askedHop } from './sectionParts.ts';
import type { SectionParts } from './sectionParts.ts';
import type { ApprovalRow } from './stateRows.ts';
import type { Block, Fact, Mark, Section } from './story.ts';
import type { Hop } from './stitching.ts';
import { count, duration, moment, shortId } from './words.ts';

const deciders: Readonly<Record<string, string>> = { operator: 'an operator decides', subject: 'the user decides', any: 'an operator or the user decides' };

/** The life of each approval that belongs to the call: contract request-evidence 13. How to approve is not offered. */
export function approvalSection(parts: SectionParts): Section {
  const { trace, evidence } = parts;
  const section = (summary: string, blocks: readonly Block[] = []): Section => ({ id: 'approval', title: 'Approval', summary, blocks });
  const { state } = evidence;
  const named = approvalIds(parts);
  const rows = state.kind === 'row' ? state.row.approvals.filter(({ id }) => named.has(id)) : [];
  const now = state.kind === 'row' ? state.row.now : NaN;
  if (rows.length > 0) return section(rows.length === 1 && rows[0] !== undefined ? standings[standingOf(rows[0], now)].words : count(rows.length, 'approval'), rows.flatMap((row) => blocksOf(row, parts, now)));
  const ofEvents = [...named].filter((id) => trace.hops.some(({ events }) => events.some((event) => metadataText(event, 'challenge_id') === id)));
  if (ofEvents.length > 0) {
    const why = state.kind === 'cannot look' ? state.why : 'it is gone: Caracal keeps it for a day after its end';
    return section(`its row cannot be read: ${why}`, ofEvents.map((id) => ({ kind: 'facts', facts: factsOfEvents(id, trace.hops) })));
  }
  if (trace.outcome.code === 'approval_class_conflict' || needsBoth(askedHop(trace, evidence)?.events ?? [])) return section('it would need an operator and the user at once, which no hold can ask');
  const isAsked = trace.hops.some(({ events }) => events.some(asksForApproval));
  if (trace.outcome.layer === 'approval') return section('one was refused, and nothing that was read names it');
  // Whether one is needed is decided with the policy.
  if (trace.outcome.states.approval === 'not reached' && !isAsked) return section('not reached');
  return section(isAsked ? 'the policy asks for one; nothing that was read names it' : trace.hops.length === 0 ? 'none is named by what is known' : 'none was needed');
}

const standings: Readonly<Record<HoldStanding, { readonly words: string; readonly mark: Mark }>> = {
  rejected: { words: 'rejected', mark: 'failed' }, used: { words: 'used once', mark: 'passed' }, 'approved, and over': { words: 'approved, and over before it was used', mark: 'failed' },
  approved: { words: 'approved, not used: the same mint was not asked for again', mark: 'warning' }, over: { words: 'over: nobody decided in time', mark: 'failed' }, waits: { words: 'waits for a decision', mark: 'waiting' },
};

function blocksOf(row: ApprovalRow, parts: SectionParts, now: number): readonly Block[] {
  const { trace } = parts;
  const { createdAt, satisfiedAt, rejectedAt, consumedAt, expiresAt, tier, approverClass, approverSubjectId, decisionReason } = row;
  const decidedAt = rejectedAt ?? satisfiedAt;
  const standing = standings[standingOf(row, now)];
  const used = trace.hops.find(({ events }) => events.some((event) => event.event_type === 'step_up_consumed' && metadataText(event, 'challenge_id') === row.id));
  const held = decidedAt === undefined ? '' : `, for ${duration(Date.parse(decidedAt) - Date.parse(createdAt))}`;
  const facts: Fact[] = [
    fact('Approval', row.id), { label: 'Stands', value: { text: standing.words, mark: standing.mark } },
    fact('Tier', `${tier ?? 'none'}, ${deciders[approverClass] ?? approverClass}`), fact('Held', `${createdAt}${held}`),
    ...(decidedAt === undefined ? [] : [fact(rejectedAt === undefined ? 'Approved' : 'Rejected', `${decidedAt}${approverSubjectId === undefined ? '' : ` by ${approverSubjectId}`}${decisionReason === undefined ? '' : `: ${decisionReason}`}`)]),
    consumedAt === undefined ? fact('Until', expiresAt) : fact('Used', `${consumedAt}${used === undefined ? '' : ` by the mint ${shortId(used.requestId)}`}`),
  ];
  return [{ kind: 'facts', facts }, ...mismatchOf(row, parts)];
}

/**
 * Of a refused approval, what it is bound to, and what was asked for instead. The event of an approval that does not fit
 * says nothing of the request but its Application (contract request-evidence 7.3), so the caller has to compare.
 */
function mismatchOf(row: ApprovalRow, parts: SectionParts): readonly Block[] {
  const { trace: { outcome, hops }, evidence, surroundings: { policy } } = parts;
  if (outcome.layer !== 'approval' || outcome.kind !== 'refused') return [];
  const bound = bindingsOf(row, askedHop({ hops }, evidence)?.events ?? []);
  const differences = bound.filter(({ approved, asked }) => approved !== '' && asked !== '' && approved !== asked);
  const table = (heads: readonly string[], rows: readonly (readonly string[])[]): Block => ({ kind: 'table', heads, rows: rows.map((cells) => cells.map((text, at) => ({ text, isCode: at > 0 }))) });
  if (differences.length > 0) return [{ kind: 'text', cell: { text: 'It was given for another request than this one:', mark: 'failed' } }, table(['What', 'Approved', 'Asked for'], differences.map(({ label, approved, asked }) => [label, approved, asked]))];
  if (outcome.code !== 'approval_invalid') return [];
  const active = policy.kind === 'row' ? policy.row.active?.activeVersionId : undefined;
  const isChanged = ({ label, approved }: Binding): boolean => label === 'Policy version' && active !== undefined && active !== approved;
  return [
    { kind: 'text', cell: { text: 'It is likely the one that was presented, and counts for exactly this. What the request asked for is not in the event of its refusal: compare it with the caller.' } },
    table(['What', 'Approved', 'Now'], bound.filter(({ approved }) => approved !== '').map((one) => [one.label, one.approved, isChanged(one) ? `${active ?? ''}: the policy changed` : ''])),
  ];
}

function factsOfEvents(id: string, hops: readonly Hop[]): readonly Fact[] {
  const events = hops.flatMap((hop) => hop.events).filter((event) => metadataText(event, 'challenge_id') === id);
  const labels: Readonly<Record<string, string>> = { step_up_issued: 'Held', step_up_decided: 'Decided', step_up_consumed: 'Used' };
  return [fact('Approval', id), ...events.map((event) => fact(labels[event.event_type] ?? event.event_type, `${moment(Date.parse(event.occurred_at))}, ${event.decision}`))];
}

function fact(label: string, text: string): Fact {
  return { label, value: { text } };
}
