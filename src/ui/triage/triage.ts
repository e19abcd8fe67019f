/** Triage of a symptom: what is seen, what is missing, the run, and what it leads to. A file of its own in the package, loaded with the first triage. */
import { commands, window } from 'vscode';
import type { Place } from '../../caracal/places.ts';
import { symptoms } from '../../caracal/symptoms.ts';
import type { Detail, Symptom } from '../../caracal/symptoms.ts';
import { toldApart } from '../../flow/triage.ts';
import type { Zone } from '../../flow/zones.ts';
import type { LocatedTarget } from '../../targets/located.ts';
import type { Captured } from '../../trace/capture.ts';
import { isNamed } from '../../trace/named.ts';
import type { Recognised } from '../../trace/recognise.ts';
import { flowViewId } from '../commandIds.ts';
import type { Engine } from '../engineSlot.ts';
import { atHand } from '../trace/atHand.ts';
import type { TraceModule } from '../trace/requests.ts';
import { askRequest, askTime, askZone } from './boxes.ts';
import type { Given, Step } from './boxes.ts';
import { Conclusion } from './conclusion.ts';
import type { ConclusionParts } from './conclusion.ts';
import { pickPlace, pickWithoutPlace } from './placePicker.ts';
import { pickSymptom } from './symptomPicker.ts';
import type { HandyText } from './symptomPicker.ts';
import type { Answer } from './wizard.ts';

export interface TriageParts extends ConclusionParts {
  readonly engine: Engine;
  readonly loadTrace: () => Promise<TraceModule>;
  /** The id of what was traced last on a target; undefined where nothing was lately. */
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
      const asked = picked.kind === 'symptom' ? await details(picked.symptom, 1) : await this.#askPlace(picked.recognised, trace, details);
      if (asked !== 'back') return asked;
    }
  }

  /** A text that comes from one place alone needs no second list. */
  async #askPlace(recognised: Recognised | undefined, trace: TraceModule, details: (symptom: Symptom | undefined, steps: number) => Promise<Answer<Asked>>): Promise<Answer<Asked>> {
    const { session } = this.#parts;
    const { answers, checks } = session.state;
    const places = trace.likeliestFirst(recognised?.places ?? [], (check) => answers.get(check)?.verdict.status === 'fail');
    const symptomOf = (place: Place): Symptom | undefined => {
      const symptom = symptoms.find(({ id }) => id === place.symptom);
      return symptom && toldApart(symptom, places, (check) => checks.some(({ id }) => id === check));
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
      // A line that was given for the call may tell when it was.
      const answer = detail === 'time' && given.request?.at !== undefined ? {} : await boxes[detail]({ step: steps + place + 1, of: steps + missing.length });
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
    const conclusion = new Conclusion(this.#parts, symptom);
    const looking = session.onDidChange(() => conclusion.early());
    try {
      await window.withProgress({ location: { viewId: flowViewId } }, async () => {
        const tracing = call === undefined ? undefined : requests().find(call, stop.signal);
        if (!(await session.triage(symptom)) || session.target !== target) return;
        looking.dispose();
        await conclusion.atEnd(tracing);
      });
    } finally {
      looking.dispose();
      stop.abort();
    }
  }
}

function mapped<Value>(answer: Answer<Given<Value>>, detail: (value: Value | undefined) => Details): Answer<Details> {
  return answer === undefined || answer === 'back' ? answer : detail(answer.value);
}
