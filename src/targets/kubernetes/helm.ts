/** What Helm stores of a release: contract, deploy 2.8. Nothing here asks anybody. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { stringify } from 'yaml';
import * as z from 'zod';
import type { HelmFacts } from '../../model/kubernetes.ts';
import { isHarmless, isPlaceholder, meaningOf } from '../../redaction/keys.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import { errnoOf } from '../smallFile.ts';

const inflate = promisify(gunzip);

/** A release of more is none: a Secret holds 1 MiB. */
const largestRelease = 32 * 1024 * 1024;

type Values = Readonly<Record<string, unknown>>;
type RevisionFacts = HelmFacts['revisions'][number];

const text = z.string().nullish().transform((value) => value || null);
const values = z.record(z.string(), z.unknown()).nullish().transform((value) => value ?? {});

/** Templates, files, the manifest and those of hooks hold secrets in the clear and are not kept. */
const releaseSchema = z.object({
  name: z.string(),
  version: z.number(),
  info: z.object({ status: z.string(), description: z.string().nullish().transform((value) => value ?? ''), first_deployed: text, last_deployed: text }),
  chart: z.object({ metadata: z.object({ name: z.string(), version: z.string(), appVersion: text }), values }),
  config: values,
  hooks: z
    .array(z.object({ name: z.string(), last_run: z.object({ phase: text, started_at: text, completed_at: text }).nullish() }))
    .nullish()
    .transform((hooks) => hooks ?? []),
});

/** One revision of a release, with its values in the clear: it stays in memory until it is masked. */
export type HelmRelease = z.output<typeof releaseSchema>;

/**
 * Decodes the value `release` of a Secret, as the API server sends it: Base64 of Base64 of gzip of JSON,
 * or of JSON alone.
 *
 * @throws Error, in words for a person and without any of the content.
 */
export async function decodeRelease(encoded: string): Promise<HelmRelease> {
  const bytes = Buffer.from(Buffer.from(encoded, 'base64').toString('latin1'), 'base64');
  let json: Buffer = bytes;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 0x08) {
    try {
      json = await inflate(bytes, { maxOutputLength: largestRelease });
    } catch (error) {
      throw new Error(errnoOf(error) === 'ERR_BUFFER_TOO_LARGE' ? `it is larger than ${largestRelease / 1024 / 1024} MiB` : 'it is cut or damaged');
    }
  }
  let content: unknown;
  try {
    content = JSON.parse(json.toString('utf8'));
  } catch {
    throw new Error('it is no JSON');
  }
  const { data, error } = releaseSchema.safeParse(content);
  if (error) throw new Error(`it has an unknown form at ${error.issues[0]?.path.join('.') || 'its top'}`);
  return data;
}

/** Helm's own merge: maps merge, arrays and scalars replace, null deletes. */
export function mergeValues(defaults: Values, user: Values): Values {
  const merged = new Map(Object.entries(defaults));
  for (const [key, value] of Object.entries(user)) {
    const before = merged.get(key);
    if (value === null) merged.delete(key);
    else merged.set(key, isMap(value) ? mergeValues(isMap(before) ? before : {}, value) : value);
  }
  return Object.fromEntries(merged);
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Teaches `secrets.plaintext` of values to the redactor, and the values of variables that are named like secrets. */
export function learnValues(release: HelmRelease, redactor: Redactor): void {
  for (const tree of [release.chart.values, release.config]) walk(tree, '', [], redactor);
}

function walk(value: unknown, key: string, path: readonly string[], redactor: Redactor): void {
  if (Array.isArray(value)) {
    for (const element of value as readonly unknown[]) walk(element, key, path, redactor);
  } else if (isMap(value)) {
    const { name, value: content } = value;
    if (typeof name === 'string' && typeof content === 'string' && isSecret(name, content)) redactor.learn(content, name);
    for (const [child, content_] of Object.entries(value)) walk(content_, child, [...path, child], redactor);
  } else if (value !== null && value !== undefined && value !== '' && (isPlaintext(path) || (typeof value === 'string' && isSecret(key, value)))) {
    redactor.learn(scalarText(value), key);
  }
}

function isPlaintext(path: readonly string[]): boolean {
  return path[0] === 'secrets' && path[1] === 'plaintext';
}

/** A password may be any word or number. */
function isSecret(name: string, value: string): boolean {
  const meaning = meaningOf(name);
  return meaning === 'password' ? !isPlaceholder(value) : meaning === 'secret' && !isHarmless(value, meaning);
}

function scalarText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * Masks values leaf by leaf: the same secret has the same mask wherever it stands, so that a diff shows
 * whether it changed.
 */
export function maskValues(tree: Values, redactor: Redactor): Values {
  return redactor.json(masked(tree, '', [], redactor)) as Values;
}

function masked(value: unknown, key: string, path: readonly string[], redactor: Redactor): unknown {
  if (Array.isArray(value)) return (value as readonly unknown[]).map((element) => masked(element, key, path, redactor));
  if (isMap(value)) {
    const { name, value: content } = value;
    const pair = typeof name === 'string' && typeof content === 'string' && isSecret(name, content) ? { value: hidden(content, redactor) } : {};
    return { ...Object.fromEntries(Object.entries(value).map(([child, each]) => [child, masked(each, child, [...path, child], redactor)])), ...pair };
  }
  if (value === null || value === undefined || value === '' || typeof value === 'boolean') return value;
  const shown = scalarText(value);
  return isPlaintext(path) || isSecret(key, shown) ? hidden(shown, redactor) : value;
}

/** The redactor hides all data of a Secret, whatever it looks like. */
function hidden(value: string, redactor: Redactor): string {
  return redactor.json({ kind: 'Secret', data: { value } }).data.value;
}

/** Values as texts for a diff, masked. */
export function valuesTexts(release: HelmRelease, redactor: Redactor): { readonly chartDefaults: string; readonly user: string; readonly effective: string } {
  learnValues(release, redactor);
  const yaml = (tree: Values): string => stringify(maskValues(tree, redactor), { lineWidth: 0, aliasDuplicateObjects: false });
  const { chart, config } = release;
  return { chartDefaults: yaml(chart.values), user: yaml(config), effective: yaml(mergeValues(chart.values, config)) };
}

/** What the checks read of a revision, masked. */
export function revisionFacts(release: HelmRelease, redactor: Redactor): RevisionFacts {
  learnValues(release, redactor);
  const { version, info, chart, config, hooks } = release;
  const effective = mergeValues(chart.values, config);
  const at = (...path: readonly string[]): unknown => path.reduce<unknown>((value, key) => (isMap(value) ? value[key] : undefined), effective);
  const word = (...path: readonly string[]): string | null => {
    const value = at(...path);
    return typeof value === 'string' || typeof value === 'number' ? redactor.text(String(value)) : null;
  };
  const flag = (...path: readonly string[]): boolean | null => {
    const value = at(...path);
    return typeof value === 'boolean' ? value : null;
  };
  const services = at('services');
  return {
    revision: version,
    status: info.status,
    chart: chart.metadata.name,
    chartVersion: chart.metadata.version,
    appVersion: chart.metadata.appVersion,
    firstDeployed: info.first_deployed,
    lastDeployed: info.last_deployed,
    description: redactor.text(info.description),
    hooks: hooks.map(({ name, last_run: run }) => ({ name, phase: run?.phase ?? null, startedAt: time(run?.started_at), completedAt: time(run?.completed_at) })),
    settings: {
      mode: word('global', 'mode'),
      disabled: isMap(services) ? Object.keys(services).filter((name) => flag('services', name, 'enabled') === false) : [],
      databasePort: word('secrets', 'database', 'port'),
      redisPort: word('secrets', 'redis', 'port'),
      runtimeSecretName: word('secrets', 'runtimeSecretName'),
      networkPolicy: flag('networkPolicy', 'enabled'),
      serviceMonitor: flag('serviceMonitor', 'enabled'),
    },
  };
}

/** Go's zero time stands for never. */
function time(value: string | null | undefined): string | null {
  return value === null || value === undefined || value.startsWith('0001-') ? null : value;
}
