import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoints } from '../model/target.ts';
import { errnoOf } from './smallFile.ts';

/** Files of the secrets folder that a deployment is read with: Caracal packages/engine/src/secrets.ts:25-89. */
export const secretFiles = ['caracalAdminToken', 'caracalCoordinatorToken', 'metricsBearer', 'databaseUrl', 'redisUrl', 'auditHmacKey', 'streamsHmacKey'] as const;

export type SecretFile = (typeof secretFiles)[number];

/** Secrets by the files that hold them. Only the paths are kept: they are read when the target is opened. */
export type FoundSecrets = ReadonlyMap<SecretFile, { readonly file: string }>;

/** The secrets of one folder that are not empty, and the errno of one that cannot be looked at. */
export async function secretsIn(folder: string): Promise<{ readonly found: FoundSecrets; readonly problem: string | undefined }> {
  const found = new Map<SecretFile, { file: string }>();
  let problem: string | undefined;
  for (const name of secretFiles) {
    try {
      const file = join(folder, name);
      if ((await stat(file)).size > 0) found.set(name, { file });
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') problem = errnoOf(error);
    }
  }
  return { found, problem };
}

/** The keys among found secrets, as a target gives them. */
export function keysOf(found: FoundSecrets): NonNullable<Endpoints['keys']> {
  const [audit, streams] = [found.get('auditHmacKey'), found.get('streamsHmacKey')];
  return { ...(audit ? { audit } : {}), ...(streams ? { streams } : {}) };
}

/** True for a host name that leads to this machine and no other. Of a URL: in brackets when it is an IPv6 address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127(?:\.\d+){3}$/.test(host);
}
