import { fails, passes } from '../definition.ts';
import type { CauseDefinition } from '../definition.ts';

export const redisCauses: readonly CauseDefinition[] = [
  {
    id: 'redis-stopped', family: 'redis', component: 'Redis', title: 'Redis is stopped',
    means: 'Without Redis nothing is minted, revoked, published or audited.',
    seenAt: [fails('STO-020', 'ECONNREFUSED')],
    against: [passes('STO-021')],
    source: 'readiness.md 2.4',
  },
];
