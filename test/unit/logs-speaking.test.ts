import { deepEqual, equal } from 'node:assert/strict';
import { logMessages } from '../../src/caracal/logMessages.ts';
import { logSources, sourcesOf } from '../../src/caracal/logSources.ts';
import { speakingMessages } from '../../src/caracal/speakingMessages.ts';
import { checks } from '../../src/flow/catalogue.ts';
import { withLogs } from '../../src/flow/logs.checks.ts';
import { run } from '../../src/flow/runner.ts';
import { findingsIn } from '../../src/logs/tail.ts';
import type { Check, Finding } from '../../src/model/check.ts';
import { questionId } from '../../src/model/observation.ts';
import type { Outcome } from '../../src/model/observation.ts';

const time = Date.UTC(2026, 7, 20, 14, 2, 11);
const at = (seconds: number): string => new Date(time + seconds * 1_000).toISOString();
const line = (seconds: number, msg: string): string => JSON.stringify({ level: 'warn', service: 'gateway', time: time + seconds * 1_000, msg });
const stream = (...lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\n')}\n`);

describe('messages that speak for checks', () => {
  it('are known, and the checks are there', () => {
    const ids = new Set(logSources.flatMap((source) => Object.keys(logMessages[source]).map((text) => `${source}: ${text}`)));
    deepEqual(Object.values(speakingMessages).flat().filter((id) => !ids.has(id)), []);
    deepEqual(Object.keys(speakingMessages).filter((id) => !checks.some((check) => check.id === id)), []);
  });

  it('are of those who log them', () => {
    deepEqual(sourcesOf(['gateway: sts circuit open', 'api: Error: …', 'gateway: proxied']), ['gateway', 'api']);
  });
});

describe('what is known at the end of a log', () => {
  it('is counted over all outputs of all replicas, with its times', () => {
    const one = stream(line(0, 'sts circuit open'), line(5, 'something else'), line(9, 'sts circuit open'));
    const other = stream(line(-3, 'sts circuit open'), 'panic: boom', '', 'goroutine 1 [running]:');
    deepEqual(findingsIn('gateway', [one, other]), {
      records: 5, from: at(-3), to: at(9), findings: [{ id: 'gateway: sts circuit open', count: 3, firstAt: at(-3), lastAt: at(9) }],
    });
  });

  it('has no times where nobody wrote any', () => {
    deepEqual(findingsIn('migrator', [stream('migrate: database did not become reachable')]), {
      records: 1, from: null, to: null, findings: [{ id: 'migrator: migrate: database did not become reachable', count: 1, firstAt: null, lastAt: null }],
    });
    deepEqual(findingsIn('sts', []), { records: 0, from: null, to: null, findings: [] });
  });
});

describe('a check that is red', () => {
  const check = (result: Finding, id = 'CRC-SVC-021'): Check => ({ id, title: 'T', step: 'services', component: 'gateway', needs: [], asks: [], privilege: '', source: '', judge: () => ({ result }) });
  const failed: Finding = { status: 'fail', summary: 'open', reasoning: 'It is.', facts: [{ name: 'own', value: '1' }] };

  /** The verdict, and what was asked for it. */
  async function judged(one: Check, outcome: Outcome): Promise<{ readonly status: string; readonly facts: readonly string[]; readonly asked: readonly string[] }> {
    const asked: string[] = [];
    const { verdicts } = await run({
      checks: [withLogs(one)],
      signal: new AbortController().signal,
      source: {
        ask(question) {
          asked.push(questionId(question));
          return Promise.resolve({ id: questionId(question), question, asked: '', at: at(0), tookMs: 1, outcome });
        },
      },
    });
    return { status: verdicts[0]?.status ?? '', facts: (verdicts[0]?.facts ?? []).map(({ name, value }) => `${name}: ${value}`), asked };
  }

  const answer = (...findings: readonly (readonly [id: string, count: number, seconds: number])[]): Outcome => ({
    kind: 'answer', value: { records: 100, from: at(-1_000), to: at(60), findings: findings.map(([id, count, seconds]) => ({ id, count, firstAt: at(seconds - 1), lastAt: at(seconds) })) },
  });

  it('tells what the services say of it, newest first', async () => {
    const { status, facts, asked } = await judged(check(failed), answer(['gateway: sts exchange failed', 1, 20], ['gateway: sts circuit open', 1_204, 30], ['gateway: proxied', 5, 40]));
    equal(status, 'fail');
    deepEqual(facts, ['own: 1', 'log of gateway: sts circuit open: 1,204 times, last at 14:02:41 UTC', 'log of gateway: sts exchange failed: 1 time, last at 14:02:31 UTC']);
    deepEqual(asked, ['logs.findings/gateway']);
  });

  it('leaves out what was said long before the end of the log', async () => {
    deepEqual((await judged(check(failed), answer(['gateway: sts circuit open', 1, -560]))).facts, ['own: 1']);
  });

  it('stands as it is without a log', async () => {
    const { status, facts } = await judged(check(failed), { kind: 'timeout', deadlineMs: 2_000, stage: 'reading the log' });
    deepEqual([status, facts], ['fail', ['own: 1']]);
  });

  it('asks for none while it is well, or where nothing speaks for it', async () => {
    deepEqual((await judged(check({ ...failed, status: 'pass' }), answer())).asked, []);
    deepEqual((await judged(check(failed, 'CRC-SVC-100'), answer())).asked, []);
  });
});
