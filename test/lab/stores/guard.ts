import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** What the guard process is told, one JSON document per line. */
export type GuardMessage =
  | {
    id: string;
    /** The process to end together with its descendants; absent while nothing runs. */
    pid?: number;
    /** Signal that makes it end at once. */
    signal: NodeJS.Signals;
    /** Folder to delete after that. */
    scratch?: string;
  }
  | { id: string; forget: true };

/** Keeps one thing from outliving this process. */
export interface Guarded {
  /** Names the process that must not survive, or nothing while none runs. */
  update(pid: number | undefined): void;
  /** Ends the protection; what is still running is the caller's again. */
  release(): void;
}

const watched = new Set<string>();
let guard: ChildProcess | undefined;
let sequence = 0;

/**
 * Protects against leftovers: a separate process holds the reading end of a pipe from this one.
 * The pipe closes however this process ends (return, exception, `process.exit`, SIGINT, SIGTERM,
 * even SIGKILL), and the guard then ends what is registered here. A handler inside this process
 * could not do that for SIGKILL or for a crash.
 */
export function guardAgainstLeftovers(options: { signal: NodeJS.Signals; scratch?: string }): Guarded {
  const id = String(sequence += 1);
  watched.add(id);
  tell({ id, ...options });
  return {
    update: (pid) => {
      tell(pid === undefined ? { id, ...options } : { id, pid, ...options });
    },
    release: () => {
      tell({ id, forget: true });
      watched.delete(id);
      if (watched.size === 0) {
        guard?.stdin?.end();
        guard = undefined;
      }
    },
  };
}

function tell(message: GuardMessage): void {
  guard ??= startGuard();
  guard.stdin?.write(`${JSON.stringify(message)}\n`);
}

function startGuard(): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL('guard-process.ts', import.meta.url))], {
    // Its own session, so that Ctrl-C in the terminal does not end the guard together with us.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  if (child.stdin instanceof Socket) {
    child.stdin.unref();
  }
  // A guard that somebody killed must not take the lab with it.
  child.stdin.on('error', () => undefined);
  return child;
}
