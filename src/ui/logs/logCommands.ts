import { homedir } from 'node:os';
import { ProgressLocation, Uri, commands, window, workspace } from 'vscode';
import type { QuickPickItem, TextEditor } from 'vscode';
import { FilterProblem, isSource, parseFilter } from '../../logs/filter.ts';
import { firstTail } from '../../logs/protocol.ts';
import type { Anchor } from '../../logs/protocol.ts';
import { levels } from '../../logs/record.ts';
import { saveLog } from '../../logs/save.ts';
import type { LocatedTarget } from '../../targets/located.ts';
import { commandIds, internalCommandIds } from '../commandIds.ts';
import type { LogCommandId } from '../commandIds.ts';
import type { Engine } from '../engineSlot.ts';
import type { FlowSession } from '../flowSession.ts';
import type { FlowView } from '../flowView.ts';
import type { Guard } from '../guard.ts';
import { DisposableStore } from '../lifecycle.ts';
import type { LogDocument } from './logDocument.ts';
import type { LogDocuments } from './logDocuments.ts';
import type { LogOutput } from './logOutput.ts';
import { logsOfCheck, logsOfComponent } from './logsOf.ts';
import { levelOf, levelText, likeFilter, showsProbes, sourcesOf, withPart } from './logWords.ts';

export interface LogCommandsParts {
  readonly session: FlowSession;
  readonly view: FlowView;
  readonly documents: LogDocuments;
  readonly output: LogOutput;
  readonly engine: Engine;
  readonly guard: Guard;
}

/** A log with the editor that shows it. */
interface Shown {
  readonly document: LogDocument;
  readonly editor: TextEditor;
}

type Handler = (shown: Shown, row: number | undefined) => Promise<void> | void;

/** How long a short word in the status bar stays. */
const statusMs = 4_000;

/** What each command about logs does. Lenses and links say which document they are of; else it is the active one. */
export class LogCommands {
  readonly #parts: LogCommandsParts;
  readonly #store = new DisposableStore();

  constructor(parts: LogCommandsParts) {
    this.#parts = parts;
    const { guard } = parts;
    const ofDocument: Readonly<Record<Exclude<LogCommandId, typeof commandIds.openLog | typeof commandIds.openLogFile | typeof commandIds.showLogOutput>, Handler>> = {
      [commandIds.filterLog]: (shown) => this.#filter(shown),
      [commandIds.goToLogTime]: (shown) => this.#goToTime(shown),
      [commandIds.nextLogError]: (shown) => this.#goToError(shown, 1),
      [commandIds.previousLogError]: (shown) => this.#goToError(shown, -1),
      [commandIds.showLogRequest]: (shown) => this.#showRequest(shown, this.#row(shown)),
      [commandIds.followLog]: ({ document }) => document.follow(),
      [commandIds.toggleRawLog]: (shown) => shown.document.setRaw(!shown.document.isRaw, this.#row(shown)),
      [commandIds.readOlderLog]: ({ document }) => this.#readOlder(document),
      [commandIds.saveLog]: ({ document }) => this.#save(document),
      [internalCommandIds.logLevel]: (shown) => this.#pickLevel(shown),
      [internalCommandIds.logSources]: (shown) => this.#pickSources(shown),
      [internalCommandIds.logProbes]: (shown) => this.#set(shown, withPart(shown.document.filterText, 'probes', showsProbes(shown.document.filterText) ? '' : 'shown')),
      [internalCommandIds.logOfRequest]: (shown, row) => this.#showRequest(shown, row),
      [internalCommandIds.logLike]: (shown, row) => this.#showLike(shown, row),
      [internalCommandIds.explainLogLine]: (shown, row) => this.#explain(shown, row),
      [internalCommandIds.traceLogLine]: (shown, row) => this.#trace(shown, row),
    };
    for (const [id, handler] of Object.entries(ofDocument)) {
      this.#store.add(commands.registerCommand(id, (uri: unknown, row: unknown) => guard.run(async () => {
        const shown = await this.#shown(uri);
        if (shown !== undefined) await handler(shown, typeof row === 'number' ? row : undefined);
      })));
    }
    this.#store.add(commands.registerCommand(commandIds.openLog, (node: unknown) => guard.run(() => (typeof node === 'string' ? this.#openOfNode(node) : this.#openPicked()))));
    this.#store.add(commands.registerCommand(commandIds.showLogOutput, () => guard.run(() => this.#showOutput())));
    this.#store.add(commands.registerCommand(commandIds.openLogFile, (file: unknown) => guard.run(() => this.#openFile(file))));
  }

  dispose(): void {
    this.#store.dispose();
  }

  /** @param uri of the document that a lens or a link is in */
  async #shown(uri: unknown): Promise<Shown | undefined> {
    const { documents } = this.#parts;
    if (typeof uri !== 'string') {
      const active = window.activeTextEditor?.document.uri;
      if (active !== undefined) await documents.settled(active);
      return documents.active();
    }
    const editor = window.visibleTextEditors.find(({ document }) => document.uri.toString() === Uri.parse(uri, true).toString());
    const document = editor && documents.of(editor.document.uri);
    if (editor === undefined || document === undefined) return undefined;
    return { document, editor: await window.showTextDocument(editor.document, editor.viewColumn) };
  }

  #row(shown: Shown): number | undefined {
    return this.#parts.documents.rowAt(shown);
  }

  /** A row of the tree: the log of what it is about, at the line that speaks for it. */
  async #openOfNode(id: string): Promise<void> {
    const { view, session, documents } = this.#parts;
    const node = view.node(id);
    const check = session.state.checks.find((head) => head.id === node?.check);
    const readable = session.state.target?.logs ?? [];
    const sources = (check === undefined ? logsOfComponent(node?.scope?.component ?? '') : logsOfCheck(check)).filter((source) => readable.includes(source));
    const located = session.target;
    if (located === undefined || sources.length === 0) return;
    await documents.open(subjectOf(located, sources), (document) => lineThatSpeaks(document, sources, check?.messages ?? []));
  }

  /**
   * The target that is picked, or that is picked now.
   *
   * @throws Error when it has no logs
   */
  async #logged(): Promise<LocatedTarget | undefined> {
    const { session } = this.#parts;
    if (session.target === undefined) await commands.executeCommand(commandIds.pickTarget);
    const located = session.target;
    if (located !== undefined && session.state.target?.logs.length === 0) {
      throw new Error(`Cannot open the log of ${located.target.name}: the target gives addresses only. Pick the Compose project or the Helm release itself, or name log files in the target.`);
    }
    return located;
  }

  async #showOutput(): Promise<void> {
    const located = await this.#logged();
    if (located !== undefined) await this.#parts.output.show(subjectOf(located, []));
  }

  async #openPicked(): Promise<void> {
    const located = await this.#logged();
    if (located === undefined) return;
    const { target } = located;
    const names = this.#parts.session.state.target?.logs ?? [];
    const all: QuickPickItem = { label: 'All services', description: 'and the stores, merged by time' };
    const several: QuickPickItem = { label: 'Several…' };
    const items = names.map((label) => ({ label }));
    const title = `Open the log of ${target.name}`;
    const one = await window.showQuickPick([all, ...items, several], { title });
    const picked = one === several ? await window.showQuickPick(items, { title, placeHolder: 'Those that are to be merged', canPickMany: true }) : one && [one];
    if (picked === undefined || picked.length === 0) return;
    await this.#parts.documents.open(subjectOf(located, picked[0] === all ? [] : picked.map(({ label }) => label)));
  }

  /** @param file one that was chosen in the Explorer */
  async #openFile(file: unknown): Promise<void> {
    const chosen = file instanceof Uri ? [file] : await window.showOpenDialog({ title: 'Open a log file', openLabel: 'Open Log', canSelectMany: false });
    const path = chosen?.[0]?.fsPath;
    if (path === undefined) return;
    const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
    await this.#parts.documents.open({ key: path, name, place: { kind: 'file', path }, sources: [] });
  }

  async #filter(shown: Shown): Promise<void> {
    const { document } = shown;
    const text = await window.showInputBox({
      title: 'Filter the log',
      value: document.filterText,
      placeHolder: 'text  "two words"  /regular expression/i  -without  level:warn  source:sts,gateway  id:…f90ae7  after:14:02  before:14:05  around:3  probes:shown',
      prompt: 'All parts must fit. An empty filter shows everything.',
      validateInput: (typed) => problemOf(document, typed),
    });
    if (text !== undefined) await this.#set(shown, text.trim());
  }

  async #set(shown: Shown, text: string, row = this.#row(shown)): Promise<void> {
    const problem = await this.#parts.documents.setFilter(shown.document, text, row);
    if (problem !== undefined) throw new Error(`Cannot filter the log: ${problem}`);
  }

  async #pickLevel(shown: Shown): Promise<void> {
    const { filterText } = shown.document;
    const current = levelOf(filterText) ?? '';
    const items = ['', ...levels].map((level) => ({ level, label: levelText(level === '' ? '' : `level:${level}`), description: level === current ? 'shown now' : '' }));
    const picked = await window.showQuickPick(items, { title: 'Show levels' });
    if (picked !== undefined) await this.#set(shown, withPart(filterText, 'level', picked.level));
  }

  async #pickSources(shown: Shown): Promise<void> {
    const { filterText, state } = shown.document;
    const chosen = sourcesOf(filterText);
    const items = (state?.sources ?? []).map(({ name, standing }) => ({ label: name, description: standing, picked: chosen.length === 0 || chosen.includes(name) }));
    const picked = await window.showQuickPick(items, { title: 'Show sources', canPickMany: true });
    if (picked === undefined || picked.length === 0) return;
    await this.#set(shown, withPart(filterText, 'source', picked.length === items.length ? '' : picked.map(({ label }) => label).join(',')));
  }

  async #goToTime({ document }: Shown): Promise<void> {
    const text = await window.showInputBox({
      title: 'Go to a time in the log', placeHolder: '14:02, 14:02:11.480 or 2026-08-20T14:02, in UTC',
      validateInput: (typed) => (typed.trim() === '' ? undefined : problemOf(document, `after:${typed.trim()}`)),
    });
    if (text === undefined || text.trim() === '') return;
    const { after } = parseFilter(`after:${text.trim()}`, undefined, dayOf(document));
    if (after !== undefined) await document.goTo({ at: 'time', time: after });
  }

  async #goToError(shown: Shown, direction: 1 | -1): Promise<void> {
    const { document } = shown;
    const row = this.#row(shown);
    const found = row === undefined ? undefined : await document.log.nextError(document.view, row, direction);
    if (found === undefined) window.setStatusBarMessage(direction === 1 ? 'No later error in this log' : 'No earlier error in this log', statusMs);
    else await document.goTo({ at: 'row', row: found });
  }

  async #showRequest(shown: Shown, row: number | undefined): Promise<void> {
    const id = row === undefined ? undefined : (await shown.document.log.record(row)).record.requestId;
    if (id === undefined) window.setStatusBarMessage('This line names no request', statusMs);
    else await this.#set(shown, `id:${id}`, row);
  }

  async #save({ log, view, title, state }: LogDocument): Promise<void> {
    const records = state?.shown[view] ?? 0;
    const folder = workspace.workspaceFolders?.[0]?.uri ?? Uri.file(homedir());
    const chosen = await window.showSaveDialog({
      title: 'Save what is shown, as it was logged, with secrets masked', saveLabel: 'Save', filters: { Log: ['log'] }, defaultUri: Uri.joinPath(folder, `${title.replaceAll(/\W+/g, '-')}.log`),
    });
    if (chosen === undefined) return;
    if (chosen.scheme !== 'file') throw new Error('Cannot save the log there: it is no folder of this machine. Choose one that is.');
    const { redactor } = this.#parts.engine;
    const saved = await window.withProgress({ location: ProgressLocation.Notification, title: `Saving ${title}`, cancellable: true }, async (progress, cancelled) => {
      const stop = new AbortController();
      cancelled.onCancellationRequested(() => stop.abort());
      const onProgress = (written: number): void => progress.report({ message: `${written.toLocaleString('en-US')} of ${records.toLocaleString('en-US')} records` });
      await saveLog({ log, view, records, path: chosen.fsPath, redactor, signal: stop.signal, onProgress }).catch((error: unknown) => {
        if (!stop.signal.aborted) throw error;
      });
      return !stop.signal.aborted;
    });
    if (saved) window.setStatusBarMessage(`Saved ${records.toLocaleString('en-US')} records, masked`, statusMs);
  }

  /** What is known of a line stands in its hover. */
  async #explain({ document }: Shown, row: number | undefined): Promise<void> {
    if (row === undefined) return;
    await document.goTo({ at: 'row', row });
    await commands.executeCommand('editor.action.showHover', { focus: 'autoFocusImmediately' });
  }

  async #trace({ document }: Shown, row: number | undefined): Promise<void> {
    if (row === undefined) return;
    const { record } = await document.log.record(row);
    if (record.requestId !== undefined) await commands.executeCommand(commandIds.traceRequest, record.requestId);
  }

  async #readOlder(document: LogDocument): Promise<void> {
    const { documents } = this.#parts;
    if (!documents.hasOlder(document)) window.setStatusBarMessage('All lines that can be read are here', statusMs);
    else await window.withProgress({ location: ProgressLocation.Window, title: 'Reading older lines' }, () => documents.readOlder(document));
  }

  async #showLike(shown: Shown, row: number | undefined): Promise<void> {
    if (row === undefined) return;
    const { record } = await shown.document.log.record(row);
    await this.#set(shown, likeFilter(record.message), row);
  }
}

/** The log of a target. @param sources all where there are none */
export function subjectOf(located: LocatedTarget, sources: readonly string[]): Parameters<LogDocuments['open']>[0] {
  return { key: located.id, name: located.target.name, place: { kind: 'target', located, tail: firstTail }, sources };
}

/**
 * The last line with one of the messages that speak, else the last that is known to tell of trouble, else the last
 * error; undefined where there is none of them.
 */
async function lineThatSpeaks({ log }: LogDocument, sources: readonly string[], messages: readonly string[]): Promise<Anchor | undefined> {
  const speaking = messages.length === 0 ? [] : (await log.findings()).filter(({ id }) => messages.includes(id));
  const groups = (await log.groups()).filter((group) => group.sources.some((name) => sources.some((source) => isSource(name, source))));
  const known = groups.filter((group) => group.known !== undefined);
  const last = Math.max(...([speaking, known, groups].find(({ length }) => length > 0) ?? []).map((one) => one.last));
  return Number.isFinite(last) ? { at: 'row', row: last } : undefined;
}

function problemOf(document: LogDocument, text: string): string | undefined {
  try {
    parseFilter(text, document.state?.sources.map(({ name }) => name), dayOf(document));
    return undefined;
  } catch (error) {
    if (error instanceof FilterProblem) return error.message;
    throw error;
  }
}

/** Times without a date are of the day on which the log ends. */
function dayOf({ state }: LogDocument): number {
  return state === undefined || Number.isNaN(state.to) ? Date.now() : state.to;
}
