import { equal, match, ok, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { blackhole } from '../lab/stores/blackhole.ts';
import { migrate } from '../lab/stores/migrate.ts';
import { goPool, nodePool } from '../lab/services/stores.ts';
import { freePort } from '../lab/stores/ports.ts';
import { POSTGRES_SUPERUSER, type PostgresHandle, startPostgres } from '../lab/stores/postgres.ts';
import { descendantsOf, goneWithin, isRunning } from '../lab/stores/processes.ts';
import { PROVISIONED_GROUPS, provisionStreams, type RedisHandle, startRedis } from '../lab/stores/redis.ts';
import { createScratchFolder } from '../lab/stores/scratch.ts';

const OWNER_PASSWORD = 'o"w\'n er/%';
/** Long enough to tell "no answer" from a slow one on loopback, in milliseconds. */
const SILENCE_MS = 500;

describe('lab: ports', () => {
  it('are given once, also to those who ask together', async () => {
    const ports = await Promise.all(Array.from({ length: 100 }, freePort));
    equal(new Set(ports).size, 100);
  });
});

describe('lab: PostgreSQL', function () {
  this.timeout(60_000);
  let directory: string;
  let postgres: PostgresHandle;

  before(async () => {
    directory = await createScratchFolder('lab-stores-postgres-');
    postgres = await startPostgres({ directory, superuserPassword: OWNER_PASSWORD });
    await asOwner((client) => migrate(client, { passwords: { caracalapi: 'api', caracalaudit: 'audit' } }));
  });

  after(async () => {
    if (postgres.state !== 'closed') await postgres.close();
  });

  it('lets a stand-in outlive the end of a connection between two statements', async () => {
    const connectionString = postgres.dsn('caracalapi', 'api');
    for (const pool of [goPool(connectionString), nodePool({ service: 'api', connectionString, statementTimeoutMs: 1000 })]) {
      const client = await pool.connect();
      await client.query('BEGIN');
      const ended = new Promise((resolve) => client.once('end', resolve));
      await asOwner((owner) => owner.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', ['caracalapi']));
      await ended;
      await rejects(client.query('SELECT 1'));
      client.release(true);
      equal((await pool.query('SELECT 1')).rowCount, 1);
      await pool.end();
    }
  });

  it('gives LOGIN only to roles with a password', async () => {
    await as('caracalapi', 'api', (client) => client.query('SELECT 1'));
    await rejects(as('caracalsts', 'sts', (client) => client.query('SELECT 1')), { code: '28P01' });
    await rejects(as('caracalapi', 'wrong', (client) => client.query('SELECT 1')), { code: '28P01' });
  });

  it('shows no rows without the zone setting, all with *, and one zone with its id', async () => {
    await asOwner((client) => client.query(`
      INSERT INTO zones (id, name, slug) VALUES ('z1', 'One', 'one'), ('z2', 'Two', 'two');
      INSERT INTO policies (id, zone_id, name, created_by) VALUES ('p1', 'z1', 'a', 'test'), ('p2', 'z2', 'b', 'test');
    `));
    await as('caracalapi', 'api', async (client) => {
      const visible = async (): Promise<number | null> => (await client.query('SELECT FROM policies')).rowCount;
      equal(await visible(), 0);
      await client.query("SET caracal.zone_id = '*'");
      equal(await visible(), 2);
      await client.query("SET caracal.zone_id = 'z2'");
      equal(await visible(), 1);
    });
  });

  it('keeps audit events append-only and partition work to the audit role', async () => {
    await as('caracalaudit', 'audit', async (client) => {
      await client.query("SET caracal.zone_id = '*'");
      await client.query("INSERT INTO audit_events (id, zone_id, event_type, occurred_at) VALUES ('e1', 'z1', 'token_exchange', now())");
      equal((await client.query("SELECT FROM audit_events WHERE id = 'e1'")).rowCount, 1);
      await rejects(client.query('UPDATE audit_events SET zone_id = zone_id WHERE false'), { code: '42501' });
      await rejects(client.query('DELETE FROM audit_events WHERE false'), { code: '42501' });
      await rejects(client.query('SELECT FROM audit_events_default'), { code: '42501' });
      await client.query("SELECT audit_partition_ensure('2099-05-17')");
      await client.query("SELECT audit_partition_drop('audit_events_y2099m05')");
      await client.query("SELECT audit_partition_drop('audit_events_y2099m05')");
      await rejects(client.query("SELECT audit_partition_drop('audit_events_default')"), { code: 'P0001' });
    });
    await as('caracalapi', 'api', (client) =>
      rejects(client.query("SELECT audit_partition_ensure('2099-05-17')"), { code: '42501' }));
  });

  it('refuses to change a published policy version', async () => {
    await asOwner(async (client) => {
      await client.query(`
        INSERT INTO policy_versions (id, policy_id, version, content, content_sha256, schema_version, created_by)
        VALUES ('pv1', 'p1', 1, '', '', '2026-05-20', 'test')`);
      await rejects(client.query("UPDATE policy_versions SET content = 'x'"), { code: 'P0001' });
    });
  });

  it('takes no folder with content', async () => {
    await rejects(startPostgres({ directory, superuserPassword: 'other' }), /not empty/);
    await rejects(startRedis({ directory, password: 'other' }), /not empty/);
    equal(postgres.state, 'running');
    ok(existsSync(postgres.logFile));
  });

  it('says why it cannot start', async () => {
    const taken = startPostgres({ directory: `${directory}-taken`, port: postgres.port, superuserPassword: 'other' });
    await rejects(taken, /PostgreSQL ended while starting:[^]*Address already in use/);
    equal(existsSync(`${directory}-taken`), false);
  });

  it('writes the real log format', async () => {
    match(await readFile(postgres.logFile, 'utf8'), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC \[\d+\] LOG: {2}starting PostgreSQL 18/m);
  });

  it('leaves no process after stop and has the same data after start', async () => {
    const tree = processTree(postgres.pid);
    await postgres.stop();
    equal(postgres.state, 'stopped');
    equal(postgres.pid, undefined);
    ok(await goneWithin(tree, 0));
    await rejects(asOwner((client) => client.query('SELECT 1')), { code: 'ECONNREFUSED' });
    await postgres.start();
    await asOwner(async (client) => {
      equal((await client.query('SELECT FROM zones')).rowCount, 2);
    });
  });

  it('freezes open connections and new ones, and thaws', async () => {
    await asOwner(async (client) => {
      await postgres.freeze();
      equal(postgres.state, 'frozen');
      const answer = client.query('SELECT 1');
      equal(await Promise.race([answer, delay(SILENCE_MS, 'silence')]), 'silence');
      const late = new Client({ connectionString: postgres.dsn(POSTGRES_SUPERUSER, OWNER_PASSWORD), connectionTimeoutMillis: SILENCE_MS });
      await rejects(late.connect(), /timeout/);
      await postgres.thaw();
      equal((await answer).rowCount, 1);
    });
  });

  it('closes while frozen, deleting its folder', async () => {
    const tree = processTree(postgres.pid);
    await postgres.freeze();
    await postgres.close();
    equal(postgres.state, 'closed');
    ok(await goneWithin(tree, 0));
    equal(existsSync(directory), false);
    await rejects(postgres.start(), /closed/);
  });

  async function asOwner<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
    return as(POSTGRES_SUPERUSER, OWNER_PASSWORD, work);
  }

  async function as<Result>(user: string, password: string, work: (client: Client) => Promise<Result>): Promise<Result> {
    const client = new Client({ connectionString: postgres.dsn(user, password) });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }
});

describe('lab: Redis', function () {
  this.timeout(60_000);
  let directory: string;
  let redis: RedisHandle;
  let client: Redis;

  before(async () => {
    directory = await createScratchFolder('lab-stores-redis-');
    redis = await startRedis({ directory, password: 's3cr"et /%' });
    client = new Redis(redis.url);
    client.on('error', () => undefined); // outages are part of the test
  });

  after(async () => {
    client.disconnect();
    if (redis.state !== 'closed') await redis.close();
  });

  it('runs with the configuration that Caracal ships', async () => {
    const expected = {
      appendonly: 'yes', appendfsync: 'everysec', save: '3600 1', maxmemory: String(512 * 1024 * 1024),
      'maxmemory-policy': 'noeviction', 'protected-mode': 'yes', bind: '127.0.0.1',
    };
    for (const [name, value] of Object.entries(expected)) {
      const reply = await client.config('GET', name);
      equal(reply[1], value, name);
    }
    const stranger = new Redis({ host: '127.0.0.1', port: redis.port, retryStrategy: () => null });
    stranger.on('error', () => undefined); // the handshake is refused as well
    await rejects(stranger.xlen('caracal.audit.events'), /NOAUTH/);
    stranger.disconnect();
  });

  it('is provisioned repeatably', async () => {
    await provisionStreams(client);
    await provisionStreams(client);
    for (const [stream, group] of PROVISIONED_GROUPS) {
      const groups = await client.xinfo('GROUPS', stream) as string[][];
      ok(groups.some((fields) => fields[1] === group), `${stream}/${group}`);
    }
    equal(await client.xlen('caracal.providers.ratelimit'), 2);
  });

  it('keeps its data over stop and start', async () => {
    const tree = processTree(redis.pid);
    await redis.stop();
    ok(await goneWithin(tree, 0));
    await redis.start();
    equal(await client.xlen('caracal.providers.ratelimit'), 2);
    match(await readFile(redis.logFile, 'utf8'), /Ready to accept connections/);
  });

  it('freezes and thaws', async () => {
    await redis.freeze();
    const answer = client.ping();
    equal(await Promise.race([answer, delay(SILENCE_MS, 'silence')]), 'silence');
    await redis.thaw();
    equal(await answer, 'PONG');
  });

  it('leaves its port to a blackhole and takes it back', async () => {
    await redis.stop();
    const hole = await blackhole(redis.port);
    equal(await outcomeOfConnect(redis.port, SILENCE_MS), 'no answer');
    await hole.close();
    await redis.start();
    equal(await client.ping(), 'PONG');
  });

  it('names the package when redis-server is missing', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '';
    try {
      await rejects(startRedis({ directory, password: 'x' }), { message: 'redis-server is missing: apt-get install redis-server' });
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('closes while frozen, deleting its folder', async () => {
    const tree = processTree(redis.pid);
    await redis.freeze();
    await redis.close();
    ok(await goneWithin(tree, 0));
    equal(existsSync(directory), false);
  });
});

describe('lab: blackhole', function () {
  this.timeout(20_000);

  it('answers no connect, and frees its port', async () => {
    const port = await freePort();
    const hole = await blackhole(port);
    try {
      equal(await outcomeOfConnect(port, 1500), 'no answer');
    } finally {
      await hole.close();
    }
    equal(await outcomeOfConnect(port, 1500), 'ECONNREFUSED');
  });

  it('says why it cannot take a port', async () => {
    const port = await freePort();
    const hole = await blackhole(port);
    try {
      await rejects(blackhole(port), /EADDRINUSE/);
    } finally {
      await hole.close();
    }
  });
});

describe('lab: nothing outlives the process that started it', function () {
  this.timeout(60_000);

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    it(`ended by ${signal}`, async () => {
      const directory = await createScratchFolder('lab-stores-leftovers-');
      const lab = spawn(process.execPath, [
        '--input-type=module-typescript', '--eval', LAB_PROGRAM,
        new URL('../lab/stores/', import.meta.url).href, directory,
      ], { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = await new Promise<string[]>((resolve) => {
        lab.stdout.once('data', (chunk: Buffer) => {
          resolve(chunk.toString().split('\n'));
        });
      });
      const pids = JSON.parse(line ?? '') as number[];
      const everything = pids.flatMap((pid) => processTree(pid)).concat(descendantsOf(lab.pid ?? 0));
      ok(pids.length === 3 && pids.every(isRunning));
      lab.kill(signal);
      ok(await goneWithin(everything, 5000));
      equal(existsSync(`${directory}/postgres`), false);
      equal(existsSync(`${directory}/redis`), false);
      await rm(directory, { recursive: true });
    });
  }
});

/** A lab of its own: one store frozen, one running, one blackhole; then it waits for its end. */
const LAB_PROGRAM = `
  const [stores, directory] = process.argv.slice(1);
  const { startPostgres } = await import(stores + 'postgres.ts');
  const { startRedis } = await import(stores + 'redis.ts');
  const { blackhole } = await import(stores + 'blackhole.ts');
  const { freePort } = await import(stores + 'ports.ts');
  const postgres = await startPostgres({ directory: directory + '/postgres', superuserPassword: 'owner' });
  const redis = await startRedis({ directory: directory + '/redis', password: 'secret' });
  await blackhole(await freePort());
  await redis.freeze();
  const { descendantsOf } = await import(stores + 'processes.ts');
  const hole = descendantsOf(process.pid).find((pid) => pid > redis.pid);
  console.log(JSON.stringify([postgres.pid, redis.pid, hole]));
  setInterval(() => {}, 1000);
`;

function processTree(pid: number | undefined): number[] {
  ok(pid !== undefined);
  return [pid, ...descendantsOf(pid)];
}

async function outcomeOfConnect(port: number, withinMs: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once('connect', () => {
    resolve('connected');
  });
  socket.once('error', (error: NodeJS.ErrnoException) => {
    resolve(error.code ?? error.message);
  });
  const outcome = await Promise.race([promise, delay(withinMs, 'no answer')]);
  socket.destroy();
  return outcome;
}
