/** All that is known about a request, put together. */
import { metadataText } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import type { Captured } from './capture.ts';
import { approvalOf, holdOf } from './holds.ts';
import type { Hold } from './holds.ts';
import { livenessOf } from './liveness.ts';
import type { Asked, Known, LivenessCheck } from './liveness.ts';
import { outcomeOf } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { Evidence } from './read.ts';
import { stitch } from './stitching.ts';
import type { Hop } from './stitching.ts';
import { shortId } from './words.ts';

export interface Trace {
  /** Of the request that was asked for. */
  readonly outcome: Outcome;
  /** All requests that belong to it, in the order of time; none where the audit holds nothing of it. */
  readonly hops: readonly Hop[];
  /** The outcome of each, by its request id. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** What the STS would say now to the Session and the Delegation, up to the first thing that it would refuse; none where neither is known. */
  readonly liveness: readonly LivenessCheck[];
}

/** Judges what was read. */
export function traceOf(captured: Captured, evidence: Evidence, lookingUntil?: string): Trace {
  const { requestId = '', events, covered, firstUse, bootstrap, holds, aheadMs = {} } = evidence;
  const { iat } = captured.mandate?.claims ?? {};
  const hops = stitch(requestId, { events, covered, aheadMs, known: { issuedAt: iat, firstUse: firstUse.kind === 'row' ? firstUse.row : undefined, bootstrap, holds } });
  // A replay tells what happened to the call that used its mandate first, so that one comes first here.
  const outcomes = new Map<string, Outcome>();
  const firstCall = firstCalls(hops, evidence);
  const holdBy = new Map<string, Hold | undefined>();
  for (const { requestId: id, events: own, kind } of hops.toSorted((one, other) => Number(one.kind === 'replay') - Number(other.kind === 'replay'))) {
    const first = kind === 'replay' ? firstCall(own) : undefined;
    const approvalId = approvalOf(id, own, holds);
    if (approvalId !== undefined && !holdBy.has(approvalId)) holdBy.set(approvalId, heldNow(approvalId, hops, evidence));
    outcomes.set(id, outcomeOf({ events: own, ...(id === requestId ? { answer: captured.answer, lookingUntil } : {}), first: first === undefined ? undefined : outcomes.get(first), hold: approvalId === undefined ? undefined : holdBy.get(approvalId) }));
  }
  const outcome = outcomes.get(requestId) ?? outcomeOf({ events: [], answer: captured.answer, lookingUntil });
  const focus = hops.find((hop) => hop.requestId === requestId);
  return { outcome, hops, outcomes, liveness: livenessNow(captured, focus, evidence) };
}

/** All events that belong to the call, those of the request that was asked for first: what these do not name, others of it may. */
export function focusOf({ hops }: Pick<Trace, 'hops'>, { requestId }: Evidence): readonly AuditEvent[] {
  return hops.toSorted((one, other) => Number(other.requestId === requestId) - Number(one.requestId === requestId)).flatMap(({ events }) => events);
}

/** The name of an Application where an event tells it, else its id. */
export function applicationName(id: string, { events }: Evidence): string {
  const name = events.filter((event) => metadataText(event, 'application_id') === id).map((event) => metadataText(event, 'application_name')).find((text) => text !== '');
  return name ?? shortId(id);
}

/** A hold as it stands now. */
function heldNow(approvalId: string, hops: readonly Hop[], { state }: Evidence): Hold | undefined {
  const rows = state.kind === 'row' ? state.row : undefined;
  return holdOf(approvalId, rows?.approvals ?? [], hops, rows?.now ?? NaN);
}

/** Finds the call that used a mandate first, by the events of one that used it again. */
function firstCalls(hops: readonly Hop[], { firstUse }: Evidence): (replay: readonly AuditEvent[]) => string | undefined {
  const calls = hops.filter(({ kind }) => kind === 'call');
  const byRedis = firstUse.kind === 'row' ? calls.find(({ requestId }) => requestId === firstUse.row)?.requestId : undefined;
  const byPrint = new Map(calls.toReversed().flatMap(({ requestId, events }) => events.map((event) => [metadataText(event, 'subject_fingerprint'), requestId] as const)));
  byPrint.delete('');
  return (replay) => byRedis ?? replay.map((event) => byPrint.get(metadataText(event, 'subject_fp'))).find((id) => id !== undefined);
}

/** By what the mandate in hand names, else by what the events do. */
function livenessNow({ mandate }: Captured, focus: Hop | undefined, { state }: Evidence): readonly LivenessCheck[] {
  if (state.kind !== 'row') return [];
  const { now, records, sessions, delegations, notWhole } = state.row;
  const claims = mandate?.claims ?? {};
  const named = (name: string): string | undefined => focus?.events.map((event) => metadataText(event, name)).find((id) => id !== '');
  const applicationId = claims.client_id ?? named('application_id');
  const [sessionId, delegationId] = [claims.agent_session_id ?? named('agent_session_id'), claims.delegation_edge_id ?? named('delegation_edge_id')];
  // The event of a refusal before the policy may name the Delegation alone, and that one its Session.
  const holderId = sessionId ?? (mandate === undefined ? delegations.find(({ id }) => id === delegationId)?.targetSessionId : undefined);
  if (applicationId === undefined || (sessionId === undefined && delegationId === undefined)) return [];
  const asked: Asked = {
    now, applicationId, sessionId: holderId, delegationId, scopes: claims.scope?.split(' ').filter((scope) => scope !== '') ?? [],
    ...(claims.use === undefined ? { subject: 'none' } : { subject: claims.use === 'session' ? 'session mandate' : 'gateway mandate', authorityRecordId: claims.sid }),
    records: lookup(records, notWhole), sessions: lookup(sessions, notWhole), delegations: lookup(delegations, notWhole),
  };
  return livenessOf(asked);
}

function lookup<Row extends { readonly id: string }>(rows: readonly Row[], notWhole: string | undefined): (id: string) => Known<Row> {
  return (id) => {
    const row = rows.find((one) => one.id === id);
    if (row !== undefined) return { kind: 'row', row };
    return notWhole === undefined ? { kind: 'absent' } : { kind: 'cannot look', why: notWhole };
  };
}
