import * as z from 'zod';
import type { Deployment, StatefulSet } from './objects.ts';

/** What is patched of a workload: by `kubectl rollout restart` an annotation of its template, by `kubectl scale` its replicas. */
export const workloadPatch = z.strictObject({
  spec: z.strictObject({
    template: z.strictObject({ metadata: z.strictObject({ annotations: z.record(z.string(), z.string()) }) }).optional(),
    replicas: z.int().min(0).optional(),
  }),
});

export type WorkloadPatch = z.infer<typeof workloadPatch>;

export type WorkloadPlural = 'deployments' | 'statefulsets';

export type Patched = (plural: WorkloadPlural, namespace: string, name: string, patch: WorkloadPatch) => void;

export function isWorkload(plural: string): plural is WorkloadPlural {
  return plural === 'deployments' || plural === 'statefulsets';
}

/** The subresource `scale` of a workload. */
export function scaleOf({ metadata: { name, namespace, uid, resourceVersion, creationTimestamp }, spec, status }: Deployment | StatefulSet): unknown {
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return { kind: 'Scale', apiVersion: 'autoscaling/v1', metadata, spec: { replicas: spec.replicas }, status: { replicas: status.replicas ?? 0 } };
}
