/** The keys of a zone, as the STS of a deployment answers them to a verifier: contract request-evidence 4.1 and 10. */
import { mostKeySetBytes } from '../../caracal/verifiers.ts';
import type { Deployment } from '../../targets/deployment.ts';
import { Refused, Unavailable } from '../../targets/failures.ts';
import type { Known } from '../liveness.ts';
import type { ZoneKeys } from './findings.ts';
import type { Jwk } from './signature.ts';

/** As long as a verifier waits: contract request-evidence 11.3, row 1. */
const deadlineMs = 5_000;

/**
 * Asks the STS of the deployment, without a credential.
 *
 * @throws the signal's reason when it is aborted
 */
export async function readZoneKeys(deployment: Deployment, zoneId: string, signal: AbortSignal): Promise<Known<ZoneKeys>> {
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    const { status, body, truncated } = await deployment.http('sts').get({ path: `/.well-known/jwks.json?zone_id=${encodeURIComponent(zoneId)}`, signal: AbortSignal.any([signal, deadline]) });
    const bytes = Buffer.byteLength(body);
    if (status !== 200 || truncated || bytes > mostKeySetBytes) return { kind: 'row', row: { status, bytes, keys: [] } };
    const keys = keysIn(body);
    return keys === undefined ? cannotLook('the STS answers with something that is no set of keys') : { kind: 'row', row: { status, bytes, keys } };
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) return cannotLook(`the STS did not answer with keys in ${deadlineMs / 1_000} s`);
    if (error instanceof Refused || error instanceof Unavailable) return cannotLook(`the keys of the zone were not read: ${error.message}`);
    throw error;
  }
}

function cannotLook(why: string): Known<never> {
  return { kind: 'cannot look', why };
}

function keysIn(body: string): readonly Jwk[] | undefined {
  try {
    const { keys } = JSON.parse(body) as { readonly keys?: unknown };
    return Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null) ? (keys as readonly Jwk[]) : undefined;
  } catch {
    return undefined;
  }
}
