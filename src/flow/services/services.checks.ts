import type { Check } from '../../model/check.ts';
import { alertChecks } from './alerts.checks.ts';
import { auditServiceChecks } from './auditService.checks.ts';
import { evidenceChecks } from './evidence.checks.ts';
import { gatewayChecks } from './gateway.checks.ts';
import { metricsChecks } from './metrics.checks.ts';
import { operatorModelChecks } from './operatorModel.checks.ts';
import { policyChecks } from './policy.checks.ts';
import { providerChecks } from './providers.checks.ts';
import { secretBackendChecks } from './secretBackend.checks.ts';
import { stsChecks } from './sts.checks.ts';
import { sweeperChecks } from './sweepers.checks.ts';
import { versionChecks } from './version.checks.ts';
import { zoneChecks } from './zone.checks.ts';

/** Every check of the step, by its number, which is the order of the services. */
export const servicesChecks: readonly Check[] = [
  ...metricsChecks,
  ...secretBackendChecks,
  ...operatorModelChecks,
  ...stsChecks,
  ...policyChecks,
  ...evidenceChecks,
  ...gatewayChecks,
  ...auditServiceChecks,
  ...sweeperChecks,
  ...versionChecks,
  ...providerChecks,
  ...zoneChecks,
  ...alertChecks,
].toSorted((left, right) => left.id.localeCompare(right.id));
