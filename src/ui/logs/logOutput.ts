import { setTimeout as rest } from 'node:timers/promises';
import { window } from 'vscode';
import type { OutputChannel } from 'vscode';
import { markBegin } from '../../logs/marks.ts';
import { DisposableStore } from '../lifecycle.ts';
import type { LogSubject } from './logDocuments.ts';
import { firstLook } from './openLogs.ts';
import type { OpenLog, OpenLogs } from './openLogs.ts';

/** Records that are written at once, and of those that were there before. */
const atOnce = 1_000;
/** What comes faster than anybody reads is left out: a channel keeps all that it is given. */
const mostBehind = 5_000;
const restMs = 250;

interface Shown {
  readonly key: string;
  readonly channel: OutputChannel;
  readonly store: DisposableStore;
}

/** The log of a target in VS Code's own Output view, from its end on. There is one at a time. */
export class LogOutput {
  readonly #logs: OpenLogs;
  readonly #failed: (error: unknown) => void;
  #shown: Shown | undefined;

  constructor(logs: OpenLogs, failed: (error: unknown) => void) {
    this.#logs = logs;
    this.#failed = failed;
  }

  /** @throws Error when nothing of it can be read */
  async show({ key, name, place }: LogSubject): Promise<void> {
    if (this.#shown?.key === key) {
      this.#shown.channel.show();
      return;
    }
    this.dispose();
    const store = new DisposableStore();
    const channel = store.add(window.createOutputChannel(`Caracal: ${name}`, 'caracal-log'));
    this.#shown = { key, channel, store };
    channel.show();
    try {
      await this.#follow(this.#logs.open(key, place), channel, store);
    } catch (error) {
      if (this.#shown.store === store) this.dispose();
      throw error;
    }
  }

  async #follow(log: OpenLog, channel: OutputChannel, store: DisposableStore): Promise<void> {
    store.add({ dispose: () => log.release() });
    await firstLook(log);
    const view = await log.remote.openView();
    store.add({ dispose: () => void log.remote.closeView(view).catch(() => undefined) });
    const following = new Following(log, view, channel);
    await following.begin();
    store.add(log.onDidChange(() => following.goOn((error) => {
      // One that was closed meanwhile has nobody to tell.
      if (this.#shown?.store === store) this.#failed(error);
    })));
  }

  /** Another target was picked: what is shown of the one before would be taken for it. */
  keepOnly(key: string | undefined): void {
    if (this.#shown !== undefined && this.#shown.key !== key) this.dispose();
  }

  dispose(): void {
    this.#shown?.store.dispose();
    this.#shown = undefined;
  }
}

/** Writes what a view shows into a channel, as it comes. */
class Following {
  readonly #log: OpenLog;
  readonly #view: number;
  readonly #channel: OutputChannel;
  /** Place of the first record that is not written. */
  #next = 0;
  #isWriting = false;

  constructor(log: OpenLog, view: number, channel: OutputChannel) {
    this.#log = log;
    this.#view = view;
    this.#channel = channel;
  }

  async begin(): Promise<void> {
    const { window: end } = await this.#log.remote.window(this.#view, { at: 'end' }, { before: atOnce, after: 0, raw: false });
    this.#write(end.lines);
    this.#next = end.first + end.records;
  }

  goOn(failed: (error: unknown) => void): void {
    if (this.#isWriting || this.#waiting === 0) return;
    this.#isWriting = true;
    this.#writeAll().catch(failed).finally(() => (this.#isWriting = false));
  }

  get #waiting(): number {
    return (this.#log.state()?.shown[this.#view] ?? 0) - this.#next;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting > 0) {
      if (this.#waiting > mostBehind) {
        const left = this.#waiting - atOnce;
        this.#write([`${markBegin} ${left.toLocaleString('en-US')} records are left out here: open the log in the editor ${markBegin}`]);
        this.#next += left;
      }
      const { window: part } = await this.#log.remote.window(this.#view, { at: 'place', place: this.#next }, { before: 0, after: atOnce, raw: false });
      this.#write(part.lines);
      this.#next += part.records;
      await rest(restMs);
    }
  }

  #write(lines: readonly string[]): void {
    if (lines.length > 0) this.#channel.appendLine(lines.join('\n'));
  }
}
