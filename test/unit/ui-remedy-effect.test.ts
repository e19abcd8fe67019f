import { deepEqual, equal } from 'node:assert/strict';
import type { Verdict } from '../../src/model/check.ts';
import type { Remedy } from '../../src/model/remedy.ts';
import type { Status } from '../../src/model/status.ts';
import { checksAfter, confirmationOf, effectOf } from '../../src/ui/cause/remedyEffect.ts';
import type { Verdicts } from '../../src/ui/cause/remedyEffect.ts';
import { redisStopped, requeueEvents, single, startRedis } from './causeParts.ts';

const before: Verdicts = single.verdicts;

/** The verdicts with some others; what is not named is well. */
function after(changed: Readonly<Record<string, readonly [Status, string]>>, rest: readonly [Status, string] = ['pass', 'ready']): Verdicts {
  return new Map([...before].map(([check, verdict]): [string, Verdict] => {
    const [status, summary] = changed[check] ?? rest;
    return [check, { ...verdict, status, summary }];
  }));
}

const refused = ['fail', 'refused in 1 ms; container stopped'] as const;
const kept = Object.fromEntries([...before].map(([check, { status, summary }]) => [check, [status, summary] as const]));

describe('What a remedy did', () => {
  for (const [what, verdicts, kind, sentence, isWhole] of [
    ['all is well', after({}), 'worked', 'It worked: all 7 failures are gone.', true],
    ['one is left that does not prove it', after({ 'CRC-RDY-041': ['fail', '503 consumer_unhealthy'] }), 'worked', 'It worked: 6 of 7 failures are gone.', false],
    ['nothing changed', after(kept), 'did not help', 'It did not help: Redis › Reachable still refused in 1 ms; container stopped. Undo: none needed.', false],
    ['it says something else by now', after({ ...kept, 'CRC-STO-020': ['warn', 'loading its data, 40 %'] }), 'did not help', 'It did not help: Redis › Reachable loading its data, 40 %. Undo: none needed.', false],
    ['some are gone, and its own check is red', after({ 'CRC-STO-020': ['fail', 'refused in 1 ms'] }), 'helped in part', 'It helped in part: 6 of 7 failures are gone; Redis › Reachable still refused in 1 ms. Undo: none needed.', false],
    ['its own check is well, and what follows from it is not yet', after({ 'CRC-RDY-021': ['fail', '503 redis_unreachable'] }), 'worked', 'It worked: 6 of 7 failures are gone; sts › Ready still 503 redis_unreachable.', false],
    ['the proof cannot be looked at', after({ 'CRC-STO-020': ['unknown', 'no answer in 20 s'] }), 'cannot tell', 'Cannot tell whether it worked: Redis › Reachable no answer in 20 s.', false],
    ['it was stopped', after({ ...kept, 'CRC-STO-020': ['cancelled', 'stopped by you'], 'CRC-RDY-021': ['cancelled', 'stopped by you'] }), 'cannot tell', 'Cannot tell whether it worked: Redis › Reachable stopped by you.', false],
    ['something else broke', after({ 'CRC-STO-001': ['fail', 'refused'], 'CRC-RDY-061': ['fail', '500'] }), 'worked', 'It worked: all 7 failures are gone. 2 checks fail that did not before.', true],
    ['it was refused all the while', after({ 'CRC-STO-020': refused }, ['fail', 'x']), 'did not help', 'It did not help: Redis › Reachable still refused in 1 ms; container stopped. Undo: none needed. 7 checks fail that did not before.', false],
  ] as const) {
    it(`is told where ${what}`, () => {
      const effect = effectOf(startRedis, redisStopped, before, verdicts);
      deepEqual({ kind: effect.kind, sentence: effect.sentence, isWhole: effect.isWhole }, { kind, sentence, isWhole });
    });
  }

  it('is counted in warnings where nothing failed', () => {
    const cause = { ...redisStopped, own: ['CRC-STR-041'], explains: [] };
    const remedy: Remedy = { ...startRedis, provedBy: ['CRC-STR-041'] };
    equal(effectOf(remedy, cause, before, after({})).sentence, 'It worked: the warning is gone.');
    equal(effectOf(remedy, { ...cause, own: [] }, before, after({})).sentence, 'It worked: the checks that prove it pass.');
    equal(effectOf({ ...remedy, provedBy: [] }, cause, before, after(kept)).sentence, 'It did not help: Outboxes › API outbox still 41 waiting, oldest 4 min. Undo: none needed.');
  });

  it('is shown as the checks that changed: what is red by now first, then what was', () => {
    const { changes } = effectOf(startRedis, redisStopped, before, after({ ...kept, 'CRC-STO-021': ['pass', 'as caracal'], 'CRC-STO-020': ['pass', 'answered in 0.4 ms'], 'CRC-STO-001': ['fail', 'refused'] }));
    deepEqual(changes.map(({ name, before: from, after: to }) => [name, from, to]), [
      ['Postgres › Reachable', { mark: 'passed', text: 'answered in 2 ms' }, { mark: 'failed', text: 'refused' }],
      ['Redis › Reachable', { mark: 'failed', text: 'refused in 1 ms; container stopped' }, { mark: 'passed', text: 'answered in 0.4 ms' }],
      ['Redis › Signs in', { mark: 'none', text: 'blocked by Redis › Reachable' }, { mark: 'passed', text: 'as caracal' }],
    ]);
  });

  it('is looked for at what proves it and all that its cause explains', () => {
    deepEqual(checksAfter(startRedis, redisStopped), ['CRC-STO-020', 'CRC-RDY-021', ...redisStopped.explains.filter((check) => check !== 'CRC-RDY-021')]);
  });
});

describe('The question before a remedy', () => {
  it('says whom, the exact call, what it changes, and that it is recorded', () => {
    deepEqual(confirmationOf(startRedis, 'caracal', { asked: 'Docker Engine (local)', calls: ['POST /containers/caracal-redis-1/start'] }), {
      message: 'Start Redis on caracal?',
      detail: 'This sends one call to Docker Engine (local):\nPOST /containers/caracal-redis-1/start\n\nIt changes the state of one container; the volume caracal_redisData stays as it is. The call and its result go into the report.',
      button: 'Start Redis',
    });
  });

  it('counts many calls, and shows as many as can be read', () => {
    const calls = Array.from({ length: 40 }, (_, index) => `POST /zones/z/outbox/${index}/requeue`);
    const { detail } = confirmationOf(requeueEvents, 'caracal', { asked: 'coordinator', calls });
    const lines = detail.split('\n');
    deepEqual([lines[0], lines[1], lines[15], lines[16], lines[17]], ['This sends 40 calls to coordinator:', calls[0], calls[14], 'and 25 more like the last one', '']);
    equal(lines.at(-1), 'It changes three rows of the outbox, which are tried again. The calls and their results go into the report.');
  });
});
