import { ordinaryZones } from '../caracal/zones.ts';
import type { Deployment, PostgresStore } from '../targets/deployment.ts';
import { Refused, Unavailable } from '../targets/failures.ts';
import { kindOf, metadataText } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import type { Captured } from './capture.ts';
import { measureClocks } from './clocks.ts';
import { auditPath, eventsOfApi, eventsOfPostgres } from './eventStores.ts';
import type { EventsRead, EventStore, Stretch } from './eventStores.ts';
import { aboutUnnamed, unnamedHolds } from './holds.ts';
import type { Known } from './liveness.ts';
import { readState } from './stateRows.ts';
import type { StateIds, StateRows } from './stateRows.ts';
import { readStateOfServices } from './stateOfServices.ts';
import { agreedMs, mandateMs, stitch } from './stitching.ts';
import type { Covered, Material, NamedHold } from './stitching.ts';

/** What was read about one request, and what was not. */
export interface Evidence {
  readonly zoneId: string;
  /** Of the request that all is about; undefined where only its mandate or its approval is known. */
  readonly requestId: string | undefined;
  /** Of all requests that may belong to it. */
  readonly events: readonly AuditEvent[];
  readonly covered: readonly Covered[];
  /** The request id of the first use of a mandate that was presented again. */
  readonly firstUse: Known<string>;
  /** The request id of the exchange that made the authority record of a Session; undefined where none is known. */
  readonly bootstrap?: string | undefined;
  /** The approvals of requests whose own events name none, by request id. */
  readonly holds?: ReadonlyMap<string, NamedHold> | undefined;
  readonly state: Known<StateRows>;
  /** By how much the clock of each service is ahead of that of the database, in milliseconds, where it is far enough to be measured. */
  readonly aheadMs?: Material['aheadMs'];
  /** What could not be looked at, and why. */
  readonly notRead: readonly { readonly what: string; readonly why: string }[];
}

export interface ReadOptions {
  /** Asked where Postgres is not given: whether the user agrees to calls that the API may refuse, because its token is not known to be live. */
  readonly mayAskApi: (firstCall: string) => Promise<boolean>;
  /** Asked where the target has several zones and names none; undefined where the user does not say. */
  readonly whichZone: () => Promise<string | undefined>;
  readonly signal: AbortSignal;
}

/** A call leads over a retry and its hold to the mint at most; each needs a look. */
const mostLooks = 5;
/** Clocks of services differ by no more than this, or a check of the flow says so. */
const skewMs = 60_000;
/** The audit is written by then. */
const momentMs = 10_000;

/**
 * Reads what the stores hold of a request: its events, those of the requests that may belong to it, and the rows that
 * decide about it now. Judges nothing.
 *
 * @throws Unavailable when there is no way to the audit, or nobody can tell the zone; Refused when the audit cannot be read; the signal's reason when it is aborted
 */
export async function readEvidence(deployment: Deployment, captured: Captured, options: ReadOptions): Promise<Evidence> {
  const { signal } = options;
  const { postgres, zoneId, store } = await auditOf(deployment, captured.zoneId, options);
  const reading = new Reading(deployment, store, signal);
  const requestId = await reading.begin(captured);
  await reading.follow();
  const [state, aheadMs] = await Promise.all([reading.rows(postgres, zoneId, requestId, captured), postgres === undefined ? {} : measureClocks(deployment, postgres, signal)]);
  const { covered, firstUse, bootstrap, holds, notRead } = reading;
  const events = [...reading.events.values()];
  return { zoneId, requestId: requestOf(requestId, captured, events), events, covered, firstUse, bootstrap, holds, state, aheadMs, notRead };
}

/** An id of an approval is that of a request only where the user decided; else the request is the one that was held. */
function requestOf(requestId: string | undefined, { approvalId }: Captured, events: readonly AuditEvent[]): string | undefined {
  if (approvalId === undefined || events.some((event) => event.request_id === requestId)) return requestId;
  const of = events.filter((event) => metadataText(event, 'challenge_id') === approvalId);
  return (of.find(({ event_type: type }) => type === 'step_up_issued') ?? of[0])?.request_id ?? requestId;
}

export const noAccess = 'neither Postgres nor an admin token is given';

/** Where the audit of a zone is read. */
export interface Audit {
  readonly zoneId: string;
  readonly store: EventStore;
  /** Undefined where it is not given, and the API is asked. */
  readonly postgres: PostgresStore | undefined;
}

/**
 * The way to the audit of a zone: Postgres, else the API.
 *
 * @param zone undefined where only the target, or the user, can tell it
 * @throws Unavailable when there is no way, or nobody can tell the zone; what a query throws
 */
export async function auditOf(deployment: Deployment, zone: string | undefined, { mayAskApi, whichZone, signal }: ReadOptions): Promise<Audit> {
  const postgres = postgresOf(deployment);
  if (postgres === undefined && !deployment.hasToken('admin')) throw new Unavailable(noAccess, 'give the target one of them: a role that reads, or a read token');
  const zoneId = zone ?? deployment.target.zone ?? (await onlyZone(postgres, signal)) ?? (await whichZone());
  if (zoneId === undefined) throw new Unavailable('nobody can tell the zone', 'pick a zone first');
  if (postgres !== undefined) return { zoneId, postgres, store: eventsOfPostgres(postgres, zoneId) };
  const api = deployment.http('api');
  if (!(await mayAskApi(`GET ${api.at(auditPath(zoneId)).href}`))) throw new Unavailable('the API may not be asked', 'give the target a connection to Postgres, which is asked without consent');
  return { zoneId, postgres, store: eventsOfApi(api, zoneId) };
}

function postgresOf(deployment: Deployment): PostgresStore | undefined {
  try {
    return deployment.postgres();
  } catch (error) {
    if (error instanceof Unavailable) return undefined;
    throw error;
  }
}

/** Undefined where there are several, or nobody can look. */
async function onlyZone(postgres: PostgresStore | undefined, signal: AbortSignal): Promise<string | undefined> {
  const rows = (await postgres?.query(`SELECT id FROM zones WHERE ${ordinaryZones} LIMIT 2`, [], signal)) ?? [];
  const [row] = rows;
  return row === undefined || rows.length > 1 ? undefined : String(row['id']);
}

class Reading {
  readonly events = new Map<string, AuditEvent>();
  readonly covered: Covered[] = [];
  readonly notRead: { what: string; why: string }[] = [];
  firstUse: Known<string> = { kind: 'absent' };
  bootstrap: string | undefined;
  holds: ReadonlyMap<string, NamedHold> = new Map();
  readonly #deployment: Deployment;
  readonly #store: EventStore;
  readonly #signal: AbortSignal;
  /** What was asked already. */
  readonly #asked = new Set<string>();

  constructor(deployment: Deployment, store: EventStore, signal: AbortSignal) {
    this.#deployment = deployment;
    this.#store = store;
    this.#signal = signal;
  }

  /** Reads what was captured directly; gives the request that all is about. */
  async begin({ requestId, mandate }: Captured): Promise<string | undefined> {
    if (requestId !== undefined) await this.#request(requestId);
    if (this.events.size > 0 || mandate === undefined) return requestId;
    const { sid, iat, exp } = mandate.claims;
    if (sid === undefined || iat === undefined || exp === undefined) return requestId;
    const used = await this.#read('calls with this mandate', this.#store.ofAuthorityRecord(sid, { from: iat * 1_000 - skewMs, until: exp * 1_000 + skewMs }, this.#signal));
    return requestId ?? used.toSorted((one, other) => Date.parse(one.occurred_at) - Date.parse(other.occurred_at)).at(-1)?.request_id;
  }

  /** Reads what may belong to what was read. */
  async follow(): Promise<void> {
    for (let look = 0; look < mostLooks; look += 1) {
      const before = this.events.size;
      await Promise.all([this.#sessions(), this.#firstUses(), this.#replays()]);
      if (this.events.size === before) return;
    }
  }

  /** The rows of what the request, and those that belong to it, name, and the events that they lead to in turn. */
  async rows(postgres: PostgresStore | undefined, zoneId: string, requestId: string | undefined, captured: Captured): Promise<Known<StateRows>> {
    for (let look = 1; ; look += 1) {
      const before = this.events.size;
      const state = await this.#state(postgres, zoneId, requestId, captured);
      if (state.kind !== 'row') return state;
      await Promise.all([this.#approvals(state.row.approvals), this.#bootstraps(state.row)]);
      if (this.events.size === before || look === mostLooks) return state;
    }
  }

  async #state(postgres: PostgresStore | undefined, zoneId: string, requestId: string | undefined, captured: Captured): Promise<Known<StateRows>> {
    const { approvalId, mandate } = captured;
    const events = [...this.events.values()];
    const firstUse = this.firstUse.kind === 'row' ? this.firstUse.row : undefined;
    const own = stitch(requestOf(requestId, captured, events) ?? '', { events, covered: this.covered, known: { issuedAt: mandate?.claims.iat, firstUse, holds: this.holds } }).flatMap((hop) => hop.events);
    const named = (...names: readonly string[]): readonly string[] => [...new Set(own.flatMap((event) => names.map((name) => metadataText(event, name))).filter((id) => id !== '' && id !== '[redacted]'))];
    const claims = mandate?.claims ?? {};
    const given = (...ids: readonly (string | undefined)[]): readonly string[] => ids.filter((id) => id !== undefined);
    const approvalIds = [...named('challenge_id'), ...given(approvalId)];
    try {
      const ids: StateIds = {
        sessions: [...named('agent_session_id', 'agent_parent_id'), ...given(claims.agent_session_id, claims.source_session_id)],
        delegations: [...named('delegation_edge_id'), ...given(claims.delegation_edge_id)],
        records: [...named('session_id'), ...given(claims.sid, claims.root_sid)],
        approvals: approvalIds,
        holdsOf: aboutUnnamed(events).map((event) => metadataText(event, 'application_id')).filter((id) => id !== ''),
      };
      const row = postgres === undefined
        ? await readStateOfServices(this.#deployment, zoneId, ids, [...named('application_id'), ...given(claims.client_id)], this.#signal)
        : await readState(postgres, zoneId, ids, this.#signal);
      const found = unnamedHolds(events, row.approvals);
      // Who pastes both ids knows which approval it is.
      const isGiven = approvalId !== undefined && requestId !== undefined && approvalId !== requestId && row.approvals.some(({ id }) => id === approvalId);
      this.holds = isGiven && found.has(requestId) ? new Map([...found, [requestId, { approvalId, certainty: 'certain' }]]) : found;
      const about = new Set([...approvalIds, ...[...this.holds.values()].map((hold) => hold.approvalId)]);
      return { kind: 'row', row: { ...row, approvals: row.approvals.filter(({ id }) => about.has(id)) } };
    } catch (error) {
      return { kind: 'cannot look', why: this.#whyNot(error) };
    }
  }

  /** Decision and use of an approval have request ids of their own; the row says when they were. */
  async #approvals(rows: StateRows['approvals']): Promise<void> {
    const types = ['step_up_issued', 'step_up_decided', 'step_up_consumed'];
    for (const { id, createdAt, satisfiedAt, rejectedAt, consumedAt } of rows) {
      for (const at of [createdAt, satisfiedAt, rejectedAt, consumedAt]) {
        if (at === undefined) continue;
        await this.#once(`approval ${id} at ${at}`, async () => {
          const stretch: Stretch = { from: Date.parse(at) - momentMs, until: Date.parse(at) + momentMs };
          const found = await this.#read(`events of approval ${id}`, this.#store.ofTypes(types, stretch, this.#signal), (event) => metadataText(event, 'challenge_id') === id);
          for (const { request_id: requestId } of found) await this.#request(requestId);
        });
      }
    }
    await this.follow();
  }

  /** A Session is started under an authority record, which an exchange has made; no event names both. */
  async #bootstraps({ sessions, records }: StateRows): Promise<void> {
    const named = new Set([...this.events.values()].map((event) => metadataText(event, 'agent_session_id')));
    const [record] = records.filter(({ id }) => sessions.some((session) => named.has(session.id) && session.authorityRecordId === id));
    if (record?.createdAt === undefined) return;
    const at = Date.parse(record.createdAt);
    const stretch: Stretch = { from: at - agreedMs, until: at + agreedMs };
    const owner = record.type === 'application' ? (event: AuditEvent): boolean => kindOf(event) === 'bootstrap' && metadataText(event, 'application_id') === record.subjectId : (event: AuditEvent): boolean => kindOf(event) === 'federation';
    const found = await this.#read('the exchange before the Session', this.#store.ofTypes(['token_exchange'], stretch, this.#signal), (event) => event.decision === 'allow' && owner(event));
    this.bootstrap = found.length === 1 ? found[0]?.request_id : undefined;
  }

  /** The same mandate, presented again after a call. */
  async #replays(): Promise<void> {
    const calls = [...this.events.values()].filter((event) => kindOf(event) === 'gateway call' && metadataText(event, 'subject_fingerprint') !== '');
    await Promise.all(calls.map((call) => this.#once(`replays of ${call.id}`, async () => {
      const at = Date.parse(call.occurred_at);
      await this.#read('later calls with the same mandate', this.#store.ofTypes(['replay_detected'], { from: at - momentMs, until: at + mandateMs + skewMs }, this.#signal), (event) => metadataText(event, 'subject_fp') === metadataText(call, 'subject_fingerprint'));
    })));
  }

  async #request(requestId: string): Promise<void> {
    await this.#once(`request ${requestId}`, async () => {
      this.#take(await this.#store.ofRequest(requestId, this.#signal));
    });
  }

  /** All of a Session around its events: mint, hold, retry and call name it. */
  async #sessions(): Promise<void> {
    const bySession = Map.groupBy(this.events.values(), (event) => metadataText(event, 'agent_session_id'));
    bySession.delete('');
    await Promise.all([...bySession].map(([sessionId, events]) => this.#once(`Session ${sessionId}`, async () => {
      const times = events.map(({ occurred_at: at }) => Date.parse(at));
      const stretch = { from: Math.min(...times) - mandateMs - skewMs, until: Math.max(...times) + mandateMs + skewMs };
      const { isWhole } = await this.#readWhole(`events of Session ${sessionId}`, this.#store.ofSession(sessionId, stretch, this.#signal));
      if (isWhole) this.covered.push({ sessionId, ...stretch });
    })));
  }

  /** A replay leads to the first use of its mandate: Redis remembers its request, and events of the Gateway have its fingerprint. */
  async #firstUses(): Promise<void> {
    const replays = [...this.events.values()].filter(({ event_type: type }) => type === 'replay_detected');
    await Promise.all(replays.map((replay) => this.#once(`first use before ${replay.id}`, async () => {
      await this.#redisFirstUse(metadataText(replay, 'jti'));
      const at = Date.parse(replay.occurred_at);
      await this.#read('calls through the Gateway before the replay', this.#store.ofTypes(['gateway_resource_request'], { from: at - mandateMs - skewMs, until: at + momentMs }, this.#signal), (event) => metadataText(event, 'subject_fingerprint') === metadataText(replay, 'subject_fp'));
    })));
  }

  async #redisFirstUse(jti: string): Promise<void> {
    try {
      const value = await this.#deployment.redis().call(['GET', `seen:jti:${jti}`], this.#signal);
      if (typeof value !== 'string') return;
      this.firstUse = { kind: 'row', row: value };
      await this.#request(value);
    } catch (error) {
      this.firstUse = { kind: 'cannot look', why: this.#whyNot(error) };
    }
  }

  async #once(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#asked.has(what)) return;
    this.#asked.add(what);
    await work();
  }

  async #read(what: string, answer: Promise<EventsRead>, fits: (event: AuditEvent) => boolean = () => true): Promise<readonly AuditEvent[]> {
    return (await this.#readWhole(what, answer, fits)).events;
  }

  /** What only may belong to the request is left out where it cannot be read. */
  async #readWhole(what: string, answer: Promise<EventsRead>, fits: (event: AuditEvent) => boolean = () => true): Promise<EventsRead> {
    try {
      const { events, isWhole } = await answer;
      const read = { events: events.filter(fits), isWhole };
      this.#take(read);
      if (!isWhole) this.notRead.push({ what, why: 'there are more than anybody looks at; the latest were read' });
      return read;
    } catch (error) {
      this.notRead.push({ what, why: this.#whyNot(error) });
      return { events: [], isWhole: false };
    }
  }

  #take({ events }: EventsRead): void {
    for (const event of events) this.events.set(event.id, event);
  }

  #whyNot(error: unknown): string {
    this.#signal.throwIfAborted();
    if (error instanceof Refused || error instanceof Unavailable) return error.message;
    throw error;
  }
}
