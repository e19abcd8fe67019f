import { deepEqual, equal, ok } from 'node:assert/strict';
import type { PanelLogRow } from '../../src/trace/panelMessages.ts';
import type { Story, TimelineItem } from '../../src/trace/story.ts';
import { panelHtml } from '../../src/ui/panelHtml.ts';
import { firstChoice, itemOf, rowOf } from '../../src/webview/choice.ts';
import { LogPages, PAGE } from '../../src/webview/logPages.ts';
import { count, visible } from '../../src/webview/text.ts';

describe('a text in the panel', () => {
  for (const [name, text, shown] of [
    ['stays as it is', 'Größe, 中文, שלום, 👩‍👩‍👧 & <b>', 'Größe, 中文, שלום, 👩‍👩‍👧 & <b>'],
    ['names what turns it around', 'a\u202Eb\u2069', 'a‹U+202E›b‹U+2069›'],
    ['names what shows nothing', 'a\u200Bb\uFEFFc\u0000', 'a‹U+200B›b‹U+FEFF›c‹U+0000›'],
    ['keeps its lines', 'a\n\tb', 'a\n\tb'],
  ] as const) it(name, () => equal(visible(text), shown));

  it('counts', () => deepEqual([count(1, 'event'), count(5_000, 'event')], ['1 event', '5,000 events']));
});

const item = (id: string, from: number, more: Partial<TimelineItem> = {}): TimelineItem => ({ id, lane: 0, label: id, from, until: undefined, isWait: false, mark: 'none', requestId: 'r', isAskedFor: false, details: [], ...more });

describe('events and rows', () => {
  const own = [{ place: 3, row: 30, time: 1_000, requestId: 'r' }, { place: 5, row: 50, time: 2_000, requestId: 'r' }, { place: 6, row: 60, time: 2_001, requestId: 'other' }, { place: 7, row: 70, time: null, requestId: 'r' }];
  for (const [name, event, row] of [
    ['nearest in time', item('a', 1_900), 50],
    ['within the duration of the event', item('a', 0, { until: 1_500 }), 30],
    ['none without a request id', item('a', 1_000, { requestId: '' }), undefined],
    ['none of another request', item('a', 1_000, { requestId: 'unknown' }), undefined],
  ] as const) it(`the row of an event: ${name}`, () => equal(rowOf(event, own)?.row, row));

  it('a row whose time nobody knows is of an event if there is no other', () => equal(rowOf(item('a', 5), own.slice(3))?.row, 70));

  it('the event of a row', () => {
    const items = [item('a', 0), item('b', 900, { until: 1_100 }), item('c', 1_000, { requestId: 'other' })];
    deepEqual([itemOf({ requestId: 'r', time: 1_050 }, items)?.id, itemOf({ requestId: 'r', time: null }, items)?.id, itemOf({ requestId: '', time: 0 }, items)], ['b', 'a', undefined]);
  });

  it('the first choice is what failed of what was asked for, or its end', () => {
    const story = (items: readonly TimelineItem[]): Story => ({ timeline: { items } }) as unknown as Story;
    const asked = { isAskedFor: true };
    equal(firstChoice(story([item('a', 0, { ...asked, mark: 'failed' }), item('b', 1, asked), item('c', 2, { mark: 'failed' })]))?.id, 'a');
    equal(firstChoice(story([item('a', 0, asked), item('b', 1, asked), item('c', 2)]))?.id, 'b');
    equal(firstChoice(story([])), undefined);
  });
});

describe('the pages of a log', () => {
  const rows = (from: number): readonly PanelLogRow[] => Array.from({ length: PAGE }, (_, index) => ({ row: from + index, time: 0, source: '', level: '', message: '', status: '', requestId: '', isOwn: false, note: '' }));

  it('are asked for once, and only as many as there are rows', () => {
    const pages = new LogPages();
    deepEqual(pages.wanted(-12, 30, 100_000), [0]);
    deepEqual(pages.wanted(-12, 30, 100_000), []);
    deepEqual(pages.wanted(0, 30, 0), []);
    pages.take(0, rows(0));
    deepEqual([pages.row(7)?.row, pages.row(PAGE)], [7, undefined]);
    deepEqual(pages.wanted(PAGE - 10, PAGE + 30, PAGE + 5), [PAGE]);
  });

  it('are not asked for while too many are unanswered', () => {
    const pages = new LogPages();
    const asked = [0, 10_000, 20_000, 30_000, 40_000].flatMap((from) => pages.wanted(from, from + 20, 100_000));
    deepEqual(asked, [0, 10_000, 20_000]);
    pages.take(0, rows(0));
    deepEqual(pages.wanted(40_000, 40_020, 100_000), [40_000]);
  });

  it('stand until they are read again', () => {
    const pages = new LogPages();
    pages.wanted(0, 20, 1_000);
    pages.take(0, rows(0));
    pages.outdate();
    equal(pages.row(0)?.row, 0);
    deepEqual(pages.wanted(0, 20, 1_000), [0]);
  });

  it('are not all kept', () => {
    const pages = new LogPages();
    for (let page = 0; page < 100; page += 1) {
      pages.wanted(page * PAGE, page * PAGE + 1, 100_000);
      pages.take(page * PAGE, rows(page * PAGE));
    }
    deepEqual([pages.row(0), pages.row(99 * PAGE)?.row], [undefined, 99 * PAGE]);
    deepEqual(pages.wanted(0, 1, 100_000), [0]);
  });
});

describe('the page of the panel', () => {
  it('allows only its own script and styles, and holds what it is given as text', () => {
    const html = panelHtml({ title: 'Request evidence', nonce: 'abc', cspSource: 'https://*.vscode-cdn.net', script: 'https://host/panel.js?"><script>', styles: 'https://host/panel.css' });
    ok(html.includes(`content="default-src 'none'; script-src 'nonce-abc'; style-src https://*.vscode-cdn.net 'nonce-abc'; font-src https://*.vscode-cdn.net; img-src https://*.vscode-cdn.net"`), html);
    ok(html.includes('<script nonce="abc" src="https://host/panel.js?&quot;>&lt;script>"></script>'), html);
    equal(html.match(/<script/g)?.length, 1);
  });
});
