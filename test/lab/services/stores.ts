import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { within } from './deadline.ts';
import { whole } from './environment.ts';

/**
 * A connection that is checked out has only its holder to hear of its end, and the holder hears it
 * only while a statement is under way: without this listener the end of a server between two
 * statements of a transaction ends the process.
 */
export function surviveLostConnections(pool: Pool): Pool {
  return pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
}

/** The pool of API and Coordinator (contract, storage 2.8); waits 5 s for a connection. */
export function nodePool(options: {
  service: string; connectionString: string; statementTimeoutMs: number; idleInTransactionMs?: number; applicationName?: string;
}): Pool {
  const { service, connectionString, statementTimeoutMs, idleInTransactionMs, applicationName } = options;
  const settings = [`-c statement_timeout=${String(statementTimeoutMs)}`, '-c caracal.zone_id=*'];
  if (idleInTransactionMs !== undefined) settings.push(`-c idle_in_transaction_session_timeout=${String(idleInTransactionMs)}`);
  const pool = new Pool({
    connectionString, max: 20, connectionTimeoutMillis: 5000, idleTimeoutMillis: 30_000, options: settings.join(' '),
    ...(applicationName === undefined ? {} : { application_name: applicationName }),
  });
  pool.on('error', (error) => {
    // Exactly this text, not JSON (contract, deploy 3.5).
    process.stderr.write(`caracal-${service}: idle database connection error: ${error.message}\n`);
  });
  return surviveLostConnections(pool);
}

/** The pool of STS, Gateway and Audit (contract, storage 2.8): no limit for a statement. */
export function goPool(connectionString: string): Pool {
  const max = whole('DB_MAX_CONNS', 20);
  const pool = new Pool({
    connectionString, max, min: Math.min(2, max), connectionTimeoutMillis: 10_000, idleTimeoutMillis: 300_000, options: '-c caracal.zone_id=*',
  });
  pool.on('error', () => undefined); // pgx replaces a broken idle connection without a word
  return surviveLostConnections(pool);
}

/**
 * A ping with the time that is left of a readiness budget. Like pgx it gives a connection up that
 * did not answer in time, so that a frozen server does not use the pool up.
 */
export async function pingPostgres(pool: Pool, budgetMs: number): Promise<void> {
  const deadline = Date.now() + budgetMs;
  const connecting = pool.connect();
  const client = await within(connecting, budgetMs, 'context deadline exceeded').catch((error: unknown) => {
    // A connection that comes late goes back.
    connecting.then((late) => {
      late.release();
    }, () => undefined);
    throw error;
  });
  try {
    await within(client.query('SELECT 1'), Math.max(deadline - Date.now(), 0), 'context deadline exceeded');
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

/**
 * The Redis client of API and Coordinator. Without an error listener the client itself prints
 * `[ioredis] Unhandled error event`, as in the real logs; without a time limit of its own, a frozen
 * server holds a command for ever (Caracal apps/api/src/redis.ts:12, apps/coordinator/src/redis.ts:12).
 *
 * @param autoPipelining the API's setting, and the reason why its hang is twice as long
 */
export function nodeRedis(url: string, autoPipelining: boolean): Redis {
  return new Redis(url, {
    lazyConnect: false, maxRetriesPerRequest: 3, enableReadyCheck: true, enableAutoPipelining: autoPipelining,
    keepAlive: 30_000, connectTimeout: 10_000,
  });
}
