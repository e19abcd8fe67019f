import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { decodeMandate } from '../../src/trace/mandate.ts';
import { inSpiteOf } from '../../src/trace/inSpite.ts';
import { effectsOf, inSnapshot, revocationStores } from '../../src/trace/revocation.ts';
import type { AdminChange, Surroundings } from '../../src/trace/surroundings.ts';
import { at, delegation, event, inSeconds, nowSeconds, partsOf, record, row, session, version } from './traceParts.ts';
import type { Given } from './traceParts.ts';

const effect = (given: Given): readonly string[] => inSeconds(effectsOf(partsOf(given)));
const service = (id: string, deadline: number, more: object = {}): ReturnType<typeof session> => session(id, { lifecycle: 'service', ttlSeconds: undefined, heartbeatDeadlineAt: at(deadline), ...more });
const ofUser = record({ type: 'user', subjectId: 'u-1' });

/** Contract request-evidence 12.2, row by row. */
const effects: readonly (readonly [what: string, given: Given, expected: RegExp])[] = [
  ['authority record revoked', { state: { records: [record({ status: 'revoked', revokedAt: at(60), revokedReason: 'grant_revoked' })] } }, /^Authority record rec revoked since 60 s, grant_revoked\. The STS refuses it at once, and the records made under it.*by a message within milliseconds, else from its next snapshot within 30 s.*only where their consumer runs\.$/],
  ['Session terminated, of an Application', { state: { sessions: [session('source'), session('target', { status: 'terminated', terminatedAt: at(60), terminationReason: 'requested' })] } }, /^Session target terminated since 60 s, requested\. The STS refuses it at once, and its Delegations are revoked\. .*next snapshot within 30 s; no message tells of it, because its authority record is the Application’s own\. .*epoch alone\.$/],
  ['Session terminated, of a user', { state: { records: [ofUser], sessions: [session('source'), session('target', { status: 'terminated', terminatedAt: at(60) })] } }, /a message tells of it only if its authority record is of a federated user and no other live Session uses it/],
  ['Session suspended', { state: { sessions: [session('target', { status: 'suspended', updatedAt: at(60) })] } }, /^Session target suspended\. The STS refuses it at once\. The Gateway’s snapshot does not have it, and no message tells of it/],
  ['Session over by its time', { state: { sessions: [session('target', { ttlSeconds: 200 })] } }, /^Session target expired since 100 s, while its row says active\. The STS refuses it as soon as its time is over, also before the sweeper.*snapshot does not have it, only its children and Delegations/],
  ['heartbeat lost', { state: { sessions: [service('target', 50)] } }, /^Session target without a heartbeat since 50 s, while its row says active\. The STS refuses it as soon as its lease ends, also before the sweeper.*Resource servers are not told\.$/],
  ['authority record of the user expired', { state: { records: [record({ type: 'user', expiresAt: at(30) })], sessions: [session('target')] } }, /^Session target dead with the authority record of its user since 30 s/],
  ['Delegation revoked', { state: { delegations: [delegation({ status: 'revoked', revokedAt: at(60) })] } }, /^Delegation edge revoked since 60 s\. The STS refuses it at once, and the Delegations made from it and their target Sessions end with it\. The Gateway gets a message with the target’s authority record.*identity_revoked until the Application bootstraps again\.$/],
  ['Delegation revoked, of a user', { state: { records: [ofUser], delegations: [delegation({ status: 'revoked', revokedAt: at(60) })] } }, /and a newer epoch\.$/],
  ['Delegation expired', { state: { delegations: [delegation({ expiresAt: at(30) })] } }, /^Delegation edge expired since 30 s, while its row says active\. .*snapshot does not have it/],
  ['Delegation created elsewhere in the zone', { around: { epoch: row({ epoch: 9, changedAt: at(60) }) } }, /^The Delegation epoch of the zone grew from 7 to 9\. .*every older delegated mandate of the zone is delegation_stale/],
  ['policy activated', { around: { policy: row({ versions: [version(1, [])], active: { setId: 'set', activeVersionId: 'version-2', changedAt: at(60) } }) } }, /^Another version of the policy is active since 60 s\. The next exchange is decided by it, also the use of a mandate.*up to 15 min\.$/],
  ['policy taken away', { around: { policy: row({ versions: [version(1, [])], active: undefined }) } }, /^No policy set is active now\./],
];

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
function mandate(claims: object) {
  const decoded = decodeMandate(`${base64({ alg: 'ES256', typ: 'JWT', kid: 'k' })}.${base64(claims)}.${Buffer.alloc(64).toString('base64url')}`);
  ok(decoded.kind === 'mandate');
  return decoded.mandate;
}
const seconds = (from: number): number => Date.parse(at(from)) / 1_000;
const answered = (status: number, error: string, description?: string): NonNullable<Given['captured']> => ({ answer: { status, error, description } });
const blind: Surroundings['resourceServers'] = { kind: 'cannot look', why: 'connect ECONNREFUSED' };

/** Contract request-evidence 12.3, row by row; the last one is of the verifier section. */
const inSpites: readonly (readonly [what: string, given: Given, expected: RegExp])[] = [
  ['session revoked, and a Session is terminated', { captured: answered(401, 'invalid_token', 'session revoked'), state: { sessions: [session('target', { status: 'terminated', terminatedAt: at(-20) })] } }, /alike\. Here it is this: Session target terminated since -20 s\.$/],
  ['session revoked, and a Delegation is revoked', { captured: answered(401, 'invalid_token', 'session revoked'), state: { delegations: [delegation({ status: 'revoked', revokedAt: at(-20) })] } }, /Here it is this: Delegation edge revoked since -20 s\.$/],
  ['session revoked, and nothing is, but a message said so', { captured: answered(401, 'invalid_token', 'session revoked'), around: { messages: row({ revocations: [{ id: '1-0', at: Date.parse(at(-9)), fields: { reason: 'requested' }, groups: [] }], dead: [], epochs: [] }) } }, /^Nothing is revoked in Postgres now, but a message of -9 s said so \(requested\)\..*within 30 s\.$/],
  ['session revoked, and nothing says why', { captured: answered(401, 'invalid_token', 'session revoked') }, /suspended and resumed less than 30 s before/],
  ['replay on a first try', { captured: answered(401, 'invalid_token', 'token replay detected'), around: { firstUse: row('request-0') } }, /^An earlier call with the same mandate reached the Gateway, request request-0: a retry of the client or of a proxy is one, too\.$/],
  ['replay, and Redis does not answer', { captured: answered(401, 'invalid_token', 'token replay detected'), around: { firstUse: { kind: 'cannot look', why: 'x' } } }, /where the Gateway gets no answer from Redis, it says the same/],
  ['20 s left', { captured: { ...answered(401, 'credential_expired_not_renewable', 'credential expiring within pre-flight window'), at: Date.parse(at(0)), mandate: mandate({ exp: seconds(20), iat: seconds(-880) }) } }, /less than 35 s left; this one had 20 s\.$/],
  ['stale snapshot', { captured: answered(503, 'sts_unavailable', 'revocation state unavailable'), around: { gateway: row({ active: 0, snapshotAge: 95, isFresh: false }) } }, /more than 70 s what is revoked, and then refuses every call; now its snapshot is 95 s old\.$/],
  ['Session over, active in its row', { captured: answered(403, 'access_denied', 'session inactive or expired'), state: { sessions: [session('target', { ttlSeconds: 90 })] } }, /^The STS judges by the clock of Postgres, not by the word in the row.*: Session target expired since -10 s, while its row says active\.$/],
  ['service without a heartbeat, active in its row', { captured: answered(403, 'access_denied', 'session inactive or expired'), state: { sessions: [service('target', -5)] } }, /Session target without a heartbeat since -5 s/],
  ['user’s record over, active in its row', { captured: answered(403, 'access_denied', 'session inactive or expired'), state: { sessions: [session('target')], records: [record({ type: 'user', expiresAt: at(-5) })] } }, /Session target dead with the authority record of its user since -5 s/],
  ['record over, active in its row', { captured: answered(403, 'access_denied', 'authority record inactive or expired'), state: { records: [record({ expiresAt: at(-5) })] } }, /Authority record rec expired since -5 s, while its row says active\.$/],
  ['newer epoch', { captured: answered(401, 'delegation_stale'), around: { resourceServers: row({ revoked: new Set<string>(), epoch: 8 }) } }, /the epoch is 8, that of the mandate 7\. Mint anew\.$/],
  ['no newer epoch', { captured: answered(401, 'delegation_stale') }, /not newer than that of the mandate, 7: resource servers say delegation_stale also where Redis does not answer them\.$/],
  ['stale, and Redis is down', { captured: answered(401, 'delegation_stale'), around: { resourceServers: blind } }, /We cannot look either: connect ECONNREFUSED\.$/],
  ['session_revoked, and the set has it', { captured: answered(401, 'session_revoked'), around: { resourceServers: row({ revoked: new Set(['rec']), epoch: 7 }) } }, /^The set that resource servers share in Redis has rec\.$/],
  ['session_revoked, and nothing is', { captured: answered(401, 'session_revoked') }, /^The set in Redis has none of its ids: resource servers say session_revoked also where Redis does not answer them/],
  ['session_revoked, and Redis is down', { captured: answered(401, 'session_revoked'), around: { resourceServers: blind } }, /We cannot look either/],
  ['identity_revoked, Application archived', { captured: answered(401, 'identity_revoked'), around: { applications: row([{ id: 'app', name: 'Orders', registrationMethod: 'managed', createdAt: at(-9), expiresAt: undefined, archivedAt: at(-3) }]) } }, /Orders is archived since -3 s\.$/],
  ['identity_revoked, Application expired', { captured: answered(401, 'identity_revoked'), around: { applications: row([{ id: 'app', name: 'Orders', registrationMethod: 'dcr', createdAt: at(-9), expiresAt: at(-3), archivedAt: undefined }]) } }, /Orders expired at -3 s\.$/],
  ['identity_revoked, record revoked', { captured: answered(401, 'identity_revoked'), state: { records: [record({ status: 'revoked', revokedAt: at(-3), revokedReason: 'delegation_revoked' })] } }, /Authority record rec revoked since -3 s, delegation_revoked\. The Application has to bootstrap again\.$/],
  ['policy denied, activated meanwhile', { captured: answered(403, 'access_denied', 'policy denied (role_scope_mismatch)'), around: { policy: row({ versions: [version(1, []), version(2, [])], active: { setId: 'set', activeVersionId: 'version-2', changedAt: at(60) } }) } }, /^Version 2 is active since 60 s, after the request: it may be decided otherwise now\.$/],
  ['policy denied, not loaded yet', { captured: answered(403, 'access_denied', 'policy denied (role_scope_mismatch)'), around: { policy: row({ versions: [version(1, []), version(2, [])], active: { setId: 'set', activeVersionId: 'version-2', changedAt: at(-3) } }) } }, /^The STS had not loaded version 2 yet, which is active since -3 s: an older one decided\.$/],
  ['policy denied, activated just before', { captured: answered(403, 'access_denied', 'policy denied (role_scope_mismatch)'), around: { policy: row({ versions: [version(1, [])], active: { setId: 'set', activeVersionId: 'version-1', changedAt: at(-30) } }) } }, /^The version that denied it was activated at -30 s, not long before/],
];

const change = (more: Partial<AdminChange>): AdminChange => ({ requestId: 'admin-1', actor: 'ana', action: 'DELETE x', method: 'DELETE', path: '/v1/zones/zone-1/grants/g-1', entityType: 'grants', entityId: 'g-1', occurredAt: at(61), ...more });
const waiting = (more: object = {}) => ({ id: 'o-1', stream: 'caracal.sessions.revoke', isDead: false, attempts: 3, names: '', lastError: '', createdAt: at(300), ...more });
const revoked: Given['state'] = { records: [record({ status: 'revoked', revokedAt: at(60), revokedReason: 'grant_revoked' })] };
const message = { id: '1-0', at: Date.parse(at(61)), fields: { reason: 'grant_revoked' } };

const stores: readonly (readonly [store: string, what: string, given: Given, mark: string, words: string])[] = [
  ['Authority records in Postgres', 'nothing', {}, 'none', 'none'],
  ['Authority records in Postgres', 'revoked', { state: revoked }, 'failed', 'Authority record rec revoked since 60 s, grant_revoked'],
  ['Authority records in Postgres', 'no row', { state: { records: [] } }, 'none', 'nothing known names a row of it'],
  ['Authority records in Postgres', 'blind', { evidence: { state: { kind: 'cannot look', why: 'Postgres is not given' } } }, 'unknown', 'cannot look: Postgres is not given'],
  ['Sessions in Postgres', 'two', { state: { sessions: [session('source', { ttlSeconds: 1 }), session('target', { status: 'terminated', terminatedAt: at(1), terminationReason: 'parent_terminated' })] } }, 'failed', 'Session source expired since -99 s, while its row says active; Session target terminated since 1 s, parent_terminated'],
  ['Delegations in Postgres', 'revoked', { state: { delegations: [delegation({ status: 'revoked', revokedAt: at(5) })] } }, 'failed', 'Delegation edge revoked since 5 s'],
  ['Delegation epoch in Postgres', 'the same', {}, 'none', '7, as in the mandate'],
  ['Delegation epoch in Postgres', 'newer', { around: { epoch: row({ epoch: 8, changedAt: at(9) }) } }, 'warning', '8, since 9 s; newer than 7 of the mandate'],
  ['Delegation epoch in Postgres', 'of no mandate', { events: [event({ metadata_json: { delegation_graph_epoch: undefined } })] }, 'none', '7, since -90 s; that of the mandate is not known'],
  ['Outbox of the API', 'nothing', { state: revoked }, 'none', 'none'],
  ['Outbox of the API', 'of others', { state: revoked, around: { apiOutbox: row([waiting({ names: 'other' })]) } }, 'warning', 'none; 1 message of others waits'],
  ['Outbox of the API', 'of the request that revoked it', { state: revoked, around: { changes: row([change({})]), apiOutbox: row([waiting({ names: 'admin-1', isDead: true, attempts: 100, lastError: 'READONLY' })]) } }, 'failed', 'a message for caracal.sessions.revoke is dead after 100 attempts: READONLY'],
  ['Outbox of the API', 'of the same moment', { state: revoked, around: { apiOutbox: row([waiting({ createdAt: at(60) })]) } }, 'warning', 'a message for caracal.sessions.revoke waits since 60 s, 3 attempts'],
  ['Outbox of the API', 'blind', { around: { apiOutbox: { kind: 'cannot look', why: 'permission denied' } } }, 'unknown', 'cannot look: permission denied'],
  ['Outbox of the Coordinator', 'its own', { around: { coordinatorOutbox: row([waiting({ names: 'agent_terminate:target', isDead: true, attempts: 10 }), waiting({ names: 'edge_revoke:other' })]) } }, 'failed', 'a message for caracal.sessions.revoke is dead after 10 attempts; 1 message of others waits'],
  ['Stream caracal.sessions.revoke', 'nothing', { state: revoked }, 'none', 'none around the times when these ended'],
  ['Stream caracal.sessions.revoke', 'taken', { around: { messages: row({ revocations: [{ ...message, groups: [{ group: 'sts-revocation', standing: 'taken' }] }], dead: [], epochs: [] }) } }, 'failed', 'a message at 61 s, grant_revoked; sts-revocation: taken'],
  ['Stream caracal.sessions.revoke', 'on its way', { around: { messages: row({ revocations: [{ ...message, groups: [{ group: 'gateway-revocation:a', standing: 'not delivered' }] }], dead: [], epochs: [] }) } }, 'warning', 'a message at 61 s, grant_revoked; gateway-revocation:a: not delivered'],
  ['Dead letters', 'given up', { around: { messages: row({ revocations: [], dead: [{ ...message, fields: { error: 'missing session_id' } }], epochs: [] }) } }, 'failed', 'given up at 61 s: missing session_id'],
  ['The Gateway’s set', 'nothing', {}, 'none', 'by its rule, its next snapshot has none of these. The last one is 12 s old, 0 anchors of all zones'],
  ['The Gateway’s set', 'a record', { state: revoked }, 'failed', 'by its rule, its next snapshot has authority record rec. The last one is 12 s old, 0 anchors of all zones'],
  ['The Gateway’s set', 'stale', { around: { gateway: row({ active: 1, snapshotAge: 80, isFresh: false }) } }, 'warning', 'by its rule, its next snapshot has none of these. The last one is 80 s old, 1 anchor of all zones; it is stale, and the Gateway refuses every call'],
  ['The Gateway’s set', 'without metrics', { around: { gateway: { kind: 'cannot look', why: 'its metrics answered 401' } } }, 'none', 'by its rule, its next snapshot has none of these. Its age cannot be looked at: its metrics answered 401'],
  ['Resource servers’ set', 'has one', { around: { resourceServers: row({ revoked: new Set(['edge']), epoch: 7 }) } }, 'failed', 'revoked: edge; when and why is not recorded there'],
  ['Resource servers’ set', 'blind', { around: { resourceServers: blind } }, 'unknown', 'cannot look: connect ECONNREFUSED'],
  ['Resource servers’ set', 'nothing to ask', { around: { anchors: [] } }, 'unknown', 'cannot look: no id of this request is known that could be in it'],
  ['Resource servers’ Delegation epoch', 'none', {}, 'none', 'none, which a verifier takes for 0'],
  ['Resource servers’ Delegation epoch', 'newer', { around: { resourceServers: row({ revoked: new Set<string>(), epoch: 9 }) } }, 'failed', '9, newer than 7 of the mandate: verifiers answer delegation_stale'],
  ['First use in Redis', 'no mandate', {}, 'unknown', 'cannot look: its key is in the mandate, which is not at hand'],
  ['First use in Redis', 'its own', { around: { firstUse: row('request-1') } }, 'none', 'used by this request first'],
  ['First use in Redis', 'another', { around: { firstUse: row('request-0') } }, 'failed', 'used first by request request-0'],
  ['First use in Redis', 'not used', { captured: { mandate: mandate({ jti: 'j-1' }) } }, 'none', 'not used, or its time is over'],
];

describe('a revocation', () => {
  for (const [what, given, expected] of effects) it(`does what it does: ${what}`, () => ok(effect(given).some((text) => expected.test(text)), effect(given).join('\n')));

  it('is none where all is as it was', () => deepEqual(effect({}), []));

  for (const [what, given, expected] of inSpites) it(`explains a refusal: ${what}`, () => match(inSeconds(inSpiteOf(partsOf(given))).join('\n'), expected));

  it('explains nothing that was not refused for one', () => {
    deepEqual(inSpiteOf(partsOf({ captured: answered(403, 'access_denied', 'policy denied (resource_not_granted)') })), []);
    deepEqual(inSpiteOf(partsOf()), []);
    deepEqual(inSpiteOf(partsOf({ captured: answered(403, 'access_denied', 'session inactive or expired') })), []);
    // What ended after the call did not refuse it.
    deepEqual(inSpiteOf(partsOf({ captured: answered(403, 'access_denied', 'session inactive or expired'), state: { sessions: [session('target', { ttlSeconds: 200 })] } })), []);
  });

  for (const [store, what, given, mark, words] of stores) {
    it(`is looked for in every store: ${store}, ${what}`, () => {
      const standings = inSeconds(revocationStores(partsOf(given)));
      equal(standings.length, 12);
      const found = standings.filter(({ store: name }) => name.startsWith(store));
      deepEqual(found.map((one) => [one.mark, one.words]), [[mark, words]]);
    });
  }

  it('is in the snapshot of the Gateway by the rules of its statement', () => {
    const now = Date.parse(at(nowSeconds));
    const day = 86_400;
    const has = (rows: Partial<Parameters<typeof inSnapshot>[0]>): readonly string[] => inSnapshot({ now, records: [], sessions: [], delegations: [], ...rows });
    deepEqual(has({ records: [record({ status: 'revoked', expiresAt: at(nowSeconds - day + 1) }), record({ id: 'old', status: 'revoked', expiresAt: at(nowSeconds - day - 1) }), record({ id: 'over', status: 'expired' })] }), ['authority record rec']);
    deepEqual(has({ sessions: [session('t', { status: 'terminated', updatedAt: at(0) }), session('old', { status: 'terminated', updatedAt: at(nowSeconds - day - 1) }), session('e', { status: 'expired', updatedAt: at(0) }), session('s', { status: 'suspended', updatedAt: at(0) })] }), ['Session t']);
    deepEqual(has({ delegations: [delegation({ status: 'revoked', revokedAt: at(0) }), delegation({ id: 'old', status: 'revoked', revokedAt: at(nowSeconds - day - 1) }), delegation({ id: 'over', status: 'expired' })] }), ['Delegation edge']);
  });
});
