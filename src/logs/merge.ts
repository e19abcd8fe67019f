/** Records of several sources in the order of their times. Pure; all times are milliseconds. */

/** How long a record is held back for those of other sources that are earlier and come later. */
export const holdBackMs = 300;

/** Records that were given out stay in memory until there are this many of them. */
const taken = 1024;

interface Held<Item> {
  readonly item: Item;
  /** When it happened, by which it is ordered. Within a source time does not go back. */
  readonly time: number;
  /** When it came, by our clock. */
  readonly cameAt: number;
}

export interface Merged<Item> {
  readonly item: Item;
  readonly time: number;
  /** By how much it comes after a later one that was given out before; 0 in order. */
  readonly lateMs: number;
}

/**
 * Gives out what sources bring, earliest first. While a source is still behind, as when it loads what was
 * logged before, all wait for it; after that each record waits for the hold-back alone. What comes later than
 * that is given out at once, and marked: what was given out stays in its place.
 */
export class Merger<Item> {
  readonly #queues = new Map<number, Queue<Item>>();
  #given = -Infinity;

  /** A source from which records will come, by its number; all wait for it until it has caught up. */
  add(source: number): void {
    this.#queues.set(source, new Queue());
  }

  /** The source has brought all that was there when it was added. */
  caughtUp(source: number): void {
    this.#queue(source).behind = false;
  }

  /**
   * @param time undefined where the record has none: it happened right after the one before it
   * @throws Error when the source was not added
   */
  push(source: number, item: Item, time: number | undefined, cameAt: number): void {
    this.#queue(source).push(item, time, cameAt);
  }

  #queue(source: number): Queue<Item> {
    const queue = this.#queues.get(source);
    if (queue === undefined) throw new Error(`no source ${source}`);
    return queue;
  }

  /** What can be given out now. */
  *release(now: number): Generator<Merged<Item>> {
    for (;;) {
      const found = this.#earliest(now);
      if (found === undefined) return;
      const { item, time } = found.take();
      yield { item, time, lateMs: Math.max(0, this.#given - time) };
      this.#given = Math.max(this.#given, time);
    }
  }

  /** The queue of the earliest record that need not wait. Where every source has something, nothing earlier can come. */
  #earliest(now: number): Queue<Item> | undefined {
    let earliest: Queue<Item> | undefined;
    let complete = true;
    for (const queue of this.#queues.values()) {
      const { head } = queue;
      if (head === undefined) {
        if (queue.behind) return undefined;
        complete = false;
      } else if (earliest?.head === undefined || head.time < earliest.head.time) earliest = queue;
    }
    return earliest?.head !== undefined && (complete || earliest.head.cameAt + holdBackMs <= now) ? earliest : undefined;
  }
}

/** Records that wait, of one source. */
class Queue<Item> {
  behind = true;
  #held: Held<Item>[] = [];
  #first = 0;
  #latest = -Infinity;

  get head(): Held<Item> | undefined {
    return this.#held[this.#first];
  }

  push(item: Item, time: number | undefined, cameAt: number): void {
    // The first one of a source that has no time happened when it came.
    this.#latest = Math.max(this.#latest, time ?? (this.#latest === -Infinity ? cameAt : -Infinity));
    this.#held.push({ item, time: this.#latest, cameAt });
  }

  /** @throws Error when nothing waits */
  take(): Held<Item> {
    const { head } = this;
    if (head === undefined) throw new Error('nothing waits');
    this.#first += 1;
    if (this.#first === this.#held.length || this.#first === taken) {
      this.#held = this.#held.slice(this.#first);
      this.#first = 0;
    }
    return head;
  }
}
