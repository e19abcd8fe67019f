import { asgiVariables, entryPoints, pythonPositions, settingNames } from '../../caracal/verifiers.ts';
import type { EntryPoint, VerifierSetting } from '../../caracal/verifiers.ts';
import { overridden } from './setting.ts';
import type { Setting, Settings, VerifierSettings } from './setting.ts';
import { argumentsOf, follow, membersOf, mostFollowed, noSettings, numberOf, occurrences, placeOf, readOnce, routeAround, settingCalled, settingOf, SettingsBuilder, unread, unwrapped } from './syntax.ts';
import type { Grammar, Source, SyntaxNode } from './syntax.ts';

const names = new Set(['identifier']);
const wrappers = new Set(['parenthesized_expression', 'await']);
/** What binds a name to something that the file does not say. */
const binders = new Set([
  'parameters', 'lambda_parameters', 'typed_parameter', 'list_splat_pattern', 'dictionary_splat_pattern', 'pattern_list', 'tuple_pattern', 'list_pattern', 'as_pattern_target',
  'global_statement', 'nonlocal_statement', 'except_clause',
]);
/** What binds the name in one of its fields, and only uses those in others. */
const bindingFields: Readonly<Record<string, string>> = {
  augmented_assignment: 'left', for_statement: 'left', for_in_clause: 'left', named_expression: 'name', default_parameter: 'name', typed_default_parameter: 'name',
  aliased_import: 'alias', function_definition: 'name', class_definition: 'name',
};

/** Python 3. */
export const python: Grammar = {
  language: 'python',
  names,
  binding: (name) => {
    const { parent } = name;
    if (parent === null) return undefined;
    if (parent.type === 'assignment') return parent.childForFieldName('left')?.id === name.id ? { value: parent.childForFieldName('right') ?? undefined } : undefined;
    const field = bindingFields[parent.type];
    const bound = field !== undefined && parent.childForFieldName(field)?.id === name.id;
    const imported = parent.type === 'dotted_name' && (parent.parent?.type === 'import_from_statement' || parent.parent?.type === 'import_statement') && parent.parent.childForFieldName('module_name')?.id !== parent.id;
    return bound || imported || binders.has(parent.type) ? { value: undefined } : undefined;
  },
  written: (name) => {
    const { parent } = name;
    const assignment = parent?.type === 'attribute' && parent.childForFieldName('object')?.id === name.id ? parent.parent : null;
    if (parent === null || assignment?.type !== 'assignment' || assignment.childForFieldName('left')?.id !== parent.id) return undefined;
    return { member: parent.childForFieldName('attribute')?.text ?? '', at: assignment };
  },
  bare: (node) => unwrapped(node, wrappers),
  literal: (node) => {
    switch (node.type) {
      case 'string': return textOf(node);
      case 'concatenated_string': {
        const parts = membersOf(node).map((part) => textOf(part)?.value);
        return parts.every((part) => part !== undefined) ? { value: parts.join('') } : undefined;
      }
      case 'integer':
      case 'unary_operator': return numberOf(node.text);
      case 'true': return { value: true };
      case 'false': return { value: false };
      case 'none': return { value: null };
      case 'list':
      case 'tuple':
      case 'set': return { members: membersOf(node) };
      default: return undefined;
    }
  },
  member: () => undefined,
  made: (node) => (node.type === 'call' ? node.childForFieldName('function')?.text : undefined),
  variable: /\b(?:environ(?:\.get\(|\[)|getenv\()\s*["'](\w+)["']/g,
};

const escapes: Readonly<Record<string, string>> = { '\\n': '\n', '\\t': '\t', '\\r': '\r', '\\\\': '\\', '\\\'': '\'', '\\"': '"' };

function textOf(node: SyntaxNode): { readonly value: string } | undefined {
  const [start, ...rest] = membersOf(node);
  if (start?.type !== 'string_start' || rest.some(({ type }) => type === 'interpolation') || /b/i.test(start.text)) return undefined;
  const content = rest.filter(({ type }) => type === 'string_content');
  const raw = /r/i.test(start.text);
  const parts = content.flatMap((part) => (raw || membersOf(part).length === 0 ? [part.text] : unescaped(part)));
  return parts.every((part) => part !== undefined) ? { value: parts.join('') } : undefined;
}

function unescaped(content: SyntaxNode): readonly (string | undefined)[] {
  const parts: (string | undefined)[] = [];
  let at = content.startIndex;
  for (const escape of membersOf(content)) {
    parts.push(content.text.slice(at - content.startIndex, escape.startIndex - content.startIndex), escapes[escape.text]);
    at = escape.endIndex;
  }
  return [...parts, content.text.slice(at - content.startIndex)];
}

/** The settings among the arguments of a call: keywords, and by position where a function is known. */
function keywords(source: Source, given: readonly SyntaxNode[], positions: readonly (VerifierSetting | undefined)[] = []): Settings {
  const settings = new SettingsBuilder(source);
  for (const [index, argument] of given.entries()) {
    const value = argument.childForFieldName('value');
    const name = argument.childForFieldName('name');
    const position = positions[index];
    if (argument.type === 'keyword_argument' && name !== null && value !== null) settings.set(name.text, value);
    else if (argument.type === 'dictionary_splat' && argument.firstNamedChild !== null) settings.add(dictionary(source, argument.firstNamedChild));
    else if (argument.type === 'list_splat') settings.hide(argument);
    else if (position !== undefined) settings.set(settingNames[position].python, argument);
  }
  return settings.done();
}

/** The settings that a dictionary has, or `dict(…)`. */
function dictionary(source: Source, node: SyntaxNode): Settings {
  const end = follow(source, node);
  if (end.hasError) return unread(source, node);
  if (isCallOf(end, 'dict')) return readOnce(source, end, () => keywords(source, argumentsOf(end)));
  return end.type === 'dictionary' ? readOnce(source, end, () => members(source, end)) : unread(source, node);
}

function members(source: Source, dictionaryNode: SyntaxNode): Settings {
  const settings = new SettingsBuilder(source);
  for (const member of membersOf(dictionaryNode)) {
    const [name, value] = [keyOf(source, member), member.childForFieldName('value')];
    if (member.type === 'dictionary_splat' && member.firstNamedChild !== null) settings.add(dictionary(source, member.firstNamedChild));
    else if (name === undefined || value === null) settings.hide(member);
    else settings.set(name, value);
  }
  return settings.done();
}

function keyOf(source: Source, member: SyntaxNode): string | undefined {
  const key = member.type === 'pair' ? member.childForFieldName('key') : null;
  return key === null ? undefined : textAt(source, key);
}

/** Names that are no settings, among keywords or in a dictionary. */
function unknownNames(source: Source, given: readonly SyntaxNode[]): VerifierSettings['ignored'] {
  return given.flatMap((one) => {
    const name = one.type === 'keyword_argument' ? one.childForFieldName('name')?.text : keyOf(source, one);
    return name === undefined || settingCalled('python', name) !== undefined ? [] : [{ name, place: placeOf(source, one) }];
  });
}

function textAt(source: Source, node: SyntaxNode): string | undefined {
  const literal = python.literal(follow(source, node));
  return literal !== undefined && 'value' in literal && typeof literal.value === 'string' ? literal.value : undefined;
}

function isCallOf(node: SyntaxNode, name: string): boolean {
  const called = node.type === 'call' ? node.childForFieldName('function') : null;
  return called?.text === name || (called?.type === 'attribute' && called.childForFieldName('attribute')?.text === name);
}

interface Call {
  readonly node: SyntaxNode;
  /** The name of the entry point in it. */
  readonly at: SyntaxNode;
  readonly entry: EntryPoint;
}

/**
 * The verifiers of a file in Python, and what routes make of them.
 *
 * @returns in the order of the file; the routes of a `CaracalASGIAuth` after it
 */
export function readPython(source: Source): readonly VerifierSettings[] {
  // Functions come last, since `caracalai_verify.authenticate(…)` looks like the method too.
  const calls = new Map(entryPoints.python.toReversed().flatMap((entry) => callsOf(source, entry).map((call) => [call.node.id, call])));
  return [...calls.values()].toSorted((one, other) => one.at.startIndex - other.at.startIndex).flatMap((call) => {
    const settings = settingsOf(source, call, calls);
    if (settings === undefined) return [];
    const ignored = call.entry.from === undefined ? unknownNames(source, argumentsOf(call.node)) : [];
    const verifier: VerifierSettings = { language: 'python', entry: call.entry.name, place: placeOf(source, call.at), route: routeAround(source, call.node, 'call'), exclude: [], settings, ignored };
    return call.entry.name === 'CaracalASGIAuth' ? routesOf(source, call.node, verifier) : [verifier];
  });
}

function settingsOf(source: Source, { node, at, entry }: Call, calls: ReadonlyMap<number, Call>): Settings | undefined {
  const given = argumentsOf(node);
  if (given.some(({ hasError }) => hasError)) return unread(source, node);
  if (entry.settings !== undefined) return optionsOf(source, given[entry.settings]);
  if (entry.from !== undefined) {
    const settings = keywords(source, given, pythonPositions[entry.name]);
    return entry.name === 'CaracalASGIAuth' ? fromEnvironment(source, at, settings) : settings;
  }
  const verifier = node.childForFieldName('function')?.childForFieldName('object') ?? null;
  if (verifier === null || given.length <= (entry.overrides ?? 0)) return undefined;
  const by = keywords(source, given);
  const base = verifierOf(source, verifier, calls);
  // Others have methods of these names too.
  if (base === undefined && Object.keys(by.named).length === 0) return undefined;
  return overridden(base ?? unread(source, verifier), by, 'python');
}

/** `create_mandate_verifier(AuthOptions(…))`. */
function optionsOf(source: Source, node: SyntaxNode | undefined): Settings {
  if (node === undefined) return noSettings;
  const given = node.type === 'keyword_argument' ? (node.childForFieldName('value') ?? node) : node;
  const end = follow(source, given);
  return isCallOf(end, 'AuthOptions') && !end.hasError ? keywords(source, argumentsOf(end), pythonPositions['AuthOptions']) : unread(source, given);
}

/** The settings of a verifier that an expression is; undefined where that cannot be seen. */
function verifierOf(source: Source, node: SyntaxNode, calls: ReadonlyMap<number, Call>, left = mostFollowed): Settings | undefined {
  const end = follow(source, node);
  const call = calls.get(end.id);
  if (call === undefined || left === 0) return undefined;
  if (call.entry.settings !== undefined) return settingsOf(source, call, calls);
  const verifier = end.childForFieldName('function')?.childForFieldName('object') ?? null;
  if (call.entry.name !== 'require' || verifier === null) return undefined;
  return overridden(verifierOf(source, verifier, calls, left - 1) ?? unread(source, verifier), keywords(source, argumentsOf(end)), 'python');
}

function fromEnvironment(source: Source, at: SyntaxNode, settings: Settings): Settings {
  const named: Partial<Record<VerifierSetting, Setting>> = { ...settings.named };
  for (const [name, variable] of Object.entries(asgiVariables) as [VerifierSetting, string][]) {
    const set = named[name] ?? settings.others;
    const isEmpty = set === undefined || (set.kind === 'literal' && (set.value === null || set.value === ''));
    if (isEmpty) named[name] = { kind: 'computed', text: variable, variable, known: [], place: set?.place ?? placeOf(source, at) };
  }
  return { ...settings, named };
}

/** Contract request-evidence 11.1: `CaracalASGIAuth(app, routes={prefix: overrides}, exclude=[…])`. */
function routesOf(source: Source, call: SyntaxNode, verifier: VerifierSettings): readonly VerifierSettings[] {
  const argument = (name: string): SyntaxNode | undefined => argumentsOf(call).find((one) => one.childForFieldName('name')?.text === name)?.childForFieldName('value') ?? undefined;
  const [excluded, given] = [argument('exclude'), argument('routes')];
  const exclude = excluded === undefined ? undefined : settingOf(source, excluded, 'scopes');
  const paths = exclude?.kind === 'literal' ? exclude.value : exclude?.known;
  const base = { ...verifier, exclude: Array.isArray(paths) ? paths : [] };
  const routes = given === undefined ? undefined : follow(source, given);
  const pairs = routes?.type === 'dictionary' ? membersOf(routes) : [];
  return [base, ...pairs.flatMap((pair): VerifierSettings[] => {
    const [route, value] = [keyOf(source, pair), pair.childForFieldName('value')];
    if (route === undefined || value === null) return [];
    const end = follow(source, value);
    const given = end.type === 'dictionary' ? membersOf(end) : isCallOf(end, 'dict') ? argumentsOf(end) : [];
    return [{ ...base, place: placeOf(source, pair), route, settings: overridden(base.settings, dictionary(source, value), 'python'), ignored: unknownNames(source, given) }];
  })];
}

/** Calls of an entry point, under the name that the file imports it by; also where a class is handed on: `add_middleware(CaracalASGIAuth, …)`. */
function callsOf(source: Source, entry: EntryPoint): readonly Call[] {
  const { name, from, common } = entry;
  const isMember = ({ parent, id }: SyntaxNode): boolean => parent?.type === 'attribute' && parent.childForFieldName('attribute')?.id === id;
  const members = occurrences(source, name, names).filter((at) => isMember(at) && (common === undefined || from === undefined || at.parent?.childForFieldName('object')?.text === from));
  const plain = from === undefined ? [] : localNames(source, entry).flatMap((local) => occurrences(source, local, names)).filter((at) => !isMember(at));
  const callees = [...members.flatMap((at) => (at.parent === null ? [] : [{ at, callee: at.parent }])), ...plain.map((at) => ({ at, callee: at }))];
  return callees.flatMap(({ at, callee }) => {
    const { parent } = callee;
    if (parent?.type === 'call' && parent.childForFieldName('function')?.id === callee.id) return [{ node: parent, at, entry }];
    const handedOn = name === 'CaracalASGIAuth' && parent?.type === 'argument_list' && membersOf(parent)[0]?.id === callee.id ? parent.parent : null;
    return handedOn === null ? [] : [{ node: handedOn, at, entry }];
  });
}

function localNames(source: Source, { name, from, common }: EntryPoint): readonly string[] {
  const imported = occurrences(source, name, names).flatMap((node) => {
    const dotted = node.parent?.type === 'dotted_name' ? node.parent : undefined;
    const aliased = dotted?.parent?.type === 'aliased_import' ? dotted.parent : undefined;
    const statement = aliased?.parent ?? dotted?.parent;
    if (statement?.type !== 'import_from_statement' || (common === true && statement.childForFieldName('module_name')?.text !== from)) return [];
    return [aliased?.childForFieldName('alias')?.text ?? name];
  });
  return [...new Set([...imported, ...(common === true ? [] : [name])])];
}
