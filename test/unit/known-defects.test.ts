import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import * as z from 'zod';
import { root } from '../../scripts/lib/paths.ts';
import { exitCode } from '../../src/cli/words.ts';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import type { Situation } from '../../src/diagnosis/situation.ts';
import { answerOf } from '../../src/flow/answer.ts';
import { checks, checksOf, observers } from '../../src/flow/catalogue.ts';
import { asksConsent, withConsent } from '../../src/flow/consent.ts';
import { flowDeadlineMs, run } from '../../src/flow/runner.ts';
import type { RunOptions, RunResult } from '../../src/flow/runner.ts';
import type { ObservationSource } from '../../src/flow/source.ts';
import type { Check, Verdict } from '../../src/model/check.ts';
import { isNamed } from '../../src/model/diagnosis.ts';
import { questionId, subject } from '../../src/model/observation.ts';
import type { Observation, Outcome, Question } from '../../src/model/observation.ts';
import type { Status } from '../../src/model/status.ts';
import { statuses, worst } from '../../src/model/status.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { auditEventSchema } from '../../src/trace/auditEvent.ts';
import { outcomeOf } from '../../src/trace/outcome.ts';
import { notPassed } from '../lab/runFlow.ts';
import { cases } from '../matrix/cases.ts';
import { readRecordings } from '../matrix/recordings.ts';
import { replay } from '../matrix/replay.ts';
import { answer, judge, refused, timeout } from './judge.ts';

const thing = subject('thing', z.string());
const never = new AbortController().signal;

function check(id: string, rest: Partial<Check> = {}): Check {
  return {
    id, title: id, step: 'storage', component: 'Postgres', needs: [], asks: [thing.of(id)], privilege: 'none', source: 'here',
    judge: (observed) => ({ result: { status: observed.get(thing.of(id)).outcome.kind === 'answer' ? 'pass' : 'fail', summary: id, reasoning: '' } }),
    ...rest,
  };
}

function observation(question: Question, outcome: Outcome): Observation {
  const id = questionId(question);
  return { id, question, asked: id, at: '2026-08-20T10:00:00.000Z', tookMs: 1, outcome };
}

const always = (outcome: Outcome): ObservationSource => ({ ask: (question) => Promise.resolve(observation(question, outcome)) });
const silent: ObservationSource = { ask: () => new Promise<never>(() => undefined) };

/** All checks of the catalogue, none of them blocked, where every question ends alike. */
async function everythingIs(outcome: Outcome): Promise<readonly Verdict[]> {
  return (await run({ checks: checks.map((each) => ({ ...each, needs: [] })), source: always(outcome), signal: never })).verdicts;
}

async function timed(options: Omit<RunOptions, 'signal'>): Promise<RunResult & { readonly ms: number }> {
  const startedMs = performance.now();
  const result = await run({ ...options, signal: never });
  return { ...result, ms: performance.now() - startedMs };
}

const statusesOf = (verdicts: readonly Verdict[]): readonly Status[] => [...new Set(verdicts.map(({ status }) => status))].sort();

/** A verdict of a check of the catalogue, with its signs. */
function verdictOf(id: string, status: Status, ...signs: readonly string[]): Verdict {
  const found = checks.find((each) => each.id === id);
  assert(found, id);
  return { check: id, step: found.step, component: found.component, title: found.title, status, summary: signs.join(' '), reasoning: '', facts: [], signs: [...signs], observations: [`of ${id}`] };
}

const redisStopped = [verdictOf('CRC-STO-020', 'fail', 'ECONNREFUSED'), verdictOf('CRC-RDY-013', 'fail', 'redis_unreachable'), verdictOf('CRC-RDY-023', 'fail', 'redis_unreachable')];

function situation(verdicts: readonly Verdict[], rest: Partial<Situation> = {}): Situation {
  return { checks: checksOf('endpoints'), verdicts, logged: [], changes: [], ...rest };
}

const secret = 'q7Xk9abcdef-Zu1';

/** What other tools get wrong, one test for each known defect of theirs. */
describe('known defects of other tools', () => {
  it('linkerd: a skipped check counts as a success, and one fatal failure ends all that comes later', async () => {
    const source: ObservationSource = { ask: (question) => Promise.resolve(observation(question, question.of === 'A' ? refused('ECONNREFUSED') : answer('well'))) };
    const { verdicts } = await run({ checks: [check('A'), check('B', { needs: ['A'] }), check('C')], source, signal: never });
    assert.deepEqual(verdicts.map(({ status, blockedBy }) => [status, blockedBy]), [['fail', undefined], ['blocked', 'A'], ['pass', undefined]]);
    assert.equal(exitCode(verdicts.filter(({ status }) => status === 'blocked')), 5);
    assert.equal(answerOf(['pass', 'blocked']), 'No failure seen, 1 of 2 cannot be told.');
  });

  it('linkerd: a timeout is reported as another failure', async () => {
    const verdicts = await everythingIs(timeout(4_000));
    assert.deepEqual(statusesOf(verdicts), ['fail', 'not-applicable', 'unknown']);
    const ready = verdicts.find(({ check: id }) => id === 'CRC-RDY-013');
    assert.equal(ready?.summary, 'no answer in 4 s');
  });

  it('linkerd: it waits for pods that can never be scheduled', async () => {
    const { ms, verdicts } = await timed({ checks: checksOf('kubernetes'), source: silent, deadlineMs: 50 });
    assert.equal(verdicts.length, checksOf('kubernetes').length);
    assert(ms < 5_000, `${ms} ms`);
    for (const { subject: { name }, deadlineMs } of observers) assert(deadlineMs < flowDeadlineMs, name);
  });

  it('linkerd: warnings never fail a run in CI', () => {
    assert.equal(exitCode([verdictOf('CRC-STO-001', 'warn')]), 4);
    assert.equal(exitCode([verdictOf('CRC-STO-001', 'pass')]), 0);
  });

  it('linkerd: what is still starting, or shuts down, counts as failed for good', async () => {
    const http = { status: 503, contentType: 'application/json', location: '', date: '', headers: [], truncated: false, certificate: null, tookMs: 1 };
    const ready = await judge('CRC-RDY-003', { 'service.ready/api': answer({ ...http, body: '{"status":"draining"}' }) });
    assert.deepEqual([ready.status, ready.summary], ['warn', 'draining: it is shutting down']);
  });

  it('linkerd and flux: a version is looked up on the internet, and a run without it fails', async () => {
    // Nothing answers but the deployment: there is no observer that could ask anybody else.
    const version = checks.filter(({ title }) => /version|release/i.test(title));
    assert(version.length > 0);
    for (const one of version) {
      const { verdicts } = await run({ checks: [{ ...one, needs: [] }], source: always({ kind: 'unavailable', why: 'offline', wayOut: 'none' }), signal: never });
      assert.notEqual(verdicts[0]?.status, 'fail', one.id);
    }
  });

  it('troubleshoot: one is asked after the other, an error of asking counts as a fault, and what fits no rule is only logged', async () => {
    const slow: ObservationSource = { ask: (question) => new Promise((resolve) => setTimeout(() => resolve(observation(question, answer('well'))), 40)) };
    const { ms } = await timed({ checks: Array.from({ length: 16 }, (_, index) => check(String(index))), source: slow });
    assert(ms < 16 * 40, `${ms} ms`);
    const crashed = await everythingIs({ kind: 'crashed', error: 'TypeError', message: 'ours' });
    assert.deepEqual(statusesOf(crashed.filter(({ observations }) => observations.length > 0)), ['crashed']);
    const { verdicts: [without] } = await run({ checks: [check('A', { judge: () => undefined as never })], source: always(answer('well')), signal: never });
    assert.equal(without?.status, 'crashed');
  });

  it('troubleshoot: what compares does not see that there was no answer to compare', async () => {
    for (const outcome of [refused('ECONNREFUSED'), { kind: 'unavailable', why: 'no permission', wayOut: 'grant it' } as const]) {
      const verdicts = await everythingIs(outcome);
      assert.deepEqual(verdicts.filter(({ status }) => status === 'pass' || status === 'crashed').map(({ check: id }) => id), []);
    }
  });

  it('troubleshoot: masking takes many times as long as collecting', () => {
    const redactor = createRedactor();
    redactor.learn(secret, 'admin token');
    const line = '{"level":30,"time":1755699688123,"request_id":"0198f6a1-70aa-7c11-9d55-000000000001","msg":"request completed","url":"postgres://u:pw-of-9-words@db:5432/x"}\n';
    const text = line.repeat(1_000_000 / line.length);
    const startedMs = performance.now();
    const masked = redactor.text(text);
    assert(performance.now() - startedMs < 4_000, `${performance.now() - startedMs} ms for 1 MB`);
    assert(!masked.includes('pw-of-9-words'));
  });

  it('troubleshoot: a copy that is not masked lies beside the masked one', () => {
    const redactor = createRedactor();
    redactor.learn(secret, 'admin token');
    const everywhere = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex'), JSON.stringify({ a: secret })];
    const verdict: Verdict = { ...verdictOf('CRC-STO-001', 'fail', secret), summary: everywhere.join(' '), reasoning: secret, facts: everywhere.map((value) => ({ name: 'value', value })), observations: [secret] };
    const written = JSON.stringify(redactor.json({ verdicts: [verdict], observations: [observation(thing.of(secret), answer({ [secret]: everywhere }))] }));
    for (const form of everywhere.slice(0, 4)) assert(!written.includes(form), form);
  });

  it('troubleshoot: masking damages what it leaves', () => {
    const redactor = createRedactor();
    redactor.learn(secret, 'admin token');
    for (const text of ['a\n\n\nb', '\r\n a \r\n\r\n', 'no end of line', '\n', '{\n  "a": 1,\n\n  "b": [ ]\n}\n', '\tindented:\n  - x\n\n']) assert.equal(redactor.text(text), text);
    assert.equal(redactor.text(`a\n\n${secret}\n\nb\n`).replace(/‹.*›/, 'x'), 'a\n\nx\n\nb\n');
  });

  it('troubleshoot: what a change means is guessed from how its name begins', () => {
    const began = { ...redisStopped[0], since: '2026-08-20T10:05:00.000Z' } as Verdict;
    const scoreOf = (what: string): readonly string[] => {
      const changes = [{ at: '2026-08-20T10:04:00.000Z', what, observations: ['of a change'] }];
      return diagnose(situation([began, ...redisStopped.slice(1)], { changes })).result.causes[0]?.score.map(({ name }) => name) ?? [];
    };
    assert(scoreOf('redis exited 0, 1 min ago').includes('changed shortly before'));
    assert(!scoreOf('redisinsight exited 0, 1 min ago').includes('changed shortly before'));
  });

  it('k8sgpt: all is well where every look failed', async () => {
    const verdicts = await everythingIs({ kind: 'crashed', error: 'TypeError', message: 'ours' });
    assert.equal(worst(['crashed', 'crashed']), 'crashed');
    assert.equal(exitCode(verdicts), 1);
    assert.doesNotMatch(answerOf(verdicts.map(({ status }) => status)), /pass/);
    for (const status of statuses) assert.equal(exitCode([verdictOf('CRC-STO-001', status)]) === 0, status === 'pass' || status === 'not-applicable', status);
  });

  it('k8sgpt: names are masked field by field, the wrong one among them, and events not at all', () => {
    const redactor = createRedactor();
    redactor.learn(secret, 'admin token');
    const event = { reason: 'Failed', message: `Error: token ${secret} was refused`, involvedObject: { name: 'sts-0' }, note: secret };
    const masked = redactor.json(event);
    assert.deepEqual([masked.reason, masked.involvedObject.name], ['Failed', 'sts-0']);
    assert.equal(masked.message, `Error: token ${masked.note} was refused`);
    assert.notEqual(masked.note, secret);
  });

  it('Holmes: the loudest is blamed, too surely, and on a path that nothing shows', () => {
    const loud = [verdictOf('CRC-RDY-032', 'fail', 'consumer_unhealthy'), verdictOf('CRC-RDY-033', 'fail', 'consumer_unhealthy'), verdictOf('CRC-SVC-090', 'warn')];
    const { causes } = diagnose(situation([...loud, ...redisStopped])).result;
    assert.equal(causes[0]?.id, 'redis-stopped');
    for (const { words, observations } of causes[0].path) assert(observations.length > 0, words);
    // Where nobody could look at Redis itself, no cause of it is named.
    const unseen = situation([...loud, ...redisStopped.slice(1), ...['CRC-STO-020', 'CRC-STO-021'].map((id) => verdictOf(id, 'unknown'))]);
    assert.deepEqual(diagnose(unseen).result.causes.filter(isNamed), []);
  });

  it('Popeye: codes without a page, and one code for two things', async () => {
    assert.equal(new Set(checks.map(({ id }) => id)).size, checks.length);
    await Promise.all(checks.map(({ id }) => access(join(root, 'docs', 'checks', `${id}.md`))));
  });

  it('istio: a time limit ends the collecting, and not what comes after it', async () => {
    let looks = 1;
    const endless = check('A', { judge: () => ({ result: { status: 'unknown', summary: 'more', reasoning: '' }, wants: [thing.of('A', (looks += 1))] }) });
    const once: ObservationSource = { ask: (question, signal) => (question.sample === undefined ? always(answer('well')) : silent).ask(question, signal) };
    const { ms, verdicts } = await timed({ checks: [endless], source: once, deadlineMs: 30 });
    assert(ms < 2_000, `${ms} ms`);
    assert.deepEqual(verdicts.map(({ status }) => status), ['unknown']);
  });

  it('flutter: it hangs on a question to the user', async () => {
    const asked: string[] = [];
    const source = withConsent({ ask: (question) => (asked.push(questionId(question)), Promise.resolve(observation(question, answer('well')))) }, { given: false, zone: null, token: true });
    const { outcome } = await source.ask(asksConsent, never);
    assert.deepEqual(outcome, { kind: 'answer', value: { given: false, zone: null, token: true } });
    assert.deepEqual(asked, []);
  });

  it('vault: it warns on a server that runs well', async () => {
    const recordings = await readRecordings();
    // A decoy is a server that runs well and looks as if it did not.
    for (const one of cases.filter(({ faults }) => faults.length === 0)) {
      const recording = recordings.get(one.id);
      assert(recording, one.id);
      assert.deepEqual(notPassed((await replay(one, recording)).verdicts), {}, one.id);
    }
  });

  it('pg-healthcheck: a counter that rose once alarms for ever', async () => {
    const figures = (errors: number): Outcome =>
      answer({ status: 200, contentType: 'application/json', authenticated: true, error: null, groups: [], values: { 'opa.eval_total': 120, 'opa.eval_errors': errors, 'opa.eval_duration_ns': 1, 'opa.compile_total': 3 } });
    const verdict = (before: number, now: number): Promise<Verdict> => judge('CRC-SVC-014', { 'service.metrics/sts': figures(now), 'service.metrics/sts@earlier': figures(before) }, { 'service.metrics/sts@earlier': 60 });
    assert.equal((await verdict(7, 7)).status, 'pass');
    assert.notEqual((await verdict(7, 9)).status, 'pass');
  });

  it('consul-k8s: Ctrl-C leaves half of it behind', async () => {
    const stop = new AbortController();
    const told: AbortSignal[] = [];
    const late: string[] = [];
    let ended = false;
    const running = run({
      checks: [check('A'), check('B', { needs: ['A'] })],
      source: { ask: (_, signal) => (told.push(signal), new Promise<never>(() => undefined)) },
      signal: stop.signal,
      onVerdict: ({ check: id }) => {
        if (ended) late.push(id);
      },
    });
    stop.abort();
    const { verdicts, cancelled } = await running;
    ended = true;
    await setImmediate();
    assert(cancelled);
    assert.deepEqual(statusesOf(verdicts), ['cancelled']);
    assert(told.every(({ aborted }) => aborted));
    assert.deepEqual(late, []);
  });

  it('OpenFGA, Permify and SpiceDB: why something was denied is a boolean', () => {
    const denied = auditEventSchema.parse({
      id: '0198f6a1-70aa-7c11-9d55-000000000001', zone_id: 'z', event_type: 'token_exchange', request_id: 'r-1', policy_set_id: '', policy_set_version_id: '', manifest_sha: '', decision: 'deny',
      evaluation_status: 'complete', determining_policies_json: [], diagnostics_json: [{ reason: 'resource_not_granted' }],
      metadata_json: { application_id: 'app-orders', resource: 'billing-api', requested_scopes: ['invoice:write'] }, occurred_at: '2026-08-02T10:15:30.123Z', ingested_at: '2026-08-02T10:15:30.410Z',
    });
    const { kind, layer, code, sentence } = outcomeOf({ events: [denied] });
    assert.deepEqual([kind, layer, code], ['denied', 'policy', 'resource_not_granted']);
    assert.match(sentence, /^Policy denied this call: .+\.$/);
  });
});
