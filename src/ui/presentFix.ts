/** The Fix step as rows: causes with what speaks for and against them, what is not one, and what is left. Pure. */
import { isNamed } from '../model/causeStanding.ts';
import type { Cause, Evidence, Look } from '../model/diagnosis.ts';
import { count } from '../flow/words.ts';
import { coveredBy, decorationOf, explainedText, namedCauses, numberOf, reachText, reference } from './causes.ts';
import { bare, said } from './flowNode.ts';
import type { FlowNode } from './flowNode.ts';
import { settledState } from './flowState.ts';
import type { FlowState } from './flowState.ts';
import { muted, stateIcons } from './words.ts';
import type { Icon } from './words.ts';

/** The rows of the step, itself first. */
export function fixNodes(state: FlowState, id: string): readonly [FlowNode, ...FlowNode[]] {
  return new FixPresenter(state).all(id);
}

class FixPresenter {
  readonly #state: FlowState;
  readonly #nodes: FlowNode[] = [];

  constructor(state: FlowState) {
    this.#state = state;
  }

  all(id: string): readonly [FlowNode, ...FlowNode[]] {
    const { diagnosis } = this.#state;
    const description = fixText(this.#state);
    const causes = diagnosis?.causes ?? [];
    const next = this.#next(id);
    const rows = causes.map((cause) => this.#cause(id, cause));
    const root: FlowNode = {
      ...bare(id, 'fix', undefined),
      children: [...(causes.some(isNamed) ? [...rows, ...next] : [...next, ...rows]), ...this.#rest(id)],
      label: 'Fix',
      description,
      icon: { id: 'lightbulb', color: undefined },
      accessibilityLabel: said('Fix', description),
      opens: causes.length === 0 ? 'nothing' : 'cause',
      cause: causes[0]?.id,
    };
    return [root, ...this.#nodes];
  }

  #add(node: FlowNode): string {
    this.#nodes.push(node);
    return node.id;
  }

  /** The check that would tell apart what is only possible. */
  #next(parent: string): readonly string[] {
    const { diagnosis, causeNumbers, running, answers } = this.#state;
    const next = diagnosis?.next;
    if (!next?.between.every((cause) => causeNumbers.has(cause))) return [];
    const isRunning = running.has(next.check);
    const label = `Next: ${this.#name(next.check)}`;
    const description = tellsText(next.between.map((cause) => reference(numberOf(cause, this.#state))));
    return [this.#add({
      ...bare(`${parent}/next`, 'next', parent),
      label,
      description,
      icon: isRunning ? stateIcons.running : { id: 'arrow-right', color: muted },
      contextValue: isRunning ? 'next running' : 'next',
      accessibilityLabel: said(label, isRunning ? 'running' : undefined, description),
      opens: answers.has(next.check) ? 'observations' : 'run',
      scope: { check: next.check },
      check: next.check,
    })];
  }

  #cause(parent: string, cause: Cause): string {
    const id = `${parent}/${cause.id}`;
    const number = numberOf(cause.id, this.#state);
    const covered = coveredBy(cause, this.#state);
    const [worst] = reachText(covered, this.#state).split(', ');
    const { words, explains } = this.#standing(cause);
    const decoration = decorationOf({ cause: cause.id, title: cause.title, number, isOwn: true, isBlocked: false });
    return this.#add({
      ...bare(id, 'cause', parent),
      children: [
        this.#explains(id, covered),
        ...(cause.for.length === 0 ? [] : [this.#group(id, 'for', 'Speaks for it', String(cause.for.length), (group) => cause.for.map((evidence, index) => this.#evidence(group, index, evidence)))]),
        ...(cause.unconfirmed === null ? [] : [this.#line(`${id}/unconfirmed`, id, `Would confirm it: ${this.#name(cause.unconfirmed.check)}`, cause.unconfirmed.why, cause.unconfirmed.check)]),
        ...(cause.against.length === 0 ? [] : [this.#group(id, 'against', 'Would speak against it', `${cause.against.filter(({ seen }) => seen).length} of ${cause.against.length} seen`, (group) => cause.against.map((look, index) => this.#evidence(group, index, look, lookWords(look))))]),
        this.#add({
          ...bare(`${id}/remedy`, 'remedy', id),
          label: 'Remedy',
          icon: { id: 'lightbulb', color: undefined },
          accessibilityLabel: 'Remedy',
          opens: 'cause',
          cause: cause.id,
        }),
      ],
      label: cause.title,
      description: explains && worst ? `${words} · ${worst}` : words,
      icon: { id: 'zap', color: cause.standing === 'likely' || cause.standing === 'possible' ? 'charts.orange' : 'problemsErrorIcon.foreground' },
      accessibilityLabel: said(cause.title, `cause ${number}`, words.replace(' · ', ', '), explains && worst ? `explains ${worst}` : undefined),
      opens: 'cause',
      cause: cause.id,
      decoration: isNamed(cause) ? decoration : { ...decoration, tooltip: `This may be cause ${number}: ${cause.title}`, color: undefined },
    });
  }

  /** How sure it is, and whether what it explains belongs beside that. */
  #standing({ standing, leftBehindBy }: Cause): { readonly words: string; readonly explains: boolean } {
    if (leftBehindBy !== null) return { words: `left behind by ${reference(numberOf(leftBehindBy, this.#state))}`, explains: false };
    return standing === 'past' ? { words: 'past · state remains', explains: false } : { words: standing, explains: true };
  }

  #explains(parent: string, covered: readonly string[]): string {
    const blocked = covered.filter((check) => settledState(this.#state, check) === 'blocked');
    return this.#group(parent, 'explains', 'Explains', reachText(covered, this.#state), (group) => [
      ...covered.filter((check) => !blocked.includes(check)).map((check) => this.#check(group, check)),
      ...(blocked.length === 0 ? [] : [this.#add({
        ...bare(`${group}/blocked`, 'group', group),
        label: count(blocked.length, 'check'),
        description: 'blocked',
        icon: stateIcons.blocked,
        accessibilityLabel: said(count(blocked.length, 'check'), 'blocked'),
      })]),
    ]);
  }

  /** What is told beside the causes. */
  #rest(parent: string): readonly string[] {
    const { diagnosis, ended, checks } = this.#state;
    if (!diagnosis) return [];
    const { notCauses, ruledOut } = diagnosis;
    // What a run has not come to yet may explain it.
    const unexplained = ended === undefined ? [] : checks.flatMap(({ id }) => (diagnosis.unexplained.includes(id) ? id : []));
    return [
      ...(notCauses.length === 0 ? [] : [this.#group(parent, 'not-causes', 'Not causes', notCauses.length === 1 ? '1 looks wrong and is not' : `${notCauses.length} look wrong and are not`, (group) => notCauses.map(({ words, why, check }, index) => this.#line(`${group}/${index}`, group, words, why, check ?? undefined)), 'info')]),
      ...(ruledOut.length === 0 ? [] : [this.#group(parent, 'ruled-out', 'Ruled out', String(ruledOut.length), (group) => ruledOut.map(({ id, title, why }) => this.#line(`${group}/${id}`, group, title, why.words, this.#checkOf(why))), 'close')]),
      ...(unexplained.length === 0 ? [] : [this.#group(parent, 'unexplained', 'Unexplained', reachText(unexplained, this.#state), (group) => unexplained.map((check) => this.#check(group, check)), 'question')]),
    ];
  }

  #group(parent: string, name: string, label: string, description: string, rows: (id: string) => readonly string[], icon?: string): string {
    const id = `${parent}/${name}`;
    return this.#add({
      ...bare(id, 'group', parent),
      children: rows(id),
      label,
      description,
      icon: icon === undefined ? undefined : { id: icon, color: muted },
      accessibilityLabel: said(label, description),
    });
  }

  #evidence(parent: string, index: number, evidence: Evidence, before = ''): string {
    const name = evidence.check === null ? '' : this.#name(evidence.check);
    const [label, description] = name !== '' && evidence.words.startsWith(`${name}: `) ? [name, evidence.words.slice(name.length + 2)] : [evidence.words, ''];
    return this.#line(`${parent}/${index}`, parent, label, [before, description].filter(Boolean).join(': '), this.#checkOf(evidence));
  }

  /** A check in its own state. */
  #check(parent: string, check: string): string {
    return this.#line(`${parent}/${check}`, parent, this.#name(check), this.#state.answers.get(check)?.verdict.summary ?? '', check, stateIcons[settledState(this.#state, check)]);
  }

  /** A fact, which opens the record of a check. */
  #line(id: string, parent: string, label: string, description: string, check: string | undefined, icon?: Icon): string {
    return this.#add({
      ...bare(id, 'fact', parent),
      label,
      description,
      icon,
      contextValue: check === undefined ? 'line' : 'fact answered',
      accessibilityLabel: said(label, description),
      opens: check === undefined ? 'nothing' : 'observations',
      check,
    });
  }

  /** The check whose record has what an evidence rests on. */
  #checkOf({ check, observations }: Evidence): string | undefined {
    if (check !== null) return check;
    return [...this.#state.answers.values()].find(({ verdict }) => verdict.observations.some((id) => observations.includes(id)))?.verdict.check;
  }

  /** `Redis › Reachable` */
  #name(check: string): string {
    const head = this.#state.checks.find(({ id }) => id === check);
    return head ? `${head.component} › ${head.title}` : check;
  }
}

function lookWords({ seen }: Look): string {
  return seen === null ? 'cannot look' : seen ? 'seen' : 'not seen';
}

/** `tells ① from ②` */
function tellsText(causes: readonly string[]): string {
  const last = causes.at(-1) ?? '';
  if (causes.length === 1) return `tells whether ${last} is so`;
  return causes.length === 2 ? `tells ${causes.join(' from ')}` : `tells ${causes.slice(0, -1).join(', ')} and ${last} apart`;
}

function fixText(state: FlowState): string {
  const named = namedCauses(state);
  if (named.length > 0) return `${count(named.length, 'cause')} ${named.length === 1 ? 'explains' : 'explain'} ${explainedText(named, state)}`;
  if (state.ended === undefined) return '';
  const open = state.checks.map(({ id }) => settledState(state, id)).filter((settled) => settled !== 'pass' && settled !== 'not-applicable');
  if (open.length === 0) return 'nothing to fix';
  return open.every((settled) => settled === 'not-run') ? '' : 'no cause confirmed';
}
