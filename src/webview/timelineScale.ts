/** Where nothing happened for long, time is left out: what is left are stretches, each true to scale in itself. */
export interface Stretch {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
  /** Pixels. */
  readonly left: number;
  readonly right: number;
}

export interface Scale {
  readonly stretches: readonly Stretch[];
  /** Pixels of a moment; one within a break lies between its ends. */
  x(at: number): number;
}

/** Pixels beside the first and the last moment of a stretch. */
const PADDING = 14;

/** Pixels of a break, of which some fit into a width. */
function breakWidth(width: number, breaks: number): number {
  return Math.min(Math.max(48, Math.min(110, width * 0.13)), (width * 0.4) / breaks);
}

/** A break must be worth it: more than this part of all that is still drawn, and this many times the mean of the other gaps. */
const LONG = 0.4;
const TIMES = 4;

/** The scale of some moments (milliseconds since 1970) between two places (pixels). */
export function scaleOf(moments: readonly number[], left: number, right: number): Scale {
  const times = [...new Set(moments)].sort((a, b) => a - b);
  const groups = groupsOf(times, Math.max(0, Math.min(6, Math.floor((right - left) / 130))));
  const breaks = groups.length - 1;
  const weights = groups.map(({ length }) => (length === 1 ? 0 : Math.sqrt(length)));
  const weight = weights.reduce((sum, each) => sum + each, 0);
  const room = Math.max(0, right - left - groups.length * 2 * PADDING);
  const gap = breaks === 0 ? 0 : breakWidth(right - left, breaks);
  const spare = Math.max(0, room - breaks * gap);
  let at = left;
  const stretches = groups.map((group, place): Stretch => {
    const width = 2 * PADDING + (weight === 0 ? spare : (spare * (weights[place] ?? 0)) / weight);
    const stretch = { from: group[0] ?? 0, until: group.at(-1) ?? 0, left: at, right: at + width };
    at += width + gap;
    return stretch;
  });
  return { stretches, x: (moment) => place(stretches, moment) };
}

/** The first and the last moment of a stretch, and their places. */
export function endsOf({ from, until, left, right }: Stretch): readonly { readonly at: number; readonly x: number }[] {
  return from === until ? [{ at: from, x: (left + right) / 2 }] : [{ at: from, x: left + PADDING }, { at: until, x: right - PADDING }];
}

/** Moments without the longest gaps between them. */
function groupsOf(times: readonly number[], mostBreaks: number): readonly (readonly number[])[] {
  const gaps = times.slice(1).map((time, index) => ({ end: index + 1, length: time - (times[index] ?? time) })).sort((a, b) => b.length - a.length);
  let span = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const ends: number[] = [];
  for (const { end, length } of gaps.slice(0, mostBreaks)) {
    const others = gaps.length - ends.length - 1;
    // Without another gap there is nothing that a break would make room for.
    if (others === 0 || length <= span * LONG || length <= (TIMES * (span - length)) / others) break;
    span -= length;
    ends.push(end);
  }
  if (times.length === 0) return [];
  const edges = [0, ...ends.sort((a, b) => a - b), times.length];
  return edges.slice(1).map((edge, index) => times.slice(edges[index], edge));
}

function place(stretches: readonly Stretch[], moment: number): number {
  const index = stretches.findLastIndex(({ from }) => from <= moment);
  const stretch = stretches[Math.max(0, index)];
  if (stretch === undefined) return 0;
  const { from, until, left, right } = stretch;
  if (from === until && moment <= until) return (left + right) / 2;
  if (moment <= until) return left + PADDING + ((right - left - 2 * PADDING) * Math.max(0, moment - from)) / (until - from);
  const next = stretches[index + 1];
  return next === undefined ? right : right + ((next.left - right) * (moment - until)) / (next.from - until);
}
