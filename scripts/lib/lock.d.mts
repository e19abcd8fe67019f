/**
 * Holds a lock file while `work` runs, so that two commands started at once on a fresh checkout do
 * not install into the same folder. The lock of a process that is gone is taken over.
 */
export function withLock<T>(file: string, onWait: (holder: number) => void, work: () => T | Promise<T>): Promise<T>;
