import { PAGE_VARIABLE } from './protocol.ts';
import type { PageAnswers, PageRequest, Target, TreeRow } from './protocol.ts';

type Asked<A extends PageRequest['action']> = Extract<PageRequest, { action: A }>;

/** The input of the command palette. */
const PALETTE: Target = { role: 'textbox', name: 'Type the name of a command to run' };

/** The page that shows this VS Code, driven as a person drives it. */
export class WorkbenchPage {
  readonly #address: string;

  /** Takes the address that the program which opened the page gave to this host. */
  constructor(address: string) {
    this.#address = address;
  }

  async #ask<A extends PageRequest['action']>(request: Asked<A>): Promise<PageAnswers[A]> {
    const response = await fetch(this.#address, { method: 'POST', body: JSON.stringify(request) });
    const body = (await response.json()) as { result: PageAnswers[A] } | { error: string };
    if ('error' in body) throw new Error(`The page could not ${request.action}: ${body.error}`);
    return body.result;
  }

  /** Presses a key or a combination: `F1`, `Enter`, `Control+Shift+P`. */
  async press(key: string): Promise<void> {
    await this.#ask<'press'>({ action: 'press', key });
  }

  /** Types text into whatever has the focus. */
  async type(text: string): Promise<void> {
    await this.#ask<'type'>({ action: 'type', text });
  }

  /** Clicks the first element of this role and name, once it is there. */
  async click(target: Target, options: { button?: 'left' | 'right'; clicks?: number } = {}): Promise<void> {
    await this.#ask<'click'>({ action: 'click', target, ...options });
  }

  /** Moves the pointer over an element. */
  async hover(target: Target): Promise<void> {
    await this.#ask<'hover'>({ action: 'hover', target });
  }

  /** Points at a text that has no role, such as that of a terminal, and clicks it with the key that follows links. */
  async followLink(selector: string, text: string): Promise<void> {
    await this.#ask<'followLink'>({ action: 'followLink', selector, text });
  }

  /** Replaces the text of an input. */
  async fill(target: Target, text: string): Promise<void> {
    await this.#ask<'fill'>({ action: 'fill', target, text });
  }

  /** Waits until an element is visible, or hidden. */
  async waitFor(target: Target, state: 'visible' | 'hidden' = 'visible'): Promise<void> {
    await this.#ask<'waitFor'>({ action: 'waitFor', target, state });
  }

  /** The accessible names of all elements of this role and name. */
  async names(target: Target): Promise<string[]> {
    return this.#ask<'names'>({ action: 'names', target });
  }

  /** The rows of the tree view with this name, as a screen reader says them. */
  async rows(tree: string): Promise<TreeRow[]> {
    return this.#ask<'rows'>({ action: 'rows', tree });
  }

  /** The accessibility tree of the page, or of the first element of a CSS selector, as YAML. */
  async snapshot(selector?: string): Promise<string> {
    return this.#ask<'snapshot'>({ action: 'snapshot', ...(selector === undefined ? {} : { selector }) });
  }

  /** The accessibility tree of the panel that is in sight. */
  async panelSnapshot(): Promise<string> {
    return this.#ask<'snapshot'>({ action: 'snapshot', inPanel: true });
  }

  /** What axe finds in the panel that is in sight: rule, and the first element that breaks it. */
  async violations(): Promise<readonly string[]> {
    return this.#ask<'violations'>({ action: 'violations' });
  }

  /** Saves a picture of the window as `artifacts/screenshots/<name>.png`; returns its path. */
  async screenshot(name: string): Promise<string> {
    return this.#ask<'screenshot'>({ action: 'screenshot', name });
  }

  /** The errors that VS Code and its extensions have logged so far. */
  async errors(): Promise<readonly string[]> {
    return this.#ask<'errors'>({ action: 'errors' });
  }

  /** Runs a command through the palette, by its title with category, as a person does. */
  async runCommand(title: string): Promise<void> {
    await this.press('F1');
    await this.fill(PALETTE, `>${title}`);
    await this.click({ role: 'option', name: title });
    await this.waitFor(PALETTE, 'hidden');
  }
}

/** Whether somebody drives the page of this run; with a VS Code of the desktop nobody does. */
export function isPageDriven(): boolean {
  return process.env[PAGE_VARIABLE] !== undefined;
}

/**
 * The page of this run.
 *
 * @throws Error when nobody drives it.
 */
export function openedPage(): WorkbenchPage {
  const address = process.env[PAGE_VARIABLE];
  if (address === undefined) throw new Error(`${PAGE_VARIABLE} names no page`);
  return new WorkbenchPage(address);
}
