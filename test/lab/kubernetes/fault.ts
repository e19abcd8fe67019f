import type { Decoy, Fault } from '../faults/fault.ts';
import type { ClusterLab, ClusterLabOptions } from './lab.ts';

/** Something that breaks in a running cluster. `contract` may name what in Kubernetes does it. */
export interface ClusterFault extends Fault<ClusterLab, ClusterLabOptions> {
  /** Ends or freezes processes behind the pods: their lab serves no other cluster after it. */
  readonly endsServices?: true;
}

export type ClusterDecoy = Decoy<ClusterLab, ClusterLabOptions>;
