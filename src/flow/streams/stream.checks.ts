import { streams } from '../../caracal/streams.ts';
import type { ConsumerGroup, Stream } from '../../caracal/streams.ts';
import type { Check, Fact, Judgement } from '../../model/check.ts';
import { finding, signed } from '../judging.ts';
import { redisAuthenticationId, redisLoadingId, redisRoleId } from '../storage/redisFacts.ts';
import { count, milliseconds } from '../words.ts';
import { looksAsked, whenLooked } from './looks.ts';
import type { Looks } from './looks.ts';
import { ageMs, areLeftBehind, compareIds, groupsOf, livingGroups, pendingLost, redisStream, trimmedUnread } from './snapshot.ts';
import type { StreamSnapshot } from './snapshot.ts';
import { changeSince, factsOf, standingOf } from './standing.ts';
import type { Standing } from './standing.ts';

/** Checks without which a stream cannot be read. */
export const streamNeeds = [redisAuthenticationId, redisRoleId, redisLoadingId] as const;

export const streamPrivilege = '%R~caracal.* +xinfo +time +xrange +type';

/** Id of a check of the step, by its number. */
export const streamCheck = (number: number): string => `CRC-STR-${String(number).padStart(3, '0')}`;

/** First number of a stream's checks: 1, 10, 20 …; its groups follow. */
export function firstNumber(stream: Stream): number {
  return streams.indexOf(stream) * 10 || 1;
}

/** Numbers of the checks of what is pending and what was lost in the groups that services read, after those of all groups. */
export function numbersOfReadGroups(stream: Stream): readonly { readonly expected: ConsumerGroup; readonly pending: number; readonly lost: number }[] {
  const next = firstNumber(stream) + stream.groups.length + 1;
  return stream.groups
    .filter(({ reader }) => reader !== undefined)
    .map((expected, index) => ({ expected, pending: next + 2 * index, lost: next + 2 * index + 1 }));
}

/** Where each service reads its groups. */
export const readerSource: Readonly<Record<NonNullable<ConsumerGroup['reader']>, string>> = {
  sts: 'services/sts/internal/consumer.go',
  gateway: 'services/gateway/internal/revocations.go',
  audit: 'services/audit/internal/consumer.go',
  coordinator: 'apps/coordinator/src/jobs/lifecycle-relay.ts',
};

function judgeStream(stream: Stream, { latest, before }: Looks): Judgement {
  if (latest.type === 'none') {
    return stream.madeByServices
      ? signed(finding('fail', 'missing', `${stream.key} does not exist. The services that read it make it when they start; after a loss of Redis data they must be restarted.`), 'missing')
      : finding('not-applicable', 'not provisioned; no service needs it', `${stream.key} is made by the provisioner of Compose or by its first entry, and no service reads it.`);
  }
  if (latest.type !== 'stream') {
    return signed(finding('fail', `is a ${latest.type}, not a stream`, `${stream.key} holds something else, so every read and write of it fails with WRONGTYPE.`), 'WRONGTYPE');
  }
  const facts: Fact[] = [
    { name: 'entries added', value: latest.entriesAdded === null ? 'not counted by this Redis' : String(latest.entriesAdded) },
    { name: 'first id', value: latest.firstId },
    { name: 'last id', value: latest.lastId },
    ...(latest.length > 0 ? [{ name: 'newest', value: milliseconds(ageMs(latest, latest.lastId)) }] : []),
  ];
  if (before?.type === 'stream' && compareIds(latest.lastId, before.lastId) < 0) {
    return finding('warn', 'younger than at the earlier run', `${stream.key} ended at ${before.lastId} then and ends at ${latest.lastId} now: Redis lost data or was replaced, and what had not been read is gone.`, facts);
  }
  return finding('pass', count(latest.length, 'entry', 'entries'), `${stream.key} is a stream.`, facts);
}

/** Worst first: a replica that does not read is a Gateway that does not hear of revocations. */
const worstFirst: readonly Standing['kind'][] = ['stalled', 'near-trim', 'slow', 'waiting', 'draining', 'little', 'idle'];

function missingGroup(stream: Stream, expected: ConsumerGroup): Judgement {
  return expected.reader
    ? signed(
        finding(
          'fail',
          'group missing',
          `${expected.reader} makes ${expected.name} on ${stream.key} only when it starts. Until then its reads fail with NOGROUP and what the stream brings is not applied, while its readiness may stay green.`,
        ),
        'NOGROUP',
      )
    : finding('not-applicable', 'not provisioned; no service reads it', `${expected.name} is made by the provisioner of Compose only.`);
}

/** Of a reader with a group for each replica, all of whose groups are left behind. */
function nobodyAsks({ key }: Stream, { name }: ConsumerGroup, { words, facts }: Standing): Judgement {
  const why = `A Gateway asks for its own ${name} on ${key} every second, and nobody asks for one that is there: no Gateway runs, or the one that runs has no group, because it makes it only when it starts.`;
  return signed(finding('fail', words, why, facts), 'unread');
}

function judgeGroup(stream: Stream, expected: ConsumerGroup, { taken, latest, before, sameServer }: Looks): Judgement {
  if (latest.type !== 'stream') return finding('not-applicable', 'no stream', `${stream.key} does not exist here.`);
  const groups = groupsOf(latest, expected);
  if (groups.length === 0) return missingGroup(stream, expected);
  const { reader } = expected;
  if (!reader) {
    return finding('pass', `no reader by design, ${count(latest.length, 'entry', 'entries')} kept`, 'No part of Caracal reads this group, so entries that wait in it say nothing.');
  }
  const living = livingGroups(latest, groups);
  const standings = living.flatMap(({ name }) => standingOf(name, taken, before) ?? []);
  const worst = worstFirst.map((kind) => standings.find((standing) => standing.kind === kind)).find((standing) => standing !== undefined);
  if (!worst) return finding('unknown', 'groups come and go: look again', 'No group stood through all looks.');
  const facts = [...worst.facts, ...replicaFacts(groups.map(({ name }) => name), living.map(({ name }) => name))];
  switch (worst.kind) {
    case 'waiting':
      return {
        result: { status: 'unknown', summary: `${worst.words}: one look is not enough`, reasoning: 'Entries wait; whether they move takes more looks.', facts },
        wants: [redisStream.of(stream.name, taken.length + 1)],
      };
    case 'stalled':
      if (areLeftBehind(expected, living)) return nobodyAsks(stream, expected, worst);
      return signed(finding('fail', worst.words, `The position of ${expected.name} on ${stream.key} does not move while entries wait: ${reader} does not read.`, facts), 'stalled');
    case 'near-trim':
      return signed(finding('warn', worst.words, 'Writers trim this stream to about 100,000 entries and take no notice of groups: what waits is about to be lost.', facts), 'slow');
    case 'slow':
      return signed(finding('warn', worst.words, `${reader} reads ${stream.key} more slowly than it grows, over ${taken.length} looks.`, facts), 'slow');
    default: {
      const changes = !sameServer ? [] : living.flatMap(({ name }) => changeSince(name, before, latest) ?? []);
      return changes[0] === undefined
        ? finding('pass', worst.words, `${reader} keeps up with ${stream.key}.`, facts)
        : signed(finding('warn', changes[0], `Somebody moved ${expected.name} on ${stream.key} since the earlier run. Entries between its old and its new position were given to ${reader} twice, or never.`, facts), 'moved');
    }
  }
}

function replicaFacts(all: readonly string[], living: readonly string[]): Fact[] {
  const gone = all.filter((name) => !living.includes(name));
  return [
    ...(living.length > 1 ? [{ name: 'replicas', value: living.join(', ') }] : []),
    ...(gone.length > 0 ? [{ name: 'left behind by replicas that are gone', value: gone.length > 5 ? count(gone.length, 'group') : gone.join(', ') }] : []),
  ];
}

/** True when what was trimmed unread was trimmed lately: the group stands before the first entry, or the count rose. */
function isRecent(name: string, lost: number, { latest, before }: Looks): boolean {
  const now = latest.groups.find((group) => group.name === name);
  const then = before?.groups.find((group) => group.name === name);
  if (now && latest.length > 0 && compareIds(now.lastDelivered, latest.firstId) < 0) return true;
  return before !== undefined && then !== undefined && lost > (trimmedUnread(before, then) ?? lost);
}

function judgeLost(stream: Stream, expected: ConsumerGroup, looks: Looks): Judgement {
  const { latest } = looks;
  const groups = groupsOf(latest, expected);
  if (latest.type !== 'stream' || groups.length === 0) return finding('not-applicable', 'no group', `${expected.name} is not on ${stream.key}.`);
  const bad = stream.evidence ? 'fail' : 'warn';
  const consequence = stream.evidence ? 'These audit events are lost.' : 'What they said was never applied from here.';
  let lostBefore = 0;
  let untold = false;
  for (const group of livingGroups(latest, groups)) {
    const lost = trimmedUnread(latest, group);
    if (lost === null) untold = true;
    else if (lost > 0 && (stream.evidence || isRecent(group.name, lost, looks))) {
      return finding(
        bad,
        `${count(lost, 'entry', 'entries')} trimmed before ${group.name} read them`,
        `${latest.entriesAdded ?? 0} were added, ${group.entriesRead ?? 0} given to the group, and fewer wait than the rest. Trimming by length takes no notice of groups. ${consequence}`,
        factsOf(latest, group),
      );
    } else lostBefore += lost;
    if (pendingLost(latest, group)) {
      return finding(
        bad,
        'pending entries were trimmed and cannot be retried',
        `The oldest entry that was given out and not acknowledged is ${group.lowestPending?.id ?? ''}; the stream begins at ${latest.firstId}. ${consequence}`,
        factsOf(latest, group),
      );
    }
  }
  if (untold) {
    return finding('unknown', cannotCount(latest), 'What was added, given out and waits cannot be set against each other, so nothing is known of losses.');
  }
  return finding(
    'pass',
    lostBefore === 0 ? 'none' : `none lately, ${lostBefore} before`,
    'All that was added was given to the group, or waits for it.',
    lostBefore === 0 ? [] : [{ name: 'trimmed unread in the life of the group', value: String(lostBefore) }],
  );
}

function cannotCount({ maxDeletedId, entriesAdded }: StreamSnapshot): string {
  if (entriesAdded === null) return 'not counted by this Redis: it needs 7.0';
  return maxDeletedId === '0-0' ? 'cannot be counted for this group' : 'cannot be counted: entries were deleted one by one';
}

/** Each stream, each of its groups with its true backlog, and what was trimmed away unread. */
export const streamChecks: readonly Check[] = streams.flatMap((stream): Check[] => {
  const base = { step: 'streams', component: stream.name, privilege: streamPrivilege, asks: looksAsked(stream.name) } as const;
  const first = firstNumber(stream);
  const id = streamCheck(first);
  return [
    {
      ...base,
      id,
      title: 'Stream',
      needs: streamNeeds,
      source: 'infra/redis/provision-streams.sh',
      judge: (observed) => whenLooked(observed, stream.name, (looks) => judgeStream(stream, looks)),
    },
    ...stream.groups.map(
      (expected, position): Check => ({
        ...base,
        id: streamCheck(first + position + 1),
        title: expected.name,
        needs: [id],
        source: expected.reader ? readerSource[expected.reader] : 'infra/redis/provision-streams.sh',
        judge: (observed) => whenLooked(observed, stream.name, (looks) => judgeGroup(stream, expected, looks)),
      }),
    ),
    ...numbersOfReadGroups(stream).map(
      ({ expected, lost }): Check => ({
        ...base,
        id: streamCheck(lost),
        title: `${expected.name} lost`,
        needs: [id],
        source: 'apps/api/src/outbox.ts, OUTBOX_STREAM_MAXLEN',
        judge: (observed) => whenLooked(observed, stream.name, (looks) => judgeLost(stream, expected, looks)),
      }),
    ),
  ];
});
