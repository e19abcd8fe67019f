import type { Manifest } from './chart.ts';
import { emit } from './events.ts';
import type {
  Deployment, Draft, Endpoints, EndpointSlice, Kinds, KubernetesObject, Labels, OwnerReference, Plural, Pod, PodTemplate, ReplicaSet, Service, StatefulSet, Volume,
} from './objects.ts';
import { ago, matches, timestamp } from './objects.ts';
import { condition, nameSuffix, ownedBy, podOf, run, templateHash, withDefaults } from './pods.ts';
import type { Store } from './store.ts';

/** A worker node. */
export interface WorkerNode {
  readonly name: string;
  readonly ip: string;
}

export interface ControllerOptions {
  readonly store: Store;
  readonly nodes: readonly WorkerNode[];
  /** A pod is gone. */
  readonly removed: (pod: Pod) => void;
}

/** What kind of workload runs a pod. */
type Workload = Deployment | StatefulSet;

/**
 * Does in one step what the controllers, the scheduler and the kubelet do by and by: objects of the
 * chart get defaults, pods, revisions, endpoints and statuses. What it is not asked for stays as it is,
 * so that a fault can leave anything in any state; `sync` counts again.
 */
export class Controller {
  readonly #store: Store;
  readonly #nodes: readonly WorkerNode[];
  readonly #removed: (pod: Pod) => void;
  #addresses = 10;
  #clusterAddresses = 10;

  constructor({ store, nodes, removed }: ControllerOptions) {
    this.#store = store;
    this.#nodes = nodes;
    this.#removed = removed;
  }

  /** Installs objects of a chart, their pods running and ready since `age` seconds. */
  install(namespace: string, manifests: readonly Manifest[], options: { age: number; podAge?: number; annotations?: Labels; manager: string }): void {
    const { age, podAge = age, annotations, manager } = options;
    for (const { plural, object } of manifests) {
      const { metadata } = object;
      const created = this.#store.create(plural, {
        ...this.#defaulted(plural, structuredClone(object)),
        metadata: {
          ...metadata, namespace, ...(hasGeneration.includes(plural) ? { generation: 1 } : {}),
          ...(annotations === undefined && metadata.annotations === undefined ? {} : { annotations: { ...annotations, ...metadata.annotations } }),
          managedFields: [{
            manager, operation: 'Update', apiVersion: String(object['apiVersion']), time: timestamp(ago(podAge)), fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': {} },
          }],
        },
      } as never, age);
      if (plural === 'deployments') this.#rolled('deployments', created as Deployment, podAge);
      if (plural === 'statefulsets') this.#rolled('statefulsets', created as StatefulSet, podAge);
    }
    this.sync();
  }

  #defaulted(plural: Plural, object: Draft<KubernetesObject> & Readonly<Record<string, unknown>>): object {
    const spec = object['spec'] as Record<string, unknown> & { template?: PodTemplate };
    if (spec as unknown !== undefined && spec.template !== undefined) spec.template = withDefaults(spec.template);
    switch (plural) {
      case 'services': {
        this.#clusterAddresses += 1;
        const clusterIP = `10.96.12.${this.#clusterAddresses}`;
        const { ports, ...rest } = spec as unknown as Service['spec'];
        return {
          ...object,
          spec: {
            clusterIP, clusterIPs: [clusterIP], internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', sessionAffinity: 'None',
            ...rest, ports: ports.map((port) => ({ protocol: 'TCP', ...port })),
          },
          status: { loadBalancer: {} },
        };
      }
      case 'deployments':
        return { ...object, spec: { revisionHistoryLimit: 10, progressDeadlineSeconds: 600, ...spec }, status: {} };
      case 'statefulsets':
        return {
          ...object,
          spec: {
            podManagementPolicy: 'OrderedReady', revisionHistoryLimit: 10, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
            persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' }, ...spec,
            ...(spec['volumeClaimTemplates'] === undefined ? {} : { volumeClaimTemplates: (spec['volumeClaimTemplates'] as Claims).map(claimDefaults) }),
          },
          status: { replicas: 0, collisionCount: 0 },
        };
      case 'horizontalpodautoscalers':
        return { ...object, status: { currentReplicas: 0, desiredReplicas: 0, currentMetrics: null } };
      case 'poddisruptionbudgets':
        return { ...object, status: { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, disruptionsAllowed: 0 } };
      case 'ingresses':
        return { ...object, status: { loadBalancer: {} } };
      case 'jobs':
        return {
          ...object, status: {},
          spec: { parallelism: 1, completions: 1, completionMode: 'NonIndexed', manualSelector: false, podReplacementPolicy: 'TerminatingOrFailed', suspend: false, ...spec },
        };
      default:
        return object;
    }
  }

  /** The newest revision of a workload: its ReplicaSet or ControllerRevision. Creates it when the template is a new one. */
  revisionOf(plural: 'deployments' | 'statefulsets', workload: Workload, age = 0): { name: string; hash: string; owner: OwnerReference } {
    const { metadata: { name, namespace = '', annotations = {} }, spec: { template, selector } } = workload;
    const inherited = Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith('meta.helm.sh/')));
    const hash = templateHash(template);
    const full = `${name}-${hash}`;
    const kind = plural === 'deployments' ? 'replicasets' : 'controllerrevisions';
    const existing = this.#store.find(kind, namespace, full);
    if (existing !== undefined) return { name: full, hash, owner: plural === 'deployments' ? ownedBy(existing) : ownedBy(workload) };
    const number = 1 + this.#store.list(kind, namespace).filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === workload.metadata.uid).length;
    if (plural === 'statefulsets') {
      this.#store.create('controllerrevisions', {
        metadata: {
          name: full, namespace, annotations: inherited, labels: { ...selector.matchLabels, 'controller.kubernetes.io/hash': hash }, ownerReferences: [ownedBy(workload)],
        },
        revision: number, data: { spec: { template: { ...template, $patch: 'replace' } } },
      }, age);
      return { name: full, hash, owner: ownedBy(workload) };
    }
    const added = { 'pod-template-hash': hash };
    const set = this.#store.create('replicasets', {
      metadata: {
        name: full, namespace, generation: 1, labels: { ...template.metadata.labels, ...added }, ownerReferences: [ownedBy(workload)],
        annotations: {
          ...inherited, 'deployment.kubernetes.io/desired-replicas': String(workload.spec.replicas), 'deployment.kubernetes.io/max-replicas': String(workload.spec.replicas + 1),
          'deployment.kubernetes.io/revision': String(number),
        },
      },
      spec: {
        replicas: 0, selector: { matchLabels: { ...selector.matchLabels, ...added } },
        template: { ...template, metadata: { ...template.metadata, labels: { ...template.metadata.labels, ...added } } },
      },
      status: { replicas: 0 },
    }, age);
    this.#store.change('deployments', namespace, name, (deployment) => {
      deployment.metadata.annotations = { ...deployment.metadata.annotations, 'deployment.kubernetes.io/revision': String(number) };
    });
    return { name: full, hash, owner: ownedBy(set) };
  }

  /** All pods of the workload are those of its template, running and ready since `age` seconds. */
  #rolled(plural: 'deployments' | 'statefulsets', workload: Workload, age: number): void {
    const { metadata: { name, namespace = '' }, spec } = workload;
    const revision = this.revisionOf(plural, workload, age);
    const stale = this.podsOf(namespace, spec.selector.matchLabels ?? {});
    for (const pod of stale) this.#remove(pod);
    for (let ordinal = 0; ordinal < spec.replicas; ordinal += 1) this.startPod(plural, namespace, name, { ordinal, age });
    if (plural === 'statefulsets') {
      this.#store.change('statefulsets', namespace, name, ({ status }) => {
        status.currentRevision = revision.name;
        status.updateRevision = revision.name;
      });
      return;
    }
    for (const set of this.replicaSetsOf(namespace, name)) {
      this.#store.change('replicasets', namespace, set.metadata.name, (own) => {
        own.spec.replicas = own.metadata.name === revision.name ? spec.replicas : 0;
      });
    }
    this.#store.change('deployments', namespace, name, ({ status }) => {
      status.conditions = [
        deploymentCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', age),
        deploymentCondition('Progressing', 'True', 'NewReplicaSetAvailable', `ReplicaSet "${revision.name}" has successfully progressed.`, age),
      ];
    });
  }

  /** Gives the workload another pod template. `keepPods` leaves the pods of the one before running. */
  roll(plural: 'deployments' | 'statefulsets', namespace: string, name: string, how: (template: PodTemplate) => void, options: { age?: number; keepPods?: boolean } = {}): void {
    const changed = this.#store.change(plural, namespace, name, (workload) => {
      how(workload.spec.template);
    });
    if (options.keepPods === true) {
      const revision = this.revisionOf(plural, changed, options.age);
      if (plural === 'statefulsets') {
        this.#store.change('statefulsets', namespace, name, ({ status }) => {
          status.updateRevision = revision.name;
        });
      }
    } else this.#rolled(plural, changed, options.age ?? 0);
    this.sync();
  }

  scale(plural: 'deployments' | 'statefulsets', namespace: string, name: string, replicas: number, age = 0): void {
    const changed = this.#store.change(plural, namespace, name, (workload) => {
      workload.spec.replicas = replicas;
    });
    const revision = this.revisionOf(plural, changed);
    const pods = this.podsOf(namespace, changed.spec.selector.matchLabels ?? {});
    for (const pod of pods.slice(replicas)) this.#remove(pod);
    for (let ordinal = pods.length; ordinal < replicas; ordinal += 1) this.startPod(plural, namespace, name, { ordinal, age });
    if (plural === 'deployments') {
      this.#store.change('replicasets', namespace, revision.name, (set) => {
        set.spec.replicas = replicas;
      });
    }
    this.sync();
  }

  /** A new pod of the workload's newest template, running and ready since `age` seconds; `change` puts it into another state. */
  startPod(plural: 'deployments' | 'statefulsets', namespace: string, name: string, options: { ordinal: number; age: number; change?: (pod: Draft<Pod>) => void }): Pod {
    const { ordinal, age, change } = options;
    const workload = this.#store.get(plural, namespace, name);
    const { owner, hash, name: revision } = this.revisionOf(plural, workload);
    const { spec } = workload;
    const base = { namespace, owner, template: spec.template, node: this.#node(ordinal), ip: this.#podAddress() };
    const draft = plural === 'deployments'
      ? podOf({ ...base, name: `${revision}-${nameSuffix()}`, labels: { 'pod-template-hash': hash } })
      : podOf({
        ...base, name: `${name}-${ordinal}`, hostname: { hostname: `${name}-${ordinal}`, subdomain: (spec as StatefulSet['spec']).serviceName },
        labels: { 'apps.kubernetes.io/pod-index': String(ordinal), 'controller-revision-hash': revision, 'statefulset.kubernetes.io/pod-name': `${name}-${ordinal}` },
        volumes: this.#claims(workload as StatefulSet, ordinal),
      });
    run(draft, { age });
    change?.(draft);
    const pod = this.#store.create('pods', draft, age);
    if (age < eventLifetime) this.#announce(pod, plural === 'deployments' ? this.#store.get('replicasets', namespace, owner.name) : workload, age);
    return pod;
  }

  /** The events that the start of a pod leaves. */
  #announce(pod: Pod, owner: KubernetesObject, age: number): void {
    const { metadata: { name, namespace = '' }, spec: { nodeName, containers }, status } = pod;
    const at = { type: 'Normal', first: age, last: age } as const;
    const isSet = owner.kind === 'ReplicaSet';
    emit(this.#store, owner, {
      ...at, reason: 'SuccessfulCreate', component: isSet ? 'replicaset-controller' : 'statefulset-controller',
      message: isSet ? `Created pod: ${name}` : `create Pod ${name} in StatefulSet ${owner.metadata.name} successful`,
    });
    if (nodeName === undefined) return;
    emit(this.#store, pod, { ...at, reason: 'Scheduled', component: 'default-scheduler', message: `Successfully assigned ${namespace}/${name} to ${nodeName}` });
    const [container] = containers;
    if (container === undefined || status.containerStatuses?.[0]?.state.running === undefined) return;
    const noticed = { ...at, component: 'kubelet', container: container.name };
    emit(this.#store, pod, { ...noticed, reason: 'Pulled', message: `Container image "${container.image}" already present on machine` });
    emit(this.#store, pod, { ...noticed, reason: 'Created', message: `Created container: ${container.name}` });
    emit(this.#store, pod, { ...noticed, reason: 'Started', message: `Started container ${container.name}` });
  }

  /** A pod that no controller owns or that its caller says the owner of. */
  addPod(options: { name: string; namespace: string; template: PodTemplate; labels?: Labels; owner?: OwnerReference; age: number; change?: (pod: Draft<Pod>) => void }): Pod {
    const { age, change, ...rest } = options;
    const draft = podOf({ ...rest, node: this.#node(this.#addresses), ip: this.#podAddress() });
    run(draft, { age });
    change?.(draft);
    return this.#store.create('pods', draft, age);
  }

  /** Deletes the pod: its controller starts another one, which has the same name in a StatefulSet only. */
  replacePod(pod: Pod): Pod {
    const { metadata: { namespace = '', name, labels = {} } } = pod;
    const container = pod.spec.containers[0]?.name ?? '';
    emit(this.#store, pod, { type: 'Normal', reason: 'Killing', message: `Stopping container ${container}`, component: 'kubelet', container });
    this.changePod(pod, (going) => {
      going.metadata.deletionTimestamp = timestamp();
      going.metadata.deletionGracePeriodSeconds = 30;
    });
    this.#remove(pod);
    const workload = [...this.#store.list('deployments', namespace), ...this.#store.list('statefulsets', namespace)]
      .find(({ spec }) => matches(labels, spec.selector.matchLabels ?? {}));
    if (workload === undefined) throw new Error(`no workload runs the pod ${name}`);
    const plural = workload.kind === 'Deployment' ? 'deployments' : 'statefulsets';
    const ordinal = Number(labels['apps.kubernetes.io/pod-index'] ?? 0);
    const replacement = this.startPod(plural, namespace, workload.metadata.name, { ordinal, age: 0 });
    this.sync();
    return replacement;
  }

  /** Deletes the pod; nothing takes its place. */
  removePod(pod: Pod): void {
    this.#remove(pod);
    this.sync();
  }

  changePod({ metadata: { namespace = '', name } }: Pod, how: (pod: Pod) => void): Pod {
    const changed = this.#store.change('pods', namespace, name, how);
    this.sync();
    return changed;
  }

  podsOf(namespace: string, selector: Labels): Pod[] {
    return this.#store.list('pods', namespace).filter(({ metadata: { labels } }) => matches(labels, selector));
  }

  replicaSetsOf(namespace: string, deployment: string): ReplicaSet[] {
    const { uid } = this.#store.get('deployments', namespace, deployment).metadata;
    return this.#store.list('replicasets', namespace).filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid);
  }

  /** Brings statuses, endpoints, autoscalers and budgets in line with the pods. Conditions stay, except availability. */
  sync(): void {
    const pods = Map.groupBy(this.#store.list('pods'), ({ metadata: { namespace = '' } }) => namespace);
    const inNamespace = (object: KubernetesObject): Pod[] => pods.get(object.metadata.namespace ?? '') ?? [];
    for (const set of this.#store.list('replicasets')) this.#syncReplicaSet(set, inNamespace(set));
    for (const deployment of this.#store.list('deployments')) this.#syncDeployment(deployment);
    for (const set of this.#store.list('statefulsets')) this.#syncStatefulSet(set, inNamespace(set));
    for (const service of this.#store.list('services')) if (service.spec.selector !== undefined) this.#syncEndpoints(service, inNamespace(service));
    for (const autoscaler of this.#store.list('horizontalpodautoscalers')) {
      const { namespace = '', name } = autoscaler.metadata;
      const { kind, name: target } = autoscaler.spec.scaleTargetRef;
      const replicas = this.#store.find(kind === 'Deployment' ? 'deployments' : 'statefulsets', namespace, target)?.spec.replicas ?? 0;
      this.#update('horizontalpodautoscalers', namespace, name, ({ status }) => {
        status.currentReplicas = replicas;
        status.desiredReplicas = replicas;
      });
    }
    for (const { metadata: { namespace = '', name }, spec } of this.#store.list('poddisruptionbudgets')) {
      const covered = this.podsOf(namespace, spec.selector.matchLabels ?? {});
      const healthy = covered.filter(isReady).length;
      const desired = Math.ceil(covered.length * Number.parseInt(String(spec.minAvailable ?? '0'), 10) / 100);
      this.#update('poddisruptionbudgets', namespace, name, ({ status }) => {
        Object.assign(status, { expectedPods: covered.length, currentHealthy: healthy, desiredHealthy: desired, disruptionsAllowed: Math.max(0, healthy - desired), observedGeneration: 1 });
      });
    }
  }

  #syncReplicaSet(set: ReplicaSet, pods: readonly Pod[]): void {
    const own = pods.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === set.metadata.uid && metadata.deletionTimestamp === undefined);
    const ready = own.filter(isReady).length;
    this.#update('replicasets', set.metadata.namespace ?? '', set.metadata.name, ({ metadata, status }) => {
      count(status, {
        replicas: own.length, fullyLabeledReplicas: own.length, readyReplicas: ready, availableReplicas: ready, observedGeneration: metadata.generation ?? 1,
      });
      status.replicas = own.length;
    });
  }

  #syncDeployment({ metadata: { namespace = '', name } }: Deployment): void {
    const sets = this.replicaSetsOf(namespace, name);
    const newest = Math.max(0, ...sets.map(revisionNumber));
    const sum = (of: (set: ReplicaSet) => number): number => sets.reduce((total, set) => total + of(set), 0);
    this.#update('deployments', namespace, name, ({ metadata, spec, status }) => {
      const [replicas, ready] = [sum((set) => set.status.replicas), sum((set) => set.status.readyReplicas ?? 0)];
      count(status, {
        observedGeneration: metadata.generation ?? 1, replicas, readyReplicas: ready, availableReplicas: ready, unavailableReplicas: Math.max(0, Math.max(replicas, spec.replicas) - ready),
        updatedReplicas: sum((set) => (revisionNumber(set) === newest ? set.status.replicas : 0)),
      });
      const enough = ready >= spec.replicas;
      const available = status.conditions?.find(({ type }) => type === 'Available');
      if (available !== undefined && (available.status === 'True') !== enough) {
        Object.assign(available, enough
          ? deploymentCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', 0)
          : deploymentCondition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.', 0));
      }
    });
  }

  #syncStatefulSet({ metadata: { namespace = '', name, uid } }: StatefulSet, pods: readonly Pod[]): void {
    const own = pods.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid);
    const ready = own.filter(isReady).length;
    this.#update('statefulsets', namespace, name, ({ metadata, status }) => {
      const of = (revision: string | undefined): number => own.filter(({ metadata: { labels } }) => labels?.['controller-revision-hash'] === revision).length;
      count(status, {
        observedGeneration: metadata.generation ?? 1, readyReplicas: ready, currentReplicas: of(status.currentRevision), updatedReplicas: of(status.updateRevision),
      });
      status.replicas = own.length;
      status.availableReplicas = ready;
    });
  }

  #syncEndpoints(service: Service, pods: readonly Pod[]): void {
    const { metadata: { name, namespace = '', labels, uid, creationTimestamp }, spec: { selector = {}, ports } } = service;
    const chosen = pods.filter(({ metadata, status }) => matches(metadata.labels, selector) && status.podIP !== undefined && !['Succeeded', 'Failed'].includes(status.phase));
    const resolved = ports.flatMap(({ name: port, targetPort, protocol = 'TCP' }) => {
      const number = typeof targetPort === 'number' ? targetPort : chosen[0]?.spec.containers.flatMap((one) => one.ports ?? []).find((one) => one.name === targetPort)?.containerPort;
      return number === undefined ? [] : [{ ...(port === undefined ? {} : { name: port }), port: number, protocol }];
    });
    const reference = (pod: Pod) => ({ kind: 'Pod', namespace, name: pod.metadata.name, uid: pod.metadata.uid });
    const place = ({ spec: { nodeName, hostname } }: Pod) => ({ ...(nodeName === undefined ? {} : { nodeName }), ...(hostname === undefined ? {} : { hostname }) });
    const addresses = (ready: boolean) => chosen.filter((pod) => isReady(pod) === ready)
      .map((pod) => ({ ip: pod.status.podIP ?? '', ...place(pod), targetRef: reference(pod) }));
    const [ready, notReady] = [addresses(true), addresses(false)];
    this.#replace('endpoints', { metadata: { name, namespace, creationTimestamp, labels: { ...labels, 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } } }, (endpoints: Endpoints) => {
      if (chosen.length === 0) delete endpoints.subsets;
      else {
        endpoints.subsets = [{
          ...(ready.length === 0 ? {} : { addresses: ready }), ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }), ports: resolved,
        }];
      }
    });
    const slice = `${name}-${templateHash({ metadata: { labels: { uid } }, spec: { containers: [] } }).slice(0, 5)}`;
    const draft = {
      metadata: {
        name: slice, namespace, creationTimestamp, generateName: `${name}-`, labels: { ...labels, 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io', 'kubernetes.io/service-name': name },
        ownerReferences: [ownedBy(service)],
      },
      addressType: 'IPv4', endpoints: [], ports: [],
    };
    this.#replace('endpointslices', draft, (object: EndpointSlice) => {
      object.ports = resolved;
      object.endpoints = chosen.map((pod) => ({
        addresses: [pod.status.podIP ?? ''], ...place(pod), zone: 'zone-a', targetRef: reference(pod),
        conditions: { ready: isReady(pod), serving: isReady(pod), terminating: pod.metadata.deletionTimestamp !== undefined },
      }));
    });
  }

  /** Changes the object unless it is so already: watchers see real changes only. */
  #update<Name extends Plural>(plural: Name, namespace: string, name: string, how: (object: Kinds[Name]) => void): void {
    const before = this.#store.get(plural, namespace, name);
    const after = structuredClone(before);
    how(after);
    if (JSON.stringify(before) !== JSON.stringify(after)) this.#store.change(plural, namespace, name, how);
  }

  #replace<Name extends 'endpoints' | 'endpointslices'>(plural: Name, draft: Draft<Kinds[Name]>, how: (object: Kinds[Name]) => void): void {
    const { name, namespace = '' } = draft.metadata;
    if (this.#store.find(plural, namespace, name) === undefined) this.#store.create(plural, draft);
    this.#update(plural, namespace, name, how);
  }

  #claims({ metadata: { namespace = '', name }, spec: { volumeClaimTemplates = [] } }: StatefulSet, ordinal: number): Volume[] {
    return volumeClaimTemplates.map(({ metadata, spec }) => {
      const claim = `${metadata.name}-${name}-${ordinal}`;
      if (this.#store.find('persistentvolumeclaims', namespace, claim) === undefined) {
        this.#store.create('persistentvolumeclaims', {
          metadata: {
            name: claim, namespace, ...(metadata.labels === undefined ? {} : { labels: metadata.labels }), finalizers: ['kubernetes.io/pvc-protection'],
            annotations: { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' },
          },
          spec: { storageClassName: 'standard', volumeMode: 'Filesystem', ...spec, volumeName: `pvc-${crypto.randomUUID()}` },
          status: { phase: 'Bound', accessModes: spec.accessModes, capacity: { storage: spec.resources.requests.storage } },
        }, claimAge);
      }
      return { name: metadata.name, persistentVolumeClaim: { claimName: claim } };
    });
  }

  #remove(pod: Pod): void {
    const { namespace = '', name } = pod.metadata;
    this.#store.delete('pods', namespace, name);
    this.#removed(pod);
  }

  #node(ordinal: number): WorkerNode {
    const node = this.#nodes[ordinal % this.#nodes.length];
    if (node === undefined) throw new Error('the cluster has no node');
    return node;
  }

  #podAddress(): string {
    this.#addresses += 1;
    return `10.244.${Math.floor(this.#addresses / 250)}.${1 + (this.#addresses % 250)}`;
  }
}

/** Kinds whose objects count changes of their spec. */
const hasGeneration: readonly Plural[] = ['deployments', 'statefulsets', 'networkpolicies', 'ingresses', 'poddisruptionbudgets', 'jobs', 'servicemonitors'];

/** Seconds that the API server keeps an event. */
const eventLifetime = 3600;

/** Claims outlive the pods that use them. */
const claimAge = 9 * 86_400;

export function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True') === true;
}

export function revisionNumber({ metadata }: ReplicaSet): number {
  return Number(metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
}

export function deploymentCondition(type: string, status: 'True' | 'False', reason: string, message: string, age: number) {
  const { lastTransitionTime } = condition(type, status, age);
  return { type, status, reason, message, lastTransitionTime, lastUpdateTime: lastTransitionTime };
}

/** Sets the counts; like Kubernetes, leaves those out that are 0. */
function count(status: object, counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (value === 0) Reflect.deleteProperty(status, name);
    else Reflect.set(status, name, value);
  }
}

type Claims = NonNullable<StatefulSet['spec']['volumeClaimTemplates']>;

function claimDefaults({ metadata, spec }: Claims[number]): Claims[number] {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec: { ...spec, volumeMode: 'Filesystem' }, status: { phase: 'Pending' } };
}
