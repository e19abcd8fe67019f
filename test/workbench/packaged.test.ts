import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, FrameLocator, Locator, Page } from 'playwright-core';
import { Lab } from '../../scripts/lib/lab.ts';
import { artifactsFolder, root } from '../../scripts/lib/paths.ts';
import { packagePath } from '../../scripts/package.ts';
import { openBrowser, openPage, workbenchAddress } from '../../scripts/vscode/browser.ts';
import { provisionCodeServer } from '../../scripts/vscode/provision.ts';
import { installExtension, serveForPeople, writeSettings } from '../../scripts/vscode/server.ts';
import type { ServedCode } from '../../scripts/vscode/server.ts';
import { quietSettings } from './settings.ts';

/** Serves VS Code as a person uses it, with the package installed and one target in its settings. */
async function serveInstalled(folder: string, target: string): Promise<ServedCode> {
  const data = { userData: join(folder, 'user-data'), extensions: join(folder, 'extensions') };
  await mkdir(join(folder, 'workspace'));
  await writeSettings(data.userData, quietSettings, { 'caracal.targets': [target] });
  const code = await provisionCodeServer();
  await installExtension(code, data, await packagePath());
  return serveForPeople(code, data);
}

/**
 * The packaged extension, installed as a person installs it. Only this shows that the package holds
 * every file that the extension needs.
 */
describe('The packaged extension', () => {
  let folder: string;
  let target: string;
  let extensions: string;
  let served: ServedCode | undefined;
  let browser: Browser | undefined;
  let page: Page;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'caracal-packaged-'));
    target = join(folder, 'closed.json');
    // Nothing listens on port 1, so that every answer is a refusal.
    await writeFile(target, JSON.stringify({ kind: 'endpoints', name: 'closed', services: { api: 'http://127.0.0.1:1' }, postgres: 'postgresql://u@127.0.0.1:1/caracal', redis: 'redis://127.0.0.1:1' }));
    extensions = join(folder, 'extensions');
    served = await serveInstalled(folder, target);
    browser = await openBrowser();
    page = await openPage(browser);
    await page.goto(workbenchAddress(served.url, join(folder, 'workspace')));
  });

  after(async () => {
    await browser?.close();
    await served?.service.end();
    await rm(folder, { recursive: true, force: true });
  });

  it('runs the flow in a folder that is not trusted', async () => {
    await page.getByRole('tab', { name: 'Caracal Debugger' }).click();
    const rows = page.getByRole('tree', { name: 'Flow' }).getByRole('treeitem');
    await rows.first().waitFor({ timeout: 30_000 });
    strictEqual(await rows.count(), 7);
    await page.keyboard.press('F1');
    await page.getByRole('textbox', { name: 'Type the name of a command to run' }).fill('>Caracal: Run All');
    await page.getByRole('option', { name: /Caracal: Run All/ }).first().waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('treeitem', { name: /^Storage, 2 failed, / }).waitFor({ timeout: 30_000 });
    await page.screenshot({ path: join(artifactsFolder, 'screenshots', 'packaged.png') });
  });

  /** The folder of the installed extension. */
  async function installed(): Promise<string> {
    const name = (await readdir(extensions)).find((each) => each.startsWith('caracal-debugger.'));
    ok(name !== undefined, 'the extension is not installed');
    return join(extensions, name);
  }

  it('finds where to begin with a symptom, and explains it', async () => {
    await page.keyboard.press('F1');
    await page.getByRole('textbox', { name: 'Type the name of a command to run' }).fill('>Caracal: Triage Symptom');
    await page.getByRole('option', { name: /Caracal: Triage Symptom/ }).first().waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('option', { name: /A service is not ready/ }).click();
    await page.getByRole('tab', { name: /^Cause: (?:Postgres|Redis) is stopped/ }).waitFor({ timeout: 30_000 });
    await page.frameLocator('iframe.webview.ready').frameLocator('iframe').getByRole('heading', { name: /^(?:Postgres|Redis) is stopped$/ }).waitFor();
    await page.screenshot({ path: join(artifactsFolder, 'screenshots', 'packaged-triage.png') });
  });

  it('brings the page of each check', async () => {
    const pages = await readdir(join(await installed(), 'docs', 'checks'));
    deepStrictEqual(pages.sort(), (await readdir(join(root, 'docs', 'checks'))).sort());
  });

  it('brings the command line', async () => {
    const program = join(await installed(), 'dist', 'cli.cjs');
    const { status, stdout } = spawnSync(process.execPath, [program, 'flow', '--target', target, '--json'], { encoding: 'utf8' });
    strictEqual(status, 3);
    const { verdicts } = JSON.parse(stdout) as { verdicts: { check: string; status: string }[] };
    deepStrictEqual(verdicts.filter(({ status: failed }) => failed === 'fail').map(({ check }) => check), ['CRC-RDY-001', 'CRC-STO-001', 'CRC-STO-020']);
  });
});

/** In a window that is loaded again VS Code hands back nothing but what the page has kept. */
describe('The packaged extension with a lab', () => {
  let folder: string;
  let lab: Lab;
  let served: ServedCode | undefined;
  let browser: Browser | undefined;
  let page: Page;
  let requestId: string;

  const panel = (): FrameLocator => page.locator('iframe.webview.ready').filter({ visible: true }).first().contentFrame().frameLocator('#active-frame');

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'caracal-traced-'));
    lab = new Lab({ faults: ['revocation-dead-letter'] });
    const target = await lab.ready();
    requestId = await callOf(target);
    served = await serveInstalled(folder, target);
    browser = await openBrowser();
    page = await openPage(browser);
    await page.goto(workbenchAddress(served.url, join(folder, 'workspace')));
  });

  after(async () => {
    await browser?.close();
    await served?.service.end();
    await lab.end();
    await rm(folder, { recursive: true, force: true });
  });

  async function runCommand(title: string): Promise<void> {
    await page.keyboard.press('F1');
    await page.getByRole('textbox', { name: 'Type the name of a command to run' }).fill(`>${title}`);
    await page.getByRole('option', { name: new RegExp(`^${title}`) }).first().click();
  }

  it('shows a traced request again after the window was loaded again, with its logs', async () => {
    await page.getByRole('tab', { name: 'Caracal Debugger' }).click();
    await page.getByRole('tree', { name: 'Flow' }).getByRole('treeitem').first().waitFor({ timeout: 50_000 });
    await runCommand('Caracal: Trace Request…');
    await page.getByRole('textbox', { name: /Trace a request/ }).fill(requestId);
    await page.keyboard.press('Enter');
    const sentence = (): Locator => panel().getByRole('heading', { name: 'This call went through.' });
    await sentence().waitFor({ timeout: 50_000 });
    await panel().getByRole('option', { name: /proxied 200 of this call/, selected: true }).waitFor();
    await runCommand('Developer: Reload Window');
    await sentence().waitFor({ state: 'hidden' });
    await sentence().waitFor({ timeout: 50_000 });
    await panel().getByRole('option', { name: /proxied 200 of this call/, selected: true }).waitFor({ timeout: 50_000 });
  });

  it('does not repair what is wrong with the deployment, as long as the folder is not trusted', async () => {
    await runCommand('Caracal: Run All');
    await page.getByRole('treeitem', { name: /^Fix, 1 cause explains / }).waitFor({ timeout: 50_000 });
    await runCommand('Caracal: Show Cause');
    await panel().getByRole('heading', { name: 'Remedy: reload revocations' }).waitFor();
    await panel().getByRole('button', { name: 'Reload revocations…', disabled: true }).waitFor();
    await page.screenshot({ path: join(artifactsFolder, 'screenshots', 'packaged-untrusted.png') });
    await panel().getByRole('link', { name: 'Trust this workspace to run remedies' }).click();
    await page.getByRole('button', { name: 'Trust', exact: true }).click();
    await panel().getByRole('button', { name: 'Reload revocations…', disabled: false }).waitFor();
  });
});

/** A call of the traffic of the lab that went through, once there is one that the audit has, too. */
async function callOf(targetFile: string): Promise<string> {
  const { logs } = JSON.parse(await readFile(targetFile, 'utf8')) as { readonly logs: Readonly<Record<string, string>> };
  for (const end = Date.now() + 30_000; ; await sleep(200)) {
    const calls = (await readFile(logs['gateway'] ?? '', 'utf8')).split('\n').filter((line) => line.includes('"proxied"'));
    // The audit is some hundred milliseconds behind.
    const line = calls.at(-3);
    if (line !== undefined) return (JSON.parse(line) as { readonly request_id: string }).request_id;
    ok(Date.now() < end, 'the Gateway has logged no calls');
  }
}
