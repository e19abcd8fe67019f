import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { Redactor } from '../../redaction/redactor.ts';
import { refusedBy } from '../endpoints/sockets.ts';
import { Refused, Unavailable } from '../failures.ts';
import { abortable } from './abortable.ts';
import type { Connection } from './connection.ts';
import { ForwardSocket } from './forwardSocket.ts';
import { refusalOf } from './reader.ts';
import { pathOf, resources } from './resources.ts';

/** The subprotocol of port-forward over a WebSocket (kubernetes pkg/kubelet/server/portforward/websocket.go). */
const protocol = 'v4.channel.k8s.io';

const openDeadlineMs = 10_000;

/** A refusal of an upgrade is a small Status. */
const largestRefusal = 64 * 1024;

/** A port of a pod. */
export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/**
 * Opens connections into pods by port-forward, within this process: nothing listens here, so that no
 * one else can use them. The client library's own PortForward shows neither errors nor the end of a
 * connection, and cannot be told to stop while it opens one.
 */
export class Forwards {
  readonly #connection: Connection;
  readonly #redactor: Redactor;
  readonly #closed: AbortSignal;
  readonly #open = new Set<ForwardSocket>();

  /** @param closed Aborted when the deployment is closed; ends what is open or opening. */
  constructor(connection: Connection, redactor: Redactor, closed: AbortSignal) {
    this.#connection = connection;
    this.#redactor = redactor;
    this.#closed = closed;
    closed.addEventListener('abort', () => {
      for (const socket of this.#open) socket.destroy();
    });
  }

  /**
   * Connects to a port of a pod. That nothing listens there is told by an error of the socket, because
   * the kubelet connects only afterwards.
   *
   * @throws Refused with an errno, a TLS code, or the reason of the API server (NotFound when the pod
   *   is gone); Unavailable without permission; the signal's reason, with nothing left open.
   */
  async connect({ namespace, pod, port }: PodPort, signal: AbortSignal): Promise<Socket> {
    const caller = AbortSignal.any([signal, this.#closed]);
    caller.throwIfAborted();
    const limit = AbortSignal.any([caller, AbortSignal.timeout(openDeadlineMs)]);
    const options = await abortable(this.#connection.options(), caller);
    const server = this.#connection.server.replace(/^http/, 'ws');
    const { promise, resolve, reject } = Promise.withResolvers<ForwardSocket>();
    limit.throwIfAborted();
    // A connection of its own: the pool may be full of questions that wait.
    const socket = new WebSocket(`${server}${pathOf(resources.pods, namespace, pod)}/portforward?ports=${port}`, [protocol], {
      ...options,
      handshakeTimeout: openDeadlineMs,
      perMessageDeflate: false,
      followRedirects: false,
    });
    const abort = (): void => {
      reject(caller.aborted ? (caller.reason as Error) : new Refused('ETIMEDOUT', `the API server did not open a port-forward within ${openDeadlineMs / 1_000} s`));
      socket.terminate();
    };
    limit.addEventListener('abort', abort, { once: true });
    socket.on('error', (error) => reject(refusedBy(error, 'the API server did not open a port-forward')));
    socket.on('unexpected-response', (_request, response) => {
      this.#refusal(response, namespace).then(reject, reject).finally(() => socket.terminate());
    });
    socket.on('open', () => {
      const forward = new ForwardSocket(socket, (words) => refusedInPod(words, { namespace, pod, port }, this.#redactor));
      this.#open.add(forward);
      forward.once('close', () => this.#open.delete(forward));
      resolve(forward);
    });
    try {
      return await promise;
    } finally {
      limit.removeEventListener('abort', abort);
    }
  }

  async #refusal(response: IncomingMessage, namespace: string): Promise<Error> {
    const status = response.statusCode ?? 0;
    if (status === 401) this.#connection.forget();
    let body = '';
    for await (const chunk of response as AsyncIterable<Buffer>) {
      body += chunk.toString('utf8');
      if (body.length > largestRefusal) break;
    }
    if (status === 403) return forwardForbidden(namespace, body);
    // The kubelet of a pod whose sandbox has ended: a text, not a Status.
    if (status === 500 && body.startsWith('pod not found')) return new Refused('NotFound', 'the pod does not run any more');
    return refusalOf({ status, body }, { action: 'create pods/portforward', place: `namespace ${namespace}` }, this.#redactor);
  }
}

/** The server tells which verb it asked for: it depends on its version, see permissions.ts. */
export function forwardForbidden(namespace: string, answer = ''): Unavailable {
  const [, verb = 'create'] = /cannot (get|create) resource \\?"pods\/portforward/.exec(answer) ?? [];
  return new Unavailable(
    `no permission: ${verb} pods/portforward`,
    `bind a role that allows verbs get and create on pods/portforward in namespace ${namespace}, or give services in the target with addresses that can be reached from here`,
  );
}

/** What the kubelet says when it could not connect within the pod, or the connection broke. */
export function refusedInPod(words: string, { namespace, pod, port }: PodPort, redactor: Redactor): Refused {
  if (/connection refused/i.test(words)) return new Refused('ECONNREFUSED', `nothing listens on port ${port} of pod ${namespace}/${pod}`);
  if (/reset by peer|broken pipe/i.test(words)) return new Refused('ECONNRESET', 'the connection was closed without an answer');
  if (/timed? ?out/i.test(words)) return new Refused('ETIMEDOUT', `no answer from port ${port} of pod ${namespace}/${pod}`);
  return new Refused('PORT_FORWARD', redactor.text(words.trim()).slice(0, 300));
}
