import { deepEqual, equal, ok } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { joins } from '../../src/logs/grouping.ts';
import type { Block } from '../../src/logs/grouping.ts';
import { levels, readRecord } from '../../src/logs/record.ts';
import type { LogRecord } from '../../src/logs/record.ts';
import { hashOf, nothingScanned, scanRecord } from '../../src/logs/scan.ts';
import type { Scanned } from '../../src/logs/scan.ts';

const fixtures = new URL('../fixtures/logs/', import.meta.url);

/** The records of one stream. */
function records(text: string): string[] {
  const found: string[] = [];
  let block: Block = 'none';
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const next = joins(block, line);
    block = next.block;
    if (next.joined) found.push(`${String(found.pop())}\n${line}`);
    else found.push(line);
  }
  return found;
}

type Columns = Pick<Scanned, 'time' | 'level' | 'requestId'>;

function scanned(text: string): Columns {
  const bytes = new TextEncoder().encode(text);
  const into = nothingScanned();
  scanRecord(bytes, 0, bytes.length, into);
  return { time: into.time, level: into.level, requestId: into.requestId };
}

function columnsOf({ time, level, requestId }: LogRecord): Columns {
  return {
    time: time ?? NaN,
    level: level === undefined ? 0 : levels.indexOf(level) + 1,
    requestId: requestId === undefined ? 0 : hashOf(new TextEncoder().encode(requestId)),
  };
}

const gateway = {
  level: 'warn', service: 'gateway', hostname: 'gw-0', pid: 7, version: 'dev', env: 'development', request_id: 'req-78', client_ip: '10.1.0.4', status: 503,
  error: 'Post "http://sts:8080/oauth/2/token": connection refused', time: 1787220000456, msg: 'sts exchange failed',
};
const api = {
  level: 'warn', time: '2026-08-20T10:00:02.000Z', service: 'api', env: 'production', version: 'dev', pid: 1, hostname: 'api-1', reqId: '6c1d', span_id: '6c1d',
  err: { type: 'Error', message: 'connect ECONNREFUSED 10.0.0.5:5432', stack: 'Error: …\n    at connect', code: 'ECONNREFUSED' }, msg: 'ready_postgres_unreachable',
};
const web = {
  level: 'info', time: '2026-08-20T10:00:04.000Z', service: 'caracal-auth', hostname: 'web-1', pid: 1, version: 'v1.0.0', env: 'production', msg: 'operator action',
  id: 'b1f0', operatorId: 'u1', method: 'POST',
};

type Expected = Partial<LogRecord>;

/** Lines as they are logged, and what they say. */
const table: readonly (readonly [what: string, line: string, expected: Expected])[] = [
  ['zerolog', JSON.stringify(gateway), {
    format: 'json', time: 1787220000456, level: 'warn', service: 'gateway', requestId: 'req-78', message: 'sts exchange failed',
    error: { message: 'Post "http://sts:8080/oauth/2/token": connection refused' },
    fields: [['request_id', 'req-78'], ['client_ip', '10.1.0.4'], ['status', 503]],
    origin: [['hostname', 'gw-0'], ['pid', 7], ['version', 'dev'], ['env', 'development']],
  }],
  ['pino', JSON.stringify(api), {
    time: Date.UTC(2026, 7, 20, 10, 0, 2), level: 'warn', service: 'api', requestId: '6c1d', message: 'ready_postgres_unreachable',
    error: { message: 'connect ECONNREFUSED 10.0.0.5:5432', type: 'Error', code: 'ECONNREFUSED', stack: 'Error: …\n    at connect' },
    fields: [['reqId', '6c1d'], ['span_id', '6c1d']],
  }],
  ['an outbox line of pino, whose error is a text', JSON.stringify({ ...api, err: 'connect ETIMEDOUT' }), { error: { message: 'connect ETIMEDOUT' } }],
  ['an error of the own logger', JSON.stringify({ ...web, err: { name: 'TypeError', message: 'fetch failed' } }), { error: { message: 'fetch failed', type: 'TypeError' } }],
  ['web, whose request id is called id', JSON.stringify(web), { service: 'caracal-auth', requestId: 'b1f0' }],
  ['an event, whose id is none of a request', JSON.stringify({ ...web, service: 'audit' }), { requestId: undefined }],
  ['two request ids, of which the first name counts', JSON.stringify({ ...api, requestId: 'other' }), { requestId: '6c1d' }],
  ['a request id in an escape', '{"level":"info","time":1,"service":"sts","request_id":"a\\u0062c","msg":"m"}', { requestId: 'abc' }],
  ['a level in a text', JSON.stringify({ ...gateway, level: 'info', msg: 'x","level":"fatal","y":"' }), { level: 'info' }],
  ['a level in an object', JSON.stringify({ req: { level: 'fatal', time: 5, request_id: 'no' }, level: 'info', time: 7, msg: '' }), { level: 'info', time: 7, requestId: undefined }],
  ['a member that comes twice', '{"level":"info","time":1,"time":2,"level":"warn","msg":""}', { level: 'warn', time: 2 }],
  ['a level that nobody uses', '{"level":"loud","time":1,"msg":""}', { level: undefined }],
  ['a time that is none', '{"level":"info","time":"yesterday","msg":"m"}', { time: undefined, level: 'info' }],
  ['a time with another zone', '{"level":"info","time":"2026-08-20T12:00:02.5+02:00","msg":"m"}', { time: Date.UTC(2026, 7, 20, 10, 0, 2, 500) }],
  ['an empty object', '{}', { format: 'json', time: undefined, level: undefined, message: '' }],
  ['an object that was cut off', JSON.stringify(gateway).slice(0, 90), { format: 'text', time: undefined, level: undefined }],
  ['braces alone', '{[}', { format: 'text', message: '{[}' }],
  ['Postgres', '2026-11-22 09:27:47.363 UTC [19908] FATAL:  password authentication failed for user "caracal"', {
    format: 'postgres', time: Date.UTC(2026, 10, 22, 9, 27, 47, 363), level: 'error', message: 'password authentication failed for user "caracal"', origin: [['pid', 19908]],
  }],
  ['Postgres in another zone', '2026-11-22 09:27:47.363 CET [19908] LOG:  checkpoint starting', { format: 'postgres', time: undefined, level: 'info' }],
  ['Redis', '20256:M 22 Nov 2026 09:38:42.734 # User requested shutdown...', {
    format: 'redis', time: Date.UTC(2026, 10, 22, 9, 38, 42, 734), level: 'warn', message: 'User requested shutdown...', fields: [['role', 'master']], origin: [['pid', 20256]],
  }],
  ['a signal of Redis', '20256:signal-handler (1795340322) Received SIGTERM scheduling shutdown...', { format: 'redis', time: 1795340322000, level: 'warn' }],
  ['a note of Node', '(node:1) DeprecationWarning: Calling client.query() when …', { format: 'text', level: 'warn', time: undefined }],
  ['ioredis', '[ioredis] Unhandled error event: Error: connect ECONNREFUSED 127.0.0.1:6379\n    at TCPConnectWrap.afterConnect', {
    level: 'error', more: ['    at TCPConnectWrap.afterConnect'],
  }],
  ['a panic of Go', 'panic: runtime error: index out of range [3]\n\ngoroutine 1 [running]:', { level: 'fatal', more: ['', 'goroutine 1 [running]:'] }],
  ['an error that nobody caught', 'file:///app/dist/config.js:34\n        throw new Error()\n              ^\n\nError: KEY must be hex\n    at buildCfg', {
    level: 'fatal', message: 'Error: KEY must be hex',
  }],
  ['a lost connection', 'caracal-api: idle database connection error: terminating connection due to administrator command', { level: 'error' }],
  ['a setting', 'caracal: CARACAL_ALLOW_INSECURE_CONFIG_URLS is active in production; control-plane traffic may travel over plaintext http', { level: 'warn' }],
  ['progress', 'applying 0001_baseline', { level: undefined, message: 'applying 0001_baseline' }],
  ['nothing', '', { format: 'text', message: '' }],
];

describe('a log record', () => {
  for (const [what, line, expected] of table) {
    it(`of ${what} is read`, () => {
      const record = readRecord(line);
      for (const [name, value] of Object.entries(expected)) deepEqual(record[name as keyof LogRecord], value, name);
    });

    it(`of ${what} is scanned the same`, () => {
      deepEqual(scanned(line), columnsOf(readRecord(line)));
    });
  }

  it('is scanned as it is read in all recordings, whole and cut off anywhere', () => {
    let compared = 0;
    for (const file of readdirSync(fixtures)) {
      for (const [index, text] of records(readFileSync(new URL(file, fixtures), 'utf8')).entries()) {
        for (const part of [text, text.slice(0, (index * 37) % (text.length + 1))]) {
          deepEqual(scanned(part), columnsOf(readRecord(part)), part);
          compared += 1;
        }
      }
    }
    ok(compared > 1000, String(compared));
  });
});

describe('lines of one stream', () => {
  const groups: readonly (readonly [what: string, lines: readonly string[], first: readonly number[]])[] = [
    ['JSON lines stand alone', ['{"a":1}', '{"a":2}', '{"a":3}'], [0, 1, 2]],
    ['a stack belongs to its error', ['[ioredis] Unhandled error event: Error: connect', '    at A', '    at B', '[ioredis] Unhandled error event: Error: connect', '    at A'], [0, 3]],
    ['a hint belongs to the note of Node', ['(node:1) DeprecationWarning: x', '(Use `node --trace-deprecation ...` to show where)', '(node:1) [FSTDEP023] y'], [0, 2]],
    ['a crash of Node is one record', [
      'file:///app/dist/config.js:34', '        throw new Error(', '              ^', '', 'Error: KEY', '    at buildCfg', '', 'Node.js v24.9.0', '{"level":"info"}',
    ], [0, 8]],
    ['a panic of Go is one record, to the next start', [
      'panic: boom [recovered]', '\tpanic: boom', '', 'goroutine 1 [running]:', 'main.main()', '\t/src/main.go:9 +0x1d', 'created by net/http', 'exit status 2', '{"level":"info"}',
    ], [0, 8]],
    ['details of Postgres belong to the line of the same process', [
      '2026-11-22 09:27:47.363 UTC [1] ERROR:  x', '2026-11-22 09:27:47.363 UTC [1] DETAIL:  y', '2026-11-22 09:27:47.363 UTC [1] STATEMENT:  SELECT', '\t  FROM z', '2026-11-22 09:27:47.364 UTC [2] LOG:  w',
    ], [0, 4]],
    ['details of another process do not', ['2026-11-22 09:27:47.363 UTC [1] ERROR:  x', '2026-11-22 09:27:47.363 UTC [2] DETAIL:  y'], [0, 1]],
    ['an indented line that comes first begins', ['    at A', '    at B', 'text', 'text'], [0, 2, 3]],
    ['plain lines stand alone', ['applying 0001', 'applying 0002', 'migrations up to date'], [0, 1, 2]],
    ['an empty line belongs to what is before', ['a', '', 'b'], [0, 2]],
    ['JSON within a crash is another record', ['panic: boom', '{"level":"error"}', '  more'], [0, 1]],
  ];
  for (const [what, lines, first] of groups) {
    it(what, () => {
      let block: Block = 'none';
      const begins = lines.flatMap((line, index) => {
        const next = joins(block, line);
        block = next.block;
        return next.joined ? [] : [index];
      });
      deepEqual(begins, first);
    });
  }

  it('makes records of a whole crash in a recording', () => {
    const found = records(readFileSync(new URL('coordinator.start-no-idempotency-key.stderr.log', fixtures), 'utf8'));
    equal(found.length, 1);
    equal(readRecord(String(found[0])).message, 'Error: IDEMPOTENCY_HMAC_KEY must be hex-encoded with at least 32 bytes');
  });
});
