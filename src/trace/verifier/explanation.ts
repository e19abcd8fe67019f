/** Whether what a verifier would say of a mandate is what the resource said: contract request-evidence 11.2. */
import { tellingDescriptions } from '../../caracal/verifiers.ts';
import type { VerifierCheckKey, VerifierError } from '../../caracal/verifiers.ts';
import { verifierRefusalOf } from '../refusal.ts';
import type { CallerAnswer } from '../refusal.ts';
import type { Comparison } from './compare.ts';

export interface Explanation {
  readonly holds: 'yes' | 'perhaps' | 'no';
  readonly says: string;
}

const failsClosed: Readonly<Partial<Record<VerifierError, string>>> = {
  session_revoked: 'A store that the server cannot reach counts as full: look whether it reaches its Redis.',
  delegation_stale: 'A store that the server cannot reach counts as newer: look whether it reaches its Redis.',
  invalid_token: 'After a rotation of keys a server may know the new key only 5 to 10 min later.',
};

/**
 * Compares the answer that the caller got with a comparison.
 *
 * @returns undefined where the answer is not known, or is not one of a verifier
 */
export function explanationOf(answer: CallerAnswer | undefined, { verdict, rows }: Comparison): Explanation | undefined {
  const refusal = answer === undefined ? undefined : verifierRefusalOf(answer);
  if (refusal === undefined) return undefined;
  const { code, status } = refusal;
  const says = `${status} ${code}`;
  const key = answer?.description === undefined ? undefined : tellingDescriptions[answer.description];
  if (code === 'missing_token') return { holds: 'no', says: `The resource got no bearer token (${says}), so it compared nothing: look at the Authorization header that reached it.` };
  const fits = (row: { readonly code: VerifierError; readonly key: VerifierCheckKey } | undefined): boolean => row?.code === code && (key === undefined ? !telling.has(row.key) || answer?.description === undefined : row.key === key);
  const holds = `This explains the answer: ${says}.`;
  const holdsNot = (instead: string): Explanation => ({ holds: 'no', says: `This does not explain the answer, which was ${says}: ${instead}. The call may have met another verifier, or other settings.${failsClosed[code] === undefined ? '' : ` ${failsClosed[code]}`}` });
  switch (verdict.kind) {
    case 'refused': return fits(verdict.by) ? { holds: 'yes', says: holds } : holdsNot(`these settings refuse at another check (${verdict.by.check})`);
    case 'accepted': return holdsNot('these settings accept the mandate');
    case 'cannot tell': {
      if (verdict.sure?.code === code && key === undefined) return { holds: 'yes', says: holds };
      const possible = [...verdict.unless, ...(verdict.by === undefined ? [] : [verdict.by])].filter(fits);
      if (possible.length > 0) return { holds: 'perhaps', says: `This may explain the answer, ${says}: by ${possible.map(({ check }) => check).join(' or ')}.` };
      return holdsNot(`no check of the ${rows.length} that may refuse answers so`);
    }
  }
}

const telling: ReadonlySet<VerifierCheckKey> = new Set(Object.values(tellingDescriptions));
