// The first thing that every npm script runs. It works on Node 20 with nothing installed: it installs
// the packages of the lock file and the programs that npm cannot install, then runs the task on the
// Node of node_modules, which is the runtime of VS Code's extension host.
//
//     node scripts/bootstrap.mjs <task> [--] [arguments of the task]
//
// Everything it says goes to stderr, so that a task's stdout can be read by another program.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lib/lock.mjs';

const PARENT_POLL_MS = 500;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');

/**
 * Programs that npm cannot install: how to recognise one, the Debian packages that bring it, and the
 * environment variable, if any, that names it and tells the task where it was found. `isThere` looks for
 * what is more than an executable file.
 */
const programs = {
  browser: {
    title: 'Chromium or Chrome',
    variable: 'CARACAL_BROWSER',
    anyOf: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'],
    places: [
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    ],
    debian: ['chromium', 'fonts-liberation'],
    brew: 'brew install --cask google-chrome',
  },
  redis: { title: 'redis-server', anyOf: ['redis-server'], debian: ['redis-server'], brew: 'brew install redis' },
  pgbouncer: { title: 'pgbouncer', anyOf: ['pgbouncer'], places: ['/usr/sbin/pgbouncer'], debian: ['pgbouncer'], brew: 'brew install pgbouncer' },
  faketime: { title: 'faketime', anyOf: ['faketime'], debian: ['faketime'], brew: 'brew install libfaketime' },
  lnav: { title: 'lnav', anyOf: ['lnav'], debian: ['lnav'], brew: 'brew install lnav' },
  jq: { title: 'jq', anyOf: ['jq'], debian: ['jq'], brew: 'brew install jq' },
  docker: {
    title: 'a Docker Engine',
    isThere: hasDockerEngine,
    debian: ['docker.io', 'apparmor', 'iproute2'],
    brew: 'brew install --cask docker',
  },
  compiler: {
    title: 'a C++ compiler, make and Python 3',
    allOf: ['g++', 'make', 'python3'],
    debian: ['g++', 'make', 'python3'],
    brew: 'xcode-select --install',
  },
};

/** What each task runs, and the programs that it needs for these arguments. */
const tasks = {
  build: { run: ['scripts/build.ts'] },
  package: { run: ['scripts/package.ts'] },
  start: {
    run: ['scripts/start.ts'],
    needs: (args) => ['redis', ...(args.includes('--desktop') ? [] : ['compiler']), ...enginesFor(args)],
  },
  test: { run: ['scripts/test.ts'], needs: (args) => needsOfSuites(args) },
  provision: { run: ['scripts/vscode/provision.ts'], needs: () => ['compiler'] },
  flow: { run: ['src/cli/main.ts', 'flow'] },
  targets: { run: ['src/cli/main.ts', 'targets'] },
  // The images of containers hold a Redis, too.
  bench: { run: ['test/bench/main.ts'], needs: (args) => (args.includes('logs') ? ['lnav', 'jq', 'redis'] : ['redis']) },
  walks: { run: ['scripts/walks.ts'], needs: () => ['redis', 'browser', 'compiler'] },
  prove: { run: ['test/lab/prove.ts'], needs: () => ['redis', 'faketime', 'docker'] },
  matrix: { run: ['test/matrix/main.ts'], needs: (args) => (args.includes('--record') ? ['redis', 'faketime', 'docker'] : []) },
  lab: { run: ['test/lab/main.ts'], needs: (args) => (args[0] === 'up' ? ['redis', ...enginesFor(args)] : []) },
};

/** A lab of containers takes an engine. */
function enginesFor(args) {
  return args.includes('compose') ? ['docker'] : [];
}

function needsOfSuites(args) {
  const perSuite = {
    types: [],
    lint: [],
    unit: [],
    integration: ['redis', 'pgbouncer', 'faketime', 'docker'],
    workbench: process.env.CARACAL_TEST_VSCODE === 'desktop' ? ['redis', 'docker'] : ['redis', 'browser', 'compiler', 'docker'],
  };
  const named = args.filter((arg) => arg in perSuite);
  const suites = named.length > 0 ? named : Object.keys(perSuite);
  return [...new Set(suites.flatMap((suite) => perSuite[suite]))];
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function which(name) {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name + suffix))
    .find(isExecutable);
}

/** The path of a program (of its first part, when it has several), or undefined when it is missing. */
function locate(program) {
  const named = program.variable && process.env[program.variable];
  if (named) return named;
  if (program.isThere) return program.isThere() ? program.title : undefined;
  if (program.allOf) return program.allOf.every(which) ? which(program.allOf[0]) : undefined;
  return program.anyOf.map(which).find(Boolean) ?? program.places?.find(isExecutable);
}

/** Root starts an engine of its own for tests; anybody else needs one that runs and that may be used. */
function hasDockerEngine() {
  const installed = ['dockerd', 'iptables', 'ip'].every((name) => which(name) ?? [`/usr/sbin/${name}`, `/sbin/${name}`].find(isExecutable));
  if (process.getuid?.() === 0 && installed) return true;
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
  const address = host.startsWith('unix://') ? { socketPath: host.slice('unix://'.length) } : host.replace(/^tcp:/, 'http:');
  const ask = `require('node:http').get(${JSON.stringify(address)}, { path: '/_ping', timeout: 3000 }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1))
    .on('timeout', () => process.exit(1)).on('error', () => process.exit(1))`;
  return spawnSync(process.execPath, ['-e', ask], { stdio: 'ignore' }).status === 0;
}

function runOnStderr(command, args, env = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...env },
    shell: process.platform === 'win32',
  });
  return result.status === 0;
}

function installDebian(packages) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => runOnStderr('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], env);
  // A fresh image has no package lists; one that has lists needs no update.
  return install() || (runOnStderr('apt-get', ['update', '-q'], env) && install());
}

/** Makes sure that the programs are there, and returns the variables that tell the task where. */
function providePrograms(names) {
  const missing = names.map((name) => programs[name]).filter((program) => !locate(program));
  const packages = missing.flatMap((program) => program.debian);
  const isRoot = process.getuid?.() === 0;
  if (packages.length > 0 && isRoot && which('apt-get')) {
    say(`Installing ${missing.map((program) => program.title).join(', ')} with apt-get`);
    installDebian(packages);
  }
  const still = missing.filter((program) => !locate(program));
  if (still.length > 0) {
    const titles = still.map((program) => program.title).join(', ');
    const command =
      process.platform === 'darwin'
        ? still.map((program) => program.brew).join(' && ')
        : `sudo apt-get install -y ${still.flatMap((program) => program.debian).join(' ')}`;
    fail(`This needs ${titles}. Install with: ${command}`);
  }
  return Object.fromEntries(
    names
      .map((name) => programs[name])
      .filter((program) => program.variable)
      .map((program) => [program.variable, locate(program)]),
  );
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Whether node_modules holds what the lock file asks for. Versions are compared, not times: a checkout
 * touches the lock file without changing it, and reinstalling would pull the packages from under a
 * command that runs next to this one.
 */
function isInstalled() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  // npm writes this file last, so an interrupted installation does not have it.
  const found = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!wanted || !found || !isExecutable(join(bin, process.platform === 'win32' ? 'node.cmd' : 'node'))) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const version = found[path]?.version;
    return version === undefined ? Boolean(entry.optional || entry.devOptional) : version === entry.version;
  });
}

async function installPackages() {
  if (isInstalled()) return;
  const lock = join(root, '.vscode-test', 'packages.lock');
  await withLock(lock, (pid) => say(`Waiting for the installation that process ${pid} is doing`), () => {
    if (isInstalled()) return;
    say('Installing npm packages (npm ci)');
    const started = Date.now();
    if (!runOnStderr('npm', ['ci', '--no-audit', '--no-fund'])) fail('npm ci failed; its output is above.');
    say(`Installed in ${Math.round((Date.now() - started) / 1000)} s`);
  });
}

function runTask(run, args, env) {
  const child = spawn(join(bin, 'node'), [...run.map((part, index) => (index === 0 ? join(root, part) : part)), ...args], {
    // The caller's folder stays current, so that relative paths in arguments mean what they say.
    cwd: process.env.INIT_CWD ?? process.cwd(),
    stdio: 'inherit',
    env: { ...process.env, ...env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
    shell: process.platform === 'win32',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole group; a second copy would read as "end at once".
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  // npm runs a script through a shell, and passes a signal to that shell alone: the shell ends, nobody
  // tells its child. Losing the parent is then the signal.
  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid;
    setInterval(() => process.ppid === parent || child.kill('SIGTERM'), PARENT_POLL_MS).unref();
  }
  child.on('error', (error) => fail(`The task could not be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

const [name, ...rest] = process.argv.slice(2);
const args = rest[0] === '--' ? rest.slice(1) : rest;
const task = name === undefined || !Object.hasOwn(tasks, name) ? undefined : tasks[name];
if (!task) fail(`Usage: node scripts/bootstrap.mjs ${Object.keys(tasks).join('|')} [--] [arguments]`);

await installPackages();
runTask(task.run, args, providePrograms(task.needs?.(args) ?? []));
