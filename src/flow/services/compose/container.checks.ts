import { composeServices } from '../../../model/compose.ts';
import type { ContainerFacts } from '../../../model/compose.ts';
import type { Check, Fact, Finding, Judgement, Observed } from '../../../model/check.ts';
import type { Question } from '../../../model/observation.ts';
import { finding, whenAnswered } from '../../judging.ts';
import { bytes } from '../../words.ts';
import { lastIn } from './endings.ts';
import { called, composeBase, composeContainers, containersOf, engine, engineNowMs, kept, portWords, runsElsewhere, secretFiles, storeAnswers } from './facts.ts';
import type { Lasting } from './facts.ts';
import { ago, standing } from './standing.ts';

function containerFacts(container: ContainerFacts, nowMs: number): readonly Fact[] {
  const { name, image, createdAt, startedAt, restarts, health, ports, memoryLimitBytes, mode } = container;
  const line = lastIn(container.lastLines);
  const last = health?.log.at(-1);
  return [
    { name: 'container', value: name },
    { name: 'image', value: image.reference },
    { name: 'created', value: createdAt },
    ...(startedAt === null ? [] : [{ name: 'started', value: `${startedAt}${ago(startedAt, nowMs)}` }]),
    { name: 'restarts', value: `${restarts}` },
    { name: 'health', value: health ? `${health.status}${health.failingStreak > 0 ? `, ${health.failingStreak} failed in a row` : ''}${last && last.output.trim() !== '' && last.exitCode !== 0 ? `: ${last.output.trim()}` : ''}` : 'no health check' },
    ...(ports.length === 0 ? [] : [{ name: 'ports', value: ports.map(portWords).join(', ') }]),
    ...(memoryLimitBytes === null ? [] : [{ name: 'memory limit', value: bytes(memoryLimitBytes) }]),
    ...(mode === null ? [] : [{ name: 'mode', value: mode }]),
    ...(line === undefined ? [] : [{ name: 'last words', value: line }]),
  ];
}

const order = ['fail', 'warn', 'pass', 'unknown', 'not-applicable'];

/** What else has to be known: what one that was not started waits for, and what one that ends again and again needs. */
function wanted({ status, health }: ContainerFacts): readonly Question[] {
  if (status === 'created') return containersOf(composeServices);
  return status !== 'running' || health?.status !== 'healthy' ? [secretFiles, ...containersOf(['postgres', 'redis'])] : [];
}

function judgeContainers(service: Lasting, all: readonly ContainerFacts[], observed: Observed): Judgement {
  const containers = kept(all);
  if (containers.length === 0) {
    const result: Finding = runsElsewhere(service, observed)
      ? { status: 'not-applicable', summary: 'no container; one answers at the address of the target', reasoning: 'The store of this deployment is not one of its containers.' }
      : { status: 'fail', summary: 'no container', reasoning: 'It was removed, or it could not be made, as when a file that it mounts is missing; then the output of the up command tells why.', signs: ['absent'] };
    const elsewhere = storeAnswers[service];
    return { result, wants: elsewhere ? [elsewhere] : [] };
  }
  const nowMs = engineNowMs(observed, observed.get(composeContainers.of(service)));
  const looks = containers.map((container) => ({ container, said: standing({ service, container, nowMs, observed }) })).toSorted((left, right) => order.indexOf(left.said.status) - order.indexOf(right.said.status));
  const [worst] = looks;
  if (!worst) throw new Error('there is a container');
  const several = containers.length > 1;
  const { status, summary, reasoning, facts = [], signs = [], since } = worst.said;
  const words = !several ? summary : status === 'pass' ? `${containers.length} containers, ${summary}` : `${called(worst.container)}: ${summary}`;
  const judged = finding(status, words, reasoning, [...facts, ...looks.flatMap(({ container }) => containerFacts(container, nowMs).map(({ name, value }) => ({ name: several ? `${called(container)} ${name}` : name, value })))]);
  return { result: { ...judged.result, signs, since }, wants: containers.flatMap(wanted) };
}

const ids: readonly (readonly [id: string, service: Lasting, component: string])[] = [
  ['CRC-SVC-110', 'api', 'api'],
  ['CRC-SVC-111', 'sts', 'sts'],
  ['CRC-SVC-112', 'gateway', 'gateway'],
  ['CRC-SVC-113', 'audit', 'audit'],
  ['CRC-SVC-114', 'coordinator', 'coordinator'],
  ['CRC-SVC-115', 'web', 'web'],
  ['CRC-SVC-116', 'postgres', 'Postgres'],
  ['CRC-SVC-117', 'redis', 'Redis'],
];

/** The container of each service and store. */
export const containerChecks: readonly Check[] = ids.map(([id, service, component]) => {
  const question = composeContainers.of(service);
  return {
    ...composeBase,
    id,
    title: 'Container',
    component,
    asks: [question, engine],
    source: 'infra/docker/runtime-compose.yml, infra/healthcheck/main.go',
    judge: (observed) => whenAnswered(observed.get(question), (containers) => judgeContainers(service, containers, observed)),
  };
});
