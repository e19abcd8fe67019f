/** Finds the verifiers of a resource server in its source, and their settings: contract request-evidence 11.1. */
import { entryPoints, goPackages, settingNames } from '../../caracal/verifiers.ts';
import type { VerifierLanguage, VerifierSetting } from '../../caracal/verifiers.ts';
import { go, readGo } from './go.ts';
import { python, readPython } from './python.ts';
import type { VerifierSettings } from './setting.ts';
import type { Grammar, Parsers, Source } from './syntax.ts';
import { readTypeScript, typescript } from './typescript.ts';

export interface SourceFile {
  /** As places say it. */
  readonly path: string;
  readonly text: string;
}

export interface FoundVerifiers {
  readonly verifiers: readonly VerifierSettings[];
  /** Why some may be missing, in a sentence; undefined where the whole file was read. */
  readonly problem: string | undefined;
}

const languages: Readonly<Record<VerifierLanguage, { readonly grammar: Grammar; readonly read: (source: Source) => readonly VerifierSettings[] }>> = {
  typescript: { grammar: typescript, read: readTypeScript },
  python: { grammar: python, read: readPython },
  go: { grammar: go, read: readGo },
};

const endings: readonly (readonly [RegExp, VerifierLanguage])[] = [[/\.[cm]?[jt]sx?$/, 'typescript'], [/\.py$/, 'python'], [/\.go$/, 'go']];

/** The language of a file by its name; undefined for one that has no verifier. JavaScript counts as TypeScript. */
export function languageOf(path: string): VerifierLanguage | undefined {
  return endings.find(([ending]) => ending.test(path))?.[1];
}

/** Settings by which an override is known where the verifier itself is in another file; no other library has them. */
const ownSettings: readonly VerifierSetting[] = ['scopes', 'targets', 'use', 'session', 'delegation', 'chain', 'hops'];
const signs: Readonly<Record<VerifierLanguage, readonly string[]>> = {
  typescript: [...ownNames('typescript'), 'authenticateRequest', '@caracalai/'],
  python: [...ownNames('python'), 'caracalai_'],
  go: Object.keys(goPackages).map((path) => `/caracal/${path}"`),
};

function ownNames(language: VerifierLanguage): readonly string[] {
  return [...entryPoints[language].filter(({ from, common }) => from !== undefined && common === undefined).map(({ name }) => name), ...ownSettings.map((setting) => settingNames[setting][language])];
}

/** Whether it is worth to parse a file. Reads it once and is quick. */
export function mayHaveVerifier(language: VerifierLanguage, text: string): boolean {
  return signs[language].some((sign) => text.includes(sign));
}

/** A larger file was not written by hand. */
const mostCharacters = 512 * 1024;

/**
 * The verifiers that a file sets up. What is not written out in the file is `computed`; a constant of the same file is followed.
 *
 * @param parsers are asked only for a file that may have one
 * @throws what `parsers` reject with
 */
export async function findVerifiers({ path, text }: SourceFile, parsers: Parsers): Promise<FoundVerifiers> {
  const language = languageOf(path);
  if (language === undefined || !mayHaveVerifier(language, text)) return { verifiers: [], problem: undefined };
  if (text.length > mostCharacters) return { verifiers: [], problem: `${path} was not read: it has more than ${mostCharacters / 1024} KB.` };
  // Go ends a statement with its line, the last one too.
  const tree = await parsers.parse(language, `${text}\n`);
  try {
    const { grammar, read } = languages[language];
    const { rootNode: root } = tree;
    return { verifiers: read({ file: path, text, root, grammar, read: new Map(), bound: new Map(), written: new Map() }), problem: root.hasError ? `${path} has a syntax error${lineOfError(root)}: what stands near it may be missing.` : undefined };
  } finally {
    tree.delete();
  }
}

function lineOfError(root: Source['root']): string {
  let at = root;
  while (!at.isError && !at.isMissing) {
    const next = at.children.find((child) => child?.hasError === true) ?? undefined;
    if (next === undefined) break;
    at = next;
  }
  return ` at line ${at.startPosition.row + 1}`;
}
