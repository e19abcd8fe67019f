/** One line of a log, as what runs the container hands it out. */
export interface StampedLine {
  /** When it was taken from the process: RFC 3339, as precise as the runtime is. */
  readonly stamp: string;
  /** What the process wrote it to; undefined where the runtime does not tell. */
  readonly stream: 'stdout' | 'stderr' | undefined;
  /** Without the newline at its end. */
  readonly bytes: Buffer;
}

/** A container that logs. It stays the same one while it is restarted. */
export interface LoggingContainer {
  /** Of a Docker container its id, of a pod its uid and the container's name. */
  readonly id: string;
  /** `sts`, `postgres`: of several of one component each has this. */
  readonly component: string;
  /** Tells it from others of its component. */
  readonly name: string;
  /** Changes with every start; empty before the first. */
  readonly run: string;
  readonly isRunning: boolean;
  /** How the last run ended, `exit code 137`; undefined while it runs. */
  readonly end: string | undefined;
  /** When the last run that is over ended, RFC 3339; where each run has a log of its own it is left out. */
  readonly endedAt?: string;
}

export interface LogQuestion {
  /** From this stamp on, itself included; a runtime that only knows whole seconds begins with the second. */
  readonly since?: string;
  /** No more than so many lines at the end of what there is. */
  readonly tail?: number;
  /** Goes on with what comes, until the container ends or the stream is lost. */
  readonly follow: boolean;
  /** Of the run before this one, where that has a log of its own. */
  readonly previous?: boolean;
}

/**
 * The logs of what runs a deployment. All methods throw Refused with an errno, ETIMEDOUT, a TLS code, the HTTP
 * status of the engine or the `reason` of the API server; Unavailable where it cannot be asked or forbids it;
 * the signal's reason when it is aborted.
 */
export interface ContainerLogs {
  /** Whether each run of a container has a log of its own, of which only the last two are kept. */
  readonly logPerRun: boolean;
  /** Containers of all components, one-offs among them, running or not. */
  containers(signal: AbortSignal): Promise<readonly LoggingContainer[]>;
  /** Lines in pieces, as they come. */
  lines(container: LoggingContainer, question: LogQuestion, signal: AbortSignal): AsyncIterable<readonly StampedLine[]>;
  /** Yields when containers may be others than before. Ends when the way to the events is lost. */
  changes(signal: AbortSignal): AsyncIterable<unknown>;
  close(): void;
}
