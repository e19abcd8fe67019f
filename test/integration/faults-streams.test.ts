import { streamsDecoys, streamsFaults } from '../lab/faults/streams.ts';
import { startLab } from '../lab/lab.ts';
import { proveAll } from './faults.ts';

proveAll('streams', streamsFaults, streamsDecoys, startLab);
