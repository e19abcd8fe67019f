import * as z from 'zod';
import type { Check, Judgement } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, whenAnswered } from '../judging.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count, milliseconds } from '../words.ts';

const outbox = z.object({
  pending: z.number(),
  /** Of the oldest pending row, by the clock of Postgres; null when there is none. */
  oldestPendingMs: z.number().nullable(),
  dead: z.number(),
  oldestDeadMs: z.number().nullable(),
  /** Error of a dead row, where the table keeps one. */
  lastError: z.string().nullable(),
});

export type OutboxSnapshot = z.infer<typeof outbox>;

export const apiOutbox = subject('postgres.apiOutbox', outbox);
export const coordinatorOutbox = subject('postgres.coordinatorOutbox', outbox);

/** Threshold of the shipped alert CaracalAPIOutboxPendingOldest. */
const oldPendingMs = 300_000;

/** Pending rows from which Caracal's own diagnostics warn: Caracal packages/engine/src/doctor.ts. */
const manyPending = 500;

function judge(snapshot: OutboxSnapshot, whenDead: string): Judgement {
  const { pending, oldestPendingMs, dead, oldestDeadMs, lastError } = snapshot;
  const waiting = pending === 0 ? 'none pending' : `${pending} pending, oldest ${milliseconds(oldestPendingMs ?? 0)}`;
  if (dead > 0) {
    const facts = [
      { name: 'oldest dead', value: oldestDeadMs === null ? 'unknown' : milliseconds(oldestDeadMs) },
      { name: 'pending', value: waiting },
      ...(lastError === null ? [] : [{ name: 'last error', value: lastError }]),
    ];
    return finding('fail', `${count(dead, 'dead event')}, and ${dead === 1 ? 'stays' : 'stay'} dead`, whenDead, facts);
  }
  if (pending > manyPending || (oldestPendingMs ?? 0) > oldPendingMs) {
    return finding('warn', waiting, 'Events wait longer than their publisher needs: Redis, the publisher, or the memory of the streams.');
  }
  return finding('pass', waiting, 'Events leave for their streams.');
}

const api = apiOutbox.of('Postgres');
const coordinator = coordinatorOutbox.of('Postgres');
const base = { step: 'streams', component: 'Outboxes', needs: [postgresAuthenticationId] } as const;

/** The two tables through which api and coordinator write to streams. */
export const outboxChecks: readonly Check[] = [
  {
    ...base,
    id: 'CRC-STR-090',
    title: 'API outbox',
    asks: [api],
    privilege: 'SELECT on event_outbox (attempts, available_at, created_at, dispatched_at, last_error)',
    source: 'apps/api/src/outbox.ts, apps/api/src/app.ts:98',
    judge: (observed) =>
      whenAnswered(observed.get(api), (answer) =>
        judge(
          answer,
          'Rows of event_outbox with available_at = infinity were given up after 100 tries. Nothing requeues them: an operator reconciles the rows in SQL, and until then api is not ready.',
        ),
      ),
  },
  {
    ...base,
    id: 'CRC-STR-091',
    title: 'Coordinator outbox',
    asks: [coordinator],
    privilege: 'SELECT on caracal_outbox (producer, status, created_at)',
    source: 'apps/coordinator/src/jobs/outbox-publisher.ts',
    judge: (observed) =>
      whenAnswered(observed.get(coordinator), (answer) =>
        judge(
          answer,
          'Rows of caracal_outbox with status dead were given up after 10 tries, which one or two minutes without Redis are enough for. One of them keeps coordinator not ready until it is requeued.',
        ),
      ),
  },
];
