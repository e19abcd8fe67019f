import * as z from 'zod';
import type { Observation } from '../../model/observation.ts';
import { earlier, subject } from '../../model/observation.ts';

export const redisHello = subject('redis.hello', z.object({ answer: z.string(), tookMs: z.number(), forwarded: z.boolean().default(false) }));

export const redisSession = subject('redis.session', z.object({ user: z.string().nullable() }));

/** The fields of `INFO` that are judged, by their names in Redis. What a managed Redis hides is absent. */
export const redisInfo = subject('redis.info', z.record(z.string(), z.string()));

export type RedisFields = Readonly<Record<string, string>>;

export const redisReachableId = 'CRC-STO-020';
export const redisAuthenticationId = 'CRC-STO-021';
export const redisRoleId = 'CRC-STO-026';
export const redisLoadingId = 'CRC-STO-027';

export const redisComponent = { step: 'storage', component: 'Redis' } as const;
export const info = redisInfo.of('Redis');
export const earlierInfo = earlier(info);

/** Looks at figures that may be moving, 2 s apart. */
export const looks = 3;

/** A field as a number; undefined where INFO does not tell it, or in another form. */
export function figure(fields: RedisFields, name: string): number | undefined {
  const text = fields[name];
  return text === undefined || text === '' || !Number.isFinite(Number(text)) ? undefined : Number(text);
}

/** What an earlier run read of the same server process; undefined after a restart, which sets all counters to 0. */
export function sameServer(observation: Observation<RedisFields>, now: RedisFields): RedisFields | undefined {
  if (observation.outcome.kind !== 'answer') return undefined;
  const before = observation.outcome.value;
  return before['run_id'] !== undefined && before['run_id'] === now['run_id'] ? before : undefined;
}

/** Milliseconds between two readings of one server, by its own clock; undefined where it is hidden. */
export function between(before: RedisFields, now: RedisFields): number | undefined {
  const [from, to] = [figure(before, 'server_time_usec'), figure(now, 'server_time_usec')];
  return from === undefined || to === undefined ? undefined : (to - from) / 1_000;
}
