import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, get } from 'node:https';
import { PassThrough, Writable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import type { V1Pod } from '@kubernetes/client-node';
import { ApiException, AppsV1Api, AuthorizationV1Api, CoreV1Api, EventsV1Api, KubeConfig, PortForward, V1SelfSubjectAccessReview, V1SelfSubjectRulesReview, VersionApi, Watch } from '@kubernetes/client-node';
import { eventually } from '../lab/eventually.ts';
import { emit } from '../lab/kubernetes/events.ts';
import { clusterDecoys, clusterFaults } from '../lab/kubernetes/faults.ts';
import { crashLoop, stuck } from '../lab/kubernetes/faultParts.ts';
import type { ClusterLab } from '../lab/kubernetes/lab.ts';
import { startClusterLab } from '../lab/kubernetes/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { startLab } from '../lab/lab.ts';

const namespace = 'caracal';

function configurationOf({ kubeconfig }: ClusterLab, context = 'lab'): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  config.setCurrentContext(context);
  return config;
}

/** A request of our own, for what clients have no method for. */
async function askCluster(cluster: ClusterLab, path: string, accept = 'application/json'): Promise<IncomingMessage> {
  const agent = new Agent({ ca: cluster.api.authority });
  const authorization = `Bearer ${configurationOf(cluster).getCurrentUser()?.token ?? ''}`;
  const request = get(`${cluster.api.url}${path}`, { agent, headers: { authorization, accept }, timeout: 2000 });
  request.on('timeout', () => request.destroy(new Error('no answer')));
  try {
    const [response] = await once(request, 'response') as [IncomingMessage];
    response.on('close', () => agent.destroy());
    return response;
  } catch (error) {
    agent.destroy();
    throw error;
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** What `kubectl get` shows of the namespace, a line per object. */
async function printed(cluster: ClusterLab): Promise<string> {
  const resources = [
    'api/v1/namespaces/caracal/pods', 'api/v1/namespaces/caracal/events', 'api/v1/namespaces/caracal/endpoints', 'api/v1/namespaces/caracal/secrets',
    'api/v1/namespaces/caracal/persistentvolumeclaims', 'apis/apps/v1/namespaces/caracal/deployments', 'apis/apps/v1/namespaces/caracal/statefulsets',
    'apis/batch/v1/namespaces/caracal/jobs', 'apis/autoscaling/v2/namespaces/caracal/horizontalpodautoscalers', 'api/v1/nodes',
  ];
  const tables = await Promise.all(resources.map(async (path) => {
    const text = await textOf(await askCluster(cluster, `/${path}`, 'application/json;as=Table;v=v1;g=meta.k8s.io'));
    return (JSON.parse(text) as { rows: { cells: (string | number)[] }[] }).rows.map(({ cells }) => cells.join(' ')).join('\n');
  }));
  return tables.join('\n');
}

/** What tells of each fault in `printed`; a pod is `name ready status restarts age …`. */
const signs: Readonly<Record<string, RegExp>> = {
  'sts-crash-loop': /^caracal-caracal-sts-1 0\/1 CrashLoopBackOff 7 \(/m,
  'audit-restarts-without-redis': /^caracal-caracal-audit-\S+ 0\/1 Running 4 \([^]+ Liveness probe failed: HTTP probe failed with statuscode: 503/m,
  'sts-oom-killed': /^caracal-caracal-sts-0 1\/1 Running 4 \(/m,
  'api-image-pull': /^caracal-caracal-api-\S+ 0\/1 ImagePullBackOff[^]+^caracal-caracal-api 2\/2 1 2/m,
  'coordinator-unschedulable': /^caracal-caracal-coordinator-\S+ 0\/1 Pending 0 [^]+3 Insufficient cpu/m,
  'sts-volume-pending': /^caracal-caracal-sts-0 0\/1 Pending[^]+^replay-caracal-caracal-sts-0 Pending/m,
  'missing-secret-key': /^caracal-caracal-coordinator-\S+ 0\/1 ContainerCreating[^]+references non-existent secret key: idempotencyHmacKey/m,
  'web-config-error': /^caracal-caracal-web-\S+ 0\/1 CreateContainerConfigError[^]+couldn't find key caracalAuthSecret in Secret caracal\/caracal-runtime/m,
  'web-no-sign-in-method': /^caracal-caracal-web-\S+ 0\/1 CrashLoopBackOff/m,
  'runtime-secret-absent': /^caracal-caracal-api-\S+ 0\/1 ContainerCreating[^]+secret "caracal-runtime" not found/m,
  'migration-failed': /Job has reached the specified backoff limit[^]+^sh\.helm\.release\.v1\.caracal\.v4[^]+^caracal-caracal-migrate Failed 0\/1/m,
  'auth-migration-failed': /^caracal-caracal-auth-migrate Failed 0\/1/m,
  'migration-retrying': /^caracal-caracal-migrate-\S+ 0\/1 CrashLoopBackOff 2[^]+^caracal-caracal-migrate Running 0\/1/m,
  'helm-failed': /^sh\.helm\.release\.v1\.caracal\.v4/m,
  'helm-pending-upgrade': /^sh\.helm\.release\.v1\.caracal\.v4/m,
  'policy-without-dns': /^sh\.helm\.release\.v1\.caracal\.v4/m,
  'policy-without-redis': /^sh\.helm\.release\.v1\.caracal\.v4/m,
  'service-selector-mismatch': /^caracal-caracal-api  9d$/m,
  'service-wrong-port': /^caracal-caracal-sts \S+:8000,/m,
  'rollout-stuck': /^caracal-caracal-api-\S+ 0\/1 Running[^]+^caracal-caracal-api 2\/2 1 2/m,
  'mixed-images': /^caracal-caracal-audit 2\/2 1 2/m,
  'monitor-without-bearer': /^caracal-caracal-sts 2\/2/m,
  'secret-changed': /^caracal-runtime Opaque/m,
  'autoscaler-without-metrics': /cpu: <unknown>\/70%/,
  'first-ordinal-blocks': /^caracal-caracal-gateway-0 0\/1 Running[^]+^caracal-caracal-gateway 0\/2/m,
  'node-lost': /^caracal-caracal-sts-1 1\/1 Unknown[^]+^worker-2 NotReady/m,
  'gateway-startup-probe': /^caracal-caracal-gateway-1 0\/1 Running 3[^]+Startup probe failed/m,
  'audit-evicted': /^caracal-caracal-audit-\S+ 0\/1 (?:Evicted|Error)[^]+^caracal-caracal-audit 2\/2/m,
  'coordinator-scaled-to-zero': /^caracal-caracal-coordinator  9d$[^]+^caracal-caracal-coordinator 0\/0/m,
  'quota-exceeded': /exceeded quota: team-quota[^]+^caracal-caracal-web 1\/2/m,
};

/** How asking fails when the fault is one of the API server itself. */
const refusals: Readonly<Record<string, RegExp>> = {
  'token-expired': /"code":401/, 'api-server-down': /ECONNREFUSED/, 'api-server-frozen': /no answer/, 'api-server-throttles': /Too many requests/,
};

describe('the Kubernetes API of the lab, with its own clients', function () {
  this.timeout(180_000);
  let lab: Lab;
  let cluster: ClusterLab;

  before(async () => {
    lab = await startLab({ traffic: 0 });
  });
  after(() => lab.close());
  beforeEach(async () => {
    cluster = await startClusterLab({ lab, bookmarkMs: 100 });
  });
  afterEach(async () => {
    await cluster.close();
    assert.deepEqual(cluster.api.counters, { connections: 0, watches: 0, follows: 0, forwards: 0 });
  });

  const configuration = (context?: string): KubeConfig => configurationOf(cluster, context);

  const core = (context?: string): CoreV1Api => configuration(context).makeApiClient(CoreV1Api);

  const ask = (path: string): Promise<IncomingMessage> => askCluster(cluster, path);

  const log = async (pod: string, query = ''): Promise<string> => textOf(await ask(`/api/v1/namespaces/${namespace}/pods/${pod}/log?${query}`));

  const refusal = async (asking: Promise<unknown>): Promise<{ code: number; message: string }> => {
    try {
      await asking;
    } catch (error) {
      assert.ok(error instanceof ApiException);
      const { code, body } = error as ApiException<unknown>;
      return { code, message: typeof body === 'string' ? (JSON.parse(body) as { message: string }).message : '' };
    }
    throw new Error('it was allowed');
  };

  /** A watch that collects what it gets. */
  async function watching(path: string, query: Record<string, string | boolean | number>): Promise<{ events: { type: string; object: V1Pod & { code?: number } }[]; failed(): number | undefined; stop(): void; ended: Promise<void> }> {
    const events: { type: string; object: V1Pod & { code?: number } }[] = [];
    const { promise: ended, resolve } = Promise.withResolvers<undefined>();
    let failure: number | undefined;
    const controller = await new Watch(configuration()).watch(path, query, (type: string, object: V1Pod) => events.push({ type, object }), (error: unknown) => {
      failure = (error as { statusCode?: number } | null)?.statusCode;
      resolve(undefined);
    });
    return { events, failed: () => failure, stop: () => controller.abort(), ended };
  }

  const podsPath = `/api/v1/namespaces/${namespace}/pods`;

  describe('lists', () => {
    it('gives the pods of the release under the labels that the chart renders', async () => {
      const { items } = await core().listNamespacedPod({ namespace, labelSelector: 'app.kubernetes.io/name=caracal,app.kubernetes.io/component in (sts, api)' });
      assert.equal(items.length, 4);
      const [first] = items.filter(({ metadata }) => metadata?.labels?.['app.kubernetes.io/component'] === 'sts');
      assert.equal(first?.metadata?.name, 'caracal-caracal-sts-0');
      assert.equal(first.metadata.labels?.['app.kubernetes.io/part-of'], undefined);
      assert.equal(first.spec?.containers[0]?.livenessProbe?.httpGet?.path, '/health');
      assert.match(first.status?.containerStatuses?.[0]?.imageID ?? '', /^ghcr\.io\/garudex-labs\/caracal-go@sha256:[0-9a-f]{64}$/);
      assert.ok(first.status?.startTime instanceof Date && Date.now() - first.status.startTime.getTime() > 86_400_000);
    });

    it('selects by fields and refuses fields that it does not know', async () => {
      const { items } = await core().listSecretForAllNamespaces({ fieldSelector: 'type=helm.sh/release.v1', labelSelector: 'owner=helm,status!=superseded' });
      assert.deepEqual(items.map(({ metadata }) => metadata?.name), ['sh.helm.release.v1.caracal.v3']);
      const { code, message } = await refusal(core().listNamespacedPod({ namespace, fieldSelector: 'spec.color=red' }));
      assert.deepEqual([code, message], [400, 'field label not supported: spec.color']);
    });

    it('has Helm releases that decode to the values and the manifest', async () => {
      const { data } = await core().readNamespacedSecret({ namespace, name: 'sh.helm.release.v1.caracal.v3' });
      const inner = Buffer.from(Buffer.from(data?.['release'] ?? '', 'base64').toString(), 'base64');
      const release = JSON.parse(gunzipSync(inner).toString()) as { version: number; chart: { metadata: { name: string } }; manifest: string; hooks: { last_run: { phase: string } }[] };
      assert.deepEqual([release.version, release.chart.metadata.name], [3, 'caracal']);
      assert.match(release.manifest, /# Source: caracal\/templates\/deployments\.yaml\napiVersion: apps\/v1\nkind: StatefulSet/);
      assert.deepEqual(release.hooks.map(({ last_run }) => last_run.phase), ['Succeeded', 'Succeeded', 'Succeeded']);
    });

    it('pages, and refuses a page token that came too late with one to go on', async () => {
      const first = await core().listNamespacedPod({ namespace, limit: 5 });
      assert.equal(first.metadata?.remainingItemCount, 7);
      const second = await core().listNamespacedPod({ namespace, limit: 5, _continue: first.metadata._continue ?? '' });
      assert.equal(new Set([...first.items, ...second.items].map(({ metadata }) => metadata?.name)).size, 10);
      cluster.api.expireContinueTokens();
      const late = await ask(`${podsPath}?limit=5&continue=${second.metadata?._continue ?? ''}`);
      assert.equal(late.statusCode, 410);
      const status = JSON.parse(await textOf(late)) as { reason: string; metadata: { continue: string } };
      assert.equal(status.reason, 'Expired');
      const rest = await core().listNamespacedPod({ namespace, limit: 5, _continue: status.metadata.continue });
      assert.equal(rest.items.length, 2);
    });

    it('compresses a long list for clients that take it', async () => {
      await cluster.close();
      cluster = await startClusterLab({ lab, extraPods: 300 });
      const { items } = await core().listNamespacedPod({ namespace });
      assert.equal(items.length, 312);
    });

    it('gives metadata alone to who asks for no more', async () => {
      const response = await askCluster(cluster, `/api/v1/namespaces/${namespace}/secrets`, 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1');
      const { kind, items } = JSON.parse(await textOf(response)) as { kind: string; items: object[] };
      assert.equal(kind, 'PartialObjectMetadataList');
      assert.deepEqual([...new Set(items.flatMap((item) => Object.keys(item)))], ['kind', 'apiVersion', 'metadata']);
    });

    it('keeps the plain text of an evaluation install in Helm\'s history', async () => {
      await cluster.close();
      cluster = await startClusterLab({ lab, plaintextSecrets: true });
      const { data } = await core().readNamespacedSecret({ namespace, name: 'sh.helm.release.v1.caracal.v3' });
      const text = gunzipSync(Buffer.from(Buffer.from(data?.['release'] ?? '', 'base64').toString(), 'base64')).toString();
      const release = JSON.parse(text) as { config: { secrets: { plaintext: Record<string, string> } }; hooks: { kind: string; manifest: string }[] };
      assert.equal(release.config.secrets.plaintext['caracalAdminToken'], lab.secrets.caracalAdminToken);
      assert.ok(release.hooks.some(({ kind, manifest }) => kind === 'Secret' && manifest.includes(lab.secrets.caracalAdminToken)));
    });

    it('has no monitoring resources without the Prometheus Operator', async () => {
      assert.equal((await ask('/apis/monitoring.coreos.com/v1/servicemonitors')).resume().statusCode, 404);
    });

    it('tells its version and the revisions of a workload', async () => {
      assert.equal((await configuration().makeApiClient(VersionApi).getCode()).minor, '32');
      const apps = configuration().makeApiClient(AppsV1Api);
      const [sets, revisions] = await Promise.all([apps.listNamespacedReplicaSet({ namespace }), apps.listNamespacedControllerRevision({ namespace })]);
      const numbers = sets.items.filter(({ metadata }) => metadata?.name?.startsWith('caracal-caracal-api-')).map(({ metadata, spec }) => [metadata?.annotations?.['deployment.kubernetes.io/revision'], spec?.replicas]);
      assert.deepEqual(numbers.sort(), [['1', 0], ['2', 0], ['3', 2]]);
      assert.deepEqual(revisions.items.filter(({ metadata }) => metadata?.name?.includes('-sts-')).map(({ revision }) => revision).sort(), [1, 2]);
    });
  });

  describe('watches', () => {
    it('begin with what is there, go on with changes, and send bookmarks', async () => {
      const watch = await watching(podsPath, { labelSelector: 'app.kubernetes.io/component=sts', allowWatchBookmarks: true });
      await eventually('both pods', () => Promise.resolve(watch.events.length >= 2), 5000);
      const old = cluster.pod('sts');
      cluster.controller.replacePod(old);
      await eventually('the new pod and a bookmark', () => Promise.resolve(watch.events.at(-1)?.type === 'BOOKMARK' && watch.events.some(({ type }) => type === 'DELETED')), 5000);
      watch.stop();
      await watch.ended;
      const changes = watch.events.filter(({ type }) => type !== 'BOOKMARK').map(({ type, object }) => `${type} ${object.metadata?.name ?? ''}`);
      assert.deepEqual(changes, [
        'ADDED caracal-caracal-sts-0', 'ADDED caracal-caracal-sts-1', 'MODIFIED caracal-caracal-sts-0', 'DELETED caracal-caracal-sts-0', 'ADDED caracal-caracal-sts-0',
      ]);
      assert.notEqual(watch.events.findLast(({ type }) => type === 'ADDED')?.object.metadata?.uid, old.metadata.uid);
    });

    it('go on from a version without losing a change', async () => {
      const { metadata } = await core().listNamespacedPod({ namespace });
      cluster.controller.replacePod(cluster.pod('api'));
      const watch = await watching(podsPath, { resourceVersion: metadata?.resourceVersion ?? '' });
      await eventually('three changes', () => Promise.resolve(watch.events.length === 3), 5000);
      watch.stop();
      await watch.ended;
      assert.deepEqual(watch.events.map(({ type }) => type), ['MODIFIED', 'DELETED', 'ADDED']);
    });

    it('turn an object that ceases to be selected into a deleted one', async () => {
      const watch = await watching(podsPath, { fieldSelector: 'status.phase=Running', resourceVersion: String(cluster.store.version) });
      cluster.controller.changePod(cluster.pod('web'), ({ status }) => {
        status.phase = 'Failed';
      });
      await eventually('the change', () => Promise.resolve(watch.events.length === 1), 5000);
      watch.stop();
      await watch.ended;
      assert.equal(watch.events[0]?.type, 'DELETED');
    });

    it('end with 410 when the version is too old: as an event, or as the answer', async () => {
      const running = await watching(podsPath, {});
      await eventually('the pods', () => Promise.resolve(running.events.length === 12), 5000);
      const old = String(cluster.store.version - 1);
      cluster.api.expireWatches();
      await running.ended;
      assert.deepEqual([running.events.at(-1)?.type, running.events.at(-1)?.object.code], ['ERROR', 410]);
      const late = await watching(podsPath, { resourceVersion: old });
      await late.ended;
      assert.deepEqual(late.events.map(({ type, object }) => [type, object.code]), [['ERROR', 410]]);
      cluster.api.expireWatches('status');
      const refused = await watching(podsPath, { resourceVersion: old });
      await refused.ended;
      assert.deepEqual([refused.events.length, refused.failed()], [0, 410]);
    });

    it('end after timeoutSeconds', async () => {
      const watch = await watching(podsPath, { timeoutSeconds: 1, allowWatchBookmarks: true });
      await watch.ended;
      assert.equal(watch.events.at(-1)?.type, 'BOOKMARK');
    });

    it('say where what is there ends, or decline as servers without WatchList do', async () => {
      const query = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: true };
      const watch = await watching(podsPath, query);
      await eventually('the bookmark', () => Promise.resolve(watch.events.some(({ object }) => object.metadata?.annotations?.['k8s.io/initial-events-end'] === 'true')), 5000);
      watch.stop();
      assert.equal(watch.events.findIndex(({ type }) => type === 'BOOKMARK'), 12);
      await cluster.close();
      cluster = await startClusterLab({ lab, watchList: false });
      const declined = await watching(podsPath, query);
      await declined.ended;
      assert.equal(declined.failed(), 422);
    });

    it('see no change where none was', () => {
      const version = cluster.store.version;
      cluster.controller.sync();
      assert.equal(cluster.store.version, version);
    });
  });

  describe('logs', () => {
    it('give what the service wrote, from its end, with times', async () => {
      await eventually('the log', async () => (await log('caracal-caracal-sts-0')).includes('"listening"'), 5000);
      const last = await log('caracal-caracal-sts-0', 'tailLines=1&timestamps=true&container=sts');
      assert.match(last, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \{.*"service":"sts".*\}\n$/);
      assert.equal((await log('caracal-caracal-sts-0', 'limitBytes=10')).length, 10);
      assert.equal(await log('caracal-caracal-sts-0', `sinceTime=${new Date(Date.now() + 60_000).toISOString()}`), '');
    });

    it('follow a container until it ends, and show its last run as the previous one', async () => {
      const pod = cluster.pod('api');
      const response = await ask(`${podsPath}/${pod.metadata.name}/log?follow=true&tailLines=0`);
      assert.equal(cluster.api.counters.follows, 1);
      const text = textOf(response);
      cluster.api.logs.current(pod, 'api').append('the last words');
      crashLoop(cluster, pod, { ended: { exitCode: 1, reason: 'Error' }, restarts: 3 });
      assert.equal((await text).trimEnd().split('\n').at(-1), 'the last words');
      assert.equal(await log(pod.metadata.name, 'previous=true'), '');
    });

    it('are refused in the kubelet\'s words', async () => {
      const message = async (pod: string, query: string): Promise<string> => (JSON.parse(await log(pod, query)) as { message: string }).message;
      const pod = cluster.pod('coordinator');
      assert.equal(await message(pod.metadata.name, 'previous=true'), `previous terminated container "coordinator" in pod "${pod.metadata.name}" not found`);
      assert.equal(await message(pod.metadata.name, 'container=sidecar'), `container sidecar is not valid for pod ${pod.metadata.name}`);
      assert.equal(await message('nothing', ''), 'pods "nothing" not found');
      cluster.controller.changePod(pod, ({ status }) => {
        for (const container of status.containerStatuses ?? []) container.state = { waiting: { reason: 'ContainerCreating' } };
      });
      assert.equal(await message(pod.metadata.name, ''), `container "coordinator" in pod "${pod.metadata.name}" is waiting to start: ContainerCreating`);
    });
  });

  describe('port-forwards', () => {
    /** One HTTP request through a forward. */
    async function through(pod: string, port: number, ns = namespace, request = 'GET /health HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n'): Promise<{ data: string; error: string; ended: Promise<unknown> }> {
      const [output, errors, input] = [collector(), collector(), new PassThrough()];
      const socket = await new PortForward(configuration()).portForward(ns, pod, [port], output.stream, errors.stream, input);
      assert.ok(typeof socket !== 'function');
      const closed = new Promise((resolve) => {
        socket.on('close', resolve);
      });
      input.write(request);
      await eventually('an answer', () => Promise.resolve(output.text() !== '' || errors.text() !== ''), 5000);
      return { data: output.text(), error: errors.text(), ended: closed.then(() => input.destroy()) };
    }

    function collector(): { stream: Writable; text(): string } {
      let text = '';
      const stream = new Writable({
        write: (chunk: Buffer, _encoding, next) => {
          text += chunk.toString();
          next();
        },
      });
      return { stream, text: () => text };
    }

    it('reach the service behind the pod', async () => {
      const { data, ended } = await through(cluster.pod('api').metadata.name, 3000);
      assert.match(data, /^HTTP\/1\.1 200 OK/);
      await ended;
      const redis = await through('redis-0', 6379, 'default', 'PING\r\nQUIT\r\n');
      assert.match(redis.data, /^-NOAUTH/);
      await redis.ended;
    });

    it('say on the error channel that nothing listens', async () => {
      const { error, ended } = await through(cluster.pod('api').metadata.name, 8080);
      assert.match(error, /^error forwarding port 8080 to pod [0-9a-f]+, uid : .*connection refused/);
      await ended;
    });

    it('end with their pod', async () => {
      const pod = cluster.pod('gateway');
      const { ended } = await through(pod.metadata.name, 8081, namespace, 'GET /health HTTP/1.1\r\nHost: pod\r\n\r\n');
      assert.equal(cluster.api.counters.forwards, 1);
      cluster.controller.replacePod(pod);
      await ended;
      await eventually('no forward', () => Promise.resolve(cluster.api.counters.forwards === 0), 5000);
    });

    it('are refused for a pod that has no sandbox', async () => {
      const pod = cluster.controller.startPod('deployments', namespace, 'caracal-caracal-api', { ordinal: 0, age: 10, change: stuck('ContainerCreating') });
      const forward = new PortForward(configuration()).portForward(namespace, pod.metadata.name, [3000], new PassThrough(), null, new PassThrough());
      await assert.rejects(Promise.resolve(forward), (event: { message?: string }) => event.message?.includes('500') === true);
    });

    it('are refused to who may not', async () => {
      const config = configuration('lab-viewer');
      const forward = new PortForward(config).portForward(namespace, cluster.pod('api').metadata.name, [3000], new PassThrough(), null, new PassThrough());
      await assert.rejects(Promise.resolve(forward), (event: { message?: string }) => event.message?.includes('403') === true);
    });
  });

  describe('permissions', () => {
    it('are refused in the words of the API server', async () => {
      assert.deepEqual(await refusal(core('lab-viewer').readNamespacedSecret({ namespace, name: 'caracal-runtime' })), {
        code: 403, message: 'secrets "caracal-runtime" is forbidden: User "viewer" cannot get resource "secrets" in API group "" in the namespace "caracal"',
      });
      assert.deepEqual(await refusal(core('lab-developer').listPodForAllNamespaces()), {
        code: 403, message: 'pods is forbidden: User "developer" cannot list resource "pods" in API group "" at the cluster scope',
      });
      assert.equal((await refusal(core().deleteNamespacedPod({ namespace, name: 'caracal-caracal-sts-0' }))).code, 405);
      cluster.api.expireToken('viewer');
      assert.equal((await refusal(core('lab-viewer').listNamespacedPod({ namespace }))).code, 401);
    });

    it('are told by self reviews', async () => {
      const review = async (context: string, resource: string, verb: string, subresource?: string): Promise<boolean | undefined> => {
        const body = Object.assign(new V1SelfSubjectAccessReview(), { spec: { resourceAttributes: { namespace, resource, verb, subresource } } });
        return (await configuration(context).makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({ body })).status?.allowed;
      };
      assert.equal(await review('lab', 'secrets', 'get'), true);
      assert.equal(await review('lab-viewer', 'secrets', 'get'), false);
      assert.equal(await review('lab-viewer', 'pods', 'get', 'portforward'), false);
      assert.equal(await review('lab-viewer', 'pods', 'get', 'log'), true);
      const rules = await configuration('lab-viewer').makeApiClient(AuthorizationV1Api).createSelfSubjectRulesReview({
        body: Object.assign(new V1SelfSubjectRulesReview(), { spec: { namespace } }),
      });
      assert.equal(rules.status?.incomplete, false);
      assert.ok(rules.status.resourceRules.some(({ resources }) => resources?.includes('pods/log')));
      assert.ok(!rules.status.resourceRules.some(({ resources }) => resources?.includes('secrets')));
    });
  });

  it('has events in both groups', async () => {
    emit(cluster.store, cluster.pod('sts'), { type: 'Warning', reason: 'Unhealthy', message: 'Readiness probe failed: HTTP probe failed with statuscode: 503', component: 'kubelet', container: 'sts', count: 3, first: 30, last: 2 });
    const { uid } = cluster.pod('sts').metadata;
    const [one] = (await core().listNamespacedEvent({ namespace, fieldSelector: `involvedObject.uid=${uid},type=Warning` })).items;
    assert.deepEqual([one?.reason, one?.count, one?.involvedObject.fieldPath], ['Unhealthy', 3, 'spec.containers{sts}']);
    const [other] = (await configuration().makeApiClient(EventsV1Api).listNamespacedEvent({ namespace, fieldSelector: `regarding.uid=${uid}` })).items;
    assert.deepEqual([other?.note, other?.regarding?.name], [one?.message, 'caracal-caracal-sts-0']);
  });

  describe('switches', () => {
    const isDown = async (): Promise<boolean> => core().listNamespace().then(() => false, () => true);

    it('refuse connections, and take them again', async () => {
      await cluster.api.refuse();
      assert.equal(await isDown(), true);
      await cluster.api.resume();
      assert.equal(await isDown(), false);
    });

    it('drop running watches', async () => {
      const watch = await watching(podsPath, {});
      await eventually('the pods', () => Promise.resolve(watch.events.length === 12), 5000);
      cluster.api.disconnect();
      await watch.ended;
      await eventually('no watch', () => Promise.resolve(cluster.api.counters.watches === 0), 5000);
    });

    it('hold every answer back, and let it go', async () => {
      cluster.api.freeze();
      const asking = core().listNamespace();
      const first = await Promise.race([asking.then(() => 'answered'), new Promise((resolve) => setTimeout(resolve, 300, 'silent'))]);
      assert.equal(first, 'silent');
      cluster.api.thaw();
      assert.ok((await asking).items.length > 0);
    });

    it('slow down and throttle', async () => {
      cluster.api.slow(300);
      const started = performance.now();
      await core().listNamespace();
      assert.ok(performance.now() - started >= 300);
      cluster.api.throttle(7);
      const response = await ask('/api/v1/namespaces');
      assert.deepEqual([response.statusCode, response.headers['retry-after'], await textOf(response)], [429, '7', 'Too many requests, please try again later.\n']);
    });
  });
});

describe('the cluster faults', function () {
  this.timeout(180_000);
  let lab: Lab;
  let cluster: ClusterLab | undefined;

  before(async () => {
    lab = await startLab();
  });
  after(() => lab.close());
  afterEach(async () => {
    await cluster?.close();
    await lab.redis.start();
    for (const service of Object.values(lab.services)) {
      await service.thaw();
      await service.start();
    }
  });

  for (const fault of clusterFaults) {
    it(`${fault.id} can be seen by who asks`, async () => {
      cluster = await startClusterLab({ ...fault.options, lab });
      await fault.inject(cluster);
      const refusal = refusals[fault.id];
      if (refusal === undefined) assert.match(await printed(cluster), signs[fault.id] ?? /^$/);
      else assert.match(await askCluster(cluster, '/api/v1/nodes').then(textOf, String), refusal);
    });
  }

  for (const decoy of clusterDecoys) {
    it(`${decoy.id} leaves the pods of the release as they are`, async () => {
      cluster = await startClusterLab({ ...decoy.options, lab });
      const { controller, namespace: own } = cluster;
      await decoy.inject(cluster);
      const pods = controller.podsOf(own, { 'app.kubernetes.io/instance': 'caracal' });
      assert.equal(pods.length, 12);
      assert.ok(pods.every(({ status }) => status.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True') === true));
    });
  }
});
