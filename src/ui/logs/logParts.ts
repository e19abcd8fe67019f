import type { Styled } from '../../logs/harmless.ts';
import { markBegin } from '../../logs/marks.ts';

/** Services with a colour of their own. */
export const services = ['sts', 'gateway', 'api', 'audit', 'coordinator', 'web'] as const;

/** Colours of terminals, in the order of their codes from 30 and, bright, from 90 on. */
export const ansiColors = ['Black', 'Red', 'Green', 'Yellow', 'Blue', 'Magenta', 'Cyan', 'White'] as const;
export type AnsiKind = `ansi${'' | 'Bright'}${(typeof ansiColors)[number]}`;

/** What a stretch of a line is, or how a program wanted it to look. */
export type PartKind = 'time' | 'key' | 'error' | 'warn' | 'mark' | 'bold' | 'italic' | 'underline' | AnsiKind | (typeof services)[number];

export interface LinePart {
  readonly kind: PartKind;
  readonly start: number;
  readonly end: number;
}

const beginning = /^(?<time>\d\d:\d\d:\d\d\.\d{3}| {12}) {2}(?<source>\S+)(?: +(?<level>error|fatal|warn)\b)?/d;
const keys = /(?<= )[\w.]+=/g;
const badStatus = /(?<=\bstatus(?:Code)?=)[45]\d\d\b/g;
/** Of a line, no more is drawn. */
const longestDrawn = 2_000;

/** The parts of a line as it stands in the editor. Lines after the first one of a record stay as they are. */
export function partsOf(line: string, isFirst: boolean): readonly LinePart[] {
  if (line.startsWith(markBegin)) return [{ kind: 'mark', start: 0, end: line.length }];
  const found = isFirst ? beginning.exec(line) : null;
  const places = found?.indices?.groups;
  if (!found || !places) return [];
  const parts: LinePart[] = [];
  const add = (kind: PartKind | undefined, at: readonly [number, number] | undefined): void => {
    if (kind !== undefined && at !== undefined) parts.push({ kind, start: at[0], end: at[1] });
  };
  add('time', places['time']);
  add(services.find((service) => service === found.groups?.['source']?.split('/')[0]), places['source']);
  add(found.groups?.['level'] === 'warn' ? 'warn' : 'error', places['level']);
  const shown = line.slice(0, longestDrawn);
  for (const { index, 0: text } of shown.matchAll(keys)) add('key', [index, index + text.length]);
  for (const { index, 0: text } of shown.matchAll(badStatus)) add(text.startsWith('4') ? 'warn' : 'error', [index, index + text.length]);
  return parts;
}

const otherStyles: Readonly<Record<number, PartKind>> = { 1: 'bold', 3: 'italic', 4: 'underline' };

/** What a program wanted with escapes; of colours only those of the text, so that it can be read on any background. */
export function styledParts(styles: readonly Styled[] = []): readonly LinePart[] {
  return styles.flatMap(({ start, end, codes }) => codes.flatMap((code): LinePart[] => {
    const color = ansiColors[code % 10];
    const kind = color !== undefined && code >= 30 && code < 38 ? `ansi${color}` as const : color !== undefined && code >= 90 && code < 98 ? `ansiBright${color}` as const : otherStyles[code];
    return kind === undefined ? [] : [{ kind, start, end }];
  }));
}
