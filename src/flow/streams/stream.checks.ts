import { streams } from '../../caracal/streams.ts';
import type { ConsumerGroup, Stream } from '../../caracal/streams.ts';
import type { Check, Fact, Judgement } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, notKnown, whenAnswered } from '../judging.ts';
import { redisAuthenticationId } from '../storage/redis.checks.ts';
import { count, milliseconds } from '../words.ts';
import { backlogOf, pendingLost, streamSnapshot, trimmedUnread } from './snapshot.ts';
import type { GroupSnapshot, StreamSnapshot } from './snapshot.ts';

export const redisStream = subject('redis.stream', streamSnapshot);

/** Looks at something that waits, 2 s apart, before anything is said about it. */
const looks = 3;

/** Waiting entries are reported only from one of these on: a quiet stream alarms nobody. */
const floorEntries = 50;
const floorAgeMs = 30_000;

const privilege = '%R~caracal.* +type +time +xinfo +xpending +xrange';

function judgeStream(stream: Stream, snapshot: StreamSnapshot): Judgement {
  if (snapshot.type === 'none') {
    return stream.madeByServices
      ? finding('fail', 'missing', `${stream.key} does not exist. The services that read it make it when they start; after a loss of Redis data they must be restarted.`)
      : finding('not-applicable', 'not provisioned; no service needs it', `${stream.key} is made by the provisioner of Compose only, and no service reads it.`);
  }
  if (snapshot.type !== 'stream') {
    return finding('fail', `is a ${snapshot.type}, not a stream`, `${stream.key} holds something else, so every read and write of it fails with WRONGTYPE.`);
  }
  if (stream.deadLetters && snapshot.length > 0) {
    return finding('warn', `${count(snapshot.length, 'dead letter')}, oldest ${age(snapshot, snapshot.firstId)}`, 'Events that Audit could not store are kept here. Their reasons tell why, and some can be replayed.');
  }
  return finding('pass', count(snapshot.length, 'entry', 'entries'), `${stream.key} is a stream.`, [
    { name: 'entries added', value: String(snapshot.entriesAdded) },
    { name: 'first id', value: snapshot.firstId },
    { name: 'last id', value: snapshot.lastId },
  ]);
}

/** Age of an entry by the clock of Redis, which made its id. */
function age(snapshot: StreamSnapshot, id: string): string {
  return milliseconds(Math.max(0, snapshot.nowMs - Number(id.split('-')[0])));
}

function factsOf(snapshot: StreamSnapshot, seen: GroupSnapshot): Fact[] {
  const backlog = backlogOf(snapshot, seen);
  return [
    { name: 'undelivered', value: `${backlog.entries}${backlog.atLeast ? '+' : ''}` },
    { name: 'pending', value: seen.lowestPending === null ? '0' : `${seen.pending}, oldest ${age(snapshot, seen.lowestPending)}` },
    { name: 'consumers', value: seen.consumers.length === 0 ? 'none' : seen.consumers.map(({ name }) => name).join(', ') },
    { name: 'last delivered', value: seen.lastDelivered },
  ];
}

/** How a group stands after the looks that were taken; `waiting` asks for another look. */
type Standing =
  | { readonly kind: 'well' | 'behind' | 'stalled' | 'lost'; readonly words: string; readonly facts: Fact[] }
  | { readonly kind: 'waiting'; readonly words: string; readonly facts: Fact[] };

function standing(stream: Stream, name: string, taken: readonly StreamSnapshot[]): Standing {
  const first = taken[0];
  const latest = taken.at(-1);
  const before = first?.groups.find((seen) => seen.name === name);
  const seen = latest?.groups.find((candidate) => candidate.name === name);
  if (!first || !latest || !before || !seen) throw new Error(`the group ${name} was not observed`);
  const facts = factsOf(latest, seen);
  const lost = trimmedUnread(latest, seen);
  if (lost > 0) {
    return { kind: 'lost', words: `${count(lost, 'entry', 'entries')} trimmed before ${name} read them`, facts };
  }
  if (stream.evidence && pendingLost(latest, seen)) {
    return { kind: 'lost', words: 'pending entries were trimmed and cannot be retried', facts };
  }
  const backlog = backlogOf(latest, seen);
  if (backlog.entries === 0) return { kind: 'well', words: seen.pending > 0 ? `none waiting, ${seen.pending} pending` : 'none waiting', facts };
  const oldestMs = seen.oldestUndelivered === null ? 0 : latest.nowMs - Number(seen.oldestUndelivered.split('-')[0]);
  const words = `${backlog.entries}${backlog.atLeast ? '+' : ''} waiting, oldest ${milliseconds(Math.max(0, oldestMs))}`;
  if (taken.length < looks) return { kind: 'waiting', words, facts };
  const moved = seen.lastDelivered !== before.lastDelivered;
  const notable = backlog.entries >= floorEntries || oldestMs >= floorAgeMs;
  if (!notable) return { kind: 'well', words: moved ? `${words}, moving` : words, facts };
  if (!moved) {
    const who = seen.consumers.length === 0 ? 'no consumer' : 'its consumer does not read';
    return { kind: 'stalled', words: `${words}; ${who}`, facts };
  }
  const grew = backlog.entries >= backlogOf(first, before).entries;
  return grew && oldestMs >= floorAgeMs ? { kind: 'behind', words: `${words}, not shrinking`, facts } : { kind: 'well', words: `${words}, moving`, facts };
}

function judgeGroup(stream: Stream, expected: ConsumerGroup, taken: readonly StreamSnapshot[]): Judgement {
  const latest = taken.at(-1);
  if (!latest || latest.type !== 'stream') return finding('not-applicable', 'no stream', `${stream.key} does not exist here.`);
  const matches = latest.groups.filter(({ name }) => name === expected.name || (expected.perReplica && name.startsWith(`${expected.name}:`)));
  if (matches.length === 0) {
    return expected.reader
      ? finding(
          'fail',
          'group missing',
          `${expected.reader} makes ${expected.name} on ${stream.key} only when it starts. Until then its reads fail with NOGROUP and what the stream brings is not applied, while its readiness may stay green.`,
        )
      : finding('not-applicable', 'not provisioned; no service reads it', `${expected.name} is made by the provisioner of Compose only.`);
  }
  if (!expected.reader) {
    return finding('pass', `no reader by design, ${count(latest.length, 'entry', 'entries')} kept`, 'No part of Caracal reads this group, so entries that wait in it say nothing.');
  }
  const reader = expected.reader;
  // A replica that is gone leaves its group behind: one group that keeps up is enough to say that the reader works.
  const standings = matches
    .filter(({ name }) => taken.every((look) => look.groups.some((seen) => seen.name === name)))
    .map(({ name }) => standing(stream, name, taken));
  const best = standings.find(({ kind }) => kind === 'well') ?? standings.find(({ kind }) => kind === 'waiting') ?? standings[0];
  if (!best) return finding('unknown', 'groups come and go: look again', 'No group stood through all looks.');
  const facts = matches.length > 1 ? [...best.facts, { name: 'groups', value: matches.map(({ name }) => name).join(', ') }] : best.facts;
  switch (best.kind) {
    case 'well':
      return finding('pass', best.words, `${reader} keeps up with ${stream.key}.`, facts);
    case 'waiting':
      return {
        result: { status: 'unknown', summary: `${best.words}: one look is not enough`, reasoning: 'Entries wait; whether they move takes more looks.', facts },
        wants: [redisStream.of(stream.name, taken.length + 1)],
      };
    case 'behind':
      return finding('warn', best.words, `${reader} reads ${stream.key} more slowly than it grows, over ${looks} looks.`, facts);
    case 'stalled':
      return finding('fail', best.words, `The position of ${expected.name} on ${stream.key} did not move over ${looks} looks while entries wait: ${reader} does not read.`, facts);
    case 'lost':
      return finding(
        stream.evidence ? 'fail' : 'warn',
        best.words,
        `Trimming by length takes no notice of groups. ${stream.evidence ? 'These audit events are lost.' : 'These entries were never applied.'}`,
        facts,
      );
  }
}

/** Where each service reads its groups. */
const readerSource: Readonly<Record<NonNullable<ConsumerGroup['reader']>, string>> = {
  sts: 'services/sts/internal/consumer.go',
  gateway: 'services/gateway/internal/revocations.go',
  audit: 'services/audit/internal/consumer.go:80',
  coordinator: 'apps/coordinator/src/jobs/lifecycle-relay.ts',
};

/** First number of a stream's checks; its groups follow. */
function streamCheck(index: number): string {
  return `CRC-STR-${String(index === 0 ? 1 : index * 10).padStart(3, '0')}`;
}

/** Each stream, and each of its groups with its true backlog. */
export const streamChecks: readonly Check[] = streams.flatMap((stream, index): Check[] => {
  const base = { step: 'streams', component: stream.name, privilege } as const;
  const question = redisStream.of(stream.name);
  const id = streamCheck(index);
  return [
    {
      ...base,
      id,
      title: 'Stream',
      needs: [redisAuthenticationId],
      asks: [question],
      source: 'infra/redis/provision-streams.sh',
      judge: (observed) => whenAnswered(observed.get(question), (answer) => judgeStream(stream, answer)),
    },
    ...stream.groups.map(
      (expected, position): Check => ({
        ...base,
        id: `CRC-STR-${String(Number(id.slice(-3)) + position + 1).padStart(3, '0')}`,
        title: expected.name,
        needs: [id],
        asks: [question],
        source: expected.reader ? readerSource[expected.reader] : 'infra/redis/provision-streams.sh',
        judge: (observed) =>
          whenAnswered(observed.get(question), (first) => {
            const taken = [first];
            for (let look = 2; look <= looks; look += 1) {
              const next = observed.find(redisStream.of(stream.name, look));
              if (!next) break;
              if (next.outcome.kind !== 'answer') return notKnown(next);
              taken.push(next.outcome.value);
            }
            return judgeGroup(stream, expected, taken);
          }),
      }),
    ),
  ];
});
