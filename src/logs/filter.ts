import { logSourceOf } from '../caracal/logSources.ts';
import { levels } from './record.ts';
import type { Level } from './record.ts';

/** What a record must be to be shown. All parts must hold; an empty filter holds for everything. */
export interface LogFilter {
  /** Texts that the record has, or, with `not`, has not, in these letters: `/text/i` takes capitals too. */
  readonly texts: readonly { readonly text: string; readonly not: boolean }[];
  readonly patterns: readonly { readonly pattern: RegExp; readonly not: boolean }[];
  /** At least this bad. */
  readonly level: Level | undefined;
  /** Any of these; `not` these. */
  readonly sources: readonly string[];
  readonly notSources: readonly string[];
  /** A whole id, or its end after `…`. */
  readonly id: string | undefined;
  /** Milliseconds since 1970, the first inclusive, the last exclusive. */
  readonly after: number | undefined;
  readonly before: number | undefined;
  /** Records that are shown before and after each that fits. */
  readonly around: number;
  /** Also records that tell of a probe and of nothing else. Of one request they always are. */
  readonly probes: boolean;
}

export const noFilter: LogFilter = {
  texts: [], patterns: [], level: undefined, sources: [], notSources: [], id: undefined, after: undefined, before: undefined, around: 0, probes: false,
};

/** What cannot be understood, in words for the user. */
export class FilterProblem extends Error {
  override readonly name = 'FilterProblem';
}

/** Whether a source is one of a name: `sts`, of several each `sts/x7k2p`, and of `migrator` whatever logs as it does. */
export function isSource(source: string, name: string): boolean {
  return source === name || source.startsWith(`${name}/`) || logSourceOf(source) === name;
}

/**
 * The filter within some sources: of those that it names only these are left.
 *
 * @param sources all where there are none
 * @throws FilterProblem when none is left
 */
export function within(filter: LogFilter, sources: readonly string[]): LogFilter {
  if (sources.length === 0) return filter;
  if (filter.sources.length === 0) return { ...filter, sources };
  const left = filter.sources.filter((name) => sources.some((source) => isSource(name, source)));
  if (left.length === 0) throw new FilterProblem(`Only ${sources.join(' and ')} can be shown here. Open the log of all services for others.`);
  return { ...filter, sources: left };
}

const mostAround = 50;

/** A word, a quoted text, a pattern between slashes, or one of these after `name:`; `-` in front turns it round. */
const part = /(-?)(?:([a-z]+):)?(?:"((?:[^"\\]|\\.)*)"|\/((?:[^/\\]|\\.)+)\/([imsu]*)(?=\s|$)|(\S+))/g;

/**
 * Reads a filter as it is typed: `text "a text" /pattern/i -text level:warn source:sts,gateway id:…f90ae7 after:14:02 before:14:05:30 around:3 probes:shown`.
 *
 * @param text what was typed
 * @param sources names that `source:` may have; undefined while they are not known
 * @param day a time on the day, in UTC, that times without a date are of; milliseconds since 1970
 * @throws FilterProblem
 */
export function parseFilter(text: string, sources: readonly string[] | undefined, day: number): LogFilter {
  let filter = noFilter;
  for (const [, minus, name = '', quoted, pattern, flags = '', word = ''] of text.matchAll(part)) {
    const not = minus === '-';
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? (pattern === undefined ? word : `/${pattern}/${flags}`);
    if (isOption(name)) filter = options[name](filter, value, { not, sources, day });
    else if (name === '' && pattern !== undefined) filter = { ...filter, patterns: [...filter.patterns, { pattern: patternOf(pattern, flags), not }] };
    else filter = { ...filter, texts: [...filter.texts, { text: name === '' ? value : `${name}:${value}`, not }] };
  }
  return filter;
}

interface Context {
  readonly not: boolean;
  readonly sources: readonly string[] | undefined;
  readonly day: number;
}

const options = {
  level: (filter, value, { not }) => {
    const level = levels.find((one) => one === value.toLowerCase());
    if (level === undefined) throw new FilterProblem(`There is no level ${value}. Levels are ${levels.join(', ')}.`);
    if (not) throw new FilterProblem(`A level cannot be left out: level:${level} shows it and all that is worse.`);
    return { ...filter, level };
  },
  source: (filter, value, { not, sources }) => {
    const named = value.split(',').filter((name) => name !== '');
    const unknown = sources === undefined ? [] : named.filter((name) => !sources.some((source) => isSource(source, name)));
    if (unknown.length > 0 || named.length === 0) throw new FilterProblem(`There is no source ${unknown.join(', ') || 'of no name'}. Sources are ${(sources ?? []).join(', ')}.`);
    return not ? { ...filter, notSources: [...filter.notSources, ...named] } : { ...filter, sources: [...filter.sources, ...named] };
  },
  id: (filter, value, { not }) => {
    if (not) throw new FilterProblem('An id cannot be left out: use - with a text instead.');
    return { ...filter, id: value };
  },
  after: (filter, value, { day }) => ({ ...filter, after: momentOf('after', value, day) }),
  before: (filter, value, { day }) => ({ ...filter, before: momentOf('before', value, day) }),
  around: (filter, value) => {
    const around = /^\d+$/.test(value) ? Number(value) : NaN;
    if (!(around <= mostAround)) throw new FilterProblem(`around: takes a number of lines from 0 to ${mostAround}, not ${value}.`);
    return { ...filter, around };
  },
  probes: (filter, value) => {
    if (value !== 'shown') throw new FilterProblem(`probes: takes shown, not ${value}. Without it lines of probes are hidden.`);
    return { ...filter, probes: true };
  },
} satisfies Record<string, (filter: LogFilter, value: string, context: Context) => LogFilter>;

function isOption(name: string): name is keyof typeof options {
  return Object.hasOwn(options, name);
}

function patternOf(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, Array.from(new Set(flags)).join(''));
  } catch (error) {
    throw new FilterProblem(`/${source}/${flags} is no regular expression: ${error instanceof Error ? error.message.replace(/^.*: /, '') : 'it cannot be read'}.`, { cause: error });
  }
}

const dayMs = 86_400_000;
const clock = /^(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?$/;

/** `14:02`, `14:02:11`, `14:02:11.480`, or a time with its date in ISO 8601; all in UTC unless it says otherwise. */
function momentOf(name: string, value: string, day: number): number {
  const [, hours, minutes, seconds = '0', fraction = '0'] = clock.exec(value) ?? [];
  if (hours !== undefined && Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60) {
    return Math.floor(day / dayMs) * dayMs + (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000 + Number(fraction.padEnd(3, '0'));
  }
  const iso = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?$/.test(value) ? Date.parse(/T\d\d:\d\d[\d:.]*$/.test(value) ? `${value}Z` : value) : NaN;
  if (Number.isNaN(iso)) throw new FilterProblem(`${name}: takes a time such as 14:02, 14:02:11.480 or 2026-08-20T14:02, in UTC, not ${value}.`);
  return iso;
}
