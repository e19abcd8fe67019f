import { TabInputText, TextEditorSelectionChangeKind, Uri, window, workspace } from 'vscode';
import type { Tab, TextEditor } from 'vscode';
import type { Anchor, LogPlace } from '../../logs/protocol.ts';
import type { Memory } from '../memory.ts';
import { DisposableStore, Emitter } from '../lifecycle.ts';
import { emptyContent } from './logContent.ts';
import { LogDocument, opensText } from './logDocument.ts';
import { logScheme } from './logFiles.ts';
import type { LogFiles } from './logFiles.ts';
import { firstLook, stateWhen } from './openLogs.ts';
import type { OpenLog, OpenLogs } from './openLogs.ts';

/** What a document is of. */
export interface LogSubject {
  /** The same for the same log: the id of a target, or the path of a file. */
  readonly key: string;
  /** For a person: `caracal`. */
  readonly name: string;
  readonly place: LogPlace;
  /** Sources that it shows; all where there are none. */
  readonly sources: readonly string[];
}

export interface LogDocumentsOptions {
  readonly logs: OpenLogs;
  readonly files: LogFiles;
  /** Of the workspace: filters that are in force. */
  readonly memory: Memory;
  readonly failed: (error: unknown) => void;
}

/** A file opens with so many of its records, and is shown again once all of it is read. */
const firstRecords = 1_000;
/** A record that is to be shown has been read by then, or is not there. */
const loadedWithinMs = 20_000;
/** So much more is read each time when older lines are wanted, as long as an index has room for that many records. */
const tailFactor = 10;
const mostRows = 2_000_000;

/** A log that a document shows. */
interface Source {
  readonly log: OpenLog;
  readonly place: LogPlace;
  /** Ends what belongs to it. */
  readonly store: DisposableStore;
}

interface Opened {
  readonly document: LogDocument;
  readonly subject: LogSubject;
  readonly filterKey: string;
  source: Source;
}

/** The logs that stand in editors. */
export class LogDocuments {
  readonly #options: LogDocumentsOptions;
  readonly #store = new DisposableStore();
  readonly #opened = new Map<string, Opened>();
  /** Those that are just being opened: whoever opens one again meanwhile waits for it. */
  readonly #starting = new Map<string, Promise<Opened>>();
  readonly #changed = this.#store.add(new Emitter<LogDocument>());

  /** Something of a document that is not in its text: how the log stands, whether it is followed. */
  readonly onDidChange = this.#changed.event;

  constructor(options: LogDocumentsOptions) {
    this.#options = options;
    this.#store.add(workspace.onDidCloseTextDocument(({ uri }) => this.#close(uri.toString())));
    // VS Code keeps a document for minutes after its last tab was closed.
    this.#store.add(window.tabGroups.onDidChangeTabs(({ closed }) => {
      for (const uri of closed.map(logOf)) if (uri !== undefined && tabsOf(uri).length === 0) this.#close(uri);
    }));
    this.#store.add(window.onDidChangeTextEditorVisibleRanges(({ textEditor, visibleRanges }) => {
      const [first, last] = [visibleRanges[0], visibleRanges.at(-1)];
      // Of several editors one tells: each has a place of its own.
      if (first && last && textEditor === speaker(textEditor.document.uri)) this.of(textEditor.document.uri)?.seen(first.start.line, last.end.line, textEditor.document.lineCount);
    }));
    this.#store.add(window.onDidChangeTextEditorSelection(({ textEditor, selections, kind }) => {
      // Of itself a caret moves with the text that it stands on.
      const isUsers = kind === TextEditorSelectionChangeKind.Keyboard || kind === TextEditorSelectionChangeKind.Mouse;
      const [selection] = selections;
      if (isUsers && selection) this.of(textEditor.document.uri)?.caretMoved(selection.active.line, textEditor.document.lineCount);
    }));
  }

  /** The log in a document; undefined where there is none, or where it was closed. */
  of(uri: Uri): LogDocument | undefined {
    return uri.scheme === logScheme ? this.#opened.get(uri.toString())?.document : undefined;
  }

  /** Resolves once a log that is just being opened is open, or cannot be. */
  async settled(uri: Uri): Promise<void> {
    await this.#starting.get(uri.toString())?.catch(() => undefined);
  }

  /** The log in the editor that has, or had last, the focus. */
  active(): { readonly document: LogDocument; readonly editor: TextEditor } | undefined {
    const editor = window.activeTextEditor;
    const document = editor && this.of(editor.document.uri);
    return document && { document, editor };
  }

  /** The row that the caret of an editor is on, or nearest to; the first one in sight where the caret is out of it. */
  rowAt({ document, editor }: { readonly document: LogDocument; readonly editor: TextEditor }): number | undefined {
    const { active } = editor.selection;
    const inSight = editor.visibleRanges.some((range) => range.contains(active));
    return document.rowNear(inSight || editor.visibleRanges[0] === undefined ? active.line : editor.visibleRanges[0].start.line);
  }

  /** The record that the caret is on, as it was written; undefined where the active editor shows no log. */
  async recordAtCaret(): Promise<string | undefined> {
    const shown = this.active();
    const row = shown && this.rowAt(shown);
    return row === undefined ? undefined : (await shown?.document.log.record(row))?.raw;
  }

  /**
   * Opens a log in the editor, at its end or at what `find` gives once everything is read.
   *
   * @throws Error when nothing of it can be read
   */
  async open(subject: LogSubject, find?: (document: LogDocument) => Promise<Anchor | undefined>): Promise<LogDocument> {
    const uri = uriOf(subject);
    const open = this.#starting.has(uri.toString()) ? undefined : this.#opened.get(uri.toString());
    const { document, source } = open ?? (await this.#started(uri, subject));
    if (open !== undefined) {
      await show(uri);
      await document.follow();
    }
    if (find === undefined) return document;
    await this.#loaded(source.log);
    const anchor = this.#openedOf(document) && (await find(document));
    if (anchor !== undefined) await document.goTo(anchor);
    return document;
  }

  /** Whether older lines can be read than those that were. */
  hasOlder(document: LogDocument): boolean {
    return document.content.isTailed && this.#openedOf(document)?.source.place.kind === 'target' && (document.state?.rows ?? 0) * tailFactor <= mostRows;
  }

  /**
   * Reads a log further back, and goes on with it at the same moment.
   *
   * @throws Error when nothing of it can be read
   */
  async readOlder(document: LogDocument): Promise<void> {
    const opened = this.#openedOf(document);
    if (opened === undefined || opened.source.place.kind !== 'target' || !this.hasOlder(document)) return;
    const { source, subject } = opened;
    const deeper = this.#source(subject, { ...opened.source.place, tail: opened.source.place.tail * tailFactor });
    const { log, store } = deeper;
    try {
      await this.#loaded(log);
      const state = log.state();
      if (state === undefined || state.problem !== undefined) throw new Error(`Cannot read older lines: ${state?.problem ?? 'the log does not answer'}.`);
      const view = await log.remote.openView();
      await document.moveTo(log.remote, view, state);
      if (this.#openedOf(document) !== opened) throw new Error('Cannot read older lines: the log was closed.');
      this.#attach(document, deeper, view);
      opened.source = deeper;
      source.store.dispose();
    } catch (error) {
      store.dispose();
      throw error;
    }
    this.#changed.fire(document);
  }

  /** Sets a filter and remembers it for this log; resolves with what is wrong with it, when something is. */
  async setFilter(document: LogDocument, text: string, near: number | undefined): Promise<string | undefined> {
    const problem = await document.setFilter(text, near);
    const opened = this.#openedOf(document);
    if (problem === undefined && opened !== undefined) await this.#options.memory.update(opened.filterKey, text === '' ? undefined : text);
    this.#changed.fire(document);
    return problem;
  }

  dispose(): void {
    for (const key of [...this.#opened.keys()]) this.#close(key);
    this.#store.dispose();
  }

  #started(uri: Uri, subject: LogSubject): Promise<Opened> {
    const key = uri.toString();
    const starting = this.#starting.get(key) ?? this.#start(uri, subject).finally(() => this.#starting.delete(key));
    this.#starting.set(key, starting);
    return starting;
  }

  /** The tab is there at once, and its text as soon as there is one. */
  async #start(uri: Uri, subject: LogSubject): Promise<Opened> {
    const { files, memory, failed } = this.#options;
    const { key, name, place, sources } = subject;
    const source = this.#source(subject, place);
    const { log, store } = source;
    const screen = files.screen(uri);
    const isFile = place.kind === 'file';
    try {
      const [view] = await Promise.all([
        firstLook(log, ({ rows }) => isFile && rows >= firstRecords).then(() => log.remote.openView()),
        screen.show(emptyContent({ head: opensText(name, sources), isTailed: false })).then(() => show(uri)),
      ]);
      const document = new LogDocument(log.remote, view, { name, sources, isFile, screen, failed });
      const opened: Opened = { document, subject, filterKey: `caracal.logFilter/${key}/${sources.join()}`, source };
      // Before it has a text, about which VS Code asks at once.
      this.#opened.set(uri.toString(), opened);
      document.onDidChange(() => this.#changed.fire(document));
      this.#attach(document, source, view);
      const remembered = memory.get(opened.filterKey);
      // What was remembered may name a source that is gone: then it is no filter any more.
      const isFiltered = typeof remembered === 'string' && (await document.setFilter(remembered)) === undefined;
      const problem = isFiltered ? undefined : await document.setFilter('');
      if (problem !== undefined) throw new Error(`Cannot open the log: ${problem}`);
      // Nobody was told that the tab was closed while it was being opened.
      if (tabsOf(uri.toString()).length === 0) this.#close(uri.toString());
      return opened;
    } catch (error) {
      this.#close(uri.toString());
      store.dispose();
      files.remove(uri);
      await window.tabGroups.close(tabsOf(uri.toString()));
      throw error;
    }
  }

  /** A log of a subject, of which nobody is told yet. */
  #source({ key }: LogSubject, place: LogPlace): Source {
    const log = this.#options.logs.open(key, place);
    const store = new DisposableStore();
    store.add({ dispose: () => log.release() });
    return { log, place, store };
  }

  /** From now on the document is told what comes. */
  #attach(document: LogDocument, { log, store }: Source, view: number): void {
    store.add({ dispose: () => void log.remote.closeView(view).catch(() => undefined) });
    store.add(log.onDidChange((state) => document.update(state)));
    const state = log.state();
    if (state !== undefined) document.update(state);
  }

  #openedOf(document: LogDocument): Opened | undefined {
    return [...this.#opened.values()].find((one) => one.document === document);
  }

  #loaded(log: OpenLog): Promise<void> {
    return stateWhen(log, ({ isLoaded, problem }) => isLoaded || problem !== undefined, loadedWithinMs);
  }

  #close(key: string): void {
    const opened = this.#opened.get(key);
    if (opened === undefined) return;
    this.#opened.delete(key);
    opened.document.close();
    opened.source.store.dispose();
    this.#options.files.remove(Uri.parse(key, true));
  }
}

/** The document of a log that a tab is of, as text. */
function logOf({ input }: Tab): string | undefined {
  return input instanceof TabInputText && input.uri.scheme === logScheme ? input.uri.toString() : undefined;
}

/** The tabs that show a document of a log. */
function tabsOf(uri: string): readonly Tab[] {
  return window.tabGroups.all.flatMap(({ tabs }) => tabs.filter((tab) => logOf(tab) === uri));
}

/** The editor whose scrolling counts: the active one of those that show a document, else the first. */
function speaker(uri: Uri): TextEditor | undefined {
  const showing = window.visibleTextEditors.filter(({ document }) => document.uri.toString() === uri.toString());
  return showing.find((editor) => editor === window.activeTextEditor) ?? showing[0];
}

async function show(uri: Uri): Promise<void> {
  await window.showTextDocument(await workspace.openTextDocument(uri), { preview: false });
}

/** The path is the title of the tab, and its folder makes VS Code take the file for a log. */
function uriOf({ key, name, sources }: LogSubject): Uri {
  const title = `${name}: ${sources.length === 0 ? 'all services' : sources.join(', ')}`;
  return Uri.from({ scheme: logScheme, path: `/caracal-log/${title.replaceAll('/', '∕')}`, query: key });
}
