import { chmod, mkdir, mkdtemp, readdir, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Linux' file system in memory, where a flush costs nothing: it takes half a second from the start of a lab. */
const inMemory = '/dev/shm';
/** Labs that run side by side, and the images of a Docker Engine. */
const roomOfLabs = 8 * 1024 ** 3;

/**
 * A new folder that other accounts may enter but not list, so that root can start PostgreSQL, which runs
 * as an unprivileged account, in it. `mkdtemp` alone makes it accessible to its owner only. It is in memory
 * where there is plenty, else, and where TMPDIR asks for it, below the system's temporary folder.
 */
export async function createScratchFolder(prefix: string): Promise<string> {
  const isMemory = process.env['TMPDIR'] === undefined && await hasRoomInMemory();
  const folder = await mkdtemp(join(isMemory ? inMemory : tmpdir(), prefix));
  await chmod(folder, 0o711);
  return folder;
}

async function hasRoomInMemory(): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(inMemory);
    return Math.min(bavail * bsize, freemem()) > roomOfLabs;
  } catch {
    return false;
  }
}

/**
 * Creates a store's folder, or takes an empty one. `close` and the guard delete the folder with all
 * that is in it, so one with content is never taken.
 *
 * @throws Error when the folder has content
 */
export async function claimFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) {
    throw new Error(`${folder} is not empty: a store needs a folder of its own, which is deleted with it`);
  }
}
