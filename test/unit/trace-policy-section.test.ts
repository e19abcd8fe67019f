import { deepEqual, equal, ok } from 'node:assert/strict';
import { policySection } from '../../src/trace/policySection.ts';
import type { Cell, Section } from '../../src/trace/story.ts';
import { at, event, inSeconds, partsOf, row, rowOf, textsOf, version } from './traceParts.ts';
import type { Given } from './traceParts.ts';

const section = (given: Given = {}): Section => inSeconds(policySection(partsOf(given)));
const texts = (cells: readonly Cell[]): readonly string[] => cells.map(({ text }) => text);
const denied = (reason: string, more: Parameters<typeof event>[0] = {}): ReturnType<typeof event> => event({ decision: 'deny', determining_policies_json: [], diagnostics_json: [{ reason }], ...more });
const before = (status: string, metadata: object = {}): ReturnType<typeof event> => event({ decision: 'deny', policy_set_version_id: '', evaluation_status: status, determining_policies_json: null, diagnostics_json: null, metadata_json: { requested_scopes: undefined, agent_session_id: undefined, delegation_edge_id: undefined, ...metadata } });
const use = (more: Parameters<typeof event>[0] = {}): ReturnType<typeof event> => event({ id: 'use', determining_policies_json: [{ policy: 'caracal-orders-use' }], metadata_json: { requested_scopes: [] }, ...more });

/** First cell, what is given, and the other cells. */
const rows: readonly (readonly [what: string, first: string, given: Given, expected: readonly string[]])[] = [
  ['a mint', 'Mint', {}, ['billing-api', 'invoice:read', 'all of them', 'caracal-orders-mint']],
  ['a mint on hold', 'Mint', { events: [event({ diagnostics_json: [{ step_up_required: { type: 'human_approval' } }] })] }, ['billing-api', 'invoice:read', 'all of them, once it is approved', 'caracal-orders-mint']],
  ['a mint denied', 'Mint', { events: [denied('role_scope_mismatch')] }, ['billing-api', 'invoice:read', 'nothing', 'No single label’s role covers all the scopes; roles do not add up (role_scope_mismatch)']],
  ['a reason of a later release', 'Mint', { events: [denied('moon_phase')] }, ['billing-api', 'invoice:read', 'nothing', 'A reason that is not known here (moon_phase)']],
  ['refused before the policy', 'Exchange', { events: [before('resource_not_found')] }, ['billing-api', 'not recorded', 'nothing', 'Not by the policy: the zone has no such resource, or it is archived (resource_not_found)']],
  ['a use, whose mint is known', 'Use', { events: [event({ id: 'mint', request_id: 'request-0', occurred_at: at(-5) }), use()] }, ['billing-api', 'invoice:read in its mandate', 'the same', 'caracal-orders-use']],
  ['a use alone', 'Use', { events: [use()] }, ['billing-api', 'what its mandate carries; not recorded', 'the same', 'caracal-orders-use']],
  ['a bootstrap', 'Bootstrap', { events: [event({ determining_policies_json: [{ policy: 'caracal-bootstrap' }], metadata_json: { requested_scopes: ['agent:lifecycle'] } })] }, ['billing-api', 'agent:lifecycle', 'all of them', 'caracal-bootstrap']],
];

const two = row({ versions: [version(1, ['grants-1', 'ids-1']), version(2, ['grants-2', 'risk-1'])], active: { setId: 'set', activeVersionId: 'version-2', changedAt: at(60) } });
const read = row([
  { id: 'grants-1', policyId: 'grants', name: 'grants', version: 1, content: 'grants := {"a": 1}\n' }, { id: 'grants-2', policyId: 'grants', name: 'grants', version: 2, content: 'grants := {"a": 2}\n' },
  { id: 'ids-1', policyId: 'ids', name: 'ids', version: 1, content: 'app_ids := {}\n' }, { id: 'risk-1', policyId: 'risk', name: 'risk', version: 1, content: undefined },
]);

describe('what is told of the policy', () => {
  for (const [what, first, given, expected] of rows) it(`requested and granted: ${what}`, () => deepEqual(texts(rowOf(section(given), first)).slice(1), expected));

  it('is one line where no policy decided', () => {
    deepEqual([section({ events: [] }).summary, section({ events: [] }).blocks], ['no decision of the policy is recorded of this request', []]);
    ok(textsOf(section({ events: [before('resource_not_found')] })).some((text) => text.startsWith('No version of a policy set is named')));
  });

  it('counts each resource by itself', () => equal(section({ events: [event({ id: 'one' }), denied('resource_not_granted', { id: 'two', metadata_json: { resource: 'ledger' } }), denied('', { id: 'three', evaluation_status: 'exchange_denied' })] }).summary, '1 of 2 exchanges allowed; same version now'));

  it('leads to the text that decided, and says that it is the same now', () => {
    const told = section();
    deepEqual(rowOf(told, 'grants'), [{ text: 'grants', isStrong: false, link: { kind: 'text', title: 'grants, version 1.rego', language: 'rego', text: 'package caracal.authz\n\ngrants := {}\n' } }, { text: 'version 1' }, { text: 'the same' }, { text: '' }]);
    const facts = told.blocks.find((block) => block.kind === 'facts');
    ok(facts?.kind === 'facts');
    deepEqual(facts.facts.map(({ label, value: { text, mark, link } }) => [label, text, mark, link?.kind]), [['Decided by', 'main, version 1', undefined, 'text'], ['In force now', 'same version now', 'passed', undefined]]);
  });

  it('shows what changed since, policy by policy', () => {
    const told = section({ around: { policy: two, texts: read, changes: row([{ requestId: 'r', actor: 'ana', action: 'POST activate', method: 'POST', path: '/v1/zones/zone-1/policy-sets/set/activate', entityType: 'policy-sets', entityId: 'set', occurredAt: at(60) }]) } });
    equal(told.summary, '1 of 1 exchange allowed; changed at 60 s by ana: POST activate');
    const grants = rowOf(told, 'grants');
    deepEqual([grants[2]?.text, grants[2]?.link], ['version 2', { kind: 'difference', title: 'grants, versions 1 and 2', language: 'rego', before: 'grants := {"a": 1}\n', after: 'grants := {"a": 2}\n' }]);
    deepEqual([texts(rowOf(told, 'ids')), texts(rowOf(told, 'risk'))], [['ids', 'version 1', 'not part of it any more', ''], ['risk', 'not part of it', 'version 1', '']]);
    const facts = told.blocks.find((block) => block.kind === 'facts');
    const link = facts?.kind === 'facts' ? facts.facts[1]?.value.link : undefined;
    ok(link?.kind === 'difference' && link.before.includes('# Policy ids, version 1') && link.after.includes('# Too long to be shown here'), JSON.stringify(link));
  });

  it('names the policy that the reason comes from, first', () => {
    const told = section({ events: [denied('resource_not_granted')], around: { texts: row([{ id: 'ids-1', policyId: 'ids', name: 'a-comment', version: 1, content: '# grants := no\nrisk := []\n' }, { id: 'grants-1', policyId: 'grants', name: 'grants', version: 1, content: 'grants := {}\n' }]) } });
    const table = told.blocks.findLast((block) => block.kind === 'table');
    deepEqual(table?.kind === 'table' ? table.rows.map(([name, , , why]) => [name?.text, why?.text]) : [], [['grants', 'the reason comes from here'], ['a-comment', '']]);
  });

  it('says what cannot be looked at', () => {
    const closed = { kind: 'cannot look', why: 'permission denied' } as const;
    ok(textsOf(section({ around: { texts: closed } })).includes('The text of the policy cannot be looked at: permission denied.'));
    equal(section({ around: { policy: closed, texts: closed } }).summary, '1 of 1 exchange allowed; what is in force now cannot be looked at: permission denied');
    ok(textsOf(section({ around: { policy: row({ versions: [version(2, [])], active: { setId: 'set', activeVersionId: 'version-2', changedAt: at(60) } }) } })).includes('The version that decided is not in Postgres any more, so its text cannot be shown.'));
    equal(section({ around: { policy: row({ versions: [version(1, [])], active: undefined }) } }).summary, '1 of 1 exchange allowed; no policy set is active now');
  });
});
