import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, posix } from 'node:path';
import type { ComposeTarget } from '../../model/target.ts';
import { Unavailable } from '../failures.ts';
import { isLoopback } from '../secretsFolder.ts';
import { fileProblem, readSmallFile } from '../smallFile.ts';

/** Configuration and certificates of Docker are far smaller. */
const largestFileBytes = 1024 * 1024;

const defaultHosts = { unix: 'unix:///var/run/docker.sock', windows: 'npipe:////./pipe/docker_engine' } as const;

export interface EngineTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** False where Docker is told not to verify either. */
  readonly verify: boolean;
}

/** Where a Docker Engine is asked. */
export interface EngineEndpoint {
  /** As in DOCKER_HOST, without a user or password. */
  readonly host: string;
  /** What made it the one: `DOCKER_HOST`, `context colima`, `default`, `rootless`, `Docker Desktop`, `Colima`, `Podman`, `target`. */
  readonly from: string;
  /** Places that come before it in the order and gave none, each with why. */
  readonly passedOver: readonly string[];
  /** Host names of URLs are without the brackets of an IPv6 address. */
  readonly connection:
    | { readonly socketPath: string }
    | { readonly hostname: string; readonly port: number; readonly basePath: string; readonly tls: EngineTls | undefined };
  /** The host of another machine; undefined when the engine is on this one. */
  readonly remote: string | undefined;
}

interface Surroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
}

/** What leads to an endpoint, before its host is read. */
interface Choice {
  readonly host: string;
  readonly from: string;
  readonly passedOver: readonly string[];
  /** Called for a host that is reached over TCP. */
  readonly tls: () => Promise<EngineTls | undefined>;
}

/**
 * The Docker Engine that a target names, else the one that the docker command would use (docker/cli
 * cli/command/cli.go, `resolveContextName`): DOCKER_HOST, DOCKER_CONTEXT, the current context, the default
 * socket. Where nothing is at the default socket, the sockets of the usual installations that do without it.
 *
 * @throws Unavailable when the context or host cannot be used, with what would change that.
 */
export async function resolveEngine(asked: ComposeTarget['engine'], environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): Promise<EngineEndpoint> {
  const surroundings = { environment, platform };
  if (asked?.host !== undefined) {
    // A target that was found names its host. Where the docker command would use it too, the reason and the certificates are the same.
    const usual = await usualEngine(surroundings).catch(() => undefined);
    if (usual?.host === shownHost(asked.host)) return usual;
    return endpoint({ host: asked.host, from: 'target', passedOver: [], tls: () => environmentTls(environment) });
  }
  if (asked?.context !== undefined) return contextEngine(asked.context, [], surroundings);
  return usualEngine(surroundings);
}

/** The address that Docker itself has when nothing is configured. */
export function isDefaultHost(host: string): boolean {
  return host === defaultHosts.unix || host === defaultHosts.windows;
}

async function usualEngine(surroundings: Surroundings): Promise<EngineEndpoint> {
  const { DOCKER_HOST, DOCKER_CONTEXT } = surroundings.environment;
  if (DOCKER_HOST) return defaultEngine([], surroundings);
  const passedOver = ['DOCKER_HOST (not set)'];
  if (DOCKER_CONTEXT) return contextEngine(DOCKER_CONTEXT, passedOver, surroundings);
  passedOver.push('DOCKER_CONTEXT (not set)');
  const { name, why } = await currentContext(surroundings);
  if (name !== undefined) return contextEngine(name, passedOver, surroundings);
  return defaultEngine([...passedOver, why], surroundings);
}

/** What Docker's context `default` stands for: DOCKER_HOST, or the default socket and what takes its place. */
async function defaultEngine(passedOver: readonly string[], surroundings: Surroundings): Promise<EngineEndpoint> {
  const { environment, platform } = surroundings;
  const tls = (): Promise<EngineTls | undefined> => environmentTls(environment);
  const { DOCKER_HOST } = environment;
  if (DOCKER_HOST) return endpoint({ host: DOCKER_HOST, from: 'DOCKER_HOST', passedOver, tls });
  const standard = { from: 'default', host: platform === 'win32' ? defaultHosts.windows : defaultHosts.unix };
  const absent: string[] = [];
  for (const { from, host } of [standard, ...usualInstallations(surroundings)]) {
    if (await isThere(pathOfSocket(host))) return endpoint({ host, from, passedOver: [...passedOver, ...absent], tls });
    absent.push(`${from} ${host} (there is no such socket)`);
  }
  return endpoint({ ...standard, passedOver: [...passedOver, ...absent.slice(1)], tls });
}

/** Sockets of engines that are installed for one user, or that stand in for Docker's. */
function usualInstallations({ environment, platform }: Surroundings): readonly { from: string; host: string }[] {
  if (platform === 'win32') {
    return [
      { from: 'Docker Desktop', host: 'npipe:////./pipe/dockerDesktopLinuxEngine' },
      { from: 'Podman', host: 'npipe:////./pipe/podman-machine-default' },
    ];
  }
  const home = homeOf(environment);
  const { XDG_RUNTIME_DIR, COLIMA_HOME } = environment;
  const sockets: readonly (readonly [from: string, path: string])[] = [
    ...(XDG_RUNTIME_DIR ? [['rootless', posix.join(XDG_RUNTIME_DIR, 'docker.sock')] as const] : []),
    ['Docker Desktop', posix.join(home, '.docker/run/docker.sock')],
    ['Docker Desktop', posix.join(home, '.docker/desktop/docker.sock')],
    ['Colima', posix.join(COLIMA_HOME || posix.join(home, '.colima'), 'default/docker.sock')],
    ...(XDG_RUNTIME_DIR ? [['Podman', posix.join(XDG_RUNTIME_DIR, 'podman/podman.sock')] as const] : []),
    ['Podman', '/run/podman/podman.sock'],
  ];
  return sockets.map(([from, path]) => ({ from, host: `unix://${path}` }));
}

function homeOf(environment: NodeJS.ProcessEnv): string {
  return environment['HOME'] || environment['USERPROFILE'] || homedir();
}

/** Folder of Docker's own configuration. */
function configFolder(environment: NodeJS.ProcessEnv): string {
  return environment['DOCKER_CONFIG'] || join(homeOf(environment), '.docker');
}

async function currentContext({ environment }: Surroundings): Promise<{ readonly name?: string; readonly why: string }> {
  const path = join(configFolder(environment), 'config.json');
  let text: string;
  try {
    text = await readSmallFile(path, largestFileBytes);
  } catch (error) {
    return { why: `current context of ${path} (${fileProblem(error)})` };
  }
  const configuration = parsed(text);
  if (configuration === undefined) return { why: `current context of ${path} (it is no JSON)` };
  const { currentContext: name } = configuration;
  return typeof name === 'string' && name !== '' && name !== 'default' ? { name, why: '' } : { why: `current context of ${path} (none)` };
}

/** Docker keeps a context under the SHA-256 of its name: docker/cli cli/context/store/metadatastore.go. */
async function contextEngine(name: string, passedOver: readonly string[], surroundings: Surroundings): Promise<EngineEndpoint> {
  if (name === 'default') return defaultEngine(passedOver, surroundings);
  const folder = join(configFolder(surroundings.environment), 'contexts');
  const id = createHash('sha256').update(name).digest('hex');
  const path = join(folder, 'meta', id, 'meta.json');
  const unusable = (why: string): Unavailable => new Unavailable(`the Docker context ${name} cannot be used: ${why}`, 'pick one of those that docker context ls shows');
  let text: string;
  try {
    text = await readSmallFile(path, largestFileBytes);
  } catch (error) {
    throw unusable(`${path}: ${fileProblem(error)}`);
  }
  const docker = objectIn(objectIn(parsed(text), 'Endpoints'), 'docker');
  const host = docker?.['Host'];
  if (typeof host !== 'string' || host === '') throw unusable(`${path} names no host`);
  const verify = docker?.['SkipTLSVerify'] !== true;
  return endpoint({ host, from: `context ${name}`, passedOver, tls: () => tlsFiles(join(folder, 'tls', id, 'docker'), verify) });
}

/** DOCKER_TLS_VERIFY and DOCKER_TLS ask for TLS, the second without verifying; files that are absent are done without. */
async function environmentTls(environment: NodeJS.ProcessEnv): Promise<EngineTls | undefined> {
  const { DOCKER_TLS_VERIFY, DOCKER_TLS, DOCKER_CERT_PATH } = environment;
  if (!DOCKER_TLS_VERIFY && !DOCKER_TLS) return undefined;
  return (await tlsFiles(DOCKER_CERT_PATH || configFolder(environment), Boolean(DOCKER_TLS_VERIFY))) ?? { verify: Boolean(DOCKER_TLS_VERIFY) };
}

/** Undefined when the folder has none of the files. */
async function tlsFiles(folder: string, verify: boolean): Promise<EngineTls | undefined> {
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map(async (name) => {
      const path = join(folder, name);
      if (!(await isThere(path))) return undefined;
      try {
        return await readSmallFile(path, largestFileBytes);
      } catch (error) {
        throw new Unavailable(`the Docker Engine cannot be asked: cannot read ${path}, ${fileProblem(error)}`, 'make the file readable for this account');
      }
    }),
  );
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }), verify };
}

async function endpoint({ host: text, from, passedOver, tls: tlsOf }: Choice): Promise<EngineEndpoint> {
  const host = shownHost(text);
  const common = { host, from, passedOver };
  const socketPath = pathOfSocket(host);
  if (socketPath !== '') return { ...common, connection: { socketPath }, remote: undefined };
  if (host.startsWith('ssh://')) {
    throw new Unavailable(
      `the Docker Engine at ${host} is reached over SSH, which is not supported`,
      `forward its socket, ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock ${sshDestination(host)}, and use unix:///tmp/docker.sock`,
    );
  }
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url === undefined || url.hostname === '' || !/^(?:tcp|http|https):$/.test(url.protocol)) {
    throw new Unavailable(`the Docker Engine cannot be asked: ${host} (${from}) is no address of an engine`, 'use unix:///path, npipe:////./pipe/name or tcp://host:port');
  }
  const tls = (await tlsOf()) ?? (url.protocol === 'https:' ? { verify: true } : undefined);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    ...common,
    connection: { hostname, port: Number(url.port) || (tls ? 2376 : 2375), basePath: url.pathname.replace(/\/+$/, ''), tls },
    remote: isLoopback(hostname) ? undefined : hostname,
  };
}

/** Without what may be a password. Docker takes `host:port` for TCP. */
function shownHost(text: string): string {
  const host = text.includes('://') ? text : `tcp://${text}`;
  return /^(?:unix|npipe):/.test(host) ? host : host.replace(/^([a-z]+:\/\/)(?:([^@/]*?)(?::[^@/]*)?@)/, host.startsWith('ssh:') ? '$1$2@' : '$1');
}

function sshDestination(host: string): string {
  return host.replace(/^ssh:\/\//, '').replace(/\/.*$/, '').replace(/^(.*):(\d+)$/, '-p $2 $1');
}

function pathOfSocket(host: string): string {
  return /^(?:unix|npipe):\/\/(.+)$/.exec(host)?.[1] ?? '';
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    return !/^ENO(?:ENT|TDIR)$/.test((error as NodeJS.ErrnoException).code ?? '');
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function objectIn(record: Record<string, unknown> | undefined, name: string): Record<string, unknown> | undefined {
  const value = record?.[name];
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}
