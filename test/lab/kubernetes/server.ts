import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { certificate } from '../certificate.ts';
import { freePort } from '../stores/ports.ts';
import type { User } from './access.ts';
import { allows, allowsPath, anonymous, forbidden, forbiddenPath } from './access.ts';
import { answerError, refuseUpgrade, send } from './answers.ts';
import { discovery, version } from './discovery.ts';
import { Gate } from './gate.ts';
import { form, getObject, listObjects, selection } from './lists.ts';
import { chooseLog, logOptions, PodLogs, serveLog } from './logs.ts';
import type { Pod } from './objects.ts';
import type { Address } from './portForward.ts';
import { forwardPorts, portForwardProtocol } from './portForward.ts';
import type { Patched } from './patches.ts';
import { isWorkload, scaleOf, workloadPatch } from './patches.ts';
import type { ResourceRequest } from './requests.ts';
import { bodyOf, jsonObject, resourceRequest } from './requests.ts';
import { decodeReview } from './protobuf.ts';
import { resourcesOf, reviewGroup } from './resources.ts';
import { review } from './reviews.ts';
import { badRequest, noSuchPath, notFound, PlainRefusal, Refusal } from './status.ts';
import type { Store } from './store.ts';
import type { RunningWatch } from './watches.ts';
import { watchObjects } from './watches.ts';

export interface ApiServerOptions {
  readonly store: Store;
  readonly users: readonly User[];
  /** Whether the Prometheus Operator is installed. */
  readonly monitoring?: boolean;
  /** What listens behind a port of a pod. */
  readonly backend?: (pod: Pod, port: number) => Address | undefined;
  /** Does what a PATCH of a workload brings about. Without it, nothing can be changed. */
  readonly patched?: Patched;
  /** Whether the server has the feature WatchList; default: it has, as in version 1.32. */
  readonly watchList?: boolean;
  /** Default: once a minute, as the real server does. */
  readonly bookmarkMs?: number;
}

/** One request that the server has got. */
export interface Served {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly user: string;
}

/** What is open at this moment. */
export interface Counters {
  /** TCP connections. */
  readonly connections: number;
  readonly watches: number;
  /** Logs that somebody follows. */
  readonly follows: number;
  /** Port-forwards. */
  readonly forwards: number;
}

/** An API server that clients of Kubernetes take for one, with switches for what happens to real ones. */
export interface ApiServer {
  readonly url: string;
  /** PEM of the authority that signed the server's certificate. */
  readonly authority: string;
  readonly logs: PodLogs;
  readonly counters: Counters;
  /** All requests so far, oldest first. */
  readonly requests: readonly Served[];
  /** Drops all connections, with whatever runs over them. */
  disconnect(): void;
  /** Stops listening and drops all connections. */
  refuse(): Promise<void>;
  /** Listens again, on the same port. */
  resume(): Promise<void>;
  /** Accepts connections and requests, and lets no byte out. */
  freeze(): void;
  thaw(): void;
  /** Answers every request that much later; 0 ends it. */
  slow(delayMs: number): void;
  /** Answers every request with 429; `undefined` ends it. */
  throttle(retryAfterSeconds: number | undefined): void;
  /** From now on the user's token is none. */
  expireToken(user: string): void;
  renewToken(user: string): void;
  /** Nobody can go on from a version up to now: running watches end with 410, later ones begin with it. */
  expireWatches(how?: 'event' | 'status'): void;
  /** Continue tokens given out so far are too old. */
  expireContinueTokens(): void;
  /** The kubelet of the node cannot be reached: no logs, no port-forwards. */
  cutOffNode(name: string): void;
  /** Ends the pod's port-forwards and followed logs, as when the pod ends. */
  dropStreamsOf(pod: Pod): void;
  close(): Promise<void>;
}

/** Starts the server on a free port of 127.0.0.1. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, users } = options;
  const resources = resourcesOf({ monitoring: options.monitoring ?? false });
  const authority = certificate({ name: 'kubernetes', isAuthority: true });
  const { key, cert } = certificate({ name: 'kube-apiserver', addresses: ['127.0.0.1'], issuer: authority });
  const logs = new PodLogs();
  const webSockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has(portForwardProtocol) ? portForwardProtocol : false) });
  const port = await freePort();

  const watches = new Set<RunningWatch>();
  const forwards = new Set<{ readonly pod: Pod; end(): void }>();
  const served: Served[] = [];
  const expiredTokens = new Set<string>();
  const cutOff = new Set<string>();
  let follows = 0;
  let delayMs = 0;
  let retryAfter: number | undefined;
  let epoch = 0;
  let expired: 'event' | 'status' = 'event';

  const server = createServer({ key, cert: `${cert}${authority.cert}` });
  // The real server keeps idle connections for minutes.
  server.keepAliveTimeout = 180_000;
  server.on('request', (request, response) => {
    handle(request, response).catch((error: unknown) => {
      answerError(response, error);
    });
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined); // the client may be gone already
    upgrade(request, socket, head).catch((error: unknown) => {
      refuseUpgrade(socket, error);
    });
  });

  const userOf = (request: IncomingMessage): User => {
    const { authorization } = request.headers;
    if (authorization === undefined) return anonymous;
    const user = users.find(({ name, token }) => authorization === `Bearer ${token}` && !expiredTokens.has(name));
    if (user === undefined) throw new Refusal(401, 'Unauthorized', 'Unauthorized');
    return user;
  };

  /** Delay, limit, who asks, and whether they may. */
  const admit = async (request: IncomingMessage): Promise<{ user: User; url: URL; wanted: ResourceRequest | undefined }> => {
    const url = new URL(request.url ?? '/', 'https://kubernetes');
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (retryAfter !== undefined) throw new PlainRefusal(429, 'Too many requests, please try again later.', { 'retry-after': String(retryAfter) });
    const user = userOf(request);
    const method = request.method ?? 'GET';
    served.push({ method, url: request.url ?? '/', user: user.name });
    const wanted = resourceRequest(method, url, resources);
    if (wanted === undefined) {
      if (!allowsPath(user, method.toLowerCase(), url.pathname)) throw forbiddenPath(user, method.toLowerCase(), url.pathname);
    } else if (!allows(user, wanted.attributes)) throw forbidden(user, wanted.attributes);
    return { user, url, wanted };
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { user, url, wanted } = await admit(request);
    if (wanted === undefined) {
      answerPath(url.pathname, request, response);
      return;
    }
    const { attributes: { verb, group, resource: plural, subresource, namespace, name }, resource } = wanted;
    if (group === reviewGroup) {
      if (verb !== 'create') throw notAllowed();
      const body = await bodyOf(request);
      const question = jsonObject(body) ?? decodeReview(plural, body);
      if (question === undefined) throw badRequest('the object provided is unrecognized (must be of type SelfSubjectAccessReview): couldn\'t get version/kind');
      send(request, response, 201, review(plural, user, question));
      return;
    }
    if (resource === undefined) {
      const isKnown = resources.some((one) => one.group === group);
      throw isKnown ? new Refusal(404, 'NotFound', 'the server could not find the requested resource', { details: {} }) : noSuchPath();
    }
    if (verb === 'patch' && options.patched !== undefined && isWorkload(plural) && (subresource === undefined || subresource === 'scale')) {
      const patch = workloadPatch.safeParse(jsonObject(await bodyOf(request)));
      if (!patch.success) throw badRequest('the lab takes patches of the template\'s annotations and of replicas alone');
      if (store.find(plural, namespace, name) === undefined) throw notFound(resource, name);
      options.patched(plural, namespace, name, patch.data);
      const changed = store.get(plural, namespace, name);
      send(request, response, 200, subresource === 'scale' ? scaleOf(changed) : changed);
      return;
    }
    if (!['get', 'list', 'watch'].includes(verb)) throw notAllowed();
    const query = url.searchParams;
    const shape = form(request.headers.accept ?? '', query);
    if (subresource === 'log' && plural === 'pods') await answerLog(podOf(namespace, name), query, response);
    else if (subresource === 'portforward' && plural === 'pods') {
      hosted(podOf(namespace, name));
      throw badRequest('Upgrade request required');
    } else if (subresource !== undefined) throw noSuchPath();
    else if (verb === 'watch') {
      await answerWatch(watchObjects(selection(resource, resource.namespaced ? namespace : '', query), {
        store, query, form: shape, response, bookmarkMs: options.bookmarkMs ?? 60_000, watchList: options.watchList ?? true, expired,
      }));
    }
    else if (verb === 'get') send(request, response, 200, getObject(store, resource, namespace, name, shape));
    else send(request, response, 200, listObjects(selection(resource, resource.namespaced ? namespace : '', query), { store, query, form: shape, epoch }));
  };

  const answerPath = (path: string, request: IncomingMessage, response: ServerResponse): void => {
    if (['/healthz', '/livez', '/readyz'].includes(path)) {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }).end('ok');
      return;
    }
    const document = path === '/version' ? version : path === '/openapi/v3' ? { paths: {} } : discovery(path, resources);
    if (document === undefined) throw noSuchPath();
    send(request, response, 200, document);
  };

  const answerWatch = async (watch: RunningWatch): Promise<void> => {
    watches.add(watch);
    await watch.ended;
    watches.delete(watch);
  };

  const podOf = (namespace: string, name: string): Pod => {
    const pod = store.find('pods', namespace, name);
    if (pod === undefined) throw notFound({ plural: 'pods', group: '' }, name);
    return pod;
  };

  const reachKubelet = (pod: Pod, path: string): void => {
    if (pod.spec.nodeName === undefined || !cutOff.has(pod.spec.nodeName)) return;
    const address = `${pod.status.hostIP ?? ''}:10250`;
    const message = `Get "https://${address}${path}": dial tcp ${address}: i/o timeout`;
    throw new Refusal(500, 'InternalError', message, { details: {} });
  };

  const answerLog = async (pod: Pod, query: URLSearchParams, response: ServerResponse): Promise<void> => {
    const log = chooseLog(pod, query, logs);
    if (log === undefined) {
      response.writeHead(204).end();
      return;
    }
    reachKubelet(pod, `/containerLogs/${pod.metadata.namespace ?? ''}/${pod.metadata.name}/${query.get('container') ?? ''}`);
    follows += 1;
    try {
      await serveLog(log, logOptions(pod, query), response);
    } finally {
      follows -= 1;
    }
  };

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const { url, wanted } = await admit(request);
    const { attributes } = wanted ?? {};
    if (attributes?.resource !== 'pods' || attributes.subresource !== 'portforward') throw noSuchPath();
    const pod = podOf(attributes.namespace, attributes.name);
    const { metadata: { name, namespace = '' }, status } = pod;
    hosted(pod);
    const ports = portsOf(url.searchParams);
    reachKubelet(pod, `/portForward/${namespace}/${name}`);
    const hasSandbox = status.podIP !== undefined && !['Failed', 'Succeeded'].includes(status.phase);
    if (!hasSandbox) throw new PlainRefusal(500, `pod not found ("${name}_${namespace}")`);
    const offered = request.headers['sec-websocket-protocol'];
    if (offered?.split(',').every((one) => one.trim() !== portForwardProtocol) === true) throw new PlainRefusal(403, '');
    webSockets.handleUpgrade(request, socket, head, (opened) => {
      const forward = { pod, end: () => opened.terminate() };
      forwards.add(forward);
      opened.on('close', () => {
        forwards.delete(forward);
      });
      opened.on('error', () => undefined); // 'close' follows
      forwardPorts(opened, pod, ports, (one) => options.backend?.(pod, one));
    });
  };

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const gate = new Gate(port, (server.address() as AddressInfo).port);
  await gate.listen();
  return {
    url: `https://127.0.0.1:${port}`,
    authority: authority.cert,
    logs,
    requests: served,
    get counters() {
      return { connections: gate.connections, watches: watches.size, follows, forwards: forwards.size };
    },
    disconnect: () => gate.disconnect(),
    refuse: () => gate.close(),
    resume: () => gate.listen(),
    freeze: () => gate.freeze(),
    thaw: () => gate.thaw(),
    slow: (ms) => {
      delayMs = ms;
    },
    throttle: (seconds) => {
      retryAfter = seconds;
    },
    expireToken: (user) => {
      expiredTokens.add(user);
    },
    renewToken: (user) => {
      expiredTokens.delete(user);
    },
    expireWatches: (how = 'event') => {
      expired = how;
      store.compact();
      for (const watch of [...watches]) watch.expire();
    },
    expireContinueTokens: () => {
      epoch += 1;
    },
    cutOffNode: (name) => {
      cutOff.add(name);
    },
    dropStreamsOf: (pod) => {
      logs.forget(pod);
      for (const forward of [...forwards]) if (forward.pod.metadata.uid === pod.metadata.uid) forward.end();
    },
    close: async () => {
      await gate.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

function notAllowed(): Refusal {
  return new Refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', { details: {} });
}

/** @throws Refusal for a pod that runs nowhere */
function hosted({ metadata: { name }, spec: { nodeName } }: Pod): void {
  if (nodeName === undefined) throw badRequest(`pod ${name} does not have a host assigned`);
}

function portsOf(query: URLSearchParams): readonly number[] {
  const ports = query.getAll('ports').flatMap((list) => list.split(','));
  if (ports.length === 0) throw new PlainRefusal(400, 'query parameter "port" is required');
  return ports.map((port) => {
    if (!/^\d+$/.test(port)) throw badRequest(`cannot convert to []int32: strconv.ParseUint: parsing "${port}": invalid syntax`);
    if (port === '0') throw new PlainRefusal(400, 'port "0" must be > 0');
    return Number(port);
  });
}
