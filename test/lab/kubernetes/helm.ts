import { gzipSync } from 'node:zlib';
import type { Manifest, Release } from './chart.ts';
import { manifestText } from './chart.ts';
import type { Draft, Secret } from './objects.ts';
import { ago } from './objects.ts';
import type { UserValues } from './values.ts';
import { chartValues } from './values.ts';

export type HelmStatus = 'deployed' | 'superseded' | 'failed' | 'pending-install' | 'pending-upgrade' | 'pending-rollback' | 'uninstalling';

/** Empty: it did not run. */
export type HookPhase = 'Failed' | 'Running' | '';

export interface Revision {
  readonly revision: number;
  readonly status: HelmStatus;
  readonly description: string;
  /** Seconds since the first installation and since this revision. */
  readonly installed: number;
  readonly age: number;
  /** What the user gave. */
  readonly config: UserValues;
  /** How hooks ended, by the component of their job; `Succeeded` unless said otherwise. */
  readonly hookPhases?: Readonly<Record<string, HookPhase>>;
  /** Name of the chart; `caracal` unless it is another one's release. */
  readonly chart?: string;
}

/** The Secret in which Helm keeps a revision (contract, deploy 2.8): JSON, gzip, base64, and base64 once more as all Secret data. */
export function revisionSecret(release: Release, objects: { readonly manifests: readonly Manifest[]; readonly hooks: readonly Manifest[] }, of: Revision): Draft<Secret> {
  const { name, namespace } = release;
  const encoded = gzipSync(JSON.stringify(document(release, objects, of))).toString('base64');
  // Helm copies the labels of the revision before: this stays the time of the installation.
  const seconds = String(Math.floor(ago(of.installed).getTime() / 1000));
  return {
    metadata: {
      name: `sh.helm.release.v1.${name}.v${of.revision}`, namespace,
      labels: { name, owner: 'helm', status: of.status, version: String(of.revision), modifiedAt: seconds }, creationTimestamp: `${ago(of.age).toISOString().slice(0, 19)}Z`,
    },
    type: 'helm.sh/release.v1',
    data: { release: Buffer.from(encoded).toString('base64') },
  };
}

function document(release: Release, { manifests, hooks }: { readonly manifests: readonly Manifest[]; readonly hooks: readonly Manifest[] }, of: Revision): unknown {
  const { name, namespace, version } = release;
  const time = (age: number): string => ago(age).toISOString().replace('Z', '123456Z');
  const templates = [...new Set([...manifests, ...hooks].map(({ template }) => template))].sort();
  return {
    name,
    info: { first_deployed: time(of.installed), last_deployed: time(of.age), deleted: '', description: of.description, status: of.status },
    chart: {
      metadata: {
        name: of.chart ?? 'caracal', version, description: 'Caracal for the lab', apiVersion: 'v2', appVersion: version, kubeVersion: '>=1.30.0-0', type: 'application',
      },
      lock: null,
      templates: templates.map((template) => ({ name: `templates/${template}.yaml`, data: Buffer.from(`# ${template}\n`).toString('base64') })),
      values: chartValues,
      schema: null,
      files: [],
    },
    config: of.config,
    manifest: manifestText(manifests),
    hooks: [...hooks].sort(byKindAndName).map((hook) => hookDocument(hook, of, time)),
    version: of.revision,
    namespace,
  };
}

function hookDocument(hook: Manifest, of: Revision, time: (age: number) => string): unknown {
  const { name, annotations = {}, labels = {} } = hook.object.metadata;
  const weight = Number(annotations['helm.sh/hook-weight']);
  const phase = of.hookPhases?.[labels['app.kubernetes.io/component'] ?? ''] ?? 'Succeeded';
  return {
    name, kind: hook.object['kind'], path: `caracal/templates/${hook.template}.yaml`, manifest: manifestText([hook]).replace(/^---\n# Source: .*\n/, ''),
    events: (annotations['helm.sh/hook'] ?? '').split(','), last_run: lastRun(phase, of.age, time),
    ...(weight === 0 ? {} : { weight }), delete_policies: (annotations['helm.sh/hook-delete-policy'] ?? '').split(','),
  };
}

function lastRun(phase: HookPhase | 'Succeeded', age: number, time: (age: number) => string): Record<string, string> {
  if (phase === '') return { started_at: '', completed_at: '', phase };
  return { started_at: time(age + 8), completed_at: phase === 'Running' ? '' : time(age + 4), phase };
}

/** The order in which Helm keeps hooks: that in which it installs kinds, then by name. */
function byKindAndName(one: Manifest, other: Manifest): number {
  const key = ({ plural, object }: Manifest): string => `${['serviceaccounts', 'secrets', 'jobs'].indexOf(plural)}${object.metadata.name}`;
  return key(one) < key(other) ? -1 : 1;
}
