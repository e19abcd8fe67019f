import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { migrate } from '../lab/stores/migrate.ts';
import { POSTGRES_SUPERUSER, type PostgresHandle, startPostgres } from '../lab/stores/postgres.ts';
import { createScratchFolder } from '../lab/stores/scratch.ts';
import { renewServiceLeases, seed, type Seeded, SERVICE_LEASE_SECONDS } from '../lab/stores/seed.ts';

const ADMIN_TOKEN = 'lab-admin-token';

describe('lab: the seeded content is healthy', function () {
  this.timeout(60_000);
  let postgres: PostgresHandle;
  let client: Client;
  let seeded: Seeded;

  before(async () => {
    const directory = await createScratchFolder('lab-stores-seed-');
    postgres = await startPostgres({ directory, superuserPassword: 'owner' });
    client = new Client({ connectionString: postgres.dsn(POSTGRES_SUPERUSER, 'owner') });
    await client.connect();
    await migrate(client);
    seeded = await seed(client, { adminToken: ADMIN_TOKEN });
  });

  after(async () => {
    await client.end();
    await postgres.close();
  });

  it('has the zones Payments and Sandbox with ids of version 7', async () => {
    const { rows } = await client.query<{ id: string; name: string; slug: string }>('SELECT id, name, slug FROM zones ORDER BY slug');
    deepEqual(rows, [seeded.payments, seeded.sandbox].map(({ id, name, slug }) => ({ id, name, slug })));
    deepEqual(rows.map((row) => `${row.name}/${row.slug}`), ['Payments/payments', 'Sandbox/sandbox']);
    for (const { id } of rows) match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('knows the bootstrap admin token by its digest', async () => {
    const { rows } = await client.query('SELECT id, name, scope, zone_id, capability, created_by, token_sha256, revoked_at FROM admin_tokens');
    deepEqual(rows, [{
      id: seeded.adminTokenId, name: 'bootstrap', scope: 'global', zone_id: null, capability: 'write',
      created_by: 'env-bootstrap', token_sha256: createHash('sha256').update(ADMIN_TOKEN).digest(), revoked_at: null,
    }]);
  });

  it('has one active policy set version per zone, with right hashes', async () => {
    const versions = await client.query<{ content: string; content_sha256: string }>('SELECT content, content_sha256 FROM policy_versions');
    equal(versions.rowCount, 6);
    for (const { content, content_sha256: hash } of versions.rows) equal(sha256(content), hash);
    const { rows } = await client.query<{ zone_id: string; manifest_json: unknown; manifest_sha256: string }>(`
      SELECT b.zone_id, v.manifest_json, v.manifest_sha256
      FROM policy_set_bindings b JOIN policy_set_versions v ON v.id = b.active_version_id`);
    equal(rows.length, 2);
    for (const row of rows) equal(sha256(JSON.stringify(row.manifest_json)), row.manifest_sha256);
    equal(rows.find((row) => row.zone_id === seeded.payments.id)?.manifest_sha256, seeded.payments.manifestSha256);
  });

  const NOTHING_WRONG = {
    'dead or waiting rows of the API outbox': 'SELECT FROM event_outbox WHERE dispatched_at IS NULL',
    'dead or waiting rows of the Coordinator outbox': "SELECT FROM caracal_outbox WHERE status <> 'published'",
    'unsettled webhook deliveries': 'SELECT FROM notification_deliveries WHERE delivered_at IS NULL',
    'rows in the default partition': 'SELECT FROM audit_events_default',
    'ingest alerts': 'SELECT FROM audit_ingest_alerts',
    'expired task sessions': `
      SELECT FROM sessions WHERE status IN ('active', 'suspended') AND lifecycle = 'task'
        AND started_at + make_interval(secs => ttl_seconds) <= now()`,
    'lost service leases': "SELECT FROM sessions WHERE status = 'active' AND lifecycle = 'service' AND heartbeat_deadline_at <= now()",
    'expired authority records': "SELECT FROM authority_records WHERE status = 'active' AND expires_at <= now()",
    'expired delegations': "SELECT FROM delegation_edges WHERE status = 'active' AND expires_at <= now()",
    'zones without an active policy': `
      SELECT FROM zones z WHERE NOT EXISTS (
        SELECT FROM policy_set_bindings b WHERE b.zone_id = z.id AND b.active_version_id IS NOT NULL)`,
  };
  for (const [what, sql] of Object.entries(NOTHING_WRONG)) {
    it(`has no ${what}`, async () => {
      equal((await client.query(sql)).rowCount, 0);
    });
  }

  it('has live sessions of both kinds and live delegations in both zones', async () => {
    const { rows } = await client.query<{ slug: string; tasks: number; services: number; edges: number }>(`
      SELECT slug,
        (SELECT count(*)::int FROM sessions s WHERE s.zone_id = z.id AND status = 'active' AND lifecycle = 'task') AS tasks,
        (SELECT count(*)::int FROM sessions s WHERE s.zone_id = z.id AND status = 'active' AND lifecycle = 'service') AS services,
        (SELECT count(*)::int FROM delegation_edges e WHERE e.zone_id = z.id AND status = 'active') AS edges
      FROM zones z ORDER BY slug`);
    deepEqual(rows, [
      { slug: 'payments', tasks: 3, services: 1, edges: 2 },
      { slug: 'sandbox', tasks: 1, services: 1, edges: 1 },
    ]);
  });

  it('renews the leases of services', async () => {
    await client.query("UPDATE sessions SET heartbeat_deadline_at = now() WHERE lifecycle = 'service'");
    await renewServiceLeases(client);
    const { rows } = await client.query<{ lease: number }>(`
      SELECT extract(epoch FROM heartbeat_deadline_at - last_heartbeat_at)::int AS lease FROM sessions WHERE lifecycle = 'service'`);
    ok(rows.length > 0 && rows.every((row) => row.lease === SERVICE_LEASE_SECONDS));
  });

  it('is seeded once', async () => {
    await rejects(seed(client, { adminToken: ADMIN_TOKEN }), { code: '23505' });
    equal((await client.query('SELECT FROM zones')).rowCount, 2);
  });
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
