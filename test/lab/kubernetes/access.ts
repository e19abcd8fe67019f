import { reviewGroup } from './resources.ts';
import { Refusal } from './status.ts';

/** One rule of a role. Absent `namespaces` = it was bound cluster-wide. */
export interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  /** `pods`, `pods/log`, `*`. */
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly namespaces?: readonly string[];
}

export interface User {
  readonly name: string;
  readonly token: string;
  readonly rules: readonly Rule[];
}

/** What a request wants to do. */
export interface Attributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Empty = all namespaces, or a resource that is in none. */
  readonly namespace: string;
  readonly name: string;
}

const read = ['get', 'list', 'watch'];

/** ClusterRole `cluster-admin`. */
export const adminRules: readonly Rule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** ClusterRole `view` as far as the lab has its resources: no Secret, no port-forward, no node. */
export const viewRules: readonly Rule[] = [
  {
    verbs: read, apiGroups: [''],
    resources: [
      'configmaps', 'endpoints', 'events', 'limitranges', 'namespaces', 'persistentvolumeclaims', 'pods', 'pods/log', 'pods/status', 'replicationcontrollers',
      'resourcequotas', 'serviceaccounts', 'services',
    ],
  },
  { verbs: read, apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  { verbs: read, apiGroups: ['apps'], resources: ['controllerrevisions', 'daemonsets', 'deployments', 'replicasets', 'statefulsets'] },
  { verbs: read, apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'] },
  { verbs: read, apiGroups: ['batch'], resources: ['cronjobs', 'jobs'] },
  { verbs: read, apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'networkpolicies'] },
  { verbs: read, apiGroups: ['policy'], resources: ['poddisruptionbudgets'] },
];

/** The rules of a RoleBinding: they hold in these namespaces only. */
export function boundIn(namespaces: readonly string[], rules: readonly Rule[]): readonly Rule[] {
  return rules.map((rule) => ({ ...rule, namespaces }));
}

/** Bound to everybody by default: ClusterRole `system:public-info-viewer`. */
const publicRules: readonly Rule[] = [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'] }];

/** Bound to all users who have a name: ClusterRoles `system:basic-user` and `system:discovery`. */
const authenticatedRules: readonly Rule[] = [
  { verbs: ['create'], apiGroups: [reviewGroup], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'] },
  { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
  {
    verbs: ['get'],
    nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/'],
  },
];

/** Who sends no token at all. */
export const anonymous: User = { name: 'system:anonymous', token: '', rules: [] };

/** Every rule that counts for the user in the namespace. */
export function rulesIn(user: User, namespace: string): readonly Rule[] {
  const own = user.rules.filter(({ namespaces }) => namespaces === undefined || namespaces.includes(namespace));
  return [...(user === anonymous ? [] : authenticatedRules), ...publicRules, ...own];
}

/** Whether a rule of the user allows it. */
export function allows(user: User, { verb, group, resource, subresource, namespace, name }: Attributes): boolean {
  const wanted = subresource === undefined || subresource === '' ? [resource] : [`${resource}/${subresource}`, `*/${subresource}`];
  return rulesIn(user, namespace).some((rule) => covers(rule.verbs, verb)
    && covers(rule.apiGroups, group)
    && wanted.some((one) => covers(rule.resources, one))
    && (rule.resourceNames === undefined || rule.resourceNames.includes(name)));
}

/** Whether a rule of the user allows a path that is no resource. */
export function allowsPath(user: User, verb: string, path: string): boolean {
  return rulesIn(user, '').some((rule) => covers(rule.verbs, verb) && rule.nonResourceURLs?.some((allowed) => (
    allowed.endsWith('*') ? path.startsWith(allowed.slice(0, -1)) : path === allowed)) === true);
}

function covers(list: readonly string[] | undefined, wanted: string): boolean {
  return list?.some((one) => one === '*' || one === wanted) === true;
}

/** The refusal in the API server's words. */
export function forbidden(user: User, { verb, group, resource, subresource, namespace, name }: Attributes): Refusal {
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const object = name === '' ? `${qualified} is forbidden` : `${qualified} "${name}" is forbidden`;
  return new Refusal(403, 'Forbidden', `${object}: User "${user.name}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`, {
    details: { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource },
  });
}

export function forbiddenPath(user: User, verb: string, path: string): Refusal {
  return new Refusal(403, 'Forbidden', `forbidden: User "${user.name}" cannot ${verb} path "${path}"`, { details: {} });
}
