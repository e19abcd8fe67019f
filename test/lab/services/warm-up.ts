import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { eventually } from '../eventually.ts';
import { uuidv7 } from '../stores/identifiers.ts';
import type { Seeded } from '../stores/seed.ts';
import { clientSecretHash } from './client-secrets.ts';
import { STREAMS } from './streams.ts';

/** Time for what should take a second. */
const LIMIT_MS = 15_000;

/** Gives the seeded applications a secret that traffic knows, and the resources an upstream that answers. */
export async function connectContent(pool: Pool, seeded: Seeded, upstreamUrl: string, clientSecret: string): Promise<void> {
  await pool.query('UPDATE applications SET client_secret_hash = $1 WHERE zone_id = $2', [await clientSecretHash(clientSecret), seeded.payments.id]);
  await pool.query('UPDATE resources SET upstream_url = $1', [upstreamUrl]);
}

/**
 * Lets one policy activation and one revocation pass, so that their streams have entries and their
 * groups have read; afterwards nothing writes to them.
 */
export async function passThroughQuietStreams(options: {
  pool: Pool; redis: Redis; seeded: Seeded; apiUrl: string; adminToken: string;
}): Promise<void> {
  const { pool, redis, seeded, apiUrl, adminToken } = options;
  const { id: zoneId, policySetId, activePolicySetVersionId: versionId } = seeded.payments;
  const activation = await fetch(`${apiUrl}/v1/zones/${zoneId}/policy-sets/${policySetId}/activate`, {
    method: 'POST', headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ version_id: versionId }),
  });
  if (activation.status !== 202) throw new Error(`policy activation: ${String(activation.status)} ${await activation.text()}`);
  const recordId = uuidv7();
  await pool.query(
    `INSERT INTO authority_records (id, zone_id, session_type, subject_id, status, expires_at, authenticated_at, revoked_at, revoked_reason)
     VALUES ($1, $2, 'user', 'former.employee@example.com', 'revoked', now() + interval '1 hour', now(), now(), 'subject_revoked')`, [recordId, zoneId],
  );
  await pool.query('INSERT INTO event_outbox (id, stream_name, payload_json) VALUES ($1, $2, $3::jsonb)', [
    uuidv7(), STREAMS.revocations, JSON.stringify({ zone_id: zoneId, session_id: recordId, reason: 'subject_revoked' }),
  ]);
  for (const stream of [STREAMS.policy, STREAMS.revocations]) await eventually(`${stream} is read by its groups`, () => allRead(redis, stream), LIMIT_MS);
}

/** Traffic's first event is in the ledger, and the API shows it. */
export async function untilAuditVisible(options: { zoneId: string; apiUrl: string; adminToken: string }): Promise<void> {
  const { zoneId, apiUrl, adminToken } = options;
  await eventually('an audit event of traffic in the API', async () => {
    const response = await fetch(`${apiUrl}/v1/zones/${zoneId}/audit?limit=1`, { headers: { authorization: `Bearer ${adminToken}` } });
    return (await response.text()).startsWith('{"items":[{');
  }, LIMIT_MS);
}

/** Whether every group of the stream has read and acknowledged its last entry, and there is one. */
export async function allRead(redis: Redis, stream: string): Promise<boolean> {
  const [last] = await redis.xrevrange(stream, '+', '-', 'COUNT', 1);
  if (last === undefined) return false;
  const groups = await redis.xinfo('GROUPS', stream) as unknown[][];
  return groups.every((group) => field(group, 'last-delivered-id') === last[0] && Number(field(group, 'pending')) === 0);
}

function field(group: readonly unknown[], name: string): unknown {
  return group[group.indexOf(name) + 1];
}
