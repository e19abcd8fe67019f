import { LitElement, html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import type { PanelLogRow, PanelLogs } from '../trace/panelMessages.ts';
import { LogPages, PAGE } from './logPages.ts';
import { iconButton } from './cells.ts';
import { visible } from './text.ts';
import type { Clock } from './times.ts';

/** Rows that are drawn above and below what is seen. */
const BEYOND = 12;

const services = new Set(['sts', 'gateway', 'api', 'audit', 'coordinator', 'web']);

/** The log of the window of a request: only the rows that are seen exist. */
export class LogsView extends LitElement {
  static override properties = {
    logs: { attribute: false }, clock: { attribute: false }, chosen: { attribute: false }, related: { attribute: false },
  };

  declare logs: PanelLogs;
  declare clock: Clock;
  /** Row in the log. */
  declare chosen: number | undefined;
  /** The request of the chosen event. */
  declare related: string;
  declare choose: (row: PanelLogRow) => void;
  declare open: () => void;
  declare read: (from: number, count: number) => void;
  declare scrolled: (top: number) => void;

  readonly #pages = new LogPages();
  /** Place that the arrow keys are at. */
  #active = 0;
  #top = 0;
  #height = 0;
  #rowHeight = 22;
  readonly #sized = new ResizeObserver(() => this.#measure());

  override createRenderRoot(): this {
    return this;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sized.disconnect();
  }

  get #list(): HTMLElement | null {
    return this.querySelector('.rows');
  }

  #measure(): void {
    const list = this.#list;
    if (list === null) return;
    // A panel that is not in sight has no height yet.
    const wasSeen = this.#height === 0 ? this.#active > 0 : this.#isSeen(this.#active);
    this.#height = list.clientHeight;
    this.#rowHeight = Math.round((Number.parseFloat(getComputedStyle(this).fontSize) * 22) / 13);
    this.style.setProperty('--row', `${this.#rowHeight}px`);
    // The record below takes its room when the row is chosen.
    if (wasSeen) this.#show(this.#active);
    this.requestUpdate();
  }

  #isSeen(place: number): boolean {
    const top = place * this.#rowHeight;
    return top >= this.#top && top + this.#rowHeight <= this.#top + this.#height;
  }

  /** Takes rows that were asked for. */
  take(from: number, rows: readonly PanelLogRow[]): void {
    this.#pages.take(from, rows);
    this.requestUpdate();
  }

  /** Brings a place into sight, unless it is. What was measured is remembered, so that nothing is laid out for this. */
  async reveal(place: number): Promise<void> {
    await this.updateComplete;
    if (this.#height === 0) this.#measure();
    this.#active = place;
    if (!this.#isSeen(place)) this.#scrollTo(Math.max(0, place * this.#rowHeight - this.#height / 2));
    this.requestUpdate();
  }

  /** Goes back to where the user was, in pixels. */
  async scrollBackTo(top: number): Promise<void> {
    await this.updateComplete;
    this.#scrollTo(top);
  }

  #scrollTo(top: number): void {
    if (this.#list === null) return;
    this.#list.scrollTop = top;
    // Its event comes later, and what is measured before it would be measured from the old place.
    this.#top = this.#list.scrollTop;
  }

  /** The keyboard goes to the rows. */
  override focus(): void {
    (this.#list ?? this.querySelector<HTMLElement>('button'))?.focus();
  }

  override willUpdate(changed: ReadonlyMap<PropertyKey, unknown>): void {
    if (changed.has('logs')) this.#pages.outdate();
  }

  override render(): TemplateResult {
    const { summary, rows, silent } = this.logs;
    return html`
      <header>
        <h2>Logs <span class="dim">${visible(summary)}</span></h2>
        ${iconButton('goToFile', 'Open log in editor', this.open)}
      </header>
      ${silent.length === 0 ? nothing : html`<ul class="silent dim">${silent.map((each) => html`<li>nothing expected: ${visible(each)}</li>`)}</ul>`}
      ${rows === 0 ? nothing : html`<div class="rows" role="listbox" tabindex="0" aria-label="Log rows" aria-activedescendant=${`row-${this.#active}`} @scroll=${this.#scroll} @keydown=${this.#key} @focus=${this.#scrollToActive}>
        <div class="all" role="presentation">${this.#seen().map((place) => this.#row(place))}</div>
      </div>`}`;
  }

  override updated(): void {
    const list = this.#list;
    if (list === null) return;
    this.#sized.observe(list);
    this.querySelector<HTMLElement>('.all')?.style.setProperty('height', `${this.logs.rows * this.#rowHeight}px`);
    for (const each of this.querySelectorAll<HTMLElement>('.row')) each.style.setProperty('transform', `translateY(${Number(each.dataset['place']) * this.#rowHeight}px)`);
    const first = Math.floor(this.#top / this.#rowHeight);
    const seen = Math.ceil(this.#height / this.#rowHeight);
    for (const from of this.#pages.wanted(first - BEYOND, first + seen + BEYOND, this.logs.rows)) this.read(from, Math.min(PAGE, this.logs.rows - from));
  }

  /** The places of the rows that exist: those in sight, and the one that the arrow keys are at. */
  #seen(): readonly number[] {
    const first = Math.max(0, Math.floor(this.#top / this.#rowHeight) - BEYOND);
    const last = Math.min(this.logs.rows, Math.ceil((this.#top + this.#height) / this.#rowHeight) + BEYOND);
    const places = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
    return this.#active < first ? [this.#active, ...places] : this.#active >= last && this.#active < this.logs.rows ? [...places, this.#active] : places;
  }

  #row(place: number): TemplateResult {
    const row = this.#pages.row(place);
    const is = row === undefined ? '' : [row.isOwn ? 'own' : 'other', ...(row.row === this.chosen ? ['chosen'] : []), ...(this.related !== '' && row.requestId === this.related ? ['related'] : [])].join(' ');
    return html`<div class="row ${is} ${place === this.#active ? 'active' : ''}" id="row-${place}" data-place=${place} role="option" aria-selected=${row !== undefined && row.row === this.chosen ? 'true' : 'false'} aria-setsize=${this.logs.rows} aria-posinset=${place + 1} @click=${() => this.#choose(place)}>${
      row === undefined ? html`<span class="message">…</span>` : html`<span class="time">${row.time === null ? '' : this.clock.time(row.time)}</span><span class="source ${services.has(row.source) ? `source-${row.source}` : ''}">${visible(row.source)}</span><span class="unseen">${visible(row.level)}</span><span class="message">${visible(row.message)}${row.note === '' ? nothing : html` <i>${visible(row.note)}</i>`}</span><span class="status ${statusClass(row)}">${visible(row.status)}</span>${row.isOwn ? html`<span class="unseen">of this call</span>` : nothing}`
    }</div>`;
  }

  #choose(place: number): void {
    this.#active = place;
    const row = this.#pages.row(place);
    if (row !== undefined) this.choose(row);
    this.requestUpdate();
  }

  #scroll = (): void => {
    this.#top = this.#list?.scrollTop ?? 0;
    this.scrolled(this.#top);
    this.requestUpdate();
  };

  #scrollToActive = (): void => {
    if (this.#list?.matches(':focus-visible') === true) this.#show(this.#active);
  };

  /** Scrolls no further than it must. */
  #show(place: number): void {
    const top = place * this.#rowHeight;
    if (top < this.#top) this.#scrollTo(top);
    else if (top + this.#rowHeight > this.#top + this.#height) this.#scrollTo(top + this.#rowHeight - this.#height);
  }

  #key = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(this.#height / this.#rowHeight) - 1);
    if (event.key === 'Enter' || event.key === ' ') this.#choose(this.#active);
    else {
      const next = { ArrowDown: this.#active + 1, ArrowUp: this.#active - 1, PageDown: this.#active + page, PageUp: this.#active - page, Home: 0, End: this.logs.rows - 1 }[event.key];
      if (next === undefined) return;
      this.#active = Math.max(0, Math.min(this.logs.rows - 1, next));
      this.#show(this.#active);
      this.requestUpdate();
    }
    event.preventDefault();
  };
}

function statusClass({ status, level }: PanelLogRow): string {
  return /^[45]\d\d$/.test(status) || level === 'error' ? 'error' : '';
}

customElements.define('caracal-logs', LogsView);
