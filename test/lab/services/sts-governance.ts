import * as z from 'zod';
import { Refusal, type StsContext } from './sts-context.ts';

// Within which Session and Delegation an exchange happens, by the database's clock (contract, request evidence 4.4, row 17, and 12.4;
// Caracal services/sts/internal/exchange.go).

const MOST_HOPS = 10;

/** Keys beyond these make the STS refuse the edge, although the Coordinator stores them. */
const constraintsSchema = z.strictObject({
  resources: z.array(z.string()).default([]), ttl_seconds: z.int().min(0).default(0), max_depth: z.int().min(0).default(0), max_hops: z.int().min(0).default(0),
  policy_approved: z.boolean().optional(), expires_at: z.string().optional(), broad_reason: z.string().optional(),
}).refine(({ max_depth: depth, max_hops: hops }) => depth === 0 || hops === 0 || depth === hops);

export type Session = {
  id: string; application_id: string; lifecycle: string; labels: string[]; depth: number; parent_id: string | null; record_id: string;
  /** Of the authority record; the person whom the Session acts for when it is of type user. */
  record_type: string; subject_id: string | null; live: boolean;
};
type Edge = {
  id: string; source_session_id: string; target_session_id: string; issuer_application_id: string; receiver_application_id: string; parent_edge_id: string | null;
  resource_id: string | null; scopes: string[]; constraints_json: unknown; edge_version: number; live: boolean;
  /** Seconds until it ends. */
  remaining: number;
};
type Hop = { application_id: string; agent_session_id: string; delegation_edge_id: string };
export type Delegation = { edge: Edge; constraints: z.infer<typeof constraintsSchema>; path: string[]; chain: Hop[]; epoch: number };
export type Governance = { session: Session | undefined; delegation: Delegation | undefined };

export type Referenced = {
  zoneId: string; applicationId: string; recordId: string; sessionId: string; edgeId: string; scopes: readonly string[]; ttlSeconds: number;
  subject: 'none' | 'session' | 'gateway';
};

const LIVE_SESSION = `s.status = 'active' AND (r.session_type <> 'user' OR (r.status = 'active' AND r.expires_at > now()))
  AND CASE s.lifecycle WHEN 'service' THEN s.heartbeat_deadline_at > now() ELSE s.ttl_seconds > 0 AND s.started_at + make_interval(secs => s.ttl_seconds) > now() END`;

/** @throws Refusal of the first reference that does not hold; none of them writes an event */
export async function governanceOf(context: StsContext, asked: Referenced): Promise<Governance> {
  const refuse = (description: string): never => {
    throw new Refusal(403, 'access_denied', description);
  };
  const { zoneId, applicationId, recordId, sessionId, edgeId, subject } = asked;
  if (recordId !== '') {
    const record = await recordOf(context, zoneId, recordId);
    if (record?.live !== true) return refuse('authority record inactive or expired');
    if (subject === 'none' && (record.type !== 'application' || record.subject_id !== applicationId)) refuse('authority record not owned by caller');
  }
  const isBound = ({ record_id: own }: Session): boolean => subject !== 'session' || recordId === '' || own === recordId;
  if (edgeId === '') {
    if (sessionId === '') return { session: undefined, delegation: undefined };
    const session = await sessionOf(context, zoneId, sessionId);
    if (session?.live !== true) return refuse('session inactive or expired');
    if (session.application_id !== applicationId) refuse('session not owned by caller');
    if (!isBound(session)) refuse('session authority record binding mismatch');
    return { session, delegation: undefined };
  }
  if (sessionId === '') refuse('delegation requires a target Session');
  const edge = await edgeOf(context, zoneId, edgeId);
  if (edge?.live !== true) return refuse('delegation edge inactive or expired');
  if (edge.target_session_id !== sessionId) refuse('delegation edge target mismatch');
  const source = await sessionOf(context, zoneId, edge.source_session_id);
  if (source?.live !== true) return refuse('delegation source inactive or expired');
  const target = await sessionOf(context, zoneId, sessionId);
  if (target?.live !== true || target.application_id !== applicationId) return refuse('delegation target inactive or unauthorized');
  if (!isBound(target)) refuse('session authority record binding mismatch');
  if (source.application_id !== edge.issuer_application_id || target.application_id !== edge.receiver_application_id) refuse('delegation application mismatch');
  const constraints = constraintsSchema.safeParse(edge.constraints_json ?? {}).data ?? refuse('delegation constraints invalid');
  if (asked.scopes.some((scope) => !edge.scopes.includes(scope))) refuse('requested scopes exceed delegation scopes');
  if (constraints.ttl_seconds > 0 && asked.ttlSeconds > constraints.ttl_seconds) refuse('requested ttl exceeds delegation ttl');
  const hops = constraints.max_depth || constraints.max_hops || 1;
  if (hops > MOST_HOPS) refuse('delegation hop limit exceeds platform maximum');
  context.counters.traversals += 1;
  const lineage = await lineageOf(context, zoneId, { edge, hops });
  if (lineage.length === 0) {
    context.counters.traversalErrors += 1;
    refuse('delegation path invalid');
  }
  if (lineage.some(({ issuer_application_id: issuer }, index) => index > 0 && issuer !== lineage[index - 1]?.receiver_application_id)) refuse('delegation chain discontinuous');
  // Hence a chain over several applications is refused: its first issuer is not that of the last edge.
  if (lineage[0]?.issuer_application_id !== source.application_id) refuse('delegation chain endpoints mismatch');
  const epoch = await context.pool.query<{ epoch: string }>('SELECT epoch FROM delegation_graph_epochs WHERE zone_id = $1', [zoneId]).catch(() => refuse('delegation graph epoch unavailable'));
  const chain = lineage.map((hop) => ({ application_id: hop.issuer_application_id, agent_session_id: hop.source_session_id, delegation_edge_id: hop.id }));
  return {
    session: target,
    delegation: {
      edge, constraints, path: lineage.map(({ id }) => id), chain: [...chain, { application_id: edge.receiver_application_id, agent_session_id: target.id, delegation_edge_id: '' }],
      epoch: Number(epoch.rows[0]?.epoch ?? 0),
    },
  };
}

export type AuthorityRecord = { type: string; subject_id: string | null; live: boolean };

/** The record and whether it counts now; undefined when there is none, or Postgres does not answer. */
export async function recordOf({ pool }: StsContext, zoneId: string, id: string): Promise<AuthorityRecord | undefined> {
  const { rows } = await pool.query<AuthorityRecord>(
    "SELECT session_type AS type, subject_id, status = 'active' AND expires_at > now() AS live FROM authority_records WHERE id = $1 AND zone_id = $2", [id, zoneId],
  ).catch(() => ({ rows: [] }));
  return rows[0];
}

async function sessionOf({ pool }: StsContext, zoneId: string, id: string): Promise<Session | undefined> {
  const { rows } = await pool.query<Session>(
    `SELECT s.id, s.application_id, s.lifecycle, s.labels, s.depth, s.parent_id, s.subject_authority_record_id AS record_id, r.session_type AS record_type, r.subject_id, ${LIVE_SESSION} AS live
     FROM sessions s JOIN authority_records r ON r.id = s.subject_authority_record_id WHERE s.id = $1 AND s.zone_id = $2`, [id, zoneId],
  ).catch(() => ({ rows: [] }));
  return rows[0];
}

async function edgeOf({ pool }: StsContext, zoneId: string, id: string): Promise<Edge | undefined> {
  const { rows } = await pool.query<Edge>(
    `SELECT id, source_session_id, target_session_id, issuer_application_id, receiver_application_id, parent_edge_id, resource_id, scopes, constraints_json, edge_version,
            status = 'active' AND expires_at > now() AND revoked_at IS NULL AS live, extract(epoch FROM expires_at - now())::float8 AS remaining
     FROM delegation_edges WHERE id = $1 AND zone_id = $2`, [id, zoneId],
  ).catch(() => ({ rows: [] }));
  return rows[0];
}

/** From the origin to the edge; empty when one of them is dead, or when there are more than its hops. */
async function lineageOf(context: StsContext, zoneId: string, { edge, hops }: { edge: Edge; hops: number }): Promise<Edge[]> {
  const lineage = [edge];
  while (lineage.length <= hops) {
    const parent = lineage[0]?.parent_edge_id ?? null;
    if (parent === null) return lineage;
    const above = await edgeOf(context, zoneId, parent);
    if (above?.live !== true) return [];
    lineage.unshift(above);
  }
  return [];
}

/** Seconds that a mandate may live, which the Delegation shortens. @throws Refusal when none are left */
export function lifeWithin(seconds: number, delegation: Delegation | undefined): number {
  if (delegation === undefined) return seconds;
  const { edge, constraints } = delegation;
  const limits = [seconds, edge.remaining];
  if (constraints.ttl_seconds > 0) limits.push(constraints.ttl_seconds);
  if (constraints.expires_at !== undefined) {
    const remaining = (Date.parse(constraints.expires_at) - Date.now()) / 1000;
    if (Number.isNaN(remaining)) throw new Refusal(403, 'access_denied', 'delegation constraint expiry invalid');
    if (remaining <= 0) throw new Refusal(403, 'access_denied', 'delegation constraint expired');
    limits.push(remaining);
  }
  const least = Math.min(...limits);
  if (least <= 0) throw new Refusal(403, 'access_denied', 'effective delegation ttl expired');
  return least;
}
