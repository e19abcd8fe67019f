import { shapeOf } from '../../logs/shape.ts';
import type { LogContent } from './logContent.ts';

/** An id in a line, as it is shown: shortened in the middle, or whole. Places are UTF-16 units. */
export interface LineId {
  readonly id: string;
  readonly start: number;
  readonly end: number;
  readonly isRequest: boolean;
}

const idPattern = /([\w.]*)(=|":\s*")(?<id>[0-9a-f]{4}…[0-9a-f]{4}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{24,64})(?![\w-])/gi;
const requestField = /^(?:request_id|reqId|requestId)$/;
/** Of a line, no more is looked at. */
const longestLooked = 4_000;

/** The ids of a line, with the field that each is of. */
export function idsOf(line: string): readonly LineId[] {
  return [...line.slice(0, longestLooked).matchAll(idPattern)].map((found) => {
    const [all, field = '', between = '', id = ''] = found;
    const start = found.index + field.length + between.length;
    return { id, start, end: start + id.length, isRequest: requestField.test(field) && all !== '' };
  });
}

/** The lines of a request that are here. */
export interface RequestLines {
  readonly id: string;
  /** Places among the lines: of the first, and of the last. */
  readonly from: number;
  readonly to: number;
  readonly lines: number;
}

/** The requests whose lines are here, in the order of their first ones. */
export function requestsOf(lines: readonly string[]): readonly RequestLines[] {
  const requests = new Map<string, { id: string; from: number; to: number; lines: number }>();
  for (const [index, line] of lines.entries()) {
    const id = idsOf(line).find(({ isRequest }) => isRequest)?.id;
    if (id === undefined) continue;
    const known = requests.get(id);
    if (known === undefined) requests.set(id, { id, from: index, to: index, lines: 1 });
    else [known.to, known.lines] = [index, known.lines + 1];
  }
  return [...requests.values()];
}

/** Lines that can be folded to the first of them. */
export interface Fold {
  readonly from: number;
  readonly to: number;
}

const mostFolds = 5_000;
/** Fewer records that are alike are read as fast as a fold. */
const fewestAlike = 4;
const timeColumns = 14;

/** Stacks and the like, and runs of records that differ in numbers and ids only. */
export function foldsOf({ lines, rows }: LogContent): readonly Fold[] {
  const folds: Fold[] = [];
  let [run, runRecords, shape]: [number, number, string | undefined] = [0, 0, undefined];
  const closeRun = (end: number): void => {
    if (runRecords >= fewestAlike) folds.push({ from: run, to: end - 1 });
  };
  for (let from = 0, to = 0; from < lines.length; from = to) {
    for (to = from + 1; to < lines.length && rows[to] === rows[from]; to += 1);
    const isLong = to - from > 1;
    if (isLong) folds.push({ from, to: to - 1 });
    const next = isLong ? undefined : shapeOf((lines[from] ?? '').slice(timeColumns, timeColumns + 200).replaceAll(shortIds, '#'));
    if (next === undefined || next !== shape) {
      closeRun(from);
      [run, runRecords, shape] = [from, 1, next];
    } else runRecords += 1;
    if (to >= lines.length) closeRun(to);
  }
  return folds.slice(0, mostFolds);
}

const shortIds = /[0-9a-f]{4}…[0-9a-f]{4}/gi;
