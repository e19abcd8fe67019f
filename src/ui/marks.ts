import { FileDecoration, ThemeColor, Uri, window } from 'vscode';
import type { FileDecorationProvider } from 'vscode';
import type { Decoration } from './causes.ts';
import { DisposableStore } from './lifecycle.ts';

const scheme = 'caracal-node';

/** The address of a row that has a mark. It tells the whole mark, so that another mark is another address. */
export function markedUri(node: string, decoration: Decoration): Uri {
  // The id of a target may be a path itself, and an address has one slash there.
  return Uri.from({ scheme, path: node.replace(/^\/*/, '/'), query: JSON.stringify(decoration) });
}

/** Numbers of causes at the right of rows, which only files may have: a marked row has the address of one that does not exist. */
export class Marks implements FileDecorationProvider {
  readonly #store = new DisposableStore();

  constructor() {
    this.#store.add(window.registerFileDecorationProvider(this));
  }

  provideFileDecoration(uri: Uri): FileDecoration | undefined {
    if (uri.scheme !== scheme) return undefined;
    // Only `markedUri` makes URIs of this scheme.
    const { badge, tooltip, color } = JSON.parse(uri.query) as Decoration;
    return new FileDecoration(badge, tooltip, color === undefined ? undefined : new ThemeColor(color));
  }

  dispose(): void {
    this.#store.dispose();
  }
}
