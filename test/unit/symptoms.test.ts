import assert from 'node:assert/strict';
import { symptoms } from '../../src/caracal/symptoms.ts';
import { checks } from '../../src/flow/catalogue.ts';

describe('symptoms', () => {
  const byId = new Map(checks.map((check) => [check.id, check]));

  it('are the rows of the guide, and the two that it leaves to its flow', () => {
    assert.deepEqual(symptoms.map(({ title }) => title), [
      'API answers 401 or 403',
      'STS exchange fails',
      'Gateway fails before the upstream',
      'Session or delegation views fail',
      'Audit event is missing',
      'A service is not ready',
      'It is slow',
    ]);
    assert.equal(new Set(symptoms.map(({ id }) => id)).size, symptoms.length);
  });

  for (const { title, checks: order, words, source } of symptoms) {
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
});
