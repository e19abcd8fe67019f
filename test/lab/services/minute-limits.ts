import type { Redis } from 'ioredis';

const LIFE_SECONDS = 90;

/**
 * Counts a call in Redis and tells whether it is one too many in its wall-clock minute: `TIME`,
 * `INCR`, `EXPIRE`, without a time limit of its own (Caracal apps/api/src/app.ts:597-606). A limit
 * of 0 switches it off, and with it the only access to Redis.
 *
 * @param key without the minute
 */
export async function isOverLimit(redis: Redis, key: string, limitPerMinute: number): Promise<boolean> {
  if (limitPerMinute === 0) return false;
  const [seconds] = await redis.time();
  const bucket = `${key}:${String(Math.floor(Number(seconds) / 60))}`;
  const count = await redis.incr(bucket);
  if (count === 1) await redis.expire(bucket, LIFE_SECONDS);
  return count > limitPerMinute;
}
