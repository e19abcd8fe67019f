/** What can be done about each cause. Pure: it reads what is known and asks nobody. */
import type { Cause } from '../model/diagnosis.ts';
import type { Remedy } from '../model/remedy.ts';
import { composeRemedies, composeSuffixes } from './compose.ts';
import { kubernetesRemedies, kubernetesSuffixes } from './kubernetes.ts';
import { Names } from './names.ts';
import type { Known, Part } from './names.ts';
import type { Build, Draft, Table } from './parts.ts';
import { serviceRemedies, serviceSuffixes } from './services.ts';
import { storeRemedies } from './stores.ts';
import { streamRemedies } from './streams.ts';

export type { Known, NamedTarget } from './names.ts';

const everywhere: Table = { ...storeRemedies, ...streamRemedies, ...serviceRemedies };

/** Causes that mean something of their own with a kind of target come first. */
const tables: Readonly<Record<string, { readonly whole: Table; readonly suffixes: Table }>> = {
  compose: { whole: { ...everywhere, ...composeRemedies }, suffixes: { ...serviceSuffixes, ...composeSuffixes } },
  kubernetes: { whole: { ...everywhere, ...kubernetesRemedies }, suffixes: { ...serviceSuffixes, ...kubernetesSuffixes } },
};
const others = { whole: everywhere, suffixes: serviceSuffixes };

const withPart = /^(api|sts|gateway|audit|coordinator|web|postgres|redis)-(.+)$/;

/** How the remedies of a cause are made, and of which service it is; undefined for a cause that nobody knows. */
function builderOf(kind: string, id: string): { readonly build: Build; readonly part: Part } | undefined {
  const { whole, suffixes } = tables[kind] ?? others;
  const [, part = 'api', suffix = ''] = withPart.exec(id) ?? [];
  const build = whole[id] ?? suffixes[suffix];
  return build === undefined ? undefined : { build, part: part as Part };
}

/** Checks that the kind of a target does not have. */
const foreign: Readonly<Record<string, RegExp>> = { compose: /^CRC-SVC-2\d\d$/, kubernetes: /^CRC-SVC-1\d\d$/ };
const ofOrchestrators = /^CRC-SVC-[12]\d\d$/;

/** Readiness of a service. */
const ready = /^CRC-RDY-0\d3$/;

/**
 * The remedies of a cause, in the order in which they are tried; none for a cause that this version does not know. A remedy
 * with `call` can be run by this tool, all others are for a person.
 */
export function remediesOf(cause: Cause, known: Known): readonly Remedy[] {
  const { kind } = known.target;
  const names = new Names(known);
  const found = builderOf(kind, cause.id);
  return (found?.build(names, cause, found.part) ?? []).map((draft) => completed(draft, cause, kind));
}

function completed({ id, title, place, commands = [], advice = '', dryRun, changes, risk = 'low', provedBy, stillOpen = [], call }: Draft, cause: Cause, kind: string): Remedy {
  return {
    id, cause: cause.id, title, place, commands: [...commands], advice, dryRun: dryRun ?? null, changes, risk,
    provedBy: proofOf(provedBy ?? cause.own, cause, kind), stillOpen: [...stillOpen], call: call ?? null,
  };
}

/** What is to turn well: the checks of the remedy and of the cause, then readiness that it explains. A remedy that saves evidence has no proof. */
function proofOf(wanted: readonly string[], { own, explains }: Cause, kind: string): string[] {
  if (wanted.length === 0) return [];
  const none = foreign[kind] ?? ofOrchestrators;
  return [...new Set([...wanted, ...own, ...explains.filter((check) => ready.test(check))])].filter((check) => !none.test(check));
}
