import { deepStrictEqual } from 'node:assert/strict';
import { DisposableStore, Emitter } from '../../src/ui/lifecycle.ts';

describe('A disposable store', () => {
  it('ends what it holds, last added first, and late arrivals at once', () => {
    const ended: string[] = [];
    const item = (name: string): { dispose(): void } => ({ dispose: () => void ended.push(name) });
    const store = new DisposableStore();
    store.add(item('first'));
    store.add(item('second'));
    deepStrictEqual(ended, []);
    store.dispose();
    store.dispose();
    deepStrictEqual(ended, ['second', 'first']);
    store.add(item('late'));
    deepStrictEqual(ended, ['second', 'first', 'late']);
  });
});

describe('An emitter', () => {
  it('tells each listener until it stops listening', () => {
    const heard: string[] = [];
    const emitter = new Emitter<string>();
    const listener = (text: string): void => void heard.push(text);
    const one = emitter.event(listener);
    emitter.event(listener);
    emitter.fire('a');
    one.dispose();
    emitter.fire('b');
    emitter.dispose();
    emitter.fire('c');
    deepStrictEqual(heard, ['a', 'a', 'b']);
  });
});
