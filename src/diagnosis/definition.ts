import type { Status } from '../model/status.ts';

/** Something that may be seen: a verdict of a check, or a known message in a log. */
export type Pattern = VerdictPattern | LogPattern;

export interface VerdictPattern {
  readonly check: string;
  readonly states: readonly Status[];
  /** One of them must be among the signs of the verdict; absent or empty: whatever they are. */
  readonly signs?: readonly string[];
  /** None of them may be. */
  readonly not?: readonly string[];
}

export interface LogPattern {
  /** Id of a known message: `gateway: sts circuit open`. */
  readonly logged: string;
}

const verdict = (...states: readonly Status[]) => (check: string, ...signs: readonly string[]): VerdictPattern => ({ check: `CRC-${check}`, states, signs });

/** `fails('STO-020', 'ECONNREFUSED')`: the check failed, with this sign. */
export const fails = verdict('fail');
export const warns = verdict('warn');
/** Failed or warned. */
export const isRed = verdict('fail', 'warn');
export const passes = verdict('pass');
/** Could not be told, with this sign. */
export const isUnknown = verdict('unknown');
export const logged = (message: string): LogPattern => ({ logged: message });

/** The pattern without verdicts that have one of these signs. */
export const without = (pattern: VerdictPattern, ...not: readonly string[]): VerdictPattern => ({ ...pattern, not });

/** Groups of causes that share their nature, for trying the weights on what they were not made for. */
export const families = ['redis', 'postgres', 'services', 'streams', 'outboxes', 'policy', 'evidence', 'ledger', 'jobs', 'tokens', 'providers', 'compose', 'kubernetes'] as const;

export type Family = (typeof families)[number];

/** What may be true of a deployment, and what is then to be seen. */
export interface Condition {
  readonly id: string;
  /** Any of them shows it itself. */
  readonly seenAt: readonly Pattern[];
  /** Without all of these it is not this one, but another that shows at the same place. */
  readonly given?: readonly Pattern[];
  /** With one of these it is not this one. */
  readonly unless?: readonly Pattern[];
  /** What it brings about. */
  readonly brings?: readonly Pattern[];
  /** Ids of conditions that it brings about. */
  readonly leadsTo?: readonly string[];
}

/** A stage on the way from a cause to what a person sees: it never is the cause itself. */
export interface Stage extends Condition {
  /** As a step of a path: `Audit's reader of the stream fails`. */
  readonly words: string;
}

/** A condition that somebody can remedy. */
export interface CauseDefinition extends Condition {
  readonly family: Family;
  /** The component at fault. */
  readonly component: string;
  /** `Redis is stopped` */
  readonly title: string;
  /** What it does, as a sentence. */
  readonly means: string;
  /** What should not be so if it were true. */
  readonly against?: readonly Pattern[];
  /** Messages that speak for it where they stand in a log. */
  readonly says?: readonly LogPattern[];
  /** Ids of causes that leave it behind: it stays when they are over. */
  readonly leftBy?: readonly string[];
  /** Its own cause is over: it is a mark that somebody must take away. */
  readonly isMark?: true;
  /** Where in Caracal, or in its contract, this stands. */
  readonly source: string;
}

export function isCause(condition: Stage | CauseDefinition): condition is CauseDefinition {
  return 'family' in condition;
}
