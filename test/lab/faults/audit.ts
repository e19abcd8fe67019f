import type { Decoy, Fault } from './fault.ts';

export const auditFaults: readonly Fault[] = [];

export const auditDecoys: readonly Decoy[] = [];
