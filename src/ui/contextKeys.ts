import { commands } from 'vscode';

import type { EmptyText } from './trace/requestRows.ts';

/** What `when` clauses of the manifest may ask. */
export interface ContextValues {
  'caracal.running': boolean;
  /** The checks of a symptom run. */
  'caracal.triaging': boolean;
  'caracal.hasTarget': boolean;
  /** Empty while no target is picked. */
  'caracal.targetKind': string;
  /** A cause is seen. */
  'caracal.hasCauses': boolean;
  /** The target names credentials for the recovery canary. */
  'caracal.hasCanary': boolean;
  'caracal.hasReport': boolean;
  'caracal.watching': boolean;
  /** Which text an empty Flow view shows. */
  'caracal.empty': 'looking' | 'nothing-picked' | 'nothing-found' | 'too-old';
  /** Which text an empty Requests view shows. */
  'caracal.requests': EmptyText;
}

/** Sets context keys, and only when they change: each write makes VS Code evaluate its menus again. */
export class ContextKeys {
  readonly #written = new Map<keyof ContextValues, ContextValues[keyof ContextValues]>();

  set<Key extends keyof ContextValues>(key: Key, value: ContextValues[Key]): void {
    if (this.#written.get(key) === value) return;
    this.#written.set(key, value);
    void commands.executeCommand('setContext', key, value);
  }
}
