import * as z from 'zod';
import type { ConsumerGroup } from '../../caracal/streams.ts';
import { subject } from '../../model/observation.ts';

/** Undelivered entries are counted one by one up to here: a range also carries what entries hold. */
export const countedUpTo = 500;

/** Consumers that are told by name, those seen last; services leave one behind at each start. */
export const consumersKept = 5;

const group = z.object({
  name: z.string(),
  lastDelivered: z.string(),
  /** Null for a group that never read, and after some deletions. */
  entriesRead: z.number().nullable(),
  pending: z.number(),
  /** The pending entry with the lowest id; null when nothing is pending. `idleMs` is the time since its last delivery. */
  lowestPending: z.object({ id: z.string(), idleMs: z.number(), deliveries: z.number() }).nullable(),
  consumers: z.number(),
  /**
   * Those seen last. `seenMs` is the time since the last attempt to read; before Redis 7.2 since the last
   * success, and then `activeMs` is null, so that a reader which waits for work looks idle.
   */
  lastSeen: z.array(z.object({ name: z.string(), pending: z.number(), seenMs: z.number(), activeMs: z.number().nullable() })),
  /** Counted entries after `lastDelivered`, at most `countedUpTo`; null when there was no need to count. */
  counted: z.number().nullable(),
  /** Id of the oldest entry after `lastDelivered`; null when there is none or none was looked for. */
  oldestUndelivered: z.string().nullable(),
});

/** A stream and its groups at one moment. Ids and counts only, never what entries hold. */
export const streamSnapshot = z.object({
  /** `stream`, `none`, or the type of another key under this name. */
  type: z.string(),
  /** Redis clock, milliseconds since 1970. Ids of entries are by the same clock. */
  nowMs: z.number(),
  length: z.number(),
  /** In the life of the stream; null before Redis 7, which does not count. */
  entriesAdded: z.number().nullable(),
  /** `0-0` when the stream is empty. */
  firstId: z.string(),
  lastId: z.string(),
  /** Highest id that was deleted one by one; `0-0` for none. Trimming leaves it alone. */
  maxDeletedId: z.string(),
  groups: z.array(group),
});

export type StreamSnapshot = z.infer<typeof streamSnapshot>;
export type GroupSnapshot = z.infer<typeof group>;

export const redisStream = subject('redis.stream', streamSnapshot);

/** A reader that made an attempt within this time is alive: the Gateway, which has a group for each replica, reads every second. */
const aliveMs = 15_000;

/** Stream ids are two integers, `milliseconds-sequence`, that do not fit a number when joined. */
export function compareIds(left: string, right: string): number {
  const [leftMs = '0', leftSequence = '0'] = left.split('-');
  const [rightMs = '0', rightSequence = '0'] = right.split('-');
  const byTime = BigInt(leftMs) - BigInt(rightMs);
  const order = byTime === 0n ? BigInt(leftSequence) - BigInt(rightSequence) : byTime;
  return order < 0n ? -1 : order > 0n ? 1 : 0;
}

/** Milliseconds since the entry with this id was added, by the clock of Redis; never below 0. */
export function ageMs({ nowMs }: { readonly nowMs: number }, id: string): number {
  return Math.max(0, nowMs - Number(id.split('-')[0]));
}

/** True when the group was given the last entry that the stream ever had, whatever `lag` says. */
export function isCaughtUp(snapshot: Pick<StreamSnapshot, 'length' | 'lastId'>, { lastDelivered }: Pick<GroupSnapshot, 'lastDelivered'>): boolean {
  return snapshot.length === 0 || compareIds(lastDelivered, snapshot.lastId) >= 0;
}

/** Groups of this name, or one for each replica that ever was. */
export function groupsOf(snapshot: StreamSnapshot, { name, perReplica }: ConsumerGroup): readonly GroupSnapshot[] {
  return snapshot.groups.filter((seen) => seen.name === name || (perReplica === true && seen.name.startsWith(`${name}:`)));
}

/**
 * Those of a name's groups that somebody may still read. A replica that is gone leaves its group
 * behind for ever: since Redis 7.2 its consumers make no attempt any more; before, it can only be
 * told apart by the groups that keep up.
 */
export function livingGroups(snapshot: Pick<StreamSnapshot, 'length' | 'lastId'>, groups: readonly GroupSnapshot[]): readonly GroupSnapshot[] {
  if (groups.length < 2) return groups;
  const seenMs = ({ lastSeen }: GroupSnapshot): number => Math.min(...lastSeen.map((consumer) => consumer.seenMs), Infinity);
  const tellsAttempts = groups.some(({ lastSeen }) => lastSeen.some(({ activeMs }) => activeMs !== null));
  const living = groups.filter((group) => (tellsAttempts ? seenMs(group) < aliveMs : isCaughtUp(snapshot, group)));
  if (living.length > 0) return living;
  const latest = groups.reduce((best, group) => (compareIds(group.lastDelivered, best.lastDelivered) > 0 ? group : best));
  return [latest];
}

/** Whether Redis shows that no replica asks for any of its groups: each asks for its own every second. */
export function areLeftBehind({ perReplica }: ConsumerGroup, groups: readonly GroupSnapshot[]): boolean {
  return perReplica === true && groups.every(({ lastSeen }) => lastSeen.length > 0 && lastSeen.every(({ seenMs, activeMs }) => activeMs !== null && seenMs >= aliveMs));
}

/** Entries that the group was not given yet, counted and not taken from Redis' own `lag`, which is wrong after trimming. */
export function backlogOf(snapshot: StreamSnapshot, group: GroupSnapshot): { readonly entries: number; readonly atLeast: boolean } {
  if (isCaughtUp(snapshot, group)) return { entries: 0, atLeast: false };
  if (compareIds(group.lastDelivered, snapshot.firstId) < 0) return { entries: snapshot.length, atLeast: false };
  const counted = group.counted ?? 0;
  if (counted < countedUpTo) return { entries: counted, atLeast: false };
  // Nothing was ever trimmed or deleted: positions are exact.
  if (snapshot.entriesAdded === snapshot.length && group.entriesRead !== null) return { entries: snapshot.length - group.entriesRead, atLeast: false };
  return { entries: counted, atLeast: true };
}

/**
 * Entries that were trimmed away before the group was given them, ever: what was added, less what the
 * group was given, less what still waits. MAXLEN trimming takes no notice of groups and leaves no
 * other trace. Null when it cannot be told: Redis did not count what the group was given, entries were
 * deleted one by one, or more wait than were counted.
 */
export function trimmedUnread(snapshot: StreamSnapshot, group: GroupSnapshot): number | null {
  const given = group.entriesRead ?? (group.lastDelivered === '0-0' ? 0 : null);
  const behindFirst = snapshot.length > 0 && compareIds(group.lastDelivered, snapshot.firstId) < 0;
  if (given === null || snapshot.entriesAdded === null) return behindFirst ? null : 0;
  const { entries, atLeast } = backlogOf(snapshot, group);
  const missing = snapshot.entriesAdded - given - entries;
  if (missing <= 0) return 0;
  return atLeast || snapshot.maxDeletedId !== '0-0' ? null : missing;
}

/** True when an entry that was given to a consumer and not acknowledged is no longer in the stream. */
export function pendingLost(snapshot: StreamSnapshot, group: GroupSnapshot): boolean {
  if (group.lowestPending === null) return false;
  return snapshot.length === 0 || compareIds(group.lowestPending.id, snapshot.firstId) < 0;
}
