import type { Check } from '../../model/check.ts';
import { alertChecks } from './alerts.checks.ts';
import { auditServiceChecks } from './auditService.checks.ts';
import { composeChecks } from './compose/compose.checks.ts';
import { evidenceChecks } from './evidence.checks.ts';
import { gatewayChecks } from './gateway.checks.ts';
import { kubernetesChecks } from './kubernetes/kubernetes.checks.ts';
import { metricsChecks } from './metrics.checks.ts';
import { operatorModelChecks } from './operatorModel.checks.ts';
import { policyChecks } from './policy.checks.ts';
import { providerChecks } from './providers.checks.ts';
import { secretBackendChecks } from './secretBackend.checks.ts';
import { stsChecks } from './sts.checks.ts';
import { sweeperChecks } from './sweepers.checks.ts';
import { versionChecks } from './version.checks.ts';
import { zoneChecks } from './zone.checks.ts';

const ofServices: readonly Check[] = [
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
];

/** Every check of the step: first what runs the services, then the services themselves, by number. */
export const servicesChecks: readonly Check[] = [
  ...composeChecks,
  ...kubernetesChecks,
  ...ofServices.toSorted((left, right) => left.id.localeCompare(right.id)),
];
