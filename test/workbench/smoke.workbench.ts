import { deepStrictEqual } from 'node:assert/strict';
import { commands } from 'vscode';
import { openedPage } from './page.ts';

// Its name comes last, so that it sees the errors of the other suites as well.
describe('The workbench', () => {
  it('opens the Flow view by the palette', async () => {
    const page = openedPage();
    await commands.executeCommand('workbench.view.explorer');
    await page.runCommand('Caracal Debugger: Focus on Flow View');
    await page.waitFor({ role: 'tree', name: 'Flow' });
  });

  it('logs no errors', async () => {
    const page = openedPage();
    deepStrictEqual(await page.errors(), []);
  });
});
