import assert from 'node:assert/strict';
import { symptoms } from '../../src/caracal/symptoms.ts';
import { checks } from '../../src/flow/catalogue.ts';
import { deciding, firstRed } from '../../src/flow/triage.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Status } from '../../src/model/status.ts';

describe('symptoms', () => {
  const byId = new Map(checks.map((check) => [check.id, check]));

  it('are the rows of the guide, and the two that it leaves to its flow', () => {
    assert.deepEqual(symptoms.map(({ title }) => title), [
      'API answers 401 or 403',
      'STS exchange fails',
      'Gateway fails before the upstream',
      'Session or delegation views fail',
      'Audit event is missing',
      'A service is not ready',
      'It is slow',
    ]);
    assert.equal(new Set(symptoms.map(({ id }) => id)).size, symptoms.length);
  });

  for (const { title, checks: order, words, source } of symptoms) {
    describe(title, () => {
      it('names checks that exist, each once', () => {
        assert.deepEqual(order.filter((id) => !byId.has(id)), []);
        assert.deepEqual(order.filter((id, index) => order.indexOf(id) !== index), []);
        assert.notEqual(words, '');
        assert.notEqual(source, '');
      });

      it('begins at the boundary: a process or a store, seen from here', () => {
        const [first] = order.map((id) => byId.get(id));
        assert.deepEqual(first?.needs, []);
        assert.ok(first.step === 'readiness' || first.step === 'storage', first.id);
      });

      it('looks at a check after those that it needs', () => {
        const needed = (id: string): readonly string[] => (byId.get(id)?.needs ?? []).flatMap((need) => [need, ...needed(need)]);
        for (const [index, id] of order.entries()) {
          for (const need of needed(id)) assert.ok(!order.includes(need) || order.indexOf(need) < index, `${id} comes before ${need}, which it needs`);
        }
      });

      it('looks at both stores before the services that report what is wrong with them', () => {
        const readiness = order.findIndex((id) => byId.get(id)?.title === 'Ready');
        for (const store of ['CRC-STO-001', 'CRC-STO-002', 'CRC-STO-020', 'CRC-STO-021']) {
          assert.ok(order.includes(store) && (readiness === -1 || order.indexOf(store) < readiness), store);
        }
      });
    });
  }
});

describe('where to begin', () => {
  const verdict = (check: string, status: Status, rest: Partial<Verdict> = {}): Verdict => ({
    check, status, step: 'storage', component: 'Redis', title: check, summary: status, reasoning: '', facts: [], observations: [], ...rest,
  });
  const found = (...verdicts: readonly Verdict[]): string => {
    const red = firstRed(verdicts);
    return red ? `${red.state} ${red.count} ${red.first.check}` : 'nothing';
  };

  const cases: readonly (readonly [name: string, verdicts: readonly Verdict[], expected: string])[] = [
    ['is the first failure', [verdict('A', 'pass'), verdict('B', 'warn'), verdict('C', 'fail'), verdict('D', 'fail')], 'fail 2 C'],
    ['is the first warning when nothing failed', [verdict('A', 'unknown'), verdict('B', 'warn')], 'warn 1 B'],
    ['is the first unknown when there is no warning either', [verdict('A', 'pass'), verdict('B', 'unknown'), verdict('C', 'unknown')], 'unknown 2 B'],
    ['is nowhere when all pass or do not apply', [verdict('A', 'pass'), verdict('B', 'not-applicable')], 'nothing'],
    ['is no crash of our own, and nothing that was stopped', [verdict('A', 'crashed'), verdict('B', 'cancelled')], 'nothing'],
    ['is what misleads only when nothing else failed', [verdict('A', 'fail', { summary: 'not a cause: x' }), verdict('B', 'fail')], 'fail 2 B'],
    ['may be what misleads', [verdict('A', 'fail', { summary: 'not a cause: x' })], 'fail 1 A'],
  ];
  for (const [name, verdicts, expected] of cases) it(name, () => assert.equal(found(...verdicts), expected));

  it('is what blocks the first check that is blocked, counted once', () => {
    const known = new Map(
      [verdict('NEED', 'fail'), verdict('A', 'blocked', { blockedBy: 'NEED' }), verdict('B', 'blocked', { blockedBy: 'NEED' }), verdict('C', 'fail')].map((each) => [each.check, each]),
    );
    const verdicts = deciding(['A', 'B', 'C', 'D'], (check) => known.get(check));
    assert.deepEqual(verdicts.map(({ check }) => check), ['NEED', 'C']);
    assert.equal(found(...verdicts), 'fail 2 NEED');
  });
});
