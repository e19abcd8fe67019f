import { join } from 'node:path';
import { root } from './paths.ts';
import { Service } from './processes.ts';
import { say } from './progress.ts';

/** A first run creates the databases. */
const READY_DEADLINE_MS = 180_000;
/** The lab stops its stores in order. */
const GRACE_MS = 20_000;

export interface LabOptions {
  /** Kind of target that the lab is. Default: `endpoints`. */
  readonly kind?: string | undefined;
  readonly faults?: readonly string[];
}

/** A running lab, with the faults that were asked for. */
export class Lab {
  readonly #service: Service;

  /** Starts the lab; its own progress is passed on. */
  constructor({ kind = 'endpoints', faults = [] }: LabOptions = {}) {
    const args = [join(root, 'test', 'lab', 'main.ts'), 'up', '--kind', kind, ...faults.flatMap((fault) => ['--fault', fault])];
    this.#service = new Service('The lab', process.execPath, args);
    this.#service.onLine((line) => say(`  lab: ${line}`));
  }

  /** Waits until it is ready; returns the path of its target file, which it prints by then. */
  async ready(): Promise<string> {
    const [path] = await this.#service.waitForLine(/^(\/|[A-Za-z]:\\).*$/, READY_DEADLINE_MS);
    return path;
  }

  /** Calls back when the lab has ended. */
  onEnd(listener: () => void): void {
    this.#service.onEnd(listener);
  }

  /** Stops it. */
  async end(): Promise<void> {
    await this.#service.end(GRACE_MS);
  }
}
