/** How one pod does, by what `kubectl describe pod` tells of it. Pure. */
import * as z from 'zod';
import type { ComponentFacts, EventFacts, PodFacts, WorkloadFacts } from '../../../model/kubernetes.ts';
import type { ServiceName } from '../../../model/target.ts';
import { milliseconds } from '../../words.ts';
import { age } from '../timeline.ts';
import { brief, since } from './kubernetesFacts.ts';

export interface PodState {
  readonly pod: PodFacts;
  readonly level: 'fail' | 'warn' | 'pass';
  /** What pods that share a state have in common: the word of Kubernetes where it has one. */
  readonly kind: string;
  /** As a summary says it of one pod. */
  readonly words: string;
  readonly why: string;
  /** Set where the container came to its end: what is known of the reason. */
  readonly ended?: { readonly by: EndingProbe | undefined; readonly silent: boolean };
}

type Container = NonNullable<PodFacts['container']>;
type End = NonNullable<Container['lastEnd']>;
type Level = PodState['level'];

/** The probe for whose failure the kubelet ended a container. */
type EndingProbe = 'liveness' | 'startup';

/** A restart of this age is judged; older ones are of the past. */
const recentMs = 10 * 60_000;

/** A pod may take so long to be scheduled, to get its volumes and to pull its image. */
const startMs = 2 * 60_000;

/** Budget of the startup probe: period 5 s, 30 failures. Contract, deploy 2.4. */
export const startupProbeMs = 150_000;

/** `deletionTimestamp` is already the end of the grace period; a kubelet that lives is done soon after. */
const endingMs = 60_000;

/** Evicted pods stay as records until somebody deletes them; old ones say nothing of now. */
const evictedMs = 60 * 60_000;

/** Their log writer is asynchronous and is not flushed before they exit: contract, deploy 0 row 3. */
const goServices: readonly string[] = ['sts', 'gateway', 'audit'] satisfies ServiceName[];

const pullReasons: readonly string[] = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError', 'RegistryUnavailable'];

/** `exit 1`, `OOMKilled`, `exit 137, SIGKILL`. */
export function endWords({ exitCode, reason }: End): string {
  if (reason === 'OOMKilled') return 'OOMKilled';
  if (exitCode === 137) return 'exit 137, SIGKILL';
  if (exitCode === 143) return 'exit 143, SIGTERM';
  return `exit ${exitCode}`;
}

function restartWords(count: number): string {
  return count === 1 ? '1 restart' : `${count} restarts`;
}

/** How one pod of a component does at `now`, ISO 8601 by the clock of the API server. */
export function stateOf(pod: PodFacts, component: ComponentFacts, now: string): PodState {
  const state = (level: Level, kind: string, words: string, why: string): PodState => ({ pod, level, kind, words, why });
  const { container, deletedAt, phase, reason, message, createdAt } = pod;
  const warnings = (component.warnings ?? []).filter(({ object }) => object.endsWith(pod.name));
  if (deletedAt !== null) {
    const lateMs = Date.parse(now) - Date.parse(deletedAt);
    if (lateMs <= endingMs && reason !== 'NodeLost') return state('pass', 'ending', 'ending', 'The pod was deleted and is in its time of grace.');
    const held = component.workload?.kind === 'StatefulSet';
    return state(
      held ? 'fail' : 'warn',
      'Terminating',
      `Terminating ${lateMs > 0 ? `for ${milliseconds(lateMs)} too long` : 'still'}${reason === null ? '' : `, ${reason}`}; node ${pod.node ?? 'unknown'} does not end it`,
      `The pod should be gone, and the kubelet of its node does not say so: the node is lost or cannot unmount a volume.${held ? ' A StatefulSet makes no other pod of this name before.' : ''}`,
    );
  }
  if (phase === 'Failed' && reason !== null) return ofFailed(pod, component.workload, now);
  const unscheduled = pod.conditions.find(({ type, status }) => type === 'PodScheduled' && status !== 'True');
  if (unscheduled && pod.node === null) {
    const young = since(createdAt, now) < endingMs;
    return state(young ? 'warn' : 'fail', 'Pending', `Pending; ${schedulerWords(unscheduled.message) || unscheduled.reason}`, `No node takes the pod, in the words of the scheduler: ${unscheduled.message}`);
  }
  if (container?.state === 'waiting') return ofWaiting(pod, container, component, warnings, now);
  if (container?.state === 'terminated') return ofEnded(pod, container, component, warnings, container.reason ?? 'Terminated');
  if (container?.state === 'running') return ofRunning(pod, container, component, warnings, now);
  const young = since(createdAt, now) < startMs;
  return state(young ? 'warn' : 'fail', phase, `${phase} for ${milliseconds(since(createdAt, now))}${message === '' ? '' : `; ${brief(message)}`}`, `The kubelet of node ${pod.node ?? 'unknown'} says nothing of the container yet. If it stays so, the node does not work.`);
}

/** The reasons by node, without what follows them about preemption. */
function schedulerWords(message: string): string {
  return brief(message.replace(/\s*preemption:.*$/s, '').replace(/\.$/, ''));
}

function ofFailed(pod: PodFacts, workload: WorkloadFacts | null, now: string): PodState {
  const { reason, message, conditions, createdAt } = pod;
  const kind = reason ?? 'Failed';
  const endedAt = pod.container?.end?.finishedAt ?? conditions.flatMap((condition) => condition.since ?? []).toSorted().at(-1) ?? createdAt;
  const replaced = workload !== null && workload.ready >= workload.wanted;
  const level: Level = !replaced ? 'fail' : since(endedAt, now) > evictedMs ? 'pass' : 'warn';
  return {
    pod,
    level,
    kind,
    words: `${kind} ${age(endedAt, now)}${replaced ? ', replaced' : ''}${message === '' ? '' : `; ${brief(message.replace(/\.(\s.*)?$/s, ''))}`}`,
    why: `The kubelet ended the pod: ${message || kind}. ${replaced ? 'Another one took its place; this one stays as a record until it is deleted.' : 'Nothing has taken its place that is ready.'}`,
  };
}

function ofWaiting(pod: PodFacts, container: Container, component: ComponentFacts, warnings: readonly EventFacts[], now: string): PodState {
  const reason = container.reason ?? 'Waiting';
  const state = (level: Level, kind: string, words: string, why: string): PodState => ({ pod, level, kind, words, why });
  if (reason === 'CrashLoopBackOff') return ofEnded(pod, container, component, warnings, reason);
  if (pullReasons.includes(reason)) {
    const pulled = warnings.findLast(({ message }) => message.startsWith('Failed to pull image'))?.message ?? container.message;
    return state('fail', reason, `${reason}, ${container.image}${pullWords(pulled)}`, `The node cannot get the image: ${pulled || reason}`);
  }
  if (reason === 'ContainerCreating' || reason === 'PodInitializing') {
    const mount = warnings.findLast(({ reason: warned, message }) => warned === 'FailedMount' && message.startsWith('MountVolume')) ?? warnings.findLast(({ reason: warned }) => /^Failed(Mount|AttachVolume|CreatePodSandBox)$/.test(warned));
    if (mount) {
      const words = mount.message.replace(/^MountVolume\.\w+ failed for volume "[^"]*" ?: /, '');
      return state('fail', mount.reason, `${mount.reason}; ${brief(words)}`, `The container is not made before its volumes are there: ${mount.message}`);
    }
    const forMs = since(pod.startedAt ?? pod.createdAt, now);
    return forMs < startMs
      ? state('warn', reason, `${reason} for ${milliseconds(forMs)}`, 'The node prepares volumes, network and image of the pod.')
      : state('fail', reason, `${reason} for ${milliseconds(forMs)}; no warning says why`, `The node prepares the pod for longer than that takes. ${component.warnings === null ? 'Events, which would tell why, may not be listed.' : 'Events are kept for an hour.'}`);
  }
  return state('fail', reason, `${reason}${container.message === '' ? '' : `; ${brief(container.message)}`}`, `The kubelet cannot start the container: ${container.message || reason}`);
}

/** What the registry or the way to it said, in short. */
function pullWords(message: string): string {
  if (/not found|manifest unknown/i.test(message)) return '; there is no such image';
  if (/unauthorized|denied|forbidden|authorization failed/i.test(message)) return '; the registry does not let the node in';
  if (/no such host|dial tcp|timeout|connection refused|TLS|x509/i.test(message)) return '; the node does not reach the registry';
  return '';
}

/**
 * The probe for which the kubelet ended a container: one that failed at that time. Startup probes fail a
 * few times in every start, so that they count only when their budget was used up.
 */
function endingProbe(end: End | null, warnings: readonly EventFacts[]): EndingProbe | undefined {
  const finishedAt = end?.finishedAt ?? null;
  if (end === null || finishedAt === null) return undefined;
  const failed = (probe: string): boolean =>
    warnings.some(({ reason, message, lastAt }) => reason === 'Unhealthy' && message.startsWith(`${probe} probe`) && lastAt !== null && Math.abs(Date.parse(lastAt) - Date.parse(finishedAt)) < startMs);
  if (failed('Liveness')) return 'liveness';
  return failed('Startup') && end.startedAt !== null && since(end.startedAt, finishedAt) > 0.9 * startupProbeMs ? 'startup' : undefined;
}

/** It ended and is not running: it waits for its next start, in a loop or not. */
function ofEnded(pod: PodFacts, container: Container, component: ComponentFacts, warnings: readonly EventFacts[], reason: string): PodState {
  const end = container.end ?? container.lastEnd;
  const outOfMemory = end?.reason === 'OOMKilled';
  const silent = isSilent(pod, end, component);
  const by = endingProbe(end, warnings);
  const restarts = restartWords(container.restarts);
  const loop = reason === 'CrashLoopBackOff' ? [reason] : [];
  const facts = outOfMemory
    ? [`OOMKilled at ${container.memoryLimit ?? 'the limit of the node'}`, ...loop, restarts]
    : [...(loop.length > 0 ? loop : ['ended']), ...(end ? [endWords(end)] : []), restarts];
  const said = outOfMemory || by ? undefined : lastWords(pod, component);
  const conclusion = by ? `; by its ${by} probe` : silent ? '; it logged nothing' : said === undefined ? '' : `; ${brief(said, 100)}`;
  return {
    pod,
    level: 'fail',
    kind: outOfMemory ? 'OOMKilled' : loop.length > 0 ? reason : 'ended',
    words: `${facts.join(', ')}${conclusion}`,
    why: endedWhy(component.component, outOfMemory, silent, by),
    ended: { by, silent },
  };
}

function endedWhy(component: string, outOfMemory: boolean, silent: boolean, by: EndingProbe | undefined): string {
  if (outOfMemory) return 'The kernel ended the process because it took more memory than its limit.';
  if (by === 'liveness') return 'The kubelet ended the container because its liveness probe, GET /health, failed.';
  if (by === 'startup') return `The kubelet ended the container because its startup probe, GET /health, did not pass within its budget: ${component} lives and does not come to listen.`;
  return silent
    ? `${component} ends with 1 when its start fails, and usually loses the line that says why: its log writer is not flushed before it exits. Look at what it needs to start: its mounted keys, its connection strings, the stores.`
    : `The process of ${component} ends by itself; its last lines tell why.`;
}

const logLine = z.looseObject({ level: z.union([z.string(), z.number()]), msg: z.string() });

/** What the container before said of its end: the last line that tells of an error, of a log line its message. */
function lastWords(pod: PodFacts, { previousLines }: ComponentFacts): string | undefined {
  const lines = previousLines?.pod === pod.name ? previousLines.lines : [];
  return lines.flatMap((line) => (/^(panic|fatal)/i.test(line) ? [line] : errorMessage(line))).at(-1);
}

function errorMessage(line: string): readonly string[] {
  try {
    const { level, msg } = logLine.parse(JSON.parse(line));
    return ['error', 'fatal', 'panic', 50, 60].includes(level) ? [msg] : [];
  } catch {
    return [];
  }
}

/** A Go service that ended with 1 and left no line: contract, deploy 0 row 3. */
function isSilent(pod: PodFacts, end: End | null, { component, previousLines }: ComponentFacts): boolean {
  return goServices.includes(component) && end?.exitCode === 1 && previousLines?.pod === pod.name && previousLines.lines.length === 0;
}

function ofRunning(pod: PodFacts, container: Container, component: ComponentFacts, warnings: readonly EventFacts[], now: string): PodState {
  const { startedAt, restarts, lastEnd, memoryLimit } = container;
  const runsMs = startedAt === null ? 0 : since(startedAt, now);
  const ready = pod.ready && container.ready;
  const restarted = restarts > 0 && lastEnd !== null;
  const recent = restarted && runsMs < recentMs;
  const by = endingProbe(lastEnd, warnings);
  const silent = isSilent(pod, lastEnd, component);
  const again = restarted ? `${age(startedAt ?? now, now)}, ${lastEnd.reason === 'OOMKilled' ? `OOMKilled at ${memoryLimit ?? 'the limit of the node'}` : endWords(lastEnd)}, ${restartWords(restarts)}` : '';
  const outOfMemory = lastEnd?.reason === 'OOMKilled';
  const why = endedWhy(component.component, outOfMemory, silent, by);
  const byWords = by ? `; by its ${by} probe` : '';
  if (recent && !ready && restarts >= 3) {
    return { pod, level: 'fail', kind: 'restarts', words: `restarts again and again, the last ${again}${silent ? '; it logged nothing' : byWords}`, why: `It is started anew, ends, and is not ready in between. ${why}`, ended: { by, silent } };
  }
  if (recent) {
    return { pod, level: outOfMemory ? 'fail' : 'warn', kind: outOfMemory ? 'OOMKilled' : 'restarted', words: `${outOfMemory ? `OOMKilled at ${memoryLimit ?? 'the limit of the node'}, restarted ${age(startedAt ?? now, now)}, ${restartWords(restarts)}` : `restarted ${again}`}${ready ? '' : ', not ready'}${byWords}`, why, ended: { by, silent } };
  }
  if (ready) return { pod, level: 'pass', kind: 'ready', words: `ready, up ${milliseconds(runsMs)}`, why: 'Its container runs and its readiness probe passes.' };
  const probe = warnings.findLast(({ reason, message }) => reason === 'Unhealthy' && /^(Readiness|Startup) probe/.test(message));
  const probeWords = probe ? `; ${brief(probe.message.replace(/ probe failed: /, ' probe: '))}` : '';
  if (runsMs < startupProbeMs) return { pod, level: 'warn', kind: 'starting', words: `starting for ${milliseconds(runsMs)}, not ready yet${probeWords}`, why: 'The startup probe gives the service 150 s.' };
  const notReady = pod.conditions.find(({ type, status }) => (type === 'Ready' || type === 'ContainersReady') && status !== 'True');
  const forMs = notReady?.since ? since(notReady.since, now) : undefined;
  const slow = probe !== undefined && /deadline exceeded|Timeout/i.test(probe.message) ? ' Kubernetes waits 1 s for the answer, and Caracal may take 5 s to say no: a slow dependency looks like this.' : '';
  return {
    pod,
    level: component.pods.some((other) => other.ready) ? 'warn' : 'fail',
    kind: 'not ready',
    words: `not ready${forMs === undefined ? '' : ` for ${milliseconds(forMs)}`}${probeWords}`,
    why: `The process runs and its readiness probe does not pass, so that Services leave it out. Ready in the step Readiness tells the reason that ${component.component} gives.${slow}`,
  };
}
