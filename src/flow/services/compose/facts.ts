/** What the checks of a Compose project ask, and what several of them read out of the answers. */
import * as z from 'zod';
import { engineSchema, projectSchema, runtimeFilesSchema, secretFileSchema } from '../../../model/compose.ts';
import type { ComposeService, ContainerFacts, SecretFileFacts } from '../../../model/compose.ts';
import type { Judgement, Observed } from '../../../model/check.ts';
import { subject } from '../../../model/observation.ts';
import type { Observation, Question } from '../../../model/observation.ts';
import { composeContainers } from '../../containers.ts';
import { lack, notKnown } from '../../judging.ts';
import { postgresHello } from '../../storage/postgres.checks.ts';
import { redisHello } from '../../storage/redisFacts.ts';

export { composeContainers, kept } from '../../containers.ts';

export const composeEngine = subject('compose.engine', engineSchema);
export const composeProject = subject('compose.project', projectSchema);
export const composeSecretFiles = subject('compose.secretFiles', z.array(secretFileSchema));
export const composeRuntimeFiles = subject('compose.runtimeFiles', runtimeFilesSchema);

export const engine = composeEngine.of('Compose');
export const project = composeProject.of('Compose');
export const secretFiles = composeSecretFiles.of('Compose');
export const runtimeFiles = composeRuntimeFiles.of('Compose');

/** Services that run as long as the project is up, in the order in which they start. */
export const lasting = ['postgres', 'redis', 'sts', 'api', 'gateway', 'audit', 'coordinator', 'web'] as const satisfies readonly ComposeService[];

export type Lasting = (typeof lasting)[number];

/** Services that end when their work is done, and are removed after a good `caracal up` (contract, deploy 0, fact 2). */
export const oneShots = ['replayVolumeInit', 'dbMigrate'] as const satisfies readonly ComposeService[];

export const engineId = 'CRC-SVC-100';

export const composeBase = {
  step: 'services',
  component: 'Compose',
  kinds: ['compose'],
  needs: [engineId],
  privilege: 'GET on the Docker Engine',
} as const;

export function containersOf(services: readonly ComposeService[]): readonly Question<readonly ContainerFacts[]>[] {
  return services.map((service) => composeContainers.of(service));
}

/** Judges the containers of these services. Without an answer of one of them nothing is known. */
export function whenListed(observed: Observed, services: readonly ComposeService[], judge: (containers: readonly ContainerFacts[]) => Judgement): Judgement {
  const answers = containersOf(services).map((question) => observed.get(question));
  const lacking = answers.find(({ outcome }) => outcome.kind !== 'answer');
  return lacking ? notKnown(lacking) : judge(answers.flatMap((answer) => valueOf(answer) ?? []));
}

/** The answer, or undefined when there is none or it was not asked yet. */
export function valueOf<Answer>(observation: Observation<Answer> | undefined): Answer | undefined {
  return observation?.outcome.kind === 'answer' ? observation.outcome.value : undefined;
}

/** Why something that would add to a verdict was not seen; undefined when it was seen. */
export function unseen(observation: Observation): string | undefined {
  return observation.outcome.kind === 'answer' ? undefined : `not seen: ${lack(observation)}`;
}

/** Now by the clock of the engine, to which all times of containers belong, when `observation` was made. */
export function engineNowMs(observed: Observed, observation: Observation): number {
  const asked = observed.get(engine);
  const at = valueOf(asked)?.at ?? undefined;
  const ahead = at === undefined ? 0 : Date.parse(at) - answeredMs(asked);
  return answeredMs(observation) + ahead;
}

function answeredMs({ at, tookMs }: Observation): number {
  return Date.parse(at) + tookMs;
}

/** `sts`; a second replica is `sts 2`. */
export function called({ service, number }: ContainerFacts): string {
  return number > 1 ? `${service} ${number}` : service;
}

/** Whether a process of the container lives, though it may be frozen. */
export function lives({ status }: ContainerFacts): boolean {
  return status === 'running' || status === 'paused';
}

/** `127.0.0.1:3001 to 3002`: from where on the host to where in the container. */
export function portWords({ hostIp, host, container, protocol }: ContainerFacts['ports'][number]): string {
  const address = hostIp === '' ? '' : `${hostIp.includes(':') ? `[${hostIp}]` : hostIp}:`;
  return `${address}${host} to ${container}${protocol === 'tcp' ? '' : `/${protocol}`}`;
}

/** Name of the file on the engine's machine, which is what a person has to look at. */
export function fileName({ source }: SecretFileFacts): string {
  return source.split(/[/\\]/).at(-1) ?? source;
}

/** `sts`, `sts and api`, `sts, api and 3 more`. */
export function listed(names: readonly string[]): string {
  if (names.length <= 2) return names.join(' and ');
  return `${names.slice(0, 2).join(', ')} and ${names.length === 3 ? (names[2] ?? '') : `${names.length - 2} more`}`;
}

/** The question whether a store answers at the target's address, whoever runs it. */
export const storeAnswers: Readonly<Partial<Record<Lasting, Question>>> = {
  postgres: postgresHello.of('Postgres'),
  redis: redisHello.of('Redis'),
};

/** Whether the service is a store that answers, though the project has no container of it. */
export function runsElsewhere(service: Lasting, observed: Observed): boolean {
  const question = storeAnswers[service];
  return question !== undefined && observed.find(question)?.outcome.kind === 'answer';
}
