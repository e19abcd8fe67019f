import type {
  Container, Deployment, Endpoints, EndpointSlice, Event, HorizontalPodAutoscaler, Ingress, Job, Kinds, KubernetesObject, NetworkPolicy, Node,
  PersistentVolumeClaim, Plural, Pod, PodDisruptionBudget, ReplicaSet, Selector, Service, StatefulSet,
} from './objects.ts';

/** How the server prints objects of a kind: `kubectl get` shows these columns, the wide ones with `-o wide`. */
interface Printer<Type extends KubernetesObject> {
  /** Those that begin with `*` are wide ones. */
  readonly columns: readonly string[];
  readonly wide: readonly string[];
  cells(object: Type): readonly (string | number)[];
}

/** A metav1 Table of the objects. A watch leaves the columns out after the first one. */
export function table(plural: Plural, objects: readonly KubernetesObject[], options: { version?: string; more?: object; columns: boolean; include: string }): unknown {
  const printer: Printer<KubernetesObject> = printers[plural] ?? byAge;
  const columns = [...printer.columns.map((name) => (name.startsWith('*') ? column(name.slice(1), 1) : column(name, 0))), ...printer.wide.map((name) => column(name, 1))];
  return {
    kind: 'Table', apiVersion: 'meta.k8s.io/v1',
    metadata: { ...(options.version === undefined ? {} : { resourceVersion: options.version }), ...options.more },
    columnDefinitions: options.columns ? columns : null,
    rows: objects.map((object) => ({
      cells: printer.cells(object),
      ...(options.include === 'None' ? {} : {
        object: options.include === 'Object' ? object : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
      }),
    })),
  };
}

function column(name: string, priority: number): unknown {
  const number = ['Restarts', 'Desired', 'Current', 'Up-to-date', 'Available', 'MinPods', 'MaxPods', 'Replicas', 'Allowed Disruptions', 'Revision', 'Data', 'Secrets', 'Count'];
  const type = number.includes(name) && name !== 'Restarts' ? 'integer' : 'string';
  return { name, type, format: name === 'Name' ? 'name' : '', description: '', priority };
}

const none = '<none>';
const text = (value: string | undefined): string => value ?? none;
const age = ({ metadata }: KubernetesObject): string => since(metadata.creationTimestamp);

/** The time since then as kubectl writes it: `45s`, `3m20s`, `26h`, `9d`. */
export function since(time: string | null | undefined): string {
  return time === undefined || time === null ? '<unknown>' : duration((Date.now() - Date.parse(time)) / 1000);
}

function duration(exactSeconds: number): string {
  const seconds = Math.max(0, Math.floor(exactSeconds));
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit)) as [number, number, number];
  const with_ = (whole: string, rest: number, unit: string): string => (rest === 0 ? whole : `${whole}${rest}${unit}`);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return with_(`${minutes}m`, seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return with_(`${hours}h`, minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return with_(`${days}d`, hours % 24, 'h');
  return days < 730 ? `${days}d` : `${Math.floor(days / 365)}y${days % 365}d`;
}

const names = (containers: readonly Container[]): string => containers.map(({ name }) => name).join(',');
const images = (containers: readonly Container[]): string => containers.map(({ image }) => image).join(',');

function selectorText(selector: Selector | undefined): string {
  const labels = Object.entries(selector?.matchLabels ?? {});
  return labels.length === 0 ? none : labels.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, value]) => `${key}=${value}`).join(',');
}

/** STATUS of a pod: the most telling of its phase, its reason and its containers' states. */
function podStatus({ metadata, status }: Pod): string {
  const containers = status.containerStatuses ?? [];
  let shown: string = status.reason ?? status.phase;
  if (status.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated') === true) shown = 'SchedulingGated';
  let hasRunning = false;
  for (const { state, ready } of [...containers].reverse()) {
    if (state.waiting !== undefined && state.waiting.reason !== '') shown = state.waiting.reason;
    else if (state.terminated !== undefined) shown = state.terminated.reason === '' ? `ExitCode:${state.terminated.exitCode}` : state.terminated.reason;
    else if (ready && state.running !== undefined) hasRunning = true;
  }
  if (shown === 'Completed' && hasRunning) shown = isReady(status.conditions) ? 'Running' : 'NotReady';
  if (metadata.deletionTimestamp === undefined) return shown;
  return status.reason === 'NodeLost' ? 'Unknown' : 'Terminating';
}

function isReady(conditions: Pod['status']['conditions']): boolean {
  return conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

function restarts({ status }: Pod): string {
  const containers = status.containerStatuses ?? [];
  const count = containers.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const last = containers.map(({ lastState }) => lastState.terminated?.finishedAt).filter((time) => time !== undefined).sort().at(-1);
  return count === 0 || last === undefined ? String(count) : `${count} (${since(last)} ago)`;
}

const pods: Printer<Pod> = {
  columns: ['Name', 'Ready', 'Status', 'Restarts', 'Age'],
  wide: ['IP', 'Node', 'Nominated Node', 'Readiness Gates'],
  cells: (pod) => {
    const ready = (pod.status.containerStatuses ?? []).filter((container) => container.ready && container.state.running !== undefined).length;
    return [
      pod.metadata.name, `${ready}/${pod.spec.containers.length}`, podStatus(pod), restarts(pod), age(pod), text(pod.status.podIP), text(pod.spec.nodeName), none, none,
    ];
  },
};

const services: Printer<Service> = {
  columns: ['Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age'],
  wide: ['Selector'],
  cells: (service) => {
    const { spec } = service;
    const ports = spec.ports.map(({ port, protocol = 'TCP' }) => `${port}/${protocol}`).join(',');
    return [
      service.metadata.name, spec.type ?? 'ClusterIP', text(spec.clusterIP), spec.externalName ?? none, ports === '' ? none : ports, age(service),
      selectorText({ matchLabels: spec.selector ?? {} }),
    ];
  },
};

const jobs: Printer<Job> = {
  columns: ['Name', 'Status', 'Completions', 'Duration', 'Age'],
  wide: ['Containers', 'Images', 'Selector'],
  cells: (job) => {
    const { spec, status } = job;
    const is = (wanted: string): boolean => status.conditions?.some(({ type, status: state }) => type === wanted && state === 'True') === true;
    const state = is('Complete') ? 'Complete' : is('Failed') ? 'Failed' : is('Suspended') ? 'Suspended' : 'Running';
    const ended = status.completionTime ?? status.conditions?.find(({ type }) => type === 'Failed')?.lastTransitionTime;
    const took = status.startTime === undefined
      ? ''
      : ended === undefined ? since(status.startTime) : duration((Date.parse(ended) - Date.parse(status.startTime)) / 1000);
    const { containers } = spec.template.spec;
    return [
      job.metadata.name, state, `${status.succeeded ?? 0}/${spec.completions ?? 1}`, took, age(job), names(containers), images(containers), selectorText(spec.selector),
    ];
  },
};

const deployments: Printer<Deployment> = {
  columns: ['Name', 'Ready', 'Up-to-date', 'Available', 'Age'],
  wide: ['Containers', 'Images', 'Selector'],
  cells: (deployment) => {
    const { spec, status } = deployment;
    const { containers } = spec.template.spec;
    return [
      deployment.metadata.name, `${status.readyReplicas ?? 0}/${spec.replicas}`, status.updatedReplicas ?? 0, status.availableReplicas ?? 0, age(deployment),
      names(containers), images(containers), selectorText(spec.selector),
    ];
  },
};

const statefulsets: Printer<StatefulSet> = {
  columns: ['Name', 'Ready', 'Age'],
  wide: ['Containers', 'Images'],
  cells: (set) => [
    set.metadata.name, `${set.status.readyReplicas ?? 0}/${set.spec.replicas}`, age(set), names(set.spec.template.spec.containers), images(set.spec.template.spec.containers),
  ],
};

const replicasets: Printer<ReplicaSet> = {
  columns: ['Name', 'Desired', 'Current', 'Ready', 'Age'],
  wide: ['Containers', 'Images', 'Selector'],
  cells: (set) => [
    set.metadata.name, set.spec.replicas, set.status.replicas, set.status.readyReplicas ?? 0, age(set),
    names(set.spec.template.spec.containers), images(set.spec.template.spec.containers), selectorText(set.spec.selector),
  ],
};

const accessModes: Readonly<Record<string, string>> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' };

const persistentvolumeclaims: Printer<PersistentVolumeClaim> = {
  columns: ['Name', 'Status', 'Volume', 'Capacity', 'Access Modes', 'StorageClass', 'VolumeAttributesClass', 'Age'],
  wide: ['VolumeMode'],
  cells: (claim) => [
    claim.metadata.name, claim.metadata.deletionTimestamp === undefined ? claim.status.phase : 'Terminating', claim.spec.volumeName ?? '',
    claim.status.capacity?.storage ?? '', (claim.status.accessModes ?? []).map((mode) => accessModes[mode] ?? mode).join(','), claim.spec.storageClassName ?? '',
    '<unset>', age(claim), claim.spec.volumeMode ?? '<unset>',
  ],
};

const events: Printer<Event> = {
  columns: ['Last Seen', 'Type', 'Reason', 'Object', '*Subobject', '*Source', 'Message', '*First Seen', '*Count', '*Name'],
  wide: [],
  cells: (event) => {
    const { involvedObject, source } = event;
    const from = [source.component ?? event.reportingComponent, source.host].filter((part) => part !== undefined && part !== '').join(', ');
    return [
      since(event.lastTimestamp ?? event.eventTime), event.type, event.reason, `${involvedObject.kind.toLowerCase()}/${involvedObject.name}`,
      involvedObject.fieldPath ?? '', from, event.message.trim(), since(event.firstTimestamp ?? event.eventTime), event.count ?? 1, event.metadata.name,
    ];
  },
};

const endpoints: Printer<Endpoints> = {
  columns: ['Name', 'Endpoints', 'Age'],
  wide: [],
  cells: (object) => {
    const ready = (object.subsets ?? []).flatMap(({ addresses = [], ports }) => addresses.flatMap(({ ip }) => ports.map(({ port }) => `${ip}:${port}`)));
    const shown = ready.length > 3 ? `${ready.slice(0, 3).join(',')} + ${ready.length - 3} more...` : ready.join(',');
    return [object.metadata.name, shown, age(object)];
  },
};

const endpointslices: Printer<EndpointSlice> = {
  columns: ['Name', 'AddressType', 'Ports', 'Endpoints', 'Age'],
  wide: [],
  cells: (slice) => {
    const addresses = slice.endpoints.flatMap((endpoint) => endpoint.addresses);
    const shown = addresses.length > 3 ? `${addresses.slice(0, 3).join(',')} + ${addresses.length - 3} more...` : addresses.join(',');
    const ports = slice.ports.map(({ port }) => String(port)).join(',');
    return [slice.metadata.name, slice.addressType, ports === '' ? '<unset>' : ports, shown === '' ? '<unset>' : shown, age(slice)];
  },
};

const horizontalpodautoscalers: Printer<HorizontalPodAutoscaler> = {
  columns: ['Name', 'Reference', 'Targets', 'MinPods', 'MaxPods', 'Replicas', 'Age'],
  wide: [],
  cells: (autoscaler) => {
    const { spec, status } = autoscaler;
    const targets = spec.metrics.map(({ resource }) => {
      const current = status.currentMetrics?.find((metric) => metric.resource?.name === resource.name)?.resource?.current.averageUtilization;
      return `${resource.name}: ${current === undefined ? '<unknown>' : `${current}%`}/${resource.target.averageUtilization}%`;
    });
    return [
      autoscaler.metadata.name, `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`, targets.join(', '), spec.minReplicas, spec.maxReplicas,
      status.currentReplicas, age(autoscaler),
    ];
  },
};

const poddisruptionbudgets: Printer<PodDisruptionBudget> = {
  columns: ['Name', 'Min Available', 'Max Unavailable', 'Allowed Disruptions', 'Age'],
  wide: [],
  cells: (budget) => [
    budget.metadata.name, String(budget.spec.minAvailable ?? 'N/A'), String(budget.spec.maxUnavailable ?? 'N/A'), budget.status.disruptionsAllowed, age(budget),
  ],
};

const ingresses: Printer<Ingress> = {
  columns: ['Name', 'Class', 'Hosts', 'Address', 'Ports', 'Age'],
  wide: [],
  cells: (ingress) => [
    ingress.metadata.name, text(ingress.spec.ingressClassName), (ingress.spec.rules ?? []).map(({ host }) => host ?? '*').join(','),
    (ingress.status?.loadBalancer.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '').join(','), ingress.spec.tls === undefined ? '80' : '80, 443', age(ingress),
  ],
};

const nodes: Printer<Node> = {
  columns: ['Name', 'Status', 'Roles', 'Age', 'Version'],
  wide: ['Internal-IP', 'External-IP', 'OS-Image', 'Kernel-Version', 'Container-Runtime'],
  cells: (node) => {
    const ready = node.status.conditions.find(({ type }) => type === 'Ready')?.status;
    const state = ready === 'True' ? 'Ready' : ready === 'False' ? 'NotReady' : 'NotReady';
    const roles = Object.keys(node.metadata.labels ?? {}).filter((label) => label.startsWith('node-role.kubernetes.io/')).map((label) => label.slice(24));
    const { kubeletVersion, osImage, kernelVersion, containerRuntimeVersion } = node.status.nodeInfo;
    return [
      node.metadata.name, node.spec.unschedulable === true ? `${state},SchedulingDisabled` : state, roles.length === 0 ? none : roles.join(','), age(node),
      text(kubeletVersion), text(node.status.addresses.find(({ type }) => type === 'InternalIP')?.address), none, text(osImage), text(kernelVersion), text(containerRuntimeVersion),
    ];
  },
};

const byAge: Printer<KubernetesObject> = { columns: ['Name', 'Age'], wide: [], cells: (object) => [object.metadata.name, age(object)] };

const networkpolicies: Printer<NetworkPolicy> = {
  columns: ['Name', 'Pod-Selector', 'Age'],
  wide: [],
  cells: (policy) => [policy.metadata.name, selectorText(policy.spec.podSelector), age(policy)],
};

const printers: { readonly [Name in Plural]?: Printer<Kinds[Name]> } = {
  pods, services, jobs, deployments, statefulsets, replicasets, persistentvolumeclaims, events, endpoints, endpointslices,
  horizontalpodautoscalers, poddisruptionbudgets, ingresses, nodes, networkpolicies,
  secrets: {
    columns: ['Name', 'Type', 'Data', 'Age'], wide: [],
    cells: (secret) => [secret.metadata.name, secret.type, Object.keys(secret.data ?? {}).length, age(secret)],
  },
  configmaps: { columns: ['Name', 'Data', 'Age'], wide: [], cells: (map) => [map.metadata.name, Object.keys(map.data ?? {}).length, age(map)] },
  namespaces: { columns: ['Name', 'Status', 'Age'], wide: [], cells: (namespace) => [namespace.metadata.name, namespace.status.phase, age(namespace)] },
  serviceaccounts: { columns: ['Name', 'Secrets', 'Age'], wide: [], cells: (account) => [account.metadata.name, 0, age(account)] },
  controllerrevisions: {
    columns: ['Name', 'Controller', 'Revision', 'Age'], wide: [],
    cells: (revision) => {
      const owner = revision.metadata.ownerReferences?.[0];
      return [revision.metadata.name, owner === undefined ? none : `${owner.kind.toLowerCase()}.${owner.apiVersion.split('/')[0] ?? ''}/${owner.name}`, revision.revision, age(revision)];
    },
  },
};
