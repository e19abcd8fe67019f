import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Client } from 'pg';
import { migrate, unapply0003 } from '../lab/stores/migrate.ts';
import { POSTGRES_SUPERUSER, type PostgresHandle, startPostgres } from '../lab/stores/postgres.ts';
import { createScratchFolder } from '../lab/stores/scratch.ts';

type Row = Record<string, unknown>;

/** One recording in test/fixtures/catalog and the question that gives the same rows. */
interface Fact { file: string; sql: string }

const ORDINARY_RELATIONS = "c.relnamespace = 'public'::regnamespace AND NOT c.relispartition";

const FACTS: readonly Fact[] = [
  {
    file: 'tables',
    sql: `
      SELECT c.relname AS "table", c.relkind AS kind, pg_get_userbyid(c.relowner) AS owner,
             c.relrowsecurity AS rls, c.relforcerowsecurity AS rls_forced, c.relispartition AS is_partition,
             (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid) AS partition_of
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')`,
  },
  {
    file: 'columns',
    sql: `
      SELECT c.relname AS "table", a.attname AS "column", a.attnum AS pos,
             format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
             pg_get_expr(d.adbin, d.adrelid) AS "default", a.attidentity <> '' AS identity
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
      WHERE ${ORDINARY_RELATIONS} AND c.relkind IN ('r', 'p')`,
  },
  {
    file: 'constraints',
    sql: `
      SELECT c.relname AS "table", k.conname AS name, k.contype AS type, k.convalidated AS validated,
             pg_get_constraintdef(k.oid) AS definition
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE ${ORDINARY_RELATIONS} AND k.contype <> 'n'`,
  },
  {
    file: 'constraints-not-null-count',
    sql: `
      SELECT c.relname AS "table", count(*)::int AS not_null_constraints
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE c.relnamespace = 'public'::regnamespace AND k.contype = 'n' GROUP BY 1`,
  },
  {
    file: 'indexes',
    sql: `
      SELECT t.relname AS "table", c.relname AS index, i.indisunique AS "unique", i.indisprimary AS "primary",
             i.indisvalid AS valid, pg_get_indexdef(c.oid) AS definition
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
      WHERE ${ORDINARY_RELATIONS}`,
  },
  {
    file: 'triggers',
    sql: `
      SELECT tgrelid::regclass::text AS "table", tgname AS trigger, tgenabled AS enabled,
             tgfoid::regproc::text AS function, pg_get_triggerdef(oid) AS definition
      FROM pg_trigger WHERE NOT tgisinternal`,
  },
  {
    file: 'policies',
    sql: `
      SELECT tablename AS "table", policyname AS policy, permissive, roles::text[] AS roles, cmd, qual, with_check
      FROM pg_policies WHERE schemaname = 'public'`,
  },
  {
    file: 'grants',
    sql: `
      SELECT grantee AS role, table_name AS "table", string_agg(privilege_type, ',' ORDER BY privilege_type) AS privileges
      FROM information_schema.role_table_grants
      WHERE table_schema = 'public' AND grantee <> 'caracal' GROUP BY 1, 2`,
  },
  {
    file: 'column-grants',
    sql: `
      SELECT attrelid::regclass::text AS "table", attname AS "column", attacl::text AS acl
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      WHERE c.relnamespace = 'public'::regnamespace AND attacl IS NOT NULL`,
  },
  {
    file: 'sequence-grants',
    sql: `
      SELECT c.relname AS sequence, c.relacl::text AS acl
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S'`,
  },
  {
    file: 'functions',
    sql: `
      SELECT p.proname AS function, pg_get_function_identity_arguments(p.oid) AS arguments,
             p.prorettype::regtype::text AS returns, p.prosecdef AS security_definer, p.proacl::text AS acl
      FROM pg_proc p
      WHERE p.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')`,
  },
  {
    file: 'partitions',
    sql: `
      SELECT c.relname AS partition, pg_get_expr(c.relpartbound, c.oid) AS bounds
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'public.audit_events'::regclass`,
  },
  {
    file: 'roles',
    sql: `
      SELECT rolname AS role, rolcanlogin AS can_login, rolsuper AS super, rolbypassrls AS bypass_rls,
             rolcreatedb AS create_db, rolcreaterole AS create_role, rolconnlimit AS conn_limit
      FROM pg_roles WHERE rolname LIKE 'caracal%'`,
  },
  { file: 'extensions', sql: 'SELECT extname, extversion FROM pg_extension' },
  { file: 'schema_migrations', sql: 'SELECT version, applied_at FROM public.schema_migrations' },
  {
    file: 'server',
    sql: `
      SELECT name, setting, unit FROM pg_settings WHERE name IN (
        'TimeZone', 'data_checksums', 'deadlock_timeout', 'idle_in_transaction_session_timeout',
        'log_line_prefix', 'log_lock_waits', 'log_min_duration_statement', 'max_connections',
        'password_encryption', 'server_version', 'server_version_num', 'ssl', 'statement_timeout',
        'transaction_timeout')`,
  },
];

/** The only differences there may be; each function makes both sides comparable. */
const DIFFERENCES: Record<string, { reason: string; level: (row: Row, firstMonth: Date) => Row }> = {
  'partition months': {
    reason: 'the window starts with the month in which the baseline was applied',
    level: (row, firstMonth) => Object.fromEntries(
      Object.entries(row).map(([key, value]) => [key, typeof value === 'string' ? relativeMonths(value, firstMonth) : value]),
    ),
  },
  applied_at: {
    reason: 'time of the installation',
    level: (row) => ('applied_at' in row ? { ...row, applied_at: 'some time' } : row),
  },
  'server version': {
    reason: 'a later minor version of PostgreSQL 18 than the recorded 18.1',
    level: (row) => (String(row['name']).startsWith('server_version') ? { ...row, setting: String(row['setting']).slice(0, 2) } : row),
  },
};

const PASSWORDS = {
  caracalapi: 'api', caracalsts: 'sts', caracalgateway: 'gateway', caracalaudit: 'audit',
  caracalcoordinator: 'coordinator', caracalauth: 'auth',
};

describe('lab: the schema is the recorded catalogue of Caracal 1.0', function () {
  this.timeout(60_000);
  let postgres: PostgresHandle;
  let client: Client;

  before(async () => {
    const directory = await createScratchFolder('lab-stores-catalog-');
    postgres = await startPostgres({ directory, superuserPassword: 'owner' });
    client = new Client({ connectionString: postgres.dsn(POSTGRES_SUPERUSER, 'owner') });
    await client.connect();
    await migrate(client, { passwords: PASSWORDS });
  });

  after(async () => {
    await client.end();
    await postgres.close();
  });

  for (const fact of FACTS) {
    it(fact.file, async () => {
      const recorded = JSON.parse(
        await readFile(new URL(`../fixtures/catalog/${fact.file}.json`, import.meta.url), 'utf8'),
      ) as Row[];
      const live = (await client.query<Row>(fact.sql)).rows;
      deepEqual(comparable(live, new Date()), comparable(recorded, new Date('2026-11-01T00:00:00Z')));
    });
  }

  it('what 0003 adds is not in the earlier files, and can be taken back and applied again', async () => {
    await unapply0003(client);
    deepEqual(await versions(), ['0001_baseline', '0002_approval_hardening']);
    equal(await columnCount(), 17);
    const lines: string[] = [];
    await migrate(client, { onLine: (line) => lines.push(line) });
    deepEqual(lines.at(-1), 'migrations up to date');
    notEqual(await columnCount(), 17);
    equal((await versions()).at(-1), '0003_operator_run_token_usage');
  });

  async function versions(): Promise<string[]> {
    const { rows } = await client.query<{ version: string }>('SELECT version FROM schema_migrations ORDER BY version');
    return rows.map((row) => row.version);
  }

  async function columnCount(): Promise<number | undefined> {
    const { rows } = await client.query<{ count: number }>(`
      SELECT count(*)::int AS count FROM information_schema.columns WHERE table_name = 'operator_message_runs'`);
    return rows[0]?.count;
  }
});

/** Rows with the allowed differences levelled, as sorted text: order in a catalogue means nothing. */
function comparable(rows: readonly Row[], firstMonth: Date): string[] {
  const levels = Object.values(DIFFERENCES);
  return rows
    .map((row) => levels.reduce((levelled, difference) => difference.level(levelled, firstMonth), row))
    .map((row) => JSON.stringify(Object.entries(row).sort(([left], [right]) => (left < right ? -1 : 1))))
    .sort();
}

/** Names months by their distance from the first: `y2026m11` and `2026-11-01` become `month 0`. */
function relativeMonths(text: string, firstMonth: Date): string {
  return text.replaceAll(/y(\d{4})m(\d{2})\b|\b(\d{4})-(\d{2})-01 00:00:00\+00/g, (match, ...groups: unknown[]) => {
    const [year, month] = [groups[0] ?? groups[2], groups[1] ?? groups[3]].map(Number);
    if (year === undefined || month === undefined) return match;
    return `month ${String((year - firstMonth.getUTCFullYear()) * 12 + month - 1 - firstMonth.getUTCMonth())}`;
  });
}
