import { messageOf, within } from './deadline.ts';
import type { Log } from './logging.ts';

type Step = { name: string; run: () => Promise<void> | void };

/**
 * The orderly end of API, Coordinator and web: steps run one after another, latest registered
 * first, within one time limit (Caracal packages/serverCore/ts/src/lifecycle.ts).
 */
export class Shutdown {
  readonly #steps: Step[] = [];
  readonly #log: Log;
  readonly #limitMs: number;
  #draining = false;

  constructor(log: Log, limitMs: number) {
    this.#log = log;
    this.#limitMs = limitMs;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        void this.fire(signal, 0);
      });
    }
  }

  get draining(): boolean {
    return this.#draining;
  }

  register(name: string, run: Step['run']): void {
    this.#steps.unshift({ name, run });
  }

  async fire(reason: string, exitCode: number): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    let code = exitCode;
    this.#log('info', 'shutdown initiated', { reason, entries: this.#steps.length });
    const deadline = Date.now() + this.#limitMs;
    for (const { name, run } of this.#steps) {
      const remaining = deadline - Date.now();
      try {
        await within(Promise.resolve(run()), remaining, `shutdown step ${name} did not complete within ${String(remaining)}ms`);
        this.#log('info', 'shutdown step completed', { entry: name });
      } catch (error) {
        this.#log('error', 'shutdown step failed', { entry: name, err: messageOf(error) });
        code = 1;
      }
    }
    process.exit(code);
  }
}

/** Ends a job that repeats itself; resolves when a round that was under way is over. */
export type StopJob = () => Promise<void>;

/** Runs `round` every `intervalMs`, never two at a time, the first after one interval. */
export function repeat(intervalMs: number, round: () => Promise<void>, onError: (error: unknown) => void): StopJob {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= round().catch(onError).finally(() => {
      running = undefined;
    });
  }, intervalMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}
