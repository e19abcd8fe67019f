import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { eventually } from '../eventually.ts';
import { ignoring } from './errors.ts';
import {
  type ComposeService, COMPOSE_SERVICES, containerBody, type Definition, type Definitions, definitions, networkName, ONE_SHOTS, type ProjectPlace,
  resourceLabels, VOLUMES, volumeName,
} from './project.ts';

const HEALTHY_LIMIT_MS = 60_000;
/** Between two runs of a test while the service starts (contract, deploy 1.3). */
const START_INTERVAL_MS = 250;

/** What of a service's definition is to be other than by default. */
export type Changes = Partial<Definition>;

/** Does to an engine what Docker Compose does for one project (contract, deploy 1.7). */
export class Compose {
  readonly docker: Docker;
  readonly place: ProjectPlace;
  #definitions: Definitions;

  constructor(docker: Docker, place: ProjectPlace) {
    this.docker = docker;
    this.place = place;
    this.#definitions = definitions(place);
  }

  get definitions(): Definitions {
    return this.#definitions;
  }

  container(service: ComposeService, number = 1): Docker.Container {
    return this.docker.getContainer(`${this.place.name}-${service}-${String(number)}`);
  }

  /** Creates the network, the volumes, and a container for each service, and starts none. */
  async create(): Promise<void> {
    const { name } = this.place;
    await this.docker.createNetwork({ Name: networkName(name), Driver: 'bridge', CheckDuplicate: true, Labels: resourceLabels(name, 'network', 'caracalData') });
    await Promise.all(VOLUMES.map((volume) => this.docker.createVolume({ Name: volumeName(name, volume), Labels: resourceLabels(name, 'volume', volume) })));
    await Promise.all(COMPOSE_SERVICES.map((service) => this.createContainer(service)));
  }

  /** Changes what the next container of the service will be. */
  change(service: ComposeService, changes: Changes): void {
    this.#definitions = { ...this.#definitions, [service]: { ...this.#definitions[service], ...changes } };
  }

  /** @param options number of the replica, or the short id of a one-off container as `run` creates it */
  async createContainer(service: ComposeService, options: { number?: number; run?: string; changes?: Changes } = {}): Promise<Docker.Container> {
    const { changes, ...which } = options;
    const definition = { ...this.#definitions[service], ...changes };
    const { Id: imageId } = await this.docker.getImage(definition.image).inspect();
    return this.docker.createContainer(containerBody(this.place, service, definition, { imageId, ...which }));
  }

  /**
   * Starts each of the services once what it waits for is as it is to be; those that wait for another
   * one that is not among them start at once.
   *
   * @throws Error of the service that does not start, become healthy or succeed; what waits for it stays created
   */
  async start(services: readonly ComposeService[]): Promise<void> {
    const up = new Map<ComposeService, Promise<void>>();
    const starting = (service: ComposeService): Promise<void> => {
      const known = up.get(service);
      if (known !== undefined) return known;
      const awaited = Object.keys(this.#definitions[service].dependsOn).filter((name): name is ComposeService => services.some((other) => other === name));
      const work = Promise.all(awaited.map(starting)).then(() => this.#startOne(service));
      up.set(service, work);
      return work;
    };
    const outcomes = await Promise.allSettled(services.map(starting));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /**
   * Replaces the service's container by one with these changes, which stay, and starts it.
   *
   * @throws Error of the engine when it cannot be started; it stays created
   */
  async recreate(service: ComposeService, changes: Changes = {}): Promise<Docker.Container> {
    const container = await this.replace(service, changes);
    await container.start();
    return container;
  }

  /** Replaces the service's container by one with these changes, which stay, that is not started. */
  async replace(service: ComposeService, changes: Changes = {}): Promise<Docker.Container> {
    await this.remove(service);
    this.change(service, changes);
    return this.createContainer(service);
  }

  async remove(service: ComposeService, number = 1): Promise<void> {
    await ignoring(404, this.container(service, number).remove({ force: true }));
  }

  /** `rm -f`: what has ended goes; one-shots are what has (contract, deploy 0, fact 2). */
  async removeOneShots(): Promise<void> {
    await Promise.all(ONE_SHOTS.map((service) => this.remove(service)));
  }

  /**
   * Resolves once the service's own test passes, asked here: an engine that knows no start interval
   * would say so only after the full interval.
   *
   * @throws Error with its log when the container ends instead
   */
  async untilReady(service: ComposeService): Promise<void> {
    if (this.#definitions[service].healthcheck === undefined) return;
    const container = this.container(service);
    await eventually(`${service} is ready`, async () => {
      const { State: state } = await container.inspect();
      if (!state.Running) throw new Error(`${service} ended with ${String(state.ExitCode)}: ${state.Error}\n${await logOf(container)}`);
      const passed = await this.#passesItsTest(service);
      if (!passed) await delay(START_INTERVAL_MS);
      return passed;
    }, HEALTHY_LIMIT_MS);
  }

  /**
   * Resolves once the engine has seen what is: tests are asked every few seconds, so that for a while after a change
   * it is a matter of chance what it says.
   */
  async untilHealthTells(): Promise<void> {
    const tested = Object.entries(this.#definitions).filter(([, { healthcheck }]) => healthcheck !== undefined).map(([service]) => service as ComposeService);
    await Promise.all(tested.map((service) => eventually(`the engine knows how ${service} is`, async () => {
      const state = await this.container(service).inspect().then(({ State }) => State, () => undefined);
      if (state === undefined || !state.Running || state.Paused || state.Restarting) return true;
      const { Status: status, FailingStreak: streak = 0 } = state.Health ?? {};
      if (status === 'unhealthy' || streak >= 2) return true;
      const passed = await this.#passesItsTest(service);
      return passed ? status === 'healthy' && streak === 0 : status === 'starting';
    }, HEALTHY_LIMIT_MS)));
  }

  /** The service's own test; what /healthcheck asks inside is asked from outside, which costs no process. */
  async #passesItsTest(service: ComposeService): Promise<boolean> {
    const { healthcheck, port } = this.#definitions[service];
    const [kind, ...words] = healthcheck?.test ?? [];
    if (kind === 'CMD-SHELL') return await exitCodeOf(this.container(service), ['/bin/sh', '-c', ...words]) === 0;
    return isGood(`http://127.0.0.1:${String(port?.[0])}/${service === 'web' ? 'health' : 'ready'}`);
  }

  /** Resolves once the service answers with anything on its host port. */
  async untilAnswers(service: ComposeService): Promise<void> {
    const url = `http://127.0.0.1:${String(this.#definitions[service].port?.[0])}/health`;
    await eventually(`${service} answers`, () => fetch(url, { signal: AbortSignal.timeout(1000) }).then((response) => response.text().then(() => true), () => false));
  }

  /** Resolves once the engine calls these services healthy. */
  async untilHealthy(services: readonly ComposeService[]): Promise<void> {
    await Promise.all(services.map((service) => eventually(`${service} is healthy`, async () => (await this.container(service).inspect()).State.Health?.Status === 'healthy', HEALTHY_LIMIT_MS)));
  }

  /** Removes all containers of the project, its volumes and its network, whoever created them. */
  async down(): Promise<void> {
    await removeProject(this.docker, this.place.name);
  }

  async #startOne(service: ComposeService): Promise<void> {
    const container = this.container(service);
    await container.start();
    if (!ONE_SHOTS.includes(service)) {
      await this.untilReady(service);
      return;
    }
    const { StatusCode: code } = await container.wait() as { StatusCode: number };
    if (code !== 0) throw new Error(`${service} ended with ${String(code)}:\n${await logOf(container)}`);
  }
}

/** What a container has logged, both streams, without the engine's frames. */
export async function logOf(container: Docker.Container): Promise<string> {
  const frames = await container.logs({ stdout: true, stderr: true, follow: false });
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= frames.length;) {
    const length = frames.readUInt32BE(at + 4);
    parts.push(frames.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Exit code of a command inside of a running container. */
export async function exitCodeOf(container: Docker.Container, command: readonly string[]): Promise<number | null> {
  const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
  const output = await exec.start({});
  output.resume();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  output.once('close', () => resolve(undefined));
  output.once('end', () => resolve(undefined));
  await promise;
  return (await exec.inspect()).ExitCode;
}

async function isGood(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then((response) => response.text().then(() => response.status < 400), () => false);
}

async function removeProject(docker: Docker, name: string): Promise<void> {
  const filters = { label: [`com.docker.compose.project=${name}`] };
  const containers = await docker.listContainers({ all: true, filters });
  await Promise.all(containers.map(({ Id: id }) => ignoring(404, docker.getContainer(id).remove({ force: true, v: true }))));
  await Promise.all(VOLUMES.map((volume) => ignoring(404, docker.getVolume(volumeName(name, volume)).remove())));
  await ignoring(404, docker.getNetwork(networkName(name)).remove());
}
