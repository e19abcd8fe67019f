import type { ComponentFacts, EventFacts, PodFacts } from '../../model/kubernetes.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { Condition, Event, Pod, Probe, Terminated } from './objects.ts';

/** What the checks read of a pod; messages are masked. */
export function podFacts(pod: Pod, component: string, redactor: Redactor): PodFacts {
  const { metadata, spec, status } = pod;
  const [owner] = metadata.ownerReferences;
  return {
    name: metadata.name,
    uid: metadata.uid,
    node: spec.nodeName,
    ip: status.podIP,
    phase: status.phase,
    reason: status.reason,
    message: redactor.text(status.message),
    createdAt: metadata.creationTimestamp,
    startedAt: status.startTime,
    deletedAt: metadata.deletionTimestamp,
    owner: owner ? `${owner.kind}/${owner.name}` : null,
    restartedAt: metadata.annotations['kubectl.kubernetes.io/restartedAt'] ?? null,
    revision: metadata.labels['controller-revision-hash'] ?? metadata.labels['pod-template-hash'] ?? null,
    ready: isReady(pod),
    conditions: conditionFacts(status.conditions.filter(({ status: value }) => value !== 'True'), redactor),
    container: containerFacts(pod, component, redactor),
  };
}

export function isReady({ status }: Pod): boolean {
  return status.conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True');
}

/** Containers of the chart are named like the component, and there is one in a pod: contract, deploy 2.4. */
export function containerOf({ spec }: Pod, component: string): Pod['spec']['containers'][number] | undefined {
  return spec.containers.find(({ name }) => name === component) ?? spec.containers[0];
}

export function conditionFacts(conditions: readonly Condition[], redactor: Redactor): PodFacts['conditions'] {
  return conditions.map(({ type, status, reason, message, lastTransitionTime }) => ({ type, status, reason, message: redactor.text(message), since: lastTransitionTime }));
}

function containerFacts(pod: Pod, component: string, redactor: Redactor): PodFacts['container'] {
  const container = containerOf(pod, component);
  if (!container) return null;
  const { name, image, resources, startupProbe, livenessProbe, readinessProbe } = container;
  const status = pod.status.containerStatuses.find((each) => each.name === name);
  const { waiting, running, terminated } = status?.state ?? {};
  const memory = resources?.limits?.['memory'];
  return {
    name,
    image,
    tag: tagOf(image),
    digest: /@(sha256:[0-9a-f]{64})$/.exec(status?.imageID ?? '')?.[1] ?? /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1] ?? null,
    state: waiting ? 'waiting' : running ? 'running' : terminated ? 'terminated' : 'none',
    reason: (waiting?.reason || terminated?.reason) ?? null,
    message: redactor.text(waiting?.message ?? terminated?.message ?? ''),
    startedAt: running?.startedAt ?? terminated?.startedAt ?? null,
    ready: status?.ready ?? false,
    restarts: status?.restartCount ?? 0,
    end: terminated ? endFacts(terminated, redactor) : null,
    lastEnd: status?.lastState?.terminated ? endFacts(status.lastState.terminated, redactor) : null,
    probes: { startup: probeWords(startupProbe), liveness: probeWords(livenessProbe), readiness: probeWords(readinessProbe) },
    memoryLimit: memory === undefined ? null : String(memory),
  };
}

function endFacts({ exitCode, reason, startedAt, finishedAt, message }: Terminated, redactor: Redactor): NonNullable<NonNullable<PodFacts['container']>['end']> {
  return { exitCode, reason, startedAt, finishedAt, message: redactor.text(message) };
}

/** The tag of an image; null when it has none or only a digest. */
export function tagOf(image: string): string | null {
  return /:([\w.-]+)$/.exec(image.replace(/@.*$/, '').replace(/^.*\//, ''))?.[1] ?? null;
}

/** As `kubectl describe pod` has it, in words: `GET /ready on port http, after 10 s, every 10 s, timeout 1 s, fails after 3`. */
function probeWords(probe: Probe | null | undefined): string | null {
  if (!probe) return null;
  const { httpGet, tcpSocket, exec, grpc, initialDelaySeconds, periodSeconds, timeoutSeconds, failureThreshold } = probe;
  const what = httpGet
    ? `GET ${httpGet.path || '/'} on port ${httpGet.port}${httpGet.scheme === 'HTTPS' ? ' over TLS' : ''}`
    : tcpSocket
      ? `connect to port ${tcpSocket.port}`
      : grpc
        ? `gRPC on port ${grpc.port}`
        : exec
          ? `run ${exec.command[0] ?? 'a command'}`
          : 'unknown';
  const delay = initialDelaySeconds === 0 ? '' : `after ${initialDelaySeconds} s, `;
  return `${what}, ${delay}every ${periodSeconds} s, timeout ${timeoutSeconds} s, fails after ${failureThreshold}`;
}

export function eventFacts({ type, reason, message, count, series, firstTimestamp, lastTimestamp, eventTime, involvedObject }: Event, redactor: Redactor): EventFacts {
  return {
    type,
    reason,
    message: redactor.text(message),
    object: `${involvedObject.kind}/${involvedObject.name}`,
    count: series?.count ?? count ?? 1,
    firstAt: firstTimestamp ?? eventTime,
    lastAt: series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp,
  };
}

/** Newest last, at most `most`. */
export function newestEvents(events: readonly EventFacts[], most: number): NonNullable<ComponentFacts['warnings']> {
  return events.toSorted((one, other) => Date.parse(one.lastAt ?? '') - Date.parse(other.lastAt ?? '')).slice(-most);
}
