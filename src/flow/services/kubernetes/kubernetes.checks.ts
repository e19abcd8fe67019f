import type { Check } from '../../../model/check.ts';
import { changeChecks } from './changes.checks.ts';
import { clusterChecks } from './cluster.checks.ts';
import { networkChecks } from './network.checks.ts';
import { objectChecks } from './objects.checks.ts';
import { podChecks } from './pods.checks.ts';
import { releaseChecks } from './release.checks.ts';
import { rolloutChecks } from './rollout.checks.ts';
import { secretChecks } from './secrets.checks.ts';
import { versionChecks } from './versions.checks.ts';

/** What runs a Helm release of Caracal; by number. */
export const kubernetesChecks: readonly Check[] = [
  ...clusterChecks,
  ...releaseChecks,
  ...secretChecks,
  ...networkChecks,
  ...objectChecks,
  ...versionChecks,
  ...changeChecks,
  ...rolloutChecks,
  ...podChecks,
];
