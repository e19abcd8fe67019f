import { serviceNames } from '../../model/serviceNames.ts';
import type { ServiceName } from '../../model/target.ts';
import { fails, isRed, isUnknown, logged, passes, warns, without } from '../definition.ts';
import type { CauseDefinition } from '../definition.ts';
import { checksOfService } from '../stages.ts';

const base = { family: 'services' } as const;

/** As a sentence names it. */
export const called: Readonly<Record<ServiceName, string>> = { api: 'The API', sts: 'The STS', gateway: 'The Gateway', audit: 'Audit', coordinator: 'The Coordinator', web: 'web' };

const withoutIt: Readonly<Record<ServiceName, string>> = {
  api: 'Nothing can be configured or listed, and events of the STS wait in its outbox.',
  sts: 'No mandate is issued, and the Gateway refuses every call.',
  gateway: 'No call gets through to a resource.',
  audit: 'Audit events wait in their stream, and are trimmed away unread when there are too many.',
  coordinator: 'Sessions and delegations cannot be started, ended or listed.',
  web: 'Nobody can sign in to the Console.',
};

function ofService(service: ServiceName): readonly CauseDefinition[] {
  const { process, health, ready, identity, container, pods, rollout } = checksOfService[service];
  const own = { ...base, component: service };
  return [
    {
      ...own, id: `${service}-out-of-memory`, title: `${called[service]} runs out of memory`, means: 'The kernel ends its container when it takes more than its limit.',
      seenAt: [isRed(container, 'OOMKilled'), isRed(pods, 'OOMKilled')], brings: [fails(process), isRed(rollout)], leadsTo: [`${service}-away`], source: 'deploy 1.9, 2.9',
    },
    {
      ...own, id: `${service}-restarted`, title: `${called[service]} was restarted a moment ago`, means: 'It ended by itself and was started again. What it held in memory is gone, and its log before that tells why.',
      seenAt: [warns(container, 'restarted', 'starting'), isRed(pods, 'restarted', 'starting')], unless: [isRed(pods, 'CrashLoopBackOff', 'OOMKilled', 'liveness', 'startup')], brings: [warns(rollout)], isMark: true, source: 'deploy 1.9, 2.9',
    },
    {
      ...own, id: `${service}-down`, title: `${called[service]} is down`, means: `Nothing listens at its address. ${withoutIt[service]}`,
      seenAt: [without(fails(process), 'timeout')], leadsTo: [`${service}-away`], against: [passes(ready)], source: 'readiness 2.4; 2.8',
    },
    {
      ...own, id: `${service}-silent`, title: `${called[service]} does not answer`, means: `Its address takes connections, or drops packets, and nothing comes back. ${withoutIt[service]}`,
      seenAt: [fails(process, 'timeout')], leadsTo: [`${service}-away`], against: [passes(ready)], source: 'readiness 2.4, last column',
    },
    {
      ...own, id: `${service}-address-wrong`, title: `Something else answers at the address of ${service}`, means: 'The address of the target is that of another program, or something in front gets no answer of the service.',
      seenAt: [fails(health, 'another', 'unreached'), fails(identity)], brings: [fails(ready, 'another', 'unreached'), ...(service === 'coordinator' ? [fails('SVC-040'), isUnknown('SVC-040')] : []), ...(service === 'web' ? [isRed('SVC-051')] : [])],
      source: 'readiness 2.1, 2.2',
    },
    {
      ...own, id: `${service}-behind-login`, title: `Something in front of ${service} does not let this tool through`, means: 'It asks for a credential, redirects or limits calls, so that nothing is known of the service behind it. Give an address behind it.',
      seenAt: [isUnknown(health, 'in front'), isUnknown(ready, 'in front')], source: 'diagnosing 4.3',
    },
    {
      ...own, id: `${service}-readiness-limited`, title: `Readiness of ${service} is asked too often`, means: 'Something asks more than 120 times a minute from one address. The answer says nothing about the service.',
      seenAt: [isUnknown(ready, 'rate_limited')], source: 'readiness 2.3; storage 12, row 20',
    },
    {
      ...own, id: `${service}-draining`, title: `${called[service]} is shutting down`, means: 'It was told to end, and ends what is under way. That is how a rollout looks.',
      seenAt: [isRed(health, 'draining'), isRed(ready, 'draining')], source: 'readiness 2.3',
    },
    {
      ...own, id: `${service}-certificate`, title: `The certificate of ${service} ends soon`, means: 'When it has ended, nobody gets through to the service any more.', seenAt: [warns(process)], source: 'readiness 1.6',
    },
  ];
}

/** Caracal's contract: readiness 2. */
export const serviceCauses: readonly CauseDefinition[] = [
  ...serviceNames.flatMap(ofService),
  {
    ...base, id: 'nothing-started', component: 'all services', title: 'Nothing of the deployment is started', means: 'No port of the target has a listener: it was not started, or the target names another host.',
    seenAt: [fails('RDY-090', 'all')], given: [fails('STO-001'), fails('STO-020')],
    brings: [...serviceNames.map((service) => fails(checksOfService[service].process)), fails('STO-001'), fails('STO-020')], source: 'readiness 2.4, last row',
  },
  {
    ...base, id: 'no-service-runs', component: 'all services', title: 'No service of Caracal runs', means: 'They were stopped together, or could not start for one reason: migrations, a secret or an upgrade concerns all of them.',
    seenAt: [fails('RDY-090', 'all')], brings: serviceNames.map((service) => fails(checksOfService[service].process)), leadsTo: serviceNames.map((service) => `${service}-away`), source: 'readiness 2.4, last row',
  },
  {
    ...base, id: 'secret-changed', component: 'all services', title: 'A secret changed after services had read it', means: 'Services keep what they read when they started; those that start from now on hold another value.',
    seenAt: [isRed('SVC-106'), isRed('SVC-205')], source: 'deploy 5.4',
  },
  { ...base, id: 'clock-differs', component: 'all services', title: 'A clock of the deployment differs', means: 'Tokens and signed calls carry a time: where clocks differ they are called expired, or not valid yet.', seenAt: [isRed('RDY-091')], source: 'readiness 1.6' },
  {
    ...base, id: 'sign-in-database-away', component: 'web', title: 'The sign-in database does not let web in', means: 'web asks a database of its own, with a role of its own. Nobody can sign in to the Console.',
    seenAt: [fails('RDY-053', 'unavailable')], given: [passes('STO-002')], leadsTo: ['web-not-ready'], says: [logged('web: readiness check failed')], source: 'readiness 2.3, unavailable',
  },
  ...(['sts', 'gateway'] as const).map((service): CauseDefinition => ({
    ...base, id: `${service}-replay-folder`, component: service, title: `${called[service]} cannot write its replay folder`, means: 'Audit events that the stream refuses would be lost. The folder is full, missing, read-only or of another owner.',
    seenAt: [fails(checksOfService[service].ready, 'audit_replay_unavailable')], leadsTo: [`${service}-not-ready`], source: 'readiness 2.3, audit_replay_unavailable',
  })),
  {
    ...base, id: 'sts-consumers-refused', component: 'sts', title: 'The STS cannot make its consumer groups', means: 'Redis was away when it started, or forbids it. It takes up no changes of policies, keys and revocations until then.',
    seenAt: [fails('RDY-013', 'stream_consumers_not_ready')], brings: [fails('STR-021', 'NOGROUP'), fails('STR-031', 'NOGROUP'), fails('STR-041', 'NOGROUP')], leadsTo: ['sts-not-ready', 'sts-reads-nothing', 'services-not-started'],
    says: [logged('sts: consumer group ensure failed; will retry'), logged('sts: ready: stream consumers not ready')], source: 'readiness 2.3, stream_consumers_not_ready',
  },
  {
    ...base, id: 'sts-address-of-gateway', component: 'gateway', title: 'The Gateway has no usable address of the STS', means: 'Its STS_URL cannot be used, so that it refuses every call.',
    seenAt: [fails('RDY-023', 'sts_unavailable')], leadsTo: ['gateway-not-ready'], source: 'readiness 2.3, sts_unavailable',
  },
  {
    ...base, id: 'gateway-sts-network', component: 'gateway', title: 'The Gateway cannot reach the STS', means: 'The STS answers here: the network between them, or the address that the Gateway has, is wrong.',
    seenAt: [fails('RDY-023', 'sts_unreachable')], given: [passes('RDY-012')], leadsTo: ['gateway-without-sts'], source: 'readiness 2.3, sts_unreachable',
  },
  {
    ...base, id: 'audit-reader-sticky', component: 'audit', title: 'Audit still calls its reader unhealthy', means: 'Its reader failed once, and an empty read does not take that back. Redis and the group are well and nothing waits: the next audit event clears it.',
    seenAt: [fails('RDY-033', 'sticky'), fails('RDY-032', 'sticky')], leadsTo: ['audit-not-ready', 'audit-restarted-by-liveness'], isMark: true,
    leftBy: ['redis-stopped', 'redis-silent', 'redis-loading', 'redis-memory-full', 'redis-replica', 'redis-disk-failing'], source: 'readiness 2.5, Audit sticky unhealthy',
  },
  { ...base, id: 'audit-threshold', component: 'audit', title: 'Audit is over a limit of its readiness', means: 'More dead letters, pending events or age than its settings allow.', seenAt: [fails('RDY-033', 'audit_dlq_threshold', 'audit_lag_threshold', 'audit_pel_oldest_threshold')], leadsTo: ['audit-not-ready'], source: 'readiness 2.3' },
  {
    ...base, id: 'gateway-pool-used-up', component: 'gateway', title: 'The Gateway has no connection to Postgres left', means: 'Its load of the revocations waits, and after 70 s it refuses everything.',
    seenAt: [isRed('SVC-027')], brings: [isRed('STO-043'), warns('SVC-090')], leadsTo: ['snapshot-stale'], source: 'storage 2.8',
  },
  ...(['api', 'sts', 'gateway', 'audit', 'coordinator'] as const).map((service): CauseDefinition => ({
    ...base, id: `${service}-metrics-foreign`, component: service, title: `Something else answers for the metrics of ${service}`, means: 'A proxy or another program gives figures that are none of the service.',
    seenAt: [isRed({ api: 'SVC-001', sts: 'SVC-010', gateway: 'SVC-020', audit: 'SVC-030', coordinator: 'SVC-040' }[service])], unless: [fails(checksOfService[service].identity), fails(checksOfService[service].health, 'another', 'unreached')],
    source: 'readiness 2.6',
  })),
  { ...base, id: 'web-version-differs', component: 'web', title: 'web is of another release', means: 'The Console may not fit the services.', seenAt: [isRed('SVC-051')], source: 'readiness 3' },
  { ...base, id: 'secret-backend-failing', component: 'api', title: 'The secret backend fails', means: 'Credentials of workloads, applications and providers cannot be read or sealed: SECRET_STORE_KEK or an external backend.', seenAt: [isRed('SVC-002'), isRed('SVC-016')], brings: [warns('SVC-090')], source: 'readiness 4.3, 502' },
  { ...base, id: 'upstreams-failing', component: 'gateway', title: 'Upstreams do not answer the Gateway', means: 'Caracal passes these calls on, and the resource does not answer. That is none of its own faults.', seenAt: [isRed('SVC-028')], source: 'readiness 4.7, rows 17 to 20' },
  { ...base, id: 'operator-model-failing', component: 'api', title: 'The model of the Operator fails', means: 'The assistant of the Console does not work. Nothing else needs it.', seenAt: [isRed('SVC-003')], source: 'deploy 6' },
];
