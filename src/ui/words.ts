/** The wording that every surface shares: states, counts, ages, and how they are spoken. */
import { count } from '../flow/words.ts';
import { statusWords } from '../model/status.ts';
import type { Status } from '../model/status.ts';

/** State of a check as the view shows it. */
export type State = Status | 'running' | 'not-run';

export interface Icon {
  /** Id of a codicon. */
  readonly id: string;
  /** Id of a theme colour; undefined for the icon's own colour. */
  readonly color: string | undefined;
}

/** What must recede. */
export const muted = 'caracal.mutedForeground';

/** Shape carries the state, colour repeats it. */
export const stateIcons: Readonly<Record<State, Icon>> = {
  // `testing.iconPassed` has a contrast of about 2:1 on Light Modern.
  pass: { id: 'pass', color: 'charts.green' },
  warn: { id: 'warning', color: 'problemsWarningIcon.foreground' },
  fail: { id: 'error', color: 'problemsErrorIcon.foreground' },
  blocked: { id: 'circle-slash', color: muted },
  unknown: { id: 'question', color: 'descriptionForeground' },
  'not-applicable': { id: 'dash', color: 'disabledForeground' },
  running: { id: 'loading~spin', color: undefined },
  cancelled: { id: 'stop-circle', color: muted },
  crashed: { id: 'bug', color: 'charts.purple' },
  'not-run': { id: 'circle-outline', color: muted },
};

export const stateWords: Readonly<Record<State, string>> = { ...statusWords, running: 'running', 'not-run': 'not run' };

/** Kinds of target as their users write them. */
export const kindTitles: Readonly<Record<string, string>> = { endpoints: 'endpoints', compose: 'Compose', kubernetes: 'Kubernetes' };

export type Counts = ReadonlyMap<State, number>;

export function countStates(states: Iterable<State>): Counts {
  const counts = new Map<State, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}

const notPassedWorstFirst: readonly State[] = ['fail', 'crashed', 'warn', 'unknown', 'blocked', 'cancelled', 'not-run'];
/** What did not apply says least, and is cut first. */
const wellBestFirst: readonly State[] = ['pass', 'not-run', 'not-applicable'];

/**
 * What did not pass, worst first: `1 failed, 2 warnings, 20 blocked`. What passed is told when all is well, `18 passed`,
 * or as far as anything was run: `3 passed, 15 not run`.
 */
export function countsText(counts: Counts): string {
  const named = (order: readonly State[]): string =>
    order
      .filter((state) => (counts.get(state) ?? 0) > 0)
      .map((state) => {
        const number = counts.get(state) ?? 0;
        return state === 'warn' ? count(number, 'warning') : `${number} ${stateWords[state]}`;
      })
      .join(', ');
  const trouble = notPassedWorstFirst.some((state) => state !== 'not-run' && (counts.get(state) ?? 0) > 0);
  return named(trouble ? notPassedWorstFirst : wellBestFirst);
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Coarse ages, so that text changes seldom. Each holds from its own age until the next. */
const ages: readonly { readonly from: number; readonly text: string; readonly spoken: string }[] = [
  { from: 0, text: 'now', spoken: 'now' },
  { from: 10 * second, text: '10 s', spoken: '10 seconds ago' },
  { from: 30 * second, text: '30 s', spoken: '30 seconds ago' },
  { from: minute, text: '1 min', spoken: '1 minute ago' },
  { from: 2 * minute, text: '2 min', spoken: '2 minutes ago' },
  { from: 5 * minute, text: '5 min', spoken: '5 minutes ago' },
  { from: 10 * minute, text: '10 min', spoken: '10 minutes ago' },
  { from: 30 * minute, text: '30 min', spoken: '30 minutes ago' },
  { from: hour, text: '1 h', spoken: '1 hour ago' },
];

/** From here on the time of day says more than an age. */
const timeOfDayFrom = 2 * hour;

export interface Age {
  readonly text: string;
  readonly spoken: string;
  /** Milliseconds until the text changes; undefined when it never does. */
  readonly changesIn: number | undefined;
}

/** How old something of `at` is, both by the local clock in milliseconds. */
export function age(at: number, now: number): Age {
  const old = Math.max(0, now - at);
  if (old >= timeOfDayFrom) {
    const time = timeOfDay(at);
    return { text: time, spoken: `at ${time}`, changesIn: undefined };
  }
  const index = ages.findLastIndex((entry) => entry.from <= old);
  const next = ages[index + 1]?.from ?? timeOfDayFrom;
  const { text, spoken } = ages[index] ?? { text: 'now', spoken: 'now' };
  return { text, spoken, changesIn: next - old };
}

/** `14:06`, in the local zone. */
export function timeOfDay(at: number): string {
  return clock(at).slice(0, 5);
}

/** `14:06:24`, in the local zone. */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB', { hour12: false });
}

/** Facts joined before an age: `1 failed · 10 s`. */
export function withAge(text: string, old: Age | undefined): string {
  if (!old) return text;
  return text === '' ? old.text : `${text} · ${old.text}`;
}

const units: readonly (readonly [unit: string, word: string])[] = [
  ['s', 'second'],
  ['min', 'minute'],
  ['h', 'hour'],
];

/** Text as a screen reader should say it: units as words, symbols left out. */
export function spoken(text: string): string {
  let said = text;
  for (const [unit, word] of units) {
    said = said.replaceAll(new RegExp(`(?<![\\d.])(\\d+(?:\\.\\d+)?) ${unit}\\b`, 'g'), (_match, number: string) =>
      `${number} ${number === '1' ? word : `${word}s`}`,
    );
  }
  return said.replaceAll(/ ?[›·] ?/g, ' ').replaceAll('…', '').replaceAll(/[①-⑳]/g, (number) => `cause ${(number.codePointAt(0) ?? 0) - 0x245f}`);
}
