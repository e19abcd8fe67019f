import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { Verdict } from '../../src/model/check.ts';
import type { Observation } from '../../src/model/observation.ts';
import { emptyState } from '../../src/ui/flowState.ts';
import type { CheckHead, FlowState } from '../../src/ui/flowState.ts';
import { present } from '../../src/ui/present.ts';
import { asMarkdown } from '../../src/model/markdown.ts';
import { tooltipText } from '../../src/ui/tooltip.ts';
import { clock } from '../../src/ui/words.ts';
import { cause, diagnosed } from './diagnoses.ts';

const at = Date.UTC(2026, 7, 20, 14, 6, 24);
const reachable: CheckHead = { id: 'CRC-STO-020', step: 'storage', component: 'Redis', title: 'Reachable', needs: [] };
const memory: CheckHead = { id: 'CRC-STO-022', step: 'storage', component: 'Redis', title: 'Memory', needs: [reachable.id] };

function verdict(head: CheckHead, more: Pick<Verdict, 'status' | 'summary'> & Partial<Verdict>): Verdict {
  const { id, step, component, title } = head;
  return { check: id, step, component, title, reasoning: '', facts: [], observations: [], ...more };
}

const state: FlowState = {
  ...emptyState,
  target: { id: 't', name: 'lab', kind: 'endpoints', logs: [] },
  checks: [reachable, memory],
  answers: new Map([
    [reachable.id, { verdict: verdict(reachable, { status: 'fail', summary: 'refused in 1 ms' }), at, apart: false }],
    [memory.id, { verdict: verdict(memory, { status: 'blocked', summary: 'blocked by Redis › Reachable', blockedBy: reachable.id }), at, apart: false }],
  ]),
  ended: 'complete',
};

const observation: Observation = {
  id: 'x', question: { subject: 'x', of: 'Redis' }, asked: 'PING', at: new Date(at).toISOString(), tookMs: 1, outcome: { kind: 'answer', value: 1 },
};

function lines(id: string, of = state): readonly string[] {
  const node = present(of, at).nodes.get(id);
  return node ? tooltipText(node, { state: of, evidence: (check) => (check === reachable.id ? [observation] : []) }) : [];
}

describe('The tooltip', () => {
  it('of a check says what was seen, when, and what hangs on it', () => {
    deepStrictEqual(lines('t/storage/Redis/CRC-STO-020'), [
      'Redis › Reachable: failed',
      'refused in 1 ms',
      `Observed ${clock(at)} from this machine, took 1 ms. Needs nothing. Blocks 1 check.`,
    ]);
  });

  it('of a check that asked nothing says what it needs', () => {
    deepStrictEqual(lines('t/storage/Redis/CRC-STO-022'), [
      'Redis › Memory: blocked',
      'blocked by Redis › Reachable',
      `Answered ${clock(at)}. Needs Redis › Reachable.`,
    ]);
  });

  it('of a step says its state', () => {
    deepStrictEqual(lines('t/storage'), ['Storage: failed', '1 failed, 1 blocked · now']);
  });

  it('says which cause a check is, or is explained by', () => {
    const stopped = cause('redis-stopped', { title: 'Redis is stopped', sentence: 'Without Redis nothing is minted.', own: [reachable.id], explains: [memory.id] });
    const explained = { ...state, ...diagnosed([stopped], { failures: { all: 1, explained: 1 } }) };
    strictEqual(lines('t/storage/Redis/CRC-STO-020', explained)[2], 'This is cause 1: Redis is stopped');
    strictEqual(lines('t/storage/Redis/CRC-STO-022', explained)[2], 'Explained by cause 1: Redis is stopped');
    deepStrictEqual(lines('t/fix/redis-stopped', explained), ['Redis is stopped: confirmed · 1 failure', 'Without Redis nothing is minted.', 'Explains 1 failure.']);
  });

  it('is text and never markup', () => {
    strictEqual(asMarkdown('[x](command:a) <b>*1*</b>\n&amp; `c`'), '\\[x\\]\\(command:a\\) \\<b\\>\\*1\\*\\</b\\> \\&amp; \\`c\\`');
  });
});
