import { QuickPickItemKind, Uri, commands, languages, window, workspace } from 'vscode';
import type { QuickPickItem, TextDocumentContentProvider } from 'vscode';
import type { HelmFacts } from '../model/kubernetes.ts';
import type { KubernetesTarget } from '../model/target.ts';
import type { LocatedTarget } from '../targets/located.ts';
import { flowViewId } from './commandIds.ts';
import type { Engine } from './engineSlot.ts';
import { DisposableStore } from './lifecycle.ts';

const scheme = 'caracal-helm';

/** Reading the stored releases and the values of two of them may take this long. */
const readWithinMs = 20_000;

type Release = LocatedTarget<KubernetesTarget>;
type Revision = HelmFacts['revisions'][number];

/** What stands on the left of the comparison; on the right stands a revision with the chart's defaults under it. */
type Against = { readonly kind: 'revision'; readonly revision: number } | { readonly kind: 'chart' };

interface Item extends QuickPickItem {
  readonly right?: number;
  readonly against?: Against;
}

/** Values of Helm revisions beside each other, in VS Code's diff editor. They are masked before they get here. */
export class HelmValues implements TextDocumentContentProvider {
  readonly #engine: Engine;
  readonly #store = new DisposableStore();
  readonly #texts = new Map<string, string>();

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#store.add(workspace.registerTextDocumentContentProvider(scheme, this));
    this.#store.add(workspace.onDidCloseTextDocument(({ uri }) => this.#texts.delete(uri.toString())));
  }

  /**
   * Asks which revisions to compare, and opens them.
   *
   * @throws Unavailable, Refused as every question to the cluster does.
   */
  async compare(release: Release): Promise<void> {
    const { helmHistory } = await this.#engine.load();
    const { revisions, unreadable } = await reading(() => helmHistory(release, this.#engine.redactor, AbortSignal.timeout(readWithinMs)));
    if (revisions.length === 0) {
      const [first] = unreadable;
      throw new Error(`Cannot compare values: ${first ? `${first.name} cannot be read, ${first.why}` : `Helm stores no revision of ${release.target.release}`}.`);
    }
    const picked = await window.showQuickPick(items(revisions), {
      title: `Compare values of ${release.target.release}`,
      placeHolder: 'Two revisions, or a revision and the defaults of its chart',
      matchOnDescription: true,
    });
    if (picked?.right === undefined || picked.against === undefined) return;
    await this.#open(release, picked.right, picked.against);
  }

  provideTextDocumentContent(uri: Uri): string {
    return this.#texts.get(uri.toString()) ?? '# These values were read for a comparison that was closed. Compare again.\n';
  }

  dispose(): void {
    this.#store.dispose();
  }

  async #open(release: Release, right: number, against: Against): Promise<void> {
    const { helmValues } = await this.#engine.load();
    const values = (revision: number) => helmValues(release, revision, this.#engine.redactor, AbortSignal.timeout(readWithinMs));
    const [newer, older] = await reading(() => Promise.all([values(right), against.kind === 'revision' ? values(against.revision) : undefined]));
    const leftName = against.kind === 'revision' ? `revision ${against.revision}` : 'chart defaults';
    const left = this.#document(release, leftName, older ? older.effective : newer.chartDefaults);
    const shown = this.#document(release, `revision ${right}`, newer.effective);
    for (const uri of [left, shown]) await languages.setTextDocumentLanguage(await workspace.openTextDocument(uri), 'yaml');
    await commands.executeCommand('vscode.diff', left, shown, `${release.target.release}: values of ${leftName} ↔ revision ${right}`);
  }

  #document(release: Release, name: string, text: string): Uri {
    const uri = Uri.from({ scheme, path: `/${release.target.namespace}/${release.target.release}/${name}.yaml` });
    this.#texts.set(uri.toString(), text);
    return uri;
  }
}

function reading<Result>(read: () => Promise<Result>): Thenable<Result> {
  return window.withProgress({ location: { viewId: flowViewId } }, read);
}

/** `20 Aug 2026, 14:21`, in the local zone. */
function dateAndTime(at: string): string {
  return new Date(at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

/** The newest first; each against the one before it, and against its chart. */
function items(revisions: readonly Revision[]): readonly Item[] {
  return revisions.toReversed().flatMap((revision, index, newestFirst): Item[] => {
    const before = newestFirst[index + 1];
    const described = [revision.status, ...(revision.lastDeployed === null ? [] : [dateAndTime(revision.lastDeployed)])].join(', ');
    return [
      { label: `Revision ${revision.revision}, ${described}`, kind: QuickPickItemKind.Separator },
      ...(before
        ? [{
            label: `$(diff) ${before.revision} ↔ ${revision.revision}`,
            description: before.chartVersion === revision.chartVersion ? 'what was changed' : `what was changed, with chart ${before.chartVersion} ↔ ${revision.chartVersion}`,
            right: revision.revision,
            against: { kind: 'revision' as const, revision: before.revision },
          }]
        : []),
      {
        label: `$(diff) chart ${revision.chartVersion} ↔ ${revision.revision}`,
        description: 'what differs from the defaults of the chart',
        right: revision.revision,
        against: { kind: 'chart' as const },
      },
    ];
  });
}
