import * as z from 'zod';
import type { Check } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, lack, whenAnswered } from '../judging.ts';
import { bytes, milliseconds } from '../words.ts';

export const redisHello = subject('redis.hello', z.object({ answer: z.string(), tookMs: z.number() }));

export const redisSession = subject('redis.session', z.object({ user: z.string().nullable() }));

/** The fields of `INFO` that are judged, by their names in Redis. */
export const redisInfo = subject('redis.info', z.record(z.string(), z.string()));

export const redisReachableId = 'CRC-STO-020';
export const redisAuthenticationId = 'CRC-STO-021';

/** Parts of `maxmemory`. Above the second one a burst is enough for `OOM` on every publish. */
const memoryAttention = 0.8;
const memoryFull = 0.95;

const base = { step: 'storage', component: 'Redis' } as const;
const hello = redisHello.of('Redis');
const session = redisSession.of('Redis');
const info = redisInfo.of('Redis');

/** Whether Redis answers, lets us in, and keeps what Caracal entrusts to it. */
export const redisChecks: readonly Check[] = [
  {
    ...base,
    id: redisReachableId,
    title: 'Reachable',
    needs: [],
    asks: [hello],
    privilege: 'none',
    source: 'infra/redis/redis.conf:16',
    judge(observed) {
      const observation = observed.get(hello);
      const { outcome, asked } = observation;
      if (outcome.kind === 'answer') {
        return finding('pass', milliseconds(outcome.value.tookMs), `${asked} was answered by a Redis server: ${outcome.value.answer}`);
      }
      if (outcome.kind === 'unavailable') return finding('unknown', lack(observation), 'The target gives no connection string.');
      return finding('fail', lack(observation), `${asked} had no answer of a Redis server from here. Nothing was sent that needs a credential.`);
    },
  },
  {
    ...base,
    id: redisAuthenticationId,
    title: 'Authentication',
    needs: [redisReachableId],
    asks: [session],
    privilege: '+ping +acl|whoami',
    source: 'infra/redis/entrypoint.sh',
    judge(observed) {
      const observation = observed.get(session);
      const { outcome, asked } = observation;
      switch (outcome.kind) {
        case 'answer':
          return finding('pass', `as ${outcome.value.user ?? 'a user that may not see its name'}`, `${asked} was answered PONG.`);
        case 'unavailable':
          return finding('unknown', lack(observation), 'The target gives no usable connection string.');
        default:
          return finding('fail', lack(observation), `${asked} was not let in.`);
      }
    },
  },
  {
    ...base,
    id: 'CRC-STO-022',
    title: 'Eviction policy',
    needs: [redisAuthenticationId],
    asks: [info],
    privilege: '+info',
    source: 'packages/core/go/redisguard, infra/redis/redis.conf:24',
    judge: (observed) =>
      whenAnswered(observed.get(info), (fields) => {
        const policy = fields['maxmemory_policy'];
        if (policy === undefined) return finding('unknown', 'INFO does not tell it: managed Redis may hide it', 'INFO has no maxmemory_policy.');
        return policy === 'noeviction'
          ? finding('pass', policy, 'A full memory gives errors and loses nothing in silence.')
          : finding(
              'fail',
              `${policy}, must be noeviction`,
              'With this policy Redis drops keys when memory is full: revocations, replay guards and whole streams vanish without an error.',
            );
      }),
  },
  {
    ...base,
    id: 'CRC-STO-023',
    title: 'Memory',
    needs: [redisAuthenticationId],
    asks: [info],
    privilege: '+info',
    source: 'infra/redis/redis.conf, REDIS_MAXMEMORY',
    judge: (observed) =>
      whenAnswered(observed.get(info), (fields) => {
        const used = Number(fields['used_memory']);
        const limit = Number(fields['maxmemory']);
        if (!Number.isFinite(used) || !Number.isFinite(limit)) {
          return finding('unknown', 'INFO does not tell it', 'INFO has no used_memory or no maxmemory.');
        }
        if (limit === 0) return finding('pass', `${bytes(used)}, no limit set`, 'maxmemory is 0: the machine is the limit.');
        const part = used / limit;
        const shown = `${bytes(used)} of ${bytes(limit)}`;
        const meaning = 'With noeviction a full memory makes every publish fail with OOM.';
        if (part >= memoryFull) return finding('fail', `${shown}, nearly full`, meaning);
        if (part >= memoryAttention) return finding('warn', `${shown}, ${Math.round(part * 100)} %`, meaning);
        return finding('pass', shown, meaning);
      }),
  },
  {
    ...base,
    id: 'CRC-STO-024',
    title: 'Persistence',
    needs: [redisAuthenticationId],
    asks: [info],
    privilege: '+info',
    source: 'infra/redis/redis.conf:20',
    judge: (observed) =>
      whenAnswered(observed.get(info), (fields) => {
        const { aof_enabled: enabled, aof_last_write_status: write, rdb_last_bgsave_status: snapshot } = fields;
        if (enabled === undefined) return finding('unknown', 'INFO does not tell it', 'INFO has no section persistence.');
        const failed = [...(enabled === '1' && write !== 'ok' ? ['append-only file'] : []), ...(snapshot !== 'ok' ? ['snapshot'] : [])];
        if (failed.length > 0) {
          return finding('fail', `last write failed: ${failed.join(', ')}`, 'Redis could not write to its disk. With stop-writes-on-bgsave-error it refuses writes as well (MISCONF).');
        }
        return enabled === '1'
          ? finding('pass', 'append-only file on, last write ok', 'A crash loses at most one second.')
          : finding('warn', 'append-only file off', 'A restart loses everything since the last snapshot: revocations, replay guards, streams and their groups.');
      }),
  },
];
