import type { Pool, PoolClient } from 'pg';
import * as z from 'zod';
import { uuidv7 } from '../stores/identifiers.ts';
import type { CoordinatorAuth } from './coordinator-auth.ts';
import { type Answer, type Call, failure, json, type NodeApp } from './node-app.ts';
import { STREAMS } from './streams.ts';
import { transaction } from './transactions.ts';

const ID = /^[A-Za-z0-9_.\-:]{1,128}$/;
const COLUMNS = `id AS agent_session_id, zone_id, application_id, parent_id, subject_authority_record_id, lifecycle, labels, status, depth,
  ttl_seconds, metadata_json AS metadata, started_at, terminated_at, termination_reason, last_heartbeat_at, heartbeat_deadline_at, lease_generation`;
const ZONE_LIMIT = 50;

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100), cursor: z.string().optional(),
  status: z.enum(['active', 'suspended', 'terminated', 'expired']).optional(), lifecycle: z.enum(['task', 'service']).optional(),
  application_id: z.string().optional(), label: z.string().optional(),
});
const startBody = z.strictObject({
  application_id: z.string(), lifecycle: z.literal('task').default('task'), ttl_seconds: z.number().int().min(1).default(3600),
  labels: z.array(z.string()).default([]), metadata: z.record(z.string(), z.unknown()).default({}),
});

/** Governed sessions: list, one, start of a task, end (contract, request evidence 3.2 and 3.3). */
export function addAgentRoutes(app: NodeApp, pool: Pool, auth: CoordinatorAuth): void {
  app.route('GET', '/zones/:zoneId/agents', (call) => list(pool, call));
  app.route('GET', '/zones/:zoneId/agents/:id', (call) => one(pool, call));
  app.route('GET', '/zones/:zoneId/agents/:id/children', (call) => children(pool, call));
  app.route('POST', '/zones/:zoneId/agents', (call) => start(pool, auth, call));
  app.route('DELETE', '/zones/:zoneId/agents/:id', (call) => terminate(pool, auth, call));
  app.route('POST', '/zones/:zoneId/outbox/:id/requeue', (call) => requeue(pool, call));
}

/** A zone that does not exist has an empty list. */
async function list(pool: Pool, { params, query }: Call): Promise<Answer> {
  const zoneId = params['zoneId'] ?? '';
  if (!ID.test(zoneId)) return failure(400, 'invalid_params');
  const parsed = listQuery.safeParse(Object.fromEntries(query));
  if (!parsed.success) return failure(400, 'invalid_query');
  const { limit, cursor, status, lifecycle, application_id, label } = parsed.data;
  if (cursor !== undefined && (await pool.query('SELECT 1 FROM sessions WHERE id = $1 AND zone_id = $2', [cursor, zoneId])).rowCount === 0) {
    return failure(400, 'invalid_cursor');
  }
  const { rows } = await pool.query<{ agent_session_id: string }>(
    `SELECT ${COLUMNS} FROM sessions
     WHERE zone_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR lifecycle = $3)
       AND ($4::text IS NULL OR application_id = $4) AND ($5::text IS NULL OR $5 = ANY(labels)) AND ($6::text IS NULL OR id < $6)
     ORDER BY id DESC LIMIT $7`,
    [zoneId, status ?? null, lifecycle ?? null, application_id ?? null, label ?? null, cursor ?? null, limit],
  );
  return json(200, { items: rows, next_cursor: rows.length === limit ? rows.at(-1)?.agent_session_id ?? null : null });
}

async function one(pool: Pool, { params }: Call): Promise<Answer> {
  const { rows } = await pool.query(`SELECT ${COLUMNS} FROM sessions WHERE zone_id = $1 AND id = $2`, [params['zoneId'], params['id']]);
  return rows[0] === undefined ? failure(404, 'session_not_found') : json(200, rows[0]);
}

async function children(pool: Pool, { params, query }: Call): Promise<Answer> {
  const [zoneId = '', id = ''] = [params['zoneId'], params['id']];
  if (!ID.test(zoneId) || !ID.test(id)) return failure(400, 'invalid_params');
  const parsed = listQuery.safeParse(Object.fromEntries(query));
  if (!parsed.success) return failure(400, 'invalid_query');
  const { limit, cursor } = parsed.data;
  const { rows } = await pool.query<{ agent_session_id: string }>(
    `SELECT s.id AS agent_session_id, s.zone_id, s.application_id, s.parent_id, s.subject_authority_record_id, s.lifecycle, s.labels, s.status, s.depth, s.ttl_seconds,
            s.metadata_json AS metadata, s.started_at, s.last_heartbeat_at, s.heartbeat_deadline_at
     FROM sessions s JOIN agent_topology t ON t.child_id = s.id WHERE t.parent_id = $1 AND s.zone_id = $2 AND ($3::text IS NULL OR s.id < $3) ORDER BY s.id DESC LIMIT $4`,
    [id, zoneId, cursor ?? null, limit],
  );
  return json(200, { items: rows, next_cursor: rows.length === limit ? rows.at(-1)?.agent_session_id ?? null : null });
}

/** A task session of the caller's own Application, and its spawn event in the same transaction. */
async function start(pool: Pool, auth: CoordinatorAuth, call: Call): Promise<Answer> {
  const caller = auth.callerOf(call);
  const body = startBody.safeParse(call.body);
  if (!body.success) return invalidBody(call, body.error);
  const { application_id, lifecycle, ttl_seconds, labels, metadata } = body.data;
  if (caller?.clientId !== application_id) return failure(403, 'application_ownership_required');
  const recordId = caller.authorityRecordId;
  if (recordId === undefined) return failure(401, 'authority_record_required');
  return transaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`coordinator:session_start:${caller.zoneId}`]);
    const live = await client.query<{ count: string }>("SELECT count(*) FROM sessions WHERE zone_id = $1 AND status IN ('active', 'suspended')", [caller.zoneId]);
    if (Number(live.rows[0]?.count ?? 0) >= ZONE_LIMIT) return failure(429, 'session_zone_limit_exceeded');
    const id = uuidv7();
    const { rows } = await client.query<{ started_at: Date }>(
      `INSERT INTO sessions (id, zone_id, application_id, subject_authority_record_id, lifecycle, ttl_seconds, labels, metadata_json)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb) RETURNING started_at`,
      [id, caller.zoneId, application_id, recordId, lifecycle, ttl_seconds, labels, JSON.stringify(metadata)],
    );
    await enqueue(client, `spawn:${id}`, { event: 'spawn', zone_id: caller.zoneId, parent_id: null, application_id, agent_session_id: id });
    return json(201, {
      agent_session_id: id, zone_id: caller.zoneId, application_id, parent_id: null, subject_authority_record_id: recordId, lifecycle, labels,
      status: 'active', depth: 0, ttl_seconds, started_at: rows[0]?.started_at, last_heartbeat_at: null, heartbeat_deadline_at: null,
      lease_generation: 0, delegation_edge_id: null,
    });
  });
}

/** Ends a session. Its record is of application type, so nothing goes to the revocation stream (contract, storage 7.3). */
async function terminate(pool: Pool, auth: CoordinatorAuth, call: Call): Promise<Answer> {
  const caller = auth.callerOf(call);
  const [zoneId, id] = [call.params['zoneId'], call.params['id']];
  const reason = call.query.get('reason') ?? 'requested';
  return transaction(pool, async (client) => {
    const { rows } = await client.query<{ parent_id: string | null }>(
      `UPDATE sessions SET status = 'terminated', terminated_at = now(), termination_reason = $3, updated_at = now()
       WHERE zone_id = $1 AND id = $2 AND status IN ('active', 'suspended') AND ($4 OR application_id = $5) RETURNING parent_id`,
      [zoneId, id, reason, caller?.scopes.includes('coordinator.admin') === true, caller?.clientId],
    );
    if (rows[0] === undefined) return failure(404, 'session_not_found');
    await enqueue(client, `terminate:${id ?? ''}`, {
      event: 'terminate', zone_id: zoneId, parent_id: rows[0].parent_id, agent_session_id: id, reason,
    });
    return { status: 204 };
  });
}

/** Gives a dead row another ten attempts. */
async function requeue(pool: Pool, { params }: Call): Promise<Answer> {
  const { rowCount } = await pool.query(
    `UPDATE caracal_outbox SET status = 'pending', attempts = 0, available_at = now(), updated_at = now()
     WHERE id = $1 AND producer = 'coordinator' AND status = 'dead' AND payload_json->>'zone_id' = $2`, [params['id'], params['zoneId']],
  );
  return rowCount === 0 ? failure(404, 'dead_outbox_not_found') : json(200, { id: params['id'], status: 'pending' });
}

async function enqueue(client: PoolClient, dedupeKey: string, payload: Record<string, unknown>): Promise<void> {
  await client.query(
    `INSERT INTO caracal_outbox (id, producer, topic, dedupe_key, payload_json) VALUES ($1, 'coordinator', $2, $3, $4::jsonb)
     ON CONFLICT (producer, topic, dedupe_key) DO NOTHING`, [uuidv7(), STREAMS.lifecycle, dedupeKey, JSON.stringify(payload)],
  );
}

function invalidBody(call: Call, error: z.ZodError): Answer {
  return json(400, {
    error: 'invalid_body', error_description: 'Request body failed validation', requestId: call.id,
    details: { issues: error.issues.map(({ path, message }) => ({ path: path.map(String), message })) },
  });
}
