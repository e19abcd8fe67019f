import '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import { LitElement, html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { FromPanel, PanelLogRow, PanelLogs, ToPanel } from '../trace/panelMessages.ts';
import type { Story, TimelineItem } from '../trace/story.ts';
import { factsOf } from './cells.ts';
import type { Asks } from './cells.ts';
import { firstChoice, itemOf, rowOf } from './choice.ts';
import type { LogsView } from './logsView.ts';
import './logsView.ts';
import { headOf, sectionsOf } from './storyView.ts';
import type { Folds } from './storyView.ts';
import { count, visible } from './text.ts';
import './timelineView.ts';
import { joinFacts, whenOf } from './timelineWords.ts';
import { Clock } from './times.ts';

/** Where the user is: it outlives a reload of the page. What is shown does not, the host sends it again. */
interface Kept {
  /** Of the host. */
  readonly subject?: unknown;
  /** Id of an event, and row in the log. */
  readonly item?: string | undefined;
  readonly row?: number | undefined;
  /** Pixels. */
  readonly storyTop?: number;
  readonly logTop?: number;
  /** Part of the panel that the story has, of 100. */
  readonly split?: number;
  readonly open?: readonly string[];
  readonly isTableOpen?: boolean;
}

declare function acquireVsCodeApi(): { postMessage(message: FromPanel): void; getState(): Kept | undefined; setState(state: Kept): void };

const host = acquireVsCodeApi();
const post = (message: FromPanel): void => host.postMessage(message);

const noLogs: PanelLogs = { summary: '', rows: 0, own: [], silent: [] };
const leastSplit = 25;
const mostSplit = 80;

/** The evidence of one request: the story, and the log beside it. */
class PanelView extends LitElement {
  #kept: Kept = host.getState() ?? {};
  #story: Story | undefined;
  #clock = new Clock('UTC');
  #standing: Extract<ToPanel, { type: 'showStanding' }> | undefined;
  #logs: PanelLogs | undefined;
  #record: Extract<ToPanel, { type: 'showLogRecord' }> | undefined;
  #late: ReadonlySet<string> = new Set();
  #announced = '';
  /** The user, or the first look, chose. */
  #hasChosen = this.#kept.item !== undefined || this.#kept.row !== undefined;
  /** What was shown when the page was reloaded is still to be scrolled to. */
  #isStoryBack = false;
  #isLogBack = false;
  #saving: ReturnType<typeof setTimeout> | undefined;
  /** Where the keyboard was in the story. */
  #storyFocus: HTMLElement | SVGElement | undefined;

  readonly #asks: Asks = {
    follow: (path) => post({ type: 'follow', path }),
    act: (action) => post({ type: 'act', action }),
    copy: (what) => post({ type: 'copy', what }),
  };

  readonly #folds: Folds = {
    isOpen: (name) => this.#kept.open?.includes(name) ?? false,
    toggle: (name) => {
      const open = this.#kept.open ?? [];
      this.#keep({ open: open.includes(name) ? open.filter((each) => each !== name) : [...open, name] });
    },
  };

  override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('message', ({ data }: MessageEvent<ToPanel>) => this.#hear(data));
    window.addEventListener('pagehide', () => this.#save());
    document.addEventListener('keydown', (event) => this.#key(event));
    post({ type: 'ready' });
  }

  #hear(message: ToPanel): void {
    switch (message.type) {
      case 'keepSubject':
        this.#remember({ subject: message.subject });
        return;
      case 'showStory':
        this.#show(message.story, message.timeZone);
        break;
      case 'showStanding':
        this.#standing = message;
        break;
      case 'showLogs':
        this.#logs = message.logs;
        this.#lookFirst();
        break;
      case 'showLogRows':
        this.#logsView?.take(message.from, message.rows);
        return;
      case 'showLogRecord':
        if (message.row === this.#kept.row) this.#record = message;
        break;
    }
    this.requestUpdate();
  }

  #show(story: Story, timeZone: string): void {
    const before = this.#story?.timeline.items;
    if (before !== undefined) {
      const known = new Set(before.map(({ id }) => id));
      const late = story.timeline.items.filter(({ id }) => !known.has(id)).map(({ id }) => id);
      if (late.length > 0) {
        this.#late = new Set([...this.#late, ...late]);
        this.#announced = `${count(late.length, 'event')} came later`;
      }
    }
    this.#story = story;
    this.#clock = new Clock(timeZone);
    this.#standing = undefined;
    this.#lookFirst();
  }

  /** Before the user chooses, what decided is chosen; what is chosen gets its row once there is one. */
  #lookFirst(): void {
    if (this.#story === undefined || this.#logs === undefined) return;
    const item = this.#chosenItem;
    const first = this.#hasChosen ? undefined : firstChoice(this.#story);
    if (first !== undefined) this.#chooseItem(first.id);
    else if (this.#record === undefined) {
      // In a log that was read anew a line may have another row than the one that was kept.
      const row = (item && rowOf(item, this.#logs.own)?.row) ?? this.#kept.row;
      if (row !== this.#kept.row) this.#choose(item?.id, row);
      else if (row !== undefined) post({ type: 'readLogRecord', row });
    }
  }

  #chooseItem = (id: string): void => {
    const item = this.#story?.timeline.items.find((each) => each.id === id);
    if (item === undefined) return;
    const row = rowOf(item, this.#logs?.own ?? []);
    this.#choose(id, row?.row);
    if (row !== undefined) void this.updateComplete.then(() => this.#logsView?.reveal(row.place));
  };

  #chooseRow = (row: PanelLogRow): void => {
    this.#choose(itemOf(row, this.#story?.timeline.items ?? [])?.id, row.row);
  };

  #choose(item: string | undefined, row: number | undefined): void {
    this.#hasChosen = true;
    if (row !== this.#kept.row) this.#record = undefined;
    this.#keep({ item, row });
    if (row !== undefined && this.#record === undefined) post({ type: 'readLogRecord', row });
  }

  #keep(change: Kept): void {
    this.#remember(change);
    this.requestUpdate();
  }

  /** Keeps what draws nothing else. */
  #remember(change: Kept): void {
    this.#kept = { ...this.#kept, ...change };
    this.#saving ??= setTimeout(() => this.#save(), 200);
  }

  #save(): void {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    host.setState(this.#kept);
  }

  get #logsView(): LogsView | null {
    return this.querySelector('caracal-logs');
  }

  get #storyPane(): HTMLElement | null {
    return this.querySelector('main');
  }

  /** F6 goes from the story to the log and back. */
  #key(event: KeyboardEvent): void {
    if (event.key !== 'F6' || this.#story === undefined || this.#logsView === null) return;
    // VS Code would go on to its next part.
    event.preventDefault();
    event.stopPropagation();
    const focused = document.activeElement;
    if (focused?.closest('aside') !== null && focused !== null) {
      (this.#storyFocus?.isConnected === true ? this.#storyFocus : this.querySelector('h1'))?.focus();
    } else {
      this.#storyFocus = focused instanceof HTMLElement || focused instanceof SVGElement ? focused : undefined;
      this.#logsView.focus();
    }
  }

  override render(): TemplateResult {
    if (this.#story === undefined) return this.#waiting();
    const { split = 63, isTableOpen = false } = this.#kept;
    const { timeline, sections } = this.#story;
    return html`
      <main aria-label="Story" @scroll=${() => this.#remember({ storyTop: this.#storyPane?.scrollTop ?? 0 })}>
        ${headOf(this.#story, this.#asks)}
        <section class="section first" aria-labelledby="timeline-title">
          <caracal-timeline .timeline=${timeline} .clock=${this.#clock} .chosen=${this.#kept.item} .late=${this.#late} .isTableOpen=${isTableOpen} .choose=${this.#chooseItem} .toggleTable=${this.#toggleTable}></caracal-timeline>
        </section>
        <div class="sections">${sectionsOf(sections, this.#folds, this.#asks)}</div>
        ${this.#standing === undefined ? nothing : html`<p class="standing-note">${visible(this.#standing.text)}</p>`}
      </main>
      <aside aria-label="Logs of this call">
        <div class="separator" role="separator" tabindex="0" aria-label="Part of the story" aria-valuenow=${Math.round(split)} aria-valuemin=${leastSplit} aria-valuemax=${mostSplit} @keydown=${this.#splitByKey} @pointerdown=${this.#splitByPointer}></div>
        <caracal-logs .logs=${this.#logs ?? noLogs} .clock=${this.#clock} .chosen=${this.#kept.row} .related=${this.#chosenItem?.requestId ?? ''} .choose=${this.#chooseRow} .open=${this.#openLog} .read=${this.#readRows} .scrolled=${this.#logScrolled}></caracal-logs>
        ${this.#details()}
      </aside>
      <div class="unseen" role="status">${this.#announced}</div>`;
  }

  /** What stands here before there is a story. */
  #waiting(): TemplateResult {
    if (this.#standing === undefined) return html`<main aria-label="Story"></main>`;
    const { text, isBusy } = this.#standing;
    return html`<main aria-label="Story">${isBusy ? html`<vscode-progress-bar indeterminate aria-label=${visible(text)}></vscode-progress-bar>` : nothing}<div role="status"><h1 class="waiting">${visible(text)}</h1></div></main>`;
  }

  get #chosenItem(): TimelineItem | undefined {
    return this.#story?.timeline.items.find(({ id }) => id === this.#kept.item);
  }

  #details(): TemplateResult | typeof nothing {
    const item = this.#chosenItem;
    if (this.#story === undefined || (item === undefined && this.#record === undefined)) return nothing;
    return html`<section class="details" aria-label="Details of what is chosen" tabindex="0">
      ${this.#record === undefined ? nothing : html`<h3>${visible(this.#record.title)}</h3>${factsOf(this.#record.facts)}`}
      ${item === undefined ? nothing : html`<h3>${visible(item.label)} <span class="dim">${visible(this.#story.timeline.lanes[item.lane] ?? '')}, ${whenOf(item, this.#clock)}</span></h3>
        ${factsOf([...item.details, ...joinFacts(this.#story.timeline, item), ...(this.#kept.row === undefined && this.#logs !== undefined ? [{ label: 'Log', value: { text: 'no line belongs to it' } }] : [])])}`}
    </section>`;
  }

  override updated(): void {
    this.style.setProperty('--split', `${this.#kept.split ?? 63}%`);
    if (!this.#isStoryBack && this.#story !== undefined && this.#storyPane !== null) {
      this.#isStoryBack = true;
      const top = this.#kept.storyTop ?? 0;
      const pane = this.#storyPane;
      // The drawing of the timeline has no height before it is measured.
      if (top > 0) requestAnimationFrame(() => requestAnimationFrame(() => pane.scrollTo(0, top)));
    }
    if (!this.#isLogBack && this.#logs !== undefined && this.#logsView !== null) {
      this.#isLogBack = true;
      void this.#showLogAgain(this.#logsView);
    }
  }

  /** As the user had left it; what is chosen is in sight even where the log has other rows by now. */
  async #showLogAgain(log: LogsView): Promise<void> {
    if (this.#kept.logTop === undefined) return;
    await log.scrollBackTo(this.#kept.logTop);
    const chosen = this.#chosenItem;
    const row = chosen && rowOf(chosen, this.#logs?.own ?? []);
    if (row !== undefined && row.row === this.#kept.row) await log.reveal(row.place);
  }

  #toggleTable = (): void => this.#keep({ isTableOpen: this.#kept.isTableOpen !== true });
  #openLog = (): void => post({ type: 'openLog', row: this.#kept.row ?? null });
  #readRows = (from: number, rows: number): void => post({ type: 'readLogRows', from, count: rows });
  #logScrolled = (top: number): void => {
    if (this.#isLogBack) this.#remember({ logTop: top });
  };

  #splitByKey = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -2, ArrowUp: -2, ArrowRight: 2, ArrowDown: 2, Home: -100, End: 100 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#splitAt((this.#kept.split ?? 63) + step);
  };

  #splitByPointer = (event: PointerEvent): void => {
    const separator = event.currentTarget as HTMLElement;
    separator.setPointerCapture(event.pointerId);
    const move = ({ clientX, clientY }: PointerEvent): void => {
      const { left, top, width, height } = this.getBoundingClientRect();
      this.#splitAt(separator.offsetWidth < separator.offsetHeight ? ((clientX - left) / width) * 100 : ((clientY - top) / height) * 100);
    };
    separator.addEventListener('pointermove', move);
    separator.addEventListener('lostpointercapture', () => separator.removeEventListener('pointermove', move), { once: true });
  };

  #splitAt(split: number): void {
    this.#keep({ split: Math.min(mostSplit, Math.max(leastSplit, split)) });
  }
}

customElements.define('caracal-panel', PanelView);
document.body.append(document.createElement('caracal-panel'));
