import { setImmediate as nextTask } from 'node:timers/promises';
import * as z from 'zod';
import type { HttpService, PostgresStore } from '../targets/deployment.ts';
import { Refused } from '../targets/failures.ts';
import { auditEventSchema } from './auditEvent.ts';
import type { AuditEvent } from './auditEvent.ts';
import { isFailure } from './failedCalls.ts';

/** A stretch of time, milliseconds since 1970: from its first to before its last. */
export interface Stretch {
  readonly from: number;
  readonly until: number;
}

/** Events that were read, and whether they are all. */
export interface EventsRead {
  readonly events: readonly AuditEvent[];
  /** False where there are more of them than anybody looks at; those that are here are the latest. */
  readonly isWhole: boolean;
}

/**
 * Where the audit events of a zone are read. All methods throw Refused and Unavailable as their client does, and the
 * signal's reason when it is aborted.
 */
export interface EventStore {
  /** For a person: `Postgres`, `the API`. */
  readonly name: string;
  ofRequest(requestId: string, signal: AbortSignal): Promise<EventsRead>;
  /** Of a governed Session. */
  ofSession(sessionId: string, stretch: Stretch, signal: AbortSignal): Promise<EventsRead>;
  /** Of the authority record that was presented: the `sid` of a mandate in hand. */
  ofAuthorityRecord(authorityRecordId: string, stretch: Stretch, signal: AbortSignal): Promise<EventsRead>;
  ofTypes(types: readonly string[], stretch: Stretch, signal: AbortSignal): Promise<EventsRead>;
  /** All events of the latest requests that have a failure in the stretch; whole where these are all of them. */
  ofFailures(stretch: Stretch, signal: AbortSignal): Promise<EventsRead>;
}

/** More than this the panel does not show. */
const mostEvents = 5_000;

/** A denied exchange has two failures or more. */
const mostFailures = 150;
/** The API cannot be asked for failures alone (contract request-evidence 2.2), and so many events are few enough to be looked through. */
const mostLookedThrough = 1_000;

/** What `isFailure` says of an event. */
const failure = `(decision IN ('deny', 'pending') OR (event_type = 'gateway_resource_request' AND (evaluation_status <> 'executed'
       OR metadata_json->'revocation_interrupted' = 'true' OR coalesce(nullif(metadata_json->'upstream_status', 'null'), metadata_json->'gateway_status') >= '400')))`;

const columns = `id, event_type, request_id, decision, policy_set_version_id, manifest_sha, evaluation_status,
       determining_policies_json, diagnostics_json, metadata_json, occurred_at, ingested_at`;

/**
 * Reads the table itself. Ids are looked up by Caracal's own indexes, types by the one over zone and time (contract
 * storage-and-streams, audit_events).
 */
export function eventsOfPostgres(postgres: PostgresStore, zoneId: string): EventStore {
  const read = async (condition: string, values: readonly unknown[], signal: AbortSignal): Promise<EventsRead> => {
    const rows = await postgres.query(`SELECT ${columns} FROM audit_events WHERE zone_id = $1 AND ${condition} ORDER BY occurred_at DESC, id DESC LIMIT ${mostEvents + 1}`, [zoneId, ...values], signal);
    return { events: await parsed(rows.slice(0, mostEvents)), isWhole: rows.length <= mostEvents };
  };
  const within = ({ from, until }: Stretch): readonly string[] => [new Date(from).toISOString(), new Date(until).toISOString()];
  const inTime = 'occurred_at >= $3::timestamptz AND occurred_at < $4::timestamptz';
  return {
    name: 'Postgres',
    ofRequest: (requestId, signal) => read('request_id = $2', [requestId], signal),
    ofSession: (sessionId, stretch, signal) => read(`metadata_json ? 'agent_session_id' AND metadata_json->>'agent_session_id' = $2 AND ${inTime}`, [sessionId, ...within(stretch)], signal),
    ofAuthorityRecord: (id, stretch, signal) => read(`metadata_json ? 'session_id' AND metadata_json->>'session_id' = $2 AND ${inTime}`, [id, ...within(stretch)], signal),
    ofTypes: (types, stretch, signal) => read(`event_type = ANY($2) AND ${inTime}`, [types, ...within(stretch)], signal),
    ofFailures: async (stretch, signal) => {
      const statement = `SELECT request_id FROM audit_events WHERE zone_id = $1 AND occurred_at >= $2::timestamptz AND occurred_at < $3::timestamptz AND request_id <> '' AND ${failure} ORDER BY occurred_at DESC LIMIT ${mostFailures + 1}`;
      const rows = await postgres.query(statement, [zoneId, ...within(stretch)], signal);
      const { events, isWhole } = await read('request_id = ANY($2)', [[...new Set(rows.slice(0, mostFailures).map((row) => String(row['request_id'])))]], signal);
      return { events, isWhole: isWhole && rows.length <= mostFailures };
    },
  };
}

/** So many rows are parsed without a rest for others. */
const atOnce = 250;

async function parsed(rows: readonly unknown[]): Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = [];
  for (let from = 0; from < rows.length; from += atOnce) {
    if (from > 0) await nextTask();
    events.push(...rows.slice(from, from + atOnce).map((row) => auditEventSchema.parse(row)));
  }
  return events;
}

const page = z.object({ items: z.array(auditEventSchema) });
/** Of usual events 250 are a third of what an answer may have. */
const firstLimit = 250;

export function auditPath(zoneId: string): string {
  return `/v1/zones/${encodeURIComponent(zoneId)}/audit`;
}

/**
 * Asks the Admin API, which writes a row to its admin audit for each call that it refuses: the token must be known to be
 * live. Only its list is asked, whose answer for a request that is not there yet is empty; by-request and explain answer
 * 404, and are never asked (contract request-evidence 2.3).
 */
export function eventsOfApi(api: HttpService, zoneId: string): EventStore {
  const read = async (parameters: Readonly<Record<string, string>>, stretch: Stretch | undefined, signal: AbortSignal, most = mostEvents): Promise<EventsRead> => {
    const found = new Map<string, AuditEvent>();
    let [until, limit] = [stretch?.until, firstLimit];
    for (;;) {
      const query = new URLSearchParams({ ...parameters, limit: String(limit), ...(stretch === undefined ? {} : { since: new Date(stretch.from).toISOString() }), ...(until === undefined ? {} : { until: new Date(until).toISOString() }) });
      const { status, body, truncated } = await api.get({ path: `${auditPath(zoneId)}?${query.toString()}`, token: 'admin', signal });
      if (status !== 200) throw new Refused(String(status), errorOf(body));
      if (truncated && limit > 1) {
        limit = Math.floor(limit / 2);
        continue;
      }
      const { items } = page.parse(JSON.parse(body));
      const before = found.size;
      for (const event of items) found.set(event.id, event);
      const last = items.at(-1);
      if (items.length < limit || last === undefined) return { events: [...found.values()], isWhole: true };
      // Its cursors skip rows of one millisecond (contract request-evidence 1.5), so the next page begins with the last one again.
      const next = Date.parse(last.occurred_at) + 1;
      if (found.size >= most || found.size === before || next === until) return { events: [...found.values()], isWhole: false };
      until = next;
    }
  };
  return {
    name: 'the API',
    ofRequest: (requestId, signal) => read({ request_id: requestId }, undefined, signal),
    ofSession: (sessionId, stretch, signal) => read({ session_id: sessionId }, stretch, signal),
    ofAuthorityRecord: (id, stretch, signal) => read({ authority_record_id: id }, stretch, signal),
    ofTypes: (types, stretch, signal) => read({ event_type: types.join(',') }, stretch, signal),
    ofFailures: async (stretch, signal) => {
      const { events, isWhole } = await read({}, stretch, signal, mostLookedThrough);
      const failed = new Set(events.filter(isFailure).map(({ request_id: id }) => id));
      return { events: events.filter(({ request_id: id }) => failed.has(id)), isWhole };
    },
  };
}

const errorBody = z.object({ error: z.string() });

function errorOf(body: string): string {
  try {
    return errorBody.parse(JSON.parse(body)).error;
  } catch {
    return 'an answer without an error code';
  }
}
