import { createHash, createHmac } from 'node:crypto';

/** Unit separator, which ends every field of a hashed record. */
const SEPARATOR = '\u001f';

/** The columns of `audit_events` that the hash covers; JSON as Postgres' own text of the jsonb value. */
export type LedgerRecord = {
  id: string;
  zoneId: string;
  eventType: string;
  requestId: string;
  decision: string;
  policySetId: string;
  policySetVersionId: string;
  manifestSha: string;
  evaluationStatus: string;
  /** `null` for a missing or null value. */
  determiningPolicies: string;
  diagnostics: string;
  metadata: string;
  /** Unix time with the precision that the column keeps. */
  occurredAtMicroseconds: bigint;
};

/** `audit_events.content_sha256` (contract, storage 9.6): no separator after the time. */
export function ledgerContentHash(record: LedgerRecord): string {
  const hash = createHash('sha256');
  for (const field of [
    record.id, record.zoneId, record.eventType, record.requestId, record.decision, record.policySetId, record.policySetVersionId,
    record.manifestSha, record.evaluationStatus, record.determiningPolicies, record.diagnostics, record.metadata,
  ]) {
    hash.update(field + SEPARATOR);
  }
  return hash.update(String(record.occurredAtMicroseconds * 1000n)).digest('hex');
}

/** `chain_hmac` of both chains: the content's hash and the one before it, empty on the first row. */
export function chainHmac(key: Buffer, contentSha256: string, previousSha256: string): string {
  return createHmac('sha256', key).update(`${contentSha256}|${previousSha256}`).digest('hex');
}

/** A row of `admin_audit_events`; the payload's keys in the order of insertion. */
export type AdminAuditRecord = {
  requestId: string;
  actorId: string | null;
  actorName: string | null;
  actorScope: string | null;
  /** Where it is other than method and path (contract, storage 9.8: DCR shutdown, subject revoke). */
  action?: string;
  method: string;
  path: string;
  zoneId: string | null;
  entityType: string | null;
  entityId: string | null;
  statusCode: number;
  payload: Record<string, unknown> | null;
};

/** `admin_audit_events.content_sha256` (contract, storage 9.8): every field ends with a separator, the last too. */
export function adminContentHash(id: string, occurredAt: string, record: AdminAuditRecord): string {
  const fields = [
    id, record.requestId, record.actorId, record.actorName, record.actorScope, actionOf(record), record.method,
    record.path, record.zoneId, record.entityType, record.entityId, String(record.statusCode),
    record.payload === null ? '' : JSON.stringify(record.payload), occurredAt,
  ];
  return createHash('sha256').update(fields.map((field) => (field ?? '') + SEPARATOR).join('')).digest('hex');
}

export function actionOf({ action, method, path }: AdminAuditRecord): string {
  return action ?? `${method} ${path}`;
}

/**
 * Microseconds since 1970 of an RFC 3339 time with up to nine digits of a second, cut as Postgres'
 * column would lose them.
 *
 * @throws RangeError when it is none
 */
export function microsecondsOf(time: string): bigint {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  const seconds = match === null ? Number.NaN : Date.parse(`${match[1] ?? ''}${match[3] ?? ''}`);
  if (match === null || Number.isNaN(seconds)) throw new RangeError(`parsing time ${JSON.stringify(time)}`);
  return BigInt(seconds) * 1000n + BigInt((match[2] ?? '').padEnd(6, '0').slice(0, 6));
}

/** The same moment as text that Postgres reads without loss. */
export function timestampOf(microseconds: bigint): string {
  const milliseconds = microseconds / 1000n;
  return new Date(Number(milliseconds)).toISOString().replace('Z', `${String(microseconds % 1000n).padStart(3, '0')}Z`);
}
