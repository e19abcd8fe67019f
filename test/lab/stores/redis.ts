import { spawn, execFileSync } from 'node:child_process';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { guardAgainstLeftovers } from './guard.ts';
import { freePort } from './ports.ts';
import { claimFolder } from './scratch.ts';
import { Store, type StoreHandle } from './store.ts';

export interface RedisOptions {
  /** Folder of this server: missing or empty, deleted by `close`. */
  directory: string;
  /** Default: a free one. */
  port?: number;
  password: string;
  /** Further lines of the configuration; the last one of a name counts. */
  settings?: readonly string[];
}

export type RedisHandle = StoreHandle & {
  /** Connection string of database 0, as in Caracal's secret file `redisUrl`. */
  readonly url: string;
};

/** The groups that Caracal's provisioner creates (contract, storage 7.1, marked P). */
export const PROVISIONED_GROUPS: readonly (readonly [stream: string, group: string])[] = [
  ['caracal.audit.events', 'audit-ingestor'],
  ['caracal.audit.events', 'siem-export'],
  ['caracal.audit.events.dlq', 'audit-dlq-observer'],
  ['caracal.policy.invalidate', 'opa-engine'],
  ['caracal.sessions.revoke', 'sts-revocation'],
  ['caracal.keys.invalidate', 'sts-keys'],
  ['caracal.agents.lifecycle', 'coordinator-relay'],
  ['caracal.invocations.lifecycle', 'invocations-observer'],
  ['caracal.delegations.invalidate', 'delegations-observer'],
];

/**
 * Starts the installed `redis-server` on 127.0.0.1 with the configuration that Caracal ships
 * (contract, storage 6.1).
 *
 * @throws Error `redis-server is missing: apt-get install redis-server`; when the folder has content;
 *   or with the end of the log when the server does not start
 */
export async function startRedis(options: RedisOptions): Promise<RedisHandle> {
  requireRedisServer();
  const { directory, password } = options;
  const port = options.port ?? await freePort();
  const logFile = join(directory, 'redis.log');
  const configurationFile = join(directory, 'redis.conf');
  await claimFolder(directory);
  const guard = guardAgainstLeftovers({ signal: 'SIGKILL', scratch: directory });
  try {
    await chmod(directory, 0o700);
    await writeFile(configurationFile, configuration({ directory, port, password, logFile, settings: options.settings ?? [] }), { mode: 0o600 });
    await writeFile(logFile, '');
    const store = new Store({
      name: 'Redis',
      port,
      directory,
      logFile,
      guard,
      stopSignal: 'SIGTERM',
      spawn: () => spawn('redis-server', [configurationFile], { cwd: directory, detached: true, stdio: 'ignore' }),
      isReady: () => answersPing(port, password),
    });
    await store.start();
    return Object.assign(store, { url: `redis://:${encodeURIComponent(password)}@127.0.0.1:${String(port)}` });
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    guard.release();
    throw error;
  }
}

/**
 * What Caracal's provisioner leaves behind (contract, storage 6.3): nine groups that start at the
 * end of their streams, and a new entry in the marker stream on every run. Existing groups stay.
 */
export async function provisionStreams(redis: Redis): Promise<void> {
  for (const [stream, group] of PROVISIONED_GROUPS) {
    try {
      await redis.xgroup('CREATE', stream, group, '$', 'MKSTREAM');
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) {
        throw error;
      }
    }
  }
  await redis.xadd('caracal.providers.ratelimit', 'MAXLEN', '~', 1, '*', 'init', '1');
}

function requireRedisServer(): void {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
  } catch (cause) {
    throw new Error('redis-server is missing: apt-get install redis-server', { cause });
  }
}

function configuration(server: { directory: string; port: number; password: string; logFile: string; settings: readonly string[] }): string {
  return [
    'bind 127.0.0.1',
    `port ${String(server.port)}`,
    'protected-mode yes',
    `requirepass ${quoted(server.password)}`,
    'appendonly yes',
    'appendfsync everysec',
    'save 3600 1',
    'maxmemory 512mb',
    'maxmemory-policy noeviction',
    'timeout 0',
    'tcp-keepalive 60',
    `dir ${quoted(server.directory)}`,
    `logfile ${quoted(server.logFile)}`,
    ...server.settings,
    '',
  ].join('\n');
}

/** A string in Redis' configuration syntax. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** One authenticated PING; false while nothing listens, nothing answers in 1 s, or data still loads. */
async function answersPing(port: number, password: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: '127.0.0.1', port, timeout: 1000 });
  let reply = '';
  socket.on('connect', () => {
    socket.write(`*2\r\n$4\r\nAUTH\r\n$${String(Buffer.byteLength(password))}\r\n${password}\r\n*1\r\n$4\r\nPING\r\n`);
  });
  socket.on('data', (chunk) => {
    reply += chunk.toString();
    if (reply.split('\r\n').length > 2) {
      resolve(reply.endsWith('+PONG\r\n'));
      socket.destroy();
    }
  });
  socket.on('timeout', () => {
    socket.destroy();
  });
  socket.on('error', () => undefined); // `close` follows
  socket.on('close', () => {
    resolve(false);
  });
  return promise;
}
