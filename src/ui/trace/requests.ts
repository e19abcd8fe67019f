import { EventEmitter, InputBoxValidationSeverity, ProgressLocation, Uri, commands, window, workspace } from 'vscode';
import type { TextDocumentContentProvider } from 'vscode';
import { commandIds } from '../commandIds.ts';
import type { Engine } from '../engineSlot.ts';
import type { FlowSession } from '../flowSession.ts';
import type { Guard } from '../guard.ts';
import { DisposableStore } from '../lifecycle.ts';
import { atHand } from './atHand.ts';
import type { TracedRequests } from './tracedRequests.ts';

export type TraceModule = typeof import('../../trace/service.ts');

const requestScheme = 'caracal-request';
/** Postgres answers in some milliseconds; what takes longer than this is not waited for. */
const tracedWithinMs = 20_000;
/** A preview asks for its text again whenever it is drawn anew, also after VS Code has closed the document. */
const mostKept = 50;

export interface RequestsParts {
  readonly session: FlowSession;
  readonly engine: Engine;
  readonly guard: Guard;
  readonly traced: TracedRequests;
  /** Picks what this workspace had picked before, if anything. */
  readonly restore: () => Promise<void>;
  readonly load: () => Promise<TraceModule>;
}

/** Traces requests, and shows each as a read-only document, rendered. */
export class Requests implements TextDocumentContentProvider {
  readonly #parts: RequestsParts;
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new EventEmitter<Uri>());
  readonly #texts = new Map<string, string>();

  readonly onDidChange = this.#changed.event;

  constructor(parts: RequestsParts) {
    this.#parts = parts;
    this.#store.add(workspace.registerTextDocumentContentProvider(requestScheme, this));
    this.#store.add(commands.registerCommand(commandIds.traceRequest, (given: unknown, zone: unknown) => parts.guard.run(() => this.#trace(textOf(given), textOf(zone)))));
  }

  provideTextDocumentContent(uri: Uri): string {
    return this.#texts.get(uri.toString()) ?? 'This was traced in a window that is closed. Trace it again with "Caracal: Trace Request…".\n';
  }

  dispose(): void {
    this.#store.dispose();
  }

  /**
   * @param given an id, or anything that tells of a request; without it the user is asked
   * @param zone instead of the picked one
   */
  async #trace(given: string | undefined, zone: string | undefined): Promise<void> {
    const { session, engine, load, traced, restore } = this.#parts;
    if (session.target === undefined) await restore();
    if (session.target === undefined) await commands.executeCommand(commandIds.pickTarget);
    const { target, state } = session;
    if (target === undefined) return;
    const module = await load();
    const { capture, traceRequest } = module;
    const pasted = given ?? (await ask(module, engine));
    if (pasted === undefined) return;
    const result = capture(pasted);
    if (result.kind === 'nothing') throw new Error(`Cannot trace this: ${result.why}`);
    const { captured } = result;
    const stop = new AbortController();
    const tooLate = new Error(`Cannot trace the request: no answer in ${tracedWithinMs / 1_000} s. Run the Storage step to see what Postgres does.`);
    const within = (): NodeJS.Timeout => setTimeout(() => stop.abort(tooLate), tracedWithinMs);
    let deadline = within();
    const asked = async <Answer>(question: () => Promise<Answer | undefined>): Promise<Answer | undefined> => {
      // Nobody is asked to answer in a given time.
      clearTimeout(deadline);
      const answer = await question();
      deadline = within();
      if (answer === undefined) stop.abort();
      return session.target === target ? answer : undefined;
    };
    const mayAskApi = async (call: string): Promise<boolean> => (await asked(async () => (await agreesToAsk(target.target.name, engine.redactor.text(call))) || undefined)) === true;
    const whichZone = (): Promise<string | undefined> => asked(async () => {
      await commands.executeCommand(commandIds.pickZone);
      return session.state.zone;
    });
    try {
      const { title, markdown, requestId } = await window.withProgress({ location: ProgressLocation.Window, title: `Tracing ${captured.what}` }, () => traceRequest({ target, zone: zone ?? state.zone, captured, mayAskApi, whichZone, redactor: engine.redactor, signal: stop.signal }));
      // What another target answered belongs to nobody any more.
      if (session.target !== target) return;
      const id = requestId ?? captured.approvalId;
      if (id !== undefined) await traced.add(target.id, { id, title, at: Date.now() });
      await this.#show(title, markdown);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      // Whoever declined knows it.
      if (stop.signal.reason === tooLate) throw tooLate;
    } finally {
      clearTimeout(deadline);
    }
  }

  async #show(title: string, markdown: string): Promise<void> {
    const uri = Uri.from({ scheme: requestScheme, path: `/${title.replaceAll('/', '∕')}.md` });
    this.#texts.set(uri.toString(), markdown);
    for (const oldest of [...this.#texts.keys()].slice(0, -mostKept)) this.#texts.delete(oldest);
    this.#changed.fire(uri);
    await commands.executeCommand('markdown.showPreview', uri);
  }
}

/** Without Postgres nobody knows whether the admin token is live, and the API writes down each call that it refuses. */
export async function agreesToAsk(target: string, call: string): Promise<boolean> {
  const detail = [
    'This reads the audit with the admin token of the target, in a few calls:', call, '',
    'If the API refuses them, Caracal writes one row for each to its admin audit. If it answers, Caracal notes when the token was last used. Nothing else changes.',
  ].join('\n');
  const ask = 'Ask the API';
  return (await window.showWarningMessage(`Ask the API of ${target}?`, { modal: true, detail }, ask)) === ask;
}

function textOf(given: unknown): string | undefined {
  return typeof given === 'string' ? given : undefined;
}

/** What the user pastes; what is at hand is proposed. */
async function ask({ capture, proposalFrom }: TraceModule, engine: Engine): Promise<string | undefined> {
  const proposed = proposalFrom(await atHand(), engine.redactor);
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
  });  return given === proposed?.shown ? proposed?.text : given;
}
