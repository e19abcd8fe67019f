import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, sign, verify } from 'node:crypto';
import * as z from 'zod';

/** Claims that the stand-ins write and read (contract, request evidence 10). */
export const claimsSchema = z.looseObject({
  iss: z.string(),
  sub: z.string(),
  aud: z.array(z.string()),
  exp: z.number(),
  iat: z.number(),
  jti: z.string(),
  zone_id: z.string(),
  client_id: z.string(),
  sid: z.string(),
  root_sid: z.string(),
  use: z.enum(['session', 'gateway', 'resource']),
  sub_type: z.enum(['user', 'application']),
  scope: z.string().optional(),
  target: z.array(z.string()).optional(),
  agent_session_id: z.string().optional(),
  delegation_edge_id: z.string().optional(),
});
export type Claims = z.infer<typeof claimsSchema>;

export type SigningKey = { kid: string; privateKey: KeyObject };
export type PublicJwk = { kty: string; crv: string; use: 'sig'; kid: string; alg: 'ES256'; x: string; y: string };

const headerSchema = z.looseObject({ alg: z.string(), kid: z.string() });

/** A new ES256 key in PKCS 8 PEM form, as it is sealed in the table `secrets`. */
export function newSigningKeyPem(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The public half in the form of the JWKS document. */
export function publicJwk({ kid, privateKey }: SigningKey): PublicJwk {
  const { x = '', y = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { kty: 'EC', crv: 'P-256', use: 'sig', kid, alg: 'ES256', x, y };
}

export function signingKey(kid: string, pem: string): SigningKey {
  return { kid, privateKey: createPrivateKey(pem) };
}

export function verificationKey(jwk: PublicJwk): KeyObject {
  return createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y } satisfies JsonWebKey, format: 'jwk' });
}

/** A mandate, signed with ES256. */
export function issue(claims: Claims, key: SigningKey): string {
  const head = `${encode({ alg: 'ES256', typ: 'JWT', kid: key.kid })}.${encode(claims)}`;
  return `${head}.${sign('sha256', Buffer.from(head), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** What a token says about itself, unverified; undefined when it is no JWT with JSON parts. */
export function peek(token: string): { kid: string; payload: Record<string, unknown> } | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  const [header, payload] = parts.slice(0, 2).map(decode);
  const parsed = headerSchema.safeParse(header);
  const claims = z.record(z.string(), z.unknown()).safeParse(payload);
  return parsed.success && parsed.data.alg === 'ES256' && claims.success ? { kid: parsed.data.kid, payload: claims.data } : undefined;
}

/** The claims, if the signature is the key's and all of them are there. */
export function verified(token: string, key: KeyObject): Claims | undefined {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const genuine = verify(
    'sha256', Buffer.from(`${header}.${payload}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'),
  );
  const claims = claimsSchema.safeParse(decode(payload));
  return genuine && claims.success ? claims.data : undefined;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
