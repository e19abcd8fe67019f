import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { advisoryLocks } from '../../src/caracal/advisoryLocks.ts';
import { observerRoleName, observerRoleSql } from '../../src/caracal/observerRole.ts';
import { serviceRoles } from '../../src/caracal/roles.ts';
import { tableNames } from '../../src/caracal/tables.ts';
import type { Verdict } from '../../src/model/check.ts';
import { eventually } from '../lab/eventually.ts';
import { becomeJulyBaseline, migrate } from '../lab/stores/migrate.ts';
import { POSTGRES_SUPERUSER, type PostgresHandle, startPostgres } from '../lab/stores/postgres.ts';
import { createScratchFolder } from '../lab/stores/scratch.ts';
import { seed, type Seeded } from '../lab/stores/seed.ts';
import { explained, notPassed, runFlowOn } from '../lab/runFlow.ts';

const ownerPassword = 'owner';
const password = 'of-a-test';

describe('Postgres as each role sees it', function () {
  this.timeout(60_000);
  let directory: string;
  let postgres: PostgresHandle;
  let seeded: Seeded;

  before(async () => {
    directory = await createScratchFolder('storage-postgres-');
    postgres = await startPostgres({ directory: join(directory, 'postgres'), superuserPassword: ownerPassword });
    await asOwner(async (owner) => {
      await migrate(owner, { passwords: Object.fromEntries(serviceRoles.map((role) => [role, password])) });
      seeded = await seed(owner, { adminToken: 'an admin token of a test, 32 bytes' });
      // Twice, as people do.
      for (let run = 0; run < 2; run += 1) await owner.query(observerRoleSql());
      await owner.query(`ALTER ROLE ${observerRoleName} PASSWORD '${password}'`);
    });
  });

  after(() => postgres.close());

  async function as<Result>(role: string, secret: string, work: (client: Client) => Promise<Result>): Promise<Result> {
    const client = new Client({ connectionString: postgres.dsn(role, secret) });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  function asOwner<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
    return as(POSTGRES_SUPERUSER, ownerPassword, work);
  }

  /** The verdicts of every check of Postgres, with nothing but its address in the target. */
  async function seenBy(role: string, secret = password, database = 'caracal'): Promise<readonly Verdict[]> {
    const address = new URL(postgres.dsn(role, secret));
    address.pathname = database;
    const file = join(directory, 'target.json');
    await writeFile(file, JSON.stringify({ kind: 'endpoints', name: role, services: {}, postgres: address.href }));
    const { verdicts } = await runFlowOn(file, { selection: { step: 'storage', component: 'Postgres' } });
    return verdicts;
  }

  async function shows(role: string, wanted: Readonly<Record<string, string>>, secret = password, database = 'caracal'): Promise<readonly Verdict[]> {
    const verdicts = await seenBy(role, secret, database);
    assert.deepEqual(notPassed(verdicts), wanted, explained(verdicts));
    return verdicts;
  }

  const summaryOf = (verdicts: readonly Verdict[], id: string): string => verdicts.find(({ check }) => check === id)?.summary ?? '';

  it('everything passes for a superuser', () => shows(POSTGRES_SUPERUSER, {}, ownerPassword));

  it('the role of the debugger sees all that it should, and what others do only as a monitor', async () => {
    await as('caracalapi', password, async () => {
      const verdicts = await shows(observerRoleName, { 'CRC-STO-016': 'unknown', 'CRC-STO-043': 'unknown' });
      assert.match(summaryOf(verdicts, 'CRC-STO-016'), /^no permission: pg_monitor/);
      assert.match(summaryOf(verdicts, 'CRC-STO-043'), /^no permission: pg_monitor/);
      assert.equal(summaryOf(verdicts, 'CRC-STO-044'), `all zones, as ${observerRoleName}`);
      await asOwner((owner) => owner.query(`GRANT pg_monitor TO ${observerRoleName}`));
      await shows(observerRoleName, {});
      await asOwner((owner) => owner.query(`REVOKE pg_monitor FROM ${observerRoleName}`));
    });
  });

  it('the role of the debugger writes nothing, even when its transactions are not read-only', async () => {
    await as(observerRoleName, password, async (client) => {
      await client.query('SET default_transaction_read_only = off');
      await client.query("SET caracal.zone_id = '*'");
      for (const table of [...tableNames, 'schema_migrations', 'audit_events_default']) {
        await assert.rejects(client.query(`INSERT INTO ${table} DEFAULT VALUES`), { code: '42501' }, table);
        await assert.rejects(client.query(`DELETE FROM ${table}`), { code: '42501' }, table);
        await assert.rejects(client.query(`TRUNCATE ${table}`), { code: '42501' }, table);
        const { rows } = await client.query<{ may: boolean }>(`SELECT has_any_column_privilege('public.${table}', 'UPDATE') AS may`);
        assert.deepEqual(rows, [{ may: false }], table);
      }
      await assert.rejects(client.query('CREATE TABLE mine ()'), { code: '42501' });
      await assert.rejects(client.query("SELECT public.audit_partition_drop('audit_events_y2020m01')"), { code: '42501' });
    });
  });

  it('the role of the debugger reads no secret and no payload', async () => {
    await as(observerRoleName, password, async (client) => {
      for (const column of ['admin_tokens.token_hash', 'secrets.envelope', 'event_outbox.payload_json', 'applications.client_secret_hash', 'notification_sinks.url']) {
        const [table, name] = column.split('.');
        await assert.rejects(client.query(`SELECT ${name ?? ''} FROM ${table ?? ''}`), { code: '42501' }, column);
      }
      assert.equal((await client.query('SELECT id, status FROM sessions')).rowCount !== 0, true);
      assert.equal((await client.query('SELECT content FROM policy_versions')).rowCount !== 0, true);
    });
  });

  it('roles of services see the catalogue as well, and their limits are told', async () => {
    await shows('caracalapi', { 'CRC-STO-004': 'unknown', 'CRC-STO-016': 'unknown', 'CRC-STO-043': 'unknown' });
    await shows('caracalgateway', { 'CRC-STO-004': 'unknown', 'CRC-STO-016': 'unknown', 'CRC-STO-043': 'unknown' });
  });

  it('a database without Caracal is told from a broken one', async () => {
    const nothing = ['005', '008', '009', '010', '011', '012', '013', '014', '044'].map((number) => [`CRC-STO-${number}`, 'unknown'] as const);
    await shows(POSTGRES_SUPERUSER, { ...Object.fromEntries(nothing), 'CRC-STO-004': 'fail', 'CRC-STO-006': 'fail' }, ownerPassword, 'postgres');
  });

  it('rows in the default partition are counted alike by those who may read it and those who may not', async () => {
    const row = "INSERT INTO audit_events (id, zone_id, event_type, occurred_at) VALUES ($1, 'unknown', 'control.invoke', now() + interval '2 years')";
    await asOwner((owner) => owner.query(row, ['misdated']));
    const bySuperuser = summaryOf(await seenBy(POSTGRES_SUPERUSER, ownerPassword), 'CRC-STO-014');
    assert.match(bySuperuser, /^1 row, dated \d{4}-\d{2}-\d{2}$/);
    assert.equal(summaryOf(await seenBy(observerRoleName), 'CRC-STO-014'), bySuperuser);
    await asOwner((owner) => owner.query("DELETE FROM audit_events WHERE id = 'misdated'"));
    assert.equal(summaryOf(await seenBy(observerRoleName), 'CRC-STO-014'), 'empty');
  });

  it('hidden rows are told before anything is called empty', async () => {
    await asOwner((owner) => owner.query('DROP POLICY zone_isolation ON secrets'));
    const verdicts = await shows(observerRoleName, { 'CRC-STO-009': 'fail', 'CRC-STO-016': 'unknown', 'CRC-STO-044': 'unknown' });
    assert.equal(summaryOf(verdicts, 'CRC-STO-044'), `rows hidden from ${observerRoleName}: secrets`);
    await asOwner((owner) => owner.query(`CREATE POLICY zone_isolation ON secrets USING (current_setting('caracal.zone_id', true) = '*' OR zone_id = current_setting('caracal.zone_id', true))
      WITH CHECK (current_setting('caracal.zone_id', true) = '*' OR zone_id = current_setting('caracal.zone_id', true))`));
    await asOwner((owner) => owner.query(`ALTER ROLE ${observerRoleName} SET row_security = off`));
    assert.equal(summaryOf(await seenBy(observerRoleName), 'CRC-STO-044'), `refused: row_security is off for ${observerRoleName}`);
    await asOwner((owner) => owner.query(`ALTER ROLE ${observerRoleName} RESET row_security`));
    await shows(observerRoleName, { 'CRC-STO-016': 'unknown' });
  });

  it('a session without the setting sees nothing, and a flow still sees all zones', async () => {
    await asOwner((owner) => owner.query(`ALTER ROLE ${observerRoleName} SET caracal.zone_id = ''`));
    await as(observerRoleName, password, async (client) => assert.equal((await client.query('SELECT id FROM sessions')).rowCount, 0));
    await shows(observerRoleName, { 'CRC-STO-016': 'unknown' });
    await asOwner((owner) => owner.query(observerRoleSql()));
  });

  it('a lock of a zone is called by its name, by the keys that the server makes', async () => {
    const zone = seeded.payments.id;
    await asOwner(async (holder) => {
      await holder.query('BEGIN');
      await holder.query('SELECT pg_advisory_xact_lock(hashtext($1))', [zone]);
      await as('caracalaudit', password, async (waiter) => {
        const waiting = waiter.query('SELECT pg_advisory_xact_lock(hashtext($1))', [zone]).catch(() => undefined);
        await eventually('it has waited for 2 s', async () => {
          const { rowCount } = await asOwner((owner) => owner.query("SELECT FROM pg_locks WHERE NOT granted AND waitstart < clock_timestamp() - interval '2 seconds'"));
          return rowCount === 1;
        });
        const verdicts = await seenBy(POSTGRES_SUPERUSER, ownerPassword);
        assert.match(summaryOf(verdicts, 'CRC-STO-017'), new RegExp(`^caracalaudit waits [\\d.]+ s for audit chain of zone ${zone}$`));
        await holder.query('ROLLBACK');
        await waiting;
      });
    });
    const hashed = ['admin-audit::global', 'coordinator:ttl_sweep', 'coordinator:service_lease_sweep', 'coordinator:invocation_deadline', 'coordinator:retention_cleanup'];
    const keys = await asOwner((owner) => owner.query<{ key: string }>('SELECT hashtext(text)::text AS key FROM unnest($1::text[]) AS text', [hashed]));
    for (const { key } of keys.rows) assert.ok(advisoryLocks[key], key);
  });

  it('the baseline of July is told from that of 1.0, whatever the history says', async () => {
    await asOwner(becomeJulyBaseline);
    const verdicts = await shows(POSTGRES_SUPERUSER, { 'CRC-STO-005': 'fail', 'CRC-STO-006': 'fail', 'CRC-STO-008': 'fail', 'CRC-STO-011': 'fail', 'CRC-STO-012': 'fail' }, ownerPassword);
    assert.equal(summaryOf(verdicts, 'CRC-STO-004'), '3 applied, none pending');
  });
});
