import type { Pool } from 'pg';
import * as z from 'zod';
import { Conditions, idsOf, instant, invalidParams, page, redacted } from './api-queries.ts';
import { type Answer, type Call, failure, json, type NodeApp } from './node-app.ts';

// What the API shows of what happened (contract, request evidence 2.1 to 2.4 and 9; Caracal apps/api/src/routes/zone-events.ts).

const AUDIT_COLUMNS = `id, zone_id, event_type, request_id, decision, policy_set_id, policy_set_version_id, manifest_sha, evaluation_status,
  determining_policies_json, diagnostics_json, metadata_json, occurred_at, ingested_at`;
const id = z.string().min(1).max(128).optional();
const paging = { cursor: z.string().min(1).max(512).optional(), limit: z.coerce.number().int().min(1).max(1000).default(100) };
const auditQuery = z.object({
  since: instant.optional(), until: instant.optional(), request_id: z.string().min(1).optional(), decision: z.enum(['allow', 'deny', 'partial']).optional(),
  event_type: z.string().min(1).max(512).optional(), application_id: id, session_id: id, authority_record_id: id, label: z.string().min(1).max(64).optional(), ...paging,
});
const adminAuditQuery = z.object({
  since: instant.optional(), until: instant.optional(), actor_id: id, entity_type: id, entity_id: id, method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']).optional(), ...paging,
});
const recordQuery = z.object({ authority_record_id: id, status: z.enum(['active', 'revoked', 'expired']).optional(), subject_id: z.string().min(1).optional(), kind: z.enum(['user', 'application']).optional(), ...paging });
const sessionQuery = z.object({
  status: z.enum(['active', 'suspended', 'terminated', 'expired']).optional(), lifecycle: z.enum(['task', 'service']).optional(), application_id: id, parent_session_id: id,
  subject_id: z.string().min(1).optional(), label: z.string().min(1).max(64).optional(), ...paging,
});

type Event = {
  id: string; event_type: string; decision: string; evaluation_status: string; determining_policies_json: unknown; diagnostics_json: unknown;
  metadata_json: Record<string, unknown> | null; occurred_at: Date;
};

/** Lists do not ask whether the zone exists: an unknown one is empty (contract, request evidence 1.4). */
export function addEvidenceRoutes(app: NodeApp, pool: Pool): void {
  app.route('GET', '/v1/zones/:zoneId/audit', (call) => listAudit(pool, call));
  app.route('GET', '/v1/zones/:zoneId/audit/by-request/:requestId', async (call) => {
    const events = await eventsOf(pool, call);
    return 'status' in events ? events : json(200, events.rows.map(shown));
  });
  app.route('GET', '/v1/zones/:zoneId/audit/by-request/:requestId/explain', (call) => explain(pool, call));
  app.route('GET', '/v1/zones/:zoneId/admin-audit', (call) => listAdminAudit(pool, call));
  app.route('GET', '/v1/zones/:zoneId/authority-records', (call) => listRecords(pool, call));
  app.route('GET', '/v1/zones/:zoneId/sessions', (call) => listSessions(pool, call));
}

async function listAudit(pool: Pool, call: Call): Promise<Answer> {
  const [zoneId] = idsOf(call, 'zoneId') ?? [];
  if (zoneId === undefined) return invalidParams;
  const query = auditQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return failure(400, 'invalid_query');
  const { since, until, request_id, decision, event_type, application_id, session_id, authority_record_id, label, cursor, limit } = query.data;
  const types = event_type?.split(',').map((type) => type.trim()).filter(Boolean);
  if (types !== undefined && (types.length === 0 || types.length > 16)) return failure(400, 'invalid_query');
  const conditions = new Conditions();
  conditions.add('zone_id = ?', zoneId);
  conditions.add('occurred_at >= ?', since);
  conditions.add('occurred_at < ?', until);
  conditions.add('request_id = ?', request_id);
  conditions.add('decision = ?', decision);
  conditions.add('event_type = ANY(?)', types);
  conditions.add("metadata_json->>'application_id' = ?", application_id);
  conditions.add("metadata_json->>'agent_session_id' = ?", session_id);
  conditions.add("metadata_json->>'session_id' = ?", authority_record_id);
  conditions.add("metadata_json->'agent_labels' @> ?::jsonb", label === undefined ? undefined : JSON.stringify([label]));
  return page<Event>({
    pool, select: `SELECT ${AUDIT_COLUMNS} FROM audit_events`, conditions, time: 'occurred_at', id: 'id', cursor, limit,
    at: (row) => ({ moment: row.occurred_at, id: row.id }), shown,
  });
}

/** Oldest first, without a tie-break. */
async function eventsOf(pool: Pool, call: Call): Promise<{ zoneId: string; requestId: string; rows: Event[] } | Answer> {
  const [zoneId, requestId] = idsOf(call, 'zoneId', 'requestId') ?? [];
  if (zoneId === undefined || requestId === undefined) return invalidParams;
  const { rows } = await pool.query<Event>(`SELECT ${AUDIT_COLUMNS} FROM audit_events WHERE zone_id = $1 AND request_id = $2 ORDER BY occurred_at ASC`, [zoneId, requestId]);
  return rows.length === 0 ? failure(404, 'request_not_found') : { zoneId, requestId, rows };
}

/** A view over the stored events: nothing is evaluated. */
async function explain(pool: Pool, call: Call): Promise<Answer> {
  const events = await eventsOf(pool, call);
  if ('status' in events) return events;
  const { zoneId, requestId, rows } = events;
  const denied = rows.filter(({ decision }) => decision === 'deny');
  return json(200, {
    request_id: requestId, zone_id: zoneId, final_decision: denied.length > 0 ? 'deny' : rows.at(-1)?.decision ?? 'unknown',
    denied: denied.map((event) => ({
      event_id: event.id, event_type: event.event_type, evaluation_status: event.evaluation_status, determining_policies: event.determining_policies_json ?? [],
      diagnostics: event.diagnostics_json ?? [], metadata: redacted(event.metadata_json) ?? {}, policy_input: policyInput(zoneId, event.metadata_json ?? {}),
    })),
    events: rows.map(shown),
  });
}

/** Made of what the metadata tell, which is less than the policy saw, and more than is shown: nothing is redacted here. */
function policyInput(zoneId: string, metadata: Record<string, unknown>): Record<string, unknown> {
  const { application_id, application_registration_method, agent_session_id, agent_lifecycle, agent_labels, session_id, delegation_edge_id, resource, requested_scopes } = metadata;
  const text = (name: string, value: unknown): Record<string, unknown> => typeof value === 'string' ? { [name]: value } : {};
  const scopes = Array.isArray(requested_scopes) ? requested_scopes : [];
  return {
    schema_version: '2026-05-20',
    principal: {
      type: 'Application', id: typeof application_id === 'string' ? application_id : '', zone_id: zoneId, ...text('registration_method', application_registration_method),
      ...text('agent_session_id', agent_session_id), ...text('lifecycle', agent_lifecycle), ...(Array.isArray(agent_labels) ? { labels: agent_labels } : {}),
    },
    resource: { type: 'Resource', identifier: typeof resource === 'string' ? resource : '', scopes },
    action: { id: 'TokenExchange' },
    context: {
      actor_claims: {}, requested_scopes: scopes, challenge_resolved: false, ...text('session_id', session_id), ...text('agent_session_id', agent_session_id),
      ...text('delegation_edge_id', delegation_edge_id),
    },
    ...(typeof session_id === 'string' ? { session: { id: session_id } } : {}), ...(typeof delegation_edge_id === 'string' ? { delegation_edge: { id: delegation_edge_id } } : {}),
  };
}

async function listAdminAudit(pool: Pool, call: Call): Promise<Answer> {
  const [zoneId] = idsOf(call, 'zoneId') ?? [];
  if (zoneId === undefined) return invalidParams;
  const query = adminAuditQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return failure(400, 'invalid_query');
  const { since, until, actor_id, entity_type, entity_id, method, cursor, limit } = query.data;
  const conditions = new Conditions();
  conditions.add('zone_id = ?', zoneId);
  conditions.add('occurred_at >= ?', since);
  conditions.add('occurred_at < ?', until);
  conditions.add('actor_id = ?', actor_id);
  conditions.add('entity_type = ?', entity_type);
  conditions.add('entity_id = ?', entity_id);
  conditions.add('method = ?', method);
  return page<{ id: string; occurred_at: Date; payload_json: unknown }>({
    pool, conditions, time: 'occurred_at', id: 'id', cursor, limit,
    select: `SELECT id, request_id, actor_id, actor_name, actor_scope, action, method, path, entity_type, entity_id, status_code, payload_json, occurred_at, chain_seq,
             chain_hmac IS NOT NULL AS signed FROM admin_audit_events`,
    at: (row) => ({ moment: row.occurred_at, id: row.id }), shown: (row) => ({ ...row, payload_json: redacted(row.payload_json) }),
  });
}

async function listRecords(pool: Pool, call: Call): Promise<Answer> {
  const [zoneId] = idsOf(call, 'zoneId') ?? [];
  if (zoneId === undefined) return invalidParams;
  const query = recordQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return failure(400, 'invalid_query');
  const { authority_record_id, status, subject_id, kind, cursor, limit } = query.data;
  const conditions = new Conditions();
  conditions.add('zone_id = ?', zoneId);
  conditions.add('id = ?', authority_record_id);
  conditions.add('status = ?', status);
  conditions.add('subject_id = ?', subject_id);
  conditions.add('session_type = ?', kind);
  return page<{ authority_record_id: string; created_at: Date }>({
    pool, conditions, time: 'created_at', id: 'id', cursor, limit,
    select: `SELECT id AS authority_record_id, zone_id, session_type AS authority_record_type, subject_id, CASE WHEN session_type = 'user' THEN claims_json->>'iss' END AS federated_user_issuer,
             parent_id AS parent_authority_record_id, status, expires_at, authenticated_at, created_at, revoked_at, revoked_reason FROM authority_records`,
    at: (row) => ({ moment: row.created_at, id: row.authority_record_id }),
  });
}

async function listSessions(pool: Pool, call: Call): Promise<Answer> {
  const [zoneId] = idsOf(call, 'zoneId') ?? [];
  if (zoneId === undefined) return invalidParams;
  const query = sessionQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return failure(400, 'invalid_query');
  const { status, lifecycle, application_id, parent_session_id, subject_id, label, cursor, limit } = query.data;
  const conditions = new Conditions();
  conditions.add('s.zone_id = ?', zoneId);
  conditions.add('s.status = ?', status);
  conditions.add('s.lifecycle = ?', lifecycle);
  conditions.add('s.application_id = ?', application_id);
  conditions.add('s.parent_id = ?', parent_session_id);
  conditions.add('r.subject_id = ?', subject_id);
  conditions.add('? = ANY(s.labels)', label);
  return page<{ session_id: string; started_at: Date }>({
    pool, conditions, time: 's.started_at', id: 's.id', cursor, limit,
    select: `SELECT s.id AS session_id, s.application_id, s.parent_id AS parent_session_id, s.status, s.lifecycle, s.labels, s.depth, s.child_count, s.subject_authority_record_id,
             r.subject_id, CASE WHEN r.session_type = 'user' THEN r.subject_id END AS federated_user_id, CASE WHEN r.session_type = 'user' THEN r.claims_json->>'iss' END AS federated_user_issuer,
             s.started_at, s.last_active_at, s.terminated_at, s.termination_reason, s.ttl_seconds
             FROM sessions s LEFT JOIN authority_records r ON r.zone_id = s.zone_id AND r.id = s.subject_authority_record_id`,
    at: (row) => ({ moment: row.started_at, id: row.session_id }),
  });
}

function shown(row: Event): unknown {
  return { ...row, metadata_json: redacted(row.metadata_json) };
}
