import type { ContainerFacts } from '../../model/compose.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { InspectedContainer, InspectedImage, ListedContainer } from './engine.ts';
import { labels } from './labels.ts';
import type { Reachable } from './reach.ts';
import { readable } from './readable.ts';

type Port = ContainerFacts['ports'][number];

/** A container as it is inspected, and what is not a fact for a report. */
export interface Container {
  /** Without the digest of the image and the last lines, which have to be asked for. */
  readonly facts: ContainerFacts;
  /** Names under which the other containers of its networks know it. */
  readonly aliases: readonly string[];
  readonly imageId: string;
  readonly hasTerminal: boolean;
}

const statuses: Readonly<Record<string, ContainerFacts['status']>> = {
  created: 'created',
  running: 'running',
  paused: 'paused',
  restarting: 'restarting',
  removing: 'removing',
  exited: 'exited',
  dead: 'dead',
  stopping: 'stopping',
  // Podman has words of its own.
  configured: 'created',
  initialized: 'created',
  stopped: 'exited',
};

const outputLimit = 300;
/** PATH_MAX of Linux. */
const pathLimit = 4_096;

/** Facts of a container, of its environment CARACAL_MODE alone. What programs wrote goes through the redactor. */
export function containerOf(inspected: InspectedContainer, redactor: Redactor): Container {
  const { State: state, Config: config, HostConfig: host, NetworkSettings: network } = inspected;
  const label = config?.Labels ?? {};
  const reference = readable(config?.Image ?? '');
  const networks = Object.entries(network?.Networks ?? {}).toSorted(([one], [other]) => one.localeCompare(other));
  const facts: ContainerFacts = {
    id: inspected.Id,
    name: nameOf(inspected.Name),
    project: readable(label[labels.project] ?? ''),
    service: readable(label[labels.service] ?? ''),
    number: numberOf(label),
    oneoff: isOneoff(label),
    status: statusOf(state?.Status),
    exitCode: state?.ExitCode ?? 0,
    oomKilled: state?.OOMKilled ?? false,
    error: said(state?.Error, redactor),
    createdAt: timeOf(inspected.Created) ?? '',
    startedAt: timeOf(state?.StartedAt),
    finishedAt: timeOf(state?.FinishedAt),
    restarts: inspected.RestartCount ?? 0,
    restartPolicy: host?.RestartPolicy?.Name || 'no',
    health: healthOf(state?.Health, redactor),
    image: {
      reference,
      tag: tagOf(reference),
      id: inspected.Image ?? '',
      digest: null,
      version: label['org.opencontainers.image.version'] || null,
      revision: label['org.opencontainers.image.revision'] || null,
    },
    wantedPorts: portsOf(host?.PortBindings),
    ports: portsOf(network?.Ports),
    networks: networks.map(([name, attached]) => ({ name: readable(name), address: attached?.IPAddress ?? '' })),
    mounts: mountsOf(inspected.Mounts),
    readOnlyRoot: host?.ReadonlyRootfs ?? false,
    memoryLimitBytes: host?.Memory || null,
    dependsOn: dependenciesOf(label[labels.dependsOn]),
    configHash: label[labels.configHash] || null,
    mode: modeOf(config?.Env),
    lastLines: null,
  };
  return {
    facts,
    aliases: networks.flatMap(([, attached]) => attached?.Aliases ?? []),
    imageId: inspected.Image ?? '',
    hasTerminal: config?.Tty ?? false,
  };
}

/** `sha256:…` of the repository that the image came from or went to. */
export function digestOf({ RepoDigests: digests }: InspectedImage, reference: string): string | null {
  const repository = reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  const all = digests ?? [];
  const digest = all.find((one) => one.startsWith(`${repository}@`)) ?? all[0];
  return digest?.split('@')[1] ?? null;
}

/** Whether what a container logged last may say why it does not run as it should. */
export function isUnwell({ status, exitCode, error, health }: ContainerFacts): boolean {
  switch (status) {
    case 'exited':
      return exitCode !== 0;
    case 'restarting':
    case 'dead':
      return true;
    case 'created':
      return error !== '';
    default:
      return health?.status === 'unhealthy';
  }
}

export function nameOf(name: string | null | undefined): string {
  return readable((name ?? '').replace(/^\//, ''));
}

/** How a container is reached, by its inspection or, where that was not to be had, by the list. */
export function reachableOf(listed: ListedContainer, inspected: Container | undefined): Reachable {
  if (inspected) return { ...inspected.facts, aliases: inspected.aliases };
  const label = listed.Labels ?? {};
  const ports = (listed.Ports ?? []).flatMap(({ IP, PrivatePort, PublicPort, Type }) =>
    PrivatePort && PublicPort ? [{ container: PrivatePort, protocol: Type ?? 'tcp', hostIp: IP ?? '', host: PublicPort }] : [],
  );
  return {
    id: listed.Id,
    name: nameOf(listed.Names?.[0]),
    service: readable(label[labels.service] ?? ''),
    number: numberOf(label),
    oneoff: isOneoff(label),
    status: statusOf(listed.State),
    error: '',
    ports,
    wantedPorts: [],
    networks: [],
    aliases: [],
  };
}

/** Host ports that a listed container holds. */
export function heldPorts({ Ports: ports }: ListedContainer): readonly number[] {
  return [...new Set((ports ?? []).flatMap(({ PublicPort }) => (PublicPort ? [PublicPort] : [])))];
}

export function numberOf(label: Readonly<Record<string, string>>): number {
  return Number.parseInt(label[labels.number] ?? '', 10) || 1;
}

export function isOneoff(label: Readonly<Record<string, string>>): boolean {
  return label[labels.oneoff]?.toLowerCase() === 'true';
}

function statusOf(status: string | null | undefined): ContainerFacts['status'] {
  return statuses[status ?? ''] ?? 'exited';
}

function modeOf(environment: readonly string[] | null | undefined): string | null {
  const variable = environment?.find((one) => one.startsWith('CARACAL_MODE='));
  return readable(variable?.slice('CARACAL_MODE='.length) ?? '') || null;
}

function healthOf(health: NonNullable<InspectedContainer['State']>['Health'], redactor: Redactor): ContainerFacts['health'] {
  const status = health?.Status;
  if (status !== 'starting' && status !== 'healthy' && status !== 'unhealthy') return null;
  const log = (health?.Log ?? []).slice(-5).map(({ Start, ExitCode, Output }) => ({ at: timeOf(Start) ?? '', exitCode: ExitCode ?? 0, output: said(Output, redactor) }));
  return { status, failingStreak: health?.FailingStreak ?? 0, log };
}

function said(text: string | null | undefined, redactor: Redactor): string {
  return readable(redactor.text((text ?? '').slice(0, 10 * outputLimit)).trim(), outputLimit);
}

/** In an order of their own: the engine's changes from one answer to the next. */
function mountsOf(mounts: InspectedContainer['Mounts']): ContainerFacts['mounts'] {
  const all = (mounts ?? []).map(({ Type, Name, Source, Destination, RW }) => ({
    type: Type ?? '',
    name: Name || null,
    source: readable(Source ?? '', pathLimit),
    destination: readable(Destination ?? '', pathLimit),
    writable: RW ?? false,
  }));
  return all.toSorted((one, other) => one.destination.localeCompare(other.destination));
}

/** Ports that are left to the engine to choose are not among what is asked for. */
function portsOf(map: NonNullable<InspectedContainer['NetworkSettings']>['Ports']): Port[] {
  const all = Object.entries(map ?? {}).flatMap(([name, bindings]) => {
    const [, port, protocol = 'tcp'] = /^(\d{1,5})(?:\/(\w+))?$/.exec(name) ?? [];
    return (bindings ?? []).flatMap(({ HostIp, HostPort }) => {
      const host = Number(HostPort);
      return port !== undefined && Number.isInteger(host) && host > 0 ? [{ container: Number(port), protocol, hostIp: HostIp ?? '', host }] : [];
    });
  });
  return all.toSorted((one, other) => one.container - other.container || one.hostIp.localeCompare(other.hostIp));
}

function tagOf(reference: string): string | null {
  return /:([^/:]+)$/.exec(reference.replace(/@.*$/, ''))?.[1] ?? null;
}

/** `postgres:service_healthy:false,redis:service_healthy:false`; the condition is kept as Compose calls it. */
function dependenciesOf(label: string | undefined): ContainerFacts['dependsOn'] {
  return (label ?? '').split(',').flatMap((entry) => {
    const [service = '', condition = ''] = entry.split(':');
    return service === '' ? [] : [{ service: readable(service), condition: readable(condition) }];
  });
}

/** Null for Go's zero time, which stands for never. */
export function timeOf(text: string | null | undefined): string | null {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) || time < 0 ? null : new Date(time).toISOString();
}
