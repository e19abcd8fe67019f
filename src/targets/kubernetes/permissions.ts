import type { PermissionsFacts } from '../../model/kubernetes.ts';
import type { Reader } from './reader.ts';
import { nameOf, resources } from './resources.ts';
import type { Resource } from './resources.ts';

interface Use {
  readonly verb: string;
  readonly resource: Resource;
  readonly subresource?: string;
  /** What cannot be told without it. */
  readonly serves: string;
}

/** Every permission that this tool uses in the namespace of a release. */
const uses: readonly Use[] = [
  { verb: 'list', resource: resources.pods, serves: 'pods: states, restarts, versions; where connections are forwarded to' },
  { verb: 'watch', resource: resources.pods, serves: 'watching: what happens to pods' },
  { verb: 'get', resource: resources.pods, subresource: 'log', serves: 'logs of pods' },
  { verb: 'list', resource: resources.deployments, serves: 'workloads: api, audit, coordinator, web' },
  { verb: 'list', resource: resources.statefulSets, serves: 'workloads: sts, gateway' },
  { verb: 'list', resource: resources.replicaSets, serves: 'history of Deployments' },
  { verb: 'list', resource: resources.controllerRevisions, serves: 'history of StatefulSets' },
  { verb: 'list', resource: resources.services, serves: 'addresses of the services' },
  { verb: 'get', resource: resources.services, serves: 'whether a store is a Service of the cluster' },
  { verb: 'list', resource: resources.endpointSlices, serves: 'which pods stand behind a Service' },
  { verb: 'list', resource: resources.jobs, serves: 'migrations' },
  { verb: 'list', resource: resources.claims, serves: 'volumes of sts and gateway' },
  { verb: 'list', resource: resources.events, serves: 'why a pod does not start' },
  { verb: 'get', resource: resources.secrets, serves: 'connection strings, tokens, missing keys' },
  { verb: 'list', resource: resources.secrets, serves: 'revisions of the Helm release' },
  { verb: 'list', resource: resources.networkPolicies, serves: 'blocked DNS and stores' },
  { verb: 'list', resource: resources.autoscalers, serves: 'autoscalers' },
  { verb: 'list', resource: resources.serviceMonitors, serves: 'how Prometheus scrapes' },
];

/**
 * A port-forward over a WebSocket begins with a GET, which takes `get`; since Kubernetes 1.35 it takes
 * `create` as well (feature AuthorizePodWebsocketUpgradeCreatePermission).
 */
function portForward(version: string): readonly Use[] {
  const [, major = '1', minor = '0'] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const verbs = Number(major) > 1 || Number(minor) >= 35 ? ['get', 'create'] : ['get'];
  return verbs.map((verb) => ({ verb, resource: resources.pods, subresource: 'portforward', serves: 'connections to services and stores' }));
}

/** Asks for each permission on its own: a SelfSubjectRulesReview may be incomplete, as it is with authorizers that are no RBAC. */
export async function permissionsOf(reader: Reader, namespace: string, version: string, signal: AbortSignal): Promise<PermissionsFacts> {
  return {
    permissions: await Promise.all(
      [...uses, ...portForward(version)].map(async ({ verb, resource, subresource, serves }) => ({
        verb,
        resource: subresource === undefined ? nameOf(resource) : `${nameOf(resource)}/${subresource}`,
        allowed: await reader.may({ verb, resource, namespace, ...(subresource === undefined ? {} : { subresource }) }, signal),
        serves,
      })),
    ),
  };
}
