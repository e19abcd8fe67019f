import { deepStrictEqual, match, ok } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands, window } from 'vscode';
import { answerNext, panelWhen, pickLab, pictures, rowsWhen } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import type { Target } from './protocol.ts';

/** Waits until the tabs have these titles, group by group, and the last of them the text. */
async function tabsWhen(titles: readonly (readonly string[])[], text = ''): Promise<string> {
  for (const end = Date.now() + 10_000; ; await sleep(50)) {
    const tabs = window.tabGroups.all.map((group) => group.tabs.map(({ label }) => label));
    const shown = window.visibleTextEditors.at(-1)?.document.getText() ?? '';
    if (JSON.stringify(tabs) === JSON.stringify(titles) && shown.startsWith(text)) return shown;
    ok(Date.now() < end, JSON.stringify(tabs));
  }
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
    match(panel, /row "cause 1 Redis is stopped confirmed explains 1 failure"/);
    match(panel, /heading "Speaks for it \d+"[\s\S]*Redis › Reachable: refused in [\s\S]*\(confirms it\)/);
    match(panel, /heading "Would speak against it[\s\S]*heading "From cause to symptom"/);
    await tabsWhen([['Cause: Redis is stopped']]);
    await pictures(page, 'cause');
  });

  it('has no violation that axe knows', async () => {
    deepStrictEqual(await page.violations(), []);
  });

  it('leads to the record of each piece of evidence, and to why it stands where it does', async () => {
    await page.click(link('/^Observation Redis/'));
    await tabsWhen([['Cause: Redis is stopped'], ['Redis › Reachable']], '# Redis › Reachable: failed');
    await page.click(link('Why this order'));
    const order = await tabsWhen([['Cause: Redis is stopped'], ['Why this order']], '# Why this order');
    match(order, /^① Redis is stopped:\n {2}id: redis-stopped\n {2}standing: confirmed\n {2}it is seen itself: \+3$/m);
    await page.screenshot('cause-order');
  });

  it('is opened at its remedy by the row of that', async () => {
    await commands.executeCommand('workbench.action.closeEditorsInOtherGroups');
    await commands.executeCommand('workbench.action.closeAllEditors');
    await page.click({ role: 'treeitem', name: '/^Fix/' });
    await page.press('ArrowRight');
    await page.click({ role: 'treeitem', name: '/^Redis is stopped/' });
    await panelWhen(page, /heading "Redis is stopped"/);
    await commands.executeCommand('caracal.flow.focus');
    await page.press('ArrowRight');
    await page.click({ role: 'treeitem', name: 'Remedy' });
    await page.waitFor({ role: 'heading', name: '/^Remedy: start Redis/', inPanel: true });
    await page.screenshot('cause-remedy');
  });

  it('stays one panel, whatever it is asked for by', async () => {
    await commands.executeCommand('workbench.action.closeEditorsInOtherGroups');
    await commands.executeCommand('workbench.action.closeAllEditors');
    for (const from of ['redis-stopped', undefined]) await commands.executeCommand('caracal.showCause', from);
    await panelWhen(page, /heading "Redis is stopped"/);
    await tabsWhen([['Cause: Redis is stopped']]);
  });
});

describe('A failing lab whose Redis nobody may look at', () => {
  let page: WorkbenchPage;
  let end: () => Promise<void>;

  before(async () => {
    page = openedPage();
    end = await pickLab(page, 'failing', ['redis', 'logs']);
  });

  after(() => end());

  it('has no cause that is named, and a check that would tell', async () => {
    await commands.executeCommand('caracal.runAll');
    await commands.executeCommand('caracal.collapseAll');
    await rowsWhen(page, (rows) => rows.some(({ label }) => /^Fix, no cause confirmed/.test(label)), 40_000);
    await commands.executeCommand('caracal.showCause');
    const panel = await panelWhen(page, /heading "Candidates"/);
    match(panel, /row "cause \d+ Redis is stopped possible would explain \d+ failures/);
    match(panel, /Next: Redis › Reachable \(no connection string of Redis: give redis in the target\), it tells apart:/);
    await page.click({ role: 'treeitem', name: '/^Fix/' });
    await page.press('ArrowRight');
    await pictures(page, 'abstention');
  });
});

describe('The recovery canary on a healthy lab', () => {
  let page: WorkbenchPage;
  let end: () => Promise<void>;

  before(async () => {
    page = openedPage();
    end = await pickLab(page, 'healthy');
  });

  after(() => end());

  it('is sent once the user has agreed to its calls, and says what came of them', async () => {
    const refused = answerNext(undefined);
    await commands.executeCommand('caracal.runCanary');
    const { message, options, buttons } = await refused;
    deepStrictEqual([message, buttons], ['Run the recovery canary on healthy lab?', ['Run Canary']]);
    match(options.detail ?? '', /POST \/oauth\/2\/token[\s\S]*They change nothing\./);
    deepStrictEqual(window.tabGroups.all.flatMap(({ tabs }) => tabs), []);
    const agreed = answerNext('Run Canary');
    await page.runCommand('Caracal: Run Recovery Canary…');
    await agreed;
    const text = await tabsWhen([['healthy lab canary']], '# Recovery canary of healthy lab: An allowed and a refused call were answered and audited.');
    match(text, /^evidence:/m);
    await page.screenshot('canary');
    await commands.executeCommand('workbench.action.closeAllEditors');
  });
});
