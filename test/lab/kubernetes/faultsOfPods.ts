import { eventually } from '../eventually.ts';
import { all, ids } from '../faults/fault.ts';
import { behindService } from '../faults/groups.ts';
import { redisGone } from '../faults/redis.ts';
import { emit } from './events.ts';
import type { ClusterFault } from './fault.ts';
import { crashLoop, done, failProbe, kubelet, restartAll, restarted, stopProcess, stuck, unscheduled } from './faultParts.ts';
import type { ClusterLab } from './lab.ts';
import { ago, timestamp } from './objects.ts';
import { terminate } from './pods.ts';

const insufficientCpu = '0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.';
const unboundClaim = '0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.';

/** Pods that do not start, end, or are not ready. */
export const podFaults: readonly ClusterFault[] = [
  {
    id: 'sts-crash-loop',
    title: 'STS pods end right after each start and log nothing',
    contract: 'deploy-logs-metrics.md 2.9; 0, fact 3',
    endsServices: true,
    verdicts: { ...all('fail', ...ids('RDY', 11, 23, 90), ...ids('SVC', 208, 221, 231)), ...all('blocked', ...behindService.sts) },
    inject: async (cluster) => {
      for (const pod of cluster.pods('sts')) crashLoop(cluster, pod, { ended: { exitCode: 1, reason: 'Error', age: 40 }, restarts: 7 });
      await stopProcess(cluster, 'sts');
    },
  },
  {
    id: 'audit-restarts-without-redis',
    title: 'Redis is down, and liveness probes restart the audit pods again and again',
    contract: 'deploy-logs-metrics.md 0, fact 11; 2.9',
    endsServices: true,
    verdicts: { ...redisGone, ...all('fail', ...ids('SVC', 208, 223, 233)) },
    inject: async (cluster) => {
      await cluster.lab.redis.stop();
      crashLoop(cluster, cluster.store.get('pods', 'default', 'redis-0'), {
        ended: { exitCode: 1, reason: 'Error', age: 30 }, restarts: 5, log: ['1:M 20 Aug 2026 10:00:00.000 # Fatal error loading the DB, check server logs. Exiting.'],
      });
      for (const pod of cluster.pods('audit')) {
        restarted(cluster, pod, { ended: { exitCode: 0, reason: 'Completed', age: 25, ran: 70 }, restarts: 4, ready: false });
        failProbe(cluster, pod, 'Liveness', 'HTTP probe failed with statuscode: 503', 12);
        failProbe(cluster, pod, 'Readiness', 'HTTP probe failed with statuscode: 503', 30);
        kubelet(cluster, pod, { type: 'Normal', reason: 'Killing', message: 'Container audit failed liveness probe, will be restarted', count: 4, first: 400, last: 30 });
      }
      await eventually('audit notices that Redis is down', async () => (await statusOf(cluster, 'audit', '/health')) === 503);
    },
  },
  {
    id: 'sts-oom-killed',
    title: 'The kernel kills the STS for want of memory',
    contract: 'Kubernetes: lastState.terminated.reason OOMKilled, exit code 137',
    verdicts: { 'CRC-SVC-231': 'fail' },
    inject: (cluster) => {
      restarted(cluster, cluster.pod('sts'), { ended: { exitCode: 137, reason: 'OOMKilled', age: 90, ran: 1800 }, restarts: 4 });
      return done;
    },
  },
  {
    id: 'coordinator-unschedulable',
    title: 'No node has enough CPU left for one more Coordinator pod',
    contract: 'Kubernetes: FailedScheduling, Insufficient cpu',
    verdicts: { 'CRC-SVC-224': 'warn', 'CRC-SVC-234': 'fail' },
    inject: (cluster) => {
      const { namespace, store, controller } = cluster;
      const { name } = cluster.workload('coordinator');
      const pods = cluster.pods('coordinator').length;
      store.change('deployments', namespace, name, ({ spec }) => {
        spec.replicas = pods + 1;
      });
      const pod = controller.startPod('deployments', namespace, name, { ordinal: pods, age: 700, change: unscheduled(insufficientCpu) });
      store.change('replicasets', namespace, pod.metadata.ownerReferences?.[0]?.name ?? '', ({ spec }) => {
        spec.replicas = pods + 1;
      });
      controller.sync();
      emit(store, pod, { type: 'Warning', reason: 'FailedScheduling', message: insufficientCpu, component: 'default-scheduler', count: 3, first: 700, last: 60 });
      return done;
    },
  },
  {
    id: 'sts-volume-pending',
    title: 'The volume claim of the first STS pod is not bound, so that no STS pod starts',
    contract: 'deploy-logs-metrics.md 2.9; 0, fact 14',
    endsServices: true,
    verdicts: { ...all('fail', ...ids('RDY', 11, 23, 90), ...ids('SVC', 207, 208, 221, 231)), ...all('blocked', ...behindService.sts) },
    inject: async (cluster) => {
      const { namespace, store, controller } = cluster;
      const { name } = cluster.workload('sts');
      for (const pod of cluster.pods('sts')) controller.removePod(pod);
      for (const claim of store.list('persistentvolumeclaims', namespace)) if (claim.metadata.name.startsWith(`replay-${name}-`)) store.delete('persistentvolumeclaims', namespace, claim.metadata.name);
      const pod = controller.startPod('statefulsets', namespace, name, { ordinal: 0, age: 500, change: unscheduled(unboundClaim) });
      const claim = store.change('persistentvolumeclaims', namespace, `replay-${name}-0`, (own) => {
        delete own.spec.volumeName;
        delete own.metadata.annotations;
        own.spec.storageClassName = 'fast-ssd';
        own.metadata.creationTimestamp = timestamp(ago(500));
        own.status = { phase: 'Pending' };
      });
      controller.sync();
      emit(store, claim, { type: 'Warning', reason: 'ProvisioningFailed', message: 'storageclass.storage.k8s.io "fast-ssd" not found', component: 'persistentvolume-controller', count: 33, first: 500, last: 4 });
      emit(store, pod, { type: 'Warning', reason: 'FailedScheduling', message: unboundClaim, component: 'default-scheduler', count: 2, first: 500, last: 180 });
      await stopProcess(cluster, 'sts');
    },
  },
  {
    id: 'missing-secret-key',
    title: 'The runtime Secret lacks a key that the Coordinator pods mount',
    contract: 'deploy-logs-metrics.md 2.4, secret keys; 8, item 4',
    endsServices: true,
    verdicts: { ...all('fail', 'CRC-RDY-041', ...ids('SVC', 204, 208, 224, 234)), ...all('blocked', ...behindService.coordinator) },
    inject: async (cluster) => {
      dropKey(cluster, 'idempotencyHmacKey');
      for (const pod of restartAll(cluster, 'coordinator', stuck('ContainerCreating'))) {
        emit(cluster.store, pod, {
          type: 'Warning', reason: 'FailedMount', component: 'kubelet', count: 12, first: 590, last: 20,
          message: 'MountVolume.SetUp failed for volume "runtime-secrets" : references non-existent secret key: idempotencyHmacKey',
        });
      }
      await stopProcess(cluster, 'coordinator');
    },
  },
  {
    id: 'web-config-error',
    title: 'The runtime Secret lacks a key that web takes into its environment',
    contract: 'deploy-logs-metrics.md 2.4, secret keys',
    endsServices: true,
    verdicts: { ...all('fail', 'CRC-RDY-051', ...ids('SVC', 204, 208, 225, 235)), ...all('blocked', ...behindService.web) },
    inject: async (cluster) => {
      dropKey(cluster, 'caracalAuthSecret');
      const message = 'couldn\'t find key caracalAuthSecret in Secret caracal/caracal-runtime';
      for (const pod of restartAll(cluster, 'web', stuck('CreateContainerConfigError', message))) {
        kubelet(cluster, pod, { type: 'Warning', reason: 'Failed', message: `Error: ${message}`, count: 45, first: 590, last: 3 });
      }
      await stopProcess(cluster, 'web');
    },
  },
  {
    id: 'web-no-sign-in-method',
    title: 'web ends at each start, because no sign-in method is configured',
    contract: 'deploy-logs-metrics.md 2.5, services.web; 2.9',
    endsServices: true,
    verdicts: { ...all('fail', 'CRC-RDY-051', ...ids('SVC', 208, 225, 235)), ...all('blocked', ...behindService.web) },
    inject: async (cluster) => {
      const line = JSON.stringify({ level: 'error', time: new Date().toISOString(), service: 'caracal-auth', env: 'production', msg: 'no sign-in method is configured' });
      for (const pod of cluster.pods('web')) crashLoop(cluster, pod, { ended: { exitCode: 1, reason: 'Error', age: 50, ran: 2 }, restarts: 6, log: [line] });
      await stopProcess(cluster, 'web');
    },
  },
  {
    id: 'first-ordinal-blocks',
    title: 'The first Gateway pod does not become ready, so that the second one is not started',
    contract: 'deploy-logs-metrics.md 0, fact 14; 2.9',
    endsServices: true,
    verdicts: { ...all('fail', 'CRC-RDY-021', ...ids('SVC', 208, 222, 232)), ...all('blocked', ...behindService.gateway) },
    inject: async (cluster) => {
      for (const pod of cluster.pods('gateway').slice(1)) cluster.controller.removePod(pod);
      const pod = cluster.pod('gateway');
      failProbe(cluster, pod, 'Readiness', `Get "http://${pod.status.podIP ?? ''}:8081/ready": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`, 18);
      await cluster.lab.services.gateway.freeze();
    },
  },
  {
    id: 'gateway-startup-probe',
    title: 'The Gateway never passes its startup probe and is restarted for it',
    contract: 'deploy-logs-metrics.md 2.4, startupProbe',
    endsServices: true,
    verdicts: { ...all('fail', 'CRC-RDY-021', ...ids('SVC', 208, 222, 232)), ...all('blocked', ...behindService.gateway) },
    inject: async (cluster) => {
      for (const pod of cluster.pods('gateway')) {
        restarted(cluster, pod, { ended: { exitCode: 137, reason: 'Error', age: 60, ran: 150 }, restarts: 3, ready: false });
        failProbe(cluster, pod, 'Startup', `Get "http://${pod.status.podIP ?? ''}:8081/health": dial tcp ${pod.status.podIP ?? ''}:8081: connect: connection refused`, 90);
        kubelet(cluster, pod, { type: 'Normal', reason: 'Killing', message: 'Container gateway failed startup probe, will be restarted', count: 3, first: 500, last: 60 });
      }
      await stopProcess(cluster, 'gateway');
    },
  },
  {
    id: 'audit-evicted',
    title: 'A node ran out of disk and evicted an audit pod',
    contract: 'Kubernetes: Evicted; deploy-logs-metrics.md 2.4, audit-export',
    verdicts: { 'CRC-SVC-233': 'warn' },
    inject: (cluster) => {
      const { store, controller } = cluster;
      const evicted = cluster.pod('audit');
      const message = 'The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 310Mi. Container audit was using 1930Mi, request is 0, has larger consumption of ephemeral-storage. ';
      controller.changePod(evicted, (pod) => {
        terminate(pod, { exitCode: 137, reason: 'Error', age: 300 });
        pod.status.phase = 'Failed';
        pod.status.reason = 'Evicted';
        pod.status.message = message;
      });
      emit(store, evicted, { type: 'Warning', reason: 'Evicted', message, component: 'kubelet', first: 300, last: 300 });
      controller.startPod('deployments', cluster.namespace, cluster.workload('audit').name, { ordinal: 2, age: 290 });
      controller.sync();
      return done;
    },
  },
  {
    id: 'node-lost',
    title: 'A node does not answer any more: its pods are neither ready nor gone',
    contract: 'Kubernetes: node.kubernetes.io/unreachable, pods stuck in Terminating',
    verdicts: { ...all('fail', ...ids('SVC', 231, 232)), ...all('warn', ...ids('SVC', 221, 222, 230, 233, 234, 235)) },
    inject: (cluster) => {
      const { store, controller } = cluster;
      const node = 'worker-2';
      cluster.api.cutOffNode(node);
      const lost = store.change('nodes', '', node, ({ spec, status }) => {
        spec.taints = ['NoSchedule', 'NoExecute'].map((effect) => ({ key: 'node.kubernetes.io/unreachable', effect, timeAdded: timestamp(ago(420)) }));
        status.conditions = status.conditions.map((own) => ({
          ...own, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime: timestamp(ago(420)),
        }));
      });
      emit(store, lost, { type: 'Normal', reason: 'NodeNotReady', message: `Node ${node} status is now: NodeNotReady`, component: 'node-controller', first: 420, last: 420 });
      for (const pod of store.list('pods', cluster.namespace).filter(({ spec }) => spec.nodeName === node)) {
        controller.changePod(pod, ({ metadata, status }) => {
          metadata.deletionTimestamp = timestamp(ago(90));
          metadata.deletionGracePeriodSeconds = 30;
          status.reason = 'NodeLost';
          status.message = `Node ${node} which was running pod ${metadata.name} is unresponsive`;
          status.conditions = (status.conditions ?? []).map((own) => (own.type === 'Ready' ? { ...own, status: 'False', lastTransitionTime: timestamp(ago(420)) } : own));
        });
        emit(store, pod, { type: 'Warning', reason: 'NodeNotReady', message: 'Node is not ready', component: 'node-controller', first: 420, last: 420 });
        const owner = pod.metadata.ownerReferences?.[0];
        if (owner?.kind !== 'ReplicaSet') continue;
        controller.startPod('deployments', cluster.namespace, owner.name.slice(0, owner.name.lastIndexOf('-')), { ordinal: 2, age: 80 });
      }
      controller.sync();
      return done;
    },
  },
];

function dropKey(cluster: ClusterLab, key: string): void {
  cluster.store.change('secrets', cluster.namespace, 'caracal-runtime', ({ data }) => {
    Reflect.deleteProperty(data ?? {}, key);
  });
}

async function statusOf(cluster: ClusterLab, component: 'audit', path: string): Promise<number> {
  const response = await fetch(`${cluster.lab.services[component].url}${path}`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status ?? 0;
}
