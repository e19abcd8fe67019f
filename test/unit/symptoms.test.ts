import assert from 'node:assert/strict';
import { symptoms } from '../../src/caracal/symptoms.ts';
import { checks } from '../../src/flow/catalogue.ts';
import { deciding, firstRed } from '../../src/flow/triage.ts';
import type { Verdict } from '../../src/model/check.ts';
import type { Expected } from '../lab/faults/fault.ts';
import { faults } from '../lab/faults/index.ts';

describe('symptoms', () => {
  const byId = new Map(checks.map((check) => [check.id, check]));

  it('are the rows of the guide, and the three that it leaves to its flow', () => {
    assert.deepEqual(symptoms.map(({ title }) => title), [
      'API answers 401 or 403',
      'STS exchange fails',
      'Gateway fails before the upstream',
      'Session or delegation views fail',
      'Audit event is missing',
      'A service is not ready',
      'It is slow',
      'Something is wrong',
    ]);
    assert.equal(new Set(symptoms.map(({ id }) => id)).size, symptoms.length);
  });

  it('look at everything where nothing tells where', () => {
    assert.deepEqual(symptoms.filter(({ checks: order }) => order.length === 0).map(({ id }) => id), ['something']);
  });

  for (const { title, checks: order, words, source } of symptoms.filter(({ checks: own }) => own.length > 0)) {
    describe(title, () => {
      it('names checks that exist, each once', () => {
        assert.deepEqual(order.filter((id) => !byId.has(id)), []);
        assert.deepEqual(order.filter((id, index) => order.indexOf(id) !== index), []);
        assert.notEqual(words, '');
        assert.notEqual(source, '');
      });

      it('begins at the boundary: a process or a store, seen from here', () => {
        const [first] = order.map((id) => byId.get(id));
        assert.deepEqual(first?.needs, []);
        assert.ok(first.step === 'readiness' || first.step === 'storage', first.id);
      });

      it('looks at a check after those that it needs', () => {
        const needed = (id: string): readonly string[] => (byId.get(id)?.needs ?? []).flatMap((need) => [need, ...needed(need)]);
        for (const [index, id] of order.entries()) {
          for (const need of needed(id)) assert.ok(!order.includes(need) || order.indexOf(need) < index, `${id} comes before ${need}, which it needs`);
        }
      });

      it('looks at both stores before the services that report what is wrong with them', () => {
        const readiness = order.findIndex((id) => byId.get(id)?.title === 'Ready');
        for (const store of ['CRC-STO-001', 'CRC-STO-002', 'CRC-STO-020', 'CRC-STO-021']) {
          assert.ok(order.includes(store) && (readiness === -1 || order.indexOf(store) < readiness), store);
        }
      });
    });
  }

  // What the lab's faults make of the checks, as their lists say it.
  const found: readonly (readonly [fault: string, symptom: string, first: string])[] = [
    ['redis-stopped', 'api-refuses', 'fail CRC-STO-020'],
    ['redis-stopped', 'gateway-refuses', 'fail CRC-STO-020'],
    ['redis-stopped', 'audit-missing', 'fail CRC-STO-020'],
    ['redis-full', 'sts-exchange', 'fail CRC-STO-031'],
    ['redis-loading', 'not-ready', 'fail CRC-STO-027'],
    ['postgres-frozen', 'slow', 'fail CRC-STO-001'],
    ['postgres-wrong-password', 'session-views', 'fail CRC-STO-002'],
    ['sts-down', 'gateway-refuses', 'fail CRC-RDY-011'],
    ['gateway-snapshot-stale', 'gateway-refuses', 'fail CRC-SVC-022'],
    ['gateway-evidence-lost', 'not-ready', 'fail CRC-SVC-024'],
    ['audit-group-missing', 'audit-missing', 'fail CRC-STR-002'],
    ['audit-sticky', 'not-ready', 'fail CRC-RDY-033'],
    ['zone-chain-held', 'audit-missing', 'fail CRC-STO-017'],
    ['transaction-left-open', 'slow', 'fail CRC-STO-016'],
    ['coordinator-outbox-dead', 'session-views', 'fail CRC-STR-091'],
    ['policy-not-compiling', 'sts-exchange', 'fail CRC-SVC-011'],
    ['kek-differs', 'sts-exchange', 'fail CRC-SVC-015'],
    ['producer-audit-key-differs', 'audit-missing', 'fail CRC-SVC-032'],
    ['ingestion-slow', 'slow', 'warn CRC-AUD-003'],
    ['admin-token-revoked', 'api-refuses', 'fail CRC-AUD-001'],
    ['admin-token-revoked', 'sts-exchange', 'unknown CRC-SVC-013'],
    ['ledger-row-changed', 'slow', 'nothing'],
  ];

  for (const [id, name, expected] of found) {
    it(`${name} leads to ${expected} when the fault is ${id}`, () => {
      const fault = faults.find((each) => each.id === id);
      const symptom = symptoms.find((each) => each.id === name);
      assert.ok(fault && symptom);
      const red = firstRed(deciding(symptom.checks, (check) => verdictOf(check, fault.verdicts)));
      assert.equal(red ? `${red.state} ${red.first.check}` : 'nothing', expected);
    });
  }

  function verdictOf(check: string, said: Expected): Verdict | undefined {
    const head = byId.get(check);
    if (!head) return undefined;
    const { step, component, title } = head;
    const status = said[check] ?? 'pass';
    const failedNeed = (id: string): string | undefined => {
      for (const need of byId.get(id)?.needs ?? []) {
        const failed = said[need] === 'fail' ? need : failedNeed(need);
        if (failed !== undefined) return failed;
      }
      return undefined;
    };
    const blockedBy = status === 'blocked' ? failedNeed(check) : undefined;
    // Only /health of audit follows Redis.
    const summary = check === 'CRC-RDY-032' && status === 'fail' ? 'not a cause: /health follows Redis here' : '';
    return { check, step, component, title, status, summary, reasoning: '', facts: [], observations: [], ...(blockedBy === undefined ? {} : { blockedBy }) };
  }
});
