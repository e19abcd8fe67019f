import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** The variable that tells a suite where to write its results. */
export const RESULTS_VARIABLE = 'CARACAL_TEST_RESULTS';

/** How one test ended. */
export interface TestResult {
  readonly title: string;
  readonly state: 'passed' | 'failed' | 'pending';
  readonly durationMs: number;
  readonly error?: string;
}

/** The results of a suite, as its reporter writes them. */
export interface SuiteResults {
  readonly tests: readonly TestResult[];
}

/** What counts at the end. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Reads what a suite wrote and compares it with how its process ended. A suite that wrote nothing,
 * ran nothing, or ended badly without a failed test, counts as one failure: silence is not success.
 */
export async function totalsOf(file: string, code: number): Promise<Totals> {
  if (!existsSync(file)) return { passed: 0, failed: 1 };
  const { tests } = JSON.parse(await readFile(file, 'utf8')) as SuiteResults;
  const passed = tests.filter((test) => test.state === 'passed').length;
  const failed = tests.filter((test) => test.state === 'failed').length;
  const silent = failed === 0 && (code !== 0 || tests.length === 0);
  return { passed, failed: silent ? 1 : failed };
}

/** The sum of several suites. */
export function sum(totals: readonly Totals[]): Totals {
  return totals.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }), { passed: 0, failed: 0 });
}
