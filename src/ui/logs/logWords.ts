import type { ErrorGroup } from '../../logs/findings.ts';
import type { LogState, RecordDetails } from '../../logs/protocol.ts';
import { levels } from '../../logs/record.ts';
import type { Level } from '../../logs/record.ts';
import { asMarkdown } from '../../model/markdown.ts';

const numbers = new Intl.NumberFormat('en-US');

/** `2,906 of 4,190 records`; with `newer` ones that are not shown yet. */
export function countText(state: LogState, view: number): string {
  const shown = state.shown[view] ?? 0;
  return shown === state.rows ? `${numbers.format(shown)} records` : `${numbers.format(shown)} of ${numbers.format(state.rows)} records`;
}

export function followText(isFollowing: boolean, newer: number): string {
  return isFollowing ? 'Following' : newer === 0 ? 'Paused' : `Paused, ${numbers.format(newer)} new`;
}

/** `Info and up`, `All levels`. */
export function levelText(filter: string): string {
  const level = levelOf(filter);
  return level === undefined ? 'All levels' : `${level.charAt(0).toUpperCase()}${level.slice(1)} and up`;
}

const levelPart = /(?:^|\s)level:(\S+)/;
const sourcePart = /(?:^|\s)source:(\S+)/;
const probesPart = /(?:^|\s)probes:(\S+)/;
const parts = { level: levelPart, source: sourcePart, probes: probesPart } as const;

export function levelOf(filter: string): Level | undefined {
  const named = levelPart.exec(filter)?.[1];
  return levels.find((level) => level === named);
}

export function sourcesOf(filter: string): readonly string[] {
  return sourcePart.exec(filter)?.[1]?.split(',') ?? [];
}

export function showsProbes(filter: string): boolean {
  return probesPart.test(filter);
}

/** The filter with another part in the place of its own; without one where the part is empty. */
export function withPart(filter: string, name: keyof typeof parts, value: string): string {
  const rest = filter.replace(parts[name], '').trim();
  return [rest, ...(value === '' ? [] : [`${name}:${value}`])].filter((part) => part !== '').join(' ');
}

/** A filter for all records whose message is like this one but for numbers and ids. */
export function likeFilter(message: string): string {
  const [line = ''] = message.split('\n');
  // In a log of JSON lines the text stands as JSON writes it.
  const literal = JSON.stringify(line).slice(1, -1).replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return `/${literal.replaceAll(/[0-9a-f]{8,}(?:-[0-9a-f]{4,})*|\d+/gi, '[\\w-]+')}/`;
}

/** `246 alike folded`; `6 lines folded` of one record. */
export function foldedText(row: number | undefined, folded: readonly number[]): string {
  const others = new Set(folded.filter((one) => one !== row)).size;
  return others === 0 ? `${numbers.format(folded.length)} lines folded` : `${numbers.format(others)} alike folded`;
}

/** What an error group says above its first line. */
export function groupText({ title, count, sources, known }: ErrorGroup): string {
  const where = sources.length > 1 ? `${sources.length} sources, ` : '';
  const times = count === 1 ? 'once' : `${numbers.format(count)} times alike`;
  return `${where}${times}: ${known?.meaning ?? title.split('\n')[0]?.slice(0, 120) ?? ''}`;
}

/** Everything that is known of a record, as Markdown; texts of the log are escaped. */
export function recordMarkdown({ source, time, record, meaning, note, mark }: RecordDetails): string {
  const noted = note === undefined ? [] : [`*${asMarkdown(note)}*`, ''];
  if (mark !== undefined) return [asMarkdown(mark), '', ...noted].join('\n');
  const rows: (readonly [string, unknown])[] = [
    ['time', Number.isFinite(time) ? `${new Date(time).toISOString()}${record.time === undefined || record.time === time ? '' : `, by its own clock ${new Date(record.time).toISOString()}`}` : 'unknown'],
    ['source', source],
    ...(record.level === undefined ? [] : [['level', record.level] as const]),
    ...record.fields,
    ...(record.error === undefined ? [] : Object.entries(record.error).filter(([name]) => name !== 'stack').map(([name, value]) => [`error ${name}`, value] as const)),
    ...record.origin,
  ];
  const cell = (value: unknown): string => asMarkdown((typeof value === 'string' ? value : JSON.stringify(value)).slice(0, longestCell));
  return [
    ...(meaning === undefined ? [] : [`**${asMarkdown(meaning)}**`, '']),
    ...noted,
    asMarkdown(record.message.slice(0, longestMessage)), '',
    '| | |', '| --- | --- |',
    ...rows.map(([name, value]) => `| ${cell(name)} | ${cell(value)} |`),
  ].join('\n');
}

const longestCell = 300;
const longestMessage = 1_000;
