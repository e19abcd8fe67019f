import assert from 'node:assert/strict';
import { deciding, firstRed, firstSettledFailure } from '../../src/flow/triage.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Status } from '../../src/model/status.ts';

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

  it('is what blocks the others, when it is one of the symptom itself', () => {
    const known = new Map([verdict('A', 'blocked', { blockedBy: 'C' }), verdict('B', 'pass'), verdict('C', 'fail')].map((each) => [each.check, each]));
    const verdicts = deciding(['A', 'B', 'C', 'D'], (check) => known.get(check));
    assert.deepEqual(verdicts.map(({ check }) => check), ['B', 'C']);
    assert.equal(found(...verdicts), 'fail 1 C');
  });

  it('is unknown by what is blocked from outside: that it failed need not have to do with the symptom', () => {
    const known = new Map([verdict('A', 'pass'), verdict('B', 'blocked', { blockedBy: 'X' }), verdict('X', 'fail')].map((each) => [each.check, each]));
    const verdicts = deciding(['A', 'B'], (check) => known.get(check));
    assert.equal(found(...verdicts), 'unknown 1 B');
  });

  describe('is known before the end of a run', () => {
    const first = (...verdicts: readonly (Verdict | string)[]): string | undefined => {
      const known = new Map(verdicts.flatMap((each) => (typeof each === 'string' ? [] : [[each.check, each] as const])));
      return firstSettledFailure(verdicts.map((each) => (typeof each === 'string' ? each : each.check)), (check) => known.get(check))?.check;
    };
    const early: readonly (readonly [name: string, verdicts: readonly (Verdict | string)[], expected: string | undefined])[] = [
      ['when a failure has nothing open before it', [verdict('A', 'warn'), verdict('B', 'fail'), 'C'], 'B'],
      ['but not while an earlier check is waited for', ['A', verdict('B', 'fail')], undefined],
      ['but not by a warning, which a failure may outdo', [verdict('A', 'warn'), 'B'], undefined],
      ['but not by what misleads', [verdict('A', 'fail', { summary: 'not a cause: x' }), 'B'], undefined],
      ['by what blocks an earlier one', [verdict('A', 'blocked', { blockedBy: 'B' }), verdict('B', 'fail'), 'C'], 'B'],
    ];
    for (const [name, verdicts, expected] of early) it(name, () => assert.equal(first(...verdicts), expected));
  });
});
