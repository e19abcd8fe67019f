import { AbstractConnector, Redis } from 'ioredis';
import type { Redactor } from '../../redaction/redactor.ts';
import { errnoOf } from '../smallFile.ts';
import { Refused, Unavailable } from '../failures.ts';
import type { RedisAddress } from './redisAddress.ts';
import { requireReading, withNames } from './redisCommands.ts';
import { openRedisSocket } from './redisSocket.ts';
import type { RedisSocket } from './redisSocket.ts';
import { refusedBy } from './sockets.ts';

interface Connection {
  readonly client: Redis;
  end(): void;
}

/** A session of one run: connects with the first command, and again after a connection was lost. */
export class RedisSession {
  readonly #address: RedisAddress;
  readonly #redactor: Redactor;
  readonly #closed: AbortSignal;
  #connection: Promise<Connection> | undefined;

  /** @param closed Aborted when the deployment is closed; ends what is open. */
  constructor(address: RedisAddress, redactor: Redactor, closed: AbortSignal) {
    this.#address = address;
    this.#redactor = redactor;
    this.#closed = closed;
  }

  /**
   * Sends one command. Commands share the connection, so an abort drops the answer and leaves the
   * connection to the others until the deployment is closed.
   *
   * @throws Refused with the first word of the Redis error, or the errno; Unavailable when Redis wants
   *   a password and none is given; the signal's reason; Error for a command that could change something.
   */
  async call(command: readonly string[], signal: AbortSignal): Promise<unknown> {
    requireReading(command);
    const either = AbortSignal.any([signal, this.#closed]);
    either.throwIfAborted();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(either.reason as Error);
    either.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([aborted, this.#call(command)]);
    } catch (error) {
      throw either.aborted ? (either.reason as Error) : this.#refusal(error);
    } finally {
      either.removeEventListener('abort', abort);
    }
  }

  async #call(command: readonly string[]): Promise<unknown> {
    const { client } = await this.#connected();
    const [name = '', ...parameters] = command;
    return withNames(command, await client.call(name, ...parameters));
  }

  #connected(): Promise<Connection> {
    if (!this.#connection) {
      const lost = (): void => {
        if (this.#connection === connection) this.#connection = undefined;
      };
      const connection = connect(this.#address, this.#closed, lost);
      this.#connection = connection;
      connection.catch(lost);
    }
    return this.#connection;
  }

  #refusal(error: unknown): Error {
    if (error instanceof Refused || error instanceof Unavailable) return error;
    if (!(error instanceof Error)) return new Error(String(error));
    const [, word] = /^([A-Z]+)\b/.exec(error.message) ?? [];
    if (error.name === 'ReplyError' && word !== undefined) {
      if (word === 'NOAUTH' && this.#address.password === undefined) {
        return new Unavailable('no password for Redis', 'give it in the connection string of Redis');
      }
      return new Refused(word, this.#redactor.text(error.message.slice(word.length).trim() || 'refused'));
    }
    if (error.name === 'ParserError' || error.message.startsWith('Unknown RESP type')) return new Refused('NOT_REDIS', 'what listens there does not speak the protocol of Redis');
    if (errnoOf(error) !== undefined || /closed|writeable/i.test(error.message)) return refusedBy(error);
    return error;
  }
}

/**
 * Opens a connection and logs in. The client library gets a socket that is open already and is told
 * no password, so that it neither retries, nor logs in by its own rules, nor writes to the console.
 */
async function connect(address: RedisAddress, closed: AbortSignal, lost: () => void): Promise<Connection> {
  const socket = await openRedisSocket(address, closed);
  const client = new Redis({
    lazyConnect: true,
    Connector: connectorOf(socket),
    protocol: 2,
    retryStrategy: null,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
  });
  const end = (): void => {
    client.disconnect();
    socket.end();
  };
  // Commands that wait are told as well; an event without a listener would be printed.
  client.on('error', () => undefined);
  client.once('end', lost);
  closed.addEventListener('abort', end, { once: true });
  client.once('end', () => closed.removeEventListener('abort', end));
  try {
    await client.connect();
    await logIn(client, address);
    return { client, end };
  } catch (error) {
    end();
    throw error;
  }
}

async function logIn(client: Redis, { user, password, database }: RedisAddress): Promise<void> {
  if (password !== undefined) {
    try {
      await client.call('auth', ...(user === undefined ? [password] : [user, password]));
    } catch (error) {
      // A server without a password lets everybody in, so one too many does no harm.
      if (!(error instanceof Error && error.message.includes('without any password configured'))) throw error;
    }
  }
  if (database !== 0) await client.call('select', String(database));
}

/** What the library asks for a connection. */
function connectorOf({ stream, end }: RedisSocket) {
  return class extends AbstractConnector {
    constructor() {
      super(0);
    }

    override connect(): Promise<RedisSocket['stream']> {
      return Promise.resolve(stream);
    }

    override disconnect(): void {
      end();
    }
  };
}
