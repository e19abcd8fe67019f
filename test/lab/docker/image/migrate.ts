import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';
import { migrate, SERVICE_ROLES } from '../../stores/migrate.ts';

// Caracal infra/postgres/scripts/migrate.sh as the one-shot dbMigrate runs it (contract, storage 1.1).

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const fail = (code: number, line: string): never => {
  process.stderr.write(`${line}\n`);
  process.exit(code);
};
const environment = (name: string, fallback = ''): string => process.env[name] ?? fallback;
const secret = (name: string): string => {
  const file = environment(`${name}_FILE`);
  return file === '' ? environment(name) : readFileSync(file, 'utf8').trim();
};

/** Why it cannot connect is for the log of Postgres only (contract, deploy 0, fact 12). */
async function connected(): Promise<Client> {
  const password = secret('PGPASSWORD');
  if (password === '') fail(1, 'migrate: PGPASSWORD_FILE, PGPASSWORD, or PGPASSFILE is required');
  for (let tries = Number(environment('MIGRATION_CONNECT_RETRIES', '30')); tries > 0; tries -= 1) {
    const client = new Client({ password, connectionTimeoutMillis: 5000 });
    try {
      await client.connect();
      return client;
    } catch {
      await delay(Number(environment('MIGRATION_CONNECT_SLEEP_SECONDS', '1')) * 1000);
    }
  }
  return fail(1, 'migrate: database did not become reachable');
}

const client = await connected();
try {
  const passwords = Object.fromEntries(SERVICE_ROLES.map((role) => [role, secret(`CARACAL_${role.slice('caracal'.length).toUpperCase()}_DB_PASSWORD`)]));
  await migrate(client, { passwords, onLine: say });
} catch (error) {
  fail(3, error instanceof DatabaseError ? `psql: ERROR:  ${error.message}` : String(error));
}
await client.end();
