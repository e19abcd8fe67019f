import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** One row of the process table; zombies are left out, because nothing of them runs any more. */
interface ProcessRow { pid: number; parent: number }

/**
 * All descendants of a process, nearest first. PostgreSQL's backends each start their own process
 * group, so a group signal would miss them: the parent links are the only complete description.
 */
export function descendantsOf(pid: number): number[] {
  const table = processTable();
  const found: number[] = [];
  for (let parents = [pid]; parents.length > 0;) {
    const children = table.filter((row) => parents.includes(row.parent)).map((row) => row.pid);
    found.push(...children);
    parents = children;
  }
  return found;
}

/** Whether the process exists and is more than an unreaped zombie. */
export function isRunning(pid: number): boolean {
  return processTable().some((row) => row.pid === pid);
}

/** Sends a signal; a process that is already gone is not an error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) {
      throw error;
    }
  }
}

/** Stops a process where it stands, and resolves when none of its threads runs any more. */
export async function freeze(pid: number): Promise<void> {
  sendSignal(pid, 'SIGSTOP');
  while (threadStates(pid).some((state) => !/^[TtZX]/.test(state))) await delay(1);
}

/** None for a process that is gone. */
function threadStates(pid: number): string[] {
  if (process.platform !== 'linux') return execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).trim().split('\n');
  const folder = `/proc/${String(pid)}/task`;
  return unlessEnded(() => readdirSync(folder), []).map((thread) =>
    unlessEnded(() => {
      const stat = readFileSync(`${folder}/${thread}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2);
    }, 'X'),
  );
}

function unlessEnded<Value>(read: () => Value, ended: Value): Value {
  try {
    return read();
  } catch {
    return ended;
  }
}

/** Resolves to whether all of the processes were gone within `timeoutMs` milliseconds. */
export async function goneWithin(pids: readonly number[], timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const running = new Set(processTable().map((row) => row.pid));
    if (!pids.some((pid) => running.has(pid))) {
      return true;
    }
    if (Date.now() >= deadline) {
      return false;
    }
    await delay(10);
  }
}

function processTable(): ProcessRow[] {
  // Slim systems have no `ps`; others have no /proc.
  return process.platform === 'linux' ? tableFromProc() : tableFromPs();
}

function tableFromProc(): ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) {
      continue;
    }
    let stat: string;
    try {
      stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
    } catch {
      continue; // ended since the directory was listed
    }
    // `pid (command) state parent …`; the command may itself contain spaces and parentheses.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state !== 'Z' && state !== 'X') {
      rows.push({ pid: Number(entry), parent: Number(parent) });
    }
  }
  return rows;
}

function tableFromPs(): ProcessRow[] {
  const listing = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,state='], { encoding: 'utf8' });
  return listing.trim().split('\n').map((line) => line.trim().split(/\s+/))
    .filter(([, , state]) => state?.startsWith('Z') === false)
    .map(([pid, parent]) => ({ pid: Number(pid), parent: Number(parent) }));
}
