import { win32 } from 'node:path';

/**
 * A path that a container was given, as this machine has it: Docker Desktop puts the place where its virtual
 * machine sees the disk in front. Undefined for a path that is on no disk of this machine.
 */
export function localPath(source: string, platform: NodeJS.Platform): string | undefined {
  const path = source.replace(/^(?:\/run\/desktop\/mnt\/host|\/host_mnt)(?=\/)/, '');
  if (platform !== 'win32') return path.startsWith('/') ? path : undefined;
  // A path of a network share would send the user's credentials there.
  const drive = path.replace(/^\/([a-z])(?=\/|$)/i, '$1:');
  return /^[a-z]:[\\/]/i.test(drive) ? win32.normalize(drive) : undefined;
}
