import { verifierErrors, verifierWords } from '../caracal/verifiers.ts';
import { refusals } from '../caracal/refusals.ts';
import type { Refusal } from '../caracal/refusals.ts';

/** What the caller got, as far as it is known. */
export interface CallerAnswer {
  readonly status: number | undefined;
  readonly error: string | undefined;
  readonly description: string | undefined;
}

const patterns = refusals.map((refusal) => ({ refusal, like: likeOf(refusal.description) }));

/** `{…}` stands for anything. */
function likeOf(description: string): RegExp {
  return new RegExp(`^${description.split('{…}').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('.*')}$`, 's');
}

/**
 * The refusals of the STS and of the Gateway that an answer may be, the likeliest first. More than one where both answer
 * alike, or one at several of its checks; none where the answer is not theirs, or has no description to be told apart by.
 */
export function refusalsLike({ status, error, description }: CallerAnswer): readonly Refusal[] {
  if (description === undefined) return [];
  return patterns
    .filter(({ refusal, like }) => like.test(description) && (error === undefined || refusal.errors.includes(error)) && (status === undefined || refusal.statuses.includes(status)))
    .map(({ refusal }) => refusal)
    // What leaves less open says more.
    .toSorted((one, other) => literal(other) - literal(one));
}

function literal({ description }: Refusal): number {
  return description.replaceAll('{…}', '').length;
}

export interface VerifierRefusal {
  readonly code: keyof typeof verifierWords;
  /** The status of HTTP that goes with it. */
  readonly status: number;
  readonly words: string;
}

/** The refusal of a resource's verifier that an answer is; undefined where it is none, or one that the Gateway or the STS gives, too. Contract request-evidence 11.2. */
export function verifierRefusalOf(answer: CallerAnswer): VerifierRefusal | undefined {
  const { error: code, status } = answer;
  if (code === undefined || !isVerifierCode(code) || refusalsLike(answer).length > 0) return undefined;
  const usual = code === 'missing_token' ? 401 : verifierErrors[code];
  return status === undefined || status === usual ? { code, status: usual, words: verifierWords[code] } : undefined;
}

function isVerifierCode(error: string): error is VerifierRefusal['code'] {
  return Object.hasOwn(verifierWords, error);
}
