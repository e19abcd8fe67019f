import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { flowDeadlineMs } from '../../src/flow/runner.ts';
import { readReport } from '../../src/flow/report.ts';
import type { Report } from '../../src/model/report.ts';
import type { Status } from '../../src/model/status.ts';
import type { EndpointsTarget } from '../../src/model/target.ts';
import { eventually } from '../lab/eventually.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { explained, notPassed } from '../lab/runFlow.ts';
import { startPgBouncer } from '../lab/stores/pgbouncer.ts';
import { freePort } from '../lab/stores/ports.ts';
import { POSTGRES_SUPERUSER } from '../lab/stores/postgres.ts';
import { startRedis } from '../lab/stores/redis.ts';
import { createScratchFolder } from '../lab/stores/scratch.ts';
import { certificate } from '../lab/certificate.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

interface Run {
  readonly code: number | null;
  readonly stderr: string;
  readonly report: Report;
}

/** What a bad deployment must be called: the status of a check, and how its summary begins. */
type Expected = Readonly<Record<string, readonly [Status, RegExp]>>;

let folder: string;
const closing: (() => Promise<unknown>)[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bad-input-'));
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

after(() => rm(folder, { recursive: true, force: true }));

/** The command line in a process of its own, so that a rejection that nobody handles ends it. */
async function flow(target: Partial<EndpointsTarget>, environment: NodeJS.ProcessEnv = {}): Promise<Run> {
  const targetFile = join(folder, 'target.json');
  await writeFile(targetFile, JSON.stringify({ kind: 'endpoints', name: 'bad', services: {}, ...target }));
  const { code, stdout, stderr } = await cli(['flow', '--target', targetFile, '--json'], environment);
  const reportFile = join(folder, 'report.json');
  await writeFile(reportFile, stdout);
  return { code, stderr, report: await readReport(reportFile) };
}

/** A folder that is deleted after the test. */
async function scratch(prefix: string): Promise<string> {
  const directory = await createScratchFolder(prefix);
  closing.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function cli(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number | null; stdout: string; stderr: string }>();
  const child = spawn(process.execPath, ['--unhandled-rejections=strict', main, ...words], { env: { PATH: process.env['PATH'], HOME: folder, ...environment } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.once('close', (code) => resolve({ code, stdout, stderr }));
  return promise;
}

function judged({ report, code, stderr }: Run, expected: Expected): void {
  const verdicts = new Map(report.verdicts.map((verdict) => [verdict.check, verdict]));
  const seen = explained(report.verdicts);
  for (const [check, [status, summary]] of Object.entries(expected)) {
    const verdict = verdicts.get(check);
    assert.equal(verdict?.status, status, `${check}\n${seen}`);
    assert.match(verdict.summary, summary, check);
  }
  assert.ok(!report.verdicts.some(({ status }) => status === 'crashed'), seen);
  assert.ok(code === 3 || code === 4 || code === 5 || code === 0, `exit code ${code ?? 'none'}\n${stderr}`);
  assert.doesNotMatch(stderr, /unhandled|at .*\.ts:\d+/i);
  assert.ok(report.tookMs <= flowDeadlineMs + 1_000, `took ${report.tookMs} ms`);
}

async function serve(listener: RequestListener, tls?: { key: string; cert: string }): Promise<{ url: string; requests: string[]; server: Server }> {
  const requests: string[] = [];
  const recorded: RequestListener = (request, response) => {
    requests.push(`${request.url ?? ''} ${request.headers.authorization ?? ''}`);
    listener(request, response);
  };
  const server = tls ? createTlsServer(tls, recorded) : createServer(recorded);
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  }));
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, requests, server };
}

describe('a target whose services are something else', function () {
  this.timeout(90_000);

  it('hosts that cannot be reached', async () => {
    const away = { services: { api: 'http://caracal.invalid:3000' }, postgres: 'postgresql://u:secret-1@caracal.invalid/caracal', redis: 'redis://:secret-1@caracal.invalid' };
    const run = await flow(away);
    judged(run, { 'CRC-RDY-001': ['fail', /^(?:ENOTFOUND|EAI_AGAIN)/], 'CRC-STO-001': ['fail', /^(?:ENOTFOUND|EAI_AGAIN)/], 'CRC-STO-020': ['fail', /^(?:ENOTFOUND|EAI_AGAIN)/] });
    assert.ok(!JSON.stringify(run.report).includes('secret-1'));
  });

  it('another web page', async () => {
    const page = await serve((_request, response) => response.setHeader('content-type', 'text/html').end('<html><h1>Hello</h1>'));
    judged(await flow({ services: { api: page.url, sts: page.url }, tokens: { metrics: 'bearer-1' } }), {
      'CRC-RDY-002': ['fail', /^another application: 200 text\/html/], 'CRC-RDY-003': ['fail', /^another application/],
      'CRC-RDY-012': ['fail', /^another application/], 'CRC-RDY-013': ['fail', /^another application/],
    });
  });

  it('a body of 500 MB', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    let written = 0;
    const large = await serve((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && written < 500) {
          written += 1;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    judged(await flow({ services: { api: large.url } }), { 'CRC-RDY-002': ['fail', /^another application/], 'CRC-RDY-003': ['fail', /^another application/] });
    assert.ok(written < 100, `${written} MB were taken`);
  });

  it('a body without an end', async () => {
    const endless = await serve((_request, response) => {
      const timer = setInterval(() => response.write('.'), 20);
      response.once('close', () => clearInterval(timer));
    });
    judged(await flow({ services: { api: endless.url } }), { 'CRC-RDY-001': ['fail', /^no answer in 5 s/] });
  });

  it('invalid JSON, and bytes that are no UTF-8', async () => {
    const cut = await serve((_request, response) => response.setHeader('content-type', 'application/json').end('{"ok":tr'));
    const bytes = await serve((_request, response) => response.setHeader('content-type', 'application/json').end(Buffer.from([0xff, 0xfe, 0x00, 0x80])));
    judged(await flow({ services: { api: cut.url, coordinator: bytes.url }, tokens: { coordinator: 'token-1' } }), {
      'CRC-RDY-002': ['fail', /^another application/], 'CRC-RDY-003': ['fail', /^another application/],
      'CRC-RDY-042': ['fail', /^another application/], 'CRC-RDY-043': ['fail', /^another application/],
    });
  });

  it('certificates of an unknown authority, and expired ones', async () => {
    const authority = certificate({ name: 'authority', isAuthority: true });
    const unknown = await serve((_request, response) => response.end('{"ok":true}'), certificate({ name: 'unknown', addresses: ['127.0.0.1'] }));
    const expired = await serve((_request, response) => response.end('{"ok":true}'), certificate({ name: 'old', addresses: ['127.0.0.1'], issuer: authority, from: -20, to: -10 }));
    const file = join(folder, 'authority.pem');
    await writeFile(file, authority.cert);
    judged(await flow({ services: { api: unknown.url, sts: expired.url } }, { NODE_EXTRA_CA_CERTS: file }), {
      'CRC-RDY-001': ['fail', /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE)/], 'CRC-RDY-011': ['fail', /^CERT_HAS_EXPIRED/],
    });
  });

  it('redirects in a circle, and to another host, which never gets a credential', async () => {
    const other = await serve((_request, response) => response.end('{"ok":true}'));
    const circle = await serve((request, response) => response.writeHead(302, { location: request.url }).end());
    const elsewhere = await serve((request, response) => response.writeHead(307, { location: `${other.url}${request.url ?? ''}` }).end());
    const run = await flow({ services: { api: circle.url, sts: elsewhere.url }, tokens: { metrics: 'bearer-secret-1' } });
    judged(run, {
      'CRC-RDY-002': ['unknown', /^302 to/], 'CRC-RDY-003': ['unknown', /^302 to/], 'CRC-RDY-012': ['unknown', /^307 to/], 'CRC-RDY-013': ['unknown', /^307 to/],
    });
    assert.deepEqual(other.requests, []);
    assert.ok(!JSON.stringify(run.report).includes('bearer-secret-1'));
  });
});

describe('a target file that cannot be used', function () {
  this.timeout(30_000);

  const files: readonly [string, string, RegExp][] = [
    ['is no JSON', '{"kind": "endpoints",', /JSON/],
    ['has an unknown field', '{"kind":"endpoints","name":"x","services":{},"postgress":"x"}', /postgress/],
    ['has a service of no known name', '{"kind":"endpoints","name":"x","services":{"apii":"http://127.0.0.1"}}', /apii/],
    ['has an address of another scheme', '{"kind":"endpoints","name":"x","services":{"api":"ftp://127.0.0.1"}}', /services\.api|api/],
    ['is empty', '', /JSON|empty/],
  ];
  for (const [name, text, says] of files) {
    it(name, async () => {
      const file = join(folder, 'malformed.json');
      await writeFile(file, text);
      const { code, stdout, stderr } = await cli(['flow', '--target', file, '--json']);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, says);
      assert.match(stderr, /malformed\.json/);
    });
  }
});

describe('stores that are not as usual', function () {
  this.timeout(180_000);
  let lab: Lab;

  before(async () => {
    lab = await startLab({});
  });
  after(() => lab.close());

  const services = (): EndpointsTarget['services'] => Object.fromEntries(Object.entries(lab.services).map(([name, { url }]) => [name, url]));

  async function target(changes: Partial<EndpointsTarget>): Promise<Partial<EndpointsTarget>> {
    const { default: whole } = (await import(lab.targetFile, { with: { type: 'json' } })) as { default: EndpointsTarget };
    return { ...whole, ...changes };
  }

  it('wrong passwords', async () => {
    const run = await flow(await target({ postgres: lab.postgres.dsn(POSTGRES_SUPERUSER, 'wrong-secret-1'), redis: `redis://:wrong-secret-2@127.0.0.1:${lab.redis.port}` }));
    judged(run, { 'CRC-STO-002': ['fail', /^28P01/], 'CRC-STO-021': ['fail', /^WRONGPASS/], 'CRC-RDY-003': ['pass', /^ready/] });
    assert.doesNotMatch(JSON.stringify(run.report), /wrong-secret-[12]/);
  });

  it('a Postgres without Caracal is called that, and what would read its tables cannot tell', async () => {
    const elsewhere = lab.postgres.dsn(POSTGRES_SUPERUSER, lab.secrets.postgresPassword).replace(/\/caracal$/, '/postgres');
    const run = await flow(await target({ postgres: elsewhere }));
    judged(run, { 'CRC-STO-004': ['fail', /^no schema_migrations/], 'CRC-STO-006': ['fail', /^none of \d+: not a database of Caracal/] });
    assert.deepEqual(Object.entries(notPassed(run.report.verdicts)).filter(([, status]) => status === 'fail' || status === 'warn').map(([check]) => check), ['CRC-STO-004', 'CRC-STO-006']);
  });

  it('a role that row-level security restricts: it sees the rows all the same, or says that it does not', async () => {
    const run = await flow(await target({ postgres: lab.postgres.dsn('caracalapi', lab.secrets.apiDbPassword) }));
    judged(run, { 'CRC-STO-044': ['pass', /./], 'CRC-SVC-012': ['pass', /./] });
  });

  it('PgBouncer in transaction mode', async () => {
    const password = lab.secrets.postgresPassword;
    const pool = await startPgBouncer({ directory: join(await scratch('bad-input-pgbouncer-'), 'pgbouncer'), postgresPort: lab.postgres.port, user: POSTGRES_SUPERUSER, password });
    closing.push(() => pool.close());
    const url = new URL(lab.postgres.dsn(POSTGRES_SUPERUSER, password));
    url.port = String(pool.port);
    const run = await flow(await target({ postgres: url.href }));
    judged(run, { 'CRC-STO-002': ['pass', /^as caracal/] });
    assert.deepEqual(notPassed(run.report.verdicts), {}, explained(run.report.verdicts));
  });

  it('Redis with TLS, of a known authority and of an unknown one', async () => {
    const directory = await scratch('bad-input-redis-');
    const authority = certificate({ name: 'authority', isAuthority: true });
    const host = certificate({ name: 'host', addresses: ['127.0.0.1'], issuer: authority });
    const file = (name: string): string => join(folder, name);
    await Promise.all([writeFile(file('ca.pem'), authority.cert), writeFile(file('redis.crt'), host.cert), writeFile(file('redis.key'), host.key)]);
    const tlsPort = await freePort();
    const redis = await startRedis({
      directory: join(directory, 'redis'), password: 'secret-1',
      settings: [`tls-port ${String(tlsPort)}`, `tls-cert-file ${file('redis.crt')}`, `tls-key-file ${file('redis.key')}`, `tls-ca-cert-file ${file('ca.pem')}`, 'tls-auth-clients no'],
    });
    closing.push(() => redis.close());
    const encrypted = { services: {}, redis: `rediss://:secret-1@127.0.0.1:${tlsPort}` };
    judged(await flow(encrypted, { NODE_EXTRA_CA_CERTS: file('ca.pem') }), { 'CRC-STO-020': ['pass', /./], 'CRC-STO-021': ['pass', /^as default/], 'CRC-STO-022': ['pass', /^noeviction/] });
    judged(await flow(encrypted), { 'CRC-STO-020': ['fail', /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|SELF_SIGNED_CERT_IN_CHAIN)/] });
  });

  it('a Redis Cluster is called that, and what would read streams cannot tell', async () => {
    const directory = await scratch('bad-input-cluster-');
    const nodes = await Promise.all(['a', 'b'].map((name) => startRedis({ directory: join(directory, name), password: 'secret-1', settings: ['cluster-enabled yes', 'masterauth secret-1'] })));
    closing.push(...nodes.map((node) => () => node.close()));
    const clients = nodes.map((node) => new Redis(node.url));
    closing.push(() => Promise.resolve(clients.forEach((client) => client.disconnect())));
    const [first, second] = clients;
    await first?.cluster('ADDSLOTSRANGE', 0, 8_191);
    await second?.cluster('ADDSLOTSRANGE', 8_192, 16_383);
    await first?.cluster('MEET', '127.0.0.1', nodes[1]?.port ?? 0);
    await eventually('the cluster is well', async () => (await first?.cluster('INFO'))?.includes('cluster_state:ok'));
    const run = await flow({ services: services(), redis: nodes[0]?.url });
    judged(run, { 'CRC-STO-026': ['fail', /^Redis Cluster: (?:MOVED|CLUSTERDOWN) for \d of 9 streams$/] });
    const redisChecks = report(run).filter(({ step, component }) => step === 'streams' || component === 'Redis');
    assert.deepEqual(redisChecks.filter(({ status }) => status === 'fail').map(({ check }) => check), ['CRC-STO-026']);
  });
});

function report({ report: { verdicts } }: Run): Report['verdicts'] {
  return verdicts;
}
