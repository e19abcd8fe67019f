import { deepEqual, equal } from 'node:assert/strict';
import { auditEventSchema } from '../../src/trace/auditEvent.ts';
import type { AuditEvent } from '../../src/trace/auditEvent.ts';
import { callLike, failedCalls, isFailure } from '../../src/trace/failedCalls.ts';
import type { FailedCall } from '../../src/trace/failedCalls.ts';

const base = { application_id: '0198f000-0000-7000-8000-00000000a0a0', application_name: 'Orders' };
const governed = { agent_session_id: 's-1', delegation_edge_id: 'd-1' };
const now = Date.parse('2026-08-02T11:00:00Z');
let count = 0;

function event(requestId: string, more: Partial<Record<keyof AuditEvent, unknown>>): AuditEvent {
  count += 1;
  return auditEventSchema.parse({ id: String(count), event_type: 'token_exchange', request_id: requestId, decision: 'deny', evaluation_status: 'complete', metadata_json: base, occurred_at: '2026-08-02T10:15:30.123Z', ...more });
}

const decided = (id: string, decision: string, resource: string, reason?: string): AuditEvent =>
  event(id, { decision, diagnostics_json: reason === undefined ? [] : [{ reason }], determining_policies_json: decision === 'allow' ? [{ policy: 'caracal-orders-mint' }] : [], metadata_json: { ...base, ...governed, resource, requested_scopes: ['invoice:read'] } });
const summary = (id: string, ...requested: readonly string[]): AuditEvent => event(id, { evaluation_status: 'exchange_denied', metadata_json: { ...base, requested }, occurred_at: '2026-08-02T10:15:30.124Z' });
const gateway = (id: string, status: string, metadata: object): AuditEvent => event(id, { event_type: 'gateway_resource_request', decision: 'allow', evaluation_status: status, metadata_json: { application_id: base.application_id, resource: 'billing-api', upstream_host: 'billing:8090', ...metadata } });
const hold = (id: string, challenge: string, until = '2026-08-02T14:15:30Z'): AuditEvent => event(id, { event_type: 'step_up_issued', decision: 'pending', metadata_json: { ...base, challenge_id: challenge, approver_class: 'operator', expires_at: until } });
const end = (challenge: string, decision: string, at = '2026-08-02T10:20:00Z'): AuditEvent => event('r-end', { event_type: decision === 'consumed' ? 'step_up_consumed' : 'step_up_decided', decision, metadata_json: { challenge_id: challenge }, occurred_at: at });
const of = (events: readonly AuditEvent[], ends: readonly AuditEvent[] = []): readonly FailedCall[] => failedCalls(events, ends, now);
const held = (): readonly AuditEvent[] => [decided('r', 'allow', 'billing-api'), hold('r', 'c')];

type Row = readonly [what: string, events: readonly AuditEvent[], label: string, mark: string, code: string, application?: string];

const rows: readonly Row[] = [
  ['a denied mint is one row with its summary', [decided('r', 'deny', 'billing-api', 'resource_not_granted'), summary('r', 'billing-api')], 'billing-api denied', 'failed', 'resource_not_granted'],
  ['a refusal before policy', [event('r', { evaluation_status: 'scope_mismatch', metadata_json: { ...base, resource: 'billing-api' } })], 'billing-api refused', 'failed', 'scope_mismatch'],
  ['two resources denied', [decided('r', 'deny', 'billing-api', 'resource_not_granted'), decided('r', 'deny', 'ledger', 'resource_not_granted'), summary('r', 'billing-api', 'ledger')], 'billing-api +1 denied', 'failed', 'resource_not_granted'],
  ['one of two granted', [decided('r', 'deny', 'ledger', 'resource_not_granted'), decided('r', 'allow', 'billing-api')], 'ledger partly granted', 'warning', 'resource_not_granted'],
  ['a replay is answered by 401', [event('r', { event_type: 'replay_detected', evaluation_status: 'anomaly', metadata_json: { resource: 'billing-api', client_id: base.application_id } })], 'billing-api 401', 'failed', 'replay_detected', '…00a0a0'],
  ['the resource refused', [decided('r', 'allow', 'billing-api'), gateway('r', 'executed', { upstream_status: 401, gateway_status: 401 })], 'billing-api 401', 'failed', '401'],
  ['the upstream answered 500', [gateway('r', 'executed', { upstream_status: 500, gateway_status: 500 })], 'billing-api 500', 'failed', '500', '…00a0a0'],
  ['the upstream is away', [gateway('r', 'upstream_error', { gateway_status: 502, error_kind: 'transport_error' })], 'billing-api 502', 'failed', 'transport_error', '…00a0a0'],
  ['cut off by a revocation', [gateway('r', 'executed', { upstream_status: 200, gateway_status: 200, revocation_interrupted: true })], 'billing-api refused', 'failed', 'revocation_interrupted', '…00a0a0'],
  ['no credential of the provider', [decided('r', 'allow', 'billing-api'), event('r', { evaluation_status: 'provider_credential_unavailable', metadata_json: { ...base, resource: 'billing-api', reason: 'provider token circuit open' } })], 'billing-api refused', 'failed', 'provider_credential_unavailable'],
  ['on hold', held(), 'billing-api on hold', 'waiting', 'interaction_required'],
  ['on hold for too long', [decided('r', 'allow', 'billing-api'), hold('r', 'c', '2026-08-02T10:59:59Z')], 'billing-api expired', 'warning', 'approval_expired'],
  ['a command of Control', [event('r', { event_type: 'control.invoke', metadata_json: { client_id: 'console', command: 'zones', subcommand: 'list', reason: 'scope missing' } })], 'Control refused', 'failed', '', 'console'],
  ['a workload that may not start', [event('r', { event_type: 'run_launch', evaluation_status: 'workload_auth_failed', metadata_json: { workload_id: 'w', workload_name: 'nightly' } })], 'Launch refused', 'failed', 'workload_auth_failed', 'nightly'],
  ['only the summary is there', [summary('r', 'billing-api')], 'billing-api denied', 'failed', 'exchange_denied'],
];

describe('Failed calls', () => {
  for (const [what, events, label, mark, code, application = 'Orders'] of rows) {
    it(what, () => deepEqual(of(events).map((call) => [call.label, call.mark, call.code, call.application]), [[label, mark, code, application]]));
  }

  it('are none where all went well', () => {
    deepEqual(of([decided('r', 'allow', 'billing-api'), gateway('r', 'executed', { upstream_status: 204, gateway_status: 204 })]), []);
    deepEqual(of([event('', {})]), [], 'an event of no request');
  });

  it('leave out a hold that was approved, and tell one that was rejected', () => {
    deepEqual(of(held(), [end('c', 'approved'), end('c', 'consumed', '2026-08-02T10:21:00Z')]), []);
    deepEqual(of(held(), [end('c', 'rejected')]).map(({ label, sentence }) => [label, sentence]), [['billing-api rejected', 'The approval was rejected.']]);
    equal(of(held(), [end('another', 'approved')]).length, 1);
  });

  it('come newest first, by the time of what went wrong', () => {
    const late = { occurred_at: '2026-08-02T10:50:00Z', metadata_json: { ...base, resource: 'late' } };
    const early = { occurred_at: '2026-08-02T10:05:00Z', metadata_json: { ...base, resource: 'early' } };
    const calls = of([event('a', early), event('b', late), event('a', { decision: 'allow', occurred_at: '2026-08-02T10:59:00Z' })]);
    deepEqual(calls.map(({ requestId, at }) => [requestId, new Date(at).toISOString()]), [['b', '2026-08-02T10:50:00.000Z'], ['a', '2026-08-02T10:05:00.000Z']]);
  });

  it('are found by what the caller got, or else by being the newest', () => {
    const call = (requestId: string, status: number | null): FailedCall => ({ requestId, label: 'billing-api', status, application: '', at: 0, mark: 'failed', sentence: '', code: '' });
    const calls = [call('a', null), call('b', 401), call('c', 401)];
    deepEqual([callLike(calls, 401), callLike(calls, 503), callLike(calls, undefined), callLike([], 401)].map((one) => one?.requestId), ['b', 'a', 'a', undefined]);
  });

  it('are told by their events', () => {
    const failures: readonly (readonly [AuditEvent, boolean])[] = [
      [event('r', {}), true], [hold('r', 'c'), true], [decided('r', 'allow', 'billing-api'), false], [end('c', 'rejected'), false],
      [gateway('r', 'executed', { upstream_status: 399 }), false], [gateway('r', 'executed', { upstream_status: 400 }), true], [gateway('r', 'executed', { gateway_status: 404 }), true],
      [gateway('r', 'executed', {}), false], [gateway('r', 'build_failed', {}), true], [gateway('r', 'executed', { upstream_status: 200, revocation_interrupted: true }), true],
    ];
    for (const [one, expected] of failures) equal(isFailure(one), expected, JSON.stringify(one));
  });
});
