/** What the commands about causes do. A file of its own in the package, loaded with the first of them. */
import { ViewColumn, window } from 'vscode';
import type { Uri } from 'vscode';
import type { Engine } from '../engineSlot.ts';
import type { FlowSession, SessionLog } from '../flowSession.ts';
import type { Guard } from '../guard.ts';
import { DisposableStore } from '../lifecycle.ts';
import type { ObservationDocuments } from '../observationDocument.ts';
import type { Toasts } from '../toasts.ts';
import { canaryText } from './canaryText.ts';
import { CausePanel } from './causePanel.ts';
import type { CausePlace } from './causePanel.ts';
import { causeAbout } from './causeStory.ts';
import type { RemedyModule } from './remedyModule.ts';
import { detailOf } from './remedyEffect.ts';

export interface CauseSurfacesParts {
  readonly session: FlowSession;
  readonly engine: Engine;
  readonly guard: Guard;
  readonly log: SessionLog;
  readonly documents: ObservationDocuments;
  readonly extensionUri: Uri;
  readonly toasts: Toasts;
  /** Shows a text read-only; the focus stays where it is. */
  readonly showText: (title: string, text: string, column: ViewColumn) => Promise<void>;
}

const loadRemedies = (): Promise<RemedyModule> => import('../../remedies/service.ts');

/** How long the calls of a canary, and the search for their evidence, may take. */
const canaryWithinMs = 60_000;

export class CauseSurfaces {
  readonly #parts: CauseSurfacesParts;
  readonly #store = new DisposableStore();
  #panel: CausePanel | undefined;

  constructor(parts: CauseSurfacesParts) {
    this.#parts = parts;
  }

  /**
   * @param from id of a cause, or of a row of the tree that a cause explains; without it the first cause is shown
   * @throws Error when there is none
   */
  async show(from: string | undefined, at: CausePlace): Promise<void> {
    const { session } = this.#parts;
    const { diagnosis } = session.state;
    if (!diagnosis) throw new Error('Cannot show a cause: nothing was run yet. Run the flow first.');
    const cause = causeAbout(diagnosis, from);
    if (!cause) throw new Error(from === undefined ? 'Cannot show a cause: none is seen.' : 'Cannot show a cause: none explains this.');
    const remedies = await loadRemedies();
    this.#panel ??= this.#store.add(new CausePanel({ ...this.#parts, remedies }));
    this.#panel.show(cause, at);
  }

  /**
   * Sends the calls of Caracal's recovery canary, once the user agreed to them, and shows what came of them.
   *
   * @throws Error when the target has nothing to call with, or no zone is known
   */
  async runCanary(): Promise<void> {
    const { session, engine, showText } = this.#parts;
    const { target } = session;
    if (!target) throw new Error('Cannot run the canary: no target is picked. Pick one with "Caracal: Pick Target…".');
    const { canaryCalls, runCanary } = await loadRemedies();
    const zone = session.state.zone ?? session.report?.zone ?? null;
    const told = canaryCalls(target.target, zone);
    if (told === null || zone === null) throw new Error(`Cannot run the canary: ${zone === null ? 'no zone is known. Pick one with "Caracal: Pick Zone…"' : 'the target has no "canary". docs/targets.md tells what it takes'}.`);
    const run = 'Run Canary';
    const about = 'Among them are one that is to be allowed and one that is to be refused. They change nothing. Caracal writes audit events for them, which are then looked for.';
    const chosen = await window.showWarningMessage(`Run the recovery canary on ${target.target.name}?`, { modal: true, detail: engine.redactor.text(detailOf(told.asked, told.calls, about)) }, run);
    if (chosen !== run) return;
    if (session.target !== target) throw new Error('The canary was not run: another target was picked meanwhile.');
    const result = await runCanary({ target, zone, redactor: engine.redactor, signal: AbortSignal.timeout(canaryWithinMs) });
    await showText(`${target.target.name} canary`, engine.redactor.text(canaryText(target.target.name, result)), ViewColumn.Active);
  }

  dispose(): void {
    this.#store.dispose();
  }
}
