/** A kind of object, as the API server names it: https://kubernetes.io/docs/reference/kubernetes-api/ */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

export const resources = {
  pods: { group: '', version: 'v1', plural: 'pods' },
  services: { group: '', version: 'v1', plural: 'services' },
  endpointSlices: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' },
  events: { group: '', version: 'v1', plural: 'events' },
  secrets: { group: '', version: 'v1', plural: 'secrets' },
  claims: { group: '', version: 'v1', plural: 'persistentvolumeclaims' },
  namespaces: { group: '', version: 'v1', plural: 'namespaces' },
  deployments: { group: 'apps', version: 'v1', plural: 'deployments' },
  statefulSets: { group: 'apps', version: 'v1', plural: 'statefulsets' },
  replicaSets: { group: 'apps', version: 'v1', plural: 'replicasets' },
  controllerRevisions: { group: 'apps', version: 'v1', plural: 'controllerrevisions' },
  jobs: { group: 'batch', version: 'v1', plural: 'jobs' },
  networkPolicies: { group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies' },
  autoscalers: { group: 'autoscaling', version: 'v2', plural: 'horizontalpodautoscalers' },
  serviceMonitors: { group: 'monitoring.coreos.com', version: 'v1', plural: 'servicemonitors' },
} as const satisfies Readonly<Record<string, Resource>>;

/** As a role names it: `pods`, `statefulsets.apps`. */
export function nameOf({ group, plural }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** Path of a collection, or of one object; without a namespace, of all namespaces. */
export function pathOf({ group, version, plural }: Resource, namespace?: string, name?: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const parts = [...(namespace === undefined ? [] : ['namespaces', namespace]), plural, ...(name === undefined ? [] : [name])];
  return `${root}/${parts.map(encodeURIComponent).join('/')}`;
}

/** A selector for these labels. */
export function selectorOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(',');
}
