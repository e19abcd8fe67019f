import { chmod, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import { logOf } from './compose.ts';
import { ignoring } from './errors.ts';
import { type ContainerDecoy, until } from './faultParts.ts';
import { BUSYBOX, RESOURCE_SERVER } from './images.ts';
import { secretsFolder } from './project.ts';

/** Looks like a fault and is none. */
export const decoys: readonly ContainerDecoy[] = [
  {
    id: 'one-shots-removed',
    title: 'The one-shots are gone, as after every good start',
    contract: 'deploy-logs-metrics.md 0, fact 2',
    inject: async (lab) => {
      for (const service of ['dbMigrate', 'replayVolumeInit'] as const) {
        await eventually(`${service} is gone`, () => lab.container(service).inspect().then(() => false, () => true));
      }
    },
  },
  {
    id: 'restarted-by-hand',
    title: 'Somebody restarted the Coordinator a moment ago, and it is healthy',
    contract: 'deploy-logs-metrics.md 1.2, restart',
    inject: async (lab) => {
      await lab.container('coordinator').restart();
      await lab.compose.untilHealthy(['coordinator']);
    },
  },
  {
    id: 'second-replica',
    title: 'The STS has a second replica',
    contract: 'deploy-logs-metrics.md 1.8, Replica',
    inject: async (lab) => {
      const container = await lab.compose.createContainer('sts', { number: 2, changes: { port: [0, 8080] } });
      await container.start();
      await eventually('the second STS is healthy', async () => (await container.inspect()).State.Health?.Status === 'healthy');
    },
  },
  {
    id: 'other-projects',
    title: 'Other projects and containers are on the engine, and some of them are in a bad state',
    contract: 'deploy-logs-metrics.md 1.8',
    inject: async (lab) => {
      const { docker } = lab.engine;
      const labels = (project: string, service: string): Record<string, string> => ({
        'com.docker.compose.project': project, 'com.docker.compose.service': service, 'com.docker.compose.container-number': '1', 'com.docker.compose.oneoff': 'False',
      });
      const others = await Promise.all([
        docker.createContainer({ name: 'shop-api-1', Image: RESOURCE_SERVER, Labels: labels('shop', 'api'), HostConfig: { NetworkMode: 'none' } }),
        docker.createContainer({ name: 'shop-redis-1', Image: BUSYBOX, Cmd: ['sh', '-c', 'exit 1'], Labels: labels('shop', 'redis'), HostConfig: { NetworkMode: 'none', RestartPolicy: { Name: 'always' } } }),
        docker.createContainer({ name: 'scratchpad', Image: BUSYBOX, Cmd: ['sh', '-c', 'exit 137'], HostConfig: { NetworkMode: 'none' } }),
      ]);
      for (const container of others) {
        lab.atEnd(() => ignoring(404, container.remove({ force: true })));
        await container.start();
      }
      await eventually('one of them starts again and again', async () => (await docker.getContainer('shop-redis-1').inspect()).RestartCount >= 2);
    },
  },
  {
    id: 'secrets-chmod',
    title: 'The modes of the secret files were set again, as every start does',
    contract: 'deploy-logs-metrics.md 5.1, changes ctime, not mtime',
    inject: async (lab) => {
      const folder = secretsFolder(lab);
      const files = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
      for (const { name } of files) await chmod(join(folder, name), 0o444);
      const { ctimeMs: changedAt } = await stat(join(folder, 'streamsHmacKey'));
      await until(lab, 'sts', 'is older than the change', (state) => changedAt > Date.parse(state.StartedAt));
    },
  },
  {
    id: 'migration-run-done',
    title: 'A migration by hand succeeded, and its one-off container was left',
    contract: 'deploy-logs-metrics.md 1.8, One-off',
    inject: async (lab) => {
      const container = await lab.compose.createContainer('dbMigrate', { run: '93d2a6f0b815' });
      await container.start();
      const { StatusCode: code } = await container.wait() as { StatusCode: number };
      if (code !== 0) throw new Error(`the migration ended with ${String(code)}:\n${await logOf(container)}`);
    },
  },
  {
    id: 'orphan-volumes',
    title: 'Volumes that no container uses are left of the project and of nobody',
    contract: 'deploy-logs-metrics.md 1.5',
    inject: async (lab) => {
      const { docker } = lab.engine;
      const names = [`${lab.project}_oldPostgresData`, 'scratch'];
      for (const name of names) {
        await docker.createVolume({ Name: name, Labels: name === 'scratch' ? {} : { 'com.docker.compose.project': lab.project, 'com.docker.compose.volume': 'oldPostgresData' } });
        lab.atEnd(() => docker.getVolume(name).remove());
      }
    },
  },
];
