import { clusterDecoys, clusterFaults } from '../lab/kubernetes/faults.ts';
import { startClusterLab } from '../lab/kubernetes/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { startLab } from '../lab/lab.ts';
import { proveAll } from './faults.ts';

let lab: Lab;

before(async function () {
  this.timeout(60_000);
  lab = await startLab();
});

after(() => lab.close());

const [ending, others] = [true, undefined].map((endsServices) => clusterFaults.filter((fault) => fault.endsServices === endsServices));

proveAll('a Helm release whose services end', ending ?? [], [], startClusterLab);
proveAll('a Helm release', others ?? [], clusterDecoys, (options) => startClusterLab({ lab, ...options }));
