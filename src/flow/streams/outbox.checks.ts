import * as z from 'zod';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import type { Question, Subject } from '../../model/observation.ts';
import { finding, notKnown, signed } from '../judging.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count, milliseconds } from '../words.ts';

/** Rows are counted up to here; the tables have an index of those that are open. */
export const rowsCounted = 5_000;

const outbox = z.object({
  /** Waits for its publisher now. */
  ready: z.number(),
  /** How long the row that waits longest could have been taken. */
  readyForMs: z.number().nullable(),
  /** Identity of that row, to see whether it was taken since; null when none waits. */
  readyId: z.string().nullable(),
  /** Claimed by a publisher that has a lease on it; 0 where the table knows no leases. */
  inFlight: z.number(),
  /** Waits for its next try after a failure. */
  retrying: z.number(),
  /** Tries of the open row that failed most often. */
  mostAttempts: z.number(),
  /** Age of the oldest row that is neither published nor given up, by the clock of Postgres. */
  oldestPendingMs: z.number().nullable(),
  dead: z.number(),
  oldestDeadMs: z.number().nullable(),
  /** Error texts of open rows, most frequent first; empty where the table keeps none. */
  errors: z.array(z.object({ text: z.string(), rows: z.number() })),
  /** Rows of the whole table as Postgres estimates them; published ones are never deleted. */
  tableRows: z.number(),
});

export type OutboxSnapshot = z.infer<typeof outbox>;

export const apiOutbox = subject('postgres.apiOutbox', outbox);
export const coordinatorOutbox = subject('postgres.coordinatorOutbox', outbox);

/** Dead rows are named up to here. */
export const deadRowsNamed = 100;

/** Dead rows of the Coordinator, oldest first: what a requeue has to name. */
export const deadCoordinatorRows = subject('postgres.deadCoordinatorRows', z.array(z.strictObject({ id: z.string(), zone: z.string() })));

/** Publishers poll every 0.25 s and 1 s: what could have been taken for this long was not wanted. */
const notTakenMs = 30_000;

/** Looks, 2 s apart, before a publisher is said to take nothing: a burst may simply take long to drain. */
const looks = 3;

/** Threshold of the shipped alert CaracalAPIOutboxPendingOldest. */
const oldPendingMs = 300_000;

/** Failures in a row that no passing trouble explains: the back-off before them adds up to more than 10 s. */
const manyAttempts = 4;

/** What is behind the words of the Redis client. */
const errorClasses: readonly (readonly [words: RegExp, kind: string])[] = [
  [/\bOOM\b/, 'OOM: Redis is full'],
  [/\bREADONLY\b/, 'READONLY: Redis is a replica'],
  [/\bMISCONF\b/, 'MISCONF: Redis cannot write its disk'],
  [/\bNOREPLICAS\b/, 'NOREPLICAS: Redis misses its replicas'],
  [/\b(?:NOAUTH|WRONGPASS|NOPERM)\b/, 'authentication: Redis refuses the password or the command'],
  [/\bWRONGTYPE\b/, 'WRONGTYPE: the stream is another kind of key'],
  [/\bLOADING\b/, 'LOADING: Redis is starting'],
  [/\b(?:MOVED|CLUSTERDOWN)\b/, 'MOVED: Redis is a cluster'],
  [/ECONN|ENOTFOUND|EHOST|ETIMEDOUT|timed out|max retries|Connection is closed|writeable/i, 'Redis cannot be reached'],
];

export function errorClass(text: string): string {
  return errorClasses.find(([words]) => words.test(text))?.[1] ?? text.slice(0, 80);
}

interface Outbox {
  readonly subject: Subject<OutboxSnapshot>;
  readonly publisher: 'api' | 'coordinator';
  readonly whenDead: string;
  /** Names the dead rows, where something can be done with their names. */
  readonly deadRows?: Subject<unknown>;
  /** Tries after which a row is dead. */
  readonly maxAttempts: number;
  /** Pending rows from which Caracal's own diagnostics warn, where they do. */
  readonly manyPending?: number;
}

function factsOf(snapshot: OutboxSnapshot): Fact[] {
  const { ready, inFlight, retrying, mostAttempts, dead, oldestDeadMs, errors, tableRows } = snapshot;
  return [
    { name: 'ready', value: String(ready) },
    ...(inFlight > 0 ? [{ name: 'in flight', value: String(inFlight) }] : []),
    { name: 'waiting for a retry', value: retrying === 0 ? '0' : `${retrying}, tried up to ${mostAttempts} times` },
    ...(dead > 0 ? [{ name: 'dead', value: `${dead}, oldest ${oldestDeadMs === null ? 'unknown' : milliseconds(oldestDeadMs)}` }] : []),
    ...errors.map(({ text, rows }) => ({ name: 'last error', value: `${errorClass(text)} (${count(rows, 'row')}): ${text}` })),
    { name: 'rows of the table', value: `about ${tableRows.toLocaleString('en-US')}` },
  ];
}

function judge({ subject: of, publisher, whenDead, maxAttempts, manyPending = Infinity }: Outbox, observed: Observed): Judgement {
  const question = of.of('Postgres');
  const first = observed.get(question);
  if (first.outcome.kind !== 'answer') return notKnown(first);
  const snapshot = first.outcome.value;
  const facts = factsOf(snapshot);
  const pending = snapshot.ready + snapshot.inFlight + snapshot.retrying;
  const shown = `${pending >= rowsCounted ? `${rowsCounted}+` : pending} pending, oldest ${milliseconds(snapshot.oldestPendingMs ?? 0)}`;
  const [error] = snapshot.errors;
  const because = error ? `: ${errorClass(error.text)}` : '';
  if (snapshot.dead > 0) {
    const { result } = finding('fail', `${count(snapshot.dead, 'dead event')}, and ${snapshot.dead === 1 ? 'stays' : 'stay'} dead${because}`, whenDead, facts);
    // An event that dies does so within minutes after it was made.
    const since = snapshot.oldestDeadMs === null ? undefined : new Date(Date.parse(first.at) - snapshot.oldestDeadMs).toISOString();
    return { result: { ...result, signs: ['dead'], since } };
  }
  if (pending === 0) return finding('pass', 'none pending', 'Events leave for their streams.', facts);
  if ((snapshot.readyForMs ?? 0) > notTakenMs) return judgeTaken(observed, question, snapshot, publisher, facts);
  if (snapshot.mostAttempts >= manyAttempts) {
    return signed(
      finding(
        'warn',
        `${shown}${because || `, tried up to ${snapshot.mostAttempts} times`}`,
        `${publisher} fails to publish these. At ${maxAttempts} tries they are dead, and ${publisher} is not ready.`,
        facts,
      ),
      'retrying',
      ...snapshot.errors.map(({ text }) => errorClass(text).split(':')[0] ?? ''),
    );
  }
  if (pending > manyPending || (snapshot.oldestPendingMs ?? 0) > oldPendingMs) {
    return signed(finding('warn', shown, 'Events wait longer than their publisher needs: Redis, the publisher, or the memory of the streams.', facts), 'waiting');
  }
  return finding('pass', shown, 'Events leave for their streams.', facts);
}

/** Which rows are dead is asked when there are some; it changes no verdict. */
function namesOfDead({ subject: of, deadRows }: Outbox, observed: Observed): readonly Question[] {
  const { outcome } = observed.get(of.of('Postgres'));
  return deadRows !== undefined && outcome.kind === 'answer' && outcome.value.dead > 0 ? [deadRows.of('Postgres')] : [];
}

/** Whether anything is taken of rows that wait for their publisher for long. */
function judgeTaken(observed: Observed, question: Question<OutboxSnapshot>, first: OutboxSnapshot, publisher: string, facts: Fact[]): Judgement {
  const shown = `${first.ready >= rowsCounted ? `${rowsCounted}+` : first.ready} not taken for ${milliseconds(first.readyForMs ?? 0)}`;
  let last = first;
  for (let look = 2; look <= looks; look += 1) {
    const again: Question<OutboxSnapshot> = { ...question, sample: look };
    const next = observed.find(again);
    if (!next) return { result: { status: 'unknown', summary: `${shown}: one look is not enough`, reasoning: 'Whether rows are taken needs more looks.', facts }, wants: [again] };
    if (next.outcome.kind !== 'answer') return notKnown(next);
    last = next.outcome.value;
  }
  return last.readyId !== first.readyId || last.ready < first.ready
    ? finding('warn', `${shown}, draining`, `${publisher} publishes, and has more to do than it can at once.`, facts)
    : signed(finding('fail', shown, `${publisher} takes none of the rows that wait for it, over ${looks} looks: its publisher does not run, or hangs in Redis.`, facts), 'not taken');
}

const outboxes: readonly (Outbox & Pick<Check, 'id' | 'title' | 'privilege' | 'source'>)[] = [
  {
    id: 'CRC-STR-090',
    title: 'API outbox',
    subject: apiOutbox,
    publisher: 'api',
    maxAttempts: 100,
    whenDead:
      'Rows of event_outbox with available_at = infinity were given up after 100 tries. Nothing requeues them: an operator reconciles the rows in SQL, and until then api is not ready.',
    privilege: 'SELECT on event_outbox (id, attempts, available_at, locked_until, created_at, dispatched_at, last_error)',
    source: 'apps/api/src/outbox.ts, apps/api/src/app.ts:98',
  },
  {
    id: 'CRC-STR-091',
    title: 'Coordinator outbox',
    subject: coordinatorOutbox,
    deadRows: deadCoordinatorRows,
    publisher: 'coordinator',
    maxAttempts: 10,
    // Caracal packages/engine/src/doctor.ts
    manyPending: 500,
    whenDead:
      'Rows of caracal_outbox with status dead were given up after 10 tries, which one or two minutes without Redis are enough for. One of them keeps coordinator not ready until it is requeued.',
    privilege: 'SELECT on caracal_outbox (id, producer, status, attempts, available_at, created_at); payload_json to name the zones of dead rows',
    source: 'apps/coordinator/src/jobs/outbox-publisher.ts',
  },
];

/** The two tables through which api and coordinator write to streams. */
export const outboxChecks: readonly Check[] = outboxes.map(
  (of): Check => ({
    id: of.id,
    title: of.title,
    step: 'streams',
    component: 'Outboxes',
    needs: [postgresAuthenticationId],
    asks: [of.subject.of('Postgres')],
    privilege: of.privilege,
    source: of.source,
    judge: (observed) => {
      const judgement = judge(of, observed);
      return { ...judgement, wants: [...(judgement.wants ?? []), ...namesOfDead(of, observed)] };
    },
  }),
);
