import { isSource } from '../../logs/filter.ts';
import { harmless } from '../../logs/harmless.ts';
import type { Anchor, Anchored, LogState, SourceState } from '../../logs/protocol.ts';
import type { RemoteLog } from '../../logs/threadClient.ts';
import { Emitter } from '../lifecycle.ts';
import { contentOf, emptyContent, lineCount, lineOf, rowNear, withAfter, withBefore, withRoom } from './logContent.ts';
import type { ContentLimits, LogContent, LogHead } from './logContent.ts';

/** The editors that show a document. Lines are counted from 0. */
export interface LogScreen {
  /** Resolves once the editors have the text. */
  show(content: LogContent): Promise<void>;
  /** Resolves once the last line is in sight. */
  revealEnd(): Promise<void>;
  /** Resolves once the line is the first in sight. */
  revealAtTop(line: number): Promise<void>;
  /** Puts the caret on a line, and brings it into sight if it is to. Resolves once that is done. */
  select(line: number, isRevealed: boolean): Promise<void>;
}

export interface LogDocumentOptions {
  /** What the log is of, for its first line: `caracal`, `caracal: sts`. */
  readonly name: string;
  readonly screen: LogScreen;
  /** Sources that it shows; all where there are none. */
  readonly sources: readonly string[];
  /** It ends where it ended when it was opened: while it is being read, nobody waits for the lines in between. */
  readonly isFile: boolean;
  /** What nobody waits for has failed. */
  readonly failed: (error: unknown) => void;
}

/** While lines come in, so many stand in the editor: it gets the whole text with each of them. */
const followed: ContentLimits = { lines: 5_000, characters: 2_000_000 };
/** What is kept of it when it is too much. */
const followedOn: ContentLimits = { lines: 2_500, characters: 1_000_000 };
const tailRecords = 2_500;
/** Lines that come faster than anybody reads: no more of them, and no more often. */
const floodRecords = 1_000;
const floodRestMs = 400;
/** What is loaded at an end of what is shown, or on both sides of a record. */
const loadedRecords = 2_500;
const most: ContentLimits = { lines: 20_000, characters: 8_000_000 };
/** A user who scrolls up to this line of the text, or above it, has older records loaded. */
const edgeLines = 20;
/** The editor has this many times as much time for other things as it takes to get a text. */
const restFactor = 4;
const longestRestMs = 600;
/** When VS Code draws lenses it moves the lines and at once moves them back, and tells both. */
const settledMs = 5;

interface Sight {
  readonly rowBefore: number;
  readonly topRow: number;
  readonly firstLine: number;
  readonly isEnd: boolean;
}

/**
 * A log in the editor: a window over what a view of it shows. It follows the end, until somebody scrolls up or moves
 * the caret away; from then on nothing moves, and more is loaded where somebody scrolls to.
 *
 * Texts are shown one after another, each a change of the one before at one place, because that is how the editor
 * takes a new text: what is alike at the beginning and at the end stays, with carets and all.
 */
export class LogDocument {
  readonly #options: LogDocumentOptions;
  readonly #changed = new Emitter<undefined>();
  #log: RemoteLog;
  #view: number;
  #content: LogContent;
  #state: LogState | undefined;
  /** Records that the view shows, by whatever told it last. */
  #shown = 0;
  #filter = '';
  #isRaw = false;
  #isFollowing = true;
  /** The line at the top of what can be seen, and its row. */
  #topLine = 0;
  #topRow = -1;
  /** What came into sight last and is not looked at yet, and the row that was at the top before. */
  #sight: Sight | undefined;
  /** Since we began to scroll: the line furthest down that was at the top, and whether the end came into sight last. */
  #lowestTop = 0;
  #isEndInSight = true;
  /** We scroll: what comes into sight is not the user's doing. */
  #isScrolling = false;
  /** We scroll to the end, which only somebody who follows is not surprised by. */
  #isGoingToEnd = false;
  /** How often the user moved the caret. */
  #caretMoves = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #isCatchingUp = false;
  #isClosed = false;

  readonly onDidChange = this.#changed.event;

  constructor(log: RemoteLog, view: number, options: LogDocumentOptions) {
    this.#log = log;
    this.#view = view;
    this.#options = options;
    this.#content = emptyContent(this.#head());
  }

  get content(): LogContent {
    return this.#content;
  }

  get state(): LogState | undefined {
    return this.#state;
  }

  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  get isRaw(): boolean {
    return this.#isRaw;
  }

  /** As it was typed. */
  get filterText(): string {
    return this.#filter;
  }

  /** `caracal: sts`, as the first line says it. */
  get title(): string {
    const { name, sources } = this.#options;
    return titleOf(name, sources);
  }

  get log(): RemoteLog {
    return this.#log;
  }

  get view(): number {
    return this.#view;
  }

  get sources(): readonly string[] {
    return this.#options.sources;
  }

  /** Records that the view shows and that came after the last one here. */
  get newer(): number {
    return Math.max(0, this.#shown - this.#content.until);
  }

  /** Takes in how the log stands, and follows it. */
  update(state: LogState): void {
    this.#state = state;
    this.#shown = state.shown[this.#view] ?? this.#shown;
    this.#changed.fire(undefined);
    this.#catchUp();
  }

  /** Shows what fits a filter; resolves with what is wrong with it, when something is. */
  setFilter(text: string, near?: number): Promise<string | undefined> {
    return this.#inTurn(async () => {
      const problem = await this.#applyFilter(text);
      if (problem === undefined) await this.#showAnew(near);
      return problem;
    });
  }

  /**
   * Goes on with another log of the same sources, which has been read further back, at the same moment.
   *
   * @throws Error when the filter cannot be applied to it
   */
  moveTo(log: RemoteLog, view: number, state: LogState): Promise<void> {
    return this.#inTurn(async () => {
      const time = this.#topRow === -1 ? NaN : (await this.#log.record(this.#topRow)).time;
      [this.#log, this.#view, this.#state] = [log, view, state];
      const problem = await this.#applyFilter(this.#filter);
      if (problem !== undefined) throw new Error(`Cannot filter the log: ${problem}`);
      await (Number.isNaN(time) ? this.#showTail() : this.#showAround({ at: 'time', time }));
    });
  }

  /** Shows lines as they were logged, or as they are read easily. */
  setRaw(isRaw: boolean, near?: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#isRaw = isRaw;
      await this.#showAnew(near);
    });
  }

  /** Shows a record or a moment, and puts the caret there. */
  goTo(anchor: Anchor): Promise<void> {
    return this.#inTurn(() => this.#showAround(anchor));
  }

  /** Goes to the end, with the caret, and stays there. */
  follow(): Promise<void> {
    return this.#inTurn(async () => {
      this.#setFollowing(true);
      await this.#showTail();
      await this.#options.screen.select(lineCount(this.#content) - 1, false);
    });
  }

  /** The row of a line, or of the record nearest to it. */
  rowNear(line: number): number | undefined {
    return rowNear(this.#content, line);
  }

  /** Takes in what can be seen. */
  seen(firstLine: number, lastLine: number, lines: number): void {
    // Somebody's place that is to be given back is not the one that we go to.
    if ((this.#isGoingToEnd && !this.#isFollowing) || this.#content.rows.length === 0) return;
    const before = this.#topRow;
    [this.#topLine, this.#topRow] = [firstLine, rowNear(this.#content, firstLine) ?? -1];
    if (this.#isScrolling) {
      this.#lowestTop = Math.max(this.#lowestTop, firstLine);
      this.#isEndInSight = lastLine >= lines - 1;
      return;
    }
    // Our own scrolling to the end soon hides where somebody went just now.
    if (this.#isGoingToEnd) setImmediate(() => this.#lookAtSight());
    else if (this.#sight === undefined) setTimeout(() => setImmediate(() => this.#lookAtSight()), settledMs);
    this.#sight = { rowBefore: this.#sight?.rowBefore ?? before, topRow: this.#topRow, firstLine, isEnd: lastLine >= lines - 1 };
  }

  /** Takes in that the user put the caret on a line. */
  caretMoved(line: number, lines: number): void {
    this.#caretMoves += 1;
    if (line >= lines - 1) this.#endReached();
    else this.#setFollowing(false);
  }

  close(): void {
    this.#isClosed = true;
    this.#changed.dispose();
  }

  async #applyFilter(text: string): Promise<string | undefined> {
    const problem = await this.#log.filter(this.#view, text, this.#options.sources);
    if (problem === undefined) this.#filter = text;
    return problem;
  }

  #setFollowing(isFollowing: boolean): void {
    if (this.#isFollowing === isFollowing) return;
    this.#isFollowing = isFollowing;
    this.#changed.fire(undefined);
    this.#catchUp();
  }

  /**
   * Lines that come in and our own scrolling to the end only ever bring later rows to the top; an earlier one there is
   * somebody's doing.
   */
  #lookAtSight(): void {
    const sight = this.#sight;
    this.#sight = undefined;
    if (sight === undefined || this.#isClosed) return;
    if (sight.isEnd) this.#endReached();
    else if (sight.topRow < sight.rowBefore) this.#setFollowing(false);
    if (!this.#isFollowing && sight.firstLine <= edgeLines && this.#content.from > 0) this.#alone(() => this.#loadOlder());
  }

  #endReached(): void {
    if (!this.#isFollowing) this.#alone(() => this.#loadNewer());
  }

  #catchUp(): void {
    const isBeingRead = this.#options.isFile && this.#state?.isLoaded === false && this.#content.lines.length > 0;
    if (this.#isCatchingUp || !this.#isFollowing || this.#isClosed || isBeingRead || (this.newer === 0 && this.#isHeadShown())) return;
    this.#isCatchingUp = true;
    this.#alone(async () => {
      const startedAt = performance.now();
      const isFlood = this.#content.lines.length > 0 && this.newer > floodRecords;
      try {
        if (this.#isFollowing) await this.#showNewer(isFlood);
      } finally {
        const restMs = Math.max(isFlood ? floodRestMs : 0, Math.min((performance.now() - startedAt) * restFactor, longestRestMs));
        setTimeout(() => {
          this.#isCatchingUp = false;
          this.#catchUp();
        }, restMs);
      }
    });
  }

  async #showNewer(isFlood: boolean): Promise<void> {
    if (isFlood) return this.#showTail(this.#options.isFile ? tailRecords : floodRecords);
    if (this.#content.lines.length === 0) return this.#showTail();
    const { until } = this.#content;
    const { window, shown } = await this.#window({ at: 'place', place: until }, 0, this.newer);
    if (!this.#isHeadShown()) await this.#show({ ...this.#content, ...this.#head() });
    if (window.records === 0) return;
    if (withRoom(this.#content, window, followed, 'first') !== this.#content) await this.#show(withRoom(this.#content, window, followedOn, 'first'));
    await this.#show({ ...withAfter(this.#content, window, shown), isCut: false });
    await this.#goToEnd();
  }

  /** The end of what the view shows, and nothing of what stood there before. */
  async #showTail(records = tailRecords): Promise<void> {
    const { window, shown } = await this.#window({ at: 'end' }, records, 0);
    [this.#lowestTop, this.#isEndInSight] = [0, true];
    // Of a text that takes the place of another one the editor may show any part before it is at the end.
    await this.#scrolling(async () => {
      await this.#show({ ...contentOf(this.#head(), window, shown), isCut: false });
      await this.#goToEnd();
    });
    if (!this.#isFollowing || !this.#wasEndLeft) return;
    this.#setFollowing(false);
    if (this.#topLine <= edgeLines) await this.#loadOlder();
  }

  /** @param near a row that the caret is to stay on, or on the next one after it */
  async #showAnew(near: number | undefined): Promise<void> {
    if (near !== undefined && !this.#isFollowing) return this.#showAround({ at: 'row', row: near });
    const moves = this.#caretMoves;
    await this.#showTail();
    if (near !== undefined) await this.#select(near, false, moves);
  }

  async #showAround(anchor: Anchor): Promise<void> {
    const moves = this.#caretMoves;
    const { window, row, shown } = await this.#window(anchor, loadedRecords / 2, loadedRecords / 2);
    this.#setFollowing(false);
    await this.#scrolling(async () => {
      await this.#show(contentOf(this.#head(), window, shown));
      await this.#select(row ?? Infinity, true, moves);
    });
  }

  async #loadOlder(): Promise<void> {
    const { from } = this.#content;
    if (from === 0 || this.#isFollowing) return;
    const { window } = await this.#window({ at: 'place', place: from }, loadedRecords, 0);
    const top = this.#topRow;
    await this.#scrolling(async () => {
      await this.#show(withRoom(this.#content, window, most, 'last'));
      await this.#show(withBefore(this.#content, window));
      await this.#options.screen.revealAtTop(lineOf(this.#content, top));
    });
  }

  /** What comes after the last record; where that is all there is, the log is followed from then on. */
  async #loadNewer(): Promise<void> {
    const { window, shown } = await this.#window({ at: 'place', place: this.#content.until }, 0, loadedRecords);
    if (this.#isFollowing) return;
    if (window.records > 0) {
      const top = this.#topRow;
      await this.#scrolling(async () => {
        const { from } = this.#content;
        await this.#show(withRoom(this.#content, window, most, 'first'));
        await this.#show(withAfter(this.#content, window, shown));
        if (this.#content.from > from) await this.#options.screen.revealAtTop(lineOf(this.#content, top));
      });
    }
    if (this.#content.isCut) return;
    this.#setFollowing(true);
    await this.#goToEnd();
  }

  /** @param moves of the caret until then: where the user moved it since, it stays */
  async #select(row: number, isRevealed: boolean, moves: number): Promise<void> {
    if (this.#content.rows.length > 0 && moves === this.#caretMoves) await this.#options.screen.select(lineOf(this.#content, row), isRevealed);
  }

  async #window(anchor: Anchor, before: number, after: number): Promise<Anchored> {
    const answer = await this.#log.window(this.#view, anchor, { before, after, raw: this.#isRaw });
    this.#shown = answer.shown;
    return answer;
  }

  async #show(content: LogContent): Promise<void> {
    if (content === this.#content) return;
    await this.#options.screen.show(content);
    this.#content = content;
    // Where the editor scrolls no further it tells nothing: the same line shows another row.
    this.#topRow = rowNear(content, this.#topLine) ?? -1;
  }

  async #goToEnd(): Promise<void> {
    if (!this.#isFollowing) return;
    this.#isGoingToEnd = true;
    try {
      await this.#options.screen.revealEnd();
      this.#lookAtSight();
    } finally {
      this.#isGoingToEnd = false;
    }
    if (this.isFollowing) return;
    // Somebody left the end just when we went there.
    const top = lineOf(this.#content, this.#topRow);
    await this.#scrolling(() => this.#options.screen.revealAtTop(top));
    if (top <= edgeLines) await this.#loadOlder();
  }

  async #scrolling(work: () => Promise<void>): Promise<void> {
    this.#isScrolling = true;
    try {
      await work();
    } finally {
      this.#isScrolling = false;
    }
  }

  /** In its turn, with nobody waiting for it. */
  #alone(work: () => Promise<void>): void {
    this.#inTurn(work).catch((error: unknown) => {
      if (!this.#isClosed) this.#options.failed(error);
    });
  }

  /** One thing at a time, in the order in which it was asked for. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    // What was told meanwhile was about another text than the one that stands there now.
    const caughtUp = (): void => this.#catchUp();
    this.#turn = result.then(caughtUp, caughtUp);
    return result;
  }

  /** Somebody scrolled up as soon as the end was there. */
  get #wasEndLeft(): boolean {
    return !this.#isEndInSight && this.#topLine < this.#lowestTop;
  }

  #isHeadShown(): boolean {
    const { head, isTailed } = this.#head();
    return this.#content.head === head && this.#content.isTailed === isTailed;
  }

  #head(): LogHead {
    return { head: harmless(this.#firstLine()).text, isTailed: this.#sources.some((source) => source.isTailed) };
  }

  /** Those that it shows, as they stand. */
  get #sources(): readonly SourceState[] {
    const { sources } = this.#options;
    return (this.#state?.sources ?? []).filter(({ name }) => sources.length === 0 || sources.some((one) => isSource(name, one)));
  }

  #firstLine(): string {
    const state = this.#state;
    const title = `# ${this.title}`;
    if (state === undefined) return opensText(this.#options.name, this.#options.sources);
    if (state.problem !== undefined) return `${title}: cannot be read, ${state.problem}.`;
    const unwell = this.#sources.filter((source) => !source.isWell);
    return [
      `${title}, ${Number.isNaN(state.from) ? 'no lines yet' : `from ${dateAndTime(state.from)} UTC`}.`,
      ...(state.skewMs === undefined ? [] : [Math.abs(state.skewMs) <= toldSkewMs ? 'Clocks agree within 1 s.' : `Clocks differ by up to ${(Math.abs(state.skewMs) / 1_000).toFixed(0)} s.`]),
      ...unwell.map(({ name: source, standing }) => `${source} ${standing}.`),
    ].join(' ');
  }
}

/** The first line of a log of which nothing is known yet. */
export function opensText(name: string, sources: readonly string[]): string {
  return `# ${titleOf(name, sources)}, opens.`;
}

function titleOf(name: string, sources: readonly string[]): string {
  return [name, ...(sources.length === 0 ? [] : [sources.join(', ')])].join(': ');
}

const toldSkewMs = 1_000;

/** `20 Aug 2026, 14:01:58`, in UTC. */
function dateAndTime(at: number): string {
  return new Date(at).toLocaleString('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });
}
