import { fails, isRed, logged, passes, warns, without } from '../definition.ts';
import type { CauseDefinition } from '../definition.ts';

const base = { family: 'redis', component: 'Redis' } as const;
const withoutRedis = 'Without Redis nothing is minted, revoked, published or audited; api and coordinator hang, and then answer 500.';
const answersHere = [passes('STO-021')];
const servicesReady = [passes('RDY-013'), passes('RDY-023')];

/** Caracal's contract: readiness 2.3 and 2.4, storage 6. */
export const redisCauses: readonly CauseDefinition[] = [
  {
    ...base, id: 'redis-stopped', title: 'Redis is stopped', means: withoutRedis,
    seenAt: [fails('SVC-117', 'stopped', 'killed', 'exited', 'OOMKilled', 'absent', 'created', 'not started'), without(fails('STO-020'), 'timeout', 'NOT_REDIS')],
    leadsTo: ['services-without-redis'], against: [...answersHere, ...servicesReady],
    says: [logged('api: [ioredis] Unhandled error event: {…}ECONNREFUSED…'), logged('coordinator: [ioredis] Unhandled error event: {…}ECONNREFUSED…')],
    source: 'readiness 2.4, row Redis',
  },
  {
    ...base, id: 'redis-silent', title: 'Redis takes connections and answers nothing', means: `${withoutRedis} Its process hangs or is paused, or packets to it are dropped.`,
    seenAt: [fails('SVC-117', 'paused'), fails('STO-020', 'timeout')],
    leadsTo: ['services-without-redis'], against: [...answersHere, ...servicesReady], source: 'readiness 2.4, last column',
  },
  {
    ...base, id: 'redis-away-from-here', title: 'Redis cannot be reached from this machine', means: 'The services reach it: the address of the target, a forward or a firewall on the way from here is wrong, and nothing of the deployment.',
    seenAt: [fails('STO-020')], given: [passes('RDY-013'), passes('RDY-023')], against: [fails('SVC-117')], source: 'diagnosing 4.3; readiness 2.2',
  },
  {
    ...base, id: 'redis-network', title: 'Services cannot reach Redis', means: 'Redis answers here: the network between them, the address or the password that the services have is wrong.',
    seenAt: [fails('RDY-013', 'redis_unreachable'), fails('RDY-023', 'redis_unreachable')], given: [passes('STO-021'), passes('STO-027')], unless: [fails('STO-031'), fails('STO-026'), fails('STO-024'), fails('SVC-104')],
    leadsTo: ['services-without-redis'], source: 'readiness 2.4; deploy 2.7',
  },
  {
    ...base, id: 'redis-loading', title: 'Redis is still loading its data', means: 'It was restarted and answers LOADING to everything until its data is read from disk. That passes by itself.',
    seenAt: [fails('STO-027')], leadsTo: ['services-without-redis', 'writes-refused'], source: 'storage 6.1',
  },
  {
    ...base, id: 'redis-password', title: 'Redis refuses the password', means: 'The password of the target is not the one that the server has. Services keep the connections that they have, and are refused when they connect anew.',
    seenAt: [fails('STO-021', 'WRONGPASS', 'NOAUTH', 'NOPERM')], leadsTo: ['services-without-redis'],
    says: [logged('api: [ioredis] Unhandled error event: {…}WRONGPASS…'), logged('coordinator: [ioredis] Unhandled error event: {…}WRONGPASS…')],
    source: 'readiness 2.4, states of a running stack',
  },
  {
    ...base, id: 'redis-clients-full', title: 'Redis takes no further connection', means: 'All connections that maxclients allows are taken. What is connected goes on; what connects anew is refused.',
    seenAt: [without(fails('STO-021'), 'WRONGPASS', 'NOAUTH', 'NOPERM')], leadsTo: ['services-without-redis'], source: 'storage 6.5',
  },
  { ...base, id: 'redis-clients-short', title: 'Redis has few connections left', means: 'At maxclients it refuses every further connection.', seenAt: [warns('STO-028')], source: 'storage 6.5' },
  {
    ...base, id: 'redis-memory-full', title: 'The memory of Redis is full', means: 'It refuses every write with OOM: nothing can be published, acknowledged or counted, and api and coordinator answer 500 at once.',
    seenAt: [fails('STO-031', 'OOM')], brings: [isRed('STO-023'), warns('STO-030')], leadsTo: ['writes-refused'], source: 'readiness 2.4, states of a running stack; storage 6.1',
  },
  { ...base, id: 'redis-memory-short', title: 'The memory of Redis is nearly used up', means: 'With noeviction a full memory makes every write fail with OOM.', seenAt: [isRed('STO-023')], unless: [fails('STO-031', 'OOM')], brings: [warns('STO-030')], source: 'storage 6.1' },
  { ...base, id: 'redis-filling', title: 'The memory of Redis fills quickly', means: 'Something writes more than is taken away; at this pace every write soon fails with OOM.', seenAt: [warns('STO-030')], unless: [isRed('STO-023')], source: 'storage 6.1' },
  {
    ...base, id: 'redis-replica', title: 'Redis is a replica', means: 'A replica refuses every write with READONLY: nothing can be published, acknowledged or counted.',
    seenAt: [fails('STO-026')], brings: [fails('STO-031', 'READONLY')], leadsTo: ['writes-refused'], source: 'readiness 2.4, states of a running stack',
  },
  {
    ...base, id: 'redis-disk-failing', title: 'Redis cannot write to its disk', means: 'Its last snapshot or append-only write failed, so that it refuses writes with MISCONF: the disk is full, read-only or broken.',
    seenAt: [fails('STO-024')], brings: [fails('STO-031', 'MISCONF')], leadsTo: ['writes-refused'], source: 'storage 6.1',
  },
  { ...base, id: 'redis-eviction', title: 'Redis evicts keys when its memory is full', means: 'Revocations, replay guards and whole streams would vanish without an error.', seenAt: [isRed('STO-022')], says: [logged('sts: redis eviction policy may silently drop revocation and stream entries…'), logged('gateway: redis eviction policy may silently drop revocation and stream entries…')], source: 'storage 6.1' },
  { ...base, id: 'redis-appendonly-off', title: 'Redis keeps no append-only file', means: 'A restart loses revocations, replay guards, streams and their groups since the last snapshot.', seenAt: [warns('STO-024')], source: 'storage 6.1' },
  { ...base, id: 'redis-rewrite-failing', title: 'Redis cannot shorten its append-only file', means: 'The file grows until the disk is full, and then writes are refused.', seenAt: [warns('STO-029')], source: 'storage 6.1' },
  { ...base, id: 'redis-too-old', title: 'Redis is too old', means: 'Services need commands and counters that it does not have.', seenAt: [isRed('STO-025')], source: 'storage 6' },
  {
    ...base, id: 'redis-emptied', title: 'Redis lost its data', means: 'Streams and groups are gone. Services make them only when they start, so that they read nothing until then while their readiness may stay green.',
    seenAt: [fails('STR-020', 'missing'), fails('STR-030', 'missing'), fails('STR-040', 'missing')], unless: [fails('SVC-117', 'not provisioned')],
    brings: [fails('STR-001', 'missing'), fails('STR-050', 'missing'), ...['STR-002', 'STR-021', 'STR-031', 'STR-032', 'STR-041', 'STR-051'].map((group) => fails(group, 'NOGROUP'))],
    leadsTo: ['audit-reader-fails'], source: 'storage 12, 6; readiness 2.5',
  },
  {
    ...base, id: 'redis-not-provisioned', title: 'The streams of Redis were not provisioned', means: 'Its start could not make the streams and groups that the services of Compose wait for.',
    seenAt: [fails('SVC-117', 'not provisioned')],
    brings: [...['STR-001', 'STR-020', 'STR-030', 'STR-040', 'STR-050'].map((stream) => fails(stream, 'missing')), ...['STR-002', 'STR-021', 'STR-031', 'STR-032', 'STR-041', 'STR-051'].map((group) => fails(group, 'NOGROUP'))],
    leadsTo: ['services-not-started'], source: 'storage 6.3',
  },
];
