import { deepEqual, equal, match } from 'node:assert/strict';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { capture } from '../../src/trace/capture.ts';
import { proposalFrom, textAbout } from '../../src/trace/proposal.ts';
import type { AtHand } from '../../src/trace/proposal.ts';
import { requestIdsIn } from '../../src/trace/requestIds.ts';
import { readTraceLink } from '../../src/ui/trace/traceLink.ts';
import { claims, encoded } from './mandates.ts';

const id = '0198f6a1-7000-7abc-8def-000000f90ae7';
const other = '5d1f0c9e-2a55-4a55-9a3c-0f1c5f2b7711';

const lines: readonly (readonly [line: string, ids: readonly string[]])[] = [
  // curl -i, curl -v, and what proxies make of names.
  [`x-request-id: ${id}`, [id]],
  [`< X-Request-Id: ${id}`, [id]],
  [`X-Request-Id: my-call-1`, ['my-call-1']],
  // Answers of Gateway, STS and API.
  [`{"error":"invalid_token","error_description":"token replay detected","requestId":"${id}"}`, [id]],
  [`HTTP/1.1 401 Unauthorized {"error":"access_denied","requestId": "${id}"}`, [id]],
  // Log lines, of Compose too, and escaped once more by a log shipper.
  [`gateway-1  | {"level":"info","time":"2026-08-02T10:15:30.123Z","request_id":"${id}","msg":"denied: jti replay"}`, [id]],
  [`{"log":"{\\"request_id\\":\\"${id}\\"}"}`, [id]],
  [`level=info msg="denied" request_id=${id} status=401`, [id]],
  [`[gateway] reqId=${id}, done`, [id]],
  // Exceptions and people.
  [`CaracalError: 403 access_denied (request id: ${id})`, [id]],
  [`caracal.errors.AccessDenied: resource_not_granted [request_id='${id}']`, [id]],
  [`    request_id: '${id}',`, [id]],
  [`The call with request id ${id}.`, [id]],
  [`CARACAL_REQUEST_ID=${id}`, [id]],
  [`request_id: ${id}, parent request_id: ${other}`, [id, other]],
  [`| request_id | ${id} |`, []],
  // Source.
  ['const requestId: string = header("x-request-id");', []],
  ['logger.info({ requestId: request.id2, x: 1 });', []],
  ['requestId = createRequestId2(call)', []],
  ['const { request_id } = await response.json2();', []],
  ['requestId: ids[12345678]', []],
  ['  readonly requestId?: string | undefined;', []],
  ['requestId="build-2026-07"', ['build-2026-07']],
  // Other ids, what was shortened, what is too long, and nothing.
  [`approval_id=${other}`, []],
  [`my.request_id=${id} some-request-id=${id}`, []],
  ['denied: jti replay  status=401 request_id=c2f4…08ab', []],
  [`request_id=0198f6a1-7000…`, []],
  [`request_id=${'a1'.repeat(100)}`, []],
  ['request_id=', []],
  ['request_id="" requestId=null', []],
  ['', []],
];

describe('Request ids in text', () => {
  for (const [line, ids] of lines) {
    it(line === '' ? 'an empty line' : line.slice(0, 90), () => {
      const found = requestIdsIn(line);
      deepEqual(found.map((one) => one.id), ids);
      for (const { start, end, id: text } of found) equal(line.slice(start, end), text);
    });
  }

  it('are looked for in no more than anybody sees at once', () => {
    const started = performance.now();
    deepEqual(requestIdsIn(`${'request_id: "'.repeat(50_000)}${id}`), []);
    deepEqual(requestIdsIn('request_id '.repeat(50_000)), []);
    deepEqual(requestIdsIn('a'.repeat(1_000_000)), []);
    equal(performance.now() - started < 200, true);
  });
});

describe('A link from outside', () => {
  const read = (query: string, path = '/trace', fragment = ''): unknown => readTraceLink({ path, query, fragment });

  it('names a request, and may name zone and target', () => {
    deepEqual(read(`request=${id}`), { kind: 'trace', request: id, zone: undefined, target: undefined });
    deepEqual(read(`target=caracal prod&zone=${other}&request=my.call:1`), { kind: 'trace', request: 'my.call:1', zone: other, target: 'caracal prod' });
  });

  const hostile: readonly (readonly [query: string, why: RegExp, path?: string, fragment?: string])[] = [
    ['', /a part that no link/], ['request=', /its request has characters/], [`request=${'a'.repeat(129)}`, /or too many/], [`zone=${id}`, /names no request/],
    [`request=${id}&request=${other}`, /names its request twice/], [`request=${id}&run=1`, /a part that no link/], [`request=${id}&`, /a part that no link/], [`request=${id}&__proto__=x`, /a part/], ['constructor=x', /a part/],
    ['request=a b', /characters/], ["request=a';DROP TABLE zones", /characters/], ['request=[a](command:x)', /characters/], ['request=%41', /characters/], ['request=a\nb', /characters/], ['request=\u202eabc', /characters/],
    [`request=${id}&zone=../../x`, /its zone has/], [`request=${id}&target=\u202egood`, /its target has/], [`request=${id}&target=a\nTrace`, /its target has/], [`request=${id}&target= x`, /its target has/], [`request=${id}&target=$(x)`, /its target has/],
    [`request=eyJhbGciOiJFUzI1NiJ9.${'e'.repeat(120)}.x`, /or too many/],
    [`request=${id}`, /no link to a request/, '/trace/'], [`request=${id}`, /no link to a request/, '/Trace'], [`request=${id}`, /no link to a request/, ''], [`request=${id}`, /no link to a request/, '/trace', 'x'],
  ];
  for (const [query, why, path, fragment] of hostile) {
    it(`is refused: ${path ?? ''}?${query.slice(0, 60)}${fragment ?? ''}`, () => {
      const result = read(query, path, fragment) as { readonly kind: string; readonly why: string };
      equal(result.kind, 'wrong');
      match(result.why, why);
    });
  }
});

describe('What the box proposes', () => {
  const nothing: AtHand = { selected: '', line: '', caret: 0, clipboard: '' };
  const answer = `{"error":"invalid_token","error_description":"token replay detected","requestId":"${id}"}`;
  const http = `HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nx-request-id: ${id}\r\n\r\n${answer}`;
  const token = `${encoded({ alg: 'ES256', typ: 'JWT', kid: 'k' })}.${encoded({ ...claims, use: 'gateway' })}.${'c2ln'.repeat(20)}`;
  const redactor = createRedactor();
  const proposed = (atHand: Partial<AtHand>): string | undefined => proposalFrom({ ...nothing, ...atHand }, redactor)?.text;

  const rows: readonly (readonly [what: string, atHand: Partial<AtHand>, text: string | undefined])[] = [
    ['nothing', {}, undefined],
    ['what is selected comes first', { selected: other, line: `request_id=${id}`, caret: 12, clipboard: answer }, other],
    ['what is selected may be a token', { selected: token }, token],
    ['the id at the caret', { line: `request_id=${other} request_id=${id}`, caret: 70 }, id],
    ['the only id of the line', { line: `request_id=${id} status=401`, caret: 60 }, `request_id=${id} status=401`],
    ['of two ids without the caret neither', { line: `request_id=${other} request_id=${id}`, caret: 3 }, undefined],
    ['the answer in the line, which tells more than its id', { line: `  ${answer}`, caret: 5 }, answer],
    ['a line with a secret by its id alone', { line: `curl -H "Authorization: Bearer ${token}" # request_id=${id}` }, id],
    ['an answer in the clipboard', { line: 'const a = 1;', clipboard: http }, http],
    ['an id in the clipboard', { clipboard: ` ${id}\n` }, id],
    ['no word of the clipboard', { clipboard: 'hello' }, undefined],
    ['no token of the clipboard', { clipboard: token }, undefined],
    ['no token in an answer of the clipboard', { clipboard: JSON.stringify({ access_token: token, issued_token_type: 'x' }) }, undefined],
    ['a clipboard with a secret by its id alone', { clipboard: `Authorization: Bearer ${token}\nrequest_id=${id}` }, id],
  ];
  for (const [what, atHand, text] of rows) it(what, () => equal(proposed(atHand), text));

  it('is shown in one line that is recognised as well', () => {
    const shown = proposalFrom({ ...nothing, clipboard: http }, redactor)?.shown ?? '';
    equal(/[\r\n]/.test(shown), false);
    const result = capture(shown);
    equal(result.kind === 'captured' ? result.captured.requestId : undefined, id);
  });

  it('passes on a line about another request by its id alone', () => {
    equal(textAbout(`${answer} after request_id=${other}`, other), other);
    equal(textAbout(answer, id), answer);
  });
});
