import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceRole } from '../stores/migrate.ts';

/** What the installation generates (contract, deploy 5.1): 32 random bytes in hex, 24 for passwords. */
export type Secrets = {
  postgresPassword: string; redisPassword: string; caracalAdminToken: string; caracalCoordinatorToken: string; caracalAuthSecret: string;
  metricsBearer: string; secretStoreKek: string; auditHmacKey: string; streamsHmacKey: string; idempotencyHmacKey: string;
  gatewayStsHmacKey: string; apiDbPassword: string; stsDbPassword: string; gatewayDbPassword: string; auditDbPassword: string;
  coordinatorDbPassword: string; authDbPassword: string;
};
/** Files that the installation derives from the others. */
export type DerivedSecrets = {
  databaseUrl: string; apiDatabaseUrl: string; stsDatabaseUrl: string; gatewayDatabaseUrl: string; auditDatabaseUrl: string;
  coordinatorDatabaseUrl: string; authDatabaseUrl: string; redisUrl: string;
};

export function newSecrets(): Secrets {
  const key = (): string => randomBytes(32).toString('hex');
  const password = (): string => randomBytes(24).toString('hex');
  return {
    postgresPassword: password(), redisPassword: password(), caracalAdminToken: key(), caracalCoordinatorToken: key(), caracalAuthSecret: key(),
    metricsBearer: key(), secretStoreKek: key(), auditHmacKey: key(), streamsHmacKey: key(), idempotencyHmacKey: key(), gatewayStsHmacKey: key(),
    apiDbPassword: password(), stsDbPassword: password(), gatewayDbPassword: password(), auditDbPassword: password(),
    coordinatorDbPassword: password(), authDbPassword: password(),
  };
}

export function rolePasswords(secrets: Secrets): Record<ServiceRole, string> {
  return {
    caracalapi: secrets.apiDbPassword, caracalsts: secrets.stsDbPassword, caracalgateway: secrets.gatewayDbPassword,
    caracalaudit: secrets.auditDbPassword, caracalcoordinator: secrets.coordinatorDbPassword, caracalauth: secrets.authDbPassword,
  };
}

/**
 * Writes a runtime home as the CLI leaves it (contract, readiness 1.4; deploy 1.6): secret files of
 * mode 0444 in a folder of mode 0700, the allowlist, the installed version.
 *
 * @returns removes what was written
 * @throws Error when the folder already holds secrets, which are then somebody else's
 */
export async function writeRuntimeHome(home: string, files: Secrets & DerivedSecrets, version: string): Promise<() => Promise<void>> {
  const secrets = join(home, 'secrets');
  if (existsSync(secrets)) throw new Error(`${secrets} exists already: this is no home of the lab`);
  const existed = existsSync(home);
  await mkdir(join(secrets, 'allowlist'), { recursive: true });
  await mkdir(join(secrets, 'console'));
  await chmod(secrets, 0o700);
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(secrets, name), content);
    await chmod(join(secrets, name), 0o444);
  }
  const allowlist = join(secrets, 'allowlist', 'operatorAllowlist.json');
  await writeFile(allowlist, `${JSON.stringify({ emails: { 'operator@example.com': 'active' } })}\n`, { mode: 0o644 });
  const installed = join(home, 'runtime.json');
  await writeFile(installed, `${JSON.stringify({ version, updatedAt: new Date().toISOString() })}\n`, { mode: 0o644 });
  return async () => {
    await rm(existed ? secrets : home, { recursive: true, force: true });
    await rm(installed, { force: true });
  };
}
