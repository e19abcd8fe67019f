/** How every surface refers to causes: by their numbers, and from the checks and messages that they explain. Pure. */
import { causesBehind } from '../flow/triage.ts';
import { count } from '../flow/words.ts';
import { isNamed } from '../model/causeStanding.ts';
import type { Cause } from '../model/diagnosis.ts';
import type { Status } from '../model/status.ts';
import type { FlowState } from './flowState.ts';

/** What joins a check to a cause: the number that stands beside both. */
export interface Mark {
  /** Id of the cause. */
  readonly cause: string;
  /** `Redis is stopped` */
  readonly title: string;
  readonly number: number;
  /** The cause is seen at this check itself; else the check is a consequence. */
  readonly isOwn: boolean;
  /** The check is blocked, and its own words say by what: that needs no number. */
  readonly isBlocked: boolean;
}

/** What stands at the right of a row, and the colour of its label. */
export interface Decoration {
  readonly badge: string | undefined;
  readonly tooltip: string;
  /** Id of a theme colour; undefined for that of every label. */
  readonly color: string | undefined;
}

/** Unicode has circles up to here. */
const mostCircled = 20;

/** `①`, and from 21 on the number itself. */
export function footnote(number: number): string {
  return number <= mostCircled ? String.fromCodePoint(0x245f + number) : String(number);
}

/** A cause by its number, in a sentence: `①`, `cause 21`; one without a number by nothing. */
export function reference(number: number | undefined): string {
  if (number === undefined) return '';
  return number <= mostCircled ? footnote(number) : `cause ${number}`;
}

/** Whether a cause was seen itself. */
export function isSure({ standing }: Pick<Cause, 'standing'>): boolean {
  return standing === 'confirmed' || standing === 'past';
}

/** The number that a cause in the diagnosis was given. */
export function numberOf(cause: string, { causeNumbers }: Pick<FlowState, 'causeNumbers'>): number {
  const number = causeNumbers.get(cause);
  if (number === undefined) throw new Error(`${cause} has no number`);
  return number;
}

/** The causes that are said to be so, by rank. */
export function namedCauses({ diagnosis }: Pick<FlowState, 'diagnosis'>): readonly Cause[] {
  return diagnosis?.causes.filter(isNamed) ?? [];
}

/** The causes that all that is wrong is put down to: where something failed, those that explain a failure. */
export function decisiveCauses({ diagnosis, answers }: Pick<FlowState, 'diagnosis' | 'answers'>): readonly Cause[] {
  return diagnosis ? causesBehind(diagnosis, [], (check) => answers.get(check)?.verdict.status === 'fail') : [];
}

/** The mark of each check that a named cause is seen at or explains. Where several do, the one that is seen there counts, then the first. */
export function marksOf(state: Pick<FlowState, 'diagnosis' | 'causeNumbers' | 'answers'>): ReadonlyMap<string, Mark> {
  const marks = new Map<string, Mark>();
  for (const isOwn of [true, false]) {
    for (const { id, title, own, explains } of namedCauses(state)) {
      for (const check of isOwn ? own : explains) {
        if (marks.has(check)) continue;
        marks.set(check, { cause: id, title, number: numberOf(id, state), isOwn, isBlocked: state.answers.get(check)?.verdict.status === 'blocked' });
      }
    }
  }
  return marks;
}

/** `This is cause 1: Redis is stopped` */
export function markText(mark: Mark): string {
  return `${mark.isOwn ? 'This is' : 'Explained by'} cause ${mark.number}: ${mark.title}`;
}

/** As part of what a screen reader says: `explained by cause 1`. */
export function spokenMark({ number, isOwn, isBlocked }: Mark): string {
  return isBlocked ? '' : `${isOwn ? 'this is' : 'explained by'} cause ${number}`;
}

/** A fact stays what it is: only the label of what is explained fades. */
export function decorationOf(mark: Mark): Decoration {
  return {
    // VS Code refuses a badge of more than two characters.
    badge: mark.isBlocked || mark.number > 99 ? undefined : footnote(mark.number),
    tooltip: markText(mark),
    color: mark.isOwn ? 'list.errorForeground' : 'caracal.mutedForeground',
  };
}

/** Checks that a cause is seen at or explains, in the order of the flow. */
export function coveredBy({ own, explains }: Pick<Cause, 'own' | 'explains'>, { checks }: Pick<FlowState, 'checks'>): readonly string[] {
  const covered = new Set([...own, ...explains]);
  return checks.flatMap(({ id }) => (covered.has(id) ? id : []));
}

const told: readonly (readonly [status: Status, one: string, many?: string])[] = [['fail', 'failure'], ['warn', 'warning'], ['unknown', 'unknown', 'unknown']];

/** `7 failures, 4 warnings, 1 unknown`: what of the checks says something of itself, which a blocked one does not. */
export function reachText(checks: readonly string[], { answers }: Pick<FlowState, 'answers'>): string {
  return statusesText(checks.map((check) => answers.get(check)?.verdict.status));
}

/** As `reachText`, of what checks came to. */
export function statusesText(statuses: readonly (Status | undefined)[]): string {
  return told.flatMap(([status, one, many]) => {
    const number = statuses.filter((each) => each === status).length;
    return number === 0 ? [] : count(number, one, many);
  }).join(', ');
}

/** What causes explain together: `7 of 8 failures`, `the only failure`; where nothing failed, `2 warnings`. */
export function explainedText(causes: readonly Cause[], state: FlowState): string {
  const { all, explained } = state.diagnosis?.failures ?? { all: 0, explained: 0 };
  if (all === 1 && explained === 1) return 'the only failure';
  return all > 0 ? `${explained} of ${count(all, 'failure')}` : reachText([...new Set(causes.flatMap((cause) => coveredBy(cause, state)))], state);
}

/** The named cause that a known message of a log speaks for: the first that is seen at, or explains, a check for which the message speaks. */
export function causeOfMessage(message: string, state: FlowState): Mark | undefined {
  const marks = marksOf(state);
  const spoken = state.checks.flatMap(({ id, messages = [] }) => (messages.includes(message) ? (marks.get(id) ?? []) : []));
  return spoken.find(({ isOwn }) => isOwn) ?? spoken[0];
}
