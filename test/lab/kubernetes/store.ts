import { randomUUID } from 'node:crypto';
import type { Draft, Kinds, KubernetesObject, Plural } from './objects.ts';
import { ago, timestamp } from './objects.ts';
import { groupVersion, resourceOf } from './resources.ts';

/** One change of one object. */
export interface Change {
  readonly version: number;
  readonly plural: Plural;
  readonly before?: KubernetesObject;
  readonly after?: KubernetesObject;
}

/** A version that the store no longer has the changes since. */
export class TooOld extends Error {}

/**
 * The objects of the cluster, with one resource version for all of them as in etcd. Objects that were
 * given out never change: a change makes a new one.
 */
export class Store {
  #version = 1000;
  #compacted = 1000;
  readonly #objects = new Map<Plural, Map<string, KubernetesObject>>();
  readonly #history: Change[] = [];
  readonly #listeners = new Set<(change: Change) => void>();

  get version(): number {
    return this.#version;
  }

  /** Oldest version that a watch may start from. */
  get compacted(): number {
    return this.#compacted;
  }

  /** Sorted by namespace and name, as etcd lists. */
  list<Name extends Plural>(plural: Name, namespace?: string): Kinds[Name][] {
    const found = [...(this.#objects.get(plural) ?? [])].filter(([key]) => namespace === undefined || key.startsWith(`${namespace}/`));
    return found.sort(([one], [other]) => (one < other ? -1 : 1)).map(([, object]) => object as Kinds[Name]);
  }

  find<Name extends Plural>(plural: Name, namespace: string, name: string): Kinds[Name] | undefined {
    return this.#objects.get(plural)?.get(`${namespace}/${name}`) as Kinds[Name] | undefined;
  }

  /** @throws Error when it is not there */
  get<Name extends Plural>(plural: Name, namespace: string, name: string): Kinds[Name] {
    const found = this.find(plural, namespace, name);
    if (found === undefined) throw new Error(`the cluster has no ${plural} ${name} in ${namespace}`);
    return found;
  }

  /**
   * @param age seconds since it was created, unless its metadata say when
   * @throws Error when it exists
   */
  create<Name extends Plural>(plural: Name, draft: Draft<Kinds[Name]>, age = 0): Kinds[Name] {
    const { kind, group, version } = resourceOf(plural);
    const { metadata, ...rest } = draft;
    const key = `${metadata.namespace ?? ''}/${metadata.name}`;
    if (this.#objects.get(plural)?.has(key) === true) throw new Error(`${plural} ${key} exists already`);
    return this.#put(plural, key, {
      ...structuredClone(rest),
      apiVersion: groupVersion({ group, version }),
      kind,
      metadata: { uid: randomUUID(), creationTimestamp: timestamp(ago(age)), resourceVersion: '', ...structuredClone(metadata) },
    }) as Kinds[Name];
  }

  /**
   * Changes a copy of the object and puts it in the object's place. Like the API server, raises the
   * generation when the spec is another one.
   */
  change<Name extends Plural>(plural: Name, namespace: string, name: string, how: (object: Kinds[Name]) => void): Kinds[Name] {
    const before = this.get(plural, namespace, name);
    const copy = structuredClone(before);
    how(copy);
    const spec = (object: KubernetesObject): string => JSON.stringify('spec' in object ? object.spec : undefined);
    if (copy.metadata.generation !== undefined && spec(before) !== spec(copy)) copy.metadata.generation += 1;
    return this.#put(plural, `${namespace}/${name}`, copy) as Kinds[Name];
  }

  delete(plural: Plural, namespace: string, name: string): void {
    const key = `${namespace}/${name}`;
    const before = this.get(plural, namespace, name);
    this.#objects.get(plural)?.delete(key);
    this.#version += 1;
    this.#record({ version: this.#version, plural, before });
  }

  /**
   * Changes after a version, oldest first.
   *
   * @throws TooOld
   */
  changesSince(version: number): readonly Change[] {
    if (version < this.#compacted) throw new TooOld(`too old resource version: ${version} (${this.#compacted})`);
    return this.#history.filter((change) => change.version > version);
  }

  /** Forgets all changes up to now, as etcd does every five minutes: older watches cannot go on. */
  compact(): void {
    this.#version += 1;
    this.#compacted = this.#version;
    this.#history.length = 0;
  }

  /** @returns ends the subscription */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #put(plural: Plural, key: string, object: KubernetesObject): KubernetesObject {
    const kept = this.#objects.get(plural) ?? new Map<string, KubernetesObject>();
    this.#objects.set(plural, kept);
    const before = kept.get(key);
    this.#version += 1;
    object.metadata.resourceVersion = String(this.#version);
    kept.set(key, object);
    this.#record({ version: this.#version, plural, after: object, ...(before === undefined ? {} : { before }) });
    return object;
  }

  #record(change: Change): void {
    this.#history.push(change);
    for (const listener of [...this.#listeners]) listener(change);
  }
}
