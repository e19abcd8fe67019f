import assert from 'node:assert/strict';
import { flowDeadlineMs } from '../../src/flow/runner.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { record } from '../lab/recorder.ts';
import type { Recording } from '../lab/recorder.ts';
import { explained, notPassed, runFlowOn } from '../lab/runFlow.ts';

/** Statements and commands of a healthy flow, altogether. */
const budget = 60;

describe('what a whole flow sends to the stores', function () {
  this.timeout(180_000);
  let lab: Lab;
  let sent: Recording;
  let auditBefore: unknown;
  let auditAfter: unknown;

  before(async () => {
    // Without traffic nobody but a flow of ours could add to the admin audit.
    lab = await startLab({ traffic: 0 });
    auditBefore = await adminAudit();
    sent = await record(lab, async (targetFile) => {
      const { verdicts, tookMs } = await runFlowOn(targetFile);
      assert.deepEqual(notPassed(verdicts), {}, explained(verdicts));
      assert.ok(tookMs < flowDeadlineMs);
    });
    auditAfter = await adminAudit();
  });
  after(() => lab.close());

  const adminAudit = (): Promise<unknown> => lab.sql('SELECT count(*)::int AS rows, max(id) AS newest FROM admin_audit_events');

  it('was recorded', () => {
    assert.ok(sent.statements.some(({ text }) => text.includes('schema_migrations')));
    assert.ok(sent.commands.some(({ text }) => /^xinfo/i.test(text)));
  });

  it('begins read-only transactions, reads, and takes back what nobody wrote', () => {
    const reading = /^(?:BEGIN READ ONLY; SET LOCAL [^;]+(?:; (?:SET LOCAL|SELECT set_config\('caracal\.zone_id', '\*', true\))[^;]*)*|SELECT [^;]+|WITH [^;]+|ROLLBACK)$/;
    for (const { text } of sent.statements) assert.match(text, reading);
  });

  it('holds no command of Redis that writes, by the flags that Redis itself gives', async () => {
    const names = [...new Set(sent.commands.map(({ text }) => text.split(' ')[0]?.toLowerCase() ?? ''))];
    const flags = (await lab.redisClient.call('COMMAND', 'INFO', ...names)) as [string, number, string[]][];
    assert.equal(flags.length, names.length);
    for (const [name, , of] of flags) {
      // Containers of subcommands have no flags of their own; the allow-list admits reading ones alone.
      assert.ok(!of.includes('write') && !['xgroup', 'client', 'debug', 'script'].includes(name), name);
    }
    for (const { text } of sent.commands.filter(({ text }) => /^config/i.test(text))) assert.match(text, /^config get /i);
  });

  it(`is at most ${budget} statements and commands`, () => {
    const count = sent.statements.length + sent.commands.length;
    const list = [...sent.statements, ...sent.commands].map(({ text, tookMs }) => `${tookMs.toFixed(3)} ms ${text.slice(0, 120)}`).join('\n');
    assert.ok(count <= budget, `${sent.statements.length} + ${sent.commands.length}\n${list}`);
  });

  it('leaves the admin audit as it was', () => {
    assert.deepEqual(auditAfter, auditBefore);
  });
});
