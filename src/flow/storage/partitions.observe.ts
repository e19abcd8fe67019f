import type * as z from 'zod';
import { Refused } from '../../targets/failures.ts';
import type { Row } from '../../targets/deployment.ts';
import type { Observer } from '../liveSource.ts';
import { defaultRows } from './partitions.checks.ts';
import { postgresDeadlineMs } from './postgres.observe.ts';

/** Rows that are looked at; of more it is only known that there are more. */
const mostRows = 1_001;

/** `FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')`, or `DEFAULT`; MINVALUE and MAXVALUE are no bound. */
export function boundsOf(bound: string): { from: string | null; to: string | null; rest: boolean } {
  const [, from = '', to = ''] = /^FOR VALUES FROM \((.*)\) TO \((.*)\)$/.exec(bound) ?? [];
  return { from: timeOf(from), to: timeOf(to), rest: bound === 'DEFAULT' };
}

function timeOf(literal: string): string | null {
  const time = new Date(literal.replaceAll("'", '').replace(' ', 'T').replace(/\+00$/, 'Z'));
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** Conditions on `occurred_at` that no partition but the default one answers, with the times they name. */
export function outside(bounds: readonly { from: string | null; to: string | null }[]): { condition: string; times: readonly string[] } {
  const sorted = [...bounds].sort((left, right) => (left.from ?? '').localeCompare(right.from ?? ''));
  const times: string[] = [];
  const at = (time: string): string => `$${times.push(time)}::timestamptz`;
  const gaps: string[] = [];
  // Covered up to here so far; null once everything later is covered.
  let until: string | null | undefined;
  for (const { from, to } of sorted) {
    if (until === null) break;
    if (from !== null && (until === undefined || until < from)) gaps.push(until === undefined ? `occurred_at < ${at(from)}` : `occurred_at >= ${at(until)} AND occurred_at < ${at(from)}`);
    if (to === null) until = null;
    else if (until === undefined || until < to) until = to;
  }
  if (until === undefined) return { condition: 'true', times: [] };
  if (until !== null) gaps.push(`occurred_at >= ${at(until)}`);
  return { condition: gaps.length === 0 ? 'false' : gaps.map((gap) => `(${gap})`).join(' OR '), times };
}

const summed = (from: string): string =>
  `SELECT count(*)::int AS rows, min(occurred_at) AS oldest, max(occurred_at) AS newest FROM (SELECT occurred_at FROM ${from} LIMIT ${mostRows}) AS outsiders`;

const observer: Observer<z.infer<typeof defaultRows.schema>> = {
  subject: defaultRows,
  deadlineMs: postgresDeadlineMs,
  asked: () => `count of rows in audit_events_default, up to ${mostRows}`,
  async observe(deployment, { signal, stage }) {
    stage('waiting for Postgres');
    const query = (statement: string, parameters: readonly unknown[] = []): Promise<readonly Row[]> => deployment.postgres().query(statement, parameters, signal);
    const answer = ([row]: readonly Row[]): z.infer<typeof defaultRows.schema> => ({
      rows: Number(row?.['rows']),
      more: Number(row?.['rows']) === mostRows,
      oldest: row?.['oldest'] as string | null,
      newest: row?.['newest'] as string | null,
    });
    try {
      return answer(await query(summed('public.audit_events_default')));
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== '42501') throw error;
    }
    // Partitions have no grants; the parent shows their rows. Only times that no other partition takes are read.
    const bounds = await query(
      `SELECT pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass('public.audit_events')`,
    );
    const { condition, times } = outside(bounds.map((row) => boundsOf(String(row['bound']))).filter(({ rest }) => !rest));
    return answer(await query(summed(`public.audit_events WHERE ${condition}`), times));
  },
};

export const partitionObservers = [observer];
