import { deepEqual, doesNotMatch, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect as connectSocket } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import * as model from '../../src/model/kubernetes.ts';
import { chartComponents } from '../../src/model/kubernetes.ts';
import type { KubernetesTarget, ServiceName } from '../../src/model/target.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import type { Deployment } from '../../src/targets/deployment.ts';
import { startTls } from '../../src/targets/endpoints/sockets.ts';
import { Refused, Unavailable } from '../../src/targets/failures.ts';
import { connectionOf } from '../../src/targets/kubernetes/connection.ts';
import { Forwards } from '../../src/targets/kubernetes/forward.ts';
import { readKubeconfig } from '../../src/targets/kubernetes/kubeconfig.ts';
import { findReleases, helmHistory, helmValues, openKubernetes } from '../../src/targets/kubernetes/kubernetes.ts';
import type { LocatedTarget } from '../../src/targets/located.ts';
import { eventually } from '../lab/eventually.ts';
import { crashLoop, failProbe } from '../lab/kubernetes/faultParts.ts';
import type { ClusterLab, ClusterLabOptions } from '../lab/kubernetes/lab.ts';
import { startClusterLab } from '../lab/kubernetes/lab.ts';
import { startApiServer } from '../lab/kubernetes/server.ts';
import type { Lab } from '../lab/lab.ts';
import { startLab } from '../lab/lab.ts';
import { certificate } from '../lab/certificate.ts';

let lab: Lab;
const unhandled: unknown[] = [];
const noteUnhandled = (reason: unknown): void => void unhandled.push(reason);
const undo: (() => unknown)[] = [];

before(async function () {
  this.timeout(120_000);
  process.on('unhandledRejection', noteUnhandled);
  lab = await startLab();
});

after(async function () {
  this.timeout(60_000);
  process.off('unhandledRejection', noteUnhandled);
  await lab.close();
});

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  deepEqual(unhandled, []);
});

async function cluster(options: Omit<ClusterLabOptions, 'lab'> = {}): Promise<ClusterLab> {
  const started = await startClusterLab({ lab, ...options });
  undo.push(() => started.close());
  return started;
}

function located({ kubeconfig }: ClusterLab, target: Partial<KubernetesTarget> = {}): LocatedTarget<KubernetesTarget> {
  return { id: 'test', folder: '/', origin: 'test', target: { kind: 'kubernetes', name: 'test', kubeconfig, context: 'lab', namespace: 'caracal', release: 'caracal', ...target } };
}

async function open(of: ClusterLab, target: Partial<KubernetesTarget> = {}, redactor = createRedactor()): Promise<Deployment> {
  const deployment = await openKubernetes(located(of, target), redactor, soon());
  undo.push(() => deployment.close());
  return deployment;
}

function soon(ms = 4_000): AbortSignal {
  return AbortSignal.timeout(ms);
}

function find(of: ClusterLab, context?: string) {
  return findReleases({ HOME: '/nonexistent', KUBECONFIG: of.kubeconfig }, soon(), context === undefined ? {} : { context });
}

/** Paths that were asked, without their queries. */
function asked(of: ClusterLab): readonly string[] {
  return of.api.requests.map(({ url }) => url.replace(/\?.*/, ''));
}

const refused = (code: string) => (error: unknown): boolean => error instanceof Refused && error.code === code;
const unavailable = (why: RegExp, wayOut = /./) => (error: unknown): boolean => error instanceof Unavailable && why.test(error.message) && wayOut.test(error.wayOut);

describe('releases in a cluster', function () {
  this.timeout(30_000);

  it('are found by labels, and no pod is listed for it', async () => {
    const one = await cluster();
    const { cluster: told, contexts, found } = await find(one);
    deepEqual(told, { ok: true, context: 'lab', words: `context lab at ${one.api.url}, of KUBECONFIG` });
    deepEqual(contexts, ['lab', 'lab-admin', 'lab-viewer', 'lab-developer']);
    deepEqual(found.map(({ id, origin, target }) => ({ id, origin, target })), [{
      id: 'kubernetes:lab/caracal/caracal',
      origin: 'context lab, namespace caracal, revision 3',
      target: { kind: 'kubernetes', name: 'caracal', context: 'lab', namespace: 'caracal', release: 'caracal' },
    }]);
    ok(asked(one).every((path) => !path.includes('/pods')));
    ok(asked(one).length <= 5, String(asked(one)));
  });

  it('are found in time among 50 namespaces and 2,000 pods', async () => {
    const one = await cluster({ extraNamespaces: 50, extraPods: 2_000 });
    const startedMs = performance.now();
    const { found } = await find(one);
    equal(found.length, 1);
    ok(performance.now() - startedMs < 2_000);
  });

  it('are found by workloads where Secrets may not be read', async () => {
    const { found } = await find(await cluster({ user: 'viewer' }));
    deepEqual(found.map(({ origin }) => origin), ['context lab, namespace caracal']);
  });

  it('are found in the namespace of the context where others may not be listed', async () => {
    const { cluster: told, found } = await find(await cluster({ user: 'developer' }));
    ok(told.ok);
    match(told.words, /; looked at namespace caracal only: others may not be listed$/);
    equal(found[0]?.origin, 'context lab, namespace caracal, revision 3');
  });

  it('are looked for in the chosen context only', async () => {
    const { cluster: told } = await find(await cluster(), 'lab-viewer');
    equal(told.context, 'lab-viewer');
  });

  it('say why a cluster cannot be asked', async () => {
    const one = await cluster();
    deepEqual((await find(one, 'other')).cluster, {
      ok: false, context: 'other', why: 'the kubeconfig (KUBECONFIG) has no context other', wayOut: 'give another context in the target: there are lab, lab-admin, lab-viewer, lab-developer',
    });
    one.api.expireToken('admin');
    const expired = (await find(one)).cluster;
    ok(!expired.ok);
    equal(expired.why, 'the API server does not accept the credential of the kubeconfig; sign in again');
    await one.api.refuse();
    const away = (await find(one)).cluster;
    ok(!away.ok);
    match(away.why, /^https:\/\/127\.0\.0\.1:\d+ cannot be asked: nothing listens there \(ECONNREFUSED\)$/);
  });
});

describe('a release in a cluster', function () {
  this.timeout(30_000);

  it('tells what runs it, and no secret', async () => {
    const one = await cluster({ plaintextSecrets: true, monitoring: true });
    const deployment = await open(one);
    const { target } = deployment;
    equal(target.mode, 'rc');
    equal(deployment.place, 'release caracal in namespace caracal, context lab');
    const release = deployment.kubernetes();
    const signal = soon();
    const facts = {
      cluster: model.clusterSchema.parse(await release.cluster(signal)),
      permissions: model.permissionsSchema.parse(await release.permissions(signal)),
      components: await Promise.all(chartComponents.map(async (name) => model.componentSchema.parse(await release.component(name, signal)))),
      services: model.serviceObjectSchema.array().parse(await release.services(signal)),
      jobs: model.jobSchema.array().parse(await release.jobs(signal)),
      claims: model.claimSchema.array().parse(await release.claims(signal)),
      secrets: model.secretsSchema.parse(await release.secrets(signal)),
      policies: model.networkPolicySchema.array().parse(await release.networkPolicies(signal)),
      monitors: model.monitorsSchema.parse(await release.monitors(signal)),
      autoscalers: model.autoscalerSchema.array().parse(await release.autoscalers(signal)),
      helm: model.helmSchema.parse(await release.helm(signal)),
    };
    equal(facts.cluster.from, 'target');
    ok(facts.cluster.at !== null);
    ok(facts.permissions.permissions.every(({ allowed }) => allowed));
    for (const { workload, pods, warnings, previousLines } of facts.components) {
      equal(workload?.ready, 2);
      equal(pods.length, 2);
      ok(pods.every(({ ready, container }) => ready && container?.state === 'running'));
      deepEqual({ warnings, previousLines }, { warnings: [], previousLines: null });
    }
    deepEqual(facts.components.map(({ workload }) => workload?.kind), ['StatefulSet', 'Deployment', 'StatefulSet', 'Deployment', 'Deployment', 'Deployment']);
    deepEqual(facts.services.map(({ component }) => component).toSorted(), [...chartComponents].toSorted());
    ok(facts.services.every(({ ready, notReady }) => ready.length === 2 && notReady.length === 0));
    deepEqual(facts.claims.map(({ phase }) => phase), ['Bound', 'Bound', 'Bound', 'Bound']);
    deepEqual(facts.secrets.secrets.map(({ name }) => name), ['caracal-runtime']);
    ok(facts.secrets.secrets[0]?.secret?.keys.includes('redisUrl'));
    ok(facts.secrets.uses.some(({ component, key, how }) => component === 'sts' && key === 'stsDatabaseUrl' && how === 'volume'));
    deepEqual(facts.secrets.addresses.find(({ key }) => key === 'redisUrl'), { key: 'redisUrl', host: 'redis.default.svc.cluster.local', port: '6379' });
    equal(facts.monitors.monitors?.length, 6);
    deepEqual(facts.helm.revisions.map(({ revision, status }) => `${revision} ${status}`), ['1 superseded', '2 superseded', '3 deployed']);
    deepEqual(facts.helm.unreadable, []);
    const words = JSON.stringify(facts);
    for (const [name, secret] of Object.entries(lab.secrets)) ok(!words.includes(secret), `${name} is told`);
  });

  it('asks once what several questions share', async () => {
    const one = await cluster();
    const release = (await open(one)).kubernetes();
    const before = one.api.requests.length;
    await Promise.all(chartComponents.map((name) => release.component(name, soon())));
    const lists = one.api.requests.slice(before).filter(({ url }) => /\/(?:pods|events|deployments|statefulsets)\?/.test(url)).map(({ url }) => url);
    deepEqual(lists, [...new Set(lists)]);
    ok(lists.filter((url) => url.includes('/pods?')).every((url) => url.includes('labelSelector=app.kubernetes.io%2F')), String(lists));
  });

  it('is narrowed to its own among 2,000 pods', async () => {
    const one = await cluster({ extraPods: 2_000 });
    const release = (await open(one)).kubernetes();
    const startedMs = performance.now();
    const facts = await Promise.all(chartComponents.map((name) => release.component(name, soon())));
    deepEqual(facts.map(({ pods }) => pods.length), [2, 2, 2, 2, 2, 2]);
    ok(performance.now() - startedMs < 3_000);
  });

  it('tells of a container that ends again and again: how, and its last lines', async () => {
    const one = await cluster();
    crashLoop(one, one.pod('sts'), { ended: { exitCode: 1, reason: 'Error' }, restarts: 7, log: ['panic: required env vars missing: REDIS_URL'] });
    const { pods, warnings, previousLines } = await (await open(one)).kubernetes().component('sts', soon());
    const pod = pods.find(({ container }) => container?.state === 'waiting');
    deepEqual({ reason: pod?.container?.reason, restarts: pod?.container?.restarts, exitCode: pod?.container?.lastEnd?.exitCode }, { reason: 'CrashLoopBackOff', restarts: 7, exitCode: 1 });
    deepEqual(previousLines, { pod: pod?.name, lines: ['panic: required env vars missing: REDIS_URL'] });
    ok(warnings?.some(({ reason, object }) => reason === 'BackOff' && object === `Pod/${pod?.name}`));
  });

  it('tells what happens to its pods', async () => {
    const one = await cluster();
    const release = (await open(one)).kubernetes();
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { component, what } of release.events(stop.signal)) seen.push(`${component}: ${what}`);
    })();
    await eventually('a watch', () => Promise.resolve(one.api.counters.watches === 1), 5_000);
    const pod = one.pod('api');
    failProbe(one, pod, 'Readiness', 'HTTP probe failed with statuscode: 503');
    await eventually('a pod that is not ready', () => Promise.resolve(seen.includes(`api: pod ${pod.metadata.name} Running, not ready`)), 5_000);
    stop.abort(new Error('enough'));
    await rejects(watching, /enough/);
    await eventually('no watch', () => Promise.resolve(one.api.counters.watches === 0), 5_000);
  });

  it('of which little may be read tells the rest', async () => {
    const one = await cluster({ user: 'viewer' });
    const deployment = await open(one);
    const release = deployment.kubernetes();
    equal((await release.component('sts', soon())).pods.length, 2);
    const { permissions } = await release.permissions(soon());
    deepEqual(permissions.filter(({ allowed }) => !allowed).map(({ verb, resource }) => `${verb} ${resource}`), ['get secrets', 'list secrets', 'list servicemonitors.monitoring.coreos.com', 'get pods/portforward']);
    await rejects(release.secrets(soon()), unavailable(/^no permission: get secrets$/, /verb get on resource secrets in namespace caracal/));
    await rejects(release.helm(soon()), unavailable(/^no permission: list secrets$/));
    throws(() => deployment.postgres(), unavailable(/^no permission: get secrets$/, /or give postgres, redis and tokens in the target$/));
    throws(() => deployment.redis(), unavailable(/^no permission: get secrets$/));
    equal(deployment.hasToken('admin'), false);
    await rejects(deployment.tokenSha256('admin'), unavailable(/^no permission: get secrets$/));
  });

  it('goes on with its context when the kubeconfig is switched meanwhile', async () => {
    const one = await cluster();
    const deployment = await open(one, { context: 'lab' });
    const kubeconfig = await readFile(one.kubeconfig, 'utf8');
    await writeFile(one.kubeconfig, kubeconfig.replace('current-context: lab', 'current-context: lab-viewer').replaceAll('name: lab\n', 'name: moved\n'));
    equal((await deployment.kubernetes().cluster(soon())).context, 'lab');
    equal((await deployment.kubernetes().helm(soon())).revisions.length, 3);
  });

  it('refuses at once when the kubeconfig has no such context', async () => {
    const deployment = await open(await cluster(), { context: 'gone', services: { api: 'http://127.0.0.1:9' } });
    throws(() => deployment.kubernetes(), unavailable(/has no context gone$/));
    throws(() => deployment.postgres(), unavailable(/has no context gone$/));
    throws(() => deployment.http('sts'), unavailable(/has no context gone$/));
    equal(deployment.http('api').at('/ready').href, 'http://127.0.0.1:9/ready');
  });
});

describe('an API server behind a proxy', function () {
  this.timeout(30_000);

  it('is asked, and forwards, through it', async () => {
    const one = await cluster();
    const tunnels: string[] = [];
    const proxy = createHttpServer();
    proxy.on('connect', ({ url = '' }: IncomingMessage, socket: Socket) => {
      tunnels.push(url);
      const upstream = connectSocket(Number(url.split(':')[1]), '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
      const end = (): void => {
        upstream.destroy();
        socket.destroy();
      };
      for (const side of [upstream, socket]) side.on('error', end).on('close', end);
      socket.pipe(upstream).pipe(socket);
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    undo.push(() => proxy.close());
    const kubeconfig = await readFile(one.kubeconfig, 'utf8');
    await writeFile(one.kubeconfig, kubeconfig.replace('server: ', `proxy-url: http://127.0.0.1:${(proxy.address() as AddressInfo).port}\n      server: `));
    const deployment = await open(one);
    equal((await deployment.kubernetes().cluster(soon())).version.startsWith('v1.'), true);
    equal(await deployment.redis().call(['ping'], soon()), 'PONG');
    deepEqual([...new Set(tunnels)], [new URL(one.api.url).host]);
    deployment.close();
    await eventually('no connection', () => Promise.resolve(one.api.counters.connections === 0), 5_000);
  });
});

describe('an API server in trouble', function () {
  this.timeout(30_000);

  it('that breaks off is asked again', async () => {
    const one = await cluster();
    const release = (await open(one)).kubernetes();
    await release.cluster(soon());
    one.api.disconnect();
    equal((await release.component('api', soon())).pods.length, 2);
    await one.api.refuse();
    await rejects(release.services(soon()).then(() => release.jobs(soon())), refused('ECONNREFUSED'));
    await one.api.resume();
    equal((await release.claims(soon())).length, 4);
  });

  it('that is frozen holds nobody: questions stop at once and leave nothing', async () => {
    const one = await cluster();
    const deployment = await open(one);
    one.api.freeze();
    const stop = new AbortController();
    const asking = Promise.allSettled([deployment.kubernetes().component('api', stop.signal), deployment.kubernetes().permissions(stop.signal), deployment.redis().call(['ping'], stop.signal)]);
    await eventually('questions', () => Promise.resolve(one.api.counters.connections > 2), 5_000);
    const startedMs = performance.now();
    stop.abort(new Error('stopped'));
    for (const answer of await asking) match(answer.status === 'rejected' ? String(answer.reason) : 'answered', /stopped/);
    deployment.close();
    ok(performance.now() - startedMs < 200);
    one.api.thaw();
    await eventually('no connection', () => Promise.resolve(one.api.counters.connections === 0), 5_000);
  });

  it('that is frozen lets a target be opened, which says so', async () => {
    const one = await cluster();
    one.api.freeze();
    const deployment = await openKubernetes(located(one), createRedactor(), soon(9_000));
    throws(() => deployment.postgres(), unavailable(/^the API server of context lab did not answer within 6 s$/));
    deployment.close();
    one.api.thaw();
    await eventually('no connection', () => Promise.resolve(one.api.counters.connections === 0), 5_000);
  });

  it('that asks to wait is asked once more', async () => {
    const one = await cluster();
    const release = (await open(one)).kubernetes();
    one.api.throttle(1);
    const startedMs = performance.now();
    await rejects(release.cluster(soon()), refused('TooManyRequests'));
    ok(performance.now() - startedMs > 900);
    one.api.throttle(undefined);
  });
});

describe('services and stores of a cluster', function () {
  this.timeout(60_000);

  it('are reached through port-forwards of this process', async () => {
    const one = await cluster();
    const redactor = createRedactor();
    const deployment = await open(one, {}, redactor);
    deepEqual(await deployment.postgres().query('SELECT count(*) > 0 AS zones FROM zones', [], soon()), [{ zones: true }]);
    equal(deployment.postgres().host, 'postgres.default.svc.cluster.local');
    equal(deployment.postgres().user, 'caracal');
    equal((await deployment.postgres().hello(soon())).tls, false);
    equal(await deployment.redis().call(['ping'], soon()), 'PONG');
    match((await deployment.redis().hello(soon())).answer, /NOAUTH/);
    equal(deployment.http('sts').at('/ready').href, 'http://caracal-caracal-sts.caracal:8080/ready');
    ok(deployment.hasToken('admin') && deployment.hasKey('streams'));
    equal((await deployment.http('api').get({ path: '/v1/zones', token: 'admin', signal: soon() })).status, 200);
    ok(one.api.counters.forwards > 0);
    for (const secret of Object.values(lab.secrets)) doesNotMatch(redactor.text(`it is ${secret}.`), new RegExp(secret));
    deployment.close();
    await eventually('no forward', () => Promise.resolve(one.api.counters.forwards === 0 && one.api.counters.connections === 0), 5_000);
  });

  for (const name of ['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'] satisfies ServiceName[]) {
    it(`answer over HTTP: ${name}`, async () => {
      const deployment = await open(await cluster({ replicas: 1 }));
      equal((await deployment.http(name).get({ path: '/health', signal: soon() })).status, 200);
    });
  }

  it('leave nothing open after 200 targets', async () => {
    const one = await cluster({ replicas: 1 });
    const target = located(one);
    for (let round = 0; round < 200; round += 1) {
      const deployment = await openKubernetes(target, createRedactor(), soon());
      const pending = [deployment.redis().call(['ping'], soon()), deployment.http('sts').get({ path: '/health', signal: soon() })];
      // Every other one is closed while its forwards are still opening.
      if (round % 2 === 0) await Promise.all(pending);
      deployment.close();
      await Promise.allSettled(pending);
    }
    await eventually('nothing open', () => Promise.resolve(Object.values(one.api.counters).every((open) => open === 0)), 10_000);
    deepEqual(process.getActiveResourcesInfo().filter((resource) => resource === 'ChildProcess' || resource === 'TLSSocketWrap'), []);
  });

  it('answer through a pod that is not ready, because it names the reason', async () => {
    const one = await cluster();
    const unready = one.pod('sts', 0);
    failProbe(one, unready, 'Readiness', 'HTTP probe failed with statuscode: 503');
    const deployment = await open(one);
    await deployment.http('sts').get({ path: '/health', signal: soon() });
    ok(asked(one).includes(`/api/v1/namespaces/caracal/pods/${unready.metadata.name}/portforward`));
  });

  it('are reached in another pod when the chosen one is gone', async () => {
    const one = await cluster();
    const deployment = await open(one);
    // Pods are known for a moment, and this one is not there any more.
    await deployment.kubernetes().component('api', soon());
    one.controller.replacePod(one.pod('api', 0));
    one.controller.replacePod(one.pod('api', 0));
    equal((await deployment.http('api').get({ path: '/health', signal: soon() })).status, 200);
  });

  it('refuse like the pod does when nothing listens in it', async () => {
    const one = await cluster({ replicas: 1 });
    const deployment = await open(one);
    for (const pod of one.pods('web')) crashLoop(one, pod, { ended: { exitCode: 1, reason: 'Error' }, restarts: 3 });
    await rejects(deployment.http('web').get({ path: '/health', signal: soon() }), refused('ECONNREFUSED'));
  });

  it('cannot be reached without permission, and say which', async () => {
    const one = await cluster({ user: 'viewer' });
    const deployment = await open(one, { redis: `redis://:x@redis.default.svc.cluster.local:6379` });
    const forbidden = unavailable(/^no permission: get pods\/portforward$/, /verbs get and create on pods\/portforward in namespace caracal, or give services in the target/);
    await rejects(deployment.http('sts').get({ path: '/health', signal: soon() }), forbidden);
    await rejects(deployment.redis().hello(soon()), unavailable(/^no permission: get pods\/portforward$/));
  });

  it('are reached directly where they are outside the cluster, or said not to be', async () => {
    const outside = await open(await cluster({ stores: 'external' }));
    deepEqual(await outside.postgres().query('SELECT 1 AS one', [], soon()), [{ one: 1 }]);
    equal(await outside.redis().call(['ping'], soon()), 'PONG');
    const nowhere = await open(await cluster({ stores: 'unreachable' }));
    await rejects(nowhere.postgres().hello(soon()), refused('ENOTFOUND'));
    const mistaken = await open(await cluster(), { postgres: 'postgresql://caracal:x@database.caracal.svc:5432/caracal' });
    throws(() => mistaken.postgres(), unavailable(/^database\.caracal\.svc:5432 is not reachable from here: the cluster has no Service database in namespace caracal$/));
  });

  it('keep the name for TLS through a forward', async () => {
    const name = 'postgres.default.svc.cluster.local';
    const { key, cert } = certificate({ name });
    const server = createTlsServer({ key, cert }, (socket) => socket.on('error', () => undefined).pipe(socket));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    undo.push(() => server.close());
    const one = await cluster();
    const { port } = server.address() as AddressInfo;
    const api = await startApiServer({ store: one.store, users: [{ name: 'admin', token: 'admin-token', rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] }], backend: () => ({ host: '127.0.0.1', port }) });
    undo.push(() => api.close());
    const closing = new AbortController();
    undo.push(() => closing.abort());
    const forwards = new Forwards(connectionTo(api.url, api.authority, closing.signal), createRedactor(), closing.signal);
    const pod = one.pod('api').metadata.name;
    const forward = (): Promise<Socket> => forwards.connect({ namespace: 'caracal', pod, port: 5432 }, soon());
    const secure = await startTls(await forward(), name, { ca: cert }, soon());
    ok(secure.authorized);
    const large = Buffer.alloc(3 * 1024 * 1024, 'x');
    secure.write(large);
    let length = 0;
    for await (const chunk of secure as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length === large.length) break;
    }
    equal(length, large.length);
    await rejects(startTls(await forward(), 'redis.default.svc.cluster.local', { ca: cert }, soon()), refused('ERR_TLS_CERT_ALTNAME_INVALID'));
    await eventually('no forward', () => Promise.resolve(api.counters.forwards === 0), 5_000);
  });

  it('give a socket as drivers want it', async () => {
    const one = await cluster();
    const closing = new AbortController();
    undo.push(() => closing.abort());
    const forwards = new Forwards(await connectionOfCluster(one, closing.signal), createRedactor(), closing.signal);
    const forward = (port = 3000): Promise<Socket> => forwards.connect({ namespace: 'caracal', pod: one.pod('api').metadata.name, port }, soon());
    const socket = await forward();
    socket.setNoDelay().setKeepAlive().ref().unref().setTimeout(0);
    const answer = request({ createConnection: () => socket, path: '/health', headers: { connection: 'close' } });
    answer.end();
    const [response] = (await once(answer, 'response')) as [{ statusCode: number; resume: () => void }];
    equal(response.statusCode, 200);
    response.resume();
    await once(socket, 'close');

    const idle = (await forward()).setTimeout(50);
    await once(idle, 'timeout');
    idle.destroy();
    await once(idle, 'close');

    const nobody = await forward(1);
    const [error] = (await once(nobody, 'error')) as [Error];
    ok(refused('ECONNREFUSED')(error));
    await eventually('no forward', () => Promise.resolve(one.api.counters.forwards === 0), 5_000);

    const stop = new AbortController();
    one.api.slow(2_000);
    const opening = forwards.connect({ namespace: 'caracal', pod: one.pod('api').metadata.name, port: 3000 }, stop.signal);
    stop.abort(new Error('stopped'));
    await rejects(opening, /stopped/);
    const late = forward();
    closing.abort(new Error('closed'));
    await rejects(late, /closed/);
  });
});

describe('values of a Helm release', function () {
  this.timeout(30_000);

  it('are told masked, and the same secret has the same mask', async () => {
    const one = await cluster({ plaintextSecrets: true });
    const redactor = createRedactor();
    const { revisions } = await helmHistory(located(one), redactor, soon());
    deepEqual(revisions.map(({ revision }) => revision), [1, 2, 3]);
    const [before, after] = await Promise.all([helmValues(located(one), 2, redactor, soon()), helmValues(located(one), 3, redactor, soon())]);
    for (const text of [...Object.values(before), ...Object.values(after)]) {
      for (const [name, secret] of Object.entries(lab.secrets)) ok(!text.includes(secret), `${name} is told`);
    }
    const masked = /caracalAdminToken: (\S+)/;
    match(after.user, masked);
    equal(masked.exec(before.effective)?.[1], masked.exec(after.user)?.[1]);
    match(before.user, /DB_POOL_MAX/);
    doesNotMatch(after.user, /DB_POOL_MAX/);
    await rejects(helmValues(located(one), 9, redactor, soon()), unavailable(/^Helm keeps no revision 9 of release caracal$/));
    await eventually('no connection', () => Promise.resolve(one.api.counters.connections === 0), 5_000);
  });
});

async function connectionOfCluster(of: ClusterLab, closed: AbortSignal) {
  return connectionOf(await readKubeconfig({ path: of.kubeconfig, folder: '/', environment: {} }), 'lab', createRedactor(), closed);
}

function connectionTo(server: string, authority: string, closed: AbortSignal) {
  return connectionOf({
    from: 'target',
    current: 'one',
    contexts: new Map([['one', { cluster: 'one', user: 'one', namespace: undefined }]]),
    clusters: new Map([['one', { server, caData: Buffer.from(authority).toString('base64'), skipTLSVerify: false }]]),
    users: new Map([['one', { token: 'admin-token', impersonate: {} }]]),
  }, undefined, createRedactor(), closed);
}
