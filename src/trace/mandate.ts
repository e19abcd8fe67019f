/** A mandate, read where it was pasted: nothing here logs it, sends it, or says a part of it in an error. */
import * as z from 'zod';

const text = z.string().describe('a text');
const id = z.string().min(1).describe('a text that is not empty');
const texts = z.array(id).describe('a list of texts');
const seconds = z.int().nonnegative().describe('a whole number of seconds since 1970');
const count = z.int().nonnegative().describe('a whole number that is not negative');
const chain = z
  .array(z.object({ application_id: id, agent_session_id: text.optional(), delegation_edge_id: text.optional() }))
  .describe('a list of hops, each with its application_id');

/** The claims of a mandate: contract request-evidence 10. `exp` and `iat` are seconds since 1970. */
const claimTypes = z.object({
  iss: id, sub: id, aud: texts, exp: seconds, iat: seconds, jti: id, zone_id: id, client_id: id, sid: id, root_sid: id,
  use: z.enum(['session', 'gateway', 'resource']).describe('session, gateway or resource'),
  sub_type: z.enum(['user', 'application']).describe('user or application'),
  scope: text, target: texts, agent_session_id: id, delegation_edge_id: id, source_session_id: id, target_session_id: id,
  delegation_path: texts, delegation_chain: chain, hop_count: count, delegation_graph_epoch: count,
});

/** Every mandate has these. */
const always = ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'zone_id', 'client_id', 'sid', 'root_sid', 'use', 'sub_type'] as const;

const knownNames = new Set(['alg', 'typ', 'kid', ...Object.keys(claimTypes.shape)]);

/** The claims that are what the contract says; one that is missing here was absent or of another type. */
export type MandateClaims = Readonly<Partial<z.infer<typeof claimTypes>>>;

/** What is not as the STS writes it. */
export interface MandateProblem {
  /** The name of a claim, or `header`, `signature`. */
  readonly of: string;
  readonly says: string;
}

/** The three parts of a token as they were written, named as RFC 7515 does. */
export interface Signed {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

export interface Mandate {
  readonly header: { readonly alg: string | undefined; readonly typ: string | undefined; readonly kid: string | undefined };
  readonly claims: MandateClaims;
  /** Every claim as it was written, of whatever type. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly problems: readonly MandateProblem[];
  /** A function, so that a mandate which is written as JSON or printed carries no token. */
  readonly signed: () => Signed;
}

/** A mandate, or a sentence that says why a text is none and what to do. */
export type Decoded = { readonly kind: 'mandate'; readonly mandate: Mandate } | { readonly kind: 'no mandate'; readonly why: string };

/** Far more than a header of HTTP may be. */
const mostCharacters = 64 * 1024;
const mostDepth = 32;
/** Two numbers of 32 bytes. */
const es256Bytes = 64;
const numbers = ['no part', 'one part', 'two parts', 'three parts', 'four parts'];

/**
 * Decodes a mandate without a key, so nothing in it is proven.
 *
 * @param pasted the token; white space or quotes around it, `Bearer` and `Authorization:` are taken off
 */
export function decodeMandate(pasted: string): Decoded {
  if (pasted.length > mostCharacters) return none(`The text has ${pasted.length} characters, more than any mandate. Paste the token alone.`);
  const token = bearerOf(pasted);
  if (token === '') return none('There is no token. Paste the mandate, with or without Bearer before it.');
  if (/\s/.test(token)) return none('There is white space inside the token. Copy it as one line.');
  const parts = token.split('.');
  if (parts.length === 5) return none('The token has five parts: it is encrypted. A mandate is signed and has three.');
  if (parts.length !== 3) return none(`The token has ${numbers[parts.length] ?? `${parts.length} parts`}, a mandate has three. Copy it whole.`);
  const [header = '', payload = '', signature = ''] = parts;
  const readHeader = readPart('header', header);
  if (readHeader.kind === 'unread') return none(readHeader.why);
  const readPayload = readPart('payload', payload);
  if (readPayload.kind === 'unread') return none(readPayload.why);
  const ofSignature = base64url.test(signature) || signature === '' ? Buffer.from(signature, 'base64url') : undefined;
  if (ofSignature === undefined) return none('The signature is not base64url. Copy the token again, whole.');

  const { alg, typ, kid } = readHeader.object;
  const { claims, problems } = readClaims(readPayload.object);
  return {
    kind: 'mandate',
    mandate: {
      header: { alg: textOf(alg), typ: textOf(typ), kid: textOf(kid) },
      claims,
      payload: readPayload.object,
      problems: [...headerProblems(readHeader.object), ...twice(readHeader.twice), ...problems, ...twice(readPayload.twice), ...signatureProblems(ofSignature.length)],
      signed: () => ({ protected: header, payload, signature }),
    },
  };
}

/** Quotes, the name of the header, the scheme, quotes. */
const mostLayers = 4;
const wrapped = /^(?:(["'`])([\s\S]*)\1|(?:authorization:|bearer\s)\s*([\s\S]*))$/i;

/** The token without what stood around it where it was copied. */
function bearerOf(pasted: string): string {
  let token = pasted.trim();
  for (let layer = 0; layer < mostLayers; layer += 1) {
    const found = wrapped.exec(token);
    if (found === null) break;
    token = (found[2] ?? found[3] ?? '').trim();
  }
  return token;
}

const base64url = /^[A-Za-z0-9_-]+$/;

interface ReadPart {
  readonly kind: 'read';
  readonly object: Readonly<Record<string, unknown>>;
  /** Names that are written more than once. */
  readonly twice: readonly string[];
}

/** An error of the parser says some of what it read, so only ours are told. */
function readPart(name: string, part: string): ReadPart | { readonly kind: 'unread'; readonly why: string } {
  const unread = (why: string) => ({ kind: 'unread', why: `The ${name} of the token ${why}` }) as const;
  if (!base64url.test(part)) return unread(part === '' ? 'is empty. Copy it whole.' : 'is not base64url. Copy the token again, whole.');
  try {
    const json = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url'));
    const { depth, twice: names } = namesIn(json);
    if (depth > mostDepth) return unread(`is nested more than ${mostDepth} deep. No mandate is.`);
    const object: unknown = JSON.parse(json);
    return isObject(object) ? { kind: 'read', object, twice: names } : unread('is no JSON object. This is not a mandate.');
  } catch {
    return unread('is no JSON. Copy the token again, whole.');
  }
}

const jsonTokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;

/** How deep a JSON text is nested, and which names of its outermost object occur again. A library would keep the last in silence. */
function namesIn(json: string): { readonly depth: number; readonly twice: readonly string[] } {
  const seen = new Set<string>();
  const again = new Set<string>();
  let [depth, deepest, last] = [0, 0, '""'];
  for (const [token] of json.matchAll(jsonTokens)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (token !== ':') last = token;
    else if (depth === 1) {
      const name = String(JSON.parse(last));
      (seen.has(name) ? again : seen).add(name);
    }
    deepest = Math.max(deepest, depth);
  }
  return { depth: deepest, twice: [...again] };
}

function readClaims(payload: Readonly<Record<string, unknown>>): { readonly claims: MandateClaims; readonly problems: readonly MandateProblem[] } {
  const claims: Record<string, unknown> = {};
  const problems: MandateProblem[] = always.filter((name) => !Object.hasOwn(payload, name)).map((name) => ({ of: name, says: `${name} is missing` }));
  for (const [name, type] of Object.entries(claimTypes.shape)) {
    if (!Object.hasOwn(payload, name)) continue;
    const read = type.safeParse(payload[name]);
    if (read.success) claims[name] = read.data;
    else problems.push({ of: name, says: `${name} is not ${type.description ?? 'what it should be'}` });
  }
  return { claims, problems };
}

/** Contract request-evidence 10: the header that the STS writes. */
function headerProblems({ alg, kid }: Readonly<Record<string, unknown>>): readonly MandateProblem[] {
  return [
    ...(alg === 'ES256' ? [] : [{ of: 'header', says: 'alg is not ES256' }]),
    ...(typeof kid === 'string' && kid !== '' ? [] : [{ of: 'header', says: 'kid is missing: it names the key of the zone' }]),
  ];
}

function signatureProblems(bytes: number): readonly MandateProblem[] {
  return bytes === es256Bytes ? [] : [{ of: 'signature', says: bytes === 0 ? 'there is none' : `it has ${bytes} bytes, one of ES256 has ${es256Bytes}: the end may be missing` }];
}

/** A name that no mandate has could be anything, so it is not repeated. */
function twice(names: readonly string[]): readonly MandateProblem[] {
  return names.map((name) => (knownNames.has(name) ? { of: name, says: `${name} is written more than once; verifiers take the last` } : { of: 'payload', says: 'a claim that Caracal does not know is written more than once' }));
}

function none(why: string): Decoded {
  return { kind: 'no mandate', why };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
