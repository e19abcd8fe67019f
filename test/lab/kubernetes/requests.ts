import type { IncomingMessage } from 'node:http';
import type { Attributes } from './access.ts';
import type { Resource } from './resources.ts';
import { Refusal } from './status.ts';

/** A request for a resource: what it wants, and of which kind. */
export interface ResourceRequest {
  readonly attributes: Attributes;
  /** Absent when this server has none of that name. */
  readonly resource: Resource | undefined;
}

/**
 * What a path of the API means (kubernetes apiserver, RequestInfo).
 *
 * @returns undefined when it is no resource path
 */
export function resourceRequest(method: string, url: URL, resources: readonly Resource[]): ResourceRequest | undefined {
  const parts = url.pathname.split('/').filter((part) => part !== '').map(decodeURIComponent);
  const [root, ...rest] = parts;
  const group = root === 'api' ? '' : root === 'apis' ? rest.shift() : undefined;
  const version = rest.shift();
  if (group === undefined || version === undefined || rest.length === 0) return undefined;
  let namespace = '';
  if (rest[0] === 'namespaces' && rest[1] !== undefined) {
    namespace = rest[1];
    if (rest.length > 2) rest.splice(0, 2);
  }
  const [plural = '', name = '', subresource] = rest;
  const resource = resources.find((one) => one.plural === plural && one.group === group && one.version === version);
  const isWatch = ['true', '1', ''].includes(url.searchParams.get('watch') ?? 'false');
  const named = name !== '' ? name : /(?:^|,)metadata\.name=([^,]+)/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1] ?? '';
  const verb = method === 'GET' ? (name !== '' ? 'get' : isWatch ? 'watch' : 'list') : writes[method] ?? method.toLowerCase();
  return { attributes: { verb, group, resource: plural, namespace, name: named, ...(subresource === undefined ? {} : { subresource }) }, resource };
}

const writes: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** The body of a request, at most 1 MiB. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > 1024 * 1024) throw new Refusal(413, 'RequestEntityTooLarge', 'limit is 1048576');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A JSON object; undefined when it is none. */
export function jsonObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? value as Readonly<Record<string, unknown>> : undefined;
  } catch {
    return undefined;
  }
}
