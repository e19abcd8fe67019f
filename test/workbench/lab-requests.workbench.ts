import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventEmitter, Selection, commands, env, window, workspace } from 'vscode';
import type { Hover, MarkdownString, Pseudoterminal, Terminal } from 'vscode';
import { answerNext, notified, pickLab, pictures } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import type { Target, TreeRow } from './protocol.ts';

const id = 'caracal-debugger.caracal-debugger';
const input: Target = { role: 'textbox', name: '/Trace a request/' };

/** The rows of the Requests view, as soon as they are as wanted. */
async function requestsWhen(page: WorkbenchPage, wanted: (rows: readonly TreeRow[]) => boolean): Promise<readonly TreeRow[]> {
  for (const end = Date.now() + 15_000; ; await sleep(50)) {
    const rows = await page.rows('Requests');
    if (wanted(rows)) return rows;
    if (Date.now() > end) throw new Error(`The rows are still:\n${rows.map(({ label }) => label).join('\n')}`);
  }
}

/** Waits until a request is traced, and closes it. */
async function tabOf(page: WorkbenchPage, requestId: string): Promise<void> {
  // Before that its tab has another name.
  const tab: Target = { role: 'tab', name: `/ · …${requestId.slice(-6)}/` };
  await page.waitFor(tab);
  await closeAll();
  await page.waitFor(tab, 'hidden');
}

/** What was typed is thrown away without a question. */
async function closeAll(): Promise<void> {
  while (window.tabGroups.activeTabGroup.activeTab !== undefined) await commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
}

/** A line that the Gateway logged of a call, and the request id in it. */
async function callOf(targetFile: string): Promise<{ readonly line: string; readonly requestId: string }> {
  const { logs } = JSON.parse(await readFile(targetFile, 'utf8')) as { readonly logs: Readonly<Record<string, string>> };
  const line = (await readFile(logs['gateway'] ?? '', 'utf8')).split('\n').filter((one) => one.includes('"proxied"')).at(-8);
  ok(line !== undefined, 'the Gateway has logged no calls');
  return { line, requestId: (JSON.parse(line) as { readonly request_id: string }).request_id };
}

describe('Requests on a healthy lab', () => {
  let page: WorkbenchPage;
  let end: () => Promise<void>;
  let line: string;
  let requestId: string;

  before(async () => {
    page = openedPage();
    await commands.executeCommand('caracal.requests.focus');
    end = await pickLab(page, 'healthy');
    ({ line, requestId } = await callOf(process.env['CARACAL_LAB_HEALTHY'] ?? ''));
  });

  after(async () => {
    await commands.executeCommand('workbench.action.closeAllEditors');
    await workspace.getConfiguration('extensions').update('confirmedUriHandlerExtensionIds', undefined, true);
    await end();
  });

  it('are listed where they were denied, and traced by a click', async () => {
    // The traffic of the lab is denied every other second: a Session is missing, or a grant.
    const rows = await requestsWhen(page, (all) => all.some(({ label }) => /^billing-api denied, failed, Policy denied this call: this Application has no grant for the resource, \d\d:\d\d:\d\d, ./.test(label)));
    ok(rows.every(({ level, label }) => level === 1 && label.includes(', ')), JSON.stringify(rows));
    match(await page.snapshot('.sidebar'), /\d+ (?:in|of) the last hour/);
    await page.screenshot('requests-list');
    await page.click({ role: 'treeitem', name: '/^billing-api denied, failed, Policy denied this call: this Application has no grant/' });
    await page.waitFor({ role: 'tab', name: '/…[0-9a-f]{6}/' });
    const list = await requestsWhen(page, (all) => all.some(({ selected }) => selected));
    await pictures(page, 'requests');
    // What comes later waits while a row is selected.
    for (const until = Date.now() + 15_000; !/\d+ newer/.test(await page.snapshot('.sidebar')); await sleep(100)) ok(Date.now() < until, 'nothing newer is told');
    const texts = (all: readonly TreeRow[]): readonly string[] => all.filter(({ label }) => label.includes('Policy')).map(({ label }) => label);
    deepStrictEqual(texts(await page.rows('Requests')), texts(list));
    await commands.executeCommand('caracal.refreshRequests');
    await requestsWhen(page, (all) => texts(all)[0] !== texts(list)[0]);
    await page.click({ role: 'treeitem', name: '/^Traced before, 1$/' });
    await page.press('ArrowRight');
    const traced = await requestsWhen(page, (all) => all.some(({ level }) => level === 2));
    match(traced.find(({ level }) => level === 2)?.label ?? '', /^billing-api resource_not_granted, traced \d\d:\d\d:\d\d$/);
    await page.screenshot('requests-traced');
    await page.press('ArrowLeft');
    await commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('are traced from an editor, by the hover of an id', async () => {
    const document = await workspace.openTextDocument({ content: `# What went wrong\n\nThe call with request_id=${requestId} failed.\n`, language: 'markdown' });
    const editor = await window.showTextDocument(document);
    const at = document.positionAt(document.getText().indexOf(requestId) + 3);
    const hovers = await commands.executeCommand<Hover[]>('vscode.executeHoverProvider', document.uri, at);
    const link = hovers.flatMap(({ contents }) => contents.map((content) => (content as MarkdownString).value)).find((text) => text.includes('Trace request'));
    match(link ?? '', /^\[Trace request\]\(command:caracal\.internal\.traceLine\?/);
    deepStrictEqual(await commands.executeCommand<Hover[]>('vscode.executeHoverProvider', document.uri, at.with(0)), []);
    editor.selection = new Selection(at, at);
    await commands.executeCommand('editor.action.showHover');
    await page.waitFor({ role: 'link', name: 'Trace request' });
    await page.screenshot('requests-hover');
    await page.click({ role: 'link', name: 'Trace request' });
    await page.waitFor({ role: 'tab', name: `/${requestId.slice(-6)}/` });
    await closeAll();
  });

  it('are proposed where the caret is, with what the line tells more', async () => {
    const document = await workspace.openTextDocument({ content: `first\n${line}\n` });
    const editor = await window.showTextDocument(document);
    editor.selection = new Selection(1, 4, 1, 4);
    void commands.executeCommand('caracal.traceRequest');
    await page.waitFor(input);
    const box = await page.snapshot('.quick-input-widget');
    ok(box.includes(requestId) && box.includes('proxied'), box);
    await page.press('Escape');
    await page.waitFor(input, 'hidden');
    editor.selection = new Selection(0, 2, 0, 2);
    void commands.executeCommand('caracal.traceRequest');
    await page.waitFor(input);
    ok(!(await page.snapshot('.quick-input-widget')).includes('first'));
    await page.press('Escape');
    await page.waitFor(input, 'hidden');
    await closeAll();
  });

  it('are links in a terminal', async () => {
    const written = new EventEmitter<string>();
    const pseudo: Pseudoterminal = {
      onDidWrite: written.event,
      open: () => written.fire(`$ curl -i http://127.0.0.1:8081/invoices\r\nHTTP/1.1 200 OK\r\nx-request-id: ${requestId}\r\n\r\n{"items":[]}\r\n`),
      close: () => undefined,
    };
    await workspace.getConfiguration('terminal.integrated').update('gpuAcceleration', 'off', true);
    const terminal: Terminal = window.createTerminal({ name: 'calls', pty: pseudo });
    try {
      terminal.show();
      await page.followLink('.xterm-rows', requestId);
      await tabOf(page, requestId);
    } finally {
      terminal.dispose();
      await workspace.getConfiguration('terminal.integrated').update('gpuAcceleration', undefined, true);
      await commands.executeCommand('workbench.action.closePanel');
    }
  });

  /** Opens a link as a browser does. VS Code's own question, whether the extension may be asked, is answered by a setting. */
  async function follow(link: string): Promise<void> {
    await workspace.getConfiguration('extensions').update('confirmedUriHandlerExtensionIds', [id], true);
    void commands.executeCommand('workbench.action.url.openUrl');
    const box: Target = { role: 'textbox', name: 'input', exact: true };
    await page.waitFor(box);
    await page.fill(box, link);
    await page.press('Enter');
  }

  it('are traced by a link from outside once the user agrees', async () => {
    const declined = answerNext(undefined);
    await follow(`${env.uriScheme}://${id}/trace?request=${requestId}`);
    const { message, options, buttons } = await declined;
    strictEqual(message, `Trace request …${requestId.slice(-6)} on healthy lab?`);
    deepStrictEqual(options, { modal: true, detail: 'The link came from outside VS Code.' });
    deepStrictEqual(buttons, ['Trace']);
    deepStrictEqual(await page.names({ role: 'tab', name: `/${requestId.slice(-6)}/` }), []);
    const agreed = answerNext('Trace');
    await follow(`${env.uriScheme}://${id}/trace?request=${requestId}&target=healthy%20lab`);
    await agreed;
    await tabOf(page, requestId);
  });

  it('are not traced on a target that was not picked, nor by a link that is wrong', async () => {
    await follow(`${env.uriScheme}://${id}/trace?request=${requestId}&target=production`);
    await notified(page, /Cannot open the link: it is about target production, and healthy lab is picked\. Pick that target, and open the link again\./);
    await follow(`${env.uriScheme}://${id}/trace?request=${requestId}&run=rm`);
    await notified(page, /Cannot open the link: it has a part that no link to a request has\./);
    await page.screenshot('requests-link-refused');
    await commands.executeCommand('notifications.clearAll');
    deepStrictEqual(await page.names({ role: 'tab', name: `/${requestId.slice(-6)}/` }), []);
  });

  it('are listed by the API only where the user agrees, when Postgres is not given', async () => {
    await end();
    end = await pickLab(page, 'healthy', ['postgres']);
    const ask: Target = { role: 'button', name: 'Ask the API…' };
    await page.waitFor(ask);
    await pictures(page, 'requests-consent');
    const declined = answerNext(undefined);
    await page.click(ask);
    match((await declined).options.detail ?? '', /\nGET http:\/\/127\.0\.0\.1:\d+\/v1\/zones\/[\w-]+\/audit\n/);
    await page.waitFor(ask);
    const agreed = answerNext('Ask the API');
    await page.click(ask);
    await agreed;
    await requestsWhen(page, (all) => all.some(({ label }) => label.startsWith('billing-api denied')));
    match(await page.snapshot('.sidebar'), /the last hour · by the API at \d\d:\d\d/);
  });
});
