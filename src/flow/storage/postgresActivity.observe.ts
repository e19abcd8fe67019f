import type * as z from 'zod';
import { hashedLocks } from '../../caracal/advisoryLocks.ts';
import { serviceRoles } from '../../caracal/roles.ts';
import type { Observer } from '../liveSource.ts';
import { postgresDeadlineMs } from './postgres.observe.ts';
import { postgresActivity, postgresLockNames } from './postgresActivity.ts';

const since = (time: string): string => `(extract(epoch FROM clock_timestamp() - ${time}) * 1000)::bigint`;
const list = (select: string): string => `(SELECT coalesce(json_agg(item), '[]') FROM (${select}) AS found(item))`;
/** The two halves in `pg_locks` as the one signed number that was locked. */
const key = `CASE WHEN objsubid = 1 THEN ((classid::bigint << 32) | objid::bigint)::text END`;
const here = '(SELECT oid FROM pg_database WHERE datname = current_database())';

/** An active session is in its state since its statement began, any other since its state changed. */
const stateSince = `CASE WHEN state = 'active' THEN query_start ELSE state_change END`;
const session = `'pid', pid, 'role', usename, 'application', coalesce(application_name, ''), 'state', state,
  'transactionMs', ${since('xact_start')}, 'stateMs', ${since(stateSince)}`;

const statement = `
WITH client AS MATERIALIZED (
  -- Without pg_read_all_stats the kind of a backend is hidden, and those without a user are the server's own.
  SELECT pid, usename, datname, application_name, client_addr, state, xact_start, query_start, state_change
    FROM pg_stat_activity WHERE usename IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'),
locks AS MATERIALIZED (
  SELECT *, ${key} AS key FROM pg_locks WHERE NOT granted OR locktype = 'advisory'),
waiting AS MATERIALIZED (
  SELECT l.*, c.usename, pg_blocking_pids(l.pid) AS blockers FROM locks l JOIN client c USING (pid)
   WHERE NOT l.granted AND c.datname = current_database() ORDER BY l.waitstart LIMIT 20),
slots AS (
  SELECT s.*, to_jsonb(s) ->> 'inactive_since' AS inactive_since_text FROM pg_replication_slots s WHERE restart_lsn IS NOT NULL OR wal_status = 'lost'),
written AS (
  SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS lsn)
SELECT json_build_object(
  'seesAll', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR pg_has_role('pg_read_all_stats', 'USAGE'),
  'tracked', current_setting('track_activities')::bool,
  'maxConnections', current_setting('max_connections')::int,
  'reserved', current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true), '0')::int,
  'databaseLimit', (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
  'sessions', (SELECT count(*) FROM client),
  'inDatabase', (SELECT count(*) FROM client WHERE datname = current_database()),
  'byRole', ${list(`
    SELECT json_build_object('role', usename, 'sessions', count(*), 'limit', (SELECT rolconnlimit FROM pg_roles WHERE rolname = usename))
      FROM client GROUP BY usename ORDER BY count(*) DESC LIMIT 30`)},
  'pools', ${list(`
    SELECT json_build_object('role', usename, 'sessions', count(*), 'idle', count(*) FILTER (WHERE state = 'idle'),
      'busy', count(*) FILTER (WHERE state = 'active' OR state LIKE 'idle in transaction%'),
      'leastBusyMs', min(${since(stateSince)}) FILTER (WHERE state <> 'idle'))
      FROM client WHERE usename = ANY ($1::text[])
     GROUP BY usename, client_addr, application_name ORDER BY count(*) DESC LIMIT 50`)},
  'transactions', ${list(`
    SELECT json_build_object(${session}, 'blocks', (SELECT count(*) FROM waiting WHERE c.pid = ANY (blockers)))
      FROM client c WHERE xact_start < clock_timestamp() - interval '1 second' AND datname = current_database() AND pid <> pg_backend_pid()
     ORDER BY xact_start LIMIT 20`)},
  'waits', ${list(`
    SELECT json_build_object('pid', pid, 'role', usename, 'waitedMs', coalesce(${since('waitstart')}, 0), 'type', locktype,
      'relation', (SELECT relname FROM pg_class WHERE oid = relation), 'key', key, 'mode', mode,
      'blockers', ${list(`SELECT json_build_object(${session}) FROM client WHERE pid = ANY (waiting.blockers)`)})
      FROM waiting ORDER BY waitstart`)},
  'advisory', ${list(`
    SELECT json_build_object('key', key, 'pid', pid, 'role', usename, 'heldMs', ${since('xact_start')})
      FROM locks LEFT JOIN client USING (pid) WHERE granted AND locktype = 'advisory' AND database = ${here} LIMIT 50`)},
  'prepared', (SELECT json_build_object('count', count(*), 'oldestMs', ${since('min(prepared)')}) FROM pg_prepared_xacts WHERE database = current_database()),
  'replication', json_build_object(
    'recovering', pg_is_in_recovery(),
    'synchronous', current_setting('synchronous_standby_names'),
    'commit', current_setting('synchronous_commit'),
    'replicas', ${list(`
      SELECT json_build_object('name', coalesce(application_name, ''), 'state', state, 'sync', sync_state,
        'lagBytes', pg_wal_lsn_diff(lsn, replay_lsn)::bigint, 'lagMs', (extract(epoch FROM replay_lag) * 1000)::bigint)
        FROM pg_stat_replication CROSS JOIN written LIMIT 20`)},
    'slots', ${list(`
      SELECT json_build_object('name', slot_name, 'active', active, 'status', wal_status,
        'retainedBytes', pg_wal_lsn_diff(lsn, restart_lsn)::bigint, 'inactiveMs', ${since('inactive_since_text::timestamptz')})
        FROM slots CROSS JOIN written LIMIT 20`)})
) AS activity`;

const activity: Observer<z.infer<typeof postgresActivity.schema>> = {
  subject: postgresActivity,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'look-up of sessions, locks and replication in pg_stat_activity, pg_locks and pg_stat_replication',
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const [row] = await deployment.postgres().query(statement, [serviceRoles], signal);
    return row?.['activity'] as z.infer<typeof postgresActivity.schema>;
  },
};

/** Looks among the ids that a lock may be for; only those that are waited for come back. */
const named = `
WITH wanted AS (
  SELECT DISTINCT ${key} AS key FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND objsubid = 1 AND database = ${here}),
candidate AS (${hashedLocks
  .map(({ kind, table, prefix }) => `SELECT hashtext('${prefix}' || id)::bigint::text AS key, '${kind}' AS kind, id FROM ${table}`)
  .join(' UNION ALL ')})
SELECT key, kind, id FROM wanted JOIN candidate USING (key) LIMIT 50`;

const lockNames: Observer<z.infer<typeof postgresLockNames.schema>> = {
  subject: postgresLockNames,
  deadlineMs: postgresDeadlineMs,
  asked: () => 'hashtext of the ids in zones, policies and policy_sets, compared with the advisory locks that are waited for',
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const rows = await deployment.postgres().query(named, [], signal);
    return { names: rows.map((row) => ({ key: String(row['key']), kind: String(row['kind']), of: String(row['id']) })) };
  },
};

export const postgresActivityObservers = [activity, lockNames];
