import { abortable } from './abortable.ts';

/** How long an answer serves others; a second look comes later than this. */
const servesMs = 1_500;

interface Entry {
  readonly answer: Promise<unknown>;
  endedMs: number | undefined;
}

/**
 * Answers that several questions share. What is asked goes on when one of those who wait gives up; it
 * ends when the deployment is closed.
 */
export class Shared {
  readonly #closed: AbortSignal;
  readonly #entries = new Map<string, Entry>();

  /** @param closed Aborted when the deployment is closed. */
  constructor(closed: AbortSignal) {
    this.#closed = closed;
  }

  /** @throws what `ask` throws; the signal's reason when it is aborted. */
  ask<Value>(key: string, ask: (closed: AbortSignal) => Promise<Value>, signal: AbortSignal): Promise<Value> {
    const either = AbortSignal.any([signal, this.#closed]);
    if (either.aborted) return Promise.reject(either.reason as Error);
    return abortable(this.#entry(key, ask).answer as Promise<Value>, either);
  }

  /** The next question gets an answer of its own. */
  forget(key: string): void {
    this.#entries.delete(key);
  }

  #entry(key: string, ask: (closed: AbortSignal) => Promise<unknown>): Entry {
    const before = this.#entries.get(key);
    if (before && (before.endedMs === undefined || performance.now() - before.endedMs < servesMs)) return before;
    const entry: Entry = { answer: ask(this.#closed), endedMs: undefined };
    const ended = (): void => {
      entry.endedMs = performance.now();
    };
    entry.answer.then(ended, ended);
    this.#entries.set(key, entry);
    return entry;
  }
}
