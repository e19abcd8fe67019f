import { MarkdownString, StatusBarAlignment, window } from 'vscode';
import type { StatusBarItem } from 'vscode';
import { asMarkdown } from '../model/markdown.ts';
import { commandIds, flowViewId } from './commandIds.ts';
import type { FlowSession } from './flowSession.ts';
import { DisposableStore } from './lifecycle.ts';
import { age, kindTitles, withAge } from './words.ts';

/** Low, so that it stands right of the items of the editor and of source control. */
const priority = -10;

/** One item for the state of the picked target. Shown once a target was picked. */
export class StatusBar {
  readonly #session: FlowSession;
  readonly #store = new DisposableStore();
  readonly #item: StatusBarItem;

  constructor(session: FlowSession) {
    this.#session = session;
    this.#item = this.#store.add(window.createStatusBarItem('caracal.status', StatusBarAlignment.Left, priority));
    this.#item.name = 'Caracal Debugger';
    this.#item.command = `${flowViewId}.focus`;
    this.#store.add(session.onDidChange(() => this.#draw()));
    this.#draw();
  }

  dispose(): void {
    this.#store.dispose();
  }

  #draw(): void {
    const { statusBar } = this.#session.standing;
    if (!statusBar) {
      this.#item.hide();
      return;
    }
    // An item that is set to what it shows already is drawn again all the same.
    if (this.#item.text !== statusBar.text) this.#item.text = statusBar.text;
    this.#item.accessibilityInformation = { label: statusBar.accessibilityLabel };
    this.#item.tooltip = this.#tooltip();
    this.#item.show();
  }

  #tooltip(): MarkdownString {
    const { state, standing, target } = this.#session;
    const newest = Math.max(...[...state.answers.values()].map((answer) => answer.at));
    const tooltip = new MarkdownString(undefined, true);
    tooltip.isTrusted = { enabledCommands: [commandIds.runAll, commandIds.pickTarget] };
    const lines = [
      withAge(standing.message ?? '', Number.isFinite(newest) ? age(newest, Date.now()) : undefined),
      target ? `${target.target.name}, ${kindTitles[target.target.kind]}, ${target.origin}` : '',
    ];
    tooltip.appendMarkdown(lines.map(asMarkdown).join('\n\n'));
    tooltip.appendMarkdown(`\n\n[Run All](command:${commandIds.runAll}) · [Pick Target…](command:${commandIds.pickTarget})`);
    return tooltip;
  }
}
