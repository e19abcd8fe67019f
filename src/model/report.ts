import * as z from 'zod';
import { verdictSchema } from './check.ts';
import { diagnosisSchema } from './diagnosis.ts';
import { observationSchema } from './observation.ts';
import { remedyRunSchema } from './remedy.ts';

/** Everything of one run, as it is saved and shown. Secrets are masked before it is built. */
export const reportSchema = z.strictObject({
  format: z.literal('caracal-report/1'),
  tool: z.strictObject({ name: z.literal('caracal-debugger'), version: z.string() }),
  target: z.strictObject({ name: z.string(), kind: z.string(), address: z.string() }),
  /** Zone that per-zone checks looked at; null when none was known. */
  zone: z.string().nullable(),
  /** Local clock, ISO 8601. */
  startedAt: z.iso.datetime(),
  tookMs: z.number().nonnegative(),
  /** True when the run was stopped before every check had its answer. */
  cancelled: z.boolean(),
  /** Set when these verdicts were judged again from the observations of an earlier report. */
  judgedAgainAt: z.iso.datetime().optional(),
  verdicts: z.array(verdictSchema),
  /** Absent in reports of versions that looked for no causes. */
  diagnosis: diagnosisSchema.optional(),
  /** What was done about causes since, oldest first. */
  remedies: z.array(remedyRunSchema).optional(),
  observations: z.array(observationSchema),
});

export type Report = Readonly<z.infer<typeof reportSchema>>;
