import { auditDecoys, auditFaults } from '../lab/faults/audit.ts';
import { proveAll } from './faults.ts';

proveAll('audit', auditFaults, auditDecoys);
