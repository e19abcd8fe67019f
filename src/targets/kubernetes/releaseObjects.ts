import type * as z from 'zod';
import type { WorkloadFacts } from '../../model/kubernetes.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import { Unavailable } from '../failures.ts';
import {
  componentLabel,
  controllerRevisionSchema,
  endpointSliceSchema,
  eventSchema,
  jobSchema,
  podSchema,
  replicaSetSchema,
  secretSchema,
  selects,
  serviceSchema,
  workloadSchema,
} from './objects.ts';
import type { EndpointSlice, Event, Job, Pod, Secret, Service } from './objects.ts';
import type { ComponentLabels } from './policies.ts';
import type { ListQuestion, Listed, Reader } from './reader.ts';
import { resources, selectorOf } from './resources.ts';
import { learnSecret } from './secrets.ts';
import type { ComponentTemplate } from './secrets.ts';
import { Shared } from './shared.ts';
import type { KnownWorkload } from './workloads.ts';
import { controllerRevisions, replicaSetRevisions } from './workloads.ts';

/** What was answered; a missing permission is `fallback`, and everything else is thrown. */
export async function unlessForbidden<Value, Fallback>(promise: Promise<Value>, fallback: Fallback): Promise<Value | Fallback> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Unavailable) return fallback;
    throw error;
  }
}

export interface ReleaseObjectsOptions {
  readonly namespace: string;
  readonly release: string;
  readonly reader: Reader;
  readonly redactor: Redactor;
  /** Aborted when the deployment is closed. */
  readonly closed: AbortSignal;
}

/** Objects of a release. Every list is narrowed to it, and what several questions need is asked once. */
export class ReleaseObjects {
  readonly namespace: string;
  readonly release: string;
  readonly reader: Reader;
  readonly shared: Shared;
  readonly #redactor: Redactor;

  constructor({ namespace, release, reader, redactor, closed }: ReleaseObjectsOptions) {
    this.namespace = namespace;
    this.release = release;
    this.reader = reader;
    this.shared = new Shared(closed);
    this.#redactor = redactor;
  }

  /** What every object of the chart carries, pods excepted: contract, deploy 2.3. */
  get ownLabels(): string {
    return selectorOf({ 'app.kubernetes.io/instance': this.release, 'app.kubernetes.io/part-of': 'caracal' });
  }

  list<Item extends z.ZodType>(key: string, question: Omit<ListQuestion<Item>, 'namespace'>, signal: AbortSignal): Promise<Listed<z.output<Item>>> {
    return this.shared.ask(key, (closed) => this.reader.list({ ...question, namespace: this.namespace }, closed), signal);
  }

  /** Deployments and StatefulSets; `refused` is what was thrown where one of the two may not be listed. */
  async workloads(signal: AbortSignal): Promise<{ readonly known: readonly KnownWorkload[]; readonly refused: unknown }> {
    const ask = async (kind: KnownWorkload['kind']): Promise<{ readonly known: readonly KnownWorkload[]; readonly refused?: unknown }> => {
      const resource = kind === 'Deployment' ? resources.deployments : resources.statefulSets;
      try {
        const { items } = await this.list(kind, { resource, labels: this.ownLabels, item: workloadSchema }, signal);
        return { known: items.map((workload) => ({ kind, workload })) };
      } catch (refused) {
        signal.throwIfAborted();
        return { known: [], refused };
      }
    };
    const [deployments, statefulSets] = await Promise.all([ask('Deployment'), ask('StatefulSet')]);
    return { known: [...deployments.known, ...statefulSets.known], refused: deployments.refused ?? statefulSets.refused };
  }

  /** @throws what the API server refused, when there is no such workload among what may be listed. */
  async workload(component: string, signal: AbortSignal): Promise<KnownWorkload | null> {
    const { known, refused } = await this.workloads(signal);
    const found = known.find(({ workload: { metadata } }) => metadata.labels[componentLabel] === component);
    if (!found && refused !== undefined) throw refused as Error;
    return found ?? null;
  }

  /** The history of a workload; empty where it may not be listed. */
  async revisions({ kind, workload }: KnownWorkload, signal: AbortSignal): Promise<WorkloadFacts['revisions']> {
    const labels = await this.podSelector(signal);
    if (kind === 'Deployment') {
      const sets = await unlessForbidden(this.list('replicaSets', { resource: resources.replicaSets, labels, item: replicaSetSchema }, signal), null);
      return replicaSetRevisions(workload, sets?.items ?? []);
    }
    const revisions = await unlessForbidden(this.list('controllerRevisions', { resource: resources.controllerRevisions, labels, item: controllerRevisionSchema }, signal), null);
    return controllerRevisions(workload, revisions?.items ?? []);
  }

  /** Pods of the release, those of hook jobs among them. */
  async pods(signal: AbortSignal): Promise<readonly Pod[]> {
    const labels = await this.podSelector(signal);
    return (await this.list('pods', { resource: resources.pods, labels, item: podSchema }, signal)).items;
  }

  /** Pods of a component, newest first. */
  async podsOf(component: string, signal: AbortSignal): Promise<readonly Pod[]> {
    const [{ known }, pods] = await Promise.all([this.workloads(signal), this.pods(signal)]);
    const workload = known.find(({ workload: { metadata } }) => metadata.labels[componentLabel] === component)?.workload;
    return newestFirst(pods.filter(({ metadata: { labels } }) => (workload ? selects(workload.spec.selector, labels) : labels[componentLabel] === component)));
  }

  /** What the selectors of all workloads have in common, which holds for any name that the chart was given. */
  async podSelector(signal: AbortSignal): Promise<string> {
    const { known } = await this.workloads(signal);
    const [first = {}, ...others] = known.map(({ workload }) => workload.spec.selector.matchLabels);
    const common = Object.entries(first).filter(([key, value]) => key !== componentLabel && others.every((labels) => labels[key] === value));
    return selectorOf(common.length === 0 ? { 'app.kubernetes.io/instance': this.release } : Object.fromEntries(common));
  }

  async jobs(signal: AbortSignal): Promise<readonly Job[]> {
    return (await this.list('jobs', { resource: resources.jobs, labels: this.ownLabels, item: jobSchema }, signal)).items;
  }

  async services(signal: AbortSignal): Promise<readonly Service[]> {
    return (await this.list('services', { resource: resources.services, labels: this.ownLabels, item: serviceSchema }, signal)).items;
  }

  async slices(services: readonly Service[], signal: AbortSignal): Promise<readonly EndpointSlice[]> {
    if (services.length === 0) return [];
    const labels = `kubernetes.io/service-name in (${services.map(({ metadata }) => metadata.name).join(',')})`;
    return (await this.list('slices', { resource: resources.endpointSlices, labels, item: endpointSliceSchema }, signal)).items;
  }

  /** Warnings of the whole namespace: events carry no labels. */
  async warnings(signal: AbortSignal): Promise<readonly Event[]> {
    return (await this.list('warnings', { resource: resources.events, fields: 'type=Warning', item: eventSchema }, signal)).items;
  }

  /** A Secret of the namespace, whose values the redactor knows; null when there is none. */
  secret(name: string, signal: AbortSignal): Promise<Secret | null> {
    return this.shared.ask(`secret ${name}`, async (closed) => {
      const secret = await this.reader.get(resources.secrets, this.namespace, name, secretSchema, closed);
      if (secret) learnSecret(secret, this.#redactor);
      return secret;
    }, signal);
  }

  /** The last lines of a container, masked; null where there is no log, or none that may be read. */
  async lastLines(pod: string, { container, previous }: { readonly container: string; readonly previous: boolean }, signal: AbortSignal): Promise<string[] | null> {
    const read = (closed: AbortSignal): Promise<readonly string[] | null> => unlessForbidden(this.reader.lastLines(this.namespace, pod, { container, previous }, closed), null);
    const found = await this.shared.ask(`log ${pod} ${container} ${String(previous)}`, read, signal);
    return found && found.map((line) => this.#redactor.text(line));
  }

  /** Pod templates of workloads and of the hook jobs that there are. */
  async templates(signal: AbortSignal): Promise<readonly (ComponentTemplate & ComponentLabels)[]> {
    const [{ known, refused }, jobs] = await Promise.all([this.workloads(signal), unlessForbidden(this.jobs(signal), [])]);
    if (known.length === 0 && refused !== undefined) throw refused as Error;
    return [...known.map(({ workload }) => workload), ...jobs].map(({ metadata, spec: { template } }) => ({
      component: metadata.labels[componentLabel] ?? metadata.name,
      spec: template.spec,
      labels: template.metadata?.labels ?? {},
    }));
  }
}

export function newestFirst(pods: readonly Pod[]): readonly Pod[] {
  return pods.toSorted((one, other) => Date.parse(other.metadata.creationTimestamp) - Date.parse(one.metadata.creationTimestamp));
}
