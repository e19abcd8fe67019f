import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import Mocha from 'mocha';
import { RESULTS_VARIABLE } from './results.ts';
import type { SuiteResults, TestResult } from './results.ts';

/** Prints every test as mocha's own `spec` does, and writes the results where the runner reads them. */
class ResultReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const tests: TestResult[] = [];
    const keep = (state: TestResult['state'], test: Mocha.Runnable, error?: Error): void => {
      const result = { title: test.fullTitle(), state, durationMs: test.duration ?? 0 };
      tests.push(error === undefined ? result : { ...result, error: error.stack ?? error.message });
    };
    runner.on('pass', (test) => keep('passed', test));
    runner.on('pending', (test) => keep('pending', test));
    // A hook that fails arrives here too.
    runner.on('fail', (test, error: Error) => keep('failed', test, error));
    runner.on('end', () => {
      const file = process.env[RESULTS_VARIABLE];
      if (file === undefined) return;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify({ tests } satisfies SuiteResults, null, 2));
    });
  }
}

// Mocha requires its reporter by path and expects the class itself.
export { ResultReporter, ResultReporter as 'module.exports' };
