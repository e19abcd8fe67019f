import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands, window } from 'vscode';
import { pickLab, pictures, rowOf, rowsWhen } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';

/** A whole flow ends within 25 s; the rest is for the workbench to draw it. */
const flowMs = 30_000;

for (const condition of ['healthy', 'failing'] as const) describe(`The Flow view on a ${condition} lab`, () => {
  let page: WorkbenchPage;
  let end: () => Promise<void>;

  before(async () => {
    page = openedPage();
    end = await pickLab(page, condition);
  });

  after(() => end());

  it('runs the whole flow and says how it stands', async () => {
    const run = commands.executeCommand('caracal.runAll');
    if (condition === 'failing') {
      await rowsWhen(page, (rows) => rows.some(({ label }) => label.includes('running')));
      await page.screenshot('flow-running');
    }
    await run;
    const rows = await rowsWhen(page, (all) => rowOf(all, 'Fix').label.includes(','), flowMs);
    if (condition === 'healthy') strictEqual(rowOf(rows, 'Fix').label, 'Fix, nothing to fix');
    // The longer Redis is stopped, the more Outbox rows are dead, which is a cause of its own.
    else match(rowOf(rows, 'Fix').label, /^Fix, (1 cause explains|2 causes explain) \d+ of \d+ failures$/);
    await commands.executeCommand('caracal.flow.focus');
    await pictures(page, `flow-${condition}`);
  });

  if (condition === 'failing') it('names the cause wherever it stands, and marks what it explains', async () => {
    const rows = await page.rows('Flow');
    match(rowOf(rows, 'Redis is stopped').label, /^Redis is stopped, cause 1, confirmed, explains \d+ failures?$/);
    match(rowOf(rows, 'Reachable').label, /^Reachable, failed, refused .*, this is cause 1$/);
    // VS Code paints the number beside the row, where no text is.
    ok((await page.snapshot('[role=treeitem][aria-label^="Reachable, failed"] [class*=itemBadge]')).includes('①'));
    const shown = await page.snapshot();
    match(shown, /(Redis is stopped\. It explains|2 causes explain) \d+ of \d+ failures\./);
    match(shown, /"Caracal: target failing lab, \d+ checks failed, Redis is stopped(?: and 1 more cause)?, now"/);
  });

  it('opens the way to causes once', async () => {
    const opened = (await page.rows('Flow')).filter(({ expanded }) => expanded === true).map(({ label }) => label.split(',')[0]);
    if (condition === 'healthy') deepStrictEqual(opened, []);
    // Streams and Outboxes where dead rows are a cause of their own.
    else deepStrictEqual(opened.filter((label) => label !== 'Streams' && label !== 'Outboxes'), ['Readiness', 'Storage', 'Redis', 'Fix']);
    await commands.executeCommand('caracal.collapseAll');
    await commands.executeCommand('caracal.runAll');
    deepStrictEqual((await page.rows('Flow')).filter(({ expanded }) => expanded === true), [], 'only the user opens it again');
  });

  it('shows the record of a check beside the tree', async () => {
    await commands.executeCommand('caracal.flow.focus');
    await page.click({ role: 'treeitem', name: '/^Storage/' });
    await page.press('ArrowRight');
    await rowsWhen(page, (rows) => rows.some(({ label }) => label.startsWith('Redis')));
    await page.click({ role: 'treeitem', name: '/^Redis/' });
    await page.press('ArrowRight');
    await rowsWhen(page, (rows) => rows.some(({ label }) => label.startsWith('Reachable')));
    await page.click({ role: 'treeitem', name: '/^Reachable/' });
    await page.waitFor({ role: 'tab', name: '/Redis › Reachable/' });
    const editor = window.activeTextEditor;
    strictEqual(editor?.document.languageId, 'yaml');
    ok(editor.document.getText().startsWith('# Redis › Reachable:'), editor.document.getText());
    strictEqual(editor.document.getText().includes('\ncause: 1  # Redis is stopped\nexplains: '), condition === 'failing');
    await pictures(page, `record-${condition}`);
  });

  it('says more where the pointer rests, and in the menu only what can be done', async () => {
    // A hover that something interrupted does not come by itself: only the next movement brings it.
    let shown = '';
    for (let tries = 0; tries < 5 && !shown.includes('Observed'); tries += 1) {
      await page.hover({ role: 'treeitem', name: '/^Storage/' });
      await page.hover({ role: 'treeitem', name: '/^Reachable/' });
      await sleep(1_500);
      shown = await page.snapshot();
    }
    for (const part of ['Redis › Reachable: ', 'Observed', 'Explain', 'Observations', ...(condition === 'failing' ? ['This is cause 1: Redis is stopped'] : [])]) ok(shown.includes(part), shown);
    await page.screenshot(`tooltip-${condition}`);
    await page.click({ role: 'treeitem', name: '/^Reachable/' }, { button: 'right' });
    await page.waitFor({ role: 'menuitem', name: '/^Run Again/' });
    // It fades in.
    await sleep(300);
    await page.screenshot(`menu-${condition}`);
    deepStrictEqual(
      (await page.names({ role: 'menuitem', name: '/^(Run|Stop|Show|Explain|Copy)/' })).map((name) => name.replace(/,? ?F5$/, '')),
      ['Run Again', 'Show Observations', 'Explain Check', ...(condition === 'failing' ? ['Show Cause'] : []), 'Copy Summary', 'Copy as JSON', 'Copy Check Id'],
    );
    await page.click({ role: 'menuitem', name: 'Explain Check' });
    await page.waitFor({ role: 'tab', name: '/^CRC-STO-020.md/' });
    await page.screenshot(`explanation-${condition}`);
  });

  it('shows the report and the log', async () => {
    await commands.executeCommand('caracal.showReport');
    strictEqual(window.activeTextEditor?.document.languageId, 'json');
    const report = JSON.parse(window.activeTextEditor.document.getText()) as { format: string };
    strictEqual(report.format, 'caracal-report/1');
    await page.screenshot('report');
    await commands.executeCommand('caracal.showLog');
    await page.waitFor({ role: 'combobox', name: '/Output/' });
    await page.screenshot('log');
  });
});
