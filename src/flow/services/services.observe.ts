import { auditServiceObservers } from './auditService.observe.ts';
import { composeObservers } from './compose/compose.observe.ts';
import { databaseChangesObservers } from './databaseChanges.observe.ts';
import { kubernetesObservers } from './kubernetes/kubernetes.observe.ts';
import { metricsObservers } from './metrics.observe.ts';
import { policyObservers } from './policy.observe.ts';
import { providerObservers } from './providers.observe.ts';
import { sweeperObservers } from './sweepers.observe.ts';
import { versionObservers } from './version.observe.ts';
import { zoneContentObservers } from './zone.observe.ts';

export const servicesObservers = [
  ...composeObservers,
  ...kubernetesObservers,
  ...databaseChangesObservers,
  ...metricsObservers,
  ...policyObservers,
  ...auditServiceObservers,
  ...sweeperObservers,
  ...providerObservers,
  ...versionObservers,
  ...zoneContentObservers,
];
