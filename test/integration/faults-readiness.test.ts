import { readinessDecoys, readinessFaults } from '../lab/faults/readiness.ts';
import { proveAll } from './faults.ts';

proveAll('readiness', readinessFaults, readinessDecoys);
