import { deepEqual, equal, ok } from 'node:assert/strict';
import { ambiguities, ambiguousReasons, reasonChecks } from '../../src/caracal/ambiguities.ts';
import { answerCodes, areas, decisionChecks, exceptions, knownAnswers, libraryTexts, refusalChecks, surfaces } from '../../src/caracal/answers.ts';
import type { Surface } from '../../src/caracal/answers.ts';
import { logMessages } from '../../src/caracal/logMessages.ts';
import { logSources } from '../../src/caracal/logSources.ts';
import { place } from '../../src/caracal/places.ts';
import type { Place } from '../../src/caracal/places.ts';
import { readinessReasons } from '../../src/caracal/readinessReasons.ts';
import { refusals } from '../../src/caracal/refusals.ts';
import { symptoms } from '../../src/caracal/symptoms.ts';
import { checks } from '../../src/flow/catalogue.ts';
import { areaOf, likeliestFirst, recognise } from '../../src/trace/recognise.ts';
import type { Recognised } from '../../src/trace/recognise.ts';

const id = '0198f6a1-7000-7abc-8def-000000f90ae7';

function seen(text: string): Recognised {
  const recognised = recognise(text);
  ok(recognised, `not recognised: ${text}`);
  return recognised;
}

const words = (places: readonly Place[]): readonly string[] => places.map((each) => each.words);
const placesIn = (text: string): readonly string[] => words(seen(text).places);

const http = (status: number, body: object, ...headers: readonly string[]): string => [`HTTP/1.1 ${status} X`, ...headers, '', JSON.stringify(body)].join('\n');

describe('Answers that are ambiguous', () => {
  /** Rows of contract readiness 4.10, each with texts in which it is seen. */
  const rows: readonly (readonly [answer: string, texts: readonly string[], places: readonly string[]])[] = [
    ['API 500 after > 5 s', ['curl http://localhost:3000/v1/zones took 19 s: 500 {"error":"internal_error","error_description":"x","requestId":"r-1"}', 'api 500 internal_error after 41 s'],
      ['The API or the Coordinator could not ask Redis', 'An error in the program: no store is at fault']],
    ['API 500 fast', ['GET /v1/zones 500 in 4 ms {"error":"internal_error"}'], ['The API or the Coordinator could not ask Postgres', 'An error in the program: no store is at fault']],
    ['API 401 right after redeploy', ['{"error":"invalid_admin_token"}', '401 invalid_admin_token', 'AdminApiError: invalid_admin_token (HTTP 401)'],
      ['The API does not know this admin token', 'The admin token was revoked, as a start of the API with another one does']],
    ['API 429', ['GET http://localhost:3000/v1/zones 429 {"error":"rate_limited"}'], ['This address or this token asks too often', 'Calls with bad tokens from this address used up the limit; containers share one']],
    ['Control 429', [http(429, { ok: false, error: { code: 'rate_limited', reason: 'too many' } })], ['Control is called too often', 'Control could not ask Redis and failed closed']],
    ['Control 401', [http(401, { ok: false, error: { code: 'unauthorized', reason: 'x' } })], ['The Control token is missing, expired or not of this deployment', 'Control could not get the keys of the STS']],
    ['STS 401 client credentials', ['{"error":"access_denied","error_description":"invalid client credentials"}', 'caracalai_oauth.errors.AccessDenied: invalid client credentials', `CaracalError: invalid client credentials (request_id=${id})\n  code: 'access_denied',\n  httpStatus: 401`],
      ['The secret is wrong, or the Application is archived or expired', 'The zone or the Application does not exist here', 'The STS could not ask Postgres and failed closed']],
    ['STS 401 gateway signature', ['401 access_denied: invalid gateway exchange signature', '{"level":"warn","service":"gateway","time":1,"status":401,"error_code":"access_denied","msg":"sts exchange failed"}'],
      ['The Gateway and the STS have different keys: GATEWAY_STS_HMAC_KEY', 'The STS could not ask Redis whether the call was signed before', 'The clocks of the Gateway and the STS differ by more than 60 s']],
    ['STS 429 "unavailable"', ['429 provider_rate_limited: authentication rate limit unavailable'], ['The STS could not ask Redis how often the sign-in failed']],
    ['STS 403 plain `policy denied`', ['{"error":"access_denied","error_description":"policy denied"}'],
      ['Policy denied it; only the audit says by which reason', 'The zone made as many mandates as it may', 'The STS could not ask Redis how many mandates were made']],
    ['STS 403 session/delegation', ['403 access_denied: session inactive or expired', '403 access_denied: delegation edge inactive or expired'],
      ['Its Session, authority record or Delegation has ended, or is of another Application', 'The STS could not read the row from Postgres']],
    ['STS JWKS 404', ['{"error":"resource_not_found","error_description":"zone signing key not found"}'], ['The zone has no key yet: nothing was minted in it', 'There is no such zone', 'The STS could not ask Postgres']],
    ['Gateway 401 signature', ['401 invalid_token bearer signature invalid', '{"level":"info","service":"gateway","time":1,"msg":"denied: bearer signature"}'],
      ['The mandate is not signed by a key of its zone: another issuer, an old key, or forged', 'The Gateway could not get the keys of the zone from the STS']],
    ['Gateway 401 replay', ['401 invalid_token: token replay detected', 'caracal-gateway-1  | {"level":"info","service":"gateway","time":1,"msg":"denied: jti replay"}'], ['The Gateway saw this mandate before', 'The Gateway could not ask Redis and failed closed']],
    ['Gateway 503 `sts_unavailable`', ['gateway 503 sts_unavailable'], ['The Gateway gets no answer of the STS, or has stopped asking for 10 s', 'The Gateway has not read the revocations from Postgres for 70 s and lets nothing through']],
    ['Gateway 404', ['404 {"error":"sts_unavailable","error_description":"Not Found"}', 'gateway 404'], ['The upstream does not know this path', 'Something else than the STS answers at the address that the Gateway has for it']],
    ['Gateway 401/403 with `X-Caracal-Token-Expires-In`', [http(403, { error: 'forbidden' }, 'X-Caracal-Token-Expires-In: 820'), `HTTP/1.1 401 Unauthorized x-request-id: ${id} x-caracal-token-expires-in: 820 {"error":"invalid_token"}`],
      ['The upstream refused this call; Caracal had allowed it']],
    ['Coordinator 401 `invalid_token`', ['CoordinatorError: coordinator GET /zones/z-1/agents failed: 401 {"error":"invalid_token"}', 'coordinator GET /zones/z-1/agents: 401 {"error":"invalid_token"}', 'coordinator 401 invalid_token'],
      ['The mandate is expired, or of another issuer or audience', 'The operator token is not that of the Coordinator, or not for this path', 'The Coordinator could not get the keys of the STS', 'The id of the zone in the address is no id']],
    ['Coordinator 200 empty list', ['{"items":[],"next_cursor":null}', 'GET http://localhost:4000/zones/z-1/agents 200 {"items":[]}'], ['There are no Sessions in this zone', 'There is no such zone: the Coordinator answers an empty list for it', 'Row-level security hides the rows']],
    ['API 404 `request_not_found`', ['{"error":"request_not_found"}', 'request_not_found'],
      ['The call was refused where Caracal writes no event: most refusals before a decision', 'The event is on its way, or waits', 'The event was refused or given up', 'The event is lost', 'The call was made in another zone']],
  ];

  it('are those of the contract, in its order', () => {
    deepEqual([...new Set(ambiguities.map(({ answer }) => answer))], rows.map(([answer]) => answer));
  });

  for (const [answer, texts, places] of rows) {
    it(`${answer}: where it comes from, likeliest first`, () => {
      for (const text of texts) deepEqual(placesIn(text).slice(0, places.length), places, text);
      const all = ambiguities.filter((row) => row.answer === answer).flatMap((row) => row.places);
      deepEqual(places.filter((each) => !words(all).includes(each)), []);
      // What cannot be told apart by its own checks says what tells it.
      if (all.length > 1) deepEqual(words(all.filter(({ tells }) => tells === undefined)), []);
    });
  }

  it('are no longer where the description or the header tells', () => {
    deepEqual(placesIn('{"error":"sts_unavailable","error_description":"revocation state unavailable"}'), ['The Gateway has not read the revocations from Postgres for 70 s and lets nothing through']);
    deepEqual(placesIn('429 provider_rate_limited: authentication rate limit exceeded'), ['The STS refused: this Application failed to prove itself more than 60 times in a minute']);
    deepEqual(placesIn('403 access_denied: policy denied (no_rule_matched)'), ['Policy denied it: the request has none of the shapes that policy knows']);
    deepEqual(placesIn(http(500, { oops: true }, 'X-Caracal-Token-Expires-In: 820')), ['The upstream answered so; Caracal had passed the call on']);
  });

  it('are more where nobody says who answered', () => {
    deepEqual(new Set(seen('401 invalid_token').places.map(({ symptom }) => symptom)), new Set(['gateway-refuses', 'session-views', 'sts-exchange']));
  });
});

describe('Codes', () => {
  /** Contract readiness 4.10, code to area. */
  const inAreas: Readonly<Record<string, readonly string[]>> = {
    'admin credential': ['invalid_admin_token', 'admin_token_read_only', 'admin_token_zone_mismatch', 'approve_capability_required', 'invalid_account_assertion'],
    zone: ['zone_invalid', 'zone_mismatch', 'zone_not_found', 'zone_forbidden', 'account_scope_required', 'system_zone_read_only'],
    application: ['client_secret_not_stored', 'identity_revoked'],
    policy: ['policy_eval_failed', 'invalid_rego', 'invalid_policy_bundle', 'invalid_policy_contract', 'policy_verification_unavailable', 'operation_not_permitted'],
    approval: ['interaction_required', 'approval_consumed', 'approval_not_found', 'subject_approval_required'],
    session: ['session_not_found', 'session_suspended', 'delegation_not_found', 'delegation_cycle_denied', 'authority_record_required'],
    mandate: ['invalid_token', 'credential_expired_not_renewable', 'token_replay'],
    provider: ['http_request_failed', 'provider_token_exchange_failed', 'provider_check_failed', 'secret_backend_unavailable'],
    platform: ['internal_error', 'sts_unavailable', 'postgres_unreachable', 'outbox_dead', 'audit_unavailable', 'rate_limited'],
  };

  it('are of the areas of the contract', () => {
    deepEqual(areas.map(({ name }) => name), Object.keys(inAreas));
    for (const [area, codes] of Object.entries(inAreas)) for (const code of codes) equal(areaOf(code)?.name, area, code);
    equal(areaOf('invalid_body'), undefined);
  });

  it('are recognised alone where they cannot be another word', () => {
    for (const code of Object.values(inAreas).flat()) ok(seen(code).places.length > 0, code);
  });

  const addresses: Readonly<Record<Surface, string>> = {
    api: 'GET http://localhost:3000/v1/zones', control: 'POST http://localhost:3000/v1/control/invoke', sts: 'POST http://localhost:8080/oauth/2/token', gateway: 'GET http://localhost:8081/invoices',
    coordinator: 'GET http://localhost:4000/zones/z/agents', audit: 'GET http://localhost:9090/api/audit/search', web: 'GET http://localhost:3001/api/console/status', resource: 'GET https://billing.example/invoices',
  };

  for (const surface of surfaces) {
    it(`of ${surface} are recognised as its own, each with a place`, () => {
      for (const [status, codes] of Object.entries(answerCodes[surface])) {
        for (const code of codes) {
          const body = surface === 'control' ? JSON.stringify({ ok: false, error: { code, reason: 'x' } }) : surface === 'audit' ? code : JSON.stringify({ error: code });
          const { places, summary } = seen(`${addresses[surface]} ${status} ${body}`);
          equal(summary, `${status} ${code}`);
          ok(places.length > 0, `${surface} ${status} ${code}`);
          const [first] = places;
          if (status === '401' || status === '403') ok(first?.symptom !== 'something', `${surface} ${status} ${code}`);
        }
      }
    });
  }

  it('and every refusal of the STS and of the Gateway, by its description', () => {
    for (const { service, description, errors, statuses } of refusals) {
      const said = description.replaceAll('{…}', 'x');
      const { places, summary } = seen(JSON.stringify({ error: errors[0], error_description: said }));
      equal(summary, `${errors[0] ?? ''}, ${said}`);
      ok(places.length > 0, said);
      const written = seen(`${statuses[0] ?? ''} ${errors[0] ?? ''}: ${said} (request_id=${id})`);
      equal(written.summary, `${statuses[0] ?? ''} ${errors[0] ?? ''}, ${said}`, service);
      equal(written.captured?.requestId, id);
    }
  });

  it('of a verifier tell that the resource refused', () => {
    deepEqual(placesIn('{"error":"session_required","error_description":"Session required"}'), ['The resource refused this call: the token carries no Session, which it requires']);
  });
});

describe('Readiness', () => {
  for (const [reason, { meaning }] of Object.entries(readinessReasons)) {
    it(`${reason} is recognised as a body, as a line of the CLI, and in a log`, () => {
      const body = reason === 'unavailable' ? { status: reason } : reason === 'draining' ? { ok: false, draining: true } : { ok: false, ready: false, reason };
      const expected = ambiguousReasons[reason];
      const bodies = [JSON.stringify(body), http(503, body)];
      for (const text of bodies) {
        const { places, detail } = seen(text);
        equal(detail, 'an answer of /ready');
        if (expected) deepEqual(places, expected);
        else ok(places[0]?.words.endsWith(`not ready: ${meaning}`), places[0]?.words);
      }
      ok(expected !== undefined || Object.hasOwn(reasonChecks, reason), 'its checks');
      if (reason !== 'unavailable' && reason !== 'draining') ok(seen(`sts           8080  ready   ✗ down  503 ${reason}`).places.length > 0);
    });
  }

  it('has other shapes: of the API, of fastify at its end, and none at all', () => {
    deepEqual(placesIn('{"ok":false,"error":"outbox_dead_messages","dependency":"postgres","deadCount":3,"limit":0}'), placesIn('503 outbox_dead_messages'));
    deepEqual(placesIn(http(503, { error: 'Service Unavailable', message: 'Service Unavailable', statusCode: 503 })), ['A service is not ready: it is shutting down']);
    deepEqual(placesIn('http://localhost:4000/ready {"message":"Route GET:/ready not found","error":"Not Found","statusCode":404}'), ['Something else answers where coordinator should']);
  });

  it('as the services log it', () => {
    deepEqual(placesIn('{"level":"warn","service":"audit","time":1,"msg":"ready: pg unreachable"}'), ['audit is not ready: its query of Postgres failed or took too long']);
    deepEqual(placesIn('{"level":"warn","service":"coordinator","time":1,"msg":"ready_outbox_dead"}'), [`coordinator is not ready: ${readinessReasons['outbox_dead']?.meaning ?? ''}`]);
  });
});

describe('What caracal status writes', () => {
  const table = (...rows: readonly string[]): string => ['caracal mode: stable (1.0.0)', 'service      port   mode    status  detail', ...rows].join('\n');
  const api = 'api           3000  ready   ✗ down  timeout';
  const sts = 'sts           8080  ready   ✗ down  503 redis_unreachable';
  const gateway = 'gateway       8081  ready   ✓ ok    200';
  const audit = 'audit         9090  ready   x down  unreachable';

  it('is read as a table, joined in one line, and as JSON', () => {
    const expected = placesIn(table(api, sts, gateway, audit));
    deepEqual(expected, [
      'sts is not ready: its PING of Redis failed or took too long', 'api could not ask Redis: to say so takes longer than the 1.5 s of the CLI', 'api could not ask Postgres: to say so takes longer than the 1.5 s of the CLI',
      'api gave no answer at all', 'Nothing listens where audit should: stopped, starting, or elsewhere',
    ]);
    deepEqual(placesIn(table(api, sts, gateway, audit).replaceAll('\n', ' ')), expected);
    const services = [['api', false, 'timeout'], ['sts', false, '503 redis_unreachable'], ['gateway', true, '200'], ['audit', false, 'unreachable']].map(([name, isOk, detail]) => ({ name, port: 1, url: 'x', ok: isOk, detail }));
    deepEqual(placesIn(JSON.stringify({ mode: 'ready', services }, undefined, 2)), expected);
  });

  it('tells services that are alike once', () => {
    deepEqual(placesIn(table(...['api', 'sts', 'gateway', 'audit', 'coordinator'].map((name) => `${name}           3000  health  ✗ down  unreachable`))), ['Nothing listens where the services should: Caracal is not started here, or runs elsewhere']);
    equal(seen(table(audit, api.replace('timeout', 'unreachable'))).summary, 'audit and api unreachable');
  });

  const details: readonly (readonly [detail: string, summary: string])[] = [
    ['503', 'api 503 draining'], ['503 outbox_dead_messages', 'api 503 outbox_dead_messages'], ['404 404 page not found', 'api answers something else'], ['502 <html>', 'api answers something else'], ['404 Not Found', 'api answers something else'],
    ['429 rate_limited', 'api 429 rate_limited'], ['500 internal_error', 'api 500 internal_error'], ['timeout', 'api timeout'], ['unreachable', 'api unreachable'],
  ];
  for (const [detail, summary] of details) it(`${detail} of a service`, () => equal(seen(table(`api           3000  ready   ✗ down  ${detail}`)).summary, summary));

  it('may be one word of it', () => {
    deepEqual(['timeout', 'unreachable', 'gateway unreachable', '503 postgres_unreachable'].map((text) => seen(text).summary), ['timeout', 'unreachable', 'gateway unreachable', '503 postgres_unreachable']);
  });
});

describe('Exceptions of the libraries', () => {
  for (const [name, { from, code }] of Object.entries(exceptions)) {
    it(name, () => {
      const { places, detail } = seen(`${name}: it failed (HTTP 401)\n    at call (client.ts:1)\n  code: '${code ?? 'invalid_token'}', requestId: '${id}'`);
      equal(detail, 'an exception of a library, request …f90ae7');
      ok(places.length > 0);
      if (from === 'resource') ok(places.every(({ words: said }) => said.startsWith('The resource refused')), places[0]?.words);
    });
  }

  it('tell by what they say', () => {
    for (const [text, expected] of Object.entries(libraryTexts)) deepEqual(seen(`RuntimeError: ${text}: expected application/json`).places, [expected]);
    deepEqual(placesIn(`ApprovalRequired: human approval required (approval ${id})`), ['Nothing is broken: it waits for an approval']);
  });
});

describe('Lines of logs', () => {
  it('are recognised by every message that is known, and by who logged it', () => {
    for (const source of logSources) {
      for (const text of Object.keys(logMessages[source])) {
        const said = text.replaceAll(/\{…\}|…/g, 'x');
        const line = JSON.stringify({ level: 'error', time: 1, msg: said });
        const recognised = seen(`caracal-${source === 'migrator' ? 'dbMigrate' : source}-1  | ${line}`);
        ok(recognised.detail.startsWith(`a log line of ${source}`), `${source}: ${text}: ${recognised.detail}`);
        ok(recognised.places.length > 0, text);
      }
    }
  });

  it('of Postgres and of the migrator, as they stand', () => {
    deepEqual(seen('2026-08-02 10:15:30.123 UTC [41] FATAL:  password authentication failed for user "caracal_api"').places.map(({ seenAt }) => seenAt), [['CRC-STO-002']]);
    equal(seen('migrate: database did not become reachable').detail, 'a log line of migrator');
  });

  it('that go well come from nowhere', () => {
    deepEqual(seen('{"level":"info","service":"gateway","time":1,"msg":"proxied"}').places, []);
  });

  it('that mislead are left out where the line before them is there', () => {
    const excerpt = ['jti tracker setnx failed', 'denied: jti replay'].map((msg) => JSON.stringify({ level: 'error', service: 'gateway', time: 1, request_id: id, msg }));
    for (const glue of ['\n', ' ', '']) deepEqual(placesIn(excerpt.join(glue)), ['The Gateway could not ask Redis and failed closed']);
  });

  it('say why Audit gave an event up', () => {
    deepEqual(placesIn('{"id":"1-0","source_id":"2-0","reason":"hmac_verify_failed","replayable":false}'), ['Audit does not accept the signature of an event: AUDIT_HMAC_KEY differs']);
    deepEqual(placesIn('reason pg_permanent_error:23514 no partition'), ['Postgres refused an event for good']);
  });
});

describe('What else is recognised', () => {
  it('is a decision in the audit', () => {
    deepEqual(placesIn('no_active_policy_set'), ['Policy denied it: no policy set is active in this zone']);
    deepEqual(placesIn(JSON.stringify({ event_type: 'token_exchange', request_id: id, evaluation_status: 'provider_unavailable' })), ['The STS refused: the provider of the resource is missing or not configured']);
    deepEqual(placesIn(JSON.stringify({ request_id: id, final_decision: 'deny', denied: [{ evaluation_status: 'complete', diagnostics: [{ reason: 'resource_not_granted' }] }] })), ['Policy denied it: this Application has no grant for the resource']);
  });

  it('is an id or a mandate, which come from no place, and can be traced', () => {
    const { places, summary, captured } = seen(id);
    deepEqual([places, summary, captured?.requestId], [[], 'request …f90ae7', id]);
    deepEqual(seen(http(502, { html: true }, `x-request-id: ${id}`)).places, []);
  });

  it('is not a word like any other, nor what other programs write', () => {
    for (const text of ['', '  ', 'slow', 'hello, it does not work', 'delegation views', 'audit event', 'Error: fetch failed', '{"error":"boom"}', 'listening', 'request denied', '<html>502 Bad Gateway</html>', 'snake_case_word']) equal(recognise(text), undefined, text);
  });
});

describe('What is recognised', () => {
  const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${segment({ alg: 'ES256', kid: 'k' })}.${segment({ use: 'gateway', target: ['billing-api'], iat: 1785665130 })}.${Buffer.alloc(64, 1).toString('base64url')}`;

  it('repeats nothing of the text but codes, words of Caracal and ids', () => {
    const secret = 'hunter2-secret';
    const texts = [token, `Authorization: Bearer ${token}`, http(401, { error: 'invalid_token', error_description: secret }), http(401, { error: secret }, 'X-Caracal-Token-Expires-In: 1'), `401 invalid_token: ${secret}`, `CaracalError: ${secret} code: access_denied`];
    for (const text of texts) {
      const { summary, detail, places } = seen(text);
      const shown = JSON.stringify([summary, detail, places]);
      ok(!shown.includes(secret) && !shown.includes(token.slice(0, 20)), shown);
    }
    deepEqual([seen(token).summary, seen(token).detail], ['a mandate for the Gateway', 'masked; decoded on this machine, not sent and not stored; for billing-api']);
  });

  it('is told in a line, with the request that it names', () => {
    const { summary, detail } = seen(http(401, { error: 'invalid_token', error_description: 'token replay detected', requestId: id }));
    deepEqual([summary, detail], ['401 invalid_token, token replay detected', 'a Gateway answer, request …f90ae7']);
  });

  it('is first what is known to be so', () => {
    const [replay, redis] = [place('gateway-refuses', 'replay'), place('gateway-refuses', 'Redis', ['STO-020'])];
    deepEqual(likeliestFirst([replay, redis], () => false), [replay, redis]);
    deepEqual(likeliestFirst([replay, redis], (check) => check === 'CRC-STO-020'), [redis, replay]);
  });

  it('is found in any text, however long it is, before anybody notices', () => {
    const long = ['{'.repeat(1_000_000), '{"a":'.repeat(200_000), '< \n'.repeat(300_000), `401 ${'a_'.repeat(500_000)}`, `${' '.repeat(200_000)}x`, `api 3000 ready ✗ down ${' '.repeat(200_000)}x`, `warn: ${' length '.repeat(30_000)}`, `401 invalid_token ${' '.repeat(200_000)}x`];
    for (const text of long) {
      const started = performance.now();
      recognise(text);
      ok(performance.now() - started < 1_000, text.slice(0, 30));
    }
  });
});

describe('Places', () => {
  const all = [
    ...ambiguities.flatMap(({ places }) => places), ...Object.values(ambiguousReasons).flat(), ...areas.map((area) => area.place), ...Object.values(knownAnswers).flatMap((byCode) => Object.values(byCode)), ...Object.values(libraryTexts),
  ];
  const known = new Set(checks.map((check) => check.id));

  it('belong to symptoms, and are seen at checks, that exist', () => {
    const named = [...Object.values(reasonChecks), ...Object.values(decisionChecks), ...Object.values(refusalChecks).flatMap((byRow) => Object.values(byRow))].flat().map((check) => `CRC-${check}`);
    deepEqual([...all.flatMap(({ seenAt }) => seenAt), ...named].filter((check) => !known.has(check)), []);
    deepEqual(all.filter(({ symptom }) => !symptoms.some((each) => each.id === symptom)), []);
    deepEqual(areas.flatMap(({ symptoms: by = {} }) => Object.values(by)).filter((name) => !symptoms.some((each) => each.id === name)), []);
  });

  it('are each said once, without an end', () => {
    for (const each of all) ok(!/[.!?]$/.test(each.words) && /^[A-Zw]/.test(each.words), each.words);
  });
});
