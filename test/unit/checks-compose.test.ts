import assert from 'node:assert/strict';
import { listed } from '../../src/flow/services/compose/facts.ts';
import { timeline } from '../../src/flow/services/timeline.ts';
import type { Verdict } from '../../src/model/check.ts';
import { composeServices, containerSchema, engineSchema, projectSchema, runtimeFilesSchema, secretFileSchema } from '../../src/model/compose.ts';
import type { ComposeService, ContainerFacts, EngineFacts, ProjectFacts, RuntimeFilesFacts, SecretFileFacts } from '../../src/model/compose.ts';
import type { Outcome } from '../../src/model/observation.ts';
import type { Status } from '../../src/model/status.ts';
import { answer, judge, nowMs, refused, timeout } from './judge.ts';

const unavailable = (why: string, wayOut: string): Outcome => ({ kind: 'unavailable', why, wayOut });

/** ISO 8601, seconds before now by the clock of the engine. */
const before = (seconds: number): string => new Date(nowMs - seconds * 1_000).toISOString();
const [hour, day] = [3_600, 86_400];

const engine: EngineFacts = {
  host: 'unix:///var/run/docker.sock', from: 'DOCKER_HOST', passedOver: [], version: 'Docker Engine 28.2.2', apiVersion: '1.50', os: 'Debian GNU/Linux 13', rootless: false, at: before(0),
};

const ports: Readonly<Partial<Record<ComposeService, readonly [host: number, container: number]>>> = {
  postgres: [5432, 5432], redis: [6379, 6379], sts: [8080, 8080], api: [3000, 3000], gateway: [8081, 8081], audit: [9090, 9090], coordinator: [4000, 4000], web: [3001, 3002],
};
const images: Readonly<Record<ComposeService, string>> = {
  replayVolumeInit: 'busybox', dbMigrate: 'postgres', postgres: 'postgres', redis: 'redis', sts: 'go', gateway: 'go', audit: 'go', api: 'node', coordinator: 'node', web: 'web',
};
const dependencies: Readonly<Partial<Record<ComposeService, readonly (readonly [ComposeService, 'healthy' | 'completed_successfully'])[]>>> = {
  dbMigrate: [['postgres', 'healthy']],
  sts: [['replayVolumeInit', 'completed_successfully'], ['postgres', 'healthy'], ['redis', 'healthy'], ['dbMigrate', 'completed_successfully']],
  api: [['sts', 'healthy'], ['dbMigrate', 'completed_successfully']],
  gateway: [['replayVolumeInit', 'completed_successfully'], ['sts', 'healthy'], ['api', 'healthy'], ['dbMigrate', 'completed_successfully']],
  audit: [['postgres', 'healthy'], ['redis', 'healthy'], ['dbMigrate', 'completed_successfully']],
  coordinator: [['sts', 'healthy'], ['dbMigrate', 'completed_successfully']],
  web: [['postgres', 'healthy'], ['api', 'healthy'], ['coordinator', 'healthy']],
};

const port = (host: number, container: number): ContainerFacts['ports'][number] => ({ container, protocol: 'tcp', hostIp: '127.0.0.1', host });
const mount = (name: string, destination: string, writable = true): ContainerFacts['mounts'][number] => ({ type: 'volume', name, source: `/var/lib/docker/volumes/${name}/_data`, destination, writable });
const imageOf = (kind: string, tag = 'v1.0.0'): ContainerFacts['image'] => ({
  reference: `ghcr.io/garudex-labs/caracal-${kind}:${tag}`, tag, id: `sha256:${kind}${tag}`, digest: `sha256:d${kind}${tag}`, version: tag, revision: '1a2b3c4d5e6f7a8b9c0d',
});
const healthOf = (status: 'starting' | 'healthy' | 'unhealthy', failingStreak = 0, output = ''): NonNullable<ContainerFacts['health']> => ({
  status, failingStreak, log: [{ at: before(3), exitCode: failingStreak === 0 ? 0 : 1, output }],
});

/** One that has run well for 3 h. */
function container(service: ComposeService, changes: Partial<ContainerFacts> = {}): ContainerFacts {
  const own = ports[service];
  const published = own ? [port(...own)] : [];
  const number = changes.number ?? 1;
  return {
    id: `${service}${number}`, name: `caracal-${service}-${number}`, project: 'caracal', service, number, oneoff: false, status: 'running', exitCode: 0, oomKilled: false, error: '',
    createdAt: before(3 * hour + 5), startedAt: before(3 * hour), finishedAt: null, restarts: 0, restartPolicy: 'unless-stopped', health: healthOf('healthy'), image: imageOf(images[service]),
    wantedPorts: published, ports: published, networks: [{ name: 'caracalData', address: '172.20.0.9' }],
    mounts: service === 'sts' || service === 'gateway' ? [mount(`caracal_${service}Replay`, '/var/lib/caracal')] : service === 'postgres' ? [mount('caracal_postgresData', '/var/lib/postgresql')] : [],
    readOnlyRoot: true, memoryLimitBytes: 1_073_741_824, dependsOn: (dependencies[service] ?? []).map(([name, condition]) => ({ service: name, condition: `service_${condition}` })),
    configHash: 'c0ffee', mode: 'stable', lastLines: null, ...changes,
  };
}

const oneShot = (service: 'dbMigrate' | 'replayVolumeInit', changes: Partial<ContainerFacts> = {}): ContainerFacts =>
  container(service, { status: 'exited', finishedAt: before(3 * hour), startedAt: before(3 * hour + 3), health: null, restartPolicy: 'no', ...changes });
const ended = (exitCode: number, changes: Partial<ContainerFacts> = {}): Partial<ContainerFacts> => ({
  status: 'exited', exitCode, finishedAt: before(240), health: healthOf('unhealthy', 1), ports: [], lastLines: exitCode === 0 ? null : [], ...changes,
});
const looping = (exitCode: number, lastLines: string[] | null, changes: Partial<ContainerFacts> = {}): Partial<ContainerFacts> => ended(exitCode, { status: 'restarting', restarts: 7, finishedAt: before(2), startedAt: before(3), lastLines, ...changes });
const waiting: Partial<ContainerFacts> = { status: 'created', startedAt: null, ports: [], health: healthOf('starting') };

type Containers = Partial<Record<ComposeService, readonly ContainerFacts[] | Outcome>>;

const running = ['postgres', 'redis', 'sts', 'api', 'gateway', 'audit', 'coordinator', 'web'] as const;
const well: Readonly<Record<ComposeService, readonly ContainerFacts[]>> = {
  replayVolumeInit: [], dbMigrate: [], postgres: [container('postgres')], redis: [container('redis')], sts: [container('sts')], api: [container('api')],
  gateway: [container('gateway')], audit: [container('audit')], coordinator: [container('coordinator')], web: [container('web')],
};

const project: ProjectFacts = {
  project: 'caracal', workingFolder: '/home/ana/.local/share/caracal', configFiles: ['/home/ana/.local/share/caracal/compose.yml'], composeVersion: '2.39.1',
  services: Object.fromEntries(running.map((service) => [service, 1])), others: [], volumes: [{ name: 'caracal_postgresData', createdAt: before(9 * day) }, { name: 'caracal_stsReplay', createdAt: before(9 * day) }],
};
const other = (name: string, changes: Partial<ProjectFacts['others'][number]> = {}): ProjectFacts['others'][number] => ({ name, project: null, service: null, status: 'running', ports: [], caracal: false, ...changes });

const secretUsers: Readonly<Record<string, readonly ComposeService[]>> = {
  postgresPassword: ['postgres', 'dbMigrate'], redisPassword: ['redis'], metricsBearer: ['sts', 'api', 'gateway', 'audit', 'coordinator'], gatewayStsHmacKey: ['sts', 'gateway', 'api'], caracalAuthSecret: ['web'],
};
/** Files that were written when the project was made, with changes by name. */
function secretFiles(changes: Readonly<Record<string, Partial<SecretFileFacts>>> = {}): readonly SecretFileFacts[] {
  const derived: readonly SecretFileFacts[] = [
    { service: 'sts', target: 'databaseUrl', source: '/home/ana/.local/share/caracal/secrets/stsDatabaseUrl', state: 'there', bytes: 90, changedAt: before(9 * day), ...changes['stsDatabaseUrl'] },
  ];
  return [
    ...Object.entries(secretUsers).flatMap(([target, services]) =>
      services.map((service): SecretFileFacts => ({ service, target, source: `/home/ana/.local/share/caracal/secrets/${target}`, state: 'there', bytes: 64, changedAt: before(9 * day), ...changes[target] })),
    ),
    ...derived,
  ];
}

const home: RuntimeFilesFacts = {
  home: '/home/ana/.local/share/caracal', installed: { version: '1.0.0', updatedAt: before(9 * day) }, upgrades: [], changed: [{ file: 'compose.yml', at: before(9 * day) }], lock: null,
};

interface Seen {
  readonly engine?: Outcome;
  readonly project?: ProjectFacts | Outcome;
  readonly containers?: Containers;
  readonly secretFiles?: readonly SecretFileFacts[] | Outcome;
  readonly home?: RuntimeFilesFacts | Outcome;
  readonly more?: Readonly<Record<string, Outcome>>;
}

const isOutcome = (value: object): value is Outcome => 'kind' in value;
const outcomeOf = (value: object): Outcome => (isOutcome(value) ? value : answer(value));

function see(check: string, seen: Seen = {}): Promise<Verdict> {
  return judge(check, {
    'compose.engine/Compose': seen.engine ?? answer(engine),
    'compose.project/Compose': outcomeOf(seen.project ?? project),
    'compose.secretFiles/Compose': outcomeOf(seen.secretFiles ?? secretFiles()),
    'compose.runtimeFiles/Compose': outcomeOf(seen.home ?? home),
    ...Object.fromEntries(composeServices.map((service) => [`compose.containers/${service}`, outcomeOf(seen.containers?.[service] ?? well[service])])),
    'postgres.migrations/Postgres': answer({ present: true, applied: [{ version: '0001_baseline', appliedAt: before(9 * day - 20) }] }),
    'postgres.policyActivations/Postgres': answer([]),
    'postgres.hello/Postgres': refused('ECONNREFUSED'),
    'redis.hello/Redis': refused('ECONNREFUSED'),
    ...seen.more,
  });
}

type Row = readonly [name: string, seen: Seen, status: Status, summary: RegExp, more?: (verdict: Verdict) => void];

function table(check: string, rows: readonly Row[]): void {
  for (const [name, seen, status, summary, more] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await see(check, seen);
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
      more?.(verdict);
    });
  }
}

const fact = (verdict: Verdict, name: string): string | undefined => verdict.facts.find((each) => each.name === name)?.value;
const says = (name: string, value: RegExp) => (verdict: Verdict) => assert.match(fact(verdict, name) ?? `no fact ${name}`, value);
const reasons = (words: RegExp) => (verdict: Verdict) => assert.match(verdict.reasoning, words);

/** What every check makes of a list of containers that did not come. */
function withoutAnswers(check: string, of: Readonly<Record<string, Seen>>): void {
  table(
    check,
    Object.entries(of).map(([name, seen]) => [name, seen, 'unknown', /^(no answer in 8 s|500: server error|the engine is on another machine: run it there)/] as const),
  );
}

const late = timeout(8_000);
const broken = refused('500', 'server error');
const far = unavailable('the engine is on another machine', 'run it there');

describe('compose: observations of the tests', () => {
  it('have the shapes that are observed', () => {
    engineSchema.parse(engine);
    projectSchema.parse(project);
    runtimeFilesSchema.parse(home);
    for (const file of secretFiles()) secretFileSchema.parse(file);
    for (const each of [...Object.values(well).flat(), oneShot('dbMigrate'), container('sts', looping(1, []))]) containerSchema.parse(each);
  });
});

describe('compose: Engine', () => {
  table('CRC-SVC-100', [
    ['answers', {}, 'pass', /^Docker Engine 28\.2\.2 at unix:\/\/\/var\/run\/docker\.sock, by DOCKER_HOST$/],
    ['another one, and what came before it', { engine: answer({ ...engine, version: 'Podman Engine 4.3.1', from: 'Podman', rootless: true, passedOver: ['default unix:///var/run/docker.sock (there is no such socket)'] }) }, 'pass', /^Podman Engine 4\.3\.1 at .*, by Podman$/, says('passed over', /no such socket/)],
    ['no socket', { engine: refused('ENOENT') }, 'fail', /^not there: no socket$/],
    ['nothing listens', { engine: refused('ECONNREFUSED') }, 'fail', /^not running: nothing listens$/],
    ['no permission', { engine: refused('EACCES') }, 'fail', /^no permission: EACCES$/, reasons(/group/)],
    ['no permission, in another word', { engine: refused('EPERM') }, 'fail', /^no permission: EPERM$/],
    ['no such host', { engine: refused('ENOTFOUND') }, 'fail', /^not found: /],
    ['something else', { engine: refused('NOT_DOCKER', 'it does not answer as a Docker Engine') }, 'fail', /^another program: not a Docker Engine$/],
    ['refuses in its own words', { engine: refused('503', 'engine is starting') }, 'fail', /^503: engine is starting$/],
    ['hangs', { engine: late }, 'unknown', /^no answer in 8 s$/],
    ['hangs, by the client', { engine: refused('ETIMEDOUT', 'the Docker Engine did not answer within 4 s') }, 'unknown', /^no answer in 1 ms$/],
    ['no usable address', { engine: unavailable('the Docker context old cannot be used', 'pick another') }, 'unknown', /^the Docker context old cannot be used: pick another$/],
  ]);
});

describe('compose: Project', () => {
  const counts = (changes: Readonly<Record<string, number>>): ProjectFacts => ({ ...project, services: { ...project.services, ...changes } });
  const without = (...services: readonly string[]): ProjectFacts => ({ ...project, services: Object.fromEntries(Object.entries(project.services).filter(([name]) => !services.includes(name))) });
  table('CRC-SVC-101', [
    ['whole', {}, 'pass', /^8 services, 8 containers$/, says('Compose file', /compose\.yml$/)],
    ['a second replica and a service of its own', { project: counts({ sts: 2, mailbox: 1 }) }, 'pass', /^8 services, 10 containers$/, says('sts', /^2 containers$/)],
    ['one-shots that are there', { project: counts({ dbMigrate: 1 }) }, 'pass', /^8 services/],
    ['one is gone', { project: without('web') }, 'fail', /^no container of web$/],
    ['counted as none', { project: counts({ web: 0 }) }, 'fail', /^no container of web$/],
    ['many are gone', { project: without('web', 'api', 'gateway', 'audit') }, 'fail', /^no container of api, gateway and 2 more$/],
    ['down', { project: { ...project, services: {} } }, 'fail', /^no container of any service; caracal is down$/],
    ['a store is gone', { project: without('postgres') }, 'fail', /^no container of postgres$/],
    ['a store is elsewhere', { project: without('postgres'), more: { 'postgres.hello/Postgres': answer({ tls: true, tookMs: 2 }) } }, 'pass', /^7 services, 7 containers$/, says('postgres', /answers at the address of the target/)],
    ['a command is at work', { home: { ...home, lock: { pid: 4711, alive: true } } }, 'pass', /^8 services/, says('caracal command', /^at work as process 4711$/)],
    ['a command has died', { home: { ...home, lock: { pid: 4711, alive: false } } }, 'pass', /^8 services/, says('caracal command', /process 4711 is gone/)],
    ['runtime home out of sight', { home: far }, 'pass', /^8 services/],
  ]);
  withoutAnswers('CRC-SVC-101', { 'no answer': { project: late }, 'an error': { project: broken } });
});

describe('compose: One-shots', () => {
  const migrated = (changes: Partial<ContainerFacts>): Seen => ({ containers: { dbMigrate: [oneShot('dbMigrate', changes)] } });
  const unreachable = 'migrate: database did not become reachable';
  table('CRC-SVC-102', [
    ['removed', {}, 'pass', /^none left, as after a good up$/],
    ['done and not removed', { containers: { dbMigrate: [oneShot('dbMigrate')], replayVolumeInit: [oneShot('replayVolumeInit')] } }, 'pass', /^replayVolumeInit exited 0, not removed yet, dbMigrate exited 0, not removed yet$/],
    ['failed', migrated({ exitCode: 1, lastLines: ['waiting', unreachable] }), 'fail', /^dbMigrate exited 1: migrate: database did not become reachable$/, reasons(/password that is refused/)],
    ['failed without a log', migrated({ exitCode: 3, lastLines: null }), 'fail', /^dbMigrate exited 3$/],
    ['a statement failed', migrated({ exitCode: 3, lastLines: ['applying 0002_approval_hardening', 'psql:/x.sql:4: ERROR:  relation "a" already exists'] }), 'fail', /^dbMigrate exited 3: psql:.* already exists$/],
    ['the other one failed', { containers: { replayVolumeInit: [oneShot('replayVolumeInit', { exitCode: 1, lastLines: ['chown: /sts: Operation not permitted'] })] } }, 'fail', /^replayVolumeInit exited 1: chown/],
    ['out of memory', migrated({ exitCode: 137, oomKilled: true, lastLines: [] }), 'fail', /^dbMigrate out of memory, exited 137$/],
    ['runs', migrated({ status: 'running', finishedAt: null }), 'pass', /^dbMigrate runs$/],
    ['waits for a store', { containers: { dbMigrate: [oneShot('dbMigrate', { status: 'created', startedAt: null, finishedAt: null })], postgres: [container('postgres', { health: healthOf('unhealthy', 30) })] } }, 'warn', /^dbMigrate waits for postgres, which is unhealthy$/],
    ['waits', migrated({ status: 'created', startedAt: null, finishedAt: null }), 'warn', /^dbMigrate waits to be started$/],
    ['did not start', migrated({ status: 'created', exitCode: 127, error: 'exec: "/bin/sh": no such file' }), 'fail', /^dbMigrate did not start: exec/],
    ['paused', migrated({ status: 'paused' }), 'fail', /^dbMigrate is paused$/],
    ['dead', migrated({ status: 'dead' }), 'fail', /^dbMigrate is dead$/],
    ['again and again', migrated({ status: 'restarting', exitCode: 1, lastLines: [unreachable] }), 'fail', /^dbMigrate is restarted again and again, exited 1: migrate/],
    ['on its way out', migrated({ status: 'removing' }), 'pass', /^dbMigrate is being removed$/],
    ['being stopped', migrated({ status: 'stopping' }), 'warn', /^dbMigrate is being stopped$/],
    ['a one-off of another service', { containers: { api: [container('api'), container('api', { name: 'caracal-api-run-1f', oneoff: true, status: 'exited', exitCode: 2 })] } }, 'pass', /^none left/, says('caracal-api-run-1f', /^one-off, exited 2$/)],
    ['the upgrade ran it anew and well', { containers: { dbMigrate: [oneShot('dbMigrate', { exitCode: 1, createdAt: before(day) }), oneShot('dbMigrate', { name: 'caracal-dbMigrate-run-2a', oneoff: true, createdAt: before(hour) })] } }, 'pass', /^dbMigrate exited 0/],
    ['the upgrade ran it anew and failed', { containers: { dbMigrate: [oneShot('dbMigrate', { createdAt: before(day) }), oneShot('dbMigrate', { name: 'caracal-dbMigrate-run-2a', oneoff: true, exitCode: 1, createdAt: before(hour), lastLines: [unreachable] })] } }, 'fail', /^dbMigrate exited 1/],
  ]);
  withoutAnswers('CRC-SVC-102', { 'no answer': { containers: { dbMigrate: late } }, 'an error': { containers: { api: broken } } });
});

describe('compose: Ports', () => {
  const taken = 'driver failed programming external connectivity on endpoint caracal-sts-1: Bind for 127.0.0.1:8080 failed: port is already allocated';
  table('CRC-SVC-103', [
    ['bound', {}, 'pass', /^8 ports bound$/, says('web', /^127\.0\.0\.1:3001 to 3002$/)],
    ['bound for both families', { containers: { web: [container('web', { wantedPorts: [port(3001, 3002)], ports: [port(3001, 3002), { ...port(3001, 3002), hostIp: '::1' }] })] } }, 'pass', /^8 ports bound$/, says('web', /\[::1\]:3001 to 3002/)],
    ['runs and has not its port', { containers: { sts: [container('sts', { ports: [] })] } }, 'fail', /^8080 of sts is not bound$/, reasons(/program outside/)],
    ['on no network', { containers: { audit: [container('audit', { ports: [], networks: [] })] } }, 'fail', /^9090 of audit is not bound; it is on no network$/],
    ['held by another container', { project: { ...project, others: [other('proxy', { ports: [8080, 443] })] }, containers: { sts: [container('sts', { ...waiting, error: taken })] } }, 'fail', /^8080 of sts is not bound; proxy holds it$/, says('8080 of sts', /held by proxy: driver failed/)],
    ['held by nobody of this engine', { containers: { sts: [container('sts', { ...waiting, error: taken })] } }, 'fail', /^8080 of sts is not bound; in use outside of this engine$/],
    ['an error that is not of the port', { containers: { sts: [container('sts', { ...waiting, error: 'exec: "/usr/local/bin/sts": no such file' })] } }, 'pass', /^7 ports bound$/],
    ['one that waits, with nobody in its way', { containers: { web: [container('web', waiting)] } }, 'pass', /^7 ports bound$/],
    ['one that crashed', { containers: { sts: [container('sts', ended(1))] } }, 'pass', /^7 ports bound$/],
    ['two projects, both want them', {
      project: { ...project, others: [other('caracal-dev-sts-1', { project: 'caracal-dev', caracal: true, ports: [8080] }), other('caracal-dev-api-1', { project: 'caracal-dev', caracal: true, ports: [3000] })] },
      containers: { sts: [container('sts', { ...waiting, error: taken })], api: [container('api', waiting)] },
    }, 'fail', /^8080 of sts is not bound, 1 more; caracal-dev-sts-1 holds it$/, says('runs as well', /^caracal-dev$/)],
    ['two projects, no port in common', { project: { ...project, others: [other('caracal-dev-sts-1', { project: 'caracal-dev', caracal: true, ports: [18080] })] } }, 'warn', /^caracal-dev runs as well$/],
    ['another project that is stopped', { project: { ...project, others: [other('caracal-dev-sts-1', { project: 'caracal-dev', caracal: true, status: 'exited' })] } }, 'pass', /^8 ports bound$/],
    ['containers of others', { project: { ...project, others: [other('mailbox', { ports: [8025] })] } }, 'pass', /^8 ports bound$/],
    ['a second replica without a port', { containers: { sts: [container('sts'), container('sts', { number: 2, wantedPorts: [], ports: [] })] } }, 'pass', /^8 ports bound$/],
    ['a second replica that wants the same port', { containers: { sts: [container('sts'), container('sts', { number: 2, ...waiting, error: taken })] } }, 'fail', /^8080 of sts 2 is not bound; caracal-sts-1 holds it$/],
    ['a port that is left to the engine', { containers: { web: [container('web', { wantedPorts: [port(0, 3002)], ports: [port(49_153, 3002)] })] } }, 'pass', /^8 ports bound$/],
    ['nothing published', { containers: Object.fromEntries(running.map((service) => [service, [container(service, { wantedPorts: [], ports: [] })]])) }, 'pass', /^none bound/],
  ]);
  withoutAnswers('CRC-SVC-103', { 'no answer': { project: late }, 'no list': { containers: { web: late } } });
});

describe('compose: Networks', () => {
  const on = (service: ComposeService, ...names: readonly string[]): readonly ContainerFacts[] => [container(service, { networks: names.map((name) => ({ name, address: '' })) })];
  table('CRC-SVC-104', [
    ['one for all', {}, 'pass', /^caracalData, 8 containers$/],
    ['a further one', { containers: { web: on('web', 'caracalData', 'proxy') } }, 'pass', /^caracalData and proxy, 8 containers$/],
    ['a service elsewhere', { containers: { audit: on('audit', 'other') } }, 'fail', /^audit shares no network with any other service$/, says('audit', /^other$/)],
    ['a service on none', { containers: { sts: on('sts') } }, 'fail', /^sts shares no network with any other service$/, says('sts', /^no network$/)],
    ['a store elsewhere', { containers: { redis: on('redis', 'stores') } }, 'fail', /^redis shares no network with any other service$/],
    ['both stores elsewhere', { containers: { redis: on('redis', 'stores'), postgres: on('postgres', 'stores') } }, 'fail', /^sts shares no network with postgres and redis, 5 more$/],
    ['web without its api', { containers: { web: on('web', 'front'), postgres: on('postgres', 'caracalData', 'front') } }, 'fail', /^web shares no network with api and coordinator$/],
    ['not started, so not connected', { containers: { web: [container('web', { ...waiting, networks: [] })] } }, 'pass', /^caracalData, 7 containers$/],
    ['on the network of the host', { containers: { gateway: on('gateway', 'host') } }, 'pass', /^caracalData, 7 containers$/],
    ['stores of another place', { containers: { postgres: [], redis: [] } }, 'pass', /^caracalData, 6 containers$/],
    ['no container', { containers: Object.fromEntries(running.map((service) => [service, []])) }, 'not-applicable', /^no container/],
  ]);
  withoutAnswers('CRC-SVC-104', { 'no answer': { containers: { redis: late } } });
});

describe('compose: Secret files', () => {
  table('CRC-SVC-105', [
    ['there', {}, 'pass', /^6 files, none empty$/, says('metricsBearer', /^64 B, for sts, api/)],
    ['missing', { secretFiles: secretFiles({ metricsBearer: { state: 'missing', bytes: null, changedAt: null } }) }, 'fail', /^missing: metricsBearer of sts, api and 3 more$/],
    ['named as on the host', { secretFiles: secretFiles({ stsDatabaseUrl: { state: 'missing', bytes: null, changedAt: null } }) }, 'fail', /^missing: stsDatabaseUrl of sts$/],
    ['empty', { secretFiles: secretFiles({ caracalAuthSecret: { state: 'empty', bytes: 0 } }) }, 'fail', /^empty: caracalAuthSecret of web$/],
    ['a folder', { secretFiles: secretFiles({ redisPassword: { state: 'folder', bytes: null } }) }, 'fail', /^a folder in place of the file: redisPassword of redis$/],
    ['several, the worst first', { secretFiles: secretFiles({ caracalAuthSecret: { state: 'empty', bytes: 0 }, redisPassword: { state: 'missing', bytes: null, changedAt: null } }) }, 'fail', /^missing: redisPassword of redis, 1 more$/],
    ['not readable', { secretFiles: secretFiles({ redisPassword: { state: 'not readable', bytes: null, changedAt: null } }) }, 'unknown', /^not readable from here: redisPassword$/],
    ['one is missing, others not readable', { secretFiles: secretFiles({ redisPassword: { state: 'not readable', bytes: null, changedAt: null }, caracalAuthSecret: { state: 'missing', bytes: null, changedAt: null } }) }, 'fail', /^missing: caracalAuthSecret of web$/],
    ['none are mounted', { secretFiles: [] }, 'not-applicable', /^no container mounts a secret file$/],
  ]);
  withoutAnswers('CRC-SVC-105', { 'no answer': { secretFiles: late }, 'another machine': { secretFiles: far } });
});

describe('compose: Secrets in use', () => {
  const changed = (name: string, seconds: number): Seen => ({ secretFiles: secretFiles({ [name]: { changedAt: before(seconds) } }) });
  table('CRC-SVC-106', [
    ['older than the containers', {}, 'pass', /^6 files, none changed since$/],
    ['changed after', changed('metricsBearer', 3 * hour - 240), 'warn', /^metricsBearer changed 4 min after sts started, 4 more$/, reasons(/401 to the new bearer/)],
    ['changed after, one user', changed('caracalAuthSecret', hour), 'warn', /^caracalAuthSecret changed 2 h after web started$/, says('caracalAuthSecret of web', /^changed 20.* started 20/)],
    ['changed after, of another name inside', changed('stsDatabaseUrl', hour), 'warn', /^stsDatabaseUrl changed 2 h after sts started$/, reasons(/new connections with the old one are refused/)],
    ['written in the moment of the start', changed('metricsBearer', 3 * hour - 4), 'pass', /^6 files/],
    ['one has the new one', { ...changed('gatewayStsHmacKey', hour), containers: { gateway: [container('gateway', { startedAt: before(hour - 60) })] } }, 'warn', /^gatewayStsHmacKey changed 2 h after sts started, 1 more; gateway has the new one$/, reasons(/every exchange is refused/)],
    ['all were started anew', { ...changed('caracalAuthSecret', hour), containers: { web: [container('web', { startedAt: before(600) })] } }, 'pass', /^6 files/],
    ['one that does not run takes it when it starts', { ...changed('caracalAuthSecret', hour), containers: { web: [container('web', ended(0))] } }, 'pass', /^6 files/],
    ['one that is paused has the old one', { ...changed('caracalAuthSecret', hour), containers: { web: [container('web', { status: 'paused' })] } }, 'warn', /^caracalAuthSecret changed/],
    ['a one-off does not count', { ...changed('caracalAuthSecret', hour), containers: { web: [container('web', { startedAt: before(600) }), container('web', { oneoff: true, name: 'caracal-web-run-1' })] } }, 'pass', /^6 files/],
    ['the password of Postgres counts when its volume is made', changed('postgresPassword', hour), 'pass', /files, none changed since$/],
    ['not readable, with a time', { secretFiles: secretFiles({ redisPassword: { state: 'not readable' } }) }, 'pass', /^6 files/],
    ['not readable', { secretFiles: secretFiles({ redisPassword: { state: 'not readable', changedAt: null } }) }, 'unknown', /^not readable from here: redisPassword$/],
    ['none are mounted', { secretFiles: [] }, 'not-applicable', /^no container mounts a secret file$/],
    ['none runs', { containers: Object.fromEntries(running.map((service) => [service, []])) }, 'not-applicable', /^no container runs$/],
  ]);
  withoutAnswers('CRC-SVC-106', { 'no answer': { secretFiles: late }, 'another machine': { secretFiles: far }, 'no list': { containers: { web: late } } });
});

describe('compose: Volumes', () => {
  const password = (seconds: number): readonly SecretFileFacts[] => secretFiles({ postgresPassword: { changedAt: before(seconds) } });
  table('CRC-SVC-107', [
    ['mounted and writable', {}, 'pass', /^2 replay volumes, writable$/, says('postgresPassword', /^not newer than caracal_postgresData$/)],
    ['read-only', { containers: { sts: [container('sts', { mounts: [mount('caracal_stsReplay', '/var/lib/caracal', false)] })] } }, 'fail', /^sts has its replay volume read-only$/, says('sts', /read-only$/)],
    ['missing', { containers: { gateway: [container('gateway', { mounts: [] })] } }, 'fail', /^gateway has no replay volume$/],
    ['missing, and the root can be written', { containers: { gateway: [container('gateway', { mounts: [], readOnlyRoot: false })] } }, 'warn', /^gateway has no replay volume$/],
    ['in memory', { containers: { sts: [container('sts', { mounts: [{ ...mount('', '/var/lib/caracal'), type: 'tmpfs', name: null }] })] } }, 'warn', /^sts keeps its replay files in memory$/],
    ['a folder of the host below', { containers: { sts: [container('sts', { mounts: [{ ...mount('', '/var/lib/caracal/audit-replay'), type: 'bind', name: null, source: '/srv/replay' }] })] } }, 'pass', /^2 replay volumes/, says('sts', /^\/srv\/replay at /)],
    ['another mount does not count', { containers: { sts: [container('sts', { mounts: [mount('x', '/etc/caracal/ca', false), mount('caracal_stsReplay', '/var/lib/caracal')] })] } }, 'pass', /^2 replay volumes/],
    ['a password that is newer', { secretFiles: password(6 * day) }, 'warn', /^postgresPassword changed 3 d after caracal_postgresData was made$/],
    ['a password that is newer, and the migrator failed', { secretFiles: password(6 * day), containers: { dbMigrate: [oneShot('dbMigrate', { exitCode: 1 })] } }, 'fail', /^postgresPassword changed 3 d after caracal_postgresData was made; likely why dbMigrate exited 1$/],
    ['a password that is newer, and the migrator did well', { secretFiles: password(6 * day), containers: { dbMigrate: [oneShot('dbMigrate')] } }, 'warn', /^postgresPassword/],
    ['written in the same up', { secretFiles: password(9 * day - 3) }, 'pass', /^2 replay volumes/],
    ['two things', { secretFiles: password(6 * day), containers: { sts: [container('sts', { mounts: [] })] } }, 'fail', /^sts has no replay volume, 1 more$/],
    ['no time of the volume', { project: { ...project, volumes: [{ name: 'caracal_postgresData', createdAt: null }] } }, 'pass', /^2 replay volumes/, says('postgresPassword', /^not compared/)],
    ['files of another machine', { secretFiles: far }, 'pass', /^2 replay volumes/, says('postgresPassword', /^not seen: the engine is on another machine/)],
    ['neither sts nor gateway', { containers: { sts: [], gateway: [] } }, 'not-applicable', /^no container of sts or gateway$/],
  ]);
  withoutAnswers('CRC-SVC-107', { 'no answer': { project: late }, 'no list': { containers: { sts: late } } });
});

describe('compose: Versions', () => {
  const tagged = (service: ComposeService, tag: string, changes: Partial<ContainerFacts['image']> = {}): readonly ContainerFacts[] => [container(service, { image: { ...imageOf(images[service], tag), ...changes } })];
  const all = (changes: Partial<ContainerFacts['image']>): Containers => Object.fromEntries((['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'] as const).map((service) => [service, [container(service, { image: { ...imageOf(images[service]), ...changes } })]]));
  const upgrade = (outcome: string, seconds: number) => ({ at: before(seconds), from: '0.9.0', to: '1.0.0', outcome });
  table('CRC-SVC-108', [
    ['one version', {}, 'pass', /^v1\.0\.0, all services$/, says('sts', /caracal-go:v1\.0\.0, 1a2b3c4d5e6f$/)],
    ['one differs', { containers: { sts: tagged('sts', 'v1.0.1') } }, 'warn', /^sts 1\.0\.1, the others 1\.0\.0$/],
    ['another image altogether', { containers: { web: [container('web', { image: { ...imageOf('web'), reference: 'nginx:1.27', tag: '1.27', version: null } })] } }, 'warn', /^web 1\.27, the others 1\.0\.0$/],
    ['a replica that was left behind', { containers: { sts: [container('sts'), ...tagged('sts', 'v0.9.0').map((each) => ({ ...each, number: 2 }))] } }, 'warn', /^sts 2 0\.9\.0, the others 1\.0\.0$/],
    ['all differ from the files', { home: { ...home, installed: { version: '1.0.1', updatedAt: null } } }, 'warn', /^images 1\.0\.0, runtime\.json 1\.0\.1$/],
    ['one reference, two images', { containers: { sts: tagged('sts', 'v1.0.0', { id: 'sha256:older' }) } }, 'warn', /^caracal-go:v1\.0\.0 stands for different images in sts, gateway and audit$/],
    ['tagged as something else', { containers: all({ version: 'v0.9.3' }) }, 'warn', /^api, sts and 4 more tagged v1\.0\.0, built as v0\.9\.3$/],
    ['a label of the image below', { containers: all({ version: '24.04' }) }, 'pass', /^v1\.0\.0/],
    ['the upgrade failed', { home: { ...home, upgrades: [upgrade('success', 9 * day), upgrade('migrationFailed', 7_200)] } }, 'warn', /^last upgrade, 2 h ago, to 1\.0\.0: migrationFailed$/],
    ['an upgrade failed and the next did well', { home: { ...home, upgrades: [upgrade('migrationFailed', 9_000), upgrade('success', 7_200)] } }, 'pass', /^v1\.0\.0/, says(`upgrade ${before(9_000)}`, /^0\.9\.0 to 1\.0\.0: migrationFailed$/)],
    ['two things', { containers: { sts: tagged('sts', 'v1.0.1') }, home: { ...home, upgrades: [upgrade('rollFailed', 7_200)] } }, 'warn', /^sts 1\.0\.1, the others 1\.0\.0, 1 more$/],
    ['images of a checkout', { containers: all({ tag: '1.0.0-dev.sha1a2b3c4', version: null }), home: { ...home, installed: null } }, 'pass', /^1\.0\.0-dev\.sha1a2b3c4, all services$/],
    ['a tag that is a word', { containers: all({ tag: 'latest', version: 'v1.0.0' }) }, 'pass', /^v1\.0\.0, all services$/],
    ['nothing tells it', { containers: all({ tag: null, version: null }) }, 'unknown', /^images tell no version$/],
    ['files of another machine', { home: far }, 'pass', /^v1\.0\.0/, says('runtime.json', /^not seen/)],
    ['a one-off of another version', { containers: { api: [container('api'), ...tagged('api', 'v0.9.0').map((each) => ({ ...each, oneoff: true }))] } }, 'pass', /^v1\.0\.0/],
    ['no container', { containers: Object.fromEntries(running.map((service) => [service, []])) }, 'not-applicable', /^no container of a service$/],
  ]);
  withoutAnswers('CRC-SVC-108', { 'no answer': { containers: { api: late } } });
});

describe('compose: Recent changes', () => {
  table('CRC-SVC-109', [
    ['quiet', {}, 'pass', /^last: postgres started 3 h ago$/, (verdict) => {
      assert.match(fact(verdict, before(9 * day).replace('.000', '')) ?? '', /postgresPassword changed \(postgres, dbMigrate\).*, 9 d ago$/);
      assert.match(fact(verdict, before(9 * day - 20).replace('.000', '')) ?? '', /^migration 0001_baseline applied \(Postgres\), 9 d ago$/);
    }],
    ['a restart', { containers: { sts: [container('sts', { startedAt: before(240), finishedAt: before(242) })] } }, 'pass', /^last: sts restarted 4 min ago$/, says(before(242).replace('.000', ''), /^sts ended, 4 min ago$/)],
    ['an end', { containers: { sts: [container('sts', ended(1))] } }, 'pass', /^last: sts exited 1 4 min ago$/],
    ['a secret', { secretFiles: secretFiles({ metricsBearer: { changedAt: before(60) } }) }, 'pass', /^last: metricsBearer changed \(sts, api, gateway, audit, coordinator\) 1 min ago$/],
    ['a file of the home', { home: { ...home, changed: [{ file: 'control/enabled', at: before(30) }] } }, 'pass', /^last: control\/enabled changed \(api, at once\) 30 s ago$/],
    ['an upgrade', { home: { ...home, upgrades: [{ at: before(120), from: '0.9.0', to: '1.0.0', outcome: 'success' }] } }, 'pass', /^last: upgrade to 1\.0\.0: success 2 min ago$/],
    ['a one-off', { containers: { dbMigrate: [oneShot('dbMigrate', { oneoff: true, name: 'caracal-dbMigrate-run-2a', createdAt: before(52), startedAt: before(51), finishedAt: before(50) })] } }, 'pass', /^last: caracal-dbMigrate-run-2a exited 0 50 s ago$/],
    ['a policy', { more: { 'postgres.policyActivations/Postgres': answer([{ zone: 'Payments', set: 'main', version: 3, at: before(15) }]) } }, 'pass', /^last: policy set main version 3 activated \(zone Payments\) 15 s ago$/],
    ['what was not seen', { secretFiles: far, home: far, project: broken, more: { 'postgres.migrations/Postgres': refused('42501'), 'postgres.policyActivations/Postgres': refused('42501') } }, 'pass', /^last: /, (verdict) => {
      for (const name of ['secret files', 'runtime home', 'volumes', 'migrations', 'policy activations']) assert.match(fact(verdict, name) ?? '', /^not seen: /);
    }],
    ['nothing at all', { containers: Object.fromEntries(running.map((service) => [service, []])), secretFiles: [], home: far, project: { ...project, volumes: [] }, more: { 'postgres.migrations/Postgres': late } }, 'pass', /^none seen$/],
    ['by the clock of the engine, which is ahead', { engine: answer({ ...engine, at: before(-3_600) }) }, 'pass', /^last: postgres started 4 h ago$/],
  ]);
  withoutAnswers('CRC-SVC-109', { 'no answer': { containers: { web: late } } });
});

describe('compose: Container', () => {
  const one = (service: ComposeService, changes: Partial<ContainerFacts>, more: Containers = {}): Seen => ({ containers: { [service]: [container(service, changes)], ...more } });
  const lost = /^restarting, exit 1, 7 restarts, no log line; likely its start failed and the line is lost$/;
  const jsonInfo = '{"level":"info","service":"sts","hostname":"sts-0","pid":7,"time":1787220000123,"msg":"listening"}';
  table('CRC-SVC-111', [
    ['well', {}, 'pass', /^up 3 h, healthy$/, (verdict) => {
      for (const [name, value] of [['container', 'caracal-sts-1'], ['restarts', '0'], ['health', 'healthy'], ['ports', '127.0.0.1:8080 to 8080'], ['memory limit', '1.0 GB'], ['mode', 'stable']] as const) assert.equal(fact(verdict, name), value);
    }],
    ['an old restart', one('sts', { restarts: 2, startedAt: before(2 * hour), finishedAt: before(2 * hour + 1) }), 'pass', /^up 2 h, healthy$/, says('restarts', /^2$/)],
    ['started anew by somebody', one('sts', { startedAt: before(60), finishedAt: before(61) }), 'pass', /^up 1 min, healthy$/],
    ['a second replica', { containers: { sts: [container('sts'), container('sts', { number: 2, startedAt: before(600) })] } }, 'pass', /^2 containers, up 3 h, healthy$/],
    ['facts of a second replica', { containers: { sts: [container('sts'), container('sts', { number: 2 })] } }, 'pass', /^2 containers/, says('sts 2 container', /^caracal-sts-2$/)],
    ['a second replica that is not well', { containers: { sts: [container('sts'), container('sts', { number: 2, health: healthOf('unhealthy', 25) })] } }, 'fail', /^sts 2: unhealthy: not ready/],
    ['a one-off beside it', { containers: { sts: [container('sts'), container('sts', { oneoff: true, status: 'exited', exitCode: 3 })] } }, 'pass', /^up 3 h, healthy$/],
    ['without a health check', one('sts', { health: null }), 'pass', /^up 3 h, no health check$/],
    ['absent', { containers: { sts: [] } }, 'fail', /^no container$/],
    ['unhealthy', one('sts', { health: healthOf('unhealthy', 25) }), 'fail', /^unhealthy: not ready, up 3 h, 25 health checks failed in a row$/, reasons(/Readiness › sts/)],
    ['unhealthy for want of an answer', one('sts', { health: healthOf('unhealthy', 25, 'Health check exceeded timeout (3s)') }), 'fail', /^unhealthy: not ready, no answer in time, up/],
    ['a health check that does not run', one('sts', { health: healthOf('unhealthy', 25, 'OCI runtime exec failed: exec failed: no such file') }), 'fail', /^unhealthy: the health check does not run/, says('health', /no such file$/)],
    ['on the way to unhealthy', one('sts', { health: healthOf('healthy', 8) }), 'warn', /^8 health checks failed in a row, up 3 h; called unhealthy after 20$/],
    ['one slow moment', one('sts', { health: healthOf('healthy', 1) }), 'pass', /^up 3 h, healthy$/],
    ['starting', one('sts', { startedAt: before(12), health: healthOf('starting') }), 'warn', /^starting, up 12 s$/],
    ['starting once more', one('sts', { startedAt: before(12), restarts: 1, health: healthOf('starting') }), 'warn', /^starting, up 12 s, 1 restart$/],
    ['seen alive within a loop', one('sts', { startedAt: before(4), restarts: 7, health: healthOf('starting') }), 'fail', /^restart loop, 7 restarts, up 4 s$/],
    ['seen alive within a loop, and a store is away', one('sts', { startedAt: before(16), restarts: 2, health: healthOf('starting') }, { redis: [container('redis', ended(0))] }), 'fail', /^restart loop, 2 restarts, up 16 s$/, reasons(/seen to be wrong: redis: exited\.$/)],
    ['restarted by itself', one('sts', { startedAt: before(240), restarts: 1 }), 'warn', /^restarted 4 min ago, healthy, 1 restart$/],
    ['a process of it was killed', one('sts', { oomKilled: true }), 'warn', /^out of memory since its start, up 3 h, healthy$/],
    ['waits for a store', one('sts', waiting, { redis: [container('redis', { health: healthOf('unhealthy', 30) })] }), 'fail', /^waits for redis, which is unhealthy$/, says('waits for postgres', /^nothing seen in the way$/)],
    ['waits for the migrator, which failed', one('sts', waiting, { dbMigrate: [oneShot('dbMigrate', { exitCode: 1 })] }), 'fail', /^waits for dbMigrate, which exited 1$/],
    ['waits for the migrator, which runs', one('sts', waiting, { dbMigrate: [oneShot('dbMigrate', { status: 'running' })] }), 'fail', /^waits for dbMigrate, which is running$/],
    ['waits for the migrator, which waits', one('sts', waiting, { dbMigrate: [oneShot('dbMigrate', { status: 'created', startedAt: null })], postgres: [container('postgres', { health: healthOf('starting') })] }), 'fail', /^waits for postgres, which is starting$/],
    ['waits for what ended', one('sts', waiting, { redis: [container('redis', ended(1))] }), 'fail', /^waits for redis, which exited 1$/],
    ['waits for nothing that is seen', one('sts', waiting), 'fail', /^created, not started$/],
    ['waits, and the others are out of sight', one('sts', waiting, { redis: late, postgres: late }), 'fail', /^created, not started$/],
    ['did not start', one('sts', { ...waiting, exitCode: 127, error: 'exec: "/usr/local/bin/sts": stat: no such file or directory' }), 'fail', /^did not start: exec/, says('error', /no such file/)],
    ['a file that it mounts is gone', one('sts', ended(127, { error: 'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "/secrets/redisUrl" to rootfs at "/run/secrets/redisUrl": no such file: unknown' })), 'fail', /^did not start, exited 127, 4 min ago: error mounting "\/secrets\/redisUrl" to rootfs at "\/run\/secrets\/redisUrl": no such file$/],
    ['paused', one('sts', { status: 'paused' }), 'fail', /^paused$/],
    ['ended in silence', one('sts', looping(1, [])), 'fail', lost, (verdict) => {
      assert.match(verdict.reasoning, /secret files.*Postgres.*Redis/);
      assert.equal(fact(verdict, 'secret files'), '3, none missing or empty');
      assert.equal(fact(verdict, 'redis'), 'running, healthy');
    }],
    ['ended in silence, a store is away', one('sts', looping(1, []), { redis: [container('redis', ended(1))] }), 'fail', lost, reasons(/seen to be wrong: redis: exited\./)],
    ['ended in silence, a secret is empty', { ...one('sts', looping(1, [])), secretFiles: secretFiles({ metricsBearer: { state: 'empty', bytes: 0 } }) }, 'fail', lost, reasons(/secret files: metricsBearer empty/)],
    ['ended in silence, and nothing beside it can be seen', { ...one('sts', looping(1, []), { redis: late, postgres: late }), secretFiles: far }, 'fail', lost],
    ['the lines of a run before tell nothing', one('sts', looping(1, [jsonInfo])), 'fail', /, no log line that tells why; likely its start failed and the line is lost$/],
    ['a line survived', one('sts', looping(1, [jsonInfo, '{"level":"error","service":"sts","error":"dial tcp 172.20.0.2:6379: connect: connection refused","msg":"init failed"}'])), 'fail', /^restarting, exit 1, 7 restarts: init failed: dial tcp/],
    ['a panic', one('sts', looping(2, ['panic: secret file empty: REDIS_URL=/run/secrets/redisUrl', 'goroutine 1 [running]:', 'main.main()', ' /src/cmd/main.go:31 +0x1d', 'exit status 2'])), 'fail', /^restarting, exit 2, 7 restarts: panic: secret file empty: REDIS_URL=\/run\/secrets\/redisUrl$/],
    ['a panic whose first line is out of sight', one('sts', looping(2, ['main.main()', ' /src/cmd/main.go:31 +0x1d'])), 'fail', /^restarting, exit 2, 7 restarts$/, reasons(/panic/)],
    ['its log cannot be read', one('sts', looping(1, null)), 'fail', /^restarting, exit 1, 7 restarts$/, reasons(/could not be read/)],
    ['stopped', one('sts', ended(0)), 'fail', /^exited 0, 4 min ago; stopped in order$/],
    ['ended by a signal', one('sts', ended(143)), 'fail', /^exited 143, 4 min ago; stopped in order$/],
    ['killed', one('sts', ended(137, { lastLines: [jsonInfo] })), 'fail', /^exited 137, 4 min ago; killed$/, reasons(/SIGKILL.*somebody stopped it/)],
    ['out of memory', one('sts', ended(137, { oomKilled: true })), 'fail', /^out of memory at 1\.0 GB, exited 137, 4 min ago; Argon2id takes 64 MB/, reasons(/CARACAL_STS_MEM_LIMIT/)],
    ['out of memory in a loop, without a limit', one('sts', looping(137, [], { oomKilled: true, memoryLimitBytes: null })), 'fail', /^out of memory, restarting, exit 137/],
    ['could not be started again', one('sts', ended(128, { error: 'port is already allocated' })), 'fail', /^did not start, exited 128, 4 min ago: port is already allocated$/],
    ['dead', one('sts', ended(1, { status: 'dead', lastLines: ['x'] })), 'fail', /^dead, exit 1/],
    ['being removed', one('sts', { status: 'removing' }), 'fail', /^being removed$/],
    ['being stopped', one('sts', { status: 'stopping' }), 'fail', /^being stopped$/],
    ['by the clock of the engine, which is behind', { engine: answer({ ...engine, at: before(hour) }) }, 'pass', /^up 2 h, healthy$/],
    ['without a clock of the engine', { engine: answer({ ...engine, at: null }) }, 'pass', /^up 3 h, healthy$/],
  ]);
  withoutAnswers('CRC-SVC-111', { 'no answer': { containers: { sts: late } }, 'an error': { containers: { sts: broken } } });
  table('CRC-SVC-110', [
    ['well', {}, 'pass', /^up 3 h, healthy$/],
    ['a setting that is missing', one('api', looping(1, ['Error: Required env var missing: STS_URL', '    at required (file:///app/api/dist/config.js:12:11)', 'Node.js v24.9.0'])), 'fail', /^restarting, exit 1, 7 restarts: Error: Required env var missing: STS_URL$/],
    ['a line that names no reason', one('api', looping(1, ['(node:1) [FSTDEP022] FastifyWarning'])), 'fail', /^restarting, exit 1, 7 restarts, last line: \(node:1\) \[FSTDEP022\] FastifyWarning$/],
    ['a long line', one('api', looping(1, [`Error: ${'x'.repeat(400)}`])), 'fail', /: Error: x{153}…$/],
    ['waits for one that was not started', one('api', waiting, { sts: [container('sts', waiting)] }), 'fail', /^waits for sts, which was not started$/],
    ['waits for one that is paused', one('api', waiting, { sts: [container('sts', { status: 'paused' })] }), 'fail', /^waits for sts, which is paused$/],
    ['a stack alone', one('api', looping(1, ['    at required (file:///app/api/dist/config.js:12:11)', 'Node.js v24.9.0'])), 'fail', /^restarting, exit 1, 7 restarts$/, reasons(/stand.* above/)],
    ['a line of the core logger', one('api', looping(1, ['{"level":"error","time":"2026-08-20T10:00:03.000Z","service":"api-bootstrap","msg":"startup failed: startup redis ping timed out"}'])), 'fail', /: startup failed: startup redis ping timed out$/],
    ['a line that was cut', one('api', looping(1, ['{"level":"error","msg":"startup failed","err":{"type":"Error","message":"connect \\"x\\" refused","stack":"Error: conn…'])), 'fail', /: startup failed: connect "x" refused$/],
    ['in silence, and it is not in Go', one('api', looping(1, [])), 'fail', /^restarting, exit 1, 7 restarts, no log line$/],
    ['waits for sts', one('api', waiting, { sts: [container('sts', { health: healthOf('unhealthy', 30) })] }), 'fail', /^waits for sts, which is unhealthy$/],
  ]);
  table('CRC-SVC-112', [
    ['waits for what waits', one('gateway', waiting, { api: [container('api', waiting)], sts: [container('sts', { health: healthOf('unhealthy', 30) })] }), 'fail', /^waits for sts, which is unhealthy$/],
    ['in silence', one('gateway', looping(1, [])), 'fail', lost, reasons(/tables of revocations/)],
  ]);
  table('CRC-SVC-113', [
    ['in silence', one('audit', looping(1, [])), 'fail', lost],
    ['out of memory', one('audit', ended(137, { oomKilled: true, memoryLimitBytes: 536_870_912 })), 'fail', /^out of memory at 512 MB, exited 137, 4 min ago$/],
  ]);
  table('CRC-SVC-114', [['unhealthy', one('coordinator', { health: healthOf('unhealthy', 21) }), 'fail', /^unhealthy: not ready/]]);
  table('CRC-SVC-115', [
    ['well, which says nothing of /ready', {}, 'pass', /^up 3 h, healthy$/, (verdict) => assert.ok(!verdict.reasoning.includes('/ready'))],
    ['unhealthy', one('web', { health: healthOf('unhealthy', 21) }), 'fail', /^unhealthy: not alive/],
    ['waits for one that waits', one('web', waiting, { api: [container('api', waiting)], coordinator: [container('coordinator', waiting)], sts: [container('sts', { health: healthOf('unhealthy', 30) })] }), 'fail', /^waits for api, which waits for sts, which is unhealthy$/],
    ['no sign-in', one('web', looping(1, ['Error: No operator sign-in method is configured'])), 'fail', /: Error: No operator sign-in method is configured$/],
  ]);
  table('CRC-SVC-116', [
    ['well', {}, 'pass', /^up 3 h, healthy$/],
    ['unhealthy', one('postgres', { health: healthOf('unhealthy', 21) }), 'fail', /^unhealthy: takes no connection/],
    ['ended', one('postgres', looping(1, ['2026-08-20 10:00:00.000 UTC [1] FATAL:  could not write lock file "postmaster.pid": No space left on device'])), 'fail', /FATAL: {2}could not write lock file/],
    ['absent', { containers: { postgres: [] } }, 'fail', /^no container$/],
    ['elsewhere', { containers: { postgres: [] }, more: { 'postgres.hello/Postgres': answer({ tls: true, tookMs: 2 }) } }, 'not-applicable', /^no container; one answers/],
  ]);
  table('CRC-SVC-117', [
    ['well', {}, 'pass', /^up 3 h, healthy$/],
    ['unhealthy', one('redis', { health: healthOf('unhealthy', 21), lastLines: ['1:M 20 Aug 2026 10:00:00.000 * Ready to accept connections tcp'] }), 'fail', /^unhealthy: streams not provisioned or PING refused, up 3 h/],
    ['unhealthy, and its log says why', one('redis', { health: healthOf('unhealthy', 21), lastLines: ['error: XGROUP CREATE caracal.audit.events'] }), 'fail', /^unhealthy: streams not provisioned, up 3 h/],
    ['elsewhere', { containers: { redis: [] }, more: { 'redis.hello/Redis': answer({ answer: '+PONG', tookMs: 2 }) } }, 'not-applicable', /^no container; one answers/],
  ]);
});

describe('a timeline of changes', () => {
  it('is newest first, with what happened in one second together and in its order', () => {
    const now = '2026-08-20T10:00:00.000Z';
    assert.deepEqual(timeline([{ at: '2026-08-20T09:00:00.000Z', what: 'a' }, { at: '2026-08-20T09:56:00.900Z', what: 'b' }, { at: '2026-08-20T09:56:00.900Z', what: 'c' }], now), {
      newest: 'b 4 min ago',
      facts: [{ name: '2026-08-20T09:56:00Z', value: 'b, c, 4 min ago' }, { name: '2026-08-20T09:00:00Z', value: 'a, 1 h ago' }],
    });
  });

  it('shows twenty and counts the rest', () => {
    const { facts } = timeline(Array.from({ length: 23 }, (_, index) => ({ at: before(index), what: 'x' })), before(0));
    assert.equal(facts.length, 21);
    assert.deepEqual(facts.at(-1), { name: 'before', value: '3 older changes' });
  });

  it('names some of many in one second', () => {
    const { facts } = timeline(Array.from({ length: 9 }, (_, index) => ({ at: before(5), what: `x${index}` })), before(0));
    assert.equal(facts[0]?.value, 'x0, x1, x2, x3, x4, x5, 3 more, 5 s ago');
  });

  it('leaves out what has no time, and takes a time ahead for now', () => {
    assert.deepEqual(timeline([{ at: '', what: 'x' }], before(0)), { newest: undefined, facts: [] });
    assert.equal(timeline([{ at: before(-30), what: 'x' }], before(0)).newest, 'x just now');
  });
});

describe('a list in words', () => {
  it('names three, or two and how many more', () => {
    assert.deepEqual([['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].map(listed), ['a', 'a and b', 'a, b and c', 'a, b and 2 more']);
  });
});

describe('what does not answer', () => {
  const said = async (containers: readonly ContainerFacts[]): Promise<string> =>
    (await judge('CRC-STO-020', { 'redis.hello/Redis': refused('ECONNREFUSED'), 'compose.containers/redis': answer(containers) })).summary;
  const rows: readonly (readonly [what: string, containers: readonly ContainerFacts[], summary: string])[] = [
    ['stopped', [container('redis', ended(0))], 'refused in 1 ms; container stopped'],
    ['killed', [container('redis', ended(137))], 'refused in 1 ms; container exited 137'],
    ['paused', [container('redis', { status: 'paused' })], 'refused in 1 ms; container paused'],
    ['restarting', [container('redis', looping(1, []))], 'refused in 1 ms; container restarting'],
    ['waiting', [container('redis', waiting)], 'refused in 1 ms; container not started'],
    ['removed', [], 'refused in 1 ms; no container'],
    ['running', [container('redis')], 'refused in 1 ms'],
    ['one of two stopped', [container('redis'), container('redis', { number: 2, ...ended(0) })], 'refused in 1 ms; container stopped'],
  ];
  for (const [what, containers, summary] of rows) {
    it(`says of its container: ${what}`, async () => assert.equal(await said(containers), summary));
  }

  it('is told of a service and of Postgres as well', async () => {
    const stopped = (service: ComposeService): Record<string, Outcome> => ({ [`compose.containers/${service}`]: answer([container(service, { status: 'paused' })]) });
    assert.match((await judge('CRC-RDY-011', { 'service.health/sts': timeout(5_000), ...stopped('sts') })).summary, /^no answer in 5 s; container paused$/);
    assert.match((await judge('CRC-STO-001', { 'postgres.hello/Postgres': timeout(6_000), ...stopped('postgres') })).summary, /^no answer in 6 s; container paused$/);
  });
});
