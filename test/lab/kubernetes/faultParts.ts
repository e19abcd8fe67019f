import type { ServiceName } from '../services/service-process.ts';
import type { EventDraft } from './events.ts';
import { emit } from './events.ts';
import type { ClusterLab } from './lab.ts';
import type { Container, Draft, Kinds, Pod } from './objects.ts';
import type { Termination } from './pods.ts';
import { setReady, startAgain, terminate, wait } from './pods.ts';
import { nextRevision } from './release.ts';
import type { UserValues } from './values.ts';
import { merged } from './values.ts';

/** What faults of a cluster are put together from. */

export function containerOf(pod: Pod): Container {
  const [container] = pod.spec.containers;
  if (container === undefined) throw new Error(`${pod.metadata.name} has no container`);
  return container;
}

/** `name_namespace(uid)`, as the kubelet names a pod. */
export function formatPod({ metadata: { name, namespace = '', uid } }: Pod): string {
  return `${name}_${namespace}(${uid})`;
}

export function kubelet(cluster: ClusterLab, pod: Pod, event: Omit<EventDraft, 'component'>): void {
  emit(cluster.store, pod, { component: 'kubelet', container: containerOf(pod).name, ...event });
}

/** The container ends soon after each start; what its last run wrote is its previous log. */
export function crashLoop(cluster: ClusterLab, pod: Pod, options: { ended: Termination; restarts: number; log?: readonly string[] }): Pod {
  const { ended, restarts, log = [] } = options;
  const { name } = containerOf(pod);
  cluster.api.logs.restart(pod, name);
  for (const line of log) cluster.api.logs.current(pod, name).append(line);
  cluster.api.logs.restart(pod, name);
  const changed = cluster.controller.changePod(pod, (own) => {
    terminate(own, ended);
    for (const status of own.status.containerStatuses ?? []) status.restartCount = restarts;
    wait(own, 'CrashLoopBackOff', `back-off 5m0s restarting failed container=${name} pod=${formatPod(own)}`);
  });
  kubelet(cluster, pod, { type: 'Normal', reason: 'Pulled', message: `Container image "${containerOf(pod).image}" already present on machine`, count: restarts, first: 900, last: 120 });
  kubelet(cluster, pod, { type: 'Warning', reason: 'BackOff', message: `Back-off restarting failed container ${name} in pod ${formatPod(pod)}`, count: 12 * restarts, first: 880, last: 10 });
  return changed;
}

/** The container ended and runs again since then. */
export function restarted(cluster: ClusterLab, pod: Pod, options: { ended: Termination; restarts: number; ready?: boolean }): Pod {
  const { ended, restarts, ready = true } = options;
  cluster.api.logs.restart(pod, containerOf(pod).name);
  return cluster.controller.changePod(pod, (own) => {
    terminate(own, ended);
    startAgain(own, { age: Math.max(0, (ended.age ?? 0) - 1), restarts, ready });
  });
}

/** The pod runs and is not ready, with the kubelet's words why. */
export function failProbe(cluster: ClusterLab, pod: Pod, probe: 'Readiness' | 'Liveness' | 'Startup', failure: string, count = 20): Pod {
  const changed = cluster.controller.changePod(pod, (own) => {
    setReady(own, false, 10 * count);
    if (probe === 'Startup') for (const status of own.status.containerStatuses ?? []) status.started = false;
  });
  kubelet(cluster, pod, { type: 'Warning', reason: 'Unhealthy', message: `${probe} probe failed: ${failure}`, count, first: 10 * count, last: 5 });
  return changed;
}

/** A new pod that cannot get further than this. */
export function stuck(reason: string, message?: string): (pod: Draft<Pod>) => void {
  return (pod) => {
    pod.status.phase = 'Pending';
    // A pod whose volumes cannot be mounted has no sandbox, and so no address.
    const hasSandbox = reason !== 'ContainerCreating';
    if (!hasSandbox) {
      delete pod.status.podIP;
      delete pod.status.podIPs;
    }
    for (const status of pod.status.containerStatuses ?? []) {
      status.imageID = '';
      delete status.containerID;
    }
    wait(pod, reason, message);
    for (const condition of pod.status.conditions ?? []) if (condition.type === 'PodReadyToStartContainers' && !hasSandbox) condition.status = 'False';
  };
}

/** A new pod that the scheduler finds no node for. */
export function unscheduled(message: string): (pod: Draft<Pod>) => void {
  return (pod) => {
    delete pod.spec.nodeName;
    pod.status = {
      phase: 'Pending', qosClass: 'Burstable',
      conditions: [{
        type: 'PodScheduled', status: 'False', lastProbeTime: null, lastTransitionTime: pod.metadata.creationTimestamp ?? new Date().toISOString(), reason: 'Unschedulable', message,
      }],
    };
  };
}

/** Replaces all pods of a component by ones in another state. */
export function restartAll(cluster: ClusterLab, component: ServiceName, change: (pod: Draft<Pod>) => void): Pod[] {
  const { plural, name } = cluster.workload(component);
  const pods = cluster.pods(component);
  for (const pod of pods) cluster.controller.removePod(pod);
  const started = pods.map((_pod, ordinal) => cluster.controller.startPod(plural, cluster.namespace, name, { ordinal, age: 600, change }));
  cluster.controller.sync();
  return started;
}

/** Changes an object of the release by the name of its component. */
export function changeOf<Name extends 'services' | 'deployments' | 'horizontalpodautoscalers'>(
  cluster: ClusterLab, plural: Name, component: ServiceName, how: (object: Kinds[Name]) => void,
): Kinds[Name] {
  const changed = cluster.store.change(plural, cluster.namespace, cluster.workload(component).name, how);
  cluster.controller.sync();
  return changed;
}

/** The process behind the pods ends, as none of them runs. */
export async function stopProcess(cluster: ClusterLab, component: ServiceName): Promise<void> {
  await cluster.lab.services[component].kill();
}

/** One more revision, which is deployed instead of the one before. */
export function upgraded(cluster: ClusterLab, config: UserValues): void {
  const { store, namespace, release } = cluster;
  for (const { metadata } of store.list('secrets', namespace)) {
    if (metadata.labels?.['name'] !== release.name || metadata.labels['status'] !== 'deployed') continue;
    store.change('secrets', namespace, metadata.name, (secret) => {
      secret.metadata.labels = { ...secret.metadata.labels, status: 'superseded' };
    });
  }
  nextRevision(store, release, { config: merged<UserValues>(cluster.config, config), status: 'deployed', description: 'Upgrade complete', age: 300 });
}

/** For faults that happen at once. */
export const done = Promise.resolve();
