import type { Check } from '../../../model/check.ts';
import { changeChecks } from './changes.checks.ts';
import { containerChecks } from './container.checks.ts';
import { engineChecks } from './engine.checks.ts';
import { networkChecks } from './networks.checks.ts';
import { oneShotChecks } from './oneShots.checks.ts';
import { portChecks } from './ports.checks.ts';
import { projectChecks } from './project.checks.ts';
import { secretFileChecks } from './secretFiles.checks.ts';
import { versionSkewChecks } from './versions.checks.ts';
import { volumeChecks } from './volumes.checks.ts';

/** What runs a Compose project and what became of it, by number. */
export const composeChecks: readonly Check[] = [
  ...engineChecks,
  ...projectChecks,
  ...oneShotChecks,
  ...portChecks,
  ...networkChecks,
  ...secretFileChecks,
  ...volumeChecks,
  ...versionSkewChecks,
  ...changeChecks,
  ...containerChecks,
];
