/** Anything that can be ended. Fits `vscode.Disposable`. */
export interface Ending {
  dispose(): void;
}

/** Fits `vscode.Event` where the extra parameters of that are not used. */
export type Listen<Value> = (listener: (value: Value) => void) => Ending;

/** An event without the editor, so that what fires it can be tested without one. */
export class Emitter<Value> implements Ending {
  readonly #listeners = new Set<(value: Value) => void>();

  readonly event: Listen<Value> = (listener) => {
    // A wrapper of its own, so that one function can listen twice.
    const entry = (value: Value): void => listener(value);
    this.#listeners.add(entry);
    return { dispose: () => void this.#listeners.delete(entry) };
  };

  fire(value: Value): void {
    for (const listener of [...this.#listeners]) listener(value);
  }

  dispose(): void {
    this.#listeners.clear();
  }
}

/** Holds what must end together. What arrives after the end is ended at once instead of leaking. */
export class DisposableStore implements Ending {
  readonly #held = new Set<Ending>();
  #ended = false;

  add<Item extends Ending>(item: Item): Item {
    if (this.#ended) item.dispose();
    else this.#held.add(item);
    return item;
  }

  /** Ends everything, last added first, because later parts are built on earlier ones. */
  dispose(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const item of [...this.#held].reverse()) item.dispose();
    this.#held.clear();
  }
}
