import type { SecretsFacts } from '../../model/kubernetes.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { PodSpec, Secret } from './objects.ts';

type Use = SecretsFacts['uses'][number];

/** Stands for every key of a Secret that does not exist. */
const everyKey = '*';

/** A pod template and whose it is. */
export interface ComponentTemplate {
  readonly component: string;
  readonly spec: PodSpec;
}

/** What templates take out of Secrets; `key` is undefined where it is the whole Secret. */
function usesOf({ component, spec }: ComponentTemplate): readonly (Omit<Use, 'key'> & { readonly key: string | undefined })[] {
  const ofVolume = (secretName: string, { items, optional }: { readonly items: readonly { readonly key: string }[]; readonly optional: boolean }) =>
    (items.length === 0 ? [undefined] : items.map(({ key }) => key)).map((key) => ({ component, secretName, key, optional, how: 'volume' as const }));
  const volumes = spec.volumes.flatMap(({ secret, projected }) => [
    ...(secret ? ofVolume(secret.secretName, secret) : []),
    ...(projected?.sources ?? []).flatMap(({ secret: source }) => (source ? ofVolume(source.name, source) : [])),
  ]);
  const variables = [...spec.containers, ...spec.initContainers].flatMap(({ env, envFrom }) => [
    ...env.flatMap(({ valueFrom }) => (valueFrom?.secretKeyRef ? [{ component, secretName: valueFrom.secretKeyRef.name, key: valueFrom.secretKeyRef.key, optional: valueFrom.secretKeyRef.optional, how: 'env' as const }] : [])),
    ...envFrom.flatMap(({ secretRef }) => (secretRef ? [{ component, secretName: secretRef.name, key: undefined, optional: secretRef.optional, how: 'env' as const }] : [])),
  ]);
  return [...volumes, ...variables];
}

/** Names of the Secrets that templates take something out of. */
export function secretNames(templates: readonly ComponentTemplate[]): readonly string[] {
  return [...new Set(templates.flatMap((template) => usesOf(template)).map(({ secretName }) => secretName).filter((name) => name !== ''))];
}

/** Which key is taken out of which Secret; whole Secrets are left out. */
export function secretKeys(templates: readonly ComponentTemplate[]): readonly { readonly secret: string; readonly key: string }[] {
  return templates.flatMap((template) => usesOf(template)).flatMap(({ secretName, key }) => (key === undefined ? [] : [{ secret: secretName, key }]));
}

/** The Secret that most components take their files from: `secrets.runtimeSecretName` of the chart. */
export function runtimeSecretName(templates: readonly ComponentTemplate[]): string | undefined {
  const uses = templates.flatMap((template) => usesOf(template)).filter(({ key }) => key !== undefined);
  return uses.find(({ key }) => key === 'redisUrl')?.secretName ?? uses.find(({ key }) => key?.endsWith('DatabaseUrl'))?.secretName;
}

export function secretsFacts(secrets: ReadonlyMap<string, Secret | null>, templates: readonly ComponentTemplate[], runtime: string | undefined): SecretsFacts {
  const uses = templates.flatMap((template) => usesOf(template)).flatMap((use): readonly Use[] => {
    if (use.key !== undefined) return [{ ...use, key: use.key }];
    const keys = Object.keys(secrets.get(use.secretName)?.data ?? {});
    return (keys.length === 0 ? [everyKey] : keys).map((key) => ({ ...use, key }));
  });
  return {
    secrets: [...secrets].map(([name, secret]) => ({ name, secret: secret && secretFacts(secret) })),
    uses: distinct(uses),
    addresses: runtime === undefined ? [] : addressesOf(secrets.get(runtime) ?? null),
  };
}

function secretFacts({ metadata, data }: Secret): NonNullable<SecretsFacts['secrets'][number]['secret']> {
  return {
    name: metadata.name,
    keys: Object.keys(data).toSorted(),
    createdAt: metadata.creationTimestamp,
    changes: metadata.managedFields
      .map(({ manager, operation, time, fieldsV1 }) => ({ manager, operation, at: time, keys: ownedKeys(fieldsV1?.['f:data']) }))
      .toSorted((one, other) => Date.parse(one.at ?? '') - Date.parse(other.at ?? '')),
  };
}

/** Names in the form of managedFields: `f:redisUrl`. */
function ownedKeys(fields: unknown): string[] {
  if (typeof fields !== 'object' || fields === null) return [];
  return Object.keys(fields).filter((name) => name.startsWith('f:')).map((name) => name.slice(2)).toSorted();
}

function distinct(uses: readonly Use[]): Use[] {
  return [...new Map(uses.map((use) => [`${use.component}/${use.secretName}/${use.key}/${use.how}`, use])).values()];
}

/** Where connection strings lead: neither user nor password. */
function addressesOf(secret: Secret | null): SecretsFacts['addresses'] {
  return Object.entries(secret?.data ?? {}).flatMap(([key, value]) => {
    const scheme = /^(?:\w+D|d)atabaseUrl$/.test(key) ? '5432' : key === 'redisUrl' ? '6379' : undefined;
    if (scheme === undefined) return [];
    const text = plain(value);
    // An unencoded sign in the password would make a part of it the host.
    if (!URL.canParse(text) || (text.match(/@/g)?.length ?? 0) > 1) return [];
    const { hostname, port, pathname } = new URL(text);
    return hostname === '' || pathname.includes('@') ? [] : [{ key, host: hostname, port: port || scheme }];
  });
}

/** The text of a value, without the newline that an editor leaves at its end. */
export function plain(value: string): string {
  return Buffer.from(value, 'base64').toString('utf8').replace(/[\r\n]+$/, '');
}

/** Teaches all values of a Secret to the redactor. */
export function learnSecret(secret: Secret, redactor: Redactor): void {
  for (const [key, value] of Object.entries(secret.data)) redactor.learn(plain(value), key);
}
