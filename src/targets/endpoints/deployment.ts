import { createHash, createHmac } from 'node:crypto';
import type { CredentialReference, Endpoints, ServiceName, TokenName } from '../../model/target.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import { resolveCredential } from '../credential.ts';
import type { Deployment, PostgresStore, RedisStore } from '../deployment.ts';
import { Refused, Unavailable } from '../failures.ts';
import type { LocatedEndpoints, LocatedTarget } from '../located.ts';
import { fileTails } from '../logTails.ts';
import { httpService } from './http.ts';
import type { MakeHttp } from './http.ts';
import { parsePostgresAddress } from './postgresAddress.ts';
import type { PostgresAddress } from './postgresAddress.ts';
import { postgresHello } from './postgresSocket.ts';
import { parseRedisAddress } from './redisAddress.ts';
import type { RedisAddress } from './redisAddress.ts';
import { redisHello } from './redisSocket.ts';
import type { Address, Tunnel } from './sockets.ts';

type KeyName = Parameters<Deployment['hasKey']>[0];

const tokenNames: Readonly<Record<TokenName, string>> = { admin: 'admin token', coordinator: 'coordinator token', metrics: 'metrics bearer', gateway: 'admin token of the Gateway' };

/** A value, or why there is none, to be thrown when somebody asks for it. */
type Known<Value> = { readonly value: Value } | { readonly missing: Unavailable };

/** What addresses and credentials give of a deployment, whatever kind of target it is. */
export type EndpointClients = Omit<Deployment, 'compose' | 'kubernetes' | 'logTails'>;

/**
 * Opens a target that is reached by addresses.
 *
 * @param zone Takes the place of the target's own zone in the `target` of what is returned.
 */
export async function openEndpoints(located: LocatedTarget, redactor: Redactor, zone?: string, http?: MakeHttp): Promise<Deployment> {
  const { target, folder, publishedHosts = {} } = located;
  const clients = await openClients({
    target: zone === undefined ? target : { ...target, zone },
    endpoints: target,
    place: hostOf(target) ?? target.kind,
    folder,
    store: (host, port) => {
      const published = publishedHosts[host];
      return published === undefined ? undefined : { host: published, port };
    },
    service: () => undefined,
  }, redactor, http);
  const otherKind = (): never => {
    throw new Unavailable('the target gives addresses only', 'pick the Compose project or the Helm release itself');
  };
  return { ...clients, compose: otherKind, kubernetes: otherKind, logTails: fileTails(located) };
}

/** Host and port of the API, or of the first service there is. */
function hostOf({ services = {} }: Endpoints): string | undefined {
  const url = services.api ?? Object.values(services)[0];
  return url === undefined ? undefined : new URL(url).host;
}

/**
 * Reads the credentials and teaches them to `redactor`; connects nowhere yet. What is not given, or
 * given in a form that cannot be used, is told by `Unavailable` when it is asked for.
 */
export async function openClients(located: LocatedEndpoints, redactor: Redactor, makeHttp: MakeHttp = httpService): Promise<EndpointClients> {
  const { target, endpoints, place, folder } = located;
  const secret = async (reference: CredentialReference | undefined, noun: string, field: string, label = noun): Promise<Known<string>> => {
    if (reference === undefined) return { missing: new Unavailable(`no ${noun}`, `give ${field} in the target`) };
    return known(() => resolveCredential(reference, { noun, label, folder, redactor }));
  };
  const token = (name: TokenName, label?: string): Promise<Known<string>> => secret(endpoints.tokens?.[name], tokenNames[name], `tokens.${name}`, label);
  const key = (name: KeyName, noun: string): Promise<Known<string>> => secret(endpoints.keys?.[name], noun, `keys.${name}`);
  const [admin, coordinator, metrics, gateway, postgresText, redisText, auditKey, streamsKey] = await Promise.all([
    token('admin'),
    token('coordinator'),
    token('metrics'),
    // As a rule the same value, which must not have two names.
    token('gateway', tokenNames.admin),
    secret(endpoints.postgres, 'connection string of Postgres', 'postgres', 'postgres url'),
    secret(endpoints.redis, 'connection string of Redis', 'redis', 'redis url'),
    key('audit', 'AUDIT_HMAC_KEY'),
    key('streams', 'STREAMS_HMAC_KEY'),
  ]);
  const keys = { audit: await known(() => hmacKey(valueOf(auditKey), 'audit')), streams: await known(() => hmacKey(valueOf(streamsKey), 'streams')) };
  const tokens = { admin, coordinator, metrics, gateway };
  const closing = new AbortController();
  const closed = closing.signal;
  const postgres = await known(() => postgresStore(reached(parsePostgresAddress(valueOf(postgresText), folder), located), redactor, closed));
  const redis = await known(() => redisStore(reached(parseRedisAddress(valueOf(redisText)), located), redactor, closed));
  const tokenOf = (name: TokenName): string => valueOf(tokens[name]);
  return {
    target,
    place,
    http: (service) => {
      const via = located.service(service);
      return makeHttp({ url: serviceUrl(endpoints, service, redactor), via, token: tokenOf, closed });
    },
    postgres: () => valueOf(postgres),
    redis: () => valueOf(redis),
    hasToken: (name) => endpoints.tokens?.[name] !== undefined,
    tokenSha256: (name) => Promise.resolve().then(() => createHash('sha256').update(tokenOf(name)).digest('hex')),
    hasKey: (name) => endpoints.keys?.[name] !== undefined,
    hmacSha256: (name, text) => createHmac('sha256', valueOf(keys[name])).update(text).digest('hex'),
    close: () => closing.abort(new Error('the target was closed')),
  };
}

/** Caracal's HMAC keys are hex of at least 32 bytes: Caracal packages/engine/src/secrets.ts:25. */
function hmacKey(text: string, name: KeyName): Buffer {
  if (!/^(?:[0-9a-f]{2}){32,}$/i.test(text)) throw new Unavailable(`keys.${name} is not hex of at least 32 bytes`, 'give the key as Caracal has it');
  return Buffer.from(text, 'hex');
}

async function known<Value>(make: () => Value | Promise<Value>): Promise<Known<Value>> {
  try {
    return { value: await make() };
  } catch (error) {
    if (error instanceof Unavailable) return { missing: error };
    throw error;
  }
}

function valueOf<Value>(known: Known<Value>): Value {
  if ('missing' in known) throw known.missing;
  return known.value;
}

/** The service's own address, without a user or password that stands in it: tokens have a field of their own. */
function serviceUrl({ services }: Endpoints, service: ServiceName, redactor: Redactor): URL {
  const text = services?.[service];
  if (text === undefined) throw new Unavailable(`no address of ${service}`, `give services.${service} in the target`);
  const url = new URL(text);
  if (url.password !== '') redactor.learn(text, `${service} url`);
  url.username = '';
  url.password = '';
  return url;
}

function reached<Store extends { readonly host: string; readonly port: number }>(address: Store, { store }: LocatedEndpoints): Store {
  const via = store(address.host, address.port);
  return via === undefined ? address : { ...address, via };
}

/** What is connected to, for a person: the address here when there is one, else the store's own. */
function shownAddress({ host, port, via }: Pick<PostgresAddress, 'host' | 'port' | 'via'>): Pick<PostgresStore, 'host' | 'port' | 'forwarded'> {
  const here = via !== undefined && 'host' in via ? via : { host, port };
  return { host: here.host, port: here.port, forwarded: via !== undefined && 'tunnel' in via };
}

/** Codes of a connection that ended although an answer was due. */
const endedEarly: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/**
 * A store's address whose tunnel, if it has one, is listened to: drivers tell of a lost tunnel only that
 * the connection ended, which would be held against the store.
 */
function listenedTo<Store extends { readonly via?: Address }>(store: Store): { readonly address: Store; readonly tell: <Answer>(asking: Promise<Answer>) => Promise<Answer> } {
  const { via } = store;
  if (via === undefined || !('tunnel' in via)) return { address: store, tell: (asking) => asking };
  let lost: Error | undefined;
  const tunnel: Tunnel = async (signal) => {
    lost = undefined;
    const socket = await via.tunnel(signal);
    return socket.once('error', (error) => (lost = error));
  };
  return {
    address: { ...store, via: { tunnel } },
    tell: (asking) =>
      asking.catch((error: unknown) => {
        throw error instanceof Refused && endedEarly.has(error.code) && lost instanceof Unavailable ? lost : error;
      }),
  };
}

function postgresStore(store: PostgresAddress, redactor: Redactor, closed: AbortSignal): PostgresStore {
  const { address, tell } = listenedTo(store);
  const { user } = address;
  // The driver is a file of its own and loads with the first statement.
  let session: Promise<{ query: PostgresStore['query'] }> | undefined;
  const opened = (): NonNullable<typeof session> =>
    (session ??= import('./postgres.ts').then(({ PostgresSession }) => new PostgresSession(address, redactor, closed)));
  return {
    ...shownAddress(address),
    user,
    hello: (signal) => tell(postgresHello(address, AbortSignal.any([signal, closed]))),
    query: async (statement, parameters, signal) => tell((await opened()).query(statement, parameters, signal)),
  };
}

function redisStore(store: RedisAddress, redactor: Redactor, closed: AbortSignal): RedisStore {
  const { address, tell } = listenedTo(store);
  let session: Promise<{ call: RedisStore['call'] }> | undefined;
  const opened = (): NonNullable<typeof session> =>
    (session ??= import('./redis.ts').then(({ RedisSession }) => new RedisSession(address, redactor, closed)));
  return {
    ...shownAddress(address),
    hello: (signal) => tell(redisHello(address, AbortSignal.any([signal, closed]))),
    call: async (command, signal) => tell((await opened()).call(command, signal)),
  };
}
