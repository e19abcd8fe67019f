import { deepEqual, equal, ok } from 'node:assert/strict';
import { auditEventSchema } from '../../src/trace/auditEvent.ts';
import type { AuditEvent } from '../../src/trace/auditEvent.ts';
import type { Captured } from '../../src/trace/capture.ts';
import { traceMarkdown, traceTitle } from '../../src/trace/markdown.ts';
import type { Evidence } from '../../src/trace/read.ts';
import { traceOf } from '../../src/trace/trace.ts';

const ids = { agent_session_id: 's-1', delegation_edge_id: 'd-1', resource: 'billing-api', application_name: 'Orders | [bot](command:x)' };
const event = (id: string, requestId: string, seconds: number, more: Record<string, unknown>): AuditEvent => auditEventSchema.parse({
  id, event_type: 'token_exchange', request_id: requestId, decision: 'allow', evaluation_status: 'complete', determining_policies_json: null, diagnostics_json: null, metadata_json: ids,
  occurred_at: new Date(Date.UTC(2026, 7, 2, 10, 15, seconds)).toISOString(), ...more,
});
const captured: Captured = { what: 'an answer of the STS', requestId: 'request-f90ae7', answer: { status: 403, error: 'access_denied', description: 'policy denied (role_scope_mismatch)' } };
const evidence: Evidence = {
  zoneId: 'z-1', requestId: 'request-f90ae7', covered: [], firstUse: { kind: 'absent' }, notRead: [], state: { kind: 'cannot look', why: 'Postgres is not given' },
  events: [event('e-1', 'request-f90ae7', 5, { decision: 'deny', diagnostics_json: [{ reason: 'role_scope_mismatch' }], metadata_json: { ...ids, requested_scopes: ['invoice:write'] } })],
};
const text = (more: Partial<Evidence> = {}): string => {
  const all = { ...evidence, ...more };
  return traceMarkdown(captured, traceOf(captured, all), all);
};

describe('a trace as Markdown', () => {
  it('begins with the one sentence, and has a title that fits a tab', () => {
    equal(text().split('\n')[0], '# Policy denied this call: no single label’s role covers all the scopes; roles do not add up\\.');
    equal(traceTitle(captured, traceOf(captured, evidence), evidence), 'billing-api 403 · …f90ae7');
    const bare = { ...evidence, requestId: undefined, events: [] };
    equal(traceTitle({ what: 'a mandate' }, traceOf({ what: 'a mandate' }, bare), bare), 'Request');
  });

  it('has all sections, always in the same order', () => {
    const sections = (markdown: string): readonly string[] => markdown.split('\n').filter((line) => line.startsWith('## '));
    const expected = ['## Timeline', '## State now', '## Not looked at', '## Not recorded by Caracal'];
    deepEqual([sections(text()), sections(text({ events: [] }))], [expected, expected]);
  });

  it('says what was not looked at, and why', () => {
    const markdown = text({ notRead: [{ what: 'events of Session s-1', why: 'statement timeout' }], firstUse: { kind: 'cannot look', why: 'no Redis' } });
    for (const line of ['- events of Session s\\-1: statement timeout', '- the first use of the mandate: no Redis', 'Not known: Postgres is not given.']) ok(markdown.includes(line), markdown);
    ok(text().includes('Nothing: all that may belong to it was read.'));
  });

  it('shows what others wrote as text, not as links or columns', () => {
    const row = text().split('\n').find((line) => line.includes('Orders')) ?? '';
    ok(row.includes('Orders \\| \\[bot\\]\\(command:x\\)'), row);
    equal(row.replaceAll('\\|', '').split('|').length, 8);
  });

  it('tells the state with the clock of the database', () => {
    const now = Date.UTC(2026, 7, 2, 10, 16);
    const session = { id: 's-1', applicationId: 'app', authorityRecordId: 'r', lifecycle: 'task', status: 'active', startedAt: new Date(now - 100_000).toISOString(), ttlSeconds: 60, heartbeatDeadlineAt: undefined, terminatedAt: undefined, terminationReason: undefined };
    const markdown = text({ events: [event('e-1', 'request-f90ae7', 5, { metadata_json: { application_id: 'app', agent_session_id: 's-1', requested_scopes: ['x'] } })], state: { kind: 'row', row: { now, sessions: [session], delegations: [], records: [], approvals: [] } } });
    ok(markdown.includes('The STS would refuse it now: `session inactive or expired`. By the clock of Postgres, 2026-08-02T10:16:00.000Z.'), markdown);
  });
});
