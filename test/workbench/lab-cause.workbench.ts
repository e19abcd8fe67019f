import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { commands, window } from 'vscode';
import { panelWhen, pickLab, pictures, rowsWhen } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import type { Target } from './protocol.ts';

/** Titles of the open tabs, group by group. */
function tabs(): readonly (readonly string[])[] {
  return window.tabGroups.all.map((group) => group.tabs.map(({ label }) => label));
}

describe('A cause on a failing lab', () => {
  let page: WorkbenchPage;
  let end: () => Promise<void>;
  const link = (name: string): Target => ({ role: 'link', name, inPanel: true });

  before(async () => {
    page = openedPage();
    end = await pickLab(page, 'failing');
    // The step that the cause is seen in: the services take long to say that they miss Redis.
    await page.click({ role: 'treeitem', name: '/^Storage/' });
    await rowsWhen(page, (rows) => rows.some(({ label }) => /^Redis, .*1 failed/.test(label)), 30_000);
  });

  after(() => end());

  it('is shown in a panel, with what was considered, what speaks for it and against it', async () => {
    await commands.executeCommand('caracal.showCause');
    const panel = await panelWhen(page, /heading "Redis is stopped"/);
    match(panel, /row "cause 1 Redis is stopped confirmed explains 1 failure, \d+ blocked"/);
    match(panel, /heading "Speaks for it 1"[\s\S]*Redis › Reachable: refused in [\s\S]*\(confirms it\)/);
    match(panel, /heading "Would speak against it[\s\S]*heading "From cause to symptom"/);
    deepStrictEqual(tabs(), [['Cause: Redis is stopped']]);
    await pictures(page, 'cause');
  });

  it('has no violation that axe knows', async () => {
    deepStrictEqual(await page.violations(), []);
  });

  it('leads to the record of each piece of evidence, and to why it stands where it does', async () => {
    await page.click(link('/^Observation Redis/'));
    await page.waitFor({ role: 'tab', name: '/^Redis › Reachable/' });
    deepStrictEqual(tabs(), [['Cause: Redis is stopped'], ['Redis › Reachable']]);
    ok(window.visibleTextEditors[0]?.document.getText().startsWith('# Redis › Reachable: failed'));
    await page.click(link('Why this order'));
    await page.waitFor({ role: 'tab', name: '/^Why this order/' });
    match(window.visibleTextEditors[0]?.document.getText() ?? '', /^① Redis is stopped:\n {2}id: redis-stopped\n {2}standing: confirmed\n {2}it is seen itself: \+3$/m);
    await page.screenshot('cause-order');
  });

  it('stays one panel, whatever it is asked for by', async () => {
    await commands.executeCommand('workbench.action.closeEditorsInOtherGroups');
    await commands.executeCommand('workbench.action.closeAllEditors');
    for (const from of ['redis-stopped', undefined]) await commands.executeCommand('caracal.showCause', from);
    await panelWhen(page, /heading "Redis is stopped"/);
    deepStrictEqual(tabs().flat(), ['Cause: Redis is stopped']);
    strictEqual(window.tabGroups.activeTabGroup.activeTab?.label, 'Cause: Redis is stopped');
  });
});
