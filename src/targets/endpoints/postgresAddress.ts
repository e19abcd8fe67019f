import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { Unavailable } from '../failures.ts';
import type { Address } from './sockets.ts';

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

export type SslMode = (typeof sslModes)[number];

/** A connection string of Postgres, taken apart. Paths are absolute. */
export interface PostgresAddress {
  /** Host name or address without brackets; a folder when it is a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Absent when the string has none; then `.pgpass` may have it. */
  readonly password?: string;
  readonly database: string;
  readonly sslMode: SslMode;
  /** Files of certificates in PEM. `system` as root means the authorities that Node trusts. */
  readonly sslRootCert?: string;
  readonly sslCert?: string;
  readonly sslKey?: string;
  /** How the host is reached from here when it is not by its own name. TLS goes on checking the host. */
  readonly via?: Address;
}

const form = 'postgresql://user:password@host:5432/caracal';
const wayOut = `give it as ${form}, with reserved characters of the password percent-encoded`;

/**
 * Takes a connection string apart as libpq does
 * (https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING-URIS). Parameters of the
 * session, such as `options`, are left out: a pooler may refuse them.
 *
 * @throws Unavailable when it is no connection string that this tool can use. Names no part of it.
 */
export function parsePostgresAddress(text: string, folder: string): PostgresAddress {
  const unusable = (why: string): Unavailable => new Unavailable(`the connection string of Postgres ${why}`, wayOut);
  if (!/^postgres(?:ql)?:\/\//i.test(text)) throw unusable('does not begin with postgresql://');
  let url: URL;
  let user: string;
  let password: string;
  let database: string;
  try {
    // A URL must have a host here, and libpq needs none.
    url = new URL(text.replace(/^(postgres(?:ql)?:\/\/(?:[^/@]*@)?)(?=[/?]|$)/i, '$1localhost'));
    user = decodeURIComponent(url.username);
    password = decodeURIComponent(url.password);
    database = decodeURIComponent(url.pathname.slice(1));
  } catch {
    throw unusable('cannot be read');
  }
  // An unencoded slash in the password makes the user's name the host: never send anything there.
  if (url.pathname.includes('@')) throw unusable('has a / before its @');
  const parameter = (name: string): string | undefined => url.searchParams.get(name) || undefined;
  const hostOf = parameter('host') ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1');
  if (hostOf.includes(',')) throw unusable('names several hosts; give one');
  const port = Number(parameter('port') ?? (url.port || 5432));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw unusable('has no usable port');
  const sslMode = sslModes.find((mode) => mode === (parameter('sslmode') ?? 'prefer'));
  if (!sslMode) throw unusable(`has an unknown sslmode; known are ${sslModes.join(', ')}`);
  const path = (name: string): string | undefined => {
    const value = parameter(name);
    return value === undefined || value === 'system' ? value : resolve(folder, value);
  };
  const name = user || parameter('user') || userInfo().username;
  const optional = {
    password: password || parameter('password'),
    sslRootCert: path('sslrootcert'),
    sslCert: path('sslcert'),
    sslKey: path('sslkey'),
  };
  return {
    host: hostOf,
    port,
    user: name,
    database: database || parameter('dbname') || name,
    sslMode,
    ...withoutUndefined(optional),
  };
}

type Present<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

function withoutUndefined<Fields extends object>(fields: Fields): Present<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<Fields>;
}

/** Where to connect to: libpq takes a host that begins with a slash for a folder of Unix sockets. */
export function socketAddress({ host, port, via }: Pick<PostgresAddress, 'host' | 'port' | 'via'>): Address {
  if (via) return via;
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
}
