import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { age, countStates, countsText, spoken, timeOfDay } from '../../src/ui/words.ts';
import type { State } from '../../src/ui/words.ts';

const second = 1000;
const minute = 60 * second;
const at = Date.UTC(2026, 7, 20, 14, 6, 24);

describe('Ages', () => {
  const ages: readonly (readonly [old: number, text: string, spoken: string, changesIn: number | undefined])[] = [
    [-5 * second, 'now', 'now', 10 * second],
    [0, 'now', 'now', 10 * second],
    [9_999, 'now', 'now', 1],
    [10 * second, '10 s', '10 seconds ago', 20 * second],
    [30 * second, '30 s', '30 seconds ago', 30 * second],
    [minute, '1 min', '1 minute ago', minute],
    [2 * minute, '2 min', '2 minutes ago', 3 * minute],
    [9 * minute, '5 min', '5 minutes ago', minute],
    [10 * minute, '10 min', '10 minutes ago', 20 * minute],
    [30 * minute, '30 min', '30 minutes ago', 30 * minute],
    [60 * minute, '1 h', '1 hour ago', 60 * minute],
    [120 * minute, timeOfDay(at), `at ${timeOfDay(at)}`, undefined],
  ];
  for (const [old, text, said, changesIn] of ages) {
    it(`of ${old / second} s is "${text}"`, () => {
      deepStrictEqual(age(at, at + old), { text, spoken: said, changesIn });
    });
  }
});

describe('Counts', () => {
  const cases: readonly (readonly [states: readonly State[], text: string])[] = [
    [[], ''],
    [['pass', 'pass'], '2 passed'],
    [['pass', 'not-applicable', 'not-applicable'], '1 passed, 2 not applicable'],
    [['pass', 'warn'], '1 warning'],
    [['warn', 'warn', 'not-applicable'], '2 warnings'],
    [['blocked', 'pass', 'warn', 'fail', 'blocked'], '1 failed, 1 warning, 2 blocked'],
    [['cancelled', 'unknown', 'crashed'], '1 crashed, 1 unknown, 1 cancelled'],
    [['pass', 'not-run'], '1 passed, 1 not run'],
    [['not-run', 'not-applicable'], '1 not run, 1 not applicable'],
    [['warn', 'pass', 'not-run'], '1 warning, 1 not run'],
  ];
  for (const [states, text] of cases) {
    it(`of [${states.join(', ')}] are "${text}"`, () => strictEqual(countsText(countStates(states)), text));
  }
});

describe('Spoken text', () => {
  const cases: readonly (readonly [text: string, said: string])[] = [
    ['500 internal_error after 18.4 s', '500 internal_error after 18.4 seconds'],
    ['refused in 1 ms; container stopped', 'refused in 1 ms; container stopped'],
    ['41 waiting, oldest 4 min', '41 waiting, oldest 4 minutes'],
    ['oldest 1 min', 'oldest 1 minute'],
    ['running for 2 h', 'running for 2 hours'],
    ['blocked by Redis › Reachable', 'blocked by Redis Reachable'],
    ['request …f90ae7', 'request f90ae7'],
    ['18 passed', '18 passed'],
  ];
  for (const [text, said] of cases) it(`of "${text}"`, () => strictEqual(spoken(text), said));
});
