import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { mandateOf } from '../lab/caller.ts';
import type { Caller, Reply } from '../lab/caller.ts';
import { addCases } from '../lab/cases.ts';
import type { Cases } from '../lab/cases.ts';
import { eventually } from '../lab/eventually.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';

// Every case of the contract, request evidence 17: status, body, and the events with their shape and order.

type Event = Readonly<Record<string, unknown>> & { readonly metadata_json: Readonly<Record<string, unknown>> };

const APPLICATION = ['application_id', 'application_name', 'application_registration_method'];
const DECIDED = [...APPLICATION, 'agent_depth', 'agent_labels', 'agent_lifecycle', 'agent_session_id', 'delegation_chain', 'delegation_edge_id', 'delegation_graph_epoch', 'delegation_hop_count', 'requested_scopes', 'resource', 'session_id', 'subject_kind'];
const HOLD = ['agent_labels', 'agent_session_id', 'approver_class', 'binding', 'challenge_id', 'delegation_edge_id', 'expires_at', 'privacy_mode', 'tier'];
const EXECUTED = ['application_id', 'auth_mode', 'gateway_status', 'latency_ms', 'method', 'provider_id', 'resource', 'response_bytes', 'subject_fingerprint', 'subject_kind', 'trace_id', 'upstream_host'];
const ALLOW = 'token_exchange allow complete';

describe('lab: the evidence of a request', function () {
  this.timeout(60_000);
  let lab: Lab;
  let cases: Cases;
  let caller: Caller;

  before(async () => {
    // Without traffic the audit holds what is called here and nothing else.
    lab = await startLab({ traffic: 0 });
    const jwks = await fetch(`${lab.callers.sts}/.well-known/jwks.json?zone_id=${lab.zoneId}`);
    deepEqual([jwks.status, await jwks.json()], [404, { error: 'resource_not_found', error_description: 'zone signing key not found' }]);
    cases = await addCases(lab);
    caller = cases.caller;
  });

  after(async () => {
    await cases.close();
    await lab.close();
  });

  /** The events of a request as Audit has them, in the order in which they happened. */
  async function events(requestId: string, expected: readonly string[]): Promise<Event[]> {
    const read = (): Promise<Event[]> => lab.sql('SELECT * FROM audit_events WHERE request_id = $1 ORDER BY occurred_at, id', [requestId]);
    await eventually(`events of ${requestId}`, async () => (await read()).length >= expected.length, 10_000);
    const rows = await read();
    deepEqual(rows.map((row) => `${String(row['event_type'])} ${String(row['decision'])} ${String(row['evaluation_status'])}`), expected);
    return rows;
  }

  const keys = ({ metadata_json: metadata }: Event): string[] => Object.keys(metadata).sort();
  const said = ({ status, body: { error, error_description: description } }: Reply): unknown => [status, error, ...(description === undefined ? [] : [description])];
  const mint = (scope: string, resource: string | readonly string[] = cases.resources.billing, more: Readonly<Record<string, string>> = {}): Promise<Reply> =>
    caller.mint(cases.wide, { scope, resource, ...more });
  const idOf = ({ body }: Reply): string => String(body['approval_id']);
  const claimsOf = (mandate: string): { sid: string } => JSON.parse(Buffer.from(mandate.split('.')[1] ?? '', 'base64url').toString()) as { sid: string };

  describe('of a mint', () => {
    it('that is allowed', async () => {
      const reply = await mint('invoice:read');
      deepEqual([reply.status, Object.keys(reply.body), reply.body['target_resources']], [200, ['access_token', 'token_type', 'expires_in', 'scope', 'issued_token_type', 'target_resources'], [cases.resources.billing]]);
      const [event] = await events(reply.requestId, [ALLOW]);
      ok(event !== undefined);
      deepEqual(keys(event), DECIDED.toSorted());
      deepEqual([event['policy_set_id'], event['determining_policies_json'], event['diagnostics_json'], event.metadata_json['requested_scopes'], event.metadata_json['session_id']], ['', [{ policy: 'caracal-invoices-mint' }], [], ['invoice:read'], '']);
    });

    it('at the end of a chain', async () => {
      const reply = await caller.mint(cases.chained);
      equal(reply.status, 200, reply.text);
      const [event] = await events(reply.requestId, [ALLOW]);
      deepEqual([event?.metadata_json['delegation_hop_count'], (event?.metadata_json['delegation_chain'] as { delegation_edge_id: string }[]).map(({ delegation_edge_id: id }) => id)], [2, [cases.chained.parentEdgeId, cases.chained.edgeId, '']]);
      ok(event?.metadata_json['agent_parent_id'] !== undefined);
    });

    for (const [what, ask, answer, expected] of [
      ['denied by policy: roles', () => mint('stock:scrap', cases.resources.warehouse), [403, 'access_denied', 'policy denied (role_scope_mismatch)'], ['complete', 'exchange_denied']],
      ['denied by policy: grant', () => mint('invoice:read', cases.resources.archive), [403, 'access_denied', 'policy denied (resource_not_granted)'], ['complete', 'exchange_denied']],
      ['of a resource that is unknown', () => mint('invoice:read', cases.resources.unknown), [403, 'access_denied', 'policy denied'], ['resource_not_found', 'exchange_denied']],
      ['of a scope that is not declared', () => mint('stock:read'), [403, 'access_denied', 'policy denied'], ['scope_mismatch', 'exchange_denied']],
      ['of a resource beyond the Delegation', () => caller.mint(lab.callers.allowed, { resource: cases.resources.archive }), [403, 'access_denied', 'policy denied'], ['resource_outside_delegation', 'exchange_denied']],
      ['of the control resource by anybody else', () => mint('', 'caracal-control'), [403, 'access_denied', 'the control resource is mintable only by a control key exchanging its own client credentials for control scopes'], ['control_resource_requires_control_key']],
    ] as const) {
      it(what, async () => {
        const reply = await ask();
        deepEqual(said(reply), answer);
        equal(reply.body['requestId'], reply.requestId);
        const rows = await events(reply.requestId, expected.map((status) => `token_exchange deny ${status}`));
        for (const row of rows) {
          const isPolicy = row['evaluation_status'] === 'complete';
          deepEqual([row['determining_policies_json'] === null, row['diagnostics_json'] === null], [!isPolicy, !isPolicy]);
          deepEqual(keys(row).includes('requested_scopes'), isPolicy);
        }
        if (expected.length > 1) deepEqual(keys(rows[1] ?? ({} as Event)), [...APPLICATION, 'requested'].sort());
      });
    }

    it('of several resources, of which one is granted', async () => {
      const { archive, billing, unknown } = cases.resources;
      const reply = await mint('invoice:read', [unknown, billing, archive]);
      deepEqual([reply.status, reply.body['target_resources']], [200, [billing]]);
      const rows = await events(reply.requestId, ['token_exchange deny complete', ALLOW, 'token_exchange deny resource_not_found']);
      deepEqual(rows.map(({ metadata_json: { resource } }) => resource), [archive, billing, unknown]);
      const explained = await caller.api(`/zones/${lab.zoneId}/audit/by-request/${reply.requestId}/explain`);
      equal(explained.body['final_decision'], 'deny');
    });

    it('that asks for too long a life, after policy has allowed it', async () => {
      const reply = await caller.exchange({ application_id: cases.wide.applicationId, scope: 'agent:lifecycle', ttl_seconds: '3601' });
      deepEqual(said(reply), [400, 'invalid_token', 'ttl_seconds exceeds token TTL cap']);
      await events(reply.requestId, [ALLOW]);
    });

    it('that leaves nothing in the audit', async () => {
      const refused = [
        await caller.mint({ ...cases.wide, edgeId: randomUUID() }), await caller.mint({ ...cases.wide, applicationId: lab.callers.denied.applicationId }),
        await caller.exchange({ application_id: cases.wide.applicationId, client_secret: 'wrong' }), await caller.exchange({ application_id: cases.wide.applicationId, resource: [] }),
      ];
      deepEqual(refused.map(said), [
        [403, 'access_denied', 'delegation edge inactive or expired'], [403, 'access_denied', 'delegation target inactive or unauthorized'], [401, 'access_denied', 'invalid client credentials'],
        [400, 'invalid_token', 'at least one resource is required'],
      ]);
      const later = await mint('invoice:read');
      await events(later.requestId, [ALLOW]);
      deepEqual(await lab.sql('SELECT 1 FROM audit_events WHERE request_id = ANY($1)', [refused.map(({ requestId }) => requestId)]), []);
    });
  });

  describe('of a hold', () => {
    const HELD = [ALLOW, 'step_up_issued pending complete'];

    it('that an operator approves, and that is used once', async () => {
      const { billing } = cases.resources;
      const held = await mint('invoice:write');
      const { approval_id: id, approval_expires_at: until, binding, requestId, ...rest } = held.body;
      deepEqual([held.status, rest], [401, { error: 'interaction_required', error_description: 'Human approval required for this request', approval_type: 'human_approval', state: 'pending', tier: 'high' }]);
      equal(held.headers.get('www-authenticate'), 'Bearer error="interaction_required"');
      match(String(until), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      equal(requestId, held.requestId);
      const [allowed, issued] = await events(held.requestId, HELD);
      deepEqual(allowed?.['diagnostics_json'], [{ step_up_required: { type: 'human_approval', tiers: [{ tier: 'high', approver: 'operator', ttl_seconds: 1800 }] } }, { risk: [{ scope: 'invoice:write', tier: 'high' }] }]);
      deepEqual(keys(issued ?? ({} as Event)), [...APPLICATION, ...HOLD].sort());
      deepEqual([issued?.['diagnostics_json'], issued?.metadata_json['binding']], [null, binding]);

      const again = await mint('invoice:write');
      deepEqual([again.status, again.body['approval_id']], [401, id]);
      await events(again.requestId, [ALLOW]);
      deepEqual((await caller.approval(String(id))).body, { id, state: 'pending', expires_at: until });
      const row = (await caller.api(`/zones/${lab.zoneId}/approvals/${String(id)}`)).body;
      deepEqual([row['state'], row['session_id'], row['principal_federated'], row['prior_approved'], row['binding'], Object.keys(row['metadata_json'] as object).sort()], [
        'pending', '', false, 0, binding,
        ['agent_labels', 'agent_session_id', 'decision_contract_sha', 'decision_contract_version', 'delegation_edge_id', 'policy_manifest_sha', 'policy_set_version_id', 'requested_scopes', 'resources'],
      ]);

      const waiting = caller.approval(String(id), 20);
      const decided = await caller.decide(String(id), 'approve', 'checked');
      deepEqual([decided.status, decided.body['state']], [200, 'approved']);
      equal((await waiting).body['state'], 'approved');
      const [decision] = await events(decided.requestId, ['step_up_decided approved complete']);
      deepEqual(keys(decision ?? ({} as Event)), ['agent_labels', 'application_id', 'approver_class', 'approver_plane', 'approver_subject_id', 'binding', 'challenge_id', 'privacy_mode', 'reason', 'session_id', 'tier']);
      deepEqual([decision?.['diagnostics_json'], decision?.metadata_json['approver_plane'], decision?.metadata_json['reason']], [[], 'operator', 'checked']);

      const other = await mint('invoice:read invoice:write', billing, { approval_id: String(id) });
      deepEqual(said(other), [401, 'access_denied', 'approval not found or bindings do not match']);
      await events(other.requestId, ['token_exchange deny approval_invalid']);

      const retry = await mint('invoice:write');
      equal(retry.status, 200);
      const [, used] = await events(retry.requestId, [ALLOW, 'step_up_consumed consumed complete']);
      deepEqual(keys(used ?? ({} as Event)), [...APPLICATION, ...HOLD].sort());
      const lost = await mint('invoice:write', billing, { approval_id: String(id) });
      equal(lost.status, 200);
      const [, reissued] = await events(lost.requestId, [ALLOW, 'step_up_consumed consumed complete']);
      deepEqual(keys(reissued ?? ({} as Event)), [...APPLICATION, 'authority_record_id', 'challenge_id', 'reissued'].sort());
      await lab.sql("UPDATE step_up_challenges SET consumed_at = now() - interval '3 minutes' WHERE id = $1", [id]);
      const late = await mint('invoice:write', billing, { approval_id: String(id) });
      deepEqual(said(late), [409, 'approval_consumed', 'approval already used; another request consumed it']);
      await events(late.requestId, ['token_exchange deny approval_already_consumed']);
      const next = await mint('invoice:write');
      ok(next.status === 401 && next.body['approval_id'] !== id, 'the next mint waits for a new approval');
      deepEqual(said(await caller.decide(String(id), 'approve')), [409, 'approval_not_decidable']);
    });

    it('that an operator rejects', async () => {
      const held = await caller.mint(cases.chained, { scope: 'invoice:write' });
      const rejected = await caller.decide(idOf(held), 'reject', 'not today');
      await events(rejected.requestId, ['step_up_decided rejected complete']);
      const retry = await caller.mint(cases.chained, { scope: 'invoice:write' });
      deepEqual(said(retry), [403, 'access_denied', 'approval was rejected']);
      const [, denied] = await events(retry.requestId, [ALLOW, 'token_exchange deny approval_rejected']);
      deepEqual(keys(denied ?? ({} as Event)), [...APPLICATION, ...HOLD].sort());
      const named = await caller.mint(cases.chained, { scope: 'invoice:write', approval_id: idOf(held) });
      deepEqual(said(named), [403, 'access_denied', 'approval was rejected']);
      await events(named.requestId, ['token_exchange deny approval_rejected']);
    });

    it('that ended, which writes no event', async () => {
      const held = await mint('stock:write', cases.resources.warehouse);
      await lab.sql("UPDATE step_up_challenges SET expires_at = now() - interval '1 second' WHERE id = $1", [idOf(held)]);
      const named = await mint('stock:write', cases.resources.warehouse, { approval_id: idOf(held) });
      deepEqual(said(named), [401, 'access_denied', 'approval expired']);
      await events(named.requestId, ['token_exchange deny approval_expired']);
      const next = await mint('stock:write', cases.resources.warehouse);
      ok(next.status === 401 && idOf(next) !== idOf(held));
      equal((await caller.approval(idOf(held))).status, 404);
    });

    it('that a user decides, and not just any user', async () => {
      const { warehouse } = cases.resources;
      const federate = async (subject: string): Promise<Reply> => caller.exchange({ application_id: cases.wide.applicationId, resource: [], subject_token: cases.identityToken(subject), subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' });
      const first = await federate('ann');
      const { sid: record } = claimsOf(mandateOf(first));
      const governed = await cases.sessionFor(record);
      const held = await caller.mint(governed, { scope: 'stock:count', resource: warehouse });
      const [, issued] = await events(held.requestId, HELD);
      deepEqual([issued?.metadata_json['subject_anchor'], issued?.metadata_json['approver_class'], issued?.metadata_json['privacy_mode']], ['ann', 'subject', 'pseudonymous']);
      deepEqual(said(await caller.decide(idOf(held), 'approve')), [403, 'subject_approval_required']);
      const binding = String(held.body['binding']);
      const decide = async (mandate: string, body: Readonly<Record<string, string>> = { decision: 'approved', binding }): Promise<unknown> => said(await caller.decideAsSubject(idOf(held), mandate, body));
      const ann = mandateOf(await federate('ann'));
      const application = mandateOf(await caller.exchange({ application_id: cases.wide.applicationId, scope: 'agent:lifecycle' }));
      deepEqual([
        await decide('x'), await decide(application), await decide(mandateOf(await federate('bob'))), await decide(ann, { decision: 'approved', binding: 'other' }), await decide(ann, { decision: 'maybe', binding }),
      ], [
        [401, 'invalid_token', 'invalid session mandate'], [403, 'access_denied', 'approver must be a user session'],
        [403, 'access_denied', 'this approval is reserved for the subject the requesting agent acts for'], [409, 'access_denied', 'binding does not match this challenge'],
        [400, 'invalid_token', 'decision must be approved or rejected'],
      ]);
      equal((await caller.decideAsSubject(idOf(held), ann, { decision: 'approved', binding, reason: 'mine' })).body['state'], 'approved');
      const [decided] = await events(idOf(held), ['step_up_decided approved complete']);
      const names = keys(decided ?? ({} as Event));
      ok(names.includes('approver_session_id') && !names.includes('approver_subject_id') && !names.includes('reason'));
      equal(decided?.['diagnostics_json'], null);
      match(String((await caller.api(`/zones/${lab.zoneId}/approvals/${idOf(held)}`)).body['approver_subject_id']), /^subject:pseudonym:[0-9a-f]{16}$/);
      equal((await caller.mint(governed, { scope: 'stock:count', resource: warehouse })).status, 200);
    });

    it('whose tiers want different people', async () => {
      const reply = await mint('stock:write stock:count', cases.resources.warehouse);
      deepEqual(said(reply), [403, 'access_denied', 'approval requires separate operator and subject decisions']);
      await events(reply.requestId, [ALLOW]);
    });

    it('in lists and counts', async () => {
      const { body } = await caller.api(`/zones/${lab.zoneId}/approvals/counts`);
      deepEqual(Object.keys(body), ['pending', 'approved', 'rejected', 'expired', 'consumed']);
      ok(Number(body['pending']) >= 2 && Number(body['rejected']) === 1 && Number(body['consumed']) >= 2);
      const { items } = (await caller.api(`/zones/${lab.zoneId}/approvals?state=rejected&tier=high`)).body as { items: { state: string; decision_reason: string }[] };
      deepEqual(items.map(({ state, decision_reason: reason }) => [state, reason]), [['rejected', 'not today']]);
    });
  });

  describe('of a federated user', () => {
    const federate = (fields: Readonly<Record<string, string | readonly string[]>>): Promise<Reply> =>
      caller.exchange({ application_id: cases.wide.applicationId, resource: [], subject_token_type: 'urn:ietf:params:oauth:token-type:id_token', ...fields });

    it('who is known, and who is not', async () => {
      const known = await federate({ subject_token: cases.identityToken('carol') });
      deepEqual([known.status, Object.keys(known.body)], [200, ['access_token', 'token_type', 'expires_in', 'issued_token_type']]);
      const [event] = await events(known.requestId, [ALLOW]);
      deepEqual([event?.['determining_policies_json'], event?.['policy_set_version_id'], keys(event ?? ({} as Event))], [[{ policy: 'caracal-subject-federation' }], '', [...APPLICATION, 'federated_user_issuer', 'session_id', 'subject_kind'].sort()]);
      const record = (await caller.api(`/zones/${lab.zoneId}/authority-records?subject_id=carol`)).body as { items: Record<string, unknown>[] };
      deepEqual([record.items[0]?.['authority_record_type'], record.items[0]?.['federated_user_issuer']], ['user', 'https://login.example.com']);
      const foreign = await federate({ subject_token: cases.identityToken('carol', { iss: 'https://other.example.com' }) });
      deepEqual(said(foreign), [401, 'invalid_token', 'invalid subject_token: issuer "https://other.example.com" is not trusted by this zone']);
      const [rejected] = await events(foreign.requestId, ['token_exchange deny subject_federation_rejected']);
      equal(rejected?.metadata_json['reason'], 'issuer "https://other.example.com" is not trusted by this zone');
      const late = await federate({ subject_token: cases.identityToken('carol', { exp: 1 }) });
      deepEqual(said(late), [401, 'invalid_token', 'invalid subject_token: token has invalid claims: token is expired']);
      const wrong = await federate({ subject_token: cases.identityToken('carol'), scope: 'invoice:read' });
      equal(wrong.status, 400);
      await events(wrong.requestId, ['token_exchange deny subject_federation_invalid']);
    });
  });

  describe('of a launch', () => {
    const launchId = randomUUID();
    const run = async (what: 'manifest' | 'credential', fields: Readonly<Record<string, string>> = {}): Promise<Reply> =>
      caller.run(what, { workload_id: cases.workload.id, secret: cases.workload.secret, ...fields }, randomUUID(), launchId);

    it('with its manifest and a credential', async () => {
      const manifest = await run('manifest');
      deepEqual([manifest.status, Object.keys(manifest.body), manifest.headers.get('x-request-id')], [200, ['zone_id', 'workload_id', 'bindings'], null]);
      const [launched] = await events(manifest.requestId, ['run_launch allow complete']);
      deepEqual([keys(launched ?? ({} as Event)), launched?.['diagnostics_json']], [['binding_count', 'launch_id', 'workload_id', 'workload_name'], null]);
      const credential = await run('credential', { env: 'PAYOUTS_KEY' });
      deepEqual(credential.body, { env: 'PAYOUTS_KEY', credential: 'key-of-payouts' });
      const [minted] = await events(credential.requestId, [ALLOW]);
      deepEqual([minted?.['determining_policies_json'], keys(minted ?? ({} as Event))], [[{ policy: 'caracal-workload-mint' }], ['env', 'launch_id', 'requested_scopes', 'resource', 'workload_id', 'workload_name']]);
    });

    it('with a wrong secret, an injection that is not allowed, and a hold', async () => {
      const wrong = await run('manifest', { secret: 'wrong' });
      deepEqual([wrong.status, wrong.body], [401, { error: 'access_denied', error_description: 'invalid workload credentials' }]);
      await events(wrong.requestId, ['run_launch deny workload_auth_failed']);
      const refused = await run('credential', { env: 'BILLING_KEY' });
      equal(refused.status, 403);
      const [denied] = await events(refused.requestId, ['token_exchange deny credential_injection_denied']);
      equal(denied?.metadata_json['reason'], 'runtime_injection_not_allowed');
      const held = await run('credential', { env: 'PAYOUTS_SEND_KEY' });
      deepEqual([held.status, held.body['requestId']], [401, held.requestId]);
      const [, issued] = await events(held.requestId, [ALLOW, 'step_up_issued pending complete']);
      ok(!keys(issued ?? ({} as Event)).includes('application_id'));
      await caller.decide(idOf(held), 'approve');
      const retry = await run('credential', { env: 'PAYOUTS_SEND_KEY', approval_id: idOf(held) });
      equal(retry.status, 200);
      await events(retry.requestId, [ALLOW, 'step_up_consumed consumed complete']);
    });
  });

  describe('of a call', () => {
    const called = async (scope: string, resource: string, path = '/invoices', init: RequestInit = {}): Promise<Reply> => caller.call(mandateOf(await mint(scope, resource)), path, { resource, ...init });

    it('that went through', async () => {
      const reply = await called('invoice:read', cases.resources.billing, '/invoices?requestId=own', { headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } });
      equal(reply.status, 200);
      ok(Number(reply.headers.get('x-caracal-token-expires-in')) > 800);
      const id = reply.requestId.split(', ')[0] ?? '';
      const [used, executed] = await events(id, [ALLOW, 'gateway_resource_request allow executed']);
      deepEqual([used?.['determining_policies_json'], used?.metadata_json['requested_scopes']], [[{ policy: 'caracal-invoices-use' }], []]);
      deepEqual(keys(executed ?? ({} as Event)), [...EXECUTED, 'result_class', 'upstream_status'].sort());
      deepEqual([executed?.['diagnostics_json'], executed?.metadata_json['result_class'], executed?.metadata_json['trace_id']], [[], 'success', '0af7651916cd43dd8448eb211c80319c']);
    });

    for (const [what, ask, answer, expected, more] of [
      ['whose upstream answers 500', () => called('invoice:read', cases.resources.billing, '/invoices?status=500'), [500, undefined], [ALLOW, 'gateway_resource_request allow executed'], ['result_class', 'upstream_status']],
      ['whose upstream is not there', () => called('gone:call', cases.resources.gone, '/'), [502, 'internal_error', 'upstream unreachable'], [ALLOW, 'gateway_resource_request allow upstream_error'], ['error_kind']],
      ['whose upstream is no address', () => called('gone:call', cases.resources.unaddressable, '/'), [502, 'internal_error', 'upstream not addressable'], [ALLOW, 'gateway_resource_request allow upstream_rejected'], ['error_kind']],
      ['whose provider has no credential', () => called('partner:call', cases.resources.partner, '/'), [502, 'http_request_failed', `upstream credential for resource resource://partner is unavailable: provider token endpoint returned 503`], [ALLOW, 'token_exchange deny provider_credential_unavailable'], []],
      ['whose user is not connected', () => called('calendar:read', cases.resources.calendar, '/'), [403, 'access_denied', undefined], ['token_exchange deny credential_not_provisioned', 'token_exchange deny exchange_denied'], []],
      ['of an operation that is not permitted', () => called('invoice:read', cases.resources.billing, '/nothing'), [403, 'operation_not_permitted', undefined], ['token_exchange deny operation_not_permitted'], []],
    ] as const) {
      it(what, async () => {
        const reply = await ask();
        const { error, error_description: description } = reply.body;
        deepEqual([reply.status, error], answer.slice(0, 2));
        if (answer[2] !== undefined) equal(description, answer[2]);
        const rows = await events(reply.requestId, expected);
        const last = rows.at(-1);
        if (more.length > 0) ok(more.every((key) => keys(last ?? ({} as Event)).includes(key)), keys(last ?? ({} as Event)).join());
        if (answer[1] !== undefined) equal(reply.body['requestId'], reply.requestId);
      });
    }

    it('with a mandate that was used', async () => {
      const mandate = mandateOf(await mint('invoice:read'));
      await caller.call(mandate);
      const again = await caller.call(mandate);
      deepEqual(said(again), [401, 'invalid_token', 'token replay detected']);
      const [event] = await events(again.requestId, ['replay_detected deny anomaly']);
      deepEqual(keys(event ?? ({} as Event)), ['client_id', 'jti', 'request_id', 'resource', 'subject_fp']);
    });

    it('that breaks off', async () => {
      const mandate = mandateOf(await mint('invoice:read'));
      const requestId = randomUUID();
      await caller.call(mandate, '/invoices?cut=1', { headers: { 'x-request-id': requestId } }).then(() => ok(false), () => undefined);
      const [, event] = await events(requestId, [ALLOW, 'gateway_resource_request allow upstream_error']);
      deepEqual([event?.metadata_json['error_kind'], event?.metadata_json['upstream_status']], ['response_copy_failed', 200]);
    });

    it('that a revocation interrupts; two headers tell the request id, and a trailer the revocation', async () => {
      const mandate = mandateOf(await mint('invoice:read'));
      const { sid } = claimsOf(mandate);
      const { promise, resolve, reject } = Promise.withResolvers<{ ids: string[]; trailers: Readonly<Record<string, string | undefined>> }>();
      get(`${lab.callers.gateway}/invoices?chunks=400&requestId=own`, { headers: { authorization: `Bearer ${mandate}`, 'x-caracal-resource': cases.resources.billing } }, (response) => {
        const ids = response.headersDistinct['x-request-id'] ?? [];
        response.on('end', () => resolve({ ids, trailers: response.trailers })).on('error', reject).resume();
      }).on('error', reject);
      await cases.revoke(sid);
      const { ids, trailers } = await promise;
      deepEqual([ids.length, ids[1], trailers], [2, 'own', { 'x-caracal-revoked': 'true' }]);
      const [, event] = await events(ids[0] ?? '', [ALLOW, 'gateway_resource_request allow executed']);
      equal(event?.metadata_json['revocation_interrupted'], true);
      const later = await caller.exchange({ application_id: cases.wide.applicationId, subject_token: mandate, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' });
      deepEqual(said(later), [401, 'invalid_token', 'invalid subject_token'], 'and the STS takes it from the Gateway alone');
    });
  });

  describe('through the API', () => {
    const zone = (path: string): string => `/zones/${lab.zoneId}${path}`;

    it('as a bare array, and explained with a lossy input', async () => {
      const denied = await mint('stock:scrap', cases.resources.warehouse);
      await events(denied.requestId, ['token_exchange deny complete', 'token_exchange deny exchange_denied']);
      const rows = (await caller.api(zone(`/audit/by-request/${denied.requestId}`))).body as unknown as Event[];
      ok(Array.isArray(rows));
      deepEqual([rows[0]?.['policy_set_id'], rows[0]?.metadata_json['session_id'], String(rows[0]?.['occurred_at']).length], ['', '[redacted]', '2026-01-01T00:00:00.000Z'.length]);
      const explained = (await caller.api(zone(`/audit/by-request/${denied.requestId}/explain`))).body as { final_decision: string; denied: { policy_input: Record<string, unknown>; diagnostics: unknown }[]; events: unknown[] };
      deepEqual([explained.final_decision, explained.events.length, explained.denied.map(({ diagnostics }) => diagnostics)], ['deny', 2, [[{ reason: 'role_scope_mismatch' }], []]]);
      const [input, summary] = explained.denied.map(({ policy_input: given }) => given);
      deepEqual([input?.['delegation_edge'], input?.['resource'], (summary?.['resource'] as { identifier: string }).identifier], [{ id: cases.wide.edgeId }, { type: 'Resource', identifier: cases.resources.warehouse, scopes: ['stock:scrap'] }, '']);
      // Replayed as it is, it gives another reason than the one that was written.
      const simulated = await caller.api(zone(`/policy-sets/${lab.seeded.payments.policySetId}/simulate`), { body: { version_id: rows[0]?.['policy_set_version_id'], input } });
      deepEqual([simulated.status, simulated.body['warnings'], (simulated.body['result'] as { diagnostics: unknown }).diagnostics], [200, [], [{ reason: 'delegation_scope_exceeded' }]]);
      const faithful = { ...input, delegation_edge: { id: cases.wide.edgeId, scopes: ['stock:scrap'] } };
      const replayed = await caller.api(zone(`/policy-sets/${lab.seeded.payments.policySetId}/simulate`), { body: { version_id: rows[0]?.['policy_set_version_id'], input: faithful } });
      deepEqual((replayed.body['result'] as { diagnostics: unknown }).diagnostics, [{ reason: 'role_scope_mismatch' }]);
    });

    it('that has none of the request, which writes a row in the admin audit', async () => {
      const count = async (): Promise<unknown> => lab.sql('SELECT count(*)::int FROM admin_audit_events WHERE zone_id = $1', [lab.zoneId]);
      const [before] = await count() as { count: number }[];
      for (const path of ['none', 'none/explain']) deepEqual(said(await caller.api(zone(`/audit/by-request/${path}`))), [404, 'request_not_found']);
      await eventually('two rows', async () => (await count() as { count: number }[])[0]?.count === (before?.count ?? 0) + 2, 5_000);
      deepEqual(said(await caller.api(zone('/audit/by-request/a%20b'))), [400, 'invalid_params']);
      deepEqual((await caller.api('/zones/nowhere/audit')).body, { items: [], next_cursor: null });
      const [row] = ((await caller.api(zone('/admin-audit?limit=1'))).body as { items: Record<string, unknown>[] }).items;
      equal(typeof row?.['chain_seq'], 'string');
    });

    it('with a token that may not', async () => {
      const { read, write, approve } = cases.tokens;
      const policySet = zone(`/policy-sets/${lab.seeded.payments.policySetId}`);
      const refusals: [path: string, token: string, body: unknown, error: string][] = [
        ['/zones', read, undefined, 'admin_token_zone_mismatch'], [`${policySet}/simulate`, read, {}, 'admin_token_read_only'], [`${policySet}/simulate`, approve, {}, 'admin_token_approve_only'],
        [zone('/approvals/x/approve'), write, {}, 'approve_capability_required'],
      ];
      for (const [path, token, body, error] of refusals) {
        const reply = await caller.api(path, { token, body });
        deepEqual([reply.status, reply.body], [403, { error }]);
      }
      deepEqual((await caller.api(zone('/audit'), { token: 'wrong' })).text.split('\r\n\r\n')[1], '{"error":"invalid_admin_token"}');
      const allowed = await caller.api(zone('/audit?limit=1'), { token: read });
      deepEqual([allowed.status, allowed.headers.get('cache-control'), allowed.headers.get('x-content-type-options')], [200, 'no-store', 'nosniff']);
    });

    it('with the Session, and the policy as it was', async () => {
      const sessions = (await caller.api(zone('/sessions?label=nightly'))).body as { items: Record<string, unknown>[] };
      ok(sessions.items.some(({ session_id: id, subject_id: subject }) => id === cases.wide.sessionId && subject === cases.wide.applicationId));
      const sets = (await caller.api(zone('/policy-sets'))).body as { items: Record<string, unknown>[] };
      const [set] = sets.items;
      const version = (await caller.api(zone(`/policy-sets/${String(set?.['id'])}/versions/${String(set?.['active_version_id'])}`))).body as { policies: string[]; version: number };
      equal(version.version, 2);
      const policies = (await caller.api(zone('/policies'))).body as { items: { id: string; name: string }[] };
      const tiers = (await caller.api(zone(`/policies/${policies.items.find(({ name }) => name === 'approval-tiers')?.id ?? ''}`))).body as { versions: { id: string; content: string }[] };
      ok(version.policies.includes(tiers.versions[0]?.id ?? '') && tiers.versions[0]?.content.includes('approval_tiers := '));
    });
  });

  describe('that Audit takes otherwise than in time', () => {
    const order = (requestIds: readonly string[]): Promise<{ request_id: string; event_type: string }[]> =>
      lab.sql('SELECT request_id, event_type FROM audit_events WHERE request_id = ANY($1) ORDER BY chain_seq', [requestIds]);
    after(() => lab.ingest({}));

    it('late, and newest first', async () => {
      // Longer than a busy machine takes for the two calls: only what has gathered is stored newest first.
      await lab.ingest({ delayMs: 2_000, isReversed: true });
      const first = await mint('invoice:read');
      const call = await caller.call(mandateOf(first));
      deepEqual(await order([first.requestId, call.requestId]), []);
      await events(call.requestId, [ALLOW, 'gateway_resource_request allow executed']);
      await events(first.requestId, [ALLOW]);
      const stored = await order([first.requestId, call.requestId]);
      // The two events of the call come from two services, which write to the stream each at its own pace.
      deepEqual(stored.map(({ request_id: id }) => id), [call.requestId, call.requestId, first.requestId]);
      deepEqual(stored.map(({ event_type: type }) => type).sort(), ['gateway_resource_request', 'token_exchange', 'token_exchange']);
    });

    it('the second event of a call later than everything else', async () => {
      await lab.ingest({ late: { type: 'gateway_resource_request', ms: 1_000 } });
      const call = await caller.call(mandateOf(await mint('invoice:read')));
      await events(call.requestId, [ALLOW]);
      const after = await mint('invoice:read');
      await events(after.requestId, [ALLOW]);
      await events(call.requestId, [ALLOW, 'gateway_resource_request allow executed']);
      deepEqual((await order([call.requestId, after.requestId])).map(({ event_type: type }) => type), ['token_exchange', 'token_exchange', 'gateway_resource_request']);
    });
  });

  // Of their own, because a test beside groups runs before them.
  describe('elsewhere', () => {
    it('of a control call', async () => {
      const key = await caller.exchange({ application_id: cases.controlKey.applicationId, resource: 'caracal-control', scope: 'control:explain:read' });
      equal(key.body['expires_in'], 300);
      const [minted] = await events(key.requestId, [ALLOW]);
      deepEqual([minted?.['determining_policies_json'], keys(minted ?? ({} as Event))], [[{ policy: 'control-key' }], [...APPLICATION, 'resource'].sort()]);
      const done = await caller.control(mandateOf(key), { command: 'explain', flags: { 'request-id': key.requestId } });
      deepEqual([done.status, done.body['ok'], (done.body['result'] as { final_decision: string }).final_decision], [200, true, 'allow']);
      const [event] = await events(done.requestId, ['control.invoke allow complete']);
      deepEqual([event?.['id'], event?.['diagnostics_json'], keys(event ?? ({} as Event))], [done.requestId, [], ['authorized_by', 'client_id', 'command', 'idempotency_key', 'jti', 'reason', 'subcommand', 'subject']]);
      const again = await caller.control(mandateOf(key), { command: 'explain' });
      deepEqual([again.status, (again.body['error'] as { code: string }).code], [401, 'token_replay']);
      await events(again.requestId, ['control.invoke deny complete']);
      const next = mandateOf(await caller.exchange({ application_id: cases.controlKey.applicationId, resource: 'caracal-control', scope: 'control:explain:read' }));
      const denied = await caller.control(next, { command: 'audit', subcommand: 'tail' });
      deepEqual([denied.status, denied.body['error']], [403, { code: 'denied', reason: 'missing scope control:audit:read' }]);
      const anonymous = await caller.control('x', {});
      deepEqual([anonymous.status, anonymous.body['error']], [401, { code: 'unauthorized', reason: 'the control token is missing, malformed, or failed verification' }]);
      const [unknown] = await events(anonymous.requestId, ['control.invoke deny complete']);
      equal(unknown?.['zone_id'], 'unknown');
    });

    it('in the Coordinator', async () => {
      const ask = async (path: string): Promise<[status: number, body: Record<string, unknown>]> => {
        const response = await fetch(`${lab.callers.coordinator}/zones/${lab.zoneId}${path}`, { headers: { authorization: `Bearer ${lab.secrets.caracalCoordinatorToken}` } });
        return [response.status, await response.json() as Record<string, unknown>];
      };
      deepEqual(await ask('/invocations/x'), [401, { error: 'invalid_token' }]);
      await lab.sql("UPDATE delegation_edges SET status = 'revoked', revoked_at = now() WHERE id = $1", [cases.chained.edgeId]);
      const [, { items }] = await ask(`/delegations/inbound/${cases.chained.sessionId}`);
      deepEqual((items as { id: string; status: string }[]).map(({ id, status }) => [id, status]), [[cases.chained.edgeId, 'revoked']]);
      deepEqual(await ask(`/agents/${cases.chained.sessionId}/effective-authority`), [200, {
        agent_session_id: cases.chained.sessionId, inbound_edges: [], effective_scopes: [], effective_resources: [], effective_max_hops: 0, effective_ttl_seconds: null, earliest_expires_at: null,
      }]);
      const [, authority] = await ask(`/agents/${cases.wide.sessionId}/effective-authority`);
      deepEqual([authority['effective_max_hops'], authority['effective_ttl_seconds'], authority['effective_resource_constrained']], [3, 3600, false]);
      const [, agent] = await ask(`/agents/${cases.wide.sessionId}`);
      equal(agent['lease_generation'], '0');
    });

    it('in the Audit service, which has no search until it has a token', async () => {
      const search = async (query: string, token: string): Promise<[status: number, text: string]> => {
        const response = await fetch(`${lab.services.audit.url}/api/audit/search?${query}`, { headers: { authorization: `Bearer ${token}` } });
        return [response.status, await response.text()];
      };
      deepEqual(await search(`zone_id=${lab.zoneId}`, 'token'), [404, '404 page not found\n']);
      await lab.reconfigure('audit', { AUDIT_ADMIN_TOKEN: 'token' });
      deepEqual(await search(`zone_id=${lab.zoneId}`, 'other'), [401, 'unauthorized\n']);
      deepEqual(await search('', 'token'), [400, 'zone_id is required\n']);
      deepEqual(await search('zone_id=nowhere', 'token'), [200, '{"events":null,"next_cursor":""}\n']);
      const { events: found } = JSON.parse((await search(`zone_id=${lab.zoneId}&decision=deny&limit=1`, 'token'))[1]) as { events: Record<string, Record<string, unknown>>[] };
      deepEqual(Object.keys(found[0] ?? {}), ['Event', 'IngestedAt', 'ContentSHA256', 'PrevContentSHA256', 'ChainHMAC', 'ChainSeq']);
      equal(found[0]?.['Event']?.['decision'], 'deny');
    });
  });
});
