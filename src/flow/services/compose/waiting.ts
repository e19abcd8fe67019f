/** What a container waits for that was made and not started. Pure. */
import type { ComposeService, ContainerFacts } from '../../../model/compose.ts';
import type { Observed } from '../../../model/check.ts';
import { ending } from './endings.ts';
import { composeContainers, kept, valueOf } from './facts.ts';

/** Why a service on which another one waits is not as far, in words that follow `which`; undefined when it is. */
export function notMet({ service, condition }: ContainerFacts['dependsOn'][number], observed: Observed, seen: readonly string[] = []): string | undefined {
  const containers = kept(valueOf(observed.find(composeContainers.of(service as ComposeService))) ?? []);
  const [container] = containers;
  // One-shots are removed after a good up, so that an absent one says nothing.
  if (!container || seen.includes(service)) return undefined;
  const { status, exitCode, health } = container;
  if (condition === 'service_completed_successfully') {
    if (status === 'exited') return exitCode === 0 ? undefined : ending(container);
    return status === 'created' ? (chain(container, observed, [...seen, service]) ?? 'was not started') : `is ${status}`;
  }
  if (status === 'created') return chain(container, observed, [...seen, service]) ?? 'was not started';
  if (status !== 'running') return status === 'exited' ? ending(container) : `is ${status}`;
  if (condition !== 'service_healthy' || health?.status === 'healthy' || health === null) return undefined;
  return health.status === 'starting' ? 'is starting' : 'is unhealthy';
}

/** `waits for api, which waits for sts, which is unhealthy`; undefined when nothing is seen to be in its way. */
export function chain({ dependsOn }: ContainerFacts, observed: Observed, seen: readonly string[] = []): string | undefined {
  for (const dependency of dependsOn) {
    const why = notMet(dependency, observed, seen);
    if (why !== undefined) return `waits for ${dependency.service}, which ${why}`;
  }
  return undefined;
}

