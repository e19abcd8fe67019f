import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { stateSection } from '../../src/trace/stateSection.ts';
import type { AdminChange } from '../../src/trace/surroundings.ts';
import { at, delegation, event, inSeconds, partsOf, record, row, rowOf, session, textsOf, version } from './traceParts.ts';
import type { Given } from './traceParts.ts';

const change = (path: string, more: Partial<AdminChange> = {}): AdminChange => ({ requestId: 'admin-1', actor: 'ana', action: `PATCH ${path}`, method: 'PATCH', path, entityType: '', entityId: '', occurredAt: at(61), ...more });
const approval = { id: 'hold', createdAt: at(-50), expiresAt: at(900), satisfiedAt: undefined, rejectedAt: undefined, consumedAt: undefined, tier: 'high', approverClass: 'operator', approverSubjectId: undefined, decisionReason: undefined, metadata: {} };
/** Without an event nothing proves that the STS took the Session. */
const silent: Given = { events: [], captured: { at: Date.parse(at(0)) } };
const service = { lifecycle: 'service', ttlSeconds: undefined, heartbeatDeadlineAt: at(650) } as const;

/** What a row is called, what is given, and mark, then, now, and what changed it. */
const cases: readonly (readonly [name: string, what: string, given: Given, mark: string, then: string, now: string, by: string])[] = [
  ['Session target', 'as then', {}, 'passed', 'active: the STS took it', 'active', ''],
  ['Session target', 'as then, but not proven', silent, 'passed', 'active; whether it was suspended is not recorded', 'active', ''],
  ['Session target', 'a service, whose heartbeat then is in no row', { ...silent, state: { sessions: [session('target', service)] } }, 'passed', 'not recorded', 'active', ''],
  ['Session target', 'terminated by a call', { state: { sessions: [session('target', { status: 'terminated', terminatedAt: at(60), terminationReason: 'requested' })] }, around: { changes: row([change('/zones/zone-1/agents/other', { actor: 'bob', occurredAt: at(60) }), change('/zones/zone-1/agents/target', { occurredAt: at(63) })]) } }, 'warning', 'active: the STS took it', 'terminated, requested, 60 s', 'by ana: PATCH /zones/zone-1/agents/target'],
  ['Session target', 'terminated with its parent', { state: { sessions: [session('target', { status: 'terminated', terminatedAt: at(60), terminationReason: 'parent_terminated', parentId: 'above' })] }, around: { changes: row([change('/zones/zone-1/agents/above')]) } }, 'warning', 'active: the STS took it', 'terminated, parent_terminated, 60 s', 'parent_terminated, by ana: PATCH /zones/zone-1/agents/above'],
  ['Session target', 'terminated, likely by a call of the moment', { state: { sessions: [session('target', { status: 'terminated', terminatedAt: at(60) })] }, around: { changes: row([change('/zones/zone-1/agents/other')]) } }, 'warning', 'active: the STS took it', 'terminated, 60 s', 'likely by ana: PATCH /zones/zone-1/agents/other'],
  ['Session target', 'terminated, and the admin audit does not say', { state: { sessions: [session('target', { status: 'terminated', terminatedAt: at(60) })] }, around: { changes: row([change('/zones/zone-1/agents/other', { occurredAt: at(90) })]) } }, 'warning', 'active: the STS took it', 'terminated, 60 s', 'by whom is not in the admin audit'],
  ['Session target', 'terminated, and the admin audit is closed', { state: { sessions: [session('target', { status: 'terminated', terminatedAt: at(60) })] }, around: { changes: { kind: 'cannot look', why: 'permission denied' } } }, 'warning', 'active: the STS took it', 'terminated, 60 s', 'by whom cannot be looked at: permission denied'],
  ['Session target', 'ended by the Coordinator itself', { state: { sessions: [session('target', { status: 'expired', terminatedAt: at(60), terminationReason: 'ttl' })] } }, 'warning', 'active: the STS took it', 'expired, ttl, 60 s', 'its time was over; the Coordinator ended it'],
  ['Session target', 'expired, although active in its row', { state: { sessions: [session('target', { ttlSeconds: 200 })] } }, 'warning', 'active: the STS took it', 'its 200 s ended, 100 s; its row still says active', 'time alone; nobody did it'],
  ['Session target', 'dead then, too', { ...silent, state: { sessions: [session('target', { ttlSeconds: 50 })] } }, 'failed', 'dead: its 50 s had ended', 'its 50 s ended, -50 s; its row still says active', ''],
  ['Session target', 'terminated before', { ...silent, state: { sessions: [session('target', { status: 'terminated', terminatedAt: at(-5), terminationReason: 'requested' })] } }, 'failed', 'dead: terminated, requested', 'terminated, requested, -5 s', ''],
  ['Session target', 'suspended, since when is in no row', { ...silent, state: { sessions: [session('target', { status: 'suspended', updatedAt: at(30) })] } }, 'failed', 'not recorded', 'suspended', ''],
  ['Session target', 'suspended before', { ...silent, state: { sessions: [session('target', { status: 'suspended', updatedAt: at(-30) })] } }, 'failed', 'dead: suspended', 'suspended', ''],
  ['Session target', 'started later', { ...silent, state: { sessions: [session('target', { startedAt: at(5) })] } }, 'warning', 'not there yet', 'active', ''],
  ['Session target', 'without its authority record', { state: { records: [] } }, 'unknown', 'active: the STS took it', 'cannot tell: of its authority record: its authority record was not read', ''],
  ['Delegation edge', 'as then', {}, 'passed', 'active', 'active', ''],
  ['Delegation edge', 'revoked by a call', { state: { delegations: [delegation({ status: 'revoked', revokedAt: at(60) })] }, around: { changes: row([change('/zones/zone-1/delegations/edge/revoke')]) } }, 'warning', 'active', 'revoked, 60 s', 'by ana: PATCH /zones/zone-1/delegations/edge/revoke'],
  ['Delegation edge', 'revoked with its Session', { state: { delegations: [delegation({ status: 'revoked', revokedAt: at(60) })] }, around: { changes: row([change('/zones/zone-1/agents/source')]) } }, 'warning', 'active', 'revoked, 60 s', 'by ana: PATCH /zones/zone-1/agents/source'],
  ['Delegation edge', 'expired', { state: { delegations: [delegation({ expiresAt: at(60) })] } }, 'warning', 'active', 'expired, 60 s; its row still says active', 'time alone; nobody did it'],
  ['Delegation edge', 'dead before', { state: { delegations: [delegation({ expiresAt: at(-60) })] } }, 'failed', 'dead: expired', 'expired, -60 s; its row still says active', ''],
  ['Delegation edge', 'made later', { state: { delegations: [delegation({ createdAt: at(5) })] } }, 'warning', 'not there yet', 'active', 'it was made after the request'],
  ['Authority record of an Application rec', 'revoked with a grant', { state: { records: [record({ status: 'revoked', revokedAt: at(60), revokedReason: 'grant_revoked' })] }, around: { changes: row([change('/v1/zones/zone-1/grants/g-1', { method: 'DELETE', action: 'DELETE grant' })]) } }, 'warning', 'active', 'revoked, grant_revoked, 60 s', 'grant_revoked, likely by ana: DELETE grant'],
  ['Authority record of a user rec', 'revoked with its subject', { state: { records: [record({ type: 'user', subjectId: 'u-1', status: 'revoked', revokedAt: at(60), revokedReason: 'subject_revoked' })] }, around: { changes: row([change('/v1/zones/zone-1/subjects/u-1/revoke', { action: 'Subject authority revoked' })]) } }, 'warning', 'active', 'revoked, subject_revoked, 60 s', 'subject_revoked, by ana: Subject authority revoked'],
  ['Authority record of an Application rec', 'expired before', { state: { records: [record({ expiresAt: at(-1) })] } }, 'failed', 'dead: expired', 'expired, -1 s; its row still says active', ''],
  ['Approval hold', 'decided', { captured: { approvalId: 'hold' }, state: { approvals: [{ ...approval, satisfiedAt: at(60), approverSubjectId: 'console:ana', decisionReason: 'routine' }] } }, 'warning', 'pending', 'approved', 'decided by console:ana: routine'],
  ['Approval hold', 'expired', { captured: { approvalId: 'hold' }, state: { approvals: [{ ...approval, expiresAt: at(60) }] } }, 'warning', 'pending', 'expired', 'nobody decided it in time'],
  ['Approval hold', 'made by the request itself', { events: [event(), event({ event_type: 'step_up_issued', decision: 'pending', metadata_json: { challenge_id: 'hold' } })], state: { approvals: [{ ...approval, createdAt: at(1) }] } }, 'passed', 'pending', 'pending', ''],
  ['Approval hold', 'used by the request itself', { events: [event(), event({ event_type: 'step_up_consumed', decision: 'consumed', metadata_json: { challenge_id: 'hold' } })], state: { approvals: [{ ...approval, satisfiedAt: at(-5), consumedAt: at(1) }] } }, 'passed', 'used', 'used', ''],
  ['Approval hold', 'used before', { captured: { approvalId: 'hold' }, state: { approvals: [{ ...approval, satisfiedAt: at(-20), consumedAt: at(-1) }] } }, 'passed', 'used', 'used', ''],
  ['Revocations', 'none', {}, 'passed', 'none', 'none', ''],
  ['Revocations', 'one since', { state: { delegations: [delegation({ status: 'revoked', revokedAt: at(60) })] } }, 'warning', 'none', '1 of what it needs', 'see the rows above'],
  ['Delegation epoch', 'as then', {}, 'passed', '7', '7', ''],
  ['Delegation epoch', 'grown', { around: { epoch: row({ epoch: 8, changedAt: at(60) }), messages: row({ revocations: [], dead: [], epochs: [{ id: '1-0', at: Date.parse(at(60)), fields: { event: 'edge_create', edge_id: 'other', epoch: '8' } }] }), changes: row([change('/zones/zone-1/delegations', { method: 'POST', action: 'POST delegations' })]) } }, 'warning', '7', '8', 'Delegation created other at 60 s; the last change likely by ana: POST delegations'],
  ['Delegation epoch', 'not told by the event', { events: [event({ metadata_json: { delegation_graph_epoch: undefined } })] }, 'passed', 'not recorded', '7', ''],
  ['Policy in force', 'as then', {}, 'passed', 'main, version 1', 'main, version 1', ''],
  ['Policy in force', 'another', { around: { policy: row({ versions: [version(1, []), version(2, [])], active: { setId: 'set', activeVersionId: 'version-2', changedAt: at(60) } }), changes: row([change('/v1/zones/zone-1/policy-sets/set/activate')]) } }, 'warning', 'main, version 1', 'main, version 2', 'activated at 60 s by ana: PATCH /v1/zones/zone-1/policy-sets/set/activate'],
  ['Policy in force', 'closed', { around: { policy: { kind: 'cannot look', why: 'permission denied' } } }, 'unknown', 'version version-1', 'cannot look: permission denied', ''],
  ['Application Orders', 'as then', {}, 'passed', 'active', 'active', ''],
  ['Application Orders', 'archived', { around: { applications: row([{ id: 'app', name: 'Orders', registrationMethod: 'managed', createdAt: at(-9), expiresAt: undefined, archivedAt: at(60) }]), changes: row([change('/v1/zones/zone-1/applications/app', { method: 'DELETE', action: 'DELETE application' })]) } }, 'warning', 'active', 'archived, 60 s', 'by ana: DELETE application'],
  ['Application Orders', 'expired', { around: { applications: row([{ id: 'app', name: 'Orders', registrationMethod: 'dcr', createdAt: at(-9), expiresAt: at(60), archivedAt: undefined }]) } }, 'warning', 'active', 'expired, 60 s', 'time alone; nobody did it'],
];

const denied = (description: string, given: Given = {}): Given => ({ ...silent, ...given, captured: { ...silent.captured, answer: { status: 403, error: 'access_denied', description } }, evidence: { events: [], ...given.evidence } });
const asked = event({ decision: 'deny', evaluation_status: 'complete', diagnostics_json: [{ reason: 'role_scope_mismatch' }] });

describe('state then and now', () => {
  for (const [name, what, given, mark, then, now, by] of cases) {
    it(`${name}: ${what}`, () => {
      const cells = rowOf(stateSection(partsOf(given)), name);
      deepEqual([cells[0]?.mark, ...cells.slice(1).map(({ text }) => text)], [mark, then, now, by]);
    });
  }

  it('knows of a time in whole seconds that it was before their end', () => {
    const pasted: Given = { events: [], captured: { at: Date.parse(at(0)) }, evidence: { events: [] }, state: { sessions: [session('target', { startedAt: new Date(Date.parse(at(0)) + 400).toISOString() })] } };
    equal(rowOf(stateSection(partsOf(pasted)), 'Session target')[1]?.text.startsWith('not there'), false);
  });

  it('leaves out what else the same Session waits for', () => {
    const section = stateSection(partsOf({ state: { approvals: [approval] } }));
    equal(section.blocks.some((block) => block.kind === 'table' && [...block.rows, ...(block.folded?.rows ?? [])].some(([cell]) => cell?.text.startsWith('Approval') === true)), false);
  });

  it('looks at the Session of a Delegation that an event names alone', () => {
    const refused = event({ decision: 'deny', evaluation_status: 'resource_outside_delegation', metadata_json: { agent_session_id: '', requested_scopes: undefined } });
    equal(stateSection(partsOf({ events: [refused] })).summary, 'nothing is known to have changed since');
  });

  it('has the times of both, and folds what is as it was', () => {
    const { blocks: [table], summary } = inSeconds(stateSection(partsOf()));
    ok(table?.kind === 'table');
    deepEqual([table.heads, table.rows, table.folded?.label], [['State', 'Then, 0 s', 'Now, 600 s', 'What changed it'], [], '8 rows as then']);
    equal(summary, 'nothing is known to have changed since');
  });

  it('says what the STS would answer', () => {
    ok(textsOf(stateSection(partsOf())).some((text) => /^The STS would take this Session and this Delegation now: \d+ checks hold\.$/.test(text)));
    const over = stateSection(partsOf({ events: [asked], state: { sessions: [session('source'), session('target', { ttlSeconds: 200 })] } }));
    equal(over.summary, '2 changed since; the STS would refuse it now: delegation target inactive or unauthorized');
    ok(textsOf(over).includes('The STS would refuse it now: delegation target inactive or unauthorized. Session target: its 200 s ended, 100 s.'), textsOf(over).join('\n'));
    ok(textsOf(stateSection(partsOf({ events: [] }))).includes('Nothing known names a Session or a Delegation, so there is nothing that the STS would look at.'));
  });

  it('is the answer to refusals that leave no event', () => {
    const text = (given: Given): string => textsOf(stateSection(partsOf(given))).find((line) => line.includes('leaves no audit event')) ?? '';
    const named = { events: [event({ request_id: 'request-1' })] };
    match(text({ ...denied('delegation edge inactive or expired'), ...named, state: { delegations: [delegation({ status: 'revoked', revokedAt: at(-5) })] }, evidence: {} }), /It is what the caller was told\.$/);
    match(text({ ...denied('session not owned by caller'), ...named, state: { delegations: [delegation({ status: 'revoked', revokedAt: at(-5) })] }, evidence: {} }), /The caller was told session not owned by caller, which another row decided then\.$/);
    match(text({ ...denied('delegation edge inactive or expired'), ...named, evidence: {} }), /No check fails now, so what failed then has changed since\.$/);
    equal(text(denied('policy denied (role_scope_mismatch)')), '');
  });

  it('says what cannot be looked at', () => {
    const section = stateSection(partsOf({ evidence: { state: { kind: 'cannot look', why: 'Postgres is not given' } } }));
    equal(section.summary, 'rows cannot be looked at: Postgres is not given');
    deepEqual(rowOf(section, 'Sessions, Delegations').map(({ text, mark }) => mark ?? text), ['unknown', 'not recorded', 'cannot look: Postgres is not given', '']);
    ok(textsOf(section).includes('What the STS would answer now cannot be told: Postgres is not given.'));
  });
});
