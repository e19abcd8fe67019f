import type { Check, Fact, Judgement } from '../../../model/check.ts';
import type { ComponentFacts, HelmFacts, PodFacts, WorkloadFacts } from '../../../model/kubernetes.ts';
import { serviceNames } from '../../../model/serviceNames.ts';
import type { ServiceName } from '../../../model/target.ts';
import { finding, signed } from '../../judging.ts';
import { age } from '../timeline.ts';
import { brief, cluster, helm, kubernetesBase, kubernetesComponent, newestRevision, serverTime, since, told, whenTold } from './kubernetesFacts.ts';
import { startupProbeMs, stateOf } from './podState.ts';

/** Number of the first pod of a StatefulSet: `caracal-caracal-sts-0`. */
function ordinalOf({ name }: PodFacts): number {
  return Number(/-(\d+)$/.exec(name)?.[1] ?? Number.NaN);
}

/**
 * The pod that holds up a StatefulSet which starts its pods one after the other: from 0 upwards when
 * they are made, from the last downwards when they are replaced.
 */
function blocking(workload: WorkloadFacts, pods: readonly PodFacts[]): PodFacts | undefined {
  if (workload.kind !== 'StatefulSet' || workload.podManagementPolicy === 'Parallel') return undefined;
  const waiting = pods.filter(({ ready }) => !ready).toSorted((left, right) => ordinalOf(left) - ordinalOf(right));
  const fewer = pods.length < workload.wanted;
  const behind = workload.updated < workload.wanted;
  return fewer ? waiting[0] : behind ? waiting.at(-1) : undefined;
}

function factsOf(workload: WorkloadFacts, warnings: ComponentFacts['warnings'], now: string): Fact[] {
  const newest = workload.revisions.at(-1);
  return [
    { name: workload.kind, value: `${workload.name}, created ${age(workload.createdAt, now)}` },
    { name: 'replicas', value: `${workload.wanted} wanted, ${workload.replicas} there, ${workload.updated} updated, ${workload.ready} ready, ${workload.available} available` },
    ...(workload.image === null ? [] : [{ name: 'image', value: workload.image }]),
    ...workload.revisions.toReversed().map(({ revision, name, at, image, replicas }) => ({
      name: `revision ${revision}`,
      value: `${name}, ${age(at, now)}${image === null || image === workload.image ? '' : `, ${image}`}${replicas === null ? '' : `, ${replicas} pods`}${revision === newest?.revision ? ', newest' : ''}`,
    })),
    ...(workload.updateRevision !== null && workload.updateRevision !== workload.currentRevision ? [{ name: 'update revision', value: workload.updateRevision }] : []),
    ...workload.conditions.map(({ type, status, reason, message }) => ({ name: type, value: `${status}${reason === '' ? '' : `, ${reason}`}${message === '' ? '' : `: ${message}`}` })),
    ...(warnings ?? [])
      .filter(({ object }) => !object.startsWith('Pod/'))
      .slice(-5)
      .map(({ reason, message }) => ({ name: reason, value: message })),
  ];
}

function judgeAbsent(service: ServiceName, release: HelmFacts | undefined): Judgement {
  const settings = release && newestRevision(release)?.settings;
  if (settings?.disabled.includes(service)) return finding('not-applicable', `off: services.${service}.enabled is false`, `The release does not run ${service}.`);
  const absent = `Neither a Deployment nor a StatefulSet of the release is for ${service}.`;
  return settings
    ? finding('fail', 'no workload; it was deleted', `${absent} Its values do not switch ${service} off, so that it was deleted after the release was deployed.`)
    : finding('warn', 'no workload; switched off or deleted', `${absent} Which of the two it is stands in the values of the release, and they are not known here.`);
}

/** Why no pod is made, in the words of the controller. */
function notCreated({ workload, warnings }: ComponentFacts): string | undefined {
  const failure = workload?.conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  return failure?.message ?? warnings?.findLast(({ reason, object }) => reason === 'FailedCreate' && !object.startsWith('Pod/'))?.message;
}

function judgeWorkload(service: ServiceName, component: ComponentFacts, workload: WorkloadFacts, now: string): Judgement {
  const { kind, wanted, ready, updated, replicas, generation, observedGeneration, conditions, revisions } = workload;
  const facts = factsOf(workload, component.warnings, now);
  const standing = `${ready} of ${wanted} ready`;
  const part = `${updated} of ${wanted} updated`;
  if (wanted === 0) return signed(finding('fail', `scaled to 0; ${service} does not run`, `Somebody set ${kind} ${workload.name} to 0 replicas.`, facts), 'scaled to 0');
  if (observedGeneration < generation) {
    return finding('warn', `not taken up yet, ${standing}`, `The ${kind} was changed, and the controller has not looked at the change. If it stays so, the controller manager of the cluster does not work.`, facts);
  }
  const progressing = conditions.find(({ type }) => type === 'Progressing');
  const refused = ready < wanted || updated < wanted ? notCreated(component) : undefined;
  if (refused !== undefined) return signed(finding('fail', `FailedCreate, ${standing}; ${brief(refused.replace(/^.*? is forbidden: /s, ''))}`, `The API server refuses new pods of ${service}, by a quota, a limit or an admission rule of the cluster: ${refused}`, facts), 'FailedCreate');
  const blocked = blocking(workload, component.pods);
  if (blocked) {
    const first = component.pods.length < wanted;
    const state = stateOf(blocked, component, now);
    if (state.level !== 'fail' && state.kind !== 'not ready') {
      return finding('warn', `waits for ${blocked.name}, ${standing}${first ? '' : `, ${part}`}`, `${kind} ${workload.name} is OrderedReady and goes on when this pod is ready, which takes as long as its start: ${state.words}.`, facts);
    }
    return signed(finding(
      'fail',
      `stuck at ${blocked.name}, ${standing}${first ? '' : `, ${part}`}`,
      `${kind} ${workload.name} is OrderedReady: ${first ? 'no other pod is made' : 'no other pod is replaced'} before ${blocked.name} is ready. When an update broke it, a corrected one does not replace this pod by itself: it takes kubectl delete pod ${blocked.name}.`,
      facts,
    ), 'stuck');
  }
  if (progressing?.status === 'False') {
    return signed(finding('fail', `${progressing.reason}, ${part}, ${standing}`, `The rollout gave up: ${progressing.message || 'new pods did not get ready in time'}. Pods of the revision before go on as far as there are any; nothing rolls back by itself.`, facts), progressing.reason);
  }
  const newest = revisions.at(-1);
  if (ready === 0 && newest && since(newest.at, now) < startupProbeMs) return finding('warn', `starting, ${standing}`, `The first pods of ${service} are being made.`, facts);
  if (ready === 0) return finding('fail', standing, `No pod of ${service} takes requests. Its pods tell why.`, facts);
  if (updated < wanted) return finding('warn', `rolling out, ${part}, ${standing}`, 'Pods of the newest revision replace those before them.', facts);
  if (ready < wanted) return finding('warn', `${standing}; the others carry on`, `${service} answers with fewer pods than wanted.`, facts);
  const revision = newest ? `, revision ${newest.revision} made ${age(newest.at, now)}` : '';
  const ending = replicas > wanted ? `, ${replicas - wanted} of before ending` : '';
  return finding('pass', `${standing}${revision}${ending}`, `Every pod that is wanted of ${service} is of the newest revision and ready.`, facts);
}

/** Whether each component has the pods that are wanted of it; by number, in the order of the services. */
export const rolloutChecks: readonly Check[] = serviceNames.map((service, index) => {
  const question = kubernetesComponent.of(service);
  return {
    ...kubernetesBase,
    id: `CRC-SVC-${220 + index}`,
    title: 'Rollout',
    component: service,
    asks: [cluster, question, helm],
    privilege: 'list deployments.apps, list statefulsets.apps, list replicasets.apps, list controllerrevisions.apps, list pods, list events; list secrets for a workload that is not there',
    source: 'infra/helm/caracal/templates/deployments.yaml:12',
    judge(observed) {
      const observation = observed.get(question);
      return whenTold(observation, (answer) =>
        answer.workload ? judgeWorkload(service, answer, answer.workload, serverTime(observed, observation)) : judgeAbsent(service, told(observed, helm)),
      );
    },
  };
});
