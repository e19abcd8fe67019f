import { ConfigurationTarget, commands, env, window, workspace } from 'vscode';
import type { LocatedTarget } from '../targets/located.ts';
import { agreesToAsk } from './askAnyway.ts';
import type { CheckPages } from './checkPages.ts';
import { commandIds, flowViewId, internalCommandIds } from './commandIds.ts';
import type { FlowCommandId } from './commandIds.ts';
import type { ContextKeys } from './contextKeys.ts';
import type { Engine } from './engineSlot.ts';
import type { Scope } from './flowState.ts';
import type { FlowSession } from './flowSession.ts';
import type { FlowView } from './flowView.ts';
import type { Guard } from './guard.ts';
import type { HelmValues } from './helmValues.ts';
import type { KnownTargets } from './knownTargets.ts';
import { DisposableStore } from './lifecycle.ts';
import type { Log } from './log.ts';
import type { ObservationDocuments } from './observationDocument.ts';
import type { ObserverDocuments } from './observerDocuments.ts';
import type { FlowNode } from './flowNode.ts';
import { pickTarget } from './targetPicker.ts';
import type { Triage } from './triage/triage.ts';
import type { Watch } from './watch.ts';
import { pickZone } from './zonePicker.ts';

export interface FlowCommandsParts {
  readonly engine: Engine;
  readonly session: FlowSession;
  readonly view: FlowView;
  readonly known: KnownTargets;
  readonly documents: ObservationDocuments;
  readonly observer: ObserverDocuments;
  readonly pages: CheckPages;
  readonly log: Log;
  readonly contextKeys: ContextKeys;
  readonly watch: Watch;
  readonly helm: HelmValues;
  readonly guard: Guard;
  /** Loads the triage, a file of its own, and makes it. */
  readonly loadTriage: (useZone: (target: LocatedTarget, zone: string | undefined) => Promise<void>) => Promise<Triage>;
}

/** Argument of the key bindings in the manifest: the command is about the row that has the focus. */
const focusedRow = 'focused row';

type Handler = (nodeId: string | undefined) => Promise<void> | void;

/** What each command does. A row's command comes with the id of its node; from the palette the selected row counts. */
export class FlowCommands {
  readonly #parts: FlowCommandsParts;
  readonly #store = new DisposableStore();
  #restored: Promise<void> | undefined;
  #triage: Promise<Triage> | undefined;

  constructor(parts: FlowCommandsParts) {
    this.#parts = parts;
    const { guard } = parts;
    const handlers: Readonly<Record<FlowCommandId, Handler>> = {
      [commandIds.runAll]: () => this.#run({}),
      [commandIds.runAgain]: (id) => this.#runAgain(this.#node(id)),
      [commandIds.runCheck]: (id) => this.#run(this.#node(id)?.scope ?? {}),
      [commandIds.stop]: (id) => this.#parts.session.stop(id === undefined ? {} : this.#node(id)?.scope),
      [commandIds.pickTarget]: () => this.#pickTarget(),
      [commandIds.pickZone]: () => this.#pickZone(),
      [commandIds.triageSymptom]: () => this.#triageSymptom(),
      [commandIds.addTarget]: () => this.#addTarget(),
      [commandIds.lookAgain]: () => this.restore(),
      [commandIds.watch]: () => this.#parts.watch.start(),
      [commandIds.stopWatching]: () => this.#parts.watch.stop(),
      [commandIds.compareHelmValues]: () => this.#compareHelmValues(),
      [commandIds.showReport]: () => this.#parts.documents.showReport(),
      [commandIds.showLog]: () => this.#parts.log.show(),
      [commandIds.showObservations]: (id) => this.#showObservations(id),
      [commandIds.askAnyway]: (id) => this.#askAnyway(this.#node(id)?.check),
      [commandIds.explainCheck]: (id) => this.#explain(this.#node(id)?.check),
      [commandIds.showObserverRole]: () => this.#parts.observer.show('role'),
      [commandIds.showObserverUser]: () => this.#parts.observer.show('user'),
      [commandIds.copySummary]: (id) => this.#copy(id, (node) => `${this.#path(node)}: ${node.description}`),
      [commandIds.copyJson]: (id) => this.#copy(id, (node) => JSON.stringify(this.#record(node), undefined, 2)),
      [commandIds.copyCheckId]: (id) => this.#copy(id, (node) => node.check),
      [commandIds.collapseAll]: () => this.#collapseAll(),
      [internalCommandIds.open]: (id) => this.#open(id),
      [internalCommandIds.showInTree]: (check) => (check === undefined ? undefined : this.#parts.view.reveal(check)),
    };
    for (const [id, handler] of Object.entries(handlers)) {
      this.#store.add(
        commands.registerCommand(id, (from: unknown) => guard.run(async () => handler(await this.#nodeIdOf(from)))),
      );
    }
  }

  /** For whoever needs a target first. Once it was restored, the user alone changes it. */
  restoreOnce(): Promise<void> {
    return (this.#restored ??= this.restore());
  }

  /** Picks what this workspace had picked, or the only deployment that there is. */
  async restore(): Promise<void> {
    const { session, known, contextKeys, guard } = this.#parts;
    contextKeys.set('caracal.empty', 'looking');
    await guard.run(async () => {
      const [{ located, anyFound }] = await window.withProgress({ location: { viewId: flowViewId } }, () =>
        Promise.all([known.restore(), session.loadChecks()]),
      );
      contextKeys.set('caracal.empty', anyFound ? 'nothing-picked' : 'nothing-found');
      // Something may have been picked by hand while this looked.
      if (located && !session.target) this.#use(located);
    });
  }

  dispose(): void {
    this.#store.dispose();
  }

  /** A row passes the id of its node; the keys of the manifest pass a word, because VS Code passes them nothing. */
  async #nodeIdOf(from: unknown): Promise<string | undefined> {
    if (from === focusedRow) return this.#parts.view.focused();
    return typeof from === 'string' ? from : undefined;
  }

  async #run(scope: Scope, askUnproven = false): Promise<void> {
    const { session } = this.#parts;
    if (!session.target) await this.#pickTarget();
    if (!session.target) return;
    await window.withProgress({ location: { viewId: flowViewId } }, () => session.run(scope, askUnproven));
  }

  async #askAnyway(check: string | undefined): Promise<void> {
    const { engine, session } = this.#parts;
    if (check !== undefined && (await agreesToAsk(engine, session, check))) await this.#run({ check }, true);
  }

  async #runAgain(node: FlowNode | undefined): Promise<void> {
    const { target, state: { symptom } } = this.#parts.session;
    if (node?.kind === 'symptom' && symptom && target) await (await this.#loadTriage()).again(target, symptom);
    else await this.#run(node?.scope ?? {});
  }

  async #triageSymptom(): Promise<void> {
    const { session } = this.#parts;
    if (!session.target) await this.#pickTarget();
    if (session.target) await (await this.#loadTriage()).start(session.target);
  }

  #loadTriage(): Promise<Triage> {
    return (this.#triage ??= this.#parts.loadTriage((target, zone) => this.#useZone(target, zone)));
  }

  async #compareHelmValues(): Promise<void> {
    const { helm, session } = this.#parts;
    const located = session.target;
    if (located?.target.kind !== 'kubernetes') throw new Error('Cannot compare values: the target is no Helm release. Pick one with "Caracal: Pick Target…".');
    const { target } = located;
    await helm.compare({ ...located, target });
  }

  async #explain(id: string | undefined): Promise<void> {
    const { pages, session } = this.#parts;
    const check = session.state.checks.find((head) => head.id === id);
    if (check) await pages.show(check);
  }

  /** A click: runs what was never run or is old, and opens the row, because a row with a command does not open itself. */
  async #open(id: string | undefined): Promise<void> {
    const node = this.#node(id);
    if (!node?.scope) return;
    await Promise.all([this.#parts.view.expand(node.id), this.#run(node.scope)]);
  }

  async #showObservations(id: string | undefined): Promise<void> {
    const { documents, session } = this.#parts;
    const node = this.#node(id);
    if (node?.check === undefined) return;
    await documents.showObservations(node.check);
    if (session.isStale(node.check)) await this.#run({ check: node.check });
  }

  async #pickTarget(): Promise<void> {
    const { known, session } = this.#parts;
    const picked = await pickTarget(known, session.target?.id);
    if (picked?.kind === 'add') await this.#addTarget();
    if (picked?.kind !== 'target') return;
    this.#use(picked.located);
    await known.remember(picked.located);
  }

  #use(located: LocatedTarget): void {
    const { session, known } = this.#parts;
    session.use(located, known.zone(located));
  }

  async #addTarget(): Promise<void> {
    const { known } = this.#parts;
    const chosen = await window.showOpenDialog({ title: 'Add a target file', openLabel: 'Add Target', filters: { 'Target file': ['json'] } });
    const file = chosen?.[0]?.fsPath;
    if (file === undefined) return;
    const located = await known.read(file);
    const files = known.files();
    if (!files.includes(file)) {
      await workspace.getConfiguration('caracal').update('targets', [...files, file], ConfigurationTarget.Global);
    }
    this.#use(located);
    await known.remember(located);
  }

  async #pickZone(): Promise<void> {
    const { session, engine } = this.#parts;
    const { target } = session;
    if (!target) return;
    const picked = await pickZone(engine, target, session.state.zone);
    // The picker may have been open while another target was picked.
    if (!picked || session.target !== target) return;
    await this.#useZone(target, picked.zone);
  }

  async #useZone(target: LocatedTarget, zone: string | undefined): Promise<void> {
    const { known, session } = this.#parts;
    await known.rememberZone(target, zone);
    session.useZone(zone);
  }

  async #collapseAll(): Promise<void> {
    await commands.executeCommand(`${flowViewId}.focus`);
    await commands.executeCommand('list.collapseAll');
  }

  #node(id: string | undefined): FlowNode | undefined {
    return this.#parts.view.node(id);
  }

  async #copy(id: string | undefined, text: (node: FlowNode) => string | undefined): Promise<void> {
    const node = this.#node(id);
    const copied = node && text(node);
    if (copied !== undefined) await env.clipboard.writeText(this.#parts.engine.redactor.text(copied));
  }

  #path(node: FlowNode): string {
    const verdict = node.check === undefined ? undefined : this.#parts.session.state.answers.get(node.check)?.verdict;
    return verdict ? `${verdict.component} › ${verdict.title}` : node.label;
  }

  /** A verdict with its observations, or the verdicts of all checks in a row's scope. */
  #record(node: FlowNode): unknown {
    return this.#parts.session.record(node.check === undefined ? (node.scope ?? {}) : { check: node.check });
  }
}
