/** What a remedy did, by the verdicts before and after it, and what is asked before it. Pure. */
import { count } from '../../flow/words.ts';
import type { Verdict } from '../../model/check.ts';
import type { Cause } from '../../model/diagnosis.ts';
import type { Remedy } from '../../model/remedy.ts';
import type { Status } from '../../model/status.ts';
import type { Mark } from '../../trace/story.ts';
import type { Change } from './causeMessages.ts';
import { capital } from './causeStory.ts';
import type { ShownCalls } from './remedyModule.ts';

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
export function confirmationOf({ title, changes }: Remedy, target: string, { asked, calls }: ShownCalls): Confirmation {
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
  const red = [...new Set([...cause.own, ...cause.explains])].filter((check) => isRed(before.get(check)?.status));
  const failed = red.filter((check) => before.get(check)?.status === 'fail');
  const counts = failed.length > 0 ? failed : red;
  const gone = counts.filter((check) => isWell(after.get(check)?.status));
  const noun = failed.length > 0 ? 'failure' : 'warning';
  const goneText = counts.length === gone.length ? (counts.length === 1 ? `the ${noun} is gone` : `all ${counts.length} ${noun}s are gone`) : `${gone.length} of ${count(counts.length, noun)} ${gone.length === 1 ? 'is' : 'are'} gone`;
  const proof = remedy.provedBy.map((check) => ({ check, verdict: after.get(check) }));
  const against = proof.find(({ verdict }) => isRed(verdict?.status));
  const dark = proof.find(({ verdict }) => !isWell(verdict?.status));
  const told = (check: string): string => stillText(before.get(check), after.get(check), check);
  const worse = [...after.values()].filter(({ check, status }) => status === 'fail' && before.has(check) && before.get(check)?.status !== 'fail').length;
  const end = worse === 0 ? '' : ` ${count(worse, 'check')} ${worse === 1 ? 'fails' : 'fail'} that did not before.`;
  const effect = { changes: changesIn(before, after), isWhole: red.every((check) => isWell(after.get(check)?.status)) };
  if (against !== undefined) {
    return gone.length > 0
      ? { ...effect, kind: 'helped in part', sentence: `It helped in part: ${goneText}; ${told(against.check)}. Undo: none needed.${end}` }
      : { ...effect, kind: 'did not help', sentence: `It did not help: ${told(against.check)}. Undo: none needed.${end}` };
  }
  if (dark !== undefined) return { ...effect, kind: 'cannot tell', sentence: `Cannot tell whether it worked: ${told(dark.check)}.${end}` };
  return { ...effect, kind: 'worked', sentence: `It worked: ${counts.length === 0 ? 'the checks that prove it pass' : goneText}.${end}` };
}

/** Checks whose state is another one: what is red by now, then what was, then the rest, each in the order of the flow. */
function changesIn(before: Verdicts, after: Verdicts): readonly Change[] {
  const changed = [...after.values()].flatMap((verdict) => {
    const old = before.get(verdict.check);
    return old === undefined || old.status === verdict.status ? [] : [{ old, verdict }];
  });
  const rank = ({ old, verdict }: (typeof changed)[number]): number => (isRed(verdict.status) ? 0 : isRed(old.status) ? 1 : 2);
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

function isRed(status: Status | undefined): boolean {
  return status === 'fail' || status === 'warn';
}

function isWell(status: Status | undefined): boolean {
  return status === 'pass' || status === 'not-applicable';
}
