/** Whether what a verifier would say of a mandate is what the resource said: contract request-evidence 11.2. */
import { tellingDescriptions, verifierErrors } from '../../caracal/verifiers.ts';
import type { VerifierCheckKey, VerifierError } from '../../caracal/verifiers.ts';
import { refusalsLike } from '../refusal.ts';
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
  const answered = answer === undefined ? undefined : refusalOf(answer);
  if (answered === undefined) return undefined;
  const { code, says, key } = answered;
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

interface Answered {
  readonly code: VerifierError | 'missing_token';
  readonly says: string;
  /** The check that the description names, if it does. */
  readonly key: VerifierCheckKey | undefined;
}

/** An answer that the Gateway or the STS gives, too, is theirs. */
function refusalOf(answer: CallerAnswer): Answered | undefined {
  const { error: code, status, description } = answer;
  if (code === undefined || !isCode(code) || refusalsLike(answer).length > 0) return undefined;
  const usual = code === 'missing_token' ? 401 : verifierErrors[code];
  return status === undefined || status === usual ? { code, says: `${usual} ${code}`, key: description === undefined ? undefined : tellingDescriptions[description] } : undefined;
}

function isCode(error: string): error is Answered['code'] {
  return error === 'missing_token' || (error !== 'exception' && Object.hasOwn(verifierErrors, error));
}
