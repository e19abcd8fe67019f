/**
 * Builds the extension: a small entry file, and one file for every part that loads on first use.
 *
 *     npm run build [-- --dev]     --dev adds source maps and does not minify
 */
import { existsSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { build } from 'esbuild';
import type { Plugin } from 'esbuild';
import { root } from './lib/paths.ts';
import { say } from './lib/progress.ts';

const KB = 1024;
const EXTENSION = 'src/extension.ts';
const CLI = 'src/cli/main.ts';

/** What is built: the source, the file in `dist/`, and how large it may be. */
interface Output {
  readonly source: string;
  readonly name: string;
  readonly budget?: number;
}

/**
 * A lazy part is a file of its own wherever a dynamic import names its source; everything that is
 * imported statically is part of the file that imports it.
 */
const lazyParts: readonly Output[] = [
  { source: 'src/flow/engine.ts', name: 'engine', budget: 600 * KB },
  { source: 'src/trace/service.ts', name: 'trace', budget: 200 * KB },
  { source: 'src/targets/endpoints/postgres.ts', name: 'postgres', budget: 150 * KB },
  { source: 'src/targets/endpoints/redis.ts', name: 'redis', budget: 260 * KB },
  { source: 'src/targets/compose/compose.ts', name: 'compose', budget: 190 * KB },
  { source: 'src/targets/kubernetes/kubernetes.ts', name: 'kubernetes', budget: 560 * KB },
];

const outputs: readonly Output[] = [
  { source: EXTENSION, name: 'extension', budget: 135 * KB },
  // The program of a thread, which its path names and nothing imports.
  { source: 'src/logs/thread.ts', name: 'logs', budget: 150 * KB },
  { source: CLI, name: 'cli' },
  ...lazyParts,
];

const lazyFiles: Plugin = {
  name: 'lazy-files',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^\./ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (kind !== 'dynamic-import' || pluginData === lazyFiles) return undefined;
      const resolved = await resolve(path, { kind, resolveDir, importer, pluginData: lazyFiles });
      const part = lazyParts.find(({ source }) => join(root, source) === resolved.path);
      return part === undefined ? undefined : { path: `./${part.name}.cjs`, external: true };
    });
  },
};

/**
 * What dockerode loads for builds of images and for calls that are sent in another way than ours, so that
 * nothing of it can run: src/targets/compose/transport.ts.
 */
const unusedByDockerode: Plugin = {
  name: 'unused-by-dockerode',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:@balena\/dockerignore|@grpc\/grpc-js|@grpc\/proto-loader|docker-modem|protobufjs|tar-fs)$/ }, ({ path }) => ({ path, namespace: 'unused' }));
    onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * What the Kubernetes client loads for its own requests, for reading a kubeconfig, and for sign-ins that
 * Kubernetes dropped: of it only TLS, OpenID and proxies are used, in src/targets/kubernetes/connection.ts.
 */
const unusedByKubernetes: Plugin = {
  name: 'unused-by-kubernetes',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:undici|js-yaml|jsonpath-plus|\.\/gen\/index\.js)$/ }, ({ path, importer }) =>
      importer.includes('/@kubernetes/client-node/dist/') ? { path, namespace: 'unused-by-kubernetes' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'unused-by-kubernetes' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** Builds everything that exists; throws when a part is missing or larger than its budget. */
export async function buildExtension({ dev = false } = {}): Promise<void> {
  const missing = outputs.filter(({ source }) => !existsSync(join(root, source)));
  if (missing.length > 0) throw new Error(`Nothing to build from: ${missing.map(({ source }) => source).join(', ')}`);
  const dist = join(root, 'dist');
  await rm(dist, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: outputs.map(({ source, name }) => ({ in: source, out: name })),
    outdir: dist,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    // Some libraries have a main file that no bundler can follow.
    mainFields: ['module', 'main'],
    target: 'node22',
    // The parts are CommonJS, so `require` loads them without a detour through the ESM loader.
    supported: { 'dynamic-import': false },
    external: ['vscode'],
    plugins: [lazyFiles, unusedByDockerode, unusedByKubernetes],
    minify: !dev,
    sourcemap: dev ? 'linked' : false,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  await makeExecutable(join(dist, 'cli.cjs'));
  const sizes = new Map(
    Object.entries(metafile.outputs).map(([path, { bytes }]) => [basename(path, '.cjs'), bytes] as const),
  );
  const tooLarge = outputs.filter(({ name, budget = Infinity }) => (sizes.get(name) ?? 0) > budget);
  for (const { name, source, budget } of outputs) say(row(`dist/${name}.cjs`, sizes.get(name) ?? 0, budget, source));
  if (tooLarge.length > 0 && !dev) throw new Error(`Over budget: ${tooLarge.map(({ name }) => name).join(', ')}`);
}

async function makeExecutable(file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  if (!text.startsWith('#!')) await writeFile(file, `#!/usr/bin/env node\n${text}`);
  await chmod(file, 0o755);
}

function row(file: string, bytes: number, budget: number | undefined, source: string): string {
  const size = `${(bytes / KB).toFixed(1)} KB`.padStart(10);
  const limit = budget === undefined ? '' : `of ${budget / KB} KB`;
  return `${file.padEnd(20)}${size} ${limit.padEnd(10)}  ${relative('.', source)}`;
}

if (import.meta.main) {
  try {
    await buildExtension({ dev: process.argv.includes('--dev') });
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
