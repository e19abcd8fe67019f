/** What the questions of a triage share. */
import { QuickInputButtons } from 'vscode';
import type { Disposable, Event, QuickInput, QuickInputButton } from 'vscode';
import { DisposableStore } from '../lifecycle.ts';

/** An answer; `back` for the question before this one; undefined where the user wants none of it. */
export type Answer<Value> = Value | 'back' | undefined;

/** A question that can be gone back from. */
export interface Question extends QuickInput {
  buttons: readonly QuickInputButton[];
  readonly onDidTriggerButton: Event<QuickInputButton>;
  readonly onDidAccept: Event<void>;
}

export interface Asking<Value> {
  /** The answer as it stands; undefined while what is given is none. */
  readonly accepted: () => Value | undefined;
  readonly canGoBack: boolean;
  /** Kept until there is an answer. */
  readonly listening?: readonly Disposable[];
}

/** Shows a question until it is answered, and disposes of it. */
export async function askOnce<Value>(question: Question, { accepted, canGoBack, listening = [] }: Asking<Value>): Promise<Answer<Value>> {
  const store = new DisposableStore();
  store.add(question);
  for (const each of listening) store.add(each);
  const done = Promise.withResolvers<Answer<Value>>();
  question.buttons = canGoBack ? [QuickInputButtons.Back] : [];
  store.add(question.onDidTriggerButton(() => done.resolve('back')));
  store.add(question.onDidHide(() => done.resolve(undefined)));
  store.add(question.onDidAccept(() => {
    const answer = accepted();
    if (answer !== undefined) done.resolve(answer);
  }));
  question.show();
  try {
    return await done.promise;
  } finally {
    store.dispose();
  }
}

/** `Time · Step 3 of 3` */
export function stepTitle(title: string, step: number, of: number): string {
  return `${title} · Step ${step} of ${of}`;
}
