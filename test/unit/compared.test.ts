import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../scripts/lib/paths.ts';
import { checks } from '../../src/flow/catalogue.ts';

/** Rows of Caracal's own tools: request-evidence.md 14, readiness.md 1.2, storage-and-streams.md 1.4, 1.5 and 6.4. */
const rows: Readonly<Record<string, readonly string[]>> = {
  'Console Diagnostics': [
    'health: admin config', 'health: api health', 'health: clock skew', 'health: admin auth',
    'readiness: service config', 'readiness: service readiness', 'readiness: sts metrics', 'readiness: gateway metrics', 'readiness: audit metrics',
    'readiness: coordinator metrics', 'readiness: metrics without a bearer',
    'zones: zone lookup', 'zones: zone resources', 'zones: zone policy sets', 'zones: zone audit query', 'zones: zone inventory',
    'preflight: CARACAL_MODE', 'preflight: SECRET_STORE_KEK', 'preflight: AUDIT_HMAC_KEY', 'preflight: STREAMS_HMAC_KEY', 'preflight: GATEWAY_STS_HMAC_KEY',
    'preflight: TLS files', 'preflight: TLS cert', 'preflight: TLS key', 'preflight: Postgres', 'preflight: Redis',
  ],
  '`caracal status --ready`': ['api', 'sts', 'gateway', 'audit', 'coordinator'],
  'validateMigrations.sh': ['forward only', 'released set frozen', 'at most one open migration', 'unique prefixes', 'expand-only', 'apply', 'idempotent', 'concurrent', 'schema'],
  'verify.sh of Postgres': [
    'tables exist', 'retention index and privilege', 'lease fencing', 'operator_message_runs of 0003', 'retired tables', 'append-only', 'immutability',
    'row-level security', 'lineage', 'partitions',
  ],
  'docker compose ps': ['NAME', 'IMAGE', 'SERVICE', 'CREATED', 'STATUS', 'PORTS'],
  'kubectl get pods,svc,jobs -o wide': [
    'pods NAME', 'pods READY', 'pods STATUS', 'pods RESTARTS', 'pods AGE', 'pods IP', 'pods NODE',
    'services NAME', 'services TYPE', 'services CLUSTER-IP', 'services PORT(S)', 'services SELECTOR', 'jobs COMPLETIONS', 'jobs DURATION',
  ],
  'kubectl describe pod': [
    'Node', 'Status', 'Controlled By', 'Image, Image ID', 'State, Reason', 'Last State, Exit Code', 'Ready, Restart Count', 'Limits',
    'Liveness, Readiness, Startup', 'Mounts, Volumes', 'Conditions', 'Events',
  ],
  'verify.sh of Redis': ['password', 'streams exist', 'consumer groups exist', 're-run of the provisioner'],
};

describe("Caracal's own tools beside the checks", () => {
  const known = new Set(checks.map(({ id }) => id));

  for (const [section, names] of Object.entries(rows)) {
    it(`${section}: every row has a check that exists`, async () => {
      const text = await readFile(join(root, 'docs', 'compared.md'), 'utf8');
      const [, part = ''] = text.split(`\n## ${section}\n`);
      const [body = ''] = part.split('\n## ');
      const cells = body.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---') && !line.startsWith('| row |'));
      const table = new Map(cells.map((line) => {
        const [, name = '', ours = ''] = line.split('|').map((cell) => cell.trim());
        return [name, ours.split(', ')] as const;
      }));
      assert.deepEqual([...table.keys()], names);
      for (const [name, ours] of table) for (const id of ours) assert.ok(known.has(id), `${name}: ${id} does not exist`);
    });
  }
});
