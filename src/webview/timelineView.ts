import { LitElement, html, nothing, svg } from 'lit';
import type { SVGTemplateResult, TemplateResult } from 'lit';
import type { Timeline } from '../trace/story.ts';
import { cellOf, wordsOf } from './cells.ts';
import { icon } from './icons.ts';
import { count, numberText, visible } from './text.ts';
import { drawingOf } from './timelineLayout.ts';
import type { DrawnMark, DrawnText, Drawing } from './timelineLayout.ts';
import { joinFacts, whenOf } from './timelineWords.ts';
import type { Clock } from './times.ts';

/** Rows that the table grows by. */
const CHUNK = 100;

/** The events of a request by place and time, as a drawing and as a table. */
export class TimelineView extends LitElement {
  static override properties = {
    timeline: { attribute: false }, clock: { attribute: false }, chosen: { attribute: false }, late: { attribute: false }, isTableOpen: { attribute: false },
  };

  declare timeline: Timeline;
  declare clock: Clock;
  /** Id of an item. */
  declare chosen: string | undefined;
  /** Ids of the items that came after the first story. */
  declare late: ReadonlySet<string>;
  declare isTableOpen: boolean;
  declare choose: (id: string) => void;
  declare toggleTable: () => void;

  #width = 0;
  #zoom = 1;
  #pen = document.createElement('canvas').getContext('2d');
  #drawing: Drawing | undefined;
  /** The drawing is that of what is to be drawn. */
  #isPlaced = false;
  /** The mark that Tab comes to, by its first item. */
  #active: string | undefined;
  /** What the pointer or the keyboard is on, in words. */
  #caption = '';
  #rows = CHUNK;
  readonly #sized = new ResizeObserver(([entry]) => this.#resize(entry?.contentRect.width ?? 0));

  override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sized.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sized.disconnect();
  }

  #resize(width: number): void {
    const { fontSize, fontFamily } = getComputedStyle(this);
    this.#zoom = Number.parseFloat(fontSize) / 13;
    if (this.#pen !== null) this.#pen.font = `${11 * this.#zoom}px ${fontFamily}`;
    this.#width = width;
    this.#isPlaced = false;
    this.requestUpdate();
  }

  override willUpdate(changed: ReadonlyMap<PropertyKey, unknown>): void {
    if (['timeline', 'clock', 'chosen'].some((name) => changed.has(name))) this.#isPlaced = false;
    if (this.#width === 0 || this.#isPlaced) return;
    this.#isPlaced = true;
    this.#drawing = drawingOf(this.timeline, this.chosen, { width: this.#width, zoom: this.#zoom, clock: this.clock, measure: (text) => this.#pen?.measureText(text).width ?? text.length * 6 });
  }

  override render(): TemplateResult {
    const { summary, items } = this.timeline;
    if (items.length === 0) return html`<h2 id="timeline-title">Timeline <span class="dim">${visible(summary)}</span></h2>`;
    return html`
      <h2 id="timeline-title">Timeline <span class="dim">${visible(summary)}</span></h2>
      ${this.#drawing === undefined ? nothing : this.#svg(this.#drawing)}
      <div class="under">
        <span class="caption dim">${this.#caption}</span>
        <button type="button" class="link" aria-expanded=${this.isTableOpen ? 'true' : 'false'} @click=${this.toggleTable}>${icon('table')}${this.isTableOpen ? 'Hide table' : 'Show as table'}</button>
      </div>
      ${this.#table()}`;
  }

  #svg({ height, lanes, stretches, axis, marks, cuts, labels, joins }: Drawing): TemplateResult {
    const active = Math.max(0, marks.findIndex(({ items }) => items.some(({ id }) => id === (this.#active ?? this.chosen))));
    return html`<svg class="timeline" width=${this.#width} height=${height} role="listbox" aria-orientation="horizontal" aria-labelledby="timeline-title" @keydown=${this.#key}>
      <g aria-hidden="true">
        ${axis.map((text) => svg`<text class="axis" x=${text.x} y=${text.y} text-anchor=${text.anchor}>${text.text}</text>`)}
        ${lanes.map(({ name, y }) => svg`<text class="lane" x="0" y=${y + 4 * this.#zoom}>${name}</text>${stretches.map(({ left, right }) => svg`<line class="rail" x1=${left} x2=${right} y1=${y} y2=${y} />`)}`)}
        ${joins.map(({ path, words, isCertain }) => svg`<path class="join ${isCertain ? '' : 'likely'}" d=${path} /><path class="reach" d=${path} @pointerenter=${() => this.#tell(words)} @pointerleave=${() => this.#tell('')} />`)}
      </g>
      ${marks.map((mark, index) => ({ mark, index })).sort((a, b) => Number(b.mark.items.length > 1) - Number(a.mark.items.length > 1)).map(({ mark, index }) => this.#mark(mark, index, index === active))}
      <g aria-hidden="true">${cuts.map(({ x, y }) => svg`<path class="cut" d="M${x - 4} ${y + 7} l4 -14 M${x + 1} ${y + 7} l4 -14" />`)}</g>
      <g aria-hidden="true">${labels.map((text) => this.#label(text))}</g>
    </svg>`;
  }

  #label({ text, x, y, anchor, isFailed }: DrawnText): SVGTemplateResult {
    return svg`<text class="label ${isFailed ? 'failed' : ''}" x=${x} y=${y} text-anchor=${anchor}>${text}</text>`;
  }

  #mark(mark: DrawnMark, index: number, isActive: boolean): SVGTemplateResult {
    const { items, shape, left, right, y, isFailed, isPassed } = mark;
    const isChosen = items.some(({ id }) => id === this.chosen);
    const isLate = items.some(({ id }) => this.late.has(id));
    const words = this.#words(mark);
    // Marks of several stand side by side.
    const room = items.length > 1 ? 0 : 8;
    const isWide = shape !== 'moment' || items.length > 1;
    return svg`<g role="option" class="mark ${shape} ${isFailed ? 'failed' : isPassed ? 'passed' : ''} ${isChosen ? 'chosen' : ''} ${isLate ? 'late' : ''} ${items.length > 1 ? 'many' : ''}"
      data-index=${index} tabindex=${isActive ? 0 : -1} aria-selected=${isChosen ? 'true' : 'false'} aria-label=${words}
      @click=${() => this.#chooseNext(mark)} @focus=${() => this.#enter(mark, words)} @blur=${() => this.#tell('')} @pointerenter=${() => this.#tell(words)} @pointerleave=${() => this.#tell('')}>
      <rect class="reach" x=${left - room} y=${y - 11} width=${right - left + 2 * room} height="22" />
      ${isWide ? svg`<rect class="shape" x=${left} y=${y - 4} width=${Math.max(4, right - left)} height="8" rx="2" fill-opacity=${items.length > 1 ? 0.35 + 0.65 * Math.min(1, Math.log(items.length) / 5) : 1} />` : svg`<circle class="shape" cx=${left} cy=${y} r="4" />`}
    </g>`;
  }

  /** What a mark says to those who do not see it, and under the drawing. */
  #words({ items }: DrawnMark): string {
    const [first] = items;
    const last = items.at(-1);
    if (first === undefined || last === undefined) return '';
    const lane = visible(this.timeline.lanes[first.lane] ?? '');
    if (items.length > 1) return `${count(items.length, 'event')} of ${lane}, ${this.clock.time(first.from)} to ${this.clock.time(last.from)}`;
    const joins = joinFacts(this.timeline, first).slice(0, 3).map(({ label, value }) => `${label.toLowerCase()} ${visible(value.text)}`);
    return [`${visible(first.label)}, ${lane}, ${whenOf(first, this.clock)}${first.mark === 'failed' ? ', failed' : ''}`, ...joins].join('; ');
  }

  #tell(words: string): void {
    this.#caption = words;
    this.requestUpdate();
  }

  #enter({ items }: DrawnMark, words: string): void {
    this.#active = items[0]?.id;
    this.#tell(words);
  }

  /** A mark of several gives one after the other. */
  #chooseNext({ items }: DrawnMark): void {
    const item = items[(items.findIndex(({ id }) => id === this.chosen) + 1) % items.length];
    if (item === undefined) return;
    this.#active = item.id;
    this.choose(item.id);
  }

  #key = (event: KeyboardEvent): void => {
    const marks = this.#drawing?.marks ?? [];
    const at = Number((event.target as Element).closest<SVGElement>('[data-index]')?.dataset['index']);
    const mark = marks[at];
    if (mark === undefined) return;
    if (event.key === 'Enter' || event.key === ' ') this.#chooseNext(mark);
    else {
      const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: marks.length - 1, ArrowUp: inLane(marks, mark, -1), ArrowDown: inLane(marks, mark, 1) }[event.key];
      if (next === undefined) return;
      this.querySelector<SVGElement>(`[data-index="${next}"]`)?.focus();
    }
    event.preventDefault();
  };

  override updated(): void {
    // Choosing takes an item out of the mark that it shared, and the focus goes with it.
    const focused = document.activeElement;
    if (!(focused instanceof SVGElement) || !this.contains(focused) || this.#active === undefined) return;
    const index = this.#drawing?.marks.findIndex(({ items }) => items.some(({ id }) => id === this.#active)) ?? -1;
    if (index >= 0 && focused.dataset['index'] !== String(index)) this.querySelector<SVGElement>(`[data-index="${index}"]`)?.focus();
  }

  #table(): TemplateResult {
    const { items, lanes } = this.timeline;
    const shown = this.isTableOpen ? this.#rows : CHUNK;
    const rest = items.length - shown;
    return html`<div class=${this.isTableOpen ? 'as-table' : 'unseen'}>
      <table role="table">
        <caption class="unseen">Events${rest > 0 ? `, the first ${shown} of ${numberText(items.length)}` : ''}</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Time</th><th role="columnheader" scope="col">Place</th><th role="columnheader" scope="col">Event</th><th role="columnheader" scope="col">Joined</th></tr></thead>
        <tbody role="rowgroup">${items.slice(0, shown).map((item) => html`<tr role="row" class=${item.id === this.chosen ? 'chosen' : ''}>
          <th role="rowheader" scope="row">${whenOf(item, this.clock)}</th>
          <td role="cell" data-head="Place">${wordsOf(lanes[item.lane] ?? '')}</td>
          <td role="cell" data-head="Event">${this.isTableOpen ? html`<button type="button" class="link" @click=${() => this.choose(item.id)}>${cellOf({ text: item.label, mark: item.mark })}</button>` : cellOf({ text: item.label, mark: item.mark })}</td>
          <td role="cell" data-head="Joined">${joinFacts(this.timeline, item).map(({ label, value }) => html`<div>${wordsOf(`${label} ${value.text}`)}</div>`)}</td>
        </tr>`)}</tbody>
      </table>
      ${this.isTableOpen && rest > 0 ? html`<button type="button" class="link" @click=${this.#more}>Show ${Math.min(CHUNK, rest)} more of ${numberText(rest)}</button>` : nothing}
    </div>`;
  }

  #more = (): void => {
    this.#rows += CHUNK;
    this.requestUpdate();
  };
}

/** The nearest mark in the next lane above (-1) or below (1) that has one. */
function inLane(marks: readonly DrawnMark[], { left, y }: DrawnMark, direction: number): number | undefined {
  const there = marks.map((mark, index) => ({ index, lanes: (mark.y - y) * direction, away: Math.abs(mark.left - left) })).filter(({ lanes }) => lanes > 0);
  const nearest = there.sort((a, b) => a.lanes - b.lanes || a.away - b.away)[0];
  return nearest?.index;
}

customElements.define('caracal-timeline', TimelineView);
