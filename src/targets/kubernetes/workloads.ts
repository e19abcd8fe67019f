import type { WorkloadFacts } from '../../model/kubernetes.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { ControllerRevision, ReplicaSet, Workload } from './objects.ts';
import { conditionFacts } from './pods.ts';

/** Of the history of a workload, no more than this is kept. */
const mostRevisions = 10;

export type WorkloadKind = WorkloadFacts['kind'];

/** A workload and what it is. */
export interface KnownWorkload {
  readonly kind: WorkloadKind;
  readonly workload: Workload;
}

export function workloadFacts({ kind, workload }: KnownWorkload, revisions: WorkloadFacts['revisions'], component: string, redactor: Redactor): WorkloadFacts {
  const { metadata, spec, status } = workload;
  const container = spec.template.spec.containers.find(({ name }) => name === component) ?? spec.template.spec.containers[0];
  return {
    kind,
    name: metadata.name,
    version: metadata.labels['app.kubernetes.io/version'] ?? null,
    image: container?.image ?? null,
    mode: container?.env.find(({ name }) => name === 'CARACAL_MODE')?.value ?? null,
    createdAt: metadata.creationTimestamp,
    wanted: spec.replicas,
    replicas: status.replicas,
    ready: status.readyReplicas,
    available: status.availableReplicas,
    updated: status.updatedReplicas,
    generation: metadata.generation,
    observedGeneration: status.observedGeneration,
    conditions: conditionFacts(status.conditions, redactor),
    revisions,
    currentRevision: status.currentRevision,
    updateRevision: status.updateRevision,
    podManagementPolicy: spec.podManagementPolicy,
  };
}

/** The history of a Deployment, oldest first: its ReplicaSets, numbered by an annotation. */
export function replicaSetRevisions(owner: Workload, sets: readonly ReplicaSet[]): WorkloadFacts['revisions'] {
  return ordered(
    sets.filter(({ metadata }) => isOwned(metadata, owner)).map(({ metadata, spec, status }) => ({
      name: metadata.name,
      revision: Number(metadata.annotations['deployment.kubernetes.io/revision'] ?? 0) || 0,
      at: metadata.creationTimestamp,
      image: spec.template.spec.containers[0]?.image ?? null,
      replicas: status.replicas,
      ready: status.readyReplicas,
    })),
  );
}

/** The history of a StatefulSet, oldest first: its ControllerRevisions. */
export function controllerRevisions(owner: Workload, revisions: readonly ControllerRevision[]): WorkloadFacts['revisions'] {
  return ordered(
    revisions.filter(({ metadata }) => isOwned(metadata, owner)).map(({ metadata, revision, data }) => ({
      name: metadata.name,
      revision,
      at: metadata.creationTimestamp,
      image: data?.spec?.template?.spec?.containers[0]?.image ?? null,
      replicas: null,
      ready: null,
    })),
  );
}

function isOwned({ ownerReferences }: Workload['metadata'], { metadata }: Workload): boolean {
  return ownerReferences.some(({ name, uid }) => name === metadata.name && (uid === '' || metadata.uid === '' || uid === metadata.uid));
}

function ordered(revisions: WorkloadFacts['revisions']): WorkloadFacts['revisions'] {
  return revisions.toSorted((one, other) => one.revision - other.revision).slice(-mostRevisions);
}
