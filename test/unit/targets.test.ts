import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EndpointsTarget } from '../../src/model/target.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { resolveCredential } from '../../src/targets/credential.ts';
import { openEndpoints } from '../../src/targets/endpoints/deployment.ts';
import { passwordIn } from '../../src/targets/endpoints/pgpass.ts';
import { parsePostgresAddress } from '../../src/targets/endpoints/postgresAddress.ts';
import { parseRedisAddress } from '../../src/targets/endpoints/redisAddress.ts';
import { requireReading, withNames } from '../../src/targets/endpoints/redisCommands.ts';
import { Refused, Unavailable } from '../../src/targets/failures.ts';
import { jsonErrorPosition } from '../../src/targets/jsonPosition.ts';
import { findLocalRuntime } from '../../src/targets/localRuntime.ts';
import type { LocatedTarget } from '../../src/targets/located.ts';
import { readTargetFile } from '../../src/targets/targetFile.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'targets-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  return path;
}

function located(target: Partial<EndpointsTarget>, rest: Partial<LocatedTarget> = {}): LocatedTarget {
  return { id: 'test', folder, origin: 'test', target: { kind: 'endpoints', name: 'test', services: {}, ...target }, ...rest };
}

describe('target file', () => {
  it('reads a target and where it lies', async () => {
    const path = await file('one.json', JSON.stringify({ kind: 'endpoints', name: 'one', services: { api: 'https://api.example.org/caracal/' }, postgres: { env: 'X' } }));
    const { id, target, folder: from, origin } = await readTargetFile(path);
    deepEqual({ id, from, origin, name: target.name }, { id: path, from: folder, origin: 'target file', name: 'one' });
  });

  it('accepts a byte order mark', async () => {
    equal((await readTargetFile(await file('bom.json', `\uFEFF${JSON.stringify({ kind: 'endpoints', name: 'bom', services: {} })}`))).target.name, 'bom');
  });

  const secret = 'hunter2-hunter2';
  const valid = { kind: 'endpoints', name: 'x', services: {} };
  const malformed: Readonly<Record<string, readonly [content: string, says: RegExp]>> = {
    'no JSON': [`{\n  "name": ${secret}\n}`, /invalid JSON at line 2, column 11\. Correct it there\.$/],
    'a comma too many': ['{"a": 1,}', /invalid JSON at line 1, column 9\. /],
    'cut JSON': ['{"a": [1, 2', /invalid JSON at line 1, column 12\. /],
    'an empty file': ['', /invalid JSON at line 1, column 1\. /],
    'something else after it': ['{} {}', /invalid JSON at line 1, column 4\. /],
    'a list': ['[]', /the file must be an object\. Correct it; docs\/targets\.md describes the format\.$/],
    'another kind': [JSON.stringify({ ...valid, kind: 'swarm' }), /kind must be "endpoints" or "compose" or "kubernetes"\. /],
    'a project without its name': [JSON.stringify({ kind: 'compose', name: 'x' }), /project is missing\. /],
    'a release without its namespace': [JSON.stringify({ kind: 'kubernetes', name: 'x', release: 'x' }), /namespace is missing\. /],
    'no name': [JSON.stringify({ ...valid, name: undefined }), /name is missing\. /],
    'no services': [JSON.stringify({ kind: 'endpoints', name: 'x' }), /services is missing\. /],
    'an unknown field': [JSON.stringify({ ...valid, postgress: secret }), /the file has the unknown field "postgress"\. /],
    'an unknown service': [JSON.stringify({ ...valid, services: { apu: 'http://x' } }), /services has the unknown field "apu"\. /],
    'another protocol': [JSON.stringify({ ...valid, services: { api: 'ftp://x' } }), /services\.api is not an http:\/\/ or https:\/\/ URL\. /],
    'no URL': [JSON.stringify({ ...valid, services: { api: secret } }), /services\.api is not an http:\/\/ or https:\/\/ URL\. /],
    'a URL with a password': [JSON.stringify({ ...valid, services: { api: `http://u:${secret}@x` } }), /services\.api has a user or password in it; tokens have a field of their own\. /],
    'a URL with a query': [JSON.stringify({ ...valid, services: { api: 'http://x?y' } }), /services\.api has more than a base URL in it\. /],
    'a wrong mode': [JSON.stringify({ ...valid, mode: 'prod' }), /mode must be "dev" or "rc" or "stable"\. /],
    'a credential of another form': [JSON.stringify({ ...valid, tokens: { admin: { vault: secret } } }), /tokens\.admin must be a text, \{"value": …\}, \{"env": "NAME"\} or \{"file": "path"\}\. /],
    'an empty credential': [JSON.stringify({ ...valid, redis: '' }), /redis is empty\. /],
    'a long name': [JSON.stringify({ ...valid, name: 'x'.repeat(81) }), /name is longer than 80 characters\. /],
    'a number for a name': [JSON.stringify({ ...valid, name: 3 }), /name must be a string\. /],
  };
  for (const [what, [content, says]] of Object.entries(malformed)) {
    it(`says in one sentence what is wrong with ${what}`, async () => {
      const path = await file('bad.json', content);
      const error = await readTargetFile(path).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      ok(error instanceof Error);
      ok(error.message.startsWith(`Cannot read the target ${path}: `), error.message);
      match(error.message, says);
      ok(!error.message.includes(secret) && !error.message.includes('\n'), error.message);
    });
  }

  it('says why a file cannot be read', async () => {
    await rejects(readTargetFile(join(folder, 'none.json')), /there is no such file\. Give the path of a target file\.$/);
    await rejects(readTargetFile(folder), /it is a folder\. /);
    await rejects(readTargetFile(await file('big.json', ' '.repeat(1_100_000))), /it is larger than 1024 KB\. /);
  });
});

describe('place of a JSON error', () => {
  it('is the first character that is wrong', () => {
    const places: Readonly<Record<string, readonly [number, number]>> = {
      '{"a" 1}': [1, 6],
      '{a: 1}': [1, 2],
      '[1 2]': [1, 4],
      '{"a": 01}': [1, 8],
      '["x\ny"]': [1, 2],
      '\n\n{"a":\n nul}': [4, 2],
      ']': [1, 1],
      '{"a": 1]': [1, 8],
    };
    for (const [text, [line, column]] of Object.entries(places)) {
      throws(() => JSON.parse(text));
      deepEqual(jsonErrorPosition(text), { line, column }, text);
    }
  });

  it('finds nothing in what the engine accepts', () => {
    for (const value of [{ a: [1, -2.5e3, 'x\\"\u2028', null, true, {}] }, [], 'x', 0]) {
      const text = JSON.stringify(value, undefined, 2);
      const lines = text.split('\n');
      deepEqual(jsonErrorPosition(text), { line: lines.length, column: (lines.at(-1) ?? '').length + 1 });
    }
  });
});

describe('credentials', () => {
  const context = (environment = {}) => ({ noun: 'admin token', folder, redactor: createRedactor(), environment });

  it('are read by value, environment variable and file, without the newline at the end', async () => {
    await file('secrets/token', 'from a file\r\n');
    equal(await resolveCredential('as text', context()), 'as text');
    equal(await resolveCredential({ value: 'by value' }, context()), 'by value');
    equal(await resolveCredential({ env: 'TOKEN' }, context({ TOKEN: 'from env\n' })), 'from env');
    equal(await resolveCredential({ file: 'secrets/token' }, context()), 'from a file');
  });

  it('are taught to the redactor', async () => {
    const redactor = createRedactor();
    await resolveCredential('q7Xk9abcdef', { noun: 'admin token', folder, redactor });
    match(redactor.text('x q7Xk9abcdef'), /^x ‹admin-token:[0-9a-f]{16}›$/);
  });

  it('that are missing say why and what to do', async () => {
    const expected = async (reference: Parameters<typeof resolveCredential>[0], why: RegExp): Promise<void> => {
      await rejects(resolveCredential(reference, context({ EMPTY: '' })), (error) => {
        ok(error instanceof Unavailable);
        match(error.message, why);
        ok(error.wayOut !== '');
        return true;
      });
    };
    await expected({ env: 'NONE' }, /^no admin token: NONE is not set$/);
    await expected({ env: 'EMPTY' }, /^no admin token: EMPTY is not set$/);
    await expected({ file: 'none' }, /^no admin token: cannot read .*none, there is no such file$/);
    await expected({ file: '.' }, /it is a folder$/);
    await file('empty', '\n');
    await expected({ file: 'empty' }, /empty is empty$/);
    await file('large', 'x'.repeat(70_000));
    await expected({ file: 'large' }, /it is larger than 64 KB$/);
    await expected({ file: '/dev/zero' }, /it is no regular file$/);
  });
});

describe('connection strings', () => {
  it('of Postgres are read as libpq reads them', () => {
    const read = (text: string): unknown => parsePostgresAddress(text, '/etc/caracal');
    deepEqual(read('postgresql://caracal:p%40ss%2F@db:6543/main?sslmode=verify-full&sslrootcert=ca.pem'), {
      host: 'db', port: 6543, user: 'caracal', password: 'p@ss/', database: 'main', sslMode: 'verify-full', sslRootCert: '/etc/caracal/ca.pem',
    });
    deepEqual(read('postgres://caracal@[::1]'), { host: '::1', port: 5432, user: 'caracal', database: 'caracal', sslMode: 'prefer' });
    deepEqual(read('postgresql:///main?host=/var/run/postgresql&user=ana'), { host: '/var/run/postgresql', port: 5432, user: 'ana', database: 'main', sslMode: 'prefer' });
    deepEqual(read('postgresql://u@db/main?sslmode=require&sslrootcert=system'), { host: 'db', port: 5432, user: 'u', database: 'main', sslMode: 'require', sslRootCert: 'system' });
  });

  it('of Redis are read with user, database and TLS', () => {
    deepEqual(parseRedisAddress('redis://:p%40ss@redis:6379'), { host: 'redis', port: 6379, tls: false, password: 'p@ss', database: 0 });
    deepEqual(parseRedisAddress('rediss://observer:x@cache.example.org:6380/3'), { host: 'cache.example.org', port: 6380, tls: true, user: 'observer', password: 'x', database: 3 });
    deepEqual(parseRedisAddress('redis://localhost'), { host: 'localhost', port: 6379, tls: false, database: 0 });
  });

  it('that cannot be used are refused without quoting them', () => {
    const secret = 'hunter2';
    const postgres = [`host=db password=${secret}`, `postgresql://u:1/${secret}@db/x`, `postgresql://u:${secret}/x@db`, `postgresql://u:${secret}@a,b/x`, `postgresql://u:${secret}%zz@a/x`, `postgresql://u:${secret}@a/x?sslmode=maybe`, `mysql://u:${secret}@a`];
    const redis = [`http://${secret}`, `redis://:1/${secret}@h`, `redis://:${secret}@h/x`, secret, `redis://:${secret}%zz@h`];
    for (const [text, parse] of [
      ...postgres.map((each) => [each, () => parsePostgresAddress(each, '/')] as const),
      ...redis.map((each) => [each, () => parseRedisAddress(each)] as const),
    ]) {
      throws(parse, (error) => {
        ok(error instanceof Unavailable, text);
        ok(!error.message.includes(secret) && !error.wayOut.includes(secret));
        return true;
      }, text);
    }
  });

  it('take a missing password from .pgpass, by its rules', () => {
    const wanted = { host: 'db', port: 5432, database: 'caracal', user: 'ana' };
    equal(passwordIn('# comment\nother:5432:caracal:ana:no\n*:*:caracal:ana:p\\:w\\\\d\n*:*:*:*:later', wanted), 'p:w\\d');
    equal(passwordIn('db:5432:caracal:ben:no\n', wanted), undefined);
    equal(passwordIn('db:5432:caracal', wanted), undefined);
    equal(passwordIn('localhost:5432:*:*:socket', { ...wanted, host: '/var/run/postgresql' }), 'socket');
  });
});

describe('Redis commands', () => {
  it('that read are let through, all others are our own mistake', () => {
    for (const command of ['PING', 'INFO memory', 'TIME', 'XINFO GROUPS x', 'XRANGE x - +', 'CONFIG GET maxmemory-policy', 'ACL WHOAMI', 'MEMORY USAGE x', 'xpending x g', 'GET seen:jti:0198', 'GET caracal:revoked:sessions:delegation-epoch:z1', 'EXISTS caracal:revoked:sessions:0198']) {
      requireReading(command.split(' '));
    }
    for (const command of ['SET a b', 'XADD s * a b', 'XREADGROUP', 'XACK', 'XGROUP CREATE', 'CONFIG SET a b', 'CONFIG RESETSTAT', 'ACL LIST', 'ACL', 'MEMORY PURGE', 'FLUSHALL', 'EVAL x', 'MONITOR', 'KEYS *', 'SCAN 0', 'GET x', 'GET provider-token:seen:jti:', 'GET provider-token:caracal:revoked:sessions:delegation-epoch:', 'GET caracal:revoked:sessions:0198', 'MGET seen:jti:x y', '', 'CONFIG GET *', 'CONFIG GET requirepass', 'CONFIG GET maxmemory masterauth', 'CONFIG GET tls-key-file-pass']) {
      throws(() => requireReading(command.split(' ')), Error, command);
    }
  });

  it('give maps as objects', () => {
    deepEqual(withNames(['XINFO', 'STREAM', 'x'], ['length', 2, 'first-entry', ['1-0', ['a', 'b']]]), { length: 2, 'first-entry': ['1-0', ['a', 'b']] });
    deepEqual(withNames(['xinfo', 'groups', 'x'], [['name', 'g', 'lag', null]]), [{ name: 'g', lag: null }]);
    deepEqual(withNames(['config', 'get', 'x'], []), {});
    deepEqual(withNames(['xrange', 'x', '-', '+'], [['1-0', ['a', 'b']]]), [['1-0', ['a', 'b']]]);
  });
});

describe('failures', () => {
  it('are recognised by name, as each file of the package has its own copy', () => {
    const copy = Object.assign(new Error('x'), { name: 'Refused', code: 'X' });
    ok((copy as Error) instanceof Refused);
    ok(!((copy as Error) instanceof Unavailable));
    ok(!((new Error('x')) instanceof Refused));
  });
});

describe('an opened target', () => {
  it('says of each thing that is missing what to give', async () => {
    const deployment = await openEndpoints(located({ tokens: { metrics: { env: 'CARACAL_TEST_NOT_SET' } } }), createRedactor());
    const wayOut = (ask: () => unknown): string => {
      try {
        ask();
      } catch (error) {
        ok(error instanceof Unavailable);
        return `${error.message}; ${error.wayOut}`;
      }
      return '';
    };
    equal(wayOut(() => deployment.http('api')), 'no address of api; give services.api in the target');
    equal(wayOut(() => deployment.postgres()), 'no connection string of Postgres; give postgres in the target');
    equal(wayOut(() => deployment.redis()), 'no connection string of Redis; give redis in the target');
    equal(deployment.hasToken('admin'), false);
    equal(deployment.hasToken('metrics'), true);
    await rejects(deployment.tokenSha256('metrics'), /no metrics bearer: CARACAL_TEST_NOT_SET is not set/);
    await rejects(deployment.tokenSha256('admin'), /no admin token/);
    deployment.close();
  });

  it('takes the zone of the run', async () => {
    equal((await openEndpoints(located({ zone: 'a' }), createRedactor(), 'b')).target.zone, 'b');
    equal((await openEndpoints(located({ zone: 'a' }), createRedactor())).target.zone, 'a');
  });

  it('reaches names of containers where their ports are published, and only those', async () => {
    const publishedHosts = { postgres: '127.0.0.1', redis: '127.0.0.1' };
    const open = (host: string) =>
      openEndpoints(located({ postgres: `postgresql://a:b@${host}:5432/x`, redis: `redis://:b@${host}:6379` }, { publishedHosts }), createRedactor());
    equal((await open('postgres')).postgres().host, '127.0.0.1');
    equal((await open('redis')).redis().host, '127.0.0.1');
    equal((await open('db.example.org')).postgres().host, 'db.example.org');
  });
});

describe('local runtime', () => {
  const remote = { CARACAL_API_URL: 'https://api.example.org' };

  async function home(secrets: Readonly<Record<string, string>>, name = 'secrets'): Promise<string> {
    for (const [secret, content] of Object.entries(secrets)) await file(`home/${name}/${secret}`, content);
    return join(folder, 'home');
  }

  it('is found by its generated secrets, which count before variables', async () => {
    const CARACAL_HOME = await home({ caracalAdminToken: 'a', metricsBearer: '', databaseUrl: 'postgresql://x', redisUrl: 'redis://x' });
    const { found, looked } = await findLocalRuntime({ CARACAL_HOME, CARACAL_ADMIN_TOKEN: 'stale', METRICS_BEARER: 'm', CARACAL_ZONE_ID: 'z1' });
    ok(found);
    const { target, id, origin } = found;
    equal(id, 'local');
    equal(origin, 'local runtime');
    const generated = { file: join(CARACAL_HOME, 'secrets/caracalAdminToken') };
    deepEqual(target.tokens, { admin: generated, gateway: generated, metrics: { env: 'METRICS_BEARER' } });
    deepEqual(target.postgres, { file: join(CARACAL_HOME, 'secrets/databaseUrl') });
    deepEqual(target.redis, { file: join(CARACAL_HOME, 'secrets/redisUrl') });
    equal(target.services?.api, 'http://127.0.0.1:3000');
    equal(target.services.web, 'http://127.0.0.1:3001');
    equal(target.zone, 'z1');
    equal(target.mode, 'stable');
    match(looked.join('\n'), /^runtime home .* \(there\)\nsecrets folder .*secrets \(caracalAdminToken, databaseUrl, redisUrl\)\n/);
  });

  it('takes a token from the variable, then the file it names, then the operator file', async () => {
    const CARACAL_HOME = await home({ databaseUrl: 'postgresql://x' });
    const CARACAL_ENV_FILE = await file('operator.env', 'METRICS_BEARER="from dotenv"\nCARACAL_ADMIN_TOKEN=unused\n');
    const { found } = await findLocalRuntime({ CARACAL_HOME, CARACAL_ENV_FILE, CARACAL_ADMIN_TOKEN: 'a', CARACAL_COORDINATOR_TOKEN_FILE: '/run/c' });
    deepEqual(found?.target.tokens, { admin: { env: 'CARACAL_ADMIN_TOKEN' }, coordinator: { file: '/run/c' }, metrics: { value: 'from dotenv' } });
  });

  it('looks into the folders of development first when the mode says so', async () => {
    const CARACAL_HOME = await home({ databaseUrl: 'postgresql://installed' });
    await home({ databaseUrl: 'postgresql://dev' }, 'dev-secrets');
    const at = async (environment: NodeJS.ProcessEnv): Promise<unknown> => {
      const { found } = await findLocalRuntime(environment);
      return [found?.target.postgres, found?.target.mode];
    };
    deepEqual(await at({ CARACAL_HOME }), [{ file: join(CARACAL_HOME, 'secrets/databaseUrl') }, 'stable']);
    deepEqual(await at({ CARACAL_HOME, CARACAL_MODE: 'dev' }), [{ file: join(CARACAL_HOME, 'dev-secrets/databaseUrl') }, 'dev']);
    deepEqual(await at({ CARACAL_HOME, CARACAL_MODE: 'rc' }), [{ file: join(CARACAL_HOME, 'secrets/databaseUrl') }, 'rc']);
    const CARACAL_SECRETS_DIR = join(folder, 'own');
    await file('own/databaseUrl', 'postgresql://own');
    deepEqual(await at({ CARACAL_HOME, CARACAL_SECRETS_DIR, CARACAL_MODE: 'dev' }), [{ file: join(CARACAL_SECRETS_DIR, 'databaseUrl') }, 'dev']);
  });

  it('reads secrets of a checkout only when that is allowed', async () => {
    const CARACAL_HOME = join(folder, 'none');
    const CARACAL_REPO_ROOT = folder;
    await file('infra/secrets/files/redisUrl', 'redis://x');
    const at = async (environment: NodeJS.ProcessEnv): Promise<string> => JSON.stringify((await findLocalRuntime(environment)).found?.target.redis ?? '');
    ok(!(await at({ CARACAL_HOME, CARACAL_REPO_ROOT })).includes('infra'));
    ok((await at({ CARACAL_HOME, CARACAL_REPO_ROOT, CARACAL_ALLOW_WORKSPACE_SECRETS: 'true' })).includes('infra'));
  });

  it('finds the home of each platform', async () => {
    const lookedAt = async (environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): Promise<string> =>
      (await findLocalRuntime({ ...environment, ...remote }, platform)).looked[0] ?? '';
    match(await lookedAt({ HOME: '/h' }, 'linux'), /^runtime home \/h\/\.local\/share\/caracal \(absent\)$/);
    match(await lookedAt({ HOME: '/h', XDG_DATA_HOME: '/x' }, 'linux'), /^runtime home \/x\/caracal /);
    match(await lookedAt({ HOME: '/h' }, 'darwin'), /^runtime home \/h\/Library\/Application Support\/caracal /);
    match(await lookedAt({ USERPROFILE: '/u', LOCALAPPDATA: '/l' }, 'win32'), /^runtime home \/l\/caracal /);
    match(await lookedAt({ HOME: '/h', CARACAL_HOME: '/c' }, 'linux'), /^runtime home \/c /);
  });

  it('gives credentials of this machine to no other, and guesses no address there', async () => {
    const CARACAL_HOME = await home({ caracalAdminToken: 'a', databaseUrl: 'postgresql://x' });
    const { found } = await findLocalRuntime({ CARACAL_HOME, ...remote, CARACAL_STS_URL: '', CARACAL_ZONE_URL: 'https://sts.example.org', CARACAL_COORDINATOR_TOKEN: 'c' });
    ok(found);
    deepEqual(found.target.services, { api: 'https://api.example.org', sts: 'https://sts.example.org' });
    deepEqual(found.target.tokens, { coordinator: { env: 'CARACAL_COORDINATOR_TOKEN' } });
    equal(found.target.postgres, undefined);
    equal(found.origin, 'environment variables');
  });

  it('takes local addresses from variables and says which it cannot use', async () => {
    const CARACAL_HOME = await home({ databaseUrl: 'postgresql://x' });
    const { found, looked } = await findLocalRuntime({ CARACAL_HOME, CARACAL_API_URL: 'http://localhost:3999', CARACAL_AUDIT_URL: 'audit:9090' });
    ok(found);
    equal(found.target.services?.api, 'http://localhost:3999');
    equal(found.target.services.audit, 'http://127.0.0.1:9090');
    ok(looked.includes('CARACAL_AUDIT_URL (set, but no http:// or https:// URL)'), looked.join('\n'));
  });
});
