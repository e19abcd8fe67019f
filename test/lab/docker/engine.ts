import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { globalAgent } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Docker from 'dockerode';
import { withLock } from '../../../scripts/lib/lock.mjs';
import { guardAgainstLeftovers } from '../stores/guard.ts';
import { descendantsOf, freeze, goneWithin, sendSignal } from '../stores/processes.ts';
import { createScratchFolder } from '../stores/scratch.ts';

/** A Docker Engine for labs. */
export type Engine = {
  readonly docker: Docker;
  /** As in DOCKER_HOST: `unix:///…`. */
  readonly host: string;
  /** Whether it is the lab's own, which alone can be stopped. */
  readonly own: boolean;
  /** Ends the engine in order, and its containers with it; those that are to run start again with it.
   *  @throws Error when the engine is not the lab's own */
  stop(): Promise<void>;
  /** @throws Error with the end of the engine's log */
  start(): Promise<void>;
  /** The engine takes connections and answers nothing; its containers run on.
   *  @throws Error when the engine is not the lab's own or does not run */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends the engine and deletes everything of it; an engine that was there before is left as it is. */
  close(): Promise<void>;
};

const supervisor = fileURLToPath(new URL('engine-process.sh', import.meta.url));
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const PROGRAMS = ['dockerd', 'containerd', 'runc', 'docker-proxy', 'docker-init', 'iptables', 'ip', 'unshare'];
const START_LIMIT_MS = 30_000;
/** The longest grace that a container of a project has, and what the engine itself needs. */
const STOP_LIMIT_MS = 30_000;
const KILL_LIMIT_MS = 10_000;
const POLL_MS = 25;
const LOG_LINES_IN_ERROR = 15;
const LOCK = fileURLToPath(new URL('../../../.vscode-test/engine.lock', import.meta.url));

/**
 * Starts a Docker Engine of its own where root may do so, and takes the one that is there otherwise:
 * that of DOCKER_HOST, else of the default socket. An engine that is there is used by one process of
 * tests at a time. When this process ends, in whatever way, nothing of an own engine survives.
 *
 * @throws Error with the one command that installs an engine; of an own engine that does not start
 */
export async function provideEngine(): Promise<Engine> {
  if (process.getuid?.() === 0 && PROGRAMS.every(isInstalled)) return startOwn();
  const docker = new Docker();
  if (await answers(docker)) return takeOver(docker);
  throw new Error(`No Docker Engine answers here. Install with: ${process.platform === 'darwin' ? 'brew install --cask docker' : 'sudo apt-get install -y docker.io apparmor iproute2'}`);
}

/**
 * Does `work` as an account that may not use the engine's socket: whatever connects to it meanwhile
 * gets EACCES. The whole process has that account for as long.
 */
export async function withoutPermission<Result>(work: () => Promise<Result>): Promise<Result> {
  const { geteuid, seteuid } = process;
  if (geteuid?.() !== 0 || seteuid === undefined) throw new Error('only root can take an account of fewer rights');
  // A connection that is open already would still be used.
  globalAgent.destroy();
  seteuid('nobody');
  try {
    return await work();
  } finally {
    seteuid(0);
  }
}

async function startOwn(): Promise<Engine> {
  const folder = await createScratchFolder('caracal-engine-');
  const guard = guardAgainstLeftovers({ signal: 'SIGTERM', scratch: folder });
  const socket = join(folder, 'docker.sock');
  const docker = new Docker({ socketPath: socket });
  const addresses = freeAddresses();
  const group = `caracal-engine-${String(process.pid)}-${String(sequence)}`;
  let supervised: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    if (supervised !== undefined) return;
    const log = openSync(join(folder, 'engine.log'), 'a');
    const child = spawn('sh', [supervisor, folder, addresses, group], {
      detached: true, stdio: ['ignore', log, log], env: { ...process.env, PATH: [process.env['PATH'], ...SYSTEM_FOLDERS].join(':') },
    });
    closeSync(log);
    supervised = child;
    guard.update(child.pid);
    child.once('exit', () => {
      supervised = undefined;
      guard.update(undefined);
    });
    const deadline = performance.now() + START_LIMIT_MS;
    while (!await answers(docker)) {
      const late = performance.now() > deadline;
      if (late) await end('SIGTERM', KILL_LIMIT_MS);
      if (late || child.exitCode !== null) throw new Error(`The Docker Engine did not start:\n${endOf(join(folder, 'engine.log'))}`);
      await delay(POLL_MS);
    }
    // Without its group, another account alone is enough to be refused.
    await chmod(socket, 0o600);
  };
  const end = async (signal: NodeJS.Signals, limitMs: number): Promise<void> => {
    const child = supervised;
    if (child?.pid === undefined) return;
    const gone = once(child, 'exit');
    const tree = [child.pid, ...descendantsOf(child.pid)];
    sendSignal(signal === 'SIGTERM' ? child.pid : daemon(), signal === 'SIGTERM' ? signal : 'SIGTERM');
    if (!await goneWithin(tree, limitMs)) throw new Error(`The Docker Engine does not end:\n${endOf(join(folder, 'engine.log'))}`);
    await gone;
  };
  /** The process of `dockerd`: the first one of its namespace. */
  const daemon = (): number => {
    const [, pid] = supervised?.pid === undefined ? [] : descendantsOf(supervised.pid);
    if (pid === undefined) throw new Error('The Docker Engine is not running');
    return pid;
  };

  try {
    await writeFile(join(folder, 'daemon.json'), '{}\n');
    await start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    guard.release();
    throw error;
  }
  return {
    docker, host: `unix://${socket}`, own: true, start,
    stop: async () => {
      if (supervised !== undefined) sendSignal(daemon(), 'SIGCONT');
      await end('SIGINT', STOP_LIMIT_MS);
    },
    freeze: () => freeze(daemon()),
    thaw: () => Promise.resolve(sendSignal(daemon(), 'SIGCONT')),
    close: async () => {
      await end('SIGTERM', KILL_LIMIT_MS);
      await rm(folder, { recursive: true, force: true });
      guard.release();
    },
  };
}

/** An engine that was there before: nothing but what labs create is touched. */
async function takeOver(docker: Docker): Promise<Engine> {
  const { promise: released, resolve: release } = Promise.withResolvers<undefined>();
  const { promise: taken, resolve: take, reject } = Promise.withResolvers<undefined>();
  withLock(LOCK, () => undefined, () => {
    take(undefined);
    return released;
  }).catch(reject);
  await taken;
  const refuse = (): Promise<never> => Promise.reject(new Error('This Docker Engine was there before the lab, which may not stop it'));
  return {
    docker, own: false, stop: refuse, start: refuse, freeze: refuse, thaw: refuse,
    host: process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock',
    close: () => Promise.resolve(release(undefined)),
  };
}

let sequence = 0;

/**
 * Private addresses that no other engine of the lab gives out: each process takes a range of its own,
 * as far as these reach, and none that the machine has an address in.
 */
function freeAddresses(): string {
  const taken = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []).map(({ address }) => address);
  for (;;) {
    sequence += 1;
    const range = (process.pid * 7 + sequence) % 1024;
    const [second, third] = [192 + (range >> 4), (range & 15) << 4];
    const inside = taken.some((address) => {
      const [a, b, c] = address.split('.').map(Number);
      return a === 10 && b === second && ((c ?? 0) & 0xf0) === third;
    });
    if (!inside) return `10.${String(second)}.${String(third)}.0/20`;
  }
}

function isInstalled(program: string): boolean {
  return SYSTEM_FOLDERS.some((folder) => existsSync(join(folder, program)));
}

async function answers(docker: Docker): Promise<boolean> {
  return docker.ping().then(() => true, () => false);
}

function endOf(logFile: string): string {
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_IN_ERROR).join('\n');
}
