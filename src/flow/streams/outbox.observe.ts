import type { Subject } from '../../model/observation.ts';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { apiOutbox, coordinatorOutbox } from './outbox.checks.ts';
import type { OutboxSnapshot } from './outbox.checks.ts';

const ageMs = (column: string): string => `(extract(epoch FROM now() - min(created_at) FILTER (WHERE ${column})) * 1000)::float8`;

/** The partial index of the table makes this cheap, though dispatched rows are never deleted. */
const apiStatement = `
  SELECT count(*) FILTER (WHERE available_at <> 'infinity')::int AS pending,
         ${ageMs("available_at <> 'infinity'")} AS oldest_pending,
         count(*) FILTER (WHERE available_at = 'infinity')::int AS dead,
         ${ageMs("available_at = 'infinity'")} AS oldest_dead,
         max(left(last_error, 300)) FILTER (WHERE available_at = 'infinity') AS last_error
    FROM event_outbox WHERE dispatched_at IS NULL`;

const coordinatorStatement = `
  SELECT count(*) FILTER (WHERE status = 'pending')::int AS pending,
         ${ageMs("status = 'pending'")} AS oldest_pending,
         count(*) FILTER (WHERE status = 'dead')::int AS dead,
         ${ageMs("status = 'dead'")} AS oldest_dead,
         NULL AS last_error
    FROM caracal_outbox WHERE producer = 'coordinator' AND status IN ('pending', 'dead')`;

const orNull = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));

function outbox(subject: Subject<OutboxSnapshot>, table: string, statement: string): Observer<OutboxSnapshot> {
  return {
    subject,
    deadlineMs: postgresDeadlineMs,
    asked: () => `count and ages of pending and dead rows of ${table}`,
    async observe(deployment, { signal, stage }) {
      stage('waiting for Postgres');
      const [row = {}] = await deployment.postgres().query(statement, [], signal);
      const error = row['last_error'];
      return {
        pending: Number(row['pending']),
        oldestPendingMs: orNull(row['oldest_pending']),
        dead: Number(row['dead']),
        oldestDeadMs: orNull(row['oldest_dead']),
        lastError: typeof error === 'string' ? error : null,
      };
    },
  };
}

export const outboxObservers = [
  outbox(apiOutbox, 'event_outbox', apiStatement),
  outbox(coordinatorOutbox, 'caracal_outbox', coordinatorStatement),
];
