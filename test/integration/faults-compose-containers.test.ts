import { decoys } from '../lab/docker/decoys.ts';
import { containerFaults } from '../lab/docker/faultsOfContainers.ts';
import { proveInContainers } from './faults.ts';

proveInContainers('containers of a Compose project', containerFaults, decoys);
