import { beginning, harmless } from './harmless.ts';
import type { Styled } from './harmless.ts';
import { markBegin } from './marks.ts';
import type { LogRecord } from './record.ts';

/** How a line is drawn, beside its text. Places are UTF-16 units, as VS Code counts. */
export interface LineLook {
  readonly styles: readonly Styled[];
  /** What is true instead of what the line seems to say. */
  readonly note?: string | undefined;
}

/** One line as it stands in the editor. */
export interface ShownLine extends LineLook {
  readonly text: string;
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
  return shortened(harmless(line.startsWith(markBegin) ? ` ${line}` : line));
}

function firstLine(record: LogRecord, source: string, time: number, width: number): ShownLine {
  const clock = Number.isFinite(time) ? new Date(time).toISOString().slice(11, 23) : '            ';
  const message = harmless(record.message);
  const before = `${clock}  ${source.padEnd(width)} ${(record.level ?? '').padEnd(levelWidth)}  `;
  const fields = fieldsOf(record).map(([name, value]) => {
    const isId = typeof value === 'string' && (idField.test(name) || idValue.test(value));
    return `${harmless(name).text}=${isId ? shortId(harmless(value).text) : valueText(value)}`;
  });
  return shortened({
    text: `${before}${message.text}${fields.length === 0 ? '' : `  ${fields.join(' ')}`}`,
    styles: message.styles.map(({ start, end, codes }) => ({ start: start + before.length, end: end + before.length, codes })),
  });
}

/** Fields that say something of their own; the severity of Postgres and the role of Redis are told by level and message. */
function fieldsOf({ format, fields, error }: LogRecord): readonly (readonly [string, unknown])[] {
  const said = format === 'json' ? fields : [];
  return error === undefined ? said : [...said, ['error', error.code === undefined ? error.message : `${error.code}: ${error.message}`]];
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  const shown = harmless(text).text;
  return shown.length > longestValue ? `${beginning(shown, longestValue)}…` : shown;
}

/** `c2f4…08ab`; ids that people made up are short and stay whole. */
function shortId(id: string): string {
  return idValue.test(id) ? `${id.slice(0, 4)}…${id.slice(-4)}` : id;
}

function shortened({ text, styles }: ShownLine): ShownLine {
  if (text.length <= longestLine) return { text, styles };
  const shown = beginning(text, longestLine);
  return { text: `${shown}… ${(text.length - shown.length).toLocaleString('en-US')} characters more`, styles: styles.filter(({ end }) => end <= longestLine) };
}
