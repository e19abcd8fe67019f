import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { Redis } from 'ioredis';
import { Pool, type PoolClient, type QueryResultRow } from 'pg';
import { canaryOf, choosePorts, derivedSecrets, endPool, newTeardown, protect, startTraffic, type Teardown, trafficPlan } from '../lab.ts';
import { RELEASE } from '../services/deployment.ts';
import { newSecrets, type Secrets, writeRuntimeHome } from '../services/runtime-home.ts';
import type { ServiceName, ServiceProcess } from '../services/service-process.ts';
import { surviveLostConnections } from '../services/stores.ts';
import { connectContent, passThroughQuietStreams, untilAuditVisible } from '../services/warm-up.ts';
import { createScratchFolder } from '../stores/scratch.ts';
import { seed, type Seeded } from '../stores/seed.ts';
import { Compose } from './compose.ts';
import { type Engine, provideEngine } from './engine.ts';
import { ignoring } from './errors.ts';
import { CURRENT, DEVELOPMENT, LAB_LABEL, provideImages, provideRelease, REGISTRY, RESOURCE_SERVER } from './images.ts';
import { composeFile, type ComposeService, networkName } from './project.ts';

export type ContainerLabOptions = {
  /** Name of the Compose project. Default: `caracal`; `caracal-dev` runs images of a checkout. */
  project?: string;
  /** Engine to use; it outlives the lab. Default: one of the lab's own. */
  engine?: Engine;
  /** Runtime home; must not hold secrets yet. Default: `<directory>/home`. */
  home?: string;
  /** `standard` = the ports of an installation, which must be free. Default: free ones. */
  ports?: 'free' | 'standard';
  /** How many times the steady traffic runs. Default: once. */
  traffic?: number;
  /** Receives progress. */
  log?: (line: string) => void;
};

/** One service or store of the project, by the container that Compose calls number 1. */
export type ContainerHandle = {
  readonly name: ComposeService;
  /** Host port on 127.0.0.1. */
  readonly port: number;
  readonly url: string;
  start(): Promise<void>;
  /** SIGTERM and the orderly end. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Pauses the container: connections are accepted and get no answer. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
};

/** A running Caracal-like Compose project. What it shares with `Lab` has the same names. */
export type ContainerLab = {
  readonly directory: string;
  readonly home: string;
  /** Target file of kind `compose` that a flow takes. */
  readonly targetFile: string;
  readonly engine: Engine;
  /** Name of the Compose project. */
  readonly project: string;
  readonly compose: Compose;
  /** Zone "Payments". */
  readonly zoneId: string;
  readonly seeded: Seeded;
  readonly secrets: Secrets;
  readonly services: Readonly<Record<ServiceName, ContainerHandle>>;
  readonly postgres: ContainerHandle & { dsn(user: string, password: string): string };
  readonly redis: ContainerHandle;
  readonly redisClient: Redis;
  container(service: ComposeService, number?: number): Docker.Container;
  /** Queries as the superuser. */
  sql<Row extends QueryResultRow>(text: string, params?: readonly unknown[]): Promise<Row[]>;
  /** Removes whatever a fault adds to the engine when the lab ends. */
  atEnd(undo: () => Promise<unknown>): void;
  /** Resolves once what the engine says of health is no matter of chance any more. */
  settled(): Promise<void>;
  /** Ends the traffic for good. */
  endTraffic(): Promise<void>;
  /** Removes everything of the lab from the engine, and the engine if it is the lab's. */
  close(): Promise<void>;
};

const NAMES = ['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'] as const;
const STORES = ['postgres', 'redis'] as const;
const RESOURCE_SERVER_PORT = 9000;

/**
 * Starts stores, schema, content, the six services and traffic as `docker compose up` does, and
 * resolves once the engine calls every container healthy and traffic's first audit event is visible
 * in the API.
 *
 * @throws Error of the part that does not start; what had started is ended again
 */
export async function startContainerLab(options: ContainerLabOptions = {}): Promise<ContainerLab> {
  const teardown = newTeardown();
  try {
    return await assemble(options, teardown);
  } catch (error) {
    await teardown.run().catch(() => undefined); // the first failure is the one to tell
    throw error;
  }
}

async function assemble(options: ContainerLabOptions, teardown: Teardown): Promise<ContainerLab> {
  const log = options.log ?? (() => undefined);
  const project = options.project ?? 'caracal';
  const directory = await createScratchFolder('caracal-containers-');
  protect(directory, teardown);
  const engine = options.engine ?? await provideEngine();
  if (options.engine === undefined) teardown.add(() => engine.close());
  const { docker } = engine;
  const [registry, tag] = project === 'caracal-dev' ? ['localhost/', DEVELOPMENT] as const : [REGISTRY, CURRENT] as const;
  await provideImages(docker);
  if (registry !== REGISTRY) await provideRelease(docker, registry, tag);
  log(`Docker Engine at ${engine.host}, images of ${tag}`);

  const ports = await choosePorts(options.ports ?? 'free');
  const home = options.home ?? join(directory, 'home');
  const secrets = newSecrets();
  const compose = new Compose(docker, { name: project, home, ports, registry, tag });
  await makeRoom(engine, compose);
  await writeHome(compose, secrets, teardown, options.home !== undefined);

  teardown.add(() => compose.down());
  await compose.create();
  await compose.start(['replayVolumeInit', 'postgres', 'redis', 'dbMigrate']);
  log(`PostgreSQL on port ${String(ports.postgres)}, Redis on port ${String(ports.redis)}`);
  const dsn = dsnOf(`127.0.0.1:${String(ports.postgres)}`);
  const database = dsn('caracal', secrets.postgresPassword);
  const pool = new Pool({ connectionString: database, max: 4, idleTimeoutMillis: 0, connectionTimeoutMillis: 5000 });
  pool.on('error', () => undefined); // stores come and go
  surviveLostConnections(pool);
  teardown.add(() => endPool(pool));
  const redisClient = new Redis(redisUrl(`127.0.0.1:${String(ports.redis)}`, secrets), { maxRetriesPerRequest: null });
  redisClient.on('error', () => undefined);
  teardown.add(() => Promise.resolve(redisClient.disconnect()));
  const seeded = await borrowed(pool, (client) => seed(client, { adminToken: secrets.caracalAdminToken }));
  const clientSecret = randomBytes(32).toString('hex');
  await connectContent(pool, seeded, await startResourceServer(docker, project, teardown), clientSecret);

  await compose.start(NAMES);
  await compose.removeOneShots();
  log('all services are ready');
  const handle = (name: ComposeService, port: number): ContainerHandle => handleOf(compose, name, port);
  const services = {
    api: handle('api', ports.api), sts: handle('sts', ports.sts), gateway: handle('gateway', ports.gateway), audit: handle('audit', ports.audit),
    coordinator: handle('coordinator', ports.coordinator), web: handle('web', ports.web),
  };
  const access = { apiUrl: services.api.url, adminToken: secrets.caracalAdminToken };
  await passThroughQuietStreams({ pool, redis: redisClient, seeded, ...access });
  const sources: ServiceProcess[] = [];
  const traffic = options.traffic ?? 1;
  const plan = trafficPlan({ services, seeded, secrets, database, clientSecret });
  if (traffic > 0) {
    for (let source = 1; source <= traffic; source += 1) sources.push(startTraffic(plan, join(directory, `traffic-${String(source)}.log`), teardown));
    await untilAuditVisible({ zoneId: seeded.payments.id, ...access });
    log('traffic flows');
  }
  await compose.untilHealthy([...STORES, ...NAMES]);
  log('the engine calls all of them healthy');
  const [targetFile, secretFile] = [join(directory, 'target.json'), join(directory, 'client-secret')];
  await writeFile(secretFile, clientSecret, { mode: 0o600 });
  const target = { kind: 'compose', name: project, project, zone: seeded.payments.id, engine: { host: engine.host }, canary: canaryOf(plan, secretFile) };
  await writeFile(targetFile, `${JSON.stringify(target, undefined, 2)}\n`);

  return {
    directory, home, targetFile, engine, project, compose, zoneId: seeded.payments.id, seeded, secrets, services, redisClient,
    postgres: { ...handle('postgres', ports.postgres), dsn }, redis: handle('redis', ports.redis),
    container: (service, number) => compose.container(service, number),
    sql: async <Row extends QueryResultRow>(text: string, params: readonly unknown[] = []) => (await pool.query<Row>(text, [...params])).rows,
    atEnd: (undo) => teardown.add(undo),
    settled: () => compose.untilHealthTells(),
    endTraffic: async () => {
      await Promise.all(sources.map((source) => source.kill()));
    },
    close: () => teardown.run(),
  };
}

/**
 * Removes what a lab left that was killed, which only an engine that was there before can still have.
 *
 * @throws Error when the engine has a project of this name that is somebody's
 */
async function makeRoom({ docker, own }: Engine, compose: Compose): Promise<void> {
  const { name } = compose.place;
  if (!own) {
    const left = await docker.listContainers({ all: true, filters: { label: [LAB_LABEL] } });
    await Promise.all(left.map(({ Id: id }) => ignoring(404, docker.getContainer(id).remove({ force: true, v: true }))));
    if (left.length > 0) await compose.down();
  }
  const found = await docker.listContainers({ all: true, filters: { label: [`com.docker.compose.project=${name}`] } });
  if (found.length > 0) throw new Error(`the engine has a Compose project ${name}; remove it with: docker compose -p ${name} down -v`);
}

/** The runtime home as an installation that was upgraded once has it (contract, deploy 1.6). */
async function writeHome(compose: Compose, secrets: Secrets, teardown: Teardown, keep: boolean): Promise<void> {
  const { place } = compose;
  const derived = derivedSecrets({ dsn: dsnOf('postgres:5432') }, { url: redisUrl('redis:6379', secrets) }, secrets);
  const removeHome = await writeRuntimeHome(place.home, { ...secrets, ...derived }, RELEASE);
  protect(keep ? join(place.home, 'secrets') : place.home, teardown);
  teardown.add(removeHome);
  const upgrades = [
    { at: '2026-08-03T09:12:40.118Z', to: '0.9.4', outcome: 'success' }, { at: '2026-08-24T07:41:05.902Z', from: '0.9.4', to: RELEASE, outcome: 'success' },
  ];
  const files = {
    'compose.yml': composeFile(place, compose.definitions),
    'caracal.env': '# Overrides for this installation.\n#LOG_LEVEL=debug\n#CARACAL_STS_MEM_LIMIT=2g\n',
    'upgrade.log': upgrades.map((line) => `${JSON.stringify(line)}\n`).join(''),
  };
  for (const folder of ['control', 'ca']) await mkdir(join(place.home, folder), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(place.home, name), text, { mode: name === 'caracal.env' ? 0o600 : 0o644 });
  const written = [...Object.keys(files), 'control', 'ca'];
  teardown.add(() => Promise.all(written.map((name) => rm(join(place.home, name), { recursive: true, force: true }))));
}

/** What the Gateway forwards to: a container of no project on the project's network. */
async function startResourceServer(docker: Docker, project: string, teardown: Teardown): Promise<string> {
  const name = `${project}-resources`;
  const network = networkName(project);
  const container = await docker.createContainer({ name, Image: RESOURCE_SERVER, HostConfig: { NetworkMode: network, Init: true } });
  teardown.add(() => ignoring(404, container.remove({ force: true })));
  await container.start();
  return `http://${name}:${String(RESOURCE_SERVER_PORT)}`;
}

function handleOf(compose: Compose, name: ComposeService, port: number): ContainerHandle {
  const container = (): Docker.Container => compose.container(name);
  return {
    name, port, url: `http://127.0.0.1:${String(port)}`,
    start: async () => {
      await container().start();
      if (NAMES.some((service) => service === name)) await compose.untilAnswers(name);
      else await compose.untilReady(name);
    },
    stop: () => container().stop(),
    kill: () => container().kill(),
    freeze: () => container().pause(),
    thaw: () => container().unpause(),
  };
}

function dsnOf(address: string): (user: string, password: string) => string {
  return (user, password) => `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${address}/caracal`;
}

function redisUrl(address: string, { redisPassword }: Secrets): string {
  return `redis://:${redisPassword}@${address}`;
}

async function borrowed<Result>(pool: Pool, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  try {
    return await work(client);
  } finally {
    client.release();
  }
}
