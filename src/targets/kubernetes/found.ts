import { services } from '../../caracal/services.ts';
import type { CredentialReference, Endpoints, KubernetesTarget, ServiceName } from '../../model/target.ts';
import { Refused, Unavailable } from '../failures.ts';
import { componentLabel } from './objects.ts';
import type { Secret } from './objects.ts';
import type { ReleaseObjects } from './releaseObjects.ts';
import { plain, runtimeSecretName, secretKeys } from './secrets.ts';

/** Name of the runtime Secret when no workload tells it: contract, deploy 2.2. */
const usualSecret = 'caracal-runtime';

/**
 * Connection strings of Postgres, the one whose role reads most first: `databaseUrl` is that of the
 * owner and not in a Secret of the chart; `caracalapi` reads most of the others (contract, storage 2).
 * Each can write as well; this tool reads in read-only transactions.
 */
const databaseKeys = ['databaseUrl', 'apiDatabaseUrl', 'coordinatorDatabaseUrl', 'stsDatabaseUrl', 'auditDatabaseUrl', 'gatewayDatabaseUrl'];

/** What the cluster says of how the release is reached. */
export interface FoundEndpoints {
  /** What the target says, completed by it. */
  readonly endpoints: Endpoints;
  /** Ports of the services whose URL was found. */
  readonly ports: Readonly<Partial<Record<ServiceName, number>>>;
  /** Why a credential was not found. */
  readonly missing: Unavailable | undefined;
}

/** Looks at Services, workloads and the runtime Secret. What may not be read is left out, and `missing` says why. */
export async function findEndpoints(target: KubernetesTarget, objects: ReleaseObjects, signal: AbortSignal): Promise<FoundEndpoints> {
  const [ports, mode, credentials] = await Promise.all([servicePorts(objects, signal), target.mode ?? modeOf(objects, signal), findCredentials(objects, signal)]);
  const { namespace } = target;
  const urls = Object.fromEntries([...ports].map(([component, { name, port }]) => [component, `http://${name}.${namespace}:${port}`]));
  const found = (...keys: readonly string[]): { readonly value: string } | undefined => {
    const value = keys.map((key) => credentials.values.get(key)).find((each) => each !== undefined && each !== '');
    return value === undefined ? undefined : { value };
  };
  return {
    endpoints: {
      name: target.name,
      ...(target.zone === undefined ? {} : { zone: target.zone }),
      ...(mode === undefined ? {} : { mode }),
      services: { ...urls, ...target.services },
      ...present({ postgres: target.postgres ?? found(...databaseKeys), redis: target.redis ?? found('redisUrl') }),
      // Compose and the chart give the Gateway the token of the Admin API as its own (contract, deploy 2.4).
      tokens: { ...present({ admin: found('caracalAdminToken'), gateway: found('caracalAdminToken'), coordinator: found('caracalCoordinatorToken'), metrics: found('metricsBearer') }), ...target.tokens },
      keys: { ...present({ audit: found('auditHmacKey'), streams: found('streamsHmacKey') }), ...target.keys },
    },
    ports: Object.fromEntries([...ports].map(([component, { port }]) => [component, port])),
    missing: credentials.missing,
  };
}

function present<Name extends string>(references: Readonly<Record<Name, CredentialReference | undefined>>): Partial<Record<Name, CredentialReference>> {
  const entries = Object.entries<CredentialReference | undefined>(references);
  return Object.fromEntries(entries.filter(([, reference]) => reference !== undefined)) as Partial<Record<Name, CredentialReference>>;
}

/** Ports by the Services of the release; where they may not be listed, as the chart names and numbers them (contract, deploy 2.2). */
async function servicePorts(objects: ReleaseObjects, signal: AbortSignal): Promise<ReadonlyMap<ServiceName, { readonly name: string; readonly port: number }>> {
  const ports = new Map<ServiceName, { name: string; port: number }>();
  const listed = await objects.services(signal).catch((error: unknown) => {
    if (!(error instanceof Unavailable || error instanceof Refused)) throw error;
    return undefined;
  });
  for (const { name: component, port: usual } of services) {
    const service = listed?.find(({ metadata }) => metadata.labels[componentLabel] === component);
    const inCluster = component === 'web' ? webPort : usual;
    if (service) ports.set(component, { name: service.metadata.name, port: service.spec.ports.find(({ name }) => name === 'http')?.port ?? inCluster });
    else if (!listed) ports.set(component, { name: `${objects.release}-caracal-${component}`, port: inCluster });
  }
  return ports;
}

/** The chart leaves web on the port of its container; Compose publishes another: contract, deploy 1.4, 2.2. */
const webPort = 3002;

async function modeOf(objects: ReleaseObjects, signal: AbortSignal): Promise<Endpoints['mode']> {
  const { known } = await objects.workloads(signal);
  const modes = known.flatMap(({ workload }) => workload.spec.template.spec.containers.flatMap(({ env }) => env)).filter(({ name }) => name === 'CARACAL_MODE');
  return (['dev', 'rc', 'stable'] as const).find((mode) => modes[0]?.value === mode);
}

async function findCredentials(objects: ReleaseObjects, signal: AbortSignal): Promise<{ readonly values: ReadonlyMap<string, string>; readonly missing: Unavailable | undefined }> {
  const values = new Map<string, string>();
  try {
    const templates = await objects.templates(signal).catch((error: unknown) => {
      if (error instanceof Unavailable) return [];
      throw error;
    });
    const runtime = runtimeSecretName(templates) ?? usualSecret;
    // Operators may keep a key in a Secret of its own: secrets.metricsBearer.secretName and the like.
    const places = new Map<string, Promise<Secret | null>>();
    const read = (name: string): Promise<Secret | null> => {
      const place = places.get(name) ?? objects.secret(name, signal);
      places.set(name, place);
      return place;
    };
    const ofRuntime = await read(runtime);
    for (const [key, value] of Object.entries(ofRuntime?.data ?? {})) values.set(key, plain(value));
    for (const { key, secret: name } of secretKeys(templates)) {
      const value = name === runtime ? undefined : (await read(name))?.data[key];
      if (value !== undefined && wanted.has(key)) values.set(key, plain(value));
    }
    const why = ofRuntime === null ? new Unavailable(`there is no Secret ${runtime} in namespace ${objects.namespace}`, 'give postgres, redis and tokens in the target') : undefined;
    return { values, missing: why };
  } catch (error) {
    if (error instanceof Unavailable) return { values, missing: new Unavailable(error.message, `${error.wayOut}, or give postgres, redis and tokens in the target`) };
    if (error instanceof Refused) return { values, missing: new Unavailable(`the Secret with the connection strings cannot be read: ${error.message}`, 'see to the API server first, or give postgres, redis and tokens in the target') };
    throw error;
  }
}

/** Keys that are looked for outside the runtime Secret. */
const wanted: ReadonlySet<string> = new Set([...databaseKeys, 'redisUrl', 'caracalAdminToken', 'caracalCoordinatorToken', 'metricsBearer', 'auditHmacKey', 'streamsHmacKey']);
