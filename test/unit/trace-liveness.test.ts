import { deepEqual, ok } from 'node:assert/strict';
import { refusals } from '../../src/caracal/refusals.ts';
import { livenessOf } from '../../src/trace/liveness.ts';
import type { Asked, AuthorityRecordRow, DelegationRow, Known, LivenessCheck, SessionRow } from '../../src/trace/liveness.ts';

const now = Date.UTC(2026, 7, 2, 10, 15, 30);
const at = (seconds: number): string => new Date(now + seconds * 1_000).toISOString();

const record = (more: Partial<AuthorityRecordRow> = {}): AuthorityRecordRow => ({ id: 'rec', type: 'application', subjectId: 'app', status: 'active', expiresAt: at(600), revokedAt: undefined, revokedReason: undefined, ...more });
const session = (id: string, more: Partial<SessionRow> = {}): SessionRow => ({ id, applicationId: 'app', authorityRecordId: 'rec', lifecycle: 'task', status: 'active', startedAt: at(-60), ttlSeconds: 3_600, heartbeatDeadlineAt: undefined, terminatedAt: undefined, terminationReason: undefined, ...more });
const service = (id: string, deadline: string | undefined): SessionRow => session(id, { lifecycle: 'service', ttlSeconds: undefined, heartbeatDeadlineAt: deadline });
const edge = (more: Partial<DelegationRow> = {}): DelegationRow => ({ id: 'edge', sourceSessionId: 'source', targetSessionId: 'target', issuerApplicationId: 'app', receiverApplicationId: 'app', parentId: undefined, scopes: ['read', 'write'], constraints: {}, status: 'active', expiresAt: at(600), revokedAt: undefined, ...more });

interface World {
  readonly records?: readonly AuthorityRecordRow[];
  readonly sessions?: readonly SessionRow[];
  readonly edges?: readonly DelegationRow[];
  readonly blind?: string;
}

/** A mint of the target Session by its Delegation, in a world where all is well but for what is given. */
function asked({ records = [], sessions = [], edges = [], blind }: World = {}, more: Partial<Asked> = {}): Asked {
  const find = <Row extends { readonly id: string }>(own: readonly Row[], usual: readonly Row[]) => (id: string): Known<Row> => {
    if (id === blind) return { kind: 'cannot look', why: 'no Postgres' };
    const row = [...own, ...usual].find((one) => one.id === id);
    return row === undefined ? { kind: 'absent' } : { kind: 'row', row };
  };
  return {
    now, applicationId: 'app', subject: 'none', sessionId: 'target', delegationId: 'edge', scopes: ['read'],
    records: find(records, [record()]), sessions: find(sessions, [session('source'), session('target')]), delegations: find(edges, [edge()]), ...more,
  };
}

const failing = (checks: readonly LivenessCheck[]): unknown => {
  const last = checks.at(-1);
  ok(last?.result === 'fails', JSON.stringify(checks.map(({ description, result }) => [description, result])));
  return [last.description, last.id, last.why, last.at === undefined ? undefined : (last.at - now) / 1_000];
};

const long = [edge({ id: 'first', targetSessionId: 'source', constraints: { max_hops: 3 } }), edge({ parentId: 'first', constraints: { max_hops: 2 } })];

/** Row 17 of the contract's table, in the order of the STS. */
const cases: Readonly<Record<string, readonly (readonly [what: string, asked: Asked, expected: readonly unknown[]])[]>> = {
  'authority record inactive or expired': [
    ['expired, while its row says active', asked({ records: [record({ expiresAt: at(-1) })] }, { authorityRecordId: 'rec' }), ['rec', 'expired', -1]],
    ['revoked', asked({ records: [record({ status: 'revoked', revokedAt: at(-9), revokedReason: 'grant_revoked' })] }, { authorityRecordId: 'rec' }), ['rec', 'revoked, grant_revoked,', -9]],
    ['unknown', asked({}, { authorityRecordId: 'other' }), ['other', 'is not there', undefined]],
  ],
  'authority record not owned by caller': [
    ['of a user', asked({ records: [record({ type: 'user', subjectId: 'u-1' })] }, { authorityRecordId: 'rec' }), ['rec', 'belongs to user u-1', undefined]],
    ['of another Application', asked({ records: [record({ subjectId: 'other' })] }, { authorityRecordId: 'rec' }), ['rec', 'belongs to application other', undefined]],
  ],
  'session inactive or expired': [
    ['of a task, its time is over', asked({ sessions: [session('target', { ttlSeconds: 60 })] }, { delegationId: undefined }), ['target', 'its 60 s ended', 0]],
    ['of a service without a heartbeat', asked({ sessions: [service('target', at(-5))] }, { delegationId: undefined }), ['target', 'sent no heartbeat; its lease ended', -5]],
    ['terminated', asked({ sessions: [session('target', { status: 'terminated', terminatedAt: at(-3), terminationReason: 'requested' })] }, { delegationId: undefined }), ['target', 'terminated, requested,', -3]],
    ['suspended', asked({ sessions: [session('target', { status: 'suspended' })] }, { delegationId: undefined }), ['target', 'suspended', undefined]],
    ['of a user whose record expired', asked({ sessions: [session('target')], records: [record({ type: 'user', expiresAt: at(-2) })] }, { delegationId: undefined }), ['target', 'the authority record of its user is expired', -2]],
    ['of a task without a time', asked({ sessions: [session('target', { ttlSeconds: undefined })] }, { delegationId: undefined }), ['target', 'its 0 s ended', -60]],
  ],
  'session not owned by caller': [['of another Application', asked({ sessions: [session('target', { applicationId: 'other' })] }, { delegationId: undefined }), ['target', 'belongs to Application other', undefined]]],
  'session authority record binding mismatch': [
    ['of a Session', asked({ sessions: [session('target', { authorityRecordId: 'old' })] }, { delegationId: undefined, authorityRecordId: 'rec', subject: 'session mandate' }), ['target', 'was started under authority record old', undefined]],
    ['of the Session of a Delegation', asked({ sessions: [session('target', { authorityRecordId: 'old' })] }, { authorityRecordId: 'rec', subject: 'session mandate' }), ['target', 'was started under authority record old', undefined]],
  ],
  'delegation requires a target Session': [['without one', asked({}, { sessionId: undefined }), ['edge', 'no Session is named beside it', undefined]]],
  'delegation edge inactive or expired': [
    ['expired', asked({ edges: [edge({ expiresAt: at(-50) })] }), ['edge', 'expired', -50]],
    ['revoked', asked({ edges: [edge({ status: 'revoked', revokedAt: at(-7) })] }), ['edge', 'revoked', -7]],
    ['revoked, while its row says active', asked({ edges: [edge({ revokedAt: at(-7) })] }), ['edge', 'revoked', -7]],
    ['unknown', asked({}, { delegationId: 'other' }), ['other', 'is not there', undefined]],
  ],
  'delegation edge target mismatch': [['for another Session', asked({ edges: [edge({ targetSessionId: 'source' })] }), ['edge', 'is for Session source', undefined]]],
  'delegation source inactive or expired': [['ended', asked({ sessions: [session('source', { status: 'expired', terminatedAt: at(-4), terminationReason: 'ttl' })] }), ['source', 'expired, ttl,', -4]]],
  'delegation target inactive or unauthorized': [
    ['ended', asked({ sessions: [session('target', { ttlSeconds: 1 })] }), ['target', 'its 1 s ended', -59]],
    ['of another Application', asked({ sessions: [session('target', { applicationId: 'other' })] }), ['target', 'belongs to Application other', undefined]],
  ],
  'delegation application mismatch': [['made by another', asked({ edges: [edge({ issuerApplicationId: 'other' })] }), ['edge', 'was made by Application other for app', undefined]]],
  'delegation constraints invalid': [
    ['a budget, which the Coordinator takes', asked({ edges: [edge({ constraints: { budget: 2 } })] }), ['edge', 'has a constraint that the STS does not know: budget', undefined]],
    ['two limits', asked({ edges: [edge({ constraints: { max_depth: 1, max_hops: 2 } })] }), ['edge', 'has a max_depth and another max_hops', undefined]],
  ],
  'requested scopes exceed delegation scopes': [['asked for more', asked({}, { scopes: ['read', 'delete'] }), ['edge', 'does not carry delete', undefined]]],
  'requested ttl exceeds delegation ttl': [['asked for longer', asked({ edges: [edge({ constraints: { ttl_seconds: 60 } })] }, { ttlSeconds: 61 }), ['edge', 'allows 60 s, asked were 61 s', undefined]]],
  'delegation hop limit exceeds platform maximum': [['more than any may', asked({ edges: [edge({ constraints: { max_hops: 11 } })] }), ['edge', 'allows 11 hops, the platform 10', undefined]]],
  'delegation path invalid': [
    ['longer than it may be', asked({ edges: [edge({ id: 'first' }), edge({ parentId: 'first' })] }), ['edge', 'is hop 2 of its chain, and allows 1', undefined]],
    ['from a Delegation that is gone', asked({ edges: [edge({ parentId: 'gone', constraints: { max_hops: 2 } })] }), ['gone', 'is not there', undefined]],
  ],
  'delegation path edge inactive or revoked': [['a dead one further up', asked({ edges: [{ ...long[0], revokedAt: at(-8) } as DelegationRow, long[1] as DelegationRow] }), ['first', 'revoked', -8]]],
  'delegation chain discontinuous': [['made by another than who got it', asked({ edges: [{ ...long[0], receiverApplicationId: 'other' } as DelegationRow, long[1] as DelegationRow] }), ['edge', 'was made by Application app, and the one before it for other', undefined]]],
};

describe('what the STS would answer now', () => {
  for (const [description, tried] of Object.entries(cases)) {
    for (const [what, given, expected] of tried) it(`${description}: ${what}`, () => deepEqual(failing(livenessOf(given)), [description, ...expected]));
  }

  it('is nothing where all holds', () => {
    const whole = [asked(), asked({ edges: long }), asked({}, { delegationId: undefined }), asked({}, { authorityRecordId: 'rec' }), asked({}, { authorityRecordId: 'rec', subject: 'session mandate' }), asked({ sessions: [service('target', at(30))] })];
    for (const given of whole) {
      const checks = livenessOf(given);
      ok(checks.length > 1);
      deepEqual(checks.filter(({ result }) => result !== 'holds'), []);
    }
    deepEqual(livenessOf(asked({}, { sessionId: undefined, delegationId: undefined })), []);
  });

  it('is left open where nobody could look', () => {
    deepEqual(livenessOf(asked({ blind: 'source' })).filter(({ result }) => result !== 'holds').map(({ description, result, why }) => [description, result, why]), [['delegation source inactive or expired', 'cannot tell', 'no Postgres']]);
    deepEqual(livenessOf(asked({ blind: 'edge' })).map(({ result }) => result), ['holds', 'cannot tell', 'cannot tell']);
    deepEqual(livenessOf(asked({ blind: 'rec' })).filter(({ result }) => result === 'cannot tell').map(({ why }) => why), ['of its authority record: no Postgres', 'of its authority record: no Postgres']);
  });

  it('ends, also where Delegations are made from each other', () => {
    const ring = [edge({ parentId: 'other', constraints: { max_hops: 10 } }), edge({ id: 'other', parentId: 'edge' })];
    deepEqual(failing(livenessOf(asked({ edges: ring }))), ['delegation path invalid', 'edge', 'is hop 11 of its chain, and allows 10', undefined]);
  });

  it('is one of the known refusals of row 17, and all that state decides', () => {
    const known = refusals.filter(({ service: of, row }) => of === 'sts' && row === 17).map(({ description }) => description);
    deepEqual(Object.keys(cases).filter((description) => !known.includes(description)), []);
    // The epoch cannot be seen from outside; the ends of a chain follow from what was checked before; a hop that cannot be read is one that is not there.
    deepEqual(known.filter((description) => !Object.hasOwn(cases, description)), ['delegation graph epoch unavailable', 'delegation path edge unavailable', 'delegation chain endpoints mismatch']);
  });
});
