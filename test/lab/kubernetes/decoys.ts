import type { ClusterDecoy } from './fault.ts';
import { crashLoop, done, formatPod, kubelet, upgraded } from './faultParts.ts';
import type { ClusterLab } from './lab.ts';
import { addNamespace } from './lab.ts';
import type { Pod, PodTemplate } from './objects.ts';
import { ago, timestamp } from './objects.ts';
import { startAgain, terminate } from './pods.ts';
import { installRelease, nextRevision, runtimeSecret } from './release.ts';
import type { UserValues } from './values.ts';

const day = 86_400;

/** Looks like a fault and is none. */
export const decoys: readonly ClusterDecoy[] = [
  {
    id: 'hooks-gone',
    title: 'An upgrade went well and its jobs are gone',
    contract: 'deploy-logs-metrics.md 2.2, hook-succeeded',
    inject: (cluster) => {
      upgraded(cluster, {});
      return done;
    },
  },
  {
    id: 'old-replica-sets',
    title: 'Many earlier ReplicaSets without pods',
    contract: 'Kubernetes: revisionHistoryLimit',
    inject: (cluster) => {
      const { name } = cluster.workload('web');
      for (let hours = 40; hours >= 30; hours -= 2) {
        cluster.controller.roll('deployments', cluster.namespace, name, (template) => {
          template.metadata.annotations = { ...template.metadata.annotations, 'kubectl.kubernetes.io/restartedAt': timestamp(ago(hours * 3600)) };
        }, { age: hours * 3600 });
      }
      return done;
    },
  },
  {
    id: 'evicted-pods-of-others',
    title: 'Evicted and failing pods of another application in the namespace',
    contract: 'deploy-logs-metrics.md 2.3, labels',
    inject: (cluster) => {
      for (let number = 1; number <= 5; number += 1) {
        const pod = foreignPod(cluster, { app: 'reports' }, `reports-5d8f7c9b6d-${number}xkq${number}`, 'reports');
        cluster.controller.changePod(pod, (own) => {
          terminate(own, { exitCode: 137, reason: 'Error', age: 5000 });
          own.status.phase = 'Failed';
          own.status.reason = 'Evicted';
          own.status.message = 'The node was low on resource: memory.';
        });
      }
      crashLoop(cluster, foreignPod(cluster, { app: 'reports' }, 'reports-5d8f7c9b6d-mmmmm', 'reports'), { ended: { exitCode: 2, reason: 'Error', age: 10 }, restarts: 90, log: ['no configuration'] });
      return done;
    },
  },
  {
    id: 'restart-long-ago',
    title: 'One restart three days ago',
    contract: 'Kubernetes: lastState of long ago',
    inject: (cluster) => {
      cluster.controller.changePod(cluster.pod('sts'), (pod) => {
        terminate(pod, { exitCode: 137, reason: 'Error', age: 3 * day, ran: day });
        startAgain(pod, { age: 3 * day - 2 });
      });
      return done;
    },
  },
  {
    id: 'other-chart',
    title: 'A release of another chart whose labels begin alike fails',
    contract: 'deploy-logs-metrics.md 2.6',
    inject: (cluster) => {
      const labels = { 'app.kubernetes.io/name': 'caracal-exporter', 'app.kubernetes.io/instance': 'caracal-exporter', 'app.kubernetes.io/component': 'sts' };
      crashLoop(cluster, foreignPod(cluster, labels, 'caracal-exporter-7c9d8b5f6-qqqqq', 'exporter'), { ended: { exitCode: 1, reason: 'Error', age: 10 }, restarts: 30, log: ['no target'] });
      const document = {
        name: 'caracal-exporter', namespace: cluster.namespace, version: 2, info: { status: 'failed', description: 'Upgrade failed' },
        chart: { metadata: { name: 'prometheus-exporter', version: '3.2.1', appVersion: '0.9.0' }, values: {} }, config: {}, manifest: '', hooks: [],
      };
      cluster.store.create('secrets', {
        metadata: {
          name: 'sh.helm.release.v1.caracal-exporter.v2', namespace: cluster.namespace,
          labels: { name: 'caracal-exporter', owner: 'helm', status: 'failed', version: '2', modifiedAt: String(Math.floor(Date.now() / 1000)) },
        },
        type: 'helm.sh/release.v1', data: { release: Buffer.from(Buffer.from(JSON.stringify(document)).toString('base64')).toString('base64') },
      });
      return done;
    },
  },
  {
    id: 'failed-revision-before',
    title: 'An upgrade failed once, and the one after it went well',
    contract: 'deploy-logs-metrics.md 2.8, history',
    inject: (cluster) => {
      nextRevision(cluster.store, cluster.release, { config: cluster.config, status: 'failed', description: 'Upgrade "caracal" failed: context deadline exceeded', age: day });
      upgraded(cluster, {});
      return done;
    },
  },
  {
    id: 'second-release',
    title: 'Another Caracal release in another namespace is broken',
    contract: 'deploy-logs-metrics.md 2.6',
    inject: (cluster) => {
      const { store, controller } = cluster;
      const namespace = 'caracal-staging';
      addNamespace(store, namespace);
      store.create('secrets', runtimeSecret('caracal-runtime', namespace, { redisUrl: 'redis://:unused@redis.default.svc.cluster.local:6379/0' }, 4 * day));
      const config: UserValues = { services: { sts: { replicas: 1 } } };
      installRelease(store, controller, { name: 'staging', namespace, revisions: [{ config, age: 4 * day }], secrets: {} });
      for (const pod of store.list('pods', namespace)) {
        if (pod.metadata.labels?.['app.kubernetes.io/component'] === 'sts') crashLoop(cluster, pod, { ended: { exitCode: 1, reason: 'Error', age: 10 }, restarts: 50 });
      }
      return done;
    },
  },
  {
    id: 'completed-pod-of-others',
    title: 'A finished job of another application',
    contract: 'Kubernetes: Completed',
    inject: (cluster) => {
      const pod = foreignPod(cluster, { app: 'backup' }, 'backup-29034720-h2x8k', 'backup');
      cluster.controller.changePod(pod, (own) => {
        terminate(own, { exitCode: 0, reason: 'Completed', age: 7000 });
        own.status.phase = 'Succeeded';
      });
      kubelet(cluster, pod, { type: 'Normal', reason: 'Started', message: `Started container backup in pod ${formatPod(pod)}`, first: 7100, last: 7100 });
      return done;
    },
  },
];

function foreignPod(cluster: ClusterLab, labels: Record<string, string>, name: string, container: string): Pod {
  const template: PodTemplate = { metadata: { labels }, spec: { containers: [{ name: container, image: `registry.example.com/${container}:2` }] } };
  return cluster.controller.addPod({ name, namespace: cluster.namespace, template, age: 8000 });
}
