import { EventEmitter, Uri, commands, languages, window, workspace } from 'vscode';
import type { TextDocumentContentProvider, ViewColumn } from 'vscode';
import { commandIds } from '../commandIds.ts';
import { DisposableStore } from '../lifecycle.ts';
import type { CauseSurfaces, CauseSurfacesParts } from './surfaces.ts';

const textScheme = 'caracal-cause';

export interface CauseCommandsParts extends Omit<CauseSurfacesParts, 'showText'> {
  readonly loadSurfaces: () => Promise<typeof import('./surfaces.ts')>;
}

/** The commands about causes, and the texts that they lead to. What they do is loaded with the first of them. */
export class CauseCommands implements TextDocumentContentProvider {
  readonly #parts: CauseCommandsParts;
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new EventEmitter<Uri>());
  readonly #texts = new Map<string, string>();
  #surfaces: Promise<CauseSurfaces> | undefined;

  readonly onDidChange = this.#changed.event;

  constructor(parts: CauseCommandsParts) {
    this.#parts = parts;
    const { guard } = parts;
    this.#store.add(workspace.registerTextDocumentContentProvider(textScheme, this));
    for (const [id, at] of [[commandIds.showCause, 'beginning'], [commandIds.showRemedy, 'remedy']] as const) {
      this.#store.add(commands.registerCommand(id, (from: unknown) => guard.run(async () => (await this.#load()).show(typeof from === 'string' ? from : undefined, at))));
    }
    this.#store.add(commands.registerCommand(commandIds.runCanary, () => guard.run(async () => (await this.#load()).runCanary())));
  }

  provideTextDocumentContent(uri: Uri): string {
    return this.#texts.get(uri.path) ?? '# This was opened in a window that is closed.\n';
  }

  dispose(): void {
    this.#store.dispose();
  }

  #load(): Promise<CauseSurfaces> {
    this.#surfaces ??= this.#parts.loadSurfaces().then(({ CauseSurfaces: Surfaces }) => this.#store.add(new Surfaces({ ...this.#parts, showText: (title, text, column) => this.#showText(title, text, column) })));
    return this.#surfaces;
  }

  async #showText(title: string, text: string, viewColumn: ViewColumn): Promise<void> {
    const uri = Uri.from({ scheme: textScheme, path: `/${title.replaceAll('/', '∕')}` });
    this.#texts.set(uri.path, text);
    this.#changed.fire(uri);
    const document = await languages.setTextDocumentLanguage(await workspace.openTextDocument(uri), 'yaml');
    await window.showTextDocument(document, { preview: true, preserveFocus: true, viewColumn });
  }
}
