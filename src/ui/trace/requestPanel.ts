/** The panel of one request. A file of its own in the package, loaded with the first request that is traced. */
import { randomBytes } from 'node:crypto';
import { Position, Range, Uri, ViewColumn, env, window } from 'vscode';
import type { WebviewPanel } from 'vscode';
import type { Redactor } from '../../redaction/redactor.ts';
import type { LocatedTarget } from '../../targets/located.ts';
import type { Captured } from '../../trace/capture.ts';
import { storyMarkdown } from '../../trace/markdown.ts';
import type { FromPanel, ToPanel } from '../../trace/panelMessages.ts';
import type { Traced } from '../../trace/service.ts';
import type { Cell, Link, Story } from '../../trace/story.ts';
import { storyActions } from '../../trace/story.ts';
import { DisposableStore } from '../lifecycle.ts';
import type { OpenLogs } from '../logs/openLogs.ts';
import { panelHtml } from './panelHtml.ts';
import { LogsBeside } from './logsBeside.ts';

/** What a panel is opened again with after a reload of the window: ids alone. The page keeps it, and VS Code hands it back. */
export interface RememberedRequest {
  readonly targetId: string;
  readonly zoneId: string | undefined;
  readonly requestId: string | undefined;
  readonly approvalId: string | undefined;
}

export interface RequestPanelParts {
  readonly extensionUri: Uri;
  readonly target: LocatedTarget;
  readonly logs: OpenLogs;
  readonly redactor: Redactor;
  /** Looks at the request as it stands at some time, until the signal says that nobody wants to know any more. */
  readonly trace: (signal: AbortSignal) => AsyncGenerator<Traced>;
  readonly captured: Captured;
  /** Opens a text, or two that are compared, read-only. */
  readonly showText: (link: Exclude<Link, { readonly kind: 'place' }>) => Promise<void>;
  readonly openLog: (row: number | undefined) => Promise<void>;
  readonly failed: (error: unknown) => void;
}

/** Rows of the log that are asked for at once. */
const mostRows = 1_000;

export class RequestPanel {
  readonly #panel: WebviewPanel;
  readonly #parts: RequestPanelParts;
  readonly #store = new DisposableStore();
  #logs: LogsBeside | undefined;
  #stop = new AbortController();
  #story: Story | undefined;
  #requestId: string | undefined;
  /** What was told last of each kind, for a page that is loaded again. */
  readonly #told = new Map<ToPanel['type'], ToPanel>();
  #isReady = false;

  constructor(panel: WebviewPanel, parts: RequestPanelParts) {
    this.#panel = panel;
    this.#parts = parts;
    this.#store.add(panel.webview.onDidReceiveMessage((message: unknown) => void this.#received(message)));
    const media = Uri.joinPath(parts.extensionUri, 'dist');
    panel.webview.options = { enableScripts: true, localResourceRoots: [media] };
    const uriOf = (name: string): string => panel.webview.asWebviewUri(Uri.joinPath(media, name)).toString();
    panel.webview.html = panelHtml({ nonce: randomBytes(16).toString('base64'), cspSource: panel.webview.cspSource, script: uriOf('panel.js'), styles: uriOf('panel.css') });
  }

  get panel(): WebviewPanel {
    return this.#panel;
  }

  /** The request as Markdown, masked; undefined while nothing is known. */
  get markdown(): string | undefined {
    return this.#story && storyMarkdown(this.#story);
  }

  /** Looks, and shows what it finds, in the place of what it showed before. */
  async look(): Promise<void> {
    this.#stop.abort();
    const stop = new AbortController();
    this.#stop = stop;
    if (this.#story === undefined) this.#post({ type: 'showStanding', text: `Tracing ${this.#parts.captured.what}`, isBusy: true });
    try {
      for await (const traced of this.#parts.trace(stop.signal)) {
        if (stop.signal.aborted) return;
        this.#show(traced);
      }
    } catch (error) {
      if (stop.signal.aborted) return;
      const text = this.#parts.redactor.text(error instanceof Error ? error.message : String(error));
      this.#post({ type: 'showStanding', text: `Cannot trace the request: ${text}.`.replace(/\.\.$/, '.'), isBusy: false });
      this.#parts.failed(error);
    }
  }

  dispose(): void {
    this.#stop.abort();
    this.#logs?.dispose();
    this.#store.dispose();
  }

  #show(traced: Traced): void {
    const { story, requestId, zoneId } = traced;
    const { target, captured } = this.#parts;
    this.#story = story;
    this.#requestId = requestId;
    this.#panel.title = story.title;
    const icon = (theme: string): Uri => Uri.joinPath(this.#parts.extensionUri, 'media', 'marks', `${story.mark}-${theme}.svg`);
    this.#panel.iconPath = { light: icon('light'), dark: icon('dark') };
    const remembered: RememberedRequest = { targetId: target.id, zoneId, requestId, approvalId: captured.approvalId };
    this.#post({ type: 'keepSubject', subject: remembered });
    this.#post({ type: 'showStory', story, timeZone: 'UTC' });
    this.#logs ??= new LogsBeside({ logs: this.#parts.logs, target, redactor: this.#parts.redactor, post: (message) => this.#post(message) });
    void this.#logs.show(traced).catch(this.#parts.failed);
  }

  #post(message: ToPanel): void {
    this.#told.set(message.type, message);
    if (this.#isReady) void this.#panel.webview.postMessage(message);
  }

  async #received(message: unknown): Promise<void> {
    try {
      const known = fromPanel(message);
      if (known !== undefined) await this.#answer(known);
    } catch (error) {
      this.#parts.failed(error);
    }
  }

  async #answer(message: FromPanel): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        for (const told of this.#told.values()) if (told.type !== 'showLogRows' && told.type !== 'showLogRecord') await this.#panel.webview.postMessage(told);
        break;
      case 'readLogRows':
        await this.#logs?.rows(message.from, message.count);
        break;
      case 'readLogRecord':
        await this.#logs?.record(message.row);
        break;
      case 'follow': {
        const link = this.#story && cellAt(this.#story, message.path)?.link;
        if (link !== undefined) await this.#follow(link);
        break;
      }
      case 'act':
        if (message.action === 'lookAgain') await this.look();
        break;
      case 'openLog':
        await this.#parts.openLog(message.row ?? undefined);
        break;
      case 'copy': {
        const text = message.what === 'requestId' ? this.#requestId : this.markdown;
        if (text !== undefined) await env.clipboard.writeText(text);
        break;
      }
    }
  }

  async #follow(link: Link): Promise<void> {
    if (link.kind !== 'place') {
      await this.#parts.showText(link);
      return;
    }
    const at = new Position(link.line, link.column);
    await window.showTextDocument(Uri.file(link.path), { selection: new Range(at, at), viewColumn: ViewColumn.Beside });
  }
}

/** A message as the page sends them; undefined for anything else. */
function fromPanel(message: unknown): FromPanel | undefined {
  if (typeof message !== 'object' || message === null || !('type' in message)) return undefined;
  const value = message as Readonly<Record<string, unknown>>;
  const isCount = (number: unknown): number is number => Number.isSafeInteger(number) && (number as number) >= 0;
  const { from, count, row, path, action, what } = value;
  switch (value['type']) {
    case 'ready':
      return { type: 'ready' };
    case 'readLogRows':
      return isCount(from) && isCount(count) ? { type: 'readLogRows', from, count: Math.min(count, mostRows) } : undefined;
    case 'readLogRecord':
      return isCount(row) ? { type: 'readLogRecord', row } : undefined;
    case 'follow':
      return Array.isArray(path) && path.every((step) => typeof step === 'string' || isCount(step)) ? { type: 'follow', path } : undefined;
    case 'act': {
      const known = storyActions.find((one) => one === action);
      return known && { type: 'act', action: known };
    }
    case 'openLog':
      return row === null || isCount(row) ? { type: 'openLog', row } : undefined;
    case 'copy':
      return what === 'markdown' || what === 'requestId' ? { type: 'copy', what } : undefined;
    default:
      return undefined;
  }
}

/** What stands at a place of a story, by the names and numbers that lead to it. */
function cellAt(story: Story, path: readonly (string | number)[]): Cell | undefined {
  let at: unknown = story;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Readonly<Record<string | number, unknown>>)[step];
  }
  return typeof at === 'object' && at !== null ? (at as Cell) : undefined;
}
