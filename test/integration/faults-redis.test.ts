import { redisDecoys, redisFaults } from '../lab/faults/redis.ts';
import { startLab } from '../lab/lab.ts';
import { proveAll } from './faults.ts';

proveAll('redis', redisFaults, redisDecoys, startLab);
