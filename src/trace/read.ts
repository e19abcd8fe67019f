import { ordinaryZones } from '../caracal/zones.ts';
import type { Deployment, PostgresStore } from '../targets/deployment.ts';
import { Refused, Unavailable } from '../targets/failures.ts';
import { metadataText } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import type { Captured } from './capture.ts';
import { auditPath, eventsOfApi, eventsOfPostgres } from './eventStores.ts';
import type { EventsRead, EventStore, Stretch } from './eventStores.ts';
import type { Known } from './liveness.ts';
import { readState } from './stateRows.ts';
import type { StateRows } from './stateRows.ts';
import { mandateMs } from './stitching.ts';
import type { Covered } from './stitching.ts';

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
  readonly state: Known<StateRows>;
  /** What could not be looked at, and why. */
  readonly notRead: readonly { readonly what: string; readonly why: string }[];
}

export interface ReadOptions {
  /** Asked where Postgres is not given: whether the user agrees to calls that the API may refuse, because its token is not known to be live. */
  readonly mayAskApi: (firstCall: string) => Promise<boolean>;
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
export async function readEvidence(deployment: Deployment, captured: Captured, { mayAskApi, signal }: ReadOptions): Promise<Evidence> {
  const postgres = postgresOf(deployment);
  const zoneId = captured.zoneId ?? deployment.target.zone ?? (await onlyZone(postgres, signal));
  const store = await storeOf(deployment, postgres, zoneId, mayAskApi);
  const reading = new Reading(deployment, store, signal);
  const requestId = await reading.begin(captured);
  await reading.follow();
  const state = await reading.state(postgres, zoneId, captured);
  if (state.kind === 'row') await reading.approvals(state.row.approvals);
  const { covered, firstUse, notRead } = reading;
  const events = [...reading.events.values()];
  return { zoneId, requestId: requestOf(requestId, captured, events), events, covered, firstUse, state, notRead };
}

/** An id of an approval is that of a request only where the user decided; else the request is the one that was held. */
function requestOf(requestId: string | undefined, { approvalId }: Captured, events: readonly AuditEvent[]): string | undefined {
  if (approvalId === undefined || events.some((event) => event.request_id === requestId)) return requestId;
  const of = events.filter((event) => metadataText(event, 'challenge_id') === approvalId);
  return (of.find(({ event_type: type }) => type === 'step_up_issued') ?? of[0])?.request_id ?? requestId;
}

function postgresOf(deployment: Deployment): PostgresStore | undefined {
  try {
    return deployment.postgres();
  } catch (error) {
    if (error instanceof Unavailable) return undefined;
    throw error;
  }
}

async function storeOf(deployment: Deployment, postgres: PostgresStore | undefined, zoneId: string, mayAskApi: ReadOptions['mayAskApi']): Promise<EventStore> {
  if (postgres !== undefined) return eventsOfPostgres(postgres, zoneId);
  if (!deployment.hasToken('admin')) throw new Unavailable('neither Postgres nor an admin token is given', 'give the target one of them: a role that reads, or a read token');
  const api = deployment.http('api');
  if (!(await mayAskApi(`GET ${api.at(auditPath(zoneId)).href}`))) throw new Unavailable('the API may not be asked', 'give the target a connection to Postgres, which is asked without consent');
  return eventsOfApi(api, zoneId);
}

async function onlyZone(postgres: PostgresStore | undefined, signal: AbortSignal): Promise<string> {
  const rows = (await postgres?.query(`SELECT id FROM zones WHERE ${ordinaryZones} LIMIT 2`, [], signal)) ?? [];
  const [row] = rows;
  if (row === undefined || rows.length > 1) throw new Unavailable('nobody can tell the zone', 'pick a zone first');
  return String(row['id']);
}

class Reading {
  readonly events = new Map<string, AuditEvent>();
  readonly covered: Covered[] = [];
  readonly notRead: { what: string; why: string }[] = [];
  firstUse: Known<string> = { kind: 'absent' };
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
      await Promise.all([this.#sessions(), this.#firstUses()]);
      if (this.events.size === before) return;
    }
  }

  /** The rows of what the events name, as they stand now. */
  async state(postgres: PostgresStore | undefined, zoneId: string, { approvalId, mandate }: Captured): Promise<Known<StateRows>> {
    if (postgres === undefined) return { kind: 'cannot look', why: 'Postgres is not given' };
    const all = [...this.events.values()];
    const named = (...names: readonly string[]): readonly string[] => [...new Set(all.flatMap((event) => names.map((name) => metadataText(event, name))).filter((id) => id !== '' && id !== '[redacted]'))];
    const claims = mandate?.claims ?? {};
    const given = (...ids: readonly (string | undefined)[]): readonly string[] => ids.filter((id) => id !== undefined);
    try {
      const row = await readState(postgres, zoneId, {
        sessions: [...named('agent_session_id', 'agent_parent_id'), ...given(claims.agent_session_id, claims.source_session_id)],
        delegations: [...named('delegation_edge_id'), ...given(claims.delegation_edge_id)],
        records: [...named('session_id'), ...given(claims.sid, claims.root_sid)],
        approvals: [...named('challenge_id'), ...given(approvalId)],
      }, this.#signal);
      return { kind: 'row', row };
    } catch (error) {
      return { kind: 'cannot look', why: this.#whyNot(error) };
    }
  }

  /** Decision and use of an approval have request ids of their own; the row says when they were. */
  async approvals(rows: StateRows['approvals']): Promise<void> {
    const types = ['step_up_issued', 'step_up_decided', 'step_up_consumed'];
    for (const { id, createdAt, satisfiedAt, rejectedAt, consumedAt } of rows) {
      for (const at of [createdAt, satisfiedAt, rejectedAt, consumedAt]) {
        if (at === undefined) continue;
        const stretch: Stretch = { from: Date.parse(at) - momentMs, until: Date.parse(at) + momentMs };
        const found = await this.#read(`events of approval ${id}`, this.#store.ofTypes(types, stretch, this.#signal), (event) => metadataText(event, 'challenge_id') === id);
        for (const { request_id: requestId } of found) await this.#request(requestId);
      }
    }
    await this.follow();
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
