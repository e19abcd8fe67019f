/**
 * Shows the extension at work: packages it, starts the lab, serves VS Code with the package installed,
 * and prints the address and the first flow report. Ctrl-C ends everything.
 *
 *     npm start [-- --kind compose|kubernetes] [--fault ID]... [--desktop] [--port PORT]
 *
 * With --desktop the installed VS Code opens instead of a served one.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { quietSettings } from '../test/workbench/settings.ts';
import { Lab } from './lib/lab.ts';
import { root } from './lib/paths.ts';
import { run, runInherited } from './lib/processes.ts';
import { say, step } from './lib/progress.ts';
import { packageExtension } from './package.ts';
import { workbenchAddress } from './vscode/browser.ts';
import { provisionCodeServer } from './vscode/provision.ts';
import { installExtension, serveForPeople, writeSettings } from './vscode/server.ts';
import type { DataFolders } from './vscode/server.ts';

const { values: options } = parseArgs({
  options: {
    desktop: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
    fault: { type: 'string', multiple: true, default: [] },
    kind: { type: 'string' },
  },
});

/** Everything that was started, to be ended in the opposite order. */
const endings: (() => Promise<void>)[] = [];

const { promise: stopped, resolve: stop } = Promise.withResolvers<string>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal));

/** Starts the lab and returns the path of its target file. */
async function startLab(): Promise<string> {
  const lab = new Lab({ kind: options.kind, faults: options.fault });
  endings.push(() => lab.end());
  lab.onEnd(() => stop('the lab ended'));
  return lab.ready();
}

/** Serves VS Code with the package installed; returns the address to open. */
async function serve(data: DataFolders, workspace: string, vsix: string): Promise<string> {
  const code = await provisionCodeServer();
  await step('Install the extension', () => installExtension(code, data, vsix));
  const served = await step('Start VS Code', () => serveForPeople(code, data, Number(options.port)));
  endings.push(() => served.service.end());
  served.service.onEnd(() => stop('the VS Code server ended'));
  return workbenchAddress(served.url, workspace);
}

/** Opens the VS Code that is installed here, with folders of its own. */
async function openDesktop(data: DataFolders, workspace: string, vsix: string): Promise<void> {
  const folders = [`--user-data-dir=${data.userData}`, `--extensions-dir=${data.extensions}`];
  const shell = process.platform === 'win32';
  await step('Install the extension', () => run('code', [...folders, '--install-extension', vsix], { shell })).catch(
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        throw new Error('VS Code is not on the PATH. Run "Shell Command: Install \'code\' command" in VS Code, or start without --desktop.');
      }
      throw error;
    },
  );
  await run('code', [...folders, '--new-window', workspace], { shell });
}

/** The first report, for people. Its exit code is about the deployment, not about this program. */
async function printReport(target: string): Promise<void> {
  await runInherited(process.execPath, [join(root, 'src', 'cli', 'main.ts'), 'flow', '--target', target]);
}

async function open(folder: string): Promise<void> {
  const vsix = await step('Package the extension', packageExtension);
  const target = await step('Start the lab', startLab);
  const data = { userData: join(folder, 'user-data'), extensions: join(folder, 'extensions') };
  const workspace = join(folder, 'caracal-lab');
  await mkdir(workspace);
  const targets = { 'caracal.targets': [target] };
  const settings = {
    ...quietSettings,
    // The folder was made a moment ago and is empty.
    'security.workspace.trust.enabled': false,
    ...(options.desktop ? targets : {}),
  };
  await writeSettings(data.userData, settings, targets);
  const address = options.desktop ? undefined : await serve(data, workspace, vsix);
  if (options.desktop) await openDesktop(data, workspace, vsix);
  await step('Run the flow', () => printReport(target));
  const where = address === undefined ? 'VS Code is open.' : `VS Code is served at ${address}`;
  process.stdout.write(`\n${where}\nChoose Caracal Debugger in the activity bar. Ctrl-C ends everything.\n`);
}

const folder = await mkdtemp(join(tmpdir(), 'caracal-start-'));
endings.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
open(folder).catch((error: unknown) => {
  process.exitCode = 1;
  stop(error instanceof Error ? error.message : String(error));
});
say(`Ending: ${await stopped}`);
for (const end of endings.reverse()) await end();
process.exit();
