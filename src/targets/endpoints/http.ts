import { ClientRequest, request as plainRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket, connect as connectTls } from 'node:tls';
import type { HttpAnswer, HttpQuestion, HttpService } from '../deployment.ts';
import { openSocket, refusedBy, serverName } from './sockets.ts';
import type { Address } from './sockets.ts';

/** A body is cut here. Caracal's own answers are far smaller. */
const bodyLimitBytes = 1024 * 1024;

export interface HttpServiceOptions {
  readonly url: URL;
  /** How the host is reached when it is not by its own name. */
  readonly via?: Address | undefined;
  /** @throws Unavailable when the target does not give the token. */
  readonly token: (name: NonNullable<HttpQuestion['token']>) => string;
  /** Aborted when the deployment is closed. */
  readonly closed: AbortSignal;
}

/** The one path that is posted to. */
const simulation = /^\/v1\/zones\/[\w-]{1,128}\/policy-sets\/[\w-]{1,128}\/simulate$/;

/**
 * One service, by GET, and by POST for a simulation of the policy alone. Each request has a connection of its own and leaves none behind.
 * Redirects are answers like any other; a token goes to the origin of the service and nowhere else.
 */
export function httpService({ url, via, token, closed }: HttpServiceOptions): HttpService {
  return {
    at: (path) => below(url, path),
    async get({ path, token: name, signal }) {
      const bearer = name === undefined ? undefined : token(name);
      return exchange(below(url, path), { via, bearer, signal: AbortSignal.any([signal, closed]) });
    },
    async simulate({ path, body, signal }) {
      if (!simulation.test(path)) throw new Error(`${path} is not the path of a simulation, and nothing else is posted`);
      return exchange(below(url, path), { via, bearer: token('admin'), posted: JSON.stringify(body), signal: AbortSignal.any([signal, closed]) });
    },
  };
}

/** @throws Error when `path` leads to another origin, which is our own mistake. */
function below(base: URL, path: string): URL {
  const url = new URL(base.pathname.replace(/\/+$/, '') + path, base);
  if (!path.startsWith('/') || url.origin !== base.origin) throw new Error(`${path} does not lie below ${base.origin}`);
  return url;
}

interface Sent {
  readonly via: Address | undefined;
  readonly bearer: string | undefined;
  /** JSON; without it the request is a GET. */
  readonly posted?: string;
  readonly signal: AbortSignal;
}

async function exchange(url: URL, { via, bearer, posted, signal }: Sent): Promise<HttpAnswer> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const startedMs = performance.now();
  const carrier = via && (await openSocket(via, signal));
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const options = {
    host,
    port: url.port,
    path: url.pathname + url.search,
    method: posted === undefined ? 'GET' : 'POST',
    signal,
    rejectUnauthorized: true,
    headers: {
      accept: 'application/json, text/plain;q=0.9, */*;q=0.8',
      'accept-encoding': 'identity',
      'user-agent': 'caracal-debugger',
      connection: 'close',
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(posted === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(posted) }),
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
        ({ body, truncated }) => {
          // Ends the connection also when a body goes on and on.
          request.destroy();
          carrier?.destroy();
          resolve({
            status: response.statusCode ?? 0,
            headers: headersOf(response),
            body,
            truncated,
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
    request.end(posted);
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
