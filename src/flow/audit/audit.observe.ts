import * as z from 'zod';
import { Unavailable } from '../../targets/failures.ts';
import type { Observer } from '../liveSource.ts';
import { reasonOf } from '../readiness/service.checks.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { adminToken, auditList } from './audit.checks.ts';

type Answer<Of> = Of extends { schema: z.ZodType<infer Value> } ? Value : never;

const token: Observer<Answer<typeof adminToken>> = {
  subject: adminToken,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'SELECT name, scope, zone_id, capability, revoked_at FROM admin_tokens WHERE token_sha256 = digest of the token in hand',
  async observe(deployment, { signal, stage }) {
    const digest = await deployment.tokenSha256('admin');
    const zone = deployment.target.zone ?? null;
    stage('waiting for Postgres');
    const [row] = await deployment.postgres().query(
      `SELECT name, scope, zone_id, capability, revoked_at IS NOT NULL AS revoked, token_hash IS NOT NULL AS usable
         FROM admin_tokens WHERE token_sha256 = decode($1, 'hex') LIMIT 1`,
      [digest],
      signal,
    );
    const [known] = await deployment.postgres().query('SELECT EXISTS (SELECT FROM zones WHERE id = $1) AS there', [zone ?? ''], signal);
    return {
      row: row
        ? {
            name: String(row['name']),
            scope: String(row['scope']),
            zone: typeof row['zone_id'] === 'string' ? row['zone_id'] : null,
            capability: String(row['capability']),
            revoked: row['revoked'] === true,
            usable: row['usable'] === true,
          }
        : null,
      zone,
      zoneExists: known?.['there'] === true,
    };
  },
};

const row = z.object({ event_type: z.string(), occurred_at: z.string(), ingested_at: z.string() });
const page = z.object({ items: z.array(row) });

/** Events that the delay is measured over. */
const listed = 20;

const list: Observer<Answer<typeof auditList>> = {
  subject: auditList,
  deadlineMs: 8_000,
  asked: (deployment) => `GET ${new URL(`/v1/zones/${deployment.target.zone ?? ''}/audit?limit=${listed}`, deployment.http('api').url).href}`,
  async observe(deployment, { signal, stage }) {
    const { zone } = deployment.target;
    if (zone === undefined) throw new Unavailable('no zone picked', 'pick one, or give zone in the target');
    stage('connecting or waiting for an answer');
    const answer = await deployment.http('api').get({ path: `/v1/zones/${encodeURIComponent(zone)}/audit?limit=${listed}`, token: 'admin', signal });
    const date = Date.parse(answer.headers['date'] ?? '');
    const base = { status: answer.status, serverMs: Number.isNaN(date) ? null : date };
    if (answer.status !== 200) return { ...base, error: reasonOf(answer.body) ?? null, events: [] };
    const { items } = page.parse(JSON.parse(answer.body));
    return {
      ...base,
      error: null,
      events: items.map((item) => ({ type: item.event_type, occurredAt: item.occurred_at, ingestedAt: item.ingested_at })),
    };
  },
};

export const auditObservers = [token, list];
