/** Where the engine stands once something needed it. Until then nothing of it is loaded. */
import { createRedactor } from '../redaction/redactor.ts';
import type { Redactor } from '../redaction/redactor.ts';

export type EngineModule = typeof import('../flow/engine.ts');

/** The way to everything that reaches a deployment. */
export interface Engine {
  /** Masks every value that this extension host has resolved, whatever target it was for. */
  readonly redactor: Redactor;
  /** The engine, loaded at the first call. */
  load(): Promise<EngineModule>;
}

export class EngineSlot implements Engine {
  readonly redactor = createRedactor();
  readonly #import: () => Promise<EngineModule>;
  #loaded: Promise<EngineModule> | undefined;

  constructor(load: () => Promise<EngineModule>) {
    this.#import = load;
  }

  load(): Promise<EngineModule> {
    this.#loaded ??= this.#import();
    return this.#loaded;
  }
}
