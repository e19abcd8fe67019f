import { deepEqual, equal, ok } from 'node:assert/strict';
import { denyReasons, evaluationStatuses } from '../../src/caracal/decisions.ts';
import { layers, refusals } from '../../src/caracal/refusals.ts';
import type { Layer } from '../../src/caracal/refusals.ts';
import { auditEventSchema } from '../../src/trace/auditEvent.ts';
import type { AuditEvent } from '../../src/trace/auditEvent.ts';
import { outcomeOf } from '../../src/trace/outcome.ts';
import type { Outcome, OutcomeKind } from '../../src/trace/outcome.ts';
import { refusalsLike } from '../../src/trace/refusal.ts';

const base = { application_id: 'app-orders', application_name: 'Orders', application_registration_method: 'managed' };
const governed = { agent_session_id: '0198f6a0-0000-7000-8000-000000000001', delegation_edge_id: '0198f6a0-0000-7000-8000-000000000002', session_id: '[redacted]', subject_kind: 'application', agent_labels: ['writer'] };
let count = 0;

/** An event as the Admin API gives it. */
function event(more: Partial<Record<keyof AuditEvent, unknown>>): AuditEvent {
  count += 1;
  const suffix = String(count).padStart(12, '0');
  return auditEventSchema.parse({
    id: `0198f6a1-70aa-7c11-9d55-${suffix}`, zone_id: 'z', event_type: 'token_exchange', request_id: 'r-1', policy_set_id: '', policy_set_version_id: '', manifest_sha: '',
    determining_policies_json: null, diagnostics_json: null, metadata_json: base, occurred_at: '2026-08-02T10:15:30.123Z', ingested_at: '2026-08-02T10:15:30.410Z', ...more,
  });
}

const decided = (decision: string, policy: string, metadata: object, diagnostics: readonly object[] = []): AuditEvent =>
  event({ decision, evaluation_status: 'complete', determining_policies_json: policy === '' ? [] : [{ policy }], diagnostics_json: diagnostics, metadata_json: { ...base, ...governed, ...metadata } });
const mint = (resource = 'billing-api', diagnostics: readonly object[] = []): AuditEvent => decided('allow', 'caracal-orders-mint', { resource, requested_scopes: ['invoice:write'] }, diagnostics);
const use = (): AuditEvent => decided('allow', 'caracal-orders-use', { resource: 'billing-api', requested_scopes: [] });
const denied = (reason: string, resource = 'billing-api', scopes: readonly string[] = ['invoice:write']): AuditEvent => decided('deny', '', { resource, requested_scopes: scopes }, [{ reason }]);
const stopped = (status: string, metadata: object = {}): AuditEvent => event({ decision: 'deny', evaluation_status: status, metadata_json: { ...base, resource: 'billing-api', ...metadata } });
const summary = (): AuditEvent => event({ decision: 'deny', evaluation_status: 'exchange_denied', metadata_json: { ...base, requested: ['billing-api'] } });
const gateway = (status: string, metadata: object = {}): AuditEvent =>
  event({ event_type: 'gateway_resource_request', decision: 'allow', evaluation_status: status, diagnostics_json: [], metadata_json: { application_id: 'app-orders', resource: 'billing-api', subject_fingerprint: '00', method: 'POST', upstream_host: 'billing:8090', ...metadata } });
const hold = (): AuditEvent => event({ event_type: 'step_up_issued', decision: 'pending', evaluation_status: 'complete', metadata_json: { ...base, challenge_id: '5d1f0c9e', tier: 'high', approver_class: 'operator', expires_at: '2026-08-02T14:15:30Z' } });
const consumed = (): AuditEvent => event({ event_type: 'step_up_consumed', decision: 'consumed', evaluation_status: 'complete', metadata_json: { ...base, challenge_id: '5d1f0c9e' } });
const gated = [{ [`step_up_required`]: { type: 'human_approval', tiers: [{ tier: 'high' }] } }];

/** `401 access_denied: invalid client credentials` */
function answerOf(text: string): { status: number; error: string; description: string } {
  const [, status, error = '', description = ''] = /^(\d+) (\w+): (.*)$/s.exec(text) ?? [];
  return { status: Number(status), error, description };
}

type Row = readonly [answer: string, events: readonly AuditEvent[], kind: OutcomeKind, layer: Layer | undefined, code: string | undefined, sentence: string];

const before = (words: string): string => `Caracal refused this call before policy: ${words}.`;
const afterMint = (words: string): string => `Policy allowed this call, but no token was issued: ${words}.`;
const byGateway = (words: string): string => `The Gateway refused this call: ${words}.`;
const approval = (words: string): string => `The approval does not count for this call: ${words}.`;
const dead = (description: string, words: string): Row => [`403 access_denied: ${description}`, [], 'refused', 'before policy', 'access_denied', before(words)];

/** Contract request-evidence 4.4, by row. */
const sts: Readonly<Record<number, readonly Row[]>> = {
  1: [
    ['405 invalid_token: POST is required', [], 'refused', 'before policy', 'invalid_token', before('the STS exchanges tokens by POST only')],
    ['400 invalid_token: query parameters are not allowed', [], 'refused', 'before policy', 'invalid_token', before('the exchange has parameters in its address; they belong into the form')],
    ['415 invalid_token: application/x-www-form-urlencoded content type is required', [], 'refused', 'before policy', 'invalid_token', before('the exchange is not sent as a form')],
    ['400 invalid_token: malformed request body', [], 'refused', 'before policy', 'invalid_token', before('the form of the exchange cannot be read')],
    ['400 invalid_token: duplicate form field: scope', [], 'refused', 'before policy', 'invalid_token', before('a field of the form is there twice; only resource may be')],
    ['413 payload_too_large: request body too large', [], 'refused', 'before policy', 'payload_too_large', before('the form of the exchange is too large')],
  ],
  2: [
    ['400 invalid_token: actor_token is not supported', [], 'refused', 'before policy', 'invalid_token', before('the STS takes no actor_token; the Session and the Delegation are named by their ids')],
    ['400 invalid_token: invalid ttl_seconds', [], 'refused', 'before policy', 'invalid_token', before('ttl_seconds is not a whole number')],
    ['400 invalid_token: unsupported grant_type', [], 'refused', 'before policy', 'invalid_token', before('the form does not ask for a token exchange')],
    ['400 invalid_token: subject_token is required with subject_token_type', [], 'refused', 'before policy', 'invalid_token', before('a type of a subject token is given, and no token')],
  ],
  3: [['401 access_denied: invalid gateway exchange signature', [], 'refused', 'before policy', 'access_denied', before('the STS does not believe that the Gateway asked: their GATEWAY_STS_HMAC_KEY differs, or their clocks by more than 60 s')]],
  4: [
    ['429 provider_rate_limited: authentication rate limit exceeded', [], 'refused', 'before policy', 'provider_rate_limited', before('this Application failed to prove itself more than 60 times in a minute')],
    ['429 provider_rate_limited: authentication rate limit unavailable', [], 'refused', 'before policy', 'provider_rate_limited', before('the STS cannot count failed sign-ins, because Redis does not answer it')],
  ],
  5: [['403 zone_invalid: application is registered in zone A but the request targeted zone B', [], 'refused', 'before policy', 'zone_invalid', before('the Application belongs to another zone than the one that was asked')]],
  6: [['401 access_denied: invalid client credentials', [], 'refused', 'before policy', 'access_denied', before('the STS does not know this Application with this secret; it may be archived or expired')]],
  7: [['400 invalid_token: at least one resource is required', [], 'refused', 'before policy', 'invalid_token', before('the exchange names no resource')]],
  8: [['503 sts_unavailable: trusted time unavailable', [], 'refused', 'before policy', 'sts_unavailable', before('the STS cannot ask Postgres for the time')]],
  9: [['401 invalid_token: invalid subject_token', [], 'refused', 'before policy', 'invalid_token', before('the STS does not accept the presented mandate: signature, issuer, audience, life, zone or use')]],
  10: [
    ['403 invalid_token: missing token authority record', [], 'refused', 'before policy', 'invalid_token', before('the presented mandate names no authority record')],
    dead('authority record mismatch', 'the presented mandate belongs to another authority record than the one that was named'),
    dead('authority record subject mismatch', 'the authority record belongs to another subject than the mandate says'),
    dead('authority record client mismatch', 'the mandate was made for another Application'),
  ],
  11: [dead('Session mismatch', 'the Session that was named is not the one of the presented mandate'), dead('delegation edge mismatch', 'the Delegation that was named is not the one of the presented mandate')],
  12: [['401 access_denied: approval not found or bindings do not match', [stopped('approval_invalid')], 'refused', 'approval', 'approval_invalid', approval('the approval is gone, or was given for another request: other scopes, resources, Session, Delegation or policy')]],
  13: [['409 approval_consumed: approval already used; another request consumed it', [stopped('approval_already_consumed')], 'refused', 'approval', 'approval_already_consumed', approval('the approval was used by another request')]],
  14: [['403 access_denied: approval was rejected', [stopped('approval_rejected')], 'refused', 'approval', 'approval_rejected', 'The approval was rejected.']],
  15: [['401 access_denied: approval expired', [stopped('approval_expired')], 'refused', 'approval', 'approval_expired', approval('nobody approved it in time')]],
  16: [['401 interaction_required: Human approval required for this request', [], 'on hold', 'approval', 'interaction_required', 'This call is on hold: it waits for an approval.']],
  17: [
    dead('authority record inactive or expired', 'the authority record is revoked or expired'),
    dead('authority record not owned by caller', 'the authority record belongs to another Application'),
    dead('session inactive or expired', 'the Session is not alive'),
    dead('session not owned by caller', 'the Session belongs to another Application'),
    dead('session authority record binding mismatch', 'the Session was started under another authority record'),
    dead('delegation requires a target Session', 'a Delegation is named, and no Session that it is for'),
    dead('delegation edge inactive or expired', 'the Delegation is revoked or expired'),
    dead('delegation edge target mismatch', 'the Delegation was made for another Session'),
    dead('delegation source inactive or expired', 'the Session that delegated is not alive'),
    dead('delegation target inactive or unauthorized', 'the Session that the Delegation is for is not alive, or belongs to another Application'),
    dead('delegation application mismatch', 'the Delegation was made for another Application'),
    dead('delegation constraints invalid', 'the Delegation has a constraint that the STS does not know, such as a budget'),
    dead('requested scopes exceed delegation scopes', 'it asked for more scopes than its Delegation carries'),
    dead('requested ttl exceeds delegation ttl', 'it asked for a longer life than its Delegation allows'),
    dead('delegation hop limit exceeds platform maximum', 'the Delegation allows more hops than the platform does'),
    dead('delegation path invalid', 'the chain of Delegations is longer than it may be, or broken'),
    dead('delegation graph epoch unavailable', 'the STS cannot read the epoch of the delegation graph from Postgres'),
    dead('delegation path edge unavailable', 'a Delegation further up the chain cannot be read'),
    dead('delegation path edge inactive or revoked', 'a Delegation further up the chain is revoked or expired'),
    dead('delegation chain discontinuous', 'a hop of the chain was not made by the one before it'),
    dead('delegation chain endpoints mismatch', 'the chain of Delegations does not end at this Session'),
  ],
  18: [['403 access_denied: policy denied', [stopped('resource_not_found'), summary()], 'refused', 'before policy', 'resource_not_found', before('the zone has no such resource, or it is archived')]],
  19: [['403 access_denied: policy denied', [stopped('scope_mismatch'), summary()], 'refused', 'before policy', 'scope_mismatch', before('a requested scope is not declared on the resource')]],
  20: [['403 access_denied: policy denied', [stopped('resource_outside_delegation', governed), summary()], 'refused', 'before policy', 'resource_outside_delegation', before('the Delegation does not cover this resource')]],
  21: [
    ['403 operation_not_permitted: operation POST /invoices on resource billing-api requires scope invoice:write', [stopped('operation_not_permitted', { method: 'POST', path: '/invoices' })], 'refused', 'before policy', 'operation_not_permitted', before('the mandate lacks the scope that the resource declares for this operation')],
    ['403 operation_not_permitted: operation POST /x is not declared on resource billing-api', [], 'refused', 'before policy', 'operation_not_permitted', before('the resource does not declare this method and path; they are compared letter by letter')],
  ],
  22: [['403 access_denied: policy denied', [stopped('rate_limited'), summary()], 'refused', 'before policy', 'rate_limited', before('the budget of mandates for this resource is used up, or Redis did not answer whether it is')]],
  23: [['403 access_denied: the control resource is mintable only by a control key', [stopped('control_resource_requires_control_key')], 'refused', 'before policy', 'control_resource_requires_control_key', before('mandates for the control resource are made for control keys only')]],
  24: [['403 access_denied: policy denied', [stopped('provider_unavailable', { reason: 'provider_not_found' }), summary()], 'refused', 'before policy', 'provider_unavailable', before('the provider of the resource is missing or not configured')]],
  25: [['403 access_denied: no provider connection for subject u-1 on resource mail-api', [stopped('credential_not_provisioned', { reason: 'no_provider_connection' }), summary()], 'refused', 'before policy', 'credential_not_provisioned', before('the user has not connected the provider of this resource')]],
  26: [['403 credential_expired_not_renewable: provider connection for resource mail-api is expired and could not be refreshed', [stopped('credential_refresh_failed', { reason: 'credential_expired_not_renewable' }), summary()], 'refused', 'before policy', 'credential_refresh_failed', before('the connection to the provider of this resource is expired, and could not be renewed')]],
  27: [['503 policy_eval_failed: policy evaluation unavailable', [stopped('policy_eval_failed')], 'denied', 'policy', 'policy_eval_failed', 'Policy denied this call: the STS could not evaluate the policy of the zone.']],
  28: [['403 policy_eval_failed: policy evaluation incomplete', [event({ decision: 'deny', evaluation_status: 'partial', metadata_json: { ...base, ...governed, resource: 'billing-api', requested_scopes: ['invoice:write'] } })], 'denied', 'policy', 'partial', 'Policy denied this call: the policy of the zone gave no whole answer.']],
  29: [['403 access_denied: approval requires separate operator and subject decisions', [mint('billing-api', gated)], 'refused', 'approval', 'access_denied', approval('the scopes need approvals of an operator and of the user at once; ask for them one by one')]],
  30: [
    ['401 interaction_required: Human approval required for this request', [mint('billing-api', gated), hold()], 'on hold', 'approval', 'interaction_required', 'This call is on hold. An operator can approve it until 2026-08-02T14:15:30Z.'],
    ['401 interaction_required: Human approval required for this request', [mint('billing-api', gated)], 'on hold', 'approval', 'interaction_required', 'This call is on hold: it waits for an approval.'],
  ],
  31: [['403 access_denied: policy denied (role_scope_mismatch)', [denied('role_scope_mismatch'), summary()], 'denied', 'policy', 'role_scope_mismatch', 'Policy denied this call: no single label’s role covers all the scopes; roles do not add up.']],
  32: [['403 access_denied: resource exchanges must use the Gateway', [use()], 'refused', 'after mint', 'access_denied', afterMint('a mandate for a resource is made for the Gateway only')]],
  33: [
    ['400 invalid_token: ttl_seconds must be positive', [mint()], 'refused', 'after mint', 'invalid_token', afterMint('ttl_seconds is not above 0')],
    ['400 invalid_token: ttl_seconds exceeds token TTL cap', [mint()], 'refused', 'after mint', 'invalid_token', afterMint('it asked for a longer life than a mandate may have')],
    ['403 access_denied: delegation expires before requested ttl', [mint()], 'refused', 'after mint', 'access_denied', afterMint('the Delegation ends before the mandate would')],
  ],
  34: [['409 approval_consumed: approval no longer valid; another request may have consumed it', [mint('billing-api', gated), stopped('approval_already_consumed')], 'refused', 'approval', 'approval_already_consumed', approval('the approval was used by another request')]],
  35: [
    ['500 internal_error: authority record creation failed', [mint()], 'refused', 'after mint', 'internal_error', afterMint('the STS could not store the authority record in Postgres')],
    ['500 internal_error: token issuance failed', [mint()], 'refused', 'after mint', 'internal_error', afterMint('the STS could not sign the mandate, or could not remember it in Redis')],
  ],
  36: [['502 http_request_failed: upstream credential for resource mail-api is unavailable: provider token circuit open', [use(), stopped('provider_credential_unavailable', { reason: 'provider token circuit open' })], 'refused', 'after mint', 'provider_credential_unavailable', afterMint('the STS got no credential from the provider of the resource')]],
};

/** Contract request-evidence 5, by row. */
const gatewayRows: Readonly<Record<number, readonly Row[]>> = {
  1: [['503 sts_unavailable: revocation state unavailable', [], 'refused', 'gateway', 'sts_unavailable', byGateway('it has not read from Postgres for more than 70 s what is revoked, and then lets nothing through')]],
  2: [['401 invalid_token: missing bearer token', [], 'refused', 'gateway', 'invalid_token', byGateway('the call carries no mandate')]],
  3: [['401 invalid_token: bearer token too large', [], 'refused', 'gateway', 'invalid_token', byGateway('the mandate is too large')], ['401 invalid_token: malformed bearer token', [], 'refused', 'gateway', 'invalid_token', byGateway('what the call carries is no mandate')]],
  4: [['401 credential_expired_not_renewable: credential expiring within pre-flight window', [], 'refused', 'gateway', 'credential_expired_not_renewable', byGateway('the mandate has less than 35 s left')]],
  5: [['400 invalid_token: client identity derives from the bearer token', [], 'refused', 'gateway', 'invalid_token', byGateway('the call has a header X-Caracal-Client-ID, which is forbidden')]],
  6: [['400 invalid_token: missing routing headers', [], 'refused', 'gateway', 'invalid_token', byGateway('the call has no header X-Caracal-Resource')]],
  7: [['401 invalid_token: missing token zone', [], 'refused', 'gateway', 'invalid_token', byGateway('the mandate names no zone')], ['401 invalid_token: missing token client', [], 'refused', 'gateway', 'invalid_token', byGateway('the mandate names no Application')]],
  8: [['400 invalid_token: path traversal not permitted', [], 'refused', 'gateway', 'invalid_token', byGateway('the path goes up by ..')]],
  9: [['401 invalid_token: bearer signature invalid', [], 'refused', 'gateway', 'invalid_token', byGateway('the signature of the mandate is not one of its zone, or the keys of the zone could not be read')]],
  10: [
    ['401 invalid_token: token replay detected', [event({ event_type: 'replay_detected', decision: 'deny', evaluation_status: 'anomaly', metadata_json: { jti: 'j', resource: 'billing-api', client_id: 'app-orders', subject_fp: '00', request_id: 'r-1' } })], 'refused', 'gateway', 'replay_detected', 'The Gateway saw this mandate before.'],
    ['401 invalid_token: token replay detected', [], 'refused', 'gateway', 'invalid_token', byGateway('the mandate was used before, or Redis did not answer whether it was')],
  ],
  11: [['401 invalid_token: session revoked', [], 'refused', 'gateway', 'invalid_token', byGateway('the authority record, the Session or the Delegation of the mandate is revoked')]],
  12: [['503 sts_unavailable: sts unavailable', [], 'refused', 'gateway', 'sts_unavailable', byGateway('the STS failed three times in a row, so it is not asked for 10 s')]],
  13: [['403 access_denied: policy denied (no_rule_matched)', [denied('no_rule_matched', 'billing-api', []), summary()], 'denied', 'policy', 'no_rule_matched', 'Policy denied this call: the request has none of the shapes that policy knows.']],
  14: [
    ['504 sts_unavailable: sts timeout', [], 'refused', 'gateway', 'sts_unavailable', byGateway('the STS did not answer in time')],
    ['499 sts_unavailable: client cancelled', [], 'refused', 'gateway', 'sts_unavailable', byGateway('the caller went away before the STS had answered')],
    ['502 sts_unavailable: sts unavailable', [], 'refused', 'gateway', 'sts_unavailable', byGateway('the STS could not be reached')],
    ['502 sts_unavailable: sts response invalid', [], 'refused', 'gateway', 'sts_unavailable', byGateway('the answer of the STS could not be read')],
  ],
  15: [['403 access_denied: resource upstream not configured', [use()], 'refused', 'gateway', 'access_denied', byGateway('the resource has no upstream')]],
  16: [['502 internal_error: upstream not addressable', [use(), gateway('upstream_rejected', { error_kind: 'upstream_not_addressable', gateway_status: 502 })], 'refused', 'gateway', 'upstream_not_addressable', byGateway('the address of the upstream may not be called, for its form, its name or its range')]],
  17: [['400 internal_error: upstream request build failed', [use(), gateway('build_failed', { error_kind: 'request_build_failed', gateway_status: 400 })], 'refused', 'gateway', 'request_build_failed', byGateway('no call to the upstream could be made of this one')]],
  18: [['502 internal_error: upstream unreachable', [use(), gateway('upstream_error', { error_kind: 'transport_error', gateway_status: 502 })], 'refused', 'resource', 'transport_error', 'Caracal passed this call on, but billing:8090 did not answer: it could not be reached from the Gateway.']],
  19: [
    ['200 none: x', [use(), gateway('executed', { upstream_status: 200, gateway_status: 200 })], 'went through', undefined, undefined, 'This call went through.'],
    ['500 none: x', [use(), gateway('executed', { upstream_status: 500, gateway_status: 500 })], 'refused', 'resource', '500', 'Caracal passed this call on; billing:8090 answered 500.'],
    ['401 none: x', [use(), gateway('executed', { upstream_status: 401, gateway_status: 401 })], 'refused', 'resource', '401', 'billing-api refused this call. Caracal had allowed it.'],
    ['200 none: x', [use(), gateway('upstream_error', { error_kind: 'response_copy_failed', gateway_status: 200 })], 'refused', 'resource', 'response_copy_failed', 'Caracal passed this call on; the answer of billing:8090 broke off.'],
    ['200 none: x', [use(), gateway('executed', { upstream_status: 200, revocation_interrupted: true })], 'refused', 'gateway', 'revocation_interrupted', 'The Gateway cut the answer of this call off: its authority was revoked meanwhile.'],
  ],
};

const short = ({ kind, layer, code, sentence }: Outcome): unknown => ({ kind, layer, code, sentence });

for (const [service, rows] of [['STS', sts], ['Gateway', gatewayRows]] as const) {
  describe(`what happened to a call that ended at the ${service}`, () => {
    for (const [row, cases] of Object.entries(rows)) {
      for (const [answer, events, kind, layer, code, sentence] of cases) {
        it(`row ${row}: ${answer}`, () => deepEqual(short(outcomeOf({ answer: answerOf(answer), events })), { kind, layer, code, sentence }));
      }
    }
  });
}

describe('the rows of refusals', () => {
  it('are all of the contract, but for what no answer tells', () => {
    // 16 answers as 30; 18, 19, 20, 22 and 24 skip a resource, and 31 answers.
    const rowsOf = (service: string): number[] => [...new Set(refusals.filter((one) => one.service === service).map(({ row }) => row))];
    deepEqual(rowsOf('sts'), Array.from({ length: 36 }, (_, place) => place + 1).filter((row) => ![16, 18, 19, 20, 22, 24].includes(row)));
    // 13 is the answer of the STS, and 19 that of the upstream.
    deepEqual(rowsOf('gateway'), Array.from({ length: 18 }, (_, place) => place + 1).filter((row) => row !== 13));
    deepEqual(Object.keys(sts).map(Number), Array.from({ length: 36 }, (_, place) => place + 1));
    deepEqual(Object.keys(gatewayRows).map(Number), Array.from({ length: 19 }, (_, place) => place + 1));
  });

  it('are each found by their own answer', () => {
    for (const refusal of refusals) {
      const description = refusal.description.replaceAll('{…}', ' x');
      const [status, error] = [refusal.statuses[0], refusal.errors[0]];
      ok(refusalsLike({ status, error, description }).includes(refusal), `${refusal.service} ${refusal.row}: ${description}`);
      ok(refusalsLike({ status: undefined, error: undefined, description }).includes(refusal));
    }
    deepEqual(refusalsLike({ status: 401, error: 'invalid_token', description: 'something else' }), []);
    deepEqual(refusalsLike({ status: 401, error: 'invalid_token', description: undefined }), []);
  });

  it('and all words of reasons are the ends of sentences', () => {
    for (const words of [...refusals.map((one) => one.words), ...Object.values(denyReasons), ...Object.values(evaluationStatuses).map((one) => one.words)]) {
      ok(/^[\p{Ll}A-Z]/u.test(words) && !/[.:]$/.test(words.replace(/\.\.$/, '')), words);
      ok(words.length < 160, words);
    }
  });
});

/** Contract request-evidence 7.5. */
const reasons: Readonly<Record<string, string>> = {
  no_active_policy_set: 'no policy set is active in this zone',
  restriction_active: 'the whole zone is frozen by a restriction',
  malformed_risk_data: 'the zone’s risk document has a wrong entry',
  malformed_approval_data: 'the zone’s approval document has a wrong entry',
  resource_not_granted: 'this Application has no grant for the resource',
  delegation_scope_exceeded: 'it asked for more than its Delegation carries',
  confinement_violation: 'a label of this Session confines it, and the scope is outside',
  role_scope_mismatch: 'no single label’s role covers all the scopes; roles do not add up',
  mandate_target_mismatch: 'the mandate was made for another resource',
  no_rule_matched: 'the request has none of the shapes that policy knows',
};

describe('a deny of the policy', () => {
  for (const [reason, words] of Object.entries(reasons)) {
    it(`for ${reason}`, () => {
      for (const scopes of [['invoice:write'], []]) {
        const { states, ...rest } = outcomeOf({ events: [summary(), denied(reason, 'billing-api', scopes)] });
        deepEqual(rest, { kind: 'denied', layer: 'policy', code: reason, sentence: `Policy denied this call: ${words}.`, more: [], awaitsEvent: false });
        deepEqual(states, { 'before policy': 'passed', policy: 'denied', approval: 'not reached', 'after mint': 'not reached', gateway: 'not reached', resource: 'not reached' });
      }
      // The caller may be all that knows of it.
      equal(outcomeOf({ events: [], answer: answerOf(`403 access_denied: policy denied (${reason})`) }).sentence, `Policy denied this call: ${words}.`);
    });
  }

  it('for a reason that nobody knows yet', () => equal(outcomeOf({ events: [denied('new_reason')] }).sentence, 'Policy denied this call: its reason is new_reason.'));
});

describe('what happened to a call', () => {
  const sentenceOf = (...events: AuditEvent[]): string => outcomeOf({ events }).sentence;

  it('is no success because the policy allowed it', () => {
    equal(sentenceOf(mint()), 'A mandate was allowed. Whether it was issued is not recorded.');
    equal(outcomeOf({ events: [mint()], answer: { status: 200, error: undefined, description: undefined } }).sentence, 'A mandate was issued.');
    equal(sentenceOf(use()), 'Caracal allowed this call. What the Gateway did with it is not recorded.');
    equal(sentenceOf(mint('billing-api', gated)), 'This call is on hold: it waits for an approval.');
  });

  it('is in the layers that it crossed', () => {
    deepEqual(outcomeOf({ events: [gateway('executed', { upstream_status: 204 }), use()] }).states, { 'before policy': 'passed', policy: 'allowed', approval: 'not recorded', 'after mint': 'issued', gateway: 'passed on', resource: 'answered, 204' });
    deepEqual(outcomeOf({ events: [mint('billing-api', gated), consumed()] }).states, { 'before policy': 'passed', policy: 'allowed', approval: 'approved, used', 'after mint': 'issued', gateway: 'not recorded', resource: 'not recorded' });
    deepEqual(outcomeOf({ events: [], answer: answerOf('401 invalid_token: session revoked') }).states, { 'before policy': 'not recorded', policy: 'not recorded', approval: 'not recorded', 'after mint': 'not recorded', gateway: 'refused, 401', resource: 'not reached' });
    deepEqual(layers.length, 6);
  });

  it('may be partly good', () => {
    const { kind, sentence, more } = outcomeOf({ events: [mint('a'), mint('b'), denied('resource_not_granted', 'c')] });
    deepEqual({ kind, sentence, more }, { kind: 'partly granted', sentence: '2 of 3 resources were granted.', more: ['c: this Application has no grant for the resource.'] });
  });

  it('has a reason for each resource, where they differ', () => {
    deepEqual(outcomeOf({ events: [denied('resource_not_granted', 'a'), stopped('resource_not_found', { resource: 'b' }), summary()] }).more, ['b: the zone has no such resource, or it is archived.']);
  });

  it('of a replay is what happened to the first call', () => {
    const first = outcomeOf({ events: [denied('role_scope_mismatch', 'billing-api', []), summary()] });
    const replay = event({ event_type: 'replay_detected', decision: 'deny', evaluation_status: 'anomaly', metadata_json: { jti: 'j' } });
    deepEqual(outcomeOf({ events: [replay], first }).more, ['The first call: Policy denied this call: no single label’s role covers all the scopes; roles do not add up.']);
    deepEqual(outcomeOf({ events: [replay] }).more, ['A mandate works once. Which call used it first is not known.']);
  });

  it('says what the audit has, and does not have, of it', () => {
    deepEqual(outcomeOf({ events: [], answer: answerOf('403 access_denied: session inactive or expired') }).more, ['No audit event exists, and none is expected.']);
    deepEqual(outcomeOf({ events: [], answer: answerOf('403 access_denied: approval was rejected') }).more, ['Its audit event is missing.']);
    deepEqual(outcomeOf({ events: [], answer: answerOf('403 access_denied: approval was rejected'), lookingUntil: '14:07:10' }).more, ['Its audit event is not ingested yet. Looking until 14:07:10.']);
    equal(outcomeOf({ events: [], answer: answerOf('403 access_denied: policy denied') }).sentence, 'Caracal granted none of the resources; only the audit says why.');
    equal(outcomeOf({ events: [], lookingUntil: '14:07:10' }).sentence, 'Not ingested yet. Looking until 14:07:10.');
    equal(outcomeOf({ events: [] }).sentence, 'Cannot tell: the audit holds no event of this request.');
    equal(sentenceOf(summary()), 'Caracal granted none of the resources; the events that say why are not in the audit.');
  });

  it('of exchanges that are no mint and no call', () => {
    equal(sentenceOf(event({ decision: 'allow', evaluation_status: 'complete', determining_policies_json: [{ policy: 'caracal-bootstrap' }] })), 'A session mandate was allowed. Whether it was issued is not recorded.');
    equal(sentenceOf(event({ decision: 'allow', evaluation_status: 'complete', determining_policies_json: [{ policy: 'caracal-subject-federation' }] })), 'A session mandate of a user was allowed. Whether it was issued is not recorded.');
    equal(sentenceOf(stopped('subject_federation_rejected', { reason: 'unknown kid' })), before('the zone does not accept the identity token of the user'));
    equal(sentenceOf(event({ decision: 'allow', evaluation_status: 'complete', determining_policies_json: [{ policy: 'control-key' }] })), 'A mandate of a control key was allowed. Whether it was issued is not recorded.');
    equal(sentenceOf(event({ decision: 'allow', evaluation_status: 'complete', determining_policies_json: [{ policy: 'caracal-workload-mint' }], metadata_json: { workload_id: 'w', env: 'TOKEN' } })), 'A credential for a workload was allowed. Whether it was issued is not recorded.');
    equal(sentenceOf(event({ decision: 'deny', evaluation_status: 'credential_injection_denied', metadata_json: { workload_id: 'w', reason: 'runtime_injection_not_allowed' } })), before('the provider of the resource does not allow its credential to be handed to a workload'));
    equal(sentenceOf(event({ event_type: 'jti_collision', decision: 'deny', evaluation_status: 'anomaly', metadata_json: { jti: 'j', app_id: 'a' } }), mint()), afterMint('the id of the new mandate had been given before'));
  });

  it('of what is no governed call', () => {
    equal(sentenceOf(event({ event_type: 'step_up_decided', decision: 'approved', evaluation_status: 'complete', metadata_json: { approver_plane: 'operator', approver_subject_id: 'admin:1' } })), 'An operator approved a request that was on hold.');
    equal(sentenceOf(event({ event_type: 'step_up_decided', decision: 'rejected', evaluation_status: 'complete', metadata_json: { approver_plane: 'operator', reason: 'too much' } })), 'An operator rejected a request that was on hold: too much.');
    equal(sentenceOf(event({ event_type: 'step_up_decided', decision: 'approved', evaluation_status: 'complete', metadata_json: { approver_plane: 'subject' } })), 'The user approved a request that was on hold.');
    equal(sentenceOf(event({ event_type: 'control.invoke', decision: 'allow', evaluation_status: 'complete', metadata_json: { command: 'audit', subcommand: 'tail' } })), 'Control ran audit tail.');
    equal(sentenceOf(event({ event_type: 'control.invoke', decision: 'deny', evaluation_status: 'complete', metadata_json: { command: 'grant', subcommand: '', reason: 'missing scope' } })), 'Control refused grant: missing scope.');
    equal(sentenceOf(event({ event_type: 'run_launch', decision: 'allow', evaluation_status: 'complete', metadata_json: { workload_id: 'w' } })), 'A workload was launched.');
    equal(sentenceOf(event({ event_type: 'run_launch', decision: 'deny', evaluation_status: 'workload_auth_failed', metadata_json: { workload_id: 'w' } })), 'A workload was not launched: the STS does not know this workload with this secret.');
    equal(sentenceOf(event({ event_type: 'credential_revealed', decision: 'allow', evaluation_status: 'complete', metadata_json: { credential: 'client_secret' } })), 'A secret was read in plain text: client_secret.');
  });
});

describe('a refusal by a resource', () => {
  const codes: Readonly<Record<string, readonly [status: number, description: string, words: string]>> = {
    missing_token: [401, 'Missing bearer token', 'it got no bearer token'],
    invalid_token: [401, 'Token validation failed', 'its verifier does not take the token, and does not tell which check failed'],
    invalid_zone: [401, 'Token zone validation failed', 'the token is of another zone than its verifier is set to'],
    insufficient_scope: [403, 'Missing scope: invoice:write', 'the token lacks a scope that it requires'],
    session_revoked: [401, 'Session revoked', 'its verifier counts the authority of the token as revoked, or cannot reach its revocation store'],
    delegation_stale: [401, 'Delegation graph changed', 'its verifier knows a newer epoch of Delegations, or cannot reach its revocation store'],
    session_required: [403, 'Session required', 'the token carries no Session, which it requires'],
    delegation_required: [403, 'Delegation required', 'the token carries no Delegation, which it requires'],
    chain_mismatch: [403, 'Delegation chain missing application: app-planner', 'an Application that it requires is not in the chain of the token'],
    hop_count_exceeded: [403, 'Hop count exceeded', 'the token came over more hops than it allows'],
  };
  for (const [code, [status, description, words]] of Object.entries(codes)) {
    it(`with ${code} is told by its answer alone`, () => {
      const { layer, sentence, states, awaitsEvent } = outcomeOf({ events: [], answer: { status, error: code, description } });
      deepEqual([layer, sentence, states.resource, awaitsEvent], ['resource', `The resource refused this call: ${words}.`, `refused, ${status}`, false]);
    });
  }

  it('is not taken for one of the Gateway, whose descriptions are others', () => {
    equal(outcomeOf({ events: [], answer: { status: 401, error: 'invalid_token', description: 'bearer signature invalid' } }).layer, 'gateway');
  });
});
