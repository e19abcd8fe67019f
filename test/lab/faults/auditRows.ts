import { Client } from 'pg';
import { eventually } from '../eventually.ts';
import type { Lab } from '../lab.ts';
import { appendAdminAudit } from '../services/admin-audit.ts';
import { type AuditEvent, auditData } from '../services/audit-event.ts';
import { chainHmac, ledgerContentHash, microsecondsOf } from '../services/chains.ts';
import { signAuditData, STREAMS } from '../services/streams.ts';
import { uuidv7 } from '../stores/identifiers.ts';
import { POSTGRES_SUPERUSER } from '../stores/postgres.ts';

type Table = 'audit_events' | 'admin_audit_events';

/** Waits until the zone's chain has that many rows. */
export async function rowsOfZone(lab: Lab, table: Table, rows: number): Promise<void> {
  await eventually(`${String(rows)} rows in ${table}`, async () => {
    const [found] = await lab.sql<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${table} WHERE zone_id = $1`, [lab.zoneId]);
    return (found?.rows ?? 0) >= rows;
  });
}

/** A month's partition that ended long ago, or the last one, made as Audit makes them; the name of it. */
export async function partitionOf(lab: Lab, monthsAgo: number): Promise<string> {
  const [row] = await lab.sql<{ name: string }>(
    `SELECT to_char(month, '"audit_events_y"YYYY"m"MM') AS name, audit_partition_ensure(month)
       FROM (SELECT (date_trunc('month', now()) - make_interval(months => $1))::date AS month) AS wanted`, [monthsAgo],
  );
  return row?.name ?? '';
}

/** The database is older than it is. */
export async function installedMonthsAgo(lab: Lab, months: number): Promise<void> {
  await lab.sql("UPDATE schema_migrations SET applied_at = now() - make_interval(months => $1) WHERE version = '0001_baseline'", [months]);
}

/** A moment in the middle of last month. */
export function lastMonth(): string {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 15, 12)).toISOString();
}

export function newEvent(lab: Lab, rest: Partial<AuditEvent> = {}): AuditEvent {
  return {
    id: uuidv7(), zone_id: lab.zoneId, event_type: 'token_exchange', request_id: uuidv7(), decision: 'allow', evaluation_status: 'complete',
    determining_policies_json: [], diagnostics_json: [], occurred_at: new Date().toISOString(), ...rest,
  };
}

/** Puts an event on the stream as producers do, and waits until it is in the ledger, or what `arrived` asks for. */
export async function publish(lab: Lab, event: AuditEvent, arrived?: (entry: string) => Promise<boolean>): Promise<void> {
  const data = auditData(event);
  const entry = await lab.redisClient.xadd(STREAMS.audit, '*', 'id', event.id, 'data', data, 'sig', signAuditData(keyOf(lab), data)) ?? '';
  const inLedger = async (): Promise<boolean> => (await lab.sql('SELECT FROM audit_events WHERE id = $1', [event.id])).length > 0;
  await eventually('audit has taken the event', () => (arrived ?? inLedger)(entry));
}

/** Signs rows up to `seq` again, as if the key had been another one then; without a key they are unsigned, as in dev. */
export async function signUpTo(lab: Lab, seq: number, key: Buffer | undefined): Promise<void> {
  const rows = await lab.sql<{ id: string; content: string; previous: string | null }>(
    'SELECT id, content_sha256 AS content, prev_content_sha256 AS previous FROM audit_events WHERE zone_id = $1 AND chain_seq <= $2', [lab.zoneId, seq],
  );
  for (const { id, content, previous } of rows) {
    await lab.sql('UPDATE audit_events SET chain_hmac = $2 WHERE id = $1', [id, key === undefined ? '' : chainHmac(key, content, previous ?? '')]);
  }
}

/**
 * Makes the ledger look as if `event` had been stored right after `chain_seq` `after` (0: first of
 * all): later rows move up by one, and the next one names it.
 */
export async function insertAfter(lab: Lab, after: number, event: AuditEvent): Promise<void> {
  await withZone(lab, async (client) => {
    const of = async (seq: number): Promise<{ id: string; content: string } | undefined> =>
      (await client.query<{ id: string; content: string }>('SELECT id, content_sha256 AS content FROM audit_events WHERE zone_id = $1 AND chain_seq = $2', [lab.zoneId, seq])).rows[0];
    const [before, next] = [await of(after), await of(after + 1)];
    const content = contentOf(event);
    await client.query('UPDATE audit_events SET chain_seq = chain_seq + 1 WHERE zone_id = $1 AND chain_seq > $2', [lab.zoneId, after]);
    if (next) {
      await client.query('UPDATE audit_events SET prev_content_sha256 = $2, chain_hmac = $3 WHERE id = $1', [next.id, content, chainHmac(keyOf(lab), next.content, content)]);
    }
    await client.query(
      `INSERT INTO audit_events (id, zone_id, event_type, request_id, decision, policy_set_id, policy_set_version_id, manifest_sha, evaluation_status,
                                 determining_policies_json, diagnostics_json, occurred_at, content_sha256, prev_content_sha256, chain_hmac, chain_seq)
       VALUES ($1, $2, $3, $4, $5, '', '', '', $6, '[]', '[]', $7, $8, $9, $10, $11)`,
      [
        event.id, event.zone_id, event.event_type, event.request_id, event.decision, event.evaluation_status, event.occurred_at, content,
        before?.content ?? null, chainHmac(keyOf(lab), content, before?.content ?? ''), after + 1,
      ],
    );
  });
}

/** A row as the API's route for DCR shutdown writes it: without the key (contract, storage 9.8). */
export async function appendDcrShutdown(lab: Lab): Promise<void> {
  await withZone(lab, (client) => appendAdminAudit(client, {
    requestId: uuidv7(), actorId: lab.seeded.adminTokenId, actorName: 'bootstrap', actorScope: 'global', action: 'DCR shutdown no_live', method: 'PATCH',
    path: `/v1/zones/${lab.zoneId}`, zoneId: lab.zoneId, entityType: 'zones', entityId: lab.zoneId, statusCode: 200,
    payload: {
      dcr_registration_disabled: true, dcr_shutdown_mode: 'no_live', live_dcr_applications: 0, revoked_applications: 0, revoked_authority_records: 0,
      terminated_sessions: 0, revoked_delegations: 0,
    },
  }, undefined));
}

export function keyOf(lab: Lab): Buffer {
  return Buffer.from(lab.secrets.auditHmacKey, 'hex');
}

/** Hash of an event without documents. */
function contentOf(event: AuditEvent): string {
  return ledgerContentHash({
    id: event.id, zoneId: event.zone_id, eventType: event.event_type, requestId: event.request_id, decision: event.decision, policySetId: '',
    policySetVersionId: '', manifestSha: '', evaluationStatus: event.evaluation_status, determiningPolicies: '[]', diagnostics: '[]', metadata: 'null',
    occurredAtMicroseconds: microsecondsOf(event.occurred_at),
  });
}

/** Works in one transaction while no writer of either chain of the zone can (contract, storage 2.7). */
async function withZone(lab: Lab, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: lab.postgres.dsn(POSTGRES_SUPERUSER, lab.secrets.postgresPassword) });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [lab.zoneId]);
    await work(client);
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}
