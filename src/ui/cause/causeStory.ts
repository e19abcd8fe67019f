/** What is told of a cause: from what was found to the texts of its panel. Pure. */
import { count } from '../../flow/words.ts';
import { isNamed } from '../../model/causeStanding.ts';
import type { Verdict } from '../../model/check.ts';
import type { Cause, Diagnosis, Evidence, Look } from '../../model/diagnosis.ts';
import type { RecoveryPlace, Remedy } from '../../model/remedy.ts';
import type { Status } from '../../model/status.ts';
import { isSure, reference, statusesText } from '../causes.ts';
import type { CheckHead } from '../flowState.ts';
import { clock } from '../words.ts';
import type { Candidate, CauseStory, EvidenceLine, NamedCheck, PathStep, RecordLink, RemedyCard, RemedyStatus } from './causeMessages.ts';

/** An observation, and the check whose record holds it. */
export interface Recorded {
  readonly check: string;
  /** The component that was asked. */
  readonly of: string;
  /** Local clock, ISO 8601. */
  readonly at: string;
}

export interface CauseStoryInput {
  /** As it was seen last. */
  readonly cause: Cause;
  /** What is known now; it may hold the cause no longer. */
  readonly diagnosis: Diagnosis;
  /** When the cause was seen last, local clock, milliseconds. */
  readonly seenAt: number;
  readonly numbers: ReadonlyMap<string, number>;
  readonly checks: readonly Pick<CheckHead, 'id' | 'component' | 'title'>[];
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** By the id of an observation. */
  readonly recorded: ReadonlyMap<string, Recorded>;
  /** Of each cause of the diagnosis and of the shown one, by id. */
  readonly remedies: ReadonlyMap<string, readonly Remedy[]>;
  /** What became of the remedies of the shown cause, by the id of the remedy. */
  readonly statuses: ReadonlyMap<string, RemedyStatus>;
  /** A remedy is being run. */
  readonly isBusy: boolean;
  readonly isTrusted: boolean;
  readonly timeZone: string;
}

export function causeStory(input: CauseStoryInput): CauseStory {
  return new Telling(input).all();
}

/**
 * The cause that something is about: its own id, or that of a row of the tree, of a check or of a cause. Without it,
 * the first one.
 */
export function causeAbout({ causes }: Diagnosis, from: string | undefined): Cause | undefined {
  if (from === undefined) return causes[0];
  // The last part of the id of a row is what the row is about; the first ones may be those of a path.
  return from
    .split('/')
    .reverse()
    .map((part) => causes.find(({ id }) => id === part) ?? causes.find(({ own }) => own.includes(part)) ?? causes.find(({ explains }) => explains.includes(part)))
    .find((cause) => cause !== undefined);
}

/** What is only likely or possible says so before anything else. */
function titleOf(cause: Cause): string {
  return isSure(cause) ? cause.title : `${capital(cause.standing)}: ${cause.title}`;
}

/** `start Redis` with a capital: what a button says. */
export function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The places of Caracal's order of recovery, in that order. */
const placeTitles: Readonly<Record<RecoveryPlace, string>> = { freeze: 'Freeze', stores: 'Stores', services: 'Services', backlogs: 'Backlogs', freshness: 'Freshness', canary: 'Canary' };
const placeOf = ({ place }: Pick<Remedy, 'place'>): number => Object.keys(placeTitles).indexOf(place);

class Telling {
  readonly #input: CauseStoryInput;
  readonly #heads: ReadonlyMap<string, CauseStoryInput['checks'][number]>;
  readonly #isGone: boolean;

  constructor(input: CauseStoryInput) {
    this.#input = input;
    this.#heads = new Map(input.checks.map((check) => [check.id, check]));
    this.#isGone = !input.diagnosis.causes.some(({ id }) => id === input.cause.id);
  }

  all(): CauseStory {
    const { cause, diagnosis, timeZone } = this.#input;
    const against = cause.against.map((look): EvidenceLine => ({ ...this.#line(look), seen: seenWords(look) }));
    return {
      cause: cause.id,
      title: titleOf(cause),
      tab: isSure(cause) ? `Cause: ${cause.title}` : titleOf(cause),
      mark: this.#isGone ? 'gone' : cause.standing === 'confirmed' ? 'sure' : 'unsure',
      sentence: [cause.sentence, ...this.#effect()].join(' '),
      notice: this.#notice(),
      candidates: this.#candidates(),
      unexplained: diagnosis.unexplained.map((check) => this.#named(check)),
      next: diagnosis.next && { check: diagnosis.next.check, words: this.#withSigns(diagnosis.next.words) },
      speaksFor: cause.for.map((evidence, index) => ({ ...this.#line(evidence), confirms: index === 0 && cause.standing === 'confirmed' })),
      speaksAgainst: { summary: againstSummary(cause.against), lines: against },
      path: cause.path.map((step) => this.#step(step)),
      places: Object.values(placeTitles),
      remedies: (this.#input.remedies.get(cause.id) ?? []).map((remedy) => this.#card(remedy)),
      timeZone,
    };
  }

  /** How much of what is wrong it explains, and how it hangs together with other causes. */
  #effect(): readonly string[] {
    const { cause, diagnosis } = this.#input;
    if (this.#isGone) return [];
    const failures = this.#reach(cause).filter((check) => this.#status(check) === 'fail').length;
    const left = diagnosis.causes.filter(({ leftBehindBy }) => leftBehindBy === cause.id);
    const by = diagnosis.causes.find(({ id }) => id === cause.leftBehindBy);
    return [
      ...(failures > 0 ? [`It ${explains(cause)} ${diagnosis.failures.all === 1 ? 'the only failure' : `${failures} of ${count(diagnosis.failures.all, 'failure')}`}.`] : []),
      ...(left.length > 0 ? [`What it left behind: ${left.map((one) => this.#signed(one)).join(', ')}.`] : []),
      ...(by ? [`It is what ${this.#signed(by)} left behind.`] : []),
    ];
  }

  #notice(): string {
    const { cause, seenAt } = this.#input;
    if (this.#isGone) return `This cause is no longer seen. What follows is how it stood at ${clock(seenAt)}.`;
    if (cause.standing === 'past') return 'What brought it about is over, and its mark remains.';
    if (cause.unconfirmed) return `Not confirmed: what would tell is ${this.#name(cause.unconfirmed.check)} (${cause.unconfirmed.why}).`;
    return '';
  }

  #candidates(): readonly Candidate[] {
    const { cause, diagnosis } = this.#input;
    const isShown = (id: string): boolean => id === cause.id;
    return [
      ...diagnosis.causes.map((one): Candidate => ({
        sign: this.#sign(one.id), title: one.title, standing: one.standing, reason: this.#reason(one), cause: isShown(one.id) ? null : one.id, isShown: isShown(one.id), link: null,
      })),
      ...diagnosis.ruledOut.map(({ id, title, why }): Candidate => ({
        sign: '', title, standing: 'ruled out', reason: why.words, cause: null, isShown: isShown(id), link: this.#link(why),
      })),
      ...diagnosis.notCauses.map(({ words, why, check }): Candidate => ({
        sign: '', title: words, standing: 'not a cause', reason: why, cause: null, isShown: false, link: check === null ? null : this.#linkOfCheck(check),
      })),
    ];
  }

  #reason(cause: Cause): string {
    const verdict = this.#input.verdicts.get(cause.own[0] ?? '');
    if (cause.leftBehindBy !== null) {
      const by = this.#input.diagnosis.causes.find(({ id }) => id === cause.leftBehindBy);
      return `left behind by ${by === undefined ? 'what is over' : this.#sign(by.id) || by.title}${verdict === undefined ? '' : `: ${verdict.summary}`}`;
    }
    const reach = statusesText(this.#reach(cause).map((check) => this.#status(check)));
    return reach === '' ? (verdict?.summary ?? '') : `${explains(cause)} ${reach}`;
  }

  #reach({ own, explains }: Cause): readonly string[] {
    return [...own, ...explains];
  }

  #status(check: string): Status | undefined {
    return this.#input.verdicts.get(check)?.status;
  }

  #line(evidence: Evidence): EvidenceLine {
    return { words: evidence.words, since: sinceText(evidence, this.#input.seenAt), seen: 'seen', confirms: false, link: this.#link(evidence) };
  }

  /** The end of a path is a verdict: its check stands for itself, and what it answered below it. */
  #step(evidence: Evidence): PathStep {
    const name = evidence.check === null ? '' : this.#name(evidence.check);
    const isVerdict = name !== '' && evidence.words.startsWith(`${name}: `);
    return { title: isVerdict ? name : evidence.words, words: isVerdict ? evidence.words.slice(name.length + 2) : '', since: sinceText(evidence, this.#input.seenAt), link: this.#link(evidence) };
  }

  #link({ check, observations }: Pick<Evidence, 'check' | 'observations'>): RecordLink | null {
    const found = observations.map((id) => this.#input.recorded.get(id)).find((each) => each !== undefined);
    if (found === undefined) return check === null ? null : this.#linkOfCheck(check);
    // What a line of a log says stands in the record of whatever check it was read for.
    return { check: check ?? found.check, label: `${found.of}, ${clock(Date.parse(found.at))}`, hint: `${found.at}, by the clock of this machine` };
  }

  #linkOfCheck(check: string): RecordLink | null {
    const first = this.#input.verdicts.get(check)?.observations[0];
    const found = first === undefined ? undefined : this.#input.recorded.get(first);
    if (found !== undefined) return { check, label: `${found.of}, ${clock(Date.parse(found.at))}`, hint: `${found.at}, by the clock of this machine` };
    return this.#heads.has(check) ? { check, label: this.#heads.get(check)?.component ?? check, hint: this.#name(check) } : null;
  }

  #card(remedy: Remedy): RemedyCard {
    const { statuses, isBusy, isTrusted } = this.#input;
    const first = this.#isGone ? null : this.#first(remedy);
    return {
      id: remedy.id,
      title: remedy.title,
      place: placeOf(remedy),
      button: remedy.call === null || first !== null || this.#isGone ? null : `${capital(remedy.title)}…`,
      hindrance: !isTrusted ? 'untrusted' : isBusy ? 'busy' : '',
      first,
      commands: remedy.commands,
      advice: remedy.advice,
      dryRun: remedy.dryRun,
      changes: remedy.changes,
      risk: remedy.risk,
      provedBy: remedy.provedBy.map((check) => this.#named(check)),
      proofRuns: this.#isGone || remedy.provedBy.length === 0 ? 'no' : remedy.call === null ? 'when asked' : 'by themselves',
      stillOpen: remedy.stillOpen,
      status: statuses.get(remedy.id) ?? null,
    };
  }

  /** What is repaired before this, in the order of recovery: a remedy of another cause that is named and that something fails by. */
  #first(of: Remedy): RemedyCard['first'] {
    const { diagnosis, remedies } = this.#input;
    const earlier = diagnosis.causes
      .filter((one) => one.id !== of.cause && isNamed(one) && one.standing !== 'past' && this.#reach(one).some((check) => this.#status(check) === 'fail'))
      .flatMap((one) => (remedies.get(one.id) ?? []).map((remedy) => ({ one, remedy, at: placeOf(remedy) })))
      .filter(({ at }) => at < placeOf(of))
      .toSorted((before, after) => before.at - after.at)[0];
    // Nobody changes a deployment for what may be something else.
    if (earlier === undefined && !isNamed(this.#input.cause)) return { words: 'first: find out whether it is this one', cause: null };
    return earlier === undefined ? null : { words: `first: ${[this.#sign(earlier.one.id), earlier.remedy.title].filter(Boolean).join(' ')}`, cause: earlier.one.id };
  }

  #sign(cause: string): string {
    return reference(this.#input.numbers.get(cause));
  }

  #signed({ id, title }: Cause): string {
    return [this.#sign(id), title].filter(Boolean).join(' ');
  }

  /** Titles of causes get their signs, so that they can be found in the ranking. */
  #withSigns(words: string): string {
    return this.#input.diagnosis.causes.reduce((text, cause) => text.replace(cause.title, this.#signed(cause)), words);
  }

  #named(check: string): NamedCheck {
    return { check, name: this.#name(check) };
  }

  #name(check: string): string {
    const head = this.#heads.get(check);
    return head ? `${head.component} › ${head.title}` : check;
  }
}

function explains(cause: Cause): string {
  return isNamed(cause) ? 'explains' : 'would explain';
}

function seenWords({ seen }: Look): EvidenceLine['seen'] {
  if (seen === null) return 'cannot look';
  return seen ? 'seen' : 'not seen';
}

function againstSummary(against: readonly Look[]): string {
  const looked = against.filter(({ seen }) => seen !== null);
  const dark = against.length - looked.length;
  if (against.length === 0) return '';
  const seen = looked.length === 0 ? '' : `${looked.filter((look) => look.seen).length} of ${looked.length} seen`;
  return [seen, dark === 0 ? '' : `${dark} cannot be looked at`].filter(Boolean).join(', ');
}

/** With the day where it is another one. */
function sinceText({ at }: Evidence, now: number): string {
  if (at === null) return '';
  const then = new Date(at);
  const day = then.toDateString() === new Date(now).toDateString() ? '' : `${then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, `;
  return `since ${day}${clock(then.getTime())}`;
}
