import { decoys } from './decoys.ts';
import type { ClusterFault } from './fault.ts';
import { podFaults } from './faultsOfPods.ts';
import { releaseFaults } from './faultsOfReleases.ts';
import { rolloutFaults } from './faultsOfRollouts.ts';
import { serverFaults } from './faultsOfServers.ts';

export type { ClusterFault } from './fault.ts';

export const clusterFaults: readonly ClusterFault[] = [...podFaults, ...rolloutFaults, ...releaseFaults, ...serverFaults];

/** Looks like a fault and is none. */
export const clusterDecoys = decoys;
