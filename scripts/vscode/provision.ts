/**
 * Provides a VS Code server to run the extension in, from the npm package `code-server`: the desktop
 * build is not on the registry. Installed once into `.vscode-test/`.
 */
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { withLock } from '../lib/lock.mjs';
import { cacheFolder } from '../lib/paths.ts';
import { run } from '../lib/processes.ts';
import { say, step } from '../lib/progress.ts';

const VERSION = '4.139.1';
const home = join(cacheFolder, `code-server-${VERSION}`);
const UNFINISHED = 'unfinished-';

/**
 * The native modules that the server and the extension host cannot start without. Building all of
 * them takes four times as long and needs the headers of kerberos; the others come prebuilt.
 */
const NATIVE = ['@vscode/native-watchdog', '@vscode/spdlog'];

/** The two programs of a provisioned server. */
export interface CodeServer {
  /** code-server proper: installs VSIX files, serves VS Code as a user sees it. */
  readonly entry: string;
  /** The server of VS Code inside it, which can be given the flags of the test harness. */
  readonly innerServer: string;
}

function programsIn(folder: string): CodeServer {
  const entry = join(folder, 'node_modules', 'code-server');
  return { entry, innerServer: join(entry, 'lib', 'vscode', 'out', 'server-main.js') };
}

function vscodeFolder(folder: string): string {
  return join(programsIn(folder).entry, 'lib', 'vscode');
}

/** What the installation depends on: another machine or Node major version makes it useless. */
function stampText(): string {
  const node = process.versions.node.split('.')[0];
  return `code-server ${VERSION} for Node ${node} on ${process.platform} ${process.arch}\n`;
}

async function isProvisioned(): Promise<boolean> {
  const stamp = await readFile(join(home, 'stamp'), 'utf8').catch(() => undefined);
  const needed = [
    programsIn(home).innerServer,
    join(vscodeFolder(home), 'node_modules', '@vscode', 'native-watchdog', 'build', 'Release', 'watchdog.node'),
    join(vscodeFolder(home), 'node_modules', '@vscode', 'spdlog', 'build', 'Release', 'spdlog.node'),
  ];
  return stamp === stampText() && needed.every((file) => existsSync(file));
}

/**
 * The prefix of a Node that is installed with its C headers. The native modules use the stable Node
 * API, so headers of another version serve, and nothing is downloaded for them.
 */
function headersPrefix(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .filter((file) => existsSync(file))
    .map((file) => dirname(dirname(realpathSync(file))))
    .find((prefix) => existsSync(join(prefix, 'include', 'node', 'node_api.h')));
}

async function npm(folder: string, args: string[]): Promise<void> {
  const prefix = headersPrefix();
  const env = { ...process.env, ...(prefix === undefined ? {} : { npm_config_nodedir: prefix }) };
  await run('npm', [...args, '--no-audit', '--no-fund'], { cwd: folder, env });
}

async function install(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  // Its install script builds every native module, and fails where their headers are missing.
  await step(`VS Code server 1/3: install code-server ${VERSION}`, () =>
    npm(folder, ['install', `code-server@${VERSION}`, '--ignore-scripts']),
  );
  await step('VS Code server 2/3: install what VS Code needs', () =>
    npm(vscodeFolder(folder), ['install', '--omit=dev', '--ignore-scripts']),
  );
  await step('VS Code server 3/3: build its two native modules', () =>
    npm(vscodeFolder(folder), ['rebuild', ...NATIVE]),
  );
  await writeFile(join(folder, 'stamp'), stampText());
}

async function removeUnfinished(): Promise<void> {
  const names = await readdir(cacheFolder);
  const left = names.filter((name) => name.startsWith(UNFINISHED));
  await Promise.all(left.map((name) => rm(join(cacheFolder, name), { recursive: true, force: true })));
}

/**
 * Returns the provisioned server; installs it first when needed. The installation grows in a folder
 * of its own and is renamed at the end, so an interrupted one is never taken for a finished one.
 */
export async function provisionCodeServer(): Promise<CodeServer> {
  if (!(await isProvisioned())) {
    const wait = (pid: number): void => say(`Waiting for the VS Code server that process ${pid} is installing`);
    await withLock(join(cacheFolder, 'code-server.lock'), wait, async () => {
      if (await isProvisioned()) return;
      await removeUnfinished();
      const folder = join(cacheFolder, `${UNFINISHED}${process.pid}`);
      await install(folder);
      await rm(home, { recursive: true, force: true });
      await rename(folder, home);
    });
  }
  return programsIn(home);
}

if (import.meta.main) {
  await provisionCodeServer();
  say(`VS Code server: ready in ${home}`);
}
