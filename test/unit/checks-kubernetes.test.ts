import assert from 'node:assert/strict';
import { questionId } from '../../src/model/observation.ts';
import type { Outcome } from '../../src/model/observation.ts';
import type {
  AutoscalerFacts,
  ClaimFacts,
  ClusterFacts,
  ComponentFacts,
  EventFacts,
  HelmFacts,
  JobFacts,
  MonitorsFacts,
  NetworkPolicyFacts,
  PodFacts,
  SecretsFacts,
  ServiceObjectFacts,
  WorkloadFacts,
} from '../../src/model/kubernetes.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Status } from '../../src/model/status.ts';
import { serviceNames } from '../../src/model/serviceNames.ts';
import type { ServiceName } from '../../src/model/target.ts';
import { kubernetesChecks } from '../../src/flow/services/kubernetes/kubernetes.checks.ts';
import { observers } from '../../src/flow/catalogue.ts';
import { kubernetesObservers } from '../../src/flow/services/kubernetes/kubernetes.observe.ts';
import type { Deployment, KubernetesRelease } from '../../src/targets/deployment.ts';
import { answer, judge, nowMs, refused, timeout } from './judge.ts';

/** A time so many seconds before now. */
const ago = (seconds: number): string => new Date(nowMs - seconds * 1_000).toISOString();
const [minute, hour] = [60, 3_600];

const wellCluster: ClusterFacts = {
  context: 'prod',
  server: 'https://api.example.test:6443',
  from: '~/.kube/config',
  namespace: 'caracal',
  release: 'caracal',
  version: 'v1.32.4',
  at: ago(0),
};

const stateful = (component: string): boolean => component === 'sts' || component === 'gateway';
const nameOf = (component: string): string => `caracal-caracal-${component}`;
const imageOf = (component: string): string => `ghcr.io/garudex-labs/caracal-${component === 'web' ? 'web' : component === 'api' || component === 'coordinator' ? 'node' : 'go'}`;

type Container = NonNullable<PodFacts['container']>;
type PodChange = Partial<Omit<PodFacts, 'container'>> & { readonly container?: Partial<Container> | null };

function pod(component: string, index = 0, { container, ...changes }: PodChange = {}): PodFacts {
  const image = imageOf(component);
  return {
    name: `${nameOf(component)}-${stateful(component) ? index : `5d9f7c-x${index}`}`,
    uid: `uid-${component}-${index}`,
    node: `node-${index + 1}`,
    ip: `10.244.0.${index + 1}`,
    phase: 'Running',
    reason: null,
    message: '',
    createdAt: ago(3 * hour),
    startedAt: ago(3 * hour),
    deletedAt: null,
    owner: nameOf(component),
    restartedAt: null,
    revision: '5d9f7c',
    ready: true,
    conditions: [],
    container:
      container === null
        ? null
        : {
            name: component,
            image: `${image}:v1.0.0`,
            tag: 'v1.0.0',
            digest: `sha256:${image.length.toString(16).padStart(64, 'a')}`,
            state: 'running',
            reason: null,
            message: '',
            startedAt: ago(3 * hour),
            ready: true,
            restarts: 0,
            end: null,
            lastEnd: null,
            probes: { startup: 'GET /health', liveness: 'GET /health', readiness: 'GET /ready' },
            memoryLimit: '1Gi',
            ...container,
          },
    ...changes,
  };
}

function workload(component: string, changes: Partial<WorkloadFacts> = {}): WorkloadFacts {
  const revision = `${nameOf(component)}-5d9f7c`;
  return {
    kind: stateful(component) ? 'StatefulSet' : 'Deployment',
    name: nameOf(component),
    version: '1.0.0',
    image: `${imageOf(component)}:v1.0.0`,
    mode: 'rc',
    createdAt: ago(10 * hour),
    wanted: 2,
    replicas: 2,
    ready: 2,
    available: 2,
    updated: 2,
    generation: 3,
    observedGeneration: 3,
    conditions: [],
    revisions: [{ name: revision, revision: 3, at: ago(3 * hour), image: `${imageOf(component)}:v1.0.0`, replicas: stateful(component) ? null : 2, ready: null }],
    currentRevision: stateful(component) ? revision : null,
    updateRevision: stateful(component) ? revision : null,
    podManagementPolicy: stateful(component) ? 'OrderedReady' : null,
    ...changes,
  };
}

function component(name: string, changes: Partial<ComponentFacts> = {}): ComponentFacts {
  return { component: name, workload: workload(name), pods: [pod(name, 0), pod(name, 1)], warnings: [], previousLines: null, ...changes };
}

function warning(reason: string, message: string, object: string, lastAt = ago(20)): EventFacts {
  return { type: 'Warning', reason, message, object, count: 4, firstAt: ago(10 * minute), lastAt };
}

type Revision = HelmFacts['revisions'][number];

function revision(number: number, status: string, changes: Partial<Revision> = {}): Revision {
  return {
    revision: number,
    status,
    chart: 'caracal',
    chartVersion: '1.0.0',
    appVersion: '1.0.0',
    firstDeployed: ago(100 * hour),
    lastDeployed: ago(3 * hour),
    description: 'Upgrade complete',
    hooks: [],
    settings: { mode: 'rc', disabled: [], databasePort: '5432', redisPort: '6379', runtimeSecretName: 'caracal-runtime', networkPolicy: true, serviceMonitor: false },
    ...changes,
  };
}

const wellHelm: HelmFacts = { revisions: [revision(3, 'superseded', { lastDeployed: ago(9 * hour) }), revision(4, 'deployed')], unreadable: [] };

const keys = ['redisUrl', 'auditHmacKey', 'stsDatabaseUrl', 'authDatabaseUrl'];

const wellSecrets: SecretsFacts = {
  secrets: [{ name: 'caracal-runtime', secret: { name: 'caracal-runtime', keys, createdAt: ago(100 * hour), changes: [{ manager: 'kubectl-create', operation: 'Update', at: ago(100 * hour), keys }] } }],
  uses: [
    { component: 'sts', secretName: 'caracal-runtime', key: 'redisUrl', optional: false, how: 'volume' },
    { component: 'sts', secretName: 'caracal-runtime', key: 'stsDatabaseUrl', optional: false, how: 'volume' },
    { component: 'audit', secretName: 'caracal-runtime', key: 'auditHmacKey', optional: false, how: 'volume' },
    { component: 'web', secretName: 'caracal-runtime', key: 'authDatabaseUrl', optional: false, how: 'env' },
  ],
  addresses: [],
};

const well: Readonly<Record<string, Outcome>> = {
  'kubernetes.cluster/Kubernetes': answer(wellCluster),
  'kubernetes.helm/Kubernetes': answer(wellHelm),
  'kubernetes.secrets/Kubernetes': answer(wellSecrets),
  'kubernetes.jobs/Kubernetes': answer([]),
  'postgres.migrations/Postgres': answer({ present: true, applied: [] }),
  'postgres.policyActivations/Postgres': answer([]),
  ...Object.fromEntries(serviceNames.map((name) => [`kubernetes.component/${name}`, answer(component(name))])),
};

const forbidden = (what: string): Outcome => ({ kind: 'unavailable', why: `no permission: ${what}`, wayOut: 'bind a role that allows it' });

type Row = readonly [name: string, outcome: Outcome, status: Status, summary: RegExp, more?: Readonly<Record<string, Outcome>>];

function table(check: string, question: string, rows: readonly Row[]): void {
  for (const [name, outcome, status, summary, more = {}] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, { ...well, [question]: outcome, ...more });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }
}

const fact = (verdict: Verdict, name: string): string | undefined => verdict.facts.find((each) => each.name === name)?.value;

describe('kubernetes: API server', () => {
  const at = (changes: Partial<ClusterFacts>): Outcome => answer({ ...wellCluster, ...changes });
  table('CRC-SVC-200', 'kubernetes.cluster/Kubernetes', [
    ['answers', at({}), 'pass', /^v1\.32\.4, context prod$/],
    ['a version of a vendor', at({ version: 'v1.31.7-eks-473151a' }), 'pass', /^v1\.31\.7-eks/],
    ['older than the chart bears', at({ version: 'v1.29.9' }), 'warn', /^v1\.29\.9, context prod; the chart needs 1\.30$/],
    ['nothing listens', refused('ECONNREFUSED', 'connect ECONNREFUSED'), 'fail', /^refused in 1 ms; no API server listens there$/],
    ['the credential is not taken', refused('Unauthorized', 'sign in again'), 'fail', /^401 Unauthorized; the credential of the context is not taken$/],
    ['the name is not known', refused('ENOTFOUND', 'getaddrinfo ENOTFOUND'), 'fail', /^ENOTFOUND; the name of the API server is not known here$/],
    ['its certificate has ended', refused('CERT_HAS_EXPIRED'), 'fail', /^CERT_HAS_EXPIRED; the certificate/],
    ['something else', refused('NOT_KUBERNETES', 'what answers there is no API server of Kubernetes'), 'fail', /^NOT_KUBERNETES: what answers there/],
    ['no such context', { kind: 'unavailable', why: 'the kubeconfig (~/.kube/config) has no context prod', wayOut: 'give another context' }, 'fail', /^the kubeconfig \(~\/\.kube\/config\) has no context prod$/],
    ['forbidden', forbidden('get /version'), 'unknown', /^no permission: get \/version$/],
    ['a record without it', { kind: 'unavailable', why: 'the record does not hold this', wayOut: 'run the flow on the live deployment' }, 'unknown', /^the record does not hold this/],
    ['no answer', timeout(8_000), 'unknown', /^no answer in 8 s$/],
    ['asks to be asked later', refused('TooManyRequests', 'too many requests'), 'unknown', /^TooManyRequests: too many requests$/],
    ['no way there in time', refused('ETIMEDOUT', 'the API server did not answer within 10 s'), 'unknown', /^ETIMEDOUT/],
  ]);

  it('CRC-SVC-200: names a clock that differs', async () => {
    const verdict = await judge('CRC-SVC-200', { 'kubernetes.cluster/Kubernetes': at({ at: ago(-5 * minute) }) });
    assert.equal(fact(verdict, 'clock'), '5 min ahead of this machine; ages are by the API server');
  });

  it('measures ages by the clock of the API server', async () => {
    const late = at({ at: ago(-2 * hour) });
    const verdict = await judge('CRC-SVC-231', { ...well, 'kubernetes.cluster/Kubernetes': late });
    assert.equal(verdict.summary, '2 ready, up 5 h');
  });

  const permission = (verb: string, resource: string, allowed: boolean): object => ({ verb, resource, allowed, serves: 'the pods' });
  table('CRC-SVC-201', 'kubernetes.permissions/Kubernetes', [
    ['all', answer({ permissions: [permission('list', 'pods', true), permission('list', 'secrets', true)] }), 'pass', /^all 2 allowed$/],
    ['a narrow role is no fault', answer({ permissions: [permission('list', 'pods', true), permission('list', 'secrets', false), permission('create', 'pods/portforward', false)] }), 'pass', /^1 of 3 allowed; not list secrets, create pods\/portforward$/],
    ['no answer', timeout(8_000), 'unknown', /^no answer in 8 s$/],
  ]);
});

describe('kubernetes: Helm', () => {
  const history = (...revisions: readonly Revision[]): Outcome => answer({ revisions, unreadable: [] });
  table('CRC-SVC-202', 'kubernetes.helm/Kubernetes', [
    ['deployed', answer(wellHelm), 'pass', /^deployed, revision 4, chart 1\.0\.0, 3 h ago$/],
    ['failed', history(revision(4, 'deployed'), revision(5, 'failed', { description: 'Upgrade "caracal" failed: pre-upgrade hooks failed: 1 error occurred:\n\t* job migrate failed: BackoffLimitExceeded\n\n', lastDeployed: ago(5 * minute) })), 'fail', /^failed, revision 5, 5 min ago; Upgrade "caracal" failed: pre-upgrade hooks failed: job migrate failed: BackoffLimitExceeded$/],
    ['at work', history(revision(4, 'deployed'), revision(5, 'pending-upgrade', { lastDeployed: ago(40) })), 'warn', /^pending-upgrade for 40 s$/],
    ['interrupted', history(revision(4, 'deployed'), revision(5, 'pending-upgrade', { lastDeployed: ago(2 * hour) })), 'fail', /^pending-upgrade for 2 h; interrupted$/],
    ['uninstalled, history kept', history(revision(4, 'uninstalled')), 'fail', /^uninstalled 3 h ago, revision 4$/],
    ['the newer one is gone', history(revision(4, 'superseded')), 'warn', /^superseded, revision 4$/],
    ['rendered by another tool', history(), 'not-applicable', /^no Helm history here$/],
    ['unreadable', answer({ revisions: [], unreadable: [{ name: 'sh.helm.release.v1.caracal.v4', why: 'not gzip' }] }), 'unknown', /^cannot decode 1 revision of Helm$/],
    ['forbidden', forbidden('list secrets'), 'unknown', /^no permission: list secrets$/],
  ]);

  it('CRC-SVC-202: shows what helm history shows, newest first, and the hook that failed', async () => {
    const hooks = [{ name: 'caracal-caracal-migrate', phase: 'Failed', startedAt: ago(hour), completedAt: ago(hour) }];
    const verdict = await judge('CRC-SVC-202', { ...well, 'kubernetes.helm/Kubernetes': history(revision(4, 'deployed'), revision(5, 'failed', { hooks })) });
    assert.deepEqual(verdict.facts.map(({ name }) => name), ['failed hook', 'still in force', 'revision 5', 'revision 4']);
    assert.equal(fact(verdict, 'revision 4'), 'deployed 3 h ago, chart 1.0.0: Upgrade complete');
  });

  const job = (changes: Partial<JobFacts> = {}): JobFacts => ({
    name: 'caracal-caracal-migrate', component: 'migrate', createdAt: ago(2 * minute), startedAt: ago(2 * minute), finishedAt: null,
    active: 1, succeeded: 0, failed: 0, backoffLimit: 3, conditions: [], lastLines: null, ...changes,
  });
  const gaveUp = { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit', since: ago(minute) };
  const broken = job({ active: 0, failed: 4, conditions: [gaveUp], finishedAt: ago(minute), lastLines: ['migrate: database did not become reachable'] });
  table('CRC-SVC-203', 'kubernetes.jobs/Kubernetes', [
    ['none is what a good upgrade leaves', answer([]), 'pass', /^none left$/],
    ['failed', answer([broken]), 'fail', /^migrate failed, BackoffLimitExceeded; migrate: database did not become reachable$/],
    ['failed, and its log is not known', answer([{ ...broken, lastLines: null }]), 'fail', /^migrate failed, BackoffLimitExceeded$/],
    ['failed without a condition yet', answer([job({ active: 0, failed: 1 })]), 'fail', /^migrate failed$/],
    ['failed before a later revision was deployed', answer([{ ...broken, finishedAt: ago(5 * hour) }]), 'warn', /^migrate failed, BackoffLimitExceeded; revision 4 was deployed since$/],
    ['failed, and the history may not be read', answer([{ ...broken, finishedAt: ago(5 * hour) }]), 'fail', /^migrate failed/, { 'kubernetes.helm/Kubernetes': forbidden('list secrets') }],
    ['runs', answer([job()]), 'pass', /^migrate runs for 2 min$/],
    ['runs long', answer([job({ startedAt: ago(8 * minute) })]), 'warn', /^migrate runs for 8 min$/],
    ['tries again in another pod', answer([job({ failed: 1 })]), 'warn', /^migrate tries again for 2 min$/],
    ['tries again in its pod', answer([job({ startedAt: ago(8 * minute), lastLines: ['migrate: database did not become reachable'] })]), 'warn', /^migrate tries again for 8 min; migrate: database did not become reachable$/],
    ['has no pod', answer([job({ active: 0, startedAt: null, createdAt: ago(5 * minute) })]), 'warn', /^migrate has no pod for 5 min$/],
    ['was just made', answer([job({ active: 0, startedAt: null, createdAt: ago(5) })]), 'pass', /^migrate is about to start$/],
    ['done, and kept by another tool', answer([job({ active: 0, succeeded: 1 })]), 'pass', /^done$/],
    ['forbidden', forbidden('list jobs.batch'), 'unknown', /^no permission: list jobs\.batch$/],
  ]);

  it('CRC-SVC-203: says that the words of the migrator hide the reason', async () => {
    const verdict = await judge('CRC-SVC-203', { ...well, 'kubernetes.jobs/Kubernetes': answer([broken]) });
    assert.match(verdict.reasoning, /The log of Postgres tells which/);
    assert.equal(fact(verdict, 'last line'), 'migrate: database did not become reachable');
  });
});

describe('kubernetes: Secrets', () => {
  const [{ secret } = { secret: null }] = wellSecrets.secrets;
  assert.ok(secret);
  const holding = (changes: Partial<typeof secret> | null, uses = wellSecrets.uses): Outcome =>
    answer({ ...wellSecrets, uses, secrets: [{ name: 'caracal-runtime', secret: changes === null ? null : { ...secret, ...changes } }] });
  const without = (...missing: readonly string[]): Outcome => holding({ keys: keys.filter((key) => !missing.includes(key)) });
  table('CRC-SVC-204', 'kubernetes.secrets/Kubernetes', [
    ['all there', answer(wellSecrets), 'pass', /^4 keys, all there$/],
    ['one missing', without('auditHmacKey'), 'fail', /^missing caracal-runtime\/auditHmacKey; audit cannot start$/],
    ['two missing', without('auditHmacKey', 'redisUrl'), 'fail', /^missing caracal-runtime\/redisUrl and 1 more; sts, audit cannot start$/],
    ['an optional one missing', holding({}, [...wellSecrets.uses, { component: 'web', secretName: 'caracal-runtime', key: 'operatorAllowlist.json', optional: true, how: 'volume' }]), 'pass', /^4 keys, all there$/],
    ['a variable missing', without('authDatabaseUrl'), 'fail', /^missing caracal-runtime\/authDatabaseUrl; web cannot start$/],
    ['no Secret', holding(null), 'fail', /^no Secret caracal-runtime; sts, audit, web cannot start$/],
    ['no Secret that must be', holding(null, [{ component: 'web', secretName: 'caracal-runtime', key: 'x', optional: true, how: 'volume' }]), 'pass', /^1 key, all there$/],
    ['none taken', holding({}, []), 'not-applicable', /^no workload takes a Secret$/],
    ['forbidden', forbidden('get secrets'), 'unknown', /^no permission: get secrets$/],
  ]);

  const changed = (seconds: number, manager = 'kubectl-edit', by: readonly string[] = ['auditHmacKey']): SecretsFacts['secrets'][number]['secret'] => ({ ...secret, changes: [...secret.changes, { manager, operation: 'Update', at: ago(seconds), keys: [...by] }] });
  const withChange = (...parameters: Parameters<typeof changed>): Outcome => answer({ ...wellSecrets, secrets: [{ name: 'caracal-runtime', secret: changed(...parameters) }] });
  const recreated = answer({ ...wellSecrets, secrets: [{ name: 'caracal-runtime', secret: { ...secret, createdAt: ago(minute), changes: [{ manager: 'helm', operation: 'Update', at: ago(minute), keys }] } }] });
  const allForbidden = Object.fromEntries(serviceNames.map((name) => [`kubernetes.component/${name}`, forbidden('list pods')]));
  const noPods = Object.fromEntries(serviceNames.map((name) => [`kubernetes.component/${name}`, answer(component(name, { pods: [] }))]));
  table('CRC-SVC-205', 'kubernetes.secrets/Kubernetes', [
    ['older than the pods', answer(wellSecrets), 'pass', /^none changed since the pods started$/],
    ['changed since', withChange(5 * minute), 'warn', /^auditHmacKey changed 5 min ago by kubectl-edit; audit started before$/],
    ['several keys changed since', withChange(5 * minute, 'external-secrets', keys), 'warn', /changed 5 min ago by external-secrets; sts, audit, web started before$/],
    ['more than two keys that one component takes', answer({ ...wellSecrets, uses: keys.map((key) => ({ component: 'sts', secretName: 'caracal-runtime', key, optional: false, how: 'volume' })), secrets: [{ name: 'caracal-runtime', secret: changed(5 * minute, 'kubectl-edit', keys) }] }), 'warn', /^caracal-runtime changed 5 min ago by kubectl-edit; sts started before$/],
    ['a component may not be seen', answer(wellSecrets), 'pass', /^none changed/, { 'kubernetes.component/sts': forbidden('list pods') }],
    ['two keys of two components', withChange(5 * minute, 'external-secrets', ['auditHmacKey', 'redisUrl']), 'warn', /^(auditHmacKey, redisUrl|redisUrl, auditHmacKey) changed 5 min ago by external-secrets; sts, audit started before$/],
    ['a key that nobody takes', withChange(5 * minute, 'kubectl-edit', ['other']), 'pass', /^none changed/],
    ['what is read anew each time', answer({ ...wellSecrets, uses: [{ component: 'web', secret: 'caracal-runtime', key: 'operatorAllowlist.json', optional: true, how: 'volume' }], secrets: [{ name: 'caracal-runtime', secret: changed(60, 'kubectl-edit', ['operatorAllowlist.json']) }] }), 'pass', /^none changed/],
    ['Helm makes its own Secret anew with each upgrade', recreated, 'pass', /^none changed/],
    ['pods that started after', withChange(5 * minute), 'pass', /^none changed/, { 'kubernetes.component/audit': answer(component('audit', { pods: [pod('audit', 0, { container: { startedAt: ago(minute) } })] })) }],
    ['no pod', withChange(5 * minute), 'not-applicable', /^no pod runs$/, noPods],
    ['pods may not be listed', withChange(5 * minute), 'unknown', /^no permission: list pods$/, allForbidden],
    ['forbidden', forbidden('get secrets'), 'unknown', /^no permission: get secrets$/],
  ]);

  it('CRC-SVC-205: names the pods that go on with what they read', async () => {
    const verdict = await judge('CRC-SVC-205', { ...well, 'kubernetes.secrets/Kubernetes': withChange(5 * minute) });
    assert.equal(fact(verdict, 'audit'), 'caracal-caracal-audit-5d9f7c-x0 started 3 h ago, caracal-runtime (auditHmacKey) changed 5 min ago');
  });
});

describe('kubernetes: network policy', () => {
  const all = ['sts', 'api', 'gateway', 'audit', 'coordinator', 'web'];
  type Rule = NetworkPolicyFacts['egress'][number];
  const to = (port: string | null, protocol = 'TCP', changes: Partial<Rule> = {}): Rule => ({ peers: [], release: true, ports: [{ protocol, port, endPort: null }], ...changes });
  const own: Rule = { peers: ['pods of the release'], release: true, ports: [] };
  const policy = (egress: readonly Rule[], changes: Partial<NetworkPolicyFacts> = {}): NetworkPolicyFacts => ({
    name: 'caracal-caracal', own: true, podSelector: { 'app.kubernetes.io/instance': 'caracal' }, selects: [...all, 'migrate'], types: ['Ingress', 'Egress'], ingress: [own], egress: [...egress], ...changes,
  });
  const [dns, postgres, redis] = [to('53', 'UDP'), to('5432'), to('6379')];
  const whole = [own, dns, postgres, redis];
  const unready = Object.fromEntries(all.map((name) => [`kubernetes.component/${name}`, answer(component(name, { pods: [pod(name, 0, { ready: false })] }))]));
  const rediss = { 'kubernetes.secrets/Kubernetes': answer({ ...wellSecrets, addresses: [{ key: 'redisUrl', host: 'redis.example.test', port: '6380' }] }) };
  const notTold = { 'kubernetes.secrets/Kubernetes': forbidden('get secrets'), 'kubernetes.helm/Kubernetes': forbidden('list secrets') };
  table('CRC-SVC-206', 'kubernetes.networkPolicies/Kubernetes', [
    ['all open', answer([policy(whole)]), 'pass', /^DNS, Postgres, Redis and own pods open$/],
    ['none', answer([]), 'not-applicable', /^none selects pods of the release$/],
    ['of another application', answer([policy([], { own: false, selects: [] })]), 'not-applicable', /^none selects/],
    ['no DNS', answer([policy([own, postgres, redis])]), 'fail', /^DNS closed, port 53$/, unready],
    ['no DNS, and pods are ready', answer([policy([own, postgres, redis])]), 'warn', /^DNS closed, port 53; pods are ready all the same$/],
    ['DNS over TCP alone', answer([policy([own, to('53'), postgres, redis])]), 'fail', /^DNS closed/, unready],
    ['DNS to some peers', answer([policy([own, to('53', 'UDP', { peers: ['namespace kube-system'], release: false }), postgres, redis])]), 'pass', /^DNS, Postgres/],
    ['DNS by another policy', answer([policy([own, postgres, redis]), policy([dns], { name: 'allow-dns', own: false })]), 'pass', /^DNS, Postgres/],
    ['Postgres closed', answer([policy([own, dns, redis])]), 'fail', /^Postgres closed, port 5432 of secrets\.database\.port$/, unready],
    ['Postgres in a range', answer([policy([own, dns, redis, { ...postgres, ports: [{ protocol: 'TCP', port: '5000', endPort: 6000 }] }])]), 'pass', /^DNS, Postgres/],
    ['a port by name cannot be told', answer([policy([own, dns, redis, to('postgres')])]), 'pass', /^DNS, Postgres/],
    ['Redis with TLS on a port that the values do not name', answer([policy(whole)]), 'fail', /^Redis closed, port 6380 of redisUrl$/, { ...unready, ...rediss }],
    ['six services with one port', answer([policy(whole)]), 'fail', /^Postgres closed, port 6432 of 2 connection strings$/, { ...unready, 'kubernetes.secrets/Kubernetes': answer({ ...wellSecrets, addresses: ['stsDatabaseUrl', 'authDatabaseUrl', 'elsewhere'].map((key) => ({ key, host: 'pooler.example.test', port: '6432' })) }) }],
    ['two closed', answer([policy([own, redis])]), 'fail', /^DNS closed, port 53, and Postgres closed/, unready],
    ['own pods closed outwards', answer([policy([dns, postgres, redis].map((rule) => ({ ...rule, peers: ['192.0.2.0/24'], release: false })))]), 'fail', /^own pods closed, outwards$/, unready],
    ['own pods closed inwards', answer([policy(whole, { ingress: [] })]), 'fail', /^own pods closed, inwards$/, unready],
    ['inwards only', answer([policy([], { types: ['Ingress'] })]), 'pass', /^DNS, Postgres/],
    ['ports of the stores not known', answer([policy([own, dns])]), 'pass', /^DNS and own pods open; port of Postgres and Redis not known$/, notTold],
    ['forbidden', forbidden('list networkpolicies.networking.k8s.io'), 'unknown', /^no permission: list networkpolicies/],
  ]);

  it('CRC-SVC-206: says what is closed by design', async () => {
    const verdict = await judge('CRC-SVC-206', { ...well, 'kubernetes.networkPolicies/Kubernetes': answer([policy(whole)]) });
    assert.match(fact(verdict, 'from outside') ?? '', /^nobody: .*extraIngress$/);
    assert.match(fact(verdict, 'HTTPS') ?? '', /^port 443 closed: .*extraEgress$/);
  });
});

describe('kubernetes: objects around the pods', () => {
  const claim = (changes: Partial<ClaimFacts> = {}): ClaimFacts => ({ name: 'replay-caracal-caracal-sts-0', component: 'sts', phase: 'Bound', storageClass: 'standard', capacity: '1Gi', warning: null, ...changes });
  table('CRC-SVC-207', 'kubernetes.claims/Kubernetes', [
    ['bound', answer([claim(), claim({ name: 'replay-caracal-caracal-sts-1' })]), 'pass', /^2 bound$/],
    ['pending with its reason', answer([claim(), claim({ phase: 'Pending', warning: 'ProvisioningFailed: storageclass "fast" not found' })]), 'fail', /^Pending, replay-caracal-caracal-sts-0; ProvisioningFailed: storageclass "fast" not found$/],
    ['waits for its pod', answer([claim({ phase: 'Pending' })]), 'warn', /^Pending, replay-caracal-caracal-sts-0; no warning says why$/],
    ['lost', answer([claim({ phase: 'Lost' })]), 'fail', /^Lost, replay-caracal-caracal-sts-0$/],
    ['another phase', answer([claim(), claim({ phase: 'Resizing' })]), 'warn', /^1 of 2 bound$/],
    ['none', answer([]), 'not-applicable', /^none; replayPersistence is off$/],
    ['forbidden', forbidden('list persistentvolumeclaims'), 'unknown', /^no permission: list persistentvolumeclaims$/],
  ]);

  const ports: Readonly<Record<ServiceName, number>> = { api: 3000, sts: 8080, gateway: 8081, audit: 9090, coordinator: 4000, web: 3002 };
  const service = (name: ServiceName, changes: Partial<ServiceObjectFacts> = {}): ServiceObjectFacts => ({
    name: nameOf(name), component: name, type: 'ClusterIP', clusterIP: '10.96.0.9', selector: { 'app.kubernetes.io/component': name }, ports: [{ name: 'http', port: ports[name], targetPort: 'http' }], ready: ['a', 'b'], notReady: [], endpointPorts: [ports[name]], ...changes,
  });
  const others = serviceNames.filter((name) => name !== 'sts').map((name) => service(name));
  const withSts = (changes: Partial<ServiceObjectFacts>): Outcome => answer([...others, service('sts', changes)]);
  table('CRC-SVC-208', 'kubernetes.services/Kubernetes', [
    ['well', withSts({}), 'pass', /^6, each with ready endpoints$/],
    ['some not ready', withSts({ notReady: ['c'] }), 'pass', /^6, each/],
    ['selects no pod', withSts({ ready: [], endpointPorts: [] }), 'fail', /^sts selects none of 2 pods$/],
    ['no pod has an address', withSts({ ready: [], endpointPorts: [] }), 'fail', /^sts has no endpoint; 1 pod not started$/, { 'kubernetes.component/sts': answer(component('sts', { pods: [pod('sts', 0, { phase: 'Pending', node: null, ready: false, container: null })] })) }],
    ['there is no pod', withSts({ ready: [], endpointPorts: [] }), 'fail', /^sts has no pod$/, { 'kubernetes.component/sts': answer(component('sts', { pods: [] })) }],
    ['none ready', withSts({ ready: [], notReady: ['a', 'b'] }), 'fail', /^sts has no ready endpoint, 2 not ready$/],
    ['a port name that no container has', withSts({ endpointPorts: [] }), 'fail', /^sts leads to no port; no container has http$/],
    ['another port', withSts({ endpointPorts: [9999] }), 'fail', /^sts leads to port 9999; it listens on 8080$/],
    ['without selector', answer([...others, service('sts', { selector: {}, ready: [], endpointPorts: [] })]), 'pass', /^6, each/],
    ['deleted', answer(others), 'fail', /^sts has no Service$/],
    ['of a component that is not there', answer(others), 'pass', /^5, each/, { 'kubernetes.component/sts': answer(component('sts', { workload: null, pods: [] })) }],
    ['two faults', answer([...others.filter(({ component: name }) => name !== 'api'), service('api', { ready: [], notReady: ['a'] }), service('sts', { endpointPorts: [9999] })]), 'fail', /^api has no ready endpoint, 1 not ready, and 1 more$/],
    ['none at all', answer([]), 'unknown', /^no Service of the release$/, Object.fromEntries(serviceNames.map((name) => [`kubernetes.component/${name}`, forbidden('list pods')]))],
    ['forbidden', forbidden('list services'), 'unknown', /^no permission: list services$/],
  ]);

  const monitored = (authorization: boolean): MonitorsFacts => ({ monitors: ['sts', 'web'].map((name) => ({ name: nameOf(name), endpoints: [{ path: '/metrics', authorization }] })) });
  const inMode = (mode: string | null): Readonly<Record<string, Outcome>> => Object.fromEntries(serviceNames.map((name) => [`kubernetes.component/${name}`, answer(component(name, { workload: workload(name, { mode }) }))]));
  table('CRC-SVC-209', 'kubernetes.monitors/Kubernetes', [
    ['no such kind', answer({ monitors: null }), 'not-applicable', /^no ServiceMonitor kind in this cluster$/],
    ['none', answer({ monitors: [] }), 'not-applicable', /^none; serviceMonitor is off$/],
    ['with a credential', answer(monitored(true)), 'pass', /^2 with a credential$/],
    ['without', answer(monitored(false)), 'warn', /^2 of 2 without a bearer; every scrape gets 401$/],
    ['without, by the values', answer(monitored(false)), 'warn', /every scrape gets 401$/, inMode(null)],
    ['without in mode dev', answer(monitored(false)), 'pass', /^2, metrics are open in mode dev$/, inMode('dev')],
    ['without, and the mode is not known', answer(monitored(false)), 'unknown', /^2 of 2 without a bearer; the mode is not known$/, { ...inMode(null), 'kubernetes.helm/Kubernetes': forbidden('list secrets') }],
    ['forbidden', forbidden('list servicemonitors.monitoring.coreos.com'), 'unknown', /^no permission: list servicemonitors/],
  ]);

  const active = { type: 'ScalingActive', status: 'True', reason: 'ValidMetricFound', message: 'the HPA was able to compute the replica count', since: ago(hour) };
  const scaler = (changes: Partial<AutoscalerFacts> = {}): AutoscalerFacts => ({ name: 'caracal-caracal-sts', target: 'caracal-caracal-sts', min: 2, max: 8, current: 2, desired: 2, conditions: [active], ...changes });
  const noMetric = { type: 'ScalingActive', status: 'False', reason: 'FailedGetResourceMetric', message: 'unable to get metrics for resource cpu', since: ago(hour) };
  table('CRC-SVC-210', 'kubernetes.autoscalers/Kubernetes', [
    ['well', answer([scaler()]), 'pass', /^1 active$/],
    ['none', answer([]), 'not-applicable', /^none$/],
    ['no measurement', answer([scaler(), scaler({ name: 'other', conditions: [noMetric] })]), 'warn', /^FailedGetResourceMetric, 1 of 2; the number of pods stands still$/],
    ['no measurement yet', answer([scaler({ conditions: [{ ...noMetric, since: ago(minute) }] })]), 'pass', /^1 active$/],
    ['not able to scale', answer([scaler({ conditions: [{ ...noMetric, type: 'AbleToScale', reason: 'FailedGetScale', message: 'not found' }] })]), 'warn', /^FailedGetScale/],
    ['off while scaled to 0', answer([scaler({ current: 0, desired: 0, conditions: [{ ...noMetric, reason: 'ScalingDisabled' }] })]), 'pass', /^1 active$/],
    ['at its maximum', answer([scaler({ current: 8, desired: 8 })]), 'pass', /^1 of 1 at the maximum, caracal-caracal-sts$/],
    ['forbidden', forbidden('list horizontalpodautoscalers.autoscaling'), 'unknown', /^no permission/],
  ]);
});

describe('kubernetes: versions', () => {
  const with_ = (name: ServiceName, changes: Partial<Container>, version = '1.0.0'): Readonly<Record<string, Outcome>> => ({
    [`kubernetes.component/${name}`]: answer(component(name, { workload: workload(name, { version }), pods: [pod(name, 0, { container: changes }), pod(name, 1, { container: changes })] })),
  });
  const all = (changes: (name: ServiceName) => Partial<Container>): Readonly<Record<string, Outcome>> => Object.assign({}, ...serviceNames.map((name) => with_(name, changes(name)))) as Readonly<Record<string, Outcome>>;
  const newer = (name: ServiceName): Partial<Container> => ({ image: `${imageOf(name)}:v1.0.2`, tag: 'v1.0.2', digest: null });
  const none = Object.fromEntries(serviceNames.map((name) => [`kubernetes.component/${name}`, answer(component(name, { workload: null, pods: [] }))]));
  const moved = { digest: `sha256:${'b'.repeat(64)}` };
  table('CRC-SVC-211', 'kubernetes.component/sts', [
    ['one everywhere; images of Go, Node and web differ', answer(component('sts')), 'pass', /^v1\.0\.0 everywhere$/],
    ['one component differs', with_('sts', newer('sts'))['kubernetes.component/sts'] ?? answer(null), 'warn', /^v1\.0\.2 \(sts\), v1\.0\.0 \(the rest\); they differ$/],
    ['in the middle of a rollout', answer(component('sts', { pods: [pod('sts', 0), pod('sts', 1, { container: newer('sts') })] })), 'warn', /^v1\.0\.2 \(sts\), v1\.0\.0 \(the rest\); they differ$/],
    ['a pod that is going does not count', answer(component('sts', { pods: [pod('sts', 0), pod('sts', 1, { deletedAt: ago(1), container: newer('sts') })] })), 'pass', /^v1\.0\.0 everywhere$/],
    ['no pod yet: by the template', answer(component('sts', { pods: [], workload: workload('sts', { image: 'registry.example.test:5000/caracal-go:v1.0.2' }) })), 'warn', /v1\.0\.2 \(sts\)/],
    ['the tag was moved', with_('sts', moved)['kubernetes.component/sts'] ?? answer(null), 'warn', /^caracal-go:v1\.0\.0 is two images; bbbbbbbbbbbb \(sts\), aaaaaaaaaaaa \(gateway, audit\)$/],
    ['another tag than that of the chart', answer(component('sts', { pods: [pod('sts', 0, { container: newer('sts') })] })), 'warn', /^v1\.0\.2 everywhere; the chart is for 1\.0\.0$/, Object.fromEntries(Object.entries(all(newer)).filter(([name]) => !name.endsWith('/sts')))],
    ['by digest', answer(component('sts', { pods: [pod('sts', 0, { container: { image: `${imageOf('sts')}@sha256:${'a'.repeat(64)}`, tag: null } })] })), 'pass', /^v1\.0\.0 everywhere$/],
    ['one may not be seen', forbidden('list pods'), 'pass', /^v1\.0\.0 everywhere$/],
    ['none may be seen', forbidden('list pods'), 'unknown', /^no permission: list pods$/, Object.fromEntries(serviceNames.map((name) => [`kubernetes.component/${name}`, forbidden('list pods')]))],
    ['no workload', answer(component('sts', { workload: null, pods: [] })), 'not-applicable', /^no workload$/, none],
  ]);

  it('CRC-SVC-211: images that are named by digest alone pass', async () => {
    const verdict = await judge('CRC-SVC-211', { ...well, ...all((name) => ({ image: `${imageOf(name)}@sha256:${'a'.repeat(64)}`, tag: null })) });
    assert.deepEqual([verdict.status, verdict.summary], ['pass', 'by digest']);
  });

  it('CRC-SVC-211: shows image and digest of each component, and the chart', async () => {
    const verdict = await judge('CRC-SVC-211', well);
    assert.match(fact(verdict, 'sts') ?? '', /^ghcr\.io\/garudex-labs\/caracal-go:v1\.0\.0, sha256:a+/);
    assert.equal(fact(verdict, 'chart'), 'caracal 1.0.0, app 1.0.0');
    assert.equal(fact(verdict, 'app.kubernetes.io/version'), '1.0.0 (api, sts, gateway, audit, coordinator, web)');
  });
});

describe('kubernetes: recent changes', () => {
  const killed = { exitCode: 137, reason: 'Error', startedAt: ago(hour), finishedAt: ago(4 * minute + 10), message: '' };
  const restarted = answer(component('sts', { pods: [pod('sts', 0, { container: { restarts: 1, startedAt: ago(4 * minute), lastEnd: killed } })] }));
  const nothing = Object.fromEntries(serviceNames.map((name) => [`kubernetes.component/${name}`, answer(component(name, { workload: null, pods: [] }))]));
  const unseen = { 'kubernetes.helm/Kubernetes': forbidden('list secrets'), 'kubernetes.secrets/Kubernetes': forbidden('get secrets') };
  table('CRC-SVC-212', 'kubernetes.component/sts', [
    ['a restart', restarted, 'pass', /^last: caracal-caracal-sts-0 restarted 4 min ago$/],
    ['a rollout by hand', answer(component('sts', { pods: [pod('sts', 0, { restartedAt: ago(minute) })] })), 'pass', /^last: sts restarted by kubectl rollout restart 1 min ago$/],
    ['a revision', answer(component('sts', { workload: workload('sts', { revisions: [{ name: 'r', revision: 4, at: ago(30), image: 'ghcr.io/garudex-labs/caracal-go:v1.0.1', replicas: null, ready: null }] }) })), 'pass', /^last: sts revision 4 made \(caracal-go:v1\.0\.1\) 30 s ago$/],
    ['an eviction', answer(component('sts', { pods: [pod('sts', 0, { phase: 'Failed', reason: 'Evicted', container: { state: 'terminated', end: { ...killed, finishedAt: ago(20) } } })] })), 'pass', /^last: caracal-caracal-sts-0 Evicted 20 s ago$/],
    ['a deletion', answer(component('sts', { pods: [pod('sts', 0, { deletedAt: ago(2) })] })), 'pass', /^last: caracal-caracal-sts-0 deleted 2 s ago$/],
    ['a migration', answer(component('sts')), 'pass', /^last: migrate failed 1 min ago$/, { 'kubernetes.jobs/Kubernetes': answer([{ name: 'm', component: 'migrate', createdAt: ago(2 * minute), startedAt: null, finishedAt: ago(minute), active: 0, succeeded: 0, failed: 4, backoffLimit: 3, conditions: [], lastLines: null }]) }],
    ['a revision of Helm', answer(component('sts')), 'pass', /^last: Helm revision 5 failed, chart 1\.0\.0 \(timed out\) 5 s ago$/, { 'kubernetes.helm/Kubernetes': answer({ revisions: [revision(5, 'failed', { lastDeployed: ago(5), description: 'timed out' })], unreadable: [] }) }],
    ['an activation of a policy', answer(component('sts')), 'pass', /^last: policy set main version 3 activated \(zone Payments\) 3 s ago$/, { 'postgres.policyActivations/Postgres': answer([{ zone: 'Payments', set: 'main', version: 3, at: ago(3) }]) }],
    ['nothing', answer(component('sts', { workload: null, pods: [] })), 'pass', /^none known$/, { ...nothing, ...unseen }],
    ['nothing may be seen', forbidden('list pods'), 'unknown', /^no permission: list jobs\.batch$/, { ...Object.fromEntries(serviceNames.map((name) => [`kubernetes.component/${name}`, forbidden('list pods')])), ...unseen, 'kubernetes.jobs/Kubernetes': forbidden('list jobs.batch') }],
  ]);

  it('CRC-SVC-212: shows them newest first, and what was not seen', async () => {
    const verdict = await judge('CRC-SVC-212', { ...well, 'kubernetes.component/sts': restarted, ...unseen });
    const times = verdict.facts.filter(({ name }) => /^\d{4}-/.test(name)).map(({ name }) => name);
    assert.deepEqual(times, times.toSorted().toReversed());
    assert.equal(fact(verdict, times[1] ?? ''), 'caracal-caracal-sts-0 ended (exit 137, SIGKILL), 4 min ago');
    assert.equal(fact(verdict, 'Secrets'), 'not seen; no permission: get secrets');
  });

  it('CRC-SVC-212: names who changed a Secret', async () => {
    const [{ name, secret } = { name: '', secret: null }] = wellSecrets.secrets;
    assert.ok(secret);
    const changes = [...secret.changes, { manager: 'external-secrets', operation: 'Update', at: ago(minute), keys: ['redisUrl'] }];
    const verdict = await judge('CRC-SVC-212', { ...well, 'kubernetes.secrets/Kubernetes': answer({ ...wellSecrets, secrets: [{ name, secret: { ...secret, changes } }] }) });
    assert.equal(verdict.summary, 'last: Secret caracal-runtime changed by external-secrets 1 min ago');
  });
});

describe('kubernetes: Rollout', () => {
  const sts = (changes: Partial<WorkloadFacts>, pods: readonly PodFacts[] = [pod('sts', 0), pod('sts', 1)], warnings: readonly EventFacts[] | null = []): Outcome => answer(component('sts', { workload: workload('sts', changes), pods: [...pods], warnings: warnings && [...warnings] }));
  const api = (changes: Partial<WorkloadFacts>, warnings: readonly EventFacts[] = []): Outcome => answer(component('api', { workload: workload('api', changes), warnings: [...warnings] }));
  const broken = (index: number): PodFacts => pod('sts', index, { ready: false });
  const noWorkload = (name: string): Outcome => answer(component(name, { workload: null, pods: [] }));
  const off = { 'kubernetes.helm/Kubernetes': answer({ revisions: [revision(4, 'deployed', { settings: { ...revision(4, '').settings, disabled: ['sts'] } })], unreadable: [] }) };
  table('CRC-SVC-221', 'kubernetes.component/sts', [
    ['well', sts({}), 'pass', /^2 of 2 ready, revision 3 made 3 h ago$/],
    ['the first pod holds up all others', sts({ ready: 0, replicas: 1, updated: 1 }, [broken(0)]), 'fail', /^stuck at caracal-caracal-sts-0, 0 of 2 ready$/],
    ['an update stops at the last pod', sts({ ready: 1, updated: 1 }, [pod('sts', 0), broken(1)]), 'fail', /^stuck at caracal-caracal-sts-1, 1 of 2 ready, 1 of 2 updated$/],
    ['the first pod is about to start', sts({ ready: 0, replicas: 1, updated: 1 }, [pod('sts', 0, { ready: false, container: { startedAt: ago(20), ready: false } })]), 'warn', /^waits for caracal-caracal-sts-0, 0 of 2 ready$/],
    ['an update goes on', sts({ ready: 1, updated: 1 }, [pod('sts', 0), pod('sts', 1, { ready: false, startedAt: ago(5), container: { state: 'waiting', reason: 'ContainerCreating', ready: false } })]), 'warn', /^waits for caracal-caracal-sts-1, 1 of 2 ready, 1 of 2 updated$/],
    ['in parallel nothing is held up', sts({ ready: 1, replicas: 1, updated: 1, podManagementPolicy: 'Parallel' }, [broken(0)]), 'warn', /^rolling out, 1 of 2 updated, 1 of 2 ready$/],
    ['a pod that became unready after', sts({ ready: 1 }, [broken(0), pod('sts', 1)]), 'warn', /^1 of 2 ready; the others carry on$/],
    ['none ready', sts({ ready: 0 }, [broken(0), broken(1)]), 'fail', /^0 of 2 ready$/],
    ['scaled to 0', sts({ wanted: 0, replicas: 0, ready: 0, updated: 0 }, []), 'fail', /^scaled to 0; sts does not run$/],
    ['refused by a quota', sts({ ready: 1, replicas: 1, updated: 1 }, [pod('sts', 0)], [warning('FailedCreate', 'create Pod failed: exceeded quota: compute', 'StatefulSet/caracal-caracal-sts')]), 'fail', /^FailedCreate, 1 of 2 ready; create Pod failed: exceeded quota: compute$/],
    ['events may not be listed', sts({ ready: 1 }, [pod('sts', 0), broken(1)], null), 'warn', /^1 of 2 ready/],
    ['off by the values', noWorkload('sts'), 'not-applicable', /^off: services\.sts\.enabled is false$/, off],
    ['deleted', noWorkload('sts'), 'fail', /^no workload; it was deleted$/],
    ['absent, and the values are not known', noWorkload('sts'), 'warn', /^no workload; switched off or deleted$/, { 'kubernetes.helm/Kubernetes': forbidden('list secrets') }],
    ['forbidden', forbidden('list statefulsets.apps'), 'unknown', /^no permission: list statefulsets\.apps$/],
  ]);
  const gaveUp = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'ReplicaSet "x" has timed out progressing.', since: ago(minute) };
  const refusedPods = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'pods "x" is forbidden: exceeded quota', since: ago(minute) };
  table('CRC-SVC-220', 'kubernetes.component/api', [
    ['well', api({}), 'pass', /^2 of 2 ready/],
    ['the rollout gave up, and old pods go on', api({ updated: 1, replicas: 3, conditions: [gaveUp] }), 'fail', /^ProgressDeadlineExceeded, 1 of 2 updated, 2 of 2 ready$/],
    ['refused by a quota', api({ ready: 1, conditions: [refusedPods] }), 'fail', /^FailedCreate, 1 of 2 ready; exceeded quota$/],
    ['refused once, and complete since', api({}, [warning('FailedCreate', 'quota', 'ReplicaSet/x')]), 'pass', /^2 of 2 ready/],
    ['under way', api({ updated: 1, replicas: 3 }), 'warn', /^rolling out, 1 of 2 updated, 2 of 2 ready$/],
    ['old pods are ending', api({ replicas: 3 }), 'pass', /^2 of 2 ready, revision 3 made 3 h ago, 1 of before ending$/],
    ['first pods', api({ ready: 0, revisions: [{ name: 'r', revision: 1, at: ago(20), image: null, replicas: 2, ready: 0 }] }), 'warn', /^starting, 0 of 2 ready$/],
    ['not taken up', api({ generation: 4 }), 'warn', /^not taken up yet, 2 of 2 ready$/],
  ]);

  it('CRC-SVC-221: says that a corrected update does not replace the broken pod', async () => {
    const verdict = await judge('CRC-SVC-221', { ...well, 'kubernetes.component/sts': sts({ ready: 1, updated: 1 }, [pod('sts', 0), broken(1)]) });
    assert.match(verdict.reasoning, /OrderedReady.*kubectl delete pod caracal-caracal-sts-1/);
  });

  it('CRC-SVC-220: shows what rollout status and history show', async () => {
    const verdict = await judge('CRC-SVC-220', { ...well, 'kubernetes.component/api': api({ updated: 1, conditions: [gaveUp] }) });
    assert.equal(fact(verdict, 'replicas'), '2 wanted, 2 there, 1 updated, 2 ready, 2 available');
    assert.equal(fact(verdict, 'revision 3'), 'caracal-caracal-api-5d9f7c, 3 h ago, 2 pods, newest');
    assert.equal(fact(verdict, 'Progressing'), 'False, ProgressDeadlineExceeded: ReplicaSet "x" has timed out progressing.');
  });
});

describe('kubernetes: Pods', () => {
  const end = (exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error', seconds = 30): NonNullable<Container['lastEnd']> => ({ exitCode, reason, startedAt: ago(seconds + 5), finishedAt: ago(seconds), message: '' });
  const crashLoop = (exitCode = 1, reason?: string): PodChange => ({
    ready: false,
    container: { state: 'waiting', reason: 'CrashLoopBackOff', message: 'back-off 2m40s restarting failed container', ready: false, startedAt: null, restarts: 7, lastEnd: end(exitCode, reason) },
  });
  const waiting = (reason: string, message = '', more: PodChange = {}): PodChange => ({ ready: false, ...more, container: { state: 'waiting', reason, message, startedAt: null, ready: false } });
  const running = (seconds: number, container: Partial<Container> = {}, more: PodChange = {}): PodChange => ({ ...more, container: { startedAt: ago(seconds), ...container } });

  /** Two pods of a component in this state. */
  function both(name: string, change: PodChange, more: Partial<ComponentFacts> = {}): Outcome {
    return answer(component(name, { pods: [pod(name, 0, change), pod(name, 1, change)], workload: workload(name, { ready: 0 }), ...more }));
  }
  /** One pod in this state, the other one well. */
  const one = (name: string, change: PodChange, more: Partial<ComponentFacts> = {}): Outcome => answer(component(name, { pods: [pod(name, 0), pod(name, 1, change)], ...more }));
  const ofFirst = (name: string, reason: string, message: string, lastAt?: string): Partial<ComponentFacts> => ({ warnings: [warning(reason, message, `Pod/${pod(name, 0).name}`, lastAt), warning(reason, message, `Pod/${pod(name, 1).name}`, lastAt)] });
  const lines = (name: string, ...previous: readonly string[]): Partial<ComponentFacts> => ({ previousLines: { pod: pod(name, 0).name, lines: [...previous] } });

  table('CRC-SVC-231', 'kubernetes.component/sts', [
    ['well', answer(component('sts')), 'pass', /^2 ready, up 3 h$/],
    ['a crash loop whose line is lost', both('sts', crashLoop(), lines('sts')), 'fail', /^CrashLoopBackOff, exit 1, 7 restarts; it logged nothing$/],
    ['a crash loop with a line, as after a panic', both('sts', crashLoop(), lines('sts', 'panic: SECRET_STORE_KEK must not repeat the same byte', 'goroutine 1 [running]:')), 'fail', /^CrashLoopBackOff, exit 1, 7 restarts; panic: SECRET_STORE_KEK must not repeat the same byte$/],
    ['a crash loop with lines that tell no error', both('sts', crashLoop(), lines('sts', '{"level":"info","msg":"starting"}', 'bye')), 'fail', /^CrashLoopBackOff, exit 1, 7 restarts$/],
    ['another exit code is no lost line', both('sts', crashLoop(2), lines('sts')), 'fail', /^CrashLoopBackOff, exit 2, 7 restarts$/],
    ['a log that was not read is no empty one', both('sts', crashLoop()), 'fail', /^CrashLoopBackOff, exit 1, 7 restarts$/],
    ['out of memory in a loop', both('sts', crashLoop(137, 'OOMKilled')), 'fail', /^OOMKilled at 1Gi, CrashLoopBackOff, 7 restarts$/],
    ['out of memory a moment ago', one('sts', running(4 * minute, { restarts: 1, lastEnd: end(137, 'OOMKilled', 4 * minute) })), 'fail', /^1 of 2 OOMKilled at 1Gi, restarted 4 min ago, 1 restart$/],
    ['out of memory long ago', one('sts', running(5 * hour, { restarts: 1, lastEnd: end(137, 'OOMKilled', 5 * hour) })), 'pass', /^2 ready, up 3 h, 1 restart$/],
    ['no such image', both('sts', waiting('ImagePullBackOff', 'Back-off pulling image'), ofFirst('sts', 'Failed', 'Failed to pull image "x": rpc error: code = NotFound: not found')), 'fail', /^ImagePullBackOff, ghcr\.io\/garudex-labs\/caracal-go:v1\.0\.0; there is no such image$/],
    ['the registry refuses', both('sts', waiting('ErrImagePull', 'failed to authorize: 401 Unauthorized')), 'fail', /^ErrImagePull, .*; the registry does not let the node in$/],
    ['the registry is away', both('sts', waiting('ErrImagePull', 'dial tcp: lookup ghcr.io: no such host')), 'fail', /^ErrImagePull, .*; the node does not reach the registry$/],
    ['an image for another reason', both('sts', waiting('InvalidImageName', 'couldn\'t parse image')), 'fail', /^InvalidImageName, ghcr\.io[^;]*$/],
    ['a missing key', both('sts', waiting('ContainerCreating'), ofFirst('sts', 'FailedMount', 'MountVolume.SetUp failed for volume "runtime-secrets" : references non-existent secret key: streamsHmacKey')), 'fail', /^FailedMount; references non-existent secret key: streamsHmacKey$/],
    ['a volume that is not attached', both('sts', waiting('ContainerCreating'), ofFirst('sts', 'FailedAttachVolume', 'Multi-Attach error for volume "pvc-1"')), 'fail', /^FailedAttachVolume; Multi-Attach error/],
    ['just being made', both('sts', waiting('ContainerCreating', '', { startedAt: ago(20) })), 'warn', /^ContainerCreating for 20 s$/],
    ['being made for too long', both('sts', waiting('ContainerCreating', '', { startedAt: ago(8 * minute) })), 'fail', /^ContainerCreating for 8 min; no warning says why$/],
    ['no node takes it', both('sts', { node: null, phase: 'Pending', ready: false, container: null, conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found.', since: ago(hour) }] }), 'fail', /^Pending; 0\/3 nodes are available: 3 Insufficient cpu$/],
    ['no node has taken it yet', both('sts', { node: null, phase: 'Pending', createdAt: ago(5), ready: false, container: null, conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available', since: ago(5) }] }), 'warn', /^Pending; 0\/3 nodes are available$/],
    ['the node does not begin', both('sts', { phase: 'Pending', ready: false, container: null, createdAt: ago(10 * minute) }), 'fail', /^Pending for 10 min$/],
    ['evicted, nothing took its place', both('sts', { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.', ready: false, container: { state: 'terminated', ready: false, end: end(137) } }), 'fail', /^Evicted 30 s ago; The node was low on resource: memory$/],
    ['evicted and replaced', one('sts', { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.', ready: false, container: { state: 'terminated', ready: false, end: end(137) } }), 'warn', /^1 of 2 Evicted 30 s ago, replaced; The node was low/],
    ['evicted and replaced long ago', one('sts', { phase: 'Failed', reason: 'Evicted', ready: false, container: { state: 'terminated', ready: false, end: end(137, 'Error', 5 * hour) } }), 'pass', /^1 ready, up 3 h, 1 ending or ended$/],
    ['the node is lost', one('sts', { deletedAt: ago(12 * minute), reason: 'NodeLost' }), 'fail', /^1 of 2 Terminating for 12 min too long, NodeLost; node node-2 does not end it$/],
    ['in its time of grace', one('sts', { deletedAt: ago(-20) }), 'pass', /^1 ready, up 3 h, 1 ending or ended$/],
    ['all in their time of grace', both('sts', { deletedAt: ago(-20) }), 'warn', /^all are ending$/],
    ['restarted a moment ago', one('sts', running(4 * minute, { restarts: 2, lastEnd: end(2, 'Error', 4 * minute) })), 'warn', /^1 of 2 restarted 4 min ago, exit 2, 2 restarts$/],
    ['restarts of before', one('sts', running(2 * hour, { restarts: 2, lastEnd: end(2, 'Error', 2 * hour) })), 'pass', /^2 ready, up 2 h, 2 restarts$/],
    ['between two crashes it runs', both('sts', running(10, { restarts: 7, ready: false, lastEnd: end(1, 'Error', 12) }, { ready: false }), lines('sts')), 'fail', /^restarts again and again, the last 10 s ago, exit 1, 7 restarts; it logged nothing$/],
    ['between two crashes it does not run', both('sts', { ready: false, container: { state: 'terminated', reason: 'Error', ready: false, end: end(1), restarts: 1 } }, lines('sts')), 'fail', /^ended, exit 1, 1 restart; it logged nothing$/],
    ['starts', both('sts', running(20, { ready: false }, { ready: false })), 'warn', /^starting for 20 s, not ready yet$/],
    ['not ready', both('sts', running(hour, { ready: false }, { ready: false, conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: '', since: ago(5 * minute) }] }), ofFirst('sts', 'Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503')), 'fail', /^not ready for 5 min; Readiness probe: HTTP probe failed with statuscode: 503$/],
    ['one not ready', one('sts', running(hour, { ready: false }, { ready: false })), 'warn', /^1 of 2 not ready$/],
    ['no pods', answer(component('sts', { pods: [] })), 'fail', /^none; 2 wanted$/],
    ['scaled to 0', answer(component('sts', { pods: [], workload: workload('sts', { wanted: 0 }) })), 'not-applicable', /^scaled to 0$/],
    ['no workload', answer(component('sts', { pods: [], workload: null })), 'not-applicable', /^no workload$/],
    ['forbidden', forbidden('list pods'), 'unknown', /^no permission: list pods$/],
    ['no answer', timeout(8_000), 'unknown', /^no answer in 8 s$/],
  ]);

  const mounting = both('sts', waiting('ContainerCreating', '', { startedAt: null, createdAt: ago(8 * minute) }), { warnings: null });
  table('CRC-SVC-231', 'kubernetes.component/sts', [
    ['events may not be listed', mounting, 'fail', /^ContainerCreating for 8 min; no warning says why$/],
    ['a container that cannot be made', both('sts', waiting('CreateContainerError')), 'fail', /^CreateContainerError$/],
    ['scheduled a moment ago', both('sts', { phase: 'Pending', ready: false, container: null, createdAt: ago(5), message: 'waits' }), 'warn', /^Pending for 5 s; waits$/],
    ['held by the scheduler without words', both('sts', { node: null, phase: 'Pending', ready: false, container: null, conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message: '', since: null }] }), 'fail', /^Pending; SchedulingGated$/],
    ['the node was lost just now', one('sts', { deletedAt: ago(-20), reason: 'NodeLost', node: null }), 'fail', /^1 of 2 Terminating still, NodeLost; node unknown does not end it$/],
    ['evicted before its container ran', both('sts', { phase: 'Failed', reason: 'Evicted', ready: false, container: null, conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message: '', since: ago(2 * minute) }] }), 'fail', /^Evicted 2 min ago$/],
    ['out of memory without a limit', both('sts', { ready: false, container: { state: 'terminated', reason: null, ready: false, memoryLimit: null, end: end(137, 'OOMKilled') } }), 'fail', /^OOMKilled at the limit of the node, 0 restarts$/],
    ['restarted and not ready yet', one('sts', running(20, { restarts: 1, ready: false, lastEnd: end(2) }, { ready: false })), 'warn', /^1 of 2 restarted 20 s ago, exit 2, 1 restart, not ready$/],
    ['a long message is cut', both('sts', waiting('RunContainerError', 'x'.repeat(300))), 'fail', /^RunContainerError; x{139}…$/],
  ]);

  it('CRC-SVC-231: says that a probe which timed out may be a slow dependency', async () => {
    const slow = 'Readiness probe failed: Get "http://10.0.0.7:8080/ready": context deadline exceeded';
    const verdict = await judge('CRC-SVC-231', { ...well, 'kubernetes.component/sts': both('sts', running(hour, { ready: false }, { ready: false }), ofFirst('sts', 'Unhealthy', slow)) });
    assert.match(verdict.reasoning, /Kubernetes waits 1 s/);
  });

  it('CRC-SVC-231: uses the local clock where the API server does not tell its own', async () => {
    const verdict = await judge('CRC-SVC-231', { ...well, 'kubernetes.cluster/Kubernetes': answer({ ...wellCluster, at: null }) });
    assert.equal(verdict.summary, '2 ready, up 3 h');
  });

  const noHealth = { 'service.health/audit': refused('ECONNREFUSED') };
  const unhealthy = { 'service.health/audit': answer({ status: 503, body: '{"error":"consumer_unhealthy"}' }) };
  const reachable = (outcome: Outcome): Readonly<Record<string, Outcome>> => ({ ...noHealth, 'postgres.hello/Postgres': answer({ tls: false, tookMs: 1 }), 'redis.hello/Redis': outcome });
  const answers = answer({ answer: '-NOAUTH Authentication required.', tookMs: 1 });
  table('CRC-SVC-230', 'kubernetes.component/api', [
    ['a Deployment does not wait for a pod that does not end', one('api', { deletedAt: ago(12 * minute) }), 'warn', /^1 of 2 Terminating for 12 min too long; node node-2 does not end it$/],
    ['a Node service without a line', both('api', crashLoop(), lines('api')), 'fail', /^CrashLoopBackOff, exit 1, 7 restarts$/, reachable(answers)],
    ['a Node service keeps its line', both('api', crashLoop(), lines('api', '{"level":"error","time":1,"msg":"startup failed"}')), 'fail', /^CrashLoopBackOff, exit 1, 7 restarts; startup failed$/, reachable(answers)],
  ]);
  table('CRC-SVC-235', 'kubernetes.component/web', [
    ['a missing variable', both('web', waiting('CreateContainerConfigError', 'couldn\'t find key caracalAuthSecret in Secret caracal/caracal-runtime')), 'fail', /^CreateContainerConfigError; couldn't find key caracalAuthSecret/],
  ]);

  const liveness = ofFirst('audit', 'Unhealthy', 'Liveness probe failed: HTTP probe failed with statuscode: 503', ago(40));
  const byLiveness = running(30, { restarts: 2, lastEnd: end(0) }, {});
  table('CRC-SVC-233', 'kubernetes.component/audit', [
    ['restarts while Redis is away', both('audit', byLiveness, liveness), 'warn', /^not a cause: \/health follows Redis here$/, reachable(refused('ECONNREFUSED'))],
    ['a crash loop while Redis is away', both('audit', crashLoop(0), liveness), 'fail', /^not a cause: \/health follows Redis here$/, reachable(timeout(5_000))],
    ['restarts, and Redis answers', both('audit', byLiveness, liveness), 'warn', /^restarted 30 s ago, exit 0, 2 restarts; by its liveness probe$/, reachable(answers)],
    ['restarts with 503, and Redis cannot be asked', both('audit', byLiveness, liveness), 'warn', /^not a cause: \/health follows Redis here$/, reachable({ kind: 'unavailable', why: 'no connection string', wayOut: 'give one' })],
    ['restarts for another reason, and Redis cannot be asked', both('audit', byLiveness, ofFirst('audit', 'Unhealthy', 'Liveness probe failed: context deadline exceeded', ago(40))), 'warn', /by its liveness probe$/, reachable({ kind: 'unavailable', why: 'no connection string', wayOut: 'give one' })],
    ['restarts, and Audit itself says that it cannot read', both('audit', byLiveness, liveness), 'warn', /^not a cause: \/health follows Redis here$/, { ...reachable({ kind: 'unavailable', why: 'no connection string', wayOut: 'give one' }), ...unhealthy }],
    ['restarts of its own while Redis is away', both('audit', running(30, { restarts: 2, lastEnd: end(1) })), 'warn', /^restarted 30 s ago, exit 1, 2 restarts$/, reachable(refused('ECONNREFUSED'))],
    ['a probe that failed at another time', both('audit', byLiveness, ofFirst('audit', 'Unhealthy', 'Liveness probe failed: timeout', ago(50 * minute))), 'warn', /^restarted 30 s ago, exit 0, 2 restarts$/, reachable(refused('ECONNREFUSED'))],
  ]);
  table('CRC-SVC-232', 'kubernetes.component/gateway', [
    ['never passes its startup probe', both('gateway', running(60, { restarts: 3, ready: false, lastEnd: { ...end(137, 'Error', 60), startedAt: ago(210) } }, { ready: false }), ofFirst('gateway', 'Unhealthy', 'Startup probe failed: dial tcp: connection refused', ago(5))), 'fail', /^restarts again and again, the last 1 min ago, exit 137, SIGKILL, 3 restarts; by its startup probe$/],
    ['startup probes fail for a while in every start', both('gateway', running(60, { restarts: 3, ready: false, lastEnd: end(1, 'Error', 60) }, { ready: false }), ofFirst('gateway', 'Unhealthy', 'Startup probe failed: dial tcp: connection refused', ago(5))), 'fail', /^restarts again and again, the last 1 min ago, exit 1, 3 restarts$/, reachable(answers)],
    ['liveness of another service follows no store', both('gateway', byLiveness, ofFirst('gateway', 'Unhealthy', 'Liveness probe failed: timeout', ago(40))), 'warn', /^restarted 30 s ago, exit 0, 2 restarts; by its liveness probe$/, reachable(refused('ECONNREFUSED'))],
  ]);

  it('CRC-SVC-232: names what the Gateway needs to start and is away', async () => {
    const verdict = await judge('CRC-SVC-232', { ...well, ...reachable(refused('ECONNREFUSED')), 'kubernetes.component/gateway': both('gateway', crashLoop(), lines('gateway')) });
    assert.equal(fact(verdict, 'Redis'), 'no answer; gateway makes its consumer group first');
    assert.equal(fact(verdict, 'Postgres'), undefined);
    assert.match(verdict.reasoning, /usually loses the line/);
  });

  it('CRC-SVC-231: shows what describe pod shows', async () => {
    const change = { ...running(2 * hour, { restarts: 2, lastEnd: end(143, 'Error', 2 * hour) }), conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [sts]', since: ago(minute) }] };
    const verdict = await judge('CRC-SVC-231', { ...well, 'kubernetes.component/sts': answer(component('sts', { pods: [pod('sts', 0, change)], ...ofFirst('sts', 'Unhealthy', 'Readiness probe failed: 503'), ...lines('sts', 'bye') })) });
    assert.equal(fact(verdict, 'caracal-caracal-sts-0'), 'ready, up 2 h, node node-1, ip 10.244.0.1, 2 restarts, before: exit 143, SIGTERM Error 2 h ago, revision 5d9f7c');
    assert.match(fact(verdict, 'image') ?? '', /^ghcr\.io\/garudex-labs\/caracal-go:v1\.0\.0, sha256:a/);
    assert.equal(fact(verdict, 'liveness probe'), 'GET /health');
    assert.equal(fact(verdict, 'memory limit'), '1Gi');
    assert.equal(fact(verdict, 'last line'), 'bye');
    assert.equal(fact(verdict, 'caracal-caracal-sts-0 Ready'), 'False, ContainersNotReady: containers with unready status: [sts]');
    assert.equal(fact(verdict, 'Unhealthy'), 'Readiness probe failed: 503, 4 times, 20 s ago, Pod/caracal-caracal-sts-1');
  });

  it('CRC-SVC-231: says when events may not be listed, and names twenty pods at most', async () => {
    const pods = Array.from({ length: 25 }, (_, index) => pod('sts', index));
    const verdict = await judge('CRC-SVC-231', { ...well, 'kubernetes.component/sts': answer(component('sts', { pods, warnings: null })) });
    assert.equal(verdict.summary, '25 ready, up 3 h');
    assert.equal(fact(verdict, 'more pods'), '5');
    assert.equal(fact(verdict, 'warnings'), 'not seen; no permission: list events');
  });
});

describe('kubernetes: checks and observers', () => {
  it('has each number once, of Kubernetes only, and needs the API server', () => {
    const numbers = [...Array.from({ length: 13 }, (_, index) => 200 + index), ...Array.from({ length: 6 }, (_, index) => 220 + index), ...Array.from({ length: 6 }, (_, index) => 230 + index)];
    assert.deepEqual(kubernetesChecks.map(({ id }) => id), numbers.map((number) => `CRC-SVC-${number}`));
    for (const { id, kinds, needs } of kubernetesChecks) {
      assert.deepEqual(kinds, ['kubernetes']);
      assert.deepEqual(needs, id === 'CRC-SVC-200' ? [] : ['CRC-SVC-200']);
    }
    assert.deepEqual(kubernetesChecks.filter(({ title }) => title === 'Pods').map(({ component: name }) => name), [...serviceNames]);
  });

  it('passes or does not apply where all is well', async () => {
    const quiet: Readonly<Record<string, Outcome>> = {
      ...well,
      'kubernetes.permissions/Kubernetes': answer({ permissions: [] }),
      'kubernetes.networkPolicies/Kubernetes': answer([]),
      'kubernetes.claims/Kubernetes': answer([]),
      'kubernetes.services/Kubernetes': answer(serviceNames.map((name) => ({ name: nameOf(name), component: name, type: 'ClusterIP', clusterIP: '10.96.0.9', selector: { a: name }, ports: [], ready: ['a'], notReady: [], endpointPorts: [{ api: 3000, sts: 8080, gateway: 8081, audit: 9090, coordinator: 4000, web: 3002 }[name]] }))),
      'kubernetes.monitors/Kubernetes': answer({ monitors: null }),
      'kubernetes.autoscalers/Kubernetes': answer([]),
    };
    for (const { id } of kubernetesChecks) {
      const { status, summary } = await judge(id, quiet);
      assert.ok(status === 'pass' || status === 'not-applicable', `${id} ${status} ${summary}`);
    }
  });

  it('asks each subject of the release, and says how a person could', async () => {
    const asked: string[] = [];
    const tell = (name: string, value: unknown) => (...parameters: readonly unknown[]): Promise<unknown> => {
      asked.push(parameters.length === 2 ? `${name} ${String(parameters[0])}` : name);
      return Promise.resolve(value);
    };
    const release = {
      cluster: tell('cluster', wellCluster), permissions: tell('permissions', { permissions: [] }), component: tell('component', component('sts')),
      services: tell('services', []), jobs: tell('jobs', []), claims: tell('claims', []), secrets: tell('secrets', wellSecrets),
      networkPolicies: tell('networkPolicies', []), monitors: tell('monitors', { monitors: null }), autoscalers: tell('autoscalers', []), helm: tell('helm', wellHelm),
    } as unknown as KubernetesRelease;
    const deployment = { target: { kind: 'kubernetes', name: 'caracal', namespace: 'apps', release: 'caracal', context: 'prod' }, kubernetes: () => release } as unknown as Deployment;
    const words: string[] = [];
    for (const observer of kubernetesObservers) {
      const of = observer.subject.name === 'kubernetes.component' ? 'sts' : 'Kubernetes';
      words.push(observer.asked(deployment, of));
      const value = await observer.observe(deployment, { of, signal: new AbortController().signal, stage: () => undefined });
      assert.ok(observer.subject.schema.safeParse(value).success, observer.subject.name);
    }
    assert.deepEqual(asked, ['cluster', 'permissions', 'component sts', 'services', 'jobs', 'claims', 'secrets', 'networkPolicies', 'monitors', 'autoscalers', 'helm']);
    assert.ok(words.every((each) => each.startsWith('kubectl --context prod -n apps ')), words.join('\n'));
    assert.ok(words.some((each) => each.includes('-l app.kubernetes.io/instance=caracal,app.kubernetes.io/component=sts')));
  });

  it('asks only what it names, all of it answered by an observer', () => {
    const known = new Set(observers.map(({ subject }) => subject.name));
    for (const { id, asks } of kubernetesChecks) for (const question of asks) assert.ok(known.has(question.subject), `${id} ${questionId(question)}`);
  });
});
