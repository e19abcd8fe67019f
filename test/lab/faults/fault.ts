import type { Lab, LabOptions } from '../lab.ts';

export type Expected = Readonly<Record<string, 'fail' | 'warn' | 'blocked' | 'unknown'>>;

/** What a flow runs on: a deployment of some kind that was started for it. */
export interface Stage {
  /** Target file that a flow takes. */
  readonly targetFile: string;
  /** Resolves once what the deployment says of itself only now and then has caught up with what is. */
  settled?(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Something that breaks in a running lab. `verdicts` lists every check that must not pass because of
 * it; a check that is not listed must go on passing (or stay not applicable).
 */
export interface Fault<On extends Stage = Lab, Options = LabOptions> {
  readonly id: string;
  readonly title: string;
  /** Where the contract of Caracal describes it. */
  readonly contract: string;
  readonly verdicts: Expected;
  /** What the lab must be started with. */
  readonly options?: Options;
  /** True when the flow is to know a run on the lab from before. */
  readonly before?: true;
  /** Breaks the real part, and resolves when the effect can be seen from outside. */
  inject(lab: On): Promise<void>;
}

/** Something that looks wrong and is not: no verdict may change because of it. */
export type Decoy<On extends Stage = Lab, Options = LabOptions> = Omit<Fault<On, Options>, 'verdicts'>;

export function all<State extends string>(state: State, ...checks: readonly string[]): Record<string, State> {
  return Object.fromEntries(checks.map((check) => [check, state]));
}

/** Ids of one step: `ids('STO', 2, 19)` are CRC-STO-002 to CRC-STO-019. */
export function ids(step: 'RDY' | 'STO' | 'STR' | 'SVC' | 'AUD', ...numbers: readonly number[]): readonly string[] {
  return numbers.map((number) => `CRC-${step}-${String(number).padStart(3, '0')}`);
}

/** 2, 5 → 2, 3, 4, 5. */
export function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
