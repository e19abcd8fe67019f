import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { artifactsFolder } from '../../../scripts/lib/paths.ts';
import { say } from '../../../scripts/lib/progress.ts';
import { openBrowser } from '../../../scripts/vscode/browser.ts';
import { PanelHost, heard, objections, send, show } from './page.ts';
import { held, hostile, large, refused, silent } from './stories.ts';
import type { Shown } from './stories.ts';
import { themes } from './themes.ts';
import type { Theme } from './themes.ts';

const screenshots = join(artifactsFolder, 'screenshots');

/** The page of the panel in a browser, under the policy that VS Code sets. */
describe('The panel of a request', () => {
  let browser: Browser;
  let host: PanelHost;
  let page: Page;

  before(async () => {
    await mkdir(screenshots, { recursive: true });
    host = await PanelHost.start();
    browser = await openBrowser();
  });

  after(async () => {
    await browser.close();
    await host.end();
  });

  afterEach(async () => {
    deepStrictEqual(await page.evaluate(() => window.violations), []);
    await page.close();
  });

  const event = (name: string | RegExp): Locator => page.getByRole('listbox', { name: /^Timeline/ }).getByRole('option', { name });
  const row = (name: string | RegExp): Locator => page.getByRole('listbox', { name: 'Log rows' }).getByRole('option', { name });
  const chosenRow = (): Locator => page.getByRole('listbox', { name: 'Log rows' }).getByRole('option', { selected: true });
  const chosenEvent = (): Locator => page.getByRole('listbox', { name: /^Timeline/ }).getByRole('option', { selected: true });
  const text = async (locator: Locator): Promise<string> => (await locator.innerText()).replaceAll('\n', ' ');
  const label = async (locator: Locator): Promise<string> => (await locator.getAttribute('aria-label')) ?? '';

  it('tells a story in its order, and the log beside it', async () => {
    page = await host.open(browser, { shown: refused });
    strictEqual(await page.getByRole('heading', { level: 1 }).innerText(), refused.story.sentence);
    deepStrictEqual((await page.getByRole('heading', { level: 2 }).allInnerTexts()).map((text) => text.trim()), [
      'Timeline 10 events from 7 requests; 9 joins certain, 1 likely', ...refused.story.sections.map(({ title, summary }) => `${title} ${summary}`.trim()), 'Logs 5 of 11 lines belong to this call',
    ]);
    const layers = page.getByRole('list', { name: 'Where the call was decided' }).getByRole('listitem');
    deepStrictEqual((await layers.allInnerTexts()).map((text) => text.split('\n').at(-1)), ['passed', 'allowed', 'approved, used', 'issued', 'passed on', 'refused, 401']);
    strictEqual(await layers.and(page.locator('[aria-current="true"]')).innerText(), 'Resource\nrefused, 401');
    strictEqual(await page.locator('mark').innerText(), '/');
    await page.getByText('nothing expected: STS logs no line for an allowed exchange').waitFor();
    strictEqual(await row(/.*/).count(), 11);
  });

  it('begins with what decided', async () => {
    page = await host.open(browser, { shown: refused });
    ok((await label(chosenEvent())).startsWith('401, 31 ms, billing-api, 10:15:28.227, for 31 ms, failed; comes from 44 ms'), await label(chosenEvent()));
    strictEqual(await text(chosenRow()), '10:15:28.258 gateway info proxied 401 of this call');
    await page.getByRole('heading', { name: 'gateway, line 47' }).waitFor();
  });

  for (const theme of Object.keys(themes) as Theme[]) {
    it(`has nothing for axe to object to in the theme ${theme}`, async () => {
      const standing: Shown = { ...silent, story: { ...silent.story, layers: silent.story.layers.map((layer) => ({ ...layer, mark: 'unknown', decides: false })) } };
      for (const [name, shown] of Object.entries({ refused, silent, held, hostile, standing })) {
        page = await host.open(browser, { theme, shown });
        if (name === 'refused') {
          await page.getByRole('button', { name: '14 rows that agree' }).click();
          await page.getByRole('button', { name: 'Show as table' }).click();
          await row(/^10:14:41/).click();
        }
        await page.waitForFunction(() => document.querySelector('.rows') === null || document.querySelector('.row .time') !== null);
        deepStrictEqual(await objections(page), [], name);
        if (shown !== standing) await page.close();
      }
    });

    it(`is as in our pictures in the theme ${theme}`, async () => {
      page = await host.open(browser, { theme, shown: refused });
      await page.getByRole('heading', { name: 'gateway, line 47' }).waitFor();
      await page.screenshot({ path: join(screenshots, `panel-${theme}.png`) });
      await page.getByRole('heading', { name: 'Not recorded by Caracal' }).scrollIntoViewIfNeeded();
      await page.screenshot({ path: join(screenshots, `panel-more-${theme}.png`) });
      strictEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), { dark: 'rgb(31, 31, 31)', light: 'rgb(255, 255, 255)', highContrast: 'rgb(0, 0, 0)' }[theme]);
    });
  }

  it('is walked through with Tab from the sentence to the log', async () => {
    page = await host.open(browser, { shown: refused });
    await page.getByRole('heading', { name: 'gateway, line 47' }).waitFor();
    const walk: string[] = [];
    for (let step = 0; step < 20; step += 1) {
      await page.keyboard.press('Tab');
      const { name, outline } = await page.evaluate(() => {
        const focused = document.activeElement ?? document.body;
        const ring = getComputedStyle(focused.querySelector('.reach') ?? focused.querySelector('.row.active') ?? focused);
        return { name: focused.getAttribute('aria-label') ?? focused.textContent.trim().replaceAll(/\s+/g, ' '), outline: ring.outlineStyle === 'none' ? ring.stroke : ring.outlineColor };
      });
      if (name !== 'Part of the story') strictEqual(outline, 'rgb(0, 120, 212)', `${name} has no ring`);
      walk.push(name.split(/[,;]/)[0] ?? '');
      if (name.startsWith('Details')) break;
    }
    deepStrictEqual(walk, [
      refused.story.sentence, 'Copy as Markdown', 'Copy request id', 'Where the call was decided', '401', 'Show as table', 'auth.ts:5', 'auth.ts:6', 'auth.ts:8', 'auth.ts:9', '14 rows that agree',
      'Remove the slash at the end of the issuer in auth.ts:5. Keys load with or without it', 'policies/refunds', 'Simulate…', 'Part of the story', 'Open log in editor', 'Log rows', 'Details of what is chosen',
    ]);
  });

  it('moves among events and rows with the arrows, and Enter shows the counterpart', async () => {
    page = await host.open(browser, { shown: refused });
    await chosenEvent().focus();
    await page.keyboard.press('Home');
    const focused = async (): Promise<string> => page.evaluate(() => document.activeElement?.getAttribute('aria-label')?.split(',')[0] ?? '');
    strictEqual(await focused(), 'bootstrap');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    strictEqual(await focused(), 'delegation');
    strictEqual(await page.locator('.caption').innerText(), 'delegation, Coordinator, 10:14:03.123; comes from session, by session id, certain; leads to mint held, by Delegation id, certain');
    await page.keyboard.press('ArrowDown');
    strictEqual(await focused(), 'mint held');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    strictEqual(await text(chosenRow()), '10:14:03.123 coordinator info request completed 201 of this call');
    strictEqual(await focused(), 'delegation');
    await page.keyboard.press('End');
    strictEqual(await focused(), '401');
    await page.keyboard.press('F6');
    const active = async (): Promise<string> => page.evaluate(() => document.getElementById(document.activeElement?.getAttribute('aria-activedescendant') ?? '')?.innerText.replaceAll('\n', ' ') ?? '');
    strictEqual(await active(), '10:14:03.123 coordinator info request completed 201 of this call');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    strictEqual(await active(), '10:15:28.259 billing-api info mandate refused: invalid_token 401 of this call');
    await page.keyboard.press('Enter');
    ok((await label(chosenEvent())).startsWith('44 ms, Gateway'));
    await page.keyboard.press('F6');
    strictEqual(await focused(), '401');
  });

  it('chooses rows by events and events by rows', async () => {
    page = await host.open(browser, { shown: refused });
    await page.getByRole('heading', { name: 'gateway, line 47' }).waitFor();
    await heard(page, 'readLogRecord');
    await event(/^approved by dana/).click();
    strictEqual(await text(chosenRow()), '10:15:26.868 web info operator action approve of this call');
    deepStrictEqual(await heard(page, 'readLogRecord'), [{ type: 'readLogRecord', row: 45 }]);
    strictEqual(await page.locator('.row.related').count(), 2);
    await event(/^bootstrap/).click();
    strictEqual(await chosenRow().count(), 0);
    await page.getByRole('region', { name: 'Details of what is chosen' }).getByText('no line belongs to it').waitFor();
    await row(/coordinator.*of this call/).click();
    ok((await label(chosenEvent())).startsWith('delegation'));
    await row(/outbox event dispatched/).click();
    strictEqual(await chosenEvent().count(), 0);
    await page.getByRole('button', { name: 'Open log in editor' }).click();
    deepStrictEqual(await heard(page, 'openLog'), [{ type: 'openLog', row: 42 }]);
  });

  it('asks for what the user starts, by where it stands', async () => {
    page = await host.open(browser, { shown: refused });
    await page.getByRole('link', { name: 'auth.ts:9' }).click();
    const [follow] = await heard(page, 'follow');
    ok(follow?.type === 'follow');
    const cell = follow.path.reduce<unknown>((at, step) => (at as Record<string | number, unknown>)[step], refused.story) as { text: string };
    strictEqual(cell.text, 'auth.ts:9');
    await page.getByRole('button', { name: 'Simulate…' }).click();
    await page.getByRole('button', { name: 'Copy request id' }).click();
    await page.getByRole('button', { name: 'Copy as Markdown' }).click();
    deepStrictEqual([...(await heard(page, 'act')), ...(await heard(page, 'copy'))], [{ type: 'act', action: 'simulate' }, { type: 'copy', what: 'requestId' }, { type: 'copy', what: 'markdown' }]);
  });

  it('shows how it stands before there is a story', async () => {
    page = await host.open(browser);
    deepStrictEqual(await heard(page, 'ready'), [{ type: 'ready' }]);
    await send(page, { type: 'showStanding', text: 'Looking for request …f90ae7.', isBusy: true });
    await page.getByRole('progressbar', { name: 'Looking for request …f90ae7.' }).waitFor();
    deepStrictEqual(await objections(page), []);
    await send(page, { type: 'showStanding', text: 'Cannot tell: the audit cannot be read.', isBusy: false });
    await page.getByRole('heading', { name: 'Cannot tell: the audit cannot be read.' }).waitFor();
    strictEqual(await page.getByRole('progressbar').count(), 0);
    deepStrictEqual(await objections(page), []);
  });

  it('takes later events without moving anything', async () => {
    const { timeline } = refused.story;
    const items = timeline.items.slice(0, 8);
    const early: Shown = { ...refused, story: { ...refused.story, timeline: { ...timeline, items } } };
    page = await host.open(browser, { shown: early, height: 600 });
    await page.getByRole('button', { name: '14 rows that agree' }).click();
    const main = page.getByRole('main');
    await main.evaluate((pane) => (pane.scrollTop = 400));
    const before = await page.getByRole('button', { name: '14 rows that agree' }).boundingBox();
    await send(page, { type: 'showStory', story: refused.story, timeZone: 'UTC' });
    await page.getByRole('status').getByText('2 events came later').waitFor();
    deepStrictEqual(await page.getByRole('button', { name: '14 rows that agree', expanded: true }).boundingBox(), before);
    strictEqual(await page.locator('.mark.late').count(), 2);
    ok((await label(chosenEvent())).startsWith('use'), 'the choice has changed');
  });

  it('keeps place, choice and folds when the page is loaded again', async () => {
    page = await host.open(browser, { shown: large, height: 600 });
    await send(page, { type: 'keepSubject', subject: { id: 7 } });
    await page.getByRole('button', { name: '14 rows that agree' }).click();
    await page.getByRole('separator').press('ArrowLeft');
    await page.getByRole('main').evaluate((pane) => (pane.scrollTop = 300));
    await page.locator('.rows').evaluate((list) => (list.scrollTop = 22_000));
    await row(/line 1006\b/).click();
    await page.waitForFunction(() => (window.kept as { row?: number; storyTop?: number } | undefined)?.row === 1006);
    await page.reload();
    await show(page, large);
    await page.waitForFunction(() => document.querySelector('main')?.scrollTop === 300);
    deepStrictEqual(await page.evaluate(() => ({ log: document.querySelector('.rows')?.scrollTop, split: document.querySelector('[role=separator]')?.getAttribute('aria-valuenow') })), { log: 22_000, split: '61' });
    await row(/line 1006\b/).and(page.locator('[aria-selected=true]')).waitFor();
    await page.getByRole('button', { name: '14 rows that agree', expanded: true }).waitFor();
    await page.getByRole('heading', { name: /line 1006/ }).waitFor();
    ok(JSON.stringify(await page.evaluate(() => window.kept ?? sessionStorage.getItem('kept'))).includes('subject'));
  });

  it('shows hostile text as text', async () => {
    page = await host.open(browser, { shown: hostile });
    await row(/.*/).first().waitFor();
    await page.getByRole('button', { name: 'Show as table' }).click();
    const found = await page.evaluate(() => ({
      hurt: (window as { hurt?: unknown }).hurt, scripts: document.scripts.length, images: document.images.length, handlers: [...document.querySelectorAll('*')].flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith('on')),
      bidi: /\p{Bidi_Control}/u.test(document.body.textContent), attributes: [...document.querySelectorAll('*')].flatMap((element) => element.getAttributeNames().map((name) => element.getAttribute(name) ?? '')).filter((value) => /\p{Bidi_Control}/u.test(value)),
    }));
    deepStrictEqual(found, { hurt: undefined, scripts: 1, images: 0, handlers: [], bidi: false, attributes: [] });
    ok((await page.getByRole('heading', { level: 1 }).innerText()).includes('<script>window.hurt = 1</script>'));
    ok((await page.getByRole('heading', { level: 1 }).innerText()).includes('‹U+202E›gnp.exe'));
  });

  const sizes = [[320, 900], [320, 400], [676, 413], [899, 700], [901, 700], [2_000, 1_000]] as const;
  for (const [width, height] of sizes) {
    it(`fits ${width} by ${height} pixels without scrolling sideways`, async () => {
      for (const [name, shown] of Object.entries({ refused, hostile, held, silent })) {
        page = await host.open(browser, { width, height, shown });
        if (name !== 'silent') await row(/.*/).first().waitFor();
        if (await page.getByRole('button', { name: 'Show as table' }).isVisible()) await page.getByRole('button', { name: 'Show as table' }).click();
        if (name === 'refused') await page.screenshot({ path: join(screenshots, `panel-${width}x${height}.png`) });
        const wide = await page.evaluate(() => [document.scrollingElement, ...document.querySelectorAll('main, aside, .rows, .details')].flatMap((pane) => (pane !== null && pane.scrollWidth > pane.clientWidth ? [`${pane.className} ${pane.tagName} ${pane.scrollWidth} > ${pane.clientWidth}`] : [])));
        deepStrictEqual(wide, [], name);
        if (name !== 'silent') await page.close();
      }
    });
  }

  it('stays fluid with 5,000 events and 100,000 rows', async () => {
    page = await host.open(browser, { shown: large });
    await page.getByRole('heading', { name: /line 86420/ }).waitFor();
    const scrolled = await frames(page, 120, (step) => {
      const list = document.querySelector('.rows');
      if (list !== null) list.scrollTop = (step / 120) * list.scrollHeight;
    });
    await page.locator('.rows').evaluate((list) => (list.scrollTop = list.scrollHeight));
    await row(/line 99999\b/).waitFor();
    const chosen = await frames(page, 60, (step) => {
      const marks = document.querySelectorAll('.timeline .mark');
      marks[(step * 37) % marks.length]?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    });
    const walked = await frames(page, 60, () => document.querySelector('.timeline .mark[tabindex="0"]')?.dispatchEvent(new FocusEvent('focus')));
    const drawn = await page.evaluate(() => ({ marks: document.querySelectorAll('.timeline .mark').length, rows: document.querySelectorAll('.row').length, all: document.querySelectorAll('*').length }));
    say(`frames, median and longest: scrolling 100,000 rows ${scrolled.join(', ')} ms; choosing among 5,000 events ${chosen.join(', ')} ms; walking among them ${walked.join(', ')} ms; ${drawn.marks} marks, ${drawn.rows} rows, ${drawn.all} elements`);
    ok(Math.max(...scrolled, ...chosen, ...walked) < 1_000, 'a frame took a second');
    ok(drawn.marks < 600 && drawn.rows < 100, JSON.stringify(drawn));
  });

  it('does not scroll the log for a row that is in sight', async () => {
    page = await host.open(browser, { shown: large, height: 1_600 });
    const list = page.locator('.rows');
    const top = await list.evaluate(({ scrollTop }) => scrollTop);
    ok(top > 0, 'the first choice is in sight');
    await event(/^event 4322/).click();
    ok((await label(chosenEvent())).startsWith('event 4322'));
    strictEqual(await list.evaluate(({ scrollTop }) => scrollTop), top);
    await event(/^[\d,]+ events? of/).first().click();
    await page.waitForFunction((before) => document.querySelector('.rows')?.scrollTop !== before, top);
  });
});

/** Does something before each of some frames; returns the median and the longest time from one to the next, in milliseconds. */
async function frames(page: Page, steps: number, act: (step: number) => void): Promise<readonly [median: number, longest: number]> {
  return page.evaluate(async ({ count, source }) => {
    const step = (0, eval)(source) as (step: number) => void;
    const times: number[] = [];
    let last = await new Promise<number>(requestAnimationFrame);
    for (let index = 0; index < count; index += 1) {
      step(index);
      const now = await new Promise<number>(requestAnimationFrame);
      times.push(now - last);
      last = now;
    }
    times.sort((a, b) => a - b);
    return [Math.round(times[Math.floor(times.length / 2)] ?? 0), Math.round(times.at(-1) ?? 0)] as const;
  }, { count: steps, source: `(${act.toString()})` });
}
