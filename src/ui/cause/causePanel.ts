import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Uri, ViewColumn, commands, env, window, workspace } from 'vscode';
import type { WebviewPanel } from 'vscode';
import type { Cause, Diagnosis } from '../../model/diagnosis.ts';
import type { Remedy } from '../../model/remedy.ts';
import { flowViewId, internalCommandIds } from '../commandIds.ts';
import type { Engine } from '../engineSlot.ts';
import type { FlowSession, SessionLog } from '../flowSession.ts';
import type { Guard } from '../guard.ts';
import { DisposableStore } from '../lifecycle.ts';
import type { ObservationDocuments } from '../observationDocument.ts';
import { panelHtml } from '../panelHtml.ts';
import type { Toasts } from '../toasts.ts';
import type { FromCausePage, ToCausePage } from './causeMessages.ts';
import { causeStory } from './causeStory.ts';
import type { CauseStoryInput, Recorded } from './causeStory.ts';
import { orderText } from './orderText.ts';
import { checksAfter } from './remedyEffect.ts';
import type { RemedyModule } from './remedyModule.ts';
import { RemedyRuns } from './remedyRuns.ts';

const panelType = 'caracal.cause';

/** A part of the panel that it can be opened at. */
export type CausePlace = 'beginning' | 'remedy';

export interface CausePanelParts {
  readonly session: FlowSession;
  readonly engine: Engine;
  readonly guard: Guard;
  readonly log: SessionLog;
  readonly documents: ObservationDocuments;
  readonly remedies: RemedyModule;
  readonly extensionUri: Uri;
  readonly toasts: Toasts;
  /** Shows a text read-only; the focus stays where it is. */
  readonly showText: (title: string, text: string, column: ViewColumn) => Promise<void>;
}

/** A cause as it was when it was seen last, and what could be done about it. */
interface Shown {
  readonly target: string;
  readonly cause: Cause;
  readonly remedies: readonly Remedy[];
  /** Local clock, milliseconds. */
  readonly seenAt: number;
}

/** What was known at a diagnosis. The panel is drawn from it, so that a run that goes on does not flicker in it. */
type Known = Pick<CauseStoryInput, 'diagnosis' | 'checks' | 'verdicts' | 'recorded' | 'remedies'>;

/** The one panel of causes. It follows the session, and is opened again when it was closed. */
export class CausePanel {
  readonly #parts: CausePanelParts;
  readonly #store = new DisposableStore();
  readonly #runs: RemedyRuns;
  #panel: WebviewPanel | undefined;
  /** The page listens. */
  #isReady = false;
  #shown: Shown | undefined;
  #known: Known | undefined;
  /** What the page shows, as it was sent. */
  #sent = '';
  /** The page is to go on to the remedies. */
  #goesToRemedy = false;

  constructor(parts: CausePanelParts) {
    this.#parts = parts;
    this.#runs = this.#store.add(new RemedyRuns({
      session: parts.session, engine: parts.engine, remedies: parts.remedies, log: parts.log,
      confirm: async ({ message, detail, button }) => (await window.showWarningMessage(message, { modal: true, detail }, button)) === button,
      isTrusted: () => workspace.isTrusted,
      runChecks: (checks) => this.#runChecks(checks),
      pause: async (ms, signal) => sleep(ms, undefined, { signal }),
    }));
    this.#store.add(parts.session.onDidChange(() => {
      const { diagnosis, target } = parts.session.state;
      if (diagnosis !== this.#known?.diagnosis || target?.id !== this.#shown?.target) this.#draw();
    }));
    this.#store.add(this.#runs.onDidChange(() => this.#draw()));
    this.#store.add(workspace.onDidGrantWorkspaceTrust(() => this.#draw()));
  }

  /** Shows a cause of the diagnosis from its beginning or at what can be done about it, in the place of the one that was shown before. */
  show(cause: Cause, at: CausePlace = 'beginning'): void {
    const { target } = this.#parts.session.state;
    if (!target) return;
    this.#shown = { target: target.id, cause, remedies: [], seenAt: Date.now() };
    this.#known = undefined;
    this.#goesToRemedy = at === 'remedy';
    this.#panel ??= this.#open();
    this.#draw();
    this.#panel.reveal();
  }

  dispose(): void {
    this.#panel?.dispose();
    this.#store.dispose();
  }

  #open(): WebviewPanel {
    const { extensionUri, guard } = this.#parts;
    const media = Uri.joinPath(extensionUri, 'dist');
    const panel = window.createWebviewPanel(panelType, 'Cause', ViewColumn.Active, { enableFindWidget: true, enableScripts: true, localResourceRoots: [media] });
    const uriOf = (name: string): string => panel.webview.asWebviewUri(Uri.joinPath(media, name)).toString();
    const listening = panel.webview.onDidReceiveMessage((message: unknown) => void guard.run(() => this.#received(message)));
    panel.onDidDispose(() => {
      listening.dispose();
      this.#panel = undefined;
      this.#isReady = false;
    });
    panel.webview.html = panelHtml({ title: 'Cause', nonce: randomBytes(16).toString('base64'), cspSource: panel.webview.cspSource, script: uriOf('cause.js'), styles: uriOf('cause.css') });
    return panel;
  }

  /** Sends the page what it does not show yet. */
  #draw(): void {
    if (this.#panel === undefined || this.#shown === undefined) return;
    const message = this.#message(this.#shown);
    if (message.type === 'showStory') {
      const { tab, mark } = message.story;
      this.#panel.title = tab;
      const icon = (theme: string): Uri => Uri.joinPath(this.#parts.extensionUri, 'media', 'marks', `cause-${mark}-${theme}.svg`);
      this.#panel.iconPath = { light: icon('light'), dark: icon('dark') };
    }
    const text = JSON.stringify(message);
    if (!this.#isReady) return;
    if (text !== this.#sent) void this.#panel.webview.postMessage(message);
    this.#sent = text;
    if (this.#goesToRemedy) void this.#panel.webview.postMessage({ type: 'goToRemedy' } satisfies ToCausePage);
    this.#goesToRemedy = false;
  }

  #message(last: Shown): ToCausePage {
    const { session, engine } = this.#parts;
    const { target, diagnosis, causeNumbers } = session.state;
    if (target?.id !== last.target) return { type: 'showNothing', text: 'This cause belongs to a target that is no longer picked.' };
    if (diagnosis === undefined) return { type: 'showNothing', text: 'What was known is gone with the zone that was looked at. Run the flow to see whether this cause is still there.' };
    const known = this.#knownAt(diagnosis);
    const { cause, remedies, seenAt } = this.#shown ?? last;
    const statuses = remedies.flatMap(({ id }) => {
      const status = this.#runs.status(target.id, cause.id, id);
      return status ? [[id, status] as const] : [];
    });
    const story = causeStory({
      ...known, cause, seenAt,
      numbers: causeNumbers,
      remedies: new Map([...known.remedies, [cause.id, remedies]]),
      statuses: new Map(statuses),
      isBusy: this.#runs.isBusy,
      isTrusted: workspace.isTrusted,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    });
    return { type: 'showStory', story: engine.redactor.json(story) };
  }

  /** What a diagnosis rests on; the shown cause is then as that sees it. */
  #knownAt(diagnosis: Diagnosis): Known {
    if (this.#known?.diagnosis === diagnosis) return this.#known;
    const { checks, answers } = this.#parts.session.state;
    const remedies = new Map(diagnosis.causes.map((cause) => [cause.id, this.#remediesOf(cause)] as const));
    this.#known = { diagnosis, checks, remedies, recorded: this.#recorded(), verdicts: new Map([...answers].map(([check, { verdict }]) => [check, verdict])) };
    const cause = diagnosis.causes.find(({ id }) => id === this.#shown?.cause.id);
    if (cause && this.#shown) this.#shown = { ...this.#shown, cause, remedies: remedies.get(cause.id) ?? [], seenAt: Date.now() };
    return this.#known;
  }

  #remediesOf(cause: Cause): readonly Remedy[] {
    const { session, remedies } = this.#parts;
    const { target, state } = session;
    if (!target) return [];
    return remedies.remediesOf(cause, {
      target: target.target,
      verdicts: [...state.answers.values()].map(({ verdict }) => verdict),
      observations: state.checks.flatMap(({ id }) => session.evidence(id)),
      zone: state.zone ?? session.report?.zone ?? null,
    });
  }

  #recorded(): ReadonlyMap<string, Recorded> {
    const { session } = this.#parts;
    // An observation is in the records of many checks; the first one in the order of the flow is its own.
    return new Map(session.state.checks.toReversed().flatMap(({ id: check }) => session.evidence(check).map(({ id, question, at }) => [id, { check, of: question.of, at }] as const)));
  }

  async #runChecks(checks: readonly string[]): Promise<void> {
    await window.withProgress({ location: { viewId: flowViewId } }, () => this.#parts.session.run({ checks }));
  }

  async #received(message: unknown): Promise<void> {
    const known = fromPage(message);
    if (known !== undefined) await this.#answer(known);
  }

  async #answer(message: FromCausePage): Promise<void> {
    const { session, documents } = this.#parts;
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.#sent = '';
        this.#draw();
        break;
      case 'showRecord':
        await documents.showObservations(message.check, ViewColumn.Beside);
        break;
      case 'showInTree':
        await commands.executeCommand(internalCommandIds.showInTree, message.check);
        break;
      case 'showCause': {
        const cause = session.state.diagnosis?.causes.find(({ id }) => id === message.cause);
        if (cause) this.show(cause);
        break;
      }
      case 'showOrder':
        await this.#showOrder();
        break;
      case 'runCheck':
        if (session.state.checks.some(({ id }) => id === message.check)) await this.#runChecks([message.check]);
        break;
      case 'runRemedy':
        await this.#run(message.remedy);
        break;
      case 'runProof': {
        const remedy = this.#remedy(message.remedy);
        if (this.#shown && remedy) await this.#runChecks(checksAfter(remedy, this.#shown.cause));
        break;
      }
      case 'manageTrust':
        await commands.executeCommand('workbench.trust.manage');
        break;
      case 'copyCommand': {
        const remedy = this.#remedy(message.remedy);
        const text = message.place === null ? remedy?.dryRun : remedy?.commands[message.place];
        if (typeof text === 'string') await env.clipboard.writeText(this.#parts.engine.redactor.text(text));
        break;
      }
    }
  }

  async #showOrder(): Promise<void> {
    const { session, engine, showText } = this.#parts;
    const { diagnosis, causeNumbers } = session.state;
    if (diagnosis) await showText('Why this order', engine.redactor.text(orderText(diagnosis, causeNumbers)), ViewColumn.Beside);
  }

  #remedy(id: string): Remedy | undefined {
    return this.#shown?.remedies.find((remedy) => remedy.id === id);
  }

  async #run(id: string): Promise<void> {
    const remedy = this.#remedy(id);
    if (this.#shown === undefined || remedy === undefined) return;
    const { cause } = this.#shown;
    const ended = await this.#runs.run(cause, remedy);
    if (ended === undefined || this.#panel?.visible === true) return;
    // Not awaited: the remedy has ended, whenever the message is closed.
    void this.#parts.toasts.ended('remedy', this.#parts.engine.redactor.text(`${cause.title}, ${remedy.title}: ${ended}`), 'Show Cause').then((isWanted) => {
      if (!isWanted) return;
      this.#panel ??= this.#open();
      this.#draw();
      this.#panel.reveal();
    });
  }
}

/** A message as the page sends them; undefined for anything else. */
function fromPage(message: unknown): FromCausePage | undefined {
  if (typeof message !== 'object' || message === null || !('type' in message)) return undefined;
  const { type, check, cause, remedy, place } = message as Readonly<Record<string, unknown>>;
  switch (type) {
    case 'ready':
    case 'showOrder':
    case 'manageTrust':
      return { type };
    case 'showRecord':
    case 'showInTree':
    case 'runCheck':
      return typeof check === 'string' ? { type, check } : undefined;
    case 'showCause':
      return typeof cause === 'string' ? { type, cause } : undefined;
    case 'runRemedy':
    case 'runProof':
      return typeof remedy === 'string' ? { type, remedy } : undefined;
    case 'copyCommand':
      return typeof remedy === 'string' && (place === null || (typeof place === 'number' && Number.isSafeInteger(place))) ? { type, remedy, place } : undefined;
    default:
      return undefined;
  }
}
