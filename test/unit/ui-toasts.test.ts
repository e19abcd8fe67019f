import { deepEqual, equal } from 'node:assert/strict';
import { Toasts } from '../../src/ui/toasts.ts';

describe('What ended while its view was hidden', () => {
  const kept = new Map<string, unknown>();
  const shown: (readonly string[])[] = [];
  let chosen: string | undefined;
  const memory = { get: (key: string): unknown => kept.get(key), update: (key: string, value: unknown) => Promise.resolve(void kept.set(key, value)) };
  const toasts = new Toasts(memory, (...words) => Promise.resolve((shown.push(words), chosen)));
  const ended = (): Promise<boolean> => toasts.ended('remedy', 'It worked.', 'Show Cause');

  it('is told until the user wants to hear no more of it', async () => {
    equal(await ended(), false, 'closed');
    chosen = 'Show Cause';
    equal(await ended(), true);
    chosen = "Don't Show Again";
    equal(await ended(), false);
    deepEqual(shown, new Array(3).fill(['It worked.', 'Show Cause', "Don't Show Again"]));
    equal(await ended(), false);
    equal(shown.length, 3, 'nothing was shown');
  });
});
