/**
 * Runs the checks and the test suites, all or the named ones, and sums them up.
 *
 *     npm test [-- types lint unit integration workbench] [--grep PATTERN]
 *
 * The last line of stdout is `N passed, N failed`.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildExtension } from './build.ts';
import { Lab } from './lib/lab.ts';
import { artifactsFolder, root } from './lib/paths.ts';
import { runInherited } from './lib/processes.ts';
import { say, step } from './lib/progress.ts';
import { packageExtension } from './package.ts';
import { sum, totalsOf, RESULTS_VARIABLE } from './test/results.ts';
import type { Totals } from './test/results.ts';
import { runWorkbench } from './test/workbench.ts';

/** A program of node_modules, run on this Node. */
function tool(...path: string[]): string {
  return join(root, 'node_modules', ...path);
}

const options = parseArgs({ allowPositionals: true, options: { grep: { type: 'string' } } });
const { grep } = options.values;

/** Aborted when this program is told to stop: what runs is stopped, and nothing more is started. */
const stop = new AbortController();

async function check(script: string, ...args: string[]): Promise<Totals> {
  const code = await runInherited(process.execPath, [script, ...args], { cwd: root });
  return code === 0 ? { passed: 1, failed: 0, failures: [] } : { passed: 0, failed: 1, failures: [[script, ...args].join(' ')] };
}

/** An empty place for the results of a suite: those of an earlier run must not count. */
async function resultsFile(name: string): Promise<string> {
  const file = join(artifactsFolder, 'results', `${name}.json`);
  await rm(file, { force: true });
  return file;
}

async function mocha(name: string, files: readonly string[], ...args: string[]): Promise<Totals> {
  const file = await resultsFile(name);
  const code = await runInherited(
    process.execPath,
    [
      tool('mocha', 'bin', 'mocha.js'),
      ...files,
      '--reporter=./scripts/test/reporter.ts',
      ...(process.env['CI'] === undefined ? [] : ['--forbid-only']),
      ...(grep === undefined ? [] : ['--grep', grep]),
      ...args,
    ],
    { cwd: root, env: { ...process.env, [RESULTS_VARIABLE]: file } },
  );
  return totalsOf(file, code);
}

/** What the failing lab of the workbench suites suffers from: many consequences of one cause. */
const failingFault = 'redis-stopped';

/** The suites in the extension host, on a healthy lab, on a failing one, and on one of each other kind. */
async function inHost(): Promise<Totals> {
  const file = await resultsFile('workbench');
  const labs = { healthy: new Lab(), failing: new Lab({ faults: [failingFault] }), compose: new Lab({ kind: 'compose' }), kubernetes: new Lab({ kind: 'kubernetes' }) };
  try {
    const ready = await step('Start the labs', () => Promise.all(Object.entries(labs).map(async ([name, lab]) => [name, await lab.ready()] as const)));
    return await totalsOf(file, await runWorkbench({ resultsFile: file, targets: Object.fromEntries(ready), grep }));
  } finally {
    await Promise.all(Object.values(labs).map((lab) => lab.end()));
  }
}

/** The source inside the extension host, then the package as a person installs it. */
async function workbench(): Promise<Totals> {
  await step('Build the extension', () => buildExtension());
  const source = await inHost();
  if (stop.signal.aborted) return source;
  await step('Package the extension', packageExtension);
  return sum([source, await mocha('packaged', ['test/workbench/**/*.test.ts'], '--timeout=120000', '--parallel', '--jobs=2')]);
}

/**
 * The files that take longest, so that they are begun first and none of them runs alone at the end. That of the
 * services mostly waits.
 */
const longest = ['lab-services', 'faults-compose-containers', 'faults-compose-projects', 'faults-postgres', 'faults-streams', 'faults-services', 'logs', 'faults-readiness', 'faults-kubernetes', 'faults-redis', 'faults-audit'];

async function integrationFiles(): Promise<string[]> {
  const folder = join('test', 'integration');
  const names = (await readdir(join(root, folder))).filter((name) => name.endsWith('.test.ts')).sort();
  const first = longest.map((name) => `${name}.test.ts`);
  return [...first, ...names.filter((name) => !first.includes(name))].map((name) => join(folder, name));
}

/** What a browser runs has types of its own. */
const typeProjects = ['.', 'src/webview', 'test/workbench/panel'];

const suites: Readonly<Record<string, () => Promise<Totals>>> = {
  types: async () => {
    const totals: Totals[] = [];
    for (const project of typeProjects) totals.push(await check(tool('typescript', 'bin', 'tsc'), '--noEmit', '--project', project));
    return sum(totals);
  },
  lint: () => check(tool('eslint', 'bin', 'eslint.js'), '.'),
  unit: () => mocha('unit', ['test/unit/**/*.test.ts']),
  integration: async () => mocha('integration', await integrationFiles(), '--timeout=60000', '--parallel', '--jobs=3'),
  workbench,
};

async function runSuite(name: string): Promise<Totals> {
  say(`\n== ${name}`);
  try {
    return (await suites[name]?.()) ?? { passed: 0, failed: 1, failures: [name] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    say(message);
    return { passed: 0, failed: 1, failures: [`${name}: ${message}`] };
  }
}

async function main(): Promise<number> {
  const names = options.positionals.length > 0 ? options.positionals : Object.keys(suites);
  const unknown = names.filter((name) => !Object.hasOwn(suites, name));
  if (unknown.length > 0) {
    say(`No such suite: ${unknown.join(', ')}. There are ${Object.keys(suites).join(', ')}.`);
    return 2;
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  const totals: Totals[] = [];
  for (const name of names) {
    if (!stop.signal.aborted) totals.push(await runSuite(name));
  }
  if (stop.signal.aborted) {
    say('Stopped before the end.');
    totals.push({ passed: 0, failed: 1, failures: ['stopped before the end'] });
  }
  const { passed, failed, failures } = sum(totals);
  for (const failure of failures) process.stdout.write(`\nFAILED  ${failure}\n`);
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

process.exit(await main());
