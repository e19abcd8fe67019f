/**
 * Joins the events of one governed call, which Caracal writes under several request ids: bootstrap, mint, hold, decision, retry
 * and the call itself. Contract request-evidence 8.1 to 8.3.
 */
import { asksForApproval, kindOf, metadataText } from './auditEvent.ts';
import type { AuditEvent, EventKind } from './auditEvent.ts';

/** A stretch of time of which all events of a Session were read, milliseconds since 1970. */
export interface Covered {
  readonly sessionId: string;
  readonly from: number;
  readonly until: number;
}

/** What is known of a call beside its events. */
export interface MandateUse {
  /** Of the mandate in hand: when it was made, in whole seconds by the clock of the database. */
  readonly issuedAt?: number | undefined;
  /** What Redis remembers of the first use of a mandate: the request id of it. */
  readonly firstUse?: string | undefined;
  /** The exchange that made the authority record of the Session of a mandate. */
  readonly bootstrap?: string | undefined;
  /** The approvals of requests whose own events name none, by request id. */
  readonly holds?: ReadonlyMap<string, NamedHold> | undefined;
}

/** An approval that was found for a request. */
export interface NamedHold {
  readonly approvalId: string;
  readonly certainty: Join['certainty'];
}

export interface Material {
  readonly events: readonly AuditEvent[];
  readonly covered: readonly Covered[];
  readonly known: MandateUse;
  /** By how much the clock of each service is ahead of that of the database, in milliseconds. */
  readonly aheadMs?: Partial<Readonly<Record<Clock, number>>>;
}

export type Clock = 'sts' | 'gateway' | 'api';

export interface Join {
  /** The request that it belongs to. */
  readonly to: string;
  /** What both sides have in common, for a person: `Session, Delegation and resource`. */
  readonly key: string;
  readonly certainty: 'certain' | 'likely';
}

export type HopKind = 'mint' | 'hold' | 'decision' | 'retry' | 'call' | 'replay' | 'exchange' | 'other';

/** One request that belongs to the call. */
export interface Hop {
  readonly kind: HopKind;
  readonly requestId: string;
  /** In the order in which they caused each other. */
  readonly events: readonly AuditEvent[];
  /** By the clock of the database, as far as the clocks are known. */
  readonly from: number;
  readonly until: number;
  /** How it belongs to the others; undefined for the one that was asked for. */
  readonly join: Join | undefined;
}

/** A mandate lives no longer (contract request-evidence 4.5), in milliseconds. */
export const mandateMs = 15 * 60_000;
/** Clocks that agree differ by no more. */
export const agreedMs = 2_000;

const writers: Partial<Readonly<Record<EventKind, Clock>>> = { 'gateway call': 'gateway', replay: 'gateway', decision: 'api', 'control call': 'api', 'credential revealed': 'api' };

/** When an event happened by the clock of the database, milliseconds since 1970. */
export function timeOf(event: AuditEvent, aheadMs: Material['aheadMs'] = {}): number {
  return Date.parse(event.occurred_at) - (aheadMs[writers[kindOf(event)] ?? 'sts'] ?? 0);
}

/** What comes after what within one request: clocks of several hosts cannot tell. */
const order: readonly (readonly EventKind[])[] = [
  ['launch'], ['bootstrap', 'federation', 'mint', 'use', 'control key', 'workload', 'exchange'], ['hold'], ['nothing granted'], ['decision'], ['consumption'], ['jti collision'], ['gateway call'], ['replay'],
];

function rankOf(event: AuditEvent): number {
  // The credential of the provider is fetched last, when all was allowed.
  if (event.evaluation_status === 'provider_credential_unavailable') return rankOfKind('consumption') + 0.5;
  // An approval is looked at once the policy has asked for it.
  return rankOfKind(kindOf(event)) + (event.evaluation_status.startsWith('approval_') ? 0.5 : 0);
}

function rankOfKind(kind: EventKind): number {
  const rank = order.findIndex((kinds) => kinds.includes(kind));
  return rank === -1 ? order.length : rank;
}

/** By code units, as the STS sorts. */
function inOrder(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

/** The events of one request in the order in which they caused each other: an exchange goes through its resources by their names; what is alike in that by time and id, which grow with time. */
export function inCausalOrder(events: readonly AuditEvent[]): readonly AuditEvent[] {
  return events.toSorted((one, other) => rankOf(one) - rankOf(other) || inOrder(metadataText(one, 'resource'), metadataText(other, 'resource')) || Date.parse(one.occurred_at) - Date.parse(other.occurred_at) || one.id.localeCompare(other.id));
}

/** All requests that belong to the one that was asked for, in the order of time; the asked one first among equals. None where no event of it is there. */
export function stitch(requestId: string, material: Material): readonly Hop[] {
  const requests = new Requests(material);
  const asked = requests.hop(requestId, undefined);
  if (asked === undefined) return [];
  const found = new Map<string, Hop>([[requestId, asked]]);
  // What is found leads to more: from a replay to the first call, from there to its mint, from there to its hold.
  for (const hop of found.values()) {
    for (const { requestId: id, join } of requests.joined(hop)) {
      const more = found.has(id) ? undefined : requests.hop(id, { ...join, to: hop.requestId });
      if (more !== undefined) found.set(id, more);
    }
  }
  return [...found.values()].toSorted((one, other) => one.from - other.from);
}

interface Joined {
  readonly requestId: string;
  readonly join: Omit<Join, 'to'>;
}

class Requests {
  readonly #material: Material;
  readonly #times: ReadonlyMap<AuditEvent, number>;
  readonly #byId: ReadonlyMap<string, readonly AuditEvent[]>;
  /** Mints that gave a mandate, and uses of mandates, by what a mandate and its use have in common; in the order of time. */
  readonly #mints: ReadonlyMap<string, readonly AuditEvent[]>;
  readonly #uses: ReadonlyMap<string, readonly AuditEvent[]>;
  /** Requests that are about the same approval, or were made with the same mandate; in the order of time. */
  readonly #ofApprovals: ReadonlyMap<string, readonly string[]>;
  readonly #ofPrints: ReadonlyMap<string, readonly string[]>;
  /** What all requests have been joined by already. */
  readonly #followed = new Set<string>();

  constructor(material: Material) {
    this.#material = material;
    const events = [...new Map(material.events.map((event) => [event.id, event])).values()];
    this.#times = new Map(events.map((event) => [event, timeOf(event, material.aheadMs)]));
    const all = events.toSorted((one, other) => this.#time(one) - this.#time(other));
    this.#byId = Map.groupBy(all, ({ request_id: id }) => id);
    this.#mints = byMandate(all.filter((event) => kindOf(event) === 'mint' && event.decision === 'allow' && !this.#isHeld(event.request_id)));
    this.#uses = byMandate(all.filter((event) => kindOf(event) === 'use'));
    const { holds } = material.known;
    this.#ofApprovals = requestsBy(all, (event) => [metadataText(event, 'challenge_id'), holds?.get(event.request_id)?.approvalId ?? '']);
    this.#ofPrints = requestsBy(all, printsOf);
  }

  hop(requestId: string, join: Join | undefined): Hop | undefined {
    const events = inCausalOrder(this.#byId.get(requestId) ?? []);
    if (events.length === 0) return undefined;
    const times = events.map((event) => this.#time(event));
    return { kind: hopKind(events), requestId, events, from: Math.min(...times), until: Math.max(...times), join };
  }

  /** Other requests that belong to one. */
  joined(hop: Hop): readonly Joined[] {
    return [...this.#ofApproval(hop), ...this.#ofReplay(hop), ...this.#ofBootstrap(hop), ...(hop.kind === 'call' ? this.#mintOf(hop) : []), ...(hop.kind === 'mint' || hop.kind === 'retry' ? this.#callsOf(hop) : [])];
  }

  /** Hold, decision and use of one approval name it. */
  #ofApproval({ events, requestId }: Hop): readonly Joined[] {
    const { holds = new Map<string, NamedHold>() } = this.#material.known;
    const found = holds.get(requestId);
    const approvals = [...events.map((event) => metadataText(event, 'challenge_id')), ...(found === undefined ? [] : [found.approvalId])];
    return this.#others(requestId, approvals, this.#ofApprovals).map((id) => ({ requestId: id, join: { key: 'approval', certainty: [found, holds.get(id)].some((hold) => hold?.certainty === 'likely') ? 'likely' : 'certain' } }));
  }

  /** Both are known by the authority record, but the event does not name it: it is the one of that Application in that second. */
  #ofBootstrap({ kind }: Hop): readonly Joined[] {
    const { bootstrap } = this.#material.known;
    return bootstrap !== undefined && (kind === 'mint' || kind === 'hold') ? [{ requestId: bootstrap, join: { key: 'time and owner of the authority record', certainty: 'likely' } }] : [];
  }

  #ofReplay({ events, requestId, kind }: Hop): readonly Joined[] {
    const key = 'fingerprint of the mandate';
    const same = this.#others(requestId, events.flatMap(printsOf), this.#ofPrints).map((id): Joined => ({ requestId: id, join: { key, certainty: 'certain' } }));
    const { firstUse } = this.#material.known;
    // A first call that the STS refused leaves no event of the Gateway; Redis alone knows it.
    return kind === 'replay' && firstUse !== undefined && firstUse !== requestId ? [...same, { requestId: firstUse, join: { key: 'first use of the mandate in Redis', certainty: 'certain' } }] : same;
  }

  /** The mint of the mandate that a call presented. */
  #mintOf(hop: Hop): readonly Joined[] {
    const use = hop.events.find((event) => kindOf(event) === 'use');
    const joined = use && this.#mintOfUse(use);
    return joined === undefined ? [] : [joined];
  }

  #mintOfUse(use: AuditEvent): Joined | undefined {
    const at = this.#time(use);
    const { issuedAt } = this.#material.known;
    const near = this.#within(this.#mints.get(mandateKey(use)) ?? [], at - mandateMs + 1, at + agreedMs + 1);
    const before = near.filter((event) => this.#time(event) <= at);
    // Both are written by the STS, of which there may be several, whose clocks may differ a little.
    const mints = before.length > 0 ? before : near;
    const exact = issuedAt === undefined ? [] : mints.filter((event) => Math.abs(this.#time(event) - issuedAt * 1_000) < agreedMs);
    const candidates = exact.length > 0 ? exact : mints;
    const mint = candidates.at(-1);
    if (mint === undefined) return undefined;
    const certainty = exact.length === 1 || (before.length === 1 && candidates.length === 1 && this.#isCovered(metadataText(use, 'agent_session_id'), at - mandateMs, at)) ? 'certain' : 'likely';
    return { requestId: mint.request_id, join: { key: exact.length > 0 ? 'Session, Delegation, resource, and time of issue' : 'Session, Delegation and resource', certainty } };
  }

  /** The calls that presented the mandate of a mint. Each works once, so a call belongs to the latest mint before it. */
  #callsOf(hop: Hop): readonly Joined[] {
    return hop.events.filter((event) => kindOf(event) === 'mint' && event.decision === 'allow').flatMap((mint) => {
      const mints = this.#mints.get(mandateKey(mint)) ?? [];
      const at = this.#time(mint);
      const [following] = this.#within(mints, at + 1, Infinity);
      const next = following === undefined ? Infinity : this.#time(following);
      // Those that came before it, by a clock that differs, or before the next one may be its calls.
      const near = this.#within(this.#uses.get(mandateKey(mint)) ?? [], at - agreedMs, next + agreedMs);
      return near.flatMap((use) => {
        const back = this.#mintOfUse(use);
        return back?.requestId === hop.requestId ? [{ requestId: use.request_id, join: back.join }] : [];
      });
    });
  }

  /** A mint that was held gave no mandate. */
  #isHeld(requestId: string): boolean {
    const events = this.#byId.get(requestId) ?? [];
    return events.some(asksForApproval) && !events.some((event) => kindOf(event) === 'consumption');
  }

  /** Other requests that have one of these in common with a request; what was followed once has led to all of them. */
  #others(requestId: string, keys: readonly string[], requests: ReadonlyMap<string, readonly string[]>): readonly string[] {
    const fresh = [...new Set(keys)].filter((key) => key !== '' && !this.#followed.has(key));
    for (const key of fresh) this.#followed.add(key);
    return [...new Set(fresh.flatMap((key) => requests.get(key) ?? []))].filter((id) => id !== requestId);
  }

  #time(event: AuditEvent): number {
    return this.#times.get(event) ?? NaN;
  }

  /** Of events in the order of time those in a stretch: from its first to before its last. */
  #within(events: readonly AuditEvent[], from: number, until: number): readonly AuditEvent[] {
    const placeOf = (time: number): number => {
      let [low, high] = [0, events.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        const event = events[middle];
        if (event !== undefined && this.#time(event) < time) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    return events.slice(placeOf(from), placeOf(until));
  }

  #isCovered(sessionId: string, from: number, until: number): boolean {
    let reached = from;
    const stretches = this.#material.covered.filter((stretch) => stretch.sessionId === sessionId);
    for (const stretch of stretches.toSorted((one, other) => one.from - other.from)) if (stretch.from <= reached) reached = Math.max(reached, stretch.until);
    return reached >= until;
  }
}

function printsOf(event: AuditEvent): readonly string[] {
  return [metadataText(event, 'subject_fp'), metadataText(event, 'subject_fingerprint')];
}

function requestsBy(events: readonly AuditEvent[], keysOf: (event: AuditEvent) => readonly string[]): ReadonlyMap<string, readonly string[]> {
  const requests = new Map<string, Set<string>>();
  for (const event of events) {
    for (const key of keysOf(event)) if (key !== '') requests.set(key, (requests.get(key) ?? new Set()).add(event.request_id));
  }
  return new Map([...requests].map(([key, ids]) => [key, [...ids]]));
}

function hopKind(events: readonly AuditEvent[]): HopKind {
  const kinds = new Set(events.map(kindOf));
  if (kinds.has('gateway call') || kinds.has('use')) return 'call';
  if (kinds.has('replay')) return 'replay';
  if (kinds.has('consumption')) return 'retry';
  if (kinds.has('hold')) return 'hold';
  if (kinds.has('mint')) return 'mint';
  if (kinds.has('decision')) return 'decision';
  return kinds.has('exchange') || kinds.has('bootstrap') || kinds.has('federation') || kinds.has('workload') || kinds.has('control key') ? 'exchange' : 'other';
}

const shared = ['agent_session_id', 'delegation_edge_id', 'resource'] as const;

/** What a mint and the use of its mandate have in common; `""` where it is not all there. */
function mandateKey(event: AuditEvent): string {
  const values = shared.map((name) => metadataText(event, name));
  return values.includes('') ? '' : values.join('\n');
}

function byMandate(events: readonly AuditEvent[]): ReadonlyMap<string, readonly AuditEvent[]> {
  const grouped = Map.groupBy(events, mandateKey);
  grouped.delete('');
  return grouped;
}
