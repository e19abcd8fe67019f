/** Remedies. A file of its own in the package, loaded with the first cause that is opened. */
export { callsOf } from './calls.ts';
export { canaryCalls } from './canary.ts';
export type { CanaryRun } from './canary.ts';
export { remediesOf } from './catalogue.ts';
export type { Known } from './catalogue.ts';
export { runCanary, runRemedy } from './run.ts';
