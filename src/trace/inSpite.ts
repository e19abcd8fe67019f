/** Why a call fails although its authority looks valid: contract request-evidence 12.3, as far as what was read can tell. */
import { decidedVersion, endedOf, endWords } from './revocation.ts';
import type { Ended } from './revocation.ts';
import { mandateEpoch, named, requestTime } from './sectionParts.ts';
import type { SectionParts } from './sectionParts.ts';
import { moment, sentenceCase, shortId } from './words.ts';

/** The Gateway lets no mandate through that has less left, in seconds. */
const preflightSeconds = 35;

/** What explains the answer of the caller, in sentences; none where the answer is not one of these. */
export function inSpiteOf(parts: SectionParts): readonly string[] {
  const { description = '', error = '' } = parts.captured.answer ?? {};
  const sentence = byDescription[description]?.(parts) ?? byError[error]?.(parts) ?? (description.startsWith('policy denied') ? policyDenied(parts) : undefined);
  return sentence === undefined ? [] : [sentence];
}

/** What had ended when the request was; all that ended where neither time is known. */
function endedThen(parts: SectionParts): readonly Ended[] {
  const then = requestTime(parts.captured, parts.trace, parts.evidence);
  return endedOf(parts).filter(({ at }) => at === undefined || then === undefined || at <= then);
}

type Explain = (parts: SectionParts) => string | undefined;

const byDescription: Readonly<Record<string, Explain>> = {
  'session revoked': (parts) => {
    const dead = endedThen(parts).filter(({ kind }) => kind === 'record revoked' || kind === 'Session terminated' || kind === 'Delegation revoked');
    if (dead.length > 0) return `The Gateway says session revoked of an authority record, a Session or a Delegation alike. Here it is this: ${dead.map((one) => endWords(one)).join('; ')}.`;
    const { messages } = parts.surroundings;
    const [message] = messages.kind === 'row' ? messages.row.revocations : [];
    if (message !== undefined) return `Nothing is revoked in Postgres now, but a message of ${moment(message.at)} said so (${message.fields['reason'] ?? 'without a reason'}). The Gateway forgets what its next snapshot does not have, within 30 s.`;
    return parts.evidence.state.kind === 'row' ? 'Nothing of it is revoked in Postgres now. A Session that was suspended and resumed less than 30 s before counts as revoked at the Gateway until its next snapshot.' : undefined;
  },
  'token replay detected': ({ surroundings: { firstUse }, evidence: { requestId } }) => {
    if (firstUse.kind === 'row' && firstUse.row !== requestId) return `An earlier call with the same mandate reached the Gateway, request ${firstUse.row}: a retry of the client or of a proxy is one, too.`;
    return firstUse.kind === 'absent' ? undefined : 'Redis has no other first use of this mandate: where the Gateway gets no answer from Redis, it says the same.';
  },
  'credential expiring within pre-flight window': ({ captured: { mandate, at } }) => {
    const { exp } = mandate?.claims ?? {};
    const left = exp === undefined || at === undefined || at === (mandate?.claims.iat ?? 0) * 1_000 ? undefined : Math.round(exp - at / 1_000);
    return `The Gateway lets no mandate through that has less than ${preflightSeconds} s left${left === undefined ? '' : `; this one had ${left} s`}.`;
  },
  'revocation state unavailable': ({ surroundings: { gateway } }) => `The Gateway has not read from Postgres for more than 70 s what is revoked, and then refuses every call${gateway.kind === 'row' ? `; now its snapshot is ${gateway.row.snapshotAge} s old` : ''}.`,
  'session inactive or expired': (parts) => ofActiveRow(parts, ['Session expired', 'heartbeat lost', 'user record ended']),
  'delegation source inactive or expired': (parts) => ofActiveRow(parts, ['Session expired', 'heartbeat lost', 'user record ended']),
  'delegation target inactive or unauthorized': (parts) => ofActiveRow(parts, ['Session expired', 'heartbeat lost', 'user record ended']),
  'authority record inactive or expired': (parts) => ofActiveRow(parts, ['record expired']),
  'delegation edge inactive or expired': (parts) => ofActiveRow(parts, ['Delegation expired']),
};

/** A row that says `active` and is dead by the clock. */
function ofActiveRow(parts: SectionParts, kinds: readonly string[]): string | undefined {
  const dead = endedThen(parts).filter(({ kind, saysActive }) => saysActive && kinds.includes(kind));
  return dead.length === 0 ? undefined : `The STS judges by the clock of Postgres, not by the word in the row, which a sweeper changes later: ${dead.map((one) => endWords(one)).join('; ')}.`;
}

const byError: Readonly<Record<string, Explain>> = {
  delegation_stale: (parts) => {
    const { surroundings: { resourceServers, epoch } } = parts;
    const then = mandateEpoch(parts);
    if (resourceServers.kind === 'cannot look') return `Resource servers say delegation_stale also where Redis does not answer them. We cannot look either: ${resourceServers.why}.`;
    const seen = resourceServers.kind === 'row' ? resourceServers.row.epoch : undefined;
    const newest = Math.max(seen ?? 0, epoch.kind === 'row' ? epoch.row.epoch : 0);
    if (then !== undefined && newest > then) return `A Delegation was created or revoked in the zone after the mint: the epoch is ${newest}, that of the mandate ${then}. Mint anew.`;
    return then === undefined ? undefined : `The epoch of the zone is not newer than that of the mandate, ${then}: resource servers say delegation_stale also where Redis does not answer them.`;
  },
  session_revoked: (parts) => {
    const { resourceServers } = parts.surroundings;
    if (resourceServers.kind === 'cannot look') return `Resource servers say session_revoked also where Redis does not answer them. We cannot look either: ${resourceServers.why}.`;
    const revoked = resourceServers.kind === 'row' ? [...resourceServers.row.revoked] : [];
    if (revoked.length > 0) return `The set that resource servers share in Redis has ${revoked.map(shortId).join(', ')}.`;
    return 'The set in Redis has none of its ids: resource servers say session_revoked also where Redis does not answer them, and one may keep a set of its own.';
  },
  identity_revoked: (parts) => {
    const { surroundings: { applications }, evidence: { state } } = parts;
    const clientId = parts.captured.mandate?.claims.client_id;
    const now = state.kind === 'row' ? state.row.now : undefined;
    const [gone] = (applications.kind === 'row' ? applications.row : []).filter(({ id, archivedAt, expiresAt }) => (clientId === undefined || id === clientId) && (archivedAt !== undefined || (expiresAt !== undefined && now !== undefined && Date.parse(expiresAt) <= now)));
    if (gone !== undefined) return `The Coordinator takes no Application that is archived or expired: ${gone.name} ${gone.archivedAt === undefined ? `expired at ${moment(Date.parse(gone.expiresAt ?? ''))}` : `is archived since ${moment(Date.parse(gone.archivedAt))}`}.`;
    const dead = endedThen(parts).filter(({ kind }) => kind === 'record revoked' || kind === 'record expired');
    return dead.length === 0 ? undefined : `The Coordinator takes no mandate whose authority record is not alive: ${dead.map((one) => endWords(one)).join('; ')}. The Application has to bootstrap again.`;
  },
};

function policyDenied(parts: SectionParts): string | undefined {
  const { surroundings: { policy }, captured, trace, evidence } = parts;
  const decided = decidedVersion(parts);
  const at = requestTime(captured, trace, evidence);
  if (policy.kind !== 'row' || decided === undefined || at === undefined) return undefined;
  const { active, versions } = policy.row;
  if (active === undefined || active.activeVersionId === decided) {
    return active !== undefined && at - Date.parse(active.changedAt) < 15 * 60_000 && at > Date.parse(active.changedAt) ? `The version that denied it was activated at ${moment(Date.parse(active.changedAt))}, not long before: what worked until then was decided by another one.` : undefined;
  }
  const version = versions.find(({ id }) => id === active.activeVersionId);
  const name = version === undefined ? named('version', active.activeVersionId) : `version ${version.version}`;
  return Date.parse(active.changedAt) < at ? `The STS had not loaded ${name} yet, which is active since ${moment(Date.parse(active.changedAt))}: an older one decided.` : `${sentenceCase(name)} is active since ${moment(Date.parse(active.changedAt))}, after the request: it may be decided otherwise now.`;
}
