import { QuickPickItemKind, window } from 'vscode';
import type { QuickPickItem } from 'vscode';
import { symptoms } from '../../caracal/symptoms.ts';
import type { Symptom } from '../../caracal/symptoms.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { Recognised } from '../../trace/recognise.ts';
import { MaskedBox } from './maskedBox.ts';
import { askOnce } from './wizard.ts';

/** What the user sees: a symptom, none any more, or a text; of a text that is not Caracal's nothing is known. */
export type Picked =
  | { readonly kind: 'symptom'; readonly symptom: Symptom }
  | { readonly kind: 'none' }
  | { readonly kind: 'text'; readonly recognised: Recognised | undefined };

/** A text that was there before anybody asked, and where: `clipboard`, `selection`. */
export interface HandyText {
  readonly where: string;
  readonly recognised: Recognised;
}

interface Item extends QuickPickItem {
  readonly choice?: Picked;
}

export interface SymptomPickerParts {
  readonly current: Symptom | undefined;
  readonly handy: HandyText | undefined;
  readonly recognise: (text: string) => Recognised | undefined;
  readonly redactor: Pick<Redactor, 'text'>;
}

/** Of a text that is not Caracal's so much is repeated. */
const mostShown = 60;

/** Asks what the user sees. Its words find a symptom as well, and a text that is pasted is recognised. */
export async function pickSymptom({ current, handy, recognise, redactor }: SymptomPickerParts): Promise<Picked | undefined> {
  const picker = window.createQuickPick<Item>();
  picker.title = 'Triage a symptom';
  picker.placeholder = 'Pick what you see, or paste an error, a status line or a log line';
  picker.matchOnDetail = true;
  const box = new MaskedBox(redactor, recognise);
  const rows = symptoms.map((symptom): Item => ({
    label: symptom.title,
    detail: symptom.words,
    ...(symptom.id === current?.id ? { description: 'picked' } : {}),
    choice: { kind: 'symptom', symptom },
  }));
  const none: readonly Item[] = current
    ? [{ label: '', kind: QuickPickItemKind.Separator }, { label: 'None', detail: 'forget what was picked', choice: { kind: 'none' } }]
    : [];
  let drawn: string | undefined;
  const draw = (text: string): void => {
    const first = box.told !== undefined ? [textItem('Use this text', box.told)] : text === '' && handy ? [textItem(`Use the ${handy.where}`, handy.recognised)] : [];
    const last = text === '' || box.told !== undefined || isWordOfSymptom(text) ? [] : [foreignItem(text)];
    // A list that is set anew forgets which row is chosen, also while the user presses Enter.
    const now = JSON.stringify([first, last]);
    if (now === drawn) return;
    drawn = now;
    picker.items = [...first, ...rows, ...none, ...last];
    if (first.length === 0 && text === '' && current) picker.activeItems = rows.filter(({ description }) => description !== undefined);
  };
  const typing = picker.onDidChangeValue((value) => {
    const shown = box.take(value.trim() === '' ? '' : value);
    if (shown !== value) picker.value = shown;
    draw(shown.trim());
  });
  draw('');
  const answer = await askOnce(picker, { accepted: () => picker.selectedItems[0]?.choice, canGoBack: false, listening: [typing] });
  return answer === 'back' ? undefined : answer;
}

function textItem(use: string, recognised: Recognised): Item {
  return { label: `${use}: ${recognised.summary}`, detail: recognised.detail, alwaysShow: true, choice: { kind: 'text', recognised } };
}

/** Its label has none of the text, so that a symptom that the text finds comes before it. */
function foreignItem(text: string): Item {
  const short = text.length > mostShown ? `${text.slice(0, mostShown)}…` : text;
  return { label: "This text is not one of Caracal's", description: short, detail: 'It may come from the upstream.', alwaysShow: true, choice: { kind: 'text', recognised: undefined } };
}

/** Whoever types a word of a symptom looks for it. */
function isWordOfSymptom(text: string): boolean {
  const word = text.toLowerCase();
  return symptoms.some(({ title, words }) => title.toLowerCase().includes(word) || words.toLowerCase().includes(word)) || 'none'.startsWith(word);
}
