import { keyOf, streams } from '../../caracal/streams.ts';
import type { RedisStore } from '../../targets/deployment.ts';
import { Refused } from '../../targets/failures.ts';
import type { Observer } from '../liveSource.ts';
import { entriesOf, fieldsOf, listOf, redisNow, textOf } from '../storage/redisReplies.ts';
import { numberOrNull } from '../values.ts';
import { consumersKept, countedUpTo, groupsOf, isCaughtUp, livingGroups, redisStream } from './snapshot.ts';
import type { GroupSnapshot, StreamSnapshot } from './snapshot.ts';

const deadlineMs = 5_000;

const whole = (value: unknown): number => Number(value ?? 0);

/** One group of `XINFO STREAM … FULL`: Redis 7.0, and 7.2 and later, which add `active-time`. */
function groupOf(reply: unknown, nowMs: number): GroupSnapshot {
  const info = fieldsOf(reply);
  const since = (ms: unknown): number => Math.max(0, nowMs - whole(ms));
  const [lowest] = listOf(info['pending']);
  const [id, , deliveredMs, deliveries] = listOf(lowest);
  const consumers = listOf(info['consumers']).map((consumer) => {
    const { name, 'seen-time': seen, 'active-time': active, 'pel-count': pending } = fieldsOf(consumer);
    return { name: textOf(name), pending: whole(pending), seenMs: since(seen), activeMs: active === undefined ? null : since(active) };
  });
  return {
    name: textOf(info['name']),
    lastDelivered: textOf(info['last-delivered-id']),
    entriesRead: numberOrNull(info['entries-read']),
    pending: whole(info['pel-count']),
    lowestPending: id === undefined ? null : { id: textOf(id), idleMs: since(deliveredMs), deliveries: whole(deliveries) },
    consumers: consumers.length,
    lastSeen: consumers.sort((left, right) => left.seenMs - right.seenMs).slice(0, consumersKept),
    counted: null,
    oldestUndelivered: null,
  };
}

/** What the reply tells. The one entry that it carries is dropped here. */
function snapshotOf(reply: unknown, nowMs: number): StreamSnapshot {
  const info = fieldsOf(reply);
  const [first] = entriesOf(info['entries']);
  return {
    type: 'stream',
    nowMs,
    length: whole(info['length']),
    entriesAdded: numberOrNull(info['entries-added']),
    firstId: first?.id ?? '0-0',
    lastId: textOf(info['last-generated-id']),
    maxDeletedId: textOf(info['max-deleted-entry-id']) || '0-0',
    groups: listOf(info['groups']).map((group) => groupOf(group, nowMs)),
  };
}

/** Groups that some service reads and that were not given everything: what waits in them is counted. */
function waiting(name: string, snapshot: StreamSnapshot): ReadonlySet<string> {
  const read = (streams.find((stream) => stream.name === name)?.groups ?? []).filter(({ reader }) => reader !== undefined);
  const living = read.flatMap((expected) => livingGroups(snapshot, groupsOf(snapshot, expected)));
  return new Set(living.filter((group) => !isCaughtUp(snapshot, group)).map((group) => group.name));
}

async function counted(redis: RedisStore, key: string, snapshot: StreamSnapshot, group: GroupSnapshot, signal: AbortSignal): Promise<GroupSnapshot> {
  const { lastDelivered, entriesRead } = group;
  const atMost = snapshot.entriesAdded === null || entriesRead === null ? countedUpTo : Math.min(countedUpTo, Math.max(1, snapshot.entriesAdded - entriesRead));
  const range = ['xrange', key, `(${lastDelivered}`, snapshot.lastId, 'COUNT', String(atMost)];
  const entries = entriesOf(await redis.call(range, signal));
  return { ...group, counted: entries.length, oldestUndelivered: entries[0]?.id ?? null };
}

const absent = (type: string, nowMs: number): StreamSnapshot => ({
  type, nowMs, length: 0, entriesAdded: 0, firstId: '0-0', lastId: '0-0', maxDeletedId: '0-0', groups: [],
});

const observer: Observer<StreamSnapshot> = {
  subject: redisStream,
  deadlineMs,
  asked: (_deployment, of) => `XINFO STREAM ${keyOf(of)} FULL COUNT 1; where entries wait, XRANGE of at most ${countedUpTo}`,
  async observe(deployment, { of, signal, stage }) {
    stage('waiting for Redis');
    const redis = deployment.redis();
    const key = keyOf(of);
    let reply: unknown;
    try {
      reply = await redis.call(['xinfo', 'stream', key, 'FULL', 'COUNT', '1'], signal);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === 'WRONGTYPE') return absent(String(await redis.call(['type', key], signal)), await redisNow(redis, signal));
      if (error.code === 'ERR' && error.message.includes('no such key')) return absent('none', await redisNow(redis, signal));
      throw error;
    }
    const snapshot = snapshotOf(reply, await redisNow(redis, signal));
    const counting = waiting(of, snapshot);
    const groups = snapshot.groups.map(async (group) => (counting.has(group.name) ? counted(redis, key, snapshot, group, signal) : group));
    return { ...snapshot, groups: await Promise.all(groups) };
  },
};

export const streamObservers = [observer];
