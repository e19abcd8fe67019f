import { randomBytes } from 'node:crypto';
import { signedStreamsHaveEntries } from '../faults/effects.ts';
import { all, ids } from '../faults/fault.ts';
import { behindService, withCredentials } from '../faults/groups.ts';
import { deploymentCondition, revisionNumber } from './controller.ts';
import { emit } from './events.ts';
import type { ClusterFault } from './fault.ts';
import { changeOf, containerOf, done, failProbe, kubelet, stopProcess, stuck } from './faultParts.ts';
import type { ClusterLab } from './lab.ts';
import type { Draft, Pod, PodTemplate } from './objects.ts';
import { ago, timestamp } from './objects.ts';
import { condition } from './pods.ts';

const digest = (): string => randomBytes(32).toString('hex');

/** Rollouts, images, scaling, and Secrets that pods have read. */
export const rolloutFaults: readonly ClusterFault[] = [
  {
    id: 'api-image-pull',
    title: 'The image of the new API pods cannot be pulled',
    contract: 'Kubernetes: ErrImagePull, ImagePullBackOff',
    verdicts: { 'CRC-SVC-230': 'fail', ...all('warn', ...ids('SVC', 211, 220)) },
    inject: (cluster) => {
      const image = 'ghcr.io/garudex-labs/caracal-node:v1.0.9';
      const pod = partialRollout(cluster, 'api', 'v1.0.9', stuck('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`));
      kubelet(cluster, pod, { type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"`, count: 6, first: 880, last: 100 });
      kubelet(cluster, pod, {
        type: 'Warning', reason: 'Failed', count: 6, first: 879, last: 99,
        message: `Failed to pull image "${image}": rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`,
      });
      kubelet(cluster, pod, { type: 'Warning', reason: 'Failed', message: 'Error: ErrImagePull', count: 6, first: 879, last: 99 });
      kubelet(cluster, pod, { type: 'Normal', reason: 'BackOff', message: `Back-off pulling image "${image}"`, count: 40, first: 870, last: 8 });
      kubelet(cluster, pod, { type: 'Warning', reason: 'Failed', message: 'Error: ImagePullBackOff', count: 40, first: 870, last: 8 });
      return done;
    },
  },
  {
    id: 'runtime-secret-absent',
    title: 'The runtime Secret is gone: pods that run go on, new ones do not start',
    contract: 'deploy-logs-metrics.md 2.2, runtime Secret',
    verdicts: { ...all('unknown', ...withCredentials), ...all('fail', ...ids('SVC', 204, 230)), ...all('warn', ...ids('SVC', 211, 220)) },
    inject: (cluster) => {
      cluster.store.delete('secrets', cluster.namespace, 'caracal-runtime');
      const pod = partialRollout(cluster, 'api', 'v1.0.0-rebuilt', stuck('ContainerCreating'));
      emit(cluster.store, pod, {
        type: 'Warning', reason: 'FailedMount', component: 'kubelet', count: 14, first: 880, last: 15,
        message: 'MountVolume.SetUp failed for volume "runtime-secrets" : secret "caracal-runtime" not found',
      });
      return done;
    },
  },
  {
    id: 'rollout-stuck',
    title: 'The new API pods never become ready, and the rollout has passed its deadline',
    contract: 'deploy-logs-metrics.md 2.2, RollingUpdate; Kubernetes: ProgressDeadlineExceeded',
    verdicts: { 'CRC-SVC-220': 'fail', ...all('warn', ...ids('SVC', 211, 230)) },
    inject: (cluster) => {
      const pod = partialRollout(cluster, 'api', 'v1.0.1');
      failProbe(cluster, pod, 'Readiness', 'HTTP probe failed with statuscode: 503', 80);
      deadlineExceeded(cluster, 'api', pod);
      return done;
    },
  },
  {
    id: 'mixed-images',
    title: 'One audit pod runs another image than the others',
    contract: 'deploy-logs-metrics.md 2.6, version',
    verdicts: all('warn', ...ids('SVC', 211, 223)),
    inject: (cluster) => {
      partialRollout(cluster, 'audit', 'v1.0.1');
      cluster.controller.removePod(cluster.pods('audit').find((pod) => containerOf(pod).image.endsWith('v1.0.0')) ?? cluster.pod('audit'));
      return done;
    },
  },
  {
    id: 'secret-changed',
    title: 'Keys of the runtime Secret changed after the pods had read them',
    contract: 'deploy-logs-metrics.md 2.3, checksum; 5.3',
    verdicts: { 'CRC-SVC-205': 'warn', ...all('unknown', ...ids('STR', 25, 38, 55)) },
    inject: async (cluster) => {
      await signedStreamsHaveEntries(cluster.lab);
      cluster.store.change('secrets', cluster.namespace, 'caracal-runtime', ({ data = {}, metadata }) => {
        for (const key of ['gatewayStsHmacKey', 'streamsHmacKey']) data[key] = Buffer.from(digest()).toString('base64');
        metadata.managedFields?.push({
          manager: 'external-secrets', operation: 'Update', apiVersion: 'v1', time: timestamp(ago(1500)), fieldsType: 'FieldsV1',
          fieldsV1: { 'f:data': { 'f:gatewayStsHmacKey': {}, 'f:streamsHmacKey': {} } },
        });
      });
    },
  },
  {
    id: 'coordinator-scaled-to-zero',
    title: 'The Coordinator is scaled to no pod at all',
    contract: 'deploy-logs-metrics.md 2.2, Deployments',
    endsServices: true,
    verdicts: { ...all('fail', 'CRC-RDY-041', ...ids('SVC', 208, 224)), ...all('blocked', ...behindService.coordinator) },
    inject: async (cluster) => {
      cluster.controller.scale('deployments', cluster.namespace, cluster.workload('coordinator').name, 0);
      changeOf(cluster, 'horizontalpodautoscalers', 'coordinator', ({ status }) => {
        const { lastTransitionTime } = condition('ScalingActive', 'False', 0);
        const message = 'scaling is disabled since the replica count of the target is zero';
        status.conditions = [
          ...(status.conditions ?? []).filter(({ type }) => type === 'AbleToScale'),
          { type: 'ScalingActive', status: 'False', lastTransitionTime, reason: 'ScalingDisabled', message },
        ];
      });
      await stopProcess(cluster, 'coordinator');
    },
  },
  {
    id: 'quota-exceeded',
    title: 'The quota of the namespace allows no more pods',
    contract: 'Kubernetes: FailedCreate, exceeded quota',
    verdicts: { 'CRC-SVC-225': 'fail' },
    inject: (cluster) => {
      const { namespace, store, controller } = cluster;
      const pod = cluster.pod('web', 0);
      controller.removePod(pod);
      const owner = pod.metadata.ownerReferences?.[0]?.name ?? '';
      const message = `pods "${owner}-9d2xk" is forbidden: exceeded quota: team-quota, requested: requests.cpu=100m, used: requests.cpu=4, limited: requests.cpu=4`;
      const set = store.get('replicasets', namespace, owner);
      emit(store, set, { type: 'Warning', reason: 'FailedCreate', message: `Error creating: ${message}`, component: 'replicaset-controller', count: 17, first: 800, last: 40 });
      changeOf(cluster, 'deployments', 'web', ({ status }) => {
        status.conditions = [...(status.conditions ?? []), deploymentCondition('ReplicaFailure', 'True', 'FailedCreate', message, 800)];
      });
      return done;
    },
  },
  {
    id: 'autoscaler-without-metrics',
    title: 'Autoscalers get no metrics',
    contract: 'deploy-logs-metrics.md 2.9, HPA',
    verdicts: { 'CRC-SVC-210': 'warn' },
    inject: (cluster) => {
      for (const { metadata: { name } } of cluster.store.list('horizontalpodautoscalers', cluster.namespace)) {
        const message = 'the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: '
          + 'unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)';
        const autoscaler = cluster.store.change('horizontalpodautoscalers', cluster.namespace, name, ({ status }) => {
          const { lastTransitionTime } = condition('ScalingActive', 'False', 3600);
          status.currentMetrics = [{ type: '' }, { type: '' }];
          status.desiredReplicas = 0;
          status.conditions = [
            ...(status.conditions ?? []).filter(({ type }) => type === 'AbleToScale'),
            { type: 'ScalingActive', status: 'False', lastTransitionTime, reason: 'FailedGetResourceMetric', message },
          ];
        });
        emit(cluster.store, autoscaler, { type: 'Warning', reason: 'FailedGetResourceMetric', message, component: 'horizontal-pod-autoscaler', count: 240, first: 3600, last: 9 });
      }
      return done;
    },
  },
];

/** A rollout to another image tag that does not get further: the old pods go on, one new pod is in some state. */
function partialRollout(cluster: ClusterLab, component: 'api' | 'audit' | 'web' | 'coordinator', tag: string, change?: (pod: Draft<Pod>) => void): Pod {
  const { name } = cluster.workload(component);
  cluster.controller.roll('deployments', cluster.namespace, name, (template) => retag(template, tag), { keepPods: true });
  const pod = cluster.controller.startPod('deployments', cluster.namespace, name, { ordinal: 2, age: 900, ...(change === undefined ? {} : { change }) });
  const newest = cluster.controller.replicaSetsOf(cluster.namespace, name).sort((one, other) => revisionNumber(other) - revisionNumber(one))[0];
  if (newest !== undefined) {
    cluster.store.change('replicasets', cluster.namespace, newest.metadata.name, (set) => {
      set.spec.replicas = 1;
    });
  }
  cluster.controller.sync();
  return pod;
}

function retag(template: PodTemplate, tag: string): void {
  for (const container of template.spec.containers) container.image = container.image.replace(/:[^:/]+$/, `:${tag}`);
}

function deadlineExceeded(cluster: ClusterLab, component: 'api' | 'web', pod: Pod): void {
  const set = pod.metadata.ownerReferences?.[0]?.name ?? '';
  changeOf(cluster, 'deployments', component, ({ status }) => {
    status.conditions = [
      ...(status.conditions ?? []).filter(({ type }) => type !== 'Progressing'),
      deploymentCondition('Progressing', 'False', 'ProgressDeadlineExceeded', `ReplicaSet "${set}" has timed out progressing.`, 300),
    ];
  });
}
