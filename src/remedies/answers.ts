/**
 * Answers that remedies take names from, by the subject of their question. Only what is read of them is described, so that
 * the checks which judge them stay out of this file of the package. Pure.
 */
import * as z from 'zod';
import { projectSchema, secretFileSchema } from '../model/compose.ts';
import type { Subject } from '../model/observation.ts';

export type Answered<Answer> = Pick<Subject<Answer>, 'name' | 'schema'>;

export const composeProject = { name: 'compose.project', schema: projectSchema } as const;
export const composeSecretFiles = { name: 'compose.secretFiles', schema: z.array(secretFileSchema) } as const;

export const coordinatorOutbox = { name: 'postgres.coordinatorOutbox', schema: z.object({ dead: z.number() }) } as const;
export const deadCoordinatorRows = { name: 'postgres.deadCoordinatorRows', schema: z.array(z.object({ id: z.string(), zone: z.string() })) } as const;

/** Of the zone that was asked about. */
export const zonePolicy = { name: 'postgres.zonePolicy', schema: z.object({ active: z.object({ set: z.string() }).nullable() }) } as const;
