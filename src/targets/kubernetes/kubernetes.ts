import type { HelmFacts } from '../../model/kubernetes.ts';
import type { Endpoints, KubernetesTarget } from '../../model/target.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import { resolveCredential } from '../credential.ts';
import type { Deployment, HttpService } from '../deployment.ts';
import { openClients } from '../endpoints/deployment.ts';
import type { MakeHttp } from '../endpoints/http.ts';
import { parsePostgresAddress } from '../endpoints/postgresAddress.ts';
import { parseRedisAddress } from '../endpoints/redisAddress.ts';
import type { Address } from '../endpoints/sockets.ts';
import { Refused, Unavailable } from '../failures.ts';
import type { LocatedTarget } from '../located.ts';
import { containerTails } from '../logTails.ts';
import type { ContainerLogs } from '../logs.ts';
import { connectionOf } from './connection.ts';
import type { Connection } from './connection.ts';
import { findEndpoints } from './found.ts';
import type { FoundEndpoints } from './found.ts';
import { Forwards } from './forward.ts';
import { valuesTexts } from './helm.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { podLogs } from './logs.ts';
import { Reader } from './reader.ts';
import { Release, placeOf } from './release.ts';
import { ReleaseObjects } from './releaseObjects.ts';
import { Tunnels } from './tunnels.ts';

export { findReleases } from './find.ts';
export type { FoundReleases } from './find.ts';

/** How long opening may wait for the cluster; what was not found by then is told when it is asked for. */
const openDeadlineMs = 6_000;

/** The parts that ask one cluster about one release. */
interface OpenRelease {
  readonly connection: Connection;
  readonly objects: ReleaseObjects;
  readonly release: Release;
  readonly close: () => void;
}

/**
 * The way to the cluster of a target. Connects nowhere yet.
 *
 * @throws Unavailable when the kubeconfig does not lead to a cluster.
 */
export async function connectionTo({ target, folder }: LocatedTarget<KubernetesTarget>, redactor: Redactor, closed: AbortSignal): Promise<Connection> {
  const kubeconfig = await readKubeconfig({ path: target.kubeconfig, folder, environment: process.env });
  return connectionOf(kubeconfig, target.context, redactor, closed);
}

/** @throws Unavailable when the kubeconfig does not lead to a cluster. */
async function connect(located: LocatedTarget<KubernetesTarget>, redactor: Redactor): Promise<OpenRelease & { readonly tunnels: Tunnels }> {
  const { target } = located;
  const closing = new AbortController();
  const { signal: closed } = closing;
  const connection = await connectionTo(located, redactor, closed);
  const reader = new Reader(connection, redactor);
  const objects = new ReleaseObjects({ namespace: target.namespace, release: target.release, reader, redactor, closed });
  return {
    connection,
    objects,
    release: new Release(objects, connection, redactor),
    tunnels: new Tunnels(objects, new Forwards(connection, redactor, closed)),
    close: () => {
      closing.abort(new Error('the target was closed'));
      connection.close();
    },
  };
}

/**
 * Opens a Helm release. Asks the cluster for what the target does not say: addresses of the services,
 * mode, and connection strings and tokens of the runtime Secret, which the redactor learns first.
 *
 * @throws the signal's reason when it is aborted, with nothing left open.
 */
export async function openKubernetes(located: LocatedTarget<KubernetesTarget>, redactor: Redactor, signal: AbortSignal, http?: MakeHttp): Promise<Deployment> {
  const { target, folder } = located;
  let open: Awaited<ReturnType<typeof connect>>;
  try {
    open = await connect(located, redactor);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return withoutCluster(located, redactor, error, http);
  }
  const { connection, objects, release, tunnels } = open;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(openDeadlineMs)]);
    const found = await findEndpoints(target, objects, limit).catch((error: unknown): FoundEndpoints => {
      signal.throwIfAborted();
      if (!limit.aborted) throw error;
      const wayOut = 'see to the API server first, or give postgres, redis, tokens and services in the target';
      return { endpoints: target, ports: {}, missing: new Unavailable(`the API server of context ${connection.context} did not answer within ${openDeadlineMs / 1_000} s`, wayOut) };
    });
    const { endpoints, ports, missing } = found;
    const routes = await storeRoutes(endpoints, { tunnels, folder, redactor, limit, signal });
    const clients = await openClients({
      target: endpoints.mode === undefined || target.mode !== undefined ? target : { ...target, mode: endpoints.mode },
      endpoints,
      place: placeOf(objects, connection),
      folder,
      store: (host, port) => {
        const route = routes.get(`${host}:${port}`);
        if (route instanceof Error) throw route;
        return route;
      },
      service: (service) => {
        if (target.services?.[service] !== undefined) return undefined;
        const port = ports[service];
        if (port === undefined) throw missing ?? new Unavailable(`the release has no Service of ${service}`, `give services.${service} in the target`);
        return { tunnel: tunnels.toComponent(service, port) };
      },
    }, redactor, http);
    return {
      ...clients,
      ...(missing === undefined ? {} : withReason(clients, endpoints, missing)),
      compose: otherKind,
      kubernetes: () => release,
      logTails: containerTails(podLogs(objects, release, open.close)),
      close: () => {
        clients.close();
        open.close();
      },
    };
  } catch (error) {
    open.close();
    throw error;
  }
}

function otherKind(): never {
  throw new Unavailable('the target is a Helm release', 'pick the Compose project itself');
}

/** What the target itself says can be used although its cluster cannot be asked. */
async function withoutCluster({ target, folder }: LocatedTarget<KubernetesTarget>, redactor: Redactor, why: Unavailable, http: MakeHttp | undefined): Promise<Deployment> {
  const refuse = (): never => {
    throw why;
  };
  const clients = await openClients({
    target,
    endpoints: target,
    place: placeOf(target, { context: target.context ?? 'current' }),
    folder,
    store: () => undefined,
    service: (service) => (target.services?.[service] === undefined ? refuse() : undefined),
  }, redactor, http);
  return { ...clients, ...withReason(clients, target, why), compose: otherKind, kubernetes: refuse, logTails: () => Promise.reject(why) };
}

/** Says why something is missing, where the cluster would have given it. */
function withReason(clients: Pick<Deployment, 'http' | 'postgres' | 'redis' | 'tokenSha256' | 'hmacSha256'>, { postgres, redis, tokens, keys }: Endpoints, missing: Unavailable): Pick<Deployment, 'http' | 'postgres' | 'redis' | 'tokenSha256' | 'hmacSha256'> {
  const refuse = (): never => {
    throw missing;
  };
  return {
    http(service): HttpService {
      const client = clients.http(service);
      return {
        ...client,
        get: (question) => (question.token !== undefined && tokens?.[question.token] === undefined ? Promise.reject(missing) : client.get(question)),
        simulate: (question) => (tokens?.admin === undefined ? Promise.reject(missing) : client.simulate(question)),
      };
    },
    postgres: postgres === undefined ? refuse : clients.postgres,
    redis: redis === undefined ? refuse : clients.redis,
    tokenSha256: (token) => (tokens?.[token] === undefined ? Promise.reject(missing) : clients.tokenSha256(token)),
    hmacSha256: (key, text) => (keys?.[key] === undefined ? refuse() : clients.hmacSha256(key, text)),
  };
}

interface RouteOptions {
  readonly tunnels: Tunnels;
  readonly folder: string;
  readonly redactor: Redactor;
  /** Ends the asking. */
  readonly limit: AbortSignal;
  readonly signal: AbortSignal;
}

/** How the hosts of the connection strings are reached, by host and port; an error is told when a store is asked for. */
async function storeRoutes({ postgres, redis }: Endpoints, { tunnels, folder, redactor, limit, signal }: RouteOptions): Promise<ReadonlyMap<string, Address | Error | undefined>> {
  const addresses = await Promise.all([
    addressOf(postgres, 'Postgres', (text) => parsePostgresAddress(text, folder), folder, redactor),
    addressOf(redis, 'Redis', parseRedisAddress, folder, redactor),
  ]);
  const routes = addresses.flatMap((address) => address ?? []).map(async ({ host, port }): Promise<readonly [string, Address | Error | undefined]> => {
    const key = `${host}:${port}`;
    try {
      return [key, await tunnels.toStore(host, port, limit)];
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Unavailable) return [key, error];
      const why = limit.aborted ? 'it did not answer in time' : error instanceof Refused ? error.message : undefined;
      if (why === undefined) throw error;
      return [key, new Unavailable(`whether ${key} is a Service of the cluster cannot be told: the API server cannot be asked, ${why}`, 'see to the API server first')];
    }
  });
  return new Map(await Promise.all(routes));
}

/** Undefined where there is no connection string, or none that can be used: that is told by whoever asks for the store. */
async function addressOf(reference: Endpoints['postgres'], noun: string, parse: (text: string) => { readonly host: string; readonly port: number }, folder: string, redactor: Redactor) {
  if (reference === undefined) return undefined;
  try {
    return parse(await resolveCredential(reference, { noun: `connection string of ${noun}`, label: `${noun.toLowerCase()} url`, folder, redactor }));
  } catch (error) {
    if (error instanceof Unavailable) return undefined;
    throw error;
  }
}

/**
 * Opens the logs of the pods of a release.
 *
 * @throws Unavailable when the cluster cannot be asked
 */
export async function openKubernetesLogs(located: LocatedTarget<KubernetesTarget>, redactor: Redactor): Promise<ContainerLogs> {
  const { objects, release, close } = await connect(located, redactor);
  return podLogs(objects, release, close);
}

/**
 * The revisions of a release that Helm keeps, masked.
 *
 * @throws Refused, Unavailable as `KubernetesRelease` does; the signal's reason.
 */
export function helmHistory(located: LocatedTarget<KubernetesTarget>, redactor: Redactor, signal: AbortSignal): Promise<HelmFacts> {
  return withRelease(located, redactor, (release) => release.helm(signal));
}

/**
 * Values of one revision as YAML for a diff, masked: those of the chart, what the user gave, and both
 * merged. The same secret has the same mask in all of them.
 *
 * @throws Refused, Unavailable as `KubernetesRelease` does; the signal's reason.
 */
export function helmValues(located: LocatedTarget<KubernetesTarget>, revision: number, redactor: Redactor, signal: AbortSignal): Promise<ReturnType<typeof valuesTexts>> {
  return withRelease(located, redactor, async (release) => valuesTexts(await release.helmRelease(revision, signal), redactor));
}

async function withRelease<Answer>(located: LocatedTarget<KubernetesTarget>, redactor: Redactor, ask: (release: Release) => Promise<Answer>): Promise<Answer> {
  const { release, close } = await connect(located, redactor);
  try {
    return await ask(release);
  } finally {
    close();
  }
}

