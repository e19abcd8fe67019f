import { chmod, mkdtemp } from 'node:fs/promises';
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
