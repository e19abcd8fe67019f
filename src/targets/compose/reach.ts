import { services } from '../../caracal/services.ts';
import type { ContainerFacts } from '../../model/compose.ts';
import type { ServiceName } from '../../model/target.ts';
import { Unavailable } from '../failures.ts';
import { isLoopback } from '../secretsFolder.ts';

/** What of a container says how it is reached. */
export type Reachable = Pick<ContainerFacts, 'id' | 'name' | 'service' | 'number' | 'oneoff' | 'status' | 'error' | 'ports' | 'wantedPorts' | 'networks'> & {
  readonly aliases: readonly string[];
};

/** A container that holds host ports, of whichever project. */
export interface Holder {
  readonly id: string;
  readonly name: string;
  readonly ports: readonly number[];
}

export interface Reach {
  readonly project: string;
  readonly containers: readonly Reachable[];
  readonly holders: readonly Holder[];
  /** The host of the engine when that is another machine. */
  readonly remote: string | undefined;
}

type Port = ContainerFacts['ports'][number];

/** Words of the engine and of Docker Desktop for a start that failed. */
const portTaken = /port is already allocated|address already in use|ports are not available/i;

interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Ports inside of the containers: Caracal infra/docker/runtime-compose.yml. */
const containerPorts: Readonly<Record<string, number>> = { ...Object.fromEntries(services.map(({ name, port }) => [name, port])), web: 3002, postgres: 5432, redis: 6379 };

/** Host ports that Caracal's Compose files publish, by service: contract, deploy 1.4. */
export const publishedPorts: Readonly<Record<string, number>> = { ...Object.fromEntries(services.map(({ name, port }) => [name, port])), postgres: 5432, redis: 6379 };

/**
 * Base URL at which a service is reached from here. Of a container that does not run it is the address that
 * it would have, so that it refuses the connection.
 *
 * @throws Unavailable when there is no container, no published port, or none that leads to it from here.
 */
export function serviceUrl(service: ServiceName, reach: Reach): string {
  const container = pick(reach.containers.filter((one) => one.service === service));
  if (container === undefined) {
    throw new Unavailable(`${service} has no container in project ${reach.project}`, `start the project, or give services.${service} in the target`);
  }
  const { host, port } = published(container, service, containerPorts[service] ?? 0, `services.${service}`, reach);
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Where a store of a connection string is reached from here. Its host is what the containers call it;
 * undefined for a host that is no container of the project, which is reached by its own name.
 *
 * @throws Unavailable when the container publishes no port that leads to it from here.
 */
export function storeAddress(host: string, port: number, reach: Reach): HostPort | undefined {
  const container = pick(reach.containers.filter((one) => namesOf(one).includes(host)));
  return container && published(container, host, port, 'a connection string with an address that is reachable from here', reach);
}

function namesOf({ id, name, service, aliases, networks }: Reachable): readonly string[] {
  return [service, name, id.slice(0, 12), ...aliases, ...networks.map(({ address }) => address)].filter((one) => one !== '');
}

/** One that runs before one that does not, then by number. */
function pick(containers: readonly Reachable[]): Reachable | undefined {
  const [first] = containers
    .filter(({ oneoff }) => !oneoff)
    .toSorted((one, other) => Number(other.status === 'running') - Number(one.status === 'running') || one.number - other.number);
  return first;
}

function published(container: Reachable, noun: string, port: number, instead: string, reach: Reach): HostPort {
  const { ports, wantedPorts, networks } = container;
  // A container in the host's network has the host's ports.
  if (networks.some(({ name }) => name === 'host')) return { host: reach.remote ?? '127.0.0.1', port };
  const fits = (one: Port): boolean => one.container === port && one.protocol === 'tcp';
  const bound = ports.filter(fits);
  const candidates = bound.length > 0 ? bound : wantedPorts.filter(fits);
  if (candidates.length === 0) throw new Unavailable(`${noun} publishes no port`, `publish port ${port} of ${noun} on 127.0.0.1, or give ${instead} in the target`);
  if (bound.length === 0) requireFree(candidates, container, noun, reach);
  const [address] = candidates.flatMap((one) => addressOf(one, reach.remote) ?? []);
  if (address === undefined) {
    throw new Unavailable(
      `${noun} is published on the loopback address of ${reach.remote}, another machine`,
      'forward the port and give its address in a target of kind endpoints',
    );
  }
  return address;
}

/**
 * What answers at a port that the container did not get is not this project, and must not get its tokens.
 *
 * @throws Unavailable when another container, or something else as far as the engine says, holds the port.
 */
function requireFree(candidates: readonly Port[], { id, error }: Reachable, noun: string, { holders }: Reach): void {
  const holder = holders.find((one) => one.id !== id && candidates.some(({ host }) => one.ports.includes(host)));
  if (holder) throw new Unavailable(`${noun} does not have its port: container ${holder.name} holds it`, `stop ${holder.name}, then start ${noun}`);
  if (portTaken.test(error)) throw new Unavailable(`${noun} does not have its port: something else holds it`, `end what listens there, then start ${noun}`);
}

/** Undefined for a port that only the engine's own machine reaches. */
function addressOf({ hostIp, host: port }: Port, remote: string | undefined): HostPort | undefined {
  const everywhere = hostIp === '' || hostIp === '0.0.0.0' || hostIp === '::';
  if (remote !== undefined) return isLoopback(hostIp) ? undefined : { host: everywhere ? remote : hostIp, port };
  return { host: everywhere ? '127.0.0.1' : hostIp, port };
}
