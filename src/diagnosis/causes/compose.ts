import { serviceNames } from '../../model/serviceNames.ts';
import type { ServiceName } from '../../model/target.ts';
import { fails, isRed, warns } from '../definition.ts';
import type { CauseDefinition } from '../definition.ts';
import { checksOfService } from '../stages.ts';
import { called } from './services.ts';

const base = { family: 'compose' } as const;

function ofContainer(service: ServiceName): readonly CauseDefinition[] {
  const { process, container } = checksOfService[service];
  const own = { ...base, component: service, leadsTo: [`${service}-away`], brings: [fails(process)] };
  return [
    { ...own, id: `${service}-stopped`, title: `${called[service]} is stopped`, means: 'Its container ended when it was told to, and its restart policy does not start it again.', seenAt: [fails(container, 'stopped')], source: 'deploy 1.9' },
    { ...own, id: `${service}-killed`, title: `${called[service]} was killed`, means: 'Somebody killed its container, or it did not end in time when it was told to.', seenAt: [fails(container, 'killed')], source: 'deploy 1.9' },
    { ...own, id: `${service}-paused`, title: `${called[service]} is paused`, means: 'Its processes are frozen: connections are taken and nothing answers.', seenAt: [fails(container, 'paused')], source: 'deploy 1.9' },
    { ...own, id: `${service}-ends-at-start`, title: `${called[service]} ends while it starts`, means: 'A setting or a secret that it refuses, or a store that is away, ends it at each start.', seenAt: [fails(container, 'exited')], source: 'readiness 2.8; deploy 0, row 3' },
    { ...own, id: `${service}-removed`, title: `${called[service]} has no container`, means: 'It was removed, or could not be made.', seenAt: [fails(container, 'absent')], brings: [fails(process), fails('SVC-101')], source: 'deploy 1.9' },
    { ...own, id: `${service}-cannot-start`, title: `The engine cannot start ${service}`, means: 'It says so itself, of a port, a file or a network that it needs.', seenAt: [fails(container, 'not started')], source: 'deploy 1.9' },
    {
      ...base, component: service, id: `${service}-off-network`, title: `${called[service]} is not on the network of the project`, means: 'Names such as postgres are known, and reached, only inside of it.',
      seenAt: [fails('SVC-104', service)], leadsTo: ['services-without-postgres', 'services-without-redis', `${service}-not-ready`, `${service}-away`], source: 'deploy 1.9',
    },
  ];
}

const containers = serviceNames.map((service) => checksOfService[service].container);
const notStarted = [...serviceNames.map((service) => `${service}-away`), ...serviceNames.flatMap((service) => [`${service}-ends-at-start`, `${service}-cannot-start`, `${service}-stopped`])];

/** Caracal's contract: deploy 1. */
export const composeCauses: readonly CauseDefinition[] = [
  ...serviceNames.flatMap(ofContainer),
  { ...base, id: 'engine-away', component: 'Compose', title: 'The Docker Engine cannot be asked', means: 'Nothing is known of the containers. That is a matter of this machine.', seenAt: [fails('SVC-100')], source: 'deploy 1.8' },
  { ...base, id: 'project-down', component: 'Compose', title: 'The project is down', means: 'The engine has none of the containers that the Compose file makes.', seenAt: [fails('SVC-101')], given: containers.map((container) => fails(container, 'absent')), leadsTo: serviceNames.map((service) => `${service}-removed`), source: 'deploy 1.9' },
  {
    ...base, id: 'secret-file-missing', component: 'Compose', title: 'A secret file is missing', means: 'A service reads its secrets when it starts: what runs goes on, and the next start fails.',
    seenAt: [fails('SVC-105', 'missing', 'folder')], leadsTo: notStarted, brings: serviceNames.map((service) => fails(checksOfService[service].process)), source: 'deploy 5.1',
  },
  {
    ...base, id: 'secret-file-empty', component: 'Compose', title: 'A secret file is empty', means: 'A service reads its secrets when it starts: what runs goes on, and the next start fails.',
    seenAt: [fails('SVC-105', 'empty')], leadsTo: notStarted, brings: serviceNames.map((service) => fails(checksOfService[service].process)), source: 'deploy 5.1',
  },
  {
    ...base, id: 'host-port-taken', component: 'Compose', title: 'A port of the host is taken', means: 'The engine cannot start a container whose port somebody else holds.',
    seenAt: [fails('SVC-103', 'in use')], leadsTo: notStarted, brings: serviceNames.map((service) => fails(checksOfService[service].process)), source: 'deploy 1.4, 1.9',
  },
  {
    ...base, id: 'other-project-in-the-way', component: 'Compose', title: 'Another project of Caracal is in the way', means: 'Both publish the same ports of the host, so that only one of them runs at a time.',
    seenAt: [isRed('SVC-103', 'other project')], leadsTo: notStarted, brings: serviceNames.map((service) => fails(checksOfService[service].process)), source: 'deploy 0, row 1',
  },
  { ...base, id: 'port-not-bound', component: 'Compose', title: 'A port is not bound', means: 'What runs in the container cannot be reached from the host.', seenAt: [fails('SVC-103', 'no network')], source: 'deploy 1.4' },
  {
    ...base, id: 'migration-failed', component: 'Compose', title: 'The migration failed', means: 'No service is started before dbMigrate is done.',
    seenAt: [isRed('SVC-102', 'dbMigrate')], unless: [isRed('SVC-102', 'one-off')], leadsTo: ['services-not-started'], source: 'readiness 2.8; deploy 0, row 12',
  },
  { ...base, id: 'migration-run-failed', component: 'Compose', title: 'A migration by hand failed', means: 'Its one-off container was left. What runs goes on with the schema that was there.', seenAt: [isRed('SVC-102', 'one-off')], source: 'deploy 1.2' },
  {
    ...base, id: 'postgres-password-newer', component: 'Postgres', title: 'The password of Postgres is newer than the database', means: 'Postgres takes this password only when its data is first made: a newer file does not change it, and the migration is refused.',
    seenAt: [isRed('SVC-107', 'password')], brings: [fails('STO-002', '28P01')], leadsTo: ['migrator-refused', 'services-without-postgres'], source: 'deploy 5.1',
  },
  {
    ...base, id: 'replay-volume-read-only', component: 'Compose', title: 'A replay volume is read-only', means: 'Audit events that cannot be published would be lost, and the service is not ready.',
    seenAt: [fails('SVC-107', 'read-only', 'none')], leadsTo: ['sts-replay-folder', 'gateway-replay-folder'], source: 'deploy 1.5',
  },
  { ...base, id: 'replay-volume-missing', component: 'Compose', title: 'Replay files do not outlive their container', means: 'Audit events that wait there are lost with it.', seenAt: [warns('SVC-107')], source: 'deploy 1.5' },
  { ...base, id: 'upgrade-half-done', component: 'Compose', title: 'An upgrade did not end well', means: 'Files, schema and containers may be of different releases.', seenAt: [warns('SVC-108', 'upgrade')], source: 'readiness 1.4' },
  { ...base, id: 'image-older', component: 'Compose', title: 'Containers run different releases', means: 'They may not understand what the others write.', seenAt: [warns('SVC-108')], unless: [warns('SVC-108', 'upgrade')], source: 'readiness 3' },
];
