import { ok } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands, extensions, workspace } from 'vscode';
import type { Extension } from 'vscode';
import type { TreeRow } from './protocol.ts';
import type { WorkbenchPage } from './page.ts';

const ID = 'caracal-debugger.caracal-debugger';

/** The extension under test. */
export function extension(): Extension<unknown> {
  const found = extensions.getExtension(ID);
  ok(found, `${ID} is not installed`);
  return found;
}

/** The three themes in which every picture is taken, by the name of the picture. */
export const themes = { dark: 'Default Dark Modern', light: 'Default Light Modern', hc: 'Default High Contrast' } as const;

/** Takes a picture in each theme and leaves the first one on. */
export async function pictures(page: WorkbenchPage, name: string): Promise<void> {
  const inOrder = [...Object.entries(themes), ['', themes.dark] as const];
  for (const [short, theme] of inOrder) {
    await workspace.getConfiguration('workbench').update('colorTheme', theme, true);
    // A theme is applied after the setting is, without an event that tells when.
    await sleep(500);
    if (short !== '') await page.screenshot(`${name}-${short}`);
  }
}

/** The rows of the Flow view, as soon as they are as wanted. */
export async function rowsWhen(page: WorkbenchPage, wanted: (rows: readonly TreeRow[]) => boolean, withinMs = 5_000): Promise<readonly TreeRow[]> {
  const end = Date.now() + withinMs;
  for (;;) {
    const rows = await page.rows('Flow');
    if (wanted(rows)) return rows;
    if (Date.now() > end) throw new Error(`The rows are still:\n${rows.map(({ label }) => label).join('\n')}`);
    await sleep(20);
  }
}

/** The row whose label begins with these words. */
export function rowOf(rows: readonly TreeRow[], words: string): TreeRow {
  const found = rows.find(({ label }) => label.startsWith(words));
  ok(found, `No row "${words}" among:\n${rows.map(({ label }) => label).join('\n')}`);
  return found;
}

/** The target files of the settings. */
export async function useTargetFiles(files: readonly string[]): Promise<void> {
  await workspace.getConfiguration('caracal').update('targets', files, true);
}

/** Picks a target by its name, as a person does. Another deployment of this machine may be in the list as well. */
export async function pick(page: WorkbenchPage, name: string): Promise<void> {
  void commands.executeCommand('caracal.pickTarget');
  await page.waitFor({ role: 'option', name: `/${name}.*target file/` });
  await page.type(name);
  await page.press('Enter');
}
