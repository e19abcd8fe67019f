import * as z from 'zod';
import type { Judgement, Observed } from '../../../model/check.ts';
import {
  autoscalerSchema,
  chartComponents,
  claimSchema,
  clusterSchema,
  componentSchema,
  helmSchema,
  jobSchema,
  monitorsSchema,
  networkPolicySchema,
  permissionsSchema,
  secretsSchema,
  serviceObjectSchema,
} from '../../../model/kubernetes.ts';
import type { ComponentFacts, HelmFacts } from '../../../model/kubernetes.ts';
import { subject } from '../../../model/observation.ts';
import type { Observation, Question } from '../../../model/observation.ts';
import { finding, lack, signed, signOf } from '../../judging.ts';

export const kubernetesCluster = subject('kubernetes.cluster', clusterSchema);
export const kubernetesPermissions = subject('kubernetes.permissions', permissionsSchema);
export const kubernetesComponent = subject('kubernetes.component', componentSchema);
export const kubernetesServices = subject('kubernetes.services', z.array(serviceObjectSchema));
export const kubernetesJobs = subject('kubernetes.jobs', z.array(jobSchema));
export const kubernetesClaims = subject('kubernetes.claims', z.array(claimSchema));
export const kubernetesSecrets = subject('kubernetes.secrets', secretsSchema);
export const kubernetesNetworkPolicies = subject('kubernetes.networkPolicies', z.array(networkPolicySchema));
export const kubernetesMonitors = subject('kubernetes.monitors', monitorsSchema);
export const kubernetesAutoscalers = subject('kubernetes.autoscalers', z.array(autoscalerSchema));
export const kubernetesHelm = subject('kubernetes.helm', helmSchema);

export const cluster = kubernetesCluster.of('Kubernetes');
export const helm = kubernetesHelm.of('Kubernetes');
export const secrets = kubernetesSecrets.of('Kubernetes');
export const jobs = kubernetesJobs.of('Kubernetes');

/** Every component of the chart, by its question. */
export const components: readonly Question<ComponentFacts>[] = chartComponents.map((component) => kubernetesComponent.of(component));

export const apiServerId = 'CRC-SVC-200';

export const kubernetesBase = { step: 'services', component: 'Kubernetes', kinds: ['kubernetes'], needs: [apiServerId] } as const;

/** Why there is no answer. What the API server forbids is named alone, as `no permission: list pods`. */
export function lackOf(observation: Observation): string {
  const { outcome } = observation;
  return isForbidden(observation) && outcome.kind === 'unavailable' ? outcome.why : lack(observation);
}

/** Whether the API server answered that it is not allowed. */
export function isForbidden({ outcome }: Observation): boolean {
  return outcome.kind === 'unavailable' && outcome.why.startsWith('no permission');
}

/** Judges an answer of the API server. Without one nothing is known: never a pass, never a failure. */
export function whenTold<Answer>(observation: Observation<Answer>, judge: (answer: Answer) => Judgement): Judgement {
  return observation.outcome.kind === 'answer' ? judge(observation.outcome.value) : notTold(observation);
}

/** The judgement on an observation without an answer. */
export function notTold(observation: Observation): Judgement {
  const { asked, outcome } = observation;
  const wayOut = isForbidden(observation) && outcome.kind === 'unavailable' ? ` ${outcome.wayOut}` : '';
  return signed(finding('unknown', lackOf(observation), `${asked} had no answer, so nothing is known here.${wayOut}`), signOf(observation));
}

/** The answer, where there is one. */
export function told<Answer>(observed: Observed, question: Question<Answer>): Answer | undefined {
  const outcome = observed.find(question)?.outcome;
  return outcome?.kind === 'answer' ? outcome.value : undefined;
}

/**
 * The time at which `observation` ended by the clock of the API server, ISO 8601; by the local clock
 * where the API server did not tell its own. The check must ask `cluster`.
 */
export function serverTime(observed: Observed, observation: Observation): string {
  const endedMs = Date.parse(observation.at) + observation.tookMs;
  const seen = observed.get(cluster);
  const at = seen.outcome.kind === 'answer' ? seen.outcome.value.at : null;
  const aheadMs = at === null ? 0 : Date.parse(at) - (Date.parse(seen.at) + seen.tookMs);
  return new Date(endedMs + aheadMs).toISOString();
}

/** Milliseconds from `at` to `now`, both ISO 8601; never less than 0. */
export function since(at: string, now: string): number {
  return Math.max(0, Date.parse(now) - Date.parse(at));
}

/** The newest revision of the release. */
export function newestRevision({ revisions }: HelmFacts): HelmFacts['revisions'][number] | undefined {
  return revisions.toSorted((left, right) => left.revision - right.revision).at(-1);
}

/** A message of Kubernetes in one line, cut where a summary would be too long. */
export function brief(message: string, most = 140): string {
  const line = message.trim().replace(/\s+/g, ' ');
  return line.length <= most ? line : `${line.slice(0, most - 1).trimEnd()}…`;
}
