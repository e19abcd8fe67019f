import { QuickPickItemKind, window } from 'vscode';
import type { QuickPickItem } from 'vscode';
import { symptoms } from '../caracal/symptoms.ts';
import type { Symptom } from '../caracal/symptoms.ts';
import { DisposableStore } from './lifecycle.ts';

/** `symptom` is undefined for none. */
export interface PickedSymptom {
  readonly symptom: Symptom | undefined;
}

interface Item extends QuickPickItem {
  readonly choice?: PickedSymptom;
}

/** Asks what the user sees; the words of an answer or a log line find it as well. */
export async function pickSymptom(current: Symptom | undefined): Promise<PickedSymptom | undefined> {
  const store = new DisposableStore();
  const picker = store.add(window.createQuickPick<Item>());
  picker.title = 'Pick a symptom';
  picker.placeholder = 'Pick what you see';
  picker.matchOnDetail = true;
  const items = symptoms.map((symptom): Item => ({
    label: symptom.title,
    detail: symptom.words,
    ...(symptom.id === current?.id ? { description: 'picked' } : {}),
    choice: { symptom },
  }));
  const none: readonly Item[] = current
    ? [{ label: '', kind: QuickPickItemKind.Separator }, { label: 'None', detail: 'forget what was picked', choice: { symptom: undefined } }]
    : [];
  picker.items = [...items, ...none];
  if (current) picker.activeItems = items.filter(({ choice }) => choice?.symptom?.id === current.id);
  const done = Promise.withResolvers<PickedSymptom | undefined>();
  store.add(picker.onDidHide(() => done.resolve(undefined)));
  store.add(picker.onDidAccept(() => done.resolve(picker.selectedItems[0]?.choice)));
  picker.show();
  try {
    return await done.promise;
  } finally {
    store.dispose();
  }
}
