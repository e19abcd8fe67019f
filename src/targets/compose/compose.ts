import { services } from '../../caracal/services.ts';
import type { ContainerFacts } from '../../model/compose.ts';
import type { ComposeTarget, Endpoints, ServiceName } from '../../model/target.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { ComposeProject, Deployment } from '../deployment.ts';
import { openClients } from '../endpoints/deployment.ts';
import type { MakeHttp } from '../endpoints/http.ts';
import { Unavailable } from '../failures.ts';
import type { LocatedTarget } from '../located.ts';
import { containerTails } from '../logTails.ts';
import { isLoopback, keysOf } from '../secretsFolder.ts';
import type { FoundSecrets } from '../secretsFolder.ts';
import { reachableOf } from './containers.ts';
import { callDeadlineMs, Engine, silent } from './engine.ts';
import { resolveEngine } from './engineEndpoint.ts';
import { projectLogs } from './logs.ts';
import { holdersIn, placeOf, Project } from './project.ts';
import { problemOf } from './problem.ts';
import { serviceUrl, storeAddress } from './reach.ts';
import type { Reach } from './reach.ts';
import { secretFolders, secretsOf } from './secretFiles.ts';

export { findComposeProjects } from './find.ts';
export type { ComposeSearch } from './find.ts';
export { openComposeLogs } from './logs.ts';

interface Surroundings {
  readonly environment?: NodeJS.ProcessEnv;
  readonly platform?: NodeJS.Platform;
  readonly http?: MakeHttp;
}

/** What a look at the engine gave. */
interface Looked {
  readonly place: string;
  readonly compose: ComposeProject;
  readonly logTails: Deployment['logTails'];
  readonly reach: Reach | Unavailable;
  readonly containers: readonly ContainerFacts[];
}

/**
 * Opens a project of Docker Compose. Its containers are looked at once, to learn where its services are
 * published and where its secrets lie; what the target itself says comes first. A credential that was
 * found goes only to addresses of this machine.
 *
 * An engine that cannot be asked is no error here: the methods of `compose()` then throw what it is asked
 * with, Refused or Unavailable, and `http()`, `postgres()` and `redis()` throw Unavailable. One that does
 * not answer is waited for as long as a call may take.
 *
 * @throws the signal's reason when it is aborted, with nothing left open.
 */
export async function openCompose(
  located: LocatedTarget<ComposeTarget>,
  redactor: Redactor,
  signal: AbortSignal,
  { environment = process.env, platform = process.platform, http }: Surroundings = {},
): Promise<Deployment> {
  const { folder } = located;
  const closing = new AbortController();
  const looked = await look(located.target, redactor, signal, closing.signal, { environment, platform });
  const target = completed(located.target, looked.containers, environment);
  const { endpoints, missing } = await endpointsOf(target, looked, platform);
  const clients = await openClients(
    {
      target,
      endpoints,
      place: looked.place,
      folder,
      store: (host, port) => storeOf(host, port, target, looked.reach),
      service: (service) => {
        const why = missing.get(service);
        if (why) throw why;
        return undefined;
      },
    },
    redactor,
    http,
  );
  signal.throwIfAborted();
  return {
    ...clients,
    compose: () => looked.compose,
    logTails: looked.logTails,
    kubernetes: () => {
      throw new Unavailable('the target is a project of Compose', 'pick the Helm release itself');
    },
    close: () => {
      clients.close();
      closing.abort(new Error('the target was closed'));
    },
  };
}

async function look(target: ComposeTarget, redactor: Redactor, signal: AbortSignal, closed: AbortSignal, { environment, platform }: Required<Omit<Surroundings, 'http'>>): Promise<Looked> {
  let host: string | undefined;
  const opening = AbortSignal.any([signal, AbortSignal.timeout(callDeadlineMs)]);
  try {
    const endpoint = await resolveEngine(target.engine, environment, platform);
    host = endpoint.host;
    const engine = new Engine(endpoint, closed);
    const project = new Project({ engine, project: target.project, redactor, platform });
    const own = await project.own(opening);
    // One container that cannot be inspected, or not in time, hides no other.
    const inspected = await Promise.all(own.map((one) => project.inspected(one, opening).catch(() => undefined)));
    signal.throwIfAborted();
    const reach = {
      project: target.project,
      containers: own.map((one, index) => reachableOf(one, inspected[index])),
      holders: holdersIn(await project.listed(signal)),
      remote: endpoint.remote,
    };
    // Ends with the engine.
    const logTails = containerTails(projectLogs(engine, target.project, () => undefined));
    return { place: project.place, compose: project.facts(), logTails, reach, containers: inspected.flatMap((one) => one?.facts ?? []) };
  } catch (error) {
    signal.throwIfAborted();
    const failure = opening.aborted ? silent() : (error as Error);
    const { why, wayOut } = problemOf(failure, host);
    const place = placeOf(target.project, host ?? 'a Docker Engine');
    return { place, compose: unreachable(place, failure), logTails: () => Promise.reject(failure), reach: new Unavailable(why, wayOut), containers: [] };
  }
}

/** A project whose engine cannot be asked. */
function unreachable(place: string, failure: Error): ComposeProject {
  const fail = (): Promise<never> => Promise.reject(failure);
  const events = (): AsyncIterable<never> => ({ [Symbol.asyncIterator]: () => ({ next: fail }) });
  return { place, engine: fail, project: fail, containers: fail, secretFiles: fail, runtimeFiles: fail, events };
}

/** The target with the mode and the zone that it has by the rules of Caracal's own tools. */
function completed(target: ComposeTarget, containers: readonly ContainerFacts[], environment: NodeJS.ProcessEnv): ComposeTarget {
  const mode = target.mode ?? containers.map(({ mode: one }) => one).find(isMode) ?? usualModes[target.project];
  const zone = target.zone ?? environment['CARACAL_ZONE_ID'];
  return { ...target, ...(mode ? { mode } : {}), ...(zone ? { zone } : {}) };
}

/** Which kind of release an installation is cannot be seen from its name; `stable` stands for both. */
const usualModes: Readonly<Record<string, ComposeTarget['mode']>> = { 'caracal-dev': 'dev', caracal: 'stable' };

function isMode(text: string | null): text is NonNullable<ComposeTarget['mode']> {
  return text === 'dev' || text === 'rc' || text === 'stable';
}

async function endpointsOf(
  target: ComposeTarget,
  { reach, containers }: Looked,
  platform: NodeJS.Platform,
): Promise<{ readonly endpoints: Endpoints; readonly missing: ReadonlyMap<ServiceName, Unavailable> }> {
  const urls: Partial<Record<ServiceName, string>> = { ...target.services };
  const missing = new Map<ServiceName, Unavailable>();
  for (const { name } of services) {
    if (urls[name] !== undefined) continue;
    try {
      if (reach instanceof Unavailable) throw reach;
      urls[name] = serviceUrl(name, reach);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      missing.set(name, error);
    }
  }
  const isLocal = !(reach instanceof Unavailable) && reach.remote === undefined && Object.values(urls).every((url) => isLoopback(new URL(url).hostname));
  const secrets: FoundSecrets = isLocal ? await secretsOf(secretFolders(containers, platform)) : new Map();
  return { endpoints: withSecrets({ ...target, services: urls }, secrets), missing };
}

/** What the target gives comes first. Without a secret the address of a store still shows whether it listens. */
function withSecrets(target: ComposeTarget, secrets: FoundSecrets): Endpoints {
  const [admin, coordinator, metrics] = [secrets.get('caracalAdminToken'), secrets.get('caracalCoordinatorToken'), secrets.get('metricsBearer')];
  return {
    ...target,
    postgres: target.postgres ?? secrets.get('databaseUrl') ?? 'postgresql://postgres:5432/caracal',
    redis: target.redis ?? secrets.get('redisUrl') ?? 'redis://redis:6379',
    tokens: { ...(admin ? { admin, gateway: admin } : {}), ...(coordinator ? { coordinator } : {}), ...(metrics ? { metrics } : {}), ...target.tokens },
    keys: { ...keysOf(secrets), ...target.keys },
  };
}

/** The generated connection strings name the containers `postgres` and `redis`, also when there are none. */
function storeOf(host: string, port: number, target: ComposeTarget, reach: Reach | Unavailable): ReturnType<typeof storeAddress> {
  const isContainer = host === 'postgres' || host === 'redis';
  if (reach instanceof Unavailable) {
    if (isContainer) throw reach;
    return undefined;
  }
  const address = storeAddress(host, port, reach);
  if (address === undefined && isContainer && target[host] === undefined) {
    throw new Unavailable(`${host} has no container in project ${reach.project}`, `start the project, or give ${host} in the target`);
  }
  return address;
}
