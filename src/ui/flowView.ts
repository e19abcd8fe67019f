import {
  EventEmitter,
  MarkdownString,
  ThemeColor,
  ThemeIcon,
  TreeItem,
  TreeItemCollapsibleState,
  commands,
  window,
  workspace,
} from 'vscode';
import type { Command, TreeDataProvider, TreeView } from 'vscode';
import { commandIds, flowViewId, internalCommandIds } from './commandIds.ts';
import type { FlowSession } from './flowSession.ts';
import { DisposableStore } from './lifecycle.ts';
import { markedUri } from './marks.ts';
import { ancestors, changedNodes, checkNodeId, pathsToWrong, present } from './present.ts';
import type { FlowNode } from './flowNode.ts';
import type { Presentation } from './present.ts';
import { asMarkdown } from '../model/markdown.ts';
import { tooltipText } from './tooltip.ts';
import { kindTitles } from './words.ts';

/** Answers that arrive together are drawn together. Far below what a person can tell apart. */
const drawAfterMs = 25;

/** How often a row is revealed until it is the selected one, and how long each time VS Code may take to tell. */
const revealTries = 5;
const selectedWithinMs = 300;

/** Whether VS Code shows numbers at the right of rows. */
const badgesSetting = 'explorer.decorations.badges';

/** The message line changes at most this often during a run. */
const progressEveryMs = 1000;

/**
 * The Flow view. Its elements are the ids of nodes, so that a row is the same row for as long as it
 * exists. Each drawing compares the whole presentation with the last one and fires what differs.
 */
export class FlowView implements TreeDataProvider<string> {
  readonly #session: FlowSession;
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new EventEmitter<string | string[] | undefined>());
  readonly #view: TreeView<string>;
  readonly #firstShown: () => void;
  #shown: Presentation;
  #shownTarget: string | undefined;
  #wasShown = false;
  #drawTimer: NodeJS.Timeout | undefined;
  #ageTimer: NodeJS.Timeout | undefined;
  #messageTimer: NodeJS.Timeout | undefined;
  /** When the progress of a run was last told; 0 when none is going on. */
  #progressAt = 0;
  /** Targets whose failures were opened; from then on only the user expands and collapses. */
  readonly #openedTargets = new Set<string>();
  readonly #openedPaths = new Set<string>();
  /** Rows are opened one after the other: VS Code scrolls to each. */
  #opening = Promise.resolve();

  readonly onDidChangeTreeData = this.#changed.event;

  /** @param firstShown Called when VS Code asks for the content of the view for the first time. */
  constructor(session: FlowSession, firstShown: () => void) {
    this.#session = session;
    this.#firstShown = firstShown;
    this.#shown = this.#present();
    this.#view = this.#store.add(window.createTreeView(flowViewId, { treeDataProvider: this }));
    this.#store.add(session.onDidChange(() => this.#drawSoon()));
    this.#store.add(this.#view.onDidChangeVisibility(() => this.#draw()));
    this.#store.add(workspace.onDidChangeConfiguration((change) => change.affectsConfiguration(badgesSetting) && this.#draw()));
    this.#drawHead();
  }

  /** The node of a row, or of the selected row when a command came without one. */
  node(id: string | undefined): FlowNode | undefined {
    const wanted = id ?? this.#view.selection[0];
    return wanted === undefined ? undefined : this.#shown.nodes.get(wanted);
  }

  /**
   * The row that has the focus of the keyboard, which becomes the selected one. VS Code tells only
   * which rows are selected; what changes when the focused one is toggled is the focused one.
   */
  async focused(): Promise<string | undefined> {
    const before = this.#view.selection;
    await commands.executeCommand('list.toggleSelection');
    const after = this.#view.selection;
    const focused = after.find((id) => !before.includes(id)) ?? before.find((id) => !after.includes(id));
    if (focused !== undefined) await this.#view.reveal(focused, { select: true, focus: true });
    return focused;
  }

  /** Fires when somebody can see it, or no longer can. */
  get onDidChangeVisibility(): TreeView<string>['onDidChangeVisibility'] {
    return this.#view.onDidChangeVisibility;
  }

  /** False as well while nobody can see it. */
  get visible(): boolean {
    return this.#view.visible;
  }

  /** Selects the row of a check and opens the rows above it. */
  async reveal(check: string): Promise<void> {
    const { target, checks } = this.#session.state;
    const head = checks.find(({ id }) => id === check);
    if (target && head) await this.revealRow(checkNodeId(target.id, head));
  }

  /** Selects a row and opens the rows above it; false where there is no such row. */
  async revealRow(id: string): Promise<boolean> {
    // Answers that are known and not drawn yet may put the row elsewhere, and open others that would scroll it away.
    this.#draw();
    await this.#opening;
    // VS Code does nothing, and says so to nobody, for a row that it is just reading again.
    for (let tries = 0; tries < revealTries && this.#shown.nodes.has(id); tries += 1) {
      await this.#view.reveal(id, { select: true, focus: true });
      if (await this.#isSelected(id)) break;
    }
    return this.#shown.nodes.has(id);
  }

  /** Whether a row is the selected one, or becomes it in the time that VS Code takes to tell so. */
  #isSelected(id: string): Promise<boolean> {
    if (this.#view.selection[0] === id) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (selected: boolean): void => {
        clearTimeout(timer);
        listening.dispose();
        resolve(selected);
      };
      const timer = setTimeout(() => end(false), selectedWithinMs);
      const listening = this.#view.onDidChangeSelection(({ selection }) => {
        if (selection[0] === id) end(true);
      });
    });
  }

  async expand(id: string): Promise<void> {
    if (!this.#shown.nodes.has(id)) return;
    try {
      await this.#view.reveal(id, { select: false, focus: false, expand: true });
    } catch (error) {
      // Another target may have been picked while VS Code was opening the way to this row.
      if (this.#shown.nodes.has(id)) throw error;
    }
  }

  getChildren(id?: string): string[] {
    if (!this.#wasShown) {
      this.#wasShown = true;
      this.#firstShown();
    }
    return [...(id === undefined ? this.#shown.roots : (this.#shown.nodes.get(id)?.children ?? []))];
  }

  getParent(id: string): string | undefined {
    return this.#shown.nodes.get(id)?.parent;
  }

  getTreeItem(id: string): TreeItem {
    const node = this.#shown.nodes.get(id);
    // VS Code may still ask for a row that has just gone.
    if (!node) return new TreeItem('');
    const item = new TreeItem(
      node.label,
      node.children.length > 0 ? TreeItemCollapsibleState.Collapsed : TreeItemCollapsibleState.None,
    );
    item.id = node.id;
    item.description = node.description;
    item.contextValue = node.contextValue;
    item.accessibilityInformation = { label: node.accessibilityLabel };
    if (node.decoration) item.resourceUri = markedUri(node.id, node.decoration);
    if (node.icon) item.iconPath = new ThemeIcon(node.icon.id, node.icon.color === undefined ? undefined : new ThemeColor(node.icon.color));
    const command = commandOf(node);
    if (command) item.command = command;
    return item;
  }

  resolveTreeItem(item: TreeItem, id: string): TreeItem {
    const node = this.#shown.nodes.get(id);
    if (node) item.tooltip = this.#tooltip(node);
    return item;
  }

  dispose(): void {
    clearTimeout(this.#drawTimer);
    clearTimeout(this.#ageTimer);
    clearTimeout(this.#messageTimer);
    this.#store.dispose();
  }

  #present(): Presentation {
    return present(this.#session.state, Date.now(), workspace.getConfiguration().get(badgesSetting, true));
  }

  #drawSoon(): void {
    // Another target empties the view at once: not one more row of the old one may be drawn.
    if (this.#session.state.target?.id !== this.#shownTarget) this.#draw();
    else this.#drawTimer ??= setTimeout(() => this.#draw(), drawAfterMs);
  }

  #draw(): void {
    clearTimeout(this.#drawTimer);
    this.#drawTimer = undefined;
    const before = this.#shown;
    const { state } = this.#session;
    this.#shown = this.#present();
    const rootsDiffer = before.roots.join('\n') !== this.#shown.roots.join('\n');
    this.#shownTarget = state.target?.id;
    const changed = changedNodes(before, this.#shown);
    if (rootsDiffer) this.#changed.fire(undefined);
    else if (changed.length > 0) this.#changed.fire([...changed]);
    this.#drawHead();
    this.#scheduleAges();
    this.#openFailures();
  }

  /** Ages change without an answer. Nobody sees them in a hidden view. */
  #scheduleAges(): void {
    clearTimeout(this.#ageTimer);
    const { ageChangesIn } = this.#shown;
    if (ageChangesIn === undefined || !this.#view.visible) return;
    this.#ageTimer = setTimeout(() => this.#drawAges(), ageChangesIn);
  }

  #drawAges(): void {
    const before = this.#shown;
    this.#shown = this.#present();
    // Only roots fire: VS Code asks again for the open rows below them.
    const roots = new Set(changedNodes(before, this.#shown).map((id) => ancestors(this.#shown, id)[0]?.id ?? id));
    if (roots.size > 0) this.#changed.fire([...roots]);
    this.#scheduleAges();
  }

  #drawHead(): void {
    const { state, standing, target } = this.#session;
    const description = target ? [target.target.name, kindTitles[target.target.kind], ...(state.watch ? ['watching'] : [])].join(' · ') : '';
    if (this.#view.description !== description) this.#view.description = description;
    if (this.#view.badge?.value !== standing.badge?.value || this.#view.badge?.tooltip !== standing.badge?.tooltip) this.#view.badge = standing.badge;
    this.#drawMessage(state.running.size > 0);
  }

  /** The progress of a run is told once a second; how it begins and ends is told at once. */
  #drawMessage(running: boolean): void {
    clearTimeout(this.#messageTimer);
    // Empty, not absent: an empty one lets VS Code show the welcome text of an empty view.
    const message = this.#session.standing.message ?? '';
    if (this.#view.message === message) return;
    const wait = this.#progressAt + progressEveryMs - Date.now();
    if (running && wait > 0) {
      this.#messageTimer = setTimeout(() => this.#drawMessage(true), wait);
      return;
    }
    this.#progressAt = running ? Date.now() : 0;
    this.#view.message = message;
  }

  /** Opens the way to what is wrong in the first run in which something is, once per target. */
  #openFailures(): void {
    const { state } = this.#session;
    const target = state.target?.id;
    // A triage shows the way to one failure, and who stops a run wants nothing to open.
    if (state.triage !== undefined || (state.running.size === 0 && state.ended !== 'complete')) return;
    if (target === undefined || this.#openedTargets.has(target) || !this.#view.visible) return;
    const paths = pathsToWrong(this.#shown, state).filter((id) => !this.#openedPaths.has(id));
    for (const id of paths) this.#openedPaths.add(id);
    if (state.running.size === 0 && this.#openedPaths.size > 0) {
      this.#openedTargets.add(target);
      this.#openedPaths.clear();
    }
    // The last one opened is the one in sight: the first failure.
    this.#opening = paths.reduceRight((before, id) => before.then(() => this.expand(id)), this.#opening);
  }

  #tooltip(node: FlowNode): MarkdownString {
    const tooltip = new MarkdownString();
    tooltip.isTrusted = { enabledCommands: [commandIds.explainCheck, commandIds.showObservations] };
    tooltip.appendMarkdown(tooltipText(node, this.#session).map(asMarkdown).join('\n\n'));
    if (node.kind === 'check') {
      const link = (title: string, id: string): string => `[${title}](command:${id}?${encodeURIComponent(JSON.stringify([node.id]))})`;
      tooltip.appendMarkdown(`\n\n${node.check ?? ''} · ${link('Explain', commandIds.explainCheck)} · ${link('Observations', commandIds.showObservations)}`);
    }
    return tooltip;
  }
}

function commandOf(node: FlowNode): Command | undefined {
  if (node.opens === 'run') return { command: internalCommandIds.open, title: 'Run', arguments: [node.id] };
  if (node.opens === 'remedy') return { command: commandIds.showRemedy, title: 'Show Remedy', arguments: [node.cause] };
  if (node.opens === 'cause') return { command: commandIds.showCause, title: 'Show Cause', arguments: [node.cause] };
  if (node.opens === 'triage') return { command: commandIds.triageSymptom, title: 'Triage Symptom…' };
  if (node.opens === 'observations') return { command: commandIds.showObservations, title: 'Show Observations', arguments: [node.id] };
  return undefined;
}
