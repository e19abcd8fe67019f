import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Client, Pool } from 'pg';
import { messageOf } from './deadline.ts';
import { optional, required, whole } from './environment.ts';
import { Shutdown } from './lifecycle.ts';
import { coreError, coreLog } from './logging.ts';

// Stand-in for Caracal's web service: liveness, readiness, version, and the console's page for
// everything else (contract, readiness 2.2; Caracal apps/auth/src/server.ts:73-111).

const PAGE = '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Caracal Console</title></head><body><div id="root"></div></body></html>\n';

const log = coreLog('caracal-auth');
const port = whole('PORT', 3002);
const databaseUrl = required('CARACAL_AUTH_DATABASE_URL');
const version = optional('CARACAL_VERSION', 'dev');
const pool = new Pool({
  connectionString: databaseUrl, max: 20, connectionTimeoutMillis: 5000, idleTimeoutMillis: 30_000, application_name: 'caracal-auth',
  options: '-c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000',
});
pool.on('error', (error) => {
  process.stderr.write(`caracal-auth: idle database connection error: ${error.message}\n`);
});
const shutdown = new Shutdown(log, 25_000);
shutdown.register('postgres', () => pool.end());

/** Creates the login database unless it exists: its role may (contract, storage 1.6). */
async function ensureDatabase(): Promise<void> {
  const target = new URL(databaseUrl);
  const name = target.pathname.slice(1);
  target.pathname = '/postgres';
  const client = new Client({ connectionString: target.href, connectionTimeoutMillis: 5000 });
  try {
    await client.connect();
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === '42P04';
    if (!exists) process.stderr.write(`caracal-auth: could not ensure database "${name}" exists: ${messageOf(error)}\n`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** On every answer (Caracal apps/auth/src/security.ts:89). */
const SECURITY_HEADERS = [
  ['X-Content-Type-Options', 'nosniff'], ['X-Frame-Options', 'DENY'], ['Referrer-Policy', 'no-referrer'], ['Cross-Origin-Opener-Policy', 'same-origin'],
] as const;

/** An id from a proxy is kept (contract, readiness 4.2). */
function requestIdOf(request: IncomingMessage): string {
  const incoming = request.headers['x-request-id'];
  return typeof incoming === 'string' && /^[\w.-]{1,128}$/.test(incoming) ? incoming : randomUUID();
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function ready(response: ServerResponse, id: string): Promise<void> {
  if (shutdown.draining) {
    answer(response, 503, { status: 'draining' });
    return;
  }
  try {
    await pool.query('SELECT 1');
    answer(response, 200, { status: 'ready' });
  } catch (error) {
    log('error', 'readiness check failed', { id, err: coreError(error) });
    answer(response, 503, { status: 'unavailable' });
  }
}

const server = createServer((request, response) => {
  const id = requestIdOf(request);
  for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value);
  response.setHeader('x-request-id', id);
  const started = performance.now();
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  response.once('finish', () => {
    log('info', 'request', { id, method: request.method, path, status: response.statusCode, durationMs: Math.round(performance.now() - started) });
  });
  if (path === '/health') answer(response, 200, { status: 'ok', service: 'caracal-auth' });
  else if (path === '/ready') void ready(response, id);
  else if (path === '/version') answer(response, 200, { version });
  else if (path.startsWith('/api/')) answer(response, 401, { error: 'unauthenticated' });
  else {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(PAGE);
  }
});
shutdown.register('http', () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  server.close(() => {
    resolve(undefined);
  });
  server.closeIdleConnections();
  return promise;
});

await ensureDatabase();
const host = optional('HOST', '127.0.0.1');
server.listen(port, host, () => {
  log('info', 'listening', { baseURL: `http://${host}:${String(port)}`, host, port, web: true });
});
