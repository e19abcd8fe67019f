import { request as plainRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { refusedBy } from '../endpoints/sockets.ts';
import type { EngineEndpoint } from './engineEndpoint.ts';

/** A list of thousands of containers; a longer answer is none. */
export const jsonLimitBytes = 8 * 1024 * 1024;
/** Lines of a log are cut here. */
const rawLimitBytes = 1024 * 1024;

/** An answer of an engine whose body was read: JSON up to a byte beyond its limit, anything else up to 1 MiB. */
export interface EngineAnswer {
  readonly status: number;
  readonly isJson: boolean;
  readonly body: Buffer;
}

/**
 * Sends one call to an engine, over a connection of its own, which ends with the answer or the abort. With `isStream` a
 * good answer is the response itself, whose connection ends when it is destroyed.
 *
 * It sends whatever it is told: only what reads, and remedies/run.ts, may use it.
 *
 * @throws Refused with an errno or TLS code; the signal's reason when it is aborted
 */
export async function callEngine({ connection }: EngineEndpoint, call: { readonly method: string; readonly path: string; readonly isStream?: boolean }, signal: AbortSignal): Promise<EngineAnswer | IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const isSocket = 'socketPath' in connection;
  const { tls, basePath } = isSocket ? { tls: undefined, basePath: '' } : connection;
  const request = (tls ? tlsRequest : plainRequest)({
    ...(isSocket ? { socketPath: connection.socketPath } : { host: connection.hostname, port: connection.port }),
    ...(tls ? { ca: tls.ca, cert: tls.cert, key: tls.key, rejectUnauthorized: tls.verify } : {}),
    method: call.method,
    path: basePath + call.path,
    // Without an agent the connection ends with the answer.
    agent: false,
    headers: { host: isSocket ? 'docker' : connection.hostname, accept: 'application/json, */*', 'user-agent': 'caracal-debugger', connection: 'close' },
    signal,
  });
  request.once('response', resolve).on('error', reject).end();
  try {
    const response = await promise;
    if (call.isStream === true && response.statusCode === 200) return response;
    const isJson = /^application\/json\b/i.test(response.headers['content-type'] ?? '');
    const answer = { status: response.statusCode ?? 0, isJson, body: await bounded(response, isJson ? jsonLimitBytes + 1 : rawLimitBytes) };
    request.destroy();
    return answer;
  } catch (error) {
    request.destroy();
    signal.throwIfAborted();
    throw refusedBy(error, 'it does not answer as a Docker Engine');
  }
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

/** The engine's own words for a refusal. */
export function messageOf(answer: unknown): string | undefined {
  const message = typeof answer === 'object' && answer !== null && 'message' in answer ? answer.message : undefined;
  return typeof message === 'string' ? message.slice(0, 300) : undefined;
}
