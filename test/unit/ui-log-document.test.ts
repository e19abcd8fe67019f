import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mock } from 'node:test';
import { LogHub } from '../../src/logs/hub.ts';
import type { LogService } from '../../src/logs/protocol.ts';
import { LogAnswers } from '../../src/logs/service.ts';
import type { RemoteLog } from '../../src/logs/threadClient.ts';
import { contentOf, lineCount, lineOf, rowNear, rowOf, textOf, withAfter, withBefore, withoutFirst, withoutLast, withRoom } from '../../src/ui/logs/logContent.ts';
import type { LogContent } from '../../src/ui/logs/logContent.ts';
import { LogDocument } from '../../src/ui/logs/logDocument.ts';
import type { LogScreen } from '../../src/ui/logs/logDocument.ts';
import { spillInMemory } from './spill.ts';

const start = Date.UTC(2026, 7, 20, 14);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Turns the loop until it holds. @throws Error when it does not */
async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 4_000; !holds(); await turn()) if (Date.now() > end) throw new Error(`not so: ${what}`);
}

/** Whatever is on its way has come. */
async function quiet(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await turn();
}

/** An editor as VS Code's: new text leaves its scrolling where it is, and it tells what can be seen a moment later. */
class Editor implements LogScreen {
  readonly height = 10;
  document: LogDocument | undefined;
  lines: readonly string[] = [''];
  top = 0;
  caret = 0;
  /** Most lines that one text had more or less than the one before, between what was alike. */
  readonly changes: number[] = [];
  /** What the user does while we scroll to the end. */
  meanwhile: (() => void) | undefined;
  /** What the user does as soon as the end is there. */
  afterwards: (() => void) | undefined;
  /** What happens while a text is on its way. */
  onItsWay: (() => void) | undefined;
  #told = '';

  async show(content: LogContent): Promise<void> {
    await turn();
    this.onItsWay?.();
    this.onItsWay = undefined;
    const before = this.lines;
    this.lines = textOf(content).split('\n');
    equal(this.lines.length, lineCount(content));
    let [prefix, suffix] = [0, 0];
    const most = Math.min(before.length, this.lines.length);
    while (prefix < most && before[prefix] === this.lines[prefix]) prefix += 1;
    while (suffix < most - prefix && before.at(-1 - suffix) === this.lines.at(-1 - suffix)) suffix += 1;
    this.changes.push(Math.max(before.length, this.lines.length) - prefix - suffix);
    this.scroll(this.top);
  }

  async revealEnd(): Promise<void> {
    this.meanwhile?.();
    this.meanwhile = undefined;
    await turn();
    this.scroll(this.lines.length - this.height);
    await turn();
    this.afterwards?.();
    this.afterwards = undefined;
    await turn();
    await turn();
  }

  async revealAtTop(line: number): Promise<void> {
    await turn();
    this.scroll(line);
    await turn();
  }

  async select(line: number, isRevealed: boolean): Promise<void> {
    await turn();
    this.caret = line;
    if (isRevealed && (line < this.top || line >= this.top + this.height)) this.scroll(line - this.height / 2);
    await turn();
  }

  scroll(top: number): void {
    this.top = Math.max(0, Math.min(Math.round(top), this.lines.length - this.height));
    const [first, last, count] = [this.top, Math.min(this.lines.length, this.top + this.height) - 1, this.lines.length];
    const told = `${first} ${last}`;
    if (told === this.#told) return;
    this.#told = told;
    setImmediate(() => this.document?.seen(first, last, count));
  }

  get seen(): readonly string[] {
    return this.lines.slice(this.top, this.top + this.height);
  }

  get isAtEnd(): boolean {
    return this.top + this.height >= this.lines.length;
  }
}

/** A log, its document and an editor that shows it. */
class Playground {
  readonly hub = new LogHub(spillInMemory());
  readonly answers = new LogAnswers({ log: this.hub, findings: this.hub.findings, late: this.hub.late, skewMs: 40, sources: [{ name: 'sts', standing: 'follows', isWell: true, isTailed: false }], isLoaded: true, problem: undefined, advance: (now) => this.hub.settle(now) > 0, close: () => undefined });
  readonly editor = new Editor();
  readonly failures: unknown[] = [];
  readonly document: LogDocument;
  readonly remote: RemoteLog;
  #count: number;

  /** @param from number of the first line that is logged */
  constructor(from = 0) {
    this.#count = from;
    this.hub.caughtUp(this.hub.addSource('sts', start));
    const methods = ['window', 'filter', 'record', 'nextError', 'groups'] as const satisfies readonly (keyof LogService)[];
    this.remote = Object.fromEntries(methods.map((method) => [method, async (...parameters: unknown[]) => {
      await turn();
      return (this.answers[method] as (...all: unknown[]) => unknown).apply(this.answers, parameters);
    }])) as unknown as RemoteLog;
    this.document = new LogDocument(this.remote, this.answers.openView(), { name: 'caracal', isFile: false, screen: this.editor, sources: [], failed: (error) => this.failures.push(error) });
    this.editor.document = this.document;
  }

  /** Logs numbered lines, every tenth of them an error. */
  log(count: number, more: object = {}): void {
    const lines = Array.from({ length: count }, () => {
      const n = this.#count;
      this.#count += 1;
      const at = start + n;
      return { stamp: `${new Date(at).toISOString().slice(0, -1)}000000Z`, stream: 'stdout' as const, bytes: Buffer.from(JSON.stringify({ level: n % 10 === 0 ? 'error' : 'info', service: 'sts', time: at, msg: `line ${n}`, n, ...more })) };
    });
    this.hub.lines(0, lines, start + this.#count);
    this.answers.advance(start + this.#count + 60_000);
    this.document.update(this.answers.state());
  }

  /** Resolves once the last line that was logged is the last one that stands here. */
  async caughtUp(): Promise<void> {
    await until('the end is here', () => this.editor.lines.at(-1)?.endsWith(` n=${this.#count - 1}`) === true && this.editor.isAtEnd);
    await quiet();
  }

  /** The numbers of the lines that stand here, which must follow on each other. */
  numbers(): { first: number; last: number } {
    const numbers = this.editor.lines.flatMap((line) => {
      const found = / n=(\d+)/.exec(line)?.[1];
      return found === undefined ? [] : [Number(found)];
    });
    const [first = NaN, last = NaN] = [numbers[0], numbers.at(-1)];
    equal(numbers.length, last - first + 1, 'a line is missing or there twice');
    return { first, last };
  }
}

describe('a log in the editor', () => {
  let log: Playground;

  beforeEach(() => {
    log = new Playground();
  });

  afterEach(() => {
    log.document.close();
    deepEqual(log.failures, []);
  });

  it('follows its end, line by line, each a small change', async () => {
    for (let count = 0; count < 40; count += 1) {
      log.log(1);
      await log.caughtUp();
    }
    deepEqual(log.numbers(), { first: 0, last: 39 });
    match(log.editor.lines[0] ?? '', /^# caracal, from 20 Aug 2026, 14:00:00 UTC\. Clocks agree within 1 s\.$/);
    ok(Math.max(...log.editor.changes.slice(2)) <= 1, log.editor.changes.join());
    equal(log.document.isFollowing, true);
  });

  it('stands still once somebody scrolls up, counts what comes, and follows again at the end', async () => {
    log.log(100);
    await log.caughtUp();
    log.editor.scroll(40);
    await until('it stands still', () => !log.document.isFollowing);
    const { seen } = log.editor;
    log.log(30);
    await quiet();
    deepEqual(log.editor.seen, seen);
    equal(log.document.newer, 30);
    log.editor.scroll(Infinity);
    await log.caughtUp();
    log.log(1);
    await log.caughtUp();
    deepEqual(log.numbers(), { first: 0, last: 130 });
  });

  it('stands still once the caret is put anywhere but on the last line', async () => {
    log.log(100);
    await log.caughtUp();
    log.document.caretMoved(log.editor.lines.length - 1, log.editor.lines.length);
    equal(log.document.isFollowing, true);
    log.document.caretMoved(97, log.editor.lines.length);
    equal(log.document.isFollowing, false);
    await log.document.follow();
    equal(log.document.isFollowing, true);
  });

  it('gives back the place of somebody who scrolls up just when it goes to the end', async () => {
    log.log(100);
    await log.caughtUp();
    log.editor.meanwhile = () => log.editor.scroll(30);
    const place = log.editor.lines.slice(30, 40);
    log.log(1);
    await until('it stands still', () => !log.document.isFollowing && log.editor.top === 30);
    deepEqual(log.editor.seen, place);
  });

  it('stands still, and loads what is older, for somebody who scrolls up as soon as the end of a flood is there', async () => {
    log.log(100);
    await log.caughtUp();
    log.editor.afterwards = () => log.editor.scroll(0);
    log.log(30_000);
    await until('older lines are here', () => !log.document.isFollowing && log.numbers().first < 29_100);
    await quiet();
    match(log.editor.seen[0] ?? '', / n=29100$/);
  });

  it('goes on when lines are moved for a moment and at once moved back', async () => {
    log.log(100);
    await log.caughtUp();
    for (let times = 0; times < 5; times += 1) {
      const { top } = log.editor;
      log.editor.scroll(top - 4);
      log.editor.scroll(top);
      log.log(1);
      await log.caughtUp();
      equal(log.document.isFollowing, true);
    }
  });

  it('loads what is older also for somebody who scrolls there just when it goes to the end', async () => {
    log.log(5_000);
    await log.caughtUp();
    log.editor.meanwhile = () => log.editor.scroll(0);
    log.log(1);
    await until('older lines are here', () => log.numbers().first === 0);
    await quiet();
    match(log.editor.seen[0] ?? '', / n=2500$/);
    equal(log.document.isFollowing, false);
  });

  it('keeps a tail of a log that goes on and on', async () => {
    log.log(2_000);
    await log.caughtUp();
    for (let times = 0; times < 8; times += 1) {
      log.log(1_000);
      await log.caughtUp();
      ok(log.editor.lines.length <= 5_002);
    }
    equal(log.numbers().last, 9_999);
    match(log.editor.lines[1] ?? '', /older lines are not loaded/);
  });

  it('goes straight to the end of a flood', async () => {
    log.log(100);
    await log.caughtUp();
    log.log(30_000);
    await log.caughtUp();
    deepEqual(log.numbers(), { first: 29_100, last: 30_099 });
    log.log(30_000);
    await log.caughtUp();
    log.editor.scroll(500);
    await until('it stands still', () => !log.document.isFollowing);
  });

  it('loads what is older where somebody scrolls to, and leaves the place as it is', async () => {
    log.log(30_000);
    await log.caughtUp();
    for (let from = 27_500; from >= 15_000; from -= 2_500) {
      equal(log.numbers().first, from);
      log.editor.scroll(200);
      await turn();
      const first = log.editor.lines[15];
      log.editor.scroll(15);
      await until('older lines are here', () => log.numbers().first < from && log.editor.seen[0] === first);
      await quiet();
    }
    ok(log.editor.lines.length <= 20_003);
  });

  it('loads what is newer where somebody scrolls to, up to the end', async () => {
    log.log(9_000);
    await log.document.goTo({ at: 'row', row: 1_000 });
    equal(log.document.isFollowing, false);
    match(log.editor.lines[log.editor.caret] ?? '', / n=1000$/);
    match(log.editor.lines.at(-1) ?? '', /newer lines are not loaded/);
    await quiet();
    for (let times = 0; times < 3; times += 1) {
      const { last } = log.numbers();
      log.editor.scroll(Infinity);
      await until('newer lines are here', () => log.numbers().last > last);
      await quiet();
    }
    await until('it follows', () => log.document.isFollowing);
    deepEqual(log.numbers(), { first: 0, last: 8_999 });
  });

  it('filters at once, and keeps the caret on its record or on the next that is left', async () => {
    log.log(5_000);
    await log.caughtUp();
    equal(await log.document.setFilter('level:error'), undefined);
    equal(log.editor.lines.length - 1, 500);
    ok(log.editor.isAtEnd);
    await log.document.goTo({ at: 'row', row: 100 });
    equal(await log.document.setFilter('', 105), undefined);
    match(log.editor.lines[log.editor.caret] ?? '', / n=105$/);
    equal(await log.document.setFilter('level:error', 105), undefined);
    match(log.editor.lines[log.editor.caret] ?? '', / n=110$/);
    match(await log.document.setFilter('level:loud') ?? '', /There is no level loud/);
    equal(log.document.filterText, 'level:error');
  });

  it('leaves the caret where the user puts it while the text of a filter is on its way', async () => {
    log.log(100);
    await log.document.goTo({ at: 'row', row: 50 });
    log.editor.onItsWay = () => {
      log.editor.caret = 100;
      log.document.caretMoved(100, 101);
    };
    equal(await log.document.setFilter('level:error', 50), undefined);
    equal(log.editor.caret, 100);
    await until('it follows', () => log.document.isFollowing);
  });

  it('shows lines that come while the text of a filter is on its way', async () => {
    // After a rest it looks again, which would hide what is forgotten.
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      log.log(5_000);
      await log.caughtUp();
      for (const [filter, lines] of [['level:error', 11], ['', 1]] as const) {
        await quiet();
        mock.timers.tick(1_000);
        log.editor.onItsWay = () => log.log(lines);
        equal(await log.document.setFilter(filter), undefined);
        await until('the last one that fits is here', () => log.editor.lines.at(-1)?.endsWith(filter === '' ? ' n=5011' : ' n=5010') === true);
      }
    } finally {
      mock.timers.reset();
    }
  });

  it('shows lines as they were logged, and keeps filter and place', async () => {
    log.log(1_000);
    await log.document.setFilter('level:error');
    await log.document.goTo({ at: 'row', row: 500 });
    await log.document.setRaw(true, 500);
    match(log.editor.lines[log.editor.caret] ?? '', /^\{"level":"error",.*"n":500\}$/);
    equal(log.editor.lines.length - 1, 100);
  });

  it('goes to a moment', async () => {
    log.log(1_000);
    await log.document.goTo({ at: 'time', time: start + 333 });
    match(log.editor.lines[log.editor.caret] ?? '', / n=333$/);
  });

  it('goes on with a log that was read further back, at the same moment', async () => {
    const [shallow, deep] = [new Playground(400), new Playground()];
    shallow.log(100);
    deep.log(500);
    await shallow.caughtUp();
    equal(await shallow.document.setFilter('-nothing'), undefined);
    shallow.editor.scroll(40);
    await turn();
    const [top] = shallow.editor.seen;
    await shallow.document.moveTo(deep.remote, deep.answers.openView(), deep.answers.state());
    equal(shallow.editor.lines[shallow.editor.caret], top);
    ok(shallow.editor.seen.includes(top ?? ''), shallow.editor.seen.join('\n'));
    deepEqual(shallow.numbers(), { first: 0, last: 499 });
    deepEqual([shallow.document.isFollowing, shallow.document.filterText], [false, '-nothing']);
    deep.log(5);
    shallow.document.update(deep.answers.state());
    equal(shallow.document.newer, 5);
    await shallow.document.follow();
    equal(shallow.numbers().last, 504);
    deepEqual([...shallow.failures, ...deep.failures], []);
    shallow.document.close();
    deep.document.close();
  });

  it('says what keeps it from being read', () => {
    log.document.update({ ...log.answers.state(), problem: 'the engine\nsays: no' });
    return until('it says so', () => log.editor.lines[0] === '# caracal: cannot be read, the engine␊says: no.');
  });
});

describe('the window of a log', () => {
  const bold = { styles: [{ start: 0, end: 1, codes: [1] }] };
  const whole = contentOf({ head: '# log', isTailed: false }, { first: 10, records: 3, lines: ['a', 'b', 'b2', 'b3', 'c'], rows: Uint32Array.of(20, 21, 21, 21, 25), looks: [undefined, bold, undefined, undefined, bold] }, 13);

  it('knows the row of each line and the line of each row', () => {
    deepEqual(textOf(whole).split('\n').map((_, line) => rowOf(whole, line)), [undefined, undefined, 20, 21, 21, 21, 25]);
    deepEqual([19, 20, 21, 22, 25, 99].map((row) => lineOf(whole, row)), [2, 2, 3, 6, 6, 6]);
    deepEqual([0, 4, 99].map((line) => rowNear(whole, line)), [20, 21, 25]);
  });

  it('is cut between records only', () => {
    deepEqual(withoutFirst(whole, 2), { ...whole, from: 12, lines: ['c'], rows: [25], looks: [bold] });
    deepEqual(withoutLast(whole, 2), { ...whole, until: 11, lines: ['a'], rows: [20], looks: [undefined], isCut: true });
  });

  it('makes room on the other side, by lines and by characters', () => {
    const others = { first: 13, records: 2, lines: ['dd', 'e'], rows: Uint32Array.of(30, 31), looks: [undefined, undefined] };
    equal(withRoom(whole, others, { lines: 7, characters: 12 }, 'first'), whole);
    deepEqual(withRoom(whole, others, { lines: 6, characters: 100 }, 'first').lines, ['b', 'b2', 'b3', 'c']);
    deepEqual(withRoom(whole, others, { lines: 6, characters: 100 }, 'last').lines, ['a', 'b', 'b2', 'b3']);
    deepEqual(withRoom(whole, others, { lines: 100, characters: 8 }, 'first').lines, ['c']);
  });

  it('grows at both ends', () => {
    const after = withAfter(whole, { first: 13, records: 1, lines: ['d'], rows: Uint32Array.of(30), looks: [bold] }, 20);
    deepEqual([after.until, after.lines.at(-1), after.isCut], [14, 'd', true]);
    const before = withBefore(whole, { first: 8, records: 2, lines: ['y', 'z'], rows: Uint32Array.of(1, 2), looks: [undefined, undefined] });
    deepEqual([after.looks.length, before.looks.length], [6, 7]);
    deepEqual([before.from, before.lines.slice(0, 3), before.rows.slice(0, 3)], [8, ['y', 'z', 'a'], [1, 2, 20]]);
  });
});
