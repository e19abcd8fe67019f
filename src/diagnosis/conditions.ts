import { composeCauses } from './causes/compose.ts';
import { evidenceCauses, jobCauses, ledgerCauses, policyCauses, providerCauses, tokenCauses } from './causes/governance.ts';
import { kubernetesCauses } from './causes/kubernetes.ts';
import { outboxCauses } from './causes/outboxes.ts';
import { postgresCauses } from './causes/postgres.ts';
import { redisCauses } from './causes/redis.ts';
import { serviceCauses } from './causes/services.ts';
import { streamCauses } from './causes/streams.ts';
import type { CauseDefinition, Stage } from './definition.ts';
import { stages } from './stages.ts';

/** Everything that may be true of a deployment. Of causes that explain the same, the first one here is taken. */
export const conditions: readonly (Stage | CauseDefinition)[] = [
  ...redisCauses, ...postgresCauses, ...composeCauses, ...kubernetesCauses, ...serviceCauses, ...policyCauses, ...evidenceCauses,
  ...streamCauses, ...outboxCauses, ...jobCauses, ...providerCauses, ...tokenCauses, ...ledgerCauses,
  ...stages,
];
