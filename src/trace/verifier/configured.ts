/** Verifiers whose settings somebody wrote down, because no source of theirs can be read. */
import * as z from 'zod';
import { verifierLanguages } from '../../caracal/verifiers.ts';
import type { VerifierSetting } from '../../caracal/verifiers.ts';
import type { Setting, SettingValue, VerifierSettings } from './setting.ts';

const texts = z.array(z.string()).optional();

/** Contract request-evidence 11.1; what is left out has its default, and what has none is an empty text. */
const configuredSchema = z.strictObject({
  name: z.string().optional(),
  language: z.enum(verifierLanguages),
  issuer: z.string(), audience: z.string(), zone: z.string(),
  scopes: texts, targets: texts, chain: texts,
  use: z.enum(['resource', 'session']).optional(),
  session: z.boolean().optional(), delegation: z.boolean().optional(),
  hops: z.int().optional(),
  revocations: z.enum(['redis', 'memory', 'none']),
});
export type ConfiguredVerifier = z.infer<typeof configuredSchema>;

/** How the sources name the stores. */
const stores: Readonly<Record<ConfiguredVerifier['revocations'], string | null>> = { redis: 'Redis', memory: 'in memory', none: null };

/**
 * Reads verifiers that were written down.
 *
 * @param given what may be a list of them
 * @param from where they are written: `caracal.verifiers`, `typed in`
 */
export function configuredVerifiers(given: unknown, from: string): { readonly verifiers: readonly VerifierSettings[]; readonly problems: readonly string[] } {
  const verifiers: VerifierSettings[] = [];
  const problems: string[] = [];
  for (const [index, one] of (Array.isArray(given) ? given : [given]).entries()) {
    const read = configuredSchema.safeParse(one);
    if (read.success) verifiers.push(settingsOf(read.data, from));
    else problems.push(`Verifier ${index + 1} of ${from} was not read: ${read.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ')}.`);
  }
  return { verifiers, problems };
}

function settingsOf({ name, language, revocations, ...settings }: ConfiguredVerifier, from: string): VerifierSettings {
  const literal = (value: SettingValue): Setting => ({ kind: 'literal', value, place: undefined });
  const named: Partial<Record<VerifierSetting, Setting>> = { revocations: literal(stores[revocations]) };
  for (const [setting, value] of Object.entries(settings) as [VerifierSetting, SettingValue | undefined][]) if (value !== undefined) named[setting] = literal(value);
  return { language, entry: name === undefined || name === '' ? from : `${name} (${from})`, place: undefined, route: undefined, exclude: [], settings: { named, others: undefined }, ignored: [] };
}
