import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import type { ServiceName } from '../../model/target.ts';
import { openSocket } from '../endpoints/sockets.ts';
import type { Address, Tunnel } from '../endpoints/sockets.ts';
import { Refused, Unavailable } from '../failures.ts';
import type { Forwards } from './forward.ts';
import { endpointSliceSchema, serviceSchema } from './objects.ts';
import type { Pod, Service } from './objects.ts';
import { containerOf, isReady } from './pods.ts';
import type { ReleaseObjects } from './releaseObjects.ts';
import { resources, selectorOf } from './resources.ts';

/** A Service that leads to a Service that leads to a Service: more is a mistake. */
const mostAliases = 3;

/** How services of the release and stores of the cluster are reached: by port-forward into a pod behind them. */
export class Tunnels {
  readonly #objects: ReleaseObjects;
  readonly #forwards: Forwards;

  constructor(objects: ReleaseObjects, forwards: Forwards) {
    this.#objects = objects;
    this.#forwards = forwards;
  }

  /**
   * Into a pod of a component, chosen anew for each connection: a running pod that is not ready first,
   * because its answer names the reason; else a ready one; of several the newest.
   */
  toComponent(component: ServiceName, port: number): Tunnel {
    return twice(async (signal, again) => {
      if (again) this.#objects.shared.forget('pods');
      const pods = await onTheWay(this.#objects.podsOf(component, signal));
      const running = pods.filter((pod) => isRunning(pod, component));
      const pod = running.find((each) => !isReady(each)) ?? running[0];
      if (!pod) throw new Refused('ECONNREFUSED', pods.length === 0 ? `there is no pod of ${component}` : `no pod of ${component} runs`);
      const { namespace, name } = pod.metadata;
      return onTheWay(this.#forwards.connect({ namespace, pod: name, port: portOf(pod, component) ?? port }, signal));
    });
  }

  /**
   * The way to a host of a connection string: a tunnel where it is a Service of the cluster; undefined
   * where it is reached by its own name.
   *
   * @throws Unavailable when only the cluster resolves the name, and has no such Service; Refused and
   *   the signal's reason as the API server's answers do.
   */
  async toStore(host: string, port: number, signal: AbortSignal, aliases = 0): Promise<Address | undefined> {
    if (host === 'localhost' || host === '::1' || host.startsWith('127.') || host.startsWith('/')) return undefined;
    const name = isIP(host) === 0 ? serviceName(host, this.#objects.namespace) : undefined;
    const service = isIP(host) === 0 ? name && (await this.#service(name, signal)) : await this.#serviceAt(host, signal);
    if (!service) {
      if (name?.certain !== true) return undefined;
      throw notReachable(host, port, `the cluster has no Service ${name.service} in namespace ${name.namespace}`, 'correct the connection string, or give one in the target that can be reached from here');
    }
    const { type, externalName } = service.spec;
    if (type === 'ExternalName' && externalName !== null) {
      if (aliases === mostAliases) throw notReachable(host, port, 'its Service leads from one name to another without end', 'correct externalName of the Service');
      return (await this.toStore(externalName, port, signal, aliases + 1)) ?? { host: externalName, port };
    }
    return { tunnel: this.#toService(service, port) };
  }

  #toService(service: Service, port: number): Tunnel {
    const { name, namespace } = service.metadata;
    const key = `slices ${namespace}/${name}`;
    return twice(async (signal, again) => {
      if (again) this.#objects.shared.forget(key);
      const asked = service.spec.ports.find((each) => each.port === port);
      if (!asked) throw new Refused('ECONNREFUSED', `Service ${namespace}/${name} has no port ${port}`);
      const question = { resource: resources.endpointSlices, namespace, labels: selectorOf({ 'kubernetes.io/service-name': name }), item: endpointSliceSchema };
      const { items } = await onTheWay(this.#objects.shared.ask(key, (closed) => this.#objects.reader.list(question, closed), signal));
      for (const slice of items) {
        const behind = slice.ports.find((each) => (each.name ?? '') === (asked.name ?? ''))?.port ?? undefined;
        const endpoint = slice.endpoints.find(({ conditions }) => conditions?.ready !== false);
        if (behind === undefined || !endpoint) continue;
        const { targetRef, addresses } = endpoint;
        if (targetRef?.kind === 'Pod') return onTheWay(this.#forwards.connect({ namespace: targetRef.namespace || namespace, pod: targetRef.name, port: behind }, signal));
        // A Service without pods leads out of the cluster.
        const [address] = addresses;
        if (address !== undefined) return openSocket({ host: address, port: behind }, signal);
      }
      throw new Refused('ECONNREFUSED', `no pod behind Service ${namespace}/${name} is ready`);
    });
  }

  async #service({ service, namespace, certain }: ClusterName, signal: AbortSignal): Promise<Service | null> {
    try {
      return await this.#objects.reader.get(resources.services, namespace, service, serviceSchema, signal);
    } catch (error) {
      // Without permission a name that may as well be outside is taken for one that is.
      if (error instanceof Unavailable && !certain) return null;
      throw error;
    }
  }

  async #serviceAt(address: string, signal: AbortSignal): Promise<Service | undefined> {
    const question = { resource: resources.services, fields: `spec.clusterIP=${address}`, item: serviceSchema };
    const { reader, namespace } = this.#objects;
    for (const place of [undefined, namespace]) {
      try {
        const { items } = await reader.list({ ...question, namespace: place }, signal);
        return items.find(({ spec }) => spec.clusterIP === address);
      } catch (error) {
        // Older servers do not select by it: the address is taken for one outside.
        if (error instanceof Refused && error.code === 'BadRequest') return undefined;
        if (!(error instanceof Unavailable)) throw error;
      }
    }
    return undefined;
  }
}

interface ClusterName {
  readonly service: string;
  readonly namespace: string;
  /** No name of the world outside looks like this. */
  readonly certain: boolean;
}

/** Names of a Service: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ */
export function serviceName(host: string, namespace: string): ClusterName | undefined {
  const [service = '', place, kind] = host.toLowerCase().replace(/\.$/, '').split('.');
  if (place === undefined) return { service, namespace, certain: false };
  if (kind === undefined) return { service, namespace: place, certain: false };
  return kind === 'svc' ? { service, namespace: place, certain: true } : undefined;
}

/** What is told of a store that cannot be reached from here. */
export function notReachable(host: string, port: number, why: string, wayOut: string): Unavailable {
  return new Unavailable(`${host}:${port} is not reachable from here: ${why}`, wayOut);
}

function isRunning(pod: Pod, component: string): boolean {
  const name = containerOf(pod, component)?.name;
  return pod.metadata.deletionTimestamp === null && pod.status.containerStatuses.some((status) => status.name === name && Boolean(status.state?.running));
}

/** The port that the chart calls `http`: contract, deploy 2.4. */
function portOf(pod: Pod, component: string): number | undefined {
  return containerOf(pod, component)?.ports.find(({ name }) => name === 'http')?.containerPort;
}

/**
 * What the API server answers on the way into the cluster. A refusal of its own says nothing of what
 * stands behind the way, except that a pod is gone.
 *
 * @throws Refused NotFound; Unavailable otherwise.
 */
async function onTheWay<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asking;
  } catch (error) {
    if (!(error instanceof Refused) || error.code === 'NotFound') throw error;
    throw new Unavailable('no way into the cluster', 'see Kubernetes › API server');
  }
}

/** A pod that was there when it was chosen may be gone when it is connected to: another is chosen once. */
function twice(connect: (signal: AbortSignal, again: boolean) => Promise<Socket>): Tunnel {
  return async (signal) => {
    try {
      return await connect(signal, false);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'NotFound') throw error;
      return connect(signal, true);
    }
  };
}
