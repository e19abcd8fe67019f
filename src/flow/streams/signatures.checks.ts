import * as z from 'zod';
import { streams } from '../../caracal/streams.ts';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, notKnown, signed } from '../judging.ts';
import { count } from '../words.ts';
import { compareIds } from './snapshot.ts';
import { firstNumber, streamCheck } from './stream.checks.ts';

/** Entries whose signatures are recomputed, from the newest. */
export const signaturesRead = 20;

const signatures = z.object({
  /** False when the target gives no `keys.streams`; then nothing was read. */
  keyGiven: z.boolean(),
  /** Newest first. The producer is told by the fields that only one of them adds. */
  entries: z.array(z.object({ id: z.string(), producer: z.enum(['api', 'coordinator', 'unknown']), signature: z.enum(['valid', 'wrong', 'missing']) })),
});

/** Asked of a stream, its name without `caracal.`, or of `<stream> before <id>`. */
export const redisSignatures = subject('redis.signatures', signatures);

type Entry = z.infer<typeof signatures>['entries'][number];

const signedStreams = streams.filter((stream) => stream.signed === true);
const questions = signedStreams.map(({ name }) => redisSignatures.of(name));

const producerWords: Readonly<Record<Entry['producer'], string>> = { api: 'api', coordinator: 'coordinator', unknown: 'an unknown writer' };

function factsOf(entries: readonly Entry[]): Fact[] {
  return (['api', 'coordinator', 'unknown'] as const).flatMap((producer) => {
    const own = entries.filter((entry) => entry.producer === producer);
    const of = (state: Entry['signature']): number => own.filter(({ signature }) => signature === state).length;
    return own.length === 0 ? [] : [{ name: producerWords[producer], value: `${of('valid')} valid, ${of('wrong')} wrong, ${of('missing')} unsigned` }];
  });
}

/** Entries of all answers that are there; null while one of them was not asked yet. */
function entriesOf(observed: Observed, asked: readonly ReturnType<typeof redisSignatures.of>[]): readonly Entry[] | null {
  const found = asked.map((question) => observed.find(question)?.outcome);
  return found.includes(undefined) ? null : found.flatMap((outcome) => (outcome?.kind === 'answer' ? outcome.value.entries : []));
}

/** An entry by somebody unknown is told of for so long. */
const toldForMs = 24 * 3_600_000;

/** Whether a wrong entry says something of now: its producer has not signed rightly since. */
function isRecent(wrong: Entry, newest: readonly Entry[], nowMs: number): boolean {
  if (wrong.producer === 'unknown') return nowMs - Number(wrong.id.split('-')[0]) < toldForMs;
  return !newest.some(({ producer, signature, id }) => producer === wrong.producer && signature === 'valid' && compareIds(id, wrong.id) > 0);
}

/**
 * A change of the key leaves older entries that do not verify, on every stream and of every producer:
 * those are no fault. An entry that does not verify although an older one, of whatever stream, does is one.
 */
function judge(name: string, observed: Observed): Judgement {
  const own = observed.get(redisSignatures.of(name));
  if (own.outcome.kind !== 'answer') return notKnown(own);
  const { keyGiven, entries } = own.outcome.value;
  if (!keyGiven) return finding('not-applicable', 'not checked: give keys.streams', 'Signatures can be recomputed only with STREAMS_HMAC_KEY.');
  if (entries.length === 0) return finding('pass', 'no entry to verify', 'The stream is empty.');
  const facts = factsOf(entries);
  const bad = entries.filter(({ signature }) => signature !== 'valid');
  const [newestBad] = bad;
  if (!newestBad) return finding('pass', `${entries.length} of the newest ${entries.length} valid`, 'Their signatures were recomputed with STREAMS_HMAC_KEY.', facts);

  const sinceWhen = (among: readonly Entry[]): string | undefined => among.filter(({ signature }) => signature === 'valid').map(({ id }) => id).sort(compareIds)[0];
  const newest = entriesOf(observed, questions) ?? [];
  let validSince = sinceWhen(newest);
  if (validSince === undefined || compareIds(validSince, newestBad.id) > 0) {
    const before = signedStreams.map((stream) => redisSignatures.of(`${stream.name} before ${newestBad.id}`));
    const older = entriesOf(observed, before);
    if (older === null) {
      return { result: { status: 'unknown', summary: 'not all verify, not looked at yet', reasoning: 'Whether the key was changed takes a look at older entries.', facts }, wants: before };
    }
    validSince = sinceWhen([...newest, ...older]);
  }
  if (validSince === undefined) {
    return finding('unknown', 'no entry of any stream verifies with keys.streams', 'Either keys.streams is not the key of this deployment, or nothing was written since the key was changed.', facts);
  }
  const since = validSince;
  const wrong = bad.filter(({ id }) => compareIds(id, since) > 0);
  if (wrong.length === 0) {
    return finding('pass', `${entries.length - bad.length} valid, ${bad.length} older by another key`, 'Every entry since the key was changed verifies.', facts);
  }
  const recent = wrong.filter((entry) => isRecent(entry, newest, Date.parse(own.at)));
  if (recent.length === 0) {
    return finding('pass', `${entries.length - bad.length} valid, ${wrong.length} dropped earlier`, 'What readers dropped is of the past: its writers sign rightly since, or are not seen any more.', facts);
  }
  const producers = [...new Set(recent.map(({ producer }) => producerWords[producer]))].join(', ');
  const unsigned = recent.every(({ signature }) => signature === 'missing');
  return signed(
    finding(
      'fail',
      `${count(recent.length, 'entry', 'entries')} of ${producers} ${unsigned ? 'unsigned' : 'wrongly signed'}`,
      `Readers drop such messages and apply nothing of them: STREAMS_HMAC_KEY of ${producers} is another one than that of the rest, or somebody else wrote them.`,
      facts,
    ),
    unsigned ? 'unsigned' : 'wrong',
  );
}

/** Whether what producers wrote last would be accepted by its readers. */
export const signatureChecks: readonly Check[] = signedStreams.map(
  (stream): Check => ({
    id: streamCheck({ 'policy.invalidate': 25, 'sessions.revoke': 38, 'agents.lifecycle': 55 }[stream.name] ?? 0),
    title: 'Signatures',
    step: 'streams',
    component: stream.name,
    needs: [streamCheck(firstNumber(stream))],
    asks: questions,
    privilege: '%R~caracal.* +xrevrange, keys.streams',
    source: 'packages/core/go/crypto/streamsig.go, packages/core/ts/src/crypto.ts',
    judge: (observed) => judge(stream.name, observed),
  }),
);
