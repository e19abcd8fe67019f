import { deepEqual, equal, ok } from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { followContainer } from '../../src/logs/sources/follow.ts';
import type { Brought } from '../../src/logs/sources/follow.ts';
import { Refused, Unavailable } from '../../src/targets/failures.ts';
import type { ContainerLogs, LoggingContainer, LogQuestion, StampedLine } from '../../src/targets/logs.ts';

/** A log that a test writes and breaks. */
class Playground implements ContainerLogs {
  readonly logPerRun: boolean;
  container: LoggingContainer | undefined;
  /** Of each run, the newest last. */
  runs: StampedLine[][] = [[]];
  /** What asking for it throws. */
  refusal: Error | undefined;
  /** What the next streams throw, one after the other. */
  readonly refusals: Error[] = [];
  /** Streams that are open give nothing more, and do not end. */
  isSilent = false;
  readonly questions: LogQuestion[] = [];
  #count = 0;
  #changed = Promise.withResolvers<undefined>();
  #ended = Promise.withResolvers<Error | undefined>();

  constructor(logPerRun: boolean) {
    this.logPerRun = logPerRun;
    this.container = { id: 'a', component: 'sts', name: 'sts-1', run: this.#run(0), isRunning: true, end: undefined };
  }

  #run(number: number): string {
    return this.logPerRun ? String(number) : `2026-08-20T10:0${number}:00Z`;
  }

  /** Logs lines that are numbered through, so that loss can be counted. */
  log(count: number, run = this.runs.length - 1): void {
    for (let line = 0; line < count; line += 1) {
      const at = new Date(Date.UTC(2026, 7, 20, 10, run, 1) + this.#count * 100).toISOString();
      this.runs[run]?.push({ stamp: at, stream: 'stdout', bytes: Buffer.from(String(this.#count)) });
      this.#count += 1;
    }
    this.#notify();
  }

  /** Ends open streams: in order, or with an error. */
  cut(error?: Error): void {
    this.#ended.resolve(error);
    this.#ended = Promise.withResolvers();
  }

  stop(): void {
    const endedAt = `2026-08-20T10:0${this.runs.length - 1}:59Z`;
    this.container = this.container && { ...this.container, isRunning: false, end: 'exit code 1', endedAt };
    this.cut();
    this.#notify();
  }

  start(): void {
    this.runs.push([]);
    this.container = this.container && { ...this.container, run: this.#run(this.runs.length - 1), isRunning: true, end: undefined };
    this.#notify();
  }

  remove(): void {
    this.container = undefined;
    this.cut();
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }

  changed = (): Promise<unknown> => this.#changed.promise;

  containers(): Promise<readonly LoggingContainer[]> {
    if (this.refusal) return Promise.reject(this.refusal);
    return Promise.resolve(this.container === undefined ? [] : [this.container]);
  }

  async *lines(_: LoggingContainer, question: LogQuestion, signal: AbortSignal): AsyncGenerator<readonly StampedLine[]> {
    this.questions.push(question);
    const refusal = this.refusal ?? this.refusals.shift();
    if (refusal) throw refusal;
    const ended = this.#ended.promise;
    const of = (): readonly StampedLine[] => (this.logPerRun ? (question.previous === true ? this.runs.at(-2) : this.runs.at(-1)) ?? [] : this.runs.flat());
    const { since = '', tail = Infinity } = question;
    // Kubernetes takes whole seconds.
    const there = of().filter(({ stamp }) => stamp >= since.slice(0, 19)).slice(-tail);
    if (there.length > 0) yield there;
    let given = of().length;
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => undefined);
    signal.addEventListener('abort', () => aborted.reject(signal.reason as Error));
    while (question.follow) {
      const end = await Promise.race([ended.then((error) => ({ error })), this.#changed.promise.then(() => undefined), aborted.promise]);
      const lines = this.isSilent || end ? [] : of().slice(given);
      given += lines.length;
      if (lines.length > 0) yield lines;
      if (end?.error) throw end.error;
      if (end) return;
    }
  }

  async *changes(): AsyncGenerator {
    // The tests tell by `changed`.
  }

  close(): void {
    // Nothing is open.
  }
}

describe('a container that is followed', () => {
  let stop: AbortController;
  let got: string[];

  function wordsOf(brought: Brought): string[] {
    if (brought.kind === 'lines') return brought.lines.map(({ bytes }) => bytes.toString());
    return [brought.kind === 'mark' ? brought.mark.kind : brought.kind];
  }

  function follow(logs: Playground, tail = 1000): Promise<void> {
    stop = new AbortController();
    got = [];
    return (async () => {
      const container = logs.container;
      ok(container);
      for await (const brought of followContainer({ logs, container, tail, changed: logs.changed, signal: stop.signal })) got.push(...wordsOf(brought));
    })();
  }

  async function until(what: string): Promise<void> {
    for (const end = Date.now() + 1_500; got.at(-1) !== what; await wait(5)) ok(Date.now() < end, `${what} did not come: ${got.join(' ')}`);
  }

  function numbers(to: number): string[] {
    return Array.from({ length: to }, (_, number) => String(number));
  }

  afterEach(() => stop.abort(new Error('over')));

  for (const logPerRun of [false, true]) {
    describe(logPerRun ? 'with a log for each run' : 'with one log for all runs', () => {
      let logs: Playground;
      let work: Promise<void>;

      beforeEach(async () => {
        logs = new Playground(logPerRun);
        logs.log(3);
        work = follow(logs);
        work.catch(() => undefined);
        await until('caught-up');
      });

      it('brings what was there, then what comes', async () => {
        logs.log(2);
        await until('4');
        deepEqual(got, ['0', '1', '2', 'caught-up', '3', '4']);
      });

      for (const [how, error] of [['ends', undefined], ['is reset', new Refused('ECONNRESET', 'reset')]] as const) {
        it(`loses and repeats nothing when the stream ${how}`, async () => {
          logs.log(1);
          await until('3');
          logs.cut(error);
          logs.log(4);
          await until('7');
          deepEqual(got, ['0', '1', '2', 'caught-up', '3', 'back', '4', '5', '6', '7']);
        });
      }

      it('goes on after the place that is asked is away for a while', async () => {
        logs.refusal = new Refused('ECONNREFUSED', 'refused');
        logs.cut(logs.refusal);
        logs.log(2);
        await wait(300);
        logs.refusal = undefined;
        await until('4');
        deepEqual(got, ['0', '1', '2', 'caught-up', 'back', '3', '4']);
      });

      it('tells that lines are missing when what it read is no longer there', async () => {
        logs.cut(new Refused('ECONNRESET', 'reset'));
        logs.log(30);
        logs.runs[0]?.splice(0, 10);
        await until('32');
        deepEqual(got.slice(3, 7), ['caught-up', 'back', 'missing', '10']);
        deepEqual(got.slice(6), numbers(33).slice(10));
      });

      it('tells of the end, waits, and goes on with the next run', async () => {
        logs.log(2);
        logs.stop();
        await until('ended');
        logs.start();
        logs.log(2);
        await until('6');
        deepEqual(got, ['0', '1', '2', 'caught-up', '3', '4', 'ended', 'restarted', '5', '6']);
      });

      it('brings the rest of a run that ended while the stream was lost', async () => {
        logs.cut(new Refused('ECONNRESET', 'reset'));
        logs.log(2);
        logs.start();
        logs.container = logs.container && { ...logs.container, ...(logPerRun ? {} : { endedAt: '2026-08-20T10:00:59Z' }) };
        logs.log(2);
        await until('6');
        deepEqual(got.filter((word) => word !== 'back'), ['0', '1', '2', 'caught-up', '3', '4', 'restarted', '5', '6']);
      });

      it('ends when the container is removed', async () => {
        logs.remove();
        await work;
        equal(got.at(-1), 'removed');
      });

      it('ends when its log may not be read', async () => {
        logs.refusal = new Unavailable('no permission: get pods/log', 'bind a role');
        logs.cut(logs.refusal);
        await work;
        equal(got.at(-1), 'refused');
      });
    });
  }

  it('leaves out nothing that comes after it began with an empty log', async () => {
    const logs = new Playground(false);
    void follow(logs, 3).catch(() => undefined);
    await until('caught-up');
    await wait(20);
    logs.cut(new Refused('ECONNRESET', 'reset'));
    logs.log(10);
    await until('9');
    deepEqual(got, ['caught-up', 'back', ...numbers(10)]);
  });

  it('asks again from the last two seconds on', async () => {
    const logs = new Playground(false);
    logs.log(25);
    void follow(logs).catch(() => undefined);
    await until('caught-up');
    await wait(20);
    deepEqual(logs.questions.map(({ since, tail, follow: isFollowed }) => [since, tail, isFollowed]), [[undefined, 1000, false], ['2026-08-20T10:00:02Z', undefined, true]]);
  });

  describe('whose next run began while the stream was lost', () => {
    let logs: Playground;

    beforeEach(async () => {
      logs = new Playground(true);
      logs.log(3);
      void follow(logs, 3).catch(() => undefined);
      await until('caught-up');
      await wait(20);
    });

    it('asks for the rest of the run before until it is answered', async () => {
      logs.refusals.push(new Refused('ECONNRESET', 'reset'));
      logs.cut();
      logs.log(2);
      logs.start();
      logs.log(2);
      await until('6');
      deepEqual(got, ['0', '1', '2', 'caught-up', 'back', '3', '4', 'restarted', '5', '6']);
    });

    it('tells that lines are missing when the log of the run before is gone', async () => {
      logs.refusals.push(new Refused('BadRequest', 'previous terminated container not found'));
      logs.cut();
      logs.log(2);
      logs.start();
      logs.log(2);
      await until('6');
      deepEqual(got, ['0', '1', '2', 'caught-up', 'missing', 'restarted', '5', '6']);
    });

    it('has all of the next run, however much it logs', async () => {
      logs.cut();
      logs.start();
      logs.log(10);
      await until('12');
      deepEqual(got, ['0', '1', '2', 'caught-up', 'restarted', ...numbers(13).slice(3)]);
    });

    it('repeats nothing of a run whose log was read before its start was seen', async () => {
      logs.runs.push([]);
      logs.log(2);
      logs.cut();
      await until('4');
      await wait(20);
      logs.container = logs.container && { ...logs.container, run: '1' };
      logs.cut();
      logs.log(1);
      await until('5');
      deepEqual(got, ['0', '1', '2', 'caught-up', 'back', 'missing', '3', '4', 'restarted', '5']);
    });
  });

  it('says nothing of runs in between, but that their lines are missing', async () => {
    const logs = new Playground(true);
    logs.log(1);
    void follow(logs).catch(() => undefined);
    await until('caught-up');
    logs.start();
    logs.log(1);
    logs.start();
    logs.cut();
    logs.log(1);
    await until('2');
    deepEqual(got, ['0', 'caught-up', 'restarted', 'missing', '2']);
  });
});
