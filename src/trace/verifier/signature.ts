import { flattenedVerify, importJWK } from 'jose';
import type { VerifierLanguage } from '../../caracal/verifiers.ts';
import type { Mandate } from '../mandate.ts';

/** A public key as the STS publishes it: RFC 7517. */
export type Jwk = Readonly<Record<string, unknown>>;

/** `unknown key` where no key fits what the mandate names, `several keys` where more than one does and the verifier will not choose. */
export type SignatureResult = 'right' | 'wrong' | 'unknown key' | 'several keys';

/**
 * Checks the signature as the verifier of a language does: all look for the `kid`; without one TypeScript takes the only
 * key there is, Python tries every key, and Go finds none. Contract request-evidence 11.3, row 2 and "Order differences".
 *
 * @param mandate one with `alg` ES256; of any other the result is `wrong`
 * @param keys the keys of the zone that the verifier is set to
 */
export async function checkSignature(mandate: Mandate, keys: readonly Jwk[], language: VerifierLanguage): Promise<SignatureResult> {
  const { alg, kid } = mandate.header;
  if (alg !== 'ES256') return 'wrong';
  const named = kid !== undefined && (kid !== '' || language === 'typescript');
  const fitting = keys.filter((key) => isUsable(key, language) && (named ? key['kid'] === kid : language !== 'go'));
  if (fitting.length === 0) return 'unknown key';
  if (fitting.length > 1 && language === 'typescript') return 'several keys';
  for (const key of fitting) if (await isSignedBy(mandate, key)) return 'right';
  return 'wrong';
}

/** How many keys a verifier can use at all. Go refuses a set without one: contract request-evidence 11.3, row 1. */
export function usableKeys(keys: readonly Jwk[], language: VerifierLanguage): number {
  return keys.filter((key) => isUsable(key, language)).length;
}

/** Go wants all that the STS writes; the others take a key that does not say more than they ask. */
function isUsable({ kty, crv, alg, use, key_ops: operations, kid }: Jwk, language: VerifierLanguage): boolean {
  if (kty !== 'EC' || crv !== 'P-256') return false;
  if (language === 'python') return true;
  const forSignatures = (use === undefined || use === 'sig') && (!Array.isArray(operations) || operations.includes('verify'));
  return forSignatures && (alg === 'ES256' || (language === 'typescript' && alg === undefined)) && (language === 'typescript' || (typeof kid === 'string' && kid !== ''));
}

async function isSignedBy(mandate: Mandate, { x, y }: Jwk): Promise<boolean> {
  if (typeof x !== 'string' || typeof y !== 'string') return false;
  try {
    await flattenedVerify(mandate.signed(), await importJWK({ kty: 'EC', crv: 'P-256', x, y }, 'ES256'), { algorithms: ['ES256'] });
    return true;
  } catch {
    // Another signature, or a point that is not on the curve.
    return false;
  }
}
