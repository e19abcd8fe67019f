import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { Client } from 'pg';
import { listZones } from '../../src/flow/zones.ts';
import type { EndpointsTarget } from '../../src/model/target.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import type { Deployment } from '../../src/targets/deployment.ts';
import { openEndpoints } from '../../src/targets/endpoints/deployment.ts';
import { Refused, Unavailable } from '../../src/targets/failures.ts';
import type { LocatedTarget } from '../../src/targets/located.ts';
import { eventually } from '../lab/eventually.ts';
import { blackhole } from '../lab/stores/blackhole.ts';
import { migrate } from '../lab/stores/migrate.ts';
import { freePort } from '../lab/stores/ports.ts';
import { POSTGRES_SUPERUSER, type PostgresHandle, startPostgres } from '../lab/stores/postgres.ts';
import { type RedisHandle, startRedis } from '../lab/stores/redis.ts';
import { createScratchFolder } from '../lab/stores/scratch.ts';
import { certificate } from '../lab/certificate.ts';
import type { Certificate } from '../lab/certificate.ts';

const token = 'sesame-open-0123456789';
const password = 'o"w\'n er/%';

let folder: string;
const unhandled: unknown[] = [];
const noteUnhandled = (reason: unknown): void => void unhandled.push(reason);
const opened: Deployment[] = [];
const servers: Server[] = [];
const sockets = new Set<Socket>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'targets-'));
  process.on('unhandledRejection', noteUnhandled);
});

after(async () => {
  process.off('unhandledRejection', noteUnhandled);
  await rm(folder, { recursive: true, force: true });
});

afterEach(async () => {
  for (const deployment of opened.splice(0)) deployment.close();
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  // An error that nobody waits for comes at the next turn.
  await delay(20);
  deepEqual(unhandled, []);
});

function located(target: Partial<EndpointsTarget>): LocatedTarget {
  return { id: 'test', folder, origin: 'test', target: { kind: 'endpoints', name: 'test', services: {}, ...target } };
}

async function open(target: Partial<EndpointsTarget>): Promise<Deployment> {
  const deployment = await openEndpoints(located(target), createRedactor());
  opened.push(deployment);
  return deployment;
}

const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);

/** The one way in which something ended: the code of a refusal, `unavailable`, `aborted`, or else. */
async function ending(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'answered';
  } catch (error) {
    if (error instanceof Refused) return error.code;
    if (error instanceof Unavailable) return 'unavailable';
    return error instanceof Error && /^(?:TimeoutError|AbortError)$/.test(error.name) ? 'aborted' : `threw ${String(error)}`;
  }
}

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

const serving = (handler: RequestListener): Promise<number> => listening(createHttpServer(handler));

/** Accepts connections and never answers. */
const silent = (): Promise<number> => listening(createServer((socket) => void socket.resume()));

describe('services over HTTP', () => {
  const api = async (port: number, path = '/ready', signal = within(3_000)) =>
    (await open({ services: { api: `http://127.0.0.1:${port}/base/` }, tokens: { admin: token } })).http('api').get({ path, token: 'admin', signal });

  it('answer with status, headers and body, below the path of their address', async () => {
    const port = await serving((request, response) => {
      response.writeHead(503, { 'X-Twice': ['a', 'b'] }).end(JSON.stringify({ url: request.url, method: request.method, authorization: request.headers.authorization }));
    });
    const answer = await api(port, '/v1/x?limit=1');
    equal(answer.status, 503);
    equal(answer.headers['x-twice'], 'a, b');
    equal(answer.truncated, false);
    deepEqual(JSON.parse(answer.body), { url: '/base/v1/x?limit=1', method: 'GET', authorization: `Bearer ${token}` });
  });

  it('leave no connection behind', async () => {
    const port = await serving((_request, response) => response.end('ok'));
    await api(port);
    await eventually('every connection is closed', () => Promise.resolve(sockets.size === 0), 1_000);
  });

  it('do not lead to another host, and the token stays', async () => {
    let asked = 0;
    let seen = '';
    const other = await serving((request, response) => {
      asked += 1;
      seen = request.headers.authorization ?? '';
      response.end();
    });
    const port = await serving((_request, response) => response.writeHead(302, { location: `http://127.0.0.1:${other}/` }).end());
    const answer = await api(port);
    equal(answer.status, 302);
    equal(answer.headers['location'], `http://127.0.0.1:${other}/`);
    deepEqual([asked, seen], [0, '']);
  });

  it('get a token that was not given from nowhere', async () => {
    const port = await serving((_request, response) => response.end());
    const deployment = await open({ services: { api: `http://127.0.0.1:${port}` } });
    equal(await ending(deployment.http('api').get({ path: '/', token: 'admin', signal: within(1_000) })), 'unavailable');
  });

  it('are cut at 1 MiB, a body of 5 MB as well as one without an end', async () => {
    let sent = 0;
    for (const size of [5_000_000, Infinity]) {
      const port = await serving((_request, response) => {
        const chunk = Buffer.alloc(64 * 1024, 'x');
        const more = (): void => {
          while (!response.destroyed && sent < size && response.write(chunk)) sent += chunk.length;
          if (sent >= size) response.end();
        };
        response.on('drain', more);
        sent = 0;
        more();
      });
      const { body, truncated } = await api(port);
      equal(body.length, 1024 * 1024);
      equal(truncated, true);
      await eventually('the connection is closed', () => Promise.resolve(sockets.size === 0), 1_000);
    }
  });

  it('may send what is no UTF-8; a character that was only cut is left out', async () => {
    const invalid = await serving((_request, response) => response.end(Buffer.from([0x61, 0xff, 0x62])));
    equal((await api(invalid)).body, 'a\uFFFDb');
    const cut = await serving((_request, response) => response.end(Buffer.concat([Buffer.alloc(1024 * 1024 - 1, 'x'), Buffer.from('ü'.repeat(100))])));
    const { body, truncated } = await api(cut);
    ok(truncated && body.endsWith('x') && !body.includes('\uFFFD'));
  });

  it('that are not there, or are something else, are refused in one word', async () => {
    const closed = await freePort();
    const garbage = await listening(createServer((socket) => socket.end('-ERR not for you\r\n')));
    const closing = await listening(createServer((socket) => socket.once('data', () => socket.destroy())));
    const broken = await listening(createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort'))));
    const wide = await listening(createServer((socket) => socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}\r\n\r\n`))));
    equal(await ending(api(closed)), 'ECONNREFUSED');
    match(await ending(api(garbage)), /^HPE_/);
    equal(await ending(api(closing)), 'ECONNRESET');
    equal(await ending(api(broken)), 'ECONNRESET');
    equal(await ending(api(wide)), 'HPE_HEADER_OVERFLOW');
    const deployment = await open({ services: { sts: 'http://no-such-host.invalid' } });
    match(await ending(deployment.http('sts').get({ path: '/', signal: within(3_000) })), /^(?:ENOTFOUND|EAI_AGAIN)$/);
  });

  it('that never answer are left at once when the signal says so', async () => {
    const frozen = await silent();
    const drip = await serving((_request, response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    for (const port of [frozen, drip]) {
      const startedMs = performance.now();
      equal(await ending(api(port, '/ready', within(200))), 'aborted');
      ok(performance.now() - startedMs < 400);
      await eventually('the connection is closed', () => Promise.resolve(sockets.size === 0), 500);
    }
    const hole = await blackhole(await freePort());
    try {
      equal(await ending(api(hole.port, '/ready', within(200))), 'aborted');
    } finally {
      await hole.close();
    }
  });

  it('are left at once when the target is closed', async () => {
    const port = await silent();
    const deployment = await open({ services: { api: `http://127.0.0.1:${port}` } });
    const waiting = ending(deployment.http('api').get({ path: '/', signal: within(5_000) }));
    await eventually('it is connected', () => Promise.resolve(sockets.size === 1), 1_000);
    deployment.close();
    match(await waiting, /^threw Error: the target was closed$/);
    await eventually('the connection is closed', () => Promise.resolve(sockets.size === 0), 500);
  });

  it('with a certificate of an unknown authority, or without TLS, are refused by name', async () => {
    const { key, cert } = certificate({ name: 'unknown', addresses: ['127.0.0.1'] });
    const unknown = await listening(createHttpsServer({ key, cert }, (_request, response) => response.end()));
    const plain = await serving((_request, response) => response.end());
    const get = async (port: number): Promise<string> =>
      ending((await open({ services: { api: `https://127.0.0.1:${port}` } })).http('api').get({ path: '/', signal: within(2_000) }));
    equal(await get(unknown), 'DEPTH_ZERO_SELF_SIGNED_CERT');
    match(await get(plain), /^(?:EPROTO|ERR_SSL_\w+)$/);
  });
});

describe('Postgres', function () {
  this.timeout(60_000);
  let server: PostgresHandle;

  before(async () => {
    server = await startPostgres({ directory: await createScratchFolder('targets-postgres-'), superuserPassword: password });
    const client = new Client({ connectionString: server.dsn(POSTGRES_SUPERUSER, password) });
    await client.connect();
    await migrate(client, { passwords: { caracalapi: 'api-password-1' } });
    await client.query(`
      INSERT INTO zones (id, name, slug, archived_at) VALUES
        ('z2', 'Two', 'two', NULL), ('z1', 'One', 'one', NULL), ('z3', 'Old', 'old', now()),
        ('zs', 'caracal.sys/control', 'caracal-sys-control', NULL);
      INSERT INTO policies (id, zone_id, name, created_by) VALUES ('p1', 'z1', 'a', 'test'), ('p2', 'z2', 'b', 'test');`);
    await client.end();
  });

  after(() => server.close());

  const dsn = (rest = ''): string => server.dsn(POSTGRES_SUPERUSER, password) + rest;
  const query = async (postgres: string, statement = 'SELECT 1 AS one', ms = 3_000): Promise<string> =>
    ending((await open({ postgres })).postgres().query(statement, [], within(ms)));
  const hello = async (postgres: string, ms = 1_000): Promise<string> => ending((await open({ postgres })).postgres().hello(within(ms)));

  it('gives values as plain JSON', async () => {
    const [row] = await (await open({ postgres: dsn() })).postgres().query(
      `SELECT 1::int AS i, 2::int8 AS l, 9007199254740993::int8 AS huge, 1.25::float8 AS f, 'NaN'::float8 AS nan, 1.50::numeric AS n, true AS b, NULL AS none,
              timestamptz '2026-08-20 12:00:00.123456+02' AS at, timestamp '2026-08-20 12:00:00' AS plain, date '2026-08-20' AS day,
              '{"a":[1]}'::jsonb AS j, array['a', NULL, 'c,d'] AS texts, array[1, 2] AS ints, array[array[1], array[2]] AS nested,
              'x'::name AS name, '\\x0102'::bytea AS bytes, interval '90 min' AS span, $1::text[] AS given`,
      [['p', 'q']],
      within(3_000),
    );
    deepEqual(row, {
      i: 1, l: 2, huge: '9007199254740993', f: 1.25, nan: 'NaN', n: '1.50', b: true, none: null,
      at: '2026-08-20T10:00:00.123456Z', plain: '2026-08-20T12:00:00', day: '2026-08-20',
      j: { a: [1] }, texts: ['a', null, 'c,d'], ints: [1, 2], nested: [[1], [2]], name: 'x', bytes: '\\x0102', span: '01:30:00', given: ['p', 'q'],
    });
  });

  it('is asked in read-only transactions with time limits, one at a time, over one connection', async () => {
    const postgres = (await open({ postgres: dsn() })).postgres();
    const pids = await Promise.all([1, 2, 3].map(() => postgres.query('SELECT pg_backend_pid() AS pid', [], within(3_000))));
    equal(new Set(pids.map(([row]) => row?.['pid'])).size, 1);
    const [settings] = await postgres.query(
      `SELECT current_setting('transaction_read_only') AS read_only, current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
              current_setting('caracal.zone_id') AS zone, current_setting('application_name') AS application`, [], within(3_000));
    deepEqual(settings, { read_only: 'on', statement: '2s', lock: '1s', zone: '*', application: 'caracal-debugger' });
    equal(await ending(postgres.query('CREATE TABLE x ()', [], within(3_000))), '25006');
    equal(await ending(postgres.query('SELECT pg_sleep(5)', [], within(5_000))), '57014');
    equal(await ending(postgres.query('COMMIT; DELETE FROM zones', [], within(3_000))), '42601', 'one statement at a time');
    const [after] = await postgres.query('SELECT pg_backend_pid() AS pid', [], within(3_000));
    equal(after?.['pid'], pids[0]?.[0]?.['pid'], 'an error of the server costs no connection');
  });

  it('gives statements that wait for each other one transaction, and leaves none open', async () => {
    const postgres = (await open({ postgres: dsn() })).postgres();
    const begun = 'SELECT now()::text AS begun, statement_timestamp()::text AS asked';
    const together = (await Promise.all([1, 2, 3].map(() => postgres.query(begun, [], within(3_000))))).map(([row]) => row);
    equal(new Set(together.map((row) => row?.['begun'])).size, 1);
    equal(new Set(together.map((row) => row?.['asked'])).size, 3);
    const [failed, next] = await Promise.all([ending(postgres.query('SELECT 1/0', [], within(3_000))), postgres.query(begun, [], within(3_000))]);
    equal(failed, '22012');
    ok(String(next[0]?.['begun']) > String(together[0]?.['begun']), 'an error ends the transaction for those that wait as well');
    const slow = postgres.query('SELECT pg_sleep(0.6)', [], within(3_000));
    const [[before], [after]] = await Promise.all([slow.then(() => postgres.query(begun, [], within(3_000))), postgres.query(begun, [], within(3_000))]);
    ok(String(before?.['begun']) > String(next[0]?.['begun']) && String(after?.['begun']) > String(next[0]?.['begun']));
    const owner = new Client({ connectionString: dsn() });
    await owner.connect();
    const { rows } = await owner.query("SELECT state FROM pg_stat_activity WHERE application_name = 'caracal-debugger' AND state <> 'idle'");
    await owner.end();
    deepEqual(rows, []);
  });

  it('shows the rows of all zones to a role of a service', async () => {
    const rows = await (await open({ postgres: server.dsn('caracalapi', 'api-password-1') })).postgres().query('SELECT id FROM policies ORDER BY id', [], within(3_000));
    deepEqual(rows, [{ id: 'p1' }, { id: 'p2' }]);
  });

  it('lists zones by name, without archived ones and those of the system', async () => {
    deepEqual(await listZones(located({ postgres: dsn() }), createRedactor(), within(3_000)), [{ id: 'z1', name: 'One' }, { id: 'z2', name: 'Two' }]);
  });

  it('refuses in the words of the server, which hold no secret', async () => {
    equal(await query(server.dsn(POSTGRES_SUPERUSER, 'wrong')), '28P01');
    equal(await query(dsn().replace(/\/caracal$/, '/none')), '3D000');
    equal(await query(dsn(), 'SELECT FROM nowhere'), '42P01');
    const redactor = createRedactor();
    const deployment = await openEndpoints(located({ postgres: dsn() }), redactor);
    opened.push(deployment);
    const error = await deployment.postgres().query(`SELECT '${password.replaceAll("'", "''")}'::int`, [], within(3_000)).catch((reason: unknown) => reason);
    ok(error instanceof Refused && error.code === '22P02' && !error.message.includes('er/%'), String(error));
  });

  it('without a password that is known is not available', async () => {
    const { port } = server;
    const before = process.env['PGPASSWORD'];
    // A variable without a host is for no host in particular, so it does not count.
    process.env['PGPASSWORD'] = password;
    try {
      equal(await query(`postgresql://caracal@127.0.0.1:${port}/caracal`), 'unavailable');
      equal(await hello(`postgresql://caracal@127.0.0.1:${port}/caracal`), 'answered');
    } finally {
      if (before === undefined) delete process.env['PGPASSWORD'];
      else process.env['PGPASSWORD'] = before;
    }
  });

  it('takes the password from the file that PGPASSFILE names', async () => {
    const file = join(folder, 'pgpass');
    await writeFile(file, `127.0.0.1:${server.port}:*:caracal:${password}\n`, { mode: 0o600 });
    process.env['PGPASSFILE'] = file;
    try {
      equal(await query(`postgresql://caracal@127.0.0.1:${server.port}/caracal`), 'answered');
    } finally {
      delete process.env['PGPASSFILE'];
    }
  });

  it('behind something else, closed, silent or blackholed is told apart', async () => {
    const at = (port: number): string => `postgresql://u:secret-1@127.0.0.1:${port}/x`;
    const http = await serving((_request, response) => response.end());
    const mute = await silent();
    const closing = await listening(createServer((socket) => socket.resume().end()));
    const closed = await freePort();
    const greedy = await listening(createServer((socket) => socket.once('data', () => socket.write('Sx'))));
    for (const ask of [hello, (postgres: string, ms = 500) => query(postgres, 'SELECT 1', ms)]) {
      equal(await ask(at(http)), 'NOT_POSTGRES');
      equal(await ask(at(greedy)), 'NOT_POSTGRES');
      equal(await ask(at(mute), 200), 'aborted');
      equal(await ask(at(closing)), 'ECONNRESET');
      equal(await ask(at(closed)), 'ECONNREFUSED');
      equal(await ask(`postgresql://u:x@127.0.0.1:${closed}/x?sslmode=disable`), 'ECONNREFUSED');
    }
    const hole = await blackhole(await freePort());
    try {
      equal(await hello(at(hole.port), 200), 'aborted');
      equal(await query(at(hole.port), 'SELECT 1', 200), 'aborted');
    } finally {
      await hole.close();
    }
    await eventually('every connection is closed', () => Promise.resolve(sockets.size === 0), 1_000);
  });

  it('is greeted with nothing that a pooler refuses', async () => {
    let startup = '';
    const port = await listening(createServer((socket) => {
      socket.on('data', (bytes) => {
        if (bytes.length === 8) socket.write('N');
        else {
          startup = bytes.subarray(8).toString();
          socket.destroy();
        }
      });
    }));
    equal(await query(`postgresql://u:x@127.0.0.1:${port}/db?options=-c%20x%3Dy`), 'ECONNRESET');
    deepEqual(startup.split('\0').filter((part) => part !== ''), ['user', 'u', 'database', 'db', 'application_name', 'caracal-debugger', 'client_encoding', 'UTF8']);
  });

  it('is encrypted and checked as sslmode says', async () => {
    const authority = certificate({ name: 'authority', isAuthority: true });
    const host = certificate({ name: 'host', addresses: ['127.0.0.1'], issuer: authority });
    const other = certificate({ name: 'other', addresses: ['127.0.0.2'], issuer: authority });
    const expired = certificate({ name: 'expired', addresses: ['127.0.0.1'], issuer: authority, from: -20, to: -10 });
    await writeFile(join(folder, 'ca.pem'), authority.cert);
    const at = async (with_: Certificate | undefined, parameters: string): Promise<string> => {
      const port = await listening(tlsInFrontOf(server.port, with_));
      return query(dsn().replace(`:${server.port}/`, `:${port}/`) + parameters, `SELECT 1`);
    };
    equal(await at(host, '?sslmode=require'), 'answered');
    equal(await at(host, '?sslmode=prefer'), 'answered');
    equal(await at(host, '?sslmode=verify-full&sslrootcert=ca.pem'), 'answered');
    equal(await at(other, '?sslmode=verify-ca&sslrootcert=ca.pem'), 'answered');
    equal(await at(other, '?sslmode=verify-full&sslrootcert=ca.pem'), 'ERR_TLS_CERT_ALTNAME_INVALID');
    equal(await at(expired, '?sslmode=verify-full&sslrootcert=ca.pem'), 'CERT_HAS_EXPIRED');
    match(await at(host, '?sslmode=verify-full'), /^(?:UNABLE_TO|SELF_SIGNED)/);
    equal(await at(undefined, '?sslmode=require'), 'NO_TLS');
    equal(await at(undefined, ''), 'answered');
    equal(await at(host, '?sslmode=verify-full&sslrootcert=none.pem'), 'unavailable');
  });

  it('that freezes costs the waiting statements and nothing more', async () => {
    const deployment = await open({ postgres: dsn() });
    const postgres = deployment.postgres();
    equal(await ending(postgres.query('SELECT 1', [], within(3_000))), 'answered');
    await server.freeze();
    try {
      const startedMs = performance.now();
      const endings = await Promise.all([postgres.query('SELECT 1', [], within(300)), postgres.query('SELECT 2', [], within(300)), postgres.hello(within(300))].map(ending));
      deepEqual(endings, ['aborted', 'aborted', 'aborted']);
      ok(performance.now() - startedMs < 600);
      const waiting = ending(postgres.query('SELECT 3', [], within(10_000)));
      await delay(100);
      deployment.close();
      match(await waiting, /the target was closed/);
    } finally {
      await server.thaw();
    }
    equal(await query(dsn()), 'answered');
    await eventually('no session is left', async () => {
      const [row] = await (await open({ postgres: dsn() })).postgres().query(
        `SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE application_name = 'caracal-debugger' AND pid <> pg_backend_pid()`, [], within(3_000));
      for (const each of opened.splice(0)) each.close();
      return row?.['sessions'] === 0;
    }, 5_000);
  });

  it('that was away is connected to again', async () => {
    const postgres = (await open({ postgres: dsn() })).postgres();
    equal(await ending(postgres.query('SELECT 1', [], within(3_000))), 'answered');
    await server.stop();
    match(await ending(postgres.query('SELECT 1', [], within(3_000))), /^(?:57P01|ECONNRESET|ECONNREFUSED)$/);
    await server.start();
    equal(await ending(postgres.query('SELECT 1', [], within(3_000))), 'answered');
  });
});

describe('Redis', function () {
  this.timeout(30_000);
  let server: RedisHandle;

  before(async () => {
    server = await startRedis({ directory: await createScratchFolder('targets-redis-'), password });
  });

  after(() => server.close());

  const call = async (redis: string, command: readonly string[] = ['ping'], ms = 1_000): Promise<string> =>
    ending((await open({ redis })).redis().call(command, within(ms)));
  const hello = async (redis: string, ms = 1_000): Promise<string> => ending((await open({ redis })).redis().hello(within(ms)));

  it('answers reading commands over one connection, maps as objects', async () => {
    const redis = (await open({ redis: server.url })).redis();
    const [pong, user, policy, info] = await Promise.all(
      [['ping'], ['ACL', 'WHOAMI'], ['config', 'get', 'maxmemory-policy'], ['info', 'clients']].map((command) => redis.call(command, within(1_000))),
    );
    deepEqual([pong, user, policy], ['PONG', 'default', { 'maxmemory-policy': 'noeviction' }]);
    match(String(info), /connected_clients:1\r\n/);
    deepEqual(await redis.hello(within(1_000)), { answer: '-NOAUTH Authentication required.' });
    match(await ending(redis.call(['set', 'a', 'b'], within(1_000))), /^threw Error: the command SET is not on the list/);
    equal(await ending(redis.call(['xinfo', 'stream', 'none'], within(1_000))), 'ERR');
  });

  it('refuses in its first word, and without a password is not available', async () => {
    const at = (credential: string): string => `redis://${credential}127.0.0.1:${server.port}`;
    equal(await call(at(':wrong@')), 'WRONGPASS');
    equal(await call(at('')), 'unavailable');
    equal(await call(`${server.url}/99`), 'ERR');
    equal(await call(`${server.url}/1`), 'answered');
  });

  it('behind something else, closed, silent or blackholed is told apart', async () => {
    const at = (port: number): string => `redis://:secret-1@127.0.0.1:${port}`;
    const http = await serving((_request, response) => response.end());
    const mute = await silent();
    const closing = await listening(createServer((socket) => socket.resume().end()));
    const loading = await listening(createServer((socket) => socket.on('data', () => socket.write('-LOADING Redis is loading the dataset in memory\r\n'))));
    const closed = await freePort();
    for (const ask of [hello, (redis: string, ms = 500) => call(redis, ['ping'], ms)]) {
      equal(await ask(at(http)), 'NOT_REDIS');
      equal(await ask(at(mute), 200), 'aborted');
      equal(await ask(at(closing)), 'ECONNRESET');
      equal(await ask(at(closed)), 'ECONNREFUSED');
    }
    equal(await hello(at(loading)), 'answered');
    equal(await call(at(loading)), 'LOADING');
    const hole = await blackhole(await freePort());
    try {
      equal(await hello(at(hole.port), 200), 'aborted');
      equal(await call(at(hole.port), ['ping'], 200), 'aborted');
    } finally {
      await hole.close();
    }
  });

  it('with a certificate of an unknown authority is refused by name', async () => {
    const port = await listening(tlsInFrontOf(server.port, certificate({ name: 'unknown', addresses: ['127.0.0.1'] }), 'at once'));
    equal(await hello(`rediss://:x@127.0.0.1:${port}`), 'DEPTH_ZERO_SELF_SIGNED_CERT');
    equal(await call(`rediss://:x@127.0.0.1:${port}`), 'DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  it('that freezes costs the waiting answers and nothing more', async () => {
    const deployment = await open({ redis: server.url });
    const redis = deployment.redis();
    equal(await ending(redis.call(['ping'], within(1_000))), 'answered');
    await server.freeze();
    try {
      const endings = await Promise.all([redis.call(['ping'], within(200)), redis.call(['time'], within(200)), redis.hello(within(200))].map(ending));
      deepEqual(endings, ['aborted', 'aborted', 'aborted']);
      const waiting = ending(redis.call(['ping'], within(10_000)));
      await delay(50);
      deployment.close();
      match(await waiting, /the target was closed/);
    } finally {
      await server.thaw();
    }
    equal(await call(server.url), 'answered');
  });

  it('that was away is connected to again', async () => {
    const redis = (await open({ redis: server.url })).redis();
    equal(await ending(redis.call(['ping'], within(1_000))), 'answered');
    await server.stop();
    match(await ending(redis.call(['ping'], within(1_000))), /^(?:ECONNRESET|ECONNREFUSED)$/);
    await server.start();
    equal(await ending(redis.call(['ping'], within(1_000))), 'answered');
  });
});

/** TLS before a server that has none: at once, or as Postgres does after the client has asked. */
function tlsInFrontOf(port: number, with_: Certificate | undefined, when: 'at once' | 'asked' = 'asked'): Server {
  return createServer((socket) => {
    const through = (client: Socket): void => {
      const behind = connect({ host: '127.0.0.1', port });
      sockets.add(behind);
      client.on('error', () => behind.destroy()).on('close', () => behind.destroy());
      behind.on('error', () => client.destroy());
      client.pipe(behind).pipe(client);
    };
    const secure = (): void => {
      if (with_) through(new TLSSocket(socket, { isServer: true, key: with_.key, cert: with_.cert }));
    };
    if (when === 'at once') secure();
    else {
      socket.once('data', () => {
        socket.write(with_ ? 'S' : 'N');
        if (with_) secure();
        else through(socket);
      });
    }
  });
}
