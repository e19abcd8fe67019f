import { createHmac } from 'node:crypto';
import type { Pool } from 'pg';
import { uuidv7 } from '../stores/identifiers.ts';
import { messageOf } from './deadline.ts';
import { open } from './envelope.ts';
import { repeat, type StopJob } from './lifecycle.ts';
import type { Log } from './logging.ts';
import { transaction } from './transactions.ts';

/** What a sink's secret is sealed for (Caracal packages/serverCore/ts/src/secretStore/backend.ts:91). */
export const SINK_SECRET_PURPOSE = 'caracal/notificationSinks/secret';

const EVERY_MS = 5000;
const LOCK = '7163920485318484';
const SINKS = 200;
const EVENTS = 100;
const DELIVERIES = 25;
const LEASE_SECONDS = 30;
const TIMEOUT_MS = 10_000;
const MOST_ATTEMPTS = 8;

type SinkRow = { id: string; zone_id: string; event_types: string[]; cursor: string };
type EventRow = { id: string; event_type: string; decision: string | null; metadata_json: unknown; occurred_at: Date; seq: string };
type DeliveryRow = { id: string; sink_id: string; event_type: string; payload_json: unknown; attempts: number; url: string; secret_ct: Buffer };
type Options = { pool: Pool; kek: Buffer; log: Log };

/** Sends audit events to webhook sinks, one replica at a time (contract, storage 3.3). */
export function startWebhooks(options: Options): StopJob {
  return repeat(EVERY_MS, async () => {
    for (const delivery of await claimed(options.pool)) await deliver(options, delivery);
  }, (error) => {
    options.log('error', 'notification dispatcher failed', { err: messageOf(error) });
  });
}

/** New deliveries of every active sink, and the oldest due one of each, leased. */
async function claimed(pool: Pool): Promise<readonly DeliveryRow[]> {
  const client = await pool.connect();
  try {
    const { rows: [lock] } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1::bigint) AS got', [LOCK]);
    if (lock?.got !== true) return [];
    try {
      const { rows: sinks } = await client.query<SinkRow>(
        'SELECT id, zone_id, event_types, cursor_chain_seq::text AS cursor FROM notification_sinks WHERE active ORDER BY created_at LIMIT $1', [SINKS],
      );
      for (const sink of sinks) await fanOut(pool, sink);
      const { rows } = await client.query<DeliveryRow>(
        `WITH first AS (
           SELECT DISTINCT ON (d.sink_id) d.id, d.available_at FROM notification_deliveries d JOIN notification_sinks s ON s.id = d.sink_id AND s.active
           WHERE d.delivered_at IS NULL AND d.abandoned_at IS NULL ORDER BY d.sink_id, d.created_at, d.id)
         UPDATE notification_deliveries d SET attempts = d.attempts + 1, available_at = now() + make_interval(secs => $2)
         FROM notification_sinks s
         WHERE s.id = d.sink_id AND d.id IN (SELECT id FROM first WHERE available_at <= now() ORDER BY available_at LIMIT $1)
         RETURNING d.id, d.sink_id, d.event_type, d.payload_json, d.attempts, s.url, s.secret_ct`, [DELIVERIES, LEASE_SECONDS],
      );
      return rows;
    } finally {
      await client.query('SELECT pg_advisory_unlock($1::bigint)', [LOCK]);
    }
  } finally {
    client.release();
  }
}

/** The cursor goes to the last event taken, or to the head of the chain when there was room for more. */
async function fanOut(pool: Pool, { id, zone_id: zoneId, event_types: types, cursor }: SinkRow): Promise<void> {
  await transaction(pool, async (client) => {
    const { rows: [head] } = await client.query<{ seq: string }>('SELECT coalesce(max(chain_seq), 0)::text AS seq FROM audit_events WHERE zone_id = $1', [zoneId]);
    const { rows: events } = await client.query<EventRow>(
      `SELECT id, event_type, decision, metadata_json, occurred_at, chain_seq::text AS seq FROM audit_events
       WHERE zone_id = $1 AND chain_seq > $2 AND event_type = ANY($3) ORDER BY chain_seq LIMIT $4`, [zoneId, cursor, types, EVENTS],
    );
    for (const event of events) {
      const payload = {
        id: event.id, type: event.event_type, zone_id: zoneId, decision: event.decision, occurred_at: event.occurred_at.toISOString(), data: event.metadata_json ?? {},
      };
      await client.query(
        `INSERT INTO notification_deliveries (id, sink_id, zone_id, event_id, event_type, payload_json) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (sink_id, event_id) DO NOTHING`, [uuidv7(), id, zoneId, event.id, event.event_type, JSON.stringify(payload)],
      );
    }
    const next = events.length === EVENTS ? events.at(-1)?.seq : head?.seq;
    await client.query('UPDATE notification_sinks SET cursor_chain_seq = greatest(cursor_chain_seq, $2) WHERE id = $1', [id, next ?? cursor]);
  });
}

async function deliver({ pool, kek }: Options, { id, sink_id: sinkId, event_type: type, payload_json: payload, attempts, url, secret_ct: sealed }: DeliveryRow): Promise<void> {
  let status: number | null = null;
  let failure: string | undefined;
  try {
    const body = JSON.stringify(payload);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = createHmac('sha256', open(kek, sealed, SINK_SECRET_PURPOSE)).update(`${timestamp}.${body}`).digest('hex');
    const response = await fetch(url, {
      method: 'POST', body, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS), headers: {
        'Content-Type': 'application/json', 'X-Caracal-Event': type, 'X-Caracal-Delivery': id, 'X-Caracal-Sink': sinkId,
        'X-Caracal-Timestamp': timestamp, 'X-Caracal-Signature': `v1=${signature}`,
      },
    });
    await response.text();
    status = response.status;
    if (!response.ok) failure = `sink responded ${String(status)}`;
  } catch (error) {
    failure = messageOf(error);
  }
  if (failure === undefined) {
    await pool.query('UPDATE notification_deliveries SET delivered_at = now(), response_status = $2, last_error = NULL WHERE id = $1', [id, status]);
    await pool.query('UPDATE notification_sinks SET last_success_at = now(), consecutive_failures = 0, last_error = NULL WHERE id = $1', [sinkId]);
    return;
  }
  await pool.query(
    `UPDATE notification_deliveries SET response_status = $2, last_error = $3, abandoned_at = CASE WHEN $4 THEN now() END,
            available_at = now() + make_interval(secs => $5) WHERE id = $1`,
    [id, status, failure, attempts >= MOST_ATTEMPTS, backoffSeconds(attempts)],
  );
  await pool.query(
    'UPDATE notification_sinks SET last_failure_at = now(), consecutive_failures = consecutive_failures + 1, last_error = $2 WHERE id = $1', [sinkId, failure],
  );
}

function backoffSeconds(attempts: number): number {
  const base = Math.min(900, 30 * 2 ** (attempts - 1));
  return Math.floor(base + Math.random() * 0.3 * base);
}
