import { all, ids } from '../faults/fault.ts';
import { renderHooks } from './chart.ts';
import { emit } from './events.ts';
import type { ClusterFault } from './fault.ts';
import { changeOf, crashLoop, done, upgraded } from './faultParts.ts';
import type { ClusterLab } from './lab.ts';
import type { Job, NetworkPolicy } from './objects.ts';
import { ago, timestamp } from './objects.ts';
import { condition } from './pods.ts';
import { nextRevision } from './release.ts';
import { merged } from './values.ts';
import type { UserValues } from './values.ts';

/** Helm, its hooks, and what the chart leads traffic by. */
export const releaseFaults: readonly ClusterFault[] = [
  {
    id: 'migration-failed',
    title: 'The migration job gave up during an upgrade',
    contract: 'deploy-logs-metrics.md 2.2, hooks; 2.9; 0, fact 12',
    verdicts: all('fail', ...ids('SVC', 202, 203)),
    inject: (cluster) => {
      failJob(cluster, 'migrate');
      return done;
    },
  },
  {
    id: 'auth-migration-failed',
    title: 'The migration job of the sign-in database gave up during an upgrade',
    contract: 'deploy-logs-metrics.md 2.2, hooks; 2.9',
    verdicts: all('fail', ...ids('SVC', 202, 203)),
    inject: (cluster) => {
      failJob(cluster, 'auth-migrate');
      return done;
    },
  },
  {
    id: 'migration-retrying',
    title: 'The migration job still tries: its pod cannot reach the database',
    contract: 'deploy-logs-metrics.md 2.9; 0, fact 12',
    verdicts: all('warn', ...ids('SVC', 202, 203)),
    inject: (cluster) => {
      const job = addJob(cluster, 'migrate', { active: 1, ready: 0, startTime: timestamp(ago(240)), uncountedTerminatedPods: {} });
      const pod = cluster.controller.addPod({
        name: `${job.metadata.name}-4c9rt`, namespace: cluster.namespace, template: job.spec.template, age: 240,
        owner: { apiVersion: 'batch/v1', kind: 'Job', name: job.metadata.name, uid: job.metadata.uid, controller: true, blockOwnerDeletion: true },
      });
      crashLoop(cluster, pod, { ended: { exitCode: 1, reason: 'Error', age: 20, ran: 60 }, restarts: 2, log: ['migrate: database did not become reachable'] });
      nextRevision(cluster.store, cluster.release, {
        config: cluster.config, status: 'pending-upgrade', description: 'Preparing upgrade', age: 240, hookPhases: { migrate: 'Running', 'auth-migrate': '' },
      });
      return done;
    },
  },
  {
    id: 'helm-failed',
    title: 'The last upgrade failed, because not all pods became ready in time',
    contract: 'deploy-logs-metrics.md 2.8, status',
    verdicts: { 'CRC-SVC-202': 'fail' },
    inject: (cluster) => {
      nextRevision(cluster.store, cluster.release, {
        config: merged<UserValues>(cluster.config, { global: { logLevel: 'debug' } }), status: 'failed', age: 1800,
        description: 'Upgrade "caracal" failed: context deadline exceeded',
      });
      return done;
    },
  },
  {
    id: 'helm-pending-upgrade',
    title: 'An upgrade was broken off and still counts as running',
    contract: 'deploy-logs-metrics.md 2.8, pending-*',
    verdicts: { 'CRC-SVC-202': 'fail' },
    inject: (cluster) => {
      nextRevision(cluster.store, cluster.release, { config: cluster.config, status: 'pending-upgrade', description: 'Preparing upgrade', age: 7200, hookPhases: { migrate: '', 'auth-migrate': '' } });
      return done;
    },
  },
  {
    id: 'policy-without-dns',
    title: 'The NetworkPolicy lets no DNS out',
    contract: 'deploy-logs-metrics.md 0, fact 17; 2.7',
    verdicts: { 'CRC-SVC-206': 'warn' },
    inject: (cluster) => {
      changePolicy(cluster, ({ spec }) => {
        spec.egress = (spec.egress ?? []).filter(({ ports }) => ports?.some(({ port }) => port === 53) !== true);
      }, { networkPolicy: { dnsEgress: [] } });
      return done;
    },
  },
  {
    id: 'policy-without-redis',
    title: 'The NetworkPolicy lets another Redis port out than the one in the connection string',
    contract: 'deploy-logs-metrics.md 2.7, Redis on 6380',
    verdicts: { 'CRC-SVC-206': 'warn' },
    inject: (cluster) => {
      changePolicy(cluster, ({ spec }) => {
        for (const { ports = [] } of spec.egress ?? []) for (const port of ports) if (port.port === 6379) port.port = 6380;
      }, { secrets: { redis: { port: 6380 } } });
      return done;
    },
  },
  {
    id: 'service-selector-mismatch',
    title: 'The Service of the API selects no pod',
    contract: 'Kubernetes: Service without endpoints',
    verdicts: { 'CRC-SVC-208': 'fail' },
    inject: (cluster) => {
      changeOf(cluster, 'services', 'api', ({ spec }) => {
        spec.selector = { ...spec.selector, 'app.kubernetes.io/component': 'admin-api' };
      });
      return done;
    },
  },
  {
    id: 'service-wrong-port',
    title: 'The Service of the STS leads to a port on which nothing listens',
    contract: 'deploy-logs-metrics.md 2.2, Service ports',
    verdicts: { 'CRC-SVC-208': 'fail' },
    inject: (cluster) => {
      changeOf(cluster, 'services', 'sts', ({ spec }) => {
        for (const port of spec.ports) port.targetPort = 8000;
      });
      return done;
    },
  },
  {
    id: 'monitor-without-bearer',
    title: 'ServiceMonitors scrape without the bearer that metrics ask for',
    contract: 'deploy-logs-metrics.md 0, fact 16',
    verdicts: { 'CRC-SVC-209': 'warn' },
    options: { monitoring: true },
    inject: () => done,
  },
];

/** A hook job of the release, in the state that the function gives it. */
function addJob(cluster: ClusterLab, component: 'migrate' | 'auth-migrate', status: Job['status']): Job {
  const manifest = renderHooks(cluster.release).find(({ object }) => object.metadata.labels?.['app.kubernetes.io/component'] === component && object['kind'] === 'Job');
  if (manifest === undefined) throw new Error(`the chart has no job ${component}`);
  cluster.controller.install(cluster.namespace, [manifest], { age: 1200, manager: 'helm' });
  return cluster.store.change('jobs', cluster.namespace, manifest.object.metadata.name, (job) => {
    const labels = { 'batch.kubernetes.io/controller-uid': job.metadata.uid, 'batch.kubernetes.io/job-name': job.metadata.name, 'controller-uid': job.metadata.uid, 'job-name': job.metadata.name };
    job.spec.selector = { matchLabels: { 'batch.kubernetes.io/controller-uid': job.metadata.uid } };
    job.spec.template.metadata.labels = { ...job.spec.template.metadata.labels, ...labels };
    job.status = status;
  });
}

/** The job gave up: its pod is deleted with that, so that only events tell of it. */
function failJob(cluster: ClusterLab, component: 'migrate' | 'auth-migrate'): void {
  const gaveUp = (type: string) => ({
    ...condition(type, 'True', 600, { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' }), lastProbeTime: timestamp(ago(600)),
  });
  const job = addJob(cluster, component, { failed: 1, ready: 0, terminating: 0, startTime: timestamp(ago(1200)), conditions: [gaveUp('FailureTarget'), gaveUp('Failed')], uncountedTerminatedPods: {} });
  const pod = `${job.metadata.name}-x7k2p`;
  emit(cluster.store, job, { type: 'Normal', reason: 'SuccessfulCreate', message: `Created pod: ${pod}`, component: 'job-controller', first: 1200, last: 1200 });
  emit(cluster.store, job, { type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${pod}`, component: 'job-controller', first: 600, last: 600 });
  emit(cluster.store, job, { type: 'Warning', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit', component: 'job-controller', first: 600, last: 600 });
  nextRevision(cluster.store, cluster.release, {
    config: cluster.config, status: 'failed', age: 1200, hookPhases: { [component]: 'Failed' },
    description: `Upgrade "caracal" failed: pre-upgrade hooks failed: 1 error occurred:\n\t* job ${job.metadata.name} failed: BackoffLimitExceeded\n\n`,
  });
}

/** Changes the NetworkPolicy of the release. */
function changePolicy(cluster: ClusterLab, how: (policy: NetworkPolicy) => void, config: UserValues): void {
  cluster.store.change('networkpolicies', cluster.namespace, 'caracal-caracal', how);
  upgraded(cluster, config);
}
