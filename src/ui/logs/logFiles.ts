import { Disposable, EventEmitter, FileChangeType, FilePermission, FileSystemError, FileType, MarkdownString, Position, Range, Selection, TextEditorRevealType, commands, window, workspace } from 'vscode';
import type { FileChangeEvent, FileStat, FileSystemProvider, TextDocument, TextEditor, Uri } from 'vscode';
import { DisposableStore } from '../lifecycle.ts';
import { textOf } from './logContent.ts';
import type { LogContent } from './logContent.ts';
import type { LogScreen } from './logDocument.ts';

export const logScheme = 'caracal-log';

interface LogFile extends FileStat {
  bytes: Uint8Array;
  text: string;
  mtime: number;
  size: number;
}

/**
 * Logs as read-only files of a scheme of ours. Of a file that changed VS Code keeps what is alike at its beginning and
 * at its end, line by line, so that new lines are a small change of the document and carets stay where they are. Of a
 * virtual document it compares short texts letter by letter, and replaces long ones whole.
 */
export class LogFiles implements FileSystemProvider {
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new EventEmitter<FileChangeEvent[]>());
  readonly #files = new Map<string, LogFile>();
  readonly #arrivals = new Map<string, () => void>();
  #rounds = 0;

  readonly onDidChangeFile = this.#changed.event;

  constructor() {
    const isReadonly = new MarkdownString('This is what was logged. Filter it, or save what you see.');
    this.#store.add(workspace.registerFileSystemProvider(logScheme, this, { isReadonly, isCaseSensitive: true }));
    this.#store.add(workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (document.uri.scheme === logScheme && contentChanges.length > 0) this.#arrivals.get(document.uri.toString())?.();
    }));
    this.#store.add(workspace.onDidCloseTextDocument(({ uri }) => this.#arrivals.get(uri.toString())?.()));
  }

  /** The way to the editors of one file. */
  screen(uri: Uri): LogScreen {
    const editors = (): readonly TextEditor[] => window.visibleTextEditors.filter(({ document }) => document.uri.toString() === uri.toString());
    return {
      show: (content) => this.#show(uri, content),
      revealEnd: async () => {
        for (const editor of editors()) {
          const end = new Position(editor.document.lineCount - 1, 0);
          editor.revealRange(new Range(end, end), TextEditorRevealType.Default);
        }
        await this.#round();
      },
      revealAtTop: async (line) => {
        for (const editor of editors()) editor.revealRange(new Range(line, 0, line, 0), TextEditorRevealType.AtTop);
        await this.#round();
      },
      select: async (line, isRevealed) => {
        for (const editor of editors()) {
          editor.selection = new Selection(line, 0, line, 0);
          if (isRevealed) editor.revealRange(editor.selection, TextEditorRevealType.InCenter);
        }
        await this.#round();
      },
    };
  }

  remove(uri: Uri): void {
    this.#files.delete(uri.toString());
  }

  stat(uri: Uri): FileStat {
    return this.#file(uri);
  }

  readFile(uri: Uri): Uint8Array {
    return this.#file(uri).bytes;
  }

  /** We tell what changes without being asked to. */
  watch(): Disposable {
    return new Disposable(() => undefined);
  }

  readDirectory(uri: Uri): never {
    throw FileSystemError.FileNotFound(uri);
  }

  createDirectory(uri: Uri): never {
    throw FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: Uri): never {
    throw FileSystemError.NoPermissions(uri);
  }

  delete(uri: Uri): never {
    throw FileSystemError.NoPermissions(uri);
  }

  rename(uri: Uri): never {
    throw FileSystemError.NoPermissions(uri);
  }

  dispose(): void {
    this.#store.dispose();
  }

  /** A tab that VS Code restored says what to do, for the log that it showed was closed with the window. */
  #file(uri: Uri): LogFile {
    return this.#files.get(uri.toString()) ?? fileOf('# This log was closed. Open it again with "Caracal: Open Log…".', 0);
  }

  async #show(uri: Uri, content: LogContent): Promise<void> {
    const key = uri.toString();
    const before = this.#files.get(key);
    const text = textOf(content);
    if (before?.text === text) return;
    this.#files.set(key, fileOf(text, before?.mtime ?? 0));
    const document = workspace.textDocuments.find((one) => one.uri.toString() === key);
    if (document !== undefined) await this.#arrived(document, text);
  }

  /** Resolves once the document has the file's text, or is closed. */
  async #arrived(document: TextDocument, text: string): Promise<void> {
    const { uri } = document;
    // One that was closed and is not gone yet may have it still.
    const isThere = (): boolean => document.isClosed || document.getText() === text;
    if (isThere()) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#arrivals.set(uri.toString(), () => resolve(undefined));
    this.#changed.fire([{ type: FileChangeType.Changed, uri }]);
    await promise;
    this.#arrivals.delete(uri.toString());
  }

  /** Resolves once VS Code has done what it was told before: it answers in order. */
  async #round(): Promise<void> {
    this.#rounds += 1;
    await commands.executeCommand('setContext', 'caracal.log.round', this.#rounds);
  }
}

/** VS Code takes no file for a newer one whose time is not later. */
function fileOf(text: string, before: number): LogFile {
  // The mark at the beginning makes it UTF-8 whatever the settings say.
  const bytes = new TextEncoder().encode(`\uFEFF${text}`);
  const mtime = Math.max(Date.now(), before + 1);
  return { type: FileType.File, permissions: FilePermission.Readonly, ctime: 0, mtime, size: bytes.length, bytes, text };
}
