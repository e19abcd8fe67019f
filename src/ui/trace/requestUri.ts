import { commands, window } from 'vscode';
import type { Uri, UriHandler } from 'vscode';
import { commandIds } from '../commandIds.ts';
import type { FlowSession } from '../flowSession.ts';
import type { Guard } from '../guard.ts';
import { DisposableStore } from '../lifecycle.ts';
import { readTraceLink } from './traceLink.ts';

export interface RequestUrisParts {
  readonly session: FlowSession;
  readonly guard: Guard;
  /** Picks what this workspace had picked before, if anything. */
  readonly restore: () => Promise<void>;
}

/** Links from outside, such as from a chat or a ticket: each is confirmed, and none leads to a target that the user has not picked. */
export class RequestUris implements UriHandler {
  readonly #parts: RequestUrisParts;
  readonly #store = new DisposableStore();

  constructor(parts: RequestUrisParts) {
    this.#parts = parts;
    this.#store.add(window.registerUriHandler(this));
  }

  async handleUri(uri: Uri): Promise<void> {
    await this.#parts.guard.run(() => this.#open(uri));
  }

  dispose(): void {
    this.#store.dispose();
  }

  async #open(uri: Uri): Promise<void> {
    const { session, restore } = this.#parts;
    const link = readTraceLink(uri);
    if (link.kind === 'wrong') throw new Error(`Cannot open the link: ${link.why}. Ask whoever made it for the request id, and trace that.`);
    if (session.target === undefined) await restore();
    if (session.target === undefined) await commands.executeCommand(commandIds.pickTarget);
    const { target } = session;
    if (target === undefined) return;
    const { name } = target.target;
    if (link.target !== undefined && link.target !== name) throw new Error(`Cannot open the link: it is about target ${link.target}, and ${name} is picked. Pick that target, and open the link again.`);
    const trace = 'Trace';
    const detail = ['The link came from outside VS Code.', ...(link.zone === undefined || link.zone === session.state.zone ? [] : [`It asks for zone ${link.zone}.`])].join('\n');
    const chosen = await window.showWarningMessage(`Trace request ${shortened(link.request)} on ${name}?`, { modal: true, detail }, trace);
    if (chosen === trace && session.target === target) await commands.executeCommand(commandIds.traceRequest, link.request, link.zone);
  }
}

/** Ids of one minute begin alike. */
function shortened(id: string): string {
  return id.length > 12 ? `…${id.slice(-6)}` : id;
}
