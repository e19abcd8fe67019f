import type {
  AutoscalerFacts,
  ClaimFacts,
  ClusterFacts,
  ComponentFacts,
  HelmFacts,
  JobFacts,
  MonitorsFacts,
  NetworkPolicyFacts,
  PermissionsFacts,
  PodFacts,
  SecretsFacts,
  ServiceObjectFacts,
} from '../../model/kubernetes.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { KubernetesRelease, WorkloadEvent } from '../deployment.ts';
import { Refused, Unavailable } from '../failures.ts';
import type { Connection } from './connection.ts';
import { decodeRelease, revisionFacts } from './helm.ts';
import type { HelmRelease } from './helm.ts';
import { autoscalerSchema, claimSchema, componentLabel, networkPolicySchema, podSchema, secretSchema, serviceMonitorSchema } from './objects.ts';
import type { Event, Job, Pod } from './objects.ts';
import { permissionsOf } from './permissions.ts';
import { conditionFacts, containerOf, eventFacts, isReady, newestEvents, podFacts } from './pods.ts';
import { networkPolicyFacts } from './policies.ts';
import { newestFirst, unlessForbidden } from './releaseObjects.ts';
import type { ReleaseObjects } from './releaseObjects.ts';
import { resources, selectorOf } from './resources.ts';
import { runtimeSecretName, secretNames, secretsFacts } from './secrets.ts';
import { workloadFacts } from './workloads.ts';

const mostWarnings = 20;

/** Secrets of Helm are large: up to 1 MiB each. */
const helmPage = 20;

/** What the checks read of a Helm release, object by object. */
export class Release implements KubernetesRelease {
  readonly place: string;
  readonly #objects: ReleaseObjects;
  readonly #connection: Connection;
  readonly #redactor: Redactor;

  constructor(objects: ReleaseObjects, connection: Connection, redactor: Redactor) {
    this.place = placeOf(objects, connection);
    this.#objects = objects;
    this.#connection = connection;
    this.#redactor = redactor;
  }

  async cluster(signal: AbortSignal): Promise<ClusterFacts> {
    const { reader, namespace, release } = this.#objects;
    const version = await this.#version(signal);
    const { context, server, from } = this.#connection;
    return { context, server, from, namespace, release, version, at: reader.at };
  }

  #version(signal: AbortSignal): Promise<string> {
    const { reader, shared } = this.#objects;
    return shared.ask('version', (closed) => reader.version(closed), signal);
  }

  async permissions(signal: AbortSignal): Promise<PermissionsFacts> {
    const { reader, shared, namespace } = this.#objects;
    const version = await this.#version(signal);
    return shared.ask('permissions', (closed) => permissionsOf(reader, namespace, version, closed), signal);
  }

  async component(component: string, signal: AbortSignal): Promise<ComponentFacts> {
    const objects = this.#objects;
    const [known, pods, events] = await Promise.all([objects.workload(component, signal), objects.podsOf(component, signal), unlessForbidden(objects.warnings(signal), null)]);
    const facts = pods.map((pod) => podFacts(pod, component, this.#redactor));
    const [revisions, previousLines] = await Promise.all([known ? objects.revisions(known, signal) : [], this.#previousLines(component, pods, facts, signal)]);
    const own = events?.filter(({ involvedObject }) => concerns(involvedObject, known?.workload.metadata.name, facts));
    return {
      component,
      workload: known && workloadFacts(known, revisions, component, this.#redactor),
      pods: facts,
      warnings: own ? newestEvents(own.map((event) => eventFacts(event, this.#redactor)), mostWarnings) : null,
      previousLines,
    };
  }

  async services(signal: AbortSignal): Promise<readonly ServiceObjectFacts[]> {
    const services = await this.#objects.services(signal);
    const slices = await this.#objects.slices(services, signal);
    return services.map(({ metadata, spec }) => {
      const own = slices.filter(({ metadata: { labels } }) => labels['kubernetes.io/service-name'] === metadata.name);
      const endpoints = own.flatMap((slice) => slice.endpoints);
      const names = (ready: boolean): string[] =>
        endpoints.filter(({ conditions }) => (conditions?.ready !== false) === ready).map(({ targetRef, addresses }) => targetRef?.name ?? addresses[0] ?? 'unknown');
      return {
        name: metadata.name,
        component: metadata.labels[componentLabel] ?? null,
        type: spec.type,
        clusterIP: spec.clusterIP,
        selector: spec.selector,
        ports: spec.ports.map(({ name, port, targetPort }) => ({ name, port, targetPort: String(targetPort ?? port) })),
        ready: names(true),
        notReady: names(false),
        endpointPorts: [...new Set(own.flatMap(({ ports }) => ports.flatMap(({ port }) => port ?? [])))],
      };
    });
  }

  async jobs(signal: AbortSignal): Promise<readonly JobFacts[]> {
    const [jobs, pods] = await Promise.all([this.#objects.jobs(signal), unlessForbidden(this.#objects.pods(signal), [])]);
    return Promise.all(jobs.map((job) => this.#jobFacts(job, pods, signal)));
  }

  async claims(signal: AbortSignal): Promise<readonly ClaimFacts[]> {
    // Claims of a StatefulSet carry the labels of its selector, and no more.
    const labels = selectorOf({ 'app.kubernetes.io/instance': this.#objects.release });
    const [{ items }, events] = await Promise.all([this.#objects.list('claims', { resource: resources.claims, labels, item: claimSchema }, signal), unlessForbidden(this.#objects.warnings(signal), [])]);
    return items.map(({ metadata, spec, status }) => {
      const own = events.filter(({ involvedObject: { kind, name } }) => kind === 'PersistentVolumeClaim' && name === metadata.name);
      const capacity = status.capacity?.['storage'];
      return {
        name: metadata.name,
        component: metadata.labels[componentLabel] ?? null,
        phase: status.phase,
        storageClass: spec.storageClassName,
        capacity: capacity === undefined ? null : String(capacity),
        warning: newestEvents(own.map((event) => eventFacts(event, this.#redactor)), 1)[0]?.message ?? null,
      };
    });
  }

  async secrets(signal: AbortSignal): Promise<SecretsFacts> {
    const templates = await this.#objects.templates(signal);
    const secrets = await Promise.all(secretNames(templates).map(async (name) => [name, await this.#objects.secret(name, signal)] as const));
    return secretsFacts(new Map(secrets), templates, runtimeSecretName(templates));
  }

  async networkPolicies(signal: AbortSignal): Promise<readonly NetworkPolicyFacts[]> {
    const [{ items }, templates] = await Promise.all([this.#objects.list('policies', { resource: resources.networkPolicies, item: networkPolicySchema }, signal), this.#objects.templates(signal)]);
    return items.map((policy) => networkPolicyFacts(policy, this.#objects.release, templates));
  }

  async monitors(signal: AbortSignal): Promise<MonitorsFacts> {
    const { ownLabels: labels } = this.#objects;
    try {
      const { items } = await this.#objects.list('monitors', { resource: resources.serviceMonitors, labels, item: serviceMonitorSchema }, signal);
      return {
        monitors: items.map(({ metadata, spec }) => ({
          name: metadata.name,
          endpoints: spec.endpoints.map(({ path, authorization, basicAuth, oauth2, bearerTokenFile, bearerTokenSecret }) => ({
            path: path ?? '/metrics',
            authorization: [authorization, basicAuth, oauth2, bearerTokenFile, bearerTokenSecret?.key].some((each) => each !== undefined && each !== null && each !== ''),
          })),
        })),
      };
    } catch (error) {
      // A cluster without the Prometheus Operator has no such path.
      if (error instanceof Refused && (error.code === 'NotFound' || error.code === 'HTTP 404')) return { monitors: null };
      throw error;
    }
  }

  async autoscalers(signal: AbortSignal): Promise<readonly AutoscalerFacts[]> {
    const { ownLabels: labels } = this.#objects;
    const { items } = await this.#objects.list('autoscalers', { resource: resources.autoscalers, labels, item: autoscalerSchema }, signal);
    return items.map(({ metadata, spec, status }) => ({
      name: metadata.name,
      target: `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
      min: spec.minReplicas,
      max: spec.maxReplicas,
      current: status?.currentReplicas ?? 0,
      desired: status?.desiredReplicas ?? 0,
      conditions: conditionFacts(status?.conditions ?? [], this.#redactor),
    }));
  }

  helm(signal: AbortSignal): Promise<HelmFacts> {
    return this.#objects.shared.ask('helm', (closed) => this.#helm(closed), signal);
  }

  async #helm(closed: AbortSignal): Promise<HelmFacts> {
    const { items } = await this.#objects.reader.list(this.#helmQuestion(), closed);
    const revisions: HelmFacts['revisions'] = [];
    const unreadable: HelmFacts['unreadable'] = [];
    // One after the other, so that no two are in memory in the clear.
    for (const { metadata, data } of items) {
      try {
        revisions.push(revisionFacts(await decodeRelease(data['release'] ?? ''), this.#redactor));
      } catch (error) {
        unreadable.push({ name: metadata.name, why: error instanceof Error ? error.message : String(error) });
      }
    }
    return { revisions: revisions.toSorted((one, other) => one.revision - other.revision), unreadable };
  }

  /**
   * One revision as Helm stored it, in the clear.
   *
   * @throws Unavailable when there is no such revision, or it cannot be decoded.
   */
  async helmRelease(revision: number, signal: AbortSignal): Promise<HelmRelease> {
    const { release, reader } = this.#objects;
    const { items } = await reader.list(this.#helmQuestion(revision), signal);
    const [secret] = items;
    if (!secret) throw new Unavailable(`Helm keeps no revision ${revision} of release ${release}`, 'pick a revision that it keeps: by default the last ten');
    try {
      return await decodeRelease(secret.data['release'] ?? '');
    } catch (error) {
      throw new Unavailable(`revision ${revision} of release ${release} cannot be decoded: ${error instanceof Error ? error.message : String(error)}`, `look at Secret ${secret.metadata.name}`);
    }
  }

  #helmQuestion(revision?: number) {
    const { release, namespace } = this.#objects;
    return {
      resource: resources.secrets,
      namespace,
      labels: selectorOf({ owner: 'helm', name: release, ...(revision === undefined ? {} : { version: String(revision) }) }),
      fields: 'type=helm.sh/release.v1',
      page: helmPage,
      item: secretSchema,
    };
  }

  async *events(signal: AbortSignal): AsyncGenerator<WorkloadEvent> {
    const { reader, namespace } = this.#objects;
    const question = { resource: resources.pods, namespace, labels: await this.#objects.podSelector(signal), item: podSchema };
    const { items, version } = await reader.list(question, signal);
    const before = new Map(items.map((pod) => [pod.metadata.name, standing(pod)]));
    for await (const { type, object: pod } of reader.watch({ ...question, version }, signal)) {
      const { name, labels } = pod.metadata;
      const now = type === 'DELETED' ? 'deleted' : standing(pod);
      const isNews = before.get(name) !== now;
      if (type === 'DELETED') before.delete(name);
      else before.set(name, now);
      if (isNews) yield { component: labels[componentLabel] ?? name, what: `pod ${name} ${type === 'ADDED' ? 'created, ' : ''}${now}` };
    }
  }

  async #jobFacts({ metadata, spec, status }: Job, pods: readonly Pod[], signal: AbortSignal): Promise<JobFacts> {
    const component = metadata.labels[componentLabel] ?? metadata.name;
    const [pod] = newestFirst(pods.filter(({ metadata: { ownerReferences } }) => ownerReferences.some(({ kind, name }) => kind === 'Job' && name === metadata.name)));
    const failure = status.conditions.find(({ type, status: value }) => type === 'Failed' && value === 'True');
    const isOver = status.succeeded > 0;
    return {
      name: metadata.name,
      component,
      createdAt: metadata.creationTimestamp,
      startedAt: status.startTime,
      finishedAt: status.completionTime ?? failure?.lastTransitionTime ?? null,
      active: status.active,
      succeeded: status.succeeded,
      failed: status.failed,
      backoffLimit: spec.backoffLimit,
      conditions: conditionFacts(status.conditions, this.#redactor),
      lastLines: pod && !isOver ? await this.#lines(pod, component, false, signal) : null,
    };
  }

  /** Of the first pod that does not run, else of the first that restarted. */
  async #previousLines(component: string, pods: readonly Pod[], facts: readonly PodFacts[], signal: AbortSignal): Promise<ComponentFacts['previousLines']> {
    const ended =
      facts.find(({ container }) => container !== null && container.state !== 'running' && (container.end ?? container.lastEnd) !== null) ??
      facts.find(({ container }) => container !== null && container.restarts > 0);
    const pod = pods.find(({ metadata }) => metadata.name === ended?.name);
    if (!ended || !pod) return null;
    const lines = await this.#lines(pod, component, ended.container?.end === null, signal);
    return lines && { pod: ended.name, lines };
  }

  #lines(pod: Pod, component: string, previous: boolean, signal: AbortSignal): Promise<string[] | null> {
    const container = containerOf(pod, component)?.name ?? component;
    return this.#objects.lastLines(pod.metadata.name, { container, previous }, signal);
  }
}

export function placeOf({ release, namespace }: { readonly release: string; readonly namespace: string }, { context }: { readonly context: string }): string {
  return `release ${release} in namespace ${namespace}, context ${context}`;
}

/** The workload itself, what is named after it, its claims, and its pods. */
function concerns({ kind, name }: Event['involvedObject'], workload: string | undefined, pods: readonly PodFacts[]): boolean {
  if (pods.some((pod) => pod.name === name)) return true;
  if (workload === undefined) return false;
  return name === workload || name.startsWith(`${workload}-`) || (kind === 'PersistentVolumeClaim' && name.includes(`-${workload}-`));
}

/** Where a pod stands, in the words of kubectl. */
function standing(pod: Pod): string {
  const { metadata, status } = pod;
  if (metadata.deletionTimestamp !== null) return 'Terminating';
  const [container] = status.containerStatuses;
  const reason = container?.state?.waiting?.reason || container?.state?.terminated?.reason || status.reason || status.phase;
  const restarts = container?.restartCount ?? 0;
  return `${reason}, ${isReady(pod) ? 'ready' : 'not ready'}${restarts > 0 ? `, ${restarts} restart${restarts === 1 ? '' : 's'}` : ''}`;
}
