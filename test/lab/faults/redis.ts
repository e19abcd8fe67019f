import { once } from 'node:events';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import type { Lab } from '../lab.ts';
import { answers, auditReaderFailed } from './effects.ts';
import { all, ids, range } from './fault.ts';
import type { Decoy, Fault } from './fault.ts';
import { behindApi, behindRedis, streams } from './groups.ts';

export const redisGone = {
  ...all('fail', 'CRC-STO-020', ...ids('RDY', 3, 13, 23, 32, 33, 43, 90)),
  ...all('blocked', 'CRC-RDY-034', ...behindRedis),
};

/** What a Redis that takes no write does to the services whose readiness writes, and to the events of the STS. */
const writesRefused = {
  ...all('fail', 'CRC-STO-031', ...ids('RDY', 3, 43, 90)),
  ...all('blocked', ...behindApi),
  ...all('unknown', ...ids('SVC', 40, 43)),
  'CRC-SVC-019': 'warn',
} as const;

async function answersAnything(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    socket.write('PING\r\n');
    await once(socket, 'data', { signal: AbortSignal.timeout(1_000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The STS could not write its audit events to Redis and keeps them in files. */
async function stsKeepsEvents(lab: Lab): Promise<void> {
  await eventually('the STS keeps audit events in files', async () => {
    const response = await fetch(`${lab.services.sts.url}/metrics.json`, { headers: { authorization: `Bearer ${lab.secrets.metricsBearer}` }, signal: AbortSignal.timeout(5_000) });
    return /"audit_replay_files":[1-9]/.test(await response.text());
  });
}

const megabyte = 1_048_576;

async function info(lab: Lab, field: string): Promise<string> {
  return new RegExp(`^${field}:(.*)\r$`, 'm').exec(await lab.redisClient.info())?.[1] ?? '';
}

/** One key of 64 MB, so that buffers and traffic are small beside it; resolves with what is used then. */
async function fillWithBallast(lab: Lab): Promise<number> {
  await lab.redisClient.setrange('lab:ballast', 64 * megabyte - 1, 'x');
  return Number(await info(lab, 'used_memory'));
}

export const redisFaults: readonly Fault[] = [
  {
    id: 'redis-stopped',
    title: 'Redis is stopped',
    contract: 'readiness.md 2.4, row Redis; 0, fact 3',
    verdicts: redisGone,
    inject: async (lab) => {
      await lab.redis.stop();
      await auditReaderFailed(lab);
    },
  },
  {
    id: 'redis-frozen',
    title: 'Redis accepts connections and answers nothing',
    contract: 'readiness.md 2.4, row Redis, last column',
    verdicts: redisGone,
    inject: async (lab) => {
      await lab.redis.freeze();
      await auditReaderFailed(lab);
    },
  },
  {
    id: 'redis-eviction',
    title: 'Redis evicts keys when its memory is full',
    contract: 'storage-and-streams.md 6.1 and 6.5, eviction',
    verdicts: { 'CRC-STO-022': 'fail' },
    inject: async (lab) => {
      await lab.redisClient.config('SET', 'maxmemory-policy', 'allkeys-lru');
    },
  },
  {
    id: 'redis-nearly-full',
    title: 'The memory of Redis is nearly used up',
    contract: 'storage-and-streams.md 6.5, memory near 100 %',
    verdicts: { 'CRC-STO-023': 'fail' },
    inject: async (lab) => {
      await lab.redisClient.config('SET', 'maxmemory', Math.round(await fillWithBallast(lab) / 0.97));
    },
  },
  {
    id: 'redis-filling',
    title: 'Something fills the memory of Redis quickly',
    contract: 'storage-and-streams.md 6.5, memory; 6.1, noeviction',
    verdicts: { 'CRC-STO-030': 'warn' },
    inject: async (lab) => {
      await lab.redisClient.config('SET', 'maxmemory', Math.round(await fillWithBallast(lab) / 0.55));
      let key = 0;
      const filling = setInterval(() => {
        key += 1;
        lab.redisClient.setrange(`lab:filling:${String(key)}`, megabyte, 'x').catch(() => {
          clearInterval(filling);
        });
        if (lab.redisClient.status === 'end') clearInterval(filling);
      }, 1_000).unref();
      await eventually('it fills', async () => await lab.redisClient.exists('lab:filling:3') === 1);
    },
  },
  {
    id: 'redis-full',
    title: 'The memory of Redis is full, so that it refuses writes with OOM',
    contract: 'storage-and-streams.md 6.1, maxmemory-policy; readiness.md 2.4, more Redis states',
    verdicts: { ...writesRefused, 'CRC-STO-023': 'fail' },
    inject: async (lab) => {
      await lab.redisClient.config('SET', 'maxmemory', await fillWithBallast(lab) - megabyte);
      await eventually('api fails', async () => (await answers(lab, 'api', '/ready')).status === 500);
      await stsKeepsEvents(lab);
    },
  },
  {
    id: 'redis-replica',
    title: 'Redis became a replica of another one',
    contract: 'storage-and-streams.md 6.5, role; readiness.md 2.4, more Redis states',
    verdicts: { ...writesRefused, ...all('fail', 'CRC-STO-026', ...ids('RDY', 32, 33)), ...all('blocked', ...streams, 'CRC-RDY-034') },
    inject: async (lab) => {
      await lab.redisClient.replicaof('127.0.0.1', '9');
      await auditReaderFailed(lab);
      await stsKeepsEvents(lab);
    },
  },
  {
    id: 'redis-appendonly-off',
    title: 'Redis keeps no append-only file',
    contract: 'storage-and-streams.md 6.1, appendonly; 6.5, persistence',
    verdicts: { 'CRC-STO-024': 'warn' },
    inject: async (lab) => {
      await lab.redisClient.config('SET', 'appendonly', 'no');
    },
  },
  {
    id: 'redis-snapshot-failing',
    title: 'Redis cannot write its snapshot and refuses writes with MISCONF',
    contract: 'storage-and-streams.md 6.5, reachability and persistence',
    verdicts: { ...writesRefused, ...all('fail', 'CRC-STO-024', ...ids('RDY', 13, 23, 32, 33)), 'CRC-RDY-034': 'blocked' },
    inject: async (lab) => {
      // A snapshot ends with a rename, and no file can be renamed over a folder.
      await mkdir(join(lab.directory, 'redis', 'dump.rdb', 'inside'), { recursive: true });
      await lab.redisClient.bgsave();
      await eventually('the snapshot failed', async () => await info(lab, 'rdb_last_bgsave_status') === 'err');
      await auditReaderFailed(lab);
      await stsKeepsEvents(lab);
    },
  },
  {
    id: 'redis-rewrite-failing',
    title: 'Redis cannot make its append-only file shorter',
    contract: 'storage-and-streams.md 6.1, appendonly; 6.5, persistence',
    verdicts: { 'CRC-STO-029': 'warn' },
    inject: async (lab) => {
      const folder = join(lab.directory, 'redis', 'appendonlydir');
      await rename(folder, `${folder}.moved`);
      await writeFile(folder, '');
      await lab.redisClient.bgrewriteaof().catch(() => undefined); // Redis says so at once
      await eventually('the rewrite failed', async () => await info(lab, 'aof_last_bgrewrite_status') === 'err');
    },
  },
  {
    id: 'redis-loading',
    title: 'Redis was restarted and is still reading its data from disk',
    contract: 'storage-and-streams.md 6.5, LOADING',
    verdicts: {
      ...all('fail', 'CRC-STO-027', ...ids('RDY', 3, 13, 23, 32, 33, 43, 90)),
      ...all('blocked', 'CRC-RDY-034', ...ids('STO', 24, 29), ...streams, ...behindApi),
      ...all('unknown', ...ids('SVC', 40, 43)),
    },
    inject: async (lab) => {
      await lab.redisClient.eval("for key = 1, 500 do redis.call('SET', 'lab:ballast:' .. key, string.rep('x', 4096)) end", 0);
      // Microseconds for each key: 100 s for all of them, in which Redis tells how far it is.
      await lab.redisClient.config('SET', 'key-load-delay', 200_000, 'loading-process-events-interval-bytes', 4_096, 'rdbcompression', 'no');
      await lab.redisClient.bgrewriteaof();
      await eventually('the file is rewritten', async () => Number(await info(lab, 'aof_base_size')) > megabyte);
      await lab.redisClient.config('REWRITE');
      await lab.redis.stop();
      // Until all is read, which nobody waits for.
      lab.redis.start().catch(() => undefined);
      // The reader fails already while nothing listens.
      await eventually('Redis answers while it loads', () => answersAnything(lab.redis.port));
      await auditReaderFailed(lab);
    },
  },
  {
    id: 'redis-wrong-password',
    title: 'The password of Redis was changed on the server',
    contract: 'storage-and-streams.md 6.5, WRONGPASS',
    verdicts: {
      ...all('fail', 'CRC-STO-021'),
      ...all('blocked', ...ids('STO', ...range(22, 31)), ...streams, ...ids('SVC', 61)),
    },
    inject: async (lab) => {
      await lab.redisClient.config('SET', 'requirepass', 'changed-behind-our-back');
    },
  },
  {
    id: 'redis-clients-short',
    title: 'Nearly all connections that Redis allows are taken',
    contract: 'storage-and-streams.md 6.5, reachability',
    verdicts: { 'CRC-STO-028': 'warn' },
    inject: async (lab) => {
      await lab.redisClient.config('SET', 'maxclients', Number(await info(lab, 'connected_clients')) + 3);
    },
  },
  {
    id: 'redis-clients-full',
    title: 'Redis takes no further connection',
    contract: 'storage-and-streams.md 6.5, reachability and auth',
    verdicts: {
      ...all('fail', 'CRC-STO-021'),
      ...all('blocked', ...ids('STO', ...range(22, 31)), ...streams, ...ids('SVC', 61)),
    },
    inject: async (lab) => {
      await lab.redisClient.config('SET', 'maxclients', Number(await info(lab, 'connected_clients')));
    },
  },
];

/** Redis counts errors by their first word, whoever caused them. */
async function countAnError(lab: Lab, message: string): Promise<void> {
  await lab.redisClient.eval(`return redis.error_reply(ARGV[1])`, 0, message).catch(() => undefined);
}

export const redisDecoys: readonly Decoy[] = [
  {
    id: 'redis-old-refusals',
    title: 'Redis refused writes at some time since its start',
    contract: 'diagnosing.md 5.3, rule 10: counters are judged by their increase',
    inject: async (lab) => {
      await countAnError(lab, 'OOM command not allowed when used memory > maxmemory');
      await countAnError(lab, 'MISCONF Redis is configured to save RDB snapshots');
    },
  },
  {
    id: 'redis-observer',
    title: 'The target has a user of Redis that may only read',
    contract: 'storage-and-streams.md 6.2',
    inject: async (lab) => {
      const commands = 'ping info time type exists ttl xlen xrange xrevrange xinfo xpending config|get acl|whoami memory|usage'.split(' ');
      await lab.redisClient.call('ACL', 'SETUSER', 'observer', 'on', '>observing', '%R~caracal.*', '%R~provider-refresh-*', '-@all', '+get', ...commands.map((name) => `+${name}`));
      const target = JSON.parse(await readFile(lab.targetFile, 'utf8')) as object;
      await writeFile(lab.targetFile, JSON.stringify({ ...target, redis: `redis://observer:observing@127.0.0.1:${String(lab.redis.port)}` }));
    },
  },
  {
    id: 'redis-restarted',
    title: 'Redis was restarted, with all its data',
    contract: 'storage-and-streams.md 6.1, appendonly; 12, trap 21',
    before: true,
    inject: async (lab) => {
      await lab.redis.stop();
      await lab.redis.start();
      for (const service of ['api', 'sts', 'gateway', 'audit', 'coordinator'] as const) {
        await eventually(`${service} is ready again`, async () => (await answers(lab, service, '/ready').catch(() => ({ status: 0 }))).status === 200);
      }
    },
  },
];
