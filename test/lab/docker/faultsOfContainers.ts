import { auditReaderFailed, gatewayMissesSts } from '../faults/effects.ts';
import { all, ids, range } from '../faults/fault.ts';
import { behindService } from '../faults/groups.ts';
import { postgresGone } from '../faults/postgres.ts';
import { redisGone } from '../faults/redis.ts';
import { exitCodeOf } from './compose.ts';
import { addition, type ContainerFault, loops, MEBIBYTE, unhealthy, until, withHealth } from './faultParts.ts';
import { imageName, OLDER, provideRelease, REGISTRY } from './images.ts';

/** Containers that do not run, or run other than they should. */
export const containerFaults: readonly ContainerFault[] = [
  {
    id: 'sts-stopped',
    title: 'Somebody stopped the STS',
    contract: 'deploy-logs-metrics.md 1.8, State',
    verdicts: { ...all('fail', ...ids('RDY', 11, 23, 90), 'CRC-SVC-111'), 'CRC-SVC-112': 'warn', ...all('blocked', ...behindService.sts) },
    inject: async (lab) => {
      await lab.services.sts.stop();
      await until(lab, 'sts', 'has exited', (state) => state.Status === 'exited');
      await gatewayMissesSts(lab);
    },
  },
  {
    id: 'redis-stopped',
    title: 'Somebody stopped Redis',
    contract: 'deploy-logs-metrics.md 0, facts 5 and 11',
    verdicts: { ...redisGone, 'CRC-SVC-117': 'fail', ...all('warn', ...ids('SVC', ...range(110, 114))) },
    inject: async (lab) => {
      await lab.redis.stop();
      await until(lab, 'redis', 'has exited', (state) => state.Status === 'exited');
      await auditReaderFailed(lab);
    },
  },
  {
    id: 'api-paused',
    title: 'The API is paused',
    contract: 'deploy-logs-metrics.md 1.8, State',
    verdicts: { ...all('fail', 'CRC-RDY-001', 'CRC-SVC-110'), ...all('blocked', ...behindService.api) },
    inject: async (lab) => {
      await lab.services.api.freeze();
      await until(lab, 'api', 'is paused', (state) => state.Paused);
    },
  },
  {
    id: 'postgres-paused',
    title: 'Postgres is paused',
    contract: 'deploy-logs-metrics.md 1.8, State',
    verdicts: { ...postgresGone, 'CRC-SVC-116': 'fail', ...all('warn', ...ids('SVC', 110, 111, 113, 114)) },
    inject: async (lab) => {
      await lab.postgres.freeze();
      await until(lab, 'postgres', 'is paused', (state) => state.Paused);
    },
  },
  {
    id: 'audit-restarts',
    title: 'Audit starts again and again: a number of its configuration is none',
    contract: 'deploy-logs-metrics.md 1.9, Go container exits 2',
    verdicts: { ...all('fail', 'CRC-RDY-031', 'CRC-SVC-113'), ...all('blocked', ...behindService.audit) },
    inject: async (lab) => {
      await lab.compose.recreate('audit', addition(lab, 'audit', { AUDIT_RETENTION_DAYS: 'forever' }));
      await loops(lab, 'audit', 2, /^panic: invalid integer for AUDIT_RETENTION_DAYS/);
    },
  },
  {
    id: 'coordinator-restarted',
    title: 'The Coordinator was killed a moment ago, and the engine started it again',
    contract: 'deploy-logs-metrics.md 1.2, restart',
    verdicts: { 'CRC-SVC-114': 'warn' },
    inject: async (lab) => {
      await exitCodeOf(lab.container('coordinator'), ['/bin/sh', '-c', 'kill -KILL -1']);
      await until(lab, 'coordinator', 'was started again', (state, { RestartCount: restarts }) => restarts === 1 && state.Health?.Status === 'healthy');
    },
  },
  {
    id: 'audit-silent-exit',
    title: 'Audit ends without a word: it does not reach Redis when it starts',
    contract: 'deploy-logs-metrics.md 0, fact 3; 1.9, restart loop',
    verdicts: { ...all('fail', 'CRC-RDY-031', 'CRC-SVC-113'), ...all('blocked', ...behindService.audit) },
    inject: async (lab) => {
      await lab.compose.recreate('audit', addition(lab, 'audit', { REDIS_URL: 'redis://redis:6380' }));
      await loops(lab, 'audit', 1, /^$/);
    },
  },
  {
    id: 'gateway-mode-invalid',
    title: 'The Gateway has a mode that does not exist',
    contract: 'deploy-logs-metrics.md 1.9, Go container exits 2',
    verdicts: { ...all('fail', 'CRC-RDY-021', 'CRC-SVC-112'), ...all('blocked', ...behindService.gateway) },
    inject: async (lab) => {
      await lab.compose.recreate('gateway', addition(lab, 'gateway', { CARACAL_MODE: 'staging' }));
      await loops(lab, 'gateway', 2, /^panic: CARACAL_MODE must be/);
    },
  },
  {
    id: 'sts-out-of-memory',
    title: 'The STS is killed for the memory that it takes',
    contract: 'deploy-logs-metrics.md 1.9, OOMKilled',
    verdicts: { ...all('fail', ...ids('RDY', 11, 23, 90), 'CRC-SVC-111'), 'CRC-SVC-112': 'warn', ...all('blocked', ...behindService.sts) },
    inject: async (lab) => {
      await lab.compose.recreate('sts', { limits: { ...lab.compose.definitions.sts.limits, memoryBytes: 16 * MEBIBYTE } });
      await until(lab, 'sts', 'was killed for its memory', (state, { RestartCount: restarts }) => restarts >= 2 && state.OOMKilled);
      await gatewayMissesSts(lab);
    },
  },
  {
    id: 'coordinator-older-image',
    title: 'The Coordinator runs the image of an older release',
    contract: 'deploy-logs-metrics.md 1.1, images',
    verdicts: { 'CRC-SVC-108': 'warn' },
    inject: async (lab) => {
      await provideRelease(lab.engine.docker, REGISTRY, OLDER);
      await lab.compose.recreate('coordinator', { image: imageName(REGISTRY, 'node', OLDER) });
      await lab.compose.untilHealthy(['coordinator']);
    },
  },
  {
    id: 'coordinator-unhealthy',
    title: 'The Coordinator is not ready, because an event of its outbox is dead',
    contract: 'deploy-logs-metrics.md 1.3; storage-and-streams.md 3.2',
    verdicts: all('fail', 'CRC-RDY-043', 'CRC-STR-091', 'CRC-SVC-114'),
    inject: async (lab) => {
      withHealth(lab, 'coordinator');
      await lab.compose.recreate('coordinator');
      await lab.sql(
        `INSERT INTO caracal_outbox (id, producer, topic, dedupe_key, payload_json, status, attempts)
         VALUES (gen_random_uuid()::text, 'coordinator', 'caracal.agents.lifecycle', 'spawn:gone', '{"event":"spawn"}', 'dead', 10)`,
      );
      await unhealthy(lab, 'coordinator');
    },
  },
  {
    id: 'redis-not-provisioned',
    title: 'Redis answers, but its streams could not be provisioned',
    contract: 'deploy-logs-metrics.md 1.9, redis unhealthy; storage-and-streams.md 6.3',
    verdicts: { ...all('fail', 'CRC-STR-040', 'CRC-SVC-117'), ...all('blocked', ...ids('STR', 41, 42, 43)) },
    inject: async (lab) => {
      withHealth(lab, 'redis');
      await lab.redisClient.del('caracal.keys.invalidate');
      await lab.redisClient.set('caracal.keys.invalidate', 'no stream');
      // Redis is asked to end: when it is killed while its disk is slow, what it has written last is not there again.
      await lab.redis.stop();
      await lab.compose.recreate('redis');
      await unhealthy(lab, 'redis');
    },
  },
  {
    id: 'dependants-created',
    title: 'The STS does not become healthy, and what waits for it was never started',
    contract: 'deploy-logs-metrics.md 1.2, consequence chain',
    verdicts: {
      ...all('fail', ...ids('RDY', 1, 13, 21, 41, 51), 'CRC-STR-040', ...ids('SVC', 110, 111, 112, 114, 115)),
      ...all('blocked', ...ids('STR', 41, 42, 43), ...behindService.api, ...behindService.gateway, ...behindService.coordinator, ...behindService.web),
    },
    inject: async (lab) => {
      for (const service of ['api', 'gateway', 'coordinator', 'web'] as const) await lab.compose.replace(service);
      withHealth(lab, 'sts');
      await lab.redisClient.del('caracal.keys.invalidate');
      await lab.redisClient.set('caracal.keys.invalidate', 'no stream');
      await lab.compose.recreate('sts');
      await unhealthy(lab, 'sts');
    },
  },
  {
    id: 'web-removed',
    title: 'The container of web was removed',
    contract: 'deploy-logs-metrics.md 1.2',
    verdicts: { ...all('fail', ...ids('SVC', 101, 115)), ...all('unknown', 'CRC-RDY-051', ...behindService.web) },
    inject: (lab) => lab.compose.remove('web'),
  },
];
