import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { deadLetterObservers } from '../../src/flow/streams/deadLetters.observe.ts';
import { pendingObservers } from '../../src/flow/streams/pending.observe.ts';
import { errorClass } from '../../src/flow/streams/outbox.checks.ts';
import type { OutboxSnapshot } from '../../src/flow/streams/outbox.checks.ts';
import { signedText } from '../../src/flow/streams/signature.ts';
import { signatureObservers } from '../../src/flow/streams/signatures.observe.ts';
import { backlogOf, livingGroups, trimmedUnread } from '../../src/flow/streams/snapshot.ts';
import type { GroupSnapshot, StreamSnapshot } from '../../src/flow/streams/snapshot.ts';
import { streamObservers } from '../../src/flow/streams/stream.observe.ts';
import { changeSince, standingOf } from '../../src/flow/streams/standing.ts';
import type { Observer } from '../../src/flow/liveSource.ts';
import type { Outcome } from '../../src/model/observation.ts';
import type { Status } from '../../src/model/status.ts';
import type { Deployment, RedisStore } from '../../src/targets/deployment.ts';
import { Refused } from '../../src/targets/failures.ts';
import { answer, judge, refused } from './judge.ts';

const nowMs = 10_000_000;
const id = (secondsAgo: number): string => `${nowMs - secondsAgo * 1_000}-0`;

/** A group that was given everything. */
const group = (rest: Partial<GroupSnapshot> = {}): GroupSnapshot => ({
  name: 'audit-ingestor', lastDelivered: id(1), entriesRead: 100, pending: 0, lowestPending: null, consumers: 1,
  lastSeen: [{ name: 'audit-1', pending: 0, seenMs: 10, activeMs: 500 }], counted: null, oldestUndelivered: null, ...rest,
});

/** A stream of 100 entries, of the last 200 s, from which nothing was trimmed. */
const stream = (groups: readonly GroupSnapshot[], rest: Partial<StreamSnapshot> = {}): StreamSnapshot => ({
  type: 'stream', nowMs, length: 100, entriesAdded: 100, firstId: id(200), lastId: id(1), maxDeletedId: '0-0', groups: [...groups], ...rest,
});

/** A group for which entries wait, the oldest for so long. */
const behind = (entries: number, secondsAgo: number, rest: Partial<GroupSnapshot> = {}): GroupSnapshot =>
  group({ lastDelivered: id(secondsAgo + 1), entriesRead: 100 - entries, counted: entries, oldestUndelivered: id(secondsAgo), ...rest });

const server = (runId = 'a1'): Outcome => answer({ run_id: runId });

/** Looks at one stream, and what an earlier run of the same server saw. */
function looks(name: string, taken: readonly StreamSnapshot[], before?: StreamSnapshot, sameServer = true): Record<string, Outcome> {
  return {
    'redis.info/Redis': server(),
    ...Object.fromEntries(taken.map((look, index) => [`redis.stream/${name}${index === 0 ? '' : `#${index + 1}`}`, answer(look)])),
    ...(before ? { [`redis.stream/${name}@earlier`]: answer(before), 'redis.info/Redis@earlier': server(sameServer ? 'a1' : 'a0') } : {}),
  };
}

type Row = readonly [name: string, outcomes: Readonly<Record<string, Outcome>>, status: Status, summary: RegExp];

function table(check: string, rows: readonly Row[]): void {
  for (const [name, outcomes, status, summary] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, outcomes);
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }
}

const none = stream([], { type: 'none', length: 0, entriesAdded: 0 });

describe('streams', () => {
  const audit = (taken: readonly StreamSnapshot[], before?: StreamSnapshot, sameServer?: boolean): Record<string, Outcome> => looks('audit.events', taken, before, sameServer);
  table('CRC-STR-001', [
    ['there', audit([stream([])]), 'pass', /^100 entries$/],
    ['missing', audit([none]), 'fail', /^missing$/],
    ['another type', audit([stream([], { type: 'hash' })]), 'fail', /^is a hash, not a stream$/],
    ['younger than before', audit([stream([], { lastId: id(100) })], stream([])), 'warn', /^younger than at the earlier run$/],
    ['not permitted', { 'redis.info/Redis': server(), 'redis.stream/audit.events': refused('NOPERM', 'no permissions to run xinfo') }, 'unknown', /^no permission: /],
    ['on another node', { 'redis.info/Redis': server(), 'redis.stream/audit.events': refused('MOVED', '1 10.0.0.2:6379') }, 'unknown', /^MOVED/],
  ]);
  table('CRC-STR-010', [
    ['empty', looks('audit.events.dlq', [stream([], { length: 0 })]), 'pass', /^0 entries$/],
    ['existence alone', looks('audit.events.dlq', [stream([], { length: 3 })]), 'pass', /^3 entries$/],
    ['not provisioned', looks('audit.events.dlq', [none]), 'not-applicable', /^not provisioned/],
  ]);
  table('CRC-STR-003', [
    ['no reader by design is no lag', audit([stream([behind(100, 200, { name: 'siem-export', lastDelivered: '0-0', entriesRead: null })])]), 'pass', /^no reader by design, 100 entries kept$/],
    ['not provisioned', audit([stream([])]), 'not-applicable', /^not provisioned/],
    ['no stream', audit([none]), 'not-applicable', /^no stream$/],
  ]);

  const three = (make: (look: number) => GroupSnapshot, rest: Partial<StreamSnapshot> = {}): readonly StreamSnapshot[] =>
    [0, 1, 2].map((look) => stream([make(look)], { nowMs: nowMs + look * 2_000, ...rest }));
  const five = (make: (look: number) => GroupSnapshot): readonly StreamSnapshot[] => [0, 1, 2, 3, 4].map((look) => stream([make(look)], { nowMs: nowMs + look * 2_000 }));
  const nearTrimming = (look: number): StreamSnapshot =>
    stream([group({ lastDelivered: `${id(90).slice(0, -1)}${look}`, entriesRead: 1_000 + look, counted: 500, oldestUndelivered: id(89) })], {
      nowMs: nowMs + look * 2_000, length: 95_000 + look * 100, entriesAdded: 95_000 + look * 100,
    });
  table('CRC-STR-002', [
    ['nothing waits', audit([stream([group()])]), 'pass', /^none waiting$/],
    ['group missing', audit([stream([])]), 'fail', /^group missing$/],
    ['no stream', audit([none]), 'not-applicable', /^no stream$/],
    ['on their way', audit([stream([behind(3, 2)])]), 'pass', /^3 waiting, oldest 2 s$/],
    ['stalled', audit(three(() => behind(20, 60))), 'fail', /^20 waiting, oldest 1 min; its consumer does not read$/],
    ['no consumer', audit(three(() => behind(20, 60, { consumers: 0, lastSeen: [] }))), 'fail', /no consumer$/],
    ['many, and young: five looks', audit(five(() => behind(60, 10))), 'fail', /^60 waiting, oldest 18 s; /],
    ['few that wait a while alarm nobody', audit(five(() => behind(3, 10))), 'pass', /^3 waiting, oldest 18 s$/],
    ['draining', audit(three((look) => behind(60 - 20 * look, 40 - look))), 'pass', /draining$/],
    ['falling behind', audit(three((look) => behind(60 + look, 60, { lastDelivered: `${id(61).slice(0, -1)}${look}` }))), 'warn', /not shrinking$/],
    ['unmoved since the earlier run', audit([stream([behind(20, 60)])], stream([behind(10, 5, { lastDelivered: id(61) })], { nowMs: nowMs - 50_000, lastId: id(40) })), 'fail', /not one read since the earlier run$/],
    ['near its trimming', audit([0, 1, 2].map(nearTrimming)), 'warn', /^94,198 waiting, oldest 2 min, trimmed unread in 2 min$/],
    ['rewound', audit([stream([group({ lastDelivered: id(1), lowestPending: null })])], stream([group({ lastDelivered: id(0) })])), 'warn', /^rewound to /],
    ['made anew', audit([stream([group({ entriesRead: null })])], stream([group()])), 'warn', /^made anew since the earlier run$/],
    ['a restart of Redis forgets positions', audit([stream([group({ entriesRead: null })])], stream([group()]), false), 'pass', /^none waiting$/],
  ]);

  const revocations = (groups: readonly GroupSnapshot[], rest: Partial<StreamSnapshot> = {}): Record<string, Outcome> => looks('sessions.revoke', [stream(groups, rest)]);
  const gateway = (host: string, rest: Partial<GroupSnapshot> = {}): GroupSnapshot => group({ name: `gateway-revocation:${host}`, ...rest });
  const gone = behind(90, 150, { name: 'gateway-revocation:old', lastSeen: [{ name: 'gateway-old-7', pending: 0, seenMs: 3_600_000, activeMs: 3_600_000 }] });
  table('CRC-STR-032', [
    ['the group of a Gateway that is gone says nothing', revocations([gone, gateway('new')]), 'pass', /^none waiting$/],
    ['nor before Redis 7.2', revocations([{ ...gone, lastSeen: [{ name: 'gateway-old-7', pending: 0, seenMs: 3_600_000, activeMs: null }] }, gateway('new', { lastSeen: [{ name: 'g', pending: 0, seenMs: 3_000_000, activeMs: null }] })]), 'pass', /^none waiting$/],
    ['none at all', revocations([]), 'fail', /^group missing$/],
  ]);
  it('CRC-STR-032: a replica that lives and does not read is red beside one that does', async () => {
    const stuck = behind(90, 150, { name: 'gateway-revocation:stuck' });
    const verdict = await judge('CRC-STR-032', looks('sessions.revoke', [0, 1, 2].map(() => stream([stuck, gateway('new')]))));
    assert.deepEqual([verdict.status, verdict.signs], ['fail', ['stalled']], verdict.summary);
  });
  it('CRC-STR-032: a group that no Gateway asks for is told from one that is read too slowly', async () => {
    const verdict = await judge('CRC-STR-032', looks('sessions.revoke', [0, 1, 2].map(() => stream([gone]))));
    assert.deepEqual([verdict.status, verdict.signs], ['fail', ['unread']], verdict.summary);
    assert.match(verdict.reasoning, /no Gateway runs, or the one that runs has no group/);
  });

  describe('what was trimmed', () => {
    table('CRC-STR-005', [
      ['nothing', audit([stream([group()])]), 'pass', /^none$/],
      ['before it was read', audit([stream([group({ lastDelivered: id(300), entriesRead: 20, counted: 100 })], { entriesAdded: 500 })]), 'fail', /^380 entries trimmed before audit-ingestor read them$/],
      ['at some time, though it reads again', audit([stream([group({ entriesRead: 95 })])]), 'fail', /^5 entries trimmed/],
      ['a group at the start of a trimmed stream', audit([stream([group({ lastDelivered: '0-0', entriesRead: null, counted: 100 })], { entriesAdded: 108 })]), 'fail', /^8 entries trimmed/],
      ['pending and trimmed', audit([stream([group({ pending: 2, lowestPending: { id: id(300), idleMs: 1_000, deliveries: 1 } })])]), 'fail', /^pending entries were trimmed/],
      ['read, then trimmed: phantom lag', audit([stream([group()], { length: 3, firstId: id(5) })]), 'pass', /^none$/],
      ['waiting is not lost', audit([stream([behind(20, 10)], { length: 50, firstId: id(100) })]), 'pass', /^none$/],
      ['deleted one by one', audit([stream([group({ entriesRead: 95 })], { maxDeletedId: id(90) })]), 'unknown', /deleted one by one$/],
      ['a position that Redis forgot', audit([stream([group({ lastDelivered: id(300), entriesRead: null })])]), 'unknown', /^cannot be counted for this group$/],
      ['Redis 6', audit([stream([group({ lastDelivered: id(300), entriesRead: null })], { entriesAdded: null })]), 'unknown', /needs 7\.0$/],
      ['no group', audit([stream([])]), 'not-applicable', /^no group$/],
    ]);
    const policy = (now: GroupSnapshot, rest: Partial<StreamSnapshot> = {}, before?: StreamSnapshot): Record<string, Outcome> =>
      looks('policy.invalidate', [stream([{ ...now, name: 'opa-engine' }], rest)], before);
    table('CRC-STR-023', [
      ['old losses of what is not evidence are history', policy(group({ entriesRead: 95 })), 'pass', /^none lately, 5 before$/],
      ['since the earlier run', policy(group({ entriesRead: 95 }), {}, stream([group({ name: 'opa-engine', entriesRead: 98 })])), 'warn', /^5 entries trimmed/],
      ['now', policy(group({ lastDelivered: id(300), entriesRead: 20, counted: 100 }), { entriesAdded: 500 }), 'warn', /^380 entries trimmed/],
    ]);

    // What Redis 7.0.15 answered in these situations (measured): its own lag was 3, 8, 5 and null.
    const measured: readonly [string, StreamSnapshot, number, number | null][] = [
      ['at $ on an empty stream, 10 added, trimmed to 3', stream([group({ lastDelivered: '0-0', entriesRead: null, counted: 3 })], { length: 3, entriesAdded: 10, firstId: id(3) }), 3, 7],
      ['10 added, 2 read, trimmed to 3', stream([group({ lastDelivered: id(9), entriesRead: 2, counted: 3 })], { length: 3, entriesAdded: 10, firstId: id(3) }), 3, 5],
      ['then all read', stream([group({ entriesRead: 5 })], { length: 3, entriesAdded: 10, firstId: id(3) }), 0, 5],
      ['more waits than is counted, nothing trimmed', stream([group({ lastDelivered: id(199), entriesRead: 1, counted: 500 })], { length: 2_000, entriesAdded: 2_000 }), 1_999, 0],
      ['more waits than is counted, after trimming', stream([group({ lastDelivered: id(199), entriesRead: 1, counted: 500 })], { length: 2_000, entriesAdded: 2_400 }), 500, null],
    ];
    for (const [name, snapshot, backlog, lost] of measured) {
      it(name, () => {
        const [seen] = snapshot.groups;
        assert.ok(seen);
        assert.equal(backlogOf(snapshot, seen).entries, backlog);
        assert.equal(trimmedUnread(snapshot, seen), lost);
      });
    }
  });

  describe('what is pending', () => {
    const lowest = (secondsAgo: number, rest: Partial<NonNullable<GroupSnapshot['lowestPending']>> = {}) => ({ pending: 2, lowestPending: { id: id(secondsAgo), idleMs: 100, deliveries: 1, ...rest } });
    const entry = (rest: { idleMs?: number; deliveries?: number; fields?: string[] | null } = {}) => ({ id: id(100), idleMs: 100, deliveries: 1, fields: null, ...rest });
    const closer = (of: string, ...entries: readonly ReturnType<typeof entry>[]): Record<string, Outcome> => ({ [`redis.pendingEntries/${of}`]: answer(entries) });
    const auditPending = (...entries: readonly ReturnType<typeof entry>[]): Record<string, Outcome> => ({ ...audit([stream([group(lowest(100))])]), ...closer('audit.events/audit-ingestor', ...entries) });
    table('CRC-STR-004', [
      ['none', audit([stream([group()])]), 'pass', /^none$/],
      ['being worked on', audit([stream([group(lowest(1))])]), 'pass', /^2, oldest 1 s$/],
      ['old by id and just delivered, after an outage', auditPending(entry(), entry()), 'pass', /^2, oldest 2 min$/],
      ['again and again', auditPending(entry(), entry({ deliveries: 5 })), 'warn', /^1 entry delivered up to 5 times$/],
      ['nobody takes them up', auditPending(entry({ idleMs: 100_000 })), 'warn', /^1 entry not taken up again for 2 min$/],
      ['claimed soon', auditPending(entry({ idleMs: 40_000 })), 'pass', /^2, oldest/],
      ['a second delivery is worth a look', { ...audit([stream([group(lowest(5, { deliveries: 2 }))])]), ...closer('audit.events/audit-ingestor', entry({ deliveries: 2 })) }, 'pass', /^2, oldest 5 s$/],
      ['no group', audit([stream([])]), 'not-applicable', /^no group$/],
      ['not permitted', { ...audit([stream([group(lowest(100))])]), 'redis.pendingEntries/audit.events/audit-ingestor': refused('NOPERM', 'no xpending') }, 'unknown', /^no permission/],
    ]);
    const sts = (...entries: readonly ReturnType<typeof entry>[]): Record<string, Outcome> => ({ ...revocations([group({ name: 'sts-revocation', ...lowest(100_000) })]), ...closer('sessions.revoke/sts-revocation', ...entries) });
    table('CRC-STR-033', [
      ['delegations alone stay for ever', sts(entry({ idleMs: 9e6, deliveries: 4, fields: ['outbox_id', 'zone_id', 'delegation_edge_id', 'reason', '_sig'] })), 'pass', /^2, 1 of delegations alone$/],
      ['a revocation that failed', sts(entry({ idleMs: 9e6, fields: ['zone_id', 'session_id', 'reason'] })), 'warn', /^1 entry failed, tried again only when sts starts$/],
      ['one of each', sts(entry({ idleMs: 9e6, fields: ['zone_id', 'delegation_edge_id'] }), entry({ idleMs: 9e6, fields: ['zone_id', 'agent_session_id'] })), 'warn', /^1 entry failed/],
    ]);
    const other = (host: string, secondsAgo: number): GroupSnapshot => gateway(host, { ...lowest(secondsAgo), lastSeen: [{ name: host, pending: 1, seenMs: 9e6, activeMs: null }] });
    table('CRC-STR-035', [
      ['given up at five', { ...revocations([gateway('a', lowest(100))]), ...closer('sessions.revoke/gateway-revocation:a', entry({ deliveries: 3 })) }, 'warn', /^1 entry delivered up to 3 times$/],
      ['of hosts that are gone alone', { ...revocations([{ ...gone, ...lowest(9_000) }]), ...closer('sessions.revoke/gateway-revocation:old', entry({ deliveries: 3 })) }, 'warn', /^1 entry delivered up to 3 times, and nobody reads the group$/],
      ['of a host that is gone, before Redis 7.2', { ...revocations([other('old', 9_000), gateway('new', { lastSeen: [] })]), ...closer('sessions.revoke/gateway-revocation:old', entry({ idleMs: 9e6 })) }, 'pass', /^2$/],
    ]);
  });

  describe('dead letters', () => {
    const letter = (reason: string, secondsAgo: number, replayable = false) => ({ id: id(secondsAgo), reason, replayable });
    const days = 86_400;
    const dead = (name: string, letters: readonly ReturnType<typeof letter>[]): Record<string, Outcome> => ({
      [`redis.stream/${name}`]: answer(stream([], { length: letters.length })), [`redis.deadLetters/${name}`]: answer({ nowMs, letters }),
    });
    // The clock of these snapshots began a while after 1970, so that ids of last month are below zero: a later clock then.
    const later = 40 * days * 1_000;
    const shifted = (name: string, letters: readonly ReturnType<typeof letter>[]): Record<string, Outcome> => ({
      [`redis.stream/${name}`]: answer(stream([], { length: letters.length })), [`redis.deadLetters/${name}`]: answer({ nowMs: nowMs + later, letters }),
    });
    table('CRC-STR-037', [
      ['no such stream', { 'redis.stream/sessions.revoke.dead': answer(none) }, 'pass', /^none$/],
      ['empty', { 'redis.stream/sessions.revoke.dead': answer(stream([], { length: 0 })) }, 'pass', /^none$/],
      ['another type', { 'redis.stream/sessions.revoke.dead': answer(stream([], { type: 'list' })) }, 'fail', /^is a list/],
      ['of today', dead('sessions.revoke.dead', [letter('invalid_signature', 240), letter('update authority_records', 300)]), 'warn', /^2 in 24 h, newest 4 min: invalid_signature 1, update authority_records 1$/],
      ['of last month', shifted('sessions.revoke.dead', [letter('invalid_signature', 240)]), 'pass', /^none in 24 h, 1 kept, newest 40 d$/],
      ['delegations alone, by design', dead('sessions.revoke.dead', [letter('missing session_id or agent_session_id', 10)]), 'pass', /^none in 24 h, 1 kept/],
    ]);
    table('CRC-STR-012', [
      ['none', { 'redis.stream/audit.events.dlq': answer(none) }, 'pass', /^none$/],
      ['refused today', dead('audit.events.dlq', [letter('hmac_verify_failed', 60)]), 'warn', /^1 in 24 h, newest 1 min: hmac_verify_failed 1$/],
      ['replayable, however old', shifted('audit.events.dlq', [letter('pg_permanent_error', 60, true), letter('json_parse_error', 70)]), 'warn', /^2 dead letters, 1 can be replayed$/],
      ['old and for ever', shifted('audit.events.dlq', [letter('json_parse_error', 60)]), 'pass', /^none in 24 h, 1 kept, newest 40 d$/],
    ]);
  });

  describe('signatures', () => {
    type Entry = { id: string; producer: 'api' | 'coordinator' | 'unknown'; signature: 'valid' | 'wrong' | 'missing' };
    const entry = (secondsAgo: number, signature: Entry['signature'], producer: Entry['producer'] = 'api'): Entry => ({ id: id(secondsAgo), producer, signature });
    const all = (policy: readonly Entry[], sessions: readonly Entry[] = [], agents: readonly Entry[] = [], keyGiven = true): Record<string, Outcome> => ({
      'redis.signatures/policy.invalidate': answer({ keyGiven, entries: policy }),
      'redis.signatures/sessions.revoke': answer({ keyGiven, entries: sessions }),
      'redis.signatures/agents.lifecycle': answer({ keyGiven, entries: agents }),
    });
    const older = (before: string, agents: readonly Entry[]): Record<string, Outcome> => ({
      [`redis.signatures/policy.invalidate before ${before}`]: answer({ keyGiven: true, entries: [] }),
      [`redis.signatures/sessions.revoke before ${before}`]: answer({ keyGiven: true, entries: [] }),
      [`redis.signatures/agents.lifecycle before ${before}`]: answer({ keyGiven: true, entries: agents }),
    });
    // When the observations of these tests were made.
    const judgedAtMs = Date.parse('2026-08-20T10:00:00.000Z');
    table('CRC-STR-025', [
      ['no key', all([], [], [], false), 'not-applicable', /^not checked: give keys\.streams$/],
      ['a key that cannot be used', { ...all([]), 'redis.signatures/policy.invalidate': { kind: 'unavailable', why: 'keys.streams is not hex of at least 32 bytes', wayOut: 'give the key as Caracal has it' } }, 'unknown', /^keys\.streams is not hex/],
      ['valid', all([entry(5, 'valid'), entry(9, 'valid')]), 'pass', /^2 of the newest 2 valid$/],
      ['empty', all([]), 'pass', /^no entry to verify$/],
      ['unsigned, today', all([{ ...entry(5, 'missing', 'unknown'), id: `${judgedAtMs - 3_600_000}-0` }, entry(9, 'valid')]), 'fail', /^1 entry of an unknown writer unsigned$/],
      ['unsigned, long ago', all([{ ...entry(5, 'missing', 'unknown'), id: `${judgedAtMs - 90_000_000}-0` }, entry(9, 'valid')]), 'pass', /^1 valid, 1 dropped earlier$/],
      ['right again', all([entry(3, 'valid'), entry(5, 'wrong'), entry(9, 'valid')]), 'pass', /^2 valid, 1 dropped earlier$/],
      ['another key in one producer', all([entry(5, 'wrong'), entry(9, 'valid')]), 'fail', /^1 entry of api wrongly signed$/],
      ['the key was changed', { ...all([entry(90, 'wrong')], [entry(5, 'valid')], [entry(6, 'valid', 'coordinator')]), ...older(id(90), [entry(95, 'wrong', 'coordinator')]) }, 'pass', /^0 valid, 1 older by another key$/],
      ['not changed: older ones of others verify', { ...all([entry(90, 'wrong')], [], [entry(6, 'valid', 'coordinator')]), ...older(id(90), [entry(95, 'valid', 'coordinator')]) }, 'fail', /^1 entry of api wrongly signed$/],
      ['the key given is none of theirs', { ...all([entry(5, 'wrong')], [entry(6, 'wrong')]), ...older(id(5), []) }, 'unknown', /^no entry of any stream verifies/],
    ]);

    const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
    const vectors: readonly [string, Record<string, string>, string][] = [
      ['caracal.sessions.revoke', { zone_id: 'z1', grant_id: 'g-1', session_id: 'ar-1', reason: 'grant_revoked', outbox_id: '01900000-0000-7000-8000-0000000000aa' }, 'a73b72cef0c2e780fa5901cc17a1765bc358fe497b27ce2d44424244f7a96f2a'],
      ['caracal.agents.lifecycle', { event: 'spawn', zone_id: 'z1', agent_session_id: 's-1', application_id: 'a-1', parent_id: 'null', dedupe_key: 'spawn:s-1', outbox_id: '01900000-0000-7000-8000-0000000000ab', _sig: 'not part of it' }, '776ffe5b546f73b384f4a0cb8b4df7f932bc75f82c02c4dc6b6b5ec8a0836acf'],
    ];
    for (const [name, fields, signature] of vectors) {
      it(`are made as Caracal makes them: ${name}`, () => {
        assert.equal(createHmac('sha256', key).update(signedText(name, fields)).digest('hex'), signature);
      });
    }
    it('take names in the order of their bytes', () => {
      assert.equal(signedText('s', { '\u{1F600}': '1', '\uFF5E': '2', a: '3' }), 's\na=3\n\uFF5E=2\n\u{1F600}=1\n');
    });
  });

  it('tells nothing of a group that did not stand through all looks', () => {
    assert.equal(standingOf('gone', [stream([group()])], undefined), undefined);
  });
  it('tells no change of a group that an earlier run did not see', () => {
    assert.equal(changeSince('audit-ingestor', stream([]), stream([group()])), undefined);
  });
  it('takes the group that was read last for the living one when none shows a sign of life', () => {
    const dead = { lastSeen: [{ name: 'x', pending: 0, seenMs: 9e6, activeMs: 9e6 }] };
    assert.deepEqual(livingGroups(stream([]), [gateway('a', { ...dead, lastDelivered: id(90) }), gateway('b', { ...dead, lastDelivered: id(50) })]).map(({ name }) => name), ['gateway-revocation:b']);
  });
});

describe('what is observed of streams', () => {
  type Answers = Readonly<Record<string, unknown>>;
  const asked: string[][] = [];

  /** A deployment whose Redis answers by the first words of a command. */
  function deployment(answers: Answers, rest: Partial<Deployment> = {}): Deployment {
    const redis: RedisStore = {
      host: 'redis', port: 6379, forwarded: false,
      hello: () => Promise.resolve({ answer: '+PONG' }),
      call: (command) => {
        asked.push([...command]);
        const found = Object.entries(answers).find(([words]) => command.join(' ').startsWith(words));
        if (!found) throw new Error(`not expected: ${command.join(' ')}`);
        return found[1] instanceof Error ? Promise.reject(found[1]) : Promise.resolve(found[1]);
      },
    };
    return { redis: () => redis, hasKey: () => true, hmacSha256: (_key: string, text: string) => `hmac of ${text.length}`, ...rest } as Deployment;
  }
  async function observe(observers: readonly Observer<unknown>[], of: string, answers: Answers, rest?: Partial<Deployment>): Promise<unknown> {
    const [observer] = observers;
    assert.ok(observer);
    asked.length = 0;
    return observer.observe(deployment(answers, rest), { of, signal: new AbortController().signal, stage: () => undefined });
  }
  const time = ['9000', '0'];
  const full = (consumer: readonly unknown[], delivered: string, read: number | null): unknown => ({
    length: 2, 'last-generated-id': '8000000-0', 'max-deleted-entry-id': '0-0', 'entries-added': 2, 'recorded-first-entry-id': '7000000-0',
    entries: [['7000000-0', ['data', 'a secret', 'sig', 'x']]],
    groups: [['name', 'audit-ingestor', 'last-delivered-id', delivered, 'entries-read', read, 'lag', 1, 'pel-count', 1, 'pending', [['7000000-0', 'audit-1', 8_999_000, 3]], 'consumers', [consumer]]],
  });

  for (const [release, consumer, activeMs] of [
    ['7.0', ['name', 'audit-1', 'seen-time', 8_999_500, 'pel-count', 1, 'pending', []], null],
    ['8.0', ['name', 'audit-1', 'seen-time', 8_999_500, 'active-time', 8_990_000, 'pel-count', 1, 'pending', []], 10_000],
  ] as const) {
    it(`reads the reply of Redis ${release} and keeps nothing of an entry but its id`, async () => {
      const snapshot = await observe(streamObservers, 'audit.events', { 'xinfo stream caracal.audit.events FULL COUNT 1': full(consumer, '7000000-0', 1), time, 'xrange caracal.audit.events (7000000-0 8000000-0 COUNT 1': [['8000000-0', ['data', 'a secret']]] });
      assert.ok(!JSON.stringify(snapshot).includes('secret'));
      const [seen] = (snapshot as StreamSnapshot).groups;
      assert.deepEqual(seen?.lowestPending && { ...seen.lowestPending, idleMs: Math.round(seen.lowestPending.idleMs / 100) }, { id: '7000000-0', idleMs: 10, deliveries: 3 });
      assert.deepEqual([seen?.counted, seen?.oldestUndelivered, seen?.consumers], [1, '8000000-0', 1]);
      assert.equal(seen?.lastSeen[0]?.activeMs === null ? null : Math.round((seen?.lastSeen[0]?.activeMs ?? 0) / 1_000) * 1_000, activeMs);
    });
  }

  it('takes an absent key and a key of another type for answers', async () => {
    const missing = await observe(streamObservers, 'audit.events', { xinfo: new Refused('ERR', 'no such key'), time });
    assert.equal((missing as StreamSnapshot).type, 'none');
    const hash = await observe(streamObservers, 'audit.events', { xinfo: new Refused('WRONGTYPE', 'Operation against a key'), type: 'hash', time });
    assert.equal((hash as StreamSnapshot).type, 'hash');
    await assert.rejects(observe(streamObservers, 'audit.events', { xinfo: new Refused('NOPERM', 'no permissions') }), { code: 'NOPERM' });
  });

  it('counts nothing of groups that nobody reads', async () => {
    await observe(streamObservers, 'invocations.lifecycle', { xinfo: full([], '0-0', null), time });
    assert.deepEqual(asked.map(([name]) => name), ['xinfo', 'time']);
  });

  it('asks the clock of Redis once for a run', async () => {
    const one = deployment({ xinfo: full([], '8000000-0', 2), time });
    asked.length = 0;
    for (const name of ['audit.events', 'policy.invalidate']) await streamObservers[0]?.observe(one, { of: name, signal: new AbortController().signal, stage: () => undefined });
    assert.deepEqual(asked.map(([name]) => name), ['xinfo', 'time', 'xinfo']);
  });

  it('keeps of pending entries the names of their fields, in one group alone', async () => {
    const answers = { xpending: [['7000000-0', 'sts-1', 5_000, 2]], 'xrange caracal.sessions.revoke 7000000-0 7000000-0': [['7000000-0', ['zone_id', 'z1', 'session_id', 'a secret']]] };
    assert.deepEqual(await observe(pendingObservers, 'sessions.revoke/sts-revocation', answers), [{ id: '7000000-0', idleMs: 5_000, deliveries: 2, fields: ['zone_id', 'session_id'] }]);
    assert.deepEqual(await observe(pendingObservers, 'sessions.revoke/gateway-revocation:h', answers), [{ id: '7000000-0', idleMs: 5_000, deliveries: 2, fields: null }]);
    assert.deepEqual(asked[0], ['xpending', 'caracal.sessions.revoke', 'gateway-revocation:h', '-', '+', '100']);
  });

  it('keeps of dead letters the reason up to its colon, in all three forms, and never takes src_id for an id', async () => {
    const replies = [
      ['3-0', ['reason', 'pg_permanent_error:secret row', 'src_id', 'an event id', 'src_data', '{}']],
      ['2-0', ['original_id', '1-0', 'error', 'missing zone_id', 'values', '{}', '_sig', 'x']],
      ['1-0', ['reason', 'transient_exceeded_max_deliveries:x', 'src_data', '']],
    ];
    const seen = await observe(deadLetterObservers, 'audit.events.dlq', { xrevrange: replies, time });
    assert.deepEqual((seen as { letters: unknown }).letters, [
      { id: '3-0', reason: 'pg_permanent_error', replayable: true },
      { id: '2-0', reason: 'missing zone_id', replayable: false },
      { id: '1-0', reason: 'transient_exceeded_max_deliveries', replayable: false },
    ]);
  });

  it('tells producers by what they alone add, and nothing without the key', async () => {
    const replies = [['3-0', ['a', '1']], ['2-0', ['outbox_id', 'o', '_sig', 'wrong']], ['1-0', ['outbox_id', 'o', 'dedupe_key', 'd', '_sig', `hmac of ${signedText('caracal.agents.lifecycle', { outbox_id: 'o', dedupe_key: 'd' }).length}`]]];
    const seen = await observe(signatureObservers, 'agents.lifecycle', { xrevrange: replies });
    assert.deepEqual((seen as { entries: unknown }).entries, [
      { id: '3-0', producer: 'unknown', signature: 'missing' }, { id: '2-0', producer: 'api', signature: 'wrong' }, { id: '1-0', producer: 'coordinator', signature: 'valid' },
    ]);
    assert.deepEqual(await observe(signatureObservers, 'agents.lifecycle', {}, { hasKey: () => false }), { keyGiven: false, entries: [] });
    await observe(signatureObservers, 'agents.lifecycle before 5-0', { xrevrange: [] });
    assert.deepEqual(asked, [['xrevrange', 'caracal.agents.lifecycle', '5-0', '-', 'COUNT', '20']]);
  });
});

describe('outboxes', () => {
  const empty: OutboxSnapshot = {
    ready: 0, readyForMs: null, readyId: null, inFlight: 0, retrying: 0, mostAttempts: 0, oldestPendingMs: null, dead: 0, oldestDeadMs: null, errors: [], tableRows: 1_200,
  };
  const api = (...taken: readonly Partial<OutboxSnapshot>[]): Record<string, Outcome> =>
    Object.fromEntries(taken.map((look, index) => [`postgres.apiOutbox/Postgres${index === 0 ? '' : `#${index + 1}`}`, answer({ ...empty, ...look })]));
  const coordinator = (look: Partial<OutboxSnapshot>): Record<string, Outcome> => ({ 'postgres.coordinatorOutbox/Postgres': answer({ ...empty, ...look }) });
  const waits = { ready: 3, readyForMs: 40_000, readyId: 'r1', oldestPendingMs: 41_000 };
  const oom = [{ text: "OOM command not allowed when used memory > 'maxmemory'.", rows: 2 }];
  table('CRC-STR-090', [
    ['empty', api({}), 'pass', /^none pending$/],
    ['pending', api({ ready: 2, readyForMs: 100, readyId: 'r', oldestPendingMs: 100 }), 'pass', /^2 pending, oldest 100 ms$/],
    ['old', api({ retrying: 2, mostAttempts: 1, oldestPendingMs: 301_000 }), 'warn', /^2 pending, oldest 5 min$/],
    ['a passing failure', api({ retrying: 1, mostAttempts: 2, oldestPendingMs: 3_000, errors: oom }), 'pass', /^1 pending, oldest 3 s$/],
    ['refused again and again', api({ retrying: 2, mostAttempts: 6, oldestPendingMs: 60_000, errors: oom }), 'warn', /^2 pending, oldest 1 min: OOM: Redis is full$/],
    ['dead', api({ dead: 1, oldestDeadMs: 1_000, errors: [{ text: 'Reached the max retries per request limit (which is 3).', rows: 1 }] }), 'fail', /^1 dead event, and stays dead: Redis cannot be reached$/],
    ['nobody takes them', api(waits, waits, waits), 'fail', /^3 not taken for 40 s$/],
    ['a burst that drains', api(waits, { ...waits, readyId: 'r2' }, { ...waits, readyId: 'r3' }), 'warn', /draining$/],
    ['not permitted', { 'postgres.apiOutbox/Postgres': refused('42501', 'permission denied for table event_outbox') }, 'unknown', /^no permission/],
  ]);
  table('CRC-STR-091', [
    ['empty', coordinator({}), 'pass', /^none pending$/],
    ['many', coordinator({ retrying: 501, mostAttempts: 1, oldestPendingMs: 100 }), 'warn', /^501 pending/],
    ['dead', { ...coordinator({ dead: 3, oldestDeadMs: 1_000 }), 'postgres.deadCoordinatorRows/Postgres': answer([{ id: 'r1', zone: 'z1' }]) }, 'fail', /^3 dead events, and stay dead$/],
    ['dead, and nobody may name them', { ...coordinator({ dead: 3, oldestDeadMs: 1_000 }), 'postgres.deadCoordinatorRows/Postgres': refused('42501') }, 'fail', /^3 dead events, and stay dead$/],
    ['six of ten tries', coordinator({ retrying: 1, mostAttempts: 6, oldestPendingMs: 20_000 }), 'warn', /tried up to 6 times$/],
  ]);

  it('tell since when events are dead', async () => {
    assert.equal((await judge('CRC-STR-091', { ...coordinator({ dead: 1, oldestDeadMs: 60_000 }), 'postgres.deadCoordinatorRows/Postgres': answer([]) })).since, '2026-08-20T09:59:00.000Z');
  });

  it('tells the cause by the words of the client', () => {
    assert.equal(errorClass("READONLY You can't write against a read only replica."), 'READONLY: Redis is a replica');
    assert.equal(errorClass('WRONGPASS invalid username-password pair'), 'authentication: Redis refuses the password or the command');
    assert.equal(errorClass("Stream isn't writeable and enableOfflineQueue options is false"), 'Redis cannot be reached');
    assert.equal(errorClass('something new'), 'something new');
  });

  const deliveries = { sinks: 1, due: 0, waiting: 0, firstDueMs: null, abandonedIn24h: 0, abandonedError: null };
  const delivered = (rest: Partial<Record<keyof typeof deliveries, unknown>>): Record<string, Outcome> => ({ 'postgres.webhookDeliveries/Postgres': answer({ ...deliveries, ...rest }) });
  table('CRC-STR-092', [
    ['no sink', delivered({ sinks: 0 }), 'not-applicable', /^no webhook sink$/],
    ['none due', delivered({}), 'pass', /^none due$/],
    ['those behind one that waits are due for long', delivered({ due: 5, waiting: 1 }), 'pass', /^5 due, 1 waiting$/],
    ['not sent', delivered({ due: 5, firstDueMs: 180_000 }), 'fail', /^5 due, not sent for 3 min$/],
    ['abandoned', delivered({ abandonedIn24h: 2, abandonedError: 'HTTP 503' }), 'warn', /^2 deliveries abandoned in 24 h$/],
  ]);
  const sink = { id: 's1', name: 'chat', consecutiveFailures: 0, lastError: null, cursor: 10, behind: 0, behindMs: null };
  const sinks = (...taken: readonly (readonly Partial<Record<keyof typeof sink, unknown>>[])[]): Record<string, Outcome> =>
    Object.fromEntries(taken.map((look, index) => [`postgres.webhookSinks/Postgres${index === 0 ? '' : `#${index + 1}`}`, answer(look.map((rest) => ({ ...sink, ...rest })))]));
  const late = { behind: 900, behindMs: 200_000 };
  table('CRC-STR-093', [
    ['no sink', sinks([]), 'not-applicable', /^no webhook sink$/],
    ['works', sinks([{}]), 'pass', /^1 sink, none failing$/],
    ['a moment behind', sinks([{ behind: 4, behindMs: 3_000 }]), 'pass', /^1 sink, none failing$/],
    ['failing', sinks([{ consecutiveFailures: 3, lastError: 'sink responded 500' }, {}]), 'warn', /^1 of 2 sinks failing$/],
    ['nobody looks', sinks([late], [late], [late]), 'fail', /^1 sink 3 min behind the audit events$/],
    ['catching up', sinks([late], [late], [{ ...late, cursor: 110 }]), 'warn', /^1 sink catching up, 3 min behind$/],
  ]);
});
