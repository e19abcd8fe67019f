import type { ServiceName, Target } from '../model/target.ts';

/** Options of one HTTP GET. There is no other method: what reads a deployment must not change it. */
export interface HttpQuestion {
  readonly path: string;
  /** The token to present. It is sent to the service's own address only; redirects are not followed. */
  readonly token?: 'admin' | 'coordinator' | 'metrics';
  readonly signal: AbortSignal;
}

/** Header names are lower-case. `body` is text, cut at 1 MiB; `truncated` says so. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly truncated: boolean;
  /** How long the certificate that the service showed is valid, milliseconds since 1970; null over plain HTTP. */
  readonly certificate: { readonly startsMs: number; readonly endsMs: number } | null;
  readonly tookMs: number;
}

/** One service of the deployment, over HTTP. */
export interface HttpService {
  /** The full address of a path of this service, whose own address may have a path in front. */
  at(path: string): URL;
  /**
   * @throws Refused with the errno or TLS code when no HTTP answer came.
   * @throws Unavailable when the token that is asked for was not given.
   */
  get(question: HttpQuestion): Promise<HttpAnswer>;
}

/**
 * A row of a query; column names as in the statement. Values are plain JSON: integers and floats as
 * numbers where a number can hold them, else as text; `timestamptz` as ISO 8601 in UTC; `json` parsed;
 * arrays of the usual types; all else, `numeric` among it, as Postgres writes it.
 */
export type Row = Readonly<Record<string, unknown>>;

/** A Postgres of the deployment. Every statement runs in a read-only transaction with a statement timeout. */
export interface PostgresStore {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /**
   * Asks the server for its TLS answer, which needs no credential.
   *
   * @throws Refused with the errno, or NOT_POSTGRES when something else answers.
   */
  hello(signal: AbortSignal): Promise<{ readonly tls: boolean }>;
  /**
   * Runs one statement. Row-level security is told to show all zones, as Caracal's own services do;
   * without that setting it silently gives zero rows (Caracal infra/postgres/migrations/0001_baseline.up.sql:2764).
   *
   * Statements wait for those before them and share a transaction with them for a moment: `now()` is the
   * time when that began, `statement_timestamp()` that of the statement. An abort ends the connection; the next statement opens another.
   *
   * @throws Refused with the SQLSTATE, an errno, NOT_POSTGRES, NO_TLS or a TLS code; Unavailable without a password.
   */
  query(statement: string, parameters: readonly unknown[], signal: AbortSignal): Promise<readonly Row[]>;
}

/** A Redis of the deployment. Only commands that read are let through. */
export interface RedisStore {
  readonly host: string;
  readonly port: number;
  /**
   * Sends PING without a credential: any answer, a refusal too, proves that a Redis listens. The answer
   * is its first line as it came, such as `-NOAUTH Authentication required.`
   *
   * @throws Refused with the errno or TLS code, or NOT_REDIS when something else answers.
   */
  hello(signal: AbortSignal): Promise<{ readonly answer: string }>;
  /**
   * Sends one command. Replies of CONFIG GET and XINFO are objects by name, all others as RESP2 has them.
   *
   * @throws Refused with the first word of the Redis error and the rest of it, an errno, a TLS code or NOT_REDIS;
   *   Unavailable when Redis wants a password and none is given.
   */
  call(command: readonly string[], signal: AbortSignal): Promise<unknown>;
}

/**
 * The live clients of an open target. Each may answer that it is not available, and why. Clients
 * connect when first used and belong to one run: `close` ends them at once, answers pending or not.
 */
export interface Deployment {
  readonly target: Target;
  /** @throws Unavailable when the target gives no address for it. */
  http(service: ServiceName): HttpService;
  /** @throws Unavailable when the target gives no connection string. */
  postgres(): PostgresStore;
  /** @throws Unavailable when the target gives no connection string. */
  redis(): RedisStore;
  /** True when the target gives this token. Says nothing about whether it is live. */
  hasToken(token: 'admin' | 'coordinator' | 'metrics'): boolean;
  /**
   * Hex SHA-256 of a token, which is what Caracal stores of an admin token (Caracal apps/api/src/auth.ts:170).
   *
   * @throws Unavailable when the target does not give the token.
   */
  tokenSha256(token: 'admin' | 'coordinator' | 'metrics'): Promise<string>;
  /** True when the target gives this key. */
  hasKey(key: 'audit' | 'streams'): boolean;
  /**
   * Hex HMAC-SHA256 of UTF-8 text under a key of the target, for comparing with what Caracal stored.
   *
   * @throws Unavailable when the target does not give the key, or gives one that is not hex of at least 32 bytes.
   */
  hmacSha256(key: 'audit' | 'streams', text: string): string;
  close(): void;
}
