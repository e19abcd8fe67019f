import type * as z from 'zod';
import type { Row } from '../../targets/deployment.ts';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { adminAudit, chainNames } from './adminAudit.checks.ts';
import { sumUp } from './chain.ts';
import type { ChainRow } from './chain.ts';
import { auditKey, chainSelect, inTurn, isShort, microseconds, signatureOf, text } from './chain.observe.ts';
import { adminContentSha256, adminPayloadText } from './hashes.ts';

const texts = ['id', 'request_id', 'actor_id', 'actor_name', 'actor_scope', 'action', 'method', 'path', 'zone_id', 'entity_type', 'entity_id'];
const short = isShort(['payload_json']);

const columns = [
  ...texts,
  'status_code', 'content_sha256', 'prev_content_sha256', 'chain_hmac', 'occurred_at',
  `${microseconds('occurred_at')} AS occurred_us`,
  `${short} AS short`,
  `CASE WHEN ${short} THEN payload_json::text END AS payload`,
];

const statement = `WITH chains AS (
  ${chainSelect({ word: 'zone', condition: 'zone_id = $1' }, 'admin_audit_events', columns)}
  UNION ALL
  ${chainSelect({ word: 'global', condition: 'zone_id IS NULL' }, 'admin_audit_events', columns)}
)
SELECT * FROM chains`;

const observer: Observer<z.infer<typeof adminAudit.schema>> = {
  subject: adminAudit,
  deadlineMs: postgresDeadlineMs,
  asked: (_, of) => `SELECT the newest 200 rows by chain_seq FROM admin_audit_events WHERE zone_id = '${of}', and of those without a zone`,
  async observe(deployment, { of, signal, stage }) {
    stage('waiting for Postgres');
    const rows = await deployment.postgres().query(statement, [of], signal);
    stage('recomputing hashes');
    const key = auditKey(deployment);
    const judged = await inTurn(
      rows,
      (row) => ({ word: row['chain'], row: rowOf(row, (hashes) => signatureOf(deployment, key, hashes)) }),
      signal,
    );
    return { key, chains: Object.entries(chainNames).map(([word, name]) => sumUp(name, judged.filter((each) => each.word === word).map(({ row }) => row))) };
  },
};

function rowOf(row: Row, signatureIs: (hashes: { contentSha256: string | null; previousSha256: string | null; hmac: string | null }) => ChainRow['signature']): ChainRow {
  const [contentSha256, previousSha256, hmac] = [text(row['content_sha256']), text(row['prev_content_sha256']), text(row['chain_hmac'])];
  const signature = signatureIs({ contentSha256, previousSha256, hmac });
  return {
    seq: Number(row['chain_seq']), at: String(row['occurred_at']), recent: row['recent'] === true,
    content: contentOf(row, contentSha256), contentSha256, previousSha256,
    signature: signature === 'unsigned' && isUnsignedOnPurpose(row) ? 'exempt' : signature,
  };
}

function contentOf(row: Row, stored: string | null): ChainRow['content'] {
  const payload = text(row['payload']);
  // What is not an object has no order of keys that could be lost.
  const parsed: unknown = payload === null ? null : JSON.parse(payload);
  const rebuilt = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? adminPayloadText(parsed as Record<string, unknown>) : payload;
  if (row['short'] !== true || rebuilt === undefined) return 'unread';
  const when = text(row['occurred_us']);
  return when !== null && stored === hashOf(row, rebuilt, BigInt(when)) ? 'same' : 'differs';
}

function hashOf(row: Row, payload: string | null, occurredMicroseconds: bigint): string {
  return adminContentSha256({
    id: String(row['id']), requestId: String(row['request_id']), actorId: text(row['actor_id']), actorName: text(row['actor_name']),
    actorScope: text(row['actor_scope']), action: String(row['action']), method: String(row['method']), path: String(row['path']),
    zone: text(row['zone_id']), entityType: text(row['entity_type']), entityId: text(row['entity_id']), statusCode: Number(row['status_code']),
    payload, occurredMicroseconds,
  });
}

/**
 * The routes for DCR shutdown and for revoking a subject pass no key, and the Coordinator, whose paths
 * have no version in front, has none under Compose: Caracal apps/api/src/routes/zones.ts,
 * apps/api/src/routes/subjects.ts, infra/docker/runtime-compose.yml.
 */
function isUnsignedOnPurpose(row: Row): boolean {
  const [action, path] = [String(row['action']), String(row['path'])];
  return action.startsWith('DCR shutdown ') || action === 'Subject authority revoked' || !path.startsWith('/v1/');
}

export const adminAuditObservers = [observer];
