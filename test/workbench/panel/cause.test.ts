import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { artifactsFolder } from '../../../scripts/lib/paths.ts';
import { openBrowser } from '../../../scripts/vscode/browser.ts';
import { causeStory } from '../../../src/ui/cause/causeStory.ts';
import type { CauseStoryInput } from '../../../src/ui/cause/causeStory.ts';
import { abstention, double, gone, hostile, leftBehind, redisStopped, single } from '../../unit/causeParts.ts';
import { PanelHost, heard, objections, send } from './page.ts';
import { themes } from './themes.ts';
import type { Theme } from './themes.ts';

const screenshots = join(artifactsFolder, 'screenshots');

/** The page of the panel of causes in a browser, under the policy that VS Code sets. */
describe('The panel of a cause', () => {
  let browser: Browser;
  let host: PanelHost;
  let page: Page;

  before(async () => {
    await mkdir(screenshots, { recursive: true });
    host = await PanelHost.start('cause');
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

  const tell = async (input: CauseStoryInput): Promise<void> => {
    await send(page, { type: 'showStory', story: causeStory(input) });
    await page.getByRole('heading', { level: 1 }).waitFor();
  };
  const open = async (input: CauseStoryInput, options: { readonly theme?: Theme; readonly width?: number; readonly height?: number } = {}): Promise<void> => {
    page = await host.open(browser, { width: 960, ...options });
    await tell(input);
  };
  const card = (): Locator => page.getByRole('region', { name: /^Remedy/ });
  const texts = async (locator: Locator): Promise<readonly string[]> => (await locator.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim());

  it('tells why it is the one, in its order', async () => {
    await open(single);
    strictEqual(await page.getByRole('heading', { level: 1 }).innerText(), 'Redis is stopped');
    deepStrictEqual(await texts(page.getByRole('heading', { level: 2 })), ['Candidates', 'Speaks for it 5', 'Would speak against it 0 of 2 seen, 1 cannot be looked at', 'From cause to symptom', 'Remedy: start Redis']);
    strictEqual(await page.getByRole('row').and(page.locator('[aria-current]')).getByRole('rowheader').innerText(), 'Redis is stopped');
    await page.getByRole('row', { name: /^cause 2 Coordinator events are dead confirmed left behind by cause 1 ?: 3 dead/ }).waitFor();
    strictEqual(await page.getByRole('list', { name: 'Order of recovery' }).locator('[aria-current]').innerText(), '2 Stores');
    strictEqual(await card().locator('pre').innerText(), 'docker compose -p caracal start redis');
  });

  for (const theme of Object.keys(themes) as Theme[]) {
    it(`has nothing for axe to object to in the theme ${theme}`, async () => {
      await open(single, { theme, height: 960 });
      await page.screenshot({ path: join(screenshots, `cause-single-${theme}.png`) });
      // Together they have everything that there is to see.
      for (const [name, input] of Object.entries({ untrusted: { ...double, cause: redisStopped, isTrusted: false }, abstention, gone })) {
        await tell(input);
        await page.evaluate(() => document.querySelector('details')?.setAttribute('open', ''));
        deepStrictEqual(await objections(page), [], name);
        await page.screenshot({ path: join(screenshots, `cause-${name}-${theme}.png`) });
      }
      await send(page, { type: 'showNothing', text: 'This cause belongs to a target that is no longer picked.' });
      await page.getByRole('heading', { name: 'This cause belongs to a target that is no longer picked.' }).waitFor();
      deepStrictEqual(await objections(page), []);
    });
  }

  it('is walked through with Tab from its name to its remedy', async () => {
    await open(single);
    const walk: string[] = [];
    for (let step = 0; step < 24; step += 1) {
      await page.keyboard.press('Tab');
      const { name, outline } = await page.evaluate(() => {
        const focused = document.activeElement ?? document.body;
        if (focused === document.body) return { name: '', outline: '' };
        return { name: focused.getAttribute('aria-label') ?? focused.textContent.trim().replaceAll(/\s+/g, ' '), outline: getComputedStyle(focused).outlineColor };
      });
      if (name === '') break;
      strictEqual(outline, 'rgb(0, 120, 212)', `${name} has no ring`);
      walk.push(name.replace(/^(Observation \w+).*, of (.*)$/, '$1 of $2'));
    }
    deepStrictEqual(walk, [
      'Redis is stopped', 'Why this order', 'Coordinator events are dead', 'Observation Redis of Redis refuses the password', 'Observation Postgres of Postgres is stopped', 'Observation audit of audit › Health',
      'Observation Redis of Redis › Reachable: refused in 1 ms; container stopped', 'Observation Compose of Compose › Containers: redis stopped at 14:02:11, exit 0', 'Observation sts of sts and gateway answer redis_unreachable',
      'Observation api of api and coordinator hang 18 s, then answer 500', 'Observation audit of log of audit: cannot read a stream, 741 times', 'Observation Postgres of Postgres › Reachable fails as well', 'Observation web of web › Ready fails as well',
      'Observation Redis of Redis › Signs in passes', 'Observation Redis of Redis is stopped', 'Observation audit of Audit’s reader of the stream fails', 'Observation audit of audit › Ready', 'Start Redis…', 'Command', 'Copy command', 'Redis › Reachable', 'sts › Ready',
    ]);
  });

  it('asks its host for what the user starts', async () => {
    await open(single);
    await heard(page, 'ready');
    for (const name of ['Why this order', 'Coordinator events are dead', /^Observation Compose/, 'sts › Ready'] as const) await page.getByRole('link', { name }).click();
    await page.getByRole('button', { name: 'Start Redis…' }).press('Enter');
    await page.getByRole('button', { name: 'Copy command' }).click();
    await page.getByText('Copied').waitFor({ state: 'attached' });
    deepStrictEqual(await page.evaluate(() => window.said), [
      { type: 'showOrder' }, { type: 'showCause', cause: 'coordinator-outbox-dead' }, { type: 'showRecord', check: 'CRC-SVC-003' }, { type: 'showInTree', check: 'CRC-RDY-021' },
      { type: 'runRemedy', remedy: 'start-container' }, { type: 'copyCommand', remedy: 'start-container', place: 0 },
    ]);
    await tell(abstention);
    await page.getByRole('button', { name: 'Run Check' }).click();
    await page.getByRole('button', { name: 'Copy dry run' }).click();
    deepStrictEqual((await page.evaluate(() => window.said)).slice(-2), [{ type: 'runCheck', check: 'CRC-SVC-050' }, { type: 'copyCommand', remedy: 'restart', place: null }]);
  });

  it('has no button where an earlier cause is open, and none that works where the workspace is not trusted', async () => {
    await open(leftBehind);
    strictEqual(await page.getByRole('button', { name: /Requeue/ }).count(), 0);
    await card().getByRole('link', { name: 'first: cause 1 start Redis' }).click();
    deepStrictEqual(await heard(page, 'showCause'), [{ type: 'showCause', cause: 'redis-stopped' }]);
    await tell(double);
    await card().getByRole('link', { name: 'run it' }).click();
    deepStrictEqual(await heard(page, 'runProof'), [{ type: 'runProof', remedy: 'activate' }]);
    await tell({ ...single, isTrusted: false });
    await page.getByRole('button', { name: 'Start Redis…', disabled: true }).click({ force: true });
    deepStrictEqual(await heard(page, 'runRemedy'), []);
    await page.getByRole('link', { name: 'Trust this workspace to run remedies' }).click();
    deepStrictEqual(await heard(page, 'manageTrust'), [{ type: 'manageTrust' }]);
  });

  it('goes to its remedy where the user wants that', async () => {
    await open(single, { height: 500 });
    await send(page, { type: 'goToRemedy' });
    const heading = page.getByRole('heading', { name: 'Remedy: start Redis' });
    await heading.and(page.locator(':focus')).waitFor();
    ok(await page.getByRole('main').evaluate((pane) => pane.scrollTop > 0));
    const [top, pane] = [(await heading.boundingBox())?.y ?? 0, (await page.getByRole('main').boundingBox())?.y ?? 0];
    ok(top >= pane && top < pane + 250, String(top));
    await tell(leftBehind);
    strictEqual(await page.getByRole('main').evaluate((shown) => shown.scrollTop), 0, 'another cause begins at its beginning');
  });

  it('is drawn again in its place: nothing scrolls, and the focus stays', async () => {
    await open(single, { height: 500 });
    const main = page.getByRole('main');
    await main.evaluate((pane) => (pane.scrollTop = 150));
    const link = page.getByRole('link', { name: /^Observation api/ });
    await link.focus();
    const [top, before] = [await main.evaluate((pane) => pane.scrollTop), await link.boundingBox()];
    ok(top > 0);
    await tell({ ...single, diagnosis: { ...single.diagnosis, failures: { all: 9, explained: 8 } } });
    await page.getByText('It explains 7 of 9 failures.').waitFor();
    deepStrictEqual([await main.evaluate((pane) => pane.scrollTop), await link.boundingBox()], [top, before]);
    ok(await link.evaluate((focused) => focused === document.activeElement));
    await tell(gone);
    await page.getByText(/^This cause is no longer seen\./).waitFor();
    ok(await link.evaluate((focused) => focused === document.activeElement));
    await page.reload();
    await tell(single);
    strictEqual(await main.evaluate((pane) => pane.scrollTop) > 0, true, 'where the user was before the page was hidden');
    await tell(leftBehind);
    strictEqual(await main.evaluate((pane) => pane.scrollTop), 0);
    strictEqual(await page.evaluate(() => document.activeElement?.tagName), 'H1');
  });

  it('tells what becomes of a remedy where its button was', async () => {
    await open(single);
    const button = page.getByRole('button', { name: 'Start Redis…' });
    await button.focus();
    await tell({ ...single, isBusy: true, statuses: new Map([['start-container', { mark: 'waiting', text: 'Started at 14:09:31. Checking…', changes: [] }]]) });
    const status = card().locator('.status > p');
    strictEqual((await status.innerText()).trim(), 'Started at 14:09:31. Checking…');
    ok(await button.isDisabled());
    await tell(gone);
    strictEqual((await status.innerText()).trim(), 'Started at 14:09:31. It worked: 6 of 7 failures are gone.');
    await page.getByRole('status').getByText(/^Started at 14:09:31\. It worked: .* This cause is no longer seen\./).waitFor({ state: 'attached' });
    strictEqual(await button.count(), 0);
    ok(await status.evaluate((said) => said === document.activeElement), 'the keyboard is where the button was');
    strictEqual((await texts(card().getByRole('listitem').filter({ hasText: 'became' })))[0], 'api › Ready 500 internal_error after 18.4 s → became ready');
    await card().getByText('2 more checks').click();
    await card().getByRole('link', { name: 'audit.events › Consumed' }).click();
    deepStrictEqual(await heard(page, 'showRecord'), [{ type: 'showRecord', check: 'CRC-STR-001' }]);
  });

  it('shows hostile text as text', async () => {
    await open(hostile);
    const found = await page.evaluate(() => ({
      hurt: (window as { hurt?: unknown }).hurt, scripts: document.scripts.length, images: document.images.length, handlers: [...document.querySelectorAll('*')].flatMap((element) => element.getAttributeNames()).filter((name) => name.startsWith('on')),
      bidi: /\p{Bidi_Control}/u.test(document.body.textContent), attributes: [...document.querySelectorAll('*')].flatMap((element) => element.getAttributeNames().map((name) => element.getAttribute(name) ?? '')).filter((value) => /\p{Bidi_Control}/u.test(value)),
    }));
    deepStrictEqual(found, { hurt: undefined, scripts: 1, images: 0, handlers: [], bidi: false, attributes: [] });
    ok((await page.getByRole('heading', { level: 1 }).innerText()).includes('‹U+202E›gnp.exe'));
  });

  for (const [width, height] of [[320, 900], [676, 500], [1_000, 700], [2_000, 1_000]] as const) {
    it(`fits ${width} by ${height} pixels without scrolling sideways`, async () => {
      await open(single, { width, height });
      for (const [name, input] of Object.entries({ single, leftBehind, double, abstention, gone, hostile })) {
        await tell(input);
        await page.evaluate(() => document.querySelector('details')?.setAttribute('open', ''));
        if (width < 700) await page.screenshot({ path: join(screenshots, `cause-${name}-${width}x${height}.png`) });
        const wide = await page.evaluate(() => [document.scrollingElement, ...document.querySelectorAll('main, section, pre, td, li, dd')].flatMap((pane) => (pane !== null && pane.scrollWidth > pane.clientWidth + 1 ? [`${pane.className} ${pane.tagName} ${pane.scrollWidth} > ${pane.clientWidth}`] : [])));
        deepStrictEqual(wide, [], name);
      }
    });
  }
});
