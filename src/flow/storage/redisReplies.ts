import type { RedisStore } from '../../targets/deployment.ts';

/** A map: names and values in turn under RESP2, an object where the client made one. */
export function fieldsOf(reply: unknown): Readonly<Record<string, unknown>> {
  if (!Array.isArray(reply)) return typeof reply === 'object' && reply !== null ? { ...reply } : {};
  const pairs: Record<string, unknown> = {};
  for (let index = 0; index + 1 < reply.length; index += 2) pairs[String(reply[index])] = reply[index + 1];
  return pairs;
}

/** The reply as a list; anything else counts as an empty one. */
export function listOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

/** A text or number of a reply as text; empty for anything else. */
export function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Ids and fields of the entries of an XRANGE reply. */
export function entriesOf(reply: unknown): readonly { readonly id: string; readonly fields: Readonly<Record<string, unknown>> }[] {
  return listOf(reply).map((entry) => {
    const [id, values] = listOf(entry);
    return { id: textOf(id), fields: fieldsOf(values) };
  });
}

/** Differences between the clock of a Redis and ours. A store belongs to one run, so each run asks once. */
const offsets = new WeakMap<RedisStore, Promise<number>>();

/**
 * The clock of Redis, milliseconds since 1970: one TIME for each run.
 *
 * @throws Refused, Unavailable as every command does; the signal's reason when it is aborted.
 */
export async function redisNow(redis: RedisStore, signal: AbortSignal): Promise<number> {
  const known = offsets.get(redis);
  if (known) return Date.now() + (await known.catch(() => offsetOf(redis, signal)));
  const asked = offsetOf(redis, signal);
  offsets.set(redis, asked);
  try {
    return Date.now() + (await asked);
  } catch (error) {
    offsets.delete(redis);
    throw error;
  }
}

async function offsetOf(redis: RedisStore, signal: AbortSignal): Promise<number> {
  const [seconds, microseconds] = listOf(await redis.call(['time'], signal));
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000) - Date.now();
}
