import { isStateful, renderChart, renderHooks, components, fullname } from './chart.ts';
import type { Release } from './chart.ts';
import type { Controller } from './controller.ts';
import type { HelmStatus, Revision } from './helm.ts';
import { revisionSecret } from './helm.ts';
import type { Draft, PodTemplate, Secret } from './objects.ts';
import { ago, timestamp } from './objects.ts';
import { condition, withDefaults } from './pods.ts';
import type { Store } from './store.ts';
import type { ChartValues, UserValues } from './values.ts';
import { chartValues, merged } from './values.ts';

const day = 86_400;

/** One revision of a release, as it was installed. */
export interface Installed {
  readonly config: UserValues;
  /** Seconds ago. */
  readonly age: number;
  readonly version?: string;
}

export interface ReleaseOptions {
  readonly name: string;
  readonly namespace: string;
  /** What the user gave at each revision, oldest first; the last one is deployed. */
  readonly revisions: readonly Installed[];
  /** Values of the runtime Secret by key. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** A release of the chart with these user values. */
export function releaseOf(name: string, namespace: string, { config, version = '1.0.0' }: Installed): Release {
  return { name, namespace, version, values: merged<ChartValues>(chartValues, config) };
}

/**
 * Puts a release into the store as Helm and Kubernetes leave it: objects, pods, revisions, the release
 * Secrets of Helm. Hook jobs have succeeded and are gone.
 *
 * @returns the deployed release
 */
export function installRelease(store: Store, controller: Controller, { name, namespace, revisions, secrets }: ReleaseOptions): Release {
  const [first, ...later] = revisions;
  const latest = revisions.at(-1);
  if (first === undefined || latest === undefined) throw new Error('a release has at least one revision');
  const release = releaseOf(name, namespace, latest);
  const { create, runtimeSecretName } = release.values.secrets;
  if (store.find('secrets', namespace, runtimeSecretName) === undefined) {
    store.create('secrets', create ? hookSecret(release, secrets, latest.age) : runtimeSecret(runtimeSecretName, namespace, secrets, first.age + 900));
  }
  const annotations = { 'meta.helm.sh/release-name': name, 'meta.helm.sh/release-namespace': namespace };
  controller.install(namespace, renderChart(releaseOf(name, namespace, first)), { age: first.age, annotations, manager: 'helm' });
  const account = renderHooks(release).filter(({ plural }) => plural === 'serviceaccounts');
  controller.install(namespace, account, { age: latest.age, manager: 'helm' });
  for (const revision of later) upgrade(controller, store, releaseOf(name, namespace, revision), revision.age);
  revisions.forEach((revision, index) => {
    recordRevision(store, releaseOf(name, namespace, revision), {
      revision: index + 1, status: revision === latest ? 'deployed' : 'superseded', description: index === 0 ? 'Install complete' : 'Upgrade complete',
      installed: first.age, age: revision.age, config: revision.config,
    });
  });
  for (const component of components) measured(store, namespace, `${fullname(release)}-${component}`);
  return release;
}

/** Gives the workloads the templates and replicas of another revision, and replaces the other objects. */
function upgrade(controller: Controller, store: Store, release: Release, age: number): void {
  const { namespace } = release;
  for (const { plural, object } of renderChart(release)) {
    const { metadata: { name } } = object;
    const spec = object['spec'] as { template?: PodTemplate; replicas?: number } | undefined;
    if (plural === 'deployments' || plural === 'statefulsets') {
      const { template, replicas } = spec ?? {};
      const before = store.get(plural, namespace, name);
      const same = JSON.stringify(before.spec.template) === JSON.stringify(template === undefined ? undefined : withDefaults(template));
      if (replicas !== undefined && before.spec.replicas !== replicas) controller.scale(plural, namespace, name, replicas, age);
      if (template !== undefined && !same) controller.roll(plural, namespace, name, (own) => Object.assign(own, withDefaults(template)), { age });
    } else if (store.find(plural, namespace, name) === undefined) {
      controller.install(namespace, [{ plural, template: '', object }], { age, manager: 'helm' });
    } else if (plural === 'networkpolicies') {
      store.change(plural, namespace, name, (policy) => {
        policy.spec = spec as typeof policy.spec;
      });
    }
  }
}

/** Writes Helm's Secret of one revision. */
export function recordRevision(store: Store, release: Release, revision: Revision): void {
  const secret = revisionSecret(release, { manifests: renderChart(release), hooks: renderHooks(release) }, revision);
  store.create('secrets', secret);
}

/** What one more revision of a release looks like in Helm's history. */
export function nextRevision(store: Store, release: Release, options: {
  config: UserValues; status: HelmStatus; description: string; age?: number; hookPhases?: Revision['hookPhases'];
}): void {
  const number = 1 + store.list('secrets', release.namespace).filter(({ metadata: { labels } }) => labels?.['owner'] === 'helm' && labels['name'] === release.name).length;
  const { hookPhases, age = 60, ...rest } = options;
  recordRevision(store, releaseOf(release.name, release.namespace, { config: options.config, age }), {
    ...rest, revision: number, installed: 9 * day, age, ...(hookPhases === undefined ? {} : { hookPhases }),
  });
}

/** A Secret that an operator made, with the note who wrote which key when. */
export function runtimeSecret(name: string, namespace: string, values: Readonly<Record<string, string>>, age: number): Draft<Secret> {
  return {
    metadata: {
      name, namespace, creationTimestamp: timestamp(ago(age)),
      managedFields: [{
        manager: 'kubectl-create', operation: 'Update', apiVersion: 'v1', time: timestamp(ago(age)), fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { '.': {}, ...Object.fromEntries(Object.keys(values).map((key) => [`f:${key}`, {}])) }, 'f:type': {} },
      }],
    },
    type: 'Opaque',
    data: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  };
}

/** The Secret that the chart makes itself with `secrets.create`: a hook, made anew at each upgrade (contract, deploy 2.2). */
function hookSecret(release: Release, values: Readonly<Record<string, string>>, age: number): Draft<Secret> {
  const secret = runtimeSecret(release.values.secrets.runtimeSecretName, release.namespace, values, age);
  const [hook] = renderHooks(release).filter(({ plural }) => plural === 'secrets');
  return { ...secret, metadata: { ...secret.metadata, ...hook?.object.metadata } };
}

/** The autoscaler has seen metrics and had nothing to do. */
function measured(store: Store, namespace: string, name: string): void {
  if (store.find('horizontalpodautoscalers', namespace, name) === undefined) return;
  store.change('horizontalpodautoscalers', namespace, name, ({ spec, status }) => {
    const used: Readonly<Record<string, number>> = { cpu: 7, memory: 38 };
    status.currentMetrics = spec.metrics.map(({ type, resource }) => ({
      type, resource: { name: resource.name, current: { averageUtilization: used[resource.name] ?? 0, averageValue: resource.name === 'cpu' ? '18m' : '100663296' } },
    }));
    status.conditions = [
      condition('AbleToScale', 'True', 2 * day, { reason: 'ReadyForNewScale', message: 'recommended size matches current size' }),
      condition('ScalingActive', 'True', 2 * day, {
        reason: 'ValidMetricFound', message: 'the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)',
      }),
      condition('ScalingLimited', 'True', 2 * day, { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' }),
    ].map(({ type, status: state, lastTransitionTime, reason = '', message = '' }) => ({ type, status: state, lastTransitionTime, reason, message }));
  });
}

/** Resource of the workload that runs a component. */
export function workloadKind(release: Release, component: (typeof components)[number]): 'deployments' | 'statefulsets' {
  return isStateful(release, component) ? 'statefulsets' : 'deployments';
}
