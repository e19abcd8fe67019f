import { stat } from 'node:fs/promises';
import type { ContainerFacts, EngineFacts, ProjectFacts } from '../../model/compose.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { ComposeProject, WorkloadEvent } from '../deployment.ts';
import { Refused, Unavailable } from '../failures.ts';
import { askedOnce } from '../askedOnce.ts';
import { containerOf, digestOf, heldPorts, isOneoff, isUnwell, nameOf, numberOf, timeOf } from './containers.ts';
import type { Container } from './containers.ts';
import type { Engine, ListedContainer } from './engine.ts';
import { workloadEventOf } from './events.ts';
import { labels } from './labels.ts';
import { linesRead } from '../lastWords.ts';
import { lastLines, loggedSince } from './lastLines.ts';
import { localPath } from './localPath.ts';
import { publishedPorts } from './reach.ts';
import type { Holder } from './reach.ts';
import { readable } from './readable.ts';
import { runtimeFilesOf, runtimeHomeOf } from './runtimeFiles.ts';
import { secretFilesOf, secretFolders } from './secretFiles.ts';

const otherCount = 50;

/** Projects that the tools of Caracal make; they want the same ports. */
export const standardProjects: readonly string[] = ['caracal', 'caracal-dev'];

export interface ProjectOptions {
  readonly engine: Engine;
  readonly project: string;
  readonly redactor: Redactor;
  readonly platform: NodeJS.Platform;
}

/** One project on an engine that can be asked. Each answer of the engine is had once and shared. */
export class Project {
  readonly #options: ProjectOptions;
  readonly #inspected = new Map<string, (signal: AbortSignal) => Promise<Container>>();
  readonly #digests = new Map<string, (signal: AbortSignal) => Promise<string | null>>();
  readonly #services = new Map<string, (signal: AbortSignal) => Promise<readonly ContainerFacts[]>>();
  /** Containers of all projects and of none. */
  readonly listed: (signal: AbortSignal) => Promise<readonly ListedContainer[]>;
  readonly #engineFacts: (signal: AbortSignal) => Promise<EngineFacts>;
  readonly #projectFacts: (signal: AbortSignal) => Promise<ProjectFacts>;

  constructor(options: ProjectOptions) {
    this.#options = options;
    this.listed = askedOnce((signal) => options.engine.list(signal));
    this.#engineFacts = askedOnce((signal) => engineFacts(options.engine, signal));
    this.#projectFacts = askedOnce((signal) => this.#describe(signal));
  }

  get place(): string {
    return placeOf(this.#options.project, this.#options.engine.endpoint.host);
  }

  /** Its containers, one-offs among them, by service and number. */
  async own(signal: AbortSignal): Promise<readonly ListedContainer[]> {
    const listed = await this.listed(signal);
    return listed
      .filter(({ Labels: label }) => label?.[labels.project] === this.#options.project)
      .toSorted((one, other) => serviceOf(one).localeCompare(serviceOf(other)) || numberOf(one.Labels ?? {}) - numberOf(other.Labels ?? {}));
  }

  /** Undefined for one that is gone by now. */
  async inspected({ Id: id }: ListedContainer, signal: AbortSignal): Promise<Container | undefined> {
    const { engine, redactor } = this.#options;
    const ask = shared(this.#inspected, id, async (asking) => containerOf(await engine.inspect(id, asking), redactor));
    return unlessGone(() => ask(signal));
  }

  /** What the flow asks; see `ComposeProject`. */
  facts(): ComposeProject {
    return {
      place: this.place,
      engine: this.#engineFacts,
      project: this.#projectFacts,
      containers: (service, signal) => shared(this.#services, service, (asking) => this.#containersOf(service, asking))(signal),
      secretFiles: async (signal) => {
        this.#requireLocal('its secret files');
        const containers = await this.#all(signal);
        const folders = [...secretFolders(containers, this.#options.platform), (await this.#workingFolder(signal)) ?? []].flat();
        if (folders.length > 0 && !(await Promise.all(folders.map(isFolder))).includes(true)) throw elsewhere('its files');
        return secretFilesOf(containers, this.#options.platform);
      },
      runtimeFiles: async (signal) => {
        this.#requireLocal('its runtime files');
        const home = runtimeHomeOf(await this.#workingFolder(signal), secretFolders(await this.#all(signal), this.#options.platform));
        if (home === undefined) throw new Unavailable('no container names the folder of the project', 'start the project with caracal up');
        if (!(await isFolder(home))) throw elsewhere(`its folder ${home}`);
        return runtimeFilesOf(home);
      },
      events: (signal) => this.#events(signal),
    };
  }

  async *#events(signal: AbortSignal): AsyncGenerator<WorkloadEvent> {
    for await (const event of this.#options.engine.events(this.#options.project, signal)) {
      const told = workloadEventOf(event);
      if (told) yield told;
    }
  }

  #requireLocal(what: string): void {
    const { remote } = this.#options.engine.endpoint;
    if (remote !== undefined) throw new Unavailable(`${what} are on ${remote}, another machine`, `run this on ${remote}`);
  }

  async #all(signal: AbortSignal): Promise<readonly ContainerFacts[]> {
    const containers = await Promise.all((await this.own(signal)).map((one) => this.inspected(one, signal)));
    return containers.flatMap((one) => one?.facts ?? []);
  }

  async #containersOf(service: string, signal: AbortSignal): Promise<readonly ContainerFacts[]> {
    const own = (await this.own(signal)).filter((one) => serviceOf(one) === service);
    const containers = await Promise.all(own.map((one) => this.#complete(one, signal)));
    return containers.flatMap((one) => one ?? []);
  }

  async #complete(listed: ListedContainer, signal: AbortSignal): Promise<ContainerFacts | undefined> {
    const container = await this.inspected(listed, signal);
    if (container === undefined) return undefined;
    const { facts } = container;
    const [digest, lines] = await Promise.all([this.#digest(container, signal), this.#lastLines(container, signal)]);
    return { ...facts, image: { ...facts.image, digest }, lastLines: lines };
  }

  /** Null also for an image that was deleted meanwhile. */
  async #digest({ imageId, facts }: Container, signal: AbortSignal): Promise<string | null> {
    const { engine } = this.#options;
    const { reference } = facts.image;
    const ask = shared(this.#digests, `${imageId} ${reference}`, async (asking) => digestOf(await engine.image(imageId, asking), reference));
    return (await unlessGone(() => ask(signal))) ?? null;
  }

  async #lastLines({ facts, hasTerminal }: Container, signal: AbortSignal): Promise<string[] | null> {
    if (!isUnwell(facts)) return null;
    const { engine, redactor } = this.#options;
    try {
      const since = { tail: linesRead, sinceMs: loggedSince(facts) };
      return lastLines(await engine.logs(facts.id, since, signal), hasTerminal, redactor);
    } catch (error) {
      // A log driver that cannot be read, and a container that is gone.
      if (error instanceof Refused && /^[45]\d\d$/.test(error.code)) return null;
      throw error;
    }
  }

  async #workingFolder(signal: AbortSignal): Promise<string | undefined> {
    const folder = labelOf(await this.own(signal), labels.workingFolder);
    return folder === undefined ? undefined : localPath(folder, this.#options.platform);
  }

  async #describe(signal: AbortSignal): Promise<ProjectFacts> {
    const { engine, project } = this.#options;
    const [listed, own, volumes] = await Promise.all([this.listed(signal), this.own(signal), engine.volumes(project, signal)]);
    const wanted = await this.#wantedPorts(own, signal);
    const services: Record<string, number> = {};
    for (const one of own) {
      if (!isOneoff(one.Labels ?? {})) services[serviceOf(one)] = (services[serviceOf(one)] ?? 0) + 1;
    }
    return {
      project,
      workingFolder: labelOf(own, labels.workingFolder) ?? null,
      configFiles: (labelOf(own, labels.configFiles) ?? '').split(',').filter((path) => path !== ''),
      composeVersion: labelOf(own, labels.version) ?? null,
      services,
      others: listed
        .filter((one) => !own.includes(one) && matters(one, wanted))
        .slice(0, otherCount)
        .map((one) => ({
          name: nameOf(one.Names?.[0]),
          project: labelOf([one], labels.project) ?? null,
          service: labelOf([one], labels.service) ?? null,
          status: one.State ?? '',
          ports: [...heldPorts(one)],
          caracal: isCaracal(one),
        })),
      volumes: volumes
        .map(({ Name, CreatedAt }) => ({ name: readable(Name), createdAt: timeOf(CreatedAt) }))
        .toSorted((one, other) => one.name.localeCompare(other.name)),
    };
  }

  /** What its containers ask for, and for a service that has none what Caracal's Compose files publish. */
  async #wantedPorts(own: readonly ListedContainer[], signal: AbortSignal): Promise<ReadonlySet<number>> {
    const containers = await Promise.all(own.map((one) => this.inspected(one, signal)));
    const asked = containers.flatMap((one) => one?.facts.wantedPorts ?? []).map(({ host }) => host);
    const absent = Object.entries(publishedPorts).filter(([service]) => !own.some((one) => serviceOf(one) === service));
    return new Set([...asked, ...absent.map(([, port]) => port)]);
  }
}

/** Where a project is asked, for a person. */
export function placeOf(project: string, host: string): string {
  return `project ${project} at ${host}`;
}

/** Released images are called `…/caracal-go`, those of a checkout `localhost/caracal-go`: contract, deploy 1.1. */
export function isCaracal({ Image: image }: ListedContainer): boolean {
  return image?.includes('/caracal-') ?? false;
}

/** Containers that hold ports of the host. */
export function holdersIn(listed: readonly ListedContainer[]): readonly Holder[] {
  return listed.map((one) => ({ id: one.Id, name: nameOf(one.Names?.[0]), ports: heldPorts(one) })).filter(({ ports }) => ports.length > 0);
}

export function serviceOf(one: ListedContainer): string {
  return labelOf([one], labels.service) ?? '';
}

function labelOf(containers: readonly ListedContainer[], name: string): string | undefined {
  const value = containers.map(({ Labels: label }) => label?.[name]).find((one) => one !== undefined && one !== '');
  return value === undefined ? undefined : readable(value);
}

function matters(one: ListedContainer, wanted: ReadonlySet<number>): boolean {
  return isCaracal(one) || standardProjects.includes(one.Labels?.[labels.project] ?? '') || heldPorts(one).some((port) => wanted.has(port));
}

async function engineFacts(engine: Engine, signal: AbortSignal): Promise<EngineFacts> {
  const { host, from, passedOver } = engine.endpoint;
  const { info, version } = await engine.about(signal);
  const isPodman = version.Components?.some(({ Name }) => Name === 'Podman Engine') ?? false;
  return {
    host,
    from,
    passedOver: [...passedOver],
    version: readable(`${isPodman ? 'Podman' : 'Docker'} Engine ${version.Version ?? ''}`.trim()),
    apiVersion: readable(version.ApiVersion ?? ''),
    os: readable(info.OperatingSystem ?? ''),
    rootless: info.SecurityOptions?.includes('name=rootless') ?? false,
    at: timeOf(info.SystemTime),
  };
}

/** The question of a key, made with the first who asks it. */
function shared<Answer>(questions: Map<string, (signal: AbortSignal) => Promise<Answer>>, key: string, ask: (signal: AbortSignal) => Promise<Answer>): (signal: AbortSignal) => Promise<Answer> {
  let question = questions.get(key);
  if (question === undefined) {
    question = askedOnce(ask);
    questions.set(key, question);
  }
  return question;
}

async function unlessGone<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Refused && error.code === '404') return undefined;
    throw error;
  }
}

/** A socket that is forwarded from another machine, or shared with a container that this runs in. */
function elsewhere(what: string): Unavailable {
  return new Unavailable(`${what}: not on this machine`, 'run this where the project was started');
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
