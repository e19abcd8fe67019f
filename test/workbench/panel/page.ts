import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { buildPanels } from '../../../scripts/build.ts';
import type { FromPanel, ToPanel } from '../../../src/trace/panelMessages.ts';
import type { FromCausePage, ToCausePage } from '../../../src/ui/cause/causeMessages.ts';
import { panelHtml } from '../../../src/ui/panelHtml.ts';
import { logsOf } from './stories.ts';
import type { Shown } from './stories.ts';
import { themes } from './themes.ts';
import type { Theme } from './themes.ts';

type FromPage = FromPanel | FromCausePage;

declare global {
  interface Window {
    /** What the host does about what the page says. */
    answer: (message: FromPage) => void;
    /** What the page has said to its host. */
    said: FromPage[];
    /** What VS Code would keep of it. */
    kept: unknown;
    violations: string[];
  }
}

/** A host of the page of a panel, as VS Code is one: its own origin, the real policy, the variables of a theme. */
export class PanelHost {
  readonly #server: Server;
  /** Of its script and its styles. */
  readonly #name: string;
  /** What was built for it: another suite may be building as well. */
  readonly #folder: string;
  #page = '';

  private constructor(server: Server, name: string, folder: string) {
    this.#server = server;
    this.#name = name;
    this.#folder = folder;
    server.on('request', ({ url }, response) => {
      const file = { [`/${name}.js`]: 'text/javascript', [`/${name}.css`]: 'text/css' }[url ?? ''];
      if (file === undefined) response.setHeader('Content-Type', 'text/html').end(this.#page);
      else void readFile(join(folder, url ?? '')).then((content) => response.setHeader('Content-Type', file).end(content));
    });
  }

  static async start(name: 'panel' | 'cause' = 'panel'): Promise<PanelHost> {
    const folder = await mkdtemp(join(tmpdir(), 'caracal-panel-'));
    await buildPanels({ dist: folder });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PanelHost(server, name, folder);
  }

  async end(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true });
  }

  /** Opens the panel in a theme, and plays its host; what is shown may be given later. */
  async open(browser: Browser, { theme = 'dark', width = 1352, height = 827, shown }: { readonly theme?: Theme; readonly width?: number; readonly height?: number; readonly shown?: Shown } = {}): Promise<Page> {
    const origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    this.#page = panelHtml({ title: this.#name, nonce: randomBytes(16).toString('base64'), cspSource: origin, script: `${origin}/${this.#name}.js`, styles: `${origin}/${this.#name}.css` });
    const page = await browser.newPage({ viewport: { width, height } });
    const { name, variables } = themes[theme];
    await page.addInitScript(({ name: themeName, variables: values }) => {
      window.said = [];
      window.answer = () => undefined;
      window.violations = [];
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => window.violations.push(`${violatedDirective} ${blockedURI}`));
      const kept = sessionStorage.getItem('kept');
      const state = kept === null ? undefined : (JSON.parse(kept) as unknown);
      Object.assign(window, {
        acquireVsCodeApi: () => ({
          postMessage: (message: FromPage) => {
            window.said.push(message);
            window.answer(message);
          },
          getState: () => state,
          setState: (value: unknown) => {
            window.kept = value;
            sessionStorage.setItem('kept', JSON.stringify(value));
          },
        }),
      });
      document.addEventListener('DOMContentLoaded', () => {
        document.body.classList.add(...themeName.split(' '));
        for (const [variable, value] of Object.entries(values)) document.documentElement.style.setProperty(variable, value);
      });
    }, { name, variables });
    await page.goto(origin);
    if (shown !== undefined) await show(page, shown);
    return page;
  }
}

export async function send(page: Page, ...messages: readonly (ToPanel | ToCausePage)[]): Promise<void> {
  // As one text: large values would take a minute otherwise.
  await page.evaluate((text) => {
    for (const message of JSON.parse(text) as unknown[]) window.dispatchEvent(new MessageEvent('message', { data: message }));
  }, JSON.stringify(messages));
}

/** What the page has said since the last time, of one type. */
export async function heard(page: Page, type: FromPage['type']): Promise<readonly FromPage[]> {
  return page.evaluate((wanted) => {
    const of = window.said.filter((message) => message.type === wanted);
    window.said = window.said.filter((message) => message.type !== wanted);
    return of;
  }, type);
}

/** Shows a story with its log, and answers what the page asks about the log as long as it is open. */
export async function show(page: Page, shown: Shown): Promise<void> {
  await page.evaluate((text) => {
    const rows = JSON.parse(text) as Shown['rows'];
    const send = (data: unknown): boolean => window.dispatchEvent(new MessageEvent('message', { data }));
    window.answer = (message) => {
      if (message.type === 'readLogRows') setTimeout(() => send({ type: 'showLogRows', from: message.from, rows: rows.slice(message.from, message.from + message.count) }), 5);
      if (message.type === 'readLogRecord') {
        const found = rows.find(({ row }) => row === message.row);
        if (found === undefined) return;
        const facts = Object.entries({ msg: found.message, request_id: found.requestId, status: found.status, application_id: 'refunds-bot', resource: 'billing-api', subject_fp: '9f2c41d07be2a518', auth_mode: 'caracal_jwt', upstream_host: 'host.docker.internal:7070', sts_latency_ms: '6.2', upstream_latency_ms: '31.0', trace_id: '0af7651916cd43dd8448eb211c80319c' });
        setTimeout(() => send({ type: 'showLogRecord', row: message.row, title: `${found.source}, line ${found.row}`, facts: facts.map(([label, text]) => ({ label, value: { text } })) }), 5);
      }
    };
  }, JSON.stringify(shown.rows));
  await send(page, { type: 'showStory', story: shown.story, timeZone: 'UTC' }, { type: 'showLogs', logs: logsOf(shown) });
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** What axe objects to, as rule and place. */
export async function objections(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(document);
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')} ${failureSummary ?? ''}`));
  });
}
