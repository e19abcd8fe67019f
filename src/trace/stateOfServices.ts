/**
 * The rows that decide about a request, where Postgres is not given: as the API and the Coordinator list them. Only lists
 * are asked: of what is not there they have nothing, while a look at one by its id would be written to the admin audit
 * (contract request-evidence 2.3, 2.4 and 3.2).
 */
import * as z from 'zod';
import type { Deployment, HttpAnswer, HttpService } from '../targets/deployment.ts';
import { Refused } from '../targets/failures.ts';
import { mostHops } from './liveness.ts';
import type { ApprovalRow, DelegationState, RecordState, SessionState, StateIds, StateRows } from './stateRows.ts';

/** Of each list; what stands further back is not looked for. */
const mostPages = 4;

const text = z.string();
const optional = z.string().nullish().transform((value) => value ?? undefined);
const seconds = z.number().nullish().transform((value) => value ?? undefined);

const session = { application_id: text, subject_authority_record_id: text, lifecycle: text, status: text, started_at: text, ttl_seconds: seconds, terminated_at: optional, termination_reason: optional };
const ofApi = z.object({ ...session, session_id: text, parent_session_id: optional });
const ofCoordinator = z.object({ ...session, agent_session_id: text, parent_id: optional, heartbeat_deadline_at: optional });
const edge = z.object({
  id: text, source_session_id: text, target_session_id: text, issuer_application_id: text, receiver_application_id: text, parent_edge_id: optional, resource_id: optional, scopes: z.array(text),
  constraints_json: z.record(text, z.unknown()), status: text, expires_at: text, edge_version: z.number(), revoked_at: optional, created_at: text,
});
const record = z.object({ authority_record_id: text, authority_record_type: z.enum(['user', 'application']), subject_id: text.nullish().transform((value) => value ?? ''), status: text, expires_at: text, created_at: text, revoked_at: optional, revoked_reason: optional });
const approval = z.object({
  id: text, created_at: text, expires_at: text, satisfied_at: optional, rejected_at: optional, consumed_at: optional, tier: optional, approver_class: text, approver_subject_id: optional, decision_reason: optional,
  application_id: optional, metadata_json: z.record(text, z.unknown()).nullish().transform((value) => value ?? {}),
});

/**
 * Reads them. Sessions of services are left out where the Coordinator may not be asked, because the API does not know
 * their heartbeat; so are Delegations, which only it lists.
 *
 * @param applications whose Sessions are looked through
 * @throws Refused, Unavailable as every call does; the signal's reason when it is aborted
 */
export async function readStateOfServices(deployment: Deployment, zoneId: string, ids: StateIds, applications: readonly string[], signal: AbortSignal): Promise<StateRows> {
  const api = new Lists(deployment.http('api'), `/v1/zones/${encodeURIComponent(zoneId)}`, 'admin', signal);
  const coordinator = deployment.hasToken('coordinator') ? new Lists(deployment.http('coordinator'), `/zones/${encodeURIComponent(zoneId)}`, 'coordinator', signal) : undefined;
  const delegations = coordinator === undefined ? [] : await delegationsOf(coordinator, ids);
  const wanted = new Set([...ids.sessions, ...delegations.flatMap(({ sourceSessionId, targetSessionId }) => [sourceSessionId, targetSessionId])]);
  const owners = new Set([...applications, ...delegations.flatMap(({ issuerApplicationId, receiverApplicationId }) => [issuerApplicationId, receiverApplicationId])]);
  const sessions = await sessionsOf(coordinator ?? api, coordinator !== undefined, wanted, owners);
  const recordIds = new Set([...ids.records, ...sessions.map(({ authorityRecordId }) => authorityRecordId)]);
  const [records, approvals] = await Promise.all([recordsOf(api, recordIds), approvalsOf(api, ids)]);
  const why = coordinator === undefined ? 'the API alone was asked, which lists neither Delegations nor heartbeats' : 'it is not in the lists of the API and the Coordinator, as far as they were read';
  return { now: await api.clock(), clock: 'the API', notWhole: why, sessions, delegations, records, approvals };
}

/** Delegations into a Session are listed dead or alive; each one leads to the Session that it came from. */
async function delegationsOf(coordinator: Lists, { sessions, delegations: wanted }: StateIds): Promise<readonly DelegationState[]> {
  const found = new Map<string, DelegationState>();
  const looked = new Set<string>();
  let next = [...sessions];
  let ids = new Set(wanted);
  for (let hop = 0; hop <= mostHops && next.length > 0; hop += 1) {
    const into = await Promise.all(next.filter((id) => !looked.has(id)).map((id) => coordinator.items(`/delegations/inbound/${encodeURIComponent(id)}`, {}, edge)));
    for (const id of next) looked.add(id);
    const named = into.flat().filter(({ id }) => ids.has(id));
    for (const row of named) {
      found.set(row.id, {
        id: row.id, sourceSessionId: row.source_session_id, targetSessionId: row.target_session_id, issuerApplicationId: row.issuer_application_id, receiverApplicationId: row.receiver_application_id, parentId: row.parent_edge_id,
        resourceId: row.resource_id, scopes: row.scopes, constraints: row.constraints_json, status: row.status, expiresAt: row.expires_at, version: row.edge_version, revokedAt: row.revoked_at, createdAt: row.created_at,
      });
    }
    ids = new Set(named.flatMap(({ parent_edge_id: parent }) => parent ?? []));
    next = named.map(({ source_session_id: source }) => source);
  }
  return [...found.values()];
}

async function sessionsOf(lists: Lists, isCoordinator: boolean, wanted: ReadonlySet<string>, owners: ReadonlySet<string>): Promise<readonly SessionState[]> {
  if (wanted.size === 0) return [];
  const common = (row: z.infer<typeof ofApi> | z.infer<typeof ofCoordinator>): Omit<SessionState, 'id' | 'parentId' | 'heartbeatDeadlineAt'> => ({
    applicationId: row.application_id, authorityRecordId: row.subject_authority_record_id, lifecycle: row.lifecycle, status: row.status, startedAt: row.started_at, ttlSeconds: row.ttl_seconds, terminatedAt: row.terminated_at, terminationReason: row.termination_reason,
  });
  const all = await Promise.all([...owners].map(async (owner): Promise<readonly SessionState[]> => {
    if (isCoordinator) return (await lists.items('/agents', { application_id: owner }, ofCoordinator)).map((row) => ({ ...common(row), id: row.agent_session_id, parentId: row.parent_id, heartbeatDeadlineAt: row.heartbeat_deadline_at }));
    const rows = await lists.items('/sessions', { application_id: owner }, ofApi);
    return rows.filter(({ lifecycle }) => lifecycle !== 'service').map((row) => ({ ...common(row), id: row.session_id, parentId: row.parent_session_id, heartbeatDeadlineAt: undefined }));
  }));
  return all.flat().filter(({ id }) => wanted.has(id));
}

async function recordsOf(api: Lists, ids: ReadonlySet<string>): Promise<readonly RecordState[]> {
  const found = await Promise.all([...ids].map((id) => api.items('/authority-records', { authority_record_id: id }, record)));
  return found.flat().map((row) => ({
    id: row.authority_record_id, type: row.authority_record_type, subjectId: row.subject_id, status: row.status, expiresAt: row.expires_at, revokedAt: row.revoked_at, revokedReason: row.revoked_reason, createdAt: row.created_at,
  }));
}

async function approvalsOf(api: Lists, { approvals, holdsOf = [] }: StateIds): Promise<readonly ApprovalRow[]> {
  if (approvals.length === 0 && holdsOf.length === 0) return [];
  const rows = await api.items('/approvals', {}, approval);
  return rows.filter(({ id, application_id: owner }) => approvals.includes(id) || (owner !== undefined && holdsOf.includes(owner))).map((row) => ({
    id: row.id, createdAt: row.created_at, expiresAt: row.expires_at, satisfiedAt: row.satisfied_at, rejectedAt: row.rejected_at, consumedAt: row.consumed_at, tier: row.tier, approverClass: row.approver_class,
    approverSubjectId: row.approver_subject_id, decisionReason: row.decision_reason, metadata: row.metadata_json,
  }));
}

const page = z.object({ items: z.array(z.unknown()), next_cursor: z.string().nullish() });

/** Lists of one service, page by page. */
class Lists {
  readonly #service: HttpService;
  readonly #zone: string;
  readonly #token: 'admin' | 'coordinator';
  readonly #signal: AbortSignal;
  #now = NaN;

  constructor(service: HttpService, zone: string, token: 'admin' | 'coordinator', signal: AbortSignal) {
    this.#service = service;
    this.#zone = zone;
    this.#token = token;
    this.#signal = signal;
  }

  /** The clock of the service at its last answer, milliseconds since 1970. */
  async clock(): Promise<number> {
    const now = Number.isNaN(this.#now) ? Date.parse((await this.#service.get({ path: '/health', signal: this.#signal })).headers['date'] ?? '') : this.#now;
    if (Number.isNaN(now)) throw new Refused('NO_DATE', 'its answers do not tell the time');
    return now;
  }

  async items<Item>(path: string, parameters: Readonly<Record<string, string>>, schema: z.ZodType<Item>): Promise<readonly Item[]> {
    const items: Item[] = [];
    for (let [at, cursor]: [number, string | undefined] = [0, undefined]; at < mostPages; at += 1) {
      const query = new URLSearchParams({ ...parameters, limit: '200', ...(cursor === undefined ? {} : { cursor }) });
      const answer: HttpAnswer = await this.#service.get({ path: `${this.#zone}${path}?${query.toString()}`, token: this.#token, signal: this.#signal });
      if (answer.status !== 200) throw new Refused(String(answer.status), `GET ${path} was refused`);
      this.#now = Date.parse(answer.headers['date'] ?? '');
      const read = page.parse(JSON.parse(answer.body));
      items.push(...read.items.map((item) => schema.parse(item)));
      if (read.next_cursor === null || read.next_cursor === undefined) break;
      cursor = read.next_cursor;
    }
    return items;
  }
}
