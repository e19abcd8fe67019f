import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import type { Symptom } from '../../src/caracal/symptoms.ts';
import type { Status } from '../../src/model/status.ts';
import { emptyState } from '../../src/ui/flowState.ts';
import type { Answer, CheckHead, FlowState } from '../../src/ui/flowState.ts';
import { standing } from '../../src/ui/standing.ts';
import { cause, diagnosed } from './diagnoses.ts';

const now = Date.UTC(2026, 7, 20, 14, 6, 34);

function flow(statuses: readonly (Status | 'not-run')[], ended: FlowState['ended'] = 'complete'): FlowState {
  const checks = statuses.map((_status, index): CheckHead => ({ id: `C${index}`, step: 'storage', component: 'Redis', title: 'Title', needs: [] }));
  const answers = new Map<string, Answer>();
  statuses.forEach((status, index) => {
    if (status === 'not-run') return;
    const verdict = { check: `C${index}`, step: 'storage' as const, component: 'Redis', title: 'Title', status, summary: '', reasoning: '', facts: [], observations: [] };
    answers.set(verdict.check, { verdict, at: now - 10_000, apart: false });
  });
  return { ...emptyState, target: { id: 't', name: 'lab', kind: 'endpoints', logs: [] }, checks, answers, ended };
}

describe('The standing of a target', () => {
  const cases: readonly (readonly [state: FlowState, message: string, status: string, spoken: string])[] = [
    [flow(['not-run'], undefined), 'Nothing was run yet.', '$(circle-outline) lab', 'not run'],
    [flow(['pass', 'pass', 'not-applicable']), 'All 2 checks that apply pass.', '$(pass) lab', 'all checks passed, 10 seconds ago'],
    [flow(['pass', 'fail', 'fail', 'blocked']), '2 failures, no cause confirmed.', '$(error) lab: 2 failures', '2 checks failed, 10 seconds ago'],
    [flow(['fail', 'warn']), '1 failure, no cause confirmed.', '$(error) lab: 1 failure', '1 check failed, 10 seconds ago'],
    [flow(['pass', 'warn', 'warn']), 'No failure, 2 warnings.', '$(warning) lab: 2 warnings', '2 warnings, 10 seconds ago'],
    [flow(['warn', 'unknown']), 'No failure, 1 warning, 1 cannot be told.', '$(warning) lab: 1 warning', '1 warning, 10 seconds ago'],
    [flow(['pass', 'unknown', 'blocked']), 'No failure seen, 2 of 3 cannot be told.', '$(question) lab: cannot tell', 'cannot tell, 10 seconds ago'],
    [flow(['pass', 'cancelled'], 'stopped'), 'Stopped by you. 1 of 2 checks have an answer.', '$(stop-circle) lab: stopped', 'stopped, 10 seconds ago'],
    [flow(['crashed']), '1 check crashed, which is our fault.', '$(bug) lab: our fault', 'our fault, 10 seconds ago'],
    [flow(['pass', 'not-run']), '1 of 2 checks were run, and all pass.', '$(circle-outline) lab: partly run', 'partly run, 10 seconds ago'],
  ];
  for (const [state, message, status, spoken] of cases) {
    it(`is "${message}"`, () => {
      const shown = standing(state, undefined, now);
      strictEqual(shown.message, message);
      strictEqual(shown.statusBar?.text, status);
      strictEqual(shown.statusBar.accessibilityLabel, `Caracal: target lab, ${spoken}`);
    });
  }

  const stopped = cause('redis-stopped', { title: 'Redis is stopped', own: ['C0'], explains: ['C1'] });
  const dead = cause('dead', { title: 'Coordinator events are dead', own: ['C2'] });
  const likely = { ...stopped, standing: 'likely' } as const;
  const possible = { ...stopped, standing: 'possible' } as const;
  const failures = { all: 3, explained: 2 };
  const three = flow(['fail', 'fail', 'fail']);
  const warned = flow(['warn', 'warn', 'pass']);
  const named: readonly (readonly [state: FlowState, message: string, status: string, spoken: string])[] = [
    [{ ...three, ...diagnosed([stopped], { failures }) }, 'Redis is stopped. It explains 2 of 3 failures.', '$(error) lab: Redis is stopped', '3 checks failed, Redis is stopped'],
    [{ ...three, ...diagnosed([stopped, dead], { failures: { all: 3, explained: 3 } }) }, '2 causes explain 3 of 3 failures.', '$(error) lab: Redis is stopped +1', '3 checks failed, Redis is stopped and 1 more cause'],
    [{ ...three, ...diagnosed([likely], { failures }) }, 'Likely: Redis is stopped. It explains 2 of 3 failures.', '$(error) lab: 3 failures', '3 checks failed'],
    [{ ...three, ...diagnosed([possible], { failures: { all: 3, explained: 0 } }) }, '3 failures, no cause confirmed.', '$(error) lab: 3 failures', '3 checks failed'],
    [{ ...three, ...diagnosed([{ ...stopped, title: 'The Gateway does not pass its startup probe' }], { failures }) }, 'The Gateway does not pass its startup probe.', '$(error) lab: The Gateway does not pass its startup probe', '3 checks failed, The Gateway does not pass its startup probe'],
    [{ ...three, ...diagnosed([{ ...stopped, title: 'A'.repeat(60) }], { failures }) }, '1 cause explains 2 of 3 failures.', `$(error) lab: ${'A'.repeat(60)}`, `3 checks failed, ${'A'.repeat(60)}`],
    [{ ...flow(['unknown', 'blocked', 'pass']), ...diagnosed([{ ...stopped, explains: [] }]) }, 'Redis is stopped. It explains 1 unknown.', '$(question) lab: Redis is stopped', 'cannot tell, Redis is stopped'],
    [{ ...flow(['fail', 'pass', 'warn']), ...diagnosed([dead], { failures: { all: 1, explained: 0 } }) }, '1 failure, no cause confirmed.', '$(error) lab: 1 failure', '1 check failed'],
    [{ ...warned, ...diagnosed([stopped]) }, 'Redis is stopped. It explains 2 warnings.', '$(warning) lab: Redis is stopped', '2 warnings, Redis is stopped'],
  ];
  for (const [state, message, status, spoken] of named) {
    it(`is "${message}" of what is named`, () => {
      const shown = standing(state, undefined, now);
      deepStrictEqual([shown.message, shown.statusBar?.text, shown.statusBar?.accessibilityLabel], [message, status, `Caracal: target lab, ${spoken}, 10 seconds ago`]);
    });
  }

  it('keeps the cause that stood while it runs again', () => {
    const state = { ...three, ...diagnosed([stopped], { failures }) };
    const again = standing({ ...state, ...diagnosed([]), running: new Set(['C0']), runSize: 3 }, standing(state, undefined, now), now);
    deepStrictEqual([again.statusBar?.text, again.badge?.tooltip], ['$(loading~spin) lab: Redis is stopped', '3 checks failed, 1 cause']);
  });

  it('names the cause of what a symptom is about', () => {
    const triaged = (checks: readonly string[]): string | undefined => standing({ ...three, ended: 'triaged', symptom: { ...symptom, checks }, ...diagnosed([stopped], { failures }) }, undefined, now).message;
    deepStrictEqual([triaged(['C1']), triaged(['C2'])], ['Redis is stopped. It explains 2 of 3 failures.', 'One failure: Redis › Title.']);
  });

  const symptom: Symptom = { id: 's', title: 'It is slow', words: '', asks: [], checks: ['C0', 'C1', 'C2'], source: '' };
  const triaged: readonly (readonly [statuses: readonly (Status | 'not-run')[], message: string])[] = [
    [['pass', 'fail', 'fail', 'fail'], 'First failure of 2: Redis › Title.'],
    [['pass', 'warn', 'unknown', 'fail'], 'One warning: Redis › Title.'],
    [['unknown', 'pass', 'unknown', 'warn'], 'First unknown of 2: Redis › Title.'],
    [['pass', 'not-applicable', 'pass', 'fail'], 'Nothing of this symptom is red: 2 pass.'],
    [['pass', 'crashed', 'pass', 'fail'], 'Nothing of this symptom is red: 1 crashed.'],
  ];
  for (const [statuses, message] of triaged) {
    it(`is "${message}" after ${statuses.slice(0, 3).join(', ')} of a symptom`, () => {
      strictEqual(standing({ ...flow(statuses, 'triaged'), symptom }, undefined, now).message, message);
    });
  }

  it('is what the call tells of which a symptom is, where no check does', () => {
    strictEqual(standing({ ...flow(['pass'], 'triaged'), symptom, found: 'Policy denied this call.' }, undefined, now).message, 'Policy denied this call.');
  });

  const watched = (statuses: readonly Status[], changedAt: number, wellBefore: boolean): FlowState => {
    const state = flow(statuses);
    const answers = new Map([...state.answers].map(([id, answer]) => [id, answer.verdict.status === 'fail' ? { ...answer, changedAt } : answer]));
    return { ...state, answers, watch: { wellBefore } };
  };
  const at = new Date(2026, 7, 20, 14, 2).getTime();
  const news: readonly (readonly [state: FlowState, message: string])[] = [
    [watched(['pass', 'fail', 'blocked'], at, true), 'Redis failed at 14:02. All passed before.'],
    [watched(['pass', 'fail', 'warn'], at, false), 'Redis failed at 14:02.'],
    [watched(['pass', 'pass'], at, true), 'All 2 checks that apply pass.'],
    [{ ...flow(['fail']), watch: { wellBefore: false } }, '1 failure, no cause confirmed.'],
  ];
  for (const [state, message] of news) {
    it(`is "${message}" while it is watched`, () => strictEqual(standing(state, undefined, now).message, message));
  }

  it('names the component that failed first, and how many beside it', () => {
    const state = watched(['fail', 'fail', 'fail'], at, true);
    const components = ['Postgres', 'Redis', 'Redis'];
    const checks = state.checks.map((check, index) => ({ ...check, component: components[index] ?? '' }));
    const answers = new Map(state.answers);
    const redis = answers.get('C1');
    ok(redis);
    answers.set('C1', { ...redis, changedAt: at - 60_000 });
    strictEqual(standing({ ...state, checks, answers }, undefined, now).message, 'Redis and 1 more failed at 14:01. All passed before.');
  });

  it('has a badge for failures only', () => {
    strictEqual(standing(flow(['fail', 'fail']), undefined, now).badge?.tooltip, '2 checks failed, no cause confirmed');
    strictEqual(standing({ ...three, ...diagnosed([stopped, dead, possible]) }, undefined, now).badge?.tooltip, '3 checks failed, 2 causes');
    strictEqual(standing(flow(['warn', 'unknown']), undefined, now).badge, undefined);
  });

  it('stays under 60 characters with large numbers', () => {
    const many = (status: Status): Status[] => new Array<Status>(1_000).fill(status);
    for (const statuses of [[...many('warn'), ...many('unknown')], many('fail'), many('unknown'), many('pass')]) {
      for (const ended of ['complete', 'stopped'] as const) {
        const { message } = standing(flow(statuses, ended), undefined, now);
        ok(message !== undefined && message.length < 60, message);
      }
    }
  });

  it('is nothing without a target', () => {
    const { message, badge, statusBar } = standing(emptyState, undefined, now);
    strictEqual(message ?? badge ?? statusBar, undefined);
  });
});
