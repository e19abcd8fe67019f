import { createPublicKey, verify } from 'node:crypto';
import * as z from 'zod';
import { type Claims, peek, verificationKey, verified } from './mandates.ts';
import { recordOf } from './sts-governance.ts';
import { Refusal, type StsContext } from './sts-context.ts';

const LEEWAY_SECONDS = 60;
const MOST_SUBJECT_BYTES = 512;
const JWKS_TIMEOUT_MS = 5000;

/** The claims of a mandate of the zone and of this use; undefined when it is none. */
export async function mandateClaims(context: StsContext, token: string, { zoneId, use }: { zoneId: string; use: Claims['use'] }): Promise<Claims | undefined> {
  const kid = peek(token)?.kid;
  const { keys } = await context.keys.published(zoneId).catch(() => ({ keys: [] }));
  const key = keys.find((candidate) => candidate.kid === kid);
  const claims = key === undefined ? undefined : verified(token, verificationKey(key));
  const right = claims?.iss === context.issuer && claims.aud.includes(context.issuer) && claims.exp + LEEWAY_SECONDS > Date.now() / 1000 && claims.zone_id === zoneId && claims.use === use;
  return right ? claims : undefined;
}

/** The authority record behind a mandate counts, and is that of its subject and of this application (contract, request evidence 4.4, row 10). */
export async function assertRecord(context: StsContext, claims: Claims, { zoneId, applicationId, recordId }: { zoneId: string; applicationId: string; recordId: string }): Promise<void> {
  const refuse = (description: string): never => {
    throw new Refusal(403, 'access_denied', description);
  };
  if (recordId !== '' && recordId !== claims.sid) refuse('authority record mismatch');
  const record = await recordOf(context, zoneId, claims.sid);
  if (record?.live !== true) return refuse('authority record inactive or expired');
  if (record.subject_id !== claims.sub) refuse('authority record subject mismatch');
  if (claims.client_id !== applicationId) refuse('authority record client mismatch');
}

const keysSchema = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) });
const identitySchema = z.looseObject({ iss: z.string(), aud: z.union([z.string(), z.array(z.string())]).default([]), sub: z.string().default(''), exp: z.number().optional() });

/**
 * The person whom another issuer's identity token names, and that issuer (Caracal services/sts/internal/subjectissuer.go).
 *
 * @throws Error with Caracal's reason when the zone does not trust it
 */
export async function federatedSubject({ pool }: StsContext, zoneId: string, token: string): Promise<{ subject: string; issuer: string }> {
  const seen = identitySchema.safeParse(decoded(token.split('.')[1])).data;
  if (seen === undefined) throw new Error('malformed subject token: token is malformed: token contains an invalid number of segments');
  const { rows: [trusted] } = await pool.query<{ issuer: string; jwks_url: string; audience: string }>(
    'SELECT issuer, jwks_url, audience FROM subject_issuers WHERE zone_id = $1 AND issuer = $2 AND archived_at IS NULL', [zoneId, seen.iss],
  );
  if (trusted === undefined) throw new Error(`issuer "${seen.iss}" is not trusted by this zone`);
  const response = await fetch(trusted.jwks_url, { signal: AbortSignal.timeout(JWKS_TIMEOUT_MS) });
  const { keys } = keysSchema.parse(await response.json());
  const kid = z.looseObject({ kid: z.string().min(1) }).safeParse(decoded(token.split('.')[0])).data?.kid;
  if (kid === undefined) throw new Error('token is unverifiable: error while executing keyfunc: subject token missing kid header');
  const key = keys.find((candidate) => candidate.kid === kid);
  if (key === undefined) throw new Error(`token is unverifiable: error while executing keyfunc: unknown signing key kid "${kid}" for issuer ${trusted.issuer}`);
  const [header = '', payload = '', signature = ''] = token.split('.');
  const genuine = verify('sha256', Buffer.from(`${header}.${payload}`), { key: createPublicKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  if (!genuine) throw new Error('token signature is invalid: crypto/ecdsa: verification error');
  if (![seen.aud].flat().includes(trusted.audience)) throw new Error('token has invalid claims: token has invalid audience');
  if ((seen.exp ?? 0) + LEEWAY_SECONDS <= Date.now() / 1000) throw new Error('token has invalid claims: token is expired');
  if (seen.sub === '') throw new Error('subject token carries no sub');
  if (Buffer.byteLength(seen.sub) > MOST_SUBJECT_BYTES) throw new Error(`sub exceeds ${String(MOST_SUBJECT_BYTES)} bytes`);
  if (seen.sub.startsWith('caracal:')) throw new Error('sub uses a reserved Caracal namespace');
  return { subject: seen.sub, issuer: trusted.issuer };
}

function decoded(part: string | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
