import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { artifactsFolder, root } from '../../scripts/lib/paths.ts';
import { packagePath } from '../../scripts/package.ts';
import { openBrowser, openPage, workbenchAddress } from '../../scripts/vscode/browser.ts';
import { provisionCodeServer } from '../../scripts/vscode/provision.ts';
import { installExtension, serveForPeople, writeSettings } from '../../scripts/vscode/server.ts';
import type { ServedCode } from '../../scripts/vscode/server.ts';
import { quietSettings } from './settings.ts';

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
    const data = { userData: join(folder, 'user-data'), extensions: join(folder, 'extensions') };
    const workspace = join(folder, 'workspace');
    await mkdir(workspace);
    extensions = data.extensions;
    target = join(folder, 'closed.json');
    // Nothing listens on port 1, so that every answer is a refusal.
    await writeFile(target, JSON.stringify({ kind: 'endpoints', name: 'closed', services: { api: 'http://127.0.0.1:1' }, postgres: 'postgresql://u@127.0.0.1:1/caracal', redis: 'redis://127.0.0.1:1' }));
    await writeSettings(data.userData, quietSettings, { 'caracal.targets': [target] });
    const code = await provisionCodeServer();
    await installExtension(code, data, await packagePath());
    served = await serveForPeople(code, data);
    browser = await openBrowser();
    page = await openPage(browser);
    await page.goto(workbenchAddress(served.url, workspace));
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
    await page.getByRole('treeitem', { name: /^Reachable, failed, refused/, selected: true }).waitFor({ timeout: 30_000 });
    await page.getByRole('tab', { name: /^CRC-STO-001\.md/ }).waitFor();
    await page.frameLocator('iframe.webview.ready').frameLocator('iframe').getByRole('heading', { name: /^CRC-STO-001 / }).waitFor();
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
