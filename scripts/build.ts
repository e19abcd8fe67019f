/**
 * Builds the extension: a small entry file, and one file for every part that loads on first use.
 *
 *     npm run build [-- --dev]     --dev adds source maps and does not minify
 */
import { existsSync } from 'node:fs';
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build } from 'esbuild';
import type { Metafile, Plugin } from 'esbuild';
import { parserFiles } from '../src/trace/verifier/parsers.ts';
import { noticesOf } from './lib/notices.ts';
import { root } from './lib/paths.ts';
import { say } from './lib/progress.ts';

const KB = 1024;
const parsersFolder = 'node_modules/@vscode/tree-sitter-wasm/wasm';
const EXTENSION = 'src/extension.ts';
const CLI = 'src/cli/main.ts';

/** What is built: the source, the file in `dist/` without its extension, and how large it may be. */
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
  { source: 'src/flow/engine.ts', name: 'engine', budget: 700 * KB },
  { source: 'src/trace/service.ts', name: 'trace', budget: 440 * KB },
  { source: 'src/remedies/service.ts', name: 'remedies', budget: 260 * KB },
  { source: 'src/ui/triage/triage.ts', name: 'triage', budget: 40 * KB },
  { source: 'src/ui/trace/requestPanel.ts', name: 'requestPanel', budget: 40 * KB },
  { source: 'src/ui/trace/verifierSettings.ts', name: 'verifierSettings', budget: 20 * KB },
  { source: 'src/ui/cause/surfaces.ts', name: 'causes', budget: 40 * KB },
  { source: 'src/targets/endpoints/postgres.ts', name: 'postgres', budget: 150 * KB },
  { source: 'src/targets/endpoints/redis.ts', name: 'redis', budget: 260 * KB },
  { source: 'src/targets/compose/compose.ts', name: 'compose', budget: 190 * KB },
  { source: 'src/targets/kubernetes/kubernetes.ts', name: 'kubernetes', budget: 560 * KB },
];

const outputs: readonly Output[] = [
  { source: EXTENSION, name: 'extension', budget: 146 * KB },
  // The programs of threads, which their paths name and nothing imports.
  { source: 'src/logs/thread.ts', name: 'logs', budget: 150 * KB },
  { source: 'src/trace/verifier/thread.ts', name: 'verifiers', budget: 60 * KB },
  { source: CLI, name: 'cli' },
  ...lazyParts,
];

/** What the browser runs for the panels of requests and of causes. */
const panelParts: readonly Output[] = [
  { source: 'src/webview/panel.ts', name: 'panel', budget: 120 * KB },
  { source: 'src/webview/panel.css', name: 'panel', budget: 24 * KB },
  { source: 'src/webview/cause.ts', name: 'cause', budget: 60 * KB },
  { source: 'src/webview/cause.css', name: 'cause', budget: 16 * KB },
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

/** The runtime of the parsers stays a file of its own, as it came: it cannot load itself in another one. */
const parsersRuntime: Plugin = {
  name: 'parsers-runtime',
  setup({ onResolve }) {
    onResolve({ filter: /^@vscode\/tree-sitter-wasm$/ }, () => ({ path: './tree-sitter.cjs', external: true }));
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

/** Of an icon, only its outline: src/webview/icons.ts. */
const iconOutlines: Plugin = {
  name: 'icon-outlines',
  setup({ onLoad }) {
    onLoad({ filter: /\.svg$/ }, async ({ path }) => {
      const icon = await readFile(path, 'utf8');
      const outline = [...icon.matchAll(/<path [^>]*?\bd="([^"]+)"[^>]*>/g)].map(([, d]) => d).join('');
      if (outline === '' || /<(?!svg |path |\/svg>|\/path>)/.test(icon)) throw new Error(`${path} is not made of paths`);
      return { contents: `export const outline = ${JSON.stringify(outline)};` };
    });
  },
};

/** Builds everything that exists, into `dist/` or another folder; throws when a part is missing or larger than its budget. */
export async function buildExtension({ dev = false, dist = join(root, 'dist'), tell = say } = {}): Promise<void> {
  const missing = [...outputs, ...panelParts].filter(({ source }) => !existsSync(join(root, source)));
  if (missing.length > 0) throw new Error(`Nothing to build from: ${missing.map(({ source }) => source).join(', ')}`);
  await rm(dist, { recursive: true, force: true });
  const panel = await buildPanels({ dev, dist });
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
    plugins: [lazyFiles, parsersRuntime, unusedByDockerode, unusedByKubernetes],
    minify: !dev,
    sourcemap: dev ? 'linked' : false,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  await makeExecutable(join(dist, 'cli.cjs'));
  await copyFile(join(root, parsersFolder, 'tree-sitter.js'), join(dist, 'tree-sitter.cjs'));
  for (const file of parserFiles) await copyFile(join(root, parsersFolder, file), join(dist, file));
  await writeFile(join(dist, 'NOTICES.txt'), await noticesOf([...Object.keys({ ...metafile.inputs, ...panel.inputs }), parsersFolder]));
  const built = new Map(Object.entries({ ...metafile.outputs, ...panel.outputs }).map(([path, { bytes, entryPoint = '' }]) => [entryPoint, { path, bytes }] as const));
  const all = [...outputs, ...panelParts].map((output) => ({ ...output, path: '', bytes: 0, ...built.get(output.source) }));
  for (const { path, source, bytes, budget } of all) tell(row(path, bytes, budget, source));
  const tooLarge = all.filter(({ bytes, budget = Infinity }) => bytes > budget);
  if (tooLarge.length > 0 && !dev) throw new Error(`Over budget: ${tooLarge.map(({ path }) => path).join(', ')}`);
}

/** Builds the browser's half of the panels; returns what esbuild tells of its files. */
export async function buildPanels({ dev = false, dist = join(root, 'dist') } = {}): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: panelParts.map(({ source, name }) => ({ in: source, out: name })),
    outdir: dist,
    bundle: true,
    format: 'iife',
    platform: 'browser',
    // The Chromium of the oldest VS Code that the manifest names.
    target: 'chrome138',
    plugins: [iconOutlines],
    minify: !dev,
    sourcemap: dev ? 'inline' : false,
    // NOTICES.txt has them.
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
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
