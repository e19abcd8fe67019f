import type { Check, Fact, Judgement, Observed } from '../../../model/check.ts';
import type { ComponentFacts, HelmFacts, JobFacts, SecretsFacts } from '../../../model/kubernetes.ts';
import { serviceNames } from '../../../model/serviceNames.ts';
import type { Observation, Question } from '../../../model/observation.ts';
import { finding } from '../../judging.ts';
import { asksDatabaseChanges, databaseChanges } from '../databaseChanges.ts';
import { timeline } from '../timeline.ts';
import type { Change } from '../timeline.ts';
import { brief, cluster, helm, jobs, kubernetesBase, kubernetesComponent, lackOf, notTold, secrets, serverTime, told } from './kubernetesFacts.ts';
import { endWords } from './podState.ts';

const questions = serviceNames.map((service) => kubernetesComponent.of(service));

/** Something that changed, where the time of it was told. */
function change(at: string | null | undefined, what: string): readonly Change[] {
  return at ? [{ at, what }] : [];
}

function ofComponent({ component, workload, pods }: ComponentFacts): readonly Change[] {
  const rollouts = (workload?.revisions ?? []).flatMap(({ revision, at, image }) => change(at, `${component} revision ${revision} made${image === null ? '' : ` (${image.split('/').at(-1) ?? image})`}`));
  const restartedAt = new Set(pods.flatMap((pod) => pod.restartedAt ?? []));
  return [
    ...rollouts,
    ...[...restartedAt].flatMap((at) => change(at, `${component} restarted by kubectl rollout restart`)),
    ...pods.flatMap((pod) => {
      const { container } = pod;
      const restarted = container !== null && container.restarts > 0;
      return [
        ...change(pod.createdAt, `pod ${pod.name} made`),
        ...(restarted ? change(container.lastEnd?.finishedAt, `${pod.name} ended (${container.lastEnd ? endWords(container.lastEnd) : ''})`) : []),
        ...(restarted && container.state === 'running' ? change(container.startedAt, `${pod.name} restarted`) : []),
        ...(pod.phase === 'Failed' && pod.reason !== null ? change(container?.end?.finishedAt, `${pod.name} ${pod.reason}`) : []),
        ...change(pod.deletedAt, `${pod.name} deleted`),
      ];
    }),
  ];
}

function ofHelm({ revisions }: HelmFacts): readonly Change[] {
  return revisions.flatMap(({ revision, status, lastDeployed, description, chartVersion }) => change(lastDeployed, `Helm revision ${revision} ${status}, chart ${chartVersion} (${brief(description, 60)})`));
}

function ofSecrets({ secrets: all }: SecretsFacts): readonly Change[] {
  return all.flatMap(({ name, secret }) =>
    secret ? [...change(secret.createdAt, `Secret ${name} made`), ...secret.changes.filter(({ at }) => at !== secret.createdAt).flatMap(({ manager, at }) => change(at, `Secret ${name} changed by ${manager}`))] : [],
  );
}

function ofJobs(all: readonly JobFacts[]): readonly Change[] {
  return all.flatMap(({ component, startedAt, finishedAt, createdAt, succeeded }) => [...change(startedAt ?? createdAt, `${component} started`), ...change(finishedAt, `${component} ${succeeded > 0 ? 'succeeded' : 'failed'}`)]);
}

function judgeChanges(observed: Observed): Judgement {
  const changes: Change[] = [];
  const unseen: Fact[] = [];
  const seen: Observation[] = [];
  const look = <Answer>(name: string, question: Question<Answer>, read: (answer: Answer) => readonly Change[]): void => {
    const answer = told(observed, question);
    const observation = observed.get(question);
    if (answer === undefined) unseen.push({ name, value: `not seen; ${lackOf(observation)}` });
    else {
      seen.push(observation);
      changes.push(...read(answer));
    }
  };
  for (const question of questions) look(question.of, question, ofComponent);
  look('Helm', helm, ofHelm);
  look('Secrets', secrets, ofSecrets);
  look('migrations', jobs, ofJobs);
  const database = databaseChanges(observed);
  changes.push(...database.changes);
  unseen.push(...database.unseen);
  const latest = seen.at(-1);
  if (!latest) return notTold(observed.get(jobs));
  const { newest, facts } = timeline(changes, serverTime(observed, latest));
  const reasoning = 'What Helm, Kubernetes, the managers of Secrets and the database say of when something changed, by the clock of the API server. A value is never read; Events of Kubernetes are gone after an hour and are not needed here.';
  return finding('pass', newest === undefined ? 'none known' : `last: ${newest}`, reasoning, [...facts, ...unseen]);
}

/** What changed in the release and when. */
export const changeChecks: readonly Check[] = [
  {
    ...kubernetesBase,
    id: 'CRC-SVC-212',
    title: 'Recent changes',
    asks: [cluster, ...questions, helm, secrets, jobs, ...asksDatabaseChanges],
    privilege: 'list pods, list replicasets.apps, list controllerrevisions.apps, list jobs.batch; list secrets for Helm and for the times of Secrets; SELECT on schema_migrations, policy_set_bindings, policy_sets, policy_set_versions, zones',
    source: 'infra/helm/caracal/templates/deployments.yaml:12',
    judge: judgeChanges,
  },
];
