import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { asTheyCome } from '../../src/targets/find.ts';
import type { Found } from '../../src/targets/find.ts';
import type { LocatedTarget } from '../../src/targets/located.ts';
import type { Engine, EngineModule } from '../../src/ui/engineSlot.ts';
import { KnownTargets } from '../../src/ui/knownTargets.ts';
import type { Memory } from '../../src/ui/memory.ts';

function located(id: string): LocatedTarget {
  return { id, folder: '/', origin: 'target file', target: { kind: 'endpoints', name: id, services: {} } };
}

class FakeMemory implements Memory {
  readonly values = new Map<string, unknown>();
  get = (key: string): unknown => this.values.get(key);
  update = (key: string, value: unknown): Promise<void> => {
    this.values.set(key, value);
    return Promise.resolve();
  };
}

const noLocal: Found = { kind: 'nothing', place: 'Local runtime', why: 'not found', detail: 'runtime home /home (absent)' };

/** Target files by path, and what the other places give; a path that begins with bad cannot be read. */
function known(files: readonly string[], found: readonly Found[], memory: Memory = new FakeMemory()): KnownTargets {
  const engine = {
    load: () =>
      Promise.resolve({
        asTheyCome,
        lookEverywhere: () => found.map((one) => Promise.resolve([one])),
        readTargetFile: (path: string) =>
          path.startsWith('bad') ? Promise.reject(new Error(`Cannot read the target ${path}: it is a folder.`)) : Promise.resolve(located(path)),
      } as unknown as EngineModule),
  } as Engine;
  return new KnownTargets({ engine, memory, files: () => files, environment: {}, log: () => undefined });
}

describe('Targets that can be picked', () => {
  it('are those of the settings and the local runtime, and what could not be read says why', async () => {
    const found: Found[] = [];
    for await (const one of known(['a', 'bad', 'a'], [noLocal]).find(new AbortController().signal)) found.push(one);
    deepStrictEqual(
      found.map((one) => (one.kind === 'target' ? one.located.id : `${one.place}: ${one.why}`)).toSorted(),
      ['Local runtime: not found', 'a', 'bad: cannot be read'],
    );
  });

  const cases: readonly (readonly [what: string, files: readonly string[], local: boolean, picked: string | undefined, id: string | undefined])[] = [
    ['the only file', ['a'], false, undefined, 'a'],
    ['the only local runtime', [], true, undefined, 'local'],
    ['none of several', ['a', 'b'], false, undefined, undefined],
    ['none of a file and a local runtime', ['a'], true, undefined, undefined],
    ['the one picked here before', ['a', 'b'], true, 'b', 'b'],
    ['none when the one picked before is gone', ['a'], false, 'b', undefined],
    ['none when there is none', ['bad'], false, undefined, undefined],
  ];
  for (const [what, files, local, picked, id] of cases) {
    it(`start with ${what}`, async () => {
      const targets = known(files, local ? [{ kind: 'target', located: located('local') }] : [noLocal]);
      if (picked !== undefined) await targets.remember(located(picked));
      const restored = await targets.restore();
      strictEqual(restored.located?.id, id);
      strictEqual(restored.anyFound, files.some((file) => !file.startsWith('bad')) || local);
    });
  }

  it('are remembered with the newest first, and can be forgotten', async () => {
    const targets = known(['a', 'b'], [noLocal]);
    await targets.remember(located('a'));
    await targets.remember(located('b'));
    await targets.remember(located('a'));
    deepStrictEqual(targets.recent(), [{ id: 'a' }, { id: 'b' }]);
    await targets.forget('a');
    deepStrictEqual(targets.recent(), [{ id: 'b' }]);
    strictEqual((await targets.restore()).located, undefined);
  });

  it('that were found by themselves are restored as they were, wherever they are now', async () => {
    const project: LocatedTarget = { id: 'compose:caracal', folder: '/', origin: 'Docker Engine', target: { kind: 'compose', name: 'caracal', project: 'caracal' } };
    const targets = known([], [{ kind: 'nothing', place: 'Docker Engine', why: 'not running' }]);
    await targets.remember(project);
    deepStrictEqual(await targets.restore(), { located: project, anyFound: true });
    await targets.forget(project.id);
    deepStrictEqual(await targets.restore(), { located: undefined, anyFound: false });
  });

  it('are looked for until the list is closed', async () => {
    const closed = new AbortController();
    const found: string[] = [];
    for await (const one of known(['a', 'b', 'c'], []).find(closed.signal)) {
      found.push(one.kind);
      closed.abort();
    }
    deepStrictEqual(found, ['target']);
  });

  it('keep their zones', async () => {
    const targets = known(['a'], [noLocal]);
    await targets.rememberZone(located('a'), 'zone-1');
    strictEqual(targets.zone(located('a')), 'zone-1');
    strictEqual(targets.zone(located('b')), undefined);
  });
});
