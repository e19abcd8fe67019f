/**
 * The picked target, what runs on it, and what is known of it. Knows nothing of the editor.
 *
 * Several runs may be open at once (a step here, a check there). Each check belongs to the newest run
 * that covers it, and only that run may change it: answers of a stopped run, of a run that another
 * one took over from, and of another target arrive and are dropped.
 */
import { logSources } from '../caracal/logSources.ts';
import type { Symptom } from '../caracal/symptoms.ts';
import { milliseconds } from '../flow/words.ts';
import type { Verdict } from '../model/check.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Observation } from '../model/observation.ts';
import type { Report } from '../model/report.ts';
import type { Target } from '../model/target.ts';
import type { LocatedTarget } from '../targets/located.ts';
import type { Engine, EngineModule } from './engineSlot.ts';
import { emptyState, inScope, scopeOf, staleAfterMs, withNeeds } from './flowState.ts';
import type { Answer, CheckHead, FlowState, Scope } from './flowState.ts';
import { Emitter } from './lifecycle.ts';
import { standing } from './standing.ts';
import type { Standing } from './standing.ts';

/** Answers that come together are looked at together: looking for causes takes some milliseconds. */
const diagnoseAfterMs = 100;

/** Where a session says what it did, one line at a time. */
export interface SessionLog {
  info(line: string): void;
  error(line: string): void;
}

interface Run {
  readonly scope: Scope;
  /** The symptom that it looks into, if it is for one. */
  readonly symptom: Symptom | undefined;
  /** Nobody started it and nothing shows that it runs: what has changed when it has answered is the news. */
  readonly quiet: boolean;
  readonly controller: AbortController;
  /** Checks that it covers, those that others took over included. A run for a symptom covers more when it needs to know more. */
  readonly covers: Set<string>;
}

export class FlowSession {
  readonly #engine: Engine;
  readonly #log: SessionLog;
  readonly #changed = new Emitter<void>();
  readonly #answers = new Map<string, Answer>();
  readonly #evidence = new Map<string, readonly Observation[]>();
  /** The run whose answer stands for a check; a check that is waited for is in `#waiting` as well. */
  readonly #owners = new Map<string, Run>();
  readonly #waiting = new Set<string>();
  readonly #runs = new Set<Run>();
  #located: LocatedTarget | undefined;
  #zone: string | undefined;
  #module: Pick<EngineModule, 'checksOf' | 'causesOf'> | undefined;
  /** By the id of the target; for this session only, because tomorrow something else is wrong. */
  readonly #symptoms = new Map<string, Symptom>();
  #found: string | undefined;
  #ended: FlowState['ended'];
  #report: Report | undefined;
  #newestRun: Run | undefined;
  #diagnosis: Diagnosis | undefined;
  #diagnoseTimer: NodeJS.Timeout | undefined;
  #state: FlowState = emptyState;
  #standing: Standing = standing(emptyState, undefined, 0);
  /** What stood when nothing ran. It stays while something does, so that no surface flips. */
  #resting: Standing = this.#standing;
  #watch: FlowState['watch'];

  constructor(engine: Engine, log: SessionLog) {
    this.#engine = engine;
    this.#log = log;
  }

  /** Fires after every change of `state`. */
  readonly onDidChange = this.#changed.event;

  /** A snapshot: later changes do not alter it. */
  get state(): FlowState {
    return this.#state;
  }

  get standing(): Standing {
    return this.#standing;
  }

  get target(): LocatedTarget | undefined {
    return this.#located;
  }

  /** Report of the newest run that has ended, masked. */
  get report(): Report | undefined {
    return this.#report;
  }

  /** The observations that a check's last verdict rests on. */
  evidence(check: string): readonly Observation[] {
    return this.#evidence.get(check) ?? [];
  }

  /** Whether asking again would tell something new. */
  isStale(check: string): boolean {
    const answer = this.#answers.get(check);
    return !this.#waiting.has(check) && (answer === undefined || Date.now() - answer.at >= staleAfterMs);
  }

  /** What is known of a scope, as plain JSON: verdicts, each with the observations it rests on. */
  record(scope: Scope): readonly (Verdict & { readonly evidence: readonly Observation[] })[] {
    return inScope(this.#checks, scope).flatMap(({ id }) => {
      const verdict = this.#answers.get(id)?.verdict;
      return verdict ? [{ ...verdict, evidence: this.evidence(id) }] : [];
    });
  }

  /** Loads the catalogue, so that components and checks can be shown before anything runs. */
  async loadChecks(): Promise<void> {
    if (this.#module) return;
    this.#module = await this.#engine.load();
    this.#update();
  }

  /** The checks that the picked target has. */
  get #checks(): readonly CheckHead[] {
    return (this.#located && this.#module?.checksOf(this.#located.target.kind)) ?? [];
  }

  /** Switches to another target, or to none: stops everything and empties the view at once. */
  use(target: LocatedTarget | undefined, zone?: string): void {
    this.#abort(this.#runs);
    this.#runs.clear();
    this.#owners.clear();
    this.#waiting.clear();
    this.#answers.clear();
    this.#evidence.clear();
    this.#located = target;
    this.#zone = zone;
    this.#ended = undefined;
    this.#report = undefined;
    this.#newestRun = undefined;
    this.#diagnosis = undefined;
    this.#found = undefined;
    if (this.#watch) this.#watch = { wellBefore: false };
    if (target) this.#log.info(`Target ${target.target.name} (${target.origin})`);
    this.#update();
  }

  /** Looks at another zone from the next run on. What is known of the old zone is emptied. */
  useZone(zone: string | undefined): void {
    this.use(this.#located, zone);
  }

  /** Remembers what the user sees on this target; undefined for nothing in particular. */
  setSymptom(symptom: Symptom | undefined): void {
    if (!this.#located) return;
    if (symptom) this.#symptoms.set(this.#located.id, symptom);
    else this.#symptoms.delete(this.#located.id);
    // What was said about the symptom of before is not about this one.
    if (this.#ended === 'triaged') this.#ended = 'complete';
    this.#found = undefined;
    this.#update();
  }

  /** Says what was found for the symptom beside the verdicts of its checks, masked. */
  tell(found: string): void {
    this.#found = found;
    this.#update();
  }

  /**
   * Runs the checks of a symptom and all that they need, then further ones as long as they would tell the
   * causes of what is red apart; remembers the symptom.
   *
   * @returns Whether the run came to its end: false when it was stopped or another run took over from it.
   * @throws What the engine throws when the target cannot be opened at all.
   */
  async triage(symptom: Symptom): Promise<boolean> {
    this.setSymptom(symptom);
    return this.#runScope(scopeOf(symptom), { symptom });
  }

  /**
   * Runs a scope and all that it needs. Resolves when the run has ended or was stopped.
   *
   * @param askUnproven The user agreed to ask the API with a token that is not known to be live.
   * @throws What the engine throws when the target cannot be opened at all.
   */
  async run(scope: Scope, askUnproven = false): Promise<void> {
    await this.#runScope(scope, { askUnproven });
  }

  /**
   * Looks again at what was run before, without a sign of it except what has changed. What somebody runs
   * meanwhile comes first.
   *
   * @throws What the engine throws when the target cannot be opened at all.
   */
  async lookAgain(scope: Scope): Promise<void> {
    await this.#runScope(scope, { quiet: true });
  }

  /** Begins or ends telling what changes on the target. */
  setWatched(watched: boolean): void {
    if (watched === (this.#watch !== undefined)) return;
    this.#watch = watched ? { wellBefore: this.#isWell() } : undefined;
    if (!watched) {
      const quiet = [...this.#runs].filter((run) => run.quiet);
      for (const run of quiet) this.#end(run, undefined);
      this.#abort(quiet);
    }
    this.#update();
  }

  async #runScope(
    scope: Scope,
    { symptom, askUnproven = false, quiet = false }: { readonly symptom?: Symptom; readonly askUnproven?: boolean; readonly quiet?: boolean },
  ): Promise<boolean> {
    const target = this.#located;
    if (!target) return false;
    await this.loadChecks();
    const engine = await this.#engine.load();
    // While the engine was loading another target may have been picked.
    if (this.#located !== target) return false;
    const run: Run = { scope, symptom, quiet, controller: new AbortController(), covers: new Set(withNeeds(this.#checks, scope)) };
    this.#begin(run);
    try {
      const report = await engine.runFlow({
        target,
        zone: this.#zone,
        selection: scope,
        askUnproven,
        untilExplained: symptom !== undefined,
        earlier: this.#observations(),
        redactor: this.#engine.redactor,
        signal: run.controller.signal,
        onVerdict: (verdict, observations) => this.#take(run, verdict, observations),
        onFurther: (checks) => this.#widen(run, checks),
      });
      return this.#end(run, report);
    } catch (error) {
      // Of a run that was stopped nobody wants to hear any more.
      if (this.#end(run, undefined)) throw error;
      return false;
    }
  }

  /** Stops what runs in a scope, at once: what has no answer by now gets none. */
  stop(scope: Scope = {}): void {
    const ids = new Set(inScope(this.#checks, scope).map((check) => check.id));
    const stopped = [...this.#runs].filter((run) => [...ids].some((id) => this.#waitsFor(run, id)));
    if (stopped.length === 0) return;
    for (const run of stopped) {
      for (const check of this.#checks) {
        if (this.#waitsFor(run, check.id)) this.#settle(run, cancelled(check), []);
      }
      this.#runs.delete(run);
    }
    this.#ended = 'stopped';
    this.#diagnose();
    this.#log.info(`Stopped ${stopped.map(runText).join(', ')}`);
    this.#update();
    this.#abort(stopped);
  }

  dispose(): void {
    clearTimeout(this.#diagnoseTimer);
    this.#abort(this.#runs);
    this.#runs.clear();
    this.#changed.dispose();
  }

  #begin(run: Run): void {
    for (const id of run.covers) {
      this.#owners.set(id, run);
      this.#waiting.add(id);
    }
    // A run that owns nothing any more asks for nobody.
    const superseded = [...this.#runs].filter((other) => ![...other.covers].some((id) => this.#waitsFor(other, id)));
    for (const other of superseded) this.#runs.delete(other);
    this.#runs.add(run);
    // A quiet look at a part is no report that anybody asks for.
    if (!run.quiet || Object.keys(run.scope).length === 0) this.#newestRun = run;
    if (!run.quiet) this.#found = undefined;
    if (!run.quiet) this.#log.info(`Running ${runText(run)}, ${run.covers.size} checks`);
    this.#update();
    this.#abort(superseded);
  }

  /** A run covers more checks from now on. What another run is waited for stays with that one. */
  #widen(run: Run, checks: readonly string[]): void {
    if (!this.#runs.has(run)) return;
    for (const id of checks.filter((check) => !run.covers.has(check))) {
      run.covers.add(id);
      if (this.#waiting.has(id)) continue;
      this.#owners.set(id, run);
      this.#waiting.add(id);
    }
    this.#update();
  }

  /** Every observation that a verdict now rests on, once. */
  #observations(): readonly Observation[] {
    return [...new Map([...this.#evidence.values()].flat().map((observation) => [observation.id, observation])).values()];
  }

  /** Takes one verdict of a run, unless the run may not decide that check any more. */
  #take(run: Run, verdict: Verdict, observations: readonly Observation[]): void {
    if (!this.#runs.has(run) || !this.#waitsFor(run, verdict.check)) return;
    const before = this.#answers.get(verdict.check)?.verdict;
    this.#settle(run, verdict, observations);
    if (before?.status !== verdict.status || before.summary !== verdict.summary) {
      this.#log.info(`${verdict.check} ${verdict.component} › ${verdict.title}: ${verdict.status}, ${verdict.summary}`);
    }
    this.#diagnoseTimer ??= setTimeout(() => {
      this.#diagnose();
      this.#update();
    }, diagnoseAfterMs);
    this.#update();
  }

  #settle(run: Run, verdict: Verdict, observations: readonly Observation[]): void {
    const { step, component, check, checks } = run.scope;
    const apart = (check ?? checks ?? component) !== undefined || (step !== undefined && step !== verdict.step);
    const before = this.#answers.get(verdict.check);
    const at = Date.now();
    const changed = before !== undefined && before.verdict.status !== verdict.status && [before, { verdict }].every((each) => each.verdict.status !== 'cancelled');
    this.#waiting.delete(verdict.check);
    this.#evidence.set(verdict.check, observations);
    this.#answers.set(verdict.check, { verdict, at, apart, changedAt: changed ? at : before?.changedAt });
  }

  #isWell(): boolean {
    const checks = this.#checks;
    return checks.length > 0 && checks.every(({ id }) => ['pass', 'not-applicable'].includes(this.#answers.get(id)?.verdict.status ?? ''));
  }

  /** @returns whether the run was still wanted. */
  #end(run: Run, report: Report | undefined): boolean {
    const wanted = this.#runs.delete(run);
    if (report && this.#newestRun === run) this.#report = report;
    if (wanted) {
      for (const id of run.covers) {
        if (this.#owners.get(id) === run) this.#waiting.delete(id);
      }
      this.#diagnose();
      if (report && this.#runs.size === 0 && !run.quiet) this.#ended = run.symptom && run.scope.checks ? 'triaged' : 'complete';
      if (report && this.#watch && this.#isWell()) this.#watch = { wellBefore: true };
      if (report && !run.quiet) this.#log.info(`Ran ${runText(run)} in ${milliseconds(report.tookMs)}`);
    }
    // Also of a stopped run the report can be shown: it holds what was answered in time.
    this.#update();
    return wanted;
  }

  /** Looks for the causes of what is known now. */
  #diagnose(): void {
    clearTimeout(this.#diagnoseTimer);
    this.#diagnoseTimer = undefined;
    const kind = this.#located?.target.kind;
    if (kind === undefined || !this.#module || this.#answers.size === 0) return;
    const { result } = this.#module.causesOf(kind, [...this.#answers.values()].map(({ verdict }) => verdict), this.#observations());
    // The same is the same object, so that whoever shows it can tell.
    if (JSON.stringify(result) !== JSON.stringify(this.#diagnosis)) this.#diagnosis = result;
  }

  #waitsFor(run: Run, check: string): boolean {
    return this.#waiting.has(check) && this.#owners.get(check) === run;
  }

  #abort(runs: Iterable<Run>): void {
    for (const run of runs) run.controller.abort();
  }

  #update(): void {
    const target = this.#located;
    const shown = [...this.#runs].filter((run) => !run.quiet);
    const covered = new Set(shown.flatMap((run) => [...run.covers]));
    const triage = [...this.#runs].find((run) => run.symptom !== undefined);
    this.#state = {
      target: target && { id: target.id, name: target.target.name, kind: target.target.kind, logs: logsOf(target.target) },
      zone: this.#zone ?? target?.target.zone,
      checks: this.#checks,
      answers: new Map(this.#answers),
      running: new Set([...this.#waiting].filter((check) => !this.#owners.get(check)?.quiet)),
      runSize: covered.size,
      ended: this.#ended,
      symptom: target && this.#symptoms.get(target.id),
      found: this.#found,
      triage: triage && { done: [...triage.covers].filter((id) => !this.#waiting.has(id)).length, of: triage.covers.size },
      diagnosis: this.#diagnosis,
      watch: this.#watch,
    };
    // While something is looked at again quietly, what stood goes on standing.
    const quietly = this.#state.running.size === 0 && this.#waiting.size > 0;
    if (!quietly) this.#standing = standing(this.#state, this.#resting, Date.now());
    if (this.#waiting.size === 0) this.#resting = this.#standing;
    this.#changed.fire();
  }
}

function cancelled(check: CheckHead): Verdict {
  return {
    check: check.id,
    step: check.step,
    component: check.component,
    title: check.title,
    status: 'cancelled',
    summary: 'stopped by you',
    reasoning: 'The run was stopped before this check had its answers.',
    facts: [],
    observations: [],
  };
}

function runText({ scope, symptom }: Run): string {
  const parts = [symptom && `"${symptom.title}"`, scope.step, scope.component, scope.check].filter((part) => part !== undefined);
  return parts.length === 0 ? 'everything' : parts.join(' › ');
}

/** What runs in containers is named by them; else the target names the files. */
function logsOf(target: Target): readonly string[] {
  return target.kind === 'endpoints' ? Object.keys(target.logs ?? {}) : logSources;
}
