import type { Timeline, TimelineItem } from '../trace/story.ts';
import { numberText, visible } from './text.ts';
import { endsOf, scaleOf } from './timelineScale.ts';
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
  /** Where a bar runs through a break. */
  readonly cuts: readonly { readonly x: number; readonly y: number }[];
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
    cuts: scale.stretches.slice(1).flatMap(({ left }, index) => {
      const right = scale.stretches[index]?.right ?? left;
      return marks.filter((mark) => mark.shape === 'bar' && mark.left < right && mark.right > left).map(({ y }) => ({ x: (right + left) / 2, y }));
    }),
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
  /** Where the mark is that takes others of its kind. */
  const open = new Map<string, number>();
  for (const mark of drawn) {
    const isAlone = mark.items.some(({ id }) => alone.has(id));
    const kind = isCrowded && mark.shape !== 'wait' ? 'any' : mark.shape;
    const before = merged[open.get(kind) ?? -1];
    const near = isCrowded ? SAME : mark.shape === 'moment' ? HALF : 0;
    if (before !== undefined && !isAlone && mark.left - before.left < near) {
      merged[open.get(kind) ?? 0] = { ...before, items: [...before.items, ...mark.items], right: Math.max(before.right, mark.right), isFailed: before.isFailed || mark.isFailed, isPassed: before.isPassed && mark.isPassed };
    } else {
      merged.push(mark);
      if (!isAlone) open.set(kind, merged.length - 1);
    }
  }
  return merged;
}

/** The ends of the stretches, then how long each break is, as far as there is room. */
function axisOf({ stretches }: Scale, { clock, measure, width }: Room): readonly DrawnText[] {
  const axis: (DrawnText & { readonly half: number })[] = [];
  const write = (text: string, at: number): boolean => {
    const half = measure(text) / 2;
    const x = Math.min(at, width - half);
    if (x < half || axis.some((other) => Math.abs(other.x - x) < other.half + half + 8)) return false;
    axis.push({ text, x, y: 12, anchor: 'middle', isFailed: false, half });
    return true;
  };
  let second = '';
  for (const { at, x } of stretches.flatMap(endsOf)) {
    const day = clock.day(at);
    const time = clock.time(at);
    const itsSecond = `${day} ${time.slice(0, 8)}`;
    const text = itsSecond === second ? time.slice(8) : second === '' || second.startsWith(day) ? time : `${day} ${time}`;
    if (write(text, x)) second = itsSecond;
  }
  stretches.slice(1).forEach(({ from, left }, index) => {
    const before = stretches[index];
    if (before !== undefined) write(durationText(from - before.until), (before.right + left) / 2);
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
  return items.length === 1 && item !== undefined ? visible(item.label) : numberText(items.length);
}

/** The texts that find a place beside their marks; the chosen one looks first. */
function labelsOf(wanted: readonly DrawnMark[], marks: readonly DrawnMark[], left: number, { width, measure, zoom }: Room, chosen: string | undefined): readonly DrawnText[] {
  const taken: Box[] = marks.map((mark) => ({ left: mark.left - HALF, right: mark.right + HALF, top: mark.y - HALF, bottom: mark.y + HALF }));
  const rank = ({ items, isFailed }: DrawnMark): number => (items.some(({ id }) => id === chosen) ? 0 : isFailed ? 1 : items.some(({ isAskedFor, isWait }) => isAskedFor || isWait) ? 2 : 3);
  return wanted.toSorted((a, b) => rank(a) - rank(b)).flatMap((mark) => {
    const text = markLabel(mark);
    const length = measure(text);
    const middle = (mark.left + mark.right) / 2;
    const beside = { x: mark.right + 9, y: mark.y + 4 * zoom, anchor: 'start' as const };
    const above = { x: middle, y: mark.y - 8 * zoom, anchor: 'middle' as const };
    const around = [{ x: mark.left - HALF, y: above.y, anchor: 'start' as const }, { x: mark.right + HALF, y: above.y, anchor: 'end' as const }, { x: mark.left - 9, y: beside.y, anchor: 'end' as const }];
    const places = { moment: [above, ...around.slice(0, 2), beside, ...around.slice(2)], bar: [beside, above, ...around], wait: [above, ...around.slice(0, 2)] }[mark.shape];
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
