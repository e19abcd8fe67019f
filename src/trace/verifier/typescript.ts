import { entryPoints } from '../../caracal/verifiers.ts';
import type { EntryPoint } from '../../caracal/verifiers.ts';
import { overridden } from './setting.ts';
import type { Settings, VerifierSettings } from './setting.ts';
import { argumentsOf, follow, membersOf, mostFollowed, noSettings, numberOf, occurrences, placeOf, readOnce, routeAround, SettingsBuilder, unread, unwrapped, writtenTo } from './syntax.ts';
import type { Grammar, Source, SyntaxNode } from './syntax.ts';

const names = new Set(['identifier', 'shorthand_property_identifier', 'shorthand_property_identifier_pattern']);
const properties = new Set(['property_identifier']);
const wrappers = new Set(['parenthesized_expression', 'as_expression', 'satisfies_expression', 'non_null_expression', 'await_expression']);
/** What binds a name to something that the file does not say. */
const binders = new Set([
  'required_parameter', 'optional_parameter', 'formal_parameters', 'rest_pattern', 'array_pattern', 'object_pattern', 'pair_pattern', 'assignment_pattern', 'object_assignment_pattern',
  'import_clause', 'namespace_import', 'function_declaration', 'generator_function_declaration', 'class_declaration', 'enum_declaration', 'catch_clause', 'update_expression',
]);

/** JavaScript too. */
export const typescript: Grammar = {
  language: 'typescript',
  names,
  binding: (name) => {
    const { parent } = name;
    if (parent === null) return undefined;
    if (parent.type === 'variable_declarator') {
      if (parent.childForFieldName('name')?.id !== name.id) return undefined;
      const constant = parent.parent?.childForFieldName('kind')?.type === 'const';
      return { value: (constant ? parent.childForFieldName('value') : null) ?? undefined };
    }
    if (parent.type === 'import_specifier') return (parent.childForFieldName('alias') ?? parent.childForFieldName('name'))?.id === name.id ? { value: undefined } : undefined;
    const assigned = ['assignment_expression', 'augmented_assignment_expression', 'for_in_statement'].includes(parent.type) && parent.childForFieldName('left')?.id === name.id;
    const parameter = parent.type === 'arrow_function' && parent.childForFieldName('parameter')?.id === name.id;
    return assigned || parameter || binders.has(parent.type) ? { value: undefined } : undefined;
  },
  written: ({ parent }) => {
    const assignment = parent?.type === 'member_expression' ? parent.parent : null;
    if (parent === null || assignment?.type !== 'assignment_expression' || assignment.childForFieldName('left')?.id !== parent.id) return undefined;
    return { member: parent.childForFieldName('property')?.text ?? '', at: assignment };
  },
  bare: (node) => unwrapped(node, wrappers),
  literal: (node) => {
    switch (node.type) {
      case 'string':
      case 'template_string': return textOf(node);
      case 'number':
      case 'unary_expression': return numberOf(node.text);
      case 'true': return { value: true };
      case 'false': return { value: false };
      case 'null':
      case 'undefined': return { value: null };
      case 'array': return { members: membersOf(node) };
      default: return undefined;
    }
  },
  member: (source, node, left) => {
    const property = node.type === 'member_expression' ? node.childForFieldName('property')?.text : undefined;
    const object = node.childForFieldName('object');
    if (property === undefined || object === null || left === 0 || writtenTo(source, object).has(property)) return undefined;
    const end = follow(source, object, left);
    if (end.type !== 'object' || membersOf(end).some(({ type }) => type === 'spread_element')) return undefined;
    return membersOf(end).find((member) => keyOf(member) === property)?.childForFieldName('value') ?? undefined;
  },
  made: (node) => {
    const maker = node.type === 'new_expression' ? node.childForFieldName('constructor') : node.type === 'call_expression' ? node.childForFieldName('function') : null;
    return maker === null ? undefined : `${node.type === 'new_expression' ? 'new ' : ''}${maker.text}`;
  },
  variable: /\benv(?:\??\.(\w+)|\[['"](\w+)['"]\])/g,
};

const escapes: Readonly<Record<string, string>> = { '\\n': '\n', '\\t': '\t', '\\r': '\r', '\\\\': '\\', '\\\'': '\'', '\\"': '"', '\\`': '`', '\\/': '/' };

/** A text without a part that is computed; one with an escape that is not among the plain ones is not read. */
function textOf(node: SyntaxNode): { readonly value: string } | undefined {
  const parts = membersOf(node).map(({ type, text }) => (type === 'string_fragment' ? text : type === 'escape_sequence' ? escapes[text] : undefined));
  return parts.every((part) => part !== undefined) ? { value: parts.join('') } : undefined;
}

function keyOf(member: SyntaxNode): string | undefined {
  if (member.type === 'shorthand_property_identifier') return member.text;
  const key = member.type === 'pair' ? member.childForFieldName('key') : null;
  if (key?.type === 'property_identifier') return key.text;
  return key?.type === 'string' ? textOf(key)?.value : undefined;
}

/** The settings that an object has. */
function objectSettings(source: Source, node: SyntaxNode): Settings {
  const end = follow(source, node);
  if (end.type !== 'object' || end.hasError) return unread(source, node);
  const settings = new SettingsBuilder(source);
  settings.add(readOnce(source, end, () => members(source, end)));
  settings.written(typescript.bare(node));
  return settings.done();
}

function members(source: Source, object: SyntaxNode): Settings {
  const settings = new SettingsBuilder(source);
  for (const member of membersOf(object)) {
    const key = keyOf(member);
    const spread = member.type === 'spread_element' ? member.firstNamedChild : null;
    if (spread !== null) settings.add(objectSettings(source, spread));
    else if (key !== undefined) settings.set(key, member.childForFieldName('value') ?? member);
    else if (member.type === 'pair') settings.hide(member);
  }
  return settings.done();
}

interface Call {
  readonly node: SyntaxNode;
  /** The name of the entry point in it. */
  readonly at: SyntaxNode;
  readonly entry: EntryPoint;
}

/**
 * The verifiers of a file in TypeScript or JavaScript, and what routes make of them.
 *
 * @returns in the order of the file
 */
export function readTypeScript(source: Source): readonly VerifierSettings[] {
  // Functions come last, since `verify.authenticate(…)` looks like the method too.
  const calls = new Map(entryPoints.typescript.toReversed().flatMap((entry) => callsOf(source, entry).map((call) => [call.node.id, call])));
  return [...calls.values()].toSorted((one, other) => one.at.startIndex - other.at.startIndex).flatMap((call) => {
    const settings = settingsOf(source, call, calls);
    return settings === undefined ? [] : [{ language: 'typescript', entry: call.entry.name, place: placeOf(source, call.at), route: routeAround(source, call.node, 'call_expression'), exclude: [], settings, ignored: [] }];
  });
}

function settingsOf(source: Source, { node, entry }: Call, calls: ReadonlyMap<number, Call>): Settings | undefined {
  const given = argumentsOf(node);
  const override = entry.overrides === undefined ? undefined : given[entry.overrides];
  const by = override === undefined ? undefined : objectSettings(source, override);
  if (entry.from !== undefined) {
    const base = given[entry.settings ?? 0];
    const verifier = base === undefined || entry.takesVerifier === undefined ? undefined : (verifierOf(source, base, calls) ?? verifierIn(source, base, calls));
    const settings = verifier ?? (base === undefined ? noSettings : objectSettings(source, base));
    return by === undefined ? settings : overridden(settings, by, 'typescript');
  }
  const verifier = node.childForFieldName('function')?.childForFieldName('object') ?? null;
  if (verifier === null || by === undefined) return undefined;
  const base = verifierOf(source, verifier, calls);
  // Others have methods of these names too.
  if (base === undefined && Object.keys(by.named).length === 0) return undefined;
  return overridden(base ?? unread(source, verifier), by, 'typescript');
}

/** The settings of a verifier that an expression is; undefined where that cannot be seen. */
function verifierOf(source: Source, node: SyntaxNode, calls: ReadonlyMap<number, Call>, left = mostFollowed): Settings | undefined {
  const end = follow(source, node);
  const call = calls.get(end.id);
  if (call === undefined || left === 0) return undefined;
  if (call.entry.name === 'createMandateVerifier') return settingsOf(source, call, calls);
  const verifier = end.childForFieldName('function')?.childForFieldName('object') ?? null;
  const [by] = argumentsOf(end);
  if (call.entry.name !== 'require' || verifier === null || by === undefined) return undefined;
  return overridden(verifierOf(source, verifier, calls, left - 1) ?? unread(source, verifier), objectSettings(source, by), 'typescript');
}

/** `caracalAuth({ verifier })` is given a verifier within an object. */
function verifierIn(source: Source, node: SyntaxNode, calls: ReadonlyMap<number, Call>): Settings | undefined {
  const end = follow(source, node);
  const member = end.type === 'object' ? membersOf(end).find((one) => keyOf(one) === 'verifier') : undefined;
  if (member === undefined) return undefined;
  const verifier = member.childForFieldName('value') ?? member;
  return verifierOf(source, verifier, calls) ?? unread(source, verifier);
}

/** Calls of an entry point, under the name that the file imports it by. */
function callsOf(source: Source, entry: EntryPoint): readonly Call[] {
  const called = (at: SyntaxNode, callee: SyntaxNode | null): readonly Call[] => {
    const node = callee?.parent?.type === 'call_expression' && callee.parent.childForFieldName('function')?.id === callee.id ? callee.parent : undefined;
    return node === undefined ? [] : [{ node, at, entry }];
  };
  const methods = occurrences(source, entry.name, properties).flatMap((at) => {
    const object = at.parent?.type === 'member_expression' ? at.parent.childForFieldName('object') : null;
    const fits = object !== null && (entry.from === undefined || (entry.common === undefined ? object.type === 'identifier' : isNamespace(source, object, entry.from)));
    return fits ? called(at, at.parent) : [];
  });
  const functions = entry.from === undefined ? [] : localNames(source, entry, entry.from).flatMap((name) => occurrences(source, name, names).flatMap((at) => called(at, at)));
  return [...methods, ...functions];
}

function localNames(source: Source, { name, common }: EntryPoint, from: string): readonly string[] {
  const imported = occurrences(source, name, names).flatMap((node) => {
    const specifier = node.parent?.type === 'import_specifier' && node.parent.childForFieldName('name')?.id === node.id ? node.parent : undefined;
    if (specifier === undefined || (common === true && importedFrom(specifier) !== from)) return [];
    return [specifier.childForFieldName('alias')?.text ?? name];
  });
  return [...new Set([...imported, ...(common === true ? [] : [name])])];
}

function importedFrom(node: SyntaxNode): string | undefined {
  let at: SyntaxNode | null = node;
  while (at !== null && at.type !== 'import_statement') at = at.parent;
  const from = at?.childForFieldName('source') ?? null;
  return from === null ? undefined : textOf(from)?.value;
}

function isNamespace(source: Source, object: SyntaxNode, from: string): boolean {
  return object.type === 'identifier' && occurrences(source, object.text, names).some((node) => node.parent?.type === 'namespace_import' && importedFrom(node) === from);
}
