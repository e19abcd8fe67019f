import type { ServerResponse } from 'node:http';
import type { Form, Selection } from './lists.ts';
import { shown } from './lists.ts';
import type { KubernetesObject } from './objects.ts';
import { groupVersion } from './resources.ts';
import { invalidList, Refusal } from './status.ts';
import type { Change, Store } from './store.ts';
import { TooOld } from './store.ts';

interface WatchOptions {
  readonly store: Store;
  readonly query: URLSearchParams;
  readonly form: Form;
  readonly response: ServerResponse;
  /** Between two bookmarks. */
  readonly bookmarkMs: number;
  /** Whether the server has the feature WatchList, which servers of version 1.32 have and many others have not. */
  readonly watchList: boolean;
  /** How a watch from a forgotten version is refused: as an event of the stream, or by the status of the answer. */
  readonly expired: 'event' | 'status';
}

/** A running watch. */
export interface RunningWatch {
  readonly ended: Promise<void>;
  /** Tells the client that its version is too old, and ends. */
  expire(): void;
}

/**
 * Sends changes as one JSON object a line. Without a version, or from version 0, sends what is there first.
 *
 * @throws Refusal for what a server without WatchList does not know, and for an expired version
 */
export function watchObjects({ resource, namespace, fits }: Selection, options: WatchOptions): RunningWatch {
  const { store, query, form, response, bookmarkMs, watchList, expired } = options;
  const sendsInitial = query.get('sendInitialEvents') === 'true';
  if (query.has('sendInitialEvents') && !watchList) {
    throw invalidList('sendInitialEvents', 'Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled');
  }
  const concerns = (object: KubernetesObject | undefined): object is KubernetesObject => object !== undefined
    && (namespace === '' || object.metadata.namespace === namespace) && fits(object);
  const eventOf = ({ version, before, after }: Change): { type: string; object: KubernetesObject } | undefined => {
    if (concerns(after)) return { type: concerns(before) ? 'MODIFIED' : 'ADDED', object: after };
    return concerns(before) ? { type: 'DELETED', object: { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } } } : undefined;
  };

  let columns = true;
  const send = ({ type, object }: { type: string; object: KubernetesObject }): void => {
    line(type, shown(resource, object, form, columns));
    columns = false;
  };
  const line = (type: string, object: unknown): void => {
    response.write(`${JSON.stringify({ type, object })}\n`);
  };
  const tooOld = (from: string): Refusal => new Refusal(410, 'Expired', `too old resource version: ${from} (${store.compacted})`);

  const from = query.get('resourceVersion') ?? '';
  let missed: readonly Change[] = [];
  let refusal: Refusal | undefined;
  if (from !== '' && from !== '0' && !sendsInitial) {
    if (!/^\d+$/.test(from)) throw new Refusal(500, 'InternalError', `strconv.ParseUint: parsing "${from}": invalid syntax`);
    try {
      missed = store.changesSince(Number(from));
    } catch (error) {
      if (!(error instanceof TooOld)) throw error;
      refusal = tooOld(from);
      if (expired === 'status') throw refusal;
    }
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();

  const { promise: ended, resolve } = Promise.withResolvers<undefined>();
  const bookmark = (annotations?: Record<string, string>): void => {
    const metadata = { resourceVersion: String(store.version), creationTimestamp: null, ...(annotations === undefined ? {} : { annotations }) };
    line('BOOKMARK', { kind: resource.kind, apiVersion: groupVersion(resource), metadata });
  };
  const withBookmarks = query.get('allowWatchBookmarks') === 'true';
  const end = (): void => {
    unsubscribe();
    clearInterval(bookmarks);
    clearTimeout(timeout);
    response.end();
    resolve(undefined);
  };
  const pass = (change: Change): void => {
    const event = change.plural === resource.plural ? eventOf(change) : undefined;
    if (event !== undefined) send(event);
  };
  const unsubscribe = store.subscribe(pass);
  const bookmarks = setInterval(() => {
    if (withBookmarks) bookmark();
  }, bookmarkMs).unref();
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  const timeout = setTimeout(() => {
    if (withBookmarks) bookmark();
    end();
  }, (seconds > 0 ? seconds : defaultTimeoutSeconds) * 1000).unref();
  response.on('close', end);
  const expire = (reason: Refusal): void => {
    line('ERROR', reason.status);
    end();
  };
  if (refusal !== undefined) expire(refusal);
  else if (from === '' || from === '0' || sendsInitial) {
    for (const object of store.list(resource.plural)) if (concerns(object)) send({ type: 'ADDED', object });
    if (sendsInitial) bookmark({ 'k8s.io/initial-events-end': 'true' });
  } else missed.forEach(pass);
  return {
    ended,
    expire: () => {
      expire(tooOld(from));
    },
  };
}

/** The API server's own limit is a random one from 30 to 60 minutes. */
const defaultTimeoutSeconds = 45 * 60;
