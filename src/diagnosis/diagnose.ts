/**
 * From what is known of a deployment to the few things that explain what is wrong with it. Pure.
 *
 * Each cause that is seen, or that nothing excludes, explains the verdicts that it brings about, directly or
 * over what it leads to. The one that explains most is taken, then the one that explains most of the rest, until
 * nothing is left or nothing explains it: a cover of what is red by few causes. A cause that another one
 * explains is a step of that one's path.
 */
import type { Verdict } from '../model/check.ts';
import type { Cause, CauseStanding, Diagnosis, Evidence, Look } from '../model/diagnosis.ts';
import { isNamed } from '../model/diagnosis.ts';
import { conditions } from './conditions.ts';
import { isCause } from './definition.ts';
import type { CauseDefinition, Pattern, Stage } from './definition.ts';
import { Known } from './known.ts';
import type { Standing } from './known.ts';
import { notCausesIn } from './notCauses.ts';
import type { Situation } from './situation.ts';
import { weights } from './weights.ts';
import type { Weights } from './weights.ts';

/** What was found, and the checks whose verdicts would tell more. */
export interface Diagnosed {
  readonly result: Diagnosis;
  /** Checks that were not run. */
  readonly wants: readonly string[];
}

/** Candidates that are told where none can be named. */
const mostPossible = 3;
const mostRuledOut = 8;
/** Changes that long before a failure may have brought it about. */
const shortlyMs = 10 * 60_000;

/** What is older than that is not left behind by what began now. */
const leavesWithinMs = 10 * 60_000;

/** Several changes of one second stand in one line: `sts started, jwt.key changed (api, sts), 4 min ago`. */
const betweenChanges = /, (?![^(]*\))/;

/** A verdict that a cause brings about, and the conditions on the way there, the cause first. */
type Explained = ReadonlyMap<string, readonly string[]>;

interface Candidate {
  readonly cause: CauseDefinition;
  readonly standing: Standing;
  readonly explained: Explained;
}

interface Scored {
  readonly candidate: Candidate;
  readonly parts: readonly { readonly name: string; readonly value: number }[];
  readonly total: number;
  /** What of the uncovered it explains, its own among it. */
  readonly covers: readonly string[];
}

interface Chosen extends Scored {
  readonly standing: CauseStanding;
}

export function diagnose(situation: Situation, by: Weights = weights): Diagnosed {
  return new Diagnosing(situation, by).all();
}

class Diagnosing {
  readonly #known: Known;
  readonly #by: Weights;
  readonly #byId = new Map(conditions.map((condition) => [condition.id, condition]));
  readonly #standings = new Map<string, Standing>();
  readonly #candidates: readonly Candidate[];
  /** By how many candidates a verdict is explained. */
  readonly #sharers = new Map<string, number>();
  readonly #order: ReadonlyMap<string, number>;

  constructor(situation: Situation, by: Weights) {
    this.#known = new Known(situation);
    this.#by = by;
    this.#order = new Map(situation.checks.map(({ id }, index) => [id, index]));
    for (const condition of conditions) this.#standings.set(condition.id, this.#known.standing(condition));
    this.#candidates = conditions.filter(isCause).flatMap((cause) => this.#candidate(cause) ?? []);
    for (const { standing, explained } of this.#candidates) {
      for (const check of new Set([...standing.own, ...explained.keys()])) this.#sharers.set(check, (this.#sharers.get(check) ?? 0) + 1);
    }
  }

  all(): Diagnosed {
    const chosen = this.#cover();
    const ids = new Set(chosen.filter(isNamed).map(({ candidate }) => candidate.cause.id));
    const ranked = chosen.map((one) => this.#told(one, ids)).toSorted((one, other) => this.#rankOf(one) - this.#rankOf(other));
    const covered = new Set(chosen.filter(isNamed).flatMap(({ candidate }) => coverOf(candidate)));
    const reds = this.#reds();
    const failures = reds.filter(({ status }) => status === 'fail');
    const possible = chosen.filter((one) => !isNamed(one));
    return {
      result: {
        causes: ranked,
        ruledOut: this.#ruledOut(chosen, reds),
        notCauses: [...notCausesIn(this.#known)],
        unexplained: reds.filter(({ check }) => !covered.has(check)).map(({ check }) => check),
        failures: { all: failures.length, explained: failures.filter(({ check }) => covered.has(check)).length },
        next: this.#next(possible),
      },
      wants: this.#wants(chosen, reds),
    };
  }

  /** What explains a failure stands before what does not, and last what is over or was left behind. */
  #rankOf({ standing, leftBehindBy, own, explains }: Cause): number {
    if (standing === 'past' || leftBehindBy !== null) return 2;
    return [...own, ...explains].some((check) => this.#known.verdict(check)?.status === 'fail') ? 0 : 1;
  }

  #reds(): readonly Verdict[] {
    return this.#known.situation.verdicts.filter(({ status }) => status === 'fail' || status === 'warn');
  }

  #standingOf(id: string): Standing {
    return this.#standings.get(id) ?? { state: 'not so', own: [] };
  }

  #candidate(cause: CauseDefinition): Candidate | undefined {
    const standing = this.#standingOf(cause.id);
    if (standing.state === 'not so') return undefined;
    const explained = this.#explainedBy(cause, standing);
    const hasFailure = [...explained.keys()].some((check) => this.#known.verdict(check)?.status === 'fail');
    return standing.own.length > 0 || (standing.state === 'conceivable' && hasFailure) ? { cause, standing, explained } : undefined;
  }

  #explainedBy(cause: CauseDefinition, { own }: Standing): Explained {
    const explained = new Map<string, readonly string[]>();
    const visited = new Set<string>();
    const visit = (condition: Stage | CauseDefinition, route: readonly string[]): void => {
      if (visited.has(condition.id)) return;
      visited.add(condition.id);
      for (const pattern of condition.brings ?? []) {
        if ('check' in pattern && this.#known.look(pattern) === 'seen' && !explained.has(pattern.check)) explained.set(pattern.check, route);
      }
      for (const id of condition.leadsTo ?? []) {
        const next = this.#byId.get(id);
        if (!next) throw new Error(`${condition.id} leads to ${id}, which is not defined`);
        const standing = this.#standingOf(id);
        if (standing.state === 'not so') continue;
        const further = [...route, id];
        for (const check of standing.own) if (!explained.has(check)) explained.set(check, further);
        visit(next, further);
      }
    };
    visit(cause, [cause.id]);
    for (const check of own) explained.delete(check);
    for (const { check, status, blockedBy } of this.#known.situation.verdicts) {
      if (status !== 'blocked' || blockedBy === undefined) continue;
      if (own.includes(blockedBy)) explained.set(check, [cause.id]);
      else if (explained.has(blockedBy)) explained.set(check, explained.get(blockedBy) ?? []);
    }
    return explained;
  }

  #cover(): readonly Chosen[] {
    const covered = new Set<string>();
    const chosen: Chosen[] = [];
    let left = this.#candidates;
    for (;;) {
      const scored = left.map((candidate) => this.#score(candidate, covered)).filter(({ covers }) => covers.length > 0);
      const best = scored.reduce<Scored | undefined>((before, one) => (before === undefined || one.total > before.total ? one : before), undefined);
      if (best === undefined || best.total < this.#by.least) return chosen;
      const rivals = best.candidate.standing.state === 'seen' ? [] : scored.filter((one) => one !== best && isRival(one, best) && best.total - one.total < this.#by.margin);
      const standing = this.#standingWords(best, rivals.length > 0);
      const among = [best, ...(standing === 'possible' ? rivals.toSorted((one, other) => other.total - one.total).slice(0, mostPossible - 1) : [])];
      chosen.push(...among.map((one): Chosen => ({ ...one, standing })));
      // What is only possible covers nothing that something seen may explain, and is not asked again.
      for (const check of best.covers) covered.add(check);
      const done = new Set([...among, ...rivals].map(({ candidate }) => candidate));
      left = left.filter((candidate) => !done.has(candidate));
    }
  }

  #standingWords({ candidate }: Scored, hasRivals: boolean): CauseStanding {
    const { cause, standing, explained } = candidate;
    if (standing.state === 'seen') {
      if (this.#contradictions(cause).length > 0) return 'likely';
      return cause.isMark && !this.#mayGoOn(cause) ? 'past' : 'confirmed';
    }
    const failures = [...explained.keys()].filter((check) => this.#known.verdict(check)?.status === 'fail');
    // One failure alone fits to too much.
    return hasRivals || failures.length < 2 ? 'possible' : 'likely';
  }

  /** Whether something that leaves this behind may go on where nobody could look. */
  #mayGoOn({ leftBy = [] }: CauseDefinition): boolean {
    return conditions.filter(isCause).some((cause) => leftBy.includes(cause.id) && this.#standingOf(cause.id).state === 'conceivable' && this.#contradictions(cause).length === 0);
  }

  #score(candidate: Candidate, covered: ReadonlySet<string>): Scored {
    const { cause, standing, explained } = candidate;
    const by = this.#by;
    const ownNew = standing.own.filter((check) => !covered.has(check));
    const isConsequence = standing.own.length > 0 && ownNew.length === 0;
    const covers = isConsequence ? [] : [...ownNew, ...explained.keys()].filter((check) => !covered.has(check) && this.#weightOf(check) > 0);
    const worth = covers.reduce((sum, check) => sum + this.#weightOf(check) / (this.#sharers.get(check) ?? 1), 0);
    const contradictions = this.#contradictions(cause).length;
    const messages = (cause.says ?? []).some((pattern) => this.#known.look(pattern) === 'seen');
    const parts = [
      { name: 'it is seen itself', value: ownNew.length > 0 ? by.seen : 0 },
      { name: 'what it explains', value: worth },
      { name: 'what speaks against it', value: -by.contradiction * contradictions },
      { name: 'logs say so', value: messages ? by.message : 0 },
      { name: 'it began first', value: this.#beganFirst(candidate) ? by.onset : 0 },
      { name: 'changed shortly before', value: this.#changesBefore(candidate).length > 0 ? by.change : 0 },
    ].filter(({ value }) => value !== 0);
    return { candidate, parts, covers, total: parts.reduce((sum, { value }) => sum + value, 0) };
  }

  #weightOf(check: string): number {
    switch (this.#known.verdict(check)?.status) {
      case 'fail':
        return this.#by.failure;
      case 'warn':
      case 'unknown':
        return this.#by.warning;
      default:
        return 0;
    }
  }

  #contradictions(cause: CauseDefinition): readonly Pattern[] {
    return (cause.against ?? []).filter((pattern) => this.#known.look(pattern) === 'seen');
  }

  #onset(checks: Iterable<string>): number {
    return Math.min(...[...checks].map((check) => Date.parse(this.#known.verdict(check)?.since ?? '')).filter((at) => !Number.isNaN(at)));
  }

  #beganFirst({ standing, explained }: Candidate): boolean {
    const [own, others] = [this.#onset(standing.own), this.#onset(explained.keys())];
    return Number.isFinite(own) && Number.isFinite(others) && own <= others;
  }

  /** Changes of its component shortly before the first that is known to have failed. */
  #changesBefore({ cause, standing, explained }: Candidate): readonly Evidence[] {
    const onset = this.#onset([...standing.own, ...explained.keys()]);
    if (!Number.isFinite(onset)) return [];
    const word = new RegExp(`(?:^|[^a-z])${cause.component}(?:$|[^a-z])`, 'i');
    return this.#known.situation.changes.flatMap(({ at, what, observations }) => {
      const before = onset - Date.parse(at);
      const own = what.split(betweenChanges).filter((one) => word.test(one));
      return before >= 0 && before <= shortlyMs && own.length > 0 ? [{ words: own.join(', '), check: null, observations: [...observations], at }] : [];
    });
  }

  /** Whether what is seen at these checks began long before a cause did. */
  #isOlder(own: readonly string[], than: string): boolean {
    const candidate = this.#candidates.find(({ cause }) => cause.id === than);
    const [mark, began] = [this.#onset(own), candidate ? this.#onset([...candidate.standing.own, ...candidate.explained.keys()].filter((check) => !own.includes(check))) : Infinity];
    return Number.isFinite(mark) && Number.isFinite(began) && began - mark > leavesWithinMs;
  }

  #told(one: Chosen, named: ReadonlySet<string>): Cause {
    const { candidate, parts, standing } = one;
    const { cause, standing: { own }, explained } = candidate;
    const leftBehindBy = cause.leftBy?.find((id) => named.has(id) && !this.#isOlder(own, id)) ?? null;
    const against = (cause.against ?? []).map((pattern): Look => {
      const seen = this.#known.look(pattern);
      return { ...this.#known.evidence(pattern), seen: seen === 'cannot look' ? null : seen === 'seen' };
    });
    const explains = this.#inOrder(explained.keys());
    return {
      id: cause.id,
      component: cause.component,
      title: cause.title,
      sentence: this.#sentence(candidate, explains),
      standing,
      own: this.#inOrder(own),
      explains,
      for: [
        ...this.#inOrder(own).map((check) => this.#known.ofCheck(check)),
        ...(cause.says ?? []).filter((pattern) => this.#known.look(pattern) === 'seen').map((pattern) => this.#known.evidence(pattern)),
        ...explains.filter((check) => this.#known.verdict(check)?.status === 'fail').map((check) => this.#known.ofCheck(check)),
        ...this.#changesBefore(candidate),
      ],
      against,
      unconfirmed: this.#unconfirmed(candidate),
      path: [...this.#path(candidate, explains)],
      leftBehindBy,
      score: parts.map(({ name, value }) => ({ name, value: Math.round(value * 100) / 100 })),
    };
  }

  #sentence({ cause, standing: { own } }: Candidate, explains: readonly string[]): string {
    const first = this.#inOrder(own)[0];
    if (first !== undefined) return `${this.#known.ofCheck(first).words}. ${cause.means}`;
    const failures = explains.filter((check) => this.#known.verdict(check)?.status === 'fail');
    return `It was not seen itself; ${failures.map((check) => this.#known.name(check)).join(', ')} ${failures.length === 1 ? 'fits' : 'fit'}. ${cause.means}`;
  }

  #unconfirmed({ cause, standing }: Candidate): Cause['unconfirmed'] {
    if (standing.state === 'seen') return null;
    const open = [...cause.seenAt, ...(cause.given ?? [])].find((pattern) => 'check' in pattern && this.#known.look(pattern) === 'cannot look');
    if (open === undefined || !('check' in open)) return null;
    const verdict = this.#known.verdict(open.check);
    return { check: open.check, why: verdict?.summary ?? 'not run' };
  }

  /** Over as many stages as there are to what a person sees, each with a check that shows it. */
  #path({ cause, standing: { own }, explained }: Candidate, explains: readonly string[]): readonly Evidence[] {
    const first = this.#inOrder(own)[0];
    const begin: Evidence = { ...(first === undefined ? { check: null, observations: [], at: null } : this.#known.ofCheck(first)), words: cause.title };
    const stages = (check: string): number => explained.get(check)?.length ?? 0;
    const shown = explains.filter((check) => (this.#known.verdict(check)?.observations.length ?? 0) > 0);
    const end = shown.reduce<string | undefined>((before, check) => (before === undefined || stages(check) > stages(before) ? check : before), undefined);
    if (end === undefined) return first === undefined ? [begin] : [begin, this.#known.ofCheck(first)];
    const between = (explained.get(end) ?? []).slice(1).flatMap((id): readonly Evidence[] => {
      const condition = this.#byId.get(id);
      const showing = [...this.#inOrder(this.#standingOf(id).own), ...shown.filter((check) => explained.get(check)?.at(-1) === id)].find((check) => check !== end);
      // A stage that shows nowhere but at the end is told there.
      if (!condition || showing === undefined) return [];
      return [{ ...this.#known.ofCheck(showing), words: isCause(condition) ? condition.title : condition.words }];
    });
    return [begin, ...between, this.#known.ofCheck(end)];
  }

  /** What would explain something that is red, and was looked at and is not so. */
  #ruledOut(chosen: readonly Chosen[], reds: readonly Verdict[]): Diagnosis['ruledOut'] {
    const taken = new Set(chosen.flatMap(({ candidate }) => [candidate.cause.id, ...[...candidate.explained.values()].flat()]));
    const failed = new Set(reds.filter(({ status }) => status === 'fail').map(({ check }) => check));
    if (failed.size === 0) return [];
    const against = this.#candidates.flatMap((candidate) => {
      const { cause, explained } = candidate;
      const [first] = this.#contradictions(cause);
      return first === undefined || taken.has(cause.id) ? [] : [{ cause, why: this.#known.evidence(first), reach: explained.size }];
    });
    const notSo = conditions.filter(isCause).flatMap((cause) => {
      if (taken.has(cause.id) || this.#standingOf(cause.id).state !== 'not so') return [];
      const well = cause.seenAt.find((pattern) => 'check' in pattern && this.#known.look(pattern) === 'not seen' && this.#known.verdict(pattern.check)?.status === 'pass');
      const reach = well === undefined ? 0 : [...this.#couldExplain(cause)].filter((check) => failed.has(check)).length;
      return well === undefined || reach < Math.min(2, failed.size) ? [] : [{ cause, why: this.#known.evidence(well), reach }];
    });
    return [...against, ...notSo]
      .toSorted((one, other) => other.reach - one.reach)
      .slice(0, mostRuledOut)
      .map(({ cause, why }) => ({ id: cause.id, title: cause.title, why }));
  }

  /** Checks that would be red if a cause were so, and are as it would make them. */
  #couldExplain(cause: CauseDefinition): ReadonlySet<string> {
    const checks = new Set<string>();
    const visited = new Set<string>();
    const visit = ({ id, brings = [], leadsTo = [] }: Stage | CauseDefinition): void => {
      if (visited.has(id)) return;
      visited.add(id);
      for (const pattern of brings) if ('check' in pattern && this.#known.look(pattern) === 'seen') checks.add(pattern.check);
      for (const next of leadsTo) {
        for (const check of this.#standingOf(next).own) checks.add(check);
        const condition = this.#byId.get(next);
        if (condition) visit(condition);
      }
    };
    visit(cause);
    return checks;
  }

  /** The check that most of the possible causes wait for. */
  #next(possible: readonly Chosen[]): Diagnosis['next'] {
    if (possible.length === 0) return null;
    const causes = possible.map(({ candidate }) => candidate.cause);
    const open = Map.groupBy(causes.flatMap(({ seenAt, against = [] }) => this.#openChecks([...seenAt, ...against])), (check) => check);
    const [best] = [...open].toSorted(([, one], [, other]) => other.length - one.length);
    if (best === undefined) return null;
    const [check] = best;
    const titles = causes.map(({ title }) => title);
    const words = titles.length === 1 ? `it tells whether ${titles[0] ?? ''}` : `it tells apart: ${titles.join('; ')}`;
    const verdict = this.#known.verdict(check);
    // Whoever runs it again must know what is missing.
    const why = verdict?.status === 'unknown' ? ` (${verdict.summary})` : '';
    return { check, words: `${this.#known.name(check)}${why}, ${words}`, between: causes.map(({ id }) => id) };
  }

  #openChecks(patterns: readonly Pattern[]): readonly string[] {
    return patterns.flatMap((pattern) => ('check' in pattern && this.#known.look(pattern) === 'cannot look' ? [pattern.check] : []));
  }

  /** What was not run and would tell of something that may explain what is red. */
  #wants(chosen: readonly Chosen[], reds: readonly Verdict[]): readonly string[] {
    if (reds.length === 0) return [];
    const open = [...this.#candidates.filter(({ standing }) => standing.state === 'conceivable').map(({ cause }) => cause), ...chosen.map(({ candidate }) => candidate.cause)];
    const checks = open.flatMap(({ seenAt, given = [], unless = [], against = [] }) => this.#openChecks([...seenAt, ...given, ...unless, ...against]));
    return this.#inOrder(checks.filter((check) => this.#known.verdict(check) === undefined));
  }

  #inOrder(checks: Iterable<string>): string[] {
    return [...new Set(checks)].toSorted((one, other) => (this.#order.get(one) ?? 0) - (this.#order.get(other) ?? 0));
  }
}

function coverOf({ standing, explained }: Candidate): readonly string[] {
  return [...standing.own, ...explained.keys()];
}

/** Whether two candidates explain largely the same. */
function isRival(one: Scored, other: Scored): boolean {
  const shared = one.covers.filter((check) => other.covers.includes(check)).length;
  return shared * 2 >= Math.min(one.covers.length, other.covers.length);
}
