import { deepEqual, doesNotMatch, equal, match, ok, rejects } from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { podSchema as podFactsSchema } from '../../src/model/kubernetes.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { Refused, Unavailable } from '../../src/targets/failures.ts';
import { connectionOf } from '../../src/targets/kubernetes/connection.ts';
import type { Connection } from '../../src/targets/kubernetes/connection.ts';
import { ExecAuthenticator } from '../../src/targets/kubernetes/execPlugin.ts';
import { forwardForbidden, refusedInPod } from '../../src/targets/kubernetes/forward.ts';
import { readKubeconfig } from '../../src/targets/kubernetes/kubeconfig.ts';
import { findReleases } from '../../src/targets/kubernetes/kubernetes.ts';
import { metadataSchema, networkPolicySchema, podSchema, secretSchema, selects } from '../../src/targets/kubernetes/objects.ts';
import { permissionsOf } from '../../src/targets/kubernetes/permissions.ts';
import { podFacts, tagOf } from '../../src/targets/kubernetes/pods.ts';
import { networkPolicyFacts } from '../../src/targets/kubernetes/policies.ts';
import { Reader } from '../../src/targets/kubernetes/reader.ts';
import { resources } from '../../src/targets/kubernetes/resources.ts';
import { runtimeSecretName, secretNames, secretsFacts } from '../../src/targets/kubernetes/secrets.ts';
import { Shared } from '../../src/targets/kubernetes/shared.ts';
import { serviceName } from '../../src/targets/kubernetes/tunnels.ts';

let folder: string;
const undo: (() => unknown)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubernetes-'));
});

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await rm(folder, { recursive: true, force: true });
});

async function file(name: string, content: unknown, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, typeof content === 'string' ? content : stringify(content));
  await chmod(path, mode);
  return path;
}

interface Parts {
  readonly name: string;
  readonly server?: string;
  readonly user?: object;
  readonly current?: boolean;
}

/** A kubeconfig in which context, cluster and user have the same name. */
function kubeconfig({ name, server = 'https://127.0.0.1:9', user = {}, current = true }: Parts): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    ...(current ? { 'current-context': name } : {}),
    clusters: [{ name, cluster: { server } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    users: [{ name, user }],
  };
}

const never = new AbortController().signal;
const unavailable = (why: RegExp, wayOut = /./) => (error: unknown): boolean => error instanceof Unavailable && why.test(error.message) && wayOut.test(error.wayOut);
const refused = (code: string) => (error: unknown): boolean => error instanceof Refused && error.code === code;
const read = (environment: NodeJS.ProcessEnv, path?: string) => readKubeconfig({ path, folder, environment: { HOME: folder, ...environment } });

describe('kubeconfig', () => {
  it('is the file of the target, else those of KUBECONFIG, else the usual one', async () => {
    await file('.kube/config', kubeconfig({ name: 'usual' }));
    const listed = await file('listed', kubeconfig({ name: 'listed' }));
    await file('given', kubeconfig({ name: 'given' }));
    const chosen = async (environment: NodeJS.ProcessEnv, path?: string) => {
      const { from, current } = await read(environment, path);
      return `${from}: ${current}`;
    };
    equal(await chosen({ KUBECONFIG: listed }, 'given'), 'target: given');
    equal(await chosen({ KUBECONFIG: listed }), 'KUBECONFIG: listed');
    equal(await chosen({}), '~/.kube/config: usual');
    equal(await chosen({ KUBECONFIG: '' }), '~/.kube/config: usual');
  });

  it('of several files takes what the first says, and passes over those that are not there', async () => {
    const one = await file('one', { ...kubeconfig({ name: 'one', current: false }), users: [{ name: 'shared', user: { token: 'first' } }] });
    const two = await file('two', { ...kubeconfig({ name: 'two' }), users: [{ name: 'shared', user: { token: 'second' } }] });
    const { current, contexts, users } = await read({ KUBECONFIG: [one, join(folder, 'gone'), two].join(delimiter) });
    deepEqual({ current, contexts: [...contexts.keys()], token: users.get('shared')?.token }, { current: 'two', contexts: ['one', 'two'], token: 'first' });
  });

  it('has paths that start at its file', async () => {
    const user = { 'client-certificate': 'certs/me.crt', 'client-key': '/etc/me.key', tokenFile: 'token', exec: { apiVersion: 'client.authentication.k8s.io/v1', command: './sign-in', args: null } };
    await file('there/config', kubeconfig({ name: 'one', user }));
    const { users } = await read({}, 'there/config');
    const { certFile, keyFile, tokenFile, exec } = users.get('one') ?? {};
    deepEqual({ certFile, keyFile, tokenFile, command: exec?.command }, {
      certFile: join(folder, 'there/certs/me.crt'), keyFile: '/etc/me.key', tokenFile: join(folder, 'there/token'), command: join(folder, 'there/sign-in'),
    });
  });

  const secret = 'hunter2-hunter2';
  const unusable: Readonly<Record<string, readonly [content: string | object, why: RegExp]>> = {
    'no YAML': [`users: "${secret}`, /^the kubeconfig \S+ is no YAML$/],
    'a list': [`- ${secret}`, /^the kubeconfig \S+ has no usable content$/],
    'a cluster without a server': [{ clusters: [{ name: 'x', cluster: {} }] }, /has no usable clusters\.0\.cluster\.server$/],
    'a token of another form': [{ users: [{ name: 'x', user: { token: [secret] } }] }, /has no usable users\.0\.user\.token$/],
  };
  for (const [what, [content, why]] of Object.entries(unusable)) {
    it(`that is ${what} is refused without a word of it`, async () => {
      const path = await file('config', content);
      await rejects(read({}, path), (error: unknown) => unavailable(why)(error) && !String(error).includes(secret));
    });
  }

  it('that is not there is said to be missing', async () => {
    await rejects(read({}), unavailable(/^there is no kubeconfig: KUBECONFIG is not set and ~\/\.kube\/config does not exist$/));
    await rejects(read({ KUBECONFIG: join(folder, 'gone') }), unavailable(/^KUBECONFIG names no file that exists: /));
    await rejects(read({}, 'gone'), unavailable(/^cannot read the kubeconfig \S+: there is no such file$/));
  });

  const contexts: Readonly<Record<string, readonly [content: object, name: string | undefined, why: RegExp, wayOut: RegExp]>> = {
    'no current context': [kubeconfig({ name: 'one', current: false }), undefined, /^the kubeconfig \(target\) has no current context$/, /^give context in the target: there are one$/],
    'no such context': [kubeconfig({ name: 'one' }), 'two', /has no context two$/, /there are one$/],
    'no cluster': [{ ...kubeconfig({ name: 'one' }), clusters: [] }, undefined, /^context one names cluster one, which the kubeconfig \(target\) does not have$/, /./],
    'no user': [{ ...kubeconfig({ name: 'one' }), users: [] }, undefined, /^context one names user one, which the kubeconfig \(target\) does not have$/, /./],
    'a server that is no URL': [kubeconfig({ name: 'one', server: 'cluster:6443' }), undefined, /has no usable server$/, /./],
    'a sign-in that Kubernetes dropped': [kubeconfig({ name: 'one', user: { 'auth-provider': { name: 'gcp', config: { 'cmd-path': '/bin/false' } } } }), undefined, /signs in by auth-provider gcp, which Kubernetes dropped in 1\.26$/, /exec plug-in/],
    'nothing in it': [{}, undefined, /has no current context$/, /there is none$/],
  };
  for (const [what, [content, name, why, wayOut]] of Object.entries(contexts)) {
    it(`with ${what} leads to no cluster`, async () => {
      const parsed = await read({}, await file('config', content));
      await rejects(Promise.resolve().then(() => connectionOf(parsed, name, createRedactor(), new AbortController().signal)), unavailable(why, wayOut));
    });
  }
});

async function connect(user: object, { server = 'https://127.0.0.1:9', redactor = createRedactor(), closed = new AbortController().signal } = {}): Promise<Connection> {
  const connection = connectionOf(await read({}, await file('config', kubeconfig({ name: 'one', server, user }))), undefined, redactor, closed);
  undo.push(() => connection.close());
  return connection;
}

async function headersOf(connection: Connection): Promise<Readonly<Record<string, unknown>>> {
  const { headers } = await connection.options();
  return headers as Readonly<Record<string, unknown>>;
}

describe('a user of a kubeconfig', () => {
  it('has a token, or a file with one, which counts more', async () => {
    deepEqual(await headersOf(await connect({ token: 'abc-token-abc' })), { Authorization: 'Bearer abc-token-abc' });
    await file('token', 'from-file-0123\n');
    const redactor = createRedactor();
    deepEqual(await headersOf(await connect({ token: 'abc-token-abc', tokenFile: 'token' }, { redactor })), { Authorization: 'Bearer from-file-0123' });
    doesNotMatch(redactor.text('it is from-file-0123, not abc-token-abc'), /from-file|abc-token/);
  });

  it('may act as another', async () => {
    deepEqual(await headersOf(await connect({ token: 'abc-token-abc', as: 'jane', 'as-groups': ['readers', 'night'], 'as-user-extra': { 'example.com/team': ['one'] } })), {
      Authorization: 'Bearer abc-token-abc', 'Impersonate-User': 'jane', 'Impersonate-Group': ['readers', 'night'], 'Impersonate-Extra-example.com%2Fteam': ['one'],
    });
  });

  it('with a password uses it, and an address shows none', async () => {
    const connection = await connect({ username: 'jane', password: 'hunter2-hunter2' }, { server: 'https://x:y@127.0.0.1:9/k8s/' });
    equal((await connection.options()).auth, 'jane:hunter2-hunter2');
    equal(connection.server, 'https://127.0.0.1:9/k8s');
  });
});

describe('an exec plug-in', () => {
  const plugin = async (script: string, extra: object = {}): Promise<object> => {
    const command = await file('sign-in', `#!/bin/sh\n${script}\n`, 0o755);
    return { exec: { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'IfAvailable', ...extra } };
  };
  const credential = (status: object): string => `echo '${JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status })}'`;

  it('gives a token, is told about the cluster, and is run once', async () => {
    const script = `echo "$KUBERNETES_EXEC_INFO" >> ${join(folder, 'info')}\ncat > /dev/null\n${credential({ token: 'plug-in-token-1' })}`;
    const redactor = createRedactor();
    const connection = await connect(await plugin(script, { provideClusterInfo: true, env: [{ name: 'PROFILE', value: 'x' }] }), { redactor });
    deepEqual(await headersOf(connection), { Authorization: 'Bearer plug-in-token-1' });
    deepEqual(await headersOf(connection), { Authorization: 'Bearer plug-in-token-1' });
    const told = (await readFile(join(folder, 'info'), 'utf8')).trim().split('\n');
    deepEqual(told.map((line) => JSON.parse(line) as unknown), [{ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', spec: { interactive: false, cluster: { server: 'https://127.0.0.1:9' } } }]);
    doesNotMatch(redactor.text('got plug-in-token-1'), /plug-in-token/);
    connection.forget();
    await connection.options();
    equal((await readFile(join(folder, 'info'), 'utf8')).trim().split('\n').length, 2);
  });

  const failures: Readonly<Record<string, readonly [script: string, extra: object, why: RegExp, wayOut: RegExp]>> = {
    'fails': ['echo "first" >&2; echo "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl has expired" >&2; exit 3', {}, /^the sign-in program \S+ of the kubeconfig ended with 3: token ‹[^›]+› has expired$/, /^sign in again in a terminal/],
    'prints something else': ['echo hello', {}, / printed no ExecCredential$/, /./],
    'wants a terminal': ['exit 0', { interactiveMode: 'Always' }, / wants a terminal$/, /./],
    'is not installed': ['exit 0', { command: 'no-such-sign-in-program', installHint: 'get it\n  from there' }, /^the sign-in program no-such-sign-in-program of the kubeconfig is not installed$/, /^get it from there$/],
  };
  for (const [what, [script, extra, why, wayOut]] of Object.entries(failures)) {
    it(`that ${what} is told`, async () => rejects((await connect(await plugin(script, extra))).options(), unavailable(why, wayOut)));
  }

  it('that waits for a person is ended, with what it started', async () => {
    const script = `sleep 60 & echo $! > ${join(folder, 'pid')}\nwait`;
    const { users, clusters } = await read({}, await file('config', kubeconfig({ name: 'one', user: await plugin(script) })));
    const [exec, cluster] = [users.get('one')?.exec, clusters.get('one')];
    ok(exec && cluster);
    const authenticator = new ExecAuthenticator({ plugin: exec, cluster, redactor: createRedactor(), deadlineMs: 500, closed: never });
    await rejects(authenticator.applyAuthentication({ name: 'one' }, {}), unavailable(/ did not end within 0\.5 s; it may wait for a person$/));
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
    await delay(50);
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    ok(state === '' || / Z /.test(state), state);
  });

  it('ends with the deployment', async () => {
    const closing = new AbortController();
    const waiting = (await connect(await plugin('sleep 60'), { closed: closing.signal })).options();
    setTimeout(() => closing.abort(new Error('closed')), 100);
    await rejects(waiting, /closed/);
  });
});

type Answer = readonly [status: number, body: unknown, headers?: Readonly<Record<string, string>>];

/** An API server of a script: the answers to requests in their order, the last one again and again. */
async function serverOf(answers: readonly Answer[]): Promise<{ reader: Reader; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const [status, body, headers] = answers[Math.min(asked.length, answers.length - 1)] ?? [500, ''];
    asked.push(request);
    response.writeHead(status, { date: 'Thu, 20 Aug 2026 10:15:00 GMT', ...headers }).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => server.close());
  const connection = await connect({ token: 'abc-token-abc' }, { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  return { reader: new Reader(connection, createRedactor()), asked };
}

const pods = { resource: resources.pods, namespace: 'caracal', labels: 'a=b', metadataOnly: true, item: metadataSchema };
const named = (name: string) => ({ metadata: { name } });
const status = (code: number, reason: string, message = 'why'): object => ({ kind: 'Status', status: 'Failure', code, reason, message });

describe('reading from an API server', () => {
  it('goes page by page', async () => {
    const { reader, asked } = await serverOf([[200, { metadata: { continue: 'next', resourceVersion: '7' }, items: [named('one')] }], [200, { metadata: { resourceVersion: '7' }, items: [named('two')] }]]);
    const { items, truncated, version } = await reader.list(pods, never);
    deepEqual({ names: items.map(({ metadata }) => metadata.name), truncated, version }, { names: ['one', 'two'], truncated: false, version: '7' });
    deepEqual(asked.map(({ url }) => url), ['/api/v1/namespaces/caracal/pods?limit=500&labelSelector=a%3Db', '/api/v1/namespaces/caracal/pods?limit=500&labelSelector=a%3Db&continue=next']);
    equal(reader.at, '2026-08-20T10:15:00.000Z');
  });

  it('begins once more when a list has expired', async () => {
    const first: Answer = [200, { metadata: { continue: 'next' }, items: [named('one')] }];
    const { reader } = await serverOf([first, [410, status(410, 'Expired')], [200, { items: [named('one'), named('two')] }]]);
    equal((await reader.list(pods, never)).items.length, 2);
    const again = await serverOf([first, [410, status(410, 'Expired')], first, [410, status(410, 'Expired')]]);
    await rejects(again.reader.list(pods, never), refused('Expired'));
    equal(again.asked.length, 4);
  });

  it('stops at 5,000, and says so', async () => {
    const { reader, asked } = await serverOf([[200, { metadata: { continue: 'next' }, items: Array.from({ length: 500 }, (_, index) => named(String(index))) }]]);
    const { items, truncated } = await reader.list(pods, never);
    deepEqual({ items: items.length, truncated, asked: asked.length }, { items: 5_000, truncated: true, asked: 10 });
  });

  it('waits once when it is told to, and signs in again once', async () => {
    const busy = await serverOf([[429, 'Too many requests', { 'retry-after': '0' }], [200, { items: [] }]]);
    await busy.reader.list(pods, never);
    const strange = await serverOf([[401, status(401, 'Unauthorized')], [200, { items: [] }]]);
    await strange.reader.list(pods, never);
    deepEqual([busy.asked.length, strange.asked.length], [2, 2]);
  });

  const refusals: Readonly<Record<string, readonly [answer: Answer, is: (error: unknown) => boolean]>> = {
    'Unauthorized': [[401, status(401, 'Unauthorized')], refused('Unauthorized')],
    'Forbidden': [[403, status(403, 'Forbidden')], unavailable(/^no permission: list pods$/, /^bind a role that allows verb list on resource pods in namespace caracal$/)],
    'TooManyRequests': [[429, 'Too many requests', { 'retry-after': '0' }], refused('TooManyRequests')],
    'a reason of the server': [[500, status(500, 'InternalError', 'etcdserver: request timed out')], (error) => refused('InternalError')(error) && String(error).includes('etcdserver: request timed out')],
    'a proxy in between': [[502, '<html>bad gateway</html>'], refused('HTTP 502')],
    'a page to sign in': [[200, '<html>sign in</html>'], refused('NOT_KUBERNETES')],
    'a redirect': [[302, '', { location: 'https://elsewhere.example' }], refused('HTTP 302')],
    'another form': [[200, { items: [{ metadata: {} }] }], (error) => refused('NOT_KUBERNETES')(error) && String(error).includes('at metadata.name')],
    'a masked secret': [[500, status(500, 'InternalError', 'password=hunter2-hunter2')], (error) => refused('InternalError')(error) && !String(error).includes('hunter2')],
  };
  for (const [what, [answer, is]] of Object.entries(refusals)) {
    it(`tells of ${what}`, async () => rejects((await serverOf([answer])).reader.list(pods, never), is));
  }

  it('knows nothing but GET and access reviews', async () => {
    const { reader, asked } = await serverOf([[200, { items: [], status: { allowed: true }, gitVersion: 'v1.34.4', metadata: { name: 'x' } }]]);
    await reader.list(pods, never);
    await reader.list({ ...pods, metadataOnly: false }, never);
    await reader.get(resources.secrets, 'caracal', 'x', secretSchema, never);
    await reader.lastLines('caracal', 'sts-0', { container: 'sts', previous: true }, never);
    await reader.version(never);
    ok(await reader.may({ verb: 'get', resource: resources.pods, subresource: 'log', namespace: 'caracal' }, never));
    deepEqual(asked.map(({ method, url }) => `${method} ${url}`), [
      'GET /api/v1/namespaces/caracal/pods?limit=500&labelSelector=a%3Db',
      'GET /api/v1/namespaces/caracal/pods?limit=100&labelSelector=a%3Db',
      'GET /api/v1/namespaces/caracal/secrets/x',
      'GET /api/v1/namespaces/caracal/pods/sts-0/log?container=sts&previous=true&tailLines=60&limitBytes=65536',
      'GET /version',
      'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    ]);
    deepEqual(asked.slice(0, 2).map(({ headers }) => headers.accept), ['application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'application/json']);
  });

  it('has no log where a container never ran', async () => {
    const { reader } = await serverOf([[400, status(400, 'BadRequest', 'previous terminated container "sts" in pod "sts-0" not found')]]);
    equal(await reader.lastLines('caracal', 'sts-0', { container: 'sts', previous: true }, never), null);
  });

  it('tells certificates and addresses that do not answer', async () => {
    await rejects(new Reader(await connect({}, { server: 'https://127.0.0.1:9' }), createRedactor()).version(never), refused('ECONNREFUSED'));
  });

  it('needs create for a port-forward since Kubernetes 1.35', async () => {
    const { reader } = await serverOf([[201, { status: { allowed: false } }]]);
    const forwarding = async (version: string) => (await permissionsOf(reader, 'caracal', version, never)).permissions.filter(({ resource }) => resource === 'pods/portforward').map(({ verb }) => verb);
    deepEqual([await forwarding('v1.34.4'), await forwarding('v1.35.0+k3s1')], [['get'], ['get', 'create']]);
  });
});

describe('shared answers', () => {
  it('are asked once, also when the first who asked gave up', async () => {
    const shared = new Shared(never);
    const { promise, resolve } = Promise.withResolvers<number>();
    let asked = 0;
    const ask = (): Promise<number> => {
      asked += 1;
      return promise;
    };
    const stop = new AbortController();
    const first = shared.ask('x', ask, stop.signal);
    const second = shared.ask('x', ask, never);
    stop.abort(new Error('stopped'));
    await rejects(first, /stopped/);
    resolve(7);
    deepEqual([await second, await shared.ask('x', ask, never), asked], [7, 7, 1]);
    shared.forget('x');
    await shared.ask('x', ask, never);
    equal(asked, 2);
  });

  it('end when the deployment is closed', async () => {
    const closing = new AbortController();
    const waiting = new Shared(closing.signal).ask('x', () => new Promise(() => undefined), never);
    closing.abort(new Error('closed'));
    await rejects(waiting, /closed/);
  });
});

describe('objects of a cluster', () => {
  const container = {
    name: 'sts',
    image: 'ghcr.io/garudex-labs/caracal-go:v1.0.0',
    resources: { limits: { memory: '1Gi', cpu: 2 } },
    startupProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 5, failureThreshold: 30 },
    readinessProbe: { httpGet: { path: '/ready', port: 'http', scheme: 'HTTP' }, initialDelaySeconds: 10, periodSeconds: 10, timeoutSeconds: 1, failureThreshold: 3 },
  };
  const pod = (state: object, more: object = {}): unknown => ({
    metadata: { name: 'caracal-caracal-sts-0', uid: 'u', creationTimestamp: '2026-08-20T10:00:00Z', labels: { 'controller-revision-hash': 'caracal-caracal-sts-1' }, ownerReferences: [{ kind: 'StatefulSet', name: 'caracal-caracal-sts', uid: 'o' }] },
    spec: { nodeName: 'worker-1', containers: [container] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [sts]', lastTransitionTime: '2026-08-20T10:01:00Z' }, { type: 'PodScheduled', status: 'True' }],
      containerStatuses: [{ name: 'sts', image: container.image, imageID: `ghcr.io/garudex-labs/caracal-go@sha256:${'a'.repeat(64)}`, ready: false, restartCount: 4, state, ...more }],
    },
  });

  it('are told of a pod: where it stands, how it ended, how it is probed', () => {
    const lastState = { terminated: { exitCode: 137, reason: 'OOMKilled', startedAt: '2026-08-20T10:00:10Z', finishedAt: '2026-08-20T10:00:50Z' } };
    const facts = podFactsSchema.parse(podFacts(podSchema.parse(pod({ waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s' } }, { lastState })), 'sts', createRedactor()));
    const { container: told, conditions, owner, revision, ready } = facts;
    deepEqual({ owner, revision, ready, conditions: conditions.map(({ type }) => type) }, { owner: 'StatefulSet/caracal-caracal-sts', revision: 'caracal-caracal-sts-1', ready: false, conditions: ['Ready'] });
    deepEqual(told, {
      name: 'sts',
      image: container.image,
      tag: 'v1.0.0',
      digest: `sha256:${'a'.repeat(64)}`,
      state: 'waiting',
      reason: 'CrashLoopBackOff',
      message: 'back-off 5m0s',
      startedAt: null,
      ready: false,
      restarts: 4,
      end: null,
      lastEnd: { exitCode: 137, reason: 'OOMKilled', message: '', startedAt: '2026-08-20T10:00:10Z', finishedAt: '2026-08-20T10:00:50Z' },
      probes: { startup: 'GET /health on port http, every 5 s, timeout 1 s, fails after 30', liveness: null, readiness: 'GET /ready on port http, after 10 s, every 10 s, timeout 1 s, fails after 3' },
      memoryLimit: '1Gi',
    });
  });

  it('are told of a pod that was never scheduled', () => {
    const facts = podFacts(podSchema.parse({ metadata: { name: 'x' }, spec: { containers: [{ name: 'x' }] }, status: { phase: 'Pending' } }), 'sts', createRedactor());
    deepEqual(podFactsSchema.parse(facts).container?.state, 'none');
  });

  it('have tags', () => {
    const tags = ['registry:5000/caracal-go', 'registry:5000/caracal-go:v1', `caracal-go:v1@sha256:${'b'.repeat(64)}`, 'caracal-go'].map(tagOf);
    deepEqual(tags, [null, 'v1', 'v1', null]);
  });

  it('select by labels', () => {
    const selector = (matchExpressions: { key: string; operator: string; values: string[] }[], matchLabels = {}) => ({ matchLabels, matchExpressions });
    const labels = { app: 'caracal', tier: 'back' };
    deepEqual(
      [
        selector([]),
        selector([], { app: 'caracal' }),
        selector([], { app: 'other' }),
        selector([{ key: 'tier', operator: 'In', values: ['back', 'front'] }]),
        selector([{ key: 'tier', operator: 'NotIn', values: ['back'] }]),
        selector([{ key: 'zone', operator: 'NotIn', values: ['x'] }]),
        selector([{ key: 'zone', operator: 'Exists', values: [] }]),
        selector([{ key: 'zone', operator: 'DoesNotExist', values: [] }]),
        selector([{ key: 'zone', operator: 'Gt', values: ['1'] }]),
      ].map((each) => selects(each, labels)),
      [true, true, false, true, false, true, false, true, false],
    );
  });

  it('tell which policies hold for the release, and whom they let through', () => {
    const labels = (component: string) => ({ 'app.kubernetes.io/instance': 'caracal', 'app.kubernetes.io/component': component });
    const own = [{ component: 'api', labels: labels('api') }, { component: 'sts', labels: labels('sts') }];
    const policy = networkPolicySchema.parse({
      metadata: { name: 'closed' },
      spec: {
        podSelector: { matchLabels: { 'app.kubernetes.io/component': 'api' } },
        egress: [
          { to: [{ podSelector: { matchLabels: { 'app.kubernetes.io/instance': 'caracal' } } }] },
          { to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } }, podSelector: {} }], ports: [{ protocol: 'UDP', port: 53 }] },
          { to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }], ports: [{ port: 5432, endPort: 5439 }] },
          { ports: [{ port: 'https' }] },
        ],
      },
    });
    deepEqual(networkPolicyFacts(policy, 'caracal', own), {
      name: 'closed',
      own: false,
      podSelector: { 'app.kubernetes.io/component': 'api' },
      selects: ['api'],
      types: ['Ingress', 'Egress'],
      ingress: [],
      egress: [
        { peers: ['pods app.kubernetes.io/instance=caracal'], release: true, ports: [] },
        { peers: ['pods (all) of namespaces kubernetes.io/metadata.name=kube-system'], release: false, ports: [{ protocol: 'UDP', port: '53', endPort: null }] },
        { peers: ['10.0.0.0/8 but 10.1.0.0/16'], release: false, ports: [{ protocol: 'TCP', port: '5432', endPort: 5439 }] },
        { peers: [], release: true, ports: [{ protocol: 'TCP', port: 'https', endPort: null }] },
      ],
    });
  });

  it('tell keys of Secrets and who takes them, and no value', () => {
    const base64 = (value: string): string => Buffer.from(value).toString('base64');
    const spec = podSchema.shape.spec.parse({
      containers: [{ name: 'web', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'runtime', key: 'caracalAuthSecret' } } }], envFrom: [{ secretRef: { name: 'extra' } }, { secretRef: { name: 'gone', optional: true } }] }],
      volumes: [{ name: 'v', secret: { secretName: 'runtime', items: [{ key: 'redisUrl', path: 'redisUrl' }] } }, { name: 'p', projected: { sources: [{ secret: { name: 'runtime', items: [{ key: 'apiDatabaseUrl', path: 'x' }], optional: true } }] } }],
    });
    const templates = [{ component: 'web', spec }];
    deepEqual(secretNames(templates), ['runtime', 'extra', 'gone']);
    equal(runtimeSecretName(templates), 'runtime');
    const secret = (data: Readonly<Record<string, string>>, managedFields: unknown[] = []) => secretSchema.parse({ metadata: { name: 'x', creationTimestamp: '2026-08-01T00:00:00Z', managedFields }, data });
    const runtime = secret(
      { redisUrl: base64('redis://:hunter2-hunter2@redis.default.svc:6380/0\n'), apiDatabaseUrl: base64('postgres://u:p/ss@w@postgres/caracal'), caracalAuthSecret: base64('s3cr3t-s3cr3t') },
      [{ manager: 'kubectl-edit', operation: 'Update', time: '2026-08-02T00:00:00Z', fieldsV1: { 'f:data': { '.': {}, 'f:redisUrl': {} } } }],
    );
    const facts = secretsFacts(new Map([['runtime', runtime], ['extra', secret({ B: 'eA==', A: 'eA==' })], ['gone', null]]), templates, 'runtime');
    deepEqual(facts.addresses, [{ key: 'redisUrl', host: 'redis.default.svc', port: '6380' }]);
    deepEqual(facts.uses.map(({ secretName: name, key, how, optional }) => `${name}/${key} ${how}${optional ? ' optional' : ''}`), [
      'runtime/redisUrl volume', 'runtime/apiDatabaseUrl volume optional', 'runtime/caracalAuthSecret env', 'extra/B env', 'extra/A env', 'gone/* env optional',
    ]);
    deepEqual(facts.secrets.map(({ name, secret: told }) => `${name}: ${told?.keys.join(', ') ?? 'none'}`), ['runtime: apiDatabaseUrl, caracalAuthSecret, redisUrl', 'extra: A, B', 'gone: none']);
    deepEqual(facts.secrets[0]?.secret?.changes, [{ manager: 'kubectl-edit', operation: 'Update', at: '2026-08-02T00:00:00Z', keys: ['redisUrl'] }]);
    doesNotMatch(JSON.stringify(facts), /hunter2|s3cr3t|ss@w/);
  });

  it('have names in the cluster', () => {
    const names = ['postgres', 'postgres.data', 'postgres.data.svc', 'Postgres.data.svc.cluster.local.', 'db.example.org', 'a.b.c.d'].map((host) => serviceName(host, 'caracal'));
    deepEqual(names, [
      { service: 'postgres', namespace: 'caracal', certain: false },
      { service: 'postgres', namespace: 'data', certain: false },
      { service: 'postgres', namespace: 'data', certain: true },
      { service: 'postgres', namespace: 'data', certain: true },
      undefined,
      undefined,
    ]);
  });
});

describe('a port-forward', () => {
  const port = { namespace: 'caracal', pod: 'sts-0', port: 8080 };
  const words: Readonly<Record<string, readonly [words: string, code: string]>> = {
    'nobody listens': ['error forwarding port 8080 to pod a0, uid : failed to connect to localhost:8080 inside namespace "a0": dial tcp4 127.0.0.1:8080: connect: connection refused', 'ECONNREFUSED'],
    'it was reset': ['error copying from local connection to remote stream: read: connection reset by peer', 'ECONNRESET'],
    'it took too long': ['dial tcp 127.0.0.1:8080: i/o timeout', 'ETIMEDOUT'],
    'something else': ['network namespace for sandbox "a0" is closed', 'PORT_FORWARD'],
  };
  for (const [what, [text, code]] of Object.entries(words)) {
    it(`tells that ${what}`, () => equal(refusedInPod(text, port, createRedactor()).code, code));
  }

  it('tells the verb that was asked for', () => {
    const answer = (verb: string): string => JSON.stringify({ message: `pods "sts-0" is forbidden: User "x" cannot ${verb} resource "pods/portforward" in API group ""` });
    deepEqual(['get', 'create'].map((verb) => forwardForbidden('caracal', answer(verb)).message), ['no permission: get pods/portforward', 'no permission: create pods/portforward']);
    match(forwardForbidden('caracal').wayOut, /or give services in the target/);
  });
});

describe('looking for releases', () => {
  it('without a kubeconfig says so', async () => {
    deepEqual(await findReleases({ HOME: folder }, never), {
      cluster: { ok: false, context: null, why: 'there is no kubeconfig: KUBECONFIG is not set and ~/.kube/config does not exist', wayOut: 'give kubeconfig in the target, or set KUBECONFIG' },
      contexts: [],
      found: [],
    });
  });

  it('stops when it is told to', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    undo.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const KUBECONFIG = await file('config', kubeconfig({ name: 'one', server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
    const stop = new AbortController();
    const looking = findReleases({ KUBECONFIG }, stop.signal);
    setTimeout(() => stop.abort(new Error('stopped')), 100);
    await rejects(looking, /stopped/);
  });
});
