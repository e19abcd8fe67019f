import type { Pool } from 'pg';
import * as z from 'zod';
import { addApprovalRoutes } from './api-approvals.ts';
import type { AdminAuth } from './api-auth.ts';
import { addControlRoute, type ControlContext } from './api-control.ts';
import { addEvidenceRoutes } from './api-evidence.ts';
import { addPolicyRoutes } from './api-policies.ts';
import { Conditions, idsOf, invalidParams, page } from './api-queries.ts';
import { type Answer, type Call, failure, json, type NodeApp } from './node-app.ts';

const ZONE_COLUMNS = `id, name, slug, dcr_enabled, operator_coauthor_badge, operator_governed, created_by, created_via_operator, updated_by,
  updated_via_operator, created_at, updated_at`;
const zonesQuery = z.object({ cursor: z.string().optional(), limit: z.coerce.number().int().min(1).max(500).default(200) });

export type RouteContext = {
  pool: Pool; auth: AdminAuth; auditKey: Buffer;
  /** Signed calls to the STS; without a key none is made. */
  sts: { url: string; key: Buffer | undefined };
};

/** The `/v1` routes that the debugger reads and callers write (contract, request evidence 2.1). */
export function addRoutes(app: NodeApp, context: RouteContext & ControlContext): void {
  const { pool } = context;
  app.route('GET', '/v1/zones', (call) => listZones(pool, call));
  app.route('GET', '/v1/zones/:zoneId', (call) => oneZone(pool, call));
  addEvidenceRoutes(app, pool);
  addPolicyRoutes(app, context);
  addApprovalRoutes(app, context);
  addControlRoute(app, context);
}

async function listZones(pool: Pool, call: Call): Promise<Answer> {
  const query = zonesQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return failure(400, 'invalid_query');
  const conditions = new Conditions();
  conditions.add("archived_at IS NULL AND slug NOT LIKE ? AND name NOT LIKE 'caracal.sys/%'", 'caracal-sys-%');
  return page<{ id: string; created_at: Date }>({
    pool, select: `SELECT ${ZONE_COLUMNS} FROM zones`, conditions, time: 'created_at', id: 'id', cursor: query.data.cursor, limit: query.data.limit,
    at: (row) => ({ moment: row.created_at, id: row.id }),
  });
}

async function oneZone(pool: Pool, call: Call): Promise<Answer> {
  const [zoneId] = idsOf(call, 'zoneId') ?? [];
  if (zoneId === undefined) return invalidParams;
  const { rows } = await pool.query(`SELECT ${ZONE_COLUMNS} FROM zones WHERE id = $1 AND archived_at IS NULL`, [zoneId]);
  return rows[0] === undefined ? failure(404, 'zone_not_found') : json(200, rows[0]);
}
