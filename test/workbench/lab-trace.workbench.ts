import { deepStrictEqual, match, ok } from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands, workspace } from 'vscode';
import { answerNext, pickLab, pictures } from './extension.ts';
import { openedPage } from './page.ts';
import type { WorkbenchPage } from './page.ts';
import type { Target } from './protocol.ts';

const input: Target = { role: 'textbox', name: '/Trace a request/' };

/** The text of the document about a request, once it is as wanted. */
async function textWhen(wanted: RegExp): Promise<string> {
  for (const end = Date.now() + 20_000; ; await sleep(50)) {
    const texts = workspace.textDocuments.filter(({ uri }) => uri.scheme === 'caracal-request').map((document) => document.getText());
    const found = texts.find((text) => wanted.test(text));
    if (found !== undefined) return found;
    ok(Date.now() < end, `There is no ${String(wanted)} in:\n${texts.join('\n')}`);
  }
}

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

  it('is asked for in the palette, by whatever tells of it', async () => {
    void commands.executeCommand('caracal.traceRequest');
    await page.waitFor(input);
    await page.fill(input, 'it { does not work }');
    match(await page.snapshot('.quick-input-widget'), /Paste a request id, token, approval id, response or log line/);
    await page.fill(input, line);
    await page.press('Enter');
    await page.waitFor(input, 'hidden');
    const text = await textWhen(/This call went through/);
    match(text, /\| passed \| allowed \| .* \| issued \| passed on \| answered, 200 \|/);
    match(text, /3 events of 2 requests; joins: 1 certain, 0 likely|3 events of 2 requests; joins: 0 certain, 1 likely/);
    match(text, /The STS would take this Session and this Delegation now/);
    await page.waitFor({ role: 'tab', name: `/${requestId.slice(-6)}/` });
    await pictures(page, 'request');
  });

  it('that nobody knows is told as that', async () => {
    await commands.executeCommand('caracal.traceRequest', 'nobody-asked-this');
    const text = await textWhen(/Cannot tell: the audit holds no event of this request/);
    match(text, /The audit holds no event of this request/);
    await commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('is read by the API only where the user agrees, when Postgres is not given', async () => {
    await end();
    end = await pickLab(page, 'healthy', ['postgres']);
    const declined = answerNext(undefined);
    await commands.executeCommand('caracal.traceRequest', requestId);
    const { options, buttons } = await declined;
    match(options.detail ?? '', /\nGET http:\/\/127\.0\.0\.1:\d+\/v1\/zones\/[\w-]+\/audit\n/);
    match(options.detail ?? '', /writes one row for each to its admin audit/);
    deepStrictEqual(buttons, ['Ask the API']);
    deepStrictEqual(workspace.textDocuments.filter(({ uri }) => uri.scheme === 'caracal-request').map((document) => document.getText()).filter((text) => text.includes('Postgres is not given')), []);
    const agreed = answerNext('Ask the API');
    await commands.executeCommand('caracal.traceRequest', requestId);
    await agreed;
    match(await textWhen(/Not known: Postgres is not given/), /This call went through/);
  });
});
