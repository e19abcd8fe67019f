/** Holds of requests: how they stand, and which one a request is about that names none. Facts of Caracal: contract request-evidence 7.3 and 13. */
import * as z from 'zod';
import { asksForApproval, kindOf, metadataText } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import type { ApprovalRow } from './stateRows.ts';
import type { Hop, NamedHold } from './stitching.ts';

export type HoldStanding = 'waits' | 'approved' | 'used' | 'rejected' | 'over' | 'approved, and over';

/** The life of a hold, as far as its row or the events of it tell. */
export type HoldLife = Pick<ApprovalRow, 'satisfiedAt' | 'rejectedAt' | 'consumedAt' | 'expiresAt' | 'approverClass' | 'approverSubjectId' | 'decisionReason'>;

export interface Hold extends HoldLife {
  readonly standing: HoldStanding;
  /** The request that used the approval; undefined where none did, or none is known. */
  readonly usedBy: string | undefined;
}

/** How a hold stands, by what counts first; `now` in milliseconds since 1970, NaN where no clock is known. */
export function standingOf({ satisfiedAt, rejectedAt, consumedAt, expiresAt }: Pick<HoldLife, 'satisfiedAt' | 'rejectedAt' | 'consumedAt' | 'expiresAt'>, now: number): HoldStanding {
  if (rejectedAt !== undefined) return 'rejected';
  if (consumedAt !== undefined) return 'used';
  const isOver = Date.parse(expiresAt) <= now;
  if (satisfiedAt !== undefined) return isOver ? 'approved, and over' : 'approved';
  return isOver ? 'over' : 'waits';
}

/** The approval that a request is about: the one that its events name, else the one that was found for it. */
export function approvalOf(requestId: string, events: readonly AuditEvent[], found: ReadonlyMap<string, NamedHold> | undefined): string | undefined {
  return events.map((event) => metadataText(event, 'challenge_id')).find((id) => id !== '') ?? found?.get(requestId)?.approvalId;
}

/** A hold, by its row, or by the events of all requests that belong to it; undefined where neither tells of it. */
export function holdOf(approvalId: string, rows: readonly ApprovalRow[], hops: readonly Hop[], now: number): Hold | undefined {
  const own = hops.flatMap(({ events }) => events).filter((event) => metadataText(event, 'challenge_id') === approvalId);
  const usedBy = own.find((event) => kindOf(event) === 'consumption' && event.metadata_json['reissued'] !== true)?.request_id;
  const life = rows.find(({ id }) => id === approvalId) ?? lifeOf(own);
  return life && { ...life, standing: standingOf(life, now), usedBy };
}

function lifeOf(events: readonly AuditEvent[]): HoldLife | undefined {
  const [issued, decided, used] = (['hold', 'decision', 'consumption'] as const).map((kind) => events.find((event) => kindOf(event) === kind));
  if (issued === undefined) return undefined;
  const text = (event: AuditEvent | undefined, name: string): string | undefined => (event === undefined ? undefined : metadataText(event, name) || undefined);
  return {
    satisfiedAt: decided?.decision === 'approved' ? decided.occurred_at : undefined, rejectedAt: decided?.decision === 'rejected' ? decided.occurred_at : undefined, consumedAt: used?.occurred_at,
    expiresAt: metadataText(issued, 'expires_at'), approverClass: metadataText(issued, 'approver_class'), approverSubjectId: text(decided, 'approver_subject_id'), decisionReason: text(decided, 'reason'),
  };
}

const tiers = z.object({ tiers: z.array(z.object({ approver: z.string().default('operator') })) });

/** Whether scopes need an operator as well as the user: one hold cannot ask both, so the exchange is refused, and nothing but the allow of the policy is written. */
export function needsBoth(events: readonly AuditEvent[]): boolean {
  const asked = events.flatMap(({ diagnostics_json: diagnostics }) => diagnostics.flatMap((entry) => tiers.safeParse(entry['step_up_required']).data?.tiers ?? []));
  return ['operator', 'subject'].every((one) => asked.some(({ approver }) => approver === one));
}

const withoutId = new Set(['approval_invalid', 'approval_already_consumed', 'approval_expired']);

/** The events of requests that are about an approval which none of their events names: repeats of a mint that is held, and refusals of an approval. */
export function aboutUnnamed(events: readonly AuditEvent[]): readonly AuditEvent[] {
  const naming = new Set(events.filter((event) => metadataText(event, 'challenge_id') !== '').map(({ request_id: id }) => id));
  return events.filter((event) => !naming.has(event.request_id) && (withoutId.has(event.evaluation_status) || (event.decision === 'allow' && asksForApproval(event))));
}

/**
 * The hold of each request that names none. A mint that is repeated waits for the hold that is bound to the same; of a
 * refusal nothing but the Application is written, so the latest hold that could be refused so is likely meant.
 *
 * @param rows of the Applications of these events
 */
export function unnamedHolds(events: readonly AuditEvent[], rows: readonly ApprovalRow[]): ReadonlyMap<string, NamedHold> {
  const byRequest = Map.groupBy(events, ({ request_id: id }) => id);
  const newest = rows.toSorted((one, other) => Date.parse(other.createdAt) - Date.parse(one.createdAt));
  return new Map(aboutUnnamed(events).flatMap((event): (readonly [string, NamedHold])[] => {
    const at = Date.parse(event.occurred_at);
    const isRefusal = withoutId.has(event.evaluation_status);
    const fitting = newest.filter((one) => Date.parse(one.createdAt) <= at && (isRefusal ? isRefused(one, event.evaluation_status, at) : isBoundTo(one, byRequest.get(event.request_id) ?? []) && !isUsedBefore(one, at)));
    // Who presents an approval mostly waited until it was given.
    const row = fitting.find(({ satisfiedAt }) => isRefusal && satisfiedAt !== undefined && Date.parse(satisfiedAt) <= at) ?? fitting[0];
    return row === undefined ? [] : [[event.request_id, { approvalId: row.id, certainty: isRefusal ? 'likely' : 'certain' }]];
  }));
}

function isUsedBefore({ consumedAt }: ApprovalRow, at: number): boolean {
  return consumedAt !== undefined && Date.parse(consumedAt) <= at;
}

function isRefused(row: ApprovalRow, status: string, at: number): boolean {
  if (status === 'approval_already_consumed') return isUsedBefore(row, at);
  if (status === 'approval_expired') return Date.parse(row.expiresAt) <= at;
  return !isUsedBefore(row, at);
}

/** One thing that an approval is bound to; `""` where it is not written. */
export interface Binding {
  readonly label: string;
  readonly approved: string;
  readonly asked: string;
}

/** What an approval is bound to, and what the events of one request say of the same. */
export function bindingsOf({ metadata }: ApprovalRow, events: readonly AuditEvent[]): readonly Binding[] {
  const exchanges = events.filter(({ event_type: type }) => type === 'token_exchange');
  const first = (ofEvent: (event: AuditEvent) => unknown): string => exchanges.map((event) => listed(ofEvent(event))).find((value) => value !== '') ?? '';
  return [
    { label: 'Resources', approved: listed(metadata['resources']), asked: listed([...new Set(exchanges.map((event) => metadataText(event, 'resource')))].filter((name) => name !== '')) },
    { label: 'Scopes', approved: listed(metadata['requested_scopes']), asked: first((event) => event.metadata_json['requested_scopes']) },
    { label: 'Session', approved: listed(metadata['agent_session_id']), asked: first((event) => event.metadata_json['agent_session_id']) },
    { label: 'Delegation', approved: listed(metadata['delegation_edge_id']), asked: first((event) => event.metadata_json['delegation_edge_id']) },
    { label: 'Policy version', approved: listed(metadata['policy_set_version_id']), asked: first((event) => event.policy_set_version_id) },
  ];
}

function isBoundTo(row: ApprovalRow, events: readonly AuditEvent[]): boolean {
  return bindingsOf(row, events).every(({ approved, asked }) => approved === asked);
}

function listed(value: unknown): string {
  return Array.isArray(value) ? value.map(String).toSorted().join(' ') : typeof value === 'string' ? value : '';
}
