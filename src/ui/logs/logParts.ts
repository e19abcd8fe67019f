import { markBegin } from '../../logs/marks.ts';

/** Services with a colour of their own. */
export const services = ['sts', 'gateway', 'api', 'audit', 'coordinator', 'web'] as const;

/** What a stretch of a line is. */
export type PartKind = 'time' | 'key' | 'error' | 'warn' | 'mark' | (typeof services)[number];

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
