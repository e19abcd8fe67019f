import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { stringify } from 'yaml';
import { RELEASE, type STANDARD_PORTS } from '../services/deployment.ts';
import { BUSYBOX, imageName } from './images.ts';

// Caracal's Compose project as data, and what Docker Compose makes of it (contract, deploy 1.1 to 1.5 and 1.8).

export const COMPOSE_SERVICES = ['replayVolumeInit', 'postgres', 'redis', 'dbMigrate', 'sts', 'api', 'gateway', 'audit', 'coordinator', 'web'] as const;
export type ComposeService = (typeof COMPOSE_SERVICES)[number];
export const ONE_SHOTS: readonly ComposeService[] = ['replayVolumeInit', 'dbMigrate'];

const COMPOSE_VERSION = '2.40.3';
const SECOND = 1_000_000_000;
const MEBIBYTE = 1024 * 1024;

/** Where a project stands and what it runs. */
export type ProjectPlace = {
  /** `com.docker.compose.project`. */
  readonly name: string;
  /** Runtime home. */
  readonly home: string;
  /** Host ports. */
  readonly ports: typeof STANDARD_PORTS;
  readonly registry: string;
  readonly tag: string;
};

/** One service of the Compose file, with what the lab uses of its format. */
export type Definition = {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** File name below the secrets folder by name below `/run/secrets`. */
  readonly secrets: Readonly<Record<string, string>>;
  /** In short form: `stsReplay:/var/lib/caracal`, `/home/control:/run/caracal-control:ro`. */
  readonly volumes: readonly string[];
  readonly tmpfs: readonly string[];
  /** Host port and container port. */
  readonly port?: readonly [host: number, container: number];
  readonly dependsOn: Readonly<Partial<Record<ComposeService, 'service_healthy' | 'service_completed_successfully'>>>;
  /** Every 5 s unless a fault is to be seen sooner. */
  readonly healthcheck?: { readonly test: readonly string[]; readonly startPeriodSeconds: number; readonly intervalSeconds?: number };
  readonly restart: 'unless-stopped' | 'no';
  readonly stopSignal?: string;
  readonly limits: { readonly cpus?: number; readonly memoryBytes?: number; readonly pids?: number; readonly shmBytes?: number };
  readonly capAdd: readonly string[];
  /** `none` = no network. */
  readonly networkMode?: 'none';
};

export type Definitions = Readonly<Record<ComposeService, Definition>>;

/** Folder of the secret files (contract, deploy 1.1). */
export function secretsFolder({ home }: Pick<ProjectPlace, 'home'>): string {
  return join(home, 'secrets');
}

/** The name is fixed for an installation, and the CLI makes that of a checkout (contract, deploy 1.1). */
export function networkName(project: string): string {
  if (project === 'caracal') return 'caracalData';
  return project === 'caracal-dev' ? 'caracalDevData' : `${project}_caracalData`;
}

export function volumeName(project: string, volume: string): string {
  return `${project}_${volume}`;
}

export const VOLUMES = ['postgresData', 'redisData', 'stsReplay', 'gatewayReplay'] as const;

const started = {
  postgres: { postgres: 'service_healthy' }, redis: { redis: 'service_healthy' }, migrated: { dbMigrate: 'service_completed_successfully' },
  replay: { replayVolumeInit: 'service_completed_successfully' }, sts: { sts: 'service_healthy' }, api: { api: 'service_healthy' },
  coordinator: { coordinator: 'service_healthy' },
} as const;

/** The services with their defaults. */
export function definitions(place: ProjectPlace): Definitions {
  const { home, ports, registry, tag } = place;
  const image = (kind: string): string => imageName(registry, kind, tag);
  const stsUrl = 'http://sts:8080';
  const common = { tmpfs: ['/tmp:size=64m'], restart: 'unless-stopped', volumes: [], capAdd: [] } as const;
  const app = (cpus: number, memoryMebibytes: number, startPeriodSeconds: number) => ({
    ...common, limits: { cpus, memoryBytes: memoryMebibytes * MEBIBYTE, pids: 256 }, healthcheck: { test: ['CMD', '/healthcheck'], startPeriodSeconds },
  });
  /** Variables that name files, and the files. */
  const secrets = (files: Readonly<Record<string, string>>) => ({
    environment: Object.fromEntries(Object.keys(files).map((target) => [`${variableOf(target)}_FILE`, `/run/secrets/${target}`])), secrets: files,
  });
  const shared = { redisUrl: 'redisUrl', metricsBearer: 'metricsBearer' };
  const define = (
    definition: Omit<Definition, 'environment' | 'secrets'>, files: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>>,
  ): Definition => {
    const given = secrets(files);
    return { ...definition, secrets: given.secrets, environment: { ...environment, ...given.environment } };
  };
  const same = (...names: readonly string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, name]));
  const go = { CARACAL_MODE: place.name === 'caracal-dev' ? 'dev' : 'stable' };
  const node = { ...go, HOST: '0.0.0.0' };
  const store = { ...common, capAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETUID'] };
  const databaseName = { POSTGRES_USER: 'caracal', POSTGRES_DB: 'caracal' };
  return {
    replayVolumeInit: define({
      ...common, image: BUSYBOX, restart: 'no', networkMode: 'none', tmpfs: [], limits: {}, dependsOn: {}, capAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'],
      volumes: ['stsReplay:/sts', 'gatewayReplay:/gateway'],
      command: ['sh', '-ec', 'for folder in /sts /gateway; do mkdir -p $folder/audit-replay; chmod 0750 $folder/audit-replay; chown 65532:65532 $folder/audit-replay; done'],
    }, {}, {}),
    postgres: define({
      ...store, image: image('postgres'), port: [ports.postgres, 5432], dependsOn: {}, stopSignal: 'SIGINT', tmpfs: ['/tmp', '/var/run/postgresql'],
      volumes: ['postgresData:/var/lib/postgresql'], limits: { shmBytes: 256 * MEBIBYTE },
      healthcheck: { test: ['CMD-SHELL', 'pg_isready -U $POSTGRES_USER -d $POSTGRES_DB -h 127.0.0.1'], startPeriodSeconds: 15 },
    }, same('postgresPassword'), databaseName),
    redis: define({
      ...store, image: image('redis'), port: [ports.redis, 6379], dependsOn: {}, tmpfs: ['/run/caracal'], volumes: ['redisData:/data'], limits: {},
      healthcheck: {
        test: ['CMD-SHELL', '[ "$(REDISCLI_AUTH=$(cat /run/secrets/redisPassword) redis-cli ping)" = PONG ] && [ -f /run/caracal/provisioned ]'],
        startPeriodSeconds: 10,
      },
    }, same('redisPassword'), { REDIS_MAXMEMORY: '512mb' }),
    dbMigrate: define({
      ...common, image: image('postgres'), restart: 'no', tmpfs: ['/tmp'], limits: {}, dependsOn: started.postgres, command: ['/bin/sh', '/usr/local/bin/caracal-migrate'],
    }, same('postgresPassword', 'apiDbPassword', 'stsDbPassword', 'gatewayDbPassword', 'auditDbPassword', 'coordinatorDbPassword', 'authDbPassword'), {
      PGHOST: 'postgres', PGPORT: '5432', PGUSER: 'caracal', PGDATABASE: 'caracal', PGPASSWORD_FILE: '/run/secrets/postgresPassword',
    }),
    sts: define({
      ...app(2, 1024, 15), image: image('go'), command: ['/usr/local/bin/sts'], port: [ports.sts, 8080],
      dependsOn: { ...started.replay, ...started.postgres, ...started.redis, ...started.migrated },
      volumes: ['stsReplay:/var/lib/caracal', `${join(home, 'ca')}:/etc/caracal/ca:ro`],
    }, { databaseUrl: 'stsDatabaseUrl', ...shared, ...same('auditHmacKey', 'streamsHmacKey', 'gatewayStsHmacKey', 'secretStoreKek') }, { ...go, PORT: '8080', ISSUER_URL: stsUrl }),
    api: define({
      ...app(1, 512, 20), image: image('node'), command: ['/app/api/dist/main.js'], port: [ports.api, 3000], dependsOn: { ...started.sts, ...started.migrated },
      volumes: [`${join(home, 'control')}:/run/caracal-control:ro`],
    }, { databaseUrl: 'apiDatabaseUrl', ...shared, ...same('auditHmacKey', 'streamsHmacKey', 'gatewayStsHmacKey', 'secretStoreKek', 'caracalAdminToken') }, {
      ...node, PORT: '3000', STS_URL: stsUrl, CARACAL_GATEWAY_URL: 'http://gateway:8081', CARACAL_COORDINATOR_URL: 'http://coordinator:4000',
      CONTROL_GATE_FILE: '/run/caracal-control/enabled',
    }),
    gateway: define({
      ...app(2, 1024, 15), image: image('go'), command: ['/usr/local/bin/gateway'], port: [ports.gateway, 8081],
      dependsOn: { ...started.replay, ...started.sts, ...started.api, ...started.migrated }, volumes: ['gatewayReplay:/var/lib/caracal'],
    }, { databaseUrl: 'gatewayDatabaseUrl', ...shared, ...same('auditHmacKey', 'streamsHmacKey', 'gatewayStsHmacKey', 'caracalAdminToken') }, { ...go, PORT: '8081', STS_URL: stsUrl }),
    audit: define({
      ...app(1, 512, 15), image: image('go'), command: ['/usr/local/bin/audit'], port: [ports.audit, 9090],
      dependsOn: { ...started.postgres, ...started.redis, ...started.migrated },
    }, { databaseUrl: 'auditDatabaseUrl', ...shared, ...same('auditHmacKey') }, { ...go, PORT: '9090' }),
    coordinator: define({
      ...app(1, 512, 20), image: image('node'), command: ['/app/coordinator/dist/main.js'], port: [ports.coordinator, 4000], dependsOn: { ...started.sts, ...started.migrated },
    }, { databaseUrl: 'coordinatorDatabaseUrl', ...shared, ...same('streamsHmacKey', 'idempotencyHmacKey', 'caracalCoordinatorToken') }, {
      ...node, PORT: '4000', STS_URL: stsUrl, ISSUER_URL: stsUrl, AGENT_COORDINATOR_SCOPE: 'agent:lifecycle',
    }),
    web: define({
      ...app(1, 512, 20), image: image('web'), command: ['/app/auth/dist/server.js'], port: [ports.web, 3002],
      dependsOn: { ...started.postgres, ...started.api, ...started.coordinator },
      volumes: [`${join(secretsFolder(place), 'allowlist')}:/run/caracalHostSecrets:ro`, `${join(secretsFolder(place), 'console')}:/run/caracalConsoleSecrets:ro`],
    }, same('authDatabaseUrl', 'caracalAuthSecret', 'caracalAdminToken', 'caracalCoordinatorToken'), {
      ...node, PORT: '3002', LOG_LEVEL: 'info', CARACAL_VERSION: `v${RELEASE}`, CARACAL_AUTH_DATABASE_SSL: 'disable',
      CARACAL_OPERATOR_ALLOWLIST_FILE: '/run/caracalHostSecrets/operatorAllowlist.json', CARACAL_API_URL: 'http://api:3000',
      CARACAL_COORDINATOR_URL: 'http://coordinator:4000', CARACAL_STS_URL: stsUrl, CARACAL_GATEWAY_URL: 'http://gateway:8081', CARACAL_AUDIT_URL: 'http://audit:9090',
    }),
  };
}

/** Variables whose names are not made of their secrets' (contract, deploy 5.1). */
const variables: Readonly<Record<string, string>> = {
  authDatabaseUrl: 'CARACAL_AUTH_DATABASE_URL', ...Object.fromEntries(['api', 'sts', 'gateway', 'audit', 'coordinator', 'auth'].map((role) => [`${role}DbPassword`, `CARACAL_${role.toUpperCase()}_DB_PASSWORD`])),
};

function variableOf(secret: string): string {
  return variables[secret] ?? secret.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** What `docker compose create` asks the engine for, or `docker compose run` for a one-off container with this short id. */
export function containerBody(place: ProjectPlace, service: ComposeService, definition: Definition, options: {
  imageId: string; number?: number; run?: string;
}): Docker.ContainerCreateOptions & { name: string } {
  const { number = 1, run } = options;
  const name = `${place.name}-${service}-${run === undefined ? String(number) : `run-${run}`}`;
  const network = definition.networkMode ?? networkName(place.name);
  const { cpus, memoryBytes, pids, shmBytes } = definition.limits;
  return {
    name, Image: definition.image, Labels: labels(place, service, definition, options),
    ...(definition.command === undefined ? {} : { Cmd: [...definition.command] }),
    Env: Object.entries(definition.environment).map(([variable, value]) => `${variable}=${value}`),
    ...(definition.port === undefined ? {} : { ExposedPorts: { [`${String(definition.port[1])}/tcp`]: {} } }),
    ...(definition.healthcheck === undefined ? {} : { Healthcheck: healthcheck(definition.healthcheck) }),
    ...(definition.stopSignal === undefined ? {} : { StopSignal: definition.stopSignal }),
    StopTimeout: 20,
    HostConfig: {
      NetworkMode: network, RestartPolicy: { Name: definition.restart }, Init: true, ReadonlyRootfs: true,
      Binds: definition.volumes.map((volume) => bindOf(place, volume)),
      Mounts: Object.entries(definition.secrets).map(([target, source]) => ({
        Type: 'bind', Source: join(secretsFolder(place), source), Target: `/run/secrets/${target}`, ReadOnly: true,
      })),
      Tmpfs: Object.fromEntries(definition.tmpfs.map(tmpfsOf)),
      LogConfig: { Type: 'json-file', Config: { 'max-file': '5', 'max-size': '10m' } },
      SecurityOpt: ['no-new-privileges:true'], CapDrop: ['ALL'], CapAdd: [...definition.capAdd],
      ...(definition.port === undefined ? {} : { PortBindings: { [`${String(definition.port[1])}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(definition.port[0]) }] } }),
      // An engine refuses more processors than the machine has.
      ...(cpus === undefined ? {} : { NanoCpus: Math.min(cpus, availableParallelism()) * SECOND }),
      ...(memoryBytes === undefined ? {} : { Memory: memoryBytes }), ...(pids === undefined ? {} : { PidsLimit: pids }), ...(shmBytes === undefined ? {} : { ShmSize: shmBytes }),
    },
    ...(definition.networkMode === undefined ? { NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [name, service] } } } } : {}),
  };
}

function bindOf({ name }: ProjectPlace, volume: string): string {
  const [source = '', target = '', mode = 'rw'] = volume.split(':');
  return `${source.startsWith('/') ? source : volumeName(name, source)}:${target}:${mode}`;
}

function tmpfsOf(mount: string): [path: string, options: string] {
  const [path = '', options = ''] = mount.split(':');
  return [path, options];
}

/** Labels that Compose puts on a network or a volume; a checkout's network is not Compose's (contract, deploy 1.1). */
export function resourceLabels(project: string, kind: 'network' | 'volume', name: string): Record<string, string> {
  if (kind === 'network' && project === 'caracal-dev') return {};
  return {
    'com.docker.compose.config-hash': hashOf(name), [`com.docker.compose.${kind}`]: name, 'com.docker.compose.project': project,
    'com.docker.compose.version': COMPOSE_VERSION,
  };
}

function labels(place: ProjectPlace, service: string, definition: Definition, options: { imageId: string; number?: number; run?: string }): Record<string, string> {
  const { imageId, number = 1, run } = options;
  return {
    ...(run === undefined ? {} : { 'com.docker.compose.slug': run }),
    'com.docker.compose.config-hash': hashOf(definition), 'com.docker.compose.container-number': String(number),
    'com.docker.compose.depends_on': Object.entries(definition.dependsOn).map(([name, condition]) => `${name}:${condition}:false`).join(','),
    'com.docker.compose.image': imageId, 'com.docker.compose.oneoff': run === undefined ? 'False' : 'True', 'com.docker.compose.project': place.name,
    'com.docker.compose.project.config_files': join(place.home, 'compose.yml'), 'com.docker.compose.project.environment_file': join(place.home, 'caracal.env'),
    'com.docker.compose.project.working_dir': place.home, 'com.docker.compose.service': service, 'com.docker.compose.version': COMPOSE_VERSION,
  };
}

/** An engine before 25 does not know `StartInterval` and leaves it out. */
function healthcheck({ test, startPeriodSeconds, intervalSeconds = 5 }: NonNullable<Definition['healthcheck']>): Docker.HealthConfig & { StartInterval: number } {
  return {
    Test: [...test], Interval: intervalSeconds * SECOND, Timeout: 3 * SECOND, Retries: 20, StartPeriod: startPeriodSeconds * SECOND, StartInterval: SECOND / 4,
  };
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** The project as a Compose file: enough for Compose to recognise it as its own. */
export function composeFile(place: ProjectPlace, services: Definitions): string {
  return stringify({
    name: place.name,
    services: Object.fromEntries(Object.entries(services).map(([name, definition]) => [name, {
      image: definition.image, restart: definition.restart, init: true, read_only: true, environment: definition.environment,
      ...(definition.command === undefined ? {} : { command: definition.command.map((part) => part.replaceAll('$', '$$$$')) }),
      ...(definition.port === undefined ? {} : { ports: [`127.0.0.1:${definition.port.map(String).join(':')}`] }),
      ...(definition.volumes.length === 0 ? {} : { volumes: definition.volumes }),
      ...(Object.keys(definition.secrets).length === 0 ? {} : { secrets: Object.entries(definition.secrets).map(([target, source]) => ({ source, target })) }),
      ...(Object.keys(definition.dependsOn).length === 0 ? {} : {
        depends_on: Object.fromEntries(Object.entries(definition.dependsOn).map(([service, condition]) => [service, { condition }])),
      }),
      ...(definition.healthcheck === undefined ? {} : {
        healthcheck: {
          test: definition.healthcheck.test.map((part) => part.replaceAll('$', '$$$$')), interval: '5s', timeout: '3s', retries: 20,
          start_period: `${String(definition.healthcheck.startPeriodSeconds)}s`, start_interval: '250ms',
        },
      }),
      ...(definition.networkMode === undefined ? { networks: ['caracalData'] } : { network_mode: definition.networkMode }),
    }])),
    networks: { caracalData: { name: networkName(place.name), driver: 'bridge' } },
    volumes: Object.fromEntries(VOLUMES.map((volume) => [volume, {}])),
    secrets: Object.fromEntries(Object.values(services).flatMap(({ secrets }) => Object.values(secrets)).map((source) => [source, { file: `./secrets/${source}` }])),
  });
}
