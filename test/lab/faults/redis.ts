import { auditReaderFailed } from './effects.ts';
import { all, ids } from './fault.ts';
import type { Decoy, Fault } from './fault.ts';
import { behindRedis } from './groups.ts';

const redisGone = {
  ...all('fail', 'CRC-STO-020', ...ids('RDY', 3, 13, 23, 32, 33, 43, 90)),
  ...all('blocked', 'CRC-RDY-034', ...behindRedis),
};

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
];

export const redisDecoys: readonly Decoy[] = [];
