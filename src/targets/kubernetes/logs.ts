import type { ContainerLogs, LoggingContainer, LogQuestion, StampedLine } from '../logs.ts';
import { plainLines } from '../stampedLines.ts';
import { componentLabel, podSchema } from './objects.ts';
import type { Pod, Terminated } from './objects.ts';
import type { Release } from './release.ts';
import type { ReleaseObjects } from './releaseObjects.ts';
import { resources } from './resources.ts';

/** Logs of the pods of a release. Kubernetes keeps the log of the run before, and none of those before it. */
export function podLogs(objects: ReleaseObjects, release: Release, close: () => void): ContainerLogs {
  const { reader, namespace } = objects;
  /** Where the log of a container is, by its id. */
  const places = new Map<string, { readonly pod: string; readonly container: string }>();
  return {
    logPerRun: true,
    async containers(signal) {
      const { items } = await reader.list({ resource: resources.pods, namespace, labels: await objects.podSelector(signal), item: podSchema }, signal);
      return items.flatMap((pod) => pod.spec.containers.map(({ name }) => {
        const container = loggingContainer(pod, name);
        places.set(container.id, { pod: pod.metadata.name, container: name });
        return container;
      }));
    },
    async *lines({ id }: LoggingContainer, { since, tail, follow, previous = false }: LogQuestion, signal): AsyncGenerator<readonly StampedLine[]> {
      const place = places.get(id);
      if (place === undefined) throw new Error(`no container ${id} was listed`);
      const decode = plainLines();
      for await (const piece of reader.log(namespace, place, { since, tail, follow, previous }, signal)) yield decode(piece);
    },
    changes: (signal) => release.events(signal),
    close,
  };
}

function loggingContainer({ metadata, spec, status }: Pod, name: string): LoggingContainer {
  const known = status.containerStatuses.find((one) => one.name === name);
  const { running, terminated } = known?.state ?? {};
  const end = terminated ?? known?.lastState?.terminated;
  const isRunning = Boolean(running);
  return {
    id: `${metadata.uid}/${name}`,
    component: metadata.labels[componentLabel] ?? metadata.name,
    name: spec.containers.length === 1 ? metadata.name : `${metadata.name}/${name}`,
    // One that waits for its first start has no log.
    run: isRunning || end ? String(known?.restartCount ?? 0) : '',
    isRunning,
    end: isRunning || !end ? undefined : endWords(end),
  };
}

function endWords({ reason, exitCode }: Terminated): string {
  return reason === '' || reason === 'Error' ? `exit code ${exitCode}` : `${reason}, exit code ${exitCode}`;
}
