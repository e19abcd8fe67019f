import { ClientRequest, request as plainRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket, connect as connectTls } from 'node:tls';
import type { HttpAnswer } from '../deployment.ts';
import { openSocket, refusedBy, serverName } from './sockets.ts';
import type { Address } from './sockets.ts';

/** A body is cut here. Caracal's own answers are far smaller. */
const bodyLimitBytes = 1024 * 1024;

/** One request to a service. */
export interface Sent {
  /** Default: GET. */
  readonly method?: 'GET' | 'POST';
  /** How the host is reached when it is not by its own name. */
  readonly via: Address | undefined;
  readonly bearer: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly text: string };
  readonly signal: AbortSignal;
}

/**
 * Sends one request over a connection of its own, which it ends. A redirect is an answer like any other.
 *
 * It sends whatever it is told: only the client that reads, and remedies/run.ts, may use it.
 *
 * @throws Refused with the errno or TLS code, Unavailable of a tunnel, when no HTTP answer came; the signal's reason when it is aborted
 */
export async function exchange(url: URL, { method = 'GET', via, bearer, headers, body, signal }: Sent): Promise<HttpAnswer> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const startedMs = performance.now();
  const carrier = via && (await openSocket(via, signal));
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const options = {
    host,
    port: url.port,
    path: url.pathname + url.search,
    method,
    signal,
    rejectUnauthorized: true,
    headers: {
      accept: 'application/json, text/plain;q=0.9, */*;q=0.8',
      'accept-encoding': 'identity',
      'user-agent': 'caracal-debugger',
      connection: 'close',
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
      ...headers,
    },
  };
  const fail = (error: unknown): void => {
    carrier?.destroy();
    reject(signal.aborted ? (signal.reason as Error) : refusedBy(error, 'it did not answer in HTTP'));
  };
  try {
    const request = send(url, options, carrier);
    request.on('error', fail);
    request.once('response', (response) => {
      const certificate = certificateOf(response.socket);
      readBody(response).then(
        (read) => {
          // Ends the connection also when a body goes on and on.
          request.destroy();
          carrier?.destroy();
          resolve({
            status: response.statusCode ?? 0,
            headers: headersOf(response),
            ...read,
            certificate,
            tookMs: Math.round((performance.now() - startedMs) * 10) / 10,
          });
        },
        (error: unknown) => {
          request.destroy();
          fail(error);
        },
      );
    });
    request.end(body?.text);
  } catch (error) {
    fail(error);
  }
  return promise;
}

/**
 * Begins a request. The editor puts its own agent, which knows the user's proxy, in the place of what the
 * functions of Node are given; a connection that is there already is past any proxy, and no agent may
 * open another.
 */
function send(url: URL, options: RequestOptions & { readonly host: string }, carrier: Socket | undefined): ClientRequest {
  const isTls = url.protocol === 'https:';
  // Without an agent the connection ends with the answer, and nothing is shared between runs.
  if (carrier === undefined) return (isTls ? tlsRequest : plainRequest)({ ...options, agent: false });
  return new ClientRequest({
    ...options,
    createConnection: () => (isTls ? connectTls({ socket: carrier, ...serverName(options.host) }) : carrier),
  });
}

function certificateOf(socket: Socket): HttpAnswer['certificate'] {
  if (!(socket instanceof TLSSocket)) return null;
  const { valid_from: from, valid_to: to } = socket.getPeerCertificate();
  const [startsMs, endsMs] = [Date.parse(from), Date.parse(to)];
  return Number.isNaN(startsMs) || Number.isNaN(endsMs) ? null : { startsMs, endsMs };
}

async function readBody(response: IncomingMessage): Promise<{ body: string; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > bodyLimitBytes) break;
  }
  const truncated = length > bodyLimitBytes;
  // Invalid bytes become U+FFFD, but a character that was only cut is left out.
  const body = new TextDecoder().decode(Buffer.concat(chunks).subarray(0, bodyLimitBytes), { stream: truncated });
  return { body, truncated };
}

/** Headers that came several times are joined by a comma. */
function headersOf(response: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}
