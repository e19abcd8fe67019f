/** What the readers of the three languages share: finding names in a tree, and following them to where they are bound. */
import type { Node, Tree } from '@vscode/tree-sitter-wasm';
import { settingNames } from '../../caracal/verifiers.ts';
import type { VerifierLanguage, VerifierSetting } from '../../caracal/verifiers.ts';
import type { ComputedSetting, Setting, Settings, SettingValue, SourcePlace } from './setting.ts';

export type SyntaxNode = Node;

/** Parsers that somebody else loads: parsers.ts. */
export interface Parsers {
  /**
   * @param text the whole file
   * @returns a tree that whoever asked for it deletes
   */
  readonly parse: (language: VerifierLanguage, text: string) => Promise<Tree>;
}

export interface Source {
  readonly file: string;
  readonly text: string;
  readonly root: SyntaxNode;
  readonly grammar: Grammar;
  /** What was read of a node, by its id. */
  readonly read: Map<number, Settings>;
  /** What names are bound to. */
  readonly bound: Map<string, SyntaxNode | undefined>;
  /** What is assigned to members of what has a name. */
  readonly written: Map<string, ReadonlyMap<string, SyntaxNode>>;
}

/** How one language writes what all of them can say. */
export interface Grammar {
  readonly language: VerifierLanguage;
  /** The types of nodes that a name may be. */
  readonly names: ReadonlySet<string>;
  /** What an occurrence of a name does: it binds it to a value or to something unknown, or only uses it. */
  readonly binding: (name: SyntaxNode) => { readonly value: SyntaxNode | undefined } | undefined;
  /** The member of a named thing that is assigned to where the name occurs, and the assignment. */
  readonly written: (name: SyntaxNode) => { readonly member: string; readonly at: SyntaxNode } | undefined;
  /** Without brackets, assertions and the like. */
  readonly bare: (node: SyntaxNode) => SyntaxNode;
  /** A value that stands in the source; undefined for anything else. A list has its members for itself. */
  readonly literal: (node: SyntaxNode) => { readonly value: SettingValue } | { readonly members: readonly SyntaxNode[] } | undefined;
  /** A member of an object of the file, as in `defaults.issuer`. */
  readonly member: (source: Source, node: SyntaxNode, left: number) => SyntaxNode | undefined;
  /** How a store is made, as in `new InMemoryRevocationStore`. */
  readonly made: (node: SyntaxNode) => string | undefined;
  /** Finds the environment variable that an expression reads. */
  readonly variable: RegExp;
}

/** Where a node begins. */
export function placeOf({ file }: Source, { startPosition }: SyntaxNode): SourcePlace {
  return { file, line: startPosition.row + 1, column: startPosition.column + 1 };
}

const partOfName = /[\w$]/;
/** A file in which a name occurs more often was not written to be read. */
const mostOccurrences = 1000;

/** The nodes that are a name, wherever it occurs, but not in a comment or a text; the first of very many. */
export function occurrences({ text, root }: Source, name: string, types: ReadonlySet<string>): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let at = text.indexOf(name); at !== -1 && found.length < mostOccurrences; at = text.indexOf(name, at + name.length)) {
    const end = at + name.length;
    if (partOfName.test(text.charAt(at - 1)) || partOfName.test(text.charAt(end))) continue;
    const node = root.namedDescendantForIndex(at, end);
    if (node !== null && types.has(node.type) && node.startIndex === at && node.endIndex === end) found.push(node);
  }
  return found;
}

/** Names that lead to names, and members of members. */
export const mostFollowed = 8;

/**
 * What a name stands for, where the file leaves no doubt: it is bound once, and to something. A name that is bound in two
 * functions is in doubt too, which is the safe side.
 */
export function follow(source: Source, node: SyntaxNode, left = mostFollowed): SyntaxNode {
  const at = source.grammar.bare(node);
  if (left === 0) return at;
  const next = source.grammar.names.has(at.type) ? boundTo(source, at.text) : source.grammar.member(source, at, left - 1);
  return next === undefined ? at : follow(source, next, left - 1);
}

function boundTo(source: Source, name: string): SyntaxNode | undefined {
  if (source.bound.has(name)) return source.bound.get(name);
  const all = occurrences(source, name, source.grammar.names);
  const bindings = all.flatMap((one) => source.grammar.binding(one) ?? []);
  const value = bindings.length === 1 && all.length < mostOccurrences ? bindings[0]?.value : undefined;
  source.bound.set(name, value);
  return value;
}

/** Members of a named thing that the file assigns to later, each with the last assignment. */
export function writtenTo(source: Source, node: SyntaxNode): ReadonlyMap<string, SyntaxNode> {
  if (!source.grammar.names.has(node.type)) return new Map();
  const name = node.text;
  const known = source.written.get(name);
  if (known !== undefined) return known;
  const written = new Map<string, SyntaxNode>();
  for (const one of occurrences(source, name, source.grammar.names)) {
    const found = source.grammar.written(one);
    if (found !== undefined) written.set(found.member, found.at);
  }
  source.written.set(name, written);
  return written;
}

/** Reads a setting from the expression that it is set to. */
export function settingOf(source: Source, node: SyntaxNode, name: VerifierSetting): Setting {
  const { grammar } = source;
  const end = follow(source, node);
  const literal = end.hasError ? undefined : grammar.literal(end);
  if (literal !== undefined && 'value' in literal) return { kind: 'literal', value: literal.value, place: placeOf(source, end) };
  if (literal !== undefined) {
    const members = literal.members.map((member) => {
      const value = grammar.literal(follow(source, member));
      return value !== undefined && 'value' in value && typeof value.value === 'string' ? value.value : undefined;
    });
    const known = members.filter((member) => member !== undefined);
    return known.length === members.length ? { kind: 'literal', value: known, place: placeOf(source, end) } : computed(source, node, known);
  }
  const made = name === 'revocations' && !end.hasError ? grammar.made(end) : undefined;
  return made === undefined ? computed(source, node) : { kind: 'literal', value: made, place: placeOf(source, node) };
}

const mostText = 60;

/** What stands for a value that the source does not tell. */
export function computed(source: Source, node: SyntaxNode, known: readonly string[] = []): ComputedSetting {
  const text = node.text.replaceAll(/\s+/g, ' ');
  const variables = new Set(Array.from(follow(source, node).text.matchAll(source.grammar.variable), (found) => found[1] ?? found[2]));
  const [variable] = variables.size === 1 ? variables : [];
  return { kind: 'computed', text: text.length > mostText ? `${text.slice(0, mostText)}…` : text, variable, known, place: placeOf(source, node) };
}

/** Settings of which nothing can be read but where they come from. */
export function unread(source: Source, node: SyntaxNode): Settings {
  return { named: {}, others: computed(source, node) };
}

/** Reads a node once, so that one which holds itself ends, and one which is held often costs no more. */
export function readOnce(source: Source, node: SyntaxNode, read: () => Settings): Settings {
  const known = source.read.get(node.id);
  if (known !== undefined) return known;
  source.read.set(node.id, unread(source, node));
  const settings = read();
  source.read.set(node.id, settings);
  return settings;
}

export const noSettings: Settings = { named: {}, others: undefined };

/** Gathers settings in the order in which they are written: a later one wins. */
export class SettingsBuilder {
  readonly #source: Source;
  #named: Partial<Record<VerifierSetting, Setting>> = {};
  #others: ComputedSetting | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** @returns whether the language has a setting of this name */
  set(name: string, value: SyntaxNode): boolean {
    const setting = settingCalled(this.#source.grammar.language, name);
    if (setting !== undefined) this.#named[setting] = settingOf(this.#source, value, setting);
    return setting !== undefined;
  }

  /** Something that may set anything, and so hides what was set before it. */
  hide(node: SyntaxNode): void {
    this.#named = {};
    this.#others = computed(this.#source, node);
  }

  add({ named, others }: Settings): void {
    if (others !== undefined) {
      this.#named = {};
      this.#others = others;
    }
    Object.assign(this.#named, named);
  }

  /** Members of the settings that are assigned to elsewhere, which may be before they are used or not. */
  written(name: SyntaxNode): void {
    for (const [member, at] of writtenTo(this.#source, name)) {
      const setting = settingCalled(this.#source.grammar.language, member);
      if (setting !== undefined) this.#named[setting] = computed(this.#source, at);
    }
  }

  done(): Settings {
    return { named: this.#named, others: this.#others };
  }
}

const keys = Object.keys(settingNames) as VerifierSetting[];
const namesOf = (language: VerifierLanguage): ReadonlyMap<string, VerifierSetting> => new Map(keys.map((key) => [settingNames[key][language], key]));
const byName: Readonly<Record<VerifierLanguage, ReadonlyMap<string, VerifierSetting>>> = { typescript: namesOf('typescript'), python: namesOf('python'), go: namesOf('go') };

/** The setting that a language calls so. */
export function settingCalled(language: VerifierLanguage, name: string): VerifierSetting | undefined {
  return byName[language].get(name);
}

const furthestRoute = 8;
const route = /^(?:[A-Z]+ )?\//;

/** The path that stands first among the arguments of a call around a node: `app.use('/reports', …)`. */
export function routeAround({ grammar }: Source, node: SyntaxNode, call: string): string | undefined {
  let at = node.parent;
  for (let step = 0; at !== null && step < furthestRoute; step += 1, at = at.parent) {
    if (at.type !== call) continue;
    const [first] = argumentsOf(at);
    const literal = first === undefined ? undefined : grammar.literal(grammar.bare(first));
    if (literal !== undefined && 'value' in literal && typeof literal.value === 'string' && route.test(literal.value)) return literal.value;
  }
  return undefined;
}

/** The arguments of a call without comments. */
export function argumentsOf(call: SyntaxNode): readonly SyntaxNode[] {
  return membersOf(call.childForFieldName('arguments'));
}

/** The named children of a node without comments. */
export function membersOf(node: SyntaxNode | null): readonly SyntaxNode[] {
  return (node?.namedChildren ?? []).flatMap((child) => (child === null || child.type === 'comment' ? [] : [child]));
}

/** A node without what only stands around it. */
export function unwrapped(node: SyntaxNode, wrappers: ReadonlySet<string>): SyntaxNode {
  let at = node;
  while (wrappers.has(at.type)) {
    const [inner] = membersOf(at);
    if (inner === undefined) break;
    at = inner;
  }
  return at;
}

/** A whole number or a decimal one, perhaps below zero; other ways to write a number are not read. */
export function numberOf(text: string): { readonly value: number } | undefined {
  return /^-?\s*(?:0|[1-9][\d_]*)(?:\.\d+)?$/.test(text) ? { value: Number(text.replaceAll(/[\s_]/g, '')) } : undefined;
}
