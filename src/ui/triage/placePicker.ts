import { QuickPickItemKind, window } from 'vscode';
import type { QuickPickItem } from 'vscode';
import type { Place } from '../../caracal/places.ts';
import { symptoms } from '../../caracal/symptoms.ts';
import type { Recognised } from '../../trace/recognise.ts';
import type { CheckHead } from '../flowState.ts';
import { askOnce } from './wizard.ts';
import type { Answer } from './wizard.ts';

/** Where a text comes from, as the user sees it, or what is to be done without knowing. */
export type PickedPlace = { readonly kind: 'place'; readonly place: Place } | { readonly kind: 'trace' } | { readonly kind: 'symptom' };

interface Item extends QuickPickItem {
  readonly choice?: PickedPlace;
}

const separator: Item = { label: '', kind: QuickPickItemKind.Separator };
const pickASymptom: Item = { label: 'Pick a symptom', choice: { kind: 'symptom' } };

/**
 * Asks where a text comes from: codes of Caracal are ambiguous, so the difference is told.
 *
 * @param places the likeliest first
 * @param checks of the target, for their names
 */
export async function pickPlace({ summary }: Recognised, places: readonly Place[], checks: readonly CheckHead[]): Promise<Answer<PickedPlace>> {
  const picker = window.createQuickPick<Item>();
  picker.title = 'Where it can come from';
  picker.placeholder = `${summary}: pick what fits, the likeliest is first`;
  picker.matchOnDetail = true;
  picker.items = [
    ...places.map((place): Item => ({
      label: place.words,
      description: symptoms.find(({ id }) => id === place.symptom)?.title ?? '',
      detail: toldBy(place, checks),
      choice: { kind: 'place', place },
    })),
    separator,
    { ...pickASymptom, detail: 'None of these fits.' },
  ];
  return askOnce(picker, { accepted: () => picker.selectedItems[0]?.choice, canGoBack: true });
}

/** What to do with a text that tells no error of Caracal. */
export async function pickWithoutPlace(recognised: Recognised | undefined): Promise<Answer<PickedPlace>> {
  const picker = window.createQuickPick<Item>();
  picker.title = recognised === undefined ? "This text is not one of Caracal's" : 'No error of Caracal is in this text';
  picker.placeholder = recognised === undefined ? "This text is not one of Caracal's. It may come from the upstream." : `${recognised.summary}: nothing in it says what went wrong`;
  picker.items = [
    { label: 'Trace anyway', detail: recognised === undefined ? 'Look at one call: by its request id, or the newest that failed.' : 'Look at this call.', choice: { kind: 'trace' } },
    pickASymptom,
  ];
  return askOnce(picker, { accepted: () => picker.selectedItems[0]?.choice, canGoBack: true });
}

/** `where Redis does not answer; Redis › Reachable tells` */
function toldBy({ tells, seenAt }: Place, checks: readonly CheckHead[]): string {
  const [telling] = seenAt.flatMap((check) => checks.find(({ id }) => id === check) ?? []);
  const where = tells === undefined ? [] : [`where ${tells}`];
  return [...where, ...(telling === undefined ? [] : [`${telling.component} › ${telling.title} tells`])].join('; ');
}
