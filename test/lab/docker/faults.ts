import { containerFaults } from './faultsOfContainers.ts';
import { projectFaults } from './faultsOfProjects.ts';

export { decoys } from './decoys.ts';

export const faults = [...containerFaults, ...projectFaults];
