import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually } from '../eventually.ts';
import { guardAgainstLeftovers, type Guarded } from '../stores/guard.ts';
import { freeze, goneWithin, sendSignal } from '../stores/processes.ts';

export type ServiceName = 'api' | 'sts' | 'gateway' | 'audit' | 'coordinator' | 'web';

export type ServiceSpec = {
  name: string;
  /** Program beside this file. */
  program: string;
  port: number;
  environment: Readonly<Record<string, string>>;
  /** Receives stdout and stderr, as a container log does. */
  logFile: string;
  /** Folder to delete when everything ends; absent when the service keeps none. */
  scratch?: string;
};

/** One stand-in, as a process of its own. */
export type ServiceHandle = {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly logFile: string;
  /** Process id while it runs or is frozen. */
  readonly pid: number | undefined;
  /** Starts it and resolves once it answers `/health` with anything.
   *  @throws Error with the end of the log when it ends instead */
  start(): Promise<void>;
  /** SIGTERM and the orderly end; resolves when the process is gone. Works on a frozen service. */
  stop(): Promise<void>;
  /** SIGTERM alone: the service drains as long as calls are under way. */
  terminate(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Open connections get no further answer, new ones are accepted by the kernel and get none either. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
};

/** Longest orderly end: the Node services' own limit. */
const STOP_LIMIT_MS = 20_000;
const KILL_LIMIT_MS = 5000;
const START_LIMIT_MS = 20_000;
const LOG_LINES_IN_ERROR = 15;

/** Hundreds of processes load the same programs. */
const compileCache = fileURLToPath(new URL('../../../.vscode-test/compile-cache', import.meta.url));

export class ServiceProcess implements ServiceHandle {
  readonly #spec: ServiceSpec;
  readonly #guard: Guarded;
  #changed: Readonly<Record<string, string>> = {};
  #child: ChildProcess | undefined;

  constructor(spec: ServiceSpec) {
    this.#spec = spec;
    this.#guard = guardAgainstLeftovers({ signal: 'SIGKILL', ...(spec.scratch === undefined ? {} : { scratch: spec.scratch }) });
  }

  get name(): string {
    return this.#spec.name;
  }

  get port(): number {
    return this.#spec.port;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.#spec.port)}`;
  }

  get logFile(): string {
    return this.#spec.logFile;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const child = this.spawn();
    await eventually(`${this.name} answers`, async () => {
      if (this.#child !== child) throw new Error(`${this.name} ended while starting:\n${this.#logTail()}`);
      return fetch(`${this.url}/health`, { signal: AbortSignal.timeout(1000) }).then((response) => response.body?.cancel().then(() => true) ?? true, () => false);
    }, START_LIMIT_MS);
  }

  /** Changes environment variables for the next start. */
  configure(environment: Readonly<Record<string, string>>): void {
    this.#changed = { ...this.#changed, ...environment };
  }

  /** Starts the process alone, for programs without a port of their own. */
  spawn(): ChildProcess {
    const { program, environment, logFile } = this.#spec;
    const log = openSync(logFile, 'a');
    // PATH and the like only: no variable of the caller may change what a stand-in does.
    const child = spawn(process.execPath, [fileURLToPath(new URL(program, import.meta.url))], {
      env: { PATH: process.env['PATH'], TZ: 'Etc/UTC', NODE_COMPILE_CACHE: compileCache, ...environment, ...this.#changed }, stdio: ['ignore', log, log], detached: true,
    });
    closeSync(log);
    this.#child = child;
    this.#guard.update(child.pid);
    child.once('exit', () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#guard.update(undefined);
    });
    return child;
  }

  terminate(): void {
    if (this.pid !== undefined) sendSignal(this.pid, 'SIGTERM');
  }

  async stop(): Promise<void> {
    await this.thaw();
    await this.#end('SIGTERM', STOP_LIMIT_MS);
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL', KILL_LIMIT_MS);
  }

  async freeze(): Promise<void> {
    const pid = this.pid;
    if (pid === undefined) throw new Error(`${this.name} is not running, so it cannot be frozen`);
    await freeze(pid);
  }

  async thaw(): Promise<void> {
    if (this.pid !== undefined) sendSignal(this.pid, 'SIGCONT');
    return Promise.resolve();
  }

  /** Kills it for good; the guard forgets it. */
  async close(): Promise<void> {
    await this.kill();
    this.#guard.release();
  }

  async #end(signal: NodeJS.Signals, limitMs: number): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    const gone = once(child, 'exit');
    sendSignal(child.pid, signal);
    if (!await goneWithin([child.pid], limitMs)) sendSignal(child.pid, 'SIGKILL');
    await gone;
  }

  #logTail(): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_IN_ERROR).join('\n');
  }
}
