import { setTimeout as wait } from 'node:timers/promises';
import type { RedisStore } from '../../targets/deployment.ts';
import type { Observer } from '../liveSource.ts';
import { compareIds, countedUpTo } from './snapshot.ts';
import type { GroupSnapshot, StreamSnapshot } from './snapshot.ts';
import { redisStream } from './stream.checks.ts';

/** Between two looks at a stream on which entries wait. */
const betweenLooksMs = 2_000;
const deadlineMs = 7_000;

type Fields = Readonly<Record<string, unknown>>;

/** A map: names and values in turn under RESP2, an object under RESP3. */
function fields(reply: unknown): Fields {
  if (!Array.isArray(reply)) return typeof reply === 'object' && reply !== null ? { ...reply } : {};
  const pairs: Record<string, unknown> = {};
  for (let index = 0; index + 1 < reply.length; index += 2) pairs[String(reply[index])] = reply[index + 1];
  return pairs;
}

const list = (reply: unknown): readonly unknown[] => (Array.isArray(reply) ? reply : []);
const whole = (value: unknown): number => Number(value ?? 0);
const wholeOrNull = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));

/** Id of an entry as XRANGE and XINFO STREAM give it: the first of a pair. */
function entryId(entry: unknown): string | null {
  const [id] = list(entry);
  return typeof id === 'string' ? id : null;
}

async function group(redis: RedisStore, key: string, lastId: string, reply: unknown, signal: AbortSignal): Promise<GroupSnapshot> {
  const info = fields(reply);
  const name = String(info['name']);
  const lastDelivered = String(info['last-delivered-id']);
  const pending = whole(info['pending']);
  const [consumers, summary] = await Promise.all([
    redis.call(['xinfo', 'consumers', key, name], signal),
    pending > 0 ? redis.call(['xpending', key, name], signal) : [],
  ]);
  const waits = compareIds(lastDelivered, lastId) < 0;
  const undelivered = waits ? list(await redis.call(['xrange', key, `(${lastDelivered}`, '+', 'COUNT', String(countedUpTo)], signal)) : [];
  return {
    name,
    lastDelivered,
    entriesRead: wholeOrNull(info['entries-read']),
    pending,
    lowestPending: pending > 0 && list(summary)[1] ? String(list(summary)[1]) : null,
    lag: wholeOrNull(info['lag']),
    consumers: list(consumers).map((reply) => {
      const consumer = fields(reply);
      return { name: String(consumer['name']), pending: whole(consumer['pending']), idleMs: whole(consumer['idle']) };
    }),
    counted: waits ? undelivered.length : null,
    oldestUndelivered: entryId(undelivered[0]),
  };
}

const observer: Observer<StreamSnapshot> = {
  subject: redisStream,
  deadlineMs,
  asked: (_deployment, of) => `TYPE, XINFO STREAM, XINFO GROUPS, XINFO CONSUMERS, XPENDING of caracal.${of}`,
  async observe(deployment, { of, sample, signal, stage }) {
    if (sample > 1) {
      stage('between two looks');
      await wait(betweenLooksMs, undefined, { signal });
    }
    stage('waiting for Redis');
    const redis = deployment.redis();
    const key = `caracal.${of}`;
    const type = String(await redis.call(['type', key], signal));
    const [seconds, microseconds] = list(await redis.call(['time'], signal));
    const nowMs = Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
    if (type !== 'stream') return { type, nowMs, length: 0, entriesAdded: 0, firstId: '0-0', lastId: '0-0', groups: [] };
    const [info, groups] = await Promise.all([
      redis.call(['xinfo', 'stream', key], signal).then(fields),
      redis.call(['xinfo', 'groups', key], signal).then(list),
    ]);
    const lastId = String(info['last-generated-id']);
    return {
      type,
      nowMs,
      length: whole(info['length']),
      entriesAdded: whole(info['entries-added']),
      firstId: entryId(info['first-entry']) ?? '0-0',
      lastId,
      groups: await Promise.all(groups.map((reply) => group(redis, key, lastId, reply, signal))),
    };
  },
};

export const streamObservers = [observer];
