import { postgresDecoys, postgresFaults } from '../lab/faults/postgres.ts';
import { startLab } from '../lab/lab.ts';
import { proveAll } from './faults.ts';

proveAll('postgres', postgresFaults, postgresDecoys, startLab);
