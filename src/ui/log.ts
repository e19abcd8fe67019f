import { window } from 'vscode';
import type { LogOutputChannel } from 'vscode';
import type { SessionLog } from './flowSession.ts';

/** The output channel "Caracal Debugger". Whatever is written to it is masked first. */
export class Log implements SessionLog {
  readonly #mask: (text: string) => string;
  #channel: LogOutputChannel | undefined;

  constructor(mask: (text: string) => string) {
    this.#mask = mask;
  }

  info(line: string): void {
    this.#open().info(this.#mask(line));
  }

  error(line: string): void {
    this.#open().error(this.#mask(line));
  }

  show(): void {
    this.#open().show();
  }

  dispose(): void {
    this.#channel?.dispose();
  }

  /** The channel writes to a file, so it exists only once there is something to write. */
  #open(): LogOutputChannel {
    this.#channel ??= window.createOutputChannel('Caracal Debugger', { log: true });
    return this.#channel;
  }
}
