/**
 * Joins the events of one governed call, which Caracal writes under several request ids: bootstrap, mint, hold, decision, retry
 * and the call itself. Contract request-evidence 8.1 to 8.3.
 */
import { kindOf, metadataText } from './auditEvent.ts';
import type { AuditEvent, EventKind } from './auditEvent.ts';
import { asksForApproval } from './holds.ts';

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
  readonly #all: readonly AuditEvent[];
  readonly #byId: ReadonlyMap<string, readonly AuditEvent[]>;
  /** Mints that gave a mandate, and uses of mandates, by what a mandate and its use have in common; in the order of time. */
  readonly #mints: ReadonlyMap<string, readonly AuditEvent[]>;
  readonly #uses: ReadonlyMap<string, readonly AuditEvent[]>;

  constructor(material: Material) {
    this.#material = material;
    this.#all = [...new Map(material.events.map((event) => [event.id, event])).values()].toSorted((one, other) => this.#time(one) - this.#time(other));
    this.#byId = Map.groupBy(this.#all, ({ request_id: id }) => id);
    this.#mints = byMandate(this.#all.filter((event) => kindOf(event) === 'mint' && event.decision === 'allow' && !this.#isHeld(event.request_id)));
    this.#uses = byMandate(this.#all.filter((event) => kindOf(event) === 'use'));
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
    const challenges = new Set(events.map((event) => metadataText(event, 'challenge_id')).filter((id) => id !== ''));
    const named = new Set([...challenges, ...(found === undefined ? [] : [found.approvalId])]);
    const isAbout = (event: AuditEvent): boolean => named.has(metadataText(event, 'challenge_id')) || named.has(holds.get(event.request_id)?.approvalId ?? '');
    return this.#others(requestId, isAbout).map((id) => ({ requestId: id, join: { key: 'approval', certainty: [found, holds.get(id)].some((hold) => hold?.certainty === 'likely') ? 'likely' : 'certain' } }));
  }

  /** Both are known by the authority record, but the event does not name it: it is the one of that Application in that second. */
  #ofBootstrap({ kind }: Hop): readonly Joined[] {
    const { bootstrap } = this.#material.known;
    return bootstrap !== undefined && (kind === 'mint' || kind === 'hold') ? [{ requestId: bootstrap, join: { key: 'time and owner of the authority record', certainty: 'likely' } }] : [];
  }

  #ofReplay({ events, requestId, kind }: Hop): readonly Joined[] {
    const key = 'fingerprint of the mandate';
    const prints = new Set(events.flatMap((event) => [metadataText(event, 'subject_fp'), metadataText(event, 'subject_fingerprint')]).filter((print) => print !== ''));
    const same = this.#others(requestId, (event) => prints.has(metadataText(event, 'subject_fp')) || prints.has(metadataText(event, 'subject_fingerprint'))).map((id): Joined => ({ requestId: id, join: { key, certainty: 'certain' } }));
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
    const near = (this.#mints.get(mandateKey(use)) ?? []).filter((event) => this.#time(event) <= at + agreedMs && this.#time(event) > at - mandateMs);
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
      const next = mints.map((event) => this.#time(event)).find((time) => time > at) ?? Infinity;
      // Those that came before it, by a clock that differs, or before the next one may be its calls.
      const near = (this.#uses.get(mandateKey(mint)) ?? []).filter((use) => this.#time(use) >= at - agreedMs && this.#time(use) < next + agreedMs);
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

  #others(requestId: string, fits: (event: AuditEvent) => boolean): readonly string[] {
    return [...new Set(this.#all.filter((event) => event.request_id !== requestId && fits(event)).map(({ request_id: id }) => id))];
  }

  #time(event: AuditEvent): number {
    return timeOf(event, this.#material.aheadMs);
  }

  #isCovered(sessionId: string, from: number, until: number): boolean {
    let reached = from;
    const stretches = this.#material.covered.filter((stretch) => stretch.sessionId === sessionId);
    for (const stretch of stretches.toSorted((one, other) => one.from - other.from)) if (stretch.from <= reached) reached = Math.max(reached, stretch.until);
    return reached >= until;
  }
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
