/** Triage of a symptom: what is seen, what is missing, the run, and what it leads to. A file of its own in the package, loaded with the first triage. */
import { ViewColumn, commands, window } from 'vscode';
import type { Place } from '../../caracal/places.ts';
import { symptoms } from '../../caracal/symptoms.ts';
import type { Detail, Symptom } from '../../caracal/symptoms.ts';
import { causeOf, deciding, firstRed, firstSettledFailure, settledCause, toldApart } from '../../flow/triage.ts';
import type { Zone } from '../../flow/zones.ts';
import type { Cause } from '../../model/diagnosis.ts';
import type { LocatedTarget } from '../../targets/located.ts';
import type { Captured } from '../../trace/capture.ts';
import { isNamed } from '../../trace/named.ts';
import type { Recognised } from '../../trace/recognise.ts';
import type { CheckPages } from '../checkPages.ts';
import { flowViewId } from '../commandIds.ts';
import type { Engine } from '../engineSlot.ts';
import type { FlowSession } from '../flowSession.ts';
import type { FlowView } from '../flowView.ts';
import { atHand } from '../trace/atHand.ts';
import type { FoundCall, Requests, TraceModule } from '../trace/requests.ts';
import { askRequest, askTime, askZone } from './boxes.ts';
import type { Given, Step } from './boxes.ts';
import { pickPlace, pickWithoutPlace } from './placePicker.ts';
import { pickSymptom } from './symptomPicker.ts';
import type { HandyText } from './symptomPicker.ts';
import type { Answer } from './wizard.ts';

export interface TriageParts {
  readonly engine: Engine;
  readonly session: FlowSession;
  readonly view: FlowView;
  readonly pages: CheckPages;
  readonly loadTrace: () => Promise<TraceModule>;
  readonly requests: () => Pick<Requests, 'find' | 'open'>;
  /** The id of what was traced last on a target; undefined where nothing was. */
  readonly lastTraced: (target: string) => string | undefined;
  /** The record of a log that the caret is on; undefined where it is on none. */
  readonly recordAtCaret: () => Promise<string | undefined>;
  /** Looks at another zone from now on. */
  readonly useZone: (target: LocatedTarget, zone: string | undefined) => Promise<void>;
}

/** What a triage is about. */
interface Asked {
  /** Its checks in the order that tells the places apart; undefined to look at the call alone. */
  readonly symptom: Symptom | undefined;
  /** The call, as far as it is known; undefined where no call is meant. */
  readonly call: Captured | undefined;
}

/** What the boxes were answered with. */
interface Details {
  readonly request?: Captured | undefined;
  readonly zone?: string | undefined;
  readonly time?: number | undefined;
}

interface Missing {
  readonly target: LocatedTarget;
  readonly trace: TraceModule;
  readonly symptom: Symptom | undefined;
  /** The call, as far as a text has told of it. */
  readonly call: Captured | undefined;
  readonly proposedId: string | undefined;
  /** Questions before these. */
  readonly steps: number;
}

/** Of a deployment whose Postgres hangs the zones are not waited for. */
const zonesWithinMs = 1_500;

/** The panel of a cause. */
const showCause = 'caracal.showCause';

export class Triage {
  readonly #parts: TriageParts;
  /** What was asked last, by the id of the target. */
  readonly #asked = new Map<string, Asked>();

  constructor(parts: TriageParts) {
    this.#parts = parts;
  }

  /** Asks what the user sees of a target, and looks into it. */
  async start(target: LocatedTarget): Promise<void> {
    const { session } = this.#parts;
    await session.loadChecks();
    const asked = await this.#ask(target, await this.#parts.loadTrace());
    // The questions may have been open while another target was picked.
    if (asked === undefined || session.target !== target) return;
    if (asked === 'none') {
      session.setSymptom(undefined);
      return;
    }
    this.#asked.set(target.id, asked);
    await this.#look(target, asked);
  }

  /** Looks into the symptom that was picked last again. */
  async again(target: LocatedTarget, symptom: Symptom): Promise<void> {
    await this.#look(target, { call: this.#asked.get(target.id)?.call, symptom });
  }

  async #ask(target: LocatedTarget, trace: TraceModule): Promise<Asked | 'none' | undefined> {
    const { session, engine, recordAtCaret } = this.#parts;
    const record = await recordAtCaret();
    const { selected, line, caret, clipboard } = await atHand(() => Promise.resolve(record));
    const texts: readonly (readonly [string, string])[] = [['selection', selected], ['log line', record ?? ''], ['clipboard', clipboard]];
    const handy = texts.flatMap(([where, text]): HandyText[] => {
      const recognised = trace.recognise(text);
      // An id alone says nothing of what is wrong.
      return recognised === undefined || (recognised.places.length === 0 && recognised.captured?.mandate === undefined) ? [] : [{ where, recognised }];
    })[0];
    const proposed = trace.proposalFrom({ selected, line, caret, clipboard }, engine.redactor);
    const proposedCall = proposed && trace.capture(proposed.text);
    const proposedId = proposedCall?.kind === 'captured' ? proposedCall.captured.requestId : undefined;
    let call: Captured | undefined;
    for (;;) {
      const picked = await pickSymptom({ current: session.state.symptom, handy, recognise: (text) => trace.recognise(text), redactor: engine.redactor });
      if (picked === undefined) return undefined;
      if (picked.kind === 'none') return 'none';
      const details = (symptom: Symptom | undefined, steps: number): Promise<Answer<Asked>> => this.#askDetails({ target, trace, symptom, call, proposedId, steps });
      if (picked.kind === 'text') call = picked.recognised?.captured;
      const asked = picked.kind === 'symptom' ? await details(toldApart(picked.symptom, [], this.#has), 1) : await this.#askPlace(picked.recognised, trace, details);
      if (asked !== 'back') return asked;
    }
  }

  readonly #has = (check: string): boolean => this.#parts.session.state.checks.some(({ id }) => id === check);

  /** A text that comes from one place alone needs no second list. */
  async #askPlace(recognised: Recognised | undefined, trace: TraceModule, details: (symptom: Symptom | undefined, steps: number) => Promise<Answer<Asked>>): Promise<Answer<Asked>> {
    const { session } = this.#parts;
    const { answers, checks } = session.state;
    const places = trace.likeliestFirst(recognised?.places ?? [], (check) => answers.get(check)?.verdict.status === 'fail');
    const symptomOf = (place: Place): Symptom | undefined => {
      const symptom = symptoms.find(({ id }) => id === place.symptom);
      return symptom && toldApart(symptom, places, this.#has);
    };
    const [only, ...others] = places;
    if (only !== undefined && others.length === 0) return details(symptomOf(only), 1);
    for (;;) {
      const picked = recognised === undefined || places.length === 0 ? await pickWithoutPlace(recognised) : await pickPlace(recognised, places, checks);
      if (picked === undefined || picked === 'back') return picked;
      if (picked.kind === 'symptom') return 'back';
      const asked = await details(picked.kind === 'place' ? symptomOf(picked.place) : undefined, 2);
      if (asked !== 'back') return asked;
    }
  }

  /** Asks for what is missing of the call, a box each. */
  async #askDetails({ target, trace, symptom, call, proposedId, steps }: Missing): Promise<Answer<Asked>> {
    const { session, engine, lastTraced, useZone } = this.#parts;
    const asks: readonly Detail[] = symptom?.asks ?? ['request', 'zone', 'time'];
    const isKnown = call !== undefined && isNamed(call);
    const zones = asks.includes('zone') && session.state.zone === undefined && call?.zoneId === undefined ? await this.#zones(target) : [];
    const missing = asks.filter((detail) => ({ request: !isKnown, zone: zones.length > 1, time: call?.at === undefined })[detail]);
    const boxes: Readonly<Record<Detail, (step: Step) => Promise<Answer<Details>>>> = {
      request: async (step) => mapped(await askRequest(step, proposedId ?? lastTraced(target.id) ?? '', trace.capture, engine.redactor), (request) => ({ request })),
      zone: async (step) => mapped(await askZone(step, zones), (zone) => ({ zone })),
      time: async (step) => mapped(await askTime(step), (time) => ({ time })),
    };
    let given: Details = {};
    for (let place = 0; ;) {
      const detail = missing[place];
      if (detail === undefined) break;
      const answer = await boxes[detail]({ step: steps + place + 1, of: steps + missing.length });
      if (answer === undefined || (answer === 'back' && place === 0)) return answer;
      if (answer !== 'back') given = { ...given, ...answer };
      place += answer === 'back' ? -1 : 1;
    }
    if (session.target !== target) return undefined;
    if (given.zone !== undefined) await useZone(target, given.zone);
    // What a text names is looked at now, and not remembered.
    else if (session.state.zone === undefined && call?.zoneId !== undefined) session.useZone(call.zoneId);
    if (!isKnown && !asks.includes('request')) return { symptom, call: undefined };
    const { request } = given;
    return { symptom, call: { what: 'a call', ...call, ...request, answer: call?.answer ?? request?.answer, at: call?.at ?? request?.at ?? given.time } };
  }

  /** Those that the user can choose from; none where they cannot be read in time. */
  async #zones(target: LocatedTarget): Promise<readonly Zone[]> {
    const { engine } = this.#parts;
    try {
      const { listZones } = await engine.load();
      return await listZones(target, engine.redactor, AbortSignal.timeout(zonesWithinMs));
    } catch {
      // Its checks will say why; without a list nobody needs to choose.
      return [];
    }
  }

  /** Runs what tells the reasons of a symptom apart, and shows what it leads to. */
  async #look(target: LocatedTarget, { symptom, call }: Asked): Promise<void> {
    const { session, requests } = this.#parts;
    if (symptom === undefined) {
      await requests().open(call ?? { what: 'a call' });
      return;
    }
    // The view has the progress, and its keys stop the run.
    await commands.executeCommand(`${flowViewId}.focus`);
    const stop = new AbortController();
    const shown = new Shown(this.#parts);
    const looking = session.onDidChange(() => shown.early(symptom));
    try {
      await window.withProgress({ location: { viewId: flowViewId } }, async () => {
        const tracing = call === undefined ? undefined : requests().find(call, stop.signal);
        if (!(await session.triage(symptom)) || session.target !== target) return;
        looking.dispose();
        await shown.atEnd(symptom, tracing);
      });
    } finally {
      looking.dispose();
      stop.abort();
    }
  }
}

/** What a triage leads to, once it can be told. */
class Shown {
  readonly #parts: TriageParts;
  /** The cause that is open. */
  #cause: string | undefined;
  #opening: Promise<void> | undefined;

  constructor(parts: TriageParts) {
    this.#parts = parts;
  }

  /** Opens the cause of a failure that nothing can come before, while slower checks go on. */
  early({ checks }: Symptom): void {
    const { answers, checks: all, diagnosis, running, triage } = this.#parts.session.state;
    if (this.#cause !== undefined || triage === undefined) return;
    const order = checks.length === 0 ? all.map(({ id }) => id) : checks;
    const failure = firstSettledFailure(order, (id) => (running.has(id) ? undefined : answers.get(id)?.verdict));
    const cause = failure && diagnosis && settledCause(diagnosis, failure);
    if (cause === undefined) return;
    this.#opening = this.#open(cause);
    // Whether it could be opened is told at the end; until then nobody waits for it.
    this.#opening.catch(() => undefined);
  }

  /** Opens the cause; without one the call, where it tells why it was refused; without that the row to go on from. */
  async atEnd(symptom: Symptom, tracing: Promise<FoundCall | undefined> | undefined): Promise<void> {
    const { session, view, requests } = this.#parts;
    await this.#opening;
    const { diagnosis } = session.state;
    const cause = diagnosis && causeOf(diagnosis, symptom.checks);
    if (cause !== undefined) {
      if (cause.id !== this.#cause) await this.#open(cause);
      return;
    }
    const call = await tracing;
    if (call !== undefined && refusedMarks.includes(call.traced.story.mark)) {
      session.tell(`${call.traced.story.sentence.split(': ')[0]?.replace(/\.$/, '') ?? ''}.`);
      // The panel goes on looking for events that are still on their way.
      if (view.visible) void requests().open(call.captured, ViewColumn.Beside);
      return;
    }
    await this.#goOn(symptom);
  }

  async #open({ id }: Cause): Promise<void> {
    this.#cause = id;
    // Who has turned to something else is not called back.
    if (this.#parts.view.visible) await commands.executeCommand(showCause, id);
  }

  /** Reveals the check that would tell more, or else what is red. */
  async #goOn({ checks }: Symptom): Promise<void> {
    const { session, view, pages } = this.#parts;
    const { target, answers, checks: all } = session.state;
    const red = firstRed(deciding(checks.length === 0 ? all.map(({ id }) => id) : checks, (id) => answers.get(id)?.verdict));
    const check = red && all.find(({ id }) => id === red.first.check);
    if (check === undefined || target === undefined || !view.visible || (await view.revealRow(`${target.id}/fix/next`))) return;
    await view.reveal(check.id);
    await pages.show(check);
  }
}

/** What a call that did not go as asked is marked by. */
const refusedMarks: readonly string[] = ['failed', 'warning', 'waiting'];

function mapped<Value>(answer: Answer<Given<Value>>, detail: (value: Value | undefined) => Details): Answer<Details> {
  return answer === undefined || answer === 'back' ? answer : detail(answer.value);
}
