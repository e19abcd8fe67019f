/** The requests that were traced, by target. Knows nothing of the editor. */
import type { Memory } from '../memory.ts';
import { Emitter } from '../lifecycle.ts';

/** A request that was traced. Never what was pasted: that may be a token. */
export interface TracedRequest {
  /** Of the request, or of an approval. */
  readonly id: string;
  /** Title of its panel. */
  readonly title: string;
  /** When it was traced last, milliseconds since 1970. */
  readonly at: number;
}

export const tracedKey = (target: string): string => `caracal.traced/${target}`;
const mostKept = 20;
const latelyMs = 60 * 60_000;

export class TracedRequests {
  readonly #memory: Memory;
  readonly #changed = new Emitter<void>();

  readonly onDidChange = this.#changed.event;

  /** @param memory Of the workspace. */
  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Newest first. */
  of(target: string): readonly TracedRequest[] {
    const stored = this.#memory.get(tracedKey(target));
    return Array.isArray(stored) ? (stored as readonly TracedRequest[]) : [];
  }

  /** What was traced last, if that is not more than an hour ago. */
  lately(target: string): TracedRequest | undefined {
    const [last] = this.of(target);
    return last !== undefined && Date.now() - last.at <= latelyMs ? last : undefined;
  }

  async add(target: string, traced: TracedRequest): Promise<void> {
    await this.#memory.update(tracedKey(target), [traced, ...this.of(target).filter(({ id }) => id !== traced.id)].slice(0, mostKept));
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
