import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { Status } from '../../src/model/status.ts';
import { causeOfMessage, decorationOf, footnote, marksOf, reachText, reference } from '../../src/ui/causes.ts';
import { emptyState } from '../../src/ui/flowState.ts';
import type { Answer, CheckHead, FlowState } from '../../src/ui/flowState.ts';
import { spoken } from '../../src/ui/words.ts';
import { cause, diagnosed } from './diagnoses.ts';

/** A state in which each check has this status, and says these messages. */
function flow(statuses: Readonly<Record<string, Status>>, messages: Readonly<Record<string, readonly string[]>> = {}): FlowState {
  const checks = Object.keys(statuses).map((id): CheckHead => ({ id, step: 'storage', component: 'Redis', title: id, needs: [], messages: messages[id] ?? [] }));
  const answers = Object.entries(statuses).map(([check, status]): readonly [string, Answer] => [check, {
    verdict: { check, step: 'storage', component: 'Redis', title: check, status, summary: '', reasoning: '', facts: [], observations: [] }, at: 0, apart: false,
  }]);
  return { ...emptyState, checks, answers: new Map(answers) };
}

describe('The number of a cause', () => {
  it('is a footnote of one sign as far as there are such signs', () => {
    deepStrictEqual([1, 9, 20, 21, 99].map(footnote), ['①', '⑨', '⑳', '21', '99']);
    deepStrictEqual([2, 21].map(reference), ['②', 'cause 21']);
    deepStrictEqual(['left behind by ①', 'tells ⑲ from ⑳'].map(spoken), ['left behind by cause 1', 'tells cause 19 from cause 20']);
  });

  it('fits to what VS Code takes as a badge', () => {
    const mark = { cause: 'a', title: 'A', isOwn: false, isBlocked: false };
    deepStrictEqual([1, 21, 99, 100].map((number) => decorationOf({ ...mark, number }).badge), ['①', '21', '99', undefined]);
  });
});

describe('The mark of a check', () => {
  const first = cause('first', { own: ['A'], explains: ['B', 'C', 'D'] });
  const second = cause('second', { own: ['C'], explains: ['B', 'E'] });
  const state = { ...flow({ A: 'fail', B: 'fail', C: 'fail', D: 'blocked', E: 'warn', F: 'fail' }), ...diagnosed([first, second, cause('third', { standing: 'possible', own: ['F'] })]) };

  it('is that of the cause that is seen there, else of the first that explains it, and never of one that is only possible', () => {
    deepStrictEqual(new Map([...marksOf(state)].map(([check, { number, isOwn, isBlocked }]) => [check, [number, isOwn, isBlocked]])), new Map([
      ['A', [1, true, false]], ['B', [1, false, false]], ['C', [2, true, false]], ['D', [1, false, true]], ['E', [2, false, false]],
    ]));
  });

  it('says what it means, and fades what is only a consequence', () => {
    const marks = [...marksOf(state).values()].slice(0, 3).map(decorationOf);
    deepStrictEqual(marks, [
      { badge: '①', tooltip: 'This is cause 1: first', color: 'list.errorForeground' },
      { badge: '②', tooltip: 'This is cause 2: second', color: 'list.errorForeground' },
      { badge: '①', tooltip: 'Explained by cause 1: first', color: 'caracal.mutedForeground' },
    ]);
  });
});

it('What a cause explains is counted by what each check says', () => {
  const state = flow({ A: 'fail', B: 'warn', C: 'warn', D: 'unknown', E: 'unknown', F: 'blocked', G: 'pass' });
  strictEqual(reachText(['A', 'B', 'C', 'D', 'E', 'F', 'G'], state), '1 failure, 2 warnings, 2 unknown');
  strictEqual(reachText(['F'], state), '');
});

describe('The cause that a message of a log speaks for', () => {
  const state = {
    ...flow({ A: 'fail', B: 'fail', C: 'pass' }, { A: ['redis: gone'], B: ['redis: gone', 'api: cannot read'], C: ['web: odd'] }),
    ...diagnosed([cause('first', { explains: ['A'] }), cause('second', { own: ['B'] })]),
  };

  it('is one that is named and is seen at, or explains, what the message is about', () => {
    const causes = ['redis: gone', 'api: cannot read', 'web: odd', 'sts: never said'].map((message) => causeOfMessage(message, state)?.cause);
    deepStrictEqual(causes, ['second', 'second', undefined, undefined]);
  });
});
