import { entryPoints, goPackages } from '../../caracal/verifiers.ts';
import type { EntryPoint } from '../../caracal/verifiers.ts';
import { overridden } from './setting.ts';
import type { Settings, VerifierSettings } from './setting.ts';
import { argumentsOf, follow, membersOf, mostFollowed, noSettings, numberOf, occurrences, placeOf, routeAround, SettingsBuilder, unread, unwrapped } from './syntax.ts';
import type { Grammar, Source, SyntaxNode } from './syntax.ts';

const names = new Set(['identifier']);
const wrappers = new Set(['parenthesized_expression', 'literal_element']);
const fields = new Set(['field_identifier']);
const binders = new Set(['parameter_declaration', 'variadic_parameter_declaration', 'function_declaration', 'inc_statement', 'dec_statement']);
const texts = new Set(['interpreted_string_literal', 'raw_string_literal']);

/** Go. */
export const go: Grammar = {
  language: 'go',
  names,
  binding: (name) => {
    const { parent } = name;
    if (parent === null) return undefined;
    if (parent.type === 'const_spec') return parent.childrenForFieldName('name').some((one) => one?.id === name.id) ? { value: valueBeside(name, parent.childrenForFieldName('name'), parent.childForFieldName('value')) } : undefined;
    if (parent.type === 'var_spec') {
      const value = valueBeside(name, parent.childrenForFieldName('name'), parent.childForFieldName('value'));
      // The linker can set a variable that is a text.
      return parent.childrenForFieldName('name').some((one) => one?.id === name.id) ? { value: value === undefined || texts.has(value.type) ? undefined : value } : undefined;
    }
    const statement = parent.type === 'expression_list' ? parent.parent : null;
    if (statement !== null && statement.childForFieldName('left')?.id === parent.id) return { value: statement.type === 'short_var_declaration' ? valueBeside(name, parent.namedChildren, statement.childForFieldName('right')) : undefined };
    return binders.has(parent.type) ? { value: undefined } : undefined;
  },
  written: ({ parent }) => {
    const list = parent?.type === 'selector_expression' ? parent.parent : null;
    const statement = list?.type === 'expression_list' ? list.parent : null;
    if (parent === null || statement?.type !== 'assignment_statement' || statement.childForFieldName('left')?.id !== list?.id) return undefined;
    return { member: parent.childForFieldName('field')?.text ?? '', at: statement };
  },
  bare: (node) => unwrapped(node, wrappers),
  literal: (node) => {
    switch (node.type) {
      case 'raw_string_literal': return { value: node.text.slice(1, -1) };
      case 'interpreted_string_literal': return textOf(node);
      case 'int_literal':
      case 'unary_expression': return numberOf(node.text);
      case 'true': return { value: true };
      case 'false': return { value: false };
      case 'nil': return { value: null };
      case 'composite_literal': return node.childForFieldName('type')?.text === '[]string' ? { members: membersOf(node.childForFieldName('body')) } : undefined;
      default: return undefined;
    }
  },
  member: () => undefined,
  made: (node) => (node.type === 'call_expression' ? node.childForFieldName('function')?.text : node.type === 'composite_literal' ? node.childForFieldName('type')?.text : undefined),
  variable: /\bos\.(?:Getenv|LookupEnv)\(\s*["`](\w+)["`]/g,
};

const escapes: Readonly<Record<string, string>> = { '\\n': '\n', '\\t': '\t', '\\r': '\r', '\\\\': '\\', '\\"': '"' };

function textOf(node: SyntaxNode): { readonly value: string } | undefined {
  const parts = membersOf(node).map(({ type, text }) => (type === 'escape_sequence' ? escapes[text] : text));
  return parts.every((part) => part !== undefined) ? { value: parts.join('') } : undefined;
}

/** Of `a, b := 1, 2` the value that a name has; undefined where a call gives several. */
function valueBeside(name: SyntaxNode, left: readonly (SyntaxNode | null)[], right: SyntaxNode | null): SyntaxNode | undefined {
  const values = membersOf(right);
  return values.length === left.length ? values[left.findIndex((one) => one?.id === name.id)] : undefined;
}

/** The settings that `verify.Options{…}` has. */
function structSettings(source: Source, node: SyntaxNode, packages: ReadonlyMap<string, string>): Settings {
  const end = follow(source, node);
  const body = isOptions(end, packages) && !end.hasError ? end.childForFieldName('body') : null;
  const members = membersOf(body);
  if (body === null || members.some(({ type }) => type !== 'keyed_element')) return unread(source, node);
  const settings = new SettingsBuilder(source);
  for (const member of members) {
    const [key, value] = membersOf(member);
    if (key !== undefined && value !== undefined) settings.set(key.text, value);
  }
  settings.written(go.bare(node));
  return settings.done();
}

function isOptions(node: SyntaxNode, packages: ReadonlyMap<string, string>): boolean {
  const type = node.type === 'composite_literal' ? node.childForFieldName('type')?.text : undefined;
  return [...packages.values()].some((local) => type === `${local}.Options`);
}

interface Call {
  readonly node: SyntaxNode;
  /** The name of the entry point in it. */
  readonly at: SyntaxNode;
  readonly entry: EntryPoint;
}

/**
 * The verifiers of a file in Go, and what routes make of them.
 *
 * @returns in the order of the file
 */
export function readGo(source: Source): readonly VerifierSettings[] {
  const packages = importedPackages(source);
  const calls = new Map(entryPoints.go.flatMap((entry) => callsOf(source, entry, packages).map((call) => [call.node.id, call])));
  return [...calls.values()].toSorted((one, other) => one.at.startIndex - other.at.startIndex).flatMap((call) => {
    const settings = settingsOf(source, call, calls, packages);
    return settings === undefined ? [] : [{ language: 'go', entry: call.entry.name, place: placeOf(source, call.at), route: routeAround(source, call.node, 'call_expression'), exclude: [], settings, ignored: [] }];
  });
}

function settingsOf(source: Source, { node, entry }: Call, calls: ReadonlyMap<number, Call>, packages: ReadonlyMap<string, string>): Settings | undefined {
  const given = argumentsOf(node);
  if (entry.from !== undefined) {
    const base = given[entry.settings ?? 0];
    if (base === undefined) return noSettings;
    return (entry.takesVerifier === undefined ? undefined : verifierOf(source, base, calls, packages)) ?? structSettings(source, base, packages);
  }
  const verifier = node.childForFieldName('function')?.childForFieldName('operand') ?? null;
  const overrides = given.slice(entry.overrides);
  if (verifier === null || overrides.length === 0) return undefined;
  const base = verifierOf(source, verifier, calls, packages);
  // Others have methods of these names too.
  if (base === undefined && !overrides.some((one) => isOptions(follow(source, one), packages))) return undefined;
  return overrides.reduce((settings, one) => overridden(settings, structSettings(source, one, packages), 'go'), base ?? unread(source, verifier));
}

/** The settings of a verifier that an expression is; undefined where that cannot be seen. */
function verifierOf(source: Source, node: SyntaxNode, calls: ReadonlyMap<number, Call>, packages: ReadonlyMap<string, string>, left = mostFollowed): Settings | undefined {
  const end = follow(source, node);
  const call = calls.get(end.id);
  if (call === undefined || left === 0) return undefined;
  if (call.entry.name === 'NewVerifier') return settingsOf(source, call, calls, packages);
  const verifier = end.childForFieldName('function')?.childForFieldName('operand') ?? null;
  const [by] = argumentsOf(end);
  if (call.entry.name !== 'Require' || verifier === null || by === undefined) return undefined;
  return overridden(verifierOf(source, verifier, calls, packages, left - 1) ?? unread(source, verifier), structSettings(source, by, packages), 'go');
}

/** Packages of Caracal by the end of their import path, with the name that the file gives them. */
function importedPackages(source: Source): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [path, name] of Object.entries(goPackages)) {
    const at = source.text.indexOf(`/caracal/${path}"`);
    const spec = at === -1 ? undefined : source.root.namedDescendantForIndex(at)?.parent?.parent;
    if (spec?.type === 'import_spec') found.set(path, spec.childForFieldName('name')?.text ?? name);
  }
  return found;
}

function callsOf(source: Source, entry: EntryPoint, packages: ReadonlyMap<string, string>): readonly Call[] {
  const local = entry.from === undefined ? undefined : packages.get(entry.from);
  return occurrences(source, entry.name, fields).flatMap((at) => {
    const selector = at.parent?.type === 'selector_expression' ? at.parent : undefined;
    const call = selector?.parent?.type === 'call_expression' && selector.parent.childForFieldName('function')?.id === selector.id ? selector.parent : undefined;
    const operand = selector?.childForFieldName('operand') ?? undefined;
    const isPackage = operand?.type === 'identifier' && [...packages.values()].includes(operand.text);
    const fits = entry.from === undefined ? !isPackage : local !== undefined && operand?.text === local;
    return call !== undefined && fits ? [{ node: call, at, entry }] : [];
  });
}
