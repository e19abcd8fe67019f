import type { ClientBase } from 'pg';
import { uuidv7 } from '../stores/identifiers.ts';
import { actionOf, type AdminAuditRecord, adminContentHash, chainHmac } from './chains.ts';

/** Chain of the rows that belong to no zone. */
const GLOBAL_CHAIN = 'admin-audit::global';
/** Path segments that an entity id follows (contract, request evidence 2.3). */
const COLLECTIONS = new Set([
  'zones', 'applications', 'workloads', 'resources', 'providers', 'provider-connections', 'policies', 'policy-sets', 'policy-templates',
  'grants', 'subject-issuers', 'subjects', 'approvals', 'admin-tokens', 'operator-conversations',
]);

/**
 * Appends a row to its zone's chain of admin actions, inside the caller's transaction (contract,
 * storage 9.8). Without a key the row is linked but unsigned.
 */
export async function appendAdminAudit(client: ClientBase, record: AdminAuditRecord, key: Buffer | undefined): Promise<void> {
  const id = uuidv7();
  const occurredAt = new Date().toISOString();
  await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [record.zoneId ?? GLOBAL_CHAIN]);
  const head = await client.query<{ content: string; seq: string }>(
    `SELECT coalesce(content_sha256, '') AS content, coalesce(chain_seq, 0) AS seq FROM admin_audit_events
     WHERE zone_id IS NOT DISTINCT FROM $1 ORDER BY chain_seq DESC NULLS LAST LIMIT 1`, [record.zoneId],
  );
  const previous = head.rows[0]?.content ?? '';
  const content = adminContentHash(id, occurredAt, record);
  await client.query(
    `INSERT INTO admin_audit_events
       (id, request_id, actor_id, actor_name, actor_scope, action, method, path, zone_id, entity_type, entity_id, status_code,
        payload_json, occurred_at, content_sha256, prev_content_sha256, chain_hmac, chain_seq)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb, $14, $15, $16, $17, $18)`,
    [
      id, record.requestId, record.actorId, record.actorName, record.actorScope, actionOf(record), record.method,
      record.path, record.zoneId, record.entityType, record.entityId, record.statusCode,
      record.payload === null ? null : JSON.stringify(record.payload), occurredAt, content, previous === '' ? null : previous,
      key === undefined ? null : chainHmac(key, content, previous), String(BigInt(head.rows[0]?.seq ?? 0) + 1n),
    ],
  );
}

/** The innermost entity that a path names. */
export function entityOf(path: string): { type: string | null; id: string | null } {
  const segments = path.split('/').filter(Boolean);
  for (let index = segments.length - 2; index >= 0; index -= 1) {
    const [type = '', id = ''] = segments.slice(index, index + 2);
    if (COLLECTIONS.has(type)) return { type, id };
  }
  return { type: null, id: null };
}
