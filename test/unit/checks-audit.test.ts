import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { setImmediate as nextTask } from 'node:timers/promises';
import { sumUp } from '../../src/flow/audit/chain.ts';
import type { ChainFacts, ChainRow } from '../../src/flow/audit/chain.ts';
import { inTurn, signatureOf } from '../../src/flow/audit/chain.observe.ts';
import { adminContentSha256, adminPayloadText, ledgerContentSha256 } from '../../src/flow/audit/hashes.ts';
import type { LedgerContent } from '../../src/flow/audit/hashes.ts';
import type { Outcome } from '../../src/model/observation.ts';
import type { Status } from '../../src/model/status.ts';
import type { Deployment } from '../../src/targets/deployment.ts';
import { answer, judge, refused, timeout } from './judge.ts';

type Row = readonly [name: string, outcomes: Readonly<Record<string, Outcome>>, status: Status, summary: RegExp, facts?: RegExp];

function table(check: string, rows: readonly Row[]): void {
  for (const [name, outcomes, status, summary, facts] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, outcomes);
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
      if (facts) assert.match(verdict.facts.map((fact) => `${fact.name}: ${fact.value}`).join('\n'), facts);
    });
  }
}

const zone = answer({ zone: 'z1', exists: true, zones: 2 });
const noZone = answer({ zone: null, exists: false, zones: 2 });

describe('admin token', () => {
  const row = { name: 'bootstrap', scope: 'global', zone: null, capability: 'write', revoked: false, usable: true, ofConsole: false };
  const token = (rest: object | null, view = zone): Record<string, Outcome> => ({
    'postgres.adminToken/api': answer({ row: rest === null ? null : { ...row, ...rest } }),
    'postgres.zone/Postgres': view,
  });
  table('CRC-AUD-001', [
    ['live', token({}), 'pass', /^bootstrap, global, write$/],
    ['revoked', token({ revoked: true }), 'fail', /^bootstrap, revoked$/],
    ['without its hash', token({ usable: false }), 'fail', /^bootstrap, without a hash$/],
    ['unknown', token(null), 'fail', /^unknown to this database$/],
    ['none given', { 'postgres.adminToken/api': { kind: 'unavailable', why: 'no credential', wayOut: 'give tokens.admin' } }, 'unknown', /^no credential/],
    ['digests are closed to us', { 'postgres.adminToken/api': refused('42501', 'permission denied for table admin_tokens') }, 'unknown', /^no permission: /],
  ]);
  table('CRC-AUD-004', [
    ['global', token({}), 'pass', /^every zone, write$/, /more than is needed: global scope, capability write/],
    ['global, whatever the zone', token({ capability: 'read' }, refused('ECONNREFUSED')), 'pass', /^every zone, read$/, /more than is needed: global scope;/],
    ['of the zone, just enough', token({ scope: 'zone', zone: 'z1', capability: 'read' }), 'pass', /^the zone in view, read$/, /^scope: zone z1\ncapability: read$/],
    ['of a zone, none in view', token({ scope: 'zone', zone: 'z2', capability: 'read' }, noZone), 'pass', /^one zone, read$/],
    ['of another zone', token({ scope: 'zone', zone: 'z2' }), 'warn', /^another zone than the one in view$/],
    ['of Console alone', token({ name: 'console-read-only', ofConsole: true, capability: 'read' }), 'warn', /^Console alone can use it$/],
    ['unknown', token(null), 'unknown', /^unknown to this database$/],
    ['none given', { ...token({}), 'postgres.adminToken/api': { kind: 'unavailable', why: 'no credential', wayOut: 'give tokens.admin' } }, 'unknown', /^no credential/],
  ]);
  const event = { type: 'token_exchange', occurredAt: '2026-08-20T09:59:57.000Z', ingestedAt: '2026-08-20T09:59:57.300Z' };
  const list = { status: 200, error: null, serverMs: Date.parse('2026-08-20T10:00:00Z'), events: [event] };
  const listed = (rest: object, known: object = {}, view = zone): Record<string, Outcome> => ({
    ...token(known, view),
    'api.auditList/z1': answer({ ...list, ...rest }),
    'user.consent/api': answer({ given: false, zone: null, token: true }),
  });
  table('CRC-AUD-002', [
    ['newest event', listed({}), 'pass', /^3 s ago, token_exchange$/],
    ['an empty zone', listed({ events: [] }), 'pass', /^no event in this zone yet$/],
    ['a clock that is ahead', listed({ events: [{ ...event, occurredAt: '2026-09-20T00:00:00.000Z' }, event] }), 'pass', /^3 s ago, token_exchange$/, /dated ahead of the API: 1 event, up to 2026-09-20/],
    ['only clocks that are ahead', listed({ events: [{ ...event, occurredAt: '2026-09-20T00:00:00.000Z' }] }), 'pass', /^0 ms ago/],
    ['an unknown zone would look empty', listed({}, {}, answer({ zone: 'z1', exists: false, zones: 2 })), 'unknown', /^no zone z1/],
    ['no zone', listed({}, {}, noZone), 'unknown', /^2 zones: pick one$/],
    ['never asked with a token that is not live', listed({}, { revoked: true }), 'unknown', /^not asked: /],
    ['never asked with a token for another zone', listed({}, { scope: 'zone', zone: 'z2' }), 'unknown', /^not asked: the token is for another zone$/],
    ['never asked with a token of Console', listed({}, { ofConsole: true }), 'unknown', /^not asked: the token is of Console alone$/],
    ['refused', listed({ status: 401, error: 'invalid_admin_token', events: [] }), 'fail', /^401 invalid_admin_token$/],
  ]);
});

// Vectors of the contract, storage 9.6 and 9.8; the key is bytes 00 to 1f.
const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
const link = (content: string, previous: string): string => createHmac('sha256', key).update(`${content}|${previous}`).digest('hex');

describe('hashes of the chains', () => {
  const first: LedgerContent = {
    id: '01900000-0000-7000-8000-000000000001', zone: 'zone-vector', eventType: 'token_exchange', requestId: 'req-1', decision: 'allow',
    policySet: null, policySetVersion: 'psv-1', manifestSha: 'abc', evaluationStatus: 'complete', determiningPolicies: '[{"policy": "baseline"}]', diagnostics: '[]',
    metadata: '{"n": 1.5, "resource": "resource://api", "application_id": "app-1", "requested_scopes": ["read", "write"]}', occurredMicroseconds: 1_795_262_400_123_456n,
  };
  const firstSha256 = '3a162e4d7227b0b0c8f83d2206edc8297c5f6f2df56b316fc58bc0fa3f115588';
  const second: LedgerContent = {
    ...first, id: '01900000-0000-7000-8000-000000000002', eventType: 'replay_detected', requestId: '', decision: 'deny', policySetVersion: '', manifestSha: null,
    evaluationStatus: 'anomaly', determiningPolicies: null, diagnostics: null, metadata: 'null', occurredMicroseconds: 1_795_262_401_000_000n,
  };
  const secondSha256 = '709c37a1855ef703752dc3d718022ae6e569b1ba9a3cac8c03a794f18339044d';

  it('of a ledger row with documents', () => assert.equal(ledgerContentSha256(first), firstSha256));
  it('of a ledger row without, where null and empty are the same', () => assert.equal(ledgerContentSha256(second), secondSha256));
  it('covers every column', () => {
    for (const column of Object.keys(first) as (keyof LedgerContent)[]) {
      const changed = { ...first, [column]: column === 'occurredMicroseconds' ? first.occurredMicroseconds + 1n : 'another' };
      assert.notEqual(ledgerContentSha256(changed), firstSha256, column);
    }
  });

  const payload = { operator: 'acct-1', rls_mode: 'control_plane_wildcard', change_kind: 'create', rls_zone_guc: '*', changed_fields: ['name'] };
  const admin = {
    id: '01900000-0000-7000-8000-0000000000b1', requestId: 'req-9', actorId: 'tok-1', actorName: 'console', actorScope: 'global',
    action: 'POST /v1/zones/z1/applications', method: 'POST', path: '/v1/zones/z1/applications', zone: 'z1', entityType: 'applications', entityId: 'a1',
    statusCode: 201, payload: adminPayloadText(payload) ?? null, occurredMicroseconds: BigInt(Date.parse('2026-11-21T12:00:00.000Z')) * 1_000n,
  };
  const adminSha256 = '53e4db50ecdb0d2f1db26ffa44efab9ff121e3ef166b6929ddcef9c0df99e19e';
  it('of a row of the admin audit, in the order of keys of its writer', () => assert.equal(adminContentSha256(admin), adminSha256));
  it('of one whose time has more digits than its writer gives', () => assert.notEqual(adminContentSha256({ ...admin, occurredMicroseconds: admin.occurredMicroseconds + 1n }), adminSha256));
  const orders: readonly (readonly [string, Record<string, unknown>, string | undefined])[] = [
    ['a refused call', { rls_zone_guc: '*', rls_mode: 'm' }, '{"rls_mode":"m","rls_zone_guc":"*"}'],
    ['a rotated secret', { secret_rotated: true, changed_fields: [], change_kind: 'secret_rotation', rls_zone_guc: '*', rls_mode: 'm' }, '{"rls_mode":"m","rls_zone_guc":"*","change_kind":"secret_rotation","changed_fields":[],"secret_rotated":true}'],
    [
      'a shutdown of dynamic registration',
      { dcr_shutdown_mode: 'no_live', revoked_delegations: 0, terminated_sessions: 0, revoked_applications: 0, live_dcr_applications: 0, dcr_registration_disabled: true, revoked_authority_records: 0 },
      '{"dcr_registration_disabled":true,"dcr_shutdown_mode":"no_live","live_dcr_applications":0,"revoked_applications":0,"revoked_authority_records":0,"terminated_sessions":0,"revoked_delegations":0}',
    ],
    [
      'a revoked subject',
      { reason: 'r', subject_id: 's', revoked_connections: 1, revoked_delegations: 2, terminated_sessions: 3, revoked_authority_records: 4 },
      '{"subject_id":"s","reason":"r","revoked_authority_records":4,"terminated_sessions":3,"revoked_delegations":2,"revoked_connections":1}',
    ],
    ['a writer that is not of 1.0', { rls_mode: 'm', brand_new: 1 }, undefined],
  ];
  for (const [name, object, text] of orders) it(`rebuilds the payload of ${name}`, () => assert.equal(adminPayloadText(object), text));

  const deployment = { hmacSha256: (_: string, text: string) => createHmac('sha256', key).update(text).digest('hex') } as unknown as Deployment;
  const signatures: readonly (readonly [string, string, string | null, string | null, string | undefined])[] = [
    ['the first link of the ledger', firstSha256, null, '156a360db305845b5bcf760eb3749613860b83852ffc3807d83d1bf583f6bf5f', 'verified'],
    ['its second link', secondSha256, firstSha256, '219c0d183e9b8f4185cf449382a917c012a5f908df59c723d08123a6ef5cbc6f', 'verified'],
    ['the first link of the admin audit', adminSha256, null, 'da6c95a9e0b451545b59def2f91a8f4bf33fc701dca1042ff20abecdfd04eb3d', 'verified'],
    ['another link', secondSha256, firstSha256, link(secondSha256, ''), 'other'],
    ['an empty one of the ledger', firstSha256, null, '', 'unsigned'],
    ['a missing one of the admin audit', adminSha256, null, null, 'unsigned'],
  ];
  for (const [name, contentSha256, previousSha256, hmac, state] of signatures) {
    it(`verifies ${name}`, () => assert.equal(signatureOf(deployment, { kind: 'given' }, { contentSha256, previousSha256, hmac }), state));
  }
  it('verifies nothing without a key', () => assert.equal(signatureOf(deployment, { kind: 'none' }, { contentSha256: 'a', previousSha256: null, hmac: 'b' }), undefined));

  it('are computed in tasks that let others run', async () => {
    let others = 0;
    const counting = (async () => {
      for (; others < 1_000; others += 1) await nextTask();
    })();
    const busy = (): void => {
      const untilMs = performance.now() + 4;
      while (performance.now() < untilMs);
    };
    const before = await inTurn([...Array(30).keys()], (item) => (busy(), [item, others] as const), new AbortController().signal);
    assert.deepEqual(before.map(([item]) => item), [...Array(30).keys()]);
    assert.ok((before.at(-1)?.[1] ?? 0) >= 5, 'others ran in between');
    others = 1_000;
    await counting;
  });
});

/** Rows of a sound chain, written a minute apart from noon on; changed one by one through `changes`, left out where it is null. */
function chain(name: string, from: number, to: number, changes: Readonly<Record<number, Partial<ChainRow> | null>> = {}, start = '2026-08-20T12:00:00Z'): ChainFacts {
  const rows: ChainRow[] = [];
  for (let seq = from; seq <= to; seq += 1) {
    const change = changes[seq];
    if (change === null) continue;
    const at = new Date(Date.parse(start) + (seq - from) * 60_000).toISOString();
    rows.push({ seq, at, recent: true, content: 'same', contentSha256: `c${seq}`, previousSha256: seq === 1 ? null : `c${seq - 1}`, signature: 'verified', ...change });
  }
  return sumUp(name, rows);
}

describe('facts of a chain', () => {
  const row = (seq: number, rest: Partial<ChainRow> = {}): ChainRow => ({
    seq, at: `t${seq}`, recent: true, content: 'same', contentSha256: `c${seq}`, previousSha256: seq === 1 ? null : `c${seq - 1}`, signature: 'verified', ...rest,
  });
  it('of none', () => {
    const { first, newest, edge, recent, content } = sumUp('n', []);
    assert.deepEqual([first, newest, edge, recent, content], [null, null, null, 0, {}]);
  });
  it('tell the newest rows from single older ones, whatever their order', () => {
    const { first, newest, edge, recent, older, gaps, unlinked } = sumUp('n', [row(11), row(1, { recent: false }), row(10), row(5, { recent: false }), row(10, { recent: false })]);
    assert.deepEqual([first?.seq, edge?.seq, newest?.seq, recent, older], [1, 10, 11, 2, 2]);
    assert.deepEqual([gaps, unlinked], [[], []]);
  });
  it('compare a row with the one before it only where that was read', () => {
    const { gaps, unlinked } = sumUp('n', [row(4), row(5, { previousSha256: 'x' }), row(7, { previousSha256: 'y' })]);
    assert.deepEqual(gaps.map(({ after, before }) => [after.seq, before.seq]), [[5, 7]]);
    assert.deepEqual(unlinked.map(({ seq }) => seq), [5]);
  });
  it('take a row without a link for the first one only', () => {
    assert.deepEqual(sumUp('n', [row(1, { previousSha256: 'x' })]).unlinked.length, 1);
    assert.deepEqual(sumUp('n', [row(3, { previousSha256: null })]).unlinked.length, 1);
  });
  it('name a number that stands twice', () => assert.deepEqual(sumUp('n', [row(4), row(5), row(5), row(6)]).repeated.map(({ seq }) => seq), [5]));
  it('name the first row that does not verify after one that does', () => {
    const { unverified, signatures } = sumUp('n', [row(1, { signature: 'other' }), row(2), row(3, { signature: 'exempt' }), row(4, { signature: 'unsigned' }), row(5, { signature: 'other' })]);
    assert.deepEqual([unverified?.seq, signatures.other?.rows, signatures.other?.first.seq, signatures.other?.last.seq], [4, 2, 1, 5]);
  });
});

const read = (value: unknown): unknown => ({ kind: 'read', value });
const closed = { kind: 'refused', code: '42501', message: 'permission denied for table x' };
const keeping = {
  now: '2026-08-20T15:20:00Z',
  partitions: [
    { name: 'audit_events_default', from: null },
    { name: 'audit_events_y2026m08', from: '2026-08-01T00:00:00Z' },
    { name: 'audit_events_y2026m11', from: '2026-11-01T00:00:00Z' },
  ],
  alerts: read({ rows: 0, newest: null, oldest: null, kinds: [], zones: 0 }),
  retention: read({ days: null, changedAt: null }),
  installed: read({ at: '2026-08-10T00:00:00Z' }),
  exported: read({ hour: null }),
  rehash: read({ done: true }),
};
const kept = (rest: object): Outcome => answer({ ...keeping, ...rest });
/** Installed long before the oldest partition, so that older ones were dropped. */
const old = { installed: read({ at: '2025-01-10T00:00:00Z' }) };

describe('ledger', () => {
  const lately = { events: 12, late: 0, lastLate: null, longestMs: 300 };
  const facts = {
    now: '2026-08-20T15:20:00Z', key: { kind: 'given' }, lately, newest: { occurredAt: '2026-08-20T15:19:57.000Z', ingestedAt: '2026-08-20T15:19:57.300Z' },
    future: { events: 0, furthest: null }, stored: { rows: 12, late: 0 },
  };
  const none = chain('zone unknown', 1, 0);
  const ledger = (chains: readonly ChainFacts[], rest: object = {}, state: Outcome = kept({})): Record<string, Outcome> => ({
    'postgres.zone/Postgres': zone, 'postgres.auditKeeping/Postgres': state, 'postgres.auditLedger/z1': answer({ ...facts, chains, ...rest }),
  });
  const zoneChain = (from: number, to: number, changes: Parameters<typeof chain>[3] = {}, start?: string): ChainFacts[] => [chain('this zone', from, to, changes, start), none];

  table('CRC-AUD-003', [
    ['quick', ledger(zoneChain(1, 9)), 'pass', /^at most 300 ms$/],
    ['slow', ledger(zoneChain(1, 9), { lately: { events: 12, late: 5, lastLate: '2026-08-20T15:18:00Z', longestMs: 125_000 } }), 'warn', /^5 of 12 took over 60 s, longest 2 min$/],
    ['an outage that is over', ledger(zoneChain(1, 9), { lately: { events: 12, late: 5, lastLate: '2026-08-20T15:13:00Z', longestMs: 125_000 } }), 'pass', /^at most 2 min$/, /over 60 s: 5 events/],
    ['a single late event', ledger(zoneChain(1, 9), { lately: { events: 12, late: 1, lastLate: '2026-08-20T15:19:59Z', longestMs: 125_000 } }), 'pass', /^at most 2 min$/, /over 60 s: 1 event/],
    ['a clock that is ahead', ledger(zoneChain(1, 9), { lately: { ...lately, longestMs: 0 }, future: { events: 2, furthest: '2026-09-01T00:00:00Z' } }), 'pass', /^at most 0 ms$/, /dated ahead of Postgres: 2 events/],
    ['nothing lately', ledger(zoneChain(1, 9), { lately: { events: 0, late: 0, lastLate: null, longestMs: null } }), 'pass', /^none in 10 min, newest took 300 ms$/],
    ['nothing but old events', ledger(zoneChain(1, 9), { lately: { events: 0, late: 0, lastLate: null, longestMs: null }, stored: { rows: 40, late: 40 }, newest: { occurredAt: '2026-08-20T15:00:00Z', ingestedAt: '2026-08-20T15:20:00Z' } }), 'warn', /^20 min behind$/],
    ['a single old event', ledger(zoneChain(1, 9), { lately: { events: 0, late: 0, lastLate: null, longestMs: null }, stored: { rows: 1, late: 1 }, newest: { occurredAt: '2026-07-20T15:00:00Z', ingestedAt: '2026-08-20T15:20:00Z' } }), 'pass', /^none in 10 min, newest took 31 d$/],
    ['nothing to measure', ledger([chain('this zone', 1, 0), none], { newest: null }), 'not-applicable', /^no event to measure$/],
    ['no zone', { ...ledger([]), 'postgres.zone/Postgres': noZone }, 'unknown', /^2 zones: pick one$/],
    ['closed to us', { ...ledger([]), 'postgres.auditLedger/z1': refused('42501', 'permission denied for table audit_events') }, 'unknown', /^no permission/],
    ['no answer', { ...ledger([]), 'postgres.auditLedger/z1': timeout(6_000) }, 'unknown', /^no answer in 6 s/],
  ]);

  table('CRC-AUD-005', [
    ['whole', ledger(zoneChain(1, 9)), 'pass', /^no gap in 9 rows$/, /this zone: 9 rows, chain_seq 1 to 9/],
    ['empty', ledger(zoneChain(1, 0)), 'not-applicable', /^no row yet$/],
    ['rows of no zone alone', ledger([chain('this zone', 1, 0), chain('zone unknown', 1, 2)]), 'pass', /^no gap in 2 rows$/],
    ['a row deleted', ledger(zoneChain(1, 9, { 4: null, 5: null })), 'fail', /^2 rows missing after chain_seq 3$/],
    ['a row of no zone deleted', ledger([chain('this zone', 1, 9), chain('zone unknown', 1, 4, { 2: null })]), 'fail', /^1 row missing after chain_seq 1$/],
    ['a row added', ledger([sumUp('this zone', [1, 2, 2, 3].map((seq): ChainRow => ({ seq, at: '2026-08-20T12:00:00Z', recent: true, content: 'same', contentSha256: `c${seq}`, previousSha256: seq === 1 ? null : `c${seq - 1}`, signature: 'verified' }))), none]), 'fail', /^chain_seq 2 stands twice$/],
    ['the first rows deleted', ledger(zoneChain(4, 9)), 'fail', /^begins at chain_seq 4, 3 rows are gone$/],
    ['the first rows dropped', ledger(zoneChain(4, 9), {}, kept(old)), 'pass', /^no gap in 6 rows$/, /kept from: chain_seq 4/],
    ['perhaps dropped: the age is closed to us', ledger(zoneChain(4, 9), {}, kept({ installed: closed })), 'pass', /^no gap in 6 rows$/],
    ['a late event dropped', ledger(zoneChain(4, 9, { 6: null }), {}, kept(old)), 'pass', /^1 gap of dropped partitions in 5 rows$/, /gap: 1 row between chain_seq 5 and 7/],
    ['an event of two months ago dropped', ledger(zoneChain(4, 9, { 6: null }, '2026-10-10T00:00:00Z'), {}, kept(old)), 'warn', /^1 row missing after chain_seq 5; deleted, or dropped/],
    ['too recent to be dropped', ledger(zoneChain(4, 9, { 6: null }, '2026-12-24T00:00:00Z'), {}, kept(old)), 'fail', /^1 row missing after chain_seq 5$/],
    ['partitions not known', ledger(zoneChain(1, 9, { 6: null }), {}, timeout(6_000)), 'warn', /^1 row missing/],
    ['rows at the end deleted', { ...ledger(zoneChain(1, 5)), 'postgres.auditLedger/z1@earlier': answer({ ...facts, chains: zoneChain(1, 9) }) }, 'fail', /^ends at chain_seq 5, was at 9$/],
    ['all rows deleted', { ...ledger(zoneChain(1, 0)), 'postgres.auditLedger/z1@earlier': answer({ ...facts, chains: zoneChain(1, 9) }) }, 'fail', /^ends at chain_seq 0, was at 9$/],
    ['all rows dropped', { ...ledger(zoneChain(1, 0), {}, kept(old)), 'postgres.auditLedger/z1@earlier': answer({ ...facts, chains: zoneChain(1, 9, {}, '2026-07-01T00:00:00Z') }) }, 'pass', /^no gap in 0 rows$/],
    ['grown since', { ...ledger(zoneChain(1, 9)), 'postgres.auditLedger/z1@earlier': answer({ ...facts, chains: zoneChain(1, 5) }) }, 'pass', /^no gap/],
  ]);

  const ofOldRelease = { 1: { content: 'differs' }, 2: { content: 'differs' } } as const;
  table('CRC-AUD-006', [
    ['whole', ledger(zoneChain(1, 9)), 'pass', /^9 rows match$/],
    ['the first row is not one', ledger(zoneChain(4, 9), {}, kept(old)), 'pass', /^6 rows match$/],
    ['a gap is not a broken link', ledger(zoneChain(1, 9, { 4: null })), 'pass', /^8 rows match$/],
    ['content changed', ledger(zoneChain(1, 9, { 4: { content: 'differs' } })), 'fail', /^chain_seq 4 differs from its hash$/],
    ['content of several changed', ledger(zoneChain(1, 9, { 4: { content: 'differs' }, 7: { content: 'differs' } })), 'fail', /^chain_seq 4 and 1 more differ from its hash$/],
    ['content and hash changed', ledger(zoneChain(1, 9, { 4: { contentSha256: 'new' } })), 'fail', /^chain_seq 5 does not follow the row before$/],
    ['link changed', ledger(zoneChain(1, 9, { 4: { previousSha256: 'x' } })), 'fail', /^chain_seq 4 does not follow the row before$/],
    ['link removed', ledger(zoneChain(4, 9, { 4: { previousSha256: null } }), {}, kept(old)), 'fail', /^chain_seq 4 does not follow/],
    ['of the chain without a zone', ledger([chain('this zone', 1, 9), chain('zone unknown', 1, 3, { 2: { content: 'differs' } })]), 'fail', /^chain_seq 2 differs/],
    ['of an older release, not hashed again', ledger(zoneChain(1, 9, ofOldRelease), {}, kept({ rehash: read({ done: false }) })), 'pass', /^7 rows match$/, /older release: 2 rows up to chain_seq 2/],
    ['of an older release, as far as we may know', ledger(zoneChain(1, 9, ofOldRelease), {}, kept({ rehash: closed })), 'pass', /^7 rows match$/],
    ['hashed again, so that old rows must match', ledger(zoneChain(1, 9, ofOldRelease)), 'fail', /^chain_seq 1 and 1 more differ/],
    ['not hashed again, but not the oldest', ledger(zoneChain(1, 9, { 5: { content: 'differs' } }), {}, kept({ rehash: read({ done: false }) })), 'fail', /^chain_seq 5 differs/],
    ['too long to be fetched', ledger(zoneChain(1, 9, { 5: { content: 'unread' } })), 'pass', /^8 rows match, 1 not recomputed$/],
    ['all too long', ledger(zoneChain(1, 1, { 1: { content: 'unread' } })), 'unknown', /^none of 1 row could be recomputed$/],
    ['empty', ledger(zoneChain(1, 0)), 'not-applicable', /^no row yet$/],
  ]);

  const other = { signature: 'other' } as const;
  const unsigned = { signature: 'unsigned' } as const;
  const every = (seqs: readonly number[], change: Partial<ChainRow>): Record<number, Partial<ChainRow>> => Object.fromEntries(seqs.map((seq) => [seq, change]));
  const keyless = every([1, 2, 3], { signature: undefined });
  table('CRC-AUD-007', [
    ['all verify', ledger(zoneChain(1, 9)), 'pass', /^9 rows verify$/],
    ['no key', ledger(zoneChain(1, 3, keyless), { key: { kind: 'none' } }), 'not-applicable', /^not checked: give keys\.audit$/],
    ['a key that is none', ledger(zoneChain(1, 3, keyless), { key: { kind: 'unusable', why: 'keys.audit is not hex', wayOut: 'give the key' } }), 'unknown', /^keys\.audit is not hex: give the key$/],
    ['key changed', ledger(zoneChain(1, 9, every([1, 2, 3], other))), 'pass', /^6 rows verify$/, /signed with another key: 3 rows, chain_seq 1 to 3/],
    ['unsigned at first', ledger(zoneChain(1, 9, every([1, 2], unsigned))), 'pass', /^7 rows verify$/, /this zone, unsigned: 2 rows/],
    ['unsigned, then another key, then this one', ledger(zoneChain(1, 9, { 1: unsigned, 2: other })), 'pass', /^7 rows verify$/],
    ['one forged', ledger(zoneChain(1, 9, { 5: other })), 'fail', /^chain_seq 5 does not verify, older rows do$/],
    ['one stripped', ledger(zoneChain(1, 9, { 5: unsigned })), 'fail', /^chain_seq 5 does not verify/],
    ['the newest forged', ledger(zoneChain(1, 9, { 9: other })), 'fail', /^chain_seq 9 does not verify/],
    ['one forged after a change of the key', ledger(zoneChain(1, 9, { 1: other, 7: other })), 'fail', /^chain_seq 7 does not verify/],
    ['rewritten, but older rows verify', ledger([sumUp('this zone', [{ seq: 1, at: '2026-08-01T00:00:00Z', recent: false, content: 'same', contentSha256: 'c1', previousSha256: null, signature: 'verified' }, { seq: 8, at: '2026-08-02T00:00:00Z', recent: true, content: 'same', contentSha256: 'c8', previousSha256: 'c7', ...other }, { seq: 9, at: '2026-08-03T00:00:00Z', recent: true, content: 'same', contentSha256: 'c9', previousSha256: 'c8', signature: 'verified' }]), none]), 'fail', /^chain_seq 8 does not verify/],
    ['no longer signed', ledger(zoneChain(1, 9, every([7, 8, 9], unsigned))), 'warn', /^unsigned since chain_seq 7$/],
    ['never signed', ledger(zoneChain(1, 9, every([1, 2, 3, 4, 5, 6, 7, 8, 9], unsigned))), 'not-applicable', /^no row is signed$/],
    ['another key', ledger(zoneChain(1, 3, every([1, 2, 3], other))), 'unknown', /^none verifies: keys\.audit is another key$/],
    ['rows of no zone from before the change', ledger([chain('this zone', 1, 9), chain('zone unknown', 1, 2, every([1, 2], other), '2026-08-19T00:00:00Z')]), 'pass', /^9 rows verify$/],
    ['rows of no zone forged', ledger([chain('this zone', 1, 9), chain('zone unknown', 1, 2, every([1, 2], other), '2026-08-20T12:05:00Z')]), 'fail', /^chain_seq 2 does not verify/],
    ['empty', ledger(zoneChain(1, 0)), 'not-applicable', /^no row yet$/],
  ]);
});

describe('admin audit', () => {
  const none = chain('no zone', 1, 0);
  const admin = (chains: readonly ChainFacts[], rest: object = {}): Record<string, Outcome> => ({
    'postgres.zone/Postgres': zone, 'postgres.adminAudit/z1': answer({ key: { kind: 'given' }, chains, ...rest }),
  });
  const exempt = { signature: 'exempt' } as const;
  table('CRC-AUD-009', [
    ['whole', admin([chain('this zone', 1, 5), chain('no zone', 1, 2)]), 'pass', /^5 rows match$/],
    ['empty', admin([chain('this zone', 1, 0), none]), 'not-applicable', /^no row yet$/],
    ['a row deleted', admin([chain('this zone', 1, 5, { 2: null }), none]), 'fail', /^1 row missing after chain_seq 1$/],
    ['a row without a zone deleted', admin([chain('this zone', 1, 5), chain('no zone', 1, 4, { 3: null })]), 'fail', /^1 row missing after chain_seq 2$/],
    ['the first row deleted: nothing drops them', admin([chain('this zone', 2, 5), none]), 'fail', /^begins at chain_seq 2, 1 row is gone$/],
    ['the newest deleted', { ...admin([chain('this zone', 1, 4), none]), 'postgres.adminAudit/z1@earlier': answer({ key: { kind: 'given' }, chains: [chain('this zone', 1, 5), none] }) }, 'fail', /^ends at chain_seq 4, was at 5$/],
    ['a row changed', admin([chain('this zone', 1, 5, { 3: { content: 'differs' } }), none]), 'fail', /^chain_seq 3 differs from its hash$/],
    ['a row replaced', admin([chain('this zone', 1, 5, { 3: { contentSha256: 'new' } }), none]), 'fail', /^chain_seq 4 does not follow/],
    ['a payload that is not of 1.0', admin([chain('this zone', 1, 5, { 3: { content: 'unread' } }), none]), 'pass', /^4 rows match, 1 not recomputed$/],
    ['a chain that was opened twice', admin([sumUp('this zone', [1, 1].map((seq): ChainRow => ({ seq, at: '2026-08-20T12:00:00Z', recent: true, content: 'same', contentSha256: 'c', previousSha256: null, signature: 'verified' }))), none]), 'fail', /^chain_seq 1 stands twice$/],
    ['no zone', { ...admin([]), 'postgres.zone/Postgres': noZone }, 'unknown', /^2 zones: pick one$/],
    ['closed to us', { ...admin([]), 'postgres.adminAudit/z1': refused('42501', 'permission denied for table admin_audit_events') }, 'unknown', /^no permission/],
  ]);
  table('CRC-AUD-010', [
    ['all verify', admin([chain('this zone', 1, 5), none]), 'pass', /^5 rows verify$/],
    ['unsigned on purpose', admin([chain('this zone', 1, 5, { 2: exempt, 5: exempt }), none]), 'pass', /^3 rows verify$/, /unsigned on purpose: 2 rows/],
    ['nothing but rows that are unsigned on purpose', admin([chain('this zone', 1, 2, { 1: exempt, 2: exempt }), none]), 'not-applicable', /^no row is signed$/],
    ['forged', admin([chain('this zone', 1, 5, { 3: { signature: 'other' } }), none]), 'fail', /^chain_seq 3 does not verify/],
    ['no key', admin([chain('this zone', 1, 5), none], { key: { kind: 'none' } }), 'not-applicable', /^not checked: give keys\.audit$/],
    ['key changed', admin([chain('this zone', 1, 5, { 1: { signature: 'other' } }), chain('no zone', 1, 1, { 1: { signature: 'other' } }, '2026-08-01T00:00:00Z')]), 'pass', /^4 rows verify$/],
  ]);
});

describe('keeping of the ledger', () => {
  const state = (rest: object): Record<string, Outcome> => ({ 'postgres.auditKeeping/Postgres': kept(rest) });
  table('CRC-AUD-008', [
    ['none', state({}), 'pass', /^0 alerts$/],
    ['one', state({ alerts: read({ rows: 1, newest: '2026-08-20T15:17:00Z', oldest: '2026-08-20T15:17:00Z', kinds: ['content_mismatch_on_replay'], zones: 1 }) }), 'fail', /^1 alert, newest 3 min: content_mismatch_on_replay$/],
    ['one of long ago', state({ alerts: read({ rows: 1, newest: '2026-01-01T00:00:00Z', oldest: '2026-01-01T00:00:00Z', kinds: ['content_mismatch_on_replay'], zones: 1 }) }), 'fail', /^1 alert, newest 231|232 d/],
    ['closed to us', state({ alerts: closed }), 'unknown', /^no permission: permission denied/],
    ['absent', state({ alerts: { kind: 'refused', code: '42P01', message: 'relation does not exist' } }), 'unknown', /^42P01: relation does not exist$/],
    ['no answer', { 'postgres.auditKeeping/Postgres': timeout(6_000) }, 'unknown', /^no answer/],
  ]);

  const months = (...names: readonly string[]): object => ({ partitions: names.map((name) => ({ name: `audit_events_${name}`, from: null })) });
  const ahead = ['y2026m08', 'y2026m09', 'y2026m10', 'y2026m11'];
  table('CRC-AUD-011', [
    ['young', state({}), 'pass', /^oldest y2026m08, 365 d kept$/],
    ['within a year', state({ ...old, ...months('y2025m08', ...ahead) }), 'pass', /^oldest y2025m08, 365 d kept$/],
    ['beyond it', state({ ...months('y2025m07', ...ahead) }), 'warn', /^1 partition overdue, oldest y2025m07$/],
    ['beyond it, partitions ahead do not grow', state({ ...old, ...months('y2025m07', 'y2026m08') }), 'warn', /^1 partition overdue/],
    ['beyond it, but retention runs: the deployment keeps more', state({ ...old, ...months('y2025m01', ...ahead) }), 'pass', /^oldest y2025m01, more than 365 d kept$/],
    ['the day on which a partition becomes due', state({ ...months('y2025m07', ...ahead), now: '2026-08-01T12:00:00Z' }), 'pass', /^oldest y2025m07/],
    ['shortened in Console', state({ ...old, ...months('y2026m03', ...ahead), retention: read({ days: 90, changedAt: '2026-05-01T00:00:00Z' }) }), 'warn', /^1 partition overdue, oldest y2026m03$/],
    ['shortened just now', state({ ...old, ...months('y2026m03', ...ahead), retention: read({ days: 90, changedAt: '2026-08-20T15:00:00Z' }) }), 'pass', /^oldest y2026m03, 90 d kept$/],
    ['longer than a year by both settings', state({ ...months('y2025m01', ...ahead), retention: read({ days: 730, changedAt: '2025-05-01T00:00:00Z' }) }), 'pass', /^oldest y2025m01, 730 d kept$/],
    ['names that are not of Caracal', state(months('default', 'archive')), 'unknown', /^no partition by month$/],
    ['the window is closed to us', state({ retention: closed }), 'unknown', /^no permission/],
    ['the age is closed to us', state({ installed: closed, ...months('y2025m01', ...ahead) }), 'warn', /^1 partition overdue/],
  ]);

  const metrics = (backlog: number): Record<string, Outcome> => ({
    'service.metrics/audit': answer({ status: 200, contentType: 'application/json', authenticated: true, error: null, groups: [], values: { export_backlog_hours: backlog } }),
  });
  table('CRC-AUD-012', [
    ['off', state({}), 'not-applicable', /^off$/],
    ['up to date', state({ exported: read({ hour: '2026-08-20T14:00:00Z' }) }), 'pass', /^0 h behind$/],
    ['before its hourly turn', state({ exported: read({ hour: '2026-08-20T12:00:00Z' }) }), 'pass', /^2 h behind$/],
    ['behind', state({ exported: read({ hour: '2026-08-20T11:00:00Z' }) }), 'warn', /^3 closed hours not exported$/],
    ['ahead by a clock', state({ exported: read({ hour: '2026-08-20T15:00:00Z' }) }), 'pass', /^0 h behind$/],
    ['failing for long', { ...state({ exported: read({ hour: '2026-06-20T11:00:00Z' }) }), ...metrics(1_467) }, 'warn', /^1,467 closed hours not exported$/],
    ['switched off long ago', { ...state({ exported: read({ hour: '2026-06-20T11:00:00Z' }) }), ...metrics(0) }, 'not-applicable', /^off since 2026-06-20$/],
    ['long ago, and audit does not say', { ...state({ exported: read({ hour: '2026-06-20T11:00:00Z' }) }), 'service.metrics/audit': timeout(8_000) }, 'warn', /closed hours not exported$/],
    ['closed to us', state({ exported: closed }), 'unknown', /^no permission/],
  ]);
});
