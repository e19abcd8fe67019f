import type { LineLook } from '../../logs/display.ts';
import type { Window } from '../../logs/view.ts';

/** What stands above the lines. */
export interface LogHead {
  /** The first line, which says what it is of. */
  readonly head: string;
  /** Older lines were not read. */
  readonly isTailed: boolean;
}

/** A stretch of what a view of a log shows, as it stands in the editor. */
export interface LogContent extends LogHead {
  /** Places in the view: of the first record, and of the one after the last. */
  readonly from: number;
  readonly until: number;
  readonly lines: readonly string[];
  /** The row of each line; those of one record have the same. */
  readonly rows: readonly number[];
  /** How each line is drawn; undefined for one that is as any other. */
  readonly looks: readonly (LineLook | undefined)[];
  /** Records follow that are not here. */
  readonly isCut: boolean;
}

/** Nothing but what stands above. */
export function emptyContent(head: LogHead): LogContent {
  return { ...head, from: 0, until: 0, lines: [], rows: [], looks: [], isCut: false };
}

/** @param shown how many records the view shows in all */
export function contentOf(head: LogHead, { first, records, lines, rows, looks }: Window, shown: number): LogContent {
  return { ...head, from: first, until: first + records, lines, rows: [...rows], looks, isCut: first + records < shown };
}

/** With records that follow on its last one. */
export function withAfter(content: LogContent, after: Window, shown: number): LogContent {
  const until = content.until + after.records;
  return { ...content, until, lines: [...content.lines, ...after.lines], rows: [...content.rows, ...after.rows], looks: [...content.looks, ...after.looks], isCut: until < shown };
}

/** With records that its first one follows on. */
export function withBefore(content: LogContent, before: Window): LogContent {
  return { ...content, from: content.from - before.records, lines: [...before.lines, ...content.lines], rows: [...before.rows, ...content.rows], looks: [...before.looks, ...content.looks] };
}

/** Without whole records at its beginning, at least so many lines of them. */
export function withoutFirst(content: LogContent, lines: number): LogContent {
  const { rows } = content;
  let cut = Math.min(lines, rows.length);
  while (cut > 0 && cut < rows.length && rows[cut] === rows[cut - 1]) cut += 1;
  return { ...content, from: content.from + recordsIn(rows.slice(0, cut)), lines: content.lines.slice(cut), rows: rows.slice(cut), looks: content.looks.slice(cut) };
}

/** Without whole records at its end, at least so many lines of them. */
export function withoutLast(content: LogContent, lines: number): LogContent {
  const { rows } = content;
  let kept = Math.max(0, rows.length - lines);
  while (kept > 0 && rows[kept] === rows[kept - 1]) kept -= 1;
  return { ...content, until: content.until - recordsIn(rows.slice(kept)), lines: content.lines.slice(0, kept), rows: rows.slice(0, kept), looks: content.looks.slice(0, kept), isCut: content.isCut || kept < rows.length };
}

/** Without so many lines on one side that others have room beside the rest. */
export function withRoom(content: LogContent, others: Window, { lines: mostLines, characters: mostCharacters }: ContentLimits, side: 'first' | 'last'): LogContent {
  const { lines } = content;
  let characters = [...lines, ...others.lines].reduce((sum, line) => sum + line.length, 0);
  let over = 0;
  while (over < lines.length && (lines.length - over + others.lines.length > mostLines || characters > mostCharacters)) {
    characters -= lines[side === 'first' ? over : lines.length - 1 - over]?.length ?? 0;
    over += 1;
  }
  if (over === 0) return content;
  return side === 'first' ? withoutFirst(content, over) : withoutLast(content, over);
}

export interface ContentLimits {
  readonly lines: number;
  readonly characters: number;
}

function recordsIn(rows: readonly number[]): number {
  return rows.reduce((count, row, index) => (index === 0 || row !== rows[index - 1] ? count + 1 : count), 0);
}

const older = '──── older lines are not loaded: scroll up to load them ────';
const unread = '──── older lines were not read ────';
const newer = '──── newer lines are not loaded: scroll down to load them ────';

/** The whole text of the document. Its lines are as many as it has `\n` and one more. */
export function textOf({ head, from, isTailed, lines, isCut }: LogContent): string {
  return [head, ...(from > 0 ? [older] : isTailed ? [unread] : []), ...lines, ...(isCut ? [newer] : [])].join('\n');
}

export function lineCount({ from, isTailed, lines, isCut }: LogContent): number {
  return firstLine({ from, isTailed }) + lines.length + (isCut ? 1 : 0);
}

/** The line in the document that the first record begins at, from 0. */
export function firstLine({ from, isTailed }: Pick<LogContent, 'from' | 'isTailed'>): number {
  return from > 0 || isTailed ? 2 : 1;
}

/** The row of a line of the document; undefined where no record stands. */
export function rowOf(content: LogContent, line: number): number | undefined {
  return content.rows[line - firstLine(content)];
}

/** The row of a line, or of the record that stands nearest; undefined where there are no records. */
export function rowNear(content: LogContent, line: number): number | undefined {
  return content.rows[Math.max(0, Math.min(line - firstLine(content), content.rows.length - 1))];
}

/** The line in the document that a row begins at, or the next one after it that is here; the last where there is none. */
export function lineOf(content: LogContent, row: number): number {
  let [low, high] = [0, content.rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((content.rows[middle] ?? 0) < row) low = middle + 1;
    else high = middle;
  }
  return firstLine(content) + Math.max(0, Math.min(low, content.rows.length - 1));
}
