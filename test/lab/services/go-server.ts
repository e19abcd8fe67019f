import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

// The outside of a Go `net/http` server with method patterns, as STS, Gateway and Audit show it.

export type GoHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;
/** Without a method the path answers to every one; `{name}` stands for one segment. */
export type GoRoute = { method?: 'GET' | 'POST'; path: string; handler: GoHandler };

const SHUTDOWN_LIMIT_MS = 10_000;
const IDLE_POLL_MS = 50;

/** `http.Error` of Go: text with a line end. */
export function goText(response: ServerResponse, status: number, text: string): void {
  send(response, status, `${text}\n`, { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' });
}

/** A document as Go's encoder writes it: with a line end. Callers give maps their keys in alphabetical order. */
export function goJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  send(response, status, `${JSON.stringify(body)}\n`, { 'Content-Type': 'application/json', ...headers });
}

export function goPlain(response: ServerResponse, type: string, text: string): void {
  send(response, 200, text, { 'Content-Type': type });
}

/** Status alone. */
export function goEmpty(response: ServerResponse, status = 200): void {
  send(response, status, '', {});
}

/** Readiness failure of the three Go services (contract, readiness 2.2). */
export function notReady(response: ServerResponse, reason: string): void {
  goJson(response, 503, { ok: false, ready: false, reason });
}

/** Error body of STS and Gateway; empty parts are left out (contract, readiness 4.1). */
export function goError(
  response: ServerResponse, status: number, error: string, description: string, requestId: string,
  headers: Record<string, string> = {},
): void {
  goJson(response, status, {
    error, ...(description === '' ? {} : { error_description: description }), ...(requestId === '' ? {} : { requestId }),
  }, headers);
}

/** The exact bearer opens; without one configured nothing does in rc and stable (contract, deploy 4.1). */
export function metricsAuthorised(request: IncomingMessage, bearer: string): boolean {
  return bearer !== '' && request.headers.authorization === `Bearer ${bearer}`;
}

export class GoServer {
  readonly #server: Server;

  /** @param fallback answers paths that no route has; default: Go's 404 */
  constructor(routes: readonly GoRoute[], fallback?: GoHandler) {
    this.#server = createServer((request, response) => {
      // Go says nothing about a connection that stays open.
      response.removeHeader('Connection');
      const handler = route(routes, request, fallback);
      run(handler, request, response).catch(() => {
        if (!response.headersSent) goJson(response, 500, { error: 'internal_error' });
        else response.destroy();
      });
    });
    this.#server.keepAliveTimeout = 60_000;
  }

  async listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.#server.once('error', reject);
    this.#server.listen(port, () => {
      resolve(undefined);
    });
    await promise;
  }

  /** Go's graceful shutdown: no new connections, calls under way get 10 s. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#server.close(() => {
      resolve(undefined);
    });
    // A connection that becomes idle only now is closed as well.
    const idle = setInterval(() => {
      this.#server.closeIdleConnections();
    }, IDLE_POLL_MS);
    const limit = setTimeout(() => {
      this.#server.closeAllConnections();
    }, SHUTDOWN_LIMIT_MS);
    await promise;
    clearInterval(idle);
    clearTimeout(limit);
  }
}

/** Also turns what a handler throws at once into a rejection. */
async function run(handler: GoHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  await handler(request, response);
}

function route(routes: readonly GoRoute[], request: IncomingMessage, fallback: GoHandler | undefined): GoHandler {
  const { pathname } = new URL(request.url ?? '/', 'http://host');
  const candidates = routes.filter(({ path }) => matches(path, pathname));
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const match = candidates.find((candidate) => candidate.method === undefined || candidate.method === method);
  if (match !== undefined) return match.handler;
  if (candidates.length > 0 && fallback === undefined) {
    return (_, response) => {
      response.setHeader('Allow', candidates.some((candidate) => candidate.method === 'GET') ? 'GET, HEAD' : 'POST');
      goText(response, 405, 'Method Not Allowed');
    };
  }
  return fallback ?? ((_, response) => {
    goText(response, 404, '404 page not found');
  });
}

function matches(path: string, pathname: string): boolean {
  const [wanted, actual] = [path.split('/'), pathname.split('/')];
  return wanted.length === actual.length && wanted.every((segment, index) => segment === actual[index] || (segment.startsWith('{') && actual[index] !== ''));
}

function send(response: ServerResponse, status: number, text: string, headers: Record<string, string>): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(text) });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

/** The whole body as text; undefined when it is longer than `limit` bytes. */
export async function readText(request: IncomingMessage, limit: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Runs a Go service's end once SIGTERM or SIGINT comes, and then ends the process. */
export function onTermination(end: () => Promise<void>): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      void end().then(() => process.exit(0), () => process.exit(1));
    });
  }
}
