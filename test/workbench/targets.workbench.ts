import { deepStrictEqual, doesNotMatch, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Selection, commands, window } from 'vscode';
import { answerNext, notified, panelWhen, pictures, rowOf, rowsWhen, useTargetFiles } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import type { Target } from './protocol.ts';

/** A whole flow ends within 25 s; the rest is for the workbench to draw it. */
const flowMs = 30_000;

async function labTarget(variable: string): Promise<Record<string, unknown>> {
  const file = process.env[variable];
  ok(file !== undefined, `${variable} names no target file`);
  return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
}

/** Sends one call to the engine of the lab, as somebody does who stops a container; returns what it answers. */
async function engineCall(path: string, method = 'POST'): Promise<string> {
  const { engine } = await labTarget('CARACAL_LAB_COMPOSE');
  const { host } = engine as { host: string };
  const call = request({ socketPath: host.replace('unix://', ''), method, path }).end();
  const [response] = (await once(call, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  ok(response.statusCode < 400, `${path}: ${response.statusCode}`);
  return text(response);
}

/** `running`, `exited` */
async function stateOf(container: string): Promise<string> {
  const { State } = JSON.parse(await engineCall(`/containers/${container}/json`, 'GET')) as { State: { Status: string } };
  return State.Status;
}

/** Waits for text anywhere in the side bar, where the message of the view is no element of its own. */
async function textWhen(page: WorkbenchPage, wanted: RegExp, withinMs: number): Promise<void> {
  const end = Date.now() + withinMs;
  for (let shown = ''; !wanted.test(shown); await sleep(200)) {
    shown = await page.snapshot('.sidebar');
    if (Date.now() > end) throw new Error(`There is no ${String(wanted)} in:\n${shown}`);
  }
}

describe('Deployments that are found by themselves', () => {
  let page: WorkbenchPage;
  const environment = { ...process.env };

  /** Chooses in the list that is open. */
  async function choose(kind: string): Promise<void> {
    await page.waitFor({ role: 'option', name: `/caracal.*${kind}/` });
    // The last place that is looked at has answered: nothing is added any more.
    await page.waitFor({ role: 'option', name: '/Local runtime/' });
    await page.type(kind);
    const isMeant = (name: string): boolean => name.includes('caracal') && name.includes(kind);
    let shown: readonly string[] = [];
    for (const end = Date.now() + 5_000; shown.length === 0 || !shown.every(isMeant); shown = await page.names({ role: 'option' })) ok(Date.now() < end, `${kind} was typed, and there is ${shown.join(', ')}`);
    await page.press('Enter');
    await page.waitFor({ role: 'button', name: '/^Caracal: target caracal, not run$/' });
  }

  async function chooseZone(): Promise<void> {
    void commands.executeCommand('caracal.pickZone');
    await page.click({ role: 'option', name: '/Payments/' });
    await page.waitFor({ role: 'option', name: '/Payments/' }, 'hidden');
  }

  async function openLog(): Promise<void> {
    void commands.executeCommand('caracal.openLog');
    await page.waitFor({ role: 'option', name: '/^All services/' });
    await page.press('Enter');
    await page.waitFor({ role: 'tab', name: '/caracal: all services/' });
  }

  /** Waits for text in the log that is shown. */
  async function logHas(wanted: RegExp): Promise<void> {
    let text = '';
    for (const end = Date.now() + flowMs; !wanted.test(text); await sleep(50)) {
      text = window.visibleTextEditors.find(({ document }) => document.uri.scheme === 'caracal-log')?.document.getText() ?? '';
      ok(Date.now() < end, `There is no ${String(wanted)} in:\n${text.slice(-3_000)}`);
    }
  }

  /** Opens the log of a service in the step Readiness from its menu, at the line that speaks for it. */
  async function openNodeLog(label: RegExp): Promise<void> {
    await commands.executeCommand('workbench.action.closeAllEditors');
    await commands.executeCommand('caracal.flow.focus');
    await commands.executeCommand('caracal.collapseAll');
    await page.click({ role: 'treeitem', name: '/^Readiness/' });
    await page.press('ArrowRight');
    await rowsWhen(page, (rows) => rows.some((row) => label.test(row.label)), flowMs);
    await page.click({ role: 'treeitem', name: `/${label.source}/` }, { button: 'right' });
    await page.waitFor({ role: 'menuitem', name: '/^Open Log/' });
    // For 100 ms a menu takes no click, and nothing in the page tells when it does.
    await sleep(300);
    await page.click({ role: 'menuitem', name: '/^Open Log/' });
    await logHas(/ gateway/);
  }

  /** Moves the caret to the last call that went through. */
  async function caretAtCall(): Promise<void> {
    await logHas(/ proxied /);
    const editor = window.activeTextEditor;
    ok(editor);
    const line = editor.document.getText().split('\n').findLastIndex((text) => / proxied /.test(text));
    editor.selection = new Selection(line, 0, line, 0);
    editor.revealRange(editor.selection);
  }

  /** A hover that grows while the pointer is on its way closes; a person opens it again. */
  async function clickInHover(link: Target): Promise<void> {
    for (let tries = 3; ; tries -= 1) {
      await commands.executeCommand('editor.action.showHover');
      try {
        await page.click(link);
        return;
      } catch (error) {
        if (tries === 1) throw error;
      }
    }
  }

  async function requestShown(picture: string): Promise<void> {
    for (const end = Date.now() + 30_000; ; await sleep(200)) {
      const shown = await page.panelSnapshot().catch(String);
      if (/heading "passed This call went through\."/.test(shown) && /lines belong to this call/.test(shown) && /option .*proxied/.test(shown)) break;
      ok(Date.now() < end, shown);
    }
    await pictures(page, picture);
    await commands.executeCommand('workbench.action.closeAllEditors');
  }

  async function eventuallyPasses(): Promise<void> {
    for (const end = Date.now() + 60_000; ; await sleep(1_000)) {
      await commands.executeCommand('caracal.runAll');
      const shown = await page.snapshot('.sidebar');
      if (/All \d+ checks that apply pass/.test(shown)) return;
      ok(Date.now() < end, shown);
    }
  }

  async function passes(): Promise<void> {
    await commands.executeCommand('caracal.runAll');
    const rows = await rowsWhen(page, (all) => rowOf(all, 'Fix').label.includes(','), flowMs);
    deepStrictEqual(rowOf(rows, 'Fix').label, 'Fix, nothing to fix', rows.map(({ label }) => label).join('\n'));
  }

  before(async () => {
    page = openedPage();
    const [compose, kubernetes] = await Promise.all([labTarget('CARACAL_LAB_COMPOSE'), labTarget('CARACAL_LAB_KUBERNETES')]);
    process.env['DOCKER_HOST'] = (compose['engine'] as { host: string }).host;
    process.env['KUBECONFIG'] = String(kubernetes['kubeconfig']);
    await commands.executeCommand('workbench.action.closeAllEditors');
    await commands.executeCommand('workbench.action.closePanel');
    await useTargetFiles([]);
    await commands.executeCommand('caracal.flow.focus');
  });

  after(() => {
    process.env = environment;
  });

  it('stand in the picker with nothing configured', async () => {
    void commands.executeCommand('caracal.pickTarget');
    await page.waitFor({ role: 'option', name: '/caracal.*Compose, 8 containers, Docker Engine/' });
    await page.waitFor({ role: 'option', name: '/caracal.*Kubernetes, context lab/' });
    await pictures(page, 'targets-found');
  });

  it('of Compose: pass the flow, and show what runs them', async () => {
    await choose('Compose');
    await chooseZone();
    await passes();
    await pictures(page, 'flow-compose');
    await page.click({ role: 'treeitem', name: '/^Services/' });
    await page.press('ArrowRight');
    await rowsWhen(page, (rows) => rows.some(({ label }) => label.startsWith('Compose')));
    await page.click({ role: 'treeitem', name: '/^Compose/' });
    await page.press('ArrowRight');
    const rows = await rowsWhen(page, (all) => all.some(({ label }) => label.startsWith('Recent changes')));
    match(rowOf(rows, 'Engine').label, /^Engine, passed, Docker Engine .* by DOCKER_HOST/);
    match(rowOf(rows, 'Versions').label, /v1\.0\.0, all services/);
    await page.click({ role: 'treeitem', name: '/^Recent changes/' });
    await page.waitFor({ role: 'tab', name: '/Compose › Recent changes/' });
    await pictures(page, 'services-compose');
    await commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('of Compose: have a log that goes on over the restart of a container', async () => {
    await openLog();
    await logHas(/^\S+ {2}(?:sts|gateway) /m);
    await pictures(page, 'log-compose');
    await engineCall('/containers/caracal-web-1/restart?t=1');
    await logHas(/──── web: restarted.* ────/);
    await logHas(/ web .* listening|caracal-auth/);
    await commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('of Compose: lead from a failing node over its log to a request beside the logs, by the palette', async () => {
    await engineCall('/containers/caracal-sts-1/stop?t=1');
    try {
      await commands.executeCommand('caracal.runAll');
      await textWhen(page, /\d+ failures?, no cause confirmed|explains? \d+ of \d+ failures?/, flowMs);
      await openNodeLog(/^gateway, failed/);
      await pictures(page, 'walk-compose-log');
      await caretAtCall();
      await page.runCommand('Caracal: Trace Request…');
      await page.waitFor({ role: 'textbox', name: '/Trace a request/' });
      await page.press('Enter');
      await requestShown('walk-compose');
    } finally {
      await engineCall('/containers/caracal-sts-1/start');
    }
    await eventuallyPasses();
  });

  it('are watched: what changes is told, with since when, and nothing else moves', async () => {
    await commands.executeCommand('caracal.watch');
    await textWhen(page, /All \d+ checks that apply pass/, flowMs);
    await engineCall('/containers/caracal-web-1/stop');
    await textWhen(page, /web failed at \d\d:\d\d\. All passed before\./, flowMs);
    await rowsWhen(page, (rows) => rowOf(rows, 'Services').label.includes('failed'), flowMs);
    await page.waitFor({ role: 'button', name: '/^Caracal: target caracal, \\d+ checks failed/' });
    await pictures(page, 'watch-compose');
    await engineCall('/containers/caracal-web-1/start');
    await textWhen(page, /All \d+ checks that apply pass/, 60_000);
    await commands.executeCommand('caracal.stopWatching');
  });

  it('of Compose: are repaired from the panel of their cause, once the user agrees', async () => {
    const start: Target = { role: 'button', name: 'Start Redis…', inPanel: true };
    await engineCall('/containers/caracal-redis-1/stop?t=1');
    try {
      await commands.executeCommand('caracal.runAgain', 'compose:caracal/storage');
      await commands.executeCommand('caracal.showCause', 'redis-stopped');
      await panelWhen(page, /heading "Remedy: start Redis"/);
      const cancelled = answerNext(undefined);
      await page.click(start);
      const { message, options, buttons } = await cancelled;
      deepStrictEqual([message, buttons], ['Start Redis on caracal?', ['Start Redis']]);
      match(options.detail ?? '', /^This sends one call to Docker Engine .*:\nPOST \/containers\/[\w-]+\/start\n\nIt changes .*\. The call and its result go into the report\.$/);
      deepStrictEqual(await stateOf('caracal-redis-1'), 'exited');
      doesNotMatch(await page.panelSnapshot(), /Started at/);
      const agreed = answerNext('Start Redis');
      await page.click(start);
      await agreed;
      // Whoever looks at something else meanwhile is told when it has ended.
      await commands.executeCommand('caracal.showReport');
      await notified(page, /Redis is stopped, start Redis: It worked: /, flowMs);
      await page.screenshot('remedy-toast');
      await page.click({ role: 'button', name: 'Show Cause' });
      const panel = await panelWhen(page, /Started at \d\d:\d\d:\d\d\. It worked: /, flowMs);
      match(panel, /What changed \d+ checks/);
      match(panel, /This cause is no longer seen\./);
      deepStrictEqual(await stateOf('caracal-redis-1'), 'running');
      await pictures(page, 'remedy-compose');
      await commands.executeCommand('caracal.showReport');
      const { remedies } = JSON.parse(window.activeTextEditor?.document.getText() ?? '{}') as { remedies?: readonly { cause: string; outcome: { kind: string } }[] };
      deepStrictEqual(remedies?.map(({ cause, outcome }) => [cause, outcome.kind]), [['redis-stopped', 'done']]);
    } finally {
      // Of a container that runs already the engine says so, with a code that is no failure.
      await engineCall('/containers/caracal-redis-1/start');
      await commands.executeCommand('workbench.action.closeAllEditors');
    }
  });

  it('of Kubernetes: pass the flow, and show what runs them', async () => {
    void commands.executeCommand('caracal.pickTarget');
    await choose('Kubernetes');
    await chooseZone();
    await passes();
    await pictures(page, 'flow-kubernetes');
    await page.click({ role: 'treeitem', name: '/^Services/' });
    await page.press('ArrowRight');
    await rowsWhen(page, (rows) => rows.some(({ label }) => label.startsWith('Kubernetes')));
    await page.click({ role: 'treeitem', name: '/^Kubernetes/' });
    await page.press('ArrowRight');
    const rows = await rowsWhen(page, (all) => all.some(({ label }) => label.startsWith('Release')));
    match(rowOf(rows, 'Release').label, /^Release, passed, deployed, revision \d+/);
    await pictures(page, 'services-kubernetes');
  });

  it('of Kubernetes: have a log of all their pods', async () => {
    await openLog();
    await logHas(/^\S+ {2}(?:sts|gateway)/m);
    await pictures(page, 'log-kubernetes');
    await commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('of Kubernetes: lead from a node over its log to a request beside the logs, by the mouse', async () => {
    await openNodeLog(/^gateway/);
    await caretAtCall();
    // Whoever moves the caret stops the log, whose next line would close the hover.
    await commands.executeCommand('workbench.action.focusActiveEditorGroup');
    await page.press('ArrowUp');
    await page.press('ArrowDown');
    await page.waitFor({ role: 'button', name: '/^Caracal log: Paused/' });
    await clickInHover({ role: 'link', name: 'Trace this request' });
    await requestShown('walk-kubernetes');
  });

  it('of Kubernetes: compare the values of two Helm revisions in the diff editor, without a secret', async () => {
    void commands.executeCommand('caracal.compareHelmValues');
    await page.waitFor({ role: 'option', name: '/2 ↔ 3/' });
    await page.screenshot('helm-revisions');
    await page.click({ role: 'option', name: '/2 ↔ 3/' });
    await page.waitFor({ role: 'tab', name: '/caracal: values of revision 2 ↔ revision 3/' });
    const isShown = (): boolean => window.visibleTextEditors.filter(({ document }) => document.uri.scheme === 'caracal-helm').length === 2;
    for (const end = Date.now() + 5_000; !isShown(); await sleep(50)) ok(Date.now() < end, 'no two sides are shown');
    const text = window.visibleTextEditors.map(({ document }) => document.getText()).join('\n');
    match(text, /^global:/m);
    doesNotMatch(text, /hunter2|BEGIN [A-Z ]*PRIVATE KEY/);
    await pictures(page, 'helm-values');
    await commands.executeCommand('workbench.action.closeAllEditors');
  });
});
