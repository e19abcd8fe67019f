import { deepStrictEqual, match, ok } from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { commands, env, window, workspace } from 'vscode';
import { answerNext, panelWhen, pickLab, pictures } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import type { Target } from './protocol.ts';

const input: Target = { role: 'textbox', name: '/Trace a request/' };
const sentence = (words: string): Target => ({ role: 'heading', name: words, inPanel: true });

/** A call that went through the Gateway some seconds ago, so that the audit has it, by its log line. */
async function callOf(targetFile: string): Promise<string> {
  const { logs } = JSON.parse(await readFile(targetFile, 'utf8')) as { readonly logs: Readonly<Record<string, string>> };
  const path = logs['gateway'] ?? '';
  const lines = (await readFile(isAbsolute(path) ? path : join(dirname(targetFile), path), 'utf8')).split('\n').filter((line) => line.includes('"proxied"'));
  const line = lines.at(-12) ?? lines[0];
  ok(line !== undefined, 'the Gateway has logged no calls');
  return line;
}

describe('A traced request on a healthy lab', () => {
  let page: WorkbenchPage;
  let end: () => Promise<void>;
  let line: string;
  let requestId: string;

  before(async () => {
    page = openedPage();
    end = await pickLab(page, 'healthy');
    line = await callOf(process.env['CARACAL_LAB_HEALTHY'] ?? '');
    requestId = (JSON.parse(line) as { readonly request_id: string }).request_id;
  });

  after(() => end());

  it('is asked for in the palette, by whatever tells of it, and shown beside its logs', async () => {
    void commands.executeCommand('caracal.traceRequest');
    await page.waitFor(input);
    await page.fill(input, 'it { does not work }');
    match(await page.snapshot('.quick-input-widget'), /Paste a request id, token, approval id, response or log line/);
    await page.fill(input, line);
    await page.press('Enter');
    await page.waitFor(input, 'hidden');
    await page.waitFor(sentence('This call went through.'));
    await page.waitFor({ role: 'tab', name: `/${requestId.slice(-6)}/` });
    const panel = await panelWhen(page, /lines belong to this call/);
    match(panel, /3 events from 2 requests/);
    for (const section of ['Timeline', 'Delegation', 'Approval', 'Hops', 'Not recorded by Caracal']) match(panel, new RegExp(`heading "${section}`));
    match(panel, /proxied/);
    await pictures(page, 'request');
  });

  it('has no violation that axe knows, in any theme', async () => {
    deepStrictEqual(await page.violations(), []);
  });

  it('is copied as Markdown, and shown as a document', async () => {
    await commands.executeCommand('caracal.copyRequest');
    match(await env.clipboard.readText(), /^# This call went through\\\.[\s\S]*## Timeline[\s\S]*## Not recorded by Caracal/);
    await commands.executeCommand('caracal.showRequestDocument');
    await page.waitFor({ role: 'tab', name: '/Preview .*md/' });
    await commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('that nobody knows is told as that, and looked for up to a deadline', async () => {
    await commands.executeCommand('workbench.action.closeAllEditors');
    void commands.executeCommand('caracal.traceRequest', 'nobody-asked-this');
    await panelWhen(page, /Not ingested yet\. Looking until \d\d:\d\d:\d\d/);
    await commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('is read by the API only where the user agrees, when Postgres is not given', async () => {
    await end();
    end = await pickLab(page, 'healthy', ['postgres']);
    const declined = answerNext(undefined);
    void commands.executeCommand('caracal.traceRequest', requestId);
    const { options, buttons } = await declined;
    match(options.detail ?? '', /\nGET http:\/\/127\.0\.0\.1:\d+\/v1\/zones\/[\w-]+\/audit\n/);
    match(options.detail ?? '', /writes one row for each to its admin audit/);
    deepStrictEqual(buttons, ['Ask the API']);
    await panelWhen(page, /Cannot trace the request: .*the API may not be asked/);
    const agreed = answerNext('Ask the API');
    void commands.executeCommand('caracal.traceRequest', requestId);
    await agreed;
    match(await panelWhen(page, /This call went through/), /Now is told by the clock of the API[\s\S]*no connection string of Postgres/);
    ok(window.tabGroups.all.flatMap(({ tabs }) => tabs).length === 1, 'one panel for one request');
    deepStrictEqual(workspace.textDocuments.filter(({ isDirty }) => isDirty), []);
  });
});
