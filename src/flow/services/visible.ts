import type { Judgement, Observed } from '../../model/check.ts';
import { finding, whenAnswered } from '../judging.ts';
import { postgresCatalogue } from '../storage/postgresCatalogue.ts';

/** To stand among the `asks` of each check that uses `whenVisible`. */
export const asksVisibility = postgresCatalogue.of('Postgres');

/**
 * Judges rows of these tables only when row-level security does not hide any from this session: it does
 * so without an error, and what is hidden looks as if it were not there.
 */
export function whenVisible(observed: Observed, tables: readonly string[], judge: () => Judgement): Judgement {
  return whenAnswered(observed.get(asksVisibility), ({ visibility: { user, bound, zone, hidden } }) => {
    const hides = zone === '*' ? tables.filter((table) => hidden.includes(table)) : tables;
    return bound > 0 && hides.length > 0
      ? finding('unknown', `rows hidden from ${user}: see CRC-STO-044`, `Row-level security hides rows of ${hides.join(', ')} from this session without an error, so that nothing may be called missing or done.`)
      : judge();
  });
}
