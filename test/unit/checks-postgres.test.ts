import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { advisoryLocks, auditExportLeaderLock, auditRetentionLeaderLock, migrationLock } from '../../src/caracal/advisoryLocks.ts';
import { fingerprints, migrations } from '../../src/caracal/migrations.ts';
import { observerAcl } from '../../src/caracal/observerAcl.ts';
import { observerRoleSql } from '../../src/caracal/observerRole.ts';
import { grantGaps, partitionFunctionCaller, partitionFunctions, sequenceGrants, serviceRoles } from '../../src/caracal/roles.ts';
import { immutabilityFunction, immutabilityTriggers, listed, neverValidated, tableNames, tables, zoneIsolation } from '../../src/caracal/tables.ts';
import { boundsOf, outside } from '../../src/flow/storage/partitions.observe.ts';
import type { Activity, Session, Wait } from '../../src/flow/storage/postgresActivity.ts';
import type { Catalogue } from '../../src/flow/storage/postgresCatalogue.ts';
import type { Outcome } from '../../src/model/observation.ts';
import type { Status } from '../../src/model/status.ts';
import { answer, judge, refused, timeout } from './judge.ts';

type Row = readonly [name: string, outcome: Outcome, status: Status, summary: RegExp];

function table(check: string, question: string, rows: readonly Row[]): void {
  for (const [name, outcome, status, summary] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, { [question]: outcome });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }
}

/** A recording of a real catalogue of 1.0. */
async function recorded<Entry>(name: string): Promise<readonly Entry[]> {
  return JSON.parse(await readFile(new URL(`../fixtures/catalog/${name}.json`, import.meta.url), 'utf8')) as Entry[];
}

describe('what is known of the schema of 1.0 is what a real one has', () => {
  const ordinary = (name: string): boolean => name !== 'schema_migrations' && !name.startsWith('audit_events_');
  const perTable = (list: 'columns' | 'unique' | 'indexes' | 'constraints'): Record<string, readonly string[]> =>
    Object.fromEntries(Object.entries(tables).map(([name, entry]) => [name, [...listed(entry[list])].sort()] as const).filter(([, words]) => words.length > 0));
  const gathered = (entries: readonly (readonly [table: string, word: string])[]): Record<string, readonly string[]> => {
    const byTable = new Map<string, string[]>();
    for (const [name, word] of entries) if (ordinary(name)) byTable.set(name, [...(byTable.get(name) ?? []), word].sort());
    return Object.fromEntries(byTable);
  };

  it('tables and row-level security', async () => {
    const real = await recorded<{ table: string; rls: boolean }>('tables');
    assert.deepEqual([...tableNames], real.map((each) => each.table).filter(ordinary).sort());
    assert.deepEqual(tableNames.filter((name) => tables[name]?.rowLevelSecurity), real.filter(({ rls }) => rls).map((each) => each.table).sort());
  });

  it('columns', async () => {
    const real = await recorded<{ table: string; column: string }>('columns');
    assert.deepEqual(perTable('columns'), gathered(real.map(({ table: name, column }) => [name, column])));
  });

  it('indexes', async () => {
    const real = await recorded<{ table: string; index: string; unique: boolean }>('indexes');
    assert.deepEqual(perTable('unique'), gathered(real.filter(({ unique }) => unique).map(({ table: name, index }) => [name, index])));
    assert.deepEqual(perTable('indexes'), gathered(real.filter(({ unique }) => !unique).map(({ table: name, index }) => [name, index])));
  });

  it('constraints, those that stay NOT VALID among them', async () => {
    const real = await recorded<{ table: string; name: string; type: string; validated: boolean; definition: string }>('constraints');
    assert.deepEqual(perTable('constraints'), gathered(real.filter(({ type }) => type === 'c' || type === 'f').map(({ table: of, name }) => [of, name])));
    assert.deepEqual([...neverValidated].sort(), real.filter(({ validated }) => !validated).map(({ name }) => name).sort());
    for (const { kind, object, text } of fingerprints) if (kind === 'definition') assert.equal(text, real.find(({ name }) => name === object)?.definition);
  });

  it('grants on tables, sequences and functions', async () => {
    const letters: Readonly<Record<string, string>> = { SELECT: 'r', INSERT: 'a', UPDATE: 'w', DELETE: 'd' };
    const real = await recorded<{ role: string; table: string; privileges: string }>('grants');
    const own = Object.entries(tables).flatMap(([name, { grants }]) => Object.entries(grants).map(([role, held]) => `${role} ${name} ${[...held.split('')].sort().join('')}`));
    assert.deepEqual(own.sort(), real.map(({ role, table: name, privileges }) => `${role} ${name} ${privileges.split(',').map((word) => letters[word] ?? word).sort().join('')}`).sort());
    assert.deepEqual(await recorded('column-grants'), []);
    assert.deepEqual(await recorded('sequence-grants'), Object.entries(sequenceGrants).map(([sequence, grants]) => ({ sequence, acl: `{caracal=rwU/caracal,${Object.entries(grants).map(([role, held]) => `${role}=${held}/caracal`).join()}}` })));
    const functions = await recorded<{ function: string; arguments: string; acl: string | null }>('functions');
    const closed = functions.filter(({ acl }) => acl !== null);
    assert.deepEqual([...partitionFunctions].sort(), closed.map((each) => `${each.function}(${each.arguments.split(' ')[1] ?? ''})`).sort());
    for (const { acl } of closed) assert.equal(acl, `{caracal=X/caracal,${partitionFunctionCaller}=X/caracal}`);
    for (const { role, table: name, privilege } of grantGaps) assert.ok(!tables[name]?.grants[role]?.includes(privilege));
  });

  it('policies and triggers', async () => {
    const policies = await recorded<{ table: string; policy: string; qual: string; with_check: string }>('policies');
    assert.deepEqual(new Set(policies.flatMap(({ policy, qual, with_check: check }) => [policy, qual, check])), new Set(['zone_isolation', zoneIsolation]));
    const triggers = await recorded<{ table: string; trigger: string; function: string }>('triggers');
    assert.deepEqual(Object.fromEntries(triggers.map(({ table: name, trigger }) => [name, trigger])), { ...immutabilityTriggers });
    assert.deepEqual(new Set(triggers.map((each) => each.function)), new Set([immutabilityFunction]));
  });

  it('roles and migrations', async () => {
    const roles = await recorded<{ role: string; super: boolean }>('roles');
    assert.deepEqual([...serviceRoles].sort(), roles.filter((each) => !each.super).map(({ role }) => role).sort());
    assert.deepEqual((await recorded<{ version: string }>('schema_migrations')).map(({ version }) => version), [...migrations]);
  });

  it('advisory locks by the halves of their keys', () => {
    const keyOf = (high: number, low: number): string => String((BigInt(high) << 32n) | BigInt(low));
    assert.equal(keyOf(1_101_875, 1_814_001_471), migrationLock);
    assert.equal(keyOf(1_128_354_369, 808_464_433), auditExportLeaderLock);
    assert.equal(keyOf(1_128_354_369, 808_464_434), auditRetentionLeaderLock);
    assert.equal(advisoryLocks[migrationLock]?.holder, 'the migrator');
  });
});

describe('what a person runs to let the debugger in', () => {
  it('the SQL opens no secret and no payload, and holds no password', () => {
    const sql = observerRoleSql();
    const opened = sql.split('\n').filter((line) => line.startsWith('GRANT SELECT ('));
    assert.equal(opened.length, 15);
    for (const secret of ['payload_json', 'envelope', 'token_hash', 'client_secret_hash', 'secret_ct', 'access_token_ct', 'claims_json', 'params_json']) assert.ok(!opened.join('\n').includes(secret), secret);
    // The text of a policy is no secret: what is told of a denied request leads to it.
    assert.ok(sql.includes('GRANT SELECT ON public.policy_versions'));
    assert.ok(!/password\s+'/i.test(sql));
    assert.ok(!/GRANT [^;]*\b(INSERT|UPDATE|DELETE|TRUNCATE|ALL)\b/.test(sql));
    assert.match(sql, /^-- GRANT pg_monitor/m);
  });

  it('the ACL lets through what the checks send, and nothing that writes', () => {
    assert.match(observerAcl(), /^ACL SETUSER caracal_observer reset on ><password> resetchannels %R~caracal\.\* %R~provider-refresh-\* %R~seen:jti:\* %R~caracal:revoked:sessions:\* -@all \+ping /);
    assert.ok(!/~\*|\+@|\+scan|\+xadd|allkeys/.test(observerAcl().replace('caracal.*', '').replace('provider-refresh-*', '').replace('seen:jti:*', '').replace('caracal:revoked:sessions:*', '')));
  });
});

describe('Postgres: that there is one, and its migrations', () => {
  table('CRC-STO-001', 'postgres.hello/Postgres', [
    ['answers', answer({ tls: false, tookMs: 2 }), 'pass', /^2 ms, offers no TLS$/],
    ['refused', refused('ECONNREFUSED'), 'fail', /^refused in 1 ms$/],
    ['frozen', timeout(6_000), 'fail', /^no answer in 6 s/],
    ['no connection string', { kind: 'unavailable', why: 'no credential', wayOut: 'give postgres' }, 'unknown', /^no credential: give postgres$/],
  ]);
  for (const [name, first, second, status, summary] of [
    ['slow twice', 800, 700, 'warn', /^slow: 700 ms, offers TLS$/],
    ['slow once', 800, 3, 'pass', /^800 ms, offers TLS$/],
  ] as const) {
    it(`CRC-STO-001: ${name}`, async () => {
      const verdict = await judge('CRC-STO-001', { 'postgres.hello/Postgres': answer({ tls: true, tookMs: first }), 'postgres.hello/Postgres#2': answer({ tls: true, tookMs: second }) });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }
  const session = { user: 'observer', database: 'caracal', superuser: false, version: 180_001, now: '2026-08-20T10:00:00Z' };
  table('CRC-STO-002', 'postgres.session/Postgres', [
    ['lets us in', answer(session), 'pass', /^as observer$/],
    ['wrong password', refused('28P01', 'password authentication failed'), 'fail', /^28P01: /],
    ['too many connections', refused('53300', 'too many clients'), 'fail', /^53300: /],
    ['silent after the hello', timeout(6_000), 'fail', /^no answer/],
  ]);
  table('CRC-STO-003', 'postgres.session/Postgres', [
    ['18', answer(session), 'pass', /^18\.1$/],
    ['17', answer({ ...session, version: 170_004 }), 'pass', /^17\.4$/],
    ['16', answer({ ...session, version: 160_009 }), 'fail', /^16\.9, too old$/],
  ]);
  const applied = migrations.map((version) => ({ version, appliedAt: '2026-08-20T10:00:00Z' }));
  table('CRC-STO-004', 'postgres.migrations/Postgres', [
    ['all', answer({ present: true, applied }), 'pass', /^3 applied, none pending$/],
    ['pending', answer({ present: true, applied: applied.slice(0, 2) }), 'fail', /^pending: 0003_operator_run_token_usage$/],
    ['no history', answer({ present: false, applied: [] }), 'fail', /^no schema_migrations/],
    ['ahead', answer({ present: true, applied: [...applied, { version: '0004_next', appliedAt: '2026-08-20T10:00:00Z' }] }), 'warn', /^newer than Caracal 1.0: 0004_next$/],
    ['not permitted', refused('42501', 'permission denied for table schema_migrations'), 'unknown', /^no permission: permission denied for table schema_migrations$/],
  ]);
  const made = fingerprints.filter(({ madeBy }) => madeBy).map(({ name }) => name);
  const history = (versions: readonly string[]): Outcome => answer({ present: true, applied: versions.map((version) => ({ version, appliedAt: '2026-08-20T10:00:00Z' })) });
  const noPermission = refused('42501', 'permission denied for table schema_migrations');
  const drift: readonly [string, Outcome, readonly string[], Status, RegExp][] = [
    ['as shipped', history(migrations), made, 'pass', /^matches Caracal 1.0$/],
    ['baseline of July', history(['0001_baseline']), ['constraint delegation_edges_parent_edge_id_fkey', 'function audit_partition_ensure(date)', 'function audit_partition_drop(text)'], 'fail', /^drifted: column sessions.lease_generation is missing and \d more$/],
    ['one object missing', history(migrations), made.filter((name) => name !== 'trigger policy_set_versions_immutable'), 'fail', /^drifted: trigger policy_set_versions_immutable is missing$/],
    ['lineage without the zone', history(migrations), made.filter((name) => !name.startsWith('same-zone')), 'fail', /^drifted: same-zone parents in delegation_edges_zone_parent_fk is missing$/],
    ['pending is not drift', history(migrations.slice(0, 2)), made.filter((name) => !name.includes('input_tokens')), 'pass', /^matches/],
    ['left over', history(migrations), [...made, 'table teams'], 'fail', /^drifted: table teams is left over$/],
    ['another database', answer({ present: false, applied: [] }), [], 'unknown', /^nothing to compare/],
    ['the history is closed, all is there', noPermission, made, 'pass', /^matches/],
    ['the history is closed, 0003 left nothing', noPermission, made.filter((name) => !name.includes('input_tokens')), 'pass', /^matches/],
    ['the history is closed, one object missing', noPermission, made.filter((name) => name !== 'table sts_rate_limit'), 'fail', /^drifted: table sts_rate_limit is missing$/],
  ];
  for (const [name, recordedIn, present, status, summary] of drift) {
    it(`CRC-STO-005: ${name}`, async () => {
      const verdict = await judge('CRC-STO-005', { 'postgres.migrations/Postgres': recordedIn, 'postgres.fingerprints/Postgres': answer({ present }) });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }
});


/** The catalogue of a healthy 1.0, as a superuser sees it at ten on the 20th of August. */
const healthy: Catalogue = {
  now: '2026-08-20T10:00:00.000Z',
  database: 'caracal',
  tables: [...tableNames],
  locked: [],
  owners: ['caracal'],
  missingColumns: [],
  missingIndexes: [],
  notUnique: [],
  invalidIndexes: [],
  missingConstraints: [],
  notValidated: [...neverValidated],
  roles: serviceRoles.map((name) => ({
    name, login: true, superuser: false, bypassesRls: false, createsRoles: false, createsDatabases: name === 'caracalauth', connectionLimit: -1,
    passwordUntil: null, passwordEnded: false, connects: true, usesSchema: true, owns: false, memberOf: [],
  })),
  grants: Object.fromEntries(
    serviceRoles.map((role) => [
      role,
      Object.fromEntries([...Object.entries(tables).map(([name, { grants }]) => [name, grants[role] ?? ''] as const), ['audit_ingest_alerts_id_seq', sequenceGrants['audit_ingest_alerts_id_seq']?.[role] ?? ''] as const].filter(([, held]) => held !== '')),
    ]),
  ),
  functions: partitionFunctions.map((name) => ({ name, callers: ['caracalaudit'], definer: true })),
  mutable: [],
  isolation: tableNames
    .filter((name) => tables[name]?.rowLevelSecurity)
    .map((name) => ({ table: name, enabled: true, forced: false, policies: [{ name: 'zone_isolation', permissive: true, command: '*', forServices: true, other: null }] })),
  triggers: Object.entries(immutabilityTriggers).map(([of, name]) => ({ table: of, name, enabled: 'O', complete: true, function: immutabilityFunction, raises: true })),
  partitions: [
    { name: 'audit_events_default', from: null, to: null, rest: true },
    ...['08', '09', '10', '11'].map((month, index, all) => ({ name: `audit_events_y2026m${month}`, from: `2026-${month}-01T00:00:00.000Z`, to: `2026-${all[index + 1] ?? '12'}-01T00:00:00.000Z`, rest: false })),
  ],
  detached: [],
  defaultBytes: 0,
  recovering: false,
  settings: Object.entries({
    fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on', autovacuum: 'on', track_counts: 'on', data_checksums: 'on', default_transaction_read_only: 'off', row_security: 'on',
    search_path: '"$user", public', session_replication_role: 'origin', autovacuum_freeze_max_age: '200000000', autovacuum_multixact_freeze_max_age: '400000000',
  }).map(([name, value]) => ({ name, value, ofServer: true })),
  overrides: [],
  frozen: [{ database: 'caracal', transactions: 120_000_000, multixacts: 10 }, { database: 'postgres', transactions: 5, multixacts: 0 }],
  checksumFailures: { count: 0, last: null },
  visibility: { user: 'caracal', bound: 0, zone: '*', rowSecurity: 'on', hidden: [], unreadable: [] },
};

type Change = Partial<Catalogue>;
type Judged = readonly [name: string, change: Change, status: Status, summary: RegExp];

const applied = (versions: readonly string[]): Outcome => answer({ present: true, applied: versions.map((version) => ({ version, appliedAt: '2026-08-20T10:00:00Z' })) });
const quiet: Activity = {
  seesAll: true, tracked: true, maxConnections: 100, reserved: 3, databaseLimit: -1, sessions: 14, inDatabase: 12, byRole: [{ role: 'caracalapi', sessions: 8, limit: -1 }, { role: 'caracal', sessions: 6, limit: -1 }],
  pools: [{ role: 'caracalapi', sessions: 8, idle: 7, busy: 1, leastBusyMs: 2 }], transactions: [], waits: [], advisory: [], prepared: { count: 0, oldestMs: null },
  replication: { recovering: false, synchronous: '', commit: 'on', replicas: [], slots: [] },
};

function catalogueTable(check: string, rows: readonly Judged[], rest: Readonly<Record<string, Outcome>> = {}): void {
  for (const [name, change, status, summary] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, { 'postgres.migrations/Postgres': applied(migrations), 'postgres.activity/Postgres': answer(quiet), 'postgres.catalogue/Postgres': answer({ ...healthy, ...change }), ...rest });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }
}

const without = (list: readonly string[], ...gone: readonly string[]): string[] => list.filter((word) => !gone.includes(word));
const foreignDatabase: Change = { tables: [], grants: {}, isolation: [], triggers: [], functions: [], partitions: [], defaultBytes: null, owners: [] };
const changedRole = (name: string, change: Partial<Catalogue['roles'][number]>): Change => ({ roles: healthy.roles.map((role) => (role.name === name ? { ...role, ...change } : role)) });
const regranted = (role: string, object: string, letters: string): Change => ({ grants: { ...healthy.grants, [role]: { ...healthy.grants[role], [object]: letters } } });
const isolatedBy = (name: string, change: Partial<Catalogue['isolation'][number]>): Change => ({ isolation: healthy.isolation.map((entry) => (entry.table === name ? { ...entry, ...change } : entry)) });
const override = (name: string, value: string, role: string | null = null, database: string | null = null): Catalogue['overrides'][number] => ({ role, database, name, value });
const set = (name: string, value: string, ofServer = true): Change => ({ settings: [...healthy.settings.filter((each) => each.name !== name), { name, value, ofServer }] });
const policy = { name: 'zone_isolation', permissive: true, command: '*', forServices: true, other: null };

describe('Postgres: tables, indexes and constraints', () => {
  const of0002 = ['step_up_challenges.subject_anchor', 'step_up_challenges.consumed_authority_record_id'];
  catalogueTable('CRC-STO-006', [
    ['all', {}, 'pass', /^44 of 44, with 486 columns$/],
    ['a table is missing', { tables: without(healthy.tables, 'workloads') }, 'fail', /^missing: workloads$/],
    ['a column is missing', { missingColumns: ['workloads.updated_at'] }, 'fail', /^missing: workloads\.updated_at$/],
    ['many are missing', { missingColumns: ['a.a', 'a.b', 'a.c', 'a.d'] }, 'fail', /^missing: a\.a, a\.b, a\.c and 1 more$/],
    ['another database', foreignDatabase, 'fail', /^none of 44: not a database of Caracal/],
  ]);
  catalogueTable('CRC-STO-006', [['0002 is pending, which is no missing column', { missingColumns: of0002 }, 'pass', /^44 of 44, with 484 columns$/]], { 'postgres.migrations/Postgres': applied(['0001_baseline']) });
  catalogueTable('CRC-STO-006', [['the history is closed and 0002 left nothing', { missingColumns: of0002 }, 'pass', /^44 of 44/], ['the history is closed and half of 0002 is there', { missingColumns: of0002.slice(1) }, 'fail', /^missing: step_up/]], {
    'postgres.migrations/Postgres': refused('42501', 'permission denied'),
  });
  catalogueTable('CRC-STO-006', [['a later release may have removed it', { missingColumns: ['workloads.updated_at'] }, 'warn', /^missing: workloads\.updated_at$/]], { 'postgres.migrations/Postgres': applied([...migrations, '0004_next']) });
  catalogueTable('CRC-STO-006', [['no answer', {}, 'unknown', /^no answer in 6 s$/]], { 'postgres.catalogue/Postgres': timeout(6_000) });
  catalogueTable('CRC-STO-012', [
    ['all', {}, 'pass', /^155 indexes, 122 constraints$/],
    ['unique index missing', { missingIndexes: ['zones_slug_key'] }, 'fail', /^unique index zones_slug_key is missing$/],
    ['unique index invalid', { invalidIndexes: ['zones_pkey'] }, 'fail', /^unique index zones_pkey is invalid$/],
    ['unique index made anew without unique', { notUnique: ['zones_slug_key'] }, 'fail', /^index zones_slug_key is not unique$/],
    ['index missing', { missingIndexes: ['applications_zone_id_idx'] }, 'warn', /^index applications_zone_id_idx is missing$/],
    ['index invalid', { invalidIndexes: ['applications_zone_id_idx'] }, 'warn', /^index applications_zone_id_idx is invalid$/],
    ['an index of the user is being built', { invalidIndexes: ['mine_idx', 'applications_zone_id_idx_ccnew'] }, 'pass', /^155 indexes/],
    ['constraint missing', { missingConstraints: ['workloads.workloads_zone_id_fkey'] }, 'fail', /^constraint workloads\.workloads_zone_id_fkey is missing$/],
    ['constraint not validated', { notValidated: [...neverValidated, 'workloads_zone_id_fkey'] }, 'warn', /^constraint workloads_zone_id_fkey is not validated$/],
    ['another database', foreignDatabase, 'unknown', /^nothing to look at/],
  ]);
  catalogueTable('CRC-STO-012', [['0002 is pending', { missingIndexes: ['step_up_challenges_sweep_idx'] }, 'pass', /^154 indexes/]], { 'postgres.migrations/Postgres': applied(['0001_baseline']) });
});

describe('Postgres: roles, grants, row-level security', () => {
  catalogueTable('CRC-STO-007', [
    ['as shipped', {}, 'pass', /^6 of 6 may log in$/],
    ['a failed first migration', { roles: healthy.roles.map((role) => ({ ...role, login: false })) }, 'fail', /^caracalapi may not log in and 5 more$/],
    ['superuser', changedRole('caracalaudit', { superuser: true, owns: true }), 'fail', /^caracalaudit is a superuser$/],
    ['bypasses row-level security', changedRole('caracalapi', { bypassesRls: true }), 'fail', /^caracalapi bypasses row-level security$/],
    ['member of the owner', changedRole('caracalsts', { owns: true, memberOf: ['caracal'] }), 'fail', /^caracalsts has the rights of the owner of the tables$/],
    ['password ended', changedRole('caracalsts', { passwordEnded: true, passwordUntil: '2020-01-01T00:00:00' }), 'fail', /^caracalsts has a password that ended 2020/],
    ['may not connect', changedRole('caracalsts', { connects: false }), 'fail', /^caracalsts may not connect to this database$/],
    ['gone', { roles: healthy.roles.slice(1) }, 'fail', /^caracalapi does not exist$/],
    ['may create roles', changedRole('caracalapi', { createsRoles: true }), 'warn', /^caracalapi may create roles$/],
    ['limited, which its pool may respect', changedRole('caracalapi', { connectionLimit: 5 }), 'pass', /^6 of 6/],
    ['the database of the console was made by hand', changedRole('caracalauth', { createsDatabases: false }), 'pass', /^6 of 6/],
  ]);
  catalogueTable('CRC-STO-008', [
    ['as shipped, with the known gaps', {}, 'pass', /^89 of 89, as shipped$/],
    ['a privilege is missing', regranted('caracalsts', 'workloads', ''), 'fail', /^caracalsts lacks SELECT on workloads$/],
    ['one of several is missing', regranted('caracalapi', 'workloads', 'raw'), 'fail', /^caracalapi lacks DELETE on workloads$/],
    ['the sequence of alerts', regranted('caracalaudit', 'audit_ingest_alerts_id_seq', 'r'), 'fail', /^caracalaudit lacks USAGE on audit_ingest_alerts_id_seq$/],
    ['the function that makes partitions', { functions: healthy.functions.map((each) => ({ ...each, callers: [] })) }, 'fail', /^caracalaudit lacks EXECUTE on audit_partition_ensure\(date\) and 1 more$/],
    ['the schema', changedRole('caracalapi', { usesSchema: false }), 'fail', /^caracalapi lacks USAGE on the schema public$/],
    ['a table that is missing is not a missing grant', { tables: without(healthy.tables, 'workloads'), ...regranted('caracalsts', 'workloads', '') }, 'pass', /^87 of 87/],
    ['somebody closed a known gap', regranted('caracalcoordinator', 'delegation_edges', 'rawd'), 'pass', /^89 of 89/],
    ['more than shipped', regranted('caracalgateway', 'workloads', 'rawd'), 'pass', /^89 of 89/],
    ['another database', foreignDatabase, 'unknown', /^nothing to look at/],
  ]);
  catalogueTable('CRC-STO-008', [['0002 is pending', regranted('caracalsts', 'event_outbox', ''), 'pass', /^88 of 88/]], { 'postgres.migrations/Postgres': applied(['0001_baseline']) });
  it('CRC-STO-008: known gaps, closed gaps and extra grants are told', async () => {
    const change = { ...regranted('caracalcoordinator', 'delegation_edges', 'rawd') };
    const grants = { ...change.grants, caracalgateway: { ...healthy.grants['caracalgateway'], workloads: 'r' } };
    const { facts } = await judge('CRC-STO-008', { 'postgres.migrations/Postgres': applied(migrations), 'postgres.catalogue/Postgres': answer({ ...healthy, grants }) });
    assert.deepEqual(facts.map(({ name, value }) => `${name}: ${value}`), [
      'DELETE on delegation_edges for caracalcoordinator: granted here; 1.0 does not',
      'DELETE on caracal_outbox for caracalcoordinator: known gap of 1.0: published events of the Coordinator are never pruned',
      'UPDATE on applications for caracalcoordinator: known gap of 1.0: registering an agent service answers 500',
      'extra for caracalgateway: SELECT on workloads',
    ]);
  });
  catalogueTable('CRC-STO-009', [
    ['as shipped', {}, 'pass', /^28 of 28 tables$/],
    ['off', isolatedBy('providers', { enabled: false }), 'fail', /^providers: row-level security is off$/],
    ['no policy', isolatedBy('secrets', { policies: [] }), 'fail', /^secrets: no policy zone_isolation, so services see no rows$/],
    ['another condition', isolatedBy('secrets', { policies: [{ ...policy, other: 'USING true' }] }), 'fail', /^secrets: zone_isolation is not the one of Caracal$/],
    ['for one command only', isolatedBy('secrets', { policies: [{ ...policy, command: 'r' }] }), 'fail', /^secrets: zone_isolation is not the one of Caracal$/],
    ['a second one shows more', isolatedBy('secrets', { policies: [policy, { ...policy, name: 'all', other: 'USING true' }] }), 'fail', /^secrets: policy all shows rows of other zones$/],
    ['a second one hides', isolatedBy('secrets', { policies: [policy, { ...policy, name: 'few', permissive: false, other: 'USING false' }] }), 'warn', /^secrets: policy few hides rows$/],
    ['a policy for a role of the user', isolatedBy('audit_events', { policies: [policy, { ...policy, name: 'bi', forServices: false, other: 'USING true' }] }), 'pass', /^28 of 28/],
    ['forced, which the owner notices', isolatedBy('audit_events', { forced: true }), 'pass', /^28 of 28/],
    ['on another table', { isolation: [...healthy.isolation, { table: 'zones', enabled: true, forced: false, policies: [] }] }, 'warn', /^zones: row-level security is on, which 1\.0 does not know$/],
    ['locked, as while it is altered', { locked: ['providers'] }, 'unknown', /^locked: providers$/],
    ['another one is broken', { locked: ['providers'], ...isolatedBy('secrets', { enabled: false }) }, 'fail', /^secrets: row-level security is off$/],
    ['a table that is missing', { tables: without(healthy.tables, 'providers'), isolation: healthy.isolation.filter((each) => each.table !== 'providers') }, 'pass', /^27 of 27/],
    ['another database', foreignDatabase, 'unknown', /^nothing to look at/],
  ]);
  catalogueTable('CRC-STO-010', [
    ['as shipped', {}, 'pass', /^audit_events, admin_audit_events: read and insert$/],
    ['update', { mutable: [{ table: 'audit_events', role: 'caracalaudit', may: ['UPDATE'] }] }, 'fail', /^caracalaudit may UPDATE audit_events$/],
    ['a partition', { mutable: [{ table: 'audit_events_y2026m08', role: 'caracalapi', may: ['DELETE', 'TRUNCATE'] }] }, 'fail', /^caracalapi may DELETE, TRUNCATE audit_events_y2026m08$/],
    ['everybody', { mutable: [{ table: 'admin_audit_events', role: 'PUBLIC', may: ['DELETE'] }] }, 'fail', /^PUBLIC may DELETE/],
    ['drops months', { functions: healthy.functions.map((each) => ({ ...each, callers: ['caracalaudit', 'caracalapi'] })) }, 'fail', /^caracalapi may call audit_partition_drop\(text\)$/],
    ['a role of the user', { mutable: [{ table: 'audit_events', role: 'cleaner', may: ['DELETE'] }] }, 'warn', /^cleaner may DELETE audit_events$/],
    ['another database', foreignDatabase, 'unknown', /^nothing to look at/],
  ]);
  const trigger = (change: Partial<Catalogue['triggers'][number]>): Change => ({ triggers: healthy.triggers.map((each, index) => (index === 0 ? { ...each, ...change } : each)) });
  catalogueTable('CRC-STO-011', [
    ['as shipped', {}, 'pass', /^2 of 2 triggers on$/],
    ['missing', { triggers: healthy.triggers.slice(1) }, 'fail', /^policy_versions_immutable is missing$/],
    ['disabled', trigger({ enabled: 'D' }), 'fail', /^policy_versions_immutable is disabled$/],
    ['for replicas', trigger({ enabled: 'R' }), 'fail', /^policy_versions_immutable fires on replicas only$/],
    ['always', trigger({ enabled: 'A' }), 'pass', /^2 of 2/],
    ['for updates only', trigger({ complete: false }), 'fail', /does not cover update and delete/],
    ['a function that lets all through', trigger({ raises: false }), 'fail', /^policy_versions_immutable refuses nothing$/],
    ['no trigger fires', { overrides: [override('session_replication_role', 'replica', 'caracalapi')] }, 'fail', /^session_replication_role is replica for caracalapi/],
    ['another database', foreignDatabase, 'unknown', /^nothing to look at/],
  ]);
  const seenBy = (change: Partial<Catalogue['visibility']>): Change => ({ visibility: { ...healthy.visibility, user: 'observer', bound: 28, ...change } });
  catalogueTable('CRC-STO-044', [
    ['a superuser', {}, 'pass', /^all rows, as caracal$/],
    ['bound, with the setting', seenBy({}), 'pass', /^all zones, as observer$/],
    ['the setting was lost', seenBy({ zone: null }), 'unknown', /^rows hidden: caracal\.zone_id is empty$/],
    ['the setting is empty', seenBy({ zone: '' }), 'unknown', /^rows hidden: caracal\.zone_id is empty$/],
    ['one zone', seenBy({ zone: 'z1' }), 'unknown', /^rows hidden: caracal\.zone_id is one zone$/],
    ['refused instead of filtered', seenBy({ rowSecurity: 'off' }), 'unknown', /^refused: row_security is off for observer$/],
    ['no policy', seenBy({ hidden: ['secrets'] }), 'unknown', /^rows hidden from observer: secrets$/],
    ['some tables closed is no hidden row', seenBy({ unreadable: ['secrets'] }), 'pass', /^all zones/],
    ['another database', foreignDatabase, 'unknown', /^nothing to look at/],
  ]);
});

describe('Postgres: partitions of the audit events', () => {
  const [rest, ...months] = healthy.partitions;
  const only = (...numbers: readonly number[]): Change => ({ partitions: [rest, ...months.filter((_, index) => numbers.includes(index))].filter((each) => each !== undefined) });
  const shifted = (hours: number): Change => ({ partitions: healthy.partitions.map((each) => (each.rest ? each : { ...each, from: new Date(Date.parse(each.from ?? '') + hours * 3_600_000).toISOString(), to: new Date(Date.parse(each.to ?? '') + hours * 3_600_000).toISOString() })) });
  catalogueTable('CRC-STO-013', [
    ['the window', {}, 'pass', /^4 months, until 2026-12-01$/],
    ['no month for now', only(1, 2, 3), 'fail', /^no partition for now, 2026-08$/],
    ['detached', { ...only(1, 2, 3), detached: ['audit_events_y2026m08'] }, 'fail', /^no partition for now, 2026-08: it is detached$/],
    ['none at all', only(), 'fail', /^no partition for now/],
    ['no next month', only(0, 2, 3), 'warn', /^no partition from 2026-09-01 on, next from 2026-10-01$/],
    ['only now', only(0), 'warn', /^no partition from 2026-09-01 on$/],
    ['the window was not extended', only(0, 1, 2), 'warn', /^window ends 2026-11-01, short of 3 months ahead$/],
    ['the month is a day old, Audit extends it within hours', { ...only(0, 1, 2), now: '2026-08-01T20:00:00.000Z' }, 'pass', /^3 months/],
    ['old months were dropped or kept', { partitions: [...healthy.partitions, { name: 'audit_events_y2026m05', from: '2026-05-01T00:00:00.000Z', to: '2026-06-01T00:00:00.000Z', rest: false }] }, 'pass', /^5 months, until 2026-12-01$/],
    ['made in New York', shifted(4), 'pass', /^4 months, until 2026-12-01$/],
    ['made in Auckland', shifted(-12), 'pass', /^4 months, until 2026-11-30$/],
    ['made in two time zones, with a gap', { partitions: [...healthy.partitions.slice(0, 2), ...(shifted(4).partitions ?? []).slice(2)] }, 'warn', /^no partition from 2026-09-01 on, next from 2026-09-01$/],
    ['without end', { partitions: [{ name: 'all', from: '2026-01-01T00:00:00.000Z', to: null, rest: false }] }, 'pass', /^1 month, without end$/],
    ['locked', { locked: ['audit_events_y2026m09'] }, 'unknown', /^audit_events_y2026m09 is locked$/],
    ['bounds of another kind', { partitions: [{ name: 'x', from: null, to: null, rest: false }] }, 'unknown', /^bounds of another kind$/],
    ['no table', { tables: without(healthy.tables, 'audit_events') }, 'unknown', /^no table audit_events here$/],
    ['another database', foreignDatabase, 'unknown', /^nothing to look at/],
  ]);
  const rows = (count: number, more = false): Record<string, Outcome> => ({ 'postgres.defaultRows/Postgres': answer({ rows: count, more, oldest: count === 0 ? null : '2028-01-02T00:00:00Z', newest: count === 0 ? null : '2028-03-04T00:00:00Z' }) });
  catalogueTable('CRC-STO-014', [
    ['no bytes', {}, 'pass', /^empty$/],
    ['no default partition', { partitions: healthy.partitions.slice(1), defaultBytes: null }, 'fail', /^missing$/],
    ['locked', { locked: ['audit_events_default'], defaultBytes: null }, 'unknown', /^audit_events_default is locked$/],
    ['no table', { tables: without(healthy.tables, 'audit_events') }, 'unknown', /^no table audit_events here$/],
    ['another database', foreignDatabase, 'unknown', /^nothing to look at/],
  ]);
  catalogueTable('CRC-STO-014', [['only bytes', { defaultBytes: 8_192 }, 'pass', /^empty$/]], rows(0));
  catalogueTable('CRC-STO-014', [['rows', { defaultBytes: 8_192 }, 'warn', /^3 rows, dated 2028-01-02 to 2028-03-04$/]], rows(3));
  catalogueTable('CRC-STO-014', [['many rows', { defaultBytes: 8_192 }, 'warn', /^more than 1,000 rows, dated/]], rows(1_001, true));
  catalogueTable('CRC-STO-014', [['bytes, and rows that may not be read', { defaultBytes: 8_192 }, 'unknown', /^no permission/]], { 'postgres.defaultRows/Postgres': refused('42501', 'permission denied for table audit_events') });

  it('bounds are read as the moments that they are', () => {
    assert.deepEqual(boundsOf("FOR VALUES FROM ('2026-11-01 04:00:00+00') TO ('2026-12-01 05:00:00+00')"), { from: '2026-11-01T04:00:00.000Z', to: '2026-12-01T05:00:00.000Z', rest: false });
    assert.deepEqual(boundsOf("FOR VALUES FROM (MINVALUE) TO ('2026-12-01 05:00:00+00')"), { from: null, to: '2026-12-01T05:00:00.000Z', rest: false });
    assert.deepEqual(boundsOf('DEFAULT'), { from: null, to: null, rest: true });
  });

  it('what only the default partition takes is told by conditions that leave all others alone', () => {
    const [a, b, c] = ['2026-08-01T00:00:00.000Z', '2026-09-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z'] as const;
    assert.deepEqual(outside([]), { condition: 'true', times: [] });
    assert.deepEqual(outside([{ from: a, to: b }]), { condition: '(occurred_at < $1::timestamptz) OR (occurred_at >= $2::timestamptz)', times: [a, b] });
    assert.deepEqual(outside([{ from: b, to: c }, { from: a, to: b }]), { condition: '(occurred_at < $1::timestamptz) OR (occurred_at >= $2::timestamptz)', times: [a, c] });
    assert.deepEqual(outside([{ from: null, to: a }, { from: b, to: null }]), { condition: '(occurred_at >= $1::timestamptz AND occurred_at < $2::timestamptz)', times: [a, b] });
    assert.deepEqual(outside([{ from: null, to: null }]), { condition: 'false', times: [] });
  });
});

describe('Postgres: the server', () => {
  const connected = { 'postgres.activity/Postgres': answer(quiet) };
  const unconnected = { 'postgres.activity/Postgres': answer({ ...quiet, byRole: [{ role: 'me', sessions: 1, limit: -1 }] }) };
  catalogueTable('CRC-STO-019', [
    ['takes writes', {}, 'pass', /^takes writes$/],
    ['services are connected to a standby', { recovering: true }, 'fail', /^a standby, to which caracalapi is connected$/],
    ['the server', set('default_transaction_read_only', 'on'), 'fail', /^read-only for every service, by the server$/],
    ['the database', { overrides: [override('default_transaction_read_only', 'on', null, 'caracal')] }, 'fail', /^read-only for every service, by ALTER DATABASE caracal SET$/],
    ['a role', { overrides: [override('default_transaction_read_only', 'on', 'caracalaudit')] }, 'fail', /^read-only for caracalaudit, by ALTER ROLE caracalaudit SET$/],
    ['the role goes before the database', { overrides: [override('default_transaction_read_only', 'on', null, 'caracal'), ...serviceRoles.map((role) => override('default_transaction_read_only', 'off', role))] }, 'pass', /^takes writes$/],
    ['the Gateway only reads', { overrides: [override('default_transaction_read_only', 'on', 'caracalgateway')] }, 'pass', /^takes writes$/],
    ['our own role is read-only', set('default_transaction_read_only', 'on', false), 'pass', /^takes writes$/],
  ], connected);
  catalogueTable('CRC-STO-019', [['a standby that only we look at', { recovering: true }, 'unknown', /^a standby: give the address of the primary$/]], unconnected);
  catalogueTable('CRC-STO-041', [
    ['sound', {}, 'pass', /^commits are flushed, checksums on$/],
    ['no flush', set('fsync', 'off'), 'fail', /^fsync is off$/],
    ['no wait for the flush', set('synchronous_commit', 'off'), 'warn', /^synchronous_commit is off for every service, by the server$/],
    ['no wait for the flush, for one role', { overrides: [override('synchronous_commit', 'off', 'caracalaudit')] }, 'warn', /^synchronous_commit is off for caracalaudit, by ALTER ROLE caracalaudit SET$/],
    ['our own session does not wait', set('synchronous_commit', 'off', false), 'pass', /^commits are flushed/],
    ['local is a flush', set('synchronous_commit', 'local'), 'pass', /^commits are flushed/],
    ['torn pages', set('full_page_writes', 'off'), 'warn', /^full_page_writes is off$/],
    ['no vacuum', set('autovacuum', 'off'), 'warn', /^autovacuum is off$/],
    ['damaged pages are zeroed', set('zero_damaged_pages', 'on'), 'fail', /^zero_damaged_pages is on$/],
    ['a damaged page', { checksumFailures: { count: 2, last: '2026-08-20T08:00:00.000Z' } }, 'fail', /^damaged page read 2 h ago$/],
    ['a damaged page last year', { checksumFailures: { count: 2, last: '2025-08-20T08:00:00.000Z' } }, 'pass', /^commits are flushed/],
    ['reads are refused', { overrides: [override('row_security', 'off', 'caracalapi')] }, 'fail', /^row_security is off for caracalapi/],
    ['tables are not found', { overrides: [override('search_path', 'app', null, 'caracal')] }, 'fail', /^search_path is app for every service, by ALTER DATABASE caracal SET$/],
    ['public is among others', { overrides: [override('search_path', 'app, public', null, 'caracal')] }, 'pass', /^commits/],
    ['without checksums', set('data_checksums', 'off'), 'pass', /^commits are flushed, checksums off$/],
  ]);
  const aged = (transactions: number, multixacts = 0): Change => ({ frozen: [{ database: 'caracal', transactions, multixacts }] });
  catalogueTable('CRC-STO-042', [
    ['young', {}, 'pass', /^120,000,000 ids since the oldest row was frozen, of 2,147,483,647$/],
    ['old', aged(1_100_000_000), 'warn', /^1,100,000,000 ids/],
    ['old multixacts', aged(5, 1_100_000_000), 'warn', /^1,100,000,000 ids/],
    ['as late as it was told to be', { ...aged(1_100_000_000), ...set('autovacuum_freeze_max_age', '1000000000') }, 'pass', /^1,100,000,000 ids/],
    ['nearly over', aged(2_010_000_000), 'fail', /near the end$/],
    ['no database', { frozen: [] }, 'unknown', /^no database is listed$/],
  ]);
});

describe('Postgres: sessions', () => {
  const session = (change: Partial<Session> = {}): Session => ({ pid: 7, role: 'caracalapi', application: 'api-1:7', state: 'active', transactionMs: 100, stateMs: 100, ...change });
  const wait = (change: Partial<Wait> = {}): Wait => ({ pid: 9, role: 'caracalaudit', waitedMs: 12_000, type: 'advisory', relation: null, key: '123', mode: 'ExclusiveLock', blockers: [session({ state: 'idle in transaction', stateMs: 40_000 })], ...change });
  const at = (change: Partial<Activity>): Outcome => answer({ ...quiet, ...change });
  const asked = 'postgres.activity/Postgres';

  table('CRC-STO-015', asked, [
    ['few', at({}), 'pass', /^14 of 97, 14 %$/],
    ['three quarters', at({ sessions: 73 }), 'warn', /^73 of 97, 75 %$/],
    ['nine tenths', at({ sessions: 88 }), 'fail', /^88 of 97, 91 %$/],
    ['reserved ones do not count', at({ sessions: 70, reserved: 13 }), 'warn', /^70 of 87, 80 %$/],
    ['a role at its limit', at({ byRole: [{ role: 'caracalapi', sessions: 8, limit: 8 }] }), 'fail', /^caracalapi at its limit of 8$/],
    ['our role at its limit', at({ byRole: [{ role: 'caracal_observer', sessions: 3, limit: 3 }] }), 'pass', /^14 of 97/],
    ['the database at its limit', at({ databaseLimit: 12 }), 'fail', /^the database at its limit of 12$/],
    ['no answer', timeout(6_000), 'unknown', /^no answer/],
  ]);
  const open = (change: Partial<Session>, blocks = 0): Outcome => at({ transactions: [{ ...session(change), blocks }] });
  table('CRC-STO-016', asked, [
    ['none', at({}), 'pass', /^none open for longer than 1 s$/],
    ['short', open({ transactionMs: 3_000 }), 'pass', /^longest 3 s$/],
    ['left idle', open({ state: 'idle in transaction', transactionMs: 40_000, stateMs: 31_000 }), 'warn', /^caracalapi idle in a transaction for 31 s$/],
    ['left idle after an error', open({ state: 'idle in transaction (aborted)', transactionMs: 40_000, stateMs: 31_000 }), 'warn', /^caracalapi idle/],
    ['idle between statements', open({ state: 'idle in transaction', transactionMs: 40_000, stateMs: 20 }), 'pass', /^longest 40 s$/],
    ['left idle, and others wait', open({ state: 'idle in transaction', transactionMs: 40_000, stateMs: 31_000 }, 2), 'fail', /^caracalapi idle in a transaction for 31 s, blocks 2$/],
    ['idle for a moment, and others wait', open({ state: 'idle in transaction', transactionMs: 5_000, stateMs: 5_000 }, 2), 'pass', /^longest 5 s$/],
    ['active for long', open({ transactionMs: 360_000, stateMs: 360_000 }), 'warn', /^caracalapi in a transaction for 6 min$/],
    ['Audit sweeps all its events', open({ role: 'caracalaudit', transactionMs: 360_000, stateMs: 360_000 }), 'pass', /^longest 6 min$/],
    ['Audit does not', open({ role: 'caracalaudit', state: 'idle in transaction', transactionMs: 360_000, stateMs: 20 }), 'warn', /^caracalaudit in a transaction for 6 min$/],
    ['a backup', open({ application: 'pg_dump', state: 'idle in transaction', transactionMs: 3_600_000, stateMs: 3_600_000 }), 'pass', /^none open/],
    ['prepared', at({ prepared: { count: 1, oldestMs: 400_000 } }), 'warn', /^1 prepared transaction, oldest 7 min$/],
    ['prepared a moment ago', at({ prepared: { count: 1, oldestMs: 4_000 } }), 'pass', /^none/],
    ['hidden', at({ seesAll: false }), 'unknown', /^no permission: pg_monitor shows how long/],
    ['hidden, but our own role is seen', answer({ ...quiet, seesAll: false, transactions: [{ ...session({ state: 'idle in transaction', stateMs: 60_000 }), blocks: 1 }] }), 'fail', /blocks 1$/],
    ['not recorded', at({ tracked: false }), 'unknown', /^track_activities is off$/],
  ]);
  table('CRC-STO-017', asked, [
    ['none', at({}), 'pass', /^none$/],
    ['short', at({ waits: [wait({ waitedMs: 300 })] }), 'pass', /^longest 300 ms$/],
    ['a table', at({ waits: [wait({ type: 'relation', relation: 'sessions', key: null, waitedMs: 3_000 })] }), 'warn', /^caracalaudit waits 3 s for table sessions$/],
    ['a row', at({ waits: [wait({ type: 'transactionid', key: null })] }), 'fail', /^caracalaudit waits 12 s for a row that another transaction changes$/],
    ['a lock that is known', at({ waits: [wait({ key: '1458943242' })] }), 'fail', /^caracalaudit waits 12 s for retention cleaner$/],
    ['several', at({ waits: [wait({ type: 'relation', relation: 'zones', key: null }), wait({ type: 'transactionid', key: null, waitedMs: 1_000 })] }), 'fail', /^caracalaudit waits 12 s for table zones and 1 more$/],
    ['for the migrations, which is told elsewhere', at({ waits: [wait({ key: migrationLock })] }), 'pass', /^none$/],
    ['held by one that is not seen', at({ waits: [wait({ key: '1458943242', blockers: [] })] }), 'fail', /^caracalaudit waits/],
  ]);
  for (const [name, names, summary] of [
    ['the audit chain of a zone', [{ key: '123', kind: 'audit chain of zone', of: 'z1' }], /^caracalaudit waits 12 s for audit chain of zone z1$/],
    ['a lock of nobody we know', [], /^caracalaudit waits 12 s for advisory lock 123$/],
  ] as const) {
    it(`CRC-STO-017: ${name}`, async () => {
      const verdict = await judge('CRC-STO-017', { [asked]: at({ waits: [wait()] }), 'postgres.lockNames/Postgres': answer({ names }) });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, 'fail');
      assert.match(verdict.reasoning, /held by caracalapi, pid 7, api-1:7, idle in transaction for 40 s/);
    });
  }
  it('CRC-STO-017: a lock without a name, where names may not be read', async () => {
    const verdict = await judge('CRC-STO-017', { [asked]: at({ waits: [wait()] }), 'postgres.lockNames/Postgres': refused('42501') });
    assert.match(verdict.summary, /^caracalaudit waits 12 s for advisory lock 123$/);
  });
  const held = { key: migrationLock, pid: 3, role: 'caracal', heldMs: 90_000 };
  table('CRC-STO-018', asked, [
    ['nobody', at({}), 'pass', /^not running$/],
    ['leaders of Audit', at({ advisory: [{ ...held, key: '4846245113962180657' }] }), 'pass', /^not running$/],
    ['running', at({ advisory: [held] }), 'warn', /^running: held by caracal, pid 3, for 2 min$/],
    ['running, seen without pg_monitor', at({ seesAll: false, advisory: [{ ...held, heldMs: null }] }), 'warn', /^running: held by caracal, pid 3$/],
    ['a second one came just now', at({ advisory: [held], waits: [wait({ key: migrationLock, waitedMs: 500 })] }), 'warn', /^running/],
    ['a second one waits', at({ advisory: [held], waits: [wait({ key: migrationLock, waitedMs: 5_000 })] }), 'fail', /^waits 5 s for the lock, held by caracal, pid 3, for 2 min$/],
  ]);
  const replica = { name: 'standby1', state: 'streaming', sync: 'async', lagBytes: 1_000, lagMs: 3 };
  const slot = { name: 'standby1', active: true, status: 'reserved', retainedBytes: 1_000, inactiveMs: null };
  const replicated = (change: Partial<Activity['replication']>, seesAll = true): Outcome => at({ seesAll, replication: { ...quiet.replication, ...change } });
  table('CRC-STO-040', asked, [
    ['none', at({}), 'not-applicable', /^no standby and no slot$/],
    ['a standby itself', replicated({ recovering: true, replicas: [replica] }), 'not-applicable', /^a standby itself$/],
    ['one that follows', replicated({ replicas: [replica], slots: [slot] }), 'pass', /^1 standby, 1 slot$/],
    ['far behind', replicated({ replicas: [{ ...replica, lagMs: 120_000, lagBytes: 100_000_000 }] }), 'warn', /^standby1 2 min behind$/],
    ['late with little', replicated({ replicas: [{ ...replica, lagMs: 120_000, lagBytes: 1_000 }] }), 'pass', /^1 standby/],
    ['a slot nobody reads', replicated({ slots: [{ ...slot, active: false, inactiveMs: 60_000, retainedBytes: 31 * 1_048_576 }] }), 'warn', /^slot standby1 unused, keeps 31 MB$/],
    ['a reader that just left', replicated({ slots: [{ ...slot, active: false, inactiveMs: 2_000 }] }), 'pass', /^0 standbys, 1 slot$/],
    ['a slot on a server that does not tell since when', replicated({ slots: [{ ...slot, active: false }] }), 'warn', /^slot standby1 unused/],
    ['a slot that lost its log', replicated({ slots: [{ ...slot, active: false, status: 'lost', inactiveMs: 1 }] }), 'warn', /^slot standby1 lost what it needs$/],
    ['commits wait for nobody', replicated({ synchronous: 'standby1' }), 'fail', /^commits wait for a standby, none follows$/],
    ['commits wait for one that follows', replicated({ synchronous: 'standby1', replicas: [{ ...replica, sync: 'sync' }] }), 'pass', /^1 standby/],
    ['commits need not wait', replicated({ synchronous: 'standby1', commit: 'local' }), 'not-applicable', /^no standby/],
    ['hidden', replicated({ replicas: [{ ...replica, state: null, sync: null, lagBytes: null, lagMs: null }] }, false), 'unknown', /^no permission: pg_monitor shows how far/],
  ]);
  const pool = { role: 'caracalgateway', sessions: 20, idle: 0, busy: 20, leastBusyMs: 4_000 };
  table('CRC-STO-043', asked, [
    ['one busy', at({}), 'pass', /^8 connections, 1 busy$/],
    ['all busy', at({ pools: [pool] }), 'warn', /^caracalgateway: all 20 connections of a client busy$/],
    ['all busy for a moment', at({ pools: [{ ...pool, leastBusyMs: 5 }] }), 'pass', /^20 connections, 20 busy$/],
    ['one idle', at({ pools: [{ ...pool, idle: 1, busy: 19 }] }), 'pass', /^20 connections, 19 busy$/],
    ['a small pool', at({ pools: [{ ...pool, sessions: 5, busy: 5 }] }), 'pass', /^5 connections/],
    ['two replicas', at({ pools: [{ ...pool, sessions: 15, busy: 15 }, { ...pool, sessions: 15, busy: 15 }] }), 'pass', /^30 connections/],
    ['services connect as the owner', at({ pools: [] }), 'not-applicable', /^no session of a service role$/],
    ['hidden', at({ seesAll: false, pools: [{ ...pool, idle: 0, busy: 0, leastBusyMs: null }] }), 'unknown', /^no permission: pg_monitor shows which/],
    ['not recorded', at({ tracked: false }), 'unknown', /^track_activities is off$/],
  ]);
});
