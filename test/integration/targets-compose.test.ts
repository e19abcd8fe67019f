import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createSocketServer } from 'node:net';
import type { Server as NetServer } from 'node:net';
import { dirname, join } from 'node:path';
import type Docker from 'dockerode';
import { containerSchema, engineSchema, projectSchema, runtimeFilesSchema } from '../../src/model/compose.ts';
import type { ComposeTarget } from '../../src/model/target.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { findComposeProjects, openCompose } from '../../src/targets/compose/compose.ts';
import { readingModem } from '../../src/targets/compose/transport.ts';
import type { Deployment, WorkloadEvent } from '../../src/targets/deployment.ts';
import { Refused, Unavailable } from '../../src/targets/failures.ts';
import type { LocatedTarget } from '../../src/targets/located.ts';
import { type Engine, provideEngine, withoutPermission } from '../lab/docker/engine.ts';
import { BUSYBOX, CURRENT, imageName, provideImages, REGISTRY } from '../lab/docker/images.ts';
import { eventually } from '../lab/eventually.ts';
import { freePort } from '../lab/stores/ports.ts';
import { createScratchFolder } from '../lab/stores/scratch.ts';
import { certificate } from '../lab/certificate.ts';

const bearer = 'sesame-open-0123456789';
const caracal = imageName(REGISTRY, 'go', CURRENT);
const quiet = new AbortController().signal;

let folder: string;
let engine: Engine;
let stsPort: number;
let takenPort: number;
let network: string;
const opened: Deployment[] = [];

interface Wanted {
  readonly project: string;
  readonly service: string;
  readonly command: string;
  readonly image?: string;
  readonly published?: readonly [host: number, container: number];
  readonly secrets?: Readonly<Record<string, string>>;
  readonly start?: boolean;
}

before(async function () {
  this.timeout(120_000);
  folder = await createScratchFolder('compose-target-');
  engine = await provideEngine();
  await provideImages(engine.docker);
  [stsPort, takenPort] = [await freePort(), await freePort()];
  await putHome();
  network = (await engine.docker.createNetwork({ Name: `compose-target-${process.pid}` })).id;
  // A service that tells which token it was given.
  const server = `require('http').createServer((q, a) => a.end(q.headers.authorization ?? 'none')).listen(8080)`;
  await run({ project: 'caracal', service: 'sts', command: `exec node -e "${server}"`, published: [stsPort, 8080], secrets: { metricsBearer: 'metricsBearer', databaseUrl: 'stsDatabaseUrl', redisUrl: 'gone' } });
  await run({ project: 'caracal', service: 'audit', command: `for i in 1 2 3 4 5 6; do echo line $i; done; echo bearer ${bearer}; exit 3` });
  await run({ project: 'caracal', service: 'gateway', command: 'exit 1' });
  await run({ project: 'caracal', service: 'coordinator', command: 'sleep 600', published: [await freePort(), 4000], start: false });
  await run({ project: 'billing', service: 'db', image: BUSYBOX, command: 'sleep 600', published: [takenPort, 5432] });
  await run({ project: 'caracal', service: 'api', command: 'sleep 600', published: [takenPort, 3000] });
  await run({ project: 'team-b', service: 'api', command: 'sleep 600' });
  await run({ project: 'blog', service: 'api', image: BUSYBOX, command: 'sleep 600' });
  await eventually('audit and gateway end', async () => {
    const exited = await engine.docker.listContainers({ all: true, filters: { label: ['com.docker.compose.project=caracal'], status: ['exited'] } });
    return exited.length === 2;
  });
});

after(async function () {
  this.timeout(60_000);
  const mine = await engine.docker.listContainers({ all: true, filters: { label: [`caracal-debugger.test=${folder}`] } });
  await Promise.all(mine.map(({ Id }) => engine.docker.getContainer(Id).remove({ force: true, v: true })));
  await engine.docker.getNetwork(network).remove();
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

afterEach(() => {
  for (const deployment of opened.splice(0)) deployment.close();
});

async function putHome(): Promise<void> {
  const secrets = join(folder, 'home/secrets');
  await mkdir(secrets, { recursive: true });
  await writeFile(join(secrets, 'metricsBearer'), `${bearer}\n`);
  await writeFile(join(secrets, 'stsDatabaseUrl'), 'postgres://sts:hunter2-hunter2@postgres:5432/caracal');
  // The engine refuses to mount what is not there; it is deleted later.
  await writeFile(join(secrets, 'gone'), 'x');
  await writeFile(join(folder, 'home/runtime.json'), '{"version":"1.0.0","updatedAt":"2026-08-20T10:00:00.000Z"}');
}

/** Makes a container as Compose does, and starts it. One whose port is taken stays in `created`. */
async function run({ project, service, command, image = caracal, published, secrets = {}, start = true }: Wanted): Promise<void> {
  const home = join(folder, 'home');
  const container = await engine.docker.createContainer({
    name: `${project}-${service}-1`,
    Image: image,
    Entrypoint: ['sh', '-c', command],
    Env: ['CARACAL_MODE=rc', 'STS_ADMIN_TOKEN=never-to-be-seen'],
    Labels: {
      'caracal-debugger.test': folder,
      'com.docker.compose.project': project,
      'com.docker.compose.service': service,
      'com.docker.compose.container-number': '1',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.project.working_dir': home,
      'com.docker.compose.project.config_files': join(home, 'compose.yml'),
      'com.docker.compose.version': '2.40.3',
    },
    StopTimeout: 1,
    ...(published ? { ExposedPorts: { [`${published[1]}/tcp`]: {} } } : {}),
    HostConfig: {
      Init: true,
      NetworkMode: network,
      Binds: Object.entries(secrets).map(([target, name]) => `${join(home, 'secrets', name)}:/run/secrets/${target}:ro`),
      ...(published ? { PortBindings: { [`${published[1]}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(published[0]) }] } } : {}),
    },
  });
  if (start) await started(container, published?.[0] === takenPort && project === 'caracal');
}

async function started(container: Docker.Container, fails: boolean): Promise<void> {
  if (fails) await rejects(container.start());
  else await container.start();
}

function target(change: Partial<ComposeTarget> = {}): LocatedTarget<ComposeTarget> {
  return { id: 'test', folder, origin: 'test', target: { kind: 'compose', name: 'test', project: 'caracal', engine: { host: engine.host }, ...change } };
}

async function open(change: Partial<ComposeTarget> = {}, signal = quiet, redactor = createRedactor()): Promise<Deployment> {
  const deployment = await openCompose(target(change), redactor, signal);
  opened.push(deployment);
  return deployment;
}

async function refusal(work: Promise<unknown>): Promise<Refused> {
  const error: unknown = await work.then(() => undefined, (reason: unknown) => reason);
  ok(error instanceof Refused, String(error));
  return error;
}

function why(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    ok(error instanceof Unavailable, String(error));
    return error.message;
  }
  throw new Error('it is available');
}

async function listening(server: NetServer, where: string | number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  server.listen(where, () => resolve(undefined));
  await promise;
}

/** Sends on to the engine what comes. */
const passOn: RequestListener = (incoming, outgoing) => {
  const socketPath = engine.host.replace('unix://', '');
  const onward = request({ socketPath, path: incoming.url, method: incoming.method, headers: incoming.headers, agent: false }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
};

/** A relay in front of the engine, which notes what goes through it. */
async function relay(path: string): Promise<{ readonly server: Server; readonly asked: string[]; connections(): Promise<number> }> {
  const asked: string[] = [];
  const server = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
    passOn(incoming, outgoing);
  });
  await listening(server, path);
  const connections = (): Promise<number> => new Promise((count, fail) => server.getConnections((error, number) => (error ? fail(error) : count(number))));
  return { server, asked, connections };
}

describe('projects of Compose on an engine', () => {
  it('are found by their labels and images', async () => {
    const began = performance.now();
    const { engine: told, found } = await findComposeProjects({ DOCKER_HOST: engine.host }, quiet);
    const took = performance.now() - began;
    ok(took < 1_000, `${took} ms`);
    deepEqual(told, { ok: true, words: `${engine.host} (DOCKER_HOST)` });
    deepEqual(found.map(({ id, origin, target: { name, project, engine: pinned } }) => [id, origin, name, project, pinned]), [
      [`compose:caracal@${engine.host}`, `5 containers, Docker Engine at ${engine.host}`, 'caracal', 'caracal', { host: engine.host }],
      [`compose:team-b@${engine.host}`, `1 container, Docker Engine at ${engine.host}`, 'team-b', 'team-b', { host: engine.host }],
    ]);
  });

  it('are not looked for once the search is stopped', async () => {
    const stopped = AbortSignal.abort(new Error('stopped'));
    await rejects(findComposeProjects({ DOCKER_HOST: engine.host }, stopped), /stopped/);
  });
});

describe('a project of Compose', () => {
  it('is reached at the ports that it publishes, with the secrets that its containers mount', async () => {
    const deployment = await open();
    equal(deployment.place, `project caracal at ${engine.host}`);
    equal(deployment.target.mode, 'rc');
    const { body } = await deployment.http('sts').get({ path: '/metrics', token: 'metrics', signal: quiet });
    equal(body, `Bearer ${bearer}`);
    deepEqual([deployment.hasToken('metrics'), deployment.hasToken('admin')], [true, false]);
  });

  it('prefers what the target gives', async () => {
    const deployment = await open({ mode: 'dev', tokens: { metrics: 'typed' }, services: { audit: `http://127.0.0.1:${stsPort}` } });
    equal(deployment.target.mode, 'dev');
    equal((await deployment.http('audit').get({ path: '/', token: 'metrics', signal: quiet })).body, 'Bearer typed');
  });

  it('keeps secrets that were found here from addresses elsewhere', async () => {
    const deployment = await open({ services: { audit: 'http://audit.example.org' } });
    equal(deployment.hasToken('metrics'), false);
  });

  it('refuses the connection where a container does not run, and says what cannot be reached', async () => {
    const deployment = await open();
    equal((await refusal(deployment.http('coordinator').get({ path: '/ready', signal: quiet }))).code, 'ECONNREFUSED');
    equal(why(() => deployment.http('audit')), 'audit publishes no port');
    equal(why(() => deployment.http('web')), 'web has no container in project caracal');
    equal(why(() => deployment.http('api')), 'api does not have its port: container billing-db-1 holds it');
    equal(why(() => deployment.postgres()), 'postgres has no container in project caracal');
    equal(why(() => deployment.kubernetes()), 'the target is a project of Compose');
  });

  it('tells of its containers', async () => {
    const compose = (await open()).compose();
    const [sts] = await compose.containers('sts', quiet);
    ok(sts);
    deepEqual(containerSchema.parse(sts), sts);
    deepEqual([sts.status, sts.mode, sts.lastLines, sts.image.reference, sts.image.version], ['running', 'rc', null, caracal, CURRENT]);
    deepEqual(sts.ports, [{ container: 8080, protocol: 'tcp', hostIp: '127.0.0.1', host: stsPort }]);
    const [api] = await compose.containers('api', quiet);
    equal(api?.status, 'created');
    match(api.error, /port is already allocated|address already in use/);
    deepEqual(await compose.containers('nobody', quiet), []);
    ok(!JSON.stringify(await Promise.all(['sts', 'api', 'audit'].map((one) => compose.containers(one, quiet)))).includes('never-to-be-seen'));
  });

  it('tells what a container that ended logged last, without secrets', async () => {
    const compose = (await open()).compose();
    const [audit] = await compose.containers('audit', quiet);
    equal(audit?.exitCode, 3);
    equal(audit.lastLines?.length, 5);
    ok(audit.lastLines.some((line) => line.startsWith('bearer ')), audit.lastLines.join('\n'));
    ok(!audit.lastLines.join('\n').includes(bearer));
    deepEqual((await compose.containers('gateway', quiet))[0]?.lastLines, []);
  });

  it('tells of itself, of the engine, and of others that matter to it', async () => {
    const compose = (await open()).compose();
    const project = await compose.project(quiet);
    deepEqual(projectSchema.parse(project), project);
    deepEqual(project.services, { api: 1, audit: 1, coordinator: 1, gateway: 1, sts: 1 });
    deepEqual([project.workingFolder, project.configFiles, project.composeVersion], [join(folder, 'home'), [join(folder, 'home/compose.yml')], '2.40.3']);
    const others = project.others.toSorted((one, other) => one.name.localeCompare(other.name));
    deepEqual(others, [
      { name: 'billing-db-1', project: 'billing', service: 'db', status: 'running', ports: [takenPort], caracal: false },
      { name: 'team-b-api-1', project: 'team-b', service: 'api', status: 'running', ports: [], caracal: true },
    ]);
    const facts = await compose.engine(quiet);
    deepEqual(engineSchema.parse(facts), facts);
    deepEqual([facts.host, facts.from], [engine.host, 'target']);
    match(facts.version, /^Docker Engine \d+\./);
    ok(Math.abs(Date.parse(facts.at ?? '') - Date.now()) < 60_000);
  });

  it('tells of its files', async () => {
    await rm(join(folder, 'home/secrets/gone'), { force: true });
    const compose = (await open()).compose();
    const files = await compose.secretFiles(quiet);
    deepEqual(files.map(({ service, target: name, state }) => [service, name, state]), [['sts', 'databaseUrl', 'there'], ['sts', 'metricsBearer', 'there'], ['sts', 'redisUrl', 'missing']]);
    const home = await compose.runtimeFiles(quiet);
    deepEqual(runtimeFilesSchema.parse(home), home);
    deepEqual([home.home, home.installed?.version], [join(folder, 'home'), '1.0.0']);
  });

  it('tells what happens to its containers until the signal is aborted', async () => {
    const compose = (await open()).compose();
    const stopping = new AbortController();
    const events: WorkloadEvent[] = [];
    const following = (async () => {
      for await (const event of compose.events(stopping.signal)) events.push(event);
    })();
    const container = engine.docker.getContainer('caracal-sts-1');
    await eventually('an event', async () => {
      await container.pause();
      await container.unpause();
      return events.length > 0;
    });
    deepEqual(events[0], { component: 'sts', what: 'container pause' });
    stopping.abort(new Error('stopped'));
    await rejects(following, /stopped/);
  });

  it('is read by GET and by nothing else, and asked once for what is shared', async () => {
    const path = join(folder, 'relay.sock');
    const { server, asked, connections } = await relay(path);
    try {
      const deployment = await open({ engine: { host: `unix://${path}` } });
      const compose = deployment.compose();
      await Promise.all([compose.engine(quiet), compose.project(quiet), compose.secretFiles(quiet), compose.runtimeFiles(quiet)]);
      await Promise.all(['sts', 'sts', 'audit', 'api', 'gateway'].map((service) => compose.containers(service, quiet)));
      ok(asked.length > 8, asked.join('\n'));
      deepEqual(asked.filter((line) => !line.startsWith('GET /')), []);
      deepEqual(asked.toSorted(), [...new Set(asked)].toSorted());
      await eventually('no connection is left', async () => (await connections()) === 0, 5_000);
    } finally {
      server.close();
    }
  });

  it('cannot be changed through the client', async () => {
    const path = join(folder, 'changing.sock');
    const { server, asked } = await relay(path);
    const { default: Client } = await import('dockerode');
    const options: Docker.DockerOptions & { readonly modem: object } = {
      modem: readingModem({ host: `unix://${path}`, from: 'target', passedOver: [], connection: { socketPath: path }, remote: undefined }, quiet),
    };
    const client = new Client(options);
    try {
      const changes = [client.getContainer('a').restart(), client.getContainer('a').remove(), client.createContainer({ Image: 'x' }), client.pruneVolumes(), client.getContainer('a').putArchive('x', { path: '/' })];
      for (const change of changes) await rejects(change, /would not only read/);
      deepEqual(asked, []);
      ok(await client.version());
      deepEqual(asked, ['GET /version']);
    } finally {
      server.close();
    }
  });

  it('leaves no connection behind, however often it is opened', async function () {
    this.timeout(60_000);
    const path = join(folder, 'counting.sock');
    const { server, connections } = await relay(path);
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => /^(?:Pipe|TCPSocket)Wrap$/.test(name)).length;
    const change = { engine: { host: `unix://${path}` } };
    try {
      const before = sockets();
      for (let round = 0; round < 200; round += 1) {
        const deployment = await openCompose(target(change), createRedactor(), quiet);
        const stopping = new AbortController();
        const following = deployment.compose().events(stopping.signal)[Symbol.asyncIterator]().next();
        const asking = deployment.compose().project(stopping.signal);
        // Every second one is closed while it asks.
        if (round % 2 === 0) await asking;
        deployment.close();
        await Promise.allSettled([asking, following]);
      }
      await eventually('no connection is left', async () => (await connections()) === 0, 5_000);
      await eventually('no socket is left', () => Promise.resolve(sockets() === before), 5_000);
    } finally {
      server.close();
    }
  });
});

describe('an engine over TCP', () => {
  it('is asked over TLS, with the certificates of its context', async () => {
    const authority = certificate({ name: 'authority', isAuthority: true });
    const own = certificate({ name: 'engine', addresses: ['127.0.0.1'], issuer: authority });
    const user = certificate({ name: 'user', issuer: authority });
    const server = createTlsServer({ key: own.key, cert: own.cert, ca: authority.cert, requestCert: true, rejectUnauthorized: true }, passOn);
    const port = await freePort();
    const context = async (name: string, files: Readonly<Record<string, string>>): Promise<void> => {
      const id = createHash('sha256').update(name).digest('hex');
      const all = { [`meta/${id}/meta.json`]: JSON.stringify({ Name: name, Endpoints: { docker: { Host: `tcp://127.0.0.1:${port}` } } }) };
      for (const [file, text] of Object.entries(files)) all[`tls/${id}/docker/${file}`] = text;
      for (const [path, text] of Object.entries(all)) {
        const file = join(folder, 'docker/contexts', path);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, text);
      }
    };
    await context('known', { 'ca.pem': authority.cert, 'cert.pem': user.cert, 'key.pem': user.key });
    await context('stranger', { 'ca.pem': user.cert });
    try {
      await listening(server, port);
      const environment = { DOCKER_CONFIG: join(folder, 'docker') };
      const deployment = await openCompose(target({ engine: { context: 'known' } }), createRedactor(), quiet, { environment });
      opened.push(deployment);
      equal((await deployment.compose().project(quiet)).services['sts'], 1);
      equal((await deployment.compose().engine(quiet)).from, 'context known');
      equal((await deployment.http('sts').get({ path: '/', token: 'metrics', signal: quiet })).body, `Bearer ${bearer}`);
      const stranger = await openCompose(target({ engine: { context: 'stranger' } }), createRedactor(), quiet, { environment });
      opened.push(stranger);
      match((await refusal(stranger.compose().project(quiet))).code, /^(?:UNABLE_TO_|SELF_SIGNED_)/);
    } finally {
      server.close();
    }
  });

  it('on another machine gives no files and no ports of its loopback address', async () => {
    const server = createServer(passOn);
    const port = await freePort();
    try {
      await listening(server, port);
      // Leads to this machine, but no name of it says so.
      const deployment = await open({ engine: { host: `tcp://0.0.0.0:${port}` } });
      equal((await deployment.compose().project(quiet)).services['sts'], 1);
      equal(why(() => deployment.http('sts')), 'sts is published on the loopback address of 0.0.0.0, another machine');
      equal(deployment.hasToken('metrics'), false);
      for (const asking of [deployment.compose().secretFiles(quiet), deployment.compose().runtimeFiles(quiet)]) await rejects(asking, Unavailable);
    } finally {
      server.close();
    }
  });
});

describe('an engine that cannot be asked', () => {
  async function assertCannotBeAsked(change: Partial<ComposeTarget>, code: string, says: RegExp): Promise<void> {
    const deployment = await open(change);
    const compose = deployment.compose();
    const events = compose.events(quiet)[Symbol.asyncIterator]();
    const asking = [compose.engine(quiet), compose.project(quiet), compose.containers('sts', quiet), compose.secretFiles(quiet), compose.runtimeFiles(quiet), events.next()];
    for (const refused of await Promise.all(asking.map(refusal))) equal(refused.code, code);
    for (const work of [() => deployment.http('sts'), () => deployment.postgres(), () => deployment.redis()]) match(why(work), says);
  }

  it('is absent', async () => {
    const host = `unix://${folder}/absent.sock`;
    await assertCannotBeAsked({ engine: { host } }, 'ENOENT', /^the Docker Engine at unix:.*absent\.sock cannot be asked: there is no such socket \(ENOENT\)$/);
    const { engine: told } = await findComposeProjects({ DOCKER_HOST: host }, quiet);
    ok(!told.ok);
    match(told.wayOut, /^start Docker/);
  });

  it('is something else', async () => {
    const path = join(folder, 'other.sock');
    const server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<h1>Hello</h1>'));
    try {
      await listening(server, path);
      await assertCannotBeAsked({ engine: { host: `unix://${path}` } }, 'NOT_DOCKER', /it does not answer as a Docker Engine \(NOT_DOCKER\)$/);
    } finally {
      server.close();
    }
  });

  it('refuses this account', async function () {
    this.timeout(20_000);
    await withoutPermission(async () => {
      await assertCannotBeAsked({}, 'EACCES', /this account may not connect to it \(EACCES\)$/);
      const { engine: told } = await findComposeProjects({ DOCKER_HOST: engine.host }, quiet);
      ok(!told.ok);
      match(told.wayOut, /group of the socket, usually docker/);
    });
  });

  it('takes connections and does not answer', async function () {
    this.timeout(30_000);
    const before = await open();
    await engine.freeze();
    try {
      const began = performance.now();
      await assertCannotBeAsked({}, 'ETIMEDOUT', /it did not answer within 4 s \(ETIMEDOUT\)$/);
      ok(performance.now() - began < 5_000);
      // Stopping does not wait for it.
      const stopping = new AbortController();
      const asking = [openCompose(target(), createRedactor(), stopping.signal), before.compose().project(stopping.signal), findComposeProjects({ DOCKER_HOST: engine.host }, stopping.signal)];
      const stopped = performance.now();
      stopping.abort(new Error('stopped'));
      await Promise.all(asking.map((one) => rejects(one, /stopped/)));
      ok(performance.now() - stopped < 200);
    } finally {
      await engine.thaw();
    }
    // What was only given up is asked anew.
    equal((await before.compose().project(quiet)).project, 'caracal');
  });

  it('is stopped, and is there again when it is started', async function () {
    this.timeout(60_000);
    const deployment = await open();
    const following = (async () => {
      for await (const event of deployment.compose().events(quiet)) ok(event.component);
    })();
    // The stream ends in order or with a reset, as the engine leaves it.
    const ended = following.catch((error: unknown) => ok(error instanceof Refused, String(error)));
    await engine.stop();
    await ended;
    const { code } = await refusal((await open()).compose().engine(quiet));
    ok(['ENOENT', 'ECONNREFUSED'].includes(code), code);
    await engine.start();
    const again = await open();
    equal((await again.compose().project(quiet)).services['sts'], 1);
    deepEqual(await again.compose().containers('nobody', quiet), []);
  });

  it('lets go of a connection when it is closed', async () => {
    const path = join(folder, 'silent.sock');
    const { promise: connected, resolve: connect } = Promise.withResolvers<undefined>();
    const { promise: gone, resolve: go } = Promise.withResolvers<undefined>();
    const server = createSocketServer((socket) => {
      connect(undefined);
      socket.on('error', () => undefined).once('close', () => go(undefined)).resume();
    });
    try {
      await listening(server, path);
      const stopping = new AbortController();
      const asking = openCompose(target({ engine: { host: `unix://${path}` } }), createRedactor(), stopping.signal);
      await connected;
      stopping.abort(new Error('stopped'));
      await rejects(asking, /stopped/);
      await gone;
    } finally {
      server.close();
    }
  });
});
