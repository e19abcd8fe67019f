import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { within } from './deadline.ts';
import { whole } from './environment.ts';
import { repeat, type StopJob } from './lifecycle.ts';
import { type Log, pinoError } from './logging.ts';
import { ensureGroup, entriesOf, entriesOfRead, flat, isAuthentic, type RawEntry, signed, type StreamEntry, type StreamFields, STREAMS } from './streams.ts';
import { transaction } from './transactions.ts';

const PUBLISH_TIMEOUT_MS = 5000;
const RELAY_GROUP = 'coordinator-relay';
const RELAY_BATCH = 50;
const RELAY_BLOCK_MS = 5000;
const RELAY_EVERY_MS = 1000;
const DEDUPE_SECONDS = 3600;

type OutboxRow = { id: string; topic: string; dedupe_key: string; payload_json: Record<string, unknown>; attempts: number };
export type PublisherOptions = {
  pool: Pool; redis: Redis; key: Buffer; log: Log; intervalMs: number; batch: number; maxAttempts: number; maxLength: number;
};

/**
 * Publishes `caracal_outbox` rows: one transaction per batch, a short back-off, and `dead` after ten
 * attempts, which one or two minutes without Redis use up (contract, storage 3.2).
 */
export function startPublisher(options: PublisherOptions): StopJob {
  return repeat(options.intervalMs, () => publishBatch(options), (error) => {
    options.log('error', 'outbox_batch_publish_failed', { err: pinoError(error) });
  });
}

async function publishBatch({ pool, redis, key, log, batch, maxAttempts, maxLength }: PublisherOptions): Promise<void> {
  await transaction(pool, async (client) => {
    const { rows } = await client.query<OutboxRow>(
      `SELECT id, topic, dedupe_key, payload_json, attempts FROM caracal_outbox
       WHERE producer = 'coordinator' AND status = 'pending' AND available_at <= now()
       ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED`, [batch],
    );
    const outcome: { published: string[]; retried: string[]; dead: string[] } = { published: [], retried: [], dead: [] };
    for (const row of rows) {
      const fields = signed(key, row.topic, fieldsOf(row));
      try {
        await within(redis.xadd(row.topic, 'MAXLEN', '~', maxLength, '*', ...flat(fields)), PUBLISH_TIMEOUT_MS, 'outbox Redis publish timed out');
        outcome.published.push(row.id);
      } catch (error) {
        const attempt = row.attempts + 1;
        outcome[attempt >= maxAttempts ? 'dead' : 'retried'].push(row.id);
        log('error', 'outbox_publish_failed', { err: pinoError(error), outboxId: row.id, attempt });
      }
    }
    await client.query(
      `UPDATE caracal_outbox SET status = 'published', attempts = attempts + 1, published_at = now(), updated_at = now() WHERE id = ANY($1)`, [outcome.published],
    );
    await client.query(
      `UPDATE caracal_outbox SET attempts = attempts + 1, updated_at = now(),
              available_at = now() + least(attempts + 1, 60) * interval '1 second' + random() * interval '1 second' WHERE id = ANY($1)`, [outcome.retried],
    );
    await client.query("UPDATE caracal_outbox SET status = 'dead', attempts = attempts + 1, updated_at = now() WHERE id = ANY($1)", [outcome.dead]);
    if (outcome.dead.length > 0) log('error', 'outbox_rows_dead', { outboxIds: outcome.dead });
  });
}

/** Everything that is no text becomes its JSON text, a null the word `null`. */
function fieldsOf(row: OutboxRow): StreamFields {
  const payload = Object.entries(row.payload_json).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
  return { outbox_id: row.id, dedupe_key: row.dedupe_key, ...Object.fromEntries(payload) as StreamFields };
}

/**
 * Reads what the outbox published to `agents.lifecycle` and logs it (contract, storage 7.2). The
 * group is created once; when it is gone later, the relay fails and the service stays ready.
 */
export function startRelay(options: { redis: Redis; key: Buffer; log: Log; consumer: string; claimIdleMs: number }): StopJob {
  const { redis, key, log, consumer, claimIdleMs } = options;
  // Blocking reads need a connection of their own.
  const reader = redis.duplicate();
  let prepared = false;
  const process = async ({ id, fields }: StreamEntry): Promise<void> => {
    if (isAuthentic(key, STREAMS.lifecycle, fields)) {
      const first = await redis.set(`coordinator:relay_dedupe:${fields['outbox_id'] ?? id}`, '1', 'EX', DEDUPE_SECONDS, 'NX');
      if (first === 'OK') log('info', 'lifecycle event', { ...trace(), id, event: fields['event'], zone_id: fields['zone_id'] });
    } else {
      log('warn', 'dropping lifecycle event with invalid origin signature', { id });
    }
    await redis.xack(STREAMS.lifecycle, RELAY_GROUP, id);
  };
  const stop = repeat(RELAY_EVERY_MS, async () => {
    if (!prepared) {
      await ensureGroup((stream, group) => redis.xgroup('CREATE', stream, group, '$', 'MKSTREAM'), STREAMS.lifecycle, RELAY_GROUP);
      prepared = true;
    }
    const [, raw] = await redis.xautoclaim(STREAMS.lifecycle, RELAY_GROUP, consumer, claimIdleMs, '0-0', 'COUNT', RELAY_BATCH) as [string, RawEntry[]];
    for (const entry of entriesOf(raw)) await process(entry);
    const reply = await reader.xreadgroup('GROUP', RELAY_GROUP, consumer, 'COUNT', RELAY_BATCH, 'BLOCK', RELAY_BLOCK_MS, 'STREAMS', STREAMS.lifecycle, '>');
    for (const entry of entriesOfRead(reply)) await process(entry);
  }, (error) => {
    log('error', 'lifecycle_relay_failed', { err: pinoError(error) });
  });
  return async () => {
    reader.disconnect();
    await stop();
  };
}

/** Background work has a random trace (contract, deploy 3.2). */
function trace(): { trace_id: string; span_id: string } {
  const id = randomUUID().replaceAll('-', '');
  return { trace_id: id, span_id: id.slice(0, 16) };
}

export type SweeperStats = { runs: number; failures: number; changed: number };

/** Tasks whose time is over become `expired`. */
export function startTtlSweeper(pool: Pool, log: Log, stats: SweeperStats): StopJob {
  return startSweeper({ pool, log, stats, intervalMs: whole('TTL_SWEEP_INTERVAL_MS', 60_000), lock: 'coordinator:ttl_sweep', failure: 'ttl_sweep_failed', sql: `
    UPDATE sessions SET status = 'expired', terminated_at = now(), termination_reason = 'ttl', updated_at = now()
    WHERE status IN ('active', 'suspended') AND lifecycle = 'task' AND started_at + make_interval(secs => ttl_seconds) < now()` });
}

/** Services whose heartbeat is missing become `suspended`. */
export function startLeaseSweeper(pool: Pool, log: Log, stats: SweeperStats): StopJob {
  return startSweeper({
    pool, log, stats, intervalMs: whole('SERVICE_LEASE_SWEEP_INTERVAL_MS', 30_000), lock: 'coordinator:service_lease_sweep', failure: 'service_lease_sweep_failed',
    sql: `
    UPDATE sessions SET status = 'suspended', updated_at = now()
    WHERE status = 'active' AND lifecycle = 'service' AND heartbeat_deadline_at < now()`,
  });
}

/** Invocations that ran out of time are tried again or given up; counted nowhere. */
export function startDeadlineEnforcer(pool: Pool, log: Log): StopJob {
  return startSweeper({
    pool, log, stats: { runs: 0, failures: 0, changed: 0 }, intervalMs: whole('DEADLINE_SWEEP_INTERVAL_MS', 5000), lock: 'coordinator:invocation_deadline',
    failure: 'deadline_sweep_failed', sql: `
    UPDATE agent_invocations SET status = CASE WHEN attempts < max_attempts THEN 'failed' ELSE 'timed_out' END, completed_at = now(), updated_at = now(),
           error_json = COALESCE(error_json, '{}'::jsonb) || jsonb_build_object('reason', 'deadline_exceeded')
    WHERE status = 'running' AND deadline_at < now()`,
  });
}

/** Fails with the shipped grants and rolls everything back, every time (contract, storage 2.4). */
export function startRetentionCleaner(pool: Pool, log: Log, stats: SweeperStats): StopJob {
  return startSweeper({
    pool, log, stats, intervalMs: whole('RETENTION_CLEANUP_INTERVAL_MS', 900_000), lock: 'coordinator:retention_cleanup', failure: 'retention_cleanup_failed',
    sql: "DELETE FROM delegation_edges WHERE status <> 'active' AND updated_at < now() - interval '7 days'",
  });
}

/** One replica at a time does the round. */
function startSweeper(job: { pool: Pool; log: Log; stats: SweeperStats; intervalMs: number; lock: string; failure: string; sql: string }): StopJob {
  const { pool, log, stats, intervalMs, lock, failure, sql } = job;
  return repeat(intervalMs, async () => {
    stats.runs += 1;
    await transaction(pool, async (client) => {
      const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_xact_lock(hashtext($1)) AS got', [lock]);
      if (rows[0]?.got === true) stats.changed += (await client.query(sql)).rowCount ?? 0;
    });
  }, (error) => {
    stats.failures += 1;
    log('error', failure, { err: pinoError(error) });
  });
}
