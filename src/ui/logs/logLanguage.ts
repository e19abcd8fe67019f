import { CodeLens, DocumentHighlight, DocumentLink, DocumentSymbol, EventEmitter, FoldingRange, FoldingRangeKind, Hover, Location, MarkdownString, Range, SymbolKind, Uri, languages } from 'vscode';
import type { CodeLensProvider, DocumentHighlightProvider, DocumentLinkProvider, DocumentSymbolProvider, FoldingRangeProvider, HoverProvider, Position, ReferenceProvider, TextDocument } from 'vscode';
import { commandIds, internalCommandIds } from '../commandIds.ts';
import { causeOfMessage, footnote } from '../causes.ts';
import type { Mark } from '../causes.ts';
import type { RecordDetails } from '../../logs/protocol.ts';
import type { Diagnosis } from '../../model/diagnosis.ts';
import type { FlowSession } from '../flowSession.ts';
import { DisposableStore } from '../lifecycle.ts';
import { asMarkdown } from '../../model/markdown.ts';
import { stateWords } from '../words.ts';
import { firstLine, lineOf, rowOf } from './logContent.ts';
import type { LogDocument } from './logDocument.ts';
import type { LogDocuments } from './logDocuments.ts';
import { logScheme } from './logFiles.ts';
import { foldsOf, idsOf, requestsOf } from './logShape.ts';
import type { LineId } from './logShape.ts';
import { countText, followText, groupText, levelText, recordMarkdown, showsProbes, sourcesOf } from './logWords.ts';

const selector = { scheme: logScheme };
/** Lenses above lines change the place of what is below: no more than these. */
const mostLenses = 50;
const mostSymbols = 1_000;
const mostChecks = 4;
/** What was said longer before the end of the log may be about something that is over. */
const recentMs = 10 * 60_000;
/** Numbers above the text need not run with it. */
const lensesEveryMs = 1_000;

/** What VS Code is told of a log: each answer is about the window that stands in the editor. */
export class LogLanguage implements CodeLensProvider, FoldingRangeProvider, DocumentSymbolProvider, DocumentLinkProvider, HoverProvider, DocumentHighlightProvider, ReferenceProvider {
  readonly #documents: LogDocuments;
  readonly #session: FlowSession;
  readonly #store = new DisposableStore();
  readonly #lensesChanged = this.#store.add(new EventEmitter<void>());
  #timer: NodeJS.Timeout | undefined;
  /** The one that the lenses name causes of. */
  #diagnosis: Diagnosis | undefined;

  readonly onDidChangeCodeLenses = this.#lensesChanged.event;

  constructor(documents: LogDocuments, session: FlowSession) {
    this.#documents = documents;
    this.#session = session;
    for (const registered of [
      languages.registerCodeLensProvider(selector, this),
      languages.registerFoldingRangeProvider(selector, this),
      languages.registerDocumentSymbolProvider(selector, this),
      languages.registerDocumentLinkProvider(selector, this),
      languages.registerHoverProvider(selector, this),
      languages.registerDocumentHighlightProvider(selector, this),
      languages.registerReferenceProvider(selector, this),
      documents.onDidChange(() => this.#renewLenses()),
      session.onDidChange(() => {
        if (session.state.diagnosis === this.#diagnosis) return;
        this.#diagnosis = session.state.diagnosis;
        this.#renewLenses();
      }),
    ]) this.#store.add(registered);
  }

  #renewLenses(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#lensesChanged.fire();
    }, lensesEveryMs);
  }

  async provideCodeLenses({ uri }: TextDocument): Promise<CodeLens[]> {
    const document = this.#documents.of(uri);
    if (document === undefined) return [];
    return [...toolbar(document, uri), ...this.#olderLens(document, uri), ...(await this.#groupLenses(document, uri))];
  }

  #olderLens(document: LogDocument, uri: Uri): CodeLens[] {
    const { from, isTailed } = document.content;
    const isAtBeginning = from === 0 && isTailed && this.#documents.hasOlder(document);
    return isAtBeginning ? [new CodeLens(new Range(1, 0, 1, 0), { title: 'Read older lines', command: commandIds.readOlderLog, arguments: [uri.toString()] })] : [];
  }

  /** Above the first line of each group of errors that is here. */
  async #groupLenses(document: LogDocument, uri: Uri): Promise<CodeLens[]> {
    const { content, log } = document;
    const [first, last] = [content.rows[0], content.rows.at(-1)];
    if (first === undefined || last === undefined) return [];
    const groups = (await log.groups()).filter((group) => group.first >= first && group.first <= last && content.rows.includes(group.first)).slice(0, mostLenses);
    return (await Promise.all(groups.map(async (group) => {
      const line = lineOf(content, group.first);
      const range = new Range(line, 0, line, 0);
      const lens = (title: string, command: string): CodeLens => new CodeLens(range, { title, command, arguments: [uri.toString(), group.first] });
      const hasRequest = idsOf(content.lines[line - firstLine(content)] ?? '').some(({ isRequest }) => isRequest);
      const cause = this.#causeOf(group.known?.id, uri);
      const isCaused = cause !== undefined && isRecent(await log.record(group.last), document);
      return [
        lens(groupText(group), internalCommandIds.logLike),
        ...(isCaused ? [new CodeLens(range, { title: causeText(cause), command: commandIds.showCause, arguments: [cause.cause] })] : []),
        lens('Explain', internalCommandIds.explainLogLine),
        ...(group.count > 1 ? [lens('Show all', internalCommandIds.logLike)] : []),
        ...(hasRequest ? [lens('Only this request', internalCommandIds.logOfRequest), lens('Trace', internalCommandIds.traceLogLine)] : []),
      ];
    }))).flat();
  }

  provideFoldingRanges({ uri }: TextDocument): FoldingRange[] {
    const document = this.#documents.of(uri);
    if (document === undefined) return [];
    const first = firstLine(document.content);
    return foldsOf(document.content).map(({ from, to }) => new FoldingRange(first + from, first + to, FoldingRangeKind.Region));
  }

  provideDocumentSymbols(text: TextDocument): DocumentSymbol[] {
    const document = this.#documents.of(text.uri);
    if (document === undefined) return [];
    const first = firstLine(document.content);
    return requestsOf(document.content.lines).slice(0, mostSymbols).map(({ id, from, to, lines }) => {
      const start = text.lineAt(first + from).range;
      return new DocumentSymbol(`request ${id}`, lines === 1 ? '1 line' : `${lines} lines`, SymbolKind.Event, start.union(text.lineAt(first + to).range), start);
    });
  }

  provideDocumentLinks({ uri }: TextDocument): DocumentLink[] {
    const document = this.#documents.of(uri);
    if (document === undefined) return [];
    const { content } = document;
    return content.lines.flatMap((line, index) => idsOf(line).filter(({ isRequest }) => isRequest).map(({ start, end }) => {
      const at = firstLine(content) + index;
      const link = new DocumentLink(new Range(at, start, at, end), commandUri(internalCommandIds.logOfRequest, uri.toString(), content.rows[index]));
      link.tooltip = 'Show all lines of this request';
      return link;
    }));
  }

  async provideHover({ uri }: TextDocument, { line }: Position): Promise<Hover | undefined> {
    const document = this.#documents.of(uri);
    const row = document && rowOf(document.content, line);
    if (document === undefined || row === undefined) return undefined;
    const details = await document.log.record(row);
    const link = (title: string, command: string, ...parameters: readonly unknown[]): string => `[${title}](${commandUri(command, ...parameters).toString()})`;
    const request = details.record.requestId === undefined ? [] : [[link('Trace this request', internalCommandIds.traceLogLine, uri.toString(), row), link('Only this request', internalCommandIds.logOfRequest, uri.toString(), row)].join(' · ')];
    const cause = isRecent(details, document) ? this.#causeOf(details.message, uri) : undefined;
    const checks = this.#checksOf(details.message, uri).map(({ id, label }) => link(label, internalCommandIds.showInTree, id));
    const text = new MarkdownString([
      recordMarkdown(details), '',
      ...(checks.length === 0 ? [] : [`Look at: ${checks.join(' · ')}`, '']),
      [...request, ...(cause ? [link(asMarkdown(causeText(cause)), commandIds.showCause, cause.cause)] : [])].join(' · '),
    ].join('\n'));
    text.isTrusted = { enabledCommands: [internalCommandIds.traceLogLine, internalCommandIds.logOfRequest, internalCommandIds.showInTree, commandIds.showCause] };
    return new Hover(text);
  }

  provideDocumentHighlights(document: TextDocument, position: Position): DocumentHighlight[] {
    return this.#placesOf(document, position).map((range) => new DocumentHighlight(range));
  }

  provideReferences(document: TextDocument, position: Position): Location[] {
    return this.#placesOf(document, position).map((range) => new Location(document.uri, range));
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#store.dispose();
  }

  /** The cause that is named on the same target and that a message speaks for. */
  #causeOf(message: string | undefined, { query }: Uri): Mark | undefined {
    const { state } = this.#session;
    return message === undefined || state.target?.id !== query ? undefined : causeOfMessage(message, state);
  }

  /** What the flow of the same target looks at that a message speaks for, with what is known of it. */
  #checksOf(message: string | undefined, { query }: Uri): readonly { readonly id: string; readonly label: string }[] {
    const { target, checks, answers } = this.#session.state;
    if (message === undefined || target?.id !== query) return [];
    return checks.filter(({ messages = [] }) => messages.includes(message)).slice(0, mostChecks).map(({ id, component, title }) => {
      const verdict = answers.get(id)?.verdict;
      return { id, label: asMarkdown(`${component} › ${title}${verdict === undefined ? '' : `: ${stateWords[verdict.status]}, ${verdict.summary}`}`) };
    });
  }

  /** Where the id stands that is at a position; where there is none, the request of its line. */
  #placesOf({ uri }: TextDocument, { line, character }: Position): Range[] {
    const document = this.#documents.of(uri);
    if (document === undefined) return [];
    const { lines } = document.content;
    const first = firstLine(document.content);
    const ids = idsOf(lines[line - first] ?? '');
    const wanted: LineId | undefined = ids.find(({ start, end }) => start <= character && character <= end) ?? ids.find(({ isRequest }) => isRequest);
    if (wanted === undefined) return [];
    return lines.flatMap((text, index) => idsOf(text).filter(({ id }) => id === wanted.id).map(({ start, end }) => new Range(first + index, start, first + index, end)));
  }
}

/** What stands above the first line: how the log is shown, each part to be changed by it. */
function toolbar(document: LogDocument, uri: Uri): CodeLens[] {
  const { state, filterText, sources } = document;
  const top = new Range(0, 0, 0, 0);
  const lens = (title: string, command: string): CodeLens => new CodeLens(top, { title, command, arguments: [uri.toString()] });
  const count = state === undefined ? [] : [countText(state, document.view)];
  const chosen = sourcesOf(filterText);
  return [
    lens([...count, ...(filterText === '' ? ['no filter'] : [`filter ${filterText}`])].join(', '), commandIds.filterLog),
    lens(levelText(filterText), internalCommandIds.logLevel),
    ...(sources.length > 0 || state === undefined ? [] : [lens(chosen.length === 0 ? 'All sources' : `${chosen.length} of ${state.sources.length} sources`, internalCommandIds.logSources)]),
    ...((state?.probes ?? 0) === 0 ? [] : [lens(showsProbes(filterText) ? 'Probe lines shown' : 'Probe lines hidden', internalCommandIds.logProbes)]),
    lens(followText(document.isFollowing, document.newer), commandIds.followLog),
    lens(document.isRaw ? 'Formatted lines' : 'Raw lines', commandIds.toggleRawLog),
    lens('Save redacted', commandIds.saveLog),
  ];
}

function commandUri(command: string, ...parameters: readonly unknown[]): Uri {
  return Uri.parse(`command:${command}?${encodeURIComponent(JSON.stringify(parameters))}`);
}

function causeText({ number, title }: Mark): string {
  return `Cause ${footnote(number)}: ${title}`;
}

/** Whether a record is of the time in which the log ends. */
function isRecent({ time }: Pick<RecordDetails, 'time'>, { state }: LogDocument): boolean {
  return state !== undefined && state.to - time <= recentMs;
}
