import { DecorationRangeBehavior, OverviewRulerLane, Range, ThemeColor, window } from 'vscode';
import type { DecorationOptions, DecorationRenderOptions, TextEditor, TextEditorDecorationType } from 'vscode';
import { DisposableStore } from '../lifecycle.ts';
import { firstLine, lineCount } from './logContent.ts';
import type { LogContent } from './logContent.ts';
import type { LogDocuments } from './logDocuments.ts';
import { ansiColors, partsOf, services, styledParts } from './logParts.ts';
import type { AnsiKind, PartKind } from './logParts.ts';
import { foldedText } from './logWords.ts';

/** Lines beyond what can be seen that are drawn, too, so that scrolling shows nothing undrawn. */
const margin = 100;
const drawAfterMs = 30;

const looks: Readonly<Record<PartKind, DecorationRenderOptions>> = {
  time: { color: new ThemeColor('caracal.mutedForeground') },
  key: { color: new ThemeColor('caracal.mutedForeground') },
  error: { color: new ThemeColor('problemsErrorIcon.foreground'), overviewRulerColor: new ThemeColor('editorOverviewRuler.errorForeground'), overviewRulerLane: OverviewRulerLane.Right },
  warn: { color: new ThemeColor('problemsWarningIcon.foreground'), overviewRulerColor: new ThemeColor('editorOverviewRuler.warningForeground'), overviewRulerLane: OverviewRulerLane.Right },
  mark: { color: new ThemeColor('editorCodeLens.foreground'), fontStyle: 'italic' },
  bold: { fontWeight: 'bold' },
  italic: { fontStyle: 'italic' },
  underline: { textDecoration: 'underline' },
  ...(Object.fromEntries(ansiColors.flatMap((color) => [[`ansi${color}`, { color: new ThemeColor(`terminal.ansi${color}`) }], [`ansiBright${color}`, { color: new ThemeColor(`terminal.ansiBright${color}`) }]])) as Record<AnsiKind, DecorationRenderOptions>),
  ...(Object.fromEntries(services.map((service) => [service, { color: new ThemeColor(`caracal.service.${service}`) }])) as Record<(typeof services)[number], DecorationRenderOptions>),
};

/** Colours of the parts of a line, in those of the theme, and notes at the ends of lines. Only what can be seen is drawn. */
export class LogLook {
  readonly #documents: LogDocuments;
  readonly #store = new DisposableStore();
  readonly #types: Readonly<Record<PartKind, TextEditorDecorationType>>;
  readonly #notes: TextEditorDecorationType;
  #timer: NodeJS.Timeout | undefined;

  constructor(documents: LogDocuments) {
    this.#documents = documents;
    this.#types = Object.fromEntries(Object.entries(looks).map(([kind, look]) => [kind, this.#store.add(window.createTextEditorDecorationType({ ...look, rangeBehavior: DecorationRangeBehavior.ClosedClosed }))])) as Record<PartKind, TextEditorDecorationType>;
    this.#notes = this.#store.add(window.createTextEditorDecorationType({ after: { color: new ThemeColor('editorCodeLens.foreground'), fontStyle: 'italic', margin: '0 0 0 3ch' }, rangeBehavior: DecorationRangeBehavior.ClosedClosed }));
    this.#store.add(window.onDidChangeTextEditorVisibleRanges(() => this.#drawSoon()));
    this.#store.add(window.onDidChangeVisibleTextEditors(() => this.#drawSoon()));
    this.#store.add(documents.onDidChange(() => this.#drawSoon()));
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#store.dispose();
  }

  #drawSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const editor of window.visibleTextEditors) this.#draw(editor);
    }, drawAfterMs);
  }

  #draw(editor: TextEditor): void {
    const document = this.#documents.of(editor.document.uri);
    if (document === undefined) return;
    const { content } = document;
    const offset = firstLine(content);
    const ranges = new Map<PartKind, Range[]>();
    ranges.set('mark', marksAround(content));
    const notes: DecorationOptions[] = foldNotes(content, editor.visibleRanges);
    for (const { start, end } of editor.visibleRanges) {
      for (let index = Math.max(0, start.line - margin - offset); index < Math.min(content.lines.length, end.line + margin - offset); index += 1) {
        const isFirst = content.rows[index] !== content.rows[index - 1];
        const note = content.looks[index]?.note;
        if (note !== undefined) notes.push(noteAt(content, index, note));
        for (const part of [...partsOf(content.lines[index] ?? '', isFirst), ...styledParts(content.looks[index]?.styles)]) {
          const range = new Range(index + offset, part.start, index + offset, part.end);
          const known = ranges.get(part.kind);
          if (known === undefined) ranges.set(part.kind, [range]);
          else known.push(range);
        }
      }
    }
    editor.setDecorations(this.#notes, notes);
    for (const kind of Object.keys(looks) as PartKind[]) editor.setDecorations(this.#types[kind], ranges.get(kind) ?? []);
  }
}

/** What stands above and below the lines, where more is to be had. */
function marksAround(content: LogContent): Range[] {
  const last = lineCount(content) - 1;
  return [...(firstLine(content) > 1 ? [1] : []), ...(content.isCut ? [last] : [])].map((line) => new Range(line, 0, line, Number.MAX_SAFE_INTEGER));
}

function noteAt(content: LogContent, index: number, contentText: string): DecorationOptions {
  const [line, end] = [index + firstLine(content), content.lines[index]?.length ?? 0];
  return { range: new Range(line, end, line, end), renderOptions: { after: { contentText } } };
}

/** Between two parts in sight lies what is folded. */
function foldNotes(content: LogContent, visible: readonly Range[]): DecorationOptions[] {
  const offset = firstLine(content);
  return visible.slice(1).flatMap((next, place) => {
    const header = (visible[place]?.end.line ?? 0) - offset;
    const folded = content.rows.slice(header + 1, next.start.line - offset);
    return header < 0 || folded.length === 0 ? [] : [noteAt(content, header, foldedText(content.rows[header], folded))];
  });
}
