import { auditDecoys, auditFaults } from './audit.ts';
import type { Decoy, Fault } from './fault.ts';
import { postgresDecoys, postgresFaults } from './postgres.ts';
import { readinessDecoys, readinessFaults } from './readiness.ts';
import { redisDecoys, redisFaults } from './redis.ts';
import { servicesDecoys, servicesFaults } from './services.ts';
import { streamsDecoys, streamsFaults } from './streams.ts';
import { zoneDecoys, zoneFaults } from './zone.ts';

export type { Decoy, Fault } from './fault.ts';

/** By the step of the faulty component, in the order of the flow. */
export const faultsByStep: Readonly<Record<string, readonly Fault[]>> = {
  readiness: readinessFaults, storage: [...postgresFaults, ...redisFaults], streams: streamsFaults, services: [...servicesFaults, ...zoneFaults], audit: auditFaults,
};

export const faults: readonly Fault[] = Object.values(faultsByStep).flat();

export const decoys: readonly Decoy[] = [...readinessDecoys, ...postgresDecoys, ...redisDecoys, ...streamsDecoys, ...servicesDecoys, ...zoneDecoys, ...auditDecoys];
