/** What happened to a call, in lanes over time. */
import { asksForApproval, kindOf, metadataText } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import { needsBoth } from './holds.ts';
import type { Evidence } from './read.ts';
import { timeOf } from './stitching.ts';
import type { Hop } from './stitching.ts';
import type { Fact, Mark, Timeline, TimelineItem, TimelineJoin } from './story.ts';
import type { Trace } from './trace.ts';
import { count, duration, shortIds } from './words.ts';

type Lane = 'Approval' | 'API' | 'Coordinator' | 'STS' | 'Gateway' | 'resource';
const lanes: readonly Lane[] = ['Approval', 'API', 'Coordinator', 'STS', 'Gateway', 'resource'];

/** An item before its lane has a place. */
interface Placed extends Omit<TimelineItem, 'lane' | 'requestId' | 'isAskedFor' | 'isWait' | 'until'> {
  readonly on: Lane;
  readonly until?: number;
  readonly isWait?: boolean;
}

/** Events of the audit, and what the rows of the Coordinator say of the Sessions and Delegations that they name. */
export function timelineOf({ hops, outcome }: Trace, evidence: Evidence): Timeline {
  const now = evidence.state.kind === 'row' ? evidence.state.row.now : undefined;
  const decides = (event: AuditEvent): Mark => (event.decision === 'deny' ? 'failed' : 'passed');
  const ofHops = hops.flatMap((hop) => hop.events.flatMap((event) => itemsOf(event, hop, { decides, evidence, hops, now })).map((item) => whole(item, hop.requestId, hop.requestId === evidence.requestId)));
  const ofRows = rowItems(evidence).map((item) => whole(item, '', false));
  const items = inOrder([...ofHops, ...ofRows]);
  const used = lanes.filter((lane) => items.some(({ on }) => on === lane));
  const resource = hops.flatMap(({ events }) => events.map((event) => metadataText(event, 'resource'))).find((name) => name !== '') ?? 'resource';
  const joins = [...joinsOf(hops), ...rowJoins(ofRows, hops)];
  return {
    summary: [summaryOf(hops, ofRows.length, joins, outcome.sentence), ...Object.entries(evidence.aheadMs ?? {}).map(([clock, ahead]) => `clock of ${clock} ${duration(Math.abs(ahead))} ${ahead > 0 ? 'ahead' : 'behind'}, corrected`)].join('; '),
    lanes: used.map((lane) => (lane === 'resource' ? resource : lane)),
    items: items.map(({ on, ...item }) => ({ ...item, lane: used.indexOf(on) })),
    joins,
  };
}

function whole(item: Placed, requestId: string, isAskedFor: boolean): Omit<TimelineItem, 'lane'> & { readonly on: Lane } {
  return { isWait: false, ...item, until: item.until, requestId, isAskedFor };
}

/** In the order of time; of one request in that of its causes, whatever the clocks of its services say. */
function inOrder<Item extends { readonly requestId: string; readonly from: number }>(items: readonly Item[]): readonly Item[] {
  const reached = new Map<string, number>();
  const placed = items.map((item) => {
    const place = item.requestId === '' ? item.from : Math.max(item.from, reached.get(item.requestId) ?? -Infinity);
    reached.set(item.requestId, place);
    return { item, place };
  });
  return placed.toSorted((one, other) => one.place - other.place).map(({ item }) => item);
}

function summaryOf(hops: readonly Hop[], rows: number, joins: readonly TimelineJoin[], sentence: string): string {
  const events = hops.reduce((sum, hop) => sum + hop.events.length, 0);
  if (events === 0 && rows === 0) return sentence.startsWith('Not ingested yet') ? 'nothing yet' : 'the audit holds no event of this request';
  const certain = joins.filter(({ certainty }) => certainty === 'certain').length;
  const likely = joins.length - certain;
  const told = [`${count(events, 'event')} from ${count(hops.length, 'request')}`, ...(joins.length === 0 ? [] : [`${count(certain, 'join')} certain${likely === 0 ? '' : `, ${likely} likely`}`])];
  return told.join('; ');
}

interface Context {
  readonly decides: (event: AuditEvent) => Mark;
  readonly evidence: Evidence;
  readonly hops: readonly Hop[];
  readonly now: number | undefined;
}

function itemsOf(event: AuditEvent, hop: Hop, { decides, evidence, hops, now }: Context): readonly Placed[] {
  const at = timeOf(event, evidence.aheadMs);
  const item = (on: Lane, label: string, mark: Mark = decides(event)): Placed => ({ id: event.id, on, label, from: at, mark, details: detailsOf(event, hop) });
  const denied = event.decision === 'deny';
  if (event.evaluation_status.startsWith('approval_')) return [item('STS', 'approval refused')];
  switch (kindOf(event)) {
    case 'bootstrap':
      return [item('STS', denied ? 'bootstrap denied' : 'bootstrap')];
    case 'federation':
      return [item('STS', denied ? 'sign-in refused' : 'user signed in')];
    case 'mint':
      return [isHeld(hop) ? item('STS', 'mint held', 'waiting') : item('STS', denied ? 'mint denied' : 'mint')];
    case 'use':
      return [item('STS', event.evaluation_status === 'provider_credential_unavailable' ? 'no provider credential' : denied ? 'use refused' : 'use')];
    case 'control key':
      return [item('STS', 'control token')];
    case 'workload':
      return [isHeld(hop) ? item('STS', 'workload held', 'waiting') : item('STS', denied ? 'workload refused' : 'workload credential')];
    case 'exchange':
      return [item('STS', denied ? 'exchange refused' : 'exchange')];
    case 'nothing granted':
      return [item('STS', 'nothing granted')];
    case 'jti collision':
      return [item('STS', 'id given twice')];
    case 'hold':
      return [item('STS', 'held', 'waiting'), waitOf(event, hops, now)];
    case 'decision':
      return [item('Approval', `${event.decision}${by(event)}`, event.decision === 'rejected' ? 'failed' : 'passed')];
    case 'consumption':
      return [item('STS', event.metadata_json['reissued'] === true ? 'mandate given again' : 'approval used')];
    case 'launch':
      return [item('STS', denied ? 'launch refused' : 'launch')];
    case 'control call':
      return [item('API', ['control', metadataText(event, 'command')].join(' ').trim())];
    case 'credential revealed':
      return [item('API', 'secret read')];
    case 'replay':
      return [item('Gateway', 'seen before')];
    case 'gateway call':
      return callItems(event, item);
    case 'other':
      return [item('API', event.event_type)];
  }
}

function by(event: AuditEvent): string {
  const who = metadataText(event, 'approver_subject_id');
  return who === '' ? '' : ` by ${shortIds(who)}`;
}

/** A mint that waits for an approval says allow as well. */
function isHeld({ events, kind }: Hop): boolean {
  return kind === 'hold' || ((kind === 'mint' || kind === 'exchange') && events.some(asksForApproval) && !needsBoth(events) && !events.some(({ decision }) => decision === 'deny'));
}

/** From the hold to its decision, to its end without one, or to now. */
function waitOf(hold: AuditEvent, hops: readonly Hop[], now: number | undefined): Placed {
  const id = metadataText(hold, 'challenge_id');
  const from = timeOf(hold);
  const decision = hops.flatMap(({ events }) => events).find((event) => kindOf(event) === 'decision' && metadataText(event, 'challenge_id') === id);
  const end = Date.parse(metadataText(hold, 'expires_at'));
  const expiry = Number.isNaN(end) ? Infinity : end;
  const until = Math.max(from, decision === undefined ? Math.min(expiry, now ?? expiry) : timeOf(decision));
  const isEnded = decision !== undefined || (now !== undefined && expiry <= now);
  const known = Number.isFinite(until) ? until : from;
  const label = decision !== undefined ? duration(known - from) : isEnded ? 'nobody decided' : 'waits';
  return { id: `${hold.id}/wait`, on: 'Approval', label, from, until: known, isWait: true, mark: isEnded && decision === undefined ? 'failed' : 'waiting', details: [fact('Waits for', metadataText(hold, 'approver_class') || 'an approval'), fact('Tier', metadataText(hold, 'tier')), fact('Until', metadataText(hold, 'expires_at'))].filter(({ value }) => value.text !== '') };
}

/** The event is written once the answer is through; how long the upstream took until its headers came is measured. */
function callItems(event: AuditEvent, item: (on: Lane, label: string, mark?: Mark) => Placed): readonly Placed[] {
  const { metadata_json: metadata, evaluation_status: status } = event;
  const [upstream, latency] = [numberOf(metadata['upstream_status']), numberOf(metadata['latency_ms'])];
  const reached = upstream !== undefined || metadata['error_kind'] === 'transport_error' || metadata['error_kind'] === 'response_copy_failed';
  const isCut = metadata['revocation_interrupted'] === true;
  const own = item('Gateway', isCut ? 'cut off' : reached ? 'passed on' : 'refused', isCut || !reached ? 'failed' : 'passed');
  if (!reached) return [own];
  const isBad = status !== 'executed' || upstream === undefined || upstream >= 400;
  const told = [upstream === undefined ? 'no answer' : String(upstream), ...(latency === undefined ? [] : [duration(latency)])].join(', ');
  return [own, { ...own, id: `${event.id}/upstream`, on: 'resource', label: told, from: own.from - (latency ?? 0), ...(latency === undefined ? {} : { until: own.from }), mark: isBad ? 'failed' : 'passed' }];
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

const told: readonly (readonly [name: string, label: string])[] = [
  ['resource', 'Resource'], ['application_name', 'Application'], ['application_id', 'Application id'], ['agent_session_id', 'Session'], ['delegation_edge_id', 'Delegation'], ['requested_scopes', 'Requested scopes'],
  ['method', 'Method'], ['path', 'Path'], ['upstream_host', 'Upstream'], ['upstream_status', 'Upstream status'], ['gateway_status', 'Gateway status'], ['latency_ms', 'Latency, ms'], ['error_kind', 'Error'], ['reason', 'Reason'],
  ['challenge_id', 'Approval'], ['tier', 'Tier'], ['approver_subject_id', 'Decided by'], ['expires_at', 'Until'], ['trace_id', 'Trace id'], ['workload_name', 'Workload'], ['command', 'Command'],
];

function detailsOf(event: AuditEvent, { requestId, kind, join }: Hop): readonly Fact[] {
  const reason = event.diagnostics_json.map(({ reason: given }) => given).find((given) => typeof given === 'string');
  const metadata = told.flatMap(([name, label]) => {
    const value = event.metadata_json[name];
    const text = Array.isArray(value) ? value.join(' ') : typeof value === 'string' || typeof value === 'number' ? String(value) : '';
    return text === '' ? [] : [fact(label, text)];
  });
  return [
    fact('Event', event.event_type), fact('Decision', [event.decision, ...(event.evaluation_status === '' || event.evaluation_status === 'complete' ? [] : [event.evaluation_status]), ...(reason === undefined ? [] : [reason])].join(', ')),
    fact('Request id', requestId), fact('Request', kind), ...(join === undefined ? [] : [fact('Joined by', `${join.key}, ${join.certainty}`)]), fact('Written', event.occurred_at), ...(event.ingested_at === undefined ? [] : [fact('Ingested', event.ingested_at)]), ...metadata,
  ];
}

function fact(label: string, text: string): Fact {
  return { label, value: { text, isCode: true } };
}

/** Sessions and Delegations have rows, not events. */
function rowItems({ state }: Evidence): readonly Placed[] {
  if (state.kind !== 'row') return [];
  const { sessions, delegations, now } = state.row;
  const item = (id: string, at: string | undefined, label: string, mark: Mark, details: readonly Fact[]): readonly Placed[] => (at === undefined || Date.parse(at) > now ? [] : [{ id, on: 'Coordinator', label, from: Date.parse(at), mark, details: [...details, fact('Written', at)] }]);
  return [
    ...sessions.flatMap(({ id, applicationId, lifecycle, startedAt, terminatedAt, terminationReason }) => {
      const about = [fact('Session', id), fact('Application id', applicationId), fact('Lifecycle', lifecycle)];
      return [...item(`session/${id}`, startedAt, 'session', 'passed', about), ...item(`session/${id}/end`, terminatedAt, 'session ended', 'failed', [...about, fact('Reason', terminationReason ?? 'not told')])];
    }),
    ...delegations.flatMap(({ id, sourceSessionId, targetSessionId, scopes, createdAt, revokedAt }) => {
      const about = [fact('Delegation', id), fact('From Session', sourceSessionId), fact('To Session', targetSessionId), fact('Scopes', scopes.join(' '))];
      return [...item(`delegation/${id}`, createdAt, 'delegation', 'passed', about), ...item(`delegation/${id}/end`, revokedAt, 'delegation revoked', 'failed', about)];
    }),
  ];
}

/** Between requests as they were stitched; within one, all events share its id. */
function joinsOf(hops: readonly Hop[]): readonly TimelineJoin[] {
  const within = hops.flatMap(({ events }) => events.slice(1).map((event, place): TimelineJoin => ({ from: events[place]?.id ?? '', to: event.id, key: 'request id', certainty: 'certain' })));
  const places = new Map(hops.map((hop, place) => [hop.requestId, place]));
  const between = hops.flatMap((hop, place) => {
    const { join } = hop;
    const joined = join === undefined ? undefined : places.get(join.to);
    if (join === undefined || joined === undefined) return [];
    // Hops are in the order of time.
    const [one, other] = [hops[Math.min(place, joined)], hops[Math.max(place, joined)]];
    const [from, to] = [one?.events.at(-1)?.id, other?.events[0]?.id];
    return from === undefined || to === undefined ? [] : [{ from, to, key: join.key, certainty: join.certainty }];
  });
  return [...between, ...within];
}

/** The first event that names a Session or a Delegation. */
function rowJoins(items: readonly { readonly id: string }[], hops: readonly Hop[]): readonly TimelineJoin[] {
  const events = hops.flatMap((hop) => hop.events);
  return items.flatMap(({ id }): readonly TimelineJoin[] => {
    const [what, rowId, end] = id.split('/');
    const name = what === 'session' ? 'agent_session_id' : 'delegation_edge_id';
    const first = end === undefined ? events.find((event) => metadataText(event, name) === rowId) : undefined;
    return first === undefined ? [] : [{ from: id, to: first.id, key: what === 'session' ? 'Session' : 'Delegation', certainty: 'certain' }];
  });
}
