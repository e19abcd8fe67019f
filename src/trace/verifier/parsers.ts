import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import treeSitter from '@vscode/tree-sitter-wasm';
import type { Language } from '@vscode/tree-sitter-wasm';
import type { VerifierLanguage } from '../../caracal/verifiers.ts';
import type { Parsers } from './syntax.ts';

/** The grammar of TSX reads TypeScript and JavaScript too, but for assertions in angle brackets. */
const files: Readonly<Record<VerifierLanguage, string>> = { typescript: 'tree-sitter-tsx.wasm', python: 'tree-sitter-python.wasm', go: 'tree-sitter-go.wasm' };

/** The files that `openParsers` wants in its folder, from the package `@vscode/tree-sitter-wasm`. */
export const parserFiles: readonly string[] = ['tree-sitter.wasm', ...Object.values(files)];

/** Parsing gives way to others after so long. */
const sliceMs = 15;

/**
 * Parsers of source, each loaded with the first file of its language.
 *
 * @param folder has `parserFiles`
 * @throws Error when the folder has not the runtime; `parse` rejects when it has not a language
 */
export async function openParsers(folder: string): Promise<Parsers> {
  await treeSitter.Parser.init({ locateFile: (file) => join(folder, file) });
  const loaded = new Map<VerifierLanguage, Promise<Language>>();
  const load = (language: VerifierLanguage): Promise<Language> => {
    const known = loaded.get(language) ?? treeSitter.Language.load(join(folder, files[language]));
    loaded.set(language, known);
    return known;
  };
  return {
    parse: async (language, text) => {
      const grammar = await load(language);
      const parser = new treeSitter.Parser();
      try {
        parser.setLanguage(grammar);
        for (;;) {
          const until = performance.now() + sliceMs;
          // A parse that was stopped goes on where it was when it is called again.
          const tree = parser.parse(text, null, { progressCallback: () => performance.now() > until });
          if (tree !== null) return tree;
          await setImmediate();
        }
      } finally {
        parser.delete();
      }
    },
  };
}
