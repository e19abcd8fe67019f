/** A mandate against the settings of a verifier: which error comes first, and what else does not agree. Contract request-evidence 11.3. */
import { verifierErrors, verifierChecks, verifierOrders } from '../../caracal/verifiers.ts';
import type { VerifierError, VerifierCheck, VerifierCheckKey } from '../../caracal/verifiers.ts';
import { findings } from './findings.ts';
import type { Difference, Facts, Result } from './findings.ts';
import type { SourcePlace } from './setting.ts';

export interface ComparisonRow {
  readonly key: VerifierCheckKey;
  /** In the table of the contract; undefined for checks that it tells below the table. */
  readonly row: number | undefined;
  readonly check: string;
  readonly token: string | undefined;
  readonly verifier: string | undefined;
  /** Where the value of the verifier is written; undefined where it is a default or fixed. */
  readonly setIn: SourcePlace | undefined;
  readonly differs: Difference | undefined;
  readonly result: Result;
  /** The error that a mismatch gives: contract request-evidence 11.2. */
  readonly code: VerifierError;
  /** The status of HTTP that goes with it. */
  readonly status: number;
  /** Of a mismatch: `this refusal`, or when it would come. */
  readonly standing: string | undefined;
}

/** The error that is sure although it is not told which check gives it. */
export interface SureRefusal {
  readonly code: VerifierError;
  readonly status: number;
}

export type Verdict =
  | { readonly kind: 'refused'; readonly by: ComparisonRow; readonly says: string }
  | { readonly kind: 'accepted'; readonly says: string }
  | {
      readonly kind: 'cannot tell';
      /** The checks that would have to agree. */
      readonly unless: readonly ComparisonRow[];
      /** The refusal if they do; undefined if the mandate is accepted then. */
      readonly by: ComparisonRow | undefined;
      readonly sure: SureRefusal | undefined;
      readonly says: string;
    };

export interface Comparison {
  /** In the order in which the verifier checks. */
  readonly rows: readonly ComparisonRow[];
  readonly verdict: Verdict;
}

/**
 * Compares a mandate with a verifier, check by check in the order of its language. Nothing is asked of anybody.
 *
 * @param facts `keys` are the answers of the issuer that the verifier is set to; without them the signature is not told
 */
export async function compareWithVerifier(facts: Facts): Promise<Comparison> {
  const found: ComparisonRow[] = [];
  for (const step of verifierOrders[facts.language]) {
    const check: VerifierCheck = verifierChecks[step.key];
    const { result, token, verifier, place, differs, refusal = check.refusal } = await findings[step.key](facts, step);
    found.push({ key: step.key, row: check.row, check: check.check, token, verifier, setIn: place, differs, result, code: refusal, status: verifierErrors[refusal], standing: undefined });
  }
  const first = found.findIndex(({ result }) => result.kind === 'mismatch');
  const unless = found.slice(0, first === -1 ? undefined : first).filter(({ result }) => result.kind === 'cannot tell');
  const rows = found.map((row, index) => ({ ...row, standing: standing(row, index, first, found[first], unless) }));
  return { rows, verdict: verdictOf(rows[first], unless) };
}

function standing({ result }: ComparisonRow, index: number, first: number, by: ComparisonRow | undefined, unless: readonly ComparisonRow[]): string | undefined {
  if (result.kind !== 'mismatch' || by === undefined) return undefined;
  if (index > first) return `next, once ${verifierChecks[by.key].right}`;
  return unless.length === 0 ? 'this refusal' : `this refusal, once ${rightOf(unless)}`;
}

function verdictOf(by: ComparisonRow | undefined, unless: readonly ComparisonRow[]): Verdict {
  const refused = by === undefined ? 'the verifier accepts this mandate' : `the verifier refuses this mandate with ${named(by)} at its check: ${by.check}`;
  if (unless.length === 0) return by === undefined ? { kind: 'accepted', says: sentence(refused) } : { kind: 'refused', by, says: sentence(refused) };
  const sure = by !== undefined && unless.every(({ code }) => code === by.code) ? { code: by.code, status: by.status } : undefined;
  const says = sure === undefined || by === undefined ? `Cannot tell unless ${rightOf(unless)}; then ${refused}.` : `The verifier refuses this mandate with ${named(sure)} in any case; at its check ${by.check} if ${rightOf(unless)}.`;
  return { kind: 'cannot tell', unless, by, sure, says };
}

function named({ code, status }: SureRefusal): string {
  return code === 'exception' ? `an exception (typically ${status})` : `${code} (${status})`;
}

function rightOf(rows: readonly ComparisonRow[]): string {
  const all = [...new Set(rows.map(({ key }) => verifierChecks[key].right))];
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} and ${all.at(-1) ?? ''}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
