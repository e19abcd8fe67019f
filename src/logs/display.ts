import { harmless } from './harmless.ts';
import type { Styled } from './harmless.ts';
import { markBegin } from './marks.ts';
import type { LogRecord } from './record.ts';

/** What a stretch of a shown line is. */
export type SpanKind = 'time' | 'source' | 'level' | 'key' | 'id';

export interface Span {
  readonly kind: SpanKind;
  readonly start: number;
  readonly end: number;
  /** The whole of an id that is shown shortened. */
  readonly id?: string;
}

/** One line as it stands in the editor. Places are UTF-16 units, as VS Code counts. */
export interface ShownLine {
  readonly text: string;
  readonly spans: readonly Span[];
  readonly styles: readonly Styled[];
}

const sourceWidth = 11;
const levelWidth = 5;
/** Longer lines cost the editor more than they tell; the whole record is in its raw lines. */
const longestLine = 16_384;
const longestValue = 400;

/** Ids of requests, sessions, zones: long words of hexadecimal digits. */
const idValue = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|^[0-9a-f]{24,64}$/i;
const idField = /(?:^|_)(?:id|jti|sid)$|^(?:reqId|requestId|id)$/;

/**
 * The record's lines: time in UTC, source, level, message, and the fields in their order. What came after the
 * first line stays as it is.
 *
 * @param time when it happened, milliseconds since 1970; NaN where nobody knows
 * @param width characters of the longest name of a source
 */
export function shownLines(record: LogRecord, source: string, time: number, width = sourceWidth): readonly ShownLine[] {
  return [firstLine(record, source, time, Math.max(width, sourceWidth)), ...record.more.map(asLogged)];
}

/** The record's lines as they were logged. */
export function shownRaw(text: string): readonly ShownLine[] {
  return text.split('\n').map(asLogged);
}

/** As it is, but that no line of a log can look like a mark. */
function asLogged(line: string): ShownLine {
  return { ...shortened(harmless(line.startsWith(markBegin) ? ` ${line}` : line)), spans: [] };
}

function firstLine(record: LogRecord, source: string, time: number, width: number): ShownLine {
  const spans: Span[] = [];
  let text = '';
  const add = (kind: SpanKind | undefined, part: string, id?: string): void => {
    if (kind !== undefined && part !== '') spans.push({ kind, start: text.length, end: text.length + part.length, ...(id === undefined ? {} : { id }) });
    text += part;
  };
  add('time', Number.isFinite(time) ? new Date(time).toISOString().slice(11, 23) : '            ');
  text += '  ';
  add('source', source);
  text = `${text.padEnd(14 + width)} `;
  const levelStart = text.length;
  add('level', record.level ?? '');
  text = `${text.padEnd(levelStart + levelWidth)}  `;
  const message = harmless(record.message);
  const styles = message.styles.map(({ start, end, codes }) => ({ start: start + text.length, end: end + text.length, codes }));
  text += message.text;
  for (const [index, [name, value]] of fieldsOf(record).entries()) {
    text += index === 0 ? '  ' : ' ';
    add('key', `${harmless(name).text}=`);
    if (typeof value === 'string' && (idField.test(name) || idValue.test(value))) add('id', shortId(harmless(value).text), value);
    else text += valueText(value);
  }
  return { ...shortened({ text, styles }), spans };
}

/** Fields that say something of their own; the severity of Postgres and the role of Redis are told by level and message. */
function fieldsOf({ format, fields, error }: LogRecord): readonly (readonly [string, unknown])[] {
  const said = format === 'json' ? fields : [];
  return error === undefined ? said : [...said, ['error', error.code === undefined ? error.message : `${error.code}: ${error.message}`]];
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  const shown = harmless(text).text;
  return shown.length > longestValue ? `${shown.slice(0, longestValue)}…` : shown;
}

/** `c2f4…08ab`; ids that people made up are short and stay whole. */
export function shortId(id: string): string {
  return idValue.test(id) ? `${id.slice(0, 4)}…${id.slice(-4)}` : id;
}

function shortened({ text, styles }: { readonly text: string; readonly styles: readonly Styled[] }): { text: string; styles: readonly Styled[] } {
  if (text.length <= longestLine) return { text, styles };
  return { text: `${text.slice(0, longestLine)}… ${(text.length - longestLine).toLocaleString('en-US')} characters more`, styles: styles.filter(({ end }) => end <= longestLine) };
}
