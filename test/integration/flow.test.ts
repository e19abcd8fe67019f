import assert from 'node:assert/strict';
import { checksOf } from '../../src/flow/catalogue.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { explained, notPassed, runFlowOn } from '../lab/runFlow.ts';

const labStartMs = 60_000;

describe('a healthy lab', function () {
  this.timeout(labStartMs + 120_000);
  let lab: Lab;
  before(async () => {
    lab = await startLab({});
  });
  after(() => lab.close());

  it('passes every check that applies, 20 times in a row', async () => {
    for (let turn = 1; turn <= 20; turn += 1) {
      const report = await runFlowOn(lab.targetFile);
      assert.deepEqual(notPassed(report.verdicts), {}, `run ${turn}\n${explained(report.verdicts)}`);
      assert.equal(report.verdicts.length, checksOf('endpoints').length);
    }
  });

  it('gets no row in its admin audit from a flow', async () => {
    // Traffic approves with POST; every refused call of ours would be a GET.
    const refused = async (): Promise<unknown> => lab.sql("SELECT count(*)::int AS rows FROM admin_audit_events WHERE method = 'GET'");
    const before = await refused();
    await runFlowOn(lab.targetFile);
    assert.deepEqual(await refused(), before);
  });

  it('runs one step with what it needs', async () => {
    const { verdicts } = await runFlowOn(lab.targetFile, { selection: { step: 'audit' } });
    assert.deepEqual(notPassed(verdicts), {});
    assert.ok(verdicts.some(({ step }) => step === 'audit'));
    assert.ok(!verdicts.some(({ step }) => step === 'services'));
  });
});

describe('stopping a flow on a lab that does not answer', function () {
  this.timeout(labStartMs + 60_000);

  it('gives what is open the verdict cancelled, keeps what answered, and reports nothing afterwards', async () => {
    const lab = await startLab({});
    try {
      await lab.redis.freeze();
      await lab.postgres.freeze();
      const stop = new AbortController();
      const late: string[] = [];
      let ended = false;
      const report = await runFlowOn(lab.targetFile, {
        signal: stop.signal,
        onVerdict: ({ check }) => {
          if (ended) late.push(check);
          if (check === 'CRC-RDY-052') stop.abort();
        },
      });
      ended = true;
      assert.equal(report.cancelled, true);
      const statuses = new Map(report.verdicts.map(({ check, status }) => [check, status]));
      assert.equal(statuses.get('CRC-RDY-052'), 'pass');
      assert.equal(statuses.get('CRC-STO-001'), 'cancelled');
      assert.equal(statuses.get('CRC-RDY-003'), 'cancelled');
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(late, []);
    } finally {
      await lab.close();
    }
  });
});
