/** What the run for a symptom leads to. */
import { ViewColumn, commands } from 'vscode';
import { symptoms } from '../../caracal/symptoms.ts';
import type { Symptom } from '../../caracal/symptoms.ts';
import { causesBehind, deciding, firstRed, firstSettledFailure, settledCause } from '../../flow/triage.ts';
import type { Cause } from '../../model/diagnosis.ts';
import type { CheckPages } from '../checkPages.ts';
import { flowViewId } from '../commandIds.ts';
import type { FlowSession } from '../flowSession.ts';
import type { FlowView } from '../flowView.ts';
import type { FoundCall, Requests } from '../trace/requests.ts';

export interface ConclusionParts {
  readonly session: FlowSession;
  readonly view: FlowView;
  readonly pages: CheckPages;
  readonly requests: () => Pick<Requests, 'find' | 'open'>;
}

/** The panel of a cause. */
const showCause = 'caracal.showCause';

/** What a call that did not go as asked is marked by. */
const refusedMarks: readonly string[] = ['failed', 'warning', 'waiting'];

export class Conclusion {
  readonly #parts: ConclusionParts;
  readonly #symptom: Symptom;
  /** The cause that was opened. */
  #cause: string | undefined;
  #opening: Promise<void> | undefined;

  constructor(parts: ConclusionParts, symptom: Symptom) {
    this.#parts = parts;
    this.#symptom = symptom;
  }

  /** Opens the cause of a failure that nothing can come before, while slower checks go on. */
  early(): void {
    const { answers, diagnosis, running, triage } = this.#parts.session.state;
    if (this.#cause !== undefined || triage === undefined) return;
    const failure = firstSettledFailure(this.#order, (id) => (running.has(id) ? undefined : answers.get(id)?.verdict));
    const cause = failure && diagnosis && settledCause(diagnosis, failure);
    if (cause === undefined) return;
    this.#opening = this.#openBeside(cause);
    // Whether it could be opened is told at the end; until then nobody waits for it.
    this.#opening.catch(() => undefined);
  }

  /** Opens the cause; without one the call, where it tells why it was refused; without that the row to go on from. */
  async atEnd(tracing: Promise<FoundCall | undefined> | undefined): Promise<void> {
    const { session, view, requests } = this.#parts;
    await this.#opening;
    const { answers, diagnosis } = session.state;
    const [cause] = diagnosis ? causesBehind(diagnosis, this.#symptom.checks, (check) => answers.get(check)?.verdict.status === 'fail') : [];
    if (cause !== undefined) {
      if (cause.id !== this.#cause) await this.#open(cause);
      return;
    }
    const call = await tracing;
    if (call !== undefined && refusedMarks.includes(call.traced.story.mark)) {
      session.tell(beginningOf(call.traced.story.sentence));
      // The panel goes on looking for events that are still on their way.
      if (view.visible) void requests().open(call.captured, ViewColumn.Beside);
      return;
    }
    await this.#goOn();
  }

  /** In which a failure comes before another one. What shares a store is told apart by that first. */
  get #order(): readonly string[] {
    const { checks } = this.#symptom;
    if (checks.length > 0) return checks;
    const outside = symptoms.find(({ id }) => id === 'not-ready')?.checks ?? [];
    return [...outside, ...this.#parts.session.state.checks.map(({ id }) => id)];
  }

  async #open({ id }: Cause): Promise<void> {
    this.#cause = id;
    // Who has turned to something else is not called back.
    if (this.#parts.view.visible) await commands.executeCommand(showCause, id);
  }

  /** The view keeps the keys: they stop the run that goes on. */
  async #openBeside(cause: Cause): Promise<void> {
    await this.#open(cause);
    if (this.#parts.view.visible) await commands.executeCommand(`${flowViewId}.focus`);
  }

  /** Reveals the check that would tell more, or else what is red. */
  async #goOn(): Promise<void> {
    const { session, view, pages } = this.#parts;
    const { target, answers, checks } = session.state;
    const red = firstRed(deciding(this.#order, (id) => answers.get(id)?.verdict));
    const check = red && checks.find(({ id }) => id === red.first.check);
    if (check === undefined || target === undefined || !view.visible || (await view.revealRow(`${target.id}/fix/next`))) return;
    await view.reveal(check.id);
    await pages.show(check);
  }
}

/** `Policy denied this call.`: the line above the tree has no room for why, and the panel tells it. */
function beginningOf(sentence: string): string {
  return `${sentence.split(': ', 1)[0]?.replace(/\.$/, '') ?? ''}.`;
}
