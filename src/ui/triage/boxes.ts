import { window } from 'vscode';
import type { QuickPickItem } from 'vscode';
import type { Zone } from '../../flow/zones.ts';
import { parseFilter } from '../../logs/filter.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { Capture, Captured } from '../../trace/capture.ts';
import { MaskedBox } from './maskedBox.ts';
import { askOnce, stepTitle } from './wizard.ts';
import type { Answer } from './wizard.ts';

/** The place of a question among all. */
export interface Step {
  readonly step: number;
  readonly of: number;
}

const emptyAllowed = 'Leave empty to look at the last hour';

/** What was given: nothing is an answer, too. */
export interface Given<Value> {
  readonly value: Value | undefined;
}

/** Asks for a call, by whatever tells of one. */
export async function askRequest({ step, of }: Step, proposed: string, capture: (text: string) => Capture, redactor: Pick<Redactor, 'text'>): Promise<Answer<Given<Captured>>> {
  const box = window.createInputBox();
  const read = (text: string): Capture | undefined => (text.trim() === '' ? undefined : capture(text));
  const masked = new MaskedBox(redactor, read);
  box.title = stepTitle('Request id', step, of);
  box.placeholder = emptyAllowed;
  box.prompt = 'A request id, token, approval id, response or log line';
  box.ignoreFocusOut = true;
  box.value = masked.take(proposed);
  const typing = box.onDidChangeValue((value) => {
    const shown = masked.take(value);
    if (shown !== value) box.value = shown;
    box.validationMessage = masked.told?.kind === 'nothing' ? masked.told.why : '';
  });
  const accepted = (): Given<Captured> | undefined => (masked.told?.kind === 'nothing' ? undefined : { value: masked.told?.captured });
  return askOnce(box, { accepted, canGoBack: true, listening: [typing] });
}

/** Asks for a zone of several. */
export async function askZone({ step, of }: Step, zones: readonly Zone[]): Promise<Answer<Given<string>>> {
  const picker = window.createQuickPick<QuickPickItem & { readonly zone: string | undefined }>();
  picker.title = stepTitle('Zone', step, of);
  picker.placeholder = 'Name or id of the zone in which it happened';
  picker.matchOnDescription = true;
  picker.ignoreFocusOut = true;
  picker.items = [...zones.map(({ id, name }) => ({ label: name, description: id, zone: id })), { label: 'No zone in particular', detail: 'Checks of a zone are left out.', zone: undefined }];
  const accepted = (): Given<string> | undefined => {
    const [chosen] = picker.selectedItems;
    return chosen && { value: chosen.zone };
  };
  return askOnce(picker, { accepted, canGoBack: true });
}

/** Asks when it happened; milliseconds since 1970. */
export async function askTime({ step, of }: Step): Promise<Answer<Given<number>>> {
  const box = window.createInputBox();
  box.title = stepTitle('Time', step, of);
  box.placeholder = emptyAllowed;
  box.prompt = 'When it happened, in UTC: 14:02, 14:02:11 or 2026-08-20T14:02';
  box.ignoreFocusOut = true;
  const typing = box.onDidChangeValue((value) => {
    box.validationMessage = problemOf(value);
  });
  const accepted = (): Given<number> | undefined => (problemOf(box.value) === '' ? { value: momentOf(box.value) } : undefined);
  return askOnce(box, { accepted, canGoBack: true, listening: [typing] });
}

/** As a filter of a log reads it. @throws FilterProblem where it is no time */
function momentOf(text: string): number | undefined {
  return text.trim() === '' ? undefined : parseFilter(`after:${text.trim()}`, undefined, Date.now()).after;
}

function problemOf(text: string): string {
  try {
    momentOf(text);
    return '';
  } catch {
    return 'This is no time. Write it as 14:02, 14:02:11 or 2026-08-20T14:02, in UTC.';
  }
}
