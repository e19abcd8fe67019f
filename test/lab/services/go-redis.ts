import { once } from 'node:events';
import { Redis, ReplyError } from 'ioredis';
import { DeadlineExceeded, within } from './deadline.ts';

/** Limits of go-redis as the services set them (contract, deploy 5.2): read timeout, three repetitions. */
const READ_TIMEOUT_MS = 3000;
const ATTEMPTS = 4;
const RECONNECT_MS = 100;
/** go-redis adds this to the time that a blocking command asks for. */
const BLOCKING_EXTRA_MS = 10_000;

/**
 * A Redis client that behaves like go-redis: no queue while the server is away, a few attempts, and
 * an error within the caller's time budget at the latest.
 */
export class GoRedis {
  readonly #client: Redis;
  readonly #blocking: Redis;
  #lastError: Error | undefined;

  constructor(url: string) {
    const options = {
      enableOfflineQueue: false, maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false, connectTimeout: 5000,
      retryStrategy: () => RECONNECT_MS,
    };
    this.#client = new Redis(url, options);
    this.#blocking = new Redis(url, options);
    for (const client of [this.#client, this.#blocking]) {
      client.on('error', (error: Error) => {
        this.#lastError = error;
      });
    }
  }

  /**
   * Runs one command or pipeline.
   *
   * @param budgetMs what is left of the caller's own time limit; without one the client's limits count
   */
  async run<Result>(command: (client: Redis) => Promise<Result>, budgetMs = READ_TIMEOUT_MS * ATTEMPTS): Promise<Result> {
    const deadline = Date.now() + budgetMs;
    for (let attempt = 1; ; attempt += 1) {
      const remaining = deadline - Date.now();
      if (remaining <= 0) throw this.#lastError ?? new DeadlineExceeded('context deadline exceeded');
      try {
        await this.#connected(this.#client, remaining);
        return await within(command(this.#client), Math.min(deadline - Date.now(), READ_TIMEOUT_MS), 'i/o timeout');
      } catch (error) {
        // An answer of the server is final, a broken connection is not.
        if (error instanceof ReplyError || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** Runs a blocking read on a connection of its own. A server that does not even answer in time loses it. */
  async block<Result>(blockMs: number, command: (client: Redis) => Promise<Result>): Promise<Result> {
    await this.#connected(this.#blocking, READ_TIMEOUT_MS);
    try {
      return await within(command(this.#blocking), blockMs + BLOCKING_EXTRA_MS, 'i/o timeout');
    } catch (error) {
      if (error instanceof DeadlineExceeded) this.#blocking.disconnect(true);
      throw error;
    }
  }

  close(): void {
    this.#client.disconnect();
    this.#blocking.disconnect();
  }

  /** @throws the connection error of the next attempt, or DeadlineExceeded */
  async #connected(client: Redis, budgetMs: number): Promise<void> {
    if (client.status === 'ready') return;
    try {
      await once(client, 'ready', { signal: AbortSignal.timeout(budgetMs) });
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') throw new DeadlineExceeded('context deadline exceeded');
      throw error;
    }
  }
}
