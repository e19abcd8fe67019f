import { writerMaxLength } from '../../caracal/streams.ts';
import type { Fact } from '../../model/check.ts';
import { milliseconds } from '../words.ts';
import { ageMs, backlogOf, compareIds } from './snapshot.ts';
import type { GroupSnapshot, StreamSnapshot } from './snapshot.ts';

/** Waiting entries are reported only from one of these on: a quiet stream alarms nobody. */
const floorEntries = 50;
const floorAgeMs = 30_000;

/** Entries that wait for less are on their way to a reader, and one look is enough. */
const onTheWayMs = 5_000;

/** Looks, 2 s apart, before anything is said about entries that wait; more where only their number speaks. */
const looks = 3;
const mostLooks = 5;

/** Part of what writers leave in a stream from which the next trimming may take what nobody has read. */
const nearTrim = 0.8;

/** How a group stands after the looks that were taken; `waiting` asks for another look. */
export interface Standing {
  readonly kind: 'idle' | 'draining' | 'little' | 'waiting' | 'slow' | 'near-trim' | 'stalled';
  readonly words: string;
  readonly facts: readonly Fact[];
}

const shown = (backlog: ReturnType<typeof backlogOf>): string => `${backlog.entries.toLocaleString('en-US')}${backlog.atLeast ? '+' : ''}`;

export function factsOf(snapshot: StreamSnapshot, group: GroupSnapshot): readonly Fact[] {
  const { lowestPending, consumers, lastSeen } = group;
  return [
    { name: 'undelivered', value: shown(backlogOf(snapshot, group)) },
    { name: 'pending', value: lowestPending === null ? '0' : `${group.pending}, oldest ${milliseconds(ageMs(snapshot, lowestPending.id))}` },
    { name: 'consumers', value: consumers === 0 ? 'none' : `${consumers}, last seen ${lastSeen.map(({ name, seenMs }) => `${name} ${milliseconds(seenMs)} ago`).join(', ')}` },
    { name: 'last delivered', value: group.lastDelivered },
  ];
}

function of(snapshot: StreamSnapshot, name: string): GroupSnapshot | undefined {
  return snapshot.groups.find((group) => group.name === name);
}

/**
 * Judges the undelivered entries of one group by looks in their order. Undefined when the group did
 * not stand through all of them. `before` is what an earlier run saw, and serves as a look of its own.
 */
export function standingOf(name: string, taken: readonly StreamSnapshot[], before: StreamSnapshot | undefined): Standing | undefined {
  const [first, latest] = [taken[0], taken.at(-1)];
  const groups = taken.map((look) => of(look, name));
  const [start, end] = [groups[0], groups.at(-1)];
  if (!first || !latest || !start || !end || groups.includes(undefined)) return undefined;
  const facts = factsOf(latest, end);
  const backlog = backlogOf(latest, end);
  if (backlog.entries === 0) return { kind: 'idle', words: 'none waiting', facts };

  const oldestMs = end.oldestUndelivered === null ? 0 : ageMs(latest, end.oldestUndelivered);
  const words = `${shown(backlog)} waiting, oldest ${milliseconds(oldestMs)}`;
  const old = oldestMs >= floorAgeMs;
  const notable = old || backlog.entries >= floorEntries;
  const earlier = before && of(before, name);
  const unmovedSinceBefore = before !== undefined && earlier?.lastDelivered === end.lastDelivered && backlogOf(before, earlier).entries > 0 && latest.nowMs - before.nowMs >= floorAgeMs;
  if (unmovedSinceBefore && notable) return { kind: 'stalled', words: `${words}; not one read since the earlier run`, facts };

  if (!notable && oldestMs < onTheWayMs) return { kind: 'little', words, facts };
  const moved = compareIds(end.lastDelivered, start.lastDelivered) !== 0;
  const needed = moved || old ? looks : mostLooks;
  if (taken.length < needed) return { kind: 'waiting', words, facts };
  if (!notable) return { kind: 'little', words: moved ? `${words}, moving` : words, facts };
  if (!moved) return { kind: 'stalled', words: `${words}; ${end.consumers === 0 ? 'no consumer' : 'its consumer does not read'}`, facts };
  if (backlog.entries < backlogOf(first, start).entries) return { kind: 'draining', words: `${words}, draining`, facts };

  const added = (latest.entriesAdded ?? 0) - (first.entriesAdded ?? 0);
  const estimate = backlog.atLeast ? Math.min(latest.length, (latest.entriesAdded ?? 0) - (end.entriesRead ?? 0)) : backlog.entries;
  if (estimate > nearTrim * writerMaxLength) {
    const perSecond = added / Math.max(1, (latest.nowMs - first.nowMs) / 1_000);
    const left = perSecond > 0 ? `, trimmed unread in ${milliseconds(Math.max(0, (writerMaxLength - estimate) / perSecond) * 1_000)}` : '';
    return { kind: 'near-trim', words: `${words}${left}`, facts };
  }
  return old ? { kind: 'slow', words: `${words}, not shrinking`, facts } : { kind: 'draining', words: `${words}, moving`, facts };
}

/**
 * What happened to a group since an earlier run of the same server, in words: its position went back, or
 * it was made anew at the end of the stream, which shows in that Redis no longer knows how much it was
 * given. A restart of Redis forgets that as well, and may lose the last position.
 */
export function changeSince(name: string, before: StreamSnapshot | undefined, now: StreamSnapshot): string | undefined {
  const [old, current] = [before && of(before, name), of(now, name)];
  if (!before || !old || !current) return undefined;
  if (compareIds(current.lastDelivered, old.lastDelivered) < 0) return `rewound to ${current.lastDelivered}`;
  const forgotten = old.entriesRead !== null && (current.entriesRead === null || current.entriesRead < old.entriesRead);
  return forgotten && now.maxDeletedId === '0-0' ? 'made anew since the earlier run' : undefined;
}
