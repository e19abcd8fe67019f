import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { observerRoleName, observerRoleSql } from '../../../src/caracal/observerRole.ts';
import { eventually } from '../eventually.ts';
import type { Lab } from '../lab.ts';
import { rolePasswords } from '../services/runtime-home.ts';
import { becomeJulyBaseline, type ServiceRole } from '../stores/migrate.ts';
import { POSTGRES_SUPERUSER } from '../stores/postgres.ts';
import { all, ids } from './fault.ts';
import type { Decoy, Fault } from './fault.ts';
import { behindPostgres, behindPostgresSession } from './groups.ts';

export const postgresGone = {
  ...all('fail', 'CRC-STO-001', ...ids('RDY', 3, 13, 33, 43, 53, 90)),
  ...all('blocked', ...behindPostgres),
};

/** A fault, or a decoy, of statements that the superuser runs. */
function bySql(fault: Omit<Fault, 'inject'>, ...statements: readonly string[]): Fault {
  return {
    ...fault,
    inject: async (lab) => {
      for (const statement of statements) await lab.sql(statement);
    },
  };
}

/** A session of somebody's own, which lives until the server ends: of the superuser, or as a service would open it. */
async function stranger(lab: Lab, role?: ServiceRole, applicationName = ''): Promise<Client> {
  const connectionString = role === undefined ? lab.postgres.dsn(POSTGRES_SUPERUSER, lab.secrets.postgresPassword) : lab.postgres.dsn(role, rolePasswords(lab.secrets)[role]);
  const client = new Client({ connectionString, application_name: applicationName });
  client.on('error', () => undefined); // the server goes first
  await client.connect();
  return client;
}

/** Lets flows of this lab read Postgres as the role that is made for the debugger. */
async function readAsObserver(lab: Lab): Promise<void> {
  const client = await stranger(lab);
  await client.query(observerRoleSql());
  const password = randomBytes(12).toString('hex');
  await client.query(`GRANT pg_monitor TO ${observerRoleName}; ALTER ROLE ${observerRoleName} PASSWORD '${password}'`);
  await client.end();
  await writeFile(join(lab.home, 'secrets', 'databaseUrl'), lab.postgres.dsn(observerRoleName, password));
}

/** A statement that waits, perhaps until the server ends. */
function inTheBackground(client: Client, statement: string, parameters: readonly unknown[] = []): void {
  client.query(statement, [...parameters]).catch(() => undefined);
}

/** Resolves once a condition on `pg_stat_activity` or `pg_locks` holds. */
async function seen(lab: Lab, what: string, query: string): Promise<void> {
  await eventually(what, async () => (await lab.sql(query)).length > 0);
}

/** Sessions that are open at once: of the 97 that services can get in the lab. */
async function openSessions(lab: Lab, upTo: number): Promise<void> {
  const [row] = await lab.sql<{ open: number }>("SELECT count(*)::int AS open FROM pg_stat_activity WHERE backend_type = 'client backend'");
  await Promise.all(Array.from({ length: upTo - (row?.open ?? 0) }, () => stranger(lab)));
}

/** The name of the partition of the month that is so many after that of the server's clock. */
async function partitionOf(lab: Lab, monthsAhead: number): Promise<string> {
  const [row] = await lab.sql<{ name: string }>(`SELECT to_char(now() + make_interval(months => ${monthsAhead}), '"audit_events_y"YYYY"m"MM') AS name`);
  return row?.name ?? '';
}

export const postgresFaults: readonly Fault[] = [
  {
    id: 'postgres-stopped',
    title: 'Postgres is stopped',
    contract: 'readiness.md 2.4, row Postgres',
    verdicts: postgresGone,
    inject: (lab) => lab.postgres.stop(),
  },
  {
    id: 'postgres-frozen',
    title: 'Postgres accepts connections and answers nothing',
    contract: 'readiness.md 2.4, row Postgres, last column',
    verdicts: postgresGone,
    inject: async (lab) => {
      await lab.postgres.freeze();
    },
  },
  bySql(
    {
      id: 'postgres-wrong-password',
      title: 'The password of the Postgres owner was changed on the server',
      contract: 'storage-and-streams.md 4.1, SQLSTATE 28P01',
      verdicts: { ...all('fail', 'CRC-STO-002'), ...all('blocked', ...behindPostgresSession) },
    },
    "ALTER ROLE caracal PASSWORD 'changed-behind-our-back'",
  ),
  {
    id: 'migration-pending',
    title: 'Migration 0003 was not applied',
    contract: 'storage-and-streams.md 1.3, state pending',
    verdicts: { 'CRC-STO-004': 'fail' },
    inject: async (lab) => {
      await lab.unapplyLastMigration();
    },
  },
  bySql(
    {
      id: 'approval-migration-pending',
      title: 'Migrations 0002 and 0003 were not applied, and nothing else is wrong',
      contract: 'storage-and-streams.md 1.3, state pending',
      verdicts: { 'CRC-STO-004': 'fail' },
    },
    `ALTER TABLE operator_message_runs DROP COLUMN input_tokens, DROP COLUMN output_tokens, DROP COLUMN usage_by_provider_model,
       DROP COLUMN served_provider_id, DROP COLUMN served_model`,
    'ALTER TABLE step_up_challenges DROP COLUMN subject_anchor, DROP COLUMN consumed_authority_record_id',
    'DROP INDEX step_up_challenges_sweep_idx',
    'REVOKE INSERT ON event_outbox FROM caracalsts',
    "DELETE FROM schema_migrations WHERE version > '0002'",
  ),
  bySql(
    {
      id: 'schema-drifted',
      title: 'The history is complete, but an object of the baseline is missing',
      contract: 'storage-and-streams.md 1.3, state drifted; 12, trap 1',
      verdicts: all('fail', 'CRC-STO-005', 'CRC-STO-011'),
    },
    'DROP TRIGGER policy_set_versions_immutable ON policy_set_versions',
  ),
  bySql(
    {
      id: 'lineage-across-zones',
      title: 'The parent of a delegation may be in another zone',
      contract: 'storage-and-streams.md 1.5, step 9',
      verdicts: { 'CRC-STO-005': 'fail' },
    },
    `ALTER TABLE delegation_edges DROP CONSTRAINT delegation_edges_zone_parent_fk,
       ADD CONSTRAINT delegation_edges_zone_parent_fk FOREIGN KEY (parent_edge_id) REFERENCES delegation_edges (id) ON DELETE SET NULL`,
  ),
  {
    id: 'july-baseline',
    title: 'The database was made by the baseline of July 2026, under the same name',
    contract: 'storage-and-streams.md 11, row effect; 12, trap 1',
    verdicts: all('fail', ...ids('STO', 5, 6, 8, 11, 12)),
    inject: async (lab) => {
      const client = await stranger(lab);
      await becomeJulyBaseline(client);
      await client.end();
    },
  },
  bySql(
    { id: 'table-missing', title: 'A table is missing', contract: 'storage-and-streams.md 1.5, step 1', verdicts: { 'CRC-STO-006': 'fail' } },
    'DROP TABLE operator_zone_memory',
  ),
  bySql(
    { id: 'column-missing', title: 'A column is missing', contract: 'storage-and-streams.md 1.3, state drifted', verdicts: { 'CRC-STO-006': 'fail' } },
    'ALTER TABLE policies DROP COLUMN description',
  ),
  bySql(
    {
      id: 'role-without-login',
      title: 'The role of the Gateway may not log in, as after a failed first migration',
      contract: 'storage-and-streams.md 1.3, state failed',
      verdicts: { 'CRC-STO-007': 'fail' },
    },
    'ALTER ROLE caracalgateway NOLOGIN',
  ),
  bySql(
    {
      id: 'role-bypasses-rls',
      title: 'The role of the API bypasses row-level security',
      contract: 'storage-and-streams.md 2.1, expected attributes',
      verdicts: { 'CRC-STO-007': 'fail' },
    },
    'ALTER ROLE caracalapi BYPASSRLS',
  ),
  bySql(
    {
      id: 'role-password-ended',
      title: 'The password of the STS at Postgres has ended',
      contract: 'storage-and-streams.md 4.1, SQLSTATE 28P01',
      verdicts: { 'CRC-STO-007': 'fail' },
    },
    "ALTER ROLE caracalsts VALID UNTIL '2026-01-01'",
  ),
  bySql(
    {
      id: 'role-superuser',
      title: 'The role of Audit is a superuser, and may change evidence',
      contract: 'storage-and-streams.md 2.1, 2.5',
      verdicts: all('fail', 'CRC-STO-007', 'CRC-STO-010'),
    },
    'ALTER ROLE caracalaudit SUPERUSER',
  ),
  bySql(
    {
      id: 'grant-missing',
      title: 'The STS may not read workloads',
      contract: 'storage-and-streams.md 2.2, 5.4 workloads',
      verdicts: { 'CRC-STO-008': 'fail' },
    },
    'REVOKE SELECT ON workloads FROM caracalsts',
  ),
  bySql(
    {
      id: 'rls-disabled',
      title: 'Row-level security is off on a table',
      contract: 'storage-and-streams.md 1.5, step 8; 2.3',
      verdicts: { 'CRC-STO-009': 'fail' },
    },
    'ALTER TABLE provider_connections DISABLE ROW LEVEL SECURITY',
  ),
  bySql(
    {
      id: 'policy-widened',
      title: 'The policy of a table shows the rows of every zone',
      contract: 'storage-and-streams.md 2.3',
      verdicts: { 'CRC-STO-009': 'fail' },
    },
    'ALTER POLICY zone_isolation ON provider_connections USING (true)',
  ),
  {
    id: 'policy-dropped',
    title: 'A table has row-level security and no policy, and the debugger reads as a role that it binds',
    contract: 'storage-and-streams.md 2.3; 12, trap 2',
    // The digests of admin tokens are closed to that role, so that the token of the target cannot be looked up.
    verdicts: { 'CRC-STO-009': 'fail', ...all('unknown', 'CRC-STO-044', 'CRC-SVC-013', ...ids('AUD', 1, 2, 4)) },
    inject: async (lab) => {
      await readAsObserver(lab);
      await lab.sql('DROP POLICY zone_isolation ON operator_turns');
    },
  },
  bySql(
    {
      id: 'evidence-updatable',
      title: 'Audit may update audit events',
      contract: 'storage-and-streams.md 2.5; 4.2, probe append-only',
      verdicts: { 'CRC-STO-010': 'fail' },
    },
    'GRANT UPDATE ON audit_events TO caracalaudit',
  ),
  bySql(
    {
      id: 'evidence-column-updatable',
      title: 'The API may update one column of the admin audit',
      contract: 'storage-and-streams.md 2.5; 4.2, probe append-only',
      verdicts: { 'CRC-STO-010': 'fail' },
    },
    'GRANT UPDATE (actor_id) ON admin_audit_events TO caracalapi',
  ),
  bySql(
    {
      id: 'trigger-disabled',
      title: 'The trigger that keeps policy versions is there and disabled',
      contract: 'storage-and-streams.md 4.2, probe triggers',
      verdicts: { 'CRC-STO-011': 'fail' },
    },
    'ALTER TABLE policy_versions DISABLE TRIGGER policy_versions_immutable',
  ),
  bySql(
    {
      id: 'unique-index-invalid',
      title: 'A unique index is invalid, as after a rebuild that was broken off',
      contract: 'storage-and-streams.md 1.3, state drifted',
      verdicts: { 'CRC-STO-012': 'fail' },
    },
    // What CREATE INDEX CONCURRENTLY leaves behind when it fails.
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'subject_issuers_zone_issuer_active_uidx'::regclass",
  ),
  bySql(
    {
      id: 'index-missing',
      title: 'An index is missing',
      contract: 'storage-and-streams.md 1.3, state drifted',
      verdicts: { 'CRC-STO-012': 'warn' },
    },
    'DROP INDEX applications_zone_keyset_idx',
  ),
  {
    id: 'partition-of-now-missing',
    title: 'The current month has no partition, so its events go to the default partition',
    contract: 'storage-and-streams.md 2.6; 4.2, probe partitions',
    verdicts: { 'CRC-STO-013': 'fail', 'CRC-STO-014': 'warn' },
    inject: async (lab) => {
      const name = await partitionOf(lab, 0);
      const client = await stranger(lab);
      await client.query(`BEGIN; ALTER TABLE audit_events DETACH PARTITION ${name}; INSERT INTO audit_events SELECT * FROM ${name}; DROP TABLE ${name}; COMMIT`);
      await client.end();
    },
  },
  {
    id: 'partition-of-next-month-detached',
    title: 'The partition of the next month is there and detached',
    contract: 'storage-and-streams.md 2.6',
    verdicts: { 'CRC-STO-013': 'warn' },
    inject: async (lab) => {
      await lab.sql(`ALTER TABLE audit_events DETACH PARTITION ${await partitionOf(lab, 1)}`);
    },
  },
  bySql(
    {
      id: 'rows-in-default-partition',
      title: 'An event of a future month lies in the default partition',
      contract: 'storage-and-streams.md 2.6, row rows in default',
      verdicts: { 'CRC-STO-014': 'warn' },
    },
    "INSERT INTO audit_events (id, zone_id, event_type, occurred_at) VALUES ('misdated', 'unknown', 'control.invoke', now() + interval '2 years')",
  ),
  {
    id: 'connections-nearly-full',
    title: 'Nine tenths of the connections are taken',
    contract: 'storage-and-streams.md 12, trap 18; 4.2, probe connections',
    verdicts: { 'CRC-STO-015': 'fail' },
    inject: (lab) => openSessions(lab, 88),
  },
  {
    id: 'transaction-left-open',
    title: 'A session left its transaction open, with a lock that another waits for',
    contract: 'storage-and-streams.md 2.8; diagnosing.md 5.3, item 11',
    verdicts: all('fail', 'CRC-STO-016', 'CRC-STO-017'),
    inject: async (lab) => {
      const [holder, waiter] = [await stranger(lab), await stranger(lab)];
      const lockRow = 'SELECT FROM schema_migrations LIMIT 1 FOR UPDATE';
      await holder.query(`BEGIN; ${lockRow}`);
      inTheBackground(waiter, lockRow);
      await seen(lab, 'idle in a transaction for 30 s', "SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND state_change < clock_timestamp() - interval '31 seconds'");
    },
  },
  {
    id: 'table-locked',
    title: 'A table is altered in a transaction that does not end, and a service waits to read it',
    contract: 'storage-and-streams.md 4.2, probe locks',
    verdicts: { 'CRC-STO-009': 'unknown', 'CRC-STO-017': 'fail' },
    inject: async (lab) => {
      await (await stranger(lab)).query('BEGIN; ALTER TABLE operator_zone_memory ADD COLUMN mine text');
      inTheBackground(await stranger(lab, 'caracalapi'), 'SELECT count(*) FROM operator_zone_memory');
      await seen(lab, 'waits for 11 s', "SELECT FROM pg_locks WHERE NOT granted AND waitstart < clock_timestamp() - interval '11 seconds'");
    },
  },
  {
    id: 'zone-chain-held',
    title: 'The lock of the audit chain of the zone is held, so that Audit cannot store its events',
    contract: 'storage-and-streams.md 2.7; 12, trap 22',
    verdicts: all('fail', 'CRC-STO-017', 'CRC-STR-002'),
    inject: async (lab) => {
      const holder = await stranger(lab);
      await holder.query('BEGIN');
      await holder.query('SELECT pg_advisory_xact_lock(hashtext($1))', [lab.zoneId]);
      await seen(lab, 'Audit waits for 11 s', "SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND usename = 'caracalaudit' AND waitstart < clock_timestamp() - interval '11 seconds'");
    },
  },
  {
    id: 'migrator-running',
    title: 'A migration is under way',
    contract: 'storage-and-streams.md 1.3, state running or blocked',
    verdicts: { 'CRC-STO-018': 'warn' },
    inject: async (lab) => {
      await (await stranger(lab)).query('BEGIN; SELECT pg_advisory_xact_lock(4732518903281471)');
    },
  },
  {
    id: 'migrator-waits',
    title: 'A migrator waits for another one that never ends',
    contract: 'storage-and-streams.md 1.3, state running or blocked',
    verdicts: { 'CRC-STO-018': 'fail' },
    inject: async (lab) => {
      await (await stranger(lab)).query('BEGIN; SELECT pg_advisory_xact_lock(4732518903281471)');
      inTheBackground(await stranger(lab), 'SELECT pg_advisory_xact_lock(4732518903281471)');
      await seen(lab, 'a migrator waits for 3 s', "SELECT FROM pg_locks WHERE NOT granted AND waitstart < clock_timestamp() - interval '3 seconds'");
    },
  },
  bySql(
    {
      id: 'role-read-only',
      title: 'New sessions of Audit are read-only',
      contract: 'storage-and-streams.md 4.1, SQLSTATE 25006',
      verdicts: { 'CRC-STO-019': 'fail' },
    },
    'ALTER ROLE caracalaudit SET default_transaction_read_only = on',
  ),
  bySql(
    {
      id: 'database-read-only',
      title: 'New sessions in the database are read-only',
      contract: 'storage-and-streams.md 4.1, SQLSTATE 25006',
      verdicts: { 'CRC-STO-019': 'fail' },
    },
    'ALTER DATABASE caracal SET default_transaction_read_only = on',
  ),
  {
    id: 'replication-slot-unused',
    title: 'A replication slot is left behind and keeps the log back',
    contract: 'diagnosing.md 5.3, item 11',
    verdicts: { 'CRC-STO-040': 'warn' },
    inject: async (lab) => {
      await lab.sql("SELECT pg_create_physical_replication_slot('left_behind', true)");
      await seen(lab, 'unused for 10 s', "SELECT FROM pg_replication_slots WHERE NOT active AND inactive_since < clock_timestamp() - interval '11 seconds'");
    },
  },
  bySql(
    {
      id: 'fsync-off',
      title: 'The server does not flush what was committed',
      contract: 'storage-and-streams.md 2.8, server',
      verdicts: { 'CRC-STO-041': 'fail' },
    },
    'ALTER SYSTEM SET fsync = off',
    'SELECT pg_reload_conf()',
  ),
  bySql(
    {
      id: 'synchronous-commit-off',
      title: 'Commits do not wait for the flush, so that a crash loses evidence',
      contract: 'storage-and-streams.md 2.8, server',
      verdicts: { 'CRC-STO-041': 'warn' },
    },
    'ALTER SYSTEM SET synchronous_commit = off',
    'SELECT pg_reload_conf()',
  ),
  {
    id: 'service-pool-busy',
    title: 'All connections of a replica of the Gateway are busy',
    contract: 'storage-and-streams.md 2.8, pools',
    verdicts: { 'CRC-STO-043': 'warn' },
    inject: async (lab) => {
      const replica = await Promise.all(Array.from({ length: 20 }, () => stranger(lab, 'caracalgateway', 'a second replica')));
      for (const client of replica) inTheBackground(client, 'SELECT pg_sleep(120)');
      await seen(lab, 'busy for 1 s', "SELECT FROM pg_stat_activity WHERE application_name = 'a second replica' AND state = 'active' AND query_start < clock_timestamp() - interval '1 second' OFFSET 19");
    },
  },
];

/** A decoy of statements that the superuser runs. */
function harmless(decoy: Omit<Decoy, 'inject'>, ...statements: readonly string[]): Decoy {
  return bySql({ ...decoy, verdicts: {} }, ...statements);
}

export const postgresDecoys: readonly Decoy[] = [
  harmless(
    {
      id: 'known-gaps-closed',
      title: 'Somebody granted what 1.0 forgot to grant',
      contract: 'storage-and-streams.md 2.4',
    },
    'GRANT DELETE ON delegation_edges, caracal_outbox TO caracalcoordinator',
    'GRANT UPDATE ON applications TO caracalcoordinator',
  ),
  harmless(
    {
      id: 'people-of-their-own',
      title: 'Roles, a table, an index, a column and a policy of the people who run it',
      contract: 'storage-and-streams.md 1.3, state ahead; 2.3',
    },
    'CREATE ROLE reporting LOGIN CONNECTION LIMIT 1',
    'GRANT SELECT ON ALL TABLES IN SCHEMA public TO reporting',
    'CREATE POLICY reporting ON audit_events FOR SELECT TO reporting USING (true)',
    'CREATE TABLE reporting_days (day date)',
    'CREATE INDEX reporting_by_type ON audit_events (event_type, occurred_at)',
    'CREATE INDEX reporting_half ON zones (created_at)',
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'reporting_half'::regclass",
    'ALTER TABLE zones ADD COLUMN reporting_note text',
  ),
  {
    id: 'months-of-the-past',
    title: 'Months of the past are there, and the retention dropped one',
    contract: 'storage-and-streams.md 2.6, row dropping',
    inject: async (lab) => {
      const [old, older] = [await partitionOf(lab, -1), await partitionOf(lab, -2)];
      for (const [name, months] of [[old, 1], [older, 2]] as const) {
        const [row] = await lab.sql<{ from: string; to: string }>(
          `SELECT date_trunc('month', now() - make_interval(months => ${months}))::text AS from, date_trunc('month', now() - make_interval(months => ${months - 1}))::text AS to`,
        );
        await lab.sql(`CREATE TABLE ${name} PARTITION OF audit_events FOR VALUES FROM ('${row?.from ?? ''}') TO ('${row?.to ?? ''}')`);
      }
      await lab.sql("SELECT public.audit_partition_drop($1)", [older]);
    },
  },
  {
    id: 'months-of-another-time-zone',
    title: 'The partitions were made by a server in Auckland',
    contract: 'storage-and-streams.md 2.6, row bounds',
    inject: async (lab) => {
      const client = await stranger(lab);
      await client.query("SET timezone = 'Pacific/Auckland'; BEGIN; CREATE TEMP TABLE kept AS TABLE audit_events");
      for (let ahead = 0; ahead <= 3; ahead += 1) await client.query(`DROP TABLE ${await partitionOf(lab, ahead)}`);
      for (let ahead = 0; ahead <= 3; ahead += 1) await client.query('SELECT audit_partition_ensure((now() + make_interval(months => $1))::date)', [ahead]);
      await client.query('INSERT INTO audit_events TABLE kept; COMMIT');
      await client.end();
    },
  },
  {
    id: 'many-idle-sessions',
    title: 'Two thirds of the connections are taken by idle sessions, one of which listens',
    contract: 'storage-and-streams.md 2.7, NOTIFY channel; 4.2, probe connections',
    inject: async (lab) => {
      await (await stranger(lab, 'caracalsts')).query('LISTEN caracal_approval_decided');
      await openSessions(lab, 64);
    },
  },
  {
    id: 'backup-running',
    title: 'A backup has its transaction open for half a minute',
    contract: 'storage-and-streams.md 2.1, row caracal',
    inject: async (lab) => {
      await (await stranger(lab, undefined, 'pg_dump')).query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; LOCK TABLE zones, audit_events, sessions IN ACCESS SHARE MODE');
      await seen(lab, 'open for 31 s', "SELECT FROM pg_stat_activity WHERE application_name = 'pg_dump' AND state_change < clock_timestamp() - interval '31 seconds'");
    },
  },
  {
    id: 'short-locks',
    title: 'The audit chain of the zone is locked again and again, for a fifth of a second',
    contract: 'storage-and-streams.md 2.7, row per-zone audit chain',
    inject: async (lab) => {
      const client = await stranger(lab);
      const again = async (): Promise<void> => {
        for (;;) {
          await client.query('BEGIN');
          await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [lab.zoneId]);
          await client.query('SELECT pg_sleep(0.2)');
          await client.query('COMMIT');
          await client.query('SELECT pg_sleep(0.2)');
        }
      };
      again().catch(() => undefined); // ends with the server
    },
  },
  {
    id: 'a-vacuum',
    title: 'A vacuum works slowly through the audit events',
    contract: 'diagnosing.md 5.3, item 11',
    inject: async (lab) => {
      const client = await stranger(lab);
      await client.query('SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1');
      inTheBackground(client, 'VACUUM (FREEZE) audit_events');
    },
  },
];
