import assert from 'node:assert/strict';
import type { Engine } from '../lab/docker/engine.ts';
import { provideEngine } from '../lab/docker/engine.ts';
import type { ContainerDecoy, ContainerFault } from '../lab/docker/faultParts.ts';
import { startContainerLab } from '../lab/docker/lab.ts';
import type { Decoy, Fault, Stage } from '../lab/faults/fault.ts';
import { proveDecoy, proveFault, whatWasSeen } from '../lab/proof.ts';
import type { Proof } from '../lab/proof.ts';

const limitMs = 240_000;

/**
 * Of each list a fixed sample is proved here on live labs: every third fault, of those in containers, which take far longer,
 * every fifth, and one decoy. All others are proved by their recordings, which hold only as long as neither what observes nor
 * the lab has changed (test/unit/matrix.test.ts), and live by `npm run -s prove`.
 */
const every = { fault: 3, inContainers: 5 };
const leastFaults = 2;
const decoysOfEach = 1;

function sampled<Item>(list: readonly Item[], each: number): readonly Item[] {
  const chosen = list.filter((_, index) => index % each === 0);
  return chosen.length < leastFaults ? list.slice(0, leastFaults) : chosen;
}

/** One test for each fault and decoy of the sample, each on what `start` gives. */
export function proveAll<On extends Stage, Options>(
  of: string,
  faults: readonly Fault<On, Options>[],
  decoys: readonly Decoy<On, Options>[],
  start: (options?: Options) => Promise<On>,
  each = every.fault,
): void {
  describe(`faults of ${of}`, function () {
    this.timeout(limitMs);
    for (const fault of sampled(faults, each)) {
      it(`${fault.id}: ${fault.title}`, async () => right(await proveFault(fault, start)));
    }
  });
  if (decoys.length === 0) return;
  describe(`decoys of ${of}`, function () {
    this.timeout(limitMs);
    for (const decoy of decoys.slice(0, decoysOfEach)) {
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
    proveAll(of, faults, decoys, (options) => startContainerLab({ engine, ...options }), every.inContainers);
  });
}

function right(proof: Proof): void {
  assert.deepEqual(proof.wrong, [], whatWasSeen(proof));
}
