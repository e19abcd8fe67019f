import { setTimeout as wait } from 'node:timers/promises';
import { Refused, Unavailable } from '../../targets/failures.ts';
import type { ContainerLogs, LoggingContainer, LogQuestion, StampedLine } from '../../targets/logs.ts';
import { Cursor, wholeStamp } from '../cursor.ts';
import type { Mark } from '../marks.ts';

/** What a source brings. */
export type Brought =
  | { readonly kind: 'lines'; readonly lines: readonly StampedLine[] }
  /** All that was logged before is there. */
  | { readonly kind: 'caught-up' }
  | { readonly kind: 'mark'; readonly mark: Mark };

export interface FollowOptions {
  readonly logs: ContainerLogs;
  readonly container: LoggingContainer;
  /** No more lines than these of what was logged before. */
  readonly tail: number;
  /** Resolves when containers may be others than before. */
  readonly changed: () => Promise<unknown>;
  readonly signal: AbortSignal;
}

const firstPauseMs = 250;
const longestPauseMs = 10_000;
/** A way that is back sooner is told with one mark. */
const briefMs = 2_000;
/** A stream that is quiet for so long is compared with the log itself. */
const quietMs = 10_000;
const answerWithinMs = 4_000;
/** What stands in the log and does not come within this time will not come. */
const overdueMs = 2_000;
const streamEnded = 'the stream ended';
/** How Kubernetes says that there is no log of the run before. */
const goneCodes: ReadonlySet<string> = new Set(['BadRequest', 'NotFound']);
/** A container that ended is looked at again, also when no event says so. */
const lookAgainMs = 5_000;

/**
 * Brings the log of one container: what was logged before, then what comes, over restarts of it and losses of
 * the way. Ends when the container is gone or may not be read.
 *
 * @throws the signal's reason
 */
export async function* followContainer(options: FollowOptions): AsyncGenerator<Brought> {
  yield* new Follower(options).run();
}

class Follower {
  readonly #options: FollowOptions;
  #container: LoggingContainer;
  readonly #cursor = new Cursor();
  /** Of what was logged before; undefined when that was read: of what comes then nothing is left out. */
  #tail: number | undefined;
  #lost: { readonly at: number; readonly why: string; told: boolean } | undefined;
  #pauseMs = firstPauseMs;
  /** Nothing was read of the log of this run: none of what was read before comes again in it. */
  #isRunNew = false;
  /** Told with the first line that came after the last run. */
  #restart: { readonly endedAt: string; readonly end: string | undefined } | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#container = options.container;
    this.#tail = options.tail;
  }

  async *run(): AsyncGenerator<Brought> {
    const { signal, changed } = this.#options;
    let [isCaughtUp, isEndTold] = [false, false];
    const caughtUp = function* (): Generator<Brought> {
      if (!isCaughtUp) yield { kind: 'caught-up' };
      isCaughtUp = true;
    };
    for (let isFirst = true; ; isFirst = false) {
      try {
        const next = isFirst ? this.#container : await this.#look();
        if (next === undefined) {
          yield { kind: 'mark', mark: { kind: 'removed' } };
          return;
        }
        if (next.run !== this.#container.run) {
          yield* this.#restarted(next);
          isEndTold = false;
        }
        this.#container = next;
        if (!next.isRunning && this.#lost?.why === streamEnded) this.#lost = undefined;
        if (next.run !== '' && !isEndTold) yield* this.#read({ follow: false });
        yield* caughtUp();
        if (next.isRunning) {
          isEndTold = false;
          yield* this.#read({ follow: true });
          // Whether that was its own end is seen by the container.
          this.#lose(streamEnded);
        } else {
          if (!isEndTold && next.end !== undefined) yield { kind: 'mark', mark: { kind: 'ended', end: next.end } };
          isEndTold = true;
          await Promise.race([changed(), wait(lookAgainMs, undefined, { signal })]);
        }
      } catch (error) {
        signal.throwIfAborted();
        yield* caughtUp();
        if (error instanceof Unavailable) {
          yield { kind: 'mark', mark: { kind: 'refused', why: error.message } };
          return;
        }
        if (!(error instanceof Refused)) throw error;
        this.#lose(error.message);
      }
      yield* this.#pause();
    }
  }

  /** One stream from the cursor on, to its end. */
  async *#read({ follow, previous = false }: Pick<LogQuestion, 'follow' | 'previous'>): AsyncGenerator<Brought> {
    const { logs } = this.#options;
    const from = this.#cursor.since;
    const resumption = this.#cursor.resume();
    const newest = this.#cursor.newest;
    // Whether something that was read before must come again.
    const goesOn = from !== undefined && !this.#isRunNew;
    const question: LogQuestion = { follow, previous, ...(from !== undefined ? { since: from } : this.#tail === undefined ? {} : { tail: this.#tail }) };
    const stream = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, stream.signal]);
    const pieces = logs.lines(this.#container, question, signal)[Symbol.asyncIterator]();
    let isResumed = false;
    try {
      for (;;) {
        const piece = await (follow ? this.#next(pieces) : pieces.next());
        if (piece.done === true) {
          this.#tail = undefined;
          if (previous && goesOn && !isResumed) yield this.#missing();
          return;
        }
        const lines = piece.value.filter((line) => resumption.isNew(line) && this.#cursor.read(line));
        if (!isResumed && (resumption.isComplete || lines.length > 0)) {
          isResumed = true;
          yield* this.#resumed(goesOn && !resumption.isComplete ? { from: newest, to: lines[0]?.stamp ?? '' } : undefined);
        }
        if (lines.length > 0) {
          this.#isRunNew = false;
          yield* this.#bring(lines);
        }
      }
    } finally {
      stream.abort(new Error('another stream takes over'));
      await pieces.return?.().catch(() => undefined);
    }
  }

  /** The next piece. A stream that is quiet although the log goes on is lost. */
  async #next(pieces: AsyncIterator<readonly StampedLine[]>): Promise<IteratorResult<readonly StampedLine[]>> {
    const piece = pieces.next();
    piece.catch(() => undefined);
    for (;;) {
      const quiet = await within(piece, quietMs, this.#options.signal);
      if (quiet !== undefined) return quiet;
      if (!(await this.#isBehind())) continue;
      const late = await within(piece, overdueMs, this.#options.signal);
      if (late !== undefined) return late;
      throw new Refused('SILENT', 'the stream is silent, and the log goes on');
    }
  }

  /** Whether the log holds something that the stream did not bring. */
  async #isBehind(): Promise<boolean> {
    const { logs, signal } = this.#options;
    const limit = AbortSignal.timeout(answerWithinMs);
    let newest = '';
    try {
      for await (const lines of logs.lines(this.#container, { follow: false, tail: 1 }, AbortSignal.any([signal, limit]))) newest = lines.at(-1)?.stamp ?? newest;
    } catch (error) {
      signal.throwIfAborted();
      throw limit.aborted ? new Refused('ETIMEDOUT', `no answer within ${answerWithinMs / 1_000} s`) : error;
    }
    return newest !== '' && wholeStamp(newest) > this.#cursor.newest;
  }

  *#bring(lines: readonly StampedLine[]): Generator<Brought> {
    const restart = this.#restart;
    const first = restart === undefined ? -1 : lines.findIndex(({ stamp }) => wholeStamp(stamp) > restart.endedAt);
    if (first === -1) {
      yield { kind: 'lines', lines };
      return;
    }
    if (first > 0) yield { kind: 'lines', lines: lines.slice(0, first) };
    yield* this.#tellRestart();
    yield { kind: 'lines', lines: lines.slice(first) };
  }

  *#tellRestart(): Generator<Brought> {
    if (this.#restart === undefined) return;
    yield { kind: 'mark', mark: { kind: 'restarted', end: this.#restart.end } };
    this.#restart = undefined;
  }

  *#resumed(missing: { readonly from: string; readonly to: string } | undefined): Generator<Brought> {
    this.#pauseMs = firstPauseMs;
    if (this.#lost !== undefined) yield { kind: 'mark', mark: { kind: 'back', lostAt: this.#lost.at, afterMs: Date.now() - this.#lost.at } };
    this.#lost = undefined;
    if (missing !== undefined) yield { kind: 'mark', mark: { kind: 'missing', ...missing } };
  }

  /** The container was started again: what is left of its last run comes first. */
  async *#restarted(next: LoggingContainer): AsyncGenerator<Brought> {
    const { logs } = this.#options;
    const { run, end = next.end } = this.#container;
    // A start that was never before is no restart. Nothing was logged before it.
    if (run === '') {
      this.#tail = undefined;
      return;
    }
    if (!logs.logPerRun) {
      this.#lost = undefined;
      this.#restart = { endedAt: wholeStamp(next.endedAt ?? next.run), end };
      this.#container = next;
      yield* this.#read({ follow: false });
      yield* this.#tellRestart();
      return;
    }
    if (this.#lost?.why === streamEnded) this.#lost = undefined;
    const isNext = Number(next.run) === Number(run) + 1;
    if (isNext) yield* this.#rest();
    this.#lost = undefined;
    // The cursor stays: what was taken for the rest of a run may have been the next one already.
    this.#isRunNew = true;
    yield { kind: 'mark', mark: { kind: 'restarted', end } };
    if (!isNext) yield this.#missing();
  }

  /**
   * The rest of the run before, whose log is kept until the one after it ends.
   *
   * @throws Refused where it may be there and was not read to its end
   */
  async *#rest(): AsyncGenerator<Brought> {
    try {
      yield* this.#read({ follow: false, previous: true });
    } catch (error) {
      if (!(error instanceof Refused) || !goneCodes.has(error.code)) throw error;
      yield this.#missing();
    }
  }

  /** What came after the newest line that was read may be lost. */
  #missing(): Brought {
    return { kind: 'mark', mark: { kind: 'missing', from: this.#cursor.newest, to: '' } };
  }

  async #look(): Promise<LoggingContainer | undefined> {
    const containers = await this.#options.logs.containers(this.#options.signal);
    return containers.find(({ id }) => id === this.#container.id);
  }

  #lose(why: string): void {
    this.#lost ??= { at: Date.now(), why, told: false };
  }

  async *#pause(): AsyncGenerator<Brought> {
    if (this.#lost === undefined) return;
    const { signal } = this.#options;
    await wait(this.#pauseMs, undefined, { signal });
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
    if (this.#lost.told || Date.now() - this.#lost.at < briefMs) return;
    this.#lost.told = true;
    yield { kind: 'mark', mark: { kind: 'lost', at: this.#lost.at, why: this.#lost.why } };
  }
}

/** What a promise gives within a time, else undefined. */
async function within<Value>(promise: Promise<Value>, ms: number, signal: AbortSignal): Promise<Value | undefined> {
  const timer = new AbortController();
  try {
    return await Promise.race([promise, wait(ms, undefined, { signal: AbortSignal.any([signal, timer.signal]) })]);
  } finally {
    timer.abort();
  }
}
