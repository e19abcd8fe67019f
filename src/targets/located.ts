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
}
