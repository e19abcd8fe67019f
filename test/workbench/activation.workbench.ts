import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { createRequire } from 'node:module';
import { extension } from './extension.ts';

/** What a start must not touch: functions that open a file, a socket, a process or a timer. */
const watched: readonly (readonly [module: string, names?: readonly string[]])[] = [
  ['node:fs'],
  ['node:fs/promises'],
  ['node:net', ['connect', 'createConnection', 'createServer']],
  ['node:tls', ['connect']],
  ['node:http', ['request', 'get']],
  ['node:https', ['request', 'get']],
  ['node:dns', ['lookup']],
  ['node:child_process'],
  ['node:timers', ['setTimeout', 'setInterval', 'setImmediate']],
];

type Functions = Record<string, unknown>;

/** Notes every call of the watched functions that our own files make, until it is ended. */
function watchCalls(): { readonly calls: readonly string[]; end(): void } {
  const require = createRequire(__filename);
  const calls: string[] = [];
  const restore: (() => void)[] = [];
  const wrap = (holder: Functions, name: string, title: string): void => {
    const original = holder[name];
    if (typeof original !== 'function' || /^[A-Z]/.test(name)) return;
    const wrapped = function (this: unknown, ...values: unknown[]): unknown {
      // The first frame is this wrapper, the second one is who called it.
      const caller = new Error().stack?.split('\n')[2] ?? '';
      if (/[/\\]dist[/\\]\w+\.cjs/.test(caller)) calls.push(`${title}.${name} ${caller.trim()}`);
      return Reflect.apply(original, this, values);
    };
    Object.assign(wrapped, original);
    try {
      holder[name] = wrapped;
      restore.push(() => (holder[name] = original));
    } catch {
      // A few are only getters; nothing of ours could call them by another way.
    }
  };
  for (const [module, names] of watched) {
    const holder = require(module) as Functions;
    for (const name of names ?? Object.keys(holder)) wrap(holder, name, module);
  }
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'fetch']) wrap(globalThis, name, 'globalThis');
  return { calls, end: () => restore.forEach((undo) => undo()) };
}

describe('The start of the extension', () => {
  it('opens no socket, no timer and no file', async () => {
    strictEqual(extension().isActive, false, 'it must not start before it is needed');
    const watch = watchCalls();
    try {
      await extension().activate();
    } finally {
      watch.end();
    }
    deepStrictEqual(watch.calls, []);
    strictEqual(extension().isActive, true);
  });
});
