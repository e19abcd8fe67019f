import type { Check, Finding, Observed, Verdict } from '../model/check.ts';
import type { Observation, Outcome, Question } from '../model/observation.ts';
import { questionId } from '../model/observation.ts';
import type { Step } from '../model/step.ts';
import type { ObservationSource } from './source.ts';

/** Questions that may be open at once. Six readiness calls may hang for 20 s and must leave room. */
const concurrentQuestions = 16;

/** Rounds of further questions that a judge may ask before its provisional result stands. */
const roundsOfQuestions = 4;

/** Rounds of checks that are run because of what others told. */
const roundsOfFurtherChecks = 3;

/** A whole flow ends within this time; what has answered by then is kept. */
export const flowDeadlineMs = 25_000;

/** What to run: everything, a step, a component of a step, one check, or the named checks. */
export interface Selection {
  readonly step?: Step;
  readonly component?: string;
  readonly check?: string;
  readonly checks?: readonly string[];
}

export interface RunOptions {
  readonly checks: readonly Check[];
  readonly source: ObservationSource;
  readonly signal: AbortSignal;
  /** Called once per check, as soon as its verdict stands, with the observations it rests on. */
  readonly onVerdict?: (verdict: Verdict, observations: readonly Observation[]) => void;
  /** Asked when all have a verdict: further checks to run, by what is known by then; none ends the run. */
  readonly further?: (verdicts: readonly Verdict[], observations: readonly Observation[]) => readonly Check[];
  /** Milliseconds after which open questions end as timeouts. Default `flowDeadlineMs`. */
  readonly deadlineMs?: number;
}

export interface RunResult {
  /** In the order of `checks`, then further ones. */
  readonly verdicts: readonly Verdict[];
  readonly observations: readonly Observation[];
  /** Local clock, ISO 8601. */
  readonly startedAt: string;
  readonly tookMs: number;
  readonly cancelled: boolean;
}

/**
 * The checks that a selection runs: those selected and, because their verdicts may decide them, all
 * that they need. Named ones are run in the order in which they are named, so that what is asked first
 * is what tells most; all others in that of `checks`.
 *
 * @throws Error when the selection names a check that does not exist.
 */
export function select(checks: readonly Check[], selection: Selection): readonly Check[] {
  const byId = new Map(checks.map((check) => [check.id, check]));
  const named = selection.checks === undefined ? undefined : new Set(selection.checks);
  for (const id of [...(selection.check === undefined ? [] : [selection.check]), ...(named ?? [])]) {
    if (!byId.has(id)) throw new Error(`There is no check ${id}.`);
  }
  const chosen = new Map<string, Check>();
  const include = (check: Check): void => {
    if (chosen.has(check.id)) return;
    for (const need of check.needs) {
      const needed = byId.get(need);
      if (needed) include(needed);
    }
    chosen.set(check.id, check);
  };
  const inOrder = named === undefined ? checks : [...named].flatMap((id) => byId.get(id) ?? []);
  for (const check of inOrder) {
    const byStep = selection.step === undefined || check.step === selection.step;
    const byComponent = selection.component === undefined || check.component === selection.component;
    const byCheck = selection.check === undefined || check.id === selection.check;
    if (byStep && byComponent && byCheck) include(check);
  }
  return named === undefined ? checks.filter((check) => chosen.has(check.id)) : [...chosen.values()];
}

/**
 * Runs checks: each waits for what it needs, asks its questions, and is judged. Resolves when every
 * check has a verdict; an abort of `signal` gives the rest the verdict `cancelled` at once. Never
 * rejects.
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const started = new Date();
  const startedMs = performance.now();
  const asking = new Asking(options.source, options.signal, options.deadlineMs ?? flowDeadlineMs);
  const pending = new Map<string, Promise<Verdict>>();
  const decided = (check: Check): Promise<Verdict> => {
    let verdict = pending.get(check.id);
    if (!verdict) {
      // Needs are reached through the map, so that each check is decided once however many need it.
      verdict = Promise.resolve()
        .then(() => Promise.all(check.needs.map((need) => needed(need))))
        .then((needs) => decide(check, needs, asking))
        .then((done) => {
          options.onVerdict?.(done, asking.observations(done.observations));
          return done;
        });
      pending.set(check.id, verdict);
    }
    return verdict;
  };
  const byId = new Map(options.checks.map((check) => [check.id, check]));
  const needed = (id: string): Promise<Verdict | undefined> => {
    const check = byId.get(id);
    return check ? decided(check) : Promise.resolve(undefined);
  };
  try {
    let verdicts = await Promise.all(options.checks.map(decided));
    for (let round = 0; round < roundsOfFurtherChecks && !options.signal.aborted; round += 1) {
      const further = (options.further?.(verdicts, asking.observations()) ?? []).filter(({ id }) => !byId.has(id));
      if (further.length === 0) break;
      for (const check of further) byId.set(check.id, check);
      verdicts = await Promise.all([...byId.values()].map(decided));
    }
    return {
      verdicts,
      observations: asking.observations(),
      startedAt: started.toISOString(),
      tookMs: Math.round(performance.now() - startedMs),
      cancelled: options.signal.aborted && verdicts.some((verdict) => verdict.status === 'cancelled'),
    };
  } finally {
    asking.close();
  }
}

async function decide(check: Check, needs: readonly (Verdict | undefined)[], asking: Asking): Promise<Verdict> {
  for (const need of needs) {
    if (need?.status === 'cancelled') return cancelled(check, []);
    if (need?.status === 'fail' || need?.status === 'crashed') {
      return blocked(check, need.check, `blocked by ${need.component} › ${need.title}`);
    }
    if (need?.status === 'blocked') return blocked(check, need.blockedBy ?? need.check, need.summary);
  }
  const asked = new Map<string, Observation>();
  let questions: readonly Question[] = check.asks;
  for (let round = 0; ; round += 1) {
    const answers = await Promise.all(questions.map((question) => asking.ask(question)));
    for (const answer of answers) asked.set(answer.id, answer);
    const ids = [...asked.keys()];
    const lost = answers.find(({ outcome }) => outcome.kind === 'cancelled' || outcome.kind === 'crashed');
    if (lost?.outcome.kind === 'cancelled') return cancelled(check, ids);
    if (lost?.outcome.kind === 'crashed') return crashed(check, lost.outcome.error, lost.outcome.message, ids);
    try {
      const { result, wants } = check.judge(observed(check, asked));
      questions = (wants ?? []).filter((question) => !asked.has(questionId(question)));
      if (questions.length === 0 || round === roundsOfQuestions) return concluded(check, result, ids);
    } catch (error) {
      const { name, message } = asError(error);
      return crashed(check, name, message, ids);
    }
  }
}

function observed(check: Check, asked: ReadonlyMap<string, Observation>): Observed {
  // A question carries the type of its answer; the source that answered it vouches for the shape.
  const find = <Answer>(question: Question<Answer>): Observation<Answer> | undefined =>
    asked.get(questionId(question)) as Observation<Answer> | undefined;
  return {
    find,
    get: (question) => {
      const observation = find(question);
      if (!observation) throw new Error(`${check.id} judges ${questionId(question)} without asking it.`);
      return observation;
    },
  };
}

/** Asks each question of a run once, a bounded number at a time, until the run is stopped or too long. */
class Asking {
  readonly #answers = new Map<string, Promise<Observation>>();
  readonly #done = new Map<string, Observation>();
  readonly #source: ObservationSource;
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #waiting: (() => void)[] = [];
  #open = 0;

  constructor(source: ObservationSource, signal: AbortSignal, deadlineMs: number) {
    this.#source = source;
    const end = (outcome: Outcome): void => this.#ended.abort(outcome);
    this.#timer = setTimeout(() => end({ kind: 'timeout', deadlineMs, stage: 'the whole flow' }), deadlineMs);
    if (signal.aborted) end({ kind: 'cancelled' });
    else signal.addEventListener('abort', () => end({ kind: 'cancelled' }), { signal: this.#ended.signal });
  }

  ask(question: Question): Promise<Observation> {
    const id = questionId(question);
    let answer = this.#answers.get(id);
    if (!answer) {
      answer = this.#askOnce(id, question).then((observation) => {
        this.#done.set(id, observation);
        return observation;
      });
      this.#answers.set(id, answer);
    }
    return answer;
  }

  /** Those with the given ids, or all. */
  observations(ids: readonly string[] = [...this.#done.keys()]): readonly Observation[] {
    return ids.flatMap((id) => this.#done.get(id) ?? []);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#ended.abort({ kind: 'cancelled' } satisfies Outcome);
  }

  async #askOnce(id: string, question: Question): Promise<Observation> {
    const at = new Date().toISOString();
    const startedMs = performance.now();
    const ended = this.#ended.signal;
    const early = (): Observation => ({
      id,
      question,
      asked: id,
      at,
      tookMs: Math.round(performance.now() - startedMs),
      outcome: ended.reason as Outcome,
    });
    const cut = new Promise<Observation>((resolve) => {
      if (ended.aborted) resolve(early());
      else ended.addEventListener('abort', () => resolve(early()), { once: true });
    });
    const answer = this.#withRoom(() => this.#source.ask(question, ended)).catch((error: unknown): Observation => {
      const { name, message } = asError(error);
      return { ...early(), outcome: { kind: 'crashed', error: name, message } };
    });
    return Promise.race([cut, answer]);
  }

  async #withRoom<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#open >= concurrentQuestions) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#open += 1;
    try {
      return await work();
    } finally {
      this.#open -= 1;
      this.#waiting.shift()?.();
    }
  }
}

function named(check: Check): Pick<Verdict, 'check' | 'step' | 'component' | 'title'> {
  return { check: check.id, step: check.step, component: check.component, title: check.title };
}

function concluded(check: Check, finding: Finding, observations: string[]): Verdict {
  const { status, summary, reasoning, facts = [], signs = [], since } = finding;
  return {
    ...named(check), status, summary, reasoning, facts: [...facts],
    ...(signs.length === 0 ? {} : { signs: [...signs] }), ...(since === undefined ? {} : { since }),
    observations,
  };
}

function blocked(check: Check, blockedBy: string, summary: string): Verdict {
  return {
    ...named(check),
    status: 'blocked',
    summary,
    reasoning: `Nothing was asked, because ${blockedBy} failed and this check cannot say anything without it.`,
    facts: [],
    blockedBy,
    observations: [],
  };
}

function cancelled(check: Check, observations: string[]): Verdict {
  return {
    ...named(check),
    status: 'cancelled',
    summary: 'stopped by you',
    reasoning: 'The run was stopped before this check had its answers.',
    facts: [],
    observations,
  };
}

function crashed(check: Check, error: string, message: string, observations: string[]): Verdict {
  return {
    ...named(check),
    status: 'crashed',
    summary: `our fault: ${error}`,
    reasoning: `The debugger itself failed here, which says nothing about the deployment: ${message}`,
    facts: [],
    observations,
  };
}

function asError(error: unknown): { name: string; message: string } {
  return error instanceof Error ? error : { name: typeof error, message: String(error) };
}
