import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Pool, type QueryResultRow } from 'pg';
import { clockAhead } from './services/clock.ts';
import { deploy, RELEASE, STANDARD_PORTS, startInOrder, untilReady } from './services/deployment.ts';
import { type Relaying, startRelay } from './services/relay.ts';
import { serveHttp } from './services/http-server.ts';
import { type DerivedSecrets, newSecrets, rolePasswords, type Secrets, writeRuntimeHome } from './services/runtime-home.ts';
import { type ServiceHandle, type ServiceName, ServiceProcess } from './services/service-process.ts';
import { surviveLostConnections } from './services/stores.ts';
import { startUpstream } from './services/upstream.ts';
import { connectContent, passThroughQuietStreams, untilAuditVisible } from './services/warm-up.ts';
import { blackhole } from './stores/blackhole.ts';
import { guardAgainstLeftovers } from './stores/guard.ts';
import { migrate, unapply0003 } from './stores/migrate.ts';
import { freePort } from './stores/ports.ts';
import { POSTGRES_SUPERUSER, type PostgresHandle, startPostgres } from './stores/postgres.ts';
import { provisionStreams, type RedisHandle, startRedis } from './stores/redis.ts';
import { createScratchFolder } from './stores/scratch.ts';
import { seed, type Seeded } from './stores/seed.ts';
import type { TrafficPlan } from './traffic.ts';

export type LabOptions = {
  /** Everything of the lab; created when missing. Default: a new folder for temporary files. */
  directory?: string;
  /** Runtime home; must not hold secrets yet. Default: `<directory>/home`. */
  home?: string;
  /** `standard` = the ports of an installation, which must be free. Default: free ones. */
  ports?: 'free' | 'standard';
  /** How many times the steady traffic runs. Default: once. */
  traffic?: number;
  /** Receives progress. */
  log?: (line: string) => void;
};

/** How Audit takes events from the stream; times in milliseconds. */
export type Ingestion = { delayMs?: number; isReversed?: boolean; late?: { type: string; ms: number } };

/** A running Caracal-like deployment on real stores. */
export type Lab = {
  readonly directory: string;
  readonly home: string;
  /** Target file that a flow takes. */
  readonly targetFile: string;
  /** Zone "Payments". */
  readonly zoneId: string;
  readonly seeded: Seeded;
  readonly secrets: Secrets;
  readonly postgres: PostgresHandle;
  readonly redis: RedisHandle;
  readonly services: Readonly<Record<ServiceName, ServiceHandle>>;
  /** What a caller has to know: addresses, ids and secrets. */
  readonly callers: TrafficPlan;
  /** Queries as the superuser, over connections that were opened while the lab was healthy. */
  sql<Row extends QueryResultRow>(text: string, params?: readonly unknown[]): Promise<Row[]>;
  readonly redisClient: Redis;
  /** Takes migration 0003 back, as if it had not been applied yet. */
  unapplyLastMigration(): Promise<void>;
  /** Restarts the service with other environment variables, as a changed configuration does; the others stay. */
  reconfigure(service: ServiceName, environment: Readonly<Record<string, string>>): Promise<void>;
  /** Ends the service and lets another server answer on its port. */
  replace(service: ServiceName, listener: RequestListener): Promise<void>;
  /** Ends the service and drops every packet to its port. */
  blackhole(service: ServiceName): Promise<void>;
  /** Restarts the service with a clock of its own, this many seconds ahead; fewer than 0 are behind. */
  setClock(service: ServiceName, secondsAhead: number): Promise<void>;
  /** Restarts Audit so that it stores events later, newest first, or those of one type later than the others; without anything all is as before. */
  ingest(how: Ingestion): Promise<void>;
  /** Gives the target another address of the service, as a person does who mixes up ports. */
  readdress(service: ServiceName, url: string): Promise<void>;
  /** Puts a proxy in front of the service and gives the target the proxy's address. */
  relay(service: ServiceName, how: Relaying): Promise<void>;
  /** Ends the traffic for good: from then on nobody uses the deployment. */
  endTraffic(): Promise<void>;
  /** Ends everything, frozen or not, and deletes what the lab wrote. */
  close(): Promise<void>;
};

/** Undoes, latest first, what has been started; one failure does not keep the others. */
export type Teardown = { add: (undo: () => Promise<unknown>) => void; run: () => Promise<void> };

/**
 * Starts stores, schema, content, streams, the six services and traffic, and resolves once all of
 * them are ready and traffic's first audit event is in Postgres and visible in the API. When this
 * process ends, in whatever way, nothing of the lab survives.
 *
 * @throws Error of the part that does not start; what had started is ended again
 */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const teardown = newTeardown();
  try {
    return await assemble(options, teardown);
  } catch (error) {
    await teardown.run().catch(() => undefined); // the first failure is the one to tell
    throw error;
  }
}

async function assemble(options: LabOptions, teardown: Teardown): Promise<Lab> {
  const log = options.log ?? (() => undefined);
  const directory = options.directory ?? await createScratchFolder('caracal-lab-');
  await mkdir(directory, { recursive: true });
  if (options.directory === undefined) teardown.add(() => rm(directory, { recursive: true, force: true }));
  const [targetFile, secretFile] = [join(directory, 'target.json'), join(directory, 'client-secret')];
  for (const written of [targetFile, secretFile, join(directory, 'logs'), join(directory, 'replay')]) protect(written, teardown);
  const secrets = newSecrets();
  const ports = await choosePorts(options.ports ?? 'free');
  const { postgres, redis } = await startStores({ directory, ports, secrets, teardown });
  log(`PostgreSQL on port ${String(postgres.port)}, Redis on port ${String(redis.port)}`);

  const pool = new Pool({ connectionString: postgres.dsn(POSTGRES_SUPERUSER, secrets.postgresPassword), max: 4, idleTimeoutMillis: 0, connectionTimeoutMillis: 5000 });
  pool.on('error', () => undefined); // stores come and go
  surviveLostConnections(pool);
  teardown.add(() => endPool(pool));
  const redisClient = new Redis(redis.url, { maxRetriesPerRequest: null });
  redisClient.on('error', () => undefined);
  teardown.add(() => Promise.resolve(redisClient.disconnect()));
  const seeded = await install({ pool, redisClient, secrets, log });
  const upstream = await startUpstream();
  teardown.add(() => upstream.close());
  const clientSecret = randomBytes(32).toString('hex');
  await connectContent(pool, seeded, upstream.url, clientSecret);

  const home = options.home ?? join(directory, 'home');
  const derived = derivedSecrets(postgres, redis, secrets);
  const removeHome = await writeRuntimeHome(home, { ...secrets, ...derived }, RELEASE);
  // A home of somebody's choice may hold other files.
  protect(options.home === undefined ? home : join(home, 'secrets'), teardown);
  teardown.add(removeHome);

  const services = await deploy({ directory, ports, secrets: { ...secrets, ...derived } });
  Object.values(services).forEach((service) => {
    teardown.add(() => service.close());
  });
  await startInOrder(services, log);
  const access = { apiUrl: services.api.url, adminToken: secrets.caracalAdminToken };
  await passThroughQuietStreams({ pool, redis: redisClient, seeded, ...access });
  const callers = trafficPlan({ services, seeded, secrets, database: derived.databaseUrl, clientSecret });
  await writeFile(secretFile, clientSecret, { mode: 0o600 });
  const sources: ServiceProcess[] = [];
  const traffic = options.traffic ?? 1;
  if (traffic > 0) {
    for (let source = 1; source <= traffic; source += 1) sources.push(startTraffic(callers, join(directory, 'logs', `traffic-${String(source)}.log`), teardown));
    await untilAuditVisible({ zoneId: seeded.payments.id, ...access });
    log('traffic flows');
  }
  const addresses = Object.fromEntries(Object.entries(services).map(([name, { url }]) => [name, url]));
  const logs = Object.fromEntries(Object.entries({ ...services, postgres, redis }).map(([name, { logFile }]) => [name, logFile]));
  const readdress = async (changed: Readonly<Record<string, string>>): Promise<void> => {
    Object.assign(addresses, changed);
    await writeFile(targetFile, `${JSON.stringify(target({ home, zoneId: seeded.payments.id, addresses, logs, canary: canaryOf(callers, secretFile) }), undefined, 2)}\n`, { mode: 0o600 });
  };
  await readdress({});

  const reconfigure = async (service: ServiceName, environment: Readonly<Record<string, string>>): Promise<void> => {
    await services[service].stop();
    services[service].configure(environment);
    await services[service].start();
  };
  const holes: { close(): Promise<unknown> }[] = [];
  teardown.add(() => Promise.all(holes.map((hole) => hole.close())));
  return {
    directory, home, targetFile, zoneId: seeded.payments.id, seeded, secrets, postgres, redis, services, callers, redisClient,
    sql: async <Row extends QueryResultRow>(text: string, params: readonly unknown[] = []) => (await pool.query<Row>(text, [...params])).rows,
    unapplyLastMigration: async () => {
      const client = await pool.connect();
      try {
        await unapply0003(client);
      } finally {
        client.release();
      }
    },
    reconfigure,
    readdress: (service, url) => readdress({ [service]: url }),
    relay: async (service, how) => {
      const proxy = await startRelay(services[service].url, how);
      holes.push(proxy);
      await readdress({ [service]: proxy.url });
    },
    setClock: (service, secondsAhead) => reconfigure(service, clockAhead(secondsAhead)),
    ingest: async ({ delayMs = 0, isReversed = false, late = { type: '', ms: 0 } }) => {
      await reconfigure('audit', {
        LAB_INGEST_DELAY_MS: String(delayMs), LAB_INGEST_REVERSED: isReversed ? '1' : '', LAB_INGEST_LATE_TYPE: late.type, LAB_INGEST_LATE_MS: String(late.ms),
      });
      await untilReady(services.audit);
    },
    endTraffic: async () => {
      await Promise.all(sources.map((source) => source.kill()));
    },
    replace: async (service, listener) => {
      await services[service].kill();
      holes.push(await serveHttp(listener, services[service].port));
    },
    blackhole: async (service) => {
      await services[service].kill();
      holes.push(await blackhole(services[service].port));
    },
    close: () => teardown.run(),
  };
}

async function startStores(options: {
  directory: string; ports: { postgres: number; redis: number }; secrets: Secrets; teardown: Teardown;
}): Promise<{ postgres: PostgresHandle; redis: RedisHandle }> {
  const { directory, ports, secrets, teardown } = options;
  const starting = {
    postgres: startPostgres({ directory: join(directory, 'postgres'), port: ports.postgres, superuserPassword: secrets.postgresPassword }),
    redis: startRedis({ directory: join(directory, 'redis'), port: ports.redis, password: secrets.redisPassword }),
  };
  // Each is to be closed even when the other one fails.
  const closed = await Promise.allSettled([starting.postgres, starting.redis].map(async (store) => {
    const handle = await store;
    teardown.add(() => handle.close());
  }));
  const failed = closed.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return { postgres: await starting.postgres, redis: await starting.redis };
}

/** Schema, logins, content, streams. */
async function install(options: { pool: Pool; redisClient: Redis; secrets: Secrets; log: (line: string) => void }): Promise<Seeded> {
  const { pool, redisClient, secrets, log } = options;
  const client = await pool.connect();
  try {
    await migrate(client, { passwords: rolePasswords(secrets) });
    const seeded = await seed(client, { adminToken: secrets.caracalAdminToken });
    await provisionStreams(redisClient);
    log('schema, content and streams are in place');
    return seeded;
  } finally {
    client.release();
  }
}

/** Steady traffic as a process of its own; its end is added to `teardown`. */
export function startTraffic(plan: TrafficPlan, logFile: string, teardown: Teardown): ServiceProcess {
  const traffic = new ServiceProcess({
    name: 'traffic', program: '../traffic.ts', port: 0, environment: { LAB_TRAFFIC: JSON.stringify(plan) }, logFile,
  });
  traffic.spawn();
  teardown.add(() => traffic.close());
  return traffic;
}

/** What traffic has to know to reach these services. */
export function trafficPlan(options: {
  services: Readonly<Record<ServiceName, Pick<ServiceHandle, 'url'>>>; seeded: Seeded; secrets: Secrets; database: string; clientSecret: string;
}): TrafficPlan {
  const { services, seeded: { payments }, secrets, database, clientSecret } = options;
  const delegated = (application: string, session: string, edge: string) => ({
    applicationId: known(payments.applications, application).id, sessionId: known(payments.sessions, session).id, edgeId: known(payments.delegationEdges, edge).id,
  });
  return {
    api: services.api.url, sts: services.sts.url, gateway: services.gateway.url, coordinator: services.coordinator.url, database,
    adminToken: secrets.caracalAdminToken, zoneId: payments.id, clientSecret, resource: known(payments.resources, 'billing-api').identifier,
    allowed: delegated('invoices', 'invoicing', 'invoices'), denied: delegated('ledger', 'posting', 'posting'),
    operator: { applicationId: known(payments.applications, 'orders').id, resource: known(payments.resources, 'reports').identifier },
  };
}

/** The document that a debugger gets: addresses, the files that hold credentials, and the logs. */
function target({ home, zoneId, addresses, logs, canary }: { home: string; zoneId: string; addresses: Readonly<Record<string, string>>; logs: Readonly<Record<string, string>>; canary: unknown }): unknown {
  const file = (name: string): { file: string } => ({ file: join(home, 'secrets', name) });
  return {
    kind: 'endpoints', name: 'lab', mode: 'stable', zone: zoneId,
    services: addresses,
    postgres: file('databaseUrl'), redis: file('redisUrl'),
    tokens: { admin: file('caracalAdminToken'), coordinator: file('caracalCoordinatorToken'), metrics: file('metricsBearer'), gateway: file('caracalAdminToken') },
    keys: { audit: file('auditHmacKey'), streams: file('streamsHmacKey') },
    logs, canary,
  };
}

/** What a recovery canary calls with: as traffic does where it is allowed. */
export function canaryOf({ allowed: { applicationId, sessionId, edgeId }, resource }: Pick<TrafficPlan, 'allowed' | 'resource'>, secretFile: string): unknown {
  return { application: applicationId, clientSecret: { file: secretFile }, session: sessionId, delegation: edgeId, resource, scope: 'invoice:read', path: '/invoices' };
}

/** The secret files that hold connection strings. */
export function derivedSecrets(postgres: Pick<PostgresHandle, 'dsn'>, redis: Pick<RedisHandle, 'url'>, secrets: Secrets): DerivedSecrets {
  const passwords = rolePasswords(secrets);
  const auth = new URL(postgres.dsn('caracalauth', passwords.caracalauth));
  auth.pathname = '/caracal_auth';
  return {
    databaseUrl: postgres.dsn(POSTGRES_SUPERUSER, secrets.postgresPassword), apiDatabaseUrl: postgres.dsn('caracalapi', passwords.caracalapi),
    stsDatabaseUrl: postgres.dsn('caracalsts', passwords.caracalsts), gatewayDatabaseUrl: postgres.dsn('caracalgateway', passwords.caracalgateway),
    auditDatabaseUrl: postgres.dsn('caracalaudit', passwords.caracalaudit),
    coordinatorDatabaseUrl: postgres.dsn('caracalcoordinator', passwords.caracalcoordinator), authDatabaseUrl: auth.href, redisUrl: redis.url,
  };
}

/** A port for each service and store. */
export async function choosePorts(kind: 'free' | 'standard'): Promise<typeof STANDARD_PORTS> {
  if (kind === 'standard') return STANDARD_PORTS;
  return {
    api: await freePort(), sts: await freePort(), gateway: await freePort(), audit: await freePort(), coordinator: await freePort(), web: await freePort(),
    postgres: await freePort(), redis: await freePort(),
  };
}

/** Deletes a file or folder at the end, also when this process is killed. */
export function protect(path: string, teardown: Teardown): void {
  const guard = guardAgainstLeftovers({ signal: 'SIGKILL', scratch: path });
  teardown.add(async () => {
    await rm(path, { recursive: true, force: true });
    guard.release();
  });
}

/** A pool of a frozen server cannot take leave of it; its sockets end with the server. */
export async function endPool(pool: Pool): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  setTimeout(() => {
    resolve(undefined);
  }, 500).unref();
  await Promise.race([pool.end(), promise]);
}

export function newTeardown(): Teardown {
  const steps: (() => Promise<unknown>)[] = [];
  let running: Promise<void> | undefined;
  const undo = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const step of steps.splice(0).reverse()) {
      await step().catch((error: unknown) => {
        failures.push(error);
      });
    }
    if (failures.length > 0) throw new AggregateError(failures, 'the lab did not end completely');
  };
  return {
    add: (step) => {
      steps.push(step);
    },
    run: () => running ??= undo(),
  };
}

function known<Value>(record: Record<string, Value>, key: string): Value {
  const value = record[key];
  if (value === undefined) throw new Error(`the seeded zone has no ${key}`);
  return value;
}
