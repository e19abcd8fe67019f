/** Builds the extension and packages it as `artifacts/<name>-<version>.vsix`. */
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createVSIX } from '@vscode/vsce';
import { buildExtension } from './build.ts';
import { artifactsFolder, root } from './lib/paths.ts';
import { say } from './lib/progress.ts';

const BUDGET = 1.75 * 1024 * 1024;

/** The path of the package of the current version. */
export async function packagePath(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { name: string; version: string };
  return join(artifactsFolder, `${manifest.name}-${manifest.version}.vsix`);
}

/** Builds and packages the extension; returns the path of the package. */
export async function packageExtension(): Promise<string> {
  await buildExtension();
  const file = await packagePath();
  await mkdir(artifactsFolder, { recursive: true });
  await createVSIX({
    cwd: root,
    packagePath: file,
    // Everything is in the bundles.
    dependencies: false,
    allowMissingRepository: true,
    // Without a repository there is no address that links could be rewritten to.
    rewriteRelativeLinks: false,
  });
  const { size } = await stat(file);
  say(`${relative(root, file)}: ${(size / 1024).toFixed(1)} KB of ${BUDGET / 1024} KB`);
  if (size > BUDGET) throw new Error('The package is over its budget');
  return file;
}

if (import.meta.main) {
  try {
    await packageExtension();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
