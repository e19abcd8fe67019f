import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Log, pinoError } from './logging.ts';

// The outside of a Fastify application, as far as API and Coordinator show it: hooks, request ids,
// default 404 and error bodies, request logs, and the refusal of requests while closing.

const REQUEST_ID = /^[A-Za-z0-9_.\-:]{1,128}$/;
const JSON_TYPE = 'application/json; charset=utf-8';
const MAX_BODY_BYTES = 1024 * 1024;
/** Body and type of Fastify's answer on an open connection while it closes (recorded). */
const CLOSING = JSON.stringify({ error: 'Service Unavailable', message: 'Service Unavailable', statusCode: 503 });

export type Call = {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly id: string;
  readonly ip: string;
  /** Parts of the path that the route names. */
  params: Readonly<Record<string, string>>;
  body: unknown;
  log: Log;
};
/** `body` is sent as JSON unless it is text; none with 204. */
export type Answer = { status: number; body?: unknown; type?: string; headers?: Readonly<Record<string, string>> };
export type Handler = (call: Call) => Promise<Answer> | Answer;
/** Answers instead of the handler, or lets the call through. */
export type Hook = (call: Call) => Promise<Answer | undefined>;

export type NodeAppOptions = {
  log: Log;
  /** Field `req` of the log line `incoming request`. */
  describe: (request: IncomingMessage, call: Call) => Record<string, unknown>;
  /** Headers of every answer, besides the content's. */
  headers: (call: Call) => Record<string, string>;
  /** Before the body is read: rate limits. */
  onRequest: Hook;
  /** Before the handler, also when there is none: authentication. */
  preHandler: Hook;
  /** Before an answer leaves; may replace it. */
  onSend: (call: Call, answer: Answer) => Promise<Answer>;
  /** After an answer has left. */
  onResponse: (call: Call, status: number) => Promise<void>;
};

export function json(status: number, body: unknown): Answer {
  return { status, body };
}

export function failure(status: number, error: string): Answer {
  return { status, body: { error } };
}

/** Error body of API and Coordinator for everything that nobody foresaw (contract, readiness 4.1). */
export function internalError(call: Call, status = 500): Answer {
  return json(status, {
    error: 'internal_error', error_description: 'The service failed to process the request', requestId: call.id,
  });
}

class BadBody extends Error {
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export class NodeApp {
  readonly #options: NodeAppOptions;
  readonly #routes: { method: string; pattern: RegExp; handler: Handler }[] = [];
  readonly #server: Server;
  #closing = false;

  constructor(options: NodeAppOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      void this.#serve(request, response);
    });
    this.#server.keepAliveTimeout = 75_000;
    this.#server.requestTimeout = 30_000;
  }

  /** @param path with named parts, as `/zones/:zoneId` */
  route(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, handler: Handler): void {
    const pattern = new RegExp(`^${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    this.#routes.push({ method, pattern, handler });
  }

  /** @throws Error of the socket, e.g. EADDRINUSE */
  async listen(port: number, host: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.#server.once('error', reject);
    this.#server.listen(port, host, () => {
      resolve(undefined);
    });
    await promise;
    this.#options.log('info', `Server listening at http://${host}:${String(port)}`);
  }

  /** No new connections; calls under way are answered. Resolves when the last connection is gone. */
  async close(): Promise<void> {
    this.#closing = true;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#server.close(() => {
      resolve(undefined);
    });
    this.#server.closeIdleConnections();
    await promise;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = this.#callOf(request);
    if (this.#closing) {
      this.#options.log('info', 'request aborted - refusing to accept new requests as server is closing', { reqId: call.id });
      response.writeHead(503, { Connection: 'close', 'Content-Type': 'application/json', 'Content-Length': CLOSING.length });
      response.end(CLOSING);
      return;
    }
    const started = performance.now();
    this.#options.log('info', 'incoming request', { reqId: call.id, req: this.#options.describe(request, call) });
    const answer = await this.#options.onSend(call, await this.#answer(request, call));
    this.#send(call, answer, response);
    response.once('finish', () => {
      call.log('info', 'request completed', { res: { statusCode: answer.status }, responseTime: performance.now() - started });
    });
    await this.#options.onResponse(call, answer.status);
  }

  #callOf(request: IncomingMessage): Call {
    const { method = 'GET', url = '/', headers } = request;
    const incoming = headers['x-request-id'];
    const id = typeof incoming === 'string' && REQUEST_ID.test(incoming) ? incoming : randomUUID();
    const { pathname, searchParams } = new URL(url, 'http://host');
    return {
      method, url, path: pathname, query: searchParams, headers, id, params: {}, body: undefined,
      ip: request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '',
      // Without an incoming trace the span is the request (contract, deploy 3.2).
      log: (level, message, fields = {}) => {
        this.#options.log(level, message, { reqId: id, span_id: id, ...fields });
      },
    };
  }

  async #answer(request: IncomingMessage, call: Call): Promise<Answer> {
    try {
      const early = await this.#options.onRequest(call);
      if (early !== undefined) return early;
      const route = this.#find(call);
      if (route !== undefined && call.method !== 'GET' && call.method !== 'HEAD') call.body = await readBody(request);
      const refused = await this.#options.preHandler(call);
      if (refused !== undefined) return refused;
      if (route !== undefined) return await route(call);
      const message = `Route ${call.method}:${call.url} not found`;
      call.log('info', message);
      return json(404, { message, error: 'Not Found', statusCode: 404 });
    } catch (error) {
      call.log('error', 'unhandled route error', { err: pinoError(error) });
      return internalError(call, error instanceof BadBody ? error.status : 500);
    }
  }

  #find(call: Call): Handler | undefined {
    const method = call.method === 'HEAD' ? 'GET' : call.method;
    for (const route of this.#routes) {
      const match = route.method === method ? route.pattern.exec(call.path) : null;
      if (match !== null) {
        call.params = Object.fromEntries(Object.entries(match.groups ?? {}).map(([name, value]) => [name, decoded(value)]));
        return route.handler;
      }
    }
    return undefined;
  }

  #send(call: Call, answer: Answer, response: ServerResponse): void {
    const text = answer.body === undefined ? '' : typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    const headers: Record<string, string | number> = answer.body === undefined ? {} : { 'content-type': answer.type ?? JSON_TYPE };
    Object.assign(headers, this.#options.headers(call), answer.headers);
    if (answer.body !== undefined) headers['content-length'] = Buffer.byteLength(text);
    response.writeHead(answer.status, headers);
    response.end(call.method === 'HEAD' ? undefined : text);
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new BadBody('Request body is too large', 413);
    chunks.push(chunk);
  }
  const type = request.headers['content-type'];
  const text = Buffer.concat(chunks).toString('utf8');
  if (type === undefined && text === '') return undefined;
  if (type?.split(';')[0] !== 'application/json') throw new BadBody(`Unsupported Media Type: ${type ?? ''}`, 415);
  if (text === '') throw new BadBody("Body cannot be empty when content-type is set to 'application/json'", 400);
  try {
    return JSON.parse(text);
  } catch {
    throw new BadBody("Body is not valid JSON but content-type is set to 'application/json'", 400);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
