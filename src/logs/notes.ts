import { goServices, logSourceOf } from '../caracal/logSources.ts';
import { misleadingMessages } from '../caracal/misleadingMessages.ts';
import { markLevel } from './index.ts';
import { knownMessage } from './known.ts';
import type { Mark } from './marks.ts';
import { levels, readRecord } from './record.ts';
import type { LogRecord } from './record.ts';
import { recordBytes } from './search.ts';
import type { IndexedLog } from './search.ts';

const misleading = Map.groupBy(misleadingMessages, ({ message }) => message);
const errorPlace = levels.indexOf('error') + 1;
/** What one request says lies near. */
const mostOfRequest = 20;
const mostBefore = 50;

/** What is true instead of what a line seems to say; undefined for a line that does not mislead. */
export function noteOf(log: IndexedLog, row: number, record: LogRecord, known = knownMessage(record, logSourceOf(log.sources[log.index.source[row] ?? 0] ?? ''))): string | undefined {
  const fields = new Map<string, unknown>([...record.fields, ['error.type', record.error?.type]]);
  const fits = (known === undefined ? [] : (misleading.get(known.id) ?? [])).find(({ where, after }) => (where?.((field) => fields.get(field)) ?? true) && (after === undefined || saidBefore(log, row, after)));
  return fits?.note;
}

/** A process that ended without an error may have had no time to log it. */
export function noteOfMark({ index, sources }: IndexedLog, row: number, mark: Mark): string | undefined {
  const source = index.source[row] ?? 0;
  const ended = (mark.kind === 'ended' || mark.kind === 'restarted') && mark.end === 'exit code 1';
  const of = logSourceOf(sources[source] ?? '');
  if (!ended || of === undefined || !goServices.includes(of)) return undefined;
  for (let before = row - 1; before >= Math.max(0, row - mostBefore); before -= 1) {
    const level = index.level[before] ?? 0;
    if (index.source[before] === source && level !== markLevel) return level >= errorPlace ? undefined : lostLines;
  }
  return lostLines;
}

const lostLines = 'the line that says why may be lost: a Go service that cannot start ends before it is written';

/** Whether the request of a row said something before. */
function saidBefore(log: IndexedLog, row: number, message: string): boolean {
  const { requestId, source } = log.index;
  const id = requestId[row] ?? 0;
  if (id === 0) return false;
  for (let [at, looked] = [row, 0]; at > 0 && looked < mostOfRequest; looked += 1) {
    at = requestId.lastIndexOf(id, at - 1);
    if (at === -1) return false;
    const of = logSourceOf(log.sources[source[at] ?? 0] ?? '');
    if (knownMessage(readRecord(recordBytes(log, at).toString()), of)?.id === message) return true;
  }
  return false;
}
