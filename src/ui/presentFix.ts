/** The Fix step as rows: causes with what speaks for and against them, what is not one, and what is left. Pure. */
import { count } from '../flow/words.ts';
import { isNamed } from '../model/causeStanding.ts';
import type { Cause, Evidence, Look } from '../model/diagnosis.ts';
import { coveredBy, decisiveCauses, decorationOf, explainedText, numberOf, reachText, reference } from './causes.ts';
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

/** A row about a cause, or beside causes. */
interface Row {
  readonly id: string;
  readonly parent: string;
  readonly label: string;
  readonly description: string;
  readonly icon?: Icon;
  /** Whose record it opens. */
  readonly check?: string | undefined;
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
      children: [...(decisiveCauses(this.#state).length > 0 ? [...rows, ...next] : [...next, ...rows]), ...this.#rest(id)],
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
      children: [...this.#explains(id, covered), ...this.#for(id, cause), ...this.#against(id, cause), this.#remedy(id, cause)],
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

  #explains(parent: string, covered: readonly string[]): readonly string[] {
    const blocked = covered.filter((check) => settledState(this.#state, check) === 'blocked');
    return this.#group({ id: `${parent}/explains`, parent, label: 'Explains', description: reachText(covered, this.#state) }, (id) => [
      ...covered.filter((check) => !blocked.includes(check)).map((check) => this.#check(id, check)),
      ...(blocked.length === 0 ? [] : [this.#row({ id: `${id}/blocked`, parent: id, label: count(blocked.length, 'check'), description: 'blocked', icon: stateIcons.blocked })]),
    ]);
  }

  #for(parent: string, { for: seen, unconfirmed }: Cause): readonly string[] {
    return [
      ...this.#group({ id: `${parent}/for`, parent, label: 'Speaks for it', description: String(seen.length) }, (id) => seen.map((evidence, index) => this.#evidence(id, index, evidence))),
      ...(unconfirmed === null ? [] : [this.#row({ id: `${parent}/unconfirmed`, parent, label: `Would confirm it: ${this.#name(unconfirmed.check)}`, description: unconfirmed.why, check: unconfirmed.check })]),
    ];
  }

  #against(parent: string, { against }: Cause): readonly string[] {
    const description = `${against.filter(({ seen }) => seen).length} of ${against.length} seen`;
    return this.#group({ id: `${parent}/against`, parent, label: 'Would speak against it', description }, (id) => against.map((look, index) => this.#evidence(id, index, look, lookWords(look))));
  }

  #remedy(parent: string, { id }: Cause): string {
    return this.#add({ ...bare(`${parent}/remedy`, 'remedy', parent), label: 'Remedy', icon: { id: 'lightbulb', color: undefined }, accessibilityLabel: 'Remedy', opens: 'remedy', cause: id });
  }

  /** What is told beside the causes. */
  #rest(parent: string): readonly string[] {
    const { diagnosis, ended, checks } = this.#state;
    if (!diagnosis) return [];
    const { notCauses, ruledOut } = diagnosis;
    // What a run has not come to yet may explain it.
    const unexplained = ended === undefined ? [] : checks.flatMap(({ id }) => (diagnosis.unexplained.includes(id) ? id : []));
    const icon = (id: string): Icon => ({ id, color: muted });
    return [
      ...this.#group({ id: `${parent}/not-causes`, parent, label: 'Not causes', description: notCauses.length === 1 ? '1 looks wrong and is not' : `${notCauses.length} look wrong and are not`, icon: icon('info') },
        (id) => notCauses.map(({ words, why, check }, index) => this.#row({ id: `${id}/${index}`, parent: id, label: words, description: why, check: check ?? undefined }))),
      ...this.#group({ id: `${parent}/ruled-out`, parent, label: 'Ruled out', description: String(ruledOut.length), icon: icon('close') },
        (id) => ruledOut.map((cause) => this.#row({ id: `${id}/${cause.id}`, parent: id, label: cause.title, description: cause.why.words, check: this.#checkOf(cause.why) }))),
      ...this.#group({ id: `${parent}/unexplained`, parent, label: 'Unexplained', description: reachText(unexplained, this.#state), icon: icon('question') },
        (id) => unexplained.map((check) => this.#check(id, check))),
    ];
  }

  /** A row with others under it; none where there are no others. */
  #group(row: Row, children: (id: string) => readonly string[]): readonly string[] {
    const ids = children(row.id);
    return ids.length === 0 ? [] : [this.#row(row, ids)];
  }

  #evidence(parent: string, index: number, evidence: Evidence, before = ''): string {
    const name = evidence.check === null ? '' : this.#name(evidence.check);
    const [label, description] = name !== '' && evidence.words.startsWith(`${name}: `) ? [name, evidence.words.slice(name.length + 2)] : [evidence.words, ''];
    return this.#row({ id: `${parent}/${index}`, parent, label, description: [before, description].filter(Boolean).join(': '), check: this.#checkOf(evidence) });
  }

  /** A check in its own state. */
  #check(parent: string, check: string): string {
    const description = this.#state.answers.get(check)?.verdict.summary ?? '';
    return this.#row({ id: `${parent}/${check}`, parent, label: this.#name(check), description, check, icon: stateIcons[settledState(this.#state, check)] });
  }

  #row({ id, parent, label, description, check, icon }: Row, children: readonly string[] = []): string {
    return this.#add({
      ...bare(id, check === undefined ? 'group' : 'fact', parent),
      children,
      label,
      description,
      icon,
      contextValue: check === undefined ? 'group' : 'fact answered',
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
  const named = decisiveCauses(state);
  if (named.length > 0) return `${count(named.length, 'cause')} ${named.length === 1 ? 'explains' : 'explain'} ${explainedText(named, state)}`;
  if (state.ended === undefined) return '';
  const open = state.checks.map(({ id }) => settledState(state, id)).filter((settled) => settled !== 'pass' && settled !== 'not-applicable');
  if (open.length === 0) return 'nothing to fix';
  return open.every((settled) => settled === 'not-run') ? '' : 'no cause confirmed';
}
