import type * as z from 'zod';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from '../storage/postgres.observe.ts';
import { numberOrNull, textOrNull } from '../values.ts';
import { rowsCounted } from './outbox.checks.ts';
import { webhookDeliveries, webhookSinks } from './webhooks.checks.ts';

const deliveriesStatement = `
  WITH open AS MATERIALIZED (
         SELECT d.sink_id, d.id, d.available_at, d.created_at
           FROM notification_deliveries d JOIN notification_sinks s ON s.id = d.sink_id AND s.active
          WHERE d.delivered_at IS NULL AND d.abandoned_at IS NULL ORDER BY d.available_at LIMIT ${rowsCounted}),
       first AS (SELECT DISTINCT ON (sink_id) available_at FROM open ORDER BY sink_id, created_at, id),
       abandoned AS MATERIALIZED (
         SELECT abandoned_at, coalesce('HTTP ' || response_status, left(last_error, 160)) AS error FROM notification_deliveries
          WHERE abandoned_at > now() - interval '24 hours' AND created_at > now() - interval '3 days'
            AND (delivered_at IS NOT NULL OR abandoned_at IS NOT NULL) LIMIT ${rowsCounted})
  SELECT (SELECT count(*) FROM notification_sinks WHERE active)::int AS sinks,
         (SELECT count(*) FROM open WHERE available_at <= now())::int AS due,
         (SELECT count(*) FROM open WHERE available_at > now())::int AS waiting,
         (SELECT (extract(epoch FROM now() - min(available_at)) * 1000)::float8 FROM first WHERE available_at <= now()) AS first_due,
         (SELECT count(*) FROM abandoned)::int AS abandoned,
         (SELECT error FROM abandoned ORDER BY abandoned_at DESC LIMIT 1) AS error`;

const sinksStatement = `
  SELECT s.id, s.name, s.consecutive_failures::int AS failures, left(s.last_error, 160) AS error, s.cursor_chain_seq::float8 AS cursor,
         ((SELECT max(chain_seq) FROM audit_events e WHERE e.zone_id = s.zone_id) - s.cursor_chain_seq)::float8 AS behind,
         (SELECT (extract(epoch FROM now() - e.ingested_at) * 1000)::float8 FROM audit_events e
           WHERE e.zone_id = s.zone_id AND e.chain_seq > s.cursor_chain_seq ORDER BY e.chain_seq LIMIT 1) AS behind_ms
    FROM (SELECT id, name, zone_id, consecutive_failures, last_error, cursor_chain_seq
            FROM notification_sinks WHERE active ORDER BY created_at LIMIT 200) s`;


const deliveries: Observer<z.infer<typeof webhookDeliveries.schema>> = {
  subject: webhookDeliveries,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'counts and ages of notification_deliveries of active sinks',
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const [row = {}] = await deployment.postgres().query(deliveriesStatement, [], signal);
    return {
      sinks: Number(row['sinks']),
      due: Number(row['due']),
      waiting: Number(row['waiting']),
      firstDueMs: numberOrNull(row['first_due']),
      abandonedIn24h: Number(row['abandoned']),
      abandonedError: textOrNull(row['error']),
    };
  },
};

const sinks: Observer<z.infer<typeof webhookSinks.schema>> = {
  subject: webhookSinks,
  deadlineMs: postgresDeadlineMs,
  // Three looks span more than the 5 s between two rounds of the dispatcher.
  betweenLooksMs: 3_000,
  asked: () => 'active notification_sinks, and the audit events after their cursors',
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const rows = await deployment.postgres().query(sinksStatement, [], signal);
    return rows.map((row) => ({
      id: String(row['id']),
      name: String(row['name']),
      consecutiveFailures: Number(row['failures']),
      lastError: textOrNull(row['error']),
      cursor: Number(row['cursor']),
      behind: numberOrNull(row['behind']),
      behindMs: numberOrNull(row['behind_ms']),
    }));
  },
};

export const webhookObservers = [deliveries, sinks];
