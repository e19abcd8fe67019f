import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import { signedStreamsHaveEntries } from '../faults/effects.ts';
import { all, ids } from '../faults/fault.ts';
import { behindApi, behindPostgresSession, behindService, figures } from '../faults/groups.ts';
import { derivedSecrets } from '../lab.ts';
import { RELEASE } from '../services/deployment.ts';
import { serveHttp } from '../services/http-server.ts';
import { newSecrets, writeRuntimeHome } from '../services/runtime-home.ts';
import { Compose } from './compose.ts';
import { addition, changeSecret, type ContainerFault, failMigration, loops, nothingStarted, ready, secretFile, startInVain, until } from './faultParts.ts';
import { DEVELOPMENT, imageName, OLDER, provideRelease, REGISTRY } from './images.ts';
import { networkName } from './project.ts';

/** What containers are given: files, ports, networks, volumes, migrations, and the project as a whole. */
export const projectFaults: readonly ContainerFault[] = [
  {
    id: 'gateway-secret-missing',
    title: 'A secret file of the Gateway is gone, and the Gateway was restarted',
    contract: 'deploy-logs-metrics.md 5.1; 1.9',
    verdicts: { ...all('fail', 'CRC-RDY-021', ...ids('SVC', 105, 112)), ...all('blocked', ...behindService.gateway) },
    inject: async (lab) => {
      await rm(secretFile(lab, 'gatewayDatabaseUrl'));
      await lab.services.gateway.stop();
      // The engine looks at the files before it begins: it keeps no error in the state.
      await startInVain(lab.container('gateway'), /bind source path does not exist|no such file/);
      await until(lab, 'gateway', 'has exited', (state) => state.Status === 'exited');
    },
  },
  {
    id: 'audit-secret-empty',
    title: 'A secret file of Audit is empty',
    contract: 'deploy-logs-metrics.md 1.9, Go container exits 2',
    verdicts: { ...all('fail', 'CRC-RDY-031', ...ids('SVC', 105, 113)), ...all('blocked', ...behindService.audit) },
    inject: async (lab) => {
      await truncate(secretFile(lab, 'auditDatabaseUrl'));
      await lab.container('audit').restart();
      await loops(lab, 'audit', 2, /panic: secret file empty: DATABASE_URL_FILE=\/run\/secrets\/databaseUrl/);
    },
  },
  {
    id: 'api-secret-empty',
    title: 'A secret file of the API is empty',
    contract: 'deploy-logs-metrics.md 1.9, API/Coordinator exit 1',
    verdicts: { ...all('fail', 'CRC-RDY-001', ...ids('SVC', 105, 110)), ...all('blocked', ...behindService.api) },
    inject: async (lab) => {
      await truncate(secretFile(lab, 'apiDatabaseUrl'));
      await lab.container('api').restart();
      await loops(lab, 'api', 1, /Error: Secret file empty: DATABASE_URL_FILE=\/run\/secrets\/databaseUrl/);
    },
  },
  {
    id: 'gateway-port-taken',
    title: 'Something else holds the host port of the Gateway',
    contract: 'deploy-logs-metrics.md 1.4',
    verdicts: { ...all('fail', ...ids('SVC', 103, 112)), ...all('unknown', 'CRC-RDY-021', ...behindService.gateway) },
    inject: async (lab) => {
      const container = await lab.compose.replace('gateway');
      const holder = await serveHttp((_, response) => response.end(), lab.services.gateway.port);
      lab.atEnd(() => holder.close());
      await startInVain(container, /address already in use/);
      await until(lab, 'gateway', 'has the error of its start', (state) => /address already in use/.test(state.Error));
    },
  },
  {
    id: 'migration-failed',
    title: 'The migration does not get into Postgres: somebody changed the password there',
    contract: 'deploy-logs-metrics.md 0, facts 2 and 12; 1.9, dbMigrate exited 1',
    verdicts: { ...nothingStarted, ...all('fail', 'CRC-STO-002', 'CRC-SVC-102'), ...all('blocked', ...behindPostgresSession) },
    inject: async (lab) => {
      await lab.sql(`ALTER ROLE caracal PASSWORD '${randomBytes(24).toString('hex')}'`);
      await failMigration(lab, 1);
    },
  },
  {
    id: 'postgres-password-newer',
    title: 'The password of Postgres was generated again after the database had been created',
    contract: 'deploy-logs-metrics.md 1.9, dbMigrate exited 1',
    verdicts: { ...nothingStarted, ...all('fail', ...ids('SVC', 102, 107)) },
    inject: async (lab) => {
      await changeSecret(lab, 'postgresPassword', 'postgres');
      await failMigration(lab, 1);
    },
  },
  {
    id: 'api-other-network',
    title: 'The API is not on the network of the project',
    contract: 'deploy-logs-metrics.md 1.1, network',
    verdicts: { ...all('fail', 'CRC-RDY-003', 'CRC-SVC-104'), 'CRC-SVC-110': 'warn', ...all('unknown', ...figures.api), ...all('blocked', ...behindApi) },
    inject: async (lab) => {
      const other = await lab.engine.docker.createNetwork({ Name: `${lab.project}-tools`, Driver: 'bridge' });
      lab.atEnd(() => other.remove());
      await lab.engine.docker.getNetwork(networkName(lab.project)).disconnect({ Container: lab.container('api').id, Force: true });
      await other.connect({ Container: lab.container('api').id });
      lab.atEnd(() => lab.compose.remove('api'));
      await until(lab, 'api', 'is on the other network alone', (_, { NetworkSettings: { Networks: networks } }) => Object.keys(networks).join() === `${lab.project}-tools`);
    },
  },
  {
    id: 'sts-replay-read-only',
    title: 'The replay volume of the STS is mounted read-only',
    contract: 'deploy-logs-metrics.md 1.5; readiness.md 2.3, audit_replay_unavailable',
    verdicts: { ...all('fail', 'CRC-RDY-013', 'CRC-SVC-107'), 'CRC-SVC-111': 'warn', 'CRC-SVC-013': 'blocked' },
    inject: async (lab) => {
      const volumes = lab.compose.definitions.sts.volumes.map((volume) => volume.startsWith('stsReplay:') ? `${volume}:ro` : volume);
      await lab.compose.recreate('sts', { volumes });
      await lab.compose.untilAnswers('sts');
      await ready(lab, 'sts', 'audit_replay_unavailable');
    },
  },
  {
    id: 'gateway-replay-of-root',
    title: 'The replay folder of the Gateway belongs to root',
    contract: 'deploy-logs-metrics.md 1.2, replayVolumeInit; readiness.md 2.3, audit_replay_unavailable',
    verdicts: { 'CRC-RDY-023': 'fail', 'CRC-SVC-112': 'warn' },
    inject: async (lab) => {
      const container = await lab.compose.createContainer('replayVolumeInit', {
        changes: { command: ['sh', '-ec', 'chown 0:0 /gateway/audit-replay; chmod 0750 /gateway/audit-replay'] },
      });
      await container.start();
      await container.wait();
      await container.remove();
      await ready(lab, 'gateway', 'audit_replay_unavailable');
    },
  },
  {
    id: 'two-projects',
    title: 'A checkout was brought up while web was down, and has its port',
    contract: 'deploy-logs-metrics.md 0, fact 1; 1.1',
    verdicts: { ...all('fail', ...ids('SVC', 103, 115)), ...all('unknown', 'CRC-RDY-051', ...behindService.web) },
    inject: async (lab) => {
      await provideRelease(lab.engine.docker, 'localhost/', DEVELOPMENT);
      const home = join(lab.directory, 'checkout');
      const secrets = newSecrets();
      const stores = { dsn: (user: string, password: string) => `postgres://${user}:${password}@postgres:5432/caracal` };
      await writeRuntimeHome(home, { ...secrets, ...derivedSecrets(stores, { url: `redis://:${secrets.redisPassword}@redis:6379` }, secrets) }, RELEASE);
      for (const folder of ['control', 'ca']) await mkdir(join(home, folder));
      const other = new Compose(lab.engine.docker, {
        ...lab.compose.place, name: lab.project === 'caracal-dev' ? 'caracal' : 'caracal-dev', home, registry: 'localhost/', tag: DEVELOPMENT,
      });
      lab.atEnd(() => other.down());
      await other.create();
      await lab.services.web.stop();
      // Its stores do not run, but it listens before it asks them.
      await other.container('web').start();
      await eventually('the other web answers', () => fetch(`${lab.services.web.url}/health`, { signal: AbortSignal.timeout(1_000) }).then(({ ok }) => ok, () => false));
      await startInVain(lab.container('web'), /port is already allocated/);
    },
  },
  {
    id: 'secret-changed',
    title: 'A key was changed after the services had read it',
    contract: 'deploy-logs-metrics.md 5.1, no change takes effect without a restart',
    verdicts: { 'CRC-SVC-106': 'warn', ...all('unknown', ...ids('STR', 25, 38, 55)) },
    inject: async (lab) => {
      await signedStreamsHaveEntries(lab);
      await changeSecret(lab, 'streamsHmacKey', 'sts');
    },
  },
  {
    id: 'upgrade-half-done',
    title: 'An upgrade ended while it replaced containers: two still run the older release',
    contract: 'deploy-logs-metrics.md 1.6, upgrade.log; 1.7, upgrade',
    verdicts: { 'CRC-SVC-108': 'warn' },
    inject: async (lab) => {
      await provideRelease(lab.engine.docker, REGISTRY, OLDER);
      await lab.compose.recreate('coordinator', { image: imageName(REGISTRY, 'node', OLDER) });
      await lab.compose.recreate('web', { image: imageName(REGISTRY, 'web', OLDER) });
      await appendFile(join(lab.home, 'upgrade.log'), `${JSON.stringify({ at: new Date().toISOString(), from: OLDER.slice(1), to: RELEASE, outcome: 'rollFailed' })}\n`);
      await lab.compose.untilHealthy(['coordinator', 'web']);
    },
  },
  {
    id: 'migration-run-failed',
    title: 'A migration by hand failed, and its one-off container was left',
    contract: 'deploy-logs-metrics.md 1.7, run --rm dbMigrate; 1.8, One-off',
    verdicts: { 'CRC-SVC-102': 'fail' },
    inject: async (lab) => {
      const container = await lab.compose.createContainer('dbMigrate', {
        run: '4be1c07d9a35', changes: addition(lab, 'dbMigrate', { PGHOST: 'database', MIGRATION_CONNECT_RETRIES: '1' }),
      });
      await container.start();
      await container.wait();
    },
  },
];
