import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { appendFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type Docker from 'dockerode';
import { firstTail } from '../../src/logs/protocol.ts';
import type { LogState } from '../../src/logs/protocol.ts';
import { saveLog } from '../../src/logs/save.ts';
import { startLogThread } from '../../src/logs/threadClient.ts';
import type { RemoteLog } from '../../src/logs/threadClient.ts';
import type { Target } from '../../src/model/target.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { type Engine, provideEngine } from '../lab/docker/engine.ts';
import { CURRENT, imageName, provideImages, REGISTRY } from '../lab/docker/images.ts';
import { eventually } from '../lab/eventually.ts';
import { restarted } from '../lab/kubernetes/faultParts.ts';
import { type ClusterLab, startClusterLab } from '../lab/kubernetes/lab.ts';
import type { Pod } from '../lab/kubernetes/objects.ts';
import { createScratchFolder } from '../lab/stores/scratch.ts';

const program = new URL('../../src/logs/thread.ts', import.meta.url);

let folder: string;

before(async () => {
  folder = await createScratchFolder('logs-');
});

after(() => rm(folder, { recursive: true, force: true }));

/** A log that a thread holds, as the editor has it. */
class OpenedLog {
  readonly remote: RemoteLog;
  readonly failures: Error[] = [];
  state: LogState | undefined;
  #view: number | undefined;

  constructor(target: Target, tail = firstTail) {
    this.remote = startLogThread({
      program,
      place: { kind: 'target', located: { id: 'test', folder, origin: 'test', target }, tail },
      folder: join(folder, 'spill'),
      onState: (state) => {
        this.state = state;
      },
      onFailure: (error) => this.failures.push(error),
    });
  }

  async loaded(): Promise<void> {
    await eventually('the log is loaded', () => Promise.resolve(this.state?.isLoaded === true && this.state.rows > 0));
  }

  /** What a filter shows, as it was logged; marks are lines of their own. */
  async lines(filter: string): Promise<readonly string[]> {
    this.#view ??= await this.remote.openView();
    equal(await this.remote.filter(this.#view, filter), undefined);
    const lines: string[] = [];
    for (let place = 0; ; ) {
      const { window } = await this.remote.window(this.#view, { at: 'place', place }, { before: 0, after: 100_000, raw: true });
      if (window.records === 0) return lines;
      lines.push(...window.lines);
      place += window.records;
    }
  }

  async close(): Promise<void> {
    await this.remote.close();
    deepEqual(this.failures, []);
  }
}

const isMark = (line: string): boolean => line.startsWith('────');

describe('the log of a project of Compose', function () {
  this.timeout(120_000);
  let engine: Engine;
  let log: OpenedLog | undefined;
  const containers: Docker.Container[] = [];

  before(async () => {
    engine = await provideEngine();
    await provideImages(engine.docker);
  });

  after(async () => {
    await engine.close();
  });

  afterEach(async () => {
    await log?.close();
    log = undefined;
    await Promise.all(containers.splice(0).map((one) => one.remove({ force: true, v: true })));
  });

  /** A service that logs numbered lines, 20 every 20 ms, and ends on SIGTERM with a last one. */
  async function run(service: string, options: { readonly script?: string; readonly log?: Record<string, string>; readonly tty?: boolean } = {}): Promise<Docker.Container> {
    const numbered = `let n = 0; const say = (m) => console.log(JSON.stringify({ level: 'info', service: '${service}', time: Date.now(), msg: m, n: n++ }));
      setInterval(() => { for (let i = 0; i < 20; i += 1) say('line'); }, 20); process.on('SIGTERM', () => { say('last'); process.exit(3); });`;
    const container = await engine.docker.createContainer({
      name: `caracal-${service}-1`,
      Image: imageName(REGISTRY, 'go', CURRENT),
      Entrypoint: ['node', '-e', options.script ?? numbered],
      Tty: options.tty ?? false,
      Labels: { 'com.docker.compose.project': 'caracal', 'com.docker.compose.service': service, 'com.docker.compose.container-number': '1', 'com.docker.compose.oneoff': 'False' },
      StopTimeout: 2,
      HostConfig: { NetworkMode: 'none', RestartPolicy: { Name: 'unless-stopped' }, LogConfig: { Type: 'json-file', Config: options.log ?? {} } },
    });
    containers.push(container);
    await container.start();
    return container;
  }

  function open(): OpenedLog {
    log = new OpenedLog({ kind: 'compose', name: 'test', project: 'caracal', engine: { host: engine.host } });
    return log;
  }

  /** What the engine has of the container's log: the truth. */
  async function kept(container: Docker.Container): Promise<readonly string[]> {
    const framed = await container.logs({ follow: false, stdout: true, stderr: true });
    const lines: string[] = [];
    for (let at = 0; at + 8 <= framed.length; at += 8 + framed.readUInt32BE(at + 4)) lines.push(framed.toString('utf8', at + 8, at + 8 + framed.readUInt32BE(at + 4)).trimEnd());
    return lines;
  }

  /** Waits until all that the engine has is there, and compares. */
  async function isComplete(container: Docker.Container, service: string): Promise<void> {
    await eventually(`all lines of ${service} are there`, async () => {
      const [wanted, got] = [await kept(container), await (log as OpenedLog).lines(`source:${service}`)];
      return got.filter((line) => !isMark(line)).length >= wanted.length;
    }, 20_000);
    deepEqual((await (log as OpenedLog).lines(`source:${service}`)).filter((line) => !isMark(line)), await kept(container));
  }

  it('has what was logged before and what comes, of all containers in the order of their times', async () => {
    const services = ['sts', 'gateway', 'audit'];
    const running = await Promise.all(services.map((service) => run(service)));
    await eventually('something was logged', async () => (await Promise.all(running.map(kept))).every(({ length }) => length > 100));
    const opened = open();
    await opened.loaded();
    await eventually('it goes on', () => Promise.resolve((opened.state?.rows ?? 0) > 5_000), 20_000);
    await Promise.all(running.map((container) => container.stop()));
    for (const [index, service] of services.entries()) await isComplete(running[index] as Docker.Container, service);
    const times = (await opened.lines('')).filter((line) => !isMark(line)).map((line) => (JSON.parse(line) as { time: number }).time);
    const later = times.filter((time, index) => index > 0 && time < (times[index - 1] ?? 0)).length;
    ok(later <= (opened.state?.late ?? 0), `${later} of ${times.length} lines are out of order, ${String(opened.state?.late)} came late`);
    await eventually('the end is told', async () => /sts: ended, exit code 3/.test((await opened.lines('source:sts')).at(-1) ?? ''));
  });

  it('goes on over a restart of the container', async () => {
    const container = await run('sts');
    const opened = open();
    await opened.loaded();
    await container.restart();
    await eventually('the restart is told', async () => (await opened.lines('source:sts')).some((line) => /restarted/.test(line)), 20_000);
    await container.stop();
    await isComplete(container, 'sts');
    const lines = await opened.lines('source:sts');
    const mark = lines.findIndex((line) => line.includes('restarted'));
    match(lines[mark - 1] ?? '', /"last"/);
    match(lines[mark + 1] ?? '', /"n":0\}/);
  });

  it('goes on over a restart of the engine', async () => {
    const container = await run('sts');
    const opened = open();
    await opened.loaded();
    await engine.stop();
    await engine.start();
    await eventually('the log goes on', async () => (await opened.lines('source:sts')).some((line) => line.includes('restarted')), 30_000);
    await container.stop();
    await isComplete(container, 'sts');
  });

  it('goes on when the engine freezes and thaws', async () => {
    const container = await run('sts');
    const opened = open();
    await opened.loaded();
    await engine.freeze();
    const { rows = 0 } = opened.state ?? {};
    await eventually('the freeze is noticed', () => Promise.resolve(opened.state?.sources.some(({ name, isWell }) => name === 'sts' && !isWell)), 40_000);
    await engine.thaw();
    await eventually('the log goes on', () => Promise.resolve((opened.state?.rows ?? 0) > rows + 1_000), 30_000);
    await container.stop();
    await isComplete(container, 'sts');
    ok((await opened.lines('source:sts')).some((line) => line.includes('back after')));
  });

  it('goes on over rotations', async () => {
    const container = await run('sts', { log: { 'max-size': '200k', 'max-file': '3' } });
    const opened = open();
    await opened.loaded();
    await eventually('it was rotated several times', () => Promise.resolve((opened.state?.rows ?? 0) > 12_000), 30_000);
    const numbers = (lines: readonly string[]): readonly number[] => lines.filter((line) => !isMark(line)).map((line) => (JSON.parse(line) as { n: number }).n);
    const followed = numbers(await opened.lines('source:sts'));
    deepEqual(followed, followed.map((_, index) => (followed[0] ?? 0) + index), 'nothing is lost while it is followed');
    ok((await kept(container)).length < followed.length, 'the engine keeps less than was read');
  });

  it('has lines of any length whole, of both streams and of a terminal', async () => {
    const script = `process.stdout.write('a'.repeat(100_000) + '\\n'); process.stderr.write('b'.repeat(20_000) + '\\n\\n'); setTimeout(() => {}, 100_000);`;
    await run('sts', { script });
    await run('gateway', { script: `console.log('one'); console.log('two'); setTimeout(() => {}, 100_000);`, tty: true });
    const opened = open();
    await eventually('all of it is there', async () => (await opened.lines('')).length >= 4);
    const raw = await Promise.all(Array.from({ length: opened.state?.rows ?? 0 }, async (_, row) => (await opened.remote.record(row)).raw));
    ok(raw.includes('a'.repeat(100_000)));
    ok(raw.some((text) => text.startsWith('b'.repeat(20_000))));
    deepEqual((await opened.lines('source:gateway')), ['one', 'two']);
  });

  it('has containers that come later, and goes on under the same name when one is replaced', async () => {
    const container = await run('sts');
    const opened = open();
    await opened.loaded();
    await run('gateway');
    await eventually('the new one is there', () => Promise.resolve(opened.state?.sources.some(({ name, isWell }) => name === 'gateway' && isWell)), 10_000);
    await container.remove({ force: true });
    containers.splice(containers.indexOf(container), 1);
    await eventually('the end is told', async () => (await opened.lines('source:sts')).some((line) => line.includes('container removed')), 10_000);
    const next = await run('sts', { script: `console.log('the next one'); setTimeout(() => {}, 100_000);` });
    await eventually('the next one is there', async () => (await opened.lines('source:sts')).at(-1) === 'the next one', 10_000);
    deepEqual(opened.state?.sources.filter(({ isWell }) => isWell).map(({ name }) => name).toSorted(), ['gateway', 'sts']);
    await next.stop();
  });

  it('tells which services have no container', async () => {
    await run('sts');
    const opened = open();
    await opened.loaded();
    const absent = ['api', 'gateway', 'audit', 'coordinator', 'web'];
    deepEqual((await opened.lines('')).filter((line) => line.endsWith('has no container, so no log ────')), absent.map((service) => `──── ${service}: has no container, so no log ────`));
    deepEqual(opened.state?.sources.filter(({ standing }) => standing === 'has no container').map(({ name }) => name), absent);
  });

  it('reads no more of what was logged before than it is to, and says so', async () => {
    await run('sts', { script: `for (let n = 0; n < 50; n += 1) console.log('line ' + n); setTimeout(() => {}, 100_000);` });
    await run('audit', { script: `console.log('one'); setTimeout(() => {}, 100_000);` });
    log = new OpenedLog({ kind: 'compose', name: 'test', project: 'caracal', engine: { host: engine.host } }, 20);
    await log.loaded();
    await eventually('its end is there', async () => (await log?.lines('source:sts'))?.at(-1) === 'line 49');
    equal((await log.lines('source:sts')).length, 20);
    deepEqual(log.state?.sources.filter(({ isTailed }) => isTailed).map(({ name }) => name), ['sts']);
  });

  it('says why there is nothing to read', async () => {
    log = new OpenedLog({ kind: 'compose', name: 'test', project: 'caracal', engine: { host: `unix://${folder}/none.sock` } });
    await eventually('the problem is told', () => Promise.resolve(log?.state?.problem !== undefined));
    match(log.state?.problem ?? '', /no such socket|ENOENT/);
  });
});

describe('the log of a Helm release', function () {
  this.timeout(60_000);
  let cluster: ClusterLab;
  let log: OpenedLog;
  /** Numbered lines of the STS pod, as the kubelet has them: of all its runs. */
  let written: string[];
  let writing: NodeJS.Timeout;

  const pod = (): Pod => cluster.pod('sts');
  const line = (): void => {
    const text = JSON.stringify({ level: 'info', service: 'sts', time: Date.now(), msg: `line ${written.length}` });
    written.push(text);
    cluster.api.logs.current(pod(), 'sts').append(text);
  };

  before(async function () {
    this.timeout(60_000);
    cluster = await startClusterLab({ replicas: 1 });
  });

  after(() => cluster.close());

  beforeEach(async () => {
    written = [];
    writing = setInterval(line, 5);
    log = new OpenedLog(await targetIn(cluster.targetFile));
    await log.loaded();
    await grows(100);
  });

  afterEach(async () => {
    clearInterval(writing);
    await log.close();
  });

  async function targetIn(path: string): Promise<Target> {
    return JSON.parse(await readFile(path, 'utf8')) as Target;
  }

  const numbered = async (): Promise<readonly string[]> => (await log.lines('source:sts')).filter((text) => written.includes(text) || isMark(text));

  async function grows(by: number): Promise<void> {
    const { length } = await numbered();
    await eventually('the log goes on', async () => (await numbered()).length >= length + by, 40_000);
  }

  /** Compares with what was written since the log was opened; from the first line that is in both. */
  async function isComplete(): Promise<readonly string[]> {
    clearInterval(writing);
    await eventually('the last line is there', async () => (await numbered()).includes(written.at(-1) ?? ''), 20_000);
    const got = await numbered();
    deepEqual(got.filter((text) => !isMark(text)), written);
    return got.filter(isMark);
  }

  it('has what was logged before and what comes, of all pods', async () => {
    deepEqual(await isComplete(), []);
    const names = log.state?.sources.map(({ name }) => name) ?? [];
    for (const component of ['api', 'sts', 'gateway', 'audit', 'coordinator', 'web']) ok(names.includes(component), names.join(' '));
  });

  it('has lines as they were logged, also when those of another pod with a later time came first', async () => {
    clearInterval(writing);
    const ahead = JSON.stringify({ level: 'info', service: 'gateway', time: Date.now() + 4_000, msg: 'ahead' });
    cluster.api.logs.current(cluster.pod('gateway'), 'gateway').append(ahead);
    await eventually('it is there', async () => (await log.lines('source:gateway')).includes(ahead));
    writing = setInterval(line, 5);
    await grows(100);
    deepEqual(await isComplete(), []);
    ok((log.state?.late ?? 0) > 0);
  });

  const disturbances: readonly (readonly [what: string, disturb: () => Promise<void> | void])[] = [
    ['drops all connections', () => cluster.api.disconnect()],
    ['is away for a while', async () => {
      await cluster.api.refuse();
      await wait(1_500);
      await cluster.api.resume();
    }],
    ['ends the streams of the pod', () => cluster.api.dropStreamsOf(pod())],
    ['asks to wait', async () => {
      cluster.api.throttle(1);
      cluster.api.disconnect();
      await wait(500);
      cluster.api.throttle(undefined);
    }],
    ['ends its watches with 410', () => cluster.api.expireWatches()],
  ];
  for (const [what, disturb] of disturbances) {
    it(`goes on when the API server ${what}`, async () => {
      await disturb();
      await grows(100);
      const marks = await isComplete();
      equal(marks.length > 0, what !== 'ends its watches with 410', marks.join('\n'));
    });
  }

  it('notices that the API server is silent, and goes on when it speaks again', async () => {
    cluster.api.freeze();
    await eventually('the silence is noticed', () => Promise.resolve(log.state?.sources.some(({ isWell }) => !isWell)), 40_000);
    cluster.api.thaw();
    await grows(100);
    ok((await isComplete()).some((mark) => mark.includes('back after')));
  });

  it('goes on with the next run of the container, and has the rest of the run before', async () => {
    cluster.api.disconnect();
    line();
    restarted(cluster, pod(), { ended: { exitCode: 2, reason: 'Error' }, restarts: 1 });
    await grows(100);
    ok((await isComplete()).some((mark) => mark.includes('restarted')));
  });
});

describe('the log of files', function () {
  this.timeout(30_000);
  let log: OpenedLog;
  let path: string;

  beforeEach(async () => {
    await mkdir(join(folder, 'files'), { recursive: true });
    path = join(folder, 'files/sts.log');
    await writeFile(path, 'one\ntwo\n');
    log = new OpenedLog({ kind: 'endpoints', name: 'test', services: {}, logs: { sts: 'files/sts.log', gateway: 'files/none.log' } });
  });

  afterEach(() => log.close());

  const until = (...wanted: readonly string[]): Promise<unknown> => eventually(wanted.join(' '), async () => JSON.stringify(await log.lines('source:sts')) === JSON.stringify(wanted));

  it('goes on as the files do: when lines are added, when they are cut off, and when they are replaced', async () => {
    await until('one', 'two');
    await appendFile(path, 'three\nfo');
    await until('one', 'two', 'three');
    await appendFile(path, 'ur\n');
    await until('one', 'two', 'three', 'four');
    await rename(path, `${path}.1`);
    await writeFile(path, 'five\n');
    await until('one', 'two', 'three', 'four', '──── sts: the file was rotated, the log goes on ────', 'five');
  });

  it('says which file is away, and reads it when it is there', async () => {
    await eventually('it is told', () => Promise.resolve(log.state?.sources.some(({ name, isWell }) => name === 'gateway' && !isWell)));
    await writeFile(join(folder, 'files/none.log'), 'here\n');
    await eventually('it is read', async () => (await log.lines('source:gateway')).at(-1) === 'here');
  });

  it('is saved as it is shown, with secrets masked', async () => {
    const secret = 'abcdefghijklmnopqrstuvwxyz0123456789';
    await appendFile(path, `Authorization: Bearer ${secret}\nanother line\n`);
    await until('one', 'two', `Authorization: Bearer ${secret}`, 'another line');
    const view = await log.remote.openView();
    equal(await log.remote.filter(view, 'Authorization'), undefined);
    const saved = join(folder, 'files/saved.log');
    const written: number[] = [];
    const options = { log: log.remote, view, records: 1, path: saved, redactor: createRedactor(), onProgress: (records: number) => written.push(records) };
    await saveLog({ ...options, signal: new AbortController().signal });
    match(await readFile(saved, 'utf8'), /^Authorization: Bearer ‹[^›]+›\n$/);
    equal((await stat(saved)).mode & 0o777, 0o600);
    deepEqual(written, [1]);
    await rejects(saveLog({ ...options, signal: AbortSignal.abort(new Error('stopped')) }), /stopped/);
    await rejects(readFile(saved), { code: 'ENOENT' });
  });

  it('keeps what came in where nobody else can read it', async () => {
    await until('one', 'two');
    const { mode } = await stat(join(folder, 'spill'));
    equal(mode & 0o777, 0o700);
  });
});
