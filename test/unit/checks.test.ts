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

describe('audit', () => {
  const row = { name: 'bootstrap', scope: 'global', zone: null, capability: 'write', revoked: false, usable: true };
  const token = { row };
  const zone = { zone: 'z1', exists: true, zones: 2 };
  table('CRC-AUD-001', 'postgres.adminToken/api', [
    ['live', answer(token), 'pass', /^bootstrap, global, write$/],
    ['revoked', answer({ ...token, row: { ...row, revoked: true } }), 'fail', /^bootstrap, revoked$/],
    ['unknown', answer({ ...token, row: null }), 'fail', /^unknown to this database$/],
    ['none given', { kind: 'unavailable', why: 'no credential', wayOut: 'give tokens.admin' }, 'unknown', /^no credential/],
  ]);
  const event = { type: 'token_exchange', occurredAt: '2026-08-20T09:59:57.000Z', ingestedAt: '2026-08-20T09:59:57.300Z' };
  const list = { status: 200, error: null, serverMs: Date.parse('2026-08-20T10:00:00Z'), events: [event] };
  const rows: readonly [string, string, { row: unknown; zone?: unknown }, unknown, Status, RegExp][] = [
    ['CRC-AUD-002', 'newest event', token, list, 'pass', /^3 s ago, token_exchange$/],
    ['CRC-AUD-002', 'an empty zone', token, { ...list, events: [] }, 'pass', /^no event in this zone yet$/],
    ['CRC-AUD-002', 'an unknown zone would look empty', { ...token, zone: { ...zone, exists: false } }, undefined, 'unknown', /^no zone z1/],
    ['CRC-AUD-002', 'no zone', { ...token, zone: { ...zone, zone: null } }, undefined, 'unknown', /^2 zones: pick one$/],
    ['CRC-AUD-002', 'never asked with a token that is not live', { ...token, row: { ...row, revoked: true } }, undefined, 'unknown', /^not asked: /],
    ['CRC-AUD-002', 'never asked with a token for another zone', { ...token, row: { ...row, scope: 'zone', zone: 'z2' } }, undefined, 'unknown', /^not asked: the token is for another zone$/],
    ['CRC-AUD-002', 'refused', token, { ...list, status: 401, error: 'invalid_admin_token', events: [] }, 'fail', /^401 invalid_admin_token$/],
    ['CRC-AUD-003', 'quick', token, list, 'pass', /^at most 300 ms$/],
    ['CRC-AUD-003', 'slow', token, { ...list, events: [{ ...event, ingestedAt: '2026-08-20T10:02:00.000Z' }] }, 'warn', /^at most 2 min; more than Audit needs$/],
    ['CRC-AUD-003', 'nothing to measure', token, { ...list, events: [] }, 'not-applicable', /^no event to measure$/],
  ];
  for (const [check, name, known, listed, status, summary] of rows) {
    it(`${check}: ${name}`, async () => {
      const verdict = await judge(check, { 'postgres.adminToken/api': answer({ row: known.row }), 'postgres.zone/Postgres': answer(known.zone ?? zone), 'user.consent/api': answer({ given: false, zone: null, token: true }), ...(listed === undefined ? {} : { 'api.auditList/z1': answer(listed) }) });
      assert.match(verdict.summary, summary);
      assert.equal(verdict.status, status);
    });
  }
});
