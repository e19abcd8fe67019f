import { EventEmitter, ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState, commands, env, window } from 'vscode';
import type { TreeDataProvider, TreeView } from 'vscode';
import { commandIds, requestsViewId } from '../commandIds.ts';
import type { ContextKeys } from '../contextKeys.ts';
import type { Engine } from '../engineSlot.ts';
import type { FlowSession } from '../flowSession.ts';
import type { Guard } from '../guard.ts';
import { DisposableStore } from '../lifecycle.ts';
import { problemText } from '../problem.ts';
import { newerCalls, requestRows } from './requestRows.ts';
import type { Listing, Obstacle, RequestRow } from './requestRows.ts';
import { agreesToAsk } from './requests.ts';
import type { TraceModule } from './requests.ts';
import type { TracedRequests } from './tracedRequests.ts';

/** Postgres answers in some milliseconds; what takes longer than this is not waited for. */
const listedWithinMs = 20_000;
/** The pace while somebody looks: as fast as this after something new, half as fast after each look that brought nothing, down to the slowest. */
const fastestMs = 5_000;
const slowestMs = 60_000;

export interface RequestsViewParts {
  readonly session: FlowSession;
  readonly engine: Engine;
  readonly guard: Guard;
  readonly contextKeys: ContextKeys;
  readonly traced: TracedRequests;
  readonly load: () => Promise<TraceModule>;
  /** Called when VS Code asks for the content of the view for the first time. */
  readonly firstShown: () => void;
}

/**
 * The Requests view: calls of the last hour that did not go as asked, and what was traced before. It reads while somebody
 * can see it, and never by the API without consent. Its elements are the ids of rows.
 */
export class RequestsView implements TreeDataProvider<string> {
  readonly #parts: RequestsViewParts;
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new EventEmitter<void>());
  readonly #view: TreeView<string>;
  #listing: Listing = { kind: 'reading' };
  /** What was read since and is not shown, because the user has a row selected and rows may not move under the hand. */
  #newer: Listing | undefined;
  #roots: readonly RequestRow[] = [];
  #count = '';
  #rows: ReadonlyMap<string, RequestRow> = new Map();
  /** Whose calls are shown: of a target and a zone. */
  #of: string | undefined;
  #reading: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = fastestMs;
  #wasShown = false;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(parts: RequestsViewParts) {
    this.#parts = parts;
    const { session, traced, guard } = parts;
    this.#view = this.#store.add(window.createTreeView(requestsViewId, { treeDataProvider: this }));
    const handlers: Readonly<Record<string, (row: string | undefined) => Promise<void> | void>> = {
      [commandIds.refreshRequests]: () => this.#look(true),
      [commandIds.traceThisRequest]: (row) => this.#trace(this.#row(row)?.traces),
      [commandIds.copyRequestId]: (row) => this.#copy(this.#row(row)?.traces),
    };
    for (const [id, handler] of Object.entries(handlers)) {
      this.#store.add(commands.registerCommand(id, (from: unknown) => guard.run(() => handler(typeof from === 'string' ? from : undefined))));
    }
    this.#store.add(session.onDidChange(() => this.#targetChanged()));
    this.#store.add(traced.onDidChange(() => this.#draw()));
    this.#store.add(this.#view.onDidChangeVisibility(() => this.#visibilityChanged()));
    this.#targetChanged();
  }

  getChildren(id?: string): string[] {
    if (!this.#wasShown) {
      this.#wasShown = true;
      this.#parts.firstShown();
    }
    return (id === undefined ? this.#roots : (this.#rows.get(id)?.children ?? [])).map((row) => row.id);
  }

  getTreeItem(id: string): TreeItem {
    const row = this.#rows.get(id);
    // VS Code may still ask for a row that has just gone.
    if (row === undefined) return new TreeItem('');
    const item = new TreeItem(row.label, row.children.length > 0 ? TreeItemCollapsibleState.Collapsed : TreeItemCollapsibleState.None);
    item.id = `${this.#of ?? ''}/${id}`;
    item.description = row.description;
    item.tooltip = row.tooltip;
    item.accessibilityInformation = { label: row.spoken };
    if (row.icon) item.iconPath = new ThemeIcon(row.icon.id, row.icon.color === undefined ? undefined : new ThemeColor(row.icon.color));
    if (row.traces !== undefined) item.contextValue = 'request';
    if (row.command) item.command = { command: row.command.id, title: row.command.title, ...(row.traces === undefined ? {} : { arguments: [row.traces] }) };
    return item;
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#reading?.abort();
    this.#store.dispose();
  }

  #row(id: string | undefined): RequestRow | undefined {
    const wanted = id ?? this.#view.selection[0];
    return wanted === undefined ? undefined : this.#rows.get(wanted);
  }

  async #trace(id: string | undefined): Promise<void> {
    if (id !== undefined) await commands.executeCommand(commandIds.traceRequest, id);
  }

  async #copy(id: string | undefined): Promise<void> {
    if (id !== undefined) await env.clipboard.writeText(id);
  }

  /** Another target or zone empties the view at once: not one more row of the old one may be drawn. */
  #targetChanged(): void {
    const { target, zone } = this.#parts.session.state;
    const of = target === undefined ? '' : `${target.id}/${zone ?? ''}`;
    if (of === this.#of) return;
    this.#of = of;
    this.#stop();
    this.#show(target === undefined ? { kind: 'cannot', obstacle: 'target', why: '' } : { kind: 'reading' });
    void this.#look(false);
  }

  #visibilityChanged(): void {
    this.#stop();
    if (!this.#view.visible) return;
    // Whoever opens the view again has nothing under the hand.
    if (this.#newer !== undefined) this.#show(this.#newer);
    void this.#look(false);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#reading?.abort();
    this.#reading = undefined;
    this.#waitMs = fastestMs;
  }

  /** @param isAsked the user wants it now, and may be asked in turn */
  async #look(isAsked: boolean): Promise<void> {
    const isOfApi = this.#listing.kind === 'calls' && this.#listing.askedAt !== undefined;
    if (this.#parts.session.target === undefined || (!isAsked && (!this.#view.visible || isOfApi))) return;
    clearTimeout(this.#timer);
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    const read = (): Promise<Listing | undefined> => this.#read(reading, isAsked);
    const isSeen = isAsked || this.#listing.kind === 'reading';
    const listing = await (isSeen ? window.withProgress({ location: { viewId: requestsViewId } }, read) : read());
    if (this.#reading !== reading) return;
    this.#reading = undefined;
    if (listing !== undefined) this.#take(listing, isAsked);
    this.#schedule();
  }

  /** Undefined where it was stopped, or the user declined. */
  async #read(reading: AbortController, isAsked: boolean): Promise<Listing | undefined> {
    const { session, engine, load } = this.#parts;
    const { target, state } = session;
    if (target === undefined) return undefined;
    const { recentCalls, noAccess } = await load();
    const tooLate = new Error(`no answer in ${listedWithinMs / 1_000} s`);
    const within = (): NodeJS.Timeout => setTimeout(() => reading.abort(tooLate), listedWithinMs);
    let deadline = within();
    let [obstacle, askedAt]: [Obstacle, number | undefined] = ['problem', undefined];
    const mayAskApi = async (call: string): Promise<boolean> => {
      if (!isAsked) obstacle = 'consent';
      // Nobody is asked to answer in a given time.
      clearTimeout(deadline);
      const agreed = isAsked && (await agreesToAsk(target.target.name, engine.redactor.text(call)));
      deadline = within();
      if (isAsked && !agreed) reading.abort();
      askedAt = Date.now();
      return agreed;
    };
    const whichZone = (): Promise<undefined> => {
      obstacle = 'zone';
      return Promise.resolve(undefined);
    };
    try {
      const recent = await recentCalls({ target, zone: state.zone, mayAskApi, whichZone, redactor: engine.redactor, signal: reading.signal });
      return { kind: 'calls', recent, askedAt };
    } catch (error) {
      if (reading.signal.aborted && reading.signal.reason !== tooLate) return undefined;
      if (error instanceof Error && error.message === noAccess) obstacle = 'access';
      return { kind: 'cannot', obstacle, why: engine.redactor.text(problemText(reading.signal.aborted ? tooLate : error)) };
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Rows do not move under the hand: what is newer than a list of which a row is selected waits until the user asks for it. */
  #take(listing: Listing, isAsked: boolean): void {
    const waits = !isAsked && this.#view.selection.some((id) => this.#rows.get(id)?.traces !== undefined) && this.#listing.kind === 'calls' && listing.kind === 'calls';
    const isNew = newerCalls(this.#newer ?? this.#listing, listing) > 0;
    this.#waitMs = isNew ? fastestMs : Math.min(this.#waitMs * 2, slowestMs);
    if (!waits) return this.#show(listing);
    const newer = newerCalls(this.#listing, listing);
    if (newer === 0) return;
    this.#newer = listing;
    this.#view.description = `${newer} newer · ${this.#count}`;
  }

  /** What only the user can change is not looked at again. */
  #schedule(): void {
    const listing = this.#listing;
    const canChange = listing.kind === 'calls' ? listing.askedAt === undefined : listing.kind === 'cannot' && listing.obstacle === 'problem';
    if (canChange && this.#view.visible) this.#timer = setTimeout(() => void this.#look(false), this.#waitMs);
  }

  #show(listing: Listing): void {
    this.#listing = listing;
    this.#newer = undefined;
    this.#draw();
    this.#view.description = this.#count;
  }

  #draw(): void {
    const { session, traced, contextKeys } = this.#parts;
    const before = JSON.stringify(this.#roots);
    const { roots, empty, count } = requestRows(this.#listing, session.target === undefined ? [] : traced.of(session.target.id), Date.now());
    this.#roots = roots;
    this.#count = count;
    this.#rows = new Map(roots.flatMap((root) => [root, ...root.children]).map((row) => [row.id, row]));
    contextKeys.set('caracal.requests', empty);
    if (JSON.stringify(roots) !== before) this.#changed.fire();
  }
}
