import type { Decoy, Fault } from './fault.ts';

export const servicesFaults: readonly Fault[] = [];

export const servicesDecoys: readonly Decoy[] = [];
