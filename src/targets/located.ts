import type { Target } from '../model/target.ts';

/** A target and where it was found, which is what relative paths in it start from. */
export interface LocatedTarget {
  /** Stable across runs: the path of the target file, or `local` for the local runtime. */
  readonly id: string;
  readonly target: Target;
  /** Folder that relative credential files start at. */
  readonly folder: string;
  /** How it was found, in words: `target file`, `local runtime`. */
  readonly origin: string;
  /**
   * Host names of its connection strings that mean something only between the containers, and the
   * host where their ports are published.
   */
  readonly publishedHosts?: Readonly<Record<string, string>>;
}
