import type { Pool } from 'pg';
import * as z from 'zod';
import { uuidv7 } from '../stores/identifiers.ts';
import type { AdminAuth } from './api-auth.ts';
import { auditData } from './audit-event.ts';
import { policyStatusOfSts } from './api-sts.ts';
import { type Answer, type Call, failure, json, type NodeApp } from './node-app.ts';
import { signAuditData, STREAMS } from './streams.ts';
import { transaction } from './transactions.ts';

const ID = /^[A-Za-z0-9_.\-:]{1,128}$/;
const AUDIT_COLUMNS = `id, zone_id, event_type, request_id, decision, policy_set_id, policy_set_version_id, manifest_sha, evaluation_status,
  determining_policies_json, diagnostics_json, metadata_json, occurred_at, ingested_at`;
const ZONE_COLUMNS = `id, name, slug, dcr_enabled, operator_coauthor_badge, operator_governed, created_by, created_via_operator, updated_by,
  updated_via_operator, created_at, updated_at`;
/** Keys whose values the API never shows (contract, deploy 7.2). */
const REDACTED = new Set([
  'password', 'passwd', 'secret', 'token', 'access_token', 'refresh_token', 'id_token', 'api_key', 'apikey', 'authorization', 'cookie',
  'set_cookie', 'client_secret', 'private_key', 'session', 'session_id', 'assertion',
]);

const instant = z.iso.datetime();
const auditQuery = z.object({
  since: instant.optional(), until: instant.optional(), request_id: z.string().min(1).max(512).optional(),
  decision: z.enum(['allow', 'deny', 'partial']).optional(), event_type: z.string().min(1).max(512).optional(),
  application_id: z.string().min(1).optional(), session_id: z.string().min(1).optional(),
  authority_record_id: z.string().min(1).optional(), cursor: z.string().optional(), limit: z.coerce.number().int().min(1).max(1000).default(100),
});
const zonesQuery = z.object({ cursor: z.string().optional(), limit: z.coerce.number().int().min(1).max(500).default(200) });
const cursorSchema = z.object({ ts: instant, id: z.string().min(1) });
const activateBody = z.object({ version_id: z.string().min(1) });
const activationQuery = z.object({ version_id: z.string().min(1).optional(), outbox_id: z.string().min(1).optional() });
const decisionBody = z.object({ reason: z.string().max(500).optional() });

type Row = Record<string, unknown> & { id: string };
type Cursor = z.infer<typeof cursorSchema>;

export type RouteContext = {
  pool: Pool; auth: AdminAuth; auditKey: Buffer;
  /** Signed calls to the STS; without a key none is made. */
  sts: { url: string; key: Buffer | undefined };
};

/** The `/v1` routes that the debugger reads and traffic writes (contract, request evidence 2.1). */
export function addRoutes(app: NodeApp, context: RouteContext): void {
  const { pool } = context;
  app.route('GET', '/v1/zones', (call) => listZones(pool, call));
  app.route('GET', '/v1/zones/:zoneId', (call) => oneZone(pool, call));
  app.route('GET', '/v1/zones/:zoneId/audit', (call) => listAudit(pool, call));
  app.route('GET', '/v1/zones/:zoneId/audit/by-request/:requestId', (call) => auditByRequest(pool, call));
  app.route('POST', '/v1/zones/:zoneId/policy-sets/:id/activate', (call) => activate(context, call));
  app.route('GET', '/v1/zones/:zoneId/policy-sets/:id/activation-status', (call) => activationStatus(context, call));
  app.route('POST', '/v1/zones/:zoneId/approvals/:id/approve', (call) => decide(context, call, 'approved'));
  app.route('POST', '/v1/zones/:zoneId/approvals/:id/reject', (call) => decide(context, call, 'rejected'));
}

async function listZones(pool: Pool, call: Call): Promise<Answer> {
  const query = zonesQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return failure(400, 'invalid_query');
  const cursor = cursorOf(query.data.cursor);
  if (cursor === 'invalid') return failure(400, 'invalid_cursor');
  const { rows } = await pool.query<Row & { created_at: Date }>(
    `SELECT ${ZONE_COLUMNS} FROM zones
     WHERE archived_at IS NULL AND slug NOT LIKE 'caracal-sys-%' AND name NOT LIKE 'caracal.sys/%'
       AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3)) ORDER BY created_at DESC, id DESC LIMIT $1`,
    [query.data.limit, cursor?.ts ?? null, cursor?.id ?? null],
  );
  const last = rows.at(-1);
  return json(200, { items: rows, next_cursor: rows.length === query.data.limit && last !== undefined ? cursorText(last.created_at, last.id) : null });
}

async function oneZone(pool: Pool, { params }: Call): Promise<Answer> {
  const zoneId = params['zoneId'] ?? '';
  if (!ID.test(zoneId)) return failure(400, 'invalid_params');
  const { rows } = await pool.query(`SELECT ${ZONE_COLUMNS} FROM zones WHERE id = $1 AND archived_at IS NULL`, [zoneId]);
  return rows[0] === undefined ? failure(404, 'zone_not_found') : json(200, rows[0]);
}

/** Lists do not ask whether the zone exists: an unknown one is empty (contract, request evidence 1.4). */
async function listAudit(pool: Pool, call: Call): Promise<Answer> {
  const zoneId = call.params['zoneId'] ?? '';
  if (!ID.test(zoneId)) return failure(400, 'invalid_params');
  const query = auditQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return failure(400, 'invalid_query');
  const { since, until, request_id, decision, event_type, application_id, session_id, authority_record_id, limit } = query.data;
  const types = event_type?.split(',').map((type) => type.trim()).filter(Boolean);
  if (types !== undefined && (types.length === 0 || types.length > 16)) return failure(400, 'invalid_query');
  const cursor = cursorOf(query.data.cursor);
  if (cursor === 'invalid') return failure(400, 'invalid_cursor');
  const conditions: string[] = ['zone_id = $1'];
  const values: unknown[] = [zoneId];
  const where = (condition: (place: string) => string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${String(values.length)}`));
  };
  where((place) => `occurred_at >= ${place}`, since);
  where((place) => `occurred_at < ${place}`, until);
  where((place) => `request_id = ${place}`, request_id);
  where((place) => `decision = ${place}`, decision);
  where((place) => `event_type = ANY(${place})`, types);
  where((place) => `metadata_json->>'application_id' = ${place}`, application_id);
  where((place) => `metadata_json->>'agent_session_id' = ${place}`, session_id);
  where((place) => `metadata_json->>'session_id' = ${place}`, authority_record_id);
  if (cursor !== undefined) {
    values.push(cursor.ts, cursor.id);
    conditions.push(`(occurred_at, id) < ($${String(values.length - 1)}, $${String(values.length)})`);
  }
  values.push(limit);
  const { rows } = await pool.query<Row & { occurred_at: Date }>(
    `SELECT ${AUDIT_COLUMNS} FROM audit_events WHERE ${conditions.join(' AND ')}
     ORDER BY occurred_at DESC, id DESC LIMIT $${String(values.length)}`, values,
  );
  const last = rows.at(-1);
  return json(200, { items: rows.map(shown), next_cursor: rows.length === limit && last !== undefined ? cursorText(last.occurred_at, last.id) : null });
}

/** A bare array, oldest first (contract, request evidence 2.1). */
async function auditByRequest(pool: Pool, { params }: Call): Promise<Answer> {
  const [zoneId, requestId] = [params['zoneId'] ?? '', params['requestId'] ?? ''];
  if (!ID.test(zoneId) || !ID.test(requestId)) return failure(400, 'invalid_params');
  const { rows } = await pool.query<Row>(
    `SELECT ${AUDIT_COLUMNS} FROM audit_events WHERE zone_id = $1 AND request_id = $2 ORDER BY occurred_at ASC`, [zoneId, requestId],
  );
  return rows.length === 0 ? failure(404, 'request_not_found') : json(200, rows.map(shown));
}

/** Activation of a policy set version: the binding and the event in one transaction (recordings, policy-activation). */
async function activate({ pool }: RouteContext, call: Call): Promise<Answer> {
  const [zoneId, setId] = [call.params['zoneId'] ?? '', call.params['id'] ?? ''];
  if (!ID.test(zoneId) || !ID.test(setId)) return failure(400, 'invalid_params');
  const body = activateBody.safeParse(call.body);
  if (!body.success) return invalidBody(call, body.error);
  const versionId = body.data.version_id;
  return transaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [zoneId]);
    const version = await client.query(
      `SELECT 1 FROM policy_set_versions v JOIN policy_sets s ON s.id = v.policy_set_id
       WHERE v.id = $1 AND s.id = $2 AND s.zone_id = $3 AND s.archived_at IS NULL`, [versionId, setId, zoneId],
    );
    if (version.rowCount === 0) return failure(404, 'version_not_found');
    await client.query(
      `INSERT INTO policy_set_bindings (zone_id, policy_set_id, active_version_id) VALUES ($1, $2, $3)
       ON CONFLICT (zone_id, policy_set_id) DO UPDATE SET active_version_id = $3, updated_at = now()`, [zoneId, setId, versionId],
    );
    const outboxId = uuidv7();
    await client.query(
      'INSERT INTO event_outbox (id, stream_name, payload_json, request_id) VALUES ($1, $2, $3::jsonb, $4)',
      [outboxId, STREAMS.policy, JSON.stringify({ zone_id: zoneId, policy_set_id: setId, policy_set_version_id: versionId }), call.id],
    );
    const path = `/v1/zones/${zoneId}/policy-sets/${setId}/activation-status`;
    return json(202, { activated: true, version_id: versionId, outbox_id: outboxId, status_url: `${path}?version_id=${versionId}&outbox_id=${outboxId}` });
  });
}

type OutboxState = { id: string | null; state: string; attempts: number; last_error: string | null; dispatched_at: Date | null };

/** The way of a version to one replica of the STS (recordings, policy-activation; contract, request evidence 2.6). */
async function activationStatus({ pool, sts: access }: RouteContext, call: Call): Promise<Answer> {
  const [zoneId, setId] = [call.params['zoneId'] ?? '', call.params['id'] ?? ''];
  if (!ID.test(zoneId) || !ID.test(setId)) return failure(400, 'invalid_params');
  const query = activationQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return invalidBody(call, query.error);
  const { rows } = await pool.query<{ active_version_id: string | null; manifest_sha256: string | null }>(
    `SELECT b.active_version_id, v.manifest_sha256 FROM policy_set_bindings b JOIN policy_sets s ON s.id = b.policy_set_id AND s.zone_id = b.zone_id
     LEFT JOIN policy_set_versions v ON v.id = b.active_version_id WHERE b.zone_id = $1 AND b.policy_set_id = $2 AND s.archived_at IS NULL`, [zoneId, setId],
  );
  const [binding] = rows;
  if (binding === undefined) return failure(404, 'policy_set_binding_not_found');
  const versionId = query.data.version_id ?? binding.active_version_id;
  if (versionId === null) return failure(404, 'active_policy_set_version_not_found');
  const outbox = await activationOutbox(pool, { zoneId, setId, versionId, outboxId: query.data.outbox_id });
  const sts = await policyStatusOfSts(access, zoneId);
  const active = binding.active_version_id === versionId;
  const loaded = sts.loaded === true && sts.policy_set_version_id === versionId;
  return json(200, {
    zone_id: zoneId, policy_set_id: setId, version_id: versionId, active, active_version_id: binding.active_version_id,
    manifest_sha256: binding.manifest_sha256, propagation_status: propagationOf({ active, outbox: outbox.state, loaded, sts: sts.state }), outbox, sts,
  });
}

async function activationOutbox(pool: Pool, asked: { zoneId: string; setId: string; versionId: string; outboxId: string | undefined }): Promise<OutboxState> {
  const { zoneId, setId, versionId, outboxId } = asked;
  const expected = { zone_id: zoneId, policy_set_id: setId, policy_set_version_id: versionId };
  const { rows } = await pool.query<{ id: string; matches: boolean; attempts: number; last_error: string | null; dispatched_at: Date | null }>(
    `SELECT id, attempts, last_error, dispatched_at, stream_name = $1 AND payload_json @> $2::jsonb AS matches FROM event_outbox
     WHERE CASE WHEN $3::text IS NULL THEN stream_name = $1 AND payload_json @> $2::jsonb ELSE id = $3 END ORDER BY created_at DESC LIMIT 1`,
    [STREAMS.policy, JSON.stringify(expected), outboxId ?? null],
  );
  const [row] = rows;
  if (row === undefined) return { id: outboxId ?? null, state: 'missing', attempts: 0, last_error: null, dispatched_at: null };
  const { id, matches, attempts, last_error, dispatched_at } = row;
  // A dead row shows as pending (contract, storage 12, trap 11).
  return { id, state: !matches ? 'mismatch' : dispatched_at === null ? 'pending' : 'dispatched', attempts, last_error, dispatched_at };
}

function propagationOf({ active, outbox, loaded, sts }: { active: boolean; outbox: string; loaded: boolean; sts: string }): string {
  if (!active) return 'waiting_for_activation';
  if (outbox === 'mismatch') return 'failed';
  if (outbox !== 'dispatched') return 'waiting_for_outbox';
  if (loaded) return 'loaded';
  return sts === 'failed' ? 'failed' : 'waiting_for_sts';
}

/** An operator's decision over a hold; its audit event commits with it (Caracal apps/api/src/routes/approvals.ts). */
async function decide({ pool, auth, auditKey }: RouteContext, call: Call, state: 'approved' | 'rejected'): Promise<Answer> {
  const [zoneId, id] = [call.params['zoneId'] ?? '', call.params['id'] ?? ''];
  if (!ID.test(zoneId) || !ID.test(id)) return failure(400, 'invalid_params');
  const body = decisionBody.safeParse(call.body ?? {});
  if (!body.success) return failure(400, 'invalid_body');
  const approver = `admin:${auth.actorOf(call)?.id ?? ''}`;
  return transaction(pool, async (client) => {
    const decided = await client.query<{
      tier: string | null; approver_class: string; privacy_mode: string; binding: string | null; session_id: string | null;
      application_id: string | null; satisfied_at: Date | null; rejected_at: Date | null;
    }>(
      `UPDATE step_up_challenges SET ${state === 'approved' ? 'satisfied_at' : 'rejected_at'} = now(), approver_subject_id = $3, decision_reason = $4
       WHERE id = $1 AND zone_id = $2 AND approver_class IN ('operator', 'any') AND satisfied_at IS NULL AND rejected_at IS NULL
         AND consumed_at IS NULL AND expires_at > now()
       RETURNING tier, approver_class, privacy_mode, encode(resource_set_hash, 'hex') AS binding, session_id, application_id, satisfied_at, rejected_at`,
      [id, zoneId, approver, body.data.reason ?? null],
    );
    const hold = decided.rows[0];
    if (hold === undefined) {
      const known = await client.query<{ now: string }>(
        `SELECT CASE WHEN consumed_at IS NOT NULL THEN 'consumed' WHEN rejected_at IS NOT NULL THEN 'rejected'
                     WHEN expires_at <= now() THEN 'expired' WHEN satisfied_at IS NOT NULL THEN 'approved' ELSE 'pending' END AS now
         FROM step_up_challenges WHERE id = $1 AND zone_id = $2`, [id, zoneId],
      );
      const current = known.rows[0]?.now;
      if (current === undefined) return failure(404, 'approval_not_found');
      // Still pending, and yet not ours: it is reserved for the subject.
      return current === 'pending' ? failure(403, 'subject_approval_required') : json(409, { error: 'approval_not_decidable', state: current });
    }
    const data = auditData({
      id: uuidv7(), zone_id: zoneId, event_type: 'step_up_decided', request_id: call.id, decision: state, evaluation_status: 'complete',
      determining_policies_json: [], diagnostics_json: [],
      metadata_json: {
        challenge_id: id, tier: hold.tier ?? '', approver_class: hold.approver_class, privacy_mode: hold.privacy_mode, binding: hold.binding,
        session_id: hold.session_id, approver_plane: 'operator', approver_subject_id: approver,
        ...(hold.application_id === null ? {} : { application_id: hold.application_id }),
        ...(body.data.reason === undefined ? {} : { reason: body.data.reason }),
      },
      occurred_at: new Date().toISOString(),
    });
    await client.query(
      'INSERT INTO event_outbox (id, stream_name, payload_json, request_id) VALUES ($1, $2, $3::jsonb, $4)',
      [uuidv7(), STREAMS.audit, JSON.stringify({ id: call.id, data, sig: signAuditData(auditKey, data) }), call.id],
    );
    await client.query('SELECT pg_notify($1, $2)', ['caracal_approval_decided', id]);
    return json(200, { id, state, satisfied_at: hold.satisfied_at, rejected_at: hold.rejected_at, approver_subject_id: approver });
  });
}

function invalidBody(call: Call, error: z.ZodError): Answer {
  return json(400, {
    error: 'invalid_body', error_description: 'Request body failed validation', requestId: call.id,
    details: { issues: error.issues.map(({ path, message }) => ({ path: path.map(String), message })) },
  });
}

function shown(row: Row): Row {
  return { ...row, metadata_json: redacted(row['metadata_json']) };
}

function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, REDACTED.has(key.toLowerCase()) ? '[redacted]' : redacted(entry)]));
}

/** Milliseconds only, so that rows of the same millisecond can be skipped (contract, request evidence 1.5). */
function cursorText(moment: Date, id: string): string {
  return Buffer.from(JSON.stringify({ ts: moment.toISOString(), id })).toString('base64url');
}

function cursorOf(text: string | undefined): Cursor | undefined | 'invalid' {
  if (text === undefined) return undefined;
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
  } catch {
    return 'invalid';
  }
}

