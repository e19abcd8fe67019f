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
  /** Each failure by its title and its error, so that the end of a long output tells what failed. */
  readonly failures: readonly string[];
}

const longestError = 2_000;

/**
 * Reads what a suite wrote and compares it with how its process ended. A suite that wrote nothing,
 * ran nothing, or ended badly without a failed test, counts as one failure: silence is not success.
 */
export async function totalsOf(file: string, code: number): Promise<Totals> {
  if (!existsSync(file)) return { passed: 0, failed: 1, failures: [`${file}: the suite wrote no results`] };
  const { tests } = JSON.parse(await readFile(file, 'utf8')) as SuiteResults;
  const passed = tests.filter((test) => test.state === 'passed').length;
  const failures = tests.filter((test) => test.state === 'failed').map(({ title, error = '' }) => `${title}\n${error.slice(0, longestError)}`);
  if (failures.length === 0 && (code !== 0 || tests.length === 0)) failures.push(`${file}: the suite ended with ${code} after ${tests.length} tests, none of which failed`);
  return { passed, failed: failures.length, failures };
}

/** The sum of several suites. */
export function sum(totals: readonly Totals[]): Totals {
  return totals.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, failures: [...a.failures, ...b.failures] }), { passed: 0, failed: 0, failures: [] });
}
