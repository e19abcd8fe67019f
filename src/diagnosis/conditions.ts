import { redisCauses } from './causes/redis.ts';
import type { CauseDefinition, Stage } from './definition.ts';

/** Everything that may be true of a deployment. */
export const conditions: readonly (Stage | CauseDefinition)[] = [...redisCauses];
