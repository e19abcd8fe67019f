import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { FrameLocator, Locator, Page } from 'playwright-core';
import type { PageAnswers, PageRequest, Target, TreeRow } from '../../test/workbench/protocol.ts';
import { artifactsFolder, root } from '../lib/paths.ts';

/** How long an element may take to appear before an action on it fails. */
const ACTION_DEADLINE_MS = 10_000;

/** The page, offered to the suite in the extension host over loopback. */
export interface PageServer {
  /** The address to post requests to. Its path is a secret, so no other program drives the page. */
  readonly address: string;
  close(): void;
}

/** Offers a page, and the errors that were logged in it so far, to the suite that runs inside it. */
export async function offerPage(page: Page, errors: readonly string[]): Promise<PageServer> {
  page.setDefaultTimeout(ACTION_DEADLINE_MS);
  const path = `/${randomBytes(16).toString('hex')}`;
  const server = createServer((request, response) => {
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.method !== 'POST' || request.url !== path) {
      reply(404, { error: 'not found' });
      return;
    }
    answer(page, errors, request).then(
      (result) => reply(200, { result }),
      async (error: unknown) => reply(500, { error: `${error instanceof Error ? error.message : String(error)}\nIn sight is:\n${await inSight(page)}` }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}${path}`, close: () => server.closeAllConnections() };
}

async function answer(page: Page, errors: readonly string[], message: IncomingMessage): Promise<unknown> {
  const request = (await json(message)) as PageRequest;
  return request.action === 'errors' ? errors : perform(page, request);
}

/** What a person would look at to see why something could not be done. */
async function inSight(page: Page): Promise<string> {
  const parts = await page.locator('.quick-input-widget, .monaco-hover, .notifications-toasts, .sidebar, .statusbar').filter({ visible: true }).all().catch(() => []);
  const shown = await Promise.all(parts.map((part) => part.ariaSnapshot({ timeout: 1_000 }).catch(() => 'gone')));
  return shown.join('\n');
}

type Performed = Exclude<PageRequest, { action: 'errors' }>;

async function perform(page: Page, request: Performed): Promise<PageAnswers[Performed['action']]> {
  switch (request.action) {
    case 'press':
      await page.keyboard.press(request.key);
      return null;
    case 'type':
      await page.keyboard.type(request.text);
      return null;
    case 'click':
      await find(page, request.target).click({ button: request.button ?? 'left', clickCount: request.clicks ?? 1 });
      return null;
    case 'hover':
      await find(page, request.target).hover();
      return null;
    case 'followLink':
      await followLink(page, request.selector, request.text);
      return null;
    case 'fill':
      await find(page, request.target).fill(request.text);
      return null;
    case 'waitFor':
      await find(page, request.target).waitFor({ state: request.state ?? 'visible' });
      return null;
    case 'names':
      return findAll(page, request.target).evaluateAll((elements: PageElement[]) =>
        elements.map((element) => element.getAttribute('aria-label') ?? element.textContent ?? ''),
      );
    case 'rows':
      return rowsOf(page, request.tree);
    case 'snapshot':
      return (request.inPanel === true ? panelOf(page) : page).locator(request.selector ?? 'body').first().ariaSnapshot();
    case 'violations':
      return violationsOf(page);
    case 'screenshot':
      return screenshot(page, request.name);
  }
}

/** What is read of an element. The types of the browser stay out: this project runs on Node. */
interface PageElement {
  readonly textContent: string | null;
  getAttribute(name: string): string | null;
}

function findAll(page: Page, target: Target): Locator {
  const { role, name, exact, inPanel } = target;
  const place = inPanel === true ? panelOf(page) : page;
  if (name === undefined) return place.getByRole(role);
  const pattern = /^\/(.*)\/$/.exec(name)?.[1];
  if (pattern !== undefined) return place.getByRole(role, { name: new RegExp(pattern) });
  return place.getByRole(role, { name, exact: exact ?? false });
}

/** VS Code shows a webview in a frame within a frame, and keeps those that are out of sight. */
function panelOf(page: Page): FrameLocator {
  return page.locator('iframe.webview.ready').filter({ visible: true }).first().contentFrame().frameLocator('#active-frame');
}

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly help: string; readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[] }[];
}

async function violationsOf(page: Page): Promise<readonly string[]> {
  const body = panelOf(page).locator('body');
  const frame = await (await body.elementHandle()).ownerFrame();
  if (!frame) throw new Error('there is no panel in sight');
  await frame.evaluate(await readFile(join(root, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8'));
  const { violations } = await frame.evaluate<AxeResult>('axe.run(document)');
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html ?? ''} ${nodes[0]?.failureSummary ?? ''}`);
}

function find(page: Page, target: Target): Locator {
  return findAll(page, target).first();
}

/** By the place alone: above the text of a terminal lies what takes the pointer. It looks for links once the pointer has come from another cell. */
async function followLink(page: Page, selector: string, text: string): Promise<void> {
  const found = page.locator(selector).getByText(text).first();
  let box: Awaited<ReturnType<Locator['boundingBox']>> = null;
  // A terminal draws its rows anew, also between a look at one and the next.
  for (const end = Date.now() + ACTION_DEADLINE_MS; box === null; ) {
    if (Date.now() > end) throw new Error(`${text} is not in sight`);
    await found.waitFor();
    box = await found.boundingBox();
  }
  const [end, y] = [box.x + box.width - 20, box.y + box.height / 2];
  await page.keyboard.down('Control');
  try {
    await page.mouse.move(end - 60, y);
    await page.mouse.move(end, y, { steps: 10 });
    // The pointer shows that there is a link.
    await page.locator('.xterm-cursor-pointer').waitFor();
    await page.mouse.click(end, y);
  } finally {
    await page.keyboard.up('Control');
  }
}

async function rowsOf(page: Page, tree: string): Promise<TreeRow[]> {
  const rows = find(page, { role: 'tree', name: tree }).getByRole('treeitem');
  return rows.evaluateAll((elements: PageElement[]) =>
    elements.map((element) => {
      const expanded = element.getAttribute('aria-expanded');
      return {
        label: element.getAttribute('aria-label') ?? '',
        text: element.textContent ?? '',
        level: Number(element.getAttribute('aria-level')),
        ...(expanded === null ? {} : { expanded: expanded === 'true' }),
        selected: element.getAttribute('aria-selected') === 'true',
      };
    }),
  );
}

async function screenshot(page: Page, name: string): Promise<string> {
  if (!/^[\w.-]+$/.test(name)) throw new Error(`A picture cannot be called ${name}`);
  const folder = join(artifactsFolder, 'screenshots');
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  return path;
}
