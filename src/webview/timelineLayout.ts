import type { Timeline, TimelineItem } from '../trace/story.ts';
import { visible } from './text.ts';
import { scaleOf } from './timelineScale.ts';
import type { Scale, Stretch } from './timelineScale.ts';
import { durationText } from './times.ts';
import type { Clock } from './times.ts';

export interface Room {
  /** Pixels. */
  readonly width: number;
  /** Pixels of a text as the timeline writes it. */
  readonly measure: (text: string) => number;
  /** How much larger than usual the user's font is. */
  readonly zoom: number;
  readonly clock: Clock;
}

/** What is drawn for one item, or for several that fall on the same pixels. */
export interface DrawnMark {
  readonly items: readonly TimelineItem[];
  readonly shape: 'moment' | 'bar' | 'wait';
  readonly left: number;
  readonly right: number;
  readonly y: number;
  readonly isFailed: boolean;
  readonly isPassed: boolean;
}

export interface DrawnText {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'middle' | 'end';
  readonly isFailed: boolean;
}

export interface DrawnJoin {
  readonly path: string;
  readonly words: string;
  readonly isCertain: boolean;
}

export interface Drawing {
  readonly height: number;
  readonly lanes: readonly { readonly name: string; readonly y: number }[];
  readonly stretches: readonly Stretch[];
  readonly axis: readonly DrawnText[];
  /** In the order of time. */
  readonly marks: readonly DrawnMark[];
  readonly labels: readonly DrawnText[];
  readonly joins: readonly DrawnJoin[];
}

/** Above this, only what was asked for, what failed and what is chosen is labelled and joined. */
const MANY = 40;

/** Places what there is to draw, so that no text covers another. The chosen item is never drawn together with others. */
export function drawingOf({ lanes, items, joins }: Timeline, chosen: string | undefined, room: Room): Drawing {
  const { width, measure, zoom } = room;
  const names = lanes.map(visible);
  const nameWidth = Math.min(width * 0.3, Math.max(0, ...names.map(measure)) + 16);
  const last = items.reduce((latest, { from, until = from }) => Math.max(latest, until), -Infinity);
  const labelled = items.filter(({ from, until = from }) => until === last).map(({ label }) => measure(label));
  const scale = scaleOf(items.flatMap(({ from, until }) => (until === undefined ? [from] : [from, until])), nameWidth, width - Math.min(width * 0.12, Math.max(0, ...labelled)));
  const axisHeight = 26 * zoom;
  const pitch = 26 * zoom;
  const laneY = (lane: number): number => axisHeight + (lane + 0.4) * pitch;
  const isShown = ({ id, isAskedFor, mark }: TimelineItem): boolean => items.length <= MANY || id === chosen || isAskedFor || mark === 'failed';
  const alone = new Set(items.filter((item) => isShown(item) || item.isWait).slice(0, MANY).map(({ id }) => id));
  if (chosen !== undefined) alone.add(chosen);
  const marks = lanes.flatMap((_, lane) => marksOf(items.filter((item) => item.lane === lane), alone, scale, laneY(lane))).sort((a, b) => a.left - b.left || a.y - b.y);
  const isWorth = (mark: DrawnMark): boolean => mark.items.some(({ id, mark: state }) => id === chosen || alone.has(id) || state === 'failed');
  return {
    height: axisHeight + lanes.length * pitch,
    lanes: names.map((name, lane) => ({ name: shortened(name, nameWidth - 8, measure), y: laneY(lane) })),
    stretches: width > nameWidth ? scale.stretches : [],
    axis: axisOf(scale, room),
    marks,
    labels: labelsOf(marks.filter(isWorth), marks, nameWidth, room, chosen),
    joins: joinsOf({ lanes, items, summary: '', joins: joins.length <= MANY ? joins : joins.filter(({ from, to }) => alone.has(from) && alone.has(to)) }, scale, laneY),
  };
}

/** Half of a dot, and within how many pixels marks become one. */
const HALF = 4.5;
const SAME = 14;

function marksOf(items: readonly TimelineItem[], alone: ReadonlySet<string>, scale: Scale, y: number): readonly DrawnMark[] {
  const drawn = items.map((item): DrawnMark => {
    const isMoment = item.until === undefined;
    const left = scale.x(item.from);
    return {
      items: [item], shape: isMoment ? 'moment' : item.isWait ? 'wait' : 'bar', y, left, right: isMoment ? left : Math.max(left + 3, scale.x(item.until)),
      isFailed: item.mark === 'failed', isPassed: item.mark === 'passed',
    };
  }).sort((a, b) => a.left - b.left);
  const isCrowded = drawn.length > MANY;
  const merged: DrawnMark[] = [];
  /** The last merged mark of each shape. */
  const open = new Map<string, number>();
  for (const mark of drawn) {
    const isAlone = mark.items.some(({ id }) => alone.has(id));
    const index = open.get(mark.shape) ?? -1;
    const before = merged[index];
    const near = isCrowded ? SAME : mark.shape === 'moment' ? HALF : 0;
    if (before !== undefined && !isAlone && mark.left - before.left < near) {
      merged[index] = { ...before, items: [...before.items, ...mark.items], right: Math.max(before.right, mark.right), isFailed: before.isFailed || mark.isFailed, isPassed: before.isPassed && mark.isPassed };
    } else {
      merged.push(mark);
      if (!isAlone) open.set(mark.shape, merged.length - 1);
    }
  }
  return merged;
}

function axisOf({ stretches }: Scale, { clock, measure, width }: Room): readonly DrawnText[] {
  const axis: DrawnText[] = [];
  let free = 0;
  let second = '';
  const write = (text: string, x: number): boolean => {
    const half = measure(text) / 2;
    const middle = Math.min(x, width - half);
    if (middle - half < free) return false;
    axis.push({ text, x: middle, y: 12, anchor: 'middle', isFailed: false });
    free = middle + half + 8;
    return true;
  };
  stretches.forEach(({ from, until, left, right }, index) => {
    const next = stretches[index + 1];
    const day = clock.day(from);
    const isOtherDay = index > 0 && day !== clock.day(stretches[index - 1]?.until ?? from);
    const ends = from === until ? [{ at: from, x: (left + right) / 2 }] : [{ at: from, x: left + 14 }, { at: until, x: right - 14 }];
    ends.forEach(({ at, x }, end) => {
      const text = clock.time(at);
      const isSameSecond = text.startsWith(second) && second !== '';
      if (write(isSameSecond ? text.slice(8) : end === 0 && isOtherDay ? `${day} ${text}` : text, x)) second = text.slice(0, 8);
    });
    if (next !== undefined) write(durationText(next.from - until), (right + next.left) / 2);
  });
  return axis;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const meets = (a: Box, b: Box): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** What a mark is called. */
export function markLabel({ items }: DrawnMark): string {
  const [item] = items;
  return items.length === 1 && item !== undefined ? visible(item.label) : items.length.toLocaleString('en');
}

/** The texts that find a place beside their marks; the chosen one looks first. */
function labelsOf(wanted: readonly DrawnMark[], marks: readonly DrawnMark[], left: number, { width, measure, zoom }: Room, chosen: string | undefined): readonly DrawnText[] {
  const taken: Box[] = marks.map((mark) => ({ left: mark.left - HALF, right: mark.right + HALF, top: mark.y - HALF, bottom: mark.y + HALF }));
  const rank = ({ items, isFailed }: DrawnMark): number => (items.some(({ id }) => id === chosen) ? 0 : isFailed ? 1 : items.some(({ isAskedFor }) => isAskedFor) ? 2 : 3);
  return wanted.toSorted((a, b) => rank(a) - rank(b)).flatMap((mark) => {
    const text = markLabel(mark);
    const length = measure(text);
    const middle = (mark.left + mark.right) / 2;
    const beside = { x: mark.right + 9, y: mark.y + 4 * zoom, anchor: 'start' as const };
    const above = { x: middle, y: mark.y - 8 * zoom, anchor: 'middle' as const };
    const places = [
      ...(mark.shape === 'moment' ? [above, beside] : [beside, above]),
      { x: mark.left - HALF, y: above.y, anchor: 'start' as const }, { x: mark.right + HALF, y: above.y, anchor: 'end' as const }, { x: mark.left - 9, y: beside.y, anchor: 'end' as const },
    ];
    for (const { x, y, anchor } of places) {
      const start = anchor === 'start' ? x : anchor === 'end' ? x - length : x - length / 2;
      const box = { left: start - 2, right: start + length + 2, top: y - 9 * zoom, bottom: y + 2 * zoom };
      if (box.left < left || box.right > width || taken.some((other) => meets(box, other))) continue;
      taken.push(box);
      return [{ text, x, y, anchor, isFailed: mark.isFailed }];
    }
    return [];
  });
}

function joinsOf({ items, joins }: Timeline, scale: Scale, laneY: (lane: number) => number): readonly DrawnJoin[] {
  const byId = new Map(items.map((item) => [item.id, item]));
  return joins.flatMap(({ from, to, key, certainty }) => {
    const cause = byId.get(from);
    const effect = byId.get(to);
    if (cause === undefined || effect === undefined) return [];
    // What comes after the end of a stretch comes from its end.
    const x = scale.x(cause.until !== undefined && cause.until <= effect.from ? cause.until : cause.from);
    return [{ path: `M${x} ${laneY(cause.lane)} V${laneY(effect.lane)} H${scale.x(effect.from)}`, words: `${visible(cause.label)} to ${visible(effect.label)}: ${visible(key)}, ${certainty}`, isCertain: certainty === 'certain' }];
  });
}

function shortened(text: string, width: number, measure: Room['measure']): string {
  if (measure(text) <= width) return text;
  let short = text;
  while (short !== '' && measure(`${short}…`) > width) short = short.slice(0, -1);
  return `${short}…`;
}
