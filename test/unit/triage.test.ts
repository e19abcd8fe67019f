import assert from 'node:assert/strict';
import { place } from '../../src/caracal/places.ts';
import type { Symptom } from '../../src/caracal/symptoms.ts';
import { causesBehind, deciding, firstRed, firstSettledFailure, settledCause, toldApart } from '../../src/flow/triage.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Cause, CauseStanding, Diagnosis } from '../../src/model/diagnosis.ts';
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

describe('a symptom whose text was recognised', () => {
  const symptom: Symptom = { id: 's', title: 'S', words: '', asks: [], source: '', checks: ['CRC-A', 'CRC-B', 'CRC-C', 'CRC-D'] };
  const order = (...places: readonly (readonly string[])[]): string => toldApart(symptom, places.map((seenAt) => place('s', 'x', seenAt)), (check) => check !== 'CRC-GONE').checks.map((check) => check.slice(4)).join(' ');

  const cases: readonly (readonly [name: string, places: readonly (readonly string[])[], expected: string])[] = [
    ['looks first where its places differ, in its own order', [['D'], ['B']], 'B D A C'],
    ['looks last at what all of them are seen at', [['A', 'D'], ['A', 'C']], 'C D A B'],
    ['looks first at the checks of its only place', [['C']], 'C A B D'],
    ['looks at checks of other symptoms that tell of it', [['X', 'B'], []], 'B X A C D'],
    ['leaves out what the target does not have', [['GONE'], ['D']], 'D A B C'],
    ['is as it was where its places are seen nowhere', [[], []], 'A B C D'],
  ];
  for (const [name, places, expected] of cases) it(name, () => assert.equal(order(...places), expected));

  it('looks at everything, as before, where it is about everything', () => {
    const whole = { ...symptom, checks: [] };
    assert.equal(toldApart(whole, [place('s', 'x', ['B'])], () => true), whole);
  });
});

describe('the causes that a symptom leads to', () => {
  const cause = (id: string, standing: CauseStanding, own: readonly string[], explains: readonly string[] = []): Cause => ({
    id, standing, own: [...own], explains: [...explains], component: 'Redis', title: id, sentence: '', for: [], against: [], unconfirmed: null, path: [], leftBehindBy: null, score: [],
  });
  const diagnosis = (...causes: Cause[]): Diagnosis => ({ causes, ruledOut: [], notCauses: [], unexplained: [], failures: { all: 1, explained: 1 }, next: null });
  const failed: Verdict = { check: 'A', step: 'storage', component: 'Redis', title: 'A', status: 'fail', summary: '', reasoning: '', facts: [], observations: [] };

  const ids = (...asked: Parameters<typeof causesBehind>): readonly string[] => causesBehind(...asked).map(({ id }) => id);

  it('are those that are named and have to do with its checks', () => {
    const found = diagnosis(cause('other', 'confirmed', ['X']), cause('possible', 'possible', ['A']), cause('left', 'past', ['Y'], ['A']), cause('seen', 'confirmed', ['A']));
    assert.deepEqual(ids(found, ['A', 'B'], () => false), ['left', 'seen']);
    assert.deepEqual(ids(found, ['B'], () => false), []);
    assert.deepEqual(ids(found, [], () => true), ['other', 'left', 'seen']);
  });

  it('explain what failed, where some of its checks did', () => {
    const warned = cause('warned', 'confirmed', ['B']);
    const of = (causes: Cause[], checks: readonly string[]): readonly string[] => ids(diagnosis(...causes), checks, (check) => check === 'A');
    assert.deepEqual(of([warned, cause('failed', 'likely', ['A'])], ['A', 'B']), ['failed']);
    assert.deepEqual(of([warned], ['A', 'B']), []);
    assert.deepEqual(of([warned], []), []);
    assert.deepEqual(of([warned], ['B']), ['warned'], 'what failed is not what was asked');
  });

  it('are known early only where one is confirmed and explains what comes first', () => {
    assert.equal(settledCause(diagnosis(cause('seen', 'confirmed', ['Y'], ['A'])), failed)?.id, 'seen');
    assert.equal(settledCause(diagnosis(cause('likely', 'likely', ['A'])), failed), undefined);
    assert.equal(settledCause(diagnosis(cause('likely', 'likely', ['A']), cause('seen', 'confirmed', ['A'])), failed), undefined, 'another one comes first');
    assert.equal(settledCause(diagnosis(cause('seen', 'confirmed', ['X'])), failed), undefined);
  });
});
