import { window } from 'vscode';
import type { Engine } from './engineSlot.ts';
import type { Log } from './log.ts';
import { problemText } from './problem.ts';

/** Runs what a command does. One that fails says so once, with the way to its details. */
export class Guard {
  readonly #engine: Engine;
  readonly #log: Log;

  constructor(engine: Engine, log: Log) {
    this.#engine = engine;
    this.#log = log;
  }

  async run(work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failed(error);
    }
  }

  failed(error: unknown): void {
    this.#log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    const showLog = 'Show Log';
    // Not awaited: the command has ended, whenever the message is closed.
    void window.showErrorMessage(this.#engine.redactor.text(problemText(error)), showLog).then((chosen) => {
      if (chosen === showLog) this.#log.show();
    });
  }
}
