import { createHash, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { type Tier, tierSchema } from './decision-contract.ts';
import { type BundleInfo, DECISION_CONTRACT_SHA256, DECISION_CONTRACT_VERSION } from './policy-engine.ts';
import { type Asking, deny, record, Refusal } from './sts-context.ts';
import { transaction } from './transactions.ts';

// Approvals of people that a mint waits for (contract, request evidence 13; Caracal services/sts/internal/stepup.go).

const MINUTE = 60;
/** Seconds that a hold lives, by who may decide it. */
const WINDOWS = { operator: { default: 240 * MINUTE, most: 7 * 24 * 60 * MINUTE }, subject: { default: 15 * MINUTE, most: 24 * 60 * MINUTE } };
/** Seconds after its use in which an approval answers once more, to a caller who lost the first answer. */
const REISSUE_SECONDS = 120;
const PRIVACY = ['identified', 'pseudonymous', 'anonymous'] as const;
const COLUMNS = `id, zone_id, coalesce(session_id, '') AS record_id, principal_id, coalesce(application_id, '') AS application_id, coalesce(tier, '') AS tier,
  approver_class, privacy_mode, coalesce(subject_anchor, '') AS subject_anchor, encode(resource_set_hash, 'hex') AS binding, metadata_json AS metadata, expires_at,
  CASE WHEN consumed_at IS NOT NULL THEN 'consumed' WHEN rejected_at IS NOT NULL THEN 'rejected' WHEN expires_at <= now() THEN 'expired'
       WHEN satisfied_at IS NOT NULL THEN 'approved' ELSE 'pending' END AS state`;

export type Hold = {
  id: string; zone_id: string; record_id: string; principal_id: string; application_id: string; tier: string; approver_class: 'operator' | 'subject' | 'any';
  privacy_mode: typeof PRIVACY[number]; subject_anchor: string; binding: string; expires_at: Date; state: 'pending' | 'approved' | 'rejected' | 'expired' | 'consumed';
  metadata: { agent_session_id?: string; delegation_edge_id?: string; agent_labels?: string[] };
};

/** The request that an approval is for; any other needs one of its own. */
export type Bound = {
  resources: readonly string[]; scopes: readonly string[]; principalId: string; recordId: string; sessionId: string; edgeId: string; applicationId: string;
  bundle: BundleInfo;
};
export type Approving = Asking & { bound: Bound };

/** The mint waits for somebody. */
export class Held extends Error {
  readonly hold: Hold;
  constructor(hold: Hold) {
    super('Human approval required for this request');
    this.hold = hold;
  }
}

export async function findHold(pool: Pool, id: string): Promise<Hold | undefined> {
  const { rows } = await pool.query<Hold>(`SELECT ${COLUMNS} FROM step_up_challenges WHERE id = $1 AND challenge_type = 'human_approval'`, [id]);
  return rows[0];
}

/**
 * The approval that the caller names: approved, or consumed already.
 *
 * @throws Refusal for one that is not for this request or cannot be used any more, Held for one that still waits
 */
export async function presentedHold(asking: Approving, id: string): Promise<Hold> {
  const { context, zoneId, bound } = asking;
  const hold = await findHold(context.pool, id).catch(() => undefined);
  const matches = hold?.zone_id === zoneId && hold.principal_id === bound.principalId && hold.record_id === bound.recordId && hold.binding === bindingOf(bound);
  if (hold === undefined || !matches) {
    deny(asking, 'approval_invalid');
    throw new Refusal(401, 'access_denied', 'approval not found or bindings do not match');
  }
  if (hold.state === 'rejected') throw rejected(asking, hold);
  if (hold.state === 'expired') {
    deny(asking, 'approval_expired');
    throw new Refusal(401, 'access_denied', 'approval expired');
  }
  if (hold.state === 'pending') throw new Held(hold);
  return hold;
}

/**
 * The approval for which the policy wants this request to wait: the live one of the very same request, or a new one.
 *
 * @throws Held until it is approved, Refusal when it was rejected or when the tiers want different people
 */
export async function requiredHold(asking: Approving, tiers: readonly Tier[], about: { anchor: string; labels: readonly string[] }): Promise<Hold> {
  const shape = shapeOf(tiers);
  const { hold, created } = await ensure(asking, shape, about).catch(() => {
    throw new Refusal(500, 'internal_error', 'approval hold creation failed');
  });
  if (hold.state === 'approved') return hold;
  if (hold.state === 'rejected') throw rejected(asking, hold);
  if (created) record(asking, { type: 'step_up_issued', decision: 'pending', status: 'complete', metadata: holdMetadata(hold) });
  throw new Held(hold);
}

/** The declarations in the diagnostics of a decision. */
export function tiersOf(diagnostics: readonly Record<string, unknown>[]): Tier[] {
  return diagnostics.flatMap(({ step_up_required: required }) => {
    const tiers = (required as { tiers?: unknown[] } | undefined)?.tiers ?? [];
    return tiers.flatMap((tier) => tierSchema.safeParse(tier).data ?? []);
  });
}

/** Another request was faster, or this one comes again. */
export function consumedRefusal(asking: Asking, description: string, metadata: Record<string, unknown> = {}): Refusal {
  deny(asking, 'approval_already_consumed', metadata);
  return new Refusal(409, 'approval_consumed', description);
}

/** The use of an approval, as its event tells it. */
export function recordUse(asking: Asking, hold: Hold): void {
  record(asking, { type: 'step_up_consumed', decision: 'consumed', status: 'complete', metadata: holdMetadata(hold) });
}

/** The authority record that the use of this approval created, within the time in which an answer may have been lost. */
export async function reissuable({ context }: Approving, hold: Hold): Promise<{ id: string; remainingSeconds: number } | undefined> {
  const { rows } = await context.pool.query<{ id: string; remaining: number }>(
    `SELECT r.id, extract(epoch FROM r.expires_at - now())::float8 AS remaining FROM step_up_challenges c
     JOIN authority_records r ON r.id = c.consumed_authority_record_id AND r.zone_id = c.zone_id
     WHERE c.id = $1 AND c.consumed_at > now() - make_interval(secs => $2) AND r.status = 'active' AND r.expires_at > now()`, [hold.id, REISSUE_SECONDS],
  );
  return rows[0] === undefined ? undefined : { id: rows[0].id, remainingSeconds: rows[0].remaining };
}

/** SQL condition of an approval, as `c`, that can be used now. */
export const USABLE = `c.satisfied_at IS NOT NULL AND c.rejected_at IS NULL AND c.approver_subject_id IS NOT NULL AND c.consumed_at IS NULL AND c.expires_at > now()
  AND (coalesce(c.session_id, '') = '' OR EXISTS (SELECT FROM authority_records r WHERE r.id = c.session_id AND r.zone_id = c.zone_id AND r.status = 'active' AND r.expires_at > now()))`;

/** What the events say about a hold. */
export function holdMetadata(hold: Hold): Record<string, unknown> {
  const { agent_session_id, delegation_edge_id, agent_labels } = hold.metadata;
  return {
    challenge_id: hold.id, tier: hold.tier, approver_class: hold.approver_class, privacy_mode: hold.privacy_mode, binding: hold.binding, expires_at: inSeconds(hold.expires_at),
    ...(hold.subject_anchor === '' ? {} : { subject_anchor: hold.subject_anchor }), ...(hold.application_id === '' ? {} : { application_id: hold.application_id }),
    ...(hold.record_id === '' ? {} : { session_id: hold.record_id }), ...(agent_session_id === undefined ? {} : { agent_session_id }),
    ...(delegation_edge_id === undefined ? {} : { delegation_edge_id }), ...(agent_labels === undefined ? {} : { agent_labels }),
  };
}

/** RFC 3339 as Go writes it of a moment with whole seconds. */
export function inSeconds(moment: Date): string {
  return `${moment.toISOString().slice(0, 19)}Z`;
}

export function bindingOf(bound: Bound): string {
  const set = (values: readonly string[], normal: (value: string) => string): string => [...new Set(values.map((value) => normal(value.trim())).filter(Boolean))].sort().join('\n');
  const parts: [name: string, value: string][] = [
    ['resources', set(bound.resources, (value) => value.toLowerCase())], ['scopes', set(bound.scopes, (value) => value)], ['principal', bound.principalId],
    ['authority_record', bound.recordId], ['session', bound.sessionId], ['delegation', bound.edgeId], ['application', bound.applicationId],
    ['policy_set_version', bound.bundle.policySetVersionId], ['policy_manifest', bound.bundle.manifestSha],
    ['decision_contract_version', DECISION_CONTRACT_VERSION], ['decision_contract_sha', DECISION_CONTRACT_SHA256],
  ];
  return createHash('sha256').update(parts.map(([name, value]) => `${name}\0${value}`).join('\0')).digest('hex');
}

function rejected(asking: Asking, hold: Hold): Refusal {
  deny(asking, 'approval_rejected', holdMetadata(hold));
  return new Refusal(403, 'access_denied', 'approval was rejected');
}

type Shape = { tier: string; approver: Hold['approver_class']; privacy: Hold['privacy_mode']; seconds: number };

/** One hold for all tiers: the strictest of what they declare. */
function shapeOf(tiers: readonly Tier[]): Shape {
  const asked = new Set(tiers.map(({ approver }) => approver ?? 'operator'));
  if (asked.has('operator') && asked.has('subject')) throw new Refusal(403, 'access_denied', 'approval requires separate operator and subject decisions');
  const approver = asked.has('operator') ? 'operator' : asked.has('subject') ? 'subject' : 'any';
  const window = approver === 'operator' ? WINDOWS.operator : WINDOWS.subject;
  const declared = tiers.flatMap(({ ttl_seconds: seconds }) => seconds ?? []);
  return {
    tier: [...new Set(tiers.map(({ tier }) => tier))].sort().join(','), approver, privacy: PRIVACY.findLast((mode) => tiers.some(({ privacy }) => (privacy ?? 'identified') === mode)) ?? 'identified',
    seconds: Math.min(Math.max(declared.length === 0 ? window.default : Math.min(...declared), MINUTE), window.most),
  };
}

/** One live hold per request; one that ended unused makes room for the next. */
function ensure({ context, zoneId, bound }: Approving, { tier, approver, privacy, seconds }: Shape, { anchor, labels }: { anchor: string; labels: readonly string[] }): Promise<{ hold: Hold; created: boolean }> {
  const binding = bindingOf(bound);
  const metadata = {
    requested_scopes: bound.scopes, resources: bound.resources, ...(bound.sessionId === '' ? {} : { agent_session_id: bound.sessionId }), ...(labels.length === 0 ? {} : { agent_labels: labels }),
    ...(bound.edgeId === '' ? {} : { delegation_edge_id: bound.edgeId }), policy_set_version_id: bound.bundle.policySetVersionId, policy_manifest_sha: bound.bundle.manifestSha,
    decision_contract_version: DECISION_CONTRACT_VERSION, decision_contract_sha: DECISION_CONTRACT_SHA256,
  };
  return transaction(context.pool, async (client) => {
    const same = [zoneId, bound.principalId, bound.recordId, binding];
    const live = "zone_id = $1 AND principal_id = $2 AND session_id = $3 AND resource_set_hash = decode($4, 'hex') AND consumed_at IS NULL";
    await client.query(`DELETE FROM step_up_challenges WHERE ${live} AND expires_at <= now()`, same);
    const created = await client.query<Hold>(
      `INSERT INTO step_up_challenges (zone_id, principal_id, session_id, resource_set_hash, id, challenge_type, application_id, tier, approver_class, privacy_mode, subject_anchor, expires_at, metadata_json)
       VALUES ($1, $2, $3, decode($4, 'hex'), $5, 'human_approval', nullif($6, ''), nullif($7, ''), $8, $9, nullif($10, ''), now() + make_interval(secs => $11), $12::jsonb)
       ON CONFLICT (zone_id, principal_id, session_id, resource_set_hash) WHERE consumed_at IS NULL DO NOTHING RETURNING ${COLUMNS}`,
      [...same, randomUUID(), bound.applicationId, tier, approver, privacy, anchor, seconds, JSON.stringify(metadata)],
    );
    if (created.rows[0] !== undefined) return { hold: created.rows[0], created: true };
    const { rows: [hold] } = await client.query<Hold>(`SELECT ${COLUMNS} FROM step_up_challenges WHERE ${live}`, same);
    if (hold === undefined) throw new Error('the hold is gone');
    return { hold, created: false };
  });
}
