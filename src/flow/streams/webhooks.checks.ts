import * as z from 'zod';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, notKnown, whenAnswered } from '../judging.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count, milliseconds } from '../words.ts';

const deliveries = z.object({
  /** Active sinks; the deliveries of others wait until they are active again. */
  sinks: z.number(),
  /** Could be sent now, though the one before it of the same sink comes first. */
  due: z.number(),
  /** Leased, or waiting for their next try. */
  waiting: z.number(),
  /** How long the first open delivery of a sink has been due, of the sink that waits longest. */
  firstDueMs: z.number().nullable(),
  abandonedIn24h: z.number(),
  /** Of the one abandoned last: the answer of the sink, or why there was none. */
  abandonedError: z.string().nullable(),
});

export const webhookDeliveries = subject('postgres.webhookDeliveries', deliveries);

const sinks = z.array(
  z.object({
    id: z.string(),
    name: z.string(),
    consecutiveFailures: z.number(),
    lastError: z.string().nullable(),
    /** Position in the audit chain of its zone up to which events were looked at for this sink. */
    cursor: z.number(),
    /** Events of its zone after that; null when the zone has none at all. */
    behind: z.number().nullable(),
    /** How long the first of them has been in the ledger. */
    behindMs: z.number().nullable(),
  }),
);

/** Of the active sinks, the oldest 200, which are those that the dispatcher looks at. */
export const webhookSinks = subject('postgres.webhookSinks', sinks);

/** The dispatcher comes every 5 s, and a round with deliveries that time out takes less than a minute. */
const notTakenMs = 120_000;

const looks = 3;

const deliveriesAsked = webhookDeliveries.of('Postgres');
const sinksAsked = webhookSinks.of('Postgres');

function judgeDeliveries(answer: z.infer<typeof deliveries>): Judgement {
  const { due, waiting, firstDueMs, abandonedIn24h, abandonedError } = answer;
  if (answer.sinks === 0) return finding('not-applicable', 'no webhook sink', 'No zone has an active webhook sink.');
  const facts: Fact[] = [
    { name: 'due', value: String(due) },
    { name: 'leased or waiting for a retry', value: String(waiting) },
    { name: 'abandoned in 24 h', value: String(abandonedIn24h) },
    ...(abandonedError === null ? [] : [{ name: 'last error', value: abandonedError }]),
  ];
  if ((firstDueMs ?? 0) > notTakenMs) {
    return finding('fail', `${due} due, not sent for ${milliseconds(firstDueMs ?? 0)}`, 'The dispatcher of api takes the oldest delivery of each sink every 5 s. It takes none.', facts);
  }
  return abandonedIn24h > 0
    ? finding('warn', `${count(abandonedIn24h, 'delivery', 'deliveries')} abandoned in 24 h`, 'The sink did not take these in 8 tries; they are not sent again.', facts)
    : finding('pass', due + waiting === 0 ? 'none due' : `${due} due, ${waiting} waiting`, 'Deliveries leave for their sinks.', facts);
}

function judgeSinks(first: z.infer<typeof sinks>, observed: Observed): Judgement {
  if (first.length === 0) return finding('not-applicable', 'no webhook sink', 'No zone has an active webhook sink.');
  const facts: Fact[] = first.map(({ name, consecutiveFailures, lastError, behind }) => ({
    name,
    value: `${consecutiveFailures === 0 ? 'works' : `failed ${consecutiveFailures} times in a row${lastError === null ? '' : `, ${lastError}`}`}, ${behind ?? 0} events behind`,
  }));
  const slow = first.filter(({ behindMs }) => (behindMs ?? 0) > notTakenMs);
  if (slow.length > 0) {
    let last = first;
    for (let look = 2; look <= looks; look += 1) {
      const again = webhookSinks.of('Postgres', look);
      const next = observed.find(again);
      if (!next) return { result: { status: 'unknown', summary: 'events wait for sinks: one look is not enough', reasoning: 'Whether the dispatcher looks at them takes more looks.', facts }, wants: [again] };
      if (next.outcome.kind !== 'answer') return notKnown(next);
      last = next.outcome.value;
    }
    const oldestMs = Math.max(...slow.map(({ behindMs }) => behindMs ?? 0));
    const moved = slow.some(({ id, cursor }) => last.find((sink) => sink.id === id)?.cursor !== cursor);
    return moved
      ? finding('warn', `${count(slow.length, 'sink')} catching up, ${milliseconds(oldestMs)} behind`, 'The dispatcher looks at 100 events for each sink at a time.', facts)
      : finding('fail', `${count(slow.length, 'sink')} ${milliseconds(oldestMs)} behind the audit events`, 'The dispatcher of api looks at new audit events every 5 s. It does not: no webhook is sent.', facts);
  }
  const failing = first.filter(({ consecutiveFailures }) => consecutiveFailures > 0);
  return failing.length === 0
    ? finding('pass', `${count(first.length, 'sink')}, none failing`, 'The last delivery of each active sink went through.', facts)
    : finding('warn', `${failing.length} of ${count(first.length, 'sink')} failing`, 'The last deliveries did not go through. Each is tried 8 times, and those after it wait.', facts);
}

const base = { step: 'streams', component: 'Outboxes', needs: [postgresAuthenticationId], source: 'apps/api/src/jobs/notification-dispatcher.ts' } as const;

/** Webhooks that approvals send, and where they go. */
export const webhookChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STR-092',
    title: 'Webhook deliveries',
    asks: [deliveriesAsked],
    privilege: 'SELECT on notification_deliveries (all but payload_json), notification_sinks (id, active)',
    judge: (observed) => whenAnswered(observed.get(deliveriesAsked), judgeDeliveries),
  },
  {
    ...base,
    id: 'CRC-STR-093',
    title: 'Webhook sinks',
    asks: [sinksAsked],
    privilege: 'SELECT on notification_sinks (all but url, secret_ct), audit_events (zone_id, chain_seq, ingested_at) of all zones',
    judge: (observed) => whenAnswered(observed.get(sinksAsked), (answer) => judgeSinks(answer, observed)),
  },
];
