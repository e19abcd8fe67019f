import { request as plainRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { errnoOf } from '../smallFile.ts';
import { abortable } from './abortable.ts';
import type { Connection } from './connection.ts';

/** One request to an API server. */
export interface Sent {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly text: string } | undefined;
  /** On a connection of its own: what streams would keep others from those that they share. */
  readonly alone?: true | undefined;
}

/**
 * Sends one request with the credential of the connection, and returns when the answer begins.
 *
 * It sends whatever it is told: only the reader, and remedies/run.ts, may use it.
 *
 * @param limit Ends the request and the answer.
 * @throws Unavailable when the user cannot sign in; an error of Node; the reason of `limit`
 */
export async function send(connection: Connection, sent: Sent, limit: AbortSignal): Promise<IncomingMessage> {
  const options = await abortable(connection.options(), limit);
  const { server, pool } = connection;
  const url = new URL(server + sent.path);
  const { method, headers, body } = sent;
  const attempt = async (): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, {
      ...options,
      ...(pool === undefined ? {} : { agent: sent.alone ? false : pool }),
      method,
      signal: limit,
      headers: {
        ...(options.headers as Readonly<Record<string, string>>),
        'user-agent': 'caracal-debugger',
        ...headers,
        ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
      },
    });
    request.once('response', resolve);
    request.on('error', reject);
    request.end(body?.text);
    try {
      return await promise;
    } catch (error) {
      request.destroy();
      // The server closed an idle connection while it was taken up again: this one is not in the pool any more.
      if (request.reusedSocket && !limit.aborted && /^(?:ECONNRESET|EPIPE)$/.test(errnoOf(error) ?? '')) return attempt();
      throw error;
    }
  };
  return attempt();
}
