import type { Fact, Timeline, TimelineItem } from '../trace/story.ts';
import { durationText } from './times.ts';
import type { Clock } from './times.ts';

const joined = new WeakMap<Timeline, ReadonlyMap<string, readonly Fact[]>>();

/** How an item is joined with others, and how certainly. */
export function joinFacts(timeline: Timeline, { id }: TimelineItem): readonly Fact[] {
  let facts = joined.get(timeline);
  if (facts === undefined) joined.set(timeline, (facts = factsById(timeline)));
  return facts.get(id) ?? [];
}

function factsById({ items, joins }: Timeline): ReadonlyMap<string, readonly Fact[]> {
  const labels = new Map(items.map(({ id, label }) => [id, label]));
  const facts = joins.flatMap(({ from, to, key, certainty }) => {
    const fact = (label: string, other: string): Fact => ({ label, value: { text: `${labels.get(other) ?? 'an event that is not shown'}, by ${key}, ${certainty}` } });
    return [{ id: to, fact: fact('Comes from', from) }, { id: from, fact: fact('Leads to', to) }];
  });
  return new Map([...Map.groupBy(facts, ({ id }) => id)].map(([id, of]) => [id, of.map(({ fact }) => fact)]));
}

/** When an item was: a moment, or from when and for how long. */
export function whenOf({ from, until }: TimelineItem, clock: Clock): string {
  return until === undefined ? clock.time(from) : `${clock.time(from)}, for ${durationText(until - from)}`;
}
