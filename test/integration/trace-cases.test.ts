import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { denyReasons, evaluationStatuses } from '../../src/caracal/decisions.ts';
import { refusals } from '../../src/caracal/refusals.ts';
import { createRedactor, readTargetFile } from '../../src/flow/engine.ts';
import { capture } from '../../src/trace/capture.ts';
import type { Captured } from '../../src/trace/capture.ts';
import { traceRequest } from '../../src/trace/service.ts';
import type { Traced, TraceOptions } from '../../src/trace/service.ts';
import type { SectionId, Story } from '../../src/trace/story.ts';
import { mandateOf } from '../lab/caller.ts';
import type { Caller, Reply } from '../lab/caller.ts';
import { addCases } from '../lab/cases.ts';
import type { Cases } from '../lab/cases.ts';
import { eventually } from '../lab/eventually.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { stories } from './trace-stories.ts';

// Every case of the contract, request evidence 17, from the call to the story that is told of it.

const signal = AbortSignal.timeout(300_000);

/** What is traced, and what the audit holds of it by then. */
interface Asked {
  readonly what: string | Captured;
  readonly requestId: string;
  readonly events: number;
}

/** Rows of the contract that a case is about: `sts 31`, `gateway 18`, `reason role_scope_mismatch`, `status executed`. */
type Case = readonly [what: string, rows: readonly string[], ask: () => Promise<Asked>, more?: (story: Story) => void];

/** Rows that leave a trace in the audit and that no call meets here, by the line of the contract that keeps it from happening. */
const impossibleHere: Readonly<Record<string, string>> = {
  'sts 28': '4.4, row 28: the contract of the platform always answers whole; only another engine leaves an answer out',
  'sts 32': '7.5, no_rule_matched: a mandate that is presented without the Gateway has a shape that the policy does not know, so it is denied before',
  'sts 34': '4.4, row 34: two retries have to use one approval between two statements of the STS',
  'sts 35': '4.4, row 35: Postgres or the random source has to fail between the decision and the answer',
  'gateway 17': '5, row 17: no request that HTTP lets through makes the build of the next one fail',
  'reason delegation_scope_exceeded': '4.4, row 17: scopes beyond the Delegation are refused before the policy is asked',
  'status approval_policy_changed': '7.4: for workloads alone, while the policy changes between the decision and the hold',
  'status build_failed': '5, row 17, as above',
};

function captured(text: string): Captured {
  const result = capture(text);
  ok(result.kind === 'captured', text.slice(0, 80));
  return result.captured;
}

/** Hosts, times and ids are others in each run. */
function plain(text: string): string {
  return text.replaceAll(/127\.0\.0\.1:\d+/g, '<host>').replaceAll(/…[0-9a-f]{6}/g, '…').replaceAll(/\d\d:\d\d:\d\d/g, '<time>').replaceAll(/\d+(?:\.\d+)? (?:ms|s)\b/g, '<span>').replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>');
}

const quiet: Partial<Readonly<Record<SectionId, readonly string[]>>> = {
  approval: ['none was needed', 'not reached', 'none is named by what is known'], delegation: ['1 hop', 'none is named by what is known'], state: ['nothing is known to have changed since'],
};

/** What matters of a story, line by line; sections only where they have something to say. */
function linesOf({ title, mark, sentence, more, layers, timeline, sections }: Story): readonly string[] {
  const items = timeline.items.filter(({ requestId }) => requestId !== '');
  const hops = new Map(items.filter(({ isWait }) => !isWait).map(({ requestId, details, isAskedFor }) => {
    const [kind = '', join] = ['Request', 'Joined by'].map((name) => details.find(({ label }) => label === name)?.value.text);
    return [requestId, [kind, ...(isAskedFor ? ['asked for'] : []), ...(join === undefined ? [] : [join.split(', ').at(-1)])].join(', ')];
  }));
  const decided = layers.find(({ decides }) => decides);
  return [
    title.replace(/ · .*/, ''), `${mark}: ${sentence}`, ...more, `${decided?.name ?? 'No layer'}: ${decided?.standing ?? layers.map(({ standing }) => standing).join(', ')}`,
    ...(items.length === 0 ? [] : [`hops: ${[...hops.values()].join('; ')}`, `timeline: ${items.map(({ lane, label }) => `${(timeline.lanes[lane] ?? '').replace(/^resource:.*/, 'resource')} ${label}`).join(', ')}`]),
    ...(['delegation', 'approval', 'state'] as const).flatMap((id) => {
      const summary = sections.find((section) => section.id === id)?.summary ?? '';
      return quiet[id]?.includes(summary) === true ? [] : [`${id}: ${summary}`];
    }),
  ].map(plain);
}

describe('the story of each case', function () {
  this.timeout(60_000);
  let lab: Lab;
  let cases: Cases;
  let caller: Caller;
  let traced: (what: string | Captured) => AsyncGenerator<Traced>;
  const covered = new Set<string>();

  /** Calls of the API write rows of their own, some a moment after their answer. */
  const called: string[] = [];
  const adminAudit = async (): Promise<unknown> => lab.sql('SELECT count(*)::int AS rows FROM admin_audit_events WHERE request_id <> ALL($1)', [called]);
  async function last(what: string | Captured): Promise<Traced> {
    const before = await adminAudit();
    let newest: Traced | undefined;
    for await (const one of traced(what)) newest = one;
    deepEqual(await adminAudit(), before, 'tracing writes nothing');
    ok(newest !== undefined);
    return newest;
  }

  const ingested = (requestId: string, events: number): Promise<unknown> => eventually(`${events} events of ${requestId}`, async () => {
    const [row] = await lab.sql<{ events: number }>('SELECT count(*)::int AS events FROM audit_events WHERE request_id = $1', [requestId]);
    return (row?.events ?? 0) >= events;
  }, 10_000);

  before(async () => {
    // Without traffic the audit holds what is called here and nothing else.
    lab = await startLab({ traffic: 0 });
    cases = await addCases(lab);
    caller = cases.caller;
    const target = await readTargetFile(lab.targetFile);
    const options: Omit<TraceOptions, 'captured'> = {
      target, zone: undefined, verifiers: undefined, simulation: undefined, mayAskApi: () => Promise.resolve(false), whichZone: () => Promise.resolve(undefined), redactor: createRedactor(), signal,
    };
    traced = (what) => traceRequest({ ...options, captured: typeof what === 'string' ? captured(what) : what });
  });

  after(async () => {
    await cases.close();
    await lab.close();
  });

  type Fields = Readonly<Record<string, string | readonly string[]>>;
  const own = (): string => lab.seeded.payments.applications['invoices']?.authorityRecordId ?? '';
  const wide = (scope: string, resource: string | readonly string[] = cases.resources.billing, more: Fields = {}): Promise<Reply> => caller.mint(cases.wide, { scope, resource, ...more });
  /** In a Session of its own, so that nothing else can be its mint. */
  const calls = async (scope: string, resource: string, path = '/invoices', init: RequestInit = {}): Promise<Reply> => {
    const minted = await caller.mint(await cases.sessionFor(own()), { scope, resource });
    await ingested(minted.requestId, 1);
    return caller.call(mandateOf(minted), path, { resource, ...init });
  };
  const byId = (reply: Reply, events: number): Asked => ({ what: idOf(reply), requestId: idOf(reply), events });
  const byAnswer = (reply: Reply, events: number): Asked => ({ what: reply.text, requestId: idOf(reply), events });
  const idOf = ({ requestId }: Reply): string => requestId.split(', ')[0] ?? '';
  const approvalOf = ({ body }: Reply): string => String(body['approval_id']);
  const claimsOf = (mandate: string): { readonly sid: string } => JSON.parse(Buffer.from(mandate.split('.')[1] ?? '', 'base64url').toString()) as { sid: string };
  const bootstrap = (more: Fields = {}): Promise<Reply> => caller.exchange({ application_id: cases.wide.applicationId, scope: 'agent:lifecycle', ...more });
  const federate = (fields: Fields): Promise<Reply> => caller.exchange({ application_id: cases.wide.applicationId, resource: [], subject_token_type: 'urn:ietf:params:oauth:token-type:id_token', ...fields });
  const run = (what: 'manifest' | 'credential', fields: Readonly<Record<string, string>> = {}): Promise<Reply> => caller.run(what, { workload_id: cases.workload.id, secret: cases.workload.secret, ...fields }, randomUUID(), randomUUID());
  const controlKey = (): Promise<Reply> => caller.exchange({ application_id: cases.controlKey.applicationId, resource: 'caracal-control', scope: 'control:explain:read' });

  function table(all: readonly Case[]): void {
    for (const [what, rows, ask, more] of all) {
      it(what, async () => {
        const { what: pasted, requestId, events } = await ask();
        called.push(requestId);
        if (events > 0) await ingested(requestId, events);
        const { story, isLooking } = await last(pasted);
        equal(isLooking, false);
        deepEqual(linesOf(story), stories[what]);
        const decisions = story.timeline.items.flatMap(({ details }) => details.filter(({ label }) => label === 'Decision').map(({ value }) => value.text)).join();
        for (const row of rows) {
          const [, code] = /^(?:reason|status) (.+)$/.exec(row) ?? [];
          ok(code === undefined || decisions.includes(code), `${row} in ${decisions}`);
          covered.add(row);
        }
        more?.(story);
      });
    }
  }

  describe('of a mint', () => table([
    ['that is allowed, by its id', [], async () => byId(await wide('invoice:read'), 1)],
    ['that is allowed, by its answer', [], async () => byAnswer(await wide('invoice:read'), 1)],
    ['at the end of a chain', [], async () => byId(await caller.mint(cases.chained), 1)],
    ['without a role', ['sts 31', 'reason role_scope_mismatch'], async () => byId(await wide('stock:scrap', cases.resources.warehouse), 2)],
    ['without a grant', ['sts 31', 'reason resource_not_granted'], async () => byAnswer(await wide('invoice:read', cases.resources.archive), 2)],
    ['of a shape that policy does not know', ['sts 31', 'reason no_rule_matched'], async () => byId(await bootstrap({ scope: 'invoice:read' }), 2)],
    ['of a resource that is unknown', ['sts 18', 'status resource_not_found'], async () => byAnswer(await wide('invoice:read', cases.resources.unknown), 2)],
    ['of a scope that is not declared', ['sts 19', 'status scope_mismatch'], async () => byId(await wide('stock:read'), 2)],
    ['of a resource beyond the Delegation', ['sts 20', 'status resource_outside_delegation'], async () => byId(await caller.mint(lab.callers.allowed, { resource: cases.resources.archive }), 2)],
    ['of the control resource', ['sts 23', 'status control_resource_requires_control_key'], async () => byId(await wide('', 'caracal-control'), 1)],
    ['of three resources, of which one is granted', [], async () => byId(await wide('invoice:read', [cases.resources.unknown, cases.resources.billing, cases.resources.archive]), 3)],
    ['whose budget is used up', ['sts 22', 'status rate_limited'], async () => {
      const [{ id } = { id: '' }] = await lab.sql<{ id: string }>('SELECT id FROM resources WHERE identifier = $1 AND zone_id = $2', [cases.resources.gone, lab.zoneId]);
      const key = `rl:${lab.zoneId}:${id}:${cases.wide.applicationId}`;
      await lab.redisClient.set(key, '1000000', 'EX', 60);
      const reply = await wide('gone:call', cases.resources.gone);
      await lab.redisClient.del(key);
      return byId(reply, 2);
    }],
    ['that asks for too long a life, by its answer', ['sts 33'], async () => byAnswer(await bootstrap({ ttl_seconds: '3601' }), 1)],
    ['that asks for too long a life, by its id, which tells less', [], async () => byId(await bootstrap({ ttl_seconds: '3601' }), 1)],
    ['that presents a mandate, and does not go through the Gateway', ['sts 31', 'reason no_rule_matched'], async () => {
      const session = mandateOf(await bootstrap());
      return byAnswer(await bootstrap({ subject_token: session, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }), 1);
    }],
  ]));

  describe('of a hold', () => {
    let held: Reply;
    let released: Reply;
    table([
      ['that waits for an operator', ['sts 30'], async () => byAnswer(held = await wide('invoice:write'), 2)],
      ['that is asked for again', ['sts 30'], async () => byId(await wide('invoice:write'), 1)],
      ['that is asked for again with its approval', ['sts 16'], async () => byAnswer(await wide('invoice:write', cases.resources.billing, { approval_id: approvalOf(held) }), 0)],
      ['that waits for the user or an operator', [], async () => byId(await wide('stock:order', cases.resources.warehouse), 2)],
      ['whose approval was given, by the decision', [], async () => byId(await caller.decide(approvalOf(held), 'approve', 'checked'), 1)],
      ['whose approval was given, by the mint that was held', [], () => Promise.resolve(byId(held, 2))],
      ['whose approval was given, by the id of the approval', [], () => Promise.resolve({ what: approvalOf(held), requestId: idOf(held), events: 2 })],
      ['whose approval does not fit', ['sts 12', 'status approval_invalid'], async () => byId(await wide('invoice:read invoice:write', cases.resources.billing, { approval_id: approvalOf(held) }), 1), ({ sections }) => {
        const rows = sections.find(({ id }) => id === 'approval')?.blocks.flatMap((block) => (block.kind === 'table' ? block.rows.map((cells) => cells.slice(0, 2).map(({ text }) => text)) : []));
        deepEqual(rows?.slice(0, 4), [['Resources', cases.resources.billing], ['Scopes', 'invoice:write'], ['Session', cases.wide.sessionId], ['Delegation', cases.wide.edgeId]]);
      }],
      ['that is released', [], async () => byAnswer(released = await wide('invoice:write'), 2)],
      ['that was released, by the mint that was held', [], () => Promise.resolve(byId(held, 2))],
      ['that was released, by the id of the approval', [], () => Promise.resolve({ what: approvalOf(held), requestId: idOf(held), events: 2 })],
      ['that was released, by the call with its mandate', [], async () => byId(await caller.call(mandateOf(released), '/invoices', { method: 'POST' }), 2)],
      ['whose answer got lost', [], async () => byId(await wide('invoice:write', cases.resources.billing, { approval_id: approvalOf(held) }), 2)],
      ['whose approval was used before', ['sts 13', 'status approval_already_consumed'], async () => {
        await lab.sql("UPDATE step_up_challenges SET consumed_at = now() - interval '3 minutes', satisfied_at = now() - interval '4 minutes', created_at = now() - interval '5 minutes' WHERE id = $1", [approvalOf(held)]);
        return byId(await wide('invoice:write', cases.resources.billing, { approval_id: approvalOf(held) }), 1);
      }],
      ['that was rejected, by the decision', [], async () => {
        held = await caller.mint(cases.chained, { scope: 'invoice:write' });
        return byId(await caller.decide(approvalOf(held), 'reject', 'not today'), 1);
      }],
      ['that was rejected, by the mint that was held', [], () => Promise.resolve(byId(held, 2))],
      ['that was rejected, by the next mint', ['sts 14', 'status approval_rejected'], async () => byAnswer(await caller.mint(cases.chained, { scope: 'invoice:write' }), 2)],
      ['that ended, by the mint that was held', [], async () => {
        held = await wide('stock:write', cases.resources.warehouse);
        await ingested(idOf(held), 2);
        const over = new Date(Date.now() - 1_000).toISOString();
        await lab.sql("UPDATE step_up_challenges SET created_at = created_at - interval '1 minute', expires_at = $2 WHERE id = $1", [approvalOf(held), over]);
        await lab.sql(`UPDATE audit_events SET metadata_json = jsonb_set(metadata_json, '{expires_at}', to_jsonb($2::text)) WHERE request_id = $1 AND event_type = 'step_up_issued'`, [idOf(held), over]);
        return byId(held, 2);
      }],
      ['that ended, by its retry', ['sts 15', 'status approval_expired'], async () => byId(await wide('stock:write', cases.resources.warehouse, { approval_id: approvalOf(held) }), 1)],
      ['whose tiers want different people, by its id', ['sts 29'], async () => byId(await wide('stock:write stock:count', cases.resources.warehouse), 1)],
      ['whose tiers want different people, by its answer', ['sts 29'], async () => byAnswer(await wide('stock:write stock:count', cases.resources.warehouse), 1)],
      ['that waits for the user', [], async () => {
        const { sid } = claimsOf(mandateOf(await federate({ subject_token: cases.identityToken('ann') })));
        held = await caller.mint(await cases.sessionFor(sid), { scope: 'stock:count', resource: cases.resources.warehouse });
        return byId(held, 2);
      }],
      ['that the user approves', [], async () => {
        const ann = mandateOf(await federate({ subject_token: cases.identityToken('ann') }));
        await caller.decideAsSubject(approvalOf(held), ann, { decision: 'approved', binding: String(held.body['binding']), reason: 'mine' });
        return { what: approvalOf(held), requestId: approvalOf(held), events: 1 };
      }],
    ]);
  });

  describe('of a user, a workload and Control', () => table([
    ['a user who signs in', [], async () => byAnswer(await federate({ subject_token: cases.identityToken('carol') }), 1)],
    ['a user whom the zone does not know', ['status subject_federation_rejected'], async () => byId(await federate({ subject_token: cases.identityToken('carol', { iss: 'https://other.example.com' }) }), 1)],
    ['a user with scopes', ['status subject_federation_invalid'], async () => byId(await federate({ subject_token: cases.identityToken('carol'), scope: 'invoice:read' }), 1)],
    ['a launch', [], async () => byId(await run('manifest'), 1)],
    ['a launch with a wrong secret', ['status workload_auth_failed'], async () => byId(await run('manifest', { secret: 'wrong' }), 1)],
    ['a credential for a workload', [], async () => byId(await run('credential', { env: 'PAYOUTS_KEY' }), 1)],
    ['a credential that may not be handed out', ['status credential_injection_denied'], async () => byId(await run('credential', { env: 'BILLING_KEY' }), 1)],
    ['a credential that waits for an approval', [], async () => byId(await run('credential', { env: 'PAYOUTS_SEND_KEY' }), 2)],
    ['a mandate of a control key', [], async () => byAnswer(await controlKey(), 1)],
    ['a command of Control', [], async () => {
      const key = await controlKey();
      await ingested(idOf(key), 1);
      return byId(await caller.control(mandateOf(key), { command: 'explain', flags: { 'request-id': idOf(key) } }), 1);
    }],
    ['a command of Control without its scope', [], async () => byId(await caller.control(mandateOf(await controlKey()), { command: 'audit', subcommand: 'tail' }), 1)],
  ]));

  describe('of a call', () => table([
    ['that went through', ['gateway 19'], async () => byId(await calls('invoice:read', cases.resources.billing), 2)],
    ['whose upstream answers 500', ['gateway 19'], async () => byId(await calls('invoice:read', cases.resources.billing, '/invoices?status=500'), 2)],
    ['that the resource refuses', ['gateway 19'], async () => byAnswer(await calls('invoice:read', cases.resources.billing, '/invoices?status=401'), 2)],
    ['whose upstream is not there', ['gateway 18', 'status upstream_error'], async () => byId(await calls('gone:call', cases.resources.gone, '/'), 2)],
    ['whose upstream is no address', ['gateway 16', 'status upstream_rejected'], async () => byId(await calls('gone:call', cases.resources.unaddressable, '/'), 2)],
    ['that breaks off', ['gateway 19'], async () => {
      const requestId = randomUUID();
      await calls('invoice:read', cases.resources.billing, '/invoices?cut=1', { headers: { 'x-request-id': requestId } }).then(() => ok(false), () => undefined);
      return { what: requestId, requestId, events: 2 };
    }],
    ['whose provider has no credential', ['sts 36', 'gateway 13', 'status provider_credential_unavailable'], async () => byId(await calls('partner:call', cases.resources.partner, '/'), 2)],
    ['whose user is not connected, by its id', ['sts 25', 'status credential_not_provisioned'], async () => byId(await calls('calendar:read', cases.resources.calendar, '/'), 2)],
    ['whose user is not connected, by its answer', ['sts 25'], async () => byAnswer(await calls('calendar:read', cases.resources.calendar, '/'), 2)],
    ['of an operation that is not declared, by its id', ['sts 21', 'status operation_not_permitted'], async () => byId(await calls('invoice:read', cases.resources.billing, '/nothing'), 1)],
    ['of an operation that is not declared, by its answer', ['sts 21'], async () => byAnswer(await calls('invoice:read', cases.resources.billing, '/nothing'), 1)],
    ['with a mandate for another resource', ['gateway 13', 'reason mandate_target_mismatch'], async () => {
      const minted = await caller.mint(await cases.sessionFor(own()), { scope: 'invoice:read', resource: cases.resources.billing });
      return byId(await caller.call(mandateOf(minted), '/', { resource: cases.resources.warehouse }), 2);
    }],
    ['with a mandate that was used, the first time for nothing', ['gateway 10', 'status anomaly'], async () => {
      const mandate = mandateOf(await wide('invoice:read'));
      const first = await caller.call(mandate, '/nothing');
      await ingested(idOf(first), 1);
      return byAnswer(await caller.call(mandate), 1);
    }],
    ['that a revocation cuts', ['gateway 19'], async () => {
      const mandate = mandateOf(await caller.mint(await cases.sessionFor(own()), { scope: 'invoice:read', resource: cases.resources.billing }));
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      get(`${lab.callers.gateway}/invoices?chunks=400`, { headers: { authorization: `Bearer ${mandate}`, 'x-caracal-resource': cases.resources.billing } }, (response) => {
        response.on('end', () => resolve(response.headersDistinct['x-request-id']?.[0] ?? '')).on('error', reject).resume();
      }).on('error', reject);
      await cases.revoke(claimsOf(mandate).sid);
      const requestId = await promise;
      return { what: requestId, requestId, events: 2 };
    }],
  ]));

  describe('of what leaves no event', () => table([
    ['a wrong secret', [], async () => byAnswer(await bootstrap({ client_secret: 'wrong' }), 0)],
    ['no mandate', [], async () => byAnswer(await caller.call('x'), 0)],
    ['more scopes than the Delegation has', [], async () => byAnswer(await caller.mint(lab.callers.allowed, { scope: 'invoice:read invoice:write' }), 0)],
    ['a Delegation that is revoked', ['sts 17'], async () => {
      const governed = await cases.sessionFor(own());
      const mandate = mandateOf(await caller.mint(governed));
      await lab.sql("UPDATE delegation_edges SET status = 'revoked', revoked_at = now() WHERE id = $1", [governed.edgeId]);
      const refused = await caller.call(mandate);
      return { what: { ...captured(refused.text), mandate: captured(mandate).mandate }, requestId: idOf(refused), events: 0 };
    }],
    ['a Session that is terminated', ['sts 17'], async () => {
      const governed = await cases.sessionFor(own());
      const mandate = mandateOf(await caller.mint(governed));
      await lab.sql("UPDATE sessions SET status = 'terminated', terminated_at = now(), termination_reason = 'requested' WHERE id = $1", [governed.sessionId]);
      const refused = await caller.mint(governed);
      return { what: { ...captured(refused.text), mandate: captured(mandate).mandate }, requestId: idOf(refused), events: 0 };
    }],
    ['an authority record that is revoked', ['gateway 11'], async () => {
      const mandate = mandateOf(await caller.mint(await cases.sessionFor(own())));
      await cases.revoke(claimsOf(mandate).sid);
      await eventually('the record is revoked', async () => (await lab.sql("SELECT 1 FROM authority_records WHERE id = $1 AND status = 'revoked'", [claimsOf(mandate).sid])).length === 1);
      const groups = async (): Promise<string> => JSON.stringify(await lab.redisClient.xinfo('GROUPS', 'caracal.sessions.revoke'));
      await eventually('the Gateway has taken the message', async () => !/"(?:pending|lag)",[1-9]/.test(await groups()));
      const refused = await caller.call(mandate);
      equal(refused.body['error_description'], 'session revoked', refused.text);
      return { what: { ...captured(refused.text), mandate: captured(mandate).mandate }, requestId: idOf(refused), events: 0 };
    }],
  ]));

  describe('of events that come otherwise than in time', () => {
    after(() => lab.ingest({}));

    it('is complete in whatever order they come', async () => {
      await lab.ingest({ delayMs: 600, isReversed: true });
      const { requestId } = byId(await calls('invoice:read', cases.resources.billing), 2);
      await ingested(requestId, 2);
      deepEqual(linesOf((await last(requestId)).story), stories['that went through']);
    });

    it('looks on, and completes by itself', async () => {
      await lab.ingest({ late: { type: 'gateway_resource_request', ms: 2_000 } });
      const { requestId } = byId(await calls('invoice:read', cases.resources.billing), 1);
      await ingested(requestId, 1);
      const all: Traced[] = [];
      for await (const one of traced(requestId)) all.push(one);
      const [first] = all;
      deepEqual([first?.isLooking, first?.story.sentence, first?.story.more.map(plain).at(-1)], [true, 'Caracal allowed this call. What the Gateway did with it is not recorded.', 'Looking until <time>.']);
      ok(all.length > 1 && all.slice(0, -1).every(({ isLooking }) => isLooking));
      deepEqual([all.at(-1)?.isLooking, linesOf((all.at(-1) ?? await last(requestId)).story)], [false, stories['that went through']]);
    });
  });

  describe('of a request that nobody knows', () => {
    it('looks until a time that it names', async () => {
      const before = await adminAudit();
      const generator = traced('0198f6a1-70aa-7c11-9d55-2f6f6b6f90ae');
      for await (const { story, isLooking } of generator) {
        deepEqual([isLooking, plain(story.sentence), story.mark], [true, 'Not ingested yet. Looking until <time>.', 'unknown']);
        break;
      }
      deepEqual(await adminAudit(), before);
    });

    it('cannot tell once its time is over', async () => {
      const { story, isLooking } = await last({ what: 'an id', requestId: '0198f6a1-70aa-7c11-9d55-2f6f6b6f90ae', at: Date.now() - 60_000 });
      deepEqual([isLooking, story.sentence, story.timeline.summary], [false, 'Cannot tell: the audit holds no event of this request.', 'the audit holds no event of this request']);
    });
  });

  // The last ones, because each takes something away that the others need.
  describe('of what is broken', () => table([
    ['a connection that is expired', ['sts 26', 'status credential_refresh_failed'], async () => {
      const minted = await caller.mint(await cases.sessionFor(own()), { scope: 'calendar:read', resource: cases.resources.calendar });
      await lab.sql(`INSERT INTO provider_connections (id, zone_id, subject_id, provider_id, expires_at) SELECT $3, $1, $4, credential_provider_id, now() - interval '1 minute' FROM resources WHERE zone_id = $1 AND identifier = $2`, [lab.zoneId, cases.resources.calendar, randomUUID(), cases.wide.applicationId]);
      return byAnswer(await caller.call(mandateOf(minted), '/', { resource: cases.resources.calendar }), 2);
    }],
    ['a provider that is gone', ['sts 24', 'status provider_unavailable'], async () => {
      const minted = await caller.mint(await cases.sessionFor(own()), { scope: 'partner:call', resource: cases.resources.partner });
      await lab.sql('UPDATE providers SET archived_at = now() WHERE id = (SELECT credential_provider_id FROM resources WHERE identifier = $1 AND zone_id = $2)', [cases.resources.partner, lab.zoneId]);
      return byId(await caller.call(mandateOf(minted), '/', { resource: cases.resources.partner }), 2);
    }],
    ['a resource without an upstream', ['gateway 15'], async () => {
      const minted = await caller.mint(await cases.sessionFor(own()), { scope: 'gone:call', resource: cases.resources.gone });
      await lab.sql('UPDATE resources SET upstream_url = NULL WHERE identifier = $1 AND zone_id = $2', [cases.resources.gone, lab.zoneId]);
      return byAnswer(await caller.call(mandateOf(minted), '/', { resource: cases.resources.gone }), 1);
    }],
    ['a workload whose scopes need two people', ['status approval_class_conflict'], async () => {
      await cases.activate({ risk: [{ scope: 'payout:send', tier: 'high' }, { scope: 'payout:read', tier: 'personal' }] });
      await lab.sql('UPDATE workloads SET bindings = $2 WHERE id = $1', [cases.workload.id, JSON.stringify([{ env: 'BOTH', resource: cases.resources.payouts, scopes: ['payout:read', 'payout:send'] }])]);
      return byId(await run('credential', { env: 'BOTH' }), 2);
    }],
    ['a restriction of the zone', ['reason restriction_active'], async () => {
      await cases.activate({ restrict: { all: true } });
      return byId(await wide('invoice:read'), 2);
    }],
    ['a risk document with a wrong entry', ['reason malformed_risk_data'], async () => {
      await cases.activate({ risk: [{ scope: '' }] });
      return byId(await wide('invoice:read'), 2);
    }],
    ['an approval document with a wrong entry', ['reason malformed_approval_data'], async () => {
      await cases.activate({ approval_tiers: [{ approver: 'operator' }] });
      return byId(await wide('invoice:read'), 2);
    }],
    ['a label that confines', ['reason confinement_violation'], async () => {
      await cases.activate({ confinement: [{ label_prefix: 'nightly', scopes: ['stock:read'] }] });
      return byId(await wide('invoice:read'), 2);
    }],
    ['a policy that cannot be evaluated', ['sts 27', 'status policy_eval_failed'], async () => {
      await cases.activate({ risk: [{ scope: 'invoice:read', tier: 'low' }, { scope: 'invoice:read', tier: 'high' }] });
      return byId(await wide('invoice:read'), 1);
    }],
    ['no policy at all', ['reason no_active_policy_set'], async () => {
      await lab.sql('UPDATE policy_set_bindings SET active_version_id = NULL WHERE zone_id = $1', [lab.zoneId]);
      await lab.reconfigure('sts', {});
      return byId(await wide('invoice:read'), 2);
    }],
  ]));

  /** What leaves no event is told by the answer alone, each row of it in trace-outcome.test.ts. */
  describe('with those of the unit tests', () => it('covers every row of the contract that leaves a trace', () => {
    const of = (service: string): readonly string[] => [...new Set(refusals.filter((one) => one.service === service && one.audit !== undefined).map(({ row }) => `${service} ${row}`))];
    const all = [...of('sts'), 'sts 16', 'sts 17', 'sts 18', 'sts 19', 'sts 20', 'sts 22', 'sts 24', ...of('gateway'), 'gateway 11', 'gateway 13', 'gateway 19', ...Object.keys(denyReasons).map((reason) => `reason ${reason}`), ...Object.keys(evaluationStatuses).map((status) => `status ${status}`)];
    deepEqual(all.filter((row) => !covered.has(row)).toSorted(), Object.keys(impossibleHere).toSorted());
  }));
});
