import { deepEqual, doesNotMatch, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { helmRevisionSchema } from '../../src/model/kubernetes.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { decodeRelease, maskValues, mergeValues, revisionFacts, valuesTexts } from '../../src/targets/kubernetes/helm.ts';

const token = '5e3b7c1f9a2d4e6b8c0d1f3a5b7c9d2e';

const stored = {
  name: 'caracal',
  namespace: 'caracal',
  version: 4,
  info: { status: 'deployed', description: 'Upgrade complete', first_deployed: '2026-08-01T09:00:00Z', last_deployed: '2026-08-20T10:15:00Z', deleted: '', notes: `token ${token}` },
  chart: {
    metadata: { name: 'caracal', version: '1.0.0', appVersion: '1.0.0' },
    values: {
      global: { mode: 'rc', logLevel: 'info' },
      secrets: { create: false, runtimeSecretName: 'caracal-runtime', database: { host: 'postgres', port: 5432 }, redis: { port: 6379 }, plaintext: { caracalAdminToken: '', postgresPassword: '' } },
      networkPolicy: { enabled: true, dnsEgress: [] },
      serviceMonitor: { enabled: false },
      services: { sts: { enabled: true, replicas: 2 }, web: { enabled: true } },
    },
    templates: [{ name: 'templates/secret.yaml', data: 'e30=' }],
  },
  config: { global: { mode: 'stable' }, secrets: { plaintext: { caracalAdminToken: token } }, services: { web: { enabled: false } } },
  manifest: `kind: Secret\nstringData:\n  caracalAdminToken: ${token}\n`,
  hooks: [
    { name: 'caracal-migrate', kind: 'Job', manifest: `password ${token}`, last_run: { phase: 'Failed', started_at: '2026-08-20T10:14:00Z', completed_at: '2026-08-20T10:14:30Z' } },
    { name: 'caracal-auth-migrate', kind: 'Job', last_run: { phase: '', started_at: '0001-01-01T00:00:00Z', completed_at: '0001-01-01T00:00:00Z' } },
  ],
};

/** As the API server sends the key `release` of the Secret. */
function encoded(release: unknown, { zipped = true } = {}): string {
  const json = Buffer.from(typeof release === 'string' ? release : JSON.stringify(release));
  return Buffer.from((zipped ? gzipSync(json) : json).toString('base64')).toString('base64');
}

describe('a release that Helm stored', () => {
  it('is decoded: Base64 twice, with gzip and without', async () => {
    for (const zipped of [true, false]) {
      const { name, version, config } = await decodeRelease(encoded(stored, { zipped }));
      deepEqual({ name, version, config }, { name: 'caracal', version: 4, config: stored.config });
    }
  });

  it('is kept without its manifests', async () => {
    const words = JSON.stringify({ ...(await decodeRelease(encoded({ ...stored, config: {} }))) });
    doesNotMatch(words, new RegExp(token));
  });

  const damaged: Readonly<Record<string, readonly [text: string, says: RegExp]>> = {
    'an empty value': ['', /^it is no JSON$/],
    'no Base64': ['%%%', /^it is no JSON$/],
    'half of the gzip': [Buffer.from(gzipSync(JSON.stringify(stored)).subarray(0, 100).toString('base64')).toString('base64'), /^it is cut or damaged$/],
    'another JSON': [encoded([]), /^it has an unknown form at its top$/],
    'no chart': [encoded({ ...stored, chart: undefined }), /^it has an unknown form at chart$/],
    'more than any Secret holds': [encoded(' '.repeat(33 * 1024 * 1024)), /^it is larger than 32 MiB$/],
  };
  for (const [what, [text, says]] of Object.entries(damaged)) {
    it(`that is ${what} is refused without a word of it`, () => rejects(decodeRelease(text), (error: unknown) => error instanceof Error && says.test(error.message)));
  }

  it('gives facts, masked', async () => {
    const facts = revisionFacts(await decodeRelease(encoded(stored)), createRedactor());
    deepEqual(helmRevisionSchema.parse(facts), {
      revision: 4,
      status: 'deployed',
      chart: 'caracal',
      chartVersion: '1.0.0',
      appVersion: '1.0.0',
      firstDeployed: '2026-08-01T09:00:00Z',
      lastDeployed: '2026-08-20T10:15:00Z',
      description: 'Upgrade complete',
      hooks: [
        { name: 'caracal-migrate', phase: 'Failed', startedAt: '2026-08-20T10:14:00Z', completedAt: '2026-08-20T10:14:30Z' },
        { name: 'caracal-auth-migrate', phase: null, startedAt: null, completedAt: null },
      ],
      settings: { mode: 'stable', disabled: ['web'], databasePort: '5432', redisPort: '6379', runtimeSecretName: 'caracal-runtime', networkPolicy: true, serviceMonitor: false },
    });
  });

  it('hides in its description what its values hold', async () => {
    const release = await decodeRelease(encoded({ ...stored, info: { ...stored.info, description: `Upgrade "caracal" failed: bad ${token}` } }));
    match(revisionFacts(release, createRedactor()).description, /^Upgrade "caracal" failed: bad ‹caracaladmintoken:[0-9a-f]{16}›$/);
  });
});

describe('values of Helm', () => {
  const merges: Readonly<Record<string, readonly [defaults: Record<string, unknown>, user: Record<string, unknown>, effective: Record<string, unknown>]>> = {
    'maps merge': [{ a: { b: 1, c: 2 } }, { a: { c: 3, d: 4 } }, { a: { b: 1, c: 3, d: 4 } }],
    'arrays replace': [{ a: [1, 2, 3] }, { a: [4] }, { a: [4] }],
    'scalars replace': [{ a: 1 }, { a: 'x' }, { a: 'x' }],
    'a map replaces a scalar': [{ a: 1 }, { a: { b: 2 } }, { a: { b: 2 } }],
    'a scalar replaces a map': [{ a: { b: 2 } }, { a: 1 }, { a: 1 }],
    'null deletes': [{ a: 1, b: { c: 1, d: 2 } }, { a: null, b: { c: null } }, { b: { d: 2 } }],
    'null deletes what is not there': [{}, { a: null, b: { c: null } }, { b: {} }],
    'order is that of the chart': [{ z: 1, a: 2 }, { a: 3, m: 4 }, { z: 1, a: 3, m: 4 }],
    'names of a prototype are names': [{ constructor: 1 }, JSON.parse('{"__proto__": {"a": 1}}') as Record<string, unknown>, JSON.parse('{"constructor": 1, "__proto__": {"a": 1}}') as Record<string, unknown>],
  };
  for (const [what, [defaults, user, effective]] of Object.entries(merges)) {
    it(what, () => equal(JSON.stringify(mergeValues(defaults, user)), JSON.stringify(effective)));
  }

  const masks: Readonly<Record<string, readonly [values: Record<string, unknown>, shown: Record<string, unknown>]>> = {
    'plaintext of any form': [
      { secrets: { plaintext: { caracalAdminToken: token, word: 'blue', number: 4711, nested: { deep: ['x1', ''] } } } },
      { secrets: { plaintext: { caracalAdminToken: '‹›', word: '‹›', number: '‹›', nested: { deep: ['‹›', ''] } } } },
    ],
    'variables that are named like secrets': [
      { extraEnv: [{ name: 'GITHUB_CLIENT_SECRET', value: 'abc' }, { name: 'smtp-password', value: '12345' }, { name: 'DB_POOL_MAX', value: '10' }] },
      { extraEnv: [{ name: 'GITHUB_CLIENT_SECRET', value: '‹›' }, { name: 'smtp-password', value: '‹›' }, { name: 'DB_POOL_MAX', value: '10' }] },
    ],
    'keys that are named like secrets': [{ auth: { clientSecret: 'abc def', password: 4711, rotatePassword: true } }, { auth: { clientSecret: '‹›', password: '‹›', rotatePassword: true } }],
    'passwords in addresses': [{ url: 'https://user:hunter2hunter2@example.org/x' }, { url: 'https://user:‹›@example.org/x' }],
    'nothing that is no secret': [
      { secrets: { create: false, runtimeSecretName: 'caracal-runtime', plaintext: { postgresPassword: '' } }, imagePullSecrets: [{ name: 'registry' }], replicas: 2 },
      { secrets: { create: false, runtimeSecretName: 'caracal-runtime', plaintext: { postgresPassword: '' } }, imagePullSecrets: [{ name: 'registry' }], replicas: 2 },
    ],
  };
  for (const [what, [values, shown]] of Object.entries(masks)) {
    it(`are masked: ${what}`, () => {
      const text = JSON.stringify(maskValues(values, createRedactor())).replaceAll(/‹[a-z\d-]+:[0-9a-f]{16}›/g, '‹›');
      deepEqual(JSON.parse(text), shown);
    });
  }

  it('are texts of YAML in which equal secrets look equal and others do not', async () => {
    const redactor = createRedactor();
    const same = valuesTexts(await decodeRelease(encoded(stored)), redactor);
    const changed = valuesTexts(await decodeRelease(encoded({ ...stored, config: { ...stored.config, secrets: { plaintext: { caracalAdminToken: `${token}0` } } } })), redactor);
    const tokenOf = (text: string): unknown => (parse(text) as { secrets: { plaintext: { caracalAdminToken: unknown } } }).secrets.plaintext.caracalAdminToken;
    equal(tokenOf(same.user), tokenOf(same.effective));
    notEqual(tokenOf(same.user), tokenOf(changed.user));
    equal(tokenOf(same.chartDefaults), '');
    match(same.effective, /^global:\n {2}mode: stable\n {2}logLevel: info\n/);
    ok([same, changed].every((texts) => Object.values(texts).every((text) => !text.includes(token))));
  });
});
