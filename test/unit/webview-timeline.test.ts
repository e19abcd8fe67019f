import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Timeline, TimelineItem } from '../../src/trace/story.ts';
import { drawingOf } from '../../src/webview/timelineLayout.ts';
import type { DrawnText, Drawing } from '../../src/webview/timelineLayout.ts';
import { scaleOf } from '../../src/webview/timelineScale.ts';
import { Clock, durationText } from '../../src/webview/times.ts';

const clock = new Clock('UTC');
const start = Date.UTC(2026, 7, 20, 10, 14, 2);

describe('the scale of a timeline', () => {
  const cases: readonly { readonly name: string; readonly moments: readonly number[]; readonly stretches: readonly (readonly [number, number])[] }[] = [
    { name: 'has no break between two moments', moments: [0, 5_000], stretches: [[0, 5_000]] },
    { name: 'has no break among moments that follow one another', moments: [0, 100, 200, 300, 420], stretches: [[0, 420]] },
    { name: 'has no break among a few that are as far apart', moments: [0, 100, 250, 350], stretches: [[0, 350]] },
    { name: 'leaves out a long wait', moments: [0, 100, 200, 90_000, 90_100], stretches: [[0, 200], [90_000, 90_100]] },
    { name: 'leaves out several gaps, each long beside what is left', moments: [310, 658, 1_123, 1_400, 84_868, 86_030, 86_211, 86_258], stretches: [[310, 1_400], [84_868, 84_868], [86_030, 86_258]] },
    { name: 'shows one moment', moments: [7, 7], stretches: [[7, 7]] },
    { name: 'is empty without moments', moments: [], stretches: [] },
  ];
  for (const { name, moments, stretches } of cases) {
    it(name, () => deepEqual(scaleOf(moments, 100, 800).stretches.map(({ from, until }) => [from, until]), stretches));
  }

  it('keeps the order of moments, stays between its ends, and is true to scale within a stretch', () => {
    const { x } = scaleOf([0, 100, 200, 300, 90_000, 90_100], 100, 800);
    const places = [0, 50, 100, 200, 300, 1_000, 50_000, 90_000, 90_050, 90_100].map(x);
    deepEqual(places, places.toSorted((a, b) => a - b));
    ok(places.every((place) => place >= 100 && place <= 800), String(places));
    equal(Math.round(x(100) - x(0)), Math.round(x(300) - x(200)));
  });

  it('has fewer breaks where there is less room', () => {
    const moments = [0, 1, 2, 1_000, 1_001, 2_000_000, 2_000_001];
    deepEqual([700, 200, 100].map((right) => scaleOf(moments, 0, right).stretches.length), [3, 2, 1]);
  });
});

const item = (id: string, lane: number, from: number, more: Partial<TimelineItem> = {}): TimelineItem => ({
  id, lane, label: `event ${id}`, from: start + from, until: undefined, isWait: false, mark: 'none', requestId: '', isAskedFor: false, details: [], ...more,
});
const timeline = (items: readonly TimelineItem[], joins: Timeline['joins'] = []): Timeline => ({ summary: '', lanes: ['Approval', 'Coordinator', 'STS'], items, joins });
const draw = (of: Timeline, chosen?: string, width = 700): Drawing => drawingOf(of, chosen, { width, measure: (text) => text.length * 6, zoom: 1, clock });

function boxOf({ text, x, y, anchor }: DrawnText): { readonly left: number; readonly right: number; readonly y: number } {
  const width = text.length * 6;
  const left = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2;
  return { left, right: left + width, y };
}

describe('the drawing of a timeline', () => {
  const crowd = Array.from({ length: 5_000 }, (_, index) => item(String(index), index % 3, index * 700));

  for (const [name, items, width] of [
    ['few events', [item('a', 0, 0), item('b', 0, 10), item('c', 0, 20), item('d', 1, 20), item('e', 2, 90_000), item('f', 2, 90_010, { until: start + 90_400 })], 700],
    ['few events in a narrow panel', [item('a', 0, 0), item('b', 0, 10), item('c', 0, 20), item('d', 1, 20), item('e', 2, 90_000)], 260],
    ['many events', crowd.map((each, index) => (index % 500 === 3 ? { ...each, isAskedFor: true } : each)), 700],
  ] as const) {
    it(`never puts a text on another: ${name}`, () => {
      const { labels, axis } = draw(timeline(items), undefined, width);
      const boxes = [...labels, ...axis].map(boxOf);
      boxes.forEach((box, index) => {
        ok(box.left >= 0 && box.right <= width, `${index} is outside`);
        for (const other of boxes.slice(index + 1)) ok(Math.abs(box.y - other.y) >= 10 || box.right <= other.left || other.right <= box.left, JSON.stringify([box, other]));
      });
      ok(labels.length > 0);
    });
  }

  it('joins marks that fall on the same pixels, and counts them', () => {
    const { marks } = draw(timeline(crowd));
    ok(marks.length < 200, String(marks.length));
    equal(marks.reduce((sum, { items }) => sum + items.length, 0), 5_000);
  });

  it('draws what was asked for, what failed and what is chosen on its own', () => {
    const items = crowd.map((each, index) => (index === 100 ? { ...each, isAskedFor: true } : index === 2_000 ? { ...each, mark: 'failed' as const } : each));
    const { marks, labels } = draw(timeline(items), '4000');
    for (const id of ['100', '2000', '4000']) equal(marks.find((mark) => mark.items.some((each) => each.id === id))?.items.length, 1, id);
    deepEqual(labels.map(({ text, isFailed }) => [text, isFailed]), [['event 4000', false], ['event 2000', true], ['event 100', false]]);
  });

  it('has bars only where a duration is real, and a dashed one for a wait', () => {
    const { marks } = draw(timeline([item('a', 0, 0), item('b', 1, 0, { until: start + 40 }), item('c', 2, 0, { until: start + 40, isWait: true })]));
    deepEqual(new Map(marks.map(({ items, shape }) => [items[0]?.id, shape])), new Map([['a', 'moment'], ['b', 'bar'], ['c', 'wait']]));
  });

  it('cuts a bar that runs through a break', () => {
    const items = [item('a', 0, 0), item('b', 0, 10), item('c', 1, 20, { until: start + 60_000 }), item('d', 2, 60_010)];
    deepEqual(draw(timeline(items)).cuts.map(({ y }) => y), draw(timeline(items)).marks.filter(({ shape }) => shape === 'bar').map(({ y }) => y));
    equal(draw(timeline(items.filter(({ id }) => id !== 'c'))).cuts.length, 0);
  });

  it('tells a join by its key and certainty, and leaves out one whose event is not there', () => {
    const joins: Timeline['joins'] = [{ from: 'a', to: 'b', key: 'session id', certainty: 'certain' }, { from: 'b', to: 'gone', key: 'time', certainty: 'likely' }];
    deepEqual(draw(timeline([item('a', 0, 0), item('b', 1, 10)], joins)).joins.map(({ words, isCertain }) => [words, isCertain]), [['event a to event b: session id, certain', true]]);
  });

  for (const [name, later, axis] of [
    ['a second once, and how long nothing happened', 83_000, ['10:14:02.000', '.100', '10:15:25.000', '.100', '83 s']],
    ['the day where it changes', 3 * 86_400_000, ['10:14:02.000', '.100', '23 Aug 10:14:02.000', '.100']],
  ] as const) {
    it(`writes ${name}`, () => deepEqual(draw(timeline([item('a', 0, 0), item('b', 0, 100), item('c', 0, later), item('d', 0, later + 100)]), undefined, 1_200).axis.map(({ text }) => text), axis));
  }
});

describe('a duration', () => {
  for (const [duration, text] of [[0.4, '0 ms'], [44, '44 ms'], [1_162, '1.2 s'], [83_468, '83 s'], [240_000, '4 min'], [10_800_000, '3 h'], [172_800_000, '2 d']] as const) it(`is ${text}`, () => equal(durationText(duration), text));
});
