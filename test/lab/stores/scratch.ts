import { chmod, mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new folder below the system's temporary folder that other accounts may enter but not list, so
 * that root can start PostgreSQL, which runs as an unprivileged account, in it. `mkdtemp` alone
 * makes it accessible to its owner only.
 */
export async function createScratchFolder(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  await chmod(folder, 0o711);
  return folder;
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
