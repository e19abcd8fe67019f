/** The panel of one request. A file of its own in the package, loaded with the first request that is traced. */
import { randomBytes } from 'node:crypto';
import { Position, Range, Uri, ViewColumn, env, window } from 'vscode';
import type { WebviewPanel } from 'vscode';
import type { Redactor } from '../../redaction/redactor.ts';
import type { LocatedTarget } from '../../targets/located.ts';
import type { Captured } from '../../trace/capture.ts';
import { storyMarkdown } from '../../trace/markdown.ts';
import type { FromPanel, ToPanel } from '../../trace/panelMessages.ts';
import type { ReadVerifiers, Traced } from '../../trace/service.ts';
import type { Simulation, SimulationRequest } from '../../trace/simulate.ts';
import type { Cell, Link, Story, StoryAction } from '../../trace/story.ts';
import { storyActions } from '../../trace/story.ts';
import { DisposableStore } from '../lifecycle.ts';
import type { OpenLogs } from '../logs/openLogs.ts';
import { panelHtml } from '../panelHtml.ts';
import { problemText } from '../problem.ts';
import { fileOfPlace } from './verifierSettings.ts';
import { LogsBeside } from './logsBeside.ts';

/** What a panel is opened again with after a reload of the window: ids alone. The page keeps it, and VS Code hands it back. */
export interface RememberedRequest {
  readonly targetId: string;
  readonly zoneId: string | undefined;
  readonly requestId: string | undefined;
  readonly approvalId: string | undefined;
}

/** What a look at a request goes by. */
export interface Looks {
  readonly captured: Captured;
  readonly verifiers: ReadVerifiers | undefined;
  readonly simulation: Simulation | undefined;
}

export interface RequestPanelParts {
  readonly extensionUri: Uri;
  readonly target: LocatedTarget;
  readonly logs: OpenLogs;
  readonly redactor: Redactor;
  readonly captured: Captured;
  /** Looks at the request as it stands at some time, until the signal says that nobody wants to know any more. */
  readonly trace: (looks: Looks, signal: AbortSignal) => AsyncGenerator<Traced>;
  /** Finds the user's own verifiers. */
  readonly readVerifiers: (signal: AbortSignal) => Promise<ReadVerifiers>;
  /** Asks for the settings of a verifier; whether they were given. */
  readonly typeVerifier: () => Promise<boolean>;
  /** Asks for the mandate that the resource got; undefined where none is given. */
  readonly askForMandate: () => Promise<Captured['mandate']>;
  /** Simulates a decision, once the user has agreed; undefined where not. */
  readonly simulate: (request: SimulationRequest, zoneId: string, signal: AbortSignal) => Promise<Simulation | undefined>;
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
  #looks: Looks;
  #traced: Traced | undefined;
  /** What was told last of each kind, for a page that is loaded again. */
  readonly #told = new Map<ToPanel['type'], ToPanel>();
  #isReady = false;

  constructor(panel: WebviewPanel, parts: RequestPanelParts) {
    this.#panel = panel;
    this.#parts = parts;
    this.#looks = { captured: parts.captured, verifiers: undefined, simulation: undefined };
    this.#store.add(panel.webview.onDidReceiveMessage((message: unknown) => void this.#received(message)));
    const media = Uri.joinPath(parts.extensionUri, 'dist');
    panel.webview.options = { enableScripts: true, localResourceRoots: [media] };
    const uriOf = (name: string): string => panel.webview.asWebviewUri(Uri.joinPath(media, name)).toString();
    panel.webview.html = panelHtml({ title: 'Request evidence', nonce: randomBytes(16).toString('base64'), cspSource: panel.webview.cspSource, script: uriOf('panel.js'), styles: uriOf('panel.css') });
  }

  get panel(): WebviewPanel {
    return this.#panel;
  }

  /** The request as Markdown, masked; undefined while nothing is known. */
  get markdown(): string | undefined {
    return this.#traced && storyMarkdown(this.#traced.story);
  }

  /** Looks, and shows what it finds, in the place of what it showed before. */
  async look(): Promise<void> {
    this.#stop.abort();
    const stop = new AbortController();
    this.#stop = stop;
    if (this.#traced === undefined) this.#post({ type: 'showStanding', text: `Tracing ${this.#looks.captured.what}`, isBusy: true });
    try {
      await this.#findVerifiers(stop.signal);
      for await (const traced of this.#parts.trace(this.#looks, stop.signal)) {
        if (stop.signal.aborted) return;
        this.#show(traced);
      }
    } catch (error) {
      if (stop.signal.aborted) return;
      this.#post({ type: 'showStanding', text: `Cannot trace the request: ${this.#parts.redactor.text(problemText(error))}`, isBusy: false });
      this.#parts.failed(error);
    }
  }

  /** Whoever has a mandate wants to know who refuses it. */
  async #findVerifiers(signal: AbortSignal): Promise<void> {
    const { captured, verifiers } = this.#looks;
    if (captured.mandate !== undefined && verifiers === undefined) this.#looks = { ...this.#looks, verifiers: await this.#parts.readVerifiers(signal) };
  }

  dispose(): void {
    this.#stop.abort();
    this.#logs?.dispose();
    this.#store.dispose();
  }

  #show(traced: Traced): void {
    const { story, requestId, zoneId } = traced;
    const { target, captured } = this.#parts;
    this.#traced = traced;
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
    // A story takes the place of what stood there before it.
    if (message.type === 'showStory') this.#told.delete('showStanding');
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
        const link = this.#traced && cellAt(this.#traced.story, message.path)?.link;
        if (link !== undefined) await this.#follow(link);
        break;
      }
      case 'act':
        await this.#act(message.action);
        break;
      case 'openLog':
        await this.#parts.openLog(message.row ?? undefined);
        break;
      case 'copy': {
        const text = message.what === 'requestId' ? this.#traced?.requestId : this.markdown;
        if (text !== undefined) await env.clipboard.writeText(text);
        break;
      }
    }
  }

  async #act(action: StoryAction): Promise<void> {
    const { askForMandate, typeVerifier, simulate } = this.#parts;
    switch (action) {
      case 'readVerifiers':
        this.#looks = { ...this.#looks, verifiers: undefined };
        break;
      case 'typeVerifier':
        if (!(await typeVerifier())) return;
        this.#looks = { ...this.#looks, verifiers: undefined };
        break;
      case 'pasteMandate': {
        const mandate = await askForMandate();
        if (mandate === undefined) return;
        this.#looks = { ...this.#looks, captured: { ...this.#looks.captured, mandate } };
        break;
      }
      case 'simulate': {
        const { simulation: request, zoneId } = this.#traced ?? {};
        const simulation = request === undefined || zoneId === undefined ? undefined : await simulate(request, zoneId, this.#stop.signal);
        if (simulation === undefined) return;
        this.#looks = { ...this.#looks, simulation };
        break;
      }
    }
    await this.look();
  }

  async #follow(link: Link): Promise<void> {
    if (link.kind !== 'place') {
      await this.#parts.showText(link);
      return;
    }
    const at = new Position(link.line, link.column);
    const file = fileOfPlace(link.path);
    if (file === undefined) throw new Error(`Cannot open ${link.path}: no folder of this workspace has it`);
    await window.showTextDocument(file, { selection: new Range(at, at), viewColumn: ViewColumn.Beside });
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
