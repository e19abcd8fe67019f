/** The containers of a Compose project, for checks of every step: what does not answer may not run. Pure. */
import * as z from 'zod';
import type { ComposeService, ContainerFacts } from '../model/compose.ts';
import { containerSchema } from '../model/compose.ts';
import type { Observed } from '../model/check.ts';
import { subject } from '../model/observation.ts';

/** Containers of the Compose service that is asked about, one-offs among them. */
export const composeContainers = subject('compose.containers', z.array(containerSchema));

/** Those that Compose keeps running, without what `docker compose run` made. */
export function kept(containers: readonly ContainerFacts[]): readonly ContainerFacts[] {
  return containers.filter(({ oneoff }) => !oneoff);
}

/**
 * Why a service that does not answer may not: `; container stopped`. Empty while its containers were not
 * asked about, run, or cannot be known of, as with a target of another kind.
 */
export function containerWords(service: ComposeService, observed: Observed): string {
  const outcome = observed.find(composeContainers.of(service))?.outcome;
  if (outcome?.kind !== 'answer') return '';
  const containers = kept(outcome.value);
  if (containers.length === 0) return '; no container';
  const down = containers.find(({ status }) => status !== 'running');
  return down ? `; container ${standing(down)}` : '';
}

function standing({ status, exitCode }: ContainerFacts): string {
  switch (status) {
    case 'exited':
      // 143 is SIGTERM, which stops it in order.
      return exitCode === 0 || exitCode === 143 ? 'stopped' : `exited ${exitCode}`;
    case 'created':
      return 'not started';
    default:
      return status;
  }
}
