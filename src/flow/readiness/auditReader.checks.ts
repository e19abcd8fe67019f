import { streams } from '../../caracal/streams.ts';
import type { Fact, Observed } from '../../model/check.ts';
import type { Question } from '../../model/observation.ts';
import { redisHello } from '../storage/redis.checks.ts';
import { isCaughtUp, redisStream } from '../streams/snapshot.ts';
import type { GroupSnapshot } from '../streams/snapshot.ts';
import { milliseconds } from '../words.ts';

/** Audit asks Redis for new events for 5 s at a time, so a reader that was seen in this time reads. */
const readingMs = 15_000;

const redis = redisHello.of('Redis');
const stream = redisStream.of('audit.events');
const groupName = streams.find(({ name }) => name === 'audit.events')?.groups.find(({ reader }) => reader === 'audit')?.name ?? '';

/** How the stream looks from outside to an Audit that calls its reader unhealthy. */
export interface AuditReader {
  /** `sticky`: all is well again, only the flag stands; `away`: it cannot read; `not known`: it cannot be told. */
  readonly state: 'sticky' | 'away' | 'not known';
  readonly facts: readonly Fact[];
  readonly wants: readonly Question[];
}

/**
 * Whether `consumer_unhealthy` is still true. The flag falls with a failed read and rises only with
 * an event that was read, so that on a quiet stream it outlives the outage
 * (Caracal services/audit/internal/consumer.go:136-151).
 */
export function auditReader(observed: Observed): AuditReader {
  const wants = [redis, stream];
  const hello = observed.find(redis)?.outcome;
  const look = observed.find(stream)?.outcome;
  if (hello === undefined || look === undefined) return { state: 'not known', facts: [], wants };
  if (hello.kind === 'refused' || hello.kind === 'timeout') return { state: 'away', facts: [{ name: 'Redis', value: 'no answer from here either' }], wants };
  if (look.kind !== 'answer') return { state: 'not known', facts: [], wants };
  const group = look.value.groups.find(({ name }) => name === groupName);
  if (!group) {
    return { state: 'away', facts: [{ name: 'group', value: `${groupName} is missing; Audit makes it only when it starts` }], wants };
  }
  const reader = readerOf(group.lastSeen);
  const caughtUp = isCaughtUp(look.value, group);
  const facts: Fact[] = [
    { name: 'Redis', value: 'answers, and has the group' },
    { name: 'reader', value: reader.words },
    { name: 'undelivered', value: caughtUp ? 'none' : 'some' },
    { name: 'pending', value: String(group.pending) },
  ];
  return { state: reader.reads && caughtUp && group.pending === 0 ? 'sticky' : 'away', facts, wants };
}

/** Before Redis 7.2 a reader that waits for events looks idle, so that it cannot be told from one that is gone. */
function readerOf(lastSeen: GroupSnapshot['lastSeen']): { readonly reads: boolean; readonly words: string } {
  const [latest] = [...lastSeen].sort((left, right) => left.seenMs - right.seenMs);
  if (!latest) return { reads: false, words: 'none' };
  if (latest.activeMs === null) return { reads: true, words: `${latest.name}; this Redis does not tell whether it waits` };
  return { reads: latest.seenMs <= readingMs, words: `${latest.name}, asked for events ${milliseconds(latest.seenMs)} ago` };
}
