import type { Pool } from 'pg';
import { repeat, type StopJob } from './lifecycle.ts';
import { type Log, pinoError } from './logging.ts';

const EVERY_MS = 300_000;
const LOCK = '7163920485318481';
const BATCH = 500;

/** Ends authority records whose time is over, at most 500 in five minutes (contract, storage 2.7; Caracal apps/api/src/jobs/sessions-reaper.ts). */
export function startAuthorityReaper(pool: Pool, log: Log): StopJob {
  return repeat(EVERY_MS, async () => {
    const client = await pool.connect();
    try {
      const { rows } = await client.query<{ acquired: boolean }>('SELECT pg_try_advisory_lock($1) AS acquired', [LOCK]);
      if (rows[0]?.acquired !== true) return;
      try {
        await client.query(
          `UPDATE authority_records SET status = 'expired' WHERE id IN (
             SELECT s.id FROM authority_records s WHERE s.status = 'active' AND s.expires_at < now() ORDER BY s.created_at LIMIT $1 FOR UPDATE SKIP LOCKED)`, [BATCH],
        );
      } finally {
        await client.query('SELECT pg_advisory_unlock($1)', [LOCK]);
      }
    } finally {
      client.release();
    }
  }, (error) => {
    log('error', 'sessions reaper failed', { err: pinoError(error) });
  });
}
