import assert from 'node:assert/strict';
import * as z from 'zod';
import { judgeAgain } from '../../src/flow/engine.ts';
import { liveSource } from '../../src/flow/liveSource.ts';
import type { Observer } from '../../src/flow/liveSource.ts';
import { earlierSource, recordedSource } from '../../src/flow/recordedSource.ts';
import { earlier, subject } from '../../src/model/observation.ts';
import type { Report } from '../../src/model/report.ts';
import type { Deployment } from '../../src/targets/deployment.ts';
import { Refused, Unavailable } from '../../src/targets/failures.ts';

const thing = subject('thing', z.object({ size: z.number() }));
const deployment = {} as Deployment;
const never = new AbortController().signal;
const noEarlier = earlierSource([], []);

function observer(observe: Observer<{ size: number }>['observe'], deadlineMs = 1_000): Observer<{ size: number }> {
  return { subject: thing, deadlineMs, asked: (_deployment, of) => `size of ${of}`, observe };
}

describe('live source', () => {
  const rows: readonly [string, Observer<{ size: number }>['observe'], unknown][] = [
    ['an answer', () => Promise.resolve({ size: 1 }), { kind: 'answer', value: { size: 1 } }],
    ['a refusal', () => Promise.reject(new Refused('28P01', 'no')), { kind: 'refused', code: '28P01', message: 'no' }],
    ['nothing to ask with', () => Promise.reject(new Unavailable('no credential', 'give one')), { kind: 'unavailable', why: 'no credential', wayOut: 'give one' }],
    ['a crash of ours', () => Promise.reject(new TypeError('ours')), { kind: 'crashed', error: 'TypeError', message: 'ours' }],
  ];
  for (const [name, observe, outcome] of rows) {
    it(`says ${name}`, async () => {
      const observation = await liveSource(deployment, [observer(observe)], noEarlier).ask(thing.of('box'), never);
      assert.deepEqual(observation.outcome, outcome);
      assert.equal(observation.asked, 'size of box');
      assert.equal(observation.id, 'thing/box');
    });
  }

  it('ends at the deadline of the question, and says how far it came', async () => {
    const slow = observer((_deployment, { stage }) => {
      stage('connected');
      return new Promise<never>(() => undefined);
    }, 20);
    const { outcome } = await liveSource(deployment, [slow], noEarlier).ask(thing.of('box'), never);
    assert.deepEqual(outcome, { kind: 'timeout', deadlineMs: 20, stage: 'connected' });
  });

  it('waits before another look, which does not count towards its deadline', async () => {
    const begun: number[] = [];
    const looking: Observer<{ size: number }> = { ...observer(() => {
      begun.push(performance.now());
      return Promise.resolve({ size: 1 });
    }, 50), betweenLooksMs: 100 };
    const source = liveSource(deployment, [looking], noEarlier);
    const askedMs = performance.now();
    assert.deepEqual((await source.ask(thing.of('box', 2), never)).outcome, { kind: 'answer', value: { size: 1 } });
    assert.ok((begun[0] ?? 0) - askedMs >= 95);
    const stop = new AbortController();
    const stopped = source.ask(thing.of('box', 3), stop.signal);
    stop.abort();
    assert.deepEqual((await stopped).outcome, { kind: 'cancelled' });
    assert.equal(begun.length, 1);
  });

  it('ends at once when it is stopped, and tells the observer', async () => {
    const stop = new AbortController();
    let told = false;
    const slow = observer((_deployment, { signal }) => new Promise<never>(() => signal.addEventListener('abort', () => (told = true))));
    const asking = liveSource(deployment, [slow], noEarlier).ask(thing.of('box'), stop.signal);
    stop.abort();
    assert.deepEqual((await asking).outcome, { kind: 'cancelled' });
    assert.equal(told, true);
  });
});

describe('earlier source', () => {
  const before = {
    id: 'thing/box', question: thing.of('box'), asked: 'size of box', at: '2026-08-20T10:00:00.000Z', tookMs: 1, outcome: { kind: 'answer', value: { size: 1 } },
  } as const;

  it('answers what an earlier run had, under an identity of its own, and asks nobody', async () => {
    const source = liveSource(deployment, [], earlierSource([before], [thing]));
    assert.deepEqual(await source.ask(earlier(thing.of('box')), never), { ...before, id: 'thing/box@earlier', question: earlier(thing.of('box')) });
  });

  it('says when there was no earlier run', async () => {
    const { id, outcome } = await liveSource(deployment, [], noEarlier).ask(earlier(thing.of('box')), never);
    assert.equal(id, 'thing/box@earlier');
    assert.deepEqual(outcome, { kind: 'unavailable', why: 'no earlier run', wayOut: 'run again' });
  });
});

const report: Report = {
  format: 'caracal-report/1',
  tool: { name: 'caracal-debugger', version: '0.1.0' },
  target: { name: 'lab', kind: 'endpoints', address: '127.0.0.1' },
  zone: null,
  startedAt: '2026-08-20T10:00:00.000Z',
  tookMs: 10,
  cancelled: false,
  verdicts: [],
  observations: [
    { id: 'thing/box', question: { subject: 'thing', of: 'box' }, asked: 'size of box', at: '2026-08-20T10:00:00.000Z', tookMs: 1, outcome: { kind: 'answer', value: { size: 1 } } },
    { id: 'thing/old', question: { subject: 'thing', of: 'old' }, asked: 'size of old', at: '2026-08-20T10:00:00.000Z', tookMs: 1, outcome: { kind: 'answer', value: { height: 1 } } },
    {
      id: 'postgres.hello/Postgres', question: { subject: 'postgres.hello', of: 'Postgres' }, asked: 'hello', at: '2026-08-20T10:00:00.000Z', tookMs: 1,
      outcome: { kind: 'refused', code: 'ECONNREFUSED', message: 'refused' },
    },
  ],
};

describe('recorded source', () => {
  const source = recordedSource(report.observations, report.startedAt, [thing]);

  it('answers from the record', async () => {
    assert.deepEqual((await source.ask(thing.of('box'), never)).outcome, { kind: 'answer', value: { size: 1 } });
  });

  it('says what the record does not hold, or holds in another shape', async () => {
    const missing = (await source.ask(thing.of('gone'), never)).outcome;
    const other = (await source.ask(thing.of('old'), never)).outcome;
    assert.ok(missing.kind === 'unavailable' && missing.why === 'the record does not hold this');
    assert.ok(other.kind === 'unavailable' && other.why === 'the record holds this in another shape');
  });

  it('lets a saved report be judged again: what it holds as today, the rest unknown or blocked', async () => {
    const again = await judgeAgain(report);
    const statuses = new Map(again.verdicts.map(({ check, status }) => [check, status]));
    assert.equal(statuses.get('CRC-STO-001'), 'fail');
    assert.equal(statuses.get('CRC-STO-004'), 'blocked');
    assert.equal(statuses.get('CRC-STO-020'), 'unknown');
    assert.equal(again.startedAt, report.startedAt);
    assert.notEqual(again.judgedAgainAt, undefined);
    assert.ok(![...statuses.values()].includes('crashed'));
  });
});
