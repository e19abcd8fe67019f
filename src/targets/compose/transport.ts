import { request as plainRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { refusedBy } from '../endpoints/sockets.ts';
import { Refused } from '../failures.ts';
import type { EngineEndpoint } from './engineEndpoint.ts';

/** A list of thousands of containers; a longer answer is none. */
const jsonLimitBytes = 8 * 1024 * 1024;
/** Lines of a log are cut here. */
const rawLimitBytes = 1024 * 1024;

/** What dockerode hands over for each of its calls. */
export interface Dial {
  readonly method: string;
  /** Ends in `?` when options become a query. */
  readonly path: string;
  readonly options?: Readonly<Record<string, string | number | boolean | object | undefined>> | undefined;
  /** The answer is a stream of which no end is known. */
  readonly isStream?: boolean | undefined;
}

export interface ReadingModem {
  get(call: Dial): Promise<unknown>;
  dial(call: Dial, done: (error: unknown, answer?: unknown) => void): void;
}

/**
 * What dockerode sends its calls through. It takes the place of docker-modem, which follows redirects,
 * takes bodies of any size, and reads DOCKER_HOST also when it is told where to go.
 *
 * Only GET goes out, whichever method of dockerode is called. Each call has a connection of its own, which
 * ends with the answer or the abort. An answer is parsed JSON, or a Buffer when it is of another type; of
 * a call that streams, the response itself, whose connection ends when it is destroyed.
 *
 * Calls fail with Refused: an errno, a TLS code, the HTTP status, NOT_DOCKER; with the signal's reason when it is aborted.
 */
export function readingModem(endpoint: EngineEndpoint, signal: AbortSignal): ReadingModem {
  return {
    get: (call) => get(endpoint, call, signal),
    dial(call: Dial, done: (error: unknown, answer?: unknown) => void): void {
      get(endpoint, call, signal).then((answer) => done(null, answer), done);
    },
  };
}

async function get({ connection }: EngineEndpoint, { method, path, options, isStream = false }: Dial, signal: AbortSignal): Promise<unknown> {
  if (method !== 'GET') throw new Error(`${method} ${path} would not only read`);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const isSocket = 'socketPath' in connection;
  const { tls, basePath } = isSocket ? { tls: undefined, basePath: '' } : connection;
  const request = (tls ? tlsRequest : plainRequest)({
    ...(isSocket ? { socketPath: connection.socketPath } : { host: connection.hostname, port: connection.port }),
    ...(tls ? { ca: tls.ca, cert: tls.cert, key: tls.key, rejectUnauthorized: tls.verify } : {}),
    path: basePath + withQuery(path, options),
    // Without an agent the connection ends with the answer.
    agent: false,
    headers: { host: isSocket ? 'docker' : connection.hostname, accept: 'application/json, */*', 'user-agent': 'caracal-debugger', connection: 'close' },
    signal,
  });
  request.once('response', resolve).on('error', reject).end();
  try {
    const response = await promise;
    if (isStream && response.statusCode === 200) return response;
    const answer = await read(response);
    request.destroy();
    return answer;
  } catch (error) {
    request.destroy();
    signal.throwIfAborted();
    throw refusedBy(error, 'it does not answer as a Docker Engine');
  }
}

function withQuery(path: string, options: Dial['options']): string {
  if (!path.endsWith('?')) return path;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options ?? {})) {
    if (value === undefined) continue;
    query.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return query.size === 0 ? path.slice(0, -1) : path + query.toString();
}

async function read(response: IncomingMessage): Promise<unknown> {
  const isJson = /^application\/json\b/i.test(response.headers['content-type'] ?? '');
  const body = await bounded(response, isJson ? jsonLimitBytes + 1 : rawLimitBytes);
  const status = response.statusCode ?? 0;
  const answer = isJson ? parsed(body) : body;
  if (status !== 200) throw new Refused(String(status), messageOf(answer) ?? `it answered with HTTP ${status}`);
  return answer;
}

async function bounded(response: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= limitBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, limitBytes);
}

function parsed(body: Buffer): unknown {
  if (body.length > jsonLimitBytes) throw new Refused('NOT_DOCKER', `an answer is larger than ${jsonLimitBytes / 1024 / 1024} MB`);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Refused('NOT_DOCKER', 'it does not answer as a Docker Engine');
  }
}

function messageOf(answer: unknown): string | undefined {
  const message = typeof answer === 'object' && answer !== null && 'message' in answer ? answer.message : undefined;
  return typeof message === 'string' ? message.slice(0, 300) : undefined;
}
