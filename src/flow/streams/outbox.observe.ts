import * as z from 'zod';
import type { Subject } from '../../model/observation.ts';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { numberOrNull, textOrNull } from '../values.ts';
import { apiOutbox, coordinatorOutbox, deadCoordinatorRows, deadRowsNamed, rowsCounted } from './outbox.checks.ts';
import type { OutboxSnapshot } from './outbox.checks.ts';


/**
 * Counts over the rows that are open (`open`) and given up (`dead`), both read by an index and bounded;
 * an open row has `ready_at`, the moment from which its publisher could take it.
 */
const figures = (table: string): string => `
  SELECT (SELECT count(*) FROM open WHERE ready_at <= now())::int AS ready,
         (SELECT (extract(epoch FROM now() - min(ready_at)) * 1000)::float8 FROM open WHERE ready_at <= now()) AS ready_for,
         (SELECT id FROM open WHERE ready_at <= now() ORDER BY ready_at, id LIMIT 1) AS ready_id,
         (SELECT count(*) FROM open WHERE leased)::int AS in_flight,
         (SELECT count(*) FROM open WHERE ready_at > now() AND NOT leased)::int AS retrying,
         (SELECT coalesce(max(attempts), 0) FROM open)::int AS most_attempts,
         (SELECT (extract(epoch FROM now() - min(created_at)) * 1000)::float8 FROM open) AS oldest_pending,
         (SELECT count(*) FROM dead)::int AS dead,
         (SELECT (extract(epoch FROM now() - min(created_at)) * 1000)::float8 FROM dead) AS oldest_dead,
         (SELECT coalesce(json_agg(json_build_object('text', error, 'rows', rows)), '[]') FROM (
            SELECT error, count(*)::int AS rows FROM (SELECT error FROM open UNION ALL SELECT error FROM dead) AS failed
             WHERE error IS NOT NULL GROUP BY error ORDER BY rows DESC LIMIT 3) AS often) AS errors,
         (SELECT greatest(reltuples, 0)::float8 FROM pg_class WHERE oid = '${table}'::regclass) AS table_rows`;

const apiStatement = `
  WITH open AS MATERIALIZED (
         SELECT id, attempts, created_at, left(last_error, 200) AS error, coalesce(locked_until > now(), false) AS leased,
                greatest(available_at, coalesce(locked_until, available_at)) AS ready_at
           FROM event_outbox WHERE dispatched_at IS NULL AND available_at < 'infinity' ORDER BY available_at LIMIT ${rowsCounted}),
       dead AS MATERIALIZED (
         SELECT created_at, left(last_error, 200) AS error
           FROM event_outbox WHERE dispatched_at IS NULL AND available_at = 'infinity' LIMIT ${rowsCounted})
  ${figures('event_outbox')}`;

const coordinatorStatement = `
  WITH open AS MATERIALIZED (
         SELECT id, attempts, created_at, NULL::text AS error, false AS leased, available_at AS ready_at
           FROM caracal_outbox WHERE status = 'pending' AND producer = 'coordinator' ORDER BY available_at LIMIT ${rowsCounted}),
       dead AS MATERIALIZED (
         SELECT created_at, NULL::text AS error
           FROM caracal_outbox WHERE status = 'dead' AND producer = 'coordinator' LIMIT ${rowsCounted})
  ${figures('caracal_outbox')}`;

const errorsSchema = z.array(z.object({ text: z.string(), rows: z.number() }));

function outbox(subject: Subject<OutboxSnapshot>, table: string, statement: string): Observer<OutboxSnapshot> {
  return {
    subject,
    deadlineMs: postgresDeadlineMs,
    asked: () => `counts and ages of open and dead rows of ${table}`,
    async observe(deployment, { signal, stage }) {
      stage('waiting for Postgres');
      const [row = {}] = await deployment.postgres().query(statement, [], signal);
      return {
        ready: Number(row['ready']),
        readyForMs: numberOrNull(row['ready_for']),
        readyId: textOrNull(row['ready_id']),
        inFlight: Number(row['in_flight']),
        retrying: Number(row['retrying']),
        mostAttempts: Number(row['most_attempts']),
        oldestPendingMs: numberOrNull(row['oldest_pending']),
        dead: Number(row['dead']),
        oldestDeadMs: numberOrNull(row['oldest_dead']),
        errors: errorsSchema.parse(row['errors']),
        tableRows: Number(row['table_rows']),
      };
    },
  };
}

const rowsSchema = z.array(z.object({ id: z.string(), zone: z.string() }));

const deadRows: Observer<z.infer<typeof rowsSchema>> = {
  subject: deadCoordinatorRows,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'ids and zones of dead rows of caracal_outbox',
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const rows = await deployment.postgres().query(
      `SELECT id, payload_json->>'zone_id' AS zone FROM caracal_outbox
        WHERE status = 'dead' AND producer = 'coordinator' AND payload_json ? 'zone_id' ORDER BY created_at, id LIMIT ${deadRowsNamed}`,
      [],
      signal,
    );
    return rowsSchema.parse(rows);
  },
};

export const outboxObservers = [
  outbox(apiOutbox, 'event_outbox', apiStatement),
  outbox(coordinatorOutbox, 'caracal_outbox', coordinatorStatement),
  deadRows,
];
