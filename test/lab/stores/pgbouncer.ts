import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import { guardAgainstLeftovers } from './guard.ts';
import { freePort } from './ports.ts';
import { goneWithin, sendSignal } from './processes.ts';
import { claimFolder } from './scratch.ts';

export interface PgBouncerHandle {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Starts the installed `pgbouncer` in transaction mode before a Postgres on this machine: the user's
 * password is the same on both sides.
 *
 * @throws Error when it does not accept connections
 */
export async function startPgBouncer(options: { directory: string; postgresPort: number; user: string; password: string }): Promise<PgBouncerHandle> {
  const { directory, postgresPort, user, password } = options;
  await claimFolder(directory);
  const port = await freePort();
  const file = (name: string): string => join(directory, name);
  const asRoot = process.getuid?.() === 0;
  await writeFile(file('users.txt'), `"${user}" "${password.replaceAll('"', '""')}"\n`);
  await writeFile(file('pgbouncer.ini'), [
    '[databases]',
    `* = host=127.0.0.1 port=${String(postgresPort)}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${String(port)}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${file('users.txt')}`,
    'pool_mode = transaction',
    'default_pool_size = 2',
    '',
  ].join('\n'));
  await chmod(directory, 0o755);
  const log = openSync(file('pgbouncer.log'), 'a');
  // It refuses to run as root.
  const server = spawn('pgbouncer', [...(asRoot ? ['-u', 'nobody'] : []), file('pgbouncer.ini')], { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  const guard = guardAgainstLeftovers({ signal: 'SIGKILL', scratch: directory });
  guard.update(server.pid);
  await eventually('pgbouncer accepts connections', () => accepts(port), 10_000);
  return {
    port,
    close: async () => {
      if (server.pid !== undefined) {
        sendSignal(server.pid, 'SIGKILL');
        await goneWithin([server.pid], 5_000);
      }
      guard.release();
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
