/** The deployments that can be picked, and which one a workspace remembers. Knows nothing of the editor. */
import type { LocatedTarget } from '../targets/located.ts';
import type { Engine } from './engineSlot.ts';
import { problemText } from './problem.ts';

/** Fits `vscode.Memento`. */
export interface Memory {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

/** One place that was looked at. */
export type Found =
  | { readonly kind: 'target'; readonly located: LocatedTarget }
  /** The place holds no target, and why: an entry of the picker, never an error box. */
  | { readonly kind: 'nothing'; readonly place: string; readonly why: string; readonly detail?: string };

export interface KnownTargetsOptions {
  readonly engine: Engine;
  /** Of the workspace. */
  readonly memory: Memory;
  /** Paths of target files from the settings. */
  readonly files: () => readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
}

const pickedKey = 'caracal.picked';
const recentKey = 'caracal.recent';
const zoneKey = (target: string): string => `caracal.zone/${target}`;
const recentLength = 5;

export class KnownTargets {
  readonly #options: KnownTargetsOptions;

  constructor(options: KnownTargetsOptions) {
    this.#options = options;
  }

  /** Paths of target files from the settings. */
  files(): readonly string[] {
    return this.#options.files();
  }

  /** Looks at every place at once; yields each as it answers. */
  async *find(): AsyncGenerator<Found> {
    const open = new Map<string, Promise<{ readonly place: string; readonly found: Found }>>();
    const look = (place: string, found: Promise<Found>): void => {
      open.set(place, found.then((answer) => ({ place, found: answer })));
    };
    for (const path of new Set(this.#options.files())) look(path, this.#readFile(path));
    look('local runtime', this.#findLocal());
    while (open.size > 0) {
      const { place, found } = await Promise.race(open.values());
      open.delete(place);
      yield found;
    }
  }

  /**
   * The remembered target or, when nothing was picked here before, the only one that is found.
   * `anyFound` tells a user with nothing picked from a user with nothing to pick.
   */
  async restore(): Promise<{ readonly located: LocatedTarget | undefined; readonly anyFound: boolean }> {
    const picked = this.#options.memory.get(pickedKey);
    const found: LocatedTarget[] = [];
    for await (const answer of this.find()) {
      if (answer.kind === 'target') found.push(answer.located);
    }
    const only = found.length === 1 ? found[0] : undefined;
    const located = typeof picked === 'string' ? found.find(({ id }) => id === picked) : only;
    return { located, anyFound: found.length > 0 };
  }

  /** Ids of targets picked in this workspace, newest first. */
  recent(): readonly string[] {
    const stored = this.#options.memory.get(recentKey);
    return Array.isArray(stored) ? stored.filter((id): id is string => typeof id === 'string') : [];
  }

  async remember(target: LocatedTarget): Promise<void> {
    const { memory } = this.#options;
    await memory.update(pickedKey, target.id);
    await memory.update(recentKey, [target.id, ...this.recent().filter((id) => id !== target.id)].slice(0, recentLength));
  }

  async forget(id: string): Promise<void> {
    const { memory } = this.#options;
    if (memory.get(pickedKey) === id) await memory.update(pickedKey, undefined);
    await memory.update(recentKey, this.recent().filter((other) => other !== id));
    await memory.update(zoneKey(id), undefined);
  }

  zone(target: LocatedTarget): string | undefined {
    const stored = this.#options.memory.get(zoneKey(target.id));
    return typeof stored === 'string' ? stored : undefined;
  }

  async rememberZone(target: LocatedTarget, zone: string | undefined): Promise<void> {
    await this.#options.memory.update(zoneKey(target.id), zone);
  }

  async read(path: string): Promise<LocatedTarget> {
    const { readTargetFile } = await this.#options.engine.load();
    return readTargetFile(path);
  }

  async #readFile(path: string): Promise<Found> {
    try {
      return { kind: 'target', located: await this.read(path) };
    } catch (error) {
      this.#options.log(problemText(error));
      return { kind: 'nothing', place: path, why: 'cannot be read', detail: problemText(error) };
    }
  }

  async #findLocal(): Promise<Found> {
    const { environment, log } = this.#options;
    const { findLocalRuntime } = await this.#options.engine.load();
    const { found, looked } = await findLocalRuntime(environment);
    log(`Looked for a local runtime: ${looked.join('; ')}`);
    return found
      ? { kind: 'target', located: found }
      : { kind: 'nothing', place: 'Local runtime', why: 'not found', detail: looked.join(', ') };
  }
}
