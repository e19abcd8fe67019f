/** The real names of a deployment, out of its target and what was observed of it. Pure. */
import { services } from '../caracal/services.ts';
import { composeContainers, kept } from '../flow/containers.ts';
import { kubernetesAutoscalers, kubernetesCluster, kubernetesComponent, kubernetesHelm } from '../flow/services/kubernetes/kubernetesFacts.ts';
import type { Verdict } from '../model/check.ts';
import type { ContainerFacts } from '../model/compose.ts';
import type { Observation } from '../model/observation.ts';
import type { ServiceName, Target } from '../model/target.ts';
import { composeProject } from './answers.ts';
import type { Answered } from './answers.ts';
import { word } from './quoting.ts';

/** What of a target the commands name. A report of the past has its kind and name alone; the rest was observed. */
export interface NamedTarget extends Pick<Target, 'name' | 'services'> {
  readonly kind: string;
  readonly project?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly release?: string | undefined;
}

/** What is known of a deployment when remedies are looked for. */
export interface Known {
  readonly target: NamedTarget;
  readonly verdicts: readonly Verdict[];
  readonly observations: readonly Observation[];
  /** Zone that per-zone checks looked at; null when none was known. */
  readonly zone: string | null;
}

/** Compose's names of the two stores, which people write with a capital. */
export type Part = ServiceName | 'postgres' | 'redis';

export interface Workload {
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly name: string;
}

/** Projects that the tools of Caracal make: their `up` knows every variable that the Compose file takes. */
const ownProjects: readonly string[] = ['caracal', 'caracal-dev'];

/** Services that the chart runs as StatefulSets unless it is told otherwise: contract, deploy 0, fact 14. */
const stateful: readonly Part[] = ['sts', 'gateway'];

export class Names {
  readonly #known: Known;

  constructor(known: Known) {
    this.#known = known;
  }

  get kind(): string {
    return this.#known.target.kind;
  }

  /** The zone in view, or a place to write it. */
  get zone(): string {
    return this.#known.zone ?? '<zone>';
  }

  verdict(check: string): Verdict | undefined {
    return this.#known.verdicts.find((verdict) => verdict.check === check);
  }

  /** Whether a check failed or warns. */
  isRed(check: string): boolean {
    const status = this.verdict(check)?.status;
    return status === 'fail' || status === 'warn';
  }

  /** Whether evidence was lost in the running process of a service, which a restart forgets. */
  hasLostEvidence(service: Part): boolean {
    const evidence = service === 'sts' ? 'CRC-SVC-018' : service === 'gateway' ? 'CRC-SVC-024' : undefined;
    if (evidence === undefined) return false;
    const ready = this.verdict(service === 'sts' ? 'CRC-RDY-013' : 'CRC-RDY-023');
    return this.isRed(evidence) || /audit_evidence_lost/.test(`${ready?.summary ?? ''} ${(ready?.signs ?? []).join(' ')}`);
  }

  /** The newest answer to a question of this run; undefined where there is none, or one of another form. */
  answer<Answer>({ name, schema }: Answered<Answer>, of: string): Answer | undefined {
    const observation = this.#known.observations.findLast(({ question, outcome }) => question.subject === name && question.of === of && question.earlier === undefined && outcome.kind === 'answer');
    return observation?.outcome.kind === 'answer' ? schema.safeParse(observation.outcome.value).data : undefined;
  }

  /** Containers of a service of the project that Compose keeps running. */
  containers(part: Part): readonly ContainerFacts[] {
    return kept(this.answer(composeContainers, part) ?? []);
  }

  /** The container of a service, by number the first; where none was seen, the one that Compose would make. */
  container(part: Part): string {
    return this.containers(part)[0]?.name ?? `${this.project}-${part}-1`;
  }

  get project(): string {
    return this.#project?.project ?? this.#known.target.project ?? 'caracal';
  }

  get #project() {
    return this.answer(composeProject, 'Compose');
  }

  /** A call of Docker Compose that needs no Compose file. */
  compose(words: string, flags = ''): string {
    return `docker compose -p ${word(this.project)}${flags} ${words}`;
  }

  /** Brings the project to what its files say. */
  get up(): string {
    return this.#withFiles('caracal up', 'up -d');
  }

  /** Brings the project to another release. */
  get upgrade(): string {
    return this.#withFiles('caracal upgrade', 'pull');
  }

  #withFiles(own: string, words: string): string {
    const files = this.#project?.configFiles ?? [];
    return ownProjects.includes(this.project) || files.length === 0 ? own : this.compose(words, files.map((file) => ` -f ${word(file)}`).join(''));
  }

  get #cluster() {
    return this.answer(kubernetesCluster, 'Kubernetes');
  }

  get namespace(): string {
    return this.#cluster?.namespace ?? this.#known.target.namespace ?? 'caracal';
  }

  get release(): string {
    return this.#cluster?.release ?? this.#known.target.release ?? 'caracal';
  }

  /** A call of kubectl in the namespace of the release. */
  kubectl(words: string): string {
    return `kubectl${this.#context('--context')} -n ${word(this.namespace)} ${words}`;
  }

  /** A call of Helm in the namespace of the release. */
  helm(words: string): string {
    return `helm${this.#context('--kube-context')} -n ${word(this.namespace)} ${words}`;
  }

  #context(flag: string): string {
    const context = this.#cluster?.context ?? this.#known.target.context;
    return context === undefined ? '' : ` ${flag} ${word(context)}`;
  }

  /** The workload of a component; where it was not seen, as the chart names it. */
  workload(part: Part): Workload {
    const workload = this.answer(kubernetesComponent, part)?.workload;
    return workload ? { kind: workload.kind, name: workload.name } : { kind: stateful.includes(part) ? 'StatefulSet' : 'Deployment', name: `${this.release}-caracal-${part}` };
  }

  /** Pods of a component that are not ready; where none was seen, where to write one. */
  pods(part: Part): readonly string[] {
    const pods = this.answer(kubernetesComponent, part)?.pods ?? [];
    const unwell = pods.filter(({ ready }) => !ready);
    return unwell.length > 0 ? unwell.map(({ name }) => name) : pods.length > 0 ? pods.slice(0, 1).map(({ name }) => name) : [`<pod of ${part}>`];
  }

  /** How many pods the autoscaler of a workload keeps at least; without one, as many as the chart does. */
  leastReplicas({ kind, name }: Workload): number {
    const autoscaler = this.answer(kubernetesAutoscalers, 'Kubernetes')?.find(({ target }) => target === `${kind}/${name}`);
    return Math.max(1, autoscaler?.min ?? 2);
  }

  /** Chart and version of the newest revision; where none was seen, the ones that Caracal publishes. */
  get chart(): string {
    const newest = this.answer(kubernetesHelm, 'Kubernetes')?.revisions.at(-1);
    return `oci://ghcr.io/garudex-labs/charts/caracal${newest ? ` --version ${word(newest.chartVersion)}` : ''}`;
  }

  /** The newest revision that was deployed before the newest one. */
  get revisionBefore(): string {
    const revisions = this.answer(kubernetesHelm, 'Kubernetes')?.revisions ?? [];
    const before = revisions.slice(0, -1).findLast(({ status }) => status === 'deployed' || status === 'superseded');
    return before ? String(before.revision) : '<revision>';
  }

  /** Base URL of a service, as it is reached from here. */
  url(service: ServiceName): string {
    const given = this.#known.target.services?.[service];
    if (given !== undefined) return given.replace(/\/+$/, '');
    const port = this.containers(service)[0]?.ports[0]?.host ?? services.find(({ name }) => name === service)?.port ?? 80;
    return `http://127.0.0.1:${port}`;
  }
}
