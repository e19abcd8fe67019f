import type { Pool } from 'pg';
import * as z from 'zod';
import type { CoordinatorAuth } from './coordinator-auth.ts';
import { type Answer, type Call, failure, json, type NodeApp } from './node-app.ts';

// Delegations as the Coordinator shows them (contract, request evidence 3.2; Caracal apps/coordinator/src/routes/delegations.ts).

const ID = /^[A-Za-z0-9_.\-:]{1,128}$/;
const COLUMNS = `id, zone_id, source_session_id, target_session_id, issuer_application_id, receiver_application_id, parent_edge_id, resource_id, scopes, constraints_json, status,
  expires_at, edge_version, revoked_at, created_at`;

const listQuery = z.object({ limit: z.coerce.number().int().min(1).max(500).default(100), cursor: z.string().optional() });
const constraintsSchema = z.looseObject({ resources: z.array(z.string()).default([]), max_hops: z.number().optional(), max_depth: z.number().optional(), ttl_seconds: z.number().optional() });

type Edge = { id: string; resource_id: string | null; identifier: string | null; scopes: string[]; constraints_json: unknown; expires_at: Date };

export function addDelegationRoutes(app: NodeApp, pool: Pool, auth: CoordinatorAuth): void {
  /** Applications see their own; the operator sees all. */
  const reader = (call: Call): string | null => {
    const caller = auth.callerOf(call);
    return caller?.scopes.includes('coordinator.admin') === true ? null : caller?.clientId ?? '';
  };
  app.route('GET', '/zones/:zoneId/delegations/active', (call) => list(pool, call, { reader: reader(call), select: `${COLUMNS}, constraints_json->>'broad_reason' AS broad_reason`, where: "status = 'active' AND expires_at > now()" }));
  app.route('GET', '/zones/:zoneId/delegations/inbound/:sessionId', (call) => ofSession(pool, call, { reader: reader(call), column: 'target_session_id' }));
  app.route('GET', '/zones/:zoneId/delegations/outbound/:sessionId', (call) => ofSession(pool, call, { reader: reader(call), column: 'source_session_id' }));
  app.route('GET', '/zones/:zoneId/agents/:sessionId/effective-authority', (call) => effectiveAuthority(pool, call, reader(call)));
}

/** Also those that are revoked or expired. */
async function ofSession(pool: Pool, call: Call, { reader, column }: { reader: string | null; column: string }): Promise<Answer> {
  if (!ID.test(call.params['sessionId'] ?? '')) return failure(400, 'invalid_params');
  if (!await mayRead(pool, call, reader)) return failure(404, 'session_not_found');
  return list(pool, call, { reader, select: COLUMNS, where: `${column} = $5` });
}

async function list(pool: Pool, { params, query }: Call, { reader, select, where }: { reader: string | null; select: string; where: string }): Promise<Answer> {
  const { zoneId = '', sessionId } = params;
  if (!ID.test(zoneId)) return failure(400, 'invalid_params');
  const parsed = listQuery.safeParse(Object.fromEntries(query));
  if (!parsed.success) return failure(400, 'invalid_query');
  const { limit, cursor } = parsed.data;
  if (cursor !== undefined && (await pool.query('SELECT 1 FROM delegation_edges WHERE id = $1 AND zone_id = $2', [cursor, zoneId])).rowCount === 0) return failure(400, 'invalid_cursor');
  const { rows } = await pool.query<{ id: string }>(
    `SELECT ${select} FROM delegation_edges
     WHERE zone_id = $1 AND ($2::text IS NULL OR issuer_application_id = $2 OR receiver_application_id = $2) AND ($3::text IS NULL OR id < $3) AND ${where} ORDER BY id DESC LIMIT $4`,
    [zoneId, reader, cursor ?? null, limit, ...(sessionId === undefined ? [] : [sessionId])],
  );
  return json(200, { items: rows, next_cursor: rows.length === limit ? rows.at(-1)?.id ?? null : null });
}

async function mayRead(pool: Pool, { params }: Call, reader: string | null): Promise<boolean> {
  if (reader === null) return true;
  const own = await pool.query('SELECT 1 FROM sessions WHERE id = $1 AND zone_id = $2 AND application_id = $3', [params['sessionId'], params['zoneId'], reader]);
  return own.rowCount !== 0;
}

/** What all live Delegations to a Session have in common, although an exchange uses one of them; a shorter shape where there is none. */
async function effectiveAuthority(pool: Pool, call: Call, reader: string | null): Promise<Answer> {
  const { zoneId = '', sessionId = '' } = call.params;
  if (!ID.test(zoneId) || !ID.test(sessionId)) return failure(400, 'invalid_params');
  if (!await mayRead(pool, call, reader)) return failure(404, 'session_not_found');
  const { rows } = await pool.query<Edge>(
    `SELECT e.id, e.resource_id, r.identifier, e.scopes, e.constraints_json, e.expires_at FROM delegation_edges e LEFT JOIN resources r ON r.id = e.resource_id
     WHERE e.zone_id = $1 AND e.target_session_id = $2 AND e.status = 'active' AND e.expires_at > now() ORDER BY e.id`, [zoneId, sessionId],
  );
  const [first, ...others] = rows;
  if (first === undefined) {
    return json(200, {
      agent_session_id: sessionId, inbound_edges: [], effective_scopes: [], effective_resources: [], effective_max_hops: 0, effective_ttl_seconds: null, earliest_expires_at: null,
    });
  }
  const constraints = rows.map(({ constraints_json }) => constraintsSchema.parse(constraints_json ?? {}));
  const ttls = constraints.flatMap(({ ttl_seconds: ttl }) => ttl ?? []);
  const identifiers = new Set([...rows.flatMap(({ identifier }) => identifier ?? []), ...constraints.flatMap(({ resources }) => resources)]);
  return json(200, {
    agent_session_id: sessionId, inbound_edges: rows.map(({ id }) => id), effective_scopes: first.scopes.filter((scope) => others.every(({ scopes }) => scopes.includes(scope))).sort(),
    effective_resource_ids: [...new Set(rows.flatMap(({ resource_id: id }) => id ?? []))].sort(), effective_resources: [...identifiers].sort(),
    effective_resource_constrained: identifiers.size > 0, effective_max_hops: Math.min(...constraints.map(({ max_hops: hops, max_depth: depth }) => hops ?? depth ?? 1)),
    effective_ttl_seconds: ttls.length === 0 ? null : Math.min(...ttls), earliest_expires_at: new Date(Math.min(...rows.map(({ expires_at: at }) => at.getTime()))).toISOString(),
  });
}
