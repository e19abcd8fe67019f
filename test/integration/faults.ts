import assert from 'node:assert/strict';
import { checks } from '../../src/flow/catalogue.ts';
import type { Decoy, Fault } from '../lab/faults/index.ts';
import { proveDecoy, proveFault, whatWasSeen } from '../lab/proof.ts';
import type { Proof } from '../lab/proof.ts';

const limitMs = 240_000;

/** One test for each, on a lab of its own. */
export function proveAll(step: string, faults: readonly Fault[], decoys: readonly Decoy[]): void {
  describe(`faults of ${step}, each in a lab of its own`, function () {
    this.timeout(limitMs);
    for (const fault of faults) {
      it(`${fault.id}: ${fault.title}`, async () => right(await proveFault(existing(fault))));
    }
  });
  describe(`decoys of ${step}, each in a lab of its own`, function () {
    this.timeout(limitMs);
    for (const decoy of decoys) {
      it(`${decoy.id}: ${decoy.title}`, async () => right(await proveDecoy(decoy)));
    }
  });
}

function right(proof: Proof): void {
  assert.deepEqual(proof.wrong, [], whatWasSeen(proof));
}

/** Only until every planned check is there. */
function existing(fault: Fault): Fault {
  const there = new Set(checks.map(({ id }) => id));
  return { ...fault, verdicts: Object.fromEntries(Object.entries(fault.verdicts).filter(([id]) => there.has(id))) };
}
