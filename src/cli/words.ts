import { answerOf } from '../flow/answer.ts';
import type { Verdict } from '../model/check.ts';
import type { Report } from '../model/report.ts';
import type { Status } from '../model/status.ts';

/** The answer of a run in one sentence that a person could say aloud. */
export function answer({ verdicts, cancelled }: Pick<Report, 'verdicts' | 'cancelled'>): string {
  const statuses = verdicts.map(({ status }) => status);
  if (!cancelled) return answerOf(statuses);
  const answered = statuses.filter((status) => status !== 'cancelled').length;
  return `Stopped by you. ${answered} of ${statuses.length} checks have an answer.`;
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
