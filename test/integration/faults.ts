import assert from 'node:assert/strict';
import type { Decoy, Fault } from '../lab/faults/index.ts';
import { proveDecoy, proveFault, whatWasSeen } from '../lab/proof.ts';
import type { Proof } from '../lab/proof.ts';

const limitMs = 240_000;

/** Decoys of each list that are proved here; `npm run -s prove` takes them all. */
const sampled = 2;

/** One test for each fault and for a sample of the decoys, on a lab of its own. */
export function proveAll(step: string, faults: readonly Fault[], decoys: readonly Decoy[]): void {
  describe(`faults of ${step}, each in a lab of its own`, function () {
    this.timeout(limitMs);
    for (const fault of faults) {
      it(`${fault.id}: ${fault.title}`, async () => right(await proveFault(fault)));
    }
  });
  describe(`decoys of ${step}, each in a lab of its own`, function () {
    this.timeout(limitMs);
    for (const decoy of decoys.slice(0, sampled)) {
      it(`${decoy.id}: ${decoy.title}`, async () => right(await proveDecoy(decoy)));
    }
  });
}

function right(proof: Proof): void {
  assert.deepEqual(proof.wrong, [], whatWasSeen(proof));
}
