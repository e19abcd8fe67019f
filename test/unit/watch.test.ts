import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import type { LocatedTarget } from '../../src/targets/located.ts';
import type { WorkloadEvent } from '../../src/targets/deployment.ts';
import type { Engine, EngineModule } from '../../src/ui/engineSlot.ts';
import type { FlowSession } from '../../src/ui/flowSession.ts';
import { Watch } from '../../src/ui/watch.ts';
import { afterLook, nextLook, noLooks } from '../../src/watch/pace.ts';
import type { Looks } from '../../src/watch/pace.ts';

describe('The pace of a watch', () => {
  const looked = (readinessAt: number, everythingAt: number, rest: Partial<Looks> = {}): Looks => ({ ...noLooks, readinessAt, everythingAt, ...rest });
  const cases: readonly (readonly [what: string, looks: Looks, at: number, of: 'readiness' | 'everything'])[] = [
    ['begins at once with everything', noLooks, 0, 'everything'],
    ['asks readiness every 5 s', looked(100_000, 100_000), 105_000, 'readiness'],
    ['asks everything every 30 s', looked(125_000, 100_000), 130_000, 'everything'],
    ['looks at everything after an event, when the burst is over', looked(100_000, 100_000, { eventAt: 110_000 }), 110_500, 'everything'],
    ['asks readiness no more often because of an event', looked(100_000, 100_000, { eventAt: 100_100 }), 105_000, 'everything'],
    ['is twice as slow after a 429', looked(100_000, 100_000, { throttled: 1 }), 110_000, 'readiness'],
    ['is never slower than a minute', looked(100_000, 100_000, { throttled: 9 }), 160_000, 'everything'],
    ['stays slow after a 429 even for an event', looked(100_000, 100_000, { throttled: 2, eventAt: 101_000 }), 120_000, 'everything'],
  ];
  for (const [what, looks, at, of] of cases) {
    it(what, () => deepStrictEqual(nextLook(looks), { at, of }));
  }

  it('remembers what was looked at', () => {
    const first = afterLook({ ...noLooks, eventAt: 5 }, 'everything', 10, false);
    deepStrictEqual(first, { readinessAt: 10, everythingAt: 10, eventAt: undefined, throttled: 0 });
    const throttled = afterLook({ ...first, eventAt: 12 }, 'readiness', 20, true);
    deepStrictEqual(throttled, { readinessAt: 20, everythingAt: 10, eventAt: 12, throttled: 1 });
    strictEqual(afterLook(throttled, 'readiness', 30, false).throttled, 0);
  });
});

const located = (id: string): LocatedTarget => ({ id, folder: '/', origin: 'Docker Engine', target: { kind: 'compose', name: id, project: id } });

/** A session that answers at once, and remembers what it was asked. */
class FakeSession {
  target: LocatedTarget | undefined = located('compose:one');
  readonly asked: string[] = [];
  readonly watched: boolean[] = [];
  readonly state = { ended: undefined as string | undefined, running: new Set<string>(), checks: [{ id: 'CRC-RDY-003', step: 'readiness' }] };
  status = 200;
  run = (): Promise<void> => {
    this.asked.push('run');
    this.state.ended = 'complete';
    return Promise.resolve();
  };
  lookAgain = (scope: object): Promise<void> => {
    this.asked.push(`look ${JSON.stringify(scope)}`);
    return Promise.resolve();
  };
  evidence = () => [{ outcome: { kind: 'answer', value: { status: this.status } } }];
  setWatched = (on: boolean): void => void this.watched.push(on);
}

describe('A watch', () => {
  let session: FakeSession;
  let followed: { readonly target: string; readonly signal: AbortSignal; readonly onEvent: (event: WorkloadEvent) => void }[];
  let visible: boolean;
  let watch: Watch;

  beforeEach(() => {
    session = new FakeSession();
    followed = [];
    visible = true;
    const module: Pick<EngineModule, 'follow'> = {
      follow: ({ id }, { signal, onEvent }) => {
        followed.push({ target: id, signal, onEvent });
        return Promise.resolve();
      },
    };
    const engine = { redactor: { text: (text: string) => text }, load: () => Promise.resolve(module) } as unknown as Engine;
    watch = new Watch({ engine, session: session as unknown as FlowSession, log: { info: () => undefined, error: () => undefined }, isVisible: () => visible });
  });
  afterEach(() => watch.dispose());

  const untilAsked = async (count: number): Promise<void> => {
    for (const end = Date.now() + 2_000; session.asked.length < count; await new Promise(setImmediate)) ok(Date.now() < end, `asked ${session.asked.join(', ')}`);
  };

  it('begins with a run that is shown, and follows the target', async () => {
    watch.start();
    await untilAsked(1);
    deepStrictEqual(session.asked, ['run']);
    deepStrictEqual(followed.map(({ target }) => target), ['compose:one']);
    deepStrictEqual(session.watched, [true]);
  });

  it('looks again quietly at what was run before', async () => {
    session.state.ended = 'complete';
    watch.start();
    await untilAsked(1);
    deepStrictEqual(session.asked, ['look {}']);
  });

  it('does nothing while nobody can see it, and goes on when somebody can', async () => {
    visible = false;
    watch.start();
    await new Promise(setImmediate);
    deepStrictEqual(session.asked, []);
    visible = true;
    watch.changed();
    await untilAsked(1);
  });

  it('waits for what somebody runs', async () => {
    session.state.running.add('CRC-RDY-003');
    watch.start();
    await new Promise(setImmediate);
    deepStrictEqual(session.asked, []);
    session.state.running.clear();
    watch.changed();
    await untilAsked(1);
  });

  it('follows another target when that is picked, and nothing any more when it is stopped', async () => {
    watch.start();
    await untilAsked(1);
    session.target = located('compose:two');
    watch.changed();
    await untilAsked(2);
    deepStrictEqual(followed.map(({ target, signal }) => [target, signal.aborted]), [['compose:one', true], ['compose:two', false]]);
    watch.stop();
    strictEqual(followed[1]?.signal.aborted, true);
    deepStrictEqual(session.watched, [true, false]);
    strictEqual(watch.isOn, false);
  });
});
