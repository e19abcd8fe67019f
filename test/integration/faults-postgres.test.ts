import { postgresDecoys, postgresFaults } from '../lab/faults/postgres.ts';
import { proveAll } from './faults.ts';

proveAll('postgres', postgresFaults, postgresDecoys);
