import { counters } from '../../caracal/counters.ts';
import type { Fact, Judgement, Observed } from '../../model/check.ts';
import { earlier } from '../../model/observation.ts';
import type { Observation, Question } from '../../model/observation.ts';
import type { ServiceName } from '../../model/target.ts';
import { finding, notKnown } from '../judging.ts';
import { count, milliseconds } from '../words.ts';
import { serviceMetrics, withoutFigures } from './serviceMetrics.ts';
import type { MetricsAnswer } from './serviceMetrics.ts';

/**
 * An earlier run that is older than this says that a counter rose, but not that it still does. The
 * alert rules look back 5 min or 10.
 */
const usableMs = 15 * 60_000;

type Values = NonNullable<MetricsAnswer['values']>;

interface Look {
  readonly values: Values;
  readonly atMs: number;
}

/** What some counters did since an earlier look at the same process. */
export interface Rise {
  /** By how much all of them together rose. */
  readonly total: number;
  /** By how much each rose; 0 for a name that was not asked about. */
  by(name: string): number;
  readonly inMs: number;
  /** True when the process started anew in between, so that its counters began at 0. */
  readonly restarted: boolean;
}

/** The figures of a service in one run. */
export interface Figures {
  /** The newest figure of this name. */
  readonly value: (name: string) => number;
  /** Whether every name is a number. */
  readonly has: (...names: readonly string[]) => boolean;
  /** All figures of the newest look, and when that was, by the local clock. */
  readonly values: Values;
  readonly atMs: number;
  /** By how much a counter rose since the earlier run, when there was one lately. */
  readonly since: Rise | undefined;
}

/** The questions of a check that judges figures: those of now, and those of the run before. */
export function asksFigures(service: ServiceName): readonly Question[] {
  const question = serviceMetrics.of(service);
  return [question, earlier(question)];
}

function lookOf(observation: Observation<MetricsAnswer> | undefined): Look | undefined {
  if (observation?.outcome.kind !== 'answer') return undefined;
  const { values, status } = observation.outcome.value;
  // A second look waits before it asks, which is part of the time it took.
  return status === 200 && values ? { values, atMs: Date.parse(observation.at) + observation.tookMs } : undefined;
}

const numberIn = (values: Values, name: string): number => Number(values[name]);

/** Whether the process of the later look is another one: some of its counters stand lower. */
function startedAnew(service: ServiceName, before: Look, after: Look): boolean {
  return counters[service].some((name) => numberIn(after.values, name) < numberIn(before.values, name));
}

function rise(service: ServiceName, before: Look, after: Look, names: readonly string[]): Rise {
  const restarted = startedAnew(service, before, after);
  const by = (name: string): number => numberIn(after.values, name) - (restarted ? 0 : numberIn(before.values, name));
  return { total: names.reduce((sum, name) => sum + by(name), 0), by, inMs: after.atMs - before.atMs, restarted };
}

/** The look of the earlier run, unless it is too old. */
function before(observed: Observed, service: ServiceName, now: Look): Look | undefined {
  const look = lookOf(observed.find(earlier(serviceMetrics.of(service))));
  return look && now.atMs - look.atMs <= usableMs ? look : undefined;
}

/** The figures of a service, or undefined when it gave none in this run. */
export function figuresOf(observed: Observed, service: ServiceName): Figures | undefined {
  const question = serviceMetrics.of(service);
  const first = lookOf(observed.find(question));
  if (!first) return undefined;
  const newest = lookOf(observed.find(serviceMetrics.of(service, 2))) ?? first;
  const look = before(observed, service, newest);
  return {
    value: (name) => numberIn(newest.values, name),
    has: (...names) => names.every((name) => typeof first.values[name] === 'number'),
    values: newest.values,
    atMs: newest.atMs,
    since: look && rise(service, look, newest, []),
  };
}

/**
 * Judges by figures. Without them nothing is known, and the judgement says why, as the check of the
 * metrics itself does.
 */
export function whenFigures(observed: Observed, service: ServiceName, names: readonly string[], judge: (figures: Figures) => Judgement): Judgement {
  const observation = observed.get(serviceMetrics.of(service));
  const figures = figuresOf(observed, service);
  if (!figures) {
    return observation.outcome.kind === 'answer' ? withoutFigures(service, observation.outcome.value) : notKnown(observation);
  }
  const missing = names.filter((name) => !figures.has(name));
  return missing.length > 0
    ? finding('unknown', `${service} does not tell ${missing.join(', ')}`, 'Caracal 1.0 gives this figure. Another version, or another application, answers.')
    : judge(figures);
}

/**
 * What is known of counters that should stand still: that they are 0, that they rose since an earlier
 * look, that they did not, or that this look cannot tell. `wants` is set until a second look was tried.
 */
export type Movement =
  | { readonly kind: 'never' }
  | { readonly kind: 'rises' | 'stands'; readonly rise: Rise; readonly total: number }
  | { readonly kind: 'not known'; readonly total: number; readonly wants?: Question };

/**
 * How counters moved. They are compared with those of the run before; without one that is recent
 * enough a second look is wanted, 2 s later, and only when there is something to look for.
 *
 * @param names Counters of which each rise is bad.
 */
export function movement(observed: Observed, service: ServiceName, names: readonly string[]): Movement {
  const first = lookOf(observed.find(serviceMetrics.of(service)));
  if (!first) return { kind: 'not known', total: 0 };
  const total = names.reduce((sum, name) => sum + numberIn(first.values, name), 0);
  if (total === 0) return { kind: 'never' };
  const told = (from: Look, to: Look): Movement => {
    const seen = rise(service, from, to, names);
    return { kind: seen.total > 0 ? 'rises' : 'stands', rise: seen, total };
  };
  const look = before(observed, service, first);
  if (look && names.every((name) => typeof look.values[name] === 'number')) return told(look, first);
  const again = serviceMetrics.of(service, 2);
  const second = observed.find(again);
  if (!second) return { kind: 'not known', total, wants: again };
  const after = lookOf(second);
  return after ? told(first, after) : { kind: 'not known', total };
}

/** By how much counters rose between the two looks of this run, or undefined when the second was not had. */
export function betweenLooks(observed: Observed, service: ServiceName, names: readonly string[]): Rise | undefined {
  const [first, second] = [lookOf(observed.find(serviceMetrics.of(service))), lookOf(observed.find(serviceMetrics.of(service, 2)))];
  return first && second && rise(service, first, second, names);
}

/** How a check of counters words what it saw. */
export interface Wording {
  /** One of what is counted, such as `failed read`. */
  readonly one: string;
  readonly many?: string;
  /** The value of a pass at 0, such as `0 of 120 evaluations`. */
  readonly none: string;
  /** What such counters mean, as a sentence. */
  readonly meaning: string;
  readonly facts?: readonly Fact[];
}

/**
 * Judges counters of which each rise is bad: by what they do now, never by what they add up to since the
 * process began.
 *
 * @param risen The judgement when they rose; its facts come behind those of the wording.
 */
export function judgeMovement(moved: Movement, wording: Wording, risen: (rise: Rise) => Judgement): Judgement {
  const { one, many = `${one}s`, none, meaning, facts = [] } = wording;
  switch (moved.kind) {
    case 'never':
      return finding('pass', none, meaning, facts);
    case 'rises':
      return withFacts(risen(moved.rise), [...facts, ...riseFacts(moved.rise)]);
    case 'stands':
      return finding('pass', `no new ${one} in ${milliseconds(moved.rise.inMs)}`, `${meaning} Those that were counted are of the past.`, [
        ...facts,
        { name: 'since it started', value: count(moved.total, one, many) },
      ]);
    case 'not known':
      return {
        ...finding('unknown', `${count(moved.total, one, many)} since it started: run again`, `${meaning} Whether they go on takes a second look, which had no answer.`, facts),
        ...(moved.wants ? { wants: [moved.wants] } : {}),
      };
  }
}

function withFacts({ result, ...rest }: Judgement, facts: readonly Fact[]): Judgement {
  return { ...rest, result: { ...result, facts: [...facts, ...(result.facts ?? [])] } };
}

function riseFacts({ inMs, restarted }: Rise): readonly Fact[] {
  return [{ name: 'looked over', value: `${milliseconds(inMs)}${restarted ? '; it started anew within that time' : ''}` }];
}

/** `in 4 min`, the time over which a rise was seen. */
export function over({ inMs }: Rise): string {
  return `in ${milliseconds(inMs)}`;
}
