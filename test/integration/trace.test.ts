import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRedactor, readTargetFile } from '../../src/flow/engine.ts';
import { Unavailable } from '../../src/targets/failures.ts';
import { openTarget } from '../../src/targets/open.ts';
import type { Deployment } from '../../src/targets/deployment.ts';
import { capture } from '../../src/trace/capture.ts';
import type { Captured } from '../../src/trace/capture.ts';
import { eventsOfApi, eventsOfPostgres } from '../../src/trace/eventStores.ts';
import type { EventsRead, EventStore } from '../../src/trace/eventStores.ts';
import { failedCalls, isFailure } from '../../src/trace/failedCalls.ts';
import { readEvidence } from '../../src/trace/read.ts';
import type { Evidence } from '../../src/trace/read.ts';
import { recentCalls } from '../../src/trace/recentCalls.ts';
import { traceOf } from '../../src/trace/trace.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { Caller, mandateOf } from '../lab/caller.ts';
import { eventually } from '../lab/eventually.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';

const signal = AbortSignal.timeout(300_000);
const nobodyTells = (): Promise<undefined> => Promise.resolve(undefined);

function captured(text: string): Captured {
  const result = capture(text);
  ok(result.kind === 'captured', text.slice(0, 80));
  return result.captured;
}

describe('a traced request', function () {
  this.timeout(120_000);
  let lab: Lab;
  let caller: Caller;
  let deployment: Deployment;
  let apiOnly: Deployment;
  let withoutCoordinator: Deployment;
  let auditBefore: unknown;

  const adminAudit = (): Promise<unknown> => lab.sql('SELECT count(*)::int AS rows, max(id) AS newest FROM admin_audit_events');

  /** Events are in the audit some hundred milliseconds after the call. */
  const ingested = (requestId: string, events: number): Promise<unknown> => eventually(`${events} events of ${requestId}`, async () => {
    const [row] = await lab.sql<{ events: number }>('SELECT count(*)::int AS events FROM audit_events WHERE request_id = $1', [requestId]);
    return row?.events === events;
  });

  async function traced(what: Captured, from = deployment): Promise<Trace & { readonly evidence: Evidence }> {
    const evidence = await readEvidence(from, what, { mayAskApi: () => Promise.resolve(true), whichZone: nobodyTells, signal });
    return { ...traceOf(what, evidence), evidence };
  }

  before(async () => {
    // Without traffic the audit holds what is called here and nothing else.
    lab = await startLab({ traffic: 0 });
    caller = new Caller(lab.callers);
    const redactor = createRedactor();
    deployment = await openTarget(await readTargetFile(lab.targetFile), { redactor, zone: undefined, signal });
    const { postgres, redis, ...rest } = JSON.parse(await readFile(lab.targetFile, 'utf8')) as Record<string, unknown>;
    ok(postgres !== undefined && redis !== undefined);
    const path = join(lab.directory, 'api-only.json');
    await writeFile(path, JSON.stringify(rest));
    apiOnly = await openTarget(await readTargetFile(path), { redactor, zone: undefined, signal });
    const { coordinator, ...tokens } = rest['tokens'] as Record<string, unknown>;
    ok(coordinator !== undefined);
    await writeFile(path, JSON.stringify({ ...rest, tokens }));
    withoutCoordinator = await openTarget(await readTargetFile(path), { redactor, zone: undefined, signal });
    await decideApproval();
    auditBefore = await adminAudit();
  });

  const approvalId = '5d1f0c9e-2a55-4a55-9a3c-0f1c5f2b7711';

  /** A hold as the STS writes it, which an operator approves through the API. */
  async function decideApproval(): Promise<void> {
    const { api, adminToken, zoneId, allowed } = lab.callers;
    await lab.sql(
      `INSERT INTO step_up_challenges (id, zone_id, session_id, challenge_type, principal_id, resource_set_hash, application_id, tier, expires_at)
       VALUES ($1, $2, $3, 'human_approval', $4, sha256(convert_to($1, 'UTF8')), $4, 'high', now() + interval '4 hours')`, [approvalId, zoneId, allowed.sessionId, allowed.applicationId],
    );
    const response = await fetch(`${api}/v1/zones/${zoneId}/approvals/${approvalId}/approve`, { method: 'POST', headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ reason: 'routine' }) });
    equal(response.status, 200);
    await ingested(response.headers.get('x-request-id') ?? '', 1);
  }

  after(async () => {
    deployment.close();
    apiOnly.close();
    withoutCoordinator.close();
    await lab.close();
  });

  const summary = ({ outcome, hops }: Trace): unknown => [outcome.sentence, ...hops.map(({ kind, join }) => `${kind}${join === undefined ? '' : `, ${join.certainty}`}`)];

  it('that went through leads to the mint of its mandate', async () => {
    const minted = await caller.mint();
    const call = await caller.call(mandateOf(minted));
    equal(call.status, 200);
    await ingested(call.requestId, 2);
    await ingested(minted.requestId, 1);
    const trace = await traced(captured(call.requestId));
    deepEqual(summary(trace), ['This call went through.', 'mint, certain', 'call']);
    equal(trace.hops[0]?.requestId, minted.requestId);
    deepEqual(trace.outcome.states, { 'before policy': 'passed', policy: 'allowed', approval: 'not recorded', 'after mint': 'issued', gateway: 'passed on', resource: 'answered, 200' });
    deepEqual(trace.evidence.notRead, []);
    // The same from the other end, from the mandate, and without Postgres.
    deepEqual(summary(await traced(captured(minted.requestId))), ['A mandate was allowed. Whether it was issued is not recorded.', 'mint', 'call, certain']);
    deepEqual(summary(await traced(captured(call.requestId), apiOnly)), ['This call went through.', 'mint, certain', 'call']);
    ok(trace.liveness.length > 5 && trace.liveness.every(({ result }) => result === 'holds'), JSON.stringify(trace.liveness));
  });

  it('that was denied says why, and which resource', async () => {
    const { status, text, requestId } = await caller.mint(lab.callers.denied);
    equal(status, 403);
    await ingested(requestId, 2);
    const { outcome } = await traced(captured(text));
    deepEqual([outcome.layer, outcome.code, outcome.sentence], ['policy', 'resource_not_granted', 'Policy denied this call: this Application has no grant for the resource.']);
  });

  it('that was replayed leads to the first call and its true cause', async () => {
    const mandate = mandateOf(await caller.mint());
    const first = await caller.call(mandate, '/nothing-declared');
    const second = await caller.call(mandate);
    deepEqual([first.status, second.status, second.body['error_description']], [403, 401, 'token replay detected']);
    await ingested(first.requestId, 1);
    await ingested(second.requestId, 1);
    const trace = await traced(captured(second.text));
    // What is refused for its operation is written without Session and Delegation, by which a mint would be found.
    deepEqual(summary(trace), ['The Gateway saw this mandate before.', 'call, certain', 'replay']);
    deepEqual(trace.evidence.firstUse, { kind: 'row', row: first.requestId });
    deepEqual(trace.outcome.more, ['The first call: Caracal refused this call before policy: the resource does not declare this method and path, or the mandate lacks the scope that it declares for them.']);
    equal(trace.outcomes.get(first.requestId)?.code, 'operation_not_permitted');
    // Without Redis the first call is known only if the Gateway wrote of it.
    const blind = await traced(captured(second.text), apiOnly);
    equal(blind.evidence.firstUse.kind, 'cannot look');
    deepEqual(blind.outcome.more, ['A mandate works once. Which call used it first is not known.']);
  });

  it('that died with its Delegation leads to the dead one, although no event tells of it', async () => {
    const { sessionId, edgeId } = lab.callers.allowed;
    const mandate = mandateOf(await caller.mint());
    await lab.sql("UPDATE delegation_edges SET status = 'revoked', revoked_at = now() WHERE id = $1", [edgeId]);
    try {
      const { status, text, body } = await caller.call(mandate);
      deepEqual([status, body['error_description']], [403, 'delegation edge inactive or expired']);
      const trace = await traced({ ...captured(text), mandate: captured(mandate).mandate });
      deepEqual([trace.outcome.sentence, trace.outcome.more], ['Caracal refused this call before policy: the Delegation is revoked or expired.', ['No audit event exists, and none is expected.']]);
      const last = trace.liveness.at(-1);
      deepEqual([last?.description, last?.id, last?.result, last?.why], ['delegation edge inactive or expired', edgeId, 'fails', 'revoked']);
    } finally {
      await lab.sql("UPDATE delegation_edges SET status = 'active', revoked_at = NULL WHERE id = $1", [edgeId]);
    }
    await lab.sql("UPDATE sessions SET ttl_seconds = 1 WHERE id = $1 AND lifecycle = 'task'", [sessionId]);
    const refused = await caller.mint();
    deepEqual([refused.status, refused.body['error_description']], [403, 'delegation target inactive or unauthorized']);
    const [last] = (await traced({ ...captured(refused.text), mandate: captured(mandate).mandate })).liveness.slice(-1);
    deepEqual([last?.description, last?.id, last?.why], ['delegation target inactive or unauthorized', sessionId, 'its 1 s ended']);
    await lab.sql('UPDATE sessions SET ttl_seconds = 86400 WHERE id = $1', [sessionId]);
    const again = await caller.mint();
    equal(again.status, 200);
    await ingested(again.requestId, 1);
  });

  it('that was on hold is found by the id of its approval', async () => {
    const trace = await traced(captured(approvalId));
    deepEqual([trace.outcome.sentence, trace.evidence.state.kind === 'row' ? trace.evidence.state.row.approvals.map(({ tier }) => tier) : []], ['An operator approved a request that was on hold: routine.', ['high']]);
  });

  it('is the same by Postgres and by the API, but for what the API masks', async () => {
    const stores: readonly EventStore[] = [eventsOfPostgres(deployment.postgres(), lab.zoneId), eventsOfApi(apiOnly.http('api'), lab.zoneId)];
    const all = { from: Date.now() - 3_600_000, until: Date.now() + 60_000 };
    const requests = await lab.sql<{ id: string }>('SELECT DISTINCT request_id AS id FROM audit_events WHERE zone_id = $1', [lab.zoneId]);
    ok(requests.length > 5);
    const asked: readonly ((store: EventStore) => Promise<EventsRead>)[] = [
      ...requests.map(({ id }) => (store: EventStore) => store.ofRequest(id, signal)),
      (store) => store.ofSession(lab.callers.allowed.sessionId, all, signal),
      (store) => store.ofTypes(['token_exchange', 'replay_detected'], all, signal),
      (store) => store.ofTypes(['token_exchange'], { from: 0, until: 1 }, signal),
      (store) => store.ofFailures(all, signal),
    ];
    for (const ask of asked) {
      const [own, others] = await Promise.all(stores.map(async (store) => {
        const { events, isWhole } = await ask(store);
        ok(isWhole);
        return events.map((event) => ({ ...event, metadata_json: { ...event.metadata_json, session_id: '' } })).toSorted((one, other) => one.id.localeCompare(other.id));
      }));
      deepEqual(own?.map(({ occurred_at: at, ingested_at: later, ...rest }) => ({ ...rest, at: Date.parse(at), later: Date.parse(later ?? '') })), others?.map(({ occurred_at: at, ingested_at: later, ...rest }) => ({ ...rest, at: Date.parse(at), later: Date.parse(later ?? '') })));
    }
  });

  it('has its state by the API and the Coordinator where Postgres is not given, and no more than they list', async () => {
    const before = await adminAudit();
    const call = await caller.call(mandateOf(await caller.mint()));
    await ingested(call.requestId, 2);
    const [whole, listed] = [await traced(captured(call.requestId)), await traced(captured(call.requestId), apiOnly)];
    const { state } = listed.evidence;
    ok(state.kind === 'row' && state.row.clock === 'the API' && Math.abs(state.row.now - Date.now()) < 5_000, JSON.stringify(state));
    const results = ({ liveness }: Trace): unknown => liveness.map(({ description, of, id, result }) => [description, of, id, result]);
    deepEqual(results(listed), results(whole));
    const bare = await traced(captured(call.requestId), withoutCoordinator);
    ok(bare.liveness.every(({ result }) => result !== 'fails') && bare.liveness.some(({ result, why }) => result === 'cannot tell' && why.includes('the API alone was asked')), JSON.stringify(bare.liveness));
    deepEqual(await adminAudit(), before);
  });

  it('stands among the failed calls where it failed, by whoever lists them', async () => {
    const failed = failedCalls((await eventsOfPostgres(deployment.postgres(), lab.zoneId).ofFailures({ from: Date.now() - 3_600_000, until: Date.now() + 60_000 }, signal)).events, [], Date.now());
    // All that the audit holds of these is what the tests above called.
    deepEqual([...new Set(failed.map(({ label, mark, code }) => `${label}, ${mark}, ${code}`))].toSorted(), ['billing-api 401, failed, replay_detected', 'billing-api denied, failed, resource_not_granted', 'billing-api refused, failed, operation_not_permitted']);
    const calls: string[] = [];
    const options = { zone: undefined, redactor: createRedactor(), whichZone: nobodyTells, signal };
    const list = async (file: string, answer: boolean): Promise<unknown> => (await recentCalls({ ...options, target: await readTargetFile(file), mayAskApi: (call) => Promise.resolve(calls.push(call) > 0 && answer) })).calls;
    deepEqual(await list(lab.targetFile, false), failed);
    deepEqual(calls, []);
    deepEqual(await list(join(lab.directory, 'api-only.json'), true), failed);
    await rejects(list(join(lab.directory, 'api-only.json'), false), Unavailable);
    equal(calls.length, 2);
  });

  it('failed by what the Gateway wrote of it, for Postgres and for us alike', async () => {
    const written: readonly (readonly [status: string, metadata: object])[] = [
      ['executed', { upstream_status: 399 }], ['executed', { upstream_status: 400, gateway_status: 200 }], ['executed', { gateway_status: 404 }], ['executed', {}], ['executed', { upstream_status: null, gateway_status: 500 }],
      ['executed', { upstream_status: 200, revocation_interrupted: true }], ['executed', { upstream_status: 200, revocation_interrupted: false }], ['build_failed', {}], ['upstream_error', { gateway_status: 502 }],
    ];
    for (const [place, [status, metadata]] of written.entries()) {
      await lab.sql(
        `INSERT INTO audit_events SELECT (jsonb_populate_record(e, jsonb_build_object('id', $2::text, 'request_id', $2::text, 'event_type', 'gateway_resource_request', 'decision', 'allow', 'evaluation_status', $3::text, 'metadata_json', $4::jsonb))).*
           FROM audit_events e WHERE zone_id = $1 LIMIT 1`, [lab.zoneId, `written-${place}`, status, JSON.stringify(metadata)],
      );
    }
    const store = eventsOfPostgres(deployment.postgres(), lab.zoneId);
    const all = { from: Date.now() - 3_600_000, until: Date.now() + 60_000 };
    const mine = ({ events }: EventsRead): readonly string[] => events.map(({ request_id: id }) => id).filter((id) => id.startsWith('written-')).toSorted();
    const calls = await store.ofTypes(['gateway_resource_request'], all, signal);
    equal(mine(calls).length, written.length);
    deepEqual(mine(await store.ofFailures(all, signal)), mine({ ...calls, events: calls.events.filter(isFailure) }));
    equal(mine(await store.ofFailures(all, signal)).length, 6);
  });

  it('is read page by page, and nothing of one millisecond is lost', async () => {
    await lab.sql(
      `INSERT INTO audit_events SELECT (row).* FROM (
         SELECT jsonb_populate_record(e, jsonb_build_object('id', e.id || '-' || n, 'event_type', 'run_launch', 'request_id', 'many', 'occurred_at', date_trunc('second', now()) - interval '1 minute' + make_interval(secs => (n / 150) * 0.001 + (n % 150) * 0.000001))) AS row
           FROM audit_events e, generate_series(0, 2499) n WHERE e.id = (SELECT id FROM audit_events WHERE zone_id = $1 LIMIT 1)) copies`, [lab.zoneId],
    );
    for (const store of [eventsOfPostgres(deployment.postgres(), lab.zoneId), eventsOfApi(apiOnly.http('api'), lab.zoneId)]) {
      const { events, isWhole } = await store.ofTypes(['run_launch'], { from: Date.now() - 3_600_000, until: Date.now() }, signal);
      deepEqual([store.name, new Set(events.map(({ id }) => id)).size, isWhole], [store.name, 2_500, true]);
    }
  });

  it('is not read by the API without consent', async () => {
    const calls: string[] = [];
    const mayAskApi = (call: string): Promise<boolean> => {
      calls.push(call);
      return Promise.resolve(false);
    };
    await rejects(readEvidence(apiOnly, captured('some-id'), { mayAskApi, whichZone: nobodyTells, signal }), Unavailable);
    deepEqual(calls, [`GET ${lab.callers.api}/v1/zones/${lab.zoneId}/audit`]);
    await readEvidence(deployment, captured('some-id'), { mayAskApi, whichZone: nobodyTells, signal });
    equal(calls.length, 1, 'with Postgres nobody is asked');
  });

  it('is read without a row in the admin audit', async () => deepEqual(await adminAudit(), auditBefore));
});
