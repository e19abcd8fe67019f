import * as z from 'zod';
import type { Judgement, Observed } from '../model/check.ts';
import { subject } from '../model/observation.ts';
import { finding, whenAnswered } from './judging.ts';
import { count } from './words.ts';

/** The zone that per-zone checks look at: the target's own, or the only one that there is. */
export const zoneInView = subject(
  'postgres.zone',
  z.object({
    /** Null when the target names none and there are several, or none. */
    zone: z.string().nullable(),
    /** False when the zone that the target names is in no row of `zones`, or archived. */
    exists: z.boolean(),
    /** Zones that are not archived, Caracal's own left out. */
    zones: z.number().int(),
  }),
);

const question = zoneInView.of('Postgres');

/** Asks for the zone in view; to stand among the `asks` of each check that uses `whenZone`. */
export const asksZone = question;

/** Judges by the zone in view; without one nothing is known, and the judgement says how to pick one. */
export function whenZone(observed: Observed, judge: (zone: string) => Judgement): Judgement {
  return whenAnswered(observed.get(question), ({ zone, exists, zones }) => {
    if (zone === null) {
      return zones === 0
        ? finding('not-applicable', 'no zone yet', 'The deployment has no zone.')
        : finding('unknown', `${count(zones, 'zone')}: pick one`, 'This is per zone, and the target names none.');
    }
    if (!exists) return finding('unknown', `no zone ${zone}: pick another`, 'What is read of an unknown zone comes back empty, which would look like a loss.');
    return judge(zone);
  });
}
