import type { Verdict } from '../model/check.ts';
import type { Evidence } from '../model/diagnosis.ts';
import type { Condition, Pattern } from './definition.ts';
import type { LoggedMessage, Situation } from './situation.ts';

export type Seen = 'seen' | 'not seen' | 'cannot look';

/** How a condition stands: seen itself, not excluded by anything that was looked at, or not so. */
export interface Standing {
  readonly state: 'seen' | 'conceivable' | 'not so';
  /** Checks at which it is seen itself. */
  readonly own: readonly string[];
}

/** What of a situation is seen of patterns and conditions. */
export class Known {
  readonly situation: Situation;
  readonly #verdicts: ReadonlyMap<string, Verdict>;
  readonly #logged: ReadonlyMap<string, LoggedMessage>;
  readonly #heads: ReadonlyMap<string, Situation['checks'][number]>;

  constructor(situation: Situation) {
    this.situation = situation;
    this.#verdicts = new Map(situation.verdicts.map((verdict) => [verdict.check, verdict]));
    this.#logged = new Map(situation.logged.map((message) => [message.id, message]));
    this.#heads = new Map(situation.checks.map((check) => [check.id, check]));
  }

  verdict(check: string): Verdict | undefined {
    return this.#verdicts.get(check);
  }

  look(pattern: Pattern): Seen {
    if ('logged' in pattern) return this.#logged.has(pattern.logged) ? 'seen' : 'cannot look';
    const verdict = this.#verdicts.get(pattern.check);
    if (!verdict) return this.#heads.has(pattern.check) ? 'cannot look' : 'not seen';
    const { status, signs = [] } = verdict;
    // That nothing was given to ask with says nothing of the deployment.
    if (status === 'unknown' && signs.includes('unavailable')) return 'cannot look';
    if (pattern.states.includes(status)) {
      const fits = (pattern.signs ?? []).length === 0 || pattern.signs?.some((sign) => signs.includes(sign)) === true;
      return fits && !pattern.not?.some((sign) => signs.includes(sign)) ? 'seen' : 'not seen';
    }
    return status === 'pass' || status === 'not-applicable' || status === 'fail' || status === 'warn' ? 'not seen' : 'cannot look';
  }

  standing({ seenAt, given = [], unless = [] }: Condition): Standing {
    const notSo: Standing = { state: 'not so', own: [] };
    if (unless.some((pattern) => this.look(pattern) === 'seen')) return notSo;
    const needed = given.map((pattern) => this.look(pattern));
    if (needed.includes('not seen')) return notSo;
    const looks = seenAt.map((pattern) => ({ pattern, seen: this.look(pattern) }));
    const own = looks.flatMap(({ pattern, seen }) => (seen === 'seen' && 'check' in pattern ? [pattern.check] : []));
    const isSeen = seenAt.length === 0 || looks.some(({ seen }) => seen === 'seen');
    if (isSeen && !needed.includes('cannot look')) return { state: 'seen', own };
    return isSeen || looks.some(({ seen }) => seen === 'cannot look') ? { state: 'conceivable', own: [] } : notSo;
  }

  /** `Redis › Reachable` */
  name(check: string): string {
    const head = this.#verdicts.get(check) ?? this.#heads.get(check);
    return head ? `${head.component} › ${head.title}` : check;
  }

  /** What a pattern is about, seen or not. */
  evidence(pattern: Pattern): Evidence {
    return 'logged' in pattern ? this.#ofLog(pattern.logged) : this.ofCheck(pattern.check);
  }

  ofCheck(check: string): Evidence {
    const verdict = this.#verdicts.get(check);
    const words = verdict ? `${this.name(check)}: ${verdict.summary}` : this.name(check);
    return { words, check, observations: verdict?.observations ?? [], at: verdict?.since ?? null };
  }

  #ofLog(id: string): Evidence {
    const message = this.#logged.get(id);
    const times = message && message.count > 1 ? `, ${message.count} times` : '';
    return { words: `log of ${id}${times}`, check: null, observations: message ? [message.observation] : [], at: message?.firstAt ?? null };
  }
}
