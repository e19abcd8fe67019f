/** What a remedy that this tool can run sends, and to whom: what is told before, and what is sent then. Pure. */
import type { Remedy, RemedyCall, RemedyRun } from '../model/remedy.ts';
import type { ServiceName, Target } from '../model/target.ts';

/** One call that changes something. */
export interface PlannedCall {
  readonly method: 'POST' | 'PATCH';
  readonly path: string;
  /** JSON of a strategic merge patch; `now` is ISO 8601. */
  readonly patch?: (now: string) => object;
  /** What the patch sets, in words. */
  readonly sets?: string;
}

/** Who is asked: the Docker Engine, the API server, or a service of the deployment. */
export type Asked = 'engine' | 'cluster' | Extract<ServiceName, 'coordinator' | 'gateway'>;

export interface Plan {
  readonly asked: Asked;
  readonly calls: readonly PlannedCall[];
}

const restartedAt = 'kubectl.kubernetes.io/restartedAt';

/**
 * The calls of a remedy.
 *
 * @throws Error when the target is of a kind that the call is not for, which is our own mistake
 */
export function planOf(call: RemedyCall, target: Target): Plan {
  switch (call.kind) {
    case 'container': {
      if (target.kind !== 'compose') throw new Error(`a target of kind ${target.kind} has no containers`);
      return { asked: 'engine', calls: [{ method: 'POST', path: `/containers/${encodeURIComponent(call.container)}/${call.action}` }] };
    }
    case 'rollout-restart':
      return {
        asked: 'cluster',
        calls: [{
          method: 'PATCH', path: workloadPath(call, target), sets: `the annotation ${restartedAt} of its pods to now`,
          patch: (now) => ({ spec: { template: { metadata: { annotations: { [restartedAt]: now } } } } }),
        }],
      };
    case 'scale':
      return { asked: 'cluster', calls: [{ method: 'PATCH', path: `${workloadPath(call, target)}/scale`, sets: `replicas to ${call.replicas}`, patch: () => ({ spec: { replicas: call.replicas } }) }] };
    case 'requeue':
      return { asked: 'coordinator', calls: call.rows.map(({ zone, id }) => ({ method: 'POST', path: `/zones/${encodeURIComponent(zone)}/outbox/${encodeURIComponent(id)}/requeue` })) };
    case 'reload-revocations':
      return { asked: 'gateway', calls: [{ method: 'POST', path: '/internal/revocations/reload' }] };
  }
}

function workloadPath({ workload, name }: Extract<RemedyCall, { workload: unknown }>, target: Target): string {
  if (target.kind !== 'kubernetes') throw new Error(`a target of kind ${target.kind} has no workloads`);
  const plural = workload === 'Deployment' ? 'deployments' : 'statefulsets';
  return `/apis/apps/v1/namespaces/${encodeURIComponent(target.namespace)}/${plural}/${encodeURIComponent(name)}`;
}

/**
 * What running a remedy sends, a line for each call, and whom it asks, for the confirmation and for the report.
 *
 * @throws Error when this tool cannot run the remedy on the target, which is our own mistake
 */
export function callsOf({ id, call }: Pick<Remedy, 'id' | 'call'>, target: Target): Pick<RemedyRun, 'asked' | 'calls'> {
  if (call === null) throw new Error(`${id} is told, and not run`);
  const { asked, calls } = planOf(call, target);
  return { asked: askedWords(asked, target), calls: calls.map(({ method, path, sets }) => `${method} ${path}${sets === undefined ? '' : `: sets ${sets}`}`) };
}

/** Whom a call goes to, for a person: `Docker Engine at unix:///var/run/docker.sock`. */
export function askedWords(asked: Asked | ServiceName, target: Target): string {
  if (asked === 'engine') {
    const { host, context } = (target.kind === 'compose' && target.engine) || {};
    if (host !== undefined) return `Docker Engine at ${host}`;
    return context === undefined ? 'the Docker Engine that the docker command uses' : `Docker Engine of the context ${context}`;
  }
  if (asked === 'cluster') return `API server of ${target.kind === 'kubernetes' && target.context !== undefined ? `the context ${target.context}` : 'the current context'}`;
  const url = target.services?.[asked];
  if (url !== undefined) return `${asked} at ${url}`;
  return `${asked} of ${target.kind === 'compose' ? `project ${target.project}` : target.kind === 'kubernetes' ? `release ${target.release} in namespace ${target.namespace}` : target.name}`;
}
