import type { ServerResponse } from 'node:http';
import type { Pod } from './objects.ts';
import { badRequest, invalid } from './status.ts';

export interface LogLine {
  /** RFC 3339 with nanoseconds, as the container runtime notes it. */
  readonly time: string;
  readonly text: string;
}

/** What one run of a container has written. */
export class ContainerLog {
  readonly #lines: LogLine[] = [];
  readonly #listeners = new Set<{ line(line: LogLine): void; end(): void }>();
  #ended = false;

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  append(text: string, time = new Date()): void {
    const line = { time: `${time.toISOString().slice(0, 23)}${String(this.#lines.length % 1_000_000).padStart(6, '0')}Z`, text };
    this.#lines.push(line);
    for (const listener of [...this.#listeners]) listener.line(line);
  }

  /** The container has terminated: nobody gets more lines. */
  end(): void {
    this.#ended = true;
    for (const listener of [...this.#listeners]) listener.end();
    this.#listeners.clear();
  }

  /** @returns ends it */
  follow(listener: { line(line: LogLine): void; end(): void }): () => void {
    if (this.#ended) listener.end();
    else this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/** The logs of all containers: of the run that goes on and of the one before it. */
export class PodLogs {
  readonly #runs = new Map<string, { current: ContainerLog; previous?: ContainerLog }>();

  current(pod: Pod, container: string): ContainerLog {
    return this.#of(pod, container).current;
  }

  previous(pod: Pod, container: string): ContainerLog | undefined {
    return this.#of(pod, container).previous;
  }

  /** What the container wrote becomes the previous log; its next run starts with an empty one. */
  restart(pod: Pod, container: string): void {
    const runs = this.#of(pod, container);
    runs.current.end();
    runs.previous = runs.current;
    runs.current = new ContainerLog();
  }

  /** The pod is gone: who follows one of its logs sees the end. */
  forget(pod: Pod): void {
    for (const { name } of pod.spec.containers) {
      this.#runs.get(key(pod, name))?.current.end();
      this.#runs.delete(key(pod, name));
    }
  }

  #of(pod: Pod, container: string): { current: ContainerLog; previous?: ContainerLog } {
    const runs = this.#runs.get(key(pod, container)) ?? { current: new ContainerLog() };
    this.#runs.set(key(pod, container), runs);
    return runs;
  }
}

const key = ({ metadata }: Pod, container: string): string => `${metadata.uid}/${container}`;

/**
 * The log that the kubelet would read (kubernetes pkg/kubelet/kubelet_pods.go, validateContainerLogStatus).
 *
 * @returns undefined for a pod that runs nowhere
 * @throws Refusal in the kubelet's words
 */
export function chooseLog(pod: Pod, query: URLSearchParams, logs: PodLogs): ContainerLog | undefined {
  const podName = pod.metadata.name;
  const names = pod.spec.containers.map(({ name }) => name);
  const container = query.get('container') ?? '';
  if (container === '' && names.length > 1) throw badRequest(`a container name must be specified for pod ${podName}, choose one of: [${names.join(' ')}]`);
  const name = container === '' ? names[0] ?? '' : container;
  if (!names.includes(name)) throw badRequest(`container ${name} is not valid for pod ${podName}`);
  if (pod.spec.nodeName === undefined) return undefined;
  const words = `container "${name}" in pod "${podName}"`;
  const status = pod.status.containerStatuses?.find((candidate) => candidate.name === name);
  if (status === undefined) throw badRequest(`${words} is not available`);
  const { state: { running, terminated, waiting }, lastState } = status;
  const previous = lastState.terminated === undefined ? undefined : logs.previous(pod, name) ?? new ContainerLog();
  if (query.get('previous') === 'true') {
    if (previous === undefined) throw badRequest(`previous terminated ${words} not found`);
    return previous;
  }
  if (running !== undefined || terminated !== undefined) return logs.current(pod, name);
  if (previous !== undefined) return previous;
  const reason = waiting?.reason ?? '';
  if (reason === 'ErrImagePull') throw badRequest(`${words} is waiting to start: image can't be pulled`);
  if (reason === 'ImagePullBackOff') throw badRequest(`${words} is waiting to start: trying and failing to pull image`);
  throw badRequest(`${words} is waiting to start${reason === '' ? ' - no logs yet' : `: ${reason}`}`);
}

export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  /** Lines from the end. */
  readonly tail: number | undefined;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly limitBytes: number;
}

/** @throws Refusal for contradictory or impossible options, in the API server's words */
export function logOptions({ metadata: { name } }: Pod, query: URLSearchParams): LogOptions {
  const number = (option: string, least: number): number | undefined => {
    const text = query.get(option);
    if (text === null || text === '') return undefined;
    if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
    const value = Number(text);
    if (value < least) throw invalid('PodLogOptions', name, option, `Invalid value: ${value}: must be ${least === 0 ? 'greater than or equal to 0' : 'greater than 0'}`);
    return value;
  };
  const [tail, limitBytes, sinceSeconds] = [number('tailLines', 0), number('limitBytes', 1), number('sinceSeconds', 1)];
  const sinceTime = query.get('sinceTime') ?? '';
  if (sinceTime !== '' && Number.isNaN(Date.parse(sinceTime))) {
    throw badRequest(`parsing time "${sinceTime}" as "2006-01-02T15:04:05Z07:00": cannot parse "${sinceTime}" as "2006"`);
  }
  if (sinceTime !== '' && sinceSeconds !== undefined) throw invalid('PodLogOptions', name, '[]', 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified');
  // The kubelet is told whole seconds: lines of the same second come again.
  const wholeSecond = Math.floor(Date.parse(sinceTime) / 1000) * 1000;
  const from = sinceTime !== '' ? wholeSecond : sinceSeconds === undefined ? -Infinity : Date.now() - sinceSeconds * 1000;
  return { follow: query.get('follow') === 'true', timestamps: query.get('timestamps') === 'true', tail, from, limitBytes: limitBytes ?? Infinity };
}

/**
 * Writes the log into the response, and with `follow` all that comes until the container ends.
 *
 * @returns resolves when the response has ended or was closed
 */
export function serveLog(log: ContainerLog, { follow, timestamps, tail, from, limitBytes }: LogOptions, response: ServerResponse): Promise<void> {
  let left = limitBytes;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let unfollow: () => void = () => undefined;
  const end = (): void => {
    unfollow();
    response.end();
    resolve(undefined);
  };
  const write = ({ time, text }: LogLine): void => {
    if (Date.parse(time) < from) return;
    const bytes = Buffer.from(timestamps ? `${time} ${text}\n` : `${text}\n`).subarray(0, left);
    left -= bytes.length;
    response.write(bytes);
    if (left <= 0) end();
  };
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.on('close', end);
  const lines = log.lines;
  for (const line of tail === undefined ? [...lines] : lines.slice(Math.max(0, lines.length - tail))) if (left > 0) write(line);
  response.flushHeaders();
  if (!follow) end();
  else if (!response.writableEnded) unfollow = log.follow({ line: write, end });
  return promise;
}
