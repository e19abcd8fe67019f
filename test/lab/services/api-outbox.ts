import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { messageOf } from './deadline.ts';
import { repeat, type StopJob } from './lifecycle.ts';
import type { Log } from './logging.ts';
import { metricsText } from './metrics-text.ts';
import { flat, signed } from './streams.ts';

export type OutboxHealth = { pending: number; dead: number; oldestPendingSeconds: number; oldestDeadSeconds: number };
export type DispatcherOptions = {
  pool: Pool; redis: Redis; key: Buffer; log: Log; workerId: string; pollMs: number; batch: number; lockSeconds: number; maxAttempts: number; maxLength: number;
};
type Row = { id: string; stream_name: string; payload_json: Record<string, string | number | boolean | null>; attempts: number };

/** Backlog and dead rows of the whole table (contract, storage 3.1; Caracal apps/api/src/app.ts:98-131). */
export async function outboxHealth(pool: Pool): Promise<OutboxHealth> {
  const { rows } = await pool.query<{ pending: string; dead: string; pending_age: number | null; dead_age: number | null }>(
    `SELECT count(*) FILTER (WHERE available_at <> 'infinity') AS pending, count(*) FILTER (WHERE available_at = 'infinity') AS dead,
            extract(epoch FROM now() - min(created_at) FILTER (WHERE available_at <> 'infinity'))::float8 AS pending_age,
            extract(epoch FROM now() - min(created_at) FILTER (WHERE available_at = 'infinity'))::float8 AS dead_age
     FROM event_outbox WHERE dispatched_at IS NULL`,
  );
  const [row] = rows;
  return {
    pending: Number(row?.pending ?? 0), dead: Number(row?.dead ?? 0), oldestPendingSeconds: row?.pending_age ?? 0, oldestDeadSeconds: row?.dead_age ?? 0,
  };
}

/** All four are gauges, despite their names (contract, deploy 4.5). */
export function outboxMetrics(health: OutboxHealth): string {
  const gauge = (name: string, help: string, value: number) => ({ name: `caracal_api_outbox_${name}`, help, type: 'gauge' as const, value });
  return metricsText([
    gauge('pending_total', 'Undispatched API outbox rows that remain eligible for retry.', health.pending),
    gauge('dead_total', 'API outbox rows abandoned after exhausting delivery attempts.', health.dead),
    gauge('oldest_pending_age_seconds', 'Age in seconds of the oldest pending API outbox row.', health.oldestPendingSeconds),
    gauge('oldest_dead_age_seconds', 'Age in seconds of the oldest dead API outbox row.', health.oldestDeadSeconds),
  ]);
}

/**
 * Publishes `event_outbox` rows to their streams: leased in batches, one after another, backed off
 * after a failure, dead (`infinity`) after the last attempt (contract, storage 3.1).
 */
export function startDispatcher(options: DispatcherOptions): StopJob {
  const { log, workerId, pollMs } = options;
  log('info', 'outbox dispatcher started', { workerId, intervalMs: pollMs });
  const stop = repeat(pollMs, async () => {
    for (const row of await claim(options)) await dispatch(options, row);
  }, (error) => {
    log('error', 'outbox dispatcher tick failed', { err: messageOf(error) });
  });
  return async () => {
    await stop();
    log('info', 'outbox dispatcher stopped', { workerId });
  };
}

async function claim({ pool, workerId, batch, lockSeconds }: DispatcherOptions): Promise<Row[]> {
  const { rows } = await pool.query<Row>(
    `UPDATE event_outbox SET locked_until = now() + make_interval(secs => $1), locked_by = $2, attempts = attempts + 1
     WHERE id IN (
       SELECT id FROM event_outbox
       WHERE dispatched_at IS NULL AND available_at <= now() AND (locked_until IS NULL OR locked_until < now())
       ORDER BY available_at LIMIT $3 FOR UPDATE SKIP LOCKED)
     RETURNING id, stream_name, payload_json, attempts`, [lockSeconds, workerId, batch],
  );
  return rows;
}

async function dispatch(options: DispatcherOptions, row: Row): Promise<void> {
  const { pool, redis, key, log, maxAttempts, maxLength } = options;
  const { id, stream_name: stream, attempts } = row;
  const payload = Object.entries(row.payload_json).flatMap(([name, value]) => value === null ? [] : [[name, String(value)]]);
  const fields = signed(key, stream, { outbox_id: id, ...Object.fromEntries(payload) as Record<string, string> });
  try {
    await redis.xadd(stream, 'MAXLEN', '~', maxLength, '*', ...flat(fields));
    await pool.query('UPDATE event_outbox SET dispatched_at = now(), locked_until = NULL, last_error = NULL WHERE id = $1', [id]);
    log('info', 'outbox event dispatched', { id, stream, attempts });
  } catch (error) {
    const message = messageOf(error);
    if (attempts >= maxAttempts) {
      log('error', 'outbox event abandoned after max attempts', { id, stream, attempts, err: message });
      await pool.query("UPDATE event_outbox SET locked_until = NULL, available_at = 'infinity', last_error = $2 WHERE id = $1", [id, message]);
      return;
    }
    const delaySec = backoffSeconds(attempts);
    await pool.query(
      'UPDATE event_outbox SET locked_until = NULL, available_at = now() + make_interval(secs => $2), last_error = $3 WHERE id = $1',
      [id, delaySec, message],
    );
    log('warn', 'outbox event dispatch failed; will retry', { id, stream, attempts, delaySec, err: message });
  }
}

function backoffSeconds(attempts: number): number {
  const base = Math.min(60, 2 ** Math.min(attempts, 6));
  return Math.floor(base + Math.random() * 0.3 * base);
}
