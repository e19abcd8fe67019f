import * as z from 'zod';

/** Caracal's order of recovery (its docs, operations/failure-modes): what comes first is repaired first. */
export const recoveryPlaces = ['freeze', 'stores', 'services', 'backlogs', 'freshness', 'canary'] as const;

/** The only calls by which this tool changes a deployment. */
export const remedyCallSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('container'), action: z.enum(['start', 'restart', 'unpause']), container: z.string() }),
  /** Sets the annotation by which `kubectl rollout restart` makes new pods. */
  z.strictObject({ kind: z.literal('rollout-restart'), workload: z.enum(['Deployment', 'StatefulSet']), name: z.string() }),
  z.strictObject({ kind: z.literal('scale'), workload: z.enum(['Deployment', 'StatefulSet']), name: z.string(), replicas: z.number().int().positive() }),
  /** POST /zones/<zone>/outbox/<id>/requeue of the Coordinator, once for each row. */
  z.strictObject({ kind: z.literal('requeue'), rows: z.array(z.strictObject({ zone: z.string(), id: z.string() })).min(1) }),
  /** POST /internal/revocations/reload of the Gateway. */
  z.strictObject({ kind: z.literal('reload-revocations') }),
]);

/** What can be done about a cause. */
export const remedySchema = z.strictObject({
  /** Stable: `start-container`. */
  id: z.string(),
  /** Id of the cause. */
  cause: z.string(),
  /** `start Redis`; its first letter as a capital makes the button. */
  title: z.string(),
  place: z.enum(recoveryPlaces),
  /** As a person would type them for this target, with its real names. Empty when it takes a decision and no command. */
  commands: z.array(z.string()),
  /** What there is to do beside the commands, in a sentence or two; empty when they are all. */
  advice: z.string(),
  /** A command that shows what would happen and changes nothing; null where there is none. */
  dryRun: z.string().nullable(),
  /** What it changes, as the end of a sentence: `the state of one container; the volume caracal_redisData stays as it is`. */
  changes: z.string(),
  risk: z.enum(['low', 'medium', 'high']),
  /** Checks that show whether it worked. */
  provedBy: z.array(z.string()),
  /** What is still open after it. */
  stillOpen: z.array(z.string()),
  /** Set where this tool can do it. */
  call: remedyCallSchema.nullable(),
});

/** A remedy that was run, as it stands in the report. */
export const remedyRunSchema = z.strictObject({
  remedy: z.string(),
  cause: z.string(),
  /** Whom was asked, and the exact calls: `Docker Engine at unix:///var/run/docker.sock`, `POST /containers/caracal-redis-1/start`. */
  asked: z.string(),
  calls: z.array(z.string()),
  /** Local clock, ISO 8601. */
  at: z.iso.datetime(),
  tookMs: z.number().nonnegative(),
  outcome: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('done'), answer: z.string() }),
    z.strictObject({ kind: z.literal('refused'), code: z.string(), message: z.string() }),
  ]),
});

export type RecoveryPlace = (typeof recoveryPlaces)[number];
export type RemedyCall = Readonly<z.infer<typeof remedyCallSchema>>;
export type Remedy = Readonly<z.infer<typeof remedySchema>>;
export type RemedyRun = Readonly<z.infer<typeof remedyRunSchema>>;
