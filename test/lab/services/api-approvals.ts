import * as z from 'zod';
import { uuidv7 } from '../stores/identifiers.ts';
import { Conditions, idsOf, instant, invalidParams, page } from './api-queries.ts';
import type { RouteContext } from './api-routes.ts';
import { auditData } from './audit-event.ts';
import { type Answer, type Call, failure, json, type NodeApp } from './node-app.ts';
import { signAuditData, STREAMS } from './streams.ts';
import { transaction } from './transactions.ts';

// Holds as operators see and decide them (contract, request evidence 2.1 and 2.4; Caracal apps/api/src/routes/approvals.ts).

/** What each state means of a row, as the STS sees it too. */
const STATES = {
  pending: 'consumed_at IS NULL AND rejected_at IS NULL AND satisfied_at IS NULL AND expires_at > now()',
  approved: 'consumed_at IS NULL AND rejected_at IS NULL AND satisfied_at IS NOT NULL AND expires_at > now()',
  rejected: 'consumed_at IS NULL AND rejected_at IS NOT NULL',
  expired: 'consumed_at IS NULL AND rejected_at IS NULL AND expires_at <= now()',
  consumed: 'consumed_at IS NOT NULL',
};
const STATE = `CASE ${Object.entries(STATES).map(([state, condition]) => `WHEN ${condition} THEN '${state}'`).join(' ')} END`;
/** How often the same request was decided so already, while the rows live. */
const prior = (column: string): string => `(SELECT count(*)::int FROM step_up_challenges p WHERE p.zone_id = c.zone_id AND p.resource_set_hash = c.resource_set_hash
  AND p.id <> c.id AND p.${column} IS NOT NULL)`;
const SELECT = `SELECT id, zone_id, session_id, principal_id, application_id, challenge_type AS approval_type, tier, approver_class, privacy_mode, subject_anchor,
  encode(resource_set_hash, 'hex') AS binding, metadata_json, decision_reason, created_at, expires_at, satisfied_at, rejected_at, consumed_at, approver_subject_id,
  EXISTS (SELECT FROM authority_records r WHERE r.zone_id = c.zone_id AND r.subject_id = c.principal_id AND r.session_type = 'user') AS principal_federated,
  ${prior('satisfied_at')} AS prior_approved, ${prior('rejected_at')} AS prior_rejected, ${STATE} AS state FROM step_up_challenges c`;

const listQuery = z.object({
  state: z.enum(Object.keys(STATES) as (keyof typeof STATES)[]).optional(), tier: z.string().min(1).max(64).optional(), principal: z.string().min(1).max(128).optional(),
  since: instant.optional(), until: instant.optional(), cursor: z.string().min(1).optional(), limit: z.coerce.number().int().min(1).max(500).default(200),
});
const decisionBody = z.object({ reason: z.string().max(500).optional() });

export function addApprovalRoutes(app: NodeApp, context: RouteContext): void {
  app.route('GET', '/v1/zones/:zoneId/approvals', (call) => list(context, call));
  app.route('GET', '/v1/zones/:zoneId/approvals/counts', (call) => counts(context, call));
  app.route('GET', '/v1/zones/:zoneId/approvals/:id', (call) => one(context, call));
  app.route('POST', '/v1/zones/:zoneId/approvals/:id/approve', (call) => decide(context, call, 'approved'));
  app.route('POST', '/v1/zones/:zoneId/approvals/:id/reject', (call) => decide(context, call, 'rejected'));
}

async function list({ pool }: RouteContext, call: Call): Promise<Answer> {
  const [zoneId] = idsOf(call, 'zoneId') ?? [];
  if (zoneId === undefined) return invalidParams;
  const query = listQuery.safeParse(Object.fromEntries(call.query));
  if (!query.success) return failure(400, 'invalid_query');
  const { state, tier, principal, since, until, cursor, limit } = query.data;
  const conditions = new Conditions();
  conditions.add('zone_id = ?', zoneId);
  conditions.add(`${STATE} = ?`, state);
  conditions.add('tier = ?', tier);
  conditions.add('principal_id = ?', principal);
  conditions.add('created_at >= ?', since);
  conditions.add('created_at <= ?', until);
  return page<{ id: string; created_at: Date }>({
    pool, select: SELECT, conditions, time: 'created_at', id: 'id', cursor, limit, at: (row) => ({ moment: row.created_at, id: row.id }),
  });
}

async function counts({ pool }: RouteContext, call: Call): Promise<Answer> {
  const [zoneId] = idsOf(call, 'zoneId') ?? [];
  if (zoneId === undefined) return invalidParams;
  const columns = Object.entries(STATES).map(([state, condition]) => `count(*) FILTER (WHERE ${condition})::int AS ${state}`);
  const { rows } = await pool.query(`SELECT ${columns.join(', ')} FROM step_up_challenges WHERE zone_id = $1`, [zoneId]);
  return json(200, rows[0]);
}

async function one({ pool }: RouteContext, call: Call): Promise<Answer> {
  const [zoneId, id] = idsOf(call, 'zoneId', 'id') ?? [];
  if (zoneId === undefined) return invalidParams;
  const { rows } = await pool.query(`${SELECT} WHERE zone_id = $1 AND id = $2`, [zoneId, id]);
  return rows[0] === undefined ? failure(404, 'approval_not_found') : json(200, rows[0]);
}

/** An operator's decision over a hold; its audit event commits with it (Caracal apps/api/src/routes/approvals.ts). */
async function decide({ pool, auth, auditKey }: RouteContext, call: Call, state: 'approved' | 'rejected'): Promise<Answer> {
  const [zoneId, id] = idsOf(call, 'zoneId', 'id') ?? [];
  if (zoneId === undefined || id === undefined) return invalidParams;
  const body = decisionBody.safeParse(call.body ?? {});
  if (!body.success) return failure(400, 'invalid_body');
  const approver = `admin:${auth.actorOf(call)?.id ?? ''}`;
  return transaction(pool, async (client) => {
    const decided = await client.query<{
      tier: string | null; approver_class: string; privacy_mode: string; binding: string | null; session_id: string | null;
      application_id: string | null; subject_anchor: string | null; metadata_json: { agent_labels?: string[] }; satisfied_at: Date | null; rejected_at: Date | null;
    }>(
      `UPDATE step_up_challenges SET ${state === 'approved' ? 'satisfied_at' : 'rejected_at'} = now(), approver_subject_id = $3, decision_reason = $4
       WHERE id = $1 AND zone_id = $2 AND approver_class IN ('operator', 'any') AND satisfied_at IS NULL AND rejected_at IS NULL
         AND consumed_at IS NULL AND expires_at > now()
       RETURNING tier, approver_class, privacy_mode, encode(resource_set_hash, 'hex') AS binding, session_id, application_id, subject_anchor, metadata_json,
         satisfied_at, rejected_at`,
      [id, zoneId, approver, body.data.reason ?? null],
    );
    const hold = decided.rows[0];
    if (hold === undefined) {
      const { rows: [known] } = await client.query<{ state: string; approver_class: string }>(`SELECT ${STATE} AS state, approver_class FROM step_up_challenges WHERE id = $1 AND zone_id = $2`, [id, zoneId]);
      if (known === undefined) return failure(404, 'approval_not_found');
      if (known.state === 'pending' && known.approver_class === 'subject') return failure(403, 'subject_approval_required');
      return json(409, { error: 'approval_not_decidable', state: known.state });
    }
    const data = auditData({
      id: uuidv7(), zone_id: zoneId, event_type: 'step_up_decided', request_id: call.id, decision: state, evaluation_status: 'complete',
      determining_policies_json: [], diagnostics_json: [],
      metadata_json: {
        challenge_id: id, tier: hold.tier ?? '', approver_class: hold.approver_class, privacy_mode: hold.privacy_mode, binding: hold.binding,
        session_id: hold.session_id, approver_plane: 'operator', approver_subject_id: approver,
        ...(hold.application_id === null ? {} : { application_id: hold.application_id }), ...(hold.subject_anchor === null ? {} : { subject_anchor: hold.subject_anchor }),
        ...(hold.metadata_json.agent_labels === undefined ? {} : { agent_labels: hold.metadata_json.agent_labels }),
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
