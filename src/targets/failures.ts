/** The asked side answered with a refusal, or the way to it did: an errno, an SQLSTATE, a Redis error word. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'Refused';
    this.code = code;
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
}
