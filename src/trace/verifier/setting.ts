/** What the source of a resource server says about how it verifies mandates. */
import { overrideRules } from '../../caracal/verifiers.ts';
import type { VerifierLanguage, VerifierSetting } from '../../caracal/verifiers.ts';

/** Counted from 1, columns in UTF-16 code units. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Undefined, null, None and nil are all null. Of a revocation store it is how it was made. */
export type SettingValue = string | number | boolean | null | readonly string[];

export interface LiteralSetting {
  readonly kind: 'literal';
  readonly value: SettingValue;
  /** Undefined where it was read from no source. */
  readonly place: SourcePlace | undefined;
}

/** What only the running server knows. */
export interface ComputedSetting {
  readonly kind: 'computed';
  /** The expression, on one line, cut where it is long. */
  readonly text: string;
  /** The environment variable that it reads, if it reads one. */
  readonly variable: string | undefined;
  /** Members of a list that are known beside others that are not. */
  readonly known: readonly string[];
  readonly place: SourcePlace;
}

export type Setting = LiteralSetting | ComputedSetting;

export interface Settings {
  readonly named: Readonly<Partial<Record<VerifierSetting, Setting>>>;
  /** Where every other setting comes from; undefined where they are not set. */
  readonly others: ComputedSetting | undefined;
}

/** One way in which a server verifies: the settings of a verifier, or what a route makes of them. */
export interface VerifierSettings {
  readonly language: VerifierLanguage;
  /** The function, class or method that is given them; where they were read from no source, what they are from, as in `typed in`. */
  readonly entry: string;
  /** Where it is called; of a route of `CaracalASGIAuth`, where the route is. Undefined where there is no source. */
  readonly place: SourcePlace | undefined;
  /** The path that it guards, where it stands beside it. */
  readonly route: string | undefined;
  /** Paths of `CaracalASGIAuth` that are served without a mandate. */
  readonly exclude: readonly string[];
  readonly settings: Settings;
  /** Names of overrides that the library does not know and does not complain of: contract request-evidence 11.1. */
  readonly ignored: readonly { readonly name: string; readonly place: SourcePlace }[];
}

/** What a route makes of the settings of its verifier: contract request-evidence 11.1, override rules. */
export function overridden(base: Settings, by: Settings, language: VerifierLanguage): Settings {
  if (overrideRules[language] === 'replaces') return by.others === undefined ? { named: { ...base.named, ...by.named }, others: base.others } : by;
  const kept = by.others === undefined ? base.named : keptInGo(base, by.others);
  const named: Partial<Record<VerifierSetting, Setting>> = { ...kept };
  for (const [name, setting] of Object.entries(by.named) as [VerifierSetting, Setting][]) {
    const stays = name === 'zone' || isZero(setting) || (setting.kind === 'computed' && isOn(named[name]));
    if (!stays) named[name] = setting;
  }
  return { named, others: by.others ?? base.others };
}

/** An override of which nothing is known leaves the zone as it is, and does not switch off what is on. */
function keptInGo({ named, others }: Settings, by: ComputedSetting): Settings['named'] {
  const on = (Object.entries(named) as [VerifierSetting, Setting][]).filter(([, setting]) => isOn(setting));
  return { ...Object.fromEntries(on), zone: named.zone ?? others ?? { kind: 'literal', value: null, place: by.place } };
}

/** What Go takes for "not overridden". An empty list is not nil and so overrides: packages/verify/go/authenticate.go. */
function isZero(setting: Setting): boolean {
  if (setting.kind === 'computed') return false;
  const { value } = setting;
  return value === null || value === '' || value === false || (typeof value === 'number' && value <= 0);
}

function isOn(setting: Setting | undefined): boolean {
  return setting?.kind === 'literal' && setting.value === true;
}
