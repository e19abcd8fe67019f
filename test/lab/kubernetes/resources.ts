import type { Plural } from './objects.ts';

/** A resource of the API, as discovery lists it. */
export interface Resource {
  readonly plural: Plural;
  readonly singular: string;
  readonly kind: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  /** `all` = part of `kubectl get all`. */
  readonly categories?: readonly string[];
  /** Subresources that this server has. */
  readonly subresources?: readonly string[];
}

const resource = (group: string, plural: Plural, kind: string, more: Partial<Resource> = {}): Resource => ({
  group, version: 'v1', plural, kind, singular: kind.toLowerCase(), namespaced: true, ...more,
});

const monitoring = 'monitoring.coreos.com';
const all = ['all'];

/** What a cluster of version 1.32 has, as far as the lab needs it. */
export const resources: readonly Resource[] = [
  resource('', 'configmaps', 'ConfigMap', { shortNames: ['cm'] }),
  resource('', 'endpoints', 'Endpoints', { shortNames: ['ep'], singular: 'endpoints' }),
  resource('', 'events', 'Event', { shortNames: ['ev'] }),
  resource('', 'limitranges', 'LimitRange', { shortNames: ['limits'] }),
  resource('', 'namespaces', 'Namespace', { shortNames: ['ns'], namespaced: false }),
  resource('', 'nodes', 'Node', { shortNames: ['no'], namespaced: false }),
  resource('', 'persistentvolumes', 'PersistentVolume', { shortNames: ['pv'], namespaced: false }),
  resource('', 'persistentvolumeclaims', 'PersistentVolumeClaim', { shortNames: ['pvc'] }),
  resource('', 'pods', 'Pod', { shortNames: ['po'], categories: all, subresources: ['log', 'portforward'] }),
  resource('', 'replicationcontrollers', 'ReplicationController', { shortNames: ['rc'], categories: all }),
  resource('', 'resourcequotas', 'ResourceQuota', { shortNames: ['quota'] }),
  resource('', 'secrets', 'Secret'),
  resource('', 'serviceaccounts', 'ServiceAccount', { shortNames: ['sa'] }),
  resource('', 'services', 'Service', { shortNames: ['svc'], categories: all }),
  resource('apps', 'controllerrevisions', 'ControllerRevision'),
  resource('apps', 'daemonsets', 'DaemonSet', { shortNames: ['ds'], categories: all }),
  resource('apps', 'deployments', 'Deployment', { shortNames: ['deploy'], categories: all }),
  resource('apps', 'replicasets', 'ReplicaSet', { shortNames: ['rs'], categories: all }),
  resource('apps', 'statefulsets', 'StatefulSet', { shortNames: ['sts'], categories: all }),
  resource('autoscaling', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', { version: 'v2', shortNames: ['hpa'], categories: all }),
  resource('batch', 'cronjobs', 'CronJob', { shortNames: ['cj'], categories: all }),
  resource('batch', 'jobs', 'Job', { categories: all }),
  resource('discovery.k8s.io', 'endpointslices', 'EndpointSlice'),
  resource('events.k8s.io', 'events', 'Event', { shortNames: ['ev'] }),
  resource('networking.k8s.io', 'ingresses', 'Ingress', { shortNames: ['ing'] }),
  resource('networking.k8s.io', 'networkpolicies', 'NetworkPolicy', { shortNames: ['netpol'] }),
  resource('policy', 'poddisruptionbudgets', 'PodDisruptionBudget', { shortNames: ['pdb'] }),
  resource('storage.k8s.io', 'storageclasses', 'StorageClass', { shortNames: ['sc'], namespaced: false }),
  resource(monitoring, 'prometheusrules', 'PrometheusRule', { shortNames: ['promrule'] }),
  resource(monitoring, 'servicemonitors', 'ServiceMonitor', { shortNames: ['smon'] }),
];

/** Review resources, which only take a POST. */
export const reviews: readonly { readonly plural: string; readonly kind: string }[] = [
  { plural: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview' },
  { plural: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview' },
];

export const reviewGroup = 'authorization.k8s.io';

/** Without the Prometheus Operator, its group is not there. */
export function resourcesOf(cluster: { readonly monitoring: boolean }): readonly Resource[] {
  return cluster.monitoring ? resources : resources.filter(({ group }) => group !== monitoring);
}

export function groupVersion({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The first resource with this plural name: for `events` the one of the core group, in which events are kept. */
export function resourceOf(plural: Plural): Resource {
  const found = resources.find((candidate) => candidate.plural === plural);
  if (found === undefined) throw new Error(`there is no resource ${plural}`);
  return found;
}
