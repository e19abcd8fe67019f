/** The logs beside lnav, jq, grep and docker logs, on the same input in the same run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { root } from '../../scripts/lib/paths.ts';
import { startLogThread } from '../../src/logs/threadClient.ts';
import { firstTail } from '../../src/logs/protocol.ts';
import type { LogPlace, LogState } from '../../src/logs/protocol.ts';
import type { RemoteLog } from '../../src/logs/threadClient.ts';
import { labels } from '../../src/targets/compose/labels.ts';
import { textOf } from '../../src/ui/logs/logContent.ts';
import { LogDocument } from '../../src/ui/logs/logDocument.ts';
import type { Engine } from '../lab/docker/engine.ts';
import { guardAgainstLeftovers } from '../lab/stores/guard.ts';
import { createScratchFolder } from '../lab/stores/scratch.ts';
import { requestId, sources, writeLog } from './logLines.ts';

interface Row {
  readonly name: string;
  readonly ours: number;
  /** Of the alternative; null where nothing does the same. */
  readonly theirs: number | null;
  readonly unit: 'ms' | 'bytes' | 'MB' | 'lines';
  /** How many times as much the alternative takes. */
  readonly ratio: number | null;
  readonly alternative: string | null;
}

const lines = 1_000_000;
const liveSeconds = 60;
const livePace = 10_000;
const containerLines = 200_000;
/** What is shipped, not the source, whose types would have to be left out first. */
const program = join(root, 'dist', 'logs.cjs');
const memoryOption = '--memory-of';
const rows: Row[] = [];

function note(name: string, ours: number, unit: Row['unit'], theirs: number | null = null, alternative: string | null = null): void {
  const row: Row = { name, ours: rounded(ours), theirs: theirs === null ? null : rounded(theirs), unit, ratio: theirs === null ? null : Number((theirs / ours).toFixed(1)), alternative };
  rows.push(row);
  process.stderr.write(`${name}: ${row.ours} ${unit}${row.theirs === null ? '' : `, ${alternative ?? ''}: ${row.theirs} ${unit}`}\n`);
}

const rounded = (value: number): number => Number(value.toFixed(value < 10 ? 2 : 0));

async function timed<Result>(work: () => Promise<Result>): Promise<{ readonly ms: number; readonly result: Result }> {
  const begun = performance.now();
  const result = await work();
  return { ms: performance.now() - begun, result };
}

/** The middle of three. */
async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < 3; run += 1) times.push((await timed(work)).ms);
  return times.sort((one, other) => one - other)[1] ?? NaN;
}

/**
 * Runs a program to its end, whatever it prints; its largest memory in bytes.
 *
 * @throws Error when it is not there or fails
 */
async function runs(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  let most = 0;
  const watching = setInterval(() => void memoryOf(child.pid ?? 0).then((bytes) => (most = Math.max(most, bytes)), () => undefined), 50);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${command} ended with ${String(code)}`);
  } finally {
    clearInterval(watching);
  }
  return most;
}

/** Bytes that a process has in memory now. */
async function memoryOf(pid: number | 'self'): Promise<number> {
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}

interface Opened {
  readonly log: RemoteLog;
  readonly state: () => LogState | undefined;
  until(holds: (state: LogState) => boolean): Promise<void>;
  readonly listeners: ((state: LogState) => void)[];
}

function open(place: LogPlace, folder: string): Opened {
  let state: LogState | undefined;
  const listeners: ((state: LogState) => void)[] = [];
  const log = startLogThread({
    program, place, folder,
    onState: (told) => {
      state = told;
      for (const listener of listeners) listener(told);
    },
    onFailure: (error) => {
      throw error;
    },
  });
  const until = async (holds: (state: LogState) => boolean): Promise<void> => {
    while (state === undefined || !holds(state)) {
      if (state?.problem !== undefined) throw new Error(state.problem);
      await wait(1);
    }
  };
  return { log, state: () => state, until, listeners };
}

/** What lnav is told of the lines, so that it reads them as we do. */
async function lnavHome(folder: string): Promise<NodeJS.ProcessEnv> {
  const formats = join(folder, '.lnav', 'formats', 'caracal');
  await mkdir(formats, { recursive: true });
  await writeFile(join(formats, 'format.json'), JSON.stringify({
    $schema: 'https://lnav.org/schemas/format-v1.schema.json',
    caracal_log: {
      title: 'Caracal', json: true, 'file-pattern': '.*', 'level-field': 'level', 'timestamp-field': 'time', 'timestamp-divisor': 1000, 'body-field': 'msg',
      'line-format': [{ field: '__timestamp__' }, ' ', { field: 'service' }, ' ', { field: 'msg' }],
      value: { service: { kind: 'string', identifier: true }, request_id: { kind: 'string', identifier: true }, span_id: { kind: 'string' }, status: { kind: 'integer' }, took_ms: { kind: 'integer' }, n: { kind: 'integer' }, env: { kind: 'string' }, version: { kind: 'string' }, msg: { kind: 'string' } },
      sample: [],
    },
  }));
  return { ...process.env, HOME: folder, XDG_CONFIG_HOME: '', TERM: 'xterm' };
}

async function largeFile(folder: string): Promise<void> {
  const path = join(folder, 'large.log');
  await writeLog(path, lines);
  const { size } = await stat(path);
  process.stderr.write(`${lines} lines, ${Math.round(size / 1e6)} MB\n`);
  const place: LogPlace = { kind: 'file', path };
  const home = await lnavHome(folder);
  // Read once, so that the file is in the cache of the system for all.
  await readFile(path).then((bytes) => bytes.length);

  let lnavMemory = 0;
  const theirs = await median(async () => (lnavMemory = await runs('lnav', ['-nq', '-c', ':goto 0', path], home)));
  const indexed = await median(async () => {
    const { log, until } = open(place, folder);
    await until(({ isLoaded }) => isLoaded);
    await log.close();
  });
  note('index 1,000,000 lines', indexed, 'ms', theirs, 'lnav');

  const firstRows = await median(async () => {
    const { log, until } = open(place, folder);
    const view = await log.openView();
    await until((state) => state.rows > 100);
    await log.window(view, { at: 'place', place: 0 }, { before: 0, after: 100, raw: false });
    await log.close();
  });
  note('first rows from the index', firstRows, 'ms', theirs, 'lnav, which shows nothing earlier');

  const opened = open(place, folder);
  const { log } = opened;
  await opened.until(({ isLoaded }) => isLoaded);
  note('memory for each line', await runs(process.execPath, [import.meta.filename, memoryOption, path]) / lines, 'bytes', lnavMemory / lines, 'lnav');

  const view = await log.openView();
  for (const [name, filter, command, args] of [
    ['filter by a rare word', 'zone-frozen', 'grep', ['-c', 'zone-frozen', path]],
    ['filter by level', 'level:error', 'jq', ['-c', 'select(.level == "error")', path]],
    ['filter by source and time', 'source:large after:14:00:30', 'grep', ['-c', '"service":"gateway"', path]],
    ['filter by a regular expression', '/zone-fro[a-z]+/', 'grep', ['-cE', 'zone-fro[a-z]+', path]],
  ] as const) {
    const ours = await median(async () => {
      const problem = await log.filter(view, filter);
      if (problem !== undefined) throw new Error(problem);
      await log.window(view, { at: 'place', place: 0 }, { before: 0, after: 100, raw: false });
    });
    note(name, ours, 'ms', await median(() => runs(command, args)), command);
  }
  await log.filter(view, '');
  const wanted = requestId(lines - 1_000);
  const jump = await median(async () => {
    const [row] = await log.rowsOfRequest(wanted);
    if (row === undefined) throw new Error('the request is not there');
    await log.window(view, { at: 'row', row }, { before: 50, after: 50, raw: false });
  });
  note('jump to a request', jump, 'ms', await median(() => runs('grep', ['-m1', '-n', wanted, path])), 'grep');
  await log.close();
}

/** Five services that log at once, followed by a document as in the editor, whose texts nobody draws here. */
async function live(folder: string): Promise<void> {
  await Promise.all(sources.map((source) => appendFile(join(folder, `${source}.log`), '')));
  const located = { id: 'bench', folder, origin: 'bench', target: { kind: 'endpoints' as const, name: 'bench', services: {}, logs: Object.fromEntries(sources.map((source) => [source, `${source}.log`])) } };
  const opened = open({ kind: 'target', located, tail: firstTail }, join(folder, 'spill'));
  const { log } = opened;
  await opened.until(({ isLoaded }) => isLoaded);
  const document = new LogDocument(log, await log.openView(), {
    name: 'bench', sources: [], isFile: false,
    screen: { show: (content) => Promise.resolve(void new TextEncoder().encode(textOf(content))), revealEnd: nothing, revealAtTop: nothing, select: nothing },
    failed: (error) => {
      throw error;
    },
  });
  opened.listeners.push((state) => document.update(state));
  const idle = monitorEventLoopDelay({ resolution: 5 });
  idle.enable();
  await wait(5_000);
  idle.disable();
  const busy = monitorEventLoopDelay({ resolution: 5 });
  busy.enable();
  let most = 0;
  const watching = setInterval(() => void memoryOf('self').then((bytes) => (most = Math.max(most, bytes))), 200);
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'logWriter.ts'), folder, String(liveSeconds), String(livePace)], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(writer, 'exit')) as [number];
  if (code !== 0) throw new Error(`the writer ended with ${code}`);
  const all = sources.length * liveSeconds * livePace;
  const behind = await timed(() => opened.until(({ rows: there }) => there >= all));
  busy.disable();
  clearInterval(watching);
  note(`${sources.length} services, ${livePace} lines a second each, for ${liveSeconds} s: lines lost`, all - (opened.state()?.rows ?? 0), 'lines');
  note('the last line is there after', behind.ms, 'ms');
  note('event loop of the host, p99.9', busy.percentile(99.9) / 1e6, 'ms', idle.percentile(99.9) / 1e6, 'idle');
  note('event loop of the host, longest', busy.max / 1e6, 'ms', idle.max / 1e6, 'idle');
  note('memory of host and thread', most / 1e6, 'MB');
  note('lines out of order', await outOfOrder(log), 'lines');
  document.close();
  await log.close();
}

const nothing = (): Promise<void> => Promise.resolve();

/** Lines of a source whose number is not that of the one before and one more. */
async function outOfOrder(log: RemoteLog): Promise<number> {
  const view = await log.openView();
  const next = new Map<string, number>();
  let wrong = 0;
  for (let place = 0; ; ) {
    const { window } = await log.window(view, { at: 'place', place }, { before: 0, after: 50_000, raw: true });
    if (window.records === 0) return wrong;
    place += window.records;
    for (const line of window.lines) {
      const { service, n } = JSON.parse(line) as { service: string; n: number };
      if (n !== (next.get(service) ?? 0)) wrong += 1;
      next.set(service, n + 1);
    }
  }
}

/** The engine for `docker logs`; undefined, and a line that says why, where one of the two is not to be had. */
async function engineIfAny(): Promise<Engine | undefined> {
  // Not before: what it loads would count as memory of ours.
  const { provideEngine } = await import('../lab/docker/engine.ts');
  try {
    await runs('docker', ['--version']);
    return await provideEngine();
  } catch (error) {
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    process.stderr.write(`docker logs is left out: ${why}\n`);
    return undefined;
  }
}

/** A container that has logged and ended, opened as a target of Compose. */
async function containerLog(engine: Engine, folder: string): Promise<void> {
  const { BUSYBOX, provideImages } = await import('../lab/docker/images.ts');
  await provideImages(engine.docker);
  const path = join(folder, 'container.log');
  await writeLog(path, containerLines);
  const project = `caracal-bench-${process.pid}`;
  const container = await engine.docker.createContainer({
    Image: BUSYBOX, Entrypoint: ['cat', '/lines.log'], Labels: { [labels.project]: project, [labels.service]: 'sts' },
    HostConfig: { NetworkMode: 'none', Binds: [`${path}:/lines.log:ro`], LogConfig: { Type: 'json-file', Config: {} } },
  });
  try {
    await container.start();
    await container.wait();
    const located = { id: 'bench', folder, origin: 'bench', target: { kind: 'compose' as const, name: 'bench', project, engine: { host: engine.host } } };
    const place: LogPlace = { kind: 'target', located, tail: containerLines };
    // Until the lines can be read. The log is said to be loaded half a second after the last of them, however fast
    // they came, in case another source brings an earlier one.
    const ours = await median(async () => {
      const { log, until } = open(place, folder);
      await until(({ rows: there }) => there >= containerLines);
      await log.close();
    });
    const theirs = await median(() => runs('docker', ['--host', engine.host, 'logs', '--timestamps', container.id]));
    note(`read ${containerLines} lines of a container`, ours, 'ms', theirs, 'docker logs');
  } finally {
    await container.remove({ force: true });
  }
}

/** Opens a log and nothing else, in a process whose memory tells what that takes. */
async function openOnly(path: string): Promise<void> {
  const { log, until } = open({ kind: 'file', path }, tmpdir());
  await until(({ isLoaded }) => isLoaded);
  await wait(500);
  await log.close();
}

async function all(): Promise<void> {
  // In a process of its own, whose memory is not counted as ours.
  await runs(process.execPath, [join(root, 'scripts', 'build.ts')]);
  const folder = await createScratchFolder('bench-logs-');
  const guard = guardAgainstLeftovers({ signal: 'SIGTERM', scratch: folder });
  try {
    await live(folder);
    await largeFile(folder);
    const engine = await engineIfAny();
    try {
      if (engine !== undefined) await containerLog(engine, folder);
    } finally {
      await engine?.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    guard.release();
  }
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(rows)}\n`);
}

const only = process.argv.indexOf(memoryOption);
await (only === -1 ? all() : openOnly(process.argv[only + 1] ?? ''));
