import { Client, types } from 'pg';
import type { QueryConfig } from 'pg';
import type { Socket } from 'node:net';
import type { Redactor } from '../../redaction/redactor.ts';
import { errnoOf } from '../smallFile.ts';
import type { Row } from '../deployment.ts';
import { Refused, Unavailable } from '../failures.ts';
import { passwordFromFile } from './pgpass.ts';
import type { PostgresAddress } from './postgresAddress.ts';
import { openPostgresSocket } from './postgresSocket.ts';
import type { PostgresSocket } from './postgresSocket.ts';
import { closedEarly, refusedBy } from './sockets.ts';

/**
 * Begins a transaction, because settings of a session do not hold behind PgBouncer in transaction
 * mode. `*` shows the rows of all zones: Caracal infra/postgres/migrations/0001_baseline.up.sql:2764.
 */
const begin = [
  'BEGIN READ ONLY',
  'SET LOCAL statement_timeout = 2000',
  'SET LOCAL lock_timeout = 1000',
  "SET LOCAL datestyle = 'ISO'",
  "SET LOCAL timezone = 'UTC'",
  "SELECT set_config('caracal.zone_id', '*', true)",
].join('; ');

/**
 * Statements that wait for each other share a transaction for no longer than this: it holds locks that
 * a migration would have to wait for.
 */
const transactionMs = 500;

/** A session of one run: connects with the first statement, and again after a connection was lost. */
export class PostgresSession {
  readonly #address: PostgresAddress;
  readonly #redactor: Redactor;
  readonly #closed: AbortSignal;
  #connection: Connection | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @param closed Aborted when the deployment is closed; ends what is open. */
  constructor(address: PostgresAddress, redactor: Redactor, closed: AbortSignal) {
    this.#address = address;
    this.#redactor = redactor;
    this.#closed = closed;
    closed.addEventListener('abort', () => this.#connection?.end());
  }

  /**
   * Runs a statement after those before it. An abort ends the connection, so that a server that does
   * not answer holds nothing; the next statement opens another.
   *
   * @throws Refused with the SQLSTATE or errno; Unavailable without a password; the signal's reason.
   */
  query(statement: string, parameters: readonly unknown[], signal: AbortSignal): Promise<readonly Row[]> {
    const either = AbortSignal.any([signal, this.#closed]);
    this.#waiting += 1;
    const answer = this.#last.then(() => {
      this.#waiting -= 1;
      return this.#query(statement, parameters, either);
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async #query(statement: string, parameters: readonly unknown[], signal: AbortSignal): Promise<readonly Row[]> {
    let connection = this.#connection;
    const end = (): void => connection?.end();
    // A transaction that was left open for this statement has nobody to close it.
    if (signal.aborted && this.#waiting === 0) end();
    signal.throwIfAborted();
    signal.addEventListener('abort', end, { once: true });
    try {
      connection ??= await this.#connect(signal);
      return await inTransaction(connection, statement, parameters, () => this.#waiting > 0);
    } catch (error) {
      if (!isServerError(error)) {
        connection?.end();
        this.#connection = undefined;
      }
      throw signal.aborted ? (signal.reason as Error) : this.#refusal(error);
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    const connection = await connect(this.#address, this.#redactor, signal);
    this.#connection = connection;
    // A server that goes away while nothing is asked: the next statement opens another.
    connection.client.once('end', () => {
      if (this.#connection === connection) this.#connection = undefined;
    });
    return connection;
  }

  #refusal(error: unknown): Error {
    if (error instanceof Refused || error instanceof Unavailable) return error;
    if (isServerError(error)) return new Refused(error.code, this.#redactor.text(error.message));
    if (errnoOf(error) !== undefined) return refusedBy(error);
    const message = error instanceof Error ? error.message : String(error);
    // The driver's own words where it has no code: a login that the server and it cannot agree on.
    if (message.startsWith('SASL')) return new Refused('SASL', this.#redactor.text(message));
    if (message.startsWith('Connection terminated') || message.endsWith('not queryable')) return closedEarly();
    return error instanceof Error ? error : new Error(message);
  }
}

/** An error that the server sent, with its SQLSTATE. Such a connection stays usable, unless it is the last word. */
function isServerError(error: unknown): error is Error & { code: string; severity: string } {
  return error instanceof Error && 'severity' in error && /^[0-9A-Z]{5}$/.test(errnoOf(error) ?? '');
}

interface Connection {
  readonly client: Client;
  /** When the open transaction began, by `performance.now`; undefined when none is open. */
  begunMs: number | undefined;
  end(): void;
}

async function connect(address: PostgresAddress, redactor: Redactor, signal: AbortSignal): Promise<Connection> {
  const socket = await openPostgresSocket(address, signal);
  const end = (): void => socket.end();
  signal.addEventListener('abort', end, { once: true });
  try {
    const { user, database } = address;
    const client = new Client({
      user,
      database,
      password: () => passwordOf(address, redactor),
      application_name: 'caracal-debugger',
      ssl: false,
      stream: () => alreadyConnected(socket),
      types: { getTypeParser: (type: number) => parserOf(type) },
    });
    // The statement that waits is told as well; an event without a listener would end the process.
    client.on('error', () => undefined);
    await client.connect();
    return { client, begunMs: undefined, end };
  } catch (error) {
    socket.end();
    throw error;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

async function passwordOf(address: PostgresAddress, redactor: Redactor): Promise<string> {
  const password = address.password ?? (await passwordFromFile(address));
  if (password === undefined) {
    throw new Unavailable(`no password for ${address.user} at Postgres`, 'give it in the connection string, or in .pgpass');
  }
  redactor.learn(password, 'postgres password');
  return password;
}

/** The driver wants to connect its stream by itself; this one is connected and, if need be, encrypted. */
function alreadyConnected({ stream }: PostgresSocket): Socket {
  return Object.assign(stream, {
    connect(): Socket {
      process.nextTick(() => {
        stream.emit('connect');
        stream.resume();
      });
      return stream;
    },
  });
}

/** Runs a statement in the open transaction, or in a new one, and leaves it open for one that waits. */
async function inTransaction(
  connection: Connection,
  statement: string,
  parameters: readonly unknown[],
  anotherWaits: () => boolean,
): Promise<readonly Row[]> {
  const { client } = connection;
  if (connection.begunMs === undefined) {
    await client.query(begin);
    connection.begunMs = performance.now();
  }
  let failed = true;
  try {
    // The extended protocol takes one statement only: none can end the transaction and go on without it.
    const question: QueryConfig & { queryMode: 'extended' } = { text: statement, values: [...parameters], queryMode: 'extended' };
    const { rows } = await client.query<Row>(question);
    failed = false;
    return rows;
  } finally {
    if (failed || !anotherWaits() || performance.now() - connection.begunMs > transactionMs) {
      // Nothing was changed, so that both ends are the same, and this one also ends a failed transaction.
      connection.begunMs = undefined;
      await client.query('ROLLBACK');
    }
  }
}

/** Oids of pg_type, which never change: https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/catalog/pg_type.dat */
const oid = { bool: 16, int8: 20, int2: 21, int4: 23, oid: 26, json: 114, float4: 700, float8: 701, timestamp: 1114, timestamptz: 1184, jsonb: 3802 };

/** The oid of `text[]`, whose parser takes the form of any array apart. */
const textArray = 1009;
/** The driver's types list base types only. */
const textArrayParser = types.getTypeParser as (type: number) => (text: string) => unknown;

/** Arrays by their elements: bool, name, int2, int4, text, varchar, int8, oid, timestamptz, numeric, uuid. */
const elementOf: Readonly<Record<number, number>> = {
  1000: oid.bool, 1003: 19, 1005: oid.int2, 1007: oid.int4, [textArray]: 25, 1015: 1043, 1016: oid.int8, 1028: oid.oid, 1185: oid.timestamptz, 1231: 1700, 2951: 2950,
};

/**
 * Values as plain JSON: integers and floats as numbers (as text where a number cannot hold them),
 * `timestamptz` and `timestamp` as ISO 8601 with all the digits there are, `json` parsed, arrays of
 * the usual types as arrays; all else, `numeric` among it, as Postgres writes it.
 */
function parserOf(type: number): (text: string) => unknown {
  const element = elementOf[type];
  if (element !== undefined) {
    const apart = textArrayParser(textArray);
    return (text) => eachElement(apart(text), parserOf(element));
  }
  switch (type) {
    case oid.bool:
      return (text) => text === 't';
    case oid.int2:
    case oid.int4:
    case oid.oid:
    case oid.int8:
      return (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
    case oid.float4:
    case oid.float8:
      return (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
    case oid.timestamp:
      return (text) => text.replace(' ', 'T');
    case oid.timestamptz:
      return (text) => text.replace(' ', 'T').replace(/\+00$/, 'Z');
    case oid.json:
    case oid.jsonb:
      return (text) => JSON.parse(text) as unknown;
    default:
      return (text) => text;
  }
}

function eachElement(value: unknown, parse: (text: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((element: unknown) => eachElement(element, parse));
  return typeof value === 'string' ? parse(value) : value;
}
