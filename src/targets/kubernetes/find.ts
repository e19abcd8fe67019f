import { homedir } from 'node:os';
import type * as z from 'zod';
import type { KubernetesTarget } from '../../model/target.ts';
import { createRedactor } from '../../redaction/redactor.ts';
import { Refused, Unavailable } from '../failures.ts';
import type { LocatedTarget } from '../located.ts';
import { connectionOf } from './connection.ts';
import type { Connection } from './connection.ts';
import { decodeRelease } from './helm.ts';
import { readKubeconfig } from './kubeconfig.ts';
import type { Kubeconfig } from './kubeconfig.ts';
import { metadataSchema, secretSchema } from './objects.ts';
import { Reader } from './reader.ts';
import { resources, selectorOf } from './resources.ts';
import type { Resource } from './resources.ts';

/** What was found in one cluster. */
export interface FoundReleases {
  readonly cluster:
    /** `words` say where was looked, and what could not be seen. */
    | { readonly ok: true; readonly context: string; readonly words: string }
    /** `context` is null where no context could be chosen. */
    | { readonly ok: false; readonly context: string | null; readonly why: string; readonly wayOut: string };
  /** All contexts of the kubeconfig; the others were not asked. */
  readonly contexts: readonly string[];
  readonly found: readonly LocatedTarget<KubernetesTarget>[];
}

/** Of namespaces that must be asked one by one, no more than this. */
const mostNamespaces = 100;

/** Namespaces that are asked at the same time. */
const atOnce = 8;

/** A release of another chart is recognised only by decoding what Helm stored; no more than this. */
const mostDecoded = 20;

type Metadata = z.output<typeof metadataSchema>['metadata'];

interface FoundRelease {
  readonly namespace: string;
  readonly release: string;
  /** Newest revision that Helm keeps. */
  revision: number | undefined;
}

/**
 * Looks for Helm releases of Caracal in one cluster: by the labels of their workloads and of Helm's own
 * Secrets, metadata only and never by pods, so that it takes as long in a large cluster as in a small
 * one. Where not all namespaces may be listed, they are asked one by one; else the context's own.
 *
 * @param options.context Context to look in; without it the current one. No other cluster is contacted.
 * @throws the signal's reason when it is aborted.
 */
export async function findReleases(environment: NodeJS.ProcessEnv, signal: AbortSignal, options: { readonly context?: string } = {}): Promise<FoundReleases> {
  const redactor = createRedactor();
  let kubeconfig: Kubeconfig | undefined;
  let connection: Connection | undefined;
  try {
    kubeconfig = await readKubeconfig({ path: undefined, folder: environment['HOME'] || homedir(), environment });
    connection = connectionOf(kubeconfig, options.context, redactor, signal);
    const { found, where } = await lookIn(new Reader(connection, redactor), connection.namespace, signal);
    const { context, server, from } = connection;
    const words = `context ${context} at ${server}, of ${from}${where === undefined ? '' : `; ${where}`}`;
    return { cluster: { ok: true, context, words }, contexts: [...kubeconfig.contexts.keys()], found: found.map((release) => located(release, context)) };
  } catch (error) {
    signal.throwIfAborted();
    const { why, wayOut } = reasonOf(error, connection);
    return { cluster: { ok: false, context: connection?.context ?? options.context ?? kubeconfig?.current ?? null, why, wayOut }, contexts: [...(kubeconfig?.contexts.keys() ?? [])], found: [] };
  } finally {
    connection?.close();
  }
}

function reasonOf(error: unknown, connection: Connection | undefined): { readonly why: string; readonly wayOut: string } {
  if (error instanceof Unavailable) return { why: error.message, wayOut: error.wayOut };
  if (error instanceof Refused) {
    const server = connection?.server ?? 'the API server';
    return error.code === 'Unauthorized'
      ? { why: error.message, wayOut: 'sign in again in a terminal, for example by kubectl get pods, and look again' }
      : { why: `${server} cannot be asked: ${error.message} (${error.code})`, wayOut: 'start the cluster, or choose another context' };
  }
  throw error;
}

function located({ namespace, release, revision }: FoundRelease, context: string): LocatedTarget<KubernetesTarget> {
  const name = release === namespace ? release : `${release} in ${namespace}`;
  return {
    id: `kubernetes:${context}/${namespace}/${release}`,
    target: { kind: 'kubernetes', name: name.slice(0, 80), context, namespace, release },
    folder: homedir(),
    origin: `context ${context}, namespace ${namespace}${revision === undefined ? '' : `, revision ${revision}`}`,
  };
}

/** @returns `where`: what was not looked at, in words. */
async function lookIn(reader: Reader, ownNamespace: string, signal: AbortSignal): Promise<{ readonly found: readonly FoundRelease[]; readonly where: string | undefined }> {
  const everywhere = await releasesIn(reader, undefined, signal);
  if (everywhere.seen) return { found: everywhere.found, where: everywhere.partly };
  const { namespaces, where } = await namespacesOf(reader, ownNamespace, signal);
  const found: FoundRelease[] = [];
  let forbidden = 0;
  for (let start = 0; start < namespaces.length; start += atOnce) {
    const answers = await Promise.all(namespaces.slice(start, start + atOnce).map((namespace) => releasesIn(reader, namespace, signal)));
    found.push(...answers.flatMap((answer) => answer.found));
    forbidden += answers.filter(({ seen }) => !seen).length;
  }
  if (forbidden === namespaces.length) {
    const place = namespaces.length === 1 ? `namespace ${namespaces[0]}` : 'any namespace';
    throw new Unavailable(`no permission: list deployments.apps in ${place}`, `bind a role that allows verb list on deployments.apps and statefulsets.apps where Caracal runs, or add a target of kind kubernetes`);
  }
  return { found, where };
}

async function namespacesOf(reader: Reader, own: string, signal: AbortSignal): Promise<{ readonly namespaces: readonly string[]; readonly where: string }> {
  try {
    const { items } = await reader.list({ resource: resources.namespaces, metadataOnly: true, item: metadataSchema }, signal);
    const names = items.map(({ metadata: { name } }) => name);
    const namespaces = [own, ...names.filter((name) => name !== own)].slice(0, mostNamespaces);
    return { namespaces, where: names.length > mostNamespaces ? `looked at ${mostNamespaces} of ${names.length} namespaces` : `looked at ${names.length} namespaces one by one` };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { namespaces: [own], where: `looked at namespace ${own} only: others may not be listed` };
  }
}

/** Releases of one namespace, or of all; `seen` is false where nothing may be listed. */
async function releasesIn(reader: Reader, namespace: string | undefined, signal: AbortSignal): Promise<{ readonly seen: boolean; readonly found: readonly FoundRelease[]; readonly partly: string | undefined }> {
  const labels = selectorOf({ 'app.kubernetes.io/part-of': 'caracal' });
  const metadataOf = async (resource: Resource, question: { readonly labels: string; readonly fields?: string }): Promise<readonly Metadata[] | undefined> => {
    try {
      const { items } = await reader.list({ resource, namespace, ...question, metadataOnly: true, item: metadataSchema }, signal);
      return items.map(({ metadata }) => metadata);
    } catch (error) {
      if (error instanceof Unavailable) return undefined;
      throw error;
    }
  };
  const [deployments, statefulSets, jobs, secrets] = await Promise.all([
    metadataOf(resources.deployments, { labels }),
    metadataOf(resources.statefulSets, { labels }),
    metadataOf(resources.jobs, { labels }),
    metadataOf(resources.secrets, { labels: selectorOf({ owner: 'helm' }), fields: 'type=helm.sh/release.v1' }),
  ]);
  const workloads = deployments !== undefined || statefulSets !== undefined;
  const releases = new Map<string, FoundRelease>();
  const add = (place: string, release: string): FoundRelease => {
    const key = `${place}/${release}`;
    const known = releases.get(key) ?? { namespace: place, release, revision: undefined };
    releases.set(key, known);
    return known;
  };
  for (const { labels: own, namespace: place } of [...(deployments ?? []), ...(statefulSets ?? []), ...(jobs ?? [])]) {
    const release = own['app.kubernetes.io/instance'];
    if (release !== undefined) add(place, release);
  }
  for (const { place, release, revision, status, name } of newestRevisions(secrets ?? [])) {
    const key = `${place}/${release}`;
    // A release that runs is known by its workloads; only one that never came so far must be looked into.
    const isOpen = releases.has(key) || (workloads && status === 'deployed');
    if (!isOpen && releases.size < mostDecoded && (await isCaracal(reader, place, name, signal))) add(place, release);
    const known = releases.get(key);
    if (known) known.revision = revision;
  }
  return { seen: workloads || secrets !== undefined, found: [...releases.values()], partly: workloads ? undefined : 'workloads may not be listed: found by what Helm stored' };
}

interface NewestRevision {
  readonly place: string;
  readonly release: string;
  readonly revision: number;
  readonly status: string | undefined;
  /** Name of the Secret. */
  readonly name: string;
}

function newestRevisions(secrets: readonly Metadata[]): readonly NewestRevision[] {
  const newest = new Map<string, NewestRevision>();
  for (const { name, namespace: place, labels } of secrets) {
    const { name: release, version, status } = labels;
    const revision = Number(version);
    if (release === undefined || !Number.isInteger(revision)) continue;
    const key = `${place}/${release}`;
    if ((newest.get(key)?.revision ?? -1) < revision) newest.set(key, { place, release, revision, status, name });
  }
  return [...newest.values()];
}

async function isCaracal(reader: Reader, namespace: string, secret: string, signal: AbortSignal): Promise<boolean> {
  try {
    const stored = await reader.get(resources.secrets, namespace, secret, secretSchema, signal);
    return stored !== null && (await decodeRelease(stored.data['release'] ?? '')).chart.metadata.name === 'caracal';
  } catch {
    signal.throwIfAborted();
    // What cannot be read or decoded cannot be told to be Caracal's.
    return false;
  }
}
