import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

const TAIL_LINES = 40;
const GRACE_MS = 5_000;
const POLL_MS = 50;


/** Runs a program to its end and keeps its output; rejects with the last lines when it fails. */
export async function run(command: string, args: string[], options: SpawnOptions = {}): Promise<string> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const code = await exitCode(child);
  if (code !== 0) {
    const tail = output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
    throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${tail}`);
  }
  return output;
}

/** Runs a program on this process's own terminal and stops it when this process is told to stop; returns its exit code. */
export async function runInherited(command: string, args: string[], options: SpawnOptions = {}): Promise<number> {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  const stop = (signal: NodeJS.Signals): boolean => child.kill(signal);
  // Ctrl-C needs no help: a terminal sends it to the child as well.
  process.on('SIGTERM', stop).on('SIGHUP', stop);
  try {
    return await exitCode(child);
  } finally {
    process.off('SIGTERM', stop).off('SIGHUP', stop);
  }
}

/** The exit code of a child; 1 when a signal ended it; rejects when it could not be started. */
async function exitCode(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

/** Services that have not been ended; none may outlive this process. */
const running = new Set<number>();

function killRunning(): void {
  for (const pid of running) signalGroup(pid, 'SIGKILL');
}

process.on('exit', killRunning);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    // Where somebody else listens, he ends what he started.
    if (process.listenerCount(signal) > 0) return;
    killRunning();
    process.kill(process.pid, signal);
  });
}

/** A long-running program in a process group of its own, so that its children can be ended with it. */
export class Service {
  readonly #title: string;
  readonly #child: ChildProcess;
  readonly #tail: string[] = [];
  readonly #onLine = new Set<(line: string) => void>();

  /** Starts the program; `onLine` receives every line of its output. */
  constructor(title: string, command: string, args: string[], options: SpawnOptions = {}) {
    this.#title = title;
    this.#child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    if (this.#child.pid !== undefined) running.add(this.#child.pid);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#receive(line));
    }
  }

  #receive(line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    for (const listener of this.#onLine) listener(line);
  }

  /** Calls back for every line that the program prints from now on. */
  onLine(listener: (line: string) => void): void {
    this.#onLine.add(listener);
  }

  /** Calls back once when the program has ended by itself or was ended. */
  onEnd(listener: () => void): void {
    this.#child.once('close', listener);
  }

  /** Waits for a line of output that matches; rejects when the program ends first or takes too long. */
  async waitForLine(pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = (line: string): void => {
      const match = pattern.exec(line);
      if (match) resolve(match);
    };
    const refuse = (why: string): void => reject(new Error(`${this.#title} ${why}\n${this.#tail.join('\n')}`));
    const timer = setTimeout(() => refuse(`was not ready within ${deadlineMs / 1000} s`), deadlineMs);
    this.onLine(look);
    this.#child.once('error', (error) => refuse(`could not be started: ${error.message}`));
    this.onEnd(() => refuse('ended before it was ready'));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#onLine.delete(look);
    }
  }

  /**
   * Ends the program and everything it started. The program is asked first, so that it can end its
   * children in its own order; what is left after the grace is killed.
   */
  async end(graceMs = GRACE_MS): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined) return;
    this.#child.kill('SIGTERM');
    const deadline = Date.now() + graceMs;
    while (signalGroup(pid, 0)) {
      if (Date.now() > deadline) signalGroup(pid, 'SIGKILL');
      // An orphan knows nothing of the order to end.
      else if (this.#child.exitCode !== null || this.#child.signalCode !== null) signalGroup(pid, 'SIGTERM');
      await delay(POLL_MS);
    }
    running.delete(pid);
  }
}

/** Signals a process group; false when nobody is left in it. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
