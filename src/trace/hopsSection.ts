/** The places that a governed call crosses, and for each whether it was seen. */
import { kindOf, metadataText } from './auditEvent.ts';
import type { AuditEvent, EventKind } from './auditEvent.ts';
import type { Captured } from './capture.ts';
import type { Evidence } from './read.ts';
import { mandateMs, timeOf } from './stitching.ts';
import type { Cell, Section } from './story.ts';
import { focusOf } from './trace.ts';
import type { Trace } from './trace.ts';
import { count, moment, shortId } from './words.ts';

type Standing = 'seen' | 'absent' | 'cannot look' | 'not reached';

interface Place {
  readonly name: string;
  readonly standing: Standing;
  readonly why: string;
}

/** What was looked for and where, with the reason where it could not be. A hop that is absent was looked for in all that there is. */
export function hopsSection(captured: Captured, trace: Trace, evidence: Evidence): Section {
  const places = placesOf(captured, trace, evidence);
  const counts = Map.groupBy(places, ({ standing }) => standing);
  const summary = (['seen', 'absent', 'cannot look', 'not reached'] as const).flatMap((standing) => (counts.has(standing) ? [`${counts.get(standing)?.length ?? 0} ${standing}`] : [])).join(', ');
  const rows = places.map(({ name, standing, why }): readonly Cell[] => [{ text: name }, { text: standing, mark: standing === 'seen' ? 'passed' : standing === 'cannot look' ? 'unknown' : 'none' }, { text: why }]);
  const problems = evidence.notRead.map(({ what, why }): Cell => ({ text: `${what}: ${why}`, mark: 'unknown' }));
  return {
    id: 'hops', title: 'Hops', summary,
    blocks: [{ kind: 'table', heads: ['Hop', 'Standing', 'Where, or why not'], rows }, ...(problems.length === 0 ? [] : [{ kind: 'list', items: problems } as const])],
  };
}

function placesOf(captured: Captured, trace: Trace, evidence: Evidence): readonly Place[] {
  const { hops } = trace;
  const { state, firstUse } = evidence;
  const all = hops.flatMap((hop) => hop.events.map((event) => ({ event, requestId: hop.requestId })));
  const focus = focusOf(trace, evidence);
  const seenAs = (...kinds: readonly EventKind[]): string | undefined => {
    const found = all.find(({ event }) => kinds.includes(kindOf(event)));
    return found && `audit, request ${shortId(found.requestId)}, ${moment(timeOf(found.event, evidence.aheadMs))}`;
  };
  const place = (name: string, seen: string | undefined, otherwise: Omit<Place, 'name'>): Place => (seen === undefined ? { name, ...otherwise } : { name, standing: 'seen', why: seen });
  const row = (name: string, id: string | undefined, rows: readonly { readonly id: string }[] | undefined): Place => {
    if (id === undefined || id === '') return { name, standing: hops.length === 0 && captured.mandate === undefined ? 'cannot look' : 'absent', why: hops.length === 0 && captured.mandate === undefined ? 'no event and no mandate names one' : 'what is known names none' };
    if (state.kind === 'cannot look') return { name, standing: 'cannot look', why: state.why };
    if (rows?.some((one) => one.id === id) === true) return { name, standing: 'seen', why: `its row, ${shortId(id)}` };
    const why = state.kind === 'row' ? state.row.notWhole : undefined;
    return why === undefined ? { name, standing: 'absent', why: `Postgres has no row ${shortId(id)}` } : { name, standing: 'cannot look', why };
  };
  const claims = captured.mandate?.claims;
  const named = (name: string): string | undefined => focus.map((event) => metadataText(event, name)).find((id) => id !== '');
  const [sessionId, delegationId] = [claims?.agent_session_id ?? named('agent_session_id'), claims?.delegation_edge_id ?? named('delegation_edge_id')];
  const rows = state.kind === 'row' ? state.row : undefined;
  const beside = besideOf(focus, evidence, sessionId);
  const isCall = focus.some((event) => ['use', 'gateway call', 'replay'].includes(kindOf(event)));
  const useSeen = seenAs('use');
  const callSeen = seenAs('gateway call');
  const dead = [...(rows?.sessions.filter(({ status }) => status !== 'active') ?? []), ...(rows?.delegations.filter(({ status }) => status !== 'active') ?? []), ...(rows?.records.filter(({ status }) => status !== 'active') ?? [])];
  return [
    place('Bootstrap', seenAs('bootstrap', 'federation', 'workload'), state.kind === 'row' ? { standing: 'absent', why: 'no exchange of the Application was written when its authority record was' } : { standing: 'cannot look', why: 'only a row in Postgres tells when the authority record was made' }),
    row('Session', sessionId, rows?.sessions),
    row('Delegation', delegationId, rows?.delegations),
    place('Mint', seenAs('mint'), beside),
    place('Approval', seenAs('hold', 'decision', 'consumption'), beside),
    place('Gateway call', callSeen ?? seenAs('replay'), unansweredCall(trace, isCall)),
    place('Use exchange', useSeen, isCall ? { standing: trace.outcome.code === 'replay_detected' ? 'not reached' : 'absent', why: trace.outcome.code === 'replay_detected' ? 'the Gateway refused it before it asked the STS' : 'the audit holds none with this request id' } : { standing: 'not reached', why: 'this request is no call through the Gateway' }),
    place('Upstream', all.some(({ event }) => kindOf(event) === 'gateway call' && typeof event.metadata_json['upstream_status'] === 'number') ? 'its status is in the event of the Gateway' : undefined, { standing: callSeen === undefined ? 'not reached' : 'absent', why: callSeen === undefined ? 'no event says that the Gateway passed it on' : 'no answer of it came' }),
    rows === undefined ? { name: 'Revocation', standing: 'cannot look', why: state.kind === 'cannot look' ? state.why : 'no row was read' } : place('Revocation', dead.length === 0 ? undefined : `${count(dead.length, 'row')}: ${dead.map(({ id, status }) => `${shortId(id)} ${status}`).join(', ')}`, { standing: 'absent', why: 'none of the rows that were read is revoked' }),
    firstUse.kind === 'cannot look' ? { name: 'First use of a replayed mandate', standing: 'cannot look', why: firstUse.why } : place('Replay', seenAs('replay'), { standing: 'absent', why: isCall ? 'no other call with this mandate was refused as one' : 'the event is no call' }),
  ];
}

/** Mint and approval are looked for among all events of the Session. */
function besideOf(focus: readonly AuditEvent[], evidence: Evidence, sessionId: string | undefined): Omit<Place, 'name'> {
  if (focus.length === 0) return { standing: 'cannot look', why: 'no event of this request is there to be joined' };
  if (sessionId === undefined || sessionId === '') return { standing: 'cannot look', why: 'the event names no Session, by which it would be found' };
  const at = Math.min(...focus.map((event) => timeOf(event, evidence.aheadMs)));
  const isCovered = evidence.covered.some((covered) => covered.sessionId === sessionId && covered.from <= at - mandateMs && covered.until >= at);
  return isCovered ? { standing: 'absent', why: 'all events of the Session in the life of a mandate were read' } : { standing: 'cannot look', why: 'the events of the Session were not read whole' };
}

/** Contract request-evidence 8.3: what one event of two may mean. */
function unansweredCall(trace: Trace, isCall: boolean): Omit<Place, 'name'> {
  if (!isCall) return { standing: 'absent', why: 'no call with the mandate of this request was written' };
  return trace.outcome.kind === 'denied' || trace.outcome.kind === 'refused'
    ? { standing: 'not reached', why: 'the Gateway writes an event once the STS has allowed the call' }
    : { standing: 'absent', why: 'the call still runs or streams, was refused after the STS, or is not ingested yet' };
}
