import { zoneDecoys, zoneFaults } from '../lab/faults/zone.ts';
import { proveAll } from './faults.ts';

proveAll('the zone', zoneFaults, zoneDecoys);
