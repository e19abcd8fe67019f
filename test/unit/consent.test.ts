import assert from 'node:assert/strict';
import { checks, subjects } from '../../src/flow/catalogue.ts';
import { consent, withConsent } from '../../src/flow/consent.ts';
import { recordedSource } from '../../src/flow/recordedSource.ts';
import { run } from '../../src/flow/runner.ts';
import { notAskedUnproven } from '../../src/flow/words.ts';
import { wouldAsk } from '../../src/flow/wouldAsk.ts';
import { questionId } from '../../src/model/observation.ts';
import type { Observation, Outcome } from '../../src/model/observation.ts';
import type { Deployment } from '../../src/targets/deployment.ts';
import { auditObservers } from '../../src/flow/audit/audit.observe.ts';
import { answer, judge, refused } from './judge.ts';

const newest = 'CRC-AUD-002';
const noPostgres: Outcome = { kind: 'unavailable', why: 'no Postgres in the target', wayOut: 'add postgres' };
const noToken: Outcome = { kind: 'unavailable', why: 'no admin token', wayOut: 'add tokens.admin' };
const agreed = { given: true, zone: 'z1', token: true };
const list = { status: 200, error: null, serverMs: Date.parse('2026-08-20T10:00:03.000Z'), events: [{ type: 'token_exchange', occurredAt: '2026-08-20T10:00:00.000Z', ingestedAt: '2026-08-20T10:00:00.100Z' }] };

describe('consent to a call that the API may refuse', () => {
  const cases: readonly (readonly [name: string, token: Outcome, said: Outcome, listed: unknown, status: string, summary: string])[] = [
    ['is missed when the token cannot be looked up', noPostgres, answer({ ...agreed, given: false }), undefined, 'unknown', notAskedUnproven],
    ['is missed when the table may not be read', refused('42501', 'permission denied'), answer({ ...agreed, given: false }), undefined, 'unknown', notAskedUnproven],
    ['is missed when the table does not know the token', answer({ row: null }), answer({ ...agreed, given: false }), undefined, 'unknown', notAskedUnproven],
    ['cannot be given without a token', noToken, answer({ ...agreed, token: false }), undefined, 'unknown', 'no admin token: add tokens.admin'],
    ['lets the call be made', noPostgres, answer(agreed), list, 'pass', '3 s ago, token_exchange'],
    ['shows a refusal as it is', noPostgres, answer(agreed), { ...list, status: 401, error: 'invalid_admin_token', events: [] }, 'fail', '401 invalid_admin_token'],
    ['takes no empty list for an empty zone', noPostgres, answer(agreed), { ...list, events: [] }, 'unknown', 'no event, or no such zone'],
    ['does not name a zone', noPostgres, answer({ ...agreed, zone: null }), undefined, 'unknown', 'no Postgres in the target: add postgres'],
    ['is not in an old record', noPostgres, noPostgres, undefined, 'unknown', notAskedUnproven],
  ];
  for (const [name, token, said, listed, status, summary] of cases) {
    it(name, async () => {
      const verdict = await judge(newest, {
        'postgres.adminToken/api': token,
        'postgres.zone/Postgres': noPostgres,
        'user.consent/api': said,
        ...(listed === undefined ? {} : { 'api.auditList/z1': answer(listed) }),
      });
      assert.deepEqual([verdict.status, verdict.summary], [status, summary]);
    });
  }

  const observation = (id: string, outcome: Outcome): Observation => {
    const [subject = '', of = ''] = id.split('/');
    return { id, question: { subject, of }, asked: id, at: '2026-08-20T10:00:00.000Z', tookMs: 1, outcome };
  };

  it('is asked of nobody when the token is live', async () => {
    const asked: string[] = [];
    const live = { name: 'n', scope: 'global', zone: null, capability: 'read', revoked: false, usable: true, ofConsole: false };
    const known: Readonly<Record<string, unknown>> = { 'postgres.adminToken/api': { row: live }, 'postgres.zone/Postgres': { zone: 'z1', exists: true, zones: 1 }, 'api.auditList/z1': list };
    const check = checks.find(({ id }) => id === newest);
    assert.ok(check);
    await run({
      checks: [{ ...check, needs: [] }],
      signal: new AbortController().signal,
      source: { ask: (question) => (asked.push(questionId(question)), Promise.resolve(observation(questionId(question), answer(known[questionId(question)])))) },
    });
    assert.deepEqual(asked, ['postgres.adminToken/api', 'postgres.zone/Postgres', 'api.auditList/z1']);
  });

  it('stays in the record, so that it can be judged again', async () => {
    const source = withConsent({ ask: () => Promise.reject(new Error('not for the deployment')) }, agreed);
    const given = await source.ask(consent.of('api'), new AbortController().signal);
    const again = await recordedSource([given], given.at, subjects).ask(consent.of('api'), new AbortController().signal);
    assert.deepEqual(again.outcome, answer(agreed));
  });

  it('is preceded by the exact call that it is for', async () => {
    const check = checks.find(({ id }) => id === newest);
    assert.ok(check);
    const deployment = {
      target: { kind: 'endpoints', name: 'lab', services: {}, zone: 'z1' },
      http: () => ({ at: (path: string) => new URL(path, 'http://127.0.0.1:3000') }),
    } as unknown as Deployment;
    const before = [observation('postgres.adminToken/api', noPostgres), observation('postgres.zone/Postgres', noPostgres)];
    assert.deepEqual(await wouldAsk(check, before, deployment, auditObservers), ['GET http://127.0.0.1:3000/v1/zones/z1/audit?limit=20']);
  });
});
