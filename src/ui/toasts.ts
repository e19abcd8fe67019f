import type { Memory } from './memory.ts';

/** Something that the user started and that may end while its view is hidden. */
type Started = 'remedy';

const never = "Don't Show Again";

/** Messages about what the user started, for whoever still wants them. */
export class Toasts {
  readonly #memory: Memory;
  readonly #show: (text: string, ...actions: readonly string[]) => PromiseLike<string | undefined>;

  /** @param show shows a message with actions; returns the one that was chosen */
  constructor(memory: Memory, show: (text: string, ...actions: readonly string[]) => PromiseLike<string | undefined>) {
    this.#memory = memory;
    this.#show = show;
  }

  /**
   * Says that something has ended.
   *
   * @returns whether the user chose the action
   */
  async ended(what: Started, text: string, action: string): Promise<boolean> {
    const key = `caracal.toast.${what}`;
    if (this.#memory.get(key) === false) return false;
    const chosen = await this.#show(text, action, never);
    if (chosen === never) await this.#memory.update(key, false);
    return chosen === action;
  }
}
