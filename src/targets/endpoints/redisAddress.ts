import { Unavailable } from '../failures.ts';
import type { Address } from './sockets.ts';

/** A connection string of Redis, taken apart. */
export interface RedisAddress {
  /** Host name or address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly database: number;
  /** How the host is reached from here when it is not by its own name. TLS goes on checking the host. */
  readonly via?: Address;
}

const wayOut = 'give it as redis://:password@host:6379 or rediss://…, with reserved characters of the password percent-encoded';

/**
 * Takes `redis://` and `rediss://` apart (https://www.iana.org/assignments/uri-schemes/prov/redis).
 *
 * @throws Unavailable when it is no connection string that this tool can use. Names no part of it.
 */
export function parseRedisAddress(text: string): RedisAddress {
  const unusable = (why: string): Unavailable => new Unavailable(`the connection string of Redis ${why}`, wayOut);
  if (!/^rediss?:\/\//i.test(text)) throw unusable('does not begin with redis:// or rediss://');
  let url: URL;
  let user: string;
  let password: string;
  try {
    url = new URL(text);
    user = decodeURIComponent(url.username);
    password = decodeURIComponent(url.password) || (url.searchParams.get('password') ?? '');
  } catch {
    throw unusable('cannot be read');
  }
  // An unencoded slash in the password makes what is before it the host: never send anything there.
  if (url.pathname.includes('@')) throw unusable('has a / before its @');
  const path = url.pathname.slice(1) || (url.searchParams.get('db') ?? '0');
  if (!/^\d{1,5}$/.test(path)) throw unusable('names a database that is no number');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost';
  return {
    host,
    port: Number(url.port || 6379),
    tls: url.protocol === 'rediss:',
    ...(user ? { user } : {}),
    ...(password ? { password } : {}),
    database: Number(path),
  };
}
