// Plain JavaScript, because the bootstrap uses it on Node 20 before anything is installed.
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 250;
/** No installation takes this long; a holder that seems to is another process with the same number. */
const MAX_AGE_MS = 15 * 60_000;

/** Who holds the lock and since when, or undefined when it was just given back. */
function holderOf(file) {
  try {
    return { pid: Number(readFileSync(file, 'utf8')), age: Date.now() - statSync(file).mtimeMs };
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The lock appears with its content, by a link, so that nobody reads a half-written holder. */
function tryToTake(file) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

export async function withLock(file, onWait, work) {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  while (!tryToTake(file)) {
    const holder = holderOf(file);
    if (holder !== undefined && (holder.age > MAX_AGE_MS || !isAlive(holder.pid))) {
      rmSync(file, { force: true });
      continue;
    }
    if (!told && holder !== undefined) {
      onWait(holder.pid);
      told = true;
    }
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}
