import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { commands, extensions, workspace } from 'vscode';
import type { Extension } from 'vscode';
import { openedPage } from './page.ts';

const ID = 'caracal-debugger.caracal-debugger';

function extension(): Extension<unknown> {
  const found = extensions.getExtension(ID);
  ok(found, `${ID} is not installed`);
  return found;
}

describe('The extension in VS Code', () => {
  it('activates when its view opens, not before', async () => {
    strictEqual(extension().isActive, false);
    await commands.executeCommand('caracal.flow.focus');
    // The view asks for the activation; this resolves with the same one and carries its error.
    await extension().activate();
    strictEqual(extension().isActive, true);
  });

  it('opens by the palette', async function () {
    const page = openedPage();
    if (!page) return this.skip();
    await commands.executeCommand('workbench.view.explorer');
    await page.runCommand('Caracal Debugger: Focus on Flow View');
    await page.waitFor({ role: 'tree', name: 'Flow' });
  });

  it('shows the flow in every theme', async function () {
    const page = openedPage();
    if (!page) return this.skip();
    const themes = { dark: 'Default Dark Modern', light: 'Default Light Modern', hc: 'Default High Contrast' };
    for (const [name, theme] of Object.entries(themes)) {
      await workspace.getConfiguration('workbench').update('colorTheme', theme, true);
      await page.waitFor({ role: 'tree', name: 'Flow' });
      await page.screenshot(`smoke-${name}`);
    }
  });

  it('logs no errors', async function () {
    const page = openedPage();
    if (!page) return this.skip();
    deepStrictEqual(await page.errors(), []);
  });
});
