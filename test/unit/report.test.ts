import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outdated } from '../../scripts/schemas.ts';
import { buildReport, readReport } from '../../src/flow/report.ts';
import type { RunResult } from '../../src/flow/runner.ts';
import { reportSchema } from '../../src/model/report.ts';
import type { Target } from '../../src/model/target.ts';

const result: RunResult = {
  verdicts: [{ check: 'CRC-STO-001', step: 'storage', component: 'Postgres', title: 'Reachable', status: 'pass', summary: '2 ms', reasoning: 'It answered.', facts: [], observations: ['a/b'] }],
  observations: [{ id: 'a/b', question: { subject: 'a', of: 'b', sample: undefined }, asked: 'a of b', at: '2026-08-20T10:00:00.000Z', tookMs: 2, outcome: { kind: 'answer', value: { tls: false } } }],
  startedAt: '2026-08-20T10:00:00.000Z',
  tookMs: 12,
  cancelled: false,
};

const target: Target = { kind: 'endpoints', name: 'one', zone: 'z1', services: { api: 'https://api.example.org:8443/x' } };
const deployment = { target, place: 'api.example.org:8443' };

describe('report', () => {
  it('is built in the published form', () => {
    const report = buildReport(deployment, result);
    equal(reportSchema.safeParse(report).success, true);
    deepEqual(report.target, { name: 'one', kind: 'endpoints', address: 'api.example.org:8443' });
    equal(report.zone, 'z1');
    equal(buildReport({ ...deployment, target: { kind: 'endpoints', name: 'none', services: {} } }, result).zone, null);
  });

  describe('read from a file', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'report-'));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    const file = async (content: string): Promise<string> => {
      const path = join(folder, 'report.json');
      await writeFile(path, content);
      return path;
    };

    it('is the one that was written', async () => {
      const report = buildReport(deployment, result);
      deepEqual(await readReport(await file(JSON.stringify(report))), JSON.parse(JSON.stringify(report)));
    });

    it('says in one sentence what is wrong with it', async () => {
      const report = JSON.parse(JSON.stringify(buildReport(deployment, result))) as Record<string, unknown>;
      const expected = async (content: string, says: RegExp): Promise<void> => rejects(readReport(await file(content)), says);
      await expected('{"cut', /^Error: Cannot read the report .*: it is not JSON\. Give a file/);
      await expected('{}', /it is no report of this tool\. /);
      await expected(JSON.stringify({ ...report, format: 'caracal-report/2' }), /it has the format caracal-report\/2, and this version reads caracal-report\/1\. /);
      await expected(JSON.stringify({ ...report, verdicts: [{}] }), /verdicts\.0\.check has another form than in a report\. /);
      await expected(JSON.stringify({ ...report, extra: 1 }), /the file has another form than in a report\. /);
      await rejects(readReport(join(folder, 'none')), /there is no such file\. Give the path of a saved report\.$/);
    });
  });
});

describe('published schemas', () => {
  it('are current', async () => {
    deepEqual(await outdated(), [], 'run node scripts/schemas.ts');
  });
});
