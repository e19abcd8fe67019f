import { deepEqual, equal, ok } from 'node:assert/strict';
import { capture } from '../../src/trace/capture.ts';
import type { Captured } from '../../src/trace/capture.ts';

const id = '0198f6a1-7000-7abc-8def-000000f90ae7';
const approval = '5d1f0c9e-2a55-4a55-9a3c-0f1c5f2b7711';
const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const mandate = `${segment({ alg: 'ES256', typ: 'JWT', kid: 'k' })}.${segment({
  iss: 'http://localhost:8080', sub: 'app', aud: ['http://localhost:8080'], exp: 1785666030, iat: 1785665130, jti: 'j', zone_id: 'z-1', client_id: 'app', sid: 's', root_sid: 's', use: 'gateway', sub_type: 'application', target: ['billing-api'],
})}.${Buffer.alloc(64, 1).toString('base64url')}`;
const replay = { error: 'invalid_token', error_description: 'token replay detected', requestId: id };

/** What was recognised, without what is undefined; of a mandate that it is there. */
function seen(text: string): unknown {
  const result = capture(text);
  if (result.kind === 'nothing') return result.why;
  const { mandate: decoded, ...rest } = result.captured;
  return Object.fromEntries(Object.entries({ ...rest, ...(decoded === undefined ? {} : { mandate: decoded.claims.use }) }).filter(([, value]) => value !== undefined));
}

const answer = (status: number | undefined, error: string, description: string | undefined): Captured['answer'] => ({ status, error, description });

const cases: readonly (readonly [what: string, pasted: string, expected: unknown])[] = [
  ['a request id', id, { what: 'an id', requestId: id, approvalId: id }],
  ['an id in quotes, with what came along', ` "${id}",\n`, { what: 'an id', requestId: id, approvalId: id }],
  ['an id of the caller\u2019s own', 'checkout/2026-08#17', { what: 'an id', requestId: 'checkout/2026-08#17' }],
  ['a mandate', mandate, { what: 'a mandate', mandate: 'gateway', zoneId: 'z-1', resource: 'billing-api', at: 1785665130000 }],
  ['a mandate with its scheme', `Authorization: Bearer ${mandate}`, { what: 'a mandate', mandate: 'gateway', zoneId: 'z-1', resource: 'billing-api', at: 1785665130000 }],
  ['a mandate in the answer of the STS', JSON.stringify({ access_token: mandate, token_type: 'Bearer', expires_in: 900 }), { what: 'a mandate in an answer of the STS', mandate: 'gateway', zoneId: 'z-1', resource: 'billing-api', at: 1785665130000, answer: { status: 200, error: undefined, description: undefined } }],
  ['the body of an answer', JSON.stringify(replay), { what: 'an answer of the Gateway', requestId: id, answer: answer(undefined, 'invalid_token', 'token replay detected') }],
  ['a body over several lines', JSON.stringify(replay, null, 2), { what: 'an answer of the Gateway', requestId: id, answer: answer(undefined, 'invalid_token', 'token replay detected') }],
  ['an answer whose lines were joined', `HTTP/1.1 401 Unauthorized content-type: application/json ${JSON.stringify(replay)}`, { what: 'an answer of the Gateway', requestId: id, answer: answer(401, 'invalid_token', 'token replay detected') }],
  ['an answer with its headers, whose lines were joined', `HTTP/1.1 401 Unauthorized Content-Type: application/json X-Request-Id: ${id} Date: Sun, 02 Aug 2026 10:15:30 GMT ${JSON.stringify(replay)}`,
    { what: 'an answer of the Gateway', requestId: id, at: Date.UTC(2026, 7, 2, 10, 15, 30), answer: answer(401, 'invalid_token', 'token replay detected') }],
  ['what curl -v writes, whose lines were joined', `* Connected > GET /invoices HTTP/1.1 > X-Request-Id: sent > < HTTP/1.1 401 Unauthorized < x-request-id: ${id} < {"error":"invalid_token"}`, { what: 'an answer', requestId: id, answer: answer(401, 'invalid_token', undefined) }],
  ['a status and a body', `401 ${JSON.stringify(replay)}`, { what: 'an answer of the Gateway', requestId: id, answer: answer(401, 'invalid_token', 'token replay detected') }],
  ['what curl -i writes', `HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nX-Request-Id: ${id}\r\nX-Request-Id: of-the-upstream\r\nDate: Sun, 02 Aug 2026 10:15:30 GMT\r\n\r\n${JSON.stringify({ error: 'access_denied', error_description: 'policy denied (role_scope_mismatch)', requestId: id })}`,
    { what: 'an answer of the STS', requestId: id, at: Date.UTC(2026, 7, 2, 10, 15, 30), answer: answer(403, 'access_denied', 'policy denied (role_scope_mismatch)') }],
  ['what curl -v writes', `* Connected to localhost\n> GET /invoices HTTP/1.1\n> Authorization: Bearer ${mandate}\n> X-Request-Id: sent\n>\n< HTTP/1.1 401 Unauthorized\n< x-request-id: ${id}\n<\n* Connection left intact\n${JSON.stringify(replay)}`, { what: 'an answer of the Gateway', requestId: id, answer: answer(401, 'invalid_token', 'token replay detected') }],
  ['an answer without a body', `HTTP/2 504\nx-request-id: ${id}`, { what: 'an answer', requestId: id, answer: { status: 504, error: undefined, description: undefined } }],
  ['an answer of the upstream', `HTTP/1.1 500 Internal Server Error\nx-request-id: ${id}\n\n<html>{oops}</html>`, { what: 'an answer', requestId: id, answer: { status: 500, error: undefined, description: undefined } }],
  ['a hold', JSON.stringify({ error: 'interaction_required', error_description: 'Human approval required for this request', approval_id: approval, state: 'pending', tier: 'high', requestId: id }), { what: 'an answer of the STS', requestId: id, approvalId: approval, answer: answer(undefined, 'interaction_required', 'Human approval required for this request') }],
  ['an approval', JSON.stringify({ id: approval, zone_id: 'z-1', tier: 'high', state: 'pending', created_at: '2026-08-02T10:15:30.000Z' }), { what: 'an approval', approvalId: approval, zoneId: 'z-1', at: Date.UTC(2026, 7, 2, 10, 15, 30) }],
  ['an audit event', JSON.stringify({ id: 'e', zone_id: 'z-1', event_type: 'token_exchange', request_id: id, occurred_at: '2026-08-02T10:15:30.123Z' }), { what: 'an audit event', requestId: id, zoneId: 'z-1', at: Date.UTC(2026, 7, 2, 10, 15, 30, 123) }],
  ['an explanation', JSON.stringify({ request_id: id, zone_id: 'z-1', final_decision: 'deny', denied: [], events: [] }), { what: 'an explanation of the API', requestId: id, zoneId: 'z-1' }],
  ['a line of zerolog', JSON.stringify({ level: 'info', service: 'gateway', time: 1785665730000, request_id: id, zone_id: 'z-1', resource: 'billing-api', msg: 'denied: jti replay' }), { what: 'a log line of gateway', requestId: id, zoneId: 'z-1', resource: 'billing-api', at: 1785665730000 }],
  ['a line of pino behind the name of a container', `caracal-api-1  | ${JSON.stringify({ level: 'warn', time: '2026-08-02T10:15:30.000Z', service: 'api', reqId: id, msg: 'x' })}`, { what: 'a log line of api', requestId: id, at: Date.UTC(2026, 7, 2, 10, 15, 30) }],
  ['what people write down', '401 invalid_token: token replay detected', { what: 'an answer of the Gateway', answer: answer(401, 'invalid_token', 'token replay detected') }],
  ['what people write down, with an id', `HTTP 403 Forbidden access_denied: policy denied (no_rule_matched) requestId=${id}`, { what: 'an answer of the STS', requestId: id, answer: answer(403, 'access_denied', 'policy denied (no_rule_matched) requestId=' + id) }],
  ['an exception of an SDK', `CaracalError: access_denied\n    at exchange (client.ts:12)\n  status: 403,\n  requestId: '${id}',`, { what: 'a text with an id', requestId: id }],
  ['an exception of a hold', `ApprovalRequired(approval_id='${approval}', tier='high')`, { what: 'a text with an id', approvalId: approval }],
];

describe('what was pasted', () => {
  for (const [what, pasted, expected] of cases) it(`is ${what}`, () => deepEqual(seen(pasted), expected));

  it('is nothing that Caracal wrote, and is told what to paste', () => {
    for (const text of ['', '   \n ', 'hello, it does not work', '{"a":1}', 'request_id=c2f4…08ab', '{not json', '['.repeat(100_000)]) {
      const result = capture(text);
      ok(result.kind === 'nothing', text.slice(0, 40));
      ok(result.why.endsWith('Paste a request id, token, approval id, response or log line.'), result.why);
    }
  });

  it('is not kept', () => {
    const secret = `HTTP/1.1 401 Unauthorized\nSet-Cookie: session=hunter2\n\n${JSON.stringify({ ...replay, password: 'hunter2' })}`;
    equal(JSON.stringify(capture(secret)).includes('hunter2'), false);
    equal(JSON.stringify(capture(mandate)).includes(mandate.split('.')[2] ?? '-'), false);
  });

  it('is read, however long it is', () => {
    const long = ['a'.repeat(5_000_000), '{'.repeat(1_000_000), `request_id=${'x'.repeat(1_000_000)}`, '< \n'.repeat(300_000), `401 ${'a_'.repeat(500_000)}`];
    deepEqual(long.map((text) => capture(text).kind), ['nothing', 'nothing', 'nothing', 'nothing', 'nothing']);
  });
});
