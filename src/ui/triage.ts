import { commands, window } from 'vscode';
import type { Symptom } from '../caracal/symptoms.ts';
import { deciding, firstRed, firstSettledFailure } from '../flow/triage.ts';
import type { CheckPages } from './checkPages.ts';
import { flowViewId } from './commandIds.ts';
import type { FlowSession } from './flowSession.ts';
import type { FlowView } from './flowView.ts';

export interface TriageParts {
  readonly session: FlowSession;
  readonly view: FlowView;
  readonly pages: CheckPages;
}

/**
 * Runs what tells the reasons of a symptom apart, and shows where to begin: the row is selected in the
 * tree, which keeps the focus, and its page opens. A failure that nothing can come before is shown at
 * once, while slower checks go on.
 */
export async function triage(symptom: Symptom, { session, view, pages }: TriageParts): Promise<void> {
  // The view has the progress, and its keys stop the run.
  await commands.executeCommand(`${flowViewId}.focus`);
  let shown: Promise<void> | undefined;
  const show = async (id: string): Promise<void> => {
    const check = session.state.checks.find((head) => head.id === id);
    // Who has turned to something else is not called back.
    if (!check || !view.visible) return;
    await view.reveal(id);
    await pages.show(check);
  };
  const look = (): void => {
    const { answers, running, triage: progress } = session.state;
    if (shown || !progress) return;
    const failure = firstSettledFailure(symptom.checks, (id) => (running.has(id) ? undefined : answers.get(id)?.verdict));
    if (!failure) return;
    shown = show(failure.check);
    // Whether it could be shown is told at the end; until then nobody waits for it.
    shown.catch(() => undefined);
  };
  const looking = session.onDidChange(look);
  let ended: boolean;
  try {
    ended = await window.withProgress({ location: { viewId: flowViewId } }, () => session.triage(symptom));
  } finally {
    looking.dispose();
  }
  if (ended && !shown) {
    const found = firstRed(deciding(symptom.checks, (id) => session.state.answers.get(id)?.verdict));
    if (found) shown = show(found.first.check);
  }
  await shown;
}
