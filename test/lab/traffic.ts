import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'pg';
import * as z from 'zod';
import { uuidv7 } from './stores/identifiers.ts';
import { SERVICE_LEASE_SECONDS } from './stores/seed.ts';

// Steady traffic of a lab, as a process of its own. Whatever is away, every loop goes on trying and
// says nothing; nothing of it writes to the streams of revocations and policy changes.

/** What traffic is told, as JSON in `LAB_TRAFFIC`. */
export const trafficSchema = z.object({
  api: z.string(), sts: z.string(), gateway: z.string(), coordinator: z.string(), database: z.string(), adminToken: z.string(),
  zoneId: z.string(), clientSecret: z.string(), resource: z.string(),
  /** May use the resource with this Session and Delegation. */
  allowed: z.object({ applicationId: z.string(), sessionId: z.string(), edgeId: z.string() }),
  /** Has a Delegation, but no grant. */
  denied: z.object({ applicationId: z.string(), sessionId: z.string(), edgeId: z.string() }),
  /** Starts and ends Sessions; owns this resource. */
  operator: z.object({ applicationId: z.string(), resource: z.string() }),
});
export type TrafficPlan = z.infer<typeof trafficSchema>;

const CALL_LIMIT_MS = 10_000;
const APPROVAL_LIFE = '4 hours';

const tokenSchema = z.object({ access_token: z.string() });
const agentSchema = z.object({ agent_session_id: z.string() });

async function run(plan: TrafficPlan): Promise<void> {
  const pool = new Pool({
    connectionString: plan.database, max: 1, connectionTimeoutMillis: CALL_LIMIT_MS, idleTimeoutMillis: 0, query_timeout: CALL_LIMIT_MS,
    application_name: 'lab-traffic',
  });
  pool.on('error', () => undefined);
  await Promise.all([
    every(800, () => useResource(plan)),
    every(1500, () => beDenied(plan)),
    every(2000, sessionRound(plan)),
    every(4000, () => decideApproval(plan, pool)),
    every(SERVICE_LEASE_SECONDS * 1000 / 6, () => keepServicesAlive(pool)),
  ]);
}

/** A mint and the call it is for: three audit events. */
async function useResource(plan: TrafficPlan): Promise<void> {
  const { applicationId, sessionId, edgeId } = plan.allowed;
  const mandate = await exchange(plan, { application_id: applicationId, agent_session_id: sessionId, delegation_edge_id: edgeId, scope: 'invoice:read' });
  if (mandate === undefined) return;
  await call(`${plan.gateway}/invoices`, { headers: { authorization: `Bearer ${mandate}`, 'x-caracal-resource': plan.resource } });
}

/** Two refusals of the policy: no Session, and no grant. */
async function beDenied(plan: TrafficPlan): Promise<void> {
  await exchange(plan, { application_id: plan.allowed.applicationId, scope: 'invoice:read' });
  const { applicationId, sessionId, edgeId } = plan.denied;
  await exchange(plan, { application_id: applicationId, agent_session_id: sessionId, delegation_edge_id: edgeId, scope: 'invoice:read' });
}

/** Starts a Session through the Coordinator and ends it a round later. */
function sessionRound(plan: TrafficPlan): () => Promise<void> {
  let running: string | undefined;
  return async () => {
    const mandate = await exchange(plan, { application_id: plan.operator.applicationId, resource: plan.operator.resource, scope: 'agent:lifecycle' });
    if (mandate === undefined) return;
    const headers = { authorization: `Bearer ${mandate}`, 'content-type': 'application/json' };
    const agents = `${plan.coordinator}/zones/${plan.zoneId}/agents`;
    if (running !== undefined) {
      await call(`${agents}/${running}`, { method: 'DELETE', headers: { authorization: headers.authorization } });
      running = undefined;
      return;
    }
    const started = await call(agents, { method: 'POST', headers, body: JSON.stringify({ application_id: plan.operator.applicationId, ttl_seconds: 60, labels: ['checkout'] }) });
    running = agentSchema.safeParse(started).data?.agent_session_id;
  };
}

/** A hold, as the STS writes it, and the operator's approval through the API. */
async function decideApproval(plan: TrafficPlan, pool: Pool): Promise<void> {
  const id = uuidv7();
  await pool.query(
    `INSERT INTO step_up_challenges (id, zone_id, session_id, challenge_type, principal_id, resource_set_hash, application_id, tier, expires_at)
     VALUES ($1, $2, $3, 'human_approval', $4, sha256(convert_to($1, 'UTF8')), $4, 'high', now() + $5::interval)`,
    [id, plan.zoneId, plan.allowed.sessionId, plan.allowed.applicationId, APPROVAL_LIFE],
  );
  await call(`${plan.api}/v1/zones/${plan.zoneId}/approvals/${id}/approve`, {
    method: 'POST', headers: { authorization: `Bearer ${plan.adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ reason: 'routine' }),
  });
}

/** The heartbeat of all service agents, also of those that an outage suspended; one that was silent for an hour is gone. */
async function keepServicesAlive(pool: Pool): Promise<void> {
  await pool.query(
    `UPDATE sessions SET status = 'active', last_heartbeat_at = now(), last_active_at = now(), updated_at = now(),
            heartbeat_deadline_at = now() + make_interval(secs => $1)
     WHERE lifecycle = 'service' AND status IN ('active', 'suspended') AND heartbeat_deadline_at > now() - interval '1 hour'`, [SERVICE_LEASE_SECONDS],
  );
}

/** The new mandate; undefined when the STS refused. */
async function exchange(plan: TrafficPlan, fields: Record<string, string>): Promise<string | undefined> {
  const answer = await call(`${plan.sts}/oauth/2/token`, {
    method: 'POST', body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', zone_id: plan.zoneId, client_secret: plan.clientSecret, resource: plan.resource, ...fields,
    }),
  });
  return tokenSchema.safeParse(answer).data?.access_token;
}

async function call(url: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(CALL_LIMIT_MS) });
  const text = await response.text();
  return text === '' ? undefined : JSON.parse(text);
}

async function every(intervalMs: number, round: () => Promise<void>): Promise<never> {
  for (;;) {
    await round().catch(() => undefined); // away for now
    await delay(intervalMs);
  }
}

if (import.meta.main) await run(trafficSchema.parse(JSON.parse(process.env['LAB_TRAFFIC'] ?? '')));
