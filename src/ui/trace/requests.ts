import { EventEmitter, InputBoxValidationSeverity, Uri, ViewColumn, commands, env, languages, window, workspace } from 'vscode';
import type { TextDocumentContentProvider, WebviewPanel } from 'vscode';
import type { Captured } from '../../trace/capture.ts';
import { isNamed } from '../../trace/named.ts';
import type { Traced } from '../../trace/service.ts';
import type { Simulation, SimulationRequest } from '../../trace/simulate.ts';
import type { Link } from '../../trace/story.ts';
import type { LocatedTarget } from '../../targets/located.ts';
import { commandIds } from '../commandIds.ts';
import type { Engine } from '../engineSlot.ts';
import type { FlowSession } from '../flowSession.ts';
import type { Guard } from '../guard.ts';
import type { Memory } from '../memory.ts';
import { DisposableStore } from '../lifecycle.ts';
import type { OpenLogs } from '../logs/openLogs.ts';
import { atHand } from './atHand.ts';
import type { Looks, RememberedRequest, RequestPanel } from './requestPanel.ts';
import type { TracedRequests } from './tracedRequests.ts';
import type { VerifierSources } from './verifierSettings.ts';

export type TraceModule = typeof import('../../trace/service.ts');
export type PanelModule = typeof import('./requestPanel.ts');
export type VerifiersModule = typeof import('./verifierSettings.ts');

/** Texts that a request leads to: as Markdown, or a policy in one of its versions. */
const textScheme = 'caracal-request';
const panelType = 'caracal.request';
/** Postgres answers in some milliseconds; what takes longer than this is not waited for. */
const tracedWithinMs = 20_000;
/** A document asks for its text again whenever it is drawn anew, also after VS Code has closed it. */
const mostKept = 50;

/** A call that was found without asking the user anything. */
export interface FoundCall {
  readonly captured: Captured;
  readonly traced: Traced;
}

export interface RequestsParts {
  readonly session: FlowSession;
  readonly engine: Engine;
  readonly guard: Guard;
  readonly traced: TracedRequests;
  /** Picks what this workspace had picked before, if anything. */
  readonly restore: () => Promise<void>;
  readonly logs: OpenLogs;
  readonly extensionUri: Uri;
  readonly loadTrace: () => Promise<TraceModule>;
  readonly loadPanel: () => Promise<PanelModule>;
  readonly loadVerifiers: () => Promise<VerifiersModule>;
  /** Of the workspace. */
  readonly memory: Memory;
  /** Opens the log of a target at a row, or at its end. */
  readonly openLog: (target: LocatedTarget, row: number | undefined) => Promise<void>;
  /** The record of a log that the caret is on, as it was written; undefined where it is on none. */
  readonly recordAtCaret: () => Promise<string | undefined>;
  /** For the log of the extension. */
  readonly failed: (error: unknown) => void;
}

/** Traces requests, each in a panel of its own. */
export class Requests implements TextDocumentContentProvider {
  readonly #parts: RequestsParts;
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new EventEmitter<Uri>());
  readonly #texts = new Map<string, string>();
  /** The open ones, by what they are of. */
  readonly #open = new Map<string, RequestPanel>();

  readonly onDidChange = this.#changed.event;

  constructor(parts: RequestsParts) {
    this.#parts = parts;
    const { guard } = parts;
    this.#store.add(workspace.registerTextDocumentContentProvider(textScheme, this));
    this.#store.add(commands.registerCommand(commandIds.traceRequest, (given: unknown, zone: unknown) => guard.run(() => this.#trace(textOf(given), textOf(zone)))));
    this.#store.add(commands.registerCommand(commandIds.traceRequestAgain, () => guard.run(() => this.#active()?.look())));
    this.#store.add(commands.registerCommand(commandIds.copyRequest, () => guard.run(() => this.#copy())));
    this.#store.add(commands.registerCommand(commandIds.showRequestDocument, () => guard.run(() => this.#showDocument())));
    this.#store.add(window.registerWebviewPanelSerializer(panelType, { deserializeWebviewPanel: (panel, state) => this.#restore(panel, state) }));
  }

  /**
   * What is known of a call of the picked target now; of one that has no id, the newest that failed when it happened, or in
   * the last hour. Nobody is asked, and neither is the API; undefined where nothing is known so.
   */
  async find(captured: Captured, signal: AbortSignal): Promise<FoundCall | undefined> {
    const { session, engine, loadTrace, failed } = this.#parts;
    const { target, state } = session;
    if (target === undefined) return undefined;
    const { callLike, recentCalls, traceRequest } = await loadTrace();
    const quietly = {
      target, zone: captured.zoneId ?? state.zone, mayAskApi: () => Promise.resolve(false), whichZone: () => Promise.resolve(undefined), redactor: engine.redactor,
      signal: AbortSignal.any([signal, AbortSignal.timeout(tracedWithinMs)]),
    };
    try {
      const call = isNamed(captured) ? undefined : callLike((await recentCalls({ ...quietly, around: captured.at })).calls, captured.answer?.status);
      if (call === undefined && !isNamed(captured)) return undefined;
      const named = call === undefined ? captured : { ...captured, what: 'the newest call that failed', requestId: call.requestId, at: call.at };
      for await (const traced of traceRequest({ ...quietly, captured: named, verifiers: undefined, simulation: undefined })) return { captured: named, traced };
    } catch (error) {
      if (!signal.aborted) failed(error);
    }
    return undefined;
  }

  /**
   * Opens the panel of a call of the picked target; of one that has no id, of the newest that failed.
   *
   * @throws Error when no call is known that it could be
   */
  async open(captured: Captured, column = ViewColumn.Active): Promise<void> {
    const { target, state } = this.#parts.session;
    if (target === undefined) return;
    const call = isNamed(captured) ? captured : (await this.find(captured, new AbortController().signal))?.captured;
    if (call === undefined) throw new Error('Cannot trace a call without its id: no call is known that failed then. Give its request id.');
    await this.#show(target, call.zoneId ?? state.zone, call, { column });
  }

  provideTextDocumentContent(uri: Uri): string {
    return this.#texts.get(uri.toString()) ?? 'This was opened in a window that is closed. Trace the request again with "Caracal: Trace Request…".\n';
  }

  dispose(): void {
    for (const panel of this.#open.values()) panel.dispose();
    this.#store.dispose();
  }

  /**
   * @param given an id, or anything that tells of a request; without it the user is asked
   * @param zone instead of the picked one
   */
  async #trace(given: string | undefined, zone: string | undefined): Promise<void> {
    const { session, engine, loadTrace, restore, recordAtCaret } = this.#parts;
    if (session.target === undefined) await restore();
    if (session.target === undefined) await commands.executeCommand(commandIds.pickTarget);
    const { target, state } = session;
    if (target === undefined) return;
    const module = await loadTrace();
    const pasted = given ?? (await ask(module, engine, recordAtCaret));
    if (pasted === undefined) return;
    const result = module.capture(pasted);
    if (result.kind === 'nothing') throw new Error(`Cannot trace this: ${result.why}`);
    await this.#show(target, zone ?? state.zone, result.captured);
  }

  async #show(target: LocatedTarget, zone: string | undefined, captured: Captured, { restored, column = ViewColumn.Active }: { readonly restored?: WebviewPanel; readonly column?: ViewColumn } = {}): Promise<void> {
    const key = keyOf(target, captured);
    const open = key === undefined ? undefined : this.#open.get(key);
    if (open !== undefined) {
      open.panel.reveal();
      await open.look();
      return;
    }
    const { engine, logs, extensionUri, loadPanel, openLog, failed } = this.#parts;
    const { RequestPanel: Panel } = await loadPanel();
    const webview = restored ?? window.createWebviewPanel(panelType, `Request ${captured.requestId?.slice(-6) ?? ''}`.trim(), column, { enableFindWidget: true });
    const panel = new Panel(webview, {
      extensionUri, target, logs, captured, redactor: engine.redactor,
      trace: (looks, signal) => this.#looks(target, zone, looks, signal),
      readVerifiers: async (signal) => (await this.#verifiers()).read(signal),
      typeVerifier: async () => (await this.#verifiers()).type(),
      askForMandate: () => this.#askForMandate(),
      simulate: (request, zoneId, signal) => this.#simulate(target, request, zoneId, signal),
      showText: (link) => this.#showText(link),
      openLog: (row) => openLog(target, row),
      failed,
    });
    const place = key ?? `${target.id} ${String(Date.now())}`;
    this.#open.set(place, panel);
    webview.onDidDispose(() => {
      panel.dispose();
      if (this.#open.get(place) === panel) this.#open.delete(place);
    });
    await panel.look();
  }

  /** A look that takes too long ends with words; nobody is asked to answer in a given time. */
  async *#looks(target: LocatedTarget, zone: string | undefined, looks: Looks, signal: AbortSignal): AsyncGenerator<Traced> {
    const { session, engine, loadTrace } = this.#parts;
    const { traceRequest } = await loadTrace();
    const stop = new AbortController();
    const tooLate = new Error(`no answer in ${tracedWithinMs / 1_000} s. Run the Storage step to see what Postgres does`);
    const within = (): NodeJS.Timeout => setTimeout(() => stop.abort(tooLate), tracedWithinMs);
    let deadline = within();
    /** What another target is asked for belongs to nobody any more. */
    const asked = async <Answer>(question: () => Promise<Answer>): Promise<Answer | undefined> => {
      clearTimeout(deadline);
      const answer = await question();
      deadline = within();
      return session.target === target ? answer : undefined;
    };
    const mayAskApi = async (call: string): Promise<boolean> => (await asked(() => agreesToAsk(target.target.name, engine.redactor.text(call)))) === true;
    const whichZone = (): Promise<string | undefined> => asked(async () => {
      await commands.executeCommand(commandIds.pickZone);
      return session.state.zone;
    });
    try {
      for await (const traced of traceRequest({ target, zone, ...looks, mayAskApi, whichZone, redactor: engine.redactor, signal: AbortSignal.any([signal, stop.signal]) })) {
        clearTimeout(deadline);
        await this.#remember(target, looks.captured, traced);
        yield traced;
        deadline = within();
      }
    } catch (error) {
      throw stop.signal.aborted ? tooLate : error;
    } finally {
      clearTimeout(deadline);
    }
  }

  /** In the view of requests, by its id alone. */
  async #remember(target: LocatedTarget, { approvalId }: Captured, { requestId, story: { title } }: Traced): Promise<void> {
    const id = requestId ?? approvalId;
    if (id !== undefined) await this.#parts.traced.add(target.id, { id, title, at: Date.now() });
  }

  async #verifiers(): Promise<VerifierSources> {
    const { memory, extensionUri, loadVerifiers, loadTrace } = this.#parts;
    const { VerifierSources: Sources } = await loadVerifiers();
    return new Sources({ memory, folder: Uri.joinPath(extensionUri, 'dist'), load: loadTrace });
  }

  async #askForMandate(): Promise<Captured['mandate']> {
    const { capture } = await this.#parts.loadTrace();
    const mandateIn = (text: string): Captured['mandate'] => {
      const result = capture(text);
      return result.kind === 'captured' ? result.captured.mandate : undefined;
    };
    const pasted = await window.showInputBox({
      title: 'Compare a mandate with its verifier', placeHolder: 'Paste the mandate that the resource got', prompt: 'Decoded on this machine. It is not sent and not stored.', password: true, ignoreFocusOut: true,
      validateInput: (text) => (text === '' || mandateIn(text) !== undefined ? undefined : 'This is no mandate. Paste the token that the resource got, with or without Bearer before it.'),
    });
    return pasted === undefined ? undefined : mandateIn(pasted);
  }

  /** The one call of a trace that writes. */
  async #simulate(target: LocatedTarget, request: SimulationRequest, zoneId: string, signal: AbortSignal): Promise<Simulation | undefined> {
    const { engine, loadTrace } = this.#parts;
    const detail = ['This sends one call to the API with the admin token of the target:', `POST ${request.path}`, engine.redactor.text(JSON.stringify(request.body, undefined, 2)), '', 'It activates nothing. Caracal writes one row for it to its admin audit.'].join('\n');
    const act = 'Simulate';
    if ((await window.showWarningMessage(`Simulate this decision on ${target.target.name}?`, { modal: true, detail }, act)) !== act) return undefined;
    const { simulateDecision } = await loadTrace();
    return simulateDecision({ target, zoneId, request, redactor: engine.redactor, signal: AbortSignal.any([signal, AbortSignal.timeout(tracedWithinMs)]) });
  }

  /** After a reload of the window; without its target nothing is asked of anybody. */
  async #restore(panel: WebviewPanel, state: unknown): Promise<void> {
    const { session, restore } = this.#parts;
    const remembered = rememberedIn(state);
    if (session.target === undefined) await restore();
    const { target } = session;
    if (remembered === undefined || target?.id !== remembered.targetId) {
      panel.dispose();
      return;
    }
    const { zoneId, requestId, approvalId } = remembered;
    await this.#show(target, zoneId, { what: 'an id', requestId, approvalId, zoneId }, { restored: panel });
  }

  #active(): RequestPanel | undefined {
    return [...this.#open.values()].find(({ panel }) => panel.active);
  }

  async #copy(): Promise<void> {
    const markdown = this.#active()?.markdown;
    if (markdown !== undefined) await env.clipboard.writeText(markdown);
  }

  async #showDocument(): Promise<void> {
    const active = this.#active();
    const text = active?.markdown;
    if (active === undefined || text === undefined) return;
    await commands.executeCommand('markdown.showPreview', this.#keep(`${active.panel.title}.md`, text));
  }

  async #showText(link: Exclude<Link, { readonly kind: 'place' }>): Promise<void> {
    if (link.kind === 'difference') {
      await commands.executeCommand('vscode.diff', this.#keep(`before/${link.title}`, link.before), this.#keep(`after/${link.title}`, link.after), link.title);
      return;
    }
    const document = await workspace.openTextDocument(this.#keep(link.title, link.text));
    const known = await languages.getLanguages();
    if (known.includes(link.language)) await languages.setTextDocumentLanguage(document, link.language);
    await window.showTextDocument(document, { viewColumn: ViewColumn.Beside, preview: true });
  }

  #keep(name: string, text: string): Uri {
    const uri = Uri.from({ scheme: textScheme, path: `/${name}` });
    this.#texts.set(uri.toString(), text);
    for (const oldest of [...this.#texts.keys()].slice(0, -mostKept)) this.#texts.delete(oldest);
    this.#changed.fire(uri);
    return uri;
  }
}

/** What one panel is of. A mandate has no id that could be kept. */
function keyOf(target: LocatedTarget, { requestId, approvalId, mandate, answer }: Captured): string | undefined {
  return mandate !== undefined || answer !== undefined || (requestId ?? approvalId) === undefined ? undefined : `${target.id} ${requestId ?? ''} ${approvalId ?? ''}`;
}

function rememberedIn(state: unknown): RememberedRequest | undefined {
  if (typeof state !== 'object' || state === null || !('subject' in state)) return undefined;
  const { subject } = state;
  if (typeof subject !== 'object' || subject === null) return undefined;
  const { targetId, ...ids } = subject as Readonly<Record<string, unknown>>;
  const text = (name: keyof RememberedRequest): string | undefined => (typeof ids[name] === 'string' ? ids[name] : undefined);
  return typeof targetId === 'string' ? { targetId, zoneId: text('zoneId'), requestId: text('requestId'), approvalId: text('approvalId') } : undefined;
}

/** Without Postgres nobody knows whether the admin token is live, and the API writes down each call that it refuses. */
export async function agreesToAsk(target: string, call: string): Promise<boolean> {
  const detail = [
    'This reads the audit, and lists of what it names, with the tokens of the target, in a few calls. The first:', call, '',
    'If the API refuses them, Caracal writes one row for each to its admin audit. If it answers, Caracal notes when the token was last used. Nothing else changes.',
  ].join('\n');
  const ask = 'Ask the API';
  return (await window.showWarningMessage(`Ask the API of ${target}?`, { modal: true, detail }, ask)) === ask;
}

function textOf(given: unknown): string | undefined {
  return typeof given === 'string' ? given : undefined;
}

/** What the user pastes; what is at hand is proposed. */
async function ask({ capture, proposalFrom }: TraceModule, engine: Engine, recordAtCaret: RequestsParts['recordAtCaret']): Promise<string | undefined> {
  const proposed = proposalFrom(await atHand(recordAtCaret), engine.redactor);
  const given = await window.showInputBox({
    title: 'Trace a request',
    placeHolder: 'Paste a request id, token, approval id, response or log line',
    ...(proposed === undefined ? {} : { value: proposed.shown }),
    ignoreFocusOut: true,
    validateInput: (text) => {
      if (text === '') return undefined;
      const result = capture(text);
      if (result.kind === 'nothing') return result.why;
      const { mandate } = result.captured;
      if (mandate === undefined) return undefined;
      return { message: `Decoded on this machine. It is not sent and not stored.${mandate.claims.use === 'gateway' ? ' It works once, so it is only read here.' : ''}`, severity: InputBoxValidationSeverity.Info };
    },
  });
  return given === proposed?.shown ? proposed?.text : given;
}
