/**
 * The package is several files, and each carries a copy of this module, so that an error of one file
 * is no instance of the class in another. Both classes are therefore recognised by name.
 */
function named(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

/** The asked side answered with a refusal, or the way to it did: an errno, an SQLSTATE, a Redis error word. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'Refused';
    this.code = code;
  }

  static override [Symbol.hasInstance](error: unknown): boolean {
    return named(error, 'Refused');
  }
}

/** The question cannot be asked with what the target gives, and `wayOut` says what would change that. */
export class Unavailable extends Error {
  readonly wayOut: string;

  constructor(why: string, wayOut: string) {
    super(why);
    this.name = 'Unavailable';
    this.wayOut = wayOut;
  }

  static override [Symbol.hasInstance](error: unknown): boolean {
    return named(error, 'Unavailable');
  }
}
