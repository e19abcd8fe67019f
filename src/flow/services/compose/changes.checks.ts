import type { ContainerFacts, ProjectFacts, RuntimeFilesFacts, SecretFileFacts } from '../../../model/compose.ts';
import { composeServices } from '../../../model/compose.ts';
import type { Check, Fact, Observed } from '../../../model/check.ts';
import { finding } from '../../judging.ts';
import { asksDatabaseChanges, databaseChanges } from '../databaseChanges.ts';
import { timeline } from '../timeline.ts';
import type { Change } from '../timeline.ts';
import { called, composeBase, containersOf, engine, engineNowMs, fileName, project, runtimeFiles, secretFiles, unseen, valueOf, whenListed } from './facts.ts';

/** What takes up a change of a file of the runtime home, and when. */
const readers: Readonly<Record<string, string>> = {
  'compose.yml': 'all services, at the next up',
  'caracal.env': 'all services, at the next up',
  'control/enabled': 'api, at once',
  'secrets/allowlist/operatorAllowlist.json': 'web, at once',
};

function changesOf(container: ContainerFacts): readonly Change[] {
  const { oneoff, createdAt, startedAt, finishedAt, exitCode, status } = container;
  const name = oneoff ? container.name : called(container);
  const ranBefore = startedAt !== null && finishedAt !== null && Date.parse(finishedAt) <= Date.parse(startedAt);
  return [
    { at: createdAt, what: `${name} created` },
    ...(startedAt === null ? [] : [{ at: startedAt, what: `${name} ${ranBefore ? 'restarted' : 'started'}` }]),
    // A container that runs again no longer tells how it had ended.
    ...(finishedAt === null ? [] : [{ at: finishedAt, what: ranBefore || status === 'created' ? `${name} ended` : `${name} exited ${exitCode}` }]),
  ];
}

function secretChanges(files: readonly SecretFileFacts[]): readonly Change[] {
  return [...Map.groupBy(files, ({ source }) => source).values()].flatMap((group) => {
    const [file] = group;
    if (!file?.changedAt) return [];
    return [{ at: file.changedAt, what: `${fileName(file)} changed (${[...new Set(group.map(({ service }) => service))].join(', ')})` }];
  });
}

function homeChanges({ installed, upgrades, changed }: RuntimeFilesFacts): readonly Change[] {
  return [
    ...(installed?.updatedAt ? [{ at: installed.updatedAt, what: `runtime set up for ${installed.version}` }] : []),
    ...upgrades.map(({ at, to, outcome }) => ({ at, what: `upgrade to ${to}: ${outcome}` })),
    ...changed.map(({ file, at }) => ({ at, what: `${file} changed (${readers[file] ?? 'not known'})` })),
  ];
}

function volumeChanges({ volumes }: ProjectFacts): readonly Change[] {
  return volumes.flatMap(({ name, createdAt }) => (createdAt === null ? [] : [{ at: createdAt, what: `volume ${name} created` }]));
}

function judgeChanges(containers: readonly ContainerFacts[], observed: Observed) {
  const answers = { project: observed.get(project), files: observed.get(secretFiles), home: observed.get(runtimeFiles) };
  const [seen, files, home] = [valueOf(answers.project), valueOf(answers.files), valueOf(answers.home)];
  const database = databaseChanges(observed);
  const changes: readonly Change[] = [
    ...containers.flatMap(changesOf),
    ...(files ? secretChanges(files) : []),
    ...(home ? homeChanges(home) : []),
    ...(seen ? volumeChanges(seen) : []),
    ...database.changes,
  ];
  const { newest, facts } = timeline(changes, new Date(engineNowMs(observed, answers.project)).toISOString());
  const notSeen: readonly Fact[] = [
    ['volumes', unseen(answers.project)],
    ['secret files', unseen(answers.files)],
    ['runtime home', unseen(answers.home)],
  ].flatMap(([name, value]) => (name === undefined || value === undefined ? [] : [{ name, value }]));
  return finding(
    'pass',
    newest === undefined ? 'none seen' : `last: ${newest}`,
    'What the engine, the files that containers get, the runtime home and the database tell of changes. A change that lies just before the first failure deserves the first look.',
    [...facts, ...notSeen, ...database.unseen],
  );
}

export const changeChecks: readonly Check[] = [
  {
    ...composeBase,
    id: 'CRC-SVC-109',
    title: 'Recent changes',
    asks: [engine, project, secretFiles, runtimeFiles, ...asksDatabaseChanges, ...containersOf(composeServices)],
    privilege: 'GET on the Docker Engine; stat of the secret files and of the runtime home; SELECT on schema_migrations, policy_set_bindings, policy_sets, policy_set_versions, zones',
    source: 'packages/engine/src/runtime.ts:23-42, packages/engine/src/secrets.ts:25-89',
    judge: (observed) => whenListed(observed, composeServices, (containers) => judgeChanges(containers, observed)),
  },
];
