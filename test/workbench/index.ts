import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';
import { ResultReporter } from '../../scripts/test/reporter.ts';
import { isPageDriven, openedPage } from './page.ts';

const TIMEOUT_MS = 120_000;

/** Suites that need nobody to press keys, which is what a VS Code of the desktop can run. */
const withoutPage = ['activation.workbench.cjs'];

/**
 * Runs every workbench suite inside the extension host. VS Code calls this, and ends with the code 0
 * when it resolves and 1 when it rejects.
 */
export async function run(): Promise<void> {
  const grep = process.env['CARACAL_TEST_GREP'];
  const mocha = new Mocha({
    ui: 'bdd',
    reporter: ResultReporter,
    timeout: TIMEOUT_MS,
    slow: 2_000,
    color: false,
    ...(grep === undefined ? {} : { grep }),
  });
  // Built next to this file, which is CommonJS by then.
  const all = readdirSync(__dirname).filter((name) => /\.(?:workbench|walks)\.cjs$/.test(name));
  for (const file of all) if (isPageDriven() || withoutPage.includes(file)) mocha.addFile(join(__dirname, file));
  mocha.rootHooks({ async afterEach(this: Mocha.Context) { if (this.currentTest?.state === 'failed' && isPageDriven()) await openedPage().screenshot(`failed-${this.currentTest.title.replace(/\W+/g, '-').slice(0, 60)}`); } });
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} workbench tests failed`);
}

