import type { ContainerFacts, RuntimeFilesFacts } from '../../../model/compose.ts';
import { serviceNames } from '../../../model/serviceNames.ts';
import type { Check, Fact, Finding, Judgement } from '../../../model/check.ts';
import type { Observation } from '../../../model/observation.ts';
import { finding, signed } from '../../judging.ts';
import { age } from '../timeline.ts';
import { called, composeBase, containersOf, engine, engineNowMs, kept, listed, runtimeFiles, unseen, valueOf, whenListed } from './facts.ts';

type Said = Pick<Finding, 'status' | 'summary' | 'reasoning' | 'signs'>;

const release = /^v?\d+\.\d+/;

/** Tags of images have a `v` before the version, runtime.json has none. */
const bare = (version: string): string => version.replace(/^v(?=\d)/, '');

/** What it runs: the tag, unless that is a word such as latest and a label tells more. Null when nothing does. */
function versionOf({ image }: ContainerFacts): string | null {
  const { tag, version } = image;
  return tag !== null && (release.test(tag) || version === null) ? tag : version;
}

/** Those that run something else than most, or undefined when all agree. */
function skew(containers: readonly ContainerFacts[]): Said | undefined {
  const groups = [...Map.groupBy(containers, (container) => bare(versionOf(container) ?? 'no tag'))].toSorted(([, left], [, right]) => right.length - left.length);
  if (groups.length < 2) return undefined;
  const [[most] = [''], ...others] = groups;
  return {
    status: 'warn',
    summary: `${others.map(([version, group]) => `${listed(group.map(called))} ${version}`).join(', ')}, the others ${most}`,
    reasoning: 'All services of a deployment carry one tag. Different releases may not understand what the others write.',
  };
}

/** One reference that stands for different images: it was pulled or built anew, and not every container was made anew since. */
function sameTagOtherImage(containers: readonly ContainerFacts[]): Said | undefined {
  const groups = Map.groupBy(containers, ({ image }) => image.reference);
  for (const [reference, group] of groups) {
    if (new Set(group.map(({ image }) => image.id)).size < 2) continue;
    return {
      status: 'warn',
      summary: `${reference.split('/').at(-1) ?? reference} stands for different images in ${listed(group.map(called))}`,
      reasoning: 'The tag was pulled or built anew, and not every container was made anew after that.',
    };
  }
  return undefined;
}

/** What the build of a release has set: with a `v`, unlike a label that comes from the image below it. */
const built = /^v\d+\.\d+/;

function relabelled(containers: readonly ContainerFacts[]): Said | undefined {
  const wrong = containers.filter(({ image }) => image.tag !== null && image.version !== null && release.test(image.tag) && built.test(image.version) && bare(image.tag) !== bare(image.version));
  const [first] = wrong;
  if (!first) return undefined;
  return { status: 'warn', summary: `${listed(wrong.map(called))} tagged ${first.image.tag ?? ''}, built as ${first.image.version ?? ''}`, reasoning: 'The label of the image, which its build has set, names another version than its tag.' };
}

function againstFiles(containers: readonly ContainerFacts[], files: RuntimeFilesFacts, now: string): readonly Said[] {
  const last = files.upgrades.at(-1);
  const versions = [...new Set(containers.map(versionOf))].filter((version) => version !== null && release.test(version));
  const [version] = versions;
  return [
    ...(last && last.outcome !== 'success'
      ? [{ status: 'warn', summary: `last upgrade, ${age(last.at, now)}, to ${last.to}: ${last.outcome}`, reasoning: 'upgrade.log says that the last upgrade did not end well, so that files, schema and containers may be of different releases.', signs: ['upgrade'] } as const]
      : []),
    ...(files.installed && version && versions.length === 1 && bare(version) !== bare(files.installed.version)
      ? [{ status: 'warn', summary: `images ${bare(version)}, runtime.json ${files.installed.version}`, reasoning: 'The caracal command has set up its files for another release than the containers run: an upgrade stopped half-way, or the images were chosen by hand.' } as const]
      : []),
  ];
}

function judgeVersions(containers: readonly ContainerFacts[], observation: Observation<RuntimeFilesFacts>, now: string): Judgement {
  const files = valueOf(observation);
  const facts: Fact[] = [
    ...containers.map((container) => ({ name: called(container), value: [container.image.reference, ...(container.image.revision === null ? [] : [container.image.revision.slice(0, 12)])].join(', ') })),
    ...(files
      ? [
          { name: 'runtime.json', value: files.installed?.version ?? 'none' },
          ...files.upgrades.map(({ at, from, to, outcome }) => ({ name: `upgrade ${at}`, value: `${from === null ? '' : `${from} `}to ${to}: ${outcome}` })),
        ]
      : [{ name: 'runtime.json', value: unseen(observation) ?? '' }]),
  ];
  if (containers.length === 0) return finding('not-applicable', 'no container of a service', 'Without containers there is no version.', facts);
  const said = [skew(containers), sameTagOtherImage(containers), relabelled(containers), ...(files ? againstFiles(containers, files, now) : [])].filter((each) => each !== undefined);
  const [first] = said;
  if (first) return signed(finding(first.status, said.length > 1 ? `${first.summary}, ${said.length - 1} more` : first.summary, first.reasoning, facts), ...said.flatMap(({ signs = [] }) => signs));
  const [version] = containers.map(versionOf);
  if (version === undefined || version === null) return finding('unknown', 'images tell no version', 'They have neither a tag nor the label org.opencontainers.image.version. They are one image for each service.', facts);
  return finding('pass', `${version}, all services`, files?.installed ? 'Images and runtime.json name one version.' : 'All images name one version.', facts);
}

export const versionSkewChecks: readonly Check[] = [
  {
    ...composeBase,
    id: 'CRC-SVC-108',
    title: 'Versions',
    asks: [engine, runtimeFiles, ...containersOf(serviceNames)],
    source: '.github/workflows/release.yml:533-536, apps/runtime/src/commands/stack.ts',
    judge: (observed) =>
      whenListed(observed, serviceNames, (containers) => {
        const files = observed.get(runtimeFiles);
        return judgeVersions(kept(containers), files, new Date(engineNowMs(observed, files)).toISOString());
      }),
  },
];
