import { Uri, ViewColumn, commands, extensions, window, workspace } from 'vscode';
import type { TextDocumentShowOptions } from 'vscode';
import type { CheckHead } from './flowState.ts';
import { observationScheme } from './observationDocument.ts';

/** The preview of VS Code's own Markdown extension as an editor, which, unlike its command, leaves the focus where it is. */
const preview = { extension: 'vscode.markdown-language-features', editor: 'vscode.markdown.preview.editor' } as const;

/** The documentation of checks that comes with the extension, one page for each. */
export class CheckPages {
  readonly #folder: Uri;

  constructor(extensionUri: Uri) {
    this.#folder = Uri.joinPath(extensionUri, 'docs', 'checks');
  }

  /**
   * Opens the page of a check in a preview tab: beside its record when one is open, so that both can be
   * read. The focus stays where it is.
   *
   * @throws Error when there is no such page, with what to do.
   */
  async show(check: CheckHead): Promise<void> {
    const page = Uri.joinPath(this.#folder, `${check.id}.md`);
    try {
      await workspace.fs.stat(page);
    } catch {
      throw new Error(`Cannot explain ${check.component} › ${check.title}: no page of ${check.id} is installed. Its observations tell what was asked.`);
    }
    const besideRecord = window.activeTextEditor?.document.uri.scheme === observationScheme;
    const options: TextDocumentShowOptions = { preview: true, preserveFocus: true, viewColumn: besideRecord ? ViewColumn.Beside : ViewColumn.Active };
    if (extensions.getExtension(preview.extension)) await commands.executeCommand('vscode.openWith', page, preview.editor, options);
    else await window.showTextDocument(page, options);
  }
}
