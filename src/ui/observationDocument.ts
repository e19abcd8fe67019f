import { CodeLens, EventEmitter, Range, Uri, languages, window, workspace } from 'vscode';
import type { CodeLensProvider, TextDocumentContentProvider, ViewColumn } from 'vscode';
import type { Check } from '../model/check.ts';
import { commandIds, internalCommandIds } from './commandIds.ts';
import { coveredBy, marksOf, namedCauses, reachText } from './causes.ts';
import type { Engine } from './engineSlot.ts';
import type { FlowSession } from './flowSession.ts';
import type { FlowState } from './flowState.ts';
import { DisposableStore } from './lifecycle.ts';
import { observationText } from './observationText.ts';
import type { ObservationTextInput } from './observationText.ts';
import { checkNodeId } from './present.ts';
import { blockedCount } from './tooltip.ts';

export const observationScheme = 'caracal-observation';

/** What a document of the scheme shows, as it stands in its query. */
type Subject =
  | { readonly kind: 'observations'; readonly target: string; readonly check: string }
  | { readonly kind: 'report'; readonly target: string };

/**
 * Read-only documents about the record of the last run: observations of a check, and the report.
 * Everything is masked on its way out, also what was masked before.
 */
export class ObservationDocuments implements TextDocumentContentProvider, CodeLensProvider {
  readonly #session: FlowSession;
  readonly #engine: Engine;
  readonly #store = new DisposableStore();
  readonly #changed = this.#store.add(new EventEmitter<Uri>());
  /** By the query of a document: what its shown text was made of. */
  readonly #versions = new Map<string, readonly unknown[]>();

  readonly onDidChange = this.#changed.event;

  constructor(session: FlowSession, engine: Engine) {
    this.#session = session;
    this.#engine = engine;
    this.#store.add(workspace.registerTextDocumentContentProvider(observationScheme, this));
    this.#store.add(languages.registerCodeLensProvider({ scheme: observationScheme }, this));
    this.#store.add(session.onDidChange(() => this.#refresh()));
  }

  /** Opens the record behind a check, in the active group if none is given: the focus stays where it is. */
  async showObservations(check: string, viewColumn?: ViewColumn): Promise<void> {
    const { target, checks } = this.#session.state;
    const head = checks.find(({ id }) => id === check);
    if (!target || !head) return;
    const uri = uriOf(`${head.component} › ${head.title}`, { kind: 'observations', target: target.id, check });
    const document = await languages.setTextDocumentLanguage(await workspace.openTextDocument(uri), 'yaml');
    await window.showTextDocument(document, { preview: true, preserveFocus: true, ...(viewColumn === undefined ? {} : { viewColumn }) });
  }

  async showReport(): Promise<void> {
    const { target } = this.#session.state;
    if (!target) return;
    const uri = uriOf(`${target.name} report`, { kind: 'report', target: target.id });
    this.#changed.fire(uri);
    const document = await languages.setTextDocumentLanguage(await workspace.openTextDocument(uri), 'json');
    await window.showTextDocument(document, { preview: false });
  }

  async provideTextDocumentContent(uri: Uri): Promise<string> {
    const subject = subjectOf(uri);
    const { redactor } = this.#engine;
    if (subject.target !== this.#session.state.target?.id) {
      return '# This belongs to a target that is no longer picked. Its record is gone.\n';
    }
    if (subject.kind === 'report') return redactor.text(`${JSON.stringify(this.#session.report, undefined, 2)}\n`);
    const { checks } = await this.#engine.load();
    const check = checks.find(({ id }) => id === subject.check);
    if (!check) return `# There is no check ${subject.check}.\n`;
    return redactor.text(this.#observations(check));
  }

  provideCodeLenses(document: { readonly uri: Uri }): CodeLens[] {
    const subject = subjectOf(document.uri);
    const { target, checks } = this.#session.state;
    if (subject.kind === 'report' || target?.id !== subject.target) return [];
    const head = checks.find(({ id }) => id === subject.check);
    if (!head) return [];
    const top = new Range(0, 0, 0, 0);
    const node = checkNodeId(target.id, head);
    const lens = (title: string, command: string, argument: string): CodeLens =>
      new CodeLens(top, { title, command, arguments: [argument] });
    return [
      lens('Explain this check', commandIds.explainCheck, node),
      lens('Run again', commandIds.runAgain, node),
      lens('Show in tree', internalCommandIds.showInTree, head.id),
    ];
  }

  dispose(): void {
    this.#store.dispose();
  }

  #observations(check: Check): string {
    const { state } = this.#session;
    return observationText({
      check,
      verdict: state.answers.get(check.id)?.verdict,
      observations: this.#session.evidence(check.id),
      mark: markIn(state, check.id),
      blocks: blockedCount(state, check.id),
      running: state.running.has(check.id),
    });
  }

  /** Open documents follow the session. Each is sent again only when its own record has changed. */
  #refresh(): void {
    for (const { uri } of workspace.textDocuments) {
      if (uri.scheme !== observationScheme) continue;
      const version = this.#version(subjectOf(uri));
      const known = this.#versions.get(uri.query);
      this.#versions.set(uri.query, version);
      if (known === undefined || known.some((part, index) => part !== version[index])) this.#changed.fire(uri);
    }
  }

  /** What a document is made of, to be compared by identity. */
  #version(subject: Subject): readonly unknown[] {
    const { state, report } = this.#session;
    if (subject.kind === 'report') return [state.target?.id, report];
    const { check } = subject;
    const mark = markIn(state, check);
    return [
      state.target?.id,
      state.answers.get(check),
      this.#session.evidence(check),
      state.running.has(check),
      blockedCount(state, check),
      mark && `${mark.number} ${mark.title} ${mark.isOwn} ${mark.reach}`,
    ];
  }
}

function markIn(state: FlowState, check: string): ObservationTextInput['mark'] {
  const mark = marksOf(state).get(check);
  const cause = namedCauses(state).find(({ id }) => id === mark?.cause);
  return mark && cause && { ...mark, reach: reachText(coveredBy(cause, state), state) };
}

/** The path is the title of the tab, so the subject travels in the query. */
function uriOf(title: string, subject: Subject): Uri {
  return Uri.from({ scheme: observationScheme, path: `/${title.replaceAll('/', '∕')}`, query: JSON.stringify(subject) });
}

function subjectOf(uri: Uri): Subject {
  // Only `uriOf` makes URIs of this scheme; a hand-made one fails to parse and shows nothing.
  return JSON.parse(uri.query) as Subject;
}
