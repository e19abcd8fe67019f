import { decoys as composeDecoys, faults as composeFaults } from './docker/faults.ts';
import { startContainerLab } from './docker/lab.ts';
import type { Decoy, Fault, Stage } from './faults/fault.ts';
import { decoys, faults } from './faults/index.ts';
import { clusterDecoys, clusterFaults } from './kubernetes/faults.ts';
import { startClusterLab } from './kubernetes/lab.ts';
import { startLab } from './lab.ts';
import { onFresh, type Proof, proveDecoy, proveFault, runAfter, runAgain, type TimedRun } from './proof.ts';

/** What a lab of any kind may be told. A cluster has no ports and no home of its own. */
export interface CommonOptions {
  readonly ports?: 'free' | 'standard';
  readonly home?: string;
  readonly log?: (line: string) => void;
  /** How many times the steady traffic runs. Default: once. */
  readonly traffic?: number;
}

export type FaultHead = Pick<Fault<never, never>, 'id' | 'title' | 'contract' | 'verdicts'>;
export type DecoyHead = Omit<FaultHead, 'verdicts'>;

/** Labs of one kind of target. */
export interface LabKind {
  readonly faults: readonly FaultHead[];
  readonly decoys: readonly DecoyHead[];
  /** Starts a lab to which these faults and decoys happen. @throws Error when there is no such one */
  start(ids: readonly string[], options: CommonOptions): Promise<Stage>;
  /** A fault or decoy on a lab of its own. */
  prove(id: string): Promise<Proof>;
  /** Runs the flow on a lab of its own to which these faults and decoys happen in their order. */
  runAfter(ids: readonly string[]): Promise<TimedRun>;
  /** Runs the flow again and again on one healthy lab under load. */
  runHealthy(times: number, load: number): Promise<readonly TimedRun[]>;
}

interface Parts<On extends Stage, Options> {
  readonly start: (options: Options | undefined, common: CommonOptions) => Promise<On>;
  readonly faults: readonly Fault<On, Options>[];
  readonly decoys: readonly Decoy<On, Options>[];
}

function labKind<On extends Stage, Options extends object>({ start, faults: broken, decoys: harmless }: Parts<On, Options>): LabKind {
  const faultOf = (id: string): Fault<On, Options> => {
    const fault = broken.find((candidate) => candidate.id === id);
    if (fault === undefined) throw new Error(`no fault ${id}; there are: ${broken.map((known) => known.id).join(', ')}`);
    return fault;
  };
  const fresh = (options: Options | undefined): Promise<On> => start(options, {});
  const happening = (id: string): Decoy<On, Options> => harmless.find((candidate) => candidate.id === id) ?? faultOf(id);
  return {
    faults: broken,
    decoys: harmless,
    async start(ids, common) {
      const chosen = ids.map(happening);
      const lab = await start(chosen.find(({ options }) => options !== undefined)?.options, common);
      try {
        for (const { id, title, inject } of chosen) {
          common.log?.(`injecting ${id}: ${title}`);
          await inject(lab);
        }
        return lab;
      } catch (error) {
        await lab.close();
        throw error;
      }
    },
    prove(id) {
      const decoy = harmless.find((candidate) => candidate.id === id);
      return decoy ? proveDecoy(decoy, fresh) : proveFault(faultOf(id), fresh);
    },
    runAfter(ids) {
      const chosen = ids.map(happening);
      return onFresh(() => fresh(chosen.find(({ options }) => options !== undefined)?.options), (lab) => runAfter(chosen, lab));
    },
    runHealthy(times, load) {
      return onFresh(() => start(undefined, { traffic: load }), (lab) => runAgain(times, lab));
    },
  };
}

export const labKinds = {
  endpoints: labKind({ start: (options, common) => startLab({ ...options, ...common }), faults, decoys }),
  compose: labKind({ start: (options, common) => startContainerLab({ ...options, ...common }), faults: composeFaults, decoys: composeDecoys }),
  kubernetes: labKind({ start: (options, { log, traffic }) => startClusterLab({ ...options, ...(log === undefined ? {} : { log }), ...(traffic === undefined ? {} : { traffic }) }), faults: clusterFaults, decoys: clusterDecoys }),
} as const satisfies Record<string, LabKind>;

export type LabKindName = keyof typeof labKinds;
