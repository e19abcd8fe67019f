import type { PanelLogRow } from '../trace/panelMessages.ts';

/** Rows that are asked for at once, and how many pages are kept. */
export const PAGE = 200;
const KEPT = 60;

/** Unanswered questions at a time: while the user scrolls fast, what has passed is not asked for. */
const MOST = 3;

/** The rows of a log that is read in pages. */
export class LogPages {
  readonly #pages = new Map<number, readonly PanelLogRow[]>();
  readonly #current = new Set<number>();
  readonly #asked = new Set<number>();

  /** The row at a place; undefined while it is not read. */
  row(place: number): PanelLogRow | undefined {
    return this.#pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  }

  /** Everything is to be read again; until then the old rows stand. */
  outdate(): void {
    this.#current.clear();
    this.#asked.clear();
  }

  /** Takes rows that begin at the place of a page. */
  take(from: number, rows: readonly PanelLogRow[]): void {
    const page = Math.floor(from / PAGE);
    this.#asked.delete(page);
    this.#current.add(page);
    // Those that were taken or seen last are kept.
    this.#pages.delete(page);
    this.#pages.set(page, rows);
    const [oldest] = this.#pages.keys();
    if (oldest !== undefined && this.#pages.size > KEPT) {
      this.#pages.delete(oldest);
      this.#current.delete(oldest);
    }
  }

  /** The places of the pages to ask for now, so that the rows from a place up to another are there. */
  wanted(from: number, until: number, rows: number): readonly number[] {
    const first = Math.floor(Math.max(0, from) / PAGE);
    const last = Math.floor(Math.max(0, Math.min(until, rows) - 1) / PAGE);
    const pages: number[] = [];
    for (let page = first; page <= last && rows > 0; page += 1) {
      if (this.#current.has(page) || this.#asked.has(page) || this.#asked.size >= MOST) continue;
      this.#asked.add(page);
      pages.push(page * PAGE);
    }
    return pages;
  }
}
