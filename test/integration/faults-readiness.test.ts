import { readinessDecoys, readinessFaults } from '../lab/faults/readiness.ts';
import { startLab } from '../lab/lab.ts';
import { proveAll } from './faults.ts';

proveAll('readiness', readinessFaults, readinessDecoys, startLab);
