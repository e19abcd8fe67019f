import { Hover, MarkdownString, Range, TerminalLink, Uri, commands, languages, window, workspace } from 'vscode';
import type { HoverProvider, Position, TerminalLinkContext, TerminalLinkProvider, TextDocument } from 'vscode';
import { requestIdsIn } from '../../trace/requestIds.ts';
import type { RequestId } from '../../trace/requestIds.ts';
import { commandIds, internalCommandIds } from '../commandIds.ts';
import type { Guard } from '../guard.ts';
import { DisposableStore } from '../lifecycle.ts';
import { logScheme } from '../logs/logFiles.ts';
import type { TraceModule } from './requests.ts';

class IdLink extends TerminalLink {
  readonly line: string;
  readonly id: string;

  constructor(line: string, { id, start, end }: RequestId) {
    super(start, end - start, 'Trace request');
    this.line = line;
    this.id = id;
  }
}

/**
 * Request ids lead to their request wherever they stand: in an editor by the hover, so that no document is looked through
 * before anybody points at it, and in a terminal as links.
 */
export class RequestLinks implements HoverProvider, TerminalLinkProvider<IdLink> {
  readonly #load: () => Promise<TraceModule>;
  readonly #guard: Guard;
  readonly #store = new DisposableStore();

  constructor(guard: Guard, load: () => Promise<TraceModule>) {
    this.#guard = guard;
    this.#load = load;
    this.#store.add(languages.registerHoverProvider('*', this));
    this.#store.add(window.registerTerminalLinkProvider(this));
    this.#store.add(commands.registerCommand(internalCommandIds.traceLine, (uri: string, line: number, id: string) => guard.run(() => this.#traceLine(uri, line, id))));
  }

  provideHover(document: TextDocument, { line, character }: Position): Hover | undefined {
    const { uri } = document;
    // A log has a hover that tells more.
    if (uri.scheme === logScheme) return undefined;
    const found = requestIdsIn(document.lineAt(line).text).find(({ start, end }) => start <= character && character <= end);
    if (found === undefined) return undefined;
    const { id, start, end } = found;
    const text = new MarkdownString(`[Trace request](command:${internalCommandIds.traceLine}?${encodeURIComponent(JSON.stringify([uri.toString(), line, id]))})`);
    text.isTrusted = { enabledCommands: [internalCommandIds.traceLine] };
    return new Hover(text, new Range(line, start, line, end));
  }

  provideTerminalLinks({ line }: TerminalLinkContext): IdLink[] {
    return requestIdsIn(line).map((found) => new IdLink(line, found));
  }

  async handleTerminalLink({ line, id }: IdLink): Promise<void> {
    await this.#guard.run(() => this.#trace(line, id));
  }

  dispose(): void {
    this.#store.dispose();
  }

  /** A hover does not hold the line itself, which may have a token in it. */
  async #traceLine(uri: string, line: number, id: string): Promise<void> {
    const document = await workspace.openTextDocument(Uri.parse(uri));
    await this.#trace(line < document.lineCount ? document.lineAt(line).text : '', id);
  }

  async #trace(line: string, id: string): Promise<void> {
    const { textAbout } = await this.#load();
    await commands.executeCommand(commandIds.traceRequest, textAbout(line, id));
  }
}
