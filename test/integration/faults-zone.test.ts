import { zoneDecoys, zoneFaults } from '../lab/faults/zone.ts';
import { startLab } from '../lab/lab.ts';
import { proveAll } from './faults.ts';

proveAll('the zone', zoneFaults, zoneDecoys, startLab);
