/** What the panel tells of a mandate and the verifiers that may have refused it. */
import { languageNames, verifierChecks } from '../../caracal/verifiers.ts';
import type { VerifierCheck } from '../../caracal/verifiers.ts';
import type { Mandate } from '../mandate.ts';
import type { CallerAnswer } from '../refusal.ts';
import type { Block, Cell, Link, Mark, Section } from '../story.ts';
import type { Comparison, ComparisonRow, Verdict } from './compare.ts';
import { explanationOf } from './explanation.ts';
import type { Explanation } from './explanation.ts';
import type { Setting, SourcePlace, VerifierSettings } from './setting.ts';

export interface ComparedVerifier {
  /** One, or several that verify alike. */
  readonly verifiers: readonly VerifierSettings[];
  readonly comparison: Comparison;
  /** Revocations are those in the Redis of the target. */
  readonly readsRedis: boolean;
}

export interface VerifierFacts {
  readonly mandate: Mandate | undefined;
  readonly compared: readonly ComparedVerifier[];
  /** The moment that clocks were compared with, milliseconds since 1970. */
  readonly now: number;
  /** It is that of the call. */
  readonly isOfCall: boolean;
}

/** Where verifiers were looked for. */
export interface LookedForVerifiers {
  /** How many source files were read. */
  readonly files: number;
  /** False where there are more files than are looked at. */
  readonly isWhole: boolean;
  /** What was not read, in sentences. */
  readonly problems: readonly string[];
}

export interface ToldOfVerifiers {
  /** Undefined where nobody looked yet. */
  readonly looked: LookedForVerifiers | undefined;
  /** What the caller got, where it is known. */
  readonly answer: CallerAnswer | undefined;
}

const heads = ['Check', 'Token', 'Verifier', 'Set in', 'Result'];
/** Further ones are told in a line each. */
const mostTables = 4;
const mostProblems = 5;

const marks: Readonly<Record<ComparisonRow['result']['kind'] | Verdict['kind'] | Explanation['holds'], Mark>> = {
  'agrees': 'passed', 'mismatch': 'failed', 'cannot tell': 'unknown', 'not applicable': 'none', 'accepted': 'passed', 'refused': 'failed', 'yes': 'passed', 'perhaps': 'unknown', 'no': 'warning',
};

/** Compares token and verifiers for the panel. */
export function verifierSection(facts: VerifierFacts, told: ToldOfVerifiers): Section {
  const { mandate } = facts;
  const section = (summary: string, blocks: readonly Block[]): Section => ({ id: 'verifier', title: 'Token against verifier', summary, blocks });
  if (mandate === undefined) return section('no token to compare', [text('The mandate that the resource got is compared with its verifier here. It is decoded on this machine, sent nowhere and stored nowhere.'), { kind: 'action', label: 'Paste Mandate…', action: 'pasteMandate' }]);
  const compared = facts.compared.toSorted((one, other) => Number(isForAnother(one)) - Number(isForAnother(other)));
  const shown = compared.slice(0, mostTables);
  const rest = compared.slice(mostTables);
  return section(summaryOf(compared, told.looked), [
    ...about(facts),
    ...shown.flatMap((one) => blocksOf(one, told.answer)),
    ...(rest.length === 0 ? [] : [{ kind: 'list', items: rest.map(lineOf) } as const]),
    ...(shown.some(({ readsRedis }) => readsRedis) ? [text('Revocations are those that the Redis of the target has under the usual names. A server that keeps them elsewhere may have others.')] : []),
    ...lookedAt(compared.length, told.looked),
    { kind: 'action', label: told.looked === undefined ? 'Find Verifiers in Workspace' : 'Look for Verifiers Again', action: 'readVerifiers' },
    { kind: 'action', label: 'Type Settings…', action: 'typeVerifier' },
  ]);
}

/** A workspace may have servers of other resources. */
function isForAnother({ comparison }: ComparedVerifier): boolean {
  return comparison.rows.some(({ key, result }) => key === 'aud' && result.kind === 'mismatch');
}

function summaryOf(compared: readonly ComparedVerifier[], looked: LookedForVerifiers | undefined): string {
  const [first, ...more] = compared;
  if (first === undefined) return looked === undefined ? 'no verifier to compare with was looked for' : 'no verifier was found';
  if (more.length > 0) {
    const refusing = compared.filter(({ comparison: { verdict } }) => verdict.kind === 'refused' || (verdict.kind === 'cannot tell' && verdict.sure !== undefined)).length;
    const untold = compared.filter(({ comparison: { verdict } }) => verdict.kind === 'cannot tell' && verdict.sure === undefined).length;
    return [`${refusing} of ${compared.length} verifiers ${refusing === 1 ? 'refuses' : 'refuse'} this mandate`, ...(untold === 0 ? [] : [`${untold} cannot be told`])].join('; ');
  }
  const { rows } = first.comparison;
  const count = (kind: ComparisonRow['result']['kind']): number => rows.filter(({ result }) => result.kind === kind).length;
  const [differ, untold, agree] = [count('mismatch'), count('cannot tell'), count('agrees')];
  return [`${differ} of ${rows.length} rows ${differ === 1 ? 'differs' : 'differ'}`, ...(untold === 0 ? [] : [`${untold} cannot be told`]), ...(agree === 0 ? [] : [`${agree} rows that agree are hidden`])].join('; ');
}

/** What is to be known before the tables. */
function about({ mandate, compared, now, isOfCall }: VerifierFacts): readonly Block[] {
  if (mandate === undefined || compared.length === 0) return [];
  const { use, exp } = mandate.claims;
  return [
    ...(use === 'gateway' ? [text('This is a gateway mandate. Behind the Gateway a resource gets another one, made for it: compare that one, unless the call went past the Gateway.', 'warning')] : []),
    ...(!isOfCall && exp !== undefined && exp * 1_000 <= now ? [text('The time of the call is not known, so the mandate is compared as of now. It has expired since; a call before that met the other rows.', 'warning')] : []),
  ];
}

function blocksOf({ verifiers, comparison }: ComparedVerifier, answer: CallerAnswer | undefined): readonly Block[] {
  const [verifier] = verifiers;
  if (verifier === undefined) return [];
  const { rows, verdict } = comparison;
  const explanation = explanationOf(answer, comparison);
  const shown = rows.filter(({ result }) => result.kind === 'mismatch' || result.kind === 'cannot tell');
  const hidden = rows.filter((row) => !shown.includes(row));
  const excluded = verifiers.flatMap(({ exclude }) => exclude);
  return [
    ...verifiers.map((one): Block => ({ kind: 'text', cell: { text: titleOf(one), isStrong: one === verifier, link: linkTo(one.place) } })),
    text(verdict.says, marks[verdict.kind]),
    ...(explanation === undefined ? [] : [text(explanation.says, marks[explanation.holds])]),
    { kind: 'table', heads, rows: shown.map((row) => cellsOf(row, verifier)), folded: { label: foldedLabel(hidden), rows: hidden.map((row) => cellsOf(row, verifier)) } },
    ...shown.flatMap(({ result, setIn }): readonly Block[] => (result.kind === 'mismatch' ? [{ kind: 'advice', cell: { text: result.fix, link: linkTo(setIn) } }] : [])),
    ...verifiers.flatMap(({ ignored }) => ignored).map(({ name, place }): Block => ({ kind: 'text', cell: { text: `${name} is no setting, and ${languageNames[verifier.language]} does not complain of it.`, mark: 'warning', link: linkTo(place) } })),
    ...(excluded.length === 0 ? [] : [text(`Served without a mandate: ${excluded.join(', ')}.`)]),
  ];
}

function foldedLabel(rows: readonly ComparisonRow[]): string {
  const agree = rows.filter(({ result }) => result.kind === 'agrees').length;
  const rest = rows.length - agree;
  return `${agree} ${agree === 1 ? 'row that agrees' : 'rows that agree'}${rest === 0 ? '' : `, ${rest} that ${rest === 1 ? 'does' : 'do'} not apply`}`;
}

/** `createMandateVerifier, TypeScript, src/server.ts:12, guards /reports`. */
function titleOf({ entry, language, place, route }: VerifierSettings): string {
  return [entry, languageNames[language], ...(place === undefined ? [] : [`${place.file}:${place.line}`]), ...(route === undefined ? [] : [`guards ${route}`])].join(', ');
}

function lineOf({ verifiers: [verifier], comparison }: ComparedVerifier): Cell {
  return { text: `${verifier === undefined ? '' : `${titleOf(verifier)}: `}${comparison.verdict.says}`, mark: marks[comparison.verdict.kind], link: linkTo(verifier?.place) };
}

function cellsOf(row: ComparisonRow, verifier: VerifierSettings): readonly Cell[] {
  const { check, token = '', verifier: set = '', differs } = row;
  return [
    { text: check },
    { text: token, isCode: true, differs: marked(token, differs?.from, differs?.tokenTo) },
    isComputed(row, verifier) ? { text: set, mark: 'unknown' } : { text: set, isCode: true, differs: marked(set, differs?.from, differs?.verifierTo) },
    setInOf(row, verifier),
    resultOf(row),
  ];
}

/** What differs may lie beyond where a long text is cut. */
function marked({ length }: string, from = 0, to = 0): Cell['differs'] {
  return from < Math.min(to, length) ? [from, Math.min(to, length)] : undefined;
}

function settingOf({ key }: ComparisonRow, { settings: { named, others } }: VerifierSettings): Setting | undefined {
  const { setting }: VerifierCheck = verifierChecks[key];
  return setting === undefined ? undefined : (named[setting] ?? others);
}

function isComputed(row: ComparisonRow, verifier: VerifierSettings): boolean {
  return settingOf(row, verifier)?.kind === 'computed';
}

function setInOf(row: ComparisonRow, verifier: VerifierSettings): Cell {
  const { setIn } = row;
  if (setIn !== undefined) return { text: `${setIn.file.replace(/^.*\//, '')}:${setIn.line}`, link: linkTo(setIn) };
  return { text: verifier.place === undefined && settingOf(row, verifier) !== undefined ? verifier.entry : '' };
}

function resultOf({ result, code, status, standing = '' }: ComparisonRow): Cell {
  const isFirst = standing.startsWith('this refusal');
  switch (result.kind) {
    case 'agrees': return { text: 'agrees', mark: marks[result.kind] };
    case 'mismatch': return { text: `${code === 'exception' ? `an exception, typically ${status}` : code} · ${standing}`, mark: isFirst ? marks[result.kind] : 'warning', isStrong: isFirst };
    case 'cannot tell': return { text: `cannot tell: ${result.why}`, mark: marks[result.kind] };
    case 'not applicable': return { text: `does not apply: ${result.why}`, mark: marks[result.kind] };
  }
}

function lookedAt(found: number, looked: LookedForVerifiers | undefined): readonly Block[] {
  if (looked === undefined) return found === 0 ? [text('Neither the source of this workspace nor the setting caracal.verifiers was looked at yet.')] : [];
  const { files, isWhole, problems } = looked;
  const where = `Looked at ${isWhole ? '' : 'the first '}${files} source ${files === 1 ? 'file' : 'files'} of the workspace, the setting caracal.verifiers and what was typed in`;
  const items = [...problems.slice(0, mostProblems), ...(problems.length > mostProblems ? [`${problems.length - mostProblems} more were not read.`] : [])];
  return [
    ...(found === 0 || !isWhole ? [text(found === 0 ? `${where}: none sets up a verifier of Caracal.` : `${where}.`)] : []),
    ...(items.length === 0 ? [] : [{ kind: 'list', items: items.map((item): Cell => ({ text: item, mark: 'unknown' })) } as const]),
  ];
}

function text(words: string, mark?: Mark): Block {
  return { kind: 'text', cell: { text: words, mark } };
}

/** Places of source count from 1, links from 0. */
function linkTo(place: SourcePlace | undefined): Link | undefined {
  return place === undefined ? undefined : { kind: 'place', path: place.file, line: place.line - 1, column: place.column - 1 };
}
