import type { Redactor } from '../redaction/redactor.ts';
import { Unavailable } from './failures.ts';
import type { LocatedTarget } from './located.ts';
import type { ContainerLogs } from './logs.ts';

/**
 * Opens the logs of a project of Compose or of a Helm release, and nothing else of it.
 *
 * @throws Unavailable when the engine or the cluster cannot be asked, or when the target gives addresses only
 */
export async function openContainerLogs(located: LocatedTarget, redactor: Redactor): Promise<ContainerLogs> {
  const { target } = located;
  switch (target.kind) {
    case 'endpoints':
      throw new Unavailable('the target gives addresses only', 'pick the Compose project or the Helm release itself, or give logs in the target');
    case 'compose': {
      const { openComposeLogs } = await import('./compose/compose.ts');
      return openComposeLogs({ ...located, target });
    }
    case 'kubernetes': {
      const { openKubernetesLogs } = await import('./kubernetes/kubernetes.ts');
      return openKubernetesLogs({ ...located, target }, redactor);
    }
  }
}
