import { ok } from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands, extensions, window, workspace } from 'vscode';
import type { Extension, MessageOptions } from 'vscode';
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

/** The panel, once it says so. */
export async function panelWhen(page: WorkbenchPage, wanted: RegExp, withinMs = 20_000): Promise<string> {
  for (const end = Date.now() + withinMs; ; await sleep(100)) {
    const snapshot = await page.panelSnapshot().catch((error: unknown) => String(error));
    if (wanted.test(snapshot)) return snapshot;
    ok(Date.now() < end, `The panel does not say ${String(wanted)}:\n${snapshot}`);
  }
}

/** Waits until the list of notifications, which then stands open, says so. */
export async function notified(page: WorkbenchPage, wanted: RegExp, withinMs = 10_000): Promise<void> {
  for (const end = Date.now() + withinMs; ; await sleep(100)) {
    await commands.executeCommand('notifications.showList');
    const text = await page.snapshot('.notifications-center').catch(() => '');
    if (wanted.test(text)) return;
    ok(Date.now() < end, text);
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

/** The labs that the suites run against, by their condition, and the variables that name their target files. */
const labs = { healthy: 'CARACAL_LAB_HEALTHY', failing: 'CARACAL_LAB_FAILING' } as const;

export type Condition = keyof typeof labs;

/**
 * Picks a lab as a target that was never picked before, so that nothing is remembered of it, with what
 * `without` names left out; returns what to end it with.
 */
export async function pickLab(page: WorkbenchPage, condition: Condition, without: readonly string[] = []): Promise<() => Promise<void>> {
  const lab = process.env[labs[condition]];
  ok(lab !== undefined, `${labs[condition]} names no target file`);
  // A name of its own, so that the picker and whoever waits can tell the targets apart.
  return pickCopy(page, lab, [`${condition} lab`, ...without.map((part) => `without ${part}`)].join(' '), without);
}

/** Picks a copy of a target file under a name of its own, with what `without` names left out; returns what to end it with. */
export async function pickCopy(page: WorkbenchPage, file: string, name: string, without: readonly string[] = []): Promise<() => Promise<void>> {
  await commands.executeCommand('workbench.action.closeAllEditors');
  await commands.executeCommand('workbench.action.closePanel');
  const folder = await mkdtemp(join(tmpdir(), 'caracal-workbench-lab-'));
  const target = Object.entries(JSON.parse(await readFile(file, 'utf8')) as object).filter(([key]) => !without.includes(key));
  await writeFile(join(folder, 'target.json'), JSON.stringify({ ...Object.fromEntries(target), name }));
  await useTargetFiles([join(folder, 'target.json')]);
  await commands.executeCommand('caracal.flow.focus');
  await pick(page, name);
  await page.waitFor({ role: 'button', name: `Caracal: target ${name}, not run` });
  return () => rm(folder, { recursive: true });
}

/** A modal message that was to be shown. */
export interface Modal {
  readonly message: string;
  readonly options: MessageOptions;
  readonly buttons: readonly string[];
}

/** Answers the next modal in the place of a person: the driver of this VS Code lets no dialog be shown. */
export function answerNext(button: string | undefined): Promise<Modal> {
  const { showWarningMessage } = window;
  return new Promise((resolve) => {
    const answer = (message: string, options: MessageOptions, ...buttons: string[]): Promise<string | undefined> => {
      Object.assign(window, { showWarningMessage });
      resolve({ message, options, buttons });
      return Promise.resolve(button);
    };
    Object.assign(window, { showWarningMessage: answer });
  });
}
