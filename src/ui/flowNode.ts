/** A row of the Flow view, ready to be shown. Pure. */
import type { Decoration } from './causes.ts';
import type { Scope } from './flowState.ts';
import { spoken } from './words.ts';
import type { Icon, State } from './words.ts';

export interface FlowNode {
  /** `<target id>/<step>/<component>/<check>`, `<target id>/fix/<cause>`: no text that changes. */
  readonly id: string;
  readonly kind: 'symptom' | 'step' | 'component' | 'fold' | 'check' | 'fact' | 'fix' | 'next' | 'cause' | 'group' | 'remedy';
  readonly parent: string | undefined;
  readonly children: readonly string[];
  readonly label: string;
  readonly description: string;
  readonly icon: Icon | undefined;
  /** Undefined for rows that have no state of their own. */
  readonly state: State | undefined;
  /** Words for `when` clauses of menus, such as `check runnable answered`. */
  readonly contextValue: string;
  readonly accessibilityLabel: string;
  /** What a click or Enter does. */
  readonly opens: 'nothing' | 'run' | 'observations' | 'triage' | 'cause' | 'remedy';
  /** What Run Again and Stop on this node are about; undefined where there is nothing to run. */
  readonly scope: Scope | undefined;
  /** The check that this node is, or belongs to. */
  readonly check: string | undefined;
  /** Id of the cause that this node is, belongs to, or is explained by. */
  readonly cause: string | undefined;
  readonly decoration: Decoration | undefined;
}

/** A row without anything to say and do. */
export function bare(id: string, kind: FlowNode['kind'], parent: string | undefined): FlowNode {
  return {
    id,
    kind,
    parent,
    children: [],
    label: '',
    description: '',
    icon: undefined,
    state: undefined,
    contextValue: kind,
    accessibilityLabel: '',
    opens: 'nothing',
    scope: undefined,
    check: undefined,
    cause: undefined,
    decoration: undefined,
  };
}

/** What a screen reader says of a row, from left to right. */
export function said(...parts: readonly (string | undefined)[]): string {
  return parts
    .filter((part) => part !== undefined && part !== '')
    .map((part) => spoken(part ?? ''))
    .join(', ');
}
