import { projectFaults } from '../lab/docker/faultsOfProjects.ts';
import { proveInContainers } from './faults.ts';

proveInContainers('a Compose project', projectFaults, []);
