import { fails, isRed, logged, passes, warns, without } from '../definition.ts';
import type { CauseDefinition } from '../definition.ts';

const base = { family: 'postgres', component: 'Postgres' } as const;
const withoutPostgres = 'Every service but the Gateway is not ready at once, and the Gateway refuses everything when its revocations are 70 s old.';
const answersHere = [passes('STO-002')];
const servicesReady = [passes('RDY-003'), passes('RDY-013')];

/** Caracal's contract: readiness 2.3 and 2.4, storage 1, 2 and 12. */
export const postgresCauses: readonly CauseDefinition[] = [
  {
    ...base, id: 'postgres-stopped', title: 'Postgres is stopped', means: withoutPostgres,
    seenAt: [fails('SVC-116', 'stopped', 'killed', 'exited', 'OOMKilled', 'absent', 'created', 'not started'), without(fails('STO-001'), 'timeout', 'NOT_POSTGRES')],
    leadsTo: ['services-without-postgres'], against: [...answersHere, ...servicesReady],
    says: [logged('api: {…}: idle database connection error: …'), logged('postgres: terminating connection due to administrator command')],
    source: 'readiness 2.4, row Postgres',
  },
  {
    ...base, id: 'postgres-silent', title: 'Postgres takes connections and answers nothing', means: `${withoutPostgres} Its process hangs or is paused, or packets to it are dropped.`,
    seenAt: [fails('SVC-116', 'paused'), fails('STO-001', 'timeout')],
    leadsTo: ['services-without-postgres'], against: [...answersHere, ...servicesReady], source: 'readiness 2.4, last column',
  },
  {
    ...base, id: 'postgres-away-from-here', title: 'Postgres cannot be reached from this machine', means: 'The services reach it: the address of the target, a forward or a firewall on the way from here is wrong, and nothing of the deployment.',
    seenAt: [fails('STO-001')], given: [passes('RDY-003'), passes('RDY-013')], against: [fails('SVC-116')], source: 'diagnosing 4.3; readiness 2.2',
  },
  {
    ...base, id: 'postgres-network', title: 'Services cannot reach Postgres', means: 'Postgres answers here: the network between them, or the address, role or password that the services have, is wrong.',
    seenAt: [fails('RDY-003', 'postgres_unreachable'), fails('RDY-013', 'postgres_unreachable'), fails('RDY-043', 'postgres_unreachable')], given: [passes('STO-002')],
    unless: [isRed('STO-007'), fails('STO-015'), fails('STO-017'), fails('SVC-104'), fails('STO-006')],
    leadsTo: ['services-without-postgres'], source: 'readiness 2.4; deploy 2.7',
  },
  {
    ...base, id: 'postgres-password', title: 'Postgres refuses the password', means: 'The password of the target is not the one that the server has. Services that hold it as well are refused when they connect anew.',
    seenAt: [fails('STO-002', '28P01')], leadsTo: ['services-without-postgres', 'migrator-refused'], says: [logged('postgres: password authentication failed for user …')], source: 'readiness 2.3; deploy 0, row 12',
  },
  { ...base, id: 'postgres-login-refused', title: 'Postgres does not let the user of the target in', means: 'The role may not log in, the database does not exist, or all connections are taken.', seenAt: [without(fails('STO-002'), '28P01')], leadsTo: ['services-without-postgres'], source: 'storage 2.1' },
  { ...base, id: 'postgres-too-old', title: 'Postgres is too old', means: "Caracal's schema needs Postgres 17 or later.", seenAt: [fails('STO-003')], source: 'readiness 2.1' },
  {
    ...base, id: 'schema-differs', title: 'The schema is not the one that the migrations make', means: 'The history of migrations is complete and the schema is another: it was made by other migrations of the same names, or changed by hand.',
    seenAt: [isRed('STO-005')], brings: [isRed('STO-006'), isRed('STO-008'), isRed('STO-011'), isRed('STO-012'), isRed('STO-009')], source: 'storage 12, row 1; 11',
  },
  {
    ...base, id: 'migrations-pending', title: 'Migrations were not applied', means: 'Statements of the services name tables and columns that are not there yet.',
    seenAt: [isRed('STO-004')], brings: [isRed('STO-006'), isRed('STO-008'), isRed('STO-012')], source: 'storage 1',
  },
  { ...base, id: 'tables-missing', title: 'Tables or columns are missing', means: 'Statements that name them end with an error.', seenAt: [isRed('STO-006')], brings: [isRed('STO-008'), isRed('STO-012'), isRed('STO-009')], leadsTo: ['services-without-postgres'], source: 'storage 5' },
  {
    ...base, id: 'role-attributes', title: 'A role of a service is not as the migrations made it', means: 'A role that may not log in stops its service; one that is a superuser or bypasses row-level security sees and changes what it must not.',
    seenAt: [isRed('STO-007')], brings: [isRed('STO-010')], leadsTo: ['services-without-postgres'], source: 'storage 2.1',
  },
  { ...base, id: 'grants-missing', title: 'A service lacks a privilege', means: 'Its statements end with 42501 where it needs what it lacks.', seenAt: [isRed('STO-008')], says: [logged('postgres: permission denied for …')], source: 'storage 2.2' },
  { ...base, id: 'row-level-security', title: 'Row-level security is not as the migrations made it', means: 'A mistake in one statement shows rows of another zone, or services see no rows and get no error.', seenAt: [isRed('STO-009')], source: 'storage 2.3' },
  { ...base, id: 'evidence-changeable', title: 'Audit evidence can be changed', means: 'A role may update, delete or truncate what must only be added to.', seenAt: [isRed('STO-010')], source: 'storage 2.5' },
  { ...base, id: 'immutability-off', title: 'Versions of policies can be rewritten', means: 'The trigger that keeps them as they are is off: what decided a call can no longer be told from its id.', seenAt: [isRed('STO-011')], source: 'storage 2.5' },
  { ...base, id: 'index-broken', title: 'A unique index or a constraint is missing or invalid', means: 'Nothing keeps rows out that Caracal takes to be impossible.', seenAt: [fails('STO-012')], source: 'storage 5' },
  { ...base, id: 'index-missing', title: 'An index is missing', means: 'Statements that rely on it read whole tables.', seenAt: [warns('STO-012')], source: 'storage 5' },
  { ...base, id: 'partition-missing', title: 'A partition of audit events is missing', means: 'Events of that month go to the default partition, or are refused and end as dead letters.', seenAt: [isRed('STO-013')], brings: [isRed('STO-014')], says: [logged('audit: retention: ensure partition')], source: 'storage 2.6' },
  { ...base, id: 'rows-in-default-partition', title: 'Audit events lie in the default partition', means: 'The partition of their month cannot be made before they are moved.', seenAt: [isRed('STO-014')], source: 'storage 2.6' },
  {
    ...base, id: 'connections-full', title: 'Postgres has no connections left', means: 'Pools that grow are refused with 53300.',
    seenAt: [isRed('STO-015')], leadsTo: ['services-without-postgres'], says: [logged('postgres: sorry, too many clients already')], source: 'storage 2.8; 12, row 18',
  },
  { ...base, id: 'transaction-open', title: 'A session left its transaction open', means: 'It does nothing and keeps its locks, and others wait for them.', seenAt: [isRed('STO-016')], brings: [isRed('STO-017')], leadsTo: ['services-wait-for-locks'], source: 'storage 2.7' },
  { ...base, id: 'lock-held', title: 'A session holds a lock that others wait for', means: 'What waits for it does not go on before that transaction ends.', seenAt: [isRed('STO-017')], leadsTo: ['services-wait-for-locks'], source: 'storage 2.7; 12, row 22' },
  { ...base, id: 'migrator-running', title: 'A migration is under way', means: 'Services may see a schema that changes. That passes by itself.', seenAt: [warns('STO-018')], source: 'storage 1' },
  { ...base, id: 'migrator-stuck', title: 'A migrator waits for one that does not end', means: 'It waits for the lock of the migrations without limit.', seenAt: [fails('STO-018')], source: 'storage 1, 2.7' },
  { ...base, id: 'postgres-read-only', title: 'Postgres takes no writes', means: 'New sessions begin read-only, or the server is a standby: each write ends with 25006.', seenAt: [isRed('STO-019')], leadsTo: ['services-without-postgres', 'writes-fail'], source: 'storage 2' },
  { ...base, id: 'replication-slot-unused', title: 'Replication is behind, or keeps the log back', means: 'An unused slot fills the disk until the server stops; a standby that is behind loses rows when it takes over; commits may wait for one that is gone.', seenAt: [isRed('STO-040')], source: 'storage 2' },
  { ...base, id: 'postgres-unsafe-settings', title: 'A setting of Postgres endangers what was committed', means: 'A crash may lose evidence that was said to be stored.', seenAt: [isRed('STO-041')], source: 'storage 2' },
  { ...base, id: 'transaction-ids-short', title: 'Postgres runs out of transaction ids', means: 'When none is left it refuses every write until old rows were frozen.', seenAt: [isRed('STO-042')], source: 'storage 2' },
  { ...base, id: 'service-pool-busy', title: 'All connections of a service are busy', means: 'Its further requests wait.', seenAt: [isRed('STO-043')], brings: [isRed('SVC-027'), warns('SVC-090')], source: 'storage 2.8' },
  { ...base, id: 'postgres-slow', title: 'The way to Postgres is slow', means: 'Services ask Postgres several times for one request.', seenAt: [warns('STO-001')], source: 'diagnosing 5.3' },
];
