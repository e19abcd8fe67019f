import { deepEqual, equal, ok } from 'node:assert/strict';
import { auditEventSchema } from '../../src/trace/auditEvent.ts';
import type { AuditEvent } from '../../src/trace/auditEvent.ts';
import type { Captured } from '../../src/trace/capture.ts';
import { finishStory } from '../../src/trace/finish.ts';
import type { SessionRow } from '../../src/trace/liveness.ts';
import { storyMarkdown } from '../../src/trace/markdown.ts';
import type { Evidence } from '../../src/trace/read.ts';
import type { ApprovalRow, DelegationState, StateRows } from '../../src/trace/stateRows.ts';
import type { Block, Section, SectionId, Story } from '../../src/trace/story.ts';
import type { Surroundings } from '../../src/trace/surroundings.ts';
import { storyOf } from '../../src/trace/tell.ts';
import type { Besides } from '../../src/trace/tell.ts';
import { traceOf } from '../../src/trace/trace.ts';

const start = Date.UTC(2026, 7, 2, 10, 15, 0);
const at = (seconds: number): string => new Date(start + seconds * 1_000).toISOString();
const ids = { application_id: 'app-orders', application_name: 'Orders | [bot](command:x)', agent_session_id: 's-2', delegation_edge_id: 'd-1', resource: 'billing-api' };
const event = (id: string, requestId: string, seconds: number, more: Record<string, unknown>): AuditEvent => auditEventSchema.parse({
  id, event_type: 'token_exchange', request_id: requestId, decision: 'allow', evaluation_status: 'complete', determining_policies_json: null, diagnostics_json: null, metadata_json: ids, occurred_at: at(seconds), ...more,
});
const mint = (seconds = 1, more: Record<string, unknown> = {}): AuditEvent => event('e-mint', 'request-mint-1', seconds, { determining_policies_json: [{ policy: 'caracal-orders-mint' }], metadata_json: { ...ids, requested_scopes: ['invoice:read'] }, ...more });
const use = event('e-use', 'request-f90ae7', 2, { determining_policies_json: [{ policy: 'caracal-orders-use' }], metadata_json: { ...ids, requested_scopes: [] } });
const call = (more: Record<string, unknown> = {}): AuditEvent => event('e-call', 'request-f90ae7', 3, { event_type: 'gateway_resource_request', evaluation_status: 'executed', metadata_json: { application_id: 'app-orders', resource: 'billing-api', method: 'POST', gateway_status: 200, upstream_status: 200, latency_ms: 31, upstream_host: 'billing:7070', subject_fingerprint: 'f00d', ...more } });

const captured: Captured = { what: 'an id', requestId: 'request-f90ae7' };
const covered = [{ sessionId: 's-2', from: start - 3_600_000, until: start + 3_600_000 }];
const evidence = (events: readonly AuditEvent[], more: Partial<Evidence> = {}): Evidence => ({ zoneId: 'z-1', requestId: 'request-f90ae7', covered, firstUse: { kind: 'absent' }, notRead: [], state: { kind: 'cannot look', why: 'Postgres is not given' }, events, ...more });
const blind = { kind: 'cannot look', why: 'Postgres is not given' } as const;
const surroundings: Surroundings = { anchors: [], epoch: blind, policy: blind, texts: blind, applications: blind, resources: blind, changes: blind, apiOutbox: blind, coordinatorOutbox: blind, messages: blind, gateway: blind, resourceServers: blind, firstUse: blind };
const besides: Besides = { verifiers: { mandate: undefined, compared: [], now: start, isOfCall: true }, looked: undefined, simulation: undefined };
const told = (all: Evidence, what = captured, more: Partial<Besides> = {}): Story => storyOf({ captured: what, trace: traceOf(what, all), evidence: all, surroundings }, { ...besides, ...more });
const section = ({ sections }: Story, id: SectionId): Section => sections.find((one) => one.id === id) ?? { id, title: '', summary: 'is not there', blocks: [] };

const session = (id: string, more: Partial<SessionRow> = {}): SessionRow => ({ id, applicationId: 'app-orders', authorityRecordId: 'r', lifecycle: 'task', status: 'active', startedAt: at(-60), ttlSeconds: 3_600, heartbeatDeadlineAt: undefined, terminatedAt: undefined, terminationReason: undefined, ...more });
const delegation = (more: Partial<DelegationState> = {}): DelegationState => ({
  id: 'd-1', sourceSessionId: 's-1', targetSessionId: 's-2', issuerApplicationId: 'app-desk', receiverApplicationId: 'app-orders', parentId: undefined, scopes: ['invoice:read'], constraints: {}, status: 'active', createdAt: at(-30), expiresAt: at(3_600), revokedAt: undefined, ...more,
});
const rows = (more: Partial<StateRows> = {}): Evidence['state'] => ({ kind: 'row', row: { now: start + 60_000, sessions: [session('s-1'), session('s-2')], delegations: [delegation()], records: [], approvals: [], ...more } });

describe('the story of a request', () => {
  it('has a title that fits a tab, one sentence, all six layers and what it is about', () => {
    const story = told(evidence([mint(), use, call({ gateway_status: 401, upstream_status: 401 })]));
    deepEqual([story.title, story.mark, story.sentence], ['billing-api 401 · …f90ae7', 'failed', 'billing-api refused this call. Caracal had allowed it.']);
    deepEqual(story.layers.map(({ name, standing, mark, decides }) => `${name}: ${standing}, ${mark}${decides ? ', decides' : ''}`), [
      'Before policy: passed, passed', 'Policy: allowed, passed', 'Approval: none needed, passed', 'After mint: issued, passed', 'Gateway: passed on, passed', 'Resource: refused, 401, failed, decides',
    ]);
    deepEqual(story.about.map(({ label, value }) => `${label}: ${value.text}`), ['Call: POST billing-api', 'Application: Orders | [bot](command:x)', 'Zone: z-1', 'Time: 2 Aug 2026, 10:15:02 UTC', 'Request id: request-f90ae7', 'From: an id']);
  });

  it('has a title that tells what was called, and how many', () => {
    const titleOf = (...events: readonly AuditEvent[]): string => told(evidence(events)).title;
    const denied = (id: string, resource: string): AuditEvent => mint(1, { id, request_id: 'request-f90ae7', decision: 'deny', evaluation_status: 'resource_not_found', metadata_json: { ...ids, resource } });
    equal(titleOf(denied('a', 'resource://archive'), denied('b', 'resource://billing-api'), denied('c', 'resource://ledger')), 'archive +2 resource_not_found · …f90ae7');
    equal(titleOf(event('e-launch', 'request-f90ae7', 1, { event_type: 'run_launch', metadata_json: {} })), 'Launch · …f90ae7');
    // What is likely another's does not tell what this one was about.
    const refusal = mint(1, { request_id: 'request-f90ae7', decision: 'deny', evaluation_status: 'approval_invalid', metadata_json: { application_id: 'app-orders' } });
    const held = [mint(0, { id: 'e-held', request_id: 'request-held' }), event('e-hold', 'request-held', 0, { event_type: 'step_up_issued', decision: 'pending', metadata_json: { challenge_id: 'c-1' } })];
    equal(told(evidence([refusal, ...held], { holds: new Map([['request-f90ae7', { approvalId: 'c-1', certainty: 'likely' }]]) })).title, 'Request approval_invalid · …f90ae7');
  });

  it('of what is not in the audit has a title, and says so', () => {
    const story = told(evidence([], { requestId: undefined }), { what: 'a mandate' });
    deepEqual([story.title, story.mark, story.timeline.summary], ['Request', 'unknown', 'the audit holds no event of this request']);
  });

  it('has its sections, always in the same order', () => {
    const order = (story: Story): readonly string[] => story.sections.map(({ id }) => id);
    const expected = ['delegation', 'approval', 'verifier', 'state', 'policy', 'explanation', 'hops', 'notRecorded'];
    deepEqual([order(told(evidence([mint(), use, call()]))), order(told(evidence([])))], [expected, expected]);
  });
});

describe('the timeline of a request', () => {
  it('has a lane per place, bars where a duration is real, and joins with their keys', () => {
    const { timeline } = told(evidence([mint(), use, call()], { state: rows() }));
    deepEqual(timeline.lanes, ['Coordinator', 'STS', 'Gateway', 'billing-api']);
    deepEqual(timeline.items.map(({ label, lane, from, until, mark }) => `${timeline.lanes[lane] ?? ''} ${label} ${(from - start) / 1_000}${until === undefined ? '' : ` to ${(until - start) / 1_000}`} ${mark}`), [
      'Coordinator session -60 passed', 'Coordinator session -60 passed', 'Coordinator delegation -30 passed', 'STS mint 1 passed', 'STS use 2 passed', 'Gateway passed on 3 passed', 'billing-api 200, 31 ms 2.969 to 3 passed',
    ]);
    deepEqual(timeline.joins.map(({ from, to, key, certainty }) => `${from} to ${to}: ${key}, ${certainty}`), [
      'e-mint to e-use: Session, Delegation and resource, certain', 'e-use to e-call: request id, certain', 'session/s-2 to e-mint: Session, certain', 'delegation/d-1 to e-mint: Delegation, certain',
    ]);
    equal(timeline.summary, '3 events from 2 requests; 4 joins certain');
  });

  it('is drawn by the clock of the database, and in the order of causes whatever the clocks say', () => {
    const { timeline } = told(evidence([mint(), use, call()], { aheadMs: { gateway: 12_000 } }));
    deepEqual(timeline.items.map(({ label, from }) => `${label} ${(from - start) / 1_000}`), ['mint 1', 'use 2', 'passed on -9', '200, 31 ms -9.031']);
    equal(timeline.summary, '3 events from 2 requests; 2 joins certain; clock of gateway 12 s ahead, corrected');
  });

  it('shows an allow as no success where it is none', () => {
    const gated = [{ step_up_required: { type: 'human_approval' } }];
    const hold = event('e-hold', 'request-f90ae7', 2, { event_type: 'step_up_issued', decision: 'pending', metadata_json: { ...ids, challenge_id: 'c-1', approver_class: 'operator', expires_at: at(600) } });
    const held = told(evidence([mint(1, { id: 'e-held', request_id: 'request-f90ae7', diagnostics_json: gated }), hold], { state: rows() }));
    deepEqual(held.timeline.items.filter(({ requestId }) => requestId !== '').map(({ label, mark, isWait }) => `${label}, ${mark}${isWait ? ', a wait' : ''}`), ['mint held, waiting', 'held, waiting', 'waits, waiting, a wait']);
    const decision = event('e-decision', 'request-decide', 85, { event_type: 'step_up_decided', decision: 'approved', metadata_json: { challenge_id: 'c-1', approver_subject_id: 'console:dana' } });
    const decided = told(evidence([mint(1, { id: 'e-held', request_id: 'request-f90ae7', diagnostics_json: gated }), hold, decision]));
    deepEqual(decided.timeline.items.map(({ label }) => label), ['mint held', 'held', '83 s', 'approved by console:dana']);
  });

  it('marks what the Gateway did not pass on, and what the upstream did not answer', () => {
    const lanes = (more: Record<string, unknown>): readonly string[] => told(evidence([use, call(more)])).timeline.items.slice(1).map(({ label, mark }) => `${label}, ${mark}`);
    deepEqual(lanes({ upstream_status: undefined, error_kind: 'upstream_not_addressable', gateway_status: 502 }), ['refused, failed']);
    deepEqual(lanes({ upstream_status: undefined, error_kind: 'transport_error', gateway_status: 502 }), ['passed on, passed', 'no answer, 31 ms, failed']);
    deepEqual(lanes({ revocation_interrupted: true }), ['cut off, failed', '200, 31 ms, passed']);
  });
});

describe('the Delegation of a request', () => {
  const chain = [{ application_id: 'app-desk', agent_session_id: 's-1', delegation_edge_id: 'd-1' }, { application_id: 'app-orders', agent_session_id: 's-2', delegation_edge_id: '' }];
  const hops = (story: Story): readonly string[] => section(story, 'delegation').blocks.flatMap((block) => (block.kind === 'chain' ? block.hops.map(({ application, session: of, delegation: by, mark, standing }) => `${application}, ${of}${by === undefined ? '' : ` by ${by.name} (${by.scopes.join(' ')})`}: ${mark}, ${standing}`) : []));

  it('is told hop by hop, from the event or from its rows', () => {
    const expected = ['app-desk, Session s-1: passed, live now', 'Orders | [bot](command:x), Session s-2 by Delegation d-1 (invoice:read): passed, live now'];
    deepEqual(hops(told(evidence([mint(1, { request_id: 'request-f90ae7', metadata_json: { ...ids, requested_scopes: ['invoice:read'], delegation_chain: chain } })], { state: rows() }))), expected);
    deepEqual(hops(told(evidence([use], { state: rows() }))), expected);
  });

  it('has its dead hops with the time when they died, and says where nobody knows', () => {
    const dead = told(evidence([use], { state: rows({ delegations: [delegation({ status: 'revoked', revokedAt: at(30) })] }) }));
    deepEqual([section(dead, 'delegation').summary, hops(dead)[1]], ['1 hop, 1 dead now', `Orders | [bot](command:x), Session s-2 by Delegation d-1 (invoice:read): failed, Delegation revoked ${at(30)}`]);
    equal(hops(told(evidence([mint(1, { request_id: 'request-f90ae7', metadata_json: { ...ids, requested_scopes: ['x'], delegation_chain: chain } })])))[1], 'Orders | [bot](command:x), Session s-2 by Delegation d-1 (): unknown, not known now');
  });

  it('is not called dead where a row may be there that was not read', () => {
    const story = told(evidence([use], { state: rows({ sessions: [], notWhole: 'the API alone was asked' }) }));
    deepEqual(hops(story)[1]?.split(': ')[1], 'unknown, not known now');
    equal(section(story, 'delegation').summary, '1 hop');
  });

  it('that nobody names is one line', () => {
    deepEqual(section(told(evidence([])), 'delegation'), { id: 'delegation', title: 'Delegation', summary: 'none is named by what is known', blocks: [] });
    equal(section(told(evidence([use])), 'delegation').summary, 'one is named, and nothing that could be read tells its hops');
  });
});

describe('the approval of a request', () => {
  const row = (more: Partial<ApprovalRow> = {}): ApprovalRow => ({ id: 'c-1', createdAt: at(0), expiresAt: at(600), satisfiedAt: undefined, rejectedAt: undefined, consumedAt: undefined, tier: 'high', approverClass: 'operator', approverSubjectId: undefined, decisionReason: undefined, metadata: {}, ...more });
  const asked: Captured = { what: 'an approval', approvalId: 'c-1' };
  const summary = (more: Partial<ApprovalRow>): string => section(told(evidence([], { state: rows({ approvals: [row(more)] }) }), asked), 'approval').summary;

  const lives: readonly (readonly [what: string, row: Partial<ApprovalRow>, words: string])[] = [
    ['pending', {}, 'waits for a decision'], ['expired', { expiresAt: at(30) }, 'over: nobody decided in time'], ['approved', { satisfiedAt: at(20) }, 'approved, not used: the same mint was not asked for again'],
    ['approved too late to be used', { satisfiedAt: at(20), expiresAt: at(30) }, 'approved, and over before it was used'], ['consumed', { satisfiedAt: at(20), consumedAt: at(25) }, 'used once'], ['rejected', { rejectedAt: at(20) }, 'rejected'],
  ];
  for (const [what, more, words] of lives) it(`that is ${what} says so`, () => equal(summary(more), words));

  it('is not said to be needless where the policy denied before it', () => {
    const deny = mint(1, { request_id: 'request-f90ae7', decision: 'deny', diagnostics_json: [{ reason: 'role_scope_mismatch' }] });
    equal(section(told(evidence([deny])), 'approval').summary, 'not reached');
    equal(section(told(evidence([mint(1, { request_id: 'request-f90ae7' })])), 'approval').summary, 'none was needed');
  });

  it('says for whom, how long, by whom and why, and offers no way to decide', () => {
    const { blocks } = section(told(evidence([], { state: rows({ approvals: [row({ rejectedAt: at(83), approverSubjectId: 'console:dana', decisionReason: 'not today' })] }) }), asked), 'approval');
    deepEqual(blocks.flatMap((block) => (block.kind === 'facts' ? block.facts.map(({ label, value }) => `${label}: ${value.text}`) : [block.kind])), [
      'Approval: c-1', 'Stands: rejected', 'Tier: high, an operator decides', `Held: ${at(0)}, for 83 s`, `Rejected: ${at(83)} by console:dana: not today`, `Until: ${at(600)}`,
    ]);
  });

  it('that does not fit, of which the event says nothing, is shown with what it is bound to', () => {
    const refusal = mint(1, { request_id: 'request-f90ae7', decision: 'deny', evaluation_status: 'approval_invalid', determining_policies_json: null, metadata_json: { application_id: 'app-orders' } });
    const metadata = { resources: ['billing-api'], requested_scopes: ['invoice:write'], agent_session_id: 's-2', policy_set_version_id: 'v-1' };
    const { summary: words, blocks } = section(told(evidence([refusal], { holds: new Map([['request-f90ae7', { approvalId: 'c-1', certainty: 'likely' }]]), state: rows({ approvals: [row({ metadata, satisfiedAt: at(0) })] }) })), 'approval');
    equal(words, 'approved, not used: the same mint was not asked for again');
    deepEqual(blocks.flatMap((block: Block) => (block.kind === 'table' ? block.rows.map((cells) => cells.map(({ text }) => text)) : [])), [['Resources', 'billing-api', ''], ['Scopes', 'invoice:write', ''], ['Session', 's-2', ''], ['Policy version', 'v-1', '']]);
    equal(section(told(evidence([refusal])), 'approval').summary, 'one was refused, and nothing that was read names it');
  });

  it('that does not fit says what is another', () => {
    const metadata = { agent_session_id: 's-old', delegation_edge_id: 'd-1', requested_scopes: ['invoice:read'] };
    const deny = mint(1, { request_id: 'request-f90ae7', decision: 'deny', evaluation_status: 'approval_invalid', metadata_json: { ...ids, requested_scopes: ['invoice:read'], challenge_id: 'c-1' } });
    const { blocks } = section(told(evidence([deny], { state: rows({ approvals: [row({ metadata })] }) })), 'approval');
    deepEqual(blocks.flatMap((block: Block) => (block.kind === 'table' ? block.rows.map((cells) => cells.map(({ text }) => text)) : [])), [['Session', 's-old', 's-2']]);
  });
});

describe('the hops of a request', () => {
  const hops = (story: Story): readonly string[] => section(story, 'hops').blocks.flatMap((block) => (block.kind === 'table' ? block.rows.map((cells) => cells.map(({ text }) => text).join(', ')) : block.kind === 'list' ? block.items.map(({ text }) => text) : []));
  const hop = (story: Story, name: string): string => hops(story).find((line) => line.startsWith(`${name}, `)) ?? `no ${name} in ${hops(story).join('; ')}`;

  it('are seen, absent in a stretch that was read whole, or could not be looked for', () => {
    equal(hop(told(evidence([mint(), use, call()])), 'Mint'), `Mint, seen, audit, request …mint-1, ${at(1)}`);
    equal(hop(told(evidence([use, call()])), 'Mint'), 'Mint, absent, all events of the Session in the life of a mandate were read');
    equal(hop(told(evidence([use, call()], { covered: [] })), 'Mint'), 'Mint, cannot look, the events of the Session were not read whole');
    equal(hop(told(evidence([])), 'Mint'), 'Mint, cannot look, no event of this request is there to be joined');
    equal(hop(told(evidence([use])), 'Session'), 'Session, cannot look, Postgres is not given');
    equal(hop(told(evidence([use], { state: rows({ sessions: [] }) })), 'Session'), 'Session, absent, Postgres has no row s-2');
    equal(hop(told(evidence([use], { state: rows({ sessions: [], notWhole: 'the API alone was asked' }) })), 'Session'), 'Session, cannot look, the API alone was asked');
    equal(hop(told(evidence([use])), 'Gateway call'), 'Gateway call, absent, the call still runs or streams, was refused after the STS, or is not ingested yet');
    ok(hops(told(evidence([use], { notRead: [{ what: 'events of Session s-2', why: 'statement timeout' }] }))).includes('events of Session s-2: statement timeout'));
  });
});

describe('a story as Markdown', () => {
  it('begins with the sentence, and shows what others wrote as text, not as links or columns', () => {
    const lines = storyMarkdown(told(evidence([mint(), use, call()]))).split('\n');
    equal(lines[0], '# This call went through\\.');
    const line = lines.find((one) => one.includes('e use') || one.includes('Orders')) ?? '';
    ok(line.includes('Orders \\| \\[bot\\]\\(command:x\\)'), line);
  });

  it('has every section', () => {
    deepEqual(storyMarkdown(told(evidence([]))).split('\n').filter((line) => line.startsWith('## ')), ['## Timeline', '## Delegation', '## Approval', '## Token against verifier', '## State then and now', '## Policy', '## Explanation and simulation', '## Hops', '## Not recorded by Caracal']);
  });
});

describe('a story that is handed on', () => {
  it('is masked everywhere, and its times are short but for what is quoted', async () => {
    const story = told(evidence([mint(), use, call({ upstream_host: 'hunter2.example' })], { notRead: [{ what: 'events since 2026-08-02T10:15:00Z', why: 'hunter2' }] }));
    const finished = await finishStory(story, (text) => text.replaceAll('hunter2', '‹masked›'));
    const text = JSON.stringify(finished);
    ok(!text.includes('hunter2') && text.includes('‹masked›.example'), text);
    ok(text.includes('events since 2 Aug 2026, 10:15:00: ‹masked›'), text);
    ok(text.includes(`"Written","value":{"text":"${at(1)}"`), text);
    deepEqual(finished.timeline.items.map(({ id }) => id), story.timeline.items.map(({ id }) => id));
  });
});
