import assert from 'node:assert/strict';
import * as z from 'zod';
import { run, select } from '../../src/flow/runner.ts';
import type { ObservationSource } from '../../src/flow/source.ts';
import type { Check, Judgement, Verdict } from '../../src/model/check.ts';
import { questionId, subject } from '../../src/model/observation.ts';
import type { Observation, Outcome, Question } from '../../src/model/observation.ts';

const thing = subject('thing', z.string());

function check(id: string, rest: Partial<Check> = {}): Check {
  return {
    id,
    title: `Title ${id}`,
    step: 'storage',
    component: 'Postgres',
    needs: [],
    asks: [thing.of(id)],
    privilege: 'none',
    source: 'here',
    judge: (observed) => says(observed.get(thing.of(id))),
    ...rest,
  };
}

/** A thing's answer is the status that its check gets. */
function says({ outcome }: Observation<string>): Judgement {
  const status = outcome.kind === 'answer' ? (outcome.value as 'pass' | 'warn' | 'fail' | 'unknown') : 'unknown';
  return { result: { status, summary: outcome.kind, reasoning: '' } };
}

/** Answers at once from a table; a question that is not in it never gets an answer. */
function table(answers: Readonly<Record<string, Outcome | Error>>, asked: string[] = []): ObservationSource {
  return {
    ask(question: Question) {
      const id = questionId(question);
      asked.push(id);
      const outcome = answers[id];
      if (outcome instanceof Error) throw outcome;
      if (!outcome) return new Promise<never>(() => undefined);
      return Promise.resolve({ id, question, asked: id, at: '2026-08-20T10:00:00.000Z', tookMs: 1, outcome });
    },
  };
}

const answer = (value: string): Outcome => ({ kind: 'answer', value });
const never = new AbortController().signal;
const statuses = (verdicts: readonly Verdict[]): Record<string, string> =>
  Object.fromEntries(verdicts.map(({ check: id, status }) => [id, status]));

describe('runner', () => {
  it('judges each check by its answers, in the order of the checks', async () => {
    const checks = [check('A'), check('B'), check('C')];
    const source = table({ 'thing/A': answer('pass'), 'thing/B': answer('warn'), 'thing/C': answer('fail') });
    const { verdicts, cancelled, observations } = await run({ checks, source, signal: never });
    assert.deepEqual(verdicts.map(({ check: id, status }) => [id, status]), [['A', 'pass'], ['B', 'warn'], ['C', 'fail']]);
    assert.equal(cancelled, false);
    assert.equal(observations.length, 3);
    assert.deepEqual(verdicts[0]?.observations, ['thing/A']);
  });

  it('blocks what needs a failed check by the first failure, and asks nothing for it', async () => {
    const asked: string[] = [];
    const checks = [check('A', { title: 'Reachable' }), check('B', { needs: ['A'] }), check('C', { needs: ['B'] }), check('D')];
    const source = table({ 'thing/A': answer('fail'), 'thing/D': answer('pass') }, asked);
    const { verdicts } = await run({ checks, source, signal: never });
    assert.deepEqual(statuses(verdicts), { A: 'fail', B: 'blocked', C: 'blocked', D: 'pass' });
    assert.deepEqual(verdicts.map((verdict) => verdict.blockedBy), [undefined, 'A', 'A', undefined]);
    assert.equal(verdicts[2]?.summary, 'blocked by Postgres › Reachable');
    assert.deepEqual(asked, ['thing/A', 'thing/D']);
  });

  it('runs what needs a check that warns or knows nothing', async () => {
    const checks = [check('A'), check('B', { needs: ['A'] }), check('C'), check('D', { needs: ['C'] })];
    const source = table({
      'thing/A': answer('warn'),
      'thing/B': answer('pass'),
      'thing/C': { kind: 'unavailable', why: 'no credential', wayOut: 'give one' },
      'thing/D': answer('pass'),
    });
    assert.deepEqual(statuses((await run({ checks, source, signal: never })).verdicts), { A: 'warn', B: 'pass', C: 'unknown', D: 'pass' });
  });

  it('asks a question that two checks share once', async () => {
    const asked: string[] = [];
    const shared = thing.of('shared');
    const one = check('A', { asks: [shared], judge: (observed) => says(observed.get(shared)) });
    await run({ checks: [one, { ...one, id: 'B' }], source: table({ 'thing/shared': answer('pass') }, asked), signal: never });
    assert.deepEqual(asked, ['thing/shared']);
  });

  it('asks what a judge wants and judges again, a bounded number of rounds', async () => {
    const asked: string[] = [];
    const endless = check('A', {
      asks: [thing.of('A')],
      judge: () => ({ result: { status: 'unknown', summary: 'more', reasoning: '' }, wants: [thing.of('A', asked.length + 1)] }),
    });
    const answers = Object.fromEntries(Array.from({ length: 20 }, (_, look) => [`thing/A${look === 0 ? '' : `#${look + 1}`}`, answer('pass')]));
    const { verdicts } = await run({ checks: [endless], source: table(answers, asked), signal: never });
    assert.equal(verdicts[0]?.status, 'unknown');
    assert.deepEqual(asked, ['thing/A', 'thing/A#2', 'thing/A#3', 'thing/A#4', 'thing/A#5']);
  });

  it('calls a probe or a judge of ours that throws crashed, and blocks what needs it', async () => {
    const checks = [
      check('A'),
      check('B', { needs: ['A'] }),
      check('C', { judge: () => { throw new TypeError('no such thing'); } }),
      check('D', { judge: (observed) => says(observed.get(thing.of('never asked'))) }),
    ];
    const source = table({ 'thing/A': new RangeError('ours'), 'thing/C': answer('pass'), 'thing/D': answer('pass') });
    const { verdicts } = await run({ checks, source, signal: never });
    assert.deepEqual(statuses(verdicts), { A: 'crashed', B: 'blocked', C: 'crashed', D: 'crashed' });
    assert.equal(verdicts[0]?.summary, 'our fault: RangeError');
    assert.equal(verdicts[2]?.summary, 'our fault: TypeError');
  });

  it('ends open questions as timeouts when the whole run is too long', async () => {
    const { verdicts, observations } = await run({ checks: [check('A')], source: table({}), signal: never, deadlineMs: 20 });
    assert.equal(verdicts[0]?.status, 'unknown');
    assert.deepEqual(observations[0]?.outcome, { kind: 'timeout', deadlineMs: 20, stage: 'the whole flow' });
  });

  it('gives everything that is open the verdict cancelled when it is stopped, and keeps what was answered', async () => {
    const stop = new AbortController();
    const checks = [check('A'), check('B'), check('C', { needs: ['B'] })];
    const seen: string[] = [];
    const running = run({
      checks,
      source: table({ 'thing/A': answer('pass') }),
      signal: stop.signal,
      onVerdict: ({ check: id }) => {
        seen.push(id);
        if (id === 'A') stop.abort();
      },
    });
    const { verdicts, cancelled } = await running;
    assert.deepEqual(statuses(verdicts), { A: 'pass', B: 'cancelled', C: 'cancelled' });
    assert.equal(cancelled, true);
    assert.deepEqual(seen, ['A', 'B', 'C']);
  });

  it('asks at most 16 questions at once', async () => {
    let open = 0;
    let most = 0;
    const source: ObservationSource = {
      async ask(question) {
        open += 1;
        most = Math.max(most, open);
        await new Promise((resolve) => setImmediate(resolve));
        open -= 1;
        return { id: questionId(question), question, asked: '', at: '2026-08-20T10:00:00.000Z', tookMs: 0, outcome: answer('pass') };
      },
    };
    const checks = Array.from({ length: 100 }, (_, index) => check(`N${index}`));
    const { verdicts } = await run({ checks, source, signal: never });
    assert.ok(verdicts.every(({ status }) => status === 'pass'));
    assert.equal(most, 16);
  });
});

describe('select', () => {
  const checks = [check('A'), check('B', { needs: ['A'], step: 'streams' }), check('C', { step: 'streams' }), check('D')];
  const ids = (selection: Parameters<typeof select>[1]): string[] => select(checks, selection).map(({ id }) => id);

  it('takes everything, or a step, a check or several checks with what they need', () => {
    assert.deepEqual(ids({}), ['A', 'B', 'C', 'D']);
    assert.deepEqual(ids({ step: 'streams' }), ['A', 'B', 'C']);
    assert.deepEqual(ids({ check: 'B' }), ['A', 'B']);
    assert.deepEqual(ids({ checks: [] }), []);
  });

  it('takes named checks in the order in which they are named, each after what it needs', () => {
    assert.deepEqual(ids({ checks: ['D', 'B'] }), ['D', 'A', 'B']);
    assert.deepEqual(ids({ checks: ['B', 'A', 'D'] }), ['A', 'B', 'D']);
  });

  it('refuses a check that does not exist', () => {
    assert.throws(() => ids({ check: 'X' }), /no check X/);
  });
});
