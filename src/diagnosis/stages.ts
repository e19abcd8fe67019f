/** What stands between causes and what a person sees: Caracal's contract, readiness 2.4 and storage 9.5. */
import { serviceNames } from '../model/serviceNames.ts';
import type { ServiceName } from '../model/target.ts';
import { fails, isRed, isUnknown, warns } from './definition.ts';
import type { Stage } from './definition.ts';

/** Numbers of the checks of a service. */
export const checksOfService: Readonly<Record<ServiceName, { readonly process: string; readonly health: string; readonly ready: string; readonly identity: string; readonly container: string; readonly rollout: string; readonly pods: string }>> = {
  api: { process: 'RDY-001', health: 'RDY-002', ready: 'RDY-003', identity: 'RDY-004', container: 'SVC-110', rollout: 'SVC-220', pods: 'SVC-230' },
  sts: { process: 'RDY-011', health: 'RDY-012', ready: 'RDY-013', identity: 'RDY-014', container: 'SVC-111', rollout: 'SVC-221', pods: 'SVC-231' },
  gateway: { process: 'RDY-021', health: 'RDY-022', ready: 'RDY-023', identity: 'RDY-024', container: 'SVC-112', rollout: 'SVC-222', pods: 'SVC-232' },
  audit: { process: 'RDY-031', health: 'RDY-032', ready: 'RDY-033', identity: 'RDY-034', container: 'SVC-113', rollout: 'SVC-223', pods: 'SVC-233' },
  coordinator: { process: 'RDY-041', health: 'RDY-042', ready: 'RDY-043', identity: 'RDY-044', container: 'SVC-114', rollout: 'SVC-224', pods: 'SVC-234' },
  web: { process: 'RDY-051', health: 'RDY-052', ready: 'RDY-053', identity: 'RDY-054', container: 'SVC-115', rollout: 'SVC-225', pods: 'SVC-235' },
};

const alerts = warns('SVC-090');

/** The engine and the cluster ask `/ready`, so that a service that is not ready looks ill to them. */
function notReady(service: ServiceName): Stage {
  const { ready, container, pods, rollout } = checksOfService[service];
  return {
    id: `${service}-not-ready`, words: `${service} is not ready`,
    seenAt: [fails(ready)],
    brings: [isRed(container, 'unhealthy', 'starting'), isRed(pods, 'not ready', 'starting'), isRed(rollout), fails('SVC-208', `${service}: not ready`)],
  };
}

/** What depends on a service that nobody reaches. */
const followers: Readonly<Record<ServiceName, readonly string[]>> = {
  api: ['outbox-not-taken'], sts: ['gateway-without-sts', 'sts-reads-nothing'], gateway: ['gateway-reads-nothing'], audit: ['audit-reads-nothing'],
  coordinator: ['coordinator-reads-nothing'], web: [],
};

/** Whatever keeps a process from being there brings the same about. */
function away(service: ServiceName): Stage {
  const { pods, rollout, ready } = checksOfService[service];
  return {
    id: `${service}-away`, words: `${service} does not answer`,
    seenAt: [],
    brings: [isRed(pods), isRed(rollout), fails('SVC-208', `${service}: not ready`, `${service}: no pod`), fails('RDY-090'), fails(ready, 'ECONNREFUSED')],
    leadsTo: followers[service],
  };
}

export const stages: readonly Stage[] = [
  ...serviceNames.map(notReady),
  ...serviceNames.map(away),
  {
    id: 'services-without-redis', words: 'services do not get through to Redis',
    seenAt: [],
    brings: [
      fails('RDY-003', 'internal_error', 'redis_unreachable', 'timeout'), fails('RDY-043', 'internal_error', 'redis_unreachable', 'timeout'),
      fails('RDY-013', 'redis_unreachable', 'redis_unavailable'), fails('RDY-023', 'redis_unreachable'), fails('RDY-090', 'Redis'),
      isUnknown('SVC-040'), isUnknown('SVC-043'),
    ],
    leadsTo: ['audit-reader-fails', 'events-in-files', 'outboxes-back-off', 'api-not-ready', 'coordinator-not-ready', 'sts-not-ready', 'gateway-not-ready'],
  },
  {
    id: 'writes-refused', words: 'Redis refuses what services write',
    seenAt: [fails('STO-031')],
    brings: [
      fails('RDY-003', 'internal_error', 'timeout'), fails('RDY-043', 'internal_error', 'timeout'), fails('RDY-090', 'Redis'),
      fails('RDY-013', 'redis_unreachable'), fails('RDY-023', 'redis_unreachable'), isUnknown('SVC-040'), isUnknown('SVC-043'),
    ],
    leadsTo: ['audit-reader-fails', 'events-in-files', 'outboxes-back-off', 'api-not-ready', 'coordinator-not-ready', 'sts-not-ready', 'gateway-not-ready'],
  },
  {
    id: 'audit-reader-fails', words: 'Audit cannot read its stream',
    seenAt: [fails('RDY-033', 'consumer_unhealthy', 'redis_unreachable', 'sticky'), fails('RDY-032', 'consumer_unhealthy', 'sticky')],
    leadsTo: ['audit-not-ready', 'audit-restarted-by-liveness'],
  },
  {
    id: 'audit-restarted-by-liveness', words: 'the liveness probe restarts audit, because /health follows Redis',
    seenAt: [isRed('SVC-233', 'liveness')],
    brings: [isRed('SVC-223'), fails('SVC-208', 'audit: not ready', 'audit: no pod')],
  },
  { id: 'events-in-files', words: 'audit events wait in files', seenAt: [warns('SVC-019'), warns('SVC-025')], brings: [alerts] },
  { id: 'outboxes-back-off', words: 'events wait in the outboxes', seenAt: [warns('STR-090', 'retrying', 'waiting'), warns('STR-091'), fails('STR-090', 'not taken'), fails('STR-091', 'not taken')], brings: [alerts] },
  { id: 'outbox-not-taken', words: 'nobody takes the events of the API outbox', seenAt: [fails('STR-090', 'not taken'), warns('STR-090', 'waiting')], brings: [alerts] },
  {
    id: 'services-without-postgres', words: 'services do not get through to Postgres',
    seenAt: [],
    brings: [
      fails('RDY-003', 'postgres_unreachable', 'outbox_unreachable', 'timeout'), fails('RDY-013', 'postgres_unreachable'), fails('RDY-033', 'postgres_unreachable'),
      fails('RDY-043', 'postgres_unreachable', 'timeout'), fails('RDY-053', 'unavailable', 'timeout'), fails('RDY-090', 'Postgres'), isUnknown('SVC-040'), isUnknown('SVC-001'),
    ],
    leadsTo: ['snapshot-stale', ...serviceNames.map((service) => `${service}-not-ready`)],
  },
  { id: 'snapshot-stale', words: 'the Gateway cannot load revocations', seenAt: [fails('RDY-023', 'revocation_snapshot_stale'), isRed('SVC-022')], brings: [alerts], leadsTo: ['gateway-not-ready'] },
  {
    id: 'gateway-without-sts', words: 'the Gateway does not reach the STS',
    seenAt: [fails('RDY-023', 'sts_unreachable', 'timeout')],
    brings: [fails('SVC-021'), fails('RDY-090', 'sts'), alerts],
    leadsTo: ['gateway-not-ready'],
  },
  { id: 'audit-reads-nothing', words: 'nobody stores audit events', seenAt: [isRed('STR-002', 'stalled', 'slow')], brings: [isRed('AUD-003'), isRed('STR-004'), fails('STR-005')] },
  {
    id: 'sts-reads-nothing', words: 'the STS takes up no changes',
    seenAt: [isRed('STR-021', 'stalled', 'slow'), isRed('STR-031', 'stalled', 'slow'), isRed('STR-041', 'stalled', 'slow')],
  },
  { id: 'gateway-reads-nothing', words: 'the Gateway takes up no revocations', seenAt: [isRed('STR-032', 'stalled', 'slow', 'unread')], brings: [warns('STR-035', 'unread')] },
  { id: 'coordinator-reads-nothing', words: 'the Coordinator takes up and publishes nothing', seenAt: [isRed('STR-051', 'stalled', 'slow'), fails('STR-091', 'not taken')], brings: [isRed('SVC-041'), isRed('SVC-042'), isRed('SVC-044')] },
  {
    id: 'services-not-started', words: 'services that wait for it were not started',
    seenAt: serviceNames.map((service) => fails(checksOfService[service].container, 'created')),
    brings: [...serviceNames.map((service) => fails(checksOfService[service].process)), fails('RDY-090', 'all'), isRed('SVC-102', 'created')],
  },
  { id: 'services-wait-for-locks', words: 'services wait for a lock', seenAt: [], brings: [fails('RDY-003', 'outbox_unreachable', 'postgres_unreachable', 'timeout'), fails('RDY-043', 'postgres_unreachable', 'timeout'), isRed('STO-043'), isRed('SVC-027')], leadsTo: ['audit-reads-nothing', 'api-not-ready', 'coordinator-not-ready', 'outbox-not-taken'] },
  { id: 'writes-fail', words: 'writes into Postgres fail', seenAt: [], brings: [isRed('AUD-003'), isRed('STR-004')], leadsTo: ['outbox-not-taken'] },
  { id: 'migrator-refused', words: 'the migration does not get into Postgres', seenAt: [fails('SVC-102', 'dbMigrate'), fails('SVC-203', 'failed')], brings: [fails('SVC-202', 'failed')], leadsTo: ['services-not-started'] },
  { id: 'releases-differ', words: 'workloads are of different releases', seenAt: [warns('SVC-211')] },
];
