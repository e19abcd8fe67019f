/** Runs remedies that the user agreed to, and looks what they did. Knows nothing of the editor. */
import type { Cause } from '../../model/diagnosis.ts';
import type { Remedy, RemedyRun } from '../../model/remedy.ts';
import type { LocatedTarget } from '../../targets/located.ts';
import type { Engine } from '../engineSlot.ts';
import type { FlowSession, SessionLog } from '../flowSession.ts';
import { Emitter } from '../lifecycle.ts';
import { problemText } from '../problem.ts';
import { clock } from '../words.ts';
import type { RemedyStatus } from './causeMessages.ts';
import { checksAfter, confirmationOf, effectOf } from './remedyEffect.ts';
import type { Confirmation, Verdicts } from './remedyEffect.ts';
import type { RemedyModule } from './remedyModule.ts';

export interface RemedyRunsParts {
  readonly session: Pick<FlowSession, 'target' | 'state' | 'addRemedy'>;
  readonly engine: Pick<Engine, 'redactor'>;
  readonly remedies: Pick<RemedyModule, 'remediesOf' | 'callsOf' | 'runRemedy'>;
  readonly log: SessionLog;
  /** Whether the user agrees. */
  readonly confirm: (confirmation: Confirmation) => Promise<boolean>;
  readonly isTrusted: () => boolean;
  /** Runs checks, and resolves when they have answered. */
  readonly runChecks: (checks: readonly string[]) => Promise<void>;
  /** Waits so many milliseconds. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A container or a pod is given so long to come back before it is said that nothing helped. */
const provenWithinMs = 60_000;
/** Services find a store again some seconds after it is back: until then what is gone says little. */
const settledAfterMs = 20_000;
/** Caracal's services count how often they are asked whether they are ready. */
const lookEveryMs = 5_000;

const marks = { worked: 'passed', 'helped in part': 'warning', 'did not help': 'failed', 'cannot tell': 'unknown' } as const;

export class RemedyRuns {
  readonly #parts: RemedyRunsParts;
  readonly #changed = new Emitter<void>();
  readonly #statuses = new Map<string, RemedyStatus>();
  readonly #stop = new AbortController();
  #isBusy = false;

  constructor(parts: RemedyRunsParts) {
    this.#parts = parts;
  }

  /** Fires after every change of a status. */
  readonly onDidChange = this.#changed.event;

  /** A remedy is being run, or what it did is being looked at. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  status(target: string, cause: string, remedy: string): RemedyStatus | undefined {
    return this.#statuses.get(keyOf(target, cause, remedy));
  }

  /**
   * Asks the user, and with their consent sends the calls of a remedy and looks what it did.
   *
   * @returns How it ended, in a sentence; undefined where the user did not agree, and nothing was done.
   * @throws Error when it may not be run, or when what the user agreed to is no longer so.
   */
  async run(cause: Cause, remedy: Remedy): Promise<string | undefined> {
    const { session, engine, remedies, confirm, isTrusted } = this.#parts;
    const { target } = session;
    if (target === undefined || remedy.call === null || this.#isBusy) return undefined;
    if (!isTrusted()) throw new Error('Cannot run a remedy: this workspace is not trusted. Trust this workspace to run remedies.');
    const shown = remedies.callsOf(remedy, target.target);
    this.#isBusy = true;
    try {
      if (!(await confirm(engine.redactor.json(confirmationOf(remedy, target.target.name, shown))))) return undefined;
      // The question may have been open while the deployment, or what is looked at, became another one.
      if (session.target !== target || session.state.diagnosis?.causes.some(({ id }) => id === cause.id) !== true) {
        throw new Error(`Nothing was changed: ${cause.title} is no longer what is seen. Look at the cause again.`);
      }
      return await this.#runNow(remedies, target, cause, remedy);
    } finally {
      this.#isBusy = false;
      this.#changed.fire();
    }
  }

  dispose(): void {
    this.#stop.abort();
    this.#changed.dispose();
  }

  async #runNow(remedies: RemedyRunsParts['remedies'], target: LocatedTarget, cause: Cause, remedy: Remedy): Promise<string> {
    const { session, engine, log } = this.#parts;
    const before = this.#verdicts();
    const started = `Started at ${clock(Date.now())}.`;
    const tell = (status: Omit<RemedyStatus, 'text'>, words: string): string => {
      this.#statuses.set(keyOf(target.id, cause.id, remedy.id), engine.redactor.json({ ...status, text: `${started} ${words}` }));
      this.#changed.fire();
      return words;
    };
    const failed = (words: string, error: unknown): string => {
      log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
      return tell({ mark: 'failed', changes: [] }, words);
    };
    tell({ mark: 'waiting', changes: [] }, 'Waiting for the answer…');
    let run: RemedyRun;
    try {
      run = engine.redactor.json(await remedies.runRemedy({ target, remedy, redactor: engine.redactor, signal: this.#stop.signal }));
    } catch (error) {
      return failed(problemText(error), error);
    }
    session.addRemedy(target.id, run);
    const { outcome, asked } = run;
    log.info(`Remedy ${remedy.id} of ${cause.id}: ${run.calls.join(', ')}: ${outcome.kind}`);
    const isOpen = outcome.kind === 'refused' && outcome.code === 'ETIMEDOUT';
    if (outcome.kind === 'refused' && !isOpen) return tell({ mark: 'failed', changes: [] }, refusalText(asked, outcome));
    // What was not answered in time may have taken effect.
    tell({ mark: 'waiting', changes: [] }, isOpen ? `${asked}: ${outcome.message}. Checking…` : 'Checking…');
    try {
      return await this.#look(target, cause, remedy, before, (words, mark, changes) => tell({ mark, changes }, words));
    } catch (error) {
      return failed(`It was done, and what it did could not be looked at: ${problemText(error)}`, error);
    }
  }

  /** Looks until all is well again, or until a look tells nothing new once it is proven, or until it takes too long. */
  async #look(target: LocatedTarget, cause: Cause, remedy: Remedy, before: Verdicts, tell: (words: string, mark: RemedyStatus['mark'], changes: RemedyStatus['changes']) => string): Promise<string> {
    const { session, runChecks, pause } = this.#parts;
    const from = Date.now();
    for (let last = ''; ; ) {
      await runChecks(checksAfter(remedy, cause));
      if (session.target !== target) return tell('What it did is not known: another target was picked.', 'unknown', []);
      const after = this.#verdicts();
      const { kind, sentence, changes, isWhole } = effectOf(remedy, cause, before, after);
      const passed = Date.now() - from;
      const isSettled = kind === 'worked' && sentence === last && passed >= settledAfterMs;
      const wasStopped = remedy.provedBy.some((check) => after.get(check)?.status === 'cancelled');
      if (isWhole || isSettled || wasStopped || passed + lookEveryMs > provenWithinMs) return tell(sentence, marks[kind], changes);
      last = sentence;
      tell('Checking…', 'waiting', changes);
      await pause(lookEveryMs, this.#stop.signal);
    }
  }

  #verdicts(): Verdicts {
    const { checks, answers } = this.#parts.session.state;
    return new Map(checks.flatMap(({ id }) => [answers.get(id)?.verdict ?? []].flat().map((verdict) => [id, verdict] as const)));
  }
}

/** Why a remedy was not carried out, in the words of whoever says so. */
function refusalText(asked: string, { code, message }: { readonly code: string; readonly message: string }): string {
  // These are our own codes: nobody was asked.
  if (code === 'unavailable' || code === 'stopped') return `It was not carried out: ${message}`;
  return `${asked} refused it: ${code} ${message}`;
}

function keyOf(target: string, cause: string, remedy: string): string {
  return JSON.stringify([target, cause, remedy]);
}
