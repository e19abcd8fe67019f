import type { Status } from '../model/status.ts';
import { count } from './words.ts';

/** The answer of a run that came to its end, in one sentence that a person could say aloud. */
export function answerOf(statuses: readonly Status[]): string {
  const of = (status: Status): number => statuses.filter((each) => each === status).length;
  if (of('fail') > 0) return `${count(of('fail'), 'failure')}, no cause confirmed.`;
  const unsure = of('unknown') + of('blocked') + of('cancelled');
  if (of('warn') > 0) return `No failure, ${count(of('warn'), 'warning')}${unsure > 0 ? `, ${unsure} cannot be told` : ''}.`;
  if (unsure > 0) return `No failure seen, ${unsure} of ${statuses.length} cannot be told.`;
  if (of('crashed') > 0) return `${count(of('crashed'), 'check')} crashed, which is our fault.`;
  return `All ${statuses.length - of('not-applicable')} checks that apply pass.`;
}
