import * as z from 'zod';
import type { Observer } from '../liveSource.ts';
import { reasonOf } from '../readiness/service.checks.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { textOrNull } from '../values.ts';
import { adminAuditObservers } from './adminAudit.observe.ts';
import { adminToken, auditList } from './audit.checks.ts';
import { keepingObservers } from './keeping.observe.ts';
import { ledgerObservers } from './ledger.observe.ts';

type Answer<Of> = Of extends { schema: z.ZodType<infer Value> } ? Value : never;

const token: Observer<Answer<typeof adminToken>> = {
  subject: adminToken,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'SELECT name, scope, zone_id, capability, revoked_at FROM admin_tokens WHERE token_sha256 = digest of the token in hand',
  async observe(deployment, { signal, stage }) {
    const digest = await deployment.tokenSha256('admin');
    stage('waiting for Postgres');
    const [row] = await deployment.postgres().query(
      `SELECT name, scope, zone_id, capability, revoked_at IS NOT NULL AS revoked, token_hash IS NOT NULL AS usable,
              created_by LIKE 'env-derived%' AS of_console
         FROM admin_tokens WHERE token_sha256 = decode($1, 'hex') ORDER BY revoked_at IS NOT NULL LIMIT 1`,
      [digest],
      signal,
    );
    return {
      row: row
        ? {
            name: String(row['name']),
            scope: String(row['scope']),
            zone: textOrNull(row['zone_id']),
            capability: String(row['capability']),
            revoked: row['revoked'] === true,
            usable: row['usable'] === true,
            ofConsole: row['of_console'] === true,
          }
        : null,
    };
  },
};

const row = z.object({ event_type: z.string(), occurred_at: z.string(), ingested_at: z.string() });
const page = z.object({ items: z.array(row) });

/** Events that the delay is measured over. */
const listed = 20;

const pathOf = (zone: string): string => `/v1/zones/${encodeURIComponent(zone)}/audit?limit=${listed}`;

const list: Observer<Answer<typeof auditList>> = {
  subject: auditList,
  deadlineMs: 8_000,
  asked: (deployment, of) => `GET ${deployment.http('api').at(pathOf(of)).href}`,
  async observe(deployment, { of, signal, stage }) {
    stage('connecting or waiting for an answer');
    const answer = await deployment.http('api').get({ path: pathOf(of), token: 'admin', signal });
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

export const auditObservers = [token, list, ...ledgerObservers, ...keepingObservers, ...adminAuditObservers];
