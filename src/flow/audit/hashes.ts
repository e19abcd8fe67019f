import { createHash } from 'node:crypto';

/** Unit separator, which ends a field of a hashed row. */
const separator = '\u001f';

/** What the hash of a ledger row covers, in the order in which it does. JSON as Postgres writes `jsonb`. */
export interface LedgerContent {
  readonly id: string;
  readonly zone: string;
  readonly eventType: string;
  /** Null and empty are the same, here and below. */
  readonly requestId: string | null;
  readonly decision: string | null;
  readonly policySet: string | null;
  readonly policySetVersion: string | null;
  readonly manifestSha: string | null;
  readonly evaluationStatus: string | null;
  readonly determiningPolicies: string | null;
  readonly diagnostics: string | null;
  readonly metadata: string | null;
  /** Time of the event in microseconds since 1970, which is what the column keeps. */
  readonly occurredMicroseconds: bigint;
}

/**
 * `audit_events.content_sha256` as Audit computes it: hex SHA-256 of twelve fields, each with a
 * separator after it, and the nanoseconds of the event without one (Caracal services/audit/internal/pg.go, contentHash).
 */
export function ledgerContentSha256(row: LedgerContent): string {
  const texts = [row.id, row.zone, row.eventType, row.requestId, row.decision, row.policySet, row.policySetVersion, row.manifestSha, row.evaluationStatus];
  const documents = [row.determiningPolicies, row.diagnostics, row.metadata];
  const fields = [...texts.map((text) => text ?? ''), ...documents.map((document) => document ?? 'null')];
  return sha256(`${fields.map((field) => field + separator).join('')}${row.occurredMicroseconds * 1_000n}`);
}

/** What the hash of a row of the admin audit covers, in the order in which it does. */
export interface AdminContent {
  readonly id: string;
  readonly requestId: string;
  readonly actorId: string | null;
  readonly actorName: string | null;
  readonly actorScope: string | null;
  readonly action: string;
  readonly method: string;
  readonly path: string;
  readonly zone: string | null;
  readonly entityType: string | null;
  readonly entityId: string | null;
  readonly statusCode: number;
  /** Compact JSON in the writer's order of keys, from `adminPayloadText`; null without a payload. */
  readonly payload: string | null;
  readonly occurredMicroseconds: bigint;
}

/**
 * `admin_audit_events.content_sha256` as api and coordinator compute it: hex SHA-256 of fourteen
 * fields, each with a separator after it (Caracal packages/adminAudit/ts/src/index.ts, contentHash).
 */
export function adminContentSha256(row: AdminContent): string {
  const fields = [
    row.id, row.requestId, row.actorId, row.actorName, row.actorScope, row.action, row.method, row.path, row.zone,
    row.entityType, row.entityId, String(row.statusCode), row.payload, moment(row.occurredMicroseconds),
  ];
  return sha256(fields.map((field) => (field ?? '') + separator).join(''));
}

/**
 * Keys of a payload in the order in which each writer inserts them, which `jsonb` does not keep: Caracal
 * apps/api/src/admin-audit.ts, apps/api/src/routes/zones.ts (DCR shutdown), apps/api/src/routes/subjects.ts.
 */
const payloadKeys: readonly (readonly string[])[] = [
  ['rls_mode', 'rls_zone_guc', 'operator', 'change_kind', 'changed_fields', 'secret_rotated'],
  ['dcr_registration_disabled', 'dcr_shutdown_mode', 'live_dcr_applications', 'revoked_applications', 'revoked_authority_records', 'terminated_sessions', 'revoked_delegations'],
  ['subject_id', 'reason', 'revoked_authority_records', 'terminated_sessions', 'revoked_delegations', 'revoked_connections'],
];

/**
 * The text of a payload as its writer hashed it.
 *
 * @returns undefined for keys that no writer of Caracal 1.0 uses: their order cannot be known.
 */
export function adminPayloadText(payload: Readonly<Record<string, unknown>>): string | undefined {
  const keys = Object.keys(payload);
  const order = payloadKeys.find((known) => keys.every((key) => known.includes(key)));
  return order && JSON.stringify(Object.fromEntries(order.filter((key) => key in payload).map((key) => [key, payload[key]])));
}

/** ISO 8601 with milliseconds, as JavaScript writes it; more digits only where the column has them. */
function moment(microseconds: bigint): string {
  const iso = new Date(Number(microseconds / 1_000n)).toISOString();
  const rest = microseconds % 1_000n;
  return rest === 0n ? iso : iso.replace('Z', `${String(rest).padStart(3, '0')}Z`);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
