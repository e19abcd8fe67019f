import { serviceNames } from '../../model/serviceNames.ts';
import type { ServiceName } from '../../model/target.ts';
import { fails, isRed, isUnknown, warns } from '../definition.ts';
import type { CauseDefinition } from '../definition.ts';
import { checksOfService } from '../stages.ts';
import { called } from './services.ts';

const base = { family: 'kubernetes' } as const;

const pullReasons = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError', 'RegistryUnavailable'];

function ofWorkload(service: ServiceName): readonly CauseDefinition[] {
  const { process, pods, rollout } = checksOfService[service];
  const own = {
    ...base, component: service, leadsTo: [`${service}-away`, 'releases-differ'],
    brings: [isRed(rollout), fails(process), fails('SVC-208', `${service}: not ready`, `${service}: no pod`)],
  };
  return [
    { ...own, id: `${service}-crash-loop`, title: `Pods of ${service} end again and again`, means: 'Its process ends by itself: a setting or a key that it refuses, or a store that is away.', seenAt: [isRed(pods, 'CrashLoopBackOff', 'ended', 'restarts')], unless: [isRed(pods, 'startup', 'liveness', 'OOMKilled')], source: 'deploy 2.9; readiness 2.8' },
    { ...own, id: `${service}-unschedulable`, title: `No node takes a pod of ${service}`, means: 'Nodes have not enough left of what the pod asks for, or it may not run on them.', seenAt: [isRed(pods, 'Pending')], source: 'deploy 2.9' },
    { ...own, id: `${service}-image-pull`, title: `The image of ${service} cannot be pulled`, means: 'There is no such image, the registry does not let the node in, or the node does not reach it.', seenAt: [isRed(pods, ...pullReasons)], source: 'deploy 2.9' },
    { ...own, id: `${service}-container-not-made`, title: `A container of ${service} cannot be made`, means: 'The kubelet says why: a volume, a key or a setting of the pod.', seenAt: [isRed(pods, 'FailedMount', 'FailedAttachVolume', 'FailedCreatePodSandBox', 'CreateContainerConfigError', 'CreateContainerError', 'ContainerCreating', 'PodInitializing', 'RunContainerError')], source: 'deploy 2.9' },
    { ...own, id: `${service}-startup-probe`, title: `${called[service]} does not pass its startup probe`, means: 'It lives and does not come to listen within its budget, and is ended for that.', seenAt: [isRed(pods, 'startup')], source: 'deploy 2.4' },
    { ...own, id: `${service}-liveness-probe`, title: `The liveness probe of ${service} ends it`, means: 'Its process lives and does not answer GET /health.', seenAt: [isRed(pods, 'liveness')], source: 'deploy 2.4' },
    { ...own, id: `${service}-not-ready-pod`, title: `A pod of ${service} is not ready and holds up the others`, means: 'Its StatefulSet makes and replaces pods one after the other, and goes on when this one is ready.', seenAt: [fails(rollout, 'stuck')], brings: [...own.brings, isRed(pods, 'not ready')], source: 'deploy 0, row 14' },
    { ...own, id: `${service}-evicted`, title: `A node evicted a pod of ${service}`, means: 'The node ran out of disk or memory. Another pod takes its place; this one stays as a record.', seenAt: [isRed(pods, 'Evicted', 'Failed')], source: 'deploy 2.9' },
    { ...own, id: `${service}-rollout-stuck`, title: `The rollout of ${service} is stuck`, means: 'New pods did not get ready in time. Those of before go on; nothing rolls back by itself.', seenAt: [isRed(rollout, 'ProgressDeadlineExceeded')], brings: [...own.brings, isRed(pods, 'not ready')], source: 'deploy 2.9' },
    { ...own, id: `${service}-scaled-to-zero`, title: `${called[service]} is scaled to no pod`, means: 'Somebody set its replicas to 0.', seenAt: [fails(rollout, 'scaled to 0')], source: 'deploy 2.9' },
  ];
}

const everyWorkload = (suffix: string): readonly string[] => serviceNames.map((service) => `${service}-${suffix}`);

/** Caracal's contract: deploy 2. */
export const kubernetesCauses: readonly CauseDefinition[] = [
  ...serviceNames.flatMap(ofWorkload),
  { ...base, id: 'kube-token-expired', component: 'Kubernetes', title: 'The cluster refuses the credential of the kubeconfig', means: 'It has expired or was taken back. That is a matter of the way from here, and says nothing about what runs in the cluster.', seenAt: [fails('SVC-200', 'Unauthorized', 'Forbidden', 'HTTP 401', 'HTTP 403')], source: 'diagnosing 4.3' },
  { ...base, id: 'api-server-down', component: 'Kubernetes', title: 'The API server cannot be reached', means: 'That is a matter of the way from here, and says nothing about what runs in the cluster.', seenAt: [fails('SVC-200')], unless: [fails('SVC-200', 'Unauthorized', 'Forbidden', 'HTTP 401', 'HTTP 403')], source: 'diagnosing 4.3' },
  { ...base, id: 'api-server-silent', component: 'Kubernetes', title: 'The API server does not answer', means: 'It takes connections and nothing comes back, or not in time. That says nothing about what runs in the cluster.', seenAt: [isUnknown('SVC-200', 'timeout', 'ETIMEDOUT')], source: 'diagnosing 4.3' },
  { ...base, id: 'api-server-throttles', component: 'Kubernetes', title: 'The API server limits the calls of this tool', means: 'It answers 429 and wants to be asked later.', seenAt: [isUnknown('SVC-200', 'TooManyRequests', 'HTTP 429')], source: 'diagnosing 6.1' },
  { ...base, id: 'helm-failed', component: 'Kubernetes', title: 'The last upgrade failed', means: 'What it applied before stays, so that objects of two revisions may stand side by side.', seenAt: [fails('SVC-202', 'failed')], source: 'deploy 2.8' },
  { ...base, id: 'helm-pending', component: 'Kubernetes', title: 'An operation of Helm was broken off', means: 'It still counts as running, so that Helm refuses the next upgrade.', seenAt: [fails('SVC-202', 'interrupted')], source: 'deploy 2.8' },
  { ...base, id: 'helm-at-work', component: 'Kubernetes', title: 'An upgrade is under way', means: 'Pods change while you look. That passes by itself.', seenAt: [warns('SVC-202')], source: 'deploy 2.8' },
  { ...base, id: 'release-removed', component: 'Kubernetes', title: 'The release was uninstalled', means: 'Helm removed its objects and kept its history.', seenAt: [fails('SVC-202')], unless: [fails('SVC-202', 'failed', 'interrupted')], source: 'deploy 2.8' },
  { ...base, id: 'migration-job-failed', component: 'Kubernetes', title: 'The migration of the release failed', means: 'The install or upgrade ended here, before any pod was changed.', seenAt: [fails('SVC-203')], brings: [fails('SVC-202', 'failed')], source: 'deploy 2.2; 0, row 12' },
  { ...base, id: 'migration-job-retrying', component: 'Kubernetes', title: 'The migration of the release tries again and again', means: 'Its pod cannot do its work; when it has had its tries, the upgrade fails.', seenAt: [warns('SVC-203')], brings: [warns('SVC-202')], source: 'deploy 2.2' },
  {
    ...base, id: 'secret-key-missing', component: 'Kubernetes', title: 'A Secret lacks a key that pods take', means: 'Pods that run go on; those that are started do not start.',
    seenAt: [fails('SVC-204', 'missing key')], leadsTo: everyWorkload('container-not-made'), source: 'deploy 2.9',
  },
  {
    ...base, id: 'secret-absent', component: 'Kubernetes', title: 'A Secret of the release is gone', means: 'Pods that run go on; those that are started wait for it.',
    seenAt: [fails('SVC-204', 'no Secret')], leadsTo: everyWorkload('container-not-made'), source: 'deploy 2.9',
  },
  {
    ...base, id: 'service-selects-nothing', component: 'Kubernetes', title: 'A Service selects no pod', means: 'Its selector fits no pod, so that nobody gets through to them, though the pods are well.',
    seenAt: [fails('SVC-208', ...serviceNames.flatMap((service) => [`${service}: selects none`, `${service}: no Service`]))], source: 'deploy 2.2',
  },
  {
    ...base, id: 'service-wrong-port', component: 'Kubernetes', title: 'A Service leads to a wrong port', means: 'Nothing listens on the port to which it leads, so that nobody gets through.',
    seenAt: [fails('SVC-208', ...serviceNames.flatMap((service) => [`${service}: wrong port`, `${service}: no port`]))], source: 'deploy 2.2',
  },
  {
    ...base, id: 'policy-without-dns', component: 'Kubernetes', title: 'A NetworkPolicy lets no DNS out', means: 'Pods cannot look up names, of the stores and of each other.',
    seenAt: [isRed('SVC-206', 'DNS')], leadsTo: ['services-without-postgres', 'services-without-redis'], source: 'deploy 0, row 17; 2.7',
  },
  {
    ...base, id: 'policy-without-redis', component: 'Kubernetes', title: 'A NetworkPolicy closes the way to Redis', means: 'It opens another port than the one that services take from their connection string.',
    seenAt: [isRed('SVC-206', 'Redis')], unless: [isRed('SVC-206', 'DNS')], leadsTo: ['services-without-redis'], source: 'deploy 2.7',
  },
  {
    ...base, id: 'policy-without-postgres', component: 'Kubernetes', title: 'A NetworkPolicy closes the way to Postgres', means: 'It opens another port than the one that services take from their connection string.',
    seenAt: [isRed('SVC-206', 'Postgres')], unless: [isRed('SVC-206', 'DNS')], leadsTo: ['services-without-postgres'], source: 'deploy 2.7',
  },
  { ...base, id: 'policy-between-pods', component: 'Kubernetes', title: 'A NetworkPolicy closes the way between pods', means: 'Pods of the release cannot speak to each other, as the Gateway does with the STS.', seenAt: [isRed('SVC-206', 'Egress', 'Ingress')], leadsTo: ['gateway-without-sts'], source: 'deploy 2.7' },
  {
    ...base, id: 'volume-claim-pending', component: 'Kubernetes', title: 'A volume claim is not bound', means: 'Its pod does not start before, and a StatefulSet starts no further pod.',
    seenAt: [isRed('SVC-207')], leadsTo: [...everyWorkload('unschedulable'), ...everyWorkload('container-not-made'), ...everyWorkload('not-ready-pod')], source: 'deploy 2.2, 2.9',
  },
  {
    ...base, id: 'node-lost', component: 'Kubernetes', title: 'A node is lost', means: 'Its pods are neither ready nor gone, because nobody there says so. Those of StatefulSets are not replaced before they are gone.',
    seenAt: serviceNames.map((service) => isRed(checksOfService[service].pods, 'Terminating', 'NodeLost')), leadsTo: everyWorkload('not-ready-pod'),
    brings: serviceNames.flatMap((service) => [isRed(checksOfService[service].rollout), isRed(checksOfService[service].pods)]), source: 'deploy 2.9',
  },
  { ...base, id: 'mixed-images', component: 'Kubernetes', title: 'Pods run different images', means: 'The services of one deployment are of one release; an image was set by hand, or a rollout is under way.', seenAt: [warns('SVC-211')], brings: serviceNames.map((service) => warns(checksOfService[service].rollout)), source: 'readiness 3' },
  { ...base, id: 'autoscaler-without-metrics', component: 'Kubernetes', title: 'Autoscalers get no metrics', means: 'The number of pods stands still.', seenAt: [isRed('SVC-210')], source: 'deploy 2.5' },
  { ...base, id: 'scrape-without-bearer', component: 'Kubernetes', title: 'Metrics are scraped without their bearer', means: 'Each scrape gets 401, so that the alert rules have no data. That says nothing about the services.', seenAt: [isRed('SVC-209')], source: 'deploy 0, row 16' },
  { ...base, id: 'quota-exceeded', component: 'Kubernetes', title: 'The cluster refuses further pods', means: 'A quota, a limit or an admission rule of the namespace forbids them.', seenAt: serviceNames.map((service) => fails(checksOfService[service].rollout, 'FailedCreate')), brings: serviceNames.map((service) => isRed(checksOfService[service].pods)), source: 'deploy 2.9' },
];
