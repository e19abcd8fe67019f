import { createHash, randomBytes } from 'node:crypto';
import type { Condition, Container, ContainerState, ContainerStatus, Draft, KubernetesObject, Labels, OwnerReference, Pod, PodSpec, PodTemplate, Probe, Volume } from './objects.ts';
import { ago, timestamp } from './objects.ts';

/** Letters and digits that Kubernetes builds name suffixes from. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

function encoded(bytes: Buffer): string {
  return [...bytes].map((byte) => alphabet[byte % alphabet.length] ?? '').join('');
}

/** Five characters that make a pod's name its own. */
export function nameSuffix(): string {
  return encoded(randomBytes(5));
}

/** The hash that names a ReplicaSet or ControllerRevision: another template, another hash. */
export function templateHash(template: PodTemplate): string {
  return encoded(createHash('sha256').update(JSON.stringify(template)).digest().subarray(0, 10));
}

/** Digest of the image that a registry gives for a tag. */
export function imageDigest(image: string): string {
  return `sha256:${createHash('sha256').update(image).digest('hex')}`;
}

/** `repository@digest`, as the container runtime reports what it pulled. */
export function imageId(image: string): string {
  return `${image.replace(/:[^:/]+$/, '')}@${imageDigest(image)}`;
}

/** The pod template with what the API server adds to it. */
export function withDefaults({ metadata, spec }: PodTemplate): PodTemplate {
  return { metadata, spec: podDefaults(spec) };
}

function podDefaults(spec: PodSpec): PodSpec {
  const probe = (own: Probe): Probe => ({ timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3, ...own, httpGet: { scheme: 'HTTP', ...own.httpGet } });
  const container = (own: Container): Container => ({
    terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', ...own,
    // Empty values are left out.
    ...(own.env === undefined ? {} : { env: own.env.map(({ value, ...variable }) => (value === undefined || value === '' ? variable : { ...variable, value })) }),
    ...(own.ports === undefined ? {} : { ports: own.ports.map((port) => ({ protocol: 'TCP', ...port })) }),
    ...(own.startupProbe === undefined ? {} : { startupProbe: probe(own.startupProbe) }),
    ...(own.livenessProbe === undefined ? {} : { livenessProbe: probe(own.livenessProbe) }),
    ...(own.readinessProbe === undefined ? {} : { readinessProbe: probe(own.readinessProbe) }),
  });
  const volume = (own: Volume): Volume => (own.secret === undefined ? own : { ...own, secret: { defaultMode: 420, ...own.secret } });
  return {
    restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler', ...spec,
    ...(spec.serviceAccountName === undefined ? {} : { serviceAccount: spec.serviceAccountName }),
    containers: spec.containers.map(container), ...(spec.volumes === undefined ? {} : { volumes: spec.volumes.map(volume) }),
  };
}

/** The owner reference of a controller. */
export function ownedBy({ apiVersion, kind, metadata: { name, uid } }: KubernetesObject): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export interface PodOptions {
  readonly name: string;
  readonly namespace: string;
  readonly owner?: OwnerReference;
  readonly template: PodTemplate;
  /** Labels that the controller adds to those of the template. */
  readonly labels?: Labels;
  readonly volumes?: readonly Volume[];
  readonly node: { readonly name: string; readonly ip: string };
  readonly ip: string;
  readonly hostname?: { readonly hostname: string; readonly subdomain: string };
}

/** A pod that the scheduler has placed and the kubelet has not started yet. */
export function podOf(options: PodOptions): Draft<Pod> {
  const { name, namespace, owner, template, labels, volumes = [], node, ip, hostname } = options;
  const spec = podDefaults(template.spec);
  return {
    metadata: {
      name, namespace, labels: { ...template.metadata.labels, ...labels },
      ...(template.metadata.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
      ...(owner === undefined ? {} : { ownerReferences: [owner], generateName: `${name.slice(0, name.lastIndexOf('-'))}-` }),
    },
    spec: {
      ...spec, ...hostname, nodeName: node.name, enableServiceLinks: true, priority: 0, preemptionPolicy: 'PreemptLowerPriority',
      tolerations: ['not-ready', 'unreachable'].map((key) => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 })),
      volumes: [...volumes, ...spec.volumes ?? []],
    },
    status: {
      phase: 'Pending', qosClass: 'Burstable', hostIP: node.ip, hostIPs: [{ ip: node.ip }], podIP: ip, podIPs: [{ ip }], conditions: conditions({ ready: false, age: 0 }),
      containerStatuses: spec.containers.map((container) => containerStatus(container, { waiting: { reason: 'ContainerCreating' } })),
    },
  };
}

function containerStatus({ name, image }: Container, state: ContainerState): ContainerStatus {
  return { name, state, lastState: {}, ready: false, started: false, restartCount: 0, image, imageID: '' };
}

/** Condition since that many seconds. */
export function condition(type: string, status: Condition['status'], age: number, why: { reason?: string; message?: string } = {}): Condition {
  return { type, status, lastProbeTime: null, lastTransitionTime: timestamp(ago(age)), ...why };
}

function conditions({ ready, age }: { ready: boolean; age: number }): Condition[] {
  const state = ready ? 'True' : 'False';
  const unready = ready ? {} : { reason: 'ContainersNotReady', message: 'containers with unready status' };
  return [
    condition('PodReadyToStartContainers', 'True', age), condition('Initialized', 'True', age), condition('Ready', state, age, unready),
    condition('ContainersReady', state, age, unready), condition('PodScheduled', 'True', age),
  ];
}

/** Every container of the pod runs since that many seconds; with `ready`, the pod is ready, too. */
export function run(pod: Pod | Draft<Pod>, { age, ready = true, started = true }: { age: number; ready?: boolean; started?: boolean }): void {
  pod.status.phase = 'Running';
  delete pod.status.reason;
  delete pod.status.message;
  pod.status.startTime ??= timestamp(ago(age));
  for (const status of pod.status.containerStatuses ?? []) {
    status.state = { running: { startedAt: timestamp(ago(age)) } };
    status.imageID = imageId(status.image);
    status.containerID = `containerd://${randomBytes(32).toString('hex')}`;
    status.started = started;
    status.ready = ready;
  }
  setReady(pod, ready, age);
}

/** Sets the pod's conditions and its containers' readiness. */
export function setReady(pod: Pod | Draft<Pod>, ready: boolean, age = 0): void {
  const names = pod.spec.containers.map(({ name }) => name).join(' ');
  pod.status.conditions = conditions({ ready, age }).map((one) => (
    one.reason === 'ContainersNotReady' ? { ...one, message: `containers with unready status: [${names}]` } : one));
  for (const status of pod.status.containerStatuses ?? []) status.ready = ready;
}

/** The containers wait and do not run. */
export function wait(pod: Pod | Draft<Pod>, reason: string, message?: string): void {
  pod.status.startTime ??= timestamp();
  setReady(pod, false);
  for (const status of pod.status.containerStatuses ?? []) {
    if (status.state.terminated !== undefined) status.lastState = { terminated: status.state.terminated };
    status.state = { waiting: { reason, ...(message === undefined ? {} : { message }) } };
    status.started = false;
  }
}

export interface Termination {
  readonly exitCode: number;
  /** `Error`, `OOMKilled`, `Completed`. */
  readonly reason: string;
  /** Seconds since it ended. */
  readonly age?: number;
  /** Seconds that it ran. */
  readonly ran?: number;
}

/** The containers have ended in this way. */
export function terminate(pod: Pod | Draft<Pod>, { exitCode, reason, age = 0, ran = 1 }: Termination): void {
  setReady(pod, false);
  for (const status of pod.status.containerStatuses ?? []) {
    const containerID = status.containerID ?? `containerd://${randomBytes(32).toString('hex')}`;
    status.imageID = imageId(status.image);
    status.containerID = containerID;
    status.state = {
      terminated: { exitCode, reason, startedAt: status.state.running?.startedAt ?? timestamp(ago(age + ran)), finishedAt: timestamp(ago(age)), containerID },
    };
    status.started = false;
  }
}

/** The kubelet has started the containers that had ended once more; they are not ready yet. */
export function startAgain(pod: Pod | Draft<Pod>, options: { age: number; restarts?: number; ready?: boolean }): void {
  for (const status of pod.status.containerStatuses ?? []) {
    if (status.state.terminated !== undefined) status.lastState = { terminated: status.state.terminated };
    status.restartCount += options.restarts ?? 1;
  }
  run(pod, { age: options.age, ready: options.ready ?? true });
}
