import { isAbsolute, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { serviceNames } from '../model/serviceNames.ts';
import type { Redactor } from '../redaction/redactor.ts';
import { Refused, Unavailable } from '../targets/failures.ts';
import type { LocatedTarget } from '../targets/located.ts';
import type { ContainerLogs, LoggingContainer } from '../targets/logs.ts';
import { openContainerLogs } from '../targets/openLogs.ts';
import { openSpill } from './bytes.ts';
import { LogHub } from './hub.ts';
import type { Mark } from './marks.ts';
import { holdBackMs } from './merge.ts';
import type { OpenLog } from './openLog.ts';
import type { SourceState } from './protocol.ts';
import { fileLines, followFile } from './sources/file.ts';
import { followContainer } from './sources/follow.ts';

/** Of a file, the lines that are wanted are taken to be no longer on average. */
const bytesOfLine = 400;

/** Containers are listed again also when no event says that they changed. */
const listAgainMs = 10_000;
/** What was brought last has its place by then. */
const settledMs = holdBackMs + 200;
/** Several events come with each change. */
const settleMs = 150;
const firstPauseMs = 500;
const longestPauseMs = 10_000;

interface Options {
  readonly located: LocatedTarget;
  /** Of what was logged before, no more lines than these of each source. */
  readonly tail: number;
  /** A new file of this name takes what comes in; it is gone when the log is closed. */
  readonly spillPath: string;
  readonly redactor: Redactor;
}

/**
 * The log of a target: of all its containers, also of those that come later, or of its log files.
 *
 * @throws Error with the code of the file system
 */
export function openLiveLog(options: Options): OpenLog {
  return new LiveLog(options);
}

class LiveLog implements OpenLog {
  readonly log: LogHub;
  readonly #located: LocatedTarget;
  readonly #tail: number;
  readonly #redactor: Redactor;
  readonly #closing = new AbortController();
  readonly #states: SourceState[] = [];
  readonly #loading = new Set<number>();
  /** Sources of containers that are there, by the name of each. */
  readonly #names = new Map<string, { readonly source: number; isLive: boolean }>();
  readonly #followed = new Set<string>();
  #change = Promise.withResolvers<undefined>();
  #isOpen = false;
  #caughtUpAt = 0;
  problem: string | undefined;

  constructor({ located, tail, spillPath, redactor }: Options) {
    this.#located = located;
    this.#tail = tail;
    this.#redactor = redactor;
    this.log = new LogHub(openSpill(spillPath));
    const { target } = located;
    if (target.kind === 'endpoints' && target.logs !== undefined) {
      this.#isOpen = true;
      for (const [name, path] of Object.entries(target.logs)) this.#run(this.#followFile(name, isAbsolute(path) ? path : join(located.folder, path)));
    } else this.#run(this.#followTarget());
  }

  get findings(): OpenLog['findings'] {
    return this.log.findings;
  }

  get late(): OpenLog['late'] {
    return this.log.late;
  }

  get skewMs(): number | undefined {
    return this.log.skewMs;
  }

  get sources(): readonly SourceState[] {
    return this.#states;
  }

  get isLoaded(): boolean {
    return this.#isOpen && this.#loading.size === 0 && Date.now() - this.#caughtUpAt > settledMs;
  }

  advance(now: number): boolean {
    return this.log.settle(now) > 0;
  }

  close(): void {
    this.#closing.abort(new Error('the log was closed'));
    this.log.close();
  }

  get #signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** What fails for another reason than the close is an error of ours, and must not stay unseen. */
  #run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#signal.aborted) this.problem = error instanceof Error ? error.message : String(error);
    });
  }

  async #followTarget(): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      let logs: ContainerLogs | undefined;
      try {
        logs = await openContainerLogs(this.#located, this.#redactor);
        await logs.containers(this.#signal);
        this.problem = undefined;
        await this.#followAll(logs);
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof Refused) && !(error instanceof Unavailable)) throw error;
        this.problem = error.message;
      } finally {
        logs?.close();
      }
      await wait(pauseMs, undefined, { signal: this.#signal });
    }
  }

  /** Never ends by itself: where the way is lost, each follower waits for it. */
  async #followAll(logs: ContainerLogs): Promise<void> {
    this.#run(this.#watch(logs));
    for (;;) {
      try {
        const containers = await logs.containers(this.#signal);
        for (const container of containers.filter(({ id }) => !this.#followed.has(id))) {
          this.#followed.add(container.id);
          this.#run(this.#follow(logs, container));
        }
        if (!this.#isOpen) this.#tellAbsent(containers);
        this.#isOpen = true;
        this.problem = undefined;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof Refused) && !(error instanceof Unavailable)) throw error;
        this.problem = error.message;
      }
      await Promise.race([this.#change.promise, wait(listAgainMs, undefined, { signal: this.#signal })]);
    }
  }

  /** A service that does not log is easily taken for one that has nothing to say. */
  #tellAbsent(containers: readonly LoggingContainer[]): void {
    for (const service of serviceNames.filter((name) => !containers.some(({ component }) => component === name))) {
      const source = this.#source(service);
      this.#mark(source, { kind: 'absent' }, Date.now());
      this.#caughtUp(source);
      this.#names.set(service, { source, isLive: false });
    }
  }

  async #watch(logs: ContainerLogs): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        const changes = logs.changes(this.#signal)[Symbol.asyncIterator]();
        while ((await changes.next()).done !== true) {
          pauseMs = firstPauseMs;
          await wait(settleMs, undefined, { signal: this.#signal });
          this.#changed();
        }
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof Refused) && !(error instanceof Unavailable)) throw error;
      }
      await wait(pauseMs, undefined, { signal: this.#signal });
      this.#changed();
    }
  }

  #changed(): void {
    const before = this.#change;
    this.#change = Promise.withResolvers();
    before.resolve(undefined);
  }

  async #follow(logs: ContainerLogs, container: LoggingContainer): Promise<void> {
    const name = this.#nameOf(container);
    const source = this.#source(name);
    let [before, isBehind] = [0, true];
    try {
      for await (const brought of followContainer({ logs, container, tail: this.#tail, changed: () => this.#change.promise, signal: this.#signal })) {
        const now = Date.now();
        if (brought.kind === 'lines') {
          this.log.lines(source, brought.lines, now);
          if (isBehind) before += brought.lines.length;
        } else if (brought.kind === 'mark') this.#mark(source, brought.mark, now);
        else {
          isBehind = false;
          if (before >= this.#tail) this.#tailed(source);
          this.#caughtUp(source);
        }
      }
    } finally {
      const known = this.#names.get(name);
      if (known !== undefined) known.isLive = false;
    }
  }

  async #followFile(name: string, path: string): Promise<void> {
    const source = this.#source(name);
    let lines = fileLines();
    for await (const brought of followFile(path, this.#tail * bytesOfLine, this.#signal)) {
      const now = Date.now();
      if (brought.kind === 'bytes') {
        this.log.lines(source, lines(brought.bytes), now);
        this.#stand(source, 'follows', true);
      } else if (brought.kind === 'caught-up') this.#caughtUp(source);
      else if (brought.kind === 'tailed') this.#tailed(source);
      else {
        lines = fileLines();
        this.#mark(source, brought.kind === 'rotated' ? { kind: 'rotated' } : { kind: 'refused', why: brought.why }, now);
      }
    }
  }

  /** The component's name; of several at a time each after the first has more of its own. */
  #nameOf({ component, name }: LoggingContainer): string {
    const candidates = [component, `${component}/${/[^-_/]*$/.exec(name)?.[0] ?? name}`, name];
    return candidates.find((one) => one !== '' && this.#names.get(one)?.isLive !== true) ?? name;
  }

  /** The source of a name: one that was replaced goes on under its number. */
  #source(name: string): number {
    const known = this.#names.get(name);
    const source = known?.source ?? this.log.addSource(name, Date.now());
    this.#names.set(name, { source, isLive: true });
    this.#states[source] = { name, standing: 'reads', isWell: true, isTailed: false };
    this.#loading.add(source);
    return source;
  }

  #caughtUp(source: number): void {
    this.log.caughtUp(source);
    this.#loading.delete(source);
    this.#caughtUpAt = Date.now();
    if (this.#states[source]?.isWell === true) this.#stand(source, 'follows', true);
  }

  #tailed(source: number): void {
    const state = this.#states[source];
    if (state !== undefined) this.#states[source] = { ...state, isTailed: true };
  }

  #mark(source: number, mark: Mark, now: number): void {
    this.log.mark(source, mark, now);
    if (mark.kind === 'back' || mark.kind === 'restarted' || mark.kind === 'rotated') this.#stand(source, 'follows', true);
    else if (mark.kind === 'lost' || mark.kind === 'refused') this.#stand(source, `${mark.kind}: ${mark.why}`, false);
    else if (mark.kind === 'absent') this.#stand(source, 'has no container', false);
    else if (mark.kind !== 'missing') this.#stand(source, mark.kind, true);
  }

  #stand(source: number, standing: string, isWell: boolean): void {
    this.#states[source] = { name: this.log.sources[source] ?? '', standing, isWell, isTailed: this.#states[source]?.isTailed === true };
  }
}
