import assert from 'node:assert/strict';
import type { Engine } from '../lab/docker/engine.ts';
import { provideEngine } from '../lab/docker/engine.ts';
import type { ContainerDecoy, ContainerFault } from '../lab/docker/faultParts.ts';
import { startContainerLab } from '../lab/docker/lab.ts';
import type { Decoy, Fault, Stage } from '../lab/faults/fault.ts';
import { proveDecoy, proveFault, whatWasSeen } from '../lab/proof.ts';
import type { Proof } from '../lab/proof.ts';

const limitMs = 240_000;

/** Decoys of each list that are proved here; `npm run -s prove` takes them all. */
const sampled = 2;

/** One test for each fault and for a sample of the decoys, each on what `start` gives. */
export function proveAll<On extends Stage, Options>(
  of: string,
  faults: readonly Fault<On, Options>[],
  decoys: readonly Decoy<On, Options>[],
  start: (options?: Options) => Promise<On>,
): void {
  describe(`faults of ${of}`, function () {
    this.timeout(limitMs);
    for (const fault of faults) {
      it(`${fault.id}: ${fault.title}`, async () => right(await proveFault(fault, start)));
    }
  });
  if (decoys.length === 0) return;
  describe(`decoys of ${of}`, function () {
    this.timeout(limitMs);
    for (const decoy of decoys.slice(0, sampled)) {
      it(`${decoy.id}: ${decoy.title}`, async () => right(await proveDecoy(decoy, start)));
    }
  });
}

/** The same in containers, on an engine that all of them share. */
export function proveInContainers(of: string, faults: readonly ContainerFault[], decoys: readonly ContainerDecoy[]): void {
  describe('in containers', function () {
    let engine: Engine;
    before(async function () {
      this.timeout(60_000);
      engine = await provideEngine();
    });
    after(async function () {
      this.timeout(60_000);
      await engine.close();
    });
    proveAll(of, faults, decoys, (options) => startContainerLab({ engine, ...options }));
  });
}

function right(proof: Proof): void {
  assert.deepEqual(proof.wrong, [], whatWasSeen(proof));
}
