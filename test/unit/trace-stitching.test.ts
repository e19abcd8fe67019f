import { deepEqual, equal } from 'node:assert/strict';
import { auditEventSchema } from '../../src/trace/auditEvent.ts';
import type { AuditEvent } from '../../src/trace/auditEvent.ts';
import { inCausalOrder, stitch, timeOf } from '../../src/trace/stitching.ts';
import type { Material } from '../../src/trace/stitching.ts';

const start = Date.UTC(2026, 7, 2, 10, 15, 0);
const ids = { agent_session_id: 's-1', delegation_edge_id: 'd-1', resource: 'billing-api' };
let count = 0;

function event(requestId: string, seconds: number, more: Record<string, unknown>): AuditEvent {
  count += 1;
  return auditEventSchema.parse({
    id: `0198f6a1-70aa-7c11-9d55-${String(count).padStart(12, '0')}`, event_type: 'token_exchange', request_id: requestId, decision: 'allow', evaluation_status: 'complete', policy_set_version_id: '', manifest_sha: '',
    determining_policies_json: null, diagnostics_json: null, metadata_json: {}, occurred_at: new Date(start + seconds * 1_000).toISOString(), ...more,
  });
}

const gated = [{ step_up_required: { type: 'human_approval' } }];
const mint = (requestId: string, seconds: number, more: object = {}, diagnostics: readonly object[] = []): AuditEvent => event(requestId, seconds, { determining_policies_json: [{ policy: 'caracal-orders-mint' }], diagnostics_json: diagnostics, metadata_json: { ...ids, requested_scopes: ['invoice:read'], ...more } });
const use = (requestId: string, seconds: number, more: object = {}): AuditEvent => event(requestId, seconds, { determining_policies_json: [{ policy: 'caracal-orders-use' }], metadata_json: { ...ids, requested_scopes: [], ...more } });
const gateway = (requestId: string, seconds: number, print = 'f00d'): AuditEvent => event(requestId, seconds, { event_type: 'gateway_resource_request', evaluation_status: 'executed', metadata_json: { resource: 'billing-api', subject_fingerprint: print } });
const replay = (requestId: string, seconds: number, print = 'f00d'): AuditEvent => event(requestId, seconds, { event_type: 'replay_detected', decision: 'deny', evaluation_status: 'anomaly', metadata_json: { jti: 'j', subject_fp: print } });
const stepUp = (requestId: string, seconds: number, type: string, decision: string, challenge = 'c-1'): AuditEvent => event(requestId, seconds, { event_type: type, decision, metadata_json: { challenge_id: challenge } });
const deny = (requestId: string, seconds: number): AuditEvent => event(requestId, seconds, { decision: 'deny', diagnostics_json: [{ reason: 'role_scope_mismatch' }], metadata_json: { ...ids, requested_scopes: [] } });

const all = [{ sessionId: 's-1', from: start - 3_600_000, until: start + 3_600_000 }];

/** Each request as `call of g-1, certain by Session, Delegation and resource`. */
function stitched(requestId: string, events: readonly AuditEvent[], more: Partial<Material> = {}): readonly string[] {
  return stitch(requestId, { events, covered: all, known: {}, ...more }).map(({ kind, requestId: id, join }) => `${kind} ${id}${join === undefined ? '' : `, ${join.certainty} by ${join.key}`}`);
}

const byKeys = 'by Session, Delegation and resource';

describe('a governed call', () => {
  it('is joined to the mint of its mandate, from either side', () => {
    const events = [gateway('g-1', 3), use('g-1', 2), mint('m-1', 1), mint('m-2', 1, { agent_session_id: 's-2' }), mint('m-3', 1, { resource: 'mail-api' }), mint('m-4', 1, { delegation_edge_id: 'd-2' })];
    deepEqual(stitched('g-1', events), [`mint m-1, certain ${byKeys}`, 'call g-1']);
    deepEqual(stitched('m-1', events), ['mint m-1', `call g-1, certain ${byKeys}`]);
  });

  it('is joined without certainty where events may be missing, or more than one mint fits', () => {
    const events = [use('g-1', 2), mint('m-1', 1)];
    deepEqual(stitched('g-1', events, { covered: [{ sessionId: 's-1', from: start - 60_000, until: start + 60_000 }] }), [`mint m-1, likely ${byKeys}`, 'call g-1']);
    deepEqual(stitched('g-1', events, { covered: [{ sessionId: 's-1', from: start - 3_600_000, until: start }, { sessionId: 's-1', from: start - 1, until: start + 60_000 }] }), [`mint m-1, certain ${byKeys}`, 'call g-1'], 'two stretches that overlap');
    deepEqual(stitched('g-1', events, { covered: [{ sessionId: 's-1', from: start - 3_600_000, until: start }, { sessionId: 's-1', from: start + 1, until: start + 60_000 }] }), [`mint m-1, likely ${byKeys}`, 'call g-1'], 'two with a gap');
    deepEqual(stitched('g-1', events, { covered: [{ sessionId: 's-2', from: start - 3_600_000, until: start + 60_000 }] }), [`mint m-1, likely ${byKeys}`, 'call g-1'], 'of another Session');
    deepEqual(stitched('g-1', [...events, mint('m-0', 0.5)]), [`mint m-1, likely ${byKeys}`, 'call g-1'], 'the latest one');
  });

  it('is joined by the time of issue, where the mandate is in hand', () => {
    const events = [use('g-1', 200), mint('m-0', 1), mint('m-1', 100)];
    deepEqual(stitched('g-1', events, { known: { issuedAt: Math.floor((start + 1_000) / 1_000) } }), ['mint m-0, certain by Session, Delegation, resource, and time of issue', 'call g-1']);
    deepEqual(stitched('g-1', events), [`mint m-1, likely ${byKeys}`, 'call g-1']);
  });

  it('has no mint that came after it, or that is older than a mandate lives, or that gave none', () => {
    deepEqual(stitched('g-1', [use('g-1', 2), mint('m-1', 10)]), ['call g-1']);
    deepEqual(stitched('g-1', [use('g-1', 2), mint('m-1', 1), mint('m-2', 3)]), [`mint m-1, certain ${byKeys}`, 'call g-1'], 'the next one is of the next call');
    deepEqual(stitched('g-1', [use('g-1', 2), mint('m-1', 2.5)]), ['call g-1', `mint m-1, likely ${byKeys}`], 'clocks of two replicas');
    deepEqual(stitched('g-1', [use('g-1', 1_000), mint('m-1', 1)]), ['call g-1']);
    deepEqual(stitched('g-1', [use('g-1', 2), mint('m-1', 1, {}, gated), stepUp('m-1', 1, 'step_up_issued', 'pending')]), ['call g-1']);
    deepEqual(stitched('g-1', [use('g-1', 2), mint('m-1', 1, {}, gated)]), ['call g-1'], 'a hold that was asked for again');
    deepEqual(stitched('g-1', [use('g-1', 2), event('m-1', 1, { decision: 'deny', diagnostics_json: [{ reason: 'role_scope_mismatch' }], metadata_json: { ...ids, requested_scopes: ['invoice:read'] } })]), ['call g-1']);
    deepEqual(stitched('g-1', [use('g-1', 2, { agent_session_id: '' }), mint('m-1', 1, { agent_session_id: '' })]), ['call g-1'], 'empty ids join nothing');
  });

  it('is one of several of the same Session, each with its own mint', () => {
    const events = [mint('m-1', 1), use('g-1', 2), gateway('g-1', 3, 'aa'), mint('m-2', 10), use('g-2', 11), gateway('g-2', 12, 'bb')];
    deepEqual(stitched('m-1', events), ['mint m-1', `call g-1, certain ${byKeys}`]);
    deepEqual(stitched('m-2', events), ['mint m-2', `call g-2, likely ${byKeys}`]);
    deepEqual(stitched('g-1', events), [`mint m-1, certain ${byKeys}`, 'call g-1']);
  });

  it('is joined over its mint to the exchange that made the authority record of its Session', () => {
    const bootstrap = event('b-1', -20, { determining_policies_json: [{ policy: 'caracal-bootstrap' }], metadata_json: { resource: 'caracal' } });
    deepEqual(stitched('g-1', [use('g-1', 2), mint('m-1', 1), bootstrap], { known: { bootstrap: 'b-1' } }), ['exchange b-1, likely by time and owner of the authority record', `mint m-1, certain ${byKeys}`, 'call g-1']);
    deepEqual(stitched('g-1', [use('g-1', 2), mint('m-1', 1), bootstrap]), [`mint m-1, certain ${byKeys}`, 'call g-1'], 'of no known exchange');
  });

  it('is joined over clocks that differ', () => {
    const events = [use('g-1', 100), gateway('g-1', 112), mint('m-1', 99)];
    const [first, second] = stitch('g-1', { events, covered: all, known: {}, aheadMs: { gateway: 10_000, sts: -1_000 } });
    deepEqual([first?.requestId, first?.from, second?.until], ['m-1', start + 100_000, start + 102_000]);
    equal(timeOf(gateway('g', 5), { gateway: 2_000, sts: 7 }), start + 3_000);
    equal(timeOf(stepUp('a', 5, 'step_up_decided', 'approved'), { api: 500 }), start + 4_500);
  });
});

describe('a held mint', () => {
  const events = [
    mint('m-1', 1, {}, gated), stepUp('m-1', 1, 'step_up_issued', 'pending'), stepUp('a-1', 60, 'step_up_decided', 'approved'),
    mint('m-2', 70, {}, gated), stepUp('m-2', 70, 'step_up_consumed', 'consumed'), use('g-1', 71), gateway('g-1', 72), stepUp('a-9', 60, 'step_up_decided', 'approved', 'c-9'),
  ];
  const approval = 'certain by approval';

  it('is followed over its approval and its retry to the call', () => {
    deepEqual(stitched('m-1', events), ['hold m-1', `decision a-1, ${approval}`, `retry m-2, ${approval}`, `call g-1, certain ${byKeys}`]);
    deepEqual(stitched('a-1', events), [`hold m-1, ${approval}`, 'decision a-1', `retry m-2, ${approval}`, `call g-1, certain ${byKeys}`]);
    deepEqual(stitched('g-1', events), [`hold m-1, ${approval}`, `decision a-1, ${approval}`, `retry m-2, certain ${byKeys}`, 'call g-1']);
  });
});

describe('a replay', () => {
  it('leads to the first call and to its mint', () => {
    const events = [mint('m-1', 1), use('g-1', 2), gateway('g-1', 3), replay('g-2', 5), replay('g-3', 6, 'beef')];
    deepEqual(stitched('g-2', events), [`mint m-1, certain ${byKeys}`, 'call g-1, certain by fingerprint of the mandate', 'replay g-2']);
    deepEqual(stitched('g-1', events), [`mint m-1, certain ${byKeys}`, 'call g-1', 'replay g-2, certain by fingerprint of the mandate']);
  });

  it('leads to a first call that was denied, which Redis alone knows', () => {
    const events = [mint('m-1', 1), deny('g-1', 2), event('g-1', 2, { decision: 'deny', evaluation_status: 'exchange_denied' }), replay('g-2', 5)];
    deepEqual(stitched('g-2', events), ['replay g-2']);
    deepEqual(stitched('g-2', events, { known: { firstUse: 'g-1' } }), [`mint m-1, certain ${byKeys}`, 'call g-1, certain by first use of the mandate in Redis', 'replay g-2']);
    deepEqual(stitched('g-2', events, { known: { firstUse: 'g-2' } }), ['replay g-2'], 'Redis knows the replay itself when the first use has run out');
  });
});

describe('events of one request', () => {
  it('are in the order in which they caused each other, whatever their clocks say', () => {
    const events = [
      gateway('r', 1), event('r', 2, { decision: 'deny', evaluation_status: 'provider_credential_unavailable', metadata_json: ids }), stepUp('r', 3, 'step_up_consumed', 'consumed'), event('r', 4, { decision: 'deny', evaluation_status: 'exchange_denied' }),
      stepUp('r', 5, 'step_up_issued', 'pending'), mint('r', 6), event('r', 7, { event_type: 'run_launch' }),
    ];
    deepEqual(inCausalOrder(events).map(({ event_type: type, evaluation_status: status }) => (type === 'token_exchange' ? status : type)), ['run_launch', 'complete', 'step_up_issued', 'exchange_denied', 'step_up_consumed', 'provider_credential_unavailable', 'gateway_resource_request']);
  });

  it('of the same kind are in the order of time, then of their ids', () => {
    const [first, second, third] = [mint('r', 1), mint('r', 1), mint('r', 0.5)];
    deepEqual(inCausalOrder([second, first, third]).map(({ id }) => id), [third.id, first.id, second.id]);
  });

  it('of one exchange are in the order of their resources, and an approval is refused after the policy has asked for it', () => {
    const of = (resource: string, evaluation_status: string): AuditEvent => event('r', 1, { decision: 'deny', evaluation_status, metadata_json: { resource } });
    const events = [of('', 'approval_rejected'), of('b', 'complete'), of('c', 'resource_not_found'), of('a', 'scope_mismatch')];
    deepEqual(inCausalOrder(events).map(({ evaluation_status: status }) => status), ['scope_mismatch', 'complete', 'resource_not_found', 'approval_rejected']);
  });

  it('that pages brought twice are one', () => {
    const one = use('g-1', 1);
    equal(stitch('g-1', { events: [one, { ...one }], covered: all, known: {} })[0]?.events.length, 1);
  });

  it('that are not there make no call', () => deepEqual(stitched('none', [use('g-1', 1)]), []));
});
