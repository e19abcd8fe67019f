import assert from 'node:assert/strict';
import { migrations } from '../../src/caracal/migrations.ts';
import { readinessReasons } from '../../src/caracal/readinessReasons.ts';
import { readinessTests } from '../../src/caracal/readinessOrder.ts';
import { services } from '../../src/caracal/services.ts';
import { checks } from '../../src/flow/catalogue.ts';
import { readinessCheck, reasonOf } from '../../src/flow/readiness/service.checks.ts';
import type { ServiceAnswer } from '../../src/flow/readiness/service.checks.ts';
import type { Outcome } from '../../src/model/observation.ts';
import type { Status } from '../../src/model/status.ts';
import type { ServiceName } from '../../src/model/target.ts';
import { answer, judge, refused, timeout } from './judge.ts';

type Outcomes = Readonly<Record<string, Outcome>>;
type Row = readonly [name: string, outcome: Outcome, status: Status, summary: RegExp, others?: Outcomes];

function table(check: string, question: string, rows: readonly Row[], always: Outcomes = {}): void {
  for (const [name, outcome, status, summary, others = {}] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, { ...always, [question]: outcome, ...others });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }
}

const direct = ['connection', 'content-length', 'content-type', 'date'];

const http = (status: number, body: string, rest: Partial<ServiceAnswer> = {}): Outcome =>
  answer({
    status, body, contentType: 'application/json', location: '', date: 'Thu, 20 Aug 2026 10:00:00 GMT', headers: direct, truncated: false, certificate: null, tookMs: 2,
    ...rest,
  });
const html = (status: number, body = '<html>'): Outcome => http(status, body, { contentType: 'text/html; charset=utf-8' });
const ok = http(200, '{"ok":true}');
const empty = http(200, '', { contentType: '' });
const closing = http(503, '{"error":"Service Unavailable","message":"Service Unavailable","statusCode":503}');
const noPath = http(404, '{"message":"Route GET:/ready not found","error":"Not Found","statusCode":404}');
const noAddress: Outcome = { kind: 'unavailable', why: 'no address', wayOut: 'add services.api' };

const storesWell: Outcomes = {
  'postgres.hello/Postgres': answer({ tls: false, tookMs: 1 }),
  'redis.hello/Redis': answer({ answer: '-NOAUTH Authentication required.', tookMs: 1 }),
  'postgres.migrations/Postgres': answer({ present: true, applied: migrations.map((version) => ({ version, appliedAt: '2026-08-20T10:00:00Z' })) }),
};

/** A good answer of the api with a certificate, in days before and after the time of these tests. */
function certified(starts: number, ends: number): Outcome {
  const at = (days: number): number => Date.parse('2026-08-20T10:00:00.000Z') + days * 24 * 3_600_000;
  return http(200, '{"ok":true}', { certificate: { startsMs: at(starts), endsMs: at(ends) } });
}

describe('readiness: Process', () => {
  table(
    'CRC-RDY-001',
    'service.health/api',
    [
      ['any answer proves a process', http(503, ''), 'pass', /^answers in 2 ms$/],
      ['an answer of something in front too', html(502), 'pass', /^answers/],
      ['a certificate with time left', certified(-100, 40), 'pass', /^answers in 2 ms$/],
      ['a certificate that ends soon', certified(-100, 20), 'warn', /^certificate ends in 20 d$/],
      ['a certificate of one day that is renewed twice a day', certified(-0.6, 0.4), 'pass', /^answers in 2 ms$/],
      ['a certificate of one day that was not renewed', certified(-0.9, 0.1), 'warn', /^certificate ends in 2 h$/],
      ['refused', refused('ECONNREFUSED', 'nothing listens there'), 'fail', /^refused in 1 ms$/],
      ['frozen, or a body that drips for ever', timeout(5_000), 'fail', /^no answer in 5 s/],
      ['no HTTP', refused('HPE_INVALID_CONSTANT', 'it did not answer in HTTP'), 'fail', /^HPE_INVALID_CONSTANT: it did not answer in HTTP$/],
      ['an expired certificate', refused('CERT_HAS_EXPIRED', 'the certificate has expired'), 'fail', /^CERT_HAS_EXPIRED: the certificate has expired$/],
      ['unreachable host', refused('EHOSTUNREACH', 'there is no route to the host'), 'fail', /^EHOSTUNREACH: /],
      ['no address', noAddress, 'unknown', /^no address: add/],
    ],
    storesWell,
  );

  const gone = refused('ECONNREFUSED');
  const atStart: readonly [service: ServiceName, name: string, others: Outcomes, facts: readonly string[]][] = [
    ['gateway', 'the gateway does not start without Postgres', { 'postgres.hello/Postgres': gone }, ['Postgres']],
    ['gateway', 'nothing seen explains it', {}, []],
    ['api', 'the api starts without neither store', { 'postgres.hello/Postgres': timeout(6_000), 'redis.hello/Redis': gone }, ['Postgres', 'Redis']],
    ['sts', 'the STS starts without stores', { 'postgres.hello/Postgres': gone, 'redis.hello/Redis': gone }, []],
    ['audit', 'every service waits for migrations', { 'postgres.migrations/Postgres': answer({ present: true, applied: [] }) }, ['migrations']],
    ['coordinator', 'what cannot be asked says nothing', { 'postgres.hello/Postgres': noAddress, 'redis.hello/Redis': noAddress, 'postgres.migrations/Postgres': noAddress }, []],
  ];
  for (const [service, name, others, facts] of atStart) {
    it(`behind a refused port: ${name}`, async () => {
      const verdict = await judge(readinessCheck(service, 'process'), { ...storesWell, [`service.health/${service}`]: gone, ...others });
      assert.equal(verdict.status, 'fail');
      assert.deepEqual(verdict.facts.map((fact) => fact.name), facts);
    });
  }
});

/** What is none of a service's own, on both of its paths. */
const foreign: readonly Row[] = [
  ['plain HTML', html(200), 'fail', /^another application: 200 text\/html$/],
  ['another fastify application', noPath, 'fail', /^another application: 404 application\/json$/],
  ['invalid JSON', http(200, '{"ok":tr'), 'fail', /^another application: 200 application\/json that is no JSON object$/],
  ['JSON that is no object', http(200, '[1]'), 'fail', /^another application: 200 application\/json that is no JSON object$/],
  ['bytes that are no UTF-8', http(200, '\uFFFD\uFFFD', { contentType: '' }), 'fail', /^another application: 200 without a content type$/],
  ['500 MB', http(200, 'x'.repeat(4_096), { contentType: 'application/octet-stream', truncated: true }), 'fail', /^another application: 200 application\/octet-stream, over 1 MiB$/],
  ['web at this address', http(200, '{"status":"ok","service":"caracal-auth"}'), 'fail', /^another service of Caracal: as of web$/],
  ['a redirect', html(308, ''), 'unknown', /^308 to nowhere: give that address$/],
  ['a redirect to another host', http(302, '', { location: 'https://login.example/start' }), 'unknown', /^302 to https:\/\/login\.example\/start: give that address$/],
  ['401 of a proxy in front', html(401), 'unknown', /^401 from something in front: give an address behind it$/],
  ['401 of a proxy that speaks JSON', http(401, '{"error":"unauthorized"}'), 'unknown', /^401 from something in front/],
  ['403 of a proxy in front', html(403), 'unknown', /^403 from something in front/],
  ['429 of a proxy in front', html(429), 'unknown', /^429 from something in front/],
  ['TLS where plain HTTP was spoken', http(400, 'Client sent an HTTP request to an HTTPS server.\n', { contentType: '' }), 'unknown', /^it speaks TLS: give its address with https$/],
  ['502 of a proxy in front', html(502), 'fail', /^502 from something in front: it gets no answer of api$/],
  ['503 of a proxy in front', html(503), 'fail', /^503 from something in front/],
  ['500 in HTML', html(500), 'fail', /^another application: 500 text\/html$/],
  ['shutting down, on an open connection', closing, 'warn', /^draining/],
];

const stream = (rest: object): Outcome =>
  answer({
    type: 'stream', nowMs: Date.parse('2026-08-20T10:00:00Z'), length: 3, entriesAdded: 3, firstId: '1-0', lastId: '3-0', maxDeletedId: '0-0',
    groups: [{
      name: 'audit-ingestor', lastDelivered: '3-0', entriesRead: 3, pending: 0, lowestPending: null,
      consumers: 1, lastSeen: [{ name: 'caracal-audit-1', pending: 0, seenMs: 2_000, activeMs: 90_000 }], counted: null, oldestUndelivered: null, ...rest,
    }],
  });
const unhealthy = http(503, '{"ok":false,"ready":false,"reason":"consumer_unhealthy"}\n');
const redisWell = { 'redis.hello/Redis': answer({ answer: '+PONG', tookMs: 1 }), 'redis.stream/audit.events': stream({}) };

describe('readiness: Health', () => {
  table('CRC-RDY-002', 'service.health/api', [
    ['good', ok, 'pass', /^200 in 2 ms$/],
    ['error', http(500, '{"error":"internal_error"}'), 'fail', /^500 internal_error$/],
    ...foreign,
    ['a Go service at this address', empty, 'fail', /^another service of Caracal: as of sts or gateway or audit$/],
    ['no answer', timeout(5_000), 'unknown', /^no answer/],
  ]);
  table('CRC-RDY-012', 'service.health/sts', [
    ['good', empty, 'pass', /^200/],
    ['the api at this address', ok, 'fail', /^another service of Caracal: as of api or coordinator$/],
  ]);
  table('CRC-RDY-052', 'service.health/web', [
    ['good', http(200, '{"status":"ok","service":"caracal-auth"}'), 'pass', /^200/],
    ['its page, for a wrong path', html(200), 'fail', /^another application: 200 text\/html$/],
  ]);
  table(
    'CRC-RDY-032',
    'service.health/audit',
    [
      ['good', empty, 'pass', /^200/],
      ['follows Redis', unhealthy, 'fail', /^not a cause: \/health follows Redis here$/, { 'redis.hello/Redis': refused('ECONNREFUSED'), 'redis.stream/audit.events': refused('ECONNREFUSED') }],
      ['sticky after Redis is back', unhealthy, 'fail', /^not a cause: sticky, Redis is well again$/],
      ['it has never 503 for another reason', http(503, '{"reason":"postgres_unreachable"}'), 'fail', /^503 postgres_unreachable$/],
    ],
    redisWell,
  );
});

describe('readiness: Ready', () => {
  const redisAway = { 'redis.hello/Redis': refused('ECONNREFUSED') };
  table(
    'CRC-RDY-003',
    'service.ready/api',
    [
      ['ready', ok, 'pass', /^ready in 2 ms$/],
      ['slow, but right', http(200, '{"ok":true}', { tookMs: 4_200 }), 'pass', /^ready in 4\.2 s$/],
      ['draining body of a call under way', http(503, '{"ok":false,"draining":true}'), 'warn', /^draining/],
      ...foreign.filter(([name]) => name !== 'web at this address'),
      ['rate limited', http(429, '{"error":"rate_limited"}'), 'unknown', /^429 rate_limited: asked too often, wait a minute$/],
      ['hang, then 500', http(500, '{"error":"internal_error","requestId":"r"}', { tookMs: 18_400 }), 'fail', /^500 internal_error after 18.4 s$/],
      ['wrong password, full memory, read-only: 500 at once', http(500, '{"error":"internal_error","requestId":"r"}'), 'fail', /^500 internal_error$/],
      ['dead rows', http(503, '{"ok":false,"error":"outbox_dead_messages","deadCount":3,"limit":0}'), 'fail', /^503 outbox_dead_messages$/],
      ['frozen Redis', timeout(20_000), 'fail', /^no answer in 20 s/],
      ['ended between the two calls', refused('ECONNREFUSED'), 'fail', /^refused in 1 ms$/],
      ['no reason', http(503, '{}'), 'fail', /^503 without a reason$/],
      ['unknown reason', http(503, '{"error":"brand_new"}'), 'fail', /^503 brand_new$/],
      ['no address', noAddress, 'unknown', /^no address/],
    ],
    redisAway,
  );
  table('CRC-RDY-053', 'service.ready/web', [
    ['ready', http(200, '{"status":"ready"}'), 'pass', /^ready/],
    ['unavailable', http(503, '{"status":"unavailable"}'), 'fail', /^503 unavailable$/],
    ['draining', http(503, '{"status":"draining"}'), 'warn', /^draining/],
  ]);
  table(
    'CRC-RDY-033',
    'service.ready/audit',
    [
      ['ready has no ok', http(200, '{"ready":true}\n'), 'pass', /^ready/],
      ['sticky: Redis and the group are well, and the reader reads', unhealthy, 'fail', /^503 consumer_unhealthy, sticky$/],
      ['Redis is away', unhealthy, 'fail', /^503 consumer_unhealthy$/, { 'redis.hello/Redis': timeout(5_000), 'redis.stream/audit.events': timeout(7_000) }],
      ['the group is missing', unhealthy, 'fail', /^503 consumer_unhealthy$/, { 'redis.stream/audit.events': stream({ name: 'siem-export' }) }],
      ['the reader does not read', unhealthy, 'fail', /^503 consumer_unhealthy$/, { 'redis.stream/audit.events': stream({ lastSeen: [{ name: 'a', pending: 0, seenMs: 60_000, activeMs: 90_000 }] }) }],
      ['a reader that only waits looks idle before Redis 7.2', unhealthy, 'fail', /^503 consumer_unhealthy, sticky$/, { 'redis.stream/audit.events': stream({ lastSeen: [{ name: 'a', pending: 0, seenMs: 60_000, activeMs: null }] }) }],
      ['no reader at all', unhealthy, 'fail', /^503 consumer_unhealthy$/, { 'redis.stream/audit.events': stream({ consumers: 0, lastSeen: [] }) }],
      ['it is still busy with what it had', unhealthy, 'fail', /^503 consumer_unhealthy$/, { 'redis.stream/audit.events': stream({ pending: 4, lowestPending: { id: '1-0', idleMs: 1_000, deliveries: 1 } }) }],
      ['events wait', unhealthy, 'fail', /^503 consumer_unhealthy$/, { 'redis.stream/audit.events': stream({ lastDelivered: '1-0', counted: 2, oldestUndelivered: '2-0' }) }],
      ['Redis cannot be asked', unhealthy, 'fail', /^503 consumer_unhealthy$/, { 'redis.hello/Redis': noAddress, 'redis.stream/audit.events': noAddress }],
    ],
    redisWell,
  );

  it('every reason of the contract belongs to a test of a service, and has a meaning', () => {
    const told = new Set(services.flatMap(({ name }) => readinessTests[name].flatMap(({ reasons }) => reasons)));
    assert.deepEqual([...told].sort(), Object.keys(readinessReasons).sort());
  });

  for (const { name } of services) {
    for (const { reasons } of readinessTests[name]) {
      for (const reason of reasons.filter((each) => !['rate_limited', 'draining'].includes(each))) {
        it(`${name}: ${reason} is shown as it is, with its meaning`, async () => {
          const body = `{"ok":false,"ready":false,"reason":"${reason}"}\n`;
          const verdict = await judge(readinessCheck(name, 'ready'), { ...redisAway, [`service.ready/${name}`]: http(503, body), 'redis.stream/audit.events': refused('ECONNREFUSED') });
          assert.equal(verdict.status, 'fail');
          assert.equal(verdict.summary, `503 ${reason}`);
          assert.ok(verdict.reasoning.includes(readinessReasons[reason]?.meaning ?? 'no meaning'));
        });
      }
    }
  }

  it('reads the reason from three vocabularies, in Caracal\'s own order', () => {
    const bodies: readonly [body: string, reason: string | undefined][] = [
      ['{"status":"unavailable","detail":"d","error":"e","reason":"r"}', 'r'],
      ['{"status":"unavailable","detail":"d","error":"e","reason":""}', 'e'],
      ['{"status":"unavailable","detail":"d"}', 'd'],
      ['{"status":"unavailable"}', 'unavailable'],
      ['{"ok":false,"draining":true}', undefined],
      ['[]', undefined],
      ['not JSON', undefined],
    ];
    for (const [body, reason] of bodies) assert.equal(reasonOf(body), reason, body);
  });

  it('a pass names what readiness never looks at, by checks that there are', async () => {
    for (const { name } of services) {
      const { reasoning } = await judge(readinessCheck(name, 'ready'), { [`service.ready/${name}`]: http(200, '{"ok":true,"ready":true,"status":"ready"}') });
      const named = reasoning.match(/CRC-[A-Z]{3}-\d{3}/g) ?? [];
      assert.ok(named.length > 0, name);
      for (const id of named) assert.ok(checks.some((check) => check.id === id), `${name} names ${id}`);
    }
  });

  it('the first failure wins: what comes after it is named', async () => {
    const verdict = await judge('CRC-RDY-013', { 'service.ready/sts': http(503, '{"ok":false,"ready":false,"reason":"redis_unreachable"}\n') });
    assert.deepEqual(verdict.facts, [{ name: 'not told', value: 'lost evidence, replay folder, stream consumers' }]);
    const last = await judge('CRC-RDY-023', { 'service.ready/gateway': http(503, '{"ok":false,"ready":false,"reason":"sts_unreachable"}\n') });
    assert.deepEqual(last.facts, []);
  });

  it('a reason of another service says so', async () => {
    const verdict = await judge('CRC-RDY-013', { 'service.ready/sts': http(503, '{"ok":false,"ready":false,"reason":"revocation_snapshot_stale"}\n') });
    assert.match(verdict.reasoning, /That is a reason of gateway, not of sts/);
  });

  it('500 of the api: tells what Redis does', async () => {
    const error = { 'service.ready/api': http(500, '{"error":"internal_error","requestId":"r"}') };
    const away = await judge('CRC-RDY-003', { ...error, ...redisAway });
    assert.ok(away.facts.some(({ name, value }) => name === 'Redis' && value === 'no answer from here either'));
    const there = await judge('CRC-RDY-003', { ...error, ...redisWell });
    assert.ok(there.facts.some(({ name, value }) => name === 'Redis' && value === 'answers'));
    assert.match(there.reasoning, /a wrong password, a full memory or a read-only replica look the same/);
  });
});

describe('readiness: Identity', () => {
  const withId = (outcome: Outcome): Outcome => headers(outcome, [...direct, 'x-request-id']);
  const relayed = (outcome: Outcome): Outcome => headers(outcome, [...direct, 'server']);
  const headers = (outcome: Outcome, names: string[]): Outcome =>
    outcome.kind === 'answer' ? answer({ ...(outcome.value as ServiceAnswer), headers: names }) : outcome;
  const go = http(200, '{"ok":true,"ready":true}\n');
  /** What each service answers on `/.well-known/jwks.json` without a zone. */
  const jwks: Readonly<Record<ServiceName, Outcome>> = {
    api: withId(http(404, '{"message":"Route GET:/.well-known/jwks.json not found","error":"Not Found","statusCode":404}')),
    coordinator: http(401, '{"error":"missing_token"}'),
    sts: http(400, '{"error":"invalid_token","error_description":"zone_id required"}\n'),
    gateway: withId(http(401, '{"error":"invalid_token","error_description":"missing bearer token","requestId":"r"}\n')),
    audit: http(404, '404 page not found\n', { contentType: 'text/plain; charset=utf-8' }),
    web: html(200, '<title>Caracal Console</title>'),
  };
  const notAsked: Outcome = { kind: 'crashed', error: 'Error', message: 'this must not be asked' };

  const rows: readonly [service: ServiceName, name: string, health: Outcome, ready: Outcome, path: Outcome, status: Status, summary: RegExp][] = [
    ['api', 'its header', withId(ok), notAsked, notAsked, 'pass', /^api, by its x-request-id$/],
    ['api', 'coordinator', ok, notAsked, jwks.coordinator, 'fail', /^coordinator answers at the address of api$/],
    ['api', 'behind a proxy', headers(ok, [...direct, 'server', 'x-request-id']), notAsked, jwks.api, 'pass', /^api, by \/\.well-known\/jwks\.json$/],
    ['api', 'behind a proxy that takes the header', relayed(ok), notAsked, headers(jwks.api, direct), 'unknown', /^cannot be told/],
    ['api', 'another application with the same /health', ok, notAsked, headers(jwks.api, direct), 'unknown', /^cannot be told/],
    ['api', 'behind a proxy that lets this path not through', relayed(ok), notAsked, html(403), 'unknown', /^cannot be told/],
    ['coordinator', 'no header', ok, notAsked, notAsked, 'pass', /^coordinator, by no x-request-id$/],
    ['coordinator', 'api', withId(ok), notAsked, jwks.api, 'fail', /^api answers at the address of coordinator$/],
    ['coordinator', 'behind a proxy that adds the header', headers(ok, [...direct, 'via', 'x-request-id']), notAsked, jwks.coordinator, 'pass', /^coordinator, by/],
    ['sts', 'no header, and ready with ok', empty, go, notAsked, 'pass', /^sts, by no x-request-id and \/ready$/],
    ['sts', 'gateway', withId(empty), go, jwks.gateway, 'fail', /^gateway answers at the address of sts$/],
    ['sts', 'audit', empty, http(200, '{"ready":true}\n'), jwks.audit, 'fail', /^audit answers at the address of sts$/],
    ['sts', 'not ready, by a reason of its own', empty, http(503, '{"reason":"stream_consumers_not_ready"}'), notAsked, 'pass', /^sts/],
    ['sts', 'not ready, by a reason that audit has too', empty, http(503, '{"reason":"postgres_unreachable"}'), jwks.sts, 'pass', /^sts, by \/\.well-known/],
    ['sts', 'behind a proxy', relayed(empty), go, jwks.sts, 'pass', /^sts, by \/\.well-known/],
    ['sts', 'no answer to the last question', empty, timeout(20_000), timeout(5_000), 'unknown', /^no answer in 5 s$/],
    ['gateway', 'its header', withId(empty), notAsked, notAsked, 'pass', /^gateway, by its x-request-id$/],
    ['gateway', 'sts', empty, go, jwks.sts, 'fail', /^sts answers at the address of gateway$/],
    ['gateway', 'audit', empty, http(200, '{"ready":true}\n'), jwks.audit, 'fail', /^audit answers at the address of gateway$/],
    ['gateway', 'behind a proxy that takes the header', relayed(empty), go, headers(jwks.gateway, direct), 'pass', /^gateway, by \/\.well-known/],
    ['gateway', 'behind a proxy that keeps it: its counters are left alone', headers(empty, [...direct, 'server', 'x-request-id']), go, notAsked, 'pass', /^gateway, by its x-request-id and \/ready, behind/],
    ['gateway', 'with a stale snapshot it refuses otherwise', relayed(empty), http(503, '{"reason":"redis_unreachable"}'), http(503, '{"error":"sts_unavailable","requestId":"r"}'), 'pass', /^gateway, by/],
    ['audit', 'ready without ok', empty, http(200, '{"ready":true}\n'), notAsked, 'pass', /^audit, by no x-request-id and \/ready$/],
    ['audit', 'ready without ok, behind a proxy', relayed(empty), http(200, '{"ready":true}\n'), notAsked, 'pass', /^audit/],
    ['audit', 'sts', empty, go, jwks.sts, 'fail', /^sts answers at the address of audit$/],
    ['audit', 'gateway', withId(empty), go, jwks.gateway, 'fail', /^gateway answers at the address of audit$/],
    ['audit', 'a path that a proxy answers', empty, http(503, '{"reason":"postgres_unreachable"}'), html(404), 'unknown', /^cannot be told/],
    ['web', 'its name', http(200, '{"status":"ok","service":"caracal-auth"}'), notAsked, notAsked, 'pass', /^web, by its name on \/health$/],
    ['web', 'something in front', html(401), notAsked, notAsked, 'unknown', /^\/health gave 401, which tells nothing$/],
    ['web', 'no answer', timeout(5_000), notAsked, notAsked, 'unknown', /^no answer/],
  ];
  for (const [service, name, health, ready, path, status, summary] of rows) {
    it(`${service}: ${name}`, async () => {
      const verdict = await judge(readinessCheck(service, 'identity'), {
        [`service.health/${service}`]: health, [`service.ready/${service}`]: ready, [`service.identity/${service}`]: path,
      });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }
});

describe('shared dependency, by the fingerprints of readiness.md 2.4', () => {
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
    ['other applications are not counted', [html(200), html(401), ok, ok, ok, http(429, '{"error":"rate_limited"}')], 'pass', /^none, 3 of 3 ready$/],
    ['no service of Caracal', [html(200), html(200), html(200), html(200), html(200), html(200)], 'unknown', /^no readiness was read/],
  ];
  for (const [name, outcomes, status, summary] of rows) {
    it(name, async () => {
      const verdict = await judge('CRC-RDY-090', Object.fromEntries(services.map((service, index) => [`service.ready/${service.name}`, outcomes[index] ?? ok])));
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }
});

describe('readiness: Clocks', () => {
  /** The clock of this machine in every observation of these tests; each took 1 ms. */
  const hereMs = Date.parse('2026-08-20T10:00:00.000Z');
  type Name = ServiceName | 'Postgres' | 'Redis';
  const good: Readonly<Record<ServiceName, string>> = {
    api: '{"ok":true}', sts: '', gateway: '', audit: '', coordinator: '{"ok":true}', web: '{"status":"ok","service":"caracal-auth"}',
  };
  /** Outcomes of clocks that are this many seconds ahead of this machine, by name; those that are not named are right. */
  const clocks = (ahead: Partial<Record<Name, number>>, others: Outcomes = {}): Outcomes => {
    const at = (name: Name): number => hereMs + (ahead[name] ?? 0) * 1_000;
    return {
      ...Object.fromEntries(services.map(({ name }) => [`service.health/${name}`, http(200, good[name], { date: new Date(at(name)).toUTCString() })])),
      'postgres.session/Postgres': answer({ user: 'observer', database: 'caracal', superuser: false, version: 180_001, now: new Date(at('Postgres')).toISOString() }),
      'redis.stream/audit.events': answer({ type: 'none', nowMs: at('Redis'), length: 0, entriesAdded: 0, firstId: '0-0', lastId: '0-0', maxDeletedId: '0-0', groups: [] }),
      ...others,
    };
  };
  const allBy = (seconds: number): Partial<Record<Name, number>> =>
    ({ api: seconds, sts: seconds, gateway: seconds, audit: seconds, coordinator: seconds, web: seconds, Postgres: seconds, Redis: seconds });
  const without = (names: readonly Name[]): Outcomes =>
    Object.fromEntries(names.map((name) => [name === 'Postgres' ? 'postgres.session/Postgres' : name === 'Redis' ? 'redis.stream/audit.events' : `service.health/${name}`, refused('ECONNREFUSED')]));
  const names: readonly Name[] = [...services.map(({ name }) => name), 'Postgres', 'Redis'];

  const rows: readonly [name: string, outcomes: Outcomes, status: Status, summary: RegExp][] = [
    ['all agree', clocks({}), 'pass', /^9 clocks within 1 s$/],
    ['whole seconds and the way there are no difference', clocks({ api: -1, sts: 1 }), 'pass', /^9 clocks within 2 s$/],
    ['2 s of a whole-second clock may be less', clocks({ api: 2 }), 'pass', /^9 clocks/],
    ['5 s', clocks({ audit: 5 }), 'warn', /^audit 6 s ahead$|^audit 5 s ahead$/],
    ['45 s', clocks({ web: -45 }), 'fail', /^web 4[45] s behind$/],
    ['Postgres', clocks({ Postgres: 40 }), 'fail', /^Postgres 40 s ahead$/],
    ['Redis', clocks({ Redis: -3 }), 'warn', /^Redis [34] s behind$/],
    ['two are wrong', clocks({ api: 10, web: 60 }), 'fail', /^web 1 min ahead and 1 other$/],
    ['this machine', clocks(allBy(40)), 'fail', /^this machine (40|41) s behind$/],
    ['this machine, a little', clocks(allBy(-7)), 'warn', /^this machine [67] s ahead$/],
    ['two groups', clocks({ api: 90, sts: 90, gateway: 90, audit: 90 }, without(['Postgres'])), 'fail', /^no majority: /],
    ['one clock and this machine', clocks({ api: 50 }, without(names.filter((name) => name !== 'api'))), 'fail', /^no majority: (api 5\d s ahead of this machine|this machine 5\d s behind of api)$/],
    ['no clock', clocks({}, without(names)), 'unknown', /^no clock was read/],
    ['the clock of another application is none of a service', clocks({}, { 'service.health/api': http(200, '<html>', { date: new Date(hereMs + 90_000).toUTCString() }) }), 'pass', /^8 clocks/],
    ['a cached answer is old', clocks({}, { 'service.health/api': http(200, good.api, { date: new Date(hereMs - 90_000).toUTCString(), headers: [...direct, 'age'] }) }), 'pass', /^8 clocks/],
    ['an answer without a date', clocks({}, { 'service.health/api': http(200, good.api, { date: '' }) }), 'pass', /^8 clocks/],
    ['audit that is unhealthy has a clock', clocks({}, { 'service.health/audit': unhealthy }), 'pass', /^9 clocks/],
  ];
  for (const [name, outcomes, status, summary] of rows) {
    it(name, async () => {
      const verdict = await judge('CRC-RDY-091', outcomes);
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }

  it('Gateway and STS more than 60 s apart: every exchange is refused', async () => {
    const far = await judge('CRC-RDY-091', clocks({ gateway: 35, sts: -35 }));
    assert.match(far.reasoning, /more than 60 s apart, so the STS refuses every exchange/);
    const near = await judge('CRC-RDY-091', clocks({ gateway: 20, sts: -20 }));
    assert.doesNotMatch(near.reasoning, /refuses every exchange/);
  });
});
