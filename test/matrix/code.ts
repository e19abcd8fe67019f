/**
 * Fingerprints of the code that a recording was made by. Only what can change an observation counts: of each
 * file the declarations that are reached by name, and of those the words that run, without types, comments and
 * layout. So a recording outlives a new judge, another title and a tidied file, and no change of what is asked.
 */
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { root } from '../../scripts/lib/paths.ts';
import type { LabKindName } from '../lab/kinds.ts';

/** What observes, and the lab that is observed. */
export interface CodeHashes {
  readonly observers: string;
  readonly lab: string;
}

/** A file, and what of it: the name of a declaration, or all. */
type Root = readonly [file: string, name: string];

const all = '*';
const wholly = (file: string): Root => [file, all];
const files = (pattern: string): readonly string[] => globSync(pattern, { cwd: root }).sort();

const observerRoots: readonly Root[] = [
  ...files('src/flow/**/*.observe.ts').map(wholly),
  ['src/flow/liveSource.ts', 'liveSource'],
  ['src/flow/consent.ts', 'withConsent'],
  ['src/targets/open.ts', 'openTarget'],
  ['src/targets/targetFile.ts', 'readTargetFile'],
  ['src/redaction/redactor.ts', 'createRedactor'],
];

/** Folders of what only a target or a lab of one kind loads. */
const foldersOf: Readonly<Record<LabKindName, RegExp>> = {
  endpoints: /^$/,
  compose: /^(src\/targets\/compose|src\/flow\/services\/compose|test\/lab\/docker)\/|^src\/model\/compose\.ts$/,
  kubernetes: /^(src\/targets|src\/flow\/services|test\/lab)\/kubernetes\/|^src\/model\/kubernetes\.ts$/,
};

/** What happens in a lab of one kind. */
const happeningsOf: Readonly<Record<LabKindName, readonly Root[]>> = {
  endpoints: [['test/lab/faults/index.ts', 'faults'], ['test/lab/faults/index.ts', 'decoys']],
  compose: [['test/lab/docker/faults.ts', 'faults'], ['test/lab/docker/faults.ts', 'decoys']],
  kubernetes: [['test/lab/kubernetes/faults.ts', 'clusterFaults'], ['test/lab/kubernetes/faults.ts', 'clusterDecoys']],
};

/**
 * Files of the lab of which only what is reached counts: lists of faults and decoys, and what looks at a lab. All others count
 * in whole, because the lab starts its processes by the paths of their files.
 */
const besideTheLab = /\/faults\/|\/(faults|decoys)[^/]*$|^test\/lab\/(kinds|proof|prove|main|runFlow|recorder|caller|cases)\.ts$|^test\/lab\/kubernetes\/proof\.ts$/;

/** How a lab is looked at. */
const runs: readonly Root[] = [['test/lab/proof.ts', 'runAfter'], ['test/lab/proof.ts', 'runAgain']];

/** What a fault is called and is expected to show changes nothing of what happens. */
const told = new Set(['title', 'contract', 'verdicts']);

/** Text of a file of the project. */
type Read = (file: string) => string;

/** The hashes of the working tree, by the kind of the lab. */
export function codeHashes(read: Read = (file) => readFileSync(join(root, file), 'utf8')): Readonly<Record<LabKindName, CodeHashes>> {
  const modules = new Map<string, Module>();
  const moduleOf = (file: string): Module => {
    const known = modules.get(file) ?? moduleFrom(file, read(file));
    modules.set(file, known);
    return known;
  };
  const hashesOf = (kind: LabKindName): CodeHashes => {
    const ofOthers = Object.entries(foldersOf).flatMap(([other, folder]) => (other === kind ? [] : [folder]));
    const isOfKind = (file: string): boolean => !ofOthers.some((folder) => folder.test(file));
    const lab = files('test/lab/**/*.*').filter((file) => isOfKind(file) && !besideTheLab.test(file));
    const labRoots = [...lab.filter((file) => file.endsWith('.ts')).map(wholly), ...happeningsOf[kind], ...runs];
    return {
      observers: hashOf(reached(observerRoots, moduleOf, (file) => file.startsWith('src/') && isOfKind(file))),
      lab: hashOf([
        ...reached(labRoots, moduleOf, (file) => /^(test\/lab|src\/caracal)\//.test(file) && isOfKind(file)),
        ...lab.filter((file) => !file.endsWith('.ts')).map(read),
      ]),
    };
  };
  return { endpoints: hashesOf('endpoints'), compose: hashesOf('compose'), kubernetes: hashesOf('kubernetes') };
}

function hashOf(pieces: Iterable<string>): string {
  return createHash('sha256').update([...new Set(pieces)].sort().join('\n')).digest('hex').slice(0, 16);
}

/** A top-level statement: what of it runs, and the names that it uses. */
interface Piece {
  readonly words: string;
  readonly uses: ReadonlySet<string>;
}

interface Module {
  readonly declared: ReadonlyMap<string, Piece>;
  /** What runs by itself when the file is loaded. */
  readonly effects: readonly Piece[];
  /** By the name that this file uses, or exports, for what another one declares. */
  readonly imported: ReadonlyMap<string, Root>;
  readonly loadedLater: readonly string[];
}

/** The words of all declarations that are reached from the roots over files that are followed. */
function reached(roots: readonly Root[], moduleOf: (file: string) => Module, isFollowed: (file: string) => boolean): ReadonlySet<string> {
  const pieces = new Set<string>();
  const visited = new Set<string>();
  const use = (file: string, piece: Piece): void => {
    const place = `${file} ${piece.words}`;
    if (pieces.has(place)) return;
    pieces.add(place);
    for (const name of piece.uses) visit([file, name]);
  };
  const visit = ([file, name]: Root): void => {
    if (visited.has(`${file} ${name}`) || !isFollowed(file)) return;
    visited.add(`${file} ${name}`);
    const module = moduleOf(file);
    for (const piece of module.effects) use(file, piece);
    for (const later of module.loadedLater) visit(wholly(later));
    const names = name === all ? [...module.declared.keys(), ...module.imported.keys()] : [name];
    for (const each of names) {
      const declared = module.declared.get(each);
      const imported = module.imported.get(each);
      if (declared) use(file, declared);
      else if (imported) visit(imported);
    }
  };
  for (const one of roots) visit(one);
  return pieces;
}

/** Files that were read before, since most of them are the same when hashes are made again. */
const parsed = new Map<string, Module>();

function moduleFrom(file: string, text: string): Module {
  const key = `${file}\n${text}`;
  const known = parsed.get(key) ?? parse(file, text);
  parsed.set(key, known);
  return known;
}

function parse(file: string, text: string): Module {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const declared = new Map<string, Piece>();
  const effects: Piece[] = [];
  const imported = new Map<string, Root>();
  const loadedLater = new Set<string>();
  const fileOf = (specifier: ts.Expression | undefined): string | undefined =>
    specifier && ts.isStringLiteral(specifier) && specifier.text.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier.text)) : undefined;
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      const from = fileOf(statement.moduleSpecifier);
      for (const [local, name] of from === undefined ? [] : importedBy(statement)) imported.set(local, [from ?? '', name]);
    } else if (ts.isExportDeclaration(statement)) {
      const from = fileOf(statement.moduleSpecifier);
      if (statement.isTypeOnly || from === undefined) continue;
      if (!statement.exportClause || !ts.isNamedExports(statement.exportClause)) throw new Error(`${file} exports what is not named`);
      for (const { name, propertyName, isTypeOnly } of statement.exportClause.elements) if (!isTypeOnly) imported.set(name.text, [from, (propertyName ?? name).text]);
    } else {
      const kept = { words: [], names: new Set<string>() };
      wordsOf(statement, source, kept);
      const piece: Piece = { words: kept.words.join(' '), uses: kept.names };
      const names = namesOf(statement);
      if (names.length === 0 && piece.words !== '') effects.push(piece);
      for (const name of names) declared.set(name, piece);
      for (const later of importsIn(statement)) {
        const from = fileOf(later);
        if (from !== undefined) loadedLater.add(from);
      }
    }
  }
  return { declared, effects, imported, loadedLater: [...loadedLater] };
}

function importedBy({ importClause }: ts.ImportDeclaration): readonly (readonly [local: string, name: string])[] {
  if (!importClause || importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return [];
  const { name, namedBindings } = importClause;
  const named = !namedBindings ? [] : ts.isNamespaceImport(namedBindings) ? [[namedBindings.name.text, all] as const]
    : namedBindings.elements.flatMap((element) => (element.isTypeOnly ? [] : [[element.name.text, (element.propertyName ?? element.name).text] as const]));
  return [...(name ? [[name.text, all] as const] : []), ...named];
}

/** The names that a statement declares; of what only types need, none. */
function namesOf(statement: ts.Statement): readonly string[] {
  const bound = (name: ts.BindingName): readonly string[] =>
    ts.isIdentifier(name) ? [name.text] : name.elements.flatMap((element) => (ts.isBindingElement(element) ? bound(element.name) : []));
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.flatMap(({ name }) => bound(name));
  return (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name ? [statement.name.text] : [];
}

function importsIn(node: ts.Node): readonly ts.Expression[] {
  const own = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments.slice(0, 1) : [];
  const below: ts.Expression[] = [];
  ts.forEachChild(node, (child) => void below.push(...importsIn(child)));
  return [...own, ...below];
}

/** The words of a node that run, and the names among them. */
function wordsOf(node: ts.Node, source: ts.SourceFile, kept: { readonly words: string[]; readonly names: Set<string> }): void {
  const isType = ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node);
  if (isType || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isJSDoc(node)) return;
  if ((ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) && ts.isIdentifier(node.name) && told.has(node.name.text) && besideTheLab.test(source.fileName)) return;
  const children = node.getChildren(source);
  for (const child of children) wordsOf(child, source, kept);
  if (children.length > 0) return;
  const word = node.getText(source);
  if (word !== '') kept.words.push(word);
  if (ts.isIdentifier(node)) kept.names.add(word);
}
