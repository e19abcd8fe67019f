import * as z from 'zod';
import type { PostgresStore } from '../targets/deployment.ts';
import { mostHops } from './liveness.ts';
import type { AuthorityRecordRow, DelegationRow, SessionRow } from './liveness.ts';

const text = z.string();
const optional = z.string().nullable().transform((value) => value ?? undefined);

const sessionSchema = z.object({
  id: text, applicationId: text, authorityRecordId: text, lifecycle: text, status: text, startedAt: text, ttlSeconds: z.number().nullable().transform((value) => value ?? undefined),
  heartbeatDeadlineAt: optional, terminatedAt: optional, terminationReason: optional, parentId: optional, updatedAt: text,
});
const delegationSchema = z.object({
  id: text, sourceSessionId: text, targetSessionId: text, issuerApplicationId: text, receiverApplicationId: text, parentId: optional, scopes: z.array(text), constraints: z.record(text, z.unknown()),
  status: text, expiresAt: text, revokedAt: optional, createdAt: text, resourceId: optional, version: z.number(),
});
const recordSchema = z.object({ id: text, type: z.enum(['user', 'application']), subjectId: optional.transform((value) => value ?? ''), status: text, expiresAt: text, revokedAt: optional, revokedReason: optional, createdAt: text });
const approvalSchema = z.object({
  id: text, createdAt: text, expiresAt: text, satisfiedAt: optional, rejectedAt: optional, consumedAt: optional, tier: optional, approverClass: text, approverSubjectId: optional, decisionReason: optional,
  metadata: z.record(text, z.unknown()).nullable().transform((value) => value ?? {}),
});

/** A hold, as its row stands; it is gone 24 h after its life ended (contract request-evidence 2.4). */
export type ApprovalRow = z.infer<typeof approvalSchema>;

/** Rows with what they tell beside what makes them alive; undefined where their source does not tell it. */
export interface SessionState extends SessionRow {
  readonly parentId?: string | undefined;
  /** When the row was last written: by a heartbeat, too. */
  readonly updatedAt?: string | undefined;
}

export interface DelegationState extends DelegationRow {
  readonly createdAt?: string | undefined;
  readonly resourceId?: string | undefined;
  readonly version?: number | undefined;
}

export interface RecordState extends AuthorityRecordRow {
  readonly createdAt?: string | undefined;
}

/** The rows of some ids, as they stand now. */
export interface StateRows {
  /** When they were read, by the clock of the database or, where Postgres is not given, of the API; milliseconds since 1970. */
  readonly now: number;
  readonly clock?: 'the API' | undefined;
  /** Why a row may be there although it is not here; undefined where all were read. */
  readonly notWhole?: string | undefined;
  readonly sessions: readonly SessionState[];
  readonly delegations: readonly DelegationState[];
  readonly records: readonly RecordState[];
  readonly approvals: readonly ApprovalRow[];
}

export interface StateIds {
  readonly sessions: readonly string[];
  readonly delegations: readonly string[];
  readonly records: readonly string[];
  readonly approvals: readonly string[];
  /** Applications of which the latest holds are read, too. */
  readonly holdsOf?: readonly string[];
}

/** Of one Application. Who presents an approval got it not long before. */
const mostHolds = 50;

const sessionColumns = `id, application_id AS "applicationId", subject_authority_record_id AS "authorityRecordId", lifecycle, status, started_at AS "startedAt", ttl_seconds AS "ttlSeconds",
       heartbeat_deadline_at AS "heartbeatDeadlineAt", terminated_at AS "terminatedAt", termination_reason AS "terminationReason", parent_id AS "parentId", updated_at AS "updatedAt"`;

/**
 * Reads Sessions, Delegations with those that they were made from, authority records and approvals by their ids, and
 * what these name in turn. Of a chain of Delegations it reads one more than there may be, which shows that it is too long.
 *
 * @throws Refused, Unavailable as every query does; the signal's reason when it is aborted
 */
export async function readState(postgres: PostgresStore, zoneId: string, ids: StateIds, signal: AbortSignal): Promise<StateRows> {
  const query = (statement: string, values: readonly unknown[]): ReturnType<PostgresStore['query']> => postgres.query(statement, values, signal);
  const [[clock], delegationRows, approvalRows] = await Promise.all([
    query('SELECT statement_timestamp() AS now', []),
    query(
      `WITH RECURSIVE lineage AS (
         SELECT e.*, 1 AS hop FROM delegation_edges e WHERE zone_id = $1 AND id = ANY($2)
         UNION ALL SELECT parent.*, hop + 1 FROM lineage JOIN delegation_edges parent ON parent.zone_id = lineage.zone_id AND parent.id = lineage.parent_edge_id WHERE hop <= ${mostHops}
       )
       SELECT DISTINCT id, source_session_id AS "sourceSessionId", target_session_id AS "targetSessionId", issuer_application_id AS "issuerApplicationId", receiver_application_id AS "receiverApplicationId",
              parent_edge_id AS "parentId", scopes, constraints_json AS constraints, status, expires_at AS "expiresAt", revoked_at AS "revokedAt", created_at AS "createdAt", resource_id AS "resourceId", edge_version AS version FROM lineage`,
      [zoneId, ids.delegations],
    ),
    query(
      `SELECT id, created_at AS "createdAt", expires_at AS "expiresAt", satisfied_at AS "satisfiedAt", rejected_at AS "rejectedAt", consumed_at AS "consumedAt", tier, approver_class AS "approverClass",
              approver_subject_id AS "approverSubjectId", decision_reason AS "decisionReason", metadata_json AS metadata FROM step_up_challenges
        WHERE zone_id = $1 AND (id = ANY($2) OR id IN (SELECT id FROM step_up_challenges WHERE zone_id = $1 AND application_id = ANY($3) ORDER BY created_at DESC LIMIT ${mostHolds}))`,
      [zoneId, ids.approvals, ids.holdsOf ?? []],
    ),
  ]);
  const delegations = delegationRows.map((row) => delegationSchema.parse(row));
  const sessionIds = [...ids.sessions, ...delegations.flatMap(({ sourceSessionId, targetSessionId }) => [sourceSessionId, targetSessionId])];
  const sessions = (await query(`SELECT ${sessionColumns} FROM sessions WHERE zone_id = $1 AND id = ANY($2)`, [zoneId, sessionIds])).map((row) => sessionSchema.parse(row));
  const records = await query(
    `SELECT id, session_type AS type, subject_id AS "subjectId", status, expires_at AS "expiresAt", revoked_at AS "revokedAt", revoked_reason AS "revokedReason", created_at AS "createdAt" FROM authority_records WHERE zone_id = $1 AND id = ANY($2)`,
    [zoneId, [...ids.records, ...sessions.map(({ authorityRecordId }) => authorityRecordId)]],
  );
  return { now: Date.parse(String(clock?.['now'])), sessions, delegations, records: records.map((row) => recordSchema.parse(row)), approvals: approvalRows.map((row) => approvalSchema.parse(row)) };
}
