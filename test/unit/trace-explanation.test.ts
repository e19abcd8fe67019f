import { deepEqual, equal, ok } from 'node:assert/strict';
import type { AuditEvent } from '../../src/trace/auditEvent.ts';
import { caveatsOf, explanationSection, finalDecision, inputCaveats } from '../../src/trace/explanationSection.ts';
import { replayInput } from '../../src/trace/replayInput.ts';
import type { ReplayInput } from '../../src/trace/replayInput.ts';
import { simulationRequest } from '../../src/trace/simulate.ts';
import type { Simulation } from '../../src/trace/simulate.ts';
import { at, delegation, event, partsOf, row, textsOf, version } from './traceParts.ts';
import type { Given } from './traceParts.ts';

type More = Parameters<typeof event>[0];
const gated = [{ step_up_required: { type: 'human_approval' } }];
const denied = (reason: string, more: More = {}): AuditEvent => event({ id: `deny-${reason}`, decision: 'deny', determining_policies_json: [], diagnostics_json: [{ reason }], ...more });
const summary = (seconds = 1): AuditEvent => event({ id: 'summary', decision: 'deny', evaluation_status: 'exchange_denied', policy_set_version_id: '', occurred_at: at(seconds), metadata_json: { requested_scopes: undefined } });
const hold = (type: string, decision: string): AuditEvent => event({ id: type, event_type: type, decision, policy_set_version_id: '', occurred_at: at(1), metadata_json: { challenge_id: 'hold' } });
const gateway = (status: number): AuditEvent => event({ id: 'gateway', event_type: 'gateway_resource_request', policy_set_version_id: '', evaluation_status: 'executed', occurred_at: at(2), metadata_json: { method: 'POST', upstream_status: status, requested_scopes: undefined, agent_session_id: undefined } });
const use = (more: More = {}): AuditEvent => event({ id: 'use', determining_policies_json: [{ policy: 'caracal-orders-use' }], ...more, metadata_json: { requested_scopes: [], session_id: 'rec', ...(more.metadata_json as object | undefined) } });

/** What happened, its events, what explain says, and where that misleads. */
const cases: readonly (readonly [what: string, given: Given, decision: string | undefined, caveats: readonly string[]])[] = [
  ['an allowed mint', {}, 'allow', []],
  ['an allowed call', { events: [use(), gateway(200)] }, 'allow', []],
  ['a deny of the policy', { events: [denied('role_scope_mismatch'), summary()] }, 'deny', []],
  ['two of three resources', { events: [event({ id: 'a' }), event({ id: 'b' }), denied('resource_not_granted')] }, 'deny', ['It says deny, although 2 of 3 resources were granted: one deny is enough for it.']],
  ['a new hold', { events: [event({ diagnostics_json: gated }), hold('step_up_issued', 'pending')] }, 'pending', ['It says pending: the policy allowed, and the request is on hold.']],
  ['a hold that was there already', { events: [event({ diagnostics_json: gated })] }, 'allow', ['It says allow, although the request is on hold: that a hold was there already leaves no event.']],
  ['a retry that was approved', { events: [event({ diagnostics_json: gated }), hold('step_up_consumed', 'consumed')] }, 'consumed', ['It says consumed, which means that the policy allowed and the approval was used.']],
  ['an error of the upstream', { events: [use(), gateway(500)] }, 'allow', ['It says allow, although the call was answered 500: it does not look at what the upstream did.']],
  ['a refusal after the policy', { captured: { answer: { status: 409, error: 'approval_consumed', description: undefined } } }, 'allow', ['It says allow, although the caller got 409: checks after the policy leave no event.']],
  ['a credential that could not be fetched', { events: [use(), denied('x', { evaluation_status: 'provider_credential_unavailable', occurred_at: at(1) })] }, 'deny', ['It says deny, although the policy allowed: the deny is of the provider’s credential, after the mint.']],
  ['a replay', { events: [event({ event_type: 'replay_detected', decision: 'deny', policy_set_version_id: '', evaluation_status: 'anomaly', metadata_json: { requested_scopes: undefined } })] }, 'deny', ['It says deny of the replay. What was wrong with the first call is under another request id.']],
  ['an event without a decision', { events: [event({ decision: null })] }, 'unknown', ['It says unknown: the last event has no decision.']],
  ['events out of order', { events: [gateway(200), use()] }, 'allow', []],
  ['no event', { events: [] }, undefined, []],
];

function inputOf(given: Given): ReplayInput {
  const replay = replayInput(partsOf(given));
  ok(replay.kind === 'input', JSON.stringify(replay));
  return replay;
}

const mintBefore = event({ id: 'mint', request_id: 'request-0', occurred_at: at(-5) });

describe('what explain would say', () => {
  for (const [what, given, decision, caveats] of cases) {
    it(`of ${what}`, () => {
      const parts = partsOf(given);
      const events = parts.trace.hops.find(({ requestId }) => requestId === 'request-1')?.events ?? [];
      deepEqual([finalDecision(events), caveatsOf(parts, events)], [decision, caveats]);
      equal(explanationSection(parts).summary, decision === undefined ? 'explain has nothing to say' : `explain says ${decision}${caveats.length === 0 ? '' : ', which misleads here'}`);
    });
  }

  it('is not asked, and what asking would do is said', () => {
    ok(textsOf(explanationSection(partsOf({ events: [] }))).includes('Explain would answer request_not_found, and each such answer writes a row to the admin audit; it was not asked.'));
    const odd = 'request (1)';
    ok(textsOf(explanationSection(partsOf({ captured: { requestId: odd }, evidence: { requestId: odd }, events: [event({ request_id: odd })] }))).includes('Explain refuses this request id for its characters; the audit has 1 event of it all the same.'));
    ok(textsOf(explanationSection(partsOf({ evidence: { requestId: undefined } }))).includes('Explain is asked by a request id, and none is known.'));
  });

  it('has inputs that cannot be replayed as they are', () => {
    const reasons = (events: readonly AuditEvent[]): readonly string[] => inputCaveats(events).map((text) => /summary exchange_denied|no_rule_matched|delegation_scope_exceeded/.exec(text)?.[0] ?? '');
    deepEqual(reasons([denied('role_scope_mismatch'), summary()]), ['summary exchange_denied', 'delegation_scope_exceeded']);
    deepEqual(reasons([denied('role_scope_mismatch', { metadata_json: { requested_scopes: [] } })]), ['no_rule_matched']);
    deepEqual(reasons([event()]), []);
  });
});

describe('an input of the policy', () => {
  it('is whole for a mint', () => {
    const { input, versionId, policySetId, missing } = inputOf({ events: [denied('role_scope_mismatch'), summary()], state: { delegations: [delegation({ parentId: 'first', version: 1, revokedAt: at(60), status: 'revoked' }), delegation({ id: 'first' })] } });
    deepEqual([policySetId, versionId, missing], ['set', 'version-1', []]);
    deepEqual(input, {
      schema_version: '2026-05-20',
      principal: { type: 'Application', id: 'app', zone_id: 'zone-1', registration_method: 'managed', agent_session_id: 'target', lifecycle: 'task', labels: ['reader'] },
      resource: { type: 'Resource', id: 'res-1', identifier: 'billing-api', scopes: ['invoice:read', 'invoice:write'] },
      action: { id: 'TokenExchange' },
      delegation_edge: {
        id: 'edge', source_session_id: 'source', target_session_id: 'target', issuer_application_id: 'app', receiver_application_id: 'app', resource_id: 'res-1', scopes: ['invoice:read'], edge_version: 0, path: ['first', 'edge'], graph_epoch: 7,
        constraints_json: { max_hops: 2 },
      },
      context: { actor_claims: { caracal_client_id: 'app' }, trace_id: 'request-1', agent_session_id: 'target', delegation_edge_id: 'edge', challenge_resolved: false, requested_scopes: ['invoice:read'] },
    });
  });

  it('has the claims of the mandate for a use, from its mint', () => {
    const { input, added, missing } = inputOf({ events: [mintBefore, use(), gateway(200)] });
    const { context, action, session } = input as Record<string, Record<string, unknown>>;
    deepEqual(context?.['subject_claims'], { scope: 'invoice:read', target: ['billing-api'], delegation_edge_id: 'edge' });
    deepEqual([action, session], [{ id: 'TokenExchange', method: 'POST' }, { id: 'rec' }]);
    ok(added.some(({ field, words }) => field === 'context.subject_claims' && words === 'from the mint that it belongs to, request request-0, likely'), JSON.stringify(added));
    deepEqual(missing.map(({ field }) => field), ['action.path']);
  });

  /** What is missing, and why it is said to be. */
  const lacking: readonly (readonly [field: string, given: Given, why: RegExp])[] = [
    ['context.subject_claims', { events: [use()] }, /no_rule_matched$/],
    ['session.id', { events: [use({ metadata_json: { session_id: '[redacted]' } })] }, /^the API masks it$/],
    ['resource.id, resource.scopes', { around: { resources: row([]) } }, /^the zone has no such resource now$/],
    ['resource.id, resource.scopes', { around: { resources: { kind: 'cannot look', why: 'permission denied' } } }, /permission denied$/],
    ['delegation_edge', { state: { delegations: [] } }, /^its row is gone$/],
    ['delegation_edge', { evidence: { state: { kind: 'cannot look', why: 'Postgres is not given' } } }, /Postgres is not given$/],
    ['delegation_edge.graph_epoch', { events: [event({ metadata_json: { delegation_graph_epoch: undefined } })] }, /does not tell/],
    ['action.method', { events: [mintBefore, use()] }, /no event of the Gateway/],
    ['schema_version', { around: { policy: row({ versions: [{ ...version(1, []), schemaVersion: '2027-01-01' }], active: undefined }) } }, /2027-01-01/],
  ];
  for (const [field, given, why] of lacking) it(`says what it lacks: ${field}, ${String(why)}`, () => ok(inputOf(given).missing.some((one) => one.field === field && why.test(one.words)), JSON.stringify(inputOf(given).missing)));

  it('is none where there is nothing to simulate', () => {
    const why = (given: Given): string => {
      const replay = replayInput(partsOf(given));
      return replay.kind === 'none' ? replay.why : 'an input';
    };
    equal(why({ events: [] }), 'the audit holds no event of this request');
    equal(why({ events: [event({ policy_set_version_id: '', decision: 'deny', evaluation_status: 'resource_not_found' })] }), 'no policy was asked for this request');
    equal(why({ around: { policy: { kind: 'cannot look', why: 'permission denied' } } }), 'the policy set cannot be looked at: permission denied');
    equal(why({ around: { policy: row({ versions: [], active: undefined }) } }), 'the version that decided is not in Postgres any more');
  });

  it('takes a retry for one whose approval was used', () => {
    const { input } = inputOf({ events: [event({ diagnostics_json: gated }), hold('step_up_consumed', 'consumed')] });
    equal((input as Record<string, Record<string, unknown>>)['context']?.['challenge_resolved'], true);
  });

  it('knows a workload', () => {
    const { input } = inputOf({ events: [event({ determining_policies_json: [{ policy: 'caracal-workload-mint' }], metadata_json: { application_id: undefined, workload_id: 'w-1', agent_session_id: undefined, delegation_edge_id: undefined } })] });
    deepEqual([input['principal'], input['action']], [{ type: 'Workload', id: 'w-1', zone_id: 'zone-1' }, { id: 'CredentialInjection' }]);
  });
});

describe('a simulation', () => {
  const given: Given = { events: [denied('role_scope_mismatch')] };
  const simulated = (more: Partial<Simulation & { kind: 'simulated' }> = {}): Simulation => ({ kind: 'simulated', decision: 'deny', evaluation: 'executed', reason: undefined, policies: [], diagnostics: [{ reason: 'role_scope_mismatch' }], warnings: [], ...more });
  const said = (simulation: Simulation, of = given): readonly string[] => textsOf(explanationSection(partsOf(of), simulation)).slice(-3);

  it('is one POST of the version that decided', () => {
    const replay = inputOf(given);
    deepEqual(simulationRequest('zone-1', replay), { path: '/v1/zones/zone-1/policy-sets/set/simulate', body: { version_id: 'version-1', input: replay.input } });
  });

  it('is compared with what was recorded', () => {
    const words = 'The simulation says deny: no single label’s role covers all the scopes; roles do not add up (role_scope_mismatch).';
    deepEqual(said(simulated()).slice(1), [words, 'It is what was recorded.']);
    deepEqual(said(simulated({ decision: 'allow', diagnostics: [], policies: ['caracal-orders-mint'], warnings: ['missing_context'] })), ['The simulation says allow: caracal-orders-mint.', 'Recorded was deny (role_scope_mismatch): the resource may have changed since.', 'missing_context']);
    ok(said(simulated({ diagnostics: [{ reason: 'no_rule_matched' }] }), { events: [denied('role_scope_mismatch', { metadata_json: { requested_scopes: [] } })] }).some((text) => text.endsWith('the input lacks context.subject_claims.')));
  });

  it('says why it was not made', () => {
    equal(said({ kind: 'refused', why: 'no admin token' }).at(-1), 'The simulation was not made: no admin token.');
    equal(said(simulated({ evaluation: 'failed', decision: undefined, reason: 'policy_eval_failed' })).at(-1), 'The policy was not run: policy_eval_failed.');
  });
});
