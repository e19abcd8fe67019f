/** What changed in a deployment and when, newest first. Pure. */
import type { Fact } from '../../model/check.ts';
import { count, milliseconds } from '../words.ts';

/** Something that changed. */
export interface Change {
  /** ISO 8601. */
  readonly at: string;
  /** What happened to what, as it would follow a time: `sts started`. */
  readonly what: string;
}

export interface Timeline {
  /** The newest change and its age, `sts started 4 min ago`; undefined when there is none. */
  readonly newest: string | undefined;
  /** A fact for each second in which something changed, newest first: what changed, and its age. */
  readonly facts: readonly Fact[];
}

/** Facts that are shown. */
const mostFacts = 20;

/** Changes of one second that are named. */
const mostNamed = 6;

/**
 * Leaves out what has no time.
 *
 * @param now ISO 8601, of the same clock as the changes.
 */
export function timeline(changes: readonly Change[], now: string): Timeline {
  const newestFirst = changes.filter(({ at }) => !Number.isNaN(Date.parse(at))).toSorted((left, right) => Date.parse(right.at) - Date.parse(left.at));
  const bySecond = Map.groupBy(newestFirst, ({ at }) => second(at));
  const facts = [...bySecond].map(([at, group]) => ({ name: at, value: `${names(group)}, ${age(at, now)}` }));
  const left = [...bySecond.values()].slice(mostFacts).flat().length;
  const [first] = newestFirst;
  return {
    newest: first && `${first.what} ${age(second(first.at), now)}`,
    facts: left === 0 ? facts : [...facts.slice(0, mostFacts), { name: 'before', value: count(left, 'older change') }],
  };
}

/** `4 min ago`; `just now` as well for what a clock that is ahead has written. */
export function age(at: string, now: string): string {
  const ms = Date.parse(now) - Date.parse(at);
  return ms < 1_000 ? 'just now' : `${milliseconds(Math.floor(ms / 1_000) * 1_000)} ago`;
}

/** The time to the second, as a name that does not change from run to run. */
function second(at: string): string {
  return `${new Date(at).toISOString().slice(0, 'YYYY-MM-DDTHH:mm:ss'.length)}Z`;
}

function names(group: readonly Change[]): string {
  const named = group.slice(0, mostNamed).map(({ what }) => what);
  const more = group.length - named.length;
  return [...named, ...(more === 0 ? [] : [`${more} more`])].join(', ');
}
