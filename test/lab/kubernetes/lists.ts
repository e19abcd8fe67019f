import type { Event, KubernetesObject } from './objects.ts';
import { groupVersion } from './resources.ts';
import type { Resource } from './resources.ts';
import type { Predicate } from './selectors.ts';
import { fieldSelector, labelSelector } from './selectors.ts';
import { badRequest, invalidList, notFound, Refusal } from './status.ts';
import type { Store } from './store.ts';
import { table } from './tables.ts';

const eventsGroup = 'events.k8s.io';

/** Which objects a list or watch is about. */
export interface Selection {
  readonly resource: Resource;
  /** Empty = all. */
  readonly namespace: string;
  readonly fits: Predicate;
}

/** @throws Refusal for a selector that is none */
export function selection(resource: Resource, namespace: string, query: URLSearchParams): Selection {
  // Events are kept in the form of the core group, whose fields have other names.
  const fields = (query.get('fieldSelector') ?? '').replaceAll('regarding.', 'involvedObject.');
  const [hasLabels, hasFields] = [labelSelector(query.get('labelSelector') ?? ''), fieldSelector(fields, resource)];
  return { resource, namespace, fits: (object) => hasLabels(object) && hasFields(object) };
}

/** How the client wants to read objects: as they are, printed as rows of a Table, or their metadata alone. */
export interface Form {
  readonly as: 'object' | 'Table' | 'PartialObjectMetadata';
  /** What a row of a Table has besides its cells. */
  readonly include: string;
}

export function form(accept: string, query: URLSearchParams): Form {
  const [, as] = /as=(Table|PartialObjectMetadata)/.exec(accept.split(',')[0] ?? '') ?? [];
  return { as: as === 'Table' || as === 'PartialObjectMetadata' ? as : 'object', include: query.get('includeObject') ?? 'Metadata' };
}

/** One object in the group of the resource, and in the form. */
export function shown(resource: Resource, object: KubernetesObject, shape: Form, columns = true): unknown {
  if (shape.as === 'Table') return table(resource.plural, [object], { version: object.metadata.resourceVersion, columns, include: shape.include });
  if (shape.as === 'PartialObjectMetadata') return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
  return served(resource, object);
}

function served(resource: Resource, object: KubernetesObject): KubernetesObject {
  if (resource.group !== eventsGroup) return object;
  const { metadata, involvedObject, message, reason, type, action, count, firstTimestamp, lastTimestamp, source, ...event } = object as Event;
  const { eventTime, reportingComponent, reportingInstance } = event;
  const converted = {
    kind: 'Event', apiVersion: `${eventsGroup}/v1`, metadata, eventTime, reportingController: reportingComponent, ...(reportingInstance === '' ? {} : { reportingInstance }),
    ...(action === undefined ? {} : { action }), reason, regarding: involvedObject, note: message, type, deprecatedSource: source,
    deprecatedFirstTimestamp: firstTimestamp, deprecatedLastTimestamp: lastTimestamp, ...(count === undefined ? {} : { deprecatedCount: count }),
  };
  return converted;
}

/** @throws Refusal when there is none */
export function getObject(store: Store, resource: Resource, namespace: string, name: string, shape: Form): unknown {
  const found = store.find(resource.plural, resource.namespaced ? namespace : '', name);
  if (found === undefined) throw notFound(resource, name);
  return shown(resource, found, shape);
}

interface ListOptions {
  readonly store: Store;
  readonly query: URLSearchParams;
  readonly form: Form;
  /** Continue tokens of an older epoch have expired. */
  readonly epoch: number;
}

/** @throws Refusal 410 for a continue token that has expired, with one to go on regardless; 400 for what is no number; 504 for a version of the future */
export function listObjects({ resource, namespace, fits }: Selection, { store, query, form: shape, epoch }: ListOptions): unknown {
  const token = query.get('continue') ?? '';
  const wanted = query.get('resourceVersion') ?? '';
  if (wanted === '' && query.has('resourceVersionMatch')) {
    const problem = 'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided';
    throw invalidList('resourceVersionMatch', problem);
  }
  checkVersion(store, wanted, token);
  // Version 0 is answered from the server's cache, which does not page.
  const limit = wanted === '0' ? 0 : whole(query.get('limit') ?? '0');
  const start = token === '' ? undefined : startOf(token, epoch);
  const all = store.list(resource.plural, namespace === '' ? undefined : namespace).filter(fits);
  const rest = start === undefined ? all : all.filter((object) => keyOf(object) > start.key);
  const page = limit > 0 ? rest.slice(0, limit) : rest;
  const last = page.at(-1);
  const remaining = rest.length - page.length;
  const isSelected = query.has('labelSelector') || query.has('fieldSelector');
  const version = start?.version ?? String(store.version);
  const more = remaining === 0 || last === undefined
    ? {}
    : { continue: continueToken(keyOf(last), version, epoch), ...(isSelected ? {} : { remainingItemCount: remaining }) };
  if (shape.as === 'Table') return table(resource.plural, page, { version, more, columns: true, include: shape.include });
  const isPartial = shape.as === 'PartialObjectMetadata';
  return {
    kind: isPartial ? 'PartialObjectMetadataList' : `${resource.kind}List`, apiVersion: isPartial ? 'meta.k8s.io/v1' : groupVersion(resource),
    metadata: { resourceVersion: version, ...more },
    items: page.map((object) => (isPartial ? shown(resource, object, shape) : listed(resource, served(resource, object)))),
  };
}

function checkVersion(store: Store, wanted: string, token: string): void {
  if (wanted === '') return;
  if (!/^\d+$/.test(wanted)) {
    throw badRequest(`invalid resource version: resourceVersion: Invalid value: "${wanted}": strconv.ParseUint: parsing "${wanted}": invalid syntax`);
  }
  if (token !== '' && wanted !== '0') throw badRequest('specifying resource version is not allowed when using continue');
  if (Number(wanted) <= store.version) return;
  const message = `Too large resource version: ${wanted}, current: ${store.version}`;
  throw new Refusal(504, 'Timeout', `Timeout: ${message}`, {
    details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 }, retryAfter: 1,
  });
}

function whole(text: string): number {
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  return Number(text);
}

/** Items of lists have no kind of their own, except custom resources. */
function listed(resource: Resource, object: KubernetesObject): unknown {
  if (resource.group === 'monitoring.coreos.com') return object;
  return Object.fromEntries(Object.entries(object).filter(([field]) => field !== 'kind' && field !== 'apiVersion'));
}

const keyOf = ({ metadata }: KubernetesObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;

/** Opaque for clients. A token of epoch −1 never expires: it takes up an expired list. */
function continueToken(key: string, version: string, epoch: number): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: version, epoch, key })).toString('base64url');
}

function startOf(token: string, epoch: number): { key: string; version: string } {
  const [, version, issued, key] = /"rv":"(\d+)","epoch":(-?\d+),"key":"([^"]*)"/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (issued === undefined || key === undefined || version === undefined) {
    throw badRequest('invalid continue token: continue key is not valid: invalid character \'i\' looking for beginning of value');
  }
  if (Number(issued) >= 0 && Number(issued) < epoch) {
    throw new Refusal(410, 'Expired', 'The provided continue parameter is too old to display a consistent list result. You can start a new list without the '
      + 'continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided '
      + 'token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned '
      + 'and now may show up in the list.', { continueFrom: continueToken(key, version, -1) });
  }
  return { key, version };
}
