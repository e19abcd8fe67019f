import type { Check, Fact, Judgement, Observed } from '../../../model/check.ts';
import { serviceNames } from '../../../model/serviceNames.ts';
import { finding } from '../../judging.ts';
import { helm, kubernetesBase, kubernetesComponent, lackOf, newestRevision, notTold, told } from './kubernetesFacts.ts';

const questions = serviceNames.map((service) => kubernetesComponent.of(service));

interface Image {
  readonly component: string;
  /** Without tag and digest: `ghcr.io/garudex-labs/caracal-go`. */
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}

type Pair = readonly [value: string, name: string];

/** What components have, each value with who has it, that of the fewest first: `v1.0.1 (web), v1.0.0 (api, sts)`. */
function grouped(pairs: readonly Pair[]): readonly (readonly [value: string, names: readonly string[]])[] {
  return [...Map.groupBy(pairs, ([value]) => value)]
    .map(([value, members]) => [value, [...new Set(members.map(([, name]) => name))]] as const)
    .toSorted(([, left], [, right]) => left.length - right.length);
}

function listed(pairs: readonly Pair[]): string {
  return grouped(pairs).map(([value, names]) => `${value} (${names.join(', ')})`).join(', ');
}

/** The same for a summary, where most components need no names: `v1.0.1 (web), v1.0.0 (the rest)`. */
function differing(pairs: readonly Pair[]): string {
  return grouped(pairs).map(([value, names], index, groups) => `${value} (${index === groups.length - 1 && names.length > 2 ? 'the rest' : names.join(', ')})`).join(', ');
}

function short(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

function judgeVersions(observed: Observed): Judgement {
  const answers = questions.map((question) => ({ component: question.of, answer: told(observed, question), observation: observed.get(question) }));
  const [first] = answers;
  if (first && answers.every(({ answer }) => !answer)) return notTold(first.observation);
  const images = answers.flatMap(({ component, answer }): readonly Image[] => {
    const running = answer?.pods.flatMap(({ container, deletedAt }) => (container && deletedAt === null ? [{ component, repository: repositoryOf(container.image), tag: container.tag, digest: container.digest }] : [])) ?? [];
    return running.length > 0 || !answer?.workload?.image ? running : [{ component, repository: repositoryOf(answer.workload.image), tag: tagOf(answer.workload.image), digest: null }];
  });
  const distinct = [...new Map(images.map((image) => [`${image.component} ${image.repository} ${image.tag ?? ''} ${image.digest ?? ''}`, image])).values()];
  const release = told(observed, helm);
  const newest = release && newestRevision(release);
  const labels = answers.flatMap(({ component, answer }) => (answer?.workload?.version ? [[answer.workload.version, component] as const] : []));
  const facts: Fact[] = [
    ...distinct.map(({ component, repository, tag, digest }) => ({ name: component, value: `${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `, ${digest}`}` })),
    ...(labels.length > 0 ? [{ name: 'app.kubernetes.io/version', value: listed(labels) }] : []),
    ...(newest ? [{ name: 'chart', value: `${newest.chart} ${newest.chartVersion}, app ${newest.appVersion ?? 'not told'}` }] : []),
    ...answers.filter(({ answer }) => !answer).map(({ component, observation }) => ({ name: component, value: `not seen; ${lackOf(observation)}` })),
  ];
  if (images.length === 0) return finding('not-applicable', 'no workload', 'No component of the release has a pod template.', facts);
  const tags = images.map(({ tag, digest, component }) => [tag ?? (digest === null ? 'no tag' : `digest ${short(digest)}`), component] as const);
  // An image that is named by its digest has no release to compare.
  const versions = new Set(images.flatMap(({ tag }) => (tag === null ? [] : [tag])));
  if (versions.size > 1) return finding('warn', `${differing(tags)}; they differ`, 'The services of one deployment are of one release. During a rollout both are there for a while; otherwise an image was set by hand.', facts);
  const byReference = Map.groupBy(distinct.filter(({ tag, digest }) => tag !== null && digest !== null), ({ repository, tag }) => `${repository}:${tag ?? ''}`);
  const moved = [...byReference].find(([, group]) => new Set(group.map(({ digest }) => digest)).size > 1);
  if (moved) {
    const [reference, group] = moved;
    return finding('warn', `${reference.split('/').at(-1) ?? reference} is two images; ${listed(group.map(({ digest, component }) => [short(digest ?? ''), component] as const))}`, 'The tag was moved in the registry, and nodes that had the image keep the old one under IfNotPresent: pods of one tag run different code.', facts);
  }
  const [version] = versions;
  const said = [...new Set([...labels.map(([label]) => label), ...(newest?.appVersion ? [newest.appVersion] : [])].map(bare))];
  if (version === undefined) return finding('pass', 'by digest', 'The images are named by their digests, which tell no release.', facts);
  const other = said.find((each) => each !== bare(version));
  return other === undefined
    ? finding('pass', `${version} everywhere`, 'The images of all components carry one tag, and the chart is for that release.', facts)
    : finding('warn', `${version} everywhere; the chart is for ${other}`, 'The values set another tag (global.tag) than the release that the chart is made for: templates, probes and migrations may not fit the images.', facts);
}

/** Tags begin with `v`, versions of charts do not: contract, deploy 2.1. */
function bare(version: string): string {
  return version.replace(/^v(?=\d)/, '');
}

function tagOf(reference: string): string | null {
  return /:([^/:]+)$/.exec(reference.replace(/@.*$/, ''))?.[1] ?? null;
}

/** Whether all components are of one release, and of that of the chart. */
export const versionChecks: readonly Check[] = [
  {
    ...kubernetesBase,
    id: 'CRC-SVC-211',
    title: 'Versions',
    asks: [...questions, helm],
    privilege: 'list pods, list deployments.apps, list statefulsets.apps; list secrets for the chart',
    source: 'infra/helm/caracal/templates/_helpers.tpl:20',
    judge: judgeVersions,
  },
];
