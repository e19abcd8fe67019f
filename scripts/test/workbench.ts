import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTests } from '@vscode/test-electron';
import { build } from 'esbuild';
import { quietSettings } from '../../test/workbench/settings.ts';
import { cacheFolder, root } from '../lib/paths.ts';
import { say, step } from '../lib/progress.ts';
import { provisionCodeServer } from '../vscode/provision.ts';
import { writeSettings } from '../vscode/server.ts';
import { RESULTS_VARIABLE } from './results.ts';

const suiteFolder = join(cacheFolder, 'suite');

/** The suites of the tests, or the walks of `npm run walks`: each its own kind of file. */
export type SuiteKind = 'workbench' | 'walks';

/** Builds the suites for the extension host, which loads CommonJS and provides `vscode` itself. */
async function buildSuites(kind: SuiteKind): Promise<void> {
  const folder = join(root, 'test', 'workbench');
  const suites = (await readdir(folder)).filter((name) => name.endsWith(`.${kind}.ts`));
  await rm(suiteFolder, { recursive: true, force: true });
  await build({
    entryPoints: ['index.ts', ...suites].map((name) => join(folder, name)),
    outdir: suiteFolder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node22',
    external: ['vscode', 'mocha'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
}

/** What a run of the workbench suites is given. */
export interface WorkbenchRun {
  readonly resultsFile: string;
  /** The target files of running labs, by name. */
  readonly targets: Readonly<Record<string, string>>;
  readonly grep: string | undefined;
  /** Default: `workbench`. */
  readonly kind?: SuiteKind;
  /** What the suites are told beside that. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs the workbench suites in a real VS Code and returns its exit code; the results are in
 * `resultsFile`. A desktop with network and display can ask for a downloaded build of VS Code;
 * otherwise a served one stands in for it.
 */
export async function runWorkbench({ resultsFile, targets, grep, kind = 'workbench', environment = {} }: WorkbenchRun): Promise<number> {
  const desktop = process.env['CARACAL_TEST_VSCODE'] === 'desktop';
  await step('Build the workbench suites', () => buildSuites(kind));
  if (!desktop) await provisionCodeServer();
  const folder = await mkdtemp(join(tmpdir(), 'caracal-workbench-'));
  const workspace = join(folder, 'workspace');
  const userData = join(folder, 'user-data');
  // The runner of VS Code knows how to stop it on Ctrl-C alone.
  const interrupt = (): boolean => process.emit('SIGINT');
  process.once('SIGTERM', interrupt);
  try {
    await mkdir(workspace);
    await writeSettings(userData, quietSettings);
    return await runTests({
      ...(desktop ? {} : { vscodeExecutablePath: join(root, 'scripts', 'vscode', 'shim.ts') }),
      extensionDevelopmentPath: root,
      extensionTestsPath: join(suiteFolder, 'index.cjs'),
      launchArgs: [workspace, `--user-data-dir=${userData}`, `--extensions-dir=${join(folder, 'extensions')}`],
      extensionTestsEnv: {
        [RESULTS_VARIABLE]: resultsFile,
        CARACAL_TEST_DRIVE_PAGE: '1',
        // What is installed on this machine is not found: suites name their deployments.
        CARACAL_HOME: join(folder, 'no-runtime'),
        DOCKER_HOST: `unix://${join(folder, 'no-engine.sock')}`,
        KUBECONFIG: join(folder, 'no-kubeconfig'),
        ...Object.fromEntries(Object.entries(targets).map(([name, file]) => [`CARACAL_LAB_${name.toUpperCase()}`, file])),
        ...(grep === undefined ? {} : { CARACAL_TEST_GREP: grep }),
        ...environment,
      },
    });
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    process.removeListener('SIGTERM', interrupt);
    await rm(folder, { recursive: true, force: true });
  }
}
