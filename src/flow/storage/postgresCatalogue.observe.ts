import type * as z from 'zod';
import { partitionFunctions, sequenceGrants, serviceRoles } from '../../caracal/roles.ts';
import { appendOnlyTables, immutabilityTriggers, listed, tableNames, tables, zoneIsolation } from '../../caracal/tables.ts';
import type { Observer } from '../liveSource.ts';
import { boundsOf } from './partitions.observe.ts';
import { postgresDeadlineMs } from './postgres.observe.ts';
import { postgresCatalogue } from './postgresCatalogue.ts';

type Answer = z.infer<typeof postgresCatalogue.schema>;

/** `table.name` of each word in a list of each table. */
function each(list: 'columns' | 'unique' | 'indexes' | 'constraints'): readonly string[] {
  return Object.entries(tables).flatMap(([table, entry]) => listed(entry[list]).map((word) => `${table}.${word}`));
}

const readSettings = [
  'autovacuum', 'autovacuum_freeze_max_age', 'autovacuum_multixact_freeze_max_age', 'data_checksums',
  'default_transaction_read_only', 'fsync', 'full_page_writes', 'idle_in_transaction_session_timeout', 'ignore_checksum_failure',
  'lock_timeout', 'max_connections', 'password_encryption', 'row_security', 'search_path', 'server_version', 'session_replication_role',
  'ssl', 'statement_timeout', 'synchronous_commit', 'synchronous_standby_names', 'TimeZone', 'track_counts', 'transaction_timeout',
  'wal_level', 'zero_damaged_pages',
];

/** Settings of a role or database that change what a service's session does. */
const overriding = [
  'default_transaction_read_only', 'idle_in_transaction_session_timeout', 'lock_timeout', 'row_security', 'search_path', 'session_replication_role',
  'statement_timeout', 'synchronous_commit', 'transaction_timeout',
];

const utc = (time: string): string => `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const list = (select: string): string => `(SELECT coalesce(json_agg(item), '[]') FROM (${select}) AS found(item))`;
const letters = (holds: readonly (readonly [letter: string, condition: string])[]): string =>
  `concat(${holds.map(([letter, condition]) => `CASE WHEN ${condition} THEN '${letter}' END`).join(', ')})`;

/** An expression as text. Postgres opens its table for that, and would wait behind a lock that shuts out readers. */
const text = (expression: string, table: string): string => `CASE WHEN ${table} NOT IN (SELECT relation FROM busy) THEN pg_get_expr(${expression}, ${table}) END`;

/**
 * Reads the system catalogue alone, which everybody may, and no row of Caracal's: it works in a
 * database without Caracal, its cost does not grow with the data, and it waits for no lock on a table.
 */
const statement = `
WITH shipped AS MATERIALIZED (
  SELECT name, to_regclass('public.' || quote_ident(name))::oid AS oid FROM unnest($1::text[]) AS name),
role AS MATERIALIZED (
  SELECT * FROM pg_roles WHERE rolname = ANY ($2::text[])),
busy AS MATERIALIZED (
  SELECT DISTINCT relation FROM pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND pid <> pg_backend_pid()
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
policy AS MATERIALIZED (
  SELECT p.*, ${text('polqual', 'polrelid')} AS seen, ${text('polwithcheck', 'polrelid')} AS checked FROM pg_policy p JOIN shipped s ON s.oid = p.polrelid),
partition AS MATERIALIZED (
  SELECT c.oid, c.relname, ${text('c.relpartbound', 'c.oid')} AS bound, c.oid = (SELECT partdefid FROM pg_partitioned_table WHERE partrelid = i.inhparent) AS rest
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = to_regclass('public.audit_events') AND NOT i.inhdetachpending),
evidence AS MATERIALIZED (
  SELECT c.oid, c.relname, c.relowner, c.relacl FROM pg_class c
   WHERE c.oid IN (SELECT to_regclass('public.' || name) FROM unnest($3::text[]) AS name)
      OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass('public.audit_events'))),
granted AS (
  SELECT r.rolname, s.name, ${letters([
    ['r', `has_table_privilege(r.oid, s.oid, 'SELECT')`],
    ['a', `has_table_privilege(r.oid, s.oid, 'INSERT')`],
    ['w', `has_table_privilege(r.oid, s.oid, 'UPDATE')`],
    ['d', `has_table_privilege(r.oid, s.oid, 'DELETE')`],
  ])} AS letters FROM role r CROSS JOIN shipped s WHERE s.oid IS NOT NULL
  UNION ALL
  SELECT r.rolname, s.name, ${letters([
    ['r', `has_sequence_privilege(r.oid, s.oid, 'SELECT')`],
    ['U', `has_sequence_privilege(r.oid, s.oid, 'USAGE')`],
  ])} FROM role r CROSS JOIN (SELECT name, to_regclass('public.' || name)::oid AS oid FROM unnest($4::text[]) AS name) s WHERE s.oid IS NOT NULL)
SELECT json_build_object(
  'now', ${utc('clock_timestamp()')},
  'database', current_database(),
  'tables', ${list('SELECT name FROM shipped WHERE oid IS NOT NULL')},
  'locked', ${list(`SELECT relname FROM busy JOIN pg_class c ON c.oid = relation WHERE c.oid IN (SELECT oid FROM shipped UNION ALL SELECT oid FROM partition)`)},
  'owners', ${list('SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class JOIN shipped USING (oid)')},
  'missingColumns', ${list(`
    SELECT word FROM unnest($5::text[]) AS word JOIN shipped s ON s.name = split_part(word, '.', 1)
     WHERE s.oid IS NOT NULL AND NOT EXISTS (
       SELECT FROM pg_attribute WHERE attrelid = s.oid AND attname = split_part(word, '.', 2) AND NOT attisdropped)`)},
  'missingIndexes', ${list(`
    SELECT split_part(word, '.', 2) FROM unnest($6::text[] || $7::text[]) AS word JOIN shipped s ON s.name = split_part(word, '.', 1)
     WHERE s.oid IS NOT NULL AND NOT EXISTS (
       SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = s.oid AND c.relname = split_part(word, '.', 2))`)},
  'notUnique', ${list(`
    SELECT c.relname FROM unnest($6::text[]) AS word JOIN shipped s ON s.name = split_part(word, '.', 1)
      JOIN pg_index i ON i.indrelid = s.oid JOIN pg_class c ON c.oid = i.indexrelid AND c.relname = split_part(word, '.', 2)
     WHERE NOT i.indisunique`)},
  'invalidIndexes', ${list(`
    SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisvalid LIMIT 50`)},
  'missingConstraints', ${list(`
    SELECT word FROM unnest($8::text[]) AS word JOIN shipped s ON s.name = split_part(word, '.', 1)
     WHERE s.oid IS NOT NULL AND NOT EXISTS (
       SELECT FROM pg_constraint WHERE conrelid = s.oid AND conname = split_part(word, '.', 2))`)},
  'notValidated', ${list(`
    SELECT k.conname FROM pg_constraint k JOIN shipped s ON s.oid = k.conrelid
     WHERE NOT k.convalidated OR to_jsonb(k) ->> 'conenforced' = 'false'`)},
  'roles', ${list(`
    SELECT json_build_object(
      'name', rolname, 'login', rolcanlogin, 'superuser', rolsuper, 'bypassesRls', rolbypassrls, 'createsRoles', rolcreaterole,
      'createsDatabases', rolcreatedb, 'connectionLimit', rolconnlimit, 'passwordUntil', rolvaliduntil,
      'passwordEnded', coalesce(rolvaliduntil < clock_timestamp(), false),
      'connects', has_database_privilege(oid, current_database(), 'CONNECT'),
      'usesSchema', has_schema_privilege(oid, 'public', 'USAGE'),
      'owns', EXISTS (SELECT FROM pg_class JOIN shipped USING (oid) WHERE pg_has_role(role.oid, relowner, 'USAGE')),
      'memberOf', ${list('SELECT pg_get_userbyid(roleid) FROM pg_auth_members WHERE member = role.oid')})
      FROM role`)},
  'grants', (SELECT coalesce(json_object_agg(rolname, held), '{}') FROM (
    SELECT rolname, json_object_agg(name, letters) AS held FROM granted WHERE letters <> '' GROUP BY rolname) AS by_role),
  'functions', ${list(`
    SELECT json_build_object('name', word, 'definer', p.prosecdef,
      'callers', ${list(`SELECT rolname FROM role WHERE has_function_privilege(role.oid, p.oid, 'EXECUTE')`)})
      FROM unnest($9::text[]) AS word JOIN pg_proc p ON p.oid = to_regprocedure('public.' || word)`)},
  'mutable', ${list(`
    SELECT json_build_object('table', relname, 'role', rolname, 'may', may) FROM (
      SELECT e.relname, r.rolname, array_remove(ARRAY[
               CASE WHEN has_any_column_privilege(r.oid, e.oid, 'UPDATE') THEN 'UPDATE' END,
               CASE WHEN has_table_privilege(r.oid, e.oid, 'DELETE') THEN 'DELETE' END,
               CASE WHEN has_table_privilege(r.oid, e.oid, 'TRUNCATE') THEN 'TRUNCATE' END], NULL) AS may
        FROM evidence e CROSS JOIN role r
      UNION ALL
      SELECT e.relname, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END, array_agg(a.privilege_type::text)
        FROM evidence e CROSS JOIN LATERAL (
          SELECT grantee, privilege_type FROM aclexplode(e.relacl)
          UNION SELECT x.grantee, x.privilege_type FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) x
           WHERE t.attrelid = e.oid AND NOT t.attisdropped) a
       WHERE a.grantee <> e.relowner AND a.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')
         AND a.grantee NOT IN (SELECT oid FROM role)
       GROUP BY 1, 2) AS held WHERE cardinality(may) > 0 LIMIT 100`)},
  'isolation', ${list(`
    SELECT json_build_object('table', s.name, 'enabled', c.relrowsecurity, 'forced', c.relforcerowsecurity, 'policies', ${list(`
      SELECT json_build_object('name', p.polname, 'permissive', p.polpermissive, 'command', p.polcmd,
        'forServices', EXISTS (
          SELECT FROM unnest(p.polroles) AS bound CROSS JOIN role
           WHERE CASE WHEN bound = 0 THEN true ELSE pg_has_role(role.oid, bound, 'USAGE') END),
        'other', CASE WHEN s.oid IN (SELECT relation FROM busy) OR (p.seen = $10 AND coalesce(p.checked, $10) = $10) THEN NULL
          ELSE concat_ws(' ', 'USING ' || p.seen, 'WITH CHECK ' || p.checked) END)
        FROM policy p WHERE p.polrelid = s.oid`)})
      FROM shipped s JOIN pg_class c USING (oid) WHERE s.name = ANY ($11::text[]) OR c.relrowsecurity`)},
  'triggers', ${list(`
    SELECT json_build_object('table', s.name, 'name', t.tgname, 'enabled', t.tgenabled, 'complete', t.tgtype = 27 AND t.tgqual IS NULL AND t.tgattr = '',
      'function', p.proname, 'raises', p.prosrc ~* '\\mraise\\M')
      FROM pg_trigger t JOIN shipped s ON s.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE NOT t.tgisinternal AND t.tgname = ANY ($12::text[])`)},
  'partitions', ${list(`SELECT json_build_object('name', relname, 'bound', CASE WHEN rest THEN 'DEFAULT' ELSE coalesce(bound, '') END) FROM partition`)},
  'detached', ${list(`
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname ~ '^audit_events_y\\d{4}m\\d{2}$'
       AND oid NOT IN (SELECT inhrelid FROM pg_inherits) ORDER BY 1 LIMIT 20`)},
  'defaultBytes', (SELECT CASE WHEN oid NOT IN (SELECT relation FROM busy) THEN pg_relation_size(oid) END FROM partition WHERE rest),
  'recovering', pg_is_in_recovery(),
  'settings', ${list(`
    SELECT json_build_object('name', name, 'value', coalesce(reset_val, setting),
      'ofServer', source NOT IN ('user', 'database', 'database user', 'client', 'session'))
      FROM pg_settings WHERE name = ANY ($13::text[])`)},
  'overrides', ${list(`
    SELECT json_build_object('role', r.rolname, 'database', CASE WHEN s.setdatabase <> 0 THEN current_database() END,
      'name', split_part(word, '=', 1), 'value', substr(word, strpos(word, '=') + 1))
      FROM pg_db_role_setting s LEFT JOIN role r ON r.oid = s.setrole CROSS JOIN unnest(s.setconfig) AS word
     WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
       AND (s.setrole = 0 OR r.oid IS NOT NULL) AND split_part(word, '=', 1) = ANY ($14::text[])`)},
  'frozen', ${list(`
    SELECT json_build_object('database', datname, 'transactions', age(datfrozenxid), 'multixacts', mxid_age(datminmxid))
      FROM pg_database ORDER BY greatest(age(datfrozenxid), mxid_age(datminmxid)) DESC LIMIT 5`)},
  'checksumFailures', (
    SELECT json_build_object('count', checksum_failures, 'last', ${utc('checksum_last_failure')}) FROM pg_stat_database WHERE datname = current_database()),
  'visibility', json_build_object(
    'user', current_user,
    'bound', (SELECT count(*) FROM shipped WHERE oid IS NOT NULL AND row_security_active(oid)),
    'zone', current_setting('caracal.zone_id', true),
    'rowSecurity', current_setting('row_security'),
    'hidden', ${list(`
      SELECT s.name FROM shipped s WHERE s.oid IS NOT NULL AND s.oid NOT IN (SELECT relation FROM busy) AND row_security_active(s.oid) AND NOT (
        SELECT coalesce(bool_or(p.polpermissive AND p.seen IN ($10, 'true')), false)
           AND coalesce(bool_and(p.polpermissive OR p.seen IN ($10, 'true')), true)
          FROM policy p WHERE p.polrelid = s.oid AND p.polcmd IN ('*', 'r') AND EXISTS (
            SELECT FROM unnest(p.polroles) AS bound WHERE CASE WHEN bound = 0 THEN true ELSE pg_has_role(bound, 'USAGE') END))`)},
    'unreadable', ${list(`SELECT name FROM shipped WHERE oid IS NOT NULL AND NOT has_any_column_privilege(oid, 'SELECT')`)})
) AS catalogue`;

const parameters: readonly unknown[] = [
  tableNames,
  serviceRoles,
  appendOnlyTables,
  Object.keys(sequenceGrants),
  each('columns'),
  each('unique'),
  each('indexes'),
  each('constraints'),
  partitionFunctions,
  zoneIsolation,
  tableNames.filter((table) => tables[table]?.rowLevelSecurity),
  Object.values(immutabilityTriggers),
  readSettings,
  overriding,
];

const catalogue: Observer<Answer> = {
  subject: postgresCatalogue,
  deadlineMs: postgresDeadlineMs,
  asked: () => `look-up of ${tableNames.length} tables, ${serviceRoles.length} roles and ${readSettings.length} settings in pg_catalog`,
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const [row] = await deployment.postgres().query(statement, parameters, signal);
    const answer = row?.['catalogue'] as Omit<Answer, 'partitions'> & { partitions: { name: string; bound: string }[] };
    return { ...answer, partitions: answer.partitions.map(({ name, bound }) => ({ name, ...boundsOf(bound) })) };
  },
};

export const postgresCatalogueObservers = [catalogue];
