import type { Pool } from 'pg';
import * as z from 'zod';
import { uuidv7 } from '../stores/identifiers.ts';
import { Conditions, idsOf, invalidBody, invalidParams, page } from './api-queries.ts';
import type { RouteContext } from './api-routes.ts';
import { policyStatusOfSts, simulationOfSts } from './api-sts.ts';
import { type Answer, type Call, failure, json, type NodeApp } from './node-app.ts';
import { STREAMS } from './streams.ts';
import { transaction } from './transactions.ts';

// Policies, their sets, what is active and what would be decided (contract, request evidence 2.5 and 2.6).

const INPUT_SCHEMA = '2026-05-20';
const ATTRIBUTION = 'created_by, created_via_operator, updated_by, updated_via_operator, created_at, updated_at';

const listQuery = z.object({ cursor: z.string().optional(), limit: z.coerce.number().int().min(1).max(500).default(200) });
const activateBody = z.object({ version_id: z.string().min(1) });
const activationQuery = z.object({ version_id: z.string().min(1).optional(), outbox_id: z.string().min(1).optional() });
const simulateBody = z.object({ version_id: z.string().min(1), input: z.record(z.string(), z.unknown()).optional() });

export function addPolicyRoutes(app: NodeApp, context: RouteContext): void {
  const { pool } = context;
  app.route('GET', '/v1/zones/:zoneId/policies', (call) => list(pool, call, `SELECT id, zone_id, name, description, ${ATTRIBUTION} FROM policies`));
  app.route('GET', '/v1/zones/:zoneId/policies/:id', (call) => onePolicy(pool, call));
  app.route('GET', '/v1/zones/:zoneId/policy-sets', (call) => list(pool, call, SETS));
  app.route('GET', '/v1/zones/:zoneId/policy-sets/:id', (call) => oneSet(pool, call));
  app.route('GET', '/v1/zones/:zoneId/policy-sets/:id/versions', (call) => versions(pool, call));
  app.route('GET', '/v1/zones/:zoneId/policy-sets/:id/versions/:versionId', (call) => oneVersion(pool, call));
  app.route('POST', '/v1/zones/:zoneId/policy-sets/:id/activate', (call) => activate(context, call));
  app.route('GET', '/v1/zones/:zoneId/policy-sets/:id/activation-status', (call) => activationStatus(context, call));
  app.route('POST', '/v1/zones/:zoneId/policy-sets/:id/simulate', (call) => simulate(context, call));
}

const SETS = `SELECT id, zone_id, name, description, ${ATTRIBUTION},
  (SELECT b.active_version_id FROM policy_set_bindings b WHERE b.zone_id = s.zone_id AND b.policy_set_id = s.id) AS active_version_id FROM policy_sets s`;
const VERSION = 'v.id, v.policy_set_id, v.version, v.manifest_sha256, v.schema_version, v.created_by, v.created_via_operator, v.created_at';

async function list(pool: Pool, call: Call, select: string): Promise<Answer> {
  const [zoneId] = idsOf(call, 'zoneId') ?? [];
  if (zoneId === undefined) return invalidParams;
  const query = listQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return failure(400, 'invalid_query');
  const conditions = new Conditions();
  conditions.add('archived_at IS NULL AND zone_id = ?', zoneId);
  return page<{ id: string; created_at: Date }>({
    pool, select, conditions, time: 'created_at', id: 'id', cursor: query.data.cursor, limit: query.data.limit, at: (row) => ({ moment: row.created_at, id: row.id }),
  });
}

/** With the text of all its versions, newest first. */
async function onePolicy(pool: Pool, call: Call): Promise<Answer> {
  const [zoneId, id] = idsOf(call, 'zoneId', 'id') ?? [];
  if (zoneId === undefined) return invalidParams;
  const { rows } = await pool.query(
    `SELECT id, zone_id, name, description, ${ATTRIBUTION},
            (SELECT json_agg(json_build_object('id', v.id, 'policy_id', v.policy_id, 'version', v.version, 'content', v.content, 'content_sha256', v.content_sha256, 'schema_version', v.schema_version,
               'created_by', v.created_by, 'created_at', v.created_at, 'archived_at', v.archived_at, 'created_via_operator', v.created_via_operator) ORDER BY v.version DESC)
             FROM policy_versions v WHERE v.policy_id = p.id) AS versions
     FROM policies p WHERE zone_id = $1 AND id = $2 AND archived_at IS NULL`, [zoneId, id],
  );
  return rows[0] === undefined ? failure(404, 'policy_not_found') : json(200, rows[0]);
}

async function oneSet(pool: Pool, call: Call): Promise<Answer> {
  const [zoneId, id] = idsOf(call, 'zoneId', 'id') ?? [];
  if (zoneId === undefined) return invalidParams;
  const { rows } = await pool.query(`${SETS} WHERE zone_id = $1 AND id = $2 AND archived_at IS NULL`, [zoneId, id]);
  return rows[0] === undefined ? failure(404, 'policy_set_not_found') : json(200, rows[0]);
}

async function versions(pool: Pool, call: Call): Promise<Answer> {
  const [zoneId, id] = idsOf(call, 'zoneId', 'id') ?? [];
  if (zoneId === undefined) return invalidParams;
  const query = listQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return failure(400, 'invalid_query');
  const known = await pool.query('SELECT 1 FROM policy_sets WHERE zone_id = $1 AND id = $2 AND archived_at IS NULL', [zoneId, id]);
  if (known.rowCount === 0) return failure(404, 'policy_set_not_found');
  const conditions = new Conditions();
  conditions.add('v.policy_set_id = ?', id);
  return page<{ id: string; created_at: Date }>({
    pool, select: `SELECT ${VERSION} FROM policy_set_versions v`, conditions, time: 'v.created_at', id: 'v.id', cursor: query.data.cursor, limit: query.data.limit,
    at: (row) => ({ moment: row.created_at, id: row.id }),
  });
}

type StoredVersion = { id: string; manifest_json: { policy_version_id: string }[]; manifest_sha256: string; schema_version: string };

async function versionOf(pool: Pool, zoneId: string, setId: string, versionId: string): Promise<StoredVersion | undefined> {
  const { rows } = await pool.query<StoredVersion>(
    `SELECT ${VERSION}, v.manifest_json FROM policy_set_versions v JOIN policy_sets s ON s.id = v.policy_set_id
     WHERE v.id = $3 AND s.id = $2 AND s.zone_id = $1 AND s.archived_at IS NULL`, [zoneId, setId, versionId],
  );
  return rows[0];
}

async function oneVersion(pool: Pool, call: Call): Promise<Answer> {
  const [zoneId, setId, versionId] = idsOf(call, 'zoneId', 'id', 'versionId') ?? [];
  if (zoneId === undefined || setId === undefined || versionId === undefined) return invalidParams;
  const version = await versionOf(pool, zoneId, setId, versionId);
  return version === undefined ? failure(404, 'policy_set_version_not_found') : json(200, { ...version, policies: version.manifest_json.map(({ policy_version_id: policy }) => policy) });
}

/** The version's policies over an input of the caller's, in the STS; nothing is read but the policies (contract, request evidence 2.6). */
async function simulate({ pool, sts: access }: RouteContext, call: Call): Promise<Answer> {
  const [zoneId, setId] = idsOf(call, 'zoneId', 'id') ?? [];
  if (zoneId === undefined || setId === undefined) return invalidParams;
  const body = simulateBody.safeParse(call.body);
  if (!body.success) return invalidBody(call, body.error);
  const { version_id: versionId, input } = body.data;
  const version = await versionOf(pool, zoneId, setId, versionId);
  if (version === undefined) return failure(404, 'version_not_found');
  const ids = version.manifest_json.map(({ policy_version_id: policy }) => policy);
  const { rows: policies } = await pool.query<{ id: string; content: string }>('SELECT id, content FROM policy_versions WHERE id = ANY($1)', [ids]);
  if (policies.length !== ids.length) return json(422, { error: 'invalid_policy_contract', error_description: 'policy set manifest references missing policy versions' });
  const warnings = input === undefined ? [] : warningsAbout(input, zoneId);
  const executed = input === undefined ? undefined : await simulationOfSts(access, { policy_set_id: setId, version_id: version.id, manifest_sha256: version.manifest_sha256, policies, input });
  return json(200, {
    dry_run: true, would_activate: warnings.length === 0, policy_set_id: setId, version_id: version.id, schema_version: version.schema_version, input_schema_version: INPUT_SCHEMA,
    manifest_sha256: version.manifest_sha256, policies: ids, warnings: [...warnings, ...(executed?.warnings ?? [])],
    explanation: executed?.explanation ?? {
      evaluation: 'not_executed',
      reason: input === undefined
        ? 'simulation validates rollout contract and input shape without mutating active policy bindings'
        : 'STS simulation is not configured; rollout contract and input shape were validated without mutating active policy bindings',
    },
    result: executed?.result ?? null,
  });
}

function warningsAbout(input: Record<string, unknown>, zoneId: string): string[] {
  const { schema_version: schema, principal, resource, action, context } = input;
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  return [
    ...(schema === undefined || schema === INPUT_SCHEMA ? [] : [`input_schema_mismatch:${typeof schema === 'string' ? schema : JSON.stringify(schema)}`]),
    ...(isObject(principal) && principal['zone_id'] === zoneId ? [] : ['principal_zone_mismatch']),
    ...(isObject(resource) ? [] : ['missing_resource']), ...(isObject(action) ? [] : ['missing_action']), ...(isObject(context) ? [] : ['missing_context']),
  ];
}

/** Activation of a policy set version: the binding and the event in one transaction (recordings, policy-activation). */
async function activate({ pool }: RouteContext, call: Call): Promise<Answer> {
  const [zoneId, setId] = idsOf(call, 'zoneId', 'id') ?? [];
  if (zoneId === undefined || setId === undefined) return invalidParams;
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
  const [zoneId, setId] = idsOf(call, 'zoneId', 'id') ?? [];
  if (zoneId === undefined || setId === undefined) return invalidParams;
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
