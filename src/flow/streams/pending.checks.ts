import * as z from 'zod';
import { streams } from '../../caracal/streams.ts';
import type { ConsumerGroup, Stream } from '../../caracal/streams.ts';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, notKnown, signed } from '../judging.ts';
import { count, milliseconds } from '../words.ts';
import { looksAsked, whenLooked } from './looks.ts';
import { ageMs, areLeftBehind, groupsOf, livingGroups } from './snapshot.ts';
import type { GroupSnapshot, StreamSnapshot } from './snapshot.ts';
import { firstNumber, numbersOfReadGroups, readerSource, streamCheck, streamPrivilege } from './stream.checks.ts';

/** Pending entries that are read with their deliveries, from the lowest id. */
export const pendingRead = 100;

/** Those of them whose field names are looked up, where the names tell what they are. */
export const pendingNamed = 10;

/** Asked of `<stream>/<group>`, names without `caracal.`. */
export const redisPending = subject(
  'redis.pendingEntries',
  z.array(
    z.object({
      id: z.string(),
      idleMs: z.number(),
      deliveries: z.number(),
      /** Names of its fields, never their values; null when they were not looked up or the entry is gone. */
      fields: z.array(z.string()).nullable(),
    }),
  ),
);

type PendingEntry = z.infer<typeof redisPending.schema>[number];

/** Younger than this, and delivered once, an entry is simply being worked on. */
const atWorkMs = 60_000;

/** Times the claim interval after which nobody claims. */
const intervals = 3;

const deliveriesWithoutEnd = 8;

/**
 * True for a message that revokes delegations alone: the STS wants a record or a session and refuses it
 * at every start, for ever, while nothing is missing (Caracal services/sts/internal/consumer.go:121).
 */
function isDelegationsOnly({ fields }: PendingEntry): boolean {
  return fields !== null && fields.length > 0 && !fields.includes('session_id') && !fields.includes('agent_session_id');
}

/** Whether the entries of a group are worth a closer look. */
function isSuspicious(snapshot: StreamSnapshot, { lowestPending }: GroupSnapshot): boolean {
  return lowestPending !== null && (ageMs(snapshot, lowestPending.id) >= atWorkMs || lowestPending.deliveries > 1);
}

type Trouble = { readonly words: string; readonly why: string; readonly facts: readonly Fact[] };

/** What is wrong with pending entries; undefined when they are being worked on, or wait by design. */
function trouble(expected: ConsumerGroup, entries: readonly PendingEntry[]): Trouble | undefined {
  const { reader = '', claimsAfterMs, maxDeliveries = deliveriesWithoutEnd } = expected;
  const left = entries.filter((entry) => !isDelegationsOnly(entry));
  const delegations = entries.length - left.length;
  const facts = delegations > 0 ? [{ name: 'of delegations alone, kept by design', value: String(delegations) }] : [];
  if (claimsAfterMs === undefined) {
    const stuck = left.filter(({ idleMs }) => idleMs >= atWorkMs);
    return stuck.length === 0
      ? undefined
      : {
          words: `${count(stuck.length, 'entry', 'entries')} failed, tried again only when ${reader} starts`,
          why: `${reader} was given these and did not acknowledge them: it could not apply them, or ended before it did. It takes them up again only when it starts, and gives up after five failures.`,
          facts,
        };
  }
  const poison = left.filter(({ deliveries }) => deliveries >= maxDeliveries / 2);
  const most = Math.max(...poison.map(({ deliveries }) => deliveries));
  if (poison.length > 0) {
    return {
      words: `${count(poison.length, 'entry', 'entries')} delivered up to ${most} times`,
      why: `${reader} takes these up again and again and fails. ${expected.maxDeliveries === undefined ? 'It never gives up.' : `At ${expected.maxDeliveries} it gives up and makes dead letters of them.`}`,
      facts,
    };
  }
  const abandoned = left.filter(({ idleMs }) => idleMs >= intervals * claimsAfterMs);
  return abandoned.length === 0
    ? undefined
    : {
        words: `${count(abandoned.length, 'entry', 'entries')} not taken up again for ${milliseconds(Math.max(...abandoned.map(({ idleMs }) => idleMs)))}`,
        why: `${reader} takes up what was not acknowledged after ${milliseconds(claimsAfterMs)}. Nobody did.`,
        facts,
      };
}

function shown(snapshot: StreamSnapshot, group: GroupSnapshot): string {
  return group.lowestPending === null ? 'none' : `${group.pending}, oldest ${milliseconds(ageMs(snapshot, group.lowestPending.id))}`;
}

function judgePending(stream: Stream, expected: ConsumerGroup, latest: StreamSnapshot, observed: Observed): Judgement {
  const groups = groupsOf(latest, expected);
  if (latest.type !== 'stream' || groups.length === 0) return finding('not-applicable', 'no group', `${expected.name} is not on ${stream.key}.`);
  const living = livingGroups(latest, groups);
  const suspicious = living.filter((group) => isSuspicious(latest, group));
  const facts: Fact[] = living.map((group) => ({ name: expected.perReplica ? group.name : 'pending', value: shown(latest, group) }));
  const questions = suspicious.map(({ name }) => redisPending.of(`${stream.name}/${name}`));
  const open = questions.filter((question) => observed.find(question) === undefined);
  if (open.length > 0) {
    return { result: { status: 'unknown', summary: 'not looked at yet', reasoning: 'Entries are pending for long; what they are takes a closer look.', facts }, wants: open };
  }
  const found: Trouble[] = [];
  let byDesign = 0;
  for (const question of questions) {
    const observation = observed.get(question);
    if (observation.outcome.kind !== 'answer') return notKnown(observation);
    const entries = observation.outcome.value;
    byDesign += entries.filter(isDelegationsOnly).length;
    const what = trouble(expected, entries);
    if (what) found.push(what);
  }
  const [first] = found;
  // Where replicas cannot be told from those that are gone, one group without trouble says that the reader works.
  if (first && found.length === living.length) {
    if (areLeftBehind(expected, living)) return signed(finding('warn', `${first.words}, and nobody reads the group`, 'A Gateway asks for its own group every second, and nobody asks for this one.', [...facts, ...first.facts]), 'unread');
    return finding('warn', first.words, first.why, [...facts, ...first.facts]);
  }
  const total = living.reduce((sum, { pending }) => sum + pending, 0);
  const words = byDesign > 0 ? `${total}, ${byDesign} of delegations alone` : total === 0 ? 'none' : living.length === 1 && living[0] ? shown(latest, living[0]) : String(total);
  return finding('pass', words, 'What was given out is being worked on. Messages that revoke delegations alone stay with the STS by design.', facts);
}

/** What each group that a service reads was given and has not acknowledged. */
export const pendingChecks: readonly Check[] = streams.flatMap((stream) =>
  numbersOfReadGroups(stream).map(
    ({ expected, pending }): Check => ({
      id: streamCheck(pending),
      title: `${expected.name} pending`,
      step: 'streams',
      component: stream.name,
      needs: [streamCheck(firstNumber(stream))],
      asks: looksAsked(stream.name),
      privilege: `${streamPrivilege} +xpending`,
      source: expected.reader ? readerSource[expected.reader] : '',
      judge: (observed) => whenLooked(observed, stream.name, ({ latest }) => judgePending(stream, expected, latest, observed)),
    }),
  ),
);
