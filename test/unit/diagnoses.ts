import type { Cause, Diagnosis } from '../../src/model/diagnosis.ts';

/** A cause of which nothing is known but what is given. */
export function cause(id: string, more: Partial<Cause> = {}): Cause {
  return {
    id, component: 'Redis', title: id, sentence: '', standing: 'confirmed', own: [], explains: [], for: [], against: [], unconfirmed: null, path: [],
    leftBehindBy: null, score: [], ...more,
  };
}

/** The diagnosis of these causes, and the numbers that they have by their order. */
export function diagnosed(causes: readonly Cause[], more: Partial<Diagnosis> = {}): { readonly diagnosis: Diagnosis; readonly causeNumbers: ReadonlyMap<string, number> } {
  return {
    diagnosis: { causes: [...causes], ruledOut: [], notCauses: [], unexplained: [], failures: { all: 0, explained: 0 }, next: null, ...more },
    causeNumbers: new Map(causes.map(({ id }, index) => [id, index + 1])),
  };
}
