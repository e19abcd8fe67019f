import { StatusBarAlignment, window } from 'vscode';
import type { StatusBarItem } from 'vscode';
import { commandIds } from '../commandIds.ts';
import { DisposableStore } from '../lifecycle.ts';
import type { LogDocuments } from './logDocuments.ts';
import { followText } from './logWords.ts';

/** Whether the log in the active editor is followed, where it can be seen however far one has scrolled. */
export class LogStatus {
  readonly #documents: LogDocuments;
  readonly #store = new DisposableStore();
  readonly #item: StatusBarItem;

  constructor(documents: LogDocuments) {
    this.#documents = documents;
    this.#item = this.#store.add(window.createStatusBarItem('caracal.log', StatusBarAlignment.Right, 100));
    this.#item.name = 'Caracal Log';
    this.#item.command = commandIds.followLog;
    this.#store.add(documents.onDidChange(() => this.#draw()));
    this.#store.add(window.onDidChangeActiveTextEditor(() => this.#draw()));
  }

  dispose(): void {
    this.#store.dispose();
  }

  #draw(): void {
    const document = this.#documents.active()?.document;
    if (document === undefined) {
      this.#item.hide();
      return;
    }
    const text = followText(document.isFollowing, document.newer);
    this.#item.text = `$(${document.isFollowing ? 'eye' : 'debug-pause'}) ${text}`;
    this.#item.tooltip = document.isFollowing ? 'New lines are shown as they come' : 'Go to the end of the log and follow it';
    this.#item.accessibilityInformation = { label: `Caracal log: ${text}` };
    this.#item.show();
  }
}
