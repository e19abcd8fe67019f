import type { RequestListener } from 'node:http';
import { request } from 'node:http';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { serviceNames } from '../../../src/model/serviceNames.ts';
import { eventually } from '../eventually.ts';
import type { Lab } from '../lab.ts';
import { POSTGRES_SUPERUSER } from '../stores/postgres.ts';
import { answers, auditReaderFailed, gatewayMissesSts } from './effects.ts';
import { all, ids } from './fault.ts';
import type { Decoy, Fault } from './fault.ts';
import { behindApi, figures } from './groups.ts';

/** Longer than a service takes for each of its tests. */
const answerMs = 8_000;

async function says(lab: Lab, service: 'api' | 'sts' | 'web', reason: string): Promise<void> {
  await eventually(`${service} says ${reason}`, async () => {
    const body = await fetch(new URL('/ready', lab.services[service].url), { signal: AbortSignal.timeout(answerMs) }).then((response) => response.text(), () => '');
    return body.includes(reason);
  });
}

const page = (status: number, headers: Readonly<Record<string, string>> = {}): RequestListener => (_, response) => {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', ...headers }).end('<!doctype html><title>Something else</title>\n');
};

/** A fastify application that is none of Caracal's: it has no path of theirs. */
const otherFastify: RequestListener = ({ method, url }, response) => {
  const body = JSON.stringify({ message: `Route ${method ?? ''}:${url ?? ''} not found`, error: 'Not Found', statusCode: 404 });
  response.writeHead(404, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length }).end(body);
};

/** Keeps a call to the Coordinator under way, so that it drains and does not end. */
async function holdCall({ services: { coordinator } }: Lab): Promise<void> {
  const call = request(new URL('/zones/z/agents', coordinator.url), { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': 1_000 } });
  call.on('error', () => undefined); // it ends with the service
  call.write('{');
  await eventually('the call arrives', () => Promise.resolve(call.socket?.connecting === false));
}

/** Ends what a whole minute of calls allows, and leaves time in this minute for a flow. */
async function exhaustReadiness(lab: Lab): Promise<void> {
  const secondsLeft = async (): Promise<number> => 60 - Number((await lab.redisClient.time())[0]) % 60;
  if (await secondsLeft() < 15) await delay(await secondsLeft() * 1_000 + 100);
  await eventually('the api says 429', async () => (await answers(lab, 'api', '/ready')).status === 429);
}

/** Locks a table in a transaction that ends with Postgres. */
async function lockTable(lab: Lab, table: string): Promise<void> {
  const client = new Client({ connectionString: lab.postgres.dsn(POSTGRES_SUPERUSER, lab.secrets.postgresPassword) });
  client.on('error', () => undefined); // Postgres ends before this connection does
  await client.connect();
  await client.query('BEGIN');
  await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
}

/** Redis away and back, with nobody who uses the deployment: Audit reads again and does not say so. */
async function quietRedisRestart(lab: Lab): Promise<void> {
  await lab.endTraffic();
  await eventually('Audit has read all that there will be', async () => {
    const stream = 'caracal.audit.events';
    const [last] = await lab.redisClient.xrevrange(stream, '+', '-', 'COUNT', 1);
    const [seconds] = await lab.redisClient.time();
    const groups = (await lab.redisClient.xinfo('GROUPS', stream)) as unknown[][];
    const reader = groups.find((fields) => fields.includes('audit-ingestor')) ?? [];
    return last !== undefined && reader[reader.indexOf('last-delivered-id') + 1] === last[0] && Number(last[0].split('-')[0]) < (Number(seconds) - 2) * 1_000;
  });
  await lab.redis.stop();
  await auditReaderFailed(lab);
  await lab.redis.start();
  for (const service of ['api', 'sts', 'gateway', 'coordinator'] as const) {
    await eventually(`${service} is ready`, async () => (await answers(lab, service, '/ready').catch(() => ({ status: 0 }))).status === 200, 30_000);
  }
}

export const readinessFaults: readonly Fault[] = [
  {
    id: 'sts-down',
    title: 'The STS is down',
    contract: 'readiness.md 2.4, row STS process',
    verdicts: {
      ...all('fail', ...ids('RDY', 11, 23, 90)),
      ...all('blocked', ...ids('RDY', 12, 13, 14), ...figures.sts, ...ids('SVC', 13, 15)),
    },
    inject: async (lab) => {
      await lab.services.sts.kill();
      await gatewayMissesSts(lab);
    },
  },
  {
    id: 'sts-frozen',
    title: 'The STS accepts connections and answers nothing',
    contract: 'readiness.md 2.4, row STS process, last column',
    verdicts: {
      ...all('fail', ...ids('RDY', 11, 23, 90)),
      ...all('blocked', ...ids('RDY', 12, 13, 14), ...figures.sts, ...ids('SVC', 13, 15)),
    },
    inject: async (lab) => {
      await lab.services.sts.freeze();
      await gatewayMissesSts(lab);
    },
  },
  {
    id: 'gateway-blackholed',
    title: 'Packets to the Gateway are dropped',
    contract: 'readiness.md 2.4, last column',
    verdicts: { 'CRC-RDY-021': 'fail', ...all('blocked', ...ids('RDY', 22, 23, 24), ...figures.gateway) },
    inject: (lab) => lab.blackhole('gateway'),
  },
  {
    id: 'api-frozen',
    title: 'The api accepts connections and answers nothing',
    contract: 'readiness.md 1.2, detail timeout',
    verdicts: { 'CRC-RDY-001': 'fail', ...all('blocked', ...ids('RDY', 2, 3, 4), ...figures.api, ...behindApi) },
    inject: (lab) => lab.services.api.freeze(),
  },
  {
    id: 'coordinator-draining',
    title: 'The Coordinator is told to end while a call is under way',
    contract: 'readiness.md 0, fact 6; 2.3, row (none) draining',
    verdicts: { 'CRC-RDY-041': 'fail', ...all('blocked', ...ids('RDY', 42, 43, 44), ...figures.coordinator) },
    inject: async (lab) => {
      await holdCall(lab);
      lab.services.coordinator.terminate();
      await eventually('its port is closed', () => answers(lab, 'coordinator', '/health').then(() => false, () => true));
    },
  },
  {
    id: 'web-other-page',
    title: 'Another application gives its page on the port of web',
    contract: 'readiness.md 7, wrong process on port',
    verdicts: { ...all('fail', ...ids('RDY', 52, 53)), 'CRC-RDY-054': 'blocked', 'CRC-SVC-051': 'unknown' },
    inject: (lab) => lab.replace('web', page(200)),
  },
  {
    id: 'coordinator-other-fastify',
    title: 'Another fastify application listens on the port of the Coordinator',
    contract: 'readiness.md 1.2, detail 404 Not Found',
    verdicts: { ...all('fail', ...ids('RDY', 42, 43), 'CRC-SVC-040'), ...all('blocked', 'CRC-RDY-044', 'CRC-SVC-043') },
    inject: (lab) => lab.replace('coordinator', otherFastify),
  },
  {
    id: 'coordinator-address-of-api',
    title: 'The target has the address of the api for the Coordinator',
    contract: 'readiness.md 2.2, rows api and coordinator; 4.2, X-Request-Id',
    verdicts: { ...all('fail', 'CRC-RDY-044', 'CRC-SVC-040'), 'CRC-SVC-043': 'blocked' },
    inject: (lab) => lab.readdress('coordinator', lab.services.api.url),
  },
  {
    id: 'web-login-in-front',
    title: 'A proxy in front of web asks for a login',
    contract: 'readiness.md 2.1, no authentication on /health and /ready',
    verdicts: all('unknown', ...ids('RDY', 52, 53, 54), 'CRC-SVC-051'),
    inject: (lab) => lab.replace('web', page(401, { 'www-authenticate': 'Basic realm="proxy"' })),
  },
  {
    id: 'api-readiness-limited',
    title: 'The readiness of the api was asked too often',
    contract: 'readiness.md 0, fact 12; 2.3, rate_limited',
    verdicts: { 'CRC-RDY-003': 'unknown' },
    inject: async (lab) => {
      await lab.reconfigure('api', { READY_RATE_LIMIT_PER_MIN: '1' });
      await exhaustReadiness(lab);
    },
  },
  {
    id: 'web-clock-ahead',
    title: 'The clock of web is 45 s ahead',
    contract: 'readiness.md 1.6, thresholds: clock skew',
    verdicts: { 'CRC-RDY-091': 'fail' },
    inject: (lab) => lab.setClock('web', 45),
  },
  {
    id: 'coordinator-clock-behind',
    title: 'The clock of the Coordinator is 8 s behind',
    contract: 'readiness.md 1.6, thresholds: clock skew',
    verdicts: { 'CRC-RDY-091': 'warn' },
    inject: (lab) => lab.setClock('coordinator', -8),
  },
  {
    id: 'web-database-away',
    title: 'The sign-in database lets nobody in',
    contract: 'readiness.md 2.3, row unavailable',
    verdicts: { 'CRC-RDY-053': 'fail' },
    inject: async (lab) => {
      await lab.sql('ALTER DATABASE caracal_auth ALLOW_CONNECTIONS false');
      await lab.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'caracal_auth'");
      await says(lab, 'web', 'unavailable');
    },
  },
  {
    id: 'sts-replay-folder-gone',
    title: 'The replay folder of the STS is gone',
    contract: 'readiness.md 2.3, row audit_replay_unavailable',
    verdicts: { 'CRC-RDY-013': 'fail', 'CRC-SVC-013': 'blocked' },
    inject: async (lab) => {
      await rm(join(lab.directory, 'replay', 'sts'), { recursive: true });
      await says(lab, 'sts', 'audit_replay_unavailable');
    },
  },
  {
    id: 'sts-consumers-not-ready',
    title: 'The STS may not make its consumer groups',
    contract: 'readiness.md 2.3, row stream_consumers_not_ready: Redis at start-up, ACL',
    verdicts: { 'CRC-RDY-013': 'fail', 'CRC-SVC-013': 'blocked' },
    inject: async (lab) => {
      await lab.services.sts.stop();
      await lab.redisClient.call('ACL', 'SETUSER', 'default', '-xgroup');
      await lab.services.sts.start();
      await says(lab, 'sts', 'stream_consumers_not_ready');
    },
  },
  {
    id: 'audit-sticky',
    title: 'Redis is back, but nothing happens, so that Audit stays unhealthy',
    contract: 'readiness.md 2.5, row Audit sticky unhealthy',
    verdicts: { ...all('fail', ...ids('RDY', 32, 33)), 'CRC-RDY-034': 'blocked' },
    inject: quietRedisRestart,
  },
  {
    id: 'api-outbox-locked',
    title: 'A transaction holds the outbox of the api locked',
    contract: 'readiness.md 2.3, row outbox_unreachable',
    verdicts: {
      'CRC-RDY-003': 'fail',
      ...all('blocked', ...behindApi),
      'CRC-STO-017': 'warn',
      ...all('unknown', 'CRC-STR-090', ...figures.api),
    },
    inject: async (lab) => {
      await lockTable(lab, 'event_outbox');
      await says(lab, 'api', 'outbox_unreachable');
    },
  },
];

export const readinessDecoys: readonly Decoy[] = [
  {
    id: 'api-just-restarted',
    title: 'The api was restarted a moment ago, and its log tells of the shutdown',
    contract: 'readiness.md 0, fact 6: graceful shutdown, not failure',
    inject: async (lab) => {
      await lab.services.api.stop();
      await lab.services.api.start();
      await eventually('the api is ready', async () => (await answers(lab, 'api', '/ready')).status === 200);
    },
  },
  {
    id: 'audit-well-again',
    title: 'Redis was restarted, and an audit event came since',
    contract: 'readiness.md 2.5, row Audit sticky unhealthy: until some new audit event arrives',
    inject: async (lab) => {
      await lab.redis.stop();
      await auditReaderFailed(lab);
      await lab.redis.start();
      for (const service of ['api', 'sts', 'gateway', 'audit', 'coordinator'] as const) {
        await eventually(`${service} is ready`, async () => (await answers(lab, service, '/ready').catch(() => ({ status: 0 }))).status === 200, 30_000);
      }
    },
  },
  {
    id: 'web-slow',
    title: 'Web answers rightly, but 3 s late',
    contract: 'readiness.md 0, fact 2: a shorter deadline hides the answer',
    inject: (lab) => lab.relay('web', { delayMs: 3_000 }),
  },
  {
    id: 'behind-ingress',
    title: 'All services stand behind a proxy that adds a header and request ids of its own',
    contract: 'readiness.md 4.2, X-Request-Id: who echoes it',
    inject: async (lab) => {
      for (const service of serviceNames) await lab.relay(service, { headers: (headers) => ({ 'x-request-id': 'by-the-ingress', ...headers, server: 'nginx' }) });
    },
  },
  {
    id: 'request-ids-stripped',
    title: 'A proxy in front of the Gateway takes its request ids away',
    contract: 'readiness.md 4.2, X-Request-Id',
    inject: (lab) => lab.relay('gateway', { headers: (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'x-request-id')) }),
  },
  {
    id: 'web-unknown-paths',
    title: 'People open paths of web that do not exist, and get its page with 200',
    contract: 'readiness.md 4.9: unknown paths answer 200 with HTML',
    inject: async (lab) => {
      for (const path of ['/nope', '/health/', '/ready/now']) await answers(lab, 'web', path);
    },
  },
];
