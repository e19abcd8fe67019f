import assert from 'node:assert/strict';
import { checks, checksOf, observers, subjects } from '../../src/flow/catalogue.ts';
import { steps } from '../../src/model/step.ts';
import { decoys, faults, faultsByStep } from '../lab/faults/index.ts';
import { labKinds } from '../lab/kinds.ts';

describe('catalogue of checks', () => {
  const ids = checks.map(({ id }) => id);

  it('gives every check an id of its own, in one form', () => {
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^CRC-(RDY|STO|STR|SVC|AUD)-\d{3}$/);
  });

  it('has checks of one kind only for that kind', () => {
    const own = (kind: string): number => checksOf(kind).filter(({ kinds }) => kinds !== undefined).length;
    assert.deepEqual([own('endpoints'), own('compose'), own('kubernetes')], [0, 18, 25]);
    for (const { id, kinds, needs } of checks) {
      if (kinds === undefined) assert.ok(needs.every((need) => checks.find((check) => check.id === need)?.kinds === undefined), id);
    }
  });

  it('keeps the order of the flow', () => {
    const order = checks.map(({ step }) => steps.indexOf(step));
    assert.deepEqual(order, [...order].sort((left, right) => left - right));
  });

  it('needs only checks that exist, in no circle', () => {
    const byId = new Map(checks.map((check) => [check.id, check]));
    const visit = (id: string, way: readonly string[]): void => {
      const check = byId.get(id);
      assert.ok(check, `${way.at(-1) ?? ''} needs ${id}, which does not exist`);
      assert.ok(!way.includes(id), `circle: ${[...way, id].join(' ')}`);
      for (const need of check.needs) visit(need, [...way, id]);
    };
    for (const id of ids) visit(id, []);
  });

  it('asks only what something observes, and observes each subject once', () => {
    const names = subjects.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const check of checks) for (const { subject } of check.asks) assert.ok(names.includes(subject), `${check.id} asks ${subject}`);
  });

  it('ends every question within the flow', () => {
    for (const { subject, deadlineMs } of observers) assert.ok(deadlineMs <= 20_000, subject.name);
  });
});

for (const [kind, { faults: broken, decoys: harmless }] of Object.entries(labKinds)) describe(`faults of the lab, kind ${kind}`, () => {
  const known = new Map(checksOf(kind).map((check) => [check.id, check]));

  for (const fault of broken) {
    it(`${fault.id} lists checks that exist, with a failure that each blocked one needs`, () => {
      const failed = new Set(Object.entries(fault.verdicts).filter(([, status]) => status === 'fail').map(([id]) => id));
      assert.ok(Object.values(fault.verdicts).some((status) => status !== 'blocked'));
      assert.notEqual(fault.contract, '');
      const reaches = (id: string): boolean => (known.get(id)?.needs ?? []).some((need) => failed.has(need) || reaches(need));
      for (const [id, status] of Object.entries(fault.verdicts)) {
        assert.ok(known.has(id), `${id} does not exist`);
        if (status === 'blocked') assert.ok(reaches(id), `${id} needs nothing that fails`);
      }
    });
  }

  it('have ids of their own', () => {
    const all = [...broken, ...harmless].map(({ id }) => id);
    assert.deepEqual(all.filter((id, index) => all.indexOf(id) !== index), []);
  });
});

describe('faults of the lab', () => {
  it('are enough: at least five in each step, and fifty altogether, with fifteen decoys', () => {
    assert.deepEqual(Object.keys(faultsByStep), [...steps]);
    for (const [step, own] of Object.entries(faultsByStep)) assert.ok(own.length >= 5, step);
    assert.ok(faults.length >= 50);
    assert.ok(decoys.length >= 15);
  });

  it('are enough of containers and of clusters', () => {
    assert.ok(labKinds.compose.faults.length >= 15);
    assert.ok(labKinds.kubernetes.faults.length >= 20);
  });
});
