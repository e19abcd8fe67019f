import { servicesDecoys, servicesFaults } from '../lab/faults/services.ts';
import { proveAll } from './faults.ts';

proveAll('services', servicesFaults, servicesDecoys);
