import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { uuidv7 } from '../stores/identifiers.ts';
import { auditData, goTime } from './audit-event.ts';
import { Refusal, type StsContext } from './sts-context.ts';
import { recordOf } from './sts-governance.ts';
import { findHold, type Hold, holdMetadata, inSeconds } from './sts-holds.ts';
import { assertRecord, mandateClaims } from './sts-subjects.ts';
import { signAuditData, STREAMS } from './streams.ts';
import { transaction } from './transactions.ts';

// What the STS tells and takes about a hold (contract, request evidence 4.1 and 13; Caracal services/sts/internal/server.go:280-480).

const MOST_WAIT_SECONDS = 25;
/** The real service is woken by the decision; this one looks so often. */
const LOOK_MS = 100;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const NOT_FOUND = new Refusal(404, 'resource_not_found', 'approval not found');

const bodySchema = z.object({ decision: z.string().default(''), binding: z.string().default(''), reason: z.string().default('') });

export type HoldState = { id: string; state: string; expires_at: string };

/** The state of a hold, for whoever knows its id; with `wait` only once it has left `pending`, or the time is up. @throws Refusal */
export async function holdState(context: StsContext, id: string, wait: string): Promise<HoldState> {
  if (!UUID.test(id)) throw NOT_FOUND;
  if (!/^\+?\d*$/.test(wait)) throw new Refusal(400, 'invalid_token', 'invalid wait');
  const deadline = Date.now() + Math.min(Number(wait), MOST_WAIT_SECONDS) * 1000;
  for (;;) {
    const hold = await findHold(context.pool, id).catch(() => undefined);
    if (hold === undefined) throw NOT_FOUND;
    if (hold.state !== 'pending' || Date.now() >= deadline) return stateOf(hold);
    await delay(LOOK_MS);
  }
}

/** A federated user decides in the application's own surface; the guards come in Caracal's order. @throws Refusal */
export async function decideAsSubject(context: StsContext, request: { id: string; authorization: string; body: unknown; auditKey: Buffer }): Promise<HoldState> {
  const refuse = (status: number, description: string, code = 'access_denied'): never => {
    throw new Refusal(status, code, description);
  };
  if (!UUID.test(request.id)) throw NOT_FOUND;
  const token = /^Bearer (.+)$/.exec(request.authorization)?.[1] ?? refuse(401, 'session mandate required', 'invalid_token');
  const body = bodySchema.safeParse(request.body).data ?? refuse(400, 'malformed request body', 'invalid_token');
  if (body.decision !== 'approved' && body.decision !== 'rejected') refuse(400, 'decision must be approved or rejected', 'invalid_token');
  if (Buffer.byteLength(body.reason) > 500) refuse(400, 'reason too long', 'invalid_token');
  const hold = await findHold(context.pool, request.id).catch(() => undefined);
  if (hold === undefined) throw NOT_FOUND;
  const claims = await mandateClaims(context, token, { zoneId: hold.zone_id, use: 'session' }) ?? refuse(401, 'invalid session mandate', 'invalid_token');
  if (claims.sub_type !== 'user') refuse(403, 'approver must be a user session');
  if (hold.application_id === '') refuse(403, 'approval does not admit subject decisions');
  await assertRecord(context, claims, { zoneId: hold.zone_id, applicationId: hold.application_id, recordId: '' });
  if (hold.approver_class === 'operator') refuse(403, 'this approval requires an operator decision');
  if (hold.subject_anchor !== '' && claims.sub !== hold.subject_anchor) refuse(403, 'this approval is reserved for the subject the requesting agent acts for');
  if (await areRelated(context, hold.zone_id, [claims.sid, hold.record_id])) refuse(403, 'an approver cannot decide a hold raised by its own authority record lineage');
  if (body.binding !== hold.binding) refuse(409, 'binding does not match this challenge');
  const data = auditData({
    // The request id of such an event is that of the hold.
    id: uuidv7(), zone_id: hold.zone_id, event_type: 'step_up_decided', request_id: hold.id, decision: body.decision, evaluation_status: 'complete',
    determining_policies_json: null, diagnostics_json: null, metadata_json: { ...holdMetadata(hold), approver_plane: 'subject', approver_session_id: claims.sid },
    occurred_at: goTime(),
  });
  const isDecided = await transaction(context.pool, async (client) => {
    const decided = await client.query(
      `UPDATE step_up_challenges SET ${body.decision === 'approved' ? 'satisfied_at' : 'rejected_at'} = now(), approver_subject_id = $3, approver_session_id = $4, decision_reason = nullif($5, '')
       WHERE id = $1 AND zone_id = $2 AND satisfied_at IS NULL AND rejected_at IS NULL AND consumed_at IS NULL AND expires_at > now()`,
      [hold.id, hold.zone_id, approverOf(hold, claims.sub), claims.sid, body.reason],
    );
    if (decided.rowCount === 0) return false;
    const id = uuidv7();
    await client.query(
      'INSERT INTO event_outbox (id, stream_name, payload_json, request_id) VALUES ($1, $2, $3::jsonb, $4)',
      [id, STREAMS.audit, JSON.stringify({ id, data, sig: signAuditData(request.auditKey, data) }), hold.id],
    );
    return true;
  });
  if (!isDecided) refuse(409, 'approval is not pending');
  return stateOf(await findHold(context.pool, hold.id) ?? hold);
}

function stateOf({ id, state, expires_at }: Hold): HoldState {
  return { id, state, expires_at: inSeconds(expires_at) };
}

/** As much of the person as the hold's privacy lets the record keep. */
function approverOf({ privacy_mode: privacy, zone_id: zoneId }: Hold, subject: string): string {
  if (privacy === 'anonymous') return 'subject:redacted';
  return privacy === 'identified' ? `subject:${subject}` : `subject:pseudonym:${createHash('sha256').update(`${zoneId}\0${subject}`).digest('hex').slice(0, 16)}`;
}

/** Whether one of two authority records descends from the other. */
async function areRelated(context: StsContext, zoneId: string, [approver, raiser]: [string, string]): Promise<boolean> {
  if (raiser === '' || await recordOf(context, zoneId, raiser) === undefined) return approver === raiser;
  const { rows: [row] } = await context.pool.query<{ related: boolean }>(
    `WITH RECURSIVE up (start, id, parent_id) AS (
       SELECT id, id, parent_id FROM authority_records WHERE zone_id = $1 AND id IN ($2, $3)
       UNION ALL SELECT up.start, a.id, a.parent_id FROM authority_records a JOIN up ON a.id = up.parent_id WHERE a.zone_id = $1)
     SELECT EXISTS (SELECT FROM up WHERE (start = $2 AND id = $3) OR (start = $3 AND id = $2)) AS related`, [zoneId, approver, raiser],
  );
  return row?.related === true;
}
