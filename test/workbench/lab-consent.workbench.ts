import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands } from 'vscode';
import { answerNext, pickLab, rowOf, rowsWhen } from './extension.ts';
import type { Modal } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import type { TreeRow } from './protocol.ts';

const unproven = 'Newest event, unknown, not asked: the admin token is not known to be live';

describe('A call that the API may refuse', () => {
  let page: WorkbenchPage;
  let end: () => Promise<void>;

  before(async () => {
    page = openedPage();
    // Whether the token is live stands in Postgres alone.
    end = await pickLab(page, 'healthy', ['postgres']);
  });

  after(() => end());

  async function newest(): Promise<TreeRow> {
    return rowOf(await rowsWhen(page, (rows) => rows.some(({ label }) => label.startsWith('Newest event'))), 'Newest event');
  }

  async function ask(button: string | undefined): Promise<Modal> {
    const asked = answerNext(button);
    await page.click({ role: 'treeitem', name: '/^Newest event/' }, { button: 'right' });
    await page.waitFor({ role: 'menuitem', name: 'Ask the API Anyway…' });
    // For 100 ms a menu takes no click, and nothing in the page tells when it does.
    await sleep(300);
    await page.screenshot('consent-menu');
    await page.click({ role: 'menuitem', name: 'Ask the API Anyway…' });
    return asked;
  }

  it('is not made before the user agrees, who is told what it does', async () => {
    await commands.executeCommand('caracal.runAll');
    await page.click({ role: 'treeitem', name: '/^Audit/' });
    await page.press('ArrowRight');
    await rowsWhen(page, (rows) => rows.some(({ label, level }) => level === 2 && label.startsWith('api')));
    await page.click({ role: 'treeitem', name: '/^api/' });
    await page.press('ArrowRight');
    ok((await newest()).label.startsWith(unproven), (await newest()).label);
    const { message, options, buttons } = await ask(undefined);
    strictEqual(message, 'Ask the API of healthy lab without postgres?');
    strictEqual(options.modal, true);
    ok(/\nGET http:\/\/127\.0\.0\.1:\d+\/v1\/zones\/[\w-]+\/audit\?limit=20\n/.test(options.detail ?? ''), options.detail);
    ok(options.detail?.includes('writes one row to its admin audit'));
    deepStrictEqual(buttons, ['Ask the API']);
    ok((await newest()).label.startsWith(unproven), (await newest()).label);
  });

  it('is made once the user agreed, and answers', async () => {
    await ask('Ask the API');
    await rowsWhen(page, (rows) => rowOf(rows, 'Newest event').label.startsWith('Newest event, passed, '));
  });

  it('is not made again without being asked', async () => {
    await commands.executeCommand('caracal.runAll');
    await rowsWhen(page, (rows) => rowOf(rows, 'Newest event').label.startsWith(unproven));
  });
});
