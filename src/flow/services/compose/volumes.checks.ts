import type { ContainerFacts, ProjectFacts, SecretFileFacts } from '../../../model/compose.ts';
import type { Check, Fact, Finding, Judgement } from '../../../model/check.ts';
import type { Observation } from '../../../model/observation.ts';
import { finding, signed, whenAnswered } from '../../judging.ts';
import { count, milliseconds } from '../../words.ts';
import { called, composeBase, containersOf, kept, project, secretFiles, unseen, valueOf, whenListed } from './facts.ts';

/** Where sts and gateway keep audit events that could not be published, and below it. */
const replayFolder = '/var/lib/caracal';
const replayFolders = [replayFolder, `${replayFolder}/audit-replay`];

/** Folder of the data of Postgres. */
const dataFolder = '/var/lib/postgresql';

/** The password is written before the volume is made; the engine tells the time of a volume in whole seconds. */
const momentMs = 5_000;

const asked = ['postgres', 'dbMigrate', 'sts', 'gateway'] as const;

type Said = Pick<Finding, 'status' | 'summary' | 'reasoning' | 'signs'>;

function judgeReplay(container: ContainerFacts): Said | undefined {
  const mount = container.mounts.find(({ destination }) => replayFolders.includes(destination));
  const lost = 'Audit events that cannot be published are kept there, and are sent when the service starts again.';
  if (mount) {
    if (!mount.writable) return { status: 'fail', summary: `${called(container)} has its replay volume read-only`, reasoning: `${lost} It cannot write there, so that such events are lost.`, signs: ['read-only', container.service] };
    return mount.type === 'tmpfs' ? { status: 'warn', summary: `${called(container)} keeps its replay files in memory`, reasoning: `${lost} They end with the container.` } : undefined;
  }
  return container.readOnlyRoot
    ? { status: 'fail', summary: `${called(container)} has no replay volume`, reasoning: `${lost} Its root file system is read-only, so that it has no place for them.`, signs: ['none'] }
    : { status: 'warn', summary: `${called(container)} has no replay volume`, reasoning: `${lost} They end with the container.` };
}

/** Whether the password of Postgres is newer than the database, which took the one that it was made with. */
function judgePassword(containers: readonly ContainerFacts[], { volumes }: ProjectFacts, files: readonly SecretFileFacts[]): Said | Fact {
  const name = 'postgresPassword';
  const mount = containers.find(({ service }) => service === 'postgres')?.mounts.find(({ destination }) => destination.startsWith(dataFolder));
  const volume = volumes.find((each) => each.name === mount?.name);
  const file = files.find(({ service, target }) => service === 'postgres' && target === name);
  if (!volume?.createdAt || !file?.changedAt) return { name, value: 'not compared: the time of the file or of the volume is not told' };
  const laterMs = Date.parse(file.changedAt) - Date.parse(volume.createdAt);
  if (laterMs <= momentMs) return { name, value: `not newer than ${volume.name}` };
  const migrator = containers.filter(({ service }) => service === 'dbMigrate').toSorted((left, right) => Date.parse(right.createdAt) - Date.parse(left.createdAt))[0];
  const refused = migrator?.status === 'exited' && migrator.exitCode !== 0;
  return {
    status: refused ? 'fail' : 'warn',
    summary: `${name} changed ${milliseconds(laterMs)} after ${volume.name} was made${refused ? `; likely why dbMigrate exited ${migrator.exitCode}` : ''}`,
    reasoning: 'Postgres takes this password only when its data is first made. A newer file does not change it: dbMigrate is refused, unless somebody has set the new one in the database as well.',
    signs: ['password'],
  };
}

function judgeVolumes(containers: readonly ContainerFacts[], seen: ProjectFacts, files: Observation<readonly SecretFileFacts[]>): Judgement {
  const writers = kept(containers).filter(({ service }) => service === 'sts' || service === 'gateway');
  const known = valueOf(files);
  const password = known ? judgePassword(containers, seen, known) : { name: 'postgresPassword', value: unseen(files) ?? '' };
  const said = [...writers.map(judgeReplay), ...('status' in password ? [password] : [])].filter((each) => each !== undefined);
  const facts: Fact[] = [
    ...writers.map((container) => {
      const mount = container.mounts.find(({ destination }) => replayFolders.includes(destination));
      return { name: called(container), value: mount ? `${mount.name ?? mount.source} at ${mount.destination}, ${mount.writable ? 'writable' : 'read-only'}` : 'no replay volume' };
    }),
    ...('status' in password ? [] : [password]),
    ...seen.volumes.map(({ name, createdAt }) => ({ name, value: createdAt === null ? 'there' : `made ${createdAt}` })),
  ];
  const worst = said.find(({ status }) => status === 'fail') ?? said[0];
  if (worst) return signed(finding(worst.status, said.length > 1 ? `${worst.summary}, ${said.length - 1} more` : worst.summary, worst.reasoning, facts), ...(worst.signs ?? []));
  if (writers.length === 0) return finding('not-applicable', 'no container of sts or gateway', 'Without them nothing needs a replay volume.', facts);
  return finding('pass', `${count(writers.length, 'replay volume')}, writable`, 'sts and gateway can keep audit events that cannot be published.', facts);
}

export const volumeChecks: readonly Check[] = [
  {
    ...composeBase,
    id: 'CRC-SVC-107',
    title: 'Volumes',
    asks: [project, secretFiles, ...containersOf(asked)],
    source: 'infra/docker/runtime-compose.yml, services/sts/internal/audit.go:108',
    judge: (observed) => whenAnswered(observed.get(project), (seen) => whenListed(observed, asked, (containers) => judgeVolumes(containers, seen, observed.get(secretFiles)))),
  },
];
