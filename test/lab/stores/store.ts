import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Guarded } from './guard.ts';
import { descendantsOf, freeze, goneWithin, sendSignal } from './processes.ts';

export type StoreState = 'running' | 'frozen' | 'stopped' | 'closed';

/** A real store of the lab: one server process (and its children) on its own data folder. */
export interface StoreHandle {
  /** TCP port on 127.0.0.1; the same for the whole life of the handle. */
  readonly port: number;
  /** Process id of the server while it runs or is frozen, else undefined. */
  readonly pid: number | undefined;
  readonly state: StoreState;
  /** The server's own log, in its own format. */
  readonly logFile: string;
  /** Starts the server again on the same data and resolves once it accepts connections.
   *  @throws Error with the end of the log when the server ends, is stopped or is not ready in 180 s */
  start(): Promise<void>;
  /** Shuts down and resolves when no process of the store is left. Works on a store that is frozen or starting. */
  stop(): Promise<void>;
  /** Stops every process of the store where it stands: open connections get no further answer,
   *  new ones are accepted by the kernel and get none either.
   *  @throws Error when the store is not running */
  freeze(): Promise<void>;
  /** Lets a frozen store continue. */
  thaw(): Promise<void>;
  /** Stops the store and deletes its folder; the handle is of no use afterwards. */
  close(): Promise<void>;
}

export interface StoreSpec {
  /** Name for error messages. */
  name: string;
  port: number;
  /** Everything of the store; deleted by `close`. */
  directory: string;
  logFile: string;
  guard: Guarded;
  /** Starts the server process, detached from the terminal's process group. */
  spawn(): ChildProcess;
  /** Whether the process with this id accepts connections. */
  isReady(pid: number): Promise<boolean>;
  /** Signal of an orderly shutdown that does not wait for clients. */
  stopSignal: NodeJS.Signals;
}

/** A Redis with much to read takes its time. */
const START_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 10;
const LOG_LINES_IN_ERROR = 15;

/** The life cycle shared by both stores. Calls are carried out one after another, in call order. */
export class Store implements StoreHandle {
  readonly #spec: StoreSpec;
  #server: ChildProcess | undefined;
  #frozen: readonly number[] = [];
  #closed = false;
  /** Stops that wait for their turn: a start that waits for its server makes way. */
  #stopsAhead = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(spec: StoreSpec) {
    this.#spec = spec;
  }

  get port(): number {
    return this.#spec.port;
  }

  get pid(): number | undefined {
    return this.#server?.pid;
  }

  get logFile(): string {
    return this.#spec.logFile;
  }

  get state(): StoreState {
    if (this.#closed) {
      return 'closed';
    }
    if (this.#server === undefined) {
      return 'stopped';
    }
    return this.#frozen.length > 0 ? 'frozen' : 'running';
  }

  start(): Promise<void> {
    return this.#inTurn(() => this.#start());
  }

  stop(): Promise<void> {
    return this.#interruptingStart(() => this.#stop());
  }

  freeze(): Promise<void> {
    return this.#inTurn(() => this.#freeze());
  }

  thaw(): Promise<void> {
    return this.#inTurn(() => {
      this.#thaw();
    });
  }

  close(): Promise<void> {
    return this.#interruptingStart(async () => {
      await this.#stop();
      await rm(this.#spec.directory, { recursive: true, force: true });
      this.#spec.guard.release();
      this.#closed = true;
    });
  }

  async #interruptingStart(stop: () => Promise<void>): Promise<void> {
    this.#stopsAhead += 1;
    try {
      await this.#inTurn(stop);
    } finally {
      this.#stopsAhead -= 1;
    }
  }

  #inTurn(action: () => Promise<void> | void): Promise<void> {
    const result = this.#last.then(() => {
      if (this.#closed) {
        throw new Error(`${this.#spec.name}: the store has been closed`);
      }
      return action();
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #start(): Promise<void> {
    if (this.#server !== undefined) {
      return;
    }
    const server = this.#spec.spawn();
    this.#spec.guard.update(server.pid);
    const pid = await spawned(server);
    this.#server = server;
    server.once('exit', () => {
      this.#server = undefined;
      this.#frozen = [];
      this.#spec.guard.update(undefined);
    });
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!await this.#spec.isReady(pid)) {
      if (this.pid !== pid) {
        throw new Error(`${this.#spec.name} ended while starting:\n${this.#logTail()}`);
      }
      if (this.#stopsAhead > 0) throw new Error(`${this.#spec.name} was stopped while starting`);
      if (Date.now() > deadline) {
        await this.#stop();
        throw new Error(`${this.#spec.name} was not ready in ${String(START_TIMEOUT_MS)} ms:\n${this.#logTail()}`);
      }
      await delay(POLL_MS);
    }
  }

  async #stop(): Promise<void> {
    const pid = this.pid;
    if (pid === undefined) {
      return;
    }
    this.#thaw();
    const tree = [pid, ...descendantsOf(pid)];
    sendSignal(pid, this.#spec.stopSignal);
    if (!await goneWithin(tree, STOP_TIMEOUT_MS)) {
      tree.forEach((member) => {
        sendSignal(member, 'SIGKILL');
      });
      if (!await goneWithin(tree, STOP_TIMEOUT_MS)) {
        throw new Error(`${this.#spec.name}: processes ${tree.join(', ')} do not end`);
      }
    }
    // The table says gone; the exit event, which resets our state, may still be on its way.
    while (this.#server !== undefined) {
      await delay(1);
    }
  }

  async #freeze(): Promise<void> {
    const pid = this.pid;
    if (pid === undefined) {
      throw new Error(`${this.#spec.name} is not running, so it cannot be frozen`);
    }
    // The parent first: from then on it starts no further children.
    await freeze(pid);
    const children = descendantsOf(pid);
    await Promise.all(children.map((child) => freeze(child)));
    this.#frozen = [pid, ...children];
  }

  #thaw(): void {
    this.#frozen.toReversed().forEach((pid) => {
      sendSignal(pid, 'SIGCONT');
    });
    this.#frozen = [];
  }

  #logTail(): string {
    return readFileSync(this.#spec.logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_IN_ERROR).join('\n');
  }
}

/** The process id, once the operating system has really started the program. */
async function spawned(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('spawn', () => {
    resolve(child.pid ?? 0);
  });
  return promise;
}
