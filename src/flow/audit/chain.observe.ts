import { setImmediate as nextTask } from 'node:timers/promises';
import type { Deployment } from '../../targets/deployment.ts';
import { Unavailable } from '../../targets/failures.ts';
import type { KeyState } from './chain.ts';

/** Newest rows that are read of a chain. */
export const newestRows = 200;

/** Rows whose columns of JSON are stored in more than this are not fetched whole. */
const wholeBytes = 65_536;

/** A task of ours ends after this, so that the thread is free for others: rule 5 of the house. */
const taskMs = 10;

/** A chain of a table with `chain_seq`: a word for it, and the condition for its rows. */
export interface Chain {
  readonly word: string;
  /** Answered by the index on (zone_id, chain_seq), such as `zone_id = $1`. */
  readonly condition: string;
}

/**
 * A select of the newest rows of a chain, the lowest one, and single rows at distances that double,
 * all through the index on (zone_id, chain_seq). Beside `columns` it has `chain` (the word), `recent`
 * and `chain_seq`.
 *
 * One snapshot sees the chain as it was at one moment: a writer commits a row before the next one is
 * numbered, under the lock of the zone.
 */
export function chainSelect({ word, condition }: Chain, table: string, columns: readonly string[]): string {
  const rows = `FROM ${table} WHERE ${condition} AND chain_seq IS NOT NULL`;
  // The whole key of the index, because Postgres does not see that rows with zone_id IS NULL are in the order of the rest.
  const [newest, lowest] = ['ORDER BY zone_id, chain_seq DESC', 'ORDER BY zone_id DESC, chain_seq'];
  const all = ['chain_seq', ...columns].join(', ');
  return `SELECT '${word}' AS chain, found.*
    FROM (SELECT (SELECT chain_seq ${rows} ${lowest} LIMIT 1) AS lowest, (SELECT chain_seq ${rows} ${newest} LIMIT 1) AS head) ends
    CROSS JOIN LATERAL (
      (SELECT true AS recent, ${all} ${rows} ${newest} LIMIT ${newestRows})
      UNION ALL
      (SELECT false AS recent, single.* FROM (
        SELECT ends.lowest AS seq UNION
        SELECT ends.head - ${newestRows} * (2 ^ step)::bigint FROM generate_series(0, 30) AS step WHERE ends.head - ${newestRows} * (2 ^ step)::bigint > ends.lowest
      ) AS wanted CROSS JOIN LATERAL (SELECT ${all} FROM ${table} WHERE ${condition} AND chain_seq = wanted.seq LIMIT 1) AS single)
    ) AS found`;
}

/** Whether the stored size of these columns lets them be fetched. */
export function isShort(columns: readonly string[]): string {
  return `(${columns.map((column) => `coalesce(pg_column_size(${column}), 0)`).join(' + ')} <= ${wholeBytes})`;
}

/** Microseconds since 1970 as an integer; null for a time that has none. */
export function microseconds(column: string): string {
  return `CASE WHEN isfinite(${column}) THEN (extract(epoch FROM ${column}) * 1000000)::bigint END`;
}

/** Whether signatures can be recomputed. */
export function auditKey(deployment: Deployment): KeyState {
  if (!deployment.hasKey('audit')) return { kind: 'none' };
  try {
    deployment.hmacSha256('audit', '');
    return { kind: 'given' };
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'unusable', why: error.message, wayOut: error.wayOut };
    throw error;
  }
}

/** Whether `chain_hmac` is made with the key in hand; undefined without one. Both chains sign alike: Caracal services/audit/internal/pg.go, computeHMAC. */
export function signatureOf(
  deployment: Deployment,
  key: KeyState,
  row: { readonly contentSha256: string | null; readonly previousSha256: string | null; readonly hmac: string | null },
): 'verified' | 'other' | 'unsigned' | undefined {
  if (key.kind !== 'given') return undefined;
  if (row.hmac === null || row.hmac === '') return 'unsigned';
  return row.hmac === deployment.hmacSha256('audit', `${row.contentSha256 ?? ''}|${row.previousSha256 ?? ''}`) ? 'verified' : 'other';
}

/** Works on each item in turn and lets other tasks run in between. */
export async function inTurn<Item, Result>(items: readonly Item[], work: (item: Item) => Result, signal: AbortSignal): Promise<Result[]> {
  const results: Result[] = [];
  let begunMs = performance.now();
  for (const item of items) {
    results.push(work(item));
    if (performance.now() - begunMs < taskMs) continue;
    await nextTask(undefined, { signal });
    begunMs = performance.now();
  }
  return results;
}

/** A text or a number of a row as text; null for anything else. */
export function text(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}
