import assert from 'node:assert/strict';
import type { Outcome } from '../../src/model/observation.ts';
import type { Status } from '../../src/model/status.ts';
import { answer, judge, timeout } from './judge.ts';

type Row = readonly [name: string, outcome: Outcome, status: Status, summary: RegExp];

function table(check: string, question: string, rows: readonly Row[]): void {
  for (const [name, outcome, status, summary] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, { [question]: outcome });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status, verdict.summary);
    });
  }
}

describe('metrics', () => {
  const metrics = { status: 200, contentType: 'application/json', authenticated: true, error: null, groups: [], values: { inserts_total: 1, consumer_lag: 0, dlq_size: 0 } };
  table('CRC-SVC-030', 'service.metrics/audit', [
    ['opened', answer(metrics), 'pass', /^3 figures$/],
    ['wrong bearer is no outage', answer({ ...metrics, status: 401, error: 'unauthorized', values: null }), 'unknown', /^401 unauthorized: the metrics token given is not METRICS_BEARER/],
    ['no bearer', answer({ ...metrics, status: 401, authenticated: false, values: null }), 'unknown', /^no credential: give METRICS_BEARER as tokens.metrics$/],
    ['another application', answer({ ...metrics, contentType: 'text/html', values: null }), 'fail', /^another application: 200 text\/html$/],
    ['a figure missing', answer({ ...metrics, values: { inserts_total: 1, consumer_lag: 0 } }), 'warn', /^without dlq_size$/],
    ['no answer says nothing', timeout(8_000), 'unknown', /^no answer in 8 s/],
  ]);
  table('CRC-SVC-040', 'service.metrics/coordinator', [
    ['groups may be empty', answer({ ...metrics, values: { 'retention_cleaner.runs': 1 }, groups: ['invocations', 'outbox', 'retention_cleaner'] }), 'pass', /^1 figure$/],
    ['wrong token', answer({ ...metrics, status: 403, error: 'operator_token_required', values: null }), 'unknown', /CARACAL_COORDINATOR_TOKEN/],
  ]);
});
