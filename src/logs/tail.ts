import type { LogSource } from '../caracal/logSources.ts';
import type { LogBytes } from './bytes.ts';
import { Findings } from './findings.ts';
import { indexLog, LogIndex } from './index.ts';

/** A known message in the ends of the logs of one source. Times are ISO 8601 by the clock of whoever logged; null where it wrote none. */
export interface TailFinding {
  /** `gateway: jti tracker setnx failed` */
  readonly id: string;
  readonly count: number;
  readonly firstAt: string | null;
  readonly lastAt: string | null;
}

export interface TailFindings {
  /** Records that were looked through. */
  readonly records: number;
  /** Times of the first and of the last one. */
  readonly from: string | null;
  readonly to: string | null;
  readonly findings: readonly TailFinding[];
}

/** Finds what is known among whole lines. @param streams each of one process and of one of its outputs */
export function findingsIn(source: LogSource, streams: readonly Uint8Array[]): TailFindings {
  const byId = new Map<string, { count: number; firstAt: string | null; lastAt: string | null }>();
  let [records, from, to]: [number, string | null, string | null] = [0, null, null];
  for (const bytes of streams) {
    const index = new LogIndex();
    const findings = new Findings();
    Array.from(indexLog(inMemory(bytes), 0, index, (part, start, end, scanned) => {
      findings.add(index.length, source, part, start, end, scanned);
      return false;
    }));
    const timeOf = (row: number): string | null => isoOf(index.time[row] ?? NaN);
    records += index.length;
    from = earliest(from, timeOf(0));
    to = latest(to, timeOf(index.length - 1));
    for (const { id, count, first, last } of findings.findings()) {
      const known = byId.get(id);
      if (known === undefined) byId.set(id, { count, firstAt: timeOf(first), lastAt: timeOf(last) });
      else Object.assign(known, { count: known.count + count, firstAt: earliest(known.firstAt, timeOf(first)), lastAt: latest(known.lastAt, timeOf(last)) });
    }
  }
  return { records, from, to, findings: [...byId].map(([id, found]) => ({ id, ...found })) };
}

function inMemory(bytes: Uint8Array): LogBytes {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { length: buffer.length, read: (from, to) => buffer.subarray(from, to), close: () => undefined };
}

function isoOf(time: number): string | null {
  return Number.isFinite(time) ? new Date(time).toISOString() : null;
}

/** Times in ISO 8601 and UTC are in order as text. */
function earliest(one: string | null, other: string | null): string | null {
  return one === null || (other !== null && other < one) ? other : one;
}

function latest(one: string | null, other: string | null): string | null {
  return one === null || (other !== null && other > one) ? other : one;
}
