import type { Subject } from '../../../model/observation.ts';
import type { Deployment, KubernetesRelease } from '../../../targets/deployment.ts';
import type { Observer } from '../../liveSource.ts';
import {
  kubernetesAutoscalers,
  kubernetesClaims,
  kubernetesCluster,
  kubernetesComponent,
  kubernetesHelm,
  kubernetesJobs,
  kubernetesMonitors,
  kubernetesNetworkPolicies,
  kubernetesPermissions,
  kubernetesSecrets,
  kubernetesServices,
} from './kubernetesFacts.ts';

const deadlineMs = 8_000;

/** A call of kubectl that shows the same, of the release's own namespace and context. */
function kubectl({ target }: Deployment, words: string): string {
  if (target.kind !== 'kubernetes') return `kubectl ${words}`;
  return `kubectl${target.context === undefined ? '' : ` --context ${target.context}`} -n ${target.namespace} ${words}`;
}

function ofRelease({ target }: Deployment, component?: string): string {
  const release = target.kind === 'kubernetes' ? target.release : '';
  return `-l app.kubernetes.io/instance=${release}${component === undefined ? '' : `,app.kubernetes.io/component=${component}`}`;
}

function observer<Answer>(
  subject: Subject<Answer>,
  asked: (deployment: Deployment, of: string) => string,
  ask: (release: KubernetesRelease, of: string, signal: AbortSignal) => Promise<Answer>,
): Observer<Answer> {
  return {
    subject,
    deadlineMs,
    asked,
    observe(deployment, { of, signal, stage }) {
      stage('waiting for the API server');
      return ask(deployment.kubernetes(), of, signal);
    },
  };
}

export const kubernetesObservers: readonly Observer<unknown>[] = [
  observer(kubernetesCluster, (deployment) => kubectl(deployment, 'version'), (release, _, signal) => release.cluster(signal)),
  observer(kubernetesPermissions, (deployment) => kubectl(deployment, 'auth can-i --list'), (release, _, signal) => release.permissions(signal)),
  observer(
    kubernetesComponent,
    (deployment, of) => kubectl(deployment, `get deployments,statefulsets,replicasets,controllerrevisions,pods,events ${ofRelease(deployment, of)}`),
    (release, of, signal) => release.component(of, signal),
  ),
  observer(kubernetesServices, (deployment) => kubectl(deployment, `get services,endpointslices ${ofRelease(deployment)}`), async (release, _, signal) => [...(await release.services(signal))]),
  observer(kubernetesJobs, (deployment) => kubectl(deployment, `get jobs ${ofRelease(deployment)}`), async (release, _, signal) => [...(await release.jobs(signal))]),
  observer(kubernetesClaims, (deployment) => kubectl(deployment, `get persistentvolumeclaims ${ofRelease(deployment)}`), async (release, _, signal) => [...(await release.claims(signal))]),
  observer(kubernetesSecrets, (deployment) => kubectl(deployment, 'get secrets'), (release, _, signal) => release.secrets(signal)),
  observer(kubernetesNetworkPolicies, (deployment) => kubectl(deployment, 'get networkpolicies'), async (release, _, signal) => [...(await release.networkPolicies(signal))]),
  observer(kubernetesMonitors, (deployment) => kubectl(deployment, `get servicemonitors ${ofRelease(deployment)}`), (release, _, signal) => release.monitors(signal)),
  observer(kubernetesAutoscalers, (deployment) => kubectl(deployment, `get horizontalpodautoscalers ${ofRelease(deployment)}`), async (release, _, signal) => [...(await release.autoscalers(signal))]),
  observer(kubernetesHelm, (deployment) => kubectl(deployment, `get secrets -l owner=helm,name=${deployment.target.kind === 'kubernetes' ? deployment.target.release : ''}`), (release, _, signal) => release.helm(signal)),
];
