import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { settingNames, verifierChecks, verifierLanguages, verifierOrders } from '../../src/caracal/verifiers.ts';
import type { VerifierError, VerifierCheckKey, VerifierLanguage, VerifierSetting } from '../../src/caracal/verifiers.ts';
import { decodeMandate } from '../../src/trace/mandate.ts';
import { compareWithVerifier } from '../../src/trace/verifier/compare.ts';
import type { Comparison, ComparisonRow } from '../../src/trace/verifier/compare.ts';
import type { Facts, ZoneKeys } from '../../src/trace/verifier/findings.ts';
import type { Setting, SettingValue } from '../../src/trace/verifier/setting.ts';
import type { Jwk } from '../../src/trace/verifier/signature.ts';
import { claims, issuer, now, seconds, signer, zone } from './mandates.ts';
import type { Signer } from './mandates.ts';

let key: Signer;
let other: Signer;
before(async () => {
  [key, other] = await Promise.all([signer('key-1'), signer('key-2')]);
});

const place = (line: number) => ({ file: 'src/server.ts', line, column: 3 });
const good: Readonly<Partial<Record<VerifierSetting, SettingValue>>> = {
  issuer, audience: 'billing-api', zone, scopes: ['invoice:read'], targets: ['billing-api'], use: 'resource', session: true, delegation: true, chain: ['app-orders'], hops: 3, revocations: 'new RedisRevocationStore',
};

/** What differs from a mandate and a verifier that agree. A setting that is undefined is not set. */
interface Case {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly without?: readonly string[];
  readonly header?: Readonly<Record<string, unknown>>;
  readonly signedBy?: 'other';
  /** A text becomes another one after it was signed. */
  readonly forged?: true;
  readonly settings?: Readonly<Partial<Record<VerifierSetting, SettingValue | undefined | { readonly computed: string; readonly variable?: string; readonly known?: readonly string[] }>>>;
  /** Of the zone that the verifier is set to; none where it is null. */
  readonly keys?: ((own: Jwk) => Partial<ZoneKeys>) | null;
  readonly facts?: Partial<Pick<Facts, 'now' | 'revocations' | 'allowsInsecureUrls'>>;
}

const settingsOf = (changed: Case['settings'] = {}): Facts['settings'] => {
  const named = Object.entries({ ...good, ...changed }).flatMap(([name, value], index): [string, Setting][] => {
    if (value === undefined) return [];
    if (typeof value === 'object' && value !== null && 'computed' in value) return [[name, { kind: 'computed', text: value.computed, variable: value.variable, known: value.known ?? [], place: place(index + 1) }]];
    return [[name, { kind: 'literal', value, place: place(index + 1) }]];
  });
  return { named: Object.fromEntries(named), others: undefined };
};

async function compare(language: VerifierLanguage, { claims: changed = {}, without = [], header, signedBy, forged, settings, keys = () => ({}), facts = {} }: Case): Promise<Comparison> {
  const payload = Object.fromEntries(Object.entries({ ...claims, ...changed }).filter(([name]) => !without.includes(name)));
  const signed = await (signedBy === 'other' ? other : key).sign(payload, header);
  const [first = '', , last = ''] = signed.split('.');
  const token = forged === true ? `${first}.${Buffer.from(JSON.stringify({ ...payload, extra: 1 })).toString('base64url')}.${last}` : signed;
  const decoded = decodeMandate(token);
  if (decoded.kind === 'no mandate') throw new Error(decoded.why);
  const read = settingsOf(settings);
  const ofZone = keys === null ? undefined : keys(key.jwk);
  const set = read.named.zone?.kind === 'literal' ? String(read.named.zone.value) : zone;
  const comparison = await compareWithVerifier({
    mandate: decoded.mandate, settings: read, language, now, revocations: { kind: 'read', revoked: new Set(), epoch: 7 },
    keys: ofZone === undefined ? undefined : new Map([[set, { status: 200, bytes: 500, keys: [key.jwk], ...ofZone }]]), ...facts,
  });
  const [, ofToken = '', signature = ''] = token.split('.');
  const told = JSON.stringify(comparison);
  ok(!told.includes(signature) && !told.includes(ofToken), 'a comparison says the token');
  return comparison;
}

const mismatches = ({ rows }: Comparison): readonly ComparisonRow[] => rows.filter(({ result }) => result.kind === 'mismatch');
const rowOf = ({ rows }: Comparison, wanted: VerifierCheckKey): ComparisonRow => {
  const row = rows.find(({ key: one }) => one === wanted);
  if (row === undefined) throw new Error(`no row ${wanted}`);
  return row;
};
const whyOf = ({ result }: ComparisonRow): string => (result.kind === 'mismatch' ? result.fix : result.kind === 'agrees' ? '' : result.why);

/** A row of contract request-evidence 11.3, what alone makes it a mismatch, and what comes of that; or the words there that make it impossible. */
interface Row {
  readonly row: number;
  readonly key: VerifierCheckKey;
  readonly when: Case;
  readonly code: VerifierError;
  readonly status: number;
  readonly but?: Readonly<Partial<Record<VerifierLanguage, { readonly code: VerifierError; readonly status: number } | { readonly impossible: string }>>>;
}

const table: readonly Row[] = [
  { row: 0, key: 'zone', when: { settings: { zone: '' }, claims: { zone_id: zone } }, code: 'invalid_zone', status: 401 },
  { row: 1, key: 'jwks', when: { keys: () => ({ status: 503 }) }, code: 'invalid_token', status: 401, but: { python: { code: 'exception', status: 500 } } },
  { row: 2, key: 'signature', when: { signedBy: 'other', header: { alg: 'ES256', kid: 'key-1' } }, code: 'invalid_token', status: 401 },
  { row: 3, key: 'iss', when: { settings: { issuer: 'http://127.0.0.1:8080' } }, code: 'invalid_token', status: 401 },
  { row: 4, key: 'aud', when: { settings: { audience: 'https://billing.example' } }, code: 'invalid_token', status: 401 },
  { row: 5, key: 'exp', when: { claims: { exp: seconds - 60 } }, code: 'invalid_token', status: 401 },
  { row: 6, key: 'iat', when: { claims: { iat: seconds + 61 } }, code: 'invalid_token', status: 401, but: { typescript: { impossible: 'Go, Python; TS does not check' } } },
  { row: 7, key: 'claims', when: { claims: { jti: '' } }, code: 'invalid_token', status: 401 },
  { row: 8, key: 'use', when: { claims: { use: 'gateway' } }, code: 'invalid_token', status: 401 },
  { row: 9, key: 'sub_type', when: { claims: { sub_type: 'agent' } }, code: 'invalid_token', status: 401 },
  { row: 10, key: 'zone_id', when: { claims: { zone_id: 'another' } }, code: 'invalid_zone', status: 401 },
  { row: 11, key: 'required use', when: { claims: { use: 'session' } }, code: 'invalid_token', status: 401 },
  { row: 12, key: 'scope', when: { settings: { scopes: ['invoice:read', 'invoice'] } }, code: 'insufficient_scope', status: 403 },
  { row: 13, key: 'target', when: { claims: { target: ['orders-api'] } }, code: 'invalid_token', status: 401 },
  { row: 14, key: 'session', when: { without: ['agent_session_id'] }, code: 'session_required', status: 403 },
  { row: 14, key: 'delegation', when: { without: ['delegation_edge_id'] }, code: 'delegation_required', status: 403 },
  { row: 15, key: 'hop_count', when: { claims: { hop_count: 4 } }, code: 'hop_count_exceeded', status: 403 },
  { row: 16, key: 'delegation_chain', when: { settings: { chain: ['app-orders', 'app-missing'] } }, code: 'chain_mismatch', status: 403 },
  { row: 17, key: 'store', when: { settings: { revocations: null } }, code: 'invalid_token', status: 401 },
  { row: 17, key: 'exp again', when: { claims: { exp: seconds } }, code: 'invalid_token', status: 401 },
  { row: 18, key: 'revoked', when: { facts: { revocations: { kind: 'read', revoked: new Set(['0198f6a1-7000']), epoch: 7 } } }, code: 'session_revoked', status: 401 },
  { row: 19, key: 'delegation_graph_epoch', when: { facts: { revocations: { kind: 'read', revoked: new Set(), epoch: 8 } } }, code: 'delegation_stale', status: 401 },
];

describe('a mandate against a verifier', () => {
  for (const language of verifierLanguages) {
    it(`${language}: is accepted where all agrees`, async () => {
      const comparison = await compare(language, {});
      deepEqual(comparison.rows.filter(({ result }) => result.kind !== 'agrees').map(({ key: one }) => one), language === 'typescript' ? ['iat'] : []);
      deepEqual(comparison.verdict, { kind: 'accepted', says: 'The verifier accepts this mandate.' });
      deepEqual([...new Set(comparison.rows.flatMap(({ row }) => row ?? []))].toSorted((one, two) => one - two), Array.from({ length: 20 }, (_, row) => row));
    });

    for (const { row, key: wanted, when, code, status, but } of table) {
      const differs = but?.[language];
      it(`${language} ${row}: ${wanted}`, async () => {
        const comparison = await compare(language, when);
        if (differs !== undefined && 'impossible' in differs) {
          equal(rowOf(comparison, wanted).result.kind, 'not applicable', differs.impossible);
          equal(comparison.verdict.kind, 'accepted');
          return;
        }
        const [first] = mismatches(comparison);
        deepEqual([first?.key, first?.row, first?.code, first?.status, first?.standing], [wanted, row, differs?.code ?? code, differs?.status ?? status, 'this refusal']);
        equal(comparison.verdict.kind, 'refused');
        equal(comparison.verdict.by.key, wanted);
        match(whyOf(first ?? rowOf(comparison, wanted)), /^[A-Z][^\n]*\.$/);
        const { setting } = { setting: undefined, ...verifierChecks[wanted] };
        const written = setting === undefined ? undefined : settingsOf(when.settings).named[setting]?.place;
        deepEqual(first?.setIn, written);
        if (row > 0) deepEqual(mismatches(comparison).map(({ key: one }) => one), [wanted]);
      });
    }
  }

  it('has one test for each row of the table', () => {
    deepEqual(table.map(({ key: one }) => one), Object.entries(verifierChecks).filter(([, { row }]) => row !== undefined).map(([one]) => one));
    deepEqual(table.flatMap(({ row, key: one }) => (verifierChecks[one].row === row ? [] : [one])), []);
  });
});

describe('the order of the errors', () => {
  const orders: Readonly<Record<VerifierLanguage, string>> = {
    typescript: 'zone, jwks, signature, iss, aud, exp, iat, claims, use, sub_type, types before zone, zone_id, required use, scope, target, types before session, session, delegation, hop_count, delegation_chain, store, exp again, revoked, delegation_graph_epoch',
    python: 'zone, jwks, signature, iss, aud, exp, iat, claims, use, required use, sub_type, types before zone, zone_id, scope, types before session, session, delegation, delegation_chain, types before hops, hop_count, types before targets, scope not empty, target, types at the end, store, exp again, revoked, delegation_graph_epoch',
    go: 'zone, jwks, signature, iss, aud, exp, iat, types before zone, zone_id, claims, use, required use, sub_type, types before scopes, scope, target, types before session, session, delegation, hop_count, delegation_chain, store, exp again, revoked, delegation_graph_epoch',
  };
  for (const language of verifierLanguages) it(`${language}: is the one of its library`, async () => equal((await compare(language, {})).rows.map(({ key: one }) => one).join(', '), orders[language]));

  const zoned = { zone_id: 'another' };
  const together: readonly (readonly [what: string, when: Case, first: Readonly<Record<VerifierLanguage, readonly [VerifierCheckKey, VerifierError] | 'accepted'>>])[] = [
    ['chain and hops', { claims: { hop_count: 4, delegation_chain: [] } }, { typescript: ['hop_count', 'hop_count_exceeded'], python: ['delegation_chain', 'chain_mismatch'], go: ['hop_count', 'hop_count_exceeded'] }],
    ['target and Session', { claims: { target: [] }, without: ['agent_session_id'] }, { typescript: ['target', 'invalid_token'], python: ['session', 'session_required'], go: ['target', 'invalid_token'] }],
    ['target and scope', { claims: { target: [], scope: 'x' } }, { typescript: ['scope', 'insufficient_scope'], python: ['scope', 'insufficient_scope'], go: ['scope', 'insufficient_scope'] }],
    ['jti and zone', { claims: zoned, without: ['jti'] }, { typescript: ['claims', 'invalid_token'], python: ['claims', 'invalid_token'], go: ['zone_id', 'invalid_zone'] }],
    ['gateway mandate and zone', { claims: { ...zoned, use: 'gateway' } }, { typescript: ['use', 'invalid_token'], python: ['use', 'invalid_token'], go: ['zone_id', 'invalid_zone'] }],
    ['session mandate and zone', { claims: { ...zoned, use: 'session' } }, { typescript: ['zone_id', 'invalid_zone'], python: ['required use', 'invalid_token'], go: ['zone_id', 'invalid_zone'] }],
    ['session mandate and kind of subject', { claims: { use: 'session', sub_type: 'agent' } }, { typescript: ['sub_type', 'invalid_token'], python: ['required use', 'invalid_token'], go: ['required use', 'invalid_token'] }],
    ['type of iat and zone', { claims: { ...zoned, iat: 'now' } }, { typescript: ['claims', 'invalid_token'], python: ['claims', 'invalid_token'], go: ['iat', 'invalid_token'] }],
    ['type of scope and zone', { claims: { ...zoned, scope: ['invoice:read'] } }, { typescript: ['types before zone', 'invalid_token'], python: ['types before zone', 'invalid_token'], go: ['types before zone', 'invalid_token'] }],
    ['type of hops and chain', { claims: { hop_count: '1', delegation_chain: [] } }, { typescript: ['types before session', 'invalid_token'], python: ['delegation_chain', 'chain_mismatch'], go: ['types before session', 'invalid_token'] }],
    ['type of source Session and target', { claims: { source_session_id: 5, target: [] } }, { typescript: ['target', 'invalid_token'], python: ['target', 'invalid_token'], go: ['target', 'invalid_token'] }],
    ['a part of a second and scope', { claims: { iat: seconds - 0.5, scope: 'x' } }, { typescript: ['types before zone', 'invalid_token'], python: ['scope', 'insufficient_scope'], go: ['types before scopes', 'invalid_token'] }],
    ['store and expiry', { claims: { exp: seconds - 1 }, settings: { revocations: undefined } }, { typescript: ['store', 'invalid_token'], python: ['store', 'invalid_token'], go: ['store', 'invalid_token'] }],
    ['an empty scope', { claims: { scope: '' }, settings: { scopes: [] } }, { typescript: 'accepted', python: ['scope not empty', 'invalid_token'], go: 'accepted' }],
    ['an empty scope and hops', { claims: { scope: '', hop_count: 4 }, settings: { scopes: undefined } }, { typescript: ['hop_count', 'hop_count_exceeded'], python: ['hop_count', 'hop_count_exceeded'], go: ['hop_count', 'hop_count_exceeded'] }],
    ['a scope that is null', { claims: { scope: null }, settings: { scopes: [] } }, { typescript: 'accepted', python: ['types before zone', 'invalid_token'], go: 'accepted' }],
    ['a target that is no text', { claims: { target: ['billing-api', 5] } }, { typescript: ['types before zone', 'invalid_token'], python: ['types before targets', 'invalid_token'], go: 'accepted' }],
    ['a path that is no list', { claims: { delegation_path: 'x' } }, { typescript: ['types before session', 'invalid_token'], python: ['types before targets', 'invalid_token'], go: 'accepted' }],
    ['a hop without its Application', { claims: { delegation_chain: [{ application_id: 'app-orders' }, {}] } }, { typescript: ['types before session', 'invalid_token'], python: ['types before session', 'invalid_token'], go: ['types before session', 'invalid_token'] }],
    ['a hop whose Session is no text', { claims: { delegation_chain: [{ application_id: 'app-orders', agent_session_id: 5 }] } }, { typescript: ['types before session', 'invalid_token'], python: ['types before session', 'invalid_token'], go: ['types before session', 'invalid_token'] }],
    ['an epoch below zero', { claims: { delegation_graph_epoch: -1 } }, { typescript: ['types before session', 'invalid_token'], python: ['types before targets', 'invalid_token'], go: ['types before session', 'invalid_token'] }],
    ['claims that are null', { claims: { source_session_id: null, delegation_path: null, hop_count: null, delegation_graph_epoch: null } }, { typescript: 'accepted', python: 'accepted', go: 'accepted' }],
    ['no exp', { without: ['exp'], claims: zoned }, { typescript: ['claims', 'invalid_token'], python: ['claims', 'invalid_token'], go: ['exp', 'invalid_token'] }],
    ['no kid', { header: { alg: 'ES256' } }, { typescript: 'accepted', python: 'accepted', go: ['signature', 'invalid_token'] }],
    ['no kid and two keys', { header: { alg: 'ES256' }, keys: (own) => ({ keys: [other.jwk, own] }) }, { typescript: ['signature', 'invalid_token'], python: 'accepted', go: ['signature', 'invalid_token'] }],
    ['no kid and no right key', { header: { alg: 'ES256' }, keys: () => ({ keys: [other.jwk] }) }, { typescript: ['signature', 'invalid_token'], python: ['signature', 'invalid_token'], go: ['signature', 'invalid_token'] }],
    ['an unknown kid', { header: { alg: 'ES256', kid: 'gone' } }, { typescript: ['signature', 'invalid_token'], python: ['signature', 'invalid_token'], go: ['signature', 'invalid_token'] }],
    ['another alg', { header: { alg: 'HS256', kid: 'key-1' } }, { typescript: ['signature', 'invalid_token'], python: ['signature', 'invalid_token'], go: ['signature', 'invalid_token'] }],
    ['claims that were changed', { forged: true }, { typescript: ['signature', 'invalid_token'], python: ['signature', 'invalid_token'], go: ['signature', 'invalid_token'] }],
    ['no keys', { keys: () => ({ keys: [] }) }, { typescript: ['signature', 'invalid_token'], python: ['signature', 'invalid_token'], go: ['jwks', 'invalid_token'] }],
    ['a key without alg', { keys: ({ alg, ...own }) => ({ keys: [own], status: alg === 'ES256' ? 200 : 500 }) }, { typescript: 'accepted', python: 'accepted', go: ['jwks', 'invalid_token'] }],
    ['a key that is no point', { keys: (own) => ({ keys: [{ ...own, x: own['y'] }] }) }, { typescript: ['signature', 'invalid_token'], python: ['signature', 'invalid_token'], go: ['signature', 'invalid_token'] }],
    ['too large a set of keys', { keys: () => ({ bytes: 256 * 1024 + 1 }) }, { typescript: ['jwks', 'invalid_token'], python: ['jwks', 'exception'], go: ['jwks', 'invalid_token'] }],
    ['an issuer that is not set', { settings: { issuer: undefined } }, { typescript: ['jwks', 'invalid_token'], python: ['jwks', 'exception'], go: ['jwks', 'invalid_token'] }],
    ['an issuer that is no URL of the web', { settings: { issuer: 'ftp://sts' }, claims: { iss: 'ftp://sts' } }, { typescript: ['jwks', 'invalid_token'], python: ['jwks', 'exception'], go: ['jwks', 'invalid_token'] }],
    ['an audience that is not set', { settings: { audience: undefined } }, { typescript: 'accepted', python: ['aud', 'invalid_token'], go: ['aud', 'invalid_token'] }],
    ['an audience that is one text', { claims: { aud: 'billing-api' } }, { typescript: 'accepted', python: 'accepted', go: 'accepted' }],
    ['a use that is not set', { settings: { use: undefined }, claims: { use: 'session' } }, { typescript: ['required use', 'invalid_token'], python: ['required use', 'invalid_token'], go: ['required use', 'invalid_token'] }],
    ['a use that is null', { settings: { use: null }, claims: { use: 'session' } }, { typescript: ['required use', 'invalid_token'], python: 'accepted', go: ['required use', 'invalid_token'] }],
    ['a use that is empty', { settings: { use: '' }, claims: { use: 'session' } }, { typescript: 'accepted', python: ['required use', 'invalid_token'], go: ['required use', 'invalid_token'] }],
    ['a session mandate where one is wanted', { settings: { use: 'session' }, claims: { use: 'session' } }, { typescript: 'accepted', python: 'accepted', go: 'accepted' }],
    ['hops of 10 where nothing is set', { settings: { hops: undefined }, claims: { hop_count: 10 } }, { typescript: 'accepted', python: 'accepted', go: 'accepted' }],
    ['hops of 11 where 0 is set', { settings: { hops: 0 }, claims: { hop_count: 11 } }, { typescript: ['hop_count', 'hop_count_exceeded'], python: ['hop_count', 'hop_count_exceeded'], go: ['hop_count', 'hop_count_exceeded'] }],
    ['no chain, although client_id is the one', { without: ['delegation_chain'] }, { typescript: ['delegation_chain', 'chain_mismatch'], python: ['delegation_chain', 'chain_mismatch'], go: ['delegation_chain', 'chain_mismatch'] }],
    ['an empty scope that is required', { settings: { scopes: [''] } }, { typescript: ['scope', 'insufficient_scope'], python: ['scope', 'insufficient_scope'], go: ['scope', 'insufficient_scope'] }],
    ['the last second', { claims: { exp: seconds + 1 } }, { typescript: 'accepted', python: 'accepted', go: 'accepted' }],
    ['the grace', { claims: { exp: seconds - 59 } }, { typescript: ['exp again', 'invalid_token'], python: ['exp again', 'invalid_token'], go: ['exp again', 'invalid_token'] }],
    ['a clock that is 60 s behind', { claims: { iat: seconds + 60 } }, { typescript: 'accepted', python: 'accepted', go: 'accepted' }],
    ['a store that cannot be asked', { facts: { revocations: { kind: 'unreachable' } } }, { typescript: ['revoked', 'session_revoked'], python: ['revoked', 'session_revoked'], go: ['revoked', 'session_revoked'] }],
    ['a store without epochs', { facts: { revocations: { kind: 'read', revoked: new Set(), epoch: undefined } } }, { typescript: 'accepted', python: 'accepted', go: 'accepted' }],
    ['an epoch of 0', { claims: { delegation_graph_epoch: 0 } }, { typescript: ['delegation_graph_epoch', 'delegation_stale'], python: ['delegation_graph_epoch', 'delegation_stale'], go: 'accepted' }],
    ['no epoch in the mandate', { without: ['delegation_graph_epoch'] }, { typescript: 'accepted', python: 'accepted', go: 'accepted' }],
    ['nothing required', { settings: { scopes: undefined, targets: undefined, session: undefined, delegation: false, chain: undefined }, without: ['scope', 'target', 'agent_session_id', 'delegation_edge_id', 'delegation_chain'] }, { typescript: 'accepted', python: 'accepted', go: 'accepted' }],
  ];
  for (const [what, when, expected] of together) {
    for (const language of verifierLanguages) {
      it(`${language}: ${what}`, async () => {
        const { verdict } = await compare(language, when);
        deepEqual(verdict.kind === 'accepted' ? 'accepted' : [verdict.by?.key, verdict.by?.code], expected[language]);
        equal(verdict.kind === 'cannot tell', false);
      });
    }
  }

  it('tells further mismatches once the first is right', async () => {
    const comparison = await compare('typescript', { settings: { issuer: `${issuer}/`, scopes: ['x', 'y'], session: true }, without: ['agent_session_id'] });
    deepEqual(mismatches(comparison).map(({ key: one, standing, code }) => [one, code, standing]), [
      ['iss', 'invalid_token', 'this refusal'], ['scope', 'insufficient_scope', 'next, once the issuer is right'], ['session', 'session_required', 'next, once the issuer is right'],
    ]);
    equal(comparison.verdict.says, 'The verifier refuses this mandate with invalid_token (401) at its check: issuer.');
  });
});

describe('what cannot be told', () => {
  const untold = ({ rows }: Comparison): readonly string[] => rows.filter(({ result }) => result.kind === 'cannot tell').map((row) => `${row.key}: ${whyOf(row)}`);
  const env = (variable: string) => ({ computed: `process.env.${variable}!`, variable });

  const cases: readonly (readonly [what: string, when: Case, untold: readonly string[], by: VerifierCheckKey | undefined, sure: VerifierError | undefined, says: string])[] = [
    ['without keys', { keys: null }, ['jwks: the keys of the zone were not read', 'signature: the keys of the zone were not read'], undefined, undefined, 'Cannot tell unless the keys can be read and the key is right; then the verifier accepts this mandate.'],
    ['without keys, and the issuer differs', { keys: null, settings: { issuer: 'http://127.0.0.1:8080' } }, ['jwks: the keys of the zone were not read', 'signature: the keys of the zone were not read'], 'iss', 'invalid_token', 'The verifier refuses this mandate with invalid_token (401) in any case; at its check issuer if the keys can be read and the key is right.'],
    ['without keys, and a scope is missing', { keys: null, claims: { scope: 'x' } }, ['jwks: the keys of the zone were not read', 'signature: the keys of the zone were not read'], 'scope', undefined, 'Cannot tell unless the keys can be read and the key is right; then the verifier refuses this mandate with insufficient_scope (403) at its check: scopes.'],
    ['with a zone of the environment', { settings: { zone: env('CARACAL_ZONE_ID') } }, ['zone: zoneId comes from the environment variable CARACAL_ZONE_ID', 'jwks: zoneId comes from the environment variable CARACAL_ZONE_ID', 'signature: zoneId comes from the environment variable CARACAL_ZONE_ID, and keys belong to a zone', 'zone_id: zoneId comes from the environment variable CARACAL_ZONE_ID'], undefined, undefined, 'Cannot tell unless the zone is set, the keys can be read, the key is right and the zone is right; then the verifier accepts this mandate.'],
    ['with an issuer that is computed', { settings: { issuer: { computed: 'load()' } } }, ['jwks: issuer is computed: load()', 'iss: issuer is computed: load()'], undefined, undefined, 'Cannot tell unless the keys can be read and the issuer is right; then the verifier accepts this mandate.'],
    ['with an audience that is a list', { settings: { audience: ['billing-api'] } }, ['aud: audience is no text here'], undefined, undefined, 'Cannot tell unless the audience is right; then the verifier accepts this mandate.'],
    ['with http to another host', { settings: { issuer: 'http://sts:8080' }, claims: { iss: 'http://sts:8080' } }, ['jwks: http to another host is refused unless CARACAL_ALLOW_INSECURE_CONFIG_URLS is true where the verifier runs'], undefined, undefined, 'Cannot tell unless the keys can be read; then the verifier accepts this mandate.'],
    ['with computed requirements', { settings: { scopes: { computed: '[S]' }, use: env('USE'), hops: { computed: 'n' }, chain: { computed: 'c' }, targets: 'billing-api', session: { computed: 's' }, revocations: { computed: 'r' } } }, [
      'required use: requiredUse comes from the environment variable USE', 'scope: requiredScopes is computed: [S]', 'target: requiredTargets is no list here', 'hop_count: maxHopCount is computed: n', 'delegation_chain: requireChainContains is computed: c', 'store: revocations is computed: r',
    ], undefined, undefined, 'Cannot tell unless the use is right, the scopes are right, the targets are right, the hops are few enough, the chain is right and a revocation store is set; then the verifier accepts this mandate.'],
    ['with a Session that may be required', { settings: { session: { computed: 's' } }, without: ['agent_session_id'] }, ['session: requireSession is computed: s'], undefined, undefined, 'Cannot tell unless there is a Session; then the verifier accepts this mandate.'],
    ['without the store', { facts: { revocations: undefined } }, ['revoked: the revocation store was not read', 'delegation_graph_epoch: the revocation store was not read'], undefined, undefined, 'Cannot tell unless nothing is revoked and the epoch is right; then the verifier accepts this mandate.'],
    ['with a store in memory', { facts: { revocations: undefined }, settings: { revocations: 'new InMemoryRevocationStore' } }, ['revoked: the revocation store is in the memory of the server', 'delegation_graph_epoch: the revocation store is in the memory of the server'], undefined, undefined, 'Cannot tell unless nothing is revoked and the epoch is right; then the verifier accepts this mandate.'],
  ];
  for (const [what, when, expected, by, sure, says] of cases) {
    it(what, async () => {
      const comparison = await compare('typescript', when);
      deepEqual(untold(comparison), expected);
      ok(comparison.verdict.kind === 'cannot tell');
      deepEqual([comparison.verdict.by?.key, comparison.verdict.sure?.code, comparison.verdict.says], [by, sure, says]);
      deepEqual(comparison.verdict.unless.map(({ key: one }) => one), expected.map((one) => one.split(':')[0]));
    });
  }

  it('leaves the first mismatch in doubt', async () => {
    const [first, second] = mismatches(await compare('go', { keys: null, claims: { scope: 'x', target: [] } }));
    deepEqual([first?.standing, second?.standing], ['this refusal, once the keys can be read and the key is right', 'next, once the scopes are right']);
  });

  it('does not hide what is sure: a member of a list that the mandate has not', async () => {
    const comparison = await compare('python', { settings: { scopes: { computed: '["x", S]', known: ['x'] } } });
    deepEqual([comparison.verdict.kind, comparison.verdict.kind === 'refused' ? comparison.verdict.by.code : '', rowOf(comparison, 'scope').verifier], ['refused', 'insufficient_scope', 'computed']);
  });

  it('does not hide what comes before it', async () => {
    const { verdict } = await compare('typescript', { settings: { audience: 'x', scopes: { computed: 's' } } });
    deepEqual([verdict.kind, verdict.kind === 'refused' ? verdict.by.key : ''], ['refused', 'aud']);
  });

  it('is all that a verifier leaves which is set up elsewhere', async () => {
    const signed = decodeMandate(await key.sign(claims));
    ok(signed.kind === 'mandate');
    const others: Setting & { kind: 'computed' } = { kind: 'computed', text: 'shared', variable: undefined, known: [], place: place(1) };
    const comparison = await compareWithVerifier({ mandate: signed.mandate, settings: { named: { scopes: { kind: 'literal', value: ['x'], place: place(2) } }, others }, language: 'go', now });
    deepEqual(mismatches(comparison).map(({ key: one }) => one), ['scope']);
    equal(comparison.verdict.kind, 'cannot tell');
    equal(rowOf(comparison, 'iss').setIn?.line, 1);
    equal(whyOf(rowOf(comparison, 'iss')), 'Issuer is computed: shared');
  });
});

describe('the words of a comparison', () => {
  const words: readonly (readonly [what: string, language: VerifierLanguage, when: Case, key: VerifierCheckKey, token: string | undefined, verifier: string | undefined, why: string])[] = [
    ['a / at the end', 'typescript', { settings: { issuer: `${issuer}/` } }, 'iss', issuer, `${issuer}/`, `Set issuer to "${issuer}": a / at the end counts.`],
    ['another name of the host', 'python', { claims: { iss: 'http://sts:8080' }, settings: { issuer: 'http://localhost:8080' } }, 'iss', 'http://sts:8080', 'http://localhost:8080', 'Set issuer to "http://sts:8080": the name of the host counts, even where both lead to the same STS.'],
    ['another issuer', 'go', { settings: { issuer: 'https://sts.example' } }, 'iss', issuer, 'https://sts.example', `Set Issuer to "${issuer}", as ISSUER_URL of the STS has it.`],
    ['a gateway mandate at a resource', 'go', { claims: { use: 'gateway', aud: [issuer] } }, 'aud', issuer, 'billing-api', 'Call the resource through the Gateway: a gateway mandate is for the Gateway alone.'],
    ['the URL of a resource', 'typescript', { settings: { audience: 'https://billing' } }, 'aud', 'billing-api', 'https://billing', 'Set audience to "billing-api", the identifier of the resource, or ask the STS for another resource.'],
    ['another zone', 'python', { settings: { zone: 'z' }, keys: null }, 'signature', 'ES256, kid key-1', 'z', `Set expected_zone_id to "${zone}", or get a mandate of the zone that is set: keys belong to a zone.`],
    ['no zone', 'go', { settings: { zone: undefined } }, 'zone', undefined, 'not set', `Set ZoneID to "${zone}": without a zone every mandate is refused.`],
    ['insecure URLs', 'go', { settings: { issuer: 'http://sts:8080' }, facts: { allowsInsecureUrls: false } }, 'jwks', undefined, 'http://sts:8080', 'Use https in Issuer, or set CARACAL_ALLOW_INSECURE_CONFIG_URLS=true where the verifier runs.'],
    ['an old mandate', 'typescript', { claims: { exp: seconds - 600 } }, 'exp', '2026-08-20T13:50:00.000Z', '2026-08-20T14:00:00.000Z, and 60 s of grace', 'Get a new mandate: this one expired 10 min ago.'],
    ['the second look at an old mandate', 'typescript', { claims: { exp: seconds - 600 } }, 'exp again', '2026-08-20T13:50:00.000Z', '2026-08-20T14:00:00.000Z, without grace', 'the first look at exp refuses it'],
    ['a clock', 'python', { claims: { iat: seconds + 7200 } }, 'iat', '2026-08-20T16:00:00.000Z', '2026-08-20T14:00:00.000Z, and 60 s of grace', 'Set the clock of the server: the mandate was issued 2 h in its future.'],
    ['the first scope that is missing', 'python', { settings: { scopes: ['invoice:read', 'a', 'b'] } }, 'scope', 'invoice:read invoice:list', 'invoice:read, a, b', 'Ask the STS for the scope a too, or take it out of required_scopes.'],
    ['no chain', 'go', { without: ['delegation_chain'] }, 'delegation_chain', 'no chain', 'app-orders', 'Delegate through the Application app-orders, or take it out of RequireChainContains: client_id does not count.'],
    ['default hops', 'typescript', { without: ['hop_count'], settings: { hops: undefined } }, 'hop_count', 'none, so 0', '10 (default)', ''],
    ['what is revoked', 'go', { facts: { revocations: { kind: 'read', revoked: new Set(['0198f6a0-0001', '0198f6a0-0002']), epoch: 0 } } }, 'revoked', 'sid, root_sid, agent_session_id, delegation_edge_id', 'has agent_session_id, delegation_edge_id', 'Start a new Session and get a new mandate: agent_session_id, delegation_edge_id are revoked.'],
    ['a use that is switched off', 'python', { settings: { use: null } }, 'required use', 'resource', 'not set', 'required_use switches this off'],
    ['a very long value', 'typescript', { claims: { scope: 'x'.repeat(1000) } }, 'scope', `${'x'.repeat(300)}…`, 'invoice:read', 'Ask the STS for the scope invoice:read too, or take it out of requiredScopes.'],
    ['a value that is no time', 'python', { claims: { exp: 1e300 } }, 'exp', '1e+300', '2026-08-20T14:00:00.000Z, and 60 s of grace', ''],
  ];
  for (const [what, language, when, wanted, token, verifier, why] of words) {
    it(`${language}: ${what}`, async () => {
      const row = rowOf(await compare(language, when), wanted);
      deepEqual([row.token, row.verifier, whyOf(row)], [token, verifier, why]);
    });
  }

  const differences: readonly (readonly [token: string, verifier: string, marked: readonly [string, string]])[] = [
    ['http://sts:8080', 'http://localhost:8080', ['sts', 'localhost']], ['https://sts', 'https://sts/', ['', '/']], ['aa', 'aaa', ['', 'a']], ['abc', 'xyz', ['abc', 'xyz']], ['', 'x', ['', 'x']],
  ];
  for (const [token, verifier, marked] of differences) {
    it(`mark where ${token || 'nothing'} differs from ${verifier}`, async () => {
      const { differs } = rowOf(await compare('typescript', { claims: { iss: token }, settings: { issuer: verifier } }), 'iss');
      deepEqual([token.slice(differs?.from, differs?.tokenTo), verifier.slice(differs?.from, differs?.verifierTo)], marked);
    });
  }

  it('call settings as their language does', async () => {
    for (const language of verifierLanguages) match(whyOf(rowOf(await compare(language, { settings: { targets: ['x'] } }), 'target')), new RegExp(`\\b${settingNames.targets[language]}\\b`));
  });

  it('name each check once in each order', () => {
    for (const language of verifierLanguages) equal(new Set(verifierOrders[language].map(({ key: one }) => one)).size, verifierOrders[language].length);
  });
});
