import { AuditConsumer } from './audit-consumer.ts';
import { sweep } from './audit-ledger.ts';
import { type AuditFigures, auditMetricsText } from './audit-metrics.ts';
import { auditSearch } from './audit-search.ts';
import { messageOf } from './deadline.ts';
import { hexKey, hostName, optional, required, whole } from './environment.ts';
import { GoRedis } from './go-redis.ts';
import { goEmpty, goJson, goPlain, GoServer, goText, type GoHandler, metricsAuthorised, notReady, onTermination } from './go-server.ts';
import { endAsGo, initialise } from './go-process.ts';
import { Lease } from './leases.ts';
import { goLog } from './logging.ts';
import { GO_METRICS_TYPE } from './metrics-text.ts';
import { goPool, pingPostgres } from './stores.ts';
import { entriesOf, momentOf, STREAMS } from './streams.ts';

// Stand-in for Caracal's Audit (contract, readiness 2.2; storage 7.2 and 9).

const READY_BUDGET_MS = 2000;
/** Time that Postgres and Redis get while the service starts (contract, deploy 5.2, DB_CONNECT_TIMEOUT). */
const INIT_LIMIT_MS = 10_000;
const GAUGES_EVERY_MS = 30_000;
const HOUR_MS = 3_600_000;
const RETENTION_EVERY_MS = 6 * HOUR_MS;
/** Months that the partition keeper keeps ready, the current one included. */
const PARTITIONS = 4;

endAsGo();
const log = goLog('audit');
const port = whole('PORT', 9090);
const key = hexKey('AUDIT_HMAC_KEY');
const bearer = optional('METRICS_BEARER');
const retentionDays = whole('AUDIT_RETENTION_DAYS', 365);
const limits = {
  dlq: whole('AUDIT_READY_DLQ_MAX', 0), lag: whole('AUDIT_READY_LAG_MAX', 0), oldest: whole('AUDIT_READY_PEL_OLDEST_SECS_MAX', 0),
};
const pool = goPool(required('DATABASE_URL'));
const redis = new GoRedis(required('REDIS_URL'));
const consumer = new AuditConsumer({
  redis, pool, key, log, consumer: optional('CONSUMER_NAME', hostName()),
  claimIdleMs: whole('AUDIT_CLAIM_IDLE_SECS', 30) * 1000, maxDeliveries: whole('AUDIT_MAX_DELIVERIES', 8),
  // Not Caracal's: what a lab does to the order and the time of arrival.
  delayMs: whole('LAB_INGEST_DELAY_MS', 0), isReversed: optional('LAB_INGEST_REVERSED') !== '', late: { type: optional('LAB_INGEST_LATE_TYPE'), ms: whole('LAB_INGEST_LATE_MS', 0) },
});
const exportLease = new Lease(pool, 0x4341_5241_3030_3031n, log);
const retentionLease = new Lease(pool, 0x4341_5241_3030_3032n, log);
const gauges = { lag: 0, oldest: 0, dlq: 0, dlqAge: 0 };
const tamper = { checked: 0, mismatches: 0, chainBreaks: 0, hmacFailures: 0, lastSweep: 0, lastFull: 0 };
const retention = { created: 0, dropped: 0 };

/** Readiness in Caracal's order (services/audit/internal/server.go:185-214). */
const ready: GoHandler = async (_, response) => {
  if (!consumer.healthy) {
    notReady(response, 'consumer_unhealthy');
    return;
  }
  const deadline = Date.now() + READY_BUDGET_MS;
  try {
    await pingPostgres(pool, READY_BUDGET_MS);
  } catch (error) {
    log('warn', 'ready: pg unreachable', { error: messageOf(error) });
    notReady(response, 'postgres_unreachable');
    return;
  }
  try {
    await redis.run((client) => client.ping(), deadline - Date.now());
  } catch (error) {
    log('warn', 'ready: redis unreachable', { error: messageOf(error) });
    notReady(response, 'redis_unreachable');
    return;
  }
  const exceeded = ([
    ['audit_dlq_threshold', gauges.dlq, limits.dlq], ['audit_lag_threshold', gauges.lag, limits.lag],
    ['audit_pel_oldest_threshold', gauges.oldest, limits.oldest],
  ] as const).find(([, value, limit]) => limit > 0 && value > limit);
  if (exceeded !== undefined) notReady(response, exceeded[0]);
  else goJson(response, 200, { ready: true });
};

/** `/health` fails together with the consumer: liveness depends on Redis here. */
const health: GoHandler = (_, response) => {
  if (consumer.healthy) goEmpty(response);
  else notReady(response, 'consumer_unhealthy');
};

function figures(): AuditFigures {
  const { inserts, parseErrors, deadLetters, retries, hmacFailures, tamperReplays } = consumer.counters;
  return {
    inserts_total: inserts, export_events_total: 0, export_errors_total: 0, export_duration_ms: 0, export_backlog_hours: 0,
    consumer_lag: gauges.lag, consumer_pel_oldest_secs: gauges.oldest, dlq_size: gauges.dlq, dlq_oldest_age_secs: gauges.dlqAge,
    parse_errors_total: parseErrors, dlq_total: deadLetters, retries_total: retries, hmac_failures_total: hmacFailures,
    tamper_replay_total: tamperReplays, tamper_checked_total: tamper.checked, tamper_mismatch_total: tamper.mismatches,
    tamper_chain_breaks: tamper.chainBreaks, tamper_hmac_failures: tamper.hmacFailures, tamper_last_sweep_unix: tamper.lastSweep,
    tamper_last_full_unix: tamper.lastFull, retention_created_total: retention.created, retention_dropped_total: retention.dropped,
    is_export_leader: exportLease.held, is_retention_leader: retentionLease.held,
    export_lease_changes_total: exportLease.changes, retention_lease_changes_total: retentionLease.changes,
  };
}

const guarded = (answer: GoHandler): GoHandler => (request, response) => {
  if (metricsAuthorised(request, bearer)) return answer(request, response);
  goText(response, 401, 'unauthorized');
};

/** `lag` is what was delivered and not acknowledged, and old ages count from the last delivery (contract, storage 10.1). */
async function pollGauges(): Promise<void> {
  try {
    const pending = await redis.run((client) => client.xpending(STREAMS.audit, 'audit-ingestor')) as [number, string | null, ...unknown[]];
    gauges.lag = pending[0];
    const lowest = pending[1] ?? '';
    const detail = lowest === '' ? [] : await redis.run((client) => client.xpending(STREAMS.audit, 'audit-ingestor', lowest, lowest, 1)) as [string, string, number][];
    gauges.oldest = Math.floor((detail[0]?.[2] ?? 0) / 1000);
  } catch (error) {
    log('warn', 'xpending poll', { error: messageOf(error) });
  }
  try {
    gauges.dlq = await redis.run((client) => client.xlen(STREAMS.auditDeadLetters));
    const [first] = entriesOf(await redis.run((client) => client.xrange(STREAMS.auditDeadLetters, '-', '+', 'COUNT', 1)));
    gauges.dlqAge = first === undefined ? 0 : Math.max(Math.floor((Date.now() - momentOf(first.id)) / 1000), 0);
  } catch (error) {
    log('warn', 'dlq size poll', { error: messageOf(error) });
  }
}

async function sweepChains(full: boolean): Promise<void> {
  const hours = full ? retentionDays * 24 : whole('AUDIT_TAMPER_ROLLING_HOURS', 4);
  try {
    const result = await sweep(pool, key, hours);
    tamper.checked += result.checked;
    tamper.mismatches += result.mismatches;
    tamper.chainBreaks += result.chainBreaks;
    tamper.hmacFailures += result.hmacFailures;
    tamper.lastSweep = Math.floor(Date.now() / 1000);
    if (full) tamper.lastFull = tamper.lastSweep;
    const found = result.mismatches + result.chainBreaks + result.hmacFailures > 0;
    log(found ? 'error' : 'info', 'tamper sweep complete', {
      full, window: hours * HOUR_MS, checked: result.checked, mismatches: result.mismatches, chain_breaks: result.chainBreaks,
      hmac_failures: result.hmacFailures,
    });
  } catch (error) {
    log('error', 'tamper sweep query', { error: messageOf(error) });
  }
}

/**
 * Keeps partitions ready and drops those that ended too long ago (contract, storage 2.6). The counter
 * rises even when all of them exist (contract, storage 10.3).
 */
async function keepPartitions(): Promise<void> {
  if (!retentionLease.held) return;
  try {
    for (let ahead = 0; ahead < PARTITIONS; ahead += 1) {
      await pool.query("SELECT audit_partition_ensure((date_trunc('month', now()) + make_interval(months => $1))::date)", [ahead]);
      retention.created += 1;
    }
  } catch (error) {
    log('error', 'retention: ensure partition', { error: messageOf(error) });
    return;
  }
  try {
    await dropPartitions();
  } catch (error) {
    log('error', 'retention: drop partitions', { error: messageOf(error) });
  }
}

/** The window of Console can only shorten that of the deployment. */
async function dropPartitions(): Promise<void> {
  const configured = await pool.query<{ days: number }>('SELECT retention_days AS days FROM audit_retention WHERE singleton');
  const days = Math.min(retentionDays, configured.rows[0]?.days ?? retentionDays);
  const cutoff = Date.now() - days * 24 * HOUR_MS;
  const { rows } = await pool.query<{ name: string }>(
    "SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'audit_events'::regclass",
  );
  for (const { name } of rows) {
    const [, year, month] = /^audit_events_y(\d{4})m(\d{2})$/.exec(name) ?? [];
    if (year === undefined || Date.UTC(Number(year), Number(month)) > cutoff) continue;
    await pool.query('SELECT audit_partition_drop($1)', [name]);
    retention.dropped += 1;
  }
}

const server = new GoServer([
  { method: 'GET', path: '/health', handler: health },
  { method: 'GET', path: '/ready', handler: ready },
  { method: 'GET', path: '/metrics', handler: guarded((_, response) => {
    goPlain(response, GO_METRICS_TYPE, auditMetricsText(figures()));
  }) },
  { method: 'GET', path: '/metrics.json', handler: guarded((_, response) => {
    goJson(response, 200, figures());
  }) },
  { method: 'GET', path: '/api/audit/search', handler: auditSearch(pool, optional('AUDIT_ADMIN_TOKEN')) },
]);

await initialise(async () => {
  await pingPostgres(pool, INIT_LIMIT_MS);
  await redis.run((client) => client.ping(), INIT_LIMIT_MS);
});
exportLease.start();
retentionLease.start();
const timers = [
  setInterval(() => void pollGauges(), GAUGES_EVERY_MS),
  setInterval(() => void sweepChains(false), HOUR_MS),
  setInterval(() => void keepPartitions(), RETENTION_EVERY_MS),
];
void consumer.run();
void sweepChains(true);
await server.listen(port);
log('info', 'listening', { port: String(port) });

onTermination(async () => {
  timers.forEach((timer) => {
    clearInterval(timer);
  });
  consumer.stop();
  await server.close();
  exportLease.stop();
  retentionLease.stop();
  redis.close();
  await pool.end();
});
