import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ContainerFacts, SecretFileFacts } from '../../model/compose.ts';
import type { FoundSecrets, SecretFile } from '../secretsFolder.ts';
import { secretsIn } from '../secretsFolder.ts';
import { errnoOf } from '../smallFile.ts';
import { localPath } from './localPath.ts';

const mountFolder = '/run/secrets/';

/** The files that containers get as secrets, as they are on this machine. Their content is not read. */
export async function secretFilesOf(containers: readonly ContainerFacts[], platform: NodeJS.Platform): Promise<SecretFileFacts[]> {
  const mounts = new Map(mountsOf(containers, platform).map((mount) => [`${mount.service} ${mount.target}`, mount]));
  return Promise.all([...mounts.values()].map(async (mount) => ({ ...mount, ...(await stateOf(mount.source)) })));
}

/** Folders on this machine that secrets come from, that of most secrets first. */
export function secretFolders(containers: readonly ContainerFacts[], platform: NodeJS.Platform): readonly string[] {
  const counts = new Map<string, number>();
  for (const { source } of mountsOf(containers, platform)) counts.set(dirname(source), (counts.get(dirname(source)) ?? 0) + 1);
  return [...counts].toSorted(([, one], [, other]) => other - one).map(([folder]) => folder);
}

/** The secrets in these folders that a deployment is read with; the first folder that has one counts. */
export async function secretsOf(folders: readonly string[]): Promise<FoundSecrets> {
  const all = new Map<SecretFile, { readonly file: string }>();
  for (const { found } of await Promise.all(folders.map(secretsIn))) {
    for (const [name, reference] of found) {
      if (!all.has(name)) all.set(name, reference);
    }
  }
  return all;
}

function mountsOf(containers: readonly ContainerFacts[], platform: NodeJS.Platform): readonly Pick<SecretFileFacts, 'service' | 'target' | 'source'>[] {
  return containers.flatMap(({ service, mounts }) =>
    mounts.flatMap(({ source, destination }) => {
      const path = destination.startsWith(mountFolder) ? localPath(source, platform) : undefined;
      return path === undefined ? [] : [{ service, target: destination.slice(mountFolder.length), source: path }];
    }),
  );
}

async function stateOf(path: string): Promise<Pick<SecretFileFacts, 'state' | 'bytes' | 'changedAt'>> {
  try {
    const status = await stat(path);
    const changedAt = status.mtime.toISOString();
    if (status.isDirectory()) return { state: 'folder', bytes: null, changedAt };
    if (!(await isReadable(path))) return { state: 'not readable', bytes: status.size, changedAt };
    return { state: status.size === 0 ? 'empty' : 'there', bytes: status.size, changedAt };
  } catch (error) {
    const absent = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
    return { state: absent ? 'missing' : 'not readable', bytes: null, changedAt: null };
  }
}

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
