/** The deployments that can be picked, and which one a workspace remembers. Knows nothing of the editor. */
import type { Found } from '../targets/find.ts';
import type { LocatedTarget } from '../targets/located.ts';
import type { Engine } from './engineSlot.ts';
import { problemText } from './problem.ts';
import type { Memory } from './memory.ts';
import { tracedKey } from './trace/tracedRequests.ts';

/** A target that was picked here. One that was found by itself is kept whole: it names places and holds no secret. */
export interface Remembered {
  readonly id: string;
  readonly located?: LocatedTarget;
}

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

  /** Looks at every place at once; yields each answer as it comes, and nothing more once the signal is aborted. */
  async *find(signal: AbortSignal): AsyncGenerator<Found> {
    const { environment, engine, log } = this.#options;
    const { asTheyCome, lookEverywhere } = await engine.load();
    const files = [...new Set(this.files())].map(async (path) => [await this.#readFile(path)]);
    for await (const found of asTheyCome([...files, ...lookEverywhere(environment, signal)], signal)) {
      if (found.kind === 'nothing') log(`${found.place}: ${found.why}${found.detail === undefined ? '' : `; ${found.detail}`}`);
      yield found;
    }
  }

  /**
   * The remembered target or, when nothing was picked here before, the only one that is found. One that
   * was found in an engine or a cluster is taken as it was: it may be away just when it is looked into.
   * `anyFound` tells a user with nothing picked from a user with nothing to pick.
   */
  async restore(): Promise<{ readonly located: LocatedTarget | undefined; readonly anyFound: boolean }> {
    const picked = this.#options.memory.get(pickedKey);
    const remembered = this.recent().find(({ id }) => id === picked)?.located;
    if (remembered) return { located: remembered, anyFound: true };
    const found: LocatedTarget[] = [];
    for await (const answer of this.find(new AbortController().signal)) {
      if (answer.kind !== 'target') continue;
      if (answer.located.id === picked) return { located: answer.located, anyFound: true };
      found.push(answer.located);
    }
    const [only] = found;
    return { located: picked === undefined && found.length === 1 ? only : undefined, anyFound: found.length > 0 };
  }

  /** Targets picked in this workspace, newest first. */
  recent(): readonly Remembered[] {
    const stored = this.#options.memory.get(recentKey);
    return Array.isArray(stored) ? (stored as readonly Remembered[]) : [];
  }

  async remember(target: LocatedTarget): Promise<void> {
    const { memory } = this.#options;
    const { id } = target;
    const entry: Remembered = id.startsWith('compose:') || id.startsWith('kubernetes:') ? { id, located: target } : { id };
    await memory.update(pickedKey, id);
    await memory.update(recentKey, [entry, ...this.recent().filter((other) => other.id !== id)].slice(0, recentLength));
  }

  async forget(id: string): Promise<void> {
    const { memory } = this.#options;
    if (memory.get(pickedKey) === id) await memory.update(pickedKey, undefined);
    await memory.update(recentKey, this.recent().filter((other) => other.id !== id));
    await memory.update(zoneKey(id), undefined);
    await memory.update(tracedKey(id), undefined);
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
      return { kind: 'nothing', place: path, why: 'cannot be read', detail: problemText(error) };
    }
  }
}
