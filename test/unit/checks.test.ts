import assert from 'node:assert/strict';
import { fingerprints, migrations } from '../../src/caracal/migrations.ts';
import { readinessReasons } from '../../src/caracal/readinessReasons.ts';
import type { ServiceAnswer } from '../../src/flow/readiness/service.checks.ts';
import type { GroupSnapshot, StreamSnapshot } from '../../src/flow/streams/snapshot.ts';
import type { Outcome } from '../../src/model/observation.ts';
import type { Status } from '../../src/model/status.ts';
import { answer, judge, refused, timeout } from './judge.ts';

type Row = readonly [name: string, outcome: Outcome, status: Status, summary: RegExp];

function table(check: string, question: string, rows: readonly Row[]): void {
  for (const [name, outcome, status, summary] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, { [question]: outcome });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }
}

const http = (status: number, body: string, rest: Partial<ServiceAnswer> = {}): Outcome =>
  answer({ status, body, contentType: 'application/json', connection: 'keep-alive', tookMs: 2, ...rest });

describe('readiness', () => {
  table('CRC-RDY-001', 'service.health/api', [
    ['any answer proves a process', http(503, ''), 'pass', /^answers in 2 ms$/],
    ['refused', refused('ECONNREFUSED', '127.0.0.1:3000 refused the connection'), 'fail', /^refused in 1 ms$/],
    ['frozen', timeout(5_000), 'fail', /^no answer in 5 s/],
    ['no address', { kind: 'unavailable', why: 'no address', wayOut: 'add services.api' }, 'unknown', /^no address: add/],
  ]);
  table('CRC-RDY-002', 'service.health/api', [
    ['good', http(200, '{"ok":true}'), 'pass', /^200 in 2 ms$/],
    ['another application', http(200, '<html>', { contentType: 'text/html' }), 'fail', /^another application: 200 text\/html$/],
    ['error', http(500, '{"error":"internal_error"}'), 'fail', /^500 internal_error$/],
  ]);
  table('CRC-RDY-032', 'service.health/audit', [
    ['good', http(200, ''), 'pass', /^200/],
    ['follows Redis', http(503, '{"ok":false,"ready":false,"reason":"consumer_unhealthy"}\n'), 'fail', /^not a cause: \/health follows Redis here$/],
  ]);
  table('CRC-RDY-003', 'service.ready/api', [
    ['ready', http(200, '{"ok":true}'), 'pass', /^ready in 2 ms$/],
    ['draining body', http(503, '{"ok":false,"draining":true}'), 'warn', /^draining/],
    [
      'draining, listener closed first',
      http(503, '{"error":"Service Unavailable","message":"Service Unavailable","statusCode":503}', { connection: 'close' }),
      'warn',
      /^draining/,
    ],
    ['rate limited', http(429, '{"error":"rate_limited"}'), 'unknown', /^429 rate_limited/],
    ['hang, then 500', http(500, '{"error":"internal_error","requestId":"r"}', { tookMs: 18_400 }), 'fail', /^500 internal_error after 18.4 s$/],
    ['dead rows', http(503, '{"ok":false,"error":"outbox_dead_messages","deadCount":3,"limit":0}'), 'fail', /^503 outbox_dead_messages$/],
    ['frozen Redis', timeout(20_000), 'fail', /^no answer in 20 s/],
    ['another fastify application', http(404, '{"message":"Route GET:/ready not found","error":"Not Found","statusCode":404}'), 'fail', /^another application: 404/],
    ['plain HTML', http(200, '<html>', { contentType: 'text/html; charset=utf-8' }), 'fail', /^another application: 200 text\/html$/],
    ['no reason', http(503, '{}'), 'fail', /^503 without a reason$/],
    ['unknown reason', http(503, '{"error":"brand_new"}'), 'fail', /^503 brand_new$/],
  ]);
  table('CRC-RDY-053', 'service.ready/web', [
    ['ready', http(200, '{"status":"ready"}'), 'pass', /^ready/],
    ['unavailable', http(503, '{"status":"unavailable"}'), 'fail', /^503 unavailable$/],
    ['draining', http(503, '{"status":"draining"}'), 'warn', /^draining/],
  ]);
  const byService: Readonly<Record<string, readonly string[]>> = {
    'CRC-RDY-013': ['postgres_unreachable', 'redis_unavailable', 'redis_unreachable', 'audit_evidence_lost', 'audit_replay_unavailable', 'stream_consumers_not_ready'],
    'CRC-RDY-023': ['redis_unreachable', 'revocation_snapshot_stale', 'audit_evidence_lost', 'audit_replay_unavailable', 'sts_unavailable', 'sts_unreachable'],
    'CRC-RDY-033': ['consumer_unhealthy', 'postgres_unreachable', 'redis_unreachable', 'audit_dlq_threshold', 'audit_lag_threshold', 'audit_pel_oldest_threshold'],
  };
  const names: Readonly<Record<string, string>> = { 'CRC-RDY-013': 'sts', 'CRC-RDY-023': 'gateway', 'CRC-RDY-033': 'audit' };
  for (const [check, reasons] of Object.entries(byService)) {
    for (const reason of reasons) {
      it(`${check}: ${reason} is shown as it is, with its meaning`, async () => {
        const verdict = await judge(check, { [`service.ready/${names[check] ?? ''}`]: http(503, `{"ok":false,"ready":false,"reason":"${reason}"}\n`) });
        assert.equal(verdict.status, 'fail');
        assert.equal(verdict.summary, `503 ${reason}`);
        assert.ok(verdict.reasoning.includes(readinessReasons[reason]?.meaning ?? 'no meaning'));
      });
    }
  }
});

describe('shared dependency, by the fingerprints of readiness.md 2.4', () => {
  const ok = http(200, '{"ok":true}');
  const says = (reason: string): Outcome => http(503, `{"reason":"${reason}"}`);
  const hang = http(500, '{"error":"internal_error"}', { tookMs: 18_000 });
  const gone = refused('ECONNREFUSED');
  const rows: readonly [string, readonly [Outcome, Outcome, Outcome, Outcome, Outcome, Outcome], Status, RegExp][] = [
    ['nothing is down', [ok, ok, ok, ok, ok, ok], 'pass', /^none, 6 of 6 ready$/],
    ['Postgres', [says('postgres_unreachable'), says('postgres_unreachable'), ok, says('postgres_unreachable'), says('postgres_unreachable'), http(503, '{"status":"unavailable"}')], 'fail', /^Postgres, by api, sts, audit, coordinator, web$/],
    ['Redis, refused', [hang, says('redis_unreachable'), says('redis_unreachable'), says('consumer_unhealthy'), hang, ok], 'fail', /^Redis, by sts, gateway, api, coordinator$/],
    ['Redis, frozen', [timeout(20_000), says('redis_unreachable'), says('redis_unreachable'), says('consumer_unhealthy'), timeout(20_000), ok], 'fail', /^Redis, by /],
    ['STS process', [ok, gone, says('sts_unreachable'), ok, ok, ok], 'fail', /^sts, by sts, gateway$/],
    ['STS not ready only', [ok, says('stream_consumers_not_ready'), ok, ok, ok, ok], 'pass', /^none, 5 of 6 ready$/],
    ['a dead event', [says('outbox_dead_messages'), ok, ok, ok, ok, ok], 'pass', /^none, 5 of 6 ready$/],
    ['one service with its own trouble', [says('postgres_unreachable'), ok, ok, ok, ok, ok], 'pass', /^none/],
    ['everything', [gone, gone, gone, gone, gone, gone], 'fail', /^every service refuses/],
  ];
  for (const [name, outcomes, status, summary] of rows) {
    it(name, async () => {
      const services = ['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'];
      const verdict = await judge('CRC-RDY-090', Object.fromEntries(outcomes.map((outcome, index) => [`service.ready/${services[index] ?? ''}`, outcome])));
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }
});

describe('Postgres', () => {
  table('CRC-STO-001', 'postgres.hello/Postgres', [
    ['answers', answer({ tls: false, tookMs: 2 }), 'pass', /^2 ms, offers no TLS$/],
    ['refused', refused('ECONNREFUSED'), 'fail', /^refused in 1 ms$/],
    ['frozen', timeout(6_000), 'fail', /^no answer in 6 s/],
    ['no connection string', { kind: 'unavailable', why: 'no credential', wayOut: 'give postgres' }, 'unknown', /^no credential: give postgres$/],
  ]);
  const session = { user: 'observer', database: 'caracal', superuser: false, version: 180_001, now: '2026-08-20T10:00:00Z' };
  table('CRC-STO-002', 'postgres.session/Postgres', [
    ['lets us in', answer(session), 'pass', /^as observer$/],
    ['wrong password', refused('28P01', 'password authentication failed'), 'fail', /^28P01: /],
    ['too many connections', refused('53300', 'too many clients'), 'fail', /^53300: /],
    ['silent after the hello', timeout(6_000), 'fail', /^no answer/],
  ]);
  table('CRC-STO-003', 'postgres.session/Postgres', [
    ['18', answer(session), 'pass', /^18\.1$/],
    ['17', answer({ ...session, version: 170_004 }), 'pass', /^17\.4$/],
    ['16', answer({ ...session, version: 160_009 }), 'fail', /^16\.9, too old$/],
  ]);
  const applied = migrations.map((version) => ({ version, appliedAt: '2026-08-20T10:00:00Z' }));
  table('CRC-STO-004', 'postgres.migrations/Postgres', [
    ['all', answer({ present: true, applied }), 'pass', /^3 applied, none pending$/],
    ['pending', answer({ present: true, applied: applied.slice(0, 2) }), 'fail', /^pending: 0003_operator_run_token_usage$/],
    ['no history', answer({ present: false, applied: [] }), 'fail', /^no schema_migrations/],
    ['ahead', answer({ present: true, applied: [...applied, { version: '0004_next', appliedAt: '2026-08-20T10:00:00Z' }] }), 'warn', /^newer than Caracal 1.0: 0004_next$/],
    ['not permitted', refused('42501', 'permission denied for table schema_migrations'), 'unknown', /^no permission: permission denied for table schema_migrations$/],
  ]);
  const made = fingerprints.filter(({ madeBy }) => madeBy).map(({ name }) => name);
  const drift: readonly [string, readonly string[], readonly string[], Status, RegExp][] = [
    ['as shipped', migrations, made, 'pass', /^matches Caracal 1.0$/],
    ['baseline of July', ['0001_baseline'], ['constraint delegation_edges_parent_edge_id_fkey', 'function audit_partition_ensure(date)', 'function audit_partition_drop(text)'], 'fail', /^drifted: column sessions.lease_generation is missing and \d more$/],
    ['one object missing', migrations, made.filter((name) => name !== 'trigger policy_set_versions_immutable'), 'fail', /^drifted: trigger policy_set_versions_immutable is missing$/],
    ['pending is not drift', migrations.slice(0, 2), made.filter((name) => !name.includes('input_tokens')), 'pass', /^matches/],
    ['left over', migrations, [...made, 'table teams'], 'fail', /^drifted: table teams is left over$/],
  ];
  for (const [name, recorded, present, status, summary] of drift) {
    it(`CRC-STO-005: ${name}`, async () => {
      const verdict = await judge('CRC-STO-005', {
        'postgres.migrations/Postgres': answer({ present: true, applied: recorded.map((version) => ({ version, appliedAt: '2026-08-20T10:00:00Z' })) }),
        'postgres.fingerprints/Postgres': answer({ present }),
      });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }
});

describe('Redis', () => {
  const info = {
    used_memory: '32505856', maxmemory: '536870912', maxmemory_policy: 'noeviction',
    aof_enabled: '1', aof_last_write_status: 'ok', rdb_last_bgsave_status: 'ok',
  };
  table('CRC-STO-021', 'redis.session/Redis', [
    ['lets us in', answer({ user: 'default' }), 'pass', /^as default$/],
    ['wrong password', refused('WRONGPASS', 'invalid username-password pair'), 'fail', /^WRONGPASS: /],
  ]);
  table('CRC-STO-022', 'redis.info/Redis', [
    ['noeviction', answer(info), 'pass', /^noeviction$/],
    ['evicts', answer({ ...info, maxmemory_policy: 'allkeys-lru' }), 'fail', /^allkeys-lru, must be noeviction$/],
    ['not permitted', refused('NOPERM', 'this user has no permissions'), 'unknown', /^no permission: /],
  ]);
  table('CRC-STO-023', 'redis.info/Redis', [
    ['room', answer(info), 'pass', /^31 MB of 512 MB$/],
    ['little room', answer({ ...info, used_memory: '450000000' }), 'warn', /84 %$/],
    ['full', answer({ ...info, used_memory: '530000000' }), 'fail', /nearly full$/],
    ['no limit', answer({ ...info, maxmemory: '0' }), 'pass', /no limit set$/],
    ['not told', answer({}), 'unknown', /^INFO does not tell it$/],
  ]);
  table('CRC-STO-024', 'redis.info/Redis', [
    ['on', answer(info), 'pass', /^append-only file on/],
    ['off', answer({ ...info, aof_enabled: '0' }), 'warn', /^append-only file off$/],
    ['failed write', answer({ ...info, aof_last_write_status: 'err' }), 'fail', /^last write failed: append-only file$/],
    ['failed snapshot', answer({ ...info, rdb_last_bgsave_status: 'err' }), 'fail', /^last write failed: snapshot$/],
  ]);
});

describe('streams', () => {
  const nowMs = 1_000_000;
  const group = (rest: Partial<GroupSnapshot> = {}): GroupSnapshot => ({
    name: 'audit-ingestor', lastDelivered: '900000-0', entriesRead: 100, pending: 0, lowestPending: null, lag: 0,
    consumers: [{ name: 'audit-1', pending: 0, idleMs: 10 }], counted: null, oldestUndelivered: null, ...rest,
  });
  const stream = (groups: GroupSnapshot[], rest: Partial<StreamSnapshot> = {}): StreamSnapshot => ({
    type: 'stream', nowMs, length: 100, entriesAdded: 100, firstId: '800000-0', lastId: '900000-0', groups, ...rest,
  });
  const waiting = (count: number, lastDelivered: string, oldest: string, rest: Partial<GroupSnapshot> = {}): GroupSnapshot =>
    group({ lastDelivered, counted: count, oldestUndelivered: oldest, ...rest });

  table('CRC-STR-001', 'redis.stream/audit.events', [
    ['there', answer(stream([])), 'pass', /^100 entries$/],
    ['missing', answer(stream([], { type: 'none' })), 'fail', /^missing$/],
    ['another type', answer(stream([], { type: 'hash' })), 'fail', /^is a hash, not a stream$/],
  ]);
  table('CRC-STR-010', 'redis.stream/audit.events.dlq', [
    ['empty', answer(stream([], { length: 0 })), 'pass', /^0 entries$/],
    ['dead letters', answer(stream([], { length: 3 })), 'warn', /^3 dead letters, oldest 3 min$/],
    ['not provisioned', answer(stream([], { type: 'none' })), 'not-applicable', /^not provisioned/],
  ]);
  table('CRC-STR-003', 'redis.stream/audit.events', [
    ['no reader by design is no lag', answer(stream([group({ name: 'siem-export', lastDelivered: '0-0', entriesRead: null, lag: 100 })])), 'pass', /^no reader by design, 100 entries kept$/],
    ['not provisioned', answer(stream([])), 'not-applicable', /^not provisioned/],
  ]);

  const looks: readonly [string, readonly StreamSnapshot[], Status, RegExp][] = [
    ['nothing waits, whatever lag says', [stream([group({ lag: 5 })])], 'pass', /^none waiting$/],
    ['group missing', [stream([])], 'fail', /^group missing$/],
    ['stalled over three looks', [0, 1, 2].map(() => stream([waiting(60, '850000-0', '950000-0')], { lastId: '990000-0' })), 'fail', /^60 waiting, oldest 50 s; its consumer does not read$/],
    ['no consumer', [0, 1, 2].map(() => stream([waiting(60, '850000-0', '995000-0', { consumers: [] })], { lastId: '996000-0' })), 'fail', /no consumer$/],
    ['draining', [0, 1, 2].map((look) => stream([waiting(60 - look * 20, `85000${look}-0`, '995000-0')], { lastId: '996000-0' })), 'pass', /^20 waiting, oldest 5 s, moving$|^20 waiting, oldest 5 s$/],
    ['falling behind', [0, 1, 2].map((look) => stream([waiting(60 + look, `85000${look}-0`, '950000-0')], { lastId: '996000-0' })), 'warn', /not shrinking$/],
    ['little that waits alarms nobody', [0, 1, 2].map(() => stream([waiting(3, '850000-0', '995000-0')], { lastId: '996000-0' })), 'pass', /^3 waiting, oldest 5 s$/],
    ['trimmed before it was read', [stream([group({ lastDelivered: '700000-0', entriesRead: 20, lag: 80 })], { entriesAdded: 500 })], 'fail', /^380 entries trimmed before audit-ingestor read them$/],
    ['pending and trimmed', [stream([group({ pending: 2, lowestPending: '700000-0' })])], 'fail', /^pending entries were trimmed/],
    ['group at the start of a trimmed stream', [stream([group({ lastDelivered: '0-0', entriesRead: null, lag: null })], { entriesAdded: 108 })], 'fail', /^8 entries trimmed/],
  ];
  for (const [name, taken, status, summary] of looks) {
    it(`CRC-STR-002: ${name}`, async () => {
      const outcomes = Object.fromEntries(taken.map((look, index) => [`redis.stream/audit.events${index === 0 ? '' : `#${index + 1}`}`, answer(look)]));
      const verdict = await judge('CRC-STR-002', outcomes);
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }

  it('CRC-STR-032: the group of a Gateway that is gone says nothing while another keeps up', async () => {
    const gone = waiting(90, '100-0', '200-0', { name: 'gateway-revocation:old', consumers: [] });
    const here = group({ name: 'gateway-revocation:new' });
    const verdict = await judge('CRC-STR-032', { 'redis.stream/sessions.revoke': answer(stream([gone, here])) });
    assert.equal(verdict.status, 'pass');
  });
});

describe('outboxes', () => {
  const outbox = { pending: 0, oldestPendingMs: null, dead: 0, oldestDeadMs: null, lastError: null };
  table('CRC-STR-090', 'postgres.apiOutbox/Postgres', [
    ['empty', answer(outbox), 'pass', /^none pending$/],
    ['pending', answer({ ...outbox, pending: 2, oldestPendingMs: 100 }), 'pass', /^2 pending, oldest 100 ms$/],
    ['old', answer({ ...outbox, pending: 2, oldestPendingMs: 301_000 }), 'warn', /^2 pending, oldest 5 min$/],
    ['dead', answer({ ...outbox, dead: 1, oldestDeadMs: 1_000, lastError: 'x' }), 'fail', /^1 dead event, and stays dead$/],
    ['not permitted', refused('42501', 'permission denied for table event_outbox'), 'unknown', /^no permission/],
  ]);
  table('CRC-STR-091', 'postgres.coordinatorOutbox/Postgres', [
    ['many', answer({ ...outbox, pending: 501, oldestPendingMs: 100 }), 'warn', /^501 pending/],
    ['dead', answer({ ...outbox, dead: 3, oldestDeadMs: 1_000 }), 'fail', /^3 dead events, and stay dead$/],
  ]);
});

describe('metrics', () => {
  const metrics = { status: 200, contentType: 'application/json', authenticated: true, error: null, groups: [], values: { inserts_total: 1, consumer_lag: 0, dlq_size: 0 } };
  table('CRC-SVC-030', 'service.metrics/audit', [
    ['opened', answer(metrics), 'pass', /^3 figures$/],
    ['wrong bearer is no outage', answer({ ...metrics, status: 401, error: 'unauthorized', values: null }), 'unknown', /^401 unauthorized: the metrics token given is not METRICS_BEARER/],
    ['no bearer', answer({ ...metrics, status: 401, authenticated: false, values: null }), 'unknown', /^no credential: give METRICS_BEARER as tokens.metrics$/],
    ['another application', answer({ ...metrics, contentType: 'text/html', values: null }), 'fail', /^another application: 200 text\/html$/],
    ['a figure missing', answer({ ...metrics, values: { inserts_total: 1, consumer_lag: 0 } }), 'warn', /^without dlq_size$/],
    ['no answer says nothing', timeout(8_000), 'unknown', /^no answer in 8 s/],
  ]);
  table('CRC-SVC-040', 'service.metrics/coordinator', [
    ['groups may be empty', answer({ ...metrics, values: { 'retention_cleaner.runs': 1 }, groups: ['invocations', 'outbox', 'retention_cleaner'] }), 'pass', /^1 figure$/],
    ['wrong token', answer({ ...metrics, status: 403, error: 'operator_token_required', values: null }), 'unknown', /CARACAL_COORDINATOR_TOKEN/],
  ]);
});

describe('audit', () => {
  const row = { name: 'bootstrap', scope: 'global', zone: null, capability: 'write', revoked: false, usable: true };
  const token = { row };
  const zone = { zone: 'z1', exists: true, zones: 2 };
  table('CRC-AUD-001', 'postgres.adminToken/api', [
    ['live', answer(token), 'pass', /^bootstrap, global, write$/],
    ['revoked', answer({ ...token, row: { ...row, revoked: true } }), 'fail', /^bootstrap, revoked$/],
    ['unknown', answer({ ...token, row: null }), 'fail', /^unknown to this database$/],
    ['none given', { kind: 'unavailable', why: 'no credential', wayOut: 'give tokens.admin' }, 'unknown', /^no credential/],
  ]);
  const event = { type: 'token_exchange', occurredAt: '2026-08-20T09:59:57.000Z', ingestedAt: '2026-08-20T09:59:57.300Z' };
  const list = { status: 200, error: null, serverMs: Date.parse('2026-08-20T10:00:00Z'), events: [event] };
  const rows: readonly [string, string, { row: unknown; zone?: unknown }, unknown, Status, RegExp][] = [
    ['CRC-AUD-002', 'newest event', token, list, 'pass', /^3 s ago, token_exchange$/],
    ['CRC-AUD-002', 'an empty zone', token, { ...list, events: [] }, 'pass', /^no event in this zone yet$/],
    ['CRC-AUD-002', 'an unknown zone would look empty', { ...token, zone: { ...zone, exists: false } }, undefined, 'unknown', /^no zone z1/],
    ['CRC-AUD-002', 'no zone', { ...token, zone: { ...zone, zone: null } }, undefined, 'unknown', /^2 zones: pick one$/],
    ['CRC-AUD-002', 'never asked with a token that is not live', { ...token, row: { ...row, revoked: true } }, undefined, 'unknown', /^not asked: /],
    ['CRC-AUD-002', 'never asked with a token for another zone', { ...token, row: { ...row, scope: 'zone', zone: 'z2' } }, undefined, 'unknown', /^not asked: the token is for another zone$/],
    ['CRC-AUD-002', 'refused', token, { ...list, status: 401, error: 'invalid_admin_token', events: [] }, 'fail', /^401 invalid_admin_token$/],
    ['CRC-AUD-003', 'quick', token, list, 'pass', /^at most 300 ms$/],
    ['CRC-AUD-003', 'slow', token, { ...list, events: [{ ...event, ingestedAt: '2026-08-20T10:02:00.000Z' }] }, 'warn', /^at most 2 min; more than Audit needs$/],
    ['CRC-AUD-003', 'nothing to measure', token, { ...list, events: [] }, 'not-applicable', /^no event to measure$/],
  ];
  for (const [check, name, known, listed, status, summary] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, { 'postgres.adminToken/api': answer({ row: known.row }), 'postgres.zone/Postgres': answer(known.zone ?? zone), 'user.consent/api': answer({ given: false, zone: null, token: true }), ...(listed === undefined ? {} : { 'api.auditList/z1': answer(listed) }) });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }
});
