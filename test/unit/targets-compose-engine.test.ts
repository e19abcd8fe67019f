import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ComposeTarget } from '../../src/model/target.ts';
import { resolveEngine } from '../../src/targets/compose/engineEndpoint.ts';
import type { EngineEndpoint } from '../../src/targets/compose/engineEndpoint.ts';
import { Unavailable } from '../../src/targets/failures.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'engine-'));
});

afterEach(() => rm(home, { recursive: true, force: true }));

async function put(path: string, content = ''): Promise<string> {
  const file = join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

const folderOf = (name: string): string => createHash('sha256').update(name).digest('hex');

function putContext(name: string, endpoint: object | undefined): Promise<string> {
  const content = { Name: name, Metadata: {}, Endpoints: endpoint === undefined ? {} : { docker: endpoint } };
  return put(`.docker/contexts/meta/${folderOf(name)}/meta.json`, JSON.stringify(content));
}

function resolve(environment: NodeJS.ProcessEnv = {}, asked?: ComposeTarget['engine'], platform: NodeJS.Platform = 'linux'): Promise<EngineEndpoint> {
  return resolveEngine(asked, { HOME: home, ...environment }, platform);
}

async function problem(work: Promise<unknown>): Promise<{ readonly why: string; readonly wayOut: string }> {
  const error: unknown = await work.then(() => undefined, (reason: unknown) => reason);
  ok(error instanceof Unavailable, String(error));
  return { why: error.message, wayOut: error.wayOut };
}

describe('the Docker Engine that is asked', () => {
  it('is that of DOCKER_HOST, also when a context is named', async () => {
    await putContext('colima', { Host: 'unix:///colima.sock' });
    await put('.docker/config.json', '{"currentContext":"colima"}');
    const { host, from, passedOver, connection, remote } = await resolve({ DOCKER_HOST: 'unix:///run/mine.sock', DOCKER_CONTEXT: 'colima' });
    deepEqual({ host, from, passedOver, connection, remote }, {
      host: 'unix:///run/mine.sock',
      from: 'DOCKER_HOST',
      passedOver: [],
      connection: { socketPath: '/run/mine.sock' },
      remote: undefined,
    });
  });

  it('is that of DOCKER_CONTEXT before the current context', async () => {
    await putContext('one', { Host: 'unix:///one.sock' });
    await putContext('two', { Host: 'unix:///two.sock' });
    await put('.docker/config.json', '{"currentContext":"two"}');
    const { host, from, passedOver } = await resolve({ DOCKER_CONTEXT: 'one' });
    deepEqual({ host, from, passedOver }, { host: 'unix:///one.sock', from: 'context one', passedOver: ['DOCKER_HOST (not set)'] });
    equal((await resolve()).from, 'context two');
    deepEqual((await resolve()).passedOver, ['DOCKER_HOST (not set)', 'DOCKER_CONTEXT (not set)']);
  });

  it('reads the configuration where DOCKER_CONFIG says', async () => {
    await putContext('far', { Host: 'unix:///far.sock' });
    await put('.docker/config.json', '{"currentContext":"far"}');
    equal((await resolve({ HOME: '/nowhere', DOCKER_CONFIG: join(home, '.docker') })).from, 'context far');
  });

  it('gives a context its certificates, and verifies unless the context says otherwise', async () => {
    await putContext('tls', { Host: 'tcp://engine.example.org:2376' });
    await putContext('lax', { Host: 'tcp://engine.example.org', SkipTLSVerify: true });
    for (const name of ['tls', 'lax']) {
      for (const file of ['ca', 'cert', 'key']) await put(`.docker/contexts/tls/${folderOf(name)}/docker/${file}.pem`, file);
    }
    const { connection, remote } = await resolve({ DOCKER_CONTEXT: 'tls' });
    deepEqual(connection, { hostname: 'engine.example.org', port: 2376, basePath: '', tls: { ca: 'ca', cert: 'cert', key: 'key', verify: true } });
    equal(remote, 'engine.example.org');
    const lax = (await resolve({ DOCKER_CONTEXT: 'lax' })).connection;
    deepEqual(lax, { hostname: 'engine.example.org', port: 2376, basePath: '', tls: { ca: 'ca', cert: 'cert', key: 'key', verify: false } });
  });

  const tls: Readonly<Record<string, readonly [environment: NodeJS.ProcessEnv, verify: boolean | undefined]>> = {
    'nothing set': [{}, undefined],
    DOCKER_TLS_VERIFY: [{ DOCKER_TLS_VERIFY: '1' }, true],
    'DOCKER_TLS_VERIFY=0, which Docker takes for set': [{ DOCKER_TLS_VERIFY: '0' }, true],
    DOCKER_TLS: [{ DOCKER_TLS: '1' }, false],
  };
  for (const [what, [environment, verify]] of Object.entries(tls)) {
    it(`uses TLS as Docker does: ${what}`, async () => {
      await put('certs/ca.pem', 'ca');
      const { connection } = await resolve({ DOCKER_HOST: 'tcp://10.0.0.7', DOCKER_CERT_PATH: join(home, 'certs'), ...environment });
      ok('hostname' in connection);
      deepEqual(connection.tls, verify === undefined ? undefined : { ca: 'ca', verify });
      equal(connection.port, verify === undefined ? 2375 : 2376);
    });
  }

  const hosts: Readonly<Record<string, readonly [connection: object, remote: string | undefined]>> = {
    'tcp://localhost:2375': [{ hostname: 'localhost', port: 2375 }, undefined],
    'tcp://127.0.0.1:1': [{ hostname: '127.0.0.1', port: 1 }, undefined],
    'tcp://[::1]:2375': [{ hostname: '::1', port: 2375 }, undefined],
    'tcp://[2001:db8::7]:2375': [{ hostname: '2001:db8::7', port: 2375 }, '2001:db8::7'],
    'engine.example.org:2375': [{ hostname: 'engine.example.org', port: 2375 }, 'engine.example.org'],
    'tcp://engine.example.org/docker/': [{ hostname: 'engine.example.org', basePath: '/docker' }, 'engine.example.org'],
    'npipe:////./pipe/docker_engine': [{ socketPath: '//./pipe/docker_engine' }, undefined],
  };
  for (const [host, [connection, remote]] of Object.entries(hosts)) {
    it(`takes ${host}`, async () => {
      const answer = await resolve({ DOCKER_HOST: host });
      equal(answer.remote, remote);
      deepEqual({ ...answer.connection, ...connection }, answer.connection);
    });
  }

  it('keeps a password out of the address that it shows', async () => {
    const { host } = await resolve({ DOCKER_HOST: 'tcp://ana:hunter2@engine.example.org:2375' });
    equal(host, 'tcp://engine.example.org:2375');
    const { why, wayOut } = await problem(resolve({ DOCKER_HOST: 'ssh://ana:hunter2@engine.example.org' }));
    ok(!`${why}${wayOut}`.includes('hunter2'));
  });

  it('tells how an engine behind SSH can be reached, and does not try', async () => {
    const { why, wayOut } = await problem(resolve({ DOCKER_HOST: 'ssh://ana@engine.example.org:22' }));
    match(why, /^the Docker Engine at ssh:\/\/ana@engine\.example\.org:22 is reached over SSH, which is not supported$/);
    match(wayOut, /ssh -nNT -L \/tmp\/docker\.sock:\/var\/run\/docker\.sock -p 22 ana@engine\.example\.org, and use unix:\/\/\/tmp\/docker\.sock$/);
  });

  for (const host of ['unix://', 'ftp://x', 'tcp://', 'tcp://a b', 'fd://3']) {
    it(`refuses ${host}`, async () => {
      match((await problem(resolve({ DOCKER_HOST: host }))).why, /is no address of an engine$/);
    });
  }

  const broken: Readonly<Record<string, readonly [content: string | undefined, why: RegExp]>> = {
    'is not there': [undefined, /meta\.json: there is no such file$/],
    'is no JSON': ['{', /names no host$/],
    'has no endpoint of Docker': ['{"Endpoints":{}}', /names no host$/],
    'has a host that is no text': ['{"Endpoints":{"docker":{"Host":7}}}', /names no host$/],
  };
  for (const [what, [content, why]] of Object.entries(broken)) {
    it(`does not take another engine when the context ${what}`, async () => {
      if (content !== undefined) await put(`.docker/contexts/meta/${folderOf('gone')}/meta.json`, content);
      const told = await problem(resolve({ DOCKER_CONTEXT: 'gone' }));
      match(told.why, /^the Docker context gone cannot be used: /);
      match(told.why, why);
      match(told.wayOut, /docker context ls/);
    });
  }

  it('tells when a certificate may not be read', async () => {
    await putContext('tls', { Host: 'tcp://engine.example.org' });
    await mkdir(join(home, `.docker/contexts/tls/${folderOf('tls')}/docker/ca.pem`), { recursive: true });
    match((await problem(resolve({ DOCKER_CONTEXT: 'tls' }))).why, /cannot read .*ca\.pem, it is a folder$/);
  });

  const configurations: Readonly<Record<string, readonly [content: string | undefined, state: string]>> = {
    'that is not there': [undefined, 'there is no such file'],
    'that is no JSON': ['{"currentContext":', 'it is no JSON'],
    'without a current context': ['{}', 'none'],
    'whose context is the default': ['{"currentContext":"default"}', 'none'],
    'whose context is no text': ['{"currentContext":["a"]}', 'none'],
  };
  for (const [what, [content, state]] of Object.entries(configurations)) {
    it(`goes on to the default after a configuration ${what}`, async () => {
      if (content !== undefined) await put('.docker/config.json', content);
      const { passedOver } = await resolve({ XDG_RUNTIME_DIR: join(home, 'run') });
      deepEqual(passedOver.slice(0, 3), ['DOCKER_HOST (not set)', 'DOCKER_CONTEXT (not set)', `current context of ${join(home, '.docker/config.json')} (${state})`]);
    });
  }
});

describe('an engine that is not at the default socket', function () {
  // On a machine with an engine the default socket is there, and comes first.
  const usual = { rootless: 'run/docker.sock', 'Docker Desktop': '.docker/run/docker.sock', Colima: '.colima/default/docker.sock', Podman: 'run/podman/podman.sock' };
  const standard = '/var/run/docker.sock';

  async function first(environment: NodeJS.ProcessEnv = {}): Promise<EngineEndpoint> {
    const found = await resolve({ XDG_RUNTIME_DIR: join(home, 'run'), ...environment });
    if (found.from !== 'default') return found;
    equal(found.host, `unix://${standard}`);
    return found;
  }

  for (const [from, path] of Object.entries(usual)) {
    it(`is found where ${from} has it`, async () => {
      await put(path);
      const found = await first();
      const isDefault = found.from === 'default';
      deepEqual([found.from, found.host], isDefault ? ['default', `unix://${standard}`] : [from, `unix://${join(home, path)}`]);
      if (!isDefault) ok(found.passedOver.includes(`default unix://${standard} (there is no such socket)`), found.passedOver.join('\n'));
    });
  }

  it('is looked for in the order rootless, Docker Desktop, Colima, Podman', async () => {
    for (const path of Object.values(usual)) await put(path);
    const order: string[] = [];
    for (const path of Object.values(usual)) {
      order.push((await first()).from);
      await rm(join(home, path));
    }
    ok(order.every((from) => from === 'default') || order.join() === Object.keys(usual).join(), order.join());
  });

  it('is found where COLIMA_HOME says', async () => {
    await put('colima/default/docker.sock');
    ok(['default', 'Colima'].includes((await first({ COLIMA_HOME: join(home, 'colima') })).from));
  });

  it('has named pipes on Windows', async () => {
    const { host, from, passedOver } = await resolve({}, undefined, 'win32');
    deepEqual([host, from], ['npipe:////./pipe/docker_engine', 'default']);
    deepEqual(passedOver.slice(3), [
      'Docker Desktop npipe:////./pipe/dockerDesktopLinuxEngine (there is no such socket)',
      'Podman npipe:////./pipe/podman-machine-default (there is no such socket)',
    ]);
  });
});

describe('the engine that a target names', () => {
  it('is taken whatever the environment says', async () => {
    await putContext('mine', { Host: 'unix:///mine.sock' });
    const environment = { DOCKER_HOST: 'unix:///other.sock' };
    equal((await resolve(environment, { context: 'mine' })).host, 'unix:///mine.sock');
    const { host, from } = await resolve(environment, { host: 'unix:///named.sock' });
    deepEqual([host, from], ['unix:///named.sock', 'target']);
  });

  it('has the reason and the certificates of the docker command when that would use it too', async () => {
    await put('certs/ca.pem', 'ca');
    const environment = { DOCKER_HOST: 'tcp://engine.example.org:2376', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(home, 'certs') };
    const { from, connection } = await resolve(environment, { host: 'tcp://engine.example.org:2376' });
    equal(from, 'DOCKER_HOST');
    ok('hostname' in connection && connection.tls?.ca === 'ca');
  });

  it('may be the default context, which stands for DOCKER_HOST', async () => {
    equal((await resolve({ DOCKER_HOST: 'unix:///x.sock', DOCKER_CONTEXT: 'other' }, { context: 'default' })).host, 'unix:///x.sock');
  });

  it('is not replaced when its context is broken', async () => {
    await rejects(resolve({ DOCKER_HOST: 'unix:///x.sock' }, { context: 'gone' }), Unavailable);
  });
});
