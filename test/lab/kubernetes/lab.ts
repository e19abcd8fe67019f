import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Lab } from '../lab.ts';
import { canaryOf, startLab } from '../lab.ts';
import type { ServiceHandle, ServiceName } from '../services/service-process.ts';
import { guardAgainstLeftovers } from '../stores/guard.ts';
import { createScratchFolder } from '../stores/scratch.ts';
import type { Rule, User } from './access.ts';
import { adminRules, boundIn, viewRules } from './access.ts';
import type { Manifest, Release } from './chart.ts';
import { components, fullname, selectorLabels } from './chart.ts';
import { Controller } from './controller.ts';
import { tailFile } from './fileTail.ts';
import type { Labels, Pod, PodTemplate } from './objects.ts';
import { ago, timestamp } from './objects.ts';
import { nameSuffix } from './pods.ts';
import type { Address } from './portForward.ts';
import type { Installed } from './release.ts';
import { installRelease, workloadKind } from './release.ts';
import type { ApiServer } from './server.ts';
import { startApiServer } from './server.ts';
import { Store } from './store.ts';
import type { UserValues } from './values.ts';
import { merged } from './values.ts';

export interface ClusterLabOptions {
  /** A running lab, which goes on when the cluster is closed. Default: one of its own. */
  readonly lab?: Lab;
  /** Default: 2, as in the chart. Pods of a service are backed by the same process. */
  readonly replicas?: number;
  /** More namespaces, with nothing in them. */
  readonly extraNamespaces?: number;
  /** More pods in the namespace of the release, of somebody else. */
  readonly extraPods?: number;
  /** Who the kubeconfig's context is for. `viewer` reads everything but Secrets, `developer` has one namespace, with Secrets and port-forward. */
  readonly user?: UserName;
  /** Rules of `viewer` instead of those of ClusterRole `view`. */
  readonly viewer?: readonly Rule[];
  /** Where the connection strings of the Secret point: to Services of the cluster, to hosts outside that are reached from here, or to some that are not. */
  readonly stores?: 'cluster' | 'external' | 'unreachable';
  /** User values on top of the lab's. */
  readonly values?: UserValues;
  /** Secrets as plaintext in the user values, as an evaluation install has them (contract, deploy 2.8). */
  readonly plaintextSecrets?: boolean;
  /** Whether the Prometheus Operator is installed. */
  readonly monitoring?: boolean;
  readonly bookmarkMs?: number;
  /** How many times the steady traffic of its own lab runs. Default: once. */
  readonly traffic?: number;
  /** Whether watches can send what is there first and say where that ends; default: they can. */
  readonly watchList?: boolean;
  readonly log?: (line: string) => void;
}

export type UserName = 'admin' | 'viewer' | 'developer';

/** A Caracal release in a cluster, whose pods are the services of a running lab. */
export interface ClusterLab {
  readonly lab: Lab;
  readonly api: ApiServer;
  readonly store: Store;
  readonly controller: Controller;
  /** Path of a kubeconfig with the contexts `lab`, `lab-admin`, `lab-viewer` and `lab-developer`. */
  readonly kubeconfig: string;
  readonly targetFile: string;
  readonly namespace: string;
  readonly release: Release;
  /** What the user gave at the deployed revision. */
  readonly config: UserValues;
  /** Names of the workload of a component, and how it is run. */
  workload(component: ServiceName): { readonly plural: 'deployments' | 'statefulsets'; readonly name: string };
  pods(component: ServiceName): Pod[];
  /** @throws Error when there is none */
  pod(component: ServiceName, ordinal?: number): Pod;
  close(): Promise<void>;
}

const day = 86_400;
const namespace = 'caracal';
const releaseName = 'caracal';

/** Ports on which the stores listen in the cluster. */
const storePorts = { postgres: 5432, redis: 6379 } as const;
type StoreName = keyof typeof storePorts;

/**
 * Starts the API server with a release of the chart, and a lab for its pods unless one is given.
 *
 * @throws Error of the part that does not start; what had started is ended again
 */
export async function startClusterLab(options: ClusterLabOptions = {}): Promise<ClusterLab> {
  const log = options.log ?? (() => undefined);
  const lab = options.lab ?? await startLab({ ...(options.log === undefined ? {} : { log: options.log }), ...(options.traffic === undefined ? {} : { traffic: options.traffic }) });
  const undo: (() => unknown)[] = options.lab === undefined ? [() => lab.close()] : [];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const folder = await createScratchFolder('caracal-cluster-');
    const guard = guardAgainstLeftovers({ signal: 'SIGKILL', scratch: folder });
    undo.push(async () => {
      await rm(folder, { recursive: true, force: true });
      guard.release();
    });
    const cluster = await assemble(lab, folder, options, undo);
    log(`API server at ${cluster.api.url}`);
    return { ...cluster, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function assemble(lab: Lab, folder: string, options: ClusterLabOptions, undo: (() => unknown)[]): Promise<Omit<ClusterLab, 'close'>> {
  const store = new Store();
  const users = usersOf(options);
  const api = await startApiServer({
    store, users, monitoring: options.monitoring ?? false, backend: (pod, port) => backend(lab, pod, port),
    patched: (plural, place, name, { spec: { template, replicas } }) => {
      if (replicas !== undefined) controller.scale(plural, place, name, replicas);
      const { annotations } = template?.metadata ?? {};
      if (annotations !== undefined) controller.roll(plural, place, name, ({ metadata }) => Object.assign(metadata, { annotations: { ...metadata.annotations, ...annotations } }));
      const component = components.find((each) => name === `${fullname(release)}-${each}`);
      if (component !== undefined) void started(lab.services[component], annotations !== undefined).catch(() => undefined); // the lab may end meanwhile
    },
    watchList: options.watchList ?? true, ...(options.bookmarkMs === undefined ? {} : { bookmarkMs: options.bookmarkMs }),
  });
  undo.push(() => api.close());
  const nodes = [1, 2, 3].map((number) => ({ name: `worker-${number}`, ip: `172.18.0.${number + 1}` }));
  const controller = new Controller({ store, nodes, removed: (pod) => api.dropStreamsOf(pod) });
  for (const { name, ip } of nodes) addNode(store, name, ip);
  for (const name of ['default', 'kube-node-lease', 'kube-public', 'kube-system', namespace]) addNamespace(store, name);
  for (const name of ['postgres', 'redis'] as const) addStore(controller, name);

  const config = configOf(lab, options);
  const release = installRelease(store, controller, { name: releaseName, namespace, revisions: history(config), secrets: await runtimeSecrets(lab, options.stores ?? 'cluster') });
  for (let number = 1; number <= (options.extraNamespaces ?? 0); number += 1) addNamespace(store, `team-${String(number).padStart(2, '0')}`);
  for (let number = 0; number < (options.extraPods ?? 0); number += 1) addForeignPod(controller);

  const pods = (component: ServiceName): Pod[] => controller.podsOf(namespace, selectorLabels(release, component));
  for (const component of components) {
    undo.push(tailFile(lab.services[component].logFile, (text, time) => {
      for (const pod of pods(component)) {
        if (pod.status.containerStatuses?.[0]?.state.running !== undefined) api.logs.current(pod, component).append(text, time);
      }
    }));
  }
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigText(api, users, options.user ?? 'admin'), { mode: 0o600 });
  const targetFile = join(folder, 'target.json');
  const target = { kind: 'kubernetes', name: 'caracal', kubeconfig, context: 'lab', namespace, release: releaseName, zone: lab.zoneId, canary: canaryOf(lab.callers, join(lab.directory, 'client-secret')) };
  await writeFile(targetFile, `${JSON.stringify(target, undefined, 2)}\n`, { mode: 0o600 });
  return {
    lab, api, store, controller, kubeconfig, targetFile, namespace, release, config, pods,
    workload: (component) => ({ plural: workloadKind(release, component), name: `${fullname(release)}-${component}` }),
    pod: (component, ordinal = 0) => {
      const pod = pods(component)[ordinal];
      if (pod === undefined) throw new Error(`${component} has no pod ${ordinal}`);
      return pod;
    },
  };
}

function usersOf(options: ClusterLabOptions): readonly User[] {
  const user = (name: UserName, rules: readonly Rule[]): User => ({ name, token: randomBytes(24).toString('hex'), rules });
  const developer: readonly Rule[] = [
    ...viewRules,
    { verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['secrets'] },
    // Servers of version 1.35 ask for `create` as well.
    { verbs: ['get', 'create'], apiGroups: [''], resources: ['pods/portforward'] },
  ];
  return [user('admin', adminRules), user('viewer', options.viewer ?? viewRules), user('developer', boundIn([namespace], developer))];
}

function kubeconfigText(api: ApiServer, users: readonly User[], current: UserName): string {
  const context = (name: string, user: string) => ({ name, context: { cluster: 'lab', user, namespace } });
  return stringify({
    apiVersion: 'v1', kind: 'Config', preferences: {}, 'current-context': 'lab',
    clusters: [{ name: 'lab', cluster: { server: api.url, 'certificate-authority-data': Buffer.from(api.authority).toString('base64') } }],
    contexts: [context('lab', current), ...users.map(({ name }) => context(`lab-${name}`, name))],
    users: users.map(({ name, token }) => ({ name, user: { token } })),
  });
}

/** The process behind pods that were started: one that runs goes on, unless its pods are new ones. */
async function started(service: ServiceHandle, anew: boolean): Promise<void> {
  if (anew) await service.stop();
  await service.start();
}

/** The process of the lab behind a port of a pod, as long as the pod's container runs. */
function backend(lab: Lab, { metadata, spec, status }: Pod, port: number): Address | undefined {
  const container = spec.containers.find(({ ports }) => ports?.some(({ containerPort }) => containerPort === port) === true);
  const isRunning = status.containerStatuses?.some(({ name, state }) => name === container?.name && state.running !== undefined) === true;
  if (container === undefined || !isRunning) return undefined;
  const host = '127.0.0.1';
  if (metadata.namespace === 'default' && (container.name === 'postgres' || container.name === 'redis')) return { host, port: lab[container.name].port };
  const component = components.find((name) => name === container.name);
  return component === undefined || metadata.namespace !== namespace ? undefined : { host, port: lab.services[component].port };
}

/** The user values of the deployed revision. */
function configOf(lab: Lab, options: ClusterLabOptions): UserValues {
  const { replicas = 2, plaintextSecrets = false } = options;
  const scaled = { replicas, hpa: { minReplicas: replicas } };
  const dns = {
    to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } }, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }],
    ports: [{ protocol: 'UDP', port: 53 }, { protocol: 'TCP', port: 53 }],
  };
  const external = options.stores === 'external'
    ? { database: { host: '127.0.0.1', port: lab.postgres.port, sslMode: 'disable' }, redis: { host: '127.0.0.1', port: lab.redis.port } }
    : options.stores === 'unreachable' ? { database: { host: unreachable.postgres, sslMode: 'disable' }, redis: { host: unreachable.redis } } : { database: { sslMode: 'disable' } };
  const own: UserValues = {
    global: plaintextSecrets ? { mode: 'rc', evaluation: true } : { mode: 'rc' },
    secrets: plaintextSecrets ? { create: true, plaintext: plaintext(lab), ...external } : external,
    networkPolicy: {
      dnsEgress: [dns], extraIngress: [{ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress-nginx' } } }], ports: [{ protocol: 'TCP', port: 3002 }] }],
    },
    services: {
      sts: scaled, api: scaled, gateway: scaled, audit: scaled, coordinator: scaled,
      web: { ...scaled, publicUrl: 'https://caracal.example.com', databaseSsl: 'disable', extraEnv: [{ name: 'CARACAL_PASSWORD_SIGNUP', value: '1' }] },
    },
    ...(options.monitoring === true ? { serviceMonitor: { enabled: true } } : {}),
  };
  return merged<UserValues>(own, options.values);
}

/** Three revisions: more verbose logs at first, then an environment variable, then neither. */
function history(config: UserValues): readonly Installed[] {
  return [
    { config: merged<UserValues>(config, { global: { logLevel: 'debug' } }), age: 9 * day },
    { config: merged<UserValues>(config, { services: { api: { extraEnv: [{ name: 'DB_POOL_MAX', value: '10' }] } } }), age: 5 * day },
    { config, age: 2 * day },
  ];
}

function plaintext({ secrets }: Lab): Record<string, string> {
  const { postgresPassword, redisPassword, caracalAdminToken, metricsBearer, caracalCoordinatorToken, caracalAuthSecret } = secrets;
  const { secretStoreKek, auditHmacKey, streamsHmacKey, idempotencyHmacKey, gatewayStsHmacKey } = secrets;
  return {
    postgresPassword, redisPassword, caracalAdminToken, metricsBearer, caracalCoordinatorToken, caracalAuthSecret, secretStoreKek, auditHmacKey, streamsHmacKey,
    idempotencyHmacKey, gatewayStsHmacKey,
  };
}

/** Names that no resolver knows (RFC 6761). */
const unreachable = { postgres: 'postgres.invalid', redis: 'redis.invalid' } as const;

/** The keys of the runtime Secret: what the lab's runtime home holds, with the addresses that pods use. */
async function runtimeSecrets(lab: Lab, stores: NonNullable<ClusterLabOptions['stores']>): Promise<Record<string, string>> {
  const read = async (name: string): Promise<string> => (await readFile(join(lab.home, 'secrets', name), 'utf8')).trim();
  const host = (name: StoreName): string => (stores === 'cluster' ? `${name}.default.svc.cluster.local` : unreachable[name]);
  const address = (url: string, name: StoreName): string => {
    const moved = new URL(url);
    if (stores !== 'external') moved.host = `${host(name)}:${storePorts[name]}`;
    return moved.href;
  };
  const databaseUrls = ['databaseUrl', ...['api', 'sts', 'gateway', 'audit', 'coordinator', 'auth'].map((role) => `${role}DatabaseUrl`)];
  const dsns = await Promise.all(databaseUrls.map(async (name) => [name, `${address(await read(name), 'postgres')}?sslmode=disable`] as const));
  return {
    ...lab.secrets, ...Object.fromEntries(dsns), redisUrl: `${address(await read('redisUrl'), 'redis')}/0`,
    stsAdminToken: randomBytes(32).toString('hex'), auditAdminToken: randomBytes(32).toString('hex'),
    'operatorAllowlist.json': JSON.stringify({ emails: { 'operator@example.com': 'active' } }),
  };
}

export function addNamespace(store: Store, name: string): void {
  store.create('namespaces', { metadata: { name, labels: { 'kubernetes.io/metadata.name': name } }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }, 30 * day);
  store.create('serviceaccounts', { metadata: { name: 'default', namespace: name } }, 30 * day);
  store.create('configmaps', { metadata: { name: 'kube-root-ca.crt', namespace: name }, data: { 'ca.crt': '' } }, 30 * day);
}

function addNode(store: Store, name: string, ip: string): void {
  const since = timestamp(ago(30 * day));
  const holds = (type: string, status: 'True' | 'False', reason: string, message: string) => (
    { type, status, reason, message, lastTransitionTime: since, lastHeartbeatTime: timestamp() });
  store.create('nodes', {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'topology.kubernetes.io/zone': 'zone-a' } },
    spec: { podCIDR: '10.244.0.0/24' },
    status: {
      conditions: [
        holds('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
        holds('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        holds('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        holds('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
      ],
      addresses: [{ type: 'InternalIP', address: ip }, { type: 'Hostname', address: name }],
      capacity: { cpu: '4', memory: '8Gi', pods: '110' }, allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
      nodeInfo: {
        kubeletVersion: 'v1.32.4', osImage: 'Debian GNU/Linux 12 (bookworm)', kernelVersion: '6.1.0-34-amd64', containerRuntimeVersion: 'containerd://1.7.27',
        operatingSystem: 'linux', architecture: 'amd64',
      },
    },
  }, 30 * day);
}

/** Postgres or Redis as a StatefulSet of the cluster, with the Service that the chart's defaults name (contract, deploy 2.5). */
function addStore(controller: Controller, name: StoreName): void {
  const labels: Labels = { app: name };
  const port = storePorts[name];
  const template: PodTemplate = {
    metadata: { labels },
    spec: { containers: [{ name, image: name === 'postgres' ? 'postgres:18.1' : 'redis:7.0.15', ports: [{ name, containerPort: port }] }] },
  };
  const manifests: Manifest[] = [
    { plural: 'services', template: name, object: { metadata: { name, labels }, spec: { type: 'ClusterIP', ports: [{ name, port, targetPort: name }], selector: labels } } },
    { plural: 'statefulsets', template: name, object: { metadata: { name, labels }, spec: { serviceName: name, replicas: 1, selector: { matchLabels: labels }, template } } },
  ];
  controller.install('default', manifests, { age: 20 * day, manager: 'kubectl-create' });
}

function addForeignPod(controller: Controller): void {
  const template: PodTemplate = { metadata: { labels: { app: 'batch' } }, spec: { containers: [{ name: 'batch', image: 'busybox:1.37' }] } };
  controller.addPod({ name: `batch-${nameSuffix()}${nameSuffix()}`, namespace, template, age: 3600 });
}
