import { redisDecoys, redisFaults } from '../lab/faults/redis.ts';
import { proveAll } from './faults.ts';

proveAll('redis', redisFaults, redisDecoys);
