/** Remedies of a Compose project: contract, deploy 1. Pure. */
import { serviceNames } from '../model/serviceNames.ts';
import type { ServiceName } from '../model/target.ts';
import { composeProject, composeSecretFiles } from './answers.ts';
import type { Names, Part } from './names.ts';
import { advise, checkOf, container, joined, listed, placeOf, restart, said } from './parts.ts';
import type { Build, Draft, Table } from './parts.ts';
import { word } from './quoting.ts';

/** Lets Compose make what is missing or differs from its files. */
function bringUp(names: Names, draft: Partial<Draft> & Pick<Draft, 'title'>): Draft {
  return {
    id: 'bring-up', place: 'services', risk: 'medium', commands: [names.up],
    changes: 'containers of the project that are missing or differ from its files; volumes stay as they are', provedBy: ['CRC-SVC-101'],
    ...draft,
  };
}

function projectOf(names: Names) {
  return names.answer(composeProject, 'Compose');
}

/** A container of another project, or of none, that holds a port which this project wants. */
function holderOf(names: Names, parts: readonly Part[]): string | undefined {
  const wanted = parts.flatMap((part) => names.containers(part)).filter(({ ports, wantedPorts }) => ports.length < wantedPorts.length).flatMap(({ wantedPorts }) => wantedPorts.map(({ host }) => host));
  return projectOf(names)?.others.find(({ ports }) => ports.some((port) => wanted.includes(port)))?.name;
}

/** The network that most containers of the project are in. */
function networkOf(names: Names): string {
  const counts = new Map<string, number>();
  for (const { name } of [...serviceNames, 'postgres', 'redis'].flatMap((part) => names.containers(part as Part)).flatMap(({ networks }) => networks)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].toSorted(([, one], [, other]) => other - one)[0]?.[0] ?? '<network>';
}

/** Services whose container is older than a secret file that it has read: contract, deploy 5.1. */
function withOldSecrets(names: Names): readonly ServiceName[] {
  const files = names.answer(composeSecretFiles, 'Compose') ?? [];
  return serviceNames.filter((service) => names.containers(service).some(({ startedAt }) => files.some((file) => file.service === service && Date.parse(file.changedAt ?? '') > Date.parse(startedAt ?? ''))));
}

const beforeSecrets = 'Think before that of the keys: a new secretStoreKek does not open what the old one has sealed, and a new postgresPassword is not that of the database. Restore these from a backup.';

const secretFile: Build = (names) => [bringUp(names, {
  id: 'make-secrets', title: 'make the secret files that are missing', advice: joined('It makes files that are missing or empty anew, and touches no other.', beforeSecrets, 'A folder that stands in place of a file is moved away first.'),
  changes: 'secret files that are missing or empty, and containers that wait for them', provedBy: ['CRC-SVC-105'],
})];

/** Services and stores, by what follows the name in the id of the cause. */
export const composeSuffixes: Table = {
  stopped: (names, _cause, part) => [container(names, part, 'start')],
  killed: (names, _cause, part) => [container(names, part, 'start', { advice: 'Keep the end of its log first. What ends in 20 s after it was told to is not killed.' })],
  'cannot-start': (names, _cause, part) => [bringUp(names, { id: `correct-${part}`, title: `give ${said(part)} what it needs to start`, place: placeOf(part), advice: joined('The engine says what: a port, a file or a network.', ...names.containers(part).map(({ error }) => error).filter((error) => error !== '').slice(0, 1)), provedBy: [checkOf.container(part), checkOf.process(part)] })],
  paused: (names, _cause, part) => [container(names, part, 'unpause')],
  'ends-at-start': (names, _cause, part) => [bringUp(names, {
    id: `correct-${part}`, title: `correct the configuration of ${said(part)}`, commands: [names.compose(`logs --tail 50 ${part}`), names.up], place: placeOf(part),
    advice: 'Its last line names the setting, file or store that it ended for. A Go service often leaves none: see Secret files, then Postgres and Redis.', provedBy: [checkOf.container(part), checkOf.process(part)],
  })],
  'out-of-memory': (names, _cause, part) => [bringUp(names, {
    id: `more-memory-${part}`, title: `give ${said(part)} more memory`, place: placeOf(part),
    advice: joined(`Raise the memory limit of ${part} first${part === 'sts' ? ': CARACAL_STS_MEM_LIMIT in caracal.env' : ' in the Compose file'}.`, part === 'sts' ? 'Each verification of a client secret takes 64 MB; STS_SECRET_VERIFY_CONCURRENCY lowers how many there are at once.' : ''),
    changes: `the memory limit of ${said(part)}, whose container is made anew`, provedBy: [checkOf.container(part)],
  })],
  restarted: (names, _cause, part) => [advise(`see-log-${part}`, `see why ${said(part)} started anew`, placeOf(part), 'The log before its start has the reason. If it goes on, it ends again and again; if it was asked for, nothing is to be done.', { commands: [names.compose(`logs --tail 200 ${part}`)], provedBy: [checkOf.container(part)] })],
  removed: (names, _cause, part) => [bringUp(names, { title: `make the container of ${said(part)} anew`, place: placeOf(part), advice: 'What a container that cannot be made lacks, such as a file that it mounts, is in the output and nowhere else.', provedBy: [checkOf.process(part), checkOf.ready(part)] })],
  'off-network': (names, _cause, part) => {
    const network = networkOf(names);
    return [{
      id: `connect-${part}`, title: `connect ${said(part)} to ${network}`, place: placeOf(part), commands: [`docker network connect ${network} ${names.container(part)}`],
      advice: 'It lasts until the container is made anew: the Compose file, or a file that overrides it, is where it went wrong.', changes: `the networks of the container ${names.container(part)}`, provedBy: ['CRC-SVC-104', checkOf.ready(part)],
    }];
  },
};

export const composeRemedies: Table = {
  'secret-file-missing': secretFile,
  'secret-file-empty': secretFile,
  'host-port-taken': (names) => {
    const parts: readonly Part[] = [...serviceNames, 'postgres', 'redis'];
    const part = parts.find((each) => names.containers(each).some(({ ports, wantedPorts }) => ports.length < wantedPorts.length));
    const holder = holderOf(names, parts);
    const name = part ?? '<service>';
    return [{
      id: 'free-port', title: 'free the port', place: part === undefined ? 'services' : placeOf(part), risk: 'medium', commands: [...(holder === undefined ? [] : [`docker stop ${holder}`]), names.compose(`start ${name}`)],
      advice: holder === undefined ? 'No container of this engine holds it: ask the system, `ss -ltnp` on Linux, `lsof -nP -iTCP -sTCP:LISTEN` on macOS, and end that program first.' : 'Only if what holds it may go.',
      changes: holder === undefined ? 'the program that holds the port' : `the container ${holder}, which is stopped, and then ${name}`, provedBy: ['CRC-SVC-103', ...(part === undefined ? [] : [checkOf.process(part)])],
    }];
  },
  'engine-away': () => [advise('start-engine', 'start the Docker Engine', 'services', 'Or name the right context or host in the target. No permission: add your user to the group of the socket, usually docker, and sign in again.', { commands: ['docker info', 'docker context ls'], changes: 'this machine, or the target', provedBy: ['CRC-SVC-100'] })],
  'project-down': (names) => [bringUp(names, { title: 'start the project', advice: 'A container that cannot be made, as when a file that it mounts is missing, leaves no trace but in the output.', provedBy: ['CRC-SVC-101', 'CRC-RDY-090'] })],
  'port-not-bound': (names) => [bringUp(names, { title: 'bind the port', advice: 'The container is on no network, so that the engine binds nothing for it.', provedBy: ['CRC-SVC-103'] })],
  'replay-volume-missing': (names) => [bringUp(names, { id: 'mount-replay', title: 'give sts and gateway their replay volumes', advice: 'First take the override out of the Compose file that leaves them out. Files that wait in the container now are lost with it: restart it first, so that they drain.', changes: 'the containers of sts and gateway, which are made anew', provedBy: ['CRC-SVC-107'] })],
  'migration-failed': (names) => [bringUp(names, { id: 'run-migrations', title: 'run the migrations again', place: 'stores', commands: [names.compose('logs dbMigrate'), names.up], advice: 'Repair first what its log says: exit code 3 is an error of SQL, 1 one of settings or connection. A migration that failed left nothing behind, and what is applied is skipped.', changes: 'the schema, forwards only, and containers that wait for it', provedBy: ['CRC-SVC-102', 'CRC-STO-004'] })],
  'migration-run-failed': (names) => [bringUp(names, { id: 'upgrade', title: 'upgrade again', place: 'stores', commands: [names.compose('logs dbMigrate'), names.upgrade], advice: 'The services still run the version before. Repair first what the log of the migrator says.', changes: 'the schema, then images and containers of the project', provedBy: ['CRC-SVC-102', 'CRC-SVC-108'] })],
  'postgres-password-newer': (names) => [{
    id: 'set-password', title: 'give the database the password of the file', place: 'stores', risk: 'medium',
    commands: [names.compose(`exec postgres sh -c 'psql -U caracal -d caracal -c "ALTER ROLE caracal PASSWORD '"'"'$(cat /run/secrets/postgresPassword)'"'"'"'`), names.up],
    advice: 'Or put the old file back from a backup, which changes nothing in the database. The volume is the database: it stays.', changes: 'the password of the role caracal', provedBy: ['CRC-SVC-107', 'CRC-SVC-102'],
  }],
  'replay-volume-read-only': (names) => [bringUp(names, { id: 'mount-replay', title: 'mount the replay volume writable', advice: 'First take the override out of the Compose file that mounts it read-only, or leaves it out.', changes: 'the container whose volume it is, which is made anew; what is in the volume stays', provedBy: ['CRC-SVC-107', 'CRC-RDY-013', 'CRC-RDY-023'] })],
  'other-project-in-the-way': (names) => {
    const own = names.project;
    const others = [...new Set((projectOf(names)?.others ?? []).filter(({ caracal, project, status }) => caracal && status === 'running' && project !== null && project !== own).map(({ project }) => project ?? ''))];
    return [{
      id: 'stop-other', title: 'stop the other project', place: 'services', risk: 'medium', commands: (others.length > 0 ? others : ['<project>']).map((project) => `docker compose -p ${word(project)} stop`),
      advice: 'Both publish the same ports, so that only one of them runs at a time. Make sure that it is the one that may go; it keeps its containers and volumes.', changes: `the containers of ${listed(others) || 'that project'}, which are stopped`, provedBy: ['CRC-SVC-103'],
    }];
  },
  'secret-changed': (names) => {
    const old = withOldSecrets(names);
    return (old.length > 0 ? old : (['sts', 'gateway'] as const)).map((service) => restart(names, service, { advice: 'All that share the key at about the same time. A key that was changed by mistake is better put back.', provedBy: ['CRC-SVC-106', checkOf.ready(service)] }));
  },
  'image-older': (names) => [bringUp(names, { id: 'upgrade', title: 'bring all to one release', commands: [names.upgrade], changes: 'images and containers of the project, and the schema before them', provedBy: ['CRC-SVC-108'] })],
  'upgrade-half-done': (names) => [bringUp(names, { id: 'upgrade', title: 'finish the upgrade', commands: [names.upgrade], advice: 'After `migrationFailed` in upgrade.log see One-shots first: the services still run the version before.', changes: 'images and containers of the project, and the schema before them', provedBy: ['CRC-SVC-108'] })],
};
