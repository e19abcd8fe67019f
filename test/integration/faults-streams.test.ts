import { streamsDecoys, streamsFaults } from '../lab/faults/streams.ts';
import { proveAll } from './faults.ts';

proveAll('streams', streamsFaults, streamsDecoys);
