/** Where it is recorded that a request's authority is revoked, how that gets from one store to the next, and what it does there. Contract request-evidence 12. */
import { delegationLiveness, recordLiveness, sessionLiveness } from './liveness.ts';
import type { Known } from './liveness.ts';
import { askedHop, changeBy, mandateEpoch, named } from './sectionParts.ts';
import type { SectionParts } from './sectionParts.ts';
import type { DelegationState, RecordState, SessionState } from './stateRows.ts';
import type { Mark } from './story.ts';
import type { AdminChange, OutboxRow } from './surroundings.ts';
import { count, moment, shortId } from './words.ts';

/** Something of a request's authority that ended. */
export interface Ended {
  readonly kind: 'record revoked' | 'record expired' | 'Session terminated' | 'Session suspended' | 'Session expired' | 'heartbeat lost' | 'user record ended' | 'Delegation revoked' | 'Delegation expired';
  readonly name: string;
  readonly id: string;
  /** Milliseconds since 1970; undefined where its row does not tell. */
  readonly at: number | undefined;
  readonly reason: string;
  /** Its row still says `active`. */
  readonly saysActive: boolean;
}

/** One store, and what it says of the request. */
export interface StoreStanding {
  readonly store: string;
  readonly mark: Mark;
  readonly words: string;
  /** Who reads it, and how what is in it gets there. */
  readonly way: string;
}

/** How long the Gateway keeps what is revoked, and how long resource servers do, in milliseconds. */
const keptMs = 24 * 3_600_000;
/** Rows and messages of one transaction have times this near. */
const sameMomentMs = 2_000;

/** All that ended, as the rows stand now. */
export function endedOf({ evidence: { state } }: Pick<SectionParts, 'evidence'>): readonly Ended[] {
  if (state.kind !== 'row') return [];
  const { now, records, sessions, delegations } = state.row;
  const find = (id: string): Known<RecordState> => {
    const row = records.find((one) => one.id === id);
    return row === undefined ? { kind: 'cannot look', why: 'it was not read' } : { kind: 'row', row };
  };
  return [
    ...records.flatMap((row): readonly Ended[] => {
      const { result, at } = recordLiveness(row, now);
      const kind = row.status === 'revoked' ? 'record revoked' : 'record expired';
      return result === 'fails' ? [{ kind, name: named('Authority record', row.id), id: row.id, at, reason: row.revokedReason ?? '', saysActive: row.status === 'active' }] : [];
    }),
    ...sessions.flatMap((row): readonly Ended[] => {
      const { result, at } = sessionLiveness(row, { records: find, now });
      return result === 'fails' ? [{ kind: sessionEnd(row, now), name: named('Session', row.id), id: row.id, at, reason: row.terminationReason ?? '', saysActive: row.status === 'active' }] : [];
    }),
    ...delegations.flatMap((row): readonly Ended[] => {
      const { result, at } = delegationLiveness(row, now);
      const isRevoked = row.status === 'revoked' || row.revokedAt !== undefined;
      return result === 'fails' ? [{ kind: isRevoked ? 'Delegation revoked' : 'Delegation expired', name: named('Delegation', row.id), id: row.id, at, reason: '', saysActive: row.status === 'active' }] : [];
    }),
  ];
}

function sessionEnd({ status, lifecycle, heartbeatDeadlineAt, terminationReason, startedAt, ttlSeconds = 0 }: SessionState, now: number): Ended['kind'] {
  if (status === 'suspended') return 'Session suspended';
  if (terminationReason === 'service_heartbeat_lost') return 'heartbeat lost';
  if (status === 'terminated') return 'Session terminated';
  if (status === 'expired') return 'Session expired';
  if (lifecycle === 'service') return Date.parse(heartbeatDeadlineAt ?? '') > now ? 'user record ended' : 'heartbeat lost';
  return Date.parse(startedAt) + ttlSeconds * 1_000 > now ? 'user record ended' : 'Session expired';
}

/** Every store of the contract's table, always all of them. */
export function revocationStores(parts: SectionParts): readonly StoreStanding[] {
  const ended = endedOf(parts);
  return [
    ...rowsOfPostgres(parts, ended), epochOfPostgres(parts), apiOutbox(parts, ended), coordinatorOutbox(parts), revocationStream(parts, ended), deadLetters(parts), gatewaySet(parts),
    resourceServerSet(parts), resourceServerEpoch(parts), firstUse(parts),
  ];
}

const cannotLook = (store: string, way: string, why: string): StoreStanding => ({ store, way, mark: 'unknown', words: `cannot look: ${why}` });
const none = (store: string, way: string, words = 'none'): StoreStanding => ({ store, way, mark: 'none', words });

function rowsOfPostgres({ evidence: { state } }: SectionParts, ended: readonly Ended[]): readonly StoreStanding[] {
  const stores: readonly (readonly [store: string, way: string, nouns: readonly Ended['kind'][], size: (rows: RowCounts) => number])[] = [
    ['Authority records in Postgres', 'read by the STS at each exchange, by the Coordinator at each call, and into the Gateway\u2019s snapshot', ['record revoked', 'record expired'], ({ records }) => records.length],
    ['Sessions in Postgres', 'read by the STS at each exchange; of them the Gateway\u2019s snapshot has those that are terminated', ['Session terminated', 'Session suspended', 'Session expired', 'heartbeat lost', 'user record ended'], ({ sessions }) => sessions.length],
    ['Delegations in Postgres', 'read by the STS at each exchange, and into the Gateway\u2019s snapshot', ['Delegation revoked', 'Delegation expired'], ({ delegations }) => delegations.length],
  ];
  return stores.map(([store, way, kinds, size]) => {
    if (state.kind !== 'row') return cannotLook(store, way, state.kind === 'absent' ? 'nothing was asked' : state.why);
    if (size(state.row) === 0) return none(store, way, 'nothing known names a row of it');
    const own = ended.filter(({ kind }) => kinds.includes(kind));
    return own.length === 0 ? none(store, way) : { store, way, mark: 'failed', words: own.map((one) => endWords(one)).join('; ') };
  });
}

interface RowCounts {
  readonly records: readonly unknown[];
  readonly sessions: readonly unknown[];
  readonly delegations: readonly unknown[];
}

const verbs: Readonly<Record<Ended['kind'], string>> = {
  'record revoked': 'revoked', 'record expired': 'expired', 'Session terminated': 'terminated', 'Session suspended': 'suspended', 'Session expired': 'expired', 'heartbeat lost': 'without a heartbeat',
  'user record ended': 'dead with the authority record of its user', 'Delegation revoked': 'revoked', 'Delegation expired': 'expired',
};

/** `Session …a41c07 terminated since 10:14:40, requested`. */
export function endWords({ name, kind, at, reason, saysActive }: Ended): string {
  return `${name} ${verbs[kind]}${at === undefined ? '' : ` since ${moment(at)}`}${reason === '' ? '' : `, ${reason}`}${saysActive ? ', while its row says active' : ''}`;
}

function epochOfPostgres(parts: SectionParts): StoreStanding {
  const { surroundings: { epoch } } = parts;
  const [store, way] = ['Delegation epoch in Postgres', 'read by the STS at a mint; each Delegation that is created or revoked in the zone makes it grow'];
  if (epoch.kind !== 'row') return cannotLook(store, way, epoch.kind === 'absent' ? 'it was not read' : epoch.why);
  const { epoch: now, changedAt } = epoch.row;
  const since = changedAt === undefined ? '' : `, since ${moment(Date.parse(changedAt))}`;
  const then = mandateEpoch(parts);
  if (then === undefined) return none(store, way, `${now}${since}; that of the mandate is not known`);
  return now > then ? { store, way, mark: 'warning', words: `${now}${since}; newer than ${then} of the mandate` } : none(store, way, `${now}, as in the mandate`);
}

/** Changes that may have revoked what ended here. */
function revoking({ surroundings: { changes } }: SectionParts, ended: readonly Ended[]): readonly AdminChange[] {
  return ended.flatMap(({ kind, id, at }) => (at === undefined ? [] : (changeBy(changes, at, [id], (change) => kind === 'record revoked' && revokesRecords(change))?.change ?? [])));
}

/** Authority records are revoked with a grant, with their subject, or when dynamic registration stops. */
export function revokesRecords({ method, path, action }: AdminChange): boolean {
  return (method === 'DELETE' && /\/grants\/[^/]+$/.test(path)) || /\/subjects\/[^/]+\/revoke$/.test(path) || /^(?:DCR shutdown|Subject authority revoked)/.test(action);
}

function apiOutbox(parts: SectionParts, ended: readonly Ended[]): StoreStanding {
  const { surroundings: { apiOutbox: outbox } } = parts;
  const [store, way] = ['Outbox of the API, event_outbox', 'what the API revokes goes from here into the stream, within a second'];
  if (outbox.kind !== 'row') return cannotLook(store, way, outbox.kind === 'absent' ? 'it was not read' : outbox.why);
  const requests = new Set(revoking(parts, ended).map(({ requestId }) => requestId));
  const moments = ended.filter(({ kind }) => kind === 'record revoked').flatMap(({ at }) => at ?? []);
  const revocations = outbox.row.filter(({ stream }) => stream === 'caracal.sessions.revoke');
  const own = revocations.filter(({ names, createdAt }) => requests.has(names) || moments.some((moment) => Math.abs(moment - Date.parse(createdAt)) <= sameMomentMs));
  return outboxStanding(store, way, own, revocations.length - own.length);
}

function coordinatorOutbox(parts: SectionParts): StoreStanding {
  const { surroundings: { coordinatorOutbox: outbox, anchors }, evidence: { zoneId, state } } = parts;
  const [store, way] = ['Outbox of the Coordinator, caracal_outbox', 'what the Coordinator ends goes from here into the streams, within two seconds; after 10 attempts a row is dead'];
  if (outbox.kind !== 'row') return cannotLook(store, way, outbox.kind === 'absent' ? 'it was not read' : outbox.why);
  const rows = state.kind === 'row' ? state.row : { sessions: [], delegations: [], records: [] };
  const ids = new Set([...anchors, ...[...rows.sessions, ...rows.delegations, ...rows.records].map(({ id }) => id)]);
  const own = outbox.row.filter(({ names }) => names.split(':').some((part) => ids.has(part)) || names.startsWith(`edge_expire:${zoneId}:`));
  return outboxStanding(store, way, own, outbox.row.length - own.length);
}

function outboxStanding(store: string, way: string, own: readonly OutboxRow[], others: number): StoreStanding {
  const beside = others === 0 ? '' : `; ${count(others, 'message')} of others ${others === 1 ? 'waits' : 'wait'}`;
  if (own.length === 0) return { store, way, mark: others === 0 ? 'none' : 'warning', words: `none${beside}` };
  const words = own.map(({ isDead, attempts, lastError, createdAt, stream }) => `a message for ${stream} ${isDead ? `is dead after ${count(attempts, 'attempt')}` : `waits since ${moment(Date.parse(createdAt))}, ${count(attempts, 'attempt')}`}${lastError === '' ? '' : `: ${lastError}`}`);
  return { store, way, mark: own.some(({ isDead }) => isDead) ? 'failed' : 'warning', words: `${words.join('; ')}${beside}` };
}

function revocationStream({ surroundings: { messages } }: SectionParts, ended: readonly Ended[]): StoreStanding {
  const [store, way] = ['Stream caracal.sessions.revoke', 'read by the STS, by each Gateway, and by resource servers that run its consumer'];
  if (messages.kind !== 'row') return cannotLook(store, way, messages.kind === 'absent' ? 'it was not read' : messages.why);
  const { revocations } = messages.row;
  if (revocations.length === 0) return none(store, way, ended.length === 0 ? 'none' : 'none around the times when these ended');
  const words = revocations.map(({ at, fields, groups }) => `a message at ${moment(at)}, ${fields['reason'] ?? 'without a reason'}${groups.map(({ group, standing }) => `; ${group}: ${standing}`).join('')}`);
  return { store, way, mark: revocations.some(({ groups }) => groups.some(({ standing }) => standing !== 'taken')) ? 'warning' : 'failed', words: words.join('. ') };
}

function deadLetters({ surroundings: { messages } }: SectionParts): StoreStanding {
  const [store, way] = ['Dead letters, caracal.sessions.revoke.dead', 'what a consumer gave up; nobody tries it again'];
  if (messages.kind !== 'row') return cannotLook(store, way, messages.kind === 'absent' ? 'it was not read' : messages.why);
  const { dead } = messages.row;
  return dead.length === 0 ? none(store, way, 'none among the latest 200') : { store, way, mark: 'failed', words: dead.map(({ at, fields }) => `given up at ${moment(at)}: ${fields['error'] ?? fields['reason'] ?? 'without a reason'}`).join('; ') };
}

/** What the next snapshot of the Gateway has of these rows, by the statement that it is read with (contract storage-and-streams 7.6). */
export function inSnapshot({ now, records, sessions, delegations }: { readonly now: number; readonly records: readonly RecordState[]; readonly sessions: readonly SessionState[]; readonly delegations: readonly DelegationState[] }): readonly string[] {
  const isKept = (at: string | undefined): boolean => at !== undefined && Date.parse(at) > now - keptMs;
  return [
    ...records.filter(({ status, expiresAt }) => status === 'revoked' && isKept(expiresAt)).map(({ id }) => named('authority record', id)),
    ...sessions.filter(({ status, updatedAt, terminatedAt }) => status === 'terminated' && isKept(updatedAt ?? terminatedAt)).map(({ id }) => named('Session', id)),
    ...delegations.filter(({ status, revokedAt }) => status === 'revoked' && isKept(revokedAt)).map(({ id }) => named('Delegation', id)),
  ];
}

function gatewaySet({ evidence: { state }, surroundings: { gateway } }: SectionParts): StoreStanding {
  const [store, way] = ['The Gateway\u2019s set, in its memory', 'its own snapshot of Postgres, every 30 s, and messages of the stream in between; nobody can read it'];
  const measured = gateway.kind === 'row' ? `The last one is ${gateway.row.snapshotAge} s old, ${count(gateway.row.active, 'anchor')} of all zones${gateway.row.isFresh ? '' : '; it is stale, and the Gateway refuses every call'}` : `Its age cannot be looked at: ${gateway.kind === 'absent' ? 'it was not read' : gateway.why}`;
  if (state.kind !== 'row') return cannotLook(store, way, `${state.kind === 'absent' ? 'the rows were not read' : state.why}. ${measured}`);
  const has = inSnapshot(state.row);
  const derived = `by its rule, its next snapshot has ${has.length === 0 ? 'none of these' : has.join(', ')}`;
  return { store, way, mark: has.length > 0 ? 'failed' : gateway.kind === 'row' && !gateway.row.isFresh ? 'warning' : 'none', words: `${derived}. ${measured}` };
}

function resourceServerSet({ surroundings: { resourceServers, anchors } }: SectionParts): StoreStanding {
  const [store, way] = ['Resource servers\u2019 set in Redis', 'written by the consumer that a resource server runs, if it runs one, and kept for 24 h; one in memory cannot be seen'];
  if (resourceServers.kind !== 'row') return cannotLook(store, way, resourceServers.kind === 'absent' ? 'it was not read' : resourceServers.why);
  if (anchors.length === 0) return cannotLook(store, way, 'no id of this request is known that could be in it');
  const { revoked } = resourceServers.row;
  return revoked.size === 0 ? none(store, way, `none of ${count(anchors.length, 'id')}`) : { store, way, mark: 'failed', words: `revoked: ${[...revoked].map(shortId).join(', ')}; when and why is not recorded there` };
}

function resourceServerEpoch(parts: SectionParts): StoreStanding {
  const { surroundings: { resourceServers } } = parts;
  const [store, way] = ['Resource servers\u2019 Delegation epoch in Redis', 'written by the consumer of caracal.delegations.invalidate, if a resource server runs it, and kept for 24 h'];
  if (resourceServers.kind !== 'row') return cannotLook(store, way, resourceServers.kind === 'absent' ? 'it was not read' : resourceServers.why);
  const { epoch } = resourceServers.row;
  if (epoch === undefined) return none(store, way, 'none, which a verifier takes for 0');
  const then = mandateEpoch(parts);
  if (then === undefined) return none(store, way, `${epoch}; that of the mandate is not known`);
  return epoch > then ? { store, way, mark: 'failed', words: `${epoch}, newer than ${then} of the mandate: verifiers answer delegation_stale` } : none(store, way, `${epoch}, not newer than ${then} of the mandate`);
}

function firstUse({ captured: { mandate }, surroundings: { firstUse: use }, evidence: { requestId } }: SectionParts): StoreStanding {
  const [store, way] = ['First use in Redis, seen:jti', 'written by the Gateway at the first call with a mandate, and kept until the mandate ends'];
  if (use.kind === 'cannot look') return cannotLook(store, way, use.why);
  if (use.kind === 'row') return { store, way, mark: use.row === requestId ? 'none' : 'failed', words: use.row === requestId ? 'used by this request first' : `used first by request ${use.row}` };
  return mandate?.claims.jti === undefined ? cannotLook(store, way, 'its key is in the mandate, which is not at hand') : none(store, way, 'not used, or its time is over');
}

/** What each thing that ended does at the STS, at the Gateway and at resource servers; what the epoch and the policy do. */
export function effectsOf(parts: SectionParts): readonly string[] {
  return [...endedOf(parts).map((ended) => `${endWords(ended)}. ${effectOf(parts, ended)}`), ...epochEffect(parts), ...policyEffect(parts)];
}

function effectOf(parts: SectionParts, { kind, id }: Ended): string {
  switch (kind) {
    case 'record revoked':
      return 'The STS refuses it at once, and the records made under it are revoked, too. The Gateway learns of it by a message within milliseconds, else from its next snapshot within 30 s. Resource servers learn of it only where their consumer runs.';
    case 'record expired':
      return 'The STS refuses it at once, also while its row says active. Neither the Gateway nor a resource server is told: the mandates made with it end by their own time.';
    case 'Session terminated':
      return `The STS refuses it at once, and its Delegations are revoked. The Gateway learns of it from its next snapshot within 30 s; ${messageOf(parts, id)}. Resource servers mostly learn of it by the epoch alone.`;
    case 'Session suspended':
      return `The STS refuses it at once. The Gateway\u2019s snapshot does not have it, and ${messageOf(parts, id)}. Resource servers learn of it by that message alone.`;
    case 'Session expired':
      return 'The STS refuses it as soon as its time is over, also before the sweeper has looked. The Gateway\u2019s snapshot does not have it, only its children and Delegations once they are ended. Resource servers mostly learn of it by the epoch alone.';
    case 'heartbeat lost':
      return `The STS refuses it as soon as its lease ends, also before the sweeper has looked. The Gateway\u2019s snapshot does not have it before it is terminated, and ${messageOf(parts, id)}. Resource servers are not told.`;
    case 'user record ended':
      return 'The STS refuses it with the authority record of its user, while the Session itself goes on.';
    case 'Delegation revoked':
      return `The STS refuses it at once, and the Delegations made from it and their target Sessions end with it. The Gateway gets a message with the target\u2019s authority record and the Delegation. Resource servers get both, and a newer epoch.${ownRecord(parts, id)}`;
    case 'Delegation expired':
      return 'The STS refuses it at once. The Gateway\u2019s snapshot does not have it: it has those that are revoked. Resource servers learn of it by the epoch alone, once the Coordinator has seen that it is over.';
  }
}

/** The Coordinator announces a Session's end only where nobody else loses its authority by that (Caracal apps/coordinator/src/routes/agents.ts:833). */
function messageOf({ evidence: { state } }: SectionParts, sessionId: string): string {
  const session = state.kind === 'row' ? state.row.sessions.find(({ id }) => id === sessionId) : undefined;
  const record = state.kind === 'row' ? state.row.records.find(({ id }) => id === session?.authorityRecordId) : undefined;
  if (record?.type === 'application') return 'no message tells of it, because its authority record is the Application\u2019s own';
  return 'a message tells of it only if its authority record is of a federated user and no other live Session uses it; that record then stays revoked';
}

/** Caracal apps/coordinator/src/routes/delegations.ts:596. */
function ownRecord({ evidence: { state } }: SectionParts, delegationId: string): string {
  if (state.kind !== 'row') return '';
  const { delegations, sessions, records } = state.row;
  const target = sessions.find(({ id }) => id === delegations.find((row) => row.id === delegationId)?.targetSessionId);
  const record = records.find(({ id }) => id === target?.authorityRecordId);
  return record?.type === 'application' ? ` That authority record is the Application\u2019s own: if somebody revoked the Delegation by itself, the STS marks the record revoked, and the Coordinator answers identity_revoked until the Application bootstraps again.` : '';
}

function epochEffect(parts: SectionParts): readonly string[] {
  const { surroundings: { epoch } } = parts;
  const then = mandateEpoch(parts);
  if (epoch.kind !== 'row' || then === undefined || epoch.row.epoch <= then) return [];
  return [`The Delegation epoch of the zone grew from ${then} to ${epoch.row.epoch}. Where resource servers follow it, every older delegated mandate of the zone is delegation_stale; the STS and the Gateway do not mind.`];
}

function policyEffect(parts: SectionParts): readonly string[] {
  const decided = decidedVersion(parts);
  const { surroundings: { policy } } = parts;
  if (policy.kind !== 'row' || decided === undefined || policy.row.active?.activeVersionId === decided) return [];
  const { active } = policy.row;
  const since = active === undefined ? 'No policy set is active now' : `Another version of the policy is active since ${moment(Date.parse(active.changedAt))}`;
  return [`${since}. The next exchange is decided by it, also the use of a mandate that was made before; resource mandates already issued stay valid up to 15 min.`];
}

/** The version of the policy set that decided the request, else the latest of what belongs to it; undefined where no policy did. */
export function decidedVersion({ trace, evidence }: Pick<SectionParts, 'trace' | 'evidence'>): string | undefined {
  const others = trace.hops.flatMap(({ events }) => events).toReversed();
  return [...(askedHop(trace, evidence)?.events ?? []), ...others].map(({ policy_set_version_id: id }) => id).find((id) => id !== '');
}
