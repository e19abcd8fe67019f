import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Docker from 'dockerode';
import { logOf } from '../lab/docker/compose.ts';
import { type Engine, provideEngine, withoutPermission } from '../lab/docker/engine.ts';
import { type ContainerLab, startContainerLab } from '../lab/docker/lab.ts';
import { ONE_SHOTS } from '../lab/docker/project.ts';
import { eventually } from '../lab/eventually.ts';

const START_MS = 120_000;
const SECOND = 1_000_000_000;
const MEBIBYTE = 1024 * 1024;

const RUNNING = ['api', 'audit', 'coordinator', 'gateway', 'postgres', 'redis', 'sts', 'web'] as const;
type Running = typeof RUNNING[number];
const APPS = ['api', 'audit', 'coordinator', 'gateway', 'sts', 'web'] as const;

/** What contract, deploy 1.2 says of each: image, port inside, what it waits for, memory. */
const EXPECTED: Record<Running, { image: string; port: number; dependsOn: string; memoryMebibytes: number; startPeriodSeconds: number }> = {
  postgres: { image: 'postgres', port: 5432, dependsOn: '', memoryMebibytes: 0, startPeriodSeconds: 15 },
  redis: { image: 'redis', port: 6379, dependsOn: '', memoryMebibytes: 0, startPeriodSeconds: 10 },
  sts: {
    image: 'go', port: 8080, memoryMebibytes: 1024, startPeriodSeconds: 15,
    dependsOn: 'replayVolumeInit:service_completed_successfully:false,postgres:service_healthy:false,redis:service_healthy:false,dbMigrate:service_completed_successfully:false',
  },
  api: { image: 'node', port: 3000, memoryMebibytes: 512, startPeriodSeconds: 20, dependsOn: 'sts:service_healthy:false,dbMigrate:service_completed_successfully:false' },
  gateway: {
    image: 'go', port: 8081, memoryMebibytes: 1024, startPeriodSeconds: 15,
    dependsOn: 'replayVolumeInit:service_completed_successfully:false,sts:service_healthy:false,api:service_healthy:false,dbMigrate:service_completed_successfully:false',
  },
  audit: {
    image: 'go', port: 9090, memoryMebibytes: 512, startPeriodSeconds: 15,
    dependsOn: 'postgres:service_healthy:false,redis:service_healthy:false,dbMigrate:service_completed_successfully:false',
  },
  coordinator: { image: 'node', port: 4000, memoryMebibytes: 512, startPeriodSeconds: 20, dependsOn: 'sts:service_healthy:false,dbMigrate:service_completed_successfully:false' },
  web: { image: 'web', port: 3002, memoryMebibytes: 512, startPeriodSeconds: 20, dependsOn: 'postgres:service_healthy:false,api:service_healthy:false,coordinator:service_healthy:false' },
};

const READY: Record<typeof APPS[number], string> = {
  api: '{"ok":true}', sts: '{"ok":true,"ready":true}\n', gateway: '{"ok":true,"ready":true}\n', audit: '{"ready":true}\n', coordinator: '{"ok":true}', web: '{"status":"ready"}',
};

async function answer(lab: ContainerLab, name: typeof APPS[number], path: string): Promise<string> {
  const response = await fetch(`${lab.services[name].url}${path}`, { signal: AbortSignal.timeout(10_000) });
  return response.text();
}

describe('the lab in containers', function () {
  this.timeout(START_MS);
  let engine: Engine;
  let lab: ContainerLab;
  const found = new Map<Running, Docker.ContainerInspectInfo>();
  const of = (name: Running): Docker.ContainerInspectInfo => {
    const container = found.get(name);
    assert.ok(container !== undefined, name);
    return container;
  };

  before(async () => {
    engine = await provideEngine();
    lab = await startContainerLab({ engine });
    for (const name of RUNNING) found.set(name, await lab.container(name).inspect());
  });
  after(async () => {
    await lab.close();
    await engine.close();
  });

  it('is healthy everywhere, without a word from the health checks of the services', () => {
    for (const name of RUNNING) {
      const { State: state, RestartCount: restarts } = of(name);
      assert.deepEqual([name, state.Status, state.Health?.Status, restarts], [name, 'running', 'healthy', 0]);
    }
    for (const name of APPS) assert.deepEqual(of(name).State.Health?.Log.map(({ ExitCode, Output }) => [ExitCode, Output]).at(-1), [0, ''], name);
  });

  it('has no container of the project but the long-running ones: the one-shots are gone', async () => {
    const containers = await engine.docker.listContainers({ all: true, filters: { label: ['com.docker.compose.project=caracal'] } });
    assert.deepEqual(containers.flatMap(({ Names }) => Names).sort(), RUNNING.map((name) => `/caracal-${name}-1`));
    for (const name of ONE_SHOTS) await assert.rejects(lab.container(name).inspect(), { statusCode: 404 });
  });

  it('has the labels of Docker Compose', () => {
    for (const name of RUNNING) {
      const { Labels: labels } = of(name).Config;
      assert.match(labels['com.docker.compose.config-hash'] ?? '', /^[0-9a-f]{64}$/);
      const expected = {
        'com.docker.compose.project': 'caracal', 'com.docker.compose.service': name, 'com.docker.compose.container-number': '1', 'com.docker.compose.oneoff': 'False',
        'com.docker.compose.project.working_dir': lab.home, 'com.docker.compose.project.config_files': join(lab.home, 'compose.yml'),
        'com.docker.compose.project.environment_file': join(lab.home, 'caracal.env'), 'com.docker.compose.depends_on': EXPECTED[name].dependsOn,
        'com.docker.compose.image': of(name).Image, 'org.opencontainers.image.version': 'v1.0.0',
      };
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((label) => [label, labels[label]])), expected);
      assert.match(labels['org.opencontainers.image.revision'] ?? '', /^[0-9a-f]{40}$/);
    }
  });

  it('has the settings of Caracal\'s Compose file', () => {
    for (const name of RUNNING) {
      const { Config: config, HostConfig: host } = of(name);
      const { image, port, memoryMebibytes, startPeriodSeconds } = EXPECTED[name];
      assert.equal(config.Image, `ghcr.io/garudex-labs/caracal-${image}:v1.0.0`);
      assert.deepEqual(host.PortBindings, { [`${String(port)}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(name === 'postgres' || name === 'redis' ? lab[name].port : lab.services[name].port) }] });
      assert.deepEqual(
        [host.RestartPolicy?.Name, host.Init, host.ReadonlyRootfs, host.SecurityOpt, host.CapDrop, host.Memory, host.NetworkMode],
        ['unless-stopped', true, true, ['no-new-privileges:true'], ['ALL'], memoryMebibytes * MEBIBYTE, 'caracalData'], name,
      );
      assert.deepEqual(host.LogConfig, { Type: 'json-file', Config: { 'max-file': '5', 'max-size': '10m' } });
      const { Interval, Timeout, Retries, StartPeriod } = config.Healthcheck ?? {};
      assert.deepEqual([Interval, Timeout, Retries, StartPeriod], [5 * SECOND, 3 * SECOND, 20, startPeriodSeconds * SECOND], name);
    }
    for (const name of APPS) {
      assert.deepEqual([of(name).Config.Healthcheck?.Test, of(name).Config.User, of(name).HostConfig.Tmpfs], [['CMD', '/healthcheck'], '65532:65532', { '/tmp': 'size=64m' }], name);
    }
  });

  it('mounts secrets from the runtime home, and volumes under the project\'s name', () => {
    const mounts = (name: Running): Record<string, unknown> => Object.fromEntries(of(name).Mounts.map(({ Destination, Source, Name, RW }) => [Destination, [Name ?? Source, RW]]));
    assert.deepEqual(mounts('sts')['/run/secrets/databaseUrl'], [join(lab.home, 'secrets', 'stsDatabaseUrl'), false]);
    assert.deepEqual(mounts('web')['/run/secrets/authDatabaseUrl'], [join(lab.home, 'secrets', 'authDatabaseUrl'), false]);
    assert.deepEqual(mounts('api')['/run/caracal-control'], [join(lab.home, 'control'), false]);
    assert.deepEqual(mounts('sts')['/var/lib/caracal'], ['caracal_stsReplay', true]);
    assert.deepEqual(mounts('gateway')['/var/lib/caracal'], ['caracal_gatewayReplay', true]);
    assert.deepEqual(mounts('postgres')['/var/lib/postgresql'], ['caracal_postgresData', true]);
    assert.deepEqual(mounts('redis')['/data'], ['caracal_redisData', true]);
  });

  it('shows no secret in its environment', () => {
    for (const name of RUNNING) {
      const environment = of(name).Config.Env.join('\n');
      for (const secret of Object.values(lab.secrets)) assert.ok(!environment.includes(secret), name);
    }
  });

  it('answers through its published ports', async () => {
    for (const name of APPS) assert.equal(await answer(lab, name, '/ready'), READY[name], name);
  });

  it('logs what the images of Caracal log', async () => {
    assert.match(await logOf(lab.container('redis')), /^redis streams provisioned$/m);
    assert.match(await logOf(lab.container('postgres')), /database system is ready to accept connections/);
    assert.match(await logOf(lab.container('sts')), /^\{"level":"info","service":"sts","hostname":"[0-9a-f]{12}","pid":\d+,"version":"dev","env":"development",.*"msg":"listening"\}$/m);
  });

  it('has the runtime home of an installation', async () => {
    assert.deepEqual((JSON.parse(await readFile(join(lab.home, 'runtime.json'), 'utf8')) as { version: string }).version, '1.0.0');
    assert.match(await readFile(join(lab.home, 'compose.yml'), 'utf8'), /^name: caracal$/m);
    assert.match(await readFile(join(lab.home, 'secrets', 'stsDatabaseUrl'), 'utf8'), /^postgres:\/\/caracalsts:[0-9a-f]{48}@postgres:5432\/caracal$/);
    assert.match(await readFile(join(lab.home, 'upgrade.log'), 'utf8'), /"outcome":"success"\}\n$/);
    const target = JSON.parse(await readFile(lab.targetFile, 'utf8')) as Record<string, unknown>;
    assert.deepEqual([target['kind'], target['project'], target['engine']], ['compose', 'caracal', { host: engine.host }]);
  });

  it('has a socket that another account may not use', async () => {
    if (!engine.own) return assert.rejects(withoutPermission(() => Promise.resolve()), /only root/);
    await withoutPermission(() => assert.rejects(engine.docker.ping(), { code: 'EACCES' }));
    await engine.docker.ping();
  });

  it('comes back with its engine', async () => {
    if (!engine.own) return assert.rejects(engine.stop(), /was there before/);
    await engine.stop();
    await assert.rejects(engine.docker.ping());
    await engine.start();
    await lab.compose.untilHealthy(RUNNING);
    for (const name of APPS) assert.equal(await answer(lab, name, '/ready'), READY[name], name);
  });

  it('goes on while its engine does not answer', async () => {
    if (!engine.own) return assert.rejects(engine.freeze(), /was there before/);
    await engine.freeze();
    try {
      const silent = Promise.race([engine.docker.ping().then(() => 'an answer'), new Promise((resolve) => setTimeout(resolve, 1000, 'nothing'))]);
      assert.equal(await answer(lab, 'sts', '/ready'), READY.sts);
      assert.equal(await silent, 'nothing');
    } finally {
      await engine.thaw();
    }
    await engine.docker.ping();
  });

  it('leaves nothing on the engine', async () => {
    await lab.close();
    assert.deepEqual(await engine.docker.listContainers({ all: true }), []);
    assert.deepEqual((await engine.docker.listVolumes()).Volumes, []);
    assert.deepEqual((await engine.docker.listNetworks()).map(({ Name }) => Name).filter((name) => !['bridge', 'host', 'none'].includes(name)), []);
    assert.ok(!existsSync(lab.home));
  });
});

describe('an engine of the lab\'s own', function () {
  this.timeout(START_MS);

  it('goes with the process that started it, even when that is killed', async () => {
    const modules = ['engine', 'images'].map((name) => fileURLToPath(new URL(`../lab/docker/${name}.ts`, import.meta.url)));
    const program = `
      const { provideEngine } = await import(${JSON.stringify(modules[0])});
      const { provideImages, RESOURCE_SERVER } = await import(${JSON.stringify(modules[1])});
      const engine = await provideEngine();
      await provideImages(engine.docker);
      await engine.docker.createNetwork({ Name: 'left', Driver: 'bridge' });
      const container = await engine.docker.createContainer({ Image: RESOURCE_SERVER, HostConfig: { NetworkMode: 'left', RestartPolicy: { Name: 'always' } } });
      await container.start();
      const { State: { Pid } } = await container.inspect();
      process.stdout.write(JSON.stringify({ host: engine.host, own: engine.own, gateway: (await engine.docker.getNetwork('left').inspect()).IPAM.Config[0].Gateway }));
      setInterval(() => undefined, 1000);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [output] = await once(child.stdout, 'data') as [Buffer];
    const { host, own, gateway } = JSON.parse(output.toString()) as { host: string; own: boolean; gateway: string };
    const addresses = (): string[] => Object.values(networkInterfaces()).flatMap((found) => found ?? []).map(({ address }) => address);
    assert.ok(!own || addresses().includes(gateway), 'its bridge is there while it runs');
    child.kill('SIGKILL');
    if (!own) return;
    const folder = join(host.slice('unix://'.length), '..');
    await eventually('the folder of the engine is gone', () => Promise.resolve(!existsSync(folder)));
    assert.ok(!addresses().includes(gateway), 'and its bridge');
    assert.ok(!(await readFile('/proc/self/mounts', 'utf8')).includes(folder), 'and its mounts');
  });
});
