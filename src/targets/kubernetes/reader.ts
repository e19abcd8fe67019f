import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import * as z from 'zod';
import type { Redactor } from '../../redaction/redactor.ts';
import { refusedBy } from '../endpoints/sockets.ts';
import { Refused, Unavailable } from '../failures.ts';
import { lastWords, linesRead } from '../lastWords.ts';
import type { Connection } from './connection.ts';
import { watchSchema } from './objects.ts';
import { nameOf, pathOf, resources } from './resources.ts';
import type { Resource } from './resources.ts';
import { send } from './wire.ts';

const inflate = promisify(gunzip);

/** How long one answer may take. */
const deadlineMs = 10_000;

/** No page of a list is larger; what is larger is no answer of an API server. */
const largestBody = 64 * 1024 * 1024;

/** Objects of a page. A hundred pods are 1 MB, which takes the thread for less than 50 ms; their metadata alone is small. */
const page = { whole: 100, metadata: 500 };

/** A list is cut here, and says so. */
const mostItems = 5_000;

/** A watch gets a bookmark about each minute. */
const silenceMs = 150_000;

/** Of a request to wait, no more than this is followed. */
const longestRetryMs = 3_000;

const metadataListOnly = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

export interface ListQuestion<Item extends z.ZodType> {
  readonly resource: Resource;
  /** Undefined: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labels?: string;
  readonly fields?: string;
  /** Leaves `spec`, `status` and `data` at the server. */
  readonly metadataOnly?: boolean;
  /** Objects of one page, by default 100, and 500 of metadata. */
  readonly page?: number;
  readonly item: Item;
}

export interface Listed<Item> {
  readonly items: readonly Item[];
  /** There are more, which were not read. */
  readonly truncated: boolean;
  /** Where a watch goes on. */
  readonly version: string;
}

/** Which part of a log. */
export interface LogPart {
  /** RFC 3339; the API server takes whole seconds. */
  readonly since: string | undefined;
  readonly tail: number | undefined;
  readonly follow: boolean;
  readonly previous: boolean;
}

/** A permission, as a SelfSubjectAccessReview asks for it. */
export interface Permission {
  readonly verb: string;
  readonly resource: Resource;
  readonly subresource?: string;
  readonly namespace: string;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Asked {
  readonly path: string;
  readonly accept?: string;
  /** Only of an access review. */
  readonly body?: string;
  /** Read as it comes. */
  readonly streamed?: true;
  /** What a refusal says is not allowed, such as `list pods`, and where. */
  readonly action: string;
  readonly place: string;
}

const statusSchema = z.object({ reason: z.string().optional(), message: z.string().optional() });
const pageSchema = z.object({ metadata: z.object({ continue: z.string().optional(), resourceVersion: z.string().optional() }).optional(), items: z.array(z.unknown()).nullish() });
const reviewSchema = z.object({ status: z.object({ allowed: z.boolean().optional() }) });

/**
 * Reads from one API server: get, list and log by GET, and access reviews, which change nothing.
 * There is no way to send anything else.
 *
 * All methods throw Refused with an errno, a TLS code, or the reason of the server's Status;
 * Unavailable where the server forbids it or the user cannot sign in; the signal's reason.
 */
export class Reader {
  readonly #connection: Connection;
  readonly #redactor: Redactor;
  /** `Date` of the newest answer, ISO 8601: the clock of the API server. */
  at: string | null = null;

  constructor(connection: Connection, redactor: Redactor) {
    this.#connection = connection;
    this.#redactor = redactor;
  }

  /** One object; null when there is none. */
  async get<Content extends z.ZodType>(resource: Resource, namespace: string, name: string, content: Content, signal: AbortSignal): Promise<z.output<Content> | null> {
    try {
      const { body } = await this.#ask({ path: pathOf(resource, namespace, name), ...actionOf('get', nameOf(resource), namespace) }, signal);
      return parsed(content, body);
    } catch (error) {
      if (error instanceof Refused && error.code === 'NotFound') return null;
      throw error;
    }
  }

  /** All objects of a kind, page by page, at most 5,000. A list that expires in between begins once more. */
  async list<Item extends z.ZodType>(question: ListQuestion<Item>, signal: AbortSignal): Promise<Listed<z.output<Item>>> {
    try {
      return await this.#list(question, signal);
    } catch (error) {
      if (error instanceof Refused && (error.code === 'Expired' || error.code === 'Gone')) return this.#list(question, signal);
      throw error;
    }
  }

  async #list<Item extends z.ZodType>({ resource, namespace, labels, fields, metadataOnly: lean = false, page: limit = lean ? page.metadata : page.whole, item }: ListQuestion<Item>, signal: AbortSignal): Promise<Listed<z.output<Item>>> {
    const items: z.output<Item>[] = [];
    let next: string | undefined;
    let version = '';
    do {
      const query = new URLSearchParams({
        limit: String(limit),
        ...(labels === undefined ? {} : { labelSelector: labels }),
        ...(fields === undefined ? {} : { fieldSelector: fields }),
        ...(next === undefined ? {} : { continue: next }),
      });
      const { body } = await this.#ask({
        path: `${pathOf(resource, namespace)}?${query.toString()}`,
        ...(lean ? { accept: metadataListOnly } : {}),
        ...actionOf('list', nameOf(resource), namespace),
      }, signal);
      const answer = parsed(pageSchema, body);
      for (const one of answer.items ?? []) items.push(itemOf(item, one));
      next = answer.metadata?.continue || undefined;
      version = answer.metadata?.resourceVersion ?? version;
    } while (next !== undefined && items.length < mostItems);
    return { items, truncated: next !== undefined, version };
  }

  /** What happens to objects of a kind after `version`. Ends when the server ends it, or falls silent: it says something each minute. */
  async *watch<Item extends z.ZodType>({ resource, namespace, labels, version, item }: ListQuestion<Item> & { readonly version: string }, signal: AbortSignal): AsyncGenerator<{ readonly type: string; readonly object: z.output<Item> }> {
    const query = new URLSearchParams({ watch: 'true', allowWatchBookmarks: 'true', resourceVersion: version, ...(labels === undefined ? {} : { labelSelector: labels }) });
    const asked: Asked = { path: `${pathOf(resource, namespace)}?${query.toString()}`, streamed: true, ...actionOf('watch', nameOf(resource), namespace) };
    const response = await this.#stream(asked, signal);
    try {
      response.setTimeout(silenceMs, () => response.destroy());
      for await (const line of linesOf(response)) {
        const { type, object } = parsed(watchSchema, line);
        if (type === 'ERROR') return;
        if (type !== 'BOOKMARK') yield { type, object: itemOf(item, object) };
      }
    } catch (error) {
      throw failureOf(error, signal, signal);
    } finally {
      response.destroy();
    }
  }

  /**
   * What a container logs, each line with its stamp. Ends when the container or the server ends it, and when
   * nothing comes for as long as an answer may take where nothing is followed.
   */
  async *log(namespace: string, { pod, container }: { readonly pod: string; readonly container: string }, { since, tail, follow, previous }: LogPart, signal: AbortSignal): AsyncGenerator<Buffer> {
    const query = new URLSearchParams({
      container, timestamps: 'true', follow: String(follow), previous: String(previous),
      ...(since === undefined ? {} : { sinceTime: since }),
      ...(tail === undefined ? {} : { tailLines: String(tail) }),
    });
    const asked: Asked = { path: `${pathOf(resources.pods, namespace, pod)}/log?${query.toString()}`, accept: '*/*', streamed: true, ...actionOf('get', 'pods/log', namespace) };
    const response = await this.#stream(asked, signal);
    if (!follow) response.setTimeout(deadlineMs, () => response.destroy(new Refused('ETIMEDOUT', `the API server did not answer within ${deadlineMs / 1_000} s`)));
    try {
      for await (const piece of response as AsyncIterable<Buffer>) yield piece;
    } catch (error) {
      throw failureOf(error, signal, signal);
    } finally {
      response.destroy();
    }
  }

  /** The last lines of a container, or of the one before it; null when there is no such container. */
  async lastLines(namespace: string, pod: string, { container, previous }: { container: string; previous: boolean }, signal: AbortSignal): Promise<readonly string[] | null> {
    const query = new URLSearchParams({ container, previous: String(previous), tailLines: String(linesRead), limitBytes: '65536' });
    try {
      const { body } = await this.#ask({ path: `${pathOf(resources.pods, namespace, pod)}/log?${query.toString()}`, accept: '*/*', ...actionOf('get', 'pods/log', namespace) }, signal);
      return lastWords(body.split('\n').map((line) => line.trimEnd()).filter((line) => line !== ''));
    } catch (error) {
      // A container that never ran has no log: the API server calls that a bad request.
      if (error instanceof Refused && (error.code === 'NotFound' || error.code === 'BadRequest')) return null;
      throw error;
    }
  }

  /** Whether this user has a permission; a SelfSubjectAccessReview is allowed to everybody. */
  async may({ verb, resource, subresource, namespace }: Permission, signal: AbortSignal): Promise<boolean> {
    const { group, plural } = resource;
    const { body } = await this.#ask({
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: JSON.stringify({
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb, group, resource: plural, namespace, ...(subresource === undefined ? {} : { subresource }) } },
      }),
      ...actionOf('create', 'selfsubjectaccessreviews.authorization.k8s.io', undefined),
    }, signal);
    return parsed(reviewSchema, body).status.allowed === true;
  }

  /** Version of the API server, such as v1.34.4. */
  async version(signal: AbortSignal): Promise<string> {
    const { body } = await this.#ask({ path: '/version', action: 'get /version', place: 'the cluster' }, signal);
    return parsed(z.object({ gitVersion: z.string() }), body).gitVersion;
  }

  /** An answer whose body is read as it comes; the deadline is that of its beginning. */
  async #stream(asked: Asked, signal: AbortSignal): Promise<IncomingMessage> {
    const opening = new AbortController();
    const timer = setTimeout(() => opening.abort(), deadlineMs);
    const limit = AbortSignal.any([signal, opening.signal]);
    try {
      const response = await this.#send(asked, signal, limit);
      if (response.statusCode === 200) return response;
      throw refusalOf({ status: response.statusCode ?? 0, body: await bodyOf(response) }, asked, this.#redactor);
    } catch (error) {
      throw failureOf(error, signal, limit);
    } finally {
      clearTimeout(timer);
    }
  }

  async #ask(asked: Asked, signal: AbortSignal): Promise<Answer> {
    let answer = await this.#once(asked, signal);
    if (answer.status === 401) {
      this.#connection.forget();
      answer = await this.#once(asked, signal);
    } else if (answer.status === 429) {
      const seconds = Number(answer.headers['retry-after'] ?? 1);
      await wait(Math.min(Number.isFinite(seconds) ? seconds * 1_000 : 1_000, longestRetryMs), undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
      answer = await this.#once(asked, signal);
    }
    const at = Date.parse(answer.headers.date ?? '');
    if (!Number.isNaN(at)) this.at = new Date(at).toISOString();
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusalOf(answer, asked, this.#redactor);
  }

  async #once(asked: Asked, signal: AbortSignal): Promise<Answer> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
    const response = await this.#send(asked, signal, limit);
    try {
      return { status: response.statusCode ?? 0, headers: response.headers, body: await bodyOf(response) };
    } catch (error) {
      response.destroy();
      throw failureOf(error, signal, limit);
    }
  }

  /** @param limit Ends the request and the answer; `signal` or a deadline. */
  async #send({ path, accept = 'application/json', body, streamed }: Asked, signal: AbortSignal, limit: AbortSignal): Promise<IncomingMessage> {
    try {
      return await send(this.#connection, {
        method: body === undefined ? 'GET' : 'POST', path, headers: { accept, 'accept-encoding': streamed ? 'identity' : 'gzip' },
        body: body === undefined ? undefined : { type: 'application/json', text: body }, alone: streamed,
      }, limit);
    } catch (error) {
      throw failureOf(error, signal, limit);
    }
  }
}

function actionOf(verb: string, resource: string, namespace: string | undefined): Pick<Asked, 'action' | 'place'> {
  return { action: `${verb} ${resource}`, place: namespace === undefined ? 'all namespaces' : `namespace ${namespace}` };
}

/** What is told when the server forbids something. */
export function forbidden(action: string, place: string): Unavailable {
  const [verb = '', ...resource] = action.split(' ');
  return new Unavailable(`no permission: ${action}`, `bind a role that allows verb ${verb} on resource ${resource.join(' ')} in ${place}`);
}

/** What a failed answer means. */
export function refusalOf({ status, body }: Pick<Answer, 'status' | 'body'>, { action, place }: Pick<Asked, 'action' | 'place'>, redactor: Redactor): Error {
  const { reason, message } = statusOf(body);
  switch (status) {
    case 401:
      return new Refused('Unauthorized', 'the API server does not accept the credential of the kubeconfig; sign in again');
    case 403:
      return forbidden(action, place);
    case 429:
      return new Refused('TooManyRequests', 'the API server has too many requests and asks to wait');
    default:
      return new Refused(reason || `HTTP ${status}`, message ? redactor.text(message).slice(0, 500) : `the API server answered ${status} to ${action}`);
  }
}

function statusOf(body: string): z.infer<typeof statusSchema> {
  try {
    return statusSchema.parse(JSON.parse(body));
  } catch {
    return {};
  }
}

function failureOf(error: unknown, signal: AbortSignal, limit: AbortSignal): Error {
  if (error instanceof Unavailable || error instanceof Refused) return error;
  if (signal.aborted) return signal.reason as Error;
  if (limit.aborted) return new Refused('ETIMEDOUT', `the API server did not answer within ${deadlineMs / 1_000} s`);
  return refusedBy(error, 'the API server did not answer in HTTP');
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > largestBody) throw new Refused('TOO_LARGE', 'the answer of the API server is too large');
    for (const line of lines) if (line !== '') yield line;
  }
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > largestBody) throw new Refused('TOO_LARGE', 'the answer of the API server is too large');
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  return (response.headers['content-encoding'] === 'gzip' ? await inflate(bytes, { maxOutputLength: largestBody }) : bytes).toString('utf8');
}

function parsed<Content extends z.ZodType>(content: Content, body: string): z.output<Content> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Refused('NOT_KUBERNETES', 'what answers there is no API server of Kubernetes');
  }
  return itemOf(content, value);
}

function itemOf<Content extends z.ZodType>(content: Content, value: unknown): z.output<Content> {
  const { data, error } = content.safeParse(value);
  if (error) throw new Refused('NOT_KUBERNETES', `an object of the API server has an unknown form at ${error.issues[0]?.path.join('.') || 'its top'}`);
  return data;
}
