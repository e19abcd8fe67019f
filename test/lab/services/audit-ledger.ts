import type { Pool, PoolClient } from 'pg';
import * as z from 'zod';
import { chainHmac, type LedgerRecord, ledgerContentHash, microsecondsOf, timestampOf } from './chains.ts';
import { transaction } from './transactions.ts';

const text = z.string().nullish().transform((value) => value ?? '');

/** The event as the stream carries it; unknown keys are ignored (contract, storage 9.2). */
const eventSchema = z.object({
  id: z.string().min(1),
  zone_id: z.string().min(1),
  event_type: text,
  request_id: text,
  decision: text,
  policy_set_id: text,
  policy_set_version_id: text,
  manifest_sha: text,
  evaluation_status: text,
  determining_policies_json: z.unknown().optional(),
  diagnostics_json: z.unknown().optional(),
  metadata_json: z.unknown().optional(),
  occurred_at: z.string().min(1),
});
type StoredEvent = z.infer<typeof eventSchema> & { occurredAtMicroseconds: bigint };

/** The same event was stored before, with another content. */
export class ContentMismatch extends Error {}

/** @throws Error in Go's manner when the text is no event */
export function parseEvent(data: string): StoredEvent {
  // Postgres takes no NUL, neither as a byte nor as an escape.
  const event = eventSchema.parse(JSON.parse(data.replaceAll('\u0000', '').replaceAll('\\u0000', '')));
  return { ...event, occurredAtMicroseconds: microsecondsOf(event.occurred_at) };
}

/**
 * Appends an event to its zone's chain (contract, storage 9.6), under the zone's advisory lock.
 *
 * @returns false when the very same event was there already
 * @throws ContentMismatch when another one is there under this id and time; an alert row is written
 */
export async function append(pool: Pool, key: Buffer, event: StoredEvent, signature: string): Promise<boolean> {
  const outcome = await transaction(pool, (client) => appendIn(client, key, event, signature));
  if (outcome === 'mismatch') throw new ContentMismatch(event.id);
  return outcome === 'inserted';
}

async function appendIn(
  client: PoolClient, key: Buffer, event: StoredEvent, signature: string,
): Promise<'inserted' | 'duplicate' | 'mismatch'> {
  await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [event.zone_id]);
  const documents = [event.determining_policies_json, event.diagnostics_json, event.metadata_json].map(jsonOrNull);
  const canonical = await client.query<{ policies: string | null; diagnostics: string | null; metadata: string | null }>(
    'SELECT $1::jsonb::text AS policies, $2::jsonb::text AS diagnostics, $3::jsonb::text AS metadata', documents,
  );
  const head = await client.query<{ content: string; seq: string }>(
    `SELECT coalesce(content_sha256, '') AS content, coalesce(chain_seq, 0) AS seq
     FROM audit_events WHERE zone_id = $1 ORDER BY chain_seq DESC NULLS LAST LIMIT 1`, [event.zone_id],
  );
  const previous = head.rows[0]?.content ?? '';
  const content = ledgerContentHash({
    id: event.id, zoneId: event.zone_id, eventType: event.event_type, requestId: event.request_id, decision: event.decision,
    policySetId: event.policy_set_id, policySetVersionId: event.policy_set_version_id, manifestSha: event.manifest_sha,
    evaluationStatus: event.evaluation_status, determiningPolicies: canonical.rows[0]?.policies ?? 'null',
    diagnostics: canonical.rows[0]?.diagnostics ?? 'null', metadata: canonical.rows[0]?.metadata ?? 'null',
    occurredAtMicroseconds: event.occurredAtMicroseconds,
  });
  const occurredAt = timestampOf(event.occurredAtMicroseconds);
  const inserted = await client.query(
    `INSERT INTO audit_events
       (id, zone_id, event_type, request_id, decision, policy_set_id, policy_set_version_id, manifest_sha, evaluation_status,
        determining_policies_json, diagnostics_json, metadata_json, occurred_at, content_sha256, prev_content_sha256,
        chain_hmac, chain_seq, ingest_signature)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb, $12::jsonb, $13, $14, $15, $16, $17, $18)
     ON CONFLICT (id, occurred_at) DO NOTHING`,
    [
      event.id, event.zone_id, event.event_type, event.request_id, event.decision, event.policy_set_id,
      event.policy_set_version_id, event.manifest_sha, event.evaluation_status, ...documents, occurredAt, content,
      previous === '' ? null : previous, chainHmac(key, content, previous), String(BigInt(head.rows[0]?.seq ?? 0) + 1n),
      signature === '' ? null : signature,
    ],
  );
  if (inserted.rowCount === 1) return 'inserted';
  const stored = await client.query<{ content: string | null }>(
    'SELECT content_sha256 AS content FROM audit_events WHERE id = $1 AND occurred_at = $2', [event.id, occurredAt],
  );
  const existing = stored.rows[0]?.content ?? '';
  if (existing === '' || existing === content) return 'duplicate';
  await client.query(
    "INSERT INTO audit_ingest_alerts (event_id, zone_id, kind, detail) VALUES ($1, $2, 'content_mismatch_on_replay', $3)",
    [event.id, event.zone_id, `stored=${existing} incoming=${content}`],
  );
  return 'mismatch';
}

export type SweepResult = { checked: number; mismatches: number; chainBreaks: number; hmacFailures: number };

type LedgerRow = {
  id: string; zone_id: string; event_type: string; request_id: string | null; decision: string | null;
  policy_set_id: string | null; policy_set_version_id: string | null; manifest_sha: string | null;
  evaluation_status: string | null; policies: string | null; diagnostics: string | null; metadata: string | null;
  microseconds: string; content_sha256: string | null; prev_content_sha256: string | null; chain_hmac: string | null;
};

/**
 * Recomputes the chains over all rows ingested in the last `hours`, as Caracal's tamper sweep does
 * (contract, storage 9.6). The first row of a window is not compared with the one before it.
 */
export async function sweep(pool: Pool, key: Buffer, hours: number): Promise<SweepResult> {
  const { rows } = await pool.query<LedgerRow>(
    `SELECT id, zone_id, event_type, request_id, decision, policy_set_id, policy_set_version_id, manifest_sha,
            evaluation_status, determining_policies_json::text AS policies, diagnostics_json::text AS diagnostics,
            metadata_json::text AS metadata, (extract(epoch FROM occurred_at) * 1000000)::bigint AS microseconds,
            content_sha256, prev_content_sha256, chain_hmac
     FROM audit_events WHERE ingested_at > now() - make_interval(hours => $1) ORDER BY zone_id, chain_seq`, [hours],
  );
  const result: SweepResult = { checked: rows.length, mismatches: 0, chainBreaks: 0, hmacFailures: 0 };
  let before: LedgerRow | undefined;
  for (const row of rows) {
    const content = row.content_sha256 ?? '';
    const previous = row.prev_content_sha256 ?? '';
    if (ledgerContentHash(recordOf(row)) !== content) result.mismatches += 1;
    if (before?.zone_id === row.zone_id && before.content_sha256 !== row.prev_content_sha256) result.chainBreaks += 1;
    if (chainHmac(key, content, previous) !== row.chain_hmac) result.hmacFailures += 1;
    before = row;
  }
  return result;
}

function recordOf(row: LedgerRow): LedgerRecord {
  return {
    id: row.id, zoneId: row.zone_id, eventType: row.event_type, requestId: row.request_id ?? '', decision: row.decision ?? '',
    policySetId: row.policy_set_id ?? '', policySetVersionId: row.policy_set_version_id ?? '', manifestSha: row.manifest_sha ?? '',
    evaluationStatus: row.evaluation_status ?? '', determiningPolicies: row.policies ?? 'null',
    diagnostics: row.diagnostics ?? 'null', metadata: row.metadata ?? 'null', occurredAtMicroseconds: BigInt(row.microseconds),
  };
}

function jsonOrNull(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
