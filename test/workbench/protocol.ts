/**
 * What a suite inside the extension host may ask of the page it runs in. The suite cannot reach the
 * page itself: it asks the program that opened it.
 */

/** An element, found as a screen reader finds it: by role and accessible name. */
export interface Target {
  readonly role: Role;
  /** The accessible name, or a part of it. A text between slashes is a regular expression. */
  readonly name?: string;
  /** Whether `name` is the whole accessible name. */
  readonly exact?: boolean;
  /** It is in the panel that is in sight, a page of its own. */
  readonly inPanel?: boolean;
}

/** The roles that occur in the workbench. */
export type Role =
  | 'alert'
  | 'button'
  | 'checkbox'
  | 'combobox'
  | 'cell'
  | 'dialog'
  | 'document'
  | 'heading'
  | 'link'
  | 'list'
  | 'listitem'
  | 'menuitem'
  | 'option'
  | 'region'
  | 'status'
  | 'tab'
  | 'tabpanel'
  | 'textbox'
  | 'toolbar'
  | 'tree'
  | 'treeitem';

/** A row of a tree as it stands in the accessibility tree. Rows scrolled out of sight do not exist. */
export interface TreeRow {
  /** What a screen reader says. */
  readonly label: string;
  /** What is painted. */
  readonly text: string;
  readonly level: number;
  readonly expanded?: boolean;
  readonly selected: boolean;
}

/** One request, by its `action`. */
export type PageRequest =
  | { readonly action: 'press'; readonly key: string }
  | { readonly action: 'type'; readonly text: string }
  | { readonly action: 'click'; readonly target: Target; readonly button?: 'left' | 'right'; readonly clicks?: number }
  | { readonly action: 'hover'; readonly target: Target }
  | { readonly action: 'followLink'; readonly selector: string; readonly text: string }
  | { readonly action: 'fill'; readonly target: Target; readonly text: string }
  | { readonly action: 'waitFor'; readonly target: Target; readonly state?: 'visible' | 'hidden' }
  | { readonly action: 'names'; readonly target: Target }
  | { readonly action: 'rows'; readonly tree: string }
  | { readonly action: 'snapshot'; readonly selector?: string; readonly inPanel?: boolean }
  | { readonly action: 'violations' }
  | { readonly action: 'screenshot'; readonly name: string }
  | { readonly action: 'errors' };

/** What each action answers. */
export interface PageAnswers {
  press: null;
  type: null;
  click: null;
  hover: null;
  followLink: null;
  fill: null;
  waitFor: null;
  names: string[];
  rows: TreeRow[];
  snapshot: string;
  violations: readonly string[];
  screenshot: string;
  errors: readonly string[];
}

/** The name of the variable that holds the address of the page, token included. */
export const PAGE_VARIABLE = 'CARACAL_TEST_PAGE';
