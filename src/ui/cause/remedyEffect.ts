/** What a remedy did, by the verdicts before and after it, and what is asked before it. Pure. */
import { count } from '../../flow/words.ts';
import type { Verdict } from '../../model/check.ts';
import type { Cause } from '../../model/diagnosis.ts';
import type { Remedy, RemedyRun } from '../../model/remedy.ts';
import type { Status } from '../../model/status.ts';
import type { Mark } from '../../trace/story.ts';
import type { Change } from './causeMessages.ts';
import { capital } from './causeStory.ts';

/** The last verdicts, by the id of their check. */
export type Verdicts = ReadonlyMap<string, Verdict>;

export interface Effect {
  readonly kind: 'worked' | 'helped in part' | 'did not help' | 'cannot tell';
  /** `It worked: 6 of 7 failures are gone.` */
  readonly sentence: string;
  readonly changes: readonly Change[];
  /** Everything that the cause explained is well again, so that another look would tell nothing new. */
  readonly isWhole: boolean;
}

/** A question before something is changed, as VS Code's own modal shows it. */
export interface Confirmation {
  /** `Start Redis on caracal?` */
  readonly message: string;
  readonly detail: string;
  /** `Start Redis` */
  readonly button: string;
}

/** More lines than this nobody reads, and a modal cannot be scrolled. */
const mostLines = 15;

/** Asks for a remedy with the exact calls that it is. */
export function confirmationOf({ title, changes }: Remedy, target: string, { asked, calls }: Pick<RemedyRun, 'asked' | 'calls'>): Confirmation {
  const verb = capital(title);
  return {
    message: `${verb} on ${target}?`,
    detail: detailOf(asked, calls, `It changes ${changes}. ${calls.length === 1 ? 'The call and its result go' : 'The calls and their results go'} into the report.`),
    button: verb,
  };
}

/** Whom something is sent to, the calls, and what they do. */
export function detailOf(asked: string, calls: readonly string[], about: string): string {
  const more = calls.length - mostLines;
  return [
    `This sends ${calls.length === 1 ? 'one call' : count(calls.length, 'call')} to ${asked}:`,
    ...calls.slice(0, mostLines),
    ...(more > 0 ? [`and ${more} more like the last one`] : []),
    '',
    about,
  ].join('\n');
}

/** The checks that tell whether a remedy worked: those that prove it, and all that its cause was seen at or explains. */
export function checksAfter({ provedBy }: Remedy, { own, explains }: Cause): readonly string[] {
  return [...new Set([...provedBy, ...own, ...explains])];
}

/** What a remedy did for its cause. */
export function effectOf(remedy: Remedy, cause: Cause, before: Verdicts, after: Verdicts): Effect {
  const explained = [...new Set([...cause.own, ...cause.explains])].filter((check) => isRed(before.get(check)));
  const failed = explained.filter((check) => before.get(check)?.status === 'fail');
  const [noun, counted] = failed.length > 0 ? ['failure', failed] : ['warning', explained];
  const gone = counted.filter((check) => isWell(after.get(check))).length;
  const { kind, open } = proofOf(remedy, cause, after);
  const told = open === undefined ? '' : stillText(before.get(open), after.get(open), open);
  const sentence = {
    worked: `It worked: ${[goneText(gone, counted.length, noun), told].filter(Boolean).join('; ')}.`,
    'did not help': gone > 0 ? `It helped in part: ${goneText(gone, counted.length, noun)}; ${told}. Undo: none needed.` : `It did not help: ${told}. Undo: none needed.`,
    'cannot tell': `Cannot tell whether it worked: ${told}.`,
  }[kind];
  const worse = [...after.values()].filter(({ check, status }) => status === 'fail' && before.has(check) && before.get(check)?.status !== 'fail').length;
  return {
    kind: kind === 'did not help' && gone > 0 ? 'helped in part' : kind,
    sentence: worse === 0 ? sentence : `${sentence} ${count(worse, 'check')} ${worse === 1 ? 'fails' : 'fail'} that did not before.`,
    changes: changesIn(before, after),
    isWhole: explained.every((check) => isWell(after.get(check))),
  };
}

/**
 * Whether it is proven that a remedy worked, and the check that says most about it. What the cause is seen at itself
 * decides: the rest of the proof follows from it, or is red for another reason as well.
 */
function proofOf({ provedBy }: Remedy, { own }: Cause, after: Verdicts): { readonly kind: Exclude<Effect['kind'], 'helped in part'>; readonly open: string | undefined } {
  const proof = provedBy.length > 0 ? provedBy : own;
  const deciding = proof.some((check) => own.includes(check)) ? proof.filter((check) => own.includes(check)) : proof;
  const against = deciding.find((check) => isRed(after.get(check)));
  if (against !== undefined) return { kind: 'did not help', open: against };
  const dark = deciding.find((check) => !isWell(after.get(check)));
  if (dark !== undefined) return { kind: 'cannot tell', open: dark };
  return { kind: 'worked', open: proof.find((check) => isRed(after.get(check))) };
}

/** `6 of 7 failures are gone` */
function goneText(gone: number, of: number, noun: string): string {
  if (of === 0) return 'the checks that prove it pass';
  if (gone === of) return of === 1 ? `the ${noun} is gone` : `all ${count(of, noun)} are gone`;
  return `${gone} of ${count(of, noun)} ${gone === 1 ? 'is' : 'are'} gone`;
}

/** Checks whose state is another one: what is red by now, then what was, then the rest, each in the order of the flow. */
function changesIn(before: Verdicts, after: Verdicts): readonly Change[] {
  const changed = [...after.values()].flatMap((verdict) => {
    const old = before.get(verdict.check);
    return old === undefined || old.status === verdict.status ? [] : [{ old, verdict }];
  });
  const rank = ({ old, verdict }: (typeof changed)[number]): number => (isRed(verdict) ? 0 : isRed(old) ? 1 : 2);
  return changed
    .toSorted((one, other) => rank(one) - rank(other))
    .map(({ old, verdict }) => ({ check: verdict.check, name: `${verdict.component} › ${verdict.title}`, before: side(old), after: side(verdict) }));
}

const marks: Readonly<Partial<Record<Status, Mark>>> = { pass: 'passed', fail: 'failed', warn: 'warning', unknown: 'unknown' };

function side({ status, summary }: Verdict): Change['before'] {
  return { mark: marks[status] ?? 'none', text: summary };
}

/** `Redis › Reachable still refused in 1 ms`, or what it says instead. */
function stillText(before: Verdict | undefined, after: Verdict | undefined, check: string): string {
  if (after === undefined) return `${before === undefined ? check : `${before.component} › ${before.title}`} was not run`;
  return `${after.component} › ${after.title} ${before?.status === after.status ? 'still ' : ''}${after.summary}`;
}

function isRed(verdict: Verdict | undefined): boolean {
  return verdict?.status === 'fail' || verdict?.status === 'warn';
}

function isWell(verdict: Verdict | undefined): boolean {
  return verdict?.status === 'pass' || verdict?.status === 'not-applicable';
}
