import { ok, strictEqual } from 'node:assert/strict';
import type { Verdict } from '../../src/model/check.ts';
import type { Observation, Outcome } from '../../src/model/observation.ts';
import { observationText } from '../../src/ui/observationText.ts';
import { yamlLines, yamlScalar } from '../../src/ui/yaml.ts';

const check = {
  id: 'CRC-STO-020', title: 'Reachable', step: 'storage' as const, component: 'Redis',
  asks: [{ subject: 'redis.reach', of: 'Redis' }],
};

function verdict(more: Partial<Verdict>): Verdict {
  return {
    check: check.id, step: check.step, component: check.component, title: check.title, status: 'fail', summary: 'refused in 1 ms',
    reasoning: '127.0.0.1:6379 refused the connection.', facts: [], observations: ['redis.reach/Redis'], ...more,
  };
}

function observation(outcome: Outcome): Observation {
  return {
    id: 'redis.reach/Redis', question: { subject: 'redis.reach', of: 'Redis' }, asked: 'PING on 127.0.0.1:6379',
    at: '2026-08-20T14:06:24.118Z', tookMs: 1, outcome,
  };
}

describe('The record of a check', () => {
  const head = `# Redis › Reachable: failed
# 127.0.0.1:6379 refused the connection.

check: CRC-STO-020
verdict: fail
summary: refused in 1 ms
`;
  const asked = `
observations:
  - asked: PING on 127.0.0.1:6379
    from: this machine
    at: 2026-08-20T14:06:24.118Z  # local clock
    took: 1 ms
`;
  const outcomes: readonly (readonly [outcome: Outcome, text: string])[] = [
    [{ kind: 'answer', value: { role: 'master', ok: true, keys: [1, { a: null }] } }, `${asked}    answer:
      role: master
      ok: true
      keys:
        - 1
        - a: null
`],
    [{ kind: 'refused', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:6379' }, `${asked}    refused: ECONNREFUSED
    message: connect ECONNREFUSED 127.0.0.1:6379
`],
    [{ kind: 'timeout', deadlineMs: 20_000, stage: 'first byte' }, `${asked}    answer: none in 20 s
    waited for: first byte
`],
    [{ kind: 'cancelled' }, `${asked}    answer: none, stopped by you
`],
    [{ kind: 'crashed', error: 'TypeError', message: 'x is undefined' }, `${asked}    our fault: "TypeError: x is undefined"
`],
    [{ kind: 'unavailable', why: 'no credential', wayOut: 'set "redis" in the target file' }, `
not asked:
  - PING on 127.0.0.1:6379: no credential; set "redis" in the target file
`],
  ];
  for (const [outcome, text] of outcomes) {
    it(`shows ${outcome.kind}`, () => {
      const shown = observationText({ check, verdict: verdict({}), observations: [observation(outcome)], blocks: 0, running: false });
      strictEqual(shown, head + text);
    });
  }

  it('says why a blocked check asked nothing', () => {
    const blocked = verdict({ status: 'blocked', summary: 'blocked by Postgres › Reachable', blockedBy: 'CRC-STO-001', observations: [], reasoning: 'Nothing was asked.' });
    strictEqual(observationText({ check, verdict: blocked, observations: [], blocks: 0, running: false }), `# Redis › Reachable: blocked
# Nothing was asked.

check: CRC-STO-020
verdict: blocked
summary: blocked by Postgres › Reachable
blocked by: CRC-STO-001

not asked:
  - redis.reach of Redis: blocked by Postgres › Reachable
`);
  });

  it('says how much it blocks', () => {
    const shown = observationText({ check, verdict: verdict({}), observations: [observation({ kind: 'answer', value: 'PONG' })], blocks: 31, running: false });
    strictEqual(shown, `${head}blocks: 31 checks\n${asked}    answer: PONG\n`);
  });

  it('says which cause is seen here, or explains it', () => {
    const mark = { cause: 'redis-stopped', title: 'Redis is stopped', number: 1, isBlocked: false, reach: '7 failures, 4 warnings, 1 unknown' };
    const shown = (isOwn: boolean): string => observationText({ check, verdict: verdict({}), observations: [], mark: { ...mark, isOwn }, blocks: 31, running: false });
    strictEqual(shown(true), `${head}cause: 1  # Redis is stopped\nexplains: 7 failures, 4 warnings, 1 unknown\nblocks: 31 checks\n`);
    strictEqual(shown(false), `${head}explained by: 1  # Redis is stopped\nblocks: 31 checks\n`);
  });

  it('keeps prose on lines that can be read without scrolling', () => {
    const long = verdict({ reasoning: 'word '.repeat(60) });
    const shown = observationText({ check, verdict: long, observations: [], blocks: 0, running: false });
    ok(shown.split('\n').every((line) => line.length <= 96), shown);
  });

  it('is short before the first run', () => {
    strictEqual(observationText({ check, verdict: undefined, observations: [], blocks: 0, running: false }), '# Redis › Reachable: not run\n\ncheck: CRC-STO-020\n');
  });
});

describe('YAML for reading', () => {
  const scalars: readonly (readonly [text: string, written: string])[] = [
    ['plain words', 'plain words'],
    ['127.0.0.1:6379', '127.0.0.1:6379'],
    ['', '""'],
    ['true', '"true"'],
    ['42', '"42"'],
    ['18.1', '"18.1"'],
    ['18.1.2-beta', '18.1.2-beta'],
    ['a: b', '"a: b"'],
    ['a #b', '"a #b"'],
    ['- a', '"- a"'],
    ['two\nlines', '"two\\nlines"'],
  ];
  for (const [text, written] of scalars) it(`writes ${JSON.stringify(text)}`, () => strictEqual(yamlScalar(text), written));

  it('writes empty and nested values', () => {
    strictEqual(yamlLines('a', { list: [], map: {}, rows: [{ x: 1, y: [2] }, [3]] }, '').join('\n'), `a:
  list: []
  map: {}
  rows:
    - x: 1
      y:
        - 2
    - items:
        - 3`);
  });
});
