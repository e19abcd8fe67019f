import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

/** The size of the window in every picture. */
const VIEWPORT = { width: 1400, height: 900 };

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Opens the installed Chromium or Chrome; its path comes from the bootstrap, which looked for it. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env['CARACAL_BROWSER'];
  if (executablePath === undefined) throw new Error('No browser is known. Start this through npm, which looks for one.');
  return chromium.launch({
    executablePath,
    args: FLAGS,
    // The caller ends the browser, after what it shows.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}

/** Opens a page of the size of our pictures. */
export async function openPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: VIEWPORT });
  return context.newPage();
}

/** The address of a workspace folder in a served VS Code, with what only its test harness reads. */
export function workbenchAddress(server: string, folder: string, payload: readonly (readonly [string, string])[] = []): string {
  const url = new URL(server);
  url.searchParams.set('folder', folder);
  if (payload.length > 0) url.searchParams.set('payload', JSON.stringify(payload));
  return url.href;
}
