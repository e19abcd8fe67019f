import { servicesDecoys, servicesFaults } from '../lab/faults/services.ts';
import { startLab } from '../lab/lab.ts';
import { proveAll } from './faults.ts';

proveAll('services', servicesFaults, servicesDecoys, startLab);
