import { auditDecoys, auditFaults } from '../lab/faults/audit.ts';
import { startLab } from '../lab/lab.ts';
import { proveAll } from './faults.ts';

proveAll('audit', auditFaults, auditDecoys, startLab);
