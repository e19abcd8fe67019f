import { setImmediate as nextTask } from 'node:timers/promises';
import type { Story } from './story.ts';
import { moment, shortMoments } from './words.ts';

/** Others get their turn after so long. */
const turnMs = 10;

/** Names of values that are words of ours, by which a reader of the story tells what stands there. */
const structural = new Set(['kind', 'id', 'mark', 'action', 'certainty', 'requestId', 'from', 'to']);

/**
 * A story as it is handed on: masked, and with short times, but for those of values that are quoted as they are.
 *
 * @param mask masks secrets of a text
 */
export async function finishStory(story: Story, mask: (text: string) => string): Promise<Story> {
  const today = moment(Date.now()).slice(0, 10);
  let since = performance.now();
  // A long story says the same words a thousand times.
  const masks = new Map<string, string>();
  const masked = (text: string): string => {
    const known = masks.get(text) ?? mask(text);
    masks.set(text, known);
    return known;
  };
  const finish = async (value: unknown, isQuoted: boolean): Promise<unknown> => {
    if (typeof value === 'string') {
      return isQuoted ? masked(value) : shortMoments(masked(value), today);
    }
    if (typeof value !== 'object' || value === null) return value;
    if (performance.now() - since > turnMs) {
      await nextTask();
      since = performance.now();
    }
    if (Array.isArray(value)) {
      const finished: unknown[] = [];
      for (const one of value) finished.push(await finish(one, isQuoted));
      return finished;
    }
    const isCode = 'isCode' in value && value.isCode === true;
    const finished: Record<string, unknown> = {};
    for (const [name, part] of Object.entries(value)) finished[name] = structural.has(name) ? part : await finish(part, isQuoted || isCode || name === 'link');
    return finished;
  };
  return (await finish(story, false)) as Story;
}
