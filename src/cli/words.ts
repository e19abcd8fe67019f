import { count } from '../flow/words.ts';
import type { Verdict } from '../model/check.ts';
import type { Report } from '../model/report.ts';
import type { Status } from '../model/status.ts';

/** The one word for each state of a check. */
export const stateWords: Readonly<Record<Status, string>> = {
  pass: 'passed',
  warn: 'warning',
  fail: 'failed',
  blocked: 'blocked',
  unknown: 'unknown',
  'not-applicable': 'not applicable',
  cancelled: 'cancelled',
  crashed: 'crashed',
};

/** The answer of a run in one sentence that a person could say aloud. */
export function answer({ verdicts, cancelled }: Pick<Report, 'verdicts' | 'cancelled'>): string {
  const of = (status: Status): number => verdicts.filter((verdict) => verdict.status === status).length;
  const total = verdicts.length;
  const unsure = of('unknown') + of('blocked') + of('cancelled');
  if (cancelled) return `Stopped by you. ${total - of('cancelled')} of ${total} checks have an answer.`;
  if (of('fail') > 0) return `${count(of('fail'), 'failure')}, no cause confirmed.`;
  if (of('warn') > 0) return `No failure, ${count(of('warn'), 'warning')}${unsure > 0 ? `, ${unsure} cannot be told` : ''}.`;
  if (of('crashed') > 0) return `${count(of('crashed'), 'check')} crashed, which is our fault.`;
  if (unsure > 0) return `No failure seen, ${unsure} of ${total} cannot be told.`;
  return `All ${total - of('not-applicable')} checks that apply pass.`;
}

/** Exit code of a run, the first that applies. */
export function exitCode(verdicts: readonly Verdict[]): 0 | 1 | 3 | 4 | 5 {
  const any = (...statuses: Status[]): boolean => verdicts.some(({ status }) => statuses.includes(status));
  if (any('crashed')) return 1;
  if (any('fail')) return 3;
  if (any('warn')) return 4;
  return any('unknown', 'blocked', 'cancelled') ? 5 : 0;
}

/**
 * One line of plain text. What a deployment sent may hold line breaks, and sequences that a terminal
 * would obey.
 */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
