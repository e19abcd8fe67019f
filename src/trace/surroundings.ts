/** What decides about a request beside its events and rows: policy, epoch, Applications, resources, and the way that revocations take. */
import * as z from 'zod';
import { keyOf } from '../caracal/streams.ts';
import type { Deployment, PostgresStore } from '../targets/deployment.ts';
import { Refused, Unavailable } from '../targets/failures.ts';
import { metadataText } from './auditEvent.ts';
import type { Captured } from './capture.ts';
import type { Known } from './liveness.ts';
import type { Evidence } from './read.ts';
import { readRevocationStore } from './revocationStore.ts';
import type { RevocationStore } from './revocationStore.ts';

const text = z.string();
const optional = z.string().nullable().transform((value) => value ?? undefined);
const orEmpty = z.string().nullable().transform((value) => value ?? '');

const epochSchema = z.object({ epoch: z.coerce.number(), changedAt: optional });
const versionSchema = z.object({ id: text, setId: text, setName: text, version: z.number(), schemaVersion: text, policyVersionIds: z.array(text), createdBy: text, createdAt: text });
const bindingSchema = z.object({ setId: text, activeVersionId: text, changedAt: text });
const policyTextSchema = z.object({ id: text, policyId: text, name: text, version: z.number(), content: optional });
const applicationSchema = z.object({ id: text, name: text, registrationMethod: text, createdAt: text, expiresAt: optional, archivedAt: optional });
const resourceSchema = z.object({ id: text, identifier: text, name: text, scopes: z.array(text), archivedAt: optional });
const changeSchema = z.object({
  requestId: text, actor: orEmpty, action: text, method: text, path: text, entityType: orEmpty, entityId: orEmpty, occurredAt: text,
});
const outboxSchema = z.object({ id: text, stream: text, isDead: z.boolean(), attempts: z.number(), names: orEmpty, lastError: orEmpty, createdAt: text });

/** A version of a policy set. */
export type PolicyVersion = z.infer<typeof versionSchema>;
/** A policy in one of its versions; without content where it is longer than anybody shows. */
export type PolicyText = z.infer<typeof policyTextSchema>;
export type ApplicationRow = z.infer<typeof applicationSchema>;
export type ResourceRow = z.infer<typeof resourceSchema>;
/** A change that somebody made through the API or the Coordinator, as the admin audit has it; `actor` is `""` where it has none. */
export type AdminChange = z.infer<typeof changeSchema>;
/** A message that was not published yet; `names` is what tells whose it is: the request id of the API, the key of the Coordinator. */
export type OutboxRow = z.infer<typeof outboxSchema>;

export interface PolicyState {
  /** Those that events name, and the active one. */
  readonly versions: readonly PolicyVersion[];
  /** Undefined where no policy set is active in the zone. */
  readonly active: z.infer<typeof bindingSchema> | undefined;
}

/** How far a consumer group is with a message. */
export interface GroupStanding {
  readonly group: string;
  readonly standing: 'taken' | 'not acknowledged' | 'not delivered';
}

/** A message of a stream; `at` is milliseconds since 1970 by the clock of Redis. */
export interface StreamMessage {
  readonly id: string;
  readonly at: number;
  readonly fields: Readonly<Record<string, string>>;
}

export interface RevocationMessages {
  /** Those of `caracal.sessions.revoke` that name an anchor of the request, around the times when something of it was revoked. */
  readonly revocations: readonly (StreamMessage & { readonly groups: readonly GroupStanding[] })[];
  /** Those that a consumer gave up, of the latest 200. */
  readonly dead: readonly StreamMessage[];
  /** The first ones since the request that made the epoch of the zone grow. */
  readonly epochs: readonly StreamMessage[];
}

export interface GatewayRevocations {
  /** Anchors in its memory, of all zones. */
  readonly active: number;
  /** Seconds. */
  readonly snapshotAge: number;
  readonly isFresh: boolean;
}

export interface Surroundings {
  /** Ids that a verifier or the Gateway looks for among the revoked: of authority records, Session and Delegation of the mandate. */
  readonly anchors: readonly string[];
  readonly epoch: Known<z.infer<typeof epochSchema>>;
  readonly policy: Known<PolicyState>;
  readonly texts: Known<readonly PolicyText[]>;
  readonly applications: Known<readonly ApplicationRow[]>;
  readonly resources: Known<readonly ResourceRow[]>;
  /** Changes within a minute of each time at which something here changed. */
  readonly changes: Known<readonly AdminChange[]>;
  /** What is not published of revocations and invalidations, the oldest 200. */
  readonly apiOutbox: Known<readonly OutboxRow[]>;
  readonly coordinatorOutbox: Known<readonly OutboxRow[]>;
  readonly messages: Known<RevocationMessages>;
  readonly gateway: Known<GatewayRevocations>;
  readonly resourceServers: Known<RevocationStore>;
  /** Of the mandate in hand: the request that used it first. */
  readonly firstUse: Known<string>;
}

/** A policy that is longer than this is not shown, in bytes. */
const mostPolicyBytes = 256 * 1024;
const mostOutboxRows = 200;
const mostMessages = 500;
const mostChanges = 200;
const mostEpochs = 20;
/** Clocks of services differ by no more than this, or a check of the flow says so. */
const skewMs = 60_000;
/** What revokes may be this much older than the call that meets it: a Session that was suspended and resumed. */
const justBeforeMs = 60_000;

const revocationStream = keyOf('sessions.revoke');
const epochStream = keyOf('delegations.invalidate');

/**
 * Reads what stands around a request. Each part is read on its own, and one that cannot be read says why.
 *
 * @param at when the request was, milliseconds since 1970; undefined where nobody knows
 * @throws the signal's reason when it is aborted
 */
export async function readSurroundings(deployment: Deployment, captured: Captured, evidence: Evidence, at: number | undefined, signal: AbortSignal): Promise<Surroundings> {
  const { zoneId } = evidence;
  const named = namedBy(captured, evidence);
  const known = async <Row>(read: () => Promise<Row>): Promise<Known<Row>> => {
    try {
      return { kind: 'row', row: await read() };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Refused || error instanceof Unavailable) return { kind: 'cannot look', why: error.message };
      throw error;
    }
  };
  const rows = (statement: string, values: readonly unknown[]): ReturnType<PostgresStore['query']> => deployment.postgres().query(statement, values, signal);

  const policy = known(() => readPolicy(rows, zoneId, named.versions));
  const texts = policy.then((of) => (of.kind === 'row' ? known(() => readTexts(rows, zoneId, of.row.versions)) : of));
  const epoch = known(async () => epochSchema.parse((await rows('SELECT epoch, updated_at AS "changedAt" FROM delegation_graph_epochs WHERE zone_id = $1', [zoneId]))[0] ?? { epoch: 0, changedAt: null }));
  const applications = known(async () => (await rows(
    `SELECT id, name, registration_method AS "registrationMethod", created_at AS "createdAt", expires_at AS "expiresAt", archived_at AS "archivedAt" FROM applications WHERE zone_id = $1 AND id = ANY($2)`, [zoneId, named.applications],
  )).map((row) => applicationSchema.parse(row)));
  const resources = known(async () => (await rows(
    `SELECT id, identifier, name, scopes, archived_at AS "archivedAt" FROM resources WHERE zone_id = $1 AND (identifier = ANY($2) OR id = ANY($3)) ORDER BY archived_at IS NOT NULL, archived_at DESC`, [zoneId, named.resources, named.resourceIds],
  )).map((row) => resourceSchema.parse(row)));
  const apiOutbox = known(async () => (await rows(
    `SELECT id, stream_name AS stream, available_at = 'infinity' AS "isDead", attempts, request_id AS names, last_error AS "lastError", created_at AS "createdAt"
       FROM event_outbox WHERE dispatched_at IS NULL AND stream_name = ANY($1) ORDER BY created_at LIMIT ${mostOutboxRows}`, [[revocationStream, keyOf('policy.invalidate')]],
  )).map((row) => outboxSchema.parse(row)));
  const coordinatorOutbox = known(async () => (await rows(
    `SELECT id, topic AS stream, status = 'dead' AS "isDead", attempts, dedupe_key AS names, NULL AS "lastError", created_at AS "createdAt"
       FROM caracal_outbox WHERE producer = 'coordinator' AND status IN ('pending', 'dead') AND topic = ANY($1) ORDER BY created_at LIMIT ${mostOutboxRows}`, [[revocationStream, epochStream]],
  )).map((row) => outboxSchema.parse(row)));
  const changedAt = changeTimes(evidence);
  const messages = known(() => readMessages(deployment, { zoneId, anchors: named.anchors, changedAt, at }, signal));
  const changes = Promise.all([policy, epoch, applications]).then(([ofPolicy, ofEpoch, ofApplications]) => known(async () => {
    const times = [
      ...changedAt, ...(ofPolicy.kind === 'row' ? [ofPolicy.row.active?.changedAt] : []), ...(ofEpoch.kind === 'row' ? [ofEpoch.row.changedAt] : []),
      ...(ofApplications.kind === 'row' ? ofApplications.row.map(({ archivedAt }) => archivedAt) : []),
    ].filter((time) => time !== undefined);
    return readChanges(rows, zoneId, [...new Set(times)]);
  }));
  const read = await Promise.all([
    epoch, policy, texts, applications, resources, changes, apiOutbox, coordinatorOutbox, messages,
    known(() => readGateway(deployment, signal)), readRevocationStore(deployment, { zoneId, anchors: named.anchors }, signal), readFirstUse(),
  ]);
  const [ofEpoch, ofPolicy, ofTexts, ofApplications, ofResources, ofChanges, ofApi, ofCoordinator, ofMessages, gateway, resourceServers, firstUse] = read;
  return {
    anchors: named.anchors, epoch: ofEpoch, policy: ofPolicy, texts: ofTexts, applications: ofApplications, resources: ofResources, changes: ofChanges,
    apiOutbox: ofApi, coordinatorOutbox: ofCoordinator, messages: ofMessages, gateway, resourceServers, firstUse,
  };

  async function readFirstUse(): Promise<Known<string>> {
    const { jti } = captured.mandate?.claims ?? {};
    if (jti === undefined) return evidence.firstUse;
    const value = await known(() => deployment.redis().call(['GET', `seen:jti:${jti}`], signal));
    return value.kind === 'row' ? (typeof value.row === 'string' ? { kind: 'row', row: value.row } : { kind: 'absent' }) : value;
  }
}

interface Named {
  readonly anchors: readonly string[];
  readonly versions: readonly string[];
  readonly applications: readonly string[];
  readonly resources: readonly string[];
  readonly resourceIds: readonly string[];
}

/** What the events, the rows and the mandate in hand name. */
function namedBy({ mandate, resource }: Captured, { events, state }: Evidence): Named {
  const claims = mandate?.claims ?? {};
  const of = (...names: readonly string[]): readonly string[] => events.flatMap((event) => names.map((name) => metadataText(event, name)));
  const row = state.kind === 'row' ? state.row : undefined;
  const unique = (...ids: readonly (string | undefined)[]): readonly string[] => [...new Set(ids.filter((id): id is string => id !== undefined && id !== '' && id !== '[redacted]'))];
  return {
    anchors: unique(claims.sid, claims.root_sid, claims.agent_session_id, claims.delegation_edge_id, ...of('session_id', 'agent_session_id', 'delegation_edge_id')),
    versions: unique(...events.map(({ policy_set_version_id: id }) => id)),
    applications: unique(
      claims.client_id, ...of('application_id'), ...(row?.sessions ?? []).map(({ applicationId }) => applicationId), ...(row?.delegations ?? []).flatMap(({ issuerApplicationId, receiverApplicationId }) => [issuerApplicationId, receiverApplicationId]),
    ),
    resources: unique(resource, ...(claims.target ?? []), ...of('resource')),
    resourceIds: unique(...(row?.delegations ?? []).map(({ resourceId }) => resourceId)),
  };
}

/** When something of the rows ended. */
function changeTimes({ state }: Evidence): readonly string[] {
  if (state.kind !== 'row') return [];
  const { sessions, delegations, records } = state.row;
  return [
    ...sessions.map(({ terminatedAt, status, updatedAt }) => terminatedAt ?? (status === 'suspended' ? updatedAt : undefined)),
    ...delegations.map(({ revokedAt }) => revokedAt), ...records.map(({ revokedAt }) => revokedAt),
  ].filter((time) => time !== undefined);
}

type Query = (statement: string, values: readonly unknown[]) => ReturnType<PostgresStore['query']>;

async function readPolicy(rows: Query, zoneId: string, versions: readonly string[]): Promise<PolicyState> {
  const [active] = (await rows('SELECT policy_set_id AS "setId", active_version_id AS "activeVersionId", updated_at AS "changedAt" FROM policy_set_bindings WHERE zone_id = $1 AND active_version_id IS NOT NULL', [zoneId])).map((row) => bindingSchema.parse(row));
  const found = await rows(
    `SELECT v.id, v.policy_set_id AS "setId", s.name AS "setName", v.version, v.schema_version AS "schemaVersion", v.created_by AS "createdBy", v.created_at AS "createdAt",
            ARRAY(SELECT entry->>'policy_version_id' FROM jsonb_array_elements(v.manifest_json) entry) AS "policyVersionIds"
       FROM policy_set_versions v JOIN policy_sets s ON s.id = v.policy_set_id WHERE s.zone_id = $1 AND v.id = ANY($2)`,
    [zoneId, [...versions, ...(active === undefined ? [] : [active.activeVersionId])]],
  );
  return { versions: found.map((row) => versionSchema.parse(row)), active };
}

async function readTexts(rows: Query, zoneId: string, versions: readonly PolicyVersion[]): Promise<readonly PolicyText[]> {
  const found = await rows(
    `SELECT v.id, v.policy_id AS "policyId", p.name, v.version, CASE WHEN octet_length(v.content) <= ${mostPolicyBytes} THEN v.content END AS content
       FROM policy_versions v JOIN policies p ON p.id = v.policy_id WHERE p.zone_id = $1 AND v.id = ANY($2) ORDER BY p.name`,
    [zoneId, [...new Set(versions.flatMap(({ policyVersionIds }) => policyVersionIds))]],
  );
  return found.map((row) => policyTextSchema.parse(row));
}

/** By the index over zone and time, a minute around each time. */
async function readChanges(rows: Query, zoneId: string, times: readonly string[]): Promise<readonly AdminChange[]> {
  if (times.length === 0) return [];
  const found = await rows(
    `SELECT DISTINCT ON (change.id) change.request_id AS "requestId", coalesce(change.payload_json->>'operator', change.actor_name, change.actor_id) AS actor, change.action, change.method, change.path,
            change.entity_type AS "entityType", change.entity_id AS "entityId", change.occurred_at AS "occurredAt"
       FROM unnest($2::timestamptz[]) AS changed(at) CROSS JOIN LATERAL (
         SELECT * FROM admin_audit_events WHERE zone_id = $1 AND occurred_at >= changed.at - make_interval(secs => $3) AND occurred_at <= changed.at + make_interval(secs => $3) AND status_code < 400 AND method <> 'GET'
          ORDER BY occurred_at DESC LIMIT ${mostChanges}) change`,
    [zoneId, times, skewMs / 1_000],
  );
  return found.map((row) => changeSchema.parse(row));
}

interface AskedOfStreams {
  readonly zoneId: string;
  readonly anchors: readonly string[];
  readonly changedAt: readonly string[];
  readonly at: number | undefined;
}

const entriesSchema = z.array(z.tuple([text, z.array(text)]));
const groupsSchema = z.array(z.object({ name: text, 'last-delivered-id': text }));

/** Ids of entries begin with their time, so a stretch of time is a range of ids. */
async function readMessages(deployment: Deployment, { zoneId, anchors, changedAt, at }: AskedOfStreams, signal: AbortSignal): Promise<RevocationMessages> {
  const redis = deployment.redis();
  const range = async (command: readonly string[]): Promise<readonly StreamMessage[]> => entriesSchema.parse(await redis.call(command, signal)).map(messageOf);
  const stretches = [...changedAt.map((time) => [Date.parse(time) - skewMs, Date.parse(time) + skewMs] as const), ...(at === undefined ? [] : [[at - justBeforeMs, at + skewMs] as const])];
  const isOurs = ({ fields }: StreamMessage): boolean => [fields['session_id'], fields['sid'], fields['root_sid'], fields['agent_session_id'], fields['delegation_edge_id'], fields['edge_id']].some((id) => id !== undefined && anchors.includes(id));
  const [found, dead, epochs] = await Promise.all([
    Promise.all(stretches.map(([from, until]) => range(['XRANGE', revocationStream, String(from), String(until), 'COUNT', String(mostMessages)]))),
    range(['XREVRANGE', keyOf('sessions.revoke.dead'), '+', '-', 'COUNT', String(mostOutboxRows)]),
    at === undefined ? [] : range(['XRANGE', epochStream, String(at), '+', 'COUNT', String(mostEpochs)]),
  ]);
  const own = [...new Map(found.flat().filter(isOurs).map((message) => [message.id, message])).values()];
  const groups = own.length === 0 ? [] : groupsSchema.parse(await redis.call(['XINFO', 'GROUPS', revocationStream], signal));
  const standings = (message: StreamMessage): Promise<readonly GroupStanding[]> => Promise.all(groups.map(async ({ name, 'last-delivered-id': last }) => ({ group: name, standing: await standingOf(message, name, last) })));
  const standingOf = async ({ id }: StreamMessage, group: string, last: string): Promise<GroupStanding['standing']> => {
    if (isAfter(id, last)) return 'not delivered';
    const pending = await redis.call(['XPENDING', revocationStream, group, id, id, '1'], signal);
    return Array.isArray(pending) && pending.length > 0 ? 'not acknowledged' : 'taken';
  };
  return {
    revocations: await Promise.all(own.map(async (message) => ({ ...message, groups: await standings(message) }))),
    // What was given up is one text of JSON.
    dead: dead.filter(({ fields }) => anchors.some((anchor) => `${fields['values'] ?? ''}${fields['payload'] ?? ''}`.includes(anchor))),
    epochs: epochs.filter(({ fields }) => fields['zone_id'] === zoneId),
  };
}

function messageOf([id, pairs]: readonly [string, readonly string[]]): StreamMessage {
  const fields = Array.from({ length: pairs.length / 2 }, (_, pair) => [pairs[2 * pair] ?? '', pairs[2 * pair + 1] ?? ''] as const);
  return { id, at: Number(id.split('-')[0]), fields: Object.fromEntries(fields) };
}

function isAfter(one: string, other: string): boolean {
  const [time = 0, place = 0] = one.split('-').map(Number);
  const [otherTime = 0, otherPlace = 0] = other.split('-').map(Number);
  return time === otherTime ? place > otherPlace : time > otherTime;
}

const gatewaySchema = z.object({ revocations_active: z.number(), revocation_snapshot_age_seconds: z.number(), revocation_snapshot_fresh: z.number() });

async function readGateway(deployment: Deployment, signal: AbortSignal): Promise<GatewayRevocations> {
  const { status, body } = await deployment.http('gateway').get({ path: '/metrics.json', ...(deployment.hasToken('metrics') ? { token: 'metrics' } : {}), signal });
  if (status !== 200) throw new Refused(String(status), `its metrics answered ${status}`);
  const read = gatewaySchema.safeParse(jsonOf(body));
  if (!read.success) throw new Refused('metrics', 'its metrics do not tell of revocations');
  const { revocations_active: active, revocation_snapshot_age_seconds: snapshotAge, revocation_snapshot_fresh: fresh } = read.data;
  return { active, snapshotAge, isFresh: fresh === 1 };
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
