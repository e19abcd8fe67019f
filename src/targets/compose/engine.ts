import { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import Docker from 'dockerode';
import { refusedBy } from '../endpoints/sockets.ts';
import { Refused } from '../failures.ts';
import type { EngineEndpoint } from './engineEndpoint.ts';
import { readingModem } from './transport.ts';
import type { ReadingModem } from './transport.ts';

/** How long one call may take. A frozen engine takes connections and never answers. */
export const callDeadlineMs = 4_000;

/** Of the stream of events; the labels of a container stand in each. */
const longestLine = 1024 * 1024;

/**
 * What is read of the engine's answers. Engines that stand in for Docker leave fields out or give null,
 * so hardly anything is taken for granted.
 */
export interface ListedContainer {
  readonly Id: string;
  readonly Names?: readonly string[] | null;
  readonly Image?: string | null;
  readonly State?: string | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Ports?: readonly { readonly IP?: string | null; readonly PrivatePort?: number | null; readonly PublicPort?: number | null; readonly Type?: string | null }[] | null;
}

type PortMap = Readonly<Record<string, readonly { readonly HostIp?: string | null; readonly HostPort?: string | null }[] | null | undefined>>;

export interface InspectedContainer {
  readonly Id: string;
  readonly Name?: string | null;
  readonly Created?: string | null;
  readonly Image?: string | null;
  readonly RestartCount?: number | null;
  readonly State?: {
    readonly Status?: string | null;
    readonly ExitCode?: number | null;
    readonly OOMKilled?: boolean | null;
    readonly Error?: string | null;
    readonly StartedAt?: string | null;
    readonly FinishedAt?: string | null;
    readonly Health?: {
      readonly Status?: string | null;
      readonly FailingStreak?: number | null;
      readonly Log?: readonly { readonly Start?: string | null; readonly ExitCode?: number | null; readonly Output?: string | null }[] | null;
    } | null;
  } | null;
  readonly Config?: {
    readonly Image?: string | null;
    readonly Tty?: boolean | null;
    readonly Env?: readonly string[] | null;
    readonly Labels?: Readonly<Record<string, string>> | null;
  } | null;
  readonly HostConfig?: {
    readonly PortBindings?: PortMap | null;
    readonly ReadonlyRootfs?: boolean | null;
    readonly Memory?: number | null;
    readonly RestartPolicy?: { readonly Name?: string | null } | null;
  } | null;
  readonly NetworkSettings?: {
    readonly Ports?: PortMap | null;
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string | null; readonly Aliases?: readonly string[] | null } | null>> | null;
  } | null;
  readonly Mounts?: readonly {
    readonly Type?: string | null;
    readonly Name?: string | null;
    readonly Source?: string | null;
    readonly Destination?: string | null;
    readonly RW?: boolean | null;
  }[] | null;
}

export interface InspectedImage {
  readonly RepoDigests?: readonly string[] | null;
}

export interface ListedVolume {
  readonly Name: string;
  readonly CreatedAt?: string | null;
}

export interface AboutEngine {
  readonly info: { readonly SystemTime?: string | null; readonly OperatingSystem?: string | null; readonly SecurityOptions?: readonly string[] | null };
  readonly version: { readonly Version?: string | null; readonly ApiVersion?: string | null; readonly Components?: readonly { readonly Name?: string | null }[] | null };
}

export interface EngineEvent {
  readonly Action?: string | null;
  readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> | null } | null;
}

/** Which part of a log. */
export interface LogPart {
  /** Seconds since 1970, a point, nine digits. */
  readonly since: string | undefined;
  readonly tail: number | undefined;
  readonly follow: boolean;
}

/**
 * A Docker Engine, read by GET. Every call has a deadline.
 *
 * All methods throw Refused with an errno, ETIMEDOUT past the deadline, a TLS code, the HTTP status or
 * NOT_DOCKER; the signal's reason when it or that of the constructor is aborted.
 */
export class Engine {
  readonly endpoint: EngineEndpoint;
  readonly #closed: AbortSignal;

  constructor(endpoint: EngineEndpoint, closed: AbortSignal) {
    this.endpoint = endpoint;
    this.#closed = closed;
  }

  /** Containers of all projects and of none, running or not. */
  async list(signal: AbortSignal): Promise<readonly ListedContainer[]> {
    const answer = await this.#ask(signal, (docker) => docker.listContainers({ all: true }));
    if (!Array.isArray(answer)) throw notDocker();
    return answer.map((one) => record(one) as ListedContainer);
  }

  async inspect(id: string, signal: AbortSignal): Promise<InspectedContainer> {
    return record(await this.#ask(signal, (docker) => docker.getContainer(plainId(id)).inspect())) as InspectedContainer;
  }

  async image(id: string, signal: AbortSignal): Promise<InspectedImage> {
    return record(await this.#ask(signal, (docker) => docker.getImage(plainId(id)).inspect()));
  }

  /** Volumes that Compose made for a project. */
  async volumes(project: string, signal: AbortSignal): Promise<readonly ListedVolume[]> {
    const filters = { label: [`com.docker.compose.project=${project}`] };
    const answer: { readonly Volumes?: readonly ListedVolume[] | null } = record(await this.#ask(signal, (docker) => docker.listVolumes({ filters })));
    return answer.Volumes ?? [];
  }

  async about(signal: AbortSignal): Promise<AboutEngine> {
    const [info, version] = await Promise.all([this.#ask(signal, (docker) => docker.info()), this.#ask(signal, (docker) => docker.version())]);
    return { info: record(info), version: record(version) };
  }

  /** The end of what a container logged since a time, as the engine sends it: framed, unless the container has a terminal. */
  async logs(id: string, { tail, sinceMs }: { readonly tail: number; readonly sinceMs: number }, signal: AbortSignal): Promise<Buffer> {
    const answer = await this.#ask(signal, (docker) => docker.getContainer(plainId(id)).logs({ follow: false, stdout: true, stderr: true, tail, since: sinceMs / 1_000 }));
    if (!Buffer.isBuffer(answer)) throw notDocker();
    return answer;
  }

  /**
   * What a container logs, each line with its stamp: framed, unless it has a terminal. Ends when the engine
   * ends it; the deadline is that of its beginning, or of each piece where nothing is followed.
   */
  async *log(id: string, { since, tail, follow }: LogPart, signal: AbortSignal): AsyncGenerator<Buffer> {
    // Not by dockerode, which takes whole seconds, and reads a log that is not followed as one piece.
    const call = { method: 'GET', path: `/containers/${plainId(id)}/logs?`, options: { stdout: true, stderr: true, timestamps: true, since, tail, follow }, isStream: true };
    const stream = await this.#ask(signal, (_, modem) => modem.get(call));
    if (!(stream instanceof IncomingMessage)) throw notDocker();
    if (!follow) stream.setTimeout(callDeadlineMs, () => stream.destroy(silent()));
    yield* this.#pieces(stream, signal);
  }

  /**
   * What happens to the containers of a project from now on. Ends when the engine ends the stream; the
   * deadline is that of its beginning.
   */
  async *events(project: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const filters = JSON.stringify({ type: ['container'], label: [`com.docker.compose.project=${project}`] });
    const stream = await this.#ask(signal, (docker) => docker.getEvents({ filters }));
    if (!(stream instanceof IncomingMessage)) throw notDocker();
    try {
      for await (const line of linesOf(this.#pieces(stream, signal))) yield record(JSON.parse(line));
    } catch (error) {
      throw error instanceof SyntaxError ? notDocker() : error;
    }
  }

  async *#pieces(stream: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer> {
    try {
      for await (const piece of stream as AsyncIterable<Buffer>) yield piece;
    } catch (error) {
      AbortSignal.any([signal, this.#closed]).throwIfAborted();
      throw error instanceof Refused ? error : refusedBy(error);
    } finally {
      stream.destroy();
    }
  }

  async #ask(signal: AbortSignal, question: (docker: Docker, modem: ReadingModem) => Promise<unknown>): Promise<unknown> {
    const ended = AbortSignal.any([signal, this.#closed]);
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), callDeadlineMs);
    const modem = readingModem(this.endpoint, AbortSignal.any([ended, silence.signal]));
    const options: Docker.DockerOptions & { readonly modem: object } = { modem };
    try {
      return await question(new Docker(options), modem);
    } catch (error) {
      ended.throwIfAborted();
      if (silence.signal.aborted) throw silent();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The engine gave no answer in time. */
export function silent(): Refused {
  return new Refused('ETIMEDOUT', `it did not answer within ${callDeadlineMs / 1_000} s`);
}

function notDocker(): Refused {
  return new Refused('NOT_DOCKER', 'it does not answer as a Docker Engine');
}

function record(answer: unknown): object {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer) || Buffer.isBuffer(answer)) throw notDocker();
  return answer;
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) throw notDocker();
    yield* lines.filter((line) => line.trim() !== '');
  }
}

/** dockerode puts an id into the path as it is. */
function plainId(id: string): string {
  if (!/^(?:sha256:)?[0-9a-f]{12,64}$/.test(id)) throw notDocker();
  return id;
}
