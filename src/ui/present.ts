/**
 * The flow as a tree, ready to be shown: from what is known to labels, descriptions, icons and what a
 * screen reader says. Pure, so that the look of every state is a table in a test.
 */
import type { LogSource } from '../caracal/logSources.ts';
import { notAskedUnproven } from '../flow/words.ts';
import type { Fact, Verdict } from '../model/check.ts';
import type { Status } from '../model/status.ts';
import { worst } from '../model/status.ts';
import { stepTitles, steps } from '../model/step.ts';
import type { Step } from '../model/step.ts';
import { decorationOf, marksOf, namedCauses, spokenMark } from './causes.ts';
import type { Mark } from './causes.ts';
import { bare, said } from './flowNode.ts';
import type { FlowNode } from './flowNode.ts';
import { inScope, scopeOf, settledState, staleAfterMs } from './flowState.ts';
import type { CheckHead, FlowState } from './flowState.ts';
import { logsOfCheck, logsOfComponent } from './logs/logsOf.ts';
import { fixNodes } from './presentFix.ts';
import { age, countStates, countsText, stateIcons, stateWords, timeOfDay, withAge } from './words.ts';
import type { Age, State } from './words.ts';

export interface Presentation {
  readonly roots: readonly string[];
  readonly nodes: ReadonlyMap<string, FlowNode>;
  /** Milliseconds until an age changes its text; undefined when none will. */
  readonly ageChangesIn: number | undefined;
}

/** This many checks of one component that are blocked by the same check share a row. */
const foldFrom = 3;

/** @param hasBadges Whether the editor shows a number at the right of a row; else the description begins with it. */
export function present(state: FlowState, now: number, hasBadges = true): Presentation {
  if (!state.target) return { roots: [], nodes: new Map(), ageChangesIn: undefined };
  return new Presenter(state, state.target.id, now, hasBadges).all();
}

/** Ids of the nodes that must be drawn again: those that differ and still exist. */
export function changedNodes(before: Presentation, after: Presentation): readonly string[] {
  const changed: string[] = [];
  for (const [id, node] of after.nodes) {
    const old = before.nodes.get(id);
    // A new node is drawn with its parent, whose list of children differs.
    if (old && !sameNode(old, node)) changed.push(id);
  }
  return changed;
}

function sameNode(one: FlowNode, other: FlowNode): boolean {
  return (
    one.parent === other.parent &&
    one.label === other.label &&
    one.description === other.description &&
    one.icon?.id === other.icon?.id &&
    one.icon?.color === other.icon?.color &&
    one.contextValue === other.contextValue &&
    one.accessibilityLabel === other.accessibilityLabel &&
    one.opens === other.opens &&
    one.cause === other.cause &&
    one.decoration?.badge === other.decoration?.badge &&
    one.decoration?.tooltip === other.decoration?.tooltip &&
    one.decoration?.color === other.decoration?.color &&
    one.children.length === other.children.length &&
    one.children.every((child, index) => child === other.children[index])
  );
}

/** Id of the node of a check, in whatever row it is folded. */
export function checkNodeId(target: string, check: Pick<CheckHead, 'step' | 'component' | 'id'>): string {
  return `${target}/${check.step}/${check.component}/${check.id}`;
}

function fixNodeId(target: string): string {
  return `${target}/fix`;
}

/** The nodes above a node, outermost first. */
export function ancestors(presentation: Presentation, id: string): readonly FlowNode[] {
  const found: FlowNode[] = [];
  for (let at = presentation.nodes.get(id)?.parent; at !== undefined; ) {
    const node = presentation.nodes.get(at);
    if (!node) break;
    found.unshift(node);
    at = node.parent;
  }
  return found;
}

/**
 * Rows to open where something failed: the Fix step, the way to where each cause is seen itself, and the steps with
 * failures, so that their numbers are in sight. Of a component with failures that no cause explains, one is to be
 * seen there or at its checks.
 */
export function pathsToWrong(presentation: Presentation, state: FlowState): readonly string[] {
  const { target, checks, diagnosis } = state;
  if (!target || !diagnosis || diagnosis.failures.all === 0) return [];
  const named = namedCauses(state);
  const own = new Set(named.flatMap((cause) => cause.own));
  const paths = new Set<string>();
  for (const head of checks) {
    const node = presentation.nodes.get(checkNodeId(target.id, head));
    if (!node) continue;
    const [step, ...inside] = ancestors(presentation, node.id).map(({ id }) => id);
    const isFailed = node.state === 'fail';
    if (step !== undefined && (own.has(head.id) || isFailed)) paths.add(step);
    if (own.has(head.id) || (isFailed && diagnosis.unexplained.includes(head.id) && !isShownAbove(presentation, node))) for (const id of inside) paths.add(id);
  }
  if (named.length > 0 || diagnosis.next !== null) paths.add(fixNodeId(target.id));
  return [...paths];
}

/** Whether the component of a failed check tells a failure of its checks in its own row. */
function isShownAbove({ nodes }: Presentation, { parent }: FlowNode): boolean {
  const component = parent === undefined ? undefined : nodes.get(parent);
  return component?.children.some((id) => nodes.get(id)?.state === 'fail' && nodes.get(id)?.description === component.description) === true;
}

/** Checks of one component, and what blocks all of them, if one check does. */
interface Component {
  readonly name: string;
  readonly checks: readonly CheckHead[];
  readonly blockedBy: string | undefined;
}

class Presenter {
  readonly #state: FlowState;
  readonly #target: string;
  readonly #now: number;
  readonly #hasBadges: boolean;
  readonly #marks: ReadonlyMap<string, Mark>;
  readonly #nodes = new Map<string, FlowNode>();
  #ageChangesIn: number | undefined;

  constructor(state: FlowState, target: string, now: number, hasBadges: boolean) {
    this.#state = state;
    this.#target = target;
    this.#now = now;
    this.#hasBadges = hasBadges;
    this.#marks = marksOf(state);
  }

  all(): Presentation {
    const roots = [this.#symptom(), ...steps.map((step) => this.#step(step)), this.#fix()];
    return { roots, nodes: this.#nodes, ageChangesIn: this.#ageChangesIn };
  }

  #add(node: FlowNode): string {
    const badge = this.#hasBadges ? undefined : node.decoration?.badge;
    this.#nodes.set(node.id, badge === undefined ? node : { ...node, description: [`cause ${badge}`, node.description].filter(Boolean).join(', ') });
    return node.id;
  }

  #symptom(): string {
    const { symptom, triage } = this.#state;
    const progress = triage && `${triage.done} of ${triage.of}`;
    const title = symptom?.title ?? 'none picked';
    return this.#add({
      ...bare(`${this.#target}/symptom`, 'symptom', undefined),
      label: 'Symptom',
      description: progress === undefined ? title : `${title} · ${progress}`,
      icon: progress === undefined ? { id: 'comment', color: undefined } : stateIcons.running,
      contextValue: ['symptom', ...(progress === undefined ? (symptom ? ['runnable'] : []) : ['running'])].join(' '),
      accessibilityLabel: said('Symptom', title, progress && `running, ${progress}`),
      opens: 'triage',
      scope: symptom && scopeOf(symptom),
    });
  }

  #fix(): string {
    const nodes = fixNodes(this.#state, fixNodeId(this.#target));
    for (const node of nodes) this.#add(node);
    return nodes[0].id;
  }

  #step(step: Step): string {
    const id = `${this.#target}/${step}`;
    const scope = { step };
    const checks = inScope(this.#state.checks, scope);
    const old = this.#age(this.#stepAnsweredAt(checks));
    const group = this.#group(checks);
    const description = group.progress ?? withAge(group.counts, old);
    return this.#add({
      ...bare(id, 'step', undefined),
      children: this.#components(id, step, checks),
      label: stepTitles[step],
      description,
      icon: stateIcons[group.state],
      state: group.state,
      contextValue: `step ${group.ability}`,
      accessibilityLabel: said(
        stepTitles[step],
        group.state === 'running' ? 'running' : undefined,
        group.progress === undefined ? group.counts : group.progress.replace(/^running,? ?/, ''),
        group.progress === undefined ? old?.spoken : undefined,
      ),
      opens: this.#opensRun(group, this.#stepAnsweredAt(checks)),
      scope,
    });
  }

  /** Components in the order of the contract. Those that one check blocks entirely share one row. */
  #components(parent: string, step: Step, checks: readonly CheckHead[]): readonly string[] {
    const byName = Map.groupBy(checks, (check) => check.component);
    const components = [...byName].map(([name, own]): Component => ({ name, checks: own, blockedBy: this.#commonBlocker(own) }));
    const byBlocker = Map.groupBy(components, (component) => component.blockedBy);
    const folded = new Map<string, readonly Component[]>();
    for (const [blocker, group] of byBlocker) {
      const size = group.reduce((sum, component) => sum + component.checks.length, 0);
      if (blocker !== undefined && group.length > 1 && size >= foldFrom) folded.set(blocker, group);
    }
    const rows: string[] = [];
    for (const component of components) {
      const group = component.blockedBy === undefined ? undefined : folded.get(component.blockedBy);
      if (!group || component.blockedBy === undefined) {
        rows.push(this.#component(parent, step, component));
      } else if (group[0] === component) {
        const members = group.flatMap((member) => member.checks);
        rows.push(
          this.#fold(parent, component.blockedBy, members, (fold) => group.map((member) => this.#component(fold, step, member))),
        );
      }
    }
    return rows;
  }

  #component(parent: string, step: Step, component: Component): string {
    const id = `${this.#target}/${step}/${component.name}`;
    const scope = { step, component: component.name };
    const group = this.#group(component.checks);
    const description = group.progress ?? this.#componentText(component, group);
    const mark = this.#sharedMark(component.checks);
    return this.#add({
      ...bare(id, 'component', parent),
      ...marked(mark),
      children: this.#checks(id, component),
      label: component.name,
      description,
      icon: stateIcons[group.state],
      state: group.state,
      contextValue: ['component', group.ability, ...(this.#isLogged(logsOfComponent(component.name)) ? ['logged'] : [])].join(' '),
      accessibilityLabel: said(component.name, group.counts === description ? undefined : stateWords[group.state], description, mark && spokenMark(mark)),
      opens: this.#opensRun(group, newest(component.checks, this.#state)),
      scope,
    });
  }

  #componentText(component: Component, group: Group): string {
    if (component.blockedBy !== undefined) return this.#answerOf(component.checks[0])?.summary ?? group.counts;
    const failures = component.checks.filter((check) => settledState(this.#state, check.id) === 'fail');
    // What misleads speaks for the component only when nothing else does.
    const failed = failures.find((check) => !this.#answerOf(check)?.summary.startsWith('not a cause')) ?? failures[0];
    // Beside other trouble the counts say more: one summary would hide what else there is.
    const onlyFailures = component.checks.every((check) => {
      const state = settledState(this.#state, check.id);
      return state === 'fail' || state === 'pass' || state === 'not-applicable';
    });
    return failed && onlyFailures ? (this.#answerOf(failed)?.summary ?? group.counts) : group.counts;
  }

  #checks(parent: string, component: Component): readonly string[] {
    const byBlocker = Map.groupBy(component.checks, (check) => this.#answerOf(check)?.blockedBy);
    const rows: string[] = [];
    for (const check of component.checks) {
      const blocker = this.#answerOf(check)?.blockedBy;
      const group = blocker === undefined ? [] : (byBlocker.get(blocker) ?? []);
      // A component that is blocked as a whole says so itself; a second row would say it twice.
      if (blocker === undefined || group.length < foldFrom || component.blockedBy !== undefined) {
        rows.push(this.#check(parent, check));
      } else if (group[0] === check) {
        rows.push(this.#fold(parent, blocker, group, (fold) => group.map((member) => this.#check(fold, member))));
      }
    }
    return rows;
  }

  #fold(
    parent: string,
    blocker: string,
    checks: readonly CheckHead[],
    children: (fold: string) => readonly string[],
  ): string {
    const id = `${parent}/blocked by ${blocker}`;
    const label = `${checks.length} checks`;
    const description = this.#answerOf(checks[0])?.summary ?? '';
    const state = checks.some((check) => this.#state.running.has(check.id)) ? 'running' : 'blocked';
    return this.#add({
      ...bare(id, 'fold', parent),
      ...marked(this.#sharedMark(checks)),
      children: children(id),
      label,
      description,
      icon: stateIcons[state],
      state,
      accessibilityLabel: said(label, description),
    });
  }

  #check(parent: string, check: CheckHead): string {
    const id = checkNodeId(this.#target, check);
    const answer = this.#state.answers.get(check.id);
    const running = this.#state.running.has(check.id);
    const state = running ? 'running' : (answer?.verdict.status ?? 'not-run');
    const old = answer?.apart ? this.#age(answer.at) : undefined;
    const since = this.#state.watch && answer?.changedAt !== undefined ? `since ${timeOfDay(answer.changedAt)}` : undefined;
    const summary = answer?.verdict.summary ?? '';
    const mark = this.#marks.get(check.id);
    const abilities = [running ? 'running' : 'runnable', answer ? 'answered' : 'unanswered', ...(this.#isLogged(logsOfCheck(check)) ? ['logged'] : []), ...(summary === notAskedUnproven ? ['unproven'] : []), ...(mark ? ['explained'] : [])];
    return this.#add({
      ...bare(id, 'check', parent),
      ...marked(mark),
      children: (answer?.verdict.facts ?? []).map((fact, index) => this.#fact(id, check, fact, index)),
      label: check.title,
      description: !answer && running ? 'running' : [withAge(summary, old), since].filter(Boolean).join(' · '),
      icon: stateIcons[state],
      state,
      contextValue: `check ${abilities.join(' ')}`,
      // A blocked or cancelled check says so in its summary.
      accessibilityLabel: said(check.title, summary.startsWith(stateWords[state]) ? undefined : stateWords[state], summary, mark && spokenMark(mark), old?.spoken, since),
      opens: 'observations',
      scope: { check: check.id },
      check: check.id,
    });
  }

  #fact(parent: string, check: CheckHead, fact: Fact, index: number): string {
    return this.#add({
      ...bare(`${parent}/fact/${index}`, 'fact', parent),
      label: fact.name,
      description: fact.value,
      contextValue: this.#isLogged(logsOfCheck(check)) ? 'fact answered logged' : 'fact answered',
      accessibilityLabel: said(fact.name, fact.value),
      opens: 'observations',
      check: check.id,
    });
  }

  /** The mark of several checks as one row: that of those that make it look as it does, where one cause explains all of them. */
  #sharedMark(checks: readonly CheckHead[]): Mark | undefined {
    const look = groupState(checks.map(({ id }) => settledState(this.#state, id)));
    const marks = checks.filter(({ id }) => settledState(this.#state, id) === look).map(({ id }) => this.#marks.get(id));
    const [first] = marks;
    return first && marks.every((mark) => mark?.cause === first.cause && !mark.isOwn) ? first : undefined;
  }

  #isLogged(sources: readonly LogSource[]): boolean {
    return sources.some((source) => this.#state.target?.logs.includes(source) === true);
  }

  #answerOf(check: CheckHead | undefined): Verdict | undefined {
    return check && this.#state.answers.get(check.id)?.verdict;
  }

  #commonBlocker(checks: readonly CheckHead[]): string | undefined {
    const blockers = new Set(checks.map((check) => this.#answerOf(check)?.blockedBy));
    return blockers.size === 1 ? [...blockers][0] : undefined;
  }

  #group(checks: readonly CheckHead[]): Group {
    const settled = checks.map((check) => settledState(this.#state, check.id));
    const counts = settled.every((state) => state === 'not-run') ? '' : countsText(countStates(settled));
    const waiting = checks.filter((check) => this.#state.running.has(check.id)).length;
    if (waiting === 0) return { state: groupState(settled), counts, progress: undefined, ability: 'runnable' };
    const done = checks.length - waiting;
    // The old counts stay until the first new answer makes them untrue.
    const progress = counts !== '' && done === 0 ? undefined : done === 0 ? 'running' : `running, ${done} of ${checks.length}`;
    return { state: 'running', counts, progress, ability: 'running' };
  }

  /** When a step was last run as a whole. */
  #stepAnsweredAt(checks: readonly CheckHead[]): number | undefined {
    return newest(
      checks.filter((check) => this.#state.answers.get(check.id)?.apart === false),
      this.#state,
    );
  }

  #age(at: number | undefined): Age | undefined {
    if (at === undefined) return undefined;
    const old = age(at, this.#now);
    if (old.changesIn !== undefined) this.#ageChangesIn = Math.min(this.#ageChangesIn ?? Infinity, old.changesIn);
    return old;
  }

  #opensRun(group: Group, answeredAt: number | undefined): 'run' | 'nothing' {
    if (group.ability === 'running') return 'nothing';
    return answeredAt === undefined || this.#now - answeredAt >= staleAfterMs ? 'run' : 'nothing';
  }
}

/** Several checks as their parent shows them. */
interface Group {
  readonly state: State;
  readonly counts: string;
  readonly progress: string | undefined;
  readonly ability: 'runnable' | 'running';
}

/** What a mark adds to a row. */
function marked(mark: Mark | undefined): Pick<FlowNode, 'cause' | 'decoration'> {
  return { cause: mark?.cause, decoration: mark && decorationOf(mark) };
}

/** The worst state, but what was not run keeps a parent from looking passed. */
function groupState(settled: readonly State[]): State {
  const known = settled.filter((state): state is Status => state !== 'not-run' && state !== 'running');
  const worstKnown = worst(known) ?? 'not-run';
  const looksWell = worstKnown === 'pass' || worstKnown === 'not-applicable';
  return looksWell && known.length < settled.length ? 'not-run' : worstKnown;
}

function newest(checks: readonly CheckHead[], state: FlowState): number | undefined {
  const times = checks.flatMap((check) => state.answers.get(check.id)?.at ?? []);
  return times.length > 0 ? Math.max(...times) : undefined;
}
