import { services as known } from '../../../caracal/services.ts';
import type { Check, Fact, Judgement, Observed } from '../../../model/check.ts';
import { chartComponents } from '../../../model/kubernetes.ts';
import type { AutoscalerFacts, ClaimFacts, MonitorsFacts, ServiceObjectFacts } from '../../../model/kubernetes.ts';
import { finding, signed } from '../../judging.ts';
import { count } from '../../words.ts';
import { brief, cluster, components, helm, kubernetesAutoscalers, kubernetesBase, kubernetesClaims, kubernetesMonitors, kubernetesServices, newestRevision, serverTime, since, told, whenTold } from './kubernetesFacts.ts';

const claims = kubernetesClaims.of('Kubernetes');
const services = kubernetesServices.of('Kubernetes');
const monitors = kubernetesMonitors.of('Kubernetes');
const autoscalers = kubernetesAutoscalers.of('Kubernetes');

/** An autoscaler that starts, or whose pods do, has no measurement yet. */
const measuredMs = 3 * 60_000;

function judgeClaims(all: readonly ClaimFacts[]): Judgement {
  if (all.length === 0) return finding('not-applicable', 'none; replayPersistence is off', 'Evidence that waits in the replay folder is gone with its pod.');
  const facts: Fact[] = all.map(({ name, phase, storageClass, capacity, warning }) => ({
    name,
    value: `${phase}${capacity === null ? '' : `, ${capacity}`}, class ${storageClass ?? 'none'}${warning === null ? '' : `: ${warning}`}`,
  }));
  const [lost] = all.filter(({ phase }) => phase === 'Lost');
  if (lost) return finding('fail', `Lost, ${lost.name}`, 'The volume behind the claim is gone, and with it the evidence that waited in it. The pod cannot start.', facts);
  const pending = all.filter(({ phase }) => phase === 'Pending');
  const worst = pending.find(({ warning }) => warning !== null) ?? pending[0];
  if (worst) {
    const held = `${worst.component ?? 'Its pod'} does not start before it is bound, and a StatefulSet starts no further pod before.`;
    return worst.warning === null
      ? finding('warn', `Pending, ${worst.name}; no warning says why`, `${held} A class that waits for its first consumer binds a claim only when the pod is scheduled: see its pods.`, facts)
      : finding('fail', `Pending, ${worst.name}; ${brief(worst.warning)}`, held, facts);
  }
  const bound = all.filter(({ phase }) => phase === 'Bound').length;
  return bound === all.length ? finding('pass', `${bound} bound`, 'Every claim of the release has its volume.', facts) : finding('warn', `${bound} of ${all.length} bound`, 'A claim is in a phase that Kubernetes does not have today.', facts);
}

/** The port on which a component listens in its pod. The web service has another one here than in Compose: contract, deploy 1.4 and 2.2. */
function portOf(component: string | null): number | undefined {
  return component === 'web' ? 3002 : known.find(({ name }) => name === component)?.port;
}

interface ServiceFault {
  readonly sign: 'no pod' | 'selects none' | 'not ready' | 'no port' | 'wrong port' | 'no Service';
  readonly component: string;
  readonly words: string;
  readonly why: string;
}

function faultOf(service: ServiceObjectFacts, observed: Observed): ServiceFault | undefined {
  const { name, component, ready, notReady, ports, endpointPorts } = service;
  const label = component ?? name;
  if (ready.length === 0 && notReady.length === 0) {
    const pods = components.filter(({ of }) => of === component).flatMap((question) => told(observed, question)?.pods ?? []);
    if (pods.length > 0 && !pods.some(({ phase }) => phase === 'Running')) return { sign: 'no pod', component: label, words: `${label} has no endpoint; ${count(pods.length, 'pod')} not started`, why: `A pod is an endpoint of Service ${name} only when it has an address.` };
    return pods.length > 0
      ? { sign: 'selects none', component: label, words: `${label} selects none of ${count(pods.length, 'pod')}`, why: `The selector of Service ${name} fits no pod of ${label}, so that nobody gets through to it.` }
      : { sign: 'no pod', component: label, words: `${label} has no pod`, why: `There is no pod for Service ${name} to lead to; Rollout tells why.` };
  }
  if (ready.length === 0) return { sign: 'not ready', component: label, words: `${label} has no ready endpoint, ${notReady.length} not ready`, why: `Service ${name} leads to ready pods alone.` };
  if (endpointPorts.length === 0) return { sign: 'no port', component: label, words: `${label} leads to no port; no container has ${ports.map(({ targetPort }) => targetPort).join(', ')}`, why: `The targetPort of Service ${name} is a name that no port of its pods has.` };
  const port = portOf(component);
  return port === undefined || endpointPorts.includes(port)
    ? undefined
    : { sign: 'wrong port', component: label, words: `${label} leads to port ${endpointPorts.join(', ')}; it listens on ${port}`, why: `Service ${name} leads to a port on which ${label} does not listen.` };
}

function judgeServices(all: readonly ServiceObjectFacts[], observed: Observed): Judgement {
  const selecting = all.filter(({ selector }) => Object.keys(selector).length > 0);
  const facts: Fact[] = selecting.map(({ name, type, clusterIP, ports, ready, notReady }) => ({
    name,
    value: `${type}${clusterIP === null ? '' : ` ${clusterIP}`}, ${ready.length} ready${notReady.length > 0 ? `, ${notReady.length} not ready` : ''}, ${ports.map(({ port, targetPort }) => `port ${port} to ${targetPort}`).join(', ')}`,
  }));
  const absent = chartComponents.filter((component) => !all.some((service) => service.component === component));
  const empty = selecting.filter(({ ready, notReady }) => ready.length === 0 && notReady.length === 0).map(({ component }) => component);
  const wants = components.filter(({ of }) => absent.some((component) => component === of) || empty.includes(of));
  const workloads = absent.filter((component) => components.some((question) => question.of === component && told(observed, question)?.workload));
  const faults: ServiceFault[] = [
    ...workloads.map((component): ServiceFault => ({ sign: 'no Service', component, words: `${component} has no Service`, why: `A workload of ${component} is there, and no Service of the release leads to it.` })),
    ...selecting.flatMap((service) => faultOf(service, observed) ?? []),
  ];
  const [first, ...others] = faults;
  if (!first) return { ...(all.length === 0 ? finding('unknown', 'no Service of the release', 'No Service has the labels of the release.') : finding('pass', `${all.length}, each with ready endpoints`, 'Every Service of the release leads to ready pods, on the port on which they listen.', facts)), wants };
  return {
    ...signed(finding('fail', `${first.words}${others.length > 0 ? `, and ${others.length} more` : ''}`, faults.map(({ why }) => why).join(' '), [...faults.map(({ words }) => ({ name: 'fault', value: words })), ...facts]), ...faults.map(({ sign, component }) => `${component}: ${sign}`)),
    wants,
  };
}

function judgeMonitors({ monitors: all }: MonitorsFacts, observed: Observed): Judgement {
  if (all === null) return finding('not-applicable', 'no ServiceMonitor kind in this cluster', 'The Prometheus operator is not installed; another way of scraping is not looked at.');
  if (all.length === 0) return finding('not-applicable', 'none; serviceMonitor is off', 'The chart makes ServiceMonitors only with serviceMonitor.enabled. Without scrapes its alert rules have no data.');
  const release = told(observed, helm);
  const mode = components.map((question) => told(observed, question)?.workload?.mode).find((each) => typeof each === 'string') ?? (release && newestRevision(release)?.settings.mode) ?? null;
  const bare = all.filter(({ endpoints }) => endpoints.some(({ authorization }) => !authorization));
  const facts: Fact[] = [
    ...all.map(({ name, endpoints }) => ({ name, value: endpoints.map(({ path, authorization }) => `${path}, ${authorization ? 'with a credential' : 'without a credential'}`).join('; ') })),
    { name: 'web', value: 'has no metrics: it answers /metrics with its page' },
    { name: 'coordinator', value: 'refuses the metrics bearer on /metrics with 403; its figures are at /stats' },
  ];
  if (bare.length === 0) return finding('pass', `${all.length} with a credential`, 'Each scrape presents something; whether it is METRICS_BEARER is not read.', facts);
  if (mode === 'dev') return finding('pass', `${all.length}, metrics are open in mode dev`, 'In mode dev metrics take no bearer.', facts);
  const words = `${bare.length} of ${all.length} without a bearer`;
  return mode === null
    ? finding('unknown', `${words}; the mode is not known`, 'In mode dev metrics are open; in rc and stable each of these scrapes gets 401. Neither a workload nor the values of the release were seen.', facts)
    : finding('warn', `${words}; every scrape gets 401`, `In mode ${mode} metrics take METRICS_BEARER, and the ServiceMonitors of the chart present none: Prometheus sees the targets as down, and the alert rules have no data. That says nothing about the services.`, facts);
}

function judgeAutoscalers(all: readonly AutoscalerFacts[], now: string): Judgement {
  if (all.length === 0) return finding('not-applicable', 'none', 'The number of pods is what the values or an operator set.');
  const facts: Fact[] = all.flatMap(({ name, target, min, max, current, desired, conditions }) => [
    { name, value: `${target}, ${min} to ${max}, ${current} now, ${desired} wanted` },
    ...conditions.filter(({ type, status, reason }) => (type === 'ScalingLimited' ? reason === 'TooManyReplicas' : status === 'False')).map(({ type, reason, message }) => ({ name: `${name} ${type}`, value: `${reason}: ${message}` })),
  ]);
  const broken = all.flatMap(({ name, conditions }) =>
    conditions.filter(({ type, status, reason, since: from }) => (type === 'ScalingActive' || type === 'AbleToScale') && status === 'False' && reason !== 'ScalingDisabled' && (from === null || since(from, now) > measuredMs)).map((condition) => ({ name, ...condition })),
  );
  const [first] = broken;
  if (first) {
    const others = new Set(broken.map(({ name }) => name)).size;
    const metrics = first.reason.startsWith('FailedGet') ? ' Most often the cluster has no metrics-server, or it does not work; kubectl top pods fails then, too.' : '';
    return finding('warn', `${first.reason}, ${others} of ${all.length}; the number of pods stands still`, `${first.name} does not scale: ${first.message}.${metrics} Pods that run are not affected.`, facts);
  }
  const full = all.filter(({ current, max }) => current >= max).map(({ target }) => target);
  return full.length > 0
    ? finding('pass', `${full.length} of ${all.length} at the maximum, ${full.join(', ')}`, 'No pod is added there, however much there is to do.', facts)
    : finding('pass', `${all.length} active`, 'The autoscalers have measurements and room.', facts);
}

/** Objects around the pods: claims, Services, monitors, autoscalers. */
export const objectChecks: readonly Check[] = [
  {
    ...kubernetesBase,
    id: 'CRC-SVC-207',
    title: 'Volume claims',
    asks: [claims],
    privilege: 'list persistentvolumeclaims, list events',
    source: 'infra/helm/caracal/templates/deployments.yaml:12',
    judge: (observed) => whenTold(observed.get(claims), judgeClaims),
  },
  {
    ...kubernetesBase,
    id: 'CRC-SVC-208',
    title: 'Service objects',
    asks: [services],
    privilege: 'list services, list endpointslices.discovery.k8s.io, list pods',
    source: 'infra/helm/caracal/templates/_helpers.tpl:20',
    judge: (observed) => whenTold(observed.get(services), (answer) => judgeServices(answer, observed)),
  },
  {
    ...kubernetesBase,
    id: 'CRC-SVC-209',
    title: 'Metrics scraping',
    asks: [monitors, helm, ...components],
    privilege: 'list servicemonitors.monitoring.coreos.com',
    source: 'infra/helm/caracal/templates/servicemonitor.yaml:23',
    judge: (observed) => whenTold(observed.get(monitors), (answer) => judgeMonitors(answer, observed)),
  },
  {
    ...kubernetesBase,
    id: 'CRC-SVC-210',
    title: 'Autoscaling',
    asks: [cluster, autoscalers],
    privilege: 'list horizontalpodautoscalers.autoscaling',
    source: 'infra/helm/caracal/values.yaml (services.*.hpa)',
    judge(observed) {
      const observation = observed.get(autoscalers);
      return whenTold(observation, (answer) => judgeAutoscalers(answer, serverTime(observed, observation)));
    },
  },
];
