import { deepEqual, equal, ok } from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { inspect } from 'node:util';
import { decodeMandate } from '../../src/trace/mandate.ts';
import type { Mandate } from '../../src/trace/mandate.ts';
import { claims, encoded, signer } from './mandates.ts';
import type { Signer } from './mandates.ts';

const header = { alg: 'ES256', typ: 'JWT', kid: 'key-1' };
const signature = Buffer.alloc(64, 7).toString('base64url');
const token = (payload: unknown, head: unknown = header, signed = signature): string => `${encoded(head)}.${encoded(payload)}.${signed}`;
const read = (text: string): Mandate => {
  const decoded = decodeMandate(text);
  if (decoded.kind === 'no mandate') throw new Error(decoded.why);
  return decoded.mandate;
};
const without = (...names: readonly string[]): Readonly<Record<string, unknown>> => Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)));

describe('a mandate', () => {
  let key: Signer;
  let signed: string;
  before(async () => {
    key = await signer('key-1');
    signed = await key.sign(claims);
  });

  it('is decoded whole', () => {
    const mandate = read(signed);
    deepEqual([mandate.header, mandate.claims, mandate.payload, mandate.problems], [header, claims, claims, []]);
  });

  it('keeps what its signature is made over', () => {
    const { protected: head, payload, signature } = read(`Bearer ${signed}`).signed();
    const publicKey = createPublicKey({ key: key.jwk, format: 'jwk' });
    const isSigned = (input: string): boolean => verify('sha256', Buffer.from(input), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
    ok(isSigned(`${head}.${payload}`));
    ok(!isSigned(`${head}.${payload}x`));
  });

  it('carries no token where it is written down', () => {
    const [, payload = '', made = ''] = signed.split('.');
    const mandate = read(signed);
    for (const text of [JSON.stringify(mandate), inspect(mandate, { depth: 9, showHidden: true })]) ok(!text.includes(made) && !text.includes(payload));
  });

  const around: readonly (readonly [what: string, wrap: (token: string) => string])[] = [
    ['white space', (text) => ` \n${text}\t `], ['Bearer', (text) => `Bearer ${text}`], ['bearer and spaces', (text) => `bearer   ${text}`], ['a header', (text) => `Authorization: Bearer ${text}`],
    ['quotes', (text) => `"${text}"`], ['quotes around Bearer', (text) => `'Bearer ${text}'`], ['quotes within', (text) => `Bearer "${text}"`], ['backticks', (text) => `\`${text}\``],
  ];
  for (const [what, wrap] of around) {
    it(`is found within ${what}`, () => deepEqual(read(wrap(signed)).claims, claims));
  }

  const problems: readonly (readonly [what: string, text: () => string, problems: readonly string[]])[] = [
    ['of another type', () => token({ ...claims, exp: '1785666030', aud: 'billing-api', target: ['a', 5], hop_count: -1, scope: null }), [
      'aud: aud is not a list of texts', 'exp: exp is not a whole number of seconds since 1970', 'scope: scope is not a text', 'target: target is not a list of texts', 'hop_count: hop_count is not a whole number that is not negative',
    ]],
    ['that is missing', () => token(without('jti', 'exp', 'scope', 'target')), ['exp: exp is missing', 'jti: jti is missing']],
    ['with an unknown value', () => token({ ...claims, use: 'admin', sub_type: '' }), ['use: use is not session, gateway or resource', 'sub_type: sub_type is not user or application']],
    ['without its Application', () => token({ ...claims, delegation_chain: [{ agent_session_id: 'x' }] }), ['delegation_chain: delegation_chain is not a list of hops, each with its application_id']],
    ['that is written twice', () => token(`{"exp":1,${JSON.stringify(claims).slice(1, -1)},"\\u0065xp":2,"secret":1,"secret":2}`), ['exp: exp is written more than once; verifiers take the last', 'payload: a claim that Caracal does not know is written more than once']],
    ['that only a nested object has twice', () => token({ ...claims, other: [{ exp: 1 }, { exp: 2 }] }), []],
  ];
  for (const [what, text, expected] of problems) it(`has a problem with a claim ${what}`, () => deepEqual(read(text()).problems.map(({ of, says }) => `${of}: ${says}`), expected));

  it('keeps a claim of another type as it was, and the last of two', () => {
    const mandate = read(token(`{"exp":1,${JSON.stringify({ ...without('exp'), aud: 'x' }).slice(1, -1)},"exp":2}`));
    deepEqual([mandate.claims.exp, mandate.payload['exp'], mandate.claims.aud, mandate.payload['aud']], [2, 2, undefined, 'x']);
  });

  const headers: readonly (readonly [what: string, head: unknown, signed: string, problems: readonly string[]])[] = [
    ['alg none and no signature', { alg: 'none' }, '', ['header: alg is not ES256', 'header: kid is missing: it names the key of the zone', 'signature: there is none']],
    ['another alg', { ...header, alg: 'RS256' }, signature, ['header: alg is not ES256']],
    ['a kid that is no text', { ...header, kid: 5 }, signature, ['header: kid is missing: it names the key of the zone']],
    ['a signature that was cut', header, signature.slice(0, 40), ['signature: it has 30 bytes, one of ES256 has 64: the end may be missing']],
    ['alg twice', '{"alg":"none","typ":"JWT","kid":"key-1","alg":"ES256"}', signature, ['alg: alg is written more than once; verifiers take the last']],
  ];
  for (const [what, head, made, expected] of headers) it(`has a problem with ${what}`, () => deepEqual(read(token(claims, head, made)).problems.map(({ of, says }) => `${of}: ${says}`), expected));

  it('is not fooled by names that objects have by themselves', () => {
    const mandate = read(token('{"__proto__":{"exp":1,"use":"resource"},"constructor":1,"toString":2}'));
    deepEqual([mandate.claims.exp, mandate.claims.use, mandate.problems.length], [undefined, undefined, 12]);
    equal(Object.getPrototypeOf(mandate.payload), Object.prototype);
  });
});

describe('what is no mandate', () => {
  const hostile: readonly (readonly [what: string, text: string, why: string])[] = [
    ['nothing', '  ', 'There is no token. Paste the mandate, with or without Bearer before it.'],
    ['quotes around nothing', '""', 'There is no token. Paste the mandate, with or without Bearer before it.'],
    ['a word', 'SECRET', 'The token has one part, a mandate has three. Copy it whole.'],
    ['two parts', `${encoded(header)}.${encoded(claims)}`, 'The token has two parts, a mandate has three. Copy it whole.'],
    ['four parts', 'a.SECRET.c.d', 'The token has four parts, a mandate has three. Copy it whole.'],
    ['five parts', 'a.SECRET.c.d.e', 'The token has five parts: it is encrypted. A mandate is signed and has three.'],
    ['many parts', 'SECRET.'.repeat(5000), 'The token has 5001 parts, a mandate has three. Copy it whole.'],
    ['a token on two lines', `${encoded(header)}.SECRET\n${encoded(claims)}.x`, 'There is white space inside the token. Copy it as one line.'],
    ['a header that is empty', `.${encoded(claims)}.${signature}`, 'The header of the token is empty. Copy it whole.'],
    ['a payload that is empty', `${encoded(header)}..${signature}`, 'The payload of the token is empty. Copy it whole.'],
    ['a header that is not base64url', `SEC+RET.${encoded(claims)}.${signature}`, 'The header of the token is not base64url. Copy the token again, whole.'],
    ['a payload that is not base64url', `${encoded(header)}.SEC!RET.${signature}`, 'The payload of the token is not base64url. Copy the token again, whole.'],
    ['a signature that is not base64url', `${encoded(header)}.${encoded(claims)}.SEC=RET`, 'The signature is not base64url. Copy the token again, whole.'],
    ['a header that is not JSON', token(claims, 'SECRET'), 'The header of the token is no JSON. Copy the token again, whole.'],
    ['a payload that is cut JSON', token('{"sub":"SECRET"'), 'The payload of the token is no JSON. Copy the token again, whole.'],
    ['a payload with a comment', token('{"sub":"SECRET"/* */}'), 'The payload of the token is no JSON. Copy the token again, whole.'],
    ['a payload that is not UTF-8', `${encoded(header)}.${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}.${signature}`, 'The payload of the token is no JSON. Copy the token again, whole.'],
    ['a payload that is a list', token(['SECRET']), 'The payload of the token is no JSON object. This is not a mandate.'],
    ['a payload that is null', token('null'), 'The payload of the token is no JSON object. This is not a mandate.'],
    ['JSON that is nested without end', token(`{"a":${'['.repeat(20_000)}"SECRET"${']'.repeat(20_000)}}`), 'The payload of the token is nested more than 32 deep. No mandate is.'],
    ['a text without end', 'SECRET'.repeat(200_000), 'The text has 1200000 characters, more than any mandate. Paste the token alone.'],
    ['quotes without end', `${'"'.repeat(30_000)}SECRET${'"'.repeat(30_000)}`, 'The token has one part, a mandate has three. Copy it whole.'],
  ];
  for (const [what, text, why] of hostile) {
    it(`${what} is refused in words that do not have it`, () => {
      deepEqual(decodeMandate(text), { kind: 'no mandate', why });
      ok(!why.includes('SECRET'));
    });
  }
});
