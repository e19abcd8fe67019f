import { starts } from '../../../caracal/starting.ts';
import type { Check, Fact, Judgement, Observed } from '../../../model/check.ts';
import type { ComponentFacts, PodFacts } from '../../../model/kubernetes.ts';
import type { Question } from '../../../model/observation.ts';
import { serviceNames } from '../../../model/serviceNames.ts';
import type { ServiceName } from '../../../model/target.ts';
import { finding, signed } from '../../judging.ts';
import { isAuditUnhealthy, serviceHealth } from '../../readiness/service.checks.ts';
import { postgresHello } from '../../storage/postgres.checks.ts';
import { redisHello } from '../../storage/redis.checks.ts';
import { milliseconds } from '../../words.ts';
import { age } from '../timeline.ts';
import { cluster, kubernetesBase, kubernetesComponent, serverTime, since, whenTold } from './kubernetesFacts.ts';
import { endWords, stateOf } from './podState.ts';
import type { PodState } from './podState.ts';

const postgres = postgresHello.of('Postgres');
const redis = redisHello.of('Redis');
const auditHealth = serviceHealth.of('audit');

/** Pods that are named. */
const mostPods = 20;

/** Warnings that are shown, newest last. */
const mostWarnings = 5;

const levels = ['fail', 'warn', 'pass'] as const;

function podFact({ pod, words }: PodState, now: string): Fact {
  const { node, ip, container, revision } = pod;
  const last = container?.lastEnd;
  return {
    name: pod.name,
    value: [
      words,
      node === null ? 'no node' : `node ${node}`,
      ...(ip === null ? [] : [`ip ${ip}`]),
      ...(container && container.restarts > 0 ? [`${container.restarts} restarts`] : []),
      ...(last ? [`before: ${endWords(last)}${last.reason === '' || last.reason === 'OOMKilled' ? '' : ` ${last.reason}`}${last.finishedAt === null ? '' : ` ${age(last.finishedAt, now)}`}`] : []),
      ...(revision === null ? [] : [`revision ${revision}`]),
    ].join(', '),
  };
}

function imageOf({ container }: PodFacts): string {
  return container === null ? '' : `${container.image}${container.digest === null || container.image.includes(container.digest) ? '' : `, ${container.digest}`}`;
}

function factsOf({ pods, warnings, previousLines }: ComponentFacts, states: readonly PodState[], now: string): Fact[] {
  const images = [...new Set(pods.map(imageOf).filter((image) => image !== ''))];
  const container = pods.find((pod) => pod.container !== null)?.container;
  const probes = Object.entries(container?.probes ?? {}).filter(([, probe]) => probe !== null);
  return [
    ...states.slice(0, mostPods).map((state) => podFact(state, now)),
    ...(states.length > mostPods ? [{ name: 'more pods', value: String(states.length - mostPods) }] : []),
    ...(previousLines?.lines ?? []).map((line) => ({ name: 'last line', value: line })),
    ...images.map((image) => ({ name: 'image', value: image })),
    ...(container?.memoryLimit ? [{ name: 'memory limit', value: container.memoryLimit }] : []),
    ...probes.map(([name, probe]) => ({ name: `${name} probe`, value: String(probe) })),
    ...states.slice(0, mostPods).flatMap(({ pod }) =>
      pod.conditions.map(({ type, status, reason, message }) => ({ name: `${pod.name} ${type}`, value: `${status}${reason === '' ? '' : `, ${reason}`}${message === '' ? '' : `: ${message}`}` })),
    ),
    ...(warnings === null
      ? [{ name: 'warnings', value: 'not seen; no permission: list events' }]
      : warnings.slice(-mostWarnings).toReversed().map(({ reason, message, count, object, lastAt }) => ({
          name: reason,
          value: `${message}${count > 1 ? `, ${count} times` : ''}${lastAt === null ? '' : `, ${age(lastAt, now)}`}, ${object}`,
        }))),
  ];
}

function isAway(observed: Observed, question: Question): boolean {
  return ['refused', 'timeout'].includes(observed.find(question)?.outcome.kind ?? '');
}

/** What the service asks first when it starts, as far as it is seen to be away. */
function missingAtStart(service: ServiceName, observed: Observed): { readonly facts: readonly Fact[]; readonly wants: readonly Question[] } {
  const needed = [['Postgres', postgres, starts[service].postgres], ['Redis', redis, starts[service].redis]] as const;
  return {
    facts: needed.flatMap(([name, question, why]) => (why !== undefined && isAway(observed, question) ? [{ name, value: `no answer; ${service} ${why}` }] : [])),
    wants: needed.flatMap(([, question, why]) => (why === undefined ? [] : [question])),
  };
}

/**
 * Audit alone fails `/health` while it cannot read from Redis, so that its liveness probe ends it again
 * and again during an outage of Redis: contract, deploy 0 row 11.
 */
function afterLiveness(state: PodState, summary: string, { warnings }: ComponentFacts, facts: readonly Fact[], observed: Observed): Judgement {
  const outcome = observed.find(redis)?.outcome;
  const said = observed.find(auditHealth)?.outcome;
  const unhealthy = said?.kind === 'answer' && isAuditUnhealthy('audit', said.value);
  const away = isAway(observed, redis);
  // Audit gives 503 on /health for this reason alone.
  const probed = outcome?.kind !== 'answer' && (warnings ?? []).some(({ message }) => message.startsWith('Liveness probe') && message.includes('503'));
  const wants = [redis, auditHealth];
  const result = (words: string, why: string, more: readonly Fact[] = []): Judgement => ({
    result: { status: state.level, summary: words, reasoning: `${state.why} ${why}`, facts: [...more, ...facts] },
    wants,
  });
  if (away || unhealthy || probed) {
    return result('not a cause: /health follows Redis here', 'Audit fails /health, with 503, while it cannot read from Redis: the restarts are a consequence and end when it can.', [
      ...(away ? [{ name: 'Redis', value: 'no answer from here either' }] : []),
      ...(unhealthy ? [{ name: '/health', value: 'consumer_unhealthy' }] : probed ? [{ name: '/health', value: '503 when the kubelet asked' }] : []),
      { name: 'pods', value: summary },
    ]);
  }
  return outcome?.kind === 'answer'
    ? result(summary, 'Audit fails /health while it cannot read from Redis. Redis answers now; it may have been away when the pod was ended.', [{ name: 'Redis', value: 'answers now' }])
    : result(summary, 'Audit fails /health while it cannot read from Redis, so that the restarts may be a consequence of that. Whether Redis answers is not known here.');
}

function judgePods(service: ServiceName, component: ComponentFacts, now: string, observed: Observed): Judgement {
  const { workload, pods } = component;
  if (pods.length === 0) {
    return workload === null || workload.wanted === 0
      ? finding('not-applicable', workload === null ? 'no workload' : 'scaled to 0', 'No pod is wanted; Rollout says so.')
      : signed(finding('fail', `none; ${workload.wanted} wanted`, `The ${workload.kind} has no pod; Rollout tells why none is made.`), 'none');
  }
  const states = pods.map((pod) => stateOf(pod, component, now)).toSorted((left, right) => levels.indexOf(left.level) - levels.indexOf(right.level));
  const facts = factsOf(component, states, now);
  const [worst] = states;
  if (!worst || worst.level === 'pass') {
    const running = states.filter(({ kind }) => kind === 'ready');
    const upMs = Math.min(...running.map(({ pod }) => since(pod.container?.startedAt ?? now, now)));
    const restarts = running.reduce((sum, { pod }) => sum + (pod.container?.restarts ?? 0), 0);
    const ending = pods.length - running.length;
    if (running.length === 0) return finding('warn', 'all are ending', 'Every pod was deleted and is in its time of grace, or is a record of an old one.', facts);
    return finding(
      'pass',
      `${running.length} ready, up ${milliseconds(upMs)}${restarts > 0 ? `, ${restarts === 1 ? '1 restart' : `${restarts} restarts`}` : ''}${ending > 0 ? `, ${ending} ending or ended` : ''}`,
      'Containers run and their readiness probes pass. Restarts of more than 10 min ago are not judged.',
      facts,
    );
  }
  const alike = states.filter(({ kind, level }) => kind === worst.kind && level === worst.level).length;
  const summary = alike === pods.length ? worst.words : `${alike} of ${pods.length} ${worst.words}`;
  if (service === 'audit' && worst.ended?.by === 'liveness') return signed(afterLiveness(worst, summary, component, facts, observed), 'liveness');
  const signs = [...new Set(states.filter(({ level }) => level === worst.level).flatMap(({ kind, ended }) => [kind, ...(ended?.by === undefined ? [] : [ended.by])]))];
  if (!worst.ended || worst.ended.by || worst.kind === 'OOMKilled') return signed(finding(worst.level, summary, worst.why, facts), ...signs);
  const { facts: missing, wants } = missingAtStart(service, observed);
  return { result: { status: worst.level, summary, reasoning: worst.why, facts: [...missing, ...facts], signs }, wants };
}

/** How the pods of each component do; by number, in the order of the services. */
export const podChecks: readonly Check[] = serviceNames.map((service, index) => {
  const question = kubernetesComponent.of(service);
  return {
    ...kubernetesBase,
    id: `CRC-SVC-${230 + index}`,
    title: 'Pods',
    component: service,
    asks: [cluster, question],
    privilege: 'list pods; list events and get pods/log for the reasons',
    source: service === 'audit' ? 'services/audit/internal/server.go:177, infra/helm/caracal/templates/deployments.yaml:43' : 'infra/helm/caracal/templates/deployments.yaml:43',
    judge(observed) {
      const observation = observed.get(question);
      return whenTold(observation, (answer) => judgePods(service, answer, serverTime(observed, observation), observed));
    },
  };
});
