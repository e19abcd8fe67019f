import { deepEqual, equal } from 'node:assert/strict';
import { holdOf, standingOf, unnamedHolds } from '../../src/trace/holds.ts';
import type { HoldStanding } from '../../src/trace/holds.ts';
import { outcomeOf } from '../../src/trace/outcome.ts';
import type { OutcomeKind } from '../../src/trace/outcome.ts';
import type { ApprovalRow } from '../../src/trace/stateRows.ts';
import { stitch } from '../../src/trace/stitching.ts';
import { at, event } from './traceParts.ts';

const row = (more: Partial<ApprovalRow> = {}): ApprovalRow => ({
  id: 'c-1', createdAt: at(0), expiresAt: at(600), satisfiedAt: undefined, rejectedAt: undefined, consumedAt: undefined, tier: 'high', approverClass: 'operator', approverSubjectId: undefined, decisionReason: undefined,
  metadata: { resources: ['billing-api'], requested_scopes: ['invoice:write'], agent_session_id: 'target', delegation_edge_id: 'edge', policy_set_version_id: 'version-1' }, ...more,
});
const gated = { diagnostics_json: [{ step_up_required: { type: 'human_approval', tiers: [{ tier: 'high' }] } }], metadata_json: { requested_scopes: ['invoice:write'] } };
const held = event({ id: 'held', ...gated });
const issued = event({ id: 'issued', event_type: 'step_up_issued', decision: 'pending', metadata_json: { challenge_id: 'c-1', expires_at: at(600), approver_class: 'operator' } });
const decided = event({ id: 'decided', event_type: 'step_up_decided', decision: 'approved', request_id: 'decision', occurred_at: at(20), metadata_json: { challenge_id: 'c-1', approver_subject_id: 'console:dana' } });
const used = event({ id: 'used', event_type: 'step_up_consumed', decision: 'consumed', request_id: 'retry', occurred_at: at(25), metadata_json: { challenge_id: 'c-1' } });

describe('the hold of a request', () => {
  const lives: readonly (readonly [life: Partial<ApprovalRow>, standing: HoldStanding, kind: OutcomeKind, code: string, sentence: string])[] = [
    [{}, 'waits', 'on hold', 'interaction_required', `This call is on hold. An operator can approve it until ${at(600)}.`],
    [{ satisfiedAt: at(20) }, 'approved', 'on hold', 'interaction_required', 'This call was on hold and is approved, but the caller has not asked again.'],
    [{ satisfiedAt: at(20), consumedAt: at(25) }, 'used', 'allowed', 'interaction_required', 'This call was on hold; its approval was used by a later request.'],
    [{ rejectedAt: at(20), approverSubjectId: 'admin:01a21e42-0000-7000-8000-00000021a9a3', decisionReason: 'not today' }, 'rejected', 'refused', 'approval_rejected', 'The approval was rejected by admin:…21a9a3: “not today”.'],
    [{ expiresAt: at(30) }, 'over', 'refused', 'approval_expired', 'This call was on hold, and nobody approved it in time.'],
    [{ satisfiedAt: at(20), expiresAt: at(30) }, 'approved, and over', 'refused', 'approval_expired', 'This call was on hold and was approved, but the caller did not ask again in time.'],
  ];
  for (const [life, standing, kind, code, sentence] of lives) {
    it(`that is ${standing} is told as such`, () => {
      const now = Date.parse(at(100));
      equal(standingOf(row(life), now), standing);
      const outcome = outcomeOf({ events: [held, issued], hold: holdOf('c-1', [row(life)], [], now) });
      deepEqual([outcome.kind, outcome.layer, outcome.code, outcome.sentence], [kind, 'approval', code, sentence]);
    });
  }

  it('is known by its events, where its row cannot be read', () => {
    const hops = stitch('request-1', { events: [held, issued, decided, used], covered: [], known: {} });
    const hold = holdOf('c-1', [], hops, NaN);
    deepEqual([hold?.standing, hold?.usedBy, hold?.approverSubjectId, hold?.expiresAt], ['used', 'retry', 'console:dana', at(600)]);
    equal(holdOf('c-1', [], [], NaN), undefined);
  });

  it('needs two people at once, and is refused', () => {
    const both = event({ ...gated, diagnostics_json: [{ step_up_required: { type: 'human_approval', tiers: [{ tier: 'high' }, { tier: 'personal', approver: 'subject' }] } }] });
    const { kind, layer, code } = outcomeOf({ events: [both] });
    deepEqual([kind, layer, code], ['refused', 'approval', 'approval_class_conflict']);
  });
});

describe('an approval that no event names', () => {
  const repeat = event({ id: 'repeat', request_id: 'repeat', occurred_at: at(10), ...gated });
  const refusal = (status: string, seconds: number) => event({ id: status, request_id: status, decision: 'deny', evaluation_status: status, occurred_at: at(seconds), metadata_json: { application_id: 'app' } });
  const found = (of: typeof repeat, ...rows: readonly ApprovalRow[]): unknown => unnamedHolds([of], rows).get(of.request_id);

  it('is the one that is bound to what a mint asks again', () => {
    deepEqual(found(repeat, row()), { approvalId: 'c-1', certainty: 'certain' });
    for (const [name, value] of [['requested_scopes', ['invoice:read']], ['agent_session_id', 'other'], ['delegation_edge_id', 'other'], ['policy_set_version_id', 'version-2'], ['resources', ['billing-api', 'archive']]] as const) {
      equal(found(repeat, row({ metadata: { ...row().metadata, [name]: value } })), undefined, name);
    }
    equal(found(repeat, row({ consumedAt: at(5) })), undefined, 'used before');
    equal(found(repeat, row({ createdAt: at(11) })), undefined, 'made after');
    equal(unnamedHolds([held, issued], [row()]).size, 0, 'its own event names it');
  });

  it('is likely the latest that could be refused so', () => {
    const [used1, over, open] = [row({ id: 'used', createdAt: at(1), consumedAt: at(2) }), row({ id: 'over', createdAt: at(3), expiresAt: at(4) }), row({ id: 'open', createdAt: at(5), satisfiedAt: at(6) })];
    const of = (status: string): unknown => found(refusal(status, 50), used1, over, open);
    deepEqual([of('approval_already_consumed'), of('approval_expired'), of('approval_invalid')], ['used', 'over', 'open'].map((approvalId) => ({ approvalId, certainty: 'likely' })));
    equal(found(refusal('approval_invalid', 0.5), used1), undefined);
  });

  it('joins its request with all others of it', () => {
    const material = { events: [held, issued, decided, used, repeat], covered: [], known: { holds: unnamedHolds([held, issued, decided, used, repeat], [row({ satisfiedAt: at(20), consumedAt: at(25) })]) } };
    deepEqual(stitch('repeat', material).map(({ requestId, join }) => [requestId, join?.certainty]), [['request-1', 'certain'], ['repeat', undefined], ['decision', 'certain'], ['retry', 'certain']]);
    deepEqual(stitch('retry', material).map(({ requestId }) => requestId), ['request-1', 'repeat', 'decision', 'retry']);
  });
});
