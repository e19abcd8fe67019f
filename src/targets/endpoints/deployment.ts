import { createHash, createHmac } from 'node:crypto';
import type { CredentialReference, ServiceName, Target } from '../../model/target.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import { resolveCredential } from '../credential.ts';
import type { Deployment, PostgresStore, RedisStore } from '../deployment.ts';
import { Unavailable } from '../failures.ts';
import type { LocatedTarget } from '../located.ts';
import { httpService } from './http.ts';
import { parsePostgresAddress } from './postgresAddress.ts';
import { postgresHello } from './postgresSocket.ts';
import { parseRedisAddress } from './redisAddress.ts';
import { redisHello } from './redisSocket.ts';

type TokenName = Parameters<Deployment['hasToken']>[0];
type KeyName = Parameters<Deployment['hasKey']>[0];

const tokenNames: Readonly<Record<TokenName, string>> = { admin: 'admin token', coordinator: 'coordinator token', metrics: 'metrics bearer' };

/** A value, or why there is none, to be thrown when somebody asks for it. */
type Known<Value> = { readonly value: Value } | { readonly missing: Unavailable };

/**
 * Opens a target that is reached by addresses. Reads its credentials and teaches them to `redactor`;
 * connects nowhere yet. What the target does not give, or gives in a form that cannot be used, is
 * told by `Unavailable` when it is asked for.
 *
 * @param zone Takes the place of the target's own zone in the `target` of what is returned.
 */
export async function openEndpoints(located: LocatedTarget, redactor: Redactor, zone?: string): Promise<Deployment> {
  const { folder, publishedHosts } = located;
  const target: Target = zone === undefined ? located.target : { ...located.target, zone };
  const secret = async (reference: CredentialReference | undefined, noun: string, field: string, label = noun): Promise<Known<string>> => {
    if (reference === undefined) return { missing: new Unavailable(`no ${noun}`, `give ${field} in the target`) };
    return known(() => resolveCredential(reference, { noun, label, folder, redactor }));
  };
  const token = (name: TokenName): Promise<Known<string>> => secret(target.tokens?.[name], tokenNames[name], `tokens.${name}`);
  const key = (name: KeyName, noun: string): Promise<Known<string>> => secret(target.keys?.[name], noun, `keys.${name}`);
  const [admin, coordinator, metrics, postgresText, redisText, auditKey, streamsKey] = await Promise.all([
    token('admin'),
    token('coordinator'),
    token('metrics'),
    secret(target.postgres, 'connection string of Postgres', 'postgres', 'postgres url'),
    secret(target.redis, 'connection string of Redis', 'redis', 'redis url'),
    key('audit', 'AUDIT_HMAC_KEY'),
    key('streams', 'STREAMS_HMAC_KEY'),
  ]);
  const keys = { audit: await known(() => hmacKey(valueOf(auditKey), 'audit')), streams: await known(() => hmacKey(valueOf(streamsKey), 'streams')) };
  const tokens = { admin, coordinator, metrics };
  const closing = new AbortController();
  const closed = closing.signal;
  const postgres = await known(() => postgresStore(parsePostgresAddress(valueOf(postgresText), folder, publishedHosts), redactor, closed));
  const redis = await known(() => redisStore(parseRedisAddress(valueOf(redisText), publishedHosts), redactor, closed));
  const tokenOf = (name: TokenName): string => valueOf(tokens[name]);
  return {
    target,
    http: (service) => httpService({ url: serviceUrl(target, service, redactor), token: tokenOf, closed }),
    postgres: () => valueOf(postgres),
    redis: () => valueOf(redis),
    hasToken: (name) => target.tokens?.[name] !== undefined,
    tokenSha256: (name) => Promise.resolve().then(() => createHash('sha256').update(tokenOf(name)).digest('hex')),
    hasKey: (name) => target.keys?.[name] !== undefined,
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
function serviceUrl(target: Target, service: ServiceName, redactor: Redactor): URL {
  const text = target.services[service];
  if (text === undefined) throw new Unavailable(`no address of ${service}`, `give services.${service} in the target`);
  const url = new URL(text);
  if (url.password !== '') redactor.learn(text, `${service} url`);
  url.username = '';
  url.password = '';
  return url;
}

function postgresStore(address: ReturnType<typeof parsePostgresAddress>, redactor: Redactor, closed: AbortSignal): PostgresStore {
  const { host, port, user } = address;
  // The driver is a file of its own and loads with the first statement.
  let session: Promise<{ query: PostgresStore['query'] }> | undefined;
  const opened = (): NonNullable<typeof session> =>
    (session ??= import('./postgres.ts').then(({ PostgresSession }) => new PostgresSession(address, redactor, closed)));
  return {
    host,
    port,
    user,
    hello: (signal) => postgresHello(address, AbortSignal.any([signal, closed])),
    query: async (statement, parameters, signal) => (await opened()).query(statement, parameters, signal),
  };
}

function redisStore(address: ReturnType<typeof parseRedisAddress>, redactor: Redactor, closed: AbortSignal): RedisStore {
  const { host, port } = address;
  let session: Promise<{ call: RedisStore['call'] }> | undefined;
  const opened = (): NonNullable<typeof session> =>
    (session ??= import('./redis.ts').then(({ RedisSession }) => new RedisSession(address, redactor, closed)));
  return {
    host,
    port,
    hello: (signal) => redisHello(address, AbortSignal.any([signal, closed])),
    call: async (command, signal) => (await opened()).call(command, signal),
  };
}
