import * as z from 'zod';
import { keyOf, streams } from '../../caracal/streams.ts';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, signed, whenAnswered } from '../judging.ts';
import { count, milliseconds } from '../words.ts';
import { ageMs, redisStream } from './snapshot.ts';
import type { StreamSnapshot } from './snapshot.ts';
import { streamCheck, streamNeeds, streamPrivilege } from './stream.checks.ts';

/** Dead letters that are read for their reasons, from the newest. */
export const lettersRead = 100;

const letters = z.object({
  /** Redis clock, milliseconds since 1970. */
  nowMs: z.number(),
  letters: z.array(
    z.object({
      id: z.string(),
      /** The reason up to its first colon: what follows can quote the event. */
      reason: z.string(),
      /** Whether the replay of Audit takes it. */
      replayable: z.boolean(),
    }),
  ),
});

/** Asked of a stream of dead letters, its name without `caracal.`. */
export const redisDeadLetters = subject('redis.deadLetters', letters);

type Letter = z.infer<typeof letters>['letters'][number];

/** Older dead letters are kept history: nothing deletes them, and nobody can replay those of `.dead`. */
const recentMs = 86_400_000;

/** What the STS says of a message that revokes delegations alone, after five starts within a day: nothing is missing. */
const byDesign = 'missing session_id or agent_session_id';

const auditDeadLetters = 'audit.events.dlq';

/** `hmac_verify_failed 3, json_parse_error 1`, most frequent first. */
function byReason(of: readonly Letter[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of of) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].sort(([, left], [, right]) => right - left).map(([reason, number]) => `${reason} ${number}`).join(', ');
}

function judgeLetters(name: string, length: number, answer: z.infer<typeof letters>): Judgement {
  const recent = answer.letters.filter(({ id, reason }) => ageMs(answer, id) < recentMs && reason !== byDesign);
  const replayable = answer.letters.filter((letter) => letter.replayable);
  const [newest] = answer.letters;
  const [worst] = recent;
  const part = answer.letters.length < length ? ` of the newest ${answer.letters.length}` : '';
  const facts: Fact[] = [
    { name: 'kept', value: String(length) },
    { name: `reasons${part}`, value: byReason(answer.letters) },
    ...(name === auditDeadLetters ? [{ name: `replayable${part}`, value: String(replayable.length) }] : []),
  ];
  if (name === auditDeadLetters && replayable.length > 0) {
    return signed(finding('warn', `${count(length, 'dead letter')}, ${replayable.length} can be replayed`, 'Audit could not store these events, and the ledger lacks them until they are replayed.', facts), 'replayable', ...new Set(recent.map(({ reason }) => reason)));
  }
  if (worst) {
    const meaning = name === auditDeadLetters ? 'Audit refused these events: they are kept here and are not in the ledger.' : 'A reader gave these messages up: what they said was not applied by it.';
    return signed(finding('warn', `${recent.length} in 24 h, newest ${milliseconds(ageMs(answer, worst.id))}: ${byReason(recent)}`, meaning, facts), ...new Set(recent.map(({ reason }) => reason)));
  }
  return finding('pass', `none in 24 h, ${length} kept${newest ? `, newest ${milliseconds(ageMs(answer, newest.id))}` : ''}`, 'Dead letters are never deleted by Caracal; these are history.', facts);
}

function judgeStream(name: string, { type, length }: StreamSnapshot, observed: Observed): Judgement {
  if (type === 'none' || (type === 'stream' && length === 0)) return finding('pass', 'none', `${keyOf(name)} holds nothing.`);
  if (type !== 'stream') return finding('fail', `is a ${type}, not a stream`, `${keyOf(name)} holds something else, so nothing can be set aside: what a reader cannot apply stays pending.`);
  const question = redisDeadLetters.of(name);
  const observation = observed.find(question);
  if (!observation) {
    return { result: { status: 'unknown', summary: `${count(length, 'dead letter')}, not looked at yet`, reasoning: 'Their age and reasons take a closer look.' }, wants: [question] };
  }
  return whenAnswered(observation, (answer) => judgeLetters(name, length, answer));
}

const deadLetters = (number: number, component: string, name: string, needs: readonly string[], source: string): Check => ({
  id: streamCheck(number),
  title: 'Dead letters',
  step: 'streams',
  component,
  needs,
  asks: [redisStream.of(name)],
  privilege: `${streamPrivilege} +xrevrange`,
  source,
  judge: (observed) => whenAnswered(observed.get(redisStream.of(name)), (snapshot) => judgeStream(name, snapshot, observed)),
});

const numbers: Readonly<Record<string, number>> = { 'policy.invalidate': 24, 'sessions.revoke': 37, 'keys.invalidate': 44, 'delegations.invalidate': 74 };

/** What readers gave up, by reason and age. */
export const deadLetterChecks: readonly Check[] = [
  deadLetters(12, auditDeadLetters, auditDeadLetters, [streamCheck(10)], 'services/audit/internal/consumer.go:275'),
  ...streams.flatMap(({ name, deadLetters: dead }) => {
    const number = numbers[name];
    return dead === undefined || number === undefined ? [] : [deadLetters(number, name, dead, streamNeeds, 'services/sts/internal/consumer.go, packages/backends/redis')];
  }),
];
