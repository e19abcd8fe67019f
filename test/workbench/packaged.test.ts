import { ok } from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { artifactsFolder } from '../../scripts/lib/paths.ts';
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
  let served: ServedCode | undefined;
  let browser: Browser | undefined;
  let page: Page;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'caracal-packaged-'));
    const data = { userData: join(folder, 'user-data'), extensions: join(folder, 'extensions') };
    const workspace = join(folder, 'workspace');
    await mkdir(workspace);
    await writeSettings(data.userData, quietSettings);
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

  it('shows the Flow view in a folder that is not trusted', async () => {
    await page.getByRole('tab', { name: 'Caracal Debugger' }).click();
    const flow = page.getByRole('tree', { name: 'Flow' });
    const welcome = page.locator('.welcome-view-content');
    await flow.or(welcome).first().waitFor({ timeout: 30_000 });
    await page.screenshot({ path: join(artifactsFolder, 'screenshots', 'packaged.png') });
    const rows = await flow.getByRole('treeitem').count();
    ok(rows > 0 || (await welcome.isVisible()), 'the view is empty');
  });
});
